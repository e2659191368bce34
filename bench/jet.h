/* Numbers that carry a first and a second derivative along one direction, in f64: what results are checked against.
   A loss written in plain loops over jets gives its value, its slope, and v^T H v. */
#ifndef WENGERT_JET_H
#define WENGERT_JET_H

#include <math.h>

typedef struct {
    double v, d, dd;
} jet;

static inline jet jet_of(double value)
{
    return (jet){value, 0, 0};
}

static inline jet jet_add(jet a, jet b)
{
    return (jet){a.v + b.v, a.d + b.d, a.dd + b.dd};
}

static inline jet jet_sub(jet a, jet b)
{
    return (jet){a.v - b.v, a.d - b.d, a.dd - b.dd};
}

static inline jet jet_mul(jet a, jet b)
{
    return (jet){a.v * b.v, a.d * b.v + a.v * b.d, a.dd * b.v + 2 * a.d * b.d + a.v * b.dd};
}

static inline jet jet_scale(jet a, double factor)
{
    return (jet){a.v * factor, a.d * factor, a.dd * factor};
}

/* f(a), given f and its two derivatives at a.v. */
static inline jet jet_chain(jet a, double f, double f1, double f2)
{
    return (jet){f, f1 * a.d, f2 * a.d * a.d + f1 * a.dd};
}

static inline jet jet_exp(jet a)
{
    double e = exp(a.v);
    return jet_chain(a, e, e, e);
}

static inline jet jet_log(jet a)
{
    return jet_chain(a, log(a.v), 1 / a.v, -1 / (a.v * a.v));
}

static inline jet jet_tanh(jet a)
{
    double t = tanh(a.v), slope = 1 - t * t;
    return jet_chain(a, t, slope, -2 * t * slope);
}

static inline jet jet_sigmoid(jet a)
{
    double s = 1 / (1 + exp(-a.v)), slope = s * (1 - s);
    return jet_chain(a, s, slope, slope * (1 - 2 * s));
}

static inline jet jet_power(jet a, double exponent)
{
    double p = pow(a.v, exponent);
    return jet_chain(a, p, exponent * p / a.v, exponent * (exponent - 1) * p / (a.v * a.v));
}

static inline jet jet_relu(jet a)
{
    return a.v > 0 ? a : jet_of(0);
}

/* out[rows, columns] = a[rows, inner] b[inner, columns] (or b[columns, inner] transposed) + bias[columns] */
static inline void jet_dense(const jet *a, const jet *b, const jet *bias, jet *out, int rows, int inner, int columns,
                             int transposed)
{
    for (int r = 0; r < rows; r++) {
        for (int c = 0; c < columns; c++) {
            jet sum = bias ? bias[c] : jet_of(0);
            for (int k = 0; k < inner; k++)
                sum = jet_add(sum, jet_mul(a[r * inner + k], transposed ? b[c * inner + k] : b[k * columns + c]));
            out[r * columns + c] = sum;
        }
    }
}

/* The mean over rows of logsumexp(logits) - logits[target]. */
static inline jet jet_cross_entropy(const jet *logits, const int *target, int rows, int classes)
{
    jet total = jet_of(0);
    for (int r = 0; r < rows; r++) {
        const jet *row = &logits[r * classes];
        jet sum = jet_of(0);
        for (int c = 0; c < classes; c++) sum = jet_add(sum, jet_exp(row[c]));
        total = jet_add(total, jet_sub(jet_log(sum), row[target[r]]));
    }
    return jet_scale(total, 1.0 / rows);
}

#endif
