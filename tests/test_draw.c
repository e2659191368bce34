/* Pictures and read-out graphs: golden texts, names of every sort, formats, and what goes wrong.

   WG_TEST_WRITE=1 writes the golden texts anew; look at the difference before you keep it. */
#include "tests/scratch.h"

#include <fcntl.h>
#include <sys/wait.h>

enum { TEXT = 1 << 16, CHAIN = 100000 };

/* ---- programs to draw ---- */

typedef struct {
    wg_linear hidden, output;
    wg_tensor x, loss;
} model;

/* An MLP of constant weights under nested scopes, so that the values are the same everywhere. */
static model model_new(wg_context *ctx)
{
    model m;
    wg_linear_options o = {.weight = wg_init_constant(0.25), .bias = wg_init_constant(-0.5)};
    wg_scope_begin(ctx, "classifier");
    m.hidden = wg_linear_new(ctx, "hidden", 3, 4, &o);
    m.output = wg_linear_new(ctx, "output", 4, 2, &o);
    wg_scope_end(ctx);
    return m;
}

static void model_record(wg_context *ctx, model *m)
{
    static const float x[] = {1, 2, 3, 4, 5, 6};
    m->x = wg_from_f32(ctx, WG_SHAPE(2, 3), x);
    wg_tensor target = wg_from_f32(ctx, WG_SHAPE(2, 2), (float[]){1, 0, 0, 1});
    wg_scope_begin(ctx, "loss");
    m->loss = wg_squared_error(wg_linear_apply(&m->output, wg_relu(wg_linear_apply(&m->hidden, m->x))), target, NULL);
    wg_scope_end(ctx);
}

static wg_context *context_new(void)
{
    return scratch_context_with((wg_context_options){.type = WG_F32});
}

/* ---- texts ---- */

/* The DOT text without C lines: they change with this file, and are missing without debug information. */
static const char *dot_text(wg_list tensors, const wg_draw_options *options)
{
    static char text[TEXT];
    wg_context *ctx = tensors.items[0].context;
    FILE *file = fmemopen(text, sizeof text, "w");
    cr_assert(wg_draw_dot(tensors, file, options), "%s", wg_error(ctx));
    cr_assert_eq(fclose(file), 0);
    for (char *place; (place = strstr(text, "\\ntest_draw.c:"));) {
        char *end = place + strlen("\\ntest_draw.c:");
        end += strspn(end, "0123456789");
        memmove(place, end, strlen(end) + 1);
    }
    return text;
}

/* Under WG_TEST_DOT: Graphviz understands the text. */
static void expect_parsed(const char *text, const char *what)
{
#ifdef WG_TEST_DOT
    FILE *dot = popen("dot -Tsvg > /dev/null 2>&1", "w");
    cr_assert_not_null(dot);
    fputs(text, dot);
    cr_expect_eq(pclose(dot), 0, "dot does not understand %s:\n%s", what, text);
#else
    (void)text, (void)what;
#endif
}

static void expect_golden(wg_list tensors, const wg_draw_options *options, const char *name)
{
    char path[100], wanted[TEXT];
    const char *found = dot_text(tensors, options);
    snprintf(path, sizeof path, "tests/golden/%s.dot", name);
    FILE *file = fopen(path, getenv("WG_TEST_WRITE") ? "w+" : "r");
    cr_assert_not_null(file, "%s is missing", path);
    if (getenv("WG_TEST_WRITE")) fputs(found, file);
    rewind(file);
    size_t size = fread(wanted, 1, sizeof wanted - 1, file);
    fclose(file);
    wanted[size] = '\0';
    cr_expect_str_eq(found, wanted, "%s differs; found:\n%s", path, found);
    expect_parsed(found, path);
}

Test(golden, loss)
{
    wg_context *ctx = context_new();
    model m = model_new(ctx);
    model_record(ctx, &m);
    expect_golden(WG_LIST(m.loss), NULL, "loss");
    scratch_close(ctx);
}

