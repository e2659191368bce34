/* From steps to code, but for groups: leaves, results and numbers get slots, products and kernels their operands. */
#include "engine/emission.h"
#include "engine/planted.h"

#include "ops/rows.h"

#include <string.h>

/* ---- addresses ---- */

bool plan_patch(plan *p, void **where, uint32_t slot, int64_t bytes)
{
    patches *list = slot < SLOT_GIVEN ? &p->fixed : &p->bound;
    if (!bump_grow(&p->bump, (void **)&list->items, &list->capacity, list->count + 1, sizeof *list->items))
        return false;
    list->items[list->count++] = (patch){where, slot, bytes};
    return true;
}

bool plan_number(plan *p, uint32_t source, wg_type type, const void **where)
{
    number *last = p->number_count ? &p->numbers[p->number_count - 1] : NULL;
    if (!last || last->source != source || last->type != type) {
        if (!bump_grow(&p->bump, (void **)&p->numbers, &p->number_capacity, p->number_count + 1, sizeof *p->numbers))
            return false;
        last = &p->numbers[p->number_count];
        *last = (number){source, type, bump_new(&p->bump, 1, sizeof *last->value)};
        if (!last->value) return false;
        p->number_count++;
    }
    *where = last->value;
    return true;
}

/* Leaves and results have consecutive slots, in the order of their items: `slot_of` is found by the emission. */
void plan_place(const plan *p, const schedule *s, const storage *m, uint32_t owner, uint32_t *slot, int64_t *bytes)
{
    uint32_t home = s->program->items[owner].op ? m->home[owner].base : owner;
    *slot = p->slot_of[home];
    *bytes = *slot == SLOT_ARENA ? m->offset[home] : 0;
}

/* ---- leaves and results ---- */

/* The leaf whose persistent tensor's memory may take this result: see inplace.c. */
static uint32_t result_target(const schedule *s, const storage *m, uint32_t index)
{
    return m->in_place[index] == NO_ITEM ? 0 : s->program->items[m->in_place[index]].persistent;
}

static bool add_result_sources(plan *p, const schedule *s, result *r, uint32_t index)
{
    const program *q = s->program;
    size_t count = 0;
    for (int round = 0; round < 2; round++) {
        count = 0;
        for (uint32_t i = index; i < q->count; i++) {
            if (!(q->items[i].flags & ITEM_KEEP) || s->views[i].base != index) continue;
            if (round) r->sources[count] = q->source[i];
            count++;
        }
        if (!round && !(r->sources = bump_new(&p->bump, count, sizeof *r->sources))) return false;
    }
    r->source_count = count;
    return true;
}

static bool assign_slots(plan *p, const schedule *s, const storage *m)
{
    const program *q = s->program;
    size_t givens = 0, results = 0;
    for (uint32_t i = 0; i < q->count; i++) {
        givens += !q->items[i].op;
        results += m->kind[i] == STORED_RESULT;
    }
    p->slot_of = bump_new(&p->bump, q->count, sizeof *p->slot_of);
    p->givens = bump_new(&p->bump, givens, sizeof *p->givens);
    p->results = bump_new(&p->bump, results, sizeof *p->results);
    p->slots = bump_new(&p->bump, SLOT_GIVEN + givens + results, sizeof *p->slots);
    if (p->bump.failed) return false;
    p->slot_count = SLOT_GIVEN;
    for (uint32_t i = 0; i < q->count; i++) {
        if (!q->items[i].op) {
            p->slot_of[i] = p->slot_count++;
            p->givens[p->given_count++] = (given){p->slot_of[i], q->source[i]};
        } else if (m->kind[i] == STORED_RESULT) {
            p->slot_of[i] = p->slot_count++;
            result *r = &p->results[p->result_count++];
            *r = (result){.slot = p->slot_of[i],
                          .bytes = (size_t)q->items[i].size * wg_type_size((wg_type)q->items[i].type),
                          .in_place = result_target(s, m, i)};
            if (!add_result_sources(p, s, r, i)) return false;
        }
    }
    return true;
}

/* ---- steps that are no groups ---- */

static bool patch_view(plan *p, const schedule *s, const storage *m, void **where, const view *v, wg_type type)
{
    uint32_t slot;
    int64_t bytes;
    plan_place(p, s, m, v->base, &slot, &bytes);
    return plan_patch(p, where, slot, bytes + v->offset * (int64_t)wg_type_size(type));
}

