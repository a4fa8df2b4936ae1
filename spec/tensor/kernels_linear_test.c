/* Linear layers of all tables: values against float64 at odd sizes, the rule that a row's bytes do not
 * depend on its batch, activations and saved pre-activations, gradients with and without `add`. */
#include "tensor/spec_kernels.h"

#include <math.h>

#include "tensor/kernels_reference.h"

enum { GUARD = 8 };

static float *filled(int64_t n) {
  float *x = malloc((size_t)(n + GUARD) * sizeof *x);
  assert_non_null(x);
  spec_fill(n, x);
  for (int i = 0; i < GUARD; i++) x[n + i] = 77;
  return x;
}

static void check_guard(const float *x, int64_t n) {
  for (int i = 0; i < GUARD; i++) assert_true(x[n + i] == 77);
}

static const int64_t sizes[][3] = {/* m, n, k */
                                   {1, 1, 1},     {1, 2, 64},   {2, 3, 5},     {3, 7, 17},  {4, 1, 33},
                                   {5, 8, 4},     {6, 16, 9},   {7, 17, 64},   {13, 64, 4}, {9, 31, 65},
                                   {64, 64, 64},  {11, 40, 70}, {8, 129, 3},   {10, 5, 96}, {23, 100, 1},
                                   {5, 300, 310}, {1, 64, 64},  {2, 64, 64},   {3, 63, 64}, {7, 3, 2000},
                                   {70, 1, 300},  {33, 6, 7},   {40, 257, 255}};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* |y − want| against what k roundings of terms of this magnitude can do. */
static void check_close(float y, double want, double magnitude, int64_t k) {
  double bound = 1.2e-7 * (magnitude * (2 + sqrt((double)k)) + fabs(want));
  if (!(fabs(y - want) <= bound)) fail_msg("%.9g, not %.9g within %.2g", y, want, bound);
}

static void forward(void **state) {
  const prl_unary acts[] = {PRL_IDENTITY, PRL_TANH, PRL_RELU, PRL_GELU};
  EACH_TABLE(t) for (int c = 0; c < SIZES; c++) {
    int64_t m = sizes[c][0], n = sizes[c][1], k = sizes[c][2], ldx = k + c % 3;
    prl_unary act = acts[c % 4];
    float *x = filled(m * ldx), *w = filled(k * n), *b = filled(n), *y = filled(m * n), *pre = filled(m * n);
    t->linear(m, n, k, x, ldx, w, c % 2 ? b : NULL, act, c % 3 ? pre : NULL, y);
    for (int64_t i = 0; i < m; i++) {
      for (int64_t j = 0; j < n; j++) {
        double sum = 0, size = 0;
        for (int64_t p = 0; p < k; p++) {
          double term = (double)x[i * ldx + p] * w[p * n + j];
          sum += term, size += fabs(term);
        }
        if (c % 2) sum += b[j];
        if (c % 3) check_close(pre[i * n + j], sum, size, k);
        check_close(y[i * n + j], reference_unary(act, sum), size, k);
      }
    }
    check_guard(y, m * n), check_guard(pre, m * n);
    free(x), free(w), free(b), free(y), free(pre);
  }
}

/* The fused activation gives the bytes of the separate one. */
static void fused_activation(void **state) {
  EACH_TABLE(t) for (int act = 0; act < PRL_UNARY_COUNT; act++) for (int c = 0; c < SIZES; c += 3) {
    int64_t m = sizes[c][0], n = sizes[c][1], k = sizes[c][2];
    float *x = filled(m * k), *w = filled(k * n), *b = filled(n), *y = filled(m * n), *pre = filled(m * n);
    t->linear(m, n, k, x, k, w, b, (prl_unary)act, pre, y);
    float *z = filled(m * n);
    t->linear(m, n, k, x, k, w, b, PRL_IDENTITY, NULL, z);
    assert_memory_equal(z, pre, (size_t)(m * n) * sizeof *z);
    t->unary[act](m * n, z, z);
    assert_memory_equal(z, y, (size_t)(m * n) * sizeof *z);
    free(x), free(w), free(b), free(y), free(pre), free(z);
  }
}

