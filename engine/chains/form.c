/* From drafts to the statements of a chain. */
#include "engine/chains/chain.h"

#include "ops/rows.h"

#include <math.h>
#include <string.h>

/* A place that a chain has read or written, and the statement with the value that is there now. */
typedef struct known {
    const operand *place;
    int16_t value;
} known;

typedef struct forming {
    chain *c;
    const emission *e;
    size_t first, end;
    known knowns[2 * MOST_MEMBERS];
    int known_count;
    bool fits;
} forming;

/* ---- statements ---- */

static int16_t say(forming *f, action what, uint8_t place, int16_t a, int16_t b, int16_t d)
{
    chain *c = f->c;
    if (c->count == MOST_STATEMENTS) {
        f->fits = false;
        return 0;
    }
    int16_t at = (int16_t)c->count;
    c->statements[c->count++] = (statement){.action = (uint8_t)what, .place = place, .in = {a, b, d}};
    return at;
}

enum { NONE = INT16_MAX }; /* no operand: later than any statement */

static int16_t unary(forming *f, action what, int16_t x)
{
    return say(f, what, 0, x, NONE, NONE);
}

static int16_t binary(forming *f, action what, int16_t a, int16_t b)
{
    return say(f, what, 0, a, b, NONE);
}

static int16_t compare(forming *f, uint8_t what, int16_t a, int16_t b)
{
    return say(f, COMPARE, what, a, b, NONE);
}

static int16_t choose(forming *f, int16_t mask, int16_t no, int16_t yes)
{
    return say(f, CHOOSE, 0, mask, no, yes);
}

/* ---- operands ---- */

/* The same address. What runs from there in another way is something else, which overlaps. */
static bool same_place(const operand *a, const operand *b)
{
    return a->number == NO_ITEM && b->number == NO_ITEM && a->slot == b->slot && a->bytes == b->bytes &&
           a->row_register == b->row_register;
}

static bool same_way(const operand *a, const operand *b)
{
    return a->step == b->step && a->advance == b->advance && a->type == b->type;
}

static int16_t add_constant(forming *f, constant one)
{
    chain *c = f->c;
    for (int i = 0; i < c->constant_count; i++) {
        const constant *other = &c->constants[i];
        bool same = one.from ? other->from && other->from->number == one.from->number && other->step == one.step &&
                                   (one.from->number != NO_ITEM || same_place(other->from, one.from))
                             : !other->from && other->bits == one.bits;
        if (same) return (int16_t)~i;
    }
    if (c->constant_count == MOST_CONSTANTS / (c->type == WG_F64 ? 2 : 1)) {
        f->fits = false;
        return ~0;
    }
    c->constants[c->constant_count] = one;
    return (int16_t) ~(c->constant_count++);
}

static int16_t bits(forming *f, uint64_t word)
{
    return add_constant(f, (constant){.bits = word});
}

static int16_t literal(forming *f, double value)
{
    uint64_t word = 0;
    float narrow = (float)value;
    if (f->c->type == WG_F32)
        memcpy(&word, &narrow, sizeof narrow);
    else
        memcpy(&word, &value, sizeof value);
    return bits(f, word);
}

static int16_t sign_bit(forming *f)
{
    return bits(f, (uint64_t)1 << (f->c->type == WG_F32 ? 31 : 63));
}

static int16_t all_but_sign(forming *f)
{
    return bits(f, f->c->type == WG_F32 ? INT32_MAX : INT64_MAX);
}

static uint8_t add_stream(forming *f, size_t at, uint32_t k)
{
    chain *c = f->c;
    const operand *o = &f->e->drafts[at].operand[k];
    uint8_t size = (uint8_t)wg_type_size(o->type);
    for (int i = 0; i < c->stream_count; i++) {
        if (!same_place(c->streams[i].from, o)) continue;
        if (!same_way(c->streams[i].from, o)) f->fits = false;
        return (uint8_t)i;
    }
    if (c->stream_count == MOST_STREAMS) {
        f->fits = false;
        return 0;
    }
    c->streams[c->stream_count] = (chain_stream){.from = o, .step = o->step * size, .size = size};
    return (uint8_t)c->stream_count++;
}

static void know(forming *f, const operand *place, int16_t value)
{
    for (int i = 0; i < f->known_count; i++)
        if (same_place(f->knowns[i].place, place)) {
            f->knowns[i] = (known){place, value};
            return;
        }
    if (f->known_count == 2 * MOST_MEMBERS)
        f->fits = false;
    else
        f->knowns[f->known_count++] = (known){place, value};
}

static int16_t read_single(forming *f, size_t at, uint32_t k)
{
    const operand *o = &f->e->drafts[at].operand[k];
    const chain *c = f->c;
    for (int i = 0; i < c->sum_count; i++) /* not known before the row's end */
        if (same_place(c->sums[i].to, o)) f->fits = false;
    int64_t bytes = o->number == NO_ITEM ? o->step * (int64_t)wg_type_size(o->type) : 0;
    return add_constant(f, (constant){.step = bytes, .from = o});
}

