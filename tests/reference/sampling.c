/* Draws of the distributions that functions.h composes: held against their distribution functions (Kolmogorov and
   Smirnov's distance), their moments, their ends; independent of one another, and the same when replayed. Seeds are
   fixed: the outcome never changes. */
#include "tests/reference/reference.h"

enum { DRAWS = 1 << 17 };

static double normal_below(double z)
{
    return erfc(-z * sqrt(0.5)) / 2;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Numbers that should be uniform in [0, 1]: the largest distance of their distribution from its own, times sqrt(n), is
   above 2.2 once in 8000 times. */
static void expect_uniform(double *u, const char *what)
{
    double distance = 0;
    qsort(u, DRAWS, sizeof *u, by_size);
    reference_check(u[0] >= 0 && u[DRAWS - 1] <= 1, "%s: outside", what);
    for (int i = 0; i < DRAWS; i++)
        distance = fmax(distance, fmax(u[i] - (double)i / DRAWS, (double)(i + 1) / DRAWS - u[i]));
    reference_check(distance * sqrt((double)DRAWS) < 2.2, "%s: distance %g of the distributions", what,
                    distance * sqrt((double)DRAWS));
}

/* Of numbers with mean 0 and variance 1. */
static double correlation(const double *a, const double *b, int shift)
{
    double sum = 0;
    for (int i = 0; i + shift < DRAWS; i++) sum += a[i] * b[i + shift];
    return fabs(sum) / sqrt((double)DRAWS);
}

/* One distribution: draws by shape or like a tensor, the share of draws below a number, mean and deviation. */
typedef struct {
    const char *name;
    wg_tensor (*draw)(wg_context *);
    wg_tensor (*like)(wg_tensor);
    double (*below)(double);
    double mean, deviation;
} distribution;

static double low_end, high_end;

static wg_tensor truncated(wg_context *ctx)
{
    return wg_truncated_normal(ctx, WG_SHAPE(DRAWS / 2, 2), low_end, high_end);
}

static wg_tensor truncated_like(wg_tensor x)
{
    return wg_truncated_normal_like(x, low_end, high_end);
}

static double truncated_below(double z)
{
    if (low_end > 0) /* from above, where the tail has its digits */
        return (normal_below(-low_end) - normal_below(-z)) / (normal_below(-low_end) - normal_below(-high_end));
    return (normal_below(z) - normal_below(low_end)) / (normal_below(high_end) - normal_below(low_end));
}

static wg_tensor exponential(wg_context *ctx)
{
    return wg_exponential(ctx, WG_SHAPE(DRAWS / 2, 2));
}

static double exponential_below(double x)
{
    return -expm1(-x);
}

static wg_tensor gumbel(wg_context *ctx)
{
    return wg_gumbel(ctx, WG_SHAPE(DRAWS / 2, 2));
}

static double gumbel_below(double x)
{
    return exp(-exp(-x));
}

static void expect_distribution(wg_type type, const distribution *d)
{
    static double a[DRAWS], b[DRAWS], again[DRAWS], u[DRAWS];
    wg_context *ctx = reference_context(type);
    wg_tensor x = d->draw(ctx), y = d->like(x);
    reference_check(wg_type_of(x) == type && wg_type_of(y) == type && wg_shape_equal(wg_shape_of(x), wg_shape_of(y)),
                    "%s: type and shape", d->name);
    cr_assert(wg_read_f64(x, a, DRAWS) && wg_read_f64(y, b, DRAWS) && wg_read_f64(x, again, DRAWS), "%s",
              wg_error(ctx));
    reference_check(memcmp(a, again, sizeof a) == 0, "%s: reading twice gives other numbers", d->name);
    wg_context_free(ctx);
    ctx = reference_context(type);
    cr_assert(wg_read_f64(d->draw(ctx), again, DRAWS));
    reference_check(memcmp(a, again, sizeof a) == 0, "%s: the same seed gives other numbers", d->name);
    wg_context_free(ctx);
    double mean = 0, square = 0;
    for (int i = 0; i < DRAWS; i++) {
        reference_check(isfinite(a[i]), "%s: a draw is %g", d->name, a[i]);
        u[i] = d->below(a[i]);
        a[i] = (a[i] - d->mean) / d->deviation;
        b[i] = (b[i] - d->mean) / d->deviation;
        mean += a[i] / DRAWS;
        square += a[i] * a[i] / DRAWS;
    }
    double root = sqrt((double)DRAWS);
    reference_check(fabs(mean) < 5 / root, "%s: mean %g deviations off", d->name, mean);
    reference_check(fabs(square - 1) < 5 * 3.2 / root, "%s: variance %g of what it should be", d->name, square);
    reference_check(correlation(a, b, 0) < 5, "%s: two draws correlate", d->name);
    reference_check(correlation(a, a, 1) < 5 && correlation(a, a, 2) < 5, "%s: neighbours correlate", d->name);
    expect_uniform(u, d->name);
}

Test(sampling, distributions)
{
    static const distribution others[] = {
        {"exponential", exponential, wg_exponential_like, exponential_below, 1, 1},
        {"gumbel", gumbel, wg_gumbel_like, gumbel_below, 0.57721566490153286, 1.2825498301618641},
    };
    reference_begin();
    for (wg_type type = WG_F32; type <= WG_F64; type++)
        for (int k = 0; k < 2; k++) expect_distribution(type, &others[k]);
    reference_end(reference_context(WG_F32), "distributions");
}

static double density(double z)
{
    return isinf(z) ? 0 : exp(-z * z / 2) / sqrt(2 * acos(-1));
}

Test(sampling, truncated_normal)
{
    static const double ends[][2] = {{-2, 2},        {-1, 3},       {0.5, 0.6},
                                     {-INFINITY, 0}, {1, INFINITY}, {-INFINITY, INFINITY},
                                     {3, 4},         {5, INFINITY}, {-6, -5}};
    reference_begin();
    for (wg_type type = WG_F32; type <= WG_F64; type++)
        for (size_t k = 0; k < sizeof ends / sizeof *ends; k++) {
            char name[64];
            low_end = ends[k][0], high_end = ends[k][1];
            bool above = low_end > 0;
            double share = above ? normal_below(-low_end) - normal_below(-high_end)
                                 : normal_below(high_end) - normal_below(low_end);
            double mean = (density(low_end) - density(high_end)) / share;
            double left = isinf(low_end) ? 0 : low_end * density(low_end);
            double right = isinf(high_end) ? 0 : high_end * density(high_end);
            double variance = 1 + (left - right) / share - mean * mean;
            snprintf(name, sizeof name, "normal from %g to %g", low_end, high_end);
            expect_distribution(
                type, &(distribution){name, truncated, truncated_like, truncated_below, mean, sqrt(variance)});
        }
    reference_end(reference_context(WG_F32), "truncated normal");
}

/* No rounding steps over an end, as the type rounds it. */
Test(sampling, ends)
{
    reference_begin();
    wg_context *ctx = reference_context(WG_F32);
    static float z[DRAWS];
    static const double ends[][2] = {{-0.1, 0.1}, {1, 1 + 1e-6}, {0.3, 0.3000001}};
    for (int k = 0; k < 3; k++) {
        cr_expect(wg_read_f32(wg_truncated_normal(ctx, WG_SHAPE(DRAWS), ends[k][0], ends[k][1]), z, DRAWS));
        for (int i = 0; i < DRAWS; i++)
            reference_check(z[i] >= (float)ends[k][0] && z[i] <= (float)ends[k][1], "%.9g is not from %.9g to %.9g",
                            (double)z[i], ends[k][0], ends[k][1]);
    }
    reference_check(wg_size(wg_truncated_normal(ctx, WG_SHAPE(0, 2), -1, 1)) == 0, "no draws");
    reference_end(ctx, "ends");
    ctx = wg_context_new(&(wg_context_options){.check_finite = true, .seed = 1});
    reference_check(fabs(wg_item(wg_truncated_normal(ctx, WG_SCALAR, -INFINITY, INFINITY))) < 9, "%s", wg_error(ctx));
    wg_context_free(ctx);
}

/* The uniform numbers below hold a 0, whose logarithm is infinite. */
Test(sampling, gumbel_is_finite)
{
    enum { MANY = 1 << 20, SEED = 33 };
    static float u[MANY], g[MANY];
    int zeros = 0;
    for (int k = 0; k < 2; k++) {
        wg_context *ctx = wg_context_new(&(wg_context_options){.seed = SEED});
        if (k == 0) cr_expect(wg_read_f32(wg_random_uniform(ctx, WG_F32, WG_SHAPE(MANY)), u, MANY));
        if (k == 1) cr_expect(wg_read_f32(wg_gumbel(ctx, WG_SHAPE(MANY)), g, MANY));
        wg_context_free(ctx);
    }
    for (int i = 0; i < MANY; i++) {
        zeros += u[i] == 0;
        cr_expect(isfinite(g[i]), "gumbel draws %g from %g", (double)g[i], (double)u[i]);
    }
    cr_expect(zeros > 0, "no uniform number is 0");
}

/* ---- classes ---- */

enum { CLASSES = 6 };

static void expect_frequencies(wg_type type, const double *logits)
{
    static int64_t drawn[DRAWS];
    wg_context *ctx = reference_context(type);
    wg_tensor row = wg_from_f64(ctx, WG_SHAPE(CLASSES), logits);
    wg_tensor y = wg_categorical(wg_expand(row, WG_SHAPE(DRAWS / 4, 4, CLASSES)));
    double total = 0, largest = -INFINITY, count[CLASSES] = {0}, pairs[CLASSES][CLASSES] = {{0}};
    reference_check(wg_type_of(y) == WG_I64 && wg_shape_equal(wg_shape_of(y), WG_SHAPE(DRAWS / 4, 4)),
                    "categorical: type and shape");
    cr_assert(wg_read_i64(y, drawn, DRAWS), "%s", wg_error(ctx));
    for (int i = 0; i < CLASSES; i++) largest = fmax(largest, logits[i]);
    for (int i = 0; i < CLASSES; i++) total += exp(logits[i] - largest);
    for (int i = 0; i < DRAWS; i++) {
        cr_assert(drawn[i] >= 0 && drawn[i] < CLASSES);
        count[drawn[i]]++;
        if (i > 0) pairs[drawn[i - 1]][drawn[i]]++;
    }
    for (int i = 0; i < CLASSES; i++) {
        double p = exp(logits[i] - largest) / total;
        reference_check(fabs(count[i] - p * DRAWS) <= 5 * sqrt(p * (1 - p) * DRAWS), "class %d: %g of %d, not %g", i,
                        count[i], DRAWS, p * DRAWS);
        for (int k = 0; k < CLASSES; k++) {
            double q = p * exp(logits[k] - largest) / total;
            reference_check(fabs(pairs[i][k] - q * DRAWS) <= 5 * sqrt(q * DRAWS) + 1, "classes %d, %d: %g, not %g", i,
                            k, pairs[i][k], q * DRAWS);
        }
    }
    cr_expect(!wg_failed(ctx), "%s", wg_error(ctx));
    wg_context_free(ctx);
}

Test(sampling, categorical)
{
    static const double rows[][CLASSES] = {{0, 0, 0, 0, 0, 0},
                                           {1, 2, -1, 0.5, 0, -3},
                                           {-1000, -1001, -INFINITY, -1000, -INFINITY, -1003},
                                           {500, 501, 499, -INFINITY, 480, 502}};
    reference_begin();
    for (wg_type type = WG_F32; type <= WG_F64; type++)
        for (int k = 0; k < 4; k++) expect_frequencies(type, rows[k]);
    wg_context *ctx = reference_context(WG_F32);
    wg_tensor masked = wg_full(ctx, WG_SHAPE(3), -INFINITY),
              one = wg_from_f32(ctx, WG_SHAPE(3), (float[]){1, INFINITY, 2});
    reference_check(wg_item(wg_categorical(masked)) == 0, "a row masked as a whole gives 0");
    reference_check(wg_item(wg_categorical(one)) == 1 && wg_shape_of(wg_categorical(one)).rank == 0,
                    "an infinite logit");
    reference_check(wg_size(wg_categorical(wg_zeros(ctx, WG_SHAPE(0, 3)))) == 0, "no rows");
    reference_end(ctx, "categorical");
}

/* A replay of the gradient check draws the same numbers again. */
/* Each number once; each place gets each number about as often; other orders at each call. */
Test(sampling, permutation)
{
    enum { COUNT = 5, TIMES = 2000 };
    reference_begin();
    wg_context *ctx = reference_context(WG_F32);
    int seen[COUNT][COUNT] = {{0}};
    for (int i = 0; i < TIMES; i++) {
        int64_t order[COUNT];
        bool there[COUNT] = {false};
        wg_tensor p = wg_permutation(ctx, COUNT);
        cr_assert(wg_read_i64(p, order, COUNT), "%s", wg_error(ctx));
        for (int k = 0; k < COUNT; k++) {
            reference_check(order[k] >= 0 && order[k] < COUNT && !there[order[k]], "%lld", (long long)order[k]);
            there[order[k]] = true;
            seen[k][order[k]]++;
        }
        wg_clear(ctx);
    }
    for (int k = 0; k < COUNT; k++)
        for (int v = 0; v < COUNT; v++)
            reference_check(abs(seen[k][v] - TIMES / COUNT) < 5 * 18, "%d at %d: %d times", v, k, seen[k][v]);
    reference_check(wg_size(wg_permutation(ctx, 0)) == 0, "none");
    reference_end(ctx, "permutations");
}

Test(sampling, replay)
{
    reference_begin();
    wg_context *ctx = reference_context(WG_F32);
    wg_tensor x = wg_from_f32(ctx, WG_SHAPE(4), (float[]){1, 2, -1, 0.5f});
    wg_tensor noise = wg_add(wg_truncated_normal_like(x, -2, 2), wg_gumbel_like(x));
    wg_tensor y = wg_mul(wg_mul(x, wg_square(x)), wg_add(noise, wg_exponential_like(x)));
    expect_gradcheck(wg_sum(y, WG_ALL), WG_LIST(x), "noise");
    reference_end(ctx, "replay");
}
