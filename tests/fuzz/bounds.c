/* Runs a recipe once more, timelessly: each segment is recorded whole, then its graph is walked and every primitive
   gets its bound, recorded beside it; one evaluation computes them. The bounds of parameters live in variables of their
   own, which are assigned as the parameters are. */
#include "tests/fuzz/shadow.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the graph of what is wanted ---- */

/* An op of the fuzzer's own that takes anything: the operands of one node are the roots of one graph. */
static bool infer_bundle(const wg_call *call, char *message, size_t size)
{
    (void)message, (void)size;
    *call->output = (wg_array){WG_BOOL, {0}, NULL};
    return true;
}

/* Nothing consumes the node, so an evaluation that performs assigns computes it. */
static void compute_bundle(const wg_call *call)
{
    *(bool *)call->output->data = false;
}

static const wg_op bundle = {.name = "bundle",
                             .arity = -1,
                             .infer = infer_bundle,
                             .kernel = {[WG_F32] = compute_bundle,
                                        [WG_F64] = compute_bundle,
                                        [WG_I32] = compute_bundle,
                                        [WG_I64] = compute_bundle,
                                        [WG_BOOL] = compute_bundle,
                                        [WG_U8] = compute_bundle}};

/* What is known of the graph of a segment after its first step: later steps record the same. Reading out a graph looks
   up C lines, which is slow. */
typedef struct {
    size_t count;
    struct graph_place {
        const wg_op *op; /* NULL: a leaf */
        int lasting;     /* number of the lasting tensor that a leaf reads, or -1 */
        bool assign;
        size_t *inputs, input_count;
    } * place;
} segment_graph;

static bool read_graph(segment_graph *g, wg_tensor root)
{
    wg_graph *graph = wg_graph_new(WG_LIST(root));
    g->count = wg_graph_size(graph);
    g->place = calloc(g->count + 1, sizeof *g->place);
    if (!g->place) abort();
    for (size_t i = 0; i < g->count; i++) {
        wg_node n = wg_graph_node(graph, i);
        struct graph_place *p = &g->place[i];
        bool reads = strcmp(n.op, "parameter") == 0 || strcmp(n.op, "variable") == 0;
        p->lasting = reads ? n.path[1] - '0' : -1;
        p->op = row_named(n.op);
        p->assign = strcmp(n.op, "assign") == 0;
        p->input_count = n.input_count;
        p->inputs = malloc((n.input_count + 1) * sizeof *p->inputs);
        if (!p->inputs) abort();
        memcpy(p->inputs, n.inputs, n.input_count * sizeof *p->inputs);
    }
    return g->count > 0;
}

static void free_graph(segment_graph *g)
{
    for (size_t i = 0; i < g->count; i++) free(g->place[i].inputs);
    free(g->place);
    *g = (segment_graph){0};
}

/* ---- walking it ---- */

typedef struct {
    machine m;
    segment_graph graph[SEGMENTS];
    wg_tensor error[LASTING]; /* variables with the bounds of the lasting tensors */
    wg_tensor begun[LASTING]; /* their values as the segment began */
    wg_tensor *handle;        /* of the places in the graph at hand */
    shadow *shade;
} bounding;

static wg_tensor assigned_value_of(const machine *m, wg_tensor bound)
{
    for (int k = 0; k < m->assigned_count; k++)
        if (m->assigned[k].bound == bound.id) return m->assigned[k].value;
    return WG_NONE;
}

/* Operand k of a node, which may be a C scalar: the graph leaves those out, and wg_input records a new node for one. */
static size_t find_operands(bounding *b, const struct graph_place *p, wg_tensor y, wg_tensor *operands)
{
    size_t count = p->op && p->op->arity > 0 ? (size_t)p->op->arity : p->input_count;
    if (p->assign) {
        operands[0] = assigned_value_of(&b->m, y);
        return 1;
    }
    for (size_t k = 0; k < count; k++) operands[k] = wg_input(y, k);
    return count;
}

