/* Makes a failing recipe small: whatever can be left out, or made shorter, while two runs still differ, is. */
#include "tests/fuzz/machine.h"

#include <string.h>

static int thread_count; /* of the run that differs */

/* Whether a changed recipe still shows a difference; if so it takes the place of the old one. */
static bool take(recipe *r, const recipe *smaller)
{
    difference found;
    if (compare_recipe(smaller, thread_count, &found)) return false;
    *r = *smaller;
    return true;
}

/* ---- what needs what ---- */

/* Whether an instruction can do without one of those that are gone. */
static bool lives_without(const instruction *i, const bool *gone)
{
    bool list = i->kind == EVAL || i->kind == CONCAT;
    int left = 0;
    for (int k = 0; k < i->count; k++) left += !gone[i->operand[k]];
    return left == i->count || (list && left > 0);
}

/* Whatever names something that is gone goes, too; a region's beginning and its end go together. */
static bool follow(const segment *s, bool *gone)
{
    bool changed = false;
    for (int k = 0; k < s->count; k++) {
        const instruction *i = &s->item[k];
        bool was = gone[k];
        gone[k] |= !lives_without(i, gone);
        changed |= gone[k] != was;
        if (!gone[k] || !ends_region(i->kind) || gone[i->operand[0]]) continue;
        changed = gone[i->operand[0]] = true;
    }
    return changed;
}

/* Takes out instructions from one number to another, and operand by operand or whole what named them. */
static void cut_range(segment *s, int from, int to)
{
    bool gone[INSTRUCTIONS] = {false};
    int place[INSTRUCTIONS], count = 0;
    for (int k = from; k <= to; k++) gone[k] = true;
    while (follow(s, gone)) continue;
    for (int k = 0; k < s->count; k++) {
        instruction i = s->item[k];
        int kept = 0;
        if (gone[k]) continue;
        for (int a = 0; a < i.count; a++)
            if (!gone[i.operand[a]]) i.operand[kept++] = place[i.operand[a]];
        i.count = kept;
        place[k] = count;
        s->item[count++] = i;
    }
    s->count = count;
}

static void cut(segment *s, int number)
{
    cut_range(s, number, number);
}

static bool drop_instructions(recipe *r)
{
    bool changed = false;
    for (int part = 0; part < r->segment_count; part++)
        for (int k = r->part[part].count; k-- > 0;) {
            recipe smaller = *r;
            if (k >= r->part[part].count) continue; /* went with another one */
            cut(&smaller.part[part], k);
            changed |= take(r, &smaller);
        }
    return changed;
}

/* ---- regions ---- */

/* The function of a checkpoint is called as such. */
static bool take_out_of_checkpoint(recipe *r, int part, int begin)
{
    recipe smaller = *r;
    segment *s = &smaller.part[part];
    int end = region_end(s, begin), result = s->item[end].operand[1];
    for (int k = end + 1; k < s->count; k++)
        for (int a = 0; a < s->item[k].count; a++)
            if (s->item[k].operand[a] == end) s->item[k].operand[a] = result;
    cut(s, end);
    return take(r, &smaller);
}

/* All of it, and what names something in it. */
static bool drop_region(recipe *r, int part, int begin)
{
    recipe smaller = *r;
    cut_range(&smaller.part[part], begin, region_end(&r->part[part], begin));
    return take(r, &smaller);
}

static bool try_number(recipe *r, int64_t *number, int64_t simpler)
{
    recipe smaller = *r;
    if (*number == simpler) return false;
    *(int64_t *)((char *)&smaller + ((char *)number - (char *)r)) = simpler;
    return take(r, &smaller);
}

/* One chunk, forwards, without a mask, with fewer outputs. */
static bool simplify_scan(recipe *r, int part, int begin)
{
    instruction *i = &r->part[part].item[begin], *end = &r->part[part].item[region_end(&r->part[part], begin)];
    bool changed = try_number(r, &i->integer[BODY_CHUNK], 0);
    changed |= try_number(r, &i->integer[BODY_REVERSE], 0);
    if (i->integer[BODY_MASKED]) {
        recipe smaller = *r;
        instruction *other = &smaller.part[part].item[begin];
        other->integer[BODY_MASKED] = 0;
        other->count--;
        changed |= take(r, &smaller);
    }
    if (scan_outputs(i, end) > 0) {
        recipe smaller = *r;
        smaller.part[part].item[region_end(&r->part[part], begin)].count--;
        changed |= take(r, &smaller);
    }
    return changed;
}

static bool simplify_regions(recipe *r)
{
    bool changed = false;
    for (int part = 0; part < r->segment_count; part++)
        for (int k = r->part[part].count; k-- > 0;) {
            if (k >= r->part[part].count || !begins_region(r->part[part].item[k].kind)) continue;
            if (drop_region(r, part, k))
                changed = true;
            else if (r->part[part].item[k].kind == CHECKPOINT)
                changed |= take_out_of_checkpoint(r, part, k);
            else
                changed |= simplify_scan(r, part, k);
        }
    return changed;
}

/* ---- steps and segments ---- */

static bool drop_steps(recipe *r)
{
    bool changed = false;
    for (int step = r->step_count; step-- > 0 && r->step_count > 1;) {
        recipe smaller = *r;
        smaller.step_count--;
        memmove(&smaller.turn[step], &smaller.turn[step + 1],
                (size_t)(smaller.step_count - step) * sizeof *smaller.turn);
        changed |= take(r, &smaller);
    }
    return changed;
}

