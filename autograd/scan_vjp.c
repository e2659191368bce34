/* The rule of scans, made of scans (back-propagation through time; Werbos 1990).

   Chunks are dealt with from the last to the first. Of each, a scan computes the carries of all its steps again, from
   those that were kept; another one runs back over them: its body records the step again and differentiates it, its
   carries are the cotangents of the carries and the sums of the captures' gradients. With several chunks both are the
   body of a third scan. */
#include "autograd/scan.h"

#include "graph/shape.h"

#include <wengert/functions.h>
#include <wengert/gradient.h>

#include <string.h>

/* What all parts of the rule know. */
typedef struct backward {
    wg_context *ctx;
    scan_call scan;
    const scan_body *body;
    const double *numbers;
    wg_tensor *captures, first;
    uint32_t *wanted;    /* captures whose gradients are asked for */
    uint32_t *differing; /* sequences, likewise */
    size_t wanted_count, differing_count;
} backward;

/* Operands of the node. */
static size_t sequence_place(const scan_body *b)
{
    return b->carries;
}

static size_t capture_place(const scan_body *b)
{
    return b->carries + b->sequences;
}

/* ---- lists of tensors ---- */

/* Room for tensors, released by the caller; NULL after an error. */
static wg_tensor *new_list(wg_context *ctx, size_t count)
{
    wg_tensor *list = memory_new(&ctx->memory, count + 1, sizeof *list);
    if (!list) graph_fail_memory(ctx, count * sizeof *list);
    return list;
}

static void copy_list(wg_tensor *to, const wg_tensor *from, size_t count)
{
    if (count) memcpy(to, from, count * sizeof *to);
}

/* ---- the step ---- */

/* Records a step again, on captures that may be others. */
static bool replay(const backward *k, wg_tensor step, const wg_tensor *carries, const wg_tensor *inputs,
                   const wg_tensor *captures, wg_tensor *roots)
{
    const scan_body *b = k->body;
    wg_tensor *parameters = new_list(k->ctx, scan_parameters(b));
    if (!parameters) return false;
    parameters[0] = step;
    copy_list(parameters + 1, carries, b->carries);
    copy_list(parameters + 1 + b->carries, inputs, b->sequences);
    copy_list(parameters + 1 + b->carries + b->sequences, captures, b->captures);
    bool fine = scan_replay_body(k->ctx, b, parameters, k->numbers, k->scan.draw, roots);
    memory_release(&k->ctx->memory, parameters);
    return fine;
}

/* A step forward whose outputs are the carries that it has found. */
static void step_forward(const void *user, const wg_scan_step *at)
{
    const backward *k = user;
    const scan_body *b = k->body;
    wg_tensor *roots = new_list(k->ctx, b->carries + b->outputs);
    if (roots && replay(k, at->step, at->carries, at->inputs, k->captures, roots)) {
        copy_list(at->next, roots, b->carries);
        copy_list(at->outputs, at->carries, b->carries);
    }
    memory_release(&k->ctx->memory, roots);
}

/* Room for what a step back needs: the captures as this step's own, so that derivatives by them are partial; roots;
   their cotangents; what is differentiated by; and the gradients. */
typedef struct step_lists {
    wg_tensor *captures, *roots, *cotangents, *by, *gradients;
} step_lists;

static wg_tensor itself(wg_tensor x)
{
    return wg_apply(&autograd_barrier_op, WG_LIST(x), NULL);
}

/* Carries: cotangents of the carries, sums of gradients. Inputs: the carries that the step has found, the sequences,
   the cotangents of its outputs. Outputs: the sequences' gradients. */
