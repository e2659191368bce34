/* Regions as C functions, and their calls. */
#include "tests/fuzz/print.h"

/* Numbers drawn in a scan that runs backwards are others without it. */
static const char preamble[] =
    "static wg_tensor checkpoint(wg_function f, wg_tensor x)\n{\n"
    "    return way == 2 ? f.call(f.user, x) : wg_checkpoint(f, x);\n}\n\n"
    "static wg_tensor over(wg_tensor mask, wg_tensor x)\n{\n"
    "    while (wg_shape_of(mask).rank && wg_shape_of(mask).rank < wg_shape_of(x).rank) mask = wg_unsqueeze(mask, "
    "-1);\n"
    "    return mask;\n}\n\n"
    "static void scan(wg_scan_body body, wg_list carries, wg_list inputs, wg_scan_options o, wg_tensor *made)\n{\n"
    "    wg_tensor now[8], part[8], made_now[8], all[8][16];\n"
    "    int64_t steps = o.steps;\n"
    "    if (way < 2) {\n"
    "        wg_scan(body, carries, inputs, &o, made, made + carries.count);\n"
    "        return;\n"
    "    }\n"
    "    for (size_t k = 0; k < carries.count; k++) made[k] = carries.items[k];\n"
    "    for (int64_t s = 0; s < steps; s++) {\n"
    "        int64_t at = o.reverse ? steps - 1 - s : s;\n"
    "        for (size_t k = 0; k < inputs.count; k++) part[k] = wg_select(inputs.items[k], 0, at);\n"
    "        body.call(body.user, &(wg_scan_step){wg_full_typed(ctx, WG_I64, WG_SCALAR, (double)at), made, part, now, "
    "made_now});\n"
    "        wg_tensor mask = o.mask.context ? wg_select(o.mask, 0, at) : WG_NONE;\n"
    "        for (size_t k = 0; k < carries.count; k++)\n"
    "            made[k] = mask.context ? wg_where(over(mask, made[k]), now[k], made[k]) : now[k];\n"
    "        for (size_t k = 0; k < body.outputs; k++)\n"
    "            all[k][at] = !mask.context ? made_now[k]\n"
    "                : wg_where(over(mask, made_now[k]), made_now[k], wg_zeros_like(made_now[k]));\n"
    "    }\n"
    "    for (size_t k = 0; k < body.outputs && steps; k++)\n"
    "        made[carries.count + k] = wg_stack((wg_list){(size_t)steps, all[k]}, 0);\n}\n\n";

void print_region_preamble(FILE *file)
{
    fprintf(file, "%s", preamble);
}

static void print_checkpoint(const segment *s, int part, int begin, int end, FILE *file)
{
    fprintf(file, "static wg_tensor region%d_%d(const void *user, wg_tensor x)\n{\n    (void)user, (void)x;\n", part,
            begin);
    print_instructions(s, part, begin + 1, end, file);
    fprintf(file, "    return t[%d];\n}\n\n", s->item[end].operand[1]);
}

static void print_body(const segment *s, int part, int begin, int end, FILE *file)
{
    const instruction *i = &s->item[begin], *last = &s->item[end];
    int carries = (int)i->integer[BODY_CARRIES];
    fprintf(file, "static void region%d_%d(const void *user, const wg_scan_step *at)\n{\n    (void)user;\n", part,
            begin);
    fprintf(file, "    many[%d][0] = at->step;\n", begin);
    for (int k = 0; k < carries; k++) fprintf(file, "    many[%d][%d] = at->carries[%d];\n", begin, 1 + k, k);
    for (int k = 0; k < scan_sequences(i); k++)
        fprintf(file, "    many[%d][%d] = at->inputs[%d];\n", begin, 1 + carries + k, k);
    print_instructions(s, part, begin + 1, end, file);
    for (int k = 1; k < last->count; k++) {
        bool carry = k <= carries;
        fprintf(file, "    at->%s[%d] = t[%d];\n", carry ? "next" : "outputs", carry ? k - 1 : k - 1 - carries,
                last->operand[k]);
    }
    fputs("}\n\n", file);
}

void print_region_functions(const segment *s, int part, FILE *file)
{
    for (int end = 0; end < s->count; end++) { /* what lies within another one ends first */
        if (s->item[end].kind == CHECKPOINT_END) print_checkpoint(s, part, s->item[end].operand[0], end, file);
        if (s->item[end].kind == SCAN_END) print_body(s, part, s->item[end].operand[0], end, file);
    }
}

static void print_call_of_scan(const segment *s, int part, int begin, int end, FILE *file)
{
    const instruction *i = &s->item[begin];
    int carries = (int)i->integer[BODY_CARRIES], given = carries + scan_sequences(i);
    fprintf(file, "    scan((wg_scan_body){region%d_%d, NULL, %d}, ", part, begin, scan_outputs(i, &s->item[end]));
    print_some(i, 0, carries, file);
    fputs(", ", file);
    print_some(i, carries, given, file);
    fprintf(file, ",\n         (wg_scan_options){.steps = %lld, .chunk = %lld, .reverse = %s",
            (long long)i->integer[BODY_STEPS], (long long)i->integer[BODY_CHUNK],
            i->integer[BODY_REVERSE] ? "true" : "false");
    if (i->integer[BODY_MASKED]) fprintf(file, ", .mask = t[%d]", i->operand[given]);
    fprintf(file, "}, many[%d]);\n", end);
}

void print_instructions(const segment *s, int part, int from, int to, FILE *file)
{
    for (int k = from; k < to; k++) {
        const instruction *i = &s->item[k];
        int end = begins_region(i->kind) ? region_end(s, k) : k;
        if (i->kind == CHECKPOINT)
            fprintf(file, "    t[%d] = checkpoint((wg_function){region%d_%d, NULL}, t[%d]);\n", end, part, k,
                    i->operand[0]);
        else if (i->kind == SCAN)
            print_call_of_scan(s, part, k, end, file);
        else
            print_instruction(i, part, k, file);
        k = end;
    }
}