Test(golden, gradient)
{
    wg_context *ctx = context_new();
    model m = model_new(ctx);
    model_record(ctx, &m);
    wg_tensor g[2];
    cr_assert(wg_grads(m.loss, WG_LIST(m.hidden.weight, m.x), g));
    expect_golden(WG_LIST(m.loss, g[0], g[1]), NULL, "gradient");
    scratch_close(ctx);
}

Test(golden, updates_and_values)
{
    wg_context *ctx = context_new();
    model m = model_new(ctx);
    wg_optimizer *sgd = wg_sgd_new(ctx, "*output/*", &(wg_sgd_options){.learning_rate = 0.5, .momentum = 0.25});
    model_record(ctx, &m);
    wg_optimizer_step(sgd, m.loss);
    expect_golden(WG_LIST(m.loss), &(wg_draw_options){.updates = true}, "updates");
    expect_golden(WG_LIST(m.loss), &(wg_draw_options){.values = true}, "values");
    scratch_close(ctx);
}

Test(golden, nested_scopes)
{
    wg_context *ctx = context_new();
    wg_tensor x = wg_ones(ctx, WG_SHAPE(2, 0, 3)), y = x;
    const char *const names[] = {"a", "b", "ab", "b"}; /* a, a/b, a/b/ab, ...: prefixes of one another */
    for (int i = 0; i < 4; i++) {
        wg_scope_begin(ctx, "%s", names[i]);
        y = wg_sin(y);
    }
    for (int i = 0; i < 3; i++) {
        wg_scope_end(ctx);
        y = wg_cos(y);
    }
    wg_scope_end(ctx);
    wg_scope_begin(ctx, "ab");
    y = wg_add(y, wg_mul_scalar(x, 0.125));
    wg_scope_end(ctx);
    expect_golden(WG_LIST(y), NULL, "scopes");
    scratch_close(ctx);
}

static const char *const odd_names[] = {"say \"x\"",    "back\\slash\\n",
                                        "two\nlines",   "gr\303\266\303\237e \344\270\255",
                                        "<b>&amp;</b>", "100%s %d %",
                                        "{a|b}",        "tab\there",
                                        "semi;colon]",  "->"};

Test(golden, names)
{
    wg_context *ctx = context_new();
    wg_tensor y = wg_scalar(ctx, 1);
    for (size_t i = 0; i < sizeof odd_names / sizeof *odd_names; i++) {
        wg_scope_begin(ctx, "%s", odd_names[i]);
        y = wg_add(y, wg_parameter(ctx, odd_names[i], WG_SCALAR, wg_init_zeros()));
        wg_scope_end(ctx);
    }
    cr_assert_not(wg_failed(ctx), "%s", wg_error(ctx));
    expect_golden(WG_LIST(y), NULL, "names");
    scratch_close(ctx);
}

/* Names are only bytes to the library; Graphviz need not like them, but nothing may break. */
Test(names, bytes_and_length)
{
    wg_context *ctx = context_new();
    char name[400];
    for (int i = 1; i < 256; i++) name[i - 1] = (char)(i == '/' ? '_' : i);
    memset(name + 255, 'x', 100);
    name[355] = '\0';
    wg_scope_begin(ctx, "%s", name);
    wg_tensor y = wg_sin(wg_ones(ctx, WG_SHAPE(2)));
    wg_scope_end(ctx);
    if (!wg_failed(ctx)) {
        const char *text = dot_text(WG_LIST(y), NULL);
        cr_expect(strstr(text, "subgraph cluster0 { label=\"") != NULL, "%s", text);
        for (const char *c = text; *c; c++) cr_assert((unsigned char)*c >= ' ' || *c == '\n', "control character");
    }
    scratch_close(ctx);
}

/* ---- stability ---- */

