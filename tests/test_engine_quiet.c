/* Once each distinct segment has been seen, a step allocates nothing: neither the context nor anybody else in the
   process. */
#include "tests/harness.h"

#include <wengert/wengert.h>

/* Sanitizers and valgrind want to be the only ones that stand before the C library. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__ || !defined __GLIBC__
#define QUIET_COUNTS 0
#elif defined __has_feature
#define QUIET_COUNTS !(__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define QUIET_COUNTS 1
#endif

static long calls; /* of malloc and its like, since they were last looked at */

#if QUIET_COUNTS

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

#define COUNTED __attribute__((visibility("default")))

static void *counted(void *block)
{
    __atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED);
    return block;
}

COUNTED void *malloc(size_t size)
{
    return counted(__libc_malloc(size));
}

COUNTED void *calloc(size_t count, size_t size)
{
    return counted(__libc_calloc(count, size));
}

COUNTED void *realloc(void *block, size_t size)
{
    return counted(__libc_realloc(block, size));
}

COUNTED void *memalign(size_t alignment, size_t size);
COUNTED void *memalign(size_t alignment, size_t size)
{
    return counted(__libc_memalign(alignment, size));
}

COUNTED void *aligned_alloc(size_t alignment, size_t size)
{
    return counted(__libc_memalign(alignment, size));
}

COUNTED int posix_memalign(void **block, size_t alignment, size_t size)
{
    *block = counted(__libc_memalign(alignment, size));
    return *block ? 0 : 12; /* ENOMEM */
}

#endif

/* ---- two segments that take turns ---- */

typedef struct {
    wg_context *ctx;
    wg_linear critic_hidden, critic_output, maker_hidden, maker_output;
    wg_optimizer *critic, *maker;
} rivals;

static rivals rivals_new(wg_context *ctx)
{
    rivals r = {.ctx = ctx};
    r.critic_hidden = wg_linear_new(ctx, "critic_hidden", 8, 24, NULL);
    r.critic_output = wg_linear_new(ctx, "critic_output", 24, 1, NULL);
    r.maker_hidden = wg_linear_new(ctx, "maker_hidden", 4, 24, NULL);
    r.maker_output = wg_linear_new(ctx, "maker_output", 24, 8, NULL);
    r.critic = wg_adam_new(ctx, "critic*", NULL);
    r.maker = wg_adam_new(ctx, "maker*", NULL);
    return r;
}

static wg_tensor judge(const rivals *r, wg_tensor x)
{
    return wg_linear_apply(&r->critic_output, wg_leaky_relu(wg_linear_apply(&r->critic_hidden, x)));
}

static wg_tensor make(const rivals *r)
{
    wg_tensor noise = wg_normal(r->ctx, WG_SHAPE(32, 4));
    return wg_linear_apply(&r->maker_output, wg_dropout(wg_gelu(wg_linear_apply(&r->maker_hidden, noise)), 0.1));
}

static void play(const rivals *r)
{
    float real[32 * 8];
    for (int i = 0; i < 32 * 8; i++) real[i] = (float)(i % 7);
    wg_tensor x = wg_from_f32(r->ctx, WG_SHAPE(32, 8), real);
    wg_tensor loss = wg_sub(wg_mean(judge(r, make(r)), WG_ALL), wg_mean(judge(r, x), WG_ALL));
    wg_optimizer_step(r->critic, loss);
    cr_assert(isfinite(wg_item(loss)), "%s", wg_error(r->ctx));
    wg_clear(r->ctx);
    loss = wg_neg(wg_mean(judge(r, make(r)), WG_ALL));
    wg_optimizer_step(r->maker, loss);
    cr_assert(isfinite(wg_item(loss)), "%s", wg_error(r->ctx));
    wg_clear(r->ctx);
}

static void expect_quiet(int threads)
{
    wg_context *ctx = wg_context_new(&(wg_context_options){.threads = threads});
    rivals r = rivals_new(ctx);
    for (int step = 1; step <= 3; step++) play(&r);
    uint64_t allocations = wg_context_stats(ctx).allocations;
    long before = __atomic_load_n(&calls, __ATOMIC_RELAXED);
    for (int step = 4; step <= 10; step++) play(&r);
    long after = __atomic_load_n(&calls, __ATOMIC_RELAXED);
    cr_expect_eq(wg_context_stats(ctx).allocations, allocations, "the context allocates");
    cr_expect_eq(after, before, "%ld calls of malloc on %d threads", after - before, threads);
    wg_context_free(ctx);
}

Test(quiet, steps_allocate_nothing)
{
    expect_quiet(1);
    expect_quiet(3);
}

#if QUIET_COUNTS
Test(quiet, the_count_counts)
{
    long before = __atomic_load_n(&calls, __ATOMIC_RELAXED);
    void *volatile block = malloc(5);
    free(block);
    block = aligned_alloc(64, 64);
    free(block);
    cr_expect_eq(__atomic_load_n(&calls, __ATOMIC_RELAXED), before + 2);
}
#endif
