/* The sticky first error of a context, and of a thread where there is no context to hold it. */
#include "graph/graph.h"
#include "graph/intern.h"
#include "graph/shape.h"

#include <signal.h>
#include <stdarg.h>
#include <string.h>

static _Thread_local struct {
    wg_status status;
    char message[ERROR_SIZE];
} orphan; /* what went wrong without a context */

static void note_place(wg_context *ctx, uint32_t scope, void *site)
{
    graph_scope_path(ctx, scope, ctx->path, sizeof ctx->path);
    ctx->error_site = site;
    ctx->hint[0] = '\0';
    if (ctx->options.break_on_error) raise(SIGTRAP);
}

wg_tensor graph_fail(wg_context *ctx, wg_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (!ctx) {
        if (orphan.status == WG_OK) {
            orphan.status = status;
            vsnprintf(orphan.message, sizeof orphan.message, format, arguments);
        }
    } else if (ctx->status == WG_OK) {
        ctx->status = status;
        vsnprintf(ctx->message, sizeof ctx->message, format, arguments);
        if (ctx->origin)
            note_place(ctx, ctx->origin->scope, ctx->sites[ctx->origin->site]);
        else
            note_place(ctx, ctx->scope, ctx->site);
    }
    va_end(arguments);
    return graph_poison(ctx);
}

void graph_hint(wg_context *ctx, const char *format, ...)
{
    if (!ctx || ctx->status == WG_OK || ctx->hint[0]) return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(ctx->hint, sizeof ctx->hint, format, arguments);
    va_end(arguments);
}

void graph_fail_node(wg_context *ctx, wg_status status, uint32_t id, const char *format, ...)
{
    if (ctx->status != WG_OK) return;
    const node *n = graph_node(ctx, id);
    ctx->status = status;
    size_t used = 0;
    text_append(ctx->message, sizeof ctx->message, &used, "%s: ", n->op->name);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(ctx->message + used, sizeof ctx->message - used, format, arguments);
    va_end(arguments);
    note_place(ctx, n->scope, ctx->sites[n->site]);
}

wg_tensor graph_fail_memory(wg_context *ctx, size_t bytes)
{
    if (!ctx)
        return graph_fail(ctx, WG_OUT_OF_MEMORY,
                          "out of memory: the allocator, or the memory limit, leaves no %zu bytes for a context",
                          bytes);
    if (!ctx->memory.refused)
        return graph_fail(ctx, WG_OUT_OF_MEMORY, "out of memory: the allocator gave no block of %zu bytes", bytes);
    graph_fail(ctx, WG_OUT_OF_MEMORY, "memory limit: %zu bytes more would exceed %zu (%zu are held)", bytes,
               ctx->memory.limit, ctx->memory.bytes);
    if (ctx->clears)
        graph_hint(ctx, "%u nodes have been recorded since the last wg_clear", ctx->node_count - 1);
    else
        graph_hint(ctx, "wg_clear has never been called: the tape grows until it is");
    return graph_poison(ctx);
}

bool wg_failed(const wg_context *ctx)
{
    return !graph_ok(ctx);
}

wg_status wg_error_status(const wg_context *ctx)
{
    return ctx ? ctx->status : orphan.status;
}

const char *wg_error(wg_context *ctx)
{
    if (!ctx) return orphan.message;
    if (ctx->status == WG_OK) return "";
    char place[PATH_SIZE];
    size_t used = 0;
    site_describe(ctx->error_site, place, sizeof place);
    text_append(ctx->full_message, sizeof ctx->full_message, &used, "%s", ctx->message);
    if (ctx->path[0] && place[0])
        text_append(ctx->full_message, sizeof ctx->full_message, &used, "\n  recorded in %s (%s)", ctx->path, place);
    else if (ctx->path[0] || place[0])
        text_append(ctx->full_message, sizeof ctx->full_message, &used, "\n  recorded %s %s",
                    ctx->path[0] ? "in" : "at", ctx->path[0] ? ctx->path : place);
    if (ctx->hint[0])
        text_append(ctx->full_message, sizeof ctx->full_message, &used, "%s%s",
                    ctx->path[0] || place[0] ? "; " : "\n  ", ctx->hint);
    return ctx->full_message;
}

void wg_recover(wg_context *ctx)
{
    if (!ctx) {
        orphan.status = WG_OK;
        orphan.message[0] = '\0';
        return;
    }
    ctx->status = WG_OK;
    ctx->message[0] = ctx->hint[0] = ctx->path[0] = '\0';
    ctx->error_site = NULL;
    graph_drop(ctx, 1);
    graph_release_inspected(ctx);
    intern_trim(ctx);
    while (ctx->chunks > 1) memory_release(&ctx->memory, ctx->chunk[--ctx->chunks]); /* a memory limit may need them */
    ctx->first_epoch = ctx->epoch;
}
