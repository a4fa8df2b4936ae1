/* Two runtimes on two threads share nothing: each agent learns the bytes that it learns alone. */
#include "support/check.h"

#include <pthread.h>

#include "agent/agent.h"
#include "agent/learner/parts.h"
#include "agent/policy/parts.h"
#include "agent/toy_plan.h"

typedef struct life {
  prl_runtime *runtime;
  prl_agent *agent;
  prl_vecenv *env;
  prl_status status;
  prl_error error;
} life;

static const toy_options options = {.observations = 3,
                                    .actions = 1,
                                    .responses = 1,
                                    .critics = 2,
                                    .capacity = "{\"streams\":4}",
                                    .normaliser = "{\"clip\":5}",
                                    .warmup = 40,
                                    .popart = true};

static void begin(life *l) {
  prl_error error;
  const prl_env_type *type;
  CHECK_OK(prl_runtime_new(NULL, &l->runtime, &error));
  l->agent = toy_agent(l->runtime, &options);
  CHECK_OK(prl_env_find("pendulum", &type, &error));
  CHECK_OK(prl_vecenv_new(l->runtime, type, NULL, 4, 1, 0, &l->env, &error));
}

static void *live(void *context) {
  life *l = context;
  l->status = prl_agent_drive(l->agent, l->env, 20000, false, NULL, &l->error);
  return NULL;
}

static void end(life *l) {
  prl_vecenv_free(l->env);
  prl_agent_free(l->agent);
  prl_runtime_release(l->runtime);
}

static void two_threads(void **state) {
  (void)state;
  life alone, lives[2];
  pthread_t threads[2];
  begin(&alone);
  live(&alone);
  assert_int_equal(alone.status, PRL_OK);
  for (int i = 0; i < 2; i++) begin(&lives[i]);
  for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&threads[i], NULL, live, &lives[i]), 0);
  for (int i = 0; i < 2; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
  for (int i = 0; i < 2; i++) {
    assert_int_equal(lives[i].status, PRL_OK);
    assert_int_equal(lives[i].agent->learner->n.updates, alone.agent->learner->n.updates);
    for (int s = 0; s < alone.agent->sets->count; s++)
      assert_memory_equal(lives[i].agent->sets->items[s]->value, alone.agent->sets->items[s]->value,
                          (size_t)alone.agent->sets->items[s]->size * sizeof(float));
    end(&lives[i]);
  }
  end(&alone);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(two_threads)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
