/* Reductions over any set of axes. integer = the axes as bits, and whether they are kept with length 1. */
#include "ops/builder.h"
#include "ops/extreme.h"
#include "ops/rows.h"
#include "ops/wrap.h"

#include <wengert/functions.h>

#include <math.h>

/* ---- shapes ---- */

static bool is_reduced(int64_t set, int axis)
{
    return set >> axis & 1;
}

static wg_shape reduced_shape(const wg_shape *in, int64_t set, bool keep)
{
    wg_shape out = {0};
    for (int i = 0; i < in->rank; i++)
        if (!is_reduced(set, i))
            out.dim[out.rank++] = in->dim[i];
        else if (keep)
            out.dim[out.rank++] = 1;
    return out;
}

static bool infer_reduction(const wg_call *call, wg_type type, char *message, size_t size)
{
    *call->output = (wg_array){
        type, reduced_shape(&call->inputs[0].shape, call->attributes->integer[0], call->attributes->integer[1]), NULL};
    return call->attributes->integer[0] >> call->inputs[0].shape.rank == 0 ||
           refuse(message, size, "an axis is out of range");
}

static bool infer_sum(const wg_call *call, char *message, size_t size)
{
    wg_type type = call->inputs[0].type;
    if (!infer_reduction(call, type_is_float(type) ? type : WG_I64, message, size)) return false;
    return type != WG_U8 || refuse_types(call, message, size, "does not work on u8: cast it");
}

static bool infer_number(const wg_call *call, char *message, size_t size)
{
    wg_type type = call->inputs[0].type;
    if (!infer_reduction(call, type, message, size)) return false;
    return type_is_float(type) || type_is_integer(type) ||
           refuse_types(call, message, size, "works on floats and integers, not %s", wg_type_name(type));
}

static bool infer_extreme(const wg_call *call, char *message, size_t size)
{
    if (!infer_number(call, message, size)) return false;
    bool from_nothing = wg_shape_size(call->inputs[0].shape) == 0 && wg_shape_size(call->output->shape) > 0;
    return !from_nothing || refuse(message, size, "there is no largest or smallest of no elements");
}

static bool infer_logic(const wg_call *call, char *message, size_t size)
{
    if (!infer_reduction(call, WG_BOOL, message, size)) return false;
    return call->inputs[0].type == WG_BOOL ||
           refuse_types(call, message, size, "works on bools, not %s", wg_type_name(call->inputs[0].type));
}

static bool infer_place(const wg_call *call, char *message, size_t size)
{
    if (!infer_extreme(call, message, size)) return false;
    call->output->type = WG_I64;
    return true;
}

/* ---- walking ---- */

/* For each element of the output, the elements of the input that belong to it. */
typedef struct reduction {
    strided_walk kept, reduced;
    int64_t outputs, terms;
} reduction;

static reduction reduction_of(const wg_call *call)
{
    const wg_shape *in = &call->inputs[0].shape;
    int64_t stride[WG_MAX_RANK];
    contiguous_strides(in, stride);
    reduction r = {.outputs = 1, .terms = 1};
    for (int i = 0; i < in->rank; i++) {
        bool reduced = is_reduced(call->attributes->integer[0], i);
        strided_walk *w = reduced ? &r.reduced : &r.kept;
        w->dim[w->rank] = in->dim[i];
        w->stride[w->rank++] = stride[i];
        *(reduced ? &r.terms : &r.outputs) *= in->dim[i];
    }
    return r;
}

/* For each output element o, `start`; then for each of its terms x, `step`; then `finish` is stored. */
#define REDUCE(name, From, To, start, step, finish)                    \
    WRAPS static void name(const wg_call *call)                        \
    {                                                                  \
        reduction r = reduction_of(call);                              \
        const From *in = call->inputs[0].data;                         \
        To *out = call->output->data;                                  \
        for (int64_t o = 0; o < r.outputs; o++, walk_next(&r.kept)) {  \
            strided_walk terms = r.reduced;                            \
            start;                                                     \
            for (int64_t i = 0; i < r.terms; i++, walk_next(&terms)) { \
                From x = in[r.kept.offset + terms.offset];             \
                step;                                                  \
            }                                                          \
            out[o] = (To)(finish);                                     \
        }                                                              \
    }

