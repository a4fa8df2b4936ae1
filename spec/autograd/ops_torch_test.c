/* Values and gradients of every op beside PyTorch's (in float64, from the same float32 inputs), at odd sizes
 * and with broadcasting, with both kernel tables.
 *
 * Tolerance: 4 ulp of the value (5e-7 of it), and 4 ulp of the greatest magnitude of the tensor beside it for
 * the sums that cancel. Integers are equal. */
#include "support/cases.h"

#include <math.h>

#include "autograd/op.h"
#include "core/memory.h"

static const double RELATIVE = 5e-7;

static prl_error error;

/* Ops whose values other tests give: draws. */
static const char *const elsewhere[] = {"categorical_sample", "uniform_like"};

static double greatest(const prl_tensor *t) {
  double top = 0;
  for (int64_t i = 0; i < prl_tensor_count(t); i++) top = fmax(top, fabs(prl_tensor_get(t, i)));
  return top;
}

static void compare(const case_reader *r, const char *what, const prl_tensor *found, const prl_tensor *wanted,
                    double scale) {
  char a[96], b[96];
  if (found->dtype != wanted->dtype || !prl_tensor_same_shape(found, wanted))
    fail_msg("%s: %s is %s of shape %s, not %s of shape %s", r->name, what, prl_dtype_name(found->dtype),
             prl_shape_text(found, a, sizeof a), prl_dtype_name(wanted->dtype),
             prl_shape_text(wanted, b, sizeof b));
  double slack = RELATIVE * fmax(scale, greatest(wanted));
  for (int64_t i = 0; i < prl_tensor_count(wanted); i++) {
    double x = prl_tensor_get(found, i), y = prl_tensor_get(wanted, i);
    double allowed = wanted->dtype == PRL_F32 ? RELATIVE * fabs(y) + slack : 0;
    if (!(fabs(x - y) <= allowed) && !(x == y))
      fail_msg("%s of shape %s: %s[%d] is %.9g, not %.9g", r->name, prl_shape_text(found, a, sizeof a), what,
               (int)i, x, y);
  }
}

static void read_attrs(const case_reader *r, prl_attrs *attrs) {
  const prl_tensor *ints = case_field(r, "ints"), *numbers = case_field(r, "floats");
  *attrs = (prl_attrs){0};
  if (ints) attrs->ints_count = (int32_t)prl_tensor_count(ints);
  if (numbers) attrs->floats_count = (int32_t)prl_tensor_count(numbers);
  for (int i = 0; i < attrs->ints_count; i++) attrs->ints[i] = ((const int64_t *)ints->data)[i];
  for (int i = 0; i < attrs->floats_count; i++) attrs->floats[i] = ((const double *)numbers->data)[i];
}

typedef struct run {
  prl_call call;
  prl_attrs attrs;
  prl_tensor out, aux, grad[PRL_MAX_INPUTS];
  float *scratch;
} run;

static void begin(case_reader *r, const prl_op *op, run *x) {
  prl_inferred inferred = {0};
  memset(x, 0, sizeof *x);
  read_attrs(r, &x->attrs);
  prl_call *call = &x->call;
  *call = (prl_call){.k = prl_kernels_of(r->runtime), .attrs = &x->attrs, .out = &x->out};
  for (int i = 0; i < r->count; i++)
    if (strcmp(r->key[i], "in") == 0) call->in[call->inputs++] = &r->field[i];
  assert_in_range(call->inputs, op->min_inputs, op->max_inputs);
  CHECK_OK(op->infer(&x->attrs, call->inputs, call->in, &inferred, &error));
  CHECK_OK(
      prl_tensor_new(r->runtime, inferred.out.dtype, inferred.out.ndim, inferred.out.shape, &x->out, &error));
  if (inferred.aux.ndim >= 0) {
    CHECK_OK(prl_tensor_new(r->runtime, PRL_F32, inferred.aux.ndim, inferred.aux.shape, &x->aux, &error));
    call->aux = &x->aux;
  }
  x->scratch = prl_alloc(r->runtime, ((size_t)inferred.scratch + 1) * sizeof(float));
  call->scratch = x->scratch;
}