Test(stable, whatever_came_before)
{
    char first[TEXT];
    for (int way = 0; way < 4; way++) {
        wg_context *ctx = context_new();
        if (way == 1) wg_variable(ctx, "counter", wg_scalar(ctx, 3));
        if (way == 2) wg_item(wg_sum(wg_uniform(ctx, WG_SHAPE(100), 0, 1), WG_ALL));
        model m = model_new(ctx);
        if (way == 3) {
            model_record(ctx, &m);
            wg_item(m.loss);
            wg_clear(ctx);
            wg_square(wg_scalar(ctx, 1));
        }
        model_record(ctx, &m);
        const char *text = dot_text(WG_LIST(m.loss, wg_grad(m.loss, m.x)), NULL);
        if (way == 0) strcpy(first, text);
        cr_expect_str_eq(text, first, "history %d changes the text", way);
        cr_expect_str_eq(dot_text(WG_LIST(m.loss, wg_grad(m.loss, m.x)), NULL),
                         dot_text(WG_LIST(m.loss, wg_grad(m.loss, m.x)), NULL));
        scratch_close(ctx);
    }
}

Test(stable, drawing_changes_nothing)
{
    wg_context *ctx = context_new();
    model m = model_new(ctx);
    model_record(ctx, &m);
    wg_assign(m.output.bias, wg_zeros(ctx, WG_SHAPE(2)));
    dot_text(WG_LIST(m.loss), NULL);
    wg_stats before = wg_context_stats(ctx);
    dot_text(WG_LIST(m.loss), &(wg_draw_options){.updates = true});
    wg_stats after = wg_context_stats(ctx);
    cr_expect_eq(after.nodes, before.nodes);
    cr_expect_eq(after.evaluations, before.evaluations);
    cr_expect_eq(wg_item(m.loss) > 0, true, "%s", wg_error(ctx));
    scratch_close(ctx);
}

/* The decimal point does not follow the locale. */
Test(stable, numbers)
{
    wg_context *ctx = context_new();
    wg_tensor y = wg_mul_scalar(wg_add_scalar(wg_scalar(ctx, 0.5), 1e-9), -1234567.75);
    const char *text = dot_text(WG_LIST(y, wg_div_scalar(y, INFINITY)), &(wg_draw_options){.values = true});
    static const char *const words[] = {"add 1e-09", "mul -1.235e+06", "div inf", "\\n0.5\"", "\\n-6.173e+05\""};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        cr_expect(strstr(text, words[i]) != NULL, "no %s in\n%s", words[i], text);
    scratch_close(ctx);
}

/* ---- formats and mistakes ---- */

#ifdef WG_TEST_DOT
Test(formats, by_suffix)
{
    static const struct {
        const char *name, *begins;
    } formats[] = {
        {"a.svg", "<?xml"}, {"a.png", "\211PNG"}, {"a.pdf", "%PDF"}, {"a.dot", "digraph"}, {"-o x;y.svg", "<?xml"}};
    scratch_begin();
    wg_context *ctx = context_new();
    model m = model_new(ctx);
    model_record(ctx, &m);
    for (int i = 0; i < 5; i++) {
        cr_expect(wg_draw(WG_LIST(m.loss), scratch(formats[i].name), NULL), "%s", wg_error(ctx));
        size_t size;
        unsigned char *bytes = scratch_read(formats[i].name, &size);
        cr_expect(size > 100 && memcmp(bytes, formats[i].begins, strlen(formats[i].begins)) == 0, "%s",
                  formats[i].name);
        free(bytes);
    }
    cr_expect_eq(scratch_files(), 5, "something is left beside the pictures");
    scratch_close(ctx);
    scratch_end();
}
#endif

