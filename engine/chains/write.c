/* From a chain to machine code, a function of the tile of its first instruction:

       constants that are the same for all rows
       for each row (a flat chain has one): constants of the row
           for each whole vector of the row: the statements
           once more for the last elements, under a mask
           sums

   It keeps to the calling convention of System V: the tile in RDI; constants that have no register lie in the 128 bytes
   below the stack pointer. */
#include "engine/chains/chain.h"
#include "engine/planted.h"

enum { TILE = RDI, ROW = RSI, WHOLE = RDX, COLUMNS = RCX, INDEX = RAX, SPARE = R11 };
enum { BELOW = 0x82, NOT_BELOW = 0x83, ZERO = 0x84 };
enum { MOV_LOAD = 0x8b, MOV_STORE = 0x89, IMUL = 0x0faf, IMUL_LITERAL = 0x69, IMMEDIATE = 0x81, COMPARE_LOAD = 0x3b };
enum { DO_ADD = 0, DO_AND = 4 }; /* of IMMEDIATE */

typedef struct writing {
    const chain *c;
    assembler *a;
    bool partial;       /* the last elements of a row, under the mask */
    int spare[2], part; /* vector registers */
    uint8_t length;
    int lanes, size;
    size_t table; /* where the address of the table of masks is to be written */
} writing;

static const int pointers[MOST_STREAMS] = {R8, R9, R10, RBX, RBP, R12, R13, R14, R15};
enum { CALLER_SAVED = 3 }; /* pointers that the caller does not want back */

/* ---- opcodes: of f32; f64 has prefix 66 and W ---- */

static vector_opcode float_opcode(const writing *w, uint8_t opcode)
{
    bool f64 = w->c->type == WG_F64;
    return (vector_opcode){f64, 1, opcode, f64};
}

static const vector_opcode BROADCAST[2] = {{1, 2, 0x18, 0}, {1, 2, 0x19, 1}};
static const vector_opcode TEST_MASK[2] = {{1, 2, 0x27, 0}, {1, 2, 0x27, 1}};
static const vector_opcode LOAD_BYTES[2] = {{1, 2, 0x31, 0}, {1, 2, 0x32, 0}};
static const vector_opcode STORE_BYTES[2] = {{2, 2, 0x31, 0}, {2, 2, 0x32, 0}};
static const vector_opcode MOVE_WHOLE[2] = {{1, 1, 0x6f, 0}, {1, 1, 0x6f, 1}};
static const vector_opcode BLEND_WIDE[2] = {{1, 2, 0x65, 0}, {1, 2, 0x65, 1}};
static const vector_opcode BLEND[2] = {{1, 3, 0x4a, 0}, {1, 3, 0x4b, 0}};
static const vector_opcode LOAD_PART[2] = {{1, 2, 0x2c, 0}, {1, 2, 0x2d, 0}};
static const vector_opcode STORE_PART[2] = {{1, 2, 0x2e, 0}, {1, 2, 0x2f, 0}};
static const vector_opcode TO_F64 = {0, 1, 0x5a, 0}, ADD_F64 = {1, 1, 0x58, 1}, HIGH_F64 = {1, 1, 0x15, 1};
static const vector_opcode ADD_ONE_F64 = {3, 1, 0x58, 1}, ONE_TO_F32 = {3, 1, 0x5a, 1}, STORE_ONE_F32 = {2, 1, 0x11, 0};

static int type_index(const writing *w)
{
    return w->c->type == WG_F64;
}

static vector_form whole(const writing *w)
{
    return (vector_form){.length = w->length};
}

/* With AVX-512 the mask of the last elements, if these are at hand. */
static vector_form masked(const writing *w, bool zero)
{
    return (vector_form){w->length, w->partial && w->c->wide, zero && w->partial && w->c->wide};
}

/* ---- operands ---- */

static int32_t stack_place(const writing *w, int16_t operand_number)
{
    return -(~operand_number + 1) * w->size;
}

static int as_register(const writing *w, int16_t in, int spare)
{
    if (in >= 0) return w->c->statements[in].reg;
    const constant *one = &w->c->constants[~in];
    if (one->reg != NO_REGISTER) return one->reg;
    write_vector(w->a, BROADCAST[type_index(w)], whole(w), spare, 0, in_memory(RSP, stack_place(w, in)));
    return spare;
}

