/* The way back from a swap, where C alone can look: inside an update, after a failure, with too little
 * memory, from a file that was made by hand. spec/agent/rollback_spec.lua has every algorithm. */
#include "support/runtime.h"
#include "support/failing_alloc.h"
#include "support/scratch.h"

#include "agent/learner/parts.h"
#include "agent/learned.h"
#include "agent/toy_plan.h"
#include "agent/verbs/verb.h"
#include "perilune/actor.h"

static prl_error error;

static const toy_options options = {.observations = 3,
                                    .actions = 1,
                                    .responses = 1,
                                    .critics = 2,
                                    .capacity = "{\"streams\":4,\"rows\":128,\"act\":3,\"tile\":16}",
                                    .normaliser = "{\"clip\":5}",
                                    .warmup = 40,
                                    .popart = true};

/* Another objective: one critic of another scale. */
static prl_plan *other_plan(void) {
  toy_options other = options;
  other.critics = 1;
  other.scale = "2";
  return toy_made(runtime, &other);
}

static void stop_inside(prl_agent *agent) {
  *(int64_t *)agent->schedule->verbs[0].fields = 56; /* the rows of the gate */
  while (agent->schedule->at < 7) CHECK_OK(prl_agent_learn(agent, 1, NULL, &error));
  *(int64_t *)agent->schedule->verbs[0].fields = 64;
}

/* Inside an update a rollback waits for its end: asked twice it is one, and no swap goes before it. */
static void waits_for_the_end_of_an_update(void **state) {
  (void)state;
  prl_plan *plan = other_plan();
  prl_agent *agent = toy_agent(runtime, &options);
  prl_vecenv *env = toy_pendulum(runtime, 4, 1);
  CHECK_OK(prl_agent_drive(agent, env, 40 + 64 * 3, false, NULL, &error));
  prl_kept *before = learned_of(agent);
  CHECK_OK(prl_agent_swap(agent, plan, &error));
  CHECK_OK(prl_agent_drive(agent, env, 60, false, NULL, &error));
  stop_inside(agent);
  const int64_t version = prl_policy_version(agent->policy);
  for (int i = 0; i < 2; i++) {
    CHECK_OK(prl_agent_rollback(agent, &error));
    assert_non_null(agent->next);
  }
  assert_string_equal(prl_agent_previous(agent), prl_agent_hash(agent->next));
  CHECK_FAILS(prl_agent_swap(agent, plan, &error), PRL_ESTATE, "a rollback waits for the end of the update");
  const int64_t updates = agent->learner->n.updates;
  while (agent->next) CHECK_OK(prl_agent_learn(agent, 1, NULL, &error));
  assert_int_equal(agent->learner->n.updates, updates + 1); /* that of the other recipe */
  assert_int_equal(agent->learner->critics_count, 2);
  assert_true(prl_policy_version(agent->policy) > version + 1);
  check_learned(before, agent);
  assert_null(prl_agent_previous(agent));
  CHECK_OK(prl_agent_drive(agent, env, 300, false, NULL, &error));
  prl_kept_free(before);
  prl_plan_free(plan);
  prl_agent_free(agent);
  prl_vecenv_free(env);
}

/* A swap that waits is taken back, and what an earlier one kept stays. */
static void takes_back_what_waits(void **state) {
  (void)state;
  prl_plan *plan = other_plan(), *first = toy_made(runtime, &options);
  prl_agent *agent = toy_agent(runtime, &options);
  prl_vecenv *env = toy_pendulum(runtime, 4, 1);
  CHECK_OK(prl_agent_drive(agent, env, 40 + 64 * 3, false, NULL, &error));
  CHECK_OK(prl_agent_swap(agent, plan, &error));
  CHECK_OK(prl_agent_drive(agent, env, 60, false, NULL, &error));
  stop_inside(agent);
  CHECK_OK(prl_agent_swap(agent, first, &error));
  assert_non_null(agent->next);
  CHECK_OK(prl_agent_rollback(agent, &error));
  assert_null(agent->next);
  assert_int_equal(agent->learner->critics_count, 1);
  assert_non_null(agent->kept);
  CHECK_OK(prl_agent_learn(agent, 0, NULL, &error));
  CHECK_OK(prl_agent_rollback(agent, &error));
  assert_int_equal(agent->learner->critics_count, 2);
  prl_plan_free(plan);
  prl_plan_free(first);
  prl_agent_free(agent);
  prl_vecenv_free(env);
}

