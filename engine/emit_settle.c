/* From drafts to the instructions of a group: each operand gets the address, or the patch, that it is read through. */
#include "engine/emission.h"

enum { PREFETCH_FROM = 1 << 20 }; /* bytes of a group's memory: less stays in the second-level cache */

/* Makes `where` the address of an operand. */
static bool settle_address(emission *e, void **where, const operand *o)
{
    if (o->number != NO_ITEM) return plan_number(e->plan, o->number, o->type, (const void **)(uintptr_t)where);
    int64_t bytes = o->bytes;
    if (o->row_register)
        bytes = register_bytes(e, e->registers) + row_register_bytes(e, (uint32_t)o->bytes);
    else if (o->slot == SLOT_REGISTERS)
        bytes = register_bytes(e, (uint32_t)o->bytes);
    return plan_patch(e->plan, where, o->slot, bytes);
}

static bool settle_operand(emission *e, instruction *in, uint32_t k, const operand *o)
{
    void **where = k == 3 ? &in->tile.out : (void **)(uintptr_t)&in->tile.in[k];
    in->advance[k] = o->advance;
    if (k == 3)
        in->tile.out_step = o->step;
    else
        in->tile.step[k] = o->step;
    if (o->number == NO_ITEM && o->slot == SLOT_REGISTERS) in->registers |= (uint8_t)(1u << k);
    return settle_address(e, where, o);
}

/* The instructions of a group of one element. */
static bool settle_singles(emission *e)
{
    group_code *c = e->code;
    bool fine = true;
    c->singles = bump_new(&e->plan->bump, e->count, sizeof *c->singles);
    c->count = e->count;
    for (size_t i = 0; (fine = fine && c->singles) && i < e->count; i++) {
        const draft *d = &e->drafts[i];
        single_instruction *one = &c->singles[i];
        one->run = d->single;
        fine = settle_address(e, &one->out, &d->operand[3]);
        for (uint32_t k = 0; fine && k < d->count; k++)
            fine = settle_address(e, (void **)(uintptr_t)&one->in[k], &d->operand[k]);
    }
    return fine;
}

/* Whether the k-th operand runs through memory from tile to tile. */
static bool is_stream(const emission *e, const draft *d, uint32_t k)
{
    const operand *o = &d->operand[k];
    return o->advance != 0 && o->slot != SLOT_REGISTERS && o->slot != SLOT_PARTIALS && o->number == NO_ITEM &&
           d->in.extent != EXTENT_ROW_VALUES && operand_flat(e, o);
}

static bool settle_instructions(emission *e)
{
    group_code *c = e->code;
    c->instructions = bump_new(&e->plan->bump, e->count, sizeof *c->instructions);
    c->streams = bump_new(&e->plan->bump, e->count * 4, sizeof *c->streams);
    if (!c->instructions || !c->streams) return false;
    c->count = e->count;
    int64_t bytes = 0, most = e->g->size * (int64_t)(e->element * (e->g->read_count + e->g->count));
    bool large = most >= PREFETCH_FROM;
    for (size_t i = 0; i < e->count; i++) {
        const draft *d = &e->drafts[i];
        instruction *in = &c->instructions[i];
        *in = d->in;
        for (uint32_t k = 0; k < 4; k++) {
            if (k < 3 && k >= d->count) continue;
            if (!settle_operand(e, in, k, &d->operand[k])) return false;
            if (!large || !is_stream(e, d, k) || operand_seen_before(e, i, k)) continue;
            int64_t each = (c->columns ? c->columns : 1) * (int64_t)wg_type_size(d->operand[k].type);
            c->streams[c->stream_count++] = (stream){(uint32_t)i, (uint8_t)k, each};
            bytes += each * c->rows;
        }
    }
    c->ahead = bytes >= PREFETCH_FROM && !is_one_chain(e); /* which the processor sees coming */
    group_set_extents(c, c->instructions, c->tile_rows);
    size_t copies = c->rows > c->tile_rows ? c->count * sizeof *c->instructions : 0; /* each chunk walks with its own */
    if (c->registers + copies > e->plan->registers) e->plan->registers = c->registers + copies;
    return compile_chains(e);
}

/* Where reductions that end with the group get their parts from, and put their result. */
static bool settle_finishes(emission *e)
{
    group_code *c = e->code;
    size_t at = 0;
    if (c->finish_count == 0) return true;
    c->finishes = bump_copy(&e->plan->bump, c->finishes, c->finish_count, sizeof *c->finishes);
    if (!c->finishes) return false;
    for (size_t i = 0; i < e->g->count; i++) {
        uint32_t index = e->g->items[i], slot;
        role r = e->s->roles[index];
        if (r != ROLE_COLUMN_REDUCTION && r != ROLE_TOTAL_REDUCTION) continue;
        finish *f = &c->finishes[at++];
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

bool emit_settle(emission *e)
{
    group_code *c = e->code;
    c->registers = (size_t)(register_bytes(e, e->registers) + row_register_bytes(e, e->row_registers));
    if (c->registers > e->plan->registers) e->plan->registers = c->registers;
    return (e->all_single ? settle_singles(e) : settle_instructions(e)) && settle_finishes(e);
}
