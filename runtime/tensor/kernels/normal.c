/* The log-density of a diagonal Gaussian and its derivatives, in float64, some rows of one column at a time:
 * the loops below are those that compilers turn into vectors. */
#include "tensor/kernels/parts.h"

enum { ROWS = 64 };
static const double HALF_LOG_2PI = 0.91893853320467274178;

static void column(int64_t count, const float *from, int64_t step, float *to) {
  if (step == 1) {
    for (int64_t r = 0; r < count; r++) to[r] = from[r];
  } else {
    for (int64_t r = 0; r < count; r++) to[r] = from[r * step];
  }
}

/* z = (x − mean)/σ and 1/σ of column j from row `first` on. */
static void standardise(const prl_gaussian *d, int64_t first, int64_t count, int64_t j, double z[ROWS],
                        float scale[ROWS]) {
  float x[ROWS], mean[ROWS];
  column(count, d->x + first * d->n + j, d->n, x);
  column(count, d->mean + first * d->mean_step + j, d->mean_step, mean);
  column(count, d->inverse + first * d->std_step + j, d->std_step, scale);
  for (int64_t r = 0; r < count; r++) z[r] = (double)(x[r] - mean[r]) * (double)scale[r];
}

static int64_t rows_left(const prl_gaussian *d, int64_t first) {
  return d->rows - first < ROWS ? d->rows - first : ROWS;
}

void PART(normal_log_prob)(const prl_gaussian *d, float *y) {
  for (int64_t first = 0; first < d->rows; first += ROWS) {
    int64_t count = rows_left(d, first);
    double total[ROWS] = {0}, z[ROWS];
    float scale[ROWS], log_std[ROWS];
    for (int64_t j = 0; j < d->n; j++) {
      standardise(d, first, count, j, z, scale);
      column(count, d->log_std + first * d->std_step + j, d->std_step, log_std);
      for (int64_t r = 0; r < count; r++) total[r] -= .5 * z[r] * z[r] + (double)log_std[r];
    }
    for (int64_t r = 0; r < count; r++) y[first + r] = (float)(total[r] - (double)d->n * HALF_LOG_2PI);
  }
}

/* Column j of the gradient of some rows. */
static void grad_column(const prl_gaussian *d, prl_gaussian_part part, const float *g, int64_t first,
                        int64_t count, int64_t j, float to[ROWS]) {
  double z[ROWS], sign = part == PRL_BY_X ? -1 : 1;
  float scale[ROWS];
  standardise(d, first, count, j, z, scale);
  if (part == PRL_BY_LOG_STD) {
    for (int64_t r = 0; r < count; r++) to[r] = (float)((double)g[r] * (z[r] * z[r] - 1));
  } else {
    for (int64_t r = 0; r < count; r++) to[r] = (float)((double)g[r] * (z[r] * (double)scale[r]) * sign);
  }
}

void PART(normal_grad)(const prl_gaussian *d, prl_gaussian_part part, const float *g, bool summed,
                       float *to) {
  for (int64_t j = 0; j < d->n; j++) {
    double total = 0;
    for (int64_t first = 0; first < d->rows; first += ROWS) {
      int64_t count = rows_left(d, first);
      float terms[ROWS];
      grad_column(d, part, g + first, first, count, j, terms);
      for (int64_t r = 0; r < count; r++) {
        if (summed)
          total += (double)terms[r];
        else
          to[(first + r) * d->n + j] = terms[r];
      }
    }
    if (summed) to[j] = (float)total;
  }
}
