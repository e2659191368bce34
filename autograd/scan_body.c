/* Cutting bodies out of the tape, comparing them, giving each a tape of its own, and recording them again. */
#include "autograd/scan_body.h"

#include <wengert/ops.h>

#include <string.h>

enum { MOST_BODIES = 64 };

/* All bodies of a context. */
typedef struct scan_bodies {
    wg_context *ctx;
    scan_body **items;
    size_t count, capacity;
    uint64_t last_id, clock;
} bodies;

/* ---- life ---- */

static void release_tape(memory *m, scan_tape *t)
{
    wg_context_free(t->context);
    memory_release(m, t->parameters);
    memory_release(m, t->roots);
    memory_release(m, t->numbered);
    memory_release(m, t->drawing);
    *t = (scan_tape){NULL};
}

static void release_body(memory *m, scan_body *b)
{
    if (!b) return;
    release_tape(m, &b->tape);
    release_tape(m, &b->wide);
    memory_release(m, b->words);
    memory_release(m, b->draw);
    memory_release(m, b->parameter);
    memory_release(m, b->root);
    memory_release(m, b);
}

static void release_bodies(void *object)
{
    bodies *all = object;
    memory *m = &all->ctx->memory;
    for (size_t i = 0; i < all->count; i++) release_body(m, all->items[i]);
    memory_release(m, all->items);
    memory_release(m, all);
}

static bodies *bodies_of(wg_context *ctx)
{
    if (ctx->scan_bodies) return ctx->scan_bodies;
    bodies *all = memory_new(&ctx->memory, 1, sizeof *all);
    if (!all) {
        graph_fail_memory(ctx, sizeof *all);
        return NULL;
    }
    all->ctx = ctx;
    if (!graph_at_exit(ctx, release_bodies, all)) {
        memory_release(&ctx->memory, all);
        return NULL;
    }
    return ctx->scan_bodies = all;
}

void scan_release_cut(scan_cut *cut)
{
    memory_release(&cut->ctx->memory, cut->captures);
    memory_release(&cut->ctx->memory, cut->numbers);
}

/* ---- looking at what was recorded ---- */

/* A cut being read: `place` of each node from `first` on is 1 + its number, parameters counting first; 0: not needed.
 */
typedef struct reading {
    scan_cut *cut;
    uint32_t *place;
    uint32_t *nodes; /* that are needed, rising */
    size_t node_count, capture_capacity, number_capacity, word_capacity;
    uint64_t *words;
    size_t word_count;
} reading;

static size_t given_count(const scan_cut *c)
{
    return 1 + c->carries + c->sequences;
}

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

