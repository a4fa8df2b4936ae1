/* Ops that move values and compute nothing; all but the gradients work on every dtype. */
#include "autograd/ops_internal.h"

/* A tensor seen as (outer, n, inner) around one dimension; inner in elements. */
typedef struct split {
  int64_t outer, n, inner;
} split;

static split split_at(const prl_tensor *t, int dim) {
  return (split){span_of(t, 0, dim), t->shape[dim], span_of(t, dim + 1, t->ndim)};
}

static int dim_of(const prl_attrs *attrs, int at, int ndim) {
  int64_t dim = attr_int(attrs, at, 0);
  return (int)(dim < 0 ? dim + ndim : dim);
}

static prl_status same_dtypes(const char *op, int inputs, const prl_tensor *const *in, prl_error *error) {
  for (int i = 1; i < inputs; i++)
    if (in[i]->dtype != in[0]->dtype)
      return prl_fail(error, PRL_EINVAL, "%s: input 1 is %s and input %d is %s; one dtype is needed", op,
                      prl_dtype_name(in[0]->dtype), i + 1, prl_dtype_name(in[i]->dtype));
  return PRL_OK;
}

/* ---- stripes ---- */

/* Copies `count` stripes of `size` bytes; each begins so many bytes after the one before it. Few bytes at a
 * time, such as one column of a batch, are not worth a call. */
static void copy_stripes(int64_t count, size_t size, char *to, size_t to_step, const char *from,
                         size_t from_step) {
#define STRIPES(bytes)                                                                                       \
  for (int64_t i = 0; i < count; i++) memcpy(to + (size_t)i * to_step, from + (size_t)i * from_step, bytes)
  switch (size) {
  case 4:
    STRIPES(4);
    break;
  case 8:
    STRIPES(8);
    break;
  case 12:
    STRIPES(12);
    break;
  case 16:
    STRIPES(16);
    break;
  default:
    STRIPES(size);
  }
#undef STRIPES
}

/* ---- concat and stack. stack is concat of inputs with one more dimension, of size 1: the bytes are the
 * same. ---- */

/* Copies each input's stripes of `size` bytes an outer step to or from the joined tensor. */
static void join_copy(const prl_call *call, int dim, bool backward) {
  const prl_tensor *joined = backward ? call->gout : call->out;
  int64_t outer = span_of(joined, 0, dim);
  size_t total = outer ? bytes_of(joined) / (size_t)outer : 0, start = 0;
  for (int i = 0; i < call->inputs; i++) {
    size_t size = outer ? bytes_of(call->in[i]) / (size_t)outer : 0;
    const prl_tensor *part = backward ? call->gin[i] : call->in[i];
    char *whole = (char *)joined->data + start;
    if (part && backward) copy_stripes(outer, size, part->data, size, whole, total);
    if (part && !backward) copy_stripes(outer, size, whole, total, part->data, size);
    start += size;
  }
}

static void join_forward(const prl_call *call) {
  join_copy(call, dim_of(call->attrs, 0, call->out->ndim), false);
}

static void join_backward(const prl_call *call) {
  join_copy(call, dim_of(call->attrs, 0, call->out->ndim), true);
}

static prl_status concat_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,
                               prl_inferred *inferred, prl_error *error) {
  int dim = 0;
  prl_status status = same_dtypes("concat", inputs, in, error);
  if (!status) status = prl_need_dim("concat", attr_int(attrs, 0, 0), in[0], &dim, error);
  int64_t size = 0;
  for (int i = 0; i < inputs && !status; i++) {
    prl_tensor fitted = *in[0];
    if (in[i]->ndim == in[0]->ndim) fitted.shape[dim] = in[i]->shape[dim];
    if (!same_shape(&fitted, in[i]))
      status = prl_shape_fail("concat", in[0], in[i], "differ beside the joined dimension", error);
    else
      size += in[i]->shape[dim];
  }
  if (status) return status;
  prl_infer_like(inferred, in[0]);
  inferred->out.shape[dim] = size;
  return PRL_OK;
}

PRL_EXAMPLES(concat, {IN(F32(-2, 2, 5, 3), F32(-2, 2, 5, 4)), INTS(1)},
             {IN(F32(-2, 2, 3, 2), F32(-2, 2, 1, 2), F32(-2, 2, 5, 2)), INTS(0)},
             {IN(F32(-2, 2, 2, 3, 5), F32(-2, 2, 2, 1, 5)), INTS(-2)}, {IN(F32(-2, 2, 7)), INTS(0)})