/* A recipe whose learning fails goes back to the one before; a failed agent has nothing that is worth
 * keeping. */
static void after_a_failure(void **state) {
  (void)state;
  toy_options poison = options;
  poison.poison = true;
  prl_agent *agent = toy_agent(runtime, &options);
  prl_vecenv *env = toy_pendulum(runtime, 4, 1);
  prl_plan *bad = toy_made(runtime, &poison), *good = toy_made(runtime, &options);
  CHECK_OK(prl_agent_drive(agent, env, 40 + 64 * 3, false, NULL, &error));
  prl_kept *before = learned_of(agent);
  CHECK_OK(prl_agent_swap(agent, bad, &error));
  CHECK_OK(prl_agent_set(agent, "algorithm.entropy", 0, &error));
  CHECK_FAILS(prl_agent_drive(agent, env, 300, false, NULL, &error), PRL_ENUMERIC, "div");
  CHECK_OK(prl_agent_rollback(agent, &error));
  check_learned(before, agent);
  CHECK_OK(prl_agent_drive(agent, env, 300, false, NULL, &error));
  CHECK_OK(prl_agent_swap(agent, bad, &error));
  CHECK_OK(prl_agent_set(agent, "algorithm.entropy", 0, &error));
  CHECK_FAILS(prl_agent_drive(agent, env, 300, false, NULL, &error), PRL_ENUMERIC, "div");
  CHECK_OK(prl_agent_swap(agent, good, &error));
  CHECK_FAILS(prl_agent_rollback(agent, &error), PRL_ESTATE, "learning had failed before it");
  prl_kept_free(before);
  prl_plan_free(bad);
  prl_plan_free(good);
  prl_agent_free(agent);
  prl_vecenv_free(env);
}

/* The update whose end a rollback waits for may fail: that is its end, and what was learned before the swap
 * is in force again. */
static void while_it_waits(void **state) {
  (void)state;
  toy_options poison = options;
  poison.poison = true;
  prl_agent *agent = toy_agent(runtime, &options);
  prl_vecenv *env = toy_pendulum(runtime, 4, 1);
  prl_plan *bad = toy_made(runtime, &poison);
  prl_snapshot *snapshot;
  CHECK_OK(prl_agent_drive(agent, env, 40 + 64 * 3, false, NULL, &error));
  prl_kept *before = learned_of(agent);
  CHECK_OK(prl_agent_snapshot(agent, &snapshot, &error));
  prl_snapshot_release(snapshot);
  CHECK_OK(prl_agent_swap(agent, bad, &error));
  CHECK_OK(prl_agent_set(agent, "algorithm.entropy", 0, &error));
  CHECK_OK(prl_agent_drive(agent, env, 60, false, NULL, &error));
  stop_inside(agent);
  CHECK_OK(prl_agent_rollback(agent, &error));
  assert_non_null(agent->next);
  CHECK_FAILS(prl_agent_learn(agent, 0, NULL, &error), PRL_ENUMERIC, "div");
  assert_null(agent->next);
  check_learned(before, agent);
  CHECK_OK(prl_agent_snapshot(agent, &snapshot, &error));
  assert_true(prl_snapshot_version(snapshot) == (uint64_t)prl_policy_version(agent->policy));
  prl_snapshot_release(snapshot);
  CHECK_OK(prl_agent_drive(agent, env, 300, false, NULL, &error));
  prl_kept_free(before);
  prl_plan_free(bad);
  prl_agent_free(agent);
  prl_vecenv_free(env);
}

