/* Memory: all of it through the user's allocator, all of it given back, none of it taken by a repeated step, and every
   allocation may fail. */
#include "tests/network.h"

/* ---- an allocator that checks ---- */

typedef struct {
    size_t bytes, blocks, most;
    long left; /* calls that succeed; negative: all */
    bool wrong;
} counted;

/* The size of each block is kept behind it, to be compared with what comes back. */
static void *counted_allocate(void *user, size_t size)
{
    counted *c = user;
    if (c->left == 0) return NULL;
    if (c->left > 0) c->left--;
    c->wrong |= size % 64 != 0 || size == 0;
    char *block = aligned_alloc(64, size + 64);
    if (!block) return NULL;
    memcpy(block + size, &size, sizeof size);
    memset(block, 0xA5, size);
    c->bytes += size;
    c->blocks++;
    if (c->bytes > c->most) c->most = c->bytes;
    return block;
}

static void counted_release(void *user, void *block, size_t size)
{
    counted *c = user;
    size_t given;
    memcpy(&given, (char *)block + size, sizeof given);
    c->wrong |= given != size;
    c->bytes -= size;
    c->blocks--;
    free(block);
}

static wg_context *counted_context(counted *c, wg_context_options options)
{
    options.allocator = (wg_allocator){counted_allocate, counted_release, c};
    options.threads = 1;
    return wg_context_new(&options);
}

static void expect_all_back(const counted *c, const char *what, long k)
{
    cr_expect(c->bytes == 0 && c->blocks == 0, "%s, call %ld: %zu bytes in %zu blocks are missing", what, k, c->bytes,
              c->blocks);
    cr_expect_not(c->wrong, "%s, call %ld: a size was wrong", what, k);
}

/* ---- a step allocates nothing ---- */

Test(memory, a_repeated_step_allocates_nothing)
{
    for (int eager = 0; eager < 2; eager++) {
        counted c = {.left = -1};
        wg_context *ctx = counted_context(&c, (wg_context_options){.eager = eager});
        network net = network_new(ctx);
        uint64_t calls = 0;
        size_t bytes = 0;
        for (int i = 0; i < 103; i++) {
            network_step step = network_record(ctx, &net, i);
            cr_expect(isfinite(wg_item(step.loss)), "%s", wg_error(ctx));
            cr_expect(wg_item(step.accuracy) >= 0, "%s", wg_error(ctx));
            wg_clear(ctx);
            wg_stats now = wg_context_stats(ctx);
            if (i < 3) calls = now.allocations, bytes = now.bytes;
            cr_expect(now.allocations == calls && now.bytes == bytes, "step %d allocates", i);
            cr_expect_eq(now.bytes, c.bytes);
        }
        cr_expect_eq(wg_context_stats(ctx).peak_bytes, c.most);
        wg_context_free(ctx);
        expect_all_back(&c, "training", -1);
    }
}

/* Validation, a gradient check and a drawing now and then: what they took is used again. */
Test(memory, other_work_in_between_does_not_pile_up)
{
    counted c = {.left = -1};
    wg_context *ctx = counted_context(&c, (wg_context_options){0});
    network net = network_new(ctx);
    uint64_t calls = 0;
    FILE *file = tmpfile();
    for (int i = 0; i < 12; i++) {
        network_step step = network_record(ctx, &net, i);
        uint64_t mark = wg_mark(ctx);
        wg_tensor y = network_logits(&net, wg_ones(ctx, WG_SHAPE(2, NETWORK_INPUTS)));
        wg_print(wg_substitute(y, WG_LIST(net.output.bias), WG_LIST(wg_zeros_like(net.output.bias))), file, "y");
        wg_rewind(ctx, mark);
        cr_expect(isfinite(wg_item(step.loss)), "%s", wg_error(ctx));
        wg_clear(ctx);
        y = wg_sum(wg_square(network_logits(&net, wg_ones(ctx, WG_SHAPE(2, NETWORK_INPUTS)))), WG_ALL);
        cr_expect(wg_gradcheck(y, (wg_list){0}, &(wg_gradcheck_options){.fast = true, .directions = 2}).passed);
        cr_expect(wg_draw_dot(WG_LIST(y), file, NULL), "%s", wg_error(ctx));
        wg_clear(ctx);
        if (i < 3) calls = wg_context_stats(ctx).allocations;
        cr_expect_eq(wg_context_stats(ctx).allocations, calls, "round %d allocates", i);
    }
    fclose(file);
    wg_context_free(ctx);
    expect_all_back(&c, "other work", -1);
}

