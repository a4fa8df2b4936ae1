#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <cmocka.h>

#include "rl/experience.h"
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
  double discount[ROWS];
  prl_discounts(ROWS, gamma, 0, NULL, discount);
  prl_gae(ROWS, reward, value, mean, std, successor, discount, lambda, advantage, returns);
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
  const double discount[ROWS] = {0.5, 0.5, 0.5, 0.5};
  prl_gae(ROWS, reward, value, 0, 1, successor, discount, 1, advantage, returns);
  float expected[ROWS] = {1 + 1 + 0.75f + 0.5f, 2 + 1.5f + 1, 3 + 2, 4};
  for (int t = 0; t < ROWS; t++) assert_true(fabsf(returns[t] - expected[t]) < 1e-6f);
}

/* Returns straight from the times: an λ-return over its run mixes the n-step returns
 * Σ_{k<n} γ^(T_{t+k} − T_t) r_{t+k} + γ^(T_{t+n} − T_t) V(s_{t+n}), T being the clock, with weights
 * (1 − λ) λ^(n−1), the last one with the rest. */
static double lambda_return(int t, int end, bool terminated, const double *clock, const float *reward,
                            const double *value, double rate, double lambda) {
  double sum = 0, seen = 0, weight = 1;
  for (int n = 1; t + n <= end; n++) {
    double passed = clock[t + n] - clock[t];
    seen += exp(-rate * (clock[t + n - 1] - clock[t])) * reward[t + n - 1];
    bool last = t + n == end;
    double ahead = last && terminated ? 0 : exp(-rate * passed) * value[t + n];
    sum += (last ? weight : weight * (1 - lambda)) * (seen + ahead);
    weight *= lambda;
  }
  return sum;
}

static void discounts_by_irregular_times(void **state) {
  (void)state;
  /* Two runs: rows 0–4 end truncated, at row 9 of the values; rows 5–8 end terminated. */
  enum { ROWS = 9 };
  const float reward[ROWS] = {1, -2, 0.5f, 3, 1, 4, 0, -1, 2};
  const float value[ROWS + 1] = {0.5f, 2, -1, 0.25f, 1, 3, -0.5f, 0.75f, 2, 1.5f};
  const int32_t successor[ROWS] = {1, 2, 3, 4, 9, 6, 7, 8, -1};
  const float elapsed[ROWS] = {30, 0, 600.5f, 60, 1, 7200, 12.25f, 0.001f, 345600};
  const double per = 60, gamma = 0.98, mean = -0.5, std = 3, rate = -log(gamma) / per;
  for (int l = 0; l <= 4; l++) {
    const double lambda = l / 4.0;
    double discount[ROWS], clock[7] = {0}, v[7];
    float advantage[ROWS], returns[ROWS];
    prl_discounts(ROWS, gamma, per, elapsed, discount);
    prl_gae(ROWS, reward, value, mean, std, successor, discount, lambda, advantage, returns);
    for (int run = 0; run < 2; run++) {
      const int first = run ? 5 : 0, count = run ? 4 : 5;
      for (int i = 0; i < count; i++) clock[i + 1] = clock[i] + elapsed[first + i];
      for (int i = 0; i <= count; i++) v[i] = value[i == count ? ROWS : first + i] * std + mean;
      for (int t = 0; t < count; t++) {
        double expected = lambda_return(t, count, run == 1, clock, reward + first, v, rate, lambda);
        assert_true(fabs(returns[first + t] - expected) < 1e-5 * (1 + fabs(expected)));
        assert_true(fabs(advantage[first + t] - (expected - v[t])) < 1e-5 * (1 + fabs(expected)));
      }
    }
  }
}

/* ---- without the luck of who goes on ---- */

/* One coin after another over a run of three steps: over all that may come, each as likely as c says, the
 * advantages with fair rewards have the mean of the plain ones, at every λ and by V-trace, and where values
 * do not change from state to state no variance. */