static int16_t read_operand(forming *f, size_t at, uint32_t k, wg_type type)
{
    const operand *o = &f->e->drafts[at].operand[k];
    if (o->load || o->type != type || ((o->single || o->number != NO_ITEM) && type == WG_BOOL)) f->fits = false;
    if (o->single || o->number != NO_ITEM) return read_single(f, at, k);
    for (int i = 0; i < f->known_count; i++)
        if (same_place(f->knowns[i].place, o) && same_way(f->knowns[i].place, o)) return f->knowns[i].value;
    if (type == WG_BOOL && !f->c->wide) f->fits = false; /* AVX2 cannot read a part of a vector of bytes */
    int16_t value = say(f, type == WG_BOOL ? LOAD_MASK : LOAD, add_stream(f, at, k), NONE, NONE, NONE);
    know(f, o, value);
    return value;
}

/* ---- results ---- */

/* Whether somebody reads a register after the chain, before it is written again; true where that is far away. */
static bool read_later(const forming *f, size_t at)
{
    enum { FAR = 1000 };
    const emission *e = f->e;
    const operand *o = &e->drafts[at].operand[3];
    for (size_t i = at + 1; i < e->count; i++) {
        if (i > at + FAR) return true;
        const draft *later = &e->drafts[i];
        for (uint32_t k = 0; k < later->count && i >= f->end; k++)
            if (same_place(&later->operand[k], o)) return true;
        if (same_place(&later->operand[3], o)) return false;
    }
    return false;
}

static void write_result(forming *f, size_t at, int16_t value)
{
    const operand *o = &f->e->drafts[at].operand[3];
    bool flag = o->type == WG_BOOL;
    know(f, o, value);
    if (o->load || o->single || (o->type != f->c->type && !flag)) f->fits = false;
    if (o->slot == SLOT_REGISTERS && !read_later(f, at)) return;
    if (flag && !f->c->wide) f->fits = false; /* AVX2 cannot write a part of a vector of bytes */
    uint8_t place = add_stream(f, at, 3);
    if (flag)
        say(f, STORE_MASK, place, value, bits(f, 1), NONE);
    else
        say(f, STORE, place, value, NONE, NONE);
}

/* ---- ops: as the table of element-wise ops and ops/vector_math.h say ---- */

/* The processor's numbers for questions, where NaN gives false but for not_equal. */
enum { EQUAL = 0x00, NOT_EQUAL = 0x04, LESS = 0x11, LESS_EQUAL = 0x12, GREATER_EQUAL = 0x1d, GREATER = 0x1e };

static int16_t larger_or_nan(forming *f, action what, int16_t a, int16_t b)
{
    int16_t best = binary(f, what, a, b);
    return choose(f, compare(f, EQUAL, a, a), a, best);
}

static int16_t sign_of(forming *f, int16_t x)
{
    int16_t zero = literal(f, 0), zero_or_nan = choose(f, compare(f, EQUAL, x, zero), x, zero);
    int16_t negative = choose(f, compare(f, LESS, x, zero), zero_or_nan, literal(f, -1));
    return choose(f, compare(f, LESS, zero, x), negative, literal(f, 1));
}

static int16_t say_unary(forming *f, const wg_op *op, int16_t x)
{
    if (op == &ops_neg) return binary(f, XOR, x, sign_bit(f));
    if (op == &ops_abs) return binary(f, AND, x, all_but_sign(f));
    if (op == &ops_sign) return sign_of(f, x);
    if (op == &ops_square) return binary(f, MUL, x, x);
    if (op == &ops_sqrt) return unary(f, SQRT, x);
    if (op == &ops_rsqrt) return binary(f, DIV, literal(f, 1), unary(f, SQRT, x));
    if (op == &ops_reciprocal) return binary(f, DIV, literal(f, 1), x);
    if (op == &ops_logical_not) return binary(f, MASK_NOT, x, f->c->wide ? NONE : bits(f, UINT64_MAX));
    if (op == &ops_is_finite) return compare(f, LESS, binary(f, AND, x, all_but_sign(f)), literal(f, INFINITY));
    f->fits = false;
    return 0;
}

/* Ops that are one statement. */
static const struct {
    const wg_op *op;
    uint8_t action, question; /* question: of a comparison */
} statements_of[] = {
    {&ops_add, ADD, 0},
    {&ops_sub, SUB, 0},
    {&ops_mul, MUL, 0},
    {&ops_div, DIV, 0},
    {&ops_equal, COMPARE, EQUAL},
    {&ops_not_equal, COMPARE, NOT_EQUAL},
    {&ops_less, COMPARE, LESS},
    {&ops_less_equal, COMPARE, LESS_EQUAL},
    {&ops_greater, COMPARE, GREATER},
    {&ops_greater_equal, COMPARE, GREATER_EQUAL},
    {&ops_logical_and, MASK_AND, 0},
    {&ops_logical_or, MASK_OR, 0},
};

