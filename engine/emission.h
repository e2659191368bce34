/* What the emission of a group's instructions shares. */
#ifndef ENGINE_EMISSION_H
#define ENGINE_EMISSION_H

#include "engine/plan.h"

/* Something an instruction reads or writes. */
typedef struct operand {
    bool single;       /* one number for each row */
    bool load;         /* neither a step nor an advance leads through it: `reading` does */
    bool row_register; /* `bytes` count from the first register for values of rows */
    uint32_t slot;
    int64_t bytes, step, advance;
    uint32_t number; /* source of a C scalar; NO_ITEM: none */
    int reg;         /* the register of a tile that it is; -1: none */
    wg_type type;
    reading reading;
} operand;

/* An instruction whose addresses are not yet known. */
typedef struct draft {
    instruction in;
    single_kernel single; /* the same for one element; NULL: there is none */
    uint32_t count;
    operand operand[4]; /* [3]: the result */
} draft;

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
} emission;

static inline bool is_row_role(role r)
{
    return r == ROLE_ROW || r == ROLE_ROW_REDUCTION;
}

/* Appends the step of a group. */
bool plan_emit_group(emission *e, const group *g);

/* Columns, rows and elements of a tile, chunks. */
void emit_geometry(emission *e);

int64_t register_bytes(const emission *e, uint32_t reg);
int64_t row_register_bytes(const emission *e, uint32_t reg);
operand take_register(emission *e, wg_type type);

/* Operand k of an item of the group, and where its result is to lie; *later: it is written to a register first. */
operand operand_read(const emission *e, uint32_t index, uint32_t k);
operand operand_result(const emission *e, uint32_t index, bool *later);
/* One element after the other, without gaps between rows. */
bool operand_flat(const emission *e, const operand *o);

#endif
