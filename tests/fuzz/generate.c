/* Appending instructions to a recipe, and choosing operands for them. */
#include "tests/fuzz/generate.h"

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
    case CONV:
    case LINEAR:
    case FACTOR:
    case SYSTEM:
    case TRIANGULAR:
    case LOSS:
    case GRADIENTS:
    case SCAN: /* and so are all later steps' carries */
        return true;
    case SCATTER:
    case ALONG:
    case FOLD:
        return !whole;
    case POOL:
        return strcmp(i->name, "average_pool") == 0;
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
    return kind != GRADIENTS && kind != ASSIGN && kind != READ && kind != EVAL && kind != MARK && kind != REWIND &&
           !begins_region(kind) && kind != SCAN_END;
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
    if (i->kind == SCAN_END) /* its steps are gone */
        for (int k = i->operand[0]; k < number; k++) g->slot[k].tensor = false;
    g->regions += begins_region(i->kind) - ends_region(i->kind);
    g->scans += (i->kind == SCAN) - (i->kind == SCAN_END);
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
    machine_perform(&g->dry, 0, g->part->count);
}

/* Values are there when a scan has been recorded; what a function drops it cannot return. */
static bool is_possible(const generator *g, instruction_kind kind)
{
    if (g->scans && (kind == READ || kind == EVAL || kind == ASSIGN)) return false;
    return !g->regions || (kind != MARK && kind != REWIND);
}

void drop_from(generator *g, int number)
{
    for (int k = number; k < g->part->count; k++) {
        instruction_kind kind = g->part->item[k].kind;
        g->regions -= begins_region(kind) - ends_region(kind);
        g->scans -= (kind == SCAN) - (kind == SCAN_END);
        g->slot[k] = (slot_state){0};
    }
    g->part->count = number;
    record_again(g);
}

/* Whether a tensor may have that shape; the product of its lengths may be beyond whole numbers. */
static bool is_small(const generator *g, wg_shape shape)
{
    double size = 1;
    for (int k = 0; k < shape.rank; k++) size *= (double)shape.dim[k];
    return size <= (double)g->limit;
}

int emit(generator *g, instruction i)
{
    int number = g->part->count;
    for (int k = 0; k < i.count; k++)
        if (i.operand[k] < 0) return -1;
    if (number == INSTRUCTIONS || g->wanted + i.count > 100 || !is_small(g, i.shape) || !is_possible(g, i.kind))
        return -1;
    g->part->item[g->part->count++] = i;
    if (ends_region(i.kind)) record_again(g); /* up to here its instructions were recorded as they came */
    bool fine = ends_region(i.kind) ? !wg_failed(g->dry.ctx) : machine_do(&g->dry, number);
    if (!fine && g->fault == FAULT_RECORDING && !g->regions)
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
    bool two = kind == PAIR || kind == SYSTEM || kind == LOSS || (kind == ELEMENT && row_named(name)->arity == 2);
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
    while (!is_small(g, shape)) shape.dim[chance_below(&g->chance, shape.rank)] = 1;
    return shape;
}

wg_type random_type(generator *g, unsigned types)
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
