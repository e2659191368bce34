/* Convolution and its two adjoints. One trilinear form T(x, y, w) relates an input x [n, groups i, spatial...], an
   output y [n, groups o, spatial...] and weights w [groups o, i, kernel...]:

       T = sum over n, group, o, i, place p of y and k of w of  x[n, group i, p stride - low + k dilation] y[n, group o,
   p] w[group o, i, k]

   with zeros outside x. Each op is the derivative of T by one of the three, so the three are closed under
   differentiation: conv gives y from x and w, conv_transpose gives x from y and w, conv_filter gives w from x and y.

   integer = stride, dilation, low padding and the length of the result, for up to three axes each; then groups. The
   high padding follows from the lengths: what lies beyond the last window is not used. */
#include "ops/convolution.h"

#include "graph/shape.h"
#include "ops/builder.h"
#include "ops/rows.h"

#include <wengert/functions.h>

#include <string.h>

/* ---- geometry ---- */

conv_geometry conv_geometry_of(const wg_shape *x, const wg_shape *y, const wg_shape *w, const wg_attributes *a)
{
    conv_geometry q = {.batch = x->dim[0], .groups = a->integer[CONV_GROUPS], .inputs = w->dim[1]};
    q.outputs = w->dim[0] / q.groups;
    q.x_size = q.y_size = q.w_size = 1;
    for (int i = 0, missing = CONV_AXES + 2 - x->rank; i < CONV_AXES; i++) {
        int axis = i - missing;
        bool there = axis >= 0;
        q.x[i] = there ? x->dim[2 + axis] : 1;
        q.y[i] = there ? y->dim[2 + axis] : 1;
        q.w[i] = there ? w->dim[2 + axis] : 1;
        q.stride[i] = there ? a->integer[CONV_STRIDE + axis] : 1;
        q.dilation[i] = there ? a->integer[CONV_DILATION + axis] : 1;
        q.low[i] = there ? a->integer[CONV_LOW + axis] : 0;
        q.x_size *= q.x[i], q.y_size *= q.y[i], q.w_size *= q.w[i];
    }
    return q;
}

/* The place in x that place p of y meets with place k of the weights; -1: outside. */
static inline int64_t place_in_x(const conv_geometry *q, const int64_t p[CONV_AXES], const int64_t k[CONV_AXES])
{
    int64_t place = 0;
    for (int i = 0; i < CONV_AXES; i++) {
        int64_t at = p[i] * q->stride[i] - q->low[i] + k[i] * q->dilation[i];
        if (at < 0 || at >= q->x[i]) return -1;
        place = place * q->x[i] + at;
    }
    return place;
}

/* The place in y whose window has place p of x at place k; -1: there is none. */
static inline int64_t place_in_y(const conv_geometry *q, const int64_t p[CONV_AXES], const int64_t k[CONV_AXES])
{
    int64_t place = 0;
    for (int i = 0; i < CONV_AXES; i++) {
        int64_t at = p[i] + q->low[i] - k[i] * q->dilation[i];
        if (at < 0 || at % q->stride[i] != 0 || at / q->stride[i] >= q->y[i]) return -1;
        place = place * q->y[i] + at / q->stride[i];
    }
    return place;
}

static void next_index(const int64_t length[CONV_AXES], int64_t index[CONV_AXES])
{
    for (int i = CONV_AXES; i-- > 0; index[i] = 0)
        if (++index[i] < length[i]) return;
}

/* ---- kernels: one result element after the other, its terms in a fixed order, summed in f64; padding counts as the
   zeros that it is, so that a NaN beside it is one ---- */

/* Terms of y[n, c, p]: sum over i and k. */
#define FORWARD(name, T)                                                                                        \
    static double forward_##name(const conv_geometry *q, const T *x, const T *w, const int64_t p[CONV_AXES])    \
    {                                                                                                           \
        double sum = 0;                                                                                         \
        for (int64_t i = 0; i < q->inputs; i++, x += q->x_size) {                                               \
            int64_t k[CONV_AXES] = {0};                                                                         \
            for (int64_t at = 0; at < q->w_size; at++, w++, next_index(q->w, k)) {                              \
                int64_t place = place_in_x(q, p, k);                                                            \
                sum += (place < 0 ? 0 : (double)x[place]) * (double)*w;                                         \
            }                                                                                                   \
        }                                                                                                       \
        return sum;                                                                                             \
    }                                                                                                           \
    static void conv_##name(const wg_call *call)                                                                \
    {                                                                                                           \
        const wg_array *in = call->inputs;                                                                      \
        conv_geometry q = conv_geometry_of(&in[0].shape, &call->output->shape, &in[1].shape, call->attributes); \
        const T *x = in[0].data, *w = in[1].data;                                                               \
        T *y = call->output->data;                                                                              \
        for (int64_t n = 0; n < q.batch; n++)                                                                   \
            for (int64_t c = 0; c < q.groups * q.outputs; c++) {                                                \
                int64_t p[CONV_AXES] = {0};                                                                     \
                const T *from = x + (n * q.groups + c / q.outputs) * q.inputs * q.x_size;                       \
                for (int64_t at = 0; at < q.y_size; at++, next_index(q.y, p))                                   \
                    *y++ = (T)forward_##name(&q, from, w + c * q.inputs * q.w_size, p);                         \
            }                                                                                                   \
    }