static void row_bytes(void **state) {
  static const int64_t layers[][2] = {
      {64, 4}, {64, 64}, {2, 64},  {1, 64},  {8, 64},  {3, 70},   {100, 7},   {7, 1000},  {2, 5},    {4, 33},
      {8, 17}, {9, 16},  {15, 31}, {12, 70}, {1, 200}, {256, 64}, {257, 260}, {512, 512}, {640, 530}};
  static const int64_t batches[] = {1, 2, 3, 4, 7, 17, 64, 1024};
  EACH_TABLE(t) for (size_t c = 0; c < sizeof layers / sizeof *layers; c++) {
    int64_t n = layers[c][0], k = layers[c][1], most = n * k > 60000 ? 64 : 1024;
    float *x = filled(most * k), *w = filled(k * n), *b = filled(n), *all = filled(most * n),
          *y = filled(most * n);
    t->linear(most, n, k, x, k, w, b, PRL_TANH, NULL, all);
    for (size_t s = 0; s < sizeof batches / sizeof *batches && batches[s] <= most; s++) {
      for (int64_t first = 0; first + batches[s] <= most; first += batches[s] * (1 + most / 100)) {
        t->linear(batches[s], n, k, x + first * k, k, w, b, PRL_TANH, NULL, y);
        assert_memory_equal(y, all + first * n, (size_t)(batches[s] * n) * sizeof *y);
      }
    }
    free(x), free(w), free(b), free(all), free(y);
  }
}

/* A gradient that leaves with an activation's slope has the bytes of the two passes. */
static void gradient_slopes(void **state) {
  EACH_TABLE(t) for (int act = 0; act < PRL_UNARY_COUNT; act++) for (int c = 0; c < SIZES; c++) {
    if (prl_unary_needs_input((prl_unary)act)) continue;
    int64_t m = sizes[c][0], n = sizes[c][1], k = sizes[c][2];
    float *gy = filled(m * n), *w = filled(k * n), *of = filled(m * k), *one = filled(m * k),
          *two = filled(m * k), *scratch = filled(prl_linear_scratch(n, k));
    t->linear_gx(m, n, k, gy, w, false, (prl_unary)act, of, scratch, one);
    t->linear_gx(m, n, k, gy, w, false, PRL_IDENTITY, NULL, scratch, two);
    if (act != PRL_IDENTITY) t->unary_grad[act](m * k, NULL, of, two, false, two);
    assert_memory_equal(one, two, (size_t)(m * k) * sizeof *one);
    check_guard(one, m * k);
    free(gy), free(w), free(of), free(one), free(two), free(scratch);
  }
}

static void gradient_inputs(void **state) {
  EACH_TABLE(t) for (int c = 0; c < SIZES; c++) {
    int64_t m = sizes[c][0], n = sizes[c][1], k = sizes[c][2];
    float *gy = filled(m * n), *w = filled(k * n), *gx = filled(m * k), *sum = filled(m * k),
          *old = filled(m * k);
    float *scratch = filled(prl_linear_scratch(n, k));
    memcpy(old, sum, (size_t)(m * k) * sizeof *old);
    t->linear_gx(m, n, k, gy, w, false, PRL_IDENTITY, NULL, scratch, gx);
    t->linear_gx(m, n, k, gy, w, true, PRL_IDENTITY, NULL, scratch, sum);
    for (int64_t i = 0; i < m; i++) {
      for (int64_t p = 0; p < k; p++) {
        double s = 0, size = 0;
        for (int64_t j = 0; j < n; j++) {
          double term = (double)gy[i * n + j] * w[p * n + j];
          s += term, size += fabs(term);
        }
        check_close(gx[i * k + p], s, size, n);
        assert_true(sum[i * k + p] == old[i * k + p] + gx[i * k + p]); /* add: computed, then added */
      }
    }
    check_guard(gx, m * k), check_guard(scratch, prl_linear_scratch(n, k));
    free(gy), free(w), free(gx), free(sum), free(old), free(scratch);
  }
}

