/* A plan: the steps that compute a program, ready to run with other numbers and other addresses. */
#ifndef ENGINE_PLAN_H
#define ENGINE_PLAN_H

#include "engine/convolution.h"
#include "engine/copy.h"
#include "engine/kernels/kernels.h"
#include "engine/limits.h"
#include "engine/pace.h"
#include "engine/passes.h"
#include "engine/product_step.h"
#include "engine/run.h"
#include "engine/snapshot.h"
#include "engine/storage.h"

#include "base/team.h"

/* ---- addresses ---- */

/* Memory that a run finds at some address: the first ones of the context, then leaves and results. */
enum { SLOT_ARENA, SLOT_REGISTERS, SLOT_PARTIALS, SLOT_GIVEN };

/* One pointer inside the plan: the slot's address and so many bytes. */
typedef struct patch {
    void **where;
    uint32_t slot;
    int64_t bytes;
} patch;

typedef struct patches {
    patch *items;
    size_t count, capacity;
} patches;

/* A leaf: its slot, and its item in the first program. */
typedef struct given {
    uint32_t slot, source;
} given;

/* A block that outlives the run, the items it is the value of, and the persistent tensor in whose memory it may be
   written. */
typedef struct result {
    uint32_t slot;
    size_t bytes;
    uint32_t *sources;
    size_t source_count;
    uint32_t in_place; /* 1 + index; 0: none */
} result;

/* A C scalar, fetched from the tape before each run. */
typedef struct number {
    uint32_t source;
    wg_type type;
    typed_scalar *value;
} number;

/* ---- groups ---- */

/* What is done other than by a vector kernel: copies that follow strides, and kernels of ops that have no other. */
typedef enum special {
    SPECIAL_NONE,
    SPECIAL_COPY,   /* rows to rows */
    SPECIAL_SPREAD, /* one number for each row over its elements */
    SPECIAL_LOAD,   /* what follows strides over all elements */
    SPECIAL_STORE,
    SPECIAL_TOTAL,   /* parts of a total */
    SPECIAL_CHAINED, /* done by the instruction before: see engine/chains/ */
    SPECIAL_OP       /* the op's own kernel */
} special;

typedef enum extent { EXTENT_ROWS, EXTENT_FLAT, EXTENT_ROW_VALUES } extent;

typedef struct instruction {
    tile_kernel kernel;
    tile tile;          /* addresses are those of the first tile */
    int64_t advance[4]; /* bytes from tile to tile: of the operands, and of the result */
    int64_t chunk;      /* bytes of the result from chunk to chunk */
    uint8_t extent;     /* rows x columns; all elements of the tile in one row; one value for each row */
    uint8_t registers;  /* bit k: operand k, bit 3: the result lies in registers */
    uint8_t special;
    const struct special_work *work;
} instruction;

typedef struct special_work {
    const wg_op *op;
    tile_kernel kernel; /* of SPECIAL_TOTAL */
    const wg_attributes *attributes;
    strides strides; /* of load and store, over all elements */
    size_t element;
    wg_type types[3], result;
    uint32_t count, singles; /* of SPECIAL_OP */
} special_work;

/* An instruction of a group of one element. */
typedef struct single_instruction {
    single_kernel run;
    void *out;
    const void *in[2];
} single_instruction;

/* Completes a reduction whose parts lie in the partials, one after the other. */
typedef struct finish {
    const wg_op *op;
    wg_type type;
    int64_t parts, count; /* `count` values in each part */
    bool wide;            /* parts are f64 */
    void *from, *to;
} finish;

/* Memory that is read or written from tile to tile, to be fetched ahead of time. */
typedef struct stream {
    uint32_t instruction;
    uint8_t operand;
    int64_t bytes; /* of a row */
} stream;

