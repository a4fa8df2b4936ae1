/* Every public function of environments with each argument that it must refuse. */
#include "support/refused.h"

#include "perilune/env.h"

enum { N = 4, WIDTH = 3 };

static prl_runtime *runtime;
static prl_vecenv *env;
static const prl_env_type *type;

static int setup(void **state) {
  (void)state;
  CHECK_OK(prl_runtime_new(NULL, &runtime, &error));
  CHECK_OK(prl_env_find("pendulum", &type, &error));
  CHECK_OK(prl_vecenv_new(runtime, type, NULL, N, 1, 100, &env, &error));
  return 0;
}

static int teardown(void **state) {
  (void)state;
  prl_vecenv_free(env);
  assert_int_equal(prl_runtime_memory(runtime).live_bytes, 0);
  prl_runtime_release(runtime);
  return 0;
}

/* Rows of a call. */
static uint64_t streams[N] = {1, 2, 3, 4};
static float observation[N * WIDTH], action[N], responses[N];
static uint8_t mask[N];

static void making_calls(void) {
  const prl_env_type *found = NULL;
  prl_env_library *library = NULL;
  prl_env_world *world = NULL;
  prl_vecenv *other = NULL;
  REFUSED("name", prl_env_find(NULL, &found, e));
  REFUSED("out", prl_env_find("pendulum", NULL, e));
  REFUSED("runtime", prl_env_library_open(NULL, "x.so", &library, e));
  REFUSED("path", prl_env_library_open(runtime, NULL, &library, e));
  REFUSED("out", prl_env_library_open(runtime, "x.so", NULL, e));
  REFUSED("runtime", prl_env_world_open(NULL, type, "x", &world, e));
  REFUSED("type", prl_env_world_open(runtime, NULL, "x", &world, e));
  REFUSED("path", prl_env_world_open(runtime, type, NULL, &world, e));
  REFUSED("out", prl_env_world_open(runtime, type, "x", NULL, e));
  REFUSED("runtime", prl_vecenv_new(NULL, type, NULL, 1, 1, 1, &other, e));
  REFUSED("type", prl_vecenv_new(runtime, NULL, NULL, 1, 1, 1, &other, e));
  REFUSED("out", prl_vecenv_new(runtime, type, NULL, 1, 1, 1, NULL, e));
  EACH(n, NO_ROWS, 0)
  assert_int_equal(prl_vecenv_new(runtime, type, NULL, n, 1, 1, &other, e), PRL_EINVAL);
  END const size_t parts[] = {offsetof(prl_env_type, name), offsetof(prl_env_type, spec),
                              offsetof(prl_env_type, reset), offsetof(prl_env_type, step)};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) { /* a type that lacks something */
    prl_env_type bare = *type;
    memset((char *)&bare + parts[i], 0, sizeof(void *));
    assert_int_equal(prl_vecenv_new(runtime, &bare, NULL, 1, 1, 1, &other, e), PRL_EINVAL);
  }
  assert_null(found);
  assert_null(library);
  assert_null(world);
  assert_null(other);
}

