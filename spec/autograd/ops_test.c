/* What the fixtures cannot show: the table itself, refusals, indices out of range, draws, tails, and that a
 * row's bytes never depend on its batch. */
#include "support/check.h"

#include <math.h>
#include <stdio.h>

#include "autograd/op.h"
#include "autograd/ops.h"
#include "core/memory.h"
#include "core/rng.h"
#include "tensor/tensor.h"

static prl_runtime *runtime;
static prl_error error;

static int setup(void **state) { return prl_runtime_new(NULL, &runtime, NULL); }
static int teardown(void **state) {
  prl_runtime_release(runtime);
  return 0;
}

/* ---- One op at a time ---- */

#define SHAPE(...)                                                                                           \
  (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[]) { __VA_ARGS__ }
#define ATTR_INTS(...)                                                                                       \
  {                                                                                                          \
    .ints_count = (int32_t)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), .ints = { __VA_ARGS__ }     \
  }

static prl_tensor view(const void *data, prl_dtype dtype, int ndim, const int64_t *shape) {
  prl_tensor t;
  prl_tensor_borrow((void *)data, dtype, ndim, shape, &t);
  return t;
}

/* Runs forward; out is released by the caller. */
static void run(const char *name, const prl_attrs *attrs, int inputs, const prl_tensor *in, prl_tensor *out) {
  const prl_op *op = prl_op_find(name);
  assert_non_null(op);
  prl_inferred inferred = {0};
  prl_call call = {.k = prl_kernels_of(runtime), .attrs = attrs, .inputs = inputs, .out = out};
  for (int i = 0; i < inputs; i++) call.in[i] = &in[i];
  CHECK_OK(op->infer(attrs, inputs, call.in, &inferred, &error));
  CHECK_OK(prl_tensor_new(runtime, inferred.out.dtype, inferred.out.ndim, inferred.out.shape, out, &error));
  prl_tensor aux = {0};
  if (inferred.aux.ndim >= 0) {
    CHECK_OK(prl_tensor_new(runtime, PRL_F32, inferred.aux.ndim, inferred.aux.shape, &aux, &error));
    call.aux = &aux;
  }
  call.scratch = prl_alloc(runtime, ((size_t)inferred.scratch + 1) * sizeof(float));
  op->forward(&call);
  prl_free(runtime, call.scratch);
  prl_tensor_release(&aux);
}

/* The gradient of input i where gout is all ones; `grad` is released by the caller and starts at zero. */
static void gradient(const char *name, const prl_attrs *attrs, int inputs, const prl_tensor *in, int i,
                     prl_tensor *grad) {
  const prl_op *op = prl_op_find(name);
  prl_inferred inferred = {0};
  prl_tensor out, gout, aux = {0};
  prl_call call = {
      .k = prl_kernels_of(runtime), .attrs = attrs, .inputs = inputs, .out = &out, .gout = &gout};
  for (int j = 0; j < inputs; j++) call.in[j] = &in[j];
  CHECK_OK(op->infer(attrs, inputs, call.in, &inferred, &error));
  CHECK_OK(prl_tensor_new(runtime, PRL_F32, inferred.out.ndim, inferred.out.shape, &out, &error));
  CHECK_OK(prl_tensor_new(runtime, PRL_F32, inferred.out.ndim, inferred.out.shape, &gout, &error));
  CHECK_OK(prl_tensor_new(runtime, PRL_F32, in[i].ndim, in[i].shape, grad, &error));
  prl_tensor_fill(&gout, 1);
  if (inferred.aux.ndim >= 0) {
    CHECK_OK(prl_tensor_new(runtime, PRL_F32, inferred.aux.ndim, inferred.aux.shape, &aux, &error));
    call.aux = &aux;
  }
  call.scratch = prl_alloc(runtime, ((size_t)inferred.scratch + 1) * sizeof(float));
  op->forward(&call);
  call.gin[i] = grad;
  op->backward(&call);
  prl_free(runtime, call.scratch);
  prl_tensor_release(&aux);
  prl_tensor_release(&out);
  prl_tensor_release(&gout);
}

static float at(const prl_tensor *t, int64_t i) { return ((const float *)t->data)[i]; }

/* ---- The table ---- */

