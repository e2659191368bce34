/* Test points for element-wise rows: see points.h. */
#include "tests/reference/points.h"

#include "tests/reference/reference.h"

#include <float.h>

enum { AROUND = 24 };

static const double special[] = {
    0,
    FLT_TRUE_MIN,
    FLT_MIN,
    FLT_EPSILON,
    0x1p-24,
    0x1p-12,
    1e-3,
    0.1,
    0.25,
    0.5,
    0.70710678118654752,
    0.78539816339744831,
    0.84,
    1,
    1.1,
    1.25,
    1.41421356237309505,
    1.5,
    1.5707963267948966,
    2,
    2.5,
    2.718281828459045,
    3,
    3.1415926535897931,
    3.5,
    4.7123889803846897,
    6.2831853071795865,
    9,
    10.05,
    15,
    16.6,
    17.33,
    18.7,
    22,
    31.4159265358979,
    44.4,
    87.3365,
    88,
    88.3,
    88.7228,
    88.722839,
    89,
    89.416,
    90,
    97,
    103.28,
    103.972,
    104,
    105,
    127,
    128,
    149,
    150,
    709.5,
    709.7827128933840,
    710.4758600739439,
    711,
    745.1332191019411,
    746,
    1000,
    8388607.5,
    8388608,
    8388609,
    16777216,
    39000,
    1e5,
    1e6,
    1e7,
    1e10,
    2147483648.0,
    4503599627370495.5,
    4503599627370496.0,
    9007199254740992.0,
    9223372036854775808.0,
    1e19,
    1e30,
    1e38,
    3e38,
    FLT_MAX,
    INFINITY,
    NAN,
};
enum { SPECIALS = sizeof special / sizeof *special };

static float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static double double_of(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static float float_near(double x, int64_t steps)
{
    float f = (float)x;
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return float_of((uint32_t)((int64_t)bits + steps));
}

static double double_near(double x, int64_t steps)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return double_of(bits + (uint64_t)steps);
}

/* The i-th point around a special one: steps of one last place, both signs. */
#define SPECIAL_POINTS (2 * SPECIALS * (2 * AROUND + 1))

#define AROUND_POINT(i, near) \
    ((i) % 2 ? -1 : 1) * near(special[(i) / 2 % SPECIALS], (int64_t)((i) / 2 / SPECIALS) - AROUND)

void points_f32(float *x, size_t count, uint64_t seed)
{
    size_t spread = count - SPECIAL_POINTS;
    uint64_t state = seed;
    for (size_t i = 0; i < spread; i++) {
        uint64_t low = (i << 32) / spread, high = ((i + 1) << 32) / spread;
        x[i] = float_of((uint32_t)(low + reference_bits(&state) % (high - low)));
    }
    for (size_t i = 0; i < SPECIAL_POINTS; i++) x[spread + i] = AROUND_POINT(i, float_near);
}

/* All patterns hold few numbers near 1: half the points are of moderate size. */
void points_f64(double *x, size_t count, uint64_t seed)
{
    size_t spread = count - SPECIAL_POINTS;
    uint64_t state = seed;
    for (size_t i = 0; i < spread; i++) {
        x[i] = double_of(reference_bits(&state));
        if (i % 2) x[i] = copysign(exp2(reference_uniform(&state, -30, 11)), x[i]);
    }
    for (size_t i = 0; i < SPECIAL_POINTS; i++) x[spread + i] = AROUND_POINT(i, double_near);
}

static double moderate(uint64_t *state)
{
    double size = exp2(reference_uniform(state, -20, 20));
    return reference_bits(state) >> 63 ? -size : size;
}

static double special_one(uint64_t *state)
{
    double x = special[reference_bits(state) % SPECIALS];
    return reference_bits(state) >> 63 ? -x : x;
}

void pairs_f32(float *a, float *b, size_t count)
{
    uint64_t state = 31;
    for (size_t i = 0; i < count; i++) {
        a[i] = i % 3 ? (float)moderate(&state) : float_of((uint32_t)(reference_bits(&state) >> 32));
        b[i] = i % 3 ? (float)moderate(&state) : float_of((uint32_t)(reference_bits(&state) >> 32));
        if (i % 12 == 2) b[i] = float_near((double)a[i], (int64_t)(reference_bits(&state) % 9) - 4);
        if (i % 12 == 5) a[i] = (float)special_one(&state), b[i] = (float)special_one(&state);
        if (i % 12 == 8) b[i] = rintf(b[i]);
        if (i % 12 == 11) a[i] = float_near(1, (int64_t)(reference_bits(&state) >> 40) - (1 << 23)), b[i] *= 64;
    }
}

void pairs_f64(double *a, double *b, size_t count)
{
    uint64_t state = 37;
    for (size_t i = 0; i < count; i++) {
        a[i] = i % 3 ? moderate(&state) : double_of(reference_bits(&state));
        b[i] = i % 3 ? moderate(&state) : double_of(reference_bits(&state));
        if (i % 12 == 2) b[i] = double_near(a[i], (int64_t)(reference_bits(&state) % 9) - 4);
        if (i % 12 == 5) a[i] = special_one(&state), b[i] = special_one(&state);
        if (i % 12 == 8) b[i] = rint(b[i]);
    }
}
