/* DOT text of a graph: a box for each node, clusters for scopes, colours for what a node is. Names come from places in
   the graph, never from addresses, so that the same program gives the same text. */
#include "graph/inspect.h"
#include "graph/render.h"
#include "graph/shape.h"

#include <stdlib.h>
#include <string.h>

/* What a node is, for its colour and the legend. */
enum kind { FORWARD, GRADIENT, PARAMETER, VARIABLE, CONSTANT, UPDATE, KINDS };

/* Told apart by people with any kind of colour vision, also in print: blue, orange, green, grey, purple, by lightness.
 */
static const struct {
    const char *name, *colour;
} kinds[] = {
    [FORWARD] = {"forward", "#cfe4f7"},   [GRADIENT] = {"gradient", "#fbd9a8"}, [PARAMETER] = {"parameter", "#b7e0c4"},
    [VARIABLE] = {"variable", "#d5ecd9"}, [CONSTANT] = {"constant", "#e6e6e6"}, [UPDATE] = {"update", "#d9c7ea"}};
_Static_assert(sizeof kinds / sizeof *kinds == KINDS, "every kind has a name and a colour");

static enum kind node_kind(const wg_node *n)
{
    if (strcmp(n->op, "parameter") == 0) return PARAMETER;
    if (strcmp(n->op, "variable") == 0) return VARIABLE;
    if (strcmp(n->op, "constant") == 0 || strcmp(n->op, "full") == 0) return CONSTANT;
    if (strcmp(n->op, "assign") == 0) return UPDATE;
    return n->gradient ? GRADIENT : FORWARD;
}

/* What is drawn, and how. */
typedef struct drawing {
    wg_graph *graph;
    bool *asked; /* by node: one of the tensors that the picture was asked for */
    bool values;
} drawing;

/* ---- text ---- */

/* Inside double quotes of DOT, where Graphviz reads HTML entities, too. */
static void put_quoted(FILE *file, const char *text)
{
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') fputc('\\', file);
        if (*text == '\n')
            fputs("\\n", file);
        else if (*text == '&')
            fputs("&amp;", file);
        else
            fputc((unsigned char)*text < ' ' ? ' ' : *text, file);
    }
}

