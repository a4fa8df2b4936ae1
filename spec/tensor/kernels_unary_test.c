/* Element-wise kernels of both tables against float64: values over all floats, gradients, tails, aliasing. */
#include "tensor/spec_kernels.h"

#include "tensor/kernels_reference.h"

enum { BLOCK = 1000 };

static float float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* Where a function has no promise of 4 ulp, say so here: nowhere. */
static void check_block(const prl_kernels *k, prl_unary f, int n, const float *x) {
  float y[BLOCK];
  k->unary[f](n, x, y);
  for (int i = 0; i < n; i++) {
    double ulps = reference_ulps(y[i], reference_unary(f, x[i]));
    if (!(ulps <= 4)) {
      fail_msg("%s %s(%.9g) = %.9g, %.1f ulp from %.9g", k->name, prl_unary_name(f), x[i], y[i], ulps,
               reference_unary(f, x[i]));
    }
  }
}

/* A prime stride over the bit patterns of all floats meets every exponent, denormals, infinities and NaN. */
static void all_floats(void **state) {
  EACH_TABLE(k) for (int f = 0; f < PRL_UNARY_COUNT; f++) {
    float x[BLOCK];
    int n = 0;
    for (uint64_t bits = 0; bits <= 0xffffffffu; bits += 15013) {
      x[n++] = float_of((uint32_t)bits);
      if (n == BLOCK) check_block(k, f, n, x), n = 0;
    }
    check_block(k, f, n, x);
  }
}

/* The ranges where the functions bend, more densely; and multiples of π, where sin and cos lose digits. */
static void ordinary_floats(void **state) {
  EACH_TABLE(k) for (int f = 0; f < PRL_UNARY_COUNT; f++) {
    float x[BLOCK];
    for (int block = 0; block < 60; block++) {
      double width = block < 20 ? 1 : block < 40 ? 16 : 110;
      for (int i = 0; i < BLOCK; i++) x[i] = (float)(width * (2 * spec_uniform() - 1));
      check_block(k, f, BLOCK, x);
    }
    for (int i = 0; i < BLOCK; i++) x[i] = (float)((i - BLOCK / 2) * M_PI / 2);
    check_block(k, f, BLOCK, x);
  }
}

static void limits(void **state) {
  EACH_TABLE(k) {
    float x[] = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, 0x1p-149f, -0x1p-149f, FLT_MAX, -FLT_MAX};
    for (int f = 0; f < PRL_UNARY_COUNT; f++) check_block(k, f, sizeof x / sizeof *x, x);
    const prl_unary odd[] = {PRL_TANH, PRL_LOG1P, PRL_ELU, PRL_SILU, PRL_GELU, PRL_SIN, PRL_SQRT};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
      float zero = -0.0f, y;
      k->unary[odd[i]](1, &zero, &y);
      assert_true(y == 0 && signbit(y));
    }
    float top = 9.5f, y;
    k->unary[PRL_TANH](1, &top, &y);
    assert_true(y == 1);
  }
}

/* |tanh| never exceeds 1, or log(1 − y²) downstream would be a NaN. */
static void tanh_bound(void **state) {
  EACH_TABLE(k) for (uint32_t bits = 0x40e00000u; bits < 0x41200000u; bits += BLOCK) { /* 7 … 10 */
    float x[BLOCK], y[BLOCK];
    for (uint32_t i = 0; i < BLOCK; i++) x[i] = float_of(bits + i);
    k->unary[PRL_TANH](BLOCK, x, y);
    for (int i = 0; i < BLOCK; i++) assert_true(y[i] <= 1);
  }
}

static bool defined_at(prl_unary f, float x) {
  return !((f == PRL_LOG || f == PRL_SQRT) && x <= 0.05f) && !(f == PRL_LOG1P && x <= -0.95f);
}

static void gradients(void **state) {
  EACH_TABLE(k) for (int f = 0; f < PRL_UNARY_COUNT; f++) for (int n = 1; n <= 37; n++) {
    float x[37], y[37], gy[37], gx[37], sum[37];
    for (int i = 0; i < n; i++) {
      do {
        x[i] = (float)(8 * spec_uniform() - 4);
      } while (!defined_at(f, x[i]));
      gy[i] = (float)(2 * spec_uniform() - 1), sum[i] = (float)i;
    }
    k->unary[f](n, x, y);
    bool input = prl_unary_needs_input(f);
    k->unary_grad[f](n, input ? x : NULL, input ? NULL : y, gy, false, gx);
    k->unary_grad[f](n, input ? x : NULL, input ? NULL : y, gy, true, sum);
    for (int i = 0; i < n; i++) {
      double want = gy[i] * reference_slope(f, x[i]);
      assert_true(fabs(gx[i] - want) <= 2e-6 * (0.1 + fabs(want)));
      float added = (float)i;
      assert_true(fabsf(sum[i] - (added + gx[i])) <= 4e-6f * (1 + fabsf(added)));
    }
    k->unary_grad[f](n, input ? x : NULL, input ? NULL : y, gy, false, gy); /* gx may be gy */
    assert_memory_equal(gy, gx, (size_t)n * sizeof *gx);
  }
}