static void end(case_reader *r, run *x) {
  prl_tensor_release(&x->out);
  prl_tensor_release(&x->aux);
  for (int i = 0; i < x->call.inputs; i++) prl_tensor_release(&x->grad[i]);
  prl_free(r->runtime, x->scratch);
}

static void check_gradients(case_reader *r, const prl_op *op, run *x) {
  prl_call *call = &x->call;
  call->gout = case_field(r, "gout");
  const prl_tensor *wanted[PRL_MAX_INPUTS] = {0};
  char key[16];
  for (int i = 0; i < call->inputs; i++) {
    snprintf(key, sizeof key, "gin%d", i);
    wanted[i] = case_field(r, key);
    if (!wanted[i]) continue;
    CHECK_OK(prl_tensor_new(r->runtime, PRL_F32, call->in[i]->ndim, call->in[i]->shape, &x->grad[i], &error));
    call->gin[i] = &x->grad[i];
  }
  op->backward(call);
  for (int i = 0; i < call->inputs; i++) {
    snprintf(key, sizeof key, "gin%d", i);
    if (wanted[i]) compare(r, key, &x->grad[i], wanted[i], greatest(call->gout));
  }
}

static void check_case(case_reader *r) {
  const prl_op *op = prl_op_find(r->name);
  if (!op) fail_msg("there is no op %s", r->name);
  run x;
  begin(r, op, &x);
  if (op->forward)
    op->forward(&x.call);
  else
    memcpy(x.out.data, x.call.in[0]->data, (size_t)prl_tensor_count(&x.out) * sizeof(float));
  /* An output is rounded at the magnitude of what went in: a sum that cancels, a tail of x − max. */
  double scale = 0;
  for (int i = 0; i < x.call.inputs; i++) scale = fmax(scale, greatest(x.call.in[i]));
  compare(r, "out", &x.out, case_field(r, "out"), op->backward ? fmin(scale, 10) : 0);
  if (case_field(r, "gout")) check_gradients(r, op, &x);
  end(r, &x);
}

static void check_files(const char *kernels) {
  static const char *const files[] = {"ops_binary", "ops_unary", "ops_linear",   "ops_shape",
                                      "ops_reduce", "ops_loss",  "ops_recurrent"};
  if (!prl_kernels_find(kernels)) skip();
  prl_runtime *runtime = NULL;
  prl_runtime_options options = {.kernels = kernels};
  CHECK_OK(prl_runtime_new(&options, &runtime, &error));
  bool seen[128] = {0};
  assert_true(prl_ops_count <= 128);
  for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
    case_reader r;
    case_open(&r, runtime, files[f]);
    while (case_next(&r)) {
      check_case(&r);
      for (int i = 0; i < prl_ops_count; i++) seen[i] |= strcmp(prl_ops[i]->name, r.name) == 0;
    }
    case_close(&r);
  }
  for (int i = 0; i < prl_ops_count; i++) {
    for (size_t j = 0; j < sizeof elsewhere / sizeof *elsewhere; j++)
      seen[i] |= strcmp(prl_ops[i]->name, elsewhere[j]) == 0;
    if (!seen[i]) fail_msg("%s has no fixture", prl_ops[i]->name);
  }
  prl_runtime_release(runtime);
}

static void as_pytorch_baseline(void **state) { check_files("baseline"); }
static void as_pytorch_avx2(void **state) { check_files("avx2"); }
static void as_pytorch_avx512(void **state) { check_files("avx512"); }

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(as_pytorch_baseline), cmocka_unit_test(as_pytorch_avx2),
                                     cmocka_unit_test(as_pytorch_avx512)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