/* Rows are what tiles are cut into: of `columns` elements, or single elements if the group is flat (columns 0). */
typedef struct group_code {
    instruction *instructions;
    size_t count;
    single_instruction
        *singles; /* instead of instructions, if the group has one element and all its ops are known for one */
    int64_t rows, columns;
    int64_t tile_rows;
    int64_t chunk_rows,
        chunks; /* what one thread does at a time: fixed by the shape, as reductions have a part for each */
    bool alone; /* too little work to share */
    size_t registers, partials; /* bytes: for each thread; in all */
    finish *finishes;
    size_t finish_count;
    stream *streams;
    size_t stream_count;
    bool ahead; /* streams are worth fetching ahead of time */
} group_code;

/* ---- steps ---- */

typedef struct product_code_step {
    product_loop loop;
    product_plan plan;
    int64_t repeats;
    void *a, *b, *c;
} product_code_step;

typedef struct convolution_code {
    convolution_plan plan;
    void *a, *b, *c;
} convolution_code;

/* An op by its own kernel. */
typedef struct call_code {
    uint32_t source;
    wg_array *inputs, output;
    size_t count;
} call_code;

/* A copy that is a step of its own: into a part of a concat, or what brings the elements of a view together. */
typedef struct copy_code {
    copy_plan plan;
    void *source, *target;
} copy_code;

typedef enum step_kind { STEP_GROUP, STEP_PRODUCT, STEP_CONVOLUTION, STEP_CALL, STEP_COPY } step_kind;

typedef struct plan_step {
    step_kind kind;
    union {
        group_code *group;
        product_code_step *product;
        convolution_code *convolution;
        call_code *call;
        copy_code *copy;
    };
} plan_step;

typedef struct plan {
    bump bump; /* owns all of it */
    program key;
    uint64_t hash, used; /* used: when it ran last */
    assumptions assumptions;
    plan_step *steps;
    size_t step_count, step_capacity;
    patches fixed, bound; /* to arena and registers; to leaves and results */
    void **slots;
    uint32_t slot_count;
    uint32_t *slot_of; /* of each item with memory of its own; the arena for all others */
    given *givens;
    size_t given_count;
    result *results;
    size_t result_count;
    number *numbers;
    size_t number_count, number_capacity;
    size_t arena, registers, partials; /* bytes it needs */
    size_t arena_bound;
    snapshot *snapshot; /* the tape it ran for last; NULL: it was not worth remembering */
    uint64_t layout;    /* of the context's memory that `fixed` was applied for */
    uint32_t computed;  /* nodes that an evaluation counts as computed */
    bool shared;        /* some step has work for several threads */
    bool precise;       /* made for a context with this option */
    pace pace;
    void *code; /* of its chains */
    size_t code_bytes;
} plan;

/* Plans a program; NULL without memory. `scalar`: the number of each item now; `precise`: the option. */
plan *plan_new(memory *m, const program *p, const double *scalar, bool precise);
void plan_free(plan *p, wg_context *ctx);

/* Writes the steps. */
bool plan_emit(plan *p, const schedule *s, const storage *m);

/* ---- what emission shares ---- */

bool plan_patch(plan *p, void **where, uint32_t slot, int64_t bytes);
/* Makes `where` the address of a number. */
bool plan_number(plan *p, uint32_t source, wg_type type, const void **where);
/* The slot and the offset in bytes of an item's memory, given or computed. */
void plan_place(const plan *p, const schedule *s, const storage *m, uint32_t owner, uint32_t *slot, int64_t *bytes);

/* Rows and columns of each instruction for a tile of so many rows. */
void group_set_extents(const group_code *g, instruction *instructions, int64_t tile_rows);
/* Runs a group's chunks and completes its reductions. Registers of thread t begin t times the step after the first's.
 */
void group_run(group_code *g, team *t, char *registers, size_t registers_step);
/* Copies elements that lie one such step apart. */
void strided_copy(void *to, int64_t to_step, const void *from, int64_t from_step, int64_t count, size_t element);
/* Copies elements that follow strides: those from `first` on, `count` of them. */
void strided_load(void *to, const void *from, const strides *s, int64_t first, int64_t count, size_t element);
void strided_store(void *to, const void *from, const strides *s, int64_t first, int64_t count, size_t element);

#endif
