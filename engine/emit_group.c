/* From a group to instructions. What does not lie as kernels read it is first brought into a register. */
#include "engine/emission.h"
#include "engine/planted.h"

#include "ops/rows.h"

#include <string.h>

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

/* Brings what an item with this role reads into a register of its own, one element after the other. */
static bool bring(emission *e, operand *o, role reader)
{
    FIRED(brought);
    operand to = take_register(e, o->type);
    bool row_values = reader == ROLE_ROW;
    extent flat = row_values ? EXTENT_ROW_VALUES : EXTENT_FLAT, rows = row_values ? EXTENT_ROW_VALUES : EXTENT_ROWS;
    bool fine = o->load     ? add_copy(e, SPECIAL_LOAD, flat, o, &to, &o->reading)
                : o->single ? add_copy(e, SPECIAL_SPREAD, rows, o, &to, NULL)
                            : add_copy(e, SPECIAL_COPY, rows, o, &to, NULL);
    *o = to;
    return fine;
}

/* ---- one item ---- */

/* What an instruction reads: operands, and the items of the group that they are the values of (NO_ITEM: none). */
typedef struct operands {
    operand item[3];
    uint32_t base[3];
    uint32_t count;
} operands;

/* Takes back the registers whose values no later item reads; with `type`, only those of this type. */
static void give_back(emission *e, size_t at, const operands *o, int type)
{
    for (uint32_t k = 0; k < o->count; k++) {
        bool brought = o->base[k] == NO_ITEM || e->places[o->base[k]].reg != o->item[k].reg;
        bool last = brought || e->last[o->base[k]] <= (int)at;
        if (o->item[k].reg >= 0 && last && (type < 0 || (int)o->item[k].type == type)) e->taken[o->item[k].reg] = 0;
    }
}

/* Appends operand k of an item, in a register if it lies as no kernel reads it. */
static bool append_operand(emission *e, uint32_t index, uint32_t k, operands *o)
{
    reading r;
    uint32_t at = o->count++;
    o->item[at] = operand_read(e, index, k);
    bool own = o->item[at].number == NO_ITEM && schedule_read(e->s, index, k, &r) &&
               e->s->step_of[r.view->base] == e->s->step_of[index];
    o->base[at] = own ? r.view->base : NO_ITEM;
    bool copies = e->s->gathered[index]; /* it follows strides itself */
    return !o->item[at].load || copies || bring(e, &o->item[at], e->s->roles[index]);
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
    return (operand){.row_register = true,
                     .slot = SLOT_REGISTERS,
                     .bytes = e->row_registers++,
                     .step = 1,
                     .number = NO_ITEM,
                     .reg = -1,
                     .type = (wg_type)it->type};
}

static bool store_later(emission *e, uint32_t index, const operand *from)
{
    bool later;
    FIRED(stored_later);
    operand to = operand_result(e, index, &later);
    extent over = is_row_role(e->s->roles[index]) ? EXTENT_ROW_VALUES : EXTENT_FLAT;
    return add_copy(e, SPECIAL_STORE, over, from, &to, &to.reading);
}

static bool is_reduction_role(role r)
{
    return r == ROLE_ROW_REDUCTION || r == ROLE_COLUMN_REDUCTION || r == ROLE_TOTAL_REDUCTION;
}

/* The kernel that the option `precise` puts in the place of the usual one; NULL: none. */
static tile_kernel precise_kernel(const emission *e, const item *it, const operand *x)
{
    return e->plan->precise ? kernel_find_precise(it->op, x->type) : NULL;
}

/* The vector kernel for operands as they lie; those it cannot read so are brought into registers. NULL: none. */
static tile_kernel choose_kernel(emission *e, const item *it, role as, operands *o, bool *fine)
{
    wg_type types[3];
    unsigned single = 0, all = (1u << it->count) - 1;
    for (uint32_t k = 0; k < it->count; k++) {
        types[k] = o->item[k].type;
        if (o->item[k].single) single |= 1u << k;
    }
    if (single == all) {
        *fine = bring(e, &o->item[0], as);
        single &= ~1u;
    }
    tile_kernel kernel = precise_kernel(e, it, &o->item[0]);
    if (!kernel) kernel = kernel_find(it->op, types, (wg_type)it->type, single);
    if (kernel || !kernel_find(it->op, types, (wg_type)it->type, 0)) return kernel;
    for (uint32_t k = 0; k < it->count; k++)
        if (o->item[k].single) *fine = *fine && bring(e, &o->item[k], as);
    return kernel_find(it->op, types, (wg_type)it->type, 0);
}

