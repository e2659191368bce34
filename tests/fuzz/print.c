/* A recipe as a complete C program: it runs plainly, then with plans, and prints the values in which the runs differ.
 */
#include "tests/fuzz/recipe.h"
#include "tests/fuzz/ways.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char preamble[] =
    "#define _POSIX_C_SOURCE 200809L /* open_memstream */\n"
    "#include <wengert/wengert.h>\n\n"
    "#include <math.h>\n#include <stdlib.h>\n#include <string.h>\n\n"
    "static FILE *out; /* what this run has read */\n\n"
    "static void look(wg_tensor x, int step, int number)\n{\n"
    "    size_t size = (size_t)wg_size(x);\n"
    "    wg_type type = wg_type_of(x);\n"
    "    union { float f32[1]; double f64[1]; int32_t i32[1]; int64_t i64[1]; bool b[1]; uint8_t u8[1]; } *v = "
    "calloc(size + 1, 8);\n"
    "    if (size == 1 && number % 2) wg_item(x);\n"
    "    bool fine = type == WG_F32 ? wg_read_f32(x, v->f32, size) : type == WG_F64 ? wg_read_f64(x, v->f64, size)\n"
    "              : type == WG_I32 ? wg_read_i32(x, v->i32, size) : type == WG_I64 ? wg_read_i64(x, v->i64, size)\n"
    "              : type == WG_BOOL ? wg_read_bool(x, v->b, size) : wg_read_u8(x, v->u8, size);\n"
    "    if (!fine) fprintf(out, \"step %d, %d: status %d\\n\", step, number, (int)wg_error_status(x.context));\n"
    "    for (size_t i = 0; fine && i < size; i++)\n"
    "        fprintf(out, \"step %d, %d[%zu]: %.17g\\n\", step, number, i,\n"
    "                type == WG_F32 ? (double)v->f32[i] : type == WG_F64 ? v->f64[i] : type == WG_I32 ? v->i32[i]\n"
    "                : type == WG_I64 ? (double)v->i64[i] : type == WG_BOOL ? v->b[i] : v->u8[i]);\n"
    "    free(v);\n}\n\n"
    "static const wg_op *row(const char *name)\n{\n"
    "    size_t i = 0;\n"
    "    while (strcmp(wg_op_at(i)->name, name)) i++;\n"
    "    return wg_op_at(i);\n}\n\n";

static const char ending[] =
    "int main(void)\n{\n"
    "    char *text[2], *line[2];\n"
    "    size_t size[2];\n"
    "    for (int k = 0; k < 2; k++) {\n"
    "        out = open_memstream(&text[k], &size[k]);\n"
    "        run(k == 0);\n"
    "        fclose(out);\n"
    "    }\n"
    "    (void)row;\n"
    "    for (line[0] = text[0], line[1] = text[1]; *line[0] && *line[1];) {\n"
    "        int length[2];\n"
    "        for (int k = 0; k < 2; k++) length[k] = (int)strcspn(line[k], \"\\n\");\n"
    "        if (length[0] != length[1] || memcmp(line[0], line[1], (size_t)length[0]))\n"
    "            printf(\"plain   %.*s\\nplanned %.*s\\n\", length[0], line[0], length[1], line[1]);\n"
    "        for (int k = 0; k < 2; k++) line[k] += length[k] + 1;\n"
    "    }\n"
    "    return 0;\n}\n";

static const char *const type_word[WG_TYPES] = {"WG_DEFAULT", "WG_F32",  "WG_F64", "WG_I32",
                                                "WG_I64",     "WG_BOOL", "WG_U8"};
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

static void print_shape(wg_shape shape, FILE *file)
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

