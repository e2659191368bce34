/* What has been executed, counted: how often, and in how many graphs. Several runs' counts can be added up. */
#include "engine/limits.h"
#include "engine/planted.h"
#include "tests/fuzz/machine.h"

#include <stdlib.h>
#include <string.h>

enum { NAMES = 256 };

typedef enum {
    GRAPHS,
    OPS,
    FUNCTIONS,
    INSTRUCTIONS_DONE,
    SITUATIONS,
    SIZES,
    TYPES,
    STATUSES,
    ELEMENTS,
    RULES_APPLIED,
    GROUPS
} group_name;

typedef struct {
    const char *name;
    long count, graphs;
    long last; /* number of the graph that was counted last */
} counter;

typedef struct {
    const char *title;
    counter item[NAMES];
    int count;
    long least; /* graphs in each LONG_RUN, of every counter */
} counter_group;

enum { LONG_RUN = 100000 };

static counter_group groups[GROUPS] = {
    [GRAPHS] = {.title = "graphs"},
    [OPS] = {.title = "ops, those of gradients and compositions too", .least = 500},
    [FUNCTIONS] = {.title = "functions"},
    [INSTRUCTIONS_DONE] = {.title = "instructions"},
    [SITUATIONS] = {.title = "situations", .least = 1000},
    [SIZES] = {.title = "elements of a tensor that was read", .least = 500},
    [TYPES] = {.title = "types of tensors that were read"},
    [STATUSES] = {.title = "statuses"},
    [ELEMENTS] = {.title = "elements compared"},
    [RULES_APPLIED] = {.title = "rules of the planner", .least = 1000},
};

static long number; /* of the graph at hand, from 1 */
static long exact_elements, bounded_elements, unknown_elements;

/* ---- counting ---- */

static counter *counter_of(group_name group, const char *name)
{
    counter_group *g = &groups[group];
    for (int k = 0; k < g->count; k++)
        if (g->item[k].name == name) return &g->item[k]; /* most are constants, always the same ones */
    for (int k = 0; k < g->count; k++)
        if (strcmp(g->item[k].name, name) == 0) return &g->item[k];
    if (g->count == NAMES) abort();
    g->item[g->count] = (counter){.name = name};
    return &g->item[g->count++];
}

static void count(group_name group, const char *name, long times)
{
    counter *c = counter_of(group, name);
    c->count += times;
    if (times && c->last != number) c->graphs++;
    if (times) c->last = number;
}

void coverage_primitive(const char *name)
{
    count(OPS, name, 1);
}

void coverage_value(wg_type type, wg_shape shape)
{
    /* up to each size, what goes by that name: one tile, one chunk and the longest row lie between */
    static const struct {
        int64_t most;
        const char *name;
    } sizes[] = {{0, "none"},
                 {1, "1"},
                 {TOTAL_BLOCK - 1, "2 to 255"},
                 {TOTAL_BLOCK, "256"},
                 {511, "257 to 511"},
                 {512, "512"},
                 {1023, "513 to 1023"},
                 {1024, "1024"},
                 {2047, "1025 to 2047"},
                 {2048, "2048"},
                 {4095, "2049 to 4095"},
                 {4096, "4096"},
                 {16384, "4097 to 16384"},
                 {INT64_MAX, "more"}};
    size_t k = 0;
    while (wg_shape_size(shape) > sizes[k].most) k++;
    count(SIZES, sizes[k].name, 1);
    count(TYPES, wg_type_name(type), 1);
}

void coverage_element(bool exact, bool known)
{
    exact_elements += exact;
    bounded_elements += !exact && known;
    unknown_elements += !known;
}

void coverage_status(wg_status status)
{
    static const char *const names[] = {"ok",          "bad argument", "bad shape",  "bad type",      "bad handle",
                                        "no gradient", "overwritten",  "not finite", "out of memory", "io",
                                        "bad file",    "unsupported"};
    count(STATUSES, names[status], 1);
}

void coverage_situation(const char *name)
{
    count(SITUATIONS, name, 1);
}

/* ---- graphs ---- */

static void count_instruction(const instruction *i)
{
    count(INSTRUCTIONS_DONE, kind_name(i->kind), 1);
    if (i->name) count(FUNCTIONS, i->name, 1);
    bool leaf = i->kind == LEAF || i->kind == BORROW;
    bool flips = i->name && (strcmp(i->name, "flip") == 0 || strcmp(i->name, "permute") == 0);
    if (leaf && wg_shape_size(i->shape) == 0) coverage_situation("a leaf without elements");
    if (leaf && i->style == TIES) coverage_situation("ties");
    if (leaf && i->style == WILD) coverage_situation("NaN, infinities and subnormal numbers");
    if (flips || (i->kind == SLICE && i->integer[3] > 1)) coverage_situation("strides");
    if (i->kind == PAD && i->integer[3]) coverage_situation("gaps");
}

/* Whether a region lies in another one of a kind. */
static bool is_within(const segment *s, int begin, instruction_kind kind)
{
    for (int k = 0; k < begin; k++)
        if (s->item[k].kind == kind && region_end(s, k) > begin) return true;
    return false;
}

