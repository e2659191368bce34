/* The check of an op, a row of the table or a user's own: its fields, its sample, and then part by part what the sample
   shows, in f32 and in f64. All happens in contexts of its own, so that nothing is left in the caller's. */
#include "autograd/op_check.h"
#include "engine/program.h"
#include "graph/shape.h"

#include <wengert/gradient.h>

#include <math.h>
#include <stdarg.h>
#include <string.h>

enum { SAID = 8 };

void op_check_note(op_check *c, const char *format, ...)
{
    c->findings++;
    if (!c->file || ++c->said > SAID) return;
    char text[ERROR_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(c->file, "  %s%s%s\n", c->type ? wg_type_name(c->type) : "", c->type ? ": " : "", text);
}

/* ---- contexts ---- */

wg_context *op_check_context(op_check *c, const wg_context_options *way)
{
    const wg_context *home = c->home;
    wg_context_options o = *way;
    o.type = c->type;
    o.seed = home->options.seed;
    o.threads = 1;
    o.mode = home->mode;
    o.allocator = home->options.allocator;
    size_t limit = home->options.memory_limit, held = home->memory.bytes;
    o.memory_limit = !limit ? 0 : limit > held ? limit - held : 1;
    wg_context *ctx = wg_context_new(&o);
    if (!ctx) {
        graph_fail(c->home, wg_error_status(NULL), "op_check: %s", wg_error(NULL));
        wg_recover(NULL);
    }
    return ctx;
}

/* The first line of a message: where something was recorded is no news. */
static const char *first_line(wg_context *ctx, char text[ERROR_SIZE])
{
    snprintf(text, ERROR_SIZE, "%s", ctx->message);
    text[strcspn(text, "\n")] = '\0';
    return text;
}

bool op_check_close(op_check *c, wg_context *ctx, const char *what)
{
    if (!ctx) return false;
    char text[ERROR_SIZE];
    bool fine = graph_ok(ctx);
    if (ctx->status == WG_OUT_OF_MEMORY)
        graph_fail(c->home, WG_OUT_OF_MEMORY, "op_check: %s", first_line(ctx, text));
    else if (!fine)
        op_check_note(c, "%s: %s", what, first_line(ctx, text));
    wg_context_free(ctx);
    return fine;
}

/* ---- fields ---- */

/* False if the rest makes no sense. */
static bool check_fields(op_check *c)
{
    number_buffer low, high;
    const wg_op *op = c->op;
    const wg_numerics *n = &op->numerics;
    bool any_kernel = false;
    for (int type = 0; type < WG_TYPES; type++) any_kernel |= op->kernel[type] != NULL;
    if (!op->name || !op->name[0]) op_check_note(c, "there is no name");
    if (!op->summary || !op->summary[0]) op_check_note(c, "there is no summary");
    if (!op->infer) op_check_note(c, "there is no infer");
    if (!op->sample) op_check_note(c, "there is no sample: nothing can be tried");
    if (op->arity < -1) op_check_note(c, "the arity is %d; -1 stands for any number of operands", op->arity);
    if (!op->alias && !any_kernel) op_check_note(c, "there is no kernel");
    if (op->alias && any_kernel) op_check_note(c, "an alias has no kernel");
    if (op->predicate && !op->elementwise) op_check_note(c, "a predicate is element-wise: set both flags");
    if (!(n->low <= n->high && isfinite(n->low) && isfinite(n->high)))
        op_check_note(c, "numerics: tests cannot draw from [%s, %s]", number_text(n->low, 6, &low),
                      number_text(n->high, 6, &high));
    if (!(n->ulp >= 0 || n->ulp == -1))
        op_check_note(c, "numerics: an accuracy of %s ULP means nothing", number_text(n->ulp, 6, &low));
    return op->name && op->infer && op->sample && (op->alias || any_kernel) && op->arity >= -1;
}

/* ---- the sample ---- */

/* Applies the op to the operands of a sample that was recorded with a copy of it. */
static wg_tensor apply_instead(op_check *c, wg_tensor y)
{
    size_t count;
    const node *n = graph_node(c->ctx, y.id);
    const uint32_t *inputs = graph_inputs(c->ctx, n, &count);
    wg_tensor *operands = memory_new(&c->ctx->memory, count, sizeof *operands);
    if (!operands) return graph_fail_memory(c->ctx, count * sizeof *operands);
    for (size_t i = 0; i < count; i++) operands[i] = graph_tensor(c->ctx, inputs[i]);
    wg_attributes attributes = *graph_attributes(c->ctx, n);
    wg_tensor other = wg_apply(c->op, (wg_list){count, operands}, &attributes);
    memory_release(&c->ctx->memory, operands);
    return other;
}

/* Records the sample; poison if there is none to look at. */
static wg_tensor record_sample(op_check *c)
{
    wg_tensor y = c->op->sample(c->ctx);
    uint32_t id = graph_ok(c->ctx) ? graph_resolve_in(c->ctx, (wg_list){1, &y}, "the sample", &y.id) ? y.id : 0 : 0;
    if (!id) return graph_poison(c->ctx);
    const node *n = graph_node(c->ctx, id);
    y = graph_tensor(c->ctx, id);
    if (n->op == c->op) return y;
    if (strcmp(n->op->name, c->op->name) == 0) return apply_instead(c, y);
    op_check_note(c, "the sample records %s, not %s", n->op->name, c->op->name);
    return graph_poison(c->ctx);
}

/* What is missing where gradient checks replay. */
static bool check_kernels(op_check *c)
{
    const application *a = &c->at;
    wg_type type = a->count ? a->inputs[0].type : a->output.type;
    bool replayed = type == WG_F32 || type == WG_F64;
    if (c->op->alias) return true;
    for (wg_type needed = replayed ? WG_F32 : type; needed <= (replayed ? WG_F64 : type); needed++) {
        if (c->op->kernel[needed]) continue;
        op_check_note(c, "there is no kernel for %s%s", wg_type_name(needed),
                      needed == WG_F64 ? ", in which gradient checks compute" : "");
        return false;
    }
    return true;
}

static void check_sample(op_check *c, wg_tensor y)
{
    if (!application_take(c, y, &c->at)) return;
    static void (*const parts[])(op_check *) = {op_check_infer,    op_check_kernel,     op_check_parts,
                                                op_check_accuracy, op_check_evaluation, op_check_gradients,
                                                op_check_kinks};
    bool whole = c->op != &graph_assign_op && check_kernels(c);
    int before = c->findings; /* what follows a finding would follow from it, or worse */
    for (size_t i = 0; whole && i < sizeof parts / sizeof *parts && c->findings == before && op_check_alive(c); i++)
        parts[i](c);
    application_free(c, &c->at);
}

static void check_type(op_check *c, wg_type type)
{
    c->type = type;
    c->said = 0;
    c->ctx = op_check_context(c, &(wg_context_options){.plain = true});
    if (!c->ctx) return;
    wg_tensor y = record_sample(c);
    if (y.id) check_sample(c, y);
    op_check_close(c, c->ctx, "the sample fails");
    c->ctx = NULL;
    c->type = WG_DEFAULT;
}

/* ---- the whole ---- */

static void print_verdict(const op_check *c)
{
    if (!c->file) return;
    if (!op_check_alive(c))
        fprintf(c->file, "  stopped by an error\n");
    else if (c->findings)
        fprintf(c->file, "  FAILED: %d %s\n", c->findings, c->findings == 1 ? "finding" : "findings");
    else
        fprintf(c->file, "  passed in f32 and f64%s\n", c->op->vjp && !c->refuses ? "" : "; it has no gradient");
}

bool wg_op_check(wg_context *ctx, const wg_op *op, FILE *file)
{
    WG_ENTRY(ctx);
    op_check c = {.home = ctx, .op = op, .file = file};
    if (!ctx) return graph_fail(NULL, WG_BAD_ARGUMENT, "op_check: the context is NULL").id;
    if (!op) return graph_fail(ctx, WG_BAD_ARGUMENT, "op_check: the op is NULL").id;
    if (!graph_ok(ctx)) return false;
    c.ours = program_knows(op) || op == &graph_assign_op;
    if (file) fprintf(file, "op %s: %s\n", op->name ? op->name : "?", op->summary ? op->summary : "?");
    bool fine = check_fields(&c);
    for (wg_type type = WG_F32; fine && type <= WG_F64 && op_check_alive(&c); type++) check_type(&c, type);
    print_verdict(&c);
    return op_check_alive(&c) && c.findings == 0;
}
