/* What the builders of ops share: resolving operands, broadcasting them, and recording. Internal. */
#ifndef OPS_BUILDER_H
#define OPS_BUILDER_H

#include "graph/append.h"
#include "graph/shape.h"

#include <wengert/ops.h>

/* Records an op of one operand. `type` and `shape` tell ops whose result is asked for (cast, reshape); else WG_DEFAULT
   and NULL. */
wg_tensor ops_one(const wg_op *op, wg_tensor x, const wg_attributes *attributes, wg_type type, const wg_shape *shape);
/* The same for a node, with integers as attributes; to be inlined where their number is a constant. */
wg_tensor ops_one_integers_anew(wg_context *ctx, const wg_op *op, uint32_t id, size_t count, const int64_t *integers);
static inline __attribute__((always_inline)) wg_tensor ops_one_integers(wg_context *ctx, const wg_op *op, uint32_t id,
                                                                        size_t count, const int64_t *integers)
{
    wg_tensor y;
    graph_record record = {.op = op, .count = 1, .inputs = &id, .integer_count = count, .integers = integers};
    return append_again(ctx, NULL, &record, &y) ? y : ops_one_integers_anew(ctx, op, id, count, integers);
}

/* The bodies of public functions that record an element-wise op, which need no WG_ENTRY: `site` is where they were
   called from. An op of one operand; of two operands, broadcast to one shape; with a C scalar on the right, or on the
   left. */
wg_tensor ops_unary(const wg_op *op, wg_tensor x, void *site);
wg_tensor ops_binary(const wg_op *op, wg_tensor a, wg_tensor b, void *site);
wg_tensor ops_binary_scalar(const wg_op *op, wg_tensor x, double scalar, bool scalar_left, void *site);
#define OPS_SITE __builtin_return_address(0)
/* Records expands where shapes differ. False after an error. */
bool ops_broadcast(wg_context *ctx, const char *who, uint32_t *ids, size_t count);
/* The same for two operands that hold matrices, rank 2 at least: of the axes before the last two. */
bool ops_broadcast_leading(wg_context *ctx, const char *who, uint32_t ids[2]);
/* An op without operands: type and shape are given. */
wg_tensor ops_create(wg_context *ctx, const wg_op *op, wg_type type, wg_shape shape, const wg_attributes *attributes);

/* wg_reshape and wg_expand of a node, or of poison, to the shape of another one of the same context, for rules: shapes
   are told by number. */
wg_tensor ops_reshape_like(wg_tensor x, uint32_t like);
wg_tensor ops_expand_like(wg_tensor x, uint32_t like);
/* The integers among the attributes of a tensor that is live, in place: recording may move them. */
static inline const int64_t *ops_integers(wg_tensor y)
{
    return graph_attributes(y.context, graph_node_of(y))->integer;
}

/* Axes of a shape of some rank as a set of bits; false if one is out of range or named twice. */
static inline bool axes_set(int rank, wg_axes axes, uint32_t *set)
{
    uint32_t found = axes.count < 0 ? (1u << rank) - 1 : 0;
    if (axes.count > WG_MAX_RANK) return false;
    for (int i = 0; i < axes.count; i++) {
        int index = axes.axis[i] < 0 ? axes.axis[i] + rank : axes.axis[i];
        if (index < 0 || index >= rank || found >> index & 1) return false;
        found |= 1u << index;
    }
    *set = found;
    return true;
}

/* The axes of a tensor's shape as a set of bits; false, and an error, if one is out of range or named twice. */
bool ops_axes(wg_tensor x, const char *who, wg_axes axes, uint32_t *set);
/* The same of a node. */
bool ops_axes_of(wg_context *ctx, uint32_t id, const char *who, wg_axes axes, uint32_t *set);
/* One axis, negative from the end; false, and an error, if it is out of range. */
bool ops_axis(wg_tensor x, const char *who, int axis, int *index);

/* Whether x is a tensor of floats; else an error in somebody's name. */
bool want_float(wg_tensor x, const char *who);

/* For infer functions that accept any operand, and for VJPs that have nothing to say. */
bool infer_same(const wg_call *call, char *message, size_t size);
/* How infer functions refuse: they write the reason, and are false. The second form says that the types are at fault,
   not the shapes. */
bool refuse(char *message, size_t size, const char *format, ...) WG_PRINTF(3, 4);
bool refuse_types(const wg_call *call, char *message, size_t size, const char *format, ...) WG_PRINTF(4, 5);

/* Walks the elements of a strided view in row-major order. */
typedef struct strided_walk {
    int rank;
    int64_t dim[WG_MAX_RANK], stride[WG_MAX_RANK], index[WG_MAX_RANK];
    int64_t offset;
} strided_walk;

static inline void walk_next(strided_walk *w)
{
    for (int i = w->rank; i-- > 0;) {
        w->offset += w->stride[i];
        if (++w->index[i] < w->dim[i]) return;
        w->offset -= w->stride[i] * w->dim[i];
        w->index[i] = 0;
    }
}

/* The strides of a contiguous tensor, in elements. */
void contiguous_strides(const wg_shape *shape, int64_t stride[WG_MAX_RANK]);

#endif