const prl_op prl_op_concat = {"concat",      1, PRL_MAX_INPUTS, 0, concat_infer, join_forward, join_backward,
                              concat_example};

static prl_status stack_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,
                              prl_inferred *inferred, prl_error *error) {
  int dim = 0;
  prl_tensor out = {.ndim = in[0]->ndim + 1};
  prl_status status = same_dtypes("stack", inputs, in, error);
  for (int i = 1; i < inputs && !status; i++) status = prl_need_same("stack", in[0], in[i], error);
  if (!status && out.ndim > PRL_MAX_DIMS)
    status = prl_shape_fail("stack", in[0], in[inputs - 1], "have too many dimensions already", error);
  if (status) return status;
  int64_t at = attr_int(attrs, 0, 0);
  if (at < 0) at += out.ndim;
  if (at < 0 || at >= out.ndim) return prl_need_dim("stack", attr_int(attrs, 0, 0), in[0], &dim, error);
  for (int d = 0, from = 0; d < out.ndim; d++) out.shape[d] = d == at ? inputs : in[0]->shape[from++];
  prl_infer_out(inferred, in[0]->dtype, out.ndim, out.shape);
  return PRL_OK;
}

PRL_EXAMPLES(stack, {IN(F32(-2, 2, 5, 3), F32(-2, 2, 5, 3)), INTS(0)},
             {IN(F32(-2, 2, 5, 3), F32(-2, 2, 5, 3), F32(-2, 2, 5, 3)), INTS(-1)},
             {IN(F32(-2, 2, 3, 2), F32(-2, 2, 3, 2)), INTS(1)}, {IN(SCALAR(-2, 2), SCALAR(-2, 2)), INTS(0)})
const prl_op prl_op_stack = {"stack",      1, PRL_MAX_INPUTS, 0, stack_infer, join_forward, join_backward,
                             stack_example};

/* ---- slice: positions start, start + step, … below stop of one dimension; gradient zero elsewhere ---- */

static prl_status slice_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,
                              prl_inferred *inferred, prl_error *error) {
  int dim = 0;
  prl_status status = prl_need_dim("slice", attr_int(attrs, 0, 0), in[0], &dim, error);
  if (status) return status;
  int64_t start = attr_int(attrs, 1, 0), stop = attr_int(attrs, 2, -1), step = attr_int(attrs, 3, 1);
  int64_t size = in[0]->shape[dim];
  char shape[96];
  if (stop == -1) stop = size;
  if (start < 0 || stop > size || start > stop || step < 1)
    return prl_fail(error, PRL_ESHAPE,
                    "slice: positions %lld to %lld in steps of %lld do not fit dimension %d of %s",
                    (long long)start + 1, (long long)stop, (long long)step, dim + 1,
                    prl_shape_text(in[0], shape, sizeof shape));
  prl_infer_like(inferred, in[0]);
  inferred->out.shape[dim] =
      stop > start ? (stop - start - 1) / step + 1 : 0; /* no overflow for a huge step */
  return PRL_OK;
}

static void slice_copy(const prl_call *call, const prl_tensor *part, char *whole, bool backward) {
  int dim = dim_of(call->attrs, 0, call->in[0]->ndim);
  split s = split_at(call->in[0], dim);
  const int64_t start = attr_int(call->attrs, 1, 0), step = attr_int(call->attrs, 3, 1),
                n = call->out->shape[dim];
  const size_t unit = (size_t)s.inner * prl_dtype_size(part->dtype), outer_step = (size_t)s.n * unit;
  char *piece = part->data;
  whole += (size_t)start * unit;
  if (step == 1) { /* one stripe an outer step */
    const size_t size = (size_t)n * unit;
    if (backward)
      copy_stripes(s.outer, size, whole, outer_step, piece, size);
    else
      copy_stripes(s.outer, size, piece, size, whole, outer_step);
    return;
  }
  for (int64_t o = 0; o < s.outer; o++, piece += (size_t)n * unit, whole += outer_step)
    if (backward)
      copy_stripes(n, unit, whole, (size_t)step * unit, piece, unit);
    else
      copy_stripes(n, unit, piece, unit, whole, (size_t)step * unit);
}

static void slice_forward(const prl_call *call) { slice_copy(call, call->out, call->in[0]->data, false); }

static void slice_backward(const prl_call *call) {
  if (!call->gin[0]) return;
  memset(call->gin[0]->data, 0, bytes_of(call->gin[0]));
  slice_copy(call, call->gout, call->gin[0]->data, true);
}

