/* Element-wise ops of two tensors, broadcast together; their gradients are summed over broadcast dimensions.
 */
#include "autograd/ops_internal.h"

static prl_status infer(const char *op, const prl_tensor *const *in, bool scratch, prl_inferred *inferred,
                        prl_error *error) {
  prl_tensor out;
  prl_status status = prl_need_f32(op, 2, in, error);
  if (!status) status = prl_broadcast(op, in[0], in[1], &out, error);
  if (status) return status;
  prl_infer_out(inferred, PRL_F32, out.ndim, out.shape);
  /* A broadcast operand's gradient is made in full, then summed. */
  if (scratch && !(same_shape(&out, in[0]) && same_shape(&out, in[1]))) inferred->scratch = count_of(&out);
  return PRL_OK;
}

/* Where the full gradient of input i goes, before it is summed. */
static float *full_of(const prl_call *call, int i) {
  return count_of(call->gin[i]) == count_of(call->out) ? call->gin[i]->data : call->scratch;
}

static void reduce(const prl_call *call, int i, const float *full) {
  if (full != call->gin[i]->data) prl_reduce_to(call->k, call->out, full, call->gin[i], call->gin[i]->data);
}

static void negate(const prl_call *call, int i) {
  call->k->unary[PRL_NEG](count_of(call->gin[i]), call->gin[i]->data, call->gin[i]->data);
}

/* gin[i] = the sum of gout ∘ other */
static void grad_binary(const prl_call *call, int i, prl_binary f, const prl_tensor *other) {
  float *full = full_of(call, i);
  prl_run_binary(call->k, f, call->gout, other, call->out, full);
  reduce(call, i, full);
}

static void add_backward(const prl_call *call) {
  for (int i = 0; i < 2; i++)
    if (call->gin[i]) reduce(call, i, call->gout->data);
}

static void sub_backward(const prl_call *call) {
  add_backward(call);
  if (call->gin[1]) negate(call, 1);
}

static void mul_backward(const prl_call *call) {
  if (call->gin[0]) grad_binary(call, 0, PRL_MUL, call->in[1]);
  if (call->gin[1]) grad_binary(call, 1, PRL_MUL, call->in[0]);
}

/* y = a / b: ga = g / b, gb = −g y / b. */
static void div_backward(const prl_call *call) {
  if (call->gin[0]) grad_binary(call, 0, PRL_DIV, call->in[1]);
  if (!call->gin[1]) return;
  float *full = full_of(call, 1);
  prl_tensor product = *call->out;
  product.data = full;
  call->k->binary[PRL_MUL](count_of(call->out), call->gout->data, call->out->data, full);
  prl_run_binary(call->k, PRL_DIV, &product, call->in[1], call->out, full);
  reduce(call, 1, full);
  negate(call, 1);
}

/* ---- Gradients element by element ---- */

typedef void (*element_grad)(int64_t n, const float *a, int64_t sa, const float *b, int64_t sb,
                             const float *y, const float *g, float *to);

static void grad_elements(const prl_call *call, int i, element_grad f) {
  if (!call->gin[i]) return;
  float *full = full_of(call, i), *to = full;
  const float *a = call->in[0]->data, *b = call->in[1]->data, *g = call->gout->data, *y = call->out->data;
  prl_walk walk;
  prl_walk_begin(&walk, call->out, 2, call->in);
  for (int64_t r = 0; r < walk.runs; r++, prl_walk_next(&walk)) {
    f(walk.run, a + walk.offset[0], walk.step[0], b + walk.offset[1], walk.step[1], y, g, to);
    y += walk.run, g += walk.run, to += walk.run;
  }
  reduce(call, i, full);
}

/* The extreme operand takes the gradient; equal ones take half each, as in PyTorch. */
static void extreme_backward(const prl_call *call, bool greatest) {
  for (int i = 0; i < 2; i++) {
    if (!call->gin[i]) continue;
    int above = greatest ? i : 1 - i, below = 1 - above;
    const float *p = call->in[above]->data, *q = call->in[below]->data, *g = call->gout->data;
    float *full = full_of(call, i), *to = full;
    prl_walk walk;
    prl_walk_begin(&walk, call->out, 2, call->in);
    for (int64_t r = 0; r < walk.runs; r++, g += walk.run, to += walk.run, prl_walk_next(&walk))
      call->k->greater_grad(walk.run, p + walk.offset[above], walk.step[above], q + walk.offset[below],
                            walk.step[below], g, to);
    reduce(call, i, full);
  }
}

static void minimum_backward(const prl_call *call) { extreme_backward(call, false); }
static void maximum_backward(const prl_call *call) { extreme_backward(call, true); }

static void pow_grad_base(int64_t n, const float *a, int64_t sa, const float *b, int64_t sb, const float *y,
                          const float *g, float *to) {
  for (int64_t j = 0; j < n; j++) {
    float p = b[j * sb];
    to[j] = p == 0 ? 0 : g[j] * (p * powf(a[j * sa], p - 1));
  }
}

/* Only where the base is positive: elsewhere the power is not differentiable in its exponent. */
static void pow_grad_exponent(int64_t n, const float *a, int64_t sa, const float *b, int64_t sb,
                              const float *y, const float *g, float *to) {
  for (int64_t j = 0; j < n; j++) to[j] = a[j * sa] > 0 ? g[j] * (y[j] * logf(a[j * sa])) : 0;
}

static void pow_forward(const prl_call *call) {
  const float *a = call->in[0]->data, *b = call->in[1]->data;
  float *y = call->out->data;
  prl_walk walk;
  prl_walk_begin(&walk, call->out, 2, call->in);
  for (int64_t r = 0; r < walk.runs; r++, y += walk.run, prl_walk_next(&walk)) {
    const float *p = a + walk.offset[0], *q = b + walk.offset[1];
    for (int64_t j = 0; j < walk.run; j++) y[j] = powf(p[j * walk.step[0]], q[j * walk.step[1]]);
  }
}

