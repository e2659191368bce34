/* A program: what one evaluation computes, cut loose from the tape. Passes rewrite programs; a plan is made of one.

   Items stand in an order in which each uses only earlier ones. Two segments of tape with equal programs share a plan:
   what differs from step to step (numbers, addresses, draws) stays on the tape and is fetched through `source`. */
#ifndef ENGINE_PROGRAM_H
#define ENGINE_PROGRAM_H

#include "base/bump.h"
#include "engine/demand.h"

#define NO_ITEM UINT32_MAX

enum item_flags {
    ITEM_KEEP = 1,  /* its value outlives the evaluation */
    ITEM_FIXED = 2, /* its scalar is structure: `fixed` */
    ITEM_GATHER = 4 /* a movement that is to have memory of its own */
};

typedef struct item {
    const wg_op *op; /* NULL: a leaf, whose values are given */
    wg_shape shape;
    int64_t size;            /* elements */
    double fixed;            /* see ITEM_FIXED */
    uint32_t operand, count; /* its operands in program.operands; NO_ITEM in the place of the weak scalar */
    uint32_t attributes;     /* in program.attributes */
    uint32_t persistent;     /* 1 + index of the persistent tensor: read by a leaf, assigned by an assign; 0: none */
    uint8_t type, scalar_operand, flags, unused;
} item;

typedef struct program {
    item *items;
    uint32_t count;
    size_t item_capacity;
    uint32_t *operands;
    size_t operand_count, operand_capacity;
    wg_attributes *attributes; /* [0]: none; reals are those of the step that was planned */
    size_t attribute_count, attribute_capacity;
    uint32_t *source; /* of each item: its node on the tape; in a rewritten program, its item in the first one */
    size_t source_capacity;
} program;

/* The program of a demand; false without memory. `place` has a 0 for each node, and has again afterwards. */
bool program_build(program *p, bump *b, const wg_context *ctx, const demand *d, uint32_t *place);
/* Whether an op is a row of the library's table. A user's kernel may find fault with values, and what else it does is
   not known: it runs alone. */
bool program_knows(const wg_op *op);
/* Whether a plan for one serves the other. */
bool program_same(const program *a, const program *b);
bool program_copy(program *to, const program *from, bump *b);
/* A number equal for equal programs. */
uint64_t program_hash(const program *p);

/* ---- rewriting ---- */

/* A program that is being written while another one is read: one pass. */
typedef struct rewriting {
    const program *from;
    program *to;
    bump *bump;
    uint32_t *map; /* of each item of `from` dealt with so far: what stands for it in `to` */
} rewriting;

bool rewriting_begin(rewriting *r, const program *from, program *to, bump *b);
/* Appends an item like this one, with these operands; NO_ITEM without memory. `attributes` NULL: none. */
uint32_t rewriting_add(rewriting *r, const item *like, const uint32_t *operands, const wg_attributes *attributes,
                       uint32_t source);
/* The same item with mapped operands. */
uint32_t rewriting_keep(rewriting *r, uint32_t index);
/* The i-th operand of an item of `from`, as it is in `to`; NO_ITEM: the weak scalar. */
static inline uint32_t rewriting_operand(const rewriting *r, uint32_t index, uint32_t i)
{
    uint32_t operand = r->from->operands[r->from->items[index].operand + i];
    return operand == NO_ITEM ? NO_ITEM : r->map[operand];
}

static inline const uint32_t *program_operands(const program *p, const item *it)
{
    return p->operands + it->operand;
}

/* The readers of each item; results count for more than one. NULL without memory. */
uint32_t *program_uses(const program *p, bump *b);

#endif
