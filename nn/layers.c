/* Layers: structs of parameters, and functions over primitives. */
#include "graph/graph.h"
#include "graph/shape.h"

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

/* Says in the layer's words what the product would say in its own. */
static bool fits_layer(wg_tensor weight, wg_tensor x)
{
    wg_shape shape = wg_shape_of(x), matrix = wg_shape_of(weight);
    if (!graph_ok(x.context) || x.context != weight.context || matrix.rank != 2 || wg_type_of(x) == WG_DEFAULT)
        return true;
    if (wg_dim(x, -1) == matrix.dim[1] && shape.rank > 0) return true;
    shape_buffer buffer;
    graph_fail(x.context, WG_BAD_SHAPE, "linear: the last axis must have length %lld, this is %s",
               (long long)matrix.dim[1], shape_text(shape, &buffer));
    if (shape.rank > 1 && shape.dim[0] > 0 && wg_size(x) == shape.dim[0] * matrix.dim[1])
        graph_hint(x.context, "wg_flatten makes one row of each example");
    return false;
}

wg_tensor wg_linear_apply(const wg_linear *layer, wg_tensor x)
{
    WG_ENTRY(x.context);
    if (!layer) return graph_fail(x.context, WG_BAD_ARGUMENT, "linear: the layer is NULL");
    uint32_t outer = graph_scope_of_layer(layer->weight);
    bool vector = wg_shape_of(x).rank == 1;
    wg_tensor y = graph_poison(x.context);
    if (fits_layer(layer->weight, x))
        y = wg_matmul_transposed(vector ? wg_unsqueeze(x, 0) : x, false, layer->weight, true);
    if (layer->bias.context) y = wg_add(y, layer->bias);
    if (vector) y = wg_squeeze(y, 0);
    graph_scope_set(layer->weight.context, outer);
    return y;
}

/* ---- dropout ---- */

wg_tensor wg_dropout(wg_tensor x, double probability)
{
    WG_ENTRY(x.context);
    number_buffer number;
    if (!(probability >= 0 && probability < 1))
        return graph_fail(x.context, WG_BAD_ARGUMENT, "dropout: the probability %s is not in [0, 1)",
                          number_text(probability, 6, &number));
    if (!graph_resolve(x, "dropout")) return graph_poison(x.context);
    if (wg_get_mode(x.context) == WG_EVAL || probability == 0) return graph_now(x, "dropout");
    uint32_t outer = graph_scope_open(x.context, "dropout");
    wg_tensor kept = wg_less_scalar(wg_random_uniform(x.context, wg_type_of(x), wg_shape_of(x)), 1 - probability);
    wg_tensor y = wg_where(kept, wg_mul_scalar(x, 1 / (1 - probability)), wg_zeros_like(x));
    graph_scope_set(x.context, outer);
    return y;
}
