/* Three runs of one recipe, plain, with plans, with plans on several threads, and what they must agree in. Of a recipe
   with regions also a plain run that does without them. */
#include "tests/fuzz/shadow.h"
#include "tests/fuzz/ways.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

static void differ(difference *found, const observation *o, const char *format, ...) WG_PRINTF(3, 4);
static void differ(difference *found, const observation *o, const char *format, ...)
{
    size_t size = sizeof found->text;
    int used = snprintf(found->text, size, "step %d, segment %d, ", o->step, o->segment);
    if (o->instruction >= 0)
        used +=
            snprintf(found->text + used, size - (size_t)used, "instruction %d, tensor %d: ", o->instruction, o->part);
    else if (o->part < LASTING)
        used += snprintf(found->text + used, size - (size_t)used, "p%d afterwards: ", o->part);
    else
        used += snprintf(found->text + used, size - (size_t)used, "at its end: ");
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(found->text + used, size - (size_t)used, format, arguments);
    va_end(arguments);
}

static double element_of(const trace *t, const observation *o, int64_t i)
{
    const void *values = t->bytes + o->offset;
    switch (o->type) {
    case WG_F32:
        return (double)((const float *)values)[i];
    case WG_F64:
        return ((const double *)values)[i];
    case WG_I32:
        return ((const int32_t *)values)[i];
    case WG_I64:
        return (double)((const int64_t *)values)[i];
    default:
        return ((const uint8_t *)values)[i];
    }
}

static void add_words(difference *found, const char *words)
{
    size_t used = strlen(found->text);
    snprintf(found->text + used, sizeof found->text - used, "%s", words);
}

/* Whether two elements have the same bits, or are NaN both. */
static bool is_same(const trace *a, const trace *b, size_t place, int64_t i)
{
    const observation *o = &a->seen[place], *p = &b->seen[place];
    size_t size = wg_type_size(o->type);
    if (memcmp(a->bytes + o->offset + (size_t)i * size, b->bytes + p->offset + (size_t)i * size, size) == 0)
        return true;
    return isnan(element_of(a, o, i)) && isnan(element_of(b, p, i));
}

/* Whether element i may be what it is: NULL bounds want the same bits. Where additions come in another order, the sign
   of a zero may be another, too. */
static bool is_accepted(const trace *plain, const trace *other, const trace *bounds, size_t place, int64_t i)
{
    bool same = is_same(plain, other, place, i);
    if (!bounds) return same;
    double bound = ((const double *)(const void *)(bounds->bytes + bounds->seen[place].offset))[i];
    coverage_element(bound == 0, isfinite(bound));
    if (same || !isfinite(bound)) return true;
    double a = element_of(plain, &plain->seen[place], i), b = element_of(other, &other->seen[place], i);
    return (bound > 0 || shadow_reorders) && fabs(a - b) <= bound;
}

static bool agree_at(const trace *plain, const trace *other, const trace *bounds, size_t place, difference *found)
{
    const observation *o = &plain->seen[place], *p = &other->seen[place];
    if (o->status != p->status) {
        differ(found, o, "status %d, not %d", (int)p->status, (int)o->status);
        return false;
    }
    if (o->instruction != p->instruction || o->part != p->part || o->step != p->step) {
        differ(found, o, "the other run went another way");
        return false;
    }
    if (o->status) return true;
    if (o->type != p->type || !wg_shape_equal(o->shape, p->shape)) {
        differ(found, o, "another type or shape");
        return false;
    }
    int64_t size = o->part == LASTING ? 0 : wg_shape_size(o->shape);
    for (int64_t i = 0; i < size; i++) {
        if (is_accepted(plain, other, bounds, place, i)) continue;
        double bound = bounds ? ((const double *)(const void *)(bounds->bytes + bounds->seen[place].offset))[i] : 0;
        differ(found, o, "element %lld of %s is %.17g, not %.17g (bound %.3g)", (long long)i, wg_type_name(o->type),
               element_of(other, p, i), element_of(plain, o, i), bound);
        return false;
    }
    return true;
}

static bool same_length(const trace *a, const trace *b, difference *found)
{
    if (a->count == b->count) return true;
    snprintf(found->text, sizeof found->text, "%zu observations, not %zu", b->count, a->count);
    return false;
}

/* The same bits everywhere. */
static bool agree_exactly(const trace *one, const trace *other, difference *found)
{
    for (size_t i = 0; i < one->count && i < other->count; i++)
        if (!agree_at(one, other, NULL, i, found)) return false;
    return same_length(one, other, found);
}

