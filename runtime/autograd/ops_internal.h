/* Shared by the files of the op table: attributes, shape checks, walks over broadcast operands, examples. */
#ifndef PRL_AUTOGRAD_OPS_INTERNAL_H
#define PRL_AUTOGRAD_OPS_INTERNAL_H

#include <math.h>
#include <string.h>

#include "autograd/op.h"
#include "autograd/ops.h"

/* ---- Small readers ---- */

static inline int64_t attr_int(const prl_attrs *attrs, int at, int64_t fallback) {
  return at < attrs->ints_count ? attrs->ints[at] : fallback;
}
static inline double attr_float(const prl_attrs *attrs, int at, double fallback) {
  return at < attrs->floats_count ? attrs->floats[at] : fallback;
}
static inline int64_t count_of(const prl_tensor *t) {
  int64_t count = 1;
  for (int d = 0; d < t->ndim; d++) count *= t->shape[d];
  return count;
}
static inline bool same_shape(const prl_tensor *a, const prl_tensor *b) {
  if (a->ndim != b->ndim) return false;
  for (int d = 0; d < a->ndim; d++)
    if (a->shape[d] != b->shape[d]) return false;
  return true;
}
/* The product of sizes first … last − 1. */
static inline int64_t span_of(const prl_tensor *t, int first, int last) {
  int64_t count = 1;
  for (int d = first; d < last; d++) count *= t->shape[d];
  return count;
}
/* A vector's rows are its numbers. */
static inline int64_t prl_rows_of(const prl_tensor *t) {
  return t->ndim < 2 ? count_of(t) : span_of(t, 0, t->ndim - 1);
}
static inline int64_t prl_row_width(const prl_tensor *t) { return t->ndim < 2 ? 1 : t->shape[t->ndim - 1]; }
/* From row `first` on, of float32 in a tensor of all rows or of the present tile's. */
static inline float *rows_at(const prl_tensor *t, bool tile, int64_t first) {
  return (float *)t->data + (tile ? 0 : first * prl_row_width(t));
}
static inline size_t bytes_of(const prl_tensor *t) { return (size_t)count_of(t) * (t->dtype & 1 ? 8 : 4); }

/* An index below `limit`, or −1: forward functions cannot fail, so a value looked up at −1 is NaN, which
 * whoever runs the op reports by name. float32 indices (a discrete action) hold whole numbers. */
static inline int64_t index_at(const prl_tensor *t, int64_t at, int64_t limit) {
  int64_t index;
  if (t->dtype == PRL_I32) {
    index = ((const int32_t *)t->data)[at];
  } else if (t->dtype == PRL_I64) {
    index = ((const int64_t *)t->data)[at];
  } else {
    float value = ((const float *)t->data)[at];
    if (!(value >= 0 && value < 0x1p31f)) return -1;
    index = (int64_t)value;
  }
  return index >= 0 && index < limit ? index : -1;
}
static inline bool is_true(const prl_tensor *t, int64_t at) {
  if (t->dtype == PRL_I32) return ((const int32_t *)t->data)[at] != 0;
  if (t->dtype == PRL_I64) return ((const int64_t *)t->data)[at] != 0;
  return ((const float *)t->data)[at] != 0;
}

/* ---- Inference ---- */

/* out gets this dtype and shape; no aux, no scratch. */
void prl_infer_out(prl_inferred *inferred, prl_dtype dtype, int ndim, const int64_t *shape);
static inline void prl_infer_like(prl_inferred *inferred, const prl_tensor *like) {
  prl_infer_out(inferred, like->dtype, like->ndim, like->shape);
}
void prl_infer_aux(prl_inferred *inferred, int ndim, const int64_t *shape); /* float32 */

prl_status prl_need_f32(const char *op, int inputs, const prl_tensor *const *in, prl_error *error);
prl_status prl_need_index(const char *op, const char *what, const prl_tensor *t, prl_error *error);
/* "mse: shapes (4, 1) and (4) differ" */
prl_status prl_need_same(const char *op, const prl_tensor *a, const prl_tensor *b, prl_error *error);
prl_status prl_shape_fail(const char *op, const prl_tensor *a, const prl_tensor *b, const char *why,
                          prl_error *error);
