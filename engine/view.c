/* Composing the views of movement ops. */
#include "engine/view.h"
#include "engine/planted.h"

#include "ops/rows.h"

#include <string.h>

bool is_movement(const item *it)
{
    const wg_op *op = it->op;
    return op && (op->alias || op == &ops_permute || op == &ops_expand || op == &ops_slice || op == &ops_flip ||
                  op == &ops_unfold);
}

view view_identity(const item *it, uint32_t index)
{
    view v = {.base = index};
    int64_t step = 1;
    for (int i = it->shape.rank; i-- > 0;) {
        v.stride[i] = step;
        step *= it->shape.dim[i];
    }
    return v;
}

strides view_strides(const view *v, const wg_shape *shape)
{
    strides s;
    memset(&s, 0, sizeof s); /* compared as a whole */
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dim[i] == 1) continue;
        int last = s.rank - 1;
        if (last >= 0 && s.stride[last] == v->stride[i] * shape->dim[i]) {
            s.dim[last] *= shape->dim[i];
            s.stride[last] = v->stride[i];
        } else {
            s.dim[s.rank] = shape->dim[i];
            s.stride[s.rank++] = v->stride[i];
        }
    }
    return s;
}

layout view_layout(const view *v, const wg_shape *shape)
{
    strides s = view_strides(v, shape);
    if (s.rank == 0 || (s.rank == 1 && s.stride[0] == 0)) return (layout){.pattern = PATTERN_SINGLE};
    if (s.rank == 1 && s.stride[0] == 1) return (layout){.pattern = PATTERN_FLAT};
    if (s.rank != 2 || (s.stride[1] != 1 && s.stride[1] != 0)) return (layout){.pattern = PATTERN_OTHER};
    return (layout){
        .pattern = s.stride[1] ? PATTERN_ROWS : PATTERN_ROW_SINGLE, .step = s.stride[0], .columns = s.dim[1]};
}

bool view_contiguous(const view *v, const wg_shape *shape)
{
    strides s = view_strides(v, shape);
    return s.rank == 0 || (s.rank == 1 && s.stride[0] == 1) || wg_shape_size(*shape) == 0;
}

/* ---- the ops ---- */

bool view_reshape(view *v, const wg_shape *from, const wg_shape *to)
{
    strides s = view_strides(v, from);
    int64_t left = 1, step = 0; /* of the merged axis: elements not yet given away, and their distance */
    int at = s.rank;
    for (int i = to->rank; i-- > 0;) {
        v->stride[i] = 0;
        if (to->dim[i] == 1) continue;
        if (left == 1 && at-- > 0) {
            left = s.dim[at];
            step = s.stride[at];
        }
        if (to->dim[i] == 0 || left % to->dim[i] != 0) return false;
        v->stride[i] = step;
        step *= to->dim[i];
        left /= to->dim[i];
    }
    return true;
}

static void expand_view(view *v, const wg_shape *from, const wg_shape *to)
{
    view narrow = *v;
    for (int i = 1; i <= to->rank; i++) {
        bool own = i <= from->rank && from->dim[from->rank - i] == to->dim[to->rank - i];
        v->stride[to->rank - i] = own ? narrow.stride[from->rank - i] : 0;
    }
}

/* The view of a movement's result, from that of its operand; false where there is none. */
static bool move_view(const program *p, const item *it, view *v)
{
    const wg_shape *from = &p->items[program_operands(p, it)[0]].shape;
    const int64_t *a = p->attributes[it->attributes].integer;
    if (it->size == 0) {
        *v = (view){.base = v->base, .after = v->after};
    } else if (it->op->alias) {
        return view_reshape(v, from, &it->shape);
    } else if (it->op == &ops_expand) {
        expand_view(v, from, &it->shape);
    } else if (it->op == &ops_permute) {
        view before = *v;
        for (int i = 0; i < from->rank; i++) v->stride[i] = before.stride[a[i]];
    } else if (it->op == &ops_slice) { /* axis, start, step, length */
        v->offset += a[1] * (PLANTED(4) ? 1 : v->stride[a[0]]);
        v->stride[a[0]] *= a[2];
    } else if (it->op == &ops_unfold) { /* axis, size, step, dilation */
        for (int i = it->shape.rank; i-- > a[0] + 1;) v->stride[i] = v->stride[i - 1];
        v->stride[a[0]] *= a[2];
        v->stride[a[0] + 1] *= PLANTED(19) ? 1 : a[3];
    } else { /* flip: axis */
        v->offset += (from->dim[a[0]] - 1) * v->stride[a[0]];
        v->stride[a[0]] *= -1;
    }
    return true;
}

/* What an alias waits for: the youngest of its further operands that are computed at all. Numbers are not, though they
   may be copied. */
static void wait(const program *p, const item *it, const view *views, const view *copied, view *v)
{
    for (uint32_t k = 1; it->op->alias && k < it->count; k++) {
        const view *other = &views[program_operands(p, it)[k]];
        if (is_movement(&p->items[other->base])) other = &copied[other->base];
        bool computed = p->items[other->base].op && p->items[other->base].op != &ops_full;
        if (!PLANTED(18) && computed && other->base + 1 > v->after) v->after = other->base + 1;
        if (other->after > v->after) v->after = other->after;
    }
}

/* Fills the views of item i; NO_ITEM, or the operand that does not lie so that the item could be a view of it. */
static uint32_t fill_view(const program *p, uint32_t i, bool gathered, view home, view *views, view *copied)
{
    const item *it = &p->items[i];
    views[i] = home;
    if (!is_movement(it)) return NO_ITEM;
    uint32_t from = program_operands(p, it)[0];
    copied[i] = views[from];
    wait(p, it, views, copied, &copied[i]);
    if (!move_view(p, it, &copied[i])) return from;
    if (!gathered) views[i] = copied[i];
    return NO_ITEM;
}

void views_of(const program *p, uint8_t *gathered, view *views, view *copied)
{
    for (uint32_t i = 0; i < p->count; i++) {
        uint32_t bad = fill_view(p, i, gathered[i], view_identity(&p->items[i], i), views, copied);
        if (bad == NO_ITEM) continue;
        gathered[bad] = 1; /* all anew */
        i = UINT32_MAX;
    }
}

uint32_t views_at_home(const program *p, const uint8_t *gathered, const view *home, view *views, view *copied)
{
    for (uint32_t i = 0; i < p->count; i++) {
        uint32_t bad = fill_view(p, i, gathered[i], home[i], views, copied);
        if (bad == NO_ITEM) continue;
        while (is_movement(&p->items[bad]) && !gathered[bad]) bad = program_operands(p, &p->items[bad])[0];
        return bad;
    }
    return NO_ITEM;
}
