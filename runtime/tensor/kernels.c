#include "tensor/kernels.h"

#include <string.h>

static bool supported(const prl_kernels *kernels) {
  if (kernels == &prl_kernels_baseline) return true;
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

const prl_kernels *prl_kernels_find(const char *name) {
  static const prl_kernels *const tables[] = {&prl_kernels_avx2, &prl_kernels_baseline}; /* best first */
  __builtin_cpu_init();
  for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
    bool wanted = !name || strcmp(name, tables[i]->name) == 0;
    if (wanted && supported(tables[i])) return tables[i];
  }
  return NULL;
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
