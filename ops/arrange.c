/* Shapes and places, composed of the ops that move elements: axes exchanged, parts taken and joined, elements repeated.
 */
#include "ops/builder.h"

#include <wengert/functions.h>

/* ---- other shapes ---- */

wg_tensor wg_flatten(wg_tensor x)
{
    WG_ENTRY(x.context);
    if (!graph_resolve(x, "flatten")) return graph_poison(x.context);
    wg_shape shape = wg_shape_of(x);
    int64_t rows = shape.rank ? shape.dim[0] : 1, columns = 1;
    for (int i = 1; i < shape.rank; i++) columns *= shape.dim[i];
    return wg_reshape(x, WG_SHAPE(rows, columns));
}

wg_tensor wg_squeeze(wg_tensor x, int axis)
{
    WG_ENTRY(x.context);
    int index;
    if (!ops_axis(x, "squeeze", axis, &index)) return graph_poison(x.context);
    wg_shape shape = wg_shape_of(x), out = {0};
    if (shape.dim[index] != 1)
        return graph_fail(x.context, WG_BAD_SHAPE, "squeeze: axis %d has length %lld, not 1", axis,
                          (long long)shape.dim[index]);
    for (int i = 0; i < shape.rank; i++)
        if (i != index) out.dim[out.rank++] = shape.dim[i];
    return wg_reshape(x, out);
}

wg_tensor wg_unsqueeze(wg_tensor x, int axis)
{
    WG_ENTRY(x.context);
    if (!graph_resolve(x, "unsqueeze")) return graph_poison(x.context);
    wg_shape shape = wg_shape_of(x), out = {0};
    int index = axis < 0 ? axis + shape.rank + 1 : axis;
    if (index < 0 || index > shape.rank || shape.rank == WG_MAX_RANK)
        return graph_fail(x.context, WG_BAD_SHAPE, "unsqueeze: no new axis %d fits into rank %d", axis, shape.rank);
    for (int i = 0; i <= shape.rank; i++)
        out.dim[out.rank++] = i < index ? shape.dim[i] : i == index ? 1 : shape.dim[i - 1];
    return wg_reshape(x, out);
}

wg_tensor wg_select(wg_tensor x, int axis, int64_t index)
{
    WG_ENTRY(x.context);
    int place;
    if (!ops_axis(x, "select", axis, &place)) return graph_poison(x.context);
    int64_t length = wg_dim(x, place), wanted = index < 0 ? index + length : index;
    if (wanted < 0 || wanted >= length)
        return graph_fail(x.context, WG_BAD_SHAPE, "select: %lld is out of range for an axis of length %lld",
                          (long long)index, (long long)length);
    return wg_squeeze(wg_slice(x, place, wanted, wanted + 1), place);
}

wg_tensor wg_stack(wg_list tensors, int axis)
{
    wg_context *ctx = graph_context_of(tensors);
    WG_ENTRY(ctx);
    if (!ctx || tensors.count == 0) return wg_concat(tensors, axis);
    wg_tensor *rows = memory_new(&ctx->memory, tensors.count, sizeof *rows);
    if (!rows) return graph_fail_memory(ctx, tensors.count * sizeof *rows);
    for (size_t i = 0; i < tensors.count; i++) rows[i] = wg_unsqueeze(tensors.items[i], axis);
    wg_tensor y = wg_concat((wg_list){tensors.count, rows}, axis);
    memory_release(&ctx->memory, rows);
    return y;
}

/* ---- axes in another order ---- */

wg_tensor wg_move_axis(wg_tensor x, int from, int to)
{
    WG_ENTRY(x.context);
    int source, target;
    if (!ops_axis(x, "move_axis", from, &source) || !ops_axis(x, "move_axis", to, &target))
        return graph_poison(x.context);
    if (source == target) return graph_now(x, "move_axis");
    wg_axes order = {.count = (int8_t)wg_shape_of(x).rank};
    for (int i = 0, other = 0; i < order.count; i++) {
        other += other == source;
        order.axis[i] = (int8_t)(i == target ? source : other++);
    }
    return wg_permute(x, order);
}

