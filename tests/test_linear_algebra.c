/* Linear algebra inside evaluations: memory, faults that change nothing, threads, and builds without LAPACK. Its values
   and derivatives are tested in tests/reference/. */
#include "tests/scratch.h"

#include <pthread.h>

#ifdef WG_TEST_LAPACK

/* ---- a bit of everything ---- */

enum { SIDE = 12 };

/* A batch that is positive definite, and so is each matrix in it. */
static wg_tensor definite(wg_context *ctx)
{
    float values[2 * SIDE * SIDE];
    uint64_t state = 7;
    for (int i = 0; i < 2 * SIDE * SIDE; i++)
        values[i] = (float)(scratch_random(&state) >> 40) * 0x1p-24f + (i % SIDE == i / SIDE % SIDE ? 1 : 0);
    wg_tensor x = wg_from_f32(ctx, WG_SHAPE(2, SIDE, SIDE), values);
    return wg_matmul_transposed(x, false, x, true);
}

static bool work(wg_context *ctx, double result[6])
{
    wg_tensor x = definite(ctx), b = wg_ones(ctx, WG_SHAPE(SIDE)), q, r, s, w;
    wg_tensor gradient = wg_grad(wg_sum(wg_solve(x, b), WG_ALL), x);
    wg_qr(x, &q, &r);
    wg_svd(x, NULL, &s, NULL);
    wg_eigh(x, &w, NULL);
    wg_tensor all[6] = {gradient, wg_cholesky(x), wg_matmul(q, r), s, w, wg_logdet(x)};
    for (int i = 0; i < 6; i++) all[i] = wg_sum(all[i], WG_ALL);
    bool fine = wg_eval((wg_list){6, all});
    for (int i = 0; i < 6; i++) result[i] = wg_item(all[i]);
    return fine && !wg_failed(ctx);
}

Test(memory, may_fail_at_any_call)
{
    for (int eager = 0; eager < 2; eager++) {
        double want[6], got[6];
        wg_context *ctx = scratch_context_with((wg_context_options){.eager = eager});
        cr_assert(work(ctx, want), "%s", wg_error(ctx));
        scratch_close(ctx);
        bool done = false;
        long k = 0;
        for (; !done && k < 1000; k++) {
            scratch_left = k;
            ctx = scratch_context_with((wg_context_options){.eager = eager});
            done = ctx && work(ctx, got);
            wg_status status = ctx ? wg_error_status(ctx) : WG_OUT_OF_MEMORY;
            cr_expect(done || status == WG_OUT_OF_MEMORY, "call %ld: %s", k, wg_error(ctx));
            scratch_left = -1;
            scratch_close(ctx);
        }
        cr_expect(done && k > 10 && memcmp(want, got, sizeof want) == 0);
        wg_recover(NULL);
    }
}

Test(memory, a_repeated_step_allocates_nothing)
{
    wg_context *ctx = scratch_context();
    double first[6], result[6];
    uint64_t calls = 0;
    for (int i = 0; i < 6; i++) {
        cr_assert(work(ctx, i ? result : first), "%s", wg_error(ctx));
        cr_expect(i == 0 || memcmp(first, result, sizeof first) == 0, "step %d: other bits", i);
        wg_clear(ctx);
        if (i < 3) calls = wg_context_stats(ctx).allocations;
        cr_expect_eq(wg_context_stats(ctx).allocations, calls, "step %d allocates", i);
    }
    scratch_close(ctx);
}

/* ---- faults ---- */

/* A failed evaluation performs no assign, and the next one finds all as it was. */
Test(faults, change_nothing)
{
    for (int way = 0; way < 2; way++) {
        wg_context *ctx = scratch_context_with((wg_context_options){.plain = way});
        wg_tensor w = wg_variable(ctx, "w", wg_full(ctx, WG_SHAPE(64), 3));
        for (int regular = 0; regular < 2; regular++) {
            float values[] = {1, 2, 2, regular ? 5 : 4};
            wg_tensor x = wg_solve(wg_from_f32(ctx, WG_SHAPE(2, 2), values), wg_ones(ctx, WG_SHAPE(2)));
            wg_assign(w, wg_add(w, wg_sum(x, WG_ALL)));
            bool fine = wg_eval(WG_LIST(x));
            cr_expect_eq(fine, regular);
            if (!regular) scratch_expect_error(ctx, WG_BAD_ARGUMENT, "the matrix is singular", "solve");
            cr_expect_float_eq(wg_item(wg_max(w, WG_ALL)), regular ? 5 : 3, 1e-5, "%g", wg_item(wg_max(w, WG_ALL)));
        }
        scratch_close(ctx);
    }
}

