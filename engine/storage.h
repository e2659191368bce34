/* Where the values of computed items lie. */
#ifndef ENGINE_STORAGE_H
#define ENGINE_STORAGE_H

#include "engine/schedule.h"

typedef enum stored {
    STORED_NOT,    /* in registers of its group only, or not computed */
    STORED_ARENA,  /* for some steps, in memory that all evaluations share */
    STORED_RESULT, /* in a block that outlives the evaluation */
    STORED_INSIDE  /* in the memory of another item, whose part it is */
} stored;

typedef struct storage {
    stored *kind;           /* of each item */
    view *home;             /* where a computed item lies: in itself, or inside another one */
    view *views, *copied;   /* as the schedule's, in the memory that homes give */
    uint32_t *first, *last; /* of items with memory of their own: the steps between which it is in use */
    int64_t *offset;        /* of STORED_ARENA: bytes from the beginning of the arena */
    size_t arena;           /* bytes */
    size_t bound;           /* bytes in use during the step that uses most */
    uint32_t *in_place;     /* of STORED_RESULT: the leaf of the persistent tensor in whose memory it may be written */
} storage;

/* Puts operands of concat inside its result. Before grouping, for the readers of an operand may forbid it. */
bool storage_inside(storage *m, const schedule *s, bump *b);
/* Moves what only later groups read to where it is read, if that needs less memory. After grouping. */
bool schedule_sink(schedule *s, const storage *m, bump *b);
/* What needs memory, from when to when. */
bool storage_assign(storage *m, const schedule *s, bump *b);
/* Places in the arena. */
bool storage_place(storage *m, const schedule *s, bump *b);

/* Reads operand k of a step as it lies in memory; false: the C scalar. */
bool storage_read(const storage *m, const schedule *s, uint32_t user, uint32_t k, reading *r);
/* Bytes of an item's values, rounded up to cache lines. */
size_t storage_bytes(const item *it);

#endif
