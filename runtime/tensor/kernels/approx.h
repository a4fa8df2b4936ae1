/* Elementary functions on vectors. Each is within 4 ulp of the true value on all floats, with its limits at
 * ±∞, ±0 kept and NaN passed on. Coefficients: weighted least squares with Lawson's reweighting, so nearly
 * minimax in relative error (spec/tensor/fit_coefficients.py makes them). */
#ifndef PRL_TENSOR_KERNELS_APPROX_H
#define PRL_TENSOR_KERNELS_APPROX_H

#include <math.h>

#include "tensor/kernels/vec.h"

/* 2ⁿ for −126 ≤ n ≤ 127. */
INLINE vf pow2i(vi n) { return (vf)((n + 127) << 23); }

/* e^(x + low) = p · s1 · s2, where s1 and s2 are powers of two (two, so that a result may be denormal or
 * overflow) and p is near [0.7, 1.42]. −130 ≤ x ≤ 89; |low| is small beside 1. */
typedef struct exp_parts {
  vf p, s1, s2;
} exp_parts;

/* e^r − 1 for |r| ≤ 0.36. */
INLINE vf expm1_small(vf r) {
  vf p = vfma(r, vset(1.381015448e-03f), vset(8.370863475e-03f));
  p = vfma(r, p, vset(4.166860246e-02f));
  p = vfma(r, p, vset(1.666650241e-01f));
  p = vfma(r, p, vset(4.999999218e-01f));
  return vfma(r * r, p, r);
}

INLINE vf exp_reduce(vf x, vf *n) {
  *n = vnearest(x * vset(1.44269504f));
  vf r = vfnma(*n, vset(0.693359375f), x); /* exact: nine bits of ln 2 times at most eight of n */
  return vfnma(*n, vset(-2.12194440e-4f), r);
}

INLINE exp_parts exp_split(vf x, vf low) {
  vf n, r = exp_reduce(x, &n) + low;
  vi whole = vround(n), half = vshr(whole, 1);
  return (exp_parts){expm1_small(r) + vset(1), pow2i(half), pow2i(whole - half)};
}

INLINE vf vexp(vf x) {
  exp_parts e = exp_split(vclamp(x, -105, 89), vzero());
  return e.p * e.s1 * e.s2;
}

/* e^x for x ≤ 0 where results under 2⁻¹²⁶ may be flushed to 0: one scaling. */
INLINE vf exp_negative(vf x) {
  vf n, r = exp_reduce(vmax(vset(-87), x), &n);
  vf y = (expm1_small(r) + vset(1)) * pow2i(vround(n));
  return vandnot(vlt(x, vset(-87)), y);
}

/* e^x − 1 for x ≤ 0. */
INLINE vf expm1_negative(vf x) {
  vf n, r = exp_reduce(vmax(vset(-30), x), &n);
  vf s = pow2i(vround(n));
  vf y = vfma(s, expm1_small(r), s - vset(1));
  return vpick(veq(x, vzero()), x, y); /* keeps −0 */
}

/* log(m · 2^e) where m − 1 = f in [−0.293, 0.4143]. */
INLINE vf log_poly(vf f, vf e) {
  vf p = vfma(f, vset(-7.634493016e-02f), vset(1.276157564e-01f));
  p = vfma(f, p, vset(-1.316018306e-01f));
  p = vfma(f, p, vset(1.420175823e-01f));
  p = vfma(f, p, vset(-1.662335730e-01f));
  p = vfma(f, p, vset(2.000122687e-01f));
  p = vfma(f, p, vset(-2.500082104e-01f));
  p = vfma(f, p, vset(3.333333171e-01f));
  vf f2 = f * f;
  vf y = vfma(e, vset(-2.12194440e-4f), f2 * f * p);
  y = vfnma(vset(0.5f), f2, y);
  return vfma(e, vset(0.693359375f), f + y);
}

/* x > 0, normal → e with x = m 2^e and m in [√½, √2). */
INLINE vi log_exponent(vf x) { return vshr((vi)((vu)x - 0x3f3504f3u), 23); } /* unsigned: it may wrap */

/* x > 0, normal, finite. */
INLINE vf log_normal(vf x) {
  vi e = log_exponent(x);
  vf m = (vf)((vu)x - ((vu)e << 23));
  return log_poly(m - vset(1), vtofloat(e));
}

