#include "engine/chains/assembler.h"

void write_byte(assembler *a, unsigned byte)
{
    if (!bump_grow(a->b, (void **)&a->bytes, &a->capacity, a->count + 1, 1)) return;
    a->bytes[a->count++] = (uint8_t)byte;
}

void write_word(assembler *a, uint32_t word)
{
    for (int i = 0; i < 4; i++) write_byte(a, word >> 8 * i & 255);
}

/* The operand bytes. A displacement is always there: of 8 bits if it is 0, which no form of encoding scales. */
static void write_operands(assembler *a, int reg, rm right)
{
    unsigned field = (unsigned)(reg & 7) << 3;
    if (right.base == NO_REGISTER) {
        write_byte(a, 0xc0 | field | (unsigned)(right.reg & 7));
        return;
    }
    static const uint8_t scales[] = {[1] = 0, [2] = 1, [4] = 2, [8] = 3};
    bool indexed = right.index != NO_INDEX || (right.base & 7) == RSP;
    unsigned index = right.index == NO_INDEX ? RSP : (unsigned)(right.index & 7), base = (unsigned)(right.base & 7);
    write_byte(a, (right.bytes ? 0x80 : 0x40) | field | (indexed ? 4 : base));
    if (indexed) write_byte(a, (unsigned)scales[right.scale] << 6 | index << 3 | base);
    if (right.bytes)
        write_word(a, (uint32_t)right.bytes);
    else
        write_byte(a, 0);
}

static unsigned bit(int word, int place)
{
    return (unsigned)word >> place & 1;
}

void write_vector(assembler *a, vector_opcode op, vector_form form, int reg, int left, rm right)
{
    bool far = right.base != NO_REGISTER;
    int low = far ? right.base : right.reg, high = far ? (right.index == NO_INDEX ? 0 : right.index) : 0;
    unsigned x = far ? bit(high, 3) : bit(right.reg, 4);
    unsigned first = (bit(reg, 3) ^ 1) << 7 | (x ^ 1) << 6 | (bit(low, 3) ^ 1) << 5;
    unsigned second = (unsigned)op.w << 7 | (~(unsigned)left & 15) << 3 | op.prefix;
    if (a->wide) {
        write_byte(a, 0x62);
        write_byte(a, first | (bit(reg, 4) ^ 1) << 4 | op.map);
        write_byte(a, second | 4);
        write_byte(a, (unsigned)form.zero << 7 | (unsigned)form.length << 5 | (unsigned)right.broadcast << 4 |
                          (bit(left, 4) ^ 1) << 3 | form.mask);
    } else {
        write_byte(a, 0xc4);
        write_byte(a, first | op.map);
        write_byte(a, (second & 0x7f) | (form.length == BYTES_32 ? 4u : 0)); /* none of ours looks at W here */
    }
    write_byte(a, op.opcode);
    write_operands(a, reg, right);
}

static void write_plain(assembler *a, bool wide, unsigned opcode, int reg, rm right)
{
    bool far = right.base != NO_REGISTER;
    unsigned index = far && right.index != NO_INDEX ? bit(right.index, 3) : 0;
    unsigned rex = 0x40 | (unsigned)wide << 3 | bit(reg, 3) << 2 | index << 1 | bit(far ? right.base : right.reg, 3);
    if (rex != 0x40) write_byte(a, rex);
    if (opcode > 0xff) write_byte(a, opcode >> 8);
    write_byte(a, opcode & 0xff);
    write_operands(a, reg, right);
}

void write_general(assembler *a, unsigned opcode, int reg, rm right)
{
    write_plain(a, true, opcode, reg, right);
}

void write_general_32(assembler *a, unsigned opcode, int reg, rm right)
{
    write_plain(a, false, opcode, reg, right);
}

size_t write_jump(assembler *a, unsigned condition)
{
    write_byte(a, 0x0f);
    write_byte(a, condition);
    write_word(a, 0);
    return a->count;
}

static void set_distance(assembler *a, size_t jump, size_t target)
{
    uint32_t distance = (uint32_t)target - (uint32_t)jump;
    for (size_t i = 0; i < 4 && jump >= 4 && jump <= a->count; i++)
        a->bytes[jump - 4 + i] = (uint8_t)(distance >> 8 * i);
}

void land_jump(assembler *a, size_t jump)
{
    set_distance(a, jump, a->count);
}

void write_jump_to(assembler *a, unsigned condition, size_t target)
{
    set_distance(a, write_jump(a, condition), target);
}