static void the_table_is_in_order_and_found(void **state) {
  for (int i = 0; i < prl_ops_count; i++) {
    if (i > 0) assert_true(strcmp(prl_ops[i - 1]->name, prl_ops[i]->name) < 0);
    assert_ptr_equal(prl_op_find(prl_ops[i]->name), prl_ops[i]);
    assert_in_range(prl_ops[i]->max_inputs, prl_ops[i]->min_inputs, PRL_MAX_INPUTS);
  }
  assert_null(prl_op_find("ad"));
  assert_null(prl_op_find(""));
  assert_null(prl_op_find("zzz"));
}

/* ---- Refusals: the op's name and both shapes ---- */

static prl_status infer(const char *name, const prl_attrs *attrs, int inputs, const prl_tensor *in) {
  const prl_tensor *pointers[PRL_MAX_INPUTS];
  prl_inferred inferred;
  for (int i = 0; i < inputs; i++) pointers[i] = &in[i];
  return prl_op_find(name)->infer(attrs, inputs, pointers, &inferred, &error);
}

static void shapes_that_do_not_fit_are_printed(void **state) {
  const prl_attrs none = {0}, one = ATTR_INTS(1), far = ATTR_INTS(2), pair = ATTR_INTS(3, 5),
                  cut = ATTR_INTS(1, 2, 9);
  prl_tensor m34 = view(NULL, PRL_F32, SHAPE(3, 4)), m35 = view(NULL, PRL_F32, SHAPE(3, 5));
  prl_tensor v5 = view(NULL, PRL_F32, SHAPE(5)), m = view(NULL, PRL_I32, SHAPE(3)),
             m41 = view(NULL, PRL_F32, SHAPE(4, 1));
  prl_tensor v4 = view(NULL, PRL_F32, SHAPE(4)), i64 = view(NULL, PRL_I64, SHAPE(3, 4));
  CHECK_FAILS(infer("add", &none, 2, (prl_tensor[]){m34, v5}), PRL_ESHAPE, "add: shapes (3, 4) and (5)");
  CHECK_FAILS(infer("matmul", &none, 2, (prl_tensor[]){m34, m35}), PRL_ESHAPE,
              "matmul: shapes (3, 4) and (3, 5)");
  CHECK_FAILS(infer("linear", &none, 2, (prl_tensor[]){m34, m35}), PRL_ESHAPE,
              "linear: shapes (3, 4) and (3, 5)");
  CHECK_FAILS(infer("linear", &none, 3, (prl_tensor[]){v4, (prl_tensor)view(NULL, PRL_F32, SHAPE(4, 3)), v5}),
              PRL_ESHAPE, "(4, 3) and (5)");
  CHECK_FAILS(infer("mse", &none, 2, (prl_tensor[]){m41, v4}), PRL_ESHAPE,
              "mse: shapes (4, 1) and (4) differ");
  CHECK_FAILS(infer("concat", &one, 2, (prl_tensor[]){m34, m41}), PRL_ESHAPE,
              "concat: shapes (3, 4) and (4, 1)");
  CHECK_FAILS(infer("stack", &one, 2, (prl_tensor[]){m34, m35}), PRL_ESHAPE,
              "stack: shapes (3, 4) and (3, 5)");
  CHECK_FAILS(infer("gather", &one, 2, (prl_tensor[]){m34, m}), PRL_ESHAPE, "gather: shapes (3, 4) and (3)");
  CHECK_FAILS(infer("reshape", &pair, 1, (prl_tensor[]){m34}), PRL_ESHAPE,
              "reshape: shapes (3, 4) and (3, 5)");
  CHECK_FAILS(infer("broadcast_to", &pair, 1, (prl_tensor[]){m34}), PRL_ESHAPE, "(3, 4) and (3, 5)");
  CHECK_FAILS(infer("layer_norm", &none, 3, (prl_tensor[]){m34, v4, v5}), PRL_ESHAPE, "(3, 4) and (5)");
  CHECK_FAILS(infer("normal_log_prob", &none, 3, (prl_tensor[]){m34, v4, v5}), PRL_ESHAPE, "(3, 4) and (5)");
  CHECK_FAILS(infer("cross_entropy", &none, 2, (prl_tensor[]){m35, v4}), PRL_ESHAPE, "(3, 5) and (4)");
  CHECK_FAILS(infer("categorical_sample", &none, 2, (prl_tensor[]){m35, v4}), PRL_ESHAPE, "(3, 5) and (4)");
  CHECK_FAILS(infer("slice", &cut, 1, (prl_tensor[]){m34}), PRL_ESHAPE, "dimension 2 of (3, 4)");
  CHECK_FAILS(infer("sum", &far, 1, (prl_tensor[]){m34}), PRL_ESHAPE,
              "sum: dimension 3 does not exist in shape (3, 4)");
  CHECK_FAILS(infer("var", &none, 1, (prl_tensor[]){view(NULL, PRL_F32, SHAPE(1))}), PRL_ESHAPE,
              "at least 2");
  CHECK_FAILS(infer("tanh", &none, 1, (prl_tensor[]){i64}), PRL_EINVAL,
              "tanh: input 1 is int64; float32 is needed");
  CHECK_FAILS(infer("mse", &far, 2, (prl_tensor[]){m34, m35}), PRL_ESHAPE, "differ");
}

