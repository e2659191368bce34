/* qr_packed, svd_packed and eigh_packed by what defines them: multiplied back, orthonormal, in order; and what they
   refuse. */
#include "tests/reference/algebra.h"

/* Asking for a derivative is an error, also where something lies between. */
static void expect_no_gradient(wg_tensor y, wg_tensor x, const char *words)
{
    wg_context *ctx = y.context;
    wg_tensor gradient = wg_grad(wg_sum(wg_square(y), WG_ALL), x);
    reference_check(!gradient.id && wg_error_status(ctx) == WG_NO_GRADIENT && strstr(wg_error(ctx), words) &&
                        strstr(wg_error(ctx), "wg_stop_gradient"),
                    "status %d, \"%s\" does not say \"%s\"", (int)wg_error_status(ctx), wg_error(ctx), words);
    wg_recover(ctx);
}

static matrices random_of(int64_t m, int64_t n)
{
    uint64_t state = 71 + (uint64_t)(100 * m + n);
    return matrices_random(2, m, n, 0, &state);
}

static void check_qr(wg_type type, int64_t m, int64_t n)
{
    wg_context *ctx = reference_context(type);
    matrices x = random_of(m, n);
    wg_tensor q, r;
    reference_check(wg_qr(matrices_tensor(ctx, &x), &q, &r), "%s", wg_error(ctx));
    matrices left = matrices_of(q), right = matrices_of(r), back = matrices_product(&left, false, &right, false);
    double tolerance = 4 * (double)(m + n + 1) * eps_of(type);
    expect_matrices(&back, &x, tolerance, "qr");
    expect_orthonormal(&left, tolerance, "qr: Q");
    for (int64_t i = 0; i < 2 * right.rows * right.columns; i++)
        reference_check(i % n >= i / n % right.rows || right.v[i] == 0, "qr: %g below the diagonal", right.v[i]);
    wg_context_free(ctx);
}

static void check_svd(wg_type type, int64_t m, int64_t n)
{
    wg_context *ctx = reference_context(type);
    matrices x = random_of(m, n);
    wg_tensor u, s, vt;
    reference_check(wg_svd(matrices_tensor(ctx, &x), &u, &s, &vt), "%s", wg_error(ctx));
    matrices left = matrices_of(u), right = matrices_of(vt), scale = matrices_of(wg_unsqueeze(s, -2)), scaled = left;
    int64_t k = left.columns;
    double tolerance = 8 * (double)(m + n + 1) * eps_of(type);
    expect_orthonormal(&left, tolerance, "svd: U");
    matrices turned = matrices_of(wg_transpose(vt));
    expect_orthonormal(&turned, tolerance, "svd: V");
    for (int64_t i = 0; i < 2 * m * k; i++) scaled.v[i] *= scale.v[i / (m * k) * k + i % k];
    for (int64_t i = 0; i < 2 * k; i++)
        reference_check(scale.v[i] >= 0 && (i % k == 0 || scale.v[i] <= scale.v[i - 1]), "svd: s is not in order");
    matrices back = matrices_product(&scaled, false, &right, false);
    expect_matrices(&back, &x, tolerance, "svd");
    wg_context_free(ctx);
}

static void check_eigh(wg_type type, int64_t n)
{
    wg_context *ctx = reference_context(type);
    matrices x = random_of(n, n), symmetric = x;
    for (int64_t b = 0; b < 2; b++)
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < n; j++) *entry(&symmetric, b, i, j) = *entry(&x, b, i > j ? i : j, i > j ? j : i);
    matrices_set_above(&x, (double)NAN);
    wg_tensor w, v;
    reference_check(wg_eigh(matrices_tensor(ctx, &x), &w, &v), "%s", wg_error(ctx));
    matrices vectors = matrices_of(v), values = matrices_of(wg_unsqueeze(w, -2)), scaled = vectors;
    double tolerance = 8 * (double)(n + 1) * eps_of(type);
    expect_orthonormal(&vectors, tolerance, "eigh: V");
    for (int64_t i = 0; i < 2 * n * n; i++) scaled.v[i] *= values.v[i / (n * n) * n + i % n];
    for (int64_t i = 0; i < 2 * n; i++)
        reference_check(i % n == 0 || values.v[i] >= values.v[i - 1], "eigh: w is not in order");
    matrices turned = matrices_product(&symmetric, false, &vectors, false);
    expect_matrices(&turned, &scaled, tolerance, "eigh");
    wg_context_free(ctx);
}

