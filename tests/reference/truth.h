/* The element-wise rows' true values: double libm for f32, long double libm for f64, and the distance between a result
   and the truth in units of the last place. Also used by the accuracy program. */
#ifndef TESTS_REFERENCE_TRUTH_H
#define TESTS_REFERENCE_TRUTH_H

#include <float.h>
#include <math.h>
#include <wengert/wengert.h>

/* One row: its public function and its truth. Bools come as 0 and 1. */
typedef struct truth {
    const char *name;
    wg_tensor (*apply1)(wg_tensor);
    double (*f1)(double);
    long double (*f1_long)(long double);
    wg_tensor (*apply2)(wg_tensor, wg_tensor);
    double (*f2)(double, double);
    long double (*f2_long)(long double, long double);
    wg_tensor (*right)(wg_tensor, double); /* wg_add_scalar */
    wg_tensor (*left)(double, wg_tensor);  /* wg_scalar_sub; NULL: commutes, or has none */
    bool to_bool, logic, integers, zero_gradient;
} truth;

/* NULL: the row has no truth here. */
const truth *truth_of(const char *name);
size_t truth_count(void);
const truth *truth_at(size_t index);

/* The distance of `got` from the truth, in spacings of f32 around the truth. Infinite where only one is NaN, or a zero
   has the wrong sign. An infinity stands for the power of two beyond the largest number. */
double ulp_f32(float got, double want);
double ulp_f64(double got, long double want);

/* Whether long double holds more digits than double: not so under valgrind, nor on some machines. */
bool long_double_is_wider(void);

#endif
