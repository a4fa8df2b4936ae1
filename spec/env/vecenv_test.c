/* The vector env: validation, auto-reset, streams, saving, and types of every shape made in the test. */
#include "env_support.h"
#include "env/types.h"
#include "tensor/kernels.h"

#include <math.h>
#include <stdio.h>

static bool contains(const char *text, const char *part) { return strstr(text, part) != NULL; }

static void act_at_random(env_run *run, uint32_t *state) {
  const prl_env_spec *spec = prl_vecenv_spec(run->env);
  for (int64_t i = 0; i < prl_vecenv_count(run->env) * spec->actions; i++) {
    *state = *state * 1664525u + 1013904223u;
    const prl_action_spec *action = &spec->action[i % spec->actions];
    float u = (float)(*state >> 8) * 0x1p-24f;
    run->action[i] = spec->action_kind == PRL_ACTION_CONTINUOUS
                         ? action->low + u * (action->high - action->low)
                         : floorf(u * (float)action->choices);
  }
}

static void steps(env_run *run, int count, uint32_t *state) {
  prl_error error = {0};
  for (int t = 0; t < count; t++) {
    act_at_random(run, state);
    if (prl_vecenv_step(run->env, &run->step, &error)) fail_msg("%s", error.message);
  }
}

static void test_unknown_name_gives_the_nearest(void **state) {
  const prl_env_type *type = NULL;
  prl_error error = {0};
  assert_int_equal(prl_env_find("carpole", &type, &error), PRL_ENAME);
  assert_true(contains(error.message, "\"cartpole\""));
  assert_int_equal(prl_env_find("zzzzzzzz", &type, &error), PRL_ENAME);
  assert_true(contains(error.message, "pendulum"));
  assert_null(type);
}

static void test_options_are_checked(void **state) {
  prl_runtime *runtime = NULL;
  prl_vecenv *env = NULL;
  prl_error error = {0};
  assert_int_equal(prl_runtime_new(NULL, &runtime, NULL), PRL_OK);
  const double wrong[][2] = {{200, NAN}, {-1, 10}, {2.5, 10}, {200, 1e9}};
  const char *said[] = {"option g", "max_steps", "2.5", "1e+09"};
  for (int i = 0; i < 4; i++) {
    assert_int_equal(prl_vecenv_new(runtime, &prl_env_pendulum, wrong[i], 2, 0, 0, &env, &error), PRL_EINVAL);
    assert_true(contains(error.message, said[i]));
  }
  assert_int_equal(prl_vecenv_new(runtime, &prl_env_pendulum, NULL, 0, 0, 0, &env, &error), PRL_EINVAL);
  assert_null(env);
  assert_int_equal(prl_runtime_memory(runtime).live_bytes, 0);
  prl_runtime_release(runtime);
}

static void test_bad_actions_move_nothing(void **state) {
  env_run run = env_run_new("cartpole", 33, 7);
  prl_error error = {0};
  int64_t size = env_state_size(run.env);
  void *before = malloc((size_t)size), *after = malloc((size_t)size);
  prl_vecenv_save(run.env, before, size, NULL);
  const float bad[] = {2, -1, 0.5f, NAN, INFINITY, -INFINITY, 1e20f};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    memset(run.action, 0, 33 * sizeof(float));
    run.action[31] = bad[i];
    assert_int_equal(prl_vecenv_step(run.env, &run.step, &error), PRL_EINVAL);
    assert_true(contains(error.message, "'push' of instance 31"));
    assert_true(contains(error.message, "0 to 1"));
  }
  prl_vecenv_save(run.env, after, size, NULL);
  assert_memory_equal(before, after, (size_t)size);
  free(before);
  free(after);
  env_run_free(&run);
}

