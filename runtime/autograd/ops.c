#include "autograd/ops_internal.h"

/* In order of names, for the search. */
const prl_op *const prl_ops[] = {
    &prl_op_abs,
    &prl_op_add,
    &prl_op_argmax,
    &prl_op_argmin,
    &prl_op_bce_with_logits,
    &prl_op_broadcast_to,
    &prl_op_cast,
    &prl_op_categorical_sample,
    &prl_op_clamp,
    &prl_op_clamp_t,
    &prl_op_concat,
    &prl_op_cos,
    &prl_op_cross_entropy,
    &prl_op_cumsum,
    &prl_op_detach,
    &prl_op_div,
    &prl_op_dropout,
    &prl_op_elu,
    &prl_op_embedding,
    &prl_op_embedding_bag,
    &prl_op_eq,
    &prl_op_exp,
    &prl_op_gather,
    &prl_op_ge,
    &prl_op_gelu,
    &prl_op_gt,
    &prl_op_huber,
    &prl_op_index_select,
    &prl_op_layer_norm,
    &prl_op_le,
    &prl_op_leaky_relu,
    &prl_op_linear,
    &prl_op_log,
    &prl_op_log1p,
    &prl_op_log_softmax,
    &prl_op_logsumexp,
    &prl_op_lt,
    &prl_op_masked_fill,
    &prl_op_matmul,
    &prl_op_max,
    &prl_op_maximum,
    &prl_op_mean,
    &prl_op_min,
    &prl_op_minimum,
    &prl_op_mse,
    &prl_op_mul,
    &prl_op_neg,
    &prl_op_normal_log_prob,
    &prl_op_pow,
    &prl_op_relu,
    &prl_op_reshape,
    &prl_op_sigmoid,
    &prl_op_silu,
    &prl_op_sin,
    &prl_op_slice,
    &prl_op_softmax,
    &prl_op_softplus,
    &prl_op_sqrt,
    &prl_op_square,
    &prl_op_stack,
    &prl_op_sub,
    &prl_op_sum,
    &prl_op_tanh,
    &prl_op_transpose,
    &prl_op_uniform_like,
    &prl_op_var,
    &prl_op_where,
};
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
