/* Views: where the elements of movements lie, and what has to be gathered. */
#include "tests/harness.h"

#include "tests/planned.h"

/* ---- an item's elements, by its view ---- */

/* The place in the base's values of element `at`, counted in row-major order. */
static int64_t place_of(const view *v, const wg_shape *shape, int64_t at)
{
    int64_t place = v->offset;
    for (int i = shape->rank; i-- > 0; at /= shape->dim[i]) place += at % shape->dim[i] * v->stride[i];
    return place;
}

/* Copies what an item shows of `values`, those of the only leaf: movements are followed to it, gathered ones copied. */
static void show(const planned *p, uint32_t index, const double *values, double *out)
{
    const item *it = &p->final.items[index];
    const view *v = p->s.gathered[index] ? &p->s.copied[index] : &p->s.views[index];
    double *base = malloc(4096 * sizeof *base);
    if (!p->final.items[v->base].op)
        memcpy(base, values, (size_t)p->final.items[v->base].size * sizeof *base);
    else
        show(p, v->base, values, base);
    for (int64_t i = 0; i < it->size; i++) {
        int64_t place = place_of(v, &it->shape, i);
        cr_expect(place >= 0 && place < p->final.items[v->base].size, "element %d lies outside", (int)i);
        out[i] = base[place];
    }
    free(base);
}

static wg_tensor random_movement(wg_tensor x, uint64_t *chance)
{
    wg_shape s = wg_shape_of(x), other = {0};
    int axis = (int)(scratch_random(chance) % (uint64_t)s.rank);
    switch (scratch_random(chance) % 7) {
    case 0: /* two axes joined, or one cut */
        for (int i = 0; i < s.rank; i++) {
            if (i == axis && i + 1 < s.rank)
                other.dim[other.rank++] = s.dim[i] * s.dim[i + 1], i++;
            else if (i == axis && s.dim[i] % 2 == 0 && s.rank < 6)
                other.dim[other.rank++] = s.dim[i] / 2, other.dim[other.rank++] = 2;
            else
                other.dim[other.rank++] = s.dim[i];
        }
        return wg_reshape(x, other);
    case 1:
        return s.rank == 3 ? wg_permute(x, WG_AXES(2, 0, 1)) : s.rank == 2 ? wg_transpose(x) : wg_flip(x, axis);
    case 2:
        return s.dim[axis] > 2 ? wg_slice_step(x, axis, 1, WG_END, 1 + (int64_t)(scratch_random(chance) % 2)) : x;
    case 3:
        return wg_flip(x, axis);
    case 4:
        return s.rank < 5 ? wg_unsqueeze(x, axis) : x;
    case 5: /* windows that overlap, meet, or leave gaps */
        if (s.rank > 5 || s.dim[axis] < 3 || wg_size(x) > 600) return x;
        return wg_unfold(x, axis, 2, 1 + (int64_t)(scratch_random(chance) % 3),
                         1 + (int64_t)(scratch_random(chance) % 2));
    default:
        other = s;
        for (int i = 0; i < s.rank; i++)
            if (s.dim[i] == 1 && wg_size(x) < 600) other.dim[i] = 3;
        return wg_expand(x, other);
    }
}

/* Chains of movements against the plain executor, which moves elements one by one. */
Test(views, show_what_movements_make)
{
    for (uint64_t seed = 1; seed <= 120; seed++) {
        uint64_t chance = seed * 7919;
        wg_context *ctx = planned_context(true);
        wg_tensor leaf = random_leaf(ctx, WG_SHAPE(4, 3, 2), seed), x = leaf;
        for (int n = 0; n < 6; n++) x = random_movement(x, &chance);
        cr_assert(wg_size(x) < 4096 && !wg_failed(ctx), "%s", wg_error(ctx));
        double values[24], expected[4096], shown[4096];
        if (x.id != leaf.id) {
            planned p = planned_lay_out(WG_LIST(wg_tanh(x)));
            cr_assert(wg_read_f64(leaf, values, 24));
            show(&p, program_operands(&p.final, &p.final.items[p.final.count - 1])[0], values, shown);
            planned_end(&p);
            cr_assert(wg_read_f64(x, expected, (size_t)wg_size(x)));
            cr_expect(memcmp(shown, expected, (size_t)wg_size(x) * sizeof *shown) == 0, "seed %d", (int)seed);
        }
        scratch_close(ctx);
    }
}

/* ---- what is gathered ---- */

static int count_gathered(wg_tensor root)
{
    planned p = planned_lay_out(WG_LIST(root));
    int count = 0;
    for (uint32_t i = 0; i < p.final.count; i++) count += p.s.gathered[i];
    planned_end(&p);
    return count;
}

