/* Compares an op's gradients with central differences of its forward. */
#include "autograd/gradcheck.h"

#include <math.h>
#include <string.h>

#include "core/memory.h"
#include "core/rng.h"
#include "tensor/tensor.h"

/* Everything that one check allocates. */
typedef struct check {
  prl_runtime *runtime;
  const prl_op *op;
  prl_tensor *const *in;
  int inputs;
  prl_call call;
  prl_tensor out, aux, gout, grad[PRL_MAX_INPUTS], alone[PRL_MAX_INPUTS];
  float *scratch;
  float *before, *projection; /* out's size */
} check;

static size_t floats(const prl_tensor *t) { return (size_t)prl_tensor_count(t); }

static uint32_t word_at(uint64_t seed, uint32_t stream, uint32_t at) {
  uint32_t block[4];
  prl_rng_block(prl_rng_make(seed, stream, PRL_SITE_USER), 0, 0, 0, at, block);
  return block[0];
}

static bool wants_grad(const check *c, int i) {
  bool draws = (c->op->flags & PRL_OP_RANDOM) && i == c->inputs - 1;
  return c->in[i]->dtype == PRL_F32 && !draws;
}

/* ---- Set up and take down ---- */

static void deinit(check *c) {
  prl_tensor_release(&c->out);
  prl_tensor_release(&c->aux);
  prl_tensor_release(&c->gout);
  for (int i = 0; i < c->inputs; i++) {
    prl_tensor_release(&c->grad[i]);
    prl_tensor_release(&c->alone[i]);
  }
  prl_free(c->runtime, c->scratch);
  prl_free(c->runtime, c->before);
  prl_free(c->runtime, c->projection);
}

static prl_status alloc_like(check *c, const prl_tensor *like, prl_tensor *out, prl_error *error) {
  return prl_tensor_new(c->runtime, like->dtype, like->ndim, like->shape, out, error);
}

static prl_status init(check *c, const prl_attrs *attrs, prl_error *error) {
  prl_inferred inferred = {0};
  const prl_tensor *in[PRL_MAX_INPUTS];
  for (int i = 0; i < c->inputs; i++) in[i] = c->in[i];
  prl_status status = c->op->infer(attrs, c->inputs, in, &inferred, error);
  if (!status) status = alloc_like(c, &inferred.out, &c->out, error);
  if (!status && c->out.dtype == PRL_F32) status = alloc_like(c, &inferred.out, &c->gout, error);
  if (!status && inferred.aux.ndim >= 0) status = alloc_like(c, &inferred.aux, &c->aux, error);
  for (int i = 0; i < c->inputs && !status; i++) {
    status = alloc_like(c, in[i], &c->grad[i], error);
    if (!status) status = alloc_like(c, in[i], &c->alone[i], error);
  }
  if (status) return status;
  size_t size = (floats(&c->out) + 1) * sizeof(float);
  c->scratch = prl_alloc(c->runtime, ((size_t)inferred.scratch + 1) * sizeof(float));
  c->before = prl_alloc(c->runtime, size);
  c->projection = prl_alloc(c->runtime, size);
  if (!c->scratch || !c->before || !c->projection) return prl_fail_memory(error, size);
  c->call = (prl_call){.k = prl_kernels_of(c->runtime),
                       .attrs = attrs,
                       .inputs = c->inputs,
                       .out = &c->out,
                       .aux = inferred.aux.ndim >= 0 ? &c->aux : NULL,
                       .gout = &c->gout,
                       .scratch = c->scratch};
  for (int i = 0; i < c->inputs; i++) c->call.in[i] = in[i];
  return PRL_OK;
}

static void forward(check *c) {
  if (c->op->forward)
    c->op->forward(&c->call);
  else
    memcpy(c->out.data, c->in[0]->data, floats(&c->out) * prl_dtype_size(c->out.dtype)); /* a view */
}

