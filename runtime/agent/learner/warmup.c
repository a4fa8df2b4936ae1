/* The warm-up: steps of the starting policy, which give the normaliser its first statistics and each reward
 * scale "baseline" its number. Nothing is learned from them. */
#include <inttypes.h>
#include <math.h>

#include "agent/learner/parts.h"

int64_t prl_learner_warmup_needs(const prl_learner *l) {
  if (l->n.warmed) return 0;
  int64_t left = l->shape->warmup - l->n.warm;
  return left < l->shape->frozen_rows ? left : l->shape->frozen_rows;
}

static prl_status finish(prl_learner *l, prl_error *error) {
  for (int i = 0; i < l->critics_count; i++) {
    prl_critic *c = &l->critics[i];
    if (!c->baseline) continue;
    double scale = *c->baseline_sum / (double)l->n.warm;
    if (!(scale > 0))
      return prl_fail(error, PRL_ENUMERIC,
                      "critic \"%s\": its reward was 0 at each of the %" PRId64
                      " warm-up steps, so scale \"baseline\" would divide by 0; give a number",
                      c->name, l->n.warm);
    *c->scale = scale;
  }
  prl_status status = prl_learner_publish(l, error);
  if (status) return status;
  l->n.warmed = 1;
  /* Steps that were acted in the warm-up and close later are not learned from. */
  prl_experience_version(l->experience, (uint64_t)prl_policy_version(l->policy));
  return PRL_OK;
}

prl_status prl_learner_warm_up(prl_learner *l, prl_error *error) {
  prl_experience_freeze(l->experience, &l->batch);
  if (l->control) prl_control_freeze(l->control); /* and let go */
  prl_status status = prl_rewards_raw(l, error);
  if (status) return status;
  prl_policy_gather(l->policy, l->batch.rows, l->batch.observation);
  for (int i = 0; i < l->critics_count; i++) {
    prl_critic *c = &l->critics[i];
    for (int64_t row = 0; row < l->batch.rows; row++) *c->baseline_sum += fabs((double)c->reward[row]);
  }
  l->n.warm += l->batch.rows;
  prl_learner_release(l);
  return l->n.warm >= l->shape->warmup ? finish(l, error) : PRL_OK;
}