static void put_number(FILE *file, double x)
{
    number_buffer buffer;
    fputs(number_text(x, 4, &buffer), file);
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* ---- nodes ---- */

enum { SHOWN_VALUES = 4 };

static void put_values(FILE *file, const wg_graph *g, size_t index)
{
    const node *n = graph_node(g->context, g->ids[index]);
    const void *values = graph_values(g->context, n);
    int64_t size = wg_shape_size(g->nodes[index].shape);
    bool told = strcmp(g->nodes[index].op, "full") == 0; /* by its title */
    if (!values || told || size > SHOWN_VALUES || !type_is_float(g->nodes[index].type)) return;
    fputs("\\n", file);
    for (int64_t i = 0; i < size; i++) {
        if (i) fputc(' ', file);
        put_number(file, n->type == WG_F32 ? (double)((const float *)values)[i] : ((const double *)values)[i]);
    }
}

/* "weight" for a parameter, "assign weight" for its update, else the op and the number that takes part in it. */
static void put_title(FILE *file, const wg_graph *g, size_t index)
{
    const wg_node *n = &g->nodes[index];
    const node *recorded = graph_node(g->context, g->ids[index]);
    bool named = graph_persistent_of(g->context, recorded) != NULL, update = node_kind(n) == UPDATE;
    if (!named || update) put_quoted(file, n->op);
    if (update) fputc(' ', file);
    if (named) put_quoted(file, last_part(n->path));
    if (recorded->scalar_operand) {
        fputc(' ', file);
        put_number(file, recorded->scalar);
    }
}

/* Where the mouse rests: op, scope and C line. */
static void put_tooltip(FILE *file, const wg_node *n)
{
    put_quoted(file, n->op);
    if (n->path[0]) {
        fputs(" in ", file);
        put_quoted(file, n->path);
    }
    if (n->line) {
        fputs("\\n", file);
        put_quoted(file, n->file);
        fprintf(file, ":%d", n->line);
    }
}

/* A filled constant is drawn small, and what the picture was asked for with a thick border. */
static void put_node(FILE *file, const drawing *d, size_t index)
{
    const wg_node *n = &d->graph->nodes[index];
    shape_buffer buffer;
    fprintf(file, "n%zu [label=\"", index);
    put_title(file, d->graph, index);
    fprintf(file, "\\n%s %s", wg_type_name(n->type), shape_text(n->shape, &buffer));
    if (d->values) put_values(file, d->graph, index);
    fprintf(file, "\", fillcolor=\"%s\"%s%s, tooltip=\"", kinds[node_kind(n)].colour,
            strcmp(n->op, "full") == 0 ? ", fontsize=7, height=0.2, margin=\"0.04,0.02\"" : "",
            d->asked[index] ? ", penwidth=2.5" : "");
    put_tooltip(file, n);
    fputs("\"];\n", file);
}

/* Data flow down in the forward part and up in the gradient: so each gradient stands beside what it belongs to. Edges
   between the two are dashed and have no say in the layout. */
static void put_edges(FILE *file, const wg_graph *g)
{
    for (size_t i = 0; i < g->count; i++)
        for (size_t k = 0; k < g->nodes[i].input_count; k++) {
            size_t from = g->nodes[i].inputs[k];
            if (!g->nodes[i].gradient)
                fprintf(file, "  n%zu -> n%zu;\n", from, i);
            else if (g->nodes[from].gradient)
                fprintf(file, "  n%zu -> n%zu [dir=back];\n", i, from);
            else
                fprintf(file, "  n%zu -> n%zu [style=dashed, color=\"#a0a0a0\", constraint=false];\n", from, i);
        }
}

/* ---- clusters ---- */

/* The scope that a node is drawn in: its path, or that of a parameter without its own name. */
static size_t cluster_length(const wg_graph *g, size_t index)
{
    const char *path = g->nodes[index].path;
    if (!graph_persistent_of(g->context, graph_node(g->context, g->ids[index]))) return strlen(path);
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) : 0;
}

typedef struct placed {
    const char *path;
    size_t length, index;
} placed;

static int by_path(const void *left, const void *right)
{
    const placed *a = left, *b = right;
    size_t shared = a->length < b->length ? a->length : b->length;
    int order = memcmp(a->path, b->path, shared);
    if (order) return order;
    if (a->length != b->length) return a->length < b->length ? -1 : 1;
    return a->index < b->index ? -1 : 1;
}

/* How much of two paths is the same, in whole parts. */
static size_t shared_parts(const placed *a, const char *path, size_t length)
{
    size_t shared = 0;
    for (size_t i = 0;; i++) {
        bool end_a = i >= a->length || a->path[i] == '/', end_b = i >= length || path[i] == '/';
        if (end_a && end_b) shared = i;
        if (i >= a->length || i >= length || a->path[i] != path[i]) return shared;
    }
}

static void indent(FILE *file, int depth)
{
    fprintf(file, "%*s", 2 + 2 * depth, "");
}

/* Closes and opens clusters on the way from one scope to the next. */
static void move_to(FILE *file, const char *path, size_t length, const placed *next, int *depth, int *clusters)
{
    size_t shared = shared_parts(next, path, length);
    for (size_t i = shared; i < length; i++)
        if (i == 0 || path[i] == '/') {
            indent(file, --*depth);
            fputs("}\n", file);
        }
    for (size_t start = shared; start < next->length;) {
        if (next->path[start] == '/') start++;
        size_t end = start;
        while (end < next->length && next->path[end] != '/') end++;
        char name[PATH_SIZE];
        snprintf(name, sizeof name, "%.*s", (int)(end - start), next->path + start);
        indent(file, *depth);
        fprintf(file, "subgraph cluster%d { label=\"", (*clusters)++);
        put_quoted(file, name);
        fputs("\"; style=rounded; color=\"#8a8a8a\"; fontname=\"Helvetica\"; fontsize=11;\n", file);
        ++*depth;
        start = end;
    }
}

