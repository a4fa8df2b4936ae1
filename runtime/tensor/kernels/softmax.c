/* Rows of softmax, its logarithm and the logarithm of the sum of exponentials.
 *
 * Rows of at most NARROW elements (the choices of an action) lie across the lanes, a row in each; longer ones
 * lie along them. Which it is depends on n alone, and a lane knows nothing of its neighbours, so that a row
 * has the same bytes in every batch. */
#include "tensor/kernels/approx.h"
#include "tensor/kernels/parts.h"

/* ---- A row along the lanes ---- */

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

INLINE void softmax_row(int64_t n, const float *x, float *y) {
  double sum = row_exp(n, x, row_max(n, x), y);
  PART(div_scalar)(n, y, (float)sum, y);
}

INLINE void log_softmax_row(int64_t n, const float *x, float *y) {
  float shift = row_max(n, x), rest = (float)log(row_exp(n, x, shift, NULL));
  for (int64_t i = 0; i < n; i++) y[i] = (x[i] - shift) - rest;
}

INLINE float logsumexp_row(int64_t n, const float *x) {
  float most = row_max(n, x), shift = isinf(most) ? 0 : most;
  return most == INFINITY ? most : (float)(shift + log(row_exp(n, x, shift, NULL)));
}

/* ---- Rows across the lanes ---- */

enum { NARROW = 8 };

/* Element j of `count` rows of n; lanes beyond repeat the first row. */
INLINE void load_rows(int64_t count, int64_t n, const float *x, vf v[NARROW]) {
  float t[NARROW * VW];
  for (int64_t l = 0; l < VW; l++) {
    const float *row = x + (l < count ? l : 0) * n;
    for (int64_t j = 0; j < n; j++) t[j * VW + l] = row[j];
  }
  int64_t j = 0;
  do v[j] = vload(t + j * VW); /* n ≥ 1 */
  while (++j < n);
}

INLINE void store_rows(int64_t count, int64_t n, const vf v[NARROW], float *y) {
  float t[NARROW * VW];
  for (int64_t j = 0; j < n; j++) vstore(t + j * VW, v[j]);
  for (int64_t l = 0; l < count; l++)
    for (int64_t j = 0; j < n; j++) y[l * n + j] = t[j * VW + l];
}

INLINE vf greatest_of(int64_t n, const vf v[NARROW]) {
  vf most = v[0];
  for (int64_t j = 1; j < n; j++) most = vmax(v[j], most);
  return most;
}

/* log Σ exp(v − shift), where one element equals its lane's `shift`. That one is left out of the sum, which
 * log1p takes instead: a sum near 1 would lose what the others add. */
INLINE vf log_of_sum(int64_t n, const vf v[NARROW], vf shift) {
  vd low = vdset(0), high = low;
  vf seen = vzero();
  for (int64_t j = 0; j < n; j++) {
    vf first = vandnot(seen, veq(v[j], shift));
    vf e = vandnot(first, vexp(v[j] - shift));
    seen = vor(seen, first);
    low += vlow(e), high += vhigh(e);
  }
  return vlog1p(vjoin(low, high));
}

INLINE void softmax_rows(int64_t count, int64_t n, const float *x, float *y) {
  vf v[NARROW];
  load_rows(count, n, x, v);
  vf most = greatest_of(n, v);
  vd low = vdset(0), high = low;
  for (int64_t j = 0; j < n; j++) {
    v[j] = vexp(v[j] - most);
    low += vlow(v[j]), high += vhigh(v[j]);
  }
  vf sum = vjoin(low, high);
  for (int64_t j = 0; j < n; j++) v[j] = v[j] / sum;
  store_rows(count, n, v, y);
}

INLINE void log_softmax_rows(int64_t count, int64_t n, const float *x, float *y) {
  vf v[NARROW];
  load_rows(count, n, x, v);
  vf most = greatest_of(n, v), rest = log_of_sum(n, v, most);
  for (int64_t j = 0; j < n; j++) v[j] = (v[j] - most) - rest;
  store_rows(count, n, v, y);
}

INLINE void logsumexp_rows(int64_t count, int64_t n, const float *x, float *y) {
  vf v[NARROW], nan = vzero();
  load_rows(count, n, x, v);
  for (int64_t j = 0; j < n; j++) nan = vor(nan, vnan(v[j]));
  vf most = greatest_of(n, v), infinite = veq(vabs(most), vset(INFINITY));
  vf result = vpick(infinite, most, most + log_of_sum(n, v, vpick(infinite, vzero(), most)));
  vstore_n(y, vor(result, nan), count); /* all bits set is a NaN */
}

/* ---- Both ---- */

#define EACH_GROUP(r, count) for (int64_t r = 0, count; (count = rows - r < VW ? rows - r : VW) > 0; r += VW)

void PART(softmax)(int64_t rows, int64_t n, const float *x, float *y) {
  if (n <= NARROW)
    EACH_GROUP(r, count) softmax_rows(count, n, x + r * n, y + r * n);
  else
    for (int64_t r = 0; r < rows; r++) softmax_row(n, x + r * n, y + r * n);
}

void PART(log_softmax)(int64_t rows, int64_t n, const float *x, float *y) {
  if (n <= NARROW)
    EACH_GROUP(r, count) log_softmax_rows(count, n, x + r * n, y + r * n);
  else
    for (int64_t r = 0; r < rows; r++) log_softmax_row(n, x + r * n, y + r * n);
}

void PART(logsumexp)(int64_t rows, int64_t n, const float *x, float *y) {
  if (n <= NARROW)
    EACH_GROUP(r, count) logsumexp_rows(count, n, x + r * n, y + r);
  else
    for (int64_t r = 0; r < rows; r++) y[r] = logsumexp_row(n, x + r * n);
}
