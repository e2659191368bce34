/* From a seed to a recipe. */
#include "tests/fuzz/generate.h"

#include <stdlib.h>
#include <string.h>

/* ---- appending ---- */

/* Functions whose result depends on the order of additions or multiplications. */
static bool is_inexact(const generator *g, const instruction *i)
{
    static const char *const exact[] = {"any", "all", "permute", "argmax", "argmin", "flip", "unsqueeze", "max", "min"};
    bool whole = i->count && !(1u << g->slot[i->operand[0]].type & ANY_FLOAT);
    switch (i->kind) {
    case HANDLE:
    case PRODUCT:
    case LINEAR:
    case LOSS:
    case GRADIENTS:
        return true;
    case SCATTER:
        return !whole;
    case PAIR:
        return strcmp(i->name, "matmul") == 0 || strcmp(i->name, "accuracy") == 0;
    case AXES:
    case AXIS:
        for (size_t k = 0; k < sizeof exact / sizeof *exact; k++)
            if (strcmp(i->name, exact[k]) == 0) return false;
        return !whole;
    default:
        return false;
    }
}

static bool makes_tensor(instruction_kind kind)
{
    return kind != GRADIENTS && kind != ASSIGN && kind != READ && kind != EVAL && kind != MARK && kind != REWIND;
}

/* After an evaluation that performed assigns. */
static void forget_behind(generator *g, const instruction *i)
{
    bool pending = false;
    for (int k = 0; k < g->part->count; k++) pending |= g->slot[k].behind;
    for (int k = 0; pending && k < g->part->count; k++) {
        bool looked_at = false;
        for (int a = 0; a < i->count; a++) looked_at |= i->operand[a] == k;
        g->slot[k].lost |= g->slot[k].behind && !looked_at;
        g->slot[k].behind = false;
    }
}

static void note_effect(generator *g, const instruction *i, int number)
{
    if (i->kind == ASSIGN)
        for (int k = 0; k < number; k++)
            g->slot[k].behind |= g->part->item[k].kind != HANDLE && g->slot[k].reads >> i->integer[0] & 1;
    if (i->kind == READ || i->kind == EVAL || i->kind == REWIND) forget_behind(g, i);
    if (i->kind == READ || i->kind == EVAL) g->wanted += i->count;
    if (i->kind == REWIND)
        for (int k = i->operand[0]; k < number; k++) g->slot[k].tensor = false;
}

static void note_slot(generator *g, int number)
{
    const instruction *i = &g->part->item[number];
    wg_tensor x = g->dry.slot[number][0];
    slot_state s = {.tensor = makes_tensor(i->kind), .exact = !is_inexact(g, i)};
    for (int k = 0; k < i->count && i->kind != REWIND; k++) {
        const slot_state *from = &g->slot[i->operand[k]];
        s.exact &= from->exact;
        s.behind |= from->behind;
        s.lost |= from->lost;
        s.reads |= from->reads;
    }
    if (i->kind == HANDLE) s.reads = 1u << i->integer[0];
    if (s.tensor) {
        s.type = wg_type_of(x);
        s.shape = wg_shape_of(x);
    }
    g->slot[number] = s;
    note_effect(g, i, number);
}

static void record_again(generator *g)
{
    machine_end(&g->dry);
    machine_begin(&g->dry, g->dry.segment, 0);
    for (int k = 0; k < g->part->count; k++) machine_do(&g->dry, k);
}

int emit(generator *g, instruction i)
{
    int number = g->part->count;
    for (int k = 0; k < i.count; k++)
        if (i.operand[k] < 0) return -1;
    if (number == INSTRUCTIONS || g->wanted + i.count > 100) return -1;
    g->part->item[g->part->count++] = i;
    bool fine = machine_do(&g->dry, number);
    if (!fine && g->fault == FAULT_RECORDING)
        g->fault = FAULT_NONE; /* this is it: what follows is never reached */
    else if (!fine || (makes_tensor(i.kind) && wg_size(g->dry.slot[number][0]) > g->limit) ||
             wg_context_stats(g->dry.ctx).nodes > g->nodes) {
        g->part->count--;
        record_again(g);
        return -1;
    }
    note_slot(g, number);
    return number;
}

int emit_call(generator *g, instruction_kind kind, const char *name, int a, int b)
{
    bool two = kind == PAIR || kind == LOSS || (kind == ELEMENT && row_named(name)->arity == 2);
    return emit(g, (instruction){.kind = kind, .name = name, .count = 1 + two, .operand = {a, b}});
}

int emit_scalar(generator *g, const char *name, int x, double scalar)
{
    bool varies = chance_of(&g->chance, 0.4);
    return emit(
        g, (instruction){.kind = SCALAR, .name = name, .count = 1, .operand = {x}, .scalar = scalar, .varies = varies});
}

int emit_axes(generator *g, const char *name, int x, wg_axes axes)
{
    return emit(g, (instruction){.kind = AXES, .name = name, .count = 1, .operand = {x}, .axes = axes});
}

/* ---- leaves ---- */

