/* The update rules: ordinary expressions of a parameter, its gradient and its state. */
#include "optim/optimizer.h"

#include <math.h>

/* What an option of 0 stands for. */
static double chosen(double option, double standard)
{
    return option != 0 ? option : standard;
}

static wg_tensor decayed_gradient(const wg_optimizer *o, const update *u)
{
    if (!u->decays || o->weight_decay == 0) return u->gradient;
    return wg_add(u->gradient, wg_mul_scalar(u->parameter, o->weight_decay));
}

/* ---- stochastic gradient descent ---- */

/* v = momentum v + (1 - dampening) g, beginning with v = g; w -= rate v, or rate (g + momentum v) */
static void apply_sgd(const wg_optimizer *o, const update *u)
{
    wg_tensor step = decayed_gradient(o, u);
    if (o->has_momentum) {
        double share = u->step > 1 ? 1 - o->dampening : 1;
        wg_tensor velocity = wg_add(wg_mul_scalar(u->state[0], o->momentum), wg_mul_scalar(step, share));
        wg_assign(u->state[0], velocity);
        step = o->nesterov ? wg_add(step, wg_mul_scalar(velocity, o->momentum)) : velocity;
    }
    wg_assign(u->parameter, wg_sub(u->parameter, wg_mul_scalar(step, u->rate)));
}

static const rule plain_sgd = {.name = "sgd", .apply = apply_sgd};
static const rule momentum_sgd = {.name = "sgd", .state = {"velocity"}, .counts = true, .apply = apply_sgd};

wg_optimizer *wg_sgd_new(wg_context *ctx, const char *pattern, const wg_sgd_options *options)
{
    WG_ENTRY(ctx);
    wg_sgd_options s = options ? *options : (wg_sgd_options){0};
    return optimizer_new(ctx, pattern, s.decay_on,
                         &(wg_optimizer){.rule = s.momentum != 0 ? &momentum_sgd : &plain_sgd,
                                         .learning_rate = chosen(s.learning_rate, 1e-2),
                                         .momentum = s.momentum,
                                         .has_momentum = s.momentum != 0,
                                         .dampening = s.dampening,
                                         .nesterov = s.nesterov,
                                         .weight_decay = s.weight_decay,
                                         .clip_norm = s.clip_norm,
                                         .schedule = s.schedule});
}

/* ---- Adam ---- */

/* m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2, w -= rate m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + epsilon).
   The corrections are C scalars, bound late; expm1 keeps their digits at the first steps. */
static void correct_adam(const wg_optimizer *o, update *u)
{
    u->correction[0] = -expm1(u->step * log(o->beta1));
    u->correction[1] = -expm1(u->step * log(o->beta2));
}

static void apply_adam(const wg_optimizer *o, const update *u)
{
    bool coupled = o->coupled_decay, decays = u->decays && o->weight_decay != 0;
    wg_tensor g = coupled ? decayed_gradient(o, u) : u->gradient;
    wg_tensor m = wg_add(wg_mul_scalar(u->state[0], o->beta1), wg_mul_scalar(g, 1 - o->beta1));
    wg_tensor v = wg_add(wg_mul_scalar(u->state[1], o->beta2), wg_mul_scalar(wg_square(g), 1 - o->beta2));
    wg_tensor deviation = wg_add_scalar(wg_sqrt(wg_mul_scalar(v, 1 / u->correction[1])), o->epsilon);
    wg_tensor w = u->parameter;
    if (decays && !coupled) w = wg_mul_scalar(w, 1 - u->rate * o->weight_decay);
    wg_assign(u->state[0], m);
    wg_assign(u->state[1], v);
    wg_assign(u->parameter, wg_sub(w, wg_div(wg_mul_scalar(m, u->rate / u->correction[0]), deviation)));
}

static const rule adam = {.name = "adam",
                          .state = {"first_moment", "second_moment"},
                          .counts = true,
                          .correct = correct_adam,
                          .apply = apply_adam};

wg_optimizer *wg_adam_new(wg_context *ctx, const char *pattern, const wg_adam_options *options)
{
    WG_ENTRY(ctx);
    wg_adam_options a = options ? *options : (wg_adam_options){0};
    return optimizer_new(ctx, pattern, a.decay_on,
                         &(wg_optimizer){.rule = &adam,
                                         .learning_rate = chosen(a.learning_rate, 1e-3),
                                         .beta1 = chosen(a.beta1, 0.9),
                                         .beta2 = chosen(a.beta2, 0.999),
                                         .epsilon = chosen(a.epsilon, 1e-8),
                                         .weight_decay = a.weight_decay,
                                         .coupled_decay = a.coupled_decay,
                                         .clip_norm = a.clip_norm,
                                         .schedule = a.schedule});
}
