/* Whole Jacobians and Hessians, row by row in reverse mode or column by column in forward mode, whichever are fewer. */
#include "autograd/transforms.h"
#include "graph/shape.h"

#include <wengert/functions.h>
#include <wengert/gradient.h>

#include <string.h>

/* So many sweeps at most: they are recorded one by one. */
enum { MOST_SWEEPS = 4096 };

typedef struct jacobian {
    wg_context *ctx;
    uint32_t y, x;
    wg_shape shape; /* of the result: y's axes, then x's */
    int64_t rows, columns;
    bool by_columns;
} jacobian;

/* ---- what may be asked ---- */

/* The result's shape, and which way is shorter. False after an error. */
static bool plan_sweeps(jacobian *j, const char *who)
{
    wg_shape y = *graph_shape_at(j->ctx, j->y), x = *graph_shape_at(j->ctx, j->x);
    shape_buffer a, b;
    const char *reason;
    if (y.rank + x.rank > WG_MAX_RANK) {
        graph_fail_node(j->ctx, WG_BAD_SHAPE, j->y, "%s: of %s by %s the rank would be %d, and 8 is the most", who,
                        shape_text(y, &a), shape_text(x, &b), y.rank + x.rank);
        graph_hint(j->ctx, "reshape them: wg_reshape(y, WG_SHAPE(-1))");
        return false;
    }
    j->shape = y;
    for (int i = 0; i < x.rank; i++) j->shape.dim[j->shape.rank++] = x.dim[i];
    j->rows = shape_size(&y);
    j->columns = shape_size(&x);
    j->by_columns = j->columns < j->rows;
    int64_t sweeps = j->by_columns ? j->columns : j->rows;
    if (!shape_valid(&j->shape, (wg_type)graph_node(j->ctx, j->x)->type, &reason)) {
        graph_fail_node(j->ctx, WG_BAD_SHAPE, j->y, "%s: of %s by %s: %s", who, shape_text(y, &a), shape_text(x, &b),
                        reason);
    } else if (sweeps > MOST_SWEEPS) {
        graph_fail_node(j->ctx, WG_BAD_ARGUMENT, j->y, "%s: of %s by %s it takes %lld sweeps, and %d is the most", who,
                        shape_text(y, &a), shape_text(x, &b), (long long)sweeps, MOST_SWEEPS);
        graph_hint(j->ctx, "ask for products with it: wg_vjp, wg_jvp, wg_hvp");
    }
    return graph_ok(j->ctx);
}

/* ---- sweeps ---- */

/* The place of each element of a tensor, in its own shape: one_hot compares with it. */
static wg_tensor places_of(wg_context *ctx, uint32_t like)
{
    wg_shape shape = *graph_shape_at(ctx, like);
    wg_tensor flat = wg_iota(ctx, WG_I64, WG_SHAPE(shape_size(&shape)), 0);
    return wg_reshape(flat, shape);
}

/* 1 at one place, 0 elsewhere. */
static wg_tensor one_hot(wg_tensor places, int64_t at, wg_type type)
{
    return wg_cast(wg_equal_scalar(places, (double)at), type);
}

/* Row k: the gradient of element k of y. */
static void record_rows(const jacobian *j, wg_tensor *lines)
{
    wg_context *ctx = j->ctx;
    wg_type type = (wg_type)graph_node(ctx, j->y)->type;
    wg_tensor places = j->rows > 1 ? places_of(ctx, j->y) : WG_NONE;
    for (int64_t k = 0; k < j->rows && graph_ok(ctx); k++) {
        uint32_t cotangent = j->rows > 1 ? one_hot(places, k, type).id : 0;
        if (!graph_ok(ctx)) return;
        reverse_record(ctx, (reverse_outputs){1, &j->y, j->rows > 1 ? &cotangent : NULL}, &j->x, 1, &lines[k]);
    }
}

