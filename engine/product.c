#include "engine/product.h"

#include "base/blas.h"
#include "engine/product_blocks.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is asked for ---- */

/* Says how a matrix lies; false if it cannot be served. Where an axis has one element, its stride may be anything. */
static bool describe(product_stride stride, int64_t rows, int64_t columns, product_operand *operand)
{
    bool plain = stride.column == 1 || columns == 1, transposed = stride.row == 1 || rows == 1;
    *operand = (product_operand){rows == 1 ? columns : stride.row, stride.batch, false};
    if (rows == 0 || columns == 0) operand->step = 1;
    if (rows == 0 || columns == 0 || (plain && operand->step >= columns)) return true;
    *operand = (product_operand){columns == 1 ? rows : stride.column, stride.batch, true};
    return transposed && operand->step >= rows;
}

bool product_supported(const product *s)
{
    product_operand a, b, c;
    return describe(s->a, s->rows, s->inner, &a) && describe(s->b, s->inner, s->columns, &b) &&
           describe(s->c, s->rows, s->columns, &c) && !c.transposed;
}

static product_path path_wanted = PRODUCT_XSMM;

static void read_environment(void)
{
    static const char *const names[] = {"xsmm", "blas", "plain"};
    const char *wanted = getenv("WG_PRODUCT");
    for (int i = 0; wanted && i < 3; i++)
        if (!strcmp(wanted, names[i])) path_wanted = (product_path)i;
}

product_path product_path_wanted(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, read_environment);
    return path_wanted;
}

/* ---- whole matrices, for CBLAS and plain loops ---- */

static void run_matrix(const product_plan *plan, int64_t item, const void *a, const void *b, void *c)
{
    const product *s = &plan->shape;
    const product_operand *left = &plan->left, *right = &plan->right;
    const blas_shape shape = {
        .transpose_a = left->transposed,
        .transpose_b = right->transposed,
        .accumulate = s->accumulate,
        .rows = s->rows,
        .columns = s->columns,
        .inner = s->inner,
        .step_a = left->step,
        .step_b = right->step,
        .step_c = plan->c_step,
        .plain = plan->path == PRODUCT_PLAIN,
    };
    if (s->type == WG_F32)
        blas_strided_f32(&shape, (const float *)a + item * left->batch, (const float *)b + item * right->batch,
                         (float *)c + item * s->c.batch);
    else
        blas_strided_f64(&shape, (const double *)a + item * left->batch, (const double *)b + item * right->batch,
                         (double *)c + item * s->c.batch);
}

/* ---- the paths ---- */

void product_prepare(const product *shape, product_path best, product_plan *plan)
{
    *plan = (product_plan){.shape = *shape, .path = best};
    if (shape->rows == 0 || shape->columns == 0 || shape->batch == 0) return;
    describe(shape->a, shape->rows, shape->inner, &plan->left);
    describe(shape->b, shape->inner, shape->columns, &plan->right);
    plan->c_step = shape->rows == 1 ? shape->columns : shape->c.row;
#ifdef WG_HAVE_XSMM
    if (best == PRODUCT_XSMM && product_blocks_prepare(plan)) return;
#endif
    if (best == PRODUCT_XSMM) plan->path = PRODUCT_BLAS;
    plan->tasks = shape->batch;
}

void product_release(product_plan *plan)
{
#ifdef WG_HAVE_XSMM
    product_blocks_release(plan);
#endif
    plan->tasks = 0;
}

void product_run(const product_plan *plan, int64_t task, const void *a, const void *b, void *c, void *scratch)
{
#ifdef WG_HAVE_XSMM
    if (plan->path == PRODUCT_XSMM) {
        product_blocks_run(plan, task, a, b, c, scratch);
        return;
    }
#else
    (void)scratch;
#endif
    run_matrix(plan, task, a, b, c);
}
