#include "support/runtime.h"
#include "support/failing_alloc.h"

#include "agent/agent.h"
#include "agent/verbs/verb.h"
#include "agent/learner/parts.h"
#include "agent/policy/parts.h"
#include "agent/toy_plan.h"

static prl_error error;

static const toy_options options = {.observations = 3,
                                    .actions = 1,
                                    .responses = 1,
                                    .critics = 2,
                                    .capacity = "{\"streams\":4,\"rows\":128,\"act\":3,\"tile\":16}",
                                    .normaliser = "{\"clip\":5}",
                                    .warmup = 40,
                                    .popart = true};

/* All that learning depends on (metrics and what programs overwrite before reading are left out). */
static void check_same(const prl_agent *a, const prl_agent *b) {
  static const char *const parts[] = {"params.",     "published.",  "moment",         "steps.",
                                      "experience.", "normaliser.", "learner.counts", "policy.counts"};
  for (int i = 0; i < a->blocks.count; i++) {
    const prl_block *x = &a->blocks.items[i], *y = &b->blocks.items[i];
    assert_int_equal(prl_block_count(x), prl_block_count(y));
    for (size_t p = 0; p < sizeof parts / sizeof *parts; p++)
      if (!strncmp(x->name, parts[p], strlen(parts[p])) &&
          memcmp(x->data, y->data, (size_t)prl_block_count(x) * prl_dtype_size(x->dtype)))
        fail_msg("%s differs", x->name);
  }
}

/* The rows of the gate: its only field. */
static void set_gate(prl_agent *agent, int64_t rows) { *(int64_t *)agent->schedule->verbs[0].fields = rows; }

/* The same recipe swapped in, since an option was set (to the same number), changes nothing, at the gate or
 * inside an update. */
static void the_same_recipe(void **state) {
  (void)state;
  prl_plan *plan = toy_made(runtime, &options);
  for (int inside = 0; inside < 2; inside++) {
    prl_agent *a = toy_agent(runtime, &options), *b = toy_agent(runtime, &options);
    prl_vecenv *env_a = toy_pendulum(runtime, 4, 1), *env_b = toy_pendulum(runtime, 4, 1);
    CHECK_OK(prl_agent_drive(a, env_a, 40 + 64 * 3, false, NULL, &error));
    CHECK_OK(prl_agent_drive(b, env_b, 40 + 64 * 3, false, NULL, &error));
    if (inside) { /* closed rows are there; the update begins and is left in the middle */
      CHECK_OK(prl_agent_drive(a, env_a, 60, false, NULL, &error));
      CHECK_OK(prl_agent_drive(b, env_b, 60, false, NULL, &error));
      set_gate(b, 56);
      set_gate(a, 56);
      while (b->schedule->at < 7) CHECK_OK(prl_agent_learn(b, 1, NULL, &error));
    }
    CHECK_OK(prl_agent_set(b, "algorithm.entropy", 0.01, &error));
    CHECK_OK(prl_agent_swap(b, plan, &error));
    assert_int_equal(b->next != NULL, inside);
    if (inside) { /* both had their gate set for this update alone */
      CHECK_OK(prl_agent_learn(a, 0, NULL, &error));
      CHECK_OK(prl_agent_learn(b, 0, NULL, &error));
      set_gate(a, 64);
      assert_null(b->next);
    }
    CHECK_OK(prl_agent_drive(a, env_a, 1000, false, NULL, &error));
    CHECK_OK(prl_agent_drive(b, env_b, 1000, false, NULL, &error));
    assert_true(a->learner->n.updates > 15);
    check_same(a, b);
    prl_agent_free(a);
    prl_agent_free(b);
    prl_vecenv_free(env_a);
    prl_vecenv_free(env_b);
  }
  prl_plan_free(plan);
}

