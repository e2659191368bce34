/* What a schedule must keep: each step comes after those that compute what it reads, and after those that an alias on
   the way waits for. A step that does not wait computes the right values all the same, only too early, so that nothing
   else would tell. */
#include "engine/schedule.h"

#include "ops/rows.h"

/* The step after which each item may be read, by the ops alone: 0: at once, else 1 + step. */
static void find_times(const schedule *s, uint32_t *time)
{
    const program *p = s->program;
    for (uint32_t i = 0; i < p->count; i++) {
        const item *it = &p->items[i];
        time[i] = s->step_of[i];
        if (time[i] || !is_movement(it)) continue;
        for (uint32_t k = 0; k < (it->op->alias ? it->count : 1); k++) {
            uint32_t operand = program_operands(p, it)[k];
            bool number = p->items[s->views[operand].base].op == &ops_full; /* which nobody waits for */
            if ((k == 0 || !number) && time[operand] > time[i]) time[i] = time[operand];
        }
    }
}

bool schedule_in_time(const schedule *s, bump *b)
{
    const program *p = s->program;
    uint32_t *time = bump_new(b, p->count, sizeof *time);
    if (!time) return true;
    find_times(s, time);
    for (uint32_t i = 0; i < p->count; i++)
        for (uint32_t k = 0; s->step_of[i] && k < p->items[i].count; k++) {
            uint32_t operand = program_operands(p, &p->items[i])[k];
            if (operand != NO_ITEM && time[operand] > s->step_of[i]) return false;
        }
    return true;
}
