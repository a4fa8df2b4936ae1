/* Element-wise choice: clamp, where, masked_fill. */
#include "autograd/ops_internal.h"

/* ---- clamp: gradient where low ≤ x ≤ high. A bound left out is infinite. ---- */

static prl_status clamp_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,
                              prl_inferred *inferred, prl_error *error) {
  double low = attr_float(attrs, 0, -INFINITY), high = attr_float(attrs, 1, INFINITY);
  if (!(low <= high))
    return prl_fail(error, PRL_EINVAL, "clamp: the bounds %g and %g are not in order", low, high);
  prl_status status = prl_need_f32("clamp", 1, in, error);
  if (!status) prl_infer_like(inferred, in[0]);
  return status;
}

static void clamp_forward(const prl_call *call) {
  call->k->clamp(count_of(call->out), call->in[0]->data, (float)attr_float(call->attrs, 0, -INFINITY),
                 (float)attr_float(call->attrs, 1, INFINITY), call->out->data);
}

static void clamp_backward(const prl_call *call) {
  if (call->gin[0])
    call->k->clamp_grad(count_of(call->out), call->in[0]->data, (float)attr_float(call->attrs, 0, -INFINITY),
                        (float)attr_float(call->attrs, 1, INFINITY), call->gout->data, call->gin[0]->data);
}

PRL_EXAMPLES(clamp, {IN(F32(-2, 2, 5, 7)), FLOATS(-1.013, .517)}, {IN(F32(-2, 2, 13)), FLOATS(-.517)})
const prl_op prl_op_clamp = {"clamp",      1, 1, PRL_OP_ELEMENTS, clamp_infer, clamp_forward, clamp_backward,
                             clamp_example};

/* ---- clamp_t: bounds are live inputs. Where high < low, high wins, as in PyTorch; a bound's gradient is the
 * sum over the elements that it holds. ---- */

static prl_status clamp_t_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,
                                prl_inferred *inferred, prl_error *error) {
  prl_status status = prl_need_f32("clamp_t", 3, in, error);
  for (int i = 1; i < 3 && !status; i++)
    if (count_of(in[i]) != 1)
      status = prl_shape_fail("clamp_t", in[0], in[i], "do not fit: a bound has one element", error);
  if (!status) prl_infer_like(inferred, in[0]);
  return status;
}

static float bound_of(const prl_call *call, int i) { return *(const float *)call->in[i]->data; }

static void clamp_t_forward(const prl_call *call) {
  call->k->clamp(count_of(call->out), call->in[0]->data, bound_of(call, 1), bound_of(call, 2),
                 call->out->data);
}

static void clamp_t_backward(const prl_call *call) {
  const float *x = call->in[0]->data, *g = call->gout->data;
  float low = bound_of(call, 1), high = bound_of(call, 2);
  int64_t n = count_of(call->out);
  if (call->gin[0]) call->k->clamp_grad(n, x, low, high, g, call->gin[0]->data);
  double at_low = 0, at_high = 0;
  if (call->gin[1] || call->gin[2])
    for (int64_t i = 0; i < n; i++) {
      if (x[i] > high || low > high)
        at_high += (double)g[i];
      else if (x[i] < low)
        at_low += (double)g[i];
    }
  if (call->gin[1]) *(float *)call->gin[1]->data = (float)at_low;
  if (call->gin[2]) *(float *)call->gin[2]->data = (float)at_high;
}

PRL_EXAMPLES(clamp_t, {IN(F32(-2, 2, 5, 7), SCALAR(-1.2f, -1), SCALAR(.5f, .7f))},
             {IN(F32(-2, 2, 13), F32(-1.2f, -1, 1), F32(.5f, .7f, 1))})
const prl_op prl_op_clamp_t = {"clamp_t",      3, 3, 0, clamp_t_infer, clamp_t_forward, clamp_t_backward,
                               clamp_t_example};

/* ---- where ---- */

static prl_status where_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,
                              prl_inferred *inferred, prl_error *error) {
  prl_tensor both, out;
  if (in[1]->dtype != in[2]->dtype || in[0]->dtype == PRL_F64)
    return prl_fail(error, PRL_EINVAL, "where: %s chooses between %s and %s; the two must be of one dtype",
                    prl_dtype_name(in[0]->dtype), prl_dtype_name(in[1]->dtype), prl_dtype_name(in[2]->dtype));
  prl_status status = prl_broadcast("where", in[1], in[2], &both, error);
  if (!status) status = prl_broadcast("where", in[0], &both, &out, error);
  if (status) return status;
  prl_infer_out(inferred, in[1]->dtype, out.ndim, out.shape);
  inferred->scratch = count_of(&out);
  return PRL_OK;
}

