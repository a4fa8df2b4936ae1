/* A shadow, where C alone can look: inside of its update, what it takes of memory, from a file that was made
 * by hand. spec/agent/shadow_spec.lua has the algorithms. */
#include "support/runtime.h"
#include "support/failing_alloc.h"
#include "support/scratch.h"

#include <math.h>

#include "agent/learner/parts.h"
#include "agent/shadow.h"
#include "agent/toy_plan.h"
#include "agent/verbs/verb.h"
#include "core/value.h"
#include "io/safetensors.h"
#include "rl/replay.h"

#define COLLECT "[{\"verb\":\"collect\",\"rows\":32},"
#define ESTIMATE                                                                                             \
  "{\"verb\":\"values\"},{\"verb\":\"ratios\"},{\"verb\":\"vtrace\",\"lambda\":0.8},{\"verb\":\"weigh\"},"
#define RUN "{\"verb\":\"run\",\"program\":\"update\"}"
#define PUBLISH "{\"verb\":\"publish\"}]"

static prl_error error;
static char path[64], other_path[64];

/* Draws from a memory, corrected. */
static const toy_options drawn = {
    .observations = 3,
    .actions = 1,
    .responses = 1,
    .critics = 1,
    .density = true,
    .capacity = "{\"streams\":4,\"rows\":128,\"tile\":16}",
    .schedule = COLLECT "{\"verb\":\"remember\",\"rows\":400},{\"verb\":\"updates\",\"ratio\":0.1,\"body\":["
                        "{\"verb\":\"sample\",\"size\":24,\"stretch\":4}," ESTIMATE RUN "]}," PUBLISH};

static toy_options other(void) {
  toy_options o = drawn;
  o.critics = 2;
  o.scale = "2";
  return o;
}

static prl_agent *begin(prl_vecenv **env) {
  prl_agent *agent = toy_agent(runtime, &drawn);
  *env = toy_pendulum(runtime, 4, 1);
  CHECK_OK(prl_agent_drive(agent, *env, 32 * 5, false, NULL, &error));
  return agent;
}

static void add_shadow(prl_agent *agent) {
  const toy_options o = other();
  prl_plan *plan = toy_made(runtime, &o);
  CHECK_OK(prl_agent_swap_with(agent, plan, PRL_SWAP_SHADOW, &error));
  prl_plan_free(plan);
}

static void check_same(const prl_blocks *a, const prl_blocks *b) {
  assert_int_equal(a->count, b->count);
  for (int i = 0; i < a->count; i++) {
    const prl_block *x = &a->items[i], *y = &b->items[i];
    assert_string_equal(x->name, y->name);
    assert_int_equal(prl_block_count(x), prl_block_count(y));
    if (memcmp(x->data, y->data, (size_t)prl_block_count(x) * prl_dtype_size(x->dtype)))
      fail_msg("%s differs", x->name);
  }
}

static void end(prl_agent *agent, prl_vecenv *env) {
  prl_agent_free(agent);
  prl_vecenv_free(env);
}

/* Steps for an update, and no update yet. */
static void fill(prl_agent *agent, prl_vecenv *env) {
  *(int64_t *)agent->schedule->verbs[0].fields = 64; /* the rows of the gate */
  CHECK_OK(prl_agent_drive(agent, env, 40, false, NULL, &error));
  *(int64_t *)agent->schedule->verbs[0].fields = 32;
}

/* Wherever learning stops, within the agent's update or the shadow's, a file goes on from there, and the
 * agent comes to what it comes to alone. */
static void goes_on_from_inside(void **state) {
  (void)state;
  prl_vecenv *env, *its;
  prl_agent *agent = begin(&env), *alone = begin(&its), *loaded;
  add_shadow(agent);
  fill(agent, env);
  fill(alone, its);
  const int64_t updates = prl_learner_updates(agent->learner);
  int inside = 0;
  for (int i = 0; prl_learner_updates(agent->learner) == updates; i++) {
    CHECK_OK(prl_agent_learn(agent, 1, NULL, &error));
    inside += prl_learner_handed(prl_shadow_agent(agent->shadow)->learner);
    if (i % 3) continue;
    CHECK_OK(prl_agent_save(agent, NULL, path, &error));
    CHECK_OK(prl_agent_load(runtime, path, &loaded, &error));
    check_same(&agent->blocks, &loaded->blocks);
    check_same(prl_shadow_blocks(agent->shadow), prl_shadow_blocks(loaded->shadow));
    while (prl_learner_updates(loaded->learner) == updates)
      CHECK_OK(prl_agent_learn(loaded, 1, NULL, &error));
    CHECK_OK(prl_agent_save(loaded, NULL, other_path, &error));
    prl_agent_free(loaded);
  }
  assert_true(inside > 10);
  CHECK_OK(prl_agent_load(runtime, other_path, &loaded, &error)); /* the last one that went on */
  check_same(&agent->blocks, &loaded->blocks);
  check_same(prl_shadow_blocks(agent->shadow), prl_shadow_blocks(loaded->shadow));
  while (prl_learner_updates(alone->learner) == updates) CHECK_OK(prl_agent_learn(alone, 0, NULL, &error));
  check_same(&agent->blocks, &alone->blocks);
  prl_agent_free(loaded);
  end(agent, env);
  end(alone, its);
}

