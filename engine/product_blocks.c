/* A plan sees c as left right, where left and right are a and b, or, swapped, b and a transposed. The kernels take left
   both ways, but right only row by row: else it is transposed into a panel, which swapping avoids where it costs
   more than to transpose a and c. Columns of right are what the vector registers run along.

   c is cut into units, one block of rows and columns each, which go through the depth block by block. */
#include "engine/product_blocks.h"

#include "engine/limits.h"
#include "engine/product_code.h"
#include "engine/transpose.h"

#include <string.h>

static size_t element_size(wg_type type)
{
    return type == WG_F32 ? sizeof(float) : sizeof(double);
}

/* ---- how it is cut: found by measurement ---- */

enum {
    ROWS = 512, /* of a block, at most */
    COLUMNS = 128,
    DEPTH = 256,
    FEW_ROWS = 256, /* no smaller blocks for the sake of a third and fourth task */
    TURN = 5,       /* the cost of transposing an element, where a vector multiplication costs its lanes */
    BUSY = 4,       /* vectors of sums at least: each waits so long for its last addition */
    UNIT = 150000,  /* floating-point operations that pay for a second task */
};

/* About equal parts of multiples of `grain`. */
static product_cut cut(int64_t extent, int64_t parts, int64_t grain)
{
    int64_t size = divide_up(divide_up(extent, parts), grain) * grain;
    parts = divide_up(extent, size);
    return (product_cut){parts, size, extent - (parts - 1) * size};
}

/* An odd number of parts leaves one of two threads idle at the end: as long as they are few, make it even. */
static int64_t even(int64_t parts)
{
    return parts > 1 && parts < 8 ? (parts + 1) / 2 * 2 : parts;
}

/* The cost of one way to compute it, in multiplications. */
static double cost(const product_plan *plan, int64_t rows, int64_t columns, bool transpose)
{
    int64_t lanes = product_code_lanes(plan->shape.type), inner = plan->shape.inner;
    double turned = transpose ? (double)divide_up(rows, ROWS) * (double)columns * (double)inner : 0;
    return (double)rows * (double)inner * (double)(divide_up(columns, lanes) * lanes) + TURN * turned;
}

static void choose_side(product_plan *plan)
{
    const product *s = &plan->shape;
    double outside = (s->accumulate ? 2 : 1) * TURN * (double)s->rows * (double)s->columns;
    product_operand a = plan->left, b = plan->right;
    plan->swapped =
        outside + cost(plan, s->columns, s->rows, !a.transposed) < cost(plan, s->rows, s->columns, b.transposed);
    if (!plan->swapped) return;
    plan->left = (product_operand){b.step, b.batch, !b.transposed};
    plan->right = (product_operand){a.step, a.batch, !a.transposed};
}

/* Whether two halves of the rows, or of the columns, keep the arithmetic busy. Halves of rows read all of the right
   operand each, and few of them would not repay transposing it twice; halves of columns read all of the left one.
   Columns come in whole vectors only, so that their halves are less even, and write to the same pages. */
static bool halves_rows(const product_plan *plan, int64_t rows)
{
    return rows >= 2 * product_code_lanes(plan->shape.type) || (!plan->right.transposed && rows >= 2 * BUSY);
}

static bool halves_columns(const product_plan *plan, int64_t rows, int64_t columns)
{
    int64_t lanes = product_code_lanes(plan->shape.type), vectors = divide_up(columns, lanes);
    int64_t turn = plan->right.transposed ? TURN : 0;
    if (vectors / 2 * rows < BUSY) return false;
    if (!halves_rows(plan, rows)) return true;
    return (rows < 2 * lanes || (turn && rows <= columns)) &&
           divide_up(vectors, 2) * (rows + turn) <= (divide_up(rows, 4) * 2 + turn) * vectors;
}

static int64_t parts_of_columns(const product_plan *plan, int64_t rows, int64_t columns, double flops)
{
    int64_t across = divide_up(columns, COLUMNS);
    if (across * plan->shape.batch == 1 && flops >= 2 * UNIT && halves_columns(plan, rows, columns)) return 2;
    return plan->shape.batch % 2 && divide_up(rows, ROWS) % 2 ? even(across) : across;
}