static void luck_has_no_mean(void **state) {
  (void)state;
  enum { STEPS = 3 };
  const float reward[STEPS] = {1, -2, 0.5f}, value[STEPS + 1] = {2, 1, 3, -1},
              level[STEPS + 1] = {2, 2, 2, 2};
  const float c[STEPS] = {0.9f, 0.6f, 0.75f}, ratio[STEPS] = {1, 1, 1};
  const double discount[STEPS] = {0.9, 0.5, 0.8}, mean = 0.3, std = 1.5;
  for (int l = 0; l <= 4; l++) {
    const double lambda = l / 4.0;
    double plain = 0, fair = 0, traced = 0, first = NAN, spread = 0;
    for (int went = 0; went <= STEPS; went++) { /* steps after which it went on */
      const int rows = went < STEPS ? went + 1 : STEPS;
      int32_t successor[STEPS], end[STEPS];
      float r[STEPS], a[STEPS], returns[STEPS], ahead[STEPS];
      double likely = 1;
      for (int i = 0; i < rows; i++) {
        successor[i] = i < went ? i + 1 : -1;
        end[i] = i < went ? PRL_END_NONE : PRL_END_TERMINATED;
        likely *= i < went ? (double)c[i] : 1 - (double)c[i];
      }
      /* value[rows]: the bootstrap of the last row; it is read where the run went on to its end */
      prl_gae(rows, reward, value, mean, std, successor, discount, lambda, a, returns);
      plain += likely * (double)a[0];
      prl_rewards_fair(rows, reward, value, mean, std, successor, end, discount, c, r);
      prl_gae(rows, r, value, mean, std, successor, discount, lambda, a, returns);
      fair += likely * (double)a[0];
      prl_vtrace(rows, r, value, mean, std, successor, discount, ratio, (prl_correction){1, 1, lambda}, ahead,
                 returns);
      traced += likely * (double)ahead[0];
      prl_rewards_fair(rows, reward, level, mean, std, successor, end, discount, c, r);
      prl_gae(rows, r, level, mean, std, successor, discount, 0, a, returns);
      if (isnan(first)) first = (double)a[0];
      spread = fmax(spread, fabs((double)a[0] - first));
    }
    assert_true(fabs(plain - fair) < 1e-6 && fabs(plain - traced) < 1e-6);
    assert_true(spread < 1e-6);
  }
}

static void luck_of_truncated_steps_is_not_known(void **state) {
  (void)state;
  const float reward[3] = {1, 2, 3}, value[4] = {2, -1, 4, 5}, c[3] = {0.25f, 0.5f, 0.75f};
  const int32_t successor[3] = {1, 3, -1}, end[3] = {PRL_END_NONE, PRL_END_TRUNCATED, PRL_END_TERMINATED};
  const double discount[3] = {0.5, 0.5, 0.5};
  float fair[3];
  prl_rewards_fair(3, reward, value, 1, 2, successor, end, discount, c, fair);
  assert_true(fair[0] == 1 - 0.5f * 0.75f * 5 && fair[1] == 2 && fair[2] == 3 + 0.5f * 0.75f * 9);
}

/* ---- V-trace ---- */

/* Three runs: rows 0–3 end truncated, at value 10; 4–6 end terminated; 7–9 go on at value 11. */
enum { TRACED = 10 };
static const float traced_reward[TRACED] = {1, -2, 0.5f, 3, 1, 4, 0, -1, 2, 0.25f};
static const float traced_value[TRACED + 2] = {0.5f, 2, -1, 0.25f, 1, 3, -0.5f, 0.75f, 2, -2, 1.5f, -0.75f};
static const int32_t traced_successor[TRACED] = {1, 2, 3, 10, 5, 6, -1, 8, 9, 11};
static const int traced_end[TRACED] = {4, 4, 4, 4, 7, 7, 7, 10, 10, 10};
static const float traced_elapsed[TRACED] = {30, 0, 600, 60, 1, 7200, 12, 5, 90, 45};

/* Eq. 1 of the paper as it stands there: v_s = V(x_s) + Σ_{t=s}^{s+n−1} γ^{t−s} (Π_{i=s}^{t−1} c_i) δ_t V, in
 * which the discounts are products, too. value: of all states, the last one behind the run; 0 where it was
 * terminated. */
static double traced_sum(int s, int end, const double *discount, const float *ratio, prl_correction by,
                         const double *value, const double *next) {
  double sum = value[s], factor = 1;
  for (int t = s; t < end; t++) {
    const double rho = ratio[t] < by.rho ? ratio[t] : by.rho;
    sum += factor * rho * (traced_reward[t] + discount[t] * next[t] - value[t]);
    factor *= discount[t] * by.lambda * (ratio[t] < by.c ? ratio[t] : by.c);
  }
  return sum;
}