static void test_continuous_actions_are_clipped_not_refused(void **state) {
  env_run far = env_run_new("pendulum", 3, 7), edge = env_run_new("pendulum", 3, 7);
  prl_error error = {0};
  for (int i = 0; i < 3; i++) {
    far.action[i] = i == 1 ? -50 : 50;
    edge.action[i] = i == 1 ? -2 : 2;
  }
  assert_int_equal(prl_vecenv_step(far.env, &far.step, NULL), PRL_OK);
  assert_int_equal(prl_vecenv_step(edge.env, &edge.step, NULL), PRL_OK);
  assert_memory_equal(far.step.observation, edge.step.observation, 9 * sizeof(float));
  assert_memory_equal(far.step.response, edge.step.response, 3 * sizeof(float));
  far.action[2] = NAN;
  assert_int_equal(prl_vecenv_step(far.env, &far.step, &error), PRL_EINVAL);
  assert_true(contains(error.message, "'torque' of instance 2"));
  env_run_free(&far);
  env_run_free(&edge);
}

static void test_a_step_needs_a_reset(void **state) {
  prl_runtime *runtime = NULL;
  prl_vecenv *env = NULL;
  prl_error error = {0};
  assert_int_equal(prl_runtime_new(NULL, &runtime, NULL), PRL_OK);
  assert_int_equal(prl_vecenv_new(runtime, &prl_env_cartpole, NULL, 1, 0, 0, &env, NULL), PRL_OK);
  prl_step step = {0};
  assert_int_equal(prl_vecenv_step(env, &step, &error), PRL_ESTATE);
  float observation[4];
  assert_int_equal(prl_vecenv_reset(env, observation, NULL), PRL_OK);
  assert_int_equal(prl_vecenv_step(env, &step, &error), PRL_EINVAL);
  prl_vecenv_free(env);
  prl_runtime_release(runtime);
}

/* An instance of a batch behaves as the same stream alone, episode after episode. */
static void test_instances_do_not_depend_on_their_batch(void **state) {
  env_run batch = env_run_new("cartpole", 21, 5);
  env_run alone = env_run_of(&prl_env_cartpole, 1, 5, 13);
  assert_memory_equal(alone.step.observation, batch.step.observation + 4 * 13, 4 * sizeof(float));
  uint32_t random = 1;
  int ended = 0;
  for (int t = 0; t < 400; t++) {
    steps(&batch, 1, &random);
    alone.action[0] = batch.action[13];
    assert_int_equal(prl_vecenv_step(alone.env, &alone.step, NULL), PRL_OK);
    assert_memory_equal(alone.step.observation, batch.step.observation + 4 * 13, 4 * sizeof(float));
    assert_memory_equal(alone.step.final_observation, batch.step.final_observation + 4 * 13,
                        4 * sizeof(float));
    assert_int_equal(alone.step.terminated[0], batch.step.terminated[13]);
    ended += alone.step.terminated[0];
  }
  assert_true(ended > 5);
  env_run_free(&batch);
  env_run_free(&alone);
}

static void test_auto_reset_keeps_the_final_observation(void **state) {
  env_run run = env_run_new("cartpole", 16, 3);
  uint32_t random = 9;
  int ended = 0;
  for (int t = 0; t < 200; t++) {
    steps(&run, 1, &random);
    for (int i = 0; i < 16; i++) {
      const float *now = run.step.observation + 4 * i, *last = run.step.final_observation + 4 * i;
      if (run.step.terminated[i]) {
        ended++;
        assert_true(fabsf(last[0]) > 2.4f || fabsf(last[2]) > 0.2094f);
        for (int k = 0; k < 4; k++) assert_true(fabsf(now[k]) <= 0.05f);
      }
      assert_true(fabsf(now[2]) <= 0.2095f);
    }
  }
  assert_true(ended > 50);
  env_run_free(&run);
}

static void test_time_limit_truncates(void **state) {
  prl_runtime *runtime = NULL;
  assert_int_equal(prl_runtime_new(NULL, &runtime, NULL), PRL_OK);
  env_run run = {.runtime = runtime};
  const double options[] = {10, 9.81};
  assert_int_equal(prl_vecenv_new(runtime, &prl_env_pendulum, options, 4, 1, 0, &run.env, NULL), PRL_OK);
  env_run_buffers(&run);
  prl_vecenv_reset(run.env, run.step.observation, NULL);
  assert_true(prl_vecenv_options(run.env)[1] == 9.81);
  uint32_t random = 2;
  for (int t = 1; t <= 30; t++) {
    steps(&run, 1, &random);
    for (int i = 0; i < 4; i++) {
      assert_int_equal(run.step.truncated[i], t % 10 == 0);
      assert_int_equal(run.step.terminated[i], 0);
    }
  }
  env_run_free(&run);
}

