/* Reductions over one dimension or all, in ascending order with float64 accumulators. */
#include "autograd/ops_internal.h"

/* The input seen as (outer, n, inner); n is reduced. */
typedef struct reduction {
  int64_t outer, n, inner;
} reduction;

static reduction reduction_of(const prl_attrs *attrs, const prl_tensor *x) {
  int64_t dim = attr_int(attrs, 0, PRL_DIM_ALL);
  if (dim == PRL_DIM_ALL) return (reduction){1, count_of(x), 1};
  if (dim < 0) dim += x->ndim;
  return (reduction){span_of(x, 0, (int)dim), x->shape[dim], span_of(x, (int)dim + 1, x->ndim)};
}

static prl_status infer(const char *op, const prl_attrs *attrs, const prl_tensor *x, prl_dtype dtype,
                        int64_t least, prl_inferred *inferred, prl_error *error) {
  int64_t at = attr_int(attrs, 0, PRL_DIM_ALL);
  bool keep = attr_int(attrs, 1, 0) != 0;
  int dim = -1, ndim = 0;
  prl_status status = prl_need_f32(op, 1, &x, error);
  if (!status && at != PRL_DIM_ALL) status = prl_need_dim(op, at, x, &dim, error);
  if (status) return status;
  int64_t shape[PRL_MAX_DIMS];
  for (int d = 0; d < x->ndim; d++) {
    bool reduced = dim < 0 || d == dim;
    if (!reduced || keep) shape[ndim++] = reduced ? 1 : x->shape[d];
  }
  char text[96];
  int64_t n = reduction_of(attrs, x).n;
  if (n < least)
    return prl_fail(error, PRL_ESHAPE, "%s: %lld elements to reduce in shape %s; at least %lld are needed",
                    op, (long long)n, prl_shape_text(x, text, sizeof text), (long long)least);
  prl_infer_out(inferred, dtype, ndim, shape);
  return PRL_OK;
}

/* y = Σ x over n */
static void run_sum(const prl_call *call, float *y) {
  reduction r = reduction_of(call->attrs, call->in[0]);
  prl_tensor full = {.ndim = 3, .shape = {r.outer, r.n, r.inner}},
             to = {.ndim = 3, .shape = {r.outer, 1, r.inner}};
  prl_reduce_to(call->k, &full, call->in[0]->data, &to, y);
}

/* gx = the gradient of its sum times `scale` */
static void spread(const prl_call *call, float scale) {
  if (!call->gin[0]) return;
  reduction r = reduction_of(call->attrs, call->in[0]);
  const float *g = call->gout->data;
  float *gx = call->gin[0]->data;
  for (int64_t o = 0; o < r.outer; o++, g += r.inner) {
    if (r.inner == 1) {
      float each = *g * scale;
      for (int64_t i = 0; i < r.n; i++) gx[i] = each;
      gx += r.n;
      continue;
    }
    for (int64_t i = 0; i < r.n; i++, gx += r.inner)
      for (int64_t c = 0; c < r.inner; c++) gx[c] = g[c] * scale;
  }
}