static bool add_capture(reading *r, uint32_t id)
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
static bool find_needed(reading *r)
{
    scan_cut *c = r->cut;
    wg_context *ctx = c->ctx;
    const uint32_t count = ctx->node_count - c->first, given = (uint32_t)given_count(c);
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

/* The number that stands for a node in the body. */
static uint32_t number_of(const reading *r, uint32_t id)
{
    const scan_cut *c = r->cut;
    if (is_inside(c, id)) return r->place[id - c->first] - 1;
    return (uint32_t)(given_count(c) + capture_number(c, id));
}

/* ---- structure ---- */

static bool add_word(reading *r, uint64_t word)
{
    wg_context *ctx = r->cut->ctx;
    if (!memory_grow(&ctx->memory, (void **)&r->words, &r->word_capacity, r->word_count + 1, sizeof *r->words))
        return graph_fail_memory(ctx, sizeof *r->words).id;
    r->words[r->word_count++] = word;
    return true;
}

static bool add_number(reading *r, double number)
{
    scan_cut *c = r->cut;
    if (!memory_grow(&c->ctx->memory, (void **)&c->numbers, &r->number_capacity, c->number_count + 1,
                     sizeof *c->numbers))
        return graph_fail_memory(c->ctx, sizeof *c->numbers).id;
    c->numbers[c->number_count++] = number;
    return true;
}

static bool describe_value(reading *r, const node *n)
{
    wg_shape shape = graph_shape(r->cut->ctx, n);
    bool fine = add_word(r, (uint64_t)n->type << 8 | (uint64_t)shape.rank);
    for (int i = 0; fine && i < shape.rank; i++) fine = add_word(r, (uint64_t)shape.dim[i]);
    return fine;
}

/* Attributes: integers are structure, and so is which of the step's draws is meant; other reals are numbers. */
static bool describe_attributes(reading *r, const node *n)
{
    const wg_attributes *a = graph_attributes(r->cut->ctx, n);
    bool drawn = scan_draws(r->cut->ctx, n), real = !drawn && n->attributes & ATTRIBUTES_REAL;
    bool fine = add_word(r, real) && add_word(r, drawn ? (uint64_t)a->real[0] - r->cut->draw : 0);
    for (int i = 0; fine && i < ATTRIBUTE_INTEGERS; i++) fine = add_word(r, (uint64_t)a->integer[i]);
    for (int i = 0; fine && real && i < SCAN_REALS; i++) fine = add_number(r, a->real[i]);
    return fine;
}

static bool describe_node(reading *r, const node *n)
{
    size_t count;
    const uint32_t *inputs = graph_inputs(r->cut->ctx, n, &count);
    bool fixed = n->flags & NODE_FIXED;
    uint64_t scalar = 0;
    if (fixed) memcpy(&scalar, &n->scalar, sizeof scalar);
    bool fine = add_word(r, (uint64_t)(uintptr_t)n->op) && describe_value(r, n) && describe_attributes(r, n) &&
                add_word(r, (uint64_t)count << 16 | (uint64_t)n->scalar_operand << 8 | fixed) && add_word(r, scalar);
    for (size_t i = 0; fine && i < count; i++) fine = add_word(r, inputs[i] ? number_of(r, inputs[i]) : UINT64_MAX);
    if (fine && n->scalar_operand && !fixed) fine = add_number(r, n->scalar);
    return fine;
}

static bool describe(reading *r)
{
    const scan_cut *c = r->cut;
    bool fine = add_word(r, (uint64_t)c->carries << 40 | (uint64_t)c->sequences << 20 | (uint64_t)c->outputs) &&
                add_word(r, (uint64_t)c->capture_count << 8 | (uint64_t)c->type);
    for (size_t i = 0; fine && i < given_count(c); i++)
        fine = describe_value(r, graph_node(c->ctx, c->first + (uint32_t)i));
    for (size_t i = 0; fine && i < c->capture_count; i++) fine = describe_value(r, graph_node(c->ctx, c->captures[i]));
    for (size_t i = 0; fine && i < r->node_count; i++) fine = describe_node(r, graph_node(c->ctx, r->nodes[i]));
    for (size_t i = 0; fine && i < c->carries + c->outputs; i++) fine = add_word(r, number_of(r, c->roots[i]));
    return fine;
}

/* ---- a tape of its own ---- */

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

/* The body's own tape, from what was recorded. */
static bool make_tape(scan_body *b, const reading *r)
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
        for (size_t i = 0; fine && i < count; i++) operands[i] = inputs[i] ? made[number_of(r, inputs[i])] : 0;
        uint32_t copy = fine ? copy_node(t->context, c->ctx, r->nodes[k], operands, false) : 0;
        fine = copy != 0;
        if (!fine) break;
        made[given + k] = copy;
        note_late(t, &numbered, &drawing, copy);
        if (drawing && t->drawing[drawing - 1] == copy)
            b->draw[drawing - 1] =
                (uint64_t)graph_attributes(c->ctx, graph_node(c->ctx, r->nodes[k]))->real[0] - c->draw;
    }
    for (size_t i = 0; fine && i < c->carries + c->outputs; i++) t->roots[i] = made[number_of(r, c->roots[i])];
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
    release_tape(&b->owner->memory, &b->wide);
    return NULL;
}

/* ---- bodies that are known ---- */

