/* The gradient of a slice is a pad: zeros around a piece. Cut a tensor into n slices, and n pads of full size would be
   added: n^2 work. Pieces that do not overlap are joined by one concat in the place of pads and adds, with zeros for
   what no slice has read. The values are the same, for x + 0 = x (but -0 stays what it is, where -0 + 0 was +0). */
#include "autograd/pieces.h"

#include <wengert/functions.h>

enum { AXIS, LOW, HIGH, INTERIOR }; /* the integers of a pad */

void pieces_release(pieces *p)
{
    memory_release(&p->ctx->memory, p->first);
    memory_release(&p->ctx->memory, p->axis);
    memory_release(&p->ctx->memory, p->piece);
}

/* The interval that a pad leaves free, and its axis. */
static piece piece_of(const wg_context *ctx, uint32_t pad, int *axis)
{
    const node *n = graph_node(ctx, pad);
    const int64_t *a = graph_attributes(ctx, n)->integer;
    *axis = (int)a[AXIS];
    return (piece){.pad = pad, .low = a[LOW], .length = graph_shape_at(ctx, n->input[0])->dim[*axis]};
}

/* Where the list goes on behind an interval that begins at `low`: lists are built from the end of the axis, as the
   sweep runs backwards, so that this is mostly the head. */
static uint32_t *link_before(const pieces *p, size_t place, int64_t low, const piece **before)
{
    uint32_t *link = &p->first[place];
    *before = NULL;
    while (*link && p->piece[*link - 1].low < low) {
        *before = &p->piece[*link - 1];
        link = &p->piece[*link - 1].next;
    }
    return link;
}

bool pieces_is_solid(const wg_context *ctx, const node *pad)
{
    const int64_t *a = graph_attributes(ctx, pad)->integer;
    return a[INTERIOR] == 0 && graph_shape_at(ctx, pad->input[0])->dim[a[AXIS]] > 0;
}

bool pieces_fit(const pieces *p, size_t place, uint32_t gradient)
{
    int axis;
    if (!pieces_any(p, place)) return true;
    piece one = piece_of(p->ctx, gradient, &axis);
    const piece *before;
    uint32_t next = *link_before(p, place, one.low, &before);
    return axis == p->axis[place] && (!before || before->low + before->length <= one.low) &&
           (!next || one.low + one.length <= p->piece[next - 1].low);
}

static bool make_room(pieces *p)
{
    memory *m = &p->ctx->memory;
    if (!p->first) p->first = memory_new(m, p->nodes, sizeof *p->first);
    if (!p->axis) p->axis = memory_new(m, p->nodes, sizeof *p->axis);
    return p->first && p->axis && memory_grow(m, (void **)&p->piece, &p->capacity, p->count + 1, sizeof *p->piece);
}

bool pieces_add(pieces *p, size_t place, uint32_t gradient)
{
    int axis;
    if (!make_room(p)) return graph_fail_memory(p->ctx, p->nodes * sizeof *p->first).id;
    piece one = piece_of(p->ctx, gradient, &axis);
    const piece *before;
    uint32_t *link = link_before(p, place, one.low, &before);
    one.next = *link;
    p->piece[p->count++] = one;
    *link = (uint32_t)p->count;
    p->axis[place] = (uint8_t)axis;
    return true;
}

/* ---- joining ---- */

static wg_tensor zeros(wg_context *ctx, uint32_t like, int axis, int64_t length)
{
    wg_shape shape = *graph_shape_at(ctx, like);
    shape.dim[axis] = length;
    return wg_full_typed(ctx, (wg_type)graph_node(ctx, like)->type, shape, 0);
}

/* The pieces in order, with zeros between and around them: how many tensors that makes. */
static size_t list_parts(const pieces *p, size_t place, wg_tensor *parts)
{
    uint32_t like = p->piece[p->first[place] - 1].pad;
    int axis = p->axis[place];
    int64_t whole = graph_shape_at(p->ctx, like)->dim[axis], at = 0;
    size_t count = 0;
    for (uint32_t i = p->first[place]; i; i = p->piece[i - 1].next) {
        const piece *one = &p->piece[i - 1];
        if (one->low > at) parts[count++] = zeros(p->ctx, like, axis, one->low - at);
        parts[count++] = graph_tensor(p->ctx, graph_node(p->ctx, one->pad)->input[0]);
        at = one->low + one->length;
    }
    if (at < whole) parts[count++] = zeros(p->ctx, like, axis, whole - at);
    return count;
}

uint32_t pieces_join(pieces *p, size_t place)
{
    wg_context *ctx = p->ctx;
    const piece *head = &p->piece[p->first[place] - 1];
    size_t most = 1;
    for (uint32_t i = p->first[place]; i; i = p->piece[i - 1].next) most += 2;
    uint32_t joined = head->pad;
    if (head->next) {
        wg_tensor *parts = memory_new(&ctx->memory, most, sizeof *parts);
        if (!parts) return graph_fail_memory(ctx, most * sizeof *parts).id;
        size_t count = list_parts(p, place, parts);
        joined = wg_concat((wg_list){count, parts}, p->axis[place]).id;
        memory_release(&ctx->memory, parts);
    }
    p->first[place] = 0;
    return joined;
}
