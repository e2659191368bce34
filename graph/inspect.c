/* Reading a graph out of the tape, as data that stand on their own. */
#include "graph/inspect.h"

#include "graph/shape.h"

#include <string.h>

static void release_graph(wg_graph *g)
{
    memory *m = &g->context->memory;
    memory_release(m, g->nodes);
    memory_release(m, g->ids);
    memory_release(m, g->inputs);
    memory_release(m, g->text);
    memory_release(m, g);
}

void graph_release_inspected(wg_context *ctx)
{
    while (ctx->graphs) {
        wg_graph *first = ctx->graphs;
        ctx->graphs = first->next;
        release_graph(first);
    }
}

#define OPEN 0x80000000u /* in `place`: being visited; the other bits count the operands that are done */

/* place[id] = 1 + the node's place in the graph; 0: not part of it. Each node comes after its operands, first operands
   first, whatever order they were recorded in: compilers differ in which argument of a call they evaluate first, and
   the same program is to give the same picture. Returns how many nodes there are, and their operands. */
static size_t place_nodes(const wg_context *ctx, const uint32_t *roots, size_t root_count, uint32_t *place,
                          uint32_t *stack, size_t *edges)
{
    size_t count = 0, depth = 0;
    for (size_t i = 0; i < root_count; i++) {
        if (place[roots[i]]) continue;
        place[stack[depth++] = roots[i]] = OPEN;
        while (depth) {
            uint32_t id = stack[depth - 1], next = place[id] & ~OPEN;
            size_t input_count;
            const uint32_t *inputs = graph_inputs(ctx, graph_node(ctx, id), &input_count);
            while (next < input_count && (inputs[next] == 0 || place[inputs[next]])) next++;
            if (next < input_count) {
                place[id] = OPEN | (next + 1);
                place[stack[depth++] = inputs[next]] = OPEN;
            } else {
                place[id] = (uint32_t)++count;
                *edges += input_count;
                depth--;
            }
        }
    }
    return count;
}

/* The scope of a node, or the whole name of a persistent tensor. */
static void node_path(const wg_context *ctx, const node *n, char *path, size_t size)
{
    const persistent *p = graph_persistent_of(ctx, n);
    if (p)
        snprintf(path, size, "%s", p->name);
    else
        graph_scope_path(ctx, n->scope, path, size);
}

/* Appends a string to the graph's text; offsets, because the text moves as it grows. */
static bool keep_text(wg_graph *g, size_t *used, size_t *capacity, const char *text, size_t *offset)
{
    size_t size = strlen(text) + 1;
    if (!memory_grow(&g->context->memory, (void **)&g->text, capacity, *used + size, 1)) return false;
    memcpy(g->text + *used, text, size);
    *offset = *used;
    *used += size;
    return true;
}

static double node_flops(wg_context *ctx, const node *n, const wg_node *result)
{
    size_t count;
    const uint32_t *inputs = graph_inputs(ctx, n, &count);
    if (graph_is_leaf(n) || n->op->alias) return 0;
    if (!n->op->flops || count > 8) return (double)wg_shape_size(result->shape);
    wg_array arrays[8], output = {result->type, result->shape, NULL};
    for (size_t i = 0; i < count; i++) {
        const node *in = graph_node(ctx, inputs[i]);
        arrays[i] = (wg_array){(wg_type)in->type, graph_shape(ctx, in), NULL};
    }
    return n->op->flops(&(wg_call){count, arrays, &output, graph_attributes(ctx, n), NULL, NULL});
}

static const char *node_label(const wg_context *ctx, const node *n)
{
    const persistent *p = graph_persistent_of(ctx, n);
    return p && n->op == &graph_parameter_op && !p->trainable ? "variable" : n->op->name;
}

/* A C line that was looked up: reading debug information is slow, and few lines record many nodes. */
typedef struct known_site {
    bool known;
    size_t file; /* offset */
    int line;
} known_site;

/* What is shared while a graph is filled in. */
typedef struct reading {
    wg_graph *graph;
    const uint32_t *place;
    site_lines *lines;
    known_site *sites; /* by number */
    size_t edges, text_used, text_capacity;
} reading;

static const known_site *find_site(reading *r, uint32_t site)
{
    known_site *s = &r->sites[site];
    char file[PATH_SIZE];
    if (s->known) return s;
    site_find(r->lines, r->graph->context->sites[site], file, sizeof file, &s->line);
    s->known = keep_text(r->graph, &r->text_used, &r->text_capacity, file, &s->file);
    return s->known ? s : NULL;
}

