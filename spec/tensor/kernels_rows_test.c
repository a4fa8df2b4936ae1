/* Reductions, softmax rows, optimizers, the normaliser and the draws of both tables. */
#include "tensor/spec_kernels.h"

#include <math.h>

#include "core/rng.h"
#include "tensor/kernels_reference.h"

static void sums(void **state) {
  EACH_TABLE(k) for (int n = 0; n < 100; n++) {
    float x[100];
    spec_fill(n, x);
    double sum = 0, squares = 0;
    for (int i = 0; i < n; i++) sum += x[i], squares += (double)x[i] * x[i];
    assert_true(fabs(k->sum(n, x) - sum) < 1e-13);
    assert_true(fabs(k->sumsq(n, x) - squares) < 1e-13);
  }
}

static void finiteness(void **state) {
  EACH_TABLE(k) for (int n = 1; n < 40; n++) {
    float x[40];
    spec_fill(n, x);
    x[0] = FLT_MAX;
    assert_true(k->finite(n, x));
    for (int i = 0; i < n; i++) {
      const float bad[] = {NAN, INFINITY, -INFINITY};
      float old = x[i];
      x[i] = bad[i % 3];
      assert_false(k->finite(n, x));
      x[i] = old;
    }
    assert_true(k->finite(0, x));
  }
}

static void check_row(int n, const float *x, const float *soft, const float *logs, float total) {
  double most = -INFINITY, sum = 0;
  for (int i = 0; i < n; i++) most = fmax(most, x[i]);
  for (int i = 0; i < n; i++) sum += exp(x[i] - most);
  assert_true(fabs(total - (most + log(sum))) <= 1e-6 * (1 + fabs(most)));
  for (int i = 0; i < n; i++) {
    double p = exp(x[i] - most) / sum, l = x[i] - most - log(sum);
    assert_true(fabs(soft[i] - p) <= 1e-6 * p + 1e-44);
    assert_true(isinf(l) ? logs[i] == l : fabs(logs[i] - l) <= 3e-7 * (1 + fabs(l)));
  }
}

static void softmax_rows(void **state) {
  EACH_TABLE(k) for (int n = 1; n < 35; n++) {
    float x[3 * 35], soft[3 * 35 + 1], logs[3 * 35 + 1], total[3];
    spec_fill(3 * n, x);
    for (int i = 0; i < n; i++) x[n + i] = x[n + i] * 1e4f, x[2 * n + i] = x[2 * n + i] * 20 + 1e6f;
    if (n > 1) x[1] = -INFINITY; /* a masked choice */
    soft[3 * n] = logs[3 * n] = 77;
    k->softmax(3, n, x, soft), k->log_softmax(3, n, x, logs), k->logsumexp(3, n, x, total);
    for (int r = 0; r < 3; r++) check_row(n, x + r * n, soft + r * n, logs + r * n, total[r]);
    assert_true(soft[3 * n] == 77 && logs[3 * n] == 77);
  }
}

static void softmax_limits(void **state) {
  EACH_TABLE(k) {
    float none[9], y[9], total;
    for (int i = 0; i < 9; i++) none[i] = -INFINITY;
    k->logsumexp(1, 9, none, &total);
    assert_true(total == -INFINITY);
    none[8] = INFINITY;
    k->logsumexp(1, 9, none, &total);
    assert_true(total == INFINITY);
    none[3] = NAN;
    k->softmax(1, 9, none, y);
    assert_true(isnan(y[0]) && isnan(y[8]));
    k->logsumexp(1, 9, none, &total);
    assert_true(isnan(total));
  }
}

typedef struct slab {
  float g[19], p[19], m[19], v[19];
} slab;

static slab random_slab(void) {
  slab s;
  spec_fill(19, s.g), spec_fill(19, s.p), spec_fill(19, s.m), spec_fill(19, s.v);
  for (int i = 0; i < 19; i++) s.v[i] = fabsf(s.v[i]);
  return s;
}

static void near(float y, double want) { assert_true(fabs(y - want) <= 4e-7 * (0.5 + fabs(want))); }

static void adam(void **state) {
  EACH_TABLE(k) for (int n = 0; n < 19; n++) {
    slab s = random_slab(), o = s;
    prl_adam a = {.lr = 0.01f, .beta1 = 0.9f, .beta2 = 0.99f, .epsilon = 1e-5f, .grad_scale = 0.5f};
    a.correction1 = 0.19f, a.correction2 = 0.0199f, a.l2 = n % 2 ? 0.1f : 0, a.decay = n % 2 ? 0 : 0.2f;
    k->adam(n, &a, s.g, s.p, s.m, s.v);
    for (int i = 0; i < n; i++) {
      double g = (double)o.g[i] * a.grad_scale + (double)a.l2 * o.p[i];
      double m = (double)a.beta1 * o.m[i] + (1 - (double)a.beta1) * g;
      double v = (double)a.beta2 * o.v[i] + (1 - (double)a.beta2) * g * g;
      double p = o.p[i] * (1 - (double)a.lr * a.decay);
      near(s.m[i], m), near(s.v[i], v);
      near(s.p[i], p - a.lr / a.correction1 * m / (sqrt(v / a.correction2) + a.epsilon));
    }
    assert_memory_equal(s.p + n, o.p + n, (size_t)(19 - n) * sizeof *s.p);
  }
}

