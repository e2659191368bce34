/* The tape: recording, marks and rewinding, handles that go stale, and its size. */
#include "tests/scratch.h"

#include "graph/graph.h"

/* ---- size ---- */

static uint64_t recorded(wg_context *ctx)
{
    return wg_context_stats(ctx).recorded;
}

static uint64_t computed(wg_context *ctx)
{
    return wg_context_stats(ctx).computed;
}

/* Nodes are counted, not seconds: recording, differentiating and computing a chain is linear in its length. */
Test(tape, chain_of_a_million_nodes)
{
    enum { LENGTH = 1000000 };
    wg_context *ctx = scratch_context();
    wg_tensor w = wg_parameter(ctx, "w", WG_SCALAR, wg_init_constant(3));
    for (int pass = 0; pass < 2; pass++) {
        uint64_t before = recorded(ctx), calls = wg_context_stats(ctx).allocations;
        wg_tensor y = w;
        for (int i = 0; i < LENGTH; i++) y = wg_neg(y);
        cr_assert_eq(recorded(ctx) - before, LENGTH + 1, "%s", wg_error(ctx));
        before = recorded(ctx);
        wg_tensor g = wg_grad(y, w);
        cr_assert(recorded(ctx) - before <= LENGTH + 1);
        before = computed(ctx);
        cr_assert(wg_eval(WG_LIST(y, g)), "%s", wg_error(ctx));
        cr_expect_eq(computed(ctx) - before, 2 * LENGTH + 1);
        cr_expect_eq(wg_item(y), 3);
        cr_expect_eq(wg_item(g), 1);
        cr_expect_eq(computed(ctx) - before, 2 * LENGTH + 1);
        wg_clear(ctx);
        cr_expect_eq(wg_context_stats(ctx).nodes, 0);
        if (pass) cr_expect_eq(wg_context_stats(ctx).allocations, calls, "the second pass allocates");
    }
    scratch_close(ctx);
}

Test(tape, chain_differentiated_twice)
{
    enum { LENGTH = 20000 };
    wg_context *ctx = scratch_context_with((wg_context_options){.type = WG_F64});
    wg_tensor w = wg_parameter(ctx, "w", WG_SCALAR, wg_init_constant(0.5));
    uint64_t count[2];
    double second[2];
    for (int half = 0; half < 2; half++) {
        uint64_t before = recorded(ctx);
        wg_tensor y = w;
        for (int i = 0; i < LENGTH >> half; i++) y = wg_sin(y);
        wg_tensor h = wg_grad(wg_grad(y, w), w);
        count[half] = recorded(ctx) - before;
        second[half] = wg_item(h);
        cr_expect(isfinite(second[half]), "%s", wg_error(ctx));
        wg_clear(ctx);
    }
    cr_expect(count[0] < 2 * count[1] + 20, "%llu nodes, half the chain has %llu", (unsigned long long)count[0],
              (unsigned long long)count[1]);
    cr_expect(second[0] < 0 && second[1] < 0, "sines of positive numbers are concave");
    scratch_close(ctx);
}

Test(tape, nodes_are_small)
{
    enum { COUNT = 100 * NODE_CHUNK };
    cr_expect_eq(sizeof(node), 64);
    wg_context *ctx = scratch_context();
    wg_tensor x = wg_scalar(ctx, 1);
    size_t before = wg_context_stats(ctx).bytes;
    for (int i = 0; i < COUNT; i++) wg_add(x, x);
    double each = (double)(wg_context_stats(ctx).bytes - before) / COUNT;
    cr_expect(each < 82, "%g bytes for each node", each);
    scratch_close(ctx);
}

/* Scopes, shapes, lines and attributes do not pile up on the tape. */
Test(tape, equal_names_are_kept_once)
{
    wg_context *ctx = scratch_context();
    wg_tensor x = wg_zeros(ctx, WG_SHAPE(3, 4));
    size_t bytes = 0;
    for (int i = 0; i < 4000; i++) {
        wg_scope_begin(ctx, "layer");
        wg_neg(x);
        wg_scope_end(ctx);
        if (i == 100) bytes = wg_context_stats(ctx).bytes;
    }
    cr_expect_eq(wg_context_stats(ctx).bytes, bytes);
    scratch_close(ctx);
}

