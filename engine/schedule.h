/* The schedule of a program: which items are computed together, and in which order. */
#ifndef ENGINE_SCHEDULE_H
#define ENGINE_SCHEDULE_H

#include "engine/view.h"

/* What an item is to the step that computes it. A group runs over `size` elements, in rows of `columns`. */
typedef enum role {
    ROLE_NONE,             /* not computed: leaf, view, number */
    ROLE_TILE,             /* one value for each element of the group */
    ROLE_ROW,              /* one for each row */
    ROLE_ROW_REDUCTION,    /* one for each row, from all elements of it */
    ROLE_COLUMN_REDUCTION, /* one for each column, complete when the group has ended */
    ROLE_TOTAL_REDUCTION,  /* one in all, complete when the group has ended */
    ROLE_ALONE             /* a step of its own */
} role;

typedef struct group {
    int64_t size, columns; /* columns 0: undecided, all operands lie flat */
    uint32_t *items;
    size_t count, capacity;
    uint32_t *reads; /* bases of other steps' values of full size */
    size_t read_count, read_capacity;
} group;

typedef struct step {
    group *group;  /* NULL: `item` alone */
    uint32_t item; /* matmul, concat, or any op by its own kernel */
} step;

typedef struct schedule {
    const program *program;
    view *views, *copied; /* of each item; and what a gathered movement copies */
    uint8_t *gathered;
    role *roles;
    uint32_t *step_of; /* of each computed item: 1 + its step */
    step *steps;
    size_t count, capacity;
} schedule;

enum {
    LONGEST_ROW = 16384,    /* elements: longer rows are not kept in the cache for a second use */
    MOST_GROUP_ITEMS = 192, /* but for groups of one element */
    MOST_SHARED_STREAMS = 8 /* memory streams of groups that are joined for sharing an operand only */
};

/* Which items are gathered though their op is a movement, and the views that follow. */
bool schedule_gather(schedule *s, const program *p, bump *b);
/* Forms groups and steps, in one run through the program. */
bool schedule_group(schedule *s, bump *b);
/* Joins groups that could not be seen to belong together in one run. */
bool schedule_fuse(schedule *s, bump *b);

/* Whether no step comes before what it reads, or what that waits for: looked at in tests, and with the option verify.
 */
bool schedule_in_time(const schedule *s, bump *b);

/* Whether the item's op is a reduction that groups have kernels for. */
bool is_reduction(const item *it);
/* The type of operand k; of a C scalar, that of the operand beside it. */
wg_type schedule_operand_type(const program *p, const item *it, uint32_t k);
/* Over trailing axes rows are reduced, over leading ones columns, over all a total; ROLE_ALONE: anything else, and what
   is no reduction of floats. `columns`: of the group, 0: any. */
role schedule_reduction(const program *p, const item *it, int64_t *columns);
/* Whether groups compute the item. */
bool schedule_fuses(const program *p, const item *it);

/* The value of a C scalar, or a tensor filled with one, that no step computes. */
static inline bool is_number(const schedule *s, uint32_t base)
{
    return s->roles[base] == ROLE_NONE && s->program->items[base].op;
}

/* What the step of an item reads. */
typedef struct reading {
    const view *view;
    const wg_shape *shape;
} reading;

/* The latest step that has to be done before this may be read: 0: it is given, else 1 + step. */
static inline uint32_t schedule_ready(const schedule *s, const reading *r)
{
    uint32_t base = s->step_of[r->view->base], after = r->view->after ? s->step_of[r->view->after - 1] : 0;
    return base > after ? base : after;
}

/* Its operand k; false: the C scalar. */
bool schedule_read(const schedule *s, uint32_t user, uint32_t k, reading *r);
/* Whether item `user` of a group may read this in the group's registers. */
bool schedule_in_group(const schedule *s, const group *g, uint32_t user, const reading *r);
/* How it lies in a group with these columns. */
layout schedule_layout(const reading *r, int64_t columns);

#endif
