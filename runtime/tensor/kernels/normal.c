/* The log-density of a diagonal Gaussian and its derivatives, in float64: a row in each lane. */
#include "tensor/kernels/parts.h"
#include "tensor/kernels/vec.h"

static const double HALF_LOG_2PI = 0.91893853320467274178;

typedef struct pair {
  vd low, high;
} pair;

INLINE pair widen(vf a) { return (pair){vlow(a), vhigh(a)}; }
INLINE int64_t lanes_of(int64_t left) { return left < VW ? left : VW; }

/* An element of each of so many rows, `step` apart. */
INLINE vf column(const float *p, int64_t step, int64_t lanes) {
  if (step == 0) return vset(*p);
  if (step == 1) return lanes == VW ? vload(p) : vload_n(p, lanes);
  float t[VW] = {0};
  for (int64_t r = 0; r < lanes; r++) t[r] = p[r * step];
  return vload(t);
}

/* z = (x − mean)/σ and 1/σ of column j of rows `first` and those after it. */
INLINE pair standardise(const prl_gaussian *d, int64_t first, int64_t lanes, int64_t j, vf *scale) {
  vf x = column(d->x + first * d->n + j, d->n, lanes);
  vf mean = column(d->mean + first * d->mean_step + j, d->mean_step, lanes);
  *scale = column(d->inverse + first * d->std_step + j, d->std_step, lanes);
  pair z = widen(x - mean), s = widen(*scale);
  return (pair){z.low * s.low, z.high * s.high};
}

void PART(normal_log_prob)(const prl_gaussian *d, float *y) {
  const vd half = vdset(.5), constant = vdset((double)d->n * HALF_LOG_2PI);
  for (int64_t r = 0; r < d->rows; r += VW) {
    int64_t lanes = lanes_of(d->rows - r);
    pair total = {vdset(0), vdset(0)};
    for (int64_t j = 0; j < d->n; j++) {
      vf scale;
      pair z = standardise(d, r, lanes, j, &scale);
      pair log_std = widen(column(d->log_std + r * d->std_step + j, d->std_step, lanes));
      total.low -= half * z.low * z.low + log_std.low;
      total.high -= half * z.high * z.high + log_std.high;
    }
    vf result = vjoin(total.low - constant, total.high - constant);
    if (lanes == VW) {
      vstore(y + r, result);
    } else {
      vstore_n(y + r, result, lanes);
    }
  }
}

/* The gradient of column j: gx = −g z/σ, gμ = g z/σ, g(log σ) = g (z² − 1). */
INLINE vf grad_column(const prl_gaussian *d, prl_gaussian_part part, const float *g, int64_t r, int64_t lanes,
                      int64_t j) {
  const vd one = vdset(1);
  vf scale, by;
  pair z = standardise(d, r, lanes, j, &scale), s = widen(scale), up = widen(column(g + r, 1, lanes));
  if (part == PRL_BY_LOG_STD) return vjoin(up.low * (z.low * z.low - one), up.high * (z.high * z.high - one));
  by = vjoin(up.low * (z.low * s.low), up.high * (z.high * s.high));
  return part == PRL_BY_X ? vxor(by, vsign()) : by;
}

void PART(normal_grad)(const prl_gaussian *d, prl_gaussian_part part, const float *g, bool summed,
                       float *to) {
  for (int64_t j = 0; j < d->n; j++) {
    double total = 0;
    for (int64_t r = 0; r < d->rows; r += VW) {
      int64_t lanes = lanes_of(d->rows - r);
      float t[VW];
      vstore(t, grad_column(d, part, g, r, lanes, j));
      if (summed) {
        for (int64_t l = 0; l < lanes; l++) total += (double)t[l];
      } else {
        for (int64_t l = 0; l < lanes; l++) to[(r + l) * d->n + j] = t[l];
      }
    }
    if (summed) to[j] = (float)total;
  }
}
