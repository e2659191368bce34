/* Where the element-wise rows are compared with the truth: bit patterns spread over all exponents and both signs,
   denormals and NaNs among them, and everything around the points where functions turn. */
#ifndef TESTS_REFERENCE_POINTS_H
#define TESTS_REFERENCE_POINTS_H

#include <stddef.h>
#include <stdint.h>

/* Fills x with `count` f32 values of which the last ones lie around special points: stratified patterns of `seed`. */
void points_f32(float *x, size_t count, uint64_t seed);
void points_f64(double *x, size_t count, uint64_t seed);
/* Pairs: a third independent, a third of moderate size, a third close together or special. */
void pairs_f32(float *a, float *b, size_t count);
void pairs_f64(double *a, double *b, size_t count);

#endif