#define REDUCTION_INFER(op, dtype, least)                                                                    \
  static prl_status op##_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,              \
                               prl_inferred *inferred, prl_error *error) {                                   \
    return infer(#op, attrs, in[0], dtype, least, inferred, error);                                          \
  }

#define REDUCTION_EXAMPLES(op)                                                                               \
  PRL_EXAMPLES(op, {IN(F32(-2, 2, 5, 7))}, {IN(F32(-2, 2, 5, 7)), INTS(0)},                                  \
               {IN(F32(-2, 2, 5, 7)), INTS(1, 1)}, {IN(F32(-2, 2, 2, 3, 5)), INTS(1)},                       \
               {IN(F32(-2, 2, 2, 3, 3)), INTS(-1, 1)}, {IN(F32(-2, 2, 3, 70)), INTS(0, 1)},                  \
               {IN(F32(-2, 2, 3, 3)), INTS(PRL_DIM_ALL, 1)}, {IN(F32(-2, 2, 13)), INTS(0)})

/* ---- sum, mean (a sum divided by its count) ---- */

REDUCTION_INFER(sum, PRL_F32, 0)
static void sum_forward(const prl_call *call) { run_sum(call, call->out->data); }
static void sum_backward(const prl_call *call) { spread(call, 1); }
REDUCTION_EXAMPLES(sum)
const prl_op prl_op_sum = {"sum", 1, 1, 0, sum_infer, sum_forward, sum_backward, sum_example};

/* Of all numbers it goes by rows; aux: the sum so far. */
static bool is_of_all(const prl_attrs *attrs, const prl_tensor *x) {
  return x->ndim == 1 || attr_int(attrs, 0, PRL_DIM_ALL) == PRL_DIM_ALL;
}

static prl_status mean_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,
                             prl_inferred *inferred, prl_error *error) {
  prl_status status = infer("mean", attrs, in[0], PRL_F32, 1, inferred, error);
  if (!status && is_of_all(attrs, in[0]))
    prl_infer_aux(inferred, 1, (const int64_t[]){sizeof(prl_sum) / sizeof(float)});
  return status;
}

static void mean_forward_rows(const prl_call *call, int64_t first, int64_t rows) {
  const prl_tensor *x = call->in[0];
  const float *from = rows_at(x, call->in_tiles & 1, first);
  prl_sum sum = {{0}}; /* aux need not be aligned for it */
  float *y = call->out->data;
  if (first) memcpy(&sum, call->aux->data, sizeof sum);
  *y = (float)call->k->sum_on(rows * prl_row_width(x), from, !first, &sum);
  memcpy(call->aux->data, &sum, sizeof sum);
  if (count_of(x) == 1) *y = *from; /* 0 − 0 is 0 */
  call->k->binary_scalar[PRL_DIV](1, y, (float)count_of(x), y);
}

static void mean_backward_rows(const prl_call *call, int64_t first, int64_t rows) {
  if (!call->gin[0]) return;
  const float *g = call->gout->data, each = *g * (1 / (float)count_of(call->in[0]));
  float *gx = rows_at(call->gin[0], call->gin_tiles & 1, first);
  for (int64_t i = 0; i < rows * prl_row_width(call->in[0]); i++) gx[i] = each;
}

static void mean_forward(const prl_call *call) {
  float *y = call->out->data;
  run_sum(call, y);
  call->k->binary_scalar[PRL_DIV](count_of(call->out), y, (float)reduction_of(call->attrs, call->in[0]).n, y);
}
static void mean_backward(const prl_call *call) {
  spread(call, 1 / (float)reduction_of(call->attrs, call->in[0]).n);
}
REDUCTION_EXAMPLES(mean)
const prl_op prl_op_mean = {"mean", 1, 1, 0, mean_infer, mean_forward, mean_backward, mean_example};
const prl_row_op prl_row_op_mean = {&prl_op_mean, 1, mean_forward_rows, mean_backward_rows};

/* ---- var: Σ (x − mean)²/(n − 1), or /n where ints[2] is 0. gx = 2 (x − mean)/(n − 1) · g. ---- */

static prl_status var_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,
                            prl_inferred *inferred, prl_error *error) {
  return infer("var", attrs, in[0], PRL_F32, attr_int(attrs, 2, 1) ? 2 : 1, inferred, error);
}

static double mean_of(const float *x, reduction r) {
  double sum = 0;
  for (int64_t i = 0; i < r.n; i++) sum += (double)x[i * r.inner];
  return sum / (double)r.n;
}

static double divisor_of(const prl_call *call, reduction r) {
  return (double)(r.n - (attr_int(call->attrs, 2, 1) != 0));
}

