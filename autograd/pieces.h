/* Gradients that are zero but for one interval of an axis, collected while the sweep adds up a cotangent. */
#ifndef AUTOGRAD_PIECES_H
#define AUTOGRAD_PIECES_H

#include "graph/graph.h"
#include "ops/rows.h"

typedef struct piece {
    uint32_t pad;        /* the node */
    uint32_t next;       /* 1 + the place of the one behind it on the axis; 0: none */
    int64_t low, length; /* its interval */
} piece;

/* For each of some nodes a list of pieces along one axis, in order and disjoint. */
typedef struct pieces {
    wg_context *ctx;
    uint32_t *first; /* [nodes]: 1 + the place of the first; NULL before there is any */
    uint8_t *axis;   /* [nodes] */
    size_t nodes;
    piece *piece;
    size_t capacity, count;
} pieces;

void pieces_release(pieces *p);
/* Whether a pad leaves one interval that is not empty. */
bool pieces_is_solid(const wg_context *ctx, const node *pad);
/* Whether a node is such a gradient. */
static inline bool pieces_is_one(const wg_context *ctx, const node *gradient)
{
    return gradient->op == &ops_pad && pieces_is_solid(ctx, gradient);
}

/* Whether it lies beside those collected for node `place`. */
bool pieces_fit(const pieces *p, size_t place, uint32_t gradient);
/* Collects it. False after an error. */
bool pieces_add(pieces *p, size_t place, uint32_t gradient);
static inline bool pieces_any(const pieces *p, size_t place)
{
    return p->first && p->first[place];
}

/* Records the sum of those collected for node `place`, of which there are some, and forgets them; 0 after an error. */
uint32_t pieces_join(pieces *p, size_t place);

#endif
