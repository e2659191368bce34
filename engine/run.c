/* One application of one kernel. */
#include "engine/run.h"

typed_scalar run_scalar(wg_type type, double value)
{
    typed_scalar s = {.i64 = 0};
    switch (type) {
    case WG_F32:
        s.f32 = (float)value;
        break;
    case WG_F64:
        s.f64 = value;
        break;
    case WG_I32:
        s.i32 = (int32_t)value;
        break;
    case WG_I64:
        s.i64 = (int64_t)value;
        break;
    case WG_BOOL:
        s.boolean = value != 0;
        break;
    case WG_U8:
        s.u8 = (uint8_t)value;
        break;
    default:
        break;
    }
    return s;
}

bool run_operands_open(wg_context *ctx, const node *n, run_operands *operands)
{
    graph_inputs(ctx, n, &operands->count);
    operands->array = operands->few;
    if (operands->count <= sizeof operands->few / sizeof *operands->few) return true;
    operands->array = memory_new(&ctx->memory, operands->count, sizeof *operands->array);
    if (!operands->array) graph_fail_memory(ctx, operands->count * sizeof *operands->array);
    return operands->array != NULL;
}

void run_operands_close(wg_context *ctx, run_operands *operands)
{
    if (operands->array != operands->few) memory_release(&ctx->memory, operands->array);
}

bool run_call(wg_context *ctx, const wg_op *op, void (*kernel)(const wg_call *), wg_call *call)
{
    size_t bytes = op->scratch ? op->scratch(call) : 0;
    if (op->scratch && !(call->scratch = memory_values(&ctx->memory, bytes))) return graph_fail_memory(ctx, bytes).id;
    kernel(call);
    memory_drop(&ctx->memory, call->scratch);
    return true;
}

void run_see_rows(wg_array *a)
{
    int64_t length = a->shape.rank ? a->shape.dim[a->shape.rank - 1] : 1, rows = 1;
    for (int i = 0; i + 1 < a->shape.rank; i++) rows *= a->shape.dim[i];
    a->shape = (wg_shape){2, {rows, length}};
}

bool run_kernel(wg_context *ctx, uint32_t id, wg_array *inputs, size_t count, wg_array *output)
{
    const node *n = graph_node(ctx, id);
    typed_scalar scalar;
    if (n->scalar_operand) {
        size_t place = n->scalar_operand - 1u;
        wg_type type = count == 1 ? output->type : inputs[!place].type;
        scalar = run_scalar(type, n->scalar);
        inputs[place] = (wg_array){type, {0, {0}}, &scalar};
    }
    wg_type type = count ? inputs[0].type : output->type;
    void (*kernel)(const wg_call *) = n->op->kernel[type];
    if (!kernel) {
        graph_fail_node(ctx, WG_UNSUPPORTED, id, "there is no kernel for %s", wg_type_name(type));
        return false;
    }
    if (ctx->options.precise && type == WG_F32 && n->op->precise) kernel = n->op->precise;
    if (n->op->row_wise && !n->op->elementwise) {
        for (size_t i = 0; i < count; i++) run_see_rows(&inputs[i]);
        run_see_rows(output);
    }
    char fault[WG_FAULT_SIZE] = "";
    wg_call call = {count, inputs, output, graph_attributes(ctx, n), fault, NULL};
    if (!run_call(ctx, n->op, kernel, &call)) return false;
    ctx->computed++;
    fault[WG_FAULT_SIZE - 1] = '\0';
    if (fault[0]) graph_fail_node(ctx, WG_BAD_ARGUMENT, id, "%s", fault);
    return !fault[0];
}
