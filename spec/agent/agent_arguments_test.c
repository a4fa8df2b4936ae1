/* Every public function of agents, actors and panels with each argument that it must refuse; nothing has
 * changed. */
#include "support/refused.h"

#include "agent/agent.h"
#include "agent/learner/parts.h"
#include "agent/policy/parts.h"
#include "agent/toy_plan.h"
#include "perilune/actor.h"

enum { N = 4, WIDTH = 3 };

static prl_runtime *runtime;
static prl_plan *plan;
static prl_agent *agent;
static prl_vecenv *env;
static const prl_env_type *type;

static const toy_options options = {.observations = WIDTH,
                                    .actions = 1,
                                    .responses = 1,
                                    .critics = 1,
                                    .capacity = "{\"streams\":8,\"rows\":64}"};

static int setup(void **state) {
  (void)state;
  CHECK_OK(prl_runtime_new(NULL, &runtime, &error));
  toy_plan made = toy_new(runtime, &options);
  CHECK_OK(toy_plan_of(runtime, &made, &plan, &error));
  toy_free(&made);
  CHECK_OK(prl_agent_new(plan, &agent, &error));
  CHECK_OK(prl_env_find("pendulum", &type, &error));
  CHECK_OK(prl_vecenv_new(runtime, type, NULL, N, 1, 100, &env, &error));
  return 0;
}

static int teardown(void **state) {
  (void)state;
  prl_vecenv_free(env);
  prl_agent_free(agent);
  prl_plan_free(plan);
  assert_int_equal(prl_runtime_memory(runtime).live_bytes, 0);
  prl_runtime_release(runtime);
  return 0;
}

/* Rows of a call; all the same bytes before and after. */
static uint64_t streams[N] = {1, 2, 3, 4}, decisions[N];
static float observation[N * WIDTH], action[N], responses[N];

