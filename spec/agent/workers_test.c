/* Several workers that train one agent: what they share, what is refused, and that nothing is lost. */
#include "support/runtime.h"
#include "support/failing_alloc.h"
#include "support/scratch.h"

#include <stdlib.h>

#include "agent/agent.h"
#include "agent/learner/parts.h"
#include "agent/policy/parts.h"
#include "agent/toy_plan.h"

static prl_error error;

enum { N = 4 };

static const toy_options options = {.observations = 3,
                                    .actions = 1,
                                    .responses = 1,
                                    .critics = 1,
                                    .capacity = "{\"streams\":4,\"rows\":128,\"act\":3,\"tile\":16}",
                                    .normaliser = "{\"clip\":5}",
                                    .warmup = 40,
                                    .popart = true,
                                    .asynchronous = true};

static prl_vecenv *pendulum(int64_t parts) {
  const prl_env_type *type;
  prl_vecenv *env;
  CHECK_OK(prl_env_find("pendulum", &type, &error));
  CHECK_OK(prl_vecenv_new(runtime, type, NULL, N, 1, 100, &env, &error));
  CHECK_OK(prl_vecenv_divide(env, parts, &error));
  return env;
}

static double metric(const prl_agent *agent, const char *name) {
  const prl_metric *list;
  const int count = prl_agent_metrics(agent, &list);
  for (int i = 0; i < count; i++)
    if (!strcmp(list[i].name, name)) return list[i].value;
  return NAN;
}

/* Two workers make half of an update's rows each: twice as many updates, and all steps are counted. */
static void numbers_are_of_all_workers(void **state) {
  (void)state;
  for (int64_t parts = 1; parts <= 4; parts *= 2) {
    prl_agent *agent = toy_agent(runtime, &options);
    prl_vecenv *env = pendulum(parts);
    int64_t made = 0;
    CHECK_OK(prl_agent_drive(agent, env, 40 + 6400, false, &made, &error));
    assert_true(made >= 6440 && made < 6440 + 64);
    assert_true(metric(agent, "steps") == (double)made);
    const double updates = metric(agent, "updates"), whole = 100 * (double)parts;
    assert_true(updates > whole * 0.9 && updates < whole * 1.1);
    assert_true(fabs(metric(agent, "response/r0")) > 0);
    assert_true(parts == 1 ? isnan(metric(agent, "lag")) : metric(agent, "lag") >= 0);
    CHECK_OK(prl_sets_check(agent->sets, &error));
    prl_agent_free(agent);
    prl_vecenv_free(env);
  }
}

/* One worker of an asynchronous plan gives the bytes of any agent. */
static void one_worker_is_alone(void **state) {
  (void)state;
  toy_options alone = options;
  alone.asynchronous = false;
  prl_agent *a = toy_agent(runtime, &options), *b = toy_agent(runtime, &alone);
  prl_vecenv *env_a = pendulum(1), *env_b = pendulum(1);
  CHECK_OK(prl_agent_drive(a, env_a, 2000, false, NULL, &error));
  CHECK_OK(prl_agent_drive(b, env_b, 2000, false, NULL, &error));
  for (int i = 0; i < a->sets->count; i++)
    assert_memory_equal(a->sets->items[i]->value, b->sets->items[i]->value,
                        (size_t)a->sets->items[i]->size * sizeof(float));
  prl_agent_free(a);
  prl_agent_free(b);
  prl_vecenv_free(env_a);
  prl_vecenv_free(env_b);
}

/* ---- a push ---- */

typedef struct pair {
  prl_agent *lead, *other;
  prl_shared *shared;
} pair;

static pair pair_of(const toy_options *o) {
  pair p = {toy_agent(runtime, o), toy_agent(runtime, o), NULL};
  CHECK_OK(prl_shared_new(p.lead->learner, &p.shared, &error));
  CHECK_OK(prl_shared_join(p.shared, p.lead->learner, 3, 4, &error));
  CHECK_OK(prl_shared_join(p.shared, p.other->learner, 1, 4, &error));
  return p;
}

static void pair_free(pair *p) {
  prl_shared_leave(p->lead->learner);
  prl_shared_leave(p->other->learner);
  prl_shared_free(p->shared);
  prl_agent_free(p->lead);
  prl_agent_free(p->other);
}

