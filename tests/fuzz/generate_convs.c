/* Convolutions and their adjoints, and what follows them in networks. */
#include "tests/fuzz/generate.h"

/* The lengths of one axis, which fit. */
typedef struct {
    int64_t x, y, w;
} conv_lengths;

/* How windows lie along one axis: windows may be longer than what they look at, or see only padding. */
static conv_lengths choose_axis(generator *g, wg_conv_window *window, int axis, int64_t longest)
{
    conv_lengths l = {.x = 1 + chance_below(&g->chance, (int)longest), .w = 1 + chance_below(&g->chance, 4)};
    int64_t stride = 1 + (chance_of(&g->chance, 0.5) ? chance_below(&g->chance, 3) : 0);
    int64_t dilation = 1 + (chance_of(&g->chance, 0.3) ? chance_below(&g->chance, 2) : 0);
    int64_t low = chance_below(&g->chance, 3), high = chance_below(&g->chance, 3), span = dilation * (l.w - 1) + 1;
    if (chance_of(&g->chance, 0.1)) low += span;
    if (l.x + low + high < span) high = span - l.x - low;
    window->stride[axis] = stride;
    window->dilation[axis] = dilation;
    l.y = window->same ? (l.x + stride - 1) / stride : (l.x + low + high - span) / stride + 1;
    if (!window->same) {
        window->low[axis] = low;
        window->high[axis] = high;
    }
    return l;
}

/* The shapes of the three tensors that belong together. */
typedef struct {
    int axes;
    wg_conv_window window;
    wg_shape x, y, w;
} conv_shapes;

static conv_shapes choose_shapes(generator *g)
{
    conv_shapes s = {.axes = 1 + chance_below(&g->chance, 3)};
    int64_t groups = chance_of(&g->chance, 0.3) ? 2 : 1, batch = 1 + chance_below(&g->chance, 3);
    int64_t inputs = 1 + chance_below(&g->chance, 3), outputs = 1 + chance_below(&g->chance, 4);
    static const int64_t longest[] = {0, 12, 8, 4};
    if (chance_of(&g->chance, 0.03)) batch = 0;
    s.window.groups = groups;
    s.window.same = chance_of(&g->chance, 0.25);
    s.x.rank = s.y.rank = s.w.rank = 2 + s.axes;
    s.x.dim[0] = s.y.dim[0] = batch;
    s.x.dim[1] = groups * inputs;
    s.w.dim[0] = s.y.dim[1] = groups * outputs;
    s.w.dim[1] = inputs;
    for (int k = 0; k < s.axes; k++) {
        conv_lengths l = choose_axis(g, &s.window, k, longest[s.axes]);
        s.x.dim[2 + k] = l.x;
        s.y.dim[2 + k] = l.y;
        s.w.dim[2 + k] = l.w;
    }
    return s;
}

static wg_shape spatial(const wg_shape *shape)
{
    wg_shape inner = {.rank = shape->rank - 2};
    for (int k = 0; k < inner.rank; k++) inner.dim[k] = shape->dim[2 + k];
    return inner;
}

/* Something computed, often: its producer may then be a neighbour. */
static int operand_of(generator *g, wg_type type, wg_shape shape)
{
    static const char *const names[] = {"tanh", "abs", "neg"};
    int x = pick_like(g, type, shape);
    return x >= 0 && chance_of(&g->chance, 0.3) ? emit_call(g, ELEMENT, names[chance_below(&g->chance, 3)], x, -1) : x;
}

/* One of the three, of a and b. */
static int emit_conv(generator *g, const conv_shapes *s, int which, int *a, int *b)
{
    wg_type type = random_type(g, ANY_FLOAT);
    const wg_shape *first = which == 1 ? &s->y : &s->x, *second = which == 2 ? &s->y : &s->w;
    instruction i = {.kind = CONV, .name = function_at(CONV, which)->name, .count = 2, .window = s->window};
    *a = operand_of(g, type, *first);
    *b = operand_of(g, type, *second);
    i.operand[0] = *a;
    i.operand[1] = *b;
    if (which == 1 && chance_of(&g->chance, 0.7)) i.shape = spatial(&s->x);
    if (which == 2) i.shape = spatial(&s->w);
    return emit(g, i);
}

/* A bias, a bend, a pool, or a sum. */
static int followed(generator *g, int y)
{
    static const char *const bends[] = {"tanh", "relu", "sigmoid"};
    wg_shape shape = g->slot[y].shape, bias = {.rank = shape.rank - 1};
    bias.dim[0] = shape.dim[1];
    for (int k = 1; k < bias.rank; k++) bias.dim[k] = 1;
    if (chance_of(&g->chance, 0.5)) y = emit_call(g, PAIR, "add", y, pick_like(g, g->slot[y].type, bias));
    int which = chance_below(&g->chance, 3);
    if (y >= 0 && chance_of(&g->chance, 0.6)) y = emit_call(g, which == 1 ? UNARY : ELEMENT, bends[which], y, -1);
    if (y >= 0 && chance_of(&g->chance, 0.3)) {
        const char *name = chance_of(&g->chance, 0.5) ? "max_pool" : "average_pool";
        int pooled = emit(g, (instruction){.kind = POOL, .name = name, .count = 1, .operand = {y}, .integer = {2, 2}});
        y = pooled < 0 ? y : pooled;
    } else if (y >= 0 && chance_of(&g->chance, 0.2)) {
        y = emit_axes(g, "sum", y, WG_AXES(1));
    }
    return y;
}

void propose_conv(generator *g)
{
    conv_shapes s = choose_shapes(g);
    int a, b, y = emit_conv(g, &s, chance_of(&g->chance, 0.6) ? 0 : 1 + chance_below(&g->chance, 2), &a, &b);
    if (y >= 0 && chance_of(&g->chance, 0.7)) y = followed(g, y);
    if (y < 0) return;
    int slope = chance_of(&g->chance, 0.6) ? emit_gradients(g, y, (const int[]){a, b}, 2) : -1;
    if (slope >= 0 && chance_of(&g->chance, 0.3)) /* and the gradient's gradients */
        emit_gradients(g, slope, (const int[]){a, b}, 2);
    if (chance_of(&g->chance, 0.6)) emit_look(g, &y, 1);
}
