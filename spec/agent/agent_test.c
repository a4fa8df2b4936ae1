#include "support/check.h"
#include "support/failing_alloc.h"

#include "agent/agent.h"
#include "agent/verbs/verb.h"
#include "agent/learner/parts.h"
#include "agent/policy/parts.h"
#include "agent/toy_plan.h"

static prl_runtime *runtime;
static prl_error error;

static double metric(const prl_agent *agent, const char *name) {
  const prl_metric *metrics;
  int count = prl_agent_metrics(agent, &metrics);
  for (int i = 0; i < count; i++)
    if (!strcmp(metrics[i].name, name)) return metrics[i].value;
  return NAN;
}

static const toy_options pendulum_options = {.observations = 3,
                                             .actions = 1,
                                             .responses = 1,
                                             .critics = 2,
                                             .capacity = "{\"streams\":4,\"rows\":128,\"act\":3,\"tile\":16}",
                                             .normaliser = "{\"clip\":5}",
                                             .warmup = 40,
                                             .popart = true};

static toy_options with_memory(toy_options options) {
  options.memory = 2;
  return options;
}

static bool same_sets(const prl_agent *a, const prl_agent *b) {
  for (int i = 0; i < a->sets->count; i++)
    if (memcmp(a->sets->items[i]->value, b->sets->items[i]->value,
               (size_t)a->sets->items[i]->size * sizeof(float)))
      return false;
  return true;
}

/* Drives and checks what an update must show. */
static void learns_from_a_vector_env(void **state) {
  (void)state;
  prl_agent *agent = toy_agent(runtime, &pendulum_options),
            *untouched = toy_agent(runtime, &pendulum_options);
  prl_vecenv *env = toy_pendulum(runtime, 4, 1);
  int64_t made;
  CHECK_OK(prl_agent_drive(agent, env, 1 << 20, true, &made, &error));
  assert_int_equal(made, 40 + 64);
  assert_int_equal(agent->learner->n.updates, 1);
  assert_int_equal(agent->policy->n.version, 2);
  assert_false(same_sets(agent, untouched));
  assert_int_equal(metric(agent, "steps"), 104);
  assert_int_equal(metric(agent, "stale_steps"), 0);
  assert_true(metric(agent, "response/r0") < 0);
  assert_true(isfinite(metric(agent, "policy_loss")) && metric(agent, "approx_kl") >= 0);
  assert_true(metric(agent, "grad_norm/policy") > 0 && metric(agent, "grad_norm/value") > 0);
  assert_true(fabs(metric(agent, "signal_share/c0") + metric(agent, "signal_share/c1") - 1) < 1e-6);
  assert_true(isnan(metric(agent, "episodic_return/c0"))); /* none has ended */
  int ended = 0;
  for (int i = 0; i < 30; i++) {
    CHECK_OK(prl_agent_drive(agent, env, 1 << 20, true, &made, &error));
    double length = metric(agent, "episode_length"), gained = metric(agent, "episodic_return/c0");
    assert_true(isnan(length) ? isnan(gained) : length == 200 && gained < -100);
    ended += !isnan(length);
  }
  assert_int_equal(ended, 1); /* the second episode of all 4 instances; the first began in the warm-up */
  /* The published copies are the learner's after a publish. */
  CHECK_OK(prl_agent_drive(agent, env, 1 << 20, true, &made, &error));
  assert_memory_equal(agent->policy->published[0]->value, agent->sets->items[0]->value,
                      (size_t)agent->sets->items[0]->size * 4);
  prl_vecenv_free(env);
  prl_agent_free(agent);
  prl_agent_free(untouched);
}

/* The steady state asks for no memory. */
static void steady(const toy_options *options) {
  prl_agent *agent = toy_agent(runtime, options);
  prl_vecenv *env = toy_pendulum(runtime, 4, 1);
  CHECK_OK(prl_agent_drive(agent, env, 400, false, NULL, &error));
  int64_t before = prl_runtime_memory(runtime).allocations;
  CHECK_OK(prl_agent_drive(agent, env, 2000, false, NULL, &error));
  assert_true(agent->learner->n.updates > 30);
  assert_int_equal(prl_runtime_memory(runtime).allocations, before);
  prl_vecenv_free(env);
  prl_agent_free(agent);
}

