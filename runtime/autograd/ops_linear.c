/* matmul, linear and layer_norm. */
#include "autograd/ops_internal.h"

/* ---- matmul: a (…, m, k) times b (k, n), one matrix for all, or b (…, k, n) with the same leading sizes.
 * ga = g bᵀ, gb = aᵀ g. ---- */

typedef struct products {
  int64_t count, m, n, k; /* count of products (m, k)(k, n) */
} products;

static products products_of(const prl_tensor *a, const prl_tensor *b) {
  products p = {1, 1, b->shape[b->ndim - 1], a->shape[a->ndim - 1]};
  if (b->ndim == 2) {
    p.m = span_of(a, 0, a->ndim - 1);
  } else {
    p.count = span_of(a, 0, a->ndim - 2);
    p.m = a->shape[a->ndim - 2];
  }
  return p;
}

static prl_status matmul_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,
                               prl_inferred *inferred, prl_error *error) {
  const prl_tensor *a = in[0], *b = in[1];
  prl_status status = prl_need_f32("matmul", 2, in, error);
  if (status) return status;
  bool fits = a->ndim >= 2 && b->ndim >= 2 && a->shape[a->ndim - 1] == b->shape[b->ndim - 2];
  if (fits && b->ndim > 2) {
    fits = a->ndim == b->ndim;
    for (int d = 0; fits && d < a->ndim - 2; d++) fits = a->shape[d] == b->shape[d];
  }
  if (!fits) return prl_shape_fail("matmul", a, b, "do not fit (…, m, k) and (k, n) or (…, k, n)", error);
  products p = products_of(a, b);
  prl_infer_like(inferred, a);
  inferred->out.shape[a->ndim - 1] = p.n;
  inferred->scratch = prl_linear_scratch(p.n, p.k);
  return PRL_OK;
}

static void matmul_forward(const prl_call *call) {
  products p = products_of(call->in[0], call->in[1]);
  const float *a = call->in[0]->data, *b = call->in[1]->data;
  float *y = call->out->data;
  for (int64_t i = 0; i < p.count; i++)
    call->k->linear(p.m, p.n, p.k, a + i * p.m * p.k, p.k, b + i * p.k * p.n, NULL, PRL_IDENTITY, NULL,
                    y + i * p.m * p.n);
}

static void matmul_backward(const prl_call *call) {
  products p = products_of(call->in[0], call->in[1]);
  const float *a = call->in[0]->data, *b = call->in[1]->data, *g = call->gout->data;
  for (int64_t i = 0; i < p.count; i++) {
    const float *gi = g + i * p.m * p.n;
    if (call->gin[0])
      call->k->linear_gx(p.m, p.n, p.k, gi, b + i * p.k * p.n, false, PRL_IDENTITY, NULL, call->scratch,
                         (float *)call->gin[0]->data + i * p.m * p.k);
    if (call->gin[1])
      call->k->linear_gw(p.m, p.n, p.k, a + i * p.m * p.k, gi, PRL_INTO_NEW,
                         (float *)call->gin[1]->data + i * p.k * p.n, NULL);
  }
}

PRL_EXAMPLES(matmul, {IN(F32(-1, 1, 5, 3), F32(-1, 1, 3, 7))}, {IN(F32(-1, 1, 1, 13), F32(-1, 1, 13, 1))},
             {IN(F32(-1, 1, 2, 3, 5), F32(-1, 1, 5, 4))}, {IN(F32(-1, 1, 3, 2, 5), F32(-1, 1, 3, 5, 3))},
             {IN(F32(-1, 1, 2, 2, 3, 2), F32(-1, 1, 2, 2, 2, 5))})
const prl_op prl_op_matmul = {"matmul",      2, 2, 0, matmul_infer, matmul_forward, matmul_backward,
                              matmul_example};

/* ---- linear: y = act(x w + b), x (…, k) taken as rows, w (k, n), b (n) or none. aux is x w + b where the
 * activation's gradient reads its input. With h = g · act′: gx = h wᵀ, gw = xᵀ h, gb = the column sums of h.
 * In a program, layers one after the other may share the work otherwise (program_fuse.c): then g is h
 * already, gx is added to what other layers gave, or leaves as the h of the layer before. ---- */