static void differentiate_step(const backward *k, const wg_scan_step *at, const step_lists *l)
{
    const scan_body *b = k->body;
    const wg_tensor *carries = at->inputs, *inputs = carries + b->carries, *of_outputs = inputs + b->sequences;
    const size_t results = b->carries + b->outputs, bys = b->carries + k->differing_count + k->wanted_count;
    copy_list(l->captures, k->captures, b->captures);
    for (size_t i = 0; i < k->wanted_count; i++) l->captures[k->wanted[i]] = itself(k->captures[k->wanted[i]]);
    for (size_t i = 0; i < b->carries; i++) l->by[i] = itself(carries[i]);
    wg_tensor *own = l->gradients; /* the sequences as this step's own, until the gradients are there */
    copy_list(own, inputs, b->sequences);
    for (size_t i = 0; i < k->differing_count; i++)
        own[k->differing[i]] = l->by[b->carries + i] = itself(inputs[k->differing[i]]);
    for (size_t i = 0; i < k->wanted_count; i++) l->by[b->carries + k->differing_count + i] = l->captures[k->wanted[i]];
    if (!replay(k, at->step, l->by, own, l->captures, l->roots)) return;
    copy_list(l->cotangents, at->carries, b->carries);
    copy_list(l->cotangents + b->carries, of_outputs, b->outputs);
    if (!wg_vjps((wg_list){results, l->roots}, (wg_list){results, l->cotangents}, (wg_list){bys, l->by}, l->gradients))
        return;
    copy_list(at->next, l->gradients, b->carries);
    copy_list(at->outputs, l->gradients + b->carries, k->differing_count);
    for (size_t i = 0; i < k->wanted_count; i++)
        at->next[b->carries + i] =
            wg_add(at->carries[b->carries + i], l->gradients[b->carries + k->differing_count + i]);
}

static void step_back(const void *user, const wg_scan_step *at)
{
    const backward *k = user;
    const scan_body *b = k->body;
    const size_t results = b->carries + b->outputs, all = b->carries + b->sequences + b->captures;
    wg_tensor *lists = new_list(k->ctx, b->captures + 2 * results + 2 * all);
    if (!lists) return;
    step_lists l = {.captures = lists};
    l.roots = l.captures + b->captures;
    l.cotangents = l.roots + results;
    l.by = l.cotangents + results;
    l.gradients = l.by + all;
    differentiate_step(k, at, &l);
    memory_release(&k->ctx->memory, lists);
}

/* ---- a chunk ---- */

/* What goes into a chunk: the number of its first step, the carries that it begins with, its parts of the sequences,
   the cotangents of its outputs; and the carries of the way back. */
typedef struct chunk {
    wg_tensor first;
    const wg_tensor *kept, *sequences, *of_outputs, *back;
} chunk;

static size_t back_count(const backward *k)
{
    return k->body->carries + k->wanted_count;
}

/* The carries that each step of the chunk finds. */
static bool compute_again(const backward *k, const chunk *c, wg_tensor *found)
{
    const scan_body *b = k->body;
    scan_call call;
    if (b->carries == 0) return true;
    wg_tensor y = scan_record(&(scan_request){.ctx = k->ctx,
                                              .body = step_forward,
                                              .user = k,
                                              .carries = {b->carries, c->kept},
                                              .sequences = {b->sequences, c->sequences},
                                              .outputs = b->carries,
                                              .first = c->first,
                                              .steps = k->scan.chunk,
                                              .chunk = k->scan.chunk,
                                              .reverse = k->scan.reverse,
                                              .replays = true,
                                              .draw = k->scan.draw,
                                              .draws = k->scan.draws},
                              &call);
    for (size_t i = 0; y.id && i < b->carries; i++) found[i] = scan_result(y, &call, b->carries + i);
    return graph_ok(k->ctx);
}

/* Back over a chunk: the carries of the way back, then the sequences' gradients, go to `out`. */
static bool chunk_back(const backward *k, const chunk *c, wg_tensor *out)
{
    const scan_body *b = k->body;
    const size_t inputs = b->carries + b->sequences + b->outputs;
    scan_call call;
    wg_tensor *all = new_list(k->ctx, inputs), y = WG_NONE;
    if (all && compute_again(k, c, all)) {
        copy_list(all + b->carries, c->sequences, b->sequences);
        copy_list(all + b->carries + b->sequences, c->of_outputs, b->outputs);
        y = scan_record(&(scan_request){.ctx = k->ctx,
                                        .body = step_back,
                                        .user = k,
                                        .carries = {back_count(k), c->back},
                                        .sequences = {inputs, all},
                                        .outputs = k->differing_count,
                                        .first = c->first,
                                        .steps = k->scan.chunk,
                                        .chunk = k->scan.chunk,
                                        .reverse = !k->scan.reverse,
                                        .replays = true,
                                        .draw = k->scan.draw,
                                        .draws = k->scan.draws},
                        &call);
    }
    for (size_t i = 0; y.id && i < back_count(k) + k->differing_count; i++) out[i] = scan_result(y, &call, i);
    memory_release(&k->ctx->memory, all);
    return graph_ok(k->ctx);
}

