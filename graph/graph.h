/* The heart of the house: context, tape, nodes, handles. Shared by all floors above; private to the library.

   Nodes are 64 bytes each, in chunks that never move. Id 0 is poison; ids rise, and a node uses only smaller ones, so
   tape order is topological order. Shapes, scopes and call sites are interned and named by small numbers. */
#ifndef GRAPH_GRAPH_H
#define GRAPH_GRAPH_H

#include "base/memory.h"

#include <wengert/op.h>
#include <wengert/tensor.h>

enum {
    NODE_CHUNK = 4096,      /* nodes in a chunk of the tape */
    NODE_INLINE_INPUTS = 3, /* more than these lie in the tape's input list */
    NODE_MANY = 255,        /* input_count: see there */
    NODE_SCALAR_NONE = 0,   /* else 1 + the operand that is the weak scalar */
    ERROR_SIZE = 1024,
    PATH_SIZE = 512,
    RECENT_SITES = 512
};

enum node_flags {
    NODE_BORROWED = 1, /* data belong to the user */
    NODE_GRADIENT = 2, /* recorded by the reverse sweep */
    NODE_USED = 4,     /* asked for by name, or substituted: not a forgotten metric */
    NODE_WEAK = 8,     /* a constant that takes part as a C scalar: see wg_input */
    NODE_RESULT = 16,  /* a gradient that wg_grads returned */
    NODE_KEPT = 32,    /* data are the result of an evaluation */
    NODE_FIXED = 64    /* the scalar belongs to the structure: the 1 that a reverse sweep begins with */
};

/* What a node takes over from what it was recorded for. */
typedef struct node_stamp {
    uint32_t epoch;       /* of the handle that may name it */
    uint32_t scope, site; /* interned */
    uint32_t origin;      /* of a gradient node: the forward node it belongs to */
} node_stamp;

/* The first half is structure: what two tapes must agree in for one plan to serve both. The second half differs from
   step to step. */
typedef struct node {
    const wg_op *op;
    uint32_t input[NODE_INLINE_INPUTS]; /* ids; with NODE_MANY: offset and count in the tape's input list; of the leaf
                                           of a persistent tensor input[0], of an assign input[1]: its index */
    uint32_t shape;                     /* interned */
    uint32_t attributes; /* their integers, interned; 0: none. With ATTRIBUTES_REAL there are reals, too */
    uint8_t type, input_count, scalar_operand, flags;

    void *data; /* values: of a leaf, or kept by an evaluation; NULL: not computed */
    union {
        double scalar;    /* the weak operand, bound late */
        uint64_t version; /* of leaves and assigns of a persistent tensor: which of its values they mean; 0: pending */
        uint64_t real;    /* with ATTRIBUTES_REAL: where all of them are on the tape */
    };
    union {
        node_stamp stamp;
        struct {
            uint32_t epoch, scope, site, origin; /* as in the stamp */
        };
    };
} node;

enum { NODE_STRUCTURE = 32 }; /* bytes */
#define ATTRIBUTES_REAL 0x80000000u

_Static_assert(sizeof(node) == 64, "a node fills one cache line");
_Static_assert(offsetof(node, data) == NODE_STRUCTURE, "structure comes first");

/* A parameter or variable: a value that outlives the tape. Handles have the top bit of the id set. */
typedef struct persistent {
    char *name;
    wg_shape shape;
    wg_type type;
    void *data;       /* counted values, or the weights' own memory */
    uint64_t version; /* rises with each performed assign */
    uint32_t current; /* node that means the present binding on this tape; 0: none recorded yet */
    bool trainable, frozen, shared;
    uint32_t layer;      /* the scope that its name without the last part means, */
    uint64_t layer_trim; /* if this is that of the scopes' numbers */
    bool rebound;        /* older nodes of this tape may mean an earlier value, though `current` is no assign */
} persistent;

/* Handles with this bit name no node: a persistent tensor with epoch 0, else the C scalar that is an operand of the
   node which the rest names (see wg_input). */
