/* Windows along an axis: unfold and fold, element by element from their definitions. */
#include "tests/reference/moves.h"

typedef struct window {
    wg_shape in; /* of what is cut into windows */
    int axis;
    int64_t size, step, dilation;
} window;

static const window windows[] = {
    {{1, {7}}, 0, 3, 1, 1},
    {{1, {7}}, -1, 3, 2, 1},
    {{1, {7}}, 0, 3, 2, 3},
    {{1, {7}}, 0, 7, 1, 1},
    {{1, {7}}, 0, 1, 3, 5},
    {{1, {8}}, 0, 2, 2, 1},
    {{3, {2, 6, 3}}, 1, 2, 3, 2},
    {{3, {2, 6, 3}}, 0, 2, 1, 1},
    {{3, {2, 6, 3}}, -1, 2, 1, 2},
    {{3, {2, 6, 3}}, -2, 4, 1, 1},
    {{3, {0, 6, 3}}, 1, 4, 2, 1},
    {{2, {5, 0}}, 0, 2, 1, 1},
    {{2, {9, 2}}, 0, 2, INT64_MAX, 8},
    {{2, {9, 2}}, 0, 1, 100, INT64_MAX},
    {{7, {1, 2, 1, 2, 5, 1, 2}}, 4, 2, 1, 2},
};
enum { WINDOWS = sizeof windows / sizeof *windows };

/* The windows' shape, and where each of their elements lies in what they were cut from. */
static moves moves_of(const window *w)
{
    int axis = w->axis < 0 ? w->axis + w->in.rank : w->axis;
    moves m = {.in = w->in};
    int64_t count = 0;
    while (count < INT64_MAX / w->step && count * w->step + (w->size - 1) * w->dilation < w->in.dim[axis]) count++;
    for (int i = 0; i < w->in.rank; i++) {
        m.out.dim[m.out.rank++] = i == axis ? count : w->in.dim[i];
        if (i == axis) m.out.dim[m.out.rank++] = w->size;
    }
    for (int64_t i = 0; i < wg_shape_size(m.out); i++) {
        int64_t out[WG_MAX_RANK] = {0}, in[WG_MAX_RANK] = {0};
        naive_index(m.out, i, out);
        for (int a = 0; a < w->in.rank; a++) in[a] = out[a <= axis ? a : a + 1];
        in[axis] = out[axis] * w->step + out[axis + 1] * w->dilation;
        m.from[i] = naive_place(m.in, in);
    }
    return m;
}

static wg_tensor apply_unfold(wg_tensor x, const void *how)
{
    const window *w = how;
    return wg_unfold(x, w->axis, w->size, w->step, w->dilation);
}

void reference_unfold(void)
{
    for (size_t k = 0; k < WINDOWS; k++) {
        moves m = moves_of(&windows[k]);
        check_moves(&m, apply_unfold, &windows[k], "unfold case %zu", k);
    }
}

void reference_fold(void)
{
    uint64_t state = 23;
    wg_context *ctx = reference_context(WG_F64);
    for (size_t k = 0; k < WINDOWS; k++)
        for (wg_type type = WG_F32; type <= WG_I64; type++) {
            const window *w = &windows[k];
            moves m = moves_of(w);
            naive x = naive_random(m.out, -9, 9, true, &state), y = {.shape = m.in};
            naive c = naive_random(m.in, -1, 1, false, &state), g = {.shape = m.out};
            for (int64_t i = 0; i < naive_size(&x); i++) {
                y.v[m.from[i]] += x.v[i];
                g.v[i] = c.v[m.from[i]];
            }
            wg_tensor t = tensor_of(ctx, type, &x);
            int64_t length = w->in.dim[w->axis < 0 ? w->axis + w->in.rank : w->axis];
            wg_tensor got = wg_fold(t, w->axis, w->step, w->dilation, length);
            expect_values(got, &y, 0, "fold case %zu of %s", k, wg_type_name(type));
            reference_check(wg_type_of(got) == type, "fold of %s: type", wg_type_name(type));
            if (type == WG_F64)
                expect_values(wg_grad(wg_sum(wg_mul(got, tensor_of(ctx, type, &c)), WG_ALL), t), &g, 1e-14,
                              "gradient of fold case %zu", k);
            wg_clear(ctx);
        }
    cr_expect(!wg_failed(ctx), "fold: %s", wg_error(ctx));
    wg_context_free(ctx);
}

/* Each is the other one's gradient, to any order. */
Test(windows, gradients)
{
    reference_begin();
    wg_context *ctx = reference_context(WG_F64);
    uint64_t state = 29;
    for (size_t k = 0; k < WINDOWS; k++) {
        const window *w = &windows[k];
        if (wg_shape_size(w->in) == 0) continue;
        naive v = naive_random(w->in, -2, 2, false, &state);
        wg_tensor x = tensor_of(ctx, WG_F64, &v), y = wg_unfold(x, w->axis, w->size, w->step, w->dilation);
        wg_tensor loss = weighted_sum(wg_square(y), 1);
        expect_gradcheck(loss, WG_LIST(x), "unfold case %zu", k);
        expect_gradcheck(weighted_sum(wg_grad(loss, x), 2), WG_LIST(x), "unfold case %zu, second", k);
        wg_tensor back = wg_fold(y, w->axis, w->step, w->dilation, wg_dim(x, w->axis));
        expect_gradcheck(weighted_sum(wg_square(back), 3), WG_LIST(x), "fold case %zu", k);
        wg_clear(ctx);
    }
    reference_end(ctx, "gradients of windows");
}
