/* Rewards from raw responses, and what is reported of them: computed when rows are about to be learned from,
 * so that a new objective is in force for all that was collected. */
#include <inttypes.h>
#include <math.h>

#include "agent/learner/parts.h"
#include "rl/returns.h"

static prl_status not_finite(const prl_learner *l, const prl_critic *c, prl_error *error) {
  int64_t row = 0;
  while (row < l->batch.rows - 1 && isfinite(c->reward[row])) row++;
  return prl_fail(error, PRL_ENUMERIC, "the reward of critic \"%s\" is %g at step %" PRIu32 " of an episode",
                  c->name, (double)c->reward[row], l->batch.step[row]);
}

prl_status prl_rewards_raw(prl_learner *l, prl_error *error) {
  for (int i = 0; i < l->critics_count; i++) {
    prl_critic *c = &l->critics[i];
    if (!c->expression) continue;
    prl_expression_eval(c->expression, l->batch.rows, l->batch.response, c->reward);
    if (!l->kernels->finite(l->batch.rows, c->reward)) return not_finite(l, c, error);
  }
  return PRL_OK;
}

/* ---- of frozen rows ---- */

/* Without times every discount would be 1, and nothing would say so. */
static prl_status check_times(const prl_learner *l, prl_error *error) {
  const prl_batch *b = &l->batch;
  bool needed = false;
  for (int64_t row = 0; l->timed && row < b->rows; row++) {
    if (b->successor[row] < 0) continue;
    if (b->elapsed[row] > 0) return PRL_OK;
    needed = true;
  }
  if (!needed) return PRL_OK;
  return prl_fail(error, PRL_ESTATE,
                  "critic \"%s\" is discounted per %s, but none of the %" PRId64
                  " steps took any time; a host sets the time by prl_agent_time",
                  l->timed->name, l->timed->per, b->rows);
}

static void scale_rewards(prl_learner *l) {
  for (int i = 0; i < l->critics_count; i++) {
    prl_critic *c = &l->critics[i];
    double scale = *c->scale;
    if (scale == 1 || !c->expression) continue;
    for (int64_t row = 0; row < l->batch.rows; row++) c->reward[row] = (float)(c->reward[row] / scale);
  }
}

/* Sums of raw rewards over whole episodes, which run on from update to update. An episode that lacks steps
 * (dropped, stale) is not reported. */
static void report_episodes(prl_learner *l) {
  const prl_batch *b = &l->batch;
  for (int64_t row = 0; row < b->rows; row++) {
    int32_t slot = b->stream[row];
    bool first = b->step[row] == 0, whole;
    double length = l->lengths[slot] = first ? 1 : l->lengths[slot] + 1;
    bool ends = b->end[row] == PRL_END_TERMINATED || b->end[row] == PRL_END_TRUNCATED;
    whole = ends && length == (double)b->step[row] + 1;
    for (int i = 0; i < l->critics_count; i++) {
      prl_critic *c = &l->critics[i];
      if (!c->expression) continue;
      c->episode[slot] = (first ? 0 : c->episode[slot]) + (double)c->reward[row];
      if (whole) prl_metrics_put(&l->metrics, c->metric_return, c->episode[slot]);
    }
    if (whole) prl_metrics_put(&l->metrics, l->metrics.length, length);
  }
}

static void report_responses(prl_learner *l) {
  const int32_t responses = l->shape->spec.responses;
  for (int32_t r = 0; r < responses; r++) {
    double sum = 0;
    for (int64_t row = 0; row < l->batch.rows; row++) sum += (double)l->batch.response[row * responses + r];
    if (l->batch.rows) prl_metrics_put(&l->metrics, l->metrics.responses + r, sum / (double)l->batch.rows);
  }
}

static void report_lifts(prl_learner *l) {
  if (!l->control) return;
  for (int32_t r = 0; r < l->shape->spec.responses; r++) {
    double lift, half;
    if (!prl_control_lift(l->control, r, &lift, &half)) continue;
    prl_metrics_put(&l->metrics, l->metrics.lifts + r, lift);
    if (!isnan(half)) prl_metrics_put(&l->metrics, l->metrics.lift_errors + r, half);
  }
}

prl_status prl_rewards_fill(prl_learner *l, prl_error *error) {
  prl_status status = check_times(l, error);
  if (!status) status = prl_rewards_raw(l, error);
  if (status) return status;
  report_episodes(l);
  report_responses(l);
  report_lifts(l);
  if (!l->source) prl_constraints_step(l); /* of what acts */
  scale_rewards(l);
  return PRL_OK;
}

/* ---- of drawn stretches ---- */

/* reward = Σ_k (Π_{j<k} γ_j) r_k / scale over a stretch, bootstrap = Π γ_j over all of it (Sutton & Barto
 * 2018, eq. 7.1; γ by time as in rl/returns.h). */
static void fold(const prl_learner *l, prl_critic *c) {
  const prl_stretch *s = &l->stretch;
  const double gamma = prl_ref_value(l->live, c->gamma), scale = *c->scale;
  for (int64_t row = 0; row < l->batch.rows; row++) {
    double sum = 0, ahead = 1, step;
    for (int64_t k = 0; k < s->length[row]; k++) {
      const int64_t at = row * s->steps + k;
      prl_discounts(1, gamma, c->unit, s->elapsed + at, &step);
      sum += ahead * (double)l->stretch_reward[at];
      ahead *= step;
    }
    c->reward[row] = (float)(sum / scale);
    c->bootstrap[row] = l->batch.successor[row] < 0 ? 0 : (float)ahead;
  }
}

prl_status prl_rewards_draw(prl_learner *l, prl_error *error) {
  const prl_stretch *s = &l->stretch;
  for (int i = 0; i < l->critics_count; i++) {
    prl_critic *c = &l->critics[i];
    for (int64_t row = 0; row < l->batch.rows; row++)
      prl_expression_eval(c->expression, s->length[row],
                          s->response + row * s->steps * l->shape->spec.responses,
                          l->stretch_reward + row * s->steps);
    fold(l, c);
    if (!l->kernels->finite(l->batch.rows, c->reward)) return not_finite(l, c, error);
  }
  return PRL_OK;
}
