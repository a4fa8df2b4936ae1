/* A saved agent, with what was learned before a swap: what loads also acts, learns, goes back and is saved.
 */
#include "fuzz.h"

#include <unistd.h>

#include "agent/toy_plan.h"
#include "perilune/agent.h"

static const toy_options options = {.observations = 2, .actions = 1, .responses = 2, .critics = 2};

/* Some steps of one stream, each with a learning call of 1 ms. */
static bool live(prl_agent *agent, int steps) {
  prl_error error;
  float observation[64] = {0}, action[64], responses[64] = {1};
  const prl_env_spec *spec = prl_agent_spec(agent);
  if (spec->observations > 64 || spec->actions > 64 || spec->responses > 64) return false;
  for (int i = 0; i < steps; i++) {
    const uint64_t stream = 1;
    uint64_t decision = 0;
    observation[0] = (float)(i % 3);
    if (!fuzz_ok(prl_agent_act(agent, &stream, NULL, observation, 1, PRL_SAMPLE, action, &decision, &error),
                 &error))
      return false;
    if (decision && !fuzz_ok(prl_agent_feedback(agent, &decision, responses, NULL, NULL, 1, &error), &error))
      return false;
    if (!fuzz_ok(prl_agent_learn(agent, 1000, NULL, &error), &error)) return false;
  }
  return true;
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  if (!fuzz_seed()) return 0;
  toy_options small = toy_small(options);
  prl_runtime *runtime;
  CHECK_OK(prl_runtime_new(NULL, &runtime, NULL));
  prl_agent *agent = toy_agent(runtime, &small);
  small.critics = 1;
  prl_plan *plan = toy_made(runtime, &small);
  assert_true(live(agent, 30));
  CHECK_OK(prl_agent_swap(agent, plan, NULL));
  assert_true(live(agent, 10) && prl_agent_previous(agent));
  CHECK_OK(prl_agent_save(agent, NULL, fuzz_seed(), NULL));
  prl_plan_free(plan);
  prl_agent_free(agent);
  prl_runtime_release(runtime);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  prl_runtime *runtime = fuzz_runtime();
  prl_error error;
  prl_agent *agent;
  char path[32];
  int file = fuzz_file(data, size, path);
  if (fuzz_ok(prl_agent_load(runtime, path, &agent, &error), &error)) {
    if (live(agent, 4) && prl_agent_previous(agent) && fuzz_ok(prl_agent_rollback(agent, &error), &error) &&
        live(agent, 4))
      (void)fuzz_ok(prl_agent_save(agent, NULL, "/dev/null", &error), &error);
    prl_agent_free(agent);
  }
  close(file);
  fuzz_end(runtime);
  return 0;
}
