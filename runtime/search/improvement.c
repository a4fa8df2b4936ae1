/* Matrices are by columns: a column is a trial's, a candidate's or a draw's. */
#include "search/improvement.h"

#include <stdio.h>
#include <string.h>

#include "core/arguments.h"
#include "core/memory.h"
#include "search/parts.h"

struct prl_improvement {
  prl_gp *gp;
  prl_improvement_options shape;
  int width;                /* normals of a draw */
  int incumbents, offered;  /* of this batch */
  int picked, last;         /* how many; the last one, which the draws do not know yet, or -1 */
  int64_t changes;          /* of the process when the batch began; -1: there is none */
  double *normal;           /* (width, draws) */
  double *best;             /* (draws) */
  double *base, *base_norm; /* (dimensions, incumbents): scaled */
  double *base_mean;        /* (incumbents) */
  double *base_solved;      /* (ld, incumbents): factor⁻¹ k(X, b) */
  double *base_factor;      /* (incumbents, incumbents): L */
  double *fitted;           /* (trials) */
  double *point, *norm;     /* (dimensions, candidates): scaled */
  double *solved;           /* (ld, candidates): factor⁻¹ k(X, x) */
  double *weight;           /* (width, candidates): w, longer by each pick */
  double *centre;           /* (draws, candidates): μ_s(x) */
  double *rest;             /* (candidates): v(x) */
  double *value;            /* (candidates) */
  double *cross;            /* (candidates): of a pick */
};

static const double one = 1, minus = -1;

/* ---- Its memory ---- */

static size_t place(prl_improvement *e, double *block) {
  double *next = block;
  const size_t rows = (size_t)e->gp->ld, wide = (size_t)e->gp->dimensions, n = (size_t)e->shape.candidates,
               m = (size_t)e->shape.incumbents, draws = (size_t)e->shape.draws, width = (size_t)e->width;
  e->normal = prl_gp_take(&next, width * draws);
  e->best = prl_gp_take(&next, draws);
  e->base = prl_gp_take(&next, wide * m);
  e->base_norm = prl_gp_take(&next, m);
  e->base_mean = prl_gp_take(&next, m);
  e->base_solved = prl_gp_take(&next, rows * m);
  e->base_factor = prl_gp_take(&next, m * m);
  e->fitted = prl_gp_take(&next, rows);
  e->point = prl_gp_take(&next, wide * n);
  e->norm = prl_gp_take(&next, n);
  e->solved = prl_gp_take(&next, rows * n);
  e->weight = prl_gp_take(&next, width * n);
  e->centre = prl_gp_take(&next, draws * n);
  e->rest = prl_gp_take(&next, n);
  e->value = prl_gp_take(&next, n);
  e->cross = prl_gp_take(&next, n);
  return (size_t)(next - block);
}

static prl_status check_shape(const prl_improvement_options *o, prl_error *error) {
  const int64_t values[] = {o->candidates, o->incumbents, o->draws, o->picks};
  static const char *const names[] = {"candidates", "incumbents", "draws", "picks"};
  prl_status status = PRL_OK;
  for (int i = 0; !status && i < 4; i++)
    status = PRL_WITHIN(error, names[i], values[i], 1, PRL_IMPROVEMENT_MOST);
  return status;
}

prl_status prl_improvement_new(prl_gp *gp, const prl_improvement_options *options, prl_improvement **out,
                               prl_error *error) {
  char cause[64];
  prl_status status = check_shape(options, error);
  if (status) return status;
  prl_improvement shape = {
      .gp = gp, .shape = *options, .changes = -1, .width = (int)(options->incumbents + options->picks)};
  size_t header = (sizeof shape + 63) / 64 * 8, bytes = (header + place(&shape, NULL)) * sizeof(double);
  snprintf(cause, sizeof cause, "%d candidates", (int)options->candidates);
  if ((status = prl_budget_check(gp->runtime, (int64_t)bytes, cause, error))) return status;
  prl_improvement *e = prl_alloc(gp->runtime, bytes);
  if (!e) return prl_fail_memory(error, bytes);
  *e = shape;
  place(e, (double *)e + header);
  prl_gp_retain(gp);
  *out = e;
  return PRL_OK;
}

void prl_improvement_free(prl_improvement *e) {
  if (!e) return;
  prl_gp *gp = e->gp;
  prl_free(gp->runtime, e);
  prl_gp_release(gp);
}

const prl_improvement_options *prl_improvement_shape(const prl_improvement *e) { return &e->shape; }
prl_gp *prl_improvement_process(const prl_improvement *e) { return e->gp; }

/* ---- The incumbents ---- */

/* The trials of the greatest means; of equal ones the earlier is first. */
static void choose(prl_improvement *e, int64_t *trial) {
  const prl_gp *gp = e->gp;
  const size_t wide = (size_t)gp->dimensions;
  for (int k = 0; k < e->incumbents; k++) {
    int best = 0;
    for (int i = 1; i < gp->count; i++)
      if (e->fitted[i] > e->fitted[best]) best = i;
    memcpy(e->base + (size_t)k * wide, gp->scaled + (size_t)best * wide, wide * sizeof(double));
    e->base_norm[k] = gp->norm[best];
    e->base_mean[k] = e->fitted[best];
    trial[k] = best;
    e->fitted[best] = -HUGE_VAL;
  }
}

