/* Optimisers: assigns of ordinary expressions. */
#ifndef WENGERT_OPTIM_H
#define WENGERT_OPTIM_H

#include <wengert/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wg_optimizer wg_optimizer;

/* A factor on the learning rate that depends on the number of steps taken. */
typedef struct wg_schedule wg_schedule;

/* (1 + cos(pi t / steps)) / 2 after t steps, 0 from `steps` on (Loshchilov and Hutter 2017). */
WG_API const wg_schedule *wg_schedule_cosine(wg_context *context, int64_t steps);
/* t / steps, rising from 1 / steps in the first step; after that `then`, which starts from 0 again; NULL: constant 1.
 */
WG_API const wg_schedule *wg_schedule_warmup(wg_context *context, int64_t steps, const wg_schedule *then);

typedef struct {
    double learning_rate;        /* Default: 1e-2 */
    double momentum;             /* v = momentum v + g; w -= rate v. Default: 0 */
    double dampening;            /* v = momentum v + (1 - dampening) g, from the second step on. Default: 0 */
    bool nesterov;               /* w -= rate (g + momentum v) */
    double weight_decay;         /* adds weight_decay w to the gradient. Default: 0 */
    const char *decay_on;        /* pattern of the parameters that decay. Default: "*" */
    double clip_norm;            /* scales all gradients so that their joint norm is at most this. Default: none */
    const wg_schedule *schedule; /* Default: constant */
} wg_sgd_options;

typedef struct {
    double learning_rate;        /* Default: 1e-3 */
    double beta1, beta2;         /* Default: 0.9, 0.999 */
    double epsilon;              /* added outside the root. Default: 1e-8 */
    double weight_decay;         /* w -= rate weight_decay w, decoupled (AdamW). Default: 0 */
    bool coupled_decay;          /* adds weight_decay w to the gradient instead */
    const char *decay_on;        /* pattern of the parameters that decay. Default: "*" */
    double clip_norm;            /* Default: none */
    const wg_schedule *schedule; /* Default: constant */
} wg_adam_options;

/* An optimiser of the parameters that match the pattern when the first step is recorded. */
WG_API wg_optimizer *wg_sgd_new(wg_context *context, const char *pattern, const wg_sgd_options *options);
/* Kingma and Ba 2015, algorithm 1; with weight_decay Loshchilov and Hutter 2019. */
WG_API wg_optimizer *wg_adam_new(wg_context *context, const char *pattern, const wg_adam_options *options);

/* Records the gradients of a one-element loss and the update; nothing is computed yet. */
WG_API void wg_optimizer_step(wg_optimizer *optimizer, wg_tensor loss);
/* Records the update for gradients of the caller's making: one for each parameter, in the order of wg_parameters. */
WG_API void wg_optimizer_apply(wg_optimizer *optimizer, wg_list gradients);
/* The learning rate of the next step to be recorded. */
WG_API double wg_optimizer_rate(const wg_optimizer *optimizer);
/* The joint Euclidean norm of the last step's gradients, before clipping. */
WG_API wg_tensor wg_optimizer_gradient_norm(wg_optimizer *optimizer);

#ifdef __cplusplus
}
#endif

#endif