PRL_EXAMPLES(slice, {IN(F32(-2, 2, 5, 7)), INTS(1, 2, 5, 1)}, {IN(F32(-2, 2, 5, 7)), INTS(1, 1, 7, 3)},
             {IN(F32(-2, 2, 5, 3)), INTS(0, 1, -1, 2)}, {IN(F32(-2, 2, 3, 5, 2)), INTS(-2, 0, 4, 1)},
             {IN(F32(-2, 2, 9)), INTS(0, 3)})
const prl_op prl_op_slice = {"slice", 1, 1, 0, slice_infer, slice_forward, slice_backward, slice_example};

/* ---- reshape: a view; its first size is −1 where it is the batch ---- */

static prl_status reshape_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,
                                prl_inferred *inferred, prl_error *error) {
  prl_tensor to = {.ndim = attrs->ints_count};
  int64_t count = count_of(in[0]), known = 1;
  int open = -1;
  bool good = to.ndim <= PRL_MAX_DIMS;
  for (int d = 0; d < to.ndim && good; d++) {
    to.shape[d] = attrs->ints[d];
    if (to.shape[d] == -1 && open < 0)
      open = d;
    else if (to.shape[d] < 0 || (to.shape[d] > 0 && known > INT64_MAX / to.shape[d]))
      good = false;
    else
      known *= to.shape[d];
  }
  if (good && open >= 0) {
    good = known > 0 && count % known == 0;
    if (good) to.shape[open] = count / known;
  } else {
    good = good && known == count;
  }
  if (to.ndim > PRL_MAX_DIMS) to.ndim = PRL_MAX_DIMS;
  if (!good) return prl_shape_fail("reshape", in[0], &to, "do not hold the same number of elements", error);
  prl_infer_out(inferred, in[0]->dtype, to.ndim, to.shape);
  return PRL_OK;
}

PRL_EXAMPLES(reshape, {IN(F32(-2, 2, 6, 5)), INTS(-1, 3, 5)}, {IN(F32(-2, 2, 5, 7)), INTS(35)})
const prl_op prl_op_reshape = {"reshape", 1, 1, PRL_OP_VIEW, reshape_infer, NULL, NULL, reshape_example};

/* ---- transpose: a copy with two dimensions changed about ---- */

static prl_status transpose_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,
                                  prl_inferred *inferred, prl_error *error) {
  int a = 0, b = 0;
  prl_status status = prl_need_dim("transpose", attr_int(attrs, 0, 0), in[0], &a, error);
  if (!status) status = prl_need_dim("transpose", attr_int(attrs, 1, 1), in[0], &b, error);
  if (status) return status;
  prl_infer_like(inferred, in[0]);
  inferred->out.shape[a] = in[0]->shape[b];
  inferred->out.shape[b] = in[0]->shape[a];
  return PRL_OK;
}

/* The plain case, elements of one size: tiles, so that both sides stay in the cache. */
#define TRANSPOSE_PLANE(name, type)                                                                          \
  static void name(int64_t m, int64_t n, const type *x, type *y) {                                           \
    enum { TILE = 16 };                                                                                      \
    for (int64_t i0 = 0; i0 < m; i0 += TILE)                                                                 \
      for (int64_t j0 = 0; j0 < n; j0 += TILE)                                                               \
        for (int64_t j = j0; j < n && j < j0 + TILE; j++)                                                    \
          for (int64_t i = i0; i < m && i < i0 + TILE; i++) y[j * m + i] = x[i * n + j];                     \
  }
TRANSPOSE_PLANE(transpose_words, uint32_t)
TRANSPOSE_PLANE(transpose_pairs, uint64_t)

/* to[p, j, q, i, r] = from[p, i, q, j, r], where from has sizes (p, m, q, n, r). */
static void transpose_copy(const prl_attrs *attrs, const prl_tensor *from, const char *x, char *y) {
  int first = dim_of(attrs, 0, from->ndim), second = (int)attr_int(attrs, 1, 1);
  if (second < 0) second += from->ndim;
  int a = first < second ? first : second, b = first < second ? second : first;
  if (a == b) {
    memcpy(y, x, bytes_of(from));
    return;
  }
  int64_t p = span_of(from, 0, a), m = from->shape[a], q = span_of(from, a + 1, b), n = from->shape[b];
  int64_t r = span_of(from, b + 1, from->ndim);
  size_t unit = prl_dtype_size(from->dtype), size = (size_t)r * unit;
  for (int64_t o = 0; o < p; o++) {
    if (q == 1 && r == 1) {
      size_t at = (size_t)(o * m * n) * unit;
      if (unit == 4)
        transpose_words(m, n, (const uint32_t *)(x + at), (uint32_t *)(y + at));
      else
        transpose_pairs(m, n, (const uint64_t *)(x + at), (uint64_t *)(y + at));
      continue;
    }
    for (int64_t j = 0; j < n; j++)
      for (int64_t c = 0; c < q; c++)
        for (int64_t i = 0; i < m; i++, y += size)
          memcpy(y, x + (size_t)(((o * m + i) * q + c) * n + j) * size, size);
  }
}

