/* The engine's matrix product on each of its paths. Most operands are small integers: whatever the order, sums are
   exact, and have to be equal to those of three plain loops. */
#include "tests/matrices.h"

enum { LARGEST_SCRATCH = 4 << 20 };

/* Each element of c, or of what lies between, is what it should be. */
static void check(const matrix *c, const double *expected, const char *what)
{
    double *all = malloc((size_t)c->elements * sizeof *all);
    for (int64_t i = 0; i < c->elements; i++) all[i] = SENTINEL;
    for (int64_t b = 0; b < c->batch; b++)
        for (int64_t i = 0; i < c->rows * c->columns; i++)
            all[place(c, b, i / c->columns, i % c->columns)] = expected[b * c->rows * c->columns + i];
    int64_t wrong = 0;
    while (wrong < c->elements && all[wrong] == load(c, wrong)) wrong++;
    cr_expect_eq(wrong, c->elements, "%s: element %d is %g, not %g", what, (int)wrong,
                 wrong < c->elements ? load(c, wrong) : 0, wrong < c->elements ? all[wrong] : 0);
    free(all);
}

static const char *const path_names[] = {"xsmm", "blas", "plain"};

/* One product in one layout; bits of `how`: a transposed, b transposed, accumulate, f64, one a for all, one b for all.
 */
static void check_layout(extents e, int how, int gap, const double *sums)
{
    wg_type type = how & 8 ? WG_F64 : WG_F32;
    matrix a = matrix_new(type, e.rows, e.inner, e.batch, how & 1, gap, how & 16);
    matrix b = matrix_new(type, e.inner, e.columns, e.batch, how & 2, gap, how & 32);
    fill(&a, 1, 1);
    fill(&b, 2, 1);
    bool accumulate = how & 4, large = e.rows * e.columns * e.inner > 40000;
    for (int best = PRODUCT_XSMM; best <= (large ? PRODUCT_BLAS : PRODUCT_PLAIN); best++) {
        matrix c = matrix_new(type, e.rows, e.columns, e.batch, false, gap, false);
        fill(&c, 3, accumulate ? 1 : NAN);
        product shape = product_of(&a, &b, &c, accumulate);
        cr_assert(product_supported(&shape));
        product_plan plan;
        product_prepare(&shape, (product_path)best, &plan);
        cr_expect_lt(plan.scratch, (size_t)LARGEST_SCRATCH);
        run_all(&plan, &a, &b, &c, how & 1);
        char what[120];
        snprintf(what, sizeof what, "%s (%s wanted), %dx%dx%d, batch %d, layout %d, gap %d", path_names[plan.path],
                 path_names[best], (int)e.rows, (int)e.columns, (int)e.inner, (int)e.batch, how, gap);
        check(&c, sums, what);
        product_release(&plan);
        free(c.memory);
    }
    free(a.memory);
    free(b.memory);
}

/* What c has to be, from contiguous operands filled alike. */
static double *reference(extents e, int how)
{
    matrix a = matrix_new(WG_F64, e.rows, e.inner, e.batch, false, 0, how & 16);
    matrix b = matrix_new(WG_F64, e.inner, e.columns, e.batch, false, 0, how & 32);
    matrix c = matrix_new(WG_F64, e.rows, e.columns, e.batch, false, 0, false);
    fill(&a, 1, 1);
    fill(&b, 2, 1);
    fill(&c, 3, 1);
    double *sums = malloc((size_t)(e.batch * e.rows * e.columns + 1) * sizeof *sums);
    for (int64_t i = 0; i < e.batch; i++)
        for (int64_t r = 0; r < e.rows; r++)
            for (int64_t j = 0; j < e.columns; j++) {
                double sum = how & 4 ? load(&c, place(&c, i, r, j)) : 0;
                for (int64_t k = 0; k < e.inner; k++)
                    sum += load(&a, place(&a, i, r, k)) * load(&b, place(&b, i, k, j));
                sums[(i * e.rows + r) * e.columns + j] = sum;
            }
    free(a.memory);
    free(b.memory);
    free(c.memory);
    return sums;
}

static void check_extents(extents e, int batches)
{
    for (int group = 0; group < 64; group += 4) {
        if ((group & 8) || (group >> 4 && (group >> 4 & batches) != group >> 4)) continue;
        double *sums = reference(e, group);
        for (int layout = 0; layout < 8; layout++)
            check_layout(e, group | (layout & 3) | (layout & 4) << 1, layout % 3 ? 5 : 0, sums);
        free(sums);
    }
}