static bool describe_parameters(scan_body *b, const reading *r)
{
    const scan_cut *c = r->cut;
    const size_t given = given_count(c);
    for (size_t i = 0; i < given + c->capture_count; i++) {
        const node *n = graph_node(c->ctx, i < given ? c->first + (uint32_t)i : c->captures[i - given]);
        b->parameter[i] = (wg_array){(wg_type)n->type, graph_shape(c->ctx, n), NULL};
    }
    if (b->numbers) b->parameter[given + c->capture_count] = (wg_array){WG_F64, {1, {(int64_t)b->numbers}}, NULL};
    for (size_t i = 0; i < c->carries + c->outputs; i++) {
        const node *n = graph_node(c->ctx, c->roots[i]);
        b->root[i] = (wg_array){(wg_type)n->type, graph_shape(c->ctx, n), NULL};
    }
    for (size_t i = 0; i < r->node_count; i++) b->flops += (double)graph_size(c->ctx, graph_node(c->ctx, r->nodes[i]));
    return true;
}

static scan_body *new_body(bodies *all, reading *r, uint64_t hash)
{
    const scan_cut *c = r->cut;
    memory *m = &c->ctx->memory;
    scan_body *b = memory_new(m, 1, sizeof *b);
    if (!b) return NULL;
    *b = (scan_body){.id = ++all->last_id,
                     .hash = hash,
                     .word_count = r->word_count,
                     .words = r->words,
                     .carries = c->carries,
                     .sequences = c->sequences,
                     .captures = c->capture_count,
                     .outputs = c->outputs,
                     .numbers = c->number_count,
                     .type = c->type,
                     .owner = c->ctx};
    r->words = NULL;
    b->draw = memory_new(m, r->node_count + 1, sizeof *b->draw);
    b->parameter = memory_new(m, scan_parameters(b), sizeof *b->parameter);
    b->root = memory_new(m, c->carries + c->outputs + 1, sizeof *b->root);
    if (b->draw && b->parameter && b->root && describe_parameters(b, r) && make_tape(b, r)) return b;
    release_body(m, b);
    return NULL;
}

static uint64_t hash_words(const uint64_t *words, size_t count)
{
    uint64_t hash = count;
    for (size_t i = 0; i < count; i++) {
        hash = (hash ^ words[i]) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 29;
    }
    return hash;
}

/* Bodies that no tape since the last wg_clear has used make room, the oldest first. */
static void forget_oldest(bodies *all)
{
    size_t oldest = 0;
    for (size_t i = 1; i < all->count; i++)
        if (all->items[i]->used < all->items[oldest]->used) oldest = i;
    if (all->items[oldest]->used >= all->ctx->clears) return;
    release_body(&all->ctx->memory, all->items[oldest]);
    all->items[oldest] = all->items[--all->count];
}

static scan_body *find_or_make(bodies *all, reading *r)
{
    uint64_t hash = hash_words(r->words, r->word_count);
    for (size_t i = 0; i < all->count; i++) {
        scan_body *b = all->items[i];
        if (b->hash == hash && b->word_count == r->word_count && graph_ok(b->tape.context) &&
            memcmp(b->words, r->words, r->word_count * sizeof *r->words) == 0)
            return b;
    }
    if (all->count >= MOST_BODIES) forget_oldest(all);
    memory *m = &all->ctx->memory;
    scan_body *made = NULL;
    if (memory_grow(m, (void **)&all->items, &all->capacity, all->count + 1, sizeof *all->items))
        made = new_body(all, r, hash);
    if (!made) {
        graph_fail_memory(all->ctx, r->word_count * sizeof *r->words);
        return NULL;
    }
    return all->items[all->count++] = made;
}

scan_body *scan_find_body(scan_cut *cut)
{
    reading r = {.cut = cut};
    bodies *all = bodies_of(cut->ctx);
    scan_body *found = all && find_needed(&r) && describe(&r) ? find_or_make(all, &r) : NULL;
    if (found) found->used = cut->ctx->clears;
    memory_release(&cut->ctx->memory, r.place);
    memory_release(&cut->ctx->memory, r.nodes);
    memory_release(&cut->ctx->memory, r.words);
    return found;
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
