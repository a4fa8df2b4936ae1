/* By how much the policy that learns differs from the control group.
 *
 * The mean of a response is a ratio of sums over units, and streams are independent, so that its variance is
 * that of a ratio over clusters of streams (Cochran 1977, section 6.3): with s_k and n_k the sums of cluster
 * k of K, M = Σ s_k / Σ n_k, var M = K/(K − 1) · Σ (s_k − M n_k)² / (Σ n_k)². The lift
 * (M_own − M_control)/|M_control| has the variance (M_own/M_control)² · (var M_own/M_own² + var
 * M_control/M_control² − 2 cov/(M_own M_control)) by the delta method; the covariance over clusters is that
 * of twins, and about 0 where the two sides have other streams.
 */
#include <math.h>
#include <string.h>

#include "agent/control/parts.h"

/* ---- counting ---- */

/* Streams of a simulation are numbered from 0; those of a host may be anything. */
static int64_t cluster_of(uint64_t key) { return prl_bucket(key, NULL) % PRL_CLUSTERS; }

void prl_control_freeze(prl_control *c) { prl_experience_freeze(c->experience, &c->batch); }
bool prl_control_crowded(const prl_control *c) {
  const prl_experience *e = c->experience;
  return prl_shares_begun(&c->shares) && e->n.closed > 0 && 2 * e->n.live >= e->options.rows;
}

const prl_batch *prl_control_batch(const prl_control *c) { return &c->batch; }

const float *prl_control_rewards(prl_control *c, prl_expression *expression) {
  prl_expression_eval(expression, c->batch.rows, c->batch.response, c->reward);
  return c->reward;
}

bool prl_control_counts(const prl_control *c, const prl_batch *b, const prl_experience *e, int64_t row) {
  return !(e->options.arms > 1 && b->arm[row] != 0) && prl_control_compares(c, e, b->stream[row]);
}

/* Returns how many units ended. */
static int64_t count_side(prl_control *c, int side, const prl_batch *b, const prl_experience *e) {
  int64_t ended = 0;
  for (int64_t row = 0; row < b->rows; row++) {
    if (side == PRL_SIDE_OWN && !prl_control_counts(c, b, e, row)) continue;
    const double *unit = prl_units_add(&c->units[side], b, row, b->response + row * c->responses);
    if (!unit) continue;
    double *to = prl_control_sums(c, side, cluster_of(e->streams[b->stream[row]].key));
    *to++ += *c->weight;
    for (int32_t r = 0; r < c->responses; r++) to[r] += *c->weight * unit[r];
    ended++;
  }
  return ended;
}

/* Weights are relative: before they are too great for sums, all become smaller together. */
static void forget(prl_control *c, int64_t ended) {
  *c->weight *= exp((double)ended / c->window);
  if (*c->weight < 1e100) return;
  for (int64_t i = 0; i < PRL_SIDES * PRL_CLUSTERS * (1 + c->responses); i++) c->sums[i] /= *c->weight;
  *c->weight = 1;
}

void prl_control_count_own(prl_control *c, const prl_batch *own, const prl_experience *experience) {
  count_side(c, PRL_SIDE_OWN, own, experience);
}

void prl_control_count(prl_control *c, const prl_batch *own, const prl_experience *experience) {
  prl_control_count_own(c, own, experience);
  forget(c, count_side(c, PRL_SIDE_CONTROL, &c->batch, c->experience));
}

/* ---- lifts ---- */

typedef struct side_mean {
  double mean, weight;
  int64_t clusters; /* with a unit */
} side_mean;

static side_mean mean_of(const prl_control *c, int side, int32_t response) {
  double sum = 0;
  side_mean m = {0};
  for (int64_t k = 0; k < PRL_CLUSTERS; k++) {
    const double *from = prl_control_sums(c, side, k);
    m.weight += from[0];
    sum += from[1 + response];
    m.clusters += from[0] > 0;
  }
  m.mean = sum / m.weight;
  return m;
}

/* What a cluster adds to a mean, relative to it. */
static double deviation(const prl_control *c, int side, int64_t cluster, int32_t response,
                        const side_mean *m) {
  const double *from = prl_control_sums(c, side, cluster);
  return m->weight > 0 ? (from[1 + response] - m->mean * from[0]) / (m->weight * m->mean) : 0;
}

/* The 97.5 % point of Student's t (Abramowitz & Stegun 1964, 26.7.5), within 1 % from 3 degrees of freedom
 * on. */
static double student(double degrees) {
  const double z = 1.959964, z3 = z * z * z, z5 = z3 * z * z;
  return z + (z3 + z) / (4 * degrees) + (5 * z5 + 16 * z3 + 3 * z) / (96 * degrees * degrees) +
         (3 * z5 * z * z + 19 * z5 + 17 * z3 - 15 * z) / (384 * degrees * degrees * degrees);
}

bool prl_control_lift(const prl_control *c, int32_t response, double *lift, double *half) {
  const side_mean own = mean_of(c, PRL_SIDE_OWN, response), control = mean_of(c, PRL_SIDE_CONTROL, response);
  if (own.weight <= 0 || control.weight <= 0 || control.mean == 0) return false;
  const double least = (double)(own.clusters < control.clusters ? own.clusters : control.clusters);
  double squares = 0;
  *lift = (own.mean - control.mean) / fabs(control.mean);
  *half = NAN;
  if (least < 4 || own.mean == 0) return true;
  for (int64_t k = 0; k < PRL_CLUSTERS; k++) {
    const double d =
        deviation(c, PRL_SIDE_OWN, k, response, &own) - deviation(c, PRL_SIDE_CONTROL, k, response, &control);
    squares += d * d;
  }
  *half = student(least - 1) * fabs(own.mean / control.mean) * sqrt(squares * least / (least - 1));
  return true;
}