Test(product, small_shapes)
{
    static const extents shapes[] = {{1, 1, 1, 1},   {1, 7, 3, 1},   {5, 1, 4, 1},    {3, 5, 1, 1},   {8, 8, 8, 1},
                                     {9, 7, 17, 1},  {16, 16, 4, 1}, {17, 33, 5, 1},  {2, 40, 23, 1}, {30, 3, 20, 1},
                                     {3, 30, 24, 1}, {1, 60, 50, 1}, {60, 1, 50, 1},  {6, 6, 0, 1},   {0, 4, 3, 1},
                                     {4, 0, 3, 1},   {0, 0, 0, 0},   {31, 29, 25, 1}, {7, 15, 48, 1}, {1, 1, 300, 1}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check_extents(shapes[i], 0);
}

Test(product, batches)
{
    static const extents shapes[] = {{4, 5, 6, 3}, {1, 9, 2, 70}, {12, 20, 9, 5}, {3, 3, 0, 4}, {5, 5, 5, 0}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check_extents(shapes[i], 3);
}

/* Around the sizes of blocks: 128 columns, 256 of depth, 512 rows. */
Test(product, borders_of_blocks)
{
    static const extents shapes[] = {{20, 127, 255, 1}, {20, 128, 256, 1}, {20, 129, 257, 1}, {40, 257, 20, 1},
                                     {511, 18, 12, 1},  {513, 20, 16, 1},  {513, 130, 3, 1},  {12, 20, 600, 1},
                                     {4, 1030, 9, 1},   {300, 12, 70, 1},  {130, 140, 30, 3}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check_extents(shapes[i], 0);
}

/* One block of columns and rows that is cut for a second thread. */
Test(product, halves)
{
    static const extents shapes[] = {{16, 128, 300, 1}, {128, 20, 110, 1}, {100, 20, 90, 1}, {18, 112, 80, 1},
                                     {7, 48, 500, 1},   {20, 48, 170, 1},  {3, 64, 800, 1},  {12, 12, 1100, 1}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check_extents(shapes[i], 0);
}

/* The largest task's share of the work. */
static double largest_share(const product_plan *plan)
{
    double largest = 0, all = (double)plan->shape.rows * (double)plan->shape.columns;
    for (int64_t first = 0; first < plan->units; first += plan->group) {
        int64_t size = 0, end = first + plan->group < plan->units ? first + plan->group : plan->units;
        for (int64_t i = first; i < end; i++) {
            int64_t row = i % plan->rows.parts, column = i / plan->rows.parts % plan->columns.parts;
            size += (row + 1 < plan->rows.parts ? plan->rows.size : plan->rows.last) *
                    (column + 1 < plan->columns.parts ? plan->columns.size : plan->columns.last);
        }
        if ((double)size > largest) largest = (double)size;
    }
    return largest / all;
}

/* What pays for a second thread is cut in two, however it lies; what does not, is not. */
Test(product, is_cut_for_two_threads)
{
    static const extents shapes[] = {{16, 128, 512, 1}, {16, 64, 512, 1}, {128, 20, 400, 1},  {20, 128, 400, 1},
                                     {8, 128, 512, 1},  {4, 128, 512, 1}, {40, 12, 800, 1},   {100, 20, 400, 1},
                                     {20, 100, 400, 1}, {64, 10, 256, 1}, {128, 400, 20, 1},  {50, 50, 50, 1},
                                     {16, 32, 128, 1},  {1, 128, 900, 1}, {128, 128, 512, 1}, {30, 3, 256, 1}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int how = 0; how < 16; how++) {
            extents e = shapes[i];
            bool shared = 2 * e.rows * e.columns * e.inner >= 300000, second = how & 1, last = how & 2;
            product shape = {.type = how & 8 ? WG_F64 : WG_F32, e.rows, e.columns, e.inner, 1, .accumulate = how & 4};
            shape.a = second ? (product_stride){1, e.rows, 0} : (product_stride){e.inner, 1, 0};
            shape.b = last ? (product_stride){1, e.inner, 0} : (product_stride){e.columns, 1, 0};
            shape.c = (product_stride){e.columns, 1, 0};
            product_plan plan;
            product_prepare(&shape, PRODUCT_XSMM, &plan);
            bool pays = plan.path == PRODUCT_XSMM && shared;
            cr_expect(pays == (plan.tasks > 1), "%dx%dx%d, layout %d: %d tasks", (int)e.rows, (int)e.columns,
                      (int)e.inner, how, (int)plan.tasks);
            if (pays)
                cr_expect_leq(largest_share(&plan), 0.67, "%dx%dx%d, layout %d", (int)e.rows, (int)e.columns,
                              (int)e.inner, how);
            product_release(&plan);
        }
}

/* A right operand whose rows lie pages apart is copied. */
Test(product, strides_of_pages)
{
    extents e = {280, 20, 10, 1};
    double *sums = reference(e, 0);
    check_layout(e, 0, 2048 - 20, sums);
    check_layout(e, 8, 1024 - 20, sums);
    free(sums);
}

Test(product, says_which_strides_it_takes)
{
    static const struct {
        product shape;
        bool supported;
    } cases[] = {
        {{WG_F32, 4, 5, 6, 2, {6, 1, 24}, {5, 1, 30}, {5, 1, 20}, false}, true},
        {{WG_F32, 4, 5, 6, 2, {1, 4, 0}, {1, 6, 0}, {50, 1, 500}, false}, true},
        {{WG_F32, 4, 5, 6, 2, {5, 1, 24}, {5, 1, 30}, {5, 1, 20}, false}, false},  /* rows of a overlap */
        {{WG_F32, 4, 5, 6, 2, {0, 1, 24}, {5, 1, 30}, {5, 1, 20}, false}, false},  /* one row for all */
        {{WG_F32, 4, 5, 6, 2, {12, 2, 48}, {5, 1, 30}, {5, 1, 20}, false}, false}, /* every second element */
        {{WG_F32, 4, 5, 6, 2, {6, 1, 24}, {-5, 1, 30}, {5, 1, 20}, false}, false},
        {{WG_F32, 4, 5, 6, 2, {6, 1, 24}, {5, 1, 30}, {1, 4, 20}, false}, false}, /* c transposed */
        {{WG_F32, 1, 5, 6, 2, {0, 1, 24}, {5, 1, 30}, {0, 1, 20}, false}, true},  /* axes of one element */
        {{WG_F32, 4, 5, 1, 2, {3, 77, 24}, {0, 1, 30}, {5, 1, 20}, false}, true},
        {{WG_F32, 4, 1, 6, 2, {6, 1, 24}, {3, 0, 30}, {7, 9, 28}, false}, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_eq(product_supported(&cases[i].shape), cases[i].supported, "case %d", (int)i);
}

/* Strides of axes with one element are not looked at: a vector with gaps, as either operand. */
Test(product, vectors_with_gaps)
{
    float row[12], column[12], b[] = {1, 2, 3, 4, 5, 6, 7, 8}, c[2];
    for (int i = 0; i < 12; i++) row[i] = column[i] = (float)i;
    for (int best = PRODUCT_XSMM; best <= PRODUCT_PLAIN; best++) {
        product_plan plan;
        char scratch[4096] __attribute__((aligned(64)));
        product shape = {WG_F32, 1, 2, 4, 1, {99, 3, 0}, {2, 1, 0}, {-1, 1, 0}, false};
        cr_assert(product_supported(&shape));
        product_prepare(&shape, (product_path)best, &plan);
        cr_assert_leq(plan.scratch, sizeof scratch);
        for (int64_t i = 0; i < plan.tasks; i++) product_run(&plan, i, row, b, c, scratch);
        cr_expect(c[0] == 102 && c[1] == 120, "%g %g", (double)c[0], (double)c[1]);
        product_release(&plan);
        shape = (product){WG_F32, 2, 1, 4, 1, {4, 1, 0}, {3, -7, 0}, {1, 0, 0}, false};
        cr_assert(product_supported(&shape));
        product_prepare(&shape, (product_path)best, &plan);
        cr_assert_leq(plan.scratch, sizeof scratch);
        for (int64_t i = 0; i < plan.tasks; i++) product_run(&plan, i, b, column, c, scratch);
        cr_expect(c[0] == 60 && c[1] == 132, "%g %g", (double)c[0], (double)c[1]);
        product_release(&plan);
    }
}

/* What no machine code can be made for goes another way, and is not tried here for want of memory. */
Test(product, refuses_extents_beyond_its_integers)
{
    const int64_t large = INT64_C(1) << 33;
    const product shapes[] = {
        {WG_F32, 1, 1, large, 1, {large, 1, 0}, {1, 1, 0}, {1, 1, 0}, false},
        {WG_F32, 100, 100, 100, 1, {large, 1, 0}, {100, 1, 0}, {100, 1, 0}, false},
        {WG_F64, 100, 100, 100, 1, {100, 1, 0}, {100, 1, 0}, {INT32_MAX / 8, 1, 0}, false},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        product_plan plan;
        product_prepare(&shapes[i], PRODUCT_XSMM, &plan);
        cr_expect_neq(plan.path, PRODUCT_XSMM, "case %d", (int)i);
        cr_expect_eq(plan.tasks, 1);
        product_release(&plan);
    }
}

/* 0 times infinity, and NaN from either side, reach exactly the elements they belong to. */
Test(product, infinities_and_nans_propagate)
{
    for (int how = 0; how < 16; how++)
        for (int best = PRODUCT_XSMM; best <= PRODUCT_PLAIN; best++) {
            wg_type type = how & 8 ? WG_F64 : WG_F32;
            matrix a = matrix_new(type, 20, 30, 1, how & 1, 0, false);
            matrix b = matrix_new(type, 30, 40, 1, how & 2, 0, false), c = matrix_new(type, 20, 40, 1, false, 0, false);
            fill(&a, 1, 0);
            fill(&b, 2, 1);
            fill(&c, 3, how & 4 ? 0 : NAN);
            store(&a, place(&a, 0, 7, 11), NAN);
            store(&b, place(&b, 0, 3, 25), INFINITY);
            product shape = product_of(&a, &b, &c, how & 4);
            product_plan plan;
            product_prepare(&shape, (product_path)best, &plan);
            run_all(&plan, &a, &b, &c, false);
            int wrong = 0;
            for (int64_t i = 0; i < 800; i++) {
                double value = load(&c, place(&c, 0, i / 40, i % 40));
                wrong += i / 40 == 7 || i % 40 == 25 ? !isnan(value) : value != 0;
            }
            cr_expect_eq(wrong, 0, "%d wrong, %s, layout %d", wrong, path_names[plan.path], how);
            product_release(&plan);
            free(a.memory), free(b.memory), free(c.memory);
        }
}
