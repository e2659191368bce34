/* Every public function that takes tensors, given zero handles, stale ones, poison, those of another context, and
   element types that do not mix: an error each time, and never a crash. */
#include "tests/scratch.h"

#include <unistd.h>

/* What a call wants as its second operand: none, floats, places, or a condition first and floats after. */
enum kind { ONE, FLOATS, PLACES, TRUTHS, CONDITION };

typedef struct {
    const char *text;
    wg_tensor (*call)(wg_tensor x, wg_tensor y);
    enum kind kind;
} recording;

/* ---- all that records ---- */

#define UNARY(name, ...)                                   \
    static wg_tensor name##_call(wg_tensor x, wg_tensor y) \
    {                                                      \
        (void)y;                                           \
        return wg_##name(x);                               \
    }
#define BINARY(name, types, result, scalar, ...)           \
    static wg_tensor name##_call(wg_tensor x, wg_tensor y) \
    {                                                      \
        return wg_##name(x, y);                            \
    }                                                      \
    SCALAR_##scalar(name)
#define SCALAR_NONE(name)
#define SCALAR_COMMUTES(name)                                     \
    static wg_tensor name##_scalar_call(wg_tensor x, wg_tensor y) \
    {                                                             \
        (void)y;                                                  \
        return wg_##name##_scalar(x, 2);                          \
    }
#define SCALAR_BOTH(name)                                           \
    SCALAR_COMMUTES(name)                                           \
    static wg_tensor scalar_##name##_call(wg_tensor x, wg_tensor y) \
    {                                                               \
        (void)y;                                                    \
        return wg_scalar_##name(2, x);                              \
    }
#include "ops/elementwise.def"
#undef UNARY
#undef BINARY
#undef SCALAR_COMMUTES
#undef SCALAR_BOTH

/* One of the tensors that functions write to an array, which is poison before. */
static wg_tensor second_part(wg_tensor x, int which)
{
    wg_tensor parts[2] = {{x.context, 0, 0}, {x.context, 0, 0}};
    if (which == 0) wg_split(x, 0, 2, parts);
    if (which == 1) wg_split_lengths(x, 0, 2, (int64_t[]){1, 1}, parts);
    if (which == 2) wg_unstack(x, 0, 2, parts);
    return parts[1];
}

static wg_tensor first_grid(wg_tensor x, wg_tensor y)
{
    wg_tensor grids[2] = {{x.context, 0, 0}, {x.context, 0, 0}};
    wg_meshgrid(WG_LIST(x, y), grids);
    return grids[0];
}

