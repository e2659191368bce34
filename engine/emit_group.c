/* From a group to instructions. What does not lie as kernels read it is first brought into a register. */
#include "engine/emission.h"

#include "ops/rows.h"

#include <string.h>

enum { PREFETCH_FROM = 1 << 20 }; /* bytes of a group's memory: less stays in the second-level cache */

/* ---- drafts ---- */

static bool add_draft(emission *e, instruction in, const operand *operands, uint32_t count, const operand *out)
{
    if (!bump_grow(e->b, (void **)&e->drafts, &e->capacity, e->count + 1, sizeof *e->drafts)) return false;
    draft *d = &e->drafts[e->count++];
    *d = (draft){.in = in, .count = count, .operand[3] = *out};
    for (uint32_t k = 0; k < count; k++) d->operand[k] = operands[k];
    return true;
}

static bool add_copy(emission *e, special kind, extent over, const operand *from, const operand *to, const reading *r)
{
    special_work *work = bump_new(&e->plan->bump, 1, sizeof *work);
    if (!work) return false;
    work->element = wg_type_size(from->type);
    if (r) work->strides = view_strides(r->view, r->shape);
    return add_draft(e, (instruction){.extent = (uint8_t)over, .special = (uint8_t)kind, .work = work}, from, 1, to);
}

/* Brings an operand into a register of its own, one element after the other. */
static bool bring(emission *e, operand *o)
{
    operand to = take_register(e, o->type);
    bool fine = o->load     ? add_copy(e, SPECIAL_LOAD, EXTENT_FLAT, o, &to, &o->reading)
                : o->single ? add_copy(e, SPECIAL_SPREAD, EXTENT_ROWS, o, &to, NULL)
                            : add_copy(e, SPECIAL_COPY, EXTENT_ROWS, o, &to, NULL);
    *o = to;
    return fine;
}

/* ---- one item ---- */

/* Takes back the registers whose values no later item reads; with `type`, only those of this type. */
static void give_back(emission *e, size_t at, const operand *operands, uint32_t count, const uint32_t *bases, int type)
{
    for (uint32_t k = 0; k < count; k++) {
        const operand *o = &operands[k];
        bool last = bases[k] == NO_ITEM || e->last[bases[k]] <= (int)at;
        if (o->reg >= 0 && last && (type < 0 || (int)o->type == type)) e->taken[o->reg] = 0;
    }
}

/* The result's place, a register of it is to be stored from later. */
static operand prepare_result(emission *e, uint32_t index, bool *later)
{
    const item *it = &e->s->program->items[index];
    *later = false;
    if (e->m->kind[index] != STORED_NOT) {
        operand out = operand_result(e, index, later);
        if (!*later) return out;
    }
    if (!is_row_role(e->s->roles[index])) return take_register(e, (wg_type)it->type);
    int64_t bytes = row_register_bytes(e, e->row_registers++);
    return (operand){.row_register = true,
                     .slot = SLOT_REGISTERS,
                     .bytes = bytes,
                     .step = 1,
                     .number = NO_ITEM,
                     .reg = -1,
                     .type = (wg_type)it->type};
}

static bool store_later(emission *e, uint32_t index, const operand *from)
{
    bool later;
    operand to = operand_result(e, index, &later);
    extent over = is_row_role(e->s->roles[index]) ? EXTENT_ROW_VALUES : EXTENT_FLAT;
    return add_copy(e, SPECIAL_STORE, over, from, &to, &to.reading);
}

static bool is_reduction_role(role r)
{
    return r == ROLE_ROW_REDUCTION || r == ROLE_COLUMN_REDUCTION || r == ROLE_TOTAL_REDUCTION;
}

/* The vector kernel for operands as they lie; those it cannot read so are brought into registers. NULL: none. */
static tile_kernel choose_kernel(emission *e, const item *it, operand *operands, bool *fine)
{
    wg_type types[3];
    unsigned single = 0, all = (1u << it->count) - 1;
    for (uint32_t k = 0; k < it->count; k++) {
        types[k] = operands[k].type;
        if (operands[k].single) single |= 1u << k;
    }
    if (single == all) {
        *fine = bring(e, &operands[0]);
        single &= ~1u;
    }
    tile_kernel kernel = kernel_find(it->op, types, (wg_type)it->type, single);
    if (kernel || !kernel_find(it->op, types, (wg_type)it->type, 0)) return kernel;
    for (uint32_t k = 0; k < it->count; k++)
        if (operands[k].single) *fine = *fine && bring(e, &operands[k]);
    return kernel_find(it->op, types, (wg_type)it->type, 0);
}

