/* What the parts of a scan share: its node, how one is recorded, and its rule. */
#ifndef AUTOGRAD_SCAN_H
#define AUTOGRAD_SCAN_H

#include "autograd/scan_body.h"

#include <wengert/control.h>

/* One application: step t draws from `draw` + t `draws` on, t counted from the first step's number. */
typedef struct scan_call {
    scan_body *body;
    int64_t steps, chunk; /* chunk divides steps */
    bool reverse;
    uint64_t draw, draws;
} scan_call;

scan_call scan_call_of(const wg_attributes *a);
int64_t scan_chunks(const scan_call *c);
/* A part of a scan's value: last carries, outputs [steps, ...], then the carries of chunks [chunks, ...]. */
wg_tensor scan_result(wg_tensor y, const scan_call *c, size_t index);

/* What is to be recorded. */
typedef struct scan_request {
    wg_context *ctx;
    void (*body)(const void *user, const wg_scan_step *step);
    const void *user;
    wg_list carries, sequences;
    size_t outputs;
    wg_tensor first; /* number of the first step: i64, rank 0 */
    int64_t steps, chunk;
    bool reverse;
    uint64_t draw;  /* of step 0 the first */
    bool replays;   /* what the body draws is numbered from there on already, so many in each step: */
    uint64_t draws; /* else that many were recorded */
} scan_request;

/* Records a scan; poison after an error. *call: what it is. */
wg_tensor scan_record(const scan_request *q, scan_call *call);
void scan_vjp(wg_tensor y, wg_tensor g, wg_tensor *gradients);

#endif