static bool drop_segment(recipe *r)
{
    recipe smaller = *r;
    for (int step = 0; step < r->step_count; step++)
        if (r->turn[step]) return false;
    if (r->segment_count == 1) return false;
    smaller.segment_count = 1;
    return take(r, &smaller);
}

static bool drop_lasting(recipe *r)
{
    recipe smaller = *r;
    int last = r->lasting_count - 1;
    if (last < 0) return false;
    smaller.lasting_count = last;
    for (int part = 0; part < r->segment_count; part++)
        for (int k = smaller.part[part].count; k-- > 0;) {
            const instruction *i = &smaller.part[part].item[k];
            if ((i->kind == HANDLE || i->kind == ASSIGN) && i->integer[0] == last) cut(&smaller.part[part], k);
            if (k > smaller.part[part].count) k = smaller.part[part].count;
        }
    return take(r, &smaller);
}

/* ---- operands ---- */

/* Types and shapes of all tensors of a segment, as the library says. */
static void measure(const recipe *r, int part, wg_type *type, wg_shape *shape)
{
    trace nothing = {0};
    machine m = {.out = &nothing, .timeless = true};
    machine_open(&m, r, &(wg_context_options){.plain = true});
    machine_begin(&m, part, 0);
    machine_perform(&m, 0, r->part[part].count);
    for (int k = 0; k < r->part[part].count; k++) {
        instruction_kind kind = r->part[part].item[k].kind;
        if (begins_region(kind) || ends_region(kind)) continue;
        type[k] = wg_type_of(m.slot[k][0]);
        shape[k] = wg_shape_of(m.slot[k][0]);
    }
    machine_end(&m);
    machine_close(&m);
    trace_free(&nothing);
}

/* A leaf in the place of each instruction: what it was computed from may then be dropped. */
static bool replace_by_leaves(recipe *r)
{
    bool changed = false;
    for (int part = 0; part < r->segment_count; part++) {
        wg_type type[INSTRUCTIONS] = {WG_DEFAULT};
        wg_shape shape[INSTRUCTIONS];
        measure(r, part, type, shape);
        for (int k = r->part[part].count; k-- > 0;) {
            recipe smaller = *r;
            instruction *i = &smaller.part[part].item[k];
            if (type[k] == WG_DEFAULT || i->kind == LEAF || i->kind == BORROW || i->kind == ASSIGN || i->kind == READ ||
                i->kind == EVAL)
                continue;
            bool copied = type[k] == r->type || (type[k] != WG_F32 && type[k] != WG_F64);
            *i = (instruction){.kind = copied ? LEAF : BORROW,
                               .type = type[k],
                               .shape = shape[k],
                               .integer = {0, 1},
                               .values = (uint64_t)k + 1};
            changed |= take(r, &smaller);
        }
    }
    return changed;
}

/* ---- numbers ---- */

static void replace_length(wg_shape *shape, int64_t from, int64_t to)
{
    for (int k = 0; k < shape->rank; k++)
        if (shape->dim[k] == from) shape->dim[k] = to;
}

/* One length of axes shorter wherever it is written. */
static void replace_lengths(recipe *r, int64_t from, int64_t to)
{
    for (int k = 0; k < r->lasting_count; k++) replace_length(&r->item[k].shape, from, to);
    for (int part = 0; part < r->segment_count; part++)
        for (int k = 0; k < r->part[part].count; k++) {
            instruction *i = &r->part[part].item[k];
            replace_length(&i->shape, from, to);
            if (i->kind == SLICE && i->integer[2] == from) i->integer[2] = to;
            if ((i->kind == SCATTER || i->kind == ALONG) && i->integer[1] == from) i->integer[1] = to;
            if (i->kind == FOLD && i->integer[3] == from) i->integer[3] = to;
            if (i->kind == SCAN && i->integer[BODY_STEPS] == from) i->integer[BODY_STEPS] = to;
        }
}

static bool shorten_axes(recipe *r)
{
    bool changed = false;
    for (int part = 0; part < r->segment_count; part++)
        for (int k = 0; k < r->part[part].count; k++)
            for (int axis = 0; axis < r->part[part].item[k].shape.rank; axis++) {
                int64_t from = r->part[part].item[k].shape.dim[axis];
                const int64_t shorter[] = {1, 2, 3, from / 2, from - 1};
                for (size_t n = 0; n < sizeof shorter / sizeof *shorter; n++) {
                    recipe smaller = *r;
                    if (shorter[n] >= from || shorter[n] < 1) continue;
                    replace_lengths(&smaller, from, shorter[n]);
                    if (!take(r, &smaller)) continue;
                    changed = true;
                    break;
                }
            }
    return changed;
}

/* Calm values that stay the same. */
static bool calm_values(recipe *r)
{
    bool changed = false;
    for (int part = 0; part < r->segment_count; part++)
        for (int k = 0; k < r->part[part].count; k++) {
            recipe smaller = *r;
            instruction *i = &smaller.part[part].item[k];
            if (!i->varies && i->style == CALM) continue;
            i->varies = false;
            i->style = CALM;
            changed |= take(r, &smaller);
        }
    return changed;
}

void shrink_recipe(recipe *r, int threads)
{
    bool changed = true;
    thread_count = threads;
    for (int round = 0; changed && round < 6; round++) {
        changed = drop_steps(r);
        changed |= drop_segment(r);
        changed |= simplify_regions(r);
        changed |= drop_instructions(r);
        changed |= drop_lasting(r);
        changed |= replace_by_leaves(r);
        changed |= shorten_axes(r);
        changed |= calm_values(r);
    }
}
