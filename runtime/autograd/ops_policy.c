/* Distributions of actions: the log-density of a diagonal Gaussian, and draws from a categorical one. */
#include "autograd/ops_internal.h"

/* ---- normal_log_prob: x (…, n), mean and log_std (…, n) or (n) → (…)
 *
 *   y = Σ_j −½ z_j² − log σ_j − ½ log 2π,   z = (x − μ)/σ,   σ = exp(log_std)
 *   gx = −g z/σ,   gμ = g z/σ,   g(log_std) = g (z² − 1)
 *
 * z² and the sum are float64, so that a far tail neither overflows nor loses the other dimensions. aux: 1/σ,
 * shaped as log_std. ---- */

static prl_status normal_log_prob_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,
                                        prl_inferred *inferred, prl_error *error) {
  const prl_tensor *x = in[0];
  prl_status status = prl_need_f32("normal_log_prob", 3, in, error);
  for (int i = 1; i < 3 && !status; i++) {
    bool row = x->ndim > 0 && in[i]->ndim == 1 && in[i]->shape[0] == x->shape[x->ndim - 1];
    if (!row && (x->ndim == 0 || !same_shape(x, in[i])))
      status = prl_shape_fail("normal_log_prob", x, in[i], "do not fit (…, n) and (…, n) or (n)", error);
  }
  if (status) return status;
  prl_infer_out(inferred, PRL_F32, x->ndim - 1, x->shape);
  prl_infer_aux(inferred, in[2]->ndim, in[2]->shape);
  return PRL_OK;
}

/* Where an operand is a single row, its step is 0. */
static prl_gaussian gaussian_of(const prl_call *call) {
  const prl_tensor *x = call->in[0];
  int64_t n = x->shape[x->ndim - 1], rows = span_of(x, 0, x->ndim - 1);
  return (prl_gaussian){rows,
                        n,
                        same_shape(x, call->in[1]) ? n : 0,
                        same_shape(x, call->in[2]) ? n : 0,
                        x->data,
                        call->in[1]->data,
                        call->in[2]->data,
                        call->aux->data};
}

static void normal_log_prob_forward(const prl_call *call) {
  prl_gaussian d = gaussian_of(call);
  float *inverse = call->aux->data;
  int64_t count = count_of(call->aux);
  call->k->unary[PRL_NEG](count, d.log_std, inverse);
  call->k->unary[PRL_EXP](count, inverse, inverse);
  call->k->normal_log_prob(&d, call->out->data);
}

static void normal_log_prob_backward(const prl_call *call) {
  prl_gaussian d = gaussian_of(call);
  const bool summed[] = {false, !d.mean_step, !d.std_step};
  for (int i = 0; i < 3; i++)
    if (call->gin[i])
      call->k->normal_grad(&d, (prl_gaussian_part)i, call->gout->data, summed[i], call->gin[i]->data);
}

PRL_EXAMPLES(normal_log_prob, {IN(F32(-2, 2, 5, 3), F32(-1, 1, 5, 3), F32(-1, .5f, 3))},
             {IN(F32(-2, 2, 5, 3), F32(-1, 1, 5, 3), F32(-1, .5f, 5, 3))},
             {IN(F32(-2, 2, 7, 1), F32(-1, 1, 1), F32(-1, .5f, 7, 1))},
             {IN(F32(-1, 1, 3, 67), F32(-1, 1, 67), F32(-.2f, .2f, 67))},
             {IN(F32(-2, 2, 2, 3, 5), F32(-1, 1, 2, 3, 5), F32(-1, .5f, 5))},
             {IN(F32(-2, 2, 5), F32(-1, 1, 5), F32(-1, .5f, 5))})
const prl_op prl_op_normal_log_prob = {
    "normal_log_prob",      3, 3, 0, normal_log_prob_infer, normal_log_prob_forward, normal_log_prob_backward,
    normal_log_prob_example};

/* ---- categorical_sample: the inverse of the cumulative distribution at each row's draw. The target is a
 * share of the sum that is really reached, so that rounding can never run past the end, and a choice of
 * probability 0 is never taken. A row that is not finite gives −1 (NaN in float32). ---- */

static prl_status categorical_sample_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,
                                           prl_inferred *inferred, prl_error *error) {
  int64_t dtype = attr_int(attrs, 0, PRL_I32);
  prl_status status = prl_need_f32("categorical_sample", 2, in, error);
  if (status) return status;
  if (dtype != PRL_F32 && dtype != PRL_I32 && dtype != PRL_I64)
    return prl_fail(error, PRL_EINVAL,
                    "categorical_sample: indices are int32, int64 or float32, not dtype %lld",
                    (long long)dtype);
  if (in[0]->ndim != 2 || in[0]->shape[1] == 0 || in[1]->ndim < 1 || in[1]->shape[0] != in[0]->shape[0] ||
      count_of(in[1]) != in[0]->shape[0])
    return prl_shape_fail("categorical_sample", in[0], in[1],
                          "do not fit logits (m, n) and draws (m) or (m, 1)", error);
  prl_infer_out(inferred, (prl_dtype)dtype, in[1]->ndim, in[1]->shape);
  inferred->scratch = count_of(in[0]);
  return PRL_OK;
}

static int64_t sample_row(const float *p, int64_t n, float draw) {
  double total = 0, reached = 0;
  int64_t last = -1;
  for (int64_t j = 0; j < n; j++) total += (double)p[j];
  if (!(total > 0) || isinf(total) || isnan(draw)) return -1;
  double target = (double)draw * total;
  for (int64_t j = 0; j < n; j++) {
    if (!(p[j] > 0)) continue;
    reached += (double)p[j];
    last = j;
    if (reached > target) break;
  }
  return last;
}

static void categorical_sample_forward(const prl_call *call) {
  int64_t m = call->in[0]->shape[0], n = call->in[0]->shape[1];
  const float *draw = call->in[1]->data;
  call->k->softmax(m, n, call->in[0]->data, call->scratch);
  for (int64_t r = 0; r < m; r++) {
    int64_t choice = sample_row(call->scratch + r * n, n, draw[r]);
    if (call->out->dtype == PRL_I32)
      ((int32_t *)call->out->data)[r] = (int32_t)choice;
    else if (call->out->dtype == PRL_I64)
      ((int64_t *)call->out->data)[r] = choice;
    else
      ((float *)call->out->data)[r] = choice < 0 ? NAN : (float)choice;
  }
}

PRL_EXAMPLES(categorical_sample, {IN(F32(-2, 2, 5, 7), F32(0, 1, 5, 1))},
             {IN(F32(-2, 2, 9, 2), F32(0, 1, 9)), INTS(PRL_I64)},
             {IN(F32(-2, 2, 3, 1), F32(0, 1, 3, 1)), INTS(PRL_F32)})
const prl_op prl_op_categorical_sample = {"categorical_sample",
                                          2,
                                          2,
                                          PRL_OP_NO_GRAD | PRL_OP_RANDOM,
                                          categorical_sample_infer,
                                          categorical_sample_forward,
                                          NULL,
                                          categorical_sample_example};
