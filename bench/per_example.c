/* The norm of the loss's gradient for each example of a batch of 64, through the network of w3: by a loop over
   examples, by a scan, and by weights that are expanded to one for each example. */
#include "bench.h"

enum { EXAMPLES = 64, LAYERS = 3 };
static const int size[LAYERS + 1] = {784, 512, 256, 10};

static void open_network(bench *b, double learning_rate)
{
    (void)learning_rate;
    for (int i = 0; i < LAYERS; i++) {
        char name[16];
        snprintf(name, sizeof name, "weight%d", i);
        b->x[i] = wg_parameter(b->ctx, name, WG_SHAPE(size[i], size[i + 1]), wg_init_normal(0.05));
    }
    b->data[0] = bench_memory((size_t)EXAMPLES * (size_t)size[0], sizeof(float));
    b->index[0] = bench_memory(EXAMPLES, sizeof(int32_t));
}

static void fresh(bench *b)
{
    bench_normal(b, b->data[0], (size_t)EXAMPLES * (size_t)size[0]);
    bench_index(b, b->index[0], EXAMPLES, size[LAYERS]);
}

/* x [..., rows, 784] and weights [..., inputs, outputs]; the sum of all rows' losses. */
static wg_tensor loss_of(const wg_tensor *weight, wg_tensor x, wg_tensor target)
{
    for (int i = 0; i < LAYERS; i++) {
        x = wg_matmul(x, weight[i]);
        if (i + 1 < LAYERS) x = wg_relu(x);
    }
    wg_tensor chosen = wg_where(wg_one_hot(target, size[LAYERS]), wg_log_softmax(x, -1), wg_zeros_like(x));
    return wg_neg(wg_sum(chosen, WG_ALL));
}

/* The squared norm of all gradients together, over these axes. */
static wg_tensor squares(const wg_tensor *gradient, wg_axes axes)
{
    wg_tensor sum = wg_sum(wg_square(gradient[0]), axes);
    for (int i = 1; i < LAYERS; i++) sum = wg_add(sum, wg_sum(wg_square(gradient[i]), axes));
    return sum;
}

static wg_tensor inputs_of(bench *b)
{
    return wg_borrow_f32(b->ctx, WG_SHAPE(EXAMPLES, size[0]), b->data[0]);
}

static wg_tensor targets_of(bench *b)
{
    return wg_borrow_i32(b->ctx, WG_SHAPE(EXAMPLES), b->index[0]);
}

static void one_example(const void *user, const wg_scan_step *at)
{
    wg_tensor x = wg_unsqueeze(at->inputs[0], 0), target = wg_unsqueeze(at->inputs[1], 0), gradient[LAYERS];
    wg_grads(loss_of(user, x, target), (wg_list){LAYERS, user}, gradient);
    at->outputs[0] = wg_sqrt(squares(gradient, WG_ALL));
}

static void nothing(bench *b)
{
    (void)b;
}

/* Each for itself, as a program without any of the other forms would. */
static double one_by_one(bench *b)
{
    double sum = 0;
    for (int i = 0; i < EXAMPLES; i++) {
        uint64_t mark = wg_mark(b->ctx);
        wg_tensor inputs[2] = {wg_borrow_f32(b->ctx, WG_SHAPE(size[0]), b->data[0] + i * size[0]),
                               wg_borrow_i32(b->ctx, WG_SCALAR, b->index[0] + i)};
        wg_tensor norm;
        one_example(b->x, &(wg_scan_step){.inputs = inputs, .outputs = &norm});
        sum += wg_item(norm);
        wg_rewind(b->ctx, mark);
    }
    return sum;
}

static void by_one_graph(bench *b)
{
    wg_tensor x = inputs_of(b), target = targets_of(b), each[EXAMPLES];
    for (int i = 0; i < EXAMPLES; i++) {
        wg_tensor inputs[2] = {wg_select(x, 0, i), wg_select(target, 0, i)};
        one_example(b->x, &(wg_scan_step){.inputs = inputs, .outputs = &each[i]});
    }
    b->output = wg_stack((wg_list){EXAMPLES, each}, 0);
}

static void by_scan(bench *b)
{
    wg_tensor x = inputs_of(b), target = targets_of(b);
    wg_scan((wg_scan_body){one_example, b->x, 1}, (wg_list){0, NULL}, WG_LIST(x, target), NULL, NULL, &b->output);
}

static void by_expansion(bench *b)
{
    wg_tensor wide[LAYERS], gradient[LAYERS];
    for (int i = 0; i < LAYERS; i++) wide[i] = wg_expand(b->x[i], WG_SHAPE(EXAMPLES, size[i], size[i + 1]));
    wg_tensor x = wg_unsqueeze(inputs_of(b), 1), target = wg_unsqueeze(targets_of(b), 1);
    wg_grads(loss_of(wide, x, target), (wg_list){LAYERS, wide}, gradient);
    b->output = wg_sqrt(squares(gradient, WG_AXES(1, 2)));
}

#define WORKLOAD(variable, name_, how, forward_, evaluate_)                                          \
    const workload variable = {.name = name_,                                                        \
                               .summary = "gradient norms of 64 examples, MLP 784-512-256-10: " how, \
                               .open = open_network,                                                 \
                               .fresh = fresh,                                                       \
                               .forward = forward_,                                                  \
                               .evaluate = evaluate_};

WORKLOAD(per_example_loop, "per_example_loop", "one after the other", nothing, one_by_one)
WORKLOAD(per_example_graph, "per_example_graph", "all in one graph", by_one_graph, bench_values)
WORKLOAD(per_example_scan, "per_example_scan", "a scan", by_scan, bench_values)
WORKLOAD(per_example_wide, "per_example_wide", "expanded weights", by_expansion, bench_values)
