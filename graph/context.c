/* The life of a context and of its tape. */
#include "graph/graph.h"

#include "base/team.h"
#include "graph/infer.h"
#include "graph/intern.h"
#include "graph/shape.h"
#include "graph/weights.h"

#include <string.h>
#include <unistd.h>

#ifndef WG_VERSION
#define WG_VERSION "0.1.0"
#endif

const char *wg_version(void)
{
    return WG_VERSION;
}

/* ---- making ---- */

static const char *option_fault(const wg_context_options *o)
{
    if (o->type != WG_DEFAULT && o->type != WG_F32 && o->type != WG_F64) return "the default type must be f32 or f64";
    if (o->mode != WG_TRAIN && o->mode != WG_EVAL) return "the mode must be WG_TRAIN or WG_EVAL";
    if (o->threads < 0) return "threads must not be negative";
    if (o->threads && o->threads_of) return "the number of threads is that of threads_of";
    if (!o->allocator.allocate != !o->allocator.release) return "an allocator needs both allocate and release";
    return NULL;
}

/* Id 0, scope 0, shape 0 and site 0 mean none; rank 0 is shape 0. */
static bool take_zeroth_entries(wg_context *ctx)
{
    static const wg_shape scalar;
    ctx->node_count = 1;
    return infer_prepare(ctx) && graph_intern_shape(ctx, &scalar) == 0 && graph_intern_integers(ctx, NULL, 0) == 0 &&
           graph_intern_scope(ctx, 0, "") == 0 && graph_intern_site(ctx, NULL) == 0 && ctx->status == WG_OK;
}

static team *find_team(wg_context *ctx)
{
    const wg_context_options *o = &ctx->options;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (o->threads_of) return o->threads_of->team;
    return team_new(&ctx->memory, o->threads ? o->threads : cores > 0 ? (int)cores : 1, o->threads == 0);
}

wg_context *graph_context_new(const wg_context_options *options, const graph_engine *engine)
{
    wg_context_options chosen = options ? *options : (wg_context_options){0};
    const char *fault = option_fault(&chosen);
    wg_recover(NULL); /* wg_error(NULL) is to speak of this context */
    if (fault) return graph_fail(NULL, WG_BAD_ARGUMENT, "context_new: %s", fault).context;
    if (chosen.type == WG_DEFAULT) chosen.type = WG_F32;
    memory m;
    memory_init(&m, &chosen.allocator, chosen.memory_limit);
    wg_context *ctx = memory_new(&m, 1, sizeof *ctx);
    if (!ctx) return graph_fail_memory(NULL, sizeof *ctx).context;
    ctx->memory = m;
    ctx->options = chosen;
    ctx->engine = engine;
    ctx->mode = chosen.mode;
    ctx->team = find_team(ctx);
    ctx->epoch = ctx->first_epoch = 1;
    ctx->wanted = UINT64_MAX;
    ctx->scope_trims = 1;
    if (!ctx->team || !take_zeroth_entries(ctx)) {
        wg_context_free(ctx);
        return graph_fail_memory(NULL, sizeof *ctx).context;
    }
    ctx->weights = chosen.weights;
    weights_hold(ctx->weights);
    return ctx;
}

bool graph_at_exit(wg_context *ctx, void (*run)(void *object), void *object)
{
    if (!memory_grow(&ctx->memory, (void **)&ctx->finalizers, &ctx->finalizer_capacity, ctx->finalizer_count + 1,
                     sizeof *ctx->finalizers)) {
        graph_fail_memory(ctx, sizeof *ctx->finalizers);
        return false;
    }
    ctx->finalizers[ctx->finalizer_count++] = (graph_finalizer){run, object};
    return true;
}

/* ---- freeing ---- */

