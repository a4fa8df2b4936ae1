/* What ops share: shape checks, broadcasting, walks over operands of different strides. */
#include "autograd/ops_internal.h"

/* ---- Inference ---- */

void prl_infer_out(prl_inferred *inferred, prl_dtype dtype, int ndim, const int64_t *shape) {
  prl_tensor *out = &inferred->out;
  out->dtype = dtype;
  out->ndim = ndim;
  for (int d = 0; d < ndim; d++) out->shape[d] = shape[d];
  inferred->aux.ndim = -1;
  inferred->scratch = 0;
}

void prl_infer_aux(prl_inferred *inferred, int ndim, const int64_t *shape) {
  prl_tensor *aux = &inferred->aux;
  aux->dtype = PRL_F32;
  aux->ndim = ndim;
  for (int d = 0; d < ndim; d++) aux->shape[d] = shape[d];
}

prl_status prl_need_f32(const char *op, int inputs, const prl_tensor *const *in, prl_error *error) {
  for (int i = 0; i < inputs; i++)
    if (in[i]->dtype != PRL_F32)
      return prl_fail(error, PRL_EINVAL, "%s: input %d is %s; float32 is needed", op, i + 1,
                      prl_dtype_name(in[i]->dtype));
  return PRL_OK;
}

prl_status prl_need_index(const char *op, const char *what, const prl_tensor *t, prl_error *error) {
  if (t->dtype != PRL_F64) return PRL_OK;
  return prl_fail(error, PRL_EINVAL,
                  "%s: the %s are float64; int32, int64 or whole float32 numbers are needed", op, what);
}

prl_status prl_shape_fail(const char *op, const prl_tensor *a, const prl_tensor *b, const char *why,
                          prl_error *error) {
  char first[96], second[96];
  return prl_fail(error, PRL_ESHAPE, "%s: shapes %s and %s %s", op, prl_shape_text(a, first, sizeof first),
                  prl_shape_text(b, second, sizeof second), why);
}

prl_status prl_need_same(const char *op, const prl_tensor *a, const prl_tensor *b, prl_error *error) {
  return same_shape(a, b) ? PRL_OK : prl_shape_fail(op, a, b, "differ", error);
}

prl_status prl_need_dim(const char *op, int64_t value, const prl_tensor *t, int *dim, prl_error *error) {
  int64_t at = value < 0 ? value + t->ndim : value;
  char shape[96];
  if (at < 0 || at >= t->ndim)
    return prl_fail(error, PRL_ESHAPE, "%s: dimension %lld does not exist in shape %s", op,
                    (long long)(value < 0 ? value : value + 1), prl_shape_text(t, shape, sizeof shape));
  *dim = (int)at;
  return PRL_OK;
}

prl_status prl_need_choice(const char *op, const char *what, int64_t value, int64_t last, prl_error *error) {
  if (value >= 0 && value <= last) return PRL_OK;
  return prl_fail(error, PRL_EINVAL, "%s: the attribute %s is %lld; 0 to %lld are known", op, what,
                  (long long)value, (long long)last);
}

prl_status prl_broadcast(const char *op, const prl_tensor *a, const prl_tensor *b, prl_tensor *out,
                         prl_error *error) {
  int ndim = a->ndim > b->ndim ? a->ndim : b->ndim;
  int64_t shape[PRL_MAX_DIMS];
  for (int d = 0; d < ndim; d++) { /* d counts from the last dimension */
    int64_t m = d < a->ndim ? a->shape[a->ndim - 1 - d] : 1, n = d < b->ndim ? b->shape[b->ndim - 1 - d] : 1;
    if (m != n && m != 1 && n != 1) return prl_shape_fail(op, a, b, "do not broadcast together", error);
    shape[ndim - 1 - d] = m == 1 ? n : m;
  }
  out->ndim = ndim;
  for (int d = 0; d < ndim; d++) out->shape[d] = shape[d];
  return PRL_OK;
}

/* ---- Walks ---- */

