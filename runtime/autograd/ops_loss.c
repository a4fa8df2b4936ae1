/* Losses, and dropout. Reductions: PRL_REDUCE_MEAN (0), PRL_REDUCE_NONE, PRL_REDUCE_SUM; a mean is a float64
 * sum over the count.
 */
#include "autograd/ops_internal.h"

static prl_reduction reduction_of(const prl_attrs *attrs) {
  return (prl_reduction)attr_int(attrs, 0, PRL_REDUCE_MEAN);
}

static prl_status loss_infer(const char *op, const prl_attrs *attrs, const prl_tensor *const *in,
                             prl_inferred *inferred, prl_error *error) {
  prl_status status = prl_need_f32(op, 2, in, error);
  if (!status) status = prl_need_same(op, in[0], in[1], error);
  if (!status)
    status = prl_need_choice(op, "reduction", attr_int(attrs, 0, PRL_REDUCE_MEAN), PRL_REDUCE_SUM, error);
  char shape[96];
  if (!status && reduction_of(attrs) == PRL_REDUCE_MEAN && count_of(in[0]) == 0)
    status = prl_fail(error, PRL_ESHAPE, "%s: shape %s has no elements to take a mean of", op,
                      prl_shape_text(in[0], shape, sizeof shape));
  if (status) return status;
  if (reduction_of(attrs) == PRL_REDUCE_NONE)
    prl_infer_like(inferred, in[0]);
  else
    prl_infer_out(inferred, PRL_F32, 0, NULL);
  return PRL_OK;
}

/* The gradient that reaches element i. */
static float gradient_at(const prl_call *call, int64_t i, int64_t n) {
  const float *g = call->gout->data;
  switch (reduction_of(call->attrs)) {
  case PRL_REDUCE_NONE:
    return g[i];
  case PRL_REDUCE_SUM:
    return *g;
  default:
    return *g / (float)n;
  }
}

static void finish_sum(const prl_call *call, double total, int64_t n) {
  *(float *)call->out->data =
      (float)(reduction_of(call->attrs) == PRL_REDUCE_MEAN ? total / (double)n : total);
}

/* ---- Losses of two equal shapes that go by rows. aux: the sum so far, a double. ---- */

static prl_status pair_infer(const char *op, const prl_attrs *attrs, const prl_tensor *const *in,
                             prl_inferred *inferred, prl_error *error) {
  prl_status status = loss_infer(op, attrs, in, inferred, error);
  if (!status && reduction_of(attrs) != PRL_REDUCE_NONE)
    prl_infer_aux(inferred, 1, (const int64_t[]){sizeof(double) / sizeof(float)});
  return status;
}

/* Some rows of the two, and how many numbers that are. */
typedef struct pair {
  const float *a, *b;
  int64_t n;
  bool none; /* no reduction */
} pair;

static pair pair_of(const prl_call *call, int64_t first, int64_t rows) {
  return (pair){rows_at(call->in[0], call->in_tiles & 1, first),
                rows_at(call->in[1], call->in_tiles & 2, first), rows * prl_row_width(call->in[0]),
                reduction_of(call->attrs) == PRL_REDUCE_NONE};
}

static double sum_before(const prl_call *call, int64_t first) {
  double total = 0;
  if (first) memcpy(&total, call->aux->data, sizeof total);
  return total;
}

static void keep_sum(const prl_call *call, double total) {
  memcpy(call->aux->data, &total, sizeof total);
  finish_sum(call, total, count_of(call->in[0]));
}

/* The gradient of side 0 or 1 for some rows; slope(d) is that of an element by its difference. */
#define PAIR_BACKWARD(slope)                                                                                 \
  pair p = pair_of(call, first, rows);                                                                       \
  for (int side = 0; side < 2; side++) {                                                                     \
    if (!call->gin[side]) continue;                                                                          \
    float *to = rows_at(call->gin[side], call->gin_tiles >> side & 1, first), sign = side ? -1.0f : 1.0f;    \
    const float *g = p.none ? rows_at(call->gout, call->gout_tile, first) : NULL;                            \
    const float all = p.none ? 0 : gradient_at(call, 0, count_of(call->in[0]));                              \
    for (int64_t i = 0; i < p.n; i++) {                                                                      \
      float d = p.a[i] - p.b[i];                                                                             \
      to[i] = sign * (slope) * (g ? g[i] : all);                                                             \
    }                                                                                                        \
  }

/* ---- mse: (a − b)². ---- */

static prl_status mse_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,
                            prl_inferred *inferred, prl_error *error) {
  return pair_infer("mse", attrs, in, inferred, error);
}

static void mse_forward_rows(const prl_call *call, int64_t first, int64_t rows) {
  pair p = pair_of(call, first, rows);
  float *y = p.none ? rows_at(call->out, call->out_tile, first) : NULL;
  double total = sum_before(call, p.none ? 0 : first);
  for (int64_t i = 0; i < p.n; i++) {
    float d = p.a[i] - p.b[i];
    if (y)
      y[i] = d * d;
    else
      total += (double)d * (double)d;
  }
  if (!y) keep_sum(call, total);
}