/* Blocked pairwise summation: the error grows with log n. Sums of blocks are merged as a binary counter carries. */
enum { SUM_BLOCK = 64, SUM_LEVELS = 64 };

typedef struct pairwise {
    double level[SUM_LEVELS], block;
    uint64_t blocks;
    int terms;
} pairwise;

static void pairwise_carry(pairwise *p)
{
    double sum = p->block;
    int level = 0;
    for (uint64_t bits = p->blocks; bits & 1; bits >>= 1) sum += p->level[level++];
    p->level[level] = sum;
    p->blocks++;
    p->block = 0;
    p->terms = 0;
}

static inline void pairwise_add(pairwise *p, double x)
{
    p->block += x;
    if (++p->terms == SUM_BLOCK) pairwise_carry(p);
}

static double pairwise_total(const pairwise *p)
{
    double sum = p->block;
    int level = 0;
    for (uint64_t bits = p->blocks; bits; bits >>= 1, level++)
        if (bits & 1) sum += p->level[level];
    return sum;
}

REDUCE(sum_f32, float, float, pairwise p = {.blocks = 0}, pairwise_add(&p, (double)x), pairwise_total(&p))
REDUCE(sum_f64, double, double, pairwise p = {.blocks = 0}, pairwise_add(&p, x), pairwise_total(&p))
REDUCE(sum_i32, int32_t, int64_t, int64_t s = 0, s += x, s)
REDUCE(sum_i64, int64_t, int64_t, int64_t s = 0, s += x, s)
REDUCE(sum_bool, bool, int64_t, int64_t s = 0, s += x, s)

REDUCE(prod_f32, float, float, double s = 1, s *= (double)x, s)
REDUCE(prod_f64, double, double, double s = 1, s *= x, s)
REDUCE(prod_i32, int32_t, int32_t, int32_t s = 1, s *= x, s)
REDUCE(prod_i64, int64_t, int64_t, int64_t s = 1, s *= x, s)

REDUCE(any_bool, bool, bool, bool s = false, s |= x, s)
REDUCE(all_bool, bool, bool, bool s = true, s &= x, s)

#define EXTREME(name, T, comparison) \
    REDUCE(name, T, T, T best = in[r.kept.offset], if (BEYOND(x, best, comparison)) best = x, best)
#define PLACE(name, T, comparison)                                                       \
    REDUCE(                                                                              \
        name, T, int64_t, T best = in[r.kept.offset]; int64_t place = 0,                 \
                                                      if (BEYOND(x, best, comparison)) { \
                                                          best = x;                      \
                                                          place = i;                     \
                                                      },                                 \
                                                      place)
