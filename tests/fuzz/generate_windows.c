/* Instructions about windows, order, places that are tensors, and padding. */
#include "tests/fuzz/generate.h"

/* ---- windows ---- */

/* Windows of something computed, so that a group may read where another one writes; often put back again. */
void propose_windows(generator *g)
{
    static const char *const names[] = {"tanh", "neg", "square"};
    int x = pick_operand(g, chance_of(&g->chance, 0.8) ? ANY_FLOAT : ANY_TYPE, 1);
    if (x < 0) return;
    if (1u << g->slot[x].type & ANY_FLOAT && chance_of(&g->chance, 0.5))
        x = emit_call(g, ELEMENT, names[chance_below(&g->chance, 3)], x, -1);
    if (x < 0) return;
    int axis = chance_below(&g->chance, g->slot[x].shape.rank);
    int64_t length = g->slot[x].shape.dim[axis], dilation = 1 + chance_below(&g->chance, 2);
    int64_t most = length ? (length - 1) / dilation + 1 : 1, step = 1 + chance_below(&g->chance, 4);
    int64_t size = 1 + chance_below(&g->chance, most < 5 ? (int)most : 5);
    instruction i = {.kind = UNFOLD, .count = 1, .operand = {x}, .integer = {axis, size, step, dilation}};
    int y = emit(g, i);
    if (y < 0 || chance_of(&g->chance, 0.3)) return;
    if (1u << g->slot[y].type & ANY_FLOAT) y = emit_call(g, ELEMENT, names[chance_below(&g->chance, 3)], y, -1);
    if (y >= 0 && chance_of(&g->chance, 0.5))
        y = emit_axes(g, "sum", y, (wg_axes){.count = 1, .axis = {(int8_t)(axis + 1)}});
    else if (y >= 0)
        y = emit(g, (instruction){.kind = FOLD, .count = 1, .operand = {y}, .integer = {axis, step, dilation, length}});
    if (y >= 0 && chance_of(&g->chance, 0.5)) emit_look(g, &y, 1);
}

void propose_pool(generator *g)
{
    int x = pick(g, ANY_FLOAT | (chance_of(&g->chance, 0.2) ? ANY_WHOLE : 0), 3);
    if (x < 0 || g->slot[x].shape.rank > 5) {
        wg_shape shape = {.rank = 3 + chance_below(&g->chance, 2)};
        for (int k = 0; k < shape.rank; k++) shape.dim[k] = 1 + chance_below(&g->chance, k < 2 ? 2 : 8);
        x = emit_leaf(g, random_type(g, ANY_FLOAT), shape);
    }
    const char *name = function_at(POOL, chance_below(&g->chance, function_count(POOL)))->name;
    int64_t size = 1 + chance_below(&g->chance, 3), low = chance_below(&g->chance, (int)size / 2 + 1);
    instruction i = {.kind = POOL, .name = name, .count = 1, .operand = {x}};
    i.integer[0] = size;
    i.integer[1] = chance_below(&g->chance, 4);
    i.integer[2] = low;
    i.integer[3] = chance_below(&g->chance, 4) + (chance_of(&g->chance, 0.2) ? 4 : 0);
    emit(g, i);
}

/* ---- order and places ---- */

void propose_order(generator *g)
{
    int x = pick_operand(g, ANY_NUMBER, 1);
    if (x < 0) return;
    int rank = g->slot[x].shape.rank, axis = chance_below(&g->chance, rank);
    int64_t length = g->slot[x].shape.dim[axis], count = chance_below(&g->chance, (int)length + 1);
    if (chance_of(&g->chance, 0.4)) count = -1;
    emit(g, (instruction){
                .kind = ORDER, .count = 1, .operand = {x}, .integer = {axis, chance_below(&g->chance, 2), count}});
}

void propose_along_index(generator *g)
{
    bool adds = chance_of(&g->chance, 0.4);
    int x = pick_operand(g, adds ? ANY_NUMBER : ANY_TYPE, 1);
    if (x < 0) return;
    wg_shape shape = g->slot[x].shape;
    int axis = chance_below(&g->chance, shape.rank);
    int64_t length = adds ? 1 + chance_below(&g->chance, 6) : shape.dim[axis];
    if (length == 0) return;
    for (int k = 0; k < shape.rank; k++)
        if (k != axis && chance_of(&g->chance, 0.2)) shape.dim[k] = 1;
    if (!adds) shape.dim[axis] = 1 + chance_below(&g->chance, 6);
    int index = emit_index(g, shape, length);
    emit(g, (instruction){.kind = ALONG, .count = 2, .operand = {x, index}, .integer = {axis, adds ? length : 0}});
}

/* A start that is sometimes computed; parts that are put back where they come from. */
void propose_dynamic(generator *g)
{
    int x = pick_operand(g, ANY_TYPE, 1);
    if (x < 0) return;
    wg_shape shape = g->slot[x].shape;
    int axis = chance_below(&g->chance, shape.rank);
    int64_t whole = shape.dim[axis], length = chance_below(&g->chance, (int)whole + 1);
    int start = emit_index(g, chance_of(&g->chance, 0.8) ? WG_SCALAR : WG_SHAPE(1), whole - length + 1);
    shape.dim[axis] = length;
    if (chance_of(&g->chance, 0.5)) {
        int update = pick_like(g, g->slot[x].type, shape);
        instruction i = {.kind = DYNAMIC, .count = 3, .operand = {x, update, start}, .integer = {axis}};
        x = emit(g, i);
    }
    if (x >= 0 && chance_of(&g->chance, 0.6))
        emit(g, (instruction){.kind = DYNAMIC, .count = 2, .operand = {x, start}, .integer = {axis, length}});
}

void propose_padded(generator *g)
{
    int x = pick_operand(g, ANY_TYPE, 1);
    if (x < 0) return;
    int axis = chance_below(&g->chance, g->slot[x].shape.rank);
    instruction i = {.kind = PADDED, .count = 1, .operand = {x}, .scalar = chance_below(&g->chance, 2)};
    i.varies = 1u << g->slot[x].type & ANY_FLOAT && chance_of(&g->chance, 0.5);
    i.integer[0] = axis;
    i.integer[1] = chance_below(&g->chance, 3);
    i.integer[2] = chance_below(&g->chance, 3);
    i.integer[3] = chance_below(&g->chance, WG_PAD_CIRCULAR + 1);
    emit(g, i);
}