/* Neither shapes nor scopes that never come again make a long run grow. */
Test(memory, what_never_comes_again_is_forgotten)
{
    wg_context *ctx = wg_context_new(NULL);
    wg_tensor w = wg_parameter(ctx, "w", WG_SHAPE(3), wg_init_constant(1));
    size_t early = 0;
    for (int step = 0; step < 14000; step++) {
        wg_scope_begin(ctx, "step%d", step);
        wg_tensor x = wg_full(ctx, WG_SHAPE(1 + step % 100, 1 + step / 100), 1);
        if (step % 1000 == 7)
            cr_assert_eq(wg_item(wg_sum(wg_mul(w, wg_slice(wg_flatten(x), 1, 0, 1)), WG_ALL)), 3 * (1 + step % 100),
                         "%s", wg_error(ctx));
        wg_scope_end(ctx);
        wg_clear(ctx);
        if (step == 6000) early = wg_context_stats(ctx).bytes;
    }
    cr_expect_leq(wg_context_stats(ctx).bytes, early + (256 << 10), "%zu bytes at first, %zu at last", early,
                  wg_context_stats(ctx).bytes);
    cr_expect_eq(wg_item(wg_sum(w, WG_ALL)), 3);
    wg_context_free(ctx);
}

static size_t bytes_after_steps(bool vary)
{
    wg_context *ctx = wg_context_new(NULL);
    uint32_t random = 1;
    for (int step = 0; step < 60; step++) {
        random = random * 1664525u + 1013904223u;
        int64_t length = vary ? 16 + (int64_t)(random >> 16) % 4000 : 4015;
        wg_tensor layer[6] = {wg_full(ctx, WG_SHAPE(length, 64), 0.5)};
        for (int i = 1; i < 6; i++) layer[i] = wg_mul_scalar(layer[i - 1], 0.5);
        cr_assert(wg_eval((wg_list){6, layer}), "%s", wg_error(ctx));
        wg_clear(ctx);
    }
    size_t bytes = wg_context_stats(ctx).peak_bytes;
    wg_context_free(ctx);
    return bytes;
}

/* Batches of ever other lengths share their blocks. */
Test(memory, sizes_that_vary_do_not_pile_up)
{
    size_t longest = bytes_after_steps(false), varied = bytes_after_steps(true);
    cr_expect_leq(varied, 3 * longest + (20 << 20), "%zu bytes, where the longest batch alone takes %zu", varied,
                  longest);
}

/* Freed with everything open: a tape, pending assigns, graphs, scopes, optimisers. */
Test(memory, free_gives_all_back_at_any_time)
{
    counted c = {.left = -1};
    wg_context *ctx = counted_context(&c, (wg_context_options){0});
    network net = network_new(ctx);
    network_step step = network_record(ctx, &net, 0);
    wg_scope_begin(ctx, "open");
    wg_graph_new(WG_LIST(step.loss));
    wg_values_f32(net.hidden.weight);
    wg_mark(ctx);
    network_record(ctx, &net, 1);
    wg_schedule_warmup(ctx, 3, wg_schedule_cosine(ctx, 4));
    wg_context_free(ctx);
    expect_all_back(&c, "an open context", -1);
}

/* Unneeded values are dropped while computing: a long chain needs no more memory than a short one. */
Test(memory, values_are_dropped_after_their_last_use)
{
    size_t most[2];
    for (int i = 0; i < 2; i++) {
        counted c = {.left = -1};
        wg_context *ctx = counted_context(&c, (wg_context_options){0});
        wg_tensor x = wg_ones(ctx, WG_SHAPE(1 << 20));
        for (int k = 0; k < (i ? 64 : 8); k++) x = wg_neg(x);
        cr_expect_eq(wg_item(wg_sum(x, WG_ALL)), 1 << 20);
        most[i] = c.most;
        wg_context_free(ctx);
    }
    cr_expect_lt(most[1], most[0] + (1 << 20), "%zu bytes, %zu for the short one", most[1], most[0]);
}

