/* Loading parameters and variables: first everything is checked, then everything is read beside the present values,
   and only then are they replaced. */
#include "data/safetensors.h"
#include "graph/graph.h"
#include "graph/shape.h"

#include <wengert/data.h>

#include <string.h>

enum { CHUNK = 512 }; /* elements that are converted at a time */

typedef struct load_pair {
    persistent *to;
    const safetensors_entry *from; /* NULL: missing in the file */
    void *values;                  /* read, not yet handed over */
} load_pair;

typedef struct load {
    wg_context *context;
    wg_load_options options;
    safetensors file;
    load_pair *pairs; /* each persistent tensor that matches the pattern */
    size_t count;
    bool *used; /* by entry of the file */
    bool restores_draws;
    uint64_t draws;
    file_fault fault;
} load;

/* ---- matching names ---- */

static bool is_default(const char *pattern)
{
    return !pattern || strcmp(pattern, "*") == 0;
}

/* Finds an entry for each tensor. */
static bool pair_up(load *l)
{
    for (size_t i = 0; i < l->context->persistent_count; i++) {
        persistent *p = &l->context->persistents[i];
        if (!graph_match(l->options.pattern, p->name)) continue;
        const safetensors_entry *from = safetensors_find(&l->file, p->name);
        if (from && p->shared)
            return file_fail(&l->fault, WG_BAD_ARGUMENT, "load: \"%.100s\" aliases shared weights, which are read-only",
                             p->name);
        l->pairs[l->count++] = (load_pair){.to = p, .from = from};
        if (!from) continue;
        bool *used = &l->used[from - l->file.entries];
        if (*used)
            return file_fail(&l->fault, WG_BAD_ARGUMENT,
                             "load: %s: \"%.100s\" has one name with another tensor, "
                             "for '/' and '.' are the same there",
                             l->file.path, p->name);
        *used = true;
    }
    return l->count || file_fail(&l->fault, WG_BAD_ARGUMENT, "load: no parameter or variable matches \"%s\"",
                                 l->options.pattern ? l->options.pattern : "*");
}

/* Whether an entry that no tensor took is one that the pattern asks for. */
static bool is_left_over(const load *l, size_t index)
{
    if (l->used[index]) return false;
    char name[PATH_SIZE];
    snprintf(name, sizeof name, "%s", l->file.entries[index].name);
    for (char *c = name; *c; c++)
        if (*c == '.') *c = '/';
    return graph_match(l->options.pattern, name);
}

/* Without `partial` a name that is missing on either side is an error; the report lists all of them. */
static bool check_missing(load *l)
{
    const char *here = NULL, *there = NULL;
    FILE *report = l->options.report;
    for (size_t i = 0; i < l->count; i++) {
        if (l->pairs[i].from) continue;
        if (!here) here = l->pairs[i].to->name;
        if (report) fprintf(report, "%s: has no %s\n", l->file.path, l->pairs[i].to->name);
    }
    for (size_t i = 0; i < l->file.count; i++) {
        if (!is_left_over(l, i)) continue;
        if (!there) there = l->file.entries[i].name;
        if (report)
            fprintf(report, "%s: holds %s, which nothing here is called\n", l->file.path, l->file.entries[i].name);
    }
    if (l->options.partial || (!here && !there)) return true;
    return here ? file_fail(&l->fault, WG_BAD_FILE, "load: %s: has no \"%.200s\"; the option partial allows that",
                            l->file.path, here)
                : file_fail(&l->fault, WG_BAD_FILE,
                            "load: %s: holds \"%.200s\", which nothing here is called; "
                            "the option partial allows that",
                            l->file.path, there);
}

/* ---- checking ---- */

static bool check_pair(load *l, const load_pair *pair)
{
    const persistent *to = pair->to;
    const safetensors_entry *from = pair->from;
    shape_buffer a, b;
    if (!wg_shape_equal(to->shape, from->shape))
        return file_fail(&l->fault, WG_BAD_SHAPE, "load: %s: \"%.200s\" is %s there, but %s here", l->file.path,
                         to->name, shape_text(from->shape, &a), shape_text(to->shape, &b));
    if (to->type == from->type || (type_is_float(to->type) && type_is_float(from->type))) return true;
    return file_fail(&l->fault, WG_BAD_TYPE, "load: %s: \"%.200s\" is %s there, but %s here", l->file.path, to->name,
                     wg_type_name(from->type), wg_type_name(to->type));
}

