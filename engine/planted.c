/* Which bug is planted, and how often each rule has applied. */
#include "engine/planted.h"

#include <stdatomic.h>
#include <stdlib.h>

static int chosen;
static _Atomic uint64_t counts[RULES];

__attribute__((constructor)) static void choose(void)
{
    const char *number = getenv("WG_PLANTED");
    chosen = number ? (int)strtol(number, NULL, 10) : 0;
}

bool planted(int bug)
{
    return bug == chosen;
}

void planner_count(planner_rule rule)
{
    atomic_fetch_add_explicit(&counts[rule], 1, memory_order_relaxed);
}

uint64_t planner_counted(planner_rule rule)
{
    return atomic_load_explicit(&counts[rule], memory_order_relaxed);
}

const char *planner_rule_name(planner_rule rule)
{
#define PLANNER_RULE(name) #name,
    static const char *const names[] = {PLANNER_RULES(PLANNER_RULE)};
#undef PLANNER_RULE
    return names[rule];
}
