/* Asymptotic confidence sequences for a lift; the equations are in the header. */
#include "rl/confidence.h"

#include <math.h>

void prl_moments_add(prl_moments *m, double value) {
  const double before = value - m->mean;
  m->n++;
  m->mean += before / m->n;
  m->squares += before * (value - m->mean);
}

bool prl_moments_hold(const prl_moments *m) {
  return m->n >= 0 && m->n == floor(m->n) && m->n <= 0x1p53 && isfinite(m->mean) && isfinite(m->squares) &&
         m->squares >= 0;
}

/* ρ² of the mixture. */
static double mixture(const prl_confidence *c) {
  const double l = -2 * log(2 * c->level);
  return (l + log(1 + l)) / c->users;
}

static double variance_of_mean(const prl_moments *m) { return m->squares / (m->n - 1) / m->n; }

bool prl_confidence_interval(const prl_confidence *c, const prl_moments *policy, const prl_moments *baseline,
                             prl_interval *out) {
  if (policy->n < PRL_CONFIDENCE_LEAST || baseline->n < PRL_CONFIDENCE_LEAST || baseline->mean == 0 ||
      policy->squares <= 0 || baseline->squares <= 0)
    return false;
  const double unit = fabs(baseline->mean), factor = 1 + copysign(c->bound, c->bound * baseline->mean);
  const double v = variance_of_mean(policy) + factor * factor * variance_of_mean(baseline);
  const double x = mixture(c) / (1 / policy->n + 1 / baseline->n);
  const double radius = sqrt(2 * v * (1 + 1 / x) * log(1 + sqrt(1 + x) / (2 * c->level)));
  const double above = policy->mean - factor * baseline->mean; /* θ */
  *out = (prl_interval){.lift = above / unit + c->bound,
                        .low = (above - radius) / unit + c->bound,
                        .high = (above + radius) / unit + c->bound};
  return true;
}
