/* Writes machine code of x86-64 with vectors of 32 bytes (AVX2, VEX encoding) or of 64 (AVX-512, EVEX encoding). What
   the processor's manual calls an operand of ModRM is `rm` here: the last one read, or a store's target; only it may
   lie in memory. Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, chapter 2. */
#ifndef ENGINE_CHAINS_ASSEMBLER_H
#define ENGINE_CHAINS_ASSEMBLER_H

#include "base/bump.h"

#include <stdbool.h>
#include <stdint.h>

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };
enum { NO_INDEX = -1, NO_REGISTER = -1 };

typedef struct assembler {
    bump *b;
    uint8_t *bytes;
    size_t count, capacity;
    bool wide; /* AVX-512 */
} assembler;

/* A place in memory: base + index * scale + bytes; or a register, with base NO_REGISTER. */
typedef struct rm {
    int base, index, scale;
    int32_t bytes;
    int reg;
    bool broadcast; /* one element, for all lanes: AVX-512 only */
} rm;

static inline rm in_register(int reg)
{
    return (rm){.base = NO_REGISTER, .reg = reg};
}

static inline rm in_memory(int base, int32_t bytes)
{
    return (rm){.base = base, .index = NO_INDEX, .scale = 1, .bytes = bytes};
}

/* An instruction on vectors: prefix (0 none, 1 66, 2 F3, 3 F2), map (1 0F, 2 0F38, 3 0F3A), opcode, and the bit W of
 * EVEX. */
typedef struct vector_opcode {
    uint8_t prefix, map, opcode, w;
} vector_opcode;

enum { BYTES_16, BYTES_32, BYTES_64 }; /* of a vector */

typedef struct vector_form {
    uint8_t length; /* BYTES_ */
    uint8_t mask;   /* a mask register, with AVX-512 only; 0: all lanes */
    bool zero;      /* lanes outside the mask become 0 */
} vector_form;

void write_byte(assembler *a, unsigned byte);
void write_word(assembler *a, uint32_t word);

/* reg := op(left, rm), or rm := reg; of an instruction with two operands `left` is 0. */
void write_vector(assembler *a, vector_opcode op, vector_form form, int reg, int left, rm right);

/* An instruction on general registers of 64 bits; opcodes from 0x0f00 on have two bytes. */
void write_general(assembler *a, unsigned opcode, int reg, rm right);
/* The same, with 32 bits. */
void write_general_32(assembler *a, unsigned opcode, int reg, rm right);

/* Jumps: a condition's opcode (0x82 below, 0x83 not below, 0x84 equal), to a place known, or not yet. */
void write_jump_to(assembler *a, unsigned condition, size_t target);
size_t write_jump(assembler *a, unsigned condition);
void land_jump(assembler *a, size_t jump);

#endif