#define PERSISTENT_BIT 0x80000000u

/* What the floors above lend to the graph. */
typedef struct graph_engine {
    /* Computes the nodes `roots` and performs all pending assigns. */
    bool (*evaluate)(wg_context *ctx, const uint32_t *roots, size_t count);
    /* Performs the pending assigns, about to be dropped with all nodes from `first` on; of what is older it also
       computes what could not be computed afterwards. */
    bool (*perform)(wg_context *ctx, uint32_t first);
    /* Computes the node just recorded: eager mode. */
    bool (*compute)(wg_context *ctx, uint32_t id);
    /* The row of a tensor filled with one number, the node's scalar. */
    const wg_op *fill;
    /* Releases ctx->engine_state. */
    void (*close)(wg_context *ctx);
} graph_engine;

/* What the engine tells of its plans. */
typedef struct graph_plans {
    uint64_t count, hits, misses; /* plans kept; evaluations that found theirs, and that did not */
    size_t bytes;
    double seconds;        /* spent on making plans */
    double lookup_seconds; /* on finding them, with the option timed */
    uint64_t groups;       /* run so far */
} graph_plans;

/* Runs when the context is freed, last registered first: for what data loaders and the like own beside its memory. */
typedef struct graph_finalizer {
    void (*run)(void *object);
    void *object;
} graph_finalizer;

enum { ATTRIBUTE_INTEGERS = sizeof((wg_attributes *)0)->integer / sizeof(int64_t) };

typedef struct intern_table {
    uint32_t *slot; /* open addressing; 0: empty, else the number of an entry */
    size_t slots, count;
} intern_table;

/* The number of a call site; most nodes are recorded by a line that has recorded others. */
typedef struct recent_site {
    void *address; /* NULL: not in use */
    uint32_t number;
} recent_site;

typedef struct scope_entry {
    uint32_t parent;
    char *name; /* the last part of the path */
} scope_entry;

struct wg_context {
    /* What recording a node reads and writes stands first, on a few cache lines. */
    wg_status status;
    uint32_t node_count; /* ids below this are in use; 0 is poison */
    node **chunk;        /* the tape */
    size_t chunk_capacity, chunks;
    uint32_t epoch, first_epoch; /* now, and when the tape was last empty by wg_clear or wg_recover */
    uint32_t scope;              /* open now */
    void *site;                  /* where the running public call was made; NULL outside of one */
    const struct node *origin;   /* forward node that the sweep works on: lends scope and site, as the stamp tells */
    node_stamp stamp;
    uint32_t origin_id;
    uint32_t quick_limit; /* ids below this have places and need nothing more: 0 in eager mode */
    uint64_t wanted;      /* operands of that node whose gradients are asked for, as bits: see graph_wanted */
    const graph_engine *engine;
    wg_shape *shapes;
    struct inference *inferences; /* what ops inferred before (infer.c) */
    wg_attributes *attributes;    /* interned by their integers: all else is 0 */
    wg_context_options options;
    recent_site recent_sites[RECENT_SITES];
    struct engine_state *engine_state; /* the engine's own; NULL until it needs some */
    struct scan_bodies *scan_bodies;   /* of scans; likewise */
    wg_mode mode;
    struct team *team; /* its own, or that of options.threads_of */

    uint32_t *inputs; /* of nodes with many */
    size_t input_capacity, input_count;
    wg_attributes *reals; /* of nodes that have some, integers included */
    size_t real_capacity, real_count;
    uint32_t *held; /* nodes that own values */
    size_t held_capacity, held_count;
    uint32_t *assigns; /* pending, in order */
    size_t assign_capacity, assign_count;

    persistent *persistents;
    size_t persistent_capacity, persistent_count;
    intern_table persistent_names;
    uint64_t choices;     /* rises when wg_parameters may choose others than before */
    wg_tensor *selection; /* of wg_parameters */
    size_t selection_capacity;