/* What is kept takes memory of its own: where there is none, the swap is refused, and nothing changes. It is
 * neither experience nor a batch. */
static void a_budget(void **state) {
  (void)state;
  prl_plan *plan = other_plan();
  prl_agent *agent = toy_agent(runtime, &options);
  prl_vecenv *env = toy_pendulum(runtime, 4, 1);
  CHECK_OK(prl_agent_drive(agent, env, 40 + 64, false, NULL, &error));
  prl_kept *kept = learned_of(agent);
  int64_t learned = 0, all = 0, refused = 0;
  for (int i = 0; i < kept->blocks.count; i++)
    learned += kept->blocks.items[i].count * (int64_t)prl_dtype_size(kept->blocks.items[i].dtype);
  for (int i = 0; i < agent->blocks.count; i++)
    all += agent->blocks.items[i].count * (int64_t)prl_dtype_size(agent->blocks.items[i].dtype);
  assert_true(learned > 0 && learned < all / 2);
  prl_kept_free(kept);
  const int64_t live = prl_runtime_memory(runtime).live_bytes;
  prl_status status = PRL_ELIMIT;
  for (int64_t more = learned / 2; status; more += learned / 2) {
    CHECK_OK(prl_runtime_budget(runtime, live + more, &error));
    status = prl_agent_swap(agent, plan, &error);
    refused += status && strstr(error.message, "what was learned before a swap, kept for a rollback, takes");
    if (status) assert_true(prl_runtime_memory(runtime).live_bytes == live && !agent->next && !agent->kept);
  }
  CHECK_OK(prl_runtime_budget(runtime, 0, &error));
  assert_true(refused >= 1);
  prl_plan_free(plan);
  prl_agent_free(agent);
  prl_vecenv_free(env);
}

/* ---- files ---- */

/* Writes the agent's file anew with one kept tensor changed, or another plan for them. */
static void rewrite(const char *from, const char *to, const char *spoilt, int64_t cut, const char *plan) {
  prl_safetensors *file;
  prl_st_tensor list[512];
  CHECK_OK(prl_safetensors_open(runtime, from, 0, &file, &error));
  assert_true(file->count < 512);
  for (int64_t i = 0; i < file->count; i++) {
    list[i] = file->tensors[i];
    if (spoilt && !strcmp(list[i].name, spoilt)) list[i].shape[0] -= cut;
  }
  prl_doc *metadata;
  CHECK_OK(prl_doc_new(runtime, &metadata, &error));
  prl_set_map(&metadata->root);
  static const char *const keys[] = {"format", "plan", "verb", "before"};
  for (int i = 0; i < 4; i++) {
    const char *text = i == 3 && plan ? plan : prl_safetensors_text(file, keys[i]);
    assert_true(prl_set_string(metadata, prl_put(metadata, &metadata->root, keys[i]), text, strlen(text)));
  }
  CHECK_OK(prl_safetensors_write(runtime, to, list, file->count, &metadata->root, &error));
  prl_doc_free(metadata);
  prl_safetensors_close(file);
}

