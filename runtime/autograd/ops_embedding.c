/* Rows looked up in a table. Their gradient is the one exception to "backward overwrites": whoever runs the
 * op has zeroed the table's gradient, or at least the rows that are looked up, and these ops add to it row by
 * row, in the order of the batch. An index out of range gives a row of NaN. */
#include "autograd/ops_internal.h"

static prl_status table_check(const char *op, const prl_tensor *const *in, prl_error *error) {
  prl_status status = prl_need_f32(op, 1, in, error);
  if (!status) status = prl_need_index(op, "indices", in[1], error);
  if (!status && in[0]->ndim != 2)
    status = prl_shape_fail(op, in[0], in[1], "do not fit: the table has rows and columns", error);
  return status;
}

static void fill(float *y, int64_t n, float value) {
  for (int64_t j = 0; j < n; j++) y[j] = value;
}

/* A row is a few numbers: a loop costs less than the call of a kernel or of memcpy, and does the same. Rows
 * lie anywhere in the table: they are fetched while others are worked on. */
enum { ROWS_AHEAD = 16 };

static void copy_row(int64_t n, const float *restrict x, float *restrict y) {
  for (int64_t j = 0; j < n; j++) y[j] = x[j];
}
static void add_row(int64_t n, const float *restrict g, float *restrict to) {
  for (int64_t j = 0; j < n; j++) to[j] += g[j];
}

static void fetch_row(const prl_tensor *index, int64_t i, int64_t count, int64_t rows, const float *table,
                      int64_t n) {
  if (i + ROWS_AHEAD >= count) return;
  int64_t row = index_at(index, i + ROWS_AHEAD, rows);
  if (row >= 0) __builtin_prefetch(table + row * n);
}

/* ---- embedding ---- */

static prl_status embedding_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,
                                  prl_inferred *inferred, prl_error *error) {
  prl_status status = table_check("embedding", in, error);
  if (!status && in[1]->ndim + 1 > PRL_MAX_DIMS)
    status = prl_shape_fail("embedding", in[0], in[1], "give a tensor of too many dimensions", error);
  if (status) return status;
  prl_infer_out(inferred, PRL_F32, in[1]->ndim, in[1]->shape);
  inferred->out.shape[inferred->out.ndim++] = in[0]->shape[1];
  return PRL_OK;
}

static void embedding_forward(const prl_call *call) {
  const float *table = call->in[0]->data;
  int64_t rows = call->in[0]->shape[0], n = call->in[0]->shape[1], count = count_of(call->in[1]);
  float *y = call->out->data;
  for (int64_t i = 0; i < count; i++, y += n) {
    int64_t row = index_at(call->in[1], i, rows);
    fetch_row(call->in[1], i, count, rows, table, n);
    if (row < 0)
      fill(y, n, NAN);
    else
      copy_row(n, table + row * n, y);
  }
}

static void embedding_backward(const prl_call *call) {
  if (!call->gin[0]) return;
  int64_t rows = call->in[0]->shape[0], n = call->in[0]->shape[1], count = count_of(call->in[1]);
  const float *g = call->gout->data;
  for (int64_t i = 0; i < count; i++, g += n) {
    int64_t row = index_at(call->in[1], i, rows);
    fetch_row(call->in[1], i, count, rows, call->gin[0]->data, n);
    if (row >= 0) add_row(n, g, (float *)call->gin[0]->data + row * n);
  }
}

PRL_EXAMPLES(embedding, {IN(F32(-2, 2, 7, 5), IDX(7, 9))}, {IN(F32(-2, 2, 3, 1), IDX64(3, 2, 5))},
             {IN(F32(-2, 2, 3, 2), {PRL_I32, 0, {0}, 0, 3})})
const prl_op prl_op_embedding = {
    "embedding",      2, 2, PRL_OP_ROW_SPARSE, embedding_infer, embedding_forward, embedding_backward,
    embedding_example};

/* ---- embedding_bag: y[r] = the sum or mean of the rows named by indices[begin … end − 1]. Offsets (R + 1):
 * bag r is from offsets[r] to offsets[r + 1]; offsets (R, 2), for a batch whose first size is its rows: from
 * the first to the second. An empty bag (end ≤ begin) is zero; a bag beyond the indices is NaN. ---- */