/* Into how many parts the rows go: so many that blocks are small enough, and that there are tasks for two threads, or
   for four if they stay large. */
static int64_t parts_of_rows(const product_plan *plan, int64_t rows, int64_t across, double flops)
{
    int64_t down = divide_up(rows, ROWS), others = across * plan->shape.batch;
    if (others % 2) down = even(down);
    bool odd = others * down % 2 && others * down > 1;
    if (odd && flops >= 16 * UNIT && rows >= 4 * product_code_lanes(plan->shape.type)) down *= 2;
    if (others * down == 1 && flops >= 2 * UNIT && halves_rows(plan, rows)) down = 2;
    while (others * down < 4 && flops >= 16 * UNIT && rows > down * FEW_ROWS) down *= 2;
    return down;
}

/* Rows of the right operand that lie whole pages apart fall on the same few places of the caches: many rows of the left
   one pay for a copy. */
static bool worth_packing(const product_plan *plan)
{
    int64_t bytes = plan->right.step * (int64_t)element_size(plan->shape.type);
    return plan->right.transposed || (bytes % 4096 == 0 && bytes >= 8192 && plan->rows.size >= FEW_ROWS / 2);
}

static void choose_cuts(product_plan *plan)
{
    const product *s = &plan->shape;
    int64_t rows = plan->swapped ? s->columns : s->rows, columns = plan->swapped ? s->rows : s->columns;
    double flops = 2 * (double)rows * (double)columns * (double)s->inner;
    int64_t across = parts_of_columns(plan, rows, columns, flops);
    plan->columns = cut(columns, across, product_code_lanes(s->type));
    plan->rows = cut(rows, parts_of_rows(plan, rows, plan->columns.parts, flops), 2);
    plan->depth = cut(s->inner, divide_up(s->inner, DEPTH), 4);
    plan->packed = worth_packing(plan);
    plan->units = plan->rows.parts * plan->columns.parts * s->batch;
    plan->group = 1 + (int64_t)((double)UNIT * (double)plan->units / (flops * (double)s->batch + 1));
    plan->tasks = divide_up(plan->units, plan->group);
    int64_t panel = plan->packed ? plan->depth.size * plan->columns.size : 0;
    int64_t turned = plan->swapped ? plan->rows.size * plan->columns.size : 0;
    plan->scratch = element_size(s->type) * (size_t)(panel + turned);
}

static int64_t part(const product_cut *cut, int64_t index)
{
    return index == cut->parts - 1 ? cut->last : cut->size;
}

/* ---- the code for its blocks ---- */

/* The code for one kind of block; true if there are no such blocks. */
static bool get_code(product_plan *plan, int last_row, int last_column, int later, int last)
{
    const product_cut *rows = &plan->rows, *columns = &plan->columns, *depth = &plan->depth;
    if ((!last_row && rows->parts == 1) || (!last_column && columns->parts == 1)) return true;
    if (later ? depth->parts < 3 - last : last != (depth->parts == 1)) return true;
    const product_block block = {
        .rows = last_row ? rows->last : rows->size,
        .columns = last_column ? columns->last : columns->size,
        .depth = last ? depth->last : depth->size,
        .left_step = plan->left.step,
        .right_step = plan->packed ? columns->size : plan->right.step,
        .out_step = plan->swapped ? columns->size : plan->c_step,
        .type = plan->shape.type,
        .left_transposed = plan->left.transposed,
        .accumulate = later || plan->shape.accumulate,
    };
    product_code **place = &plan->code[last_row][last_column][later][last];
    *place = product_code_get(&block);
    return *place != NULL;
}

void product_blocks_release(product_plan *plan)
{
    for (int kind = 0; kind < 16; kind++)
        product_code_drop(plan->code[kind >> 3][kind >> 2 & 1][kind >> 1 & 1][kind & 1]);
    memset(plan->code, 0, sizeof plan->code);
}

static bool get_all_code(product_plan *plan)
{
    bool all = true;
    for (int kind = 0; kind < 16 && all; kind++)
        all = get_code(plan, kind >> 3, kind >> 2 & 1, kind >> 1 & 1, kind & 1);
    if (!all) product_blocks_release(plan);
    return all;
}

