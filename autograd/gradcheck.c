/* The gradient check. The recorded graph is replayed in f64 with leaves moved a little, and the change of y is compared
   with what the recorded gradient says.

   Differences are central, with Ridders' extrapolation: steps shrink by 4, and each pair of neighbours gives the limit
   to two more orders (Ridders 1982; Press et al., Numerical Recipes, section 5.7). A step counts only if all
   comparisons, maxima and the like come out as at the point itself: then no kink lies between, and the quotient
   converges.

   Each difference comes with its doubt: how far the extrapolation still moves, and what rounding of y does to the
   quotient. Doubt excuses an error up to ten times the tolerance, never more: a difference that is worth less than that
   is left out and counted as blurred. */
#include "autograd/reverse.h"
#include "base/philox.h"
#include "engine/replay.h"
#include "graph/shape.h"

#include <wengert/functions.h>
#include <wengert/gradient.h>

#include <float.h>
#include <math.h>
#include <string.h>

enum { COLUMNS = 6, ATTEMPTS = 20, WIDER = 64 };

typedef struct checker {
    wg_context *ctx;
    wg_gradcheck_options options;
    int order;     /* of the derivative that is checked now */
    uint32_t y;    /* what is differentiated: of the second order the first gradient's product with random vectors */
    wg_list given; /* leaves, as handles: one of a parameter is asked for its present binding */
    size_t leaf_count;
    uint32_t *leaves, *gradients; /* nodes */
    replay *forward, *backward;
    double *moved; /* the varied leaf's values */
    double value;  /* y at the recorded point */
    double scale;  /* y's rounding error in units of DBL_EPSILON, at least |y| */
    uint64_t branches;
} checker;

/* A derivative by differences, how far it may be from the true one, and whether a kink kept the steps small. */
typedef struct quotient {
    double derivative, doubt;
    bool kinked;
} quotient;

/* ---- one sample ---- */

/* y with the leaf at base + t direction; false if a branch differs or y is not finite. */
static bool y_at(checker *c, const double *base, const double *direction, int64_t size, double t, double *y)
{
    uint64_t branches;
    for (int64_t i = 0; i < size; i++) c->moved[i] = base[i] + t * direction[i];
    if (!replay_run(c->forward, (const double *const[]){c->moved}, &branches)) return false;
    *y = *replay_root(c->forward, c->y);
    return branches == c->branches && isfinite(*y);
}

/* How much of a shrunken step's quotient is rounding of y. */
static double rounding(const checker *c, double step)
{
    return 8 * DBL_EPSILON * (c->scale + DBL_MIN) / step;
}

/* The derivative of y along a direction; false if a kink lies within every step tried. */
static bool difference(checker *c, const double *base, const double *direction, int64_t size, double step, quotient *q)
{
    double row[COLUMNS], before[COLUMNS];
    int level = 0;
    q->kinked = false;
    for (int attempt = 0; attempt < ATTEMPTS; attempt++, step /= 4) {
        double above, below, factor = 16;
        if (level > 2 && rounding(c, step) > q->doubt) break; /* from here on it only grows */
        if (!y_at(c, base, direction, size, step, &above) || !y_at(c, base, direction, size, -step, &below)) {
            if (!graph_ok(c->ctx)) return false;
            level = 0; /* what was seen at larger steps crosses a kink, too */
            q->kinked = true;
            continue;
        }
        row[0] = (above - below) / (2 * step);
        if (level == 0) *q = (quotient){row[0], INFINITY, q->kinked};
        for (int k = 1; k < COLUMNS && k <= level; k++, factor *= 16) {
            row[k] = (factor * row[k - 1] - before[k - 1]) / (factor - 1);
            double moves = fmax(fabs(row[k] - row[k - 1]), fabs(row[k] - before[k - 1]));
            if (moves + rounding(c, step) < q->doubt) *q = (quotient){row[k], moves + rounding(c, step), q->kinked};
        }
        memcpy(before, row, sizeof row);
        level++;
        if (level > 2 && q->doubt <= 1e-11 * fabs(q->derivative)) break;
    }
    return level > 0;
}

/* A random direction of length 1, uniform on the sphere. */
static void random_direction(const checker *c, uint64_t stream, double *direction, int64_t size)
{
    double squares = 0;
    for (int64_t i = 0; i < size; i++) {
        philox_block block = philox_at(c->options.seed, stream, (uint64_t)i);
        double u = ((double)block.word[0] + 0.5) * 0x1p-32, v = ((double)block.word[1] + 0.5) * 0x1p-32;
        direction[i] = sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
        squares += direction[i] * direction[i];
    }
    for (int64_t i = 0; i < size; i++) direction[i] /= sqrt(squares);
}

