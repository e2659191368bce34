/* The check of kernels, called beside the tape: they write all of their output and nothing else, give the same each
   time, keep what the op's flags promise, and are as accurate in f32 as it says. */
#include "autograd/op_check.h"
#include "graph/shape.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { SPREAD = 1021 };

static void drop(op_check *c, void *values)
{
    memory_drop(&c->home->memory, values);
}

/* ---- one whole call ---- */

/* The first element in which two results differ; -1: none. */
static int64_t first_difference(const application *a, const void *one, const void *other, int64_t from, int64_t count)
{
    size_t element = wg_type_size(a->output.type);
    for (int64_t i = 0; i < count; i++)
        if (memcmp((const char *)one + (size_t)(from + i) * element, (const char *)other + (size_t)i * element,
                   element))
            return from + i;
    return -1;
}

static void check_bools(op_check *c, const application *a, const uint8_t *values)
{
    for (int64_t i = 0; a->output.type == WG_BOOL && i < wg_shape_size(a->output.shape); i++)
        if (values[i] > 1) {
            op_check_note(c, "element %lld of the result is the byte %d, and no bool", (long long)i, values[i]);
            return;
        }
}

/* The result once more, over other memory: it must not differ. */
static void check_again(op_check *c, const application *a, const void *values, unsigned char junk, unsigned char guard)
{
    void *again = application_run(c, a, application_kernel(c, a), junk, guard);
    int64_t size = wg_shape_size(a->output.shape), at = again ? first_difference(a, values, again, 0, size) : -1;
    drop(c, again);
    if (at < 0) return;
    if (junk != 0xA5)
        op_check_note(c, "the kernel leaves element %lld of the result as it was, or reads it", (long long)at);
    else if (guard != 0x5A)
        op_check_note(c, "element %lld of the result depends on what lies beside the operands", (long long)at);
    else
        op_check_note(c, "element %lld of the result is another one each time", (long long)at);
}

void op_check_kernel(op_check *c)
{
    const application *a = &c->at;
    if (c->op->alias) return;
    void *values = application_run(c, a, application_kernel(c, a), 0xA5, 0x5A);
    if (!values) return;
    check_bools(c, a, values);
    int before = c->findings;
    check_again(c, a, values, 0xA5, 0x5A);
    if (c->findings == before) check_again(c, a, values, 0x3C, 0x5A);
    if (c->findings == before) check_again(c, a, values, 0xA5, 0xFF);
    drop(c, values);
    const wg_call call = {a->count,       a->inputs, &(wg_array){a->output.type, a->output.shape, NULL},
                          &a->attributes, NULL,      NULL};
    double flops = c->op->flops ? c->op->flops(&call) : 0;
    number_buffer given;
    if (!(flops >= 0 && isfinite(flops))) op_check_note(c, "flops gives %s", number_text(flops, 6, &given));
}

/* ---- parts ---- */

/* Units `from` to `from + count` of `units` equal ones, as an application of its own that borrows the operands. */
static application part_of(const application *a, wg_array *inputs, int64_t units, int64_t from, int64_t count)
{
    application part = *a;
    part.inputs = inputs;
    for (size_t i = 0; i <= a->count; i++) {
        wg_array *array = i < a->count ? &inputs[i] : &part.output;
        const wg_array *whole = i < a->count ? &a->inputs[i] : &a->output;
        int64_t length = wg_shape_size(whole->shape) / units;
        *array = (wg_array){whole->type, {2, {count, length}}, NULL};
        if (whole->data) array->data = (char *)whole->data + (size_t)(from * length) * wg_type_size(whole->type);
    }
    return part;
}