static void test_save_and_load_go_on_byte_for_byte(void **state) {
  const prl_env_type *const *types = prl_env_types();
  for (int k = 0; types[k]; k++) {
    if (types[k]->file) continue; /* needs one: kuairand_test.c */
    env_run a = env_run_of(types[k], 9, 11, 40), b = env_run_of(types[k], 9, 999, 0);
    uint32_t random = 4;
    steps(&a, 37, &random);
    int64_t size = env_state_size(a.env);
    void *block = malloc((size_t)size);
    assert_int_equal(prl_vecenv_save(a.env, block, size, NULL), PRL_OK);
    assert_int_equal(prl_vecenv_load(b.env, block, size, NULL), PRL_OK);
    size_t rows = 9 * (size_t)prl_vecenv_spec(a.env)->observations * sizeof(float);
    for (int t = 0; t < 250; t++) {
      uint32_t same = random;
      steps(&a, 1, &random);
      steps(&b, 1, &same);
      assert_memory_equal(a.step.observation, b.step.observation, rows);
    }
    free(block);
    env_run_free(&a);
    env_run_free(&b);
  }
}

static void test_damaged_blocks_are_refused(void **state) {
  env_run run = env_run_new("cartpole", 4, 1), other = env_run_new("cartpole", 5, 1);
  env_run pendulum = env_run_new("pendulum", 4, 1);
  int64_t size = env_state_size(run.env);
  unsigned char *block = malloc((size_t)size);
  prl_error error = {0};
  assert_int_equal(prl_vecenv_save(run.env, block, size, NULL), PRL_OK);
  for (int64_t cut = 0; cut < size; cut++)
    assert_int_equal(prl_vecenv_load(run.env, block, cut, &error), PRL_EFORMAT);
  assert_int_equal(prl_vecenv_load(other.env, block, size, &error), PRL_EFORMAT);
  assert_true(contains(error.message, "4 instances") && contains(error.message, "has 5"));
  assert_int_equal(prl_vecenv_load(pendulum.env, block, size, &error), PRL_EFORMAT);
  block[0] ^= 1;
  assert_int_equal(prl_vecenv_load(run.env, block, size, &error), PRL_EFORMAT);
  free(block);
  env_run_free(&run);
  env_run_free(&other);
  env_run_free(&pendulum);
}

static void test_a_step_allocates_nothing(void **state) {
  env_run run = env_run_new("cartpole", 64, 1);
  uint32_t random = 4;
  int64_t before = prl_runtime_memory(run.runtime).allocations;
  steps(&run, 300, &random);
  assert_int_equal(prl_runtime_memory(run.runtime).allocations, before);
  env_run_free(&run);
}

static void test_a_reset_starts_the_next_episode(void **state) {
  env_run run = env_run_new("pendulum", 2, 1);
  float first[6];
  memcpy(first, run.step.observation, sizeof first);
  assert_int_equal(prl_vecenv_reset(run.env, run.step.observation, NULL), PRL_OK);
  assert_memory_not_equal(first, run.step.observation, sizeof first);
  env_run again = env_run_new("pendulum", 2, 1);
  assert_memory_equal(first, again.step.observation, sizeof first);
  env_run_free(&run);
  env_run_free(&again);
}

