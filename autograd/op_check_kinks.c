/* The check for kinks. The result is followed along a line between two points of the op's domain, in f64. Fourth
   differences of a smooth function shrink with the fourth power of the step, those of a kink with the step itself:
   where they are largest, a finer look tells which it is. Then the op's branches must differ on the two sides. */
#include "autograd/op_check.h"
#include "engine/run.h"
#include "graph/shape.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { STEPS = 512, FINER = 16, LOOK = FINER + 4 };

/* The line: operands at `from` and `to`, and room for those between. */
typedef struct line {
    op_check *check;
    application from, to, between;
} line;

static void move_to(line *l, double t)
{
    for (size_t i = 0; i < l->between.count; i++) {
        double *at = l->between.inputs[i].data;
        const double *a = l->from.inputs[i].data, *b = l->to.inputs[i].data;
        if (l->between.inputs[i].type != WG_F64) continue;
        for (int64_t k = 0; k < wg_shape_size(l->between.inputs[i].shape); k++) at[k] = a[k] + t * (b[k] - a[k]);
    }
}

/* A weighted sum of the result at t; NaN after a finding. */
static double value_at(line *l, double t)
{
    op_check *c = l->check;
    move_to(l, t);
    double *values = application_run(c, &l->between, application_kernel(c, &l->between), 0xA5, 0x5A), sum = 0;
    for (int64_t i = 0; values && i < wg_shape_size(l->between.output.shape); i++)
        sum += values[i] * (1 + 0.618033988749895 * (double)(i % 7));
    bool fine = values != NULL;
    memory_drop(&c->home->memory, values);
    return fine ? sum : NAN;
}

/* The largest fourth difference of values at t + i h, and where; 0 if all is noise. */
static double roughest(const double *y, int count, int *where)
{
    double most = 0, scale = 0;
    for (int i = 0; i < count; i++)
        if (isfinite(y[i])) scale = fmax(scale, fabs(y[i]));
    for (int i = 2; i + 2 < count; i++) {
        double d = fabs(y[i - 2] - 4 * y[i - 1] + 6 * y[i] - 4 * y[i + 1] + y[i + 2]);
        if (!isfinite(d) || d <= most) continue;
        most = d;
        *where = i;
    }
    return most > 4096 * DBL_EPSILON * (scale + DBL_MIN) ? most : 0;
}

/* Whether a kink or jump lies on the line: then *low and *high are on its two sides, close by. */
static bool find_kink(line *l, double *low, double *high)
{
    double y[STEPS + 1], h = 0.96 / STEPS, start = 0.02; /* domains may end where the line does */
    int at = 0;
    for (int i = 0; i <= STEPS; i++) y[i] = value_at(l, start + i * h);
    double before = roughest(y, STEPS + 1, &at);
    for (int look = 0; look < 2; look++) {
        if (before == 0) return false;
        start += (at - 2) * h; /* the five points that it was seen from, and a little more */
        h *= 4. / FINER;
        start -= 2 * h;
        for (int i = 0; i <= LOOK; i++) y[i] = value_at(l, start + i * h);
        double now = roughest(y, LOOK + 1, &at);
        if (now < before / 64) return false; /* a step of a quarter: 1 / 4 for a kink, 1 / 256 where it is smooth */
        before = now;
    }
    *low = start + (at - 2) * h;
    *high = start + (at + 2) * h;
    return before > 0;
}

/* ---- branches ---- */

/* The choices at t: counted, NULL without memory. */
static int64_t *branches_at(line *l, double t)
{
    op_check *c = l->check;
    application *a = &l->between;
    size_t size = (size_t)wg_shape_size(a->output.shape);
    int64_t *branch = memory_values(&c->home->memory, size * sizeof *branch);
    double *values = memory_values(&c->home->memory, size * sizeof *values);
    move_to(l, t);
    wg_array output = {a->output.type, a->output.shape, values};
    if (branch && values) {
        char fault[WG_FAULT_SIZE] = "";
        wg_call call = {a->count, a->inputs, &output, &a->attributes, fault, NULL};
        if (run_call(c->home, c->op, application_kernel(c, a), &call)) c->op->branch(&call, branch);
    } else {
        graph_fail_memory(c->home, size * sizeof *branch);
    }
    memory_drop(&c->home->memory, values);
    return branch;
}

static void check_branches(line *l, double low, double high)
{
    op_check *c = l->check;
    size_t bytes = (size_t)wg_shape_size(l->between.output.shape) * sizeof(int64_t);
    int64_t *a = branches_at(l, low), *b = branches_at(l, high);
    if (a && b && op_check_alive(c) && memcmp(a, b, bytes) == 0)
        op_check_note(c, "the result has a kink whose sides `branch` does not tell apart");
    memory_drop(&c->home->memory, a);
    memory_drop(&c->home->memory, b);
}

static void look_along(op_check *c, uint64_t stream)
{
    line l = {.check = c};
    application wide, from = {0}, to = {0};
    if (!application_widen(c, &c->at, &wide)) return;
    double low, high;
    bool ready = application_vary(c, &wide, stream, &from) && application_vary(c, &wide, stream + 100, &to) &&
                 application_vary(c, &wide, stream, &l.between);
    l.from = from;
    l.to = to;
    if (ready && find_kink(&l, &low, &high) && op_check_alive(c)) {
        if (c->op->branch)
            check_branches(&l, low, high);
        else
            op_check_note(c, "the result has a kink, and there is no `branch` that tells its sides apart");
    }
    application_free(c, &wide);
    application_free(c, &from);
    application_free(c, &to);
    application_free(c, &l.between);
}

void op_check_kinks(op_check *c)
{
    enum { LINES = 3 };
    const application *a = &c->at;
    bool floats = a->count > 0 && type_is_float(a->inputs[0].type) && type_is_float(a->output.type);
    int before = c->findings;
    if (!c->op->vjp || c->refuses || !floats || c->type != WG_F64 || c->op->alias) return;
    for (uint64_t i = 0; i < LINES && c->findings == before && op_check_alive(c); i++) look_along(c, 10000 * (i + 1));
}