INLINE vf log_limits(vf x, vf y) { /* x is the argument, y its logarithm where 0 < x < ∞ */
  y = vpick(veq(x, vset(INFINITY)), x, y);
  y = vpick(veq(x, vzero()), vset(-INFINITY), y);
  return vor(y, vor(vlt(x, vzero()), vnan(x))); /* all bits set is a NaN */
}

INLINE vf vlog(vf x) {
  vf small = vlt(x, vset(0x1p-126f));
  vf u = vpick(small, x * vset(0x1p25f), x);
  vi e = log_exponent(u);
  vf m = (vf)((vu)u - ((vu)e << 23));
  vf y = log_poly(m - vset(1), vtofloat(e) - vand(small, vset(25)));
  return log_limits(x, y);
}

/* log(1 + x): the rounding of u = 1 + x is added back to the reduced argument. */
INLINE vf vlog1p(vf x) {
  vf u = x + vset(1);
  vf lost = vpick(vlt(vset(1), x), vset(1) - (u - x), x - (u - vset(1)));
  vi e = log_exponent(u);
  vf m = (vf)((vu)u - ((vu)e << 23));
  vf f = (m - vset(1)) + lost * vset(0.5f) * pow2i(1 - e); /* e may be 128 */
  vf y = log_limits(u, log_poly(f, vtofloat(e)));
  return vpick(vlt(vabs(x), vset(0x1p-25f)), x, y);
}

#ifdef PRL_AVX512
#include "tensor/kernels/approx_avx512.h" /* tanh, mills */
#else
/* (e^2a − 1) / (e^2a + 1) with a = |x|: the error of e^2a − 1, relative near 0, fades as the quotient
 * nears 1. */
INLINE vf vtanh(vf x) {
  vf a = vmin(vset(9.1f), vabs(x));
  vf n = vnearest(a * vset(2.88539008f));
  vf r = vfnma(n, vset(0.693359375f), a + a);
  r = vfnma(n, vset(-2.12194440e-4f), r);
  vf s = pow2i(vround(n));
  vf e = vfma(s, expm1_small(r), s - vset(1));
  return vor(e / (e + vset(2)), vand(x, vsign()));
}

/* Φ(−a) e^(a²/2) for 0 ≤ a ≤ 14½, by a rational function; in float64, since nine roundings would cost 2 ulp.
 */
INLINE vd mills_half(vd a) {
  vd p = (((vdset(4.122049006e-03) * a + vdset(4.068757442e-02)) * a + vdset(1.834193322e-01)) * a +
          vdset(4.385793514e-01)) *
             a +
         vdset(0.5);
  vd q = ((((vdset(1.033233032e-02) * a + vdset(1.019948668e-01)) * a + vdset(4.699498629e-01)) * a +
           vdset(1.203325921e+00)) *
              a +
          vdset(1.675043565e+00)) *
             a +
         vdset(1);
  return p / q;
}

INLINE vf mills(vf a) { return vjoin(mills_half(vlow(a)), mills_half(vhigh(a))); }
#endif

/* 1 / (1 + e^−x), written with e^−|x| so that the negative tail keeps its digits. */
INLINE vf vsigmoid(vf x) {
  vf e = vexp(vor(x, vsign()));
  vf top = vpick(vlt(x, vzero()), e, vset(1));
  return top / (e + vset(1));
}

/* max(x, 0) + log(1 + e), e = e^−|x| ≤ 1; where 1 + e passes √2 it is halved, and e − 1 is exact or nearly
 * so. */
INLINE vf vsoftplus(vf x) {
  vf e = vexp(vor(x, vsign()));
  vf big = vlt(vset(0.41421356f), e);
  vf y = log_poly(vpick(big, (e - vset(1)) * vset(0.5f), e), vand(big, vset(1)));
  return vmax(vzero(), x) + y;
}

INLINE vf vrelu(vf x) { return vmax(vzero(), x); }
INLINE vf vleaky(vf x) { return vpick(vlt(x, vzero()), x * vset(0.01f), x); }
INLINE vf velu(vf x) { return vpick(vlt(vzero(), x), x, expm1_negative(vpick(vlt(vzero(), x), vzero(), x))); }

