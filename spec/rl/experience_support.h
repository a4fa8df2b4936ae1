/* A small experience, and one decision of it: what the tests of rl/ begin with. */
#ifndef SPEC_RL_EXPERIENCE_SUPPORT_H
#define SPEC_RL_EXPERIENCE_SUPPORT_H

#include "support/runtime.h"

#include "rl/experience.h"

static prl_error error;

/* Two observations, one action, two responses (a sum and a maximum whose missing value is −1). */
static prl_experience_options small_options(void) {
  static const prl_response_rule rules[] = {{0, PRL_COMBINE_SUM}, {-1, PRL_COMBINE_MAX}};
  return (prl_experience_options){.seed = 7,
                                  .observations = 2,
                                  .actions = 1,
                                  .responses = 2,
                                  .rules = rules,
                                  .streams = 4,
                                  .rows = 8,
                                  .events = 4};
}

static prl_experience *open_experience(prl_experience_options options) {
  prl_experience *e = NULL;
  CHECK_OK(prl_experience_new(runtime, &options, &e, &error));
  return e;
}

/* One decision of one stream, whose observation is (mark, stream). */
static uint64_t decide(prl_experience *e, uint64_t stream, float mark, uint64_t version) {
  float observation[2] = {mark, (float)stream}, action = mark / 10, log_prob = -mark;
  uint64_t decision = 99;
  CHECK_OK(prl_experience_enter(e, &stream, 1, &error));
  prl_experience_record(e, observation, &action, &log_prob, NULL, version, 1, &decision);
  return decision;
}

#endif
