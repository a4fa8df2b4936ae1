#include "support/check.h"

#include <string.h>

#include "core/lapack.h"

static prl_error error;

static void names_what_is_missing(void **state) {
  static const char *const nowhere[] = {"/nowhere/libopenblas.so.0", NULL};
  static const char *const other[] = {"libm.so.6", NULL}; /* a library without LAPACK */
  prl_lapack lapack = {0};
  assert_int_equal(prl_lapack_load(nowhere, "orthogonal weights", &lapack, &error), PRL_EABSENT);
  assert_non_null(strstr(error.message, "orthogonal weights need OpenBLAS"));
  assert_non_null(strstr(error.message, "/nowhere/libopenblas.so.0"));
  assert_int_equal(prl_lapack_load(other, "orthogonal weights", &lapack, &error), PRL_EABSENT);
  assert_non_null(strstr(error.message, "sgeqrf_"));
  assert_null(lapack.sgeqrf);
}

static void factorises(void **state) {
  const int n = 2, lwork = 128;
  float a[] = {3, 4, 1, 2}, tau[2], work[128];
  int info = 1;
  prl_lapack lapack;
  CHECK_OK(prl_lapack_load(prl_lapack_places, "orthogonal weights", &lapack, &error));
  lapack.sgeqrf(&n, &n, a, &n, tau, work, &lwork, &info);
  assert_int_equal(info, 0);
  assert_float_equal(a[0] * a[0], 25, 1e-4);
  lapack.sorgqr(&n, &n, &n, a, &n, tau, work, &lwork, &info);
  assert_int_equal(info, 0);
  assert_float_equal(a[0] * a[0] + a[1] * a[1], 1, 1e-6);
  assert_float_equal(a[0] * a[2] + a[1] * a[3], 0, 1e-6);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(names_what_is_missing), cmocka_unit_test(factorises)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
