/* Questions that are composed: what kind of number, and whether two are close. */
#include "ops/builder.h"
#include "ops/compose.h"

#include <wengert/functions.h>

#include <math.h>

wg_tensor wg_is_nan(wg_tensor x)
{
    WG_ENTRY(x.context);
    if (!want_float(x, "is_nan")) return graph_poison(x.context);
    return wg_not_equal(x, x);
}

wg_tensor wg_is_infinite(wg_tensor x)
{
    WG_ENTRY(x.context);
    if (!want_float(x, "is_infinite")) return graph_poison(x.context);
    return wg_equal_scalar(wg_abs(x), INFINITY);
}

wg_tensor wg_logical_xor(wg_tensor a, wg_tensor b)
{
    wg_context *ctx = a.context ? a.context : b.context;
    WG_ENTRY(ctx);
    uint32_t ids[2];
    if (!graph_resolve_two(a, b, "logical_xor", &ctx, ids)) return graph_poison(ctx);
    for (int i = 0; i < 2; i++)
        if (graph_node(ctx, ids[i])->type != WG_BOOL)
            return graph_fail(ctx, WG_BAD_TYPE, "logical_xor: works on bool, not %s",
                              wg_type_name((wg_type)graph_node(ctx, ids[i])->type));
    return wg_where(graph_tensor(ctx, ids[0]), wg_logical_not(b), b);
}

/* Equal ones are close even where their difference is inf - inf; else nothing is close to an infinity. */
static wg_tensor close_to(wg_tensor a, wg_tensor b, double relative, double absolute)
{
    wg_tensor margin = wg_add_scalar(wg_mul_scalar(wg_abs(b), relative), absolute);
    wg_tensor within = wg_less_equal(wg_abs(wg_sub(a, b)), margin);
    return wg_logical_or(wg_equal(a, b), wg_logical_and(within, wg_is_finite(b)));
}

/* Whether two tensors of floats and two tolerances can be compared; else an error that begins with `who`. */
static bool comparable(wg_tensor a, wg_tensor b, double relative, double absolute, const char *who)
{
    wg_context *ctx;
    uint32_t ids[2];
    number_buffer x, y;
    if (!graph_resolve_two(a, b, who, &ctx, ids) || !want_float(a, who) || !want_float(b, who)) return false;
    if (relative >= 0 && absolute >= 0) return true;
    graph_fail(ctx, WG_BAD_ARGUMENT, "%s: the tolerances %s and %s must not be negative", who,
               number_text(relative, 6, &x), number_text(absolute, 6, &y));
    return false;
}

wg_tensor wg_is_close(wg_tensor a, wg_tensor b, double relative, double absolute)
{
    wg_context *ctx = a.context ? a.context : b.context;
    WG_ENTRY(ctx);
    if (!comparable(a, b, relative, absolute, "is_close")) return graph_poison(ctx);
    return close_to(a, b, relative, absolute);
}

wg_tensor wg_all_close(wg_tensor a, wg_tensor b, double relative, double absolute)
{
    wg_context *ctx = a.context ? a.context : b.context;
    WG_ENTRY(ctx);
    if (!comparable(a, b, relative, absolute, "all_close")) return graph_poison(ctx);
    return wg_all(close_to(a, b, relative, absolute), WG_ALL);
}
