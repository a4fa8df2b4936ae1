/* A vector env that is divided into parts: the same bytes as one that is not, saved and loaded part by part.
 */
#include "env_support.h"

#include <math.h>
#include <stdio.h>

#define CONTAINS(text, part) assert_non_null(strstr(text, part))

static prl_error error;

enum { N = 11 };

static env_run divided(const char *name, int64_t parts) {
  const prl_env_type *type = NULL;
  env_run run = {0};
  assert_int_equal(prl_env_find(name, &type, NULL), PRL_OK);
  assert_int_equal(prl_runtime_new(NULL, &run.runtime, NULL), PRL_OK);
  assert_int_equal(prl_vecenv_new(run.runtime, type, NULL, N, 5, 100, &run.env, &error), PRL_OK);
  if (prl_vecenv_divide(run.env, parts, &error)) fail_msg("%s", error.message);
  env_run_buffers(&run);
  if (prl_vecenv_reset(run.env, run.step.observation, &error)) fail_msg("%s", error.message);
  return run;
}

static void act(env_run *run, int t) {
  const prl_env_spec *spec = prl_vecenv_spec(run->env);
  for (int64_t i = 0; i < N * spec->actions; i++) {
    const float u = (float)((i * 31 + t * 17) % 101) / 101;
    const prl_action_spec *a = &spec->action[i % spec->actions];
    run->action[i] = spec->action_kind == PRL_ACTION_CONTINUOUS ? a->low + u * (a->high - a->low)
                                                                : floorf(u * (float)a->choices);
  }
  if (prl_vecenv_step(run->env, &run->step, &error)) fail_msg("%s", error.message);
}

static void check_same(const env_run *a, const env_run *b) {
  const prl_env_spec *spec = prl_vecenv_spec(a->env);
  assert_memory_equal(a->step.observation, b->step.observation,
                      N * (size_t)spec->observations * sizeof(float));
  assert_memory_equal(a->step.response, b->step.response, N * (size_t)spec->responses * sizeof(float));
  assert_memory_equal(a->step.terminated, b->step.terminated, N);
  assert_memory_equal(a->step.elapsed_us, b->step.elapsed_us, N * sizeof(int64_t));
}

static void the_same_bytes(void **state) {
  const char *const names[] = {"cartpole", "acrobot", "pendulum", "mountain_car", "shortvideo"};
  for (int k = 0; k < 5; k++) {
    env_run whole = divided(names[k], 1), parts = divided(names[k], 3);
    assert_int_equal(prl_vecenv_parts(parts.env), 3);
    for (int t = 0; t < 60; t++) {
      act(&whole, t);
      act(&parts, t);
      check_same(&whole, &parts);
    }
    assert_memory_equal(prl_vecenv_steps(whole.env), prl_vecenv_steps(parts.env), N * sizeof(uint32_t));
    assert_memory_equal(prl_vecenv_episodes(whole.env), prl_vecenv_episodes(parts.env), N * sizeof(uint32_t));
    env_run_free(&whole);
    env_run_free(&parts);
  }
}

/* A part alone moves its own instances and no others. */
static void a_part(void **state) {
  env_run run = divided("cartpole", 3);
  prl_vecenv *part = prl_vecenv_part(run.env, 1);
  assert_int_equal(prl_vecenv_count(part), 4); /* 3, 4, 4 */
  assert_int_equal(prl_vecenv_streams(part)[0], 103);
  assert_int_equal(prl_vecenv_step(part, &run.step, &error), PRL_OK);
  for (int i = 0; i < N; i++) assert_int_equal(prl_vecenv_steps(run.env)[i], i >= 3 && i < 7);
  assert_null(prl_vecenv_part(run.env, 3));
  assert_null(prl_vecenv_part(run.env, -1));
  env_run_free(&run);
}

