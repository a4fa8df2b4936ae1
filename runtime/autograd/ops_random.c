/* Draws inside of a computation. */
#include "autograd/ops_internal.h"

#include "core/rng.h"

/* ---- uniform_like: x, run (1, int64): uniforms in (0, 1), float32, of x's shape; ints: site. Each is a
 * function of (site, run, position): a tape and a program that number their runs alike draw alike. ---- */

static prl_status uniform_like_infer(const prl_attrs *attrs, int inputs, const prl_tensor *const *in,
                                     prl_inferred *inferred, prl_error *error) {
  if (in[1]->dtype != PRL_I64 || count_of(in[1]) != 1)
    return prl_fail(error, PRL_ESHAPE, "uniform_like: the number of the run is one int64");
  prl_infer_out(inferred, PRL_F32, in[0]->ndim, in[0]->shape);
  return PRL_OK;
}

static void uniform_like_forward(const prl_call *call) {
  int64_t run = *(const int64_t *)call->in[1]->data;
  prl_rng rng = prl_rng_make((uint64_t)attr_int(call->attrs, 0, 0), (uint64_t)run >> 32, PRL_SITE_DROPOUT);
  call->k->uniforms(rng.key, 0, (uint32_t)run, 0, count_of(call->out), call->out->data);
}

PRL_EXAMPLES(uniform_like, {IN(F32(-2, 2, 5, 7), IDX64(9, 1))})
const prl_op prl_op_uniform_like = {
    "uniform_like",      2, 2, PRL_OP_NO_GRAD, uniform_like_infer, uniform_like_forward, NULL,
    uniform_like_example};
