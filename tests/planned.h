/* Recorded graphs as programs, and what each pass of the planner makes of them. */
#ifndef TESTS_PLANNED_H
#define TESTS_PLANNED_H

#include "engine/inplace.h"
#include "engine/plan.h"
#include "ops/rows.h"
#include "tests/scratch.h"

typedef struct {
    wg_context *ctx;
    bump memory;
    program built, simple, merged, final; /* final: simplified again, without what is dead */
    double *scalar;                       /* of each built item */
    assumptions made;
    schedule s;
    storage m;
    plan *plan;
} planned;

/* The program of an evaluation of the roots; nothing is evaluated. */
static inline planned planned_build(wg_list roots)
{
    planned p = {.ctx = roots.items[0].context};
    p.memory = bump_of(&p.ctx->memory);
    demand d = {0};
    uint32_t ids[64] = {0};
    cr_assert(graph_resolve_list(roots, "planned", &p.ctx, ids), "%s", wg_error(p.ctx));
    cr_assert(demand_collect(&d, p.ctx, ids, roots.count, p.ctx->node_count), "%s", wg_error(p.ctx));
    uint32_t *place = bump_new(&p.memory, p.ctx->node_count, sizeof *place);
    cr_assert(program_build(&p.built, &p.memory, p.ctx, &d, place));
    demand_end(&d);
    demand_release(&d, p.ctx);
    p.scalar = bump_new(&p.memory, p.built.count, sizeof *p.scalar);
    for (uint32_t i = 0; i < p.built.count; i++) p.scalar[i] = graph_node(p.ctx, p.built.source[i])->scalar;
    return p;
}

/* The passes over programs. */
static inline planned planned_rewrite(wg_list roots)
{
    planned p = planned_build(roots);
    program first, again;
    cr_assert(program_copy(&first, &p.built, &p.memory));
    for (uint32_t i = 0; i < first.count; i++) first.source[i] = i;
    cr_assert(pass_simplify(&first, &p.simple, &p.memory));
    cr_assert(pass_merge(&p.simple, &p.merged, p.scalar, &p.made, &p.memory));
    cr_assert(pass_simplify(&p.merged, &again, &p.memory));
    cr_assert(pass_dead(&again, &p.final, &p.memory));
    return p;
}

/* All passes, and beside them the whole plan. */
static inline planned planned_lay_out(wg_list roots)
{
    planned p = planned_rewrite(roots);
    bump *b = &p.memory;
    program *lasting = bump_new(b, 1, sizeof *lasting); /* the schedule points to it */
    *lasting = p.final;
    cr_assert(schedule_gather(&p.s, lasting, b) && storage_inside(&p.m, &p.s, b) && schedule_group(&p.s, b) &&
              schedule_fuse(&p.s, b) && schedule_sink(&p.s, &p.m, b) && storage_assign(&p.m, &p.s, b) &&
              storage_in_place(&p.m, &p.s, b) && storage_place(&p.m, &p.s, b));
    p.plan = plan_new(&p.ctx->memory, &p.built, p.scalar, p.ctx->options.precise);
    cr_assert_not_null(p.plan);
    return p;
}

static inline void planned_end(planned *p)
{
    plan_free(p->plan, p->ctx);
    bump_free(&p->memory);
}

/* ---- looking at them ---- */

static inline int count_op(const program *p, const wg_op *op)
{
    int count = 0;
    for (uint32_t i = 0; i < p->count; i++) count += p->items[i].op == op;
    return count;
}

/* The last item with this op. */
static inline uint32_t find_op(const program *p, const wg_op *op)
{
    for (uint32_t i = p->count; i-- > 0;)
        if (p->items[i].op == op) return i;
    cr_assert_fail("the program has no %s", op->name);
    return NO_ITEM;
}

static inline int count_steps(const plan *p, step_kind kind)
{
    int count = 0;
    for (size_t i = 0; i < p->step_count; i++) count += p->steps[i].kind == kind;
    return count;
}

/* How many steps of each kind there are. */
static inline void expect_steps(wg_list roots, int groups, int products, int calls, int copies, const char *what)
{
    planned p = planned_lay_out(roots);
    int count[] = {count_steps(p.plan, STEP_GROUP), count_steps(p.plan, STEP_PRODUCT), count_steps(p.plan, STEP_CALL),
                   count_steps(p.plan, STEP_COPY)};
    cr_expect(count[0] == groups && count[1] == products && count[2] == calls && count[3] == copies,
              "%s: %d groups, %d products, %d calls, %d copies, not %d, %d, %d, %d", what, count[0], count[1], count[2],
              count[3], groups, products, calls, copies);
    planned_end(&p);
}

/* ---- contexts and values ---- */

static inline wg_context *planned_context(bool plain)
{
    return scratch_context_with((wg_context_options){.plain = plain, .seed = 5});
}

