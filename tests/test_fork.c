/* A process may fork between evaluations: parent and child both go on, with the same numbers. */
#include "tests/network.h"

#include <sys/wait.h>

enum { BEFORE = 5, AFTER = 5 };

static void train(wg_context *ctx, const network *net, int first, int steps)
{
    for (int i = first; i < first + steps; i++) {
        cr_expect(isfinite(wg_item(network_record(ctx, net, i).loss)), "%s", wg_error(ctx));
        wg_clear(ctx);
    }
}

/* In the child: trains on and sends its parameters. Never returns. */
static void child(wg_context *ctx, const network *net, int pipe_end)
{
    double values[NETWORK_VALUES];
    train(ctx, net, BEFORE, AFTER);
    network_read(ctx, values);
    bool sent = write(pipe_end, values, sizeof values) == (ssize_t)sizeof values;
    wg_context_free(ctx);
    _exit(sent ? 0 : 1);
}

Test(fork, parent_and_child_go_on)
{
    wg_context *ctx = wg_context_new(&(wg_context_options){.seed = 9});
    network net = network_new(ctx);
    train(ctx, &net, 0, BEFORE);
    wg_tensor big = wg_matmul(wg_ones(ctx, WG_SHAPE(300, 300)), wg_ones(ctx, WG_SHAPE(300, 300)));
    cr_expect_eq(wg_item(wg_max(big, WG_ALL)), 300); /* large enough for a BLAS's own threads */
    int ends[2], status = -1;
    cr_assert_eq(pipe(ends), 0);
    fflush(NULL);
    pid_t process = fork();
    cr_assert(process >= 0);
    if (process == 0) child(ctx, &net, ends[1]);
    double own[NETWORK_VALUES], other[NETWORK_VALUES];
    train(ctx, &net, BEFORE, AFTER);
    network_read(ctx, own);
    close(ends[1]);
    size_t got = 0;
    for (ssize_t part; (part = read(ends[0], (char *)other + got, sizeof other - got)) > 0;) got += (size_t)part;
    close(ends[0]);
    cr_assert_eq(waitpid(process, &status, 0), process);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended with %d", status);
    cr_assert_eq(got, sizeof other);
    cr_expect(network_same(own, other));
    wg_context_free(ctx);

    ctx = wg_context_new(&(wg_context_options){.seed = 9}); /* a run that never forked */
    net = network_new(ctx);
    train(ctx, &net, 0, BEFORE + AFTER);
    network_read(ctx, other);
    cr_expect(network_same(own, other));
    wg_context_free(ctx);
}

/* With assigns pending and values computed at the time of the fork. */
Test(fork, in_the_middle_of_a_step)
{
    wg_context *ctx = wg_context_new(NULL);
    wg_tensor v = wg_variable(ctx, "v", wg_scalar(ctx, 1)), y = wg_exp(wg_scalar(ctx, 0));
    cr_expect_eq(wg_item(y), 1);
    wg_assign(v, wg_add_scalar(v, 1));
    fflush(NULL);
    pid_t process = fork();
    cr_assert(process >= 0);
    if (process == 0) {
        bool fine = wg_item(v) == 2 && wg_item(y) == 1 &&
                    wg_item(wg_matmul(wg_ones(ctx, WG_SHAPE(1, 3)), wg_ones(ctx, WG_SHAPE(3, 1)))) == 3;
        wg_context_free(ctx);
        _exit(fine ? 7 : 1);
    }
    int status = -1;
    cr_assert_eq(waitpid(process, &status, 0), process);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 7, "the child ended with %d", status);
    cr_expect_eq(wg_item(v), 2);
    cr_expect_eq(wg_item(y), 1);
    wg_context_free(ctx);
}
