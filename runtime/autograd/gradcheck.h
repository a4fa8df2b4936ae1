/* The gradient check: an op's backward against central differences of its forward. */
#ifndef PRL_AUTOGRAD_GRADCHECK_H
#define PRL_AUTOGRAD_GRADCHECK_H

#include "autograd/op.h"

/* The loss is L = Σ proj · out with a fixed random projection, summed in float64. For each element of each
 * float32 input (the draws of a PRL_OP_RANDOM op excepted), |numeric − analytic|/max(|numeric|, |analytic|,
 * floor), where floor is 5 % of the greatest numeric derivative of that input, and the best of several steps
 * counts: a large one errs by curvature, a small one by float32 rounding. A wrong gradient is wrong at every
 * step. */
typedef struct prl_gradcheck_result {
  double error; /* the worst element's; infinite where a value is not finite */
  int input;    /* where it is */
  int64_t element;
  double analytic, numeric;
  int64_t checked; /* elements compared */
} prl_gradcheck_result;

/* An error that float32 forward values allow; a correct op stays well below. */
#define PRL_GRADCHECK_TOLERANCE 2e-3

/* Checks with these inputs, which must be contiguous; their values are moved and put back. Backward is also
 * held to its contract: gradients overwrite what was there (NaN), and one asked for alone has the same bytes
 * as one among all. Fails: as infer does; PRL_ENOMEM; PRL_EINVAL where that contract is broken. An op without
 * a gradient is only run. */
PRL_API prl_status prl_gradcheck(prl_runtime *runtime, const prl_op *op, const prl_attrs *attrs, int inputs,
                                 prl_tensor *const *in, uint64_t seed, prl_gradcheck_result *result,
                                 prl_error *error);
/* Checks the op's own example `index`, with values spread over the ranges that it gives so that no two are
 * close: the kinks of min, max, relu lie between them. Fails also: PRL_EINVAL (no such example). */
PRL_API prl_status prl_gradcheck_example(prl_runtime *runtime, const prl_op *op, int index, uint64_t seed,
                                         prl_gradcheck_result *result, prl_error *error);
/* The values of an example's inputs, for other checks over the table: `in` gets fresh tensors, released by
 * the caller. Fails: PRL_ENOMEM, PRL_EINVAL. */
PRL_API prl_status prl_example_inputs(prl_runtime *runtime, const prl_op *op, int index, uint64_t seed,
                                      prl_attrs *attrs, int *inputs, prl_tensor *in, prl_error *error);

#endif