static bool put_clusters(FILE *file, const drawing *d)
{
    wg_graph *g = d->graph;
    placed *order = memory_new(&g->context->memory, g->count, sizeof *order);
    if (!order) return graph_fail_memory(g->context, g->count * sizeof *order).id;
    for (size_t i = 0; i < g->count; i++) order[i] = (placed){g->nodes[i].path, cluster_length(g, i), i};
    qsort(order, g->count, sizeof *order, by_path);
    placed root = {"", 0, 0};
    const placed *last = &root;
    int depth = 0, clusters = 0;
    for (size_t i = 0; i < g->count; i++) {
        move_to(file, last->path, last->length, &order[i], &depth, &clusters);
        indent(file, depth);
        put_node(file, d, order[i].index);
        last = &order[i];
    }
    move_to(file, last->path, last->length, &root, &depth, &clusters);
    memory_release(&g->context->memory, order);
    return true;
}

/* One field for each kind that occurs, below the picture. */
static void put_legend(FILE *file, const wg_graph *g)
{
    bool occurs[KINDS] = {false};
    for (size_t i = 0; i < g->count; i++) occurs[node_kind(&g->nodes[i])] = true;
    fputs("  labelloc=b; fontname=\"Helvetica\"; fontsize=9;\n  label=<<table border=\"0\" cellborder=\"1\" "
          "cellspacing=\"4\" cellpadding=\"3\" color=\"#8a8a8a\"><tr>",
          file);
    for (int i = 0; i < KINDS; i++)
        if (occurs[i]) fprintf(file, "<td bgcolor=\"%s\">%s</td>", kinds[i].colour, kinds[i].name);
    fputs("</tr></table>>;\n", file);
}

static bool put_graph(FILE *file, const drawing *d)
{
    fputs("digraph wengert {\n"
          "  rankdir=TB; newrank=true; ranksep=0.3; nodesep=0.2;\n"
          "  node [shape=box, style=\"filled,rounded\", color=\"#5a5a5a\", fontname=\"Helvetica\", fontsize=10, "
          "margin=\"0.08,0.04\", height=0.3];\n"
          "  edge [color=\"#5a5a5a\", arrowsize=0.6];\n",
          file);
    bool fine = put_clusters(file, d);
    put_edges(file, d->graph);
    put_legend(file, d->graph); /* last, or clusters would inherit its place and font */
    fputs("}\n", file);
    return fine && !ferror(file);
}

/* ---- what is drawn ---- */

/* The graph of the tensors, and of pending assigns if asked. */
static wg_graph *drawn_graph(wg_context *ctx, wg_list tensors, bool updates)
{
    size_t count = tensors.count + (updates ? ctx->assign_count : 0);
    wg_tensor *all = memory_new(&ctx->memory, count, sizeof *all);
    if (!all) {
        graph_fail_memory(ctx, count * sizeof *all);
        return NULL;
    }
    if (tensors.count) memcpy(all, tensors.items, tensors.count * sizeof *all);
    for (size_t i = tensors.count; i < count; i++) all[i] = graph_tensor(ctx, ctx->assigns[i - tensors.count]);
    wg_graph *g = wg_graph_new((wg_list){count, all});
    memory_release(&ctx->memory, all);
    return g;
}