static prl_unary activation_of(const prl_call *call) {
  return (prl_unary)attr_int(call->attrs, 0, PRL_IDENTITY);
}

/* Rows that stay in the second cache while the three products pass over them; the same bytes as all at once.
 * Layers so wide that few rows would are not worth it (0): the gradient of the weights passes through the
 * caches with each tile. */
static int64_t tile_rows(int64_t n, int64_t k) {
  enum { CACHE = 128 * 1024, FEWEST = 96 }; /* floats */
  int64_t rows = CACHE / (2 * (n + k)) / 48 * 48;
  return rows < FEWEST ? 0 : rows;
}

/* The most rows of one call of linear_backward_rows, of m or fewer: less than two of these tiles, or one of a
 * stretch. */
static int64_t most_rows(int64_t m, int64_t n, int64_t k) {
  int64_t tile = tile_rows(n, k), stretch = PRL_STRETCH_FLOATS / (2 * (n + k));
  int64_t most = 2 * tile > stretch ? 2 * tile : stretch;
  return tile && most < m ? most : m;
}

static int64_t rows_of(const prl_tensor *x) { return span_of(x, 0, x->ndim - 1); }

static prl_status linear_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,
                               prl_inferred *inferred, prl_error *error) {
  const prl_tensor *x = in[0], *w = in[1];
  int64_t act = attr_int(attrs, 0, PRL_IDENTITY);
  prl_status status = prl_need_f32("linear", inputs, in, error);
  if (!status) status = prl_need_choice("linear", "activation", act, PRL_UNARY_COUNT - 1, error);
  if (status) return status;
  if (x->ndim < 1 || w->ndim != 2 || x->shape[x->ndim - 1] != w->shape[0])
    return prl_shape_fail("linear", x, w, "do not fit (…, k) and (k, n)", error);
  if (inputs == 3 && (in[2]->ndim != 1 || in[2]->shape[0] != w->shape[1]))
    return prl_shape_fail("linear", w, in[2], "do not fit: weight (k, n), bias (n)", error);
  int64_t n = w->shape[1];
  prl_infer_like(inferred, x);
  inferred->out.shape[x->ndim - 1] = n;
  if (prl_unary_needs_input((prl_unary)act)) prl_infer_aux(inferred, x->ndim, inferred->out.shape);
  inferred->scratch = prl_linear_scratch(n, w->shape[0]);
  if (act != PRL_IDENTITY) inferred->scratch += most_rows(rows_of(x), n, w->shape[0]) * n;
  return PRL_OK;
}

static void linear_forward_rows(const prl_call *call, int64_t first, int64_t rows) {
  const prl_tensor *w = call->in[1];
  const int64_t n = w->shape[1], k = w->shape[0];
  call->k->linear(rows, n, k, rows_at(call->in[0], call->in_tiles & 1, first), k, w->data,
                  call->inputs == 3 ? call->in[2]->data : NULL, activation_of(call),
                  call->aux ? rows_at(call->aux, call->out_tile, first) : NULL,
                  rows_at(call->out, call->out_tile, first));
}

static void linear_forward(const prl_call *call) { linear_forward_rows(call, 0, rows_of(call->in[0])); }

/* Rows first … first + rows − 1 of a layer's backward. */
static void linear_backward_rows(const prl_call *call, int64_t first, int64_t rows) {
  const prl_tensor *w = call->in[1];
  const int64_t n = w->shape[1], k = w->shape[0];
  const float *x = rows_at(call->in[0], call->in_tiles & 1, first);
  const float *h = rows_at(call->gout, call->gout_tile, first);
  float *scratch = call->scratch;
  prl_unary act = activation_of(call);
  if (act != PRL_IDENTITY && !call->sloped) {
    float *product = scratch + prl_linear_scratch(n, k);
    call->k->unary_grad[act](rows * n, call->aux ? rows_at(call->aux, call->out_tile, first) : NULL,
                             rows_at(call->out, call->out_tile, first), h, false, product);
    h = product;
  }
  prl_tensor *gb = call->inputs == 3 ? call->gin[2] : NULL;
  prl_into into = first ? PRL_INTO_RESUME : PRL_INTO_NEW;
  if (call->gin[0])
    call->k->linear_gx(rows, n, k, h, w->data, call->gin_adds, call->gin_slope,
                       call->gin_of ? rows_at(call->gin_of, call->in_tiles & 1, first) : NULL, scratch,
                       rows_at(call->gin[0], call->gin_tiles & 1, first));
  if (call->gin[1])
    call->k->linear_gw(rows, n, k, x, h, into, call->gin[1]->data, gb ? gb->data : NULL);
  else if (gb) /* the column sums alone: a weight of no rows */
    call->k->linear_gw(rows, n, 0, x, h, into, scratch, gb->data);
}