/* The op's own kernel reads what lies flat, and numbers. */
static bool prepare_own(emission *e, uint32_t index, operand *operands, instruction *in)
{
    const program *p = e->s->program;
    const item *it = &p->items[index];
    special_work *work = bump_new(&e->plan->bump, 1, sizeof *work);
    if (!work) return false;
    *work = (special_work){
        .op = it->op, .attributes = &p->attributes[it->attributes], .result = (wg_type)it->type, .count = it->count};
    bool row_values = e->s->roles[index] == ROLE_ROW;
    for (uint32_t k = 0; k < it->count; k++) {
        operand *o = &operands[k];
        bool scalar = it->op->elementwise && o->single && o->step == 0;
        if (!scalar && !row_values && !operand_flat(e, o) && !bring(e, o)) return false;
        if (scalar) work->singles |= 1u << k;
        work->types[k] = o->type;
    }
    *in = (instruction){
        .special = SPECIAL_OP, .work = work, .extent = (uint8_t)(row_values ? EXTENT_ROW_VALUES : EXTENT_FLAT)};
    return true;
}

static bool emit_elementwise(emission *e, size_t at, uint32_t index, operand *operands, uint32_t *bases)
{
    const item *it = &e->s->program->items[index];
    bool row_values = e->s->roles[index] == ROLE_ROW, copies = e->s->gathered[index], fine = true, later;
    instruction in = {.extent = (uint8_t)(row_values ? EXTENT_ROW_VALUES : EXTENT_ROWS)};
    if (!copies) {
        in.kernel = choose_kernel(e, it, operands, &fine);
        if (!in.kernel && !prepare_own(e, index, operands, &in)) return false;
    }
    for (uint32_t k = 0; k < it->count; k++)
        if (operands[k].reg >= 0 && operands[k].slot == SLOT_REGISTERS && bases[k] != NO_ITEM &&
            e->places[bases[k]].reg != operands[k].reg)
            bases[k] = NO_ITEM; /* it was brought: nobody else reads it */
    give_back(e, at, operands, it->count, bases, it->type);
    operand out = prepare_result(e, index, &later);
    if (!copies && in.special == SPECIAL_OP && !row_values && !operand_flat(e, &out)) {
        later = true; /* only a register lies as that kernel writes */
        operand to = take_register(e, out.type);
        fine = fine && add_draft(e, in, operands, it->count, &to) &&
               add_copy(e, SPECIAL_COPY, EXTENT_ROWS, &to, &out, NULL);
        e->taken[to.reg] = 0;
        e->places[index] = out;
        give_back(e, at, operands, it->count, bases, -1);
        return fine;
    }
    if (!copies)
        fine = fine && add_draft(e, in, operands, it->count, &out);
    else if (operands[0].load)
        fine = fine && add_copy(e, SPECIAL_LOAD, EXTENT_FLAT, &operands[0], &out, &operands[0].reading);
    else
        fine = fine &&
               add_copy(e, operands[0].single ? SPECIAL_SPREAD : SPECIAL_COPY, EXTENT_ROWS, &operands[0], &out, NULL);
    give_back(e, at, operands, it->count, bases, -1);
    if (out.reg >= 0) e->taken[out.reg] = 1;
    e->places[index] = out;
    return fine && (!later || store_later(e, index, &out));
}

/* ---- reductions ---- */

static bool add_finish(emission *e, finish f)
{
    group_code *c = e->code;
    if (!bump_grow(e->b, (void **)&c->finishes, &e->finish_capacity, c->finish_count + 1, sizeof *c->finishes))
        return false;
    c->finishes[c->finish_count++] = f;
    return true;
}

/* Room for parts of a reduction; returns the offset. */
static int64_t take_partials(emission *e, int64_t bytes)
{
    int64_t at = (int64_t)e->code->partials;
    e->code->partials += (size_t)(bytes + 63) / 64 * 64;
    return at;
}

