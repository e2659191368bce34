/* Checkpoints and scans: instructions of all kinds between a beginning and an end. */
#include "tests/fuzz/generate.h"

enum { DEEPEST = 2, MOST_STEPS = 9, MOST_CARRIES = 2, MOST_SEQUENCES = 3, MOST_OUTPUTS = 2 };

/* Whatever comes; in a scan, looking and assigning is refused. */
static void fill_region(generator *g, int least, int most)
{
    int count = g->part->count + least + chance_below(&g->chance, most - least + 1);
    if (g->regions < DEEPEST && chance_of(&g->chance, 0.25))
        (chance_of(&g->chance, 0.5) ? propose_scan : propose_checkpoint)(g);
    for (int tries = 0; g->part->count < count && tries < 2 * most; tries++) propose(g);
}

/* A tensor that was made from an instruction on, the newest mostly; -1: none. */
static int made_since(generator *g, int begin, unsigned types)
{
    for (int tries = 0; tries < 12 && g->part->count > begin + 1; tries++) {
        int among = g->part->count - begin - 1, k = g->part->count - 1 - chance_below(&g->chance, 1 + among / 2);
        if (g->slot[k].tensor && !g->slot[k].lost && types >> g->slot[k].type & 1) return k;
    }
    return -1;
}

static int part_of(generator *g, int from, int k)
{
    return emit(g, (instruction){.kind = PART, .count = 1, .operand = {from}, .integer = {k}});
}

/* Up to three tensors of floats from before an instruction, x first. */
static int leading_to(generator *g, int x, int before, int *list)
{
    int count = 0;
    if (x >= 0 && 1u << g->slot[x].type & ANY_FLOAT) list[count++] = x;
    for (int tries = 0; tries < 6 && count < 3 && before > 0; tries++) {
        int k = chance_below(&g->chance, before);
        bool fits = g->slot[k].tensor && !g->slot[k].lost && 1u << g->slot[k].type & ANY_FLOAT;
        for (int n = 0; n < count; n++) fits &= list[n] != k;
        if (fits) list[count++] = k;
    }
    return count;
}

/* Gradients of y, and perhaps of one of them. */
static void differentiate(generator *g, int y, const int *list, int count)
{
    int slope = y >= 0 && count && chance_of(&g->chance, 0.8) ? emit_gradients(g, y, list, count) : -1;
    if (slope >= 0 && chance_of(&g->chance, 0.25)) emit_gradients(g, slope, list, count);
}

/* ---- checkpoints ---- */

void propose_checkpoint(generator *g)
{
    if (g->regions >= DEEPEST) return;
    int x = pick_operand(g, ANY_FLOAT, 0), y = -1;
    int begin = emit(g, (instruction){.kind = CHECKPOINT, .count = 1, .operand = {x}}), list[3];
    if (begin < 0) return;
    if (chance_of(&g->chance, 0.7)) emit_call(g, ELEMENT, chance_of(&g->chance, 0.5) ? "tanh" : "sigmoid", x, -1);
    fill_region(g, 1, 7);
    int result = made_since(g, begin, ANY_FLOAT);
    if (result >= 0) y = emit(g, (instruction){.kind = CHECKPOINT_END, .count = 2, .operand = {begin, result}});
    if (y < 0) {
        drop_from(g, begin);
        return;
    }
    if (chance_of(&g->chance, 0.8)) differentiate(g, y, list, leading_to(g, x, begin, list));
    if (chance_of(&g->chance, 0.5)) emit_look(g, &y, 1);
}

/* ---- scans ---- */

/* What one is made of. */
typedef struct {
    generator *g;
    instruction i; /* its beginning */
    wg_type type;
    int64_t steps, lines; /* lines: of a mask; 0: a mask of steps, or none */
    int begin, end;
} scanning;

static bool choose_carries(scanning *s)
{
    generator *g = s->g;
    int count = chance_of(&g->chance, 0.1) ? 0 : 1 + chance_below(&g->chance, MOST_CARRIES);
    for (int k = 0; k < count; k++) {
        wg_shape shape = random_shape(g, s->lines > 0);
        if (s->lines) shape.dim[0] = s->lines;
        int older = s->lines ? -1 : pick(g, 1u << s->type, 0);
        s->i.operand[s->i.count++] = older >= 0 ? older : pick_like(g, s->type, shape);
    }
    s->i.integer[BODY_CARRIES] = count;
    return true;
}

static void choose_sequences(scanning *s)
{
    generator *g = s->g;
    int count = chance_of(&g->chance, 0.1) ? 0 : 1 + chance_below(&g->chance, MOST_SEQUENCES);
    for (int k = 0; k < count; k++) {
        wg_type type = chance_of(&g->chance, 0.6) ? s->type : random_type(g, ANY_TYPE | 1 << WG_U8);
        wg_shape slice = random_shape(g, 0), whole = {.rank = slice.rank + 1, .dim = {s->steps}};
        wg_shape carry = s->i.count ? g->slot[s->i.operand[0]].shape : slice;
        if (type == s->type && carry.rank < 5 && chance_of(&g->chance, 0.6)) whole.rank = carry.rank + 1, slice = carry;
        for (int axis = 1; axis < whole.rank; axis++) whole.dim[axis] = slice.dim[axis - 1];
        s->i.operand[s->i.count++] = pick_like(g, type, whole);
    }
}

