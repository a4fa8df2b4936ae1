/* Before anything is timed: which kernels product and yardsticks run. */
#ifndef SPEC_BENCH_SETTLE_H
#define SPEC_BENCH_SETTLE_H

#include <stdbool.h>

/* Product and yardsticks take the widest kernels that the processor has, or those of the table `kernels`
 * ("avx2", "avx512"; NULL: the widest): OpenBLAS and libxsmm look at the environment when they are loaded,
 * and the yardsticks are compiled once for each table, so the process begins again where something has to
 * change. Whatever OPENBLAS_CORETYPE and the like said before. false with the reason on the standard error.
 */
bool bench_settle(const char *kernels, char **argv);

#endif
