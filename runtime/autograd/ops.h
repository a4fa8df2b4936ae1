/* The one list of ops, and what each is called with. */
// clang-format off
/* The ops: their inputs, and their attributes as ints and floats (defaults in brackets).
 *
 *   add sub mul div pow     a, b: broadcast together
 *   minimum maximum         the same; equal elements share the gradient
 *   gt ge lt le eq          the same, of any dtype → float32 0 or 1; no gradient
 *   neg exp log log1p sqrt abs tanh sigmoid softplus relu leaky_relu elu silu gelu sin cos square      x
 *   detach                  x → x; no gradient
 *   cast                    x → x of another dtype; no gradient                  ints: dtype (float32)
 *   clamp                   x                                                    floats: low (−∞), high (∞)
 *   clamp_t                 x, low, high (one element each)
 *   where                   cond, a, b: broadcast; cond ≠ 0 takes a; no gradient to cond
 *   masked_fill             x, mask, which broadcasts to x                       floats: value (where mask ≠ 0)
 *   matmul                  a (…, m, k), b (k, n) or (…, k, n) with a's leading sizes
 *   linear                  x (…, k), w (k, n), b (n) or none                    ints: activation (identity)
 *   gru                     x (m, 3n), state (m, n), w (n, 3n), b (3n), start (m) or none → (m, n)
 *   layer_norm              x (…, n), gamma (n), beta (n)                        floats: epsilon (1e-5)
 *   embedding               table (V, D), indices → indices' shape and D
 *   embedding_bag           table (V, D), indices (N), offsets (R + 1) or (R, 2) ints: mode, 0 sum, 1 mean (0)
 *   concat                  1 to 8 tensors                                       ints: dim (0)
 *   stack                   1 to 8 tensors of one shape                          ints: dim of the result (0)
 *   slice                   x                          ints: dim (0), start (0), stop (−1: the end), step (1)
 *   gather                  x, index: as x but for dim                           ints: dim (0)
 *   index_select            x, index (r)                                         ints: dim (0)
 *   reshape                 x                                                    ints: sizes, at most one −1
 *   transpose               x                                                    ints: dim (0), dim (1)
 *   broadcast_to            x                                                    ints: sizes (−1: x's own)
 *                           x, like: to the shape of `like`
 *   sum mean min max        x                                                    ints: dim (all), keepdim (0)
 *   var                     x                                        ints: dim (all), keepdim (0), unbiased (1)
 *   argmax argmin           x; no gradient                           ints: dim (all), keepdim (0), dtype (int32)
 *   cumsum softmax log_softmax    x                                              ints: dim (−1)
 *   logsumexp               x                                                    ints: dim (−1), keepdim (0)
 *   uniform_like            x, run (1, int64) → draws in (0, 1) as x; no gradient     ints: site (0)
 *   dropout                 x, draws in (0, 1) as x                  floats: p, the share that is dropped (.5)
 *   mse                     x, target: one shape                                 ints: reduction (mean)
 *   huber                   x, target: one shape                   ints: reduction (mean); floats: delta (1)
 *   bce_with_logits         logits, targets: one shape                           ints: reduction (mean)
 *   cross_entropy           logits (m, n), labels (m)                            ints: reduction (mean)
 *   normal_log_prob         x (…, n), mean, log_std: as x or (n) → (…)
 *   categorical_sample      logits (m, n), m draws in (0, 1) → as the draws; no gradient    ints: dtype (int32)
 *
 * Dimensions count from 0, or from the end where negative. In a program the first size of a batch is the number of
 * rows of a run: write −1 for it (reshape, broadcast_to), never the number that the trace saw. A reduction without
 * ints, or with dim PRL_DIM_ALL, is over all elements. Indices are int32, int64 or whole float32 numbers; one that is
 * out of range gives NaN (and no gradient), since forward cannot fail. Movement (concat … broadcast_to, where) takes
 * every dtype; arithmetic takes float32 alone. */
#ifndef PRL_AUTOGRAD_OPS_H
#define PRL_AUTOGRAD_OPS_H

/* The one list of ops, in order of names, for the search: each with its arguments as Lua calls it, their defaults, and
 * dimensions and positions from 1. It gives the externs and the table (op.h), what bind/ops.c reads a call by, and the
 * rows of lua/API.md. What is no tensor becomes an int or a float of the op, in this order. */