/* The operand that may lie in memory. */
static rm as_right(const writing *w, int16_t in, int spare)
{
    if (in >= 0 || w->c->constants[~in].reg != NO_REGISTER || !w->c->wide)
        return in_register(as_register(w, in, spare));
    rm place = in_memory(RSP, stack_place(w, in));
    place.broadcast = true;
    return place;
}

static rm stream_place(const writing *w, uint8_t index)
{
    const chain_stream *s = &w->c->streams[index];
    return (rm){.base = pointers[index], .index = INDEX, .scale = s->size};
}

/* ---- statements ---- */

static void write_masks(const writing *w, const statement *s)
{
    static const uint8_t wide[] = {[MASK_AND] = 0x41, [MASK_OR] = 0x45, [MASK_NOT] = 0x44};
    static const uint8_t narrow[] = {[MASK_AND] = 0x54, [MASK_OR] = 0x56, [MASK_NOT] = 0x57};
    const statement *all = w->c->statements;
    bool two = s->action != MASK_NOT;
    if (!w->c->wide) {
        int mask = all[s->in[0]].reg;
        write_vector(w->a, float_opcode(w, narrow[s->action]), whole(w), s->reg, mask,
                     as_right(w, s->in[1], w->spare[0]));
        return;
    }
    unsigned left = two ? (unsigned)all[s->in[0]].reg : 0, right = (unsigned)all[s->in[two]].reg;
    write_byte(w->a, 0xc5);
    write_byte(w->a, 0x80 | (~left & 15) << 3 | (unsigned)two << 2);
    write_byte(w->a, wide[s->action]);
    write_byte(w->a, 0xc0 | (unsigned)s->reg << 3 | right);
}

static void write_load(const writing *w, const statement *s)
{
    if (w->partial && !w->c->wide)
        write_vector(w->a, LOAD_PART[type_index(w)], whole(w), s->reg, w->part, stream_place(w, s->place));
    else
        write_vector(w->a, float_opcode(w, 0x10), masked(w, true), s->reg, 0, stream_place(w, s->place));
}

static void write_load_mask(const writing *w, const statement *s)
{
    int spare = w->spare[0];
    write_vector(w->a, LOAD_BYTES[type_index(w)], masked(w, true), spare, 0, stream_place(w, s->place));
    write_vector(w->a, TEST_MASK[type_index(w)], whole(w), s->reg, spare, in_register(spare));
}

static void write_store(const writing *w, const statement *s)
{
    int from = as_register(w, s->in[0], w->spare[0]);
    if (w->partial && !w->c->wide)
        write_vector(w->a, STORE_PART[type_index(w)], whole(w), from, w->part, stream_place(w, s->place));
    else
        write_vector(w->a, float_opcode(w, 0x11), masked(w, false), from, 0, stream_place(w, s->place));
}

/* Ones where the mask is set, then the low byte of each. */
static void write_store_mask(const writing *w, const statement *s)
{
    int ones = as_register(w, s->in[1], w->spare[0]), to = w->spare[1];
    vector_form chosen = {w->length, (uint8_t)w->c->statements[s->in[0]].reg, true};
    write_vector(w->a, MOVE_WHOLE[type_index(w)], chosen, to, 0, in_register(ones));
    write_vector(w->a, STORE_BYTES[type_index(w)], masked(w, false), to, 0, stream_place(w, s->place));
}

static void write_choose(const writing *w, const statement *s)
{
    int mask = w->c->statements[s->in[0]].reg, no = as_register(w, s->in[1], w->spare[0]);
    rm yes = as_right(w, s->in[2], w->spare[1]);
    vector_form form = whole(w);
    if (w->c->wide) form.mask = (uint8_t)mask;
    write_vector(w->a, (w->c->wide ? BLEND_WIDE : BLEND)[type_index(w)], form, s->reg, no, yes);
    if (!w->c->wide) write_byte(w->a, (unsigned)mask << 4);
}

static void write_number(const writing *w, const statement *s)
{
    int one = as_register(w, s->in[1], w->spare[0]), mask = w->c->statements[s->in[0]].reg;
    if (w->c->wide)
        write_vector(w->a, float_opcode(w, 0x28), (vector_form){w->length, (uint8_t)mask, true}, s->reg, 0,
                     in_register(one));
    else
        write_vector(w->a, float_opcode(w, 0x54), whole(w), s->reg, mask, in_register(one));
}

