/* One context at work: performs a recipe step by step and notes what it reads. */
#include "tests/fuzz/machine.h"
#include "graph/graph.h"

#include <stdlib.h>

/* ---- looking ---- */

/* Reads all values, by one function or another. */
static bool read_values(wg_tensor x, void *values, size_t count)
{
    switch (wg_type_of(x)) {
    case WG_F32:
        return wg_read_f32(x, values, count);
    case WG_F64:
        return wg_read_f64(x, values, count);
    case WG_I32:
        return wg_read_i32(x, values, count);
    case WG_I64:
        return wg_read_i64(x, values, count);
    case WG_BOOL:
        return wg_read_bool(x, values, count);
    default:
        return wg_read_u8(x, values, count);
    }
}

bool machine_look(machine *m, wg_tensor x, observation place)
{
    place.type = wg_type_of(x);
    place.shape = wg_shape_of(x);
    size_t count = (size_t)wg_size(x);
    void *values = trace_add(m->out, place, count * wg_type_size(place.type));
    if (count == 1 && place.instruction % 2) wg_item(x); /* another way in */
    bool fine = read_values(x, values, count);
    m->out->seen[m->out->count - 1].status = x.context ? wg_error_status(m->ctx) : WG_BAD_HANDLE;
    return fine;
}

/* A timeless machine notes the tensor itself: of a parameter, what its handle means now. */
static void want(machine *m, wg_tensor x, observation place)
{
    if (m->wanted_count == WANTED) abort();
    m->wanted[m->wanted_count++] = (wanted_tensor){place, wg_stop_gradient(x)};
}

static bool look_at_all(machine *m, const instruction *i, int number)
{
    wg_tensor x[OPERANDS];
    for (int k = 0; k < i->count; k++) x[k] = m->slot[i->operand[k]][0];
    if (i->kind == EVAL && !m->timeless) wg_eval((wg_list){(size_t)i->count, x});
    for (int k = 0; k < i->count; k++) {
        observation place = {.segment = m->segment, .step = m->step, .instruction = number, .part = k};
        if (m->timeless)
            want(m, x[k], place);
        else if (!machine_look(m, x[k], place))
            return false;
    }
    return !wg_failed(m->ctx);
}

/* ---- one instruction ---- */

/* A body's derivative by what is around it is partial: the carries that it is given count as constants. Written out, it
   leads through them and through earlier steps. */
static void note_partial(machine *m, wg_tensor x)
{
    uint32_t id = m->unfolded && m->own_node ? graph_resolve(x, "fuzz") : 0;
    m->out->partial |= id && id < m->own_node;
}

static void record_gradients(machine *m, const instruction *i, int number)
{
    wg_tensor xs[PARTS];
    for (int k = 1; k < i->count; k++) {
        xs[k - 1] = m->slot[i->operand[k]][0];
        note_partial(m, xs[k - 1]);
    }
    wg_grads(m->slot[i->operand[0]][0], (wg_list){(size_t)i->count - 1, xs}, m->slot[number]);
}

bool machine_do(machine *m, int number)
{
    const instruction *i = &m->recipe->part[m->segment].item[number];
    switch (i->kind) {
    case GRADIENTS:
        record_gradients(m, i, number);
        break;
    case ASSIGN:
        wg_assign(m->lasting[i->integer[0]], m->slot[i->operand[0]][0]);
        break;
    case READ:
    case EVAL:
        return look_at_all(m, i, number);
    case MARK:
        m->mark[number] = wg_mark(m->ctx);
        break;
    case CHECKPOINT:
    case SCAN:
        return region_perform(m, number);
    case REWIND:
        if (!m->timeless) wg_rewind(m->ctx, m->mark[i->operand[0]]);
        break;
    default:
        m->slot[number][0] = record_instruction(m, i, number);
        break;
    }
    return !wg_failed(m->ctx);
}

/* ---- segments ---- */

bool machine_open(machine *m, const recipe *r, const wg_context_options *options)
{
    wg_context_options chosen = *options;
    chosen.type = r->type;
    chosen.seed = r->seed;
    m->ctx = wg_context_new(&chosen);
    m->recipe = r;
    for (int k = 0; k < r->lasting_count; k++) {
        const lasting *p = &r->item[k];
        const char *name[LASTING] = {"p0", "p1", "p2", "p3"};
        instruction leaf = {.kind = p->type == WG_BOOL ? LEAF : BORROW,
                            .type = p->type,
                            .shape = p->shape,
                            .values = p->values,
                            .integer = {-3, 3}};
        m->lasting[k] = p->trainable ? wg_parameter(m->ctx, name[k], p->shape, wg_init_uniform(-1, 1))
                                     : wg_variable(m->ctx, name[k], record_instruction(m, &leaf, 0));
        wg_clear(m->ctx);
        free(m->buffer[0]);
        m->buffer[0] = NULL;
    }
    return !wg_failed(m->ctx);
}

void machine_close(machine *m)
{
    wg_context_free(m->ctx);
}

void machine_begin(machine *m, int part, int step)
{
    m->segment = part;
    m->step = step;
    m->wanted_count = 0;
    m->own_node = 0;
}

wg_status machine_end(machine *m)
{
    wg_clear(m->ctx);
    wg_status status = wg_error_status(m->ctx);
    if (status) wg_recover(m->ctx);
    for (int k = 0; k < INSTRUCTIONS; k++) {
        free(m->buffer[k]);
        m->buffer[k] = NULL;
    }
    return status;
}

void machine_run(const recipe *r, const wg_context_options *options, bool unfolded, trace *out)
{
    machine m = {.out = out, .unfolded = unfolded};
    bool fine = machine_open(&m, r, options);
    for (int step = 0; fine && step < r->step_count; step++) {
        const segment *part = &r->part[r->turn[step]];
        machine_begin(&m, r->turn[step], step);
        machine_perform(&m, 0, part->count);
        observation end = {.segment = m.segment, .step = step, .instruction = -1, .part = LASTING};
        end.status = machine_end(&m);
        trace_add(out, end, 0); /* an error that only wg_clear meets shows here */
        for (int k = 0; k < r->lasting_count; k++)
            machine_look(&m, m.lasting[k],
                         (observation){.segment = m.segment, .step = step, .instruction = -1, .part = k});
        wg_clear(m.ctx);
    }
    machine_close(&m);
}
