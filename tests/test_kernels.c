/* The vector kernels against the op's own kernel, bit by bit: every row, type, variant, tile shape and instruction set
   that this machine has; reductions against loops in long double, two ops in one against two kernels. */
#include "base/float_mode.h"
#include "engine/kernels/set.h"
#include "ops/rows.h"
#include "tests/harness.h"

#include <float.h>

enum { GUARD = 64, MOST_ELEMENTS = 5 * 110 };

static const char *const set_names[] = {"sse2", "avx2", "avx512"};
#define FOR_EACH_SET(set)                               \
    for (size_t set##_at = 0; set##_at < 3; set##_at++) \
        for (const kernel_set *set = kernel_set_named(set_names[set##_at]); set; set = NULL)

static const int64_t widths[] = {0, 1, 2, 3, 7, 8, 10, 15, 16, 17, 33, 64, 100};

/* ---- values ---- */

static uint64_t random_bits(void)
{
    static uint64_t state = 1;
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static double random_between(double low, double high)
{
    return low + (high - low) * (double)(random_bits() >> 11) * 0x1p-53;
}

static const double special[] = {
    0,     1,      0.5,   2,       1e-45, 1e-40,         1.17549435e-38, 3e-8,   6e-8, 1e-4,
    0.34,  0.66,   1.34,  9.02,    9.1,   17.3,          18.1,           87.4,   88.1, 88.72284,
    88.73, 103.97, 104.5, 709.5,   709.9, 745.2,         1e10,           3.4e38, 2e38, 4.9e-324,
    1e300, 1e-17,  2.5,   8388608, 3.93,  0x1.fffffep23, INFINITY,       NAN,    1e30, 0x1p52};

static double random_float(bool wide)
{
    uint64_t choice = random_bits() % 8;
    if (choice < 2) {
        double x = special[random_bits() % (sizeof special / sizeof *special)];
        return random_bits() & 1 ? -x : x;
    }
    if (choice < 6) return random_between(-10, 10);
    uint64_t bits = random_bits();
    uint32_t half = (uint32_t)bits;
    double x;
    float y;
    memcpy(&x, &bits, sizeof x);
    memcpy(&y, &half, sizeof y);
    return wide ? x : (double)y;
}

static void fill(wg_type type, void *data, int64_t count)
{
    for (int64_t i = 0; i < count; i++) switch (type) {
        case WG_F32:
            ((float *)data)[i] = (float)random_float(false);
            break;
        case WG_F64:
            ((double *)data)[i] = random_float(true);
            break;
        case WG_I32:
            ((int32_t *)data)[i] = (int32_t)(random_bits() >> (32 + random_bits() % 32));
            break;
        case WG_I64:
            ((int64_t *)data)[i] = (int64_t)(random_bits() >> random_bits() % 64) * (random_bits() & 1 ? 1 : -1);
            break;
        default:
            ((bool *)data)[i] = random_bits() & 1;
        }
}

static bool same(wg_type type, const char *a, const char *b)
{
    if (memcmp(a, b, wg_type_size(type)) == 0) return true;
    float f[2];
    double d[2];
    if (type == WG_F32) return memcpy(f, a, 4), memcpy(f + 1, b, 4), isnan(f[0]) && isnan(f[1]);
    if (type == WG_F64) return memcpy(d, a, 8), memcpy(d + 1, b, 8), isnan(d[0]) && isnan(d[1]);
    return false;
}

/* ---- one tile ---- */

typedef struct trial {
    const kernel_set *set;
    const wg_op *op;
    wg_type types[3], result;
    unsigned count, single;
    int64_t rows, columns;
    int64_t gap;         /* what lies between rows */
    int64_t single_step; /* of operands that are one number for each row */
    unsigned in_place;   /* which operand the result overwrites; count: none */
    bool precise;        /* the kernels of that option */
} trial;

/* What lies in the memory of operand k; freed by the caller. As small as can be, so that sanitizers see each step out.
 */
static void *operand(const trial *t, unsigned k, int64_t *step)
{
    bool single = t->single >> k & 1;
    *step = single ? t->single_step : t->columns + t->gap;
    int64_t size = t->rows ? (t->rows - 1) * *step + (single ? 1 : t->columns) : 0;
    void *data = malloc((size_t)size * wg_type_size(t->types[k]) + (size == 0));
    fill(t->types[k], data, size);
    return data;
}

/* The result of the op's own kernel on the tile without gaps. */
static void plain_result(const trial *t, void *const *data, const int64_t *step, char *out)
{
    static _Alignas(64) char dense[3][MOST_ELEMENTS * 8];
    wg_array in[3], output = {t->result, WG_SHAPE(t->rows * t->columns), out};
    for (unsigned k = 0; k < t->count; k++) {
        size_t size = wg_type_size(t->types[k]);
        for (int64_t i = 0; i < t->rows * t->columns; i++) {
            int64_t r = i / t->columns, c = t->single >> k & 1 ? 0 : i % t->columns;
            memcpy(dense[k] + (size_t)i * size, (const char *)data[k] + (size_t)(r * step[k] + c) * size, size);
        }
        in[k] = (wg_array){t->types[k], output.shape, dense[k]};
    }
    char fault[WG_FAULT_SIZE] = "";
    (t->precise ? t->op->precise : t->op->kernel[t->types[0]])(
        &(wg_call){t->count, in, &output, &(wg_attributes){.real = {0}}, fault, NULL});
}

static void complain(const trial *t, const char *what, int64_t r, int64_t c)
{
    cr_expect(false, "%s %s of %s to %s, single %u: %s at row %d, column %d of %d x %d, gap %d, in place %u",
              t->set->name, t->op->name, wg_type_name(t->types[0]), wg_type_name(t->result), t->single, what, (int)r,
              (int)c, (int)t->rows, (int)t->columns, (int)t->gap, t->in_place);
}

/* Runs the kernel; false if a result differs or a byte beside the results changed. */
static bool run(const trial *t)
{
    static _Alignas(64) char want[MOST_ELEMENTS * 8], got[GUARD + MOST_ELEMENTS * 8 + GUARD];
    tile_kernel kernel = t->precise ? kernel_set_find_precise(t->set, t->op, t->types[0])
                                    : kernel_set_find(t->set, t->op, t->types, t->result, t->single);
    if (!kernel) return complain(t, "no kernel", 0, 0), false;
    tile work = {t->rows, t->columns, got + GUARD, t->columns + t->gap, {NULL}, {0}};
    void *data[3] = {NULL};
    for (unsigned k = 0; k < t->count; k++) work.in[k] = data[k] = operand(t, k, &work.step[k]);
    plain_result(t, data, work.step, want);
    memset(got, 0x55, sizeof got);
    size_t size = wg_type_size(t->result);
    if (t->in_place < t->count) {
        if (t->rows && t->columns)
            memcpy(work.out, data[t->in_place], (size_t)((t->rows - 1) * work.out_step + t->columns) * size);
        for (int64_t r = 0; r + 1 < t->rows; r++)
            memset(got + GUARD + (size_t)(r * work.out_step + t->columns) * size, 0x55, (size_t)t->gap * size);
        work.in[t->in_place] = work.out;
    }
    kernel(&work);
    bool right = true;
    for (int64_t r = 0; r < t->rows; r++)
        for (int64_t c = 0; c < t->columns && right; c++) {
            char *place = got + GUARD + (size_t)(r * work.out_step + c) * size;
            right = same(t->result, place, want + (size_t)(r * t->columns + c) * size);
            if (!right) complain(t, "another value", r, c);
            memset(place, 0x55, size);
        }
    for (size_t i = 0; i < sizeof got && right; i++)
        if (got[i] != 0x55) complain(t, "wrote outside", 0, 0), right = false;
    for (unsigned k = 0; k < t->count; k++) free(data[k]);
    return right;
}

/* All tile shapes for one kernel; stops at the first that fails. */
static void run_shapes(trial t)
{
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
        for (t.rows = 0; t.rows <= 5; t.rows++)
            for (t.gap = 0; t.gap <= 5; t.gap += 5)
                for (t.single_step = 0; t.single_step <= 2; t.single_step++)
                    for (t.in_place = 0; t.in_place <= t.count; t.in_place++) {
                        t.columns = widths[w];
                        bool alone = t.in_place == t.count;
                        bool fits = alone || (t.types[t.in_place] == t.result && !(t.single >> t.in_place & 1));
                        if (!fits || (!t.single && t.single_step)) continue;
                        if (!run(&t)) return;
                    }
}

/* ---- element-wise ---- */

static void run_row(const kernel_set *set, const wg_op *op, wg_type type)
{
    trial t = {.set = set, .op = op, .types = {type, type}, .count = (unsigned)op->arity};
    t.result = op->predicate ? WG_BOOL : type;
    for (t.single = 0; t.single < (op->arity == 2 ? 3 : 1); t.single++) run_shapes(t);
}

Test(kernels, every_row_gives_the_bits_of_its_plain_kernel)
{
    size_t rows = 0;
    FOR_EACH_SET(set)
    for (size_t i = 0; i < wg_op_count(); i++) {
        const wg_op *op = wg_op_at(i);
        if (!op->elementwise) continue;
        rows++;
        if (op->kernel[WG_BOOL]) run_row(set, op, WG_BOOL);
        if (op->kernel[WG_F32]) run_row(set, op, WG_F32);
        if (op->kernel[WG_F64]) run_row(set, op, WG_F64);
    }
    cr_expect(rows >= 40);
}

Test(kernels, precise_rows_give_the_bits_of_their_plain_kernel)
{
    FOR_EACH_SET(set)
    for (size_t i = 0; i < wg_op_count(); i++) {
        trial t = {.set = set, .op = wg_op_at(i), .types = {WG_F32}, .result = WG_F32, .count = 1, .precise = true};
        if (t.op->precise) run_shapes(t);
    }
}

/* One shape is enough: what differs is the arithmetic. */
Test(kernels, every_row_gives_the_bits_of_its_plain_kernel_when_denormals_are_flushed)
{
    uint32_t mode = float_mode();
    FOR_EACH_SET(set)
    for (size_t i = 0; i < wg_op_count() * 2 * 20; i++) {
        const wg_op *op = wg_op_at(i / 40);
        wg_type type = i % 2 ? WG_F64 : WG_F32;
        trial t = {
            .set = set, .op = op, .types = {type, type}, .count = (unsigned)op->arity, .rows = 5, .columns = 100};
        t.result = op->predicate ? WG_BOOL : type;
        t.in_place = t.count;
        if (!op->elementwise || !op->kernel[type]) continue;
        float_mode_take(float_mode_flushing(mode));
        bool fine = run(&t);
        float_mode_take(mode);
        if (!fine) break;
    }
}

Test(kernels, where)
{
    FOR_EACH_SET(set)
    for (int wide = 0; wide < 2; wide++) {
        wg_type type = wide ? WG_F64 : WG_F32;
        trial t = {.set = set, .op = &ops_where, .types = {WG_BOOL, type, type}, .result = type, .count = 3};
        for (t.single = 0; t.single < 7; t.single++) run_shapes(t);
    }
}

Test(kernels, cast)
{
    const wg_type from[] = {WG_F32, WG_F64, WG_I32, WG_I64, WG_BOOL}, to[] = {WG_F32, WG_F64};
    FOR_EACH_SET(set)
    for (int i = 0; i < 5; i++)
        for (int k = 0; k < 2; k++) {
            trial t = {.set = set, .op = &ops_cast, .types = {from[i]}, .result = to[k], .count = 1};
            if (from[i] != to[k]) run_shapes(t);
        }
}

/* ---- two ops in one ---- */

typedef struct pair {
    const kernel_set *set;
    const wg_op *first, *second;
    wg_type type;
    unsigned single;
    bool swapped;
    int64_t rows, columns, gap, single_step;
    unsigned in_place; /* which operand the result overwrites; 3: none */
} pair;

static bool reads(const pair *p, unsigned k)
{
    return k == 0 || (k == 1 ? p->first->arity == 2 : p->second != &ops_sum);
}

/* Two kernels, the value between in memory of its own. */
static void one_after_the_other(const pair *p, const tile *t, tile *result)
{
    static _Alignas(64) char between[MOST_ELEMENTS * 8];
    wg_type types[] = {p->type, p->type};
    tile first = *t, second = *result;
    first.out = between;
    first.out_step = t->columns;
    kernel_set_find(p->set, p->first, types, p->type, p->single & (reads(p, 1) ? 3 : 1))(&first);
    int at = p->swapped;
    second.in[at] = between;
    second.step[at] = t->columns;
    second.in[!at] = t->in[2];
    second.step[!at] = t->step[2];
    if (p->second == &ops_sum)
        kernel_set_row_reduction(p->set, p->second, p->type)(&second);
    else
        kernel_set_find(p->set, p->second, types, p->type, p->single & 4 ? (at ? 1 : 2) : 0)(&second);
}

static bool run_pair(const pair *p)
{
    static _Alignas(64) char want[GUARD + MOST_ELEMENTS * 8 + GUARD], got[sizeof want];
    bool sum = p->second == &ops_sum;
    tile work = {p->rows, p->columns, got + GUARD, sum ? 1 + p->gap : p->columns + p->gap, {NULL}, {77, 77, 77}};
    trial shape = {.types = {p->type, p->type, p->type},
                   .single = p->single,
                   .rows = p->rows,
                   .columns = p->columns,
                   .gap = p->gap,
                   .single_step = p->single_step};
    void *data[3] = {NULL};
    for (unsigned k = 0; k < 3; k++)
        if (reads(p, k)) work.in[k] = data[k] = operand(&shape, k, &work.step[k]);
    size_t size = wg_type_size(p->type);
    memset(want, 0x55, sizeof want);
    memset(got, 0x55, sizeof got);
    tile result = work;
    result.out = want + GUARD;
    one_after_the_other(p, &work, &result);
    if (p->in_place < 3) {
        if (p->rows && p->columns)
            memcpy(work.out, data[p->in_place], (size_t)((p->rows - 1) * work.out_step + p->columns) * size);
        for (int64_t r = 0; r + 1 < p->rows; r++)
            memset(got + GUARD + (size_t)(r * work.out_step + p->columns) * size, 0x55, (size_t)p->gap * size);
        work.in[p->in_place] = work.out;
    }
    kernel_set_find_pair(p->set, p->first, p->second, p->type, p->single, p->swapped)(&work);
    bool right = true;
    for (size_t i = 0; i < sizeof got && right; i += size) right = same(p->type, got + i, want + i);
    cr_expect(right, "%s %s, %s of %s, single %u, swapped %d: %d x %d, gap %d, in place %u", p->set->name,
              p->first->name, p->second->name, wg_type_name(p->type), p->single, p->swapped, (int)p->rows,
              (int)p->columns, (int)p->gap, p->in_place);
    for (unsigned k = 0; k < 3; k++) free(data[k]);
    return right;
}

static void run_pair_shapes(pair p)
{
    bool sum = p.second == &ops_sum;
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
        for (p.rows = 0; p.rows <= 5; p.rows += p.rows ? 2 : 1)
            for (p.gap = 0; p.gap <= 5; p.gap += 5)
                for (p.single_step = 0; p.single_step <= 2; p.single_step++)
                    for (p.in_place = 0; p.in_place <= 3; p.in_place++) {
                        p.columns = widths[w];
                        bool taken = p.in_place < 3 && (sum || !reads(&p, p.in_place) || p.single >> p.in_place & 1);
                        if (taken || (!p.single && p.single_step)) continue;
                        if (!run_pair(&p)) return;
                    }
}

static size_t run_pairs(const kernel_set *set, const wg_op *first, const wg_op *second)
{
    size_t count = 0;
    for (unsigned which = 0; which < 8 * 2 * 2; which++) {
        pair p = {.set = set, .first = first, .second = second, .single = which % 8, .swapped = which / 8 % 2};
        p.type = which / 16 ? WG_F64 : WG_F32; /* of f64 there are none */
        if (first->arity == 1 && p.single & 2) continue;
        if (second == &ops_sum && (p.single & 4 || p.swapped)) continue;
        if (!kernel_set_find_pair(set, first, second, p.type, p.single, p.swapped)) continue;
        run_pair_shapes(p);
        count++;
    }
    return count;
}

Test(kernels, pairs_give_the_bits_of_two_kernels)
{
    const wg_op *firsts[] = {&ops_add, &ops_sub, &ops_mul, &ops_square};
    const wg_op *seconds[] = {&ops_add, &ops_sub, &ops_mul, &ops_sum, &ops_div};
    FOR_EACH_SET(set)
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 5; k++) {
            size_t forms = i == 3 ? 1 : 3;
            size_t want = k == 4 ? (i == 2 ? 3 * 2 * 2 : 0) : k == 3 ? forms : forms * 2 * 2;
            cr_expect(run_pairs(set, firsts[i], seconds[k]) == want);
        }
}

Test(kernels, long_sums_of_pairs)
{
    enum { COUNT = 5000 };
    float *x = malloc(COUNT * sizeof *x), *y = malloc(COUNT * sizeof *y), sum[2];
    wg_type types[] = {WG_F32, WG_F32};
    for (int i = 0; i < COUNT; i++) x[i] = (float)random_between(-3, 5);
    FOR_EACH_SET(set)
    for (unsigned single = 0; single < 3; single++) {
        tile t = {1, COUNT, y, COUNT, {x, x + 1}, {COUNT, COUNT}};
        t.columns = COUNT - 1;
        kernel_set_find(set, &ops_mul, types, WG_F32, single)(&t);
        kernel_set_row_reduction(set, &ops_sum, WG_F32)(&(tile){1, COUNT - 1, sum, 1, {y}, {COUNT}});
        t.out = sum + 1;
        t.out_step = 1;
        kernel_set_find_pair(set, &ops_mul, &ops_sum, WG_F32, single, false)(&t);
        cr_expect(sum[0] == sum[1], "%s, single %u: %.9g, not %.9g", set->name, single, (double)sum[1], (double)sum[0]);
    }
    free(x);
    free(y);
}

Test(kernels, what_there_is_not)
{
    FOR_EACH_SET(set)
    {
        wg_type integers[] = {WG_I32, WG_I32}, mixed[] = {WG_F32, WG_F64}, floats[] = {WG_F32, WG_F32, WG_F32};
        wg_type flag[] = {WG_BOOL, WG_F32, WG_F64};
        cr_expect(!kernel_set_find(set, &ops_add, integers, WG_I32, 0));
        cr_expect(!kernel_set_find(set, &ops_add, mixed, WG_F32, 0));
        cr_expect(!kernel_set_find(set, &ops_add, floats, WG_F32, 3));
        cr_expect(!kernel_set_find(set, &ops_add, floats, WG_BOOL, 0));
        cr_expect(!kernel_set_find(set, &ops_exp, floats, WG_F32, 1));
        cr_expect(!kernel_set_find(set, &ops_cast, floats, WG_I32, 0));
        cr_expect(!kernel_set_find(set, &ops_cast, floats, WG_F64, 1));
        cr_expect(!kernel_set_find(set, &ops_where, flag, WG_F32, 0));
        cr_expect(!kernel_set_find(set, &ops_matmul, floats, WG_F32, 0));
        cr_expect(!kernel_set_row_reduction(set, &ops_prod, WG_F32));
        cr_expect(!kernel_set_column_reduction(set, &ops_sum, WG_I32));
        cr_expect(!kernel_set_find_pair(set, &ops_add, &ops_add, WG_I32, 0, false));
        cr_expect(!kernel_set_find_pair(set, &ops_add, &ops_add, WG_F32, 3, false));
        cr_expect(!kernel_set_find_pair(set, &ops_add, &ops_div, WG_F32, 0, false));
        cr_expect(!kernel_set_find_pair(set, &ops_exp, &ops_add, WG_F32, 0, false));
        cr_expect(!kernel_set_find_pair(set, &ops_mul, &ops_max, WG_F32, 0, false));
        cr_expect(!kernel_set_find_pair(set, &ops_square, &ops_add, WG_F32, 1, false));
        cr_expect(kernel_set_find_pair(set, &ops_square, &ops_sum, WG_F32, 6, false) ==
                  kernel_set_find_pair(set, &ops_square, &ops_sum, WG_F32, 0, false));
    }
}

/* ---- which instruction set ---- */

#ifndef WG_PLAIN_TESTS /* there, another test may have chosen already */
Test(kernels, the_environment_chooses_a_lesser_instruction_set)
{
    setenv("WG_ISA", "sse2", 1);
    cr_expect_str_eq(kernel_instruction_set(), "sse2");
    wg_type types[] = {WG_F32};
    cr_expect(kernel_find(&ops_exp, types, WG_F32, 0) == kernel_set_find(&kernels_sse2, &ops_exp, types, WG_F32, 0));
    cr_expect(kernel_row_reduction(&ops_sum, WG_F32) == kernel_set_row_reduction(&kernels_sse2, &ops_sum, WG_F32));
}

Test(kernels, an_unknown_instruction_set_is_none)
{
    setenv("WG_ISA", "abacus", 1);
    cr_expect(!kernel_set_named("abacus"));
    cr_expect(kernel_set_named(kernel_instruction_set()) != NULL);
}
#endif

/* ---- reductions ---- */

static const wg_op *const reductions[] = {&ops_sum, &ops_max, &ops_min};

static long double combine(const wg_op *op, long double a, long double x)
{
    if (op == &ops_sum) return a + x;
    if (isnan(a) || isnan(x)) return (long double)NAN;
    return op == &ops_max ? fmaxl(a, x) : fminl(a, x);
}

static long double nothing(const wg_op *op)
{
    return op == &ops_sum ? 0 : op == &ops_max ? -(long double)INFINITY : (long double)INFINITY;
}

static double element(wg_type type, const void *data, int64_t i)
{
    return type == WG_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
}

static void put(wg_type type, void *data, int64_t i, double x)
{
    if (type == WG_F32)
        ((float *)data)[i] = (float)x;
    else
        ((double *)data)[i] = x;
}

/* `scale`: the sum of magnitudes. Sums of f32 are rounded to it once. */
static bool near(const wg_op *op, wg_type type, double got, long double want, long double scale)
{
    if (isnan(want)) return isnan(got);
    /* a long double of valgrind's knows no infinity */
    if (fabsl(want) > (long double)DBL_MAX) return isinf(got) && (got > 0) == (want > 0);
    if (op != &ops_sum) return (long double)got == want;
    long double rounding = type == WG_F32 ? fabsl(want) * (long double)FLT_EPSILON / 2 : 0;
    return fabsl((long double)got - want) <= rounding + scale * 100 * (long double)DBL_EPSILON;
}

/* Numbers, and with `odd` also one that is not finite. */
static void *numbers(wg_type type, int64_t count, int odd)
{
    void *data = malloc((size_t)count * wg_type_size(type) + 1);
    for (int64_t i = 0; i < count; i++) put(type, data, i, random_between(-3, 5));
    if (odd && count) put(type, data, (int64_t)(random_bits() % (uint64_t)count), odd == 1 ? (double)NAN : INFINITY);
    return data;
}

/* Each row, or each column together with what stands in the result before. */
static void reduce(const kernel_set *set, const wg_op *op, wg_type type, int64_t rows, int64_t columns, int64_t gap,
                   int odd, bool along_rows)
{
    int64_t step = columns + gap, results = along_rows ? rows : columns;
    wg_type result = !along_rows && op == &ops_sum ? WG_F64 : type;
    void *in = numbers(type, rows ? (rows - 1) * step + columns : 0, odd);
    void *out = numbers(result, results * 2, 0), *before = malloc((size_t)results * 16 + 1);
    memcpy(before, out, (size_t)results * 2 * wg_type_size(result));
    tile_kernel kernel =
        along_rows ? kernel_set_row_reduction(set, op, type) : kernel_set_column_reduction(set, op, type);
    kernel(&(tile){rows, columns, out, 2, {in}, {step}});
    for (int64_t i = 0; i < results; i++) {
        int64_t at = along_rows ? 2 * i : i;
        long double want = along_rows ? nothing(op) : (long double)element(result, before, i), scale = fabsl(want);
        if (along_rows && op != &ops_sum) scale = 0;
        for (int64_t k = 0; k < (along_rows ? columns : rows); k++) {
            long double x = element(type, in, along_rows ? i * step + k : k * step + i);
            want = combine(op, want, x);
            scale += fabsl(x);
        }
        cr_expect(near(op, result, element(result, out, at), want, scale), "%s %s of %d x %d %s, %s %d: %g, not %Lg",
                  set->name, op->name, (int)rows, (int)columns, wg_type_name(type), along_rows ? "row" : "column",
                  (int)i, element(result, out, at), want);
    }
    for (int64_t i = 0; i < results * 2; i++)
        if (along_rows ? i % 2 : i >= results)
            cr_expect(element(result, out, i) == element(result, before, i), "%s %s wrote outside", set->name,
                      op->name);
    free(in);
    free(out);
    free(before);
}

Test(kernels, reductions)
{
    FOR_EACH_SET(set)
    for (int which = 0; which < 3 * 2 * 2 * 3; which++) {
        const wg_op *op = reductions[which % 3];
        wg_type type = which / 3 % 2 ? WG_F64 : WG_F32;
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
            for (int64_t rows = 0; rows <= 5; rows++)
                for (int64_t gap = 0; gap <= 5; gap += 5)
                    reduce(set, op, type, rows, widths[w], gap, which / 12, which / 6 % 2);
        reduce(set, op, type, 2, 5000, 3, which / 12, true);
    }
}

/* One after the other these would be wrong in the twelfth digit. */
Test(kernels, long_sums)
{
    enum { COUNT = 1 << 20 };
    double *x = malloc(COUNT * sizeof *x), sum = 0;
    for (int i = 0; i < COUNT; i++) x[i] = 0.1;
    FOR_EACH_SET(set)
    {
        kernel_set_row_reduction(set, &ops_sum, WG_F64)(&(tile){1, COUNT, &sum, 1, {x}, {COUNT}});
        cr_expect(fabs(sum - COUNT * 0.1) < 1e-14 * sum, "%s: off by %g", set->name, sum - COUNT * 0.1);
    }
    free(x);
}
