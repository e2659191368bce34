/* The rows of the graph's own nodes: values known when recorded, and reads and rebindings of persistent tensors. */
#include "graph/graph.h"
#include "graph/shape.h"

#include <string.h>

/* Leaves are recorded by graph_append, which is told their type and shape; there is nothing to infer. */
static bool no_inference(const wg_call *call, char *message, size_t size)
{
    (void)call;
    snprintf(message, size, "is recorded by the library itself");
    return false;
}

static bool same_as_operand(const wg_call *call, char *message, size_t size)
{
    (void)message, (void)size;
    *call->output = (wg_array){call->inputs[0].type, call->inputs[0].shape, NULL};
    return true;
}

const wg_op graph_constant_op = {
    .name = "constant",
    .summary = "values given when recorded",
    .infer = no_inference,
};

const wg_op graph_parameter_op = {
    .name = "parameter",
    .summary = "the value of a parameter or variable",
    .infer = no_inference,
};

static wg_tensor assign_sample(wg_context *ctx)
{
    static const double before[] = {1, 2}, after[] = {3, -4};
    char name[32];
    snprintf(name, sizeof name, "sample%zu", ctx->persistent_count); /* unique, however often it is called */
    wg_tensor x = wg_variable(ctx, name, wg_from_f64(ctx, WG_SHAPE(2), before));
    wg_assign(x, wg_from_f64(ctx, WG_SHAPE(2), after));
    return x;
}

const wg_op graph_assign_op = {
    .name = "assign",
    .summary = "the new value of a parameter or variable; its gradient is zero, as after wg_clear",
    .arity = 1,
    .alias = true,
    .infer = same_as_operand,
    .sample = assign_sample,
};

wg_tensor graph_constant(wg_context *ctx, wg_type type, wg_shape shape, void *values, bool borrowed)
{
    if (!graph_ok(ctx)) {
        if (ctx && !borrowed) memory_drop(&ctx->memory, values);
        return graph_poison(ctx);
    }
    wg_tensor x = graph_append(ctx, &(graph_record){.op = &graph_constant_op, .type = type, .shape = &shape});
    bool held = graph_ok(ctx) && (borrowed || graph_hold(ctx, x.id, values));
    if (!held) {
        if (!borrowed) memory_drop(&ctx->memory, values);
        return graph_poison(ctx);
    }
    node *n = graph_node(ctx, x.id);
    n->data = values;
    if (borrowed) n->flags |= NODE_BORROWED;
    return x;
}

wg_tensor graph_weak_scalar(wg_context *ctx, wg_type type, double value)
{
    static const wg_shape scalar;
    static const uint32_t no_node = 0;
    if (!graph_ok(ctx)) return graph_poison(ctx);
    wg_tensor x = graph_append(ctx, &(graph_record){.op = ctx->engine->fill,
                                                    .count = 1,
                                                    .inputs = &no_node,
                                                    .type = type,
                                                    .shape = &scalar,
                                                    .scalar = value,
                                                    .scalar_operand = 1});
    if (graph_ok(ctx)) graph_node(ctx, x.id)->flags |= NODE_WEAK;
    return x;
}

/* ---- making constants ---- */

/* Checks what a constant is made of. */
static bool check_values(wg_context *ctx, const char *who, wg_type type, const wg_shape *shape, const void *values)
{
    const char *reason;
    shape_buffer buffer;
    if (!graph_ok(ctx)) return false;
    if (!shape_valid(shape, type, &reason))
        graph_fail(ctx, WG_BAD_SHAPE, "%s: %s: %s", who, reason, shape_text(*shape, &buffer));
    else if (!values && wg_shape_size(*shape) > 0)
        graph_fail(ctx, WG_BAD_ARGUMENT, "%s: the values are NULL", who);
    return graph_ok(ctx);
}

static wg_tensor copy_values(wg_context *ctx, const char *who, wg_type type, wg_shape shape, const void *values)
{
    if (!check_values(ctx, who, type, &shape, values)) return graph_poison(ctx);
    size_t bytes = (size_t)wg_shape_size(shape) * wg_type_size(type);
    void *copy = memory_values(&ctx->memory, bytes);
    if (!copy) return graph_fail_memory(ctx, bytes);
    if (bytes) memcpy(copy, values, bytes);
    return graph_constant(ctx, type, shape, copy, false);
}

static wg_tensor borrow_values(wg_context *ctx, const char *who, wg_type type, wg_shape shape, const void *values)
{
    static double nothing; /* stands for the values of an empty tensor */
    if (!check_values(ctx, who, type, &shape, values)) return graph_poison(ctx);
    return graph_constant(ctx, type, shape, values ? (void *)(uintptr_t)values : &nothing, true);
}

wg_tensor wg_from_f32(wg_context *ctx, wg_shape shape, const float *values)
{
    WG_ENTRY(ctx);
    if (!ctx || ctx->options.type == WG_F32) return copy_values(ctx, "from_f32", WG_F32, shape, values);
    if (!check_values(ctx, "from_f32", WG_F64, &shape, values)) return graph_poison(ctx);
    int64_t size = wg_shape_size(shape);
    double *copy = memory_values(&ctx->memory, (size_t)size * sizeof *copy);
    if (!copy) return graph_fail_memory(ctx, (size_t)size * sizeof *copy);
    for (int64_t i = 0; i < size; i++) copy[i] = (double)values[i];
    return graph_constant(ctx, WG_F64, shape, copy, false);
}

wg_tensor wg_from_f64(wg_context *ctx, wg_shape shape, const double *values)
{
    WG_ENTRY(ctx);
    if (!ctx || ctx->options.type == WG_F64) return copy_values(ctx, "from_f64", WG_F64, shape, values);
    if (!check_values(ctx, "from_f64", WG_F64, &shape, values)) return graph_poison(ctx);
    int64_t size = wg_shape_size(shape);
    float *copy = memory_values(&ctx->memory, (size_t)size * sizeof *copy);
    if (!copy) return graph_fail_memory(ctx, (size_t)size * sizeof *copy);
    for (int64_t i = 0; i < size; i++) copy[i] = (float)values[i];
    return graph_constant(ctx, WG_F32, shape, copy, false);
}

#define MAKERS(suffix, type, element)                                                  \
    wg_tensor wg_from_##suffix(wg_context *ctx, wg_shape shape, const element *values) \
    {                                                                                  \
        WG_ENTRY(ctx);                                                                 \
        return copy_values(ctx, "from_" #suffix, type, shape, values);                 \
    }

#define BORROWERS(suffix, type, element)                                                 \
    wg_tensor wg_borrow_##suffix(wg_context *ctx, wg_shape shape, const element *values) \
    {                                                                                    \
        WG_ENTRY(ctx);                                                                   \
        return borrow_values(ctx, "borrow_" #suffix, type, shape, values);               \
    }

MAKERS(i32, WG_I32, int32_t)
MAKERS(i64, WG_I64, int64_t)
MAKERS(u8, WG_U8, uint8_t)
MAKERS(bool, WG_BOOL, bool)
BORROWERS(f32, WG_F32, float)
BORROWERS(f64, WG_F64, double)
BORROWERS(i32, WG_I32, int32_t)
BORROWERS(i64, WG_I64, int64_t)
BORROWERS(u8, WG_U8, uint8_t)