static void gradient_weights(void **state) {
  EACH_TABLE(t) for (int c = 0; c < SIZES; c++) {
    int64_t m = sizes[c][0], n = sizes[c][1], k = sizes[c][2];
    float *x = filled(m * k), *gy = filled(m * n), *gw = filled(k * n), *gb = filled(n);
    float *sum = filled(k * n), *old = filled(k * n), *sum_b = filled(n), *old_b = filled(n);
    memcpy(old, sum, (size_t)(k * n) * sizeof *old), memcpy(old_b, sum_b, (size_t)n * sizeof *old_b);
    t->linear_gw(m, n, k, x, gy, PRL_INTO_NEW, gw, gb);
    t->linear_gw(m, n, k, x, gy, PRL_INTO_ADD, sum, sum_b);
    for (int64_t p = 0; p < k; p++) {
      for (int64_t j = 0; j < n; j++) {
        double s = 0, size = 0;
        for (int64_t i = 0; i < m; i++) {
          double term = (double)x[i * k + p] * gy[i * n + j];
          s += term, size += fabs(term);
        }
        check_close(gw[p * n + j], s, size, m);
        assert_true(sum[p * n + j] == old[p * n + j] + gw[p * n + j]);
      }
    }
    for (int64_t j = 0; j < n; j++) {
      double s = 0;
      for (int64_t i = 0; i < m; i++) s += gy[i * n + j];
      check_close(gb[j], s, (double)m, m);
      assert_true(sum_b[j] == old_b[j] + gb[j]);
    }
    check_guard(gw, k * n), check_guard(gb, n);
    free(x), free(gy), free(gw), free(gb), free(sum), free(old), free(sum_b), free(old_b);
  }
}

/* Sums over rows that go on in another call have the bytes of one call. */
static void gradient_weights_in_parts(void **state) {
  EACH_TABLE(t) for (int c = 0; c < SIZES; c++) {
    int64_t m = sizes[c][0], n = sizes[c][1], k = sizes[c][2], part = 1 + m / 3;
    float *x = filled(m * k), *gy = filled(m * n), *gw = filled(k * n), *gb = filled(n),
          *whole = filled(k * n), *whole_b = filled(n);
    t->linear_gw(m, n, k, x, gy, PRL_INTO_NEW, whole, whole_b);
    for (int64_t i = 0; i < m; i += part)
      t->linear_gw(m - i < part ? m - i : part, n, k, x + i * k, gy + i * n,
                   i ? PRL_INTO_RESUME : PRL_INTO_NEW, gw, gb);
    assert_memory_equal(gw, whole, (size_t)(k * n) * sizeof *gw);
    assert_memory_equal(gb, whole_b, (size_t)n * sizeof *gb);
    check_guard(gw, k * n), check_guard(gb, n);
    free(x), free(gy), free(gw), free(gb), free(whole), free(whole_b);
  }
}

/* Large sizes meet the cache blocking: it may not change a byte of the plain ascending chain. */
static void blocking(void **state) {
  EACH_TABLE(t) {
    int64_t m = 1100, n = 24, k = 40;
    float *x = filled(m * k), *gy = filled(m * n), *gw = filled(k * n), *one = filled(k * n), *gb = filled(n);
    t->linear_gw(m, n, k, x, gy, PRL_INTO_NEW, gw, NULL);
    for (int64_t i = 0; i < k * n; i++) one[i] = 0;
    for (int64_t i = 0; i < m; i++) { /* a batch of one is one fused multiply-add */
      for (int64_t p = 0; p < k; p++) t->axpy(n, x[i * k + p], gy + i * n, one + p * n);
    }
    assert_memory_equal(gw, one, (size_t)(k * n) * sizeof *gw);
    free(x), free(gy), free(gw), free(one), free(gb);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(forward),          cmocka_unit_test(fused_activation),
      cmocka_unit_test(row_bytes),        cmocka_unit_test(gradient_inputs),
      cmocka_unit_test(gradient_slopes),  cmocka_unit_test(gradient_weights_in_parts),
      cmocka_unit_test(gradient_weights), cmocka_unit_test(blocking)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
