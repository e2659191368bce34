/* Parameters and how they begin: initial values are drawn by ordinary ops, computed at once, and leave no trace on the
   tape. */
#include "graph/graph.h"
#include "graph/shape.h"
#include "graph/weights.h"

#include <wengert/functions.h>

#include <math.h>

enum kind { DEFAULT_INIT, CONSTANT, UNIFORM, NORMAL, XAVIER_UNIFORM, XAVIER_NORMAL, HE_UNIFORM, HE_NORMAL };

wg_init wg_init_zeros(void)
{
    return (wg_init){CONSTANT, 0, 0};
}

wg_init wg_init_constant(double value)
{
    return (wg_init){CONSTANT, value, 0};
}

wg_init wg_init_uniform(double low, double high)
{
    return (wg_init){UNIFORM, low, high};
}

wg_init wg_init_normal(double deviation)
{
    return (wg_init){NORMAL, deviation, 0};
}

wg_init wg_init_xavier_uniform(double gain)
{
    return (wg_init){XAVIER_UNIFORM, gain != 0 ? gain : 1, 0};
}

wg_init wg_init_xavier_normal(double gain)
{
    return (wg_init){XAVIER_NORMAL, gain != 0 ? gain : 1, 0};
}

wg_init wg_init_he_uniform(double gain)
{
    return (wg_init){HE_UNIFORM, gain != 0 ? gain : sqrt(2), 0};
}

wg_init wg_init_he_normal(double gain)
{
    return (wg_init){HE_NORMAL, gain != 0 ? gain : sqrt(2), 0};
}

/* Reduces the fan rules to uniform and normal. A weight is [outputs, inputs, kernel...]. */
static wg_init resolve_fans(wg_init init, const wg_shape *shape)
{
    double kernel = 1;
    for (int i = 2; i < shape->rank; i++) kernel *= (double)shape->dim[i];
    double outputs = shape->rank > 0 ? (double)shape->dim[0] * kernel : 1;
    double inputs = shape->rank > 1 ? (double)shape->dim[1] * kernel : outputs;
    double both = inputs + outputs > 0 ? inputs + outputs : 1, in = inputs > 0 ? inputs : 1, bound;
    switch (init.kind) {
    case XAVIER_UNIFORM:
        bound = init.a * sqrt(6 / both);
        return (wg_init){UNIFORM, -bound, bound};
    case XAVIER_NORMAL:
        return (wg_init){NORMAL, init.a * sqrt(2 / both), 0};
    case HE_UNIFORM:
        bound = init.a * sqrt(3 / in);
        return (wg_init){UNIFORM, -bound, bound};
    case HE_NORMAL:
        return (wg_init){NORMAL, init.a / sqrt(in), 0};
    case DEFAULT_INIT:
        return (wg_init){CONSTANT, 0, 0};
    default:
        return init;
    }
}

static wg_tensor initial_values(wg_context *ctx, wg_shape shape, wg_init init)
{
    init = resolve_fans(init, &shape);
    switch (init.kind) {
    case CONSTANT:
        return wg_full(ctx, shape, init.a);
    case UNIFORM:
        return wg_uniform(ctx, shape, init.a, init.b);
    case NORMAL:
        return wg_mul_scalar(wg_normal(ctx, shape), init.a);
    default:
        return graph_fail(ctx, WG_BAD_ARGUMENT, "parameter: unknown initialiser %d", init.kind);
    }
}

/* The parameter that the context's weights have under this name. */
static wg_tensor shared_parameter(wg_context *ctx, const char *name, const weights_entry *entry, const wg_shape *shape)
{
    if (entry->type != ctx->options.type || !wg_shape_equal(entry->shape, *shape)) {
        shape_buffer a, b;
        return graph_fail(ctx, WG_BAD_SHAPE, "parameter: \"%s\" is %s %s in the weights, not %s %s", entry->name,
                          wg_type_name(entry->type), shape_text(entry->shape, &a), wg_type_name(ctx->options.type),
                          shape_text(*shape, &b));
    }
    return graph_persistent_new(ctx, name, entry->type, *shape, (void *)(uintptr_t)entry->data, true, true);
}

wg_tensor wg_parameter(wg_context *ctx, const char *name, wg_shape shape, wg_init init)
{
    WG_ENTRY(ctx);
    char full[PATH_SIZE];
    if (!ctx) return graph_fail(NULL, WG_BAD_ARGUMENT, "parameter: the context is NULL");
    if (!graph_ok(ctx)) return graph_poison(ctx);
    const char *reason;
    shape_buffer buffer;
    if (!shape_valid(&shape, ctx->options.type, &reason))
        return graph_fail(ctx, WG_BAD_SHAPE, "parameter: %s: %s", reason, shape_text(shape, &buffer));
    if (ctx->weights && name && graph_full_name(ctx, name, full)) {
        const weights_entry *entry = weights_find(ctx->weights, full);
        if (entry) return shared_parameter(ctx, name, entry, &shape);
    }
    uint64_t mark = wg_mark(ctx);
    wg_tensor initial = initial_values(ctx, shape, init);
    uint32_t id = graph_resolve(initial, "parameter");
    void *values = id ? graph_values_apart(ctx, id) : NULL;
    wg_rewind(ctx, mark);
    return graph_persistent_new(ctx, name, ctx->options.type, shape, values, true, false);
}