/* The op's own kernel reads what lies flat, and numbers. */
static bool prepare_own(emission *e, uint32_t index, operands *o, instruction *in)
{
    const program *p = e->s->program;
    const item *it = &p->items[index];
    special_work *work = bump_new(&e->plan->bump, 1, sizeof *work);
    if (!work) return false;
    FIRED(own_kernel);
    *work = (special_work){
        .op = it->op, .attributes = &p->attributes[it->attributes], .result = (wg_type)it->type, .count = it->count};
    role as = e->s->roles[index];
    for (uint32_t k = 0; k < it->count; k++) {
        bool scalar = it->op->elementwise && o->item[k].single && o->item[k].step == 0;
        bool flat = as == ROLE_ROW ? !o->item[k].single : operand_flat(e, &o->item[k]);
        if (!scalar && !flat && !bring(e, &o->item[k], as)) return false;
        if (scalar) work->singles |= 1u << k;
        work->types[k] = o->item[k].type;
    }
    extent over = as == ROLE_ROW ? EXTENT_ROW_VALUES : EXTENT_FLAT;
    *in = (instruction){.special = SPECIAL_OP, .work = work, .extent = (uint8_t)over};
    return true;
}

/* Gives the instruction a result: memory where the item is stored, else a register, perhaps one of its operands'. */
static bool finish_item(emission *e, size_t at, instruction in, operands *o)
{
    uint32_t index = e->g->items[at];
    const item *it = &e->s->program->items[index];
    bool later;
    give_back(e, at, o, it->type);
    operand out = prepare_result(e, index, &later);
    bool turned = in.special == SPECIAL_OP && in.extent == EXTENT_FLAT && !operand_flat(e, &out);
    operand to = turned ? take_register(e, out.type) : out; /* the op's own kernel writes flat */
    bool fine = add_draft(e, in, o->item, o->count, &to);
    if (fine && in.kernel && !precise_kernel(e, it, &o->item[0])) e->drafts[e->count - 1].op = it->op;
    if (turned) {
        fine = fine && add_copy(e, SPECIAL_COPY, EXTENT_ROWS, &to, &out, NULL);
        e->taken[to.reg] = 0;
    }
    give_back(e, at, o, -1);
    if (out.reg >= 0) e->taken[out.reg] = 1;
    e->places[index] = out;
    return fine && (!later || store_later(e, index, &out));
}

static bool note_single(emission *e, single_kernel kernel)
{
    e->drafts[e->count - 1].single = kernel;
    return true;
}

/* A gathered view: its elements are copied. */
static bool emit_gathered(emission *e, size_t at, operands *o)
{
    const operand *from = &o->item[0];
    special_work *work = bump_new(&e->plan->bump, 1, sizeof *work);
    if (!work) return false;
    work->element = wg_type_size(from->type);
    if (from->load) work->strides = view_strides(from->reading.view, from->reading.shape);
    special kind = from->load ? SPECIAL_LOAD : from->single ? SPECIAL_SPREAD : SPECIAL_COPY;
    bool row_values = e->s->roles[e->g->items[at]] == ROLE_ROW;
    extent over = row_values ? EXTENT_ROW_VALUES : from->load ? EXTENT_FLAT : EXTENT_ROWS;
    return finish_item(e, at, (instruction){.special = (uint8_t)kind, .work = work, .extent = (uint8_t)over}, o) &&
           (!e->all_single || note_single(e, kernel_single_copy(work->element)));
}