/* With no program `dot` in reach a text can be written and a picture is a clear error. */
static int draw_without_dot(void)
{
    setenv("PATH", "/nonexistent", 1);
    wg_context *ctx = wg_context_new(NULL);
    wg_tensor y = wg_sin(wg_scalar(ctx, 1));
    if (!wg_draw(WG_LIST(y), scratch("b.dot"), NULL)) return 1;
    if (wg_draw(WG_LIST(y), scratch("b.svg"), NULL)) return 2;
    if (wg_error_status(ctx) != WG_UNSUPPORTED || !strstr(wg_error(ctx), "Graphviz")) return 3;
    if (!strstr(wg_error(ctx), "b.svg")) return 4;
    wg_context_free(ctx);
    return scratch_files() == 1 ? 0 : 5;
}

Test(formats, without_dot)
{
    scratch_begin();
    fflush(NULL);
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) _exit(draw_without_dot());
    int status = -1;
    waitpid(child, &status, 0);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %d", WEXITSTATUS(status));
    scratch_end();
}

Test(mistakes, paths)
{
    static const char *const bad[] = {"net.gif", "net", "", "net.", "a.svg/b", "net.SVG", ".dotx"};
    scratch_begin();
    wg_context *ctx = context_new();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_expect_not(wg_draw(WG_LIST(wg_scalar(ctx, 1)), bad[i], NULL));
        scratch_expect_error(ctx, WG_BAD_ARGUMENT, ".dot, .svg, .png or .pdf", bad[i]);
    }
    cr_expect_not(wg_draw(WG_LIST(wg_scalar(ctx, 1)), NULL, NULL));
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, ".dot", "no path");
    const char *const unwritable[] = {"/nonexistent/a.dot", "/nonexistent/a.svg"};
    for (int i = 0; i < 2; i++) {
        cr_expect_not(wg_draw(WG_LIST(wg_scalar(ctx, 1)), unwritable[i], NULL));
        scratch_expect_error(ctx, WG_IO, unwritable[i], "a folder that does not exist");
    }
    char path[2000];
    memset(path, 'a', sizeof path);
    strcpy(path + sizeof path - 5, ".dot");
    cr_expect_not(wg_draw(WG_LIST(wg_scalar(ctx, 1)), path, NULL));
    scratch_expect_error(ctx, WG_IO, "aaa", "a path too long");
    if (access("/dev/full", W_OK) == 0) {
        cr_assert_eq(symlink("/dev/full", scratch("full.dot")), 0);
        cr_expect_not(wg_draw(WG_LIST(wg_scalar(ctx, 1)), scratch("full.dot"), NULL));
        scratch_expect_error(ctx, WG_IO, "full.dot", "a full device");
    }
    scratch_close(ctx);
    scratch_end();
}

Test(mistakes, tensors)
{
    wg_context *ctx = context_new(), *other = wg_context_new(NULL);
    FILE *null = fopen("/dev/null", "w");
    wg_tensor stale = wg_scalar(ctx, 1);
    wg_clear(ctx);
    cr_expect_not(wg_draw_dot(WG_LIST(stale), null, NULL));
    scratch_expect_error(ctx, WG_BAD_HANDLE, "stale", "a stale tensor");
    cr_expect_not(wg_draw_dot(WG_LIST(wg_scalar(ctx, 1), wg_scalar(other, 1)), null, NULL));
    cr_expect_eq(wg_error_status(ctx), WG_BAD_HANDLE, "%s", wg_error(ctx));
    wg_recover(ctx);
    cr_expect_not(wg_draw_dot(WG_LIST(wg_scalar(ctx, 1)), NULL, NULL));
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "NULL", "no file");
    cr_expect_not(wg_draw_dot((wg_list){0, NULL}, null, NULL));
    cr_expect_not(wg_draw_dot(WG_LIST(WG_NONE), null, NULL));
    cr_expect_not(wg_draw((wg_list){0, NULL}, "x.dot", NULL));
    cr_expect_null(wg_graph_new((wg_list){0, NULL}));
    cr_expect_null(wg_graph_new(WG_LIST(stale)));
    wg_recover(ctx);
    cr_expect_eq(wg_graph_size(NULL), (size_t)0);
    cr_expect_str_eq(wg_graph_node(NULL, 0).op, "");
    cr_expect_str_eq(wg_graph_node(wg_graph_new(WG_LIST(wg_scalar(ctx, 1))), 7).op, "");
    fclose(null);
    wg_context_free(other);
    scratch_close(ctx);
}

