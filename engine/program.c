/* From a part of the tape to a program, and comparing programs. */
#include "engine/program.h"

#include <string.h>

/* An empty program with room for about so many items, that few lists have to grow: what they have outgrown stays. */
static bool begin(program *p, bump *b, size_t count)
{
    size_t room = count + count / 8 + 16;
    *p = (program){.items = bump_new(b, room, sizeof *p->items),
                   .item_capacity = room,
                   .operands = bump_new(b, 2 * room, sizeof *p->operands),
                   .operand_capacity = 2 * room,
                   .source = bump_new(b, room, sizeof *p->source),
                   .source_capacity = room};
    return !b->failed;
}

static uint32_t add_item(program *p, bump *b, uint32_t source)
{
    if (!bump_grow(b, (void **)&p->items, &p->item_capacity, p->count + 1u, sizeof *p->items) ||
        !bump_grow(b, (void **)&p->source, &p->source_capacity, p->count + 1u, sizeof *p->source))
        return NO_ITEM;
    memset(&p->items[p->count], 0, sizeof *p->items);
    p->source[p->count] = source;
    return p->count++;
}

static void describe(item *it, const wg_context *ctx, const node *n)
{
    const wg_shape *shape = &ctx->shapes[n->shape];
    it->shape.rank = shape->rank;
    memcpy(it->shape.dim, shape->dim, sizeof *shape->dim * (size_t)shape->rank);
    it->size = wg_shape_size(*shape);
    it->type = n->type;
}

static uint32_t add_leaf(program *p, bump *b, const wg_context *ctx, uint32_t id)
{
    const node *n = graph_node(ctx, id);
    uint32_t index = add_item(p, b, id);
    if (index == NO_ITEM) return index;
    item *it = &p->items[index];
    describe(it, ctx, n);
    const persistent *tensor = graph_persistent_of(ctx, n);
    bool present = tensor && tensor->version == n->version && !n->data;
    it->persistent = present ? (uint32_t)(tensor - ctx->persistents) + 1 : 0;
    return index;
}

static bool add_attributes(program *p, bump *b, item *it, const wg_attributes *attributes)
{
    if (!bump_grow(b, (void **)&p->attributes, &p->attribute_capacity, p->attribute_count + 1, sizeof *p->attributes))
        return false;
    it->attributes = (uint32_t)p->attribute_count;
    p->attributes[p->attribute_count++] = *attributes;
    return true;
}

/* One node to compute; `place` is 1 + the item of each older node. */
static bool add_node(program *p, bump *b, const wg_context *ctx, uint32_t id, uint32_t *place, bool keep)
{
    const node *n = graph_node(ctx, id);
    size_t count;
    const uint32_t *inputs = graph_inputs(ctx, n, &count);
    for (size_t i = 0; i < count; i++)
        if (inputs[i] && !place[inputs[i]]) place[inputs[i]] = add_leaf(p, b, ctx, inputs[i]) + 1;
    uint32_t index = add_item(p, b, id);
    if (b->failed ||
        !bump_grow(b, (void **)&p->operands, &p->operand_capacity, p->operand_count + count, sizeof *p->operands))
        return false;
    item *it = &p->items[index];
    describe(it, ctx, n);
    it->op = n->op;
    it->operand = (uint32_t)p->operand_count;
    it->count = (uint32_t)count;
    it->scalar_operand = n->scalar_operand;
    it->flags = keep ? ITEM_KEEP : 0;
    if (n->flags & NODE_FIXED) {
        it->flags |= ITEM_FIXED;
        it->fixed = n->scalar;
    }
    if (n->op == &graph_assign_op) it->persistent = n->input[1] + 1;
    for (size_t i = 0; i < count; i++) p->operands[p->operand_count++] = inputs[i] ? place[inputs[i]] - 1 : NO_ITEM;
    place[id] = index + 1;
    return !n->attributes || add_attributes(p, b, it, graph_attributes(ctx, n));
}

bool program_build(program *p, bump *b, const wg_context *ctx, const demand *d, uint32_t *place)
{
    static const wg_attributes none;
    item nothing;
    bool fine = begin(p, b, d->count) && add_attributes(p, b, &nothing, &none);
    for (size_t i = 0; fine && i < d->count; i++)
        fine = add_node(p, b, ctx, d->id[i], place, d->mark[d->id[i]] & DEMAND_KEEP);
    for (uint32_t i = 0; i < p->count; i++) place[p->source[i]] = 0;
    return fine && !b->failed;
}

