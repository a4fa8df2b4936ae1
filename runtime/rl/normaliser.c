/* Running statistics of observations, merged batch by batch, and of returns (PopArt). */
#include "rl/normaliser.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* What varies by less, relative to its size, says nothing on its scale. */
#define QUIET_COLUMN 1e-6 /* float32 resolves 6e-8 */
#define QUIET_RETURNS 3e-5

prl_status prl_normaliser_init(prl_normaliser *n, prl_runtime *runtime, int64_t width, float clip,
                               prl_error *error) {
  *n = (prl_normaliser){.runtime = runtime, .width = width, .clip = clip};
  n->count = prl_calloc(runtime, 1, sizeof *n->count);
  n->mean = prl_calloc(runtime, (size_t)width, sizeof *n->mean);
  n->m2 = prl_calloc(runtime, (size_t)width, sizeof *n->m2);
  n->sum = prl_calloc(runtime, (size_t)width, sizeof *n->sum);
  n->squares = prl_calloc(runtime, (size_t)width, sizeof *n->squares);
  n->shift = prl_calloc(runtime, (size_t)width, sizeof *n->shift);
  n->scale = prl_calloc(runtime, (size_t)width, sizeof *n->scale);
  if (!n->count || !n->mean || !n->m2 || !n->sum || !n->squares || !n->shift || !n->scale) {
    prl_normaliser_deinit(n);
    return prl_fail_memory(error, (size_t)width * sizeof *n->mean);
  }
  for (int64_t i = 0; i < width; i++) n->scale[i] = 1;
  return PRL_OK;
}

void prl_normaliser_deinit(prl_normaliser *n) {
  prl_free(n->runtime, n->count);
  prl_free(n->runtime, n->mean);
  prl_free(n->runtime, n->m2);
  prl_free(n->runtime, n->sum);
  prl_free(n->runtime, n->squares);
  prl_free(n->runtime, n->shift);
  prl_free(n->runtime, n->scale);
  *n = (prl_normaliser){0};
}

prl_status prl_normaliser_blocks(prl_normaliser *n, const char *prefix, prl_blocks *blocks,
                                 prl_error *error) {
  const struct {
    const char *name;
    prl_dtype dtype;
    int64_t count;
    void *data;
  } parts[] = {{"count", PRL_F64, 1, n->count},
               {"mean", PRL_F64, n->width, n->mean},
               {"m2", PRL_F64, n->width, n->m2},
               {"shift", PRL_F32, n->width, n->shift},
               {"scale", PRL_F32, n->width, n->scale}};
  prl_status status = PRL_OK;
  for (size_t i = 0; !status && i < sizeof parts / sizeof *parts; i++) {
    char name[PRL_BLOCK_NAME];
    snprintf(name, sizeof name, "%s.%s", prefix, parts[i].name);
    status = prl_blocks_add(blocks, name, parts[i].dtype, parts[i].count, parts[i].data, error);
  }
  return status;
}

void prl_normaliser_gather(prl_normaliser *n, const prl_normaliser *from) {
  size_t width = (size_t)n->width;
  *n->count = *from->count;
  memcpy(n->mean, from->mean, width * sizeof *n->mean);
  memcpy(n->m2, from->m2, width * sizeof *n->m2);
}

void prl_normaliser_take(prl_normaliser *n, const prl_normaliser *from) {
  size_t width = (size_t)n->width;
  prl_normaliser_gather(n, from);
  memcpy(n->shift, from->shift, width * sizeof *n->shift);
  memcpy(n->scale, from->scale, width * sizeof *n->scale);
}

/* Row by row, as they lie in memory; each column is added up in the order of its rows. */
void prl_normaliser_add(prl_normaliser *n, int64_t rows, int64_t step, const float *x) {
  if (rows < 1) return;
  const int64_t width = n->width;
  double *sum = n->sum, *squares = n->squares, seen = *n->count, total = seen + (double)rows;
  for (int64_t c = 0; c < width; c++) sum[c] = squares[c] = 0;
  for (int64_t i = 0; i < rows; i++)
    for (int64_t c = 0; c < width; c++) sum[c] += x[i * step + c];
  for (int64_t c = 0; c < width; c++) sum[c] /= (double)rows;
  for (int64_t i = 0; i < rows; i++)
    for (int64_t c = 0; c < width; c++) {
      double d = x[i * step + c] - sum[c];
      squares[c] += d * d;
    }
  for (int64_t c = 0; c < width; c++) {
    double delta = sum[c] - n->mean[c];
    n->mean[c] += delta * (double)rows / total;
    n->m2[c] += squares[c] + delta * delta * seen * (double)rows / total;
  }
  *n->count = total;
}

