/* The posterior: the factor of the covariance grows by rows. */
#include "search/gaussian_process.h"

#include <stdio.h>
#include <string.h>

#include "core/arguments.h"
#include "core/memory.h"
#include "search/parts.h"

static const double one = 1, minus = -1;

/* ---- Its memory ---- */

/* Places the fields in a block; returns how many doubles it needs, also for block NULL. */
static size_t place(prl_gp *gp, double *block) {
  double *next = block;
  size_t trials = (size_t)gp->trials, wide = (size_t)gp->dimensions, rows = (size_t)gp->ld;
  gp->point = prl_gp_take(&next, wide * trials);
  gp->scaled = prl_gp_take(&next, wide * trials);
  gp->norm = prl_gp_take(&next, trials);
  gp->score = prl_gp_take(&next, trials);
  gp->lengths = prl_gp_take(&next, wide);
  gp->factor = prl_gp_take(&next, rows * trials);
  gp->alpha = prl_gp_take(&next, rows);
  gp->right = prl_gp_take(&next, rows * 2);
  gp->another = prl_gp_take(&next, rows * trials);
  gp->block = prl_gp_take(&next, rows * PRL_GP_BLOCK);
  gp->query = prl_gp_take(&next, (wide + 1) * PRL_GP_BLOCK);
  gp->round = (int64_t *)prl_gp_take(&next, trials);
  return (size_t)(next - block);
}

prl_status prl_gp_new(prl_runtime *runtime, int64_t dimensions, int64_t trials, prl_gp **out,
                      prl_error *error) {
  char cause[64];
  prl_gp shape = {.runtime = runtime, .references = 1};
  prl_status status = PRL_WITHIN(error, "dimensions", dimensions, 1, PRL_GP_DIMENSIONS);
  if (!status) status = PRL_WITHIN(error, "trials", trials, 1, PRL_GP_TRIALS);
  if (!status) status = prl_lapack_load(prl_lapack_places, "Gaussian processes", &shape.lapack, error);
  if (status) return status;
  shape.dimensions = (int)dimensions, shape.trials = (int)trials, shape.ld = ((int)trials + 7) & ~7;
  size_t header = (sizeof shape + 63) / 64 * 8, bytes = (header + place(&shape, NULL)) * sizeof(double);
  snprintf(cause, sizeof cause, "a Gaussian process of %d trials", shape.trials);
  if ((status = prl_budget_check(runtime, (int64_t)bytes, cause, error))) return status;
  prl_gp *gp = prl_alloc(runtime, bytes);
  if (!gp) return prl_fail_memory(error, bytes);
  *gp = shape;
  place(gp, (double *)gp + header);
  prl_runtime_retain(runtime);
  *out = gp;
  return PRL_OK;
}

prl_gp *prl_gp_retain(prl_gp *gp) {
  gp->references++;
  return gp;
}

void prl_gp_release(prl_gp *gp) {
  if (!gp || --gp->references > 0) return;
  prl_runtime *runtime = gp->runtime;
  prl_free(runtime, gp);
  prl_runtime_release(runtime);
}

int prl_gp_dimensions(const prl_gp *gp) { return gp->dimensions; }
int prl_gp_count(const prl_gp *gp) { return gp->count; }

/* ---- Trials and hyperparameters ---- */

double prl_gp_scale(const prl_gp *gp, const double *point, double *scaled) {
  double norm = 0;
  for (int d = 0; d < gp->dimensions; d++) {
    scaled[d] = point[d] / gp->lengths[d];
    norm += scaled[d] * scaled[d];
  }
  return norm;
}

static void scale_trial(prl_gp *gp, int i) {
  size_t at = (size_t)i * (size_t)gp->dimensions;
  gp->norm[i] = prl_gp_scale(gp, gp->point + at, gp->scaled + at);
}

static bool finite_all(const double *values, int n) {
  for (int i = 0; i < n; i++)
    if (!isfinite(values[i])) return false;
  return true;
}

