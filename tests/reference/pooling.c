/* Poolings: each window by loops over its elements, from the definition. */
#include "tests/reference/reference.h"

enum { AXES = 3 };

typedef struct pooled {
    wg_shape in;
    wg_pool_options how;
} pooled;

static const pooled cases[] = {
    {{3, {2, 3, 7}}, {.size = {3}}},
    {{3, {1, 2, 7}}, {.size = {3}, .stride = {2}, .low = {1}, .high = {1}}},
    {{3, {1, 2, 6}}, {.size = {3}, .stride = {2}, .ceil_mode = true}},
    {{3, {1, 2, 6}}, {.size = {3}, .stride = {2}, .low = {1}, .high = {1}, .ceil_mode = true, .count_padding = true}},
    {{3, {1, 2, 5}}, {.size = {2}, .stride = {3}, .low = {1}, .ceil_mode = true}},
    {{3, {2, 2, 9}}, {.size = {3}, .stride = {1}, .dilation = {3}}},
    {{3, {2, 1, 4}}, {.size = {5}, .stride = {1}, .low = {4}, .high = {4}}},
    {{3, {2, 1, 4}}, {.size = {5}, .stride = {2}, .low = {3}, .high = {1}, .count_padding = true}},
    {{4, {2, 2, 5, 6}}, {.size = {2, 3}}},
    {{4, {1, 2, 5, 6}}, {.size = {3, 3}, .stride = {2, 1}, .low = {1, 1}, .high = {1, 1}, .count_padding = true}},
    {{4, {1, 2, 6, 5}}, {.size = {3, 2}, .stride = {2, 3}, .low = {0, 1}, .high = {2, 0}, .ceil_mode = true}},
    {{4, {1, 1, 8, 7}}, {.size = {2, 3}, .stride = {1, 2}, .dilation = {4, 2}, .low = {2, 0}}},
    {{4, {2, 3, 1, 1}}, {.size = {1, 1}}},
    {{5, {1, 2, 3, 4, 5}}, {.size = {2, 2, 2}}},
    {{5, {2, 1, 4, 3, 4}}, {.size = {3, 1, 2}, .stride = {2, 1, 2}, .low = {1, 0, 1}, .high = {1, 0, 0}}},
    {{5, {1, 1, 5, 4, 3}}, {.size = {2, 3, 2}, .stride = {3, 2, 1}, .dilation = {2, 1, 2}, .ceil_mode = true}},
    {{3, {1, 2, 41}}, {.size = {17}, .stride = {3}, .low = {2}, .high = {2}}},
    {{4, {1, 1, 2, 40}}, {.size = {1, 18}, .stride = {1, 4}, .dilation = {1, 2}, .ceil_mode = true}},
    {{4, {0, 2, 5, 6}}, {.size = {2, 3}}},
    {{3, {2, 0, 7}}, {.size = {3}}},
};
enum { CASES = sizeof cases / sizeof *cases };

/* One spatial axis, with defaults filled in; those that are missing have one element. */
typedef struct line {
    int64_t length, size, stride, low, high, dilation, count;
} line;

static line line_of(const pooled *c, int i)
{
    const wg_pool_options *o = &c->how;
    if (i + 2 >= c->in.rank) return (line){1, 1, 1, 0, 0, 1, 1};
    line l = {c->in.dim[i + 2],
              o->size[i],
              o->stride[i] ? o->stride[i] : o->size[i],
              o->low[i],
              o->high[i],
              o->dilation[i] ? o->dilation[i] : 1,
              0};
    int64_t reach = (l.size - 1) * l.dilation + 1;
    for (;; l.count++) { /* a window is there if it fits, or, by PyTorch's rule, if there is something left for it */
        int64_t start = l.count * l.stride - l.low;
        bool fits = start + reach <= l.length + l.high;
        bool rest = start < l.length && start - l.stride + reach < l.length + l.high;
        if (!fits && !(o->ceil_mode && rest)) return l;
    }
}