/* ---- one leaf ---- */

/* What the samples of a leaf add up to. */
typedef struct tally {
    double apart, analytic, numeric, doubt; /* squares of |a - n|, |a|, |n| and of the doubt */
    double scale;                           /* largest |a| */
    double beyond;                          /* largest error of a sample that its doubt does not explain */
} tally;

static double excess(double distance, double doubt)
{
    return distance > doubt ? distance - doubt : 0;
}

static double weight(const tally *t, double analytic, double numeric)
{
    return fabs(analytic) + fabs(numeric) + 1e-3 * t->scale;
}

/* Whether a difference can show an error of ten times the tolerance. */
static bool is_sharp(const checker *c, const tally *t, double analytic, const quotient *q)
{
    return q->doubt <= 10 * c->options.tolerance * weight(t, analytic, q->derivative);
}

/* Whether the whole gradient is lost in the rounding of y, and moving by a whole step changes nothing that could be
   seen: a derivative of zero is confirmed. */
static bool vanishes(const checker *c, const tally *t, double analytic, const quotient *q, double step)
{
    double largest = fmax(t->scale, fmax(fabs(analytic), fabs(q->derivative)));
    return largest <= q->doubt && q->doubt * step <= 1e-13 * (c->scale + DBL_MIN);
}

static void note_sample(wg_gradcheck_leaf *leaf, tally *t, int64_t sample, double analytic, const quotient *q)
{
    double apart = fabs(analytic - q->derivative);
    t->apart += apart * apart;
    t->analytic += analytic * analytic;
    t->numeric += q->derivative * q->derivative;
    t->doubt += q->doubt * q->doubt;
    leaf->samples++;
    double whole = weight(t, analytic, q->derivative);
    double error = apart == 0 ? 0 : apart / whole, beyond = apart == 0 ? 0 : excess(apart, q->doubt) / whole;
    if (!isfinite(error)) error = beyond = INFINITY;
    t->beyond = fmax(t->beyond, beyond);
    if (leaf->worst_sample >= 0 && error <= leaf->worst_error) return;
    leaf->worst_error = error;
    leaf->worst_sample = sample;
    leaf->analytic = analytic;
    leaf->numeric = q->derivative;
}

static void judge(const checker *c, wg_gradcheck_leaf *leaf, const tally *t)
{
    double whole = sqrt(t->analytic) + sqrt(t->numeric);
    double beyond = whole > 0 ? excess(sqrt(t->apart), sqrt(t->doubt)) / whole : 0;
    leaf->norm_error = whole > 0 ? sqrt(t->apart) / whole : 0;
    if (!isfinite(leaf->norm_error)) leaf->norm_error = INFINITY;
    leaf->passed =
        leaf->samples > 0 && beyond <= c->options.tolerance && t->beyond <= c->options.tolerance && isfinite(whole);
}

static double inner_product(const double *a, const double *b, int64_t size)
{
    double sum = 0;
    for (int64_t i = 0; i < size; i++) sum += a[i] * b[i];
    return sum;
}

/* Measures the rounding error of y, which may come from inner values larger than y: fourth differences at tiny steps
   see nothing of a smooth function but its rounding (More and Wild 2011, Estimating computational noise). Each element
   moves by about 1e-8 of itself, so that none leaves its domain. */
static void measure_rounding(checker *c, const double *base, double *direction, int64_t size, bool relative)
{
    static const double weights[] = {1, -4, 6, -4, 1}; /* square root of the sum of squares: 8.4 */
    random_direction(c, UINT64_MAX, direction, size);
    for (int64_t i = 0; i < size; i++) direction[i] *= sqrt((double)size) * (relative ? fabs(base[i]) : 1);
    c->scale = fabs(c->value);
    for (int i = 1; i <= 3; i++) {
        double sum = 0, y = c->value;
        bool smooth = true;
        for (int k = -2; k <= 2 && smooth; k++) {
            smooth = y_at(c, base, direction, size, k * (1 + 0.1 * i) * 1e-8, &y);
            sum += weights[k + 2] * y;
        }
        if (smooth) c->scale = fmax(c->scale, fabs(sum) / (8.4 * DBL_EPSILON));
    }
}