#define OTHERS(ROW)                                                                                        \
    ROW(zeros_like, ONE, wg_zeros_like(x))                                                                 \
    ROW(full_like, ONE, wg_full_like(x, 2))                                                                \
    ROW(uniform_like, ONE, wg_uniform_like(x, 0, 1))                                                       \
    ROW(normal_like, ONE, wg_normal_like(x))                                                               \
    ROW(truncated_normal_like, ONE, wg_truncated_normal_like(x, -1, 2))                                    \
    ROW(exponential_like, ONE, wg_exponential_like(x))                                                     \
    ROW(gumbel_like, ONE, wg_gumbel_like(x))                                                               \
    ROW(categorical, ONE, wg_categorical(x))                                                               \
    ROW(dropout, ONE, wg_dropout(x, 0.5))                                                                  \
    ROW(dropout_of_none, ONE, wg_dropout(x, 0))                                                            \
    ROW(cast, ONE, wg_cast(x, WG_F64))                                                                     \
    ROW(cast_same, ONE, wg_cast(x, WG_DEFAULT))                                                            \
    ROW(where, CONDITION, wg_where(y, x, x))                                                               \
    ROW(where_false, CONDITION, wg_where(y, wg_zeros_like(x), x))                                          \
    ROW(sum, ONE, wg_sum(x, WG_ALL))                                                                       \
    ROW(prod, ONE, wg_prod(x, WG_KEEP(-1)))                                                                \
    ROW(max, ONE, wg_max(x, WG_AXES(0)))                                                                   \
    ROW(min, ONE, wg_min(x, WG_ALL))                                                                       \
    ROW(argmax, ONE, wg_argmax(x, -1))                                                                     \
    ROW(argmin, ONE, wg_argmin(x, 0))                                                                      \
    ROW(any, TRUTHS, wg_any(x, WG_ALL))                                                                    \
    ROW(all, TRUTHS, wg_all(x, WG_ALL))                                                                    \
    ROW(reshape, ONE, wg_reshape(x, WG_SHAPE(-1)))                                                         \
    ROW(reshape_same, ONE, wg_reshape(x, WG_SHAPE(2, 2)))                                                  \
    ROW(permute, ONE, wg_permute(x, WG_AXES(1, 0)))                                                        \
    ROW(expand, ONE, wg_expand(x, WG_SHAPE(3, 2, 2)))                                                      \
    ROW(slice, ONE, wg_slice(x, 0, 1, WG_END))                                                             \
    ROW(slice_step, ONE, wg_slice_step(x, 0, 0, WG_END, 2))                                                \
    ROW(pad, ONE, wg_pad(x, 0, 1, 1, 0))                                                                   \
    ROW(concat, FLOATS, wg_concat(WG_LIST(x, y), 0))                                                       \
    ROW(stack, FLOATS, wg_stack(WG_LIST(x, y), 0))                                                         \
    ROW(flip, ONE, wg_flip(x, 0))                                                                          \
    ROW(gather, PLACES, wg_gather(x, y, 0))                                                                \
    ROW(scatter_add, PLACES, wg_scatter_add(x, y, 0, 3))                                                   \
    ROW(scatter_add_last, PLACES, wg_scatter_add(x, y, -1, 3))                                             \
    ROW(matmul, FLOATS, wg_matmul(x, y))                                                                   \
    ROW(matmul_transposed, FLOATS, wg_matmul_transposed(x, true, y, false))                                \
    ROW(stop_gradient, ONE, wg_stop_gradient(x))                                                           \
    ROW(mean, ONE, wg_mean(x, WG_ALL))                                                                     \
    ROW(var, ONE, wg_var(x, WG_ALL, 1))                                                                    \
    ROW(std, ONE, wg_std(x, WG_ALL, 1))                                                                    \
    ROW(clip, ONE, wg_clip(x, 0, 1))                                                                       \
    ROW(clip_open, ONE, wg_clip(x, -INFINITY, INFINITY))                                                   \
    ROW(exp2, ONE, wg_exp2(x))                                                                             \
    ROW(log2, ONE, wg_log2(x))                                                                             \
    ROW(log10, ONE, wg_log10(x))                                                                           \
    ROW(asinh, ONE, wg_asinh(x))                                                                           \
    ROW(acosh, ONE, wg_acosh(x))                                                                           \
    ROW(atanh, ONE, wg_atanh(x))                                                                           \
    ROW(hypot, FLOATS, wg_hypot(x, y))                                                                     \
    ROW(erfinv, ONE, wg_erfinv(x))                                                                         \
    ROW(elu, ONE, wg_elu(x))                                                                               \
    ROW(elu_alpha, ONE, wg_elu_alpha(x, 2))                                                                \
    ROW(selu, ONE, wg_selu(x))                                                                             \
    ROW(log_sigmoid, ONE, wg_log_sigmoid(x))                                                               \
    ROW(gelu_tanh, ONE, wg_gelu_tanh(x))                                                                   \
    ROW(mish, ONE, wg_mish(x))                                                                             \
    ROW(softsign, ONE, wg_softsign(x))                                                                     \
    ROW(hard_tanh, ONE, wg_hard_tanh(x))                                                                   \
    ROW(hard_sigmoid, ONE, wg_hard_sigmoid(x))                                                             \
    ROW(hard_swish, ONE, wg_hard_swish(x))                                                                 \
    ROW(glu, ONE, wg_glu(x, -1))                                                                           \
    ROW(is_nan, ONE, wg_is_nan(x))                                                                         \
    ROW(is_infinite, ONE, wg_is_infinite(x))                                                               \
    ROW(logical_xor, TRUTHS, wg_logical_xor(x, x))                                                         \
    ROW(is_close, FLOATS, wg_is_close(x, y, 0, 0))                                                         \
    ROW(all_close, FLOATS, wg_all_close(x, y, 0, 0))                                                       \
    ROW(meshgrid, FLOATS, first_grid(wg_reshape(x, WG_SHAPE(-1)), wg_reshape(y, WG_SHAPE(-1))))            \
    ROW(swap_axes, ONE, wg_swap_axes(x, 0, 1))                                                             \
    ROW(swap_axes_same, ONE, wg_swap_axes(x, 1, -1))                                                       \
    ROW(move_axis, ONE, wg_move_axis(x, 0, 1))                                                             \
    ROW(move_axis_same, ONE, wg_move_axis(x, 0, 0))                                                        \
    ROW(split, ONE, second_part(x, 0))                                                                     \
    ROW(split_lengths, ONE, second_part(x, 1))                                                             \
    ROW(unstack, ONE, second_part(x, 2))                                                                   \
    ROW(tile, ONE, wg_tile(x, WG_SHAPE(2, 1, 2)))                                                          \
    ROW(tile_once, ONE, wg_tile(x, WG_SCALAR))                                                             \
    ROW(repeat, ONE, wg_repeat(x, 0, 2))                                                                   \
    ROW(roll, ONE, wg_roll(x, 0, 1))                                                                       \
    ROW(roll_round, ONE, wg_roll(x, 0, 2))                                                                 \
    ROW(tril, ONE, wg_tril(x, 0))                                                                          \
    ROW(triu, ONE, wg_triu(x, 0))                                                                          \
    ROW(diagonal, ONE, wg_diagonal(x, 0))                                                                  \
    ROW(diagonal_matrix, ONE, wg_diagonal_matrix(x, 1))                                                    \
    ROW(trace, ONE, wg_trace(x))                                                                           \
    ROW(outer, FLOATS, wg_outer(wg_reshape(x, WG_SHAPE(-1)), wg_reshape(y, WG_SHAPE(-1))))                 \
    ROW(dot, FLOATS, wg_dot(wg_reshape(x, WG_SHAPE(-1)), wg_reshape(y, WG_SHAPE(-1))))                     \
    ROW(kron, FLOATS, wg_kron(x, y))                                                                       \
    ROW(einsum, FLOATS, wg_einsum("ij,jk->ik", WG_LIST(x, y)))                                             \
    ROW(einsum_of_one, ONE, wg_einsum("ij", WG_LIST(x)))                                                   \
    ROW(norm, ONE, wg_norm(x, WG_ALL))                                                                     \
    ROW(logsumexp, ONE, wg_logsumexp(x, WG_ALL))                                                           \
    ROW(softmax, ONE, wg_softmax(x, -1))                                                                   \
    ROW(log_softmax, ONE, wg_log_softmax(x, -1))                                                           \
    ROW(relu, ONE, wg_relu(x))                                                                             \
    ROW(leaky_relu, ONE, wg_leaky_relu(x))                                                                 \
    ROW(leaky_relu_slope, ONE, wg_leaky_relu_slope(x, 0.1))                                                \
    ROW(softplus, ONE, wg_softplus(x))                                                                     \
    ROW(gelu, ONE, wg_gelu(x))                                                                             \
    ROW(silu, ONE, wg_silu(x))                                                                             \
    ROW(flatten, ONE, wg_flatten(x))                                                                       \
    ROW(transpose, ONE, wg_transpose(x))                                                                   \
    ROW(select, ONE, wg_select(x, 0, 1))                                                                   \
    ROW(unsqueeze, ONE, wg_unsqueeze(x, 0))                                                                \
    ROW(squeeze, ONE, wg_squeeze(wg_slice(x, 0, 0, 1), 0))                                                 \
    ROW(one_hot, ONE, wg_one_hot(wg_cast(x, WG_I32), 3))                                                   \
    ROW(grad, FLOATS, wg_grad(wg_sum(x, WG_ALL), y))                                                       \
    ROW(vjp, FLOATS, wg_vjp(x, x, y))                                                                      \
    ROW(jvp, FLOATS, wg_jvp(x, x, y))                                                                      \
    ROW(jvp_by, FLOATS, wg_jvp(wg_neg(x), y, y))                                                           \
    ROW(hvp, FLOATS, wg_hvp(wg_sum(x, WG_ALL), x, y))                                                      \
    ROW(jacobian, FLOATS, wg_jacobian(x, y))                                                               \
    ROW(hessian, FLOATS, wg_hessian(wg_sum(x, WG_ALL), y))                                                 \
    ROW(substitute_from, FLOATS, wg_substitute(x, WG_LIST(y), WG_LIST(x)))                                 \
    ROW(substitute_to, FLOATS, wg_substitute(x, WG_LIST(x), WG_LIST(y)))                                   \
    ROW(input, ONE, wg_input(wg_neg(x), 0))                                                                \
    ROW(apply, FLOATS, wg_apply(wg_op_at(wg_op_count() - 1), WG_LIST(x, y), NULL))                         \
    ROW(linear_weight, FLOATS, wg_linear_apply(&(wg_linear){.weight = y}, x))                              \
    ROW(linear_bias, FLOATS, wg_linear_apply(&(wg_linear){.weight = x, .bias = y}, x))                     \
    ROW(cross_entropy, PLACES, wg_cross_entropy(x, y, NULL))                                               \
    ROW(cross_entropy_share, FLOATS, wg_cross_entropy(x, y, NULL))                                         \
    ROW(squared_error, FLOATS, wg_squared_error(x, y, NULL))                                               \
    ROW(accuracy, PLACES, wg_accuracy(x, y))                                                               \
    ROW(conv, FLOATS, wg_conv(wg_reshape(x, WG_SHAPE(1, 1, -1)), wg_reshape(y, WG_SHAPE(1, 1, -1)), NULL)) \
    ROW(matrix_power, ONE, wg_matrix_power(x, 3))                                                          \
    ROW(matrix_power_none, ONE, wg_matrix_power(x, 0))

