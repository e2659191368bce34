/* Hash tables that file the entries of an array under their content. */
#ifndef GRAPH_INTERN_H
#define GRAPH_INTERN_H

#include "graph/graph.h"

#define INTERN_NONE SIZE_MAX

typedef uint64_t (*intern_hash)(const wg_context *ctx, size_t entry);
typedef bool (*intern_equal)(const wg_context *ctx, size_t entry, const void *key);

/* The number of a shape that was interned before, or INTERN_NONE. */
size_t intern_find_shape(const wg_context *ctx, const wg_shape *shape);
/* Files the entry that was just appended to the array; false, and not counted, if there is no memory. */
bool intern_add(wg_context *ctx, intern_table *table, intern_hash hash_of);
/* With an empty tape: forgets shapes, attributes and scopes once there are very many, so that a program that never
   repeats one does not grow. */
void intern_trim(wg_context *ctx);
/* Files the newest persistent tensor under its name. */
bool intern_persistent(wg_context *ctx);

#endif