static bool same_place(const view *a, const view *b, const wg_shape *shape)
{
    strides x = view_strides(a, shape), y = view_strides(b, shape);
    return a->base == b->base && a->offset == b->offset && memcmp(&x, &y, sizeof x) == 0;
}

static bool emit_copy(plan *p, const schedule *s, const storage *m, const view *from, const view *to, const item *like)
{
    if (like->size == 0 || same_place(from, to, &like->shape)) return true;
    copy_code *code = bump_new(&p->bump, 1, sizeof *code);
    if (!code) return false;
    code->plan = copy_prepare(from, to, &like->shape, wg_type_size((wg_type)like->type));
    FIRED(copy);
    p->steps[p->step_count++] = (plan_step){.kind = STEP_COPY, .copy = code};
    return patch_view(p, s, m, &code->source, from, (wg_type)like->type) &&
           patch_view(p, s, m, &code->target, to, (wg_type)like->type);
}

/* What a product adds to, where it could not be computed in its place. */
static bool emit_addend(plan *p, const schedule *s, const storage *m, uint32_t index)
{
    reading x;
    storage_read(m, s, index, 0, &x);
    return emit_copy(p, s, m, x.view, &m->home[index], &s->program->items[index]);
}

static bool emit_product(plan *p, const schedule *s, const storage *m, uint32_t index)
{
    const item *it = &s->program->items[index];
    product_code_step *code = bump_new(&p->bump, 1, sizeof *code);
    reading a, b;
    uint32_t first = product_first(it);
    storage_read(m, s, index, first, &a);
    storage_read(m, s, index, first + 1, &b);
    if (!code || (first && !emit_addend(p, s, m, index))) return false;
    code->loop = product_loop_of(s->program, it, a.view, b.view, &m->home[index]);
    code->loop.one.accumulate = first > 0;
    code->repeats = 1;
    for (int i = 0; i < code->loop.rank; i++) code->repeats *= code->loop.dim[i];
    product_prepare(&code->loop.one, product_path_wanted(), &code->plan);
    FIRED(product);
    p->steps[p->step_count++] = (plan_step){.kind = STEP_PRODUCT, .product = code};
    if (code->plan.scratch > p->registers) p->registers = code->plan.scratch;
    wg_type type = (wg_type)it->type;
    return patch_view(p, s, m, &code->a, a.view, type) && patch_view(p, s, m, &code->b, b.view, type) &&
           patch_view(p, s, m, &code->c, &m->home[index], type);
}

/* By products of blocks; *done is false where it has to be done otherwise. */
static bool emit_convolution(plan *p, const schedule *s, const storage *m, uint32_t index, bool *done)
{
    const program *q = s->program;
    const item *it = &q->items[index];
    convolution_kind kind;
    *done = false;
    if (!convolution_is(it->op, &kind)) return true;
    reading a, b;
    convolution_code *code = bump_new(&p->bump, 1, sizeof *code);
    if (!code) return false;
    storage_read(m, s, index, 0, &a);
    storage_read(m, s, index, 1, &b);
    wg_type type = (wg_type)it->type;
    if (!convolution_prepare(kind, a.shape, b.shape, &it->shape, type, &q->attributes[it->attributes], &code->plan))
        return true;
    *done = true;
    FIRED(convolution);
    p->steps[p->step_count++] = (plan_step){.kind = STEP_CONVOLUTION, .convolution = code};
    if (code->plan.scratch > p->registers) p->registers = code->plan.scratch;
    return patch_view(p, s, m, &code->a, a.view, type) && patch_view(p, s, m, &code->b, b.view, type) &&
           patch_view(p, s, m, &code->c, &m->home[index], type);
}

static bool emit_call(plan *p, const schedule *s, const storage *m, uint32_t index)
{
    const program *q = s->program;
    const item *it = &q->items[index];
    call_code *code = bump_new(&p->bump, 1, sizeof *code);
    wg_array *inputs = bump_new(&p->bump, it->count, sizeof *inputs);
    if (!code || !inputs) return false;
    *code = (call_code){.source = q->source[index], .inputs = inputs, .count = it->count};
    code->output = (wg_array){(wg_type)it->type, it->shape, NULL};
    for (uint32_t k = 0; k < it->count; k++) {
        reading r;
        if (!storage_read(m, s, index, k, &r)) continue;
        const item *from = &q->items[program_operands(q, it)[k]];
        inputs[k] = (wg_array){(wg_type)from->type, from->shape, NULL};
        if (!patch_view(p, s, m, &inputs[k].data, r.view, inputs[k].type)) return false;
    }
    FIRED(call);
    p->steps[p->step_count++] = (plan_step){.kind = STEP_CALL, .call = code};
    return patch_view(p, s, m, &code->output.data, &m->home[index], code->output.type);
}

