/* What an op is: the struct that each row of the table of primitives fills in, and a user's own op, too. */
#ifndef WENGERT_OP_H
#define WENGERT_OP_H

#include <wengert/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Values as a kernel sees them: contiguous, row-major. While shapes are inferred `data` is NULL. */
typedef struct {
    wg_type type;
    wg_shape shape;
    void *data;
} wg_array;

/* What an op needs to know beside its operands; each op says what the fields mean. Integers belong to the structure of
   the graph, reals are bound late. */
typedef struct {
    double real[4];
    int64_t integer[16];
} wg_attributes;

enum { WG_FAULT_SIZE = 200 };

/* One application of an op: to infer its output, or to compute it. */
typedef struct {
    size_t count; /* operands */
    const wg_array *inputs;
    wg_array *output;                /* to be filled in: type and shape when inferring, data when computing */
    const wg_attributes *attributes; /* never NULL */
    char *fault;   /* [WG_FAULT_SIZE]: a kernel writes here what is wrong with the values it was given */
    void *scratch; /* what wg_op.scratch has asked for, aligned to 64 bytes; its content is anything */
} wg_call;

/* Where an op is tested, and how accurate it is. */
typedef struct {
    double low, high; /* operands inside [low, high] are what tests and checkers draw */
    /* Accuracy in f32: distance from the true value in units of the last place. -1: it grows with the number of terms,
       at most by so many units in the sum of their magnitudes. */
    double ulp;
} wg_numerics;

typedef struct wg_op wg_op;
struct wg_op {
    const char *name;    /* "matmul" */
    const char *summary; /* one line: the formula */
    int arity;           /* number of operands; -1: any number, at least one */
    /* Each row of the output depends on the same row of each operand alone: kernel and branch see all arrays as
       [rows, length], leading axes merged, and may be called for any part of the rows. */
    bool row_wise;
    /* Output[i] depends on input[i] of each operand alone: a kernel may be called for any part of the elements. An
       operand of rank 0 serves all elements, if infer accepts one. */
    bool elementwise;
    bool predicate; /* element-wise with a bool result */
    /* Draws: real[0] is the number of the draw, real[1] and real[2] are the halves of the seed, all filled in by
       wg_apply; never merged with an equal node. One draw chooses the same in f32 and f64, where checks compute. */
    bool random;
    bool alias; /* the output is the first operand's values under another shape: no kernel; other operands are only
                   waited for */

    /* Sets the output's type and shape (ops that are told theirs, such as reshape, find them there); or returns false
       with a reason that reads after "name: ", the output's type being WG_DEFAULT if the types are at fault. Depends on
       the operands' types and shapes and on the attributes alone. */
    bool (*infer)(const wg_call *call, char *message, size_t message_size);
    /* Computes the output; indexed by the type of the first operand (of the output, where there is no operand). Writes
       all of the output, which is not cleared, and nothing else; gradient checks and replays compute in f64, so an op
       of floats needs both kernels. What it keeps in static variables is its own affair: contexts of several threads
       may call it at once. */
    void (*kernel[WG_TYPES])(const wg_call *call);
    /* How many bytes of memory a kernel needs beside its operands and result. NULL: none. */
    size_t (*scratch)(const wg_call *call);
    /* Takes the place of kernel[WG_F32] in contexts with the option `precise`. NULL: that is within 1 ULP itself. */
    void (*precise)(const wg_call *call);
    /* Records the gradient of each operand, given the cotangent of y, by public ops only; linear in the cotangent.
       What is left WG_NONE is zero, or not wanted (see wg_wanted). NULL: the op has no gradient, or (for integer
       results) none is asked for. */
    void (*vjp)(wg_tensor y, wg_tensor cotangent, wg_tensor *gradients);
    /* Multiply-adds and the like, counted as 2, for one application. NULL: one for each element of the output. */
    double (*flops)(const wg_call *call);
    /* Records one typical application, for the walks over all ops. */
    wg_tensor (*sample)(wg_context *context);
    /* For ops that choose between smooth pieces: fills `branch` with the choice for each element of the output, in f64,
       so that a checker can tell whether two points lie on one piece. NULL: an integer result is its own choice. */
    void (*branch)(const wg_call *call, int64_t *branch);
    wg_numerics numerics;
};

/* Records one application of an op: a row of the table, or a user's own. `attributes` may be NULL: all zero. Errors:
   NULL where the op needs a field, another number of operands than its arity (at least one), no kernel for the type of
   the first, what infer refuses, a result that is no type or shape. The op must outlive the tape. */
WG_API wg_tensor wg_apply(const wg_op *op, wg_list operands, const wg_attributes *attributes);
/* Operand `index` of a recorded tensor, and its attributes: for VJPs. */
WG_API wg_tensor wg_input(wg_tensor y, size_t index);
WG_API wg_attributes wg_attributes_of(wg_tensor y);

/* For VJPs: whether the gradient of operand `index` is asked for. What is not may be left WG_NONE, and saves its nodes.
 */
WG_API bool wg_wanted(wg_tensor y, size_t index);

/* The library's own primitives: how many, and each one, in a fixed order. */
WG_API size_t wg_op_count(void);
WG_API const wg_op *wg_op_at(size_t index);

#ifdef __cplusplus
}
#endif

#endif
