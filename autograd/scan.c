/* Recurrences as one node: the body runs once for each step on a tape of its own.

   The node's value is all results in a row, floats of one type: the last carries, the outputs of all steps, and the
   carries as the first step of each chunk has found them, which is all that the backward pass needs to compute a chunk
   again. Operands: carries, sequences, captures, the number of the first step, and the numbers that are bound late. */
#include "autograd/scan.h"

#include "engine/planted.h"
#include "graph/shape.h"

#include <wengert/functions.h>

#include <string.h>

/* ---- where things lie ---- */

scan_call scan_call_of(const wg_attributes *a)
{
    const int64_t *n = a->integer;
    return (scan_call){.body = (scan_body *)(uintptr_t)n[SCAN_BODY],
                       .steps = n[SCAN_STEPS],
                       .chunk = n[SCAN_CHUNK],
                       .reverse = n[SCAN_REVERSE],
                       .draw = (uint64_t)a->real[0],
                       .draws = (uint64_t)n[SCAN_DRAWS]};
}

int64_t scan_chunks(const scan_call *c)
{
    return c->steps / c->chunk;
}

/* Where the i-th result begins, of last carries, outputs and kept carries; the last one: all elements. */
static int64_t result_offset(const scan_call *c, size_t index)
{
    const scan_body *b = c->body;
    int64_t offset = 0;
    for (size_t i = 0; i < index; i++) {
        bool output = i >= b->carries && i < b->carries + b->outputs;
        size_t root = i < b->carries + b->outputs ? i : i - b->carries - b->outputs;
        int64_t times = output ? c->steps : i < b->carries ? 1 : scan_chunks(c);
        offset += times * wg_shape_size(b->root[root].shape);
    }
    return offset;
}

static size_t result_count(const scan_body *b)
{
    return 2 * b->carries + b->outputs;
}

wg_tensor scan_result(wg_tensor y, const scan_call *c, size_t index)
{
    const scan_body *b = c->body;
    size_t root = index < b->carries + b->outputs ? index : index - b->carries - b->outputs;
    wg_shape shape = b->root[root].shape, whole = {.rank = 0};
    if (index >= b->carries) whole.dim[whole.rank++] = index < b->carries + b->outputs ? c->steps : scan_chunks(c);
    for (int i = 0; i < shape.rank && whole.rank < WG_MAX_RANK; i++) whole.dim[whole.rank++] = shape.dim[i];
    return wg_reshape(wg_slice(y, 0, result_offset(c, index), result_offset(c, index + 1)), whole);
}

/* Whether floats are f64 in the place of f32, as where a checker computes. */
static bool is_widened(const scan_body *b, const wg_call *call)
{
    for (size_t i = 0; i < b->carries + b->sequences + b->captures; i++)
        if (call->inputs[i].type != b->parameter[1 + i].type) return true;
    return false;
}

/* ---- running ---- */

typedef struct running {
    scan_call scan;
    const wg_call *call;
    const scan_tape *tape;
    uint32_t *asked; /* the roots that are to be computed */
    size_t asked_count;
    void **carry;  /* of each carry: its values now, */
    bool *owned;   /* and whether they are counted for us */
    int64_t first; /* number of the first step */
    size_t element;
} running;

static char *result_at(const running *r, size_t index, int64_t place)
{
    const scan_body *b = r->scan.body;
    size_t root = index < b->carries + b->outputs ? index : index - b->carries - b->outputs;
    int64_t at = result_offset(&r->scan, index) + place * wg_shape_size(b->root[root].shape);
    return (char *)r->call->output->data + (size_t)at * r->element;
}

static size_t root_bytes(const running *r, size_t root)
{
    return (size_t)wg_shape_size(r->scan.body->root[root].shape) * r->element;
}

static void set_values(const running *r, size_t parameter, void *values)
{
    graph_node(r->tape->context, r->tape->parameters[parameter])->data = values;
}

