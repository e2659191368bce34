/* The context: its life, its tape, its scopes, its errors. */
#ifndef WENGERT_CONTEXT_H
#define WENGERT_CONTEXT_H

#include <wengert/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where a context gets its memory. `allocate` returns 64-byte aligned blocks or NULL; sizes are multiples of 64.
   `release` gets back what `allocate` gave, with the same size. Only the thread that uses the context calls them. */
typedef struct {
    void *(*allocate)(void *user, size_t size);
    void (*release)(void *user, void *block, size_t size);
    void *user;
} wg_allocator;

/* Read-only weights in memory, counted by the contexts that use them: see wg_weights_open. */
typedef struct wg_weights wg_weights;

/* What a context is made with; all zero is the default. */
typedef struct {
    wg_type type;              /* default element type, WG_F32 or WG_F64. Default: WG_F32 */
    uint64_t seed;             /* of all random numbers. Default: 0 */
    int threads;               /* at work on an evaluation, the caller included. Default: one for each processor, and
                                  no more in all contexts of the process together */
    wg_context *threads_of;    /* use the threads of this context, which must be freed later: while they are at work for
                                  another context, evaluations go on alone. Default: threads of its own */
    wg_mode mode;              /* Default: WG_TRAIN */
    size_t memory_limit;       /* in bytes, everything together. Default: none */
    wg_allocator allocator;    /* Default: the C library's */
    const wg_weights *weights; /* parameters of the same name alias these, frozen. Default: none */
    bool eager;                /* compute each op when it is recorded, for debugging */
    bool plain;                /* compute one node at a time, without plans: to compare with; so does WG_PLAIN=1 */
    bool timed;                /* measure lookup_seconds of wg_stats, which takes some 50 ns of each evaluation */
    bool precise;              /* f32 element-wise ops within 1 ULP; else a few, such as tanh, are off by up to 3 */
    bool flush_denormals;      /* evaluations take denormals for zero and make none, where the processor can */
    bool check_finite;         /* a NaN or an infinity in any computed value is an error that names the op */
    bool break_on_error;       /* raise SIGTRAP at the first error: for use in a debugger */
} wg_context_options;

/* Counters of a context, for logs and tests. */
typedef struct {
    uint64_t nodes;        /* on the tape now */
    uint64_t recorded;     /* nodes ever recorded */
    uint64_t evaluations;  /* times the engine has run */
    uint64_t computed;     /* nodes it has computed */
    uint64_t clears;       /* calls of wg_clear */
    uint64_t draws;        /* random tensors drawn */
    uint64_t allocations;  /* calls of the allocator */
    size_t bytes;          /* held from the allocator now */
    size_t peak_bytes;     /* most ever held */
    uint64_t plans;        /* kept now, to serve evaluations like those they were made for */
    uint64_t plan_hits;    /* evaluations that found their plan */
    uint64_t plan_misses;  /* plans made */
    size_t plan_bytes;     /* of the plans kept now */
    double plan_seconds;   /* spent on making plans */
    double lookup_seconds; /* spent on finding plans, with the option timed */
    uint64_t groups;       /* fused groups that have been run */
} wg_stats;

/* A new context; NULL options are all defaults. NULL if there is no memory for it or an option is wrong: then the error
   of NULL says why, and NULL is accepted wherever a context is. */
WG_API wg_context *wg_context_new(const wg_context_options *options);
/* Releases the context and all that was made from it. Pending assigns are dropped. */
WG_API void wg_context_free(wg_context *context);
/* Prints the error, if there is one, and frees the context: the last line of a program. Returns what main should:
   0, or 1 after an error. `errors` may be NULL. */
WG_API int wg_context_close(wg_context *context, FILE *errors);

/* Performs pending assigns, then forgets the tape. Parameters and variables stay. */
WG_API void wg_clear(wg_context *context);
/* The present end of the tape, for wg_rewind. */
WG_API uint64_t wg_mark(wg_context *context);
/* Forgets what was recorded since the mark, after performing the assigns among it. Handles to older tensors stay valid.
 */
WG_API void wg_rewind(wg_context *context, uint64_t mark);
/* Sets the mode and returns the one before. */
WG_API wg_mode wg_set_mode(wg_context *context, wg_mode mode);
/* The mode that layers see now. */
WG_API wg_mode wg_get_mode(const wg_context *context);
/* The type that WG_DEFAULT stands for. */
WG_API wg_type wg_default_type(const wg_context *context);
/* The counters as they stand. */
WG_API wg_stats wg_context_stats(const wg_context *context);

/* Names what is recorded until the matching wg_scope_end: scopes nest to a path such as "block2/attention", which
   labels nodes in pictures and messages and begins the names of parameters made inside. */
WG_API void wg_scope_begin(wg_context *context, const char *format, ...) WG_PRINTF(2, 3);
WG_API void wg_scope_end(wg_context *context);

/* Whether the context has failed. The first error sticks: every later call does nothing until wg_recover.
   A NULL context has failed; its error is kept per thread. */
WG_API bool wg_failed(const wg_context *context);
WG_API wg_status wg_error_status(const wg_context *context);
/* The text of the first error: op, broken rule, shapes, path, C line and a hint. "" without an error.
   Valid until the next call with this context. */
WG_API const char *wg_error(wg_context *context);
/* Forgets the error and the tape, pending assigns included; parameters keep the values they had. */
WG_API void wg_recover(wg_context *context);

/* The library's version, "0.1.0" say. */
WG_API const char *wg_version(void);

#ifdef __cplusplus
}
#endif

#endif