Test(tape, every_rank)
{
    wg_context *ctx = scratch_context();
    for (int rank = 0; rank <= WG_MAX_RANK; rank++) {
        wg_shape shape = {.rank = rank};
        wg_axes reversed = {.count = (int8_t)rank};
        for (int i = 0; i < rank; i++) {
            shape.dim[i] = i % 2 + 1;
            reversed.axis[i] = (int8_t)(rank - 1 - i);
        }
        int64_t size = wg_shape_size(shape);
        cr_expect_eq(size, (int64_t)1 << rank / 2);
        wg_tensor x = wg_full(ctx, shape, 1.5), y = wg_permute(x, reversed);
        cr_expect(wg_shape_equal(wg_shape_of(x), shape));
        cr_expect_eq(wg_size(y), size);
        for (int i = 0; i < rank; i++) cr_expect_eq(wg_dim(y, i), wg_dim(x, -1 - i));
        wg_tensor total = wg_sum(wg_mul(wg_permute(y, reversed), x), WG_ALL);
        cr_expect_eq(wg_item(total), 2.25 * (double)size, "rank %d: %s", rank, wg_error(ctx));
        cr_expect_eq(wg_shape_of(wg_sum(x, (wg_axes){.count = -1, .keep = true})).rank, rank);
        cr_expect_eq(wg_item(wg_sum(wg_grad(total, x), WG_ALL)), 3 * (double)size);
    }
    scratch_close(ctx);
}

Test(tape, concat_of_three_hundred)
{
    enum { COUNT = 300 };
    wg_context *ctx = scratch_context();
    wg_tensor parts[COUNT], gradients[COUNT];
    for (int i = 0; i < COUNT; i++) parts[i] = wg_full(ctx, WG_SHAPE(2, i % 3), i);
    wg_tensor whole = wg_concat((wg_list){COUNT, parts}, 1);
    cr_assert_eq(wg_dim(whole, 1), COUNT, "%s", wg_error(ctx));
    wg_tensor loss = wg_sum(wg_square(whole), WG_ALL);
    cr_assert(wg_grads(loss, (wg_list){COUNT, parts}, gradients), "%s", wg_error(ctx));
    cr_assert(wg_eval((wg_list){COUNT, gradients}), "%s", wg_error(ctx));
    double expected = 0, values[4];
    for (int i = 0; i < COUNT; i++) {
        size_t count = (size_t)wg_size(parts[i]);
        expected += (double)count * i * i;
        cr_assert(wg_read_f64(gradients[i], values, count));
        for (size_t k = 0; k < count; k++) cr_expect_eq(values[k], 2 * i);
    }
    cr_expect_eq(wg_item(loss), expected);
    cr_expect_eq(wg_input(whole, COUNT - 1).id, parts[COUNT - 1].id);
    wg_clear(ctx);
    scratch_close(ctx);
}

/* ---- marks ---- */

Test(marks, older_handles_stay_newer_ones_go)
{
    wg_context *ctx = scratch_context();
    wg_tensor old = wg_full(ctx, WG_SHAPE(3), 2), sum = wg_sum(old, WG_ALL);
    uint64_t mark = wg_mark(ctx), nodes = wg_context_stats(ctx).nodes;
    wg_tensor newer = wg_mul(old, old);
    cr_expect_eq(wg_item(wg_sum(newer, WG_ALL)), 12);
    wg_rewind(ctx, mark);
    cr_expect_eq(wg_context_stats(ctx).nodes, nodes);
    cr_expect_eq(wg_item(sum), 6);
    wg_tensor again = wg_neg(old); /* has the number that `newer` had */
    cr_expect_eq(again.id, newer.id);
    cr_expect_neq(again.epoch, newer.epoch);
    cr_expect_eq(wg_size(newer), 0);
    cr_expect_eq(wg_item(wg_sum(again, WG_ALL)), -6);
    wg_neg(newer);
    scratch_expect_error(ctx, WG_BAD_HANDLE, "neg: an operand is stale", "a handle from behind the mark");
    scratch_close(ctx);
}

Test(marks, many_inputs_and_attributes_go_too)
{
    wg_context *ctx = scratch_context();
    wg_tensor x = wg_full(ctx, WG_SHAPE(2, 2), 1);
    wg_tensor kept = wg_concat(WG_LIST(x, x, x, x, x), 1);
    size_t bytes = 0;
    for (int i = 0; i < 300; i++) {
        uint64_t mark = wg_mark(ctx);
        wg_tensor y = wg_permute(wg_concat(WG_LIST(x, kept, kept, x, x, x), 1), WG_AXES(1, 0));
        cr_expect_eq(wg_item(wg_sum(y, WG_ALL)), 56);
        wg_rewind(ctx, mark);
        if (i == 2) bytes = wg_context_stats(ctx).bytes;
    }
    cr_expect_eq(wg_context_stats(ctx).bytes, bytes);
    cr_expect_eq(wg_item(wg_sum(kept, WG_ALL)), 20);
    scratch_close(ctx);
}

