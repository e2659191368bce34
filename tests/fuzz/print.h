/* What the parts of the printed program share. */
#ifndef FUZZ_PRINT_H
#define FUZZ_PRINT_H

#include "tests/fuzz/recipe.h"

/* ---- print_instruction.c ---- */

extern const char *const type_word[WG_TYPES];
void print_shape(wg_shape shape, FILE *file);
/* Some of the operands, as a list. */
void print_some(const instruction *i, int first, int last, FILE *file);
/* An array of a leaf's values, one row for each step. */
void print_values(const instruction *leaf, const char *name, int steps, FILE *file);
/* wg_from_f32, wg_borrow_i64 of such an array. */
void print_leaf(const instruction *i, const char *values, FILE *file);
/* A line, or more. */
void print_instruction(const instruction *i, int part, int number, FILE *file);

/* ---- print_regions.c ---- */

/* What programs with regions need. */
void print_region_preamble(FILE *file);
/* The functions of a segment's regions. */
void print_region_functions(const segment *s, int part, FILE *file);
/* Some instructions, a region by its call. */
void print_instructions(const segment *s, int part, int from, int to, FILE *file);

#endif