static bool emit_reduction(emission *e, uint32_t index, operand *x)
{
    const item *it = &e->s->program->items[index];
    group_code *c = e->code;
    role r = e->s->roles[index];
    wg_type type = x->type;
    int64_t size = (int64_t)wg_type_size(type);
    bool total = r == ROLE_TOTAL_REDUCTION, wide = !total && it->op == &ops_sum, later;
    if ((x->load || x->single) && !bring(e, x)) return false;
    instruction in = {.extent = EXTENT_ROWS, .kernel = kernel_row_reduction(it->op, type)};
    if (r == ROLE_ROW_REDUCTION) {
        operand out = prepare_result(e, index, &later);
        out.step = 1;
        e->places[index] = out;
        return add_draft(e, in, x, 1, &out) && (!later || store_later(e, index, &out));
    }
    special_work *work = bump_new(&e->plan->bump, 1, sizeof *work);
    if (!work) return false;
    *work = (special_work){.op = it->op, .result = wide ? WG_F64 : type, .element = (size_t)size, .kernel = in.kernel};
    in.work = work;
    int64_t totals = c->columns ? c->rows : (c->rows + TOTAL_BLOCK - 1) / TOTAL_BLOCK;
    finish f = {
        .op = it->op, .type = type, .parts = total ? totals : c->chunks, .count = total ? 1 : c->columns, .wide = wide};
    int64_t part_bytes = f.count * (f.wide ? 8 : size);
    operand part = {.slot = SLOT_PARTIALS, .number = NO_ITEM, .reg = -1, .type = type, .step = 1};
    part.bytes = take_partials(e, part_bytes * f.parts);
    in.kernel = total ? NULL : kernel_column_reduction(it->op, type);
    in.special = total ? SPECIAL_TOTAL : SPECIAL_NONE;
    in.chunk = total ? 0 : part_bytes;
    return add_draft(e, in, x, 1, &part) && add_finish(e, f);
}

/* ---- the whole group ---- */

static bool emit_item(emission *e, size_t at)
{
    uint32_t index = e->g->items[at], bases[3] = {NO_ITEM, NO_ITEM, NO_ITEM};
    const item *it = &e->s->program->items[index];
    operand operands[3];
    for (uint32_t k = 0; k < it->count; k++) {
        reading r;
        operands[k] = operand_read(e, index, k);
        bool own = operands[k].number == NO_ITEM && schedule_read(e->s, index, k, &r) &&
                   e->s->step_of[r.view->base] == e->s->step_of[index];
        if (own) bases[k] = r.view->base;
        bool reducing = is_reduction_role(e->s->roles[index]);
        if (operands[k].load && !reducing && !e->s->gathered[index]) {
            if (!bring(e, &operands[k])) return false;
            bases[k] = NO_ITEM;
        }
    }
    if (!is_reduction_role(e->s->roles[index])) return emit_elementwise(e, at, index, operands, bases);
    int before = operands[0].reg;
    bool fine = emit_reduction(e, index, &operands[0]);
    if (operands[0].reg != before) bases[0] = NO_ITEM;
    give_back(e, at, operands, 1, bases, -1);
    return fine;
}

/* Which item of the group reads each of its values last. */
static void find_last_uses(emission *e)
{
    for (size_t i = 0; i < e->g->count; i++) e->last[e->g->items[i]] = -1;
    for (size_t i = 0; i < e->g->count; i++) {
        uint32_t index = e->g->items[i];
        const item *it = &e->s->program->items[index];
        reading r;
        if (wg_type_size((wg_type)it->type) > e->element) e->element = wg_type_size((wg_type)it->type);
        for (uint32_t k = 0; k < it->count; k++) {
            if (!schedule_read(e->s, index, k, &r)) continue;
            size_t size = wg_type_size((wg_type)e->s->program->items[r.view->base].type);
            if (size > e->element) e->element = size;
            if (e->s->step_of[r.view->base] == e->s->step_of[index]) e->last[r.view->base] = (int)i;
        }
    }
}

/* ---- from drafts to code ---- */

static bool settle_operand(emission *e, instruction *in, uint32_t k, const operand *o)
{
    void **where = k == 3 ? &in->tile.out : (void **)(uintptr_t)&in->tile.in[k];
    in->advance[k] = o->advance;
    if (k == 3)
        in->tile.out_step = o->step;
    else
        in->tile.step[k] = o->step;
    if (o->number != NO_ITEM) return plan_number(e->plan, o->number, o->type, &in->tile.in[k]);
    if (o->slot == SLOT_REGISTERS) in->registers |= (uint8_t)(1u << k);
    int64_t rows = o->row_register ? register_bytes(e, e->registers) : 0;
    return plan_patch(e->plan, where, o->slot, o->bytes + rows);
}

/* Whether an instruction before the i-th one, or an earlier operand of it, runs through the same memory. */
static bool seen_before(const emission *e, size_t i, uint32_t k)
{
    const operand *o = &e->drafts[i].operand[k];
    for (size_t j = 0; j <= i; j++)
        for (uint32_t at = 0; at < 4 && (j < i || at < k); at++) {
            const operand *other = &e->drafts[j].operand[at];
            if ((at == 3 || at < e->drafts[j].count) && other->number == NO_ITEM && other->slot == o->slot &&
                other->bytes == o->bytes && other->advance == o->advance)
                return true;
        }
    return false;
}

