/* From frozen rows to what the losses read: rewards, values, advantages and returns. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "agent/agent.h"
#include "core/clock.h"
#include "rl/returns.h"

enum { FREEZE, REWARDS, VALUES, CRITICS, SUM }; /* stages, between which the clock is looked at */

/* ---- rewards ---- */

static prl_status reward_not_finite(const prl_agent *a, const prl_critic *c, prl_error *error) {
  int64_t row = 0;
  while (row < a->batch.rows - 1 && isfinite(c->reward[row])) row++;
  return prl_fail(error, PRL_ENUMERIC, "the reward of critic \"%s\" is %g at step %" PRIu32 " of an episode",
                  c->name, (double)c->reward[row], a->batch.step[row]);
}

static prl_status raw_rewards(prl_agent *a, prl_error *error) {
  for (int i = 0; i < a->critics_count; i++) {
    prl_critic *c = &a->critics[i];
    prl_expression_eval(c->expression, a->batch.rows, a->batch.response, c->reward);
    if (!a->kernels->finite(a->batch.rows, c->reward)) return reward_not_finite(a, c, error);
  }
  return PRL_OK;
}

/* Without times every discount would be 1, and nothing would say so. */
static prl_status check_times(const prl_agent *a, prl_error *error) {
  const prl_batch *b = &a->batch;
  bool needed = false;
  for (int64_t row = 0; a->timed && row < b->rows; row++) {
    if (b->successor[row] < 0) continue;
    if (b->elapsed[row] > 0) return PRL_OK;
    needed = true;
  }
  if (!needed) return PRL_OK;
  return prl_fail(error, PRL_ESTATE,
                  "critic \"%s\" is discounted per %s, but none of the %" PRId64
                  " steps took any time; a host tells the time by prl_agent_time",
                  a->timed->name, a->timed->per, b->rows);
}

static void scale_rewards(prl_agent *a) {
  for (int i = 0; i < a->critics_count; i++) {
    prl_critic *c = &a->critics[i];
    double scale = *c->scale;
    if (scale == 1) continue;
    for (int64_t row = 0; row < a->batch.rows; row++) c->reward[row] = (float)(c->reward[row] / scale);
  }
}

/* ---- reports about the frozen rows ---- */

/* Sums of raw rewards over whole episodes, which run on from update to update. An episode that lacks steps
 * (dropped, stale) is not reported. */
static void report_episodes(prl_agent *a) {
  const prl_batch *b = &a->batch;
  for (int64_t row = 0; row < b->rows; row++) {
    int32_t slot = b->stream[row];
    bool first = b->step[row] == 0, whole;
    double length = a->lengths[slot] = first ? 1 : a->lengths[slot] + 1;
    bool ends = b->end[row] == PRL_END_TERMINATED || b->end[row] == PRL_END_TRUNCATED;
    whole = ends && length == (double)b->step[row] + 1;
    for (int i = 0; i < a->critics_count; i++) {
      prl_critic *c = &a->critics[i];
      c->episode[slot] = (first ? 0 : c->episode[slot]) + (double)c->reward[row];
      if (whole) prl_gauge_put(a, c->metric_return, c->episode[slot]);
    }
    if (whole) prl_gauge_put(a, a->gauge_length, length);
  }
}

static void report_responses(prl_agent *a) {
  for (int32_t r = 0; r < a->responses; r++) {
    double sum = 0;
    for (int64_t row = 0; row < a->batch.rows; row++)
      sum += (double)a->batch.response[row * a->responses + r];
    if (a->batch.rows) prl_gauge_put(a, a->gauge_responses + r, sum / (double)a->batch.rows);
  }
}

/* ---- the stages ---- */

static void normalise_observations(prl_agent *a) {
  const prl_batch *b = &a->batch;
  int64_t rows = b->rows + b->bootstraps;
  if (!a->normalise) {
    memcpy(a->observation, b->observation, (size_t)(rows * a->observations) * sizeof(float));
    return;
  }
  const prl_normaliser *n = &a->normaliser;
  a->kernels->normalise(rows, a->observations, b->observation, n->shift, n->scale, n->clip, a->observation);
  prl_normaliser_add(&a->normaliser, b->rows, b->observation);
}

/* Together, since the raw observations of the batch are not saved. */
static void freeze(prl_agent *a) {
  prl_gauges_clear(a);
  prl_live_freeze(&a->live, (double)a->experience->n.decisions);
  prl_routines_fill_live(a);
  prl_experience_freeze(a->experience, &a->batch);
  a->n.shuffles = a->n.tile = 0;
  normalise_observations(a);
}

static prl_status rewards(prl_agent *a, prl_error *error) {
  prl_status status = check_times(a, error);
  if (!status) status = raw_rewards(a, error);
  if (status) return status;
  report_episodes(a);
  report_responses(a);
  scale_rewards(a);
  return PRL_OK;
}

