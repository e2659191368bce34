/* Copies of elements that follow strides to places that follow others, cut into tasks that any threads may run. */
#ifndef ENGINE_COPY_H
#define ENGINE_COPY_H

#include "engine/view.h"

#include <stddef.h>

/* Matrices, one for each index of the outer axes. Strides count elements. */
typedef struct copy_plan {
    size_t element; /* bytes */
    int rank;
    int64_t dim[WG_MAX_RANK], from[WG_MAX_RANK], to[WG_MAX_RANK]; /* outer axes */
    int64_t rows, columns, from_row, from_column, to_row, to_column;
    bool turned;                 /* rows lie as columns of the source */
    int64_t part, parts;         /* the rows of a matrix are cut into parts; all but the last have `part` rows */
    int64_t units, group, tasks; /* parts of all matrices, and how many of them make a task */
} copy_plan;

/* Copying from one view of these elements to another that does not overlap it. */
copy_plan copy_prepare(const view *from, const view *to, const wg_shape *shape, size_t element);
/* Runs task 0 <= task < tasks; addresses are those of the views' first elements. */
void copy_run(const copy_plan *c, int64_t task, const void *from, void *to);

#endif