/* Builds without LAPACK refuse these before anything else. */
#ifdef WG_TEST_LAPACK
#define FACTORING(ROW)                                                                 \
    ROW(cholesky, ONE, wg_cholesky(wg_matmul_transposed(x, false, x, true)))           \
    ROW(triangular_solve, FLOATS, wg_triangular_solve(x, y, WG_UPPER | WG_TRANSPOSED)) \
    ROW(lu_packed, ONE, wg_lu_packed(x))                                               \
    ROW(qr_packed, ONE, wg_qr_packed(x))                                               \
    ROW(svd_packed, ONE, wg_svd_packed(x))                                             \
    ROW(eigh_packed, ONE, wg_eigh_packed(x))                                           \
    ROW(lu, ONE, wg_lu(x, &y, NULL, NULL) ? y : y)                                     \
    ROW(qr, ONE, wg_qr(x, &y, NULL) ? y : y)                                           \
    ROW(svd, ONE, wg_svd(x, NULL, &y, NULL) ? y : y)                                   \
    ROW(eigh, ONE, wg_eigh(x, NULL, &y) ? y : y)                                       \
    ROW(solve, FLOATS, wg_solve(x, y))                                                 \
    ROW(cholesky_solve, FLOATS, wg_cholesky_solve(x, y))                               \
    ROW(lstsq, FLOATS, wg_lstsq(x, y))                                                 \
    ROW(inv, ONE, wg_inv(x))                                                           \
    ROW(pinv, ONE, wg_pinv(x))                                                         \
    ROW(det, ONE, wg_det(x))                                                           \
    ROW(slogdet, ONE, wg_slogdet(x, &y, NULL) ? y : y)                                 \
    ROW(logdet, ONE, wg_logdet(x))
