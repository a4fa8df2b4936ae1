/* Rewards from raw responses: computed when rows are about to be learned from, so that a new objective is in
 * force for all that was collected. */
#include <inttypes.h>
#include <math.h>

#include "agent/learner/parts.h"

static prl_status not_finite(const prl_learner *l, const prl_critic *c, prl_error *error) {
  int64_t row = 0;
  while (row < l->batch.rows - 1 && isfinite(c->reward[row])) row++;
  return prl_fail(error, PRL_ENUMERIC, "the reward of critic \"%s\" is %g at step %" PRIu32 " of an episode",
                  c->name, (double)c->reward[row], l->batch.step[row]);
}

prl_status prl_rewards_raw(prl_learner *l, prl_error *error) {
  for (int i = 0; i < l->critics_count; i++) {
    prl_critic *c = &l->critics[i];
    prl_expression_eval(c->expression, l->batch.rows, l->batch.response, c->reward);
    if (!l->kernels->finite(l->batch.rows, c->reward)) return not_finite(l, c, error);
  }
  return PRL_OK;
}