static void count_region(const segment *s, int begin)
{
    const instruction *i = &s->item[begin];
    bool scan = i->kind == SCAN;
    int64_t chunk = i->integer[BODY_CHUNK];
    if (scan && is_within(s, begin, SCAN)) coverage_situation("a scan within a scan");
    if (scan && is_within(s, begin, CHECKPOINT)) coverage_situation("a scan within a checkpoint");
    if (!scan && is_within(s, begin, SCAN)) coverage_situation("a checkpoint within a scan");
    if (!scan && is_within(s, begin, CHECKPOINT)) coverage_situation("a checkpoint within a checkpoint");
    if (!scan) return;
    if (i->integer[BODY_REVERSE]) coverage_situation("a scan backwards");
    if (i->integer[BODY_MASKED]) coverage_situation("a scan with a mask");
    if (chunk && chunk < i->integer[BODY_STEPS]) coverage_situation("a scan of several chunks");
}

static void count_turns(const recipe *r)
{
    for (int k = 1; k < r->step_count; k++)
        for (int before = 0; before < k; before++) {
            if (r->turn[before] != r->turn[k]) continue;
            coverage_situation("a segment once more");
            if (r->turn[k - 1] != r->turn[k]) coverage_situation("segments that take turns");
        }
}

void coverage_begin(const recipe *r)
{
    number++;
    for (int s = 0; s < r->segment_count; s++)
        for (int k = 0; k < r->part[s].count; k++) {
            count_instruction(&r->part[s].item[k]);
            if (begins_region(r->part[s].item[k].kind)) count_region(&r->part[s], k);
        }
    count_turns(r);
}

/* What the planner's own counters have gone up by, in builds that have them. */
static void count_rules(void)
{
#ifdef WG_PLANTED
    static uint64_t before[RULES];
    for (int k = 0; k < RULES; k++) {
        uint64_t now = planner_counted((planner_rule)k);
        count(RULES_APPLIED, planner_rule_name((planner_rule)k), (long)(now - before[k]));
        before[k] = now;
    }
#endif
}

void coverage_end(bool passed)
{
    count(GRAPHS, passed ? "passed" : "failed", 1);
    count(ELEMENTS, "bit for bit", exact_elements);
    count(ELEMENTS, "within a bound", bounded_elements);
    count(ELEMENTS, "not at all", unknown_elements);
    exact_elements = bounded_elements = unknown_elements = 0;
    count_rules();
}

long coverage_graphs(bool passed)
{
    return counter_of(GRAPHS, passed ? "passed" : "failed")->count;
}

/* ---- files ---- */

bool coverage_save(const char *path)
{
    FILE *file = fopen(path, "w");
    if (!file) return false;
    for (int g = 0; g < GROUPS; g++)
        for (int k = 0; k < groups[g].count; k++) {
            const counter *c = &groups[g].item[k];
            fprintf(file, "%d %ld %ld %s\n", g, c->count, c->graphs, c->name);
        }
    return fclose(file) == 0;
}

bool coverage_add(const char *path)
{
    FILE *file = fopen(path, "r");
    int group, fields = 0;
    long times, graphs;
    char name[64];
    while (file && (fields = fscanf(file, "%d %ld %ld %63[^\n]", &group, &times, &graphs, name)) == 4) {
        if (group < 0 || group >= GROUPS) break;
        counter *c = counter_of((group_name)group, name);
        if (c->name == name && !(c->name = strdup(name))) abort();
        c->count += times;
        c->graphs += graphs;
    }
    if (file) fclose(file);
    return file && fields == EOF;
}

/* ---- what is said of it ---- */

void coverage_print(FILE *file)
{
    fprintf(file, "%12s %9s\n", "times", "graphs");
    for (int g = 0; g < GROUPS; g++) {
        if (groups[g].count) fprintf(file, "%s:\n", groups[g].title);
        for (int k = 0; k < groups[g].count; k++)
            fprintf(file, "%12ld %9ld %s\n", groups[g].item[k].count, groups[g].item[k].graphs, groups[g].item[k].name);
    }
}

static bool is_frequent(FILE *file, const char *name, long graphs, long least)
{
    if (graphs >= least) return true;
    fprintf(file, "%s: in %ld graphs, not %ld\n", name, graphs, least);
    return false;
}

/* Whether this build can compute a row: that of linear algebra may be left out. */
static bool is_there(const wg_op *op)
{
    wg_context *ctx = wg_context_new(&(wg_context_options){.threads = 1});
    bool there = !op->sample || op->sample(ctx).id || wg_error_status(ctx) != WG_UNSUPPORTED;
    wg_context_free(ctx);
    return there;
}

bool coverage_complete(FILE *file, bool strictly)
{
    static const char *const control[] = {"checkpoint", "barrier", "scan"}; /* no rows of the table */
    bool complete = true;
    long graphs = coverage_graphs(true) + coverage_graphs(false);
    for (size_t i = 0; i < wg_op_count(); i++)
        if (is_there(wg_op_at(i))) counter_of(OPS, wg_op_at(i)->name);
    for (size_t i = 0; i < sizeof control / sizeof *control; i++) counter_of(OPS, control[i]);
    for (int g = 0; g < GROUPS; g++) {
        long least = graphs < LONG_RUN ? (groups[g].least * graphs + LONG_RUN - 1) / LONG_RUN : groups[g].least;
        if (!strictly) least = g == OPS;
        for (int k = 0; k < groups[g].count; k++)
            complete &= is_frequent(file, groups[g].item[k].name, groups[g].item[k].graphs, least);
    }
    return complete;
}