/* One that is confirmed inside of an update comes into force at its end, with what it learned by then; a
 * rollback takes that back first, and the shadow then. */
static void waits_for_the_end_of_an_update(void **state) {
  (void)state;
  prl_vecenv *env;
  prl_agent *agent = begin(&env);
  add_shadow(agent);
  CHECK_OK(prl_agent_drive(agent, env, 64, false, NULL, &error));
  fill(agent, env);
  while (prl_schedule_between(agent->schedule)) CHECK_OK(prl_agent_learn(agent, 1, NULL, &error));
  CHECK_OK(prl_agent_confirm(agent, &error));
  CHECK_OK(prl_agent_confirm(agent, &error));
  assert_non_null(agent->next);
  CHECK_OK(prl_agent_rollback(agent, &error));
  assert_true(!agent->next && agent->shadow);
  CHECK_OK(prl_agent_confirm(agent, &error));
  assert_int_equal(agent->learner->critics_count, 1);
  const int64_t updates = prl_learner_updates(agent->learner), version = prl_policy_version(agent->policy);
  float moved = 0;
  while (agent->shadow) {
    const prl_params *policy = prl_shadow_agent(agent->shadow)->sets->items[0];
    moved = policy->value[0];
    CHECK_OK(prl_agent_learn(agent, 1, NULL, &error));
  }
  assert_int_equal(prl_learner_updates(agent->learner), updates + 1);
  assert_int_equal(prl_policy_version(agent->policy), version + 2);
  assert_int_equal(agent->learner->critics_count, 2);
  assert_true(agent->sets->items[0]->value[0] == moved);
  assert_true(agent->learner->memory->n.rows > 200); /* the running agent's */
  CHECK_OK(prl_agent_rollback(agent, &error));
  assert_int_equal(agent->learner->critics_count, 1);
  add_shadow(agent);
  CHECK_OK(prl_agent_rollback(agent, &error));
  assert_null(agent->shadow);
  end(agent, env);
}

/* ---- how near it is to what acts ---- */

/* By the policy that it publishes, of the rows of its last draw. */
static void effective_sample_size(void **state) {
  (void)state;
  prl_vecenv *env;
  prl_agent *agent = begin(&env);
  prl_shadowed shadow;
  add_shadow(agent);
  assert_true(prl_agent_shadowed(agent, &shadow) && shadow.begun && isnan(shadow.effective));
  CHECK_OK(prl_agent_set(agent, "algorithm.lr", 0.1, &error)); /* what acts runs away from it */
  CHECK_OK(prl_agent_drive(agent, env, 32 * 4, false, NULL, &error));
  fill(agent, env);
  const prl_agent *beside = prl_shadow_agent(agent->shadow);
  const prl_batch *b = &beside->learner->batch;
  while (!prl_learner_handed(beside->learner)) CHECK_OK(prl_agent_learn(agent, 1, NULL, &error));
  while (strcmp(prl_schedule_verb(beside->schedule), "publish") != 0) assert_true(prl_shadow_step(agent, 0));
  enum { ROWS = 24 };
  float observation[3 * ROWS], action[ROWS], then[ROWS], now[ROWS];
  assert_int_equal(b->rows, ROWS);
  memcpy(observation, b->observation, sizeof observation);
  memcpy(action, b->action, sizeof action);
  memcpy(then, b->log_prob, sizeof then);
  assert_true(prl_shadow_step(agent, 0) && !prl_shadow_step(agent, 0));
  CHECK_OK(prl_policy_density(beside->policy, observation, action, ROWS, now, &error));
  double sum = 0, squares = 0, capped = 0;
  for (int i = 0; i < ROWS; i++) {
    const double ratio = exp((double)now[i] - (double)then[i]), weight = ratio > 1 ? 1 : ratio;
    sum += weight;
    squares += weight * weight;
    capped += ratio > 1;
  }
  assert_true(capped > 0 && capped < ROWS);
  assert_true(prl_agent_shadowed(agent, &shadow));
  assert_true(fabs(shadow.effective - sum * sum / (ROWS * squares)) < 1e-6 && shadow.effective < 0.999);
  assert_true(fabs(shadow.overlap - sum / ROWS) < 1e-6);
  assert_int_equal(shadow.updates, 5);
  end(agent, env);
}