static void mse_backward_rows(const prl_call *call, int64_t first, int64_t rows){PAIR_BACKWARD(2 * d)}

#define PAIR_OP(op)                                                                                          \
  static void op##_forward(const prl_call *call) { op##_forward_rows(call, 0, prl_rows_of(call->in[0])); }   \
  static void op##_backward(const prl_call *call) { op##_backward_rows(call, 0, prl_rows_of(call->in[0])); } \
  const prl_op prl_op_##op = {#op, 2, 2, 0, op##_infer, op##_forward, op##_backward, op##_example};          \
  const prl_row_op prl_row_op_##op = {&prl_op_##op, 3, op##_forward_rows, op##_backward_rows};

#define LOSS_EXAMPLES(op, a0, a1, b0, b1)                                                                    \
  PRL_EXAMPLES(op, {IN(F32(a0, a1, 5, 7), F32(b0, b1, 5, 7))},                                               \
               {IN(F32(a0, a1, 13), F32(b0, b1, 13)), INTS(PRL_REDUCE_NONE)},                                \
               {IN(F32(a0, a1, 3, 2), F32(b0, b1, 3, 2)), INTS(PRL_REDUCE_SUM), FLOATS(.7)})

LOSS_EXAMPLES(mse, -2, 2, -2, 2) PAIR_OP(mse)

    /* ---- huber (Huber 1964): d²/2 where |d| ≤ δ, else δ (|d| − δ/2) ---- */

    static prl_status huber_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,
                                  prl_inferred *inferred, prl_error *error) {
  double delta = attr_float(attrs, 0, 1);
  if (!(delta > 0)) return prl_fail(error, PRL_EINVAL, "huber: delta is %g; it must be above 0", delta);
  return pair_infer("huber", attrs, in, inferred, error);
}

static void huber_forward_rows(const prl_call *call, int64_t first, int64_t rows) {
  pair p = pair_of(call, first, rows);
  float *y = p.none ? rows_at(call->out, call->out_tile, first) : NULL;
  float delta = (float)attr_float(call->attrs, 0, 1);
  double total = sum_before(call, p.none ? 0 : first);
  for (int64_t i = 0; i < p.n; i++) {
    float d = fabsf(p.a[i] - p.b[i]), value = d <= delta ? .5f * d * d : delta * (d - .5f * delta);
    if (y)
      y[i] = value;
    else
      total += (double)value;
  }
  if (!y) keep_sum(call, total);
}

static void huber_backward_rows(const prl_call *call, int64_t first, int64_t rows) {
  float delta = (float)attr_float(call->attrs, 0, 1);
  PAIR_BACKWARD(d > delta ? delta : d < -delta ? -delta : d)
}

LOSS_EXAMPLES(huber, -2, 2, -2, 2)
PAIR_OP(huber)

/* ---- bce_with_logits: −t log σ(z) − (1 − t) log(1 − σ(z)) = (z (1 − t) for z > 0, −z t otherwise) + log(1 +
 * e^−|z|), without cancellation for large z. gz = (σ(z) − t) g, gt = −z g. ---- */

static prl_status bce_with_logits_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,
                                        prl_inferred *inferred, prl_error *error) {
  prl_status status = loss_infer("bce_with_logits", attrs, in, inferred, error);
  if (!status) inferred->scratch = count_of(in[0]);
  return status;
}

static void bce_with_logits_forward(const prl_call *call) {
  const float *z = call->in[0]->data, *t = call->in[1]->data;
  int64_t n = count_of(call->in[0]);
  float *y = call->out->data, *tail = call->scratch;
  bool none = reduction_of(call->attrs) == PRL_REDUCE_NONE;
  double total = 0;
  for (int64_t i = 0; i < n; i++) tail[i] = -fabsf(z[i]);
  call->k->unary[PRL_SOFTPLUS](n, tail, tail);
  for (int64_t i = 0; i < n; i++) {
    float value = (z[i] > 0 ? z[i] * (1 - t[i]) : -z[i] * t[i]) + tail[i];
    if (none)
      y[i] = value;
    else
      total += (double)value;
  }
  if (!none) finish_sum(call, total, n);
}

static void bce_with_logits_backward(const prl_call *call) {
  const float *z = call->in[0]->data, *t = call->in[1]->data;
  int64_t n = count_of(call->in[0]);
  if (call->gin[0]) {
    float *to = call->gin[0]->data;
    call->k->unary[PRL_SIGMOID](n, z, call->scratch);
    for (int64_t i = 0; i < n; i++) to[i] = (call->scratch[i] - t[i]) * gradient_at(call, i, n);
  }
  if (call->gin[1]) {
    float *to = call->gin[1]->data;
    for (int64_t i = 0; i < n; i++) to[i] = -z[i] * gradient_at(call, i, n);
  }
}

LOSS_EXAMPLES(bce_with_logits, -4, 4, 0, 1)
const prl_op prl_op_bce_with_logits = {
    "bce_with_logits",      2, 2, 0, bce_with_logits_infer, bce_with_logits_forward, bce_with_logits_backward,
    bce_with_logits_example};

