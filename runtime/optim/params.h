/* Parameters live in sets: one slab of values and a parallel slab of gradients for each set ("policy",
 * "critic/watch"), so that clipping, an optimizer's step and a checkpoint are each one pass. Optimizer
 * moments are further parallel slabs (optim/optim.h). */
#ifndef PRL_OPTIM_PARAMS_H
#define PRL_OPTIM_PARAMS_H

#include "perilune/tensor.h"

/* One parameter. It begins with storage of its own and moves into a slab when its set is made: whoever holds
 * the prl_param sees the move, so hold the param, never a copy of its tensor. */
typedef struct prl_param {
  int refs;
  prl_runtime *runtime;
  char *name;            /* within its set: "0.weight" */
  prl_tensor value;      /* float32, contiguous */
  prl_tensor grad;       /* empty (data NULL) until the param is in a set or first needs one */
  bool row_sparse;       /* an embedding table: gradients and steps touch only rows that were looked up */
  int64_t touched_count; /* rows touched since the last step, each once, in order of first touch */
  int32_t *touched;      /* (shape[0]) */
  uint8_t *is_touched;   /* (shape[0]) */
  struct prl_params *set;
} prl_param;

typedef struct prl_params {
  int refs;
  prl_runtime *runtime;
  char *name;
  int count;
  prl_param **items;
  int64_t size; /* floats in each slab; every parameter starts on a multiple of 16, gaps are zero */
  float *value, *grad;
} prl_params;

/* The tensor's values are copied. Fails: PRL_ENOMEM, PRL_EINVAL (not float32). */
prl_status prl_param_new(prl_runtime *runtime, const char *name, const prl_tensor *value, bool row_sparse,
                         prl_param **out, prl_error *error);
prl_status prl_param_rename(prl_param *param, const char *name, prl_error *error);
void prl_param_retain(prl_param *param);
void prl_param_release(prl_param *param);
prl_status prl_param_need_grad(prl_param *param,
                               prl_error *error); /* a zeroed gradient of its own, if it has none */
void prl_param_touch(prl_param *param, int64_t row);
void prl_param_clear_touched(prl_param *param); /* zeroes the touched rows of the gradient */

/* Values of a parameter in its set's slabs, which begin at multiples of a cache line. */
static inline int64_t prl_params_padded(int64_t count) {
  return count > INT64_MAX - 15 ? count : (count + 15) & ~INT64_C(15);
}

/* Moves the parameters into slabs, in this order. Fails: PRL_ENOMEM, PRL_ESTATE (one is in another set
 * already). */
prl_status prl_params_new(prl_runtime *runtime, const char *name, prl_param *const *items, int count,
                          prl_params **out, prl_error *error);
void prl_params_retain(prl_params *params);
void prl_params_release(prl_params *params);
prl_param *prl_params_find(const prl_params *params, const char *name);
/* to ← τ from + (1 − τ) to; sets of the same shapes. */
void prl_params_blend(prl_params *to, const prl_params *from, float tau);
bool prl_params_finite(
    const prl_params *params); /* the whole gradient; of row-sparse ones the touched rows */

#endif
