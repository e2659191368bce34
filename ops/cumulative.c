/* The cumulative sum along one axis. integer = axis, and whether it runs from the end: the VJP of one is the other. */
#include "ops/builder.h"
#include "ops/rows.h"
#include "ops/wrap.h"

#include <wengert/functions.h>

static bool infer_cumsum(const wg_call *call, char *message, size_t size)
{
    const wg_array *x = &call->inputs[0];
    int64_t axis = call->attributes->integer[0];
    *call->output = (wg_array){type_is_float(x->type) ? x->type : WG_I64, x->shape, NULL};
    if (x->type == WG_U8) return refuse_types(call, message, size, "does not work on u8: cast it");
    return (axis >= 0 && axis < x->shape.rank) || refuse(message, size, "axis %lld is out of range", (long long)axis);
}

enum { COLUMNS = 32 }; /* that are summed at once where the axis is not the last one */

/* Row by row, each in the sums of some columns. */
#define CUMSUM(name, From, To, Sum)                                                                            \
    WRAPS static void cumsum_##name(const wg_call *call)                                                       \
    {                                                                                                          \
        const int64_t *a = call->attributes->integer;                                                          \
        shape_split s = shape_around(&call->output->shape, (int)a[0]);                                         \
        int64_t first = a[1] ? (s.length - 1) * s.inner : 0, row = a[1] ? -s.inner : s.inner;                  \
        const From *in = (const From *)call->inputs[0].data;                                                   \
        To *out = (To *)call->output->data;                                                                    \
        for (int64_t o = 0; o < s.outer && s.length; o++, in += s.length * s.inner, out += s.length * s.inner) \
            for (int64_t begin = 0; begin < s.inner; begin += COLUMNS) {                                       \
                int64_t at = first + begin, columns = s.inner - begin < COLUMNS ? s.inner - begin : COLUMNS;   \
                Sum sum[COLUMNS] = {0};                                                                        \
                for (int64_t i = 0; i < s.length; i++, at += row)                                              \
                    for (int64_t k = 0; k < columns; k++) out[at + k] = (To)(sum[k] += (Sum)in[at + k]);       \
            }                                                                                                  \
    }

CUMSUM(f32, float, float, double)
CUMSUM(f64, double, double, double)
CUMSUM(i32, int32_t, int64_t, int64_t)
CUMSUM(i64, int64_t, int64_t, int64_t)
CUMSUM(bool, bool, int64_t, int64_t)

static wg_tensor cumsum(wg_tensor x, int axis, bool reverse)
{
    return ops_one(&ops_cumsum, x, &(wg_attributes){.integer = {axis, reverse}}, WG_DEFAULT, NULL);
}

static void cumsum_vjp(wg_tensor y, wg_tensor g, wg_tensor *gradients)
{
    const int64_t *a = ops_integers(y);
    gradients[0] = cumsum(g, (int)a[0], !a[1]);
}

static wg_tensor cumsum_sample(wg_context *ctx)
{
    return wg_cumsum(wg_uniform(ctx, WG_SHAPE(2, 5, 3), -4, 4), 1);
}

const wg_op ops_cumsum = {
    .name = "cumsum",
    .summary = "the sum of all elements up to each one along an axis",
    .arity = 1,
    .infer = infer_cumsum,
    .kernel = {[WG_F32] = cumsum_f32,
               [WG_F64] = cumsum_f64,
               [WG_I32] = cumsum_i32,
               [WG_I64] = cumsum_i64,
               [WG_BOOL] = cumsum_bool},
    .vjp = cumsum_vjp,
    .sample = cumsum_sample,
    .numerics = {-4, 4, 1},
};

wg_tensor wg_cumsum(wg_tensor x, int axis)
{
    WG_ENTRY(x.context);
    int index;
    if (!ops_axis(x, "cumsum", axis, &index)) return graph_poison(x.context);
    return cumsum(x, index, false);
}
