/* The clock of the benchmarks. Machines differ and are shared, so product and yardstick run by turns in the
 * same process, and what counts is the median of the ratios. */
#ifndef SPEC_BENCH_BENCH_H
#define SPEC_BENCH_BENCH_H

typedef void (*bench_fn)(void *context); /* does the work once */

typedef struct bench_result {
  double product_ns, yardstick_ns; /* of one call; medians */
  double ratio;                    /* median of product ÷ yardstick over the repetitions */
} bench_result;

/* ns of the processor time of this process: others on the machine do not count, and neither side sleeps. */
double bench_now(void);

/* Times both by turns, `repetitions` (5 … 101) times; a time is the mean over as many calls as fill about
 * millisecond. */
bench_result bench_pair(bench_fn product, void *p, bench_fn yardstick, void *y, int repetitions);
/* One function alone: the median ns of a call. */
double bench_alone(bench_fn work, void *context, int repetitions);
/* The index of the fastest of count ≤ 8 ways to do the same work, tried by turns. */
int bench_fastest(const bench_fn *ways, void *const *contexts, int count);

/* One JSON object a line on the standard output; a ratio of 0 is left out. Quotes in the texts are the
 * caller's to avoid. Each line says which kernels took part. */
void bench_print(const char *name, const char *label, double value, const char *unit, double ratio);

#endif