/* Moves the upper half of a vector down. */
static void write_upper_half(const writing *w, int to, int from, uint8_t length)
{
    vector_opcode half = {1, 3, length == BYTES_64 ? 0x1b : 0x19, w->c->wide};
    write_vector(w->a, half, (vector_form){.length = length}, from, 0, in_register(to));
    write_byte(w->a, 1);
}

static void write_sum(const writing *w, const statement *s)
{
    int value = w->c->statements[s->in[0]].reg, spare = w->spare[0];
    if (w->partial && w->c->wide)
        write_vector(w->a, float_opcode(w, 0x28), masked(w, true), w->spare[1], 0, in_register(value));
    else if (w->partial)
        write_vector(w->a, float_opcode(w, 0x54), whole(w), w->spare[1], value, in_register(w->part));
    if (w->partial) value = w->spare[1];
    for (int half = 0; half < 2; half++) {
        int sum = w->c->sums[s->place].reg + half;
        if (half) write_upper_half(w, spare, value, w->length);
        write_vector(w->a, TO_F64, whole(w), spare, 0, in_register(half ? spare : value));
        write_vector(w->a, ADD_F64, whole(w), sum, sum, in_register(spare));
    }
}

static void write_compare(const writing *w, const statement *s)
{
    int left = as_register(w, s->in[0], w->spare[0]);
    write_vector(w->a, float_opcode(w, 0xc2), whole(w), s->reg, left, as_right(w, s->in[1], w->spare[1]));
    write_byte(w->a, s->place);
}

static void write_root(const writing *w, const statement *s)
{
    write_vector(w->a, float_opcode(w, 0x51), whole(w), s->reg, 0, as_right(w, s->in[0], w->spare[0]));
}

static void write_arithmetic(const writing *w, const statement *s)
{
    static const uint8_t opcodes[] = {[ADD] = 0x58,     [SUB] = 0x5c,    [MUL] = 0x59, [DIV] = 0x5e,
                                      [SMALLER] = 0x5d, [LARGER] = 0x5f, [AND] = 0x54, [XOR] = 0x57};
    int left = as_register(w, s->in[0], w->spare[0]);
    write_vector(w->a, float_opcode(w, opcodes[s->action]), whole(w), s->reg, left, as_right(w, s->in[1], w->spare[1]));
}

/* All else is arithmetic. */
static void (*const writers[])(const writing *w, const statement *s) = {
    [LOAD] = write_load,          [LOAD_MASK] = write_load_mask,
    [STORE] = write_store,        [STORE_MASK] = write_store_mask,
    [SQRT] = write_root,          [COMPARE] = write_compare,
    [CHOOSE] = write_choose,      [MASK_AND] = write_masks,
    [MASK_OR] = write_masks,      [MASK_NOT] = write_masks,
    [MASK_NUMBER] = write_number, [SUM] = write_sum,
};

static void write_statements(writing *w, bool partial)
{
    w->partial = partial;
    for (int i = 0; i < w->c->count; i++) {
        const statement *s = &w->c->statements[i];
        (writers[s->action] ? writers[s->action] : write_arithmetic)(w, s);
    }
}

/* ---- constants ---- */

/* SPARE := SPARE + ROW * step; INDEX is overwritten. */
static void write_row_offset(const writing *w, int64_t bytes)
{
    if (!bytes) return;
    write_general(w->a, IMUL_LITERAL, INDEX, in_register(ROW));
    write_word(w->a, (uint32_t)bytes);
    write_general(w->a, 0x01, INDEX, in_register(SPARE));
}

/* INDEX := a literal. */
static void write_literal(const writing *w, uint64_t bits)
{
    if (w->size == 8) write_byte(w->a, 0x48);
    write_byte(w->a, 0xb8 + INDEX);
    for (int i = 0; i < w->size; i++) write_byte(w->a, bits >> 8 * i & 255);
}

