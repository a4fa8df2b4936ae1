/* A watch ends long calls, and what was not stopped is as if nobody had watched. */
#include "support/runtime.h"

#include "agent/agent.h"
#include "agent/toy_plan.h"
#include "env/types.h"

static prl_error error;

static const toy_options pendulum_options = {.observations = 3,
                                             .actions = 1,
                                             .responses = 1,
                                             .critics = 1,
                                             .capacity =
                                                 "{\"streams\":4,\"rows\":128,\"act\":4,\"tile\":16}"};

static prl_vecenv *pendulum(double max_steps) {
  const prl_env_type *type;
  prl_vecenv *env;
  double options[16] = {0};
  CHECK_OK(prl_env_find("pendulum", &type, &error));
  int count = 0;
  for (; type->options && type->options[count].name; count++) {
    bool limit = strcmp(type->options[count].name, "max_steps") == 0;
    options[count] = limit ? max_steps : type->options[count].value;
  }
  CHECK_OK(prl_vecenv_new(runtime, type, options, 4, 1, 100, &env, &error));
  return env;
}

/* Lets go on `left` times. */
typedef struct attention {
  int left, asked;
  int64_t done, total;
} attention;

static bool attend(void *context, int64_t done, int64_t total) {
  attention *a = context;
  assert_true(done >= a->done && done <= total);
  a->done = done;
  a->total = total;
  a->asked++;
  return a->left-- > 0;
}

static void stops_an_evaluation(void **state) {
  (void)state;
  enum { EPISODES = 4000 };
  static double sums[EPISODES], again[EPISODES];
  prl_agent *agent = toy_agent(runtime, &pendulum_options);
  prl_vecenv *env = pendulum(200), *other = pendulum(200);
  attention a = {.left = 1};
  prl_agent_watch(agent, (prl_watch){attend, &a});
  CHECK_FAILS(prl_agent_evaluate(agent, env, EPISODES * 100, PRL_MEAN, NULL, NULL, &error), PRL_ESTOPPED,
              "the evaluation was stopped after ");
  assert_int_equal(a.asked, 2);
  assert_int_equal(a.total, EPISODES * 100);
  prl_vecenv_free(env);
  env = pendulum(200);
  a = (attention){.left = 1 << 20};
  CHECK_OK(prl_agent_evaluate(agent, env, EPISODES, PRL_SAMPLE, sums, NULL, &error));
  prl_agent_watch(agent, (prl_watch){0});
  CHECK_OK(prl_agent_evaluate(agent, other, EPISODES, PRL_SAMPLE, again, NULL, &error));
  assert_memory_equal(sums, again, sizeof sums);
  prl_vecenv_free(env);
  prl_vecenv_free(other);
  prl_agent_free(agent);
}

static void bounds_an_episode_without_end(void **state) {
  (void)state;
  prl_agent *agent = toy_agent(runtime, &pendulum_options);
  prl_vecenv *env = pendulum(0);
  CHECK_FAILS(prl_agent_evaluate(agent, env, 4, PRL_MEAN, NULL, NULL, &error), PRL_ELIMIT,
              "an episode of environment \"pendulum\" did not end within 1000000 steps; its max_steps is 0");
  attention a = {.left = 0};
  prl_agent_watch(agent, (prl_watch){attend, &a});
  CHECK_FAILS(prl_agent_evaluate(agent, env, 4, PRL_MEAN, NULL, NULL, &error), PRL_ESTOPPED, "0 of 4");
  prl_vecenv_free(env);
  prl_agent_free(agent);
}

/* A drive that is stopped again and again makes the steps of one that is not. */
static void stops_a_drive(void **state) {
  (void)state;
  const int64_t steps = 400000;
  prl_agent *agent = toy_agent(runtime, &pendulum_options), *other = toy_agent(runtime, &pendulum_options);
  prl_vecenv *env = pendulum(200), *same = pendulum(200);
  int64_t made, sum = 0;
  int calls = 0;
  CHECK_OK(prl_agent_drive(other, same, steps, false, NULL, &error));
  for (; sum < steps; sum += made, calls++) {
    attention a = {.left = 0};
    prl_agent_watch(agent, (prl_watch){attend, &a});
    CHECK_OK(prl_agent_drive(agent, env, steps - sum, false, &made, &error));
    assert_true(made > 0 && (a.asked == 1 || sum + made == steps));
  }
  assert_int_equal(sum, steps);
  assert_true(calls > 1);
  for (int i = 0; i < agent->sets->count; i++)
    assert_memory_equal(agent->sets->items[i]->value, other->sets->items[i]->value,
                        (size_t)agent->sets->items[i]->size * sizeof(float));
  prl_vecenv_free(env);
  prl_vecenv_free(same);
  prl_agent_free(agent);
  prl_agent_free(other);
}

/* ---- A world whose clock all but stands still ---- */

static prl_status slow_spec(const prl_env_type *type, const double *options, prl_env_spec *spec,
                            prl_error *out) {
  (void)type, (void)options, (void)out;
  static const prl_observation_spec observation = {.name = "x", .unit = ""};
  static const prl_action_spec action = {.name = "a", .low = -1, .high = 1};
  static const prl_response_spec response = {.name = "r", .unit = ""};
  *spec = (prl_env_spec){.observations = 1,
                         .observation = &observation,
                         .action_kind = PRL_ACTION_CONTINUOUS,
                         .actions = 1,
                         .action = &action,
                         .responses = 1,
                         .response = &response,
                         .state_size = 1,
                         .clock = true};
  return PRL_OK;
}

static prl_status slow_reset(const prl_env_batch *batch, const uint8_t *mask, prl_error *out) {
  (void)mask, (void)out;
  for (int64_t i = 0; i < batch->n; i++) batch->observation[i] = 0;
  return PRL_OK;
}

static prl_status slow_step(const prl_env_batch *batch, prl_error *out) {
  (void)out;
  for (int64_t i = 0; i < batch->n; i++) batch->elapsed_us[i] = 1;
  return PRL_OK;
}

static void bounds_a_day_without_end(void **state) {
  (void)state;
  static const prl_env_type slow = {
      .abi = PRL_ENV_ABI, .name = "slow", .spec = slow_spec, .reset = slow_reset, .step = slow_step};
  const float constant = 0;
  double sums[64];
  prl_panel_options options = {
      .type = &slow, .users = 3, .days = 1, .constant = &constant, .threads = 2, .mode = PRL_MEAN};
  CHECK_FAILS(prl_panel_run(&options, sums, &error), PRL_EINVAL,
              "environment \"slow\": a user's day has not ended after 10000000 steps");
  attention a = {.left = 2};
  options.watch = (prl_watch){attend, &a};
  CHECK_FAILS(prl_panel_run(&options, sums, &error), PRL_ESTOPPED, "the panel was stopped after 0 of 3");
  assert_int_equal(a.asked, 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(stops_an_evaluation), cmocka_unit_test(bounds_an_episode_without_end),
      cmocka_unit_test(stops_a_drive), cmocka_unit_test(bounds_a_day_without_end)};
  return cmocka_run_group_tests(tests, open_runtime, close_runtime);
}
