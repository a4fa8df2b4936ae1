/* Rewards of the frozen rows. */
#include "agent/verbs/verb.h"

static prl_status execute(prl_schedule *s, prl_verb *verb, prl_turn *turn, prl_error *error) {
  return prl_rewards_fill(s->learner, error);
}

const prl_verb_type prl_verb_rewards = {
    .name = "rewards",
    .fields_text = "",
    .text = "the reward of each critic, from the raw responses and divided by its scale",
    .flags = PRL_VERB_TOP,
    .needs = PRL_MADE_ROWS | PRL_MADE_FROZEN,
    .makes = PRL_MADE_REWARDS,
    .execute = execute,
};