/* Column k: the derivative of y by element k of x. */
static void record_columns(const jacobian *j, wg_tensor *lines)
{
    wg_context *ctx = j->ctx;
    forward_mode f;
    wg_type type = (wg_type)graph_node(ctx, j->x)->type;
    uint32_t *results = memory_new(&ctx->memory, (size_t)j->columns, sizeof *results);
    if (!results) graph_fail_memory(ctx, (size_t)j->columns * sizeof *results);
    wg_tensor places = places_of(ctx, j->x);
    bool fine = forward_begin(&f, ctx, j->y, &j->x, 1);
    for (int64_t k = 0; k < j->columns && fine; k++) {
        uint32_t tangent = one_hot(places, k, type).id;
        if (tangent) lines[k] = wg_cast(forward_push(&f, &tangent), type);
        results[k] = lines[k].id;
        fine = graph_ok(ctx);
    }
    forward_end(&f, results, fine ? (size_t)j->columns : 0);
    memory_release(&ctx->memory, results);
}

/* Rows are stacked one below the other, columns one beside the other. */
static wg_tensor assemble(const jacobian *j, wg_tensor *lines)
{
    int64_t count = j->by_columns ? j->columns : j->rows;
    wg_shape line = j->by_columns ? WG_SHAPE(j->rows, 1) : WG_SHAPE(1, j->columns);
    for (int64_t k = 0; k < count; k++) lines[k] = wg_reshape(lines[k], line);
    wg_tensor whole = count == 1 ? lines[0] : wg_concat((wg_list){(size_t)count, lines}, j->by_columns);
    return wg_reshape(whole, j->shape);
}

static wg_tensor record_lines(const jacobian *j)
{
    wg_context *ctx = j->ctx;
    int64_t count = j->by_columns ? j->columns : j->rows;
    if (count == 0) return wg_full_typed(ctx, (wg_type)graph_node(ctx, j->x)->type, j->shape, 0);
    wg_tensor *lines = memory_new(&ctx->memory, (size_t)count, sizeof *lines);
    if (!lines) return graph_fail_memory(ctx, (size_t)count * sizeof *lines);
    if (j->by_columns)
        record_columns(j, lines);
    else
        record_rows(j, lines);
    wg_tensor whole = graph_ok(ctx) ? assemble(j, lines) : graph_poison(ctx);
    memory_release(&ctx->memory, lines);
    return whole;
}

/* The Jacobian of y by x, both live and fit to be asked about. */
static wg_tensor record_jacobian(wg_context *ctx, uint32_t y, uint32_t x, const char *who)
{
    jacobian j = {.ctx = ctx, .y = y, .x = x};
    if (!plan_sweeps(&j, who)) return graph_poison(ctx);
    reverse_lender before = reverse_lend(ctx, y);
    wg_tensor whole = record_lines(&j);
    reverse_return(ctx, before);
    if (whole.id) graph_node(ctx, whole.id)->flags |= NODE_RESULT;
    return whole;
}

/* ---- public ---- */

/* The nodes of y and x. */
static bool take_two(wg_context *ctx, wg_tensor y, wg_tensor x, bool single, const char *who, uint32_t ids[2])
{
    return graph_resolve_in(ctx, WG_LIST(y), who, ids) && reverse_check_output(ctx, ids[0], single, who) &&
           reverse_resolve(ctx, ids, 1, WG_LIST(x), who, ids + 1);
}

wg_tensor wg_jacobian(wg_tensor y, wg_tensor x)
{
    wg_context *ctx = y.context ? y.context : x.context;
    WG_ENTRY(ctx);
    uint32_t ids[2];
    if (!ctx) return graph_fail(NULL, WG_BAD_HANDLE, "jacobian: y is the zero handle");
    if (!take_two(ctx, y, x, false, "jacobian", ids)) return graph_poison(ctx);
    return record_jacobian(ctx, ids[0], ids[1], "jacobian");
}

wg_tensor wg_hessian(wg_tensor y, wg_tensor x)
{
    wg_context *ctx = y.context ? y.context : x.context;
    WG_ENTRY(ctx);
    uint32_t ids[2];
    wg_tensor gradient;
    if (!ctx) return graph_fail(NULL, WG_BAD_HANDLE, "hessian: y is the zero handle");
    if (!take_two(ctx, y, x, true, "hessian", ids)) return graph_poison(ctx);
    reverse_lender before = reverse_lend(ctx, ids[0]);
    bool fine = reverse_record(ctx, (reverse_outputs){1, ids, NULL}, ids + 1, 1, &gradient);
    reverse_return(ctx, before);
    return fine ? record_jacobian(ctx, gradient.id, ids[1], "hessian") : graph_poison(ctx);
}