#define PRL_OPS(OP)                                              \
  OP(abs, "x")                                                   \
  OP(add, "a, b")                                                \
  OP(argmax, "x, dim = all, keepdim = false, dtype = \"int32\"") \
  OP(argmin, "x, dim = all, keepdim = false, dtype = \"int32\"") \
  OP(bce_with_logits, "logits, targets, reduction = \"mean\"")   \
  OP(broadcast_to, "x, sizes…")                                  \
  OP(cast, "x, dtype = \"float32\"")                             \
  OP(categorical_sample, "logits, draws, dtype = \"float32\"")   \
  OP(clamp, "x, low = -inf, high = inf")                         \
  OP(clamp_t, "x, lowest, highest")                              \
  OP(concat, "tensors, dim = 1")                                 \
  OP(cos, "x")                                                   \
  OP(cross_entropy, "logits, labels, reduction = \"mean\"")      \
  OP(cumsum, "x, dim = -1")                                      \
  OP(detach, "x")                                                \
  OP(div, "a, b")                                                \
  OP(dropout, "x, draws, p = 0.5")                               \
  OP(elu, "x")                                                   \
  OP(embedding, "table, ids")                                    \
  OP(embedding_bag, "table, ids, offsets, mode = \"sum\"")       \
  OP(eq, "a, b")                                                 \
  OP(exp, "x")                                                   \
  OP(gather, "x, dim = 1, index")                                \
  OP(ge, "a, b")                                                 \
  OP(gelu, "x")                                                  \
  OP(gru, "x, state, w, b, start = nil")                         \
  OP(gt, "a, b")                                                 \
  OP(huber, "x, target, reduction = \"mean\", delta = 1")        \
  OP(index_select, "x, dim = 1, index")                          \
  OP(layer_norm, "x, gamma, beta, epsilon = 1e-5")               \
  OP(le, "a, b")                                                 \
  OP(leaky_relu, "x")                                            \
  OP(linear, "x, w, b = nil, activation = \"identity\"")         \
  OP(log, "x")                                                   \
  OP(log1p, "x")                                                 \
  OP(log_softmax, "x, dim = -1")                                 \
  OP(logsumexp, "x, dim = -1, keepdim = false")                  \
  OP(lt, "a, b")                                                 \
  OP(masked_fill, "x, mask, value")                              \
  OP(matmul, "a, b")                                             \
  OP(max, "x, dim = all, keepdim = false")                       \
  OP(maximum, "a, b")                                            \
  OP(mean, "x, dim = all, keepdim = false")                      \
  OP(min, "x, dim = all, keepdim = false")                       \
  OP(minimum, "a, b")                                            \
  OP(mse, "x, target, reduction = \"mean\"")                     \
  OP(mul, "a, b")                                                \
  OP(neg, "x")                                                   \
  OP(normal_log_prob, "x, mean, log_std")                        \
  OP(pow, "a, b")                                                \
  OP(relu, "x")                                                  \
  OP(reshape, "x, sizes…")                                       \
  OP(sigmoid, "x")                                               \
  OP(silu, "x")                                                  \
  OP(sin, "x")                                                   \
  OP(slice, "x, dim = 1, first = 1, last = -1, step = 1")        \
  OP(softmax, "x, dim = -1")                                     \
  OP(softplus, "x")                                              \
  OP(sqrt, "x")                                                  \
  OP(square, "x")                                                \
  OP(stack, "tensors, dim = 1")                                  \
  OP(sub, "a, b")                                                \
  OP(sum, "x, dim = all, keepdim = false")                       \
  OP(tanh, "x")                                                  \
  OP(transpose, "x, dim = 1, other = 2")                         \
  OP(uniform_like, "x, run")                                     \
  OP(var, "x, dim = all, keepdim = false, unbiased = true")      \
  OP(where, "condition, a, b")
// clang-format on

#define PRL_DIM_ALL 99 /* in place of a dimension: over all elements */

typedef enum prl_reduction { PRL_REDUCE_MEAN, PRL_REDUCE_NONE, PRL_REDUCE_SUM } prl_reduction;

#endif
