#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/plan/plan.h"
#include "support/failing_alloc.h"
#include "support/scratch.h"

static prl_error error;

static const char recipe_text[] =
    "return {env = {'pendulum', n = 2}, algorithm = {'ppo', rollout = 4, minibatch = 4, epochs = 1,\n"
    "        lr = linear {from = 1e-3, to = 0}, entropy = expression(function(step) return exp(-step) "
    "end)},\n"
    "        policy = {hidden = {4}, action = {torque = {-1, 1}}},\n"
    "        objective = {critics = {a = {reward = function(r) return r.reward / 10 end}}}}\n";

static char path[64];

static int setup(void **state) {
  FILE *file = fopen(scratch_path(path), "w");
  if (!file || fputs(recipe_text, file) < 0 || fclose(file)) return 1;
  return prl_runtime_new(NULL, (prl_runtime **)state, NULL);
}

static int teardown(void **state) {
  prl_memory memory = prl_runtime_memory(*state);
  prl_runtime_release(*state);
  return memory.live_bytes > 4096;
}

static void test_loads(void **state) {
  prl_plan *plan;
  CHECK_OK(prl_plan_load(*state, path, NULL, &plan, &error));
  const prl_value *document = prl_plan_document(plan);
  assert_int_equal(strlen(prl_plan_hash(plan)), 32);
  assert_int_equal(prl_get_int(document, "seed", 0), 1);
  assert_string_equal(prl_get_string(prl_path(document, "recipe.algorithm"), "1", ""), "ppo");
  const prl_value *lr = prl_get(prl_get(prl_get(document, "live"), "algorithm.lr"), "value");
  assert_string_equal(prl_get_string(lr, "kind", ""), "linear");
  const prl_value *reward = prl_get(prl_item(prl_get(document, "critics"), 0), "reward");
  assert_string_equal(prl_item(reward, 0)->as.text, "div");
  assert_int_equal(prl_item(prl_item(reward, 1), 1)->as.number,
                   0); /* the response's place, no more its name */
  prl_agent *agent;
  CHECK_OK(prl_agent_new(plan, &agent, &error)); /* the plan is one that the agent accepts */
  prl_plan_free(plan);
  prl_agent_free(agent);
}

static void write_text(const char *name, const char *text) {
  FILE *file = fopen(name, "w");
  assert_non_null(file);
  assert_true(fputs(text, file) >= 0 && fclose(file) == 0);
}

/* Code of a recipe that is trusted finds no module that lies in the current folder. */
static void test_modules_of_the_current_folder(void **state) {
  prl_plan *plan;
  char folder[64], here[4096];
  prl_plan_options options = {.trust = true};
  assert_non_null(getcwd(here, sizeof here));
  assert_int_equal(chdir(scratch_folder(folder)), 0);
  write_text("beside.lua", "return {}");
  write_text("own.lua", "require 'beside' return {options = {}, build = function() return {} end}");
  write_text("recipe.lua", "return {env = 'cartpole', algorithm = {lua = './own.lua'}}");
  prl_status status = prl_plan_load(*state, "recipe.lua", &options, &plan, &error);
  assert_int_equal(chdir(here), 0);
  assert_int_equal(status, PRL_EFORMAT);
  assert_non_null(strstr(error.message, "module 'beside' not found"));
}

/* As many of a recipe's mistakes as an error holds: no line is cut. */
static void test_many_mistakes(void **state) {
  prl_plan *plan;
  char name[64], text[2000] = "return {env = 'cartpole', algorithm = 'a2c', policy = {\n";
  for (int i = 0; i < 10; i++) snprintf(text + strlen(text), 100, "hidden_%d = 1,\n", i);
  strcat(text, "}}");
  write_text(scratch_path(name), text);
  prl_status status = prl_plan_load(*state, name, NULL, &plan, &error);
  assert_int_equal(status, PRL_EFORMAT);
  assert_non_null(strstr(error.message, ": 10 mistakes\n"));
  assert_non_null(strstr(error.message, ":3: policy.hidden_1: unknown key; the nearest is \"hidden\"\n"));
  const char *last = strrchr(error.message, '\n');
  assert_non_null(strstr(last, "; the nearest is \"hidden\""));
  assert_string_equal(last + strlen(last) - 8, "\"hidden\"");
}

static void test_options(void **state) {
  prl_plan *plan;
  const char *set[] = {"algorithm.lr=0.25", "env.n=3"};
  prl_plan_options options = {.seed = 42, .seed_given = true, .set = set, .set_count = 2};
  CHECK_OK(prl_plan_load(*state, path, &options, &plan, &error));
  const prl_value *document = prl_plan_document(plan);
  assert_int_equal(prl_get_int(document, "seed", 0), 42);
  assert_true(prl_get_number(prl_get(prl_get(document, "live"), "algorithm.lr"), "value", 0) == 0.25);
  assert_int_equal(prl_get_int(prl_get(document, "capacity"), "streams", 0), 3);
  prl_plan_free(plan);
}

static void test_refusals(void **state) {
  prl_plan *plan = NULL;
  CHECK_FAILS(prl_plan_load(*state, "/nowhere/x.lua", NULL, &plan, &error), PRL_EIO, "No such file");
  const char *set[] = {"algorithm.lrr=1"};
  prl_plan_options options = {.set = set, .set_count = 1};
  CHECK_FAILS(prl_plan_load(*state, path, &options, &plan, &error), PRL_EFORMAT, "the nearest is \"lr\"");
  options = (prl_plan_options){.seed = UINT64_MAX, .seed_given = true};
  CHECK_FAILS(prl_plan_load(*state, path, &options, &plan, &error), PRL_EINVAL, "2^53");
  assert_null(plan);
}

static prl_status load_once(prl_runtime *runtime, void *context, prl_error *failure) {
  prl_plan *plan;
  prl_status status = prl_plan_load(runtime, context, NULL, &plan, failure);
  if (!status) prl_plan_free(plan);
  return status;
}

/* Every allocation would take minutes: it evaluates, traces and plans each time. One in many, at odd
 * distances. */
static void test_allocations_may_fail(void **state) {
  failing_alloc alloc = {0};
  prl_error failure = {PRL_OK, ""};
  assert_int_equal(failing_once(&alloc, load_once, path, &failure), PRL_OK);
  int64_t total = alloc.requests, failures = 0;
  for (int64_t k = 1; k <= total; k += 1 + total / 150) {
    alloc = (failing_alloc){.fail_at = k};
    failure.message[0] = 0;
    prl_status status = failing_once(&alloc, load_once, path, &failure);
    /* Where a block could not shrink, Lua goes on with the larger one. */
    if (status != PRL_ENOMEM && status != PRL_OK)
      fail_msg("request %lld failed: status %d, %s", (long long)k, status, failure.message);
    failures += status == PRL_ENOMEM;
    if (alloc.live_blocks)
      fail_msg("request %lld failed: %lld blocks leak", (long long)k, (long long)alloc.live_blocks);
  }
  assert_true(failures > 100);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_loads, setup, teardown),
      cmocka_unit_test_setup_teardown(test_modules_of_the_current_folder, setup, teardown),
      cmocka_unit_test_setup_teardown(test_many_mistakes, setup, teardown),
      cmocka_unit_test_setup_teardown(test_options, setup, teardown),
      cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
      cmocka_unit_test_setup_teardown(test_allocations_may_fail, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
