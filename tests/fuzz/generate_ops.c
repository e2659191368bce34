/* Instructions that compute: element-wise rows, reductions, products, everyday functions. */
#include "tests/fuzz/generate.h"

#include <stdio.h>
#include <string.h>

/* ---- element-wise ---- */

static unsigned accepted_types(const wg_op *row)
{
    unsigned types = 0;
    for (int type = WG_F32; type < WG_TYPES; type++)
        if (row->kernel[type]) types |= 1u << type;
    return types;
}

static const wg_op *random_row(generator *g, int arity)
{
    for (;;) {
        const wg_op *row = wg_op_at((size_t)chance_below(&g->chance, (int)wg_op_count()));
        if (row->elementwise && row->arity == arity) return row;
    }
}

/* Brings an operand into the row's domain, mostly: else NaN would soon be everywhere. */
static int tamed(generator *g, const wg_op *row, int x)
{
    bool narrow = row->numerics.low > -3 || row->numerics.high < 3;
    if (x < 0 || !(1u << g->slot[x].type & ANY_FLOAT) || !chance_of(&g->chance, narrow ? 0.6 : 0.15)) return x;
    int above = emit_scalar(g, "maximum_scalar", x, row->numerics.low);
    if (above >= 0) g->part->item[above].varies = false;
    int inside = emit_scalar(g, "minimum_scalar", above, row->numerics.high);
    if (inside >= 0) g->part->item[inside].varies = false;
    return inside;
}

void propose_unary_row(generator *g)
{
    const wg_op *row = random_row(g, 1);
    int x = tamed(g, row, pick_operand(g, accepted_types(row), 0));
    emit_call(g, ELEMENT, row->name, x, -1);
}

/* A shape that broadcasts to the given one. */
static wg_shape narrower(generator *g, wg_shape shape)
{
    wg_shape out = {0};
    int dropped = chance_of(&g->chance, 0.4) ? chance_below(&g->chance, shape.rank + 1) : 0;
    for (int k = dropped; k < shape.rank; k++) out.dim[out.rank++] = chance_of(&g->chance, 0.3) ? 1 : shape.dim[k];
    return out;
}

static bool is_listed(instruction_kind kind, const char *name)
{
    for (int k = 0; k < function_count(kind); k++)
        if (strcmp(function_at(kind, k)->name, name) == 0) return true;
    return false;
}

void propose_binary_row(generator *g)
{
    const wg_op *row = random_row(g, 2);
    int a = pick_operand(g, accepted_types(row), 0), b;
    if (a < 0) return;
    wg_type type = g->slot[a].type;
    wg_shape shape = g->slot[a].shape;
    bool broadcast = is_listed(PAIR, row->name) && chance_of(&g->chance, 0.5);
    if (broadcast && chance_of(&g->chance, 0.5))
        b = pick(g, 1u << type, 0); /* it may fit or not */
    else
        b = pick_like(g, type, broadcast ? narrower(g, shape) : shape);
    if (!broadcast && chance_of(&g->chance, 0.05)) b = pick_like(g, type, WG_SCALAR); /* serves all elements */
    a = tamed(g, row, a);
    b = tamed(g, row, b);
    if (chance_of(&g->chance, 0.3)) {
        int other = a;
        a = b;
        b = other;
    }
    if (a >= 0 && b >= 0) emit_call(g, broadcast ? PAIR : ELEMENT, row->name, a, b);
}

void propose_scalar_form(generator *g)
{
    static const double numbers[] = {0, 1, 2, 3, -1, 0.5, 0.1, 1.5, -0.0};
    instruction_kind kind = chance_of(&g->chance, 0.7) ? SCALAR : LEFT;
    const char *name = function_at(kind, chance_below(&g->chance, function_count(kind)))->name;
    int x = pick_operand(g, ANY_NUMBER, 0);
    if (x < 0) return;
    bool whole = 1u << g->slot[x].type & ANY_WHOLE, dropout = strcmp(name, "dropout") == 0;
    instruction i = {.kind = kind, .name = name, .count = 1, .operand = {x}};
    i.scalar = numbers[chance_below(&g->chance, whole ? 5 : 9)];
    if (dropout) i.scalar = 0.1 * (1 + chance_below(&g->chance, 5));
    i.varies = !dropout && chance_of(&g->chance, 0.5);
    emit(g, i);
}