#define EXTREMES(type, T)      \
    EXTREME(max_##type, T, >)  \
    EXTREME(min_##type, T, <)  \
    PLACE(argmax_##type, T, >) \
    PLACE(argmin_##type, T, <)

EXTREMES(f32, float)
EXTREMES(f64, double)
EXTREMES(i32, int32_t)
EXTREMES(i64, int64_t)

/* The branch of an extreme is where it was found. */
static void extreme_branch(const wg_call *call, int64_t *branch, void (*place)(const wg_call *))
{
    wg_array output = {WG_I64, call->output->shape, branch};
    place(&(wg_call){call->count, call->inputs, &output, call->attributes, call->fault, NULL});
}

static void max_branch(const wg_call *call, int64_t *branch)
{
    extreme_branch(call, branch, argmax_f64);
}

static void min_branch(const wg_call *call, int64_t *branch)
{
    extreme_branch(call, branch, argmin_f64);
}

static double reduction_flops(const wg_call *call)
{
    return (double)wg_shape_size(call->inputs[0].shape);
}

/* ---- gradients ---- */

/* A result of the reduction y brought back to the shape of its operand. */
static wg_tensor spread(wg_tensor result, wg_tensor y)
{
    uint32_t x = graph_node_of(y)->input[0];
    const int64_t *integers = ops_integers(y), set = integers[0];
    bool leading = (set & (set + 1)) == 0; /* only axes that expand puts back by itself */
    if (!integers[1] && !leading) result = wg_reshape(result, reduced_shape(graph_shape_at(y.context, x), set, true));
    return ops_expand_like(result, x);
}

static void sum_vjp(wg_tensor y, wg_tensor g, wg_tensor *gradients)
{
    gradients[0] = spread(g, y);
}

static void extreme_vjp(wg_tensor y, wg_tensor g, wg_tensor *gradients)
{
    wg_tensor x = graph_operand(y, 0), hit = wg_equal(x, spread(y, y));
    wg_axes axes = {.keep = ops_integers(y)[1]};
    for (int i = 0; i < WG_MAX_RANK; i++)
        if (is_reduced(ops_integers(y)[0], i)) axes.axis[axes.count++] = (int8_t)i;
    wg_tensor hits = wg_cast(wg_sum(hit, axes), wg_type_of(x));
    gradients[0] = wg_where(hit, spread(wg_div(g, hits), y), wg_zeros_like(x));
}

/* Along the last axis, the product of all elements before each one, by doubling: right for zeros, too, to any order. */
static wg_tensor products_before(wg_tensor x)
{
    wg_shape edge = wg_shape_of(x);
    int64_t length = edge.dim[edge.rank - 1];
    wg_tensor product = x;
    for (int64_t shift = 1, first = 1; first || shift < length; first = 0) {
        edge.dim[edge.rank - 1] = shift;
        wg_tensor ones = wg_full_typed(x.context, wg_type_of(x), edge, 1);
        wg_tensor moved = wg_concat(WG_LIST(ones, wg_slice(product, -1, 0, length - shift)), -1);
        product = first ? moved : wg_mul(product, moved);
        if (!first) shift *= 2;
    }
    return product;
}

/* The gradient of each factor is the product of all others. */
static void prod_vjp(wg_tensor y, wg_tensor g, wg_tensor *gradients)
{
    wg_tensor x = graph_operand(y, 0);
    int64_t set = ops_integers(y)[0];
    wg_shape in = wg_shape_of(x), rows = reduced_shape(&in, set, false);
    wg_axes order = {0}, inverse = {.count = (int8_t)in.rank};
    for (int last = 0; last < 2; last++)
        for (int i = 0; i < in.rank; i++)
            if (is_reduced(set, i) == last) order.axis[order.count++] = (int8_t)i;
    for (int i = 0; i < in.rank; i++) inverse.axis[order.axis[i]] = (int8_t)i;
    int64_t kept = wg_shape_size(rows), terms = kept ? wg_shape_size(in) / kept : 0;
    if (kept == 0 || terms == 0) {
        gradients[0] = wg_zeros_like(x);
        return;
    }
    wg_tensor moved = wg_permute(x, order);
    wg_tensor flat = wg_reshape(moved, WG_SHAPE(kept, terms));
    wg_tensor others = wg_mul(products_before(flat), wg_flip(products_before(wg_flip(flat, -1)), -1));
    gradients[0] = wg_mul(spread(g, y), wg_permute(wg_reshape(others, wg_shape_of(moved)), inverse));
}

/* ---- rows ---- */

static wg_tensor draw(wg_context *ctx)
{
    return wg_uniform(ctx, WG_SHAPE(2, 3, 4), -4, 4);
}

#define ROW(name_, summary_, infer_, vjp_, branch_, axes, ...) \
    static wg_tensor name_##_sample(wg_context *ctx)           \
    {                                                          \
        return wg_##name_(draw(ctx), axes);                    \
    }                                                          \
    const wg_op ops_##name_ = {                                \
        .name = #name_,                                        \
        .summary = summary_,                                   \
        .arity = 1,                                            \
        .infer = infer_,                                       \
        .kernel = {__VA_ARGS__},                               \
        .vjp = vjp_,                                           \
        .flops = reduction_flops,                              \
        .sample = name_##_sample,                              \
        .branch = branch_,                                     \
        .numerics = {-4, 4, 1},                                \
    };
#define NUMBER_KERNELS(name) [WG_F32] = name##_f32, [WG_F64] = name##_f64, [WG_I32] = name##_i32, [WG_I64] = name##_i64

ROW(sum, "the sum over axes", infer_sum, sum_vjp, NULL, WG_AXES(0, 2), NUMBER_KERNELS(sum), [WG_BOOL] = sum_bool)
ROW(prod, "the product over axes", infer_number, prod_vjp, NULL, WG_AXES(0, 2), NUMBER_KERNELS(prod))
ROW(max, "the largest over axes", infer_extreme, extreme_vjp, max_branch, WG_AXES(0, 2), NUMBER_KERNELS(max))
ROW(min, "the smallest over axes", infer_extreme, extreme_vjp, min_branch, WG_AXES(0, 2), NUMBER_KERNELS(min))
ROW(argmax, "the place of the first largest", infer_place, NULL, NULL, 1, NUMBER_KERNELS(argmax))
ROW(argmin, "the place of the first smallest", infer_place, NULL, NULL, 1, NUMBER_KERNELS(argmin))
#undef NUMBER_KERNELS

static wg_tensor any_sample(wg_context *ctx)
{
    return wg_any(wg_bernoulli(ctx, WG_SHAPE(3, 4), 0.3), WG_AXES(1));
}

static wg_tensor all_sample(wg_context *ctx)
{
    return wg_all(wg_bernoulli(ctx, WG_SHAPE(3, 4), 0.7), WG_AXES(1));
}

const wg_op ops_any = {.name = "any",
                       .summary = "whether one over axes holds",
                       .arity = 1,
                       .infer = infer_logic,
                       .kernel = {[WG_BOOL] = any_bool},
                       .sample = any_sample,
                       .flops = reduction_flops};
const wg_op ops_all = {.name = "all",
                       .summary = "whether each over axes holds",
                       .arity = 1,
                       .infer = infer_logic,
                       .kernel = {[WG_BOOL] = all_bool},
                       .sample = all_sample,
                       .flops = reduction_flops};

/* ---- builders ---- */

static __attribute__((noinline)) wg_tensor reduce_other(const wg_op *op, wg_tensor x, wg_axes axes, void *site)
{
    WG_ENTRY_FROM(x.context, site);
    uint32_t set, id = graph_resolve(x, op->name);
    if (!id || !ops_axes_of(x.context, id, op->name, axes, &set)) return graph_poison(x.context);
    return ops_one_integers_anew(x.context, op, id, 2, (const int64_t[]){set, axes.keep});
}

static __attribute__((noinline)) wg_tensor reduce(const wg_op *op, wg_tensor x, wg_axes axes, void *site)
{
    uint32_t set;
    wg_tensor y;
    const node *n = graph_live(x);
    if (!n || !axes_set(x.context->shapes[n->shape].rank, axes, &set)) return reduce_other(op, x, axes, site);
    const int64_t integers[] = {set, axes.keep};
    const graph_record record = {.op = op, .count = 1, .inputs = &x.id, .integer_count = 2, .integers = integers};
    return append_again(x.context, site, &record, &y) ? y : reduce_other(op, x, axes, site);
}

static wg_tensor reduce_one(const wg_op *op, wg_tensor x, int axis)
{
    int index;
    if (!ops_axis(x, op->name, axis, &index)) return graph_poison(x.context);
    return ops_one(op, x, &(wg_attributes){.integer = {(int64_t)1 << index, 0}}, WG_DEFAULT, NULL);
}

#define OVER_AXES(name)                                \
    wg_tensor wg_##name(wg_tensor x, wg_axes axes)     \
    {                                                  \
        return reduce(&ops_##name, x, axes, OPS_SITE); \
    }
#define OVER_ONE_AXIS(name)                      \
    wg_tensor wg_##name(wg_tensor x, int axis)   \
    {                                            \
        WG_ENTRY(x.context);                     \
        return reduce_one(&ops_##name, x, axis); \
    }

OVER_AXES(sum)
OVER_AXES(prod)
OVER_AXES(max)
OVER_AXES(min)
OVER_AXES(any)
OVER_AXES(all)
OVER_ONE_AXIS(argmax)
OVER_ONE_AXIS(argmin)