/* Computes the small floats of a graph, so that their values can be shown. */
static bool compute_small(wg_graph *g)
{
    wg_context *ctx = g->context;
    size_t count = 0;
    uint32_t *ids = memory_new(&ctx->memory, g->count, sizeof *ids);
    if (!ids) return graph_fail_memory(ctx, g->count * sizeof *ids).id;
    for (size_t i = 0; i < g->count; i++)
        if (type_is_float(g->nodes[i].type) && wg_shape_size(g->nodes[i].shape) <= SHOWN_VALUES)
            ids[count++] = g->ids[i];
    bool fine = ctx->engine->evaluate(ctx, ids, count);
    memory_release(&ctx->memory, ids);
    return fine;
}

/* Finds the places of the tensors that the picture was asked for. */
static bool *mark_asked(const wg_graph *g, wg_list tensors)
{
    bool *asked = memory_new(&g->context->memory, g->count, sizeof *asked);
    if (!asked) graph_fail_memory(g->context, g->count * sizeof *asked);
    for (size_t i = 0; asked && i < tensors.count; i++) {
        uint32_t id = graph_resolve(tensors.items[i], "draw");
        for (size_t k = 0; k < g->count; k++)
            if (g->ids[k] == id) asked[k] = true;
    }
    return asked;
}

bool wg_draw_dot(wg_list tensors, FILE *file, const wg_draw_options *options)
{
    wg_context *ctx = graph_context_of(tensors);
    WG_ENTRY(ctx);
    if (!ctx || !file)
        return graph_fail(ctx, WG_BAD_ARGUMENT, "draw: %s", file ? "the list is empty" : "the file is NULL").id;
    wg_graph *g = graph_ok(ctx) ? drawn_graph(ctx, tensors, options && options->updates) : NULL;
    if (!g || (options && options->values && !compute_small(g))) return false;
    drawing d = {g, mark_asked(g, tensors), options && options->values};
    bool fine = d.asked && put_graph(file, &d);
    memory_release(&ctx->memory, d.asked);
    return fine || graph_fail(ctx, WG_IO, "draw: the file cannot be written").id;
}

/* Opens the file for the DOT text: the one asked for, or a new one beside the picture. */
static FILE *open_source(const char *path, bool text, char source[PATH_SIZE])
{
    if (strlen(path) + 8 > PATH_SIZE) return NULL;
    snprintf(source, PATH_SIZE, text ? "%s" : "%s-XXXXXX", path);
    if (text) return fopen(source, "w");
    int descriptor = mkstemp(source);
    return descriptor < 0 ? NULL : fdopen(descriptor, "w");
}

static bool write_source(wg_list tensors, const char *path, bool text, char source[PATH_SIZE],
                         const wg_draw_options *options)
{
    wg_context *ctx = graph_context_of(tensors);
    FILE *file = open_source(path, text, source);
    if (!file) return graph_fail(ctx, WG_IO, "draw: \"%s\" cannot be written", path).id;
    bool fine = wg_draw_dot(tensors, file, options);
    if (fclose(file) != 0) fine = graph_fail(ctx, WG_IO, "draw: \"%s\" cannot be written", path).id;
    if (!fine && !text) remove(source);
    return fine;
}

bool wg_draw(wg_list tensors, const char *path, const wg_draw_options *options)
{
    wg_context *ctx = graph_context_of(tensors);
    WG_ENTRY(ctx);
    char source[PATH_SIZE];
    const char *suffix = path ? strrchr(path, '.') : NULL, *format = render_format(suffix);
    bool text = suffix && strcmp(suffix, ".dot") == 0;
    if (!text && !format) {
        graph_fail(ctx, WG_BAD_ARGUMENT, "draw: \"%s\" does not end in .dot, .svg, .png or .pdf", path ? path : "");
        return false;
    }
    if (!graph_ok(ctx) || !write_source(tensors, path, text, source, options)) return false;
    if (text) return true;
    bool drawn = render_run(source, path, format);
    remove(source);
    if (!drawn) {
        graph_fail(ctx, WG_UNSUPPORTED, "draw: Graphviz' program dot did not make \"%s\"", path);
        graph_hint(ctx, "is Graphviz installed? A path that ends in .dot needs no program");
    }
    return drawn;
}
