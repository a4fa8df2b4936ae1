/* Broadcasting at random shapes of up to six dimensions, beside loops over plain indices: values, and
 * gradients summed over every pattern of kept and reduced dimensions. */
#include "support/check.h"

#include <math.h>

#include "autograd/op.h"
#include "core/memory.h"
#include "core/rng.h"
#include "tensor/tensor.h"

enum { ROUNDS = 400, MOST = 4096 };

static prl_error error;
static uint32_t draws; /* so far */

static int draw(int below) {
  uint32_t words[4];
  prl_rng_block(prl_rng_make(11, 0, PRL_SITE_USER), 0, 0, 0, draws++, words);
  return (int)(words[0] % (uint32_t)below);
}

/* Two shapes that broadcast, and their common one. */
static void random_shapes(prl_tensor *a, prl_tensor *b, prl_tensor *out) {
  int64_t shape[3][PRL_MAX_DIMS];
  int ndim = 1 + draw(PRL_MAX_DIMS), skip_a = draw(3) ? 0 : draw(ndim + 1),
      skip_b = skip_a ? 0 : draw(ndim + 1);
  for (int d = 0; d < ndim; d++) {
    int64_t size = 1 + draw(4);
    shape[0][d] = draw(3) ? size : 1;
    shape[1][d] = draw(3) ? size : 1;
    shape[2][d] = d < skip_a   ? shape[1][d]
                  : d < skip_b ? shape[0][d]
                               : (shape[0][d] > shape[1][d] ? shape[0][d] : shape[1][d]);
  }
  prl_tensor_borrow(NULL, PRL_F32, ndim - skip_a, shape[0] + skip_a, a);
  prl_tensor_borrow(NULL, PRL_F32, ndim - skip_b, shape[1] + skip_b, b);
  prl_tensor_borrow(NULL, PRL_F32, ndim, shape[2], out);
}

/* Where element `position` of out lies in t. */
static int64_t place(const prl_tensor *t, const prl_tensor *out, int64_t position) {
  int64_t at = 0, step = 1;
  for (int d = out->ndim - 1, k = t->ndim - 1; k >= 0; d--, k--) {
    if (t->shape[k] > 1) at += position % out->shape[d] * step;
    step *= t->shape[k];
    position /= out->shape[d];
  }
  return at;
}

static void check_round(prl_runtime *runtime) {
  static float values[5][MOST], scratch[MOST], full[2][MOST];
  double sums[2][MOST] = {{0}};
  prl_tensor a, b, out, wanted, gout, ga, gb;
  random_shapes(&a, &b, &wanted);
  a.data = values[0], b.data = values[1];
  const prl_op *op = prl_op_find("mul");
  const prl_attrs none = {0};
  prl_call call = {
      .k = prl_kernels_of(runtime), .attrs = &none, .inputs = 2, .in = {&a, &b}, .scratch = scratch};
  prl_inferred inferred = {0};
  CHECK_OK(op->infer(&none, 2, call.in, &inferred, &error));
  assert_true(prl_tensor_same_shape(&inferred.out, &wanted));
  assert_true(inferred.scratch <= MOST && prl_tensor_count(&wanted) <= MOST);
  prl_tensor_borrow(values[2], PRL_F32, wanted.ndim, wanted.shape, &out);
  prl_tensor_borrow(values[3], PRL_F32, wanted.ndim, wanted.shape, &gout);
  for (int i = 0; i < 2; i++)
    prl_rng_normals(prl_rng_make(5, draws, PRL_SITE_USER), 0, (uint32_t)i, MOST, values[i]);
  prl_rng_normals(prl_rng_make(6, draws, PRL_SITE_USER), 0, 0, MOST, values[3]);
  ga = a, gb = b;
  ga.data = full[0], gb.data = full[1];
  call.out = &out, call.gout = &gout, call.gin[0] = &ga, call.gin[1] = &gb;
  op->forward(&call);
  op->backward(&call);
  for (int64_t i = 0; i < prl_tensor_count(&out); i++) {
    int64_t p = place(&a, &out, i), q = place(&b, &out, i);
    assert_true(values[2][i] == values[0][p] * values[1][q]);
    sums[0][p] += (double)(values[3][i] * values[1][q]);
    sums[1][q] += (double)(values[3][i] * values[0][p]);
  }
  for (int64_t i = 0; i < prl_tensor_count(&a); i++)
    assert_true(fabs((double)full[0][i] - sums[0][i]) <= 1e-5);
  for (int64_t i = 0; i < prl_tensor_count(&b); i++)
    assert_true(fabs((double)full[1][i] - sums[1][i]) <= 1e-5);
}

static void random_broadcasts(void **state) {
  prl_runtime *runtime = NULL;
  CHECK_OK(prl_runtime_new(NULL, &runtime, &error));
  for (int round = 0; round < ROUNDS; round++) check_round(runtime);
  prl_runtime_release(runtime);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(random_broadcasts)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
