/* Runs a recipe once more, timelessly: each segment is recorded whole, then its tape is walked and every primitive gets
   its bound, recorded beside it; one evaluation computes them. The bounds of parameters live in variables of their own,
   which are assigned as the parameters are. */
#include "autograd/reverse.h"
#include "tests/fuzz/shadow.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- walking a tape ---- */

enum { OPERANDS_MOST = 64, NODES_MOST = 100000 };

typedef struct {
    machine m;
    wg_tensor error[LASTING]; /* variables with the bounds of the lasting tensors */
    wg_tensor begun[LASTING]; /* their values as the segment began */
    shadow *shade;            /* of the nodes that were walked, by id */
    uint32_t room;
} bounding;

static void walk(bounding *b, uint32_t first, const uint32_t *roots, size_t count);

static void make_room(bounding *b)
{
    uint32_t nodes = b->m.ctx->node_count;
    if (nodes <= b->room) return;
    b->room = 2 * nodes;
    b->shade = realloc(b->shade, b->room * sizeof *b->shade);
    if (!b->shade) abort();
}

/* The bound of a scan is that of its steps, written out one after the other. */
static shadow shade_scan(bounding *b, wg_tensor y)
{
    uint32_t first = b->m.ctx->node_count;
    wg_tensor whole = first < NODES_MOST ? scan_written_out(y) : WG_NONE;
    if (!whole.context || b->m.ctx->node_count > NODES_MOST) return shadow_unknown(y);
    coverage_situation("a scan's bound");
    walk(b, first, &whole.id, 1);
    shadow out = b->shade[whole.id];
    out.x = y;
    return out;
}

static shadow shade_node(bounding *b, uint32_t id)
{
    wg_context *ctx = b->m.ctx;
    const node *n = graph_node(ctx, id);
    wg_tensor y = graph_tensor(ctx, id);
    uint32_t ids[OPERANDS_MOST];
    shadow in[OPERANDS_MOST];
    size_t count;
    const uint32_t *inputs = graph_inputs(ctx, n, &count);
    if (n->op == &graph_parameter_op)
        return (shadow){y, b->begun[graph_persistent_of(ctx, n) - ctx->persistents], false};
    if (graph_is_leaf(n) || count == 0 || n->op->arity == 0) return shadow_exact(y);
    if (n->op == &autograd_scan_op) return shade_scan(b, y);
    if (count > OPERANDS_MOST) return shadow_unknown(y);
    memcpy(ids, inputs, count * sizeof *ids); /* recording moves them */
    for (size_t k = 0; k < count; k++) in[k] = ids[k] ? b->shade[ids[k]] : shadow_exact(wg_input(y, k));
    return shadow_of(n->op, y, in, count);
}

/* Bounds all that leads from node `first` on, or from what was walked before, to the roots. */
static void walk(bounding *b, uint32_t first, const uint32_t *roots, size_t count)
{
    wg_context *ctx = b->m.ctx;
    uint32_t end = ctx->node_count;
    bool *needed = calloc(end, sizeof *needed);
    if (!needed) abort();
    for (size_t k = 0; k < count; k++) needed[roots[k]] = true;
    for (uint32_t id = end; id-- > first;) {
        size_t operands;
        const uint32_t *inputs = graph_inputs(ctx, graph_node(ctx, id), &operands);
        for (size_t k = 0; needed[id] && k < operands; k++) needed[inputs[k]] = true;
    }
    for (uint32_t id = first; id < end && !wg_failed(ctx); id++) {
        if (!needed[id]) continue;
        coverage_primitive(graph_node(ctx, id)->op->name);
        shadow s = shade_node(b, id);
        make_room(b);
        b->shade[id] = s;
    }
    free(needed);
}