static void release_tables(wg_context *ctx)
{
    memory *m = &ctx->memory;
    for (size_t i = 0; i < ctx->persistent_count; i++) {
        memory_release(m, ctx->persistents[i].name);
        if (!ctx->persistents[i].shared) memory_drop(m, ctx->persistents[i].data);
    }
    for (size_t i = 0; i < ctx->scope_table.count; i++) memory_release(m, ctx->scopes[i].name);
    for (size_t i = 0; i < ctx->chunks; i++) memory_release(m, ctx->chunk[i]);
    void *arrays[] = {ctx->chunk,
                      ctx->inputs,
                      ctx->attributes,
                      ctx->reals,
                      ctx->held,
                      ctx->assigns,
                      ctx->persistents,
                      ctx->shapes,
                      ctx->inferences,
                      ctx->scopes,
                      ctx->sites,
                      ctx->selection,
                      ctx->finalizers,
                      ctx->persistent_names.slot,
                      ctx->shape_table.slot,
                      ctx->attribute_table.slot,
                      ctx->scope_table.slot,
                      ctx->site_table.slot};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) memory_release(m, arrays[i]);
}

void wg_context_free(wg_context *ctx)
{
    if (!ctx) return;
    graph_drop(ctx, 1);
    graph_release_inspected(ctx);
    while (ctx->finalizer_count) {
        graph_finalizer last = ctx->finalizers[--ctx->finalizer_count];
        last.run(last.object);
    }
    ctx->engine->close(ctx);
    if (!ctx->options.threads_of) team_free(ctx->team);
    weights_release(ctx->weights);
    release_tables(ctx);
    memory m = ctx->memory; /* the context's own block goes back to it, too */
    memory_release(&m, ctx);
    memory_trim(&m);
}

int wg_context_close(wg_context *ctx, FILE *errors)
{
    bool failed = wg_failed(ctx);
    if (failed && errors) fprintf(errors, "%s\n", wg_error(ctx));
    wg_context_free(ctx);
    return failed;
}

/* ---- the tape's life ---- */

bool graph_hold(wg_context *ctx, uint32_t id, void *values)
{
    if (!memory_grow(&ctx->memory, (void **)&ctx->held, &ctx->held_capacity, ctx->held_count + 1, sizeof *ctx->held)) {
        graph_fail_memory(ctx, sizeof *ctx->held);
        return false;
    }
    ctx->held[ctx->held_count++] = id;
    graph_node(ctx, id)->data = values;
    return true;
}

/* Shortens the lists that nodes have entries in, in their order. */
static void cut_lists(wg_context *ctx, uint32_t first)
{
    bool reals_cut = first == 1, inputs_cut = first == 1;
    if (first == 1) ctx->real_count = ctx->input_count = 0;
    for (uint32_t id = first; id < ctx->node_count && !(reals_cut && inputs_cut); id++) {
        const node *n = graph_node(ctx, id);
        if (n->attributes & ATTRIBUTES_REAL && !reals_cut) {
            ctx->real_count = n->real;
            reals_cut = true;
        }
        if (n->input_count == NODE_MANY && !inputs_cut) {
            ctx->input_count = n->input[0];
            inputs_cut = true;
        }
    }
}

void graph_drop(wg_context *ctx, uint32_t first)
{
    size_t kept = 0;
    for (size_t i = 0; i < ctx->held_count; i++)
        if (ctx->held[i] < first)
            ctx->held[kept++] = ctx->held[i];
        else
            memory_drop(&ctx->memory, graph_node(ctx, ctx->held[i])->data);
    ctx->held_count = kept;
    cut_lists(ctx, first);
    for (size_t i = 0; i < ctx->persistent_count; i++) {
        persistent *p = &ctx->persistents[i];
        if (p->current >= first) {
            p->rebound |= graph_node(ctx, p->current)->op == &graph_assign_op;
            p->current = 0;
        }
        p->rebound &= first > 1;
    }
    while (ctx->assign_count && ctx->assigns[ctx->assign_count - 1] >= first) ctx->assign_count--;
    if (ctx->node_count > first) {
        ctx->dropped += ctx->node_count - first;
        ctx->node_count = first;
    }
    ctx->stamp.epoch = ++ctx->epoch;
}