/* A plan that is in force already: what can be gone back to stays, and what waits is taken back. */
static void in_force_already(void **state) {
  (void)state;
  toy_options wider = options;
  wider.capacity = "{\"streams\":4,\"rows\":129,\"act\":3,\"tile\":16}";
  prl_plan *plan = toy_made(runtime, &options), *other = toy_made(runtime, &wider);
  wider.scale = "2";
  prl_plan *third = toy_made(runtime, &wider);
  prl_agent *agent = toy_agent(runtime, &options);
  prl_vecenv *env = toy_pendulum(runtime, 4, 1);
  assert_false(prl_agent_in_force(agent, plan)); /* the warm-up is not over */
  CHECK_OK(prl_agent_drive(agent, env, 40 + 64 * 3, false, NULL, &error));
  assert_true(prl_agent_in_force(agent, plan) && !prl_agent_in_force(agent, other));
  CHECK_OK(prl_agent_swap(agent, other, &error));
  const prl_kept *kept = agent->kept;
  assert_true(kept && prl_agent_in_force(agent, other) && !prl_agent_in_force(agent, plan));
  CHECK_OK(prl_agent_swap(agent, other, &error));
  assert_ptr_equal(agent->kept, kept);
  CHECK_FAILS(prl_agent_swap_with(agent, other, (prl_swap_mode)9, &error), PRL_EINVAL, "mode");

  CHECK_OK(prl_agent_drive(agent, env, 60, false, NULL, &error));
  set_gate(agent, 56);
  while (agent->schedule->at < 7) CHECK_OK(prl_agent_learn(agent, 1, NULL, &error));
  CHECK_OK(prl_agent_swap(agent, third, &error));
  assert_non_null(agent->next); /* until the update ends */
  CHECK_OK(prl_agent_swap(agent, other, &error));
  assert_null(agent->next);
  assert_ptr_equal(agent->kept, kept);

  CHECK_OK(prl_agent_set(agent, "algorithm.lr", 0.5, &error)); /* to which the plan is a change */
  assert_false(prl_agent_in_force(agent, other));
  CHECK_OK(prl_agent_swap(agent, other, &error));
  assert_non_null(agent->next);
  CHECK_OK(prl_agent_learn(agent, 0, NULL, &error));
  assert_true(prl_agent_in_force(agent, other) && agent->kept != kept);
  prl_plan_free(plan);
  prl_plan_free(other);
  prl_plan_free(third);
  prl_agent_free(agent);
  prl_vecenv_free(env);
}

/* Another objective and another critic: the policy goes on, the rows that wait are learned under the new one.
 */
static void another_objective(void **state) {
  (void)state;
  toy_options other = options;
  other.critics = 1;
  other.scale = "2";
  prl_plan *plan = toy_made(runtime, &other);
  prl_agent *agent = toy_agent(runtime, &options);
  prl_vecenv *env = toy_pendulum(runtime, 4, 1);
  CHECK_OK(prl_agent_drive(agent, env, 40 + 64 * 3 + 20, false, NULL, &error));
  CHECK_OK(prl_agent_set(agent, "algorithm.lr", 0.5, &error));
  float weight = agent->sets->items[0]->value[5], published = agent->policy->published[0]->value[5];
  float moment = agent->sets->optims[0]->moment1[5];
  int64_t steps = agent->experience->n.decisions, updates = agent->learner->n.updates,
          version = agent->policy->n.version;
  CHECK_OK(prl_agent_swap(agent, plan, &error));
  assert_int_equal(agent->learner->critics_count, 1);
  assert_true(agent->sets->items[0]->value[5] == weight &&
              agent->policy->published[0]->value[5] == published);
  assert_true(agent->sets->optims[0]->moment1[5] == moment && moment != 0);
  assert_int_equal(agent->experience->n.decisions, steps);
  assert_int_equal(agent->experience->n.live, 20);
  assert_int_equal(agent->learner->n.updates, updates);
  assert_int_equal(agent->policy->n.version, version);
  double lr;
  CHECK_OK(prl_agent_get(agent, "algorithm.lr", &lr, &error));
  assert_true(lr < 0.01);
  CHECK_OK(prl_agent_drive(agent, env, 1 << 20, true, NULL, &error));
  assert_int_equal(agent->learner->n.updates, updates + 1);
  assert_int_equal(agent->experience->n.decisions, steps + 44);
  prl_plan_free(plan);
  prl_agent_free(agent);
  prl_vecenv_free(env);
}

