/* Tiles, registers, and where operands lie: an address, a step between rows and an advance between tiles. */
#include "engine/emission.h"
#include "engine/planted.h"

enum {
    TILE_BYTES = 32 << 10, /* of registers and memory streams: what the first-level cache holds */
    LEAST_TILE = 2 * TOTAL_BLOCK,
    MOST_TILE = 4096,
    CHUNK_ROWS = 16, /* rows at least where each chunk has its own sums of columns */
    MOST_CHUNKS = 64
};

plan_limits plan_limits_now = {.chunk = 4096, .chunk_work = 1 << 15, .shared_work = 1 << 15};

/* ---- geometry ---- */

static int64_t columns_of(const emission *e, const reading *r)
{
    layout l = schedule_layout(r, 0);
    bool by_rows = l.pattern == PATTERN_ROWS || l.pattern == PATTERN_ROW_SINGLE;
    return by_rows && wg_shape_size(*r->shape) == e->g->size ? l.columns : 0;
}

/* Undecided columns are those of the first operand or result that lies in rows. */
static int64_t choose_columns(const emission *e)
{
    int64_t columns = e->g->columns;
    for (size_t i = 0; i < e->g->count && !columns; i++) {
        uint32_t index = e->g->items[i];
        const item *it = &e->s->program->items[index];
        reading r = {&e->m->home[index], &it->shape};
        columns = columns_of(e, &r);
        for (uint32_t k = 0; k < it->count && !columns; k++)
            if (storage_read(e->m, e->s, index, k, &r)) columns = columns_of(e, &r);
    }
    return columns;
}

/* Registers and streams that a tile of the group touches. */
static int64_t pressure(const emission *e)
{
    enum { ENOUGH = 64 }; /* for the smallest tiles: long groups are not searched in vain */
    int64_t count = 0;
    for (size_t i = 0; i < e->count && count < ENOUGH && !e->all_single; i++) {
        const draft *d = &e->drafts[i];
        for (uint32_t k = 0; k < 4; k++) {
            const operand *o = &d->operand[k];
            bool through = (k == 3 || k < d->count) && d->in.extent != EXTENT_ROW_VALUES && !o->single &&
                           o->slot != SLOT_PARTIALS && o->number == NO_ITEM;
            count += through && !operand_seen_before(e, i, k);
        }
    }
    return count > 1 ? count : 1;
}

static bool has_column_reduction(const emission *e)
{
    for (size_t i = 0; i < e->g->count; i++)
        if (e->s->roles[e->g->items[i]] == ROLE_COLUMN_REDUCTION) return true;
    return false;
}

/* What an element costs, in simple instructions: functions that are computed approximately take several. */
static int64_t work_of_element(const emission *e)
{
    enum { FUNCTION = 6 };
    int64_t work = 0;
    for (size_t i = 0; i < e->g->count; i++)
        work += e->s->program->items[e->g->items[i]].op->numerics.ulp >= 1 ? FUNCTION : 1;
    return work;
}

/* Elements that one thread does at a time: fewer where each costs much. */
static int64_t least_chunk(const emission *e)
{
    enum { FEWEST = 4 * TOTAL_BLOCK };
    int64_t enough = plan_limits_now.chunk_work / work_of_element(e) / TOTAL_BLOCK * TOTAL_BLOCK;
    if (enough < FEWEST) enough = FEWEST;
    return enough < plan_limits_now.chunk ? enough : plan_limits_now.chunk;
}

void emit_geometry(emission *e)
{
    group_code *c = e->code;
    c->columns = choose_columns(e);
    int64_t columns = c->columns ? c->columns : 1;
    c->rows = e->g->size / columns;
    int64_t least = divide_up(least_chunk(e), columns);
    if (least < CHUNK_ROWS && has_column_reduction(e)) least = CHUNK_ROWS;
    c->chunk_rows = divide_up(divide_up(c->rows, MOST_CHUNKS), least) * least;
    c->chunks = divide_up(c->rows, c->chunk_rows);
    if (c->chunks > 1) FIRED(many_chunks);
    c->alone = c->chunks == 1 || e->g->size * work_of_element(e) < plan_limits_now.shared_work;
    if (c->alone && !has_column_reduction(e)) { /* nothing depends on chunks */
        c->chunk_rows = c->rows;
        c->chunks = 1;
    }
}

