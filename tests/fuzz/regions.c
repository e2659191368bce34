/* Performing regions: the library is given a function that performs the instructions of the region. A machine that does
   without regions performs them as what they are defined to be. */
#include "autograd/reverse.h"
#include "tests/fuzz/machine.h"

/* ---- where they end ---- */

int region_end(const segment *s, int begin)
{
    for (int k = begin + 1; k < s->count; k++)
        if (ends_region(s->item[k].kind) && s->item[k].operand[0] == begin) return k;
    return -1;
}

bool has_regions(const recipe *r)
{
    for (int part = 0; part < r->segment_count; part++)
        for (int k = 0; k < r->part[part].count; k++)
            if (begins_region(r->part[part].item[k].kind)) return true;
    return false;
}

int scan_sequences(const instruction *scan)
{
    return scan->count - (int)scan->integer[BODY_CARRIES] - (int)scan->integer[BODY_MASKED];
}

int scan_outputs(const instruction *scan, const instruction *end)
{
    return end->count - 1 - (int)scan->integer[BODY_CARRIES];
}

/* ---- regions ---- */

typedef struct {
    machine *m;
    int begin, end;
    const instruction *first, *last; /* those that begin and end it */
} region;

static wg_tensor inside_checkpoint(const void *user, wg_tensor x)
{
    const region *r = user;
    (void)x; /* the instructions name it as they name anything else */
    if (!machine_perform(r->m, r->begin + 1, r->end)) return WG_NONE;
    return r->m->slot[r->last->operand[1]][0];
}

/* A node of its own stands for the result, with a checkpoint or without: what is differentiated by that is not what the
   function has recorded. */
static wg_tensor perform_checkpoint(const region *r)
{
    wg_tensor x = r->m->slot[r->first->operand[0]][0];
    wg_tensor y = r->m->unfolded ? inside_checkpoint(r, x) : wg_checkpoint((wg_function){inside_checkpoint, r}, x);
    bool own = !wg_failed(r->m->ctx) && y.context &&
               graph_node(r->m->ctx, graph_resolve(y, "fuzz"))->op == &autograd_checkpoint_op;
    return own ? y : wg_apply(&autograd_barrier_op, WG_LIST(y), NULL);
}

static void inside_scan(const void *user, const wg_scan_step *at)
{
    const region *r = user;
    wg_tensor *given = r->m->slot[r->begin];
    uint32_t outer = r->m->own_node;
    int carries = (int)r->first->integer[BODY_CARRIES], sequences = scan_sequences(r->first);
    given[0] = at->step;
    for (int k = 0; k < carries; k++) given[1 + k] = at->carries[k];
    for (int k = 0; k < sequences; k++) given[1 + carries + k] = at->inputs[k];
    r->m->own_node = given[0].id;
    for (int k = 1; k <= carries + sequences; k++)
        if (given[k].id < r->m->own_node) r->m->own_node = given[k].id;
    bool fine = machine_perform(r->m, r->begin + 1, r->end);
    r->m->own_node = outer;
    if (!fine) return;
    for (int k = 1; k < r->last->count; k++) {
        wg_tensor x = r->m->slot[r->last->operand[k]][0];
        if (k <= carries)
            at->next[k - 1] = x;
        else
            at->outputs[k - 1 - carries] = x;
    }
}

static void perform_scan(const region *r)
{
    const instruction *i = r->first;
    int carries = (int)i->integer[BODY_CARRIES], sequences = scan_sequences(i);
    wg_tensor x[OPERANDS], *made = r->m->slot[r->end];
    for (int k = 0; k < i->count; k++) x[k] = r->m->slot[i->operand[k]][0];
    wg_scan_options options = {.steps = i->integer[BODY_STEPS],
                               .chunk = i->integer[BODY_CHUNK],
                               .reverse = i->integer[BODY_REVERSE],
                               .mask = i->integer[BODY_MASKED] ? x[i->count - 1] : WG_NONE};
    wg_scan_body body = {inside_scan, r, (size_t)scan_outputs(i, r->last)};
    (r->m->unfolded ? unroll_scan : wg_scan)(body, (wg_list){(size_t)carries, x},
                                             (wg_list){(size_t)sequences, x + carries}, &options, made, made + carries);
}

/* A region that is still being generated: what it will be given is stood in for, and all is recorded as it comes. */
static void open_region(machine *m, const instruction *i, int number)
{
    wg_tensor *given = m->slot[number];
    if (i->kind == CHECKPOINT) return;
    given[0] = wg_full_typed(m->ctx, WG_I64, WG_SCALAR, 0);
    for (int k = 0; k < i->count - (int)i->integer[BODY_MASKED]; k++) {
        wg_tensor x = m->slot[i->operand[k]][0];
        wg_shape shape = wg_shape_of(x), slice = {.rank = shape.rank - 1};
        for (int axis = 0; axis < slice.rank; axis++) slice.dim[axis] = shape.dim[axis + 1];
        given[1 + k] = wg_full_typed(m->ctx, wg_type_of(x), k < i->integer[BODY_CARRIES] ? shape : slice, 0);
    }
}

bool region_perform(machine *m, int number)
{
    const segment *s = &m->recipe->part[m->segment];
    region r = {m, number, region_end(s, number), &s->item[number], NULL};
    if (r.end < 0) {
        open_region(m, r.first, number);
        return !wg_failed(m->ctx);
    }
    r.last = &s->item[r.end];
    if (r.first->kind == SCAN)
        perform_scan(&r);
    else
        m->slot[r.end][0] = perform_checkpoint(&r);
    return !wg_failed(m->ctx);
}

bool machine_perform(machine *m, int from, int to)
{
    const segment *s = &m->recipe->part[m->segment];
    for (int k = from; k < to; k++) {
        if (!machine_do(m, k)) return false;
        int end = begins_region(s->item[k].kind) ? region_end(s, k) : -1;
        if (end >= 0) k = end;
    }
    return true;
}
