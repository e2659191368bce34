/* The check of an op accepts right ones and finds each planted mistake, with a line that says what is wrong. */
#include "tests/custom.h"

enum { TEXT = 4000 };

/* Checks an op; what was printed goes to `text`. */
static bool check(const wg_op *op, char text[TEXT])
{
    wg_context *ctx = scratch_context_with((wg_context_options){.seed = 4});
    wg_tensor kept = wg_normal(ctx, WG_SHAPE(3));
    wg_stats before = wg_context_stats(ctx);
    memset(text, 0, TEXT);
    FILE *file = tmpfile();
    bool passed = wg_op_check(ctx, op, file);
    rewind(file);
    cr_expect_lt(fread(text, 1, TEXT - 1, file), (size_t)TEXT - 1);
    fclose(file);
    cr_expect_not(wg_failed(ctx), "%s", wg_error(ctx));
    wg_stats after = wg_context_stats(ctx);
    cr_expect(after.recorded == before.recorded && after.draws == before.draws);
    cr_expect(isfinite(wg_item(wg_sum(kept, WG_ALL))), "%s", wg_error(ctx));
    cr_expect_eq(wg_op_check(ctx, op, NULL), passed, "silently another verdict");
    scratch_close(ctx);
    return passed;
}

static void accept(const wg_op *op)
{
    char text[TEXT];
    cr_expect(check(op, text), "%s", text);
    cr_expect_not_null(strstr(text, "  passed in f32 and f64"), "%s", text);
}

/* The mistake must be found, and said in these words. */
static void reject(const wg_op *op, const char *words)
{
    char text[TEXT];
    cr_expect_not(check(op, text), "%s: not found\n%s", words, text);
    cr_expect_not_null(strstr(text, words), "not \"%s\":\n%s", words, text);
    cr_expect_not_null(strstr(text, "  FAILED: "), "%s", text);
}

/* A copy with one field changed. */
#define REJECT(name, words, ...)   \
    do {                           \
        wg_op changed = name##_op; \
        changed.__VA_ARGS__;       \
        reject(&changed, words);   \
    } while (0)

/* ---- right ones ---- */

Test(accepts, right_ops)
{
    accept(&ema_op);
    accept(&bell_op);
    accept(&thin_op);
    char text[TEXT];
    cr_expect(check(&ema_op, text));
    cr_expect_str_eq(text, "op ema: y[t] = a y[t-1] + (1 - a) x[t] along the last axis\n  passed in f32 and f64\n");
    wg_op flat = bell_op;
    flat.vjp = NULL;
    cr_expect(check(&flat, text));
    cr_expect_not_null(strstr(text, "it has no gradient"), "%s", text);
}

/* ---- fields ---- */

Test(fields, missing)
{
    reject(&(wg_op){0}, "there is no name");
    reject(&(wg_op){0}, "there is no kernel");
    REJECT(ema, "there is no summary", summary = NULL);
    REJECT(ema, "there is no infer", infer = NULL);
    REJECT(ema, "there is no sample", sample = NULL);
    REJECT(ema, "the arity is -7", arity = -7);
    REJECT(ema, "ema: takes 2 operands, not 1", arity = 2);
    REJECT(ema, "there is no kernel for f64, in which gradient checks compute", kernel[WG_F64] = NULL);
    REJECT(ema, "there is no kernel for f32", kernel[WG_F32] = NULL);
    REJECT(ema, "a predicate is element-wise", predicate = true);
    REJECT(bell, "predicate: set for element-wise ops with a bool result", predicate = true);
    REJECT(ema, "an alias has no kernel", alias = true);
    REJECT(bell, "an accuracy of nan ULP", numerics.ulp = NAN);
    REJECT(bell, "tests cannot draw from [-2, -3]", numerics.high = -3);
    REJECT(ema, "the sample records ema, not other", name = "other");
}

