#include "support/runtime.h"
#include "support/digest.h"
#include "support/failing_alloc.h"
#include "support/scratch.h"

#include <stdio.h>

#include "agent/agent.h"
#include "agent/policy/parts.h"
#include "agent/verbs/verb.h"
#include "agent/learner/parts.h"
#include "agent/toy_plan.h"

enum { N = 4 };
static prl_error error;
static char path[64];

static const toy_options options = {.observations = 3,
                                    .actions = 1,
                                    .responses = 1,
                                    .critics = 2,
                                    .capacity = "{\"streams\":4,\"rows\":128,\"act\":3,\"tile\":16}",
                                    .normaliser = "{\"clip\":5}",
                                    .warmup = 40,
                                    .popart = true};

/* Every mutable block has the same bytes. */
static void check_same(const prl_agent *a, const prl_agent *b) {
  assert_int_equal(a->blocks.count, b->blocks.count);
  for (int i = 0; i < a->blocks.count; i++) {
    const prl_block *x = &a->blocks.items[i], *y = &b->blocks.items[i];
    assert_int_equal(prl_block_count(x), prl_block_count(y));
    if (memcmp(x->data, y->data, (size_t)prl_block_count(x) * prl_dtype_size(x->dtype)))
      fail_msg("%s differs", x->name);
  }
}

/* The agent and its world, driven by hand. */
typedef struct world {
  prl_agent *agent;
  prl_vecenv *env;
  float observation[3 * N];
  int64_t learns;  /* calls of learn */
  int64_t save_at; /* at that call: save, forget, load, go on */
  int64_t now_us;  /* of a world with a clock */
} world;

static void leave_and_come_back(world *w) {
  CHECK_OK(prl_agent_save(w->agent, w->env, path, &error));
  prl_agent_free(w->agent);
  prl_vecenv_free(w->env);
  w->env = toy_pendulum(runtime, N, 1);
  CHECK_OK(prl_agent_load(runtime, path, &w->agent, &error));
  CHECK_OK(prl_agent_load_env(w->agent, path, w->env, &error));
}

static void live(world *w, int64_t steps) {
  float final[3 * N], action[N], response[N];
  uint8_t terminated[N], truncated[N];
  int64_t elapsed[N];
  uint64_t decisions[N];
  prl_step step = {action, w->observation, response, terminated, truncated, final, elapsed};
  for (int64_t t = 0; t < steps; t++) {
    const uint64_t *streams = prl_vecenv_streams(w->env);
    CHECK_OK(prl_agent_time(w->agent, w->now_us += 1000000 + 7919000 * (t % 5), &error));
    CHECK_OK(
        prl_agent_act(w->agent, streams, NULL, w->observation, N, PRL_SAMPLE, action, decisions, &error));
    CHECK_OK(prl_vecenv_step(w->env, &step, &error));
    CHECK_OK(prl_agent_feedback(w->agent, decisions, response, NULL, NULL, N, &error));
    for (int i = 0; i < N; i++)
      if (truncated[i])
        CHECK_OK(prl_agent_finish(w->agent, streams[i], PRL_TRUNCATED, final + 3 * i, &error));
    CHECK_OK(prl_agent_observe(w->agent, streams, w->observation, N, &error));
    prl_progress progress = {.waiting = false};
    while (!progress.waiting) {
      if (w->learns++ == w->save_at) leave_and_come_back(w);
      CHECK_OK(prl_agent_learn(w->agent, 1, &progress, &error));
    }
  }
}

static world begin(const toy_options *with, int64_t save_at) {
  world w = {.agent = toy_agent(runtime, with), .env = toy_pendulum(runtime, N, 1), .save_at = save_at};
  CHECK_OK(prl_vecenv_reset(w.env, w.observation, &error));
  return w;
}

static void end(world *w) {
  prl_agent_free(w->agent);
  prl_vecenv_free(w->env);
}

/* The calls of learn fall everywhere: before the warm-up's end, inside estimates, programs, minibatches. */
static void resume_from_anywhere(const toy_options *with) {
  enum { STEPS = 90 };
  world straight = begin(with, -1);
  live(&straight, STEPS);
  assert_true(straight.agent->learner->n.updates >= 4);
  int64_t inside = 0;
  for (int64_t at = 0; at < straight.learns; at += 1 + at / 3) {
    world resumed = begin(with, at);
    live(&resumed, STEPS);
    inside += at > 30;
    check_same(straight.agent, resumed.agent);
    end(&resumed);
  }
  assert_true(inside > 3);
  end(&straight);
}

