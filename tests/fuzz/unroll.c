/* A scan by its definition: its steps one after the other, on the tape. */
#include "autograd/reverse.h"
#include "tests/fuzz/machine.h"

#include <stdlib.h>

enum { STEPS_MOST = 16 };

typedef struct {
    wg_scan_body body;
    wg_list carries, sequences;
    const wg_scan_options *options;
    wg_tensor carry[MANY];
    wg_tensor made[MANY][STEPS_MOST]; /* outputs of each step */
} unrolling;

/* A node of its own, as each thing is that a scan gives: derivatives by it are by nothing else. */
static wg_tensor itself(wg_tensor x)
{
    return wg_apply(&autograd_barrier_op, WG_LIST(x), NULL);
}

/* The mask over the axes behind its own. */
static wg_tensor over(wg_tensor mask, wg_tensor x)
{
    while (wg_shape_of(mask).rank && wg_shape_of(mask).rank < wg_shape_of(x).rank) mask = wg_unsqueeze(mask, -1);
    return mask;
}

static void perform_step(unrolling *u, int64_t t, const wg_tensor *inputs, wg_tensor *next, wg_tensor *outputs)
{
    wg_context *ctx = graph_context_of(u->carries.count ? u->carries : u->sequences);
    wg_tensor number = wg_full_typed(ctx, WG_I64, WG_SCALAR, (double)t);
    u->body.call(u->body.user, &(wg_scan_step){number, u->carry, inputs, next, outputs});
}

static void one_step(unrolling *u, int64_t t)
{
    wg_tensor inputs[MANY], next[MANY] = {WG_NONE}, outputs[MANY] = {WG_NONE};
    for (size_t k = 0; k < u->sequences.count; k++) inputs[k] = wg_select(u->sequences.items[k], 0, t);
    for (size_t k = 0; k < u->carries.count; k++) u->carry[k] = itself(u->carry[k]);
    perform_step(u, t, inputs, next, outputs);
    wg_tensor mask = u->options->mask.context ? wg_select(u->options->mask, 0, t) : WG_NONE;
    for (size_t k = 0; k < u->carries.count; k++)
        u->carry[k] = mask.context ? wg_where(over(mask, u->carry[k]), next[k], u->carry[k]) : next[k];
    for (size_t k = 0; k < u->body.outputs; k++) {
        wg_tensor y = outputs[k];
        u->made[k][t] = mask.context ? wg_where(over(mask, y), y, wg_zeros_like(y)) : y;
    }
}

/* A step of nothing, for its outputs' shapes and for how many numbers it draws. */
static uint64_t try_step(unrolling *u, wg_tensor *outputs)
{
    wg_tensor inputs[MANY], next[MANY];
    for (size_t k = 0; k < u->sequences.count; k++) {
        wg_tensor x = u->sequences.items[k];
        wg_shape shape = wg_shape_of(x), slice = {.rank = shape.rank - 1};
        for (int axis = 0; axis < slice.rank; axis++) slice.dim[axis] = shape.dim[axis + 1];
        inputs[k] = wg_full_typed(x.context, wg_type_of(x), slice, 0);
    }
    wg_context *ctx = graph_context_of(u->carries.count ? u->carries : u->sequences);
    uint64_t before = ctx->draws;
    perform_step(u, 0, inputs, next, outputs);
    return ctx->draws - before;
}

static wg_tensor nothing_like(wg_tensor x)
{
    wg_shape shape = wg_shape_of(x), none = {.rank = shape.rank + 1};
    for (int axis = 0; axis < shape.rank; axis++) none.dim[axis + 1] = shape.dim[axis];
    return wg_full_typed(x.context, wg_type_of(x), none, 0);
}

bool unroll_scan(wg_scan_body body, wg_list carries, wg_list sequences, const wg_scan_options *options, wg_tensor *last,
                 wg_tensor *outputs)
{
    unrolling u = {.body = body, .carries = carries, .sequences = sequences, .options = options};
    wg_context *ctx = graph_context_of(carries.count ? carries : sequences);
    int64_t steps = sequences.count ? wg_dim(sequences.items[0], 0) : options->steps;
    if (steps > STEPS_MOST) abort();
    for (size_t k = 0; k < carries.count; k++) u.carry[k] = carries.items[k];
    uint64_t first = ctx->draws, draws = steps == 0 || options->reverse ? try_step(&u, outputs) : 0;
    for (int64_t s = 0; s < steps; s++) {
        int64_t t = options->reverse ? steps - 1 - s : s;
        if (options->reverse) ctx->draws = first + (uint64_t)t * draws; /* numbers belong to the step */
        one_step(&u, t);
    }
    if (options->reverse || steps == 0) ctx->draws = first + draws * (uint64_t)(steps ? steps : 1);
    for (size_t k = 0; k < carries.count; k++) last[k] = itself(u.carry[k]);
    for (size_t k = 0; k < body.outputs; k++)
        outputs[k] = steps ? wg_stack((wg_list){(size_t)steps, u.made[k]}, 0) : nothing_like(outputs[k]);
    return !wg_failed(ctx);
}