/* A leaf of numbers between -1 and 1. */
static inline wg_tensor random_leaf(wg_context *ctx, wg_shape shape, uint64_t seed)
{
    int64_t size = wg_shape_size(shape);
    float *values = malloc((size_t)size * sizeof *values + 1);
    seed = seed * 2654435761u + 88172645463325252u;
    for (int64_t i = 0; i < size; i++) values[i] = (float)(scratch_random(&seed) >> 40) * 0x1p-23f - 1;
    wg_tensor leaf = wg_from_f32(ctx, shape, values);
    free(values);
    return leaf;
}

/* Records in a context and returns what is to be looked at. */
typedef wg_tensor (*recorder)(wg_context *ctx);

/* Whether plans and the plain executor compute the same, up to a relative error. */
static inline void expect_as_plain(recorder record, double tolerance, const char *what)
{
    double *values[2];
    size_t size = 0;
    for (int plain = 0; plain < 2; plain++) {
        wg_context *ctx = planned_context(plain);
        wg_tensor y = record(ctx);
        size = (size_t)wg_size(y);
        values[plain] = calloc(size + 1, sizeof **values);
        if (wg_type_of(y) != WG_F64) y = wg_cast(y, WG_F64);
        cr_expect(wg_read_f64(y, values[plain], size), "%s: %s", what, wg_error(ctx));
        scratch_close(ctx);
    }
    for (size_t i = 0; i < size; i++) {
        double a = values[0][i], b = values[1][i];
        if (fabs(a - b) <= tolerance * (1 + fabs(b))) continue;
        cr_expect_fail("%s: element %zu is %.9g, not %.9g", what, i, a, b);
        break;
    }
    free(values[0]);
    free(values[1]);
}

/* ---- random programs ---- */

enum { RANDOM_TENSORS = 28, RANDOM_ROOTS = 4 };

static inline wg_tensor random_next(wg_tensor *all, int count, uint64_t *chance)
{
    wg_tensor x = all[scratch_random(chance) % (uint64_t)count], y = all[scratch_random(chance) % (uint64_t)count];
    wg_shape s = wg_shape_of(x);
    int axis = s.rank ? (int)(scratch_random(chance) % (uint64_t)s.rank) : 0;
    switch (scratch_random(chance) % 12) {
    case 0:
        return wg_tanh(x);
    case 1:
        return wg_mul_scalar(x, 0.5);
    case 2:
        return s.rank ? wg_sum(x, WG_KEEP((int8_t)axis)) : wg_neg(x);
    case 3:
        return s.rank ? wg_max(x, WG_AXES((int8_t)axis)) : wg_neg(x);
    case 4:
        return s.rank == 2 ? wg_transpose(x) : wg_neg(x);
    case 5:
        return wg_reshape(x, WG_SHAPE(wg_size(x)));
    case 6:
        return s.rank && s.dim[axis] > 1 ? wg_slice(x, axis, 1, WG_END) : wg_neg(x);
    case 7:
        return s.rank ? wg_flip(x, axis) : wg_neg(x);
    case 8:
        return s.rank ? wg_concat(WG_LIST(x, wg_exp(x)), axis) : wg_neg(x);
    case 9:
        return s.rank == 2 ? wg_matmul_transposed(x, false, wg_tanh(x), true) : wg_neg(x);
    case 10:
        return wg_sub(x, wg_stop_gradient(wg_mean(x, WG_ALL)));
    default:
        if (wg_shape_equal(s, wg_shape_of(y))) return wg_mul(x, y);
        return s.rank ? wg_add(x, wg_sum(x, WG_KEEP(-1))) : wg_neg(x);
    }
}

/* Some roots of a random graph. */
static inline void random_graph(wg_context *ctx, uint64_t seed, wg_tensor roots[RANDOM_ROOTS])
{
    uint64_t chance = seed * 2654435761u + 1;
    wg_tensor all[RANDOM_TENSORS] = {random_leaf(ctx, WG_SHAPE(6, 8), seed), random_leaf(ctx, WG_SHAPE(8), seed + 1),
                                     random_leaf(ctx, WG_SHAPE(6, 1), seed + 2)};
    for (int i = 0; i < 20; i++) scratch_random(&chance);
    for (int i = 3; i < RANDOM_TENSORS; i++) {
        all[i] = random_next(all, i, &chance);
        if (wg_size(all[i]) > 2000) all[i] = wg_neg(all[i % 3]);
    }
    for (int i = 0; i < RANDOM_ROOTS; i++)
        roots[i] = all[RANDOM_TENSORS - 1 - scratch_random(&chance) % (RANDOM_TENSORS - 3)];
    cr_assert(!wg_failed(ctx), "%s", wg_error(ctx));
}

#endif
