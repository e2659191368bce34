/* The engine's matrix product in several threads and processes, and the machine code that they share. */
#include "engine/product_code.h"
#include "tests/matrices.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

typedef struct job {
    const product_plan *plan;
    const matrix *a, *b, *c;
    int64_t *next;
} job;

static void *work(void *user)
{
    const job *j = user;
    void *scratch = aligned_alloc(64, j->plan->scratch / 64 * 64 + 64);
    for (int64_t i; (i = __atomic_fetch_add(j->next, 1, __ATOMIC_RELAXED)) < j->plan->tasks;)
        product_run(j->plan, i, j->a->data, j->b->data, j->c->data, scratch);
    free(scratch);
    return NULL;
}

/* The same bits in any order and from any number of threads. */
Test(product_threads, order_and_threads_change_no_bits)
{
    static const extents shapes[] = {{40, 300, 270, 1}, {300, 40, 90, 1}, {10, 12, 14, 60}};
    for (int how = 0; how < 12; how++) {
        extents e = shapes[how / 4];
        matrix a = matrix_new(WG_F32, e.rows, e.inner, e.batch, how & 1, 0, false);
        matrix b = matrix_new(WG_F32, e.inner, e.columns, e.batch, how & 2, 0, false), c[3];
        fill(&a, 1, 0.1);
        fill(&b, 2, 0.7);
        for (int i = 0; i < 3; i++) c[i] = matrix_new(WG_F32, e.rows, e.columns, e.batch, false, 0, false);
        product shape = product_of(&a, &b, &c[0], false);
        product_plan plan;
        product_prepare(&shape, PRODUCT_XSMM, &plan);
        run_all(&plan, &a, &b, &c[0], false);
        run_all(&plan, &a, &b, &c[1], true);
        int64_t next = 0;
        job j = {&plan, &a, &b, &c[2], &next};
        pthread_t threads[3];
        for (int i = 0; i < 3; i++) cr_assert_eq(pthread_create(&threads[i], NULL, work, &j), 0);
        for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
        for (int i = 1; i < 3; i++)
            cr_expect_eq(memcmp(c[0].memory, c[i].memory, (size_t)c[0].elements * 4), 0, "layout %d, way %d", how, i);
        product_release(&plan);
        free(a.memory), free(b.memory);
        for (int i = 0; i < 3; i++) free(c[i].memory);
    }
}

/* Sums of integers, by machine code that is being made by others as well, and by plain loops. */
static void *prepare_many(void *user)
{
    int *wrong = user;
    for (int n = 1; n <= 12; n++) {
        matrix a = matrix_new(WG_F32, n, n, 1, false, 0, false), b = matrix_new(WG_F32, n, 13, 1, true, 0, false);
        matrix c = matrix_new(WG_F32, n, 13, 1, false, 0, false),
               expected = matrix_new(WG_F32, n, 13, 1, false, 0, false);
        fill(&a, 1, 1);
        fill(&b, 2, 1);
        for (int best = PRODUCT_XSMM; best <= PRODUCT_PLAIN; best += PRODUCT_PLAIN) {
            product shape = product_of(&a, &b, &c, false);
            product_plan plan;
            product_prepare(&shape, (product_path)best, &plan);
            run_all(&plan, &a, &b, best == PRODUCT_XSMM ? &c : &expected, false);
            product_release(&plan);
        }
        *wrong += memcmp(c.memory, expected.memory, (size_t)c.elements * 4) != 0;
        free(a.memory), free(b.memory), free(c.memory), free(expected.memory);
    }
    return NULL;
}

Test(product_threads, is_prepared_by_several_threads_at_once)
{
    pthread_t threads[4];
    int wrong[4] = {0};
    for (int i = 0; i < 4; i++) cr_assert_eq(pthread_create(&threads[i], NULL, prepare_many, &wrong[i]), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        cr_expect_eq(wrong[i], 0, "thread %d: %d of 12", i, wrong[i]);
    }
}

/* Runs `body` in a child; whether it returned true there. */
static bool child(bool (*body)(void))
{
    fflush(NULL);
    pid_t id = fork();
    if (id == 0) _exit(body() ? 0 : 1);
    int status = 1;
    return id > 0 && waitpid(id, &status, 0) == id && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool multiplies(product_path expected)
{
    float a[6] = {1, 2, 3, 4, 5, 6}, b[6] = {1, 0, 0, 1, 1, 1}, c[4];
    product shape = {WG_F32, 2, 2, 3, 1, {3, 1, 0}, {2, 1, 0}, {2, 1, 0}, false};
    product_plan plan;
    product_prepare(&shape, PRODUCT_XSMM, &plan);
    for (int64_t i = 0; i < plan.tasks; i++) product_run(&plan, i, a, b, c, NULL);
    return plan.path >= expected && c[0] == 4 && c[1] == 5 && c[2] == 10 && c[3] == 11;
}

static bool multiplies_somehow(void)
{
    return multiplies(PRODUCT_XSMM);
}

#if defined __linux__ && !defined PR_SET_MDWE
#define PR_SET_MDWE 65 /* older headers */
#endif

/* No memory may become executable that was not so from the beginning. Valgrind could not go on itself. */
static bool multiplies_without_machine_code(void)
{
#ifdef __linux__
    const char *preloaded = getenv("LD_PRELOAD");
    if (preloaded && strstr(preloaded, "vgpreload")) return true;
    if (prctl(PR_SET_MDWE, 1UL, 0UL, 0UL, 0UL) == 0) return multiplies(PRODUCT_BLAS);
#endif
    return multiplies(PRODUCT_XSMM);
}

static bool obeys_the_environment(void)
{
    setenv("WG_PRODUCT", "plain", 1);
    return product_path_wanted() == PRODUCT_PLAIN;
}

Test(product_threads, works_in_other_processes)
{
    cr_expect(child(multiplies_without_machine_code), "without machine code");
    cr_expect(child(obeys_the_environment), "WG_PRODUCT");
    multiplies_somehow();
    cr_expect(child(multiplies_somehow), "after fork");
}

#ifdef WG_HAVE_XSMM

/* More pieces of code than are kept: those not in use make room, and what is in use stays. */
Test(product_threads, code_is_bounded)
{
    if (!product_code_usable()) return;
    product_block block = {1, 1, 1, 1, 1, 1, WG_F32, false, false};
    product_code *kept = product_code_get(&block);
    cr_assert_not_null(kept);
    for (int64_t i = 2; i < 4200; i++) {
        block.left_step = i;
        product_code *code = product_code_get(&block);
        cr_assert_not_null(code, "piece %d", (int)i);
        product_code_drop(code);
    }
    block.left_step = 1;
    cr_expect_eq(product_code_get(&block), kept);
    float a = 3, b = 4, c = 0;
    kept->run(&b, &a, &c);
    cr_expect_eq(c, 12);
    product_code_drop(kept);
    product_code_drop(kept);
}
#endif
