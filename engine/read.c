/* Asking for values: everything that a program reads goes through one evaluation. */
#include "graph/graph.h"
#include "graph/shape.h"

#include <math.h>
#include <string.h>

bool wg_eval(wg_list tensors)
{
    wg_context *ctx = graph_context_of(tensors);
    WG_ENTRY(ctx);
    if (tensors.count == 0) return graph_fail(NULL, WG_BAD_ARGUMENT, "eval: the list is empty").id;
    uint32_t few[16], *ids = few;
    if (ctx && tensors.count > sizeof few / sizeof *few) {
        ids = memory_new(&ctx->memory, tensors.count, sizeof *ids);
        if (!ids) return graph_fail_memory(ctx, tensors.count * sizeof *ids).id;
    }
    bool fine = (ctx || tensors.count <= sizeof few / sizeof *few) && graph_resolve_list(tensors, "eval", &ctx, ids) &&
                ctx->engine->evaluate(ctx, ids, tensors.count);
    if (ids != few) memory_release(&ctx->memory, ids);
    return fine;
}

/* The values of one tensor, computed if need be; NULL after an error. */
static const void *values_of(wg_tensor x, const char *who, const node **n)
{
    wg_context *ctx = x.context;
    uint32_t id = graph_resolve(x, who);
    if (!id) return NULL;
    *n = graph_node(ctx, id);
    const void *values = graph_values(ctx, *n);
    if (values && ctx->assign_count == 0) return values;
    if (!ctx->engine->evaluate(ctx, &id, 1)) return NULL;
    return graph_values(ctx, *n);
}

/* As values_of, for an exact type. */
static const void *typed_values(wg_tensor x, const char *who, wg_type type)
{
    const node *n;
    const void *values = values_of(x, who, &n);
    if (!values || n->type == type) return values;
    graph_fail(x.context, WG_BAD_TYPE, "%s: the tensor is %s, not %s", who, wg_type_name((wg_type)n->type),
               wg_type_name(type));
    return NULL;
}

double wg_item(wg_tensor x)
{
    WG_ENTRY(x.context);
    shape_buffer buffer;
    if (!graph_resolve(x, "item")) return NAN;
    if (wg_size(x) != 1) {
        graph_fail(x.context, WG_BAD_SHAPE, "item: a tensor of one element is wanted, not %s",
                   shape_text(wg_shape_of(x), &buffer));
        graph_hint(x.context, "wg_read_f32 and the like read whole tensors");
        return NAN;
    }
    const node *n;
    const void *values = values_of(x, "item", &n);
    return values ? type_element((wg_type)n->type, values, 0) : NAN;
}

/* ---- copies ---- */

static bool check_count(wg_tensor x, const char *who, size_t count, const void *target)
{
    if (!graph_resolve(x, who)) return false;
    if ((size_t)wg_size(x) == count && (target || count == 0)) return true;
    shape_buffer buffer;
    graph_fail(x.context, target ? WG_BAD_SHAPE : WG_BAD_ARGUMENT, "%s: room for %zu elements%s, the tensor is %s", who,
               count, target ? "" : " at NULL", shape_text(wg_shape_of(x), &buffer));
    return false;
}