static void linear_backward(const prl_call *call) {
  const prl_tensor *w = call->in[1];
  int64_t m = rows_of(call->in[0]), tile = tile_rows(w->shape[1], w->shape[0]), first = 0;
  if (!tile || m < 2 * tile) tile = m;
  do linear_backward_rows(call, first, m - first < tile ? m - first : tile); /* no rows: zeros */
  while ((first += tile) < m);
}

PRL_EXAMPLES(linear, {IN(F32(-1, 1, 5, 3), F32(-1, 1, 3, 7), F32(-1, 1, 7))},
             {IN(F32(-1, 1, 5, 3), F32(-1, 1, 3, 2))},
             {IN(F32(-1, 1, 2, 3, 5), F32(-1, 1, 5, 9), F32(-1, 1, 9)), INTS(PRL_TANH)},
             {IN(F32(-1, 1, 7), F32(-1, 1, 7, 3), F32(-1, 1, 3)), INTS(PRL_SIGMOID)},
             {IN(F32(-1, 1, 5, 3), F32(-1, 1, 3, 5), F32(-1, 1, 5)), INTS(PRL_SILU)},
             {IN(F32(-1, 1, 5, 3), F32(-1, 1, 3, 5), F32(-1, 1, 5)), INTS(PRL_GELU)},
             {IN(F32(-1, 1, 5, 3), F32(-1, 1, 3, 5)), INTS(PRL_SOFTPLUS)},
             {IN(F32(-1, 1, 5, 3), F32(-1, 1, 3, 5), F32(-1, 1, 5)), INTS(PRL_RELU)},
             {IN(F32(-1, 1, 5, 3), F32(-1, 1, 3, 5), F32(-1, 1, 5)), INTS(PRL_ELU)})
const prl_op prl_op_linear = {"linear",      2, 3, 0, linear_infer, linear_forward, linear_backward,
                              linear_example};
const prl_row_op prl_row_op_linear = {&prl_op_linear, 1, linear_forward_rows, linear_backward_rows};

/* ---- layer_norm (Ba et al. 2016): y = x̂ γ + β, x̂ = (x − mean)/√(var + ε) over the last dimension, var
 * biased. aux (rows, 3): the mean as two floats, so that x − mean is exact where the mean is large, and
 * 1/√(var + ε). With h = g γ: gx = (h − mean(h) − x̂ mean(h x̂))/√(var + ε). ---- */

/* x̂ of a row. */
static void standardise(int64_t n, const float *x, const float *aux, float *to) {
  for (int64_t j = 0; j < n; j++) to[j] = (x[j] - aux[0] - aux[1]) * aux[2];
}

/* Σ a b, in eight lanes of float64 that are added at the end in a fixed order. */
static double dot(int64_t n, const float *a, const float *b) {
  double lane[8] = {0};
  int64_t j = 0;
  for (; j + 8 <= n; j += 8)
    for (int l = 0; l < 8; l++) lane[l] += (double)a[j + l] * (double)b[j + l];
  for (; j < n; j++) lane[j & 7] += (double)a[j] * (double)b[j];
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

static prl_status layer_norm_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,
                                   prl_inferred *inferred, prl_error *error) {
  const prl_tensor *x = in[0];
  prl_status status = prl_need_f32("layer_norm", 3, in, error);
  for (int i = 1; i < 3 && !status; i++)
    if (x->ndim < 1 || in[i]->ndim != 1 || in[i]->shape[0] != x->shape[x->ndim - 1])
      status = prl_shape_fail("layer_norm", x, in[i], "do not fit (…, n) and (n)", error);
  if (!status && !(attr_float(attrs, 0, 1e-5) > 0))
    status = prl_fail(error, PRL_EINVAL, "layer_norm: epsilon is %g; it must be above 0",
                      attr_float(attrs, 0, 1e-5));
  if (status) return status;
  prl_infer_like(inferred, x);
  prl_infer_aux(inferred, 2, (const int64_t[]){span_of(x, 0, x->ndim - 1), 3});
  inferred->scratch = x->shape[x->ndim - 1];
  return PRL_OK;
}

