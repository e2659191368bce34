/* The frame of every optimiser. State lives in variables named after the parameter, so that saving and loading by name
   is all that a resumed run needs. */
#include "optim/optimizer.h"

#include "graph/shape.h"
#include "optim/schedule.h"

#include <wengert/gradient.h>

#include <math.h>
#include <string.h>

/* ---- life ---- */

static void release(void *object)
{
    wg_optimizer *o = object;
    memory *m = &o->context->memory;
    memory_release(m, o->pattern);
    memory_release(m, o->decay_on);
    memory_release(m, o->slots);
    memory_release(m, o->parameters);
    memory_release(m, o->places);
    memory_release(m, o->gradients);
    memory_release(m, o);
}

/* "adam", "adam2", ...: the first that no variable bears yet. */
static void choose_name(wg_optimizer *o)
{
    char step[48];
    for (int i = 1;; i++) {
        snprintf(o->name, sizeof o->name, i == 1 ? "%s" : "%s%d", o->rule->name, i);
        snprintf(step, sizeof step, "%s/step", o->name);
        if (!graph_persistent_find(o->context, step)) return;
    }
}

/* A variable of the optimiser's, named from the root. */
static wg_tensor state_variable(wg_optimizer *o, const char *name, wg_tensor initial)
{
    wg_context *ctx = o->context;
    uint32_t outer = ctx->scope;
    graph_scope_set(ctx, 0);
    graph_scope_open(ctx, o->name);
    wg_tensor variable = wg_variable(ctx, name, initial);
    graph_scope_set(ctx, outer);
    return variable;
}

/* The same beside a parameter: "adam/hidden/weight/first_moment". */
static wg_tensor parameter_state(wg_optimizer *o, wg_tensor parameter, const char *what, wg_tensor initial)
{
    char name[PATH_SIZE];
    snprintf(name, sizeof name, "%.*s/%s", PATH_SIZE - 40, wg_name(parameter), what);
    return state_variable(o, name, initial);
}

static bool add_slot(wg_optimizer *o, wg_tensor parameter)
{
    wg_context *ctx = o->context;
    if (!memory_grow(&ctx->memory, (void **)&o->slots, &o->slot_capacity, o->slot_count + 1, sizeof *o->slots))
        return graph_fail_memory(ctx, sizeof *o->slots).id;
    slot s = {.parameter = parameter, .decays = graph_match(o->decay_on, wg_name(parameter))};
    uint64_t mark = wg_mark(ctx);
    for (int i = 0; i < STATES; i++)
        if (o->rule->state[i])
            s.state[i] = parameter_state(o, parameter, o->rule->state[i],
                                         wg_full_typed(ctx, wg_type_of(parameter), wg_shape_of(parameter), 0));
    if (o->rule->counts)
        s.steps.variable = parameter_state(o, parameter, "step", wg_full_typed(ctx, WG_F64, WG_SCALAR, 0));
    wg_rewind(ctx, mark);
    o->slots[o->slot_count++] = s;
    return graph_ok(ctx);
}

/* Gives state to the parameters that match and have none: at the start to those that exist, at each step to new ones.
 */
static bool add_slots(wg_optimizer *o)
{
    wg_context *ctx = o->context;
    for (size_t i = 0; i < ctx->persistent_count && graph_ok(ctx); i++) {
        const persistent *p = &ctx->persistents[i];
        if (!p->trainable || p->shared || !graph_match(o->pattern, p->name)) continue;
        wg_tensor parameter = graph_persistent_tensor(ctx, i);
        bool known = false;
        for (size_t k = 0; k < o->slot_count && !known; k++) known = o->slots[k].parameter.id == parameter.id;
        if (!known) add_slot(o, parameter);
    }
    return graph_ok(ctx);
}

/* Whether a number lies in [low, high). */
static bool within(double x, double low, double high)
{
    return x >= low && x < high;
}

static const char *option_fault(const wg_optimizer *o)
{
    if (!within(o->learning_rate, 0, INFINITY)) return "the learning rate must be positive";
    if (!within(o->momentum, 0, 1) || !within(o->dampening, 0, 1 + 1e-9)) return "momentum and dampening lie in [0, 1)";
    if (!within(o->beta1, 0, 1) || !within(o->beta2, 0, 1)) return "beta1 and beta2 lie in [0, 1)";
    if (!within(o->epsilon, 0, INFINITY)) return "epsilon must not be negative";
    if (!within(o->weight_decay, 0, INFINITY)) return "the weight decay must not be negative";
    if (!within(o->clip_norm, 0, INFINITY)) return "the norm to clip at must not be negative";
    return NULL;
}

