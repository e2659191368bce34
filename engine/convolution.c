/* Cutting a convolution into products: see convolution.h for what, ops/convolution.c for the trilinear form.

   forward     y [outputs, windows]          = w [outputs, inputs x kernel]  columns [inputs x kernel, windows]
   transposed  columns [inputs x kernel, windows] = w'  y, added where they belong in x
   filter      w [outputs, inputs x kernel] += y [outputs, windows]  columns' */
#include "engine/convolution.h"

#include "base/memory.h"
#include "engine/limits.h"
#include "ops/rows.h"

#include <string.h>

enum {
    COLUMN_BYTES = 192 << 10, /* of windows side by side: found by measurement, a part of the second cache */
    LEAST_BLOCK = 16,
    ENOUGH_TASKS = 8 /* where images and groups are fewer, channels are cut */
};

bool convolution_is(const wg_op *op, convolution_kind *kind)
{
    *kind = op == &ops_conv          ? CONVOLUTION_FORWARD
            : op == &ops_conv_filter ? CONVOLUTION_FILTER
                                     : CONVOLUTION_TRANSPOSED;
    return op == &ops_conv || op == &ops_conv_transpose || op == &ops_conv_filter;
}

/* ---- windows side by side ---- */

/* A run of windows along the last axis, at one place of the kernel: which of them read inside x, and where the first of
   these does. */
typedef struct run {
    int64_t first, count, from; /* from: place in the channel */
} run;

/* Rounded up; b > 0. */
static int64_t ceil_of(int64_t a, int64_t b)
{
    return a > 0 ? (a + b - 1) / b : -(-a / b);
}

static int64_t between(int64_t low, int64_t x, int64_t high)
{
    return x < low ? low : x > high ? high : x;
}

/* Windows p to p + count, all in one row of y. */
static run run_of(const conv_geometry *q, int64_t p, int64_t count, const int64_t k[CONV_AXES])
{
    int64_t o2 = p % q->y[2], o1 = p / q->y[2] % q->y[1], o0 = p / q->y[2] / q->y[1];
    int64_t at0 = o0 * q->stride[0] - q->low[0] + k[0] * q->dilation[0];
    int64_t at1 = o1 * q->stride[1] - q->low[1] + k[1] * q->dilation[1];
    if (at0 < 0 || at0 >= q->x[0] || at1 < 0 || at1 >= q->x[1]) return (run){0, 0, 0};
    int64_t shift = k[2] * q->dilation[2] - q->low[2]; /* window o begins at o stride + shift */
    int64_t first = between(o2, ceil_of(-shift, q->stride[2]), o2 + count);
    int64_t end = between(first, ceil_of(q->x[2] - shift, q->stride[2]), o2 + count);
    return (run){first - o2, end - first, (at0 * q->x[1] + at1) * q->x[2] + first * q->stride[2] + shift};
}

/* For the pieces of windows p0 to p1 that lie in one row, and each place of the kernel: their run, and the place of the
   first of them in the columns of a channel. */
#define FOR_RUNS(q, p0, p1, ...)                                                          \
    for (int64_t p = (p0), length, tap; p < (p1); p += length) {                          \
        length = (q)->y[2] - p % (q)->y[2] < (p1)-p ? (q)->y[2] - p % (q)->y[2] : (p1)-p; \
        tap = 0;                                                                          \
        for (int64_t k0 = 0; k0 < (q)->w[0]; k0++)                                        \
            for (int64_t k1 = 0; k1 < (q)->w[1]; k1++)                                    \
                for (int64_t k2 = 0; k2 < (q)->w[2]; k2++, tap++) {                       \
                    const run r = run_of((q), p, length, (const int64_t[]){k0, k1, k2});  \
                    const int64_t place = tap * ((p1) - (p0)) + p - (p0);                 \
                    __VA_ARGS__                                                           \
                }                                                                         \
    }