static wg_tensor failing_sample(wg_context *ctx)
{
    return ema(wg_normal(ctx, WG_SCALAR), 0.9);
}

static wg_tensor no_sample(wg_context *ctx)
{
    (void)ctx;
    return WG_NONE;
}

static wg_tensor one_row(wg_context *ctx)
{
    return ema(wg_normal(ctx, WG_SHAPE(5)), 0.9);
}

static wg_tensor infinite_sample(wg_context *ctx)
{
    return ema(wg_full(ctx, WG_SHAPE(2, 3), INFINITY), 0.9);
}

Test(fields, samples)
{
    REJECT(ema, "the sample fails: ema: needs an axis", sample = failing_sample);
    REJECT(ema, "the sample", sample = no_sample);
    REJECT(ema, "less than two rows", sample = one_row);
    REJECT(ema, "the sample's result is not finite", sample = infinite_sample);
}

/* ---- shape rules ---- */

#define INFER(name, ...)                                              \
    static bool name(const wg_call *call, char *message, size_t size) \
    {                                                                 \
        (void)message, (void)size;                                    \
        *call->output = call->inputs[0];                              \
        call->output->data = NULL;                                    \
        __VA_ARGS__;                                                  \
        return true;                                                  \
    }
INFER(negative, call->output->shape.dim[0] = -2)
INFER(overflowing, call->output->shape.dim[0] = INT64_MAX / 2)
INFER(rank_nine, call->output->shape.rank = 9)
INFER(rank_below_zero, call->output->shape.rank = -1)
INFER(no_type, call->output->type = WG_DEFAULT)
INFER(strange_type, call->output->type = (wg_type)77)
INFER(shrinking, call->output->shape.dim[0] -= 2)
INFER(silent, if (call->inputs[0].type == WG_BOOL) return false)
INFER(forgetful, if (call->inputs[0].shape.rank == 2) call->output->shape.dim[0] = call->inputs[0].shape.dim[1])
INFER(long_winded, if (call->inputs[0].type == WG_BOOL) return memset(message, 'x', size), false)

static bool lazy(const wg_call *call, char *message, size_t size)
{
    (void)message, (void)size;
    call->output->type = call->inputs[0].type;
    if (call->output->shape.rank == 0) call->output->shape = call->inputs[0].shape;
    return true;
}

#ifndef WG_VERIFY /* where the tape itself is held to it */
static bool moody(const wg_call *call, char *message, size_t size)
{
    static int times;
    thin_infer(call, message, size);
    return times++ % 3 != 2 || custom_refuse(message, size, "not now");
}
#endif

Test(infer, impossible_results)
{
    REJECT(thin, "thin: a length is negative: [-2, 6]", infer = negative);
    REJECT(thin, "thin: the size overflows", infer = overflowing);
    REJECT(thin, "thin: the rank must be 0 to 8", infer = rank_nine);
    REJECT(thin, "thin: the rank must be 0 to 8", infer = rank_below_zero);
    REJECT(thin, "thin: the result would have no element type: 0", infer = no_type);
    REJECT(thin, "thin: the result would have no element type: 77", infer = strange_type);
    REJECT(ema, "infer accepts f32 [0] and gives f32 [-2]: a length is negative", infer = shrinking);
}

Test(infer, answers)
{
    REJECT(ema, "infer refuses bool [] without a reason", infer = silent);
    REJECT(ema, "infer writes beyond its message", infer = long_winded);
    REJECT(ema, "infer depends on what the output held before", infer = lazy);
#ifndef WG_VERIFY
    REJECT(ema, "infer", infer = moody);
#endif
    REJECT(ema, "is to be row-wise, but operand 0 has 3 rows and the result 5", infer = forgetful);
}

/* ---- kernels: each mistake in both types ---- */