static prl_optim *value_optim(prl_agent *agent) { return agent->sets->optims[1]; }

static void fill_gradient(prl_params *set) {
  for (int64_t i = 0; i < set->size; i++) set->grad[i] = (float)(i % 7) - 3;
}

/* By plain gradient descent a step shows the gradient: value − before = −share · lr · factor · gradient. With
 * the worker's deviation 2 and the shared one 4, the gradient of ((v − G)/σ)² changes by (2/4)² below the
 * last layer, and by 2/4 in it. Where a set is below several critics, in their last layers alone. */
static void a_push_under_older_statistics(void **state) {
  (void)state;
  for (int critics = 1; critics <= 2; critics++) {
    toy_options sgd = options;
    sgd.value_optim = "sgd";
    sgd.critics = critics;
    pair p = pair_of(&sgd);
    prl_params *set = value_optim(p.other)->params;
    for (int i = 0; i < critics; i++) {
      p.lead->learner->critics[i].popart->std = 4;
      p.other->learner->critics[i].popart->std = 2;
    }
    prl_shared_begin(p.shared, p.lead->learner);
    for (int64_t i = 0; i < set->size; i++) set->value[i] = -100; /* the copy is older: the push renews it */
    fill_gradient(set);
    prl_optim_step(value_optim(p.other), 0.5f, NAN);
    const prl_params *before = p.lead->sets->items[1];
    for (int k = 0; k < set->count; k++) {
      const bool last = set->items[k]->name[0] == '1';
      const float factor = last ? 0.5f : critics == 1 ? 0.25f : 1;
      const int64_t first = (const float *)set->items[k]->value.data - set->value;
      for (int64_t i = first; i < first + prl_tensor_count(&set->items[k]->value); i++) {
        const float step = 0.25f * 0.5f * factor * ((float)(i % 7) - 3);
        assert_true(fabsf(set->value[i] - (before->value[i] - step)) < 1e-6f);
      }
    }
    assert_true(p.other->learner->critics[0].popart->std == 4);
    pair_free(&p);
  }
}

/* Each step by the moments that all share; the lead takes over what all have learned. */
static void pushes_share_moments(void **state) {
  (void)state;
  pair p = pair_of(&options);
  prl_optim *mine = value_optim(p.lead), *other = value_optim(p.other);
  prl_shared_begin(p.shared, p.lead->learner);
  for (int turn = 0; turn < 3; turn++) {
    fill_gradient(mine->params);
    prl_optim_step(mine, 0.01f, NAN);
    fill_gradient(other->params);
    prl_optim_step(other, 0.01f, NAN);
  }
  assert_int_equal(other->steps, 6);
  assert_true(other->params->value[8] != mine->params->value[8]);
  prl_shared_end(p.shared, p.lead->learner);
  assert_int_equal(mine->steps, 6);
  assert_memory_equal(mine->params->value, other->params->value, (size_t)mine->params->size * sizeof(float));
  /* Adam by one gradient: m = (1 − β₁⁶) g */
  const int64_t at = 1;
  const double g = (double)(at % 7) - 3, m = (1 - pow(0.9, 6)) * g;
  assert_true(fabs((double)mine->moment1[at] - m) < 1e-5);
  pair_free(&p);
}

/* The statistics of observations are those of all rows, whoever collected them. */
static void statistics_are_of_all_rows(void **state) {
  (void)state;
  pair p = pair_of(&options);
  const float rows[] = {1, 2, 3, 4, 5, 6};
  prl_shared_begin(p.shared, p.lead->learner);
  prl_learner *learners[] = {p.lead->learner, p.other->learner};
  for (int k = 0; k < 2; k++) {
    learners[k]->batch.rows = 1;
    memcpy(learners[k]->batch.observation, rows + 3 * k, 3 * sizeof(float));
    prl_shared_gather(learners[k]);
    learners[k]->batch.rows = 0;
  }
  prl_shared_end(p.shared, p.lead->learner);
  const prl_normaliser *n = prl_policy_normaliser(p.lead->policy);
  assert_true(*n->count == 2 && n->mean[0] == 2.5 && n->mean[1] == 3.5 && n->m2[2] == 4.5);
  pair_free(&p);
}

