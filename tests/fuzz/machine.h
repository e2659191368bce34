/* Running a recipe in a context, and what was seen of it. */
#ifndef FUZZ_MACHINE_H
#define FUZZ_MACHINE_H

#include "tests/fuzz/recipe.h"

/* ---- trace.c: what a run has shown ---- */

/* One value that was read, or the failure to read it. */
typedef struct {
    int segment, step, instruction; /* instruction -1: a lasting tensor after the step */
    int part;                       /* which of the tensors of one evaluation, or which lasting tensor */
    wg_status status;
    wg_type type;
    wg_shape shape;
    size_t offset; /* of its values */
} observation;

typedef struct {
    observation *seen;
    size_t count, capacity;
    unsigned char *bytes;
    size_t used, room;
    bool partial; /* a run without regions has taken a derivative that is another one in a scan */
} trace;

/* Adds an observation and gives the place for its values: `size` bytes, valid until the next call. */
void *trace_add(trace *t, observation seen, size_t size);
void trace_free(trace *t);

/* ---- machine.c: one context at work ---- */

/* A tensor to be looked at when a segment is bounded. */
typedef struct {
    observation place;
    wg_tensor tensor;
} wanted_tensor;

enum { WANTED = 128 };

typedef struct {
    wg_context *ctx;
    const recipe *recipe;
    trace *out;
    /* A timeless machine evaluates nothing while it records, never rewinds, and so loses no value: reads are only noted
       down. It makes shapes known to the generator and error bounds to the comparison. */
    bool timeless;
    bool unfolded;     /* it does without regions */
    uint32_t own_node; /* the first that belongs to the step of a scan at work */
    int step, segment;
    wg_tensor lasting[LASTING];
    wg_tensor slot[INSTRUCTIONS][MANY];
    uint64_t mark[INSTRUCTIONS];
    void *buffer[INSTRUCTIONS];
    wanted_tensor wanted[WANTED];
    int wanted_count;
} machine;

/* Opens a context with the recipe's lasting tensors. */
bool machine_open(machine *m, const recipe *r, const wg_context_options *options);
void machine_close(machine *m);
/* Begins a segment in a step; ends it: the tape is gone, and the error if there was one, which is the result. */
void machine_begin(machine *m, int segment, int step);
wg_status machine_end(machine *m);
/* Performs one instruction, with the region that it begins; false after an error of the context. */
bool machine_do(machine *m, int number);
/* Notes the value of a tensor, or why there is none. */
bool machine_look(machine *m, wg_tensor x, observation place);
/* All steps, with regions or without. */
void machine_run(const recipe *r, const wg_context_options *options, bool unfolded, trace *out);

/* ---- regions.c ---- */

/* Performs instructions, regions as a whole. */
bool machine_perform(machine *m, int from, int to);
/* Performs the region that begins there. */
bool region_perform(machine *m, int number);

/* ---- unroll.c ---- */

/* What wg_scan does, for a few steps. */
bool unroll_scan(wg_scan_body body, wg_list carries, wg_list sequences, const wg_scan_options *options, wg_tensor *last,
                 wg_tensor *outputs);

/* ---- record.c ---- */

/* Records an instruction that makes a tensor. */
wg_tensor record_instruction(machine *m, const instruction *i, int number);

/* ---- bounds.c ---- */

/* For each observation of a run: how far each element may be from the plain executor's value, as f64; 0: not at all,
   NaN: nothing can be said. Counts the primitives that the recipe leads to. Of a run without regions: how far from it a
   plain run with regions may be. */
void bounds_run(const recipe *r, const wg_context_options *options, bool unfolded, trace *out);

/* ---- coverage.c ---- */

/* A graph begins, and ends. */
void coverage_begin(const recipe *r);
void coverage_end(bool passed);
/* How many there were. */
long coverage_graphs(bool passed);
void coverage_primitive(const char *name);
void coverage_situation(const char *name);
void coverage_value(wg_type type, wg_shape shape);
void coverage_element(bool exact, bool known);
void coverage_status(wg_status status);
/* Writes all counts to a file; adds those of a file. */
bool coverage_save(const char *path);
bool coverage_add(const char *path);
void coverage_print(FILE *file);
/* Names the rows of the library's table that never occurred; strictly: all that occurred in too few graphs, be it a
   row, a rule of the planner, a situation or a size. False if there are any. */
bool coverage_complete(FILE *file, bool strictly);

/* ---- compare.c, shrink.c ---- */

/* Where two runs disagree, in words; "" if they agree. */
typedef struct {
    char text[400];
} difference;

/* Runs the recipe plainly, and with plans on one thread and on several. */
bool compare_recipe(const recipe *r, int threads, difference *found);
/* Makes the recipe as small as it can while it still shows a difference. */
void shrink_recipe(recipe *r, int threads);

#endif
