/* The kernel tables by name and by runtime, and what is known of their functions. */
#include "tensor/kernels.h"

static const prl_kernels *const tables[PRL_TABLES] = PRL_EACH_TABLE(&prl_kernels_);

const prl_kernels *prl_kernels_find(const char *name) {
  int table = prl_table_find(name);
  return table < 0 ? NULL : tables[table];
}

const prl_kernels *prl_kernels_of(const prl_runtime *runtime) { return tables[prl_runtime_table(runtime)]; }

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