Test(memory, the_limit_holds)
{
    counted c = {.left = -1};
    wg_context *ctx = counted_context(&c, (wg_context_options){.memory_limit = 3 << 20});
    wg_tensor x = wg_ones(ctx, WG_SHAPE(1 << 17)); /* half a MiB each */
    cr_expect_eq(wg_item(wg_sum(wg_neg(x), WG_ALL)), -(1 << 17), "%s", wg_error(ctx));
    wg_tensor all[12];
    for (int i = 0; i < 12; i++) all[i] = wg_add_scalar(x, i);
    cr_expect_not(wg_eval((wg_list){12, all}));
    cr_expect_eq(wg_error_status(ctx), WG_OUT_OF_MEMORY);
    cr_expect_leq(c.most, 3 << 20);
    wg_recover(ctx);
    x = wg_ones(ctx, WG_SHAPE(3 << 15)); /* other sizes: what is pooled goes back first */
    for (int i = 0; i < 3; i++) all[i] = wg_add_scalar(x, i);
    cr_expect(wg_eval((wg_list){3, all}), "%s", wg_error(ctx));
    wg_context_free(ctx);
    expect_all_back(&c, "a limit", -1);
}

/* ---- memory that kernels ask for ---- */

static bool infer_like(const wg_call *call, char *message, size_t size)
{
    (void)message, (void)size;
    *call->output = call->inputs[0];
    return true;
}

/* As much as attribute 0 says; the result tells how much of it could be written to and read back. */
static size_t asked(const wg_call *call)
{
    return (size_t)call->attributes->integer[0];
}

static void use(const wg_call *call)
{
    unsigned char *memory = call->scratch;
    size_t size = asked(call), right = 0;
    memset(memory, 0x5A, size);
    for (size_t i = 0; i < size; i++) right += memory[i] == 0x5A;
    if ((uintptr_t)memory % 64) snprintf(call->fault, WG_FAULT_SIZE, "not aligned");
    if (size == 13) snprintf(call->fault, WG_FAULT_SIZE, "13");
    *(float *)call->output->data = (float)right;
}

static const wg_op user = {
    .name = "user", .arity = 1, .infer = infer_like, .kernel = {[WG_F32] = use}, .scratch = asked};

static wg_tensor used(wg_context *ctx, int64_t bytes)
{
    return wg_apply(&user, WG_LIST(wg_ones(ctx, WG_SHAPE(1))), &(wg_attributes){.integer = {bytes}});
}

Test(memory, kernels_get_what_they_ask_for)
{
    for (int way = 0; way < 3; way++) {
        wg_context *ctx = scratch_context_with((wg_context_options){.plain = way == 1, .eager = way == 2});
        const int64_t sizes[] = {0, 1, 64, 4097, 1000000};
        for (int i = 0; i < 5; i++) cr_expect_eq(wg_item(used(ctx, sizes[i])), (double)sizes[i], "%s", wg_error(ctx));
        cr_expect(isnan(wg_item(used(ctx, 13))));
        scratch_expect_error(ctx, WG_BAD_ARGUMENT, "user: 13", "a fault with memory");
        cr_expect(isnan(wg_item(used(ctx, INT64_MAX))));
        scratch_expect_error(ctx, WG_OUT_OF_MEMORY, "out of memory", "too much memory");
        cr_expect_eq(wg_item(used(ctx, 64)), 64);
        scratch_close(ctx);
    }
}

/* ---- every allocation fails once ---- */

typedef struct {
    double loss[4], gradient[3], weight, substituted, values[NETWORK_VALUES];
    bool checked, drawn, printed, saved;
} outcome;

