/* softmax, log_softmax and logsumexp along one dimension, the last by default. Another dimension is copied
 * row by row into scratch, so that the arithmetic of a row is the kernel's in every case. */
#include "autograd/ops_internal.h"

typedef struct lines {
  int64_t outer, n, inner;
} lines;

static lines lines_of(const prl_call *call) {
  const prl_tensor *x = call->in[0];
  int64_t at = attr_int(call->attrs, 0, -1);
  int dim = (int)(at < 0 ? at + x->ndim : at);
  return (lines){span_of(x, 0, dim), x->shape[dim], span_of(x, dim + 1, x->ndim)};
}

static void read_line(const float *x, lines l, float *to) {
  for (int64_t i = 0; i < l.n; i++) to[i] = x[i * l.inner];
}

static void write_line(const float *from, lines l, float *y) {
  for (int64_t i = 0; i < l.n; i++) y[i * l.inner] = from[i];
}

static prl_status infer(const char *op, const prl_attrs *attrs, const prl_tensor *const *in, int *dim,
                        prl_inferred *inferred, prl_error *error) {
  char shape[96];
  prl_status status = prl_need_f32(op, 1, in, error);
  if (!status) status = prl_need_dim(op, attr_int(attrs, 0, -1), in[0], dim, error);
  if (!status && in[0]->shape[*dim] == 0)
    status = prl_fail(error, PRL_ESHAPE, "%s: dimension %d of %s is empty", op, *dim + 1,
                      prl_shape_text(in[0], shape, sizeof shape));
  if (status) return status;
  prl_infer_like(inferred, in[0]);
  inferred->scratch = 4 * in[0]->shape[*dim];
  return PRL_OK;
}

/* ---- softmax and log_softmax ---- */

typedef void (*row_kernel)(int64_t rows, int64_t n, const float *x, float *y);

static void run_rows(const prl_call *call, row_kernel kernel) {
  lines l = lines_of(call);
  if (l.inner == 1) {
    kernel(l.outer, l.n, call->in[0]->data, call->out->data);
    return;
  }
  float *row = call->scratch, *result = row + l.n;
  for (int64_t o = 0; o < l.outer; o++)
    for (int64_t c = 0; c < l.inner; c++) {
      int64_t at = o * l.n * l.inner + c;
      read_line((const float *)call->in[0]->data + at, l, row);
      kernel(1, l.n, row, result);
      write_line(result, l, (float *)call->out->data + at);
    }
}

/* gx = y (g − Σ g y) */
static void softmax_rows(const prl_kernels *k, int64_t rows, int64_t n, const float *y, const float *g,
                         float *gx) {
  for (int64_t r = 0; r < rows; r++, y += n, g += n, gx += n) {
    double along = 0;
    for (int64_t i = 0; i < n; i++) along += (double)g[i] * (double)y[i];
    float mean = (float)along;
    for (int64_t i = 0; i < n; i++) gx[i] = y[i] * (g[i] - mean);
  }
}

/* gx = g − exp(y) Σ g */
static void log_softmax_rows(const prl_kernels *k, int64_t rows, int64_t n, const float *y, const float *g,
                             float *gx) {
  k->unary[PRL_EXP](rows * n, y, gx);
  for (int64_t r = 0; r < rows; r++, g += n, gx += n) {
    double total = 0;
    for (int64_t i = 0; i < n; i++) total += (double)g[i];
    float sum = (float)total;
    for (int64_t i = 0; i < n; i++) gx[i] = g[i] - gx[i] * sum;
  }
}

typedef void (*row_grad)(const prl_kernels *k, int64_t rows, int64_t n, const float *y, const float *g,
                         float *gx);

