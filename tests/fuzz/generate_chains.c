/* Long chains of cheap element-wise instructions, as optimisers and hand-written losses have them: operands of all
   forms, numbers, choices, several results, and values that are used long after they were made. */
#include "tests/fuzz/generate.h"

#include <math.h>

enum { OPERANDS_MOST = 8, VALUES_MOST = 56, WIDE = 34 /* more values at once than vector registers */ };

/* Something that may be read, and how large its elements are at most: a chain is to stay finite. */
typedef struct {
    int number;
    double most;
} chain_value;

typedef struct {
    generator *g;
    wg_type type;
    wg_shape shape; /* rows and columns, or one axis */
    chain_value operand[OPERANDS_MOST], value[VALUES_MOST];
    int operand_count, count;
} chain;

/* ---- operands ---- */

static int permuted(generator *g, int x)
{
    return emit(g,
                (instruction){.kind = AXES, .name = "permute", .count = 1, .operand = {x}, .axes = {2, false, {1, 0}}});
}

/* Rows of a wider tensor: from one to the next it is farther than a row is long. */
static int part_of_rows(generator *g, int x, int64_t start, int64_t columns)
{
    return emit(g,
                (instruction){.kind = SLICE, .count = 1, .operand = {x}, .integer = {-1, start, start + columns, 1}});
}

/* A tensor that broadcasts to the chain's shape, in one form or another. */
static int chain_operand(chain *c)
{
    generator *g = c->g;
    int64_t rows = c->shape.dim[0], columns = c->shape.dim[c->shape.rank - 1];
    if (c->shape.rank == 1)
        return chance_of(&g->chance, 0.8) ? pick_like(g, c->type, c->shape) : emit_leaf(g, c->type, WG_SHAPE(1));
    switch (chance_below(&g->chance, 9)) {
    case 0:
        return emit_leaf(g, c->type, WG_SCALAR);
    case 1:
        return pick_like(g, c->type, WG_SHAPE(columns));
    case 2:
        return emit_leaf(g, c->type, WG_SHAPE(1, columns));
    case 3:
    case 4:
        return pick_like(g, c->type, WG_SHAPE(rows, 1));
    case 5:
        return permuted(g, emit_leaf(g, c->type, WG_SHAPE(columns, rows)));
    case 6:
        return part_of_rows(g, emit_leaf(g, c->type, WG_SHAPE(rows, columns + 3)), chance_below(&g->chance, 4),
                            columns);
    default:
        return pick_like(g, c->type, c->shape);
    }
}

/* Keeps what was made: among the values if it has an element for each place. */
static bool keep(chain *c, int number, double most)
{
    if (number < 0) return false;
    bool whole = wg_shape_equal(c->g->slot[number].shape, c->shape);
    if (whole && c->count < VALUES_MOST) c->value[c->count++] = (chain_value){number, most};
    if (!whole && c->operand_count < OPERANDS_MOST) c->operand[c->operand_count++] = (chain_value){number, most};
    return true;
}

/* Mostly the newest values, sometimes an old one. */
static chain_value chosen(chain *c)
{
    generator *g = c->g;
    if (c->count == 0 || (c->operand_count && chance_of(&g->chance, 0.3)))
        return c->operand[chance_below(&g->chance, c->operand_count)];
    int among = c->count < 3 || chance_of(&g->chance, 0.25) ? c->count : 3;
    return c->value[c->count - 1 - chance_below(&g->chance, among)];
}

/* ---- links ---- */

static int with_number(generator *g, const char *name, int x, double number)
{
    int y = emit_scalar(g, name, x, number);
    if (y >= 0 && chance_of(&g->chance, 0.7)) g->part->item[y].varies = false;
    return y;
}

static bool link_pair(chain *c)
{
    static const char *const names[] = {"add", "sub", "mul", "maximum", "minimum", "add", "sub", "mul"};
    generator *g = c->g;
    int which = chance_below(&g->chance, 8);
    chain_value a = chosen(c), b = chosen(c);
    double sum = a.most + b.most, product = a.most * b.most;
    if (which % 5 == 2 && product > 1e4) which = 3;
    bool larger = which == 3 || which == 4;
    return keep(c, emit_call(g, PAIR, names[which], a.number, b.number),
                larger           ? fmax(a.most, b.most)
                : which % 5 == 2 ? product
                                 : sum);
}