/* Critics of another discount are refitted: what acts waits meanwhile. What a file says of it is checked. */
static void another_discount(void **state) {
  (void)state;
  toy_options other = options;
  other.refit = "{\"explained_variance\":0.999,\"updates\":2}";
  other.live = "{\"algorithm.lr\":0.003,\"algorithm.entropy\":0.01,\"gamma\":0.5}";
  prl_plan *plan = toy_made(runtime, &other);
  prl_agent *agent = toy_agent(runtime, &options);
  prl_vecenv *env = toy_pendulum(runtime, 4, 1);
  CHECK_OK(prl_agent_drive(agent, env, 40 + 64 * 3, false, NULL, &error));
  CHECK_OK(prl_agent_swap(agent, plan, &error));
  int64_t updates;
  const float policy = agent->sets->items[0]->value[5], value = agent->sets->items[1]->value[5];
  for (int64_t i = 0; i < 2; i++) {
    assert_int_equal(prl_agent_refit(agent, &updates), PRL_REFIT_RUNS);
    assert_int_equal(updates, i);
    CHECK_OK(prl_agent_drive(agent, env, 1 << 20, true, NULL, &error));
    assert_true(agent->sets->items[0]->value[5] == policy && agent->sets->items[1]->value[5] != value);
  }
  assert_int_equal(prl_agent_refit(agent, &updates), PRL_REFIT_ENDED);
  assert_int_equal(updates, 2);
  CHECK_OK(prl_agent_drive(agent, env, 1 << 20, true, NULL, &error));
  assert_true(agent->sets->items[0]->value[5] != policy);

  int64_t *refit = agent->learner->refit.state;
  const int64_t wrong[][2] = {{0, 4}, {0, -1}, {1, -1}, {2, 2}}; /* place, value */
  assert_true(prl_refit_restore(agent->learner));
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    const int64_t right = refit[wrong[i][0]];
    refit[wrong[i][0]] = wrong[i][1];
    assert_false(prl_refit_restore(agent->learner));
    refit[wrong[i][0]] = right;
  }
  prl_plan_free(plan);
  prl_agent_free(agent);
  prl_vecenv_free(env);
}

/* With more rows nothing that is learned is another: the places that rows take are no part of it. */
static void more_rows(void **state) {
  (void)state;
  toy_options larger = options;
  larger.capacity = "{\"streams\":4,\"rows\":200,\"events\":300,\"act\":3,\"tile\":16}";
  prl_plan *plan = toy_made(runtime, &larger);
  prl_agent *a = toy_agent(runtime, &options), *b = toy_agent(runtime, &options);
  prl_vecenv *env_a = toy_pendulum(runtime, 4, 1), *env_b = toy_pendulum(runtime, 4, 1);
  CHECK_OK(prl_agent_drive(a, env_a, 40 + 64 * 3 + 24, false, NULL, &error));
  CHECK_OK(prl_agent_drive(b, env_b, 40 + 64 * 3 + 24, false, NULL, &error));
  CHECK_OK(prl_agent_swap(b, plan, &error));
  assert_null(prl_experience_broken(b->experience));
  CHECK_OK(prl_agent_drive(a, env_a, 1000, false, NULL, &error));
  CHECK_OK(prl_agent_drive(b, env_b, 1000, false, NULL, &error));
  assert_null(prl_experience_broken(b->experience));
  assert_int_equal(b->experience->options.rows, 200);
  assert_memory_equal(a->sets->items[0]->value, b->sets->items[0]->value,
                      (size_t)a->sets->items[0]->size * sizeof(float));
  assert_memory_equal(a->sets->items[1]->value, b->sets->items[1]->value,
                      (size_t)a->sets->items[1]->size * sizeof(float));
  prl_plan_free(plan);
  prl_agent_free(a);
  prl_agent_free(b);
  prl_vecenv_free(env_a);
  prl_vecenv_free(env_b);
}

