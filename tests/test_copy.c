/* Copies from strides to strides, against loops over indices, and where plans use them. */
#include "tests/harness.h"

#include "engine/limits.h"
#include "engine/transpose.h"
#include "tests/planned.h"

enum { MOST_ELEMENTS = 1 << 17 };

/* Memory for either side, in the middle of which a view begins. */
static uint8_t source[2 * MOST_ELEMENTS * 8], target[2 * MOST_ELEMENTS * 8];

static uint64_t pick(uint64_t *chance, uint64_t below)
{
    return (scratch_random(chance) >> 20) % below;
}

/* The axes in some order, the last with a stride of 1 (or 2), with gaps; a source may also run backwards or stand. */
static view random_view(const wg_shape *shape, bool read, uint64_t *chance)
{
    view v = {0};
    int order[WG_MAX_RANK];
    int64_t distance = pick(chance, 5) ? 1 : 2;
    for (int i = 0; i < shape->rank; i++) order[i] = i;
    for (int i = shape->rank - 1; i > 0; i--) {
        int at = (int)pick(chance, (uint64_t)i + 1), swapped = order[at];
        order[at] = order[i];
        order[i] = swapped;
    }
    for (int i = shape->rank; i-- > 0;) {
        int axis = order[i];
        v.stride[axis] = distance;
        distance *= shape->dim[axis];
        if (pick(chance, 3) == 0) distance += (int64_t)pick(chance, 3);
        uint64_t how = read ? pick(chance, 8) : 2;
        if (how < 2) v.stride[axis] *= how ? -1 : 0;
    }
    return v;
}

static wg_shape random_shape(uint64_t *chance)
{
    static const int64_t lengths[] = {1, 2, 3, 7, 8, 9, 16, 17, 33, 64, 130};
    wg_shape s = {.rank = 1 + (int)pick(chance, 4)};
    int64_t size = 1;
    for (int i = 0; i < s.rank; i++) {
        s.dim[i] = lengths[pick(chance, sizeof lengths / sizeof *lengths)];
        while (size * s.dim[i] > MOST_ELEMENTS / 8) s.dim[i] = (s.dim[i] + 1) / 2;
        size *= s.dim[i];
    }
    return s;
}

static int64_t place_of(const view *v, const wg_shape *shape, int64_t at)
{
    int64_t place = MOST_ELEMENTS;
    for (int i = shape->rank; i-- > 0; at /= shape->dim[i]) place += at % shape->dim[i] * v->stride[i];
    return place;
}

/* Whether the copy fills its places, and no others; returns its tasks. */
static int64_t check(const view *from, const view *to, const wg_shape *shape, size_t element, const char *what)
{
    static uint8_t expected[sizeof target];
    memset(target, 0xee, sizeof target);
    memset(expected, 0xee, sizeof expected);
    int64_t size = wg_shape_size(*shape);
    for (int64_t i = 0; i < size; i++)
        memcpy(expected + (size_t)place_of(to, shape, i) * element, source + (size_t)place_of(from, shape, i) * element,
               element);
    copy_plan c = copy_prepare(from, to, shape, element);
    for (int64_t task = c.tasks; task-- > 0;)
        copy_run(&c, task, source + MOST_ELEMENTS * element, target + MOST_ELEMENTS * element);
    cr_expect_eq(memcmp(target, expected, sizeof target), 0, "%s: %d axes, %d bytes", what, shape->rank, (int)element);
    return c.tasks;
}

static void fill_source(void)
{
    uint64_t chance = 11;
    for (size_t i = 0; i < sizeof source; i++) source[i] = (uint8_t)(scratch_random(&chance) >> 30);
}

Test(copy, follows_any_strides)
{
    static const size_t elements[] = {1, 4, 8};
    plan_limits usual = plan_limits_now;
    fill_source();
    for (uint64_t seed = 1; seed <= 300; seed++) {
        uint64_t chance = seed * 2654435761u;
        char what[40];
        snprintf(what, sizeof what, "seed %d", (int)seed);
        wg_shape shape = random_shape(&chance);
        view from = random_view(&shape, true, &chance), to = random_view(&shape, false, &chance);
        plan_limits_now = seed % 2 ? usual : (plan_limits){.chunk = TOTAL_BLOCK};
        check(&from, &to, &shape, elements[seed % 3], what);
    }
    plan_limits_now = usual;
}

