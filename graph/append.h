/* Appending a node in a hurry: most applications are element-wise, of operands of one type and shape that are there
   already. What is rare goes by graph_apply. */
#ifndef GRAPH_APPEND_H
#define GRAPH_APPEND_H

#include "graph/infer.h"

/* False if the next node needs more than to be written: a place on the tape, a number for its call site, its value. */
static inline bool append_is_quick(wg_context *ctx, void *address, uint32_t *site)
{
    if (ctx->node_count >= ctx->quick_limit) return false;
    *site = 0;
    if (ctx->origin) return true; /* which lends its own */
    address = ctx->site ? ctx->site : address;
    const recent_site *recent = graph_recent_site(ctx, address);
    if (recent) *site = recent->number;
    return recent;
}

/* Writes the next node, of which everything is known to be right. */
static inline wg_tensor append_quick(wg_context *ctx, uint32_t site, const node *like)
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
    n->flags = ctx->origin ? NODE_GRADIENT : 0;
    n->data = NULL;
    n->scalar = like->scalar;
    if (ctx->origin)
        n->stamp = ctx->stamp;
    else
        n->stamp = (node_stamp){ctx->epoch, ctx->scope, site, 0};
    return (wg_tensor){ctx, id, ctx->epoch};
}

/* Whether two nodes need nothing but one shape for a row of the table of element-wise ops. */
static inline bool append_is_alike(const wg_op *op, const node *a, const node *b)
{
    return a->type == b->type && op->kernel[a->type] && !((a->flags | b->flags) & NODE_WEAK);
}

/* Whether nothing is left to infer for a row of the table of element-wise ops: these take the types they have kernels
 * for. */
static inline bool append_is_plain(const wg_op *op, const node *a, const node *b)
{
    return a->shape == b->shape && append_is_alike(op, a, b);
}

static inline uint8_t append_type(const wg_op *op, const node *operand)
{
    return op->predicate ? WG_BOOL : operand->type;
}

/* a + b and the like, of nodes. */
static inline wg_tensor append_two(wg_context *ctx, uint32_t site, const wg_op *op, const node *like, uint32_t a,
                                   uint32_t b)
{
    return append_quick(
        ctx, site,
        &(node){.op = op, .input = {a, b}, .shape = like->shape, .type = append_type(op, like), .input_count = 2});
}

/* As graph_apply, if the like was inferred before (see inference_again for which records) and the node is quick; false
   if not, and nothing has happened. */
static inline __attribute__((always_inline)) bool append_again(wg_context *ctx, void *address,
                                                               const graph_record *record, wg_tensor *y)
{
    uint32_t site;
    const inference *known = inference_again(ctx, record);
    if (!known || !append_is_quick(ctx, address, &site)) return false;
    node like = {.op = record->op,
                 .shape = known->shape,
                 .attributes = known->attributes,
                 .type = (uint8_t)known->type,
                 .input_count = (uint8_t)record->count};
    for (size_t i = 0; i < record->count; i++) like.input[i] = record->inputs[i];
    *y = append_quick(ctx, site, &like);
    return true;
}

#endif
