/* A chain: neighbouring element-wise instructions of a group, and sums along rows, compiled to one loop in which what
   they hand to one another stays in registers of the processor. The bits are those of the kernels; sums are taken in
   f64 by lanes. Kernels of functions (exp, tanh and so on) do not join chains: they stand between them. */
#ifndef ENGINE_CHAINS_CHAIN_H
#define ENGINE_CHAINS_CHAIN_H

#include "engine/chains/assembler.h"
#include "engine/emission.h"

enum { MOST_MEMBERS = 48, MOST_STREAMS = 9, MOST_CONSTANTS = 32, MOST_STATEMENTS = 256, MOST_SUMS = 4 };

/* What a statement does with vectors; with masks, which are the bools of as many elements. */
typedef enum action {
    LOAD,
    LOAD_MASK,
    STORE,
    STORE_MASK,
    ADD,
    SUB,
    MUL,
    DIV,
    SMALLER, /* as the processor's min and max: the second one if either is NaN or they are equal */
    LARGER,
    SQRT,
    AND,
    XOR,
    COMPARE, /* gives a mask */
    CHOOSE,  /* of a mask: the second where it is false, the third where it is true */
    MASK_AND,
    MASK_OR,
    MASK_NOT,
    MASK_NUMBER, /* 0 or 1 */
    SUM          /* to the chain's sum `place` */
} action;

/* Operands: the number of a statement whose value it is, or ~ the number of a constant. */
typedef struct statement {
    uint8_t action, place; /* place: of a stream or a sum; what a comparison asks */
    int16_t in[3];
    int16_t last; /* the last statement that reads the value; none: itself */
    int8_t reg;   /* of vectors or masks */
} statement;

/* The same for a whole row: a literal, or a number that an operand leads to. */
typedef struct constant {
    uint64_t bits;
    int32_t address; /* where the operand's address lies, in bytes from the chain's tile on */
    int64_t step;    /* bytes from row to row */
    int16_t uses;
    int8_t reg;          /* NO_REGISTER: it is read from the stack */
    const operand *from; /* NULL: a literal */
} constant;

/* What is read or written element by element. */
typedef struct chain_stream {
    const operand *from;
    int32_t address;
    int64_t step;  /* bytes from row to row */
    int32_t ahead; /* bytes to what is fetched ahead of time; 0: nothing is */
    uint8_t size;  /* of an element */
    uint8_t reg;
} chain_stream;

typedef struct chain_sum {
    const operand *to;
    int32_t address;
    int64_t step;
    int8_t reg; /* the first of two */
} chain_sum;

typedef struct chain {
    wg_type type; /* f32 or f64 */
    bool wide;    /* for AVX-512 */
    bool flat;    /* all rows are one */
    int64_t columns;
    statement statements[MOST_STATEMENTS];
    constant constants[MOST_CONSTANTS];
    chain_stream streams[MOST_STREAMS];
    chain_sum sums[MOST_SUMS];
    int count, constant_count, stream_count, sum_count;
} chain;

/* Makes a chain of the drafts from `first` up to `end`; false if they are none. */
bool chain_make(chain *c, const emission *e, size_t first, size_t end);
/* Has the chain fetch an operand that it reads or writes so many bytes ahead; false if it has no such. */
bool chain_fetch_ahead(chain *c, const operand *o, int64_t bytes);
/* Gives values and constants registers; false if they are too few. */
bool chain_allocate(chain *c);
/* Appends its code, a function of the tile of its first instruction, and returns where it begins. */
size_t chain_write(const chain *c, assembler *a);

/* How chains are compiled: CHAINS_NONE where the processor has neither AVX2 nor AVX-512, or the environment says
   WG_COMPILE=0. */
typedef enum chains_width { CHAINS_UNDECIDED, CHAINS_NONE, CHAINS_NARROW, CHAINS_WIDE } chains_width;
chains_width chains_now(void);
/* Only tests say this, before there are plans: CHAINS_UNDECIDED goes back to what the process would choose. False if
   the processor cannot run such. */
bool chains_choose(chains_width width);

static inline bool gives_mask(uint8_t what)
{
    return what == LOAD_MASK || what == COMPARE || what == MASK_AND || what == MASK_OR || what == MASK_NOT;
}

static inline bool gives_value(uint8_t what)
{
    return what != STORE && what != STORE_MASK && what != SUM;
}

#endif
