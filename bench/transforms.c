/* What derivatives cost beside a forward pass: nodes recorded, and milliseconds to record and evaluate, for the network
   of w3 (784-512-256-10, relu, batch 64, cross-entropy). Prints a table.   usage: wengert-transforms [SECONDS
   [THREADS]] */
#include <stdlib.h>
#include <time.h>
#include <wengert/wengert.h>

enum { LAYERS = 3, BATCH = 64, MOST = 1 << 16 };

static const int64_t size[LAYERS + 1] = {784, 512, 256, 10};

typedef struct network {
    wg_tensor x, weights[2 * LAYERS], v[2 * LAYERS];
    wg_list all, along;
} network;

/* Records the loss and what it is of. */
static wg_tensor loss_of(const network *n, wg_tensor *logits)
{
    wg_tensor h = n->x;
    for (int i = 0; i < LAYERS; i++) {
        h = wg_linear_apply(&(wg_linear){n->weights[2 * i], n->weights[2 * i + 1]}, h);
        if (i + 1 < LAYERS) h = wg_relu(h);
    }
    *logits = h;
    int32_t classes[BATCH];
    for (int i = 0; i < BATCH; i++) classes[i] = i % 10;
    return wg_cross_entropy(h, wg_from_i32(h.context, WG_SHAPE(BATCH), classes), NULL);
}

static bool forward(const network *n)
{
    wg_tensor logits, loss = loss_of(n, &logits);
    return wg_eval(WG_LIST(loss));
}

static bool gradient(const network *n)
{
    wg_tensor logits, loss = loss_of(n, &logits), out[2 * LAYERS];
    return wg_grads(loss, n->all, out) && wg_eval((wg_list){2 * LAYERS, out});
}

static bool jvp(const network *n)
{
    wg_tensor logits, loss = loss_of(n, &logits);
    return wg_eval(WG_LIST(loss, wg_jvps(logits, n->all, n->along)));
}

static bool hvp(const network *n)
{
    wg_tensor logits, loss = loss_of(n, &logits), out[2 * LAYERS];
    return wg_hvps(loss, n->all, n->along, out) && wg_eval((wg_list){2 * LAYERS, out});
}

/* The Jacobian of the first example's logits by the last layer's weights: ten sweeps. */
static bool jacobian(const network *n)
{
    wg_tensor logits, loss = loss_of(n, &logits), first = wg_select(logits, 0, 0);
    return wg_eval(WG_LIST(loss, wg_jacobian(first, n->weights[2 * LAYERS - 2])));
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool measure(wg_context *ctx, const network *n, const char *name, bool (*step)(const network *), double seconds)
{
    static double took[MOST];
    size_t count = 0;
    bool fine = step(n); /* makes the plan */
    uint64_t nodes = wg_context_stats(ctx).nodes;
    wg_clear(ctx);
    for (double end = now() + seconds; fine && count < MOST && (now() < end || count < 5); count++) {
        double began = now();
        fine = step(n);
        wg_clear(ctx);
        took[count] = now() - began;
    }
    qsort(took, count, sizeof *took, compare);
    if (fine)
        printf("%-9s %6llu nodes %9.3f ms (least %.3f)\n", name, (unsigned long long)nodes, took[count / 2] * 1e3,
               took[0] * 1e3);
    return fine;
}

int main(int count, char **arguments)
{
    double seconds = count > 1 ? atof(arguments[1]) : 1;
    wg_context *ctx = wg_context_new(&(wg_context_options){.seed = 1, .threads = count > 2 ? atoi(arguments[2]) : 1});
    network n = {.x = wg_variable(ctx, "x", wg_normal(ctx, WG_SHAPE(BATCH, size[0])))};
    for (int i = 0; i < LAYERS; i++) {
        char name[16];
        snprintf(name, sizeof name, "layer%d", i);
        wg_linear layer = wg_linear_new(ctx, name, size[i], size[i + 1], NULL);
        n.weights[2 * i] = layer.weight;
        n.weights[2 * i + 1] = layer.bias;
    }
    for (int i = 0; i < 2 * LAYERS; i++) {
        char name[16];
        snprintf(name, sizeof name, "v%d", i);
        n.v[i] = wg_variable(ctx, name, wg_normal_like(n.weights[i]));
    }
    n.all = (wg_list){2 * LAYERS, n.weights};
    n.along = (wg_list){2 * LAYERS, n.v};
    wg_clear(ctx);
    bool fine = measure(ctx, &n, "forward", forward, seconds) && measure(ctx, &n, "gradient", gradient, seconds) &&
                measure(ctx, &n, "jvp", jvp, seconds) && measure(ctx, &n, "hvp", hvp, seconds) &&
                measure(ctx, &n, "jacobian", jacobian, seconds);
    return wg_context_close(ctx, stderr) || !fine;
}