/* Parts that are left out stay where they are, and each part's steps are those of the whole. */
static void some_parts(void **state) {
  const char *const names[] = {"cartpole", "shortvideo"};
  for (int k = 0; k < 2; k++) {
    env_run whole = divided(names[k], 1), parts = divided(names[k], N);
    const int64_t actions = prl_vecenv_spec(whole.env)->actions;
    for (int t = 0; t < 40; t++) {
      act(&whole, t);
      memcpy(parts.action, whole.action, (size_t)(N * actions) * sizeof(float));
      for (int half = 0; half < 2; half++) {
        uint8_t mask[N];
        for (int i = 0; i < N; i++) mask[i] = (i % 2) == half;
        if (prl_vecenv_step_parts(parts.env, mask, &parts.step, &error)) fail_msg("%s", error.message);
        for (int i = 0; i < N; i++)
          assert_int_equal(prl_vecenv_episodes(parts.env)[i] != prl_vecenv_episodes(whole.env)[i] ||
                               prl_vecenv_steps(parts.env)[i] != prl_vecenv_steps(whole.env)[i],
                           half == 0 && i % 2 == 1);
      }
      check_same(&whole, &parts);
    }
    env_run_free(&whole);
    env_run_free(&parts);
  }
}

static void saved(void **state) {
  const char *const names[] = {"cartpole", "shortvideo"};
  for (int k = 0; k < 2; k++) {
    env_run a = divided(names[k], 2), b = divided(names[k], 2), other = divided(names[k], 3),
            whole = divided(names[k], 1);
    for (int t = 0; t < 30; t++) act(&a, t);
    const int64_t size = env_state_size(a.env);
    unsigned char *bytes = malloc((size_t)size);
    assert_int_equal(prl_vecenv_save(a.env, bytes, size, &error), PRL_OK);
    assert_int_equal(prl_vecenv_save(a.env, bytes, size - 1, &error), PRL_ESTATE);
    assert_int_equal(prl_vecenv_load(b.env, bytes, size, &error), PRL_OK);
    for (int t = 30; t < 60; t++) {
      act(&a, t);
      act(&b, t);
      check_same(&a, &b);
    }
    assert_int_equal(prl_vecenv_load(other.env, bytes, size, &error), PRL_EFORMAT);
    CONTAINS(error.message, "divided into 2 parts, and this one into 3");
    assert_int_equal(prl_vecenv_load(whole.env, bytes, size, &error), PRL_EFORMAT);
    for (int64_t cut = 0; cut < size; cut += size / 13 + 1)
      assert_int_equal(prl_vecenv_load(b.env, bytes, cut, &error), PRL_EFORMAT);
    free(bytes);
    env_run_free(&a);
    env_run_free(&b);
    env_run_free(&other);
    env_run_free(&whole);
  }
}

static void refusals(void **state) {
  env_run run = env_run_new("cartpole", 4, 1);
  assert_int_equal(prl_vecenv_divide(run.env, 2, &error), PRL_ESTATE);
  prl_vecenv *env;
  assert_int_equal(prl_vecenv_new(run.runtime, prl_vecenv_type(run.env), NULL, 4, 1, 0, &env, &error),
                   PRL_OK);
  assert_int_equal(prl_vecenv_divide(env, 5, &error), PRL_EINVAL);
  CONTAINS(error.message, "parts");
  assert_int_equal(prl_vecenv_divide(env, 0, &error), PRL_EINVAL);
  assert_int_equal(prl_vecenv_pair(env, 2, &error), PRL_OK);
  assert_int_equal(prl_vecenv_divide(env, 2, &error), PRL_EINVAL);
  CONTAINS(error.message, "twins");
  assert_int_equal(prl_vecenv_pair(env, 0, &error), PRL_OK);
  assert_int_equal(prl_vecenv_divide(env, 2, &error), PRL_OK);
  assert_int_equal(prl_vecenv_divide(env, 2, &error), PRL_ESTATE);
  assert_int_equal(prl_vecenv_pair(env, 1, &error), PRL_ESTATE);
  prl_vecenv_free(env);
  env_run_free(&run);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(the_same_bytes), cmocka_unit_test(a_part),
                                     cmocka_unit_test(some_parts), cmocka_unit_test(saved),
                                     cmocka_unit_test(refusals)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
