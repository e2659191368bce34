/* Ops as a user writes them, for tests: right ones, of which tests plant copies with one mistake. */
#ifndef TESTS_CUSTOM_H
#define TESTS_CUSTOM_H

#include "tests/scratch.h"

/* Fails the shape rule with a reason, and is false. */
static inline bool custom_refuse(char *message, size_t size, const char *reason)
{
    snprintf(message, size, "%s", reason);
    return false;
}

/* ---- ema: y[t] = a y[t-1] + (1 - a) x[t] along the last axis, row by row ---- */

static bool ema_infer(const wg_call *call, char *message, size_t size)
{
    double a = call->attributes->real[0];
    const wg_array *x = &call->inputs[0];
    *call->output = (wg_array){.type = x->type, .shape = x->shape};
    return (x->shape.rank >= 1 && a >= 0 && a < 1) ||
           custom_refuse(message, size, "needs an axis and a factor in [0, 1)");
}

#define EMA(name, T)                                                                           \
    static void name(const wg_call *call)                                                      \
    {                                                                                          \
        const T *x = call->inputs[0].data;                                                     \
        T *y = call->output->data, a = (T)call->attributes->real[0];                           \
        int64_t rows = call->output->shape.dim[0], time = call->output->shape.dim[1];          \
        for (int64_t r = 0; r < rows; r++, x += time, y += time)                               \
            for (int64_t t = 0; t < time; t++) y[t] = (t ? a * y[t - 1] : 0) + (1 - a) * x[t]; \
    }
EMA(ema_f32, float)
EMA(ema_f64, double)

static wg_tensor ema(wg_tensor x, double a);

static void ema_vjp(wg_tensor y, wg_tensor g, wg_tensor *out)
{
    out[0] = wg_flip(ema(wg_flip(g, -1), wg_attributes_of(y).real[0]), -1);
}

static wg_tensor ema_sample(wg_context *ctx)
{
    return ema(wg_normal(ctx, WG_SHAPE(3, 5)), 0.9);
}

static const wg_op ema_op = {.name = "ema",
                             .summary = "y[t] = a y[t-1] + (1 - a) x[t] along the last axis",
                             .arity = 1,
                             .row_wise = true,
                             .infer = ema_infer,
                             .kernel = {[WG_F32] = ema_f32, [WG_F64] = ema_f64},
                             .vjp = ema_vjp,
                             .sample = ema_sample};

static wg_tensor ema(wg_tensor x, double a)
{
    return wg_apply(&ema_op, WG_LIST(x), &(wg_attributes){.real = {a}});
}

/* ---- bell: a exp(-b^2), element by element ---- */

static bool bell_infer(const wg_call *call, char *message, size_t size)
{
    const wg_array *a = &call->inputs[0], *b = &call->inputs[1];
    *call->output = *a;
    if (a->type != b->type) {
        call->output->type = WG_DEFAULT;
        return custom_refuse(message, size, "element types differ");
    }
    return wg_shape_equal(a->shape, b->shape) || custom_refuse(message, size, "shapes differ");
}

#define BELL(name, T, exponential)                                                                                \
    static void name(const wg_call *call)                                                                         \
    {                                                                                                             \
        const T *a = call->inputs[0].data, *b = call->inputs[1].data;                                             \
        T *y = call->output->data;                                                                                \
        for (int64_t i = 0; i < wg_shape_size(call->output->shape); i++) y[i] = a[i] * exponential(-b[i] * b[i]); \
    }
BELL(bell_f32, float, expf)
BELL(bell_f64, double, exp)

static wg_tensor bell_of(wg_tensor a, wg_tensor b)
{
    return wg_mul(a, wg_exp(wg_neg(wg_square(b))));
}

static void bell_vjp(wg_tensor y, wg_tensor g, wg_tensor *out)
{
    wg_tensor b = wg_input(y, 1);
    out[0] = bell_of(g, b);
    out[1] = wg_mul_scalar(wg_mul(wg_mul(g, y), b), -2);
}

static wg_tensor bell_sample(wg_context *ctx);

static const wg_op bell_op = {.name = "bell",
                              .summary = "a exp(-b^2)",
                              .arity = 2,
                              .row_wise = true,
                              .elementwise = true,
                              .infer = bell_infer,
                              .kernel = {[WG_F32] = bell_f32, [WG_F64] = bell_f64},
                              .vjp = bell_vjp,
                              .sample = bell_sample,
                              .numerics = {-2, 2, 8}};