    size_t shape_capacity, attribute_capacity;
    intern_table shape_table, attribute_table;
    uint64_t scope_trims; /* 1 and how often the numbers of scopes began anew */
    uint64_t shape_trims; /* how often the numbers of shapes or attributes began anew: see intern_trim */
    scope_entry *scopes;
    size_t scope_capacity;
    intern_table scope_table;
    void **sites;
    size_t site_capacity;
    intern_table site_table;

    uint64_t dropped; /* nodes */
    uint64_t draws, evaluations, computed, clears;
    uint64_t checkpoints; /* recorded so far */
    graph_plans plans;
    graph_finalizer *finalizers;
    size_t finalizer_capacity, finalizer_count;
    const wg_weights *weights;
    struct wg_graph *graphs; /* read out, alive until wg_clear */
    memory memory;

    char message[ERROR_SIZE], hint[ERROR_SIZE / 4], path[PATH_SIZE], full_message[2 * ERROR_SIZE];
    void *error_site;
};

/* ---- life (context.c) ---- */

wg_context *graph_context_new(const wg_context_options *options, const graph_engine *engine);
/* Drops all nodes from `first` on, with what they own. */
void graph_drop(wg_context *ctx, uint32_t first);
/* Sets the option eager and returns what it was: for those who record what is not to be computed. */
bool graph_set_eager(wg_context *ctx, bool eager);
/* Makes a node the owner of counted values, until it is dropped. */
bool graph_hold(wg_context *ctx, uint32_t id, void *values);
/* Forgets what evaluations have computed; the nodes stay, and are computed anew when asked for. */
void graph_forget_results(wg_context *ctx);
bool graph_at_exit(wg_context *ctx, void (*run)(void *object), void *object);

/* ---- errors (error.c) ---- */

/* Sets the context's first error; later ones are ignored. Always returns poison. A NULL context sets the thread's. */
wg_tensor graph_fail(wg_context *ctx, wg_status status, const char *format, ...) WG_PRINTF(3, 4);
/* Adds a hint to the error that was just set: "did you mean ...?" */
void graph_hint(wg_context *ctx, const char *format, ...) WG_PRINTF(2, 3);
/* As graph_fail, about a node recorded earlier: its op, path and C line. */
void graph_fail_node(wg_context *ctx, wg_status status, uint32_t id, const char *format, ...) WG_PRINTF(4, 5);
/* Out of memory for so many bytes. */
wg_tensor graph_fail_memory(wg_context *ctx, size_t bytes);
static inline wg_tensor graph_poison(wg_context *ctx)
{
    return (wg_tensor){ctx, 0, 0};
}

static inline bool graph_ok(const wg_context *ctx)
{
    return ctx && ctx->status == WG_OK;
}

/* ---- nodes (tape.c) ---- */

static inline node *graph_node(const wg_context *ctx, uint32_t id)
{
    return &ctx->chunk[id / NODE_CHUNK][id % NODE_CHUNK];
}

/* The ids of a node's operands (a weak scalar counts as none), and how many. */
static inline const uint32_t *graph_inputs(const wg_context *ctx, const node *n, size_t *count)
{
    bool many = n->input_count == NODE_MANY;
    *count = many ? n->input[1] : n->input_count;
    return many ? ctx->inputs + n->input[0] : n->input;
}

static inline wg_shape graph_shape(const wg_context *ctx, const node *n)
{
    return ctx->shapes[n->shape];
}

/* The same in place, until the next shape is interned: recording may move it. */
static inline const wg_shape *graph_shape_at(const wg_context *ctx, uint32_t id)
{
    return &ctx->shapes[graph_node(ctx, id)->shape];
}

extern const wg_attributes graph_no_attributes; /* all zero */
/* Never NULL; until the next attributes are recorded. */
static inline const wg_attributes *graph_attributes(const wg_context *ctx, const node *n)
{
    return n->attributes & ATTRIBUTES_REAL ? &ctx->reals[n->real] : &ctx->attributes[n->attributes];
}

/* Elements, and bytes of a node's values. */
int64_t graph_size(const wg_context *ctx, const node *n);
size_t graph_bytes(const wg_context *ctx, const node *n);

