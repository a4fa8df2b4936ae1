/* Choices and short sums of every table against what C says, with NaN, signed zeros, tails and steps of 0. */
#include "tensor/spec_kernels.h"

#include <float.h>
#include <math.h>

enum { MOST = 37 };

/* Few values, so that many are equal. */
static void fill(int64_t n, float *x) {
  static const float some[] = {0.0f, -0.0f, 1, -1, .5f, NAN, INFINITY, -INFINITY, 0x1p-149f};
  for (int64_t i = 0; i < n; i++) x[i] = some[(int)(spec_uniform() * 9)];
}

static bool same(float a, float b) { return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b)); }

static float compared(int relation, float a, float b) {
  const bool all[] = {a > b, a >= b, a < b, a <= b, a == b};
  return all[relation];
}

static void compare(void **state) {
  EACH_TABLE(k) for (int f = 0; f < PRL_RELATION_COUNT; f++) for (int n = 0; n <= MOST; n++) {
    float a[MOST], b[MOST], y[MOST + 1];
    fill(MOST, a), fill(MOST, b);
    for (int way = 0; way < 4; way++) {
      int sa = way & 1, sb = way >> 1;
      y[n] = 77;
      k->compare[f](n, a, sa, b, sb, y);
      for (int i = 0; i < n; i++) assert_true(same(y[i], compared(f, a[i * sa], b[i * sb])));
      assert_true(y[n] == 77);
    }
  }
}

static void choose(void **state) {
  EACH_TABLE(k) for (int n = 0; n <= MOST; n++) for (int way = 0; way < 8; way++) {
    int sm = way & 1, sa = way >> 1 & 1, sb = way >> 2;
    float mask[MOST], a[MOST], b[MOST], y[MOST + 1];
    fill(MOST, mask), fill(MOST, a), fill(MOST, b);
    y[n] = 77;
    k->choose(n, mask, sm, a, sa, b, sb, y);
    for (int i = 0; i < n; i++) assert_true(same(y[i], mask[i * sm] != 0 ? a[i * sa] : b[i * sb]));
    assert_true(y[n] == 77);
  }
}

static void clamp(void **state) {
  static const float bounds[][2] = {{-.5f, 1}, {0, 0}, {-INFINITY, 1}, {-1, INFINITY}, {1, -1}};
  EACH_TABLE(k) for (int n = 0; n <= MOST; n++) for (size_t way = 0; way < 5; way++) {
    float x[MOST], g[MOST], y[MOST + 1], gx[MOST + 1], low = bounds[way][0], high = bounds[way][1];
    fill(MOST, x), fill(MOST, g);
    y[n] = gx[n] = 77;
    k->clamp(n, x, low, high, y);
    k->clamp_grad(n, x, low, high, g, gx);
    for (int i = 0; i < n; i++) {
      float least = x[i] < low ? low : x[i];
      assert_true(same(y[i], least > high ? high : least));
      assert_true(same(gx[i], x[i] >= low && x[i] <= high ? g[i] : 0));
    }
    assert_true(y[n] == 77 && gx[n] == 77);
    k->clamp(n, x, low, high, x); /* y may be x */
    for (int i = 0; i < n; i++) assert_true(same(x[i], y[i]));
  }
}

static void greater_grad(void **state) {
  EACH_TABLE(k) for (int n = 0; n <= MOST; n++) for (int way = 0; way < 4; way++) {
    int sa = way & 1, sb = way >> 1;
    float a[MOST], b[MOST], g[MOST], y[MOST + 1];
    fill(MOST, a), fill(MOST, b), fill(MOST, g);
    y[n] = 77;
    k->greater_grad(n, a, sa, b, sb, g, y);
    for (int i = 0; i < n; i++) {
      float p = a[i * sa], q = b[i * sb];
      assert_true(same(y[i], p > q ? g[i] : p == q ? g[i] * .5f : 0));
    }
    assert_true(y[n] == 77);
  }
}

/* A row's sum has the bytes of `sum`, however short the row. */
static void sum_rows(void **state) {
  enum { ROWS = 9 };
  EACH_TABLE(k) for (int n = 0; n <= MOST; n++) {
    float x[ROWS * MOST], y[ROWS + 1];
    for (int i = 0; i < ROWS * n; i++) x[i] = (float)((spec_uniform() - .5) * exp2(60 * spec_uniform()));
    for (int i = 0; i < n; i++) x[i] = -0.0f;
    y[ROWS] = 77;
    k->sum_rows(ROWS, n, x, y);
    for (int r = 0; r < ROWS; r++) {
      float want = (float)k->sum(n, x + r * n);
      assert_memory_equal(&y[r], &want, sizeof want);
    }
    assert_true(y[ROWS] == 77);
  }
}

/* The bytes of one row do not depend on how many come with it, and are those of every table. */
static void gaussians(void **state) {
  enum { ROWS = 150 };
  static const int widths[] = {1, 2, 3, 17};
  EACH_TABLE(k) for (int w = 0; w < 4; w++) for (int way = 0; way < 4; way++) {
    static float x[ROWS * 17], mean[ROWS * 17], log_std[ROWS * 17], inverse[ROWS * 17], g[ROWS], y[ROWS];
    static float to[ROWS * 17], one[17];
    int n = widths[w], ms = way & 1 ? n : 0, ss = way >> 1 ? n : 0;
    spec_fill(ROWS * n, x), spec_fill(ROWS * n, mean), spec_fill(ROWS * n, log_std), spec_fill(ROWS, g);
    for (int i = 0; i < ROWS * n; i++) inverse[i] = expf(-log_std[i]);
    prl_gaussian all = {ROWS, n, ms, ss, x, mean, log_std, inverse};
    k->normal_log_prob(&all, y);
    for (int r = 0; r < ROWS; r++) {
      double total = 0;
      for (int j = 0; j < n; j++) {
        double z = (double)(x[r * n + j] - mean[r * ms + j]) * (double)inverse[r * ss + j];
        total -= .5 * z * z + (double)log_std[r * ss + j];
      }
      assert_true(y[r] == (float)(total - n * 0.91893853320467274178));
    }
    for (int part = PRL_BY_X; part <= PRL_BY_LOG_STD; part++) {
      double sums[17] = {0};
      k->normal_grad(&all, part, g, false, to);
      for (int r = 0; r < ROWS; r++) {
        prl_gaussian row = {1, n, ms, ss, x + r * n, mean + r * ms, log_std + r * ss, inverse + r * ss};
        k->normal_grad(&row, part, g + r, false, one);
        assert_memory_equal(one, to + r * n, (size_t)n * sizeof *one);
        for (int j = 0; j < n; j++) sums[j] += (double)one[j];
      }
      k->normal_grad(&all, part, g, true, to);
      for (int j = 0; j < n; j++) assert_true(to[j] == (float)sums[j]);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(compare),  cmocka_unit_test(choose),
                                     cmocka_unit_test(clamp),    cmocka_unit_test(greater_grad),
                                     cmocka_unit_test(sum_rows), cmocka_unit_test(gaussians)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