static void refusals(void **state) {
  (void)state;
  prl_agent *agent = toy_agent(runtime, &options);
  prl_vecenv *env = toy_pendulum(runtime, 4, 1);
  prl_plan *same = toy_made(runtime, &options);
  CHECK_FAILS(prl_agent_swap(agent, same, &error), PRL_ESTATE, "warm-up");
  CHECK_OK(prl_agent_drive(agent, env, 200, false, NULL, &error));
  toy_options other = options;
  other.capacity = "{\"streams\":5,\"rows\":128}";
  prl_plan *plan = toy_made(runtime, &other);
  CHECK_FAILS(prl_agent_swap(agent, plan, &error), PRL_EINVAL,
              "capacity.streams is 5 in the new plan and 4 in the running agent; it must stay");
  prl_plan_free(plan);
  other.capacity = "{\"streams\":4,\"rows\":127}";
  plan = toy_made(runtime, &other);
  CHECK_FAILS(prl_agent_swap(agent, plan, &error), PRL_EINVAL,
              "capacity.rows is 127 in the new plan and 128 in the running agent; it must not be less");
  prl_plan_free(plan);
  other = options;
  other.observations = 4;
  plan = toy_made(runtime, &other);
  CHECK_FAILS(prl_agent_swap(agent, plan, &error), PRL_EINVAL,
              "observation.names.4 is \"o3\" in the new plan and absent in the running agent");
  prl_plan_free(plan);
  other = options;
  other.scale = "\"baseline\"";
  plan = toy_made(runtime, &other);
  CHECK_FAILS(prl_agent_swap(agent, plan, &error), PRL_EINVAL, "critic \"c0\"");
  prl_plan_free(plan);
  CHECK_OK(prl_agent_drive(agent, env, 200, false, NULL, &error));
  prl_plan_free(same);
  prl_agent_free(agent);
  prl_vecenv_free(env);
}

/* After numbers that were not finite, a sound recipe learns on. */
static void after_a_failure(void **state) {
  (void)state;
  toy_options poison = options;
  poison.poison = true;
  prl_agent *agent = toy_agent(runtime, &poison);
  prl_vecenv *env = toy_pendulum(runtime, 4, 1);
  prl_plan *plan = toy_made(runtime, &options);
  CHECK_OK(prl_agent_drive(agent, env, 300, false, NULL, &error));
  CHECK_OK(prl_agent_set(agent, "algorithm.entropy", 0, &error));
  CHECK_FAILS(prl_agent_drive(agent, env, 300, false, NULL, &error), PRL_ENUMERIC, "div");
  CHECK_OK(prl_agent_swap(agent, plan, &error));
  int64_t updates = agent->learner->n.updates;
  CHECK_OK(prl_agent_drive(agent, env, 300, false, NULL, &error));
  assert_true(agent->learner->n.updates > updates);
  prl_plan_free(plan);
  prl_agent_free(agent);
  prl_vecenv_free(env);
}

static prl_status swapped_life(prl_runtime *of, void *context, prl_error *failure) {
  toy_plan *toy = context;
  prl_plan *plan = NULL;
  prl_agent *agent = NULL;
  prl_vecenv *env = NULL;
  const prl_migrated *parts;
  int count;
  prl_status status = toy_plan_of(of, toy, &plan, failure);
  if (!status) status = prl_agent_new(plan, &agent, failure);
  if (!status) status = toy_pendulum_of(of, 4, 1, &env, failure);
  if (!status) status = prl_agent_drive(agent, env, 1 << 20, true, NULL, failure);
  if (!status) status = prl_agent_swap_plan(agent, plan, &parts, &count, failure);
  if (!status) status = prl_agent_swap(agent, plan, failure);
  if (!status) status = prl_agent_drive(agent, env, 1 << 20, true, NULL, failure);
  prl_agent_free(agent);
  prl_vecenv_free(env);
  prl_plan_free(plan);
  return status;
}

static void each_allocation_fails_in_turn(void **state) {
  (void)state;
  toy_options small = toy_small(options);
  toy_plan toy = toy_new(runtime, &small);
  assert_true(fail_each_allocation(swapped_life, &toy) > 200);
  toy_free(&toy);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_same_recipe),   cmocka_unit_test(in_force_already),
      cmocka_unit_test(another_objective), cmocka_unit_test(another_discount),
      cmocka_unit_test(more_rows),         cmocka_unit_test(refusals),
      cmocka_unit_test(after_a_failure),   cmocka_unit_test(each_allocation_fails_in_turn)};
  return cmocka_run_group_tests(tests, open_runtime, close_runtime);
}
