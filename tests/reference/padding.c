/* Padding: where each place beside a tensor gets its value from, by the picture in wg_pad_mode. */
#include "tests/reference/moves.h"

typedef struct padded {
    int axis;
    int64_t low, high;
    wg_pad_mode mode;
} padded;

static wg_tensor apply_pad(wg_tensor x, const void *how)
{
    const padded *h = how;
    return wg_pad_with(x, h->axis, h->low, h->high, h->mode, 0);
}

/* The place that a place outside [0, length) stands for; -1: none. */
static int64_t source(int64_t place, int64_t length, wg_pad_mode mode)
{
    if (place >= 0 && place < length) return place;
    if (mode == WG_PAD_REFLECT) return place < 0 ? -place : 2 * (length - 1) - place;
    if (mode == WG_PAD_REPLICATE) return place < 0 ? 0 : length - 1;
    if (mode == WG_PAD_CIRCULAR) return (place + length) % length;
    return -1;
}

static bool allowed(int64_t width, int64_t length, wg_pad_mode mode)
{
    return mode == WG_PAD_CONSTANT || width == 0 || (mode == WG_PAD_REPLICATE && length > 0) ||
           (mode == WG_PAD_REFLECT && width < length) || (mode == WG_PAD_CIRCULAR && width <= length);
}

Test(padding, modes_along_an_axis)
{
    static const wg_shape shapes[] = {{3, {2, 4, 3}}, {1, {5}}, {2, {1, 2}}, {2, {0, 3}}};
    reference_begin();
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++)
        for (int axis = -shapes[k].rank; axis < shapes[k].rank; axis++)
            for (int mode = 0; mode <= WG_PAD_CIRCULAR; mode++)
                for (int64_t low = 0; low < 6; low++)
                    for (int64_t high = 0; high < 6; high += 1 + low % 2) {
                        padded h = {axis, low, high, (wg_pad_mode)mode};
                        int64_t length = shapes[k].dim[axis < 0 ? axis + shapes[k].rank : axis], from[16], count = 0;
                        if (!allowed(low, length, h.mode) || !allowed(high, length, h.mode)) continue;
                        for (int64_t i = -low; i < length + high; i++) from[count++] = source(i, length, h.mode);
                        moves m = moves_along(shapes[k], axis, count, from);
                        check_moves(&m, apply_pad, &h, "mode %d, %lld and %lld along %d of %s", mode, (long long)low,
                                    (long long)high, axis, shape_name(shapes[k]));
                    }
    reference_end(reference_context(WG_F32), "padding");
}

Test(padding, constants)
{
    reference_begin();
    wg_context *ctx = reference_context(WG_F64);
    const double two[] = {1, 2};
    naive want = {.shape = WG_SHAPE(5), .v = {-INFINITY, 1, 2, -INFINITY, -INFINITY}};
    wg_tensor x = wg_from_f64(ctx, WG_SHAPE(2), two);
    expect_values(wg_pad_with(x, 0, 1, 2, WG_PAD_CONSTANT, -INFINITY), &want, 0, "constant -inf");
    naive seven = {.shape = WG_SHAPE(3), .v = {7, 1, 2}};
    expect_values(wg_pad_with(wg_cast(x, WG_I32), 0, 1, 0, WG_PAD_CONSTANT, 7), &seven, 0, "constant 7 in i32");
    reference_end(ctx, "constants");
}

Test(padding, several_axes)
{
    reference_begin();
    wg_context *ctx = reference_context(WG_F64);
    uint64_t state = 83;
    naive v = naive_random(WG_SHAPE(2, 3, 4), -2, 2, false, &state);
    const int64_t low[] = {2, 1}, high[] = {0, 2}, all_low[] = {1, 0, 1}, all_high[] = {0, 2, 1};
    for (int mode = 0; mode <= WG_PAD_CIRCULAR; mode++) {
        naive want = {.shape = WG_SHAPE(2, 6, 6)}, whole = {.shape = WG_SHAPE(3, 5, 6)};
        for (int64_t i = 0; i < naive_size(&want); i++) {
            int64_t at[WG_MAX_RANK];
            naive_index(want.shape, i, at);
            int64_t a = source(at[2] - 2, 4, (wg_pad_mode)mode), b = source(at[1] - 1, 3, (wg_pad_mode)mode);
            want.v[i] = a < 0 || b < 0 ? 0.5 : v.v[(at[0] * 3 + b) * 4 + a];
        }
        for (int64_t i = 0; i < naive_size(&whole); i++) {
            int64_t at[WG_MAX_RANK], from[WG_MAX_RANK];
            naive_index(whole.shape, i, at);
            bool inside = true;
            for (int k = 0; k < 3; k++) {
                from[k] = source(at[k] - all_low[k], v.shape.dim[k], (wg_pad_mode)mode);
                inside &= from[k] >= 0;
            }
            whole.v[i] = inside ? v.v[naive_place(v.shape, from)] : 0.5;
        }
        wg_tensor x = tensor_of(ctx, WG_F64, &v);
        wg_tensor y = wg_pad_axes(x, WG_AXES(-1, 1), low, high, (wg_pad_mode)mode, 0.5);
        expect_values(y, &want, 0, "mode %d along two axes", mode);
        expect_gradcheck(weighted_sum(wg_square(y), 1), WG_LIST(x), "mode %d along two axes", mode);
        expect_values(wg_pad_axes(x, WG_ALL, all_low, all_high, (wg_pad_mode)mode, 0.5), &whole, 0,
                      "mode %d along all axes", mode);
        reference_check(wg_pad_axes(x, (wg_axes){0}, NULL, NULL, (wg_pad_mode)mode, 0).id == x.id, "no axes");
        wg_clear(ctx);
    }
    reference_end(ctx, "padding of several axes");
}
