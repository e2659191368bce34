/* From an instruction to a call of the public API. */
#include "tests/fuzz/machine.h"

#include <stdlib.h>

/* ---- leaves ---- */

static wg_tensor copied(wg_context *ctx, const instruction *i, const void *values)
{
    /* f32 and f64 take the context's default type; the other of the two is borrowed */
    switch (i->type) {
    case WG_F32:
        return wg_from_f32(ctx, i->shape, values);
    case WG_F64:
        return wg_from_f64(ctx, i->shape, values);
    case WG_I32:
        return wg_from_i32(ctx, i->shape, values);
    case WG_I64:
        return wg_from_i64(ctx, i->shape, values);
    case WG_BOOL:
        return wg_from_bool(ctx, i->shape, values);
    default:
        return wg_from_u8(ctx, i->shape, values);
    }
}

static wg_tensor borrowed(wg_context *ctx, const instruction *i, const void *values)
{
    switch (i->type) {
    case WG_F32:
        return wg_borrow_f32(ctx, i->shape, values);
    case WG_F64:
        return wg_borrow_f64(ctx, i->shape, values);
    case WG_I32:
        return wg_borrow_i32(ctx, i->shape, values);
    case WG_I64:
        return wg_borrow_i64(ctx, i->shape, values);
    default:
        return wg_borrow_u8(ctx, i->shape, values);
    }
}

/* Borrowed values live in the machine until the segment ends; a step of a scan that comes again borrows the same. */
static wg_tensor record_leaf(machine *m, const instruction *i, int number)
{
    size_t size = (size_t)wg_shape_size(i->shape) * wg_type_size(i->type);
    void *values = malloc(size + 1);
    if (!values) abort();
    chance_values(i, m->step, values);
    if (i->kind == BORROW) {
        if (m->buffer[number])
            free(values);
        else
            m->buffer[number] = values;
        return borrowed(m->ctx, i, m->buffer[number]);
    }
    wg_tensor x = copied(m->ctx, i, values);
    free(values);
    return x;
}

/* ---- what takes operands ---- */

static wg_tensor record_call(machine *m, const instruction *i, const wg_tensor *x)
{
    const function *f = function_named(i->kind, i->name);
    double scalar = chance_scalar(i, m->step);
    switch (i->kind) {
    case PAIR:
    case SYSTEM:
        return f->call.pair(x[0], x[1]);
    case SCALAR:
        return f->call.scalar(x[0], scalar);
    case LEFT:
        return f->call.left(scalar, x[0]);
    case UNARY:
    case FACTOR:
        return f->call.unary(x[0]);
    case AXIS:
        return f->call.axis(x[0], (int)i->integer[0]);
    case AXES:
        return f->call.axes(x[0], i->axes);
    case SHAPED:
        return f->call.shaped(x[0], i->shape);
    case POOL: {
        wg_pool_options options = pool_options(i);
        return f->call.pool(x[0], &options);
    }
    case CONV:
        return f->call.conv(x[0], x[1], i->shape, &i->window);
    default:
        return f->call.loss(x[0], x[1], NULL);
    }
}

static wg_tensor record_structured(machine *m, const instruction *i, const wg_tensor *x)
{
    const int64_t *a = i->integer;
    switch (i->kind) {
    case FULL:
        return wg_full_typed(m->ctx, i->type, i->shape, chance_scalar(i, m->step));
    case IOTA:
        return wg_iota(m->ctx, i->type, i->shape, (int)a[0]);
    case RANDOM:
        return wg_random_uniform(m->ctx, i->type, i->shape);
    case ELEMENT:
        return wg_apply(row_named(i->name), (wg_list){(size_t)i->count, x}, NULL);
    case CAST:
        return wg_cast(x[0], i->type);
    case WHERE:
        return wg_where(x[0], x[1], x[2]);
    case SLICE:
        return wg_slice_step(x[0], (int)a[0], a[1], a[2], a[3]);
    case PAD:
        return wg_pad(x[0], (int)a[0], a[1], a[2], a[3]);
    case CONCAT:
        return wg_concat((wg_list){(size_t)i->count, x}, (int)a[0]);
    case GATHER:
        return wg_gather(x[0], x[1], (int)a[0]);
    case SCATTER:
        return wg_scatter_add(x[0], x[1], (int)a[0], a[1]);
    case ALONG:
        return a[1] ? wg_scatter_add_along(x[0], x[1], (int)a[0], a[1]) : wg_take_along(x[0], x[1], (int)a[0]);
    case UNFOLD:
        return wg_unfold(x[0], (int)a[0], a[1], a[2], a[3]);
    case FOLD:
        return wg_fold(x[0], (int)a[0], a[1], a[2], a[3]);
    case ORDER:
        return a[2] < 0 ? wg_sort(x[0], (int)a[0], a[1]) : wg_argsort(x[0], (int)a[0], a[1], a[2]);
    case DYNAMIC:
        return i->count == 3 ? wg_dynamic_update(x[0], x[1], x[2], (int)a[0])
                             : wg_dynamic_slice(x[0], x[1], (int)a[0], a[1]);
    case PADDED:
        return wg_pad_with(x[0], (int)a[0], a[1], a[2], (wg_pad_mode)a[3], chance_scalar(i, m->step));
    case PRODUCT:
        return wg_matmul_transposed(x[0], a[0], x[1], a[1]);
    case TRIANGULAR:
        return wg_triangular_solve(x[0], x[1], (int)a[0]);
    case LINEAR:
        return wg_linear_apply(&(wg_linear){x[1], x[2]}, x[0]);
    default:
        return WG_NONE;
    }
}

wg_tensor record_instruction(machine *m, const instruction *i, int number)
{
    wg_tensor x[OPERANDS];
    for (int k = 0; k < i->count; k++) x[k] = m->slot[i->operand[k]][0];
    if (i->kind == LEAF || i->kind == BORROW) return record_leaf(m, i, number);
    if (i->kind == HANDLE) return m->lasting[i->integer[0]];
    if (i->kind == PART) return m->slot[i->operand[0]][i->integer[0]];
    return function_count(i->kind) ? record_call(m, i, x) : record_structured(m, i, x);
}
