/* What the parts of the generator share: a recipe under construction and a timeless machine that records it along,
   which tells types and shapes and refuses what the library refuses. */
#ifndef FUZZ_GENERATE_H
#define FUZZ_GENERATE_H

#include "tests/fuzz/machine.h"

typedef struct {
    bool tensor;    /* it can be an operand */
    bool exact;     /* no sum, product or parameter leads to it: it may index */
    bool behind;    /* it reads a parameter that has been assigned since: the next evaluation is its last chance */
    bool lost;      /* that has passed */
    unsigned reads; /* lasting tensors that lead to it, as bits */
    wg_type type;
    wg_shape shape;
} slot_state;

/* What a recipe does wrong on purpose. */
typedef enum { FAULT_NONE, FAULT_INDEX, FAULT_LOST, FAULT_RECORDING } fault_kind;

typedef struct {
    uint64_t chance;
    recipe *made;
    segment *part;
    machine dry;
    trace nothing;
    int64_t length[4]; /* favourite lengths of axes, so that shapes meet */
    int64_t limit;     /* of a tensor's elements */
    uint64_t nodes;    /* of a segment's tape */
    int wanted;        /* tensors looked at so far in the segment */
    int mark;          /* an open one, or -1 */
    int regions;       /* open ones, */
    int scans;         /* and those of them that are bodies of scans */
    fault_kind fault;
    slot_state slot[INSTRUCTIONS];
} generator;

enum { ANY_FLOAT = 1 << WG_F32 | 1 << WG_F64, ANY_WHOLE = 1 << WG_I32 | 1 << WG_I64, ANY_BOOL = 1 << WG_BOOL };
enum { ANY_NUMBER = ANY_FLOAT | ANY_WHOLE, ANY_TYPE = ANY_NUMBER | ANY_BOOL };

/* ---- generate.c ---- */

/* Appends an instruction; its number, or -1 if the library refuses it or it is too large. */
int emit(generator *g, instruction i);
/* The same by kind, name and one or two operands: b counts where the function takes two. */
int emit_call(generator *g, instruction_kind kind, const char *name, int a, int b);
int emit_scalar(generator *g, const char *name, int x, double scalar);
int emit_axes(generator *g, const char *name, int x, wg_axes axes);
/* A new leaf, or something else that has no operands. */
int emit_leaf(generator *g, wg_type type, wg_shape shape);
/* Whole numbers that are places of an axis: given, or computed from something exact. In generate_moves.c. */
int emit_index(generator *g, wg_shape shape, int64_t length);
/* Whole numbers between two ends. */
int emit_whole(generator *g, wg_type type, wg_shape shape, int64_t low, int64_t high);
/* An older tensor of one of the types and at least that rank, or -1. */
int pick(generator *g, unsigned types, int rank);
/* The same, or a new leaf. */
int pick_operand(generator *g, unsigned types, int rank);
/* One of a given type and shape, older or new. */
int pick_like(generator *g, wg_type type, wg_shape shape);
wg_shape random_shape(generator *g, int least_rank);
int64_t random_length(generator *g);
wg_type random_type(generator *g, unsigned types);

/* Drops the newest instructions, those from a number on; what was looked at among them stays counted. */
void drop_from(generator *g, int number);

/* ---- generate_*.c: each appends a few instructions ---- */

/* Any of them. */
void propose(generator *g);

void propose_twin(generator *g);
void propose_equal_numbers(generator *g);
void propose_difference(generator *g);
void propose_unary_row(generator *g);
void propose_binary_row(generator *g);
void propose_scalar_form(generator *g);
void propose_function(generator *g);
void propose_cast(generator *g);
void propose_where(generator *g);
void propose_over_axes(generator *g);
void propose_edge_axes(generator *g);
void propose_along_axis(generator *g);
void propose_product(generator *g);
void propose_product_sum(generator *g);
void propose_linear(generator *g);
void propose_loss(generator *g);

void propose_reshape(generator *g);
void propose_expand(generator *g);
void propose_slice(generator *g);
void propose_pad(generator *g);
void propose_concat(generator *g);
void propose_joints(generator *g);
void propose_moved_twin(generator *g);
void propose_gather(generator *g);
void propose_scatter(generator *g);

void propose_windows(generator *g);
void propose_pool(generator *g);
void propose_order(generator *g);
void propose_along_index(generator *g);
void propose_dynamic(generator *g);
void propose_padded(generator *g);

void propose_conv(generator *g);

void propose_checkpoint(generator *g);
void propose_scan(generator *g);

void propose_chain(generator *g);
void propose_algebra(generator *g);

void propose_recurrence(generator *g);
void propose_shared_products(generator *g);
void propose_sum_over_time(generator *g);

void propose_layer_norm(generator *g);
void propose_cell(generator *g);
void propose_gradients(generator *g);
void propose_assign(generator *g);
void propose_swap(generator *g);
void propose_adam(generator *g);
void propose_look(generator *g);
void propose_mark(generator *g);
/* The gradients of the sum of y's elements by some tensors, those that lead to it; the number of the first gradient, or
   -1. */
int emit_gradients(generator *g, int y, const int *xs, int count);
int emit_assign(generator *g, int lasting_number, int value);
/* Reads tensors, all in one evaluation. */
void emit_look(generator *g, const int *list, int count);
/* Looks at some of what has been made. */
void finish_segment(generator *g);

#endif