#define READ_FLOAT(suffix, T, type, other)                                                               \
    bool wg_read_##suffix(wg_tensor x, T *values, size_t count)                                          \
    {                                                                                                    \
        WG_ENTRY(x.context);                                                                             \
        if (!check_count(x, "read_" #suffix, count, values)) return false;                               \
        if (wg_type_of(x) != other) return read_exact(x, "read_" #suffix, type, values, count);          \
        const node *n;                                                                                   \
        const void *from = values_of(x, "read_" #suffix, &n);                                            \
        for (size_t i = 0; from && i < count; i++) values[i] = (T)type_element(other, from, (int64_t)i); \
        return from != NULL;                                                                             \
    }
#define READ_EXACT(suffix, T, type)                                                                                   \
    bool wg_read_##suffix(wg_tensor x, T *values, size_t count)                                                       \
    {                                                                                                                 \
        WG_ENTRY(x.context);                                                                                          \
        return check_count(x, "read_" #suffix, count, values) && read_exact(x, "read_" #suffix, type, values, count); \
    }
#define VALUES(suffix, T, type)                            \
    const T *wg_values_##suffix(wg_tensor x)               \
    {                                                      \
        WG_ENTRY(x.context);                               \
        return lasting_values(x, "values_" #suffix, type); \
    }

static bool read_exact(wg_tensor x, const char *who, wg_type type, void *target, size_t count)
{
    const void *values = typed_values(x, who, type);
    if (values && count) memcpy(target, values, count * wg_type_size(type));
    return values != NULL;
}

/* What a pointer leads to stays until this part of the tape is dropped, also if the tensor is a parameter that is
   assigned. */
static const void *lasting_values(wg_tensor x, const char *who, wg_type type)
{
    const void *values = typed_values(x, who, type);
    return values && graph_pin(x.context, graph_resolve(x, who)) ? values : NULL;
}

READ_FLOAT(f32, float, WG_F32, WG_F64)
READ_FLOAT(f64, double, WG_F64, WG_F32)
READ_EXACT(i32, int32_t, WG_I32)
READ_EXACT(i64, int64_t, WG_I64)
READ_EXACT(bool, bool, WG_BOOL)
READ_EXACT(u8, uint8_t, WG_U8)
VALUES(f32, float, WG_F32)
VALUES(f64, double, WG_F64)
VALUES(i32, int32_t, WG_I32)
VALUES(i64, int64_t, WG_I64)

/* ---- printing ---- */

enum { EDGE = 3, LONG_AXIS = 2 * EDGE + 1 };

static void print_element(FILE *file, wg_type type, const void *values, int64_t i, bool aligned)
{
    number_buffer buffer;
    double x = type_element(type, values, i);
    const char *text = buffer.text;
    if (type == WG_BOOL)
        text = x != 0 ? "true" : "false";
    else if (type_is_float(type))
        text = number_text(x, 6, &buffer);
    else
        snprintf(buffer.text, sizeof buffer.text, "%lld",
                 type == WG_I64 ? (long long)((const int64_t *)values)[i] : (long long)x);
    fprintf(file, "%*s", !aligned ? 0 : type_is_float(type) ? 12 : 6, text);
}

/* Prints the part of the tensor below one axis; `offset` counts elements, `indent` the brackets already open. */
static void print_axis(FILE *file, const wg_shape *shape, wg_type type, const void *values, int axis, int64_t offset)
{
    if (axis == shape->rank) {
        print_element(file, type, values, offset, shape->rank > 0);
        return;
    }
    int64_t length = shape->dim[axis], step = 1;
    for (int i = axis + 1; i < shape->rank; i++) step *= shape->dim[i];
    bool last = axis == shape->rank - 1;
    fputc('[', file);
    for (int64_t i = 0; i < length; i++) {
        if (i && !last) fprintf(file, "\n%*s", axis + 1, "");
        if (i && last) fputc(' ', file);
        if (length > LONG_AXIS && i == EDGE) {
            fputs("...", file);
            i = length - EDGE - 1;
            continue;
        }
        print_axis(file, shape, type, values, axis + 1, offset + i * step);
    }
    fputc(']', file);
}

bool wg_print(wg_tensor x, FILE *file, const char *label)
{
    WG_ENTRY(x.context);
    const node *n;
    const void *values = values_of(x, "print", &n);
    if (!values || !file) {
        if (values) graph_fail(x.context, WG_BAD_ARGUMENT, "print: the file is NULL");
        return false;
    }
    wg_shape shape = graph_shape(x.context, n);
    shape_buffer buffer;
    fprintf(file, "%s%s%s %s%s", label ? label : "", label ? ": " : "", wg_type_name((wg_type)n->type),
            shape_text(shape, &buffer), shape.rank ? "\n" : " ");
    if (wg_shape_size(shape) > 0) print_axis(file, &shape, (wg_type)n->type, values, 0, 0);
    fputc('\n', file);
    return !ferror(file);
}
