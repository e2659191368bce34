/* Gradients, which are graphs themselves, and the proof that they are right. */
#ifndef WENGERT_GRADIENT_H
#define WENGERT_GRADIENT_H

#include <wengert/op.h>
#include <wengert/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* dy/dx of a one-element y, with x's shape and type: a recorded tensor like any other, so it can be drawn, checked and
   differentiated again. Zeros if y does not depend on x. x may be a parameter or variable, which means its current
   binding: a y recorded before x was assigned is an error. */
WG_API wg_tensor wg_grad(wg_tensor y, wg_tensor x);
/* The gradients with respect to several tensors in one sweep, written to out[xs.count]. */
WG_API bool wg_grads(wg_tensor y, wg_list xs, wg_tensor *out);
/* The product of a cotangent, of y's shape and type, with the Jacobian dy/dx: sum_i cotangent[i] dy[i]/dx, of x's shape
   and type. One reverse sweep, as for wg_grad, which is the same with a one-element y and the cotangent 1. */
WG_API wg_tensor wg_vjp(wg_tensor y, wg_tensor x, wg_tensor cotangent);
/* The same for several y, each with its cotangent, and several xs: out[i] is the sum over all y, in one sweep. */
WG_API bool wg_vjps(wg_list ys, wg_list cotangents, wg_list xs, wg_tensor *out);
/* The Jacobian dy/dx times a tangent, of x's shape and type: sum_k dy/dx[k] tangent[k], of y's shape and type (forward
   mode). Recorded as the vector-Jacobian product of a vector-Jacobian product, of which only the second is computed: no
   op has a second rule, and the result can be differentiated again. x and y may be any tensors of floats, one and the
   same, too; zeros if y does not depend on x. Recording takes two sweeps, some three to six times the nodes of y;
   evaluation computes y's own nodes and about as many again, 1 to 2 times the work of y beside y (docs/guide.md has
   figures). */
WG_API wg_tensor wg_jvp(wg_tensor y, wg_tensor x, wg_tensor tangent);
/* The same for several xs, each with its tangent: their sum. */
WG_API wg_tensor wg_jvps(wg_tensor y, wg_list xs, wg_list tangents);
/* The Hessian of a one-element y times a vector of x's shape and type (Pearlmutter 1994), by differentiating the
   gradient: two sweeps, and the work of some two gradients. Where y is not twice differentiable (stop_gradient) it is
   the vector times the derivative of the gradient. */
WG_API wg_tensor wg_hvp(wg_tensor y, wg_tensor x, wg_tensor vector);
/* The same with the Hessian by all xs together: out[i] is the sum over k of d2y / dxs[i] dxs[k] times vectors[k]. */
WG_API bool wg_hvps(wg_tensor y, wg_list xs, wg_list vectors, wg_tensor *out);
/* The whole Jacobian, of shape [y..., x...] and x's type: [i, k] is dy[i]/dx[k]. Rows by reverse mode, one sweep for
   each element of y, or columns by forward mode where x has fewer elements: nodes and work of one gradient (of one
   wg_jvp) times the smaller number. More than 4096 sweeps are refused, and ranks that add up to more than 8. */
WG_API wg_tensor wg_jacobian(wg_tensor y, wg_tensor x);
/* All second derivatives of a one-element y, of shape [x..., x...]: the Jacobian of its gradient, symmetric to
   rounding. x has up to 4096 elements, each of which takes a sweep over the gradient. */
WG_API wg_tensor wg_hessian(wg_tensor y, wg_tensor x);
/* Whether a differentiable path leads from x to y. */
WG_API bool wg_depends_on(wg_tensor y, wg_tensor x);
/* y recorded again with to[i] in the place of from[i]; what does not depend on any from[i] is shared with y. */
WG_API wg_tensor wg_substitute(wg_tensor y, wg_list from, wg_list to);

/* ---- checking ---- */

