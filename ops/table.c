/* All primitives in one list. */
#include "graph/graph.h"
#include "ops/rows.h"

static const wg_op *const table[] = {
#define UNARY(name, ...) &ops_##name,
#define BINARY(name, ...) &ops_##name,
#define STRUCTURED(name, ...) &ops_##name,
#include "ops/elementwise.def"
#include "ops/structured.def"
#undef UNARY
#undef BINARY
#undef STRUCTURED
    &graph_assign_op,
};

size_t wg_op_count(void)
{
    return sizeof table / sizeof *table;
}

const wg_op *wg_op_at(size_t index)
{
    return index < wg_op_count() ? table[index] : NULL;
}