static void resumes_byte_for_byte_from_anywhere(void **state) {
  (void)state;
  resume_from_anywhere(&options);
}

static void resumes_with_memory(void **state) {
  (void)state;
  toy_options with = options;
  with.schedule = "[{\"verb\":\"collect\",\"rows\":64},{\"verb\":\"remember\",\"rows\":200},"
                  "{\"verb\":\"updates\",\"ratio\":0.1,\"body\":[{\"verb\":\"sample\",\"size\":24,"
                  "\"steps\":3},{\"verb\":\"every\",\"count\":2,\"body\":["
                  "{\"verb\":\"minibatches\",\"size\":10,\"body\":[]}]}]},{\"verb\":\"publish\"}]";
  resume_from_anywhere(&with);
}

static void resumes_without_the_luck_of_who_went_on(void **state) {
  (void)state;
  const toy_options with = toy_with_continuation(options);
  resume_from_anywhere(&with);
}

static void resumes_with_discounts_by_time(void **state) {
  (void)state;
  toy_options timed = options;
  timed.per = "minute";
  resume_from_anywhere(&timed);
}

static void resumes_a_driven_environment(void **state) {
  (void)state;
  prl_agent *straight = toy_agent(runtime, &options), *first = toy_agent(runtime, &options), *second;
  prl_vecenv *env = toy_pendulum(runtime, N, 1), *before = toy_pendulum(runtime, N, 1),
             *after = toy_pendulum(runtime, N, 1);
  CHECK_OK(prl_agent_drive(straight, env, 2000, false, NULL, &error));
  CHECK_OK(prl_agent_drive(first, before, 1100, false, NULL, &error));
  CHECK_OK(prl_agent_save(first, before, path, &error));
  CHECK_OK(prl_agent_load(runtime, path, &second, &error));
  check_same(first, second);
  CHECK_OK(prl_agent_load_env(second, path, after, &error));
  CHECK_OK(prl_agent_drive(second, after, 900, false, NULL, &error));
  check_same(straight, second);
  /* Without the environment's state the episodes end, and the agent goes on. */
  CHECK_OK(prl_agent_save(second, NULL, path, &error));
  prl_agent_free(first);
  CHECK_OK(prl_agent_load(runtime, path, &first, &error));
  CHECK_FAILS(prl_agent_load_env(first, path, after, &error), PRL_EABSENT, "start anew");
  CHECK_OK(prl_agent_drive(first, before, 400, false, NULL, &error));
  assert_int_equal(first->experience->n.decisions, 2400);
  prl_agent_free(straight);
  prl_agent_free(first);
  prl_agent_free(second);
  prl_vecenv_free(env);
  prl_vecenv_free(before);
  prl_vecenv_free(after);
}

/* ---- damaged files ---- */

static char *read_file(size_t *size) {
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  fseek(file, 0, SEEK_END);
  *size = (size_t)ftell(file);
  rewind(file);
  char *bytes = malloc(*size);
  assert_int_equal(fread(bytes, 1, *size, file), *size);
  fclose(file);
  return bytes;
}

static void write_file(const char *bytes, size_t size) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  fclose(file);
}