/* ---- running it ---- */

/* One block of c as the plan sees it. Places count in bytes. */
typedef struct unit {
    int64_t rows, columns;
    bool last_row, last_column;
    const char *left, *right;
    char *c, *panel, *turned;
} unit;

static unit find_unit(const product_plan *plan, int64_t index, const void *a, const void *b, void *c, void *scratch)
{
    const product *s = &plan->shape;
    int64_t size = (int64_t)element_size(s->type), row = index % plan->rows.parts, rest = index / plan->rows.parts;
    int64_t column = rest % plan->columns.parts, item = rest / plan->columns.parts;
    unit u = {
        .rows = part(&plan->rows, row),
        .columns = part(&plan->columns, column),
        .last_row = row == plan->rows.parts - 1,
        .last_column = column == plan->columns.parts - 1,
        .left = (const char *)(plan->swapped ? b : a) + item * plan->left.batch * size,
        .right = (const char *)(plan->swapped ? a : b) + item * plan->right.batch * size,
        .panel = scratch,
        .turned = (char *)scratch + (plan->packed ? plan->depth.size * plan->columns.size * size : 0),
    };
    row *= plan->rows.size;
    column *= plan->columns.size;
    u.left += size * row * (plan->left.transposed ? 1 : plan->left.step);
    u.right += size * column * (plan->right.transposed ? plan->right.step : 1);
    u.c = (char *)c +
          size * (item * s->c.batch + (plan->swapped ? column : row) * plan->c_step + (plan->swapped ? row : column));
    return u;
}

static void pack(const product_plan *plan, const unit *u, const char *right, int64_t depth)
{
    size_t size = element_size(plan->shape.type), row = (size_t)u->columns * size;
    int64_t step = plan->right.step;
    if (plan->right.transposed)
        transpose(size, u->columns, depth, right, step, u->panel, plan->columns.size);
    else
        for (int64_t k = 0; k < depth; k++)
            memcpy(u->panel + (size_t)(k * plan->columns.size) * size, right + (size_t)(k * step) * size, row);
}

static void run_unit(const product_plan *plan, const unit *u)
{
    size_t element = element_size(plan->shape.type);
    int64_t size = (int64_t)element, turned_step = plan->columns.size;
    char *out = plan->swapped ? u->turned : u->c;
    if (plan->swapped && plan->shape.accumulate)
        transpose(element, u->columns, u->rows, u->c, plan->c_step, u->turned, turned_step);
    for (int64_t i = 0; i < plan->depth.parts; i++) {
        int64_t k = i * plan->depth.size;
        const char *left = u->left + size * k * (plan->left.transposed ? plan->left.step : 1);
        const char *right = u->right + size * k * (plan->right.transposed ? 1 : plan->right.step);
        const product_code *code = plan->code[u->last_row][u->last_column][i > 0][i == plan->depth.parts - 1];
        if (plan->packed) pack(plan, u, right, part(&plan->depth, i));
        code->run(plan->packed ? u->panel : right, left, out);
    }
    if (plan->swapped) transpose(element, u->rows, u->columns, u->turned, turned_step, u->c, plan->c_step);
}

void product_blocks_run(const product_plan *plan, int64_t task, const void *a, const void *b, void *c, void *scratch)
{
    int64_t end = (task + 1) * plan->group < plan->units ? (task + 1) * plan->group : plan->units;
    for (int64_t i = task * plan->group; i < end; i++) {
        unit u = find_unit(plan, i, a, b, c, scratch);
        run_unit(plan, &u);
    }
    product_code_leave();
}

bool product_blocks_prepare(product_plan *plan)
{
    const product *s = &plan->shape;
    bool fits = s->rows <= INT32_MAX && s->columns <= INT32_MAX && s->inner <= INT32_MAX && s->inner > 0;
    if (!fits || !product_code_usable()) return false;
    product_operand left = plan->left, right = plan->right;
    choose_side(plan);
    choose_cuts(plan);
    if (get_all_code(plan)) return true;
    plan->left = left;
    plan->right = right;
    plan->scratch = 0;
    return false;
}
