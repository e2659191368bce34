/* Bodies as tapes of their own, and recording them again on another one. */
#include "autograd/scan_cut.h"

#include <wengert/ops.h>

#include <string.h>

void scan_tape_release(memory *m, scan_tape *t)
{
    wg_context_free(t->context);
    memory_release(m, t->parameters);
    memory_release(m, t->roots);
    memory_release(m, t->numbered);
    memory_release(m, t->drawing);
    *t = (scan_tape){.context = NULL};
}

static wg_context *new_context(const wg_context *like)
{
    wg_context_options options = like->options;
    options.eager = false;
    options.threads = 0;
    options.threads_of = like->options.threads_of ? like->options.threads_of : (wg_context *)(uintptr_t)like;
    options.weights = NULL;
    return graph_context_new(&options, like->engine);
}

static wg_type type_in(wg_type type, bool wide)
{
    return wide && type == WG_F32 ? WG_F64 : type;
}

/* Appends a copy of a node of another context. What draws has reals in any case, as they are filled in later. */
static uint32_t copy_node(wg_context *to, const wg_context *from, uint32_t id, const uint32_t *operands, bool wide)
{
    const node *n = graph_node(from, id);
    size_t count;
    graph_inputs(from, n, &count);
    wg_shape shape = graph_shape(from, n);
    wg_attributes attributes = *graph_attributes(from, n);
    if (scan_draws(from, n)) attributes.real[0] = 1;
    bool narrow = n->op->random && wide && n->type == WG_F32; /* draws are those of the type that was recorded */
    to->site = from->sites[n->site];
    uint32_t copy = graph_append(to, &(graph_record){.op = n->op,
                                                     .count = count,
                                                     .inputs = operands,
                                                     .scalar = n->scalar,
                                                     .scalar_operand = n->scalar_operand,
                                                     .type = narrow ? WG_F32 : type_in((wg_type)n->type, wide),
                                                     .shape = &shape,
                                                     .attributes = &attributes})
                        .id;
    if (copy && n->flags & NODE_FIXED) graph_node(to, copy)->flags |= NODE_FIXED;
    to->site = NULL;
    return copy;
}

/* Nodes that take what is bound late; room for all is there. */
static void note_late(scan_tape *t, size_t *numbered, size_t *drawing, uint32_t id)
{
    const node *n = graph_node(t->context, id);
    if (scan_draws(t->context, n))
        t->drawing[(*drawing)++] = id;
    else if (n->attributes & ATTRIBUTES_REAL || (n->scalar_operand && !(n->flags & NODE_FIXED)))
        t->numbered[(*numbered)++] = id;
}

static bool begin_tape(scan_tape *t, const scan_body *b, const wg_context *like, size_t nodes, bool wide)
{
    static double nothing;
    memory *m = (memory *)(uintptr_t)&like->memory;
    *t = (scan_tape){.context = new_context(like),
                     .parameters = memory_new(m, scan_parameters(b), sizeof *t->parameters),
                     .roots = memory_new(m, b->carries + b->outputs + 1, sizeof *t->roots),
                     .numbered = memory_new(m, nodes + 1, sizeof *t->numbered),
                     .drawing = memory_new(m, nodes + 1, sizeof *t->drawing)};
    if (!t->context || !t->parameters || !t->roots || !t->numbered || !t->drawing) return false;
    for (size_t i = 0; i < scan_parameters(b); i++) {
        bool numbers = b->numbers && i + 1 == scan_parameters(b);
        wg_type type = numbers ? WG_F64 : type_in(b->parameter[i].type, wide);
        t->parameters[i] = graph_constant(t->context, type, b->parameter[i].shape, &nothing, true).id;
    }
    return graph_ok(t->context);
}

bool scan_tape_make(scan_body *b, const scan_reading *r)
{
    const scan_cut *c = r->cut;
    scan_tape *t = &b->tape;
    const size_t numbers = b->numbers > 0, given = scan_parameters(b) - numbers;
    if (!begin_tape(t, b, c->ctx, r->node_count, false)) return false;
    uint32_t *made = memory_new(&c->ctx->memory, given + r->node_count, sizeof *made), *operands = NULL;
    size_t room = 0, numbered = 0, drawing = 0;
    bool fine = made != NULL;
    if (fine) memcpy(made, t->parameters, given * sizeof *made);
    for (size_t k = 0; fine && k < r->node_count; k++) {
        size_t count;
        const uint32_t *inputs = graph_inputs(c->ctx, graph_node(c->ctx, r->nodes[k]), &count);
        fine = memory_grow(&c->ctx->memory, (void **)&operands, &room, count + 1, sizeof *operands);
        for (size_t i = 0; fine && i < count; i++) operands[i] = inputs[i] ? made[scan_number_of(r, inputs[i])] : 0;
        uint32_t copy = fine ? copy_node(t->context, c->ctx, r->nodes[k], operands, false) : 0;
        fine = copy != 0;
        if (!fine) break;
        made[given + k] = copy;
        note_late(t, &numbered, &drawing, copy);
        if (drawing && t->drawing[drawing - 1] == copy)
            b->draw[drawing - 1] =
                (uint64_t)graph_attributes(c->ctx, graph_node(c->ctx, r->nodes[k]))->real[0] - c->draw;
    }
    for (size_t i = 0; fine && i < c->carries + c->outputs; i++) t->roots[i] = made[scan_number_of(r, c->roots[i])];
    b->numbered = numbered;
    b->drawing = drawing;
    memory_release(&c->ctx->memory, made);
    memory_release(&c->ctx->memory, operands);
    return fine;
}