/* Values of one tile of rows and bootstraps, spread to the critics. */
static prl_status value_tile(prl_agent *a, int64_t first, int64_t rows, prl_error *error) {
  prl_program *program = a->routines[a->values].program;
  prl_status status = prl_program_rows(program, rows, error);
  if (status) return status;
  memcpy(a->values_observation->data, a->observation + first * a->observations,
         (size_t)(rows * a->observations) * sizeof(float));
  status = prl_program_run(program, 0, NULL, error);
  if (status) return status;
  const float *value = a->values_value->data;
  if (!a->kernels->finite(rows * a->critics_count, value))
    return prl_fail(error, PRL_ENUMERIC, "a critic's value is not finite (program \"values\")");
  for (int i = 0; i < a->critics_count; i++)
    for (int64_t row = 0; row < rows; row++)
      a->critics[i].value[first + row] = value[row * a->critics_count + i];
  return PRL_OK;
}

static prl_status values(prl_agent *a, int64_t deadline_ns, bool *done, prl_error *error) {
  int64_t all = a->critics_count ? a->batch.rows + a->batch.bootstraps : 0;
  while (a->n.tile < all) {
    if (deadline_ns && a->n.tile > 0 && prl_clock_ns() >= deadline_ns) {
      *done = false;
      return PRL_OK;
    }
    int64_t rows = all - a->n.tile < a->tile_rows ? all - a->n.tile : a->tile_rows;
    prl_status status = value_tile(a, a->n.tile, rows, error);
    if (status) return status;
    a->n.tile += rows;
  }
  return PRL_OK;
}

typedef struct moments {
  double mean, variance;
} moments;

static moments moments_of(int64_t rows, const float *x) {
  double sum = 0, squares = 0;
  for (int64_t i = 0; i < rows; i++) sum += (double)x[i];
  double mean = rows ? sum / (double)rows : 0;
  for (int64_t i = 0; i < rows; i++) squares += ((double)x[i] - mean) * ((double)x[i] - mean);
  return (moments){mean, rows ? squares / (double)rows : 0};
}

/* 1 − Var(R − V)/Var(R); R − V is the advantage. */
static void report_variance(prl_agent *a, const prl_critic *c) {
  moments all = moments_of(a->batch.rows, c->returns), rest = moments_of(a->batch.rows, c->advantage);
  if (all.variance > 0) prl_gauge_put(a, c->metric_variance, 1 - rest.variance / all.variance);
}

/* The statistics come into force before the targets are made; normalised predictions move with the layer. */
static void publish_popart(prl_agent *a, prl_critic *c) {
  double before = (double)*c->layer_bias;
  double ratio =
      prl_popart_publish(c->popart, c->layer_rows, c->layer_stride, c->layer_weight, c->layer_bias);
  for (int64_t i = 0; i < a->batch.rows + a->batch.bootstraps; i++)
    c->value[i] = (float)(((double)c->value[i] - before) * ratio + (double)*c->layer_bias);
}

/* The mean over the steps that it applies to. */
static void report_discount(prl_agent *a, const prl_critic *c) {
  double sum = 0, count = 0;
  for (int64_t row = 0; row < a->batch.rows; row++) {
    if (a->batch.successor[row] < 0) continue;
    sum += a->discount[row];
    count++;
  }
  if (count > 0) prl_gauge_put(a, c->metric_discount, sum / count);
}

static void estimate_critic(prl_agent *a, prl_critic *c, double lambda) {
  const prl_batch *b = &a->batch;
  prl_popart *p = c->popart;
  prl_discounts(b->rows, prl_ref_value(&a->live, c->gamma), c->unit, b->elapsed, a->discount);
  prl_gae(b->rows, c->reward, c->value, p->mean, p->std, b->successor, a->discount, lambda, c->advantage,
          c->returns);
  if (c->unit > 0) report_discount(a, c);
  report_variance(a, c);
  if (!c->normalise) return;
  bool urgent = prl_popart_urgent(p, b->rows, c->returns);
  prl_popart_add(p, b->rows, c->returns, c->decay);
  if (urgent) publish_popart(a, c);
  double mean = p->mean, inverse = 1 / p->std;
  for (int64_t i = 0; i < b->rows; i++) c->returns[i] = (float)(((double)c->returns[i] - mean) * inverse);
}

/* advantage = Σ weight · A. Its variance is shared out: each critic has Cov(weight · A, Σ)/Var(Σ). */
static moments weigh(prl_agent *a) {
  int64_t rows = a->batch.rows;
  for (int64_t i = 0; i < rows; i++) a->advantage[i] = 0;
  for (int k = 0; k < a->critics_count; k++) {
    double weight = prl_ref_value(&a->live, a->critics[k].weight);
    const float *part = a->critics[k].advantage;
    for (int64_t i = 0; i < rows; i++)
      a->advantage[i] = (float)((double)a->advantage[i] + weight * (double)part[i]);
  }
  moments all = moments_of(rows, a->advantage);
  for (int k = 0; all.variance > 0 && k < a->critics_count; k++) {
    double weight = prl_ref_value(&a->live, a->critics[k].weight), covariance = 0;
    for (int64_t i = 0; i < rows; i++)
      covariance += weight * (double)a->critics[k].advantage[i] * ((double)a->advantage[i] - all.mean);
    prl_gauge_put(a, a->critics[k].metric_share, covariance / (double)rows / all.variance);
  }
  return all;
}