/* Wherever memory runs out there is an error, and nothing leaks. */
Test(mistakes, out_of_memory)
{
    for (long left = 0;; left++) {
        wg_context *ctx = context_new();
        model m = model_new(ctx);
        model_record(ctx, &m);
        FILE *null = fopen("/dev/null", "w");
        scratch_left = left;
        bool fine = wg_draw_dot(WG_LIST(m.loss), null, &(wg_draw_options){.values = true});
        scratch_left = -1;
        fclose(null);
        if (!fine) cr_expect_eq(wg_error_status(ctx), WG_OUT_OF_MEMORY, "after %ld: %s", left, wg_error(ctx));
        scratch_close(ctx);
        if (fine) break;
        cr_assert_lt(left, 10000L);
    }
}

/* ---- graphs as data ---- */

Test(graph, nodes_of_a_gradient)
{
    wg_context *ctx = context_new();
    model m = model_new(ctx);
    model_record(ctx, &m);
    wg_graph *forward = wg_graph_new(WG_LIST(m.loss)), *both = wg_graph_new(WG_LIST(m.loss, wg_grad(m.loss, m.x)));
    cr_assert(forward && both, "%s", wg_error(ctx));
    size_t gradients = 0, parameters = 0, assigns = 0;
    for (size_t i = 0; i < wg_graph_size(both); i++) {
        wg_node n = wg_graph_node(both, i);
        for (size_t k = 0; k < n.input_count; k++) cr_assert_lt(n.inputs[k], i);
        gradients += n.gradient;
        parameters += strcmp(n.op, "parameter") == 0;
        assigns += strcmp(n.op, "assign") == 0;
        cr_expect_eq(n.bytes, (double)(wg_shape_size(n.shape) * (int64_t)wg_type_size(n.type)));
        if (i < wg_graph_size(forward)) cr_expect_not(wg_graph_node(forward, i).gradient);
    }
    cr_expect_eq(parameters, (size_t)4);
    cr_expect_eq(assigns, (size_t)0);
    cr_expect_gt(gradients, (size_t)5);
    wg_node last = wg_graph_node(both, wg_graph_size(both) - 1);
    cr_expect(last.gradient && wg_shape_equal(last.shape, WG_SHAPE(2, 3)));
    cr_expect_str_eq(last.path, "classifier/hidden", "a gradient node has the scope of its forward node");
    scratch_close(ctx);
}

Test(graph, names_types_and_cost)
{
    wg_context *ctx = context_new();
    wg_tensor w = wg_parameter(ctx, "deep/w", WG_SHAPE(5, 7), wg_init_zeros());
    wg_tensor v = wg_variable(ctx, "v", wg_zeros(ctx, WG_SHAPE(7)));
    wg_tensor x = wg_zeros(ctx, WG_SHAPE(3, 5));
    wg_tensor y = wg_matmul(x, w), z = wg_less(wg_sum(y, WG_AXES(0)), v), r = wg_reshape(z, WG_SHAPE(7, 1));
    wg_graph *g = wg_graph_new(WG_LIST(r));
    static const struct {
        const char *op, *path;
        wg_type type;
        double flops;
    } wanted[] = {
        {"full", "", WG_F32, 15},   {"parameter", "deep/w", WG_F32, 0}, {"matmul", "", WG_F32, 2. * 3 * 5 * 7},
        {"sum", "", WG_F32, 21},    {"variable", "v", WG_F32, 0},       {"less", "", WG_BOOL, 7},
        {"reshape", "", WG_BOOL, 0}};
    cr_assert_eq(wg_graph_size(g), sizeof wanted / sizeof *wanted, "%s", wg_error(ctx));
    for (size_t i = 0; i < wg_graph_size(g); i++) {
        wg_node n = wg_graph_node(g, i);
        cr_expect_str_eq(n.op, wanted[i].op);
        cr_expect_str_eq(n.path, wanted[i].path);
        cr_expect_eq(n.type, wanted[i].type);
        cr_expect_eq(n.flops, wanted[i].flops, "%s: %g flops", n.op, n.flops);
    }
    cr_expect_eq(wg_graph_node(g, 6).bytes, 7);
    scratch_close(ctx);
}