int emit_whole(generator *g, wg_type type, wg_shape shape, int64_t low, int64_t high)
{
    instruction i = {.kind = LEAF, .type = type, .shape = shape, .integer = {low, high}};
    if (type != WG_BOOL && chance_of(&g->chance, 0.3)) i.kind = BORROW;
    i.values = chance_bits(&g->chance);
    i.varies = chance_of(&g->chance, 0.7);
    return emit(g, i);
}

static int emit_creation(generator *g, wg_type type, wg_shape shape)
{
    bool number = 1u << type & ANY_NUMBER;
    int rank = shape.rank;
    instruction i = {.kind = FULL, .type = type, .shape = shape, .scalar = chance_below(&g->chance, 2)};
    if (1u << type & ANY_FLOAT) {
        i.varies = chance_of(&g->chance, 0.5);
        i.scalar += 0.25;
        if (chance_of(&g->chance, 0.5)) i.kind = RANDOM;
    } else if (number && rank && chance_of(&g->chance, 0.7)) {
        i.kind = IOTA;
        i.integer[0] = chance_below(&g->chance, 2 * rank) - rank;
    }
    return emit(g, i);
}

int emit_leaf(generator *g, wg_type type, wg_shape shape)
{
    if (chance_of(&g->chance, 0.15)) return emit_creation(g, type, shape);
    if (!(1u << type & ANY_FLOAT)) return emit_whole(g, type, shape, type == WG_BOOL ? 0 : -4, type == WG_U8 ? 250 : 4);
    instruction i = {.kind = LEAF, .type = type, .shape = shape};
    if (type != g->made->type || chance_of(&g->chance, 0.3)) i.kind = BORROW; /* copies take the default type */
    double u = chance_uniform(&g->chance);
    i.style = u < 0.6 ? CALM : u < 0.75 ? POSITIVE : u < 0.93 ? TIES : WILD;
    i.values = chance_bits(&g->chance);
    i.varies = chance_of(&g->chance, 0.7);
    return emit(g, i);
}

/* ---- choosing ---- */

int64_t random_length(generator *g)
{
    return g->length[chance_below(&g->chance, 4)];
}

wg_shape random_shape(generator *g, int least_rank)
{
    static const int ranks[] = {0, 1, 1, 1, 2, 2, 2, 2, 3, 3, 4, 5};
    wg_shape shape = {.rank = ranks[chance_below(&g->chance, sizeof ranks / sizeof *ranks)]};
    if (shape.rank < least_rank) shape.rank = least_rank;
    for (int k = 0; k < shape.rank; k++) shape.dim[k] = random_length(g);
    while (wg_shape_size(shape) > g->limit) shape.dim[chance_below(&g->chance, shape.rank)] = 1;
    return shape;
}

static wg_type random_type(generator *g, unsigned types)
{
    if (types >> g->made->type & 1 && chance_of(&g->chance, 0.75)) return g->made->type;
    for (;;) {
        wg_type type = (wg_type)(WG_F32 + chance_below(&g->chance, WG_TYPES - WG_F32));
        if (types >> type & 1) return type;
    }
}

static bool is_usable(const generator *g, int k)
{
    return g->slot[k].tensor && (!g->slot[k].lost || g->fault == FAULT_LOST);
}

int pick(generator *g, unsigned types, int rank)
{
    int count = g->part->count;
    for (int tries = 0; count && tries < 16; tries++) {
        int recent = 1 + chance_below(&g->chance, count), k = count - 1 - chance_below(&g->chance, recent);
        const slot_state *s = &g->slot[k];
        if (is_usable(g, k) && types >> s->type & 1 && s->shape.rank >= rank) return k;
    }
    return -1;
}

int pick_operand(generator *g, unsigned types, int rank)
{
    int found = chance_of(&g->chance, 0.1) ? -1 : pick(g, types, rank);
    return found >= 0 ? found : emit_leaf(g, random_type(g, types), random_shape(g, rank));
}

int pick_like(generator *g, wg_type type, wg_shape shape)
{
    int count = g->part->count, start = count ? chance_below(&g->chance, count) : 0;
    for (int k = 0; k < count && chance_of(&g->chance, 0.97); k++) {
        int at = (start + k) % count;
        if (is_usable(g, at) && g->slot[at].type == type && wg_shape_equal(g->slot[at].shape, shape)) return at;
    }
    return emit_leaf(g, type, shape);
}

/* ---- recipes ---- */

typedef struct {
    int weight;
    void (*propose)(generator *g);
} proposal;

static const proposal proposals[] = {
    {16, propose_unary_row}, {16, propose_binary_row}, {8, propose_scalar_form}, {5, propose_function},
    {4, propose_cast},       {4, propose_where},       {9, propose_over_axes},   {5, propose_along_axis},
    {4, propose_product},    {2, propose_linear},      {2, propose_loss},        {4, propose_reshape},
    {4, propose_expand},     {4, propose_slice},       {3, propose_pad},         {4, propose_concat},
    {3, propose_gather},     {3, propose_scatter},     {1, propose_layer_norm},  {1, propose_cell},
    {6, propose_gradients},  {5, propose_assign},      {1, propose_swap},        {1, propose_adam},
    {4, propose_look},       {2, propose_mark},        {4, propose_twin},        {3, propose_difference},
    {5, propose_edge_axes},  {2, propose_product_sum},
};

