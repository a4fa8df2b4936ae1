/* An update begins: what it reads does not change until it is published. */
#include "agent/verbs/verb.h"

void prl_update_begin(prl_learner *l) {
  prl_metrics_clear(&l->metrics);
  prl_live_freeze(l->live, prl_shared_freeze(l));
  prl_constraints_apply(l);
  prl_programs_fill_live(l);
  prl_experience_freeze(l->experience, &l->batch);
  if (l->control) prl_control_freeze(l->control);
  l->n.shuffles = 0;
}

void prl_update_observe(prl_learner *l) {
  const prl_batch *b = &l->batch;
  prl_shared_gather(l);
  prl_policy_normalise(l->policy, b->rows + b->bootstraps, b->observation);
  prl_learner_cut(l);
}

/* In one piece, since the raw observations of the batch are not kept: the normalised ones take their place.
 */
static prl_status execute(prl_schedule *s, prl_verb *verb, prl_turn *turn, prl_error *error) {
  prl_update_begin(s->learner);
  prl_update_observe(s->learner);
  return PRL_OK;
}

const prl_verb_type prl_verb_freeze = {
    .name = "freeze",
    .fields_text = "",
    .text = "takes the closed rows (at most capacity.batch, the oldest first) and the live options for this "
            "update; normalises the observations",
    .flags = PRL_VERB_TOP | PRL_VERB_ONCE,
    .makes = PRL_MADE_ROWS | PRL_MADE_FROZEN,
    .execute = execute,
};
