/* The formula of an Einstein sum, and what it says of the operands' axes. */
#ifndef OPS_FORMULA_H
#define OPS_FORMULA_H

#include "graph/graph.h"

/* Letters in the order of ASCII; after them the axes that an ellipsis stands for, counted from its end. */
enum { LETTERS = 52, LABELS = LETTERS + WG_MAX_RANK };

/* Names of axes in order, and the set of them as bits. */
typedef struct names {
    int count;
    uint8_t label[LABELS];
    uint64_t set;
} names;

/* A tensor and the names of its axes. */
typedef struct named {
    wg_tensor tensor;
    names axes;
} named;

typedef struct formula {
    wg_context *ctx;
    const char *text, *at; /* at: what is to be read next */
    size_t count;          /* of operands */
    named *operand;
    int ellipsis;           /* axes in the widest one */
    int64_t length[LABELS]; /* of the axes */
    size_t owner[LABELS];   /* the operand that told it */
    uint64_t known, twice;  /* labels of operands; those that stand there more than once */
    names output;           /* the axes of the result */
} formula;

static inline bool has(const names *n, int label)
{
    return n->set >> label & 1;
}

static inline void append(names *n, int label)
{
    n->label[n->count++] = (uint8_t)label;
    n->set |= UINT64_C(1) << label;
}

static inline void append_all(names *n, const names *others)
{
    for (int i = 0; i < others->count; i++) append(n, others->label[i]);
}

/* Reads f->text about f->count operands whose tensors are given: the names of their axes, the lengths, the output.
   False after an error. */
bool formula_read(formula *f);

#endif
