/* Rewards of the critic of novelty, from what a program finds new in where the frozen rows arrived. */
#include "agent/verbs/verb.h"

static prl_status read(prl_verb_reader *r, void *fields, prl_error *error) {
  const prl_novelty *n = r->learner->novelty;
  if (!n || !n->novelty)
    return prl_fail(error, PRL_EFORMAT,
                    n ? "plan: schedule: novelty without a program \"novelty\""
                      : "plan: schedule: novelty, and the plan does not say of what (`novelty`)");
  r->needs = n->routine.needs & ~(unsigned)PRL_MADE_NOVELTY;
  return PRL_OK;
}

static prl_status execute(prl_schedule *s, prl_verb *verb, prl_turn *turn, prl_error *error) {
  prl_learner *l = s->learner;
  if (verb->cursor[PRL_TILE_ROWS] == 0) prl_novelty_arrive(l);
  prl_status status = prl_verb_tile(s, verb, l->batch.rows, prl_novelty_tile, turn, error);
  if (!status && verb->cursor[PRL_TILE_ROWS] == 0) prl_novelty_scale(l);
  return status;
}

const prl_verb_type prl_verb_novelty = {
    .name = "novelty",
    .fields_text = "",
    .text =
        "the reward of the critic of novelty: what program \"novelty\" says of where each row arrived, in "
        "tiles of capacity.tile rows, divided by the running deviation of its discounted sums",
    .cursor = PRL_TILE_CURSOR,
    .flags = PRL_VERB_TOP | PRL_VERB_ONCE,
    .needs = PRL_MADE_FROZEN | PRL_MADE_REWARDS,
    .makes = PRL_MADE_NOVELTY,
    .read = read,
    .execute = execute,
    .holds = prl_verb_tile_holds,
};