static void damaged_files(void **state) {
  (void)state;
  prl_agent *agent = toy_agent(runtime, &options), *loaded = NULL;
  prl_vecenv *env = toy_pendulum(runtime, N, 1);
  CHECK_OK(prl_agent_drive(agent, env, 300, false, NULL, &error));
  CHECK_OK(prl_agent_save(agent, env, path, &error));
  size_t size;
  char *bytes = read_file(&size);
  for (size_t part = 0; part < 20; part++) {
    write_file(bytes, size * part / 20);
    prl_status status = prl_agent_load(runtime, path, &loaded, &error);
    assert_true(status == PRL_EFORMAT && error.message[0]);
    assert_null(loaded);
  }
  /* Any bit may be wrong behind a right digest: the file is refused, or gives an agent that can live. */
  uint32_t word = 5;
  int refused = 0;
  for (int i = 0; i < 300; i++) {
    word = word * 1664525u + 1013904223u;
    size_t at = (size_t)(((uint64_t)word * size) >> 32);
    char kept = bytes[at];
    if (at - DIGEST_ENTRY < DIGEST_ENTRY_SIZE) continue;
    bytes[at] = (char)(kept ^ (1 << (i % 8)));
    redigest(bytes, size);
    write_file(bytes, size);
    if (prl_agent_load(runtime, path, &loaded, &error)) {
      refused++;
    } else {
      float observation[3] = {0}, action;
      uint64_t stream = 100, decision;
      (void)prl_agent_act(loaded, &stream, NULL, observation, 1, PRL_SAMPLE, &action, &decision, &error);
      (void)prl_agent_learn(loaded, 2000, NULL, &error);
      (void)prl_agent_drive(loaded, env, 200, false, NULL, &error);
      prl_agent_free(loaded);
    }
    bytes[at] = kept;
    loaded = NULL;
  }
  assert_true(refused > 0);
  redigest(bytes, size);
  write_file(bytes, size);
  free(bytes);
  CHECK_OK(prl_agent_load(runtime, path, &loaded, &error));
  prl_agent_free(loaded);
  CHECK_FAILS(prl_agent_load(runtime, "/nowhere/agent.safetensors", &loaded, &error), PRL_EIO, "/nowhere");
  CHECK_FAILS(prl_agent_load(runtime, FIXTURES "/safetensors_reference.safetensors", &loaded, &error),
              PRL_EFORMAT, "not a saved agent");
  prl_agent_free(agent);
  prl_vecenv_free(env);
}

/* Every counter of the file is one that can be counted on. */
static void counters_out_of_range(void **state) {
  (void)state;
  prl_agent *agent = toy_agent(runtime, &options), *loaded = NULL;
  prl_vecenv *env = toy_pendulum(runtime, N, 1);
  CHECK_OK(prl_agent_drive(agent, env, 300, false, NULL, &error));
  const prl_experience_counts *n = &agent->experience->n;
  const int64_t *const counters[] = {&n->now,
                                     &n->decisions,
                                     &n->forgotten,
                                     &n->call,
                                     &n->min_version,
                                     &n->dropped_steps,
                                     &n->late_feedback,
                                     &n->duplicate_feedback,
                                     &n->stale_steps,
                                     &n->idle_streams,
                                     &agent->learner->n.shuffles,
                                     &agent->learner->n.updates,
                                     &agent->learner->n.warm,
                                     &agent->learner->n.warmed,
                                     &agent->policy->n.version,
                                     &agent->policy->n.calls,
                                     &agent->schedule->at,
                                     &agent->schedule->verbs[3].cursor[0], /* values */
                                     &agent->schedule->verbs[4].cursor[0], /* advantages */
                                     &agent->schedule->verbs[6].cursor[0], /* epochs */
                                     &agent->sets->optims[0]->steps,
                                     &agent->learner->optim_steps[0],
                                     &agent->experience->rows[0].time,
                                     &agent->experience->streams[0].time};
  const int64_t wrong[] = {-1, INT64_MIN, INT64_MAX, (INT64_C(1) << 60) + 1};
  for (size_t i = 0; i < sizeof counters / sizeof *counters; i++)
    for (size_t k = 0; k < 4; k++) {
      int64_t *counter = (int64_t *)counters[i], kept = *counter;
      *counter = wrong[k];
      CHECK_OK(prl_agent_save(agent, NULL, path, &error));
      *counter = kept;
      prl_status status = prl_agent_load(runtime, path, &loaded, &error);
      if (status != PRL_EFORMAT)
        fail_msg("counter %d = %lld: status %d", (int)i, (long long)wrong[k], status);
    }
  CHECK_OK(prl_agent_save(agent, NULL, path, &error));
  CHECK_OK(prl_agent_load(runtime, path, &loaded, &error));
  prl_agent_free(loaded);
  prl_agent_free(agent);
  prl_vecenv_free(env);
}

/* In the header, the metadata, the data or the digest, for those who act by the file and who resume from it.
 */
