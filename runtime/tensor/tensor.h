/* What the library's own rooms may do with tensors beyond perilune/tensor.h. */
#ifndef PRL_TENSOR_TENSOR_H
#define PRL_TENSOR_TENSOR_H

#include "core/memory.h"
#include "perilune/tensor.h"

struct prl_storage {
  int64_t refs;
  prl_runtime *runtime;
  size_t size; /* bytes */
};

/* Contiguous strides for the shape. */
void prl_tensor_set_contiguous(prl_tensor *tensor);
bool prl_tensor_same_shape(const prl_tensor *a, const prl_tensor *b);
/* Copies values between any two views of the same shape, converting dtypes (float to integer truncates).
 * Overlapping views of one storage are allowed only where they are the same view. */
void prl_tensor_copy(prl_tensor *to, const prl_tensor *from);
/* Element at a flat row-major position, through the strides. */
double prl_tensor_get(const prl_tensor *tensor, int64_t position);
int64_t prl_tensor_get_int(const prl_tensor *tensor, int64_t position); /* exact for int64; floats truncate */
void prl_tensor_set(prl_tensor *tensor, int64_t position, double value);
void prl_tensor_fill(prl_tensor *tensor, double value);

/* Views: the result borrows nothing more than from's storage (not retained). Positions are 0-based, stop
 * exclusive. Fails: PRL_ESHAPE, PRL_EINVAL. */
prl_status prl_tensor_slice(const prl_tensor *from, int dim, int64_t start, int64_t stop, int64_t step,
                            prl_tensor *out, prl_error *error);
prl_status prl_tensor_transpose(const prl_tensor *from, int a, int b, prl_tensor *out, prl_error *error);
/* One size may be −1. from must be contiguous. */
prl_status prl_tensor_reshape(const prl_tensor *from, int ndim, const int64_t *shape, prl_tensor *out,
                              prl_error *error);
/* Removes a dimension at one position. */
prl_status prl_tensor_select(const prl_tensor *from, int dim, int64_t position, prl_tensor *out,
                             prl_error *error);

#endif
