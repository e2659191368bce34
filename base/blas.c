/* Calls of CBLAS, one at a time in the whole process: implementations with threads of their own serialise at random, or
   worse, when several threads call them. Their number of threads is the process's business and stays as it is. */
#include "base/blas.h"

#include <string.h>

/* Plain loops in the order that walks c row by row; inner sums in double. */
#define PLAIN_PRODUCT(name, T)                                                                 \
    static void plain_product_##name(const blas_shape *s, const T *a, const T *b, T *c)        \
    {                                                                                          \
        for (int64_t i = 0; i < s->rows; i++)                                                  \
            for (int64_t j = 0; j < s->columns; j++) {                                         \
                T *place = &c[i * s->step_c + j];                                              \
                double sum = s->accumulate ? (double)*place : 0;                               \
                for (int64_t k = 0; k < s->inner; k++)                                         \
                    sum += (double)a[s->transpose_a ? k * s->step_a + i : i * s->step_a + k] * \
                           (double)b[s->transpose_b ? j * s->step_b + k : k * s->step_b + j];  \
                *place = (T)sum;                                                               \
            }                                                                                  \
    }

PLAIN_PRODUCT(f32, float)
PLAIN_PRODUCT(f64, double)

#ifdef WG_HAVE_CBLAS
#include <cblas.h>
#include <pthread.h>

static pthread_mutex_t one_caller = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t prepared = PTHREAD_ONCE_INIT;

static void lock(void)
{
    pthread_mutex_lock(&one_caller);
}

static void unlock(void)
{
    pthread_mutex_unlock(&one_caller);
}

/* A child of fork must not inherit the lock from a thread that it does not have. */
static void prepare(void)
{
    pthread_atfork(lock, unlock, unlock);
}

void blas_enter(void)
{
    pthread_once(&prepared, prepare);
    lock();
}

void blas_leave(void)
{
    unlock();
}

/* Whether CBLAS can take it: its integers are ints, and none may be 0. */
static bool fits(const blas_shape *s)
{
    const int64_t numbers[] = {s->rows, s->columns, s->inner, s->step_a, s->step_b, s->step_c};
    bool all = !s->plain;
    for (int i = 0; i < 6; i++) all = all && numbers[i] > 0 && numbers[i] <= INT32_MAX;
    return all;
}

#define STRIDED(name, T, gemm)                                                                                      \
    void blas_strided_##name(const blas_shape *s, const T *a, const T *b, T *c)                                     \
    {                                                                                                               \
        if (!fits(s)) {                                                                                             \
            plain_product_##name(s, a, b, c);                                                                       \
            return;                                                                                                 \
        }                                                                                                           \
        blas_enter();                                                                                               \
        gemm(CblasRowMajor, s->transpose_a ? CblasTrans : CblasNoTrans, s->transpose_b ? CblasTrans : CblasNoTrans, \
             (int)s->rows, (int)s->columns, (int)s->inner, 1, a, (int)s->step_a, b, (int)s->step_b,                 \
             s->accumulate ? 1 : 0, c, (int)s->step_c);                                                             \
        blas_leave();                                                                                               \
    }

STRIDED(f32, float, cblas_sgemm)
STRIDED(f64, double, cblas_dgemm)
#else
void blas_strided_f32(const blas_shape *shape, const float *a, const float *b, float *c)
{
    plain_product_f32(shape, a, b, c);
}

void blas_strided_f64(const blas_shape *shape, const double *a, const double *b, double *c)
{
    plain_product_f64(shape, a, b, c);
}
#endif

#define CONTIGUOUS(name, T)                                                                                    \
    void blas_product_##name(bool transpose_a, bool transpose_b, int64_t rows, int64_t columns, int64_t inner, \
                             const T *a, const T *b, T *c)                                                     \
    {                                                                                                          \
        const blas_shape shape = {                                                                             \
            .transpose_a = transpose_a,                                                                        \
            .transpose_b = transpose_b,                                                                        \
            .rows = rows,                                                                                      \
            .columns = columns,                                                                                \
            .inner = inner,                                                                                    \
            .step_a = transpose_a ? rows : inner,                                                              \
            .step_b = transpose_b ? inner : columns,                                                           \
            .step_c = columns,                                                                                 \
        };                                                                                                     \
        blas_strided_##name(&shape, a, b, c);                                                                  \
    }

CONTIGUOUS(f32, float)
CONTIGUOUS(f64, double)