/* Matrices that are turned, alone and in a batch, are cut for several threads when they are large. */
Test(copy, turned_matrices)
{
    static const wg_shape shapes[] = {{2, {128, 256}}, {2, {301, 203}}, {3, {6, 70, 90}}, {3, {90, 6, 70}}};
    fill_source();
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (size_t element = 4; element <= 8; element += 4) {
            const wg_shape *s = &shapes[i];
            view to = {.stride = {s->dim[1], 1}}, from = {.stride = {1, s->dim[0]}};
            if (s->rank == 3) {
                to = (view){.stride = {s->dim[1] * s->dim[2], s->dim[2], 1}};
                from = (view){.stride = {s->dim[1] * s->dim[2], 1, s->dim[1]}};
            }
            cr_expect_gt(check(&from, &to, s, element, "turned"), 1);
            cr_expect(copy_prepare(&from, &to, s, element).turned);
        }
    view turned = {.stride = {1, 20}}, whole = {.stride = {20, 1}};
    cr_expect_eq(check(&turned, &whole, &(wg_shape){2, {20, 20}}, 4, "small"), 1);
}

/* Bits of NaN that say more than that pass, from signalling ones too. */
Test(copy, changes_no_bits)
{
    static uint32_t in[16 * 16], out[16 * 16];
    for (uint32_t i = 0; i < 256; i++) in[i] = 0x7f800001u + i * 0x1001u;
    transpose(4, 16, 16, in, 16, out, 16);
    for (int i = 0; i < 256; i++) cr_expect_eq(out[i], in[i % 16 * 16 + i / 16]);
    transpose(4, 3, 5, in, 16, out, 16);
    for (int i = 0; i < 15; i++) cr_expect_eq(out[i % 5 * 16 + i / 5], in[i / 5 * 16 + i % 5]);
}

/* ---- in plans ---- */

static wg_tensor gathered(wg_context *ctx)
{
    wg_tensor x = random_leaf(ctx, WG_SHAPE(60, 50), 1), y = random_leaf(ctx, WG_SHAPE(3, 40, 30), 2);
    wg_tensor a = wg_reshape(wg_transpose(x), WG_SHAPE(3000)),
              b = wg_reshape(wg_permute(y, WG_AXES(0, 2, 1)), WG_SHAPE(3600));
    return wg_concat(WG_LIST(wg_exp(a), b, wg_reshape(wg_flip(x, 0), WG_SHAPE(3000))), 0);
}

Test(copy, brings_views_together)
{
    wg_context *ctx = planned_context(false);
    wg_tensor x = random_leaf(ctx, WG_SHAPE(6, 4), 1), y = wg_exp(x), one = random_leaf(ctx, WG_SHAPE(1, 1), 2);
    expect_steps(WG_LIST(wg_transpose(x)), 0, 0, 0, 1, "a result");
    expect_steps(WG_LIST(wg_flip(x, 0), wg_transpose(x)), 0, 0, 0, 2, "two results");
    expect_steps(WG_LIST(wg_transpose(y)), 1, 0, 0, 1, "a result that is computed");
    expect_steps(WG_LIST(wg_transpose(one)), 1, 0, 0, 0, "a single element");
    expect_steps(WG_LIST(wg_full(ctx, WG_SHAPE(3, 4), 2)), 1, 0, 0, 0, "a number");
    scratch_close(ctx);
    plan_limits usual = plan_limits_now;
    expect_as_plain(gathered, 1e-6, "gathered");
    plan_limits_now = (plan_limits){.chunk = TOTAL_BLOCK};
    expect_as_plain(gathered, 1e-6, "gathered by several tasks");
    plan_limits_now = usual;
}

/* A matrix that many products read transposed. */
Test(copy, turns_what_is_hoisted)
{
    wg_context *ctx = planned_context(false);
    wg_tensor w = random_leaf(ctx, WG_SHAPE(128, 256), 1), sum = random_leaf(ctx, WG_SHAPE(4, 128), 2);
    for (uint64_t i = 0; i < 5; i++)
        sum = wg_add(sum, wg_matmul_transposed(wg_exp(random_leaf(ctx, WG_SHAPE(4, 256), i + 3)), false, w, true));
    planned p = planned_lay_out(WG_LIST(sum));
    int turned = 0;
    for (size_t i = 0; i < p.plan->step_count; i++) {
        const plan_step *s = &p.plan->steps[i];
        turned += s->kind == STEP_COPY && s->copy->plan.turned && s->copy->plan.tasks > 1;
    }
    cr_expect_eq(turned, 1);
    planned_end(&p);
    scratch_close(ctx);
}