/* Σ(b, b), then its factor. Two trials of one point have one value: then Σ is singular, and what is added to
 * its diagonal stands for it. */
static prl_status factorise(prl_improvement *e, prl_error *error) {
  const prl_gp *gp = e->gp;
  const int m = e->incumbents;
  int info = 1;
  for (double more = 1e-10; info && more < 1; more *= 100) {
    prl_gp_correlate(gp, m, e->base, e->base_norm, m, e->base, e->base_norm, e->base_factor, m);
    gp->lapack.dgemm("T", "N", &m, &m, &gp->count, &minus, e->base_solved, &gp->ld, e->base_solved, &gp->ld,
                     &one, e->base_factor, &m);
    for (int i = 0; i < m; i++) e->base_factor[i * m + i] += more * gp->signal;
    gp->lapack.dpotrf("L", &m, e->base_factor, &m, &info);
  }
  return info ? prl_gp_indefinite(error) : PRL_OK;
}

static void draw(prl_improvement *e, double *share) {
  const int m = e->incumbents;
  memset(share, 0, (size_t)m * sizeof *share);
  for (int s = 0; s < e->shape.draws; s++) {
    const double *z = e->normal + (size_t)s * (size_t)e->width;
    int best = 0;
    e->best[s] = -HUGE_VAL;
    for (int i = 0; i < m; i++) {
      double f = e->base_mean[i];
      for (int j = 0; j <= i; j++) f += e->base_factor[j * m + i] * z[j];
      if (f > e->best[s]) e->best[s] = f, best = i;
    }
    share[best] += 1 / (double)e->shape.draws;
  }
}

/* Where there are fewer trials than incumbents, picks take the normals that come after theirs. */
prl_status prl_improvement_begin(prl_improvement *e, const double *normals, double *share, int64_t *trial,
                                 int64_t *found, prl_error *error) {
  prl_gp *gp = e->gp;
  e->changes = -1;
  prl_status status = prl_gp_fitted(gp, e->fitted, error);
  if (status) return status;
  e->incumbents = gp->count < (int)e->shape.incumbents ? gp->count : (int)e->shape.incumbents;
  memcpy(e->normal, normals, (size_t)e->width * (size_t)e->shape.draws * sizeof *normals);
  choose(e, trial);
  prl_gp_correlate(gp, gp->count, gp->scaled, gp->norm, e->incumbents, e->base, e->base_norm, e->base_solved,
                   gp->ld);
  prl_gp_solve(gp, e->incumbents, e->base_solved);
  if ((status = factorise(e, error))) return status;
  draw(e, share);
  *found = e->incumbents;
  e->offered = 0, e->picked = 0, e->last = -1, e->changes = gp->changes;
  return PRL_OK;
}

/* ---- Candidates ---- */

/* h(u) = φ(u) + u Φ(u); below −8 it is less than 1e-16 and lost in rounding. */
static double improvement_of(double u) {
  const double root = 0.70710678118654752440, density = 0.39894228040143267794;
  if (u < -8) return 0;
  return fmax(0, density * exp(-0.5 * u * u) + 0.5 * u * erfc(-u * root));
}

static double value_of(const prl_improvement *e, int j) {
  const double *centre = e->centre + (size_t)j * (size_t)e->shape.draws;
  const double deviation = sqrt(e->rest[j]);
  double sum = 0;
  for (int s = 0; s < e->shape.draws; s++) {
    double above = centre[s] - e->best[s];
    sum += deviation > 0 ? deviation * improvement_of(above / deviation) : fmax(0, above);
  }
  return sum / (double)e->shape.draws;
}

/* w = L⁻¹ Σ(b, x) of candidates from..from + n. */
static void weigh(prl_improvement *e, int from, int n) {
  const prl_gp *gp = e->gp;
  const int m = e->incumbents;
  double *weight = e->weight + (size_t)from * (size_t)e->width;
  const double *solved = e->solved + (size_t)from * (size_t)gp->ld;
  prl_gp_correlate(gp, m, e->base, e->base_norm, n, e->point + (size_t)from * (size_t)gp->dimensions,
                   e->norm + from, weight, e->width);
  gp->lapack.dgemm("T", "N", &m, &n, &gp->count, &minus, e->base_solved, &gp->ld, solved, &gp->ld, &one,
                   weight, &e->width);
  gp->lapack.dtrsm("L", "L", "N", "N", &m, &n, &one, e->base_factor, &m, weight, &e->width);
}

