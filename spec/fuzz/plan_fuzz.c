/* A plan's document as JSON, with the values of the toy plan's parameters: what an agent accepts also acts
 * and learns. */
#include "fuzz.h"

#include "agent/toy_plan.h"
#include "perilune/agent.h"

static toy_plan toy;

static const toy_options options = {.observations = 2, .actions = 1, .responses = 2, .critics = 2};

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  const toy_options small = toy_small(options);
  prl_runtime *runtime;
  char *text;
  size_t length;
  CHECK_OK(prl_runtime_new(NULL, &runtime, NULL));
  toy = toy_new(runtime, &small);
  if (fuzz_seed()) {
    CHECK_OK(prl_json_write(runtime, &toy.document->root, false, 0, &text, &length, NULL));
    FILE *file = fopen(fuzz_seed(), "wb");
    assert_true(file && fwrite(text, 1, length, file) == length && fclose(file) == 0);
    prl_free(runtime, text);
  }
  return 0;
}

/* Some steps of one stream, each with a learning call of 1 ms. */
static void run(prl_agent *agent) {
  prl_error error;
  float observation[64] = {0}, action[64], responses[64] = {1};
  const prl_env_spec *spec = prl_agent_spec(agent);
  if (spec->observations > 64 || spec->actions > 64 || spec->responses > 64) return;
  for (int i = 0; i < 20; i++) {
    const uint64_t stream = 1;
    uint64_t decision = 0;
    observation[0] = (float)(i % 3);
    if (!fuzz_ok(prl_agent_act(agent, &stream, NULL, observation, 1, PRL_SAMPLE, action, &decision, &error),
                 &error))
      return;
    if (decision && !fuzz_ok(prl_agent_feedback(agent, &decision, responses, NULL, NULL, 1, &error), &error))
      return;
    if (!fuzz_ok(prl_agent_learn(agent, 1000, NULL, &error), &error)) return;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  prl_runtime *runtime = fuzz_runtime();
  prl_error error;
  prl_doc *doc;
  prl_plan *plan;
  prl_agent *agent;
  if (fuzz_ok(prl_json_parse(runtime, (const char *)data, size, &doc, &error), &error)) {
    if (fuzz_ok(prl_plan_new_from(runtime, &doc, toy.tensors, 9, &plan, &error), &error)) {
      if (fuzz_ok(prl_agent_new(plan, &agent, &error), &error)) {
        run(agent);
        prl_agent_free(agent);
      }
      prl_plan_free(plan);
    }
    prl_doc_free(doc);
  }
  fuzz_end(runtime);
  return 0;
}
