/* Layers and losses: ordinary functions over the primitives, without a kernel or a gradient of their own. */
#ifndef WENGERT_NN_H
#define WENGERT_NN_H

#include <wengert/functions.h>
#include <wengert/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- dense ---- */

typedef struct {
    wg_init weight; /* Default: uniform in +-1/sqrt(inputs), as in PyTorch */
    wg_init bias;   /* Default: the same */
    bool no_bias;
} wg_linear_options;

/* weight: [outputs, inputs], bias: [outputs] or WG_NONE. Using the struct twice shares the weights. */
typedef struct {
    wg_tensor weight, bias;
} wg_linear;

/* Makes the parameters name/weight and name/bias. */
WG_API wg_linear wg_linear_new(wg_context *context, const char *name, int64_t inputs, int64_t outputs,
                               const wg_linear_options *options);
/* x: [..., inputs] -> x weight^T + bias: [..., outputs] */
WG_API wg_tensor wg_linear_apply(const wg_linear *layer, wg_tensor x);

/* ---- regularisation ---- */

/* In training: each element is zero with the given probability, the others are divided by 1 - probability
   (Srivastava et al. 2014, in the inverted form); in WG_EVAL mode x itself. The probability lies in [0, 1). */
WG_API wg_tensor wg_dropout(wg_tensor x, double probability);

/* ---- losses ---- */

typedef enum { WG_MEAN, WG_SUM, WG_EACH } wg_reduction;

typedef struct {
    wg_reduction reduction; /* over everything; WG_EACH: none. Default: WG_MEAN */
    double label_smoothing; /* in [0, 1): share of the target spread over all classes. Default: 0 */
} wg_loss_options;

/* The one signature of losses, so that they can be passed on. */
typedef wg_tensor (*wg_loss)(wg_tensor prediction, wg_tensor target, const wg_loss_options *options);

/* Softmax cross-entropy, -sum of target * log_softmax(logits) over the last axis.
   logits: [..., classes]; target: class indices [...] of an integer type, or probabilities [..., classes]. */
WG_API wg_tensor wg_cross_entropy(wg_tensor logits, wg_tensor target, const wg_loss_options *options);
/* (prediction - target)^2; both of one shape. */
WG_API wg_tensor wg_squared_error(wg_tensor prediction, wg_tensor target, const wg_loss_options *options);
/* The share of rows whose largest logit is the target's class. logits: [..., classes]; target: [...] integers. */
WG_API wg_tensor wg_accuracy(wg_tensor logits, wg_tensor target);

#ifdef __cplusplus
}
#endif

#endif