/* columns[channel, place of the kernel][window] = x, zeros outside; and the way back, which adds. */
#define WINDOWS(name, T)                                                                                               \
    static void write_##name(const conv_geometry *q, const T *x, int64_t channels, int64_t p0, int64_t p1, T *columns) \
    {                                                                                                                  \
        const int64_t all = q->w_size * (p1 - p0), stride = q->stride[2];                                              \
        FOR_RUNS(                                                                                                      \
            q, p0, p1, for (int64_t c = 0; c < channels; c++) {                                                        \
                const T *from = x + c * q->x_size + r.from;                                                            \
                T *to = columns + c * all + place;                                                                     \
                for (int64_t i = 0; i < r.first; i++) to[i] = 0;                                                       \
                if (stride == 1)                                                                                       \
                    memcpy(to + r.first, from, (size_t)r.count * sizeof *to);                                          \
                else                                                                                                   \
                    for (int64_t i = 0; i < r.count; i++) to[r.first + i] = from[i * stride];                          \
                for (int64_t i = r.first + r.count; i < length; i++) to[i] = 0;                                        \
            })                                                                                                         \
    }                                                                                                                  \
    static void add_back_##name(const conv_geometry *q, T *x, int64_t channels, int64_t p0, int64_t p1,                \
                                const T *columns)                                                                      \
    {                                                                                                                  \
        const int64_t all = q->w_size * (p1 - p0), stride = q->stride[2];                                              \
        FOR_RUNS(                                                                                                      \
            q, p0, p1, for (int64_t c = 0; c < channels; c++) {                                                        \
                const T *from = columns + c * all + place + r.first;                                                   \
                T *to = x + c * q->x_size + r.from;                                                                    \
                if (stride == 1)                                                                                       \
                    for (int64_t i = 0; i < r.count; i++) to[i] += from[i];                                            \
                else                                                                                                   \
                    for (int64_t i = 0; i < r.count; i++) to[i * stride] += from[i];                                   \
            })                                                                                                         \
    }

WINDOWS(f32, float)
WINDOWS(f64, double)

static void write_windows(const convolution_plan *p, const void *x, int64_t channels, int64_t p0, int64_t p1, void *to)
{
    if (p->type == WG_F32)
        write_f32(&p->q, x, channels, p0, p1, to);
    else
        write_f64(&p->q, x, channels, p0, p1, to);
}

static void add_windows_back(const convolution_plan *p, void *x, int64_t channels, int64_t p0, int64_t p1,
                             const void *from)
{
    if (p->type == WG_F32)
        add_back_f32(&p->q, x, channels, p0, p1, from);
    else
        add_back_f64(&p->q, x, channels, p0, p1, from);
}

/* ---- cutting ---- */

static size_t round_up(size_t bytes)
{
    return (bytes + MEMORY_ALIGNMENT - 1) / MEMORY_ALIGNMENT * MEMORY_ALIGNMENT;
}

/* Windows of one element, each over its own place. */
static bool is_direct(const conv_geometry *q)
{
    bool direct = q->w_size == 1;
    for (int i = 0; i < CONV_AXES; i++) direct = direct && q->stride[i] == 1 && q->low[i] == 0 && q->x[i] == q->y[i];
    return direct;
}

/* Cuts channels so that there are enough tasks. */
static int64_t cut_channels(int64_t channels, int64_t tasks)
{
    int64_t cuts = divide_up(ENOUGH_TASKS, tasks), most = divide_up(channels, LEAST_BLOCK);
    return divide_up(channels, between(1, cuts, most));
}

static void cut(convolution_plan *p)
{
    const conv_geometry *q = &p->q;
    const int64_t images = q->batch * q->groups;
    p->inputs = q->inputs;
    p->outputs = q->outputs;
    if (p->kind == CONVOLUTION_FILTER) {
        p->inputs = cut_channels(q->inputs, q->groups);
        p->outputs = cut_channels(q->outputs, q->groups * divide_up(q->inputs, p->inputs));
    } else if (p->kind == CONVOLUTION_TRANSPOSED) {
        p->inputs = cut_channels(q->inputs, images);
    }
    p->input_cuts = divide_up(q->inputs, p->inputs);
    p->output_cuts = divide_up(q->outputs, p->outputs);
    int64_t column = p->inputs * q->w_size * (int64_t)wg_type_size(p->type);
    int64_t block = between(LEAST_BLOCK, COLUMN_BYTES / column, q->y_size);
    p->blocks = divide_up(q->y_size, block);
    p->block = between(1, divide_up(divide_up(q->y_size, p->blocks), LEAST_BLOCK) * LEAST_BLOCK, q->y_size);
    p->blocks = divide_up(q->y_size, p->block);
    p->columns = p->direct ? 0 : round_up((size_t)(column * p->block));
    p->tasks = p->kind == CONVOLUTION_FORWARD      ? images * p->blocks
               : p->kind == CONVOLUTION_TRANSPOSED ? images * p->input_cuts
                                                   : q->groups * p->input_cuts * p->output_cuts;
}