/* By something that is not near zero. */
static bool link_quotient(chain *c)
{
    generator *g = c->g;
    chain_value a = chosen(c), b = chosen(c);
    if (chance_of(&g->chance, 0.2)) return keep(c, emit_call(g, PAIR, "div", a.number, b.number), 10 * a.most);
    int size = with_number(g, "add_scalar", emit_call(g, ELEMENT, "abs", b.number, -1), 0.5);
    return size >= 0 && keep(c, emit_call(g, PAIR, "div", a.number, size), 2 * a.most);
}

static bool link_single(chain *c)
{
    static const char *const names[] = {"neg", "abs", "square", "sqrt"};
    generator *g = c->g;
    chain_value x = chosen(c);
    int which = chance_below(&g->chance, x.most < 100 ? 4 : 2);
    if (which == 3 && chance_of(&g->chance, 0.8)) x.number = emit_call(g, ELEMENT, "abs", x.number, -1);
    return keep(c, x.number < 0 ? -1 : emit_call(g, ELEMENT, names[which], x.number, -1),
                which == 2 ? x.most * x.most : x.most + 1);
}

static bool link_number(chain *c)
{
    static const char *const names[] = {"add_scalar", "sub_scalar", "maximum_scalar", "minimum_scalar"};
    static const double numbers[] = {0.5, -1, 0.1, 1.5, 0};
    generator *g = c->g;
    chain_value x = chosen(c);
    double number = numbers[chance_below(&g->chance, 5)];
    if (x.most > 100 || chance_of(&g->chance, 0.3))
        return keep(c, with_number(g, "mul_scalar", x.number, 1 / (1 + x.most)), 4);
    if (chance_of(&g->chance, 0.2))
        return keep(
            c,
            emit(g, (instruction){.kind = LEFT, .name = "scalar_sub", .count = 1, .operand = {x.number}, .scalar = 1}),
            x.most + 1);
    return keep(c, with_number(g, names[chance_below(&g->chance, 4)], x.number, number), x.most + 5);
}

/* A comparison, and what it chooses. */
static bool link_choice(chain *c)
{
    static const char *const names[] = {"less", "less_equal", "greater", "greater_equal", "equal", "not_equal"};
    generator *g = c->g;
    chain_value a = chosen(c), b = chosen(c), x = chosen(c), y = chosen(c);
    int condition =
        chance_of(&g->chance, 0.3)
            ? with_number(g, chance_of(&g->chance, 0.5) ? "greater_scalar" : "less_equal_scalar", a.number, 0)
            : emit_call(g, PAIR, names[chance_below(&g->chance, 6)], a.number, b.number);
    return keep(c, emit(g, (instruction){.kind = WHERE, .count = 3, .operand = {condition, x.number, y.number}}),
                fmax(x.most, y.most));
}

static bool link(chain *c)
{
    int which = chance_below(&c->g->chance, 12);
    return which < 5    ? link_pair(c)
           : which < 7  ? link_single(c)
           : which < 9  ? link_number(c)
           : which < 10 ? link_quotient(c)
                        : link_choice(c);
}

/* ---- chains ---- */

static wg_shape chain_shape(generator *g)
{
    static const int columns[] = {1,  2,  3,  5,   7,   8,   9,   15,  16,  17,  31,  32,  33,  48,  63,
                                  64, 65, 96, 100, 127, 128, 129, 200, 255, 256, 257, 300, 384, 511, 513};
    static const int flat[] = {1,    3,    15,   16,   17,   64,   255,  256,  257,  511,  512,  512,  513,
                               1000, 1023, 1024, 1024, 1025, 2047, 2048, 2048, 2049, 4095, 4096, 4096, 4097};
    const lasting *p = g->made->item;
    if (g->made->lasting_count && p->type == WG_F32 && p->shape.rank && wg_shape_size(p->shape) &&
        chance_of(&g->chance, 0.3))
        return p->shape;
    wg_shape shape = chance_of(&g->chance, 0.35)
                         ? WG_SHAPE(flat[chance_below(&g->chance, sizeof flat / sizeof *flat)])
                         : WG_SHAPE(1 + chance_below(&g->chance, chance_of(&g->chance, 0.5) ? 5 : 40),
                                    columns[chance_below(&g->chance, sizeof columns / sizeof *columns)]);
    while (wg_shape_size(shape) > g->limit) shape.dim[0] = (shape.dim[0] + 1) / 2;
    return shape;
}

