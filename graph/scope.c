/* Named scopes: a tree of interned names; the path from the root labels nodes and begins parameter names. */
#include "graph/graph.h"
#include "graph/shape.h"

#include <stdarg.h>
#include <string.h>

/* Opens one scope for each part of a name, so that "a/b" is b inside a. */
static uint32_t open_parts(wg_context *ctx, uint32_t parent, const char *name, const char *end)
{
    while (name < end) {
        const char *slash = memchr(name, '/', (size_t)(end - name));
        if (!slash) slash = end;
        char part[PATH_SIZE];
        snprintf(part, sizeof part, "%.*s", (int)(slash - name), name);
        if (part[0]) parent = graph_intern_scope(ctx, parent, part);
        name = slash < end ? slash + 1 : end;
    }
    return parent;
}

/* Scopes open and close also after an error, so that they are in step when the context recovers. */
void wg_scope_begin(wg_context *ctx, const char *format, ...)
{
    if (!ctx) return;
    WG_ENTRY(ctx);
    char name[PATH_SIZE];
    va_list arguments;
    va_start(arguments, format);
    int length = format ? vsnprintf(name, sizeof name, format, arguments) : -1;
    va_end(arguments);
    if (length <= 0 || (size_t)length >= sizeof name) {
        graph_fail(ctx, WG_BAD_ARGUMENT, "scope_begin: a scope needs a name of 1 to %d characters", PATH_SIZE - 1);
        strcpy(name, "?"); /* there is something to end */
    }
    for (char *c = name; *c; c++)
        if (*c == '/') *c = '.'; /* one call opens one scope, so that one wg_scope_end closes it */
    ctx->scope = graph_intern_scope(ctx, ctx->scope, name);
}

/* Also in a failed context, so that scopes are balanced when the program goes on after wg_recover. */
void wg_scope_end(wg_context *ctx)
{
    if (!ctx) return;
    WG_ENTRY(ctx);
    if (ctx->scope == 0)
        graph_fail(ctx, WG_BAD_ARGUMENT, "scope_end: no scope is open");
    else
        ctx->scope = ctx->scopes[ctx->scope].parent;
}

void graph_scope_path(const wg_context *ctx, uint32_t scope, char *path, size_t size)
{
    uint32_t parts[PATH_SIZE / 2];
    size_t count = 0, used = 0;
    path[0] = '\0';
    for (; scope && count < sizeof parts / sizeof *parts; scope = ctx->scopes[scope].parent) parts[count++] = scope;
    while (count--) text_append(path, size, &used, used ? "/%s" : "%s", ctx->scopes[parts[count]].name);
}

uint32_t graph_scope_of_layer(wg_tensor parameter)
{
    wg_context *ctx = parameter.context;
    persistent *p = graph_persistent(parameter);
    if (!p || !graph_ok(ctx)) return ctx ? ctx->scope : 0;
    uint32_t before = ctx->scope;
    if (p->layer_trim != ctx->scope_trims) {
        const char *end = strrchr(p->name, '/');
        p->layer = end ? open_parts(ctx, 0, p->name, end) : 0;
        if (graph_ok(ctx)) p->layer_trim = ctx->scope_trims;
    }
    ctx->scope = p->layer;
    return before;
}

uint32_t graph_scope_open(wg_context *ctx, const char *name)
{
    uint32_t before = ctx ? ctx->scope : 0;
    size_t length = strlen(name);
    if (ctx && length > 0 && length < PATH_SIZE && !memchr(name, '/', length))
        ctx->scope = graph_intern_scope(ctx, before, name);
    else
        wg_scope_begin(ctx, "%s", name);
    return before;
}

void graph_scope_set(wg_context *ctx, uint32_t scope)
{
    if (ctx) ctx->scope = scope;
}

bool graph_full_name(wg_context *ctx, const char *name, char full[PATH_SIZE])
{
    graph_scope_path(ctx, ctx->scope, full, PATH_SIZE);
    size_t used = strlen(full);
    if (used) text_append(full, PATH_SIZE, &used, "/");
    text_append(full, PATH_SIZE, &used, "%s", name);
    return used + 1 < PATH_SIZE;
}