static void from_files(void **state) {
  (void)state;
  char path[64], made[64];
  scratch_path(path), scratch_path(made);
  prl_plan *plan = other_plan();
  prl_agent *agent = toy_agent(runtime, &options), *loaded = NULL;
  prl_vecenv *env = toy_pendulum(runtime, 4, 1);
  CHECK_OK(prl_agent_drive(agent, env, 40 + 64 * 3, false, NULL, &error));
  prl_kept *before = learned_of(agent);
  CHECK_OK(prl_agent_swap(agent, plan, &error));
  CHECK_OK(prl_agent_drive(agent, env, 100, false, NULL, &error));
  CHECK_OK(prl_agent_save(agent, NULL, path, &error));

  CHECK_OK(prl_agent_load(runtime, path, &loaded, &error));
  assert_string_equal(prl_agent_previous(loaded), prl_agent_previous(agent));
  CHECK_OK(prl_agent_rollback(loaded, &error));
  check_learned(before, loaded);
  prl_agent_free(loaded);

  rewrite(path, made, "before.params.policy", 16, NULL);
  CHECK_OK(prl_agent_load(runtime, made, &loaded, &error));
  CHECK_FAILS(prl_agent_rollback(loaded, &error), PRL_EFORMAT, "\"params.policy\" is not what its plan says");
  assert_int_equal(loaded->learner->critics_count, 1);
  assert_null(loaded->next);
  prl_agent_free(loaded);

  rewrite(path, made, NULL, 0, "{\"hash\":\"x\"}");
  CHECK_OK(prl_agent_load(runtime, made, &loaded, &error));
  assert_int_equal(prl_agent_rollback(loaded, &error), PRL_EFORMAT);
  prl_agent_free(loaded);

  rewrite(path, made, NULL, 0, "{");
  assert_int_equal(prl_agent_load(runtime, made, &loaded, &error), PRL_EFORMAT);
  prl_kept_free(before);
  prl_plan_free(plan);
  prl_agent_free(agent);
  prl_vecenv_free(env);
}

/* ---- allocations ---- */

static prl_status rolled_back_life(prl_runtime *of, void *context, prl_error *failure) {
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
  if (!status) status = prl_agent_set(agent, "algorithm.lr", 0.5, failure); /* which a swap takes back */
  if (!status) status = prl_agent_swap_plan(agent, plan, &parts, &count, failure);
  if (!status) status = prl_agent_swap(agent, plan, failure);
  if (!status) status = prl_agent_drive(agent, env, 1 << 20, true, NULL, failure);
  if (!status) status = prl_agent_rollback(agent, failure);
  if (!status) status = prl_agent_drive(agent, env, 1 << 20, true, NULL, failure);
  prl_agent_free(agent);
  prl_vecenv_free(env);
  prl_plan_free(plan);
  return status;
}

typedef struct files {
  char from[64], to[64];
} files;

/* One that goes back, and one that is saved with what it can go back to. */
static prl_status loaded_lives(prl_runtime *of, void *context, prl_error *failure) {
  const files *f = context;
  prl_agent *one = NULL, *two = NULL;
  prl_status status = prl_agent_load(of, f->from, &one, failure);
  if (!status) status = prl_agent_rollback(one, failure);
  if (!status) status = prl_agent_load(of, f->from, &two, failure);
  if (!status) status = prl_agent_save(two, NULL, f->to, failure);
  prl_agent_free(one);
  prl_agent_free(two);
  return status;
}

static void each_allocation_fails_in_turn(void **state) {
  (void)state;
  toy_options small = toy_small(options);
  toy_plan toy = toy_new(runtime, &small);
  prl_agent *agent = toy_agent(runtime, &small);
  prl_vecenv *env = toy_pendulum(runtime, 4, 1);
  prl_plan *plan = toy_made(runtime, &small);
  files f;
  assert_true(fail_each_allocation(rolled_back_life, &toy) > 300);
  scratch_path(f.from), scratch_path(f.to);
  CHECK_OK(prl_agent_drive(agent, env, 1 << 20, true, NULL, &error));
  CHECK_OK(prl_agent_set(agent, "algorithm.lr", 0.5, &error));
  CHECK_OK(prl_agent_swap(agent, plan, &error));
  CHECK_OK(prl_agent_save(agent, NULL, f.from, &error));
  assert_true(fail_each_allocation(loaded_lives, &f) > 300);
  prl_plan_free(plan);
  prl_agent_free(agent);
  prl_vecenv_free(env);
  toy_free(&toy);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(waits_for_the_end_of_an_update),
                                     cmocka_unit_test(takes_back_what_waits),
                                     cmocka_unit_test(after_a_failure),
                                     cmocka_unit_test(while_it_waits),
                                     cmocka_unit_test(a_budget),
                                     cmocka_unit_test(from_files),
                                     cmocka_unit_test(each_allocation_fails_in_turn)};
  return cmocka_run_group_tests(tests, open_runtime, close_runtime);
}