#else
#define FACTORING(ROW)
#endif

#define ROW(name, kind, expression)                         \
    static wg_tensor other_##name(wg_tensor x, wg_tensor y) \
    {                                                       \
        (void)y;                                            \
        return expression;                                  \
    }
OTHERS(ROW)
FACTORING(ROW)
#undef ROW

static const recording recordings[] = {
#define UNARY(name, types, ...) {#name, name##_call, ONE_##types},
#define ONE_FLOAT ONE
#define ONE_NUMBER ONE
#define ONE_LOGIC TRUTHS
#define TWO_FLOAT FLOATS
#define TWO_NUMBER FLOATS
#define TWO_LOGIC TRUTHS
#define BINARY(name, types, result, scalar, ...) {#name, name##_call, TWO_##types}, SCALAR_##scalar(name)
#define SCALAR_COMMUTES(name) {#name "_scalar", name##_scalar_call, ONE},
#define SCALAR_BOTH(name) SCALAR_COMMUTES(name){"scalar_" #name, scalar_##name##_call, ONE},
#include "ops/elementwise.def"
#undef UNARY
#undef BINARY
#define ROW(name, kind, expression) {#name, other_##name, kind},
    OTHERS(ROW) FACTORING(ROW)
#undef ROW
};

enum { RECORDINGS = sizeof recordings / sizeof *recordings };