static void agent_calls(void) {
  prl_agent *other = NULL;
  double value = 7;
  int64_t count = 7;
  const prl_rollout none = {0};
  REFUSED("plan", prl_agent_new(NULL, &other, e));
  REFUSED("out", prl_agent_new(plan, NULL, e));
  REFUSED("agent", prl_agent_time(NULL, 0, e));
  REFUSED("agent", prl_agent_act(NULL, streams, NULL, observation, N, PRL_MEAN, action, decisions, e));
  REFUSED("streams", prl_agent_act(agent, NULL, NULL, observation, N, PRL_MEAN, action, decisions, e));
  REFUSED("observation", prl_agent_act(agent, streams, NULL, NULL, N, PRL_MEAN, action, decisions, e));
  REFUSED("action", prl_agent_act(agent, streams, NULL, observation, N, PRL_MEAN, NULL, decisions, e));
  EACH(n, NO_ROWS)
  REFUSED("n", prl_agent_act(agent, streams, NULL, observation, n, PRL_MEAN, action, decisions, e));
  REFUSED("n", prl_agent_act(agent, streams, NULL, observation, n, PRL_MEAN, action, NULL, e));
  REFUSED("n", prl_agent_observe(agent, streams, observation, n, e));
  REFUSED("n", prl_agent_feedback(agent, decisions, responses, NULL, NULL, n, e));
  REFUSED("n", prl_agent_log_prob(agent, observation, action, n, responses, e));
  REFUSED("n", prl_agent_log_probs(agent, observation, n, responses, e));
  REFUSED("n", prl_agent_values(agent, observation, n, responses, e));
  REFUSED("n", prl_agent_rewards(agent, responses, n, action, e));
  END EACH(word, NO_WORD)
      REFUSED("mode", prl_agent_act(agent, streams, NULL, observation, N, (prl_mode)word, action, NULL, e));
  REFUSED("mode", prl_agent_evaluate(agent, env, 1, (prl_mode)word, NULL, NULL, e));
  REFUSED("mode", prl_agent_rollout(agent, env, 1, (prl_mode)word, &none, e));
  REFUSED("reason", prl_agent_finish(agent, 1, (prl_finish_reason)word, NULL, e));
  END REFUSED("agent", prl_agent_observe(NULL, streams, observation, N, e));
  REFUSED("streams", prl_agent_observe(agent, NULL, observation, N, e));
  REFUSED("observation", prl_agent_observe(agent, streams, NULL, N, e));
  REFUSED("agent", prl_agent_log_prob(NULL, observation, action, N, responses, e));
  REFUSED("observation", prl_agent_log_prob(agent, NULL, action, N, responses, e));
  REFUSED("action", prl_agent_log_prob(agent, observation, NULL, N, responses, e));
  REFUSED("log_prob", prl_agent_log_prob(agent, observation, action, N, NULL, e));
  REFUSED("agent", prl_agent_log_probs(NULL, observation, N, responses, e));
  REFUSED("observation", prl_agent_log_probs(agent, NULL, N, responses, e));
  REFUSED("log_probs", prl_agent_log_probs(agent, observation, N, NULL, e));
  REFUSED("agent", prl_agent_values(NULL, observation, N, responses, e));
  REFUSED("observation", prl_agent_values(agent, NULL, N, responses, e));
  REFUSED("values", prl_agent_values(agent, observation, N, NULL, e));
  REFUSED("agent", prl_agent_rewards(NULL, responses, N, action, e));
  REFUSED("response", prl_agent_rewards(agent, NULL, N, action, e));
  REFUSED("rewards", prl_agent_rewards(agent, responses, N, NULL, e));
  REFUSED("agent", prl_agent_value_parameters(NULL, &count, e));
  REFUSED("count", prl_agent_value_parameters(agent, NULL, e));
  REFUSED("agent", prl_agent_feedback(NULL, decisions, responses, NULL, NULL, N, e));
  REFUSED("decisions", prl_agent_feedback(agent, NULL, responses, NULL, NULL, N, e));
  REFUSED("responses", prl_agent_feedback(agent, decisions, NULL, NULL, NULL, N, e));
  REFUSED("agent", prl_agent_finish(NULL, 1, PRL_TERMINATED, NULL, e));
  REFUSED("agent", prl_agent_learn(NULL, 0, NULL, e));
  EACH(budget, -1, INT64_MIN)
  REFUSED("budget_us", prl_agent_learn(agent, budget, NULL, e));
  REFUSED("steps", prl_agent_drive(agent, env, budget, false, NULL, e));
  END REFUSED("agent", prl_agent_drive(NULL, env, 1, false, NULL, e));
  REFUSED("env", prl_agent_drive(agent, NULL, 1, false, NULL, e));
  REFUSED("agent", prl_agent_evaluate(NULL, env, 1, PRL_MEAN, NULL, NULL, e));
  REFUSED("env", prl_agent_evaluate(agent, NULL, 1, PRL_MEAN, NULL, NULL, e));
  REFUSED("agent", prl_agent_rollout(NULL, env, 1, PRL_MEAN, &none, e));
  REFUSED("env", prl_agent_rollout(agent, NULL, 1, PRL_MEAN, &none, e));
  REFUSED("out", prl_agent_rollout(agent, env, 1, PRL_MEAN, NULL, e));
  REFUSED("steps", prl_agent_rollout(agent, env, 0, PRL_MEAN, &none, e));
  EACH(episodes, NO_ROWS, 0)
  REFUSED("episodes", prl_agent_evaluate(agent, env, episodes, PRL_MEAN, NULL, NULL, e));
  END REFUSED("agent", prl_agent_set(NULL, "entropy", 0, e));
  REFUSED("option", prl_agent_set(agent, NULL, 0, e));
  REFUSED("agent", prl_agent_get(NULL, "entropy", &value, e));
  REFUSED("option", prl_agent_get(agent, NULL, &value, e));
  REFUSED("value", prl_agent_get(agent, "entropy", NULL, e));
  REFUSED("agent", prl_agent_swap(NULL, plan, e));
  REFUSED("plan", prl_agent_swap(agent, NULL, e));
  REFUSED("agent", prl_agent_swap_with(NULL, plan, PRL_SWAP_RAMP, e));
  REFUSED("plan", prl_agent_swap_with(agent, NULL, PRL_SWAP_RAMP, e));
  REFUSED("mode", prl_agent_swap_with(agent, plan, (prl_swap_mode)(PRL_SWAP_SHADOW + 1), e));
  REFUSED("agent", prl_agent_swap_check(NULL, plan, e));
  REFUSED("plan", prl_agent_swap_check(agent, NULL, e));
  REFUSED("plan", prl_plan_schedules(NULL, PRL_SCHEDULES_GO_ON, e));
  const prl_migrated *migrated = NULL;
  int parts = 7;
  REFUSED("agent", prl_agent_swap_plan(NULL, plan, &migrated, &parts, e));
  REFUSED("plan", prl_agent_swap_plan(agent, NULL, &migrated, &parts, e));
  REFUSED("agent", prl_agent_swap_plan_with(NULL, plan, PRL_SWAP_APPLY, &migrated, &parts, e));
  REFUSED("mode", prl_agent_swap_plan_with(agent, plan, (prl_swap_mode)-1, &migrated, &parts, e));
  REFUSED("list", prl_agent_swap_plan(agent, plan, NULL, &parts, e));
  REFUSED("count", prl_agent_swap_plan(agent, plan, &migrated, NULL, e));
  assert_true(!migrated && parts == 7);
  REFUSED("agent", prl_agent_rollback(NULL, e));
  REFUSED("agent", prl_agent_lag(NULL, 1, e));
  REFUSED("updates", prl_agent_lag(agent, -1, e));
  REFUSED("updates", prl_agent_lag(agent, PRL_LAG_MOST + 1, e));
  assert_null(prl_agent_previous(NULL));
  assert_false(prl_agent_in_force(NULL, plan) || prl_agent_in_force(agent, NULL));
  REFUSED("agent", prl_agent_swap_plan_with(NULL, plan, PRL_SWAP_RAMP, &migrated, &parts, e));
  REFUSED("plan", prl_agent_swap_plan_with(agent, NULL, PRL_SWAP_SHADOW, &migrated, &parts, e));
  REFUSED("list", prl_agent_swap_plan_with(agent, plan, PRL_SWAP_SHADOW, NULL, &parts, e));
  REFUSED("mode", prl_agent_swap_plan_with(agent, plan, (prl_swap_mode)3, &migrated, &parts, e));
  prl_ramp_status ramp;
  assert_false(prl_agent_ramp(NULL, &ramp) || prl_agent_ramp(agent, NULL));
  REFUSED("mode", prl_agent_swap_with(agent, plan, (prl_swap_mode)-1, e));
  prl_shadowed shadow;
  REFUSED("agent", prl_agent_swap_with(NULL, plan, PRL_SWAP_SHADOW, e));
  REFUSED("plan", prl_agent_swap_with(agent, NULL, PRL_SWAP_SHADOW, e));
  REFUSED("agent", prl_agent_confirm(NULL, e));
  assert_false(prl_agent_shadowed(NULL, &shadow) || prl_agent_shadowed(agent, NULL));
  REFUSED("agent", prl_agent_start_from(NULL, agent, NULL, NULL, e));
  REFUSED("other", prl_agent_start_from(agent, NULL, NULL, NULL, e));
  assert_null(other);
  assert_true(value == 7);
}