/* Every length writes its own elements alone, the same wherever they stand, and may work in place. */
static void positions(void **state) {
  EACH_TABLE(k) for (int f = 0; f < PRL_UNARY_COUNT; f++) {
    float x[40], whole[40], y[42];
    for (int i = 0; i < 40; i++) x[i] = (float)(6 * spec_uniform() + 0.01);
    k->unary[f](40, x, whole);
    for (int n = 0; n <= 40; n++) {
      for (int i = 0; i < 42; i++) y[i] = 77;
      k->unary[f](n, x + 40 - n, y + 1);
      assert_memory_equal(y + 1, whole + 40 - n, (size_t)n * sizeof *y);
      assert_true(y[0] == 77 && y[n + 1] == 77);
    }
    memcpy(y, x, sizeof x);
    k->unary[f](40, y, y);
    assert_memory_equal(y, whole, sizeof whole);
  }
}

static double binary_reference(prl_binary f, double a, double b) {
  switch (f) {
  case PRL_ADD:
    return a + b;
  case PRL_SUB:
    return a - b;
  case PRL_MUL:
    return a * b;
  case PRL_DIV:
    return a / b;
  case PRL_MIN:
    return isnan(a) || a < b ? a : b;
  default:
    return isnan(a) || a > b ? a : b;
  }
}

static bool same(float y, double want) { return isnan(want) ? isnan(y) : y == (float)want; }

static void binaries(void **state) {
  EACH_TABLE(k) for (int f = 0; f < PRL_BINARY_COUNT; f++) for (int n = 1; n < 30; n++) {
    float a[30], b[30], y[31];
    for (int i = 0; i < n; i++)
      a[i] = (float)(4 * spec_uniform() - 2), b[i] = (float)(4 * spec_uniform() - 2);
    if (n > 2) a[n - 1] = NAN, b[n - 2] = NAN;
    y[n] = 77;
    k->binary[f](n, a, b, y);
    for (int i = 0; i < n; i++) assert_true(same(y[i], binary_reference(f, a[i], b[i])));
    k->binary_scalar[f](n, a, 0.75f, y);
    for (int i = 0; i < n; i++) assert_true(same(y[i], binary_reference(f, a[i], 0.75f)));
    k->scalar_binary[f](n, 0.75f, b, y);
    for (int i = 0; i < n; i++) assert_true(same(y[i], binary_reference(f, 0.75f, b[i])));
    assert_true(y[n] == 77);
    k->binary[f](n, a, b, y);
    k->binary[f](n, a, b, b); /* y may be b */
    assert_memory_equal(b, y, (size_t)n * sizeof *y);
  }
}

static void accumulating(void **state) {
  EACH_TABLE(k) for (int n = 0; n < 30; n++) {
    float a[30], b[30], y[31], z[31];
    for (int i = 0; i < n; i++)
      a[i] = (float)spec_uniform(), b[i] = (float)spec_uniform(), y[i] = z[i] = (float)i;
    y[n] = z[n] = 77;
    k->axpy(n, 1.5f, a, y);
    k->fma(n, a, b, z);
    for (int i = 0; i < n; i++) {
      assert_true(reference_ulps(y[i], i + 1.5 * a[i]) <= 1.1);
      assert_true(reference_ulps(z[i], i + (double)a[i] * b[i]) <= 1.1);
    }
    assert_true(y[n] == 77 && z[n] == 77);
  }
}

static void names(void **state) {
  assert_string_equal(prl_unary_name(PRL_TANH), "tanh");
  assert_string_equal(prl_unary_name(PRL_COS), "cos");
  assert_null(prl_unary_name(PRL_UNARY_COUNT));
  assert_null(prl_kernels_find("sse9"));
  assert_ptr_equal(prl_kernels_find("baseline"), &prl_kernels_baseline);
  const char *names[PRL_TABLES] = PRL_EACH_TABLE_NAME;
  const prl_kernels *best = NULL;
  for (int i = 0; i < PRL_TABLES; i++) {
    const prl_kernels *k = prl_kernels_find(names[i]);
    if (!k) continue; /* not this processor */
    best = k;
    assert_string_equal(k->name, names[i]);
    assert_int_equal(prl_table_index(k->name), i);
  }
  if (!getenv("PERILUNE_KERNELS")) assert_ptr_equal(prl_kernels_find(NULL), best); /* support/kernels.c */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_floats), cmocka_unit_test(ordinary_floats), cmocka_unit_test(limits),
      cmocka_unit_test(tanh_bound), cmocka_unit_test(gradients),       cmocka_unit_test(positions),
      cmocka_unit_test(binaries),   cmocka_unit_test(accumulating),    cmocka_unit_test(names)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