static void propose(generator *g)
{
    int total = 0, k = 0;
    for (size_t i = 0; i < sizeof proposals / sizeof *proposals; i++) total += proposals[i].weight;
    for (int at = chance_below(&g->chance, total); at >= proposals[k].weight; k++) at -= proposals[k].weight;
    proposals[k].propose(g);
}

static void generate_segment(generator *g, int number, int size)
{
    g->part = &g->made->part[number];
    g->part->count = 0;
    g->wanted = 0;
    g->mark = -1;
    memset(g->slot, 0, sizeof g->slot);
    machine_begin(&g->dry, number, 0);
    for (int k = 0; k < g->made->lasting_count; k++)
        if (chance_of(&g->chance, 0.8)) emit(g, (instruction){.kind = HANDLE, .integer = {k}});
    for (int tries = 0; g->part->count < size && tries < 3 * size; tries++)
        if (g->mark >= 0 && chance_of(&g->chance, 0.1))
            propose_mark(g); /* back to it */
        else
            propose(g);
    finish_segment(g);
    machine_end(&g->dry);
}

/* Small ones mostly; some around the lengths at which an engine changes its ways, few of them large. */
static int choose_sizes(generator *g)
{
    static const int64_t edges[] = {511, 512, 513, 514, 515, 1023, 1024, 1025, 31, 32, 33, 63, 64, 65, 40};
    static const int64_t long_edges[] = {4095, 4096, 4097, 4100};
    static const int64_t very_long[] = {16384, 16385, 16386, 32768, 40000};
    double u = chance_uniform(&g->chance);
    bool large = u < 0.025, medium = !large && u < 0.15;
    for (int k = 0; k < 4; k++) g->length[k] = 1 + chance_below(&g->chance, k < 2 ? 9 : 4);
    if (chance_of(&g->chance, 0.3)) g->length[2] = 1;
    if (chance_of(&g->chance, 0.2)) g->length[1] = 10 + chance_below(&g->chance, 31);
    if (medium) g->length[0] = edges[chance_below(&g->chance, sizeof edges / sizeof *edges)];
    if (large) g->length[0] = long_edges[chance_below(&g->chance, sizeof long_edges / sizeof *long_edges)];
    if (large) g->length[1] = 1 + chance_below(&g->chance, 48);
    if (large && chance_of(&g->chance, 0.4)) { /* rows that are reduced in parts */
        g->length[0] = very_long[chance_below(&g->chance, sizeof very_long / sizeof *very_long)];
        g->length[1] = 2 + chance_below(&g->chance, 4);
        g->length[2] = 1;
    }
    if (chance_of(&g->chance, 0.05)) g->length[3] = 0;
    g->limit = large ? 200000 : medium ? 12000 : 1500;
    g->nodes = large ? 80 : medium ? 300 : 700;
    return large ? 10 : 4 + chance_below(&g->chance, chance_of(&g->chance, 0.3) ? 50 : 20);
}

static void choose_lasting(generator *g)
{
    recipe *r = g->made;
    bool alike = chance_of(&g->chance, 0.5); /* they can swap values, or be an optimiser's state */
    r->lasting_count = chance_below(&g->chance, LASTING + 1);
    for (int k = 0; k < r->lasting_count; k++) {
        lasting *p = &r->item[k];
        *p = (lasting){.type = r->type, .shape = random_shape(g, 0), .values = chance_bits(&g->chance)};
        p->trainable = chance_of(&g->chance, 0.5);
        if (!p->trainable && chance_of(&g->chance, 0.3)) p->type = random_type(g, ANY_TYPE);
        if (!alike || k == 0) continue;
        p->shape = r->item[0].shape;
        if (p->type != r->item[0].type) p->trainable = false;
        p->type = r->item[0].type;
    }
}

void generate_recipe(uint64_t seed, recipe *made)
{
    generator g = {.chance = seed, .made = made};
    *made = (recipe){.seed = seed, .type = chance_of(&g.chance, 0.7) ? WG_F32 : WG_F64};
    int size = choose_sizes(&g);
    if (chance_of(&g.chance, 0.06)) g.fault = (fault_kind)(1 + chance_below(&g.chance, FAULT_RECORDING));
    choose_lasting(&g);
    made->segment_count = 1 + chance_of(&g.chance, 0.3);
    made->step_count = 1 + chance_below(&g.chance, STEPS);
    for (int k = 0; k < made->step_count; k++)
        made->turn[k] = k < made->segment_count ? k : chance_below(&g.chance, made->segment_count);
    g.dry = (machine){.out = &g.nothing, .timeless = true};
    if (!machine_open(&g.dry, made, &(wg_context_options){.plain = true, .threads = 1})) abort();
    for (int k = 0; k < made->segment_count; k++) generate_segment(&g, k, size);
    machine_close(&g.dry);
    trace_free(&g.nothing);
}