/* made as an actor and a recorder take it, and without each of its arrays. */
static void actor_calls(void) {
  prl_snapshot *snapshot = NULL, *none = NULL;
  prl_actor *actor = NULL, *other = NULL;
  static float drawn[N], log_prob[N];
  static uint64_t versions[N];
  const prl_decisions whole = {.n = N,
                               .streams = streams,
                               .observation = observation,
                               .action = action,
                               .drawn = drawn,
                               .log_prob = log_prob,
                               .versions = versions};
  prl_decisions made = whole;
  REFUSED("agent", prl_agent_snapshot(NULL, &none, e));
  REFUSED("out", prl_agent_snapshot(agent, NULL, e));
  CHECK_OK(prl_agent_snapshot(agent, &snapshot, &error));
  REFUSED("runtime", prl_actor_new(NULL, snapshot, &other, e));
  REFUSED("snapshot", prl_actor_new(runtime, NULL, &other, e));
  REFUSED("out", prl_actor_new(runtime, snapshot, NULL, e));
  CHECK_OK(prl_actor_new(runtime, snapshot, &actor, &error));
  REFUSED("actor", prl_actor_act(NULL, snapshot, &made, PRL_MEAN, e));
  REFUSED("snapshot", prl_actor_act(actor, NULL, &made, PRL_MEAN, e));
  REFUSED("made", prl_actor_act(actor, snapshot, NULL, PRL_MEAN, e));
  REFUSED("agent", prl_agent_record(NULL, &made, decisions, e));
  REFUSED("made", prl_agent_record(agent, NULL, decisions, e));
  REFUSED("decisions", prl_agent_record(agent, &made, NULL, e));
  EACH(word, NO_WORD) REFUSED("mode", prl_actor_act(actor, snapshot, &made, (prl_mode)word, e));
  END EACH(n, NO_ROWS) made.n = n;
  REFUSED("made.n", prl_actor_act(actor, snapshot, &made, PRL_MEAN, e));
  REFUSED("made.n", prl_agent_record(agent, &made, decisions, e));
  END const struct {
    const char *name;
    size_t at;
    bool acting, recording;
  } arrays[] = {{"made.streams", offsetof(prl_decisions, streams), true, true},
                {"made.observation", offsetof(prl_decisions, observation), true, true},
                {"made.action", offsetof(prl_decisions, action), true, false},
                {"made.drawn", offsetof(prl_decisions, drawn), true, true},
                {"made.log_prob", offsetof(prl_decisions, log_prob), true, true},
                {"made.versions", offsetof(prl_decisions, versions), false, true}};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
    made = whole;
    memset((char *)&made + arrays[i].at, 0, sizeof(void *));
    if (arrays[i].acting) REFUSED(arrays[i].name, prl_actor_act(actor, snapshot, &made, PRL_MEAN, e));
    if (arrays[i].recording) REFUSED(arrays[i].name, prl_agent_record(agent, &made, decisions, e));
  }
  CHECK_OK(
      prl_actor_act(actor, snapshot, &(prl_decisions){0}, PRL_MEAN, &error)); /* no rows need no arrays */
  assert_null(none);
  assert_null(other);
  prl_actor_free(actor);
  prl_snapshot_release(snapshot);
}