/* Terms of x[n, c, p]: sum over o and k. */
#define TRANSPOSED(name, T)                                                                                     \
    static double transposed_##name(const conv_geometry *q, const T *y, const T *w, const int64_t p[CONV_AXES]) \
    {                                                                                                           \
        double sum = 0;                                                                                         \
        for (int64_t o = 0; o < q->outputs; o++, y += q->y_size, w += q->inputs * q->w_size) {                  \
            int64_t k[CONV_AXES] = {0};                                                                         \
            for (int64_t at = 0; at < q->w_size; at++, next_index(q->w, k)) {                                   \
                int64_t place = place_in_y(q, p, k);                                                            \
                if (place >= 0) sum += (double)y[place] * (double)w[at];                                        \
            }                                                                                                   \
        }                                                                                                       \
        return sum;                                                                                             \
    }                                                                                                           \
    static void conv_transpose_##name(const wg_call *call)                                                      \
    {                                                                                                           \
        const wg_array *in = call->inputs;                                                                      \
        conv_geometry q = conv_geometry_of(&call->output->shape, &in[0].shape, &in[1].shape, call->attributes); \
        const T *y = in[0].data, *w = in[1].data;                                                               \
        T *x = call->output->data;                                                                              \
        for (int64_t n = 0; n < q.batch; n++)                                                                   \
            for (int64_t c = 0; c < q.groups * q.inputs; c++) {                                                 \
                int64_t p[CONV_AXES] = {0}, group = c / q.inputs;                                               \
                const T *from = y + (n * q.groups + group) * q.outputs * q.y_size;                              \
                const T *weights = w + (group * q.outputs * q.inputs + c % q.inputs) * q.w_size;                \
                for (int64_t at = 0; at < q.x_size; at++, next_index(q.x, p))                                   \
                    *x++ = (T)transposed_##name(&q, from, weights, p);                                          \
            }                                                                                                   \
    }

/* Terms of w[c, i, k]: sum over n and the places of y. */
#define FILTER(name, T)                                                                                         \
    static double filter_##name(const conv_geometry *q, const T *x, const T *y, const int64_t k[CONV_AXES])     \
    {                                                                                                           \
        double sum = 0;                                                                                         \
        for (int64_t n = 0; n < q->batch; n++) {                                                                \
            int64_t p[CONV_AXES] = {0};                                                                         \
            for (int64_t at = 0; at < q->y_size; at++, next_index(q->y, p)) {                                   \
                int64_t place = place_in_x(q, p, k);                                                            \
                sum += (place < 0 ? 0 : (double)x[place]) * (double)y[at];                                      \
            }                                                                                                   \
            x += q->groups * q->inputs * q->x_size;                                                             \
            y += q->groups * q->outputs * q->y_size;                                                            \
        }                                                                                                       \
        return sum;                                                                                             \
    }                                                                                                           \
    static void conv_filter_##name(const wg_call *call)                                                         \
    {                                                                                                           \
        const wg_array *in = call->inputs;                                                                      \
        conv_geometry q = conv_geometry_of(&in[0].shape, &in[1].shape, &call->output->shape, call->attributes); \
        const T *x = in[0].data, *y = in[1].data;                                                               \
        T *w = call->output->data;                                                                              \
        for (int64_t c = 0; c < q.groups * q.outputs; c++)                                                      \
            for (int64_t i = 0; i < q.inputs; i++) {                                                            \
                int64_t k[CONV_AXES] = {0}, channel = c / q.outputs * q.inputs + i;                             \
                for (int64_t at = 0; at < q.w_size; at++, next_index(q.w, k))                                   \
                    *w++ = (T)filter_##name(&q, x + channel * q.x_size, y + c * q.y_size, k);                   \
            }                                                                                                   \
    }

