/* Recipes of all kinds that a host serves, and rows of decisions, for tests of acting apart from learning.
 * Include after support/runtime.h. */
#ifndef SPEC_AGENT_HOSTED_H
#define SPEC_AGENT_HOSTED_H

#include <stdio.h>
#include <stdlib.h>

#include "support/scratch.h"
#include "agent/agent.h"
#include "perilune/actor.h"

static prl_error error;

/* ---- recipes ---- */

#define HOST(action, more) WARM(action, more, "0")
#define WARM(action, more, warmup)                                                                           \
  "return {env = {'host', observation = {'x', 'y'}, action = {" action "}, responses = {a = {}, b = {}}},\n" \
  "  objective = {critics = {a = {gamma = 0.5}, b = {gamma = 0.9, weight = 0.4}}},\n" more                   \
  "  train = {steps = 1000, seed = 3, warmup = " warmup "}}"
#define BOXES "'continuous', aim = {-0.4, 0.4}, push = {-1, 1}"

static const struct {
  const char *name, *text;
} recipes[] = {
    {"continuous, normalised, in tiles",
     HOST(BOXES, "policy = {hidden = {9}, normalise = 5}, agent = {streams = 12},\n"
                 "algorithm = {'ppo', rollout = 4, minibatch = 16, epochs = 2},")},
    {"discrete", HOST("'discrete', go = {'a', 'b', 'c'}", "policy = {hidden = {7}}, agent = {streams = 12},\n"
                                                          "algorithm = {'a2c', rollout = 4},")},
    {"multi-discrete", HOST("'multi_discrete', left = {'a', 'b', 'c'}, right = {'d', 'e'}",
                            "policy = {hidden = {7}, normalise = 5},\n"
                            "agent = {streams = 12}, algorithm = {'a2c', rollout = 4},")},
    {"several policies",
     HOST(BOXES, "policy = {hidden = {5}}, agent = {streams = 12},\n"
                 "algorithm = {'two_stage', main = 'a', first = 0, share = 1, rollout = 4},")},
    {"a control group",
     HOST(BOXES, "policy = {hidden = {5}, normalise = 5}, algorithm = {'a2c', rollout = 2},\n"
                 "agent = {streams = 12, baseline = {policy = {aim = -0.3}, traffic = 0.4}},")},
    {"a live option that acts", HOST("'discrete', go = {'a', 'b', 'c'}",
                                     "policy = {hidden = {5}}, agent = {streams = 12},\n"
                                     "algorithm = {'dqn', memory = 400, start = 20, minibatch = 16},")},
    {"off policy", HOST(BOXES, "policy = {hidden = {5}}, agent = {streams = 12},\n"
                               "algorithm = {'sac', memory = 400, start = 20, minibatch = 16},")},
    {"a warm-up", WARM(BOXES,
                       "policy = {hidden = {5}, normalise = 5}, agent = {streams = 12},\n"
                       "algorithm = {'a2c', rollout = 4},",
                       "100")},
};
enum { RECIPES = sizeof recipes / sizeof *recipes };

static inline prl_plan *plan_of(const char *text) {
  char path[64];
  FILE *file = fopen(scratch_path(path), "w");
  assert_true(file && fputs(text, file) >= 0 && fclose(file) == 0);
  prl_plan *plan;
  const prl_status status = prl_plan_load(runtime, path, NULL, &plan, &error);
  if (status) fail_msg("%s", error.message);
  return plan;
}

static inline prl_agent *agent_of(const char *text) {
  prl_plan *plan = plan_of(text);
  prl_agent *agent;
  CHECK_OK(prl_agent_new(plan, &agent, &error));
  prl_plan_free(plan);
  return agent;
}

/* ---- rows ---- */

enum { STREAMS = 12, MOST = 8 };

typedef struct rows {
  uint64_t streams[STREAMS], numbers[STREAMS], versions[STREAMS], decisions[STREAMS];
  float observation[STREAMS * MOST], action[STREAMS * MOST], drawn[STREAMS * MOST], log_prob[STREAMS];
  uint8_t arms[STREAMS];
  int64_t n;
} rows;

static inline prl_decisions made_of(rows *r) {
  return (prl_decisions){.n = r->n,
                         .streams = r->streams,
                         .numbers = r->numbers,
                         .observation = r->observation,
                         .action = r->action,
                         .drawn = r->drawn,
                         .log_prob = r->log_prob,
                         .arms = r->arms,
                         .versions = r->versions};
}

#endif
