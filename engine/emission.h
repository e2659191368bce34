/* What the emission of a group's instructions shares. */
#ifndef ENGINE_EMISSION_H
#define ENGINE_EMISSION_H

#include "engine/chains/assembler.h"
#include "engine/plan.h"

/* Something an instruction reads or writes. */
typedef struct operand {
    bool single;       /* one number for each row */
    bool load;         /* neither a step nor an advance leads through it: `reading` does */
    bool row_register; /* one for values of rows */
    uint32_t slot;
    int64_t bytes; /* of a register: its number */
    int64_t step, advance;
    uint32_t number; /* source of a C scalar; NO_ITEM: none */
    int reg;         /* the register of a tile that it is; -1: none */
    wg_type type;
    reading reading;
} operand;

/* An instruction whose addresses are not yet known. */
typedef struct draft {
    instruction in;
    const wg_op *op;      /* that a chain may know; NULL: it is a copy, or has a kernel of its own */
    single_kernel single; /* the same for one element; NULL: there is none */
    uint32_t count;
    operand operand[4]; /* [3]: the result */
} draft;

/* A chain, the drafts that carry its operands, and where its code begins. */
typedef struct chained {
    struct chain *chain;
    size_t first, count, at;
    instruction *head;
} chained;

typedef struct emission {
    plan *plan;
    const schedule *s;
    const storage *m;
    const group *g;
    group_code *code;
    bump *b;
    operand *places;   /* where the group finds each item of the program that it has computed */
    int *last;         /* the place in the group of the last item that reads it */
    uint32_t *uses;    /* how often items of the group read it */
    uint32_t *partner; /* of an item: the one that is computed together with it; NO_ITEM: none */
    draft *drafts;
    size_t count, capacity;
    uint8_t *taken; /* registers of tiles in use */
    uint32_t registers, row_registers;
    bool all_single; /* one element, and kernels for one know all items */
    size_t element;  /* bytes of a register's element */
    size_t finish_capacity;
    assembler machine; /* code of all chains of the plan */
    chained *chains;   /* of all groups so far */
    size_t chain_count, chain_capacity, group_chains;
} emission;

static inline bool is_row_role(role r)
{
    return r == ROLE_ROW || r == ROLE_ROW_REDUCTION;
}

/* Appends the step of a group. */
bool plan_emit_group(emission *e, const group *g);

/* Columns, rows and chunks. */
void emit_geometry(emission *e);
/* Rows of a tile, when all drafts are there. */
void emit_tiles(emission *e);

int64_t register_bytes(const emission *e, uint32_t reg);
int64_t row_register_bytes(const emission *e, uint32_t reg);
operand take_register(emission *e, wg_type type);

/* Operand k of an item of the group, and where its result is to lie; *later: it is written to a register first. */
operand operand_read(const emission *e, uint32_t index, uint32_t k);
operand operand_result(const emission *e, uint32_t index, bool *later);
/* Leaves an item to the one that reads it, if both can be one instruction. */
bool pair_defer(emission *e, size_t at);
/* The kernel of both. */
tile_kernel pair_kernel(const emission *e, uint32_t first, uint32_t second);
/* The operand of the later item that is the earlier one; the other one is its C operand. */
uint32_t pair_place(const emission *e, uint32_t later, uint32_t earlier);

/* Makes the drafts the group's code, and compiles chains. */
bool emit_settle(emission *e);
/* Puts chains in the place of neighbouring drafts of the group: see engine/chains/. */
bool emit_chains(emission *e);
/* Whether the whole group is one. */
bool is_one_chain(const emission *e);
/* Writes their code, when their instructions are there. */
bool compile_chains(emission *e);
/* Makes the code of all groups executable. */
bool chains_seal(emission *e);
/* One element after the other, without gaps between rows. */
bool operand_flat(const emission *e, const operand *o);
/* Whether a draft before the i-th one, or an earlier operand of it, runs through the same memory as operand k. */
bool operand_seen_before(const emission *e, size_t i, uint32_t k);

#endif