/* What is the same in all steps: captures, numbers, seeds. */
static void bind(const running *r)
{
    const scan_body *b = r->scan.body;
    const scan_tape *t = r->tape;
    wg_context *ctx = t->context;
    size_t before = b->carries + b->sequences, last = before + b->captures + 1;
    for (size_t i = 0; i < b->captures; i++) set_values(r, 1 + before + i, r->call->inputs[before + i].data);
    const double *number = b->numbers ? r->call->inputs[last].data : NULL;
    for (size_t i = 0; i < b->numbered; i++) {
        node *n = graph_node(ctx, t->numbered[i]);
        if (n->attributes & ATTRIBUTES_REAL)
            for (int k = 0; k < SCAN_REALS; k++) ctx->reals[n->real].real[k] = *number++;
        if (n->scalar_operand && !(n->flags & NODE_FIXED)) n->scalar = *number++;
    }
    for (size_t i = 0; i < b->drawing; i++)
        for (int k = 1; k <= 2; k++)
            ctx->reals[graph_node(ctx, t->drawing[i])->real].real[k] = r->call->attributes->real[k];
}

/* What this step has for itself. */
static void bind_step(const running *r, int64_t t, int64_t *number)
{
    const scan_body *b = r->scan.body;
    wg_context *ctx = r->tape->context;
    *number = r->first + t;
    set_values(r, 0, number);
    for (size_t i = 0; i < b->carries; i++) set_values(r, 1 + i, r->carry[i]);
    for (size_t i = 0; i < b->sequences; i++) {
        const wg_array *sequence = &r->call->inputs[b->carries + i];
        size_t bytes = (size_t)wg_shape_size(b->parameter[1 + b->carries + i].shape) * wg_type_size(sequence->type);
        set_values(r, 1 + b->carries + i, (char *)sequence->data + (size_t)t * bytes);
    }
    for (size_t i = 0; i < b->drawing; i++)
        ctx->reals[graph_node(ctx, r->tape->drawing[i])->real].real[0] =
            (double)(r->scan.draw + (PLANTED(20) ? 0 : (uint64_t)*number) * r->scan.draws + b->draw[i]);
}

/* Takes over the carries for the next step. A root may be a parameter, another carry's values say. */
static void pass_on(running *r, void **next, bool *owned)
{
    const scan_body *b = r->scan.body;
    wg_context *ctx = r->tape->context;
    for (size_t i = 0; i < b->carries; i++) {
        uint32_t root = r->tape->roots[i];
        next[i] = graph_node(ctx, root)->data;
        owned[i] = !graph_is_leaf(graph_node(ctx, root));
        for (size_t k = 0; k < b->carries; k++)
            if (root == r->tape->parameters[1 + k]) owned[i] = r->owned[k];
        if (owned[i]) memory_share(next[i]);
    }
    for (size_t i = 0; i < b->carries; i++)
        if (r->owned[i]) memory_drop(&ctx->memory, r->carry[i]);
    memcpy(r->carry, next, b->carries * sizeof *next);
    memcpy(r->owned, owned, b->carries * sizeof *owned);
}

/* Says what went wrong in a step. A kernel can only find fault with values, so what is no such fault becomes the error
   of the context that the body was recorded in. */
static void fail(const scan_body *b, const wg_call *call, wg_status status, const char *text)
{
    if (status != WG_BAD_ARGUMENT) graph_fail(b->owner, status, "scan: %s", text);
    snprintf(call->fault, WG_FAULT_SIZE, "%s", text);
}

static void fail_in_step(const running *r, int64_t number)
{
    char text[WG_FAULT_SIZE];
    wg_context *ctx = r->tape->context;
    snprintf(text, sizeof text, "in step %lld, %s", (long long)number, wg_error(ctx));
    fail(r->scan.body, r->call, wg_error_status(ctx), text);
}

static bool run_step(running *r, int64_t s, void **next, bool *owned)
{
    const scan_body *b = r->scan.body;
    wg_context *ctx = r->tape->context;
    int64_t t = r->scan.reverse ? r->scan.steps - 1 - s : s, number;
    bind_step(r, t, &number);
    for (size_t i = 0; i < b->carries && s % r->scan.chunk == 0; i++)
        memcpy(result_at(r, b->carries + b->outputs + i, (PLANTED(21) ? s : t) / r->scan.chunk), r->carry[i],
               root_bytes(r, i));
    if (r->asked_count && !ctx->engine->evaluate(ctx, r->asked, r->asked_count)) {
        fail_in_step(r, number);
        return false;
    }
    for (size_t i = 0; i < b->outputs; i++)
        memcpy(result_at(r, b->carries + i, t), graph_node(ctx, r->tape->roots[b->carries + i])->data,
               root_bytes(r, b->carries + i));
    pass_on(r, next, owned);
    graph_forget_results(ctx);
    return true;
}

