/* The end of an update. */
#include "agent/verbs/verb.h"

static prl_status execute(prl_schedule *s, prl_verb *verb, prl_turn *turn, prl_error *error) {
  prl_learner *l = s->learner;
  prl_status status = l->source ? prl_beside_weigh(l, error) : PRL_OK;
  if (status) return status;
  prl_shared_publish(l);
  status = prl_learner_publish(l, error);
  if (status) return status;
  l->n.updates++;
  prl_learner_release(l);
  prl_refit_look(l);
  prl_metrics_publish(&l->metrics);
  turn->next = 0;
  turn->updated = true;
  return PRL_OK;
}

const prl_verb_type prl_verb_publish = {
    .name = "publish",
    .fields_text = "",
    .text =
        "the new policy version, normaliser and PopArt statistics come into force; frozen rows are freed; "
        "ends the update. Not before every parameter is finite and `act` has given finite actions and "
        "densities by the learner's parameters, in eight rows spread over the frozen ones; else learning has "
        "failed and the policy in force stays",
    .flags = PRL_VERB_TOP | PRL_VERB_ONCE,
    .execute = execute,
};
