/* Saving parameters and variables. */
#include "data/safetensors.h"
#include "graph/graph.h"

#include <wengert/data.h>

/* Everything that matches the pattern; the count. */
static size_t select_items(const wg_context *ctx, const char *pattern, safetensors_item *items)
{
    size_t count = 0;
    for (size_t i = 0; i < ctx->persistent_count; i++) {
        const persistent *p = &ctx->persistents[i];
        if (graph_match(pattern, p->name)) items[count++] = (safetensors_item){p->name, p->type, p->shape, p->data};
    }
    return count;
}

bool wg_save(wg_context *ctx, const char *path, const char *pattern)
{
    WG_ENTRY(ctx);
    if (!graph_ok(ctx)) return false;
    /* pending assigns belong to what is saved */
    if (ctx->assign_count && !ctx->engine->evaluate(ctx, NULL, 0)) return false;
    safetensors_item *items = memory_new(&ctx->memory, ctx->persistent_count, sizeof *items);
    if (!items) {
        graph_fail_memory(ctx, ctx->persistent_count * sizeof *items);
        return false;
    }
    size_t count = select_items(ctx, pattern, items);
    file_fault fault;
    if (count == 0)
        graph_fail(ctx, WG_BAD_ARGUMENT, "save: no parameter or variable matches \"%s\"", pattern ? pattern : "*");
    else if (!safetensors_write(&ctx->memory, "save", path, items, count, ctx->draws, &fault))
        file_report(ctx, &fault);
    memory_release(&ctx->memory, items);
    return graph_ok(ctx);
}
