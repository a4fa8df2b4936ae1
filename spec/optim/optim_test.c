/* Optimizers beside PyTorch's over 100 steps of recorded gradients; clipping; rows; options.
 *
 * Fixture cases of optim.txt: `start` holds values (17) and gradients (100, 17) of two parameters, (3, 4) and
 * (5); each other case holds options (kind, lr, momentum, nesterov, alpha, beta1, beta2, epsilon, decay,
 * max_norm, max_value) and the parameters after some steps. `sparse_adam` holds values (6, 3), the rows
 * looked up (100, 3), with repeats, and their gradients (100, 3, 3).
 *
 * Tolerance: 1e-5 of the value and 1e-6 beside it. */
#include "support/cases.h"

#include <math.h>

#include "optim/optim.h"
#include "support/failing_alloc.h"
#include "tensor/kernels.h"

static prl_error error;

static prl_runtime *runtime_with(const char *kernels) {
  prl_runtime *runtime = NULL;
  prl_runtime_options options = {.kernels = kernels};
  CHECK_OK(prl_runtime_new(&options, &runtime, &error));
  return runtime;
}

static prl_param *param_of(prl_runtime *runtime, const char *name, const float *values, int ndim,
                           const int64_t *shape, bool rows) {
  prl_param *param = NULL;
  prl_tensor value;
  prl_tensor_borrow((void *)values, PRL_F32, ndim, shape, &value);
  CHECK_OK(prl_param_new(runtime, name, &value, rows, &param, &error));
  return param;
}

/* Two parameters of 12 and 5 values in one set. */
static prl_params *pair_of(prl_runtime *runtime, const float *values) {
  prl_params *params = NULL;
  prl_param *items[2] = {param_of(runtime, "weight", values, 2, (const int64_t[]){3, 4}, false),
                         param_of(runtime, "bias", values + 12, 1, (const int64_t[]){5}, false)};
  CHECK_OK(prl_params_new(runtime, "set", items, 2, &params, &error));
  prl_param_release(items[0]);
  prl_param_release(items[1]);
  return params;
}

static void set_gradient(prl_params *params, const float *gradient) {
  memcpy(params->items[0]->grad.data, gradient, 12 * sizeof(float));
  memcpy(params->items[1]->grad.data, gradient + 12, 5 * sizeof(float));
}

static float value_at(const prl_params *params, int64_t i) {
  return i < 12 ? ((float *)params->items[0]->value.data)[i]
                : ((float *)params->items[1]->value.data)[i - 12];
}

static prl_optim *optim_of(prl_params *params, prl_optim_options options) {
  prl_optim *optim = NULL;
  CHECK_OK(prl_optim_new(params, &options, &optim, &error));
  return optim;
}

static void check_value(const char *name, int step, int64_t i, float found, float wanted) {
  if (!(fabs((double)found - (double)wanted) <= 1e-5 * fabs((double)wanted) + 1e-6))
    fail_msg("%s: after step %d, value %d is %.9g, not %.9g", name, step, (int)i, (double)found,
             (double)wanted);
}

static prl_optim_options options_of(const prl_tensor *numbers) {
  const double *v = numbers->data;
  return (prl_optim_options){(prl_optim_kind)v[0], (float)v[1], (float)v[2], v[3] != 0,
                             (float)v[4],          (float)v[5], (float)v[6], (float)v[7],
                             (float)v[8],          (float)v[9], (float)v[10]};
}

/* Values and gradients, kept while other cases are read. */
typedef struct problem {
  float values[17], gradients[100][17];
} problem;

static void check_trajectory(case_reader *r, const problem *p) {
  prl_params *params = pair_of(r->runtime, p->values);
  prl_optim *optim = optim_of(params, options_of(case_field(r, "options")));
  int compared = 0;
  for (int step = 1; step <= 100; step++) {
    set_gradient(params, p->gradients[step - 1]);
    prl_optim_step(optim, NAN, NAN);
    char key[16];
    snprintf(key, sizeof key, "step%d", step);
    const prl_tensor *wanted = case_field(r, key);
    for (int64_t i = 0; wanted && i < 17; i++)
      check_value(r->name, step, i, value_at(params, i), ((const float *)wanted->data)[i]);
    compared += wanted != NULL;
  }
  assert_int_equal(compared, 14);
  assert_int_equal(optim->steps, 100);
  prl_optim_free(optim);
  prl_params_release(params);
}

