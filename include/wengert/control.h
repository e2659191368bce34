/* Regions of a graph that are computed more than once: checkpoints and recurrences. */
#ifndef WENGERT_CONTROL_H
#define WENGERT_CONTROL_H

#include <wengert/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* f(x), recorded now, whose inner values are computed again in the backward pass instead of being kept for it: memory
   for time, as in Chen et al. 2016 (arXiv 1604.06174). What is computed again has the bits it had, random numbers
   included, and what f assigns is assigned once; the gradient of what several checkpoints read is the sum of theirs. f
   may read other tensors than x; checkpoints may lie within one another; all orders of derivatives exist, but none by
   what f has recorded. */
WG_API wg_tensor wg_checkpoint(wg_function f, wg_tensor x);

/* One step of a scan. */
typedef struct {
    wg_tensor step;           /* its number, from 0 on: i64, rank 0 */
    const wg_tensor *carries; /* as the step before has left them */
    const wg_tensor *inputs;  /* what the sequences have for this step */
    wg_tensor *next;          /* to be set: the carries for the next step, of the same types and shapes */
    wg_tensor *outputs;       /* to be set: what is stacked over all steps */
} wg_scan_step;

/* What each step computes: recorded once, by ordinary ops. It may read any tensor of the context. Assigning is an error
   there; tensors made in it do not outlive it. */
typedef struct {
    void (*call)(const void *user, const wg_scan_step *step);
    const void *user;
    size_t outputs; /* how many it sets */
} wg_scan_body;

typedef struct {
    int64_t steps;  /* Default: the length of the sequences */
    bool reverse;   /* the last step first; outputs stand where their inputs do */
    wg_tensor mask; /* bool [steps] or [steps, n]: where it is false, carries (their first axis is n) stay as they are,
                       and outputs are zeros. Default: none */
    int64_t chunk; /* steps whose inner values are there at a time in the backward pass, which keeps the carries of each
                      chunk's first step and computes the chunk again. Default: about the square root of steps */
} wg_scan_options;

/* A recurrence: (carries, inputs) -> (carries, outputs), for each step t with the inputs sequences[i][t], as one node
   whose size does not depend on the number of steps, forward and backward. last[i]: the carries after the last step;
   outputs[i]: [steps, ...]. Carries and outputs are floats of one type; sequences may be of any. Random numbers drawn
   by the body differ from step to step. Derivatives of all orders exist. */
WG_API bool wg_scan(wg_scan_body body, wg_list carries, wg_list sequences, const wg_scan_options *options,
                    wg_tensor *last, wg_tensor *outputs);

#ifdef __cplusplus
}
#endif

#endif