/* The loops that are compiled for each table contract nothing. Where there is no AVX2 all are the same. */
static void same_bytes_as_the_best(const char *name, const char *kernels) {
  const prl_env_type *type = NULL;
  const prl_runtime_options options = {.kernels = kernels};
  env_run best = env_run_new(name, 37, 5), other = {0};
  assert_int_equal(prl_runtime_new(&options, &other.runtime, NULL), PRL_OK);
  assert_int_equal(prl_env_find(name, &type, NULL), PRL_OK);
  assert_int_equal(prl_vecenv_new(other.runtime, type, NULL, 37, 5, 0, &other.env, NULL), PRL_OK);
  env_run_buffers(&other);
  assert_int_equal(prl_vecenv_reset(other.env, other.step.observation, NULL), PRL_OK);
  size_t rows = 37 * (size_t)prl_vecenv_spec(other.env)->observations * sizeof(float);
  uint32_t a = 3, b = 3;
  for (int t = 0; t < 300; t++) {
    steps(&best, 1, &a);
    steps(&other, 1, &b);
    assert_memory_equal(best.step.observation, other.step.observation, rows);
    assert_memory_equal(best.step.response, other.step.response, 37 * sizeof(float));
    assert_memory_equal(best.step.terminated, other.step.terminated, 37);
  }
  env_run_free(&best);
  env_run_free(&other);
}

static void test_kernel_tables_give_the_same_bytes(void **state) {
  const char *names[] = {"cartpole", "pendulum"}, *tables[PRL_TABLES] = PRL_EACH_TABLE_NAME;
  for (int k = 0; k < 2; k++) {
    for (int i = 0; i < PRL_TABLES; i++)
      if (prl_kernels_find(tables[i])) same_bytes_as_the_best(names[k], tables[i]);
  }
}

/* ---- A type made here: two discrete dimensions, two responses, an own clock, failures on demand. ---- */

static const prl_observation_spec seen[] = {{"sum", "", -1, 100, true}};
static const prl_action_spec knobs[] = {{.name = "coarse", .choices = 2}, {.name = "fine", .choices = 5}};
static const prl_response_spec told[] = {{.name = "gain", .unit = "count"},
                                         {.name = "wait", .unit = "s", .missing = -1}};

static prl_status knob_spec(const prl_env_type *type, const double *options, prl_env_spec *spec,
                            prl_error *error) {
  *spec = (prl_env_spec){1, 2, 2, PRL_ACTION_MULTI_DISCRETE, seen, knobs, told, 0, sizeof(float), 0, false};
  return PRL_OK;
}

static prl_status knob_reset(const prl_env_batch *batch, const uint8_t *mask, prl_error *error) {
  for (int64_t i = 0; i < batch->n; i++)
    if (!mask || mask[i]) batch->observation[i] = ((float *)batch->state)[i] = 0;
  return PRL_OK;
}

static prl_status knob_step(const prl_env_batch *batch, prl_error *error) {
  float *sum = batch->state;
  for (int64_t i = 0; i < batch->n; i++) {
    sum[i] += batch->action[2 * i] + batch->action[2 * i + 1];
    batch->observation[i] = sum[i];
    batch->response[2 * i] = sum[i];
    batch->elapsed_us[i] = 5;
    if (sum[i] == 7) return PRL_ELIMIT; /* and not a word */
    if (sum[i] > 50) {
      snprintf(error->message, sizeof error->message, "instance %d is too high", (int)i);
      return error->status = PRL_ENUMERIC;
    }
  }
  return PRL_OK;
}

static const prl_env_type knob = {
    .abi = PRL_ENV_ABI, .name = "knob", .spec = knob_spec, .reset = knob_reset, .step = knob_step};

static void test_a_type_of_two_dimensions(void **state) {
  env_run run = env_run_of(&knob, 2, 0, 0);
  prl_error error = {0};
  run.action[3] = 5;
  assert_int_equal(prl_vecenv_step(run.env, &run.step, &error), PRL_EINVAL);
  assert_true(contains(error.message, "'fine' of instance 1 is 5") && contains(error.message, "0 to 4"));
  run.action[3] = 4;
  assert_int_equal(prl_vecenv_step(run.env, &run.step, &error), PRL_OK);
  assert_true(run.step.response[0] == 0 && run.step.response[2] == 4);
  assert_true(run.step.response[1] == -1 && run.step.response[3] == -1); /* missing, since nobody wrote it */
  assert_int_equal(run.step.elapsed_us[1], 5);
  env_run_free(&run);
}

