/* Reading what a body was cut from: which nodes it needs, what they are called in it, and its structure in words. */
#ifndef AUTOGRAD_SCAN_CUT_H
#define AUTOGRAD_SCAN_CUT_H

#include "autograd/scan_body.h"

/* `place` of each node from `first` on is 1 + its number in the body, parameters counting first; 0: not needed. */
typedef struct scan_reading {
    scan_cut *cut;
    uint32_t *place;
    uint32_t *nodes; /* that are needed, rising */
    size_t node_count, capture_capacity, number_capacity, word_capacity;
    uint64_t *words; /* the body's structure: bodies with equal words are equal */
    size_t word_count;
} scan_reading;

/* The step's number, carries and slices: nodes from `first` on. */
static inline size_t scan_given(const scan_cut *c)
{
    return 1 + c->carries + c->sequences;
}

/* Finds captures, numbers and structure; false after an error. */
bool scan_read_cut(scan_reading *r);
void scan_release_reading(scan_reading *r);
/* The number that stands for a node in the body. */
uint32_t scan_number_of(const scan_reading *r, uint32_t id);

/* ---- tapes (scan_tape.c) ---- */

/* The body's own tape, from what was recorded. */
bool scan_tape_make(scan_body *b, const scan_reading *r);
void scan_tape_release(memory *m, scan_tape *t);

#endif