static void leave_out(wg_gradcheck_leaf *leaf, int64_t sample, bool blurred)
{
    if (blurred)
        leaf->blurred++;
    else if (leaf->kinks++ < WG_GRADCHECK_KINKED)
        leaf->kinked[leaf->kinks - 1] = sample;
}

/* Compares one sample, unless no difference is good enough. */
static void check_sample(checker *c, wg_gradcheck_leaf *leaf, tally *t, int64_t sample, const double *base,
                         const double *direction, int64_t size, double analytic, double step)
{
    quotient q = {NAN, INFINITY, false}, wide;
    bool found = difference(c, base, direction, size, step, &q);
    if (found && !is_sharp(c, t, analytic, &q) && difference(c, base, direction, size, WIDER * step, &wide) &&
        wide.doubt < q.doubt)
        q = wide;
    if (vanishes(c, t, analytic, &q, step)) q.derivative = analytic; /* what is left is noise, no error */
    if (!isfinite(analytic) || is_sharp(c, t, analytic, &q) || vanishes(c, t, analytic, &q, step))
        note_sample(leaf, t, sample, analytic, &q);
    else
        leave_out(leaf, sample, found && !q.kinked);
}

static bool check_samples(checker *c, wg_gradcheck_leaf *leaf, const double *base, const double *gradient, int64_t size,
                          double *direction, uint64_t stream)
{
    tally t = {0};
    double squares = inner_product(base, base, size);
    double step = c->options.step * (squares > 0 ? sqrt(squares / (double)size) : 1), whole = sqrt((double)size);
    int64_t samples = leaf->swept ? size : c->options.directions;
    measure_rounding(c, base, direction, size, squares > 0);
    for (int64_t i = 0; i < size && leaf->swept; i++) t.scale = fmax(t.scale, fabs(gradient[i]));
    if (!leaf->swept) t.scale = sqrt(inner_product(gradient, gradient, size) / (double)size);
    for (int64_t i = 0; i < samples && graph_ok(c->ctx); i++) {
        if (leaf->swept) {
            memset(direction, 0, (size_t)size * sizeof *direction);
            direction[i] = 1;
        } else {
            random_direction(c, stream << 32 | (uint64_t)i, direction, size);
        }
        double analytic = leaf->swept ? gradient[i] : inner_product(gradient, direction, size);
        check_sample(c, leaf, &t, i, base, direction, size, analytic, leaf->swept ? step : step * whole);
    }
    judge(c, leaf, &t);
    return graph_ok(c->ctx);
}

static void name_leaf(const checker *c, uint32_t id, wg_gradcheck_leaf *leaf)
{
    const node *n = graph_node(c->ctx, id);
    const persistent *p = graph_persistent_of(c->ctx, n);
    char place[WG_GRADCHECK_NAME / 2];
    if (p) {
        snprintf(leaf->name, sizeof leaf->name, "%s", p->name);
        return;
    }
    site_describe(c->ctx->sites[n->site], place, sizeof place);
    snprintf(leaf->name, sizeof leaf->name, "%s%s%s%s", n->op->name, place[0] ? " (" : "", place, place[0] ? ")" : "");
}

static bool check_leaf(checker *c, size_t index, wg_gradcheck_leaf *leaf)
{
    memory *m = &c->ctx->memory;
    uint32_t id = c->leaves[index];
    const node *n = graph_node(c->ctx, id);
    int64_t size = graph_size(c->ctx, n);
    *leaf = (wg_gradcheck_leaf){.shape = graph_shape(c->ctx, n),
                                .order = c->order,
                                .worst_sample = -1,
                                .swept = size <= c->options.full && !c->options.fast};
    name_leaf(c, id, leaf);
    leaf->passed = size == 0;
    if (size == 0) return true;
    double *base = memory_values(m, (size_t)size * sizeof *base),
           *direction = memory_values(m, (size_t)size * sizeof *base);
    c->moved = memory_values(m, (size_t)size * sizeof *base);
    bool fine = base && direction && c->moved;
    if (!fine) graph_fail_memory(c->ctx, (size_t)size * sizeof *base);
    fine = fine && replay_vary(c->forward, NULL, 0) && replay_run(c->forward, NULL, NULL);
    if (fine) {
        memcpy(base, replay_recorded(c->forward, id), (size_t)size * sizeof *base);
        fine = replay_vary(c->forward, &id, 1) && replay_run(c->forward, (const double *const[]){base}, &c->branches);
        if (fine) c->value = *replay_root(c->forward, c->y);
        fine =
            fine && check_samples(c, leaf, base, replay_root(c->backward, c->gradients[index]), size, direction, index);
    }
    memory_drop(m, base);
    memory_drop(m, direction);
    memory_drop(m, c->moved);
    return fine;
}

