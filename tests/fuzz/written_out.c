/* The node of a scan, written out: its own body, recorded once for each step. So its bound is that of the very ops
   which its steps compute, in scans that gradients are made of, too. */
#include "autograd/scan.h"
#include "tests/fuzz/shadow.h"

#include <wengert/functions.h>

#include <stdlib.h>
#include <string.h>

enum { LIST_MOST = 64 };

typedef struct {
    wg_tensor y, first;
    scan_call call;
    const double *numbers;
    wg_tensor operand[LIST_MOST]; /* carries, sequences, captures */
    wg_tensor carry[LIST_MOST];
    wg_tensor *made; /* outputs: those of each step one after the other; then kept carries, likewise */
} writing;

/* Behind aliases, which stand for their first operand. */
static const node *behind(wg_context *ctx, uint32_t id)
{
    const node *n = graph_node(ctx, id);
    size_t count;
    while (n->op->alias) n = graph_node(ctx, graph_inputs(ctx, n, &count)[0]);
    return n;
}

/* A whole number that is computed from constants; false where it is not. */
static bool fold_number(wg_context *ctx, uint32_t id, int64_t *number)
{
    const node *n = behind(ctx, id);
    const char *name = n->op->name;
    size_t count;
    const uint32_t *inputs = graph_inputs(ctx, n, &count);
    int64_t a, b = (int64_t)n->scalar;
    if (graph_is_leaf(n) && n->data) *number = *(const int64_t *)n->data;
    if (strcmp(name, "full") == 0) *number = b;
    if ((graph_is_leaf(n) && n->data) || strcmp(name, "full") == 0) return true;
    bool add = strcmp(name, "add") == 0;
    if ((!add && strcmp(name, "mul") != 0) || !inputs[0] || !fold_number(ctx, inputs[0], &a)) return false;
    if (inputs[1] && !fold_number(ctx, inputs[1], &b)) return false;
    *number = add ? a + b : a * b;
    return true;
}

/* A step: the carries, and what it makes. */
static bool write_step(writing *w, int64_t s, int64_t first)
{
    const scan_body *b = w->call.body;
    wg_context *ctx = w->y.context;
    int64_t t = w->call.reverse ? w->call.steps - 1 - s : s, chunks = scan_chunks(&w->call);
    wg_tensor parameter[LIST_MOST], root[LIST_MOST];
    size_t count = 0;
    parameter[count++] = wg_add(w->first, wg_full_typed(ctx, WG_I64, WG_SCALAR, (double)t));
    for (size_t k = 0; k < b->carries; k++) {
        if (s % w->call.chunk == 0)
            w->made[b->outputs * (size_t)w->call.steps + k * (size_t)chunks + (size_t)(t / w->call.chunk)] =
                w->carry[k];
        parameter[count++] = w->carry[k];
    }
    for (size_t k = 0; k < b->sequences; k++) parameter[count++] = wg_select(w->operand[b->carries + k], 0, t);
    for (size_t k = 0; k < b->captures; k++) parameter[count++] = w->operand[b->carries + b->sequences + k];
    uint64_t draw = w->call.draw + (uint64_t)(first + t) * w->call.draws;
    if (!scan_replay_body(ctx, b, parameter, w->numbers, draw, root)) return false;
    memcpy(w->carry, root, b->carries * sizeof *root);
    for (size_t k = 0; k < b->outputs; k++) w->made[k * (size_t)w->call.steps + (size_t)t] = root[b->carries + k];
    return true;
}

/* Results lie one after the other in the node's value. */
static wg_tensor joined(writing *w)
{
    const scan_body *b = w->call.body;
    size_t steps = (size_t)w->call.steps, chunks = (size_t)scan_chunks(&w->call), count = 0;
    wg_tensor part[LIST_MOST], *made = w->made;
    for (size_t k = 0; k < b->carries; k++) part[count++] = w->carry[k];
    for (size_t k = 0; k < b->outputs && steps; k++, made += steps) part[count++] = wg_stack((wg_list){steps, made}, 0);
    for (size_t k = 0; k < b->carries && chunks; k++, made += chunks)
        part[count++] = wg_stack((wg_list){chunks, made}, 0);
    for (size_t k = 0; k < count; k++) part[k] = wg_reshape(part[k], WG_SHAPE(wg_size(part[k])));
    return count ? wg_concat((wg_list){count, part}, 0) : WG_NONE;
}

wg_tensor scan_written_out(wg_tensor y)
{
    wg_context *ctx = y.context;
    wg_attributes attributes = wg_attributes_of(y);
    writing w = {.y = y, .call = scan_call_of(&attributes)};
    const scan_body *b = w.call.body;
    size_t count = b->carries + b->sequences + b->captures;
    int64_t first = 0;
    if (count + 2 > LIST_MOST || 2 * b->carries + b->outputs > LIST_MOST) return WG_NONE;
    for (size_t k = 0; k < count; k++) w.operand[k] = graph_operand(y, k);
    w.first = graph_operand(y, count);
    if (b->numbers) w.numbers = behind(ctx, graph_operand(y, count + 1).id)->data;
    if (b->drawing && !fold_number(ctx, w.first.id, &first)) return WG_NONE;
    memcpy(w.carry, w.operand, b->carries * sizeof *w.carry);
    w.made = calloc((size_t)w.call.steps * (b->outputs + b->carries) + 1, sizeof *w.made);
    if (!w.made) abort();
    bool fine = true;
    for (int64_t s = 0; fine && s < w.call.steps; s++) fine = write_step(&w, s, first);
    wg_tensor whole = fine ? joined(&w) : WG_NONE;
    free(w.made);
    return whole;
}
