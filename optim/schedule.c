/* Learning-rate schedules: plain functions of the number of steps taken. */
#include "optim/schedule.h"

#include "graph/graph.h"

#include <math.h>

struct wg_schedule {
    bool cosine; /* else warm-up */
    double steps;
    const wg_schedule *then;
    wg_context *context;
};

static void release(void *object)
{
    wg_schedule *s = object;
    memory_release(&s->context->memory, s);
}

static const wg_schedule *schedule_new(wg_context *ctx, bool cosine, int64_t steps, const wg_schedule *then)
{
    if (!ctx) graph_fail(NULL, WG_BAD_ARGUMENT, "schedule: the context is NULL");
    if (!graph_ok(ctx)) return NULL;
    if (steps < 1) {
        graph_fail(ctx, WG_BAD_ARGUMENT, "schedule: %lld steps are not at least 1", (long long)steps);
        return NULL;
    }
    wg_schedule *s = memory_new(&ctx->memory, 1, sizeof *s);
    if (!s) {
        graph_fail_memory(ctx, sizeof *s);
        return NULL;
    }
    *s = (wg_schedule){cosine, (double)steps, then, ctx};
    if (graph_at_exit(ctx, release, s)) return s;
    memory_release(&ctx->memory, s);
    return NULL;
}

const wg_schedule *wg_schedule_cosine(wg_context *ctx, int64_t steps)
{
    WG_ENTRY(ctx);
    return schedule_new(ctx, true, steps, NULL);
}

const wg_schedule *wg_schedule_warmup(wg_context *ctx, int64_t steps, const wg_schedule *then)
{
    WG_ENTRY(ctx);
    return schedule_new(ctx, false, steps, then);
}

double schedule_factor(const wg_schedule *s, double steps)
{
    for (; s && !s->cosine; s = s->then) {
        if (steps < s->steps) return (steps + 1) / s->steps;
        steps -= s->steps;
    }
    if (!s) return 1;
    return steps >= s->steps ? 0 : (1 + cos(3.141592653589793 * steps / s->steps)) / 2;
}