/* Returns: the moving means go on from worker to worker, by the share of each. */
static void returns_are_shared(void **state) {
  (void)state;
  pair p = pair_of(&options);
  prl_critic *mine = p.lead->learner->critics, *other = p.other->learner->critics;
  *mine->popart = (prl_popart){.begun = 1, .first = 1, .second = 5, .mean = 1, .std = 2};
  *other->popart = *mine->popart;
  prl_shared_begin(p.shared, p.lead->learner);
  prl_learner *l = p.other->learner;
  l->batch.rows = 2;
  other->returns[0] = 1;
  other->returns[1] = 3;
  other->decay = 0.4; /* by a fourth of the instances */
  assert_false(prl_shared_returns(l, other));
  assert_true(fabs(other->popart->first - 1.1) < 1e-12);
  l->batch.rows = 0;
  prl_shared_end(p.shared, p.lead->learner);
  assert_true(fabs(mine->popart->first - 1.1) < 1e-12 && mine->popart->std == 2);
  pair_free(&p);
}

/* ---- what may happen between and during drives ---- */

/* A swap goes through; a plan for one worker drives all instances alone, and one for several takes them up.
 */
static void swaps(void **state) {
  (void)state;
  toy_options alone = options;
  alone.asynchronous = false;
  prl_agent *agent = toy_agent(runtime, &options);
  prl_vecenv *env = pendulum(2);
  prl_plan *plans[] = {toy_made(runtime, &options), toy_made(runtime, &alone), toy_made(runtime, &options)};
  CHECK_OK(prl_agent_drive(agent, env, 3000, false, NULL, &error));
  for (int i = 0; i < 3; i++) {
    CHECK_OK(prl_agent_swap(agent, plans[i], &error));
    const int64_t steps = agent->experience->n.decisions, updates = agent->learner->n.updates;
    CHECK_OK(prl_agent_drive(agent, env, 2000, false, NULL, &error));
    assert_true(agent->experience->n.decisions >= steps + 2000);
    assert_true(agent->learner->n.updates > updates + 10);
    assert_int_equal(agent->workers != NULL, i != 1);
    prl_plan_free(plans[i]);
  }
  prl_agent_free(agent);
  prl_vecenv_free(env);
}

/* Live options reach every worker. */
static void options_reach_all(void **state) {
  (void)state;
  prl_agent *agent = toy_agent(runtime, &options);
  prl_vecenv *env = pendulum(4);
  CHECK_OK(prl_agent_drive(agent, env, 1000, false, NULL, &error));
  CHECK_OK(prl_agent_set(agent, "algorithm.lr", 0, &error));
  CHECK_OK(prl_agent_drive(agent, env, 400, false, NULL, &error)); /* updates that had begun before */
  float before[64];
  const prl_params *policy = agent->sets->items[0];
  memcpy(before, policy->value, sizeof before);
  CHECK_OK(prl_agent_drive(agent, env, 1000, false, NULL, &error));
  assert_memory_equal(policy->value, before, sizeof before);
  prl_agent_free(agent);
  prl_vecenv_free(env);
}

static void a_worker_fails(void **state) {
  (void)state;
  toy_options poison = options;
  poison.poison = true;
  prl_agent *agent = toy_agent(runtime, &poison);
  prl_vecenv *env = pendulum(2);
  prl_plan *plan = toy_made(runtime, &options);
  CHECK_OK(prl_agent_drive(agent, env, 300, false, NULL, &error));
  CHECK_OK(prl_agent_set(agent, "algorithm.entropy", 0, &error));
  CHECK_FAILS(prl_agent_drive(agent, env, 3000, false, NULL, &error), PRL_ENUMERIC, "div");
  CHECK_FAILS(prl_agent_drive(agent, env, 3000, false, NULL, &error), PRL_ENUMERIC, "div");
  CHECK_OK(prl_agent_swap(agent, plan, &error));
  CHECK_OK(prl_agent_drive(agent, env, 3000, false, NULL, &error));
  prl_plan_free(plan);
  prl_agent_free(agent);
  prl_vecenv_free(env);
}