/* The product of one block. Columns lie in the inputs where they are direct. */
static product product_of(const convolution_plan *p, int64_t windows, int64_t inputs, int64_t outputs)
{
    const conv_geometry *q = &p->q;
    const int64_t taps = q->w_size, row = q->inputs * taps, step = p->direct ? q->x_size : windows;
    product one = {.type = p->type, .batch = 1};
    if (p->kind == CONVOLUTION_FORWARD) {
        one.rows = outputs, one.inner = inputs * taps, one.columns = windows;
        one.a = (product_stride){row, 1, 0};
        one.b = (product_stride){step, 1, 0};
        one.c = (product_stride){q->y_size, 1, 0};
    } else if (p->kind == CONVOLUTION_TRANSPOSED) {
        one.rows = inputs * taps, one.inner = outputs, one.columns = windows;
        one.a = (product_stride){1, row, 0};
        one.b = (product_stride){q->y_size, 1, 0};
        one.c = (product_stride){step, 1, 0};
    } else {
        one.rows = outputs, one.inner = windows, one.columns = inputs * taps;
        one.a = (product_stride){q->y_size, 1, 0};
        one.b = (product_stride){1, step, 0};
        one.c = (product_stride){row, 1, 0};
        one.accumulate = true;
    }
    return one;
}

/* The last part of something cut. */
static int64_t last_of(int64_t all, int64_t size, int64_t cuts)
{
    return all - size * (cuts - 1);
}

bool convolution_prepare(convolution_kind kind, const wg_shape *first, const wg_shape *second, const wg_shape *result,
                         wg_type type, const wg_attributes *a, convolution_plan *plan)
{
    const wg_shape *x = kind == CONVOLUTION_TRANSPOSED ? result : first;
    const wg_shape *y = kind == CONVOLUTION_FORWARD ? result : kind == CONVOLUTION_TRANSPOSED ? first : second;
    const wg_shape *w = kind == CONVOLUTION_FILTER ? result : second;
    if (!wg_shape_size(*first) || !wg_shape_size(*second) || !wg_shape_size(*result)) return false;
    *plan = (convolution_plan){.kind = kind, .type = type, .q = conv_geometry_of(x, y, w, a)};
    plan->direct = is_direct(&plan->q);
    cut(plan);
    size_t scratch = 0;
    for (int i = 0; i < 8; i++) {
        bool block = i & 4, inputs = i & 2, outputs = i & 1;
        product one = product_of(plan, block ? last_of(plan->q.y_size, plan->block, plan->blocks) : plan->block,
                                 inputs ? last_of(plan->q.inputs, plan->inputs, plan->input_cuts) : plan->inputs,
                                 outputs ? last_of(plan->q.outputs, plan->outputs, plan->output_cuts) : plan->outputs);
        product_plan *part = &plan->part[block][inputs][outputs];
        product_prepare(&one, product_path_wanted(), part);
        if (part->scratch > scratch) scratch = part->scratch;
    }
    plan->scratch = plan->columns + scratch;
    return true;
}

void convolution_release(convolution_plan *plan)
{
    for (int i = 0; i < 8; i++) product_release(&plan->part[i >> 2][i >> 1 & 1][i & 1]);
}

/* ---- running ---- */

/* What a task works on. */
typedef struct work {
    const convolution_plan *p;
    int64_t image, group, input, output; /* input, output: the first channels in the group */
    bool last_inputs, last_outputs;
    int64_t inputs; /* channels */
    void *columns, *scratch;
} work;

static const char *at(const work *t, const void *base, int64_t elements)
{
    return (const char *)base + elements * (int64_t)wg_type_size(t->p->type);
}

static int64_t x_of(const work *t)
{
    const conv_geometry *q = &t->p->q;
    return ((t->image * q->groups + t->group) * q->inputs + t->input) * q->x_size;
}

static int64_t y_of(const work *t)
{
    const conv_geometry *q = &t->p->q;
    return ((t->image * q->groups + t->group) * q->outputs + t->output) * q->y_size;
}

