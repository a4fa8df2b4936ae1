/* perilune/tensor.h: tensors. A tensor is a small struct that views storage; several may share one storage.
 */
#ifndef PERILUNE_TENSOR_H
#define PERILUNE_TENSOR_H

#include "perilune/core.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PRL_MAX_DIMS 6

typedef enum prl_dtype { PRL_F32, PRL_F64, PRL_I32, PRL_I64 } prl_dtype;

typedef struct prl_storage prl_storage; /* reference-counted bytes of a runtime */

/* data points at the first element of the view. storage is NULL where the bytes have another owner (a
 * program's buffers, an environment's slab, a host's array), which must outlive the view. Strides count
 * elements, not bytes. */
typedef struct prl_tensor {
  void *data;
  prl_storage *storage;
  prl_dtype dtype;
  int32_t ndim; /* 0: a scalar, with one element */
  int64_t shape[PRL_MAX_DIMS];
  int64_t stride[PRL_MAX_DIMS];
} prl_tensor;

/* Bytes of one element; 0 for an unknown dtype. */
PRL_API size_t prl_dtype_size(prl_dtype dtype);
/* "float32", "float64", "int32" or "int64"; "?" for an unknown dtype. A constant string. */
PRL_API const char *prl_dtype_name(prl_dtype dtype);
/* A new contiguous tensor, filled with zeros. shape (ndim) is copied. The caller releases *out with
 * prl_tensor_release. Fails: PRL_ENOMEM, PRL_ESHAPE (a negative size; more dimensions than PRL_MAX_DIMS; more
 * elements than memory can address), PRL_EINVAL (an unknown dtype). */
PRL_API prl_status prl_tensor_new(prl_runtime *runtime, prl_dtype dtype, int ndim, const int64_t *shape,
                                  prl_tensor *out, prl_error *error);
/* A contiguous view of the caller's bytes, which are neither copied nor owned and must outlive it. shape
 * (ndim) is copied; a shape that is not possible gives an empty tensor. */
PRL_API void prl_tensor_borrow(void *data, prl_dtype dtype, int ndim, const int64_t *shape, prl_tensor *out);
/* Adds a reference to the storage, if there is one. */
PRL_API void prl_tensor_retain(prl_tensor *tensor);
/* Drops a reference to the storage, which is freed with the last one, and clears *tensor. */
PRL_API void prl_tensor_release(prl_tensor *tensor);
/* The number of elements; 0 for NULL. */
PRL_API int64_t prl_tensor_count(const prl_tensor *tensor);
/* Whether the elements are adjacent in memory, the last dimension first; false for NULL. */
PRL_API bool prl_tensor_contiguous(const prl_tensor *tensor);
/* Writes the shape, as in "(64, 4)", into text (size bytes), truncated to fit; returns text. */
PRL_API char *prl_shape_text(const prl_tensor *tensor, char *text, size_t size);

#ifdef __cplusplus
}
#endif
#endif
