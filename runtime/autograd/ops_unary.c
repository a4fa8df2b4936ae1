/* Element-wise ops of one tensor; the arithmetic is the kernels'. */
#include "autograd/ops_internal.h"

static prl_status infer_like(const char *op, const prl_tensor *const *in, prl_inferred *inferred,
                             prl_error *error) {
  prl_status status = prl_need_f32(op, 1, in, error);
  if (!status) prl_infer_like(inferred, in[0]);
  return status;
}

#define UNARY(op, kind, low, high)                                                                           \
  static prl_status op##_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,              \
                               prl_inferred *inferred, prl_error *error) {                                   \
    return infer_like(#op, in, inferred, error);                                                             \
  }                                                                                                          \
  static void op##_forward(const prl_call *call) {                                                           \
    call->k->unary[kind](count_of(call->out), call->in[0]->data, call->out->data);                           \
  }                                                                                                          \
  static void op##_backward(const prl_call *call) {                                                          \
    if (!call->gin[0]) return;                                                                               \
    call->k->unary_grad[kind](count_of(call->out), call->in[0]->data, call->out->data, call->gout->data,     \
                              false, call->gin[0]->data);                                                    \
  }                                                                                                          \
  PRL_EXAMPLES(op, {IN(F32(low, high, 5, 7))}, {IN(F32(low, high, 3))}, {IN(F32(low, high, 41))},            \
               {IN(SCALAR(low, high))})                                                                      \
  const prl_op prl_op_##op = {#op,           1,           1, PRL_OP_ELEMENTS, op##_infer, op##_forward,      \
                              op##_backward, op##_example};

UNARY(neg, PRL_NEG, -2, 2)
UNARY(exp, PRL_EXP, -2, 2)
UNARY(log, PRL_LOG, .3f, 3)
UNARY(log1p, PRL_LOG1P, -.5f, 3)
UNARY(sqrt, PRL_SQRT, .3f, 3)
UNARY(abs, PRL_ABS, -2, 2)
UNARY(tanh, PRL_TANH, -3, 3)
UNARY(sigmoid, PRL_SIGMOID, -4, 4)
UNARY(softplus, PRL_SOFTPLUS, -4, 4)
UNARY(relu, PRL_RELU, -2, 2)
UNARY(leaky_relu, PRL_LEAKY_RELU, -2, 2)
UNARY(elu, PRL_ELU, -2, 2)
UNARY(silu, PRL_SILU, -4, 4)
UNARY(gelu, PRL_GELU, -3, 3)
UNARY(sin, PRL_SIN, -3, 3)
UNARY(cos, PRL_COS, -3, 3)

/* ---- square ---- */

static prl_status square_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,
                               prl_inferred *inferred, prl_error *error) {
  return infer_like("square", in, inferred, error);
}

static void square_forward(const prl_call *call) {
  call->k->binary[PRL_MUL](count_of(call->out), call->in[0]->data, call->in[0]->data, call->out->data);
}

static void square_backward(const prl_call *call) {
  if (!call->gin[0]) return;
  const float *x = call->in[0]->data, *g = call->gout->data;
  float *gx = call->gin[0]->data;
  int64_t n = count_of(call->out);
  for (int64_t i = 0; i < n; i++) gx[i] = 2 * x[i] * g[i];
}

PRL_EXAMPLES(square, {IN(F32(-2, 2, 5, 7))}, {IN(SCALAR(-2, 2))})
const prl_op prl_op_square = {
    "square", 1, 1, PRL_OP_ELEMENTS, square_infer, square_forward, square_backward, square_example};

/* ---- detach ---- */

static prl_status detach_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,
                               prl_inferred *inferred, prl_error *error) {
  prl_infer_like(inferred, in[0]);
  return PRL_OK;
}

static void detach_forward(const prl_call *call) {
  memcpy(call->out->data, call->in[0]->data, bytes_of(call->out));
}

PRL_EXAMPLES(detach, {IN(F32(-2, 2, 5, 7))}, {IN(IDX64(9, 3))})
const prl_op prl_op_detach = {
    "detach", 1, 1, PRL_OP_NO_GRAD | PRL_OP_ELEMENTS, detach_infer, detach_forward, NULL, detach_example};

/* ---- cast: to the dtype of ints[0]; floats to integers truncate ---- */

static prl_status cast_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,
                             prl_inferred *inferred, prl_error *error) {
  int64_t dtype = attr_int(attrs, 0, PRL_F32);
  prl_status status = prl_need_choice("cast", "dtype", dtype, PRL_I64, error);
  if (!status) prl_infer_out(inferred, (prl_dtype)dtype, in[0]->ndim, in[0]->shape);
  return status;
}

/* A float that an integer cannot hold becomes its least value: C leaves the conversion undefined. */
static void cast_float(const prl_tensor *to, int64_t i, double value) {
  switch (to->dtype) {
  case PRL_F32:
    ((float *)to->data)[i] = (float)value;
    break;
  case PRL_F64:
    ((double *)to->data)[i] = value;
    break;
  case PRL_I32:
    ((int32_t *)to->data)[i] = value > -0x1p31 - 1 && value < 0x1p31 ? (int32_t)value : INT32_MIN;
    break;
  default:
    ((int64_t *)to->data)[i] = value >= -0x1p63 && value < 0x1p63 ? (int64_t)value : INT64_MIN;
    break;
  }
}

static void cast_int(const prl_tensor *to, int64_t i, int64_t value) {
  switch (to->dtype) {
  case PRL_F32:
    ((float *)to->data)[i] = (float)value;
    break;
  case PRL_F64:
    ((double *)to->data)[i] = (double)value;
    break;
  case PRL_I32:
    ((int32_t *)to->data)[i] = value >= INT32_MIN && value <= INT32_MAX ? (int32_t)value : INT32_MIN;
    break;
  default:
    ((int64_t *)to->data)[i] = value;
    break;
  }
}

static void cast_forward(const prl_call *call) {
  const prl_tensor *from = call->in[0], *to = call->out;
  int64_t n = count_of(to);
  for (int64_t i = 0; i < n; i++) {
    switch (from->dtype) {
    case PRL_F32:
      cast_float(to, i, (double)((const float *)from->data)[i]);
      break;
    case PRL_F64:
      cast_float(to, i, ((const double *)from->data)[i]);
      break;
    case PRL_I32:
      cast_int(to, i, ((const int32_t *)from->data)[i]);
      break;
    default:
      cast_int(to, i, ((const int64_t *)from->data)[i]);
      break;
    }
  }
}

PRL_EXAMPLES(cast, {IN(F32(-2, 2, 5, 7)), INTS(PRL_I32)}, {IN(IDX64(9, 3)), INTS(PRL_F32)})
const prl_op prl_op_cast = {"cast", 1, 1, PRL_OP_NO_GRAD, cast_infer, cast_forward, NULL, cast_example};
