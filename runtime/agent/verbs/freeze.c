/* An update begins: what it reads does not change until it is published. */
#include <string.h>

#include "agent/verbs/verb.h"

void prl_update_begin(prl_learner *l) {
  prl_metrics_clear(&l->metrics);
  prl_live_freeze(l->live, prl_shared_freeze(l));
  prl_constraints_apply(l);
  prl_programs_fill_live(l);
  prl_experience_freeze(l->experience, &l->batch);
  if (l->control) {
    prl_control_freeze(l->control);
    prl_control_enter(l->control, &l->batch, l->experience);
    prl_learner_report_guards(l);
  }
  l->n.shuffles = 0;
}

void prl_update_normalise(prl_learner *l) {
  const prl_batch *b = &l->batch;
  const size_t row = (size_t)l->shape->experience.observations * sizeof(float);
  if (l->shape->raw) memcpy(l->raw, b->observation, (size_t)b->rows * row);
  prl_policy_normalise(l->policy, b->observed, b->observation);
  prl_learner_cut(l);
}

void prl_update_observe(prl_learner *l) {
  prl_shared_gather(l);
  prl_update_normalise(l);
}

/* In one piece, since normalised observations take the place of the batch's raw ones. */
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