static void where_forward(const prl_call *call) {
  const char *a = call->in[1]->data, *b = call->in[2]->data;
  char *y = call->out->data;
  size_t size = prl_dtype_size(call->out->dtype);
  bool words = size == 4 && call->in[0]->dtype == PRL_F32;
  prl_walk walk;
  prl_walk_begin(&walk, call->out, 3, call->in);
  for (int64_t r = 0; r < walk.runs; r++, prl_walk_next(&walk)) {
    const char *p = a + (size_t)walk.offset[1] * size, *q = b + (size_t)walk.offset[2] * size;
    if (words) {
      call->k->choose(walk.run, (const float *)call->in[0]->data + walk.offset[0], walk.step[0],
                      (const float *)p, walk.step[1], (const float *)q, walk.step[2], (float *)y);
      y += (size_t)walk.run * size;
      continue;
    }
    for (int64_t j = 0; j < walk.run; j++, y += size) {
      bool yes = is_true(call->in[0], walk.offset[0] + j * walk.step[0]);
      memcpy(y, yes ? p : q, size);
      p += (size_t)walk.step[1] * size, q += (size_t)walk.step[2] * size;
    }
  }
}

/* to = x where the truth of cond, seen in out's shape, is `side`; `other` elsewhere. */
static void masked(const prl_call *call, const prl_tensor *cond, bool side, const float *x, float other,
                   float *to) {
  prl_walk walk;
  prl_walk_begin(&walk, call->out, 1, &cond);
  for (int64_t r = 0; r < walk.runs; r++, prl_walk_next(&walk), x += walk.run, to += walk.run) {
    if (cond->dtype == PRL_F32) {
      const float *mask = (const float *)cond->data + walk.offset[0];
      call->k->choose(walk.run, mask, walk.step[0], side ? x : &other, side, side ? &other : x, !side, to);
      continue;
    }
    for (int64_t j = 0; j < walk.run; j++)
      to[j] = is_true(cond, walk.offset[0] + j * walk.step[0]) == side ? x[j] : other;
  }
}

static void where_backward(const prl_call *call) {
  if (call->gin[0]) memset(call->gin[0]->data, 0, bytes_of(call->gin[0]));
  for (int i = 1; i < 3; i++) {
    if (!call->gin[i]) continue;
    masked(call, call->in[0], i == 1, call->gout->data, 0, call->scratch);
    prl_reduce_to(call->k, call->out, call->scratch, call->gin[i], call->gin[i]->data);
  }
}

PRL_EXAMPLES(where, {IN(IDX(2, 5, 7), F32(-2, 2, 5, 7), F32(-2, 2, 5, 7))},
             {IN(IDX64(2, 5, 1), F32(-2, 2, 7), SCALAR(-2, 2))},
             {IN(IDX(2, 3), F32(-2, 2, 5, 1), F32(-2, 2, 1, 3))},
             {IN(F32(1, 2, 3), F32(-2, 2, 3), F32(-2, 2, 3))})
const prl_op prl_op_where = {"where", 3, 3, 0, where_infer, where_forward, where_backward, where_example};

/* ---- masked_fill ---- */

static prl_status masked_fill_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,
                                    prl_inferred *inferred, prl_error *error) {
  prl_tensor out;
  prl_status status = prl_need_f32("masked_fill", 1, in, error);
  if (!status) status = prl_need_index("masked_fill", "mask's elements", in[1], error);
  if (!status) status = prl_broadcast("masked_fill", in[0], in[1], &out, error);
  if (!status && !same_shape(&out, in[0]))
    status =
        prl_shape_fail("masked_fill", in[0], in[1], "do not fit: the mask broadcasts to the first", error);
  if (!status) prl_infer_like(inferred, in[0]);
  return status;
}

static void masked_fill_forward(const prl_call *call) {
  masked(call, call->in[1], false, call->in[0]->data, (float)attr_float(call->attrs, 0, 0), call->out->data);
}

static void masked_fill_backward(const prl_call *call) {
  if (call->gin[0]) masked(call, call->in[1], false, call->gout->data, 0, call->gin[0]->data);
  if (call->gin[1]) memset(call->gin[1]->data, 0, bytes_of(call->gin[1]));
}

PRL_EXAMPLES(masked_fill, {IN(F32(-2, 2, 5, 7), IDX(2, 5, 7)), FLOATS(-3)},
             {IN(F32(-2, 2, 5, 3), IDX(2, 3)), FLOATS(4)},
             {IN(F32(-2, 2, 3, 3, 2), IDX64(2, 3, 1)), FLOATS(0)})
const prl_op prl_op_masked_fill = {
    "masked_fill",      2, 2, 0, masked_fill_infer, masked_fill_forward, masked_fill_backward,
    masked_fill_example};