FORWARD(f32, float)
FORWARD(f64, double)
TRANSPOSED(f32, float)
TRANSPOSED(f64, double)
FILTER(f32, float)
FILTER(f64, double)

static double flops_of(const wg_shape *x, const wg_shape *y, const wg_shape *w, const wg_attributes *a)
{
    conv_geometry q = conv_geometry_of(x, y, w, a);
    return 2 * (double)q.batch * (double)(q.groups * q.outputs) * (double)q.inputs * (double)q.y_size *
           (double)q.w_size;
}

static double conv_flops(const wg_call *call)
{
    return flops_of(&call->inputs[0].shape, &call->output->shape, &call->inputs[1].shape, call->attributes);
}

static double conv_transpose_flops(const wg_call *call)
{
    return flops_of(&call->output->shape, &call->inputs[0].shape, &call->inputs[1].shape, call->attributes);
}

static double conv_filter_flops(const wg_call *call)
{
    return flops_of(&call->inputs[0].shape, &call->inputs[1].shape, &call->output->shape, call->attributes);
}

/* ---- shape rules ---- */

/* Types, ranks and attributes; the output's rank and spatial lengths. */
static bool infer_common(const wg_call *call, char *message, size_t size)
{
    const wg_array *a = &call->inputs[0], *b = &call->inputs[1];
    const int64_t *integer = call->attributes->integer;
    int rank = a->shape.rank;
    *call->output = (wg_array){a->type, {.rank = rank}, NULL};
    if (a->type != b->type) return refuse_types(call, message, size, "element types differ");
    if (!type_is_float(a->type))
        return refuse_types(call, message, size, "works on floats, not %s", wg_type_name(a->type));
    if (rank < 3 || rank > CONV_AXES + 2 || b->shape.rank != rank)
        return refuse(message, size,
                      "wants two operands of equal rank: [n, channels, ...] with one to three axes more");
    if (integer[CONV_GROUPS] < 1) return refuse(message, size, "%lld groups", (long long)integer[CONV_GROUPS]);
    for (int i = 0; i < rank - 2; i++) {
        bool fits = integer[CONV_STRIDE + i] >= 1 && integer[CONV_DILATION + i] >= 1 && integer[CONV_LOW + i] >= 0;
        for (int k = 0; k < CONV_LENGTH; k += CONV_AXES) fits = fits && integer[k + i] <= INT32_MAX;
        if (!fits || integer[CONV_LENGTH + i] < 0)
            return refuse(message, size, "stride, dilation, padding or length of spatial axis %d is out of range", i);
        call->output->shape.dim[2 + i] = integer[CONV_LENGTH + i];
    }
    return true;
}

static bool whole_groups(const wg_call *call, int64_t channels, const char *what, char *message, size_t size)
{
    int64_t groups = call->attributes->integer[CONV_GROUPS];
    return channels % groups == 0 || refuse(message, size, "%lld %s channels do not make %lld groups",
                                            (long long)channels, what, (long long)groups);
}

static bool infer_conv(const wg_call *call, char *message, size_t size)
{
    const int64_t *x = call->inputs[0].shape.dim, *w = call->inputs[1].shape.dim, *a = call->attributes->integer;
    if (!infer_common(call, message, size)) return false;
    call->output->shape.dim[0] = x[0];
    call->output->shape.dim[1] = w[0];
    if (!whole_groups(call, x[1], "input", message, size) || !whole_groups(call, w[0], "output", message, size))
        return false;
    return x[1] / a[CONV_GROUPS] == w[1] ||
           refuse(message, size, "the weights take %lld channels of each group, not %lld", (long long)w[1],
                  (long long)(x[1] / a[CONV_GROUPS]));
}

static bool infer_conv_transpose(const wg_call *call, char *message, size_t size)
{
    const int64_t *y = call->inputs[0].shape.dim, *w = call->inputs[1].shape.dim, *a = call->attributes->integer;
    if (!infer_common(call, message, size)) return false;
    call->output->shape.dim[0] = y[0];
    if (__builtin_mul_overflow(w[1], a[CONV_GROUPS], &call->output->shape.dim[1]))
        return refuse(message, size, "%lld groups", (long long)a[CONV_GROUPS]);
    if (!whole_groups(call, y[1], "input", message, size)) return false;
    return y[1] == w[0] ||
           refuse(message, size, "the weights take %lld channels, not %lld", (long long)w[0], (long long)y[1]);
}