void prl_normaliser_publish(prl_normaliser *n) {
  if (*n->count < PRL_STATISTICS_ROWS) return;
  for (int64_t c = 0; c < n->width; c++) {
    double std = sqrt(n->m2[c] / *n->count);
    n->shift[c] = (float)n->mean[c];
    n->scale[c] = std > fmax(QUIET_COLUMN * fabs(n->mean[c]), FLT_MIN) ? (float)(1 / std) : 1;
  }
}

/* ---- PopArt ---- */

static double variance_of(const prl_popart *p) { return p->second - p->first * p->first; }

/* Σ (G − about)² */
static double spread_about(double about, int64_t rows, const float *returns) {
  double sum = 0;
  for (int64_t i = 0; i < rows; i++) sum += ((double)returns[i] - about) * ((double)returns[i] - about);
  return sum;
}

static bool is_quiet(double spread, double squares) {
  return spread <= squares * (QUIET_RETURNS * QUIET_RETURNS);
}

/* All returns so far count alike, up to PRL_STATISTICS_ROWS of those before this batch. */
static double begin(prl_popart *p, int64_t rows) {
  double before = p->begun * PRL_STATISTICS_ROWS, all = before + (double)rows;
  p->begun = all < PRL_STATISTICS_ROWS ? all / PRL_STATISTICS_ROWS : 1;
  return (double)rows / all;
}

void prl_popart_add(prl_popart *p, int64_t rows, const float *returns, double decay) {
  if (rows < 1) return;
  double sum = 0, squares = 0;
  for (int64_t i = 0; i < rows; i++) {
    sum += returns[i];
    squares += (double)returns[i] * returns[i];
  }
  bool beginning = p->begun < 1,
       quiet = !beginning && is_quiet(spread_about(p->first, rows, returns), squares);
  double variance = variance_of(p);
  if (beginning) decay = begin(p, rows);
  p->first += decay * (sum / (double)rows - p->first);
  if (quiet)
    p->second = variance + p->first * p->first;
  else
    p->second += decay * (squares / (double)rows - p->second);
  if (beginning && p->begun == 1 && is_quiet(variance_of(p), p->second))
    p->begun = (PRL_STATISTICS_ROWS - 1.0) / PRL_STATISTICS_ROWS;
}

bool prl_popart_urgent(const prl_popart *p, int64_t rows, const float *returns) {
  return p->begun < 1 || spread_about(p->mean, rows, returns) > 100 * p->std * p->std * (double)rows;
}

/* The deviation that the statistics ask for; the one in force where they do not know. */
static double deviation_of(const prl_popart *p) {
  double variance = variance_of(p);
  if (p->begun < 1 && is_quiet(variance, p->second)) variance = p->second;
  return variance > 0 ? sqrt(variance) : p->std;
}

double prl_popart_publish(prl_popart *p, int64_t rows, int64_t stride, float *w, float *b) {
  enum { FRESH = 10, MOST = 1000 }; /* of a weight */
  if (!(p->begun > 0)) return 1;
  double old_mean = p->mean, old_std = p->std, std = deviation_of(p), most = 0;
  bool fresh = old_mean == 0 && old_std == 1;
  for (int64_t i = 0; w && i < rows; i++) most = fmax(most, fabs((double)w[i * stride]));
  if (!fresh) std = fmax(std, old_std / 1.1);
  if (!fresh && std < old_std && most * old_std > MOST * std) std = old_std;
  p->mean = p->first;
  p->std = std;
  double ratio = old_std / std;
  if (!w) return ratio;
  *b = (float)((old_std * (double)*b + old_mean - p->mean) / std);
  if (fresh) {
    if (most * ratio > FRESH) ratio = fmin(ratio, 1);
    if (fabsf(*b) > FRESH) *b = 0;
  }
  for (int64_t i = 0; i < rows; i++) w[i * stride] = (float)((double)w[i * stride] * ratio);
  return ratio;
}
