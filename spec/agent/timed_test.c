/* Discounts by time: from a host's clock, and from the own clocks of an environment's instances. */
#include "support/runtime.h"

#include "agent/agent.h"
#include "agent/learner/parts.h"
#include "agent/toy_plan.h"

enum { N = 4 };
static prl_error error;

static const toy_options by_step = {.observations = 3,
                                    .actions = 1,
                                    .responses = 1,
                                    .critics = 1,
                                    .capacity = "{\"streams\":4}",
                                    .popart = true};

static toy_options per(const char *unit) {
  toy_options timed = by_step;
  timed.per = unit;
  return timed;
}

/* Every step of instance i takes i + 1 minutes. */
static prl_status spec(const prl_env_type *type, const double *options, prl_env_spec *out, prl_error *e) {
  static const prl_observation_spec observation[3] = {{.name = "a"}, {.name = "b"}, {.name = "c"}};
  static const prl_action_spec action = {.name = "x", .low = -1, .high = 1};
  static const prl_response_spec response = {.name = "r"};
  out->observations = 3, out->observation = observation;
  out->actions = 1, out->action = &action, out->action_kind = PRL_ACTION_CONTINUOUS;
  out->responses = 1, out->response = &response;
  out->state_size = sizeof(float);
  out->clock = true;
  return PRL_OK;
}

static void show(const prl_env_batch *b, int64_t i) {
  float *at = (float *)b->state + i, *to = b->observation + 3 * i;
  to[0] = *at, to[1] = 1 - *at, to[2] = *at * *at;
}

static prl_status reset(const prl_env_batch *b, const uint8_t *mask, prl_error *e) {
  for (int64_t i = 0; i < b->n; i++) {
    if (mask && !mask[i]) continue;
    ((float *)b->state)[i] = 0.1f * (float)i;
    show(b, i);
  }
  return PRL_OK;
}

static prl_status step(const prl_env_batch *b, prl_error *e) {
  for (int64_t i = 0; i < b->n; i++) {
    float *at = (float *)b->state + i;
    *at = 0.5f * *at + 0.25f * b->action[i];
    b->response[i] = -*at * *at;
    b->elapsed_us[i] = (i + 1) * 60000000;
    show(b, i);
  }
  return PRL_OK;
}

static const prl_env_type walk = {
    .abi = PRL_ENV_ABI, .name = "walk", .summary = "", .spec = spec, .reset = reset, .step = step};

static prl_vecenv *open_walk(int64_t n) {
  prl_vecenv *env;
  CHECK_OK(prl_vecenv_new(runtime, &walk, NULL, n, 1, 0, &env, &error));
  return env;
}

static double metric(const prl_agent *agent, const char *name) {
  const prl_metric *metrics;
  int count = prl_agent_metrics(agent, &metrics);
  for (int i = 0; i < count; i++)
    if (!strcmp(metrics[i].name, name)) return metrics[i].value;
  fail_msg("there is no metric %s", name);
  return 0;
}

static bool same_parameters(const prl_agent *a, const prl_agent *b) {
  bool same = true;
  for (int s = 0; s < a->sets->count; s++)
    same &= !memcmp(a->sets->items[s]->value, b->sets->items[s]->value,
                    (size_t)a->sets->items[s]->size * sizeof(float));
  return same;
}

/* A host that decides for N streams every so many µs. */
static prl_agent *host(const toy_options *with, int64_t every_us, int64_t steps) {
  prl_agent *agent = toy_agent(runtime, with);
  prl_vecenv *env = open_walk(N);
  float observation[3 * N], final[3 * N], action[N], response[N];
  uint8_t terminated[N], truncated[N];
  int64_t elapsed[N];
  uint64_t decisions[N];
  prl_step out = {action, observation, response, terminated, truncated, final, elapsed};
  CHECK_OK(prl_vecenv_reset(env, observation, &error));
  for (int64_t t = 0; t < steps; t++) {
    CHECK_OK(prl_agent_time(agent, t * every_us, &error));
    CHECK_OK(prl_agent_act(agent, prl_vecenv_streams(env), NULL, observation, N, PRL_SAMPLE, action,
                           decisions, &error));
    CHECK_OK(prl_vecenv_step(env, &out, &error));
    CHECK_OK(prl_agent_feedback(agent, decisions, response, NULL, NULL, N, &error));
    CHECK_OK(prl_agent_learn(agent, 0, NULL, &error));
  }
  prl_vecenv_free(env);
  return agent;
}