static void file_calls(void) {
  prl_plan *other = NULL;
  prl_agent *loaded = NULL;
  const char *const sets[] = {"a=1", NULL};
  REFUSED("runtime", prl_plan_load(NULL, "x.lua", NULL, &other, e));
  REFUSED("path", prl_plan_load(runtime, NULL, NULL, &other, e));
  REFUSED("out", prl_plan_load(runtime, "x.lua", NULL, NULL, e));
  EACH(count, -1, INT32_MIN, INT32_MAX)
  REFUSED(
      "options.set_count",
      prl_plan_load(runtime, "x.lua", &(prl_plan_options){.set = sets, .set_count = (int)count}, &other, e));
  END REFUSED("options.set", prl_plan_load(runtime, "x.lua", &(prl_plan_options){.set_count = 1}, &other, e));
  REFUSED("options.set[…]",
          prl_plan_load(runtime, "x.lua", &(prl_plan_options){.set = sets, .set_count = 2}, &other, e));
  REFUSED("agent", prl_agent_save(NULL, NULL, "x", e));
  REFUSED("path", prl_agent_save(agent, NULL, NULL, e));
  REFUSED("runtime", prl_agent_load(NULL, "x", &loaded, e));
  REFUSED("path", prl_agent_load(runtime, NULL, &loaded, e));
  REFUSED("out", prl_agent_load(runtime, "x", NULL, e));
  REFUSED("agent", prl_agent_load_env(NULL, "x", env, e));
  REFUSED("path", prl_agent_load_env(agent, NULL, env, e));
  REFUSED("env", prl_agent_load_env(agent, "x", NULL, e));
  assert_null(other);
  assert_null(loaded);
}

