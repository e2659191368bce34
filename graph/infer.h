/* The type and shape of an op's result, by the op's own rule; what it said is remembered. */
#ifndef GRAPH_INFER_H
#define GRAPH_INFER_H

#include "graph/graph.h"

enum { INFERENCES = 512, INFERENCE_WORDS = 5, INFERENCE_NUMBERED = 255 };

/* What a rule sees of an application, and what it said. */
typedef struct inference {
    bool (*rule)(const wg_call *call, char *message, size_t size); /* NULL: none */
    uint64_t told; /* type and shape; how many operands; the weak scalar; how many integers, or INFERENCE_NUMBERED */
    /* Type and shape of each operand, 0 for the weak scalar; then the integers among the attributes, or their number.
     */
    uint64_t word[INFERENCE_WORDS];
    uint32_t type : 8, attributes : 24, shape; /* of the node */
} inference;

_Static_assert(sizeof(inference) == 64, "a cache line");

typedef struct inferred {
    wg_type type;
    uint32_t shape, attributes; /* as in a node */
} inferred;

/* False after an error. */
bool infer(wg_context *ctx, const graph_record *record, inferred *result);
/* The attributes alone, of an application whose type and shape are known. */
uint32_t infer_attributes(wg_context *ctx, const graph_record *record);
/* Makes room for what is remembered: false if there is no memory. */
bool infer_prepare(wg_context *ctx);
/* Forgets it: when shapes get other numbers. */
void infer_forget(wg_context *ctx);

/* ---- looking up ---- */

#define INFER_INLINE static inline __attribute__((always_inline))

/* Fills in what an application asks, its attributes having a number if there are any: how many words that takes. */
INFER_INLINE size_t inference_question(const wg_context *ctx, const graph_record *record, uint32_t number,
                                       uint32_t told_shape, inference *q)
{
    bool numbered = record->attributes;
    size_t count = record->count, integers = numbered ? 1 : record->integer_count;
    if (count + integers > INFERENCE_WORDS) return SIZE_MAX;
    q->rule = record->op->infer;
    q->told = told_shape | (uint64_t)record->type << 32 | (uint64_t)count << 40 |
              (uint64_t)record->scalar_operand << 48 | (uint64_t)(numbered ? INFERENCE_NUMBERED : integers) << 56;
    for (size_t i = 0; i < count; i++) {
        bool weak = record->scalar_operand == (int)i + 1;
        const node *n = weak ? NULL : graph_node(ctx, record->inputs[i]);
        q->word[i] = n ? n->shape | (uint64_t)n->type << 32 : 0;
    }
    for (size_t i = 0; i < integers; i++) q->word[count + i] = numbered ? number : (uint64_t)record->integers[i];
    return count + integers;
}

/* Where the answer is, if it is known. */
INFER_INLINE inference *inference_place(const wg_context *ctx, const inference *q, size_t words)
{
    uint64_t h = (uint64_t)(uintptr_t)q->rule ^ q->told;
    for (size_t i = 0; i < words; i++) h = (h << 13 | h >> 51) + q->word[i];
    return &ctx->inferences[h * 0x9E3779B97F4A7C15u >> 55];
}
_Static_assert(INFERENCES == 1 << 9, "9 bits of the hash are used");

INFER_INLINE bool inference_answers(const inference *known, const inference *q, size_t words)
{
    bool same = known->told == q->told && known->rule == q->rule;
    for (size_t i = 0; i < words; i++) same = same && known->word[i] == q->word[i];
    return same;
}

/* What was said of the like before; NULL: nothing is known. For records without a weak scalar and without attributes
   but integers, told a shape by its number alone. Where the numbers of operands and integers are constants, so is
   almost all of this. */
INFER_INLINE const inference *inference_again(const wg_context *ctx, const graph_record *record)
{
    inference q;
    size_t words = inference_question(ctx, record, 0, record->interned_shape, &q);
    if (words > INFERENCE_WORDS) return NULL;
    const inference *known = inference_place(ctx, &q, words);
    return inference_answers(known, &q, words) ? known : NULL;
}

#endif
