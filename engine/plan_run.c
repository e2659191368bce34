/* Running a plan: addresses and numbers of this step are filled in, then the steps run. Everything that can be refused
   (memory for results) comes first, so that a failure leaves nothing half done. */
#include "engine/planted.h"
#include "engine/state.h"

#include "base/float_mode.h"

#include <string.h>

/* ---- addresses ---- */

static void apply(const patches *list, void *const *slots)
{
    for (size_t i = 0; i < list->count; i++) {
        const patch *p = &list->items[i];
        *p->where = (char *)slots[p->slot] + p->bytes;
    }
}

static void find_leaves(wg_context *ctx, plan *p, const uint32_t *source)
{
    for (size_t i = 0; i < p->given_count; i++)
        p->slots[p->givens[i].slot] = graph_values(ctx, graph_node(ctx, source[p->givens[i].source]));
}

static void find_numbers(wg_context *ctx, plan *p, const uint32_t *source)
{
    for (size_t i = 0; i < p->number_count; i++) {
        const number *n = &p->numbers[i];
        if (PLANTED(11) && n->value->i64) continue;
        *n->value = run_scalar(n->type, graph_node(ctx, source[n->source])->scalar);
    }
}

/* ---- results ---- */

/* The memory of the persistent tensor that the result replaces, if nobody else has an eye on it. */
static void *memory_in_place(const wg_context *ctx, const result *r)
{
    const persistent *t = r->in_place ? &ctx->persistents[r->in_place - 1] : NULL;
    return t && !t->shared && memory_users(t->data) == 1 ? t->data : NULL;
}

static void drop_results(wg_context *ctx, plan *p, size_t count)
{
    for (size_t i = 0; i < count; i++) memory_drop(&ctx->memory, p->slots[p->results[i].slot]);
}

/* Each result's block is counted once for the run. */
static bool find_results(wg_context *ctx, plan *p)
{
    for (size_t i = 0; i < p->result_count; i++) {
        const result *r = &p->results[i];
        void *block = memory_in_place(ctx, r);
        if (block) {
            FIRED(wrote_in_place);
            memory_share(block);
        } else
            block = memory_values(&ctx->memory, r->bytes);
        p->slots[r->slot] = block;
        if (block) continue;
        drop_results(ctx, p, i);
        graph_fail_memory(ctx, r->bytes);
        return false;
    }
    return true;
}

/* Gives the blocks to the nodes: each kept item of a block is one more user. */
static bool hold_results(wg_context *ctx, plan *p, const uint32_t *source)
{
    for (size_t i = 0; i < p->result_count; i++) {
        const result *r = &p->results[i];
        for (size_t k = 0; k < r->source_count; k++) {
            memory_share(p->slots[r->slot]);
            if (!demand_keep(ctx, source[r->sources[k]], p->slots[r->slot])) return false;
        }
    }
    return true;
}

static bool reserve_held(wg_context *ctx, const plan *p)
{
    size_t count = ctx->held_count;
    for (size_t i = 0; i < p->result_count; i++) count += p->results[i].source_count;
    if (memory_grow(&ctx->memory, (void **)&ctx->held, &ctx->held_capacity, count, sizeof *ctx->held)) return true;
    graph_fail_memory(ctx, count * sizeof *ctx->held);
    return false;
}

/* ---- steps ---- */

/* A step whose tasks need scratch memory for each thread. */
typedef struct running {
    const void *code;
    char *registers;
    size_t step;
    uint32_t mode;
} running;

/* Before a task: its scratch, and the caller's floating-point mode. */
static char *enter_task(const running *r, int thread)
{
    if (thread) float_mode_take(r->mode);
    return r->registers + (size_t)thread * r->step;
}

static void run_tasks(const engine_state *s, const void *code, void (*task)(void *, int64_t, int), int64_t tasks)
{
    running r = {code, s->registers, s->registers_step, float_mode()};
    if (tasks == 1)
        task(&r, 0, 0);
    else if (tasks)
        team_run(s->team, task, &r, tasks);
}

