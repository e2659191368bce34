/* Ops that only move elements, as tables: where each element of the result comes from. In movement.c. */
#ifndef TESTS_MOVES_H
#define TESTS_MOVES_H

#include "tests/reference/reference.h"

/* For each element of the result: the place in the operand it comes from, -1 for a zero. */
typedef struct moves {
    wg_shape in, out;
    int64_t from[NAIVE_SIZE];
} moves;

typedef wg_tensor (*mover)(wg_tensor x, const void *how);

/* The values of a tensor of each type, and the gradient in f64. */
void check_moves(const moves *m, mover apply, const void *how, const char *format, ...) WG_PRINTF(4, 5);

typedef struct along {
    int axis;
    int64_t a, b, c;
} along;

/* Fills the moves of an op that maps places along one axis: place(i) of the operand, or -1. */
moves moves_along(wg_shape in, int axis, int64_t length, const int64_t *place);

#endif
