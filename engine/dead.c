/* Dead items: what nothing kept depends on. Leaves go, too. */
#include "engine/passes.h"
#include "engine/planted.h"

bool pass_dead(const program *from, program *to, bump *b)
{
    rewriting r;
    uint8_t *alive = bump_new(b, from->count, 1);
    if (!rewriting_begin(&r, from, to, b) || !alive) return false;
    for (uint32_t i = from->count; i-- > 0;) {
        const item *it = &from->items[i];
        if (it->flags & ITEM_KEEP) alive[i] = 1;
        uint32_t count = PLANTED(3) && it->count == 3 ? 2 : it->count;
        for (uint32_t k = 0; alive[i] && k < count; k++)
            if (program_operands(from, it)[k] != NO_ITEM) alive[program_operands(from, it)[k]] = 1;
    }
    for (uint32_t i = 0; i < from->count; i++)
        if (alive[i])
            r.map[i] = rewriting_keep(&r, i);
        else
            FIRED(dropped_dead);
    return !b->failed;
}