#define KERNELS(name, op, ...)                                \
    static void name##_f32(const wg_call *call)               \
    {                                                         \
        typedef float T;                                      \
        int64_t size = wg_shape_size(call->output->shape);    \
        T *y = call->output->data, *x = call->inputs[0].data; \
        (void)size, (void)y, (void)x;                         \
        op##_f32(call);                                       \
        __VA_ARGS__;                                          \
    }                                                         \
    static void name##_f64(const wg_call *call)               \
    {                                                         \
        typedef double T;                                     \
        int64_t size = wg_shape_size(call->output->shape);    \
        T *y = call->output->data, *x = call->inputs[0].data; \
        (void)size, (void)y, (void)x;                         \
        op##_f64(call);                                       \
        __VA_ARGS__;                                          \
    }                                                         \
    static wg_op name##_with(void)                            \
    {                                                         \
        wg_op o = op##_op;                                    \
        o.kernel[WG_F32] = name##_f32;                        \
        o.kernel[WG_F64] = name##_f64;                        \
        return o;                                             \
    }
static int calls;
KERNELS(writes_behind, ema, if (size) y[size] = 1)
KERNELS(writes_before, ema, if (size) y[-1] = 1)
KERNELS(changes_its_input, ema, if (size) x[0] += 1)
KERNELS(counts, ema, if (size) y[size - 1] += (T)++calls)
KERNELS(reads_behind, ema, if (size) y[0] += x[size] * (T)1e-3)
KERNELS(mixes_rows, ema, if (size) y[0] = x[size - 1])
KERNELS(mixes_elements, bell, if (size > 1) y[0] = x[1])
KERNELS(is_never_content, ema, if (size) snprintf(call->fault, WG_FAULT_SIZE, "factor %d", 9))

#define PARTIAL(name, T)                                                                                         \
    static void name(const wg_call *call)                                                                        \
    {                                                                                                            \
        const T *a = call->inputs[0].data, *b = call->inputs[1].data;                                            \
        T *y = call->output->data;                                                                               \
        for (int64_t i = 0; i + 1 < wg_shape_size(call->output->shape); i++) y[i] = a[i] * (T)exp(-b[i] * b[i]); \
    }
PARTIAL(all_but_one_f32, float)
PARTIAL(all_but_one_f64, double)

static void coarse_f32(const wg_call *call)
{
    float *y = call->output->data;
    bell_f32(call);
    for (int64_t i = 0; i < wg_shape_size(call->output->shape); i++) y[i] *= 1 + 20 * 0x1p-23f;
}

static void wrong_f32(const wg_call *call)
{
    float *y = call->output->data;
    ema_f32(call);
    for (int64_t i = 0; i < wg_shape_size(call->output->shape); i++) y[i] *= 1.001f;
}

Test(kernels, traces)
{
    wg_op op = writes_behind_with();
    reject(&op, "f32: the kernel writes before or behind its output");
    op = writes_before_with();
    reject(&op, "f64: the kernel writes before or behind its output");
    op = changes_its_input_with();
    reject(&op, "the kernel changes operand 0");
    op = counts_with();
    reject(&op, "element 14 of the result is another one each time");
    op = reads_behind_with();
    reject(&op, "element 0 of the result depends on what lies beside the operands");
    op = is_never_content_with();
    reject(&op, "the kernel finds fault with the sample: factor 9");
    op = bell_op;
    op.kernel[WG_F32] = all_but_one_f32;
    reject(&op, "f32: the kernel leaves element 13 of the result as it was, or reads it");
    op = bell_op;
    op.kernel[WG_F64] = all_but_one_f64;
    reject(&op, "f64: the kernel leaves element 13");
}

Test(kernels, accuracy)
{
    REJECT(bell, "ULP, and 8 are stated", kernel[WG_F32] = coarse_f32);
    REJECT(ema, "the kernel gives", kernel[WG_F32] = wrong_f32);
    REJECT(bell, "`precise` gives", precise = coarse_f32);
}

/* ---- promises ---- */