Test(marks, nest)
{
    wg_context *ctx = scratch_context();
    wg_tensor a = wg_scalar(ctx, 1);
    uint64_t outer = wg_mark(ctx);
    wg_tensor b = wg_add_scalar(a, 1);
    uint64_t inner = wg_mark(ctx);
    wg_tensor c = wg_add_scalar(b, 1);
    cr_expect_eq(wg_item(c), 3);
    wg_rewind(ctx, inner);
    c = wg_add_scalar(b, 2);
    cr_expect_eq(wg_item(c), 4);
    wg_rewind(ctx, inner);
    wg_rewind(ctx, inner); /* nothing to drop */
    cr_expect_eq(wg_item(b), 2);
    wg_rewind(ctx, outer);
    cr_expect_eq(wg_item(a), 1);
    cr_expect_not(wg_failed(ctx), "%s", wg_error(ctx));
    wg_item(b);
    scratch_expect_error(ctx, WG_BAD_HANDLE, "item: an operand is stale", "a handle behind the outer mark");
    scratch_close(ctx);
}

Test(marks, go_stale)
{
    wg_context *ctx = scratch_context();
    wg_tensor a = wg_scalar(ctx, 1);
    uint64_t outer = wg_mark(ctx);
    wg_neg(a);
    uint64_t inner = wg_mark(ctx);
    wg_rewind(ctx, outer);
    wg_rewind(ctx, inner);
    scratch_expect_error(ctx, WG_BAD_HANDLE, "rewind: the mark is stale", "a mark that was dropped");

    a = wg_scalar(ctx, 1);
    outer = wg_mark(ctx);
    wg_neg(a);
    inner = wg_mark(ctx);
    wg_rewind(ctx, outer);
    wg_neg(wg_neg(wg_neg(a)));
    wg_rewind(ctx, inner);
    scratch_expect_error(ctx, WG_BAD_HANDLE, "rewind: the mark is stale", "a dropped mark, after the tape grew again");

    uint64_t empty = wg_mark(ctx);
    wg_clear(ctx);
    wg_rewind(ctx, empty);
    scratch_expect_error(ctx, WG_BAD_HANDLE, "rewind: the mark is stale", "a mark of an empty tape before wg_clear");

    a = wg_scalar(ctx, 1);
    outer = wg_mark(ctx);
    wg_clear(ctx);
    wg_neg(wg_scalar(ctx, 1));
    wg_rewind(ctx, outer);
    scratch_expect_error(ctx, WG_BAD_HANDLE, "rewind: the mark is stale", "a mark before wg_clear");

    a = wg_scalar(ctx, 1);
    outer = wg_mark(ctx);
    wg_item(wg_reshape(a, WG_SHAPE(2)));
    wg_recover(ctx);
    wg_neg(wg_scalar(ctx, 1));
    wg_rewind(ctx, outer);
    scratch_expect_error(ctx, WG_BAD_HANDLE, "rewind: the mark is stale", "a mark before wg_recover");

    wg_rewind(ctx, 0);
    scratch_expect_error(ctx, WG_BAD_HANDLE, "rewind: the mark is stale", "no mark");
    wg_rewind(ctx, UINT64_MAX);
    scratch_expect_error(ctx, WG_BAD_HANDLE, "rewind: the mark is stale", "no mark");
    scratch_close(ctx);
}

Test(marks, assigns_behind_a_mark_are_performed)
{
    wg_context *ctx = scratch_context();
    wg_tensor v = wg_variable(ctx, "v", wg_scalar(ctx, 1));
    wg_tensor before = wg_mul_scalar(v, 10);
    uint64_t mark = wg_mark(ctx);
    wg_assign(v, wg_add_scalar(v, 1));
    wg_rewind(ctx, mark);
    cr_expect_eq(wg_item(v), 2);
    cr_expect_eq(wg_item(before), 10); /* computed along, because it could not be computed now */
    cr_expect_not(wg_failed(ctx), "%s", wg_error(ctx));
    scratch_close(ctx);
}