static int16_t say_binary(forming *f, const wg_op *op, int16_t a, int16_t b)
{
    if (op == &ops_maximum) return larger_or_nan(f, LARGER, a, b);
    if (op == &ops_minimum) return larger_or_nan(f, SMALLER, a, b);
    for (size_t i = 0; i < sizeof statements_of / sizeof *statements_of; i++)
        if (statements_of[i].op == op)
            return say(f, (action)statements_of[i].action, statements_of[i].question, a, b, NONE);
    f->fits = false;
    return 0;
}

static void form_sum(forming *f, size_t at)
{
    chain *c = f->c;
    const operand *to = &f->e->drafts[at].operand[3];
    int16_t value = read_operand(f, at, 0, WG_F32);
    if (c->type != WG_F32 || c->sum_count == MOST_SUMS || f->e->drafts[at].operand[0].single) f->fits = false;
    if (!f->fits) return;
    say(f, SUM, (uint8_t)c->sum_count, value, NONE, NONE);
    c->sums[c->sum_count++] = (chain_sum){.to = to, .step = to->step * (int64_t)wg_type_size(to->type)};
}

static void form_draft(forming *f, size_t at)
{
    const draft *d = &f->e->drafts[at];
    const wg_op *op = d->op;
    wg_type type = f->c->type;
    int16_t in[3] = {0, 0, 0}, value = 0;
    if (!op || d->in.extent != f->e->drafts[f->first].in.extent || d->in.special != SPECIAL_NONE) {
        f->fits = false;
        return;
    }
    if (op == &ops_sum) {
        form_sum(f, at);
        return;
    }
    bool logic = d->operand[0].type == WG_BOOL;
    for (uint32_t k = 0; k < d->count; k++)
        in[k] = read_operand(f, at, k, logic && (k == 0 || op != &ops_where) ? WG_BOOL : type);
    if (op == &ops_where)
        value = choose(f, in[0], in[2], in[1]);
    else if (op == &ops_cast && logic)
        value = binary(f, MASK_NUMBER, in[0], literal(f, 1));
    else
        value = d->count == 1 ? say_unary(f, op, in[0]) : say_binary(f, op, in[0], in[1]);
    write_result(f, at, value);
}

/* ---- the chain ---- */

/* The float type of the drafts: that of the first operand or result that has one. */
static wg_type type_of(const emission *e, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++)
        for (uint32_t k = 0; k < 4; k++) {
            wg_type type = e->drafts[i].operand[k].type;
            if ((k == 3 || k < e->drafts[i].count) && (type == WG_F32 || type == WG_F64)) return type;
        }
    return WG_BOOL;
}

/* Whether rows follow one another without gaps, and constants are the same for all. */
static bool is_flat(const chain *c)
{
    bool flat = c->sum_count == 0;
    for (int i = 0; i < c->stream_count; i++) flat = flat && c->streams[i].from->step == c->columns;
    for (int i = 0; i < c->constant_count; i++) flat = flat && c->constants[i].step == 0;
    return flat;
}

static bool distances_fit(const chain *c)
{
    bool fit = true;
    for (int i = 0; i < c->stream_count; i++) fit = fit && c->streams[i].step == (int32_t)c->streams[i].step;
    for (int i = 0; i < c->constant_count; i++) fit = fit && c->constants[i].step == (int32_t)c->constants[i].step;
    for (int i = 0; i < c->sum_count; i++) fit = fit && c->sums[i].step == (int32_t)c->sums[i].step;
    return fit;
}

bool chain_make(chain *c, const emission *e, size_t first, size_t end)
{
    forming f = {.c = c, .e = e, .first = first, .end = end, .fits = true};
    c->type = type_of(e, first, end);
    c->wide = chains_now() == CHAINS_WIDE;
    c->columns = e->code->columns;
    c->count = c->constant_count = c->stream_count = c->sum_count = 0;
    if (c->type == WG_BOOL || end - first > MOST_MEMBERS) return false;
    for (size_t i = first; i < end && f.fits; i++) form_draft(&f, i);
    if (!f.fits || !distances_fit(c)) return false;
    c->flat = c->columns == 0 || e->drafts[first].in.extent == EXTENT_ROW_VALUES || is_flat(c);
    return chain_allocate(c);
}

bool chain_fetch_ahead(chain *c, const operand *o, int64_t bytes)
{
    int i = 0;
    while (i < c->stream_count && !same_place(c->streams[i].from, o)) i++;
    if (i == c->stream_count || bytes > INT32_MAX) return false;
    c->streams[i].ahead = (int32_t)bytes;
    return true;
}