static int64_t w_of(const work *t)
{
    const conv_geometry *q = &t->p->q;
    return ((t->group * q->outputs + t->output) * q->inputs + t->input) * q->w_size;
}

static void multiply(const work *t, int64_t block, const void *a, const void *b, void *c)
{
    const convolution_plan *p = t->p;
    const product_plan *part = &p->part[block == p->blocks - 1][t->last_inputs][t->last_outputs];
    for (int64_t i = 0; i < part->tasks; i++) product_run(part, i, a, b, c, t->scratch);
}

/* The windows of a block, side by side: written now, or where the inputs lie. */
static const void *windows_of(const work *t, const void *x, int64_t block)
{
    const convolution_plan *p = t->p;
    int64_t p0 = block * p->block, p1 = block == p->blocks - 1 ? p->q.y_size : p0 + p->block;
    if (p->direct) return at(t, x, x_of(t) + p0);
    write_windows(p, at(t, x, x_of(t)), t->inputs, p0, p1, t->columns);
    return t->columns;
}

static void run_forward(const work *t, int64_t block, const void *x, const void *w, void *y)
{
    multiply(t, block, at(t, w, w_of(t)), windows_of(t, x, block), (void *)at(t, y, y_of(t) + block * t->p->block));
}

static void run_transposed(const work *t, const void *y, const void *w, void *x)
{
    const convolution_plan *p = t->p;
    void *to = (void *)at(t, x, x_of(t));
    if (!p->direct) memset(to, 0, (size_t)(t->inputs * p->q.x_size) * wg_type_size(p->type));
    for (int64_t i = 0; i < p->blocks; i++) {
        int64_t p0 = i * p->block, p1 = i == p->blocks - 1 ? p->q.y_size : p0 + p->block;
        void *columns = p->direct ? (void *)at(t, to, p0) : t->columns;
        multiply(t, i, at(t, w, w_of(t)), at(t, y, y_of(t) + p0), columns);
        if (!p->direct) add_windows_back(p, to, t->inputs, p0, p1, columns);
    }
}

static void run_filter(work *t, const void *x, const void *y, void *w)
{
    const convolution_plan *p = t->p;
    const conv_geometry *q = &p->q;
    int64_t outputs = t->last_outputs ? last_of(q->outputs, p->outputs, p->output_cuts) : p->outputs;
    for (int64_t o = 0; o < outputs; o++)
        memset((void *)at(t, w, w_of(t) + o * q->inputs * q->w_size), 0,
               (size_t)(t->inputs * q->w_size) * wg_type_size(p->type));
    for (t->image = 0; t->image < q->batch; t->image++)
        for (int64_t i = 0; i < p->blocks; i++) {
            const void *columns = windows_of(t, x, i);
            multiply(t, i, at(t, y, y_of(t) + i * p->block), columns, (void *)at(t, w, w_of(t)));
        }
}

/* Takes one part of what a task's number counts. */
static int64_t take(int64_t *number, int64_t count)
{
    int64_t part = *number % count;
    *number /= count;
    return part;
}

void convolution_run(const convolution_plan *p, int64_t task, const void *a, const void *b, void *c, void *scratch)
{
    work t = {.p = p, .columns = scratch, .scratch = (char *)scratch + p->columns};
    int64_t block = p->kind == CONVOLUTION_FORWARD ? take(&task, p->blocks) : 0;
    int64_t output = p->kind == CONVOLUTION_FILTER ? take(&task, p->output_cuts) : 0;
    int64_t input = p->kind == CONVOLUTION_FORWARD ? 0 : take(&task, p->input_cuts);
    t.group = take(&task, p->q.groups);
    t.image = task;
    t.input = input * p->inputs;
    t.output = output * p->outputs;
    t.last_inputs = input == p->input_cuts - 1;
    t.last_outputs = output == p->output_cuts - 1;
    t.inputs = t.last_inputs ? last_of(p->q.inputs, p->inputs, p->input_cuts) : p->inputs;
    if (p->kind == CONVOLUTION_FORWARD)
        run_forward(&t, block, a, b, c);
    else if (p->kind == CONVOLUTION_TRANSPOSED)
        run_transposed(&t, a, b, c);
    else
        run_filter(&t, a, b, c);
}
