/* What an agent takes is added up from its plan: the same bytes as are then allocated; a plan or a checkpoint
 * above the budget, or a checkpoint whose plan says other sizes than the file has, allocates nothing of it.
 */
#include "support/check.h"
#include "support/scratch.h"

#include <stdio.h>

#include "agent/agent.h"
#include "agent/needs.h"
#include "agent/toy_plan.h"
#include "perilune/ranker.h"

#define TOY_RUN "{\"verb\":\"run\",\"program\":\"update\"}"

static prl_runtime *runtime;
static prl_error error;
static char path[64];

static const toy_options base = {
    .observations = 3, .actions = 2, .responses = 2, .critics = 2, .popart = true, .density = true};

/* An option that grows, what it is called, and bytes that one of it takes at least. */
static const struct {
  const char *capacity, *schedule, *option;
  int64_t at_least;
} cases[] = {
    {"{\"streams\":100000,\"rows\":128}", NULL, "capacity.streams", 100000 * 64},
    {"{\"streams\":4,\"rows\":100000}", NULL, "capacity.rows", 100000 * 64},
    {"{\"streams\":4,\"rows\":128,\"events\":1000000}", NULL, "capacity.events", 16000000},
    {"{\"streams\":4,\"rows\":100000,\"batch\":100000}", NULL, "capacity.rows", 100000 * 64},
    {"{\"streams\":4}",
     "[{\"verb\":\"collect\",\"rows\":100000}," TOY_PLAIN_ESTIMATE "{\"verb\":\"publish\"}]",
     "schedule.collect.rows", 100000 * 64},
    {"{\"streams\":4}",
     "[{\"verb\":\"collect\",\"rows\":64}," TOY_PLAIN_ESTIMATE "{\"verb\":\"minibatches\",\"size\":64,"
     "\"body\":[{"
     "\"verb\":\"run\",\"program\":\"update\"}]},{\"verb\":\"publish\"}]",
     "capacity.streams", 1024},
    {"{\"streams\":4}",
     "[{\"verb\":\"collect\",\"rows\":64},{\"verb\":\"remember\",\"rows\":100000},{\"verb\":\"sample\","
     "\"size\":256,\"steps\":3,\"priority\":0.6},{\"verb\":\"publish\"}]",
     "schedule.remember.rows", 100000 * 64},
    {"{\"streams\":4}",
     "[{\"verb\":\"collect\",\"rows\":64},{\"verb\":\"remember\",\"rows\":100000},{\"verb\":\"updates\","
     "\"body\":[{\"verb\":\"sample\",\"size\":128,\"steps\":3}]},{\"verb\":\"publish\"}]",
     "schedule.remember.rows", 100000 * 64},
    {"{\"streams\":4}",
     "[{\"verb\":\"collect\",\"rows\":64},{\"verb\":\"remember\",\"rows\":5000},{\"verb\":\"updates\","
     "\"body\":[{\"verb\":\"sample\",\"size\":4096,\"steps\":300}]},{\"verb\":\"publish\"}]",
     "schedule.sample.size", 4096 * 300 * 16},
    {"{\"streams\":4}",
     "[{\"verb\":\"collect\",\"rows\":64},{\"verb\":\"remember\",\"rows\":5000},{\"verb\":\"updates\","
     "\"body\":[{\"verb\":\"sample\",\"size\":4096,\"stretch\":16},{\"verb\":\"values\"},{\"verb\":"
     "\"ratios\"},{"
     "\"verb\":\"vtrace\"}]},{\"verb\":\"publish\"}]",
     "schedule.sample.size", 4096 * 100},
    {"{\"streams\":4,\"rows\":100000}",
     "[{\"verb\":\"collect\",\"rows\":64,\"whole\":true,\"paired\":true},{\"verb\":\"freeze\"},{\"verb\":"
     "\"rewards\"},"
     "{\"verb\":\"returns\",\"paired\":true},{\"verb\":\"weigh\"}," TOY_RUN ",{\"verb\":\"publish\"}]",
     "capacity.rows", 100000 * 64},
    {"{\"streams\":4,\"act\":100000,\"rows\":128}", NULL, "programs", 100000 * 32},
    {"{\"streams\":4,\"tile\":100000,\"rows\":128}", NULL, "programs", 100000 * 16},
};

static prl_plan *plan_of(const toy_options *options) {
  prl_plan *plan;
  toy_plan toy = toy_new(runtime, options);
  CHECK_OK(toy_plan_of(runtime, &toy, &plan, &error));
  toy_free(&toy);
  return plan;
}

static const prl_need *largest(const prl_needs *needs) {
  const prl_need *most = needs->items;
  for (int i = 1; i < needs->count; i++)
    if (needs->items[i].bytes > most->bytes) most = &needs->items[i];
  return most;
}