/* A dimension from attributes, counted from the end where it is negative. */
prl_status prl_need_dim(const char *op, int64_t value, const prl_tensor *t, int *dim, prl_error *error);
/* An attribute from 0 to `last`, `what` saying what it is. */
prl_status prl_need_choice(const char *op, const char *what, int64_t value, int64_t last, prl_error *error);

/* ---- Broadcasting ---- */

/* A walk over the elements of `out` in row-major order, as runs of the longest inner stretch that every
 * operand passes with step 0 (broadcast) or 1. Dimensions of size 1 vanish and neighbours that fit are
 * merged. */
typedef struct prl_walk {
  int dims, operands;
  int64_t runs, run; /* number of runs, elements of each */
  int64_t step[4];   /* of each operand within a run */
  int64_t size[PRL_MAX_DIMS];
  int64_t stride[4][PRL_MAX_DIMS];
  int64_t index[PRL_MAX_DIMS];
  int64_t offset[4]; /* of each operand at the present run */
} prl_walk;

void prl_walk_begin(prl_walk *walk, const prl_tensor *out, int operands, const prl_tensor *const *in);
void prl_walk_next(prl_walk *walk);

/* y = a ∘ b with broadcasting to `out`'s shape; y may be a or b where that one has out's shape. */
void prl_run_binary(const prl_kernels *k, prl_binary f, const prl_tensor *a, const prl_tensor *b,
                    const prl_tensor *out, float *y);
/* to = the sum of `from` (in the shape of `full`) over the dimensions that `target` lacks or has with size 1,
 * in ascending order with float64 accumulators. Same shapes: a copy. */
void prl_reduce_to(const prl_kernels *k, const prl_tensor *full, const float *from, const prl_tensor *target,
                   float *to);

/* ---- Examples for the gradient check ---- */

typedef struct prl_example_input {
  prl_dtype dtype;
  int ndim;
  int64_t shape[4];
  float low, high;
} prl_example_input;

typedef struct prl_example {
  int inputs;
  prl_example_input in[5];
  prl_attrs attrs;
} prl_example;

bool prl_example_get(const prl_example *cases, int count, int index, prl_attrs *attrs, int *inputs,
                     prl_tensor *in, float *low, float *high);

#define PRL_NDIM(...) (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t))
#define F32(low, high, ...)                                                                                  \
  { PRL_F32, PRL_NDIM(__VA_ARGS__), {__VA_ARGS__}, low, high }
#define SCALAR(low, high)                                                                                    \
  { PRL_F32, 0, {0}, low, high }
#define IDX(high, ...)                                                                                       \
  { PRL_I32, PRL_NDIM(__VA_ARGS__), {__VA_ARGS__}, 0, high } /* 0 … high − 1 */
#define IDX64(high, ...)                                                                                     \
  { PRL_I64, PRL_NDIM(__VA_ARGS__), {__VA_ARGS__}, 0, high }
#define IN(...)                                                                                              \
  .inputs = (int)(sizeof((prl_example_input[]){__VA_ARGS__}) / sizeof(prl_example_input)), .in = {__VA_ARGS__}
#define INTS(...) .attrs.ints_count = PRL_NDIM(__VA_ARGS__), .attrs.ints = {__VA_ARGS__}
#define FLOATS(...) .attrs.floats_count = PRL_NDIM(__VA_ARGS__), .attrs.floats = {__VA_ARGS__}

/* Defines op##_example from the cases that follow. */
#define PRL_EXAMPLES(op, ...)                                                                                \
  static bool op##_example(int index, prl_attrs *attrs, int *inputs, prl_tensor *in, float *low,             \
                           float *high) {                                                                    \
    static const prl_example cases[] = {__VA_ARGS__};                                                        \
    return prl_example_get(cases, (int)(sizeof cases / sizeof *cases), index, attrs, inputs, in, low, high); \
  }

/* The floats that pass by while some rows go through a stretch of a program (program_stretch.c): most of the
 * second cache. */
enum { PRL_STRETCH_FLOATS = 192 * 1024 };
extern const prl_row_op prl_row_op_linear, prl_row_op_mse, prl_row_op_huber, prl_row_op_mean;
#define OP(name, arguments) extern const prl_op prl_op_##name;
PRL_OPS(OP)
#undef OP

#endif