/* Fills in one node; its strings, path and file, are offsets for now. */
static bool describe(reading *r, uint32_t id, size_t offsets[2])
{
    wg_graph *g = r->graph;
    const uint32_t *place = r->place;
    size_t *edge = &r->edges;
    wg_context *ctx = g->context;
    const node *n = graph_node(ctx, id);
    wg_node *out = &g->nodes[place[id] - 1];
    char path[PATH_SIZE];
    g->ids[place[id] - 1] = id;
    *out = (wg_node){.op = node_label(ctx, n),
                     .type = (wg_type)n->type,
                     .shape = graph_shape(ctx, n),
                     .inputs = g->inputs + *edge,
                     .gradient = (n->flags & NODE_GRADIENT) != 0};
    size_t count;
    const uint32_t *inputs = graph_inputs(ctx, n, &count);
    for (size_t i = 0; i < count; i++)
        if (inputs[i]) g->inputs[(*edge)++] = place[inputs[i]] - 1;
    out->input_count = (size_t)(g->inputs + *edge - out->inputs);
    out->bytes = (double)graph_bytes(ctx, n);
    out->flops = node_flops(ctx, n, out);
    node_path(ctx, n, path, sizeof path);
    const known_site *site = find_site(r, n->site);
    if (!site) return false;
    out->line = site->line;
    offsets[1] = site->file;
    return keep_text(g, &r->text_used, &r->text_capacity, path, &offsets[0]);
}

static bool fill_graph(wg_graph *g, const uint32_t *place, size_t (*offsets)[2])
{
    wg_context *ctx = g->context;
    reading r = {.graph = g, .place = place, .lines = site_open()};
    r.sites = memory_new(&ctx->memory, ctx->site_table.count, sizeof *r.sites);
    bool fine = r.sites != NULL;
    for (uint32_t id = 1; fine && id < ctx->node_count; id++)
        if (place[id]) fine = describe(&r, id, offsets[place[id] - 1]);
    for (size_t i = 0; fine && i < g->count; i++) {
        g->nodes[i].path = g->text + offsets[i][0];
        g->nodes[i].file = g->text + offsets[i][1];
    }
    memory_release(&ctx->memory, r.sites);
    site_close(r.lines);
    return fine;
}

static wg_graph *read_out(wg_context *ctx, const uint32_t *roots, size_t root_count)
{
    memory *m = &ctx->memory;
    uint32_t *place = memory_new(m, ctx->node_count, sizeof *place);
    uint32_t *stack = memory_new(m, ctx->node_count, sizeof *stack);
    wg_graph *g = memory_new(m, 1, sizeof *g);
    size_t edges = 0;
    bool fine = place && stack && g;
    if (fine) {
        *g = (wg_graph){.context = ctx, .count = place_nodes(ctx, roots, root_count, place, stack, &edges)};
        g->nodes = memory_new(m, g->count, sizeof *g->nodes);
        g->ids = memory_new(m, g->count, sizeof *g->ids);
        g->inputs = memory_new(m, edges + 1, sizeof *g->inputs);
        size_t(*offsets)[2] = memory_new(m, g->count, sizeof *offsets);
        fine = g->nodes && g->ids && g->inputs && offsets && fill_graph(g, place, offsets);
        memory_release(m, offsets);
    }
    memory_release(m, place);
    memory_release(m, stack);
    if (fine) {
        g->next = ctx->graphs;
        ctx->graphs = g;
        return g;
    }
    graph_fail_memory(ctx, ctx->node_count * sizeof(wg_node));
    if (g) release_graph(g);
    return NULL;
}

wg_graph *wg_graph_new(wg_list tensors)
{
    wg_context *ctx = graph_context_of(tensors);
    WG_ENTRY(ctx);
    if (!ctx || tensors.count == 0) {
        graph_fail(ctx, WG_BAD_ARGUMENT, "graph_new: the list is empty");
        return NULL;
    }
    uint32_t *ids = memory_new(&ctx->memory, tensors.count, sizeof *ids);
    if (!ids) graph_fail_memory(ctx, tensors.count * sizeof *ids);
    wg_graph *g = graph_resolve_list(tensors, "graph_new", &ctx, ids) ? read_out(ctx, ids, tensors.count) : NULL;
    memory_release(&ctx->memory, ids);
    return g;
}

size_t wg_graph_size(const wg_graph *graph)
{
    return graph ? graph->count : 0;
}

wg_node wg_graph_node(const wg_graph *graph, size_t index)
{
    static const wg_node none = {.op = "", .path = "", .file = ""};
    return graph && index < graph->count ? graph->nodes[index] : none;
}