static void sgd(void **state) {
  EACH_TABLE(k) for (int n = 1; n < 19; n++) for (int mode = 0; mode < 6; mode++) {
    slab s = random_slab(), o = s;
    float momentum = mode ? 0.9f : 0, l2 = n % 2 ? 0.05f : 0;
    bool nesterov = mode >= 3, first = mode == 2;
    k->sgd(n, 0.1f, momentum, nesterov, first, l2, 0.7f, s.g, s.p, mode ? s.m : NULL);
    for (int i = 0; i < n; i++) {
      double g = (double)o.g[i] * 0.7f + (double)l2 * o.p[i], b = first ? g : momentum * (double)o.m[i] + g;
      double d = !mode ? g : nesterov ? g + momentum * b : b;
      near(s.p[i], o.p[i] - 0.1 * d);
      near(s.m[i], mode ? b : o.m[i]);
    }
    assert_memory_equal(s.p + n, o.p + n, (size_t)(19 - n) * sizeof *s.p);
  }
}

static void rmsprop(void **state) {
  EACH_TABLE(k) for (int n = 1; n < 19; n++) for (int moves = 0; moves < 2; moves++) {
    slab s = random_slab(), o = s;
    float momentum = moves ? 0.9f : 0;
    k->rmsprop(n, 0.01f, momentum, 0.95f, 1e-5f, 0.1f, 0.5f, s.g, s.p, moves ? s.m : NULL, s.v);
    for (int i = 0; i < n; i++) {
      double g = (double)o.g[i] * 0.5 + (double)0.1f * o.p[i];
      double v = (double)0.95f * o.v[i] + (1 - (double)0.95f) * g * g;
      double step = g / (sqrt(v) + 1e-5) + (moves ? (double)momentum * o.m[i] : 0);
      near(s.v[i], v), near(s.p[i], o.p[i] - 0.01 * step);
      near(s.m[i], moves ? step : o.m[i]);
    }
    assert_memory_equal(s.v + n, o.v + n, (size_t)(19 - n) * sizeof *s.v);
    assert_memory_equal(s.m + n, o.m + n, (size_t)(19 - n) * sizeof *s.m);
  }
}

static void normalise(void **state) {
  EACH_TABLE(k) for (int n = 1; n < 20; n++) {
    float x[60], mean[20], scale[20], y[61];
    spec_fill(3 * n, x), spec_fill(n, mean), spec_fill(n, scale);
    y[3 * n] = 77;
    k->normalise(3, n, x, mean, scale, 0.4f, y);
    for (int i = 0; i < 3 * n; i++) {
      float u = (x[i] - mean[i % n]) * scale[i % n];
      assert_true(y[i] == (u < -0.4f ? -0.4f : u > 0.4f ? 0.4f : u));
    }
    assert_true(y[3 * n] == 77);
  }
}

static void draws(void **state) {
  prl_rng rng = prl_rng_make(7, 3, PRL_SITE_USER);
  EACH_TABLE(k) for (int n = 0; n < 150; n += 1 + n / 10) {
    float y[151], want[151], long_run[150];
    y[n] = 77;
    k->uniforms(rng.key, 0, 5, 9, n, y);
    prl_rng_uniforms(rng, 5, 9, n, want);
    assert_memory_equal(y, want, (size_t)n * sizeof *y);
    k->normals(rng.key, 0, 5, 9, n, y);
    k->normals(rng.key, 0, 5, 9, 150, long_run);
    assert_memory_equal(y, long_run, (size_t)n * sizeof *y); /* draw i is the same whatever n is */
    prl_rng_normals(rng, 5, 9, n, want);
    for (int i = 0; i < n; i++) assert_true(fabsf(y[i] - want[i]) < 1e-5f);
    assert_true(y[n] == 77);
  }
}

static void extra_counter(void **state) {
  prl_rng rng = prl_rng_make(1, 2, PRL_SITE_INIT);
  uint32_t words[4];
  prl_rng_block(rng, 4, 5, 6, 1, words);
  EACH_TABLE(k) {
    float y[8];
    k->uniforms(rng.key, 4, 5, 6, 8, y);
    for (int i = 0; i < 4; i++) assert_true(y[4 + i] == prl_rng_open_uniform(words[i]));
  }
}

static void moments(void **state) {
  enum { N = 40000 };
  static float y[N];
  EACH_TABLE(k) {
    const uint32_t key[2] = {1, 2};
    k->normals(key, 0, 0, 0, N, y);
    double mean = 0, second = 0, fourth = 0;
    for (int i = 0; i < N; i++) mean += y[i], second += y[i] * y[i], fourth += y[i] * y[i] * y[i] * y[i];
    assert_true(fabs(mean / N) < 0.02 && fabs(second / N - 1) < 0.03 && fabs(fourth / N - 3) < 0.2);
    assert_true(k->finite(N, y));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sums),    cmocka_unit_test(finiteness),   cmocka_unit_test(softmax_rows),
      cmocka_unit_test(adam),    cmocka_unit_test(sgd),          cmocka_unit_test(softmax_limits),
      cmocka_unit_test(rmsprop), cmocka_unit_test(normalise),    cmocka_unit_test(draws),
      cmocka_unit_test(moments), cmocka_unit_test(extra_counter)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
