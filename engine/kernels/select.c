/* Which instruction set this process runs on, and the kernel of an op in it. */
#include "engine/kernels/set.h"
#include "ops/rows.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* ---- the instruction set ---- */

static bool supported(const kernel_set *set)
{
#ifdef __x86_64__
    __builtin_cpu_init();
    if (set == &kernels_avx512)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (set == &kernels_avx2) return __builtin_cpu_supports("avx2") != 0;
#endif
    return set == &kernels_sse2;
}

/* From the greatest to the least, which every machine has. */
static const kernel_set *const sets[] = {
#ifdef __x86_64__
    &kernels_avx512,
    &kernels_avx2,
#endif
    &kernels_sse2,
};
enum { SETS = sizeof sets / sizeof *sets };

const kernel_set *kernel_set_named(const char *name)
{
    for (size_t i = 0; i < SETS; i++)
        if (strcmp(sets[i]->name, name) == 0) return supported(sets[i]) ? sets[i] : NULL;
    return NULL;
}

static const kernel_set *chosen;
static pthread_once_t choosing = PTHREAD_ONCE_INIT;

static void choose(void)
{
    const char *wanted = getenv("WG_ISA");
    chosen = wanted ? kernel_set_named(wanted) : NULL;
    for (size_t i = 0; !chosen; i++)
        if (supported(sets[i])) chosen = sets[i];
}

static const kernel_set *current(void)
{
    pthread_once(&choosing, choose);
    return chosen;
}

const char *kernel_instruction_set(void)
{
    return current()->name;
}

/* ---- the kernel ---- */

static tile_kernel find_row(const kernel_set *set, const wg_op *op, const wg_type *types, wg_type result,
                            unsigned single)
{
    if (single > 2 || (op->arity == 1 && single) || result != (op->predicate ? WG_BOOL : types[0])) return NULL;
    if (op->arity == 2 && types[0] != types[1]) return NULL;
    for (size_t i = 0; i < set->count; i++)
        if (set->rows[i].op == op) return set->rows[i].kernel[types[0]][single];
    return NULL;
}

tile_kernel kernel_set_find(const kernel_set *set, const wg_op *op, const wg_type *types, wg_type result,
                            unsigned single)
{
    if (op == &ops_cast) return single ? NULL : set->cast[types[0]][result];
    if (op != &ops_where) return find_row(set, op, types, result, single);
    bool fit = types[0] == WG_BOOL && types[1] == types[2] && types[1] == result;
    return fit && single < 8 ? set->where[result][single] : NULL;
}

tile_kernel kernel_set_find_precise(const kernel_set *set, const wg_op *op, wg_type type)
{
    for (size_t i = 0; type == WG_F32 && i < set->count; i++)
        if (set->rows[i].op == op) return set->rows[i].precise;
    return NULL;
}

tile_kernel kernel_set_find_pair(const kernel_set *set, const wg_op *first, const wg_op *second, wg_type type,
                                 unsigned single, bool swapped)
{
    static const wg_op *const firsts[PAIR_FIRSTS] = {&ops_add, &ops_sub, &ops_mul, &ops_square};
    static const wg_op *const seconds[PAIR_SECONDS] = {&ops_add, &ops_mul, &ops_sum, &ops_sub, NULL, &ops_div, NULL};
    unsigned before = 0, then = 0, last = second == &ops_sum ? 0 : single >> 2 & 1;
    while (before < PAIR_FIRSTS && firsts[before] != first) before++;
    while (then < PAIR_SECONDS && seconds[then] != second) then++;
    if (!set->pairs[type] || before == PAIR_FIRSTS || then == PAIR_SECONDS) return NULL;
    single &= first == &ops_square ? 1 : 3;
    if (single == 3) return NULL;
    if (swapped && then >= THEN_sub) then++;
    return (*set->pairs[type])[before][single][then][last];
}

static int reduction_of(const wg_op *op)
{
    return op == &ops_sum ? REDUCE_SUM : op == &ops_max ? REDUCE_MAX : op == &ops_min ? REDUCE_MIN : REDUCTIONS;
}

tile_kernel kernel_set_row_reduction(const kernel_set *set, const wg_op *op, wg_type type)
{
    int reduction = reduction_of(op);
    return reduction < REDUCTIONS ? set->row_reduction[type][reduction] : NULL;
}

tile_kernel kernel_set_column_reduction(const kernel_set *set, const wg_op *op, wg_type type)
{
    int reduction = reduction_of(op);
    return reduction < REDUCTIONS ? set->column_reduction[type][reduction] : NULL;
}

tile_kernel kernel_find(const wg_op *op, const wg_type *operand_types, wg_type result, unsigned single)
{
    return kernel_set_find(current(), op, operand_types, result, single);
}

tile_kernel kernel_find_precise(const wg_op *op, wg_type type)
{
    return kernel_set_find_precise(current(), op, type);
}

tile_kernel kernel_find_pair(const wg_op *first, const wg_op *second, wg_type type, unsigned single, bool swapped)
{
    return kernel_set_find_pair(current(), first, second, type, single, swapped);
}

tile_kernel kernel_row_reduction(const wg_op *op, wg_type type)
{
    return kernel_set_row_reduction(current(), op, type);
}

tile_kernel kernel_column_reduction(const wg_op *op, wg_type type)
{
    return kernel_set_column_reduction(current(), op, type);
}
