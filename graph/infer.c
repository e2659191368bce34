/* The type and shape of an op's result, by the op's own rule. A rule depends on nothing but the operands' types and
   shapes, the attributes, and the type and shape an op is told: so what it said of them is remembered by their numbers,
   and a program that repeats itself compares a few numbers in the place of each call. */
#include "graph/infer.h"

#include "graph/intern.h"
#include "graph/shape.h"

#include <string.h>

bool infer_prepare(wg_context *ctx)
{
    ctx->inferences = memory_new(&ctx->memory, INFERENCES, sizeof *ctx->inferences);
    return ctx->inferences != NULL;
}

void infer_forget(wg_context *ctx)
{
    memset(ctx->inferences, 0, INFERENCES * sizeof *ctx->inferences);
}

/* ---- remembering ---- */

static bool has_reals(const wg_attributes *a)
{
    return a->real[0] != 0 || a->real[1] != 0 || a->real[2] != 0 || a->real[3] != 0;
}

uint32_t infer_attributes(wg_context *ctx, const graph_record *record)
{
    const wg_attributes *a = record->attributes;
    if (a) return graph_intern_integers(ctx, a->integer, ATTRIBUTE_INTEGERS) | (has_reals(a) ? ATTRIBUTES_REAL : 0);
    return record->integer_count ? graph_intern_integers(ctx, record->integers, record->integer_count) : 0;
}

/* ---- asking ---- */

/* "name: rule: f32 [2, 3], f32 [4]", the shapes and types of all operands. */
static void fail_inference(wg_context *ctx, const wg_op *op, wg_status status, const wg_array *arrays, size_t count,
                           const char *message)
{
    char operands[ERROR_SIZE / 2];
    size_t used = 0;
    operands[0] = '\0';
    bool types_differ = false;
    for (size_t i = 1; i < count; i++) types_differ |= arrays[i].type != arrays[0].type;
    for (size_t i = 0; i < count && i < 4; i++) {
        shape_buffer buffer;
        if (i) text_append(operands, sizeof operands, &used, " x ");
        if (types_differ) text_append(operands, sizeof operands, &used, "%s ", wg_type_name(arrays[i].type));
        text_append(operands, sizeof operands, &used, "%s", shape_text(arrays[i].shape, &buffer));
    }
    if (count > 4) text_append(operands, sizeof operands, &used, " x ...");
    graph_fail(ctx, status, "%s: %s%s%s", op->name, message, used ? ": " : "", operands);
}

/* Whether a C scalar is a value of the type: silently cutting 0.5 down to 0 would help nobody. */
static bool scalar_fits(wg_type type, double value)
{
    switch (type) {
    case WG_I32:
        return value >= INT32_MIN && value <= INT32_MAX && value == (double)(int32_t)value;
    case WG_I64:
        return value >= -0x1p63 && value < 0x1p63 && value == (double)(int64_t)value;
    case WG_U8:
        return value >= 0 && value <= UINT8_MAX && value == (double)(uint8_t)value;
    case WG_BOOL:
        return value == 0 || value == 1;
    default:
        return true;
    }
}

/* Asks the op's rule. False after an error, else `output` is filled in. */
static bool ask(wg_context *ctx, const graph_record *record, wg_array *output)
{
    wg_array few[8], *arrays = few;
    if (record->count > sizeof few / sizeof *few) {
        arrays = memory_new(&ctx->memory, record->count, sizeof *arrays);
        if (!arrays) return graph_fail_memory(ctx, record->count * sizeof *arrays).id;
    }
    wg_type partner = record->type; /* the type that the weak scalar takes */
    for (size_t i = 0; i < record->count; i++)
        if (record->inputs[i]) {
            const node *n = graph_node(ctx, record->inputs[i]);
            arrays[i] = (wg_array){(wg_type)n->type, ctx->shapes[n->shape], NULL};
            partner = (wg_type)n->type;
        }
    if (record->scalar_operand) arrays[record->scalar_operand - 1] = (wg_array){partner, {0, {0}}, NULL};
    char message[ERROR_SIZE / 4] = "";
    static const char silent[] = "its shape rule refuses, and gives no reason";
    wg_attributes attributes = record->attributes ? *record->attributes : graph_no_attributes;
    for (size_t i = 0; !record->attributes && i < record->integer_count; i++)
        attributes.integer[i] = record->integers[i];
    wg_call call = {record->count, arrays, output, &attributes, NULL, NULL};
    bool fits = record->op->infer(&call, message, sizeof message);
    wg_status status = output->type == WG_DEFAULT ? WG_BAD_TYPE : WG_BAD_SHAPE;
    message[sizeof message - 1] = '\0';
    if (!fits) fail_inference(ctx, record->op, status, arrays, record->count, message[0] ? message : silent);
    if (arrays != few) memory_release(&ctx->memory, arrays);
    return fits;
}

