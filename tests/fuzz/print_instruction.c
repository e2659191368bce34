/* An instruction as C: tensors are elements of the array t, those that one instruction makes together of many. */
#include "tests/fuzz/print.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const type_word[WG_TYPES] = {"WG_DEFAULT", "WG_F32", "WG_F64", "WG_I32", "WG_I64", "WG_BOOL", "WG_U8"};
static const char *const element_word[WG_TYPES] = {"", "float", "double", "int32_t", "int64_t", "bool", "uint8_t"};

/* ---- words ---- */

static void print_number(double x, FILE *file)
{
    if (isfinite(x))
        fprintf(file, x == floor(x) && fabs(x) < 1e6 && !(x == 0 && signbit(x)) ? "%.1f" : "%a", x);
    else
        fputs(isnan(x) ? "NAN" : x > 0 ? "INFINITY" : "-INFINITY", file);
}

static void print_scalar(const instruction *i, FILE *file)
{
    print_number(i->scalar, file);
    if (i->varies) fputs(" + step", file);
}

void print_shape(wg_shape shape, FILE *file)
{
    if (shape.rank == 0) {
        fputs("WG_SCALAR", file);
        return;
    }
    for (int k = 0; k < shape.rank; k++) fprintf(file, "%s%lld", k ? ", " : "WG_SHAPE(", (long long)shape.dim[k]);
    fputc(')', file);
}

static void print_axes(wg_axes axes, FILE *file)
{
    fprintf(file, "(wg_axes){%d, %s, {", axes.count, axes.keep ? "true" : "false");
    for (int k = 0; k < axes.count || k == 0; k++) fprintf(file, "%s%d", k ? ", " : "", axes.axis[k]);
    fputs("}}", file);
}

void print_some(const instruction *i, int first, int last, FILE *file)
{
    fputs(first < last ? "WG_LIST(" : "((wg_list){0, NULL}", file);
    for (int k = first; k < last; k++) fprintf(file, "%st[%d]", k > first ? ", " : "", i->operand[k]);
    fputc(')', file);
}

static void print_list(const instruction *i, int first, FILE *file)
{
    print_some(i, first, i->count, file);
}

/* ---- values ---- */

static void print_element(wg_type type, const void *values, int64_t i, FILE *file)
{
    if (type == WG_F32)
        print_number((double)((const float *)values)[i], file);
    else if (type == WG_F64)
        print_number(((const double *)values)[i], file);
    else if (type == WG_I32)
        fprintf(file, "%d", ((const int32_t *)values)[i]);
    else if (type == WG_I64)
        fprintf(file, "%lld", (long long)((const int64_t *)values)[i]);
    else
        fprintf(file, "%d", ((const uint8_t *)values)[i]);
}

void print_values(const instruction *leaf, const char *name, int steps, FILE *file)
{
    int64_t size = wg_shape_size(leaf->shape);
    if (!leaf->varies) steps = 1;
    void *values = malloc((size_t)size * wg_type_size(leaf->type) + 1);
    if (!values) abort();
    fprintf(file, "static const %s %s[%d][%lld] = {\n", element_word[leaf->type], name, steps,
            (long long)(size ? size : 1));
    for (int step = 0; step < steps; step++) {
        chance_values(leaf, step, values);
        fputs("    {", file);
        for (int64_t i = 0; i < size; i++) {
            if (i) fputs(i % 12 ? ", " : ",\n     ", file);
            print_element(leaf->type, values, i, file);
        }
        fputs(size ? "},\n" : "0},\n", file);
    }
    fputs("};\n\n", file);
    free(values);
}

/* The word after the prefix is the type's name. */
void print_leaf(const instruction *i, const char *values, FILE *file)
{
    fprintf(file, "wg_%s_%s(ctx, ", i->kind == BORROW ? "borrow" : "from", wg_type_name(i->type));
    print_shape(i->shape, file);
    fprintf(file, ", %s[%s])", values, i->varies ? "step" : "0");
}

/* ---- instructions ---- */

static void print_pool(const instruction *i, FILE *file)
{
    wg_pool_options o = pool_options(i);
    long long size = o.size[0], stride = o.stride[0], low = o.low[0], dilation = o.dilation[0];
    fprintf(file,
            "&(wg_pool_options){{%lld, %lld, %lld}, {%lld, %lld, %lld}, {%lld, %lld, %lld}, {%lld, %lld, %lld}, "
            "{%lld, %lld, %lld}, %d, %d}%s",
            size, size, size, stride, stride, stride, low, low, low, low, low, low, dilation, dilation, dilation,
            o.ceil_mode, o.count_padding, strcmp(i->name, "pool_index") == 0 ? ", false" : "");
}

