/* An update begins: what it reads does not change until it is published. */
#include <string.h>

#include "agent/verbs/verb.h"

/* All that is counted of the control group's rows, which no file holds. */
static prl_status count_control(prl_learner *l, prl_error *error) {
  if (!l->control) return PRL_OK;
  prl_control_freeze(l->control);
  prl_control_enter(l->control, &l->batch, l->experience);
  prl_learner_report_guards(l);
  prl_control_count(l->control, &l->batch, l->experience);
  return prl_constraints_refer(l, error);
}

prl_status prl_update_relieve(prl_learner *l, prl_error *error) {
  return l->control && prl_control_crowded(l->control) ? count_control(l, error) : PRL_OK;
}

prl_status prl_update_begin(prl_learner *l, prl_error *error) {
  prl_metrics_clear(&l->metrics);
  if (l->source) prl_beside_follow(l);
  prl_live_freeze(l->live, prl_shared_freeze(l));
  prl_constraints_apply(l);
  prl_programs_fill_live(l);
  l->n.shuffles = 0;
  if (l->source) return PRL_OK; /* a shadow was given its rows, and what acts counts them */
  prl_experience_freeze(l->experience, &l->batch);
  prl_beside_hand(l);
  return count_control(l, error);
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
  const prl_status status = prl_update_begin(s->learner, error);
  if (!status) prl_update_observe(s->learner);
  return status;
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