static void check_sparse(case_reader *r) {
  prl_runtime *runtime = r->runtime;
  const int64_t *rows = case_field(r, "rows")->data;
  const float *gradients = case_field(r, "gradients")->data;
  prl_param *table =
      param_of(runtime, "table", case_field(r, "values")->data, 2, (const int64_t[]){6, 3}, true);
  prl_params *params = NULL;
  CHECK_OK(prl_params_new(runtime, "set", &table, 1, &params, &error));
  prl_optim_options options = prl_optim_defaults(PRL_ADAM);
  options.lr = .01f;
  prl_optim *optim = optim_of(params, options);
  for (int step = 1; step <= 100; step++) {
    for (int i = 0; i < 3; i++, rows++, gradients += 3) {
      prl_param_touch(table, *rows);
      for (int j = 0; j < 3; j++) ((float *)table->grad.data)[*rows * 3 + j] += gradients[j];
    }
    prl_optim_step(optim, NAN, NAN);
    assert_int_equal(table->touched_count, 0);
    for (int i = 0; i < 18; i++) assert_true(((float *)table->grad.data)[i] == 0);
    char key[16];
    snprintf(key, sizeof key, "step%d", step);
    const prl_tensor *wanted = case_field(r, key);
    for (int64_t i = 0; wanted && i < 18; i++)
      check_value(r->name, step, i, ((float *)table->value.data)[i], ((const float *)wanted->data)[i]);
  }
  prl_optim_free(optim);
  prl_params_release(params);
  prl_param_release(table);
}

static void check_file(const char *kernels) {
  if (!prl_kernels_find(kernels)) skip();
  prl_runtime *runtime = runtime_with(kernels);
  case_reader r;
  problem p;
  int cases = 0;
  case_open(&r, runtime, "optim");
  for (; case_next(&r); cases++) {
    if (strcmp(r.name, "start") == 0) {
      memcpy(p.values, case_field(&r, "values")->data, sizeof p.values);
      memcpy(p.gradients, case_field(&r, "gradients")->data, sizeof p.gradients);
    } else if (strcmp(r.name, "sparse_adam") == 0) {
      check_sparse(&r);
    } else {
      check_trajectory(&r, &p);
    }
  }
  case_close(&r);
  assert_int_equal(cases, 15);
  prl_runtime_release(runtime);
}

static void as_pytorch_baseline(void **state) { check_file("baseline"); }
static void as_pytorch_avx2(void **state) { check_file("avx2"); }
static void as_pytorch_avx512(void **state) { check_file("avx512"); }

/* ---- Rows ---- */

static const float one_to_six[6] = {1, 2, 3, 4, 5, 6};

/* A set with a dense parameter before and after a table of three rows of two. */
static prl_params *mixed_set(prl_runtime *runtime) {
  prl_params *params = NULL;
  prl_param *items[3] = {param_of(runtime, "before", one_to_six, 1, (const int64_t[]){3}, false),
                         param_of(runtime, "table", one_to_six, 2, (const int64_t[]){3, 2}, true),
                         param_of(runtime, "after", one_to_six, 1, (const int64_t[]){2}, false)};
  CHECK_OK(prl_params_new(runtime, "set", items, 3, &params, &error));
  for (int i = 0; i < 3; i++) prl_param_release(items[i]);
  return params;
}

static void untouched_rows_stand_still(void **state) {
  for (int kind = PRL_SGD; kind <= PRL_ADAMW; kind++) {
    prl_runtime *runtime = runtime_with(NULL);
    prl_params *params = mixed_set(runtime);
    prl_optim_options options = prl_optim_defaults((prl_optim_kind)kind);
    options.decay = .1f; /* even decay leaves a row that nobody looked up alone */
    if (kind == PRL_SGD) options.momentum = .9f;
    prl_optim *optim = optim_of(params, options);
    float *table = params->items[1]->value.data, *grad = params->items[1]->grad.data;
    for (int step = 0; step < 3; step++) {
      prl_param_touch(params->items[1], 1);
      grad[2] = grad[3] = 1;
      prl_optim_step(optim, NAN, NAN);
    }
    assert_true(table[0] == 1 && table[1] == 2 && table[4] == 5 && table[5] == 6);
    assert_true(table[2] < 3 && table[3] < 4);
    assert_true(((float *)params->items[0]->value.data)[0] < 1); /* dense neighbours decay */
    assert_true(((float *)params->items[2]->value.data)[1] < 2);
    float row[2] = {table[2], table[3]};
    prl_optim_step(optim, NAN, NAN); /* and a row that was touched before */
    assert_memory_equal(row, table + 2, sizeof row);
    prl_optim_free(optim);
    prl_params_release(params);
    prl_runtime_release(runtime);
  }
}

/* ---- Clipping and inputs of a step ---- */

static void the_norm_is_over_the_whole_set(void **state) {
  prl_runtime *runtime = runtime_with(NULL);
  prl_params *params = mixed_set(runtime);
  prl_optim_options options = prl_optim_defaults(PRL_SGD);
  options.lr = 1;
  prl_optim *optim = optim_of(params, options);
  float *before = params->items[0]->grad.data, *rows = params->items[1]->grad.data;
  float *after = params->items[2]->grad.data;
  before[0] = 2;
  prl_param_touch(params->items[1], 2);
  rows[4] = 4;
  after[1] = 4; /* norm 6 */
  prl_optim_step(optim, .5f, 3);
  assert_true(fabs(optim->last_norm - 6) < 1e-12);
  check_value("clipped", 1, 0, ((float *)params->items[0]->value.data)[0], 1 - .5f);
  check_value("clipped", 1, 1, ((float *)params->items[1]->value.data)[4], 5 - 1);
  check_value("clipped", 1, 2, ((float *)params->items[2]->value.data)[1], 2 - 1);
  prl_param_touch(params->items[1], 2);
  rows[4] = 4;
  prl_optim_step(optim, .5f, 100); /* within the bound: as it is */
  check_value("whole", 2, 0, ((float *)params->items[0]->value.data)[0], .5f - 1);
  prl_optim_free(optim);
  prl_params_release(params);
  prl_runtime_release(runtime);
}