/* Saved and loaded, the run goes on with what all had learned. */
static void saved(void **state) {
  (void)state;
  char path[64];
  scratch_path(path);
  prl_agent *agent = toy_agent(runtime, &options), *again;
  prl_vecenv *env = pendulum(2), *other = pendulum(2), *whole = pendulum(1);
  CHECK_OK(prl_agent_drive(agent, env, 3000, false, NULL, &error));
  CHECK_OK(prl_agent_save(agent, env, path, &error));
  CHECK_OK(prl_agent_load(runtime, path, &again, &error));
  CHECK_OK(prl_agent_load_env(again, path, other, &error));
  assert_int_equal(again->experience->n.decisions, agent->experience->n.decisions);
  for (int i = 0; i < agent->sets->count; i++)
    assert_memory_equal(again->sets->items[i]->value, agent->sets->items[i]->value,
                        (size_t)agent->sets->items[i]->size * sizeof(float));
  assert_memory_equal(again->drive.observation, agent->drive.observation, N * 3 * sizeof(float));
  CHECK_OK(prl_agent_drive(again, other, 3000, false, NULL, &error));
  CHECK_FAILS(prl_agent_load_env(again, path, whole, &error), PRL_EFORMAT, "");
  prl_agent_free(agent);
  prl_agent_free(again);
  prl_vecenv_free(env);
  prl_vecenv_free(other);
  prl_vecenv_free(whole);
}

static bool stop(void *context, int64_t done, int64_t total) {
  (void)done, (void)total;
  return --*(int *)context > 0;
}

static void stopped_by_the_watch(void **state) {
  (void)state;
  prl_agent *agent = toy_agent(runtime, &options);
  prl_vecenv *env = pendulum(2);
  int64_t made;
  int asked = 3;
  CHECK_OK(prl_agent_drive(agent, env, 1000, false, NULL, &error));
  prl_agent_watch(agent, (prl_watch){.go_on = stop, .context = &asked});
  CHECK_OK(prl_agent_drive(agent, env, INT64_C(1) << 40, false, &made, &error));
  assert_true(made > 0 && asked == 0);
  prl_agent_watch(agent, (prl_watch){0});
  CHECK_OK(prl_agent_drive(agent, env, 1000, false, NULL, &error));
  prl_agent_free(agent);
  prl_vecenv_free(env);
}

static void refusals(void **state) {
  (void)state;
  toy_options alone = options;
  alone.asynchronous = false;
  prl_agent *agent = toy_agent(runtime, &alone);
  prl_vecenv *env = pendulum(2);
  CHECK_FAILS(prl_agent_drive(agent, env, 100, false, NULL, &error), PRL_EINVAL,
              "divided between 2 workers, and the agent's algorithm learns by one");
  prl_agent_free(agent);
  prl_vecenv_free(env);
}

static prl_status life(prl_runtime *of, void *context, prl_error *failure) {
  prl_plan *plan = NULL;
  prl_agent *agent = NULL;
  prl_vecenv *env = NULL;
  prl_status status = toy_plan_of(of, context, &plan, failure);
  if (!status) status = prl_agent_new(plan, &agent, failure);
  if (!status) status = toy_pendulum_of(of, N, 1, &env, failure);
  if (!status) status = prl_vecenv_divide(env, 2, failure);
  if (!status) status = prl_agent_drive(agent, env, 64, false, NULL, failure);
  prl_agent_free(agent);
  prl_vecenv_free(env);
  prl_plan_free(plan);
  return status;
}

static void each_allocation_fails_in_turn(void **state) {
  (void)state;
  toy_options small = toy_small(options);
  toy_plan toy = toy_new(runtime, &small);
  assert_true(fail_each_allocation(life, &toy) > 300);
  toy_free(&toy);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(numbers_are_of_all_workers),
                                     cmocka_unit_test(one_worker_is_alone),
                                     cmocka_unit_test(a_push_under_older_statistics),
                                     cmocka_unit_test(pushes_share_moments),
                                     cmocka_unit_test(statistics_are_of_all_rows),
                                     cmocka_unit_test(returns_are_shared),
                                     cmocka_unit_test(swaps),
                                     cmocka_unit_test(options_reach_all),
                                     cmocka_unit_test(a_worker_fails),
                                     cmocka_unit_test(saved),
                                     cmocka_unit_test(stopped_by_the_watch),
                                     cmocka_unit_test(refusals),
                                     cmocka_unit_test(each_allocation_fails_in_turn)};
  return cmocka_run_group_tests(tests, open_runtime, close_runtime);
}