/* Strides of `t` seen in the shape of `out`: 0 where it broadcasts. */
static void broadcast_strides(const prl_tensor *t, const prl_tensor *out, int64_t *stride) {
  int64_t step = 1;
  for (int d = out->ndim - 1; d >= 0; d--) {
    int at = d - (out->ndim - t->ndim);
    int64_t size = at < 0 ? 1 : t->shape[at];
    stride[d] = size == 1 ? 0 : step;
    step *= size;
  }
}

/* Can dimension d be taken together with the last one of the walk, which lies inside it? */
static bool fits(const prl_walk *walk, const int64_t stride[4][PRL_MAX_DIMS], int d) {
  int last = walk->dims - 1;
  for (int i = 0; i < walk->operands; i++)
    if (stride[i][d] != walk->stride[i][last] * walk->size[last]) return false;
  return true;
}

void prl_walk_begin(prl_walk *walk, const prl_tensor *out, int operands, const prl_tensor *const *in) {
  int64_t stride[4][PRL_MAX_DIMS];
  for (int i = 0; i < operands; i++) broadcast_strides(in[i], out, stride[i]);
  walk->dims = 0;
  walk->operands = operands;
  for (int d = out->ndim - 1; d >= 0; d--) { /* innermost first */
    if (out->shape[d] == 1) continue;
    if (walk->dims > 0 && fits(walk, stride, d)) {
      walk->size[walk->dims - 1] *= out->shape[d];
      continue;
    }
    for (int i = 0; i < operands; i++) walk->stride[i][walk->dims] = stride[i][d];
    walk->size[walk->dims++] = out->shape[d];
  }
  walk->runs = 1;
  walk->run = walk->dims ? walk->size[0] : 1;
  for (int d = 1; d < walk->dims; d++) walk->runs *= walk->size[d];
  if (walk->run == 0) walk->runs = 0;
  for (int i = 0; i < operands; i++) {
    walk->step[i] = walk->dims ? walk->stride[i][0] : 0;
    walk->offset[i] = 0;
  }
  memset(walk->index, 0, sizeof walk->index);
}

void prl_walk_next(prl_walk *walk) {
  for (int d = 1; d < walk->dims; d++) {
    for (int i = 0; i < walk->operands; i++) walk->offset[i] += walk->stride[i][d];
    if (++walk->index[d] < walk->size[d]) return;
    walk->index[d] = 0;
    for (int i = 0; i < walk->operands; i++) walk->offset[i] -= walk->stride[i][d] * walk->size[d];
  }
}

/* A short row that stands for all of them is written out a few times, so that a call of the kernel is worth
 * it. Whether the operands are such rows. */
static bool run_short_rows(const prl_kernels *k, prl_binary f, const prl_walk *walk, const float *a,
                           const float *b, float *y) {
  enum { WIDE = 256 };
  const int64_t n = walk->run, rows = walk->runs;
  const bool first = walk->stride[0][1] == 0; /* the row is a */
  if (walk->dims != 2 || n > WIDE / 4 || !walk->step[0] || !walk->step[1] || walk->stride[first][1] != n)
    return false;
  float wide[WIDE];
  const int64_t most = WIDE / n < rows ? WIDE / n : rows;
  for (int64_t i = 0; i < most; i++) memcpy(wide + i * n, first ? a : b, (size_t)n * sizeof *wide);
  for (int64_t r = 0; r < rows; r += most) {
    const int64_t count = (rows - r < most ? rows - r : most) * n, at = r * n;
    k->binary[f](count, first ? wide : a + at, first ? b + at : wide, y + at);
  }
  return true;
}

void prl_run_binary(const prl_kernels *k, prl_binary f, const prl_tensor *a, const prl_tensor *b,
                    const prl_tensor *out, float *y) {
  const float *x = a->data, *z = b->data;
  int64_t n = count_of(out), na = count_of(a), nb = count_of(b);
  if (na == n && nb == n) {
    k->binary[f](n, x, z, y);
  } else if (nb == 1 && na == n) {
    k->binary_scalar[f](n, x, *z, y);
  } else if (na == 1 && nb == n) {
    k->scalar_binary[f](n, *x, z, y);
  } else {
    prl_walk walk;
    prl_walk_begin(&walk, out, 2, (const prl_tensor *const[]){a, b});
    if (run_short_rows(k, f, &walk, x, z, y)) return;
    for (int64_t r = 0; r < walk.runs; r++, y += walk.run, prl_walk_next(&walk)) {
      const float *p = x + walk.offset[0], *q = z + walk.offset[1];
      if (!walk.step[1])
        k->binary_scalar[f](walk.run, p, *q, y);
      else if (!walk.step[0])
        k->scalar_binary[f](walk.run, *p, q, y);
      else
        k->binary[f](walk.run, p, q, y);
    }
  }
}