static void print_list(const instruction *i, int first, FILE *file)
{
    fputs("WG_LIST(", file);
    for (int k = first; k < i->count; k++) fprintf(file, "%st%d", k > first ? ", " : "", i->operand[k]);
    fputc(')', file);
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

/* An array of a leaf's values, one row for each step. */
static void print_values(const instruction *leaf, const char *name, int steps, FILE *file)
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

/* wg_from_f32, wg_borrow_i64: the word after the prefix is the type's name. */
static void print_leaf(const instruction *i, const char *values, FILE *file)
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

static void print_call(const instruction *i, FILE *file)
{
    bool second = i->kind == PAIR || i->kind == SYSTEM || i->kind == LOSS;
    bool more = i->kind == SCALAR || i->kind == AXIS || i->kind == AXES || i->kind == SHAPED || i->kind == LOSS;
    fprintf(file, "wg_%s(", i->name);
    if (i->kind == LEFT) {
        print_scalar(i, file);
        fputs(", ", file);
    }
    fprintf(file, "t%d", i->operand[0]);
    if (second) fprintf(file, ", t%d", i->operand[1]);
    if (more) fputs(", ", file);
    if (i->kind == SCALAR) print_scalar(i, file);
    if (i->kind == AXIS) fprintf(file, "%lld", (long long)i->integer[0]);
    if (i->kind == AXES) print_axes(i->axes, file);
    if (i->kind == SHAPED) print_shape(i->shape, file);
    if (i->kind == LOSS) fputs("NULL", file);
    if (i->kind == POOL) print_pool(i, file);
    fputs(i->kind == AXES && strcmp(i->name, "var") == 0 ? ", 0)" : ")", file);
}

static void print_places(const instruction *i, FILE *file)
{
    long long a[4];
    const int *t = i->operand;
    for (int k = 0; k < 4; k++) a[k] = i->integer[k];
    if (i->kind == ALONG && a[1])
        fprintf(file, "wg_scatter_add_along(t%d, t%d, %lld, %lld)", t[0], t[1], a[0], a[1]);
    else if (i->kind == ALONG)
        fprintf(file, "wg_take_along(t%d, t%d, %lld)", t[0], t[1], a[0]);
    else if (i->kind == ORDER && a[2] < 0)
        fprintf(file, "wg_sort(t%d, %lld, %lld)", t[0], a[0], a[1]);
    else if (i->kind == ORDER)
        fprintf(file, "wg_argsort(t%d, %lld, %lld, %lld)", t[0], a[0], a[1], a[2]);
    else if (i->kind == DYNAMIC && i->count == 3)
        fprintf(file, "wg_dynamic_update(t%d, t%d, t%d, %lld)", t[0], t[1], t[2], a[0]);
    else
        fprintf(file, "wg_dynamic_slice(t%d, t%d, %lld, %lld)", t[0], t[1], a[0], a[1]);
}

static void print_windows(const instruction *i, FILE *file)
{
    fprintf(file, "wg_%s(t%d", i->kind == PADDED ? "pad_with" : i->kind == FOLD ? "fold" : "unfold", i->operand[0]);
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
        fprintf(file, "wg_cast(t%d, %s)", t[0], type_word[i->type]);
    } else if (i->kind == WHERE) {
        fprintf(file, "wg_where(t%d, t%d, t%d)", t[0], t[1], t[2]);
    } else if (i->kind == SLICE && a[2] == WG_END) {
        fprintf(file, "wg_slice_step(t%d, %lld, %lld, WG_END, %lld)", t[0], a[0], a[1], a[3]);
    } else if (i->kind == SLICE || i->kind == PAD) {
        const char *who = i->kind == PAD ? "pad" : "slice_step";
        fprintf(file, "wg_%s(t%d, %lld, %lld, %lld, %lld)", who, t[0], a[0], a[1], a[2], a[3]);
    } else if (i->kind == GATHER) {
        fprintf(file, "wg_gather(t%d, t%d, %lld)", t[0], t[1], a[0]);
    } else if (i->kind == SCATTER) {
        fprintf(file, "wg_scatter_add(t%d, t%d, %lld, %lld)", t[0], t[1], a[0], a[1]);
    } else if (i->kind == ALONG || i->kind == ORDER || i->kind == DYNAMIC) {
        print_places(i, file);
    } else if (i->kind == UNFOLD || i->kind == FOLD || i->kind == PADDED) {
        print_windows(i, file);
    } else if (i->kind == PRODUCT) {
        fprintf(file, "wg_matmul_transposed(t%d, %lld, t%d, %lld)", t[0], a[0], t[1], a[1]);
    } else if (i->kind == TRIANGULAR) {
        fprintf(file, "wg_triangular_solve(t%d, t%d, %lld)", t[0], t[1], a[0]);
    } else if (i->kind == LINEAR) {
        fprintf(file, "wg_linear_apply(&(wg_linear){t%d, t%d}, t%d)", t[1], t[2], t[0]);
    } else {
        fprintf(file, "t%d[%lld]", t[0], a[0]); /* one of the gradients */
    }
}

