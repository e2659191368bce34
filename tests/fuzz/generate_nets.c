/* Instructions in groups: parts of networks, gradients, updates of parameters, reads. */
#include "tests/fuzz/generate.h"

/* ---- parts of networks ---- */

void propose_layer_norm(generator *g)
{
    int x = pick_operand(g, ANY_FLOAT, 1);
    if (x < 0) return;
    wg_shape shape = g->slot[x].shape, row = WG_SHAPE(shape.dim[shape.rank - 1]);
    wg_type type = g->slot[x].type;
    int away = emit_call(g, PAIR, "sub", x, emit_axes(g, "mean", x, WG_KEEP(-1)));
    int spread = emit_axes(g, "mean", emit_call(g, ELEMENT, "square", away, -1), WG_KEEP(-1));
    int scale = emit_call(g, ELEMENT, "rsqrt", emit_scalar(g, "add_scalar", spread, 1e-5), -1);
    int y = scale < 0 ? -1 : emit_call(g, PAIR, "mul", away, scale);
    if (y >= 0) y = emit_call(g, PAIR, "mul", y, pick_like(g, type, row));
    if (y >= 0) emit_call(g, PAIR, "add", y, pick_like(g, type, row));
}

static int slice_of(generator *g, int x, int64_t start, int64_t stop)
{
    return emit(g, (instruction){.kind = SLICE, .count = 1, .operand = {x}, .integer = {-1, start, stop, 1}});
}

/* c' = f c + i g, h' = o tanh(c'): the gates are slices of one product. */
void propose_cell(generator *g)
{
    int x = pick_operand(g, 1u << g->made->type, 2);
    if (x < 0) return;
    wg_shape shape = g->slot[x].shape;
    int64_t width = 1 + chance_below(&g->chance, 5), inputs = shape.dim[shape.rank - 1];
    int weight = pick_like(g, g->made->type, WG_SHAPE(4 * width, inputs));
    int bias = pick_like(g, g->made->type, WG_SHAPE(4 * width));
    int all = emit(g, (instruction){.kind = LINEAR, .count = 3, .operand = {x, weight, bias}}), gate[4];
    for (int k = 0; k < 4; k++) {
        gate[k] = slice_of(g, all, k * width, (k + 1) * width);
        gate[k] = emit_call(g, ELEMENT, k == 2 ? "tanh" : "sigmoid", gate[k], -1);
        if (gate[k] < 0) return;
    }
    int cell = pick_like(g, g->made->type, g->slot[gate[0]].shape);
    if (cell < 0) return;
    int kept = emit_call(g, ELEMENT, "mul", gate[1], cell), added = emit_call(g, ELEMENT, "mul", gate[0], gate[2]);
    if (kept < 0 || added < 0) return;
    int next = emit_call(g, ELEMENT, "tanh", emit_call(g, ELEMENT, "add", kept, added), -1);
    if (next >= 0) emit_call(g, ELEMENT, "mul", gate[3], next);
}

/* ---- gradients ---- */

/* One number that depends on all elements of x. */
static int scalar_of(generator *g, int x)
{
    if (chance_of(&g->chance, 0.5)) {
        int weight = pick_like(g, g->slot[x].type, g->slot[x].shape);
        if (weight >= 0) x = emit_call(g, ELEMENT, "mul", x, weight);
    }
    return emit_axes(g, chance_of(&g->chance, 0.6) ? "sum" : "mean", x, WG_ALL);
}

static int gradient_of(generator *g, int y, const int *xs, int count)
{
    instruction i = {.kind = GRADIENTS, .count = count + 1, .operand = {y}};
    for (int k = 0; k < count; k++) i.operand[k + 1] = xs[k];
    return emit(g, i);
}

static int part_of(generator *g, int gradients, int k)
{
    return emit(g, (instruction){.kind = PART, .count = 1, .operand = {gradients}, .integer = {k}});
}

int emit_gradients(generator *g, int y, const int *xs, int count)
{
    int leading[PARTS], found = 0, sum = scalar_of(g, y);
    for (int k = 0; sum >= 0 && k < count && found < PARTS; k++)
        if (wg_depends_on(g->dry.slot[sum][0], g->dry.slot[xs[k]][0])) leading[found++] = xs[k];
    int all = found ? gradient_of(g, sum, leading, found) : -1, part[PARTS] = {-1};
    for (int k = 0; all >= 0 && k < found; k++) part[k] = part_of(g, all, k);
    if (all >= 0 && chance_of(&g->chance, 0.5)) emit_look(g, part, found);
    return part[0];
}

void propose_gradients(generator *g)
{
    int x = pick(g, ANY_FLOAT, 0), xs[PARTS], count = 0, wanted = 1 + chance_below(&g->chance, PARTS);
    int y = x < 0 ? -1 : scalar_of(g, x);
    for (int tries = 0; y >= 0 && tries < 12 && count < wanted; tries++) {
        int k = pick(g, ANY_FLOAT, 0);
        if (k < 0) return;
        bool leads = wg_depends_on(g->dry.slot[y][0], g->dry.slot[k][0]);
        if (leads || chance_of(&g->chance, 0.05)) xs[count++] = k;
    }
    int all = count ? gradient_of(g, y, xs, count) : -1;
    for (int k = 0; all >= 0 && k < count; k++) part_of(g, all, k);
}