static void var_forward(const prl_call *call) {
  reduction r = reduction_of(call->attrs, call->in[0]);
  float *y = call->out->data;
  for (int64_t o = 0; o < r.outer; o++)
    for (int64_t c = 0; c < r.inner; c++) {
      const float *x = (const float *)call->in[0]->data + o * r.n * r.inner + c;
      double mean = mean_of(x, r), squares = 0;
      for (int64_t i = 0; i < r.n; i++) {
        double d = (double)x[i * r.inner] - mean;
        squares += d * d;
      }
      *y++ = (float)(squares / divisor_of(call, r));
    }
}

static void var_backward(const prl_call *call) {
  if (!call->gin[0]) return;
  reduction r = reduction_of(call->attrs, call->in[0]);
  const float *g = call->gout->data;
  for (int64_t o = 0; o < r.outer; o++)
    for (int64_t c = 0; c < r.inner; c++) {
      int64_t at = o * r.n * r.inner + c;
      const float *x = (const float *)call->in[0]->data + at;
      float *gx = (float *)call->gin[0]->data + at;
      double mean = mean_of(x, r), scale = 2 * (double)*g++ / divisor_of(call, r);
      for (int64_t i = 0; i < r.n; i++) gx[i * r.inner] = (float)(((double)x[i * r.inner] - mean) * scale);
    }
}

PRL_EXAMPLES(var, {IN(F32(-2, 2, 5, 7))}, {IN(F32(-2, 2, 5, 7)), INTS(0)},
             {IN(F32(-2, 2, 5, 7)), INTS(1, 1, 0)}, {IN(F32(-2, 2, 2, 3, 5)), INTS(1, 0, 1)},
             {IN(F32(-2, 2, 3, 2)), INTS(PRL_DIM_ALL, 1, 0)})
const prl_op prl_op_var = {"var", 1, 1, 0, var_infer, var_forward, var_backward, var_example};

/* ---- min, max, argmin, argmax: the first extreme, a NaN before all; the gradient goes to it alone ---- */

static int64_t first_extreme(const float *x, reduction r, bool greatest) {
  int64_t best = 0;
  for (int64_t i = 1; i < r.n; i++) {
    float value = x[i * r.inner], top = x[best * r.inner];
    if (isnan(top)) break;
    if (isnan(value) || (greatest ? value > top : value < top)) best = i;
  }
  return best;
}

static void extreme_forward(const prl_call *call, bool greatest) {
  reduction r = reduction_of(call->attrs, call->in[0]);
  float *y = call->out->data;
  for (int64_t o = 0; o < r.outer; o++)
    for (int64_t c = 0; c < r.inner; c++) {
      const float *x = (const float *)call->in[0]->data + o * r.n * r.inner + c;
      *y++ = x[first_extreme(x, r, greatest) * r.inner];
    }
}

static void extreme_backward(const prl_call *call, bool greatest) {
  if (!call->gin[0]) return;
  reduction r = reduction_of(call->attrs, call->in[0]);
  const float *g = call->gout->data;
  memset(call->gin[0]->data, 0, bytes_of(call->gin[0]));
  for (int64_t o = 0; o < r.outer; o++)
    for (int64_t c = 0; c < r.inner; c++) {
      int64_t at = o * r.n * r.inner + c;
      int64_t best = first_extreme((const float *)call->in[0]->data + at, r, greatest);
      ((float *)call->gin[0]->data)[at + best * r.inner] = *g++;
    }
}

static void arg_forward(const prl_call *call, bool greatest) {
  reduction r = reduction_of(call->attrs, call->in[0]);
  int64_t to = 0;
  for (int64_t o = 0; o < r.outer; o++)
    for (int64_t c = 0; c < r.inner; c++, to++) {
      const float *x = (const float *)call->in[0]->data + o * r.n * r.inner + c;
      int64_t best = first_extreme(x, r, greatest);
      if (call->out->dtype == PRL_I32)
        ((int32_t *)call->out->data)[to] = (int32_t)best;
      else if (call->out->dtype == PRL_I64)
        ((int64_t *)call->out->data)[to] = best;
      else
        ((float *)call->out->data)[to] = (float)best;
    }
}

