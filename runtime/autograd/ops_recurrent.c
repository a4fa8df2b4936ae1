/* The gated recurrent unit (Cho et al. 2014), in the form of PyTorch's and cuDNN's, whose reset gate stands
 * behind the product:
 *
 *   r = σ(x_r + h U_r + b_r)    z = σ(x_z + h U_z + b_z)    c = tanh(x_c + r ∘ (h U_c + b_c))
 *   h′ = (1 − z) ∘ c + z ∘ h
 *
 * x (m, 3n) is what the input gives to r, z and c, side by side; w (n, 3n) is U, b (3n); y (m, n) is h′ of
 * each row. Rows are steps: h of a row is the y of the row before it, or, where start ≠ 0 (the first row
 * always; without a start each row), the row's own state (m, n). So rows in order make sequences of any
 * lengths, and gradients go back through a sequence to its start, to the state of its first row.
 *
 * The rows that are equally many steps behind their starts go through the product together. A row's y depends
 * on its sequence alone. */
#include "autograd/ops_internal.h"

enum { TILE = 64 }; /* rows that go through a product together, at most */

typedef struct unit {
  int64_t rows, n;
  int32_t *order; /* (rows): those of step 0 of their sequences, then those of step 1, … */
  int32_t *begin; /* (steps + 1) where they begin in it */
  int64_t steps;  /* of the longest sequence */
  float *rest;    /* of the scratch */
} unit;

static int64_t round_up(int64_t count) { return (count + 15) / 16 * 16; }

/* Floats of the scratch: `unit`'s integers, then forward's or backward's. */
static int64_t integers(int64_t rows) { return round_up(3 * rows + 2); }
static int64_t backward_floats(int64_t rows, int64_t n) {
  return rows * 5 * n + 3 * n * n + TILE * n + 3 * n;
}

static prl_status gru_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,
                            prl_inferred *inferred, prl_error *error) {
  const prl_tensor *x = in[0], *state = in[1], *w = in[2], *b = in[3];
  prl_status status = prl_need_f32("gru", 4, in, error);
  if (status) return status;
  if (x->ndim != 2 || state->ndim != 2 || x->shape[0] != state->shape[0] ||
      x->shape[1] != 3 * state->shape[1])
    return prl_shape_fail("gru", x, state, "do not fit: x (m, 3n), state (m, n)", error);
  const int64_t rows = x->shape[0], n = state->shape[1];
  if (w->ndim != 2 || w->shape[0] != n || w->shape[1] != 3 * n)
    return prl_shape_fail("gru", state, w, "do not fit: state (m, n), weight (n, 3n)", error);
  if (b->ndim != 1 || b->shape[0] != 3 * n)
    return prl_shape_fail("gru", w, b, "do not fit: weight (n, 3n), bias (3n)", error);
  if (inputs == 5 && (in[4]->ndim != 1 || in[4]->shape[0] != rows || in[4]->dtype == PRL_F64))
    return prl_shape_fail("gru", x, in[4], "do not fit: x (m, 3n), start (m)", error);
  prl_infer_like(inferred, state);
  prl_infer_aux(inferred, 2, (const int64_t[]){rows, 4 * n});
  const int64_t forward = TILE * 4 * n, backward = backward_floats(rows, n);
  inferred->scratch = integers(rows) + (forward > backward ? forward : backward);
  return PRL_OK;
}

/* ---- sequences ---- */

static bool starts(const prl_call *call, int64_t row) {
  return row == 0 || call->inputs < 5 || is_true(call->in[4], row);
}

/* The rows by their steps, by counting; within a step they keep their order. */
static unit unit_of(const prl_call *call) {
  unit u = {.rows = call->in[0]->shape[0], .n = call->in[1]->shape[1]};
  u.order = (int32_t *)call->scratch;
  u.begin = u.order + u.rows;
  u.rest = call->scratch + integers(u.rows);
  int32_t *step = u.begin + u.rows + 2;
  memset(u.begin, 0, (size_t)(u.rows + 2) * sizeof *u.begin);
  for (int64_t row = 0; row < u.rows; row++) {
    step[row] = starts(call, row) ? 0 : step[row - 1] + 1;
    if (step[row] >= u.steps) u.steps = step[row] + 1;
    u.begin[step[row] + 2]++;
  }
  for (int64_t s = 2; s <= u.steps; s++) u.begin[s] += u.begin[s - 1];
  for (int64_t row = 0; row < u.rows; row++) u.order[u.begin[step[row] + 1]++] = (int32_t)row;
  return u;
}

/* h of a row. */
static const float *before(const prl_call *call, int64_t row, int64_t step, int64_t n) {
  return step ? (const float *)call->out->data + (row - 1) * n : (const float *)call->in[1]->data + row * n;
}

/* ---- forward ---- */

