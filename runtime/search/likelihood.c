/* The marginal likelihood and its gradient. Pairs of trials are passed once to make the covariance and once
 * for the derivatives; between the two are LAPACK's factor and inverse. */
#include <string.h>

#include "search/parts.h"

prl_status prl_gp_check(const prl_gp *gp, const prl_gp_theta *theta, prl_error *error) {
  const double low = 1e-150, high = 1e150; /* their squares are numbers, too */
  const double values[] = {theta->signal, theta->noise};
  static const char *const names[] = {"signal", "noise"};
  for (int d = 0; d < gp->dimensions; d++)
    if (!(theta->lengths[d] >= low && theta->lengths[d] <= high))
      return prl_fail(error, PRL_EINVAL, "length %d of a Gaussian process: expected a number above 0, got %g",
                      d + 1, theta->lengths[d]);
  for (int i = 0; i < 2; i++)
    if (!(values[i] >= low && values[i] <= high))
      return prl_fail(error, PRL_EINVAL, "%s of a Gaussian process: expected a number above 0, got %g",
                      names[i], values[i]);
  const double from_zero[] = {theta->shape, theta->level};
  static const char *const of_rounds[] = {"shape", "level"};
  for (int i = 0; i < 2; i++)
    if (!(from_zero[i] >= 0 && from_zero[i] <= high))
      return prl_fail(error, PRL_EINVAL, "%s of a Gaussian process: expected a number from 0, got %g",
                      of_rounds[i], from_zero[i]);
  return PRL_OK;
}

prl_status prl_gp_indefinite(prl_error *error) {
  return prl_fail(error, PRL_ENUMERIC,
                  "the covariance of the trials is not positive definite in float64: "
                  "the noise is too small beside the signal");
}

double prl_gp_weights(prl_gp *gp, const double *factor, double *alpha) {
  const int n = gp->count, two = 2;
  const double unit = 1;
  double *y = gp->right, *ones = gp->right + gp->ld, above = 0, below = 0;
  for (int i = 0; i < n; i++) y[i] = gp->score[i], ones[i] = 1;
  gp->lapack.dtrsm("L", "L", "N", "N", &n, &two, &unit, factor, &gp->ld, y, &gp->ld);
  gp->lapack.dtrsm("L", "L", "T", "N", &n, &two, &unit, factor, &gp->ld, y, &gp->ld);
  for (int i = 0; i < n; i++) above += y[i], below += ones[i];
  for (int i = 0; i < n; i++) alpha[i] = y[i] - above / below * ones[i];
  return above / below;
}

/* Σ_d ((x_d − x'_d) / length_d)² of two trials; each term, where `terms` is given. */
static double distance(const prl_gp *gp, const double *lengths, int i, int j, double *terms) {
  const double *a = gp->point + (size_t)i * (size_t)gp->dimensions;
  const double *b = gp->point + (size_t)j * (size_t)gp->dimensions;
  double sum = 0;
  for (int d = 0; d < gp->dimensions; d++) {
    double apart = (a[d] - b[d]) / lengths[d];
    sum += apart * apart;
    if (terms) terms[d] = apart * apart;
  }
  return sum;
}

static void covariance(const prl_gp *gp, const prl_gp_theta *theta, double *k) {
  for (int j = 0; j < gp->count; j++, k += gp->ld)
    for (int i = j; i < gp->count; i++) {
      bool same = gp->round[i] == gp->round[j];
      k[i] = (theta->signal + same * theta->shape) * prl_gp_matern(distance(gp, theta->lengths, i, j, NULL)) +
             same * theta->level + (i == j) * theta->noise;
    }
}

/* ½ tr((α αᵀ − K⁻¹) ∂K/∂θ) for the logarithm of each θ, with K⁻¹'s lower half. An element off the diagonal
 * counts twice. ∂k/∂log length_d = (5/3) (1 + √5 r) exp(−√5 r) ((x_d − x'_d) / length_d)². */
static void derivatives(const prl_gp *gp, const prl_gp_theta *theta, const double *inverse,
                        const double *alpha, double *gradient) {
  const int d = gp->dimensions;
  double terms[PRL_GP_DIMENSIONS];
  memset(gradient, 0, (size_t)(d + 4) * sizeof *gradient);
  for (int j = 0; j < gp->count; j++, inverse += gp->ld)
    for (int i = j; i < gp->count; i++) {
      bool same = gp->round[i] == gp->round[j];
      double weight = (alpha[i] * alpha[j] - inverse[i]) * (i == j ? 0.5 : 1);
      double square = distance(gp, theta->lengths, i, j, terms), s = sqrt(5 * square), fall = exp(-s);
      double by_k = weight * (1 + s + 5 * square / 3) * fall;
      double by_length = weight * (theta->signal + same * theta->shape) * 5 / 3 * (1 + s) * fall;
      for (int k = 0; k < d; k++) gradient[k] += by_length * terms[k];
      gradient[d] += by_k * theta->signal;
      gradient[d + 1] += same * by_k * theta->shape;
      gradient[d + 2] += same * weight * theta->level;
      gradient[d + 3] += (i == j) * weight * theta->noise;
    }
}

prl_status prl_gp_likelihood(prl_gp *gp, const prl_gp_theta *theta, double *value, double *gradient,
                             prl_error *error) {
  const int n = gp->count;
  double *alpha = gp->block, *k = gp->another, m, sum = 0;
  int info = 0;
  prl_status status = prl_gp_check(gp, theta, error);
  if (status) return status;
  if (n == 0) return prl_fail(error, PRL_ESTATE, "a Gaussian process without trials has no likelihood");
  covariance(gp, theta, k);
  gp->lapack.dpotrf("L", &n, k, &gp->ld, &info);
  if (info) return prl_gp_indefinite(error);
  m = prl_gp_weights(gp, k, alpha);
  for (int i = 0; i < n; i++)
    sum += 0.5 * (gp->score[i] - m) * alpha[i] + log(k[(size_t)i * (size_t)gp->ld + i]);
  gp->lapack.dpotri("L", &n, k, &gp->ld, &info);
  if (info || !isfinite(sum)) return prl_gp_indefinite(error);
  *value = -sum - 0.5 * n * log(2 * 3.14159265358979323846);
  derivatives(gp, theta, k, alpha, gradient);
  return PRL_OK;
}
