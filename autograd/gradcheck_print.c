/* What a gradient check found, as a table. */
#include "graph/shape.h"

#include <wengert/gradient.h>

static const char *verdict(const wg_gradcheck_leaf *leaf)
{
    if (leaf->passed) return "ok";
    return leaf->samples ? "WRONG" : "NOTHING COMPARED";
}

static void print_kinks(const wg_gradcheck_leaf *leaf, FILE *file)
{
    if (!leaf->kinks) return;
    fprintf(file, "    a kink is too near at %s", leaf->swept ? "element" : "direction");
    for (int64_t i = 0; i < leaf->kinks && i < WG_GRADCHECK_KINKED; i++)
        fprintf(file, "%s %lld", i ? "," : "", (long long)leaf->kinked[i]);
    fputs(leaf->kinks > WG_GRADCHECK_KINKED ? ", ...\n" : "\n", file);
}

static void print_leaf(const wg_gradcheck_leaf *leaf, FILE *file)
{
    shape_buffer shape;
    number_buffer a, b;
    fprintf(file, "  %-28s %-16s %5d %5lld %s %6lld %10s %10s %s\n", leaf->name, shape_text(leaf->shape, &shape),
            leaf->order, (long long)leaf->samples, leaf->swept ? "all" : "dir", (long long)leaf->kinks,
            number_text(leaf->norm_error, -1, &a), number_text(leaf->worst_error, -1, &b), verdict(leaf));
    print_kinks(leaf, file);
    if (leaf->blurred)
        fprintf(file, "    %lld left out: y is too large, or rounded too much, to show such a small derivative\n",
                (long long)leaf->blurred);
    if (!leaf->passed && leaf->samples)
        fprintf(file, "    worst at %s %lld: the gradient says %s, differences say %s\n",
                leaf->swept ? "element" : "direction", (long long)leaf->worst_sample,
                number_text(leaf->analytic, 9, &a), number_text(leaf->numeric, 9, &b));
}

bool wg_gradcheck_print(const wg_gradcheck_report *report, FILE *file)
{
    if (!report || !file) return false;
    if (!report->complete) {
        fprintf(file, "gradient check: stopped by an error\n");
        return false;
    }
    number_buffer a;
    fprintf(file, "gradient check in f64, y = %s\n  %-28s %-16s %5s %9s %6s %10s %10s\n",
            number_text(report->value, 6, &a), "leaf", "shape", "order", "samples", "kinks", "norm error", "worst");
    for (size_t i = 0; i < report->listed; i++) print_leaf(&report->leaves[i], file);
    if (report->listed < report->leaf_count)
        fprintf(file, "  ... and %zu more, with smaller errors\n", report->leaf_count - report->listed);
    fprintf(file, "  %s: tolerance %s, seed %llu\n", report->passed ? "passed" : "FAILED",
            number_text(report->tolerance, 3, &a), (unsigned long long)report->seed);
    return !ferror(file);
}