static void values_are_clipped_before_the_norm(void **state) {
  prl_runtime *runtime = runtime_with(NULL);
  prl_params *params = mixed_set(runtime);
  prl_optim_options options = prl_optim_defaults(PRL_SGD);
  options.lr = 1;
  options.max_value = 3;
  options.max_norm = 2.5f;
  prl_optim *optim = optim_of(params, options);
  float *grad = params->items[0]->grad.data;
  grad[0] = -100; /* → −3 */
  grad[1] = 4;    /* → 3; then the norm √18 → 2.5 */
  prl_optim_step(optim, NAN, NAN);
  assert_true(fabs(optim->last_norm - sqrt(10016)) < 1e-9);
  float part = 2.5f / sqrtf(2);
  check_value("both", 1, 0, ((float *)params->items[0]->value.data)[0], 1 + part);
  check_value("both", 1, 1, ((float *)params->items[0]->value.data)[1], 2 - part);
  prl_optim_free(optim);
  prl_params_release(params);
  prl_runtime_release(runtime);
}

/* ---- Bad options, lack of memory ---- */

static void bad_options_are_refused(void **state) {
  prl_runtime *runtime = runtime_with(NULL);
  prl_params *params = mixed_set(runtime);
  prl_optim *optim = NULL;
  prl_optim_options options = prl_optim_defaults(PRL_ADAM);
  options.beta2 = 1;
  CHECK_FAILS(prl_optim_new(params, &options, &optim, &error), PRL_EINVAL, "adam: beta2 is 1");
  options = prl_optim_defaults(PRL_ADAM);
  options.epsilon = 0;
  CHECK_FAILS(prl_optim_new(params, &options, &optim, &error), PRL_EINVAL, "epsilon is 0");
  options = prl_optim_defaults(PRL_RMSPROP);
  options.lr = NAN;
  CHECK_FAILS(prl_optim_new(params, &options, &optim, &error), PRL_EINVAL, "rmsprop: lr is");
  options = prl_optim_defaults(PRL_SGD);
  options.nesterov = true;
  CHECK_FAILS(prl_optim_new(params, &options, &optim, &error), PRL_EINVAL, "momentum above 0");
  assert_null(optim);
  prl_optim_kind kind = PRL_SGD;
  CHECK_OK(prl_optim_kind_find("adamw", &kind, &error));
  assert_int_equal(kind, PRL_ADAMW);
  CHECK_FAILS(prl_optim_kind_find("adm", &kind, &error), PRL_ENAME, "the nearest is \"adam\"");
  assert_int_equal(kind, PRL_ADAMW);
  prl_params_release(params);
  prl_runtime_release(runtime);
}

static prl_status make_and_step(prl_runtime *runtime, void *context, prl_error *e) {
  prl_param *param = NULL;
  prl_params *params = NULL;
  prl_optim *optim = NULL;
  prl_tensor value;
  prl_tensor_borrow((void *)one_to_six, PRL_F32, 1, (const int64_t[]){6}, &value);
  prl_optim_options options = prl_optim_defaults(PRL_ADAM);
  prl_status status = prl_param_new(runtime, "param", &value, false, &param, e);
  if (!status) status = prl_params_new(runtime, "set", &param, 1, &params, e);
  if (!status) status = prl_optim_new(params, &options, &optim, e);
  if (!status) {
    int64_t before = prl_runtime_memory(runtime).allocations;
    prl_optim_step(optim, NAN, NAN);
    assert_int_equal(prl_runtime_memory(runtime).allocations, before);
  }
  prl_optim_free(optim);
  if (param)
    prl_param_release(param); /* before its set: one that outlives it moves out, into memory of its own */
  prl_params_release(params);
  return status;
}

static void every_allocation_may_fail(void **state) {
  assert_true(fail_each_allocation(make_and_step, NULL) > 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(as_pytorch_baseline),
      cmocka_unit_test(as_pytorch_avx2),
      cmocka_unit_test(as_pytorch_avx512),
      cmocka_unit_test(untouched_rows_stand_still),
      cmocka_unit_test(the_norm_is_over_the_whole_set),
      cmocka_unit_test(values_are_clipped_before_the_norm),
      cmocka_unit_test(bad_options_are_refused),
      cmocka_unit_test(every_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
