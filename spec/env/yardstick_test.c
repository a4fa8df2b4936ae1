/* The benchmark's plain loops give the bytes of the vector env: only so are their times comparable. */
#include "env_support.h"
#include "bench/env_yardstick.c"

static void compare(const char *name, int count) {
  enum { N = 100 };
  env_run run = env_run_new(name, N, 7), plain = env_run_new(name, N, 7);
  env_yardstick *yardstick = env_yardstick_new(name, N, 7);
  assert_non_null(yardstick);
  env_yardstick_reset(yardstick, plain.step.observation);
  size_t rows = N * (size_t)prl_vecenv_spec(run.env)->observations * sizeof(float);
  assert_memory_equal(run.step.observation, plain.step.observation, rows);
  uint32_t random = 1;
  for (int t = 0; t < count; t++) {
    for (int i = 0; i < N; i++) {
      random = random * 1664525u + 1013904223u;
      float u = (float)(random >> 8) * 0x1p-24f;
      run.action[i] = plain.action[i] = yardstick->pendulum ? 5 * u - 2.5f : u < 0.5f;
    }
    assert_int_equal(prl_vecenv_step(run.env, &run.step, NULL), PRL_OK);
    env_yardstick_step(yardstick, &plain.step);
    assert_memory_equal(run.step.observation, plain.step.observation, rows);
    assert_memory_equal(run.step.final_observation, plain.step.final_observation, rows);
    assert_memory_equal(run.step.response, plain.step.response, N * sizeof(float));
    assert_memory_equal(run.step.terminated, plain.step.terminated, N);
    assert_memory_equal(run.step.truncated, plain.step.truncated, N);
  }
  env_yardstick_free(yardstick);
  env_run_free(&run);
  env_run_free(&plain);
}

static void test_cartpole(void **state) { compare("cartpole", 600); }
static void test_pendulum(void **state) { compare("pendulum", 600); }

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_cartpole), cmocka_unit_test(test_pendulum)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