/* A type whose steps take a simulated hour, for a panel. */
static prl_status clock_spec(const prl_env_type *of, const double *values, prl_env_spec *spec,
                             prl_error *to) {
  prl_status status = type->spec(of, values, spec, to);
  spec->clock = true;
  return status;
}

static prl_status panel(void (*spoil)(prl_panel_options *o, int64_t with), int64_t with, double *sums) {
  static prl_env_type clocked;
  static double values[8];
  static const float constant[1];
  static const int32_t observed[WIDTH];
  for (int i = 0; type->options[i].name; i++) values[i] = type->options[i].value;
  clocked = *type;
  clocked.spec = clock_spec;
  prl_panel_options o = {.type = &clocked,
                         .env_options = values,
                         .users = 2,
                         .days = 1,
                         .constant = constant,
                         .observed = observed,
                         .observed_count = 1,
                         .threads = 1};
  spoil(&o, with);
  return prl_panel_run(&o, sums, e);
}
static void no_type(prl_panel_options *o, int64_t with) { o->type = NULL; }
static void no_options(prl_panel_options *o, int64_t with) { o->env_options = NULL; }
static void no_observed(prl_panel_options *o, int64_t with) { o->observed = NULL; }
static void bad_mode(prl_panel_options *o, int64_t with) { o->mode = (prl_mode)with; }
static void bad_count(prl_panel_options *o, int64_t with) { o->observed_count = (int32_t)with; }
static void bad_users(prl_panel_options *o, int64_t with) { o->users = with; }
static void bad_days(prl_panel_options *o, int64_t with) { o->days = (int32_t)with; }
static void bad_threads(prl_panel_options *o, int64_t with) { o->threads = (int)with; }

static void panel_calls(void) {
  double sums[64];
  REFUSED("options", prl_panel_run(NULL, sums, e));
  REFUSED("sums", panel(bad_mode, 0, NULL));
  REFUSED("options.type", panel(no_type, 0, sums));
  REFUSED("options.env_options", panel(no_options, 0, sums));
  REFUSED("options.observed", panel(no_observed, 0, sums));
  EACH(word, NO_WORD)
  REFUSED("options.mode", panel(bad_mode, word, sums));
  END EACH(count, -1, INT32_MIN, WIDTH + 1, INT32_MAX)
      REFUSED("options.observed_count", panel(bad_count, count, sums));
  END EACH(number, -1, 0, INT32_MIN, INT32_MAX) assert_int_equal(panel(bad_users, number, sums), PRL_EINVAL);
  assert_int_equal(panel(bad_days, number, sums), PRL_EINVAL);
  assert_int_equal(panel(bad_threads, number, sums), PRL_EINVAL);
  END
}

static void test_refused(void **state) {
  (void)state;
  static const float zeros[N];
  void (*const tables[])(void) = {agent_calls, actor_calls, file_calls, panel_calls};
  read_tables(tables, sizeof tables / sizeof *tables);
  assert_memory_equal(action, zeros, sizeof action);
  assert_int_equal(decisions[0], 0);
  assert_int_equal(agent->experience->n.decisions, 0);
  assert_int_equal(agent->learner->n.updates + agent->policy->n.calls, 0);
}