/* ---- all chunks ---- */

/* Carries: those of the way back. Inputs: kept carries, chunks of sequences and of the outputs' cotangents, the kept
   carries' own cotangents. */
static void step_over_chunk(const void *user, const wg_scan_step *at)
{
    const backward *k = user;
    const scan_body *b = k->body;
    const size_t backs = back_count(k);
    wg_tensor *out = new_list(k->ctx, backs + k->differing_count);
    chunk c = {.kept = at->inputs,
               .sequences = at->inputs + b->carries,
               .of_outputs = at->inputs + b->carries + b->sequences,
               .back = at->carries};
    const wg_tensor *of_kept = c.of_outputs + b->outputs;
    c.first = wg_add(k->first, wg_mul_scalar(at->step, (double)k->scan.chunk));
    if (out && chunk_back(k, &c, out)) {
        copy_list(at->next, out, backs);
        for (size_t i = 0; i < b->carries; i++) at->next[i] = wg_add(out[i], of_kept[i]);
        copy_list(at->outputs, out + backs, k->differing_count);
    }
    memory_release(&k->ctx->memory, out);
}

/* [steps, ...] -> [chunks, chunk, ...] */
static wg_tensor in_chunks(const backward *k, wg_tensor x)
{
    wg_shape shape = wg_shape_of(x), split = {.rank = shape.rank + 1, .dim = {scan_chunks(&k->scan), k->scan.chunk}};
    if (split.rank > WG_MAX_RANK)
        return graph_fail(k->ctx, WG_BAD_SHAPE, "scan: a sequence has rank %d: with one chunk only it has a gradient",
                          shape.rank);
    for (int i = 1; i < shape.rank; i++) split.dim[i + 1] = shape.dim[i];
    return wg_reshape(x, split);
}

static bool several_chunks(const backward *k, const chunk *c, const wg_tensor *of_kept, wg_tensor *out)
{
    const scan_body *b = k->body;
    const size_t inputs = 2 * b->carries + b->sequences + b->outputs;
    scan_call call;
    wg_tensor *all = new_list(k->ctx, inputs), y = WG_NONE;
    if (!all) return false;
    size_t count = b->carries;
    copy_list(all, c->kept, b->carries);
    for (size_t i = 0; i < b->sequences; i++) all[count++] = in_chunks(k, c->sequences[i]);
    for (size_t i = 0; i < b->outputs; i++) all[count++] = in_chunks(k, c->of_outputs[i]);
    copy_list(all + count, of_kept, b->carries);
    if (graph_ok(k->ctx))
        y = scan_record(&(scan_request){.ctx = k->ctx,
                                        .body = step_over_chunk,
                                        .user = k,
                                        .carries = {back_count(k), c->back},
                                        .sequences = {inputs, all},
                                        .outputs = k->differing_count,
                                        .first = wg_full_typed(k->ctx, WG_I64, WG_SCALAR, 0),
                                        .steps = scan_chunks(&k->scan),
                                        .chunk = scan_chunks(&k->scan),
                                        .reverse = !k->scan.reverse,
                                        .replays = true,
                                        .draw = k->scan.draw},
                        &call);
    for (size_t i = 0; y.id && i < back_count(k) + k->differing_count; i++) out[i] = scan_result(y, &call, i);
    memory_release(&k->ctx->memory, all);
    return graph_ok(k->ctx);
}

static bool one_chunk(const backward *k, chunk *c, const wg_tensor *of_kept, wg_tensor *kept, wg_tensor *out)
{
    const scan_body *b = k->body;
    for (size_t i = 0; i < b->carries; i++) kept[i] = wg_select(kept[i], 0, 0);
    if (!chunk_back(k, c, out)) return false;
    for (size_t i = 0; i < b->carries; i++) out[i] = wg_add(out[i], wg_select(of_kept[i], 0, 0));
    return graph_ok(k->ctx);
}

/* ---- the rule ---- */