static void steady_updates_do_not_allocate(void **state) {
  (void)state;
  const toy_options remembers = with_memory(pendulum_options);
  steady(&pendulum_options);
  steady(&remembers);
}

/* The same world through single calls: one stream a call, in another order, observations given at every step,
 * and a learner that gets a budget of a microsecond at a time. */
static void row_by_row(prl_agent *agent, prl_vecenv *env, int64_t steps) {
  enum { N = 4 };
  float observation[3 * N], final[3 * N], action[N], response[N];
  uint8_t terminated[N], truncated[N];
  int64_t elapsed[N];
  uint64_t decisions[N];
  const uint64_t *streams = prl_vecenv_streams(env);
  prl_step step = {action, observation, response, terminated, truncated, final, elapsed};
  CHECK_OK(prl_vecenv_reset(env, observation, &error));
  for (int64_t t = 0; t < steps; t++) {
    for (int i = N - 1; i >= 0; i--)
      CHECK_OK(prl_agent_act(agent, &streams[i], NULL, observation + 3 * i, 1, PRL_SAMPLE, action + i,
                             decisions + i, &error));
    CHECK_OK(prl_vecenv_step(env, &step, &error));
    for (int i = 0; i < N; i++) {
      CHECK_OK(prl_agent_feedback(agent, decisions + i, response + i, NULL, NULL, 1, &error));
      if (truncated[i]) CHECK_OK(prl_agent_finish(agent, streams[i], PRL_TRUNCATED, final + 3 * i, &error));
    }
    for (int i = 0; i < N; i++)
      CHECK_OK(prl_agent_observe(agent, streams + i, observation + 3 * i, 1, &error));
    prl_progress progress = {.waiting = false};
    while (!progress.waiting) CHECK_OK(prl_agent_learn(agent, 1, &progress, &error));
  }
}

static void one_row_at_a_time(const toy_options *options) {
  prl_agent *a = toy_agent(runtime, options), *b = toy_agent(runtime, options);
  prl_vecenv *env_a = toy_pendulum(runtime, 4, 1), *env_b = toy_pendulum(runtime, 4, 1);
  CHECK_OK(prl_agent_drive(a, env_a, 4 * 420, false, NULL, &error));
  row_by_row(b, env_b, 420);
  assert_true(a->learner->n.updates > 15);
  assert_int_equal(a->learner->n.updates, b->learner->n.updates);
  assert_true(same_sets(a, b));
  assert_memory_equal(a->learner->critics[1].popart, b->learner->critics[1].popart, sizeof(prl_popart));
  assert_true(metric(a, "policy_loss") == metric(b, "policy_loss"));
  assert_true(metric(a, "episodic_return/c0") == metric(b, "episodic_return/c0"));
  prl_vecenv_free(env_a);
  prl_vecenv_free(env_b);
  prl_agent_free(a);
  prl_agent_free(b);
}

static void one_row_at_a_time_gives_the_same_bytes(void **state) {
  (void)state;
  const toy_options remembers = with_memory(pendulum_options);
  one_row_at_a_time(&pendulum_options);
  one_row_at_a_time(&remembers);
}