static wg_tensor exchange(wg_tensor x, int a, int b)
{
    if (a == b) return graph_now(x, "swap_axes");
    wg_axes order = {.count = (int8_t)wg_shape_of(x).rank};
    for (int i = 0; i < order.count; i++) order.axis[i] = (int8_t)(i == a ? b : i == b ? a : i);
    return wg_permute(x, order);
}

wg_tensor wg_swap_axes(wg_tensor x, int a, int b)
{
    WG_ENTRY(x.context);
    int first, second;
    if (!ops_axis(x, "swap_axes", a, &first) || !ops_axis(x, "swap_axes", b, &second)) return graph_poison(x.context);
    return exchange(x, first, second);
}

wg_tensor wg_transpose(wg_tensor x)
{
    WG_ENTRY(x.context);
    if (!graph_resolve(x, "transpose")) return graph_poison(x.context);
    int rank = wg_shape_of(x).rank;
    if (rank < 2) return graph_fail(x.context, WG_BAD_SHAPE, "transpose: needs two axes at least");
    return exchange(x, rank - 2, rank - 1);
}

/* ---- parts ---- */

/* Slices of the given lengths (NULL: all of `length`), which together are the axis. */
static bool slices(wg_tensor x, int axis, size_t count, int64_t length, const int64_t *lengths, wg_tensor *parts)
{
    int64_t place = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t end = place + (lengths ? lengths[i] : length);
        parts[i] = wg_slice(x, axis, place, end);
        place = end;
    }
    return graph_ok(x.context);
}

/* What functions that write an array of tensors begin with: whether there is an array and such an axis; each part is
   poison until it is written. */
static bool begin_parts(wg_tensor x, const char *who, int axis, int *index, size_t count, wg_tensor *parts)
{
    for (size_t i = 0; parts && i < count; i++) parts[i] = graph_poison(x.context);
    if (!ops_axis(x, who, axis, index)) return false;
    if (!parts) graph_fail(x.context, WG_BAD_ARGUMENT, "%s: NULL", who);
    return parts;
}

bool wg_split(wg_tensor x, int axis, size_t count, wg_tensor *parts)
{
    WG_ENTRY(x.context);
    int index;
    if (!begin_parts(x, "split", axis, &index, count, parts)) return false;
    int64_t length = wg_dim(x, index);
    if (count == 0 || (uint64_t)length % count != 0) {
        shape_buffer buffer;
        graph_fail(x.context, WG_BAD_SHAPE, "split: axis %d of %s does not make %zu equal parts", axis,
                   shape_text(wg_shape_of(x), &buffer), count);
        graph_hint(x.context, "wg_split_lengths takes the length of each part");
        return false;
    }
    return slices(x, index, count, (int64_t)((uint64_t)length / count), NULL, parts);
}

bool wg_split_lengths(wg_tensor x, int axis, size_t count, const int64_t *lengths, wg_tensor *parts)
{
    WG_ENTRY(x.context);
    int index;
    if (!begin_parts(x, "split_lengths", axis, &index, count, parts)) return false;
    int64_t length = wg_dim(x, index), sum = 0;
    bool fits = lengths || count == 0;
    for (size_t i = 0; fits && i < count; i++)
        fits = lengths[i] >= 0 && !__builtin_add_overflow(sum, lengths[i], &sum) && sum <= length;
    if (!fits || sum != length) {
        shape_buffer buffer;
        graph_fail(x.context, lengths ? WG_BAD_SHAPE : WG_BAD_ARGUMENT,
                   "split_lengths: the lengths do not add up to axis %d of %s", axis,
                   shape_text(wg_shape_of(x), &buffer));
        return false;
    }
    return slices(x, index, count, 0, lengths, parts);
}