/* x σ(x); for x < 0 the scaling of e^x comes last, so that results near the denormals keep their digits. */
INLINE vf vsilu(vf x) {
  vf low = vmax(vset(-115), x), a = vor(low, vsign());
  exp_parts e = exp_split(vmax(vset(-115), a), vzero());
  vf full = e.p * e.s1 * e.s2 + vset(1);
  vf negative = low / full * e.p * e.s1 * e.s2;
  return vpick(vlt(x, vzero()), negative, x / full);
}

/* e^(−a²/2), a ≤ 14½: a² is split into an exact head and a small rest, since it is in the exponent. */
INLINE exp_parts gauss(vf a) {
  vf head = (vf)((vi)a & (int32_t)0xfffff000);
  vf rest = (a - head) * (a + head);
  return exp_split(vset(-0.5f) * head * head, vset(-0.5f) * rest);
}

/* x Φ(x) = max(x, 0) − a Φ(−a), a = |x|. */
INLINE vf vgelu(vf x) {
  vf a = vmin(vset(14.49f), vabs(x));
  exp_parts e = gauss(a);
  vf tail = a * mills(a) * e.p * e.s1 * e.s2;
  vf y = vpick(vlt(x, vzero()), vxor(tail, vsign()), x - tail);
  return vpick(veq(x, vset(INFINITY)), x, y);
}

/* Φ(x) + x φ(x). */
INLINE vf gelu_slope(vf x) {
  vf a = vmin(vset(14.49f), vabs(x));
  exp_parts e = gauss(a);
  vf g = e.p * e.s1 * e.s2;
  vf below = mills(a) * g;
  vf cdf = vpick(vlt(x, vzero()), below, vset(1) - below);
  vf u = vpick(vlt(x, vzero()), vxor(a, vsign()), a);
  return vfma(u * vset(0.398942280f), g, cdf);
}

/* sin r and cos r for |r| ≤ π/4. */
INLINE vf sin_small(vf r) {
  vf t = r * r;
  vf p = vfma(t, vset(-1.951665571e-04f), vset(8.332173542e-03f));
  p = vfma(t, p, vset(-1.666665487e-01f));
  return vfma(r * t, p, r);
}

INLINE vf cos_small(vf r) {
  vf t = r * r;
  vf p = vfma(t, vset(2.443772931e-05f), vset(-1.388736144e-03f));
  p = vfma(t, p, vset(4.166664675e-02f));
  return vfma(t * t, p, vfnma(vset(0.5f), t, vset(1)));
}

/* sin (or cos, shift = 1) of k π/2 + r. */
INLINE vf sin_quadrant(vf r, vi k, int shift) {
  vi q = k + shift;
  vf odd = (vf)(vshr(q << 31, 31));
  vf y = vpick(odd, cos_small(r), sin_small(r));
  return vxor(y, (vf)((q & 2) << 30));
}

#define TRIG_LIMIT 1e6f

/* x − k π/2 in float64: 33 bits of π/2 times k is exact up to the limit, so that results near a multiple of π
 * keep their digits. */
INLINE vd trig_rest(vd x, vd *k) {
  *k = vdnearest(x * vdset(0.63661977236758134308));
  return (x - *k * vdset(1.57079632673412561417)) - *k * vdset(6.07710050650619224932e-11);
}

/* shift: 0 sin, 1 cos. */
INLINE vf trig(vf x, int shift) {
  vf far = vxor(vle(vabs(x), vset(TRIG_LIMIT)), (vf)(veq(vzero(), vzero())));
  vf near = vandnot(far, x);
  vd k0, k1, r0 = trig_rest(vlow(near), &k0), r1 = trig_rest(vhigh(near), &k1);
  vf y = sin_quadrant(vjoin(r0, r1), vdround(k0, k1), shift);
  if (!shift) y = vpick(veq(x, vzero()), x, y);
  if (__builtin_expect(!vbits(far), 1)) return y;
  float in[VW], out[VW]; /* huge, infinite or NaN: the C library's float64 reduction */
  vstore(in, x);
  vstore(out, y);
  for (int i = 0; i < VW; i++) {
    if (!(fabsf(in[i]) <= TRIG_LIMIT)) out[i] = (float)(shift ? cos((double)in[i]) : sin((double)in[i]));
  }
  return vload(out);
}

INLINE vf vsin(vf x) { return trig(x, 0); }
INLINE vf vcos(vf x) { return trig(x, 1); }

#endif