/* A bit of everything that asks for memory. Gives up at the first error, as programs do at their end only. */
static void work(wg_context *ctx, const char *path, outcome *o)
{
    memset(o, 0, sizeof *o);
    wg_scope_begin(ctx, "work");
    network net = network_new(ctx);
    wg_tensor w = wg_parameter(ctx, "w", WG_SHAPE(3), wg_init_constant(0.5));
    wg_optimizer *sgd =
        wg_sgd_new(ctx, "work/w", &(wg_sgd_options){.momentum = 0.9, .schedule = wg_schedule_cosine(ctx, 9)});
    wg_scope_end(ctx);
    for (int i = 0; i < 2; i++) { /* Adam */
        network_step step = network_record(ctx, &net, i);
        o->loss[i] = wg_item(step.loss);
        wg_clear(ctx);
    }
    for (int i = 0; i < 2; i++) { /* gradients of gradients, and descent with momentum */
        wg_tensor y = wg_sum(wg_exp(wg_square(w)), WG_ALL), g = wg_grad(y, w), parts[5];
        wg_tensor penalty = wg_einsum("i,i", WG_LIST(g, g)), h = wg_grad(penalty, w);
        for (int k = 0; k < 5; k++) parts[k] = k % 2 ? h : g;
        wg_tensor joined = wg_sum(wg_concat((wg_list){5, parts}, 0), WG_ALL);
        wg_tensor bent[] = {wg_jacobian(wg_square(w), w), wg_hessian(y, w)};
        wg_tensor other = wg_substitute(y, WG_LIST(w), WG_LIST(wg_sub(w, wg_mul_scalar(g, 0.1))));
        wg_optimizer_step(sgd, wg_add(penalty, other));
        wg_eval(WG_LIST(joined, h, other, bent[0], bent[1]));
        o->loss[2 + i] = wg_item(joined) + wg_item(wg_sum(wg_mul(bent[0], bent[1]), WG_ALL));
        o->substituted = wg_item(other);
        wg_read_f64(h, o->gradient, 3);
        wg_clear(ctx);
    }
    FILE *file = tmpfile();
    wg_tensor y = wg_sum(wg_log(wg_square(w)), WG_ALL);
    o->checked = wg_gradcheck(y, WG_LIST(w), &(wg_gradcheck_options){.order = 2}).passed;
    o->drawn = wg_draw_dot(WG_LIST(wg_grad(y, w)), file, &(wg_draw_options){.values = true, .updates = true});
    uint64_t mark = wg_mark(ctx);
    o->printed = wg_print(wg_permute(wg_expand(w, WG_SHAPE(2, 3)), WG_AXES(1, 0)), file, "w");
    wg_rewind(ctx, mark);
    fclose(file);
    o->saved = wg_save(ctx, path, "work/w adam/*") && wg_load(ctx, path, &(wg_load_options){.partial = true});
    o->weight = wg_item(wg_max(w, WG_ALL));
    wg_list all = wg_parameters(ctx, "* !work/w");
    size_t used = 0;
    for (size_t i = 0; i < all.count; i++) {
        size_t count = (size_t)wg_size(all.items[i]);
        if (used + count <= NETWORK_VALUES) wg_read_f64(all.items[i], o->values + used, count);
        used += count;
    }
}

static bool same_outcome(const outcome *a, const outcome *b)
{
    return memcmp(a->loss, b->loss, sizeof a->loss) == 0 && memcmp(a->gradient, b->gradient, sizeof a->gradient) == 0 &&
           a->weight == b->weight && a->substituted == b->substituted && network_same(a->values, b->values) &&
           a->checked == b->checked && a->drawn == b->drawn && a->printed == b->printed && a->saved == b->saved;
}

static void every_failure(bool eager, const char *path)
{
    static outcome wanted, found;
    counted c = {.left = -1};
    wg_context *ctx = counted_context(&c, (wg_context_options){.eager = eager});
    work(ctx, path, &wanted);
    cr_assert_not(wg_failed(ctx), "%s", wg_error(ctx));
    cr_expect(wanted.checked && wanted.drawn && wanted.printed && wanted.saved && isfinite(wanted.loss[3]));
    uint64_t calls = wg_context_stats(ctx).allocations;
    wg_context_free(ctx);
    expect_all_back(&c, "work", -1);
    bool done = false;
    long k = 0;
    for (; !done; k++) {
        cr_assert(k <= (long)calls + 1, "no success after %ld calls, of %llu", k, (unsigned long long)calls);
        c = (counted){.left = k};
        wg_recover(NULL);
        ctx = counted_context(&c, (wg_context_options){.eager = eager});
        if (!ctx) {
            cr_expect_eq(wg_error_status(NULL), WG_OUT_OF_MEMORY);
            expect_all_back(&c, "no context", k);
            continue;
        }
        work(ctx, path, &found);
        done = !wg_failed(ctx);
        if (done) {
            cr_expect(same_outcome(&wanted, &found), "call %ld fails: other numbers", k);
        } else {
            cr_expect_eq(wg_error_status(ctx), WG_OUT_OF_MEMORY, "call %ld fails: status %d, %s", k,
                         (int)wg_error_status(ctx), wg_error(ctx));
            cr_expect_not_null(strstr(wg_error(ctx), "out of memory"), "%s", wg_error(ctx));
        }
        wg_context_free(ctx);
        expect_all_back(&c, "a failed call", k);
    }
    cr_expect_eq(k - 1, (long)calls);
    wg_recover(NULL);
}