static void print_three(const int64_t *list, FILE *file)
{
    fprintf(file, "{%lld, %lld, %lld}, ", (long long)list[0], (long long)list[1], (long long)list[2]);
}

/* What follows the operands of a convolution. */
static void print_window(const instruction *i, FILE *file)
{
    const wg_conv_window *w = &i->window;
    if (strcmp(i->name, "conv") != 0) {
        print_shape(i->shape, file);
        fputs(", ", file);
    }
    fputs("&(wg_conv_window){", file);
    print_three(w->stride, file);
    print_three(w->dilation, file);
    print_three(w->low, file);
    print_three(w->high, file);
    fprintf(file, "%s, %lld}", w->same ? "true" : "false", (long long)w->groups);
}

static void print_call(const instruction *i, FILE *file)
{
    bool second = i->kind == PAIR || i->kind == SYSTEM || i->kind == LOSS || i->kind == CONV;
    bool whole = i->kind == UNARY || i->kind == FACTOR || i->kind == PAIR || i->kind == SYSTEM || i->kind == LEFT;
    fprintf(file, "wg_%s(", i->name);
    if (i->kind == LEFT) {
        print_scalar(i, file);
        fputs(", ", file);
    }
    fprintf(file, "t[%d]", i->operand[0]);
    if (second) fprintf(file, ", t[%d]", i->operand[1]);
    if (!whole) fputs(", ", file);
    if (i->kind == SCALAR) print_scalar(i, file);
    if (i->kind == AXIS) fprintf(file, "%lld", (long long)i->integer[0]);
    if (i->kind == AXES) print_axes(i->axes, file);
    if (i->kind == SHAPED) print_shape(i->shape, file);
    if (i->kind == LOSS) fputs("NULL", file);
    if (i->kind == POOL) print_pool(i, file);
    if (i->kind == CONV) print_window(i, file);
    fputs(i->kind == AXES && strcmp(i->name, "var") == 0 ? ", 0)" : ")", file);
}

static void print_places(const instruction *i, FILE *file)
{
    long long a[4];
    const int *t = i->operand;
    for (int k = 0; k < 4; k++) a[k] = i->integer[k];
    if (i->kind == ALONG && a[1])
        fprintf(file, "wg_scatter_add_along(t[%d], t[%d], %lld, %lld)", t[0], t[1], a[0], a[1]);
    else if (i->kind == ALONG)
        fprintf(file, "wg_take_along(t[%d], t[%d], %lld)", t[0], t[1], a[0]);
    else if (i->kind == ORDER && a[2] < 0)
        fprintf(file, "wg_sort(t[%d], %lld, %lld)", t[0], a[0], a[1]);
    else if (i->kind == ORDER)
        fprintf(file, "wg_argsort(t[%d], %lld, %lld, %lld)", t[0], a[0], a[1], a[2]);
    else if (i->kind == DYNAMIC && i->count == 3)
        fprintf(file, "wg_dynamic_update(t[%d], t[%d], t[%d], %lld)", t[0], t[1], t[2], a[0]);
    else
        fprintf(file, "wg_dynamic_slice(t[%d], t[%d], %lld, %lld)", t[0], t[1], a[0], a[1]);
}

static void print_windows(const instruction *i, FILE *file)
{
    fprintf(file, "wg_%s(t[%d]", i->kind == PADDED ? "pad_with" : i->kind == FOLD ? "fold" : "unfold", i->operand[0]);
    for (int k = 0; k < 4; k++) fprintf(file, ", %lld", (long long)i->integer[k]);
    if (i->kind == PADDED) {
        fputs(", ", file);
        print_scalar(i, file);
    }
    fputc(')', file);
}

static void print_creation(const instruction *i, FILE *file)
{
    const char *who = i->kind == FULL ? "full_typed" : i->kind == IOTA ? "iota" : "random_uniform";
    fprintf(file, "wg_%s(ctx, %s, ", who, type_word[i->type]);
    print_shape(i->shape, file);
    if (i->kind != RANDOM) fputs(", ", file);
    if (i->kind == FULL) print_scalar(i, file);
    if (i->kind == IOTA) fprintf(file, "%lld", (long long)i->integer[0]);
    fputc(')', file);
}