/* Gradients of all operands, by the parts of y and its cotangent. */
static void differentiate(backward *k, wg_tensor y, wg_tensor g, wg_tensor *gradients)
{
    const scan_body *b = k->body;
    const size_t backs = back_count(k), outs = backs + k->differing_count;
    wg_tensor *lists = new_list(k->ctx, 2 * b->carries + b->outputs + b->sequences + backs + outs);
    if (!lists) return;
    wg_tensor *kept = lists, *of_kept = kept + b->carries, *of_outputs = of_kept + b->carries,
              *sequences = of_outputs + b->outputs, *back = sequences + b->sequences, *out = back + backs;
    for (size_t i = 0; i < b->carries; i++) {
        kept[i] = scan_result(y, &k->scan, b->carries + b->outputs + i);
        of_kept[i] = scan_result(g, &k->scan, b->carries + b->outputs + i);
        back[i] = scan_result(g, &k->scan, i);
    }
    for (size_t i = 0; i < b->outputs; i++) of_outputs[i] = scan_result(g, &k->scan, b->carries + i);
    for (size_t i = 0; i < b->sequences; i++) sequences[i] = graph_operand(y, sequence_place(b) + i);
    for (size_t i = 0; i < k->wanted_count; i++) back[b->carries + i] = wg_zeros_like(k->captures[k->wanted[i]]);
    chunk c = {.first = k->first, .kept = kept, .sequences = sequences, .of_outputs = of_outputs, .back = back};
    bool none = k->scan.steps == 0, one = scan_chunks(&k->scan) == 1;
    bool fine = none  ? (copy_list(out, back, backs), true)
                : one ? one_chunk(k, &c, of_kept, kept, out)
                      : several_chunks(k, &c, of_kept, out);
    if (fine) {
        copy_list(gradients, out, b->carries);
        for (size_t i = 0; i < k->wanted_count; i++) gradients[capture_place(b) + k->wanted[i]] = out[b->carries + i];
        for (size_t i = 0; i < k->differing_count && !none; i++) {
            wg_tensor like = sequences[k->differing[i]];
            gradients[sequence_place(b) + k->differing[i]] = wg_reshape(out[backs + i], wg_shape_of(like));
        }
    }
    memory_release(&k->ctx->memory, lists);
}

/* Operands among a range whose gradients are asked for and which are of the scan's own type; others that are floats are
   an error, as their gradients cannot be carried. */
static size_t choose(const backward *k, wg_tensor y, size_t from, size_t count, uint32_t *chosen)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        wg_type type = k->body->parameter[1 + from + i].type;
        if (!type_is_float(type) || !graph_wanted(y, from + i)) continue;
        if (type != k->body->type)
            graph_fail_node(k->ctx, WG_NO_GRADIENT, y.id,
                            "there is no gradient by an operand of %s, the carries being %s", wg_type_name(type),
                            wg_type_name(k->body->type));
        chosen[found++] = (uint32_t)i;
    }
    return found;
}

/* The numbers that a body takes: a constant, perhaps behind barriers. */
static const double *numbers_of(wg_context *ctx, uint32_t id)
{
    const node *n = graph_node(ctx, id);
    while (n->op->alias) {
        size_t count;
        n = graph_node(ctx, graph_inputs(ctx, n, &count)[0]);
    }
    return n->data;
}

void scan_vjp(wg_tensor y, wg_tensor g, wg_tensor *gradients)
{
    wg_context *ctx = y.context;
    wg_attributes attributes = wg_attributes_of(y);
    backward k = {.ctx = ctx, .scan = scan_call_of(&attributes)};
    const scan_body *b = k.body = k.scan.body;
    k.captures = new_list(ctx, b->captures);
    k.wanted = memory_new(&ctx->memory, b->captures + b->sequences + 1, sizeof *k.wanted);
    if (k.captures && k.wanted) {
        k.differing = k.wanted + b->captures;
        for (size_t i = 0; i < b->captures; i++) k.captures[i] = graph_operand(y, capture_place(b) + i);
        k.first = graph_operand(y, capture_place(b) + b->captures);
        if (b->numbers) k.numbers = numbers_of(ctx, graph_operand(y, capture_place(b) + b->captures + 1).id);
        k.wanted_count = choose(&k, y, capture_place(b), b->captures, k.wanted);
        k.differing_count = choose(&k, y, sequence_place(b), b->sequences, k.differing);
        if (graph_ok(ctx)) differentiate(&k, y, g, gradients);
    } else {
        graph_fail_memory(ctx, (b->captures + b->sequences) * sizeof *k.captures);
    }
    memory_release(&ctx->memory, k.captures);
    memory_release(&ctx->memory, k.wanted);
}