Test(allocation, may_fail_at_any_call)
{
    scratch_begin();
    every_failure(false, scratch("m"));
    scratch_end();
}

Test(allocation, may_fail_at_any_call_eagerly)
{
    scratch_begin();
    every_failure(true, scratch("m"));
    scratch_end();
}

/* The part of the work that a program can do again: what it made before stays as it was. */
static void steps(wg_context *ctx, wg_tensor w, wg_tensor v, wg_optimizer *adam, double result[4])
{
    wg_scope_begin(ctx, "steps");
    for (int i = 0; i < 2; i++) {
        wg_tensor loss = wg_sum(wg_square(wg_sub(w, v)), WG_ALL);
        wg_tensor curvature = wg_grad(wg_sum(wg_square(wg_grad(loss, w)), WG_ALL), w);
        wg_assign(v, wg_mul_scalar(v, 0.5));
        wg_optimizer_step(adam, loss);
        wg_eval(WG_LIST(loss, curvature));
        result[2 * i] = wg_item(loss);
        result[2 * i + 1] = wg_item(wg_sum(curvature, WG_ALL));
        wg_clear(ctx);
    }
    wg_scope_end(ctx);
}

/* A call fails, the program recovers and goes on: an evaluation has happened wholly or not at all. */
Test(allocation, fails_and_the_program_recovers)
{
    double wanted[4], found[4], values[600], expected[600];
    long succeeded = -1;
    for (long k = -1; succeeded < 0 || k == 0; k++) {
        counted c = {.left = -1};
        wg_context *ctx = counted_context(&c, (wg_context_options){.type = WG_F64});
        wg_tensor w = wg_parameter(ctx, "w", WG_SHAPE(600), wg_init_uniform(0.5, 1));
        wg_tensor v = wg_variable(ctx, "v", wg_scalar(ctx, 2));
        wg_optimizer *adam = wg_adam_new(ctx, NULL, NULL);
        cr_assert_not(wg_failed(ctx), "%s", wg_error(ctx));
        c.left = k;
        if (k >= 0) steps(ctx, w, v, adam, found);
        bool failed = wg_failed(ctx);
        cr_expect(!failed || wg_error_status(ctx) == WG_OUT_OF_MEMORY, "%s", wg_error(ctx));
        c.left = -1;
        wg_recover(ctx);
        double left = wg_item(v); /* 2, 1 or 0.5: so many steps have been done */
        int done = left == 2 ? 0 : left == 1 ? 1 : 2;
        cr_expect(left == 2 || left == 1 || left == 0.5, "v is %g", left);
        wg_clear(ctx);
        if (k >= 0 && !failed) succeeded = k;
        if (k < 0) {
            steps(ctx, w, v, adam, wanted);
            cr_assert(wg_read_f64(w, expected, 600), "%s", wg_error(ctx));
        }
        for (int i = done; k >= 0 && i < 2; i++) {
            wg_tensor loss = wg_sum(wg_square(wg_sub(w, v)), WG_ALL);
            wg_assign(v, wg_mul_scalar(v, 0.5));
            wg_optimizer_step(adam, loss);
            cr_expect_eq(wg_item(loss), wanted[2 * i], "step %d after call %ld failed", i, k);
            wg_clear(ctx);
        }
        cr_assert(wg_read_f64(w, values, 600), "%s", wg_error(ctx));
        cr_expect(memcmp(values, expected, sizeof values) == 0, "other weights after call %ld failed", k);
        wg_scope_end(ctx);
        cr_expect_eq(wg_error_status(ctx), WG_BAD_ARGUMENT, "a scope is still open after call %ld failed", k);
        wg_context_free(ctx);
        expect_all_back(&c, "recovered", k);
    }
    cr_expect_gt(succeeded, 10);
}
