/* A recipe as a complete C program: it runs plainly, then with plans, then plainly without regions if there are any,
   and prints the values in which the runs differ. */
#include "tests/fuzz/print.h"
#include "tests/fuzz/ways.h"

static const char preamble[] =
    "#define _POSIX_C_SOURCE 200809L /* open_memstream */\n"
    "#include <wengert/wengert.h>\n\n"
    "#include <math.h>\n#include <stdlib.h>\n#include <string.h>\n\n"
    "static FILE *out; /* what this run has read */\n"
    "static int way;   /* 0: plainly, 1: with plans, 2: plainly, without regions */\n"
    "static wg_context *ctx;\n"
    "static int step;\n"
    "static wg_tensor p[4], t[160], many[160][8];\n"
    "static uint64_t mark[160];\n\n"
    "static void look(wg_tensor x, int number)\n{\n"
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
    "static void compare(const char *one, const char *other)\n{\n"
    "    while (*one && *other) {\n"
    "        int a = (int)strcspn(one, \"\\n\"), b = (int)strcspn(other, \"\\n\");\n"
    "        if (a != b || memcmp(one, other, (size_t)a))\n"
    "            printf(\"plain %.*s\\n%s %.*s\\n\", a, one, way == 1 ? \"plans\" : \"whole\", b, other);\n"
    "        one += a + 1, other += b + 1;\n"
    "    }\n}\n\n"
    "int main(void)\n{\n"
    "    char *text[3];\n"
    "    size_t size[3];\n"
    "    (void)row, (void)t, (void)many, (void)mark;\n"
    "    for (way = 0; way < WAYS; way++) {\n"
    "        out = open_memstream(&text[way], &size[way]);\n"
    "        run();\n"
    "        fclose(out);\n"
    "        if (way) compare(text[0], text[way]);\n"
    "    }\n"
    "    return 0;\n}\n";

/* ---- the program ---- */

static void print_segment(const recipe *r, int part, FILE *file)
{
    const segment *s = &r->part[part];
    char name[32];
    for (int k = 0; k < s->count; k++) {
        snprintf(name, sizeof name, "values%d_%d", part, k);
        if (s->item[k].kind == LEAF || s->item[k].kind == BORROW) print_values(&s->item[k], name, r->step_count, file);
    }
    print_region_functions(s, part, file);
    fprintf(file, "static void segment%d(void)\n{\n", part);
    print_instructions(s, part, 0, s->count, file);
    fputs("    wg_clear(ctx);\n", file);
    fputs("    fprintf(out, \"step %d: status %d\\n\", step, (int)wg_error_status(ctx));\n", file);
    fputs("    if (wg_failed(ctx)) wg_recover(ctx);\n", file);
    fprintf(file, "    for (int k = 0; k < %d; k++) look(p[k], -1 - k);\n    wg_clear(ctx);\n}\n\n", r->lasting_count);
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
    if (has_regions(r)) print_region_preamble(file);
    for (int k = 0; k < r->lasting_count; k++) {
        char name[32];
        instruction leaf = chance_initial(&r->item[k]);
        snprintf(name, sizeof name, "values_p%d", k);
        if (!r->item[k].trainable) print_values(&leaf, name, 1, file);
    }
    for (int part = 0; part < r->segment_count; part++) print_segment(r, part, file);
    fprintf(file,
            "enum { WAYS = %d };\n\nstatic void run(void)\n{\n    wg_context_options options = {.type = %s, .seed = "
            "%lluu, .threads = 1, .plain = way != 1, .precise = %s};\n",
            2 + has_regions(r), type_word[r->type], (unsigned long long)r->seed,
            choose_precise(r->seed) ? "true" : "false");
    fputs("    ctx = wg_context_new(&options);\n", file);
    for (int k = 0; k < r->lasting_count; k++) print_lasting(&r->item[k], k, file);
    for (int step = 0; step < r->step_count; step++)
        fprintf(file, "    step = %d, segment%d();\n", step, r->turn[step]);
    fprintf(file, "    wg_context_free(ctx);\n}\n\n%s", ending);
}
