/* Shapes and element types as plain values. */
#include "graph/shape.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

const char *wg_type_name(wg_type type)
{
    static const char *const names[WG_TYPES] = {"default", "f32", "f64", "i32", "i64", "bool", "u8"};
    return (unsigned)type < WG_TYPES ? names[type] : "?";
}

size_t wg_type_size(wg_type type)
{
    static const size_t sizes[WG_TYPES] = {0, 4, 8, 4, 8, 1, 1};
    return (unsigned)type < WG_TYPES ? sizes[type] : 0;
}

double type_element(wg_type type, const void *values, int64_t i)
{
    switch (type) {
    case WG_F32:
        return (double)((const float *)values)[i];
    case WG_F64:
        return ((const double *)values)[i];
    case WG_I32:
        return ((const int32_t *)values)[i];
    case WG_I64:
        return (double)((const int64_t *)values)[i];
    case WG_BOOL:
        return ((const bool *)values)[i];
    case WG_U8:
        return ((const uint8_t *)values)[i];
    default:
        return NAN;
    }
}

int64_t wg_shape_size(wg_shape shape)
{
    return shape_size(&shape);
}

bool wg_shape_equal(wg_shape a, wg_shape b)
{
    return shape_equal(&a, &b);
}

bool shape_valid(const wg_shape *shape, wg_type type, const char **reason)
{
    *reason = "the rank must be 0 to 8";
    if (shape->rank < 0 || shape->rank > WG_MAX_RANK) return false;
    *reason = "a length is negative";
    int64_t size = (int64_t)wg_type_size(type);
    bool empty = false;
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dim[i] < 0) return false;
        if (shape->dim[i] == 0) empty = true;
    }
    *reason = "the size overflows";
    for (int i = 0; i < shape->rank; i++)
        if (shape->dim[i] > 0 && __builtin_mul_overflow(size, shape->dim[i], &size)) return false;
    return empty || size < INT64_MAX / 8;
}

size_t shape_print(const wg_shape *shape, char *text, size_t size)
{
    size_t used = 0;
    int rank = shape->rank < 0 ? 0 : shape->rank > WG_MAX_RANK ? WG_MAX_RANK : shape->rank;
    text_append(text, size, &used, "[");
    for (int i = 0; i < rank; i++) text_append(text, size, &used, i ? ", %lld" : "%lld", (long long)shape->dim[i]);
    text_append(text, size, &used, "]");
    return used;
}

const char *shape_text(wg_shape shape, shape_buffer *buffer)
{
    shape_print(&shape, buffer->text, sizeof buffer->text);
    return buffer->text;
}

const char *number_text(double x, int digits, number_buffer *buffer)
{
    if (digits < 0)
        snprintf(buffer->text, sizeof buffer->text, "%.*e", -digits, x);
    else
        snprintf(buffer->text, sizeof buffer->text, "%.*g", digits, x);
    char *to = buffer->text;
    for (const char *from = buffer->text; *from; from++) {
        bool usual =
            strchr("0123456789+-einfa", *from) != NULL; /* what is left is the locale's decimal sign, of any length */
        if (usual)
            *to++ = *from;
        else if (to == buffer->text || to[-1] != '.')
            *to++ = '.';
    }
    *to = '\0';
    return buffer->text;
}

void text_append(char *text, size_t size, size_t *used, const char *format, ...)
{
    if (*used + 1 >= size) return;
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(text + *used, size - *used, format, arguments);
    va_end(arguments);
    if (written < 0) return;
    *used += (size_t)written;
    if (*used >= size) *used = size - 1;
}

bool shape_axis(const wg_shape *shape, int axis, int *index)
{
    if (shape->rank < 0 || shape->rank > WG_MAX_RANK) return false;
    *index = axis < 0 ? axis + shape->rank : axis;
    return *index >= 0 && *index < shape->rank;
}

shape_split shape_around(const wg_shape *shape, int axis)
{
    shape_split split = {1, shape->dim[axis], 1};
    for (int i = 0; i < axis; i++) split.outer *= shape->dim[i];
    for (int i = axis + 1; i < shape->rank; i++) split.inner *= shape->dim[i];
    return split;
}