bool wg_unstack(wg_tensor x, int axis, size_t count, wg_tensor *parts)
{
    WG_ENTRY(x.context);
    int index;
    if (!begin_parts(x, "unstack", axis, &index, count, parts)) return false;
    if ((uint64_t)wg_dim(x, index) != count) {
        graph_fail(x.context, WG_BAD_SHAPE, "unstack: axis %d has length %lld, there is room for %zu tensors", axis,
                   (long long)wg_dim(x, index), count);
        return false;
    }
    for (size_t i = 0; i < count; i++) parts[i] = wg_select(x, index, (int64_t)i);
    return graph_ok(x.context);
}

/* ---- repeating and turning ---- */

/* Repeats blocks that lie before the axis `place` of the result's shape but for its repetitions: [a, b] -> [a, n, b] ->
   `shape`. */
static wg_tensor repeat_blocks(wg_tensor x, int place, int64_t times, wg_shape shape)
{
    int64_t outer = 1, inner = 1;
    const wg_shape from = wg_shape_of(x);
    for (int i = 0; i < from.rank; i++) *(i < place ? &outer : &inner) *= from.dim[i];
    wg_tensor blocks = wg_reshape(x, WG_SHAPE(outer, 1, inner));
    return wg_reshape(wg_expand(blocks, WG_SHAPE(outer, times, inner)), shape);
}

/* A length so many times; -1 if no shape can hold it. */
static int64_t lengthened(int64_t length, int64_t times)
{
    int64_t product;
    return times < 0 || __builtin_mul_overflow(length, times, &product) ? -1 : product;
}

wg_tensor wg_repeat(wg_tensor x, int axis, int64_t times)
{
    WG_ENTRY(x.context);
    int index;
    if (!ops_axis(x, "repeat", axis, &index)) return graph_poison(x.context);
    wg_shape shape = wg_shape_of(x);
    shape.dim[index] = lengthened(shape.dim[index], times);
    if (shape.dim[index] < 0)
        return graph_fail(x.context, WG_BAD_ARGUMENT, "repeat: %lld times cannot be", (long long)times);
    return repeat_blocks(x, index + 1, times, shape);
}

wg_tensor wg_tile(wg_tensor x, wg_shape times)
{
    WG_ENTRY(x.context);
    shape_buffer buffer;
    if (!graph_resolve(x, "tile")) return graph_poison(x.context);
    wg_shape from = wg_shape_of(x), shape = {0};
    bool fits = times.rank >= 0 && times.rank <= WG_MAX_RANK;
    for (int i = 0; fits && i < times.rank; i++) fits = times.dim[i] >= 0;
    if (!fits) return graph_fail(x.context, WG_BAD_ARGUMENT, "tile: %s are no repetitions", shape_text(times, &buffer));
    int rank = from.rank > times.rank ? from.rank : times.rank;
    for (int i = 0; i < rank; i++) shape.dim[shape.rank++] = i < rank - from.rank ? 1 : from.dim[i - rank + from.rank];
    wg_tensor y = wg_reshape(x, shape);
    for (int i = rank - times.rank; i < rank; i++) {
        int64_t count = times.dim[i - rank + times.rank];
        shape.dim[i] = lengthened(shape.dim[i], count);
        if (shape.dim[i] < 0)
            return graph_fail(x.context, WG_BAD_SHAPE, "tile: the size overflows: %s", shape_text(times, &buffer));
        if (count != 1) y = repeat_blocks(y, i, count, shape);
    }
    return y;
}

wg_tensor wg_roll(wg_tensor x, int axis, int64_t shift)
{
    WG_ENTRY(x.context);
    int index;
    if (!ops_axis(x, "roll", axis, &index)) return graph_poison(x.context);
    int64_t length = wg_dim(x, index), kept = length ? shift % length : 0;
    kept = kept > 0 ? length - kept : -kept; /* so many of the first ones go to the end */
    if (kept == 0) return graph_now(x, "roll");
    wg_tensor first = wg_slice(x, index, kept, length), last = wg_slice(x, index, 0, kept);
    return wg_concat(WG_LIST(first, last), index);
}