static bool odd_infer(const wg_call *call, char *message, size_t size)
{
    thin_infer(call, message, size);
    call->output->type = WG_BOOL;
    return true;
}

static void odd_f32(const wg_call *call)
{
    for (int64_t i = 0; i < wg_shape_size(call->output->shape); i++) ((uint8_t *)call->output->data)[i] = 2;
}

Test(promises, not_kept)
{
    wg_op op = mixes_rows_with();
    reject(&op, "is to be row-wise: alone, those from 0 to 1 give another element 0 than together");
    op = mixes_elements_with();
    reject(&op, "is to be element-wise: alone, those from 0 to 1 give another element 0 than together");
    REJECT(ema, "is to be element-wise", elementwise = true);
    REJECT(thin, "is to be row-wise", row_wise = true);
    REJECT(bell, "is to be random, but draws the same each time", random = true);
    op = ema_op;
    op.infer = odd_infer;
    op.row_wise = false;
    op.kernel[WG_F32] = op.kernel[WG_F64] = odd_f32;
    reject(&op, "element 0 of the result is the byte 2, and no bool");
}

/* ---- gradients ---- */

#define RULE(name, base, ...)                                  \
    static void name(wg_tensor y, wg_tensor g, wg_tensor *out) \
    {                                                          \
        base##_vjp(y, g, out);                                 \
        __VA_ARGS__;                                           \
    }
RULE(flipped, bell, out[0] = wg_neg(out[0]))
RULE(scaled, bell, out[1] = wg_mul_scalar(out[1], 1.01))
RULE(dropped, bell, out[1] = WG_NONE)
RULE(squared, bell, out[0] = wg_mul(out[0], wg_abs(g)))
RULE(shifted, bell, out[0] = wg_add_scalar(out[0], 1))
RULE(reshaped, bell, out[0] = wg_reshape(out[0], WG_SHAPE(7, 2)))
RULE(retyped, bell, out[0] = wg_cast(out[0], wg_type_of(g) == WG_F32 ? WG_F64 : WG_F32))
RULE(not_finite, bell, out[0] = wg_div(out[0], wg_zeros_like(g)))
RULE(broken, bell, out[0] = wg_matmul(wg_input(y, 0), wg_input(y, 0)))
RULE(cut_off, bell, out[1] = wg_mul_scalar(wg_mul(wg_mul(g, wg_stop_gradient(y)), wg_input(y, 1)), -2))

static void forward_in_time(wg_tensor y, wg_tensor g, wg_tensor *out)
{
    out[0] = ema(g, wg_attributes_of(y).real[0]);
}

Test(gradients, wrong_ones)
{
    REJECT(bell, "f32: the gradient by operand 0 is wrong", vjp = flipped);
    REJECT(bell, "f64: the gradient by operand 1 is wrong", vjp = scaled);
    REJECT(bell, "the gradient by operand 1 is wrong", vjp = dropped);
    REJECT(bell, "the second derivative by operand", vjp = cut_off);
    REJECT(bell, "the VJP is not linear in the cotangent: operand 0", vjp = not_finite);
    REJECT(ema, "the gradient by operand 0 is wrong", vjp = forward_in_time);
}

Test(gradients, strange_ones)
{
    REJECT(bell, "the VJP is not linear in the cotangent: operand 0", vjp = squared);
    REJECT(bell, "the VJP is not linear in the cotangent: operand 0", vjp = shifted);
    REJECT(bell, "the VJP gives f32 [7, 2] for operand 0, which is f32 [2, 7]", vjp = reshaped);
    REJECT(bell, "the VJP gives f64 [2, 7] for operand 0, which is f32 [2, 7]", vjp = retyped);
    REJECT(bell, "the VJP: matmul: inner dimensions differ", vjp = broken);
}

/* ---- kinks ---- */

