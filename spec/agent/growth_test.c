/* Networks that grow in a swap: what they say stays, to within the rounding of sums in another order (kernels
 * are chosen by a layer's sizes), and all that was learned belongs where it did. spec/agent/growth_spec.lua
 * has every algorithm. */
#include "support/runtime.h"
#include "support/failing_alloc.h"

#include "agent/agent.h"
#include "agent/learner/parts.h"
#include "agent/policy/parts.h"
#include "agent/toy_plan.h"

static prl_error error;

enum { ROWS = 3, WIDER = 13 };

static const toy_options options = {.observations = 3,
                                    .actions = 2,
                                    .responses = 1,
                                    .critics = 2,
                                    .capacity = "{\"streams\":4,\"rows\":128,\"act\":3,\"tile\":16}",
                                    .normaliser = "{\"clip\":5}",
                                    .warmup = 40,
                                    .popart = true};

static toy_options wider(toy_options o) {
  o.hidden = WIDER;
  return o;
}

/* An environment of two actions is not needed: a host drives it. */
static void feed(prl_agent *agent, int calls) {
  static const uint64_t streams[4] = {1, 2, 3, 4};
  for (int i = 0; i < calls; i++) {
    float observation[12], action[8], response[4];
    uint8_t present[4] = {1, 1, 1, 1};
    uint64_t decisions[4];
    for (int k = 0; k < 12; k++) observation[k] = sinf((float)(7 * i + 3 * k));
    for (int k = 0; k < 4; k++) response[k] = cosf((float)(i + k));
    CHECK_OK(prl_agent_act(agent, streams, NULL, observation, 4, PRL_SAMPLE, action, decisions, &error));
    CHECK_OK(prl_agent_feedback(agent, decisions, response, present, NULL, 4, &error));
    CHECK_OK(prl_agent_learn(agent, 0, NULL, &error));
  }
}

typedef struct said {
  float mean[ROWS * 2], value[ROWS * 2];
} said;

static said ask(prl_agent *agent) {
  static const float observation[ROWS * 3] = {0.3f, -1, 2, 0.1f, 0.7f, -0.2f, -2, 1.5f, 0.4f};
  static const uint64_t streams[ROWS] = {101, 102, 103};
  said s;
  CHECK_OK(prl_agent_act(agent, streams, NULL, observation, ROWS, PRL_MEAN, s.mean, NULL, &error));
  CHECK_OK(prl_agent_values(agent, observation, ROWS, s.value, &error));
  return s;
}

static void check_near(const float *a, const float *b, int count) {
  for (int i = 0; i < count; i++)
    if (!(fabsf(a[i] - b[i]) <= 4e-7f * fmaxf(1, fabsf(a[i]))))
      fail_msg("%.9g became %.9g", (double)a[i], (double)b[i]);
}

static const float *numbers(const prl_params *set, const char *name) {
  return prl_params_find(set, name)->value.data;
}

/* What has grown has the old numbers where they belong, behind a new unit nothing but zeros, and before it
 * what the plan begins with. */
static void check_set(const prl_params *set, const prl_params *old, const prl_params *fresh, int in,
                      int out) {
  const float *w = numbers(set, "0.weight"), *was = numbers(old, "0.weight"),
              *new = numbers(fresh, "0.weight");
  for (int i = 0; i < in; i++)
    for (int k = 0; k < WIDER; k++)
      assert_true(w[i * WIDER + k] == (k < TOY_HIDDEN ? was[i * TOY_HIDDEN + k] : new[i * WIDER + k]));
  const float *v = numbers(set, "1.weight"), *v_was = numbers(old, "1.weight");
  for (int k = 0; k < WIDER; k++)
    for (int j = 0; j < out; j++) assert_true(v[k * out + j] == (k < TOY_HIDDEN ? v_was[k * out + j] : 0));
}