static void pow_backward(const prl_call *call) {
  grad_elements(call, 0, pow_grad_base);
  grad_elements(call, 1, pow_grad_exponent);
}

/* ---- The table ---- */

#define BINARY_FORWARD(op, kind)                                                                             \
  static void op##_forward(const prl_call *call) {                                                           \
    prl_run_binary(call->k, kind, call->in[0], call->in[1], call->out, call->out->data);                     \
  }
BINARY_FORWARD(add, PRL_ADD)
BINARY_FORWARD(sub, PRL_SUB)
BINARY_FORWARD(mul, PRL_MUL)
BINARY_FORWARD(div, PRL_DIV)
BINARY_FORWARD(minimum, PRL_MIN)
BINARY_FORWARD(maximum, PRL_MAX)

/* The shapes that a binary op meets: equal, row, column, scalar, both broadcast, a gap in the middle. */
#define BINARY_OP(op, scratch, a0, a1, b0, b1)                                                               \
  PRL_EXAMPLES(op, {IN(F32(a0, a1, 5, 7), F32(b0, b1, 5, 7))}, {IN(F32(a0, a1, 5, 7), F32(b0, b1, 7))},      \
               {IN(F32(a0, a1, 5, 1), F32(b0, b1, 5, 7))}, {IN(F32(a0, a1, 3, 3), SCALAR(b0, b1))},          \
               {IN(SCALAR(a0, a1), F32(b0, b1, 13))}, {IN(F32(a0, a1, 3, 1), F32(b0, b1, 1, 5))},            \
               {IN(F32(a0, a1, 2, 3, 5), F32(b0, b1, 2, 1, 5))},                                             \
               {IN(F32(a0, a1, 1, 3, 1), F32(b0, b1, 2, 1, 3))})                                             \
  static prl_status op##_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,              \
                               prl_inferred *inferred, prl_error *error) {                                   \
    return infer(#op, in, scratch, inferred, error);                                                         \
  }                                                                                                          \
  const prl_op prl_op_##op = {#op,           2,           2, PRL_OP_ELEMENTS, op##_infer, op##_forward,      \
                              op##_backward, op##_example};

BINARY_OP(add, false, -2, 2, -2, 2)
BINARY_OP(sub, false, -2, 2, -2, 2)
BINARY_OP(mul, true, -2, 2, -2, 2)
BINARY_OP(div, true, -2, 2, .5f, 2)
BINARY_OP(minimum, true, -2, 2, -2, 2)
BINARY_OP(maximum, true, -2, 2, -2, 2)
BINARY_OP(pow, true, .3f, 2, -2, 2)

/* ---- Comparisons ---- */

static prl_status compare_infer(const char *op, const prl_tensor *const *in, prl_inferred *inferred,
                                prl_error *error) {
  prl_tensor out;
  prl_status status = prl_broadcast(op, in[0], in[1], &out, error);
  if (!status) prl_infer_out(inferred, PRL_F32, out.ndim, out.shape);
  return status;
}

static double number_at(const prl_tensor *t, int64_t at) {
  switch (t->dtype) {
  case PRL_F32:
    return ((const float *)t->data)[at];
  case PRL_F64:
    return ((const double *)t->data)[at];
  case PRL_I32:
    return ((const int32_t *)t->data)[at];
  default:
    return (double)((const int64_t *)t->data)[at];
  }
}

static bool holds(prl_relation relation, double a, double b) {
  switch (relation) {
  case PRL_GT:
    return a > b;
  case PRL_GE:
    return a >= b;
  case PRL_LT:
    return a < b;
  case PRL_LE:
    return a <= b;
  default:
    return a == b;
  }
}

static void compare(const prl_call *call, prl_relation relation) {
  const prl_tensor *a = call->in[0], *b = call->in[1];
  bool floats = a->dtype == PRL_F32 && b->dtype == PRL_F32;
  float *y = call->out->data;
  prl_walk walk;
  prl_walk_begin(&walk, call->out, 2, call->in);
  for (int64_t r = 0; r < walk.runs; r++, y += walk.run, prl_walk_next(&walk)) {
    int64_t at = walk.offset[0], other = walk.offset[1];
    if (floats) {
      call->k->compare[relation](walk.run, (const float *)a->data + at, walk.step[0],
                                 (const float *)b->data + other, walk.step[1], y);
      continue;
    }
    for (int64_t j = 0; j < walk.run; j++, at += walk.step[0], other += walk.step[1])
      y[j] = holds(relation, number_at(a, at), number_at(b, other));
  }
}

#define COMPARISON(op, relation)                                                                             \
  static prl_status op##_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,              \
                               prl_inferred *inferred, prl_error *error) {                                   \
    return compare_infer(#op, in, inferred, error);                                                          \
  }                                                                                                          \
  static void op##_forward(const prl_call *call) { compare(call, relation); }                                \
  PRL_EXAMPLES(op, {IN(F32(-2, 2, 5, 7), F32(-2, 2, 7))}, {IN(IDX(3, 5, 3), IDX64(3, 5, 1))})                \
  const prl_op prl_op_##op = {#op,          2,    2,           PRL_OP_NO_GRAD | PRL_OP_ELEMENTS, op##_infer, \
                              op##_forward, NULL, op##_example};

COMPARISON(gt, PRL_GT)
COMPARISON(ge, PRL_GE)
COMPARISON(lt, PRL_LT)
COMPARISON(le, PRL_LE)
COMPARISON(eq, PRL_EQ)
