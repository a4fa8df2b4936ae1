#define _POSIX_C_SOURCE 200809L
#include "bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/yardstick.h"

enum { MOST_REPETITIONS = 101 };
#define FILL_NS 1e6

double bench_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

static double time_calls(bench_fn work, void *context, long calls) {
  double begin = bench_now();
  for (long i = 0; i < calls; i++) work(context);
  return (bench_now() - begin) / (double)calls;
}

/* As many calls as fill about a millisecond, after a first one that warms the caches. */
static long calibrate(bench_fn work, void *context) {
  work(context);
  double ns = time_calls(work, context, 3);
  for (long calls = 8; calls < 1000 && calls * ns < FILL_NS / 4; calls *= 2)
    ns = time_calls(work, context, calls);
  double calls = FILL_NS / ns;
  return calls < 1 ? 1 : calls > 1e6 ? 1000000 : (long)calls;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *x, int n) {
  qsort(x, (size_t)n, sizeof *x, ascending);
  return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

bench_result bench_pair(bench_fn product, void *p, bench_fn yardstick, void *y, int repetitions) {
  double product_ns[MOST_REPETITIONS], yardstick_ns[MOST_REPETITIONS], ratio[MOST_REPETITIONS];
  int n = repetitions < 5 ? 5 : repetitions > MOST_REPETITIONS ? MOST_REPETITIONS : repetitions;
  long product_calls = calibrate(product, p), yardstick_calls = calibrate(yardstick, y);
  for (int i = 0; i < n; i++) {
    product_ns[i] = time_calls(product, p, product_calls);
    yardstick_ns[i] = time_calls(yardstick, y, yardstick_calls);
    ratio[i] = product_ns[i] / yardstick_ns[i];
  }
  return (bench_result){median(product_ns, n), median(yardstick_ns, n), median(ratio, n)};
}

double bench_alone(bench_fn work, void *context, int repetitions) {
  double ns[MOST_REPETITIONS];
  int n = repetitions < 5 ? 5 : repetitions > MOST_REPETITIONS ? MOST_REPETITIONS : repetitions;
  long calls = calibrate(work, context);
  for (int i = 0; i < n; i++) ns[i] = time_calls(work, context, calls);
  return median(ns, n);
}

int bench_fastest(const bench_fn *ways, void *const *contexts, int count) {
  double ns[8][9];
  long calls[8];
  for (int w = 0; w < count; w++) calls[w] = 1 + calibrate(ways[w], contexts[w]) / 4;
  for (int i = 0; i < 9; i++) {
    for (int w = 0; w < count; w++) ns[w][i] = time_calls(ways[w], contexts[w], calls[w]);
  }
  int best = 0;
  double least = 1e300;
  for (int w = 0; w < count; w++) {
    double m = median(ns[w], 9);
    if (m < least) least = m, best = w;
  }
  return best;
}

void bench_print(const char *name, const char *label, double value, const char *unit, double ratio) {
  printf("{\"name\":\"%s\",\"case\":\"%s\",\"value\":%.6g,\"unit\":\"%s\"", name, label, value, unit);
  if (ratio > 0) printf(",\"ratio\":%.3f", ratio);
  printf(",\"kernels\":\"%s\"}\n", yardstick_kernels());
  fflush(stdout);
}
