/* Reductions, with float64 accumulators in a fixed order. */
#include "tensor/kernels/approx.h"
#include "tensor/kernels/parts.h"

/* Two vectors a turn into four accumulators of half a vector each; the rest goes to the first two. At the end
 * the accumulators are added pairwise, then their lanes. */
#define SUM_LOOP(low_of, high_of)                                                                            \
  int64_t i = 0;                                                                                             \
  for (; i + 2 * VW <= n; i += 2 * VW) {                                                                     \
    vf u = vload(x + i), v = vload(x + i + VW);                                                              \
    s0 += low_of(u), s1 += high_of(u), s2 += low_of(v), s3 += high_of(v);                                    \
  }                                                                                                          \
  for (; i < n; i += VW) {                                                                                   \
    vf u = n - i >= VW ? vload(x + i) : vload_n(x + i, n - i);                                               \
    s0 += low_of(u), s1 += high_of(u);                                                                       \
  }

INLINE vd square_low(vf u) { return vlow(u) * vlow(u); }
INLINE vd square_high(vf u) { return vhigh(u) * vhigh(u); }

double PART(sum)(int64_t n, const float *x) {
  vd s0 = vdset(0), s1 = s0, s2 = s0, s3 = s0;
  SUM_LOOP(vlow, vhigh)
  return vdsum((s0 + s1) + (s2 + s3));
}

double PART(sum_on)(int64_t n, const float *x, bool begin, prl_sum *sum) {
  vd s[4] = {vdset(0), vdset(0), vdset(0), vdset(0)};
  if (!begin) memcpy(s, sum->lane, sizeof s);
  vd s0 = s[0], s1 = s[1], s2 = s[2], s3 = s[3];
  SUM_LOOP(vlow, vhigh)
  memcpy(sum->lane, (const vd[]){s0, s1, s2, s3}, sizeof s);
  return vdsum((s0 + s1) + (s2 + s3));
}

/* Rows of few elements (the choices of an action) without the machinery: the additions of `sum`. */
void PART(sum_rows)(int64_t rows, int64_t n, const float *x, float *y) {
  for (int64_t r = 0; r < rows; r++, x += n) {
    if (n == 2) {
      y[r] = (float)((0 + (double)x[0]) + (double)x[1]); /* 0 +: no sum is −0 */
    } else if (n == 3) {
      y[r] = (float)((0 + (double)x[0] + (double)x[2]) + (double)x[1]);
    } else if (n == 4) {
      y[r] = (float)((0 + (double)x[0] + (double)x[2]) + (0 + (double)x[1] + (double)x[3]));
    } else {
      y[r] = (float)PART(sum)(n, x);
    }
  }
}
double PART(sumsq)(int64_t n, const float *x) {
  vd s0 = vdset(0), s1 = s0, s2 = s0, s3 = s0;
  SUM_LOOP(square_low, square_high)
  return vdsum((s0 + s1) + (s2 + s3));
}

/* x · 0 is 0 for a finite x and NaN otherwise, and a NaN stays in the sum. */
bool PART(finite)(int64_t n, const float *x) {
  vf bad = vzero();
  int64_t i = 0;
  for (; i + VW <= n; i += VW) bad += vload(x + i) * vzero();
  if (i < n) bad += vload_n(x + i, n - i) * vzero();
  return vbits(vnan(bad)) == 0;
}
