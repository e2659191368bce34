/* The library leaves the process as it found it: floating-point mode, signals, locale, environment. */
#include "tests/harness.h"

#include <fenv.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wengert/wengert.h>

typedef struct {
    int rounding, exceptions;
    void (*handlers[32])(int);
    int flags[32], masked[32];
    char locale[200], folder[400];
    mode_t umask;
} state;

static state look(void)
{
    state s;
    memset(&s, 0, sizeof s);
    s.rounding = fegetround();
    s.exceptions = fetestexcept(0);
    sigset_t mask;
    sigprocmask(SIG_SETMASK, NULL, &mask);
    for (int i = 1; i < 32; i++) {
        struct sigaction action;
        sigaction(i, NULL, &action);
        s.handlers[i] = action.sa_handler;
        s.flags[i] = action.sa_flags;
        s.masked[i] = sigismember(&mask, i);
    }
    snprintf(s.locale, sizeof s.locale, "%s", setlocale(LC_ALL, NULL));
    cr_assert_not_null(getcwd(s.folder, sizeof s.folder));
    s.umask = umask(0);
    umask(s.umask);
    return s;
}

/* Denormals must stay what they are: a product that would be flushed to zero. */
static bool keeps_denormals(void)
{
    volatile float small = 1e-38f;
    return small * 0.01f > 0;
}

static void work(void)
{
    wg_context *ctx = wg_context_new(NULL);
    wg_linear layer = wg_linear_new(ctx, "layer", 100, 80, NULL);
    wg_optimizer *adam = wg_adam_new(ctx, "*", NULL);
    for (int step = 0; step < 3; step++) {
        wg_tensor y = wg_linear_apply(&layer, wg_normal(ctx, WG_SHAPE(50, 100)));
        wg_tensor loss = wg_mean(wg_square(wg_dropout(y, 0.5)), WG_ALL);
        wg_optimizer_step(adam, loss);
        cr_assert(isfinite(wg_item(loss)), "%s", wg_error(ctx));
        wg_clear(ctx);
    }
    wg_tensor y = wg_sum(wg_linear_apply(&layer, wg_ones(ctx, WG_SHAPE(2, 100))), WG_ALL);
    cr_assert(wg_gradcheck(y, (wg_list){0}, NULL).passed);
    wg_matmul(y, y);
    cr_assert(wg_error(ctx)[0]);
    wg_context_free(ctx);
}

Test(process, is_left_as_it_was)
{
    fesetround(FE_UPWARD); /* the numbers differ then; the mode must not */
    state before = look();
    wg_context *ctx = wg_context_new(NULL);
    cr_expect_eq(wg_item(wg_exp(wg_zeros(ctx, WG_SHAPE(1)))), 1);
    wg_context_free(ctx);
    state after = look();
    cr_expect_eq(memcmp(&before, &after, sizeof before), 0);
    fesetround(FE_TONEAREST);
    before = look();
    work();
    after = look();
    cr_expect_eq(memcmp(&before, &after, sizeof before), 0);
    cr_expect(keeps_denormals());
}