void propose_function(generator *g)
{
    const char *name = function_at(UNARY, chance_below(&g->chance, function_count(UNARY)))->name;
    emit_call(g, UNARY, name, pick_operand(g, chance_of(&g->chance, 0.9) ? ANY_FLOAT : ANY_TYPE, 0), -1);
}

void propose_cast(generator *g)
{
    static const wg_type types[] = {WG_F32, WG_F64, WG_F64, WG_I32, WG_I64, WG_BOOL, WG_U8};
    int x = pick_operand(g, ANY_TYPE | 1 << WG_U8, 0);
    wg_type type = types[chance_below(&g->chance, sizeof types / sizeof *types)];
    emit(g, (instruction){.kind = CAST, .count = 1, .operand = {x}, .type = type});
}

void propose_where(generator *g)
{
    int a = pick_operand(g, ANY_TYPE, 0);
    if (a < 0) return;
    int condition = chance_of(&g->chance, 0.6) ? pick(g, ANY_BOOL, 0) : -1;
    if (condition < 0) condition = emit_leaf(g, WG_BOOL, narrower(g, g->slot[a].shape));
    int b =
        pick_like(g, g->slot[a].type, chance_of(&g->chance, 0.7) ? g->slot[a].shape : narrower(g, g->slot[a].shape));
    emit(g, (instruction){.kind = WHERE, .count = 3, .operand = {condition, a, b}});
}

/* The same again, so that the planner may compute it once; a number that varies is equal in the first step only. */
void propose_twin(generator *g)
{
    int x = pick(g, ANY_TYPE, 0);
    if (x < 0) return;
    instruction i = g->part->item[x];
    if (i.count == 0 || i.kind == GRADIENTS || i.kind == PART) return;
    if ((i.kind == SCALAR || i.kind == LEFT) && strcmp(i.name, "dropout") != 0) i.varies ^= chance_of(&g->chance, 0.7);
    int y = emit(g, i);
    if (y >= 0 && 1u << g->slot[x].type & ANY_FLOAT) emit_call(g, ELEMENT, "add", x, y);
}

/* One value with two numbers that are equal in the first step only: a plan that has merged the two is for that step. */
void propose_equal_numbers(generator *g)
{
    static const char *const names[] = {"mul_scalar", "add_scalar", "maximum_scalar", "minimum_scalar"};
    int x = pick_operand(g, ANY_FLOAT, 0);
    instruction i = {.kind = SCALAR, .name = names[chance_below(&g->chance, 4)], .count = 1, .operand = {x}};
    i.scalar = 0.5 * (1 + chance_below(&g->chance, 4));
    int a = x < 0 ? -1 : emit(g, i);
    i.varies = true;
    int b = a < 0 ? -1 : emit(g, i);
    int both = b < 0 ? -1 : emit_call(g, ELEMENT, chance_of(&g->chance, 0.5) ? "add" : "mul", a, b);
    if (both >= 0 && chance_of(&g->chance, 0.7)) emit_look(g, &both, 1);
}

/* Signs that the planner may turn round. */
void propose_difference(generator *g)
{
    int a = pick_operand(g, ANY_FLOAT, 0);
    int b = a < 0 ? -1 : emit_call(g, ELEMENT, "neg", pick_like(g, g->slot[a].type, g->slot[a].shape), -1);
    const char *name = chance_of(&g->chance, 0.6) ? "add" : "sub";
    if (b < 0) return;
    if (chance_of(&g->chance, 0.5))
        emit_call(g, ELEMENT, name, a, b);
    else
        emit_call(g, ELEMENT, name, b, a);
}