/* Values beyond the end of the bounds are left out; statuses are compared all the same. */
static bool agree(const trace *plain, const trace *other, const trace *bounds, difference *found)
{
    for (size_t i = 0; i < plain->count && i < other->count; i++) {
        const observation *o = &plain->seen[i];
        if (i < bounds->count) {
            if (!agree_at(plain, other, bounds, i, found)) return false;
        } else if (o->status != other->seen[i].status) {
            differ(found, o, "status %d, not %d", (int)other->seen[i].status, (int)o->status);
            return false;
        }
    }
    return same_length(plain, other, found);
}

/* An error ends a segment early and drops its assigns, which bounds know nothing of. */
static void cut_bounds(trace *bounds, const trace *plain)
{
    for (size_t i = 0; i < plain->count && i < bounds->count; i++)
        if (plain->seen[i].status) bounds->count = i;
}

/* Whether the bounds of all that was read have been found; after an error there may be none. */
static bool is_bounded(const trace *plain, const trace *bounds, difference *found)
{
    for (size_t i = 0; i < plain->count; i++)
        if (plain->seen[i].status) return true;
    if (bounds->count == plain->count) return true;
    add_words(found, "the bounds could not be found");
    return false;
}

/* Whether a NaN may stand where the other run has a number: in a scan zeros go backwards where without one there is
   nothing, and 0 infinity is NaN. */
static bool is_marred(const trace *folded, const trace *unfolded, size_t place)
{
    const observation *o = &folded->seen[place];
    bool is_float = o->type == WG_F32 || o->type == WG_F64;
    for (int64_t i = 0; is_float && i < wg_shape_size(o->shape); i++)
        if (isnan(element_of(folded, o, i)) && !isnan(element_of(unfolded, &unfolded->seen[place], i))) return true;
    return false;
}

/* A run without regions has the same values, but for the order in which gradients are added up; nothing is said of what
   comes after an error, which may come earlier, or be another one, where more or less is computed. */
static bool agree_unfolded(const recipe *r, const wg_context_options *plainly, const trace *folded, difference *found)
{
    trace unfolded = {0}, bounds = {0};
    bool fine = true;
    machine_run(r, plainly, true, &unfolded);
    bounds_run(r, plainly, true, &bounds);
    cut_bounds(&bounds, &unfolded);
    for (size_t i = 0; fine && !unfolded.partial && i < folded->count && i < unfolded.count && i < bounds.count; i++) {
        if (folded->seen[i].status || unfolded.seen[i].status || is_marred(folded, &unfolded, i)) break;
        fine = agree_at(&unfolded, folded, &bounds, i, found);
    }
    if (!fine) add_words(found, " (with regions against without)");
    trace_free(&unfolded);
    trace_free(&bounds);
    return fine;
}

bool compare_recipe(const recipe *r, int threads, difference *found)
{
    const char *limits = choose_limits(r->seed);
    const char *chains = choose_chains(r->seed);
    coverage_situation(limits);
    coverage_situation(chains);
    bool precise = choose_precise(r->seed);
    wg_context_options plainly = {.plain = true, .threads = 1, .precise = precise};
    trace plain = {0}, one = {0}, several = {0}, bounds = {0};
    found->text[0] = '\0';
    machine_run(r, &plainly, false, &plain);
    machine_run(r, &(wg_context_options){.threads = 1, .precise = precise}, false, &one);
    machine_run(r, &(wg_context_options){.threads = threads, .precise = precise}, false, &several);
    bounds_run(r, &plainly, false, &bounds);
    for (size_t i = 0; i < plain.count; i++) {
        coverage_status(plain.seen[i].status);
        if (!plain.seen[i].status && plain.seen[i].type) coverage_value(plain.seen[i].type, plain.seen[i].shape);
    }
    bool fine = is_bounded(&plain, &bounds, found);
    cut_bounds(&bounds, &plain);
    fine = fine && agree(&plain, &one, &bounds, found);
    if (fine && !agree_exactly(&one, &several, found)) {
        add_words(found, " (several threads against one)");
        fine = false;
    }
    if (fine && has_regions(r)) fine = agree_unfolded(r, &plainly, &plain, found);
    if (!fine) {
        size_t used = strlen(found->text);
        snprintf(found->text + used, sizeof found->text - used, " (%s, %s)", limits, chains);
    }
    trace_free(&plain);
    trace_free(&one);
    trace_free(&several);
    trace_free(&bounds);
    return fine;
}