/* Everything of candidates from..from + n, whose scaled points are there. */
static void meet(prl_improvement *e, int from, int n) {
  const prl_gp *gp = e->gp;
  const int draws = (int)e->shape.draws;
  const size_t ld = (size_t)gp->ld, wide = (size_t)gp->dimensions;
  double *solved = e->solved + (size_t)from * ld, *centre = e->centre + (size_t)from * (size_t)draws;
  prl_gp_correlate(gp, gp->count, gp->scaled, gp->norm, n, e->point + (size_t)from * wide, e->norm + from,
                   solved, gp->ld);
  for (int j = 0; j < n; j++) {
    double mean = gp->mean + prl_gp_dot(solved + (size_t)j * ld, gp->alpha, gp->count);
    for (int s = 0; s < draws; s++) centre[j * draws + s] = mean;
  }
  prl_gp_solve(gp, n, solved);
  weigh(e, from, n);
  gp->lapack.dgemm("T", "N", &draws, &n, &e->incumbents, &one, e->normal, &e->width,
                   e->weight + (size_t)from * (size_t)e->width, &e->width, &one, centre, &draws);
  for (int j = from; j < from + n; j++) {
    const double *v = e->solved + (size_t)j * ld, *w = e->weight + (size_t)j * (size_t)e->width;
    e->rest[j] = fmax(0, gp->signal - prl_gp_dot(v, v, gp->count) - prl_gp_dot(w, w, e->incumbents));
    e->value[j] = value_of(e, j);
  }
}

static prl_status check_batch(const prl_improvement *e, prl_error *error) {
  return e->changes == e->gp->changes
             ? PRL_OK
             : prl_fail(error, PRL_ESTATE,
                        "expected improvement: a batch begins with its normals, anew after "
                        "each change of the process");
}

prl_status prl_improvement_offer(prl_improvement *e, const double *points, int64_t n, double *values,
                                 prl_error *error) {
  const int64_t wide = e->gp->dimensions;
  prl_status status = check_batch(e, error);
  if (status) return status;
  if (e->picked > 0)
    return prl_fail(error, PRL_ESTATE, "expected improvement: points are offered before the first is picked");
  if (n > e->shape.candidates - e->offered)
    return prl_fail(error, PRL_ELIMIT,
                    "expected improvement: %lld candidates are offered, and %lld is the most",
                    (long long)(e->offered + n), (long long)e->shape.candidates);
  for (int64_t j = 0; j < n; j++)
    e->norm[e->offered + j] = prl_gp_scale(e->gp, points + j * wide, e->point + (e->offered + j) * wide);
  if (n > 0) meet(e, e->offered, (int)n);
  memcpy(values, e->value + e->offered, (size_t)n * sizeof *values);
  e->offered += (int)n;
  return PRL_OK;
}

/* ---- Picks ---- */

/* The draws know the value of the last pick from here on: one more row of w, after Cholesky's rule. */
static void condition(prl_improvement *e) {
  const prl_gp *gp = e->gp;
  const int at = e->last, n = e->offered, single = 1, draws = (int)e->shape.draws;
  const int known = e->incumbents + e->picked - 1;
  const double *solved = e->solved + (size_t)at * (size_t)gp->ld;
  const double *own = e->weight + (size_t)at * (size_t)e->width;
  const double deviation = sqrt(e->rest[at]);
  for (int s = 0; s < draws; s++) {
    double z = e->normal[(size_t)s * (size_t)e->width + (size_t)known];
    e->best[s] = fmax(e->best[s], e->centre[(size_t)at * (size_t)draws + (size_t)s] + deviation * z);
  }
  prl_gp_correlate(gp, n, e->point, e->norm, 1, e->point + (size_t)at * (size_t)gp->dimensions, e->norm + at,
                   e->cross, n);
  gp->lapack.dgemm("T", "N", &n, &single, &gp->count, &minus, e->solved, &gp->ld, solved, &gp->ld, &one,
                   e->cross, &n);
  gp->lapack.dgemm("T", "N", &n, &single, &known, &minus, e->weight, &e->width, own, &e->width, &one,
                   e->cross, &n);
  for (int j = 0; j < n; j++) {
    double w = deviation > 0 ? e->cross[j] / deviation : 0;
    w = fmax(-sqrt(e->rest[j]), fmin(sqrt(e->rest[j]), w)); /* exact but for rounding */
    e->weight[(size_t)j * (size_t)e->width + (size_t)known] = w;
    e->rest[j] = j == at ? 0 : fmax(0, e->rest[j] - w * w);
    for (int s = 0; s < draws; s++)
      e->centre[(size_t)j * (size_t)draws + (size_t)s] +=
          w * e->normal[(size_t)s * (size_t)e->width + (size_t)known];
    e->value[j] = value_of(e, j);
  }
}

prl_status prl_improvement_pick(prl_improvement *e, int64_t *index, double *value, prl_error *error) {
  prl_status status = check_batch(e, error);
  int best = 0;
  if (status) return status;
  if (e->offered == 0) return prl_fail(error, PRL_ESTATE, "expected improvement: no point was offered");
  if (e->picked == e->shape.picks)
    return prl_fail(error, PRL_ELIMIT, "expected improvement: the batch of %d is full", (int)e->shape.picks);
  if (e->last >= 0) condition(e);
  for (int j = 1; j < e->offered; j++)
    if (e->value[j] > e->value[best]) best = j;
  e->last = best, e->picked++;
  *index = best, *value = e->value[best];
  return PRL_OK;
}