/* An operand that fits. */
static wg_tensor operand(wg_context *ctx, enum kind kind, bool second)
{
    if (kind == TRUTHS || (kind == CONDITION && second)) return wg_from_bool(ctx, WG_SHAPE(2, 2), (bool[]){1, 0, 1, 0});
    if (kind == PLACES && second) return wg_from_i32(ctx, WG_SHAPE(2), (int32_t[]){1, 0});
    return wg_from_f32(ctx, WG_SHAPE(2, 2), (float[]){0.25f, 0.5f, 0.75f, 0.5f});
}

static bool takes_two(const recording *r)
{
    return r->kind == FLOATS || r->kind == PLACES || r->kind == CONDITION;
}

static bool is_apply(const recording *r)
{
    return strcmp(r->text, "apply") == 0; /* of an op with one operand: always an error */
}

Test(handles, good_ones_work)
{
    wg_context *ctx = scratch_context();
    for (int i = 0; i < RECORDINGS; i++) {
        const recording *r = &recordings[i];
        wg_tensor y = r->call(operand(ctx, r->kind, false), operand(ctx, r->kind, true));
        bool share = strcmp(r->text, "linear_bias") == 0; /* a bias of rank 2 broadcasts, too */
        cr_expect(is_apply(r) || share || (y.id && wg_eval(WG_LIST(y))), "%s: %s", r->text, wg_error(ctx));
        wg_recover(ctx);
    }
    scratch_close(ctx);
}

Test(handles, zero)
{
    wg_recover(NULL);
    for (int i = 0; i < RECORDINGS; i++) {
        const recording *r = &recordings[i];
        wg_tensor y = r->call(WG_NONE, WG_NONE);
        cr_expect(!y.context && !y.id, "%s", r->text);
        cr_expect(wg_error_status(NULL) == WG_BAD_HANDLE || is_apply(r), "%s: status %d", r->text,
                  (int)wg_error_status(NULL));
        cr_expect(wg_error(NULL)[0], "%s says nothing", r->text);
        wg_recover(NULL);
        cr_expect_str_eq(wg_error(NULL), "");
    }
}

Test(handles, one_good_one_zero)
{
    wg_context *ctx = scratch_context();
    for (int i = 0; i < RECORDINGS; i++)
        for (int zero = 0; zero < 2; zero++) {
            const recording *r = &recordings[i];
            if (!takes_two(r)) continue;
            wg_tensor x = operand(ctx, r->kind, false), y = operand(ctx, r->kind, true);
            if (zero == 0) x = WG_NONE;
            if (zero == 1) y = WG_NONE;
            if (zero == 1 && strcmp(r->text, "linear_bias") == 0) continue; /* none is a bias, too */
            wg_tensor z = r->call(x, y);
            cr_expect_eq(z.id, 0);
            cr_expect(wg_error_status(ctx) == WG_BAD_HANDLE || is_apply(r), "%s without operand %d: status %d, %s",
                      r->text, zero, (int)wg_error_status(ctx), wg_error(ctx));
            wg_recover(ctx);
            wg_recover(NULL);
        }
    scratch_close(ctx);
}

Test(handles, stale)
{
    wg_context *ctx = scratch_context();
    for (int i = 0; i < RECORDINGS; i++)
        for (int stale = 0; stale < 2; stale++) {
            const recording *r = &recordings[i];
            if (stale && !takes_two(r)) continue;
            wg_tensor old = operand(ctx, r->kind, stale);
            wg_clear(ctx);
            wg_tensor x = operand(ctx, r->kind, false), y = operand(ctx, r->kind, true);
            wg_tensor z = r->call(stale ? x : old, stale ? old : y);
            cr_expect_eq(z.id, 0);
            cr_expect(wg_error_status(ctx) == WG_BAD_HANDLE || is_apply(r), "%s of a stale handle: status %d, %s",
                      r->text, (int)wg_error_status(ctx), wg_error(ctx));
            wg_recover(ctx);
        }
    scratch_close(ctx);
}

