/* Recording an expression again with other leaves. */
#include "autograd/reverse.h"
#include "graph/shape.h"

#include <wengert/gradient.h>

#include <string.h>

/* Whether the leaves' replacements have their shapes and types. */
static bool check_pairs(wg_context *ctx, const uint32_t *from, const uint32_t *to, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const node *a = graph_node(ctx, from[i]), *b = graph_node(ctx, to[i]);
        if (a->shape == b->shape && a->type == b->type) continue;
        shape_buffer x, y;
        graph_fail(ctx, WG_BAD_SHAPE, "substitute: %s %s cannot stand for %s %s", wg_type_name((wg_type)b->type),
                   shape_text(graph_shape(ctx, b), &y), wg_type_name((wg_type)a->type),
                   shape_text(graph_shape(ctx, a), &x));
        return false;
    }
    return true;
}

/* Marks what y is computed from; in `place`, a node's number is itself then. */
static void mark_needed(const wg_context *ctx, uint32_t y, uint32_t *place)
{
    place[y] = y;
    for (uint32_t id = y; id > 0; id--) {
        if (!place[id]) continue;
        size_t count;
        const uint32_t *inputs = graph_inputs(ctx, graph_node(ctx, id), &count);
        for (size_t i = 0; i < count; i++) place[inputs[i]] = inputs[i];
    }
}

uint32_t reverse_record_like(wg_context *ctx, uint32_t id, const uint32_t *operands)
{
    const node *n = graph_node(ctx, id);
    size_t count;
    graph_inputs(ctx, n, &count);
    wg_shape shape = graph_shape(ctx, n);
    wg_attributes attributes = *graph_attributes(ctx, n);
    uint32_t scope = ctx->scope;
    void *site = ctx->site;
    ctx->scope = n->scope;
    ctx->site = ctx->sites[n->site];
    if (ctx->origin) graph_lend(ctx, n, id);
    uint32_t copy = graph_append(ctx, &(graph_record){.op = n->op,
                                                      .count = count,
                                                      .inputs = operands,
                                                      .scalar = n->scalar,
                                                      .scalar_operand = n->scalar_operand,
                                                      .type = (wg_type)n->type,
                                                      .shape = &shape,
                                                      .attributes = n->attributes ? &attributes : NULL})
                        .id;
    ctx->scope = scope;
    ctx->site = site;
    return copy;
}

/* Records node `id` again with its operands' new places; its own place if none of them moved. */
static uint32_t record_again(wg_context *ctx, uint32_t id, const uint32_t *place)
{
    const node *n = graph_node(ctx, id);
    size_t count;
    const uint32_t *inputs = graph_inputs(ctx, n, &count);
    bool moved = false;
    for (size_t i = 0; i < count; i++) moved |= inputs[i] && place[inputs[i]] != inputs[i];
    if (!moved) return id;
    if (n->op == &graph_assign_op) return place[inputs[0]]; /* the rebinding happens once; its value is what is meant */
    uint32_t *fresh = memory_new(&ctx->memory, count, sizeof *fresh);
    if (!fresh) return graph_fail_memory(ctx, count * sizeof *fresh).id;
    for (size_t i = 0; i < count; i++) fresh[i] = inputs[i] ? place[inputs[i]] : 0;
    uint32_t copy = reverse_record_like(ctx, id, fresh);
    memory_release(&ctx->memory, fresh);
    return copy;
}

static uint32_t substitute(wg_context *ctx, uint32_t y, const uint32_t *from, const uint32_t *to, size_t count)
{
    uint32_t nodes = ctx->node_count;
    uint32_t *place = memory_new(&ctx->memory, nodes, sizeof *place);
    if (!place) return graph_fail_memory(ctx, nodes * sizeof *place).id;
    mark_needed(ctx, y, place);
    place[0] = 0;
    for (uint32_t id = 1; id <= y && graph_ok(ctx); id++) {
        if (!place[id]) continue;
        bool replaced = false;
        for (size_t i = 0; i < count; i++)
            if (from[i] == id) {
                place[id] = to[i];
                replaced = true;
            }
        if (!replaced) place[id] = record_again(ctx, id, place);
    }
    uint32_t result = place[y];
    memory_release(&ctx->memory, place);
    return graph_ok(ctx) ? result : 0;
}

wg_tensor wg_substitute(wg_tensor y, wg_list from, wg_list to)
{
    wg_context *ctx = y.context ? y.context : graph_context_of(from);
    if (!ctx) ctx = graph_context_of(to);
    WG_ENTRY(ctx);
    uint32_t id;
    if (!ctx) return graph_fail(NULL, WG_BAD_HANDLE, "substitute: y is the zero handle");
    if (!graph_resolve_in(ctx, WG_LIST(y), "substitute", &id)) return graph_poison(ctx);
    if (from.count != to.count)
        return graph_fail(ctx, WG_BAD_ARGUMENT, "substitute: %zu tensors for %zu", to.count, from.count);
    graph_node(ctx, id)->flags |= NODE_USED;
    if (from.count == 0) return graph_tensor(ctx, id);
    uint32_t *ids = memory_new(&ctx->memory, 2 * from.count, sizeof *ids);
    if (!ids) return graph_fail_memory(ctx, 2 * from.count * sizeof *ids);
    uint32_t result = 0;
    bool fine = graph_resolve_in(ctx, from, "substitute", ids) &&
                graph_resolve_in(ctx, to, "substitute", ids + from.count) &&
                check_pairs(ctx, ids, ids + from.count, from.count);
    for (size_t i = 0; fine && i < from.count; i++)
        fine = !reverse_reads_older_binding(ctx, id, from.items[i], "substitute");
    if (fine) result = substitute(ctx, id, ids, ids + from.count, from.count);
    memory_release(&ctx->memory, ids);
    return result ? graph_tensor(ctx, result) : graph_poison(ctx);
}
