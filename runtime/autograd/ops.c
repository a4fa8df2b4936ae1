/* The table of all ops, made from the list in ops.h. */
#include "autograd/ops_internal.h"

#define OP(name, arguments) &prl_op_##name,
const prl_op *const prl_ops[] = {PRL_OPS(OP)};
#undef OP
#define OP(name, arguments) arguments,
const char *const prl_ops_arguments[] = {PRL_OPS(OP)};
#undef OP
const int prl_ops_count = (int)(sizeof prl_ops / sizeof *prl_ops);

const prl_op *prl_op_find(const char *name) {
  int low = 0, high = prl_ops_count;
  while (low < high) {
    int middle = low + (high - low) / 2, order = strcmp(name, prl_ops[middle]->name);
    if (order == 0) return prl_ops[middle];
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
  return NULL;
}