/* ---- The analytic gradient ---- */

/* The content of a gradient before backward: zero where rows are added to it, NaN where it is overwritten. */
static void prepare(check *c, int i, prl_tensor *grad) {
  bool adds = i == 0 && (c->op->flags & PRL_OP_ROW_SPARSE);
  prl_tensor_fill(grad, adds ? 0 : (double)NAN);
}

static prl_status backward(check *c, prl_error *error) {
  forward(c);
  memcpy(c->gout.data, c->projection, floats(&c->out) * sizeof(float));
  for (int i = 0; i < c->inputs; i++) {
    c->call.gin[i] = wants_grad(c, i) ? &c->grad[i] : NULL;
    if (c->call.gin[i]) prepare(c, i, &c->grad[i]);
  }
  c->op->backward(&c->call);
  for (int i = 0; i < c->inputs; i++) {
    if (!wants_grad(c, i)) continue;
    memset(c->call.gin, 0, sizeof c->call.gin);
    c->call.gin[i] = &c->alone[i];
    prepare(c, i, &c->alone[i]);
    c->op->backward(&c->call);
    if (memcmp(c->alone[i].data, c->grad[i].data, floats(&c->grad[i]) * sizeof(float)) != 0)
      return prl_fail(error, PRL_EINVAL, "%s: the gradient of input %d differs when it is asked for alone",
                      c->op->name, i + 1);
  }
  return PRL_OK;
}

/* ---- The numeric one ---- */

/* (L(x + h) − L(x − h))/2h; the step is as float32 rounds it. */
static double difference(check *c, float *x, float h) {
  float old = *x;
  const float *out = c->out.data;
  size_t n = floats(&c->out);
  volatile float above = old + h, below = old - h;
  *x = below;
  forward(c);
  memcpy(c->before, out, n * sizeof(float));
  *x = above;
  forward(c);
  double sum = 0;
  for (size_t j = 0; j < n; j++) sum += (double)c->projection[j] * ((double)out[j] - (double)c->before[j]);
  *x = old;
  return sum / ((double)above - (double)below);
}

enum { STEPS = 6 };
static const float step_sizes[STEPS] = {.2f, .1f, 3e-2f, 1e-2f, 3e-3f, 1e-3f};

/* Richardson's extrapolation: errs by h⁴, so that a step may be large beside the rounding of the output. */
static double derivative(check *c, float *x, float h) {
  return (4 * difference(c, x, h * .5f) - difference(c, x, h)) / 3;
}

static void compare(check *c, int i, prl_gradcheck_result *result) {
  float *x = c->in[i]->data;
  const float *analytic = c->grad[i].data;
  int64_t n = prl_tensor_count(c->in[i]);
  double greatest = 0;
  for (int64_t e = 0; e < n; e++) greatest = fmax(greatest, fabs(difference(c, &x[e], 1e-2f)));
  double floor = fmax(greatest * .05, 1e-6);
  for (int64_t e = 0; e < n; e++, result->checked++) {
    double a = (double)analytic[e], best = INFINITY, numeric = 0;
    for (int s = 0; s < STEPS && isfinite(a); s++) {
      float scale = fmaxf(fabsf(x[e]), .5f);
      double d = derivative(c, &x[e], step_sizes[s] * scale);
      double error = fabs(d - a) / fmax(fmax(fabs(d), fabs(a)), floor);
      if (error < best) best = error, numeric = d;
    }
    if (best > result->error || result->checked == 0)
      *result = (prl_gradcheck_result){best, i, e, a, numeric, result->checked};
  }
}

