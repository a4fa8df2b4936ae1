/* What the kernel tests share: cmocka, all tables, and a reproducible source of numbers. */
#ifndef SPEC_TENSOR_SPEC_KERNELS_H
#define SPEC_TENSOR_SPEC_KERNELS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tensor/kernels.h"

/* for each table that this processor runs: `k` */
#define EACH_TABLE(k)                                                                                        \
  for (int table_ = 0; table_ < PRL_TABLES; table_++)                                                        \
    for (const prl_kernels *k = prl_kernels_find((const char *[])PRL_EACH_TABLE_NAME[table_]); k; k = NULL)

static inline double spec_uniform(void) {
  static uint64_t state = 0x9e3779b97f4a7c15u;
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (double)(state >> 11) * 0x1p-53;
}

static inline void spec_fill(int64_t n, float *x) {
  for (int64_t i = 0; i < n; i++) x[i] = (float)(2 * spec_uniform() - 1);
}

#endif