Test(graph, lines)
{
#ifdef WG_HAVE_LIBDW
    wg_context *ctx = context_new();
    wg_linear layer = wg_linear_new(ctx, "a", 2, 2, NULL);
    int first = __LINE__ + 1;
    wg_tensor x = wg_zeros(ctx, WG_SHAPE(2, 2));
    wg_tensor y = wg_linear_apply(&layer, x);
    wg_tensor z = wg_softmax(y, -1);
    wg_tensor sum = wg_sum(z, WG_ALL);
    wg_graph *g = wg_graph_new(WG_LIST(wg_grad(sum, x)));
    int seen[4] = {0}, other = 0;
    for (size_t i = 0; i < wg_graph_size(g); i++) {
        wg_node n = wg_graph_node(g, i);
        cr_expect_str_eq(n.file, "test_draw.c", "%s: %s", n.op, n.file);
        if (n.line >= first && n.line < first + 4)
            seen[n.line - first]++;
        else
            other++;
    }
    /* Composite functions and gradients carry the line of the user's call; the seed of the sweep may carry wg_grad's.
     */
    cr_expect(seen[1] >= 2 && seen[2] >= 5 && seen[3] >= 1, "%d %d %d", seen[1], seen[2], seen[3]);
    cr_expect_leq(other, 1);
    scratch_close(ctx);
#endif
}

Test(graph, lives_until_clear)
{
    wg_context *ctx = context_new();
    wg_tensor y = wg_sin(wg_scalar(ctx, 1));
    wg_graph *g = wg_graph_new(WG_LIST(y));
    for (int i = 0; i < 1000; i++) y = wg_cos(y);
    cr_expect_eq(wg_graph_size(g), (size_t)2);
    cr_expect_str_eq(wg_graph_node(g, 1).op, "sin");
    cr_expect_eq(wg_graph_size(wg_graph_new(WG_LIST(y))), (size_t)1002);
    wg_clear(ctx);
    scratch_close(ctx);
}

/* Each node is one line and one edge; under an own scope each, too. */
Test(graph, a_hundred_thousand_nodes)
{
    for (int scoped = 0; scoped < 2; scoped++) {
        wg_context *ctx = context_new();
        wg_tensor y = wg_scalar(ctx, 1);
        for (int i = 0; i < CHAIN; i++) {
            if (scoped) wg_scope_begin(ctx, "s%d", i);
            y = wg_sin(y);
            if (scoped) wg_scope_end(ctx);
        }
        scratch_begin();
        cr_assert(wg_draw(WG_LIST(y), scratch("chain.dot"), NULL), "%s", wg_error(ctx));
        FILE *file = fopen(scratch("chain.dot"), "r");
        long nodes = 0, edges = 0, clusters = 0;
        for (char line[1000]; fgets(line, sizeof line, file);) {
            nodes += strstr(line, " [label=\"") != NULL;
            edges += strstr(line, " -> ") != NULL;
            clusters += strstr(line, "subgraph ") != NULL;
        }
        fclose(file);
        cr_expect_eq(nodes, CHAIN + 1L);
        cr_expect_eq(edges, (long)CHAIN);
        cr_expect_eq(clusters, scoped ? CHAIN : 0L);
        scratch_close(ctx);
        scratch_end();
    }
}