prl_status prl_gp_add(prl_gp *gp, const double *point, int64_t round, double score, prl_error *error) {
  int i = gp->count;
  if (i == gp->trials)
    return prl_fail(error, PRL_ELIMIT, "a Gaussian process of %d trials takes no more", gp->trials);
  if (!finite_all(point, gp->dimensions) || !isfinite(score))
    return prl_fail(error, PRL_ENUMERIC, "a trial's point and score must be finite");
  if (i > 0 && round < gp->round[i - 1])
    return prl_fail(error, PRL_EINVAL, "round %lld is over: the last trial was of round %lld",
                    (long long)round, (long long)gp->round[i - 1]);
  memcpy(gp->point + (size_t)i * (size_t)gp->dimensions, point, (size_t)gp->dimensions * sizeof *point);
  gp->round[i] = round, gp->score[i] = score;
  gp->count++, gp->changes++, gp->solved = false;
  if (gp->known) scale_trial(gp, i);
  return PRL_OK;
}

prl_status prl_gp_set(prl_gp *gp, const prl_gp_theta *theta, prl_error *error) {
  prl_status status = prl_gp_check(gp, theta, error);
  if (status) return status;
  memcpy(gp->lengths, theta->lengths, (size_t)gp->dimensions * sizeof *theta->lengths);
  gp->signal = theta->signal, gp->shape = theta->shape, gp->level = theta->level, gp->noise = theta->noise;
  gp->factored = 0, gp->known = true, gp->solved = false, gp->changes++;
  for (int i = 0; i < gp->count; i++) scale_trial(gp, i);
  return PRL_OK;
}

/* ---- The factor ---- */

void prl_gp_correlate(const prl_gp *gp, int m, const double *a, const double *a_norm, int n, const double *b,
                      const double *b_norm, double *out, int ld) {
  const double twice = -2, zero = 0;
  const int d = gp->dimensions;
  gp->lapack.dgemm("T", "N", &m, &n, &d, &twice, a, &d, b, &d, &zero, out, &ld);
  for (int j = 0; j < n; j++, out += ld)
    for (int i = 0; i < m; i++) out[i] = gp->signal * prl_gp_matern(fmax(0, a_norm[i] + b_norm[j] + out[i]));
}

/* The rows of K from the first that the factor lacks, where the factor's will be. */
static void new_rows(prl_gp *gp) {
  const int from = gp->factored, rows = gp->count - from;
  const size_t at = (size_t)from * (size_t)gp->dimensions, ld = (size_t)gp->ld;
  prl_gp_correlate(gp, rows, gp->scaled + at, gp->norm + from, gp->count, gp->scaled, gp->norm,
                   gp->factor + from, gp->ld);
  for (int i = from; i < gp->count; i++) {
    for (int j = i; j >= 0 && gp->round[j] == gp->round[i]; j--) {
      double *k = gp->factor + (size_t)j * ld + i;
      *k = *k * (1 + gp->shape / gp->signal) + gp->level;
    }
    gp->factor[(size_t)i * ld + i] += gp->noise;
  }
}

/* L₂₁ = K₂₁ L₁₁⁻ᵀ, L₂₂ L₂₂ᵀ = K₂₂ − L₂₁ L₂₁ᵀ. */
static prl_status extend(prl_gp *gp, prl_error *error) {
  const int from = gp->factored, rows = gp->count - from;
  double *low = gp->factor + from, *corner = low + (size_t)from * (size_t)gp->ld;
  int info = 0;
  new_rows(gp);
  if (from > 0) {
    gp->lapack.dtrsm("R", "L", "T", "N", &rows, &from, &one, gp->factor, &gp->ld, low, &gp->ld);
    gp->lapack.dsyrk("L", "N", &rows, &from, &minus, low, &gp->ld, &one, corner, &gp->ld);
  }
  gp->lapack.dpotrf("L", &rows, corner, &gp->ld, &info);
  if (info) return prl_gp_indefinite(error);
  gp->factored = gp->count;
  return PRL_OK;
}

void prl_gp_solve(const prl_gp *gp, int n, double *b) {
  gp->lapack.dtrsm("L", "L", "N", "N", &gp->count, &n, &one, gp->factor, &gp->ld, b, &gp->ld);
}

