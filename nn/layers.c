/* Layers: structs of parameters, and functions over primitives. */
#include "graph/graph.h"

#include <wengert/nn.h>

#include <math.h>

/* ---- linear ---- */

wg_linear wg_linear_new(wg_context *ctx, const char *name, int64_t inputs, int64_t outputs,
                        const wg_linear_options *options)
{
    WG_ENTRY(ctx);
    wg_linear layer = {WG_NONE, WG_NONE};
    wg_linear_options o = options ? *options : (wg_linear_options){0};
    wg_init standard =
        wg_init_uniform(-1 / sqrt((double)(inputs > 0 ? inputs : 1)), 1 / sqrt((double)(inputs > 0 ? inputs : 1)));
    uint32_t outer = graph_scope_open(ctx, name ? name : "");
    layer.weight = wg_parameter(ctx, "weight", WG_SHAPE(outputs, inputs), o.weight.kind ? o.weight : standard);
    if (!o.no_bias) layer.bias = wg_parameter(ctx, "bias", WG_SHAPE(outputs), o.bias.kind ? o.bias : standard);
    graph_scope_set(ctx, outer);
    return layer;
}

wg_tensor wg_linear_apply(const wg_linear *layer, wg_tensor x)
{
    WG_ENTRY(x.context);
    if (!layer) return graph_fail(x.context, WG_BAD_ARGUMENT, "linear: the layer is NULL");
    uint32_t outer = graph_scope_of_layer(layer->weight);
    bool vector = wg_shape_of(x).rank == 1;
    wg_tensor y = wg_matmul_transposed(vector ? wg_unsqueeze(x, 0) : x, false, layer->weight, true);
    if (layer->bias.context) y = wg_add(y, layer->bias);
    if (vector) y = wg_squeeze(y, 0);
    graph_scope_set(layer->weight.context, outer);
    return y;
}

/* ---- dropout ---- */

wg_tensor wg_dropout(wg_tensor x, double probability)
{
    WG_ENTRY(x.context);
    if (!(probability >= 0 && probability < 1))
        return graph_fail(x.context, WG_BAD_ARGUMENT, "dropout: the probability %g is not in [0, 1)", probability);
    if (wg_get_mode(x.context) == WG_EVAL || probability == 0) return x;
    uint32_t outer = graph_scope_open(x.context, "dropout");
    wg_tensor kept = wg_less_scalar(wg_random_uniform(x.context, wg_type_of(x), wg_shape_of(x)), 1 - probability);
    wg_tensor y = wg_where(kept, wg_mul_scalar(x, 1 / (1 - probability)), wg_zeros_like(x));
    graph_scope_set(x.context, outer);
    return y;
}
