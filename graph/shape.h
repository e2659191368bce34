/* Shapes and element types as plain values: validity, text, axes, elements. */
#ifndef GRAPH_SHAPE_H
#define GRAPH_SHAPE_H

#include <wengert/types.h>

/* Whether rank and lengths are in range and the bytes fit; else the rule that is broken. */
bool shape_valid(const wg_shape *shape, wg_type type, const char **reason);
/* As wg_shape_equal, for shapes that need not be copied. */
static inline bool shape_equal(const wg_shape *a, const wg_shape *b)
{
    bool same = a->rank == b->rank;
    for (int i = 0; same && i < a->rank && i < WG_MAX_RANK; i++) same = a->dim[i] == b->dim[i];
    return same;
}

/* As wg_shape_size, likewise. */
static inline int64_t shape_size(const wg_shape *shape)
{
    int64_t size = 1;
    for (int i = 0; i < shape->rank && i < WG_MAX_RANK; i++) size *= shape->dim[i];
    return size;
}

/* Element i of values of a type as a double; not a number for no type. */
double type_element(wg_type type, const void *values, int64_t i);

/* "[32, 784]"; returns the length written. */
size_t shape_print(const wg_shape *shape, char *text, size_t size);

typedef struct shape_buffer {
    char text[192];
} shape_buffer;

/* The same for use in an argument list. */
const char *shape_text(wg_shape shape, shape_buffer *buffer);
typedef struct number_buffer {
    char text[40];
} number_buffer;

/* A number with so many significant digits (as %g prints it), or, if negative, with so many digits after the point and
   an exponent (as %e): with a decimal point in every locale. */
const char *number_text(double x, int digits, number_buffer *buffer);
/* Appends formatted text at *used, never beyond size. */
void text_append(char *text, size_t size, size_t *used, const char *format, ...) WG_PRINTF(4, 5);
/* Resolves a negative axis; false if it is out of range. */
bool shape_axis(const wg_shape *shape, int axis, int *index);

/* A shape seen from one axis: [outer, length, inner]. */
typedef struct shape_split {
    int64_t outer, length, inner;
} shape_split;

shape_split shape_around(const wg_shape *shape, int axis);

static inline bool type_is_float(wg_type type)
{
    return type == WG_F32 || type == WG_F64;
}

static inline bool type_is_integer(wg_type type)
{
    return type == WG_I32 || type == WG_I64;
}

#endif