/* Compares parts with the whole; `what` says what they are made of. */
static void compare_parts(op_check *c, const application *a, int64_t units, const char *what)
{
    const int64_t parts[][2] = {{0, 1}, {0, units / 2}, {units / 2, units - units / 2}, {units - 1, 1}, {0, 0}};
    int64_t length = wg_shape_size(a->output.shape) / units;
    wg_array *inputs = memory_new(&c->home->memory, a->count, sizeof *inputs);
    void *whole = application_run(c, a, application_kernel(c, a), 0xA5, 0x5A);
    if (!inputs) graph_fail_memory(c->home, a->count * sizeof *inputs);
    for (size_t k = 0; inputs && whole && k < sizeof parts / sizeof *parts; k++) {
        application part = part_of(a, inputs, units, parts[k][0], parts[k][1]);
        void *values = application_run(c, &part, application_kernel(c, &part), 0xA5, 0x5A);
        int64_t at = values ? first_difference(a, whole, values, parts[k][0] * length, parts[k][1] * length) : -1;
        drop(c, values);
        if (!values || at < 0) continue;
        op_check_note(c, "%s: alone, those from %lld to %lld give another element %lld than together", what,
                      (long long)parts[k][0], (long long)(parts[k][0] + parts[k][1]), (long long)at);
        break;
    }
    drop(c, whole);
    memory_release(&c->home->memory, inputs);
}

/* An operand of rank 0, where infer takes one beside others, serves all elements. */
static void check_scalar_operand(op_check *c, size_t which)
{
    application full = {0}, single;
    wg_array inputs[2], output = c->at.output, without[2];
    if (!application_vary(c, &c->at, 7, &full)) return;
    size_t element = wg_type_size(full.inputs[which].type);
    char *values = full.inputs[which].data;
    for (int64_t k = 1; k < wg_shape_size(full.inputs[which].shape); k++)
        memcpy(values + (size_t)k * element, values, element);
    single = full;
    single.inputs = inputs;
    for (size_t i = 0; i < 2; i++) {
        inputs[i] = full.inputs[i];
        if (i == which) inputs[i].shape = (wg_shape){0};
        without[i] = (wg_array){inputs[i].type, inputs[i].shape, NULL};
    }
    char reason[ERROR_SIZE / 4];
    bool taken = c->op->infer(&(wg_call){2, without, &output, &full.attributes, NULL, NULL}, reason, sizeof reason) &&
                 wg_shape_equal(output.shape, full.output.shape);
    void *one = taken ? application_run(c, &full, application_kernel(c, &full), 0xA5, 0x5A) : NULL;
    void *other = one ? application_run(c, &single, application_kernel(c, &single), 0xA5, 0x5A) : NULL;
    if (other && first_difference(&full, one, other, 0, wg_shape_size(full.output.shape)) >= 0)
        op_check_note(c, "infer takes operand %zu of rank 0, but the kernel does not use it for all elements", which);
    drop(c, one);
    drop(c, other);
    application_free(c, &full);
}

void op_check_parts(op_check *c)
{
    const application *a = &c->at;
    int64_t size = wg_shape_size(a->output.shape), rows = application_rows(&a->output);
    if (c->op->alias) return;
    if (c->op->elementwise && size > 1) compare_parts(c, a, size, "is to be element-wise");
    if (c->op->row_wise && !c->op->elementwise && rows > 1) compare_parts(c, a, rows, "is to be row-wise");
    for (size_t i = 0; c->op->elementwise && a->count == 2 && i < 2; i++) check_scalar_operand(c, i);
}

/* ---- accuracy ---- */

/* The distance of two f32 neighbours around x. */
static double spacing(double x)
{
    int exponent;
    frexp(fabs(x), &exponent);
    return ldexp(1, (exponent < -125 ? -125 : exponent) - 24);
}

static double largest(const wg_array *a, const void *values)
{
    double most = 0;
    for (int64_t i = 0; i < wg_shape_size(a->shape); i++) {
        double x = fabs(type_element(a->type, values, i));
        if (isfinite(x)) most = fmax(most, x);
    }
    return most;
}

/* The magnitude that errors of ops that add up terms are measured by: of the result for operands without their signs.
 */