/* While an update is unfinished, act reads the version before it. */
static void acting_between_budgets(void **state) {
  (void)state;
  prl_agent *agent = toy_agent(runtime, &pendulum_options);
  float observation[3] = {0.1f, -0.2f, 0.3f}, before, now;
  uint64_t stream = 1, decision;
  CHECK_OK(prl_agent_act(agent, &stream, NULL, observation, 1, PRL_MEAN, &before, NULL, &error));
  for (int i = 0; i < 200 && agent->schedule->at < 6; i++) {
    float response = (float)(i % 7);
    observation[0] = (float)(i % 5);
    CHECK_OK(prl_agent_act(agent, &stream, NULL, observation, 1, PRL_SAMPLE, &now, &decision, &error));
    CHECK_OK(prl_agent_feedback(agent, &decision, &response, NULL, NULL, 1, &error));
    CHECK_OK(prl_agent_learn(agent, 1, NULL, &error));
  }
  uint64_t version = (uint64_t)agent->policy->n.version;
  observation[0] = 0.1f;
  CHECK_OK(prl_agent_act(agent, &stream, NULL, observation, 1, PRL_MEAN, &before, NULL, &error));
  prl_progress progress = {.version = version};
  int calls = 0;
  while (progress.version == version) {
    CHECK_OK(prl_agent_act(agent, &stream, NULL, observation, 1, PRL_MEAN, &now, NULL, &error));
    assert_true(now == before);
    CHECK_OK(prl_agent_learn(agent, 1, &progress, &error));
    calls++;
  }
  assert_true(calls > 4);
  CHECK_OK(prl_agent_act(agent, &stream, NULL, observation, 1, PRL_MEAN, &now, NULL, &error));
  assert_true(now != before);
  prl_agent_free(agent);
}

/* A budget of 1 µs is one verb, or one instruction of a program, at any pace of the machine. */
static void the_shortest_budget(void **state) {
  (void)state;
  prl_agent *agent = toy_agent(runtime, &pendulum_options);
  prl_vecenv *env = toy_pendulum(runtime, 4, 1);
  CHECK_OK(prl_agent_drive(agent, env, 40 + 64 + 60, false, NULL, &error));
  const int64_t updates = prl_learner_updates(agent->learner);
  *(int64_t *)agent->schedule->verbs[0].fields = 56; /* the rows of the gate, so that an update is due */
  bool met[64] = {false};
  int before = -1, within = 0;
  prl_progress progress;
  do {
    CHECK_OK(prl_agent_learn(agent, 1, &progress, &error));
    const int at = agent->schedule->at;
    assert_string_equal(agent->schedule->verbs[at].type->name, progress.verb);
    within += at == before;
    met[at] = true;
    before = at;
  } while (!progress.waiting);
  assert_int_equal(prl_learner_updates(agent->learner), updates + 1);
  for (int i = 0; i < agent->schedule->count; i++) assert_true(met[i]);
  assert_true(within > 10);
  prl_vecenv_free(env);
  prl_agent_free(agent);
}

static void live_options(void **state) {
  (void)state;
  prl_agent *agent = toy_agent(runtime, &pendulum_options);
  double value;
  CHECK_OK(prl_agent_get(agent, "algorithm.lr", &value, &error));
  assert_true(value == 0.003);
  CHECK_FAILS(prl_agent_set(agent, "algorithm.lf", 1, &error), PRL_ENAME, "\"algorithm.lr\"");
  CHECK_FAILS(prl_agent_set(agent, "algorithm.lr", -1, &error), PRL_EINVAL, "-1");
  CHECK_FAILS(prl_agent_set(agent, "algorithm.lr", NAN, &error), PRL_EINVAL, "algorithm.lr");
  CHECK_FAILS(prl_agent_set(agent, "train.steps", 10, &error), PRL_EINVAL, "structural");
  /* A step size of 0 learns nothing from the next update on. */
  prl_vecenv *env = toy_pendulum(runtime, 4, 1);
  CHECK_OK(prl_agent_drive(agent, env, 1 << 20, true, NULL, &error));
  CHECK_OK(prl_agent_set(agent, "algorithm.lr", 0, &error));
  CHECK_OK(prl_agent_get(agent, "algorithm.lr", &value, &error));
  assert_true(value == 0);
  float first = agent->sets->items[0]->value[0];
  CHECK_OK(prl_agent_drive(agent, env, 1 << 20, true, NULL, &error));
  assert_int_equal(agent->learner->n.updates, 2);
  assert_true(agent->sets->items[0]->value[0] == first);
  prl_vecenv_free(env);
  prl_agent_free(agent);
}