static void a_step_a_minute_is_by_step(void **state) {
  (void)state;
  toy_options minute = per("minute"), hour = per("hour"), step_said = per("step");
  prl_agent *plain = host(&by_step, 60000000, 100), *timed = host(&minute, 60000000, 100),
            *slow = host(&hour, 60000000, 100), *said = host(&step_said, 60000000, 100);
  assert_true(plain->learner->n.updates >= 5);
  assert_true(same_parameters(plain, timed));
  assert_true(same_parameters(plain, said));
  assert_false(same_parameters(plain, slow));
  assert_true(fabs(metric(timed, "discount/c0") - 0.9) < 1e-12);
  assert_true(fabs(metric(slow, "discount/c0") - pow(0.9, 1 / 60.0)) < 1e-12);
  prl_agent_free(plain), prl_agent_free(timed), prl_agent_free(slow), prl_agent_free(said);
}

static void instances_have_clocks_of_their_own(void **state) {
  (void)state;
  toy_options minute = per("minute");
  prl_agent *agent = toy_agent(runtime, &minute);
  prl_vecenv *env = open_walk(N);
  double mean = 0;
  CHECK_OK(prl_agent_drive(agent, env, 640, false, NULL, &error));
  assert_true(agent->learner->n.updates >= 5);
  for (int i = 0; i < N; i++) mean += pow(0.9, i + 1) / N;
  assert_true(fabs(metric(agent, "discount/c0") - mean) < 1e-9);
  int64_t allocations = prl_runtime_memory(runtime).allocations;
  CHECK_OK(prl_agent_drive(agent, env, 640, false, NULL, &error));
  assert_int_equal(prl_runtime_memory(runtime).allocations, allocations);
  prl_vecenv_free(env);
  prl_agent_free(agent);
}

static void refuses_a_world_without_a_clock(void **state) {
  (void)state;
  toy_options minute = per("minute");
  const prl_env_type *type;
  prl_vecenv *env;
  prl_agent *agent = toy_agent(runtime, &minute);
  CHECK_OK(prl_env_find("pendulum", &type, &error));
  CHECK_OK(prl_vecenv_new(runtime, type, NULL, N, 1, 0, &env, &error));
  CHECK_FAILS(prl_agent_drive(agent, env, 10, false, NULL, &error), PRL_EINVAL,
              "environment \"pendulum\" has no clock, and critic \"c0\" is discounted per minute");
  assert_int_equal(agent->experience->n.decisions, 0);
  prl_vecenv_free(env);
  prl_agent_free(agent);
}

static void refuses_a_host_that_never_tells_the_time(void **state) {
  (void)state;
  toy_options minute = per("minute");
  prl_agent *agent = toy_agent(runtime, &minute);
  float observation[3] = {0}, action[1];
  prl_status status = PRL_OK;
  for (int t = 0; !status && t < 100; t++) {
    uint64_t stream = 5, decision;
    CHECK_OK(prl_agent_act(agent, &stream, NULL, observation, 1, PRL_SAMPLE, action, &decision, &error));
    status = prl_agent_learn(agent, 0, NULL, &error);
  }
  assert_int_equal(status, PRL_ESTATE);
  assert_string_equal(error.message, "critic \"c0\" is discounted per minute, but none of the 64 steps took "
                                     "any time; a host sets the time by prl_agent_time");
  prl_agent_free(agent);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_step_a_minute_is_by_step),
                                     cmocka_unit_test(instances_have_clocks_of_their_own),
                                     cmocka_unit_test(refuses_a_world_without_a_clock),
                                     cmocka_unit_test(refuses_a_host_that_never_tells_the_time)};
  return cmocka_run_group_tests(tests, open_runtime, close_runtime);
}