static void attributes_out_of_range_are_refused(void **state) {
  prl_tensor x = view(NULL, PRL_F32, SHAPE(3, 4));
  const prl_attrs three = ATTR_INTS(3), dropped = {.floats_count = 1, .floats = {1}};
  const prl_attrs crossed = {.floats_count = 2, .floats = {2, 1}};
  CHECK_FAILS(infer("mse", &three, 2, (prl_tensor[]){x, x}), PRL_EINVAL, "mse: the attribute reduction is 3");
  CHECK_FAILS(infer("dropout", &dropped, 2, (prl_tensor[]){x, x}), PRL_EINVAL, "dropout: p is 1");
  CHECK_FAILS(infer("clamp", &crossed, 1, (prl_tensor[]){x}), PRL_EINVAL, "clamp: the bounds 2 and 1");
  const prl_attrs many = ATTR_INTS(99);
  prl_tensor w = view(NULL, PRL_F32, SHAPE(4, 2));
  CHECK_FAILS(infer("linear", &many, 2, (prl_tensor[]){x, w}), PRL_EINVAL, "activation is 99");
}

/* ---- Indices ---- */

static const float six[6] = {1, 2, 3, 4, 5, 6};

static void an_index_out_of_range_is_nan(void **state) {
  const prl_attrs none = {0}, last = ATTR_INTS(1);
  const int32_t index[3] = {2, 3, -1};
  const int64_t wide[3] = {1, INT64_MAX, INT64_MIN};
  const float whole[3] = {0, 1e20f, NAN};
  prl_tensor table = view(six, PRL_F32, SHAPE(3, 2)), out, grad;
  const prl_tensor indices[3] = {view(index, PRL_I32, SHAPE(3)), view(wide, PRL_I64, SHAPE(3)),
                                 view(whole, PRL_F32, SHAPE(3))};
  for (int i = 0; i < 3; i++) {
    prl_tensor in[2] = {table, indices[i]};
    run("embedding", &none, 2, in, &out);
    assert_true(at(&out, 0) == six[(2 - i) * 2]);
    for (int j = 2; j < 6; j++) assert_true(isnan(at(&out, j)));
    gradient("embedding", &none, 2, in, 0, &grad);
    double total = 0;
    for (int j = 0; j < 6; j++) total += (double)at(&grad, j);
    assert_true(total == 2); /* of the one row that exists */
    prl_tensor_release(&out);
    prl_tensor_release(&grad);
  }
  const int32_t column[3] = {1, 2, 0};
  prl_tensor in[2] = {table, view(column, PRL_I32, SHAPE(3, 1))};
  run("gather", &last, 2, in, &out);
  assert_true(at(&out, 0) == 2 && isnan(at(&out, 1)) && at(&out, 2) == 5);
  prl_tensor_release(&out);
  in[1] = view(column, PRL_I32, SHAPE(3));
  run("cross_entropy", &none, 2, in, &out);
  assert_true(isnan(at(&out, 0)));
  prl_tensor_release(&out);
}

static void bags_may_be_empty_or_wrong(void **state) {
  const prl_attrs mean = ATTR_INTS(1);
  const int32_t index[4] = {0, 2, 2, 1};
  const int32_t offsets[6] = {0, 3, 3, 2, 4, 9}; /* three rows; empty; reversed; two rows; beyond */
  prl_tensor in[3] = {view(six, PRL_F32, SHAPE(3, 2)), view(index, PRL_I32, SHAPE(4)),
                      view(offsets, PRL_I32, SHAPE(6))};
  prl_tensor out, grad;
  run("embedding_bag", &mean, 3, in, &out);
  assert_int_equal(out.shape[0], 5);
  assert_true(at(&out, 0) == (1 + 5 + 5) / 3.0f && at(&out, 1) == (2 + 6 + 6) / 3.0f);
  for (int j = 2; j < 6; j++) assert_true(at(&out, j) == 0);
  assert_true(at(&out, 6) == 4 && at(&out, 7) == 5);
  assert_true(isnan(at(&out, 8)));
  gradient("embedding_bag", &mean, 3, in, 0, &grad);
  assert_true(at(&grad, 0) == 1 / 3.0f && at(&grad, 2) == .5f);
  assert_true(fabsf(at(&grad, 4) - (2 / 3.0f + .5f)) < 1e-6f);
  prl_tensor_release(&out);
  prl_tensor_release(&grad);
}