Test(handles, of_two_contexts)
{
    wg_context *a = scratch_context(), *b = scratch_context();
    for (int i = 0; i < RECORDINGS; i++)
        for (int swapped = 0; swapped < 2; swapped++) {
            const recording *r = &recordings[i];
            if (!takes_two(r)) continue;
            wg_context *first = swapped ? b : a, *second = swapped ? a : b;
            wg_tensor z = r->call(operand(first, r->kind, false), operand(second, r->kind, true));
            cr_expect_eq(z.id, 0);
            wg_context *failed = wg_failed(first) ? first : second;
            cr_expect(wg_error_status(failed) == WG_BAD_HANDLE || is_apply(r), "%s of two contexts: status %d, %s",
                      r->text, (int)wg_error_status(failed), wg_error(failed));
            cr_expect(is_apply(r) || strstr(wg_error(failed), "another context"), "%s: %s", r->text, wg_error(failed));
            cr_expect(wg_failed(first) != wg_failed(second), "%s: both or none failed", r->text);
            wg_recover(a);
            wg_recover(b);
        }
    wg_context_free(b);
    scratch_close(a);
}

/* f32 and f64, floats and integers: never mixed silently. */
Test(handles, of_two_types)
{
    wg_context *ctx = scratch_context();
    for (int i = 0; i < RECORDINGS; i++)
        for (wg_type type = WG_F64; type <= WG_U8; type++) {
            const recording *r = &recordings[i];
            bool fits = r->kind == PLACES ? type == WG_I64 || type == WG_I32 : type == WG_BOOL;
            bool by_y = strcmp(r->text, "grad") == 0 || strcmp(r->text, "jvp_by") == 0 ||
                        strcmp(r->text, "jacobian") == 0 || strcmp(r->text, "hessian") == 0;
            bool unlike = by_y || strncmp(r->text, "linear", 6) == 0 || is_apply(r);
            if (!takes_two(r) || (r->kind != FLOATS && fits) || unlike) continue;
            if (strcmp(r->text, "substitute_from") == 0) continue; /* replaces nothing: see below */
            if (strcmp(r->text, "meshgrid") == 0) continue;        /* each grid has its own vector's type */
            wg_tensor x = operand(ctx, r->kind, false),
                      y = wg_full_typed(ctx, type, wg_shape_of(operand(ctx, r->kind, true)), 1);
            wg_tensor z = r->call(x, y);
            cr_expect_eq(z.id, 0, "%s of f32 and %s", r->text, wg_type_name(type));
            wg_status status = wg_error_status(ctx);
            bool shape = strncmp(r->text, "substitute", 10) == 0 && status == WG_BAD_SHAPE;
            shape |= strncmp(r->text, "cross_entropy", 13) == 0 && status == WG_BAD_SHAPE; /* another kind of target */
            cr_expect(status == WG_BAD_TYPE || shape, "%s of f32 and %s: status %d, %s", r->text, wg_type_name(type),
                      (int)status, wg_error(ctx));
            wg_recover(ctx);
        }
    scratch_close(ctx);
}

/* After an error nothing is recorded, and the first message stays. */
Test(handles, in_a_failed_context)
{
    wg_context *ctx = scratch_context();
    wg_tensor x[TRUTHS + 2], y[TRUTHS + 2];
    for (int kind = 0; kind <= CONDITION; kind++) {
        x[kind] = operand(ctx, (enum kind)kind, false);
        y[kind] = operand(ctx, (enum kind)kind, true);
    }
    wg_tensor poison = wg_reshape(x[0], WG_SHAPE(5));
    char first[400];
    snprintf(first, sizeof first, "%s", wg_error(ctx));
    uint64_t recorded = wg_context_stats(ctx).recorded;
    for (int i = 0; i < RECORDINGS; i++) {
        const recording *r = &recordings[i];
        cr_expect_eq(r->call(x[r->kind], y[r->kind]).id, 0, "%s", r->text);
        cr_expect_eq(r->call(poison, poison).id, 0, "%s", r->text);
        cr_expect_eq(r->call(x[r->kind], WG_NONE).id, 0, "%s", r->text);
    }
    cr_expect_eq(wg_context_stats(ctx).recorded, recorded);
    cr_expect_str_eq(wg_error(ctx), first);
    wg_recover(ctx);
    wg_recover(NULL);
    for (int i = 0; i < RECORDINGS; i++) {
        cr_expect_eq(recordings[i].call(poison, poison).id, 0);
        cr_expect(is_apply(&recordings[i]) || wg_error_status(ctx) == WG_BAD_HANDLE, "%s", recordings[i].text);
        wg_recover(ctx);
    }
    scratch_close(ctx);
}