static wg_tensor bell_sample(wg_context *ctx)
{
    wg_tensor a = wg_uniform(ctx, WG_SHAPE(2, 7), -2, 2), b = wg_uniform(ctx, WG_SHAPE(2, 7), -2, 2);
    return wg_apply(&bell_op, WG_LIST(a, b), NULL);
}

/* ---- thin: keeps each element with probability 1/2, the others become 0 ---- */

static bool thin_infer(const wg_call *call, char *message, size_t size)
{
    (void)message, (void)size;
    *call->output = call->inputs[0];
    return true;
}

/* A hash of the seed, the draw and the place (after splitmix64). */
static inline bool thin_keeps(const wg_attributes *a, int64_t i)
{
    uint64_t z = (uint64_t)a->real[1] ^ (uint64_t)a->real[2] << 32;
    z += ((uint64_t)a->real[0] << 24) + (uint64_t)i * UINT64_C(0x9e3779b97f4a7c15) + 1;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z >> 63;
}

#define THIN(name, T)                                                    \
    static void name(const wg_call *call)                                \
    {                                                                    \
        const T *x = call->inputs[0].data;                               \
        T *y = call->output->data;                                       \
        for (int64_t i = 0; i < wg_shape_size(call->output->shape); i++) \
            y[i] = thin_keeps(call->attributes, i) ? x[i] : 0;           \
    }
THIN(thin_f32, float)
THIN(thin_f64, double)

static bool mask_infer(const wg_call *call, char *message, size_t size)
{
    return thin_infer(call, message, size);
}

/* The same choice once more: its own attributes hold the draw of the first among the integers. */
#define MASK(name, T)                                                                                             \
    static void name(const wg_call *call)                                                                         \
    {                                                                                                             \
        const wg_attributes *a = call->attributes;                                                                \
        wg_attributes drawn = {.real = {(double)a->integer[0], (double)a->integer[1], (double)a->integer[2]}};    \
        const T *x = call->inputs[0].data;                                                                        \
        T *y = call->output->data;                                                                                \
        for (int64_t i = 0; i < wg_shape_size(call->output->shape); i++) y[i] = thin_keeps(&drawn, i) ? x[i] : 0; \
    }
MASK(mask_f32, float)
MASK(mask_f64, double)

static wg_tensor mask(wg_tensor x, const wg_attributes *drawn);

static void mask_vjp(wg_tensor y, wg_tensor g, wg_tensor *out)
{
    wg_attributes a = wg_attributes_of(y);
    out[0] = mask(g, &(wg_attributes){.real = {(double)a.integer[0], (double)a.integer[1], (double)a.integer[2]}});
}

static const wg_op mask_op = {.name = "mask",
                              .summary = "x where a given draw keeps it, else 0",
                              .arity = 1,
                              .infer = mask_infer,
                              .kernel = {[WG_F32] = mask_f32, [WG_F64] = mask_f64},
                              .vjp = mask_vjp};

static wg_tensor mask(wg_tensor x, const wg_attributes *a)
{
    wg_attributes drawn = {.integer = {(int64_t)a->real[0], (int64_t)a->real[1], (int64_t)a->real[2]}};
    return wg_apply(&mask_op, WG_LIST(x), &drawn);
}

static void thin_vjp(wg_tensor y, wg_tensor g, wg_tensor *out)
{
    wg_attributes drawn = wg_attributes_of(y);
    out[0] = mask(g, &drawn);
}

static wg_tensor thin_sample(wg_context *ctx);

static const wg_op thin_op = {.name = "thin",
                              .summary = "x with probability 1/2, else 0",
                              .arity = 1,
                              .random = true,
                              .infer = thin_infer,
                              .kernel = {[WG_F32] = thin_f32, [WG_F64] = thin_f64},
                              .vjp = thin_vjp,
                              .sample = thin_sample};

static wg_tensor thin_sample(wg_context *ctx)
{
    wg_tensor x = wg_normal(ctx, WG_SHAPE(4, 6));
    return wg_apply(&thin_op, WG_LIST(x), NULL);
}

#endif