/* False, and an error, if the weak scalar is no value of the type that it takes. */
static bool check_scalar(wg_context *ctx, const graph_record *record)
{
    wg_type partner = record->type;
    for (size_t i = 0; i < record->count; i++)
        if (record->inputs[i]) partner = (wg_type)graph_node(ctx, record->inputs[i])->type;
    if (scalar_fits(partner, record->scalar)) return true;
    number_buffer number;
    graph_fail(ctx, WG_BAD_TYPE, "%s: the number %s is not one of %s", record->op->name,
               number_text(record->scalar, 6, &number), wg_type_name(partner));
    return false;
}

/* The number of the shape that an op is told; INTERN_NONE if it has none yet, as it may be no shape at all. */
static size_t told_number(const wg_context *ctx, const graph_record *record)
{
    const wg_shape *told = record->shape;
    if (!told) return record->interned_shape;
    return told->rank >= 0 && told->rank <= WG_MAX_RANK ? intern_find_shape(ctx, told) : INTERN_NONE;
}

/* Whether what a rule gave is a type and a shape. An alias keeps its operand's values, so it needs as many. */
static bool check_result(wg_context *ctx, const graph_record *record, const wg_array *output)
{
    const char *reason, *name = record->op->name;
    shape_buffer buffer;
    if (output->type <= WG_DEFAULT || output->type >= WG_TYPES) {
        graph_fail(ctx, WG_BAD_TYPE, "%s: the result would have no element type: %d", name, (int)output->type);
    } else if (!shape_valid(&output->shape, output->type, &reason)) {
        graph_fail(ctx, WG_BAD_SHAPE, "%s: %s: %s", name, reason, shape_text(output->shape, &buffer));
    } else if (record->op->alias && record->count) {
        const node *x = graph_node(ctx, record->inputs[0]);
        if (output->type != x->type || shape_size(&output->shape) != graph_size(ctx, x))
            graph_fail(ctx, WG_BAD_SHAPE, "%s: is an alias, and would change the type or the number of elements", name);
    }
    return graph_ok(ctx);
}

/* Asks, and remembers the answer if it has a place. */
static __attribute__((noinline)) bool infer_anew(wg_context *ctx, const graph_record *record, inference *place,
                                                 inference *q, inferred *result)
{
    wg_array output = {record->type, record->shape ? *record->shape : ctx->shapes[record->interned_shape], NULL};
    if (!ask(ctx, record, &output) || !check_result(ctx, record, &output)) return false;
    *result = (inferred){output.type, graph_intern_shape(ctx, &output.shape), infer_attributes(ctx, record)};
    if (!graph_ok(ctx)) return false;
    if (place && result->attributes < 1u << 24) {
        q->type = (uint8_t)result->type;
        q->attributes = result->attributes & ((1u << 24) - 1);
        q->shape = result->shape;
        *place = *q;
    }
    return true;
}

/* Reals belong to no structure: a rule that looks at them is asked each time. */
bool infer(wg_context *ctx, const graph_record *record, inferred *result)
{
    if (!graph_ok(ctx) || (record->scalar_operand && !check_scalar(ctx, record))) return false;
    inference q, *place = NULL;
    uint32_t number = record->attributes ? infer_attributes(ctx, record) : 0;
    size_t told = told_number(ctx, record);
    size_t words = inference_question(ctx, record, number, (uint32_t)told, &q);
    if (words <= INFERENCE_WORDS && told != INTERN_NONE && !(number & ATTRIBUTES_REAL))
        place = inference_place(ctx, &q, words);
    if (!place || !inference_answers(place, &q, words)) return infer_anew(ctx, record, place, &q, result);
    *result = (inferred){(wg_type)place->type, place->shape, place->attributes};
    return true;
}