prl_status prl_gradcheck(prl_runtime *runtime, const prl_op *op, const prl_attrs *attrs, int inputs,
                         prl_tensor *const *in, uint64_t seed, prl_gradcheck_result *result,
                         prl_error *error) {
  check c = {.runtime = runtime, .op = op, .in = in, .inputs = inputs};
  prl_gradcheck_result found = {0};
  prl_status status = init(&c, attrs, error);
  if (status) goto done;
  for (size_t j = 0; j < floats(&c.out); j++) /* from ±0.5 to ±1.5: no output goes unseen */
    c.projection[j] = (word_at(seed, 99, (uint32_t)j) & 1 ? -1.0f : 1.0f) *
                      (.5f + prl_rng_uniform(word_at(seed, 98, (uint32_t)j)));
  forward(&c);
  if (op->flags & (PRL_OP_NO_GRAD | PRL_OP_VIEW)) goto done;
  if (!op->backward) {
    status = prl_fail(error, PRL_EINVAL, "%s: an op without a backward function must say PRL_OP_NO_GRAD",
                      op->name);
    goto done;
  }
  status = backward(&c, error);
  for (int i = 0; i < inputs && !status; i++)
    if (wants_grad(&c, i)) compare(&c, i, &found);
done:
  deinit(&c);
  if (!status) *result = found;
  return status;
}

/* ---- Examples ---- */

/* A permutation of n evenly spread values, placed within their steps differently for each input. */
static void spread(prl_tensor *t, int input, float low, float high, uint64_t seed) {
  int64_t n = prl_tensor_count(t);
  double place = fmod(.37 + .31 * input, 1);
  for (int64_t j = 0; j < n; j++) {
    if (t->dtype == PRL_I32 || t->dtype == PRL_I64) {
      double u = (double)prl_rng_uniform(word_at(seed, (uint32_t)input, (uint32_t)j));
      prl_tensor_set(t, j, floor((double)low + u * (double)(high - low)));
    } else {
      prl_tensor_set(t, j, (double)low + (double)(high - low) * ((double)j + place) / (double)n);
    }
  }
  if (t->dtype == PRL_I32 || t->dtype == PRL_I64) return;
  for (int64_t j = n - 1; j > 0; j--) {
    int64_t k = (int64_t)(word_at(seed, (uint32_t)input, (uint32_t)j) % (uint64_t)(j + 1));
    double swap = prl_tensor_get(t, j);
    prl_tensor_set(t, j, prl_tensor_get(t, k));
    prl_tensor_set(t, k, swap);
  }
}

prl_status prl_example_inputs(prl_runtime *runtime, const prl_op *op, int index, uint64_t seed,
                              prl_attrs *attrs, int *inputs, prl_tensor *in, prl_error *error) {
  prl_tensor shapes[PRL_MAX_INPUTS];
  float low[PRL_MAX_INPUTS], high[PRL_MAX_INPUTS];
  if (!op->example || !op->example(index, attrs, inputs, shapes, low, high))
    return prl_fail(error, PRL_EINVAL, "%s: there is no example %d", op->name, index);
  for (int i = 0; i < *inputs; i++) {
    prl_status status =
        prl_tensor_new(runtime, shapes[i].dtype, shapes[i].ndim, shapes[i].shape, &in[i], error);
    if (status) {
      while (i-- > 0) prl_tensor_release(&in[i]);
      return status;
    }
    spread(&in[i], i, low[i], high[i], seed);
  }
  return PRL_OK;
}

prl_status prl_gradcheck_example(prl_runtime *runtime, const prl_op *op, int index, uint64_t seed,
                                 prl_gradcheck_result *result, prl_error *error) {
  prl_attrs attrs;
  prl_tensor in[PRL_MAX_INPUTS], *pointers[PRL_MAX_INPUTS];
  int inputs = 0;
  prl_status status = prl_example_inputs(runtime, op, index, seed, &attrs, &inputs, in, error);
  if (status) return status;
  for (int i = 0; i < inputs; i++) pointers[i] = &in[i];
  status = prl_gradcheck(runtime, op, &attrs, inputs, pointers, seed, result, error);
  for (int i = 0; i < inputs; i++) prl_tensor_release(&in[i]);
  return status;
}
