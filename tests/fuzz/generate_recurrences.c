/* Matrix products that share operands: recurrences, unrolled; heads of one layer; sums of products over time. */
#include "tests/fuzz/generate.h"

enum { MOST_TURNS = 7 };

static int product_of(generator *g, int a, bool transpose_a, int b, bool transpose_b)
{
    return emit(g,
                (instruction){.kind = PRODUCT, .count = 2, .operand = {a, b}, .integer = {transpose_a, transpose_b}});
}

static int slice_of(generator *g, int x, int axis, int64_t start, int64_t stop)
{
    return emit(g, (instruction){.kind = SLICE, .count = 1, .operand = {x}, .integer = {axis, start, stop, 1}});
}

static int joined(generator *g, const int *list, int count, int axis)
{
    instruction i = {.kind = CONCAT, .count = count, .integer = {axis}};
    for (int k = 0; k < count; k++) i.operand[k] = list[k];
    return emit(g, i);
}

/* A matrix, as it is or transposed. */
static int matrix(generator *g, int64_t rows, int64_t columns, bool transposed)
{
    return pick_like(g, g->made->type, transposed ? WG_SHAPE(columns, rows) : WG_SHAPE(rows, columns));
}

static int64_t small_or_not(generator *g)
{
    return chance_of(&g->chance, 0.8) ? 1 + chance_below(&g->chance, 7) : 8 + chance_below(&g->chance, 26);
}

/* The inputs of all turns: parts of one tensor, along time in front or as rows, or tensors of their own. */
static bool inputs_of(generator *g, int turns, int64_t rows, int64_t columns, int *input)
{
    int way = chance_below(&g->chance, 4), all = -1;
    wg_type type = g->made->type;
    if (way < 2) all = pick_like(g, type, WG_SHAPE(turns * rows, columns));
    if (way == 2) all = pick_like(g, type, WG_SHAPE(turns, rows, columns));
    for (int t = 0; t < turns; t++) {
        input[t] = way == 3   ? emit_leaf(g, type, WG_SHAPE(rows, columns))
                   : way == 2 ? slice_of(g, all, 0, t, t + 1)
                              : slice_of(g, all, 0, t * rows, (t + 1) * rows);
        if (way == 2)
            input[t] = emit(g, (instruction){.kind = SHAPED,
                                             .name = "reshape",
                                             .count = 1,
                                             .operand = {input[t]},
                                             .shape = WG_SHAPE(rows, columns)});
        if (input[t] < 0) return false;
    }
    return true;
}

/* h = tanh(x W + h U + b), turn after turn. */
void propose_recurrence(generator *g)
{
    static const char *const bends[] = {"tanh", "tanh", "sigmoid", "abs"};
    int turns = 3 + chance_below(&g->chance, MOST_TURNS - 2), input[MOST_TURNS], state[MOST_TURNS];
    int64_t rows = 1 + chance_below(&g->chance, 4), columns = small_or_not(g), width = small_or_not(g);
    bool turned = chance_of(&g->chance, 0.5);
    const char *bend = bends[chance_below(&g->chance, 4)];
    if (!inputs_of(g, turns, rows, columns, input)) return;
    int w = matrix(g, columns, width, turned), u = matrix(g, width, width, turned);
    int bias = chance_of(&g->chance, 0.5) ? pick_like(g, g->made->type, WG_SHAPE(width)) : -1;
    int h = pick_like(g, g->made->type, WG_SHAPE(rows, width));
    if (w < 0 || u < 0 || h < 0) return;
    for (int t = 0; t < turns; t++) {
        int a = product_of(g, input[t], false, w, turned), b = product_of(g, h, false, u, turned);
        if (a < 0 || b < 0) return;
        int sum = emit_call(g, ELEMENT, "add", a, b);
        if (sum >= 0 && bias >= 0) sum = emit_call(g, PAIR, "add", sum, bias);
        h = state[t] = sum < 0 ? -1 : emit_call(g, ELEMENT, bend, sum, -1);
        if (h < 0) return;
    }
    int out = chance_of(&g->chance, 0.6) ? joined(g, state, turns, chance_below(&g->chance, 2)) : h;
    if (out < 0) return;
    if (chance_of(&g->chance, 0.7)) emit_gradients(g, out, (const int[]){w, u, input[0], bias}, bias < 0 ? 3 : 4);
    if (chance_of(&g->chance, 0.7)) emit_look(g, &out, 1);
}

/* Several left operands, of one tensor or not, times one matrix; or one tensor times several: joined or not. */
void propose_shared_products(generator *g)
{
    int count = chance_of(&g->chance, 0.7) ? 4 + chance_below(&g->chance, 4) : 2, part[MOST_TURNS], one = -1;
    int64_t inner = small_or_not(g), columns = small_or_not(g), rows[MOST_TURNS], at = 0;
    bool left = chance_of(&g->chance, 0.25), turn_a = chance_of(&g->chance, 0.15), turn_b = chance_of(&g->chance, 0.4);
    bool bends = chance_of(&g->chance, 0.3), even = chance_of(&g->chance, 0.6),
         slices = !left && chance_of(&g->chance, 0.7);
    for (int k = 0; k < count; k++) at += rows[k] = even && k ? rows[0] : 1 + chance_below(&g->chance, 6);
    int whole = slices ? matrix(g, at, inner, turn_a) : -1;
    one = left ? matrix(g, rows[0], inner, turn_a) : matrix(g, inner, columns, turn_b);
    at = 0;
    for (int k = 0; k < count; k++) {
        int a = left ? one : slices ? slice_of(g, whole, turn_a, at, at + rows[k]) : matrix(g, rows[k], inner, turn_a);
        int b = left ? matrix(g, inner, columns, turn_b) : one;
        at += rows[k];
        part[k] = a < 0 || b < 0 ? -1 : product_of(g, a, turn_a, b, turn_b);
        if (part[k] >= 0 && bends) part[k] = emit_call(g, ELEMENT, "tanh", part[k], -1);
        if (part[k] < 0) return;
    }
    int out = chance_of(&g->chance, 0.75) ? joined(g, part, count, left) : -1;
    if (out >= 0 && chance_of(&g->chance, 0.4)) emit_gradients(g, out, &one, 1);
    if (!chance_of(&g->chance, 0.8)) return;
    if (out >= 0)
        emit_look(g, &out, 1);
    else
        emit_look(g, part, count);
}

/* The gradient of a weight, written out: a sum over time of transposed inputs times slopes; of a bias: of slopes. */
void propose_sum_over_time(generator *g)
{
    int turns = 2 + chance_below(&g->chance, MOST_TURNS - 1), a[MOST_TURNS], b[MOST_TURNS], sum = -1;
    int64_t rows = small_or_not(g), left = small_or_not(g), right = small_or_not(g);
    if (!inputs_of(g, turns, rows, left, a) || !inputs_of(g, turns, rows, right, b)) return;
    bool backwards = chance_of(&g->chance, 0.5), bias = chance_of(&g->chance, 0.4);
    for (int k = 0; k < turns; k++) {
        int t = backwards ? turns - 1 - k : k;
        int term = bias ? emit_axes(g, "sum", b[t], WG_AXES(0)) : product_of(g, a[t], true, b[t], false);
        sum = term < 0 ? -1 : sum < 0 ? term : emit_call(g, ELEMENT, "add", sum, term);
        if (sum < 0) return;
    }
    if (chance_of(&g->chance, 0.8)) emit_look(g, &sum, 1);
}
