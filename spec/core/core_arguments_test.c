/* Every public function of runtimes and tensors with each argument that it must refuse. */
#include "support/refused.h"

#include "perilune/tensor.h"

static prl_runtime *runtime;

static int setup(void **state) {
  (void)state;
  CHECK_OK(prl_runtime_new(NULL, &runtime, &error));
  return 0;
}

static int teardown(void **state) {
  (void)state;
  assert_int_equal(prl_runtime_memory(runtime).live_bytes, 0);
  prl_runtime_release(runtime);
  return 0;
}

static void runtime_calls(void) {
  REFUSED("out", prl_runtime_new(NULL, NULL, e));
  REFUSED("runtime", prl_runtime_budget(NULL, 0, e));
  EACH(budget, -1, INT64_MIN)
  REFUSED("budget_bytes", prl_runtime_budget(runtime, budget, e));
  END
}

static void tensor_calls(void) {
  prl_tensor tensor = {.ndim = 5};
  const int64_t shape[PRL_MAX_DIMS + 1] = {1, 1, 1, 1, 1, 1, 1};
  REFUSED("runtime", prl_tensor_new(NULL, PRL_F32, 1, shape, &tensor, e));
  REFUSED("shape", prl_tensor_new(runtime, PRL_F32, 1, NULL, &tensor, e));
  REFUSED("out", prl_tensor_new(runtime, PRL_F32, 1, shape, NULL, e));
  EACH(dtype, -1, 4, 99)
  REFUSED("dtype", prl_tensor_new(runtime, (prl_dtype)dtype, 1, shape, &tensor, e));
  END EACH(ndim, -1, PRL_MAX_DIMS + 1, INT32_MIN, INT32_MAX)
      assert_int_equal(prl_tensor_new(runtime, PRL_F32, (int)ndim, shape, &tensor, e), PRL_ESHAPE);
  END EACH(size, -1, INT64_MIN, INT64_MAX)
      assert_int_equal(prl_tensor_new(runtime, PRL_F32, 1, &size, &tensor, e), PRL_ESHAPE);
  END assert_int_equal(tensor.ndim, 5);
}

static void test_refused(void **state) {
  (void)state;
  void (*const tables[])(void) = {runtime_calls, tensor_calls};
  read_tables(tables, sizeof tables / sizeof *tables);
}

/* Functions without a status: nothing, 0 or −1, and no crash. */
static void test_without_status(void **state) {
  (void)state;
  char text[8] = "x";
  prl_runtime_release(NULL);
  prl_tensor_retain(NULL);
  prl_tensor_release(NULL);
  prl_tensor_borrow(NULL, PRL_F32, 1, NULL, NULL);
  assert_null(prl_runtime_retain(NULL));
  assert_int_equal(prl_runtime_memory(NULL).live_bytes, 0);
  assert_null(prl_runtime_kernels(NULL));
  assert_string_equal(prl_status_name((prl_status)99), "?");
  assert_int_equal(prl_fail(NULL, PRL_EINVAL, "%s", "x"), PRL_EINVAL);
  assert_int_equal(prl_dtype_size((prl_dtype)99), 0);
  assert_string_equal(prl_dtype_name((prl_dtype)99), "?");
  assert_int_equal(prl_tensor_count(NULL), 0);
  assert_false(prl_tensor_contiguous(NULL));
  assert_null(prl_shape_text(NULL, NULL, 8));
  assert_string_equal(prl_shape_text(NULL, text, sizeof text), "");
  assert_int_equal(prl_bucket(1, NULL), prl_bucket(1, ""));
}
/* A tensor of no shape views nothing. */
static void test_borrow(void **state) {
  (void)state;
  float data[1] = {0};
  const int64_t shape[8] = {9, 9, 9, 9, 9, 9, 9, 9};
  EACH(ndim, -1, PRL_MAX_DIMS + 1, INT32_MIN, INT32_MAX)
  prl_tensor tensor;
  prl_tensor_borrow(data, PRL_F32, (int)ndim, shape, &tensor);
  assert_int_equal(prl_tensor_count(&tensor), 0);
  assert_null(tensor.data);
  END
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_refused),
      cmocka_unit_test(test_without_status),
      cmocka_unit_test(test_borrow),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