static bool infer_conv_filter(const wg_call *call, char *message, size_t size)
{
    const int64_t *x = call->inputs[0].shape.dim, *y = call->inputs[1].shape.dim, *a = call->attributes->integer;
    if (!infer_common(call, message, size)) return false;
    if (!whole_groups(call, x[1], "input", message, size) || !whole_groups(call, y[1], "output", message, size))
        return false;
    call->output->shape.dim[0] = y[1];
    call->output->shape.dim[1] = x[1] / a[CONV_GROUPS];
    return x[0] == y[0] || refuse(message, size, "inputs and outputs differ in number");
}

/* ---- gradients ---- */

/* The derivative of T by what `op` gives, from the other two; its spatial lengths are those of `like`. */
static wg_tensor derivative(const wg_op *op, wg_tensor a, wg_tensor b, wg_tensor y, wg_tensor like)
{
    wg_attributes attributes = wg_attributes_of(y);
    wg_shape shape = wg_shape_of(like);
    memcpy(attributes.integer + CONV_LENGTH, shape.dim + 2, (size_t)(shape.rank - 2) * sizeof *shape.dim);
    return wg_apply(op, WG_LIST(a, b), &attributes);
}

static void conv_vjp(wg_tensor y, wg_tensor g, wg_tensor *gradients)
{
    wg_tensor x = graph_operand(y, 0), w = graph_operand(y, 1);
    if (graph_wanted(y, 0)) gradients[0] = derivative(&ops_conv_transpose, g, w, y, x);
    if (graph_wanted(y, 1)) gradients[1] = derivative(&ops_conv_filter, x, g, y, w);
}

static void conv_transpose_vjp(wg_tensor x, wg_tensor g, wg_tensor *gradients)
{
    wg_tensor y = graph_operand(x, 0), w = graph_operand(x, 1);
    if (graph_wanted(x, 0)) gradients[0] = derivative(&ops_conv, g, w, x, y);
    if (graph_wanted(x, 1)) gradients[1] = derivative(&ops_conv_filter, g, y, x, w);
}

static void conv_filter_vjp(wg_tensor w, wg_tensor g, wg_tensor *gradients)
{
    wg_tensor x = graph_operand(w, 0), y = graph_operand(w, 1);
    if (graph_wanted(w, 0)) gradients[0] = derivative(&ops_conv_transpose, y, g, w, x);
    if (graph_wanted(w, 1)) gradients[1] = derivative(&ops_conv, x, g, w, y);
}

/* ---- rows ---- */

static const wg_conv_window sample_window = {
    .stride = {2, 1}, .dilation = {1, 2}, .low = {1, 0}, .high = {0, 2}, .groups = 2};

static wg_tensor conv_sample(wg_context *ctx)
{
    wg_tensor x = wg_uniform(ctx, WG_SHAPE(2, 4, 5, 6), -2, 2), w = wg_uniform(ctx, WG_SHAPE(6, 2, 3, 2), -2, 2);
    return wg_conv(x, w, &sample_window);
}

static wg_tensor conv_transpose_sample(wg_context *ctx)
{
    wg_tensor y = wg_uniform(ctx, WG_SHAPE(2, 6, 2, 6), -2, 2), w = wg_uniform(ctx, WG_SHAPE(6, 2, 3, 2), -2, 2);
    return wg_conv_transpose(y, w, WG_SHAPE(5, 6), &sample_window);
}

static wg_tensor conv_filter_sample(wg_context *ctx)
{
    wg_tensor x = wg_uniform(ctx, WG_SHAPE(2, 4, 5, 6), -2, 2), y = wg_uniform(ctx, WG_SHAPE(2, 6, 2, 6), -2, 2);
    return wg_conv_filter(x, y, WG_SHAPE(3, 2), &sample_window);
}

#define ROW(name_, summary_)                                        \
    const wg_op ops_##name_ = {                                     \
        .name = #name_,                                             \
        .summary = summary_,                                        \
        .arity = 2,                                                 \
        .infer = infer_##name_,                                     \
        .kernel = {[WG_F32] = name_##_f32, [WG_F64] = name_##_f64}, \
        .vjp = name_##_vjp,                                         \
        .flops = name_##_flops,                                     \
        .sample = name_##_sample,                                   \
        .numerics = {-2, 2, -1},                                    \
    };

ROW(conv, "the convolution of inputs with weights")
ROW(conv_transpose, "the adjoint of conv by its inputs")
ROW(conv_filter, "the adjoint of conv by its weights")
