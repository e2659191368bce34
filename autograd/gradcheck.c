/* The gradient check. The recorded graph is replayed in f64 with leaves moved a little, and the change of y is compared
   with what the recorded gradient says.

   Differences are central, with Ridders' extrapolation: steps shrink by 4, and each pair of neighbours gives the limit
   to two more orders (Ridders 1982; Press et al., Numerical Recipes, section 5.7). A step counts only if all
   comparisons, maxima and the like come out as at the point itself: then no kink lies between, and the quotient
   converges. */
#include "base/philox.h"
#include "engine/replay.h"
#include "graph/shape.h"

#include <wengert/functions.h>
#include <wengert/gradient.h>

#include <float.h>
#include <math.h>
#include <string.h>

enum { LEVELS = 6, ATTEMPTS = 12 };

typedef struct checker {
    wg_context *ctx;
    wg_gradcheck_options options;
    uint32_t y;
    size_t leaf_count;
    uint32_t *leaves, *gradients; /* nodes */
    replay *forward, *backward;
    double *moved; /* the varied leaf's values */
    double value;  /* y at the recorded point */
    uint64_t branches;
} checker;

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

/* The derivative of y along a direction; false if a kink lies within every step tried. `noise` is what rounding of y
   alone does to the quotient. */
static bool difference(checker *c, const double *base, const double *direction, int64_t size, double step,
                       double *derivative, double *noise)
{
    double table[LEVELS][LEVELS], best = INFINITY;
    int level = 0;
    for (int attempt = 0; attempt < ATTEMPTS && level < LEVELS; attempt++, step /= 4) {
        double above, below;
        if (!y_at(c, base, direction, size, step, &above) || !y_at(c, base, direction, size, -step, &below)) {
            if (!graph_ok(c->ctx)) return false;
            level = 0; /* what was seen at larger steps crosses a kink, too */
            best = INFINITY;
            continue;
        }
        table[level][0] = (above - below) / (2 * step);
        double rounding = 8 * DBL_EPSILON * (fabs(c->value) + DBL_MIN) / step;
        if (level == 0) {
            *derivative = table[0][0];
            *noise = rounding;
        }
        double factor = 16;
        for (int k = 1; k <= level; k++, factor *= 16) {
            table[level][k] = (factor * table[level][k - 1] - table[level - 1][k - 1]) / (factor - 1);
            double error =
                fmax(fabs(table[level][k] - table[level][k - 1]), fabs(table[level][k] - table[level - 1][k - 1]));
            if (error > best) continue;
            best = error;
            *derivative = table[level][k];
            *noise = rounding;
        }
        level++;
        if (level > 2 && best <= 1e-11 * fabs(*derivative)) break;
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
    double apart, analytic, numeric, noise; /* squares of |a - n|, |a|, |n| and of the noise */
    double scale;                           /* largest |a| */
} tally;

static double excess(double distance, double noise)
{
    return distance > noise ? distance - noise : 0;
}

static void note_sample(wg_gradcheck_leaf *leaf, tally *t, int64_t sample, double analytic, double numeric,
                        double noise)
{
    double apart = fabs(analytic - numeric);
    t->apart += apart * apart;
    t->analytic += analytic * analytic;
    t->numeric += numeric * numeric;
    t->noise += noise * noise;
    leaf->samples++;
    double whole = fabs(analytic) + fabs(numeric) + 1e-3 * t->scale;
    double error = whole > 0 ? excess(apart, noise) / whole : apart > 0 ? 1 : 0;
    if (!(error >= leaf->worst_error) && !isnan(error) && leaf->worst_sample >= 0) return;
    leaf->worst_error = isnan(error) ? INFINITY : error;
    leaf->worst_sample = sample;
    leaf->analytic = analytic;
    leaf->numeric = numeric;
}

static void judge(const checker *c, wg_gradcheck_leaf *leaf, const tally *t)
{
    double whole = sqrt(t->analytic) + sqrt(t->numeric);
    double beyond = whole > 0 ? excess(sqrt(t->apart), sqrt(t->noise)) / whole : 0;
    leaf->norm_error = whole > 0 ? sqrt(t->apart) / whole : 0;
    leaf->passed = leaf->samples > 0 && beyond <= c->options.tolerance && leaf->worst_error <= c->options.tolerance &&
                   isfinite(whole);
}

static double inner_product(const double *a, const double *b, int64_t size)
{
    double sum = 0;
    for (int64_t i = 0; i < size; i++) sum += a[i] * b[i];
    return sum;
}

static bool check_samples(checker *c, wg_gradcheck_leaf *leaf, const double *base, const double *gradient, int64_t size,
                          double *direction, uint64_t stream)
{
    tally t = {0};
    double squares = inner_product(base, base, size);
    double step = c->options.step * (squares > 0 ? sqrt(squares / (double)size) : 1);
    int64_t samples = leaf->swept ? size : c->options.directions;
    for (int64_t i = 0; i < size && leaf->swept; i++) t.scale = fmax(t.scale, fabs(gradient[i]));
    if (!leaf->swept) t.scale = sqrt(inner_product(gradient, gradient, size) / (double)size);
    for (int64_t i = 0; i < samples && graph_ok(c->ctx); i++) {
        if (leaf->swept) {
            memset(direction, 0, (size_t)size * sizeof *direction);
            direction[i] = 1;
        } else {
            random_direction(c, stream << 32 | (uint64_t)i, direction, size);
        }
        double numeric, noise, analytic = inner_product(gradient, direction, size);
        if (difference(c, base, direction, size, leaf->swept ? step : step * sqrt((double)size), &numeric, &noise))
            note_sample(leaf, &t, i, analytic, numeric, noise);
        else
            leaf->kinks++;
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
    *leaf = (wg_gradcheck_leaf){
        .shape = graph_shape(c->ctx, n), .worst_sample = -1, .swept = size <= c->options.full && !c->options.fast};
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
    c->leaves = memory_new(&ctx->memory, ctx->persistent_count + 1, sizeof *c->leaves);
    if (!c->leaves) return graph_fail_memory(ctx, ctx->persistent_count * sizeof *c->leaves).id;
    wg_tensor y = graph_tensor(ctx, c->y);
    for (uint32_t id = 1; id <= c->y; id++) {
        const persistent *p = graph_persistent_of(ctx, graph_node(ctx, id));
        if (p && p->trainable && graph_node(ctx, id)->op == &graph_parameter_op &&
            wg_depends_on(y, graph_tensor(ctx, id)))
            c->leaves[c->leaf_count++] = id;
    }
    if (!c->leaf_count) graph_fail(ctx, WG_BAD_ARGUMENT, "gradcheck: no trainable parameter leads to the tensor");
    return c->leaf_count > 0;
}

static bool take_leaves(checker *c, wg_list xs)
{
    if (xs.count == 0) return find_parameters(c);
    c->leaves = memory_new(&c->ctx->memory, xs.count, sizeof *c->leaves);
    if (!c->leaves) return graph_fail_memory(c->ctx, xs.count * sizeof *c->leaves).id;
    c->leaf_count = xs.count;
    wg_context *common;
    if (!graph_resolve_list(xs, "gradcheck", &common, c->leaves)) return false;
    if (common == c->ctx) return true;
    graph_fail(c->ctx, WG_BAD_HANDLE, "gradcheck: a leaf belongs to another context");
    return false;
}

/* Records the gradients and prepares both replays. */
static bool prepare(checker *c)
{
    memory *m = &c->ctx->memory;
    wg_tensor *tensors = memory_new(m, 2 * c->leaf_count, sizeof *tensors);
    uint32_t *roots = memory_new(m, c->leaf_count + 1, sizeof *roots); /* y, and the leaves, to start from */
    c->gradients = memory_new(m, c->leaf_count, sizeof *c->gradients);
    bool fine = tensors && roots && c->gradients;
    if (!fine) graph_fail_memory(c->ctx, 2 * c->leaf_count * sizeof *tensors);
    for (size_t i = 0; fine && i < c->leaf_count; i++) tensors[c->leaf_count + i] = graph_tensor(c->ctx, c->leaves[i]);
    fine = fine && wg_grads(graph_tensor(c->ctx, c->y), (wg_list){c->leaf_count, tensors + c->leaf_count}, tensors);
    for (size_t i = 0; fine && i < c->leaf_count; i++) c->gradients[i] = tensors[i].id;
    if (fine) {
        roots[0] = c->y;
        memcpy(roots + 1, c->leaves, c->leaf_count * sizeof *roots);
        c->forward = replay_new(c->ctx, roots, c->leaf_count + 1);
    }
    memory_release(m, tensors);
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

static void run_check(checker *c, wg_gradcheck_report *report)
{
    bool fine = prepare(c);
    report->passed = fine;
    for (size_t i = 0; fine && i < c->leaf_count; i++) {
        wg_gradcheck_leaf leaf;
        fine = check_leaf(c, i, &leaf);
        if (!fine) break;
        report->leaf_count++;
        report->passed = report->passed && leaf.passed;
        report->worst_error = fmax(report->worst_error, leaf.norm_error);
        list_leaf(report, &leaf);
    }
    report->value = c->value;
    report->complete = fine;
    report->passed = report->passed && fine && isfinite(c->value);
    replay_free(c->forward);
    replay_free(c->backward);
}

static wg_gradcheck_options with_defaults(const wg_gradcheck_options *options)
{
    wg_gradcheck_options o = options ? *options : (wg_gradcheck_options){0};
    if (o.directions <= 0) o.directions = 16;
    if (o.full <= 0) o.full = 256;
    if (!(o.tolerance > 0)) o.tolerance = 1e-6;
    if (!(o.step > 0)) o.step = 1e-2;
    return o;
}

wg_gradcheck_report wg_gradcheck(wg_tensor y, wg_list xs, const wg_gradcheck_options *options)
{
    wg_context *ctx = y.context;
    WG_ENTRY(ctx);
    checker c = {.ctx = ctx, .options = with_defaults(options)};
    wg_gradcheck_report report = {.tolerance = c.options.tolerance, .seed = c.options.seed};
    c.y = graph_resolve(y, "gradcheck");
    if (!c.y) return report;
    bool eager = ctx->options.eager, checked = ctx->options.check_finite;
    uint64_t mark = wg_mark(ctx);
    ctx->options.eager = ctx->options.check_finite = false; /* the report speaks of what is not finite */
    if (take_leaves(&c, xs)) run_check(&c, &report);
    ctx->options.eager = eager;
    ctx->options.check_finite = checked;
    memory_release(&ctx->memory, c.leaves);
    memory_release(&ctx->memory, c.gradients);
    wg_rewind(ctx, mark);
    return report;
}

bool wg_gradcheck_print(const wg_gradcheck_report *report, FILE *file)
{
    if (!report || !file) return false;
    if (!report->complete) {
        fprintf(file, "gradient check: stopped by an error\n");
        return false;
    }
    fprintf(file, "gradient check in f64, y = %.6g\n  %-28s %-16s %9s %6s %10s %10s\n", report->value, "leaf", "shape",
            "samples", "kinks", "norm error", "worst");
    for (size_t i = 0; i < report->listed; i++) {
        const wg_gradcheck_leaf *leaf = &report->leaves[i];
        shape_buffer buffer;
        fprintf(file, "  %-28s %-16s %5lld %s %6lld %10.1e %10.1e %s\n", leaf->name, shape_text(leaf->shape, &buffer),
                (long long)leaf->samples, leaf->swept ? "all" : "dir", (long long)leaf->kinks, leaf->norm_error,
                leaf->worst_error, leaf->passed ? "ok" : "WRONG");
        if (!leaf->passed && leaf->samples)
            fprintf(file, "    worst at %s %lld: the gradient says %.9g, differences say %.9g\n",
                    leaf->swept ? "element" : "direction", (long long)leaf->worst_sample, leaf->analytic,
                    leaf->numeric);
    }
    if (report->listed < report->leaf_count)
        fprintf(file, "  ... and %zu more, with smaller errors\n", report->leaf_count - report->listed);
    fprintf(file, "  %s: tolerance %.0e, seed %llu\n", report->passed ? "passed" : "FAILED", report->tolerance,
            (unsigned long long)report->seed);
    return !ferror(file);
}