/* A validation pass with its own update inside somebody else's step. */
Test(marks, a_metric_before_the_mark_survives_the_updates)
{
    wg_context *ctx = scratch_context();
    wg_tensor w = wg_parameter(ctx, "w", WG_SHAPE(2), wg_init_constant(3));
    wg_tensor count = wg_variable(ctx, "count", wg_scalar(ctx, 0));
    wg_optimizer *sgd = wg_sgd_new(ctx, "w", &(wg_sgd_options){.learning_rate = 0.25});
    wg_tensor loss = wg_sum(wg_square(w), WG_ALL), metric = wg_max(w, WG_ALL);
    wg_optimizer_step(sgd, loss);
    uint64_t mark = wg_mark(ctx), spent = computed(ctx);
    wg_tensor unread = wg_exp(wg_exp(w));
    wg_assign(count, wg_add_scalar(count, 1));
    wg_rewind(ctx, mark);
    spent = computed(ctx) - spent;
    cr_expect_eq(wg_item(loss), 18, "%s", wg_error(ctx));
    cr_expect_eq(wg_item(metric), 3);
    cr_expect_eq(wg_item(count), 1);
    cr_expect_eq(wg_item(wg_max(w, WG_ALL)), 1.5);
    cr_expect_eq(wg_size(unread), 0);
    cr_expect(spent < 14, "what is dropped is not computed: %llu nodes were", (unsigned long long)spent);
    scratch_close(ctx);
}

Test(marks, rewinding_drops_borrowed_data)
{
    wg_context *ctx = scratch_context();
    float values[2] = {1, 2};
    uint64_t mark = wg_mark(ctx);
    wg_tensor x = wg_borrow_f32(ctx, WG_SHAPE(2), values), y = wg_sum(x, WG_ALL);
    values[1] = 5; /* still the tensor's memory */
    cr_expect_eq(wg_item(y), 6);
    wg_rewind(ctx, mark);
    values[0] = NAN;
    wg_item(y);
    scratch_expect_error(ctx, WG_BAD_HANDLE, "stale", "a borrowed tensor that was given back");
    scratch_close(ctx);
}

/* ---- handles ---- */

Test(handles, are_stale_after_clear)
{
    wg_context *ctx = scratch_context();
    wg_tensor x = wg_scalar(ctx, 1);
    wg_clear(ctx);
    cr_expect_eq(wg_type_of(x), WG_DEFAULT);
    wg_tensor y = wg_scalar(ctx, 2);
    cr_expect_eq(x.id, y.id); /* the same place again */
    cr_expect_eq(wg_size(x), 0);
    cr_expect(isnan(wg_item(x)));
    scratch_expect_error(ctx, WG_BAD_HANDLE, "item: an operand is stale", "a handle from before wg_clear");
    y = wg_scalar(ctx, 2);
    wg_tensor sum = wg_add(y, x);
    cr_expect_eq(sum.id, 0);
    scratch_expect_error(ctx, WG_BAD_HANDLE, "to keep a value beyond wg_clear, read it or make it a wg_variable",
                         "the same, beside a good one");
    scratch_close(ctx);
}

Test(handles, of_persistent_tensors_last)
{
    wg_context *ctx = scratch_context();
    wg_tensor w = wg_parameter(ctx, "w", WG_SCALAR, wg_init_constant(4)), y = wg_neg(w);
    for (int i = 0; i < 3; i++) {
        wg_clear(ctx);
        cr_expect_eq(wg_item(w), 4);
        cr_expect_str_eq(wg_name(w), "w");
    }
    cr_expect_null(wg_name(y));
    wg_item(wg_reshape(w, WG_SHAPE(2)));
    wg_recover(ctx);
    cr_expect_eq(wg_item(w), 4);
    scratch_close(ctx);
}

Test(handles, made_up_ones_are_errors)
{
    wg_context *ctx = scratch_context();
    wg_parameter(ctx, "w", WG_SCALAR, wg_init_constant(4));
    wg_tensor x = wg_scalar(ctx, 1);
    const wg_tensor wrong[] = {{ctx, x.id, x.epoch + 1}, {ctx, x.id + 1, x.epoch},     {ctx, 0x7fffffff, x.epoch},
                               {ctx, PERSISTENT_BIT, 1}, {ctx, PERSISTENT_BIT + 1, 0}, {ctx, UINT32_MAX, 0}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cr_expect_eq(wg_size(wrong[i]), 0);
        cr_expect(isnan(wg_item(wrong[i])));
        scratch_expect_error(ctx, WG_BAD_HANDLE, "item: an operand is", "a made-up handle");
        x = wg_scalar(ctx, 1);
    }
    scratch_close(ctx);
}
