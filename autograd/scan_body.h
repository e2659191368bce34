/* The body of a scan: what one step computes, cut out of the tape where it was recorded.

   Its parameters are, in this order: the step's number, carries, the step's parts of the sequences, captures (what it
   reads of the tape around it), and one f64 tensor with the numbers that are bound late. Equal bodies are one object,
   so that tapes that repeat themselves have equal scans. */
#ifndef AUTOGRAD_SCAN_BODY_H
#define AUTOGRAD_SCAN_BODY_H

#include "autograd/reverse.h"

enum { SCAN_REALS = sizeof((wg_attributes *)0)->real / sizeof(double) };

/* The integers of a scan's attributes; its reals: the number of the first draw, and the seed's halves. */
enum { SCAN_ID, SCAN_BODY, SCAN_STEPS, SCAN_CHUNK, SCAN_REVERSE, SCAN_DRAWS, SCAN_INTEGERS };

/* A body as a tape of its own, in a context of its own. */
typedef struct scan_tape {
    wg_context *context;
    uint32_t *parameters; /* its leaves: their values are borrowed anew for each step */
    uint32_t *roots;      /* carries for the next step, then outputs */
    uint32_t *numbered;   /* nodes that take numbers: of each a C scalar, or all reals */
    uint32_t *drawing;    /* nodes that draw */
} scan_tape;

typedef struct scan_body {
    uint64_t id; /* of no other body ever */
    uint64_t hash, used;
    uint64_t *words; /* its structure */
    size_t word_count;
    size_t carries, sequences, captures, outputs;
    size_t numbers; /* in the tensor of numbers; 0: there is none */
    size_t numbered, drawing;
    uint64_t *draw;             /* of each node that draws: its draw's number, from the first of the step on */
    wg_type type;               /* of all carries and outputs */
    wg_array *parameter, *root; /* types and shapes */
    double flops;               /* of a step */
    wg_context *owner;
    scan_tape tape, wide; /* wide: f64 in the place of f32, made when a checker asks for it */
} scan_body;

/* Whether the first real of a node is the number of a draw. */
static inline bool scan_draws(const wg_context *ctx, const node *n)
{
    if (n->op != &autograd_scan_op) return n->op->random;
    return ((const scan_body *)(uintptr_t)graph_attributes(ctx, n)->integer[SCAN_BODY])->drawing > 0;
}

static inline size_t scan_parameters(const scan_body *b)
{
    return 1 + b->carries + b->sequences + b->captures + (b->numbers > 0);
}

/* What a body is cut from: nodes from `first` on, the parameters but for captures and numbers standing first. */
typedef struct scan_cut {
    wg_context *ctx;
    uint32_t first;
    size_t carries, sequences, outputs;
    const uint32_t *roots;
    uint64_t draw; /* the first draw of the step */
    wg_type type;
    uint32_t *captures; /* found: nodes before `first`, and leaves after it; from the context's memory */
    size_t capture_count;
    double *numbers; /* found, likewise */
    size_t number_count;
} scan_cut;

/* The body for what was recorded, one that is known or a new one; NULL after an error. */
scan_body *scan_find_body(scan_cut *cut);
void scan_release_cut(scan_cut *cut);
/* Records a step of a body on the tape of ctx with other parameters (but the numbers' values are given): carries and
   outputs go to `roots`. False after an error. */
bool scan_replay_body(wg_context *ctx, const scan_body *b, const wg_tensor *parameters, const double *numbers,
                      uint64_t draw, wg_tensor *roots);
/* The tape of the body, or the wide one; NULL without memory. */
scan_tape *scan_tape_of(scan_body *b, bool wide);

#endif