static void what_is_added_up_is_allocated(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    toy_options options = base;
    options.capacity = cases[i].capacity, options.schedule = cases[i].schedule;
    prl_plan *plan = plan_of(&options);
    prl_agent *agent;
    prl_needs needs;
    CHECK_OK(prl_needs_of(runtime, prl_plan_document(plan), &needs, &error));
    int64_t before = prl_runtime_memory(runtime).live_bytes;
    CHECK_OK(prl_agent_new(plan, &agent, &error));
    int64_t taken = prl_runtime_memory(runtime).live_bytes - before;
    /* Beside it: the document, graphs, names and lists, which are about as large as the plan itself. */
    if (needs.bytes > taken || needs.bytes < taken - 400000)
      fail_msg("%s: %lld bytes were added up, %lld allocated", cases[i].capacity, (long long)needs.bytes,
               (long long)taken);
    if (cases[i].at_least > 2000) assert_string_equal(largest(&needs)->option, cases[i].option);
    assert_true(needs.bytes >= cases[i].at_least);
    prl_agent_free(agent);
    prl_plan_free(plan);
  }
}

/* What a program reads of whole batches has no room of its own in it; minibatches have. */
static void whole_batches_are_not_copied(void **state) {
  (void)state;
  enum { ROWS = 100000 };
  static const char *const runs[] = {TOY_RUN,
                                     "{\"verb\":\"minibatches\",\"size\":100000,\"body\":[" TOY_RUN "]}"};
  int64_t bytes[2];
  for (int i = 0; i < 2; i++) {
    char schedule[800];
    snprintf(schedule, sizeof schedule,
             "[{\"verb\":\"collect\",\"rows\":%d}," TOY_PLAIN_ESTIMATE "%s,{\"verb\":\"publish\"}]", ROWS,
             runs[i]);
    toy_options options = base;
    options.capacity = "{\"streams\":4}", options.schedule = schedule;
    prl_plan *plan = plan_of(&options);
    prl_needs needs;
    CHECK_OK(prl_needs_of(runtime, prl_plan_document(plan), &needs, &error));
    bytes[i] = needs.bytes;
    prl_plan_free(plan);
  }
  assert_true(bytes[1] - bytes[0] >= (int64_t)ROWS * base.observations * (int64_t)sizeof(float));
}

static void above_the_budget_nothing_is_allocated(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    toy_options options = base;
    options.capacity = cases[i].capacity, options.schedule = cases[i].schedule;
    prl_plan *plan = plan_of(&options);
    prl_agent *agent = NULL;
    prl_needs needs;
    CHECK_OK(prl_needs_of(runtime, prl_plan_document(plan), &needs, &error));
    prl_memory memory = prl_runtime_memory(runtime);
    CHECK_OK(prl_runtime_budget(runtime, memory.live_bytes + needs.bytes - 1, &error));
    if (cases[i].at_least > 2000) {
      CHECK_FAILS(prl_agent_new(plan, &agent, &error), PRL_ELIMIT, cases[i].option);
      assert_true(strstr(error.message, "are left of a budget of") != NULL);
      assert_true(prl_runtime_memory(runtime).peak_bytes - memory.peak_bytes < 200000);
    }
    assert_null(agent);
    CHECK_OK(prl_runtime_budget(runtime, 0, &error));
    prl_plan_free(plan);
  }
}

/* A recipe's plan calls its options by the recipe's names. */
static void options_are_the_recipes(void **state) {
  (void)state;
  toy_options options = base;
  options.capacity = "{\"streams\":100000,\"rows\":128}";
  toy_plan toy = toy_new(runtime, &options);
  prl_value *recipe = prl_put(toy.document, &toy.document->root, "recipe");
  prl_set_map(recipe);
  prl_value *agent = prl_put(toy.document, recipe, "agent");
  prl_set_map(agent);
  prl_set_number(prl_put(toy.document, agent, "streams"), 100000);
  prl_needs needs;
  CHECK_OK(prl_needs_of(runtime, &toy.document->root, &needs, &error));
  assert_string_equal(largest(&needs)->option, "agent.streams");
  CHECK_OK(prl_runtime_budget(runtime, prl_runtime_memory(runtime).live_bytes + 1000000, &error));
  CHECK_FAILS(prl_needs_check(runtime, &toy.document->root, false, &error), PRL_ELIMIT,
              "agent.streams = 100000 takes ");
  CHECK_OK(prl_runtime_budget(runtime, 0, &error));
  toy_free(&toy);
}

/* ---- the budget of every block ---- */