/* ---- cross_entropy: −log softmax(x)[label] of each row. aux (m, n): log softmax. gx = (softmax(x) −
 * one-hot) g. A label out of range gives NaN. ---- */

static prl_status cross_entropy_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,
                                      prl_inferred *inferred, prl_error *error) {
  prl_status status = prl_need_f32("cross_entropy", 1, in, error);
  if (!status) status = prl_need_index("cross_entropy", "labels", in[1], error);
  if (!status)
    status = prl_need_choice("cross_entropy", "reduction", attr_int(attrs, 0, PRL_REDUCE_MEAN),
                             PRL_REDUCE_SUM, error);
  if (status) return status;
  if (in[0]->ndim != 2 || in[0]->shape[0] == 0 || in[0]->shape[1] == 0 || count_of(in[1]) != in[0]->shape[0])
    return prl_shape_fail("cross_entropy", in[0], in[1], "do not fit logits (m, n) and labels (m)", error);
  bool none = reduction_of(attrs) == PRL_REDUCE_NONE;
  prl_infer_out(inferred, PRL_F32, none ? in[1]->ndim : 0, in[1]->shape);
  prl_infer_aux(inferred, 2, in[0]->shape);
  return PRL_OK;
}

static void cross_entropy_forward(const prl_call *call) {
  int64_t m = call->in[0]->shape[0], n = call->in[0]->shape[1];
  const float *log_p = call->aux->data;
  float *y = call->out->data;
  bool none = reduction_of(call->attrs) == PRL_REDUCE_NONE;
  double total = 0;
  call->k->log_softmax(m, n, call->in[0]->data, call->aux->data);
  for (int64_t r = 0; r < m; r++, log_p += n) {
    int64_t label = index_at(call->in[1], r, n);
    float value = label < 0 ? NAN : -log_p[label];
    if (none)
      y[r] = value;
    else
      total += (double)value;
  }
  if (!none) finish_sum(call, total, m);
}

static void cross_entropy_backward(const prl_call *call) {
  if (!call->gin[0]) return;
  int64_t m = call->in[0]->shape[0], n = call->in[0]->shape[1];
  float *gx = call->gin[0]->data;
  call->k->unary[PRL_EXP](m * n, call->aux->data, gx);
  for (int64_t r = 0; r < m; r++, gx += n) {
    int64_t label = index_at(call->in[1], r, n);
    float g = gradient_at(call, r, m);
    if (label >= 0) gx[label] -= 1;
    for (int64_t j = 0; j < n; j++) gx[j] *= g;
  }
}

PRL_EXAMPLES(cross_entropy, {IN(F32(-2, 2, 5, 7), IDX(7, 5))},
             {IN(F32(-2, 2, 3, 2), IDX64(2, 3)), INTS(PRL_REDUCE_NONE)},
             {IN(F32(-2, 2, 7, 5), IDX(5, 7, 1)), INTS(PRL_REDUCE_SUM)})
const prl_op prl_op_cross_entropy = {
    "cross_entropy",      2, 2, 0, cross_entropy_infer, cross_entropy_forward, cross_entropy_backward,
    cross_entropy_example};

/* ---- dropout (Srivastava et al. 2014, inverted): x/(1 − p) where the draw is at least p, else 0 ---- */

static prl_status dropout_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,
                                prl_inferred *inferred, prl_error *error) {
  double p = attr_float(attrs, 0, .5);
  prl_status status = prl_need_f32("dropout", 2, in, error);
  if (!status) status = prl_need_same("dropout", in[0], in[1], error);
  if (!status && !(p >= 0 && p < 1))
    status = prl_fail(error, PRL_EINVAL, "dropout: p is %g; it must be at least 0 and below 1", p);
  if (!status) prl_infer_like(inferred, in[0]);
  return status;
}

static void dropout_run(const prl_call *call, const float *x, float *y) {
  const float *draw = call->in[1]->data;
  float p = (float)attr_float(call->attrs, 0, .5), scale = 1 / (1 - p);
  int64_t n = count_of(call->out);
  /* The product is masked, not branched around: one draw in two would be mispredicted. */
  for (int64_t i = 0; i < n; i++) {
    float kept = x[i] * scale;
    uint32_t bits;
    memcpy(&bits, &kept, sizeof bits);
    bits &= 0u - (uint32_t)(draw[i] >= p);
    memcpy(&y[i], &bits, sizeof bits);
  }
}

static void dropout_forward(const prl_call *call) { dropout_run(call, call->in[0]->data, call->out->data); }
static void dropout_backward(const prl_call *call) {
  if (call->gin[0]) dropout_run(call, call->gout->data, call->gin[0]->data);
}

PRL_EXAMPLES(dropout, {IN(F32(-2, 2, 5, 7), F32(0, 1, 5, 7)), FLOATS(.3)},
             {IN(F32(-2, 2, 13), F32(0, 1, 13))})
const prl_op prl_op_dropout = {
    "dropout", 2, 2, PRL_OP_RANDOM, dropout_infer, dropout_forward, dropout_backward, dropout_example};
