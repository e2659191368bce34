/* wg_scan: masks, the number of steps, and how they are cut into chunks. */
#include "autograd/scan.h"

#include "graph/shape.h"

#include <wengert/functions.h>

#include <stdlib.h>

/* A body whose carries stay as they are, and whose outputs are zeros, where the last sequence is false. */
typedef struct masked {
    wg_scan_body body;
    size_t carries, inputs;
} masked;

/* The mask over the axes behind its own. */
static wg_tensor over(wg_tensor mask, wg_tensor x)
{
    while (wg_shape_of(mask).rank && wg_shape_of(mask).rank < wg_shape_of(x).rank) mask = wg_unsqueeze(mask, -1);
    return mask;
}

static void run_masked(const void *user, const wg_scan_step *at)
{
    const masked *m = user;
    wg_tensor mask = at->inputs[m->inputs];
    m->body.call(m->body.user, at);
    for (size_t i = 0; i < m->carries; i++)
        at->next[i] = wg_where(over(mask, at->carries[i]), at->next[i], at->carries[i]);
    for (size_t i = 0; i < m->body.outputs; i++)
        at->outputs[i] = wg_where(over(mask, at->outputs[i]), at->outputs[i], wg_zeros_like(at->outputs[i]));
}

/* The steps that the sequences have, or that are asked for; -1 after an error. */
static int64_t count_steps(wg_context *ctx, wg_list sequences, int64_t asked)
{
    int64_t steps = asked ? asked : -1;
    if (asked < 0) graph_fail(ctx, WG_BAD_ARGUMENT, "scan: %lld steps", (long long)asked);
    for (size_t i = 0; graph_ok(ctx) && i < sequences.count; i++) {
        wg_shape shape = wg_shape_of(sequences.items[i]);
        shape_buffer buffer;
        if (!graph_resolve(sequences.items[i], "scan")) return -1;
        if (shape.rank == 0 || (steps >= 0 && shape.dim[0] != steps))
            graph_fail(ctx, WG_BAD_SHAPE, "scan: sequence %zu is %s, there are %lld steps", i,
                       shape_text(shape, &buffer), (long long)steps);
        steps = shape.rank ? shape.dim[0] : 0;
    }
    if (graph_ok(ctx) && steps < 0) {
        graph_fail(ctx, WG_BAD_ARGUMENT, "scan: there is no sequence, and no number of steps");
    }
    return graph_ok(ctx) ? steps : -1;
}

/* Steps for which one chunk is enough. */
enum { FEW_STEPS = 16 };

/* The length of chunks: what is left over by them is a scan of its own. */
static int64_t chunk_of(int64_t steps, int64_t asked)
{
    if (asked > 0) return asked < steps ? asked : steps;
    if (steps <= FEW_STEPS) return steps;
    int64_t root = 1, best = 0;
    while (root * root < steps) root++;
    for (int64_t k = root / 2; k <= 2 * root; k++) /* one that leaves nothing over is best */
        if (k > 0 && steps % k == 0 && (!best || llabs(k - root) < llabs(best - root))) best = k;
    return best ? best : root;
}

/* A part of the steps. */
static bool record_part(scan_request *q, wg_list whole, wg_tensor *slices, int64_t from, int64_t to, wg_tensor *last,
                        wg_tensor *outputs)
{
    scan_call call;
    q->steps = to - from;
    for (size_t i = 0; i < whole.count; i++) slices[i] = wg_slice(whole.items[i], 0, from, to);
    q->sequences = (wg_list){whole.count, slices};
    q->first = wg_full_typed(q->ctx, WG_I64, WG_SCALAR, (double)from);
    wg_tensor y = scan_record(q, &call);
    if (y.id) q->draws = call.draws;
    for (size_t i = 0; i < q->carries.count; i++) last[i] = y.id ? scan_result(y, &call, i) : y;
    for (size_t i = 0; i < q->outputs; i++) outputs[i] = y.id ? scan_result(y, &call, q->carries.count + i) : y;
    return graph_ok(q->ctx);
}