static wg_shape pooled_shape(const pooled *c)
{
    wg_shape shape = c->in;
    for (int i = 0; i + 2 < c->in.rank; i++) shape.dim[i + 2] = line_of(c, i).count;
    return shape;
}

/* What is found in the window of result `at`: places in x in order; returns how many. `padded` counts those that lie in
   the padding, too. */
static int elements_of(const pooled *c, int64_t at, int64_t *places, int *padded)
{
    int64_t out[WG_MAX_RANK] = {0}, in[WG_MAX_RANK] = {0};
    int count = 0;
    line l[AXES];
    for (int i = 0; i < AXES; i++) l[i] = line_of(c, i);
    naive_index(pooled_shape(c), at, out);
    in[0] = out[0];
    in[1] = out[1];
    *padded = 0;
    for (int64_t a = 0; a < l[0].size; a++)
        for (int64_t b = 0; b < l[1].size; b++)
            for (int64_t d = 0; d < l[2].size; d++) {
                const int64_t tap[AXES] = {a, b, d};
                bool inside = true, near = true;
                for (int i = 0; i < AXES; i++) {
                    int64_t place = out[i + 2] * l[i].stride - l[i].low + tap[i] * l[i].dilation;
                    inside &= place >= 0 && place < l[i].length;
                    near &= place >= -l[i].low && place < l[i].length + l[i].high;
                    in[i + 2] = place;
                }
                *padded += near;
                if (inside) places[count++] = naive_place(c->in, in);
            }
    return count;
}

/* The first NaN, or the first of the largest or smallest. */
static int64_t best_of(const naive *x, const int64_t *places, int count, bool smallest)
{
    int64_t best = places[0];
    for (int i = 0; i < count; i++)
        if (isnan(x->v[places[i]])) return places[i];
    for (int i = 1; i < count; i++)
        if (smallest ? x->v[places[i]] < x->v[best] : x->v[places[i]] > x->v[best]) best = places[i];
    return best;
}

static naive places_of(const pooled *c, const naive *x, bool smallest)
{
    int64_t places[256];
    int padded;
    naive y = {.shape = pooled_shape(c)};
    for (int64_t i = 0; i < naive_size(&y); i++)
        y.v[i] = (double)best_of(x, places, elements_of(c, i, places, &padded), smallest);
    return y;
}

static naive picked(const naive *x, const naive *places)
{
    naive y = {.shape = places->shape};
    for (int64_t i = 0; i < naive_size(&y); i++) y.v[i] = x->v[(int64_t)places->v[i]];
    return y;
}

/* Few different numbers, so that there are ties. */
void reference_pool_index(void)
{
    uint64_t state = 31;
    for (size_t k = 0; k < CASES; k++)
        for (wg_type type = WG_F32; type <= WG_I64; type++)
            for (int smallest = 0; smallest < 2; smallest++) {
                const pooled *c = &cases[k];
                wg_context *ctx = reference_context(WG_F64);
                naive x = naive_random(c->in, -2, 2, true, &state), want;
                if (type <= WG_F64 && k % 2)
                    for (int64_t i = 0; i < naive_size(&x); i++) {
                        double u = reference_uniform(&state, 0, 1);
                        if (u < 0.1) x.v[i] = NAN;
                        if (u > 0.5) x.v[i] = -INFINITY;
                        if (u > 0.9) x.v[i] = u > 0.95 ? 0.0 : -0.0;
                    }
                want = places_of(c, &x, smallest);
                wg_tensor t = tensor_of(ctx, type, &x), got = wg_pool_index(t, &c->how, smallest);
                expect_values(got, &want, 0, "pool_index case %zu of %s", k, wg_type_name(type));
                reference_check(wg_type_of(got) == WG_I64, "pool_index: type");
                naive best = picked(&x, &want);
                expect_values(smallest ? wg_min_pool(t, &c->how) : wg_max_pool(t, &c->how), &best, 0,
                              "%s_pool case %zu of %s", smallest ? "min" : "max", k, wg_type_name(type));
                cr_expect(!wg_failed(ctx), "pool_index case %zu: %s", k, wg_error(ctx));
                wg_context_free(ctx);
            }
}

