/* Pairs: an item that one other item reads, and that one kernel computes together with it. Where chains are compiled
   they do that and more. */
#include "engine/chains/chain.h"

/* Whether operand k will be one number for each row when the item is emitted. */
static bool will_be_single(const emission *e, uint32_t index, uint32_t k)
{
    reading r;
    if (!schedule_read(e->s, index, k, &r) || is_number(e->s, r.view->base)) return true;
    bool own = e->s->step_of[r.view->base] == e->s->step_of[index];
    if (own) return is_row_role(e->s->roles[r.view->base]);
    return operand_read(e, index, k).single;
}

uint32_t pair_place(const emission *e, uint32_t later, uint32_t earlier)
{
    reading r;
    return schedule_read(e->s, later, 0, &r) && r.view->base == earlier ? 0 : 1;
}

tile_kernel pair_kernel(const emission *e, uint32_t first, uint32_t second)
{
    const item *a = &e->s->program->items[first], *b = &e->s->program->items[second];
    unsigned single = 0;
    uint32_t place = pair_place(e, second, first);
    for (uint32_t k = 0; k < a->count; k++) single |= will_be_single(e, first, k) ? 1u << k : 0;
    if (b->count == 2 && will_be_single(e, second, !place)) single |= 4;
    if ((single & 3) == 3 || (a->count == 1 && single & 1)) return NULL;
    return kernel_find_pair(a->op, b->op, (wg_type)a->type, single, place == 1);
}

/* Whether operand k can still be read as it lies when the group's item `until` is computed: it needs no copy, and is no
   parameter that has got its new value by then. */
static bool may_wait(const emission *e, uint32_t index, uint32_t k, int until)
{
    reading r;
    if (operand_read(e, index, k).load) return false;
    if (!schedule_read(e->s, index, k, &r)) return true;
    for (size_t i = 0; i < e->g->count && (int)i < until; i++)
        if (e->m->in_place[e->g->items[i]] == r.view->base) return false;
    return true;
}

bool pair_defer(emission *e, size_t at)
{
    const program *p = e->s->program;
    uint32_t index = e->g->items[at];
    const item *it = &p->items[index];
    int reader_at = e->last[index];
    bool plain = e->uses[index] == 1 && e->m->kind[index] == STORED_NOT && e->s->roles[index] == ROLE_TILE &&
                 !e->s->gathered[index] && it->count <= 2;
    if (chains_now() != CHAINS_NONE || !plain || e->g->size == 1 || reader_at < 0 || e->partner[index] != NO_ITEM)
        return false;
    uint32_t reader = e->g->items[reader_at];
    const item *with = &p->items[reader];
    role as = e->s->roles[reader];
    bool fits = (as == ROLE_TILE || as == ROLE_ROW_REDUCTION) && !e->s->gathered[reader] && with->count <= 2 &&
                with->type == it->type && e->partner[reader] == NO_ITEM;
    for (uint32_t k = 0; fits && k < it->count; k++) fits = may_wait(e, index, k, reader_at);
    if (!fits || !pair_kernel(e, index, reader)) return false;
    e->partner[reader] = index;
    for (uint32_t k = 0; k < it->count; k++) { /* its operands live until then */
        reading r;
        if (schedule_read(e->s, index, k, &r) && e->s->step_of[r.view->base] == e->s->step_of[index] &&
            e->last[r.view->base] < reader_at)
            e->last[r.view->base] = reader_at;
    }
    return true;
}