static bool emit_elementwise(emission *e, size_t at, operands *o)
{
    uint32_t index = e->g->items[at];
    role as = e->s->roles[index];
    bool fine = true;
    if (e->all_single) {
        single_kernel one = kernel_single(e->s->program->items[index].op, o->item[0].type, e->plan->precise);
        return finish_item(e, at, (instruction){.extent = EXTENT_ROWS}, o) && note_single(e, one);
    }
    instruction in = {.extent = (uint8_t)(as == ROLE_ROW ? EXTENT_ROW_VALUES : EXTENT_ROWS)};
    in.kernel = choose_kernel(e, &e->s->program->items[index], as, o, &fine);
    if (!in.kernel && !prepare_own(e, index, o, &in)) return false;
    return fine && finish_item(e, at, in, o);
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

static bool emit_row_reduction(emission *e, size_t at, instruction in, operands *o)
{
    uint32_t index = e->g->items[at];
    bool later;
    FIRED(row_reduction);
    operand out = prepare_result(e, index, &later);
    out.step = 1;
    e->places[index] = out;
    bool fine = add_draft(e, in, o->item, o->count, &out);
    if (fine) e->drafts[e->count - 1].op = e->s->program->items[index].op;
    give_back(e, at, o, -1);
    return fine && (!later || store_later(e, index, &out));
}

static bool emit_reduction(emission *e, size_t at, operands *o)
{
    uint32_t index = e->g->items[at];
    operand *x = &o->item[0];
    const item *it = &e->s->program->items[index];
    group_code *c = e->code;
    role r = e->s->roles[index];
    wg_type type = x->type;
    int64_t size = (int64_t)wg_type_size(type);
    bool total = r == ROLE_TOTAL_REDUCTION, wide = !total && it->op == &ops_sum;
    if (x->single && !bring(e, x, r)) return false;
    instruction in = {.extent = EXTENT_ROWS, .kernel = kernel_row_reduction(it->op, type)};
    if (r == ROLE_ROW_REDUCTION) return emit_row_reduction(e, at, in, o);
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
    if (PLANTED(10) && !total && f.parts > 1) f.parts--;
    if (total)
        FIRED(total_reduction);
    else
        FIRED(column_reduction);
    in.kernel = total ? NULL : kernel_column_reduction(it->op, type);
    in.special = total ? SPECIAL_TOTAL : SPECIAL_NONE;
    in.chunk = total ? 0 : part_bytes;
    bool fine = add_draft(e, in, x, 1, &part) && add_finish(e, f);
    give_back(e, at, o, -1);
    return fine;
}

/* ---- pairs: see emit_pair.c ---- */

static bool emit_pair(emission *e, size_t at)
{
    uint32_t index = e->g->items[at], first = e->partner[index], place = pair_place(e, index, first);
    const item *a = &e->s->program->items[first], *b = &e->s->program->items[index];
    operands o = {.count = 0};
    instruction in = {.kernel = pair_kernel(e, first, index), .extent = EXTENT_ROWS};
    for (uint32_t k = 0; k < 2; k++)
        if (!append_operand(e, first, k < a->count ? k : 0, &o)) return false;
    if (b->count == 2 && !append_operand(e, index, !place, &o)) return false;
    FIRED(paired);
    return e->s->roles[index] == ROLE_ROW_REDUCTION ? emit_row_reduction(e, at, in, &o) : finish_item(e, at, in, &o);
}

/* ---- the whole group ---- */

static bool emit_item(emission *e, size_t at)
{
    uint32_t index = e->g->items[at];
    const item *it = &e->s->program->items[index];
    operands o = {.count = 0};
    if (pair_defer(e, at)) return true;
    if (e->partner[index] != NO_ITEM) return emit_pair(e, at);
    uint32_t read = e->s->gathered[index] ? 1 : it->count; /* an alias waits for its further operands only */
    for (uint32_t k = 0; k < read; k++)
        if (!append_operand(e, index, k, &o)) return false;
    if (e->s->gathered[index]) return emit_gathered(e, at, &o);
    return is_reduction_role(e->s->roles[index]) ? emit_reduction(e, at, &o) : emit_elementwise(e, at, &o);
}

/* Whether the group has one element, and kernels for one know all its items. */
static bool find_singles(const emission *e)
{
    const program *p = e->s->program;
    for (size_t i = 0; e->g->size == 1 && i < e->g->count; i++) {
        uint32_t index = e->g->items[i];
        const item *it = &p->items[index];
        uint32_t first = program_operands(p, it)[0];
        if (first == NO_ITEM && it->count == 2) first = program_operands(p, it)[1];
        bool known = e->s->gathered[index] || (it->count <= 2 && first != NO_ITEM &&
                                               kernel_single(it->op, (wg_type)p->items[first].type, e->plan->precise));
        if (!known || is_reduction_role(e->s->roles[index])) return false;
    }
    return e->g->size == 1;
}

/* Which item of the group reads each of its values last. */
static void find_last_uses(emission *e)
{
    for (size_t i = 0; i < e->g->count; i++) {
        e->last[e->g->items[i]] = -1;
        e->uses[e->g->items[i]] = 0;
        e->partner[e->g->items[i]] = NO_ITEM;
    }
    for (size_t i = 0; i < e->g->count; i++) {
        uint32_t index = e->g->items[i];
        const item *it = &e->s->program->items[index];
        reading r;
        if (wg_type_size((wg_type)it->type) > e->element) e->element = wg_type_size((wg_type)it->type);
        for (uint32_t k = 0; k < it->count; k++) {
            if (!schedule_read(e->s, index, k, &r)) continue;
            size_t size = wg_type_size((wg_type)e->s->program->items[r.view->base].type);
            if (size > e->element) e->element = size;
            if (e->s->step_of[r.view->base] != e->s->step_of[index]) continue;
            e->last[r.view->base] = (int)i;
            e->uses[r.view->base]++;
        }
    }
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
    e->group_chains = e->chain_count;
    e->element = 1;
    e->taken = bump_new(&temporary, g->count * 4 + 8, 1);
    bool fine = code && !temporary.failed;
    if (fine) {
        find_last_uses(e);
        e->all_single = find_singles(e);
        emit_geometry(e);
    }
    for (size_t i = 0; fine && i < g->count; i++) fine = emit_item(e, i);
    if (fine && !e->all_single) fine = emit_chains(e);
    if (fine) emit_tiles(e);
    fine = fine && emit_settle(e);
    bump_free(&temporary);
    if (!fine) return false;
    p->steps[p->step_count++] = (plan_step){.kind = STEP_GROUP, .group = code};
    if (code->partials > p->partials) p->partials = code->partials;
    return true;
}