/* All steps: whole chunks, and what is left over. */
static bool record_parts(scan_request *q, wg_list sequences, int64_t steps, wg_tensor *slices, wg_tensor *last,
                         wg_tensor *outputs, wg_tensor *more)
{
    int64_t chunk = q->chunk, whole = chunk ? steps / chunk * chunk : 0;
    bool both = whole && whole < steps, tail_first = q->reverse && both;
    if (!both) {
        q->chunk = chunk ? chunk : 1;
        return record_part(q, sequences, slices, 0, steps, last, outputs);
    }
    int64_t from = tail_first ? whole : 0, to = tail_first ? steps : whole;
    q->chunk = tail_first ? steps - whole : chunk;
    if (!record_part(q, sequences, slices, from, to, last, outputs)) return false;
    q->carries.items = last;
    q->chunk = tail_first ? chunk : steps - whole;
    if (!record_part(q, sequences, slices, tail_first ? 0 : whole, tail_first ? whole : steps, last, more))
        return false;
    for (size_t i = 0; i < q->outputs; i++)
        outputs[i] =
            tail_first ? wg_concat(WG_LIST(more[i], outputs[i]), 0) : wg_concat(WG_LIST(outputs[i], more[i]), 0);
    return graph_ok(q->ctx);
}

static bool check_request(wg_context *ctx, wg_scan_body body, wg_list carries, wg_list sequences,
                          const wg_scan_options *o, const wg_tensor *last, const wg_tensor *outputs)
{
    if (!graph_ok(ctx)) return false;
    bool lists = (carries.count == 0 || carries.items) && (sequences.count == 0 || sequences.items);
    if (!body.call || !lists || (carries.count && !last) || (body.outputs && !outputs))
        graph_fail(ctx, WG_BAD_ARGUMENT, "scan: NULL where a function or an array is wanted");
    else if (o->chunk < 0)
        graph_fail(ctx, WG_BAD_ARGUMENT, "scan: chunks of %lld steps", (long long)o->chunk);
    else if (o->mask.context && wg_type_of(o->mask) != WG_BOOL)
        graph_fail(ctx, WG_BAD_TYPE, "scan: the mask must be bool, not %s", wg_type_name(wg_type_of(o->mask)));
    return graph_ok(ctx);
}

/* The sequences with the mask behind them. */
static bool scan_masked(wg_context *ctx, wg_scan_body body, wg_list carries, wg_list sequences,
                        const wg_scan_options *o, wg_tensor *last, wg_tensor *outputs)
{
    bool with_mask = o->mask.context;
    size_t count = sequences.count + with_mask;
    wg_tensor *all = memory_new(&ctx->memory, 2 * count + body.outputs + 1, sizeof *all);
    if (!all) return graph_fail_memory(ctx, 2 * count * sizeof *all).id;
    for (size_t i = 0; i < sequences.count; i++) all[i] = sequences.items[i];
    if (with_mask) all[sequences.count] = o->mask;
    masked m = {body, carries.count, sequences.count};
    int64_t steps = count_steps(ctx, (wg_list){count, all}, o->steps);
    scan_request q = {.ctx = ctx,
                      .body = with_mask ? run_masked : body.call,
                      .user = with_mask ? &m : body.user,
                      .carries = carries,
                      .outputs = body.outputs,
                      .reverse = o->reverse,
                      .draw = ctx->draws,
                      .chunk = chunk_of(steps, o->chunk)};
    bool fine =
        steps >= 0 && record_parts(&q, (wg_list){count, all}, steps, all + count, last, outputs, all + 2 * count);
    ctx->draws = q.draw + q.draws * (uint64_t)(steps > 0 ? steps : 1);
    memory_release(&ctx->memory, all);
    return fine;
}

bool wg_scan(wg_scan_body body, wg_list carries, wg_list sequences, const wg_scan_options *options, wg_tensor *last,
             wg_tensor *outputs)
{
    static const wg_scan_options usual = {.steps = 0};
    const wg_scan_options *o = options ? options : &usual;
    wg_context *ctx = graph_context_of(carries);
    if (!ctx) ctx = graph_context_of(sequences);
    WG_ENTRY(ctx);
    for (size_t i = 0; last && i < carries.count; i++) last[i] = graph_poison(ctx);
    for (size_t i = 0; outputs && i < body.outputs; i++) outputs[i] = graph_poison(ctx);
    if (!ctx) return graph_fail(NULL, WG_BAD_HANDLE, "scan: there is no tensor with a context").id;
    bool fine = check_request(ctx, body, carries, sequences, o, last, outputs) &&
                scan_masked(ctx, body, carries, sequences, o, last, outputs);
    for (size_t i = 0; !fine && last && i < carries.count; i++) last[i] = graph_poison(ctx);
    for (size_t i = 0; !fine && outputs && i < body.outputs; i++) outputs[i] = graph_poison(ctx);
    return fine;
}
