/* Whole trajectories of Gymnasium (spec/fixtures/make_gym_fixtures.py) against the classic environments. */
#include "env_support.h"
#include "env/classic.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const double tolerance =
    6.2e-8; /* of 1, or of the number where that is greater: what float32 rounds off */

/* A line of a fixture: its first word, then numbers. */
typedef struct line {
  char word[16];
  double value[16];
  int count;
} line;

static bool read_line(FILE *file, line *out) {
  char text[512];
  if (!fgets(text, sizeof text, file)) return false;
  char *at = text + strcspn(text, ",");
  assert_true(at - text < (int)sizeof out->word);
  memcpy(out->word, text, (size_t)(at - text));
  out->word[at - text] = 0;
  for (out->count = 0; *at == ','; out->count++) out->value[out->count] = strtod(at + 1, &at);
  return true;
}

/* The state of the one instance lies at the end of the saved block. */
static void set_state(prl_vecenv *env, const double *value, int count) {
  double state[4] = {0};
  assert_true(count <= 4);
  memcpy(state, value, (size_t)count * sizeof *value);
  if (prl_vecenv_type(env) == &prl_env_pendulum) state[2] = sin(state[0]);
  size_t state_size = prl_vecenv_spec(env)->state_size, size = (size_t)env_state_size(env);
  unsigned char *block = malloc(size);
  assert_int_equal(prl_vecenv_save(env, block, (int64_t)size, NULL), PRL_OK);
  memcpy(block + size - state_size, state, state_size);
  assert_int_equal(prl_vecenv_load(env, block, (int64_t)size, NULL), PRL_OK);
  free(block);
}

typedef struct tally {
  int steps, terminated, truncated;
  double worst;
} tally;

static void compare_step(const env_run *run, const line *expected, tally *tally) {
  int width = prl_vecenv_spec(run->env)->observations;
  const double *value = expected->value;
  assert_int_equal(expected->count, width + 4);
  bool ended = run->step.terminated[0] || run->step.truncated[0];
  const float *row = ended ? run->step.final_observation : run->step.observation;
  for (int k = 0; k < width; k++) {
    double error = fabs(row[k] - value[1 + k]);
    if (error > tally->worst) tally->worst = error;
    if (!(error <= tolerance * fmax(1, fabs(value[1 + k]))))
      fail_msg("step %d: observation %d is %g, not %g", tally->steps, k, row[k], value[1 + k]);
  }
  double error = fabs(run->step.response[0] - value[1 + width]);
  if (!(error <= tolerance * fmax(1, fabs(value[1 + width]))))
    fail_msg("step %d: reward %g, not %g", tally->steps, run->step.response[0], value[1 + width]);
  assert_int_equal(run->step.terminated[0], (int)value[2 + width]);
  assert_int_equal(run->step.truncated[0], (int)value[3 + width]);
  tally->steps++;
  tally->terminated += run->step.terminated[0];
  tally->truncated += run->step.truncated[0];
}

static tally replay(const char *name) {
  char path[512];
  snprintf(path, sizeof path, "%s/gym/%s.csv", FIXTURES, name);
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  env_run run = env_run_new(name, 1, 1);
  tally tally = {0};
  line now;
  while (read_line(file, &now)) {
    if (!strcmp(now.word, "start")) {
      set_state(run.env, now.value, now.count);
    } else if (!strcmp(now.word, "step")) {
      run.action[0] = (float)now.value[0];
      assert_int_equal(prl_vecenv_step(run.env, &run.step, NULL), PRL_OK);
      compare_step(&run, &now, &tally);
    }
  }
  fclose(file);
  env_run_free(&run);
  print_message("%s: %d steps, %d terminated, %d truncated, greatest difference %.2g\n", name, tally.steps,
                tally.terminated, tally.truncated, tally.worst);
  return tally;
}

static void test_cartpole(void **state) {
  tally tally = replay("cartpole");
  assert_true(tally.terminated >= 3 && tally.truncated >= 3);
}

static void test_acrobot(void **state) {
  tally tally = replay("acrobot");
  assert_true(tally.terminated >= 3 && tally.truncated >= 1);
}

static void test_mountain_car(void **state) {
  tally tally = replay("mountain_car");
  assert_true(tally.terminated >= 3 && tally.truncated >= 1);
}

static void test_mountain_car_continuous(void **state) {
  tally tally = replay("mountain_car_continuous");
  assert_true(tally.terminated >= 3 && tally.truncated >= 1);
}

static void test_pendulum(void **state) {
  tally tally = replay("pendulum");
  assert_true(tally.terminated == 0 && tally.truncated >= 3);
}

static void test_sin_cos_is_exact_to_rounding(void **state) {
  for (int i = -200000; i <= 200000; i++) {
    double x = i * 0.00173, sine, cosine;
    if (i % 1000 == 0) x *= 100; /* far out as well */
    sin_cos(x, &sine, &cosine);
    assert_true(fabs(sine - sin(x)) < 2.5e-16);
    assert_true(fabs(cosine - cos(x)) < 2.5e-16);
  }
}

static void test_next_masked(void **state) {
  uint8_t mask[40] = {0};
  mask[3] = mask[17] = mask[39] = 1;
  assert_int_equal(next_masked(mask, 0, 40), 3);
  assert_int_equal(next_masked(mask, 4, 40), 17);
  assert_int_equal(next_masked(mask, 18, 40), 39);
  assert_int_equal(next_masked(mask, 18, 39), 39);
  assert_int_equal(next_masked(NULL, 5, 40), 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_cartpole),     cmocka_unit_test(test_acrobot),
      cmocka_unit_test(test_mountain_car), cmocka_unit_test(test_mountain_car_continuous),
      cmocka_unit_test(test_pendulum),     cmocka_unit_test(test_sin_cos_is_exact_to_rounding),
      cmocka_unit_test(test_next_masked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