static void grad_rows(const prl_call *call, row_grad grad) {
  if (!call->gin[0]) return;
  lines l = lines_of(call);
  const float *y = call->out->data, *g = call->gout->data;
  float *gx = call->gin[0]->data, *row = call->scratch;
  if (l.inner == 1) {
    grad(call->k, l.outer, l.n, y, g, gx);
    return;
  }
  for (int64_t o = 0; o < l.outer; o++)
    for (int64_t c = 0; c < l.inner; c++) {
      int64_t at = o * l.n * l.inner + c;
      read_line(y + at, l, row);
      read_line(g + at, l, row + l.n);
      grad(call->k, 1, l.n, row, row + l.n, row + 2 * l.n);
      write_line(row + 2 * l.n, l, gx + at);
    }
}

#define ROW_OP(op)                                                                                           \
  static prl_status op##_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,              \
                               prl_inferred *inferred, prl_error *error) {                                   \
    int dim = 0;                                                                                             \
    return infer(#op, attrs, in, &dim, inferred, error);                                                     \
  }                                                                                                          \
  static void op##_forward(const prl_call *call) { run_rows(call, call->k->op); }                            \
  static void op##_backward(const prl_call *call) { grad_rows(call, op##_rows); }                            \
  PRL_EXAMPLES(op, {IN(F32(-2, 2, 5, 7))}, {IN(F32(-2, 2, 13))}, {IN(F32(-2, 2, 5, 3)), INTS(0)},            \
               {IN(F32(-2, 2, 2, 3, 5)), INTS(1)}, {IN(F32(-2, 2, 3, 1))}, {IN(F32(-2, 2, 2, 2)), INTS(-1)}) \
  const prl_op prl_op_##op = {#op, 1, 1, 0, op##_infer, op##_forward, op##_backward, op##_example};

ROW_OP(softmax)
ROW_OP(log_softmax)

/* ---- logsumexp: gx = g softmax(x), not g exp(x − y), which would inherit the rounding of a large y ---- */

static prl_status logsumexp_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,
                                  prl_inferred *inferred, prl_error *error) {
  int dim = 0, ndim = 0;
  prl_status status = infer("logsumexp", attrs, in, &dim, inferred, error);
  if (status) return status;
  prl_tensor *out = &inferred->out;
  for (int d = 0; d < in[0]->ndim; d++)
    if (d != dim)
      out->shape[ndim++] = in[0]->shape[d];
    else if (attr_int(attrs, 1, 0))
      out->shape[ndim++] = 1;
  out->ndim = ndim;
  return PRL_OK;
}

static void logsumexp_forward(const prl_call *call) {
  lines l = lines_of(call);
  const float *x = call->in[0]->data;
  float *y = call->out->data;
  if (l.inner == 1) {
    call->k->logsumexp(l.outer, l.n, x, y);
    return;
  }
  for (int64_t o = 0; o < l.outer; o++)
    for (int64_t c = 0; c < l.inner; c++) {
      read_line(x + o * l.n * l.inner + c, l, call->scratch);
      call->k->logsumexp(1, l.n, call->scratch, y++);
    }
}

static void logsumexp_backward(const prl_call *call) {
  if (!call->gin[0]) return;
  lines l = lines_of(call);
  const float *g = call->gout->data;
  float *row = call->scratch, *share = row + l.n;
  for (int64_t o = 0; o < l.outer; o++)
    for (int64_t c = 0; c < l.inner; c++, g++) {
      int64_t at = o * l.n * l.inner + c;
      read_line((const float *)call->in[0]->data + at, l, row);
      call->k->softmax(1, l.n, row, share);
      call->k->binary_scalar[PRL_MUL](l.n, share, *g, share);
      write_line(share, l, (float *)call->gin[0]->data + at);
    }
}

PRL_EXAMPLES(logsumexp, {IN(F32(-2, 2, 5, 7))}, {IN(F32(-2, 2, 13))}, {IN(F32(-2, 2, 5, 3)), INTS(0, 1)},
             {IN(F32(-2, 2, 2, 3, 5)), INTS(1)}, {IN(F32(-2, 2, 5, 3)), INTS(-1, 1)})
const prl_op prl_op_logsumexp = {
    "logsumexp", 1, 1, 0, logsumexp_infer, logsumexp_forward, logsumexp_backward, logsumexp_example};