static void every_flipped_bit_is_noticed(void **state) {
  (void)state;
  enum { FLIPS = 600 };
  prl_agent *agent = toy_agent(runtime, &options), *loaded = NULL;
  prl_vecenv *env = toy_pendulum(runtime, N, 1);
  CHECK_OK(prl_agent_drive(agent, env, 300, false, NULL, &error));
  CHECK_OK(prl_agent_save(agent, env, path, &error));
  size_t size;
  char *bytes = read_file(&size);
  for (int i = 0; i < FLIPS; i++) {
    flip f = flip_of(i, FLIPS, size);
    if (i < 120) f.at = (size_t)i; /* the beginning too, where the digest stands */
    bytes[f.at] ^= f.mask;
    write_file(bytes, size);
    CHECK_FAILS(prl_agent_load(runtime, path, &loaded, &error), PRL_EFORMAT, path);
    CHECK_FAILS(prl_agent_load_env(agent, path, env, &error), PRL_EFORMAT, path);
    bytes[f.at] ^= f.mask;
  }
  char *without = undigested(bytes, size);
  write_file(without, size - DIGEST_ENTRY_SIZE);
  CHECK_FAILS(prl_agent_load(runtime, path, &loaded, &error), PRL_EFORMAT, "carries no digest");
  CHECK_FAILS(prl_agent_load_env(agent, path, env, &error), PRL_EFORMAT, "carries no digest");
  assert_null(loaded);
  free(without);
  free(bytes);
  prl_agent_free(agent);
  prl_vecenv_free(env);
}

/* ---- a life in which each allocation fails in turn ---- */

static prl_status whole_life(prl_runtime *of, void *context, prl_error *failure) {
  toy_plan *toy = context;
  prl_plan *plan = NULL;
  prl_agent *agent = NULL, *loaded = NULL;
  prl_vecenv *env = NULL;
  double sums[2];
  uint8_t ends[2 * N];
  const prl_rollout out = {.terminated = ends};
  int64_t parameters;
  prl_status status = toy_plan_of(of, toy, &plan, failure);
  if (!status) status = prl_agent_new(plan, &agent, failure);
  if (!status) status = toy_pendulum_of(of, N, 1, &env, failure);
  if (!status) status = prl_agent_drive(agent, env, 1 << 20, true, NULL, failure);
  if (!status) status = prl_agent_evaluate(agent, env, 2, PRL_MEAN, sums, NULL, failure);
  if (!status) status = prl_agent_rollout(agent, env, 2, PRL_MEAN, &out, failure);
  if (!status) status = prl_agent_value_parameters(agent, &parameters, failure);
  if (!status) status = prl_agent_save(agent, env, path, failure);
  if (!status) status = prl_agent_load(of, path, &loaded, failure);
  if (!status) status = prl_agent_load_env(loaded, path, env, failure);
  if (!status) status = prl_agent_drive(loaded, env, 1 << 20, true, NULL, failure);
  prl_agent_free(loaded);
  prl_agent_free(agent);
  prl_vecenv_free(env);
  prl_plan_free(plan);
  return status;
}

static void each_allocation_fails_in_turn(void **state) {
  (void)state;
  toy_options small = toy_small(options), remembering = small, refitting = small;
  remembering.memory = 1;
  refitting.refit = "{\"explained_variance\":0,\"updates\":2}";
  const toy_options all[] = {small, toy_with_novelty(small), remembering, toy_with_continuation(small),
                             refitting};
  for (int i = 0; i < 5; i++) {
    toy_plan toy = toy_new(runtime, &all[i]);
    assert_true(fail_each_allocation(whole_life, &toy) > 200);
    toy_free(&toy);
  }
}

static int setup(void **state) {
  scratch_path(path);
  return open_runtime(state);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(resumes_byte_for_byte_from_anywhere),
                                     cmocka_unit_test(resumes_with_discounts_by_time),
                                     cmocka_unit_test(resumes_with_memory),
                                     cmocka_unit_test(resumes_without_the_luck_of_who_went_on),
                                     cmocka_unit_test(resumes_a_driven_environment),
                                     cmocka_unit_test(damaged_files),
                                     cmocka_unit_test(counters_out_of_range),
                                     cmocka_unit_test(every_flipped_bit_is_noticed),
                                     cmocka_unit_test(each_allocation_fails_in_turn)};
  return cmocka_run_group_tests(tests, setup, close_runtime);
}
