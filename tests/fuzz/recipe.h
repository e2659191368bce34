/* Random programs as data. A recipe lists lasting tensors and one or two segments of instructions; it runs through the
   public API in any context, so one recipe serves as oracle, as candidate, as a thing to shrink and as a C program.

   An instruction names earlier instructions of its segment by number. Its values and C scalars depend on the step, its
   structure does not: so later steps meet the plans of earlier ones.

   Some instructions begin a region, which another one ends: what lies between is the function of a checkpoint, or the
   body of a scan. It may name what was made before the region; what is made in a scan's body, nobody else names. */
#ifndef FUZZ_RECIPE_H
#define FUZZ_RECIPE_H

#include <wengert/wengert.h>

enum { OPERANDS = 10, INSTRUCTIONS = 160, LASTING = 4, SEGMENTS = 2, STEPS = 4, PARTS = 4, MANY = 8 };

/* What an instruction does; functions of one signature are one kind, told apart by name. */
typedef enum {
    LEAF,    /* values copied in */
    BORROW,  /* values that stay the program's */
    HANDLE,  /* a parameter or variable: integer[0] */
    FULL,    /* one number, of any type */
    IOTA,    /* type, shape, axis */
    RANDOM,  /* type, shape */
    ELEMENT, /* an element-wise row by wg_apply */
    PAIR,    /* (a, b), which may broadcast */
    SCALAR,  /* (x, number) */
    LEFT,    /* (number, x) */
    UNARY,   /* (x) */
    AXIS,    /* (x, axis) */
    AXES,    /* (x, axes) */
    SHAPED,  /* (x, shape) */
    CAST,    /* (x, type) */
    WHERE,   /* (condition, a, b) */
    SLICE,   /* axis, start, stop, step */
    PAD,     /* axis, low, high, interior */
    CONCAT,  /* (list, axis) */
    GATHER,  /* (x, index, axis) */
    SCATTER, /* (updates, index, axis, length) */
    ALONG,   /* (x, index, axis); with integer[1], a length, the adjoint */
    UNFOLD,  /* axis, size, step, dilation */
    FOLD,    /* axis, step, dilation, length */
    POOL,  /* size, stride and padding of all spatial axes, and 1 for ceil_mode + 2 for count_padding + 4 for a dilation
              of 2 */
    ORDER, /* axis, descending, count */
    DYNAMIC,        /* (x, start, axis, length), or (x, update, start, axis) */
    PADDED,         /* axis, low, high, mode; scalar */
    CONV,           /* (a, b) with a window; shape: the size or the kernel */
    PRODUCT,        /* (a, transposed or not, b, transposed or not) */
    LINEAR,         /* (x, weight, bias) of a layer */
    FACTOR,         /* (x), matrices that are far from singular */
    SYSTEM,         /* (a, b), a likewise */
    TRIANGULAR,     /* (a, b, flags), likewise */
    LOSS,           /* (prediction, target, no options) */
    GRADIENTS,      /* of operand 0 by the others */
    PART,           /* one of the tensors that operand 0 makes or gives: integer[0] */
    CHECKPOINT,     /* (x) begins the function of one */
    CHECKPOINT_END, /* (the beginning, result) */
    SCAN,           /* (carries, sequences, a mask or none) begins a body; gives the step's number, carries, inputs */
    SCAN_END,       /* (the beginning, next carries, outputs); makes the last carries and the outputs */
    ASSIGN,         /* operand 0 rebinds lasting tensor integer[0] */
    READ,           /* operand 0 */
    EVAL,           /* all operands in one evaluation */
    MARK,
    REWIND, /* to the mark: operand 0 */
    KINDS
} instruction_kind;

/* The integers of a SCAN: how many carries, steps, those in a chunk, whether the last step is first, whether the last
   operand is a mask. */
enum { BODY_CARRIES, BODY_STEPS, BODY_CHUNK, BODY_REVERSE, BODY_MASKED };

