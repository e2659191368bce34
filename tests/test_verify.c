/* The verifier accepts what is recorded, and finds each rule broken. */
#include "graph/verify.h"
#include "tests/harness.h"

#include <string.h>

#include <wengert/wengert.h>

static char message[ERROR_SIZE];

/* Builds without LAPACK refuse some samples. */
static bool works(wg_tensor (*sample)(wg_context *ctx))
{
    wg_context *ctx = wg_context_new(NULL);
    bool fine = sample(ctx).id || wg_error_status(ctx) != WG_UNSUPPORTED;
    wg_context_free(ctx);
    return fine;
}

/* A tape with many kinds of nodes: all samples, and a gradient. */
static wg_context *tape(void)
{
    wg_context *ctx = wg_context_new(NULL);
    for (size_t i = 0; i < wg_op_count(); i++)
        if (wg_op_at(i)->sample && works(wg_op_at(i)->sample)) wg_op_at(i)->sample(ctx);
    wg_tensor w = wg_parameter(ctx, "w", WG_SHAPE(3, 4), wg_init_normal(1));
    wg_tensor y = wg_mean(wg_log_softmax(wg_mul_scalar(w, 2), -1), WG_ALL);
    wg_assign(w, wg_sub(w, wg_grad(y, w)));
    return ctx;
}

Test(verify, accepts_what_is_recorded)
{
    wg_context *ctx = tape();
    cr_assert(graph_verify(ctx, message, sizeof message), "%s", message);
    cr_assert(!wg_failed(ctx));
    wg_context_free(ctx);
}

/* The newest node of an op. */
static node *newest(wg_context *ctx, const char *op)
{
    for (uint32_t id = ctx->node_count; id-- > 1;)
        if (strcmp(graph_node(ctx, id)->op->name, op) == 0) return graph_node(ctx, id);
    return NULL;
}

/* Whether the verifier names op and rule once a byte of the node is changed by `damage`. */
static bool finds(const char *op, void (*damage)(wg_context *ctx, node *n), const char *rule)
{
    wg_context *ctx = tape();
    node *n = newest(ctx, op);
    message[0] = '\0';
    if (!n) return false;
    damage(ctx, n);
    bool found = !graph_verify(ctx, message, sizeof message) && strstr(message, op) && strstr(message, rule);
    wg_context_free(ctx);
    return found;
}

static void self_operand(wg_context *ctx, node *n)
{
    n->input[0] = ctx->node_count - 1;
}

static void no_operand(wg_context *ctx, node *n)
{
    (void)ctx;
    n->input[0] = 0;
}

static void other_shape(wg_context *ctx, node *n)
{
    const wg_shape shape = {2, {7, 7}};
    n->shape = graph_intern_shape(ctx, &shape);
}

static void other_type(wg_context *ctx, node *n)
{
    (void)ctx;
    n->type = WG_F64;
}

static void shape_out_of_range(wg_context *ctx, node *n)
{
    n->shape = (uint32_t)ctx->shape_table.count;
}

static void attributes_out_of_range(wg_context *ctx, node *n)
{
    n->attributes = (uint32_t)ctx->attribute_table.count;
}

static void other_attributes(wg_context *ctx, node *n)
{
    n->attributes = graph_intern_integers(ctx, (const int64_t[]){6}, 1);
}

static void list_out_of_range(wg_context *ctx, node *n)
{
    n->input[0] = (uint32_t)ctx->input_count;
}

static void newer_origin(wg_context *ctx, node *n)
{
    n->origin = ctx->node_count;
}

Test(verify, finds_each_broken_rule)
{
    cr_assert(finds("log", self_operand, "not older"), "%s", message);
    cr_assert(finds("matmul", no_operand, "missing"), "%s", message);
    cr_assert(finds("exp", other_shape, "infers another"), "%s", message);
    cr_assert(finds("mul", other_type, "infers another"), "%s", message);
    cr_assert(finds("tanh", shape_out_of_range, "interned"), "%s", message);
    cr_assert(finds("gather", attributes_out_of_range, "attributes"), "%s", message);
    cr_assert(finds("flip", other_attributes, "infers another"), "%s", message);
    cr_assert(finds("concat", list_out_of_range, "list of operands"), "%s", message);
    cr_assert(finds("expand", newer_origin, "forward node"), "%s", message);
}
