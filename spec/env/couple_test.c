/* Instances in couples: with equal actions equal bytes, whatever others do; together at the beginning of
 * every episode, whoever's ended first; saved and loaded; what is refused. */
#include "env_support.h"

#include <stdio.h>

#include "support/failing_alloc.h"

#define CONTAINS(text, part) assert_non_null(strstr(text, part))

static prl_error error;

enum { N = 24 };

static env_run coupled(const char *name) {
  const prl_env_type *type = NULL;
  env_run run = {0};
  assert_int_equal(prl_env_find(name, &type, NULL), PRL_OK);
  assert_int_equal(prl_runtime_new(NULL, &run.runtime, NULL), PRL_OK);
  assert_int_equal(prl_vecenv_new(run.runtime, type, NULL, N, 5, 100, &run.env, &error), PRL_OK);
  if (prl_vecenv_couple(run.env, &error)) fail_msg("%s", error.message);
  env_run_buffers(&run);
  if (prl_vecenv_reset(run.env, run.step.observation, &error)) fail_msg("%s", error.message);
  return run;
}

/* Couples from `apart` on act in opposite directions, those before it alike. */
static void act(env_run *run, int t, int64_t apart) {
  const int32_t actions = prl_vecenv_spec(run->env)->actions;
  for (int64_t i = 0; i < N; i++)
    for (int32_t k = 0; k < actions; k++) {
      const float u = (float)((i / 2 * 31 + t * 17 + k * 7) % 101) / 101 - 0.5f;
      run->action[i * actions + k] = i / 2 >= apart && i % 2 ? -u : u;
    }
  if (prl_vecenv_step(run->env, &run->step, &error)) fail_msg("%s", error.message);
}

static const float *seen(const env_run *run, int64_t i) {
  return run->step.observation + i * prl_vecenv_spec(run->env)->observations;
}

static void alike_while_actions_are(void **state) {
  env_run run = coupled("shortvideo");
  const size_t row = (size_t)prl_vecenv_spec(run.env)->observations * sizeof(float),
               responses = (size_t)prl_vecenv_spec(run.env)->responses;
  for (int t = 0; t < 200; t++) {
    act(&run, t, N / 4); /* the couples behind are apart */
    for (int64_t i = 0; i < N / 2; i += 2) {
      assert_int_equal(prl_vecenv_waits(run.env)[i] + prl_vecenv_waits(run.env)[i + 1], 0);
      assert_memory_equal(seen(&run, i), seen(&run, i + 1), row);
      assert_memory_equal(run.step.response + i * (int64_t)responses,
                          run.step.response + (i + 1) * (int64_t)responses, responses * sizeof(float));
      assert_int_equal(run.step.terminated[i], run.step.terminated[i + 1]);
    }
  }
  env_run_free(&run);
}

/* After the later end both see the same, and were at the same number of episode; whoever ends first waits. */
static void together_at_the_beginning(void **state) {
  env_run run = coupled("shortvideo");
  const size_t row = (size_t)prl_vecenv_spec(run.env)->observations * sizeof(float);
  int begun = 0, waited[2] = {0, 0}, differed = 0;
  uint8_t before[N] = {0};
  for (int t = 0; t < 600; t++) {
    act(&run, t, 0);
    const uint8_t *waits = prl_vecenv_waits(run.env);
    for (int64_t i = 0; i < N; i += 2) {
      const uint8_t *ends = run.step.terminated + i;
      assert_true(!(waits[i] && waits[i + 1]));
      assert_true(!(before[i] && ends[0]) && !(before[i + 1] && ends[1]));
      waited[0] += waits[i];
      waited[1] += waits[i + 1];
      const bool both = (ends[0] || before[i]) && (ends[1] || before[i + 1]);
      if (both) {
        assert_int_equal(waits[i] + waits[i + 1], 0);
        assert_memory_equal(seen(&run, i), seen(&run, i + 1), row);
        assert_int_equal(prl_vecenv_episodes(run.env)[i], prl_vecenv_episodes(run.env)[i + 1]);
        assert_int_equal(prl_vecenv_steps(run.env)[i] + prl_vecenv_steps(run.env)[i + 1], 0);
        begun++;
      } else if (!waits[i] && !waits[i + 1]) {
        differed += memcmp(seen(&run, i), seen(&run, i + 1), row) != 0;
      }
    }
    memcpy(before, waits, N);
  }
  assert_true(begun > 100 && waited[0] > 0 && waited[1] > 0 && differed > 1000);
  env_run_free(&run);
}

