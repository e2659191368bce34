/* Instructions of linear algebra, on matrices of their own: random ones would mostly be refused by the values they
   hold, and bounds of what is nearly singular tell nothing. */
#include "tests/fuzz/generate.h"

static instruction calm_leaf(generator *g, wg_shape shape)
{
    instruction i = {.kind = chance_of(&g->chance, 0.3) ? BORROW : LEAF, .type = g->made->type, .shape = shape};
    i.values = chance_bits(&g->chance);
    i.varies = chance_of(&g->chance, 0.7);
    return i;
}

/* The unit matrix times a number. */
static int unit_matrix(generator *g, int64_t n, double diagonal)
{
    int rows = emit(g, (instruction){.kind = IOTA, .type = WG_I32, .shape = WG_SHAPE(n, 1)});
    int columns = rows < 0 ? -1 : emit(g, (instruction){.kind = IOTA, .type = WG_I32, .shape = WG_SHAPE(n)});
    int same = columns < 0 ? -1 : emit_call(g, PAIR, "equal", rows, columns);
    int unit = emit(g, (instruction){.kind = CAST, .count = 1, .operand = {same}, .type = g->made->type});
    return emit(g,
                (instruction){.kind = SCALAR, .name = "mul_scalar", .count = 1, .operand = {unit}, .scalar = diagonal});
}

/* A batch of matrices whose diagonal outweighs the rest of its row, in the lower triangle mirrored, too: elements lie
   in
   [-2, 2] elsewhere. */
static int dominant(generator *g, wg_shape shape, int *leaf)
{
    int64_t n = shape.dim[shape.rank - 1];
    *leaf = emit(g, calm_leaf(g, shape));
    int diagonal = *leaf < 0 ? -1 : unit_matrix(g, n, 4.0 * (double)n + 1);
    return diagonal < 0 ? -1 : emit_call(g, PAIR, "add", *leaf, diagonal);
}

/* x x^T and something on the diagonal: the order of the sums leaves its mark on what follows. */
static int definite(generator *g, wg_shape shape, int *leaf)
{
    int64_t n = shape.dim[shape.rank - 1];
    *leaf = emit(g, calm_leaf(g, shape));
    int square =
        emit(g, (instruction){.kind = PRODUCT, .count = 2, .operand = {*leaf, *leaf}, .integer = {false, true}});
    int diagonal = square < 0 ? -1 : unit_matrix(g, n, (double)n + 1);
    return diagonal < 0 ? -1 : emit_call(g, PAIR, "add", square, diagonal);
}

/* Right sides, beside the leading axes of the matrices or without; perhaps a vector. */
static int sides_for(generator *g, wg_shape shape)
{
    wg_shape sides = shape;
    sides.dim[sides.rank - 1] = 1 + chance_below(&g->chance, 4);
    if (chance_of(&g->chance, 0.3)) sides = WG_SHAPE(shape.dim[shape.rank - 2], sides.dim[sides.rank - 1]);
    if (chance_of(&g->chance, 0.2)) sides = WG_SHAPE(shape.dim[shape.rank - 2]);
    return chance_of(&g->chance, 0.5) ? pick_like(g, g->made->type, sides) : emit(g, calm_leaf(g, sides));
}

static int triangular(generator *g, wg_shape shape, int a)
{
    int b = sides_for(g, shape);
    instruction i = {.kind = TRIANGULAR, .count = 2, .operand = {a, b}, .integer = {chance_below(&g->chance, 8)}};
    return b < 0 ? -1 : emit(g, i);
}

static int system_of(generator *g, wg_shape shape, int a, bool is_definite)
{
    const char *name = "solve";
    int b = sides_for(g, shape);
    if (is_definite && chance_of(&g->chance, 0.7)) {
        name = "cholesky_solve";
        a = emit_call(g, FACTOR, "cholesky", a, -1);
    } else if (chance_of(&g->chance, 0.2)) {
        name = "lstsq";
    }
    return a < 0 || b < 0 ? -1 : emit_call(g, SYSTEM, name, a, b);
}

static int factor_of(generator *g, int a, bool is_definite)
{
    if (is_definite && chance_of(&g->chance, 0.6)) return emit_call(g, FACTOR, "cholesky", a, -1);
    if (chance_of(&g->chance, 0.4)) /* so that rows are exchanged */
        a = emit(g, (instruction){.kind = AXIS, .name = "flip", .count = 1, .operand = {a}, .integer = {-2}});
    const char *name = function_at(FACTOR, chance_below(&g->chance, function_count(FACTOR)))->name;
    return a < 0 ? -1 : emit_call(g, FACTOR, name, a, -1);
}

void propose_algebra(generator *g)
{
    int64_t n = 1 + chance_below(&g->chance, 9);
    if (chance_of(&g->chance, 0.04)) n = 0;
    wg_shape shape = chance_of(&g->chance, 0.6) ? WG_SHAPE(n, n) : WG_SHAPE(1 + chance_below(&g->chance, 3), n, n);
    bool is_definite = chance_of(&g->chance, 0.4);
    int leaf, a = is_definite ? definite(g, shape, &leaf) : dominant(g, shape, &leaf), y;
    if (a < 0) return;
    int choice = chance_below(&g->chance, 5);
    if (choice == 0)
        y = triangular(g, shape, a);
    else if (choice == 1)
        y = system_of(g, shape, a, is_definite);
    else
        y = factor_of(g, a, is_definite);
    if (y < 0) return;
    if (chance_of(&g->chance, 0.5)) emit_gradients(g, y, &leaf, 1); /* which some do not have */
    if (chance_of(&g->chance, 0.5)) emit_look(g, &y, 1);
}