/* Forward only, finite values only, at most so large. */
static void check_refusals(const char *name, wg_tensor (*packed)(wg_tensor), bool dense)
{
    wg_context *ctx = reference_context(WG_F64);
    char text[64];
    wg_tensor x = wg_uniform(ctx, WG_SHAPE(2, 3, 3), -1, 1), y = wg_sin(packed(wg_exp(x)));
    snprintf(text, sizeof text, "%s: this factorisation has no gradient", name);
    reference_check(wg_depends_on(y, x), "%s does not depend on its operand", name);
    expect_no_gradient(y, x, text);
    x = wg_uniform(ctx, WG_SHAPE(2, 3, 3), -1, 1);
    wg_tensor constant = wg_grad(wg_sum(wg_mul(x, wg_sum(wg_stop_gradient(packed(x)), WG_ALL)), WG_ALL), x);
    reference_check(wg_eval(WG_LIST(constant)), "%s as a constant: %s", name, wg_error(ctx));
    snprintf(text, sizeof text, "%s: element [1, 0] of matrix [1] is not a number", name);
    expect_fault(packed(wg_from_f64(ctx, WG_SHAPE(2, 2, 2), (double[]){1, 2, 2, 1, 1, 2, (double)NAN, 1})),
                 WG_BAD_ARGUMENT, text);
    expect_fault(packed(wg_from_f64(ctx, WG_SHAPE(2, 2), (double[]){1, 2, 2, -(double)INFINITY})), WG_BAD_ARGUMENT,
                 "element [1, 1] of the matrix is infinite");
    y = packed(wg_zeros(ctx, WG_SHAPE(20001, 20001)));
    reference_check(dense == (wg_error_status(ctx) == WG_BAD_SHAPE) && !dense == (y.id != 0), "%s of many rows: %s",
                    name, wg_error(ctx));
    wg_recover(ctx);
    y = packed(wg_zeros(ctx, WG_SHAPE(16777217, 16777217)));
    reference_check(wg_error_status(ctx) == WG_BAD_SHAPE && strstr(wg_error(ctx), "no further than 16777216"), "%s",
                    wg_error(ctx));
    wg_context_free(ctx);
}

void reference_qr_packed(void)
{
    if (reference_left_out("qr_packed")) return;
    for (wg_type type = WG_F32; type <= WG_F64; type++)
        for (int i = 0; i < MATRIX_SIDES; i++)
            for (int j = 0; j < MATRIX_SIDES; j++) check_qr(type, matrix_sides[i], matrix_sides[j]);
    check_refusals("qr_packed", wg_qr_packed, false);
}

void reference_svd_packed(void)
{
    if (reference_left_out("svd_packed")) return;
    for (wg_type type = WG_F32; type <= WG_F64; type++)
        for (int i = 0; i < MATRIX_SIDES; i++)
            for (int j = 0; j < MATRIX_SIDES; j++) check_svd(type, matrix_sides[i], matrix_sides[j]);
    check_refusals("svd_packed", wg_svd_packed, true);
}

void reference_eigh_packed(void)
{
    if (reference_left_out("eigh_packed")) return;
    for (wg_type type = WG_F32; type <= WG_F64; type++)
        for (int i = 0; i < MATRIX_SIDES; i++) check_eigh(type, matrix_sides[i]);
    check_refusals("eigh_packed", wg_eigh_packed, true);
}