Test(pooling, all_that_is_least_is_chosen_by_place)
{
    reference_begin();
    wg_context *ctx = reference_context(WG_F32);
    const float least[] = {-INFINITY, -INFINITY, -INFINITY, -INFINITY};
    naive first = {.shape = WG_SHAPE(1, 1, 2), .v = {0, 2}}, one = {.shape = WG_SHAPE(1, 1, 4), .v = {1, 0, 1, 0}};
    wg_tensor x = wg_from_f32(ctx, WG_SHAPE(1, 1, 4), least);
    const wg_pool_options pairs = {.size = {2}};
    expect_values(wg_pool_index(x, &pairs, false), &first, 0, "places of -inf");
    wg_tensor slope = wg_grad(wg_sum(wg_max_pool(x, &pairs), WG_ALL), x);
    expect_values(slope, &one, 0, "the gradient goes to the first of equal ones");
    const wg_pool_options overlapping = {.size = {3}, .stride = {1}, .low = {1}, .high = {1}};
    naive twice = {.shape = WG_SHAPE(1, 1, 4), .v = {0, 3, 1, 0}};
    const float peak[] = {1, 7, 7, 2};
    x = wg_from_f32(ctx, WG_SHAPE(1, 1, 4), peak);
    slope = wg_grad(wg_sum(wg_max_pool(x, &overlapping), WG_ALL), x);
    expect_values(slope, &twice, 0, "windows that share an element add up");
    reference_end(ctx, "ties");
}

/* ---- averages ---- */

static naive averages_of(const pooled *c, const naive *x)
{
    int64_t places[256];
    naive y = {.shape = pooled_shape(c)};
    for (int64_t i = 0; i < naive_size(&y); i++) {
        int padded, count = elements_of(c, i, places, &padded);
        for (int k = 0; k < count; k++) y.v[i] += x->v[places[k]];
        y.v[i] /= c->how.count_padding ? padded : count;
    }
    return y;
}

Test(pooling, averages)
{
    reference_begin();
    uint64_t state = 37;
    for (size_t k = 0; k < CASES; k++)
        for (wg_type type = WG_F32; type <= WG_F64; type++) {
            const pooled *c = &cases[k];
            wg_context *ctx = reference_context(type == WG_F32 ? WG_F64 : WG_F32); /* another type is the default */
            naive x = naive_random(c->in, -2, 2, false, &state), want = averages_of(c, &x);
            wg_tensor t = tensor_of(ctx, type, &x), y = wg_average_pool(t, &c->how);
            expect_values(y, &want, type == WG_F32 ? 1e-6 : 1e-14, "average_pool case %zu", k);
            reference_check(wg_type_of(y) == type, "average_pool case %zu: type", k);
            if (type == WG_F64 && wg_size(y)) {
                expect_gradcheck(weighted_sum(wg_square(y), 5), WG_LIST(t), "average_pool case %zu", k);
                expect_gradcheck(weighted_sum(wg_square(wg_max_pool(t, &c->how)), 6), WG_LIST(t), "max_pool case %zu",
                                 k);
                expect_gradcheck(weighted_sum(wg_grad(weighted_sum(wg_square(wg_min_pool(t, &c->how)), 7), t), 8),
                                 WG_LIST(t), "min_pool case %zu, second", k);
            }
            cr_expect(!wg_failed(ctx), "average_pool case %zu: %s", k, wg_error(ctx));
            wg_context_free(ctx);
        }
    reference_end(reference_context(WG_F32), "averages");
}