void graph_forget_results(wg_context *ctx)
{
    size_t kept = 0;
    for (size_t i = 0; i < ctx->held_count; i++) {
        node *n = graph_node(ctx, ctx->held[i]);
        if (n->flags & NODE_KEPT) {
            memory_drop(&ctx->memory, n->data);
            n->data = NULL;
            n->flags &= (uint8_t)~NODE_KEPT;
        } else {
            ctx->held[kept++] = ctx->held[i];
        }
    }
    ctx->held_count = kept;
}

void wg_clear(wg_context *ctx)
{
    if (!ctx) return;
    WG_ENTRY(ctx);
    if (graph_ok(ctx) && ctx->assign_count) ctx->engine->perform(ctx, 1);
    graph_drop(ctx, 1);
    ctx->first_epoch = ctx->epoch;
    graph_release_inspected(ctx);
    intern_trim(ctx);
    ctx->clears++;
}

/* A mark is the epoch and the next id. It is passed once the node before it is gone: whatever stands there now is of a
   later epoch. */
uint64_t wg_mark(wg_context *ctx)
{
    return graph_ok(ctx) ? (uint64_t)ctx->epoch << 32 | ctx->node_count : 0;
}

static bool mark_passed(const wg_context *ctx, uint32_t epoch, uint32_t next)
{
    if (epoch < ctx->first_epoch || next == 0 || next > ctx->node_count) return true;
    return next > 1 && graph_node(ctx, next - 1)->epoch > epoch;
}

void wg_rewind(wg_context *ctx, uint64_t mark)
{
    if (!graph_ok(ctx)) return;
    WG_ENTRY(ctx);
    uint32_t first = (uint32_t)mark;
    if (mark_passed(ctx, (uint32_t)(mark >> 32), first)) {
        graph_fail(ctx, WG_BAD_HANDLE, "rewind: the mark is stale: wg_clear or an earlier wg_rewind has passed it");
        return;
    }
    if (ctx->assign_count && ctx->assigns[ctx->assign_count - 1] >= first) ctx->engine->perform(ctx, first);
    graph_drop(ctx, first);
}

/* ---- state ---- */

bool graph_set_eager(wg_context *ctx, bool eager)
{
    bool before = ctx->options.eager;
    ctx->options.eager = eager;
    ctx->quick_limit = eager ? 0 : (uint32_t)(ctx->chunks * NODE_CHUNK);
    return before;
}

wg_mode wg_set_mode(wg_context *ctx, wg_mode mode)
{
    if (!ctx) return WG_TRAIN;
    WG_ENTRY(ctx);
    wg_mode before = ctx->mode;
    if (mode == WG_TRAIN || mode == WG_EVAL)
        ctx->mode = mode;
    else
        graph_fail(ctx, WG_BAD_ARGUMENT, "set_mode: the mode must be WG_TRAIN or WG_EVAL");
    return before;
}

wg_mode wg_get_mode(const wg_context *ctx)
{
    return ctx ? ctx->mode : WG_TRAIN;
}

wg_type wg_default_type(const wg_context *ctx)
{
    return ctx ? ctx->options.type : WG_F32;
}

wg_stats wg_context_stats(const wg_context *ctx)
{
    if (!ctx) return (wg_stats){0};
    return (wg_stats){.nodes = ctx->node_count - 1,
                      .recorded = ctx->dropped + ctx->node_count - 1,
                      .evaluations = ctx->evaluations,
                      .computed = ctx->computed,
                      .clears = ctx->clears,
                      .draws = ctx->draws,
                      .allocations = ctx->memory.allocations,
                      .bytes = ctx->memory.bytes,
                      .peak_bytes = ctx->memory.peak,
                      .plans = ctx->plans.count,
                      .plan_hits = ctx->plans.hits,
                      .plan_misses = ctx->plans.misses,
                      .plan_bytes = ctx->plans.bytes,
                      .plan_seconds = ctx->plans.seconds,
                      .lookup_seconds = ctx->plans.lookup_seconds,
                      .groups = ctx->plans.groups};
}
