/* What backward reads: a program forgets a value after the last instruction that reads it. */
#include "autograd/ops_internal.h"

enum { NOTHING = 0, INPUTS = (1 << PRL_MAX_INPUTS) - 1, OUT = PRL_READS_OUT };

/* Of ops that read the same whichever gradients are wanted. One that is not here reads all. */
static const struct {
  const prl_op *op;
  unsigned reads;
} table[] = {
    {&prl_op_add, NOTHING},     {&prl_op_sub, NOTHING},       {&prl_op_neg, NOTHING},
    {&prl_op_sum, NOTHING},     {&prl_op_mean, NOTHING},      {&prl_op_cumsum, NOTHING},
    {&prl_op_concat, NOTHING},  {&prl_op_stack, NOTHING},     {&prl_op_slice, NOTHING},
    {&prl_op_reshape, NOTHING}, {&prl_op_transpose, NOTHING}, {&prl_op_broadcast_to, NOTHING},
    {&prl_op_exp, OUT},         {&prl_op_sqrt, OUT},          {&prl_op_tanh, OUT},
    {&prl_op_sigmoid, OUT},     {&prl_op_softplus, OUT},      {&prl_op_relu, OUT},
    {&prl_op_leaky_relu, OUT},  {&prl_op_elu, OUT},           {&prl_op_square, INPUTS},
    {&prl_op_minimum, INPUTS},  {&prl_op_maximum, INPUTS},    {&prl_op_clamp, INPUTS},
    {&prl_op_matmul, INPUTS},   {&prl_op_where, INPUTS},      {&prl_op_mse, INPUTS},
    {&prl_op_huber, INPUTS},    {&prl_op_layer_norm, INPUTS}, {&prl_op_normal_log_prob, INPUTS},
    {&prl_op_softmax, OUT},     {&prl_op_log_softmax, OUT},   {&prl_op_gru, 2 | 4 | 16 | OUT},
};

unsigned prl_op_reads(const prl_op *op, const prl_attrs *attrs, unsigned wanted) {
  if (op == &prl_op_mul) return (wanted & 1 ? 2 : 0) | (wanted & 2 ? 1 : 0);
  if (op == &prl_op_div) return 2 | (wanted & 2 ? OUT : NOTHING);
  if (op == &prl_op_linear) return INPUTS | (attr_int(attrs, 0, PRL_IDENTITY) ? OUT : NOTHING);
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    if (table[i].op == op) return table[i].reads;
  return INPUTS | OUT;
}
