/* Instructions that move elements: shapes, slices, joints, places. */
#include "tests/fuzz/generate.h"

/* ---- shapes ---- */

/* Axes joined, split or inserted; sometimes a length is left for the library to infer. */
void propose_reshape(generator *g)
{
    int x = pick_operand(g, ANY_TYPE, 0);
    if (x < 0) return;
    wg_shape in = g->slot[x].shape, out = {0};
    for (int k = 0; k < in.rank && out.rank < WG_MAX_RANK - 2; k++) {
        int64_t length = in.dim[k];
        if (out.rank && chance_of(&g->chance, 0.4)) {
            out.dim[out.rank - 1] *= length;
        } else if (length > 1 && chance_of(&g->chance, 0.3)) {
            int64_t factor = length % 2 == 0 ? 2 : length % 3 == 0 ? 3 : length;
            out.dim[out.rank++] = length / factor;
            out.dim[out.rank++] = factor;
        } else {
            out.dim[out.rank++] = length;
        }
        if (chance_of(&g->chance, 0.1)) out.dim[out.rank++] = 1;
    }
    if (wg_shape_size(in) > 0 && out.rank && chance_of(&g->chance, 0.3))
        out.dim[chance_below(&g->chance, out.rank)] = -1;
    if (out.rank == 0 && chance_of(&g->chance, 0.5)) out = WG_SHAPE(1, 1);
    emit(g, (instruction){.kind = SHAPED, .name = "reshape", .count = 1, .operand = {x}, .shape = out});
}

void propose_expand(generator *g)
{
    int x = pick_operand(g, ANY_TYPE, 0);
    if (x < 0) return;
    wg_shape in = g->slot[x].shape, out = {0};
    for (int k = chance_below(&g->chance, 3); k > 0 && in.rank + k <= 6; k--) out.dim[out.rank++] = random_length(g);
    for (int k = 0; k < in.rank; k++) out.dim[out.rank++] = in.dim[k] == 1 ? random_length(g) : in.dim[k];
    emit(g, (instruction){.kind = SHAPED, .name = "expand", .count = 1, .operand = {x}, .shape = out});
}

void propose_slice(generator *g)
{
    int x = pick_operand(g, ANY_TYPE, 1);
    if (x < 0) return;
    int axis = chance_below(&g->chance, g->slot[x].shape.rank);
    int64_t length = g->slot[x].shape.dim[axis], start = chance_below(&g->chance, (int)length + 1);
    int64_t stop = start + chance_below(&g->chance, (int)(length - start) + 1);
    if (start > 0 && start < length && chance_of(&g->chance, 0.2)) start -= length;
    if (chance_of(&g->chance, 0.3)) stop = WG_END;
    int64_t step = 1 + (chance_of(&g->chance, 0.4) ? chance_below(&g->chance, 3) : 0);
    if (start >= 0 && stop != WG_END && chance_of(&g->chance, 0.3)) { /* the same places, from the end on */
        int64_t first = stop - 1;
        stop = start ? start - 1 : WG_END;
        start = first;
        step = -step;
    }
    emit(g, (instruction){.kind = SLICE, .count = 1, .operand = {x}, .integer = {axis, start, stop, step}});
}

void propose_pad(generator *g)
{
    int x = pick_operand(g, ANY_TYPE, 1);
    if (x < 0) return;
    int axis = chance_below(&g->chance, g->slot[x].shape.rank);
    int64_t low = chance_below(&g->chance, 3), high = chance_below(&g->chance, 3), interior = 0;
    if (chance_of(&g->chance, 0.3)) interior = 1 + chance_below(&g->chance, 2);
    emit(g, (instruction){.kind = PAD, .count = 1, .operand = {x}, .integer = {axis, low, high, interior}});
}

/* The result of one is often an operand of the next: joints inside joints. */
void propose_concat(generator *g)
{
    int x = pick_operand(g, ANY_TYPE, 1);
    if (x < 0) return;
    int axis = chance_below(&g->chance, g->slot[x].shape.rank);
    instruction i = {.kind = CONCAT, .count = 1, .operand = {x}, .integer = {axis}};
    int count = 1 + chance_below(&g->chance, chance_of(&g->chance, 0.3) ? OPERANDS : 4);
    while (i.count < count) {
        wg_shape shape = g->slot[x].shape;
        if (chance_of(&g->chance, 0.3)) shape.dim[axis] = random_length(g);
        int other = chance_of(&g->chance, 0.15) ? x : pick_like(g, g->slot[x].type, shape);
        if (other < 0) return;
        i.operand[i.count++] = other;
    }
    if (emit(g, i) < 0 || !(1u << g->slot[x].type & ANY_FLOAT) || !chance_of(&g->chance, 0.2)) return;
    int along = i.operand[chance_below(&g->chance, i.count)]; /* a reader that follows no strides */
    emit(g, (instruction){.kind = AXIS, .name = "argmax", .count = 1, .operand = {along}, .integer = {-1}});
}