wg_optimizer *optimizer_new(wg_context *ctx, const char *pattern, const char *decay_on, const wg_optimizer *filled)
{
    if (!ctx) graph_fail(NULL, WG_BAD_ARGUMENT, "optimizer: the context is NULL");
    if (!graph_ok(ctx)) return NULL;
    const char *fault = option_fault(filled);
    if (fault) {
        graph_fail(ctx, WG_BAD_ARGUMENT, "%s: %s", filled->rule->name, fault);
        return NULL;
    }
    wg_optimizer *o = memory_new(&ctx->memory, 1, sizeof *o);
    if (!o) {
        graph_fail_memory(ctx, sizeof *o);
        return NULL;
    }
    *o = *filled;
    o->context = ctx;
    o->pattern = memory_string(&ctx->memory, pattern ? pattern : "*");
    o->decay_on = memory_string(&ctx->memory, decay_on ? decay_on : "*");
    if (!o->pattern || !o->decay_on) graph_fail_memory(ctx, strlen(pattern ? pattern : "*"));
    if (!graph_ok(ctx) || !graph_at_exit(ctx, release, o)) {
        release(o);
        return NULL;
    }
    choose_name(o);
    uint64_t mark = wg_mark(ctx);
    o->steps.variable = state_variable(o, "step", wg_full_typed(ctx, WG_F64, WG_SCALAR, 0));
    wg_rewind(ctx, mark);
    return add_slots(o) ? o : NULL;
}

/* ---- counting steps ---- */

static double counted(const counter *c)
{
    const persistent *p = graph_persistent(c->variable);
    if (!p) return 0;
    bool pending = p->current && graph_node(c->variable.context, p->current)->op == &graph_assign_op;
    return pending ? c->recorded : *(const double *)p->data;
}

static void count(counter *c)
{
    c->recorded = counted(c) + 1;
    wg_assign(c->variable, wg_full_typed(c->variable.context, WG_F64, WG_SCALAR, c->recorded));
}

double wg_optimizer_rate(const wg_optimizer *o)
{
    return o ? o->learning_rate * schedule_factor(o->schedule, counted(&o->steps)) : 0;
}

/* ---- a step ---- */

/* The joint Euclidean norm of some gradients. */
static wg_tensor joint_norm(wg_list gradients)
{
    wg_tensor total = wg_sum(wg_square(gradients.items[0]), WG_ALL);
    for (size_t i = 1; i < gradients.count; i++) total = wg_add(total, wg_sum(wg_square(gradients.items[i]), WG_ALL));
    return wg_sqrt(total);
}

/* min(1, limit / norm), as a tensor. */
static wg_tensor clip_factor(const wg_optimizer *o)
{
    return wg_minimum_scalar(wg_scalar_div(o->clip_norm, wg_add_scalar(o->last_norm, 1e-6)), 1);
}

/* Records the update; parameters and gradients belong together. */
static void apply(wg_optimizer *o, wg_list parameters, wg_list gradients)
{
    wg_context *ctx = o->context;
    uint32_t outer = ctx->scope;
    double rate = wg_optimizer_rate(o);
    graph_scope_set(ctx, 0);
    graph_scope_open(ctx, o->name);
    o->last_norm = WG_NONE;
    o->last_count = gradients.count;
    wg_tensor factor = WG_NONE;
    if (o->clip_norm > 0) {
        o->last_norm = joint_norm(gradients);
        factor = clip_factor(o);
    }
    count(&o->steps);
    update u = {.rate = rate};
    for (size_t i = 0; i < parameters.count && graph_ok(ctx); i++) {
        slot *s = &o->slots[o->places[i]];
        if (o->rule->counts) count(&s->steps);
        u.parameter = s->parameter;
        u.gradient = factor.id ? wg_mul(gradients.items[i], factor) : gradients.items[i];
        for (int k = 0; k < STATES; k++) u.state[k] = s->state[k];
        u.decays = s->decays;
        bool other_step = i == 0 || u.step != s->steps.recorded;
        u.step = s->steps.recorded;
        if (o->rule->correct && other_step) o->rule->correct(o, &u);
        o->rule->apply(o, &u);
    }
    graph_scope_set(ctx, outer);
}

