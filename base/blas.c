/* Calls of CBLAS, one at a time in the whole process: implementations with threads of their own serialise at random, or
   worse, when several threads call them. Their number of threads is the process's business and stays as it is. */
#include "base/blas.h"

#include <string.h>

/* Plain loops in the order that walks b and c row by row; inner sums in double. */
#define PLAIN_PRODUCT(name, T)                                                                                         \
    static void plain_product_##name(bool transpose_a, bool transpose_b, int64_t rows, int64_t columns, int64_t inner, \
                                     const T *a, const T *b, T *c)                                                     \
    {                                                                                                                  \
        for (int64_t i = 0; i < rows; i++)                                                                             \
            for (int64_t j = 0; j < columns; j++) {                                                                    \
                double sum = 0;                                                                                        \
                for (int64_t k = 0; k < inner; k++)                                                                    \
                    sum += (double)a[transpose_a ? k * rows + i : i * inner + k] *                                     \
                           (double)b[transpose_b ? j * inner + k : k * columns + j];                                   \
                c[i * columns + j] = (T)sum;                                                                           \
            }                                                                                                          \
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

enum { LARGEST = INT32_MAX };

#define PRODUCT(name, T, gemm)                                                                                 \
    void blas_product_##name(bool transpose_a, bool transpose_b, int64_t rows, int64_t columns, int64_t inner, \
                             const T *a, const T *b, T *c)                                                     \
    {                                                                                                          \
        if (rows > LARGEST || columns > LARGEST || inner > LARGEST || inner == 0) {                            \
            plain_product_##name(transpose_a, transpose_b, rows, columns, inner, a, b, c);                     \
            return;                                                                                            \
        }                                                                                                      \
        pthread_once(&prepared, prepare);                                                                      \
        lock();                                                                                                \
        gemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans, transpose_b ? CblasTrans : CblasNoTrans,  \
             (int)rows, (int)columns, (int)inner, 1, a, (int)(transpose_a ? rows : inner), b,                  \
             (int)(transpose_b ? inner : columns), 0, c, (int)columns);                                        \
        unlock();                                                                                              \
    }

PRODUCT(f32, float, cblas_sgemm)
PRODUCT(f64, double, cblas_dgemm)
#else
void blas_product_f32(bool transpose_a, bool transpose_b, int64_t rows, int64_t columns, int64_t inner, const float *a,
                      const float *b, float *c)
{
    plain_product_f32(transpose_a, transpose_b, rows, columns, inner, a, b, c);
}

void blas_product_f64(bool transpose_a, bool transpose_b, int64_t rows, int64_t columns, int64_t inner, const double *a,
                      const double *b, double *c)
{
    plain_product_f64(transpose_a, transpose_b, rows, columns, inner, a, b, c);
}
#endif
