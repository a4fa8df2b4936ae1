#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "rl/normaliser.h"
#include "rl/returns.h"

/* A_t as the sum Σ (γλ)^l δ_{t+l} over its run, straight from the definition. */
static double by_definition(const double *delta, int t, int end, double decay) {
  double sum = 0, factor = 1;
  for (int i = t; i < end; i++, factor *= decay) sum += factor * delta[i];
  return sum;
}

static void ragged_runs(void **state) {
  (void)state;
  /* Runs: 0–2 ends terminated; 3–5 ends truncated, bootstrapping from value 9; 6–8 goes on at value 10. */
  enum { ROWS = 9 };
  float reward[ROWS] = {1, 0, -2, 0.5f, 3, 1, 1, 1, -1};
  float value[ROWS + 2] = {0.1f, -0.2f, 0.3f, 1, 2, -1, 0, 0.5f, 0.7f, 5, -3};
  int32_t successor[ROWS] = {1, 2, -1, 4, 5, 9, 7, 8, 10};
  int end[ROWS] = {3, 3, 3, 6, 6, 6, 9, 9, 9};
  double gamma = 0.9, lambda = 0.8, mean = 0.25, std = 2;
  double delta[ROWS];
  for (int t = 0; t < ROWS; t++) {
    double next = successor[t] < 0 ? 0 : value[successor[t]] * std + mean;
    delta[t] = reward[t] + gamma * next - (value[t] * std + mean);
  }
  float advantage[ROWS], returns[ROWS];
  prl_gae(ROWS, reward, value, mean, std, successor, gamma, lambda, advantage, returns);
  for (int t = 0; t < ROWS; t++) {
    double expected = by_definition(delta, t, end[t], gamma * lambda);
    assert_true(fabs(advantage[t] - expected) < 1e-6);
    assert_true(fabs(returns[t] - (expected + value[t] * std + mean)) < 1e-6);
  }
}

static void lambda_one_gives_discounted_sums(void **state) {
  (void)state;
  enum { ROWS = 4 };
  float reward[ROWS] = {1, 2, 3, 4}, value[ROWS] = {7, -1, 2, 9}, advantage[ROWS], returns[ROWS];
  int32_t successor[ROWS] = {1, 2, 3, -1};
  prl_gae(ROWS, reward, value, 0, 1, successor, 0.5, 1, advantage, returns);
  float expected[ROWS] = {1 + 1 + 0.75f + 0.5f, 2 + 1.5f + 1, 3 + 2, 4};
  for (int t = 0; t < ROWS; t++) assert_true(fabsf(returns[t] - expected[t]) < 1e-6f);
}

static void statistics_merge(void **state) {
  (void)state;
  prl_runtime *runtime;
  assert_int_equal(prl_runtime_new(NULL, &runtime, NULL), PRL_OK);
  prl_normaliser n;
  assert_int_equal(prl_normaliser_init(&n, runtime, 2, 10, NULL), PRL_OK);
  enum { ROWS = 1000 };
  float x[2 * ROWS];
  double sum = 0, squares = 0;
  for (int i = 0; i < ROWS; i++) {
    x[2 * i] = 1000 + (float)((i * 7919) % 101) / 50;
    x[2 * i + 1] = 3; /* never varies */
    sum += x[2 * i];
  }
  for (int i = 0; i < ROWS; i++) squares += pow(x[2 * i] - sum / ROWS, 2);
  prl_normaliser_add(&n, 1, x);
  prl_normaliser_add(&n, 299, x + 2);
  assert_true(n.shift[0] == 0 && n.scale[0] == 1); /* not in force yet */
  prl_normaliser_add(&n, 0, x);
  prl_normaliser_add(&n, 700, x + 600);
  prl_normaliser_publish(&n);
  assert_true(fabs(n.mean[0] - sum / ROWS) < 1e-9 && fabs(n.m2[0] - squares) < 1e-6);
  assert_true(fabs(n.scale[0] - 1 / sqrt(squares / ROWS)) < 1e-5);
  assert_true(n.shift[1] == 3 && n.scale[1] == 1);
  prl_normaliser_deinit(&n);
  prl_runtime_release(runtime);
}

static void popart_keeps_predictions(void **state) {
  (void)state;
  prl_popart p = {.std = 1};
  float w[6] = {0.5f, 9, -1, 9, 2, 9}, b = 0.25f, h[3] = {1, -0.5f, 2};
  const float batches[3][4] = {{10, 20, 30, 40}, {-100, 300, 20, 5}, {7, 7, 7, 7}};
  for (int k = 0; k < 3; k++) {
    double before = (h[0] * w[0] + h[1] * w[2] + h[2] * w[4] + b) * p.std + p.mean;
    prl_popart_add(&p, 4, batches[k], 0.1);
    prl_popart_publish(&p, 3, 2, w, &b);
    double after = (h[0] * w[0] + h[1] * w[2] + h[2] * w[4] + b) * p.std + p.mean;
    assert_true(fabs(after - before) < 1e-4 * (1 + p.std));
    if (k == 0) assert_true(fabs(p.mean - 25) < 1e-9 && fabs(p.std - sqrt(125)) < 1e-9);
  }
  assert_true(w[1] == 9 && w[3] == 9 && w[5] == 9); /* a neighbour's column */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ragged_runs), cmocka_unit_test(lambda_one_gives_discounted_sums),
      cmocka_unit_test(statistics_merge), cmocka_unit_test(popart_keeps_predictions)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
