/* A Gaussian process over trials of vectors that are served to users in rounds (Rasmussen & Williams 2006,
 * "Gaussian processes for machine learning", chapters 2, 4 and 5; abbreviated GPML). All numbers are float64.
 *
 * The score of trial i, of the point xᵢ in round tᵢ, is taken as
 *     yᵢ = m + f(xᵢ) + g(tᵢ, xᵢ) + b(tᵢ) + εᵢ,   εᵢ ~ N(0, noise),   b(t) ~ N(0, level),
 *     f ~ GP(0, signal · k),   g(t, ·) ~ GP(0, shape · k) for each round t,
 *     k(x, x') = (1 + √5 r + 5 r²/3) exp(−√5 r),   r² = Σ_d ((x_d − x'_d) / length_d)²
 * (Matérn 5/2, GPML eq. 4.17). f is what is sought, a vector's worth to all users. The users of one round are
 * few, and the same for all its trials: they add to all scores alike (b), and like some vectors better than
 * others would (g). With terms of their own for both, what a round's trials have in common is not taken for
 * knowledge of f, however many trials those users see; a sum of independent processes has the sum of their
 * covariances. m is the estimate
 * by generalised least squares, 1ᵀK⁻¹y / 1ᵀK⁻¹1. Lengths are in the units of points, variances in those of
 * squared scores. */
#ifndef PRL_SEARCH_GAUSSIAN_PROCESS_H
#define PRL_SEARCH_GAUSSIAN_PROCESS_H

#include "perilune/core.h"

#define PRL_GP_TRIALS 2048 /* the most; three matrices of so many squared are 96 MiB */
#define PRL_GP_DIMENSIONS 256

typedef struct prl_gp prl_gp;

/* The hyperparameters. lengths: one for each dimension, > 0; signal, noise > 0; shape, level ≥ 0. */
typedef struct prl_gp_theta {
  const double *lengths;
  double signal, shape, level, noise;
} prl_gp_theta;

/* Memory for so many trials, all that there will be. The object has one reference. Fails: PRL_ELIMIT (the
 * budget), PRL_ENOMEM, PRL_EABSENT (no OpenBLAS). */
prl_status prl_gp_new(prl_runtime *runtime, int64_t dimensions, int64_t trials, prl_gp **out,
                      prl_error *error);
prl_gp *prl_gp_retain(prl_gp *gp);
void prl_gp_release(prl_gp *gp);
int prl_gp_dimensions(const prl_gp *gp);
int prl_gp_count(const prl_gp *gp); /* trials so far */

/* One more trial. Rounds come in order: round is at least that of the trial before. Fails: PRL_ELIMIT (there
 * is room for no more), PRL_ENUMERIC (not finite), PRL_EINVAL (an earlier round). */
prl_status prl_gp_add(prl_gp *gp, const double *point, int64_t round, double score, prl_error *error);

/* The logarithm of the marginal likelihood of the scores (GPML eq. 5.8 with the estimate of m) under these
 * hyperparameters, which are not put into force, and its derivatives by the logarithms of lengths, signal,
 * shape, level and noise (dimensions + 4; GPML eq. 5.9; m is where the likelihood is greatest, and so adds
 * nothing). It costs about five Cholesky decompositions. Fails: PRL_EINVAL, PRL_ESTATE (no trials),
 * PRL_ENUMERIC (the covariance is not positive definite in float64: noise is too small beside signal). */
prl_status prl_gp_likelihood(prl_gp *gp, const prl_gp_theta *theta, double *value, double *gradient,
                             prl_error *error);

/* Puts hyperparameters into force. The covariance is factorised when something is next asked; trials that
 * come later only append rows to its factor. */
prl_status prl_gp_set(prl_gp *gp, const prl_gp_theta *theta, prl_error *error);

/* The posterior mean of m + f, and its standard deviation (m taken as known), at n points (n, dimensions),
 * row-major (GPML eqs. 2.25, 2.26). Fails: PRL_ESTATE (no hyperparameters, no trials), PRL_ENUMERIC as
 * above. */
prl_status prl_gp_predict(prl_gp *gp, const double *points, int64_t n, double *mean, double *deviation,
                          prl_error *error);
/* The posterior mean at one point and its gradient (dimensions). Fails: as prl_gp_predict. */
prl_status prl_gp_slope(prl_gp *gp, const double *point, double *mean, double *gradient, prl_error *error);
/* The posterior mean of m + f at each trial's point. Fails: as prl_gp_predict. */
prl_status prl_gp_fitted(prl_gp *gp, double *mean, prl_error *error);

#endif