#define FOLD(name, T)                                                                     \
    static void name(const wg_call *call)                                                 \
    {                                                                                     \
        const T *x = call->inputs[0].data;                                                \
        T *y = call->output->data;                                                        \
        for (int64_t i = 0; i < wg_shape_size(call->output->shape); i++)                  \
            y[i] = (T)exp((double)x[i]) + (x[i] > (T)0.3 ? (x[i] - (T)0.3) * (T)0.1 : 0); \
    }
FOLD(fold_f32, float)
FOLD(fold_f64, double)

static void fold_vjp(wg_tensor y, wg_tensor g, wg_tensor *out)
{
    wg_tensor x = wg_input(y, 0), above = wg_cast(wg_greater_scalar(x, 0.3), wg_type_of(x));
    out[0] = wg_mul(g, wg_add(wg_exp(x), wg_mul_scalar(above, 0.1)));
}

static void fold_branch(const wg_call *call, int64_t *branch)
{
    const double *x = call->inputs[0].data;
    for (int64_t i = 0; i < wg_shape_size(call->output->shape); i++) branch[i] = x[i] > 0.3;
}

static void blind_branch(const wg_call *call, int64_t *branch)
{
    for (int64_t i = 0; i < wg_shape_size(call->output->shape); i++) branch[i] = 0;
}

static wg_tensor fold_sample(wg_context *ctx);

static const wg_op fold_op = {.name = "fold",
                              .summary = "e^x + max(0, x - 0.3) / 10",
                              .arity = 1,
                              .elementwise = true,
                              .infer = thin_infer,
                              .kernel = {[WG_F32] = fold_f32, [WG_F64] = fold_f64},
                              .vjp = fold_vjp,
                              .branch = fold_branch,
                              .sample = fold_sample,
                              .numerics = {-2, 2, 4}};

static wg_tensor fold_sample(wg_context *ctx)
{
    return wg_apply(&fold_op, WG_LIST(wg_uniform(ctx, WG_SHAPE(11), -2, 2)), NULL);
}

Test(kinks, must_be_told)
{
    accept(&fold_op);
    REJECT(fold, "the result has a kink, and there is no `branch`", branch = NULL);
    REJECT(fold, "the result has a kink whose sides `branch` does not tell apart", branch = blind_branch);
}

/* ---- arguments and memory ---- */

Test(arguments, wrong_ones)
{
    wg_recover(NULL);
    cr_expect_not(wg_op_check(NULL, &ema_op, NULL));
    cr_expect_eq(wg_error_status(NULL), WG_BAD_ARGUMENT);
    wg_recover(NULL);
    wg_context *ctx = scratch_context();
    cr_expect_not(wg_op_check(ctx, NULL, NULL));
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "op_check: the op is NULL", "NULL");
    wg_scalar(NULL, 1);
    wg_matmul(wg_ones(ctx, WG_SHAPE(2)), wg_ones(ctx, WG_SHAPE(3)));
    cr_expect_not(wg_op_check(ctx, &ema_op, NULL));
    scratch_expect_error(ctx, WG_BAD_SHAPE, "matmul", "the first error stays");
    scratch_close(ctx);
}

/* Every allocation fails once: an error of the context, and no leak. */
Test(memory, runs_out)
{
    static const wg_op *const ops[] = {&ema_op, &bell_op};
    for (int k = 0; k < 2; k++)
        for (long left = 0;; left += 1 + left / 16) {
            wg_context *ctx = scratch_context();
            cr_assert_not_null(ctx);
            scratch_left = left;
            bool passed = wg_op_check(ctx, ops[k], NULL);
            scratch_left = -1;
            cr_expect(passed || wg_error_status(ctx) == WG_OUT_OF_MEMORY, "after %ld: %s", left, wg_error(ctx));
            wg_recover(ctx);
            cr_expect_eq(wg_item(wg_scalar(ctx, 2)), 2);
            scratch_close(ctx);
            if (passed) break;
        }
}