static void write_constant(const writing *w, int index)
{
    const constant *one = &w->c->constants[index];
    rm place = in_memory(RSP, -(index + 1) * w->size);
    if (!one->from) {
        write_literal(w, one->bits);
    } else {
        write_general(w->a, MOV_LOAD, SPARE, in_memory(TILE, one->address));
        write_row_offset(w, one->step);
        (w->size == 8 ? write_general : write_general_32)(w->a, MOV_LOAD, INDEX, in_memory(SPARE, 0));
    }
    (w->size == 8 ? write_general : write_general_32)(w->a, MOV_STORE, INDEX, place);
    if (one->reg != NO_REGISTER) write_vector(w->a, BROADCAST[type_index(w)], whole(w), one->reg, 0, place);
}

/* Those that change from row to row, or those that do not. */
static void write_constants(const writing *w, bool of_rows)
{
    for (int i = 0; i < w->c->constant_count; i++)
        if ((w->c->constants[i].step != 0) == of_rows) write_constant(w, i);
}

/* ---- masks of a row's last elements ---- */

static void write_immediate(const writing *w, unsigned what, int reg, int32_t value)
{
    write_general(w->a, IMMEDIATE, (int)what, in_register(reg));
    write_word(w->a, (uint32_t)value);
}

/* The first mask register := as many ones as elements are left over. */
static void write_wide_mask(const writing *w)
{
    static const uint8_t make[] = {0xb8, 1,    0,    0,   0, /* mov eax, 1 */
                                   0xd3, 0xe0,               /* shl eax, cl */
                                   0xff, 0xc8,               /* dec eax */
                                   0xc5, 0xf8, 0x92, 0xc8};  /* kmovw k1, eax */
    write_general(w->a, MOV_STORE, COLUMNS, in_register(SPARE));
    write_immediate(w, DO_AND, COLUMNS, w->lanes - 1);
    for (size_t i = 0; i < sizeof make; i++) write_byte(w->a, make[i]);
    write_general(w->a, MOV_STORE, SPARE, in_register(COLUMNS));
}

/* The vector of ones and zeros from a table behind the code: 32 bytes of ones, 32 of zeros. */
static void write_narrow_mask(writing *w)
{
    static const uint8_t address[] = {0x4c, 0x8d, 0x1d}; /* lea r11, [rip + ...] */
    for (size_t i = 0; i < sizeof address; i++) write_byte(w->a, address[i]);
    write_word(w->a, 0);
    w->table = w->a->count;
    write_general(w->a, MOV_STORE, COLUMNS, in_register(INDEX));
    write_immediate(w, DO_AND, INDEX, w->lanes - 1);
    write_general(w->a, 0xf7, 3, in_register(INDEX)); /* neg */
    rm row = {.base = SPARE, .index = INDEX, .scale = w->size, .bytes = 32};
    write_vector(w->a, float_opcode(w, 0x10), whole(w), w->part, 0, row);
}

static void write_table(writing *w)
{
    land_jump(w->a, w->table);
    for (int i = 0; i < 64; i++) write_byte(w->a, i < 32 ? 0xff : 0);
}

/* ---- rows ---- */

static void write_begin(writing *w)
{
    const chain *c = w->c;
    for (int i = CALLER_SAVED; i < c->stream_count; i++) {
        if (pointers[i] >= R8) write_byte(w->a, 0x41);
        write_byte(w->a, 0x50 | (unsigned)(pointers[i] & 7));
    }
    write_general(w->a, MOV_LOAD, COLUMNS, in_memory(TILE, offsetof(tile, columns)));
    if (c->flat) write_general(w->a, IMUL, COLUMNS, in_memory(TILE, offsetof(tile, rows)));
    if (c->wide)
        write_wide_mask(w);
    else
        write_narrow_mask(w);
    write_general(w->a, MOV_STORE, COLUMNS, in_register(WHOLE));
    write_immediate(w, DO_AND, WHOLE, -w->lanes);
    for (int i = 0; i < c->stream_count; i++)
        write_general(w->a, MOV_LOAD, pointers[i], in_memory(TILE, c->streams[i].address));
    write_constants(w, false);
    write_general_32(w->a, 0x31, ROW, in_register(ROW));
}

