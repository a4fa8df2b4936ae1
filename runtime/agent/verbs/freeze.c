/* An update begins: what it reads does not change until it is published. */
#include "agent/verbs/verb.h"

/* In one piece, since the raw observations of the batch are not kept: the normalised ones take their place.
 */
static prl_status execute(prl_schedule *s, prl_verb *verb, prl_turn *turn, prl_error *error) {
  prl_learner *l = s->learner;
  prl_batch *b = &l->batch;
  prl_metrics_clear(&l->metrics);
  prl_live_freeze(l->live, (double)l->experience->n.decisions);
  prl_programs_fill_live(l);
  prl_experience_freeze(l->experience, &l->batch);
  l->n.shuffles = 0;
  prl_policy_gather(l->policy, b->rows, b->observation);
  prl_policy_normalise(l->policy, b->rows + b->bootstraps, b->observation, b->observation);
  return PRL_OK;
}

const prl_verb_type prl_verb_freeze = {
    .name = "freeze",
    .fields_text = "",
    .text = "takes the closed rows (at most capacity.batch, the oldest first) and the live options for this "
            "update; normalises the observations",
    .flags = PRL_VERB_TOP | PRL_VERB_ONCE,
    .makes = PRL_MADE_ROWS,
    .execute = execute,
};