/* ---- memory ---- */

/* It has no experience and no memory of its own; what it takes is asked for before, and refused where it is
 * not there. Its learning allocates nothing. */
static void a_budget(void **state) {
  (void)state;
  toy_options wide = drawn, o = other();
  wide.capacity = o.capacity = "{\"streams\":4,\"rows\":20000,\"tile\":20000}";
  prl_plan *plan = toy_made(runtime, &o);
  prl_agent *agent = toy_agent(runtime, &wide), *whole;
  prl_vecenv *env = toy_pendulum(runtime, 4, 1);
  CHECK_OK(prl_agent_drive(agent, env, 32 * 2, false, NULL, &error));
  const int64_t live = prl_runtime_memory(runtime).live_bytes;
  CHECK_OK(prl_agent_new(plan, &whole, &error));
  const int64_t all = prl_runtime_memory(runtime).live_bytes - live;
  const int64_t rows = prl_experience_bytes(&whole->shape->experience);
  prl_agent_free(whole);
  assert_true(rows > 1 << 20 && all > rows + (1 << 20));
  prl_status status = PRL_ELIMIT;
  int refused = 0;
  for (int64_t more = 1 << 19; status; more += 1 << 19) {
    CHECK_OK(prl_runtime_budget(runtime, live + more, &error));
    status = prl_agent_swap_with(agent, plan, PRL_SWAP_SHADOW, &error);
    refused += status && strstr(error.message, "a shadow takes ");
    if (status) assert_true(prl_runtime_memory(runtime).live_bytes == live && !agent->shadow);
  }
  assert_true(refused > 1);
  assert_true(prl_runtime_memory(runtime).live_bytes - live <= all - rows);
  CHECK_OK(prl_runtime_budget(runtime, 0, &error));
  const int64_t requests = prl_runtime_memory(runtime).allocations;
  CHECK_OK(prl_agent_drive(agent, env, 32 * 4, false, NULL, &error));
  assert_int_equal(prl_runtime_memory(runtime).allocations, requests);
  prl_agent_drop_shadow(agent);
  assert_int_equal(prl_runtime_memory(runtime).live_bytes, live);
  prl_plan_free(plan);
  end(agent, env);
}

typedef struct life {
  toy_plan one, two;
} life;

static prl_status confirmed_life(prl_runtime *of, void *context, prl_error *failure) {
  life *l = context;
  prl_plan *one = NULL, *two = NULL;
  prl_agent *agent = NULL;
  prl_vecenv *env = NULL;
  prl_status status = toy_plan_of(of, &l->one, &one, failure);
  if (!status) status = toy_plan_of(of, &l->two, &two, failure);
  if (!status) status = prl_agent_new(one, &agent, failure);
  if (!status) status = toy_pendulum_of(of, 4, 1, &env, failure);
  if (!status) status = prl_agent_drive(agent, env, 1 << 20, true, NULL, failure);
  if (!status) status = prl_agent_swap_with(agent, two, PRL_SWAP_SHADOW, failure);
  if (!status) status = prl_agent_drive(agent, env, 1 << 20, true, NULL, failure);
  if (!status) status = prl_agent_confirm(agent, failure);
  if (!status) status = prl_agent_drive(agent, env, 1 << 20, true, NULL, failure);
  if (!status) status = prl_agent_rollback(agent, failure);
  if (!status) status = prl_agent_swap_with(agent, two, PRL_SWAP_SHADOW, failure);
  if (!status) status = prl_agent_rollback(agent, failure);
  prl_agent_free(agent);
  prl_vecenv_free(env);
  prl_plan_free(one);
  prl_plan_free(two);
  return status;
}

static prl_status loaded_lives(prl_runtime *of, void *context, prl_error *failure) {
  prl_agent *agent = NULL;
  (void)context;
  prl_status status = prl_agent_load(of, path, &agent, failure);
  if (!status) status = prl_agent_save(agent, NULL, other_path, failure);
  if (!status) status = prl_agent_confirm(agent, failure);
  prl_agent_free(agent);
  return status;
}