/* ---- the whole ---- */

/* The trainable parameters that y depends on, for an empty list of leaves. */
static bool find_parameters(checker *c)
{
    wg_context *ctx = c->ctx;
    uint8_t *leads = reverse_sources(ctx, c->y);
    if (!leads) return false;
    for (int pass = 0; pass < 2 && graph_ok(ctx); pass++) { /* counted, then listed */
        size_t count = 0;
        for (uint32_t id = 1; id <= c->y; id++) {
            const node *n = graph_node(ctx, id);
            if (!leads[id] || n->op != &graph_parameter_op || !graph_persistent_of(ctx, n)->trainable) continue;
            if (pass) c->leaves[count] = id;
            count++;
        }
        c->leaf_count = count;
        if (pass) break;
        c->leaves = memory_new(&ctx->memory, count, sizeof *c->leaves);
        if (!c->leaves) graph_fail_memory(ctx, count * sizeof *c->leaves);
        if (!count) graph_fail(ctx, WG_BAD_ARGUMENT, "gradcheck: no trainable parameter leads to the tensor");
    }
    memory_release(&ctx->memory, leads);
    return graph_ok(ctx);
}

static bool take_leaves(checker *c, wg_list xs)
{
    if (xs.count == 0) return find_parameters(c);
    c->leaves = memory_new(&c->ctx->memory, xs.count, sizeof *c->leaves);
    if (!c->leaves) return graph_fail_memory(c->ctx, xs.count * sizeof *c->leaves).id;
    c->leaf_count = xs.count;
    return graph_resolve_in(c->ctx, xs, "gradcheck", c->leaves);
}

/* Records the gradients of y by the leaves. */
static bool record_gradients(checker *c)
{
    memory *m = &c->ctx->memory;
    wg_tensor *tensors = memory_new(m, 2 * c->leaf_count, sizeof *tensors);
    if (!tensors) return graph_fail_memory(c->ctx, 2 * c->leaf_count * sizeof *tensors).id;
    for (size_t i = 0; i < c->leaf_count; i++)
        tensors[c->leaf_count + i] = c->given.count ? c->given.items[i] : graph_tensor(c->ctx, c->leaves[i]);
    bool fine = wg_grads(graph_tensor(c->ctx, c->y), (wg_list){c->leaf_count, tensors + c->leaf_count}, tensors);
    for (size_t i = 0; fine && i < c->leaf_count; i++) c->gradients[i] = tensors[i].id;
    memory_release(m, tensors);
    return fine;
}

/* A random vector of length 1 with a node's shape and type. */
static wg_tensor random_vector(checker *c, uint32_t like, uint64_t stream)
{
    wg_context *ctx = c->ctx;
    const node *n = graph_node(ctx, like);
    size_t size = (size_t)graph_size(ctx, n);
    double *direction = memory_values(&ctx->memory, size * sizeof *direction);
    if (!direction) return graph_fail_memory(ctx, size * sizeof *direction);
    random_direction(c, stream, direction, (int64_t)size);
    if (n->type == WG_F32)
        for (size_t i = 0; i < size; i++) ((float *)(void *)direction)[i] = (float)direction[i];
    return graph_constant(ctx, (wg_type)n->type, graph_shape(ctx, n), direction, false);
}

/* Goes on to the second order: y becomes the inner product of its gradients with random vectors. */
static bool project_gradients(checker *c)
{
    wg_context *ctx = c->ctx;
    wg_tensor sum = wg_full_typed(ctx, (wg_type)graph_node(ctx, c->y)->type, WG_SCALAR, 0);
    for (size_t i = 0; i < c->leaf_count && graph_ok(ctx); i++) {
        wg_tensor vector = random_vector(c, c->gradients[i], UINT64_MAX - 1 - i);
        wg_tensor part = wg_sum(wg_mul(graph_tensor(ctx, c->gradients[i]), vector), WG_ALL);
        sum = wg_add(sum, wg_cast(part, wg_type_of(sum)));
    }
    c->y = sum.id;
    c->order = 2;
    return graph_ok(ctx);
}