/* The returns' root mean square, of all critics by their weights: what an advantage is measured against. */
static double size_of_returns(const prl_agent *a) {
  double size = 0;
  for (int k = 0; k < a->critics_count; k++) {
    const prl_critic *c = &a->critics[k];
    size += fabs(prl_ref_value(&a->live, c->weight)) * hypot(c->popart->mean, c->popart->std);
  }
  return size;
}

/* (A − mean)/deviation. Advantages that differ by no more than the rounding of returns stay small, since
 * their order is noise; a single one has no deviation, and is measured by the returns. */
static void normalise_advantages(prl_agent *a, moments all) {
  const double rounding = 1e-6;
  int64_t rows = a->batch.rows;
  double size = size_of_returns(a), mean = rows > 1 ? all.mean : 0;
  double std = rows > 1 ? fmax(sqrt(all.variance), rounding * size) : size;
  double inverse = std > 0 ? 1 / (std + fmin(1e-8, 1e-3 * std)) : 0;
  for (int64_t i = 0; i < rows; i++) a->advantage[i] = (float)(((double)a->advantage[i] - mean) * inverse);
}

static prl_status sum_advantages(prl_agent *a, const prl_verb *verb, prl_error *error) {
  moments all = weigh(a);
  double std = sqrt(all.variance);
  prl_gauge_put(a, a->gauge_advantage_mean, all.mean);
  prl_gauge_put(a, a->gauge_advantage_std, std);
  if (verb->second) normalise_advantages(a, all);
  if (!a->kernels->finite(a->batch.rows, a->advantage))
    return prl_fail(error, PRL_ENUMERIC, "an advantage is not finite (mean %g, deviation %g)", all.mean, std);
  return PRL_OK;
}

prl_status prl_estimate_run(prl_agent *a, const prl_verb *verb, int64_t deadline_ns, bool *done,
                            prl_error *error) {
  prl_status status = PRL_OK;
  *done = true;
  switch (a->n.stage) {
  case FREEZE:
    freeze(a);
    a->n.stage = REWARDS;
    return PRL_OK;
  case REWARDS:
    status = rewards(a, error);
    a->n.stage = VALUES;
    return status;
  case VALUES:
    status = values(a, deadline_ns, done, error);
    if (status || !*done) return status;
    a->n.tile = 0; /* from here on: a critic */
    a->n.stage = CRITICS;
    return PRL_OK;
  case CRITICS:
    if (a->n.tile < a->critics_count)
      estimate_critic(a, &a->critics[a->n.tile++], prl_ref_value(&a->live, verb->ref));
    if (a->n.tile >= a->critics_count) a->n.stage = SUM;
    return PRL_OK;
  default:
    status = sum_advantages(a, verb, error);
    a->n.stage = FREEZE;
    a->n.verb++;
    return status;
  }
}

/* ---- the warm-up ---- */

static prl_status end_warmup(prl_agent *a, prl_error *error) {
  for (int i = 0; i < a->critics_count; i++) {
    prl_critic *c = &a->critics[i];
    if (!c->baseline) continue;
    double scale = *c->baseline_sum / (double)a->n.warm;
    if (!(scale > 0))
      return prl_fail(error, PRL_ENUMERIC,
                      "critic \"%s\": its reward was 0 at each of the %" PRId64
                      " warm-up steps, so scale \"baseline\" would divide by 0; give a number",
                      c->name, a->n.warm);
    *c->scale = scale;
  }
  a->n.warmed = 1;
  prl_agent_publish_policy(a);
  /* Steps that were acted in the warm-up and close later are not learned from. */
  prl_experience_version(a->experience, (uint64_t)a->n.version);
  return PRL_OK;
}

prl_status prl_estimate_warmup(prl_agent *a, prl_error *error) {
  prl_experience_freeze(a->experience, &a->batch);
  prl_status status = raw_rewards(a, error);
  if (status) return status;
  if (a->normalise) prl_normaliser_add(&a->normaliser, a->batch.rows, a->batch.observation);
  for (int i = 0; i < a->critics_count; i++) {
    prl_critic *c = &a->critics[i];
    for (int64_t row = 0; row < a->batch.rows; row++) *c->baseline_sum += fabs((double)c->reward[row]);
  }
  a->n.warm += a->batch.rows;
  a->batch.rows = a->batch.bootstraps = a->batch.observed = 0;
  return a->n.warm >= a->warmup ? end_warmup(a, error) : PRL_OK;
}
