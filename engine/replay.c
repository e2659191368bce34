/* Replaying in f64: a second, even plainer executor, with its values beside the tape instead of on it. */
#include "engine/replay.h"

#include "engine/run.h"

#include <string.h>

enum state { WANTED = 1, ROOT = 2, VARIED = 4, GIVEN = 8 };

struct replay {
    wg_context *ctx;
    uint32_t count;
    uint8_t *state;
    void **values; /* by node; f64 for floats */
    const uint32_t *given;
    size_t given_count;
    uint64_t branches;
};

static wg_type replayed_type(const node *n)
{
    return n->type == WG_F32 ? WG_F64 : (wg_type)n->type;
}

static size_t replayed_bytes(const replay *r, const node *n)
{
    return (size_t)graph_size(r->ctx, n) * wg_type_size(replayed_type(n));
}

/* ---- life ---- */

replay *replay_new(wg_context *ctx, const uint32_t *roots, size_t count)
{
    replay *r = memory_new(&ctx->memory, 1, sizeof *r);
    if (!r) {
        graph_fail_memory(ctx, sizeof *r);
        return NULL;
    }
    *r = (replay){.ctx = ctx, .count = ctx->node_count};
    r->state = memory_new(&ctx->memory, r->count, sizeof *r->state);
    r->values = memory_new(&ctx->memory, r->count, sizeof *r->values);
    if (!r->state || !r->values) {
        graph_fail_memory(ctx, r->count * sizeof *r->values);
        replay_free(r);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) r->state[roots[i]] |= WANTED | ROOT;
    for (uint32_t id = r->count; id-- > 1;) {
        if (!(r->state[id] & WANTED)) continue;
        size_t inputs_count;
        const uint32_t *inputs = graph_inputs(ctx, graph_node(ctx, id), &inputs_count);
        for (size_t i = 0; i < inputs_count; i++) r->state[inputs[i]] |= WANTED;
    }
    return r;
}

static void drop_values(replay *r, uint8_t mask)
{
    for (uint32_t id = 1; id < r->count; id++) {
        if (mask && !(r->state[id] & mask)) continue;
        if (!(r->state[id] & GIVEN)) memory_drop(&r->ctx->memory, r->values[id]);
        r->values[id] = NULL;
    }
}

void replay_free(replay *r)
{
    if (!r) return;
    if (r->values && r->state) drop_values(r, 0);
    memory_release(&r->ctx->memory, r->state);
    memory_release(&r->ctx->memory, r->values);
    memory_release(&r->ctx->memory, r);
}

bool replay_vary(replay *r, const uint32_t *ids, size_t count)
{
    drop_values(r, VARIED);
    for (uint32_t id = 1; id < r->count; id++) r->state[id] &= (uint8_t) ~(VARIED | GIVEN);
    for (size_t i = 0; i < count; i++) {
        memory_drop(&r->ctx->memory, r->values[ids[i]]);
        r->values[ids[i]] = NULL;
        r->state[ids[i]] |= VARIED | GIVEN;
    }
    for (uint32_t id = 1; id < r->count; id++) {
        if (!(r->state[id] & WANTED) || r->state[id] & GIVEN) continue;
        size_t inputs_count;
        const uint32_t *inputs = graph_inputs(r->ctx, graph_node(r->ctx, id), &inputs_count);
        bool varied = false;
        for (size_t i = 0; i < inputs_count; i++) varied |= (r->state[inputs[i]] & VARIED) != 0;
        if (!varied) continue;
        memory_drop(&r->ctx->memory, r->values[id]); /* of an earlier run, when it did not depend on what varied then */
        r->values[id] = NULL;
        r->state[id] |= VARIED;
    }
    r->given = ids;
    r->given_count = count;
    return true;
}

/* ---- values ---- */

/* A copy of recorded values, widened if they are f32. */
static void *widen(replay *r, const node *n, const void *values)
{
    size_t bytes = replayed_bytes(r, n);
    void *copy = memory_values(&r->ctx->memory, bytes);
    if (!copy) {
        graph_fail_memory(r->ctx, bytes);
        return NULL;
    }
    if (n->type == WG_F32) {
        int64_t size = graph_size(r->ctx, n);
        for (int64_t i = 0; i < size; i++) ((double *)copy)[i] = (double)((const float *)values)[i];
    } else {
        memcpy(copy, values, bytes);
    }
    return copy;
}

/* Draws in the recorded type, then widens. Ops that choose by chance what becomes of their operands choose the same in
   f64. */
static void *widened_draw(replay *r, uint32_t id, const node *n)
{
    wg_array output = {(wg_type)n->type, graph_shape(r->ctx, n),
                       memory_values(&r->ctx->memory, graph_bytes(r->ctx, n))};
    if (!output.data) {
        graph_fail_memory(r->ctx, graph_bytes(r->ctx, n));
        return NULL;
    }
    void *values = run_kernel(r->ctx, id, NULL, 0, &output) ? widen(r, n, output.data) : NULL;
    memory_drop(&r->ctx->memory, output.data);
    return values;
}

