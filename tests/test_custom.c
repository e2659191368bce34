/* Ops of the user's own, recorded, evaluated in every way, differentiated. */
#include "tests/custom.h"

static const wg_context_options ways[] = {{.threads = 1},           {.plain = true},        {.eager = true},
                                          {.threads = 4},           {.check_finite = true}, {.precise = true},
                                          {.flush_denormals = true}};
enum { WAYS = sizeof ways / sizeof *ways };

/* ---- values ---- */

/* sum over s <= t of (1 - a) a^(t - s) x[s], for rows of five; then through another op, a reduction and a product. */
static void expect_ema(wg_context *ctx, wg_tensor x, double a, const double *values, int64_t rows)
{
    double got[64], tolerance = wg_type_of(x) == WG_F32 ? 1e-6 : 1e-14;
    wg_tensor y = wg_mul_scalar(ema(wg_mul_scalar(x, 2), a), 0.5);
    cr_assert(wg_read_f64(y, got, (size_t)rows * 5), "%s", wg_error(ctx));
    for (int64_t r = 0; r < rows; r++)
        for (int t = 0; t < 5; t++) {
            double want = 0;
            for (int s = 0; s <= t; s++) want += (1 - a) * pow(a, t - s) * values[r * 5 + s];
            cr_expect_float_eq(got[r * 5 + t], want, tolerance * 4);
        }
}

Test(custom, evaluated_in_every_way)
{
    double values[30];
    uint64_t state = 9;
    for (int i = 0; i < 30; i++) values[i] = (double)(scratch_random(&state) % 1000) / 128 - 4;
    for (int way = 0; way < WAYS; way++)
        for (wg_type type = WG_F32; type <= WG_F64; type++) {
            wg_context_options o = ways[way];
            o.type = type;
            wg_context *ctx = scratch_context_with(o);
            for (int step = 0; step < 3; step++) { /* the second step finds the first one's plan */
                expect_ema(ctx, wg_from_f64(ctx, WG_SHAPE(2, 3, 5), values), 0.5, values, 6);
                expect_ema(ctx, wg_from_f64(ctx, WG_SHAPE(5), values), 0.25 * step, values, 1);
                expect_ema(ctx, wg_from_f64(ctx, WG_SHAPE(0, 5), values), 0.5, values, 0);
                wg_clear(ctx);
            }
            scratch_close(ctx);
        }
}

/* Large enough to be shared among threads, with groups and products around it: the same bits. */
Test(custom, among_threads)
{
    enum { ROWS = 256, COLUMNS = 512 };
    static float want[ROWS * 8], got[ROWS * 8];
    for (int threads = 1; threads <= 4; threads++) {
        wg_context *ctx = scratch_context_with((wg_context_options){.threads = threads, .seed = 2});
        wg_tensor x = wg_normal(ctx, WG_SHAPE(ROWS, COLUMNS)), w = wg_normal(ctx, WG_SHAPE(COLUMNS, 8));
        wg_tensor h = wg_apply(&bell_op, WG_LIST(ema(wg_tanh(x), 0.9), wg_neg(x)), NULL);
        wg_tensor y = wg_matmul(wg_exp(h), w);
        cr_assert(wg_read_f32(y, threads == 1 ? want : got, ROWS * 8), "%s", wg_error(ctx));
        if (threads > 1) cr_expect(memcmp(want, got, sizeof want) == 0, "%d threads", threads);
        scratch_close(ctx);
    }
}