/* An infinite loss stops learning, names what it was, and the published policy stands. */
static void numbers_that_are_not_finite(void **state) {
  (void)state;
  toy_options options = pendulum_options;
  options.poison = true;
  prl_agent *agent = toy_agent(runtime, &options);
  prl_vecenv *env = toy_pendulum(runtime, 4, 1);
  CHECK_OK(prl_agent_drive(agent, env, 1 << 20, true, NULL, &error));
  float kept = agent->policy->published[0]->value[3];
  CHECK_OK(prl_agent_set(agent, "algorithm.entropy", 0, &error));
  CHECK_FAILS(prl_agent_drive(agent, env, 1 << 20, true, NULL, &error), PRL_ENUMERIC,
              "program \"update\": the result of op div (op ");
  assert_true(agent->policy->published[0]->value[3] == kept);
  CHECK_FAILS(prl_agent_learn(agent, 0, NULL, &error), PRL_ENUMERIC, ", nor is the output \"policy_loss\"");
  float observation[3] = {0, 0, NAN}, action;
  uint64_t stream = 100, decision = 55;
  CHECK_FAILS(prl_agent_act(agent, &stream, NULL, observation, 1, PRL_SAMPLE, &action, &decision, &error),
              PRL_ENUMERIC, "\"o2\"");
  assert_int_equal(decision, 55);
  float response = INFINITY;
  observation[2] = 0;
  CHECK_OK(prl_agent_act(agent, &stream, NULL, observation, 1, PRL_SAMPLE, &action, &decision, &error));
  CHECK_FAILS(prl_agent_feedback(agent, &decision, &response, NULL, NULL, 1, &error), PRL_ENUMERIC,
              "response r0");
  prl_vecenv_free(env);
  prl_agent_free(agent);
}

/* An update whose numbers are good until its last step, which is `to` of a live option. */
static prl_agent *spoilt_by(prl_vecenv *env, const char *option, double to) {
  toy_options options = pendulum_options;
  options.live = "{\"algorithm.lr\":{\"value\":0.003,\"low\":0},\"algorithm.entropy\":0.01,\"gamma\":0.9,"
                 "\"blend\":1}";
  options.schedule =
      "[{\"verb\":\"collect\",\"rows\":64}," TOY_PLAIN_ESTIMATE "{\"verb\":\"run\",\"program\":\"update\"},"
      "{\"verb\":\"copy\",\"to\":\"value\",\"from\":\"value\",\"tau\":\"blend\"},"
      "{\"verb\":\"publish\"}]";
  prl_agent *agent = toy_agent(runtime, &options);
  CHECK_OK(prl_agent_drive(agent, env, 1 << 20, true, NULL, &error));
  CHECK_OK(prl_agent_set(agent, option, to, &error));
  return agent;
}