static void *leaf_values(replay *r, uint32_t id, const node *n)
{
    const void *values = graph_values(r->ctx, n);
    if (values) return widen(r, n, values);
    graph_fail_node(r->ctx, WG_OVERWRITTEN, id, "the value that \"%s\" had has been overwritten by an assign",
                    graph_persistent_of(r->ctx, n)->name);
    return NULL;
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
    return hash ^ hash >> 29;
}

/* Adds the choices that a node has made between smooth pieces to the hash. */
static void hash_branches(replay *r, const node *n, const wg_call *call)
{
    int64_t size = wg_shape_size(call->output->shape);
    bool whole = call->output->type == WG_BOOL || call->output->type == WG_I64 || call->output->type == WG_I32;
    if (whole) {
        size_t element = wg_type_size(call->output->type);
        for (int64_t i = 0; i < size; i++) {
            uint64_t word = 0;
            memcpy(&word, (const char *)call->output->data + (size_t)i * element, element);
            r->branches = mix(r->branches, word);
        }
    } else if (n->op->branch && call->inputs[0].type == WG_F64) {
        int64_t *branch = memory_values(&r->ctx->memory, (size_t)size * sizeof *branch);
        if (!branch) {
            graph_fail_memory(r->ctx, (size_t)size * sizeof *branch);
            return;
        }
        n->op->branch(call, branch);
        for (int64_t i = 0; i < size; i++) r->branches = mix(r->branches, (uint64_t)branch[i]);
        memory_drop(&r->ctx->memory, branch);
    }
}

static void *computed_values(replay *r, uint32_t id, const node *n, bool hash)
{
    wg_context *ctx = r->ctx;
    run_operands operands;
    if (!run_operands_open(ctx, n, &operands)) return NULL;
    const uint32_t *inputs = graph_inputs(ctx, n, &operands.count);
    for (size_t i = 0; i < operands.count; i++) {
        const node *in = graph_node(ctx, inputs[i]);
        if (inputs[i]) operands.array[i] = (wg_array){replayed_type(in), graph_shape(ctx, in), r->values[inputs[i]]};
    }
    wg_array output = {replayed_type(n), graph_shape(ctx, n), memory_values(&ctx->memory, replayed_bytes(r, n))};
    bool fine = output.data != NULL;
    if (!fine)
        graph_fail_memory(ctx, replayed_bytes(r, n));
    else if (n->op->alias)
        memcpy(output.data, operands.array[0].data, replayed_bytes(r, n));
    else
        fine = run_kernel(ctx, id, operands.array, operands.count, &output);
    if (wg_error_status(ctx) == WG_UNSUPPORTED) graph_hint(ctx, "what is replayed is computed in f64");
    if (fine && hash)
        hash_branches(r, n, &(wg_call){operands.count, operands.array, &output, graph_attributes(ctx, n), NULL, NULL});
    run_operands_close(ctx, &operands);
    if (fine && graph_ok(ctx)) return output.data;
    memory_drop(&ctx->memory, output.data);
    return NULL;
}

const double *replay_recorded(replay *r, uint32_t id)
{
    if (r->state[id] & GIVEN) return NULL;
    return r->values[id];
}

const double *replay_root(const replay *r, uint32_t id)
{
    return r->values[id];
}

/* ---- running ---- */

/* Frees what an earlier run has computed from varied values. */
static void forget_varied(replay *r)
{
    for (uint32_t id = 1; id < r->count; id++) {
        if ((r->state[id] & (VARIED | GIVEN)) != VARIED) continue;
        memory_drop(&r->ctx->memory, r->values[id]);
        r->values[id] = NULL;
    }
}

bool replay_run(replay *r, const double *const *values, uint64_t *branches)
{
    wg_context *ctx = r->ctx;
    if (!graph_ok(ctx)) return false;
    forget_varied(r);
    r->branches = 0;
    for (size_t i = 0; i < r->given_count; i++) r->values[r->given[i]] = (void *)(uintptr_t)values[i];
    for (uint32_t id = 1; id < r->count; id++) {
        const node *n = graph_node(ctx, id);
        if (!(r->state[id] & WANTED) || r->values[id]) continue;
        if (graph_is_leaf(n))
            r->values[id] = leaf_values(r, id, n);
        else if (n->op->random && n->input_count == 0)
            r->values[id] = widened_draw(r, id, n);
        else
            r->values[id] = computed_values(r, id, n, branches && r->state[id] & VARIED);
        if (!r->values[id]) return false;
    }
    if (branches) *branches = r->branches;
    return true;
}
