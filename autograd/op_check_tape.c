/* The check of an op on the tape: every way of evaluating it gives what its kernel gives; it can be drawn; random ones
   draw anew each time; its gradients are linear in the cotangent and right to second order. */
#include "autograd/op_check.h"
#include "base/philox.h"
#include "graph/shape.h"

#include <wengert/functions.h>
#include <wengert/gradient.h>
#include <wengert/graph.h>

#include <float.h>
#include <math.h>
#include <string.h>

/* ---- recording ---- */

static wg_tensor constant(wg_context *ctx, const wg_array *a)
{
    size_t bytes = application_bytes(a);
    void *values = memory_values(&ctx->memory, bytes);
    if (!values) return graph_fail_memory(ctx, bytes);
    memcpy(values, a->data, bytes);
    return graph_constant(ctx, a->type, a->shape, values, false);
}

wg_tensor op_check_record(op_check *c, wg_context *ctx, const application *a, wg_tensor *operands)
{
    uint32_t *ids = memory_new(&ctx->memory, a->count, sizeof *ids);
    if (!ids) return graph_fail_memory(ctx, a->count * sizeof *ids);
    for (size_t i = 0; i < a->count; i++) {
        operands[i] = a->scalar ? graph_poison(ctx) : constant(ctx, &a->inputs[i]);
        ids[i] = operands[i].id;
    }
    double scalar = a->scalar ? type_element(a->inputs[0].type, a->inputs[0].data, 0) : 0;
    wg_shape shape = a->output.shape;
    wg_tensor y = graph_apply(ctx, &(graph_record){.op = c->op,
                                                   .count = a->count,
                                                   .inputs = ids,
                                                   .attributes = &a->attributes,
                                                   .scalar_operand = a->scalar,
                                                   .scalar = scalar,
                                                   .type = c->ours ? a->output.type : WG_DEFAULT,
                                                   .shape = c->ours ? &shape : NULL});
    memory_release(&ctx->memory, ids);
    return y;
}

/* Room for handles of the operands; NULL without memory. */
static wg_tensor *handles(op_check *c)
{
    wg_tensor *operands = memory_new(&c->home->memory, c->at.count, sizeof *operands);
    if (!operands) graph_fail_memory(c->home, c->at.count * sizeof *operands);
    return operands;
}

/* ---- evaluation ---- */

/* What an element may differ by from way to way: nothing, but where the engine has its own form of a row. */
static bool agree(const op_check *c, const void *one, const void *other)
{
    const wg_array *out = &c->at.output;
    bool exact = !c->ours || c->op->elementwise || c->op->numerics.ulp == 0 || !type_is_float(out->type);
    if (exact) return memcmp(one, other, application_bytes(out)) == 0;
    double scale = 0, apart = 0, eps = out->type == WG_F32 ? (double)FLT_EPSILON : DBL_EPSILON;
    for (int64_t i = 0; i < wg_shape_size(out->shape); i++) {
        double a = type_element(out->type, one, i), b = type_element(out->type, other, i);
        scale = fmax(scale, fabs(a));
        apart = fmax(apart, fabs(a - b));
    }
    return apart <= 256 * eps * (scale + 1);
}

static bool is_finite_all(const wg_array *a, const void *values)
{
    for (int64_t i = 0; type_is_float(a->type) && i < wg_shape_size(a->shape); i++)
        if (!isfinite(type_element(a->type, values, i))) return false;
    return true;
}

/* Evaluates in one way, twice. The first way's values are what others are compared with. */
static void evaluate(op_check *c, const wg_context_options *way, const char *name, void **first, wg_tensor *operands)
{
    wg_context *ctx = op_check_context(c, way);
    for (int time = 0; ctx && time < 2 && graph_ok(ctx); time++) {
        wg_tensor y = op_check_record(c, ctx, &c->at, operands);
        if (!wg_eval(WG_LIST(y))) break;
        const void *values = graph_values(ctx, graph_node(ctx, y.id));
        if (!*first && (*first = memory_values(&c->home->memory, application_bytes(&c->at.output))))
            memcpy(*first, values, application_bytes(&c->at.output));
        else if (!*first)
            graph_fail_memory(c->home, application_bytes(&c->at.output));
        else if (!agree(c, *first, values))
            op_check_note(c, "evaluation %s gives other values", name);
        wg_clear(ctx);
    }
    op_check_close(c, ctx, name);
}

