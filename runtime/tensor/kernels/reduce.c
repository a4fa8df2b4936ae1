/* Reductions, with float64 accumulators in a fixed order. */
#include "tensor/kernels/approx.h"
#include "tensor/kernels/parts.h"

/* Two vectors a turn into four accumulators of half a vector each; the rest goes to the first two. At the end
 * the accumulators are added pairwise, then their lanes. */
#define SUM_LOOP(low_of, high_of)                                                                            \
  vd s0 = vdset(0), s1 = s0, s2 = s0, s3 = s0;                                                               \
  int64_t i = 0;                                                                                             \
  for (; i + 2 * VW <= n; i += 2 * VW) {                                                                     \
    vf u = vload(x + i), v = vload(x + i + VW);                                                              \
    s0 += low_of(u), s1 += high_of(u), s2 += low_of(v), s3 += high_of(v);                                    \
  }                                                                                                          \
  for (; i < n; i += VW) {                                                                                   \
    vf u = n - i >= VW ? vload(x + i) : vload_n(x + i, n - i);                                               \
    s0 += low_of(u), s1 += high_of(u);                                                                       \
  }                                                                                                          \
  return vdsum((s0 + s1) + (s2 + s3));

INLINE vd square_low(vf u) { return vlow(u) * vlow(u); }
INLINE vd square_high(vf u) { return vhigh(u) * vhigh(u); }

double PART(sum)(int64_t n, const float *x) { SUM_LOOP(vlow, vhigh) }
double PART(sumsq)(int64_t n, const float *x) { SUM_LOOP(square_low, square_high) }

/* x · 0 is 0 for a finite x and NaN otherwise, and a NaN stays in the sum. */
bool PART(finite)(int64_t n, const float *x) {
  vf bad = vzero();
  int64_t i = 0;
  for (; i + VW <= n; i += VW) bad += vload(x + i) * vzero();
  if (i < n) bad += vload_n(x + i, n - i) * vzero();
  return vbits(vnan(bad)) == 0;
}

INLINE float row_max(int64_t n, const float *x) {
  vf most = vset(x[0]), nan = vzero();
  int64_t i = 0;
  for (; i + VW <= n; i += VW) {
    vf v = vload(x + i);
    most = vmax(v, most);
    nan = vor(nan, vnan(v));
  }
  float greatest = vmax_lanes(most);
  for (; i < n; i++) {
    greatest = x[i] > greatest ? x[i] : greatest;
    if (x[i] != x[i]) return x[i];
  }
  return vbits(nan) ? NAN : greatest;
}

/* Σ exp(x − shift); y, where not NULL, takes the exponentials (may be x). */
INLINE double row_exp(int64_t n, const float *x, float shift, float *y) {
  vd s0 = vdset(0), s1 = s0;
  int64_t i = 0;
  for (; i + VW <= n; i += VW) {
    vf e = vexp(vload(x + i) - vset(shift));
    if (y) vstore(y + i, e);
    s0 += vlow(e), s1 += vhigh(e);
  }
  if (i < n) {
    float t[VW];
    for (int64_t j = 0; j < VW; j++) t[j] = i + j < n ? x[i + j] - shift : -INFINITY;
    vf e = vexp(vload(t));
    if (y) vstore_n(y + i, e, n - i);
    s0 += vlow(e), s1 += vhigh(e);
  }
  return vdsum(s0 + s1);
}

void PART(softmax)(int64_t rows, int64_t n, const float *x, float *y) {
  for (int64_t r = 0; r < rows; r++, x += n, y += n) {
    double sum = row_exp(n, x, row_max(n, x), y);
    PART(div_scalar)(n, y, (float)sum, y);
  }
}

void PART(log_softmax)(int64_t rows, int64_t n, const float *x, float *y) {
  for (int64_t r = 0; r < rows; r++, x += n, y += n) {
    float shift = row_max(n, x), rest = (float)log(row_exp(n, x, shift, NULL));
    for (int64_t i = 0; i < n; i++) y[i] = (x[i] - shift) - rest;
  }
}

void PART(logsumexp)(int64_t rows, int64_t n, const float *x, float *y) {
  for (int64_t r = 0; r < rows; r++, x += n) {
    float most = row_max(n, x), shift = isinf(most) ? 0 : most;
    y[r] = most == INFINITY ? most : (float)(shift + log(row_exp(n, x, shift, NULL)));
  }
}
