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

static bool names(const instruction *i, int number)
{
    for (int k = 0; k < i->count; k++)
        if (i->operand[k] == number) return true;
    return false;
}

/* Takes out an instruction, and operand by operand or whole what named it. */
static void cut(segment *s, int number)
{
    for (int k = number + 1; k < s->count; k++) {
        instruction *i = &s->item[k];
        bool list = i->kind == EVAL || i->kind == CONCAT;
        int kept = 0;
        for (int a = 0; a < i->count && list; a++)
            if (i->operand[a] != number) i->operand[kept++] = i->operand[a];
        if (list) i->count = kept;
        if (names(i, number) || (list && kept == 0)) cut(s, k--);
    }
    s->count--;
    memmove(&s->item[number], &s->item[number + 1], (size_t)(s->count - number) * sizeof *s->item);
    for (int k = number; k < s->count; k++)
        for (int a = 0; a < s->item[k].count; a++) s->item[k].operand[a] -= s->item[k].operand[a] > number;
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
    for (int k = 0; k < r->part[part].count && machine_do(&m, k); k++) {
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
        changed |= drop_instructions(r);
        changed |= drop_lasting(r);
        changed |= replace_by_leaves(r);
        changed |= shorten_axes(r);
        changed |= calm_values(r);
    }
}