static void saved(void **state) {
  env_run a = coupled("shortvideo"), b = coupled("shortvideo");
  const int64_t size = env_state_size(a.env);
  unsigned char *bytes = malloc((size_t)size);
  for (int t = 0, waits = 0; t < 400 && !waits; t++) {
    act(&a, t, 0);
    for (int64_t i = 0; i < N; i++) waits += prl_vecenv_waits(a.env)[i];
  }
  assert_int_equal(prl_vecenv_save(a.env, bytes, size, &error), PRL_OK);
  assert_int_equal(prl_vecenv_load(b.env, bytes, size, &error), PRL_OK);
  for (int t = 400; t < 500; t++) {
    act(&a, t, 0);
    act(&b, t, 0);
    assert_memory_equal(a.step.observation, b.step.observation,
                        N * (size_t)prl_vecenv_spec(a.env)->observations * sizeof(float));
    assert_memory_equal(a.step.terminated, b.step.terminated, N);
  }
  for (int64_t cut = 0; cut < size; cut += size / 13 + 1)
    assert_int_equal(prl_vecenv_load(b.env, bytes, cut, &error), PRL_EFORMAT);
  free(bytes);
  env_run_free(&a);
  env_run_free(&b);
}

static void refusals(void **state) {
  const prl_env_type *type = NULL;
  prl_vecenv *env = NULL;
  env_run run = env_run_new("cartpole", 4, 1);
  assert_int_equal(prl_vecenv_new(run.runtime, prl_vecenv_type(run.env), NULL, 4, 1, 0, &env, &error),
                   PRL_OK);
  assert_int_equal(prl_vecenv_couple(env, &error), PRL_EINVAL);
  CONTAINS(error.message, "its draws may depend on actions");
  assert_null(prl_vecenv_waits(env));
  prl_vecenv_free(env);
  assert_int_equal(prl_env_find("shortvideo", &type, NULL), PRL_OK);
  assert_int_equal(prl_vecenv_new(run.runtime, type, NULL, 3, 1, 0, &env, &error), PRL_OK);
  assert_int_equal(prl_vecenv_couple(env, &error), PRL_EINVAL);
  CONTAINS(error.message, "n is 3; couples need an even number");
  prl_vecenv_free(env);
  assert_int_equal(prl_vecenv_new(run.runtime, type, NULL, 4, 1, 0, &env, &error), PRL_OK);
  assert_int_equal(prl_vecenv_couple(env, &error), PRL_OK);
  assert_int_equal(prl_vecenv_streams(env)[3], prl_vecenv_streams(env)[2]);
  assert_int_equal(prl_vecenv_couple(env, &error), PRL_ESTATE);
  assert_int_equal(prl_vecenv_pair(env, 1, &error), PRL_ESTATE);
  assert_int_equal(prl_vecenv_divide(env, 2, &error), PRL_EINVAL);
  CONTAINS(error.message, "coupled instances cannot be divided");
  prl_vecenv_free(env);
  env_run_free(&run);
}

/* Where memory fails the instances are as they were, and can be coupled later. */
static prl_status couple_work(prl_runtime *runtime, void *context, prl_error *e) {
  (void)context;
  const prl_env_type *type = NULL;
  prl_vecenv *env = NULL;
  prl_status status = prl_env_find("shortvideo", &type, e);
  if (!status) status = prl_vecenv_new(runtime, type, NULL, N, 5, 100, &env, e);
  if (status) return status;
  status = prl_vecenv_couple(env, e);
  if (status) {
    assert_null(prl_vecenv_waits(env));
    for (int64_t i = 0; i < N; i++) assert_int_equal(prl_vecenv_streams(env)[i], 100 + i);
    assert_int_equal(prl_vecenv_couple(env, NULL), PRL_OK); /* this request is not the one that fails */
  }
  for (int64_t i = 0; i < N; i++) assert_int_equal(prl_vecenv_streams(env)[i], 100 + i / 2 * 2);
  prl_vecenv_free(env);
  return status;
}

static void memory_fails(void **state) { assert_true(fail_each_allocation(couple_work, NULL) > 3); }

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(alike_while_actions_are),
                                     cmocka_unit_test(together_at_the_beginning), cmocka_unit_test(saved),
                                     cmocka_unit_test(refusals), cmocka_unit_test(memory_fails)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