static void each_allocation_fails_in_turn(void **state) {
  (void)state;
  prl_vecenv *env;
  prl_agent *agent = begin(&env);
  const toy_options o = other();
  life l = {toy_new(runtime, &drawn), toy_new(runtime, &o)};
  assert_true(fail_each_allocation(confirmed_life, &l) > 300);
  add_shadow(agent);
  CHECK_OK(prl_agent_drive(agent, env, 64, false, NULL, &error));
  CHECK_OK(prl_agent_save(agent, NULL, path, &error));
  assert_true(fail_each_allocation(loaded_lives, NULL) > 300);
  toy_free(&l.one);
  toy_free(&l.two);
  end(agent, env);
}

/* ---- files ---- */

/* Writes the agent's file anew: without a tensor, or with another text for a key. */
static void rewrite(const char *without, const char *key, const char *text) {
  prl_safetensors *file;
  prl_st_tensor list[512];
  int64_t count = 0;
  CHECK_OK(prl_safetensors_open(runtime, path, 0, &file, &error));
  assert_true(file->count < 512);
  for (int64_t i = 0; i < file->count; i++)
    if (!without || strcmp(file->tensors[i].name, without)) list[count++] = file->tensors[i];
  assert_int_equal(count, file->count - (without != NULL));
  prl_doc *metadata;
  CHECK_OK(prl_doc_new(runtime, &metadata, &error));
  prl_set_map(&metadata->root);
  static const char *const keys[] = {"format", "plan", "verb", "shadow", "shadow.verb"};
  for (int i = 0; i < 5; i++) {
    const char *said = key && !strcmp(key, keys[i]) ? text : prl_safetensors_text(file, keys[i]);
    if (said)
      assert_true(prl_set_string(metadata, prl_put(metadata, &metadata->root, keys[i]), said, strlen(said)));
  }
  CHECK_OK(prl_safetensors_write(runtime, other_path, list, count, &metadata->root, &error));
  prl_doc_free(metadata);
  prl_safetensors_close(file);
}

static void check_damaged(const char *what) {
  prl_agent *loaded;
  const prl_status status = prl_agent_load(runtime, other_path, &loaded, &error);
  assert_true(status != PRL_OK);
  if (!strstr(error.message, what)) fail_msg("%s", error.message);
}

static void damaged_files(void **state) {
  (void)state;
  prl_vecenv *env;
  prl_agent *agent = begin(&env);
  add_shadow(agent);
  CHECK_OK(prl_agent_drive(agent, env, 64, false, NULL, &error));
  CHECK_OK(prl_agent_save(agent, NULL, path, &error));
  rewrite(NULL, "shadow.verb", "weigh");
  check_damaged("what the shadow learned is damaged");
  rewrite(NULL, "shadow.verb", NULL);
  check_damaged("what the shadow learned is damaged");
  rewrite(NULL, "shadow", "{");
  check_damaged("");
  rewrite(NULL, "shadow", "{\"hash\":\"x\"}");
  check_damaged("sets");
  rewrite("shadow.params.value", NULL, NULL);
  check_damaged("shadow.params.value");
  rewrite("shadow.counts", NULL, NULL);
  check_damaged("shadow.counts");
  prl_learner *beside = prl_shadow_agent(agent->shadow)->learner;
  int64_t *places[] = {&beside->handed, &beside->handed, &beside->memory->n.draws, &beside->n.updates};
  const int64_t wrong[] = {1, 2, -1, -1}; /* the first: rows of no update */
  for (int i = 0; i < 4; i++) {
    const int64_t kept = *places[i];
    *places[i] = wrong[i];
    CHECK_OK(prl_agent_save(agent, NULL, other_path, &error));
    check_damaged("what the shadow learned is damaged");
    *places[i] = kept;
  }
  toy_options wide = other();
  wide.capacity = "{\"streams\":9,\"rows\":128,\"tile\":16}";
  toy_plan toy = toy_new(runtime, &wide);
  char *text;
  size_t length;
  CHECK_OK(prl_json_write(runtime, &toy.document->root, false, 0, &text, &length, &error));
  rewrite(NULL, "shadow", text);
  check_damaged("capacity.streams is 9 in the new plan and 4 in the running agent");
  prl_free(runtime, text);
  toy_free(&toy);
  end(agent, env);
}

static int setup(void **state) {
  scratch_path(path), scratch_path(other_path);
  return open_runtime(state);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(goes_on_from_inside),           cmocka_unit_test(waits_for_the_end_of_an_update),
      cmocka_unit_test(effective_sample_size),         cmocka_unit_test(a_budget),
      cmocka_unit_test(each_allocation_fails_in_turn), cmocka_unit_test(damaged_files)};
  return cmocka_run_group_tests(tests, setup, close_runtime);
}
