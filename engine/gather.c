/* Which views are given memory of their own: those whose readers cannot follow strides, and results. */
#include "engine/planted.h"
#include "engine/product_step.h"
#include "engine/schedule.h"
#include "ops/rows.h"

#include <string.h>

wg_type schedule_operand_type(const program *p, const item *it, uint32_t k)
{
    uint32_t from = program_operands(p, it)[k];
    if (from == NO_ITEM && it->count > 1) from = program_operands(p, it)[!k];
    return (wg_type)(from == NO_ITEM ? it->type : p->items[from].type);
}

bool is_reduction(const item *it)
{
    return it->op == &ops_sum || it->op == &ops_max || it->op == &ops_min;
}

role schedule_reduction(const program *p, const item *it, int64_t *columns)
{
    const item *x = &p->items[program_operands(p, it)[0]];
    if (!is_reduction(it) || (it->type != WG_F32 && it->type != WG_F64) || x->size == 0) return ROLE_ALONE;
    uint32_t set = (uint32_t)p->attributes[it->attributes].integer[0], kept = 0;
    bool trailing = true, leading = true;
    *columns = 1;
    for (int i = 0; i < x->shape.rank; i++)
        if (x->shape.dim[i] != 1 && !(set >> i & 1)) kept |= 1u << i;
    for (int i = 0; i < x->shape.rank; i++) {
        if (x->shape.dim[i] == 1 || !(set >> i & 1)) continue;
        if (kept >> i) trailing = false;             /* something kept comes after it */
        if (kept & ((1u << i) - 1)) leading = false; /* something kept comes before it */
        *columns *= x->shape.dim[i];
    }
    if (kept == 0) {
        *columns = 0;
        return ROLE_TOTAL_REDUCTION;
    }
    if (trailing) return *columns <= LONGEST_ROW ? ROLE_ROW_REDUCTION : ROLE_ALONE;
    *columns = it->size;
    return leading ? ROLE_COLUMN_REDUCTION : ROLE_ALONE;
}

bool schedule_fuses(const program *p, const item *it)
{
    const wg_op *op = it->op;
    int64_t columns;
    if (is_reduction(it)) return schedule_reduction(p, it, &columns) != ROLE_ALONE;
    wg_type type = it->count ? schedule_operand_type(p, it, 0) : (wg_type)it->type;
    return (op->elementwise || op == &ops_where || op == &ops_cast) && op->kernel[type] && program_knows(op);
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
    if (is_movement(user) || schedule_fuses(p, user)) return true;
    if (number) return false;
    bool matrix = is_product(user) && place >= product_first(user);
    if (matrix) return product_reads(p, user, place, v);
    if (user->op == &ops_concat || is_product(user)) return true;
    return view_contiguous(v, &p->items[operand].shape);
}

static void gather(schedule *s, uint32_t index, bool *more)
{
    if (!s->gathered[index]) *more = true;
    FIRED(gathered);
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
    for (uint32_t i = 0; i < p->count; i++) s->gathered[i] = (p->items[i].flags & ITEM_GATHER) != 0;
    do views_of(p, s->gathered, s->views, s->copied);
    while (gather_more(s));
    return true;
}