static void vtrace_by_definition(void **state) {
  (void)state;
  const float ratio[TRACED] = {0.5f, 3, 1, 0.01f, 1.25f, 0, 2, 10, 0.75f, 1.5f};
  const prl_correction all[] = {{1, 1, 1},      {1, 1, 0.9},   {2, 1.1, 0.5},
                                {0.5, 0.25, 1}, {1e6, 1e6, 1}, {1, 1, 0}};
  const double mean = -0.5, std = 3;
  for (size_t k = 0; k < sizeof all / sizeof *all; k++)
    for (int timed = 0; timed < 2; timed++) { /* a critic by step, and one by time */
      double discount[TRACED], value[TRACED], next[TRACED], v[TRACED];
      float ahead[TRACED], returns[TRACED], advantage[TRACED];
      prl_discounts(TRACED, 0.9, timed ? 60 : 0, traced_elapsed, discount);
      for (int i = 0; i < TRACED; i++) {
        const int32_t after = traced_successor[i];
        value[i] = traced_value[i] * std + mean;
        next[i] = after < 0 ? 0 : traced_value[after] * std + mean;
      }
      prl_vtrace(TRACED, traced_reward, traced_value, mean, std, traced_successor, discount, ratio, all[k],
                 ahead, returns);
      prl_vtrace_advantages(TRACED, traced_reward, traced_value, mean, std, traced_successor, discount, ratio,
                            all[k].rho, returns, advantage);
      for (int s = 0; s < TRACED; s++)
        v[s] = traced_sum(s, traced_end[s], discount, ratio, all[k], value, next);
      for (int s = 0; s < TRACED; s++) {
        const double rho = fmin(all[k].rho, ratio[s]);
        const double then = s + 1 < traced_end[s] ? v[s + 1] : next[s];
        const double follows = rho * (traced_reward[s] + discount[s] * then - value[s]);
        assert_true(fabs(returns[s] - v[s]) < 1e-5 * (1 + fabs(v[s])));
        assert_true(fabs(ahead[s] - (v[s] - value[s])) < 1e-5 * (1 + fabs(v[s])));
        assert_true(fabs(advantage[s] - follows) < 1e-5 * (1 + fabs(follows)));
      }
    }
}

/* Where the policy that learns has acted (eq. 2 of the paper): the returns of GAE, to the last bit. */
static void vtrace_on_policy_is_gae(void **state) {
  (void)state;
  float ones[TRACED], greater[TRACED], advantage[TRACED], wanted[TRACED], ahead[TRACED], returns[TRACED];
  double discount[TRACED];
  for (int i = 0; i < TRACED; i++) ones[i] = 1, greater[i] = 1 + (float)i;
  for (int l = 0; l <= 4; l++)
    for (int timed = 0; timed < 2; timed++) {
      const double lambda = l / 4.0;
      prl_discounts(TRACED, 0.97, timed ? 60 : 0, traced_elapsed, discount);
      prl_gae(TRACED, traced_reward, traced_value, 0.3, 1.7, traced_successor, discount, lambda, advantage,
              wanted);
      prl_vtrace(TRACED, traced_reward, traced_value, 0.3, 1.7, traced_successor, discount, ones,
                 (prl_correction){1, 1, lambda}, ahead, returns);
      assert_memory_equal(returns, wanted, sizeof wanted);
      assert_memory_equal(ahead, advantage, sizeof advantage);
      prl_vtrace(TRACED, traced_reward, traced_value, 0.3, 1.7, traced_successor, discount, greater,
                 (prl_correction){1, 1, lambda}, ahead, returns);
      assert_memory_equal(returns, wanted, sizeof wanted); /* both bounds are 1 */
    }
}

static void a_unit_of_time_is_a_step(void **state) {
  (void)state;
  enum { ROWS = 6 };
  const float minutes[ROWS] = {60, 60, 60, 60, 60, 60}, hour = 3600;
  double by_step[ROWS], by_time[ROWS];
  for (int i = 0; i <= 1000; i++) {
    prl_discounts(ROWS, i / 1000.0, 0, minutes, by_step);
    prl_discounts(ROWS, i / 1000.0, 60, minutes, by_time);
    assert_memory_equal(by_step, by_time, sizeof by_step); /* to the last bit */
  }
  prl_discounts(1, 0.99, 60, &hour, by_time);
  assert_true(fabs(by_time[0] - pow(0.99, 60)) < 1e-15);
}