static void it_says_what_it_said(void **state) {
  (void)state;
  toy_options larger = wider(options);
  prl_plan *plan = toy_made(runtime, &larger), *small = toy_made(runtime, &options);
  prl_agent *agent = toy_agent(runtime, &options), *old = toy_agent(runtime, &options),
            *fresh = toy_agent(runtime, &larger);
  feed(agent, 100);
  feed(old, 100);
  const said before = ask(agent);
  CHECK_OK(prl_agent_swap(agent, plan, &error));
  const said after = ask(agent);
  check_near(before.mean, after.mean, ROWS * 2);
  check_near(before.value, after.value, ROWS * 2);
  check_set(agent->sets->items[0], old->sets->items[0], fresh->sets->items[0], 3, 2);
  check_set(agent->sets->items[1], old->sets->items[1], fresh->sets->items[1], 3, 2);
  const prl_optim *now = agent->sets->optims[0], *then = old->sets->optims[0];
  assert_int_equal(now->steps, then->steps);
  for (int k = 0; k < WIDER; k++) { /* "0.weight" begins the slab */
    assert_true(now->moment1[k] == (k < TOY_HIDDEN ? then->moment1[k] : 0));
    assert_true(now->moment2[k] == (k < TOY_HIDDEN ? then->moment2[k] : 0));
  }
  assert_true(then->moment1[0] != 0);
  for (int i = 0; i < 2; i++)
    assert_memory_equal(agent->learner->critics[i].popart, old->learner->critics[i].popart,
                        sizeof(prl_popart));
  feed(agent, 60); /* it learns on, the new units too */
  assert_true(numbers(agent->sets->items[0], "1.weight")[TOY_HIDDEN * 2] != 0);
  CHECK_FAILS(prl_agent_swap(agent, NULL, &error), PRL_EINVAL, "plan");
  CHECK_OK(prl_agent_rollback(agent, &error));
  const said back = ask(agent);
  assert_memory_equal(&before, &back, sizeof back);
  assert_memory_equal(agent->sets->items[0]->value, old->sets->items[0]->value,
                      (size_t)old->sets->items[0]->size * sizeof(float));
  prl_agent_free(agent);
  prl_agent_free(old);
  prl_agent_free(fresh);
  prl_plan_free(plan);
  prl_plan_free(small);
}

/* A smaller network is no part of a larger one: its layers begin anew, and nothing reads beyond their end. */
static void smaller_begins_anew(void **state) {
  (void)state;
  toy_options larger = wider(options);
  prl_plan *plan = toy_made(runtime, &options);
  prl_agent *agent = toy_agent(runtime, &larger), *fresh = toy_agent(runtime, &options);
  const prl_migrated *parts;
  int count;
  feed(agent, 100);
  CHECK_OK(prl_agent_swap_plan(agent, plan, &parts, &count, &error));
  assert_string_equal(parts[0].outcome, "kept in part"); /* the last bias and log_std */
  assert_int_equal(parts[0].taken, 4);
  CHECK_OK(prl_agent_swap(agent, plan, &error));
  assert_memory_equal(numbers(agent->sets->items[0], "0.weight"), numbers(fresh->sets->items[0], "0.weight"),
                      3 * TOY_HIDDEN * sizeof(float));
  feed(agent, 60);
  prl_agent_free(agent);
  prl_agent_free(fresh);
  prl_plan_free(plan);
}

/* A new agent begins with what a smaller one has learned. */
static void starts_from_a_smaller_one(void **state) {
  (void)state;
  toy_options larger = wider(options);
  prl_agent *small = toy_agent(runtime, &options), *agent = toy_agent(runtime, &larger);
  const prl_taken *list;
  int count;
  feed(small, 100);
  CHECK_OK(prl_agent_start_from(agent, small, &list, &count, &error));
  assert_int_equal(list[0].taken, 3 * TOY_HIDDEN + TOY_HIDDEN + TOY_HIDDEN * 2 + 2 + 2);
  const said a = ask(small), b = ask(agent);
  check_near(a.mean, b.mean, ROWS * 2);
  check_near(a.value, b.value, ROWS * 2);
  prl_agent_free(agent);
  prl_agent_free(small);
}

static prl_status grown_life(prl_runtime *of, void *context, prl_error *failure) {
  toy_plan *toys = context;
  prl_plan *plan = NULL, *larger = NULL;
  prl_agent *agent = NULL;
  prl_vecenv *env = NULL;
  const prl_migrated *parts;
  int count;
  prl_status status = toy_plan_of(of, &toys[0], &plan, failure);
  if (!status) status = toy_plan_of(of, &toys[1], &larger, failure);
  if (!status) status = prl_agent_new(plan, &agent, failure);
  if (!status) status = toy_pendulum_of(of, 4, 1, &env, failure);
  if (!status) status = prl_agent_drive(agent, env, 1 << 20, true, NULL, failure);
  if (!status) status = prl_agent_swap_plan(agent, larger, &parts, &count, failure);
  if (!status) status = prl_agent_swap(agent, larger, failure);
  if (!status) status = prl_agent_drive(agent, env, 1 << 20, true, NULL, failure);
  if (!status) status = prl_agent_rollback(agent, failure);
  prl_agent_free(agent);
  prl_vecenv_free(env);
  prl_plan_free(larger);
  prl_plan_free(plan);
  return status;
}

static void each_allocation_fails_in_turn(void **state) {
  (void)state;
  toy_options small = toy_small(options), larger;
  small.actions = 1;
  larger = wider(small);
  toy_plan toys[] = {toy_new(runtime, &small), toy_new(runtime, &larger)};
  assert_true(fail_each_allocation(grown_life, toys) > 300);
  toy_free(&toys[0]);
  toy_free(&toys[1]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(it_says_what_it_said), cmocka_unit_test(smaller_begins_anew),
      cmocka_unit_test(starts_from_a_smaller_one), cmocka_unit_test(each_allocation_fails_in_turn)};
  return cmocka_run_group_tests(tests, open_runtime, close_runtime);
}