static void print_structured(const instruction *i, FILE *file)
{
    long long a[4];
    const int *t = i->operand;
    for (int k = 0; k < 4; k++) a[k] = i->integer[k];
    if (i->kind == ELEMENT || i->kind == CONCAT) {
        fputs(i->kind == CONCAT ? "wg_concat(" : "wg_apply(", file);
        if (i->kind == ELEMENT) fprintf(file, "row(\"%s\"), ", i->name);
        print_list(i, 0, file);
        if (i->kind == ELEMENT)
            fputs(", NULL)", file);
        else
            fprintf(file, ", %lld)", a[0]);
    } else if (i->kind == CAST) {
        fprintf(file, "wg_cast(t[%d], %s)", t[0], type_word[i->type]);
    } else if (i->kind == WHERE) {
        fprintf(file, "wg_where(t[%d], t[%d], t[%d])", t[0], t[1], t[2]);
    } else if (i->kind == SLICE && a[2] == WG_END) {
        fprintf(file, "wg_slice_step(t[%d], %lld, %lld, WG_END, %lld)", t[0], a[0], a[1], a[3]);
    } else if (i->kind == SLICE || i->kind == PAD) {
        const char *who = i->kind == PAD ? "pad" : "slice_step";
        fprintf(file, "wg_%s(t[%d], %lld, %lld, %lld, %lld)", who, t[0], a[0], a[1], a[2], a[3]);
    } else if (i->kind == GATHER) {
        fprintf(file, "wg_gather(t[%d], t[%d], %lld)", t[0], t[1], a[0]);
    } else if (i->kind == SCATTER) {
        fprintf(file, "wg_scatter_add(t[%d], t[%d], %lld, %lld)", t[0], t[1], a[0], a[1]);
    } else if (i->kind == ALONG || i->kind == ORDER || i->kind == DYNAMIC) {
        print_places(i, file);
    } else if (i->kind == UNFOLD || i->kind == FOLD || i->kind == PADDED) {
        print_windows(i, file);
    } else if (i->kind == PRODUCT) {
        fprintf(file, "wg_matmul_transposed(t[%d], %lld, t[%d], %lld)", t[0], a[0], t[1], a[1]);
    } else if (i->kind == TRIANGULAR) {
        fprintf(file, "wg_triangular_solve(t[%d], t[%d], %lld)", t[0], t[1], a[0]);
    } else if (i->kind == LINEAR) {
        fprintf(file, "wg_linear_apply(&(wg_linear){t[%d], t[%d]}, t[%d])", t[1], t[2], t[0]);
    } else {
        fprintf(file, "many[%d][%lld]", t[0], a[0]); /* one of several */
    }
}

void print_instruction(const instruction *i, int part, int number, FILE *file)
{
    char values[32];
    snprintf(values, sizeof values, "values%d_%d", part, number);
    switch (i->kind) {
    case GRADIENTS:
        fprintf(file, "    wg_grads(t[%d], ", i->operand[0]);
        print_list(i, 1, file);
        fprintf(file, ", many[%d]);\n", number);
        return;
    case ASSIGN:
        fprintf(file, "    wg_assign(p[%lld], t[%d]);\n", (long long)i->integer[0], i->operand[0]);
        return;
    case EVAL:
        fputs("    wg_eval(", file);
        print_list(i, 0, file);
        fputs(");\n", file);
        /* fall through */
    case READ:
        for (int k = 0; k < i->count; k++) fprintf(file, "    look(t[%d], %d);\n", i->operand[k], number);
        return;
    case MARK:
        fprintf(file, "    mark[%d] = wg_mark(ctx);\n", number);
        return;
    case REWIND:
        fprintf(file, "    wg_rewind(ctx, mark[%d]);\n", i->operand[0]);
        return;
    default:
        break;
    }
    fprintf(file, "    t[%d] = ", number);
    if (i->kind == LEAF || i->kind == BORROW)
        print_leaf(i, values, file);
    else if (i->kind == HANDLE)
        fprintf(file, "p[%lld]", (long long)i->integer[0]);
    else if (i->kind == FULL || i->kind == IOTA || i->kind == RANDOM)
        print_creation(i, file);
    else if (function_count(i->kind))
        print_call(i, file);
    else
        print_structured(i, file);
    fprintf(file, ";\n");
}
