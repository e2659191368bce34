/* Read-only weights in memory, shared by contexts on any threads: a sorted list of named arrays with a count of users.
   Who fills it knows the file; nothing here does. */
#ifndef GRAPH_WEIGHTS_H
#define GRAPH_WEIGHTS_H

#include "base/memory.h"

#include <stdatomic.h>

typedef struct weights_entry {
    char *name;
    wg_type type;
    wg_shape shape;
    void *data; /* 64-byte aligned */
} weights_entry;

struct wg_weights {
    atomic_size_t users;
    memory memory; /* of their own: they outlive any context. Touched by who fills and by who frees them only */
    weights_entry *entries; /* in the order of weights_compare, no two equal */
    size_t count;
};

/* Weights with so many entries, still empty, and one user; NULL if there is no memory. */
wg_weights *weights_new(size_t count);
/* One user more, one fewer; the last one frees them. NULL is fine. */
void weights_hold(const wg_weights *weights);
void weights_release(const wg_weights *weights);
/* The order of names. '/' and '.' are the same: parameters are called "hidden/weight" here and "hidden.weight" in
   files. */
int weights_compare(const char *a, const char *b);
/* The entry of a name; NULL: none. */
const weights_entry *weights_find(const wg_weights *weights, const char *name);

#endif
