/* Comparing the structural halves of all nodes, and the little that does not lie there. */
#include "engine/snapshot.h"

#include <string.h>

/* What the structure of a node does not tell. */
typedef enum binding_state { NO_VALUE, OWN_VALUE, PRESENT_VALUE } binding_state;

typedef struct binding {
    uint32_t node;
    binding_state state;
} binding;

typedef struct fixed_number {
    uint32_t node;
    double value;
} fixed_number;

typedef struct structure {
    uint64_t word[NODE_STRUCTURE / 8];
} structure;

struct snapshot {
    bump bump;
    uint64_t trims; /* numbers of shapes and attributes mean the same until the next one */
    uint32_t node_count, end;
    size_t root_count, assign_count, input_count, binding_count, fixed_count;
    structure *nodes;
    uint32_t *roots, *inputs, *source;
    binding *bindings;
    fixed_number *numbers;
};

static binding_state state_of_binding(const wg_context *ctx, const node *n)
{
    return n->data ? OWN_VALUE : graph_values(ctx, n) ? PRESENT_VALUE : NO_VALUE;
}

static bool is_binding(const node *n)
{
    return n->op == &graph_parameter_op || n->op == &graph_assign_op;
}

/* ---- taking ---- */

static void count_nodes(snapshot *s, const wg_context *ctx)
{
    for (uint32_t id = 1; id < s->node_count; id++) {
        const node *n = graph_node(ctx, id);
        s->binding_count += is_binding(n);
        s->fixed_count += (n->flags & NODE_FIXED) != 0;
    }
}

static void note_node(snapshot *s, const wg_context *ctx, uint32_t id)
{
    const node *n = graph_node(ctx, id);
    memcpy(&s->nodes[id], n, NODE_STRUCTURE);
    if (is_binding(n)) s->bindings[s->binding_count++] = (binding){id, state_of_binding(ctx, n)};
    if (n->flags & NODE_FIXED) s->numbers[s->fixed_count++] = (fixed_number){id, n->scalar};
}

snapshot *snapshot_new(wg_context *ctx, const question *q, const program *p)
{
    snapshot *s = memory_new(&ctx->memory, 1, sizeof *s);
    if (!s) return NULL;
    bump *b = &s->bump;
    *s = (snapshot){.bump = bump_of(&ctx->memory),
                    .trims = ctx->shape_trims,
                    .node_count = ctx->node_count,
                    .end = q->end,
                    .root_count = q->count,
                    .assign_count = ctx->assign_count,
                    .input_count = ctx->input_count};
    count_nodes(s, ctx);
    s->nodes = bump_new(b, s->node_count, sizeof *s->nodes);
    s->bindings = bump_new(b, s->binding_count, sizeof *s->bindings);
    s->numbers = bump_new(b, s->fixed_count, sizeof *s->numbers);
    s->roots = bump_copy(b, q->roots, q->count, sizeof *s->roots);
    s->inputs = bump_copy(b, ctx->inputs, s->input_count, sizeof *s->inputs);
    s->source = bump_copy(b, p->source, p->count, sizeof *s->source);
    if (b->failed) {
        snapshot_free(s, ctx);
        return NULL;
    }
    s->binding_count = s->fixed_count = 0;
    for (uint32_t id = 1; id < s->node_count; id++) note_node(s, ctx, id);
    return s;
}

void snapshot_free(snapshot *s, wg_context *ctx)
{
    if (!s) return;
    bump_free(&s->bump);
    memory_release(&ctx->memory, s);
}

/* ---- comparing ---- */

static bool same_ids(const uint32_t *a, const uint32_t *b, size_t count)
{
    return count == 0 || memcmp(a, b, count * sizeof *a) == 0;
}

/* Node by node, but asked only now and then whether all were the same. */
static bool same_nodes(const snapshot *s, const wg_context *ctx)
{
    enum { STRETCH = 64 };
    for (uint32_t id = 1; id < s->node_count;) {
        uint32_t end = (id / STRETCH + 1) * STRETCH;
        if (end > s->node_count) end = s->node_count;
        const node *n = graph_node(ctx, id); /* a stretch lies in one chunk */
        uint64_t differs = 0;
        for (; id < end; id++, n++) {
            structure now;
            memcpy(&now, n, sizeof now);
            for (int k = 0; k < NODE_STRUCTURE / 8; k++) differs |= now.word[k] ^ s->nodes[id].word[k];
        }
        if (differs) return false;
    }
    return true;
}

static bool same_rest(const snapshot *s, const wg_context *ctx)
{
    for (size_t i = 0; i < s->binding_count; i++)
        if (state_of_binding(ctx, graph_node(ctx, s->bindings[i].node)) != s->bindings[i].state) return false;
    for (size_t i = 0; i < s->fixed_count; i++)
        if (memcmp(&graph_node(ctx, s->numbers[i].node)->scalar, &s->numbers[i].value, sizeof(double)) != 0)
            return false;
    return true;
}

bool snapshot_matches(const snapshot *s, const wg_context *ctx, const question *q)
{
    return s->node_count == ctx->node_count && s->end == q->end && s->root_count == q->count &&
           s->trims == ctx->shape_trims && s->assign_count == ctx->assign_count && s->input_count == ctx->input_count &&
           same_ids(s->roots, q->roots, q->count) && same_nodes(s, ctx) &&
           same_ids(s->inputs, ctx->inputs, s->input_count) && same_rest(s, ctx);
}

const uint32_t *snapshot_source(const snapshot *s)
{
    return s->source;
}

size_t snapshot_bytes(const snapshot *s)
{
    return s->bump.bytes;
}