prl_status prl_gp_ready(prl_gp *gp, prl_error *error) {
  if (!gp->known) return prl_fail(error, PRL_ESTATE, "a Gaussian process needs its hyperparameters first");
  if (gp->count == 0) return prl_fail(error, PRL_ESTATE, "a Gaussian process without trials knows nothing");
  if (gp->factored < gp->count) {
    prl_status status = extend(gp, error);
    if (status) return status;
  }
  if (gp->solved) return PRL_OK;
  gp->mean = prl_gp_weights(gp, gp->factor, gp->alpha);
  gp->solved = true;
  return PRL_OK;
}

/* ---- What it says ---- */

/* One block of predictions, n ≤ PRL_GP_BLOCK. */
static void predict(prl_gp *gp, const double *points, int n, double *mean, double *deviation) {
  const int d = gp->dimensions;
  double *norms = gp->query + d * PRL_GP_BLOCK;
  for (int j = 0; j < n; j++) norms[j] = prl_gp_scale(gp, points + j * d, gp->query + j * d);
  prl_gp_correlate(gp, gp->count, gp->scaled, gp->norm, n, gp->query, norms, gp->block, gp->ld);
  for (int j = 0; j < n; j++)
    mean[j] = gp->mean + prl_gp_dot(gp->block + (size_t)j * (size_t)gp->ld, gp->alpha, gp->count);
  prl_gp_solve(gp, n, gp->block);
  for (int j = 0; j < n; j++) {
    const double *v = gp->block + (size_t)j * (size_t)gp->ld;
    deviation[j] = sqrt(fmax(0, gp->signal - prl_gp_dot(v, v, gp->count)));
  }
}

prl_status prl_gp_predict(prl_gp *gp, const double *points, int64_t n, double *mean, double *deviation,
                          prl_error *error) {
  prl_status status = prl_gp_ready(gp, error);
  for (int64_t j = 0; !status && j < n; j += PRL_GP_BLOCK) {
    int count = n - j < PRL_GP_BLOCK ? (int)(n - j) : PRL_GP_BLOCK;
    predict(gp, points + j * gp->dimensions, count, mean + j, deviation + j);
  }
  return status;
}

/* ∂k/∂x_d = −(5/3) signal (1 + √5 r) exp(−√5 r) (x_d − x'_d) / length_d². */
prl_status prl_gp_slope(prl_gp *gp, const double *point, double *mean, double *gradient, prl_error *error) {
  const int d = gp->dimensions;
  double sum = 0, *at = gp->query;
  prl_status status = prl_gp_ready(gp, error);
  if (status) return status;
  prl_gp_scale(gp, point, at);
  memset(gradient, 0, (size_t)d * sizeof *gradient);
  for (int i = 0; i < gp->count; i++) {
    const double *other = gp->scaled + (size_t)i * (size_t)d;
    double square = prl_gp_apart(at, other, d), s = sqrt(5 * square),
           weight = gp->signal * exp(-s) * gp->alpha[i];
    sum += (1 + s + 5 * square / 3) * weight;
    weight *= -5.0 / 3 * (1 + s);
    for (int k = 0; k < d; k++) gradient[k] += weight * (at[k] - other[k]);
  }
  for (int k = 0; k < d; k++) gradient[k] /= gp->lengths[k];
  *mean = gp->mean + sum;
  return PRL_OK;
}

/* y − m = K alpha, and what K has beside signal · k is of the trial's own round: so f is what that leaves. */
prl_status prl_gp_fitted(prl_gp *gp, double *mean, prl_error *error) {
  const int d = gp->dimensions;
  prl_status status = prl_gp_ready(gp, error);
  for (int first = 0, end; !status && first < gp->count; first = end) {
    for (end = first; end < gp->count && gp->round[end] == gp->round[first]; end++) {
    }
    for (int i = first; i < end; i++) {
      const double *a = gp->scaled + (size_t)i * (size_t)d;
      double own = gp->noise * gp->alpha[i];
      for (int j = first; j < end; j++)
        own +=
            (gp->level + gp->shape * prl_gp_matern(prl_gp_apart(a, gp->scaled + (size_t)j * (size_t)d, d))) *
            gp->alpha[j];
      mean[i] = gp->score[i] - own;
    }
  }
  return status;
}