static naive adapted(const naive *x, wg_shape windows)
{
    naive y = {.shape = x->shape};
    for (int i = 0; i < windows.rank; i++) y.shape.dim[i + 2] = windows.dim[i];
    for (int64_t i = 0; i < naive_size(&y); i++) {
        int64_t out[WG_MAX_RANK] = {0}, in[WG_MAX_RANK] = {0}, count = 0;
        naive_index(y.shape, i, out);
        for (int64_t k = 0; k < naive_size(x); k++) {
            naive_index(x->shape, k, in);
            bool inside = in[0] == out[0] && in[1] == out[1];
            for (int a = 2; a < x->shape.rank; a++) {
                double share = (double)x->shape.dim[a] / (double)y.shape.dim[a];
                inside = inside && (double)in[a] >= floor((double)out[a] * share) &&
                         (double)in[a] < ceil((double)(out[a] + 1) * share);
            }
            if (inside) y.v[i] += x->v[k], count++;
        }
        y.v[i] /= (double)count;
    }
    return y;
}

Test(pooling, adaptive_and_global_averages)
{
    static const wg_shape shapes[][2] = {
        {{3, {2, 2, 6}}, {1, {3}}},       {{3, {2, 2, 7}}, {1, {3}}},       {{3, {1, 2, 3}}, {1, {5}}},
        {{4, {1, 2, 6, 5}}, {2, {1, 1}}}, {{4, {1, 2, 6, 5}}, {2, {4, 2}}}, {{5, {1, 2, 3, 4, 5}}, {3, {2, 3, 5}}},
        {{4, {0, 2, 6, 5}}, {2, {4, 2}}}, {{3, {1, 1, 1}}, {1, {4}}},
    };
    reference_begin();
    uint64_t state = 41;
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++)
        for (wg_type type = WG_F32; type <= WG_F64; type++) {
            wg_context *ctx = reference_context(type == WG_F32 ? WG_F64 : WG_F32);
            naive x = naive_random(shapes[k][0], -2, 2, false, &state), want = adapted(&x, shapes[k][1]);
            wg_tensor t = tensor_of(ctx, type, &x), y = wg_adaptive_average_pool(t, shapes[k][1]);
            expect_values(y, &want, type == WG_F32 ? 1e-6 : 1e-14, "adaptive case %zu", k);
            if (type == WG_F64 && wg_size(y)) expect_gradcheck(weighted_sum(y, 5), WG_LIST(t), "adaptive case %zu", k);
            wg_shape one = {.rank = shapes[k][1].rank, .dim = {1, 1, 1}},
                     flat = WG_SHAPE(x.shape.dim[0], x.shape.dim[1]);
            naive mean = adapted(&x, one);
            mean.shape = flat;
            expect_values(wg_global_average_pool(t), &mean, type == WG_F32 ? 1e-6 : 1e-14, "global case %zu", k);
            cr_expect(!wg_failed(ctx), "adaptive case %zu: %s", k, wg_error(ctx));
            wg_context_free(ctx);
        }
    reference_end(reference_context(WG_F32), "adaptive averages");
}

/* What lies beside a window does not touch it. */
Test(pooling, infinities_stay_in_their_windows)
{
    reference_begin();
    wg_context *ctx = reference_context(WG_F64);
    const double values[] = {1, 2, INFINITY, 4, 5, NAN, 7};
    wg_tensor x = wg_from_f64(ctx, WG_SHAPE(1, 1, 7), values);
    naive three = {.shape = WG_SHAPE(1, 1, 3), .v = {INFINITY, INFINITY, NAN}};
    naive pairs = {.shape = WG_SHAPE(1, 1, 4), .v = {1.5, INFINITY, NAN, 7}};
    expect_values(wg_adaptive_average_pool(x, WG_SHAPE(3)), &three, 0, "adaptive windows beside infinities");
    expect_values(wg_average_pool(x, &(wg_pool_options){.size = {2}, .ceil_mode = true}), &pairs, 0,
                  "windows beside infinities");
    reference_end(ctx, "infinities");
}