/* The same with f64 in the place of f32. */
static bool widen_tape(scan_body *b, wg_context *like)
{
    const scan_tape *from = &b->tape;
    scan_tape *t = &b->wide;
    const uint32_t end = from->context->node_count, first = (uint32_t)scan_parameters(b) + 1;
    if (!begin_tape(t, b, like, end, true)) return false;
    uint32_t *made = memory_new(&like->memory, end, sizeof *made), *operands = NULL;
    size_t room = 0, numbered = 0, drawing = 0;
    bool fine = made != NULL;
    for (size_t i = 0; fine && i < scan_parameters(b); i++) made[from->parameters[i]] = t->parameters[i];
    for (uint32_t id = first; fine && id < end; id++) {
        size_t count;
        const uint32_t *inputs = graph_inputs(from->context, graph_node(from->context, id), &count);
        fine = memory_grow(&like->memory, (void **)&operands, &room, count + 1, sizeof *operands);
        for (size_t i = 0; fine && i < count; i++) operands[i] = inputs[i] ? made[inputs[i]] : 0;
        uint32_t copy = fine ? copy_node(t->context, from->context, id, operands, true) : 0;
        fine = copy != 0;
        if (!fine) break;
        note_late(t, &numbered, &drawing, copy);
        made[id] =
            wg_cast(graph_tensor(t->context, copy), type_in((wg_type)graph_node(from->context, id)->type, true)).id;
    }
    for (size_t i = 0; fine && i < b->carries + b->outputs; i++) t->roots[i] = made[from->roots[i]];
    memory_release(&like->memory, made);
    memory_release(&like->memory, operands);
    return fine && graph_ok(t->context);
}

scan_tape *scan_tape_of(scan_body *b, bool wide)
{
    if (!wide || b->wide.context) return wide ? &b->wide : &b->tape;
    if (widen_tape(b, b->owner)) return &b->wide;
    scan_tape_release(&b->owner->memory, &b->wide);
    return NULL;
}

/* ---- recording again ---- */

/* The node's own reals and number, bound anew. */
static const double *bind_numbers(const node *n, wg_attributes *attributes, double *scalar, const double *numbers)
{
    if (n->attributes & ATTRIBUTES_REAL) {
        memcpy(attributes->real, numbers, sizeof attributes->real);
        numbers += SCAN_REALS;
    }
    if (n->scalar_operand && !(n->flags & NODE_FIXED)) *scalar = *numbers++;
    return numbers;
}

bool scan_replay_body(wg_context *ctx, const scan_body *b, const wg_tensor *parameters, const double *numbers,
                      uint64_t draw, wg_tensor *roots)
{
    const scan_tape *t = &b->tape;
    const uint32_t end = t->context->node_count, first = (uint32_t)scan_parameters(b) + 1;
    uint32_t *made = memory_new(&ctx->memory, end, sizeof *made), *operands = NULL;
    size_t room = 0, drawing = 0;
    bool fine = made != NULL;
    for (size_t i = 0; fine && i + (b->numbers > 0) < scan_parameters(b); i++)
        made[t->parameters[i]] = graph_resolve(parameters[i], "scan");
    for (uint32_t id = first; fine && id < end; id++) {
        const node *n = graph_node(t->context, id);
        size_t count;
        const uint32_t *inputs = graph_inputs(t->context, n, &count);
        wg_attributes attributes = *graph_attributes(t->context, n);
        wg_shape shape = graph_shape(t->context, n);
        double scalar = n->scalar;
        if (!scan_draws(t->context, n)) {
            numbers = bind_numbers(n, &attributes, &scalar, numbers);
        } else {
            attributes.real[0] = (double)(draw + b->draw[drawing++]);
            attributes.real[1] = (double)(uint32_t)ctx->options.seed;
            attributes.real[2] = (double)(ctx->options.seed >> 32);
        }
        fine = memory_grow(&ctx->memory, (void **)&operands, &room, count + 1, sizeof *operands);
        for (size_t i = 0; fine && i < count; i++) operands[i] = inputs[i] ? made[inputs[i]] : 0;
        if (!fine) break;
        made[id] = graph_append(ctx, &(graph_record){.op = n->op,
                                                     .count = count,
                                                     .inputs = operands,
                                                     .scalar = scalar,
                                                     .scalar_operand = n->scalar_operand,
                                                     .type = (wg_type)n->type,
                                                     .shape = &shape,
                                                     .attributes = &attributes})
                       .id;
        fine = made[id] != 0;
        if (fine && n->flags & NODE_FIXED) graph_node(ctx, made[id])->flags |= NODE_FIXED;
    }
    for (size_t i = 0; fine && i < b->carries + b->outputs; i++) roots[i] = graph_tensor(ctx, made[t->roots[i]]);
    if (!fine && graph_ok(ctx)) graph_fail_memory(ctx, end * sizeof *made);
    memory_release(&ctx->memory, made);
    memory_release(&ctx->memory, operands);
    return fine;
}
