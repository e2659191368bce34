/* Appending a node in a hurry: most applications are element-wise, of operands of one type and shape that are there
   already. What is rare goes by graph_apply. */
#ifndef GRAPH_APPEND_H
#define GRAPH_APPEND_H

#include "graph/graph.h"

/* What a node takes over from the call that records it. */
typedef struct append_origin {
    uint32_t scope, site, origin;
    uint8_t flags;
} append_origin;

/* False if the next node needs more than to be written: a place on the tape, a number for its call site, its value. */
static inline bool append_is_quick(wg_context *ctx, void *site, append_origin *from)
{
    if (ctx->node_count >= ctx->quick_limit) return false;
    const node *origin = ctx->origin;
    if (origin) {
        *from = (append_origin){origin->scope, origin->site, ctx->origin_id, NODE_GRADIENT};
        return true;
    }
    void *address = ctx->site ? ctx->site : site;
    const recent_site *recent = graph_recent_site(ctx, address);
    *from = (append_origin){ctx->scope, recent->number, 0, 0};
    return recent->address == address;
}

/* Writes the next node, of which everything is known to be right. */
static inline wg_tensor append_quick(wg_context *ctx, const append_origin *from, const node *like)
{
    uint32_t id = ctx->node_count++;
    node *n = graph_node(ctx, id);
    n->op = like->op;
    for (int i = 0; i < NODE_INLINE_INPUTS; i++) n->input[i] = like->input[i];
    n->shape = like->shape;
    n->attributes = like->attributes;
    n->type = like->type;
    n->input_count = like->input_count;
    n->scalar_operand = like->scalar_operand;
    n->flags = from->flags;
    n->data = NULL;
    n->scalar = like->scalar;
    n->epoch = ctx->epoch;
    n->scope = from->scope;
    n->site = from->site;
    n->origin = from->origin;
    return (wg_tensor){ctx, id, ctx->epoch};
}

/* Whether nothing is left to infer for a row of the table of element-wise ops: these take the types they have kernels
 * for. */
static inline bool append_is_plain(const wg_op *op, const node *a, const node *b)
{
    return a->shape == b->shape && a->type == b->type && op->kernel[a->type] && !((a->flags | b->flags) & NODE_WEAK);
}

static inline uint8_t append_type(const wg_op *op, const node *operand)
{
    return op->predicate ? WG_BOOL : operand->type;
}

/* a + b and the like, of nodes. */
static inline wg_tensor append_two(wg_context *ctx, const append_origin *from, const wg_op *op, const node *like,
                                   uint32_t a, uint32_t b)
{
    return append_quick(
        ctx, from,
        &(node){.op = op, .input = {a, b}, .shape = like->shape, .type = append_type(op, like), .input_count = 2});
}

#endif