static void run_steps(running *r)
{
    const scan_body *b = r->scan.body;
    memory *m = &r->tape->context->memory;
    void **next = memory_new(m, b->carries + 1, sizeof *next);
    bool *owned = memory_new(m, b->carries + 1, sizeof *owned), fine = next && owned;
    if (!fine) fail(b, r->call, WG_OUT_OF_MEMORY, "out of memory");
    for (size_t i = 0; i < b->carries; i++) r->carry[i] = r->call->inputs[i].data;
    for (int64_t s = 0; fine && s < r->scan.steps; s++) fine = run_step(r, s, next, owned);
    for (size_t i = 0; i < b->carries; i++) {
        if (fine) memcpy(result_at(r, i, 0), r->carry[i], root_bytes(r, i));
        if (r->owned[i]) memory_drop(m, r->carry[i]);
    }
    memory_release(m, next);
    memory_release(m, owned);
}

static void scan_kernel(const wg_call *call)
{
    running r = {.scan = scan_call_of(call->attributes), .call = call, .element = wg_type_size(call->output->type)};
    const scan_body *b = r.scan.body;
    r.first = *(const int64_t *)call->inputs[b->carries + b->sequences + b->captures].data;
    r.tape = scan_tape_of(r.scan.body, is_widened(b, call));
    memory *m = r.tape ? &r.tape->context->memory : NULL;
    r.asked = m ? memory_new(m, b->carries + b->outputs + 1, sizeof *r.asked) : NULL;
    r.carry = m ? memory_new(m, b->carries + 1, sizeof *r.carry) : NULL;
    r.owned = m ? memory_new(m, b->carries + 1, sizeof *r.owned) : NULL;
    if (r.asked && r.carry && r.owned) {
        for (size_t i = 0; i < b->carries + b->outputs; i++)
            if (!graph_is_leaf(graph_node(r.tape->context, r.tape->roots[i])))
                r.asked[r.asked_count++] = r.tape->roots[i];
        bind(&r);
        run_steps(&r);
    } else {
        fail(b, call, WG_OUT_OF_MEMORY, "out of memory");
    }
    if (!m) return;
    memory_release(m, r.asked);
    memory_release(m, r.carry);
    memory_release(m, r.owned);
}

/* ---- the row ---- */

static bool infer_scan(const wg_call *call, char *message, size_t size)
{
    scan_call c = scan_call_of(call->attributes);
    int64_t elements = c.body && c.chunk > 0 ? result_offset(&c, result_count(c.body)) : -1;
    if (elements < 0) {
        snprintf(message, size, "is recorded by wg_scan only");
        return false;
    }
    *call->output = (wg_array){is_widened(c.body, call) ? WG_F64 : c.body->type, {1, {elements}}, NULL};
    return true;
}

static double scan_flops(const wg_call *call)
{
    scan_call c = scan_call_of(call->attributes);
    return (double)c.steps * c.body->flops;
}

static void halve(const void *user, const wg_scan_step *at)
{
    at->next[0] = wg_mul(wg_tanh(at->carries[0]), *(const wg_tensor *)user);
    at->outputs[0] = wg_mul(at->next[0], at->inputs[0]);
}

static wg_tensor scan_sample(wg_context *ctx)
{
    wg_tensor w = wg_normal(ctx, WG_SHAPE(2)), h = wg_normal(ctx, WG_SHAPE(2)), x = wg_normal(ctx, WG_SHAPE(6, 2));
    wg_tensor last, outputs;
    wg_scan((wg_scan_body){halve, &w, 1}, WG_LIST(h), WG_LIST(x), &(wg_scan_options){.chunk = 2}, &last, &outputs);
    return outputs;
}

const wg_op autograd_scan_op = {
    .name = "scan",
    .summary = "a recurrence: the last carries, all outputs, and the carries that each chunk begins with",
    .arity = -1,
    .infer = infer_scan,
    .kernel = {[WG_F32] = scan_kernel,
               [WG_F64] = scan_kernel,
               [WG_I32] = scan_kernel,
               [WG_I64] = scan_kernel,
               [WG_BOOL] = scan_kernel,
               [WG_U8] = scan_kernel},
    .vjp = scan_vjp,
    .flops = scan_flops,
    .sample = scan_sample,
    .numerics = {-4, 4, -1},
};