/* How random values look. */
typedef enum { CALM, POSITIVE, TIES, WILD, STYLES } value_style;

typedef struct {
    instruction_kind kind;
    const char *name; /* of the function or row, without wg_ */
    int count;
    int operand[OPERANDS];
    wg_type type;
    wg_shape shape;
    wg_axes axes;
    int64_t integer[5];
    wg_conv_window window;
    double scalar;
    bool varies;     /* values and scalar differ from step to step */
    uint64_t values; /* seed of a leaf's values */
    value_style style;
} instruction;

typedef struct {
    int count;
    instruction item[INSTRUCTIONS];
} segment;

typedef struct {
    wg_type type;
    wg_shape shape;
    bool trainable;
    uint64_t values;
} lasting;

typedef struct {
    uint64_t seed;
    wg_type type; /* default type of the context */
    int lasting_count, segment_count, step_count;
    lasting item[LASTING];
    segment part[SEGMENTS];
    int turn[STEPS]; /* which segment runs in each step */
} recipe;

/* ---- chance.c: numbers that repeat ---- */

uint64_t chance_bits(uint64_t *state);
/* A whole number in [0, count); a number in [0, 1); whether something of that probability happens. */
int chance_below(uint64_t *state, int count);
double chance_uniform(uint64_t *state);
bool chance_of(uint64_t *state, double probability);
/* Fills in the values of a leaf at a step; whole numbers lie in [low, high]. */
void chance_values(const instruction *leaf, int step, void *values);
double chance_scalar(const instruction *item, int step);
/* The leaf that a variable begins with. */
instruction chance_initial(const lasting *p);

/* ---- functions.c: the library's functions by signature and name ---- */

typedef struct {
    const char *name;
    union {
        wg_tensor (*pair)(wg_tensor a, wg_tensor b);
        wg_tensor (*scalar)(wg_tensor x, double scalar);
        wg_tensor (*left)(double scalar, wg_tensor x);
        wg_tensor (*unary)(wg_tensor x);
        wg_tensor (*axis)(wg_tensor x, int axis);
        wg_tensor (*axes)(wg_tensor x, wg_axes axes);
        wg_tensor (*shaped)(wg_tensor x, wg_shape shape);
        wg_loss loss;
        wg_tensor (*pool)(wg_tensor x, const wg_pool_options *options);
        wg_tensor (*conv)(wg_tensor a, wg_tensor b, wg_shape shape, const wg_conv_window *window);
    } call;
} function;

/* The functions of a kind: how many, and each one; that of a name, which must be there. */
int function_count(instruction_kind kind);
const function *function_at(instruction_kind kind, int index);
const function *function_named(instruction_kind kind, const char *name);
/* The row of the library's table by name; NULL: none. */
const wg_op *row_named(const char *name);
/* What a kind is called in reports. */
const char *kind_name(instruction_kind kind);

/* The options of a POOL. */
wg_pool_options pool_options(const instruction *i);

/* ---- regions.c: instructions that a function of the library calls ---- */

static inline bool begins_region(instruction_kind kind)
{
    return kind == CHECKPOINT || kind == SCAN;
}

static inline bool ends_region(instruction_kind kind)
{
    return kind == CHECKPOINT_END || kind == SCAN_END;
}

/* The instruction that ends the region which begins at another one; -1: it has no end yet. */
int region_end(const segment *s, int begin);
/* Whether there are any in a recipe. */
bool has_regions(const recipe *r);
/* Of a SCAN: how many sequences; and of its end: how many outputs. */
int scan_sequences(const instruction *scan);
int scan_outputs(const instruction *scan, const instruction *end);

/* ---- generate_recipes.c ---- */

void generate_recipe(uint64_t seed, recipe *made);

/* ---- print.c ---- */

/* A complete C program that runs the recipe plainly and with plans and prints where they differ. */
void print_program(const recipe *r, FILE *file);

#endif
