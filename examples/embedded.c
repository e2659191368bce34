/* Shows: inference in a larger program: own allocator, errors handled per request, one context per thread over the
   same read-only weights, no allocation after warm-up; a graph's nodes read out. */
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <threads.h>
#include <wengert/wengert.h>

enum { WORKERS = 4, REQUESTS = 1000, WARM_UP = 100, INPUTS = 784, CLASSES = 10 };
typedef struct {
    wg_linear hidden, output;
} classifier;
typedef struct {
    const wg_weights *weights;
    int answered, refused, quiet;
} worker;
static atomic_size_t held;                     /* bytes, all contexts together */
static void *allocate(void *user, size_t size) /* 64-byte aligned; sizes are multiples of 64 */
{
    atomic_fetch_add((atomic_size_t *)user, size);
    return aligned_alloc(64, size);
}
static void release(void *user, void *block, size_t size)
{
    atomic_fetch_sub((atomic_size_t *)user, size);
    free(block);
}

static classifier classifier_new(wg_context *ctx) /* names as in training: found in the context's weights */
{
    return (classifier){.hidden = wg_linear_new(ctx, "hidden", INPUTS, 256, NULL),
                        .output = wg_linear_new(ctx, "output", 256, CLASSES, NULL)};
}

/* pixels: [count, INPUTS], borrowed; the result is valid until the context is cleared; NULL: see wg_error */
static const float *classify(wg_context *ctx, const classifier *m, const float *pixels, int64_t count)
{
    wg_tensor x = wg_borrow_f32(ctx, WG_SHAPE(count, INPUTS), pixels);
    return wg_values_f32(wg_softmax(wg_linear_apply(&m->output, wg_relu(wg_linear_apply(&m->hidden, x))), -1));
}

static int serve(void *user)
{
    worker *w = user;
    wg_context *ctx = wg_context_new(&(wg_context_options){.threads = 1,
                                                           .mode = WG_EVAL,
                                                           .weights = w->weights,
                                                           .check_finite = true,
                                                           .allocator = {allocate, release, &held}});
    classifier m = classifier_new(ctx);
    float pixels[2 * INPUTS] = {0};
    uint64_t warm = 0;
    for (int i = 0; i < REQUESTS; i++) {
        pixels[0] = i % 50 == 49 ? NAN : 0.5f; /* one request in fifty is broken */
        const float *probabilities = classify(ctx, &m, pixels, 1 + i % 2);
        probabilities ? w->answered++ : w->refused++;
        if (wg_error_status(ctx) == WG_NOT_FINITE) wg_recover(ctx); /* this request only; the context goes on */
        wg_clear(ctx);
        if (i == WARM_UP) warm = wg_context_stats(ctx).allocations; /* both batch sizes and an error seen */
    }
    w->quiet = wg_context_stats(ctx).allocations == warm; /* no allocation after warm-up */
    return wg_context_close(ctx, stderr);                 /* prints any other error */
}

static void print_nodes(const wg_graph *graph)
{
    for (size_t i = 0; i < wg_graph_size(graph); i++) {
        wg_node n = wg_graph_node(graph, i);
        printf("%3zu  %-10s %-16s %9.0f FLOP  (%s:%d)  from", i, n.op, n.path, n.flops, n.file, n.line);
        for (size_t k = 0; k < n.input_count; k++) printf(" %zu", n.inputs[k]);
        putchar('\n');
    }
}

int main(void)
{
    char message[256];
    wg_weights *weights = wg_weights_open("classifier.safetensors", message, sizeof message);
    if (!weights) return fputs(message, stderr), EXIT_FAILURE;
    worker w[WORKERS] = {{.weights = weights}, {.weights = weights}, {.weights = weights}, {.weights = weights}};
    thrd_t threads[WORKERS];
    int started = 0;
    while (started < WORKERS && thrd_create(&threads[started], serve, &w[started]) == thrd_success) started++;
    for (int i = 0; i < started; i++) {
        thrd_join(threads[i], NULL);
        printf("%d: %d answered, %d refused, quiet: %d\n", i, w[i].answered, w[i].refused, w[i].quiet);
    }
    printf("bytes still held: %zu\n", (size_t)held);
    wg_context *ctx = wg_context_new(&(wg_context_options){.mode = WG_EVAL, .weights = weights});
    classifier m = classifier_new(ctx);
    print_nodes(wg_graph_new(WG_LIST(wg_linear_apply(&m.hidden, wg_zeros(ctx, WG_SHAPE(32, INPUTS))))));
    wg_weights_close(weights); /* contexts hold it, too: the last one frees it */
    return wg_context_close(ctx, stderr);
}