Test(gather, only_where_a_reader_cannot_follow)
{
    wg_context *ctx = planned_context(false);
    wg_tensor x = random_leaf(ctx, WG_SHAPE(6, 4), 1), turned = wg_transpose(x);
    cr_expect_eq(count_gathered(wg_exp(turned)), 0, "groups follow strides");
    cr_expect_eq(count_gathered(wg_exp(wg_reshape(turned, WG_SHAPE(24)))), 1, "a reshape of what is turned");
    cr_expect_eq(count_gathered(wg_exp(wg_reshape(turned, WG_SHAPE(2, 2, 6)))), 0, "an axis that is only cut");
    cr_expect_eq(count_gathered(wg_argmax(turned, 0)), 1, "kernels want all in a row");
    cr_expect_eq(count_gathered(wg_sum(wg_unfold(x, 1, 2, 1, 1), WG_AXES(-1))), 0, "windows that overlap");
    cr_expect_eq(count_gathered(wg_exp(wg_reshape(wg_unfold(x, 1, 2, 2, 1), WG_SHAPE(24)))), 0, "windows that meet");
    cr_expect_eq(count_gathered(wg_exp(wg_reshape(wg_unfold(x, 1, 2, 1, 1), WG_SHAPE(36)))), 1,
                 "windows that overlap, in one axis");
    cr_expect_eq(count_gathered(wg_matmul(wg_unfold(wg_select(x, 1, 0), 0, 3, 1, 1), wg_slice(x, 0, 0, 3))), 1,
                 "rows of a product that overlap");
    cr_expect_eq(count_gathered(wg_matmul(turned, x)), 0, "products read either way");
    cr_expect_eq(count_gathered(wg_flip(x, 0)), 1, "a result");
    cr_expect_eq(count_gathered(wg_reshape(wg_exp(x), WG_SHAPE(24))), 0, "a result that shares");
    cr_expect_eq(count_gathered(wg_reshape(x, WG_SHAPE(24))), 1, "a result that would share a leaf's memory");
    cr_expect_eq(count_gathered(wg_full(ctx, WG_SHAPE(3), 2)), 1, "a number that is a result");
    cr_expect_eq(count_gathered(wg_exp(wg_full(ctx, WG_SHAPE(3), 2))), 0, "a number that is none");
    scratch_close(ctx);
}

/* ---- single functions ---- */

Test(view, reshape_of_strides)
{
    const wg_shape from = WG_SHAPE(4, 6), pairs = WG_SHAPE(2, 2, 2, 3), flat = WG_SHAPE(24);
    view rows = {.stride = {6, 1}}, apart = {.stride = {8, 1}}, repeated = {.stride = {0, 1}};
    cr_expect(view_reshape(&rows, &from, &flat) && rows.stride[0] == 1);
    cr_expect_not(view_reshape(&apart, &from, &flat));
    apart = (view){.stride = {8, 1}};
    cr_expect(view_reshape(&apart, &from, &pairs) && apart.stride[0] == 16 && apart.stride[1] == 8 &&
              apart.stride[2] == 3 && apart.stride[3] == 1);
    cr_expect_not(view_reshape(&repeated, &from, &flat));
    view overlapping = {.stride = {1, 1}};
    cr_expect_not(view_reshape(&overlapping, &from, &flat));
}

static wg_tensor windows_and_more(wg_context *ctx)
{
    wg_tensor x = wg_tanh(random_leaf(ctx, WG_SHAPE(3, 40), 7)), w = wg_unfold(x, 1, 5, 2, 2);
    wg_tensor y = wg_sum(wg_mul(w, wg_exp(wg_neg(w))), WG_AXES(-1));
    return wg_add(wg_sum(wg_grad(wg_sum(wg_square(y), WG_ALL), x), WG_ALL),
                  wg_sum(wg_flip(wg_transpose(y), 0), WG_AXES(0)));
}

Test(view, windows_in_groups)
{
    expect_as_plain(windows_and_more, 1e-5, "windows in groups");
}

Test(view, layouts)
{
    const wg_shape shape = WG_SHAPE(4, 6), one = WG_SHAPE(1, 1);
    const struct {
        view v;
        pattern pattern;
        int64_t step;
    } cases[] = {{{.stride = {6, 1}}, PATTERN_FLAT, 0},   {{.stride = {8, 1}}, PATTERN_ROWS, 8},
                 {{.stride = {0, 1}}, PATTERN_ROWS, 0},   {{.stride = {1, 0}}, PATTERN_ROW_SINGLE, 1},
                 {{.stride = {0, 0}}, PATTERN_SINGLE, 0}, {{.stride = {1, 4}}, PATTERN_OTHER, 0},
                 {{.stride = {-6, 1}}, PATTERN_ROWS, -6}, {{.stride = {12, 2}}, PATTERN_OTHER, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        layout l = view_layout(&cases[i].v, &shape);
        cr_expect_eq(l.pattern, cases[i].pattern, "case %zu", i);
        if (l.pattern == PATTERN_ROWS || l.pattern == PATTERN_ROW_SINGLE) cr_expect_eq(l.step, cases[i].step);
    }
    cr_expect_eq(view_layout(&cases[0].v, &one).pattern, PATTERN_SINGLE);
}

/* Copies of parts, begun anywhere, against indices. */
Test(strided, loads_and_stores_any_part)
{
    const strides s = {3, {3, 4, 5}, {-40, 1, 7}};
    int32_t from[200], part[60], back[200];
    for (int i = 0; i < 200; i++) from[i] = i;
    for (int first = 0; first < 60; first += 7)
        for (int count = 0; first + count <= 60; count += 11) {
            strided_load(part, from + 100, &s, first, count, sizeof *from);
            memset(back, 0, sizeof back);
            strided_store(back + 100, part, &s, first, count, sizeof *from);
            for (int i = 0; i < count; i++) {
                int at = first + i, place = 100 - 40 * (at / 20) + at / 5 % 4 + 7 * (at % 5);
                cr_expect_eq(part[i], place);
                cr_expect_eq(back[place], place);
            }
        }
}
