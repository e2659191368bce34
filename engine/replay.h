/* Replays a recorded graph in f64 with other leaf values: for checkers. Nothing is assigned, nothing is kept on the
   tape.

   f32 nodes become f64; random draws are made in their own type and widened, so that the noise is the recorded one.
   What does not depend on the varied leaves is computed once. */
#ifndef ENGINE_REPLAY_H
#define ENGINE_REPLAY_H

#include "graph/graph.h"

typedef struct replay replay;

/* Prepares to compute `roots`; the tape must not grow while the replay lives. NULL after an error. */
replay *replay_new(wg_context *ctx, const uint32_t *roots, size_t count);
void replay_free(replay *r);
/* Chooses the nodes whose values the caller gives from now on. */
bool replay_vary(replay *r, const uint32_t *ids, size_t count);
/* The values that a varied node has by itself, widened: to start from. */
const double *replay_recorded(replay *r, uint32_t id);
/* Computes the roots with values[i] for the i-th varied node. `branches`, if not NULL, receives a hash of all choices
   between smooth pieces (comparisons, maxima, signs) made on the way. */
bool replay_run(replay *r, const double *const *values, uint64_t *branches);
/* The values of a root after a run: f64 where floats were recorded. */
const double *replay_root(const replay *r, uint32_t id);

#endif