/* Whether the k-th operand runs through memory from tile to tile. */
static bool is_stream(const emission *e, const draft *d, uint32_t k)
{
    const operand *o = &d->operand[k];
    return o->advance != 0 && o->slot != SLOT_REGISTERS && o->slot != SLOT_PARTIALS && o->number == NO_ITEM &&
           d->in.extent != EXTENT_ROW_VALUES && operand_flat(e, o);
}

static bool settle(emission *e)
{
    group_code *c = e->code;
    c->instructions = bump_new(&e->plan->bump, e->count, sizeof *c->instructions);
    c->streams = bump_new(&e->plan->bump, e->count * 4, sizeof *c->streams);
    if (!c->instructions || !c->streams) return false;
    c->count = e->count;
    int64_t bytes = 0;
    for (size_t i = 0; i < e->count; i++) {
        const draft *d = &e->drafts[i];
        instruction *in = &c->instructions[i];
        *in = d->in;
        for (uint32_t k = 0; k < 4; k++) {
            if (k < 3 && k >= d->count) continue;
            if (!settle_operand(e, in, k, &d->operand[k])) return false;
            if (!is_stream(e, d, k) || seen_before(e, i, k)) continue;
            int64_t each = (c->columns ? c->columns : 1) * (int64_t)wg_type_size(d->operand[k].type);
            c->streams[c->stream_count++] = (stream){(uint32_t)i, (uint8_t)k, each};
            bytes += each * c->rows;
        }
    }
    c->ahead = bytes >= PREFETCH_FROM;
    group_set_extents(c, c->instructions, c->tile_rows);
    size_t copies = c->rows > c->tile_rows ? c->count * sizeof *c->instructions : 0; /* each chunk walks with its own */
    c->registers = (size_t)(register_bytes(e, e->registers) + row_register_bytes(e, e->row_registers));
    if (c->registers + copies > e->plan->registers) e->plan->registers = c->registers + copies;
    return true;
}

/* Where reductions that end with the group get their parts from, and put their result. */
static bool settle_finishes(emission *e)
{
    size_t at = 0;
    for (size_t i = 0; i < e->g->count; i++) {
        uint32_t index = e->g->items[i], slot;
        role r = e->s->roles[index];
        if (r != ROLE_COLUMN_REDUCTION && r != ROLE_TOTAL_REDUCTION) continue;
        finish *f = &e->code->finishes[at++];
        int64_t bytes, part = 0;
        for (size_t k = 0, seen = 0; k < e->count; k++)
            if (e->drafts[k].operand[3].slot == SLOT_PARTIALS && ++seen == at) part = e->drafts[k].operand[3].bytes;
        plan_place(e->plan, e->s, e->m, e->m->home[index].base, &slot, &bytes);
        bytes += e->m->home[index].offset * (int64_t)wg_type_size(f->type);
        if (!plan_patch(e->plan, &f->from, SLOT_PARTIALS, part) || !plan_patch(e->plan, &f->to, slot, bytes))
            return false;
    }
    return true;
}

bool plan_emit_group(emission *e, const group *g)
{
    plan *p = e->plan;
    group_code *code = bump_new(&p->bump, 1, sizeof *code);
    bump temporary = bump_of(p->bump.memory);
    e->g = g;
    e->code = code;
    e->b = &temporary;
    e->drafts = NULL;
    e->count = e->capacity = e->finish_capacity = 0;
    e->registers = e->row_registers = 0;
    e->element = 1;
    e->taken = bump_new(&temporary, g->count * 4 + 8, 1);
    bool fine = code && !temporary.failed;
    if (fine) {
        find_last_uses(e);
        emit_geometry(e);
    }
    for (size_t i = 0; fine && i < g->count; i++) fine = emit_item(e, i);
    fine = fine && settle(e);
    if (fine && code->finish_count) {
        finish *kept = bump_new(&p->bump, code->finish_count, sizeof *kept);
        if ((fine = kept != NULL)) code->finishes = memcpy(kept, code->finishes, code->finish_count * sizeof *kept);
        fine = fine && settle_finishes(e);
    }
    bump_free(&temporary);
    if (!fine) return false;
    p->steps[p->step_count++] = (plan_step){.kind = STEP_GROUP, .group = code};
    if (code->partials > p->partials) p->partials = code->partials;
    return true;
}