/* ---- NaN is never hidden ---- */

static void nan_passes_through(void **state) {
  const float values[3] = {1, NAN, -1}, bound[2] = {-.5f, .5f};
  const prl_attrs none = {0}, clamp = {.floats_count = 2, .floats = {-.5, .5}};
  prl_tensor x = view(values, PRL_F32, SHAPE(3)), out;
  run("clamp", &clamp, 1, &x, &out);
  assert_true(at(&out, 0) == .5f && isnan(at(&out, 1)) && at(&out, 2) == -.5f);
  prl_tensor_release(&out);
  prl_tensor in[3] = {x, view(bound, PRL_F32, 0, NULL), view(bound + 1, PRL_F32, 0, NULL)};
  run("clamp_t", &none, 3, in, &out);
  assert_true(at(&out, 0) == .5f && isnan(at(&out, 1)) && at(&out, 2) == -.5f);
  prl_tensor_release(&out);
  static const char *const names[] = {"max", "min", "sum", "mean", "var"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    run(names[i], &none, 1, &x, &out);
    assert_true(isnan(at(&out, 0)));
    prl_tensor_release(&out);
  }
}

/* ---- Tails ---- */

static void log_densities_are_exact_in_the_tails(void **state) {
  const float x[4] = {1e19f, 300, -3e4f, 0}, mean[4] = {0, 0, 1e-3f, 0}, log_std[4] = {0, -5, -10, 20};
  const prl_attrs none = {0};
  for (int i = 0; i < 4; i++) {
    prl_tensor in[3] = {view(x + i, PRL_F32, SHAPE(1)), view(mean + i, PRL_F32, SHAPE(1)),
                        view(log_std + i, PRL_F32, SHAPE(1))};
    prl_tensor out, grad;
    double z = ((double)x[i] - (double)mean[i]) * exp(-(double)log_std[i]);
    double wanted = -.5 * z * z - (double)log_std[i] - .5 * log(2 * 3.14159265358979323846);
    run("normal_log_prob", &none, 3, in, &out);
    assert_true(fabs((double)at(&out, 0) - wanted) <= 5e-7 * fabs(wanted));
    gradient("normal_log_prob", &none, 3, in, 2, &grad);
    assert_true(fabs((double)at(&grad, 0) - (z * z - 1)) <= 5e-7 * fabs(z * z - 1));
    prl_tensor_release(&out);
    prl_tensor_release(&grad);
  }
}

/* log p of a choice that is nearly certain is the chance of the others, which a sum near 1 would lose. */
static void a_nearly_certain_choice_keeps_its_digits(void **state) {
  const prl_attrs none = {0};
  const float logits[3] = {20, 0, -5};
  prl_tensor x = view(logits, PRL_F32, SHAPE(1, 3)), out;
  run("log_softmax", &none, 1, &x, &out);
  double others = exp(-20) + exp(-25), wanted = -log1p(others);
  assert_true(fabs((double)at(&out, 0) - wanted) <= 5e-7 * fabs(wanted));
  prl_tensor_release(&out);
}

/* ---- Draws ---- */

static int32_t sample(const float *logits, int64_t n, float draw) {
  const prl_attrs none = {0};
  prl_tensor in[2] = {view(logits, PRL_F32, SHAPE(1, n)), view(&draw, PRL_F32, SHAPE(1, 1))}, out;
  run("categorical_sample", &none, 2, in, &out);
  int32_t choice = *(int32_t *)out.data;
  prl_tensor_release(&out);
  return choice;
}