/* ---- Reduction ---- */

typedef struct odometer {
  int dims;
  int64_t count, offset;
  int64_t size[PRL_MAX_DIMS], stride[PRL_MAX_DIMS], index[PRL_MAX_DIMS]; /* innermost first */
} odometer;

static void push_dim(odometer *o, int64_t size, int64_t stride) {
  o->size[o->dims] = size;
  o->stride[o->dims++] = stride;
  o->count *= size;
}

static void advance(odometer *o) {
  for (int d = 0; d < o->dims; d++) {
    o->offset += o->stride[d];
    if (++o->index[d] < o->size[d]) return;
    o->index[d] = 0;
    o->offset -= o->stride[d] * o->size[d];
  }
}

enum { BLOCK = 64 }; /* columns whose float64 accumulators are on the stack */

static void sum_columns(const float *from, int64_t width, odometer *reduced, float *to) {
  for (int64_t first = 0; first < width; first += BLOCK) {
    double total[BLOCK] = {0};
    int64_t n = width - first < BLOCK ? width - first : BLOCK;
    for (int64_t r = 0; r < reduced->count; r++, advance(reduced)) {
      const float *row = from + reduced->offset + first;
      for (int64_t j = 0; j < n; j++) total[j] += (double)row[j];
    }
    for (int64_t j = 0; j < n; j++) to[first + j] = (float)total[j];
  }
}

void prl_reduce_to(const prl_kernels *k, const prl_tensor *full, const float *from, const prl_tensor *target,
                   float *to) {
  int64_t n = count_of(full), kept_count = count_of(target);
  if (n == kept_count) {
    memcpy(to, from, (size_t)n * sizeof *to);
    return;
  }
  prl_walk walk;
  prl_walk_begin(&walk, full, 1, &target);
  if (n == 0) {
    memset(to, 0, (size_t)kept_count * sizeof *to);
    return;
  }
  odometer kept = {.count = 1}, reduced = {.count = 1};
  int64_t stride = walk.run;
  for (int d = 1; d < walk.dims; d++) {
    push_dim(walk.stride[0][d] ? &kept : &reduced, walk.size[d], stride);
    stride *= walk.size[d];
  }
  if (!walk.step[0] && reduced.count == 1 &&
      (kept.count == 1 || (kept.dims == 1 && kept.stride[0] == walk.run))) {
    k->sum_rows(kept.count, walk.run, from, to);
    return;
  }
  for (int64_t i = 0; i < kept.count; i++, advance(&kept)) {
    const float *base = from + kept.offset;
    if (walk.step[0]) {
      sum_columns(base, walk.run, &reduced, to + i * walk.run);
      continue;
    }
    double total = 0;
    for (int64_t r = 0; r < reduced.count; r++, advance(&reduced))
      total += k->sum(walk.run, base + reduced.offset);
    to[i] = (float)total;
  }
}

/* ---- Examples ---- */

bool prl_example_get(const prl_example *cases, int count, int index, prl_attrs *attrs, int *inputs,
                     prl_tensor *in, float *low, float *high) {
  if (index < 0 || index >= count) return false;
  const prl_example *example = &cases[index];
  *attrs = example->attrs;
  *inputs = example->inputs;
  for (int i = 0; i < example->inputs; i++) {
    const prl_example_input *input = &example->in[i];
    prl_tensor_borrow(NULL, input->dtype, input->ndim, input->shape, &in[i]);
    low[i] = input->low;
    high[i] = input->high;
  }
  return true;
}
