/* Reads the texts of make_golden.py: named arrays of doubles. Numbers are read the same under any locale. */
#ifndef TESTS_GOLDEN_GOLDEN_H
#define TESTS_GOLDEN_GOLDEN_H

#include "tests/harness.h"

#include <inttypes.h>
#include <stdarg.h>

#include <wengert/wengert.h>

enum { GOLDEN_ENTRIES = 512, GOLDEN_NAME = 64, GOLDEN_VALUES = 32768 };

typedef struct {
    char name[GOLDEN_NAME];
    wg_shape shape;
    double *values;
} golden_entry;

static struct {
    const char *path;
    size_t count, used;
    golden_entry entry[GOLDEN_ENTRIES];
    double values[GOLDEN_VALUES];
} golden_file;

static inline void golden_read_entries(FILE *file)
{
    golden_entry *e = golden_file.entry;
    golden_file.count = golden_file.used = 0;
    while (golden_file.count < GOLDEN_ENTRIES && fscanf(file, "%63s %d", e->name, &e->shape.rank) == 2) {
        for (int i = 0; i < e->shape.rank; i++) cr_assert_eq(fscanf(file, "%" SCNd64, &e->shape.dim[i]), 1);
        size_t size = (size_t)wg_shape_size(e->shape);
        cr_assert_leq(golden_file.used + size, (size_t)GOLDEN_VALUES, "golden values: no room for %s", e->name);
        e->values = golden_file.values + golden_file.used;
        for (size_t i = 0; i < size; i++) cr_assert_eq(fscanf(file, "%lf", &e->values[i]), 1, "after %s", e->name);
        golden_file.used += size;
        golden_file.count++;
        e++;
    }
    cr_assert(feof(file), "golden values: more than %d entries, or a broken one", GOLDEN_ENTRIES);
}

/* Reads a file, once. */
static inline void golden_open(const char *path)
{
    if (golden_file.path == path) return;
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s is missing", path);
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0), before = uselocale(plain);
    cr_assert_neq(fscanf(file, "#%*[^\n]"), EOF);
    golden_read_entries(file);
    uselocale(before);
    freelocale(plain);
    fclose(file);
    golden_file.path = path;
}

/* The entry whose name is the text; fails the test if there is none. */
static inline const golden_entry *golden(const char *format, ...) WG_PRINTF(1, 2);
static inline const golden_entry *golden(const char *format, ...)
{
    char name[GOLDEN_NAME];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    for (size_t i = 0; i < golden_file.count; i++)
        if (strcmp(golden_file.entry[i].name, name) == 0) return &golden_file.entry[i];
    cr_assert_fail("no golden values \"%s\"", name);
    return NULL;
}

/* An entry as a tensor of the context's default type. */
static inline wg_tensor golden_tensor(wg_context *ctx, const golden_entry *e)
{
    return wg_from_f64(ctx, e->shape, e->values);
}

static inline double golden_tolerance(wg_type type)
{
    return type == WG_F64 ? 1e-12 : 1e-5;
}

/* Checks values against golden ones: the error of each is measured by the largest of all. */
static inline void golden_compare(const double *found, const double *expected, size_t count, wg_type type,
                                  const char *what)
{
    double scale = 0;
    for (size_t i = 0; i < count; i++) scale = fmax(scale, fabs(expected[i]));
    for (size_t i = 0; i < count; i++) {
        double error = fabs(found[i] - expected[i]);
        cr_assert(error <= golden_tolerance(type) * scale, "%s in %s: element %zu is %.17g, not %.17g", what,
                  wg_type_name(type), i, found[i], expected[i]);
    }
}

static inline void golden_expect(wg_tensor found, const golden_entry *expected)
{
    static double values[GOLDEN_VALUES];
    size_t count = (size_t)wg_shape_size(expected->shape);
    cr_assert(wg_shape_equal(wg_shape_of(found), expected->shape), "%s: the shape differs; %s", expected->name,
              wg_error(found.context));
    cr_assert(wg_read_f64(found, values, count), "%s", wg_error(found.context));
    golden_compare(values, expected->values, count, wg_type_of(found), expected->name);
}

#endif
