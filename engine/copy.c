/* The two inner axes are chosen so that one runs through consecutive elements where it is read, the other where it is
   written. If they are not the same, the matrix is transposed in vector registers. */
#include "engine/copy.h"

#include "engine/plan.h"
#include "engine/transpose.h"

enum {
    LINE = 16,   /* elements that share a cache line: parts of rows are multiples of it */
    TURNED = 2,  /* what an element costs, where one of a run costs 1 */
    STRIDED = 8, /* likewise, if it comes alone */
    MOST_TASKS = 64
};

/* The axes of both views, merged where elements follow one another in both, those of length 1 left out. */
static void merge_axes(copy_plan *c, const view *from, const view *to, const wg_shape *shape)
{
    for (int i = 0; i < shape->rank; i++) {
        int64_t length = shape->dim[i];
        if (length == 1) continue;
        int last = c->rank - 1;
        bool follows = last >= 0 && c->from[last] == from->stride[i] * length && c->to[last] == to->stride[i] * length;
        int at = follows ? last : c->rank++;
        c->dim[at] = follows ? c->dim[at] * length : length;
        c->from[at] = from->stride[i];
        c->to[at] = to->stride[i];
    }
}

/* Takes an axis out; -1: one of a single element. */
static void take_axis(copy_plan *c, int axis, int64_t *length, int64_t *from, int64_t *to)
{
    *length = axis < 0 ? 1 : c->dim[axis];
    *from = axis < 0 ? 0 : c->from[axis];
    *to = axis < 0 ? 0 : c->to[axis];
    if (axis < 0) return;
    c->rank--;
    for (int i = axis; i < c->rank; i++) {
        c->dim[i] = c->dim[i + 1];
        c->from[i] = c->from[i + 1];
        c->to[i] = c->to[i + 1];
    }
}

/* The last axis with a stride of 1; without one, the last axis. */
static int unit_axis(const copy_plan *c, const int64_t *stride)
{
    for (int i = c->rank; i-- > 0;)
        if (stride[i] == 1) return i;
    return c->rank - 1;
}

static void choose_matrix(copy_plan *c)
{
    int column = c->rank > 1 ? unit_axis(c, c->to) : -1;
    take_axis(c, column, &c->columns, &c->from_column, &c->to_column);
    take_axis(c, c->from_column == 1 ? c->rank - 1 : unit_axis(c, c->from), &c->rows, &c->from_row, &c->to_row);
    c->turned = c->columns > 1 && c->to_column == 1 && c->from_row == 1;
}

static void cut(copy_plan *c, int64_t size)
{
    int64_t matrix = c->rows * c->columns, least = divide_up(size, MOST_TASKS);
    bool run = c->columns > 1 ? c->from_column == 1 && c->to_column == 1 : c->from_row == 1 && c->to_row == 1;
    bool alone = size * (run ? 1 : c->turned ? TURNED : STRIDED) < plan_limits_now.shared_work;
    if (least < plan_limits_now.chunk) least = plan_limits_now.chunk;
    if (alone) least = size;
    c->part = matrix > least ? divide_up(divide_up(least, c->columns), LINE) * LINE : c->rows;
    c->parts = divide_up(c->rows, c->part);
    c->units = size / matrix * c->parts;
    c->group = matrix > least ? 1 : divide_up(least, matrix);
    c->tasks = divide_up(c->units, c->group);
}

copy_plan copy_prepare(const view *from, const view *to, const wg_shape *shape, size_t element)
{
    copy_plan c = {.element = element};
    int64_t size = wg_shape_size(*shape);
    if (size == 0) return c;
    merge_axes(&c, from, to, shape);
    choose_matrix(&c);
    cut(&c, size);
    return c;
}

static void copy_matrix(const copy_plan *c, int64_t rows, const char *from, char *to)
{
    int64_t size = (int64_t)c->element;
    if (c->turned)
        transpose(c->element, c->columns, rows, from, c->from_column, to, c->to_row);
    else if (c->columns == 1)
        strided_copy(to, c->to_row, from, c->from_row, rows, c->element);
    else
        for (int64_t r = 0; r < rows; r++)
            strided_copy(to + r * c->to_row * size, c->to_column, from + r * c->from_row * size, c->from_column,
                         c->columns, c->element);
}

void copy_run(const copy_plan *c, int64_t task, const void *from, void *to)
{
    int64_t size = (int64_t)c->element, end = (task + 1) * c->group < c->units ? (task + 1) * c->group : c->units;
    for (int64_t unit = task * c->group; unit < end; unit++) {
        int64_t row = unit % c->parts * c->part, rest = unit / c->parts;
        int64_t read = row * c->from_row, write = row * c->to_row;
        for (int i = c->rank; i-- > 0; rest /= c->dim[i]) {
            read += rest % c->dim[i] * c->from[i];
            write += rest % c->dim[i] * c->to[i];
        }
        int64_t rows = c->rows - row < c->part ? c->rows - row : c->part;
        copy_matrix(c, rows, (const char *)from + read * size, (char *)to + write * size);
    }
}
