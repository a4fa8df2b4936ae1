/* Noisy expected improvement of a batch (Letham, Karrer, Ottoni, Bakshy 2019, "Constrained Bayesian
 * optimization with noisy experiments", Bayesian Analysis 14(2), section 4), of a Gaussian process.
 *
 * What the best vector so far is worth is not known, since scores are noisy. So N draws say what it may be:
 * draw s gives the incumbents b, those trials whose posterior means are greatest, the values
 *     f_s(b) = μ(b) + L z_s,   L Lᵀ = Σ(b, b),   z_s standard normals of the caller,   best_s = max f_s(b),
 * and, f_s at the incumbents being known, a point x has the mean and the variance
 *     μ_s(x) = μ(x) + wᵀ z_s,   v(x) = σ²(x) − wᵀ w,   w = L⁻¹ Σ(b, x),
 * so that the expected improvement of draw s has the closed form of one without noise, and the mean of
 *     √v h((μ_s(x) − best_s) / √v),   h(u) = φ(u) + u Φ(u),
 * over the draws is that of x. A point that is picked joins the incumbents, with the next of each draw's
 * normals, and the next pick is sought given it: the paper's greedy batch, in which pending points are
 * fantasised as well. The paper conditions on f at every trial, which takes a Cholesky decomposition for each
 * batch; what trials of small means might be worth does not move the maximum.
 *
 * μ, σ² and Σ are of m + f alone (gaussian_process.h): neither noise nor what a round's users add. */
#ifndef PRL_SEARCH_IMPROVEMENT_H
#define PRL_SEARCH_IMPROVEMENT_H

#include "search/gaussian_process.h"

typedef struct prl_improvement prl_improvement;

typedef struct prl_improvement_options {
  int64_t candidates; /* points that may be offered, ≥ 1 */
  int64_t incumbents; /* trials whose values are drawn, ≥ 1 */
  int64_t draws;      /* N ≥ 1 */
  int64_t picks;      /* of a batch, ≥ 1 */
} prl_improvement_options;

enum { PRL_IMPROVEMENT_MOST = 4096 }; /* of each option */

/* It keeps a reference to the process. Fails: PRL_ELIMIT (the budget), PRL_ENOMEM. */
prl_status prl_improvement_new(prl_gp *gp, const prl_improvement_options *options, prl_improvement **out,
                               prl_error *error);
void prl_improvement_free(prl_improvement *improvement);
const prl_improvement_options *prl_improvement_shape(const prl_improvement *improvement);
prl_gp *prl_improvement_process(const prl_improvement *improvement);

/* Begins a batch: normals (draws, incumbents + picks), row-major, of which the last are for picks. Nothing is
 * offered yet. share (as many as there are trials, but at most incumbents): in which part of the draws each
 * incumbent is the best; trial: which trial it is, from 0; *found: how many there are. Fails: as
 * prl_gp_predict. */
prl_status prl_improvement_begin(prl_improvement *improvement, const double *normals, double *share,
                                 int64_t *trial, int64_t *found, prl_error *error);
/* Offers n points (n, dimensions); values (n): the expected improvement of each as the first of the batch.
 * Fails: PRL_ESTATE (no batch has begun, the process has changed since, or something is picked already),
 * PRL_ELIMIT (more candidates than there is room for). */
prl_status prl_improvement_offer(prl_improvement *improvement, const double *points, int64_t n,
                                 double *values, prl_error *error);
/* The place of the best of the points that were offered, from 0, given those that were picked, and its
 * expected improvement. Fails: PRL_ESTATE (as above, or nothing was offered), PRL_ELIMIT (the batch is full).
 */
prl_status prl_improvement_pick(prl_improvement *improvement, int64_t *index, double *value,
                                prl_error *error);

#endif