static void samples_follow_the_distribution(void **state) {
  enum { ROWS = 4096 };
  const float logits[4] = {-1, .5f, -INFINITY, 2};
  float *rows = prl_alloc(runtime, ROWS * 4 * sizeof(float)),
        *draws = prl_alloc(runtime, ROWS * sizeof(float));
  for (int r = 0; r < ROWS; r++) memcpy(rows + 4 * r, logits, sizeof logits);
  prl_rng_uniforms(prl_rng_make(1, 2, PRL_SITE_ACTION), 0, 0, ROWS, draws);
  const prl_attrs none = {0};
  prl_tensor in[2] = {view(rows, PRL_F32, SHAPE(ROWS, 4)), view(draws, PRL_F32, SHAPE(ROWS))}, out;
  run("categorical_sample", &none, 2, in, &out);
  int count[4] = {0};
  for (int r = 0; r < ROWS; r++) count[((int32_t *)out.data)[r]]++;
  double total = exp(-1) + exp(.5) + exp(2);
  for (int j = 0; j < 4; j++) {
    double p = exp((double)logits[j]) / total, sigma = sqrt(ROWS * p * (1 - p));
    assert_true(fabs(count[j] - ROWS * p) <= 4 * sigma);
  }
  assert_int_equal(count[2], 0);
  prl_tensor_release(&out);
  prl_free(runtime, rows);
  prl_free(runtime, draws);
}

static void samples_never_run_past_the_end(void **state) {
  const float even[3] = {0, 0, 0}, tail[4] = {0, 0, -INFINITY, -INFINITY}, head[3] = {-INFINITY, 0, 0};
  const float huge[3] = {1000, -1000, 999}, broken[2] = {0, NAN};
  const float below_one = 1 - 0x1p-24f, above_zero = 0x1p-24f;
  assert_int_equal(sample(even, 3, below_one), 2);
  assert_int_equal(sample(even, 3, above_zero), 0);
  assert_int_equal(sample(tail, 4, below_one), 1); /* the last that is possible */
  assert_int_equal(sample(head, 3, above_zero), 1);
  assert_int_equal(sample(huge, 3, .5f), 0);
  assert_int_equal(sample(huge, 3, .9f), 2);
  assert_int_equal(sample(broken, 2, .5f), -1);
}

static void dropout_keeps_the_mean(void **state) {
  enum { N = 4096 };
  float *ones = prl_alloc(runtime, N * sizeof(float)), *draws = prl_alloc(runtime, N * sizeof(float));
  for (int i = 0; i < N; i++) ones[i] = 1;
  prl_rng_uniforms(prl_rng_make(3, 4, PRL_SITE_DROPOUT), 0, 0, N, draws);
  prl_tensor in[2] = {view(ones, PRL_F32, SHAPE(N)), view(draws, PRL_F32, SHAPE(N))}, out;
  prl_attrs attrs = {.floats_count = 1, .floats = {.25}};
  run("dropout", &attrs, 2, in, &out);
  int kept = 0;
  for (int i = 0; i < N; i++) {
    assert_true(at(&out, i) == 0 || at(&out, i) == 1 / .75f);
    kept += at(&out, i) != 0;
  }
  assert_true(fabs(kept - N * .75) <= 4 * sqrt(N * .75 * .25));
  prl_tensor_release(&out);
  attrs.floats[0] = 0;
  run("dropout", &attrs, 2, in, &out);
  assert_memory_equal(out.data, ones, N * sizeof(float));
  prl_tensor_release(&out);
  prl_free(runtime, ones);
  prl_free(runtime, draws);
}

/* ---- A row's bytes ---- */

enum { MOST_ROWS = 1024, WIDTH = 13, OTHER = 7, NARROW = 3 };

typedef struct row_case {
  const char *op;
  prl_attrs attrs;
  int inputs;
  int kind[3]; /* 2: (rows, WIDTH); 3: (rows, NARROW); 1: (WIDTH); 0: a scalar; −2: (WIDTH, OTHER); −1:
                  (OTHER); −3: (rows, 1) */
} row_case;

