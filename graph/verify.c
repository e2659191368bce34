/* Checks each node of the tape: operands older than itself, numbers of interned things in range, and the type and shape
   that its op infers from its operands again. */
#include "graph/verify.h"

#include "graph/shape.h"

static bool in_range(const wg_context *ctx, const node *n, uint32_t id, const char **rule)
{
    *rule = "an interned number is out of range";
    if (n->shape >= ctx->shape_table.count || n->scope >= ctx->scope_table.count || n->site >= ctx->site_table.count)
        return false;
    *rule = "its attributes do not exist";
    if ((n->attributes & ~ATTRIBUTES_REAL) >= ctx->attribute_table.count) return false;
    if (n->attributes & ATTRIBUTES_REAL && n->real >= ctx->real_count) return false;
    *rule = "its list of operands does not exist";
    if (n->input_count == NODE_MANY && n->input[0] + (size_t)n->input[1] > ctx->input_count) return false;
    size_t count;
    const uint32_t *inputs = graph_inputs(ctx, n, &count);
    for (size_t i = 0; i < count; i++) {
        *rule = "an operand is not older than the node";
        if (inputs[i] >= id) return false;
        *rule = "an operand is missing";
        if (inputs[i] == 0 && n->scalar_operand != i + 1) return false;
    }
    *rule = "the forward node it belongs to is not older";
    return n->origin < id;
}

static bool infers_the_same(const wg_context *ctx, const node *n)
{
    enum { FEW = 8 };
    wg_array arrays[FEW], output = {(wg_type)n->type, graph_shape(ctx, n), NULL};
    size_t count;
    const uint32_t *inputs = graph_inputs(ctx, n, &count);
    if (count > FEW) return true;
    wg_type partner = (wg_type)n->type;
    for (size_t i = 0; i < count; i++) {
        if (!inputs[i]) continue;
        const node *in = graph_node(ctx, inputs[i]);
        arrays[i] = (wg_array){(wg_type)in->type, graph_shape(ctx, in), NULL};
        partner = (wg_type)in->type;
    }
    if (n->scalar_operand) arrays[n->scalar_operand - 1] = (wg_array){partner, {0, {0}}, NULL};
    char message[ERROR_SIZE / 4] = "";
    return n->op->infer(&(wg_call){count, arrays, &output, graph_attributes(ctx, n), NULL, NULL}, message,
                        sizeof message) &&
           output.type == n->type && wg_shape_equal(output.shape, graph_shape(ctx, n));
}

bool graph_verify(const wg_context *ctx, char *message, size_t size)
{
    for (uint32_t id = 1; id < ctx->node_count; id++) {
        const node *n = graph_node(ctx, id);
        const char *rule;
        bool fine = in_range(ctx, n, id, &rule);
        if (fine && !graph_is_leaf(n)) {
            rule = "its op infers another type or shape";
            fine = infers_the_same(ctx, n);
        }
        if (fine) continue;
        snprintf(message, size, "node %u, %s: %s", id, n->op->name, rule);
        return false;
    }
    return true;
}