Test(custom, gradients)
{
    for (int way = 0; way < WAYS; way++)
        for (wg_type type = WG_F32; type <= WG_F64; type++) {
            wg_context_options o = ways[way];
            o.type = type;
            wg_context *ctx = scratch_context_with(o);
            wg_tensor x = wg_parameter(ctx, "x", WG_SHAPE(3, 4), wg_init_normal(1)), z = wg_normal(ctx, WG_SHAPE(3, 4));
            wg_tensor h = wg_apply(&bell_op, WG_LIST(ema(x, 0.7), z), NULL);
            wg_tensor y = wg_sum(wg_tanh(wg_mul(h, ema(wg_sin(x), 0.2))), WG_ALL);
            wg_gradcheck_report r = wg_gradcheck(y, WG_LIST(x, z), &(wg_gradcheck_options){.order = 2});
            cr_expect(r.passed, "way %d: %s, %g", way, wg_error(ctx), r.worst_error);
            wg_tensor v = wg_ones(ctx, WG_SHAPE(3, 4)), hv = wg_hvp(y, x, v), jv = wg_jvp(wg_grad(y, x), x, v);
            double tolerance = type == WG_F32 ? 1e-5 : 1e-13;
            cr_expect_lt(wg_item(wg_norm(wg_sub(hv, jv), WG_ALL)), tolerance, "way %d: %s", way, wg_error(ctx));
            scratch_close(ctx);
        }
}

/* Two equal applications are computed once; when their numbers differ in a later step, they are not. */
Test(custom, merged_only_while_numbers_agree)
{
    wg_context *ctx = scratch_context();
    static const double factor[][2] = {{0.5, 0.5}, {0.5, 0.25}, {0.75, 0.75}, {0, 0.5}, {0.5, 0}, {0, 0}};
    for (size_t step = 0; step < sizeof factor / sizeof *factor; step++)
        for (int where = 0; where < 2; where++) { /* the integer keeps the attributes' number when the real is 0 */
            wg_tensor x = wg_from_f32(ctx, WG_SHAPE(2), (const float[]){1, 1}), y[2];
            for (int k = 0; k < 2; k++)
                y[k] = wg_apply(&ema_op, WG_LIST(x), &(wg_attributes){.real = {factor[step][k]}, .integer = {where}});
            double got = wg_item(wg_sub(wg_sum(y[0], WG_ALL), wg_sum(y[1], WG_ALL)));
            double a = factor[step][0], b = factor[step][1];
            cr_expect_float_eq(got, (2 - a - a * a) - (2 - b - b * b), 1e-6, "step %zu", step);
            wg_clear(ctx);
        }
    scratch_close(ctx);
}

/* ---- random ops ---- */

/* Other numbers each time, also of equal operands; the same when evaluated again, in f64, or after the same seed. */
Test(random, draws_anew)
{
    float first[3][24];
    for (int run = 0; run < 3; run++)
        for (int way = 0; way < 2; way++) {
            wg_context *ctx = scratch_context_with((wg_context_options){.seed = run == 2 ? 8 : 7, .plain = way});
            wg_tensor x = wg_ones(ctx, WG_SHAPE(4, 6)), y[2];
            uint64_t draws = wg_context_stats(ctx).draws;
            for (int k = 0; k < 2; k++) y[k] = wg_apply(&thin_op, WG_LIST(x), NULL);
            cr_expect_eq(wg_context_stats(ctx).draws - draws, 2);
            cr_expect_eq(wg_attributes_of(y[1]).real[0] - wg_attributes_of(y[0]).real[0], 1);
            float values[2][24];
            cr_assert(wg_read_f32(y[0], values[0], 24) && wg_read_f32(y[1], values[1], 24), "%s", wg_error(ctx));
            cr_expect(memcmp(values[0], values[1], sizeof *values) != 0, "the same twice");
            if (way) cr_expect(memcmp(values[0], first[run], sizeof *values) == 0, "plans draw others");
            memcpy(first[run], values[0], sizeof *values);
            scratch_close(ctx);
        }
    cr_expect(memcmp(first[0], first[1], sizeof *first) == 0, "the same seed");
    cr_expect(memcmp(first[0], first[2], sizeof *first) != 0, "another seed");
}

Test(random, can_be_checked)
{
    for (wg_type type = WG_F32; type <= WG_F64; type++) {
        wg_context *ctx = scratch_context_with((wg_context_options){.type = type});
        wg_tensor x = wg_normal(ctx, WG_SHAPE(4, 6));
        wg_tensor y = wg_sum(wg_square(wg_apply(&thin_op, WG_LIST(wg_sin(x)), NULL)), WG_ALL);
        wg_gradcheck_report r = wg_gradcheck(y, WG_LIST(x), &(wg_gradcheck_options){.order = 2});
        cr_expect(r.passed, "%s: %g", wg_error(ctx), r.worst_error);
        cr_expect_float_eq(r.value, wg_item(y), 1e-5);
        scratch_close(ctx);
    }
}

