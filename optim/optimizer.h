/* What all optimisers share: which parameters, their state, the count of steps, clipping and decay. One of them adds
   its update rule and the names of its state. */
#ifndef OPTIM_OPTIMIZER_H
#define OPTIM_OPTIMIZER_H

#include "graph/graph.h"

#include <wengert/functions.h>
#include <wengert/optim.h>

enum { STATES = 2 };

/* One step of one parameter: what the rule gets, beside the state. */
typedef struct update {
    wg_tensor parameter, gradient;
    wg_tensor state[STATES];
    double rate, step;         /* step counts this parameter's updates, from 1 */
    double correction[STATES]; /* of rules that have some */
    bool decays;
} update;

typedef struct rule {
    const char *name;          /* scope of the state: "adam" */
    const char *state[STATES]; /* names; NULL: none */
    bool counts;               /* needs the number of each parameter's updates */
    /* Fills in the corrections of step u->step: once for all parameters that have come equally far. NULL: none. */
    void (*correct)(const wg_optimizer *optimizer, update *u);
    /* Records the assigns of one parameter and its state. */
    void (*apply)(const wg_optimizer *optimizer, const update *u);
} rule;

/* A count that outlives the tape: the variable holds what has been performed, `recorded` what this tape has beyond it.
 */
typedef struct counter {
    wg_tensor variable;
    double recorded;
} counter;

typedef struct slot {
    wg_tensor parameter, state[STATES];
    counter steps; /* of rules that correct for the first steps; else none */
    bool decays;
} slot;

struct wg_optimizer {
    wg_context *context;
    const rule *rule;
    char *pattern, *decay_on, name[32];
    double learning_rate, weight_decay, clip_norm;
    const wg_schedule *schedule;
    double momentum, dampening, beta1, beta2, epsilon;
    bool nesterov, coupled_decay, has_momentum;
    slot *slots;
    size_t slot_count, slot_capacity;
    uint64_t choices;      /* the context's, when these were chosen: */
    wg_tensor *parameters; /* those that a step updates */
    size_t *places;        /* and their slots */
    size_t parameter_count, parameter_capacity, place_capacity;
    counter steps;       /* taken, for the schedule */
    wg_tensor last_norm; /* of the last step's gradients */
    wg_tensor *gradients;
    size_t gradient_capacity, last_count;
};

/* Takes over `filled` with copies of its texts; NULL after an error. */
wg_optimizer *optimizer_new(wg_context *ctx, const char *pattern, const char *decay_on, const wg_optimizer *filled);

#endif