/* The operands of a concat that were not written in their place. */
static bool emit_copies(plan *p, const schedule *s, const storage *m, uint32_t index)
{
    const program *q = s->program;
    const item *it = &q->items[index];
    int64_t axis = q->attributes[it->attributes].integer[0], at = 0;
    for (uint32_t k = 0; k < it->count; k++) {
        uint32_t joined = program_operands(q, it)[k];
        const item *from = &q->items[joined];
        view part = m->home[index];
        part.offset += at * part.stride[axis];
        at += from->shape.dim[axis];
        if (!emit_copy(p, s, m, &m->views[joined], &part, from)) return false;
    }
    return true;
}

/* Whether a group does nothing but copy views of other steps' values into memory. */
static bool only_copies(const schedule *s, const storage *m, const group *g)
{
    reading r;
    for (size_t i = 0; i < g->count; i++) {
        uint32_t index = g->items[i];
        bool copy = s->gathered[index] && is_movement(&s->program->items[index]) && m->kind[index] != STORED_NOT;
        if (!copy || !schedule_read(s, index, 0, &r) || is_number(s, r.view->base)) return false;
        if (s->step_of[r.view->base] == s->step_of[index]) return false;
    }
    return g->size > 1; /* single elements have kernels of their own */
}

static bool emit_group(emission *e, const group *g)
{
    if (g->size == 0 || g->count == 0) return true;
    if (!only_copies(e->s, e->m, g)) return plan_emit_group(e, g);
    bool fine = true;
    for (size_t i = 0; i < g->count && fine; i++) {
        reading r;
        uint32_t index = g->items[i];
        storage_read(e->m, e->s, index, 0, &r);
        fine = emit_copy(e->plan, e->s, e->m, r.view, &e->m->home[index], &e->s->program->items[index]);
    }
    return fine;
}

static bool is_shared(const plan_step *s)
{
    return s->kind == STEP_GROUP         ? !s->group->singles && !s->group->alone
           : s->kind == STEP_PRODUCT     ? s->product->plan.tasks * s->product->repeats > 1
           : s->kind == STEP_CONVOLUTION ? s->convolution->plan.tasks > 1
                                         : s->kind == STEP_COPY && s->copy->plan.tasks > 1;
}

bool plan_emit(plan *p, const schedule *s, const storage *m)
{
    const program *q = s->program;
    size_t most = s->count;
    for (uint32_t i = 0; i < q->count; i++) most += q->items[i].op == &ops_concat ? q->items[i].count : 1;
    p->steps = bump_new(&p->bump, most, sizeof *p->steps);
    bump temporary = bump_of(p->bump.memory);
    emission e = {.plan = p,
                  .s = s,
                  .m = m,
                  .places = bump_new(&temporary, q->count, sizeof *e.places),
                  .last = bump_new(&temporary, q->count, sizeof *e.last),
                  .uses = bump_new(&temporary, q->count, sizeof *e.uses),
                  .partner = bump_new(&temporary, q->count, sizeof *e.partner),
                  .machine = {.b = &temporary}};
    bool fine = p->steps && !temporary.failed && assign_slots(p, s, m);
    for (size_t i = 0; fine && i < s->count; i++) {
        uint32_t index = s->steps[i].item;
        const item *it = &q->items[index];
        if (s->steps[i].group)
            fine = emit_group(&e, s->steps[i].group);
        else if (is_product(it))
            fine = it->size == 0 || emit_product(p, s, m, index);
        else if (it->op == &ops_concat)
            fine = emit_copies(p, s, m, index);
        else {
            bool done;
            fine = emit_convolution(p, s, m, index, &done) && (done || emit_call(p, s, m, index));
        }
    }
    fine = fine && chains_seal(&e);
    for (size_t i = 0; i < p->step_count; i++) p->shared |= is_shared(&p->steps[i]);
    bump_free(&temporary);
    return fine && !p->bump.failed;
}
