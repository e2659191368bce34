/* The passes over a program that come before anything is laid out. Each writes a new program; sources refer to the
   first. False without memory. */
#ifndef ENGINE_PASSES_H
#define ENGINE_PASSES_H

#include "engine/program.h"

/* Two sources had equal numbers, as C scalars or among their attributes, in the step that was planned, and a plan was
   made that needs them to be. */
typedef struct assumption {
    uint32_t one, other;
} assumption;

typedef struct assumptions {
    assumption *items;
    size_t count, capacity;
} assumptions;

/* Drops items that nothing kept depends on. */
bool pass_dead(const program *from, program *to, bump *b);
/* Replaces items by simpler ones with the same bits (or better ones, for reductions: see the file). */
bool pass_simplify(const program *from, program *to, bump *b);
/* Computes equal items once. `scalar` has the number of each source. */
bool pass_merge(const program *from, program *to, const double *scalar, assumptions *made, bump *b);
/* Small products that share an operand become one large one: see the file. */
bool pass_stack(const program *from, program *to, bump *b);

/* A matrix that many products read transposed is transposed once. */
bool pass_hoist(const program *from, program *to, bump *b);
/* Sums of products become products that add to memory: see the op. */
bool pass_accumulate(const program *from, program *to, bump *b);
/* Products with one term become element-wise. */
bool pass_outer(const program *from, program *to, bump *b);
bool has_one_term(const program *p, const item *matmul);
/* x + a b, of [.., m, k] and [.., k, n]; attributes as matmul's. Known to the planner only. */
extern const wg_op engine_multiply_add;

#endif
