/* Parameters and variables: values that outlive the tape, and their rebinding by assign. */
#include "graph/graph.h"
#include "graph/intern.h"
#include "graph/shape.h"

#include <string.h>

persistent *graph_persistent(wg_tensor x)
{
    if (!x.context || !(x.id & PERSISTENT_BIT) || x.epoch != 0) return NULL;
    size_t index = x.id & ~PERSISTENT_BIT;
    return index < x.context->persistent_count ? &x.context->persistents[index] : NULL;
}

wg_tensor graph_persistent_tensor(wg_context *ctx, size_t index)
{
    return (wg_tensor){ctx, (uint32_t)index | PERSISTENT_BIT, 0};
}

wg_tensor graph_persistent_new(wg_context *ctx, const char *name, wg_type type, wg_shape shape, void *values,
                               bool trainable, bool shared)
{
    char full[PATH_SIZE];
    char *copy = NULL;
    const char *who = trainable ? "parameter" : "variable";
    size_t index = ctx->persistent_count;
    if (!graph_ok(ctx))
        ;
    else if (!name || !*name || !graph_full_name(ctx, name, full))
        graph_fail(ctx, WG_BAD_ARGUMENT, "%s: needs a name, of at most %d characters with its scopes", who,
                   PATH_SIZE - 2);
    else if (graph_persistent_find(ctx, full))
        graph_fail(ctx, WG_BAD_ARGUMENT, "%s: there is a parameter or variable named \"%s\" already", who, full);
    else if (!(copy = memory_string(&ctx->memory, full)) ||
             !memory_grow(&ctx->memory, (void **)&ctx->persistents, &ctx->persistent_capacity, index + 1,
                          sizeof *ctx->persistents))
        graph_fail_memory(ctx, sizeof *ctx->persistents);
    if (graph_ok(ctx)) {
        ctx->persistents[index] = (persistent){.name = copy,
                                               .shape = shape,
                                               .type = type,
                                               .data = values,
                                               .version = 1,
                                               .trainable = trainable,
                                               .frozen = shared,
                                               .shared = shared};
        if (intern_persistent(ctx)) {
            ctx->persistent_count++;
            ctx->choices++;
            return graph_persistent_tensor(ctx, index);
        }
        graph_fail_memory(ctx, sizeof *ctx->persistents);
    }
    memory_release(&ctx->memory, copy);
    if (!shared) memory_drop(&ctx->memory, values);
    return graph_poison(ctx);
}

persistent *graph_persistent_of(const wg_context *ctx, const node *n)
{
    if (n->op == &graph_parameter_op) return &ctx->persistents[n->input[0]];
    if (n->op == &graph_assign_op) return &ctx->persistents[n->input[1]];
    return NULL;
}

void *graph_values(const wg_context *ctx, const node *n)
{
    const persistent *p = n->data ? NULL : graph_persistent_of(ctx, n);
    return p && p->version == n->version ? p->data : n->data;
}

bool graph_pin(wg_context *ctx, uint32_t id)
{
    const node *n = graph_node(ctx, id);
    const persistent *p = n->op == &graph_parameter_op && !n->data ? graph_persistent_of(ctx, n) : NULL;
    if (!p || p->shared || p->version != n->version) return true;
    if (!graph_hold(ctx, id, p->data)) return false;
    memory_share(p->data);
    return true;
}

uint32_t graph_persistent_read(wg_context *ctx, size_t index)
{
    persistent *p = &ctx->persistents[index];
    if (p->current) return p->current;
    wg_tensor x = graph_append(ctx, &(graph_record){.op = &graph_parameter_op, .type = p->type, .shape = &p->shape});
    if (!graph_ok(ctx)) return 0;
    node *n = graph_node(ctx, x.id);
    n->input[0] = (uint32_t)index;
    n->version = p->version;
    return p->current = x.id;
}

void graph_persistent_set(wg_context *ctx, persistent *p, void *values)
{
    if (!p->shared) memory_drop(&ctx->memory, p->data);
    p->shared = false;
    ctx->choices++;
    p->data = values;
    p->version++;
    p->current = 0;
    p->rebound = true;
}

/* Computes one node for its own sake: pending assigns stay pending. */
static bool evaluate_apart(wg_context *ctx, uint32_t id)
{
    size_t pending = ctx->assign_count;
    ctx->assign_count = 0;
    bool fine = ctx->engine->evaluate(ctx, &id, 1);
    ctx->assign_count = pending;
    return fine;
}

void *graph_values_apart(wg_context *ctx, uint32_t id)
{
    if (!evaluate_apart(ctx, id)) return NULL;
    const node *n = graph_node(ctx, id);
    size_t bytes = graph_bytes(ctx, n);
    bool counted = n->data && !(n->flags & NODE_BORROWED);
    void *values = counted ? n->data : memory_values(&ctx->memory, bytes);
    if (counted)
        memory_share(values);
    else if (values)
        memcpy(values, graph_values(ctx, n), bytes);
    else
        graph_fail_memory(ctx, bytes);
    return values;
}