/* A chain needs no tiles: it has no registers in memory. */
void emit_tiles(emission *e)
{
    group_code *c = e->code;
    int64_t columns = c->columns ? c->columns : 1;
    int64_t elements = TILE_BYTES / (int64_t)e->element / pressure(e) / TOTAL_BLOCK * TOTAL_BLOCK;
    elements = elements < LEAST_TILE ? LEAST_TILE : elements > MOST_TILE ? MOST_TILE : elements;
    c->tile_rows = elements / columns > 1 ? elements / columns : 1;
    if (is_one_chain(e)) {
        e->registers = 0;
        c->tile_rows = c->chunk_rows;
    }
    if (c->tile_rows > c->chunk_rows) c->tile_rows = c->chunk_rows;
}

/* ---- registers ---- */

int64_t register_bytes(const emission *e, uint32_t reg)
{
    int64_t elements = e->code->tile_rows * (e->code->columns ? e->code->columns : 1);
    return (int64_t)reg * ((elements * (int64_t)e->element + 63) / 64 * 64);
}

/* Values of rows have registers of their own, which are never used again: they are few and short. */
int64_t row_register_bytes(const emission *e, uint32_t reg)
{
    return (int64_t)reg * ((e->code->tile_rows * 8 + 63) / 64 * 64);
}

operand take_register(emission *e, wg_type type)
{
    uint32_t reg = 0;
    while (reg < e->registers && e->taken[reg]) reg++;
    if (reg == e->registers) e->registers++;
    e->taken[reg] = 1;
    return (operand){.slot = SLOT_REGISTERS,
                     .bytes = reg,
                     .step = e->code->columns,
                     .number = NO_ITEM,
                     .reg = (int)reg,
                     .type = type};
}

/* ---- operands ---- */

/* What lies in the memory of another step, or is given, as o->reading says. */
static void follow_memory(const emission *e, operand *o, bool row_values)
{
    const group_code *c = e->code;
    int64_t size = (int64_t)wg_type_size(o->type);
    layout l = schedule_layout(&o->reading, c->columns);
    plan_place(e->plan, e->s, e->m, o->reading.view->base, &o->slot, &o->bytes);
    o->bytes += o->reading.view->offset * size;
    o->step = c->columns;
    if (l.pattern == PATTERN_SINGLE) {
        o->single = true;
        o->step = 0;
    } else if (l.pattern == PATTERN_FLAT) {
        o->advance = (row_values || !c->columns ? 1 : c->columns) * size;
    } else if (l.pattern == PATTERN_OTHER || row_values || !c->columns) {
        o->load = true;
    } else {
        o->single = l.pattern == PATTERN_ROW_SINGLE;
        o->step = l.step;
        o->advance = l.step * size;
    }
}

operand operand_read(const emission *e, uint32_t index, uint32_t k)
{
    const schedule *s = e->s;
    const program *p = s->program;
    bool row_values = s->roles[index] == ROLE_ROW;
    operand o = {.single = true, .type = schedule_operand_type(p, &p->items[index], k), .number = NO_ITEM, .reg = -1};
    reading logical;
    if (!schedule_read(s, index, k, &logical) || is_number(s, logical.view->base)) {
        bool scalar = program_operands(p, &p->items[index])[k] == NO_ITEM;
        o.number = p->source[scalar ? index : logical.view->base];
        return o;
    }
    uint32_t base = logical.view->base;
    if (s->step_of[base] && s->step_of[base] == s->step_of[index]) {
        o = e->places[base];
        o.single = is_row_role(s->roles[base]) && !row_values;
        if (o.single) o.step = 1;
        return o;
    }
    o.single = false;
    storage_read(e->m, s, index, k, &o.reading);
    follow_memory(e, &o, row_values);
    return o;
}

operand operand_result(const emission *e, uint32_t index, bool *later)
{
    const item *it = &e->s->program->items[index];
    operand o = {.type = (wg_type)it->type, .number = NO_ITEM, .reg = -1, .reading = {&e->m->home[index], &it->shape}};
    follow_memory(e, &o, is_row_role(e->s->roles[index]));
    if (o.single) { /* one element only */
        o.single = false;
        o.step = e->code->columns;
        o.advance = 0;
    }
    *later = o.load;
    return o;
}

bool operand_flat(const emission *e, const operand *o)
{
    return !o->load && !o->single && (o->step == e->code->columns || !e->code->columns);
}

bool operand_seen_before(const emission *e, size_t i, uint32_t k)
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