/* What graph_append and graph_apply need to know of a new node. */
typedef struct graph_record {
    const wg_op *op;
    size_t count;           /* operands, the weak scalar included */
    const uint32_t *inputs; /* ids, 0 in the place of the weak scalar */
    int scalar_operand;     /* 1 + its place; 0: none */
    double scalar;
    const wg_attributes *attributes; /* NULL: none but the integers below */
    size_t integer_count;            /* the first of the attributes' integers, all else being 0: this saves clearing */
    const int64_t *integers;         /* and copying a struct */
    wg_type type;                    /* of the result, where it is known or the op is told it; else WG_DEFAULT */
    const wg_shape *shape;           /* of the result, likewise; NULL: see interned_shape */
    uint32_t interned_shape;
} graph_record;

/* Appends a node whose type and shape are known; poison after an error. */
wg_tensor graph_append(wg_context *ctx, const graph_record *record);
/* Infers type and shape by the op's rule, then appends. */
wg_tensor graph_apply(wg_context *ctx, const graph_record *record);

/* The handle of a node. */
static inline wg_tensor graph_tensor(wg_context *ctx, uint32_t id)
{
    return (wg_tensor){ctx, id, graph_node(ctx, id)->epoch};
}

/* The node that a handle names, in a context without an error: almost all handles do. NULL for all others, those of
   persistent tensors among them. */
static inline const node *graph_live(wg_tensor x)
{
    const wg_context *ctx = x.context;
    if (!ctx || ctx->status != WG_OK || x.id - 1 >= ctx->node_count - 1) return NULL;
    const node *n = graph_node(ctx, x.id);
    return n->epoch == x.epoch ? n : NULL;
}

/* The same for two of one context; false if there is another. */
static inline bool graph_live_two(wg_tensor a, wg_tensor b, const node **left, const node **right)
{
    return a.context == b.context && (*left = graph_live(a)) &&
           (*right = graph_live((wg_tensor){a.context, b.id, b.epoch}));
}

/* The node whose C scalar a handle names; NULL for all other handles. */
const node *graph_weak(wg_tensor x);
/* What is recorded from here on belongs to a forward node. */
static inline void graph_lend(wg_context *ctx, const node *origin, uint32_t id)
{
    ctx->origin = origin;
    ctx->origin_id = id;
    ctx->stamp = (node_stamp){ctx->epoch, origin->scope, origin->site, id};
}

/* An operand of a live node, without a word if there is none: the handle is poison then. */
__attribute__((pure)) wg_tensor graph_operand_other(wg_tensor y, size_t index);
static inline wg_tensor graph_operand_of(wg_tensor y, const node *n, size_t index)
{
    bool plain = n->input_count <= NODE_INLINE_INPUTS && index < n->input_count && n->input[index];
    return plain ? graph_tensor(y.context, n->input[index]) : graph_operand_other(y, index);
}

static inline wg_tensor graph_operand(wg_tensor y, size_t index)
{
    const node *n = graph_live(y);
    return n ? graph_operand_of(y, n, index) : graph_operand_other(y, index);
}

/* The node of a tensor that is known to be live, as that is which a rule is applied to. */
static inline const node *graph_node_of(wg_tensor y)
{
    return graph_node(y.context, y.id);
}

/* Whether the gradient of an operand is asked for by the sweep that applies the rule of y. */
static inline bool graph_wanted(wg_tensor y, size_t index)
{
    const wg_context *ctx = y.context;
    return !ctx || ctx->origin_id != y.id || ctx->wanted >> (index < 63 ? index : 63) & 1;
}

/* graph_resolve for all other handles. */
uint32_t graph_resolve_other(wg_tensor x, const char *who);
/* The node a handle means, or 0 after setting an error that begins with `who`. A persistent tensor is read: its leaf is
   recorded when needed. Poison gives 0 without a new error. */
static inline uint32_t graph_resolve(wg_tensor x, const char *who)
{
    return graph_live(x) ? x.id : graph_resolve_other(x, who);
}

