/* The parts of the check of an op. Each of them looks at one application, whose values lie beside any tape, and notes
   what it finds. */
#ifndef AUTOGRAD_OP_CHECK_H
#define AUTOGRAD_OP_CHECK_H

#include "graph/graph.h"

/* One application of an op with the values of its operands, which belong to the check. */
typedef struct application {
    size_t count;
    wg_array *inputs;
    wg_array output; /* no data */
    wg_attributes attributes;
    bool scalar; /* operand 0 is a C scalar, as of rows that are told their type and shape */
} application;

typedef struct op_check {
    wg_context *home; /* the caller's: for memory, and for errors that are none of the op's */
    const wg_op *op;
    FILE *file;         /* NULL: silent */
    wg_type type;       /* default type of the contexts in use */
    wg_context *ctx;    /* where the sample was recorded */
    application at;     /* the sample's */
    bool ours;          /* the op is a row of the library's table */
    bool refuses;       /* its VJP says that there is no gradient */
    int findings, said; /* in all, and printed of the present type */
} op_check;

/* Notes and prints what is wrong: "  f32: ..."; of each type only the first few. */
void op_check_note(op_check *c, const char *format, ...) WG_PRINTF(2, 3);
/* A context like the caller's for one way of evaluating; NULL after an error. */
wg_context *op_check_context(op_check *c, const wg_context_options *way);
/* Frees it. Its error, if memory ran out, becomes the caller's; any other is noted as `what`. False if it had one. */
bool op_check_close(op_check *c, wg_context *ctx, const char *what);
/* Whether the check can go on: the caller's context has no error. */
static inline bool op_check_alive(const op_check *c)
{
    return graph_ok(c->home);
}

/* Records the application again in a context: constants, to which the operands' handles are written, and the op. */
wg_tensor op_check_record(op_check *c, wg_context *ctx, const application *a, wg_tensor *operands);

/* ---- applications ---- */

/* Copies a recorded one, whose operands are evaluated. False after an error. */
bool application_take(op_check *c, wg_tensor y, application *a);
/* The same in f64: what is f32 is widened. */
bool application_widen(op_check *c, const application *a, application *wide);
/* The same with float operands drawn anew from the op's range, or moved a little where none is stated. */
bool application_vary(op_check *c, const application *a, uint64_t stream, application *other);
/* For element-wise ops of floats with a stated range: operands of so many elements. */
bool application_spread(op_check *c, const application *a, int64_t size, application *other);
void application_free(op_check *c, application *a);
/* Calls a kernel; the output is filled with `junk` before, and operands and output lie between guards. The counted
   result is the caller's; NULL after a finding or an error. */
void *application_run(op_check *c, const application *a, void (*kernel)(const wg_call *), unsigned char junk,
                      unsigned char guard);
/* The op's own kernel for it. */
void (*application_kernel(const op_check *c, const application *a))(const wg_call *);
/* Rows along the last axis. */
static inline int64_t application_rows(const wg_array *a)
{
    int64_t rows = 1;
    for (int i = 0; i + 1 < a->shape.rank; i++) rows *= a->shape.dim[i];
    return rows;
}

static inline size_t application_bytes(const wg_array *a)
{
    return (size_t)wg_shape_size(a->shape) * wg_type_size(a->type);
}

/* ---- the parts ---- */

void op_check_infer(op_check *c);
void op_check_kernel(op_check *c);
void op_check_parts(op_check *c);
void op_check_accuracy(op_check *c);
void op_check_evaluation(op_check *c);
void op_check_gradients(op_check *c);
void op_check_kinks(op_check *c);

#endif
