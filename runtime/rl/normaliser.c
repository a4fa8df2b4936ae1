#include "rl/normaliser.h"

#include <math.h>
#include <string.h>

prl_status prl_normaliser_init(prl_normaliser *n, prl_runtime *runtime, int64_t width, float clip,
                               prl_error *error) {
  *n = (prl_normaliser){.runtime = runtime, .width = width, .clip = clip};
  n->count = prl_calloc(runtime, 1, sizeof *n->count);
  n->mean = prl_calloc(runtime, (size_t)width, sizeof *n->mean);
  n->m2 = prl_calloc(runtime, (size_t)width, sizeof *n->m2);
  n->shift = prl_calloc(runtime, (size_t)width, sizeof *n->shift);
  n->scale = prl_calloc(runtime, (size_t)width, sizeof *n->scale);
  if (!n->count || !n->mean || !n->m2 || !n->shift || !n->scale) {
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
  prl_free(n->runtime, n->shift);
  prl_free(n->runtime, n->scale);
  *n = (prl_normaliser){0};
}

prl_status prl_normaliser_blocks(prl_normaliser *n, prl_blocks *blocks, prl_error *error) {
  prl_status status = prl_blocks_add(blocks, "normaliser.count", PRL_F64, 1, n->count, error);
  if (!status) status = prl_blocks_add(blocks, "normaliser.mean", PRL_F64, n->width, n->mean, error);
  if (!status) status = prl_blocks_add(blocks, "normaliser.m2", PRL_F64, n->width, n->m2, error);
  if (!status) status = prl_blocks_add(blocks, "normaliser.shift", PRL_F32, n->width, n->shift, error);
  if (!status) status = prl_blocks_add(blocks, "normaliser.scale", PRL_F32, n->width, n->scale, error);
  return status;
}

void prl_normaliser_take(prl_normaliser *n, const prl_normaliser *from) {
  size_t width = (size_t)n->width;
  *n->count = *from->count;
  memcpy(n->mean, from->mean, width * sizeof *n->mean);
  memcpy(n->m2, from->m2, width * sizeof *n->m2);
  memcpy(n->shift, from->shift, width * sizeof *n->shift);
  memcpy(n->scale, from->scale, width * sizeof *n->scale);
}

void prl_normaliser_add(prl_normaliser *n, int64_t rows, const float *x) {
  if (rows < 1) return;
  double seen = *n->count, total = seen + (double)rows;
  for (int64_t c = 0; c < n->width; c++) {
    double sum = 0, m2 = 0;
    for (int64_t i = 0; i < rows; i++) sum += x[i * n->width + c];
    double mean = sum / (double)rows;
    for (int64_t i = 0; i < rows; i++) {
      double d = x[i * n->width + c] - mean;
      m2 += d * d;
    }
    double delta = mean - n->mean[c];
    n->mean[c] += delta * (double)rows / total;
    n->m2[c] += m2 + delta * delta * seen * (double)rows / total;
  }
  *n->count = total;
}

void prl_normaliser_publish(prl_normaliser *n) {
  if (*n->count < 2) return;
  for (int64_t c = 0; c < n->width; c++) {
    double std = sqrt(n->m2[c] / *n->count);
    n->shift[c] = (float)n->mean[c];
    n->scale[c] = std > 1e-6 ? (float)(1 / std) : 1;
  }
}

void prl_popart_add(prl_popart *p, int64_t rows, const float *returns, double decay) {
  if (rows < 1) return;
  double sum = 0, squares = 0;
  for (int64_t i = 0; i < rows; i++) {
    sum += returns[i];
    squares += (double)returns[i] * returns[i];
  }
  if (!p->set) decay = 1;
  p->first += decay * (sum / (double)rows - p->first);
  p->second += decay * (squares / (double)rows - p->second);
  p->set = 1;
}

void prl_popart_publish(prl_popart *p, int64_t rows, int64_t stride, float *w, float *b) {
  if (!p->set) return;
  double variance = p->second - p->first * p->first, old_mean = p->mean, old_std = p->std;
  p->mean = p->first;
  p->std = variance > 1e-8 ? sqrt(variance) : 1e-4; /* the bound of van Hasselt et al. */
  if (!w) return;
  double ratio = old_std / p->std;
  for (int64_t i = 0; i < rows; i++) w[i * stride] = (float)(w[i * stride] * ratio);
  *b = (float)((old_std * *b + old_mean - p->mean) / p->std);
}