/* Many values first, which all wait for their use. */
static void link_widely(chain *c)
{
    generator *g = c->g;
    int width = WIDE + chance_below(&g->chance, 8), first = c->count;
    for (int k = 0; k < width; k++) {
        chain_value x = c->count == first || chance_of(&g->chance, 0.5)
                            ? c->operand[chance_below(&g->chance, c->operand_count)]
                            : c->value[first];
        int y = emit_scalar(g, k % 3 ? "mul_scalar" : "add_scalar", x.number, 0.25 + 0.125 * k);
        if (y < 0) return;
        g->part->item[y].varies = false;
        if (!wg_shape_equal(g->slot[y].shape, c->shape)) y = emit_call(g, PAIR, "add", y, c->operand[0].number);
        if (!keep(c, y, x.most * (1 + k))) return;
    }
    chain_value sum = c->value[c->count - 1];
    for (int k = first; k + 1 < first + width && k < c->count; k++) {
        static const char *const names[] = {"add", "sub", "maximum"};
        int next = emit_call(g, PAIR, names[chance_below(&g->chance, 3)], sum.number, c->value[k].number);
        if (next < 0) break;
        sum = (chain_value){next, sum.most + c->value[k].most};
    }
    if (c->count == VALUES_MOST) c->count--;
    keep(c, sum.number, sum.most);
}

/* Some of the values are looked at, reduced, assigned, or differentiated. */
static void use_values(chain *c)
{
    static const wg_axes ends[] = {{1, false, {0}}, {1, true, {-1}}, {-1, false, {0}}};
    generator *g = c->g;
    int last = c->value[c->count - 1].number, list[4] = {last}, count = 1;
    while (count < 4 && chance_of(&g->chance, 0.4)) list[count++] = c->value[chance_below(&g->chance, c->count)].number;
    if (chance_of(&g->chance, 0.3))
        emit_axes(g, chance_of(&g->chance, 0.7) ? "sum" : "max", last, ends[chance_below(&g->chance, 3)]);
    if (chance_of(&g->chance, 0.2)) {
        int xs[PARTS], wanted = 0;
        for (int k = 0; k < c->operand_count && wanted < 3; k++) xs[wanted++] = c->operand[k].number;
        emit_gradients(g, last, xs, wanted);
    }
    for (int k = 0; k < g->made->lasting_count && chance_of(&g->chance, 0.5); k++)
        if (g->made->item[k].type == c->type && wg_shape_equal(g->made->item[k].shape, c->shape))
            emit_assign(g, k, c->value[chance_below(&g->chance, c->count)].number);
    if (chance_of(&g->chance, 0.7)) emit_look(g, list, count);
}

void propose_chain(generator *g)
{
    chain c = {.g = g, .type = chance_of(&g->chance, 0.85) ? WG_F32 : g->made->type, .shape = chain_shape(g)};
    int whole = pick_like(g, c.type, c.shape), length = 6 + chance_below(&g->chance, 30);
    if (whole < 0) return;
    c.operand[c.operand_count++] = (chain_value){whole, 4};
    for (int k = 1 + chance_below(&g->chance, 5); k > 0; k--) {
        int x = chain_operand(&c);
        if (x >= 0) c.operand[c.operand_count++] = (chain_value){x, 4};
    }
    if (chance_of(&g->chance, 0.2)) link_widely(&c);
    for (int k = 0; k < length && link(&c); k++) continue;
    if (c.count) use_values(&c);
}