/* ---- reductions ---- */

static wg_axes random_axes(generator *g, int rank)
{
    wg_axes axes = {.keep = chance_of(&g->chance, 0.5)};
    if (chance_of(&g->chance, 0.3)) axes.count = -1;
    for (int k = 0; axes.count >= 0 && k < rank; k++)
        if (chance_of(&g->chance, 0.5)) axes.axis[axes.count++] = (int8_t)(chance_of(&g->chance, 0.3) ? k - rank : k);
    return axes;
}

static wg_axes random_order(generator *g, int rank)
{
    wg_axes order = {.count = (int8_t)rank};
    for (int k = 0; k < rank; k++) {
        int other = chance_below(&g->chance, k + 1);
        order.axis[k] = order.axis[other];
        order.axis[other] = (int8_t)k;
    }
    return order;
}

void propose_over_axes(generator *g)
{
    const char *name = function_at(AXES, chance_below(&g->chance, function_count(AXES)))->name;
    bool logic = strcmp(name, "any") == 0 || strcmp(name, "all") == 0, permute = strcmp(name, "permute") == 0;
    unsigned types = logic ? ANY_BOOL : permute ? ANY_TYPE : chance_of(&g->chance, 0.85) ? ANY_FLOAT : ANY_TYPE;
    int x = pick_operand(g, types, chance_of(&g->chance, 0.8));
    if (x < 0) return;
    int rank = g->slot[x].shape.rank;
    emit_axes(g, name, x, permute ? random_order(g, rank) : random_axes(g, rank));
}

/* Columns, rows, both, or all: what groups reduce. */
void propose_edge_axes(generator *g)
{
    static const char *const names[] = {"sum", "max", "min"};
    static const wg_axes ends[] = {
        {.count = 1, .axis = {0}}, {.count = 1, .axis = {-1}}, {.count = 2, .axis = {0, -1}}, {.count = -1}};
    bool is_long = g->length[0] > 16000;
    int which = is_long ? 1 : chance_below(&g->chance, 4);
    int x = is_long && chance_of(&g->chance, 0.5) ? emit_leaf(g, g->made->type, WG_SHAPE(g->length[1], g->length[0]))
                                                  : pick_operand(g, ANY_FLOAT, which == 2 ? 3 : 2);
    if (which == 0 && chance_of(&g->chance, 0.5)) /* more rows than one chunk has */
        x = emit_call(g, ELEMENT, "abs", emit_leaf(g, g->made->type, WG_SHAPE(32 + random_length(g), random_length(g))),
                      -1);
    if (x < 0) return;
    wg_axes axes = ends[which];
    axes.keep = chance_of(&g->chance, 0.5);
    int y = emit_axes(g, chance_of(&g->chance, 0.6) ? "sum" : names[chance_below(&g->chance, 3)], x, axes);
    if (y < 0 || chance_of(&g->chance, 0.4)) return;
    y = axes.keep && chance_of(&g->chance, 0.5) ? emit_call(g, PAIR, "sub", x, y) : emit_call(g, ELEMENT, "abs", y, -1);
    if (chance_of(&g->chance, 0.7)) emit_look(g, &y, 1);
}

void propose_along_axis(generator *g)
{
    const char *name = function_at(AXIS, chance_below(&g->chance, function_count(AXIS)))->name;
    int x = pick_operand(g, strstr(name, "softmax") ? ANY_FLOAT : ANY_TYPE, 1);
    if (x < 0) return;
    int rank = g->slot[x].shape.rank, axis = chance_below(&g->chance, 2 * rank) - rank;
    emit(g, (instruction){.kind = AXIS, .name = name, .count = 1, .operand = {x}, .integer = {axis}});
}

/* ---- products ---- */