/* As above, with the context that all tensors of a list share; false if there is none or they differ. */
bool graph_resolve_list(wg_list list, const char *who, wg_context **ctx, uint32_t *ids);
static inline bool graph_resolve_two(wg_tensor a, wg_tensor b, const char *who, wg_context **ctx, uint32_t ids[2])
{
    const node *left, *right;
    if (!graph_live_two(a, b, &left, &right))
        return graph_resolve_list((wg_list){2, (const wg_tensor[]){a, b}}, who, ctx, ids);
    *ctx = a.context;
    ids[0] = a.id;
    ids[1] = b.id;
    return true;
}

/* As above, for a list beside a tensor of ctx: all errors are that context's. */
bool graph_resolve_in(wg_context *ctx, wg_list list, const char *who, uint32_t *ids);
/* The context of the first tensor that has one. */
wg_context *graph_context_of(wg_list list);
/* A handle to what x means now: of a persistent tensor the present binding, which later assigns do not change. */
wg_tensor graph_now(wg_tensor x, const char *who);
/* What a handle names, without recording anything: shape and type; false for poison and worse, without setting an
 * error. */
bool graph_look(wg_tensor x, wg_shape *shape, wg_type *type);
/* The shape alone, in place until the next one is interned: recording may move it. Rank 0 for poison and worse. */
const wg_shape *graph_shape_of_other(wg_tensor x);
static inline const wg_shape *graph_shape_of(wg_tensor x)
{
    const node *n = graph_live(x);
    return n ? &x.context->shapes[n->shape] : graph_shape_of_other(x);
}

/* ---- leaves (leaf.c) ---- */

/* Values known when recorded: owned (counted values, given up to the node) or borrowed. */
extern const wg_op graph_constant_op;
/* The present value of a persistent tensor, and its rebinding. */
extern const wg_op graph_parameter_op, graph_assign_op;

wg_tensor graph_constant(wg_context *ctx, wg_type type, wg_shape shape, void *values, bool borrowed);
/* A C scalar as a tensor of rank 0 that builders take back as a C scalar: what VJPs get for the operand of x * 2. */
wg_tensor graph_weak_scalar(wg_context *ctx, wg_type type, double value);
static inline bool graph_is_leaf(const node *n)
{
    return n->op == &graph_constant_op || n->op == &graph_parameter_op;
}

/* ---- persistent tensors (persistent.c) ---- */

persistent *graph_persistent(wg_tensor x); /* NULL if x is none, or its context does not know it */
/* Makes one under the open scopes; `values` are counted and given up, or with `shared` the memory of weights. */
wg_tensor graph_persistent_new(wg_context *ctx, const char *name, wg_type type, wg_shape shape, void *values,
                               bool trainable, bool shared);
/* By full name; NULL: none. */
persistent *graph_persistent_find(wg_context *ctx, const char *full_name);
wg_tensor graph_persistent_tensor(wg_context *ctx, size_t index);
/* The leaf or assign that means the present binding, recorded when there is none on this tape. */
uint32_t graph_persistent_read(wg_context *ctx, size_t index);
/* The values of a node, computed for their own sake (pending assigns stay pending) and counted for the caller, who may
   not write to them: they are the node's own if it has some. NULL after an error. */
void *graph_values_apart(wg_context *ctx, uint32_t id);
/* New values from outside (a file): counted, given up; drops the current binding. False if assigns are pending on it.
 */
void graph_persistent_set(wg_context *ctx, persistent *p, void *values);
/* The name with the open scopes before it, into `full`. */
bool graph_full_name(wg_context *ctx, const char *name, char full[PATH_SIZE]);

/* The values of a node that has some: its own, or those of the persistent tensor it means. NULL: not computed, or
   overwritten. */
void *graph_values(const wg_context *ctx, const node *n);
/* Lets the leaf of a persistent tensor keep its present values, whatever is assigned later; other nodes do anyway. */
bool graph_pin(wg_context *ctx, uint32_t id);
/* The persistent tensor that a leaf or an assign means; NULL for other nodes. */
persistent *graph_persistent_of(const wg_context *ctx, const node *n);

