/* Rewards of the frozen rows, and what is reported of them. */
#include <inttypes.h>

#include "agent/verbs/verb.h"

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
    if (scale == 1) continue;
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

static prl_status execute(prl_schedule *s, prl_verb *verb, prl_turn *turn, prl_error *error) {
  prl_learner *l = s->learner;
  prl_status status = check_times(l, error);
  if (!status) status = prl_rewards_raw(l, error);
  if (status) return status;
  report_episodes(l);
  report_responses(l);
  scale_rewards(l);
  return PRL_OK;
}

const prl_verb_type prl_verb_rewards = {
    .name = "rewards",
    .fields_text = "",
    .text = "the reward of each critic, from the raw responses and divided by its scale",
    .flags = PRL_VERB_TOP,
    .needs = PRL_MADE_ROWS,
    .makes = PRL_MADE_REWARDS,
    .execute = execute,
};
