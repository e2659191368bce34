/* Where the elements of an item lie: strides over the memory of another item. Movement ops become views and cost
   nothing, unless their elements must be brought together. */
#ifndef ENGINE_VIEW_H
#define ENGINE_VIEW_H

#include "engine/program.h"

/* Element (i0, i1, ...) of the item lies at element offset + sum of i stride of the base's values. */
typedef struct view {
    uint32_t base;  /* the item whose memory it is: itself, if it is computed */
    uint32_t after; /* 1 + an item that is computed before this may be read; 0: none but the base */
    int64_t offset;
    int64_t stride[WG_MAX_RANK];
} view;

/* How a view runs over rows x columns elements; what kernels know how to read. */
typedef enum pattern {
    PATTERN_SINGLE,     /* one number for all */
    PATTERN_FLAT,       /* one after the other */
    PATTERN_ROW_SINGLE, /* one number for each row, `step` apart */
    PATTERN_ROWS,       /* each row one after the other, rows `step` apart, which may be 0 */
    PATTERN_OTHER
} pattern;

typedef struct layout {
    pattern pattern;
    int64_t step;
    int64_t columns; /* of ROW_SINGLE and ROWS */
} layout;

/* Axes merged where elements follow one another, those of length 1 left out. */
typedef struct strides {
    int rank;
    int64_t dim[WG_MAX_RANK], stride[WG_MAX_RANK];
} strides;

/* The view of each item. `gathered[i]` says that item i, a view by its op, is computed all the same, by copying what
   `copied[i]` sees; more are set where a reshape asks for it. */
void views_of(const program *p, uint8_t *gathered, view *views, view *copied);
/* As it is with `home`, the places that computed items have in the memory of others, instead of their own. Returns an
   item whose home cannot be what it is, as a reshape of it does not lie in strides; NO_ITEM: all is well. */
uint32_t views_at_home(const program *p, const uint8_t *gathered, const view *home, view *views, view *copied);
/* The strides of `v`, over `from`, as they are over `to`; false where elements do not lie so. */
bool view_reshape(view *v, const wg_shape *from, const wg_shape *to);

/* Whether the item's op only says where elements lie. */
bool is_movement(const item *it);
/* The item's own view: contiguous. */
view view_identity(const item *it, uint32_t index);
strides view_strides(const view *v, const wg_shape *shape);
layout view_layout(const view *v, const wg_shape *shape);
/* All elements one after the other. */
bool view_contiguous(const view *v, const wg_shape *shape);

#endif
