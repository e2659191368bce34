/* Which views are given memory of their own: those whose readers cannot follow strides, and results. */
#include "engine/product_step.h"
#include "engine/schedule.h"
#include "ops/rows.h"

#include <string.h>

bool schedule_fuses(const item *it)
{
    const wg_op *op = it->op;
    if (op == &ops_sum || op == &ops_max || op == &ops_min) return it->type == WG_F32 || it->type == WG_F64;
    return op->elementwise || op == &ops_where || op == &ops_cast;
}

/* Whether a kept item can share the memory of its base, which some step computes. */
static bool shares_result(const schedule *s, uint32_t index)
{
    const program *p = s->program;
    const view *v = &s->views[index];
    const item *base = &p->items[v->base];
    return v->base != index && base->op && base->op != &ops_full && v->offset == 0 &&
           base->size == p->items[index].size && view_contiguous(v, &p->items[index].shape);
}

/* Whether the step that computes `user` reads this operand as it lies. */
static bool reads_view(const schedule *s, const item *user, uint32_t place, uint32_t operand)
{
    const program *p = s->program;
    const view *v = &s->views[operand];
    bool number = p->items[v->base].op == &ops_full && !s->gathered[v->base];
    if (is_movement(user) || schedule_fuses(user)) return true;
    if (number) return false;
    if (user->op == &ops_matmul) return product_reads(p, user, place, v);
    if (user->op == &ops_concat) return true;
    return view_contiguous(v, &p->items[operand].shape);
}

static void gather(schedule *s, uint32_t index, bool *more)
{
    if (!s->gathered[index]) *more = true;
    s->gathered[index] = 1;
}

/* One run; true if more items have to be gathered. */
static bool gather_more(schedule *s)
{
    const program *p = s->program;
    bool more = false;
    for (uint32_t i = 0; i < p->count; i++) {
        const item *it = &p->items[i];
        if (!it->op) continue;
        bool view_or_number = is_movement(it) || it->op == &ops_full;
        if (it->flags & ITEM_KEEP && view_or_number && !shares_result(s, i)) gather(s, i, &more);
        for (uint32_t k = 0; k < it->count; k++) {
            uint32_t operand = program_operands(p, it)[k];
            if (operand != NO_ITEM && !reads_view(s, it, k, operand)) gather(s, operand, &more);
        }
    }
    return more;
}

bool schedule_gather(schedule *s, const program *p, bump *b)
{
    *s = (schedule){.program = p,
                    .gathered = bump_new(b, p->count, 1),
                    .views = bump_new(b, p->count, sizeof *s->views),
                    .copied = bump_new(b, p->count, sizeof *s->copied),
                    .roles = bump_new(b, p->count, sizeof *s->roles),
                    .step_of = bump_new(b, p->count, sizeof *s->step_of)};
    if (b->failed) return false;
    do views_of(p, s->gathered, s->views, s->copied);
    while (gather_more(s));
    return true;
}