/* ---- updates ---- */

static int handle_of(generator *g, int number)
{
    return emit(g, (instruction){.kind = HANDLE, .integer = {number}});
}

int emit_assign(generator *g, int number, int value)
{
    return emit(g, (instruction){.kind = ASSIGN, .count = 1, .operand = {value}, .integer = {number}});
}

void propose_assign(generator *g)
{
    if (g->made->lasting_count == 0) return;
    int p = chance_below(&g->chance, g->made->lasting_count);
    wg_type type = g->made->item[p].type;
    wg_shape shape = g->made->item[p].shape;
    int value = -1;
    for (int tries = 0; value < 0 && tries < 3 && chance_of(&g->chance, 0.7); tries++) {
        int k = pick_like(g, type, shape);
        if (k >= 0 && g->slot[k].reads) value = k;
    }
    if (value < 0 && 1u << type & ANY_NUMBER) { /* its own next value */
        int own = handle_of(g, p);
        value = emit_scalar(g, "mul_scalar", own, 1u << type & ANY_FLOAT ? 0.5 : 2);
        if (value >= 0) g->part->item[value].varies = false;
        if (value >= 0 && chance_of(&g->chance, 0.7))
            value = emit_call(g, PAIR, "add", value, pick_like(g, type, shape));
    }
    if (value < 0) value = pick_like(g, type, shape);
    if (value >= 0) emit_assign(g, p, value);
}

void propose_swap(generator *g)
{
    if (g->made->lasting_count < 2) return;
    int a = handle_of(g, 0), b = handle_of(g, 1);
    if (a < 0 || b < 0 || !wg_shape_equal(g->slot[a].shape, g->slot[b].shape)) return;
    int was = emit_call(g, UNARY, "stop_gradient", a, -1);
    if (g->slot[a].type == g->slot[b].type && was >= 0 && emit_assign(g, 0, b) >= 0) emit_assign(g, 1, was);
}

/* old * keep + new * (1 - keep) */
static int average(generator *g, int old, int fresh, double keep)
{
    int a = emit_scalar(g, "mul_scalar", old, keep), b = emit_scalar(g, "mul_scalar", fresh, 1 - keep);
    if (a < 0 || b < 0) return -1;
    g->part->item[a].varies = g->part->item[b].varies = false;
    return emit_call(g, PAIR, "add", a, b);
}

/* Adam's update of lasting tensor 0 with 1 and 2 as its state. */
void propose_adam(generator *g)
{
    const lasting *p = g->made->item;
    if (g->made->lasting_count < 3) return;
    for (int k = 0; k < 3; k++)
        if (p[k].type != g->made->type || !wg_shape_equal(p[k].shape, p[0].shape)) return;
    int w = handle_of(g, 0), m = handle_of(g, 1), v = handle_of(g, 2);
    if (w < 0 || m < 0 || v < 0) return;
    int bent = emit_call(g, ELEMENT, "tanh", w, -1), y = bent < 0 ? -1 : scalar_of(g, bent);
    int slope = y < 0 ? -1 : gradient_of(g, y, &w, 1);
    if (slope < 0 || (slope = part_of(g, slope, 0)) < 0) return;
    int first = average(g, m, slope, 0.9), second = average(g, v, emit_call(g, ELEMENT, "square", slope, -1), 0.99);
    if (first < 0 || second < 0 || emit_assign(g, 1, first) < 0 || emit_assign(g, 2, second) < 0) return;
    int size = emit_call(g, ELEMENT, "sqrt", emit_call(g, ELEMENT, "abs", second, -1), -1);
    size = emit_scalar(g, "add_scalar", size, 1e-3);
    int move = size < 0 ? -1 : emit_call(g, PAIR, "div", emit_scalar(g, "mul_scalar", first, 0.01), size);
    if (move < 0) return;
    int next = emit_call(g, PAIR, "sub", w, move);
    if (next >= 0) emit_assign(g, 0, next);
}

/* ---- looking ---- */

void emit_look(generator *g, const int *list, int count)
{
    instruction i = {.kind = EVAL};
    for (int k = 0; k < count && i.count < OPERANDS; k++)
        if (list[k] >= 0 && g->slot[list[k]].tensor) i.operand[i.count++] = list[k];
    if (i.count == 0) return;
    if (i.count == 1) i.kind = READ;
    emit(g, i);
}

static void look(generator *g, int most)
{
    int list[OPERANDS], count = 1 + chance_below(&g->chance, most);
    for (int k = 0; k < count; k++) list[k] = pick(g, ANY_TYPE | 1 << WG_U8, 0);
    emit_look(g, list, count);
}

void propose_look(generator *g)
{
    look(g, chance_of(&g->chance, 0.5) ? 1 : 5);
}

void propose_mark(generator *g)
{
    if (g->mark < 0)
        g->mark = emit(g, (instruction){.kind = MARK});
    else if (emit(g, (instruction){.kind = REWIND, .count = 1, .operand = {g->mark}}) >= 0)
        g->mark = -1;
}

void finish_segment(generator *g)
{
    if (chance_of(&g->chance, 0.05)) return; /* wg_clear alone performs the assigns */
    int count = 1 + chance_below(&g->chance, 3);
    for (int k = 0; k < count; k++) look(g, OPERANDS);
}