static void transpose_forward(const prl_call *call) {
  transpose_copy(call->attrs, call->in[0], call->in[0]->data, call->out->data);
}

static void transpose_backward(const prl_call *call) {
  if (call->gin[0]) transpose_copy(call->attrs, call->gout, call->gout->data, call->gin[0]->data);
}

PRL_EXAMPLES(transpose, {IN(F32(-2, 2, 5, 7)), INTS(0, 1)}, {IN(F32(-2, 2, 2, 3, 5)), INTS(2, 0)},
             {IN(F32(-2, 2, 2, 3, 5)), INTS(0, 1)}, {IN(F32(-2, 2, 3, 2, 2, 3)), INTS(1, -1)})
const prl_op prl_op_transpose = {
    "transpose", 1, 1, 0, transpose_infer, transpose_forward, transpose_backward, transpose_example};

/* ---- broadcast_to: to the sizes given, or to the shape of in[1], whose values do not matter ---- */

static prl_status broadcast_to_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,
                                     prl_inferred *inferred, prl_error *error) {
  prl_tensor to = {.ndim = attrs->ints_count}, out;
  if (inputs == 2) {
    to = *in[1];
  } else {
    if (to.ndim > PRL_MAX_DIMS)
      return prl_fail(error, PRL_ESHAPE, "broadcast_to: %d sizes; at most %d are possible", to.ndim,
                      PRL_MAX_DIMS);
    for (int d = 0; d < to.ndim; d++) {
      int from = d - (to.ndim - in[0]->ndim);
      to.shape[d] = attrs->ints[d] == -1 && from >= 0 ? in[0]->shape[from] : attrs->ints[d];
    }
  }
  bool fits = true;
  for (int d = 0; d < to.ndim; d++) fits = fits && to.shape[d] >= 0;
  prl_status status = PRL_OK;
  if (fits) status = prl_broadcast("broadcast_to", in[0], &to, &out, error);
  if (!status && (!fits || !same_shape(&to, &out)))
    status =
        prl_shape_fail("broadcast_to", in[0], &to, "do not fit: the first is to become the second", error);
  if (!status) prl_infer_out(inferred, in[0]->dtype, to.ndim, to.shape);
  return status;
}

static void broadcast_to_forward(const prl_call *call) {
  const prl_tensor *in = call->in[0];
  size_t size = prl_dtype_size(in->dtype);
  const char *x = in->data;
  char *y = call->out->data;
  prl_walk walk;
  prl_walk_begin(&walk, call->out, 1, &in);
  for (int64_t r = 0; r < walk.runs; r++, prl_walk_next(&walk)) {
    const char *from = x + (size_t)walk.offset[0] * size;
    size_t bytes = (size_t)walk.run * size;
    if (walk.step[0]) {
      memcpy(y, from, bytes);
      y += bytes;
    } else {
      for (int64_t j = 0; j < walk.run; j++, y += size) memcpy(y, from, size);
    }
  }
}

static void broadcast_to_backward(const prl_call *call) {
  if (call->gin[0]) prl_reduce_to(call->k, call->gout, call->gout->data, call->gin[0], call->gin[0]->data);
  if (call->inputs == 2 && call->gin[1]) memset(call->gin[1]->data, 0, bytes_of(call->gin[1]));
}

PRL_EXAMPLES(broadcast_to, {IN(F32(-2, 2, 7)), INTS(5, 7)}, {IN(F32(-2, 2, 5, 1)), INTS(-1, 3)},
             {IN(SCALAR(-2, 2)), INTS(3, 5)}, {IN(F32(-2, 2, 3, 1, 2)), INTS(2, 3, 5, 2)},
             {IN(SCALAR(-2, 2), F32(-2, 2, 5))}, {IN(F32(-2, 2, 1, 3), F32(-2, 2, 5, 3))})
const prl_op prl_op_broadcast_to = {
    "broadcast_to",      1, 2, 0, broadcast_to_infer, broadcast_to_forward, broadcast_to_backward,
    broadcast_to_example};