/* What a step took is summed up by whoever drives it, and says on which day of a panel it falls. */
static int64_t knob_takes;
static prl_status clocked_spec(const prl_env_type *type, const double *options, prl_env_spec *spec,
                               prl_error *error) {
  prl_status status = knob_spec(type, options, spec, error);
  spec->clock = true;
  return status;
}
static prl_status clocked_step(const prl_env_batch *batch, prl_error *error) {
  prl_status status = knob_step(batch, error);
  batch->elapsed_us[batch->n - 1] = knob_takes;
  return status;
}

static void test_a_clock_that_cannot_be(void **state) {
  prl_env_type clocked = knob;
  clocked.spec = clocked_spec, clocked.step = clocked_step;
  const int64_t wrong[] = {-1, INT64_MIN, INT64_MAX, (INT64_C(1) << 53) + 1};
  for (int i = 0; i < 4; i++) {
    env_run run = env_run_of(&clocked, 2, 0, 0);
    prl_error error = {0};
    knob_takes = INT64_C(1) << 53;
    assert_int_equal(prl_vecenv_step(run.env, &run.step, &error), PRL_OK);
    knob_takes = wrong[i];
    assert_int_equal(prl_vecenv_step(run.env, &run.step, &error), PRL_EINVAL);
    assert_true(contains(error.message, "'knob' says that a step of instance 1 took"));
    assert_int_equal(prl_vecenv_step(run.env, &run.step, &error), PRL_ESTATE);
    env_run_free(&run);
  }
}

static prl_status sessions_spec(const prl_env_type *type, const double *options, prl_env_spec *spec,
                                prl_error *error) {
  prl_status status = knob_spec(type, options, spec, error);
  spec->session = "visit";
  return status;
}

static void test_what_a_type_says_wrongly_of_sessions_and_options(void **state) {
  static const prl_env_option sizes[] = {{"size", 0, 0, 2, "", ""}, {0}};
  static const char *const two[] = {"small", "large", NULL};
  const prl_env_words fewer[] = {{"size", two}, {0}}, other[] = {{"weight", two}, {0}};
  prl_env_type type = knob;
  prl_runtime *runtime;
  prl_vecenv *env;
  prl_error error;
  assert_int_equal(prl_runtime_new(NULL, &runtime, NULL), PRL_OK);
  type.spec = sessions_spec;
  assert_int_equal(prl_vecenv_new(runtime, &type, NULL, 1, 0, 0, &env, &error), PRL_EINVAL);
  assert_string_equal(error.message,
                      "the environment 'knob' has no response 'visit', which its sessions end with");
  type.spec = knob_spec, type.options = sizes, type.words = fewer;
  assert_int_equal(prl_vecenv_new(runtime, &type, NULL, 1, 0, 0, &env, &error), PRL_EINVAL);
  assert_string_equal(
      error.message,
      "type: the environment 'knob' has 2 words for 'size', which is no option of whole numbers from 0 to 1");
  type.words = other;
  assert_int_equal(prl_vecenv_new(runtime, &type, NULL, 1, 0, 0, &env, &error), PRL_EINVAL);
  assert_true(contains(error.message, "2 words for 'weight'"));
  static const char *const three[] = {"small", "large", "huge", NULL};
  const prl_env_words all[] = {{"size", three}, {0}};
  const prl_env_setting beyond[] = {{"size", 3}, {0}};
  const prl_env_preset presets[] = {{"big", "", beyond}, {0}};
  type.words = all;
  assert_int_equal(prl_vecenv_new(runtime, &type, NULL, 1, 0, 0, &env, &error), PRL_OK);
  prl_vecenv_free(env);
  type.presets = presets;
  assert_int_equal(prl_vecenv_new(runtime, &type, NULL, 1, 0, 0, &env, &error), PRL_EINVAL);
  assert_true(contains(error.message, "3 words for 'size'"));
  static const char *const later[] = {"size", "colour", NULL};
  type.presets = NULL, type.later = later;
  assert_int_equal(prl_vecenv_new(runtime, &type, NULL, 1, 0, 0, &env, &error), PRL_EINVAL);
  assert_string_equal(error.message,
                      "type: the environment 'knob' says that 'colour' came later, which is no option");
  prl_runtime_release(runtime);
}