static double magnitude(op_check *c, const application *wide, double of_result)
{
    application positive;
    if (!application_widen(c, wide, &positive)) return 0;
    for (size_t i = 0; i < positive.count; i++)
        for (int64_t k = 0; positive.inputs[i].type == WG_F64 && k < wg_shape_size(positive.inputs[i].shape); k++)
            ((double *)positive.inputs[i].data)[k] = fabs(((double *)positive.inputs[i].data)[k]);
    void *values = application_run(c, &positive, application_kernel(c, &positive), 0xA5, 0x5A);
    double most = values ? largest(&positive.output, values) : 0;
    drop(c, values);
    application_free(c, &positive);
    return fmax(of_result, most);
}

/* How far an element may be from the truth. */
static double tolerance(const wg_numerics *n, double truth, double scale, double terms, double ulp)
{
    bool stated = ulp != 0 || n->low < n->high;
    if (ulp < 0) return terms * FLT_EPSILON * scale;
    if (!stated) return 1024 * FLT_EPSILON * scale;
    return (ulp + 1e-6) * spacing(truth);
}

/* Compares f32 with f64 element by element; `ulp` is what is promised. */
static void compare_types(op_check *c, const application *a, const application *wide, const void *values,
                          const double *truth, double ulp, const char *what)
{
    const wg_numerics *n = &c->op->numerics;
    int64_t size = wg_shape_size(a->output.shape), terms = size;
    double scale = largest(&wide->output, truth);
    for (size_t i = 0; i < a->count; i++) terms += wg_shape_size(a->inputs[i].shape);
    if (ulp < 0) scale = magnitude(c, wide, scale);
    for (int64_t i = 0; i < size; i++) {
        double got = type_element(a->output.type, values, i);
        double want = type_element(wide->output.type, truth, i);
        bool same = got == want || (isnan(got) && isnan(want)) || (isinf(got) && fabs(want) > (double)FLT_MAX);
        if (same || fabs(got - want) <= tolerance(n, want, scale, (double)terms, ulp)) continue;
        number_buffer x, y, distance, stated;
        op_check_note(c, "%s gives %s for element %lld where f64 gives %s: %s ULP, and %s are stated", what,
                      number_text(got, 9, &x), (long long)i, number_text(want, 9, &y),
                      number_text(fabs(got - want) / spacing(want), 3, &distance), number_text(n->ulp, 6, &stated));
        return;
    }
}

static void compare_kernels(op_check *c, const application *a)
{
    application wide;
    if (!application_widen(c, a, &wide)) return;
    void *truth = application_run(c, &wide, application_kernel(c, &wide), 0xA5, 0x5A);
    void *values = truth ? application_run(c, a, application_kernel(c, a), 0xA5, 0x5A) : NULL;
    if (values) compare_types(c, a, &wide, values, truth, c->op->numerics.ulp, "the kernel");
    void *precise = values && c->op->precise ? application_run(c, a, c->op->precise, 0xA5, 0x5A) : NULL;
    if (precise) compare_types(c, a, &wide, precise, truth, 1, "`precise`");
    drop(c, precise);
    drop(c, values);
    drop(c, truth);
    application_free(c, &wide);
}

/* Whether other operands than the sample's can be made up: floats, and bools beside them. */
static bool can_spread(const op_check *c)
{
    const wg_numerics *n = &c->op->numerics;
    bool floats = c->op->elementwise && n->low < n->high;
    for (size_t i = 0; i < c->at.count; i++)
        floats = floats && (type_is_float(c->at.inputs[i].type) || c->at.inputs[i].type == WG_BOOL);
    return floats && c->at.count > 0;
}

void op_check_accuracy(op_check *c)
{
    const application *a = &c->at;
    application many;
    if (c->type != WG_F32 || c->op->alias || a->count == 0 || a->inputs[0].type != WG_F32) return;
    int before = c->findings;
    compare_kernels(c, a);
    if (c->findings > before || !can_spread(c) || !application_spread(c, a, SPREAD, &many)) return;
    compare_kernels(c, &many);
    application_free(c, &many);
}