wg_tensor wg_variable(wg_context *ctx, const char *name, wg_tensor initial)
{
    WG_ENTRY(ctx);
    if (!graph_ok(ctx)) return graph_poison(ctx);
    if (initial.context != ctx)
        return graph_fail(ctx, WG_BAD_HANDLE, "variable: the initial value belongs to no context, or another one");
    uint32_t id = graph_resolve(initial, "variable");
    void *values = id ? graph_values_apart(ctx, id) : NULL;
    if (!values) return graph_poison(ctx);
    const node *n = graph_node(ctx, id);
    return graph_persistent_new(ctx, name, (wg_type)n->type, ctx->shapes[n->shape], values, false, false);
}

void wg_assign(wg_tensor target, wg_tensor value)
{
    wg_context *ctx = target.context;
    WG_ENTRY(ctx);
    if (!graph_ok(ctx)) return;
    persistent *p = graph_persistent(target);
    if (!p || value.context != ctx) {
        graph_fail(ctx, WG_BAD_HANDLE,
                   p ? "assign: the value belongs to no context, or another one"
                     : "assign: the target is neither parameter nor variable");
        return;
    }
    uint32_t id = graph_resolve(value, "assign");
    if (!id) return;
    const node *n = graph_node(ctx, id);
    if (p->shared || !wg_shape_equal(p->shape, ctx->shapes[n->shape]) || p->type != n->type) {
        shape_buffer a, b;
        if (p->shared)
            graph_fail(ctx, WG_BAD_ARGUMENT, "assign: \"%s\" aliases shared weights, which are read-only", p->name);
        else
            graph_fail(ctx, p->type == n->type ? WG_BAD_SHAPE : WG_BAD_TYPE, "assign: \"%s\" is %s %s, the value %s %s",
                       p->name, wg_type_name(p->type), shape_text(p->shape, &a), wg_type_name((wg_type)n->type),
                       shape_text(ctx->shapes[n->shape], &b));
        return;
    }
    if (!memory_grow(&ctx->memory, (void **)&ctx->assigns, &ctx->assign_capacity, ctx->assign_count + 1,
                     sizeof *ctx->assigns)) {
        graph_fail_memory(ctx, sizeof *ctx->assigns);
        return;
    }
    wg_tensor y = graph_append(
        ctx, &(graph_record){.op = &graph_assign_op, .count = 1, .inputs = &id, .type = p->type, .shape = &p->shape});
    if (!graph_ok(ctx)) return;
    node *assign = graph_node(ctx, y.id);
    assign->input[1] = (uint32_t)(p - ctx->persistents);
    assign->version = 0;
    p->current = y.id;
    ctx->assigns[ctx->assign_count++] = y.id;
}

const char *wg_name(wg_tensor x)
{
    const persistent *p = graph_persistent(x);
    return p ? p->name : NULL;
}

/* ---- selecting ---- */

/* Whether anything bears a name that the pattern matches: a typing error must not pass silently. */
static bool pattern_matches(wg_context *ctx, const char *who, const char *pattern)
{
    for (size_t i = 0; i < ctx->persistent_count; i++)
        if (ctx->persistents[i].trainable && graph_match(pattern, ctx->persistents[i].name)) return true;
    graph_fail(ctx, WG_BAD_ARGUMENT, "%s: no parameter matches \"%s\"", who, pattern ? pattern : "*");
    return false;
}

wg_list wg_parameters(wg_context *ctx, const char *pattern)
{
    WG_ENTRY(ctx);
    if (!graph_ok(ctx) || !pattern_matches(ctx, "parameters", pattern)) return (wg_list){0};
    size_t count = 0;
    if (!memory_grow(&ctx->memory, (void **)&ctx->selection, &ctx->selection_capacity, ctx->persistent_count,
                     sizeof *ctx->selection)) {
        graph_fail_memory(ctx, ctx->persistent_count * sizeof *ctx->selection);
        return (wg_list){0};
    }
    for (size_t i = 0; i < ctx->persistent_count; i++) {
        const persistent *p = &ctx->persistents[i];
        if (p->trainable && !p->frozen && graph_match(pattern, p->name))
            ctx->selection[count++] = graph_persistent_tensor(ctx, i);
    }
    return (wg_list){count, ctx->selection};
}

static int set_frozen(wg_context *ctx, const char *who, const char *pattern, bool frozen)
{
    if (!graph_ok(ctx) || !pattern_matches(ctx, who, pattern)) return 0;
    int count = 0;
    for (size_t i = 0; i < ctx->persistent_count; i++) {
        persistent *p = &ctx->persistents[i];
        if (!p->trainable || !graph_match(pattern, p->name)) continue;
        if (!p->shared) p->frozen = frozen;
        count++;
    }
    ctx->choices++;
    return count;
}

int wg_freeze(wg_context *ctx, const char *pattern)
{
    WG_ENTRY(ctx);
    return set_frozen(ctx, "freeze", pattern, true);
}

int wg_unfreeze(wg_context *ctx, const char *pattern)
{
    WG_ENTRY(ctx);
    return set_frozen(ctx, "unfreeze", pattern, false);
}
