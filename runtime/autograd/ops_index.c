/* Values picked by index along one dimension. An index out of range gives NaN (or 0 in an integer tensor). */
#include "autograd/ops_internal.h"

static void pick(const prl_tensor *x, int64_t from, prl_tensor *out, int64_t to, int64_t count) {
  size_t size = prl_dtype_size(x->dtype);
  char *y = (char *)out->data + (size_t)to * size;
  if (from >= 0) {
    memcpy(y, (const char *)x->data + (size_t)from * size, size * (size_t)count);
    return;
  }
  for (int64_t i = 0; i < count; i++) {
    if (x->dtype == PRL_F32)
      ((float *)out->data)[to + i] = NAN;
    else if (x->dtype == PRL_F64)
      ((double *)out->data)[to + i] = (double)NAN;
    else
      memset(y + (size_t)i * size, 0, size);
  }
}

/* ---- gather: y[…, i, …] = x[…, index[…, i, …], …] ---- */

static prl_status gather_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,
                               prl_inferred *inferred, prl_error *error) {
  int dim = 0;
  prl_status status = prl_need_index("gather", "indices", in[1], error);
  if (!status) status = prl_need_dim("gather", attr_int(attrs, 0, 0), in[0], &dim, error);
  if (status) return status;
  prl_tensor fitted = *in[0];
  if (in[1]->ndim == in[0]->ndim) fitted.shape[dim] = in[1]->shape[dim];
  if (!same_shape(&fitted, in[1]))
    return prl_shape_fail("gather", in[0], in[1], "differ beside the gathered dimension", error);
  prl_infer_out(inferred, in[0]->dtype, in[1]->ndim, in[1]->shape);
  return PRL_OK;
}

typedef struct places {
  int64_t outer, n, inner, picked;
} places;

static places places_of(const prl_call *call, int64_t picked_of_vector) {
  const prl_tensor *x = call->in[0];
  int64_t at = attr_int(call->attrs, 0, 0);
  int dim = (int)(at < 0 ? at + x->ndim : at);
  int64_t picked = picked_of_vector < 0 ? call->in[1]->shape[dim] : picked_of_vector;
  return (places){span_of(x, 0, dim), x->shape[dim], span_of(x, dim + 1, x->ndim), picked};
}

static void gather_forward(const prl_call *call) {
  places p = places_of(call, -1);
  int64_t to = 0;
  for (int64_t o = 0; o < p.outer; o++)
    for (int64_t i = 0; i < p.picked; i++)
      for (int64_t c = 0; c < p.inner; c++, to++) {
        int64_t index = index_at(call->in[1], to, p.n);
        pick(call->in[0], index < 0 ? -1 : (o * p.n + index) * p.inner + c, call->out, to, 1);
      }
}

static void gather_backward(const prl_call *call) {
  if (!call->gin[0]) return;
  places p = places_of(call, -1);
  float *gx = call->gin[0]->data;
  const float *g = call->gout->data;
  memset(gx, 0, bytes_of(call->gin[0]));
  int64_t to = 0;
  for (int64_t o = 0; o < p.outer; o++)
    for (int64_t i = 0; i < p.picked; i++)
      for (int64_t c = 0; c < p.inner; c++, to++) {
        int64_t index = index_at(call->in[1], to, p.n);
        if (index >= 0) gx[(o * p.n + index) * p.inner + c] += g[to];
      }
}

PRL_EXAMPLES(gather, {IN(F32(-2, 2, 5, 7), IDX(7, 5, 1)), INTS(1)},
             {IN(F32(-2, 2, 5, 3), IDX64(5, 4, 3)), INTS(0)},
             {IN(F32(-2, 2, 2, 3, 5), IDX(3, 2, 7, 5)), INTS(-2)}, {IN(F32(-2, 2, 7), IDX(7, 9)), INTS(0)})
const prl_op prl_op_gather = {"gather",      2, 2, 0, gather_infer, gather_forward, gather_backward,
                              gather_example};

/* ---- index_select: y[…, i, …] = x[…, index[i], …] ---- */

static prl_status index_select_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,
                                     prl_inferred *inferred, prl_error *error) {
  int dim = 0;
  prl_status status = prl_need_index("index_select", "indices", in[1], error);
  if (!status) status = prl_need_dim("index_select", attr_int(attrs, 0, 0), in[0], &dim, error);
  if (!status && in[1]->ndim != 1)
    status =
        prl_shape_fail("index_select", in[0], in[1], "do not fit: the indices have one dimension", error);
  if (status) return status;
  prl_infer_like(inferred, in[0]);
  inferred->out.shape[dim] = in[1]->shape[0];
  return PRL_OK;
}

static void index_select_forward(const prl_call *call) {
  places p = places_of(call, count_of(call->in[1]));
  for (int64_t o = 0; o < p.outer; o++)
    for (int64_t i = 0; i < p.picked; i++) {
      int64_t index = index_at(call->in[1], i, p.n);
      pick(call->in[0], index < 0 ? -1 : (o * p.n + index) * p.inner, call->out, (o * p.picked + i) * p.inner,
           p.inner);
    }
}

static void index_select_backward(const prl_call *call) {
  if (!call->gin[0]) return;
  places p = places_of(call, count_of(call->in[1]));
  float *gx = call->gin[0]->data;
  const float *g = call->gout->data;
  memset(gx, 0, bytes_of(call->gin[0]));
  for (int64_t o = 0; o < p.outer; o++)
    for (int64_t i = 0; i < p.picked; i++, g += p.inner) {
      int64_t index = index_at(call->in[1], i, p.n);
      if (index >= 0) call->k->axpy(p.inner, 1, g, gx + (o * p.n + index) * p.inner);
    }
}

PRL_EXAMPLES(index_select, {IN(F32(-2, 2, 5, 7), IDX(5, 9)), INTS(0)},
             {IN(F32(-2, 2, 5, 7), IDX64(7, 3)), INTS(1)}, {IN(F32(-2, 2, 2, 3, 5), IDX(3, 5)), INTS(-2)})
const prl_op prl_op_index_select = {
    "index_select",      2, 2, 0, index_select_infer, index_select_forward, index_select_backward,
    index_select_example};
