/* LAPACK's Cholesky of OpenBLAS, of the covariance of points that are far enough apart to have one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/yardstick.h"

void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info);

double yardstick_cholesky(int n) {
  size_t bytes = (size_t)n * (size_t)n * sizeof(double);
  double *a = aligned_alloc(64, (bytes + 63) / 64 * 64), begun;
  int info;
  if (!a) return -1;
  for (int j = 0; j < n; j++)
    for (int i = 0; i < n; i++) a[(size_t)j * (size_t)n + (size_t)i] = exp(-0.02 * abs(i - j)) + (i == j);
  begun = bench_now();
  dpotrf_("L", &n, a, &n, &info);
  begun = bench_now() - begun;
  free(a);
  return info ? -1 : begun;
}