typedef struct {
    bool fast;        /* random directions instead of every element, also for small leaves */
    int directions;   /* random directions for each large leaf. Default: 16 */
    int64_t full;     /* leaves of up to this many elements are swept element by element. Default: 256 */
    double tolerance; /* on the error below. Default: 1e-6 */
    double step;      /* first step of the differences, relative to the leaf's root mean square. Default: 1e-2 */
    uint64_t seed;    /* of the directions. Default: 0 */
    int order;        /* 2: check the gradient of the gradient's product with a random vector, too. Default: 1 */
} wg_gradcheck_options;

enum { WG_GRADCHECK_LEAVES = 64, WG_GRADCHECK_NAME = 96, WG_GRADCHECK_KINKED = 8 };

/* What was found for one leaf. Errors compare the analytic a with the numeric n over all samples (elements or
   directions) whose differences can be trusted: no kink lies within the step, and rounding of y and extrapolation leave
   room for errors of at most ten times the tolerance. */
typedef struct {
    char name[WG_GRADCHECK_NAME]; /* the parameter's name, or the op and C line of the leaf */
    wg_shape shape;
    int order;                           /* of the derivative that was checked: 1 or 2 */
    bool passed, swept;                  /* swept: element by element; else along random directions */
    int64_t samples;                     /* compared */
    int64_t kinks;                       /* left out: a kink lies within every step that could be tried */
    int64_t kinked[WG_GRADCHECK_KINKED]; /* the first of these: elements, or numbers of directions */
    int64_t blurred;                     /* left out: rounding of y drowns the difference */
    double norm_error;                   /* |a - n| / (|a| + |n|), Euclidean over the samples; 0 if both vanish */
    double worst_error;       /* largest |a - n| / (|a| + |n| + 1e-3 scale), scale being the leaf's largest |a| */
    int64_t worst_sample;     /* the element, or the number of the direction, where that is; -1: none */
    double analytic, numeric; /* there */
} wg_gradcheck_leaf;

typedef struct {
    bool passed;        /* every leaf passed, something was compared, and nothing was non-finite */
    bool complete;      /* false: an error of the context stopped the check; see wg_error */
    double value;       /* y, in f64 */
    double worst_error; /* the worst norm_error of all leaves */
    double tolerance;
    uint64_t seed;
    int order;
    size_t leaf_count; /* leaves checked, each counted once for each order; of more than WG_GRADCHECK_LEAVES the worst
                          are listed */
    size_t listed;
    wg_gradcheck_leaf leaves[WG_GRADCHECK_LEAVES];
} wg_gradcheck_report;

/* Checks the gradient of a recorded one-element tensor y with respect to the leaves xs; an empty list means all the
   trainable parameters that y depends on. The graph is replayed in f64 from the same leaf values with the same random
   numbers; nothing is assigned, nothing stays on the tape. An order other than 1 and 2 is an error. */
WG_API wg_gradcheck_report wg_gradcheck(wg_tensor y, wg_list xs, const wg_gradcheck_options *options);
/* Prints the report as a table of leaves and a verdict. */
WG_API bool wg_gradcheck_print(const wg_gradcheck_report *report, FILE *file);

/* The walk that every row of the library's table passes, for a user's own op: its fields; its shape rule, on the sample
   and on nonsense; its kernels in f32 and f64, which write all of the output and nothing else, keep what row_wise,
   elementwise, predicate and random promise, and agree within numerics.ulp (where numerics are not stated, within 1024
   units in the last place of the largest element); planned, plain and eager evaluation; that its VJP is linear in the
   cotangent and right to second order; kinks that `branch` does not tell. All of it from op->sample, or where that
   records another op of the same name, a copy of this one, from its operands. Prints a line for each finding and a
   verdict; `file` may be NULL. False if something was found; what comes later in this list is not tried then. Nothing
   stays in the context, and what is wrong with the op is no error of the context; running out of memory is. */
WG_API bool wg_op_check(wg_context *context, const wg_op *op, FILE *file);

#ifdef __cplusplus
}
#endif

#endif
