/* The ops and their attributes.
 *
 *   op                        inputs                        ints                      floats
 *   add sub mul div pow       a, b: broadcast together
 *   minimum maximum           the same; equal elements share the gradient
 *   gt ge lt le eq            the same → float32 0 or 1; any dtype; no gradient
 *   neg exp log log1p sqrt    x
 *   abs tanh sigmoid softplus
 *   relu leaky_relu elu silu
 *   gelu sin cos square
 *   detach                    x → x without a gradient
 *   cast                      x                             dtype                                  no
 * gradient clamp                     x                                                       low, high
 *   clamp_t                   x, low, high (one element each)
 *   where                     cond, a, b: broadcast; cond ≠ 0 takes a; no gradient to cond
 *   masked_fill               x, mask broadcast to x                                  value (where mask ≠ 0)
 *   matmul                    a (…, m, k), b (k, n) or (…, k, n) with a's leading sizes
 *   linear                    x (…, k), w (k, n), b (n) or none   activation (prl_unary; 0)
 *   layer_norm                x (…, n), gamma (n), beta (n)                           epsilon (1e-5)
 *   embedding                 table (V, D), indices → indices' shape + (D)
 *   embedding_bag             table (V, D), indices (N), offsets (R + 1) or (R, 2)    mode 0 sum, 1 mean
 *   concat                    1 to 8 tensors                dim
 *   stack                     1 to 8 tensors of one shape   dim (of the result)
 *   slice                     x                             dim, start (0), stop (−1: the end), step (1)
 *   gather                    x, index: as x but for dim    dim
 *   index_select              x, index (r)                  dim
 *   reshape                   x                             sizes, at most one −1
 *   transpose                 x                             dim, dim
 *   broadcast_to              x; or x, like                 sizes (−1: x's own); with `like`, none
 *   sum mean min max          x                             dim, keepdim (0)
 *   var                       x                             dim, keepdim (0), unbiased (1)
 *   argmax argmin             x                             dim, keepdim (0), dtype (int32)
 *   cumsum softmax            x                             dim (−1)
 *   log_softmax logsumexp                                   logsumexp: dim (−1), keepdim (0)
 *   uniform_like              x, run (1, int64) → draws in (0, 1) as x    site                   no gradient
 *   dropout                   x, draws in (0, 1) as x                                 p: the share that is
 * dropped mse                       x, target: one shape          reduction huber                     x,
 * target: one shape          reduction                 delta (1) bce_with_logits           logits, targets:
 * one shape    reduction cross_entropy             logits (m, n), labels (m)     reduction normal_log_prob x
 * (…, n), mean, log_std: as x or (n) → (…) categorical_sample        logits (m, n), draws in (0, 1), m of
 * them → as the draws      dtype (int32)
 *
 * Dimensions count from 0, or from the end where negative. In a program the first size of a batch is the
 * number of rows of a run: write −1 for it (reshape, broadcast_to), never the number that the trace saw. A
 * reduction without ints, or with dim PRL_DIM_ALL, is over all elements. Indices are int32, int64 or whole
 * float32 numbers; one that is out of range gives NaN (and no gradient), since forward cannot fail. Movement
 * (concat … broadcast_to, where) takes every dtype; arithmetic takes float32 alone. */
#ifndef PRL_AUTOGRAD_OPS_H
#define PRL_AUTOGRAD_OPS_H

#define PRL_DIM_ALL 99 /* in place of a dimension: over all elements */

typedef enum prl_reduction { PRL_REDUCE_MEAN, PRL_REDUCE_NONE, PRL_REDUCE_SUM } prl_reduction;

#endif