/* ---- mistakes ---- */

static bool infer_any(const wg_call *call, char *message, size_t size)
{
    (void)message, (void)size;
    *call->output = call->inputs[0];
    call->output->data = NULL;
    switch (call->attributes->integer[0]) {
    case 1:
        call->output->shape.dim[0] = -3;
        break;
    case 2:
        call->output->shape.rank = 9;
        break;
    case 3:
        call->output->shape.dim[0] = INT64_MAX;
        break;
    case 4:
        call->output->type = WG_TYPES;
        break;
    case 5:
        call->output->type = WG_DEFAULT;
        break;
    case 6:
        return false;
    case 7:
        call->output->shape = (wg_shape){1, {7}};
        break;
    default:
        break;
    }
    return true;
}

static void complain(const wg_call *call)
{
    snprintf(call->fault, WG_FAULT_SIZE, "does not like %g", (double)*(const float *)call->inputs[0].data);
}

#define EXPECT_ERROR(expression, status, words)              \
    do {                                                     \
        cr_expect_eq((expression).id, 0, "%s", #expression); \
        scratch_expect_error(ctx, status, words, words);     \
        x = wg_ones(ctx, WG_SHAPE(2, 3));                    \
    } while (0)

Test(mistakes, in_what_is_recorded)
{
    wg_context *ctx = scratch_context();
    wg_op op = {.name = "mine", .arity = 1, .infer = infer_any, .kernel = {[WG_F32] = complain}};
    wg_tensor x = wg_ones(ctx, WG_SHAPE(2, 3));
    static const struct {
        wg_status status;
        const char *words;
    } results[] = {{WG_BAD_SHAPE, "mine: a length is negative: [-3, 3]"},
                   {WG_BAD_SHAPE, "mine: the rank must be 0 to 8"},
                   {WG_BAD_SHAPE, "mine: the size overflows"},
                   {WG_BAD_TYPE, "mine: the result would have no element type: 7"},
                   {WG_BAD_TYPE, "mine: the result would have no element type: 0"},
                   {WG_BAD_SHAPE, "mine: its shape rule refuses, and gives no reason: [2, 3]"}};
    for (int k = 0; k < 6; k++)
        EXPECT_ERROR(wg_apply(&op, WG_LIST(x), &(wg_attributes){.integer = {k + 1}}), results[k].status,
                     results[k].words);
    EXPECT_ERROR(wg_apply(&op, WG_LIST(x, x), NULL), WG_BAD_ARGUMENT, "mine: takes 1 operands, not 2");
    EXPECT_ERROR(wg_apply(&op, WG_LIST(wg_cast(x, WG_I32)), NULL), WG_UNSUPPORTED, "mine: there is no kernel for i32");
    op.alias = true;
    EXPECT_ERROR(wg_apply(&op, WG_LIST(x), &(wg_attributes){.integer = {7}}), WG_BAD_SHAPE, "mine: is an alias");
    op.alias = false;
    op.arity = -1;
    wg_tensor many[10];
    for (int i = 0; i < 10; i++) many[i] = WG_NONE;
    cr_expect_eq(wg_apply(&op, (wg_list){10, many}, NULL).id, 0);
    cr_expect_eq(wg_error_status(NULL), WG_BAD_HANDLE);
    wg_recover(NULL);
    EXPECT_ERROR(wg_apply(&(wg_op){.infer = infer_any}, WG_LIST(x), NULL), WG_BAD_ARGUMENT, "without a name or infer");
    scratch_close(ctx);
}

/* A kernel's complaint names the op and the C line, in every way of evaluating. */
Test(mistakes, in_values)
{
    for (int way = 0; way < WAYS; way++) {
        wg_context *ctx = scratch_context_with(ways[way]);
        wg_op op = {.name = "mine", .arity = 1, .infer = infer_any, .kernel = {[WG_F32] = complain}};
        wg_tensor x = wg_full(ctx, WG_SHAPE(3), 3);
        int line = __LINE__ + 1;
        wg_tensor y = wg_apply(&op, WG_LIST(x), NULL);
        cr_expect(isnan(wg_item(wg_sum(y, WG_ALL))));
        char place[64];
        snprintf(place, sizeof place, "test_custom.c:%d", line);
#ifdef WG_HAVE_LIBDW
        cr_expect_not_null(strstr(wg_error(ctx), place), "way %d: %s", way, wg_error(ctx));
#endif
        scratch_expect_error(ctx, WG_BAD_ARGUMENT, "mine: does not like 3", "a fault");
        scratch_close(ctx);
    }
}

/* Without a kernel for f64 an op works in f32, but a gradient check, which computes in f64, says why it cannot. */
Test(mistakes, a_kernel_that_is_missing)
{
    wg_context *ctx = scratch_context();
    wg_op op = ema_op;
    op.kernel[WG_F64] = NULL;
    wg_tensor x = wg_ones(ctx, WG_SHAPE(3)), y = wg_apply(&op, WG_LIST(x), &(wg_attributes){.real = {0.5}});
    cr_expect_float_eq(wg_item(wg_sum(y, WG_ALL)), 0.5 + 0.75 + 0.875, 1e-6);
    cr_expect_not(wg_gradcheck(wg_sum(y, WG_ALL), WG_LIST(x), NULL).complete);
    cr_expect_not_null(strstr(wg_error(ctx), "ema: there is no kernel for f64"), "%s", wg_error(ctx));
    cr_expect_not_null(strstr(wg_error(ctx), "what is replayed is computed in f64"), "%s", wg_error(ctx));
    wg_recover(ctx);
    scratch_close(ctx);
}

static void squared_vjp(wg_tensor y, wg_tensor g, wg_tensor *out)
{
    (void)y;
    out[0] = wg_square(g);
}

/* Forward mode is made of the rule: one that is not linear would make the result depend on an unknown. */
Test(mistakes, a_rule_that_is_not_linear)
{
    for (int eager = 0; eager < 2; eager++) {
        wg_context *ctx = scratch_context_with((wg_context_options){.eager = eager});
        wg_op op = ema_op;
        op.vjp = squared_vjp;
        wg_tensor x = wg_ones(ctx, WG_SHAPE(2, 3));
        wg_tensor y = wg_exp(wg_apply(&op, WG_LIST(x), &(wg_attributes){.real = {0.5}}));
        EXPECT_ERROR(wg_jvp(y, x, x), WG_NO_GRADIENT, "ema: its VJP is not linear in the cotangent");
        EXPECT_ERROR(wg_jacobian(wg_concat(WG_LIST(wg_exp(wg_apply(&op, WG_LIST(x), NULL)), x), 0), x), WG_NO_GRADIENT,
                     "ema: its VJP is not linear in the cotangent");
        scratch_close(ctx);
    }
}

/* ---- pictures and data ---- */

Test(pictures, show_it)
{
    wg_context *ctx = scratch_context();
    wg_tensor y = ema(wg_ones(ctx, WG_SHAPE(2, 3)), 0.5);
    char text[4000] = "";
    FILE *file = fmemopen(text, sizeof text, "w");
    cr_expect(wg_draw_dot(WG_LIST(y), file, &(wg_draw_options){.values = true}), "%s", wg_error(ctx));
    fclose(file);
    cr_expect_not_null(strstr(text, "ema"), "%s", text);
    wg_graph *graph = wg_graph_new(WG_LIST(y));
    cr_expect_str_eq(wg_graph_node(graph, wg_graph_size(graph) - 1).op, "ema");
    cr_expect_eq(wg_graph_node(graph, wg_graph_size(graph) - 1).flops, 6);
    scratch_close(ctx);
}
