/* Which tables of kernels this processor can run. */
#include "core/kernel_tables.h"

#include <string.h>

static const char *const names[PRL_TABLES] = PRL_EACH_TABLE_NAME;

/* The compiler's functions look at what the operating system saves (xgetbv) as well as at cpuid. */
static bool supported(int table) {
  if (table == 0) return true;
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return false;
  return table == 1 || (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"));
}

int prl_table_find(const char *name) {
  __builtin_cpu_init();
  for (int i = PRL_TABLES - 1; i >= 0; i--) {
    bool wanted = !name || strcmp(name, names[i]) == 0;
    if (wanted && supported(i)) return i;
  }
  return -1;
}

int prl_table_index(const char *name) {
  for (int i = PRL_TABLES - 1; i > 0; i--)
    if (strcmp(name, names[i]) == 0) return i;
  return 0;
}

const char *prl_table_name(int table) { return names[table]; }