typedef struct bag {
  int64_t begin, end; /* begin < 0: not within the indices */
} bag;

static bag bag_at(const prl_call *call, int64_t row) {
  const prl_tensor *offsets = call->in[2];
  int64_t limit = count_of(call->in[1]) + 1, at = offsets->ndim == 2 ? 2 * row : row;
  bag b = {index_at(offsets, at, limit), index_at(offsets, at + 1, limit)};
  if (b.end < 0) b.begin = -1;
  return b;
}

static prl_status embedding_bag_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,
                                      prl_inferred *inferred, prl_error *error) {
  prl_status status = table_check("embedding_bag", in, error);
  if (!status) status = prl_need_index("embedding_bag", "offsets", in[2], error);
  if (!status) status = prl_need_choice("embedding_bag", "mode", attr_int(attrs, 0, 0), 1, error);
  if (status) return status;
  bool pairs = in[2]->ndim == 2 && in[2]->shape[1] == 2;
  if (in[1]->ndim != 1 || !(pairs || (in[2]->ndim == 1 && in[2]->shape[0] > 0)))
    return prl_shape_fail("embedding_bag", in[1], in[2],
                          "do not fit indices (N) and offsets (R + 1) or (R, 2)", error);
  prl_infer_out(inferred, PRL_F32, 2, (const int64_t[]){in[2]->shape[0] - !pairs, in[0]->shape[1]});
  inferred->scratch = in[0]->shape[1];
  return PRL_OK;
}

static void bag_forward(const prl_call *call, bag b, float *y) {
  const float *table = call->in[0]->data;
  int64_t rows = call->in[0]->shape[0], n = call->in[0]->shape[1];
  fill(y, n, b.begin < 0 ? NAN : 0);
  for (int64_t i = b.begin; b.begin >= 0 && i < b.end; i++) {
    int64_t row = index_at(call->in[1], i, rows);
    if (row < 0)
      fill(y, n, NAN);
    else
      call->k->axpy(n, 1, table + row * n, y);
  }
  if (attr_int(call->attrs, 0, 0) == 1 && b.end > b.begin)
    call->k->binary_scalar[PRL_DIV](n, y, (float)(b.end - b.begin), y);
}

static void embedding_bag_forward(const prl_call *call) {
  int64_t n = call->in[0]->shape[1], bags = call->out->shape[0];
  float *y = call->out->data;
  for (int64_t r = 0; r < bags; r++) bag_forward(call, bag_at(call, r), y + r * n);
}

static void embedding_bag_backward(const prl_call *call) {
  if (!call->gin[0]) return;
  int64_t rows = call->in[0]->shape[0], n = call->in[0]->shape[1], bags = call->out->shape[0];
  bool mean = attr_int(call->attrs, 0, 0) == 1;
  for (int64_t r = 0; r < bags; r++) {
    const float *g = (const float *)call->gout->data + r * n;
    bag b = bag_at(call, r);
    if (b.begin < 0 || b.end <= b.begin) continue;
    if (mean) {
      call->k->binary_scalar[PRL_DIV](n, g, (float)(b.end - b.begin), call->scratch);
      g = call->scratch;
    }
    for (int64_t i = b.begin; i < b.end; i++) {
      int64_t row = index_at(call->in[1], i, rows);
      if (row >= 0) call->k->axpy(n, 1, g, (float *)call->gin[0]->data + row * n);
    }
  }
}

PRL_EXAMPLES(embedding_bag, {IN(F32(-2, 2, 7, 5), IDX(7, 11), IDX(12, 6))},
             {IN(F32(-2, 2, 7, 3), IDX64(7, 11), IDX64(12, 5, 2)), INTS(1)},
             {IN(F32(-2, 2, 3, 1), IDX(3, 5), IDX(6, 4)), INTS(1)})
const prl_op prl_op_embedding_bag = {"embedding_bag",
                                     3,
                                     3,
                                     PRL_OP_ROW_SPARSE,
                                     embedding_bag_infer,
                                     embedding_bag_forward,
                                     embedding_bag_backward,
                                     embedding_bag_example};
