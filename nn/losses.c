/* Losses and what is measured beside them. Classes lie on the last axis. */
#include "graph/graph.h"
#include "graph/shape.h"

#include <wengert/nn.h>

static wg_tensor reduced(wg_tensor each, const wg_loss_options *options)
{
    switch (options ? options->reduction : WG_MEAN) {
    case WG_MEAN:
        return wg_mean(each, WG_ALL);
    case WG_SUM:
        return wg_sum(each, WG_ALL);
    case WG_EACH:
        return each;
    default:
        return graph_fail(each.context, WG_BAD_ARGUMENT, "loss: unknown reduction %d", (int)options->reduction);
    }
}

/* Whether both can be used; the error otherwise is that of the context which one of them has. */
static bool resolve_pair(wg_tensor prediction, wg_tensor target, const char *who)
{
    wg_context *ctx;
    uint32_t ids[2];
    return graph_resolve_list(WG_LIST(prediction, target), who, &ctx, ids);
}

/* The target as class numbers beside logits [..., classes]; false after an error. A class that does not exist fails
   when it is computed: the look-up in 0, 1, ... checks the range. */
static bool class_target(wg_tensor logits, wg_tensor *target, const char *who)
{
    wg_shape wanted = wg_shape_of(logits), found = wg_shape_of(*target);
    if (!resolve_pair(logits, *target, who)) return false;
    shape_buffer a, b, c;
    bool fits = wanted.rank > 0 && type_is_float(wg_type_of(logits)) && type_is_integer(wg_type_of(*target));
    int64_t classes = wg_dim(logits, -1);
    wanted.rank -= wanted.rank > 0;
    if (!fits || !wg_shape_equal(wanted, found)) {
        graph_fail(logits.context, fits ? WG_BAD_SHAPE : WG_BAD_TYPE,
                   "%s: logits %s %s want one class each, %s of i32 or i64, not %s %s", who,
                   wg_type_name(wg_type_of(logits)), shape_text(wg_shape_of(logits), &a), shape_text(wanted, &c),
                   wg_type_name(wg_type_of(*target)), shape_text(found, &b));
        return false;
    }
    *target = wg_gather(wg_iota(logits.context, WG_I64, WG_SHAPE(classes), 0), *target, 0);
    return true;
}

static wg_tensor cross_entropy(wg_tensor logits, wg_tensor target, const wg_loss_options *options)
{
    wg_context *ctx = logits.context;
    double smoothing = options ? options->label_smoothing : 0;
    number_buffer number;
    if (!(smoothing >= 0 && smoothing < 1))
        return graph_fail(ctx, WG_BAD_ARGUMENT, "cross_entropy: label_smoothing %s is not in [0, 1)",
                          number_text(smoothing, 6, &number));
    if (!resolve_pair(logits, target, "cross_entropy")) return graph_poison(ctx);
    wg_tensor log_probability = wg_log_softmax(logits, -1), each;
    if (type_is_float(wg_type_of(target))) {
        shape_buffer a, b;
        if (!wg_shape_equal(wg_shape_of(target), wg_shape_of(logits)))
            return graph_fail(ctx, WG_BAD_SHAPE,
                              "cross_entropy: probabilities must have the shape of the logits, %s, not %s",
                              shape_text(wg_shape_of(logits), &a), shape_text(wg_shape_of(target), &b));
        wg_tensor impossible = wg_equal_scalar(target, 0); /* 0 log 0 = 0 */
        wg_tensor safe = wg_where(impossible, wg_zeros_like(target), log_probability);
        each = wg_neg(wg_sum(wg_mul(target, safe), WG_AXES(-1)));
    } else {
        if (!class_target(logits, &target, "cross_entropy")) return graph_poison(ctx);
        wg_tensor hot = wg_one_hot(target, wg_dim(logits, -1));
        each = wg_neg(wg_sum(wg_where(hot, log_probability, wg_zeros_like(log_probability)), WG_AXES(-1)));
    }
    if (smoothing > 0) {
        wg_tensor spread = wg_neg(wg_mean(log_probability, WG_AXES(-1)));
        each = wg_add(wg_mul_scalar(each, 1 - smoothing), wg_mul_scalar(spread, smoothing));
    }
    return reduced(each, options);
}

static wg_tensor squared_error(wg_tensor prediction, wg_tensor target, const wg_loss_options *options)
{
    shape_buffer a, b;
    if (resolve_pair(prediction, target, "squared_error") &&
        !wg_shape_equal(wg_shape_of(prediction), wg_shape_of(target)))
        return graph_fail(prediction.context, WG_BAD_SHAPE, "squared_error: the prediction is %s, the target %s",
                          shape_text(wg_shape_of(prediction), &a), shape_text(wg_shape_of(target), &b));
    return reduced(wg_square(wg_sub(prediction, target)), options);
}

static wg_tensor accuracy(wg_tensor logits, wg_tensor target, const wg_loss_options *options)
{
    (void)options;
    if (!class_target(logits, &target, "accuracy")) return graph_poison(logits.context);
    return wg_mean(wg_cast(wg_equal(wg_argmax(logits, -1), target), WG_DEFAULT), WG_ALL);
}

/* Each public function records its body in a scope of its own name, so that pictures and messages say where one is. */
static wg_tensor in_scope(const char *name, wg_loss body, wg_tensor prediction, wg_tensor target,
                          const wg_loss_options *options)
{
    uint32_t outer = graph_scope_open(prediction.context, name);
    wg_tensor loss = body(prediction, target, options);
    graph_scope_set(prediction.context, outer);
    return loss;
}

wg_tensor wg_cross_entropy(wg_tensor logits, wg_tensor target, const wg_loss_options *options)
{
    WG_ENTRY(logits.context);
    return in_scope("cross_entropy", cross_entropy, logits, target, options);
}

wg_tensor wg_squared_error(wg_tensor prediction, wg_tensor target, const wg_loss_options *options)
{
    WG_ENTRY(prediction.context);
    return in_scope("squared_error", squared_error, prediction, target, options);
}

wg_tensor wg_accuracy(wg_tensor logits, wg_tensor target)
{
    WG_ENTRY(logits.context);
    return in_scope("accuracy", accuracy, logits, target, NULL);
}