static void print_instruction(const instruction *i, int part, int number, FILE *file)
{
    char values[32];
    snprintf(values, sizeof values, "values%d_%d", part, number);
    switch (i->kind) {
    case GRADIENTS:
        fprintf(file, "    wg_tensor t%d[%d];\n    wg_grads(t%d, ", number, i->count - 1, i->operand[0]);
        print_list(i, 1, file);
        fprintf(file, ", t%d);\n", number);
        return;
    case ASSIGN:
        fprintf(file, "    wg_assign(p[%lld], t%d);\n", (long long)i->integer[0], i->operand[0]);
        return;
    case EVAL:
        fputs("    wg_eval(", file);
        print_list(i, 0, file);
        fputs(");\n", file);
        /* fall through */
    case READ:
        for (int k = 0; k < i->count; k++) fprintf(file, "    look(t%d, step, %d);\n", i->operand[k], number);
        return;
    case MARK:
        fprintf(file, "    uint64_t t%d = wg_mark(ctx);\n", number);
        return;
    case REWIND:
        fprintf(file, "    wg_rewind(ctx, t%d);\n", i->operand[0]);
        return;
    default:
        break;
    }
    fprintf(file, "    wg_tensor t%d = ", number);
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

/* ---- the program ---- */

static void print_segment(const recipe *r, int part, FILE *file)
{
    const segment *s = &r->part[part];
    char name[32];
    for (int k = 0; k < s->count; k++) {
        snprintf(name, sizeof name, "values%d_%d", part, k);
        if (s->item[k].kind == LEAF || s->item[k].kind == BORROW) print_values(&s->item[k], name, r->step_count, file);
    }
    fprintf(file, "static void segment%d(wg_context *ctx, const wg_tensor *p, int step)\n{\n", part);
    fputs("    (void)p, (void)step;\n", file);
    for (int k = 0; k < s->count; k++) print_instruction(&s->item[k], part, k, file);
    fputs("    wg_clear(ctx);\n", file);
    fputs("    fprintf(out, \"step %d: status %d\\n\", step, (int)wg_error_status(ctx));\n", file);
    fputs("    if (wg_failed(ctx)) wg_recover(ctx);\n", file);
    fprintf(file, "    for (int k = 0; k < %d; k++) look(p[k], step, -1 - k);\n    wg_clear(ctx);\n}\n\n",
            r->lasting_count);
}

static void print_lasting(const lasting *p, int k, FILE *file)
{
    char values[32];
    instruction leaf = chance_initial(p);
    snprintf(values, sizeof values, "values_p%d", k);
    fprintf(file, "    p[%d] = ", k);
    if (p->trainable) {
        fprintf(file, "wg_parameter(ctx, \"p%d\", ", k);
        print_shape(p->shape, file);
        fputs(", wg_init_uniform(-1, 1));\n", file);
    } else {
        fprintf(file, "wg_variable(ctx, \"p%d\", ", k);
        print_leaf(&leaf, values, file);
        fputs(");\n", file);
    }
    fputs("    wg_clear(ctx);\n", file);
}

void print_program(const recipe *r, FILE *file)
{
    fprintf(file, "/* Made by tests/fuzz from seed %llu. */\n%s", (unsigned long long)r->seed, preamble);
    for (int k = 0; k < r->lasting_count; k++) {
        char name[32];
        instruction leaf = chance_initial(&r->item[k]);
        snprintf(name, sizeof name, "values_p%d", k);
        if (!r->item[k].trainable) print_values(&leaf, name, 1, file);
    }
    for (int part = 0; part < r->segment_count; part++) print_segment(r, part, file);
    fprintf(file,
            "static void run(bool plain)\n{\n    wg_context_options options = {.type = %s, .seed = %lluu, "
            ".threads = 1, .plain = plain, .precise = %s};\n",
            type_word[r->type], (unsigned long long)r->seed, choose_precise(r->seed) ? "true" : "false");
    fprintf(file, "    wg_context *ctx = wg_context_new(&options);\n    wg_tensor p[%d] = {WG_NONE};\n", LASTING);
    for (int k = 0; k < r->lasting_count; k++) print_lasting(&r->item[k], k, file);
    for (int step = 0; step < r->step_count; step++) fprintf(file, "    segment%d(ctx, p, %d);\n", r->turn[step], step);
    fprintf(file, "    wg_context_free(ctx);\n}\n\n%s", ending);
}