/* From the root down, each node tells the handles of its operands. */
static void find_handles(bounding *b, const segment_graph *g, wg_tensor root)
{
    b->handle[g->count - 1] = root;
    for (size_t i = g->count; i-- > 0;) {
        const struct graph_place *p = &g->place[i];
        wg_tensor operands[INSTRUCTIONS * OPERANDS];
        if (p->input_count == 0) continue;
        size_t count = find_operands(b, p, b->handle[i], operands), next = 0;
        for (size_t k = 0; k < count && next < p->input_count; k++)
            if (operands[k].id < b->handle[i].id) b->handle[p->inputs[next++]] = operands[k];
    }
}

static shadow shade_leaf(bounding *b, const struct graph_place *p, wg_tensor x)
{
    return p->lasting < 0 ? shadow_exact(x) : (shadow){x, b->begun[p->lasting], false};
}

static void shade(bounding *b, const segment_graph *g, size_t i)
{
    const struct graph_place *p = &g->place[i];
    wg_tensor y = b->handle[i], operands[OPERANDS * 4];
    shadow in[OPERANDS * 4];
    if (!p->op || p->input_count == 0) {
        b->shade[i] = shade_leaf(b, p, y);
        return;
    }
    if (p->input_count > OPERANDS) {
        b->shade[i] = shadow_unknown(y);
        return;
    }
    size_t count = find_operands(b, p, y, operands), next = 0;
    for (size_t k = 0; k < count; k++)
        in[k] = operands[k].id < y.id ? b->shade[p->inputs[next++]] : shadow_exact(operands[k]);
    b->shade[i] = shadow_of(p->op, y, in, count);
}

/* The bounds of all that is wanted and of the lasting tensors' last values, which are assigned to their variables. */
static bool bound_segment(bounding *b, shadow *found)
{
    machine *m = &b->m;
    segment_graph *g = &b->graph[m->segment];
    wg_tensor roots[WANTED + LASTING];
    int count = m->wanted_count, rest = m->recipe->lasting_count;
    for (int k = 0; k < count; k++) roots[k] = m->wanted[k].tensor;
    for (int k = 0; k < rest; k++) roots[count + k] = wg_stop_gradient(m->lasting[k]);
    if (count + rest == 0) return true;
    wg_tensor root = wg_apply(&bundle, (wg_list){(size_t)(count + rest), roots}, NULL);
    if (wg_failed(m->ctx) || (!g->count && !read_graph(g, root))) return false;
    b->handle = calloc(g->count, sizeof *b->handle);
    b->shade = calloc(g->count, sizeof *b->shade);
    if (!b->handle || !b->shade) abort();
    find_handles(b, g, root);
    for (size_t i = 0; i + 1 < g->count; i++) {
        if (g->place[i].op) coverage_primitive(g->place[i].op->name);
        shade(b, g, i);
    }
    const struct graph_place *last = &g->place[g->count - 1];
    for (int k = 0; k < count + rest; k++) found[k] = b->shade[last->inputs[k]];
    for (int k = 0; k < rest; k++) wg_assign(b->error[k], shadow_error(&found[count + k]));
    free(b->handle);
    free(b->shade);
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
    for (int k = 0; k < r->part[m->segment].count; k++)
        if (!machine_do(m, k)) return false;
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

void bounds_run(const recipe *r, const wg_context_options *options, trace *out)
{
    static const char *const name[LASTING] = {"e0", "e1", "e2", "e3"};
    bounding b = {.m = {.out = out, .timeless = true}};
    bool fine = machine_open(&b.m, r, options);
    for (int k = 0; fine && k < r->lasting_count; k++) {
        shadow exact = shadow_exact(b.m.lasting[k]);
        b.error[k] = wg_variable(b.m.ctx, name[k], shadow_error(&exact));
    }
    for (int step = 0; fine && step < r->step_count; step++) fine = bound_step(&b, step);
    machine_end(&b.m); /* after an error buffers are left */
    machine_close(&b.m);
    for (int k = 0; k < SEGMENTS; k++) free_graph(&b.graph[k]);
}