/* Prepares both replays. */
static bool prepare(checker *c)
{
    memory *m = &c->ctx->memory;
    uint32_t *roots = memory_new(m, c->leaf_count + 1, sizeof *roots); /* y, and the leaves, to start from */
    if (!roots) return graph_fail_memory(c->ctx, (c->leaf_count + 1) * sizeof *roots).id;
    roots[0] = c->y;
    memcpy(roots + 1, c->leaves, c->leaf_count * sizeof *roots);
    c->forward = replay_new(c->ctx, roots, c->leaf_count + 1);
    memory_release(m, roots);
    if (c->forward) c->backward = replay_new(c->ctx, c->gradients, c->leaf_count);
    return c->backward && replay_run(c->backward, NULL, NULL);
}

/* Lists a leaf, in the place of the least bad one if the list is full. */
static void list_leaf(wg_gradcheck_report *report, const wg_gradcheck_leaf *leaf)
{
    size_t place = report->listed;
    if (place < WG_GRADCHECK_LEAVES) {
        report->listed++;
    } else {
        place = 0;
        for (size_t i = 1; i < WG_GRADCHECK_LEAVES; i++)
            if (report->leaves[i].norm_error < report->leaves[place].norm_error) place = i;
        if (report->leaves[place].norm_error >= leaf->norm_error) return;
    }
    report->leaves[place] = *leaf;
}

/* Checks the gradient of y by each leaf; false after an error. */
static bool check_leaves(checker *c, wg_gradcheck_report *report)
{
    bool fine = record_gradients(c) && prepare(c);
    for (size_t i = 0; fine && i < c->leaf_count; i++) {
        wg_gradcheck_leaf leaf;
        fine = check_leaf(c, i, &leaf);
        if (!fine) break;
        report->leaf_count++;
        report->passed = report->passed && leaf.passed;
        report->worst_error = fmax(report->worst_error, leaf.norm_error);
        list_leaf(report, &leaf);
    }
    report->passed = report->passed && isfinite(c->value);
    replay_free(c->forward);
    replay_free(c->backward);
    c->forward = c->backward = NULL;
    return fine;
}

static void run_check(checker *c, wg_gradcheck_report *report)
{
    memory *m = &c->ctx->memory;
    c->gradients = memory_new(m, c->leaf_count, sizeof *c->gradients);
    if (!c->gradients) graph_fail_memory(c->ctx, c->leaf_count * sizeof *c->gradients);
    c->order = 1;
    report->passed = true;
    bool fine = c->gradients && check_leaves(c, report);
    report->value = c->value;
    if (fine && c->options.order == 2) fine = project_gradients(c) && check_leaves(c, report);
    report->complete = fine;
    report->passed = report->passed && fine;
}

static wg_gradcheck_options with_defaults(const wg_gradcheck_options *options)
{
    wg_gradcheck_options o = options ? *options : (wg_gradcheck_options){0};
    if (o.directions <= 0) o.directions = 16;
    if (o.full <= 0) o.full = 256;
    if (!(o.tolerance > 0)) o.tolerance = 1e-6;
    if (!(o.step > 0)) o.step = 1e-2;
    if (o.order == 0) o.order = 1;
    return o;
}

wg_gradcheck_report wg_gradcheck(wg_tensor y, wg_list xs, const wg_gradcheck_options *options)
{
    wg_context *ctx = y.context;
    WG_ENTRY(ctx);
    checker c = {.ctx = ctx, .given = xs, .options = with_defaults(options)};
    wg_gradcheck_report report = {.tolerance = c.options.tolerance, .seed = c.options.seed, .order = c.options.order};
    c.y = graph_resolve(y, "gradcheck");
    if (!c.y) return report;
    if (report.order != 1 && report.order != 2) {
        graph_fail(ctx, WG_BAD_ARGUMENT, "gradcheck: the order must be 1 or 2, not %d", report.order);
        return report;
    }
    bool checked = ctx->options.check_finite, eager = graph_set_eager(ctx, false);
    uint64_t mark = wg_mark(ctx);
    ctx->options.check_finite = false; /* the report speaks of what is not finite */
    if (take_leaves(&c, xs)) run_check(&c, &report);
    graph_set_eager(ctx, eager);
    ctx->options.check_finite = checked;
    memory_release(&ctx->memory, c.leaves);
    memory_release(&ctx->memory, c.gradients);
    wg_rewind(ctx, mark);
    return report;
}