/* Two draws of an op from the same operands differ; of a few draws some do. */
static void check_draws(op_check *c, wg_tensor *operands)
{
    wg_context *ctx = op_check_context(c, &(wg_context_options){.plain = true});
    bool differ = false;
    for (int time = 0; ctx && time < 8 && graph_ok(ctx) && !differ; time++) {
        wg_tensor y[2];
        for (int k = 0; k < 2; k++) {
            if (c->at.count) op_check_record(c, ctx, &c->at, operands); /* for its operands */
            y[k] =
                c->at.count ? wg_apply(c->op, (wg_list){c->at.count, operands}, &c->at.attributes) : c->op->sample(ctx);
        }
        if (!wg_eval(WG_LIST(y[0], y[1]))) break;
        differ = memcmp(graph_values(ctx, graph_node(ctx, y[0].id)), graph_values(ctx, graph_node(ctx, y[1].id)),
                        application_bytes(&c->at.output)) != 0;
    }
    if (op_check_close(c, ctx, "drawing random numbers") && !differ)
        op_check_note(c, "is to be random, but draws the same each time");
}

static void check_picture(op_check *c, wg_tensor *operands)
{
    FILE *nowhere = fopen("/dev/null", "w");
    wg_context *ctx = nowhere ? op_check_context(c, &(wg_context_options){.plain = true}) : NULL;
    if (ctx) wg_draw_dot(WG_LIST(op_check_record(c, ctx, &c->at, operands)), nowhere, NULL);
    if (ctx) op_check_close(c, ctx, "drawing");
    if (nowhere) fclose(nowhere);
}

void op_check_evaluation(op_check *c)
{
    wg_tensor *operands = handles(c);
    void *first = NULL;
    if (!operands) return;
    evaluate(c, &(wg_context_options){.plain = true}, "node by node", &first, operands);
    if (first) {
        if (!is_finite_all(&c->at.output, first)) op_check_note(c, "the sample's result is not finite");
        evaluate(c, &(wg_context_options){.plain = false}, "by a plan", &first, operands);
        evaluate(c, &(wg_context_options){.eager = true}, "in eager mode", &first, operands);
    }
    memory_drop(&c->home->memory, first);
    if (c->op->random) check_draws(c, operands);
    check_picture(c, operands);
    memory_release(&c->home->memory, operands);
}

/* ---- gradients ---- */

/* Random numbers of a tensor's shape and type as a constant: all between 0.5 and 1.5 in size. */
static wg_tensor weights(wg_tensor like, uint64_t stream)
{
    wg_context *ctx = like.context;
    wg_array a = {wg_type_of(like), wg_shape_of(like), NULL};
    void *values = graph_ok(ctx) ? memory_values(&ctx->memory, application_bytes(&a)) : NULL;
    if (!values) return graph_ok(ctx) ? graph_fail_memory(ctx, application_bytes(&a)) : graph_poison(ctx);
    for (int64_t i = 0; i < wg_shape_size(a.shape); i++) {
        philox_block block = philox_at(1, stream, (uint64_t)i);
        double x = 0.5 + block.word[0] * 0x1p-32;
        if (block.word[1] & 1) x = -x;
        if (a.type == WG_F32)
            ((float *)values)[i] = (float)x;
        else
            ((double *)values)[i] = x;
    }
    return graph_constant(ctx, a.type, a.shape, values, false);
}

/* Applies the rule, and looks at what it gives: gradients of their operands' shapes and types, or none. */
static bool apply_rule(op_check *c, wg_tensor y, wg_tensor cotangent, const wg_tensor *operands, wg_tensor *out)
{
    for (size_t i = 0; i < c->at.count; i++) out[i] = WG_NONE;
    c->op->vjp(y, cotangent, out);
    for (size_t i = 0; i < c->at.count && graph_ok(y.context); i++) {
        shape_buffer a, b;
        if (!out[i].context) continue;
        wg_type is = wg_type_of(out[i]), wanted = wg_type_of(operands[i]);
        if (is == wanted && wg_shape_equal(wg_shape_of(out[i]), wg_shape_of(operands[i]))) continue;
        op_check_note(c, "the VJP gives %s %s for operand %zu, which is %s %s", wg_type_name(is),
                      shape_text(wg_shape_of(out[i]), &a), i, wg_type_name(wanted),
                      shape_text(wg_shape_of(operands[i]), &b));
        return false;
    }
    return graph_ok(y.context);
}

/* max |x|, or NaN if there is one. */
static double largest(wg_tensor x)
{
    return wg_size(x) ? wg_item(wg_cast(wg_max(wg_abs(x), WG_ALL), WG_F64)) : 0;
}