static const row_case row_cases[] = {
    {"add", {0}, 2, {2, 2}},
    {"mul", {0}, 2, {2, 1}},
    {"div", {0}, 2, {2, -3}},
    {"minimum", {0}, 2, {2, 0}},
    {"pow", {0}, 2, {2, 1}},
    {"exp", {0}, 1, {2}},
    {"tanh", {0}, 1, {2}},
    {"gelu", {0}, 1, {2}},
    {"softplus", {0}, 1, {2}},
    {"clamp_t", {0}, 3, {2, 0, 0}},
    {"where", {0}, 3, {2, 1, 2}},
    {"matmul", {0}, 2, {2, -2}},
    {"linear", ATTR_INTS(PRL_TANH), 3, {2, -2, -1}},
    {"linear", ATTR_INTS(PRL_GELU), 3, {2, -2, -1}},
    {"layer_norm", {0}, 3, {2, 1, 1}},
    {"sum", ATTR_INTS(1), 1, {2}},
    {"mean", ATTR_INTS(1, 1), 1, {2}},
    {"var", ATTR_INTS(-1), 1, {2}},
    {"max", ATTR_INTS(-1), 1, {2}},
    {"cumsum", {0}, 1, {2}},
    {"softmax", {0}, 1, {2}},
    {"log_softmax", {0}, 1, {2}},
    {"logsumexp", {0}, 1, {2}},
    {"softmax", {0}, 1, {3}},
    {"log_softmax", {0}, 1, {3}},
    {"logsumexp", {0}, 1, {3}},
    {"mul", {0}, 2, {3, -3}},
    {"mse", ATTR_INTS(PRL_REDUCE_NONE), 2, {2, 2}},
    {"huber", ATTR_INTS(PRL_REDUCE_NONE), 2, {2, 2}},
    {"bce_with_logits", ATTR_INTS(PRL_REDUCE_NONE), 2, {2, 2}},
    {"normal_log_prob", {0}, 3, {2, 2, 1}},
};

static prl_tensor row_input(const float *data, int kind, int64_t rows) {
  switch (kind) {
  case 2:
    return view(data, PRL_F32, SHAPE(rows, WIDTH));
  case 3:
    return view(data, PRL_F32, SHAPE(rows, NARROW));
  case 1:
    return view(data, PRL_F32, SHAPE(WIDTH));
  case 0:
    return view(data, PRL_F32, 0, NULL);
  case -1:
    return view(data, PRL_F32, SHAPE(OTHER));
  case -2:
    return view(data, PRL_F32, SHAPE(WIDTH, OTHER));
  default:
    return view(data, PRL_F32, SHAPE(rows, 1));
  }
}

static void a_row_depends_on_itself_alone(void **state) {
  static const int64_t batches[] = {1, 7, 64};
  float *data[3];
  for (int i = 0; i < 3; i++) {
    data[i] = prl_alloc(runtime, MOST_ROWS * WIDTH * sizeof(float));
    prl_rng_normals(prl_rng_make(5, (uint64_t)i, PRL_SITE_USER), 0, 0, MOST_ROWS * WIDTH, data[i]);
  }
  for (size_t c = 0; c < sizeof row_cases / sizeof *row_cases; c++) {
    const row_case *rc = &row_cases[c];
    prl_tensor in[3], whole, part;
    for (int i = 0; i < rc->inputs; i++) in[i] = row_input(data[i], rc->kind[i], MOST_ROWS);
    run(rc->op, &rc->attrs, rc->inputs, in, &whole);
    size_t row = (size_t)prl_tensor_count(&whole) / MOST_ROWS * sizeof(float);
    for (size_t b = 0; b < sizeof batches / sizeof *batches; b++) {
      int64_t first = 1000 - batches[b]; /* from the middle of the batch */
      for (int i = 0; i < rc->inputs; i++) {
        int64_t skip = rc->kind[i] == 2    ? first * WIDTH
                       : rc->kind[i] == 3  ? first * NARROW
                       : rc->kind[i] == -3 ? first
                                           : 0;
        in[i] = row_input(data[i] + skip, rc->kind[i], batches[b]);
      }
      run(rc->op, &rc->attrs, rc->inputs, in, &part);
      if (memcmp(part.data, (char *)whole.data + (size_t)first * row, row * (size_t)batches[b]) != 0)
        fail_msg("%s: rows of a batch of %d differ from those of %d", rc->op, (int)batches[b], MOST_ROWS);
      prl_tensor_release(&part);
    }
    prl_tensor_release(&whole);
  }
  for (int i = 0; i < 3; i++) prl_free(runtime, data[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_table_is_in_order_and_found),
      cmocka_unit_test(shapes_that_do_not_fit_are_printed),
      cmocka_unit_test(attributes_out_of_range_are_refused),
      cmocka_unit_test(an_index_out_of_range_is_nan),
      cmocka_unit_test(bags_may_be_empty_or_wrong),
      cmocka_unit_test(nan_passes_through),
      cmocka_unit_test(log_densities_are_exact_in_the_tails),
      cmocka_unit_test(a_nearly_certain_choice_keeps_its_digits),
      cmocka_unit_test(samples_follow_the_distribution),
      cmocka_unit_test(samples_never_run_past_the_end),
      cmocka_unit_test(dropout_keeps_the_mean),
      cmocka_unit_test(a_row_depends_on_itself_alone),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