static void env_calls(void) {
  static uint8_t bytes[4096];
  int64_t size = 7, elapsed[N];
  prl_step whole = {action, observation, responses, mask, mask, observation, elapsed};
  REFUSED("env", prl_vecenv_reset(NULL, observation, e));
  REFUSED("observation", prl_vecenv_reset(env, NULL, e));
  REFUSED("env", prl_vecenv_step(NULL, &whole, e));
  REFUSED("step", prl_vecenv_step(env, NULL, e));
  REFUSED("env", prl_vecenv_step_parts(NULL, mask, &whole, e));
  REFUSED("mask", prl_vecenv_step_parts(env, NULL, &whole, e));
  REFUSED("step", prl_vecenv_step_parts(env, mask, NULL, e));
  REFUSED("env", prl_vecenv_pair(NULL, 0, e));
  REFUSED("twins", prl_vecenv_pair(env, -1, e));
  REFUSED("twins", prl_vecenv_pair(env, N / 2 + 1, e));
  REFUSED("env", prl_vecenv_couple(NULL, e));
  assert_null(prl_vecenv_waits(NULL));
  REFUSED("env", prl_vecenv_divide(NULL, 1, e));
  REFUSED("parts", prl_vecenv_divide(env, 0, e));
  REFUSED("parts", prl_vecenv_divide(env, N + 1, e));
  assert_int_equal(prl_vecenv_parts(NULL), 0);
  assert_int_equal(prl_vecenv_parts(env), 1);
  assert_null(prl_vecenv_part(NULL, 0));
  assert_ptr_equal(prl_vecenv_part(env, 0), env);
  assert_null(prl_vecenv_episodes(NULL));
  assert_null(prl_vecenv_steps(NULL));
  CHECK_OK(prl_vecenv_reset(env, observation, &error));
  assert_int_equal(prl_vecenv_pair(env, 1, e), PRL_ESTATE);
  assert_int_equal(prl_vecenv_twins(NULL), 0);
  assert_int_equal(prl_vecenv_twins(env), 0);
  REFUSED("env", prl_vecenv_replace(NULL, mask, streams, observation, e));
  REFUSED("mask", prl_vecenv_replace(env, NULL, streams, observation, e));
  REFUSED("stream", prl_vecenv_replace(env, mask, NULL, observation, e));
  REFUSED("observation", prl_vecenv_replace(env, mask, streams, NULL, e));
  REFUSED("env", prl_vecenv_state_size(NULL, &size, e));
  REFUSED("size", prl_vecenv_state_size(env, NULL, e));
  REFUSED("env", prl_vecenv_save(NULL, bytes, 0, e));
  REFUSED("bytes", prl_vecenv_save(env, NULL, 0, e));
  REFUSED("env", prl_vecenv_load(NULL, bytes, 0, e));
  REFUSED("bytes", prl_vecenv_load(env, NULL, 0, e));
  EACH(wrong, -1, 0, 1, INT64_MIN, INT64_MAX)
  assert_int_equal(prl_vecenv_save(env, bytes, wrong, e), PRL_ESTATE);
  assert_int_equal(prl_vecenv_load(env, bytes, wrong, e), PRL_EFORMAT);
  END assert_int_equal(size, 7);
}

static void test_refused(void **state) {
  (void)state;
  void (*const tables[])(void) = {making_calls, env_calls};
  read_tables(tables, sizeof tables / sizeof *tables);
}

/* A step lacks one of its seven buffers. */
static void test_step_buffers(void **state) {
  (void)state;
  int64_t elapsed[N];
  CHECK_OK(prl_vecenv_reset(env, observation, &error));
  for (size_t i = 0; i < sizeof(prl_step) / sizeof(void *); i++) {
    prl_step step = {action, observation, responses, mask, mask, observation, elapsed};
    memset((char *)&step + i * sizeof(void *), 0, sizeof(void *));
    CHECK_FAILS(prl_vecenv_step(env, &step, &error), PRL_EINVAL, "step.");
  }
}

/* Functions without a status: nothing, 0 or −1, and no crash. */
static void test_without_status(void **state) {
  (void)state;
  prl_vecenv_free(NULL);
  prl_env_library_close(NULL);
  prl_env_world_close(NULL);
  assert_non_null(prl_env_types());
  assert_null(prl_env_library_type(NULL));
  assert_null(prl_env_world_type(NULL));
  assert_null(prl_vecenv_spec(NULL));
  assert_null(prl_vecenv_type(NULL));
  assert_int_equal(prl_vecenv_count(NULL), 0);
  assert_null(prl_vecenv_streams(NULL));
  assert_null(prl_vecenv_options(NULL));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_refused),
      cmocka_unit_test(test_step_buffers),
      cmocka_unit_test(test_without_status),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