static void choose_options(scanning *s)
{
    generator *g = s->g;
    s->i.integer[BODY_STEPS] = s->steps;
    s->i.integer[BODY_CHUNK] = chance_below(&g->chance, 6);
    s->i.integer[BODY_REVERSE] = chance_of(&g->chance, 0.35);
    if (!s->lines && !chance_of(&g->chance, 0.1)) return;
    wg_shape shape = s->lines ? WG_SHAPE(s->steps, s->lines) : WG_SHAPE(s->steps);
    s->i.integer[BODY_MASKED] = 1;
    s->i.operand[s->i.count++] = pick_like(g, WG_BOOL, shape);
}

/* A tensor of the body that can be the next carry; what goes round and round is kept small. */
static int next_carry(scanning *s, int carry)
{
    static const char *const names[] = {"tanh", "sin", "sigmoid"};
    generator *g = s->g;
    wg_type type = g->slot[carry].type;
    wg_shape shape = g->slot[carry].shape;
    int next = -1;
    for (int k = g->part->count; next < 0 && k-- > s->begin + 1;)
        if (g->slot[k].tensor && k != carry && g->slot[k].type == type && wg_shape_equal(g->slot[k].shape, shape) &&
            chance_of(&g->chance, 0.7))
            next = k;
    if (next < 0) next = emit_call(g, PAIR, "add", carry, pick_like(g, type, shape));
    if (next >= 0 && chance_of(&g->chance, 0.3)) next = emit_call(g, PAIR, "mul", next, carry);
    if (next < 0 || chance_of(&g->chance, 0.2)) return next;
    return emit_call(g, ELEMENT, names[chance_below(&g->chance, 3)], next, -1);
}

static bool fits_lines(const scanning *s, int k)
{
    const slot_state *x = &s->g->slot[k];
    return !s->lines || (x->shape.rank && x->shape.dim[0] == s->lines);
}

/* The body, and its end; false: it is not to be. */
static bool fill_body(scanning *s)
{
    generator *g = s->g;
    int carries = (int)s->i.integer[BODY_CARRIES], given = s->i.count - (int)s->i.integer[BODY_MASKED];
    int first = -1, part[MANY];
    instruction end = {.kind = SCAN_END, .count = 1, .operand = {s->begin}};
    for (int k = chance_of(&g->chance, 0.7); k <= given; k++) {
        part[k] = part_of(g, s->begin, k);
        if (part[k] < 0) return false;
        if (k == 0) emit(g, (instruction){.kind = CAST, .count = 1, .operand = {part[k]}, .type = s->type});
        if (first < 0 && k > carries) first = part[k];
    }
    if (carries && first >= 0 && chance_of(&g->chance, 0.6))
        emit_call(g, PAIR, "mul", part[1], first); /* they may fit */
    fill_region(g, 1, 6);
    for (int k = 0; k < carries; k++) end.operand[end.count++] = next_carry(s, part[1 + k]);
    int outputs = carries ? chance_below(&g->chance, MOST_OUTPUTS + 1) : 1 + chance_below(&g->chance, MOST_OUTPUTS);
    for (int k = 0; k < outputs; k++) {
        int y = made_since(g, s->begin, 1u << s->type);
        if (y >= 0 && fits_lines(s, y)) end.operand[end.count++] = y;
    }
    s->end = end.count > 1 ? emit(g, end) : -1;
    return s->end >= 0;
}

/* The results, and gradients of one of them. */
static void use_results(scanning *s)
{
    generator *g = s->g;
    int count = g->part->item[s->end].count - 1, made[MANY], list[3];
    for (int k = 0; k < count; k++) made[k] = part_of(g, s->end, k);
    if (chance_of(&g->chance, 0.85)) {
        int x = s->i.operand[chance_below(&g->chance, s->i.count)];
        differentiate(g, made[chance_below(&g->chance, count)], list, leading_to(g, x, s->begin, list));
    }
    if (chance_of(&g->chance, 0.6)) emit_look(g, made, count);
}

void propose_scan(generator *g)
{
    if (g->regions >= DEEPEST) return;
    scanning s = {
        .g = g, .i = {.kind = SCAN}, .type = g->made->type, .steps = 1 + chance_below(&g->chance, MOST_STEPS)};
    if (g->scans) s.steps = 1 + chance_below(&g->chance, 3);
    if (chance_of(&g->chance, 0.02)) s.steps = 0;
    if (chance_of(&g->chance, 0.1)) s.type = s.type == WG_F32 ? WG_F64 : WG_F32;
    if (chance_of(&g->chance, 0.15)) s.lines = 1 + chance_below(&g->chance, 4);
    choose_carries(&s);
    choose_sequences(&s);
    if (s.i.count == 0) return;
    choose_options(&s);
    s.begin = emit(g, s.i);
    if (s.begin < 0) return;
    if (fill_body(&s))
        use_results(&s);
    else
        drop_from(g, s.begin);
}