static void layer_norm_forward(const prl_call *call) {
  const prl_tensor *in = call->in[0];
  int64_t n = in->shape[in->ndim - 1], rows = span_of(in, 0, in->ndim - 1);
  const float *x = in->data, *gamma = call->in[1]->data, *beta = call->in[2]->data;
  float *y = call->out->data, *aux = call->aux->data;
  double epsilon = attr_float(call->attrs, 0, 1e-5);
  for (int64_t r = 0; r < rows; r++, x += n, y += n, aux += 3) {
    double mean = call->k->sum(n, x) / (double)n;
    aux[0] = (float)mean;
    aux[1] = (float)(mean - (double)aux[0]);
    aux[2] = 1;
    standardise(n, x, aux, y); /* x − mean for now */
    aux[2] = (float)(1 / sqrt(call->k->sumsq(n, y) / (double)n + epsilon));
    for (int64_t j = 0; j < n; j++) y[j] = y[j] * aux[2] * gamma[j] + beta[j];
  }
}

static void layer_norm_grad_x(const prl_call *call, int64_t rows, int64_t n) {
  const float *x = call->in[0]->data, *gamma = call->in[1]->data, *g = call->gout->data,
              *aux = call->aux->data;
  float *gx = call->gin[0]->data, *hat = call->scratch;
  for (int64_t r = 0; r < rows; r++, x += n, g += n, gx += n, aux += 3) {
    standardise(n, x, aux, hat);
    call->k->binary[PRL_MUL](n, g, gamma, gx);
    float mean = (float)(call->k->sum(n, gx) / (double)n), along = (float)(dot(n, gx, hat) / (double)n);
    for (int64_t j = 0; j < n; j++) gx[j] = (gx[j] - mean - hat[j] * along) * aux[2];
  }
}

static void layer_norm_backward(const prl_call *call) {
  enum { BLOCK = 64 };
  const prl_tensor *in = call->in[0];
  int64_t n = in->shape[in->ndim - 1], rows = span_of(in, 0, in->ndim - 1);
  if (call->gin[0]) layer_norm_grad_x(call, rows, n);
  const float *x = in->data, *g = call->gout->data, *aux = call->aux->data;
  for (int64_t first = 0; first < n && (call->gin[1] || call->gin[2]); first += BLOCK) {
    double gamma[BLOCK] = {0}, beta[BLOCK] = {0};
    float hat[BLOCK];
    int64_t width = n - first < BLOCK ? n - first : BLOCK;
    for (int64_t r = 0; r < rows; r++) {
      const float *row = g + r * n + first;
      standardise(width, x + r * n + first, aux + 3 * r, hat);
      for (int64_t j = 0; j < width; j++) {
        gamma[j] += (double)(row[j] * hat[j]);
        beta[j] += (double)row[j];
      }
    }
    for (int64_t j = 0; j < width; j++) {
      if (call->gin[1]) ((float *)call->gin[1]->data)[first + j] = (float)gamma[j];
      if (call->gin[2]) ((float *)call->gin[2]->data)[first + j] = (float)beta[j];
    }
  }
}

PRL_EXAMPLES(layer_norm, {IN(F32(-2, 2, 5, 7), F32(.5f, 2, 7), F32(-1, 1, 7))},
             {IN(F32(-2, 2, 2, 3, 5), F32(.5f, 2, 5), F32(-1, 1, 5)), FLOATS(1e-3)},
             {IN(F32(-2, 2, 3, 67), F32(.5f, 2, 67), F32(-1, 1, 67))})
const prl_op prl_op_layer_norm = {
    "layer_norm", 3, 3, 0, layer_norm_infer, layer_norm_forward, layer_norm_backward, layer_norm_example};
