/* What a schedule must keep: each step comes after those that compute what it reads, and after those that an alias on
   the way waits for. A step that does not wait computes the right values all the same, only too early, so that nothing
   else would tell. */
#include "engine/schedule.h"

#include "ops/rows.h"

/* The item that an alias waits for: the youngest that is computed and that a further operand is a view of; NO_ITEM:
   none. */
static uint32_t awaited(const schedule *s, const item *it)
{
    const program *p = s->program;
    uint32_t youngest = NO_ITEM;
    for (uint32_t k = 1; it->op->alias && k < it->count; k++) {
        uint32_t base = program_operands(p, it)[k];
        while (is_movement(&p->items[base])) base = program_operands(p, &p->items[base])[0]; /* copied or not */
        bool computed = p->items[base].op && p->items[base].op != &ops_full;
        if (computed && (youngest == NO_ITEM || base > youngest)) youngest = base;
    }
    return youngest;
}

/* The step after which each item may be read, by the ops alone: 0: at once, else 1 + step. */
static void find_times(const schedule *s, uint32_t *time)
{
    const program *p = s->program;
    for (uint32_t i = 0; i < p->count; i++) {
        const item *it = &p->items[i];
        time[i] = s->step_of[i];
        if (time[i] || !is_movement(it)) continue;
        uint32_t other = awaited(s, it);
        time[i] = time[program_operands(p, it)[0]];
        if (other != NO_ITEM && time[other] > time[i]) time[i] = time[other];
    }
}

bool schedule_in_time(const schedule *s, bump *b)
{
    const program *p = s->program;
    uint32_t *time = bump_new(b, p->count, sizeof *time);
    if (!time) return true;
    find_times(s, time);
    for (uint32_t i = 0; i < p->count; i++) {
        const item *it = &p->items[i];
        uint32_t count = it->op && it->op->alias ? 1 : it->count; /* an alias that is a copy reads one thing */
        for (uint32_t k = 0; s->step_of[i] && k < count; k++) {
            uint32_t operand = program_operands(p, it)[k];
            if (operand != NO_ITEM && time[operand] > s->step_of[i]) return false;
        }
    }
    return true;
}