/* A cut block whose head says that the type's own part has fewer than no bytes: it reads nothing. */
static prl_status four_bytes(const prl_env_batch *batch, void *bytes, int64_t *size, prl_error *error) {
  *size = 4;
  if (bytes) memset(bytes, 1, 4);
  return PRL_OK;
}
static prl_status never_loaded(const prl_env_batch *batch, const void *bytes, int64_t size,
                               prl_error *error) {
  assert_int_equal(size, 4);
  return PRL_OK;
}

static void test_a_block_of_less_than_nothing(void **state) {
  prl_env_type saved = knob;
  saved.save = four_bytes, saved.load = never_loaded;
  env_run run = env_run_of(&saved, 2, 0, 0);
  int64_t whole = env_state_size(run.env), counters = whole - 4, own;
  unsigned char *block = malloc((size_t)whole);
  assert_int_equal(prl_vecenv_save(run.env, block, whole, NULL), PRL_OK);
  assert_int_equal(prl_vecenv_load(run.env, block, whole, NULL), PRL_OK);
  memcpy(&own, block + 24, sizeof own); /* magic, n, state_size, own_size */
  assert_int_equal(own, 4);
  own = 64 - counters;
  memcpy(block + 24, &own, sizeof own);
  assert_int_equal(prl_vecenv_load(run.env, block, 64, NULL), PRL_EFORMAT);
  free(block);
  env_run_free(&run);
}

static void test_a_failed_step_must_be_reset(void **state) {
  env_run run = env_run_of(&knob, 1, 0, 0);
  prl_error error = {0};
  run.action[1] = 4;
  prl_status status = PRL_OK;
  for (int t = 0; t < 13 && !status; t++) status = prl_vecenv_step(run.env, &run.step, &error);
  assert_int_equal(status, PRL_ENUMERIC);
  assert_string_equal(error.message, "instance 0 is too high");
  assert_int_equal(prl_vecenv_step(run.env, &run.step, &error), PRL_ESTATE);
  assert_int_equal(prl_vecenv_reset(run.env, run.step.observation, NULL), PRL_OK);
  assert_int_equal(prl_vecenv_step(run.env, &run.step, NULL), PRL_OK);
  env_run_free(&run);
}

static void test_a_failure_without_a_message_gets_one(void **state) {
  env_run run = env_run_of(&knob, 1, 0, 0);
  prl_error error = {.message = "an earlier failure"};
  run.action[0] = 1;
  run.action[1] = 2;
  assert_int_equal(prl_vecenv_step(run.env, &run.step, &error), PRL_OK);
  run.action[1] = 3;
  assert_int_equal(prl_vecenv_step(run.env, &run.step, &error), PRL_ELIMIT);
  assert_string_equal(error.message,
                      "the environment 'knob' failed in its step with status 8 (ELIMIT) and no message");
  assert_int_equal(error.status, PRL_ELIMIT);
  env_run_free(&run);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_unknown_name_gives_the_nearest),
      cmocka_unit_test(test_options_are_checked),
      cmocka_unit_test(test_bad_actions_move_nothing),
      cmocka_unit_test(test_continuous_actions_are_clipped_not_refused),
      cmocka_unit_test(test_a_step_needs_a_reset),
      cmocka_unit_test(test_instances_do_not_depend_on_their_batch),
      cmocka_unit_test(test_auto_reset_keeps_the_final_observation),
      cmocka_unit_test(test_time_limit_truncates),
      cmocka_unit_test(test_save_and_load_go_on_byte_for_byte),
      cmocka_unit_test(test_damaged_blocks_are_refused),
      cmocka_unit_test(test_a_step_allocates_nothing),
      cmocka_unit_test(test_a_reset_starts_the_next_episode),
      cmocka_unit_test(test_kernel_tables_give_the_same_bytes),
      cmocka_unit_test(test_a_type_of_two_dimensions),
      cmocka_unit_test(test_a_clock_that_cannot_be),
      cmocka_unit_test(test_what_a_type_says_wrongly_of_sessions_and_options),
      cmocka_unit_test(test_a_block_of_less_than_nothing),
      cmocka_unit_test(test_a_failed_step_must_be_reset),
      cmocka_unit_test(test_a_failure_without_a_message_gets_one),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