void propose_product(generator *g)
{
    int a = pick_operand(g, ANY_FLOAT, 1);
    if (a < 0) return;
    wg_shape left = g->slot[a].shape;
    wg_type type = g->slot[a].type;
    bool transpose_a = left.rank > 1 && chance_of(&g->chance, 0.3), transpose_b = chance_of(&g->chance, 0.4);
    int64_t inner = left.dim[left.rank - (transpose_a ? 2 : 1)], columns = random_length(g);
    if (left.rank == 1 || chance_of(&g->chance, 0.2)) {
        wg_shape right =
            chance_of(&g->chance, 0.4) ? WG_SHAPE(left.dim[left.rank - 1]) : WG_SHAPE(left.dim[left.rank - 1], columns);
        emit_call(g, PAIR, "matmul", a, pick_like(g, type, right));
        return;
    }
    wg_shape right = {.rank = left.rank};
    memcpy(right.dim, left.dim, sizeof right.dim);
    right.dim[right.rank - 2] = transpose_b ? columns : inner;
    right.dim[right.rank - 1] = transpose_b ? inner : columns;
    if (chance_of(&g->chance, 0.4)) right = WG_SHAPE(right.dim[right.rank - 2], right.dim[right.rank - 1]);
    for (int k = 0; k < right.rank - 2; k++)
        if (chance_of(&g->chance, 0.2)) right.dim[k] = 1;
    int b = chance_of(&g->chance, 0.15) ? a : pick_like(g, type, right); /* a with itself, transposed once */
    if (b == a) transpose_b = !transpose_a;
    emit(g, (instruction){.kind = PRODUCT, .count = 2, .operand = {a, b}, .integer = {transpose_a, transpose_b}});
}

/* Products that add to one another's memory, as gradients of a weight used twice do. */
void propose_product_sum(generator *g)
{
    int a = pick_operand(g, ANY_FLOAT, 2), sum = -1;
    if (a < 0) return;
    wg_type type = g->slot[a].type;
    wg_shape left = g->slot[a].shape, right = left;
    right.dim[right.rank - 2] = left.dim[left.rank - 1];
    right.dim[right.rank - 1] = random_length(g);
    for (int terms = 2 + chance_below(&g->chance, 3); terms > 0; terms--) {
        int b = pick_like(g, type, right), y = b < 0 ? -1 : emit_call(g, PAIR, "matmul", a, b);
        if (y < 0) return;
        sum = sum < 0 ? y : emit_call(g, ELEMENT, "add", sum, y);
        a = pick_like(g, type, left);
        if (a < 0) return;
    }
}

void propose_linear(generator *g)
{
    int x = pick_operand(g, ANY_FLOAT, 2);
    if (x < 0) return;
    int64_t outputs = random_length(g), inputs = g->slot[x].shape.dim[g->slot[x].shape.rank - 1];
    int weight = pick_like(g, g->slot[x].type, WG_SHAPE(outputs, inputs));
    int bias = pick_like(g, g->slot[x].type, WG_SHAPE(outputs));
    emit(g, (instruction){.kind = LINEAR, .count = 3, .operand = {x, weight, bias}});
}

void propose_loss(generator *g)
{
    int x = pick_operand(g, ANY_FLOAT, 1), target;
    if (x < 0) return;
    wg_shape shape = g->slot[x].shape, rows = shape;
    rows.rank--;
    int64_t classes = shape.dim[rows.rank];
    rows.dim[rows.rank] = 0;
    const char *name = chance_of(&g->chance, 0.5) ? "cross_entropy" : "squared_error";
    if (strcmp(name, "squared_error") == 0 || classes == 0 || chance_of(&g->chance, 0.3)) {
        target = pick_like(g, g->slot[x].type, shape);
    } else {
        target = emit_whole(g, chance_of(&g->chance, 0.5) ? WG_I32 : WG_I64, rows, 0, classes - 1);
        if (chance_of(&g->chance, 0.3)) emit_call(g, PAIR, "accuracy", x, target);
    }
    if (target >= 0) emit_call(g, LOSS, name, x, target);
}
