/* What builds with the option planted have, and no others: bugs that the fuzzer must find, and counts of how often each
   rule of the planner applied. */
#ifndef ENGINE_PLANTED_H
#define ENGINE_PLANTED_H

#include <stdbool.h>
#include <stdint.h>

enum { PLANTED_BUGS = 21 };

/* What is counted. */
/* clang-format off */
#define PLANNER_RULES(R) \
    R(simplify_product) R(simplify_sign) R(simplify_movement) R(trivial_reduction) R(split_reduction) R(outer) R(split_rows) \
    R(split_long_rows) R(accumulated) R(merged) R(assumed) R(dropped_dead) R(gathered) R(moved_inside) \
    R(taken_out) R(joined_group) R(joined_shared) R(fused_down) R(fused_up) R(sunk) R(placed_above) R(in_place) \
    R(wrote_in_place) R(recalled) R(found_plan) R(made_plan) R(broke_assumption) R(row_reduction) \
    R(column_reduction) R(total_reduction) R(own_kernel) R(brought) R(stored_later) R(product) R(convolution) R(call) R(copy) \
    R(many_chunks) R(hoisted) R(paired) R(chained) R(stacked_rows) \
    R(stacked_sum) R(stacked_row_sums) R(stacked_concat) R(new_stack)
/* clang-format on */

#ifdef WG_PLANTED

#define PLANNER_RULE(name) RULE_##name,
typedef enum planner_rule { PLANNER_RULES(PLANNER_RULE) RULES } planner_rule;
#undef PLANNER_RULE

/* Whether the environment's WG_PLANTED is this number. */
bool planted(int bug);
void planner_count(planner_rule rule);
uint64_t planner_counted(planner_rule rule);
const char *planner_rule_name(planner_rule rule);

#define PLANTED(bug) planted(bug)
#define FIRED(rule) planner_count(RULE_##rule)

#else

#define PLANTED(bug) false
#define FIRED(rule) ((void)0)

#endif

#endif