/* Looks up anew which parameters a step updates. */
static bool choose_anew(wg_optimizer *o)
{
    wg_context *ctx = o->context;
    memory *m = &ctx->memory;
    if (!add_slots(o)) return false;
    wg_list chosen = wg_parameters(ctx, o->pattern);
    if (!graph_ok(ctx)) return false;
    size_t count = chosen.count;
    if (!memory_grow(m, (void **)&o->parameters, &o->parameter_capacity, count, sizeof *o->parameters) ||
        !memory_grow(m, (void **)&o->places, &o->place_capacity, count, sizeof *o->places) ||
        !memory_grow(m, (void **)&o->gradients, &o->gradient_capacity, count, sizeof *o->gradients))
        return graph_fail_memory(ctx, count * sizeof *o->gradients).id;
    for (size_t i = 0; i < count; i++) {
        o->parameters[i] = chosen.items[i];
        for (size_t k = 0; k < o->slot_count; k++)
            if (o->slots[k].parameter.id == chosen.items[i].id) o->places[i] = k;
    }
    o->parameter_count = count;
    o->choices = ctx->choices;
    return true;
}

/* The parameters of this step, gradients made room for; false after an error. */
static bool choose(wg_optimizer *o, wg_list *parameters)
{
    if (o->choices != o->context->choices && !choose_anew(o)) return false;
    *parameters = (wg_list){o->parameter_count, o->parameters};
    return true;
}

void wg_optimizer_step(wg_optimizer *o, wg_tensor loss)
{
    if (!o || !graph_ok(o->context)) return;
    WG_ENTRY(o->context);
    wg_list parameters;
    if (loss.context && loss.context != o->context) {
        graph_fail(o->context, WG_BAD_HANDLE, "optimizer: the loss belongs to another context");
        return;
    }
    if (!loss.context) {
        graph_fail(o->context, WG_BAD_HANDLE, "optimizer: the loss is the zero handle");
        return;
    }
    if (!choose(o, &parameters) || parameters.count == 0 || !wg_grads(loss, parameters, o->gradients)) return;
    apply(o, parameters, (wg_list){parameters.count, o->gradients});
}

/* Gradients of the caller's making: each has the shape and type of its parameter, nothing is broadcast. */
static bool check_gradients(wg_context *ctx, wg_list parameters, wg_list gradients)
{
    for (size_t i = 0; i < gradients.count; i++) {
        wg_list one = {1, gradients.items ? &gradients.items[i] : NULL};
        uint32_t id;
        if (!graph_resolve_in(ctx, one, "optimizer", &id)) return false;
        wg_tensor parameter = parameters.items[i];
        wg_shape wanted = wg_shape_of(parameter), found = wg_shape_of(*one.items);
        wg_type type = wg_type_of(*one.items);
        if (wg_shape_equal(wanted, found) && wg_type_of(parameter) == type) continue;
        shape_buffer a, b;
        graph_fail(ctx, wg_type_of(parameter) == type ? WG_BAD_SHAPE : WG_BAD_TYPE,
                   "optimizer: the gradient of \"%s\" must be %s %s, not %s %s", wg_name(parameter),
                   wg_type_name(wg_type_of(parameter)), shape_text(wanted, &a), wg_type_name(type),
                   shape_text(found, &b));
        return false;
    }
    return true;
}

void wg_optimizer_apply(wg_optimizer *o, wg_list gradients)
{
    if (!o || !graph_ok(o->context)) return;
    WG_ENTRY(o->context);
    wg_list parameters;
    if (!choose(o, &parameters)) return;
    if (gradients.count != parameters.count) {
        graph_fail(o->context, WG_BAD_ARGUMENT, "optimizer: %zu gradients for %zu parameters", gradients.count,
                   parameters.count);
        return;
    }
    if (gradients.count == 0 || !check_gradients(o->context, parameters, gradients)) return;
    memcpy(o->gradients, gradients.items, gradients.count * sizeof *o->gradients);
    apply(o, parameters, (wg_list){parameters.count, o->gradients});
}

wg_tensor wg_optimizer_gradient_norm(wg_optimizer *o)
{
    if (!o || !graph_ok(o->context)) return graph_poison(o ? o->context : NULL);
    WG_ENTRY(o->context);
    if (!o->last_count) return graph_fail(o->context, WG_BAD_ARGUMENT, "optimizer: no step has been recorded yet");
    if (!o->last_norm.id) o->last_norm = joint_norm((wg_list){o->last_count, o->gradients});
    return o->last_norm;
}