/* The bounds of all that is wanted and of the lasting tensors' last values, which are assigned to their variables. */
static bool bound_segment(bounding *b, shadow *found)
{
    machine *m = &b->m;
    uint32_t roots[WANTED + LASTING];
    int count = m->wanted_count, rest = m->recipe->lasting_count;
    for (int k = 0; k < count; k++) roots[k] = m->wanted[k].tensor.id;
    for (int k = 0; k < rest; k++) roots[count + k] = wg_stop_gradient(m->lasting[k]).id;
    for (uint32_t id = 1; id < m->ctx->node_count; id++) /* what nobody has asked for is not computed */
        graph_node(m->ctx, id)->flags |= NODE_USED;
    for (int k = 0; k < count + rest; k++)
        if (roots[k] == 0) return false;
    walk(b, 1, roots, (size_t)(count + rest));
    if (wg_failed(m->ctx)) return false;
    for (int k = 0; k < count + rest; k++) found[k] = b->shade[roots[k]];
    for (int k = 0; k < rest; k++) wg_assign(b->error[k], shadow_error(&found[count + k]));
    return !wg_failed(m->ctx);
}

/* ---- the run ---- */

/* Writes the bound of one tensor as f64. */
static bool note_bound(machine *m, const shadow *s, observation place)
{
    size_t count = (size_t)wg_size(s->x);
    place.type = wg_type_of(s->x);
    place.shape = wg_shape_of(s->x);
    double *bound = trace_add(m->out, place, count * sizeof *bound);
    memset(bound, 0, count * sizeof *bound);
    if (s->exact) return true;
    wg_tensor error = is_float(s->x) ? s->error
                                     : wg_where(s->error, wg_full_typed(m->ctx, WG_F64, WG_SCALAR, (double)NAN),
                                                wg_full_typed(m->ctx, WG_F64, WG_SCALAR, 0));
    return wg_read_f64(error, bound, count);
}

/* One segment: record, bound, evaluate, write down. */
static bool bound_step(bounding *b, int step)
{
    machine *m = &b->m;
    const recipe *r = m->recipe;
    shadow found[WANTED + LASTING];
    wg_tensor errors[WANTED + LASTING];
    size_t inexact = 0;
    machine_begin(m, r->turn[step], step);
    for (int k = 0; k < r->lasting_count; k++) b->begun[k] = wg_stop_gradient(b->error[k]);
    if (!machine_perform(m, 0, r->part[m->segment].count)) return false;
    if (!bound_segment(b, found)) return false;
    for (int k = 0; k < m->wanted_count; k++)
        if (!found[k].exact) errors[inexact++] = found[k].error;
    if (inexact && !wg_eval((wg_list){inexact, errors})) return false;
    for (int k = 0; k < m->wanted_count; k++)
        if (!note_bound(m, &found[k], m->wanted[k].place)) return false;
    observation end = {.segment = m->segment, .step = step, .instruction = -1, .part = LASTING};
    trace_add(m->out, end, 0);
    if (machine_end(m)) return false;
    for (int k = 0; k < r->lasting_count; k++) {
        observation place = {.segment = m->segment, .step = step, .instruction = -1, .part = k};
        shadow now = {m->lasting[k], b->error[k], false};
        if (!note_bound(m, &now, place)) return false;
    }
    wg_clear(m->ctx);
    return true;
}

void bounds_run(const recipe *r, const wg_context_options *options, bool unfolded, trace *out)
{
    static const char *const name[LASTING] = {"e0", "e1", "e2", "e3"};
    bounding b = {.m = {.out = out, .timeless = true, .unfolded = unfolded}};
    shadow_reorders = unfolded;
    bool fine = machine_open(&b.m, r, options);
    for (int k = 0; fine && k < r->lasting_count; k++) {
        shadow exact = shadow_exact(b.m.lasting[k]);
        b.error[k] = wg_variable(b.m.ctx, name[k], shadow_error(&exact));
    }
    for (int step = 0; fine && step < r->step_count; step++) fine = bound_step(&b, step);
    machine_end(&b.m); /* after an error buffers are left */
    machine_close(&b.m);
    free(b.shade);
}