static prl_status arg_infer(const char *op, const prl_attrs *attrs, const prl_tensor *x,
                            prl_inferred *inferred, prl_error *error) {
  int64_t dtype = attr_int(attrs, 2, PRL_I32);
  if (dtype != PRL_F32 && dtype != PRL_I32 && dtype != PRL_I64)
    return prl_fail(error, PRL_EINVAL, "%s: indices are int32, int64 or float32, not dtype %lld", op,
                    (long long)dtype);
  return infer(op, attrs, x, (prl_dtype)dtype, 1, inferred, error);
}

#define EXTREME(op, greatest)                                                                                \
  REDUCTION_INFER(op, PRL_F32, 1)                                                                            \
  static void op##_forward(const prl_call *call) { extreme_forward(call, greatest); }                        \
  static void op##_backward(const prl_call *call) { extreme_backward(call, greatest); }                      \
  REDUCTION_EXAMPLES(op)                                                                                     \
  const prl_op prl_op_##op = {#op, 1, 1, 0, op##_infer, op##_forward, op##_backward, op##_example};          \
  static prl_status arg##op##_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,         \
                                    prl_inferred *inferred, prl_error *error) {                              \
    return arg_infer("arg" #op, attrs, in[0], inferred, error);                                              \
  }                                                                                                          \
  static void arg##op##_forward(const prl_call *call) { arg_forward(call, greatest); }                       \
  PRL_EXAMPLES(arg##op, {IN(F32(-2, 2, 5, 7))}, {IN(F32(-2, 2, 5, 7)), INTS(1, 1)},                          \
               {IN(F32(-2, 2, 2, 3, 5)), INTS(1, 0, PRL_I64)}, {IN(F32(-2, 2, 5, 3)), INTS(-1, 0, PRL_F32)}) \
  const prl_op prl_op_arg##op = {                                                                            \
      "arg" #op, 1, 1, PRL_OP_NO_GRAD, arg##op##_infer, arg##op##_forward, NULL, arg##op##_example};

EXTREME(min, false)
EXTREME(max, true)

/* ---- cumsum: y[i] = Σ x[0 … i]; gx[i] = Σ g[i … n − 1] ---- */

static prl_status cumsum_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,
                               prl_inferred *inferred, prl_error *error) {
  int dim = 0;
  prl_status status = prl_need_f32("cumsum", 1, in, error);
  if (!status) status = prl_need_dim("cumsum", attr_int(attrs, 0, -1), in[0], &dim, error);
  if (!status) prl_infer_like(inferred, in[0]);
  return status;
}

static void run_cumsum(const prl_call *call, const float *x, float *y, bool backward) {
  int64_t at = attr_int(call->attrs, 0, -1);
  int dim = (int)(at < 0 ? at + call->out->ndim : at);
  int64_t outer = span_of(call->out, 0, dim), n = call->out->shape[dim];
  int64_t inner = span_of(call->out, dim + 1, call->out->ndim);
  for (int64_t o = 0; o < outer; o++)
    for (int64_t c = 0; c < inner; c++) {
      double total = 0;
      for (int64_t i = 0; i < n; i++) {
        int64_t to = (o * n + (backward ? n - 1 - i : i)) * inner + c;
        total += (double)x[to];
        y[to] = (float)total;
      }
    }
}

static void cumsum_forward(const prl_call *call) {
  run_cumsum(call, call->in[0]->data, call->out->data, false);
}
static void cumsum_backward(const prl_call *call) {
  if (call->gin[0]) run_cumsum(call, call->gout->data, call->gin[0]->data, true);
}

PRL_EXAMPLES(cumsum, {IN(F32(-2, 2, 5, 7))}, {IN(F32(-2, 2, 5, 7)), INTS(0)},
             {IN(F32(-2, 2, 2, 3, 5)), INTS(1)})
const prl_op prl_op_cumsum = {"cumsum",      1, 1, 0, cumsum_infer, cumsum_forward, cumsum_backward,
                              cumsum_example};
