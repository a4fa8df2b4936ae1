#include "tensor/kernels.h"

#include <string.h>

static const prl_kernels *const tables[PRL_TABLES] = PRL_EACH_TABLE(&prl_kernels_);

/* The compiler's functions look at what the operating system saves (xgetbv) as well as at cpuid. */
static bool supported(int table) {
  if (table == 0) return true;
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return false;
  return table == 1 || (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"));
}

const prl_kernels *prl_kernels_find(const char *name) {
  __builtin_cpu_init();
  for (int i = PRL_TABLES - 1; i >= 0; i--) {
    bool wanted = !name || strcmp(name, tables[i]->name) == 0;
    if (wanted && supported(i)) return tables[i];
  }
  return NULL;
}

int prl_kernels_index(const char *name) {
  for (int i = PRL_TABLES - 1; i > 0; i--)
    if (strcmp(name, tables[i]->name) == 0) return i;
  return 0;
}

bool prl_unary_needs_input(prl_unary f) {
  switch (f) {
  case PRL_LOG:
  case PRL_LOG1P:
  case PRL_ABS:
  case PRL_SILU:
  case PRL_GELU:
  case PRL_SIN:
  case PRL_COS:
    return true;
  default:
    return false;
  }
}

const char *prl_unary_name(prl_unary f) {
  static const char *const names[PRL_UNARY_COUNT] = {
      "identity", "neg",  "exp",        "log", "log1p", "sqrt", "abs", "tanh", "sigmoid",
      "softplus", "relu", "leaky_relu", "elu", "silu",  "gelu", "sin", "cos"};
  return (unsigned)f < PRL_UNARY_COUNT ? names[f] : NULL;
}