static void write_end(const writing *w)
{
    for (int i = w->c->stream_count; i-- > CALLER_SAVED;) {
        if (pointers[i] >= R8) write_byte(w->a, 0x41);
        write_byte(w->a, 0x58 | (unsigned)(pointers[i] & 7));
    }
    static const uint8_t leave[] = {0xc5, 0xf8, 0x77, 0xc3}; /* vzeroupper; ret */
    for (size_t i = 0; i < sizeof leave; i++) write_byte(w->a, leave[i]);
}

static void write_fetches(const writing *w)
{
    enum { PREFETCH = 0x0f18, SECOND_LEVEL = 2 };
    for (int i = 0; i < w->c->stream_count; i++) {
        rm place = stream_place(w, (uint8_t)i);
        place.bytes = w->c->streams[i].ahead;
        if (place.bytes) write_general_32(w->a, PREFETCH, SECOND_LEVEL, place);
    }
}

static void write_elements(writing *w)
{
    write_general_32(w->a, 0x31, INDEX, in_register(INDEX));
    write_general(w->a, 0x85, WHOLE, in_register(WHOLE)); /* test */
    size_t none = write_jump(w->a, ZERO), top = w->a->count;
    write_statements(w, false);
    write_fetches(w);
    write_immediate(w, DO_ADD, INDEX, w->lanes);
    write_general(w->a, 0x39, WHOLE, in_register(INDEX)); /* cmp */
    write_jump_to(w->a, BELOW, top);
    land_jump(w->a, none);
    write_general(w->a, 0x39, COLUMNS, in_register(INDEX));
    size_t done = write_jump(w->a, NOT_BELOW);
    write_statements(w, true);
    land_jump(w->a, done);
}

static void write_sums_begin(const writing *w)
{
    for (int i = 0; i < 2 * w->c->sum_count; i++) {
        int reg = w->c->sums[i / 2].reg + i % 2;
        write_vector(w->a, (vector_opcode){0, 1, 0x57, 0}, whole(w), reg, reg, in_register(reg));
    }
}

static void write_sum_end(const writing *w, const chain_sum *s)
{
    int sum = s->reg, spare = w->spare[0];
    write_vector(w->a, ADD_F64, whole(w), sum, sum, in_register(sum + 1));
    for (uint8_t length = w->length; length > BYTES_16; length--) {
        write_upper_half(w, spare, sum, length);
        write_vector(w->a, ADD_F64, (vector_form){.length = (uint8_t)(length - 1)}, sum, sum, in_register(spare));
    }
    vector_form one = {.length = BYTES_16};
    write_vector(w->a, HIGH_F64, one, spare, sum, in_register(sum));
    write_vector(w->a, ADD_ONE_F64, one, sum, sum, in_register(spare));
    write_vector(w->a, ONE_TO_F32, one, sum, sum, in_register(sum));
    write_general(w->a, MOV_LOAD, SPARE, in_memory(TILE, s->address));
    write_row_offset(w, s->step);
    write_vector(w->a, STORE_ONE_F32, one, sum, 0, in_memory(SPARE, 0));
}

static void write_rows(writing *w)
{
    const chain *c = w->c;
    size_t top = w->a->count;
    write_constants(w, true);
    write_sums_begin(w);
    write_elements(w);
    for (int i = 0; i < c->sum_count; i++) write_sum_end(w, &c->sums[i]);
    if (c->flat) return;
    for (int i = PLANTED(14); i < c->stream_count; i++)
        if (c->streams[i].step) write_immediate(w, DO_ADD, pointers[i], (int32_t)c->streams[i].step);
    write_immediate(w, DO_ADD, ROW, 1);
    write_general(w->a, COMPARE_LOAD, ROW, in_memory(TILE, offsetof(tile, rows)));
    write_jump_to(w->a, BELOW, top);
}

size_t chain_write(const chain *c, assembler *a)
{
    writing w = {.c = c, .a = a, .spare = {30, 31}, .length = BYTES_64, .size = c->type == WG_F64 ? 8 : 4};
    if (!c->wide) {
        w.spare[0] = 13;
        w.spare[1] = 14;
        w.part = 15;
        w.length = BYTES_32;
    }
    w.lanes = (c->wide ? 64 : 32) / w.size;
    a->wide = c->wide;
    while (a->count % 64) write_byte(a, 0xcc);
    size_t begin = a->count;
    write_begin(&w);
    write_rows(&w);
    write_end(&w);
    if (!c->wide) write_table(&w);
    return begin;
}
