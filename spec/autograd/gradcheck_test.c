/* The gradient check over the whole op table, with both kernel tables; and that it can fail. */
#include "support/check.h"

#include <math.h>
#include <stdio.h>

#include "autograd/gradcheck.h"
#include "autograd/ops.h"
#include "core/memory.h"

static prl_runtime *runtime_with(const char *kernels) {
  prl_runtime *runtime = NULL;
  prl_error error = {0};
  prl_runtime_options options = {.kernels = kernels};
  CHECK_OK(prl_runtime_new(&options, &runtime, &error));
  return runtime;
}

static void check_table(const char *kernels) {
  if (!prl_kernels_find(kernels)) skip(); /* a processor without it */
  prl_runtime *runtime = runtime_with(kernels);
  int64_t live = prl_runtime_memory(runtime).live_bytes;
  for (int i = 0; i < prl_ops_count; i++) {
    const prl_op *op = prl_ops[i];
    prl_attrs attrs;
    int inputs, cases = 0;
    prl_tensor in[PRL_MAX_INPUTS];
    float low[PRL_MAX_INPUTS], high[PRL_MAX_INPUTS];
    for (; op->example && op->example(cases, &attrs, &inputs, in, low, high); cases++) {
      prl_error error = {0};
      prl_gradcheck_result result = {0};
      for (uint64_t seed = 1; seed <= 2; seed++) {
        CHECK_OK(prl_gradcheck_example(runtime, op, cases, seed, &result, &error));
        if (!(result.error < PRL_GRADCHECK_TOLERANCE))
          fail_msg("%s, %s, example %d, seed %d: input %d element %d: backward gives %.7g, differences give "
                   "%.7g (%.2g)",
                   kernels, op->name, cases, (int)seed, result.input, (int)result.element, result.analytic,
                   result.numeric, result.error);
      }
      if (!(op->flags & (PRL_OP_NO_GRAD | PRL_OP_VIEW))) assert_true(result.checked > 0);
    }
    if (cases == 0) fail_msg("%s has no example for the gradient check", op->name);
  }
  assert_int_equal(prl_runtime_memory(runtime).live_bytes, live);
  prl_runtime_release(runtime);
}

static void every_gradient_baseline(void **state) { check_table("baseline"); }
static void every_gradient_avx2(void **state) { check_table("avx2"); }
static void every_gradient_avx512(void **state) { check_table("avx512"); }

/* ---- Ops that are wrong, each in another way ---- */

static prl_status like_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,
                             prl_inferred *inferred, prl_error *error) {
  inferred->out = *in[0];
  inferred->aux.ndim = -1;
  inferred->scratch = 0;
  return PRL_OK;
}

static void cube(const prl_call *call) {
  const float *x = call->in[0]->data;
  for (int64_t i = 0; i < prl_tensor_count(call->out); i++)
    ((float *)call->out->data)[i] = x[i] * x[i] * x[i];
}

static void cube_backward(const prl_call *call) {
  const float *x = call->in[0]->data, *g = call->gout->data;
  for (int64_t i = 0; i < prl_tensor_count(call->out); i++)
    if (call->gin[0]) ((float *)call->gin[0]->data)[i] = 3 * x[i] * x[i] * g[i];
}

static void slightly_off(const prl_call *call) {
  cube_backward(call);
  if (call->gin[0]) ((float *)call->gin[0]->data)[3] *= 1.01f;
}

static void adding(const prl_call *call) {
  const float *x = call->in[0]->data, *g = call->gout->data;
  for (int64_t i = 0; i < prl_tensor_count(call->out); i++)
    if (call->gin[0]) ((float *)call->gin[0]->data)[i] += 3 * x[i] * x[i] * g[i];
}

static void lazy(const prl_call *call) { (void)call; }

static bool one_example(int index, prl_attrs *attrs, int *inputs, prl_tensor *in, float *low, float *high) {
  if (index > 0) return false;
  *attrs = (prl_attrs){0};
  *inputs = 1;
  prl_tensor_borrow(NULL, PRL_F32, 1, (const int64_t[]){7}, &in[0]);
  low[0] = .5f;
  high[0] = 2;
  return true;
}

static double error_of(void (*backward)(const prl_call *)) {
  prl_runtime *runtime = runtime_with(NULL);
  prl_op op = {"cube", 1, 1, 0, like_infer, cube, backward, one_example};
  prl_gradcheck_result result = {0};
  prl_error error = {0};
  CHECK_OK(prl_gradcheck_example(runtime, &op, 0, 1, &result, &error));
  assert_int_equal(result.checked, 7);
  prl_runtime_release(runtime);
  return result.error;
}

static void a_wrong_gradient_is_found(void **state) {
  assert_true(error_of(cube_backward) < PRL_GRADCHECK_TOLERANCE);
  assert_true(error_of(slightly_off) > PRL_GRADCHECK_TOLERANCE); /* one element, by one per cent */
  assert_true(isinf(error_of(adding)));                          /* to what was there */
  assert_true(isinf(error_of(lazy)));
}

static void depends_on_what_is_asked(const prl_call *call) {
  cube_backward(call);
  if (call->gin[0] && !call->gin[1]) ((float *)call->gin[0]->data)[0] += 1;
  if (call->gin[1]) memset(call->gin[1]->data, 0, sizeof(float) * 7);
}

static bool two_inputs(int index, prl_attrs *attrs, int *inputs, prl_tensor *in, float *low, float *high) {
  bool found = one_example(index, attrs, inputs, in, low, high);
  if (!found) return false;
  *inputs = 2;
  in[1] = in[0];
  low[1] = .5f;
  high[1] = 2;
  return true;
}

static void broken_contracts_are_found(void **state) {
  prl_runtime *runtime = runtime_with(NULL);
  prl_gradcheck_result result = {0};
  prl_error error = {0};
  prl_op op = {"cube", 2, 2, 0, like_infer, cube, depends_on_what_is_asked, two_inputs};
  CHECK_FAILS(prl_gradcheck_example(runtime, &op, 0, 1, &result, &error), PRL_EINVAL, "asked for alone");
  op.backward = NULL;
  CHECK_FAILS(prl_gradcheck_example(runtime, &op, 0, 1, &result, &error), PRL_EINVAL, "PRL_OP_NO_GRAD");
  CHECK_FAILS(prl_gradcheck_example(runtime, &op, 1, 1, &result, &error), PRL_EINVAL, "no example 1");
  prl_runtime_release(runtime);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_gradient_baseline),    cmocka_unit_test(every_gradient_avx2),
      cmocka_unit_test(every_gradient_avx512),      cmocka_unit_test(a_wrong_gradient_is_found),
      cmocka_unit_test(broken_contracts_are_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