/* vjp(a g + b h) = a vjp(g) + b vjp(h) */
static void check_linear(op_check *c, wg_tensor y, const wg_tensor *operands, wg_tensor *out)
{
    static const double a = 0.75, b = -1.25;
    size_t count = c->at.count;
    wg_tensor g = weights(y, 1), h = weights(y, 2), both = wg_add(wg_mul_scalar(g, a), wg_mul_scalar(h, b));
    bool fine = apply_rule(c, y, g, operands, out) && apply_rule(c, y, h, operands, out + count) &&
                apply_rule(c, y, both, operands, out + 2 * count);
    double eps = wg_type_of(y) == WG_F32 || c->type == WG_F32 ? (double)FLT_EPSILON : DBL_EPSILON;
    for (size_t i = 0; i < count && fine; i++) {
        const wg_tensor *of_g = &out[i], *of_h = &out[count + i], *of_both = &out[2 * count + i];
        if (!of_g->context != !of_h->context || !of_g->context != !of_both->context) {
            op_check_note(c, "the VJP sometimes gives a gradient for operand %zu", i);
            continue;
        }
        if (!of_g->context || !type_is_float(wg_type_of(*of_g))) continue;
        wg_tensor p = wg_mul_scalar(*of_g, a), q = wg_mul_scalar(*of_h, b), sum = wg_add(p, q);
        number_buffer off, of;
        double scale = largest(p) + largest(q), apart = largest(wg_sub(*of_both, sum));
        if (!(apart <= 256 * eps * scale))
            op_check_note(c, "the VJP is not linear in the cotangent: operand %zu is off by %s of %s", i,
                          number_text(apart, 3, &off), number_text(scale, 3, &of));
    }
}

static void note_leaf(op_check *c, const wg_gradcheck_leaf *leaf, size_t operand)
{
    number_buffer a, b;
    const char *derivative = leaf->order == 1 ? "gradient" : "second derivative";
    if (leaf->passed || leaf->samples == 0)
        op_check_note(c, "the %s by operand %zu: %lld samples could be compared, %lld are at kinks, %lld are blurred",
                      derivative, operand, (long long)leaf->samples, (long long)leaf->kinks, (long long)leaf->blurred);
    else
        op_check_note(c, "the %s by operand %zu is wrong: at %s %lld the VJP says %s, differences say %s", derivative,
                      operand, leaf->swept ? "element" : "direction", (long long)leaf->worst_sample,
                      number_text(leaf->analytic, 6, &a), number_text(leaf->numeric, 6, &b));
}

/* The operand that is the n-th of floats. */
static size_t float_operand(const wg_tensor *operands, size_t n)
{
    size_t i = 0;
    while (!type_is_float(wg_type_of(operands[i])) || n-- > 0) i++;
    return i;
}

/* Both orders of the gradient by each float operand, as far as a report lists them. */
static void check_orders(op_check *c, wg_tensor y, const wg_tensor *operands, wg_tensor *leaves)
{
    size_t count = 0;
    for (size_t i = 0; i < c->at.count && count < WG_GRADCHECK_LEAVES / 2; i++)
        if (type_is_float(wg_type_of(operands[i]))) leaves[count++] = operands[i];
    wg_tensor loss = wg_sum(wg_mul(y, weights(y, 3)), WG_ALL);
    wg_gradcheck_report r = wg_gradcheck(loss, (wg_list){count, leaves}, &(wg_gradcheck_options){.order = 2});
    bool first_wrong = false;
    for (size_t i = 0; r.complete && i < r.listed; i++) {
        const wg_gradcheck_leaf *leaf = &r.leaves[i];
        bool fine = leaf->passed && leaf->kinks + leaf->blurred <= leaf->samples;
        first_wrong |= leaf->order == 1 && !fine;
        if (!fine && (leaf->order == 1 || !first_wrong)) note_leaf(c, leaf, float_operand(operands, i % count));
    }
    number_buffer value;
    if (r.complete && !r.passed && c->findings == 0)
        op_check_note(c, "the gradient check fails at %s", number_text(r.value, 6, &value));
}

void op_check_gradients(op_check *c)
{
    const application *a = &c->at;
    bool floats = false;
    for (size_t i = 0; i < a->count; i++) floats |= type_is_float(a->inputs[i].type);
    if (!c->op->vjp || !type_is_float(a->output.type)) return;
    if (!floats) {
        if (a->count) op_check_note(c, "there is a VJP, but no operand of floats");
        return;
    }
    wg_tensor *operands = handles(c), *out = memory_new(&c->home->memory, 3 * a->count, sizeof *out);
    wg_context *ctx = operands && out ? op_check_context(c, &(wg_context_options){.plain = true}) : NULL;
    if (!out) graph_fail_memory(c->home, 3 * a->count * sizeof *out);
    if (ctx) {
        int before = c->findings;
        wg_tensor y = op_check_record(c, ctx, a, operands);
        if (graph_ok(ctx)) check_linear(c, y, operands, out);
        c->refuses = wg_error_status(ctx) == WG_NO_GRADIENT;
        if (c->refuses) wg_recover(ctx); /* which is an answer */
        if (graph_ok(ctx) && !c->refuses && c->findings == before) check_orders(c, y, operands, out);
        op_check_close(c, ctx, "the VJP");
    }
    memory_release(&c->home->memory, out);
    memory_release(&c->home->memory, operands);
}
