/* Cutting bodies out of the tape: captures, late-bound numbers, and structure. */
#include "autograd/scan_cut.h"

#include <string.h>

/* ---- looking at what was recorded ---- */

static bool is_inside(const scan_cut *c, uint32_t id)
{
    return id >= c->first && !graph_is_leaf(graph_node(c->ctx, id));
}

static size_t capture_number(const scan_cut *c, uint32_t id)
{
    size_t i = 0;
    while (i < c->capture_count && c->captures[i] != id) i++;
    return i;
}

static bool add_capture(scan_reading *r, uint32_t id)
{
    scan_cut *c = r->cut;
    if (capture_number(c, id) < c->capture_count) return true;
    if (!memory_grow(&c->ctx->memory, (void **)&c->captures, &r->capture_capacity, c->capture_count + 1,
                     sizeof *c->captures))
        return graph_fail_memory(c->ctx, sizeof *c->captures).id;
    c->captures[c->capture_count++] = id;
    return true;
}

/* Marks what the roots need, from the youngest on, and lists it. */
static bool find_needed(scan_reading *r)
{
    scan_cut *c = r->cut;
    wg_context *ctx = c->ctx;
    const uint32_t count = ctx->node_count - c->first, given = (uint32_t)scan_given(c);
    r->place = memory_new(&ctx->memory, count, sizeof *r->place);
    r->nodes = memory_new(&ctx->memory, count, sizeof *r->nodes);
    if (!r->place || !r->nodes) return graph_fail_memory(ctx, count * sizeof *r->place).id;
    bool fine = true;
    for (size_t i = 0; fine && i < c->carries + c->outputs; i++)
        if (is_inside(c, c->roots[i]))
            r->place[c->roots[i] - c->first] = 1;
        else
            fine = add_capture(r, c->roots[i]);
    for (uint32_t k = count; fine && k-- > given;) {
        size_t inputs;
        if (!r->place[k]) continue;
        const uint32_t *input = graph_inputs(ctx, graph_node(ctx, c->first + k), &inputs);
        for (size_t i = 0; fine && i < inputs; i++)
            if (input[i] && is_inside(c, input[i]))
                r->place[input[i] - c->first] = 1;
            else if (input[i])
                fine = add_capture(r, input[i]);
    }
    for (uint32_t k = 0; k < count; k++) {
        if (k >= given && !r->place[k]) continue;
        if (k >= given) r->nodes[r->node_count++] = c->first + k;
        r->place[k] = 1 + (k < given ? k : given + (uint32_t)(c->capture_count + r->node_count) - 1);
    }
    return fine;
}

uint32_t scan_number_of(const scan_reading *r, uint32_t id)
{
    const scan_cut *c = r->cut;
    if (is_inside(c, id)) return r->place[id - c->first] - 1;
    return (uint32_t)(scan_given(c) + capture_number(c, id));
}

/* ---- structure ---- */

static bool add_word(scan_reading *r, uint64_t word)
{
    wg_context *ctx = r->cut->ctx;
    if (!memory_grow(&ctx->memory, (void **)&r->words, &r->word_capacity, r->word_count + 1, sizeof *r->words))
        return graph_fail_memory(ctx, sizeof *r->words).id;
    r->words[r->word_count++] = word;
    return true;
}

static bool add_number(scan_reading *r, double number)
{
    scan_cut *c = r->cut;
    if (!memory_grow(&c->ctx->memory, (void **)&c->numbers, &r->number_capacity, c->number_count + 1,
                     sizeof *c->numbers))
        return graph_fail_memory(c->ctx, sizeof *c->numbers).id;
    c->numbers[c->number_count++] = number;
    return true;
}

static bool describe_value(scan_reading *r, const node *n)
{
    wg_shape shape = graph_shape(r->cut->ctx, n);
    bool fine = add_word(r, (uint64_t)n->type << 8 | (uint64_t)shape.rank);
    for (int i = 0; fine && i < shape.rank; i++) fine = add_word(r, (uint64_t)shape.dim[i]);
    return fine;
}

/* Attributes: integers are structure, and so is which of the step's draws is meant; other reals are numbers. */
static bool describe_attributes(scan_reading *r, const node *n)
{
    const wg_attributes *a = graph_attributes(r->cut->ctx, n);
    bool drawn = scan_draws(r->cut->ctx, n), real = !drawn && n->attributes & ATTRIBUTES_REAL;
    bool fine = add_word(r, real) && add_word(r, drawn ? (uint64_t)a->real[0] - r->cut->draw : 0);
    for (int i = 0; fine && i < ATTRIBUTE_INTEGERS; i++) fine = add_word(r, (uint64_t)a->integer[i]);
    for (int i = 0; fine && real && i < SCAN_REALS; i++) fine = add_number(r, a->real[i]);
    return fine;
}

static bool describe_node(scan_reading *r, const node *n)
{
    size_t count;
    const uint32_t *inputs = graph_inputs(r->cut->ctx, n, &count);
    bool fixed = n->flags & NODE_FIXED;
    uint64_t scalar = 0;
    if (fixed) memcpy(&scalar, &n->scalar, sizeof scalar);
    bool fine = add_word(r, (uint64_t)(uintptr_t)n->op) && describe_value(r, n) && describe_attributes(r, n) &&
                add_word(r, (uint64_t)count << 16 | (uint64_t)n->scalar_operand << 8 | fixed) && add_word(r, scalar);
    for (size_t i = 0; fine && i < count; i++)
        fine = add_word(r, inputs[i] ? scan_number_of(r, inputs[i]) : UINT64_MAX);
    if (fine && n->scalar_operand && !fixed) fine = add_number(r, n->scalar);
    return fine;
}

static bool describe(scan_reading *r)
{
    const scan_cut *c = r->cut;
    bool fine = add_word(r, (uint64_t)c->carries << 40 | (uint64_t)c->sequences << 20 | (uint64_t)c->outputs) &&
                add_word(r, (uint64_t)c->capture_count << 8 | (uint64_t)c->type);
    for (size_t i = 0; fine && i < scan_given(c); i++)
        fine = describe_value(r, graph_node(c->ctx, c->first + (uint32_t)i));
    for (size_t i = 0; fine && i < c->capture_count; i++) fine = describe_value(r, graph_node(c->ctx, c->captures[i]));
    for (size_t i = 0; fine && i < r->node_count; i++) fine = describe_node(r, graph_node(c->ctx, r->nodes[i]));
    for (size_t i = 0; fine && i < c->carries + c->outputs; i++) fine = add_word(r, scan_number_of(r, c->roots[i]));
    return fine;
}

bool scan_read_cut(scan_reading *r)
{
    return find_needed(r) && describe(r);
}

void scan_release_reading(scan_reading *r)
{
    memory *m = &r->cut->ctx->memory;
    memory_release(m, r->place);
    memory_release(m, r->nodes);
    memory_release(m, r->words);
}

void scan_release_cut(scan_cut *cut)
{
    memory_release(&cut->ctx->memory, cut->captures);
    memory_release(&cut->ctx->memory, cut->numbers);
}
