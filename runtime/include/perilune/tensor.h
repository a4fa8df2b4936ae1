/* perilune/tensor.h: an n-dimensional view of storage. A tensor is a small struct; several may share one
 * storage. */
#ifndef PERILUNE_TENSOR_H
#define PERILUNE_TENSOR_H

#include "perilune/core.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PRL_MAX_DIMS 6

typedef enum prl_dtype { PRL_F32, PRL_F64, PRL_I32, PRL_I64 } prl_dtype;

typedef struct prl_storage prl_storage; /* reference-counted bytes of a runtime */

/* data points at the first element of the view. storage is NULL where the bytes belong to somebody else (a
 * program's plan, an environment's slab, a host's array), who must outlive the view. Strides count elements,
 * not bytes. */
typedef struct prl_tensor {
  void *data;
  prl_storage *storage;
  prl_dtype dtype;
  int32_t ndim; /* 0: a scalar, of one element */
  int64_t shape[PRL_MAX_DIMS];
  int64_t stride[PRL_MAX_DIMS];
} prl_tensor;

PRL_API size_t prl_dtype_size(prl_dtype dtype);
PRL_API const char *prl_dtype_name(prl_dtype dtype);
/* A fresh contiguous tensor, cleared. Fails: PRL_ENOMEM, PRL_ESHAPE (a negative size, more than
 * PRL_MAX_DIMS). */
PRL_API prl_status prl_tensor_new(prl_runtime *runtime, prl_dtype dtype, int ndim, const int64_t *shape,
                                  prl_tensor *out, prl_error *error);
/* A contiguous view of bytes that the caller owns. */
PRL_API void prl_tensor_borrow(void *data, prl_dtype dtype, int ndim, const int64_t *shape, prl_tensor *out);
PRL_API void prl_tensor_retain(prl_tensor *tensor);  /* one more owner of the storage */
PRL_API void prl_tensor_release(prl_tensor *tensor); /* and one fewer; leaves an empty tensor */
PRL_API int64_t prl_tensor_count(const prl_tensor *tensor);
PRL_API bool prl_tensor_contiguous(const prl_tensor *tensor);
/* "(64, 4)" in `text`; returns `text`. */
PRL_API char *prl_shape_text(const prl_tensor *tensor, char *text, size_t size);

#ifdef __cplusplus
}
#endif
#endif