/* Something of that shape which is computed, so that it can be written wherever it will stand. */
static int computed_like(generator *g, wg_type type, wg_shape shape)
{
    static const char *const names[] = {"tanh", "abs", "neg", "exp"};
    return emit_call(g, ELEMENT, names[chance_below(&g->chance, 4)], pick_like(g, type, shape), -1);
}

/* Something beside itself, turned round: who computes both at once would read what is not yet written. */
void propose_moved_twin(generator *g)
{
    static const char *const names[] = {"add", "sub", "maximum", "mul"};
    int64_t rows = random_length(g);
    bool permutes = chance_of(&g->chance, 0.4);
    wg_shape shape = WG_SHAPE(rows, permutes || chance_of(&g->chance, 0.2) ? rows : random_length(g));
    int x = computed_like(g, g->made->type, shape), axis = chance_below(&g->chance, 2);
    int moved =
        permutes ? emit_axes(g, "permute", x, (wg_axes){2, false, {1, 0}})
                 : emit(g, (instruction){.kind = AXIS, .name = "flip", .count = 1, .operand = {x}, .integer = {axis}});
    if (x < 0 || moved < 0) return;
    int y = emit_call(g, ELEMENT, names[chance_below(&g->chance, 4)], x, moved);
    if (chance_of(&g->chance, 0.7)) emit_look(g, &y, 1);
}

/* What is computed stands in a joint, which stands in another one; somebody may want it to lie flat all the same. */
void propose_joints(generator *g)
{
    wg_shape shape = {
        3, {1 + chance_below(&g->chance, 4), 1 + chance_below(&g->chance, 4), 1 + chance_below(&g->chance, 9)}};
    int inner = 1 + chance_below(&g->chance, 2), outer = chance_below(&g->chance, 3);
    int x = computed_like(g, g->made->type, shape), y = computed_like(g, g->made->type, shape);
    bool swap = chance_of(&g->chance, 0.5);
    int both =
        emit(g, (instruction){.kind = CONCAT, .count = 2, .operand = {swap ? y : x, swap ? x : y}, .integer = {inner}});
    if (both < 0) return;
    int z = computed_like(g, g->made->type, g->slot[both].shape);
    int all = emit(g, (instruction){.kind = CONCAT, .count = 2, .operand = {both, z}, .integer = {outer}});
    int list[2] = {all, -1};
    if (all >= 0 && chance_of(&g->chance, 0.3)) /* a reader that follows no strides */
        list[1] = emit(g, (instruction){.kind = AXIS, .name = "argmax", .count = 1, .operand = {x}, .integer = {-1}});
    if (all >= 0 && chance_of(&g->chance, 0.8)) emit_look(g, list, 2);
}

/* ---- places ---- */

int emit_index(generator *g, wg_shape shape, int64_t length)
{
    int computed = chance_of(&g->chance, 0.25) ? pick(g, ANY_WHOLE, 0) : -1;
    if (computed >= 0 && g->slot[computed].exact) {
        int index = emit_scalar(g, "remainder_scalar", computed, (double)length);
        if (index >= 0) g->part->item[index].varies = false;
        return index;
    }
    bool outside = g->fault == FAULT_INDEX && chance_of(&g->chance, 0.5);
    return emit_whole(g, chance_of(&g->chance, 0.5) ? WG_I32 : WG_I64, shape, outside ? -1 : 0, length - 1 + outside);
}

void propose_gather(generator *g)
{
    int x = pick_operand(g, ANY_TYPE, 1);
    if (x < 0) return;
    int axis = chance_below(&g->chance, g->slot[x].shape.rank);
    int64_t length = g->slot[x].shape.dim[axis];
    wg_shape shape = {.rank = chance_below(&g->chance, 3)};
    for (int k = 0; k < shape.rank; k++) shape.dim[k] = 1 + chance_below(&g->chance, 4);
    if (length == 0) return;
    int index = emit_index(g, shape, length);
    emit(g, (instruction){.kind = GATHER, .count = 2, .operand = {x, index}, .integer = {axis}});
}

void propose_scatter(generator *g)
{
    int x = pick_operand(g, chance_of(&g->chance, 0.85) ? ANY_FLOAT : ANY_WHOLE, 1);
    if (x < 0) return;
    wg_shape updates = g->slot[x].shape, shape = {0};
    int axis = chance_below(&g->chance, updates.rank + 1);
    int rank = axis == updates.rank ? 0 : chance_below(&g->chance, updates.rank - axis + 1);
    for (int k = 0; k < rank; k++) shape.dim[shape.rank++] = updates.dim[axis + k];
    int64_t length = 1 + chance_below(&g->chance, 6);
    bool outside = g->fault == FAULT_INDEX && chance_of(&g->chance, 0.5);
    int index = emit_whole(g, chance_of(&g->chance, 0.5) ? WG_I32 : WG_I64, shape, outside ? -1 : 0, length - 1);
    emit(g, (instruction){.kind = SCATTER, .count = 2, .operand = {x, index}, .integer = {axis, length}});
}
