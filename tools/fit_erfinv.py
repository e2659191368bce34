"""Fits the quotient of polynomials in ops/elementary.c: erfinv(x) / x as a function of w = -log(1 - x^2).

By least squares with weights that grow where the relative error is large (Lawson 1961), in 60 digits, for all w that an
x of f64 has: up to 36.8. Prints the coefficients and the largest relative error at the nodes.   Needs mpmath and SciPy.
"""

import mpmath as mp
from scipy.special import erfcinv

mp.mp.dps = 60
ABOVE, BELOW, LARGEST, NODES, SCALE = 15, 14, mp.mpf("36.8"), 90, 16


def wanted(w):
    """erfinv(x) / x by Halley's steps on erfc, which knows the distance from 1 in all its digits."""
    x = mp.sqrt(-mp.expm1(-w))
    rest = mp.exp(-w) / (1 + x)
    y = mp.mpf(float(erfcinv(float(rest))))
    for _ in range(6):
        u = (mp.erfc(y) - rest) / (-2 / mp.sqrt(mp.pi) * mp.exp(-y * y))
        y -= u / (1 + y * u)
    return y / x


def value(coefficients, w):
    return sum(c * (w / SCALE) ** k for k, c in enumerate(coefficients))


def fit():
    end = mp.sqrt(LARGEST)
    nodes = [(end / 2 * (1 - mp.cos(mp.pi * (2 * k + 1) / (2 * NODES)))) ** 2 for k in range(NODES)]
    truth = [wanted(w) for w in nodes]
    below, weight = [mp.mpf(1)] * NODES, [mp.mpf(1)] * NODES
    for _ in range(40):
        matrix, right = mp.matrix(NODES, ABOVE + 1 + BELOW), mp.matrix(NODES, 1)
        for i, (w, y) in enumerate(zip(nodes, truth)):
            scale = mp.sqrt(weight[i]) / (y * below[i])
            for k in range(ABOVE + 1):
                matrix[i, k] = scale * (w / SCALE) ** k
            for k in range(1, BELOW + 1):
                matrix[i, ABOVE + k] = -scale * y * (w / SCALE) ** k
            right[i] = scale * y
        found = list(mp.lu_solve(matrix, right))
        p, q = found[: ABOVE + 1], [mp.mpf(1)] + found[ABOVE + 1 :]
        below = [value(q, w) for w in nodes]
        error = [abs(value(p, w) / b / y - 1) for w, b, y in zip(nodes, below, truth)]
        weight = [old * (e / max(error) + mp.mpf("1e-3")) for old, e in zip(weight, error)]
        weight = [old * NODES / sum(weight) for old in weight]
    return [[c / mp.mpf(SCALE) ** k for k, c in enumerate(side)] for side in (p, q)], max(error)


if __name__ == "__main__":
    sides, worst = fit()
    for side in sides:
        print(", ".join(repr(float(c)) for c in side), end=",\n\n")
    print("relative error", mp.nstr(worst, 3))