/* ---- inspecting (inspect.c) ---- */

/* Releases all graphs that were read out. */
void graph_release_inspected(wg_context *ctx);

/* ---- names (scope.c, pattern.c) ---- */

/* Opens the scope of the layer that a parameter belongs to (its name without the last part), from the root. Returns the
   scope to put back with graph_scope_set. */
uint32_t graph_scope_of_layer(wg_tensor parameter);
/* Opens a scope inside the present one; returns the scope to put back. */
uint32_t graph_scope_open(wg_context *ctx, const char *name);
void graph_scope_set(wg_context *ctx, uint32_t scope);
/* Writes a path, "a/b/c", at most size - 1 characters. */
void graph_scope_path(const wg_context *ctx, uint32_t scope, char *path, size_t size);
/* Whether a name matches a pattern of globs; NULL matches all. */
bool graph_match(const char *pattern, const char *name);

/* ---- interning (intern.c) ---- */

uint32_t graph_intern_shape(wg_context *ctx, const wg_shape *shape); /* 0 after running out of memory */
/* Attributes whose first integers are these, and all else 0; 0 likewise. */
uint32_t graph_intern_integers(wg_context *ctx, const int64_t *integers, size_t count);
uint32_t graph_intern_scope(wg_context *ctx, uint32_t parent, const char *name);
uint32_t graph_intern_site(wg_context *ctx, void *address); /* likewise */
/* The places of an address: its last bits, so that the lines of one loop have different ones; and the next one, where
   what was there before is kept. */
static inline recent_site *graph_recent_place(wg_context *ctx, void *address, uintptr_t which)
{
    return &ctx->recent_sites[((uintptr_t)address ^ which) % RECENT_SITES];
}

/* NULL if the address is not known. */
static inline const recent_site *graph_recent_site(wg_context *ctx, void *address)
{
    const recent_site *first = graph_recent_place(ctx, address, 0);
    if (first->address == address) return first;
    const recent_site *other = graph_recent_place(ctx, address, 1);
    return other->address == address ? other : NULL;
}

static inline uint32_t graph_site(wg_context *ctx, void *address)
{
    const recent_site *recent = graph_recent_site(ctx, address);
    if (recent) return recent->number;
    recent_site *first = graph_recent_place(ctx, address, 0);
    *graph_recent_place(ctx, address, 1) = *first;
    *first = (recent_site){address, graph_intern_site(ctx, address)};
    return first->number;
}

/* Finds or adds a name in a table whose entries are persistents. */
uint64_t graph_hash_text(const char *text);

/* ---- call sites (site.c) ---- */

/* Every public function that records puts WG_ENTRY(context) first: the return address of the outermost one is the line
   of the user's program that messages name. */
typedef struct site_guard {
    wg_context *context;
} site_guard;

static inline site_guard site_enter(wg_context *ctx, void *address)
{
    if (!ctx || ctx->site) return (site_guard){NULL};
    ctx->site = address;
    return (site_guard){ctx};
}

static inline void site_leave(site_guard *guard)
{
    if (guard->context) guard->context->site = NULL;
}

#define WG_ENTRY(ctx) WG_ENTRY_FROM((ctx), __builtin_return_address(0))
/* The same for what a public function calls in its place: with the address that it was called from. */
#define WG_ENTRY_FROM(ctx, address)                                                              \
    site_guard site_of_call __attribute__((cleanup(site_leave))) = site_enter((ctx), (address)); \
    (void)site_of_call

/* "model.c:14", or function and offset, or "" */
void site_describe(void *address, char *text, size_t size);
/* The same in parts for many addresses, by debug information that is opened once: *line is 0 when unknown. NULL: there
   is none, which nobody minds. */
typedef struct site_lines site_lines;
site_lines *site_open(void);
void site_find(site_lines *lines, void *address, char *file, size_t size, int *line);
void site_close(site_lines *lines);

#endif
