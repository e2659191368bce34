/* What the pass that stacks products (stack.c) works on. */
#ifndef ENGINE_STACK_H
#define ENGINE_STACK_H

#include "engine/program.h"
#include "engine/view.h"

/* Where rows begin that follow one another: so many elements into the memory of an item, or of a pile, whose number
   comes after those of all items. */
typedef struct spot {
    uint32_t base; /* NO_ITEM: nowhere */
    int64_t offset;
} spot;

/* In the order in which they are looked at: products of rows find operands in the piles that sums have made. */
typedef enum term_kind { TERM_OF_SUM, TERM_OF_ROWS, TERM_OF_ROW_SUMS } term_kind;

/* What may be a part of something larger: a' b, or a sum over rows, in a sum; or x w beside others. */
typedef struct term {
    uint32_t item, family; /* family: the root of the sum, or w */
    uint32_t side[2];      /* a and b; of sums over rows both are the operand; x and the product itself */
    spot at[2];
    bool loose[2]; /* it can be written anywhere */
    term_kind kind;
    uint32_t stage;
    uint32_t batch; /* that it has become part of, if it has */
} term;

/* Terms that become one product. */
typedef struct batch {
    uint32_t first, count; /* as their rows follow one another */
    spot at[2];            /* their stacked sides; of products of rows only the first */
} batch;

/* A new concat of what can be written anywhere. */
typedef struct pile {
    uint32_t *parts, count;
    uint32_t ready; /* the item of `from` after which all parts are there */
    uint32_t added; /* 1 + its item of `to` */
} pile;

/* What replaces an item of `from` after another one. */
typedef struct event {
    uint32_t when, first, count; /* the batches of one sum, or one of products of rows */
} event;

typedef enum fate {
    FATE_STAYS,
    FATE_GOES, /* a term of a sum that is computed otherwise */
    FATE_LATER /* replaced by an event */
} fate;

typedef struct stacking {
    const program *from;
    bump *bump;
    /* of each item of `from` */
    view *views;
    uint8_t *fate;
    uint8_t *placed;     /* it lies inside a concat, or shares the memory of a result */
    spot *inside;        /* its rows in a concat that has room for nothing between them and others */
    uint32_t *ready;     /* the item after which it is there: mostly itself */
    uint32_t *first_use; /* the first item but movements that reads it */
    uint32_t *stage;     /* how many aliases before it wait for something: what is computed again stays apart */
    uint32_t *root;      /* of additions and their operands: 1 + the last addition of the sum; 0: none */
    uint32_t *term_of;   /* of products that are replaced: 1 + their term */
    /* found */
    term *terms;
    batch *batches;
    pile *piles;
    event *events;
    size_t term_count, term_capacity, batch_count, batch_capacity, pile_count, pile_capacity, event_count,
        event_capacity;
    int64_t bytes; /* that live longer for it */
} stacking;

/* Whether an item is all values of its base, as they lie. */
bool stack_whole(const stacking *s, uint32_t index);
/* Finds what can be stacked at no cost, and pays; false without memory. */
bool stack_find(stacking *s, const program *from, bump *b);

#endif