/* A policy comes into force only if all that was learned with it is finite and it acts. */
static void a_bad_policy_is_not_published(void **state) {
  (void)state;
  static const struct {
    const char *option;
    double to;
    const char *message;
  } cases[] = {{"algorithm.lr", 1e36, " of the last batch is "},
               {"blend", 1e39, ": the parameter \"0.weight\" of \"value\" is not finite; the one before"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    float observation[3] = {0.6f, 0.8f, 0.5f}, before, after;
    uint64_t stream = 100;
    prl_vecenv *env = toy_pendulum(runtime, 4, 1);
    prl_agent *agent = spoilt_by(env, cases[i].option, cases[i].to);
    CHECK_OK(prl_agent_act(agent, &stream, NULL, observation, 1, PRL_MEAN, &before, NULL, &error));
    int64_t version = agent->policy->n.version, updates = agent->learner->n.updates;
    CHECK_FAILS(prl_agent_drive(agent, env, 1 << 20, true, NULL, &error), PRL_ENUMERIC, cases[i].message);
    CHECK_FAILS(prl_agent_learn(agent, 0, NULL, &error), PRL_ENUMERIC, "is not published: ");
    CHECK_FAILS(prl_agent_save(agent, NULL, "/tmp/never", &error), PRL_ESTATE, cases[i].message);
    assert_true(agent->policy->n.version == version && agent->learner->n.updates == updates);
    CHECK_OK(prl_agent_act(agent, &stream, NULL, observation, 1, PRL_MEAN, &after, NULL, &error));
    assert_true(before == after);
    /* Another plan goes on from the policy in force, and learns, since what is not finite is left behind. */
    toy_options sound = pendulum_options;
    toy_plan toy = toy_new(runtime, &sound);
    prl_plan *plan;
    CHECK_OK(toy_plan_of(runtime, &toy, &plan, &error));
    CHECK_OK(prl_plan_schedules(plan, PRL_SCHEDULES_GO_ON, &error)); /* the step size follows one */
    CHECK_OK(prl_agent_swap(agent, plan, &error));
    CHECK_OK(prl_agent_act(agent, &stream, NULL, observation, 1, PRL_MEAN, &after, NULL, &error));
    assert_true(before == after);
    if (i == 1) CHECK_OK(prl_agent_drive(agent, env, 1 << 20, true, NULL, &error));
    assert_int_equal(agent->learner->n.updates, updates + (int64_t)i);
    prl_plan_free(plan);
    toy_free(&toy);
    prl_vecenv_free(env);
    prl_agent_free(agent);
  }
}

/* As after the step that spoils a parameter, before the update's end, which refuses it. */
static void a_bad_learner_is_not_saved(void **state) {
  (void)state;
  prl_agent *agent = toy_agent(runtime, &pendulum_options);
  agent->sets->items[1]->value[0] = INFINITY;
  CHECK_FAILS(prl_agent_save(agent, NULL, "/tmp/never", &error), PRL_ENUMERIC,
              "not saved: in the update that runs, the parameter \"0.weight\" of \"value\" is not finite");
  prl_agent_free(agent);
}

static void reward_scales_from_the_warmup(void **state) {
  (void)state;
  toy_options options = pendulum_options;
  options.scale = "\"baseline\"";
  prl_agent *agent = toy_agent(runtime, &options);
  prl_vecenv *env = toy_pendulum(runtime, 4, 1);
  CHECK_OK(prl_agent_drive(agent, env, 1 << 20, true, NULL, &error));
  assert_true(*agent->learner->critics[0].scale > 0.1);
  double sum = 0;
  for (int i = 0; i < 64; i++) sum += fabs((double)agent->learner->critics[0].reward[i]);
  assert_true(sum / 64 > 0.2 && sum / 64 < 5);
  prl_agent_free(agent);
  /* A reward that is always 0 has no scale. */
  agent = toy_agent(runtime, &options);
  float observation[3] = {1, 0, 0}, action, response = 0;
  uint64_t stream = 1, decision;
  for (int i = 0; i < 41; i++) {
    CHECK_OK(prl_agent_act(agent, &stream, NULL, observation, 1, PRL_SAMPLE, &action, &decision, &error));
    CHECK_OK(prl_agent_feedback(agent, &decision, &response, NULL, NULL, 1, &error));
  }
  CHECK_FAILS(prl_agent_learn(agent, 0, NULL, &error), PRL_ENUMERIC, "critic \"c0\"");
  prl_vecenv_free(env);
  prl_agent_free(agent);
}

/* stop ends all epochs after the run whose metric exceeded the bound. */
static void stopping_early(void **state) {
  (void)state;
  toy_options options = pendulum_options;
  options.schedule =
      "[{\"verb\":\"collect\",\"rows\":64}," TOY_PLAIN_ESTIMATE "{\"verb\":\"epochs\",\"count\":5,\"body\":"
      "["
      "{\"verb\":\"minibatches\",\"size\":16,\"body\":[{\"verb\":\"run\",\"program\":\"update\"},"
      "{\"verb\":\"stop\",\"metric\":\"approx_kl\",\"above\":\"algorithm.bound\"}]}]},{\"verb\":\"publish\"}"
      "]";
  options.live = "{\"algorithm.lr\":0.003,\"algorithm.entropy\":0.01,\"gamma\":0.9,\"algorithm.bound\":{"
                 "\"kind\":\"piecewise\","
                 "\"points\":[[104,-1],[105,100]]}}";
  prl_agent *agent = toy_agent(runtime, &options);
  prl_vecenv *env = toy_pendulum(runtime, 4, 1);
  CHECK_OK(prl_agent_drive(agent, env, 1 << 20, true, NULL, &error));
  assert_int_equal(agent->sets->optims[0]->steps, 1);
  CHECK_OK(prl_agent_drive(agent, env, 1 << 20, true, NULL, &error));
  assert_int_equal(agent->sets->optims[0]->steps, 1 + 20);
  prl_vecenv_free(env);
  prl_agent_free(agent);
}

static void evaluation(void **state) {
  (void)state;
  prl_agent *agent = toy_agent(runtime, &pendulum_options);
  double one[7], two[7];
  int64_t lengths[7];
  for (int mode = PRL_SAMPLE; mode <= PRL_MEAN; mode++) {
    prl_vecenv *env = toy_pendulum(runtime, 3, 9), *again = toy_pendulum(runtime, 3, 9);
    CHECK_OK(prl_agent_evaluate(agent, env, 7, (prl_mode)mode, one, lengths, &error));
    CHECK_OK(prl_agent_evaluate(agent, again, 7, (prl_mode)mode, two, NULL, &error));
    for (int i = 0; i < 7; i++) assert_true(one[i] < 0 && one[i] == two[i] && lengths[i] == 200);
    assert_true(one[0] != one[1]);
    prl_vecenv_free(env);
    prl_vecenv_free(again);
  }
  assert_int_equal(agent->experience->n.decisions, 0);
  prl_vecenv *env = toy_pendulum(runtime, 3, 9);
  CHECK_FAILS(prl_agent_evaluate(agent, env, 0, PRL_MEAN, one, NULL, &error), PRL_EINVAL, "episodes is 0");
  prl_vecenv_free(env);
  prl_agent_free(agent);
}

/* Discarding stale steps: only what the policy in force did is learned from. */
static void dropping_stale_steps(void **state) {
  (void)state;
  toy_options options = pendulum_options;
  options.capacity = "{\"streams\":4,\"rows\":256,\"stale\":\"drop\"}";
  options.warmup = 0;
  prl_agent *agent = toy_agent(runtime, &options);
  float observation[3] = {1, 0, 0}, action, response = 1;
  uint64_t stream = 1, decision;
  for (int i = 0; i < 101; i++) {
    CHECK_OK(prl_agent_act(agent, &stream, NULL, observation, 1, PRL_SAMPLE, &action, &decision, &error));
    CHECK_OK(prl_agent_feedback(agent, &decision, &response, NULL, NULL, 1, &error));
  }
  prl_progress progress;
  CHECK_OK(prl_agent_learn(agent, 0, &progress, &error));
  assert_true(progress.waiting);
  assert_int_equal(progress.updates, 1);
  assert_int_equal(metric(agent, "stale_steps"), 36);
  CHECK_OK(prl_agent_finish(agent, stream, PRL_TERMINATED, NULL, &error));
  assert_int_equal(metric(agent, "stale_steps"), 37);
  prl_agent_free(agent);
}

static const char *kernels; /* of this round: the best that there are, then the plain ones */

static int setup(void **state) {
  (void)state;
  prl_runtime_options with = {.kernels = kernels};
  return prl_runtime_new(&with, &runtime, &error);
}

static int teardown(void **state) {
  (void)state;
  prl_runtime_release(runtime);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(learns_from_a_vector_env),
                                     cmocka_unit_test(steady_updates_do_not_allocate),
                                     cmocka_unit_test(one_row_at_a_time_gives_the_same_bytes),
                                     cmocka_unit_test(acting_between_budgets),
                                     cmocka_unit_test(the_shortest_budget),
                                     cmocka_unit_test(live_options),
                                     cmocka_unit_test(numbers_that_are_not_finite),
                                     cmocka_unit_test(a_bad_policy_is_not_published),
                                     cmocka_unit_test(a_bad_learner_is_not_saved),
                                     cmocka_unit_test(reward_scales_from_the_warmup),
                                     cmocka_unit_test(stopping_early),
                                     cmocka_unit_test(evaluation),
                                     cmocka_unit_test(dropping_stale_steps)};
  int failed = cmocka_run_group_tests(tests, setup, teardown);
  kernels = "baseline";
  return failed + cmocka_run_group_tests(tests, setup, teardown);
}