/* The line is the user's, whatever was composed there. */
Test(faults, name_the_line)
{
    wg_context *ctx = scratch_context_with((wg_context_options){.eager = true});
    wg_scope_begin(ctx, "model");
    wg_tensor x = wg_inv(wg_zeros(ctx, WG_SHAPE(3, 2, 2)));
    wg_scope_end(ctx);
    cr_expect_eq(x.id, 0);
    cr_expect(strstr(wg_error(ctx), "in model"), "%s", wg_error(ctx));
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "matrix [0] is singular: element 0 of its diagonal is 0", "eager");
    scratch_close(ctx);
}

/* ---- threads ---- */

static void *work_often(void *result)
{
    double *numbers = result;
    for (int i = 0; i < 20; i++) {
        wg_context *ctx = wg_context_new(&(wg_context_options){.threads = 1});
        if (!work(ctx, numbers)) numbers[0] = (double)NAN;
        wg_context_free(ctx);
    }
    return NULL;
}

/* Contexts of several threads factor at once, one after the other in LAPACK. */
Test(threads, factor_at_once)
{
    enum { THREADS = 4 };
    pthread_t thread[THREADS];
    double result[THREADS][6];
    for (int i = 0; i < THREADS; i++) cr_assert_eq(pthread_create(&thread[i], NULL, work_often, result[i]), 0);
    for (int i = 0; i < THREADS; i++) pthread_join(thread[i], NULL);
    for (int i = 0; i < THREADS; i++)
        cr_expect(isfinite(result[i][0]) && memcmp(result[i], result[0], sizeof result[0]) == 0, "thread %d", i);
}

#else

/* ---- builds without LAPACK ---- */

Test(absence, is_said)
{
    wg_context *ctx = scratch_context();
    wg_tensor x = wg_ones(ctx, WG_SHAPE(2, 2)), y = x;
#define EXPECT_ABSENCE(expression)                                                            \
    do {                                                                                      \
        x = wg_ones(ctx, WG_SHAPE(2, 2));                                                     \
        (void)(expression);                                                                   \
        scratch_expect_error(ctx, WG_UNSUPPORTED, ": this build has no LAPACK", #expression); \
    } while (0)
    EXPECT_ABSENCE(wg_cholesky(x));
    EXPECT_ABSENCE(wg_triangular_solve(x, x, 0));
    EXPECT_ABSENCE(wg_lu(x, &y, NULL, NULL));
    EXPECT_ABSENCE(wg_qr(x, &y, NULL));
    EXPECT_ABSENCE(wg_svd(x, &y, NULL, NULL));
    EXPECT_ABSENCE(wg_eigh(x, &y, NULL));
    EXPECT_ABSENCE(wg_solve(x, x));
    EXPECT_ABSENCE(wg_cholesky_solve(x, x));
    EXPECT_ABSENCE(wg_lstsq(x, x));
    EXPECT_ABSENCE(wg_inv(x));
    EXPECT_ABSENCE(wg_pinv(x));
    EXPECT_ABSENCE(wg_det(x));
    EXPECT_ABSENCE(wg_slogdet(x, &y, NULL));
    EXPECT_ABSENCE(wg_logdet(x));
    for (size_t i = 0; i < wg_op_count(); i++) {
        const wg_op *op = wg_op_at(i);
        if (strcmp(op->name, "cholesky") != 0 && !strstr(op->name, "_packed")) continue;
        cr_expect_not(wg_eval(WG_LIST(wg_apply(op, WG_LIST(wg_ones(ctx, WG_SHAPE(2, 2))), NULL))));
        scratch_expect_error(ctx, WG_UNSUPPORTED, "there is no kernel for f32", op->name);
    }
    scratch_close(ctx);
}

#endif