/* The state of the random numbers, which goes along with the whole of a training run. */
static bool check_draws(load *l)
{
    const char *text = l->file.draws;
    if (!text || !is_default(l->options.pattern)) return true;
    bool valid = *text != '\0';
    for (; valid && *text; text++)
        valid = *text >= '0' && *text <= '9' && !__builtin_mul_overflow(l->draws, 10u, &l->draws) &&
                !__builtin_add_overflow(l->draws, (unsigned)(*text - '0'), &l->draws);
    l->restores_draws = valid;
    return valid || file_fail(&l->fault, WG_BAD_FILE, "load: %s: the metadata \"draws\" is no number: \"%.40s\"",
                              l->file.path, l->file.draws);
}

static bool check(load *l)
{
    if (!pair_up(l) || !check_missing(l)) return false;
    for (size_t i = 0; i < l->count; i++)
        if (l->pairs[i].from && !check_pair(l, &l->pairs[i])) return false;
    return check_draws(l);
}

/* ---- reading ---- */

static void convert(wg_type type, const void *from, void *to, size_t first, size_t count)
{
    if (type == WG_F64)
        for (size_t i = 0; i < count; i++) ((double *)to)[first + i] = (double)((const float *)from)[i];
    else
        for (size_t i = 0; i < count; i++) ((float *)to)[first + i] = (float)((const double *)from)[i];
}

static bool read_converted(load *l, const load_pair *pair, size_t elements)
{
    double chunk[CHUNK]; /* or floats */
    size_t element = wg_type_size(pair->from->type);
    for (size_t first = 0; first < elements; first += CHUNK) {
        size_t count = elements - first < CHUNK ? elements - first : CHUNK;
        if (!safetensors_read(&l->file, pair->from, first * element, chunk, count * element, "load", &l->fault))
            return false;
        convert(pair->to->type, chunk, pair->values, first, count);
    }
    return true;
}

static bool read_pair(load *l, load_pair *pair)
{
    size_t elements = (size_t)wg_shape_size(pair->to->shape), bytes = elements * wg_type_size(pair->to->type);
    pair->values = memory_values(&l->context->memory, bytes);
    if (!pair->values) return file_fail_memory(&l->fault, bytes);
    if (pair->to->type != pair->from->type) return read_converted(l, pair, elements);
    return safetensors_read(&l->file, pair->from, 0, pair->values, bytes, "load", &l->fault);
}

static bool read_all(load *l)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->pairs[i].from && !read_pair(l, &l->pairs[i])) return false;
    return true;
}

/* ---- handing over ---- */

static void hand_over(load *l)
{
    shape_buffer shape;
    for (size_t i = 0; i < l->count; i++) {
        load_pair *pair = &l->pairs[i];
        if (!pair->from) continue;
        graph_persistent_set(l->context, pair->to, pair->values);
        pair->values = NULL;
        if (l->options.report)
            fprintf(l->options.report, "%s: loaded %s, %s %s\n", l->file.path, pair->to->name,
                    wg_type_name(pair->to->type), shape_text(pair->to->shape, &shape));
    }
    if (l->restores_draws) l->context->draws = l->draws;
}

static bool make_lists(load *l)
{
    size_t pairs = l->context->persistent_count * sizeof *l->pairs;
    l->pairs = memory_new(&l->context->memory, 1, pairs);
    l->used = memory_new(&l->context->memory, l->file.count, sizeof *l->used);
    return (l->pairs && l->used) || file_fail_memory(&l->fault, pairs + l->file.count);
}

static void release(load *l)
{
    memory *m = &l->context->memory;
    for (size_t i = 0; i < l->count; i++) memory_drop(m, l->pairs[i].values);
    memory_release(m, l->pairs);
    memory_release(m, l->used);
    safetensors_close(&l->file);
}

bool wg_load(wg_context *ctx, const char *path, const wg_load_options *options)
{
    WG_ENTRY(ctx);
    if (!graph_ok(ctx)) return false;
    /* pending assigns come before what is loaded, and must not undo it later */
    if (ctx->assign_count && !ctx->engine->evaluate(ctx, NULL, 0)) return false;
    load l = {.context = ctx};
    if (options) l.options = *options;
    if (!safetensors_open(&l.file, &ctx->memory, "load", path, &l.fault)) return file_report(ctx, &l.fault);
    bool done = make_lists(&l) && check(&l) && read_all(&l);
    if (done) hand_over(&l);
    release(&l);
    return done || file_report(ctx, &l.fault);
}
