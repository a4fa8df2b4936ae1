/* Drives by older policies: which version acted, what is refused, and that every allocation may fail. */
#include "support/runtime.h"
#include "support/failing_alloc.h"

#include "agent/agent.h"
#include "agent/toy_plan.h"

static prl_error error;

enum { N = 4 };

static const toy_options options = {.observations = 3,
                                    .actions = 1,
                                    .responses = 1,
                                    .critics = 1,
                                    .capacity = "{\"streams\":4,\"rows\":128,\"act\":3,\"tile\":16}",
                                    .normaliser = "{\"clip\":5}",
                                    .warmup = 40};

static prl_vecenv *pendulum(int64_t parts) {
  const prl_env_type *type;
  prl_vecenv *env;
  CHECK_OK(prl_env_find("pendulum", &type, &error));
  CHECK_OK(prl_vecenv_new(runtime, type, NULL, N, 1, 100, &env, &error));
  CHECK_OK(prl_vecenv_divide(env, parts, &error));
  return env;
}

static const float *actions_of(const prl_agent *agent) { return agent->drive.action; }

/* The first policy acts until there are more versions than the lag; a lag of 0 is none. */
static void older_policies_act(void **state) {
  (void)state;
  prl_agent *newest = toy_agent(runtime, &options), *older = toy_agent(runtime, &options);
  prl_vecenv *a = pendulum(1), *b = pendulum(1);
  CHECK_OK(prl_agent_lag(older, 3, &error));
  for (int update = 0; update < 8; update++) {
    CHECK_OK(prl_agent_drive(newest, a, 1000, true, NULL, &error));
    CHECK_OK(prl_agent_drive(older, b, 1000, true, NULL, &error));
    const bool same = !memcmp(actions_of(newest), actions_of(older), N * sizeof(float));
    if (update == 0) assert_true(same); /* the warm-up's policy is the first one for both */
    if (update > 1) assert_false(same);
  }
  prl_agent_free(older);
  older = toy_agent(runtime, &options);
  CHECK_OK(prl_agent_lag(older, 2, &error));
  CHECK_OK(prl_agent_lag(older, 0, &error));
  assert_null(older->lagged);
  prl_agent_free(newest);
  prl_agent_free(older);
  prl_vecenv_free(a);
  prl_vecenv_free(b);
}

static void refusals(void **state) {
  (void)state;
  prl_agent *agent = toy_agent(runtime, &options);
  prl_vecenv *parts = pendulum(2), *whole = pendulum(1);
  CHECK_OK(prl_agent_lag(agent, 2, &error));
  CHECK_FAILS(prl_agent_drive(agent, parts, 10, false, NULL, &error), PRL_EINVAL,
              "drives one vector env, and this one has 2 parts");
  CHECK_OK(prl_agent_drive(agent, whole, 100, false, NULL, &error));
  prl_agent_free(agent);
  prl_vecenv_free(parts);
  prl_vecenv_free(whole);
}

static prl_status life(prl_runtime *of, void *context, prl_error *failure) {
  prl_plan *plan = NULL;
  prl_agent *agent = NULL;
  prl_vecenv *env = NULL;
  prl_status status = toy_plan_of(of, context, &plan, failure);
  if (!status) status = prl_agent_new(plan, &agent, failure);
  if (!status) status = toy_pendulum_of(of, N, 1, &env, failure);
  if (!status) status = prl_agent_lag(agent, 2, failure);
  if (!status) status = prl_agent_drive(agent, env, 240, false, NULL, failure);
  prl_agent_free(agent);
  prl_vecenv_free(env);
  prl_plan_free(plan);
  return status;
}

static void each_allocation_fails_in_turn(void **state) {
  (void)state;
  toy_options small = toy_small(options);
  toy_plan toy = toy_new(runtime, &small);
  assert_true(fail_each_allocation(life, &toy) > 200);
  toy_free(&toy);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(older_policies_act), cmocka_unit_test(refusals),
                                     cmocka_unit_test(each_allocation_fails_in_turn)};
  return cmocka_run_group_tests(tests, open_runtime, close_runtime);
}
