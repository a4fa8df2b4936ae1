"""Prints the coefficients in runtime/tensor/kernels/approx.h and approx_avx512.h (needs numpy and mpmath; nothing at run time does).

Weighted least squares on Chebyshev nodes, reweighted by Lawson's rule until the error is nearly level, so that the
greatest relative error of the whole function, not of the polynomial alone, is nearly the least possible."""

import mpmath as mp
import numpy as np

mp.mp.dps = 40
NODES, TURNS = 600, 200


def nodes(low, high):
    return (low + high) / 2 + (high - low) / 2 * np.cos(np.pi * (np.arange(NODES) + 0.5) / NODES)


def sample(f, x):
    return np.array([float(f(mp.mpf(v))) for v in x])


def polynomial(f, low, high, degree, weight):
    """f ~ sum c[i] x^i; the error is multiplied by weight(x)."""
    x = nodes(low, high)
    y, scale, lawson, best = sample(f, x), weight(x), np.ones(NODES), (np.inf, None)
    columns = np.stack([x**i for i in range(degree + 1)], 1)
    for _ in range(TURNS):
        w = np.sqrt(lawson) * scale
        c = np.linalg.lstsq(columns * w[:, None], y * w, rcond=None)[0]
        error = np.abs(columns @ c - y) * scale
        best = min(best, (error.max(), list(c)), key=lambda b: b[0])
        lawson *= error / error.max() + 1e-3
        lawson /= lawson.mean()
    return best


def rational(f, low, high, p, q, first):
    """f ~ P(x) / Q(x) with P[0] = first and Q[0] = 1, in relative error."""
    x = nodes(low, high)
    unit = x / high
    y, lawson, bottom, best = sample(f, x), np.ones(NODES), np.ones(NODES), (np.inf, None, None)
    columns = np.stack([unit**i for i in range(1, p + 1)] + [-y * unit**i for i in range(1, q + 1)], 1)
    for _ in range(TURNS):
        w = np.sqrt(lawson) / np.abs(y * bottom)
        c = np.linalg.lstsq(columns * w[:, None], (y - first) * w, rcond=None)[0]
        P, Q = np.r_[first, c[:p]], np.r_[1, c[p:]]
        bottom = np.polyval(Q[::-1], unit)
        error = np.abs(np.polyval(P[::-1], unit) / bottom / y - 1)
        best = min(best, (error.max(), list(P / high ** np.arange(p + 1)), list(Q / high ** np.arange(q + 1))),
                   key=lambda b: b[0])
        lawson *= error / error.max() + 1e-3
        lawson /= lawson.mean()
    return best


def show(name, result):
    print(f"{name}: relative error {result[0]:.2g}")
    for coefficients in result[1:]:
        print("   ", ", ".join(f"{c:.9e}" for c in coefficients))


r = 0.3466 * 1.03
show("e^r = 1 + r + r^2 P(r)",
     polynomial(lambda x: (mp.e**x - 1 - x) / x**2, -r, r, 4, lambda x: x**2 / np.exp(x)))
show("log(1 + f) = f - f^2/2 + f^3 P(f)",
     polynomial(lambda f: (mp.log1p(f) - f + f * f / 2) / f**3, np.sqrt(0.5) - 1, np.sqrt(2) - 1, 7,
                lambda f: np.abs(f**3 / np.log1p(f))))
t = (np.pi / 4 * 1.001) ** 2
show("sin r = r + r^3 P(r^2)",
     polynomial(lambda u: (mp.sin(mp.sqrt(u)) - mp.sqrt(u)) / mp.sqrt(u) ** 3, 1e-9, t, 2, lambda u: u))
show("cos r = 1 - r^2/2 + r^4 P(r^2)",
     polynomial(lambda u: (mp.cos(mp.sqrt(u)) - 1 + u / 2) / u**2, 1e-9, t, 2, lambda u: 1.4 * u**2))
show("Phi(-a) e^(a^2/2) = P(a) / Q(a)",
     rational(lambda a: mp.erfc(a / mp.sqrt(2)) / 2 * mp.e ** (a * a / 2), 0, 15, 4, 5, 0.5))


def near(f, middle, low, high, first):
    """f(middle + t) ~ c[0] + ... + c[4] t^4 in relative error, the coefficients rounded one after the other."""
    t = nodes(low, high) - middle
    y, done = sample(lambda v: f(middle + v), t), list(first)
    weight, reach = 1 / np.abs(y), np.abs(t).max()
    while len(done) < 5:
        base, lawson, best = y - sum(c * t**i for i, c in enumerate(done)), np.ones(NODES), (np.inf, 0)
        columns = np.stack([(t / reach) ** i for i in range(len(done), 5)], 1)
        for _ in range(TURNS):
            w = np.sqrt(lawson) * weight
            c = np.linalg.lstsq(columns * w[:, None], base * w, rcond=None)[0]
            error = np.abs(columns @ c - base) * weight
            best = min(best, (error.max(), c[0] / reach ** len(done)))
            lawson *= error / error.max() + 1e-3
            lawson /= lawson.mean()
        done.append(float(np.float32(best[1])))
    return (np.abs(sum(c * t**i for i, c in enumerate(done)) - y) * weight).max(), done


def table(f, shift, eighths, point=None):
    """One line for each eighth of an octave of a + shift: its low five bits, the error, the middle, c. point: the
    first eighth's middle is 0 and its first coefficients are these."""
    for eighth in eighths:
        low, high = (2.0 ** (e // 8 - 1) * (1 + e % 8 / 8) - shift for e in (eighth, eighth + 1))
        first = point if eighth == eighths[0] else None
        middle = 0.0 if first else (low + high) / 2
        error, c = near(f, middle, max(low, 1e-9), high, first or [])
        bits = int(np.float32(low + shift).view(np.uint32)) >> 20 & 31
        print(f"    {bits:2d}: {error:.2g}; {middle:.9g}, " + ", ".join(f"{v:.9g}" for v in c))


print("tanh(m + t) = c0 + ... + c4 t^4, up to 10 1/2")
table(mp.tanh, 0.75, range(4, 34), [0.0, 1.0])
print("Phi(-m - t) e^((m + t)^2/2) = c0 + ... + c4 t^4, up to 14 1/2")
table(lambda a: mp.erfc(a / mp.sqrt(2)) / 2 * mp.e ** (a * a / 2), 1.5, range(12, 40))