/* Functions without a status: nothing, 0 or −1, and no crash. */
static void test_without_status(void **state) {
  (void)state;
  const prl_metric *metrics = NULL;
  prl_plan_free(NULL);
  prl_agent_free(NULL);
  prl_actor_free(NULL);
  prl_snapshot_release(NULL);
  assert_null(prl_snapshot_retain(NULL));
  assert_null(prl_snapshot_hash(NULL));
  assert_int_equal(prl_snapshot_version(NULL), 0);
  assert_null(prl_plan_hash(NULL));
  int64_t rows = 7;
  prl_agent_watch(NULL, (prl_watch){0});
  assert_int_equal(prl_agent_now(NULL), 0);
  assert_null(prl_agent_spec(NULL));
  assert_null(prl_agent_hash(NULL));
  assert_null(prl_agent_notice(NULL));
  const prl_guard *guards = NULL;
  assert_int_equal(prl_agent_guards(NULL, &guards), 0);
  assert_int_equal(prl_agent_guards(agent, NULL), 0);
  prl_ramp_status ramp;
  assert_false(prl_agent_ramp(NULL, &ramp));
  assert_false(prl_agent_ramp(agent, NULL));
  assert_false(prl_agent_ramp(agent, &ramp));
  assert_null(prl_agent_breach(NULL, NULL));
  assert_null(prl_agent_breach(agent, NULL));
  assert_int_equal(prl_agent_refit(NULL, &rows), PRL_REFIT_NONE);
  assert_int_equal(rows, 0);
  assert_int_equal(prl_agent_refit(agent, NULL), PRL_REFIT_NONE);
  assert_null(prl_agent_act_log_prob(NULL, &rows));
  assert_int_equal(rows, 0);
  assert_null(prl_agent_act_log_prob(agent, NULL));
  assert_int_equal(prl_agent_choices(NULL), 0);
  assert_int_equal(prl_agent_critics(NULL), 0);
  assert_null(prl_agent_critic(NULL, 0));
  assert_null(prl_agent_critic(agent, -1));
  assert_null(prl_agent_critic(agent, prl_agent_critics(agent)));
  assert_true(prl_agent_days_driven(NULL) == 0);
  assert_int_equal(prl_agent_meanings(NULL, &metrics), 0);
  assert_int_equal(prl_agent_meanings(agent, NULL), 0);
  assert_int_equal(prl_agent_finish_all(NULL, PRL_TRUNCATED), -1);
  EACH(word, NO_WORD)
  assert_int_equal(prl_agent_finish_all(agent, (prl_finish_reason)word), -1);
  END assert_int_equal(prl_agent_metrics(NULL, &metrics), 0);
  assert_int_equal(prl_agent_metrics(agent, NULL), 0);
  assert_null(metrics);
  assert_int_equal(prl_panel_width(NULL, 0), 0);
  assert_int_equal(prl_panel_width(prl_vecenv_spec(env), -1), 0);
}
/* The greatest numbers that are accepted do what they say: a boundless budget waits, as no budget does. */
static void test_greatest(void **state) {
  (void)state;
  prl_progress progress = {0};
  CHECK_OK(prl_agent_learn(agent, INT64_MAX, &progress, &error));
  assert_true(progress.waiting);
  for (int t = 0; t < 16; t++)
    CHECK_OK(prl_agent_act(agent, streams, NULL, observation, N, PRL_SAMPLE, action, decisions, &error));
  CHECK_OK(prl_agent_observe(agent, streams, observation, N, &error));
  CHECK_OK(
      prl_agent_learn(agent, INT64_MAX, &progress, &error)); /* a whole update, and on to the next gate */
  assert_true(progress.waiting && progress.updates == 1);
  CHECK_OK(prl_agent_time(agent, INT64_C(1) << 60, &error));
  CHECK_FAILS(prl_agent_time(agent, INT64_MAX, &error), PRL_EINVAL, "the time is 9223372036854775807 µs");
  CHECK_FAILS(prl_agent_time(agent, -1, &error), PRL_EINVAL, "backwards");
  assert_int_equal(prl_agent_now(agent), INT64_C(1) << 60);
  CHECK_OK(
      prl_agent_act(agent, NULL, NULL, NULL, 0, PRL_MEAN, NULL, NULL, &error)); /* no rows need no arrays */
  CHECK_OK(prl_agent_observe(agent, NULL, NULL, 0, &error));
  CHECK_OK(prl_agent_feedback(agent, NULL, NULL, NULL, NULL, 0, &error));
  CHECK_OK(prl_agent_record(agent, &(prl_decisions){0}, NULL, &error));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_refused),
      cmocka_unit_test(test_without_status),
      cmocka_unit_test(test_greatest),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