bool program_knows(const wg_op *op)
{
    for (size_t i = 0; i < wg_op_count(); i++)
        if (wg_op_at(i) == op) return true;
    return false;
}

bool program_same(const program *a, const program *b)
{
    if (a->count != b->count || a->operand_count != b->operand_count || a->attribute_count != b->attribute_count)
        return false;
    if (memcmp(a->items, b->items, a->count * sizeof *a->items) != 0) return false;
    if (a->operand_count && memcmp(a->operands, b->operands, a->operand_count * sizeof *a->operands) != 0) return false;
    for (size_t i = 0; i < a->attribute_count; i++)
        if (memcmp(a->attributes[i].integer, b->attributes[i].integer, sizeof a->attributes[i].integer) != 0)
            return false;
    return true;
}

bool program_copy(program *to, const program *from, bump *b)
{
    *to = (program){.items = bump_copy(b, from->items, from->count, sizeof *from->items),
                    .count = from->count,
                    .item_capacity = from->count,
                    .operands = bump_copy(b, from->operands, from->operand_count, sizeof *from->operands),
                    .operand_count = from->operand_count,
                    .operand_capacity = from->operand_count,
                    .attributes = bump_copy(b, from->attributes, from->attribute_count, sizeof *from->attributes),
                    .attribute_count = from->attribute_count,
                    .attribute_capacity = from->attribute_count,
                    .source = bump_copy(b, from->source, from->count, sizeof *from->source),
                    .source_capacity = from->count};
    return !b->failed;
}

/* ---- rewriting ---- */

bool rewriting_begin(rewriting *r, const program *from, program *to, bump *b)
{
    static const wg_attributes none;
    item nothing;
    *r = (rewriting){from, to, b, bump_new(b, from->count, sizeof *r->map)};
    return begin(to, b, from->count) && add_attributes(to, b, &nothing, &none);
}

uint32_t rewriting_add(rewriting *r, const item *like, const uint32_t *operands, const wg_attributes *attributes,
                       uint32_t source)
{
    program *to = r->to;
    uint32_t index = add_item(to, r->bump, source);
    if (index == NO_ITEM || !bump_grow(r->bump, (void **)&to->operands, &to->operand_capacity,
                                       to->operand_count + like->count, sizeof *to->operands))
        return NO_ITEM;
    item *it = &to->items[index];
    *it = *like;
    it->operand = (uint32_t)to->operand_count;
    it->attributes = 0;
    for (uint32_t i = 0; i < like->count; i++) to->operands[to->operand_count++] = operands[i];
    return !attributes || add_attributes(to, r->bump, it, attributes) ? index : NO_ITEM;
}

uint32_t rewriting_keep(rewriting *r, uint32_t index)
{
    const item *it = &r->from->items[index];
    uint32_t few[8], *operands = it->count <= 8 ? few : bump_new(r->bump, it->count, sizeof *operands);
    if (!operands) return NO_ITEM;
    for (uint32_t i = 0; i < it->count; i++) operands[i] = rewriting_operand(r, index, i);
    const wg_attributes *attributes = it->attributes ? &r->from->attributes[it->attributes] : NULL;
    return rewriting_add(r, it, operands, attributes, r->from->source[index]);
}

uint64_t program_hash(const program *p)
{
    uint64_t h = p->count;
    for (uint32_t i = 0; i < p->count; i++) {
        const item *it = &p->items[i];
        h = (h ^ (uint64_t)(uintptr_t)it->op) * 0x9E3779B97F4A7C15u;
        h ^= (h >> 32) ^ (uint64_t)it->size ^ (uint64_t)it->flags << 40;
    }
    for (size_t i = 0; i < p->operand_count; i++) h = (h ^ p->operands[i]) * 0xD6E8FEB86659FD93u;
    return h ^ h >> 32;
}

uint32_t *program_uses(const program *p, bump *b)
{
    uint32_t *uses = bump_new(b, p->count, sizeof *uses);
    for (uint32_t i = 0; uses && i < p->count; i++) {
        const item *it = &p->items[i];
        uses[i] += it->flags & ITEM_KEEP ? 2 : 0;
        for (uint32_t k = 0; k < it->count; k++)
            if (program_operands(p, it)[k] != NO_ITEM) uses[program_operands(p, it)[k]]++;
    }
    return uses;
}