static void no_time_is_no_discount(void **state) {
  (void)state;
  const float elapsed[3] = {0, 1e-6f, 3e7f};
  double discount[3];
  prl_discounts(3, 0.9, 60, elapsed, discount);
  assert_true(discount[0] == 1 && discount[1] < 1 && discount[1] > 0.99999999);
  assert_true(discount[2] == 0 || discount[2] < 1e-300); /* a year on: nothing, and no denormal trouble */
  prl_discounts(3, 0, 60, elapsed, discount);
  for (int i = 0; i < 3; i++) assert_true(discount[i] == 0);
  prl_discounts(3, 1, 60, elapsed, discount);
  for (int i = 0; i < 3; i++) assert_true(discount[i] == 1);
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
  prl_normaliser_add(&n, 1, 2, x);
  prl_normaliser_add(&n, 299, 2, x + 2);
  assert_true(n.shift[0] == 0 && n.scale[0] == 1); /* not in force yet */
  prl_normaliser_add(&n, 0, 2, x);
  prl_normaliser_add(&n, 700, 2, x + 600);
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

static void columns_are_measured_relative_to_their_size(void **state) {
  (void)state;
  prl_runtime *runtime;
  prl_normaliser n;
  assert_int_equal(prl_runtime_new(NULL, &runtime, NULL), PRL_OK);
  assert_int_equal(prl_normaliser_init(&n, runtime, 4, 10, NULL), PRL_OK);
  enum { ROWS = 64 };
  float x[4 * ROWS];
  for (int i = 0; i < ROWS; i++) {
    float sign = i % 2 ? 1 : -1;
    x[4 * i] = 1e-9f * sign;              /* small, and varies as much as any */
    x[4 * i + 1] = 1e6f + 0.0625f * sign; /* the last bit of a float */
    x[4 * i + 2] = 1e-42f * sign;         /* its reciprocal is beyond a float */
    x[4 * i + 3] = sign;
  }
  prl_normaliser_add(&n, 4, 4, x);
  prl_normaliser_publish(&n);
  for (int c = 0; c < 4; c++) assert_true(n.shift[c] == 0 && n.scale[c] == 1); /* four rows begin nothing */
  prl_normaliser_add(&n, ROWS - 4, 4, x + 16);
  prl_normaliser_publish(&n);
  assert_true(fabsf(n.scale[0] * 1e-9f - 1) < 1e-5f);
  assert_true(n.scale[1] == 1 && n.scale[2] == 1 && n.scale[3] == 1);
  prl_normaliser_deinit(&n);
  prl_runtime_release(runtime);
}

/* A critic whose returns are all `value`, for so many updates of 40 rows. */
static void feed(prl_popart *p, int updates, float value, float spread, float *w, float *b) {
  float returns[40];
  for (int k = 0; k < updates; k++) {
    for (int i = 0; i < 40; i++) returns[i] = value + (i % 2 ? spread : -spread);
    bool urgent = prl_popart_urgent(p, 40, returns);
    prl_popart_add(p, 40, returns, 0.1);
    if (urgent) prl_popart_publish(p, 2, 1, w, b);
    for (int i = 0; i < 40; i++) assert_true(fabs((returns[i] - p->mean) / p->std) < 100);
    prl_popart_publish(p, 2, 1, w, b);
    assert_true(p->std > 0 && isfinite(p->std) && isfinite(*b));
    assert_true(fabsf(w[0]) <= 1000 && fabsf(w[1]) <= 1000);
  }
}

static void popart_begins_with_the_size_of_quiet_returns(void **state) {
  (void)state;
  const float sizes[] = {5, -700, 1e-6f, 1e12f};
  for (int s = 0; s < 4; s++) {
    prl_popart p = {.std = 1};
    float w[2] = {0.5f, -0.3f}, b = 0.1f, size = sizes[s];
    feed(&p, 1, size, 0, w, &b);
    assert_true(fabs(p.mean / (double)size - 1) < 1e-6 && fabs(p.std / fabs((double)size) - 1) < 1e-6);
    assert_true(fabsf(w[0]) <= 10 && fabsf(b) <= 10);
    float before = w[0];
    feed(&p, 5000, size, 0, w, &b);
    assert_true(fabsf(w[0] / before - 1) < 1e-3f && p.begun < 1); /* nothing grows while nothing is known */
    feed(&p, 100, size, size / 10, w, &b);
    assert_true(p.begun == 1 && fabs(p.std / fabs(0.1 * (double)size) - 1) < 0.01);
    before = w[0];
    feed(&p, 5000, size, 0, w, &b);
    assert_true(p.std > 1e-5 * fabs((double)size)); /* and quiet returns later say nothing either */
  }
}

static void popart_begins_from_enough_returns(void **state) {
  (void)state;
  prl_popart p = {.std = 1};
  double sum = 0;
  for (int i = 0; i < 31; i++) {
    float one = (float)(i % 3);
    sum += (double)one;
    assert_true(prl_popart_urgent(&p, 1, &one));
    prl_popart_add(&p, 1, &one, 0.1);
    prl_popart_publish(&p, 0, 1, NULL, NULL);
    assert_true(p.begun < 1 && fabs(p.mean - sum / (i + 1)) < 1e-12);
  }
  float one = 1;
  prl_popart_add(&p, 1, &one, 0.1);
  assert_true(p.begun == 1 && !prl_popart_urgent(&p, 1, &one));
}

static void popart_meets_far_returns_at_once(void **state) {
  (void)state;
  prl_popart p = {.std = 1};
  float w[2] = {0.5f, -0.3f}, b = 0.1f;
  feed(&p, 50, 0, 0.1f, w, &b);
  feed(&p, 3000, 0, 0, w, &b); /* the reward is found once, then never, then again */
  assert_true(p.std > 0);
  feed(&p, 50, 1e6f, 1, w, &b); /* no target beyond 100 */
  float far[2] = {3e6f, 1e6f};
  assert_true(prl_popart_urgent(&p, 2, far));
}

static void popart_keeps_no_prediction_from_before_any_returns(void **state) {
  (void)state;
  prl_popart p = {.std = 1};
  float w[2] = {0.5f, -0.25f}, b = 0.1f;
  feed(&p, 1, 1000, 1, w, &b); /* to say 0 would take a bias of −1000 */
  assert_true(fabs(p.std - 1) < 1e-5 && b == 0 && w[0] == 0.5f);
  prl_popart tiny = {.std = 1};
  feed(&tiny, 1, 0, 1e-6f, w, &b);
  assert_true(w[0] == 0.5f && w[1] == -0.25f);
}

/* Two episodes of 3 and 2 steps beside ones of 2 and 2: what one of both has alone counts nothing. */
static void pairs_differ(void **state) {
  (void)state;
  enum { ROWS = 9 };
  const uint32_t step[ROWS] = {0, 1, 2, 0, 1, 0, 1, 0, 1};
  const float returns[ROWS] = {7, 4, 1, 2, 1, 3, 2, 6, 8};
  const prl_pair_rows rows = {0, 5, 5, 9};
  float held[ROWS] = {0}, fresh[ROWS] = {0};
  prl_pair_counts counts = {0};
  /* (7 − 3)/2 over 2 steps; (2 − 6)/2 over 2 */
  const float of_episodes[ROWS] = {1, 1, 0, -1, -1, -1, -1, 1, 1};
  prl_pairs_differ(step, rows, 0, returns, held, &counts);
  for (int i = 0; i < ROWS; i++) assert_true(held[i] == of_episodes[i]);
  assert_int_equal(counts.pairs, 2);
  assert_int_equal(counts.alike, 1);
  const float of_steps[ROWS] = {2, 1, 0, -2, -3.5f, -2, -1, 2, 3.5f};
  prl_pairs_differ(step, rows, 1, returns, fresh, &counts);
  for (int i = 0; i < ROWS; i++) assert_true(fresh[i] == of_steps[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(ragged_runs),
                                     cmocka_unit_test(lambda_one_gives_discounted_sums),
                                     cmocka_unit_test(pairs_differ),
                                     cmocka_unit_test(discounts_by_irregular_times),
                                     cmocka_unit_test(luck_has_no_mean),
                                     cmocka_unit_test(luck_of_truncated_steps_is_not_known),
                                     cmocka_unit_test(vtrace_by_definition),
                                     cmocka_unit_test(vtrace_on_policy_is_gae),
                                     cmocka_unit_test(a_unit_of_time_is_a_step),
                                     cmocka_unit_test(no_time_is_no_discount),
                                     cmocka_unit_test(statistics_merge),
                                     cmocka_unit_test(columns_are_measured_relative_to_their_size),
                                     cmocka_unit_test(popart_keeps_predictions),
                                     cmocka_unit_test(popart_begins_with_the_size_of_quiet_returns),
                                     cmocka_unit_test(popart_begins_from_enough_returns),
                                     cmocka_unit_test(popart_meets_far_returns_at_once),
                                     cmocka_unit_test(popart_keeps_no_prediction_from_before_any_returns)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