static void forward_tile(const prl_call *call, const unit *u, int64_t step, int64_t first, int64_t rows) {
  const int64_t n = u->n;
  float *h = u->rest, *product = h + TILE * n;
  for (int64_t i = 0; i < rows; i++)
    memcpy(h + i * n, before(call, u->order[first + i], step, n), (size_t)n * sizeof *h);
  call->k->linear(rows, 3 * n, n, h, n, call->in[2]->data, call->in[3]->data, PRL_IDENTITY, NULL, product);
  for (int64_t i = 0; i < rows; i++) {
    const int64_t row = u->order[first + i];
    call->k->gru(n, (const float *)call->in[0]->data + row * 3 * n, product + i * 3 * n, h + i * n,
                 (float *)call->aux->data + row * 4 * n, (float *)call->out->data + row * n);
  }
}

static void gru_forward(const prl_call *call) {
  const unit u = unit_of(call);
  for (int64_t step = 0; step < u.steps; step++) {
    const int64_t end = u.begin[step + 1];
    for (int64_t first = u.begin[step]; first < end; first += TILE)
      forward_tile(call, &u, step, first, end - first < TILE ? end - first : TILE);
  }
}

/* ---- backward ---- */

/* Of all rows: the gradient of h U + b, h itself, and the gradient that comes from the row behind; then of a
 * tile the gradient by h, and a row's gradient by x that nobody wants. */
typedef struct back {
  float *product, *h, *carried, *turned, *tile, *unwanted;
} back;

static back back_of(const unit *u) {
  const int64_t n = u->n, rows = u->rows;
  back b = {.product = u->rest};
  b.h = b.product + rows * 3 * n;
  b.carried = b.h + rows * n;
  b.turned = b.carried + rows * n;
  b.tile = b.turned + 3 * n * n;
  b.unwanted = b.tile + TILE * n;
  return b;
}

static void turn(const float *w, int64_t rows, int64_t columns, float *to) {
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < columns; j++) to[j * rows + i] = w[i * columns + j];
}

static void backward_tile(const prl_call *call, const unit *u, const back *b, int64_t step, int64_t first,
                          int64_t rows) {
  const int64_t n = u->n;
  float *products = b->product + first * 3 * n; /* in the order of steps, where rows of a step are together */
  float *gx = call->gin[0] ? call->gin[0]->data : NULL, *gstate = call->gin[1] ? call->gin[1]->data : NULL;
  for (int64_t i = 0; i < rows; i++) {
    const int64_t row = u->order[first + i];
    float *h = b->h + (first + i) * n, *carried = b->carried + row * n;
    memcpy(h, before(call, row, step, n), (size_t)n * sizeof *h);
    call->k->binary[PRL_ADD](n, carried, (const float *)call->gout->data + row * n, carried);
    call->k->gru_grad(n, (const float *)call->aux->data + row * 4 * n, h, carried,
                      gx ? gx + row * 3 * n : b->unwanted, products + i * 3 * n, carried);
  }
  if (!step && !gstate) return; /* nobody asks what is before the start */
  call->k->linear(rows, n, 3 * n, products, 3 * n, b->turned, NULL, PRL_IDENTITY, NULL, b->tile);
  for (int64_t i = 0; i < rows; i++) {
    const int64_t row = u->order[first + i];
    float *to = step ? b->carried + (row - 1) * n : gstate + row * n;
    call->k->binary[PRL_ADD](n, b->carried + row * n, b->tile + i * n, to);
  }
}

/* The products of the weights' gradient add rows in the order of their steps. */
static void gru_backward(const prl_call *call) {
  const unit u = unit_of(call);
  const back b = back_of(&u);
  const int64_t n = u.n;
  prl_tensor *gw = call->gin[2], *gb = call->gin[3];
  memset(b.carried, 0, (size_t)(u.rows * n) * sizeof(float));
  if (call->gin[1]) memset(call->gin[1]->data, 0, bytes_of(call->gin[1]));
  if (call->inputs == 5 && call->gin[4]) memset(call->gin[4]->data, 0, bytes_of(call->gin[4]));
  turn(call->in[2]->data, n, 3 * n, b.turned);
  for (int64_t step = u.steps - 1; step >= 0; step--) {
    const int64_t end = u.begin[step + 1];
    for (int64_t first = u.begin[step]; first < end; first += TILE)
      backward_tile(call, &u, &b, step, first, end - first < TILE ? end - first : TILE);
  }
  if (gw)
    call->k->linear_gw(u.rows, 3 * n, n, b.h, b.product, PRL_INTO_NEW, gw->data, gb ? gb->data : NULL);
  else if (gb)
    call->k->linear_gw(u.rows, 3 * n, 0, b.h, b.product, PRL_INTO_NEW, b.turned, gb->data);
}

PRL_EXAMPLES(gru, {IN(F32(-1, 1, 7, 9), F32(-1, 1, 7, 3), F32(-1, 1, 3, 9), F32(-1, 1, 9), IDX(2, 7))},
             {IN(F32(-1, 1, 5, 6), F32(-1, 1, 5, 2), F32(-1, 1, 2, 6), F32(-1, 1, 6))},
             {IN(F32(-1, 1, 67, 15), F32(-1, 1, 67, 5), F32(-.5f, .5f, 5, 15), F32(-1, 1, 15), IDX64(2, 67))})
const prl_op prl_op_gru = {"gru", 4, 5, 0, gru_infer, gru_forward, gru_backward, gru_example};