static void run_product_task(void *argument, int64_t task, int thread)
{
    const running *r = argument;
    const product_code_step *code = r->code;
    char *scratch = enter_task(r, thread);
    const product_loop *l = &code->loop;
    int64_t size = (int64_t)wg_type_size(l->one.type), repeat = task / code->plan.tasks, a = 0, b = 0, c = 0;
    for (int i = l->rank; i-- > 0; repeat /= l->dim[i]) {
        int64_t index = repeat % l->dim[i];
        a += index * l->a[i] * size;
        b += index * l->b[i] * size;
        c += index * l->c[i] * size;
    }
    product_run(&code->plan, task % code->plan.tasks, (const char *)code->a + a, (const char *)code->b + b,
                (char *)code->c + c, scratch);
}

static void run_convolution_task(void *argument, int64_t task, int thread)
{
    const running *r = argument;
    const convolution_code *code = r->code;
    char *scratch = enter_task(r, thread);
    convolution_run(&code->plan, task, code->a, code->b, code->c, scratch);
}

static void run_copy_task(void *argument, int64_t task, int thread)
{
    const copy_code *c = ((const running *)argument)->code;
    (void)thread;
    copy_run(&c->plan, task, c->source, c->target);
}

static bool run_steps(wg_context *ctx, plan *p, const uint32_t *source)
{
    engine_state *s = ctx->engine_state;
    for (size_t i = 0; i < p->step_count; i++) {
        plan_step *next = &p->steps[i];
        switch (next->kind) {
        case STEP_GROUP:
            group_run(next->group, s->team, s->registers, s->registers_step);
            ctx->plans.groups++;
            break;
        case STEP_PRODUCT:
            run_tasks(s, next->product, run_product_task, next->product->plan.tasks * next->product->repeats);
            break;
        case STEP_CONVOLUTION:
            run_tasks(s, next->convolution, run_convolution_task, next->convolution->plan.tasks);
            break;
        case STEP_COPY:
            run_tasks(s, next->copy, run_copy_task, next->copy->plan.tasks);
            break;
        default:
            if (!run_kernel(ctx, source[next->call->source], next->call->inputs, next->call->count,
                            &next->call->output))
                return false;
            ctx->computed--; /* all items are counted at the end */
            break;
        }
    }
    return true;
}

bool plan_always_shares;

/* Runs the steps with all threads or without, and notes how long it takes. */
static bool run_at_pace(wg_context *ctx, plan *p, const uint32_t *source)
{
    engine_state *s = ctx->engine_state;
    s->team = ctx->team;
    if (!p->shared || team_size(ctx->team) == 1 || plan_always_shares) return run_steps(ctx, p, source);
    double began = state_seconds();
    if (pace_alone(&p->pace)) s->team = NULL;
    bool fine = run_steps(ctx, p, source);
    pace_note(&p->pace, state_seconds() - began);
    return fine;
}

bool plan_run(wg_context *ctx, plan *p, const uint32_t *source)
{
    engine_state *s = ctx->engine_state;
    if (!state_reserve(ctx, p) || !reserve_held(ctx, p)) return false;
    p->slots[SLOT_ARENA] = s->arena;
    p->slots[SLOT_REGISTERS] = s->registers;
    p->slots[SLOT_PARTIALS] = s->partials;
    find_leaves(ctx, p, source);
    if (!find_results(ctx, p)) return false;
    if (p->layout != s->layout) apply(&p->fixed, p->slots);
    p->layout = s->layout;
    apply(&p->bound, p->slots);
    find_numbers(ctx, p, source);
    bool fine = run_at_pace(ctx, p, source) && hold_results(ctx, p, source);
    drop_results(ctx, p, p->result_count);
    ctx->computed += fine ? p->computed : 0;
    return fine;
}