static void a_budget_bounds_every_block(void **state) {
  (void)state;
  prl_runtime *small = NULL;
  prl_runtime_options options = {.budget_bytes = 1000000};
  prl_tensor first, second = {0};
  CHECK_OK(prl_runtime_new(&options, &small, &error));
  assert_int_equal(prl_runtime_memory(small).budget_bytes, 1000000);
  CHECK_OK(prl_tensor_new(small, PRL_F32, 1, (int64_t[]){200000}, &first, &error));
  CHECK_FAILS(prl_tensor_new(small, PRL_F32, 1, (int64_t[]){200000}, &second, &error), PRL_ENOMEM, "800064");
  prl_tensor_release(&first);
  CHECK_OK(prl_tensor_new(small, PRL_F32, 1, (int64_t[]){200000}, &second, &error));
  prl_tensor_release(&second);
  const prl_env_type *type;
  prl_vecenv *env = NULL;
  CHECK_OK(prl_env_find("shortvideo", &type, &error));
  CHECK_FAILS(prl_vecenv_new(small, type, NULL, 100000, 1, 1, &env, &error), PRL_ELIMIT,
              "n = 100000 instances of the environment 'shortvideo' take ");
  assert_null(env);
  CHECK_FAILS(prl_runtime_budget(small, -1, &error), PRL_EINVAL, "budget_bytes is -1");
  CHECK_OK(prl_runtime_budget(small, 0, &error));
  assert_true(prl_runtime_memory(small).budget_bytes > 100000000); /* the machine's */
  assert_int_equal(prl_runtime_memory(small).live_bytes, 0);
  prl_runtime_release(small);
  options.budget_bytes = -1, small = NULL;
  CHECK_FAILS(prl_runtime_new(&options, &small, &error), PRL_EINVAL, "budget_bytes is -1");
  assert_null(small);
}

/* A program's buffers are planned before they are made, whoever asks for it. */
static void a_ranker_above_the_budget(void **state) {
  (void)state;
  prl_ranker *ranker = NULL;
  int64_t peak = prl_runtime_memory(runtime).peak_bytes;
  CHECK_OK(prl_runtime_budget(runtime, 50000000, &error));
  CHECK_FAILS(prl_ranker_load(runtime, FIXTURES "/ranker.safetensors", 1 << 20, &ranker, &error), PRL_ELIMIT,
              "a program for 1048576 rows takes ");
  assert_true(prl_runtime_memory(runtime).peak_bytes - peak < 10000000);
  assert_null(ranker);
  CHECK_OK(prl_ranker_load(runtime, FIXTURES "/ranker.safetensors", 16, &ranker, &error));
  prl_ranker_free(ranker);
  CHECK_OK(prl_runtime_budget(runtime, 0, &error));
}

/* ---- sizes in a file ---- */

/* An agent's file whose plan says another number at a place. */
static void save_with(const char *place, double number) {
  toy_options options = base;
  options.capacity = "{\"streams\":4,\"rows\":128,\"events\":64}";
  prl_agent *agent = toy_agent(runtime, &options);
  prl_value *value = (prl_value *)prl_path(agent->root, place);
  assert_non_null(value);
  prl_set_number(value, number);
  CHECK_OK(prl_agent_save(agent, NULL, path, &error));
  prl_agent_free(agent);
}

static void sizes_in_a_file_are_its_own(void **state) {
  (void)state;
  static const struct {
    const char *place;
    double number;
    const char *says;
  } changes[] = {
      {"capacity.events", 2e8, "its plan's capacity.events make \"experience.events\" 800000000 values"},
      {"capacity.streams", 1e8, "its plan's capacity.streams make \"experience.slot\" 100000000 values"},
      {"sets.1.params.1.shape.1", 1e8, "its plan's sets make \"params.policy\" "},
  };
  prl_agent *loaded = NULL;
  for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
    save_with(changes[i].place, changes[i].number);
    int64_t peak = prl_runtime_memory(runtime).peak_bytes;
    CHECK_FAILS(prl_agent_load(runtime, path, &loaded, &error), PRL_EFORMAT, changes[i].says);
    assert_true(prl_runtime_memory(runtime).peak_bytes - peak < 200000);
    assert_null(loaded);
  }
  /* Rows are not written where nothing stands in them: their number is the budget's to judge. */
  save_with("capacity.rows", 2e8);
  CHECK_OK(prl_runtime_budget(runtime, INT64_C(2000000000), &error));
  CHECK_FAILS(prl_agent_load(runtime, path, &loaded, &error), PRL_ELIMIT, "capacity.rows = 200000000 takes ");
  CHECK_OK(prl_runtime_budget(runtime, 0, &error));
  assert_null(loaded);
}

static int setup(void **state) {
  (void)state;
  scratch_path(path);
  return prl_runtime_new(NULL, &runtime, &error);
}

static int teardown(void **state) {
  (void)state;
  assert_int_equal(prl_runtime_memory(runtime).live_bytes, 0);
  prl_runtime_release(runtime);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_added_up_is_allocated),         cmocka_unit_test(whole_batches_are_not_copied),
      cmocka_unit_test(above_the_budget_nothing_is_allocated), cmocka_unit_test(options_are_the_recipes),
      cmocka_unit_test(a_budget_bounds_every_block),           cmocka_unit_test(a_ranker_above_the_budget),
      cmocka_unit_test(sizes_in_a_file_are_its_own),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
