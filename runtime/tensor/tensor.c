/* Tensors: storage that counts its users, views, copies, and single values. */
#include "tensor/tensor.h"
#include "core/arguments.h"

#include <stdio.h>
#include <string.h>

size_t prl_dtype_size(prl_dtype dtype) {
  static const uint8_t sizes[] = {4, 8, 4, 8};
  return (unsigned)dtype < 4 ? sizes[dtype] : 0;
}

const char *prl_dtype_name(prl_dtype dtype) {
  static const char *const names[] = {"float32", "float64", "int32", "int64"};
  return (unsigned)dtype < 4 ? names[dtype] : "?";
}

void prl_tensor_set_contiguous(prl_tensor *tensor) {
  int64_t stride = 1;
  for (int d = tensor->ndim - 1; d >= 0; d--) {
    tensor->stride[d] = stride;
    stride *= tensor->shape[d];
  }
}

/* Checks sizes and gives their product; −1 after writing an error. */
static int64_t checked_count(int ndim, const int64_t *shape, prl_error *error) {
  if (ndim < 0 || ndim > PRL_MAX_DIMS) {
    prl_fail(error, PRL_ESHAPE, "a tensor has 0 to %d dimensions, not %d", PRL_MAX_DIMS, ndim);
    return -1;
  }
  int64_t count = 1;
  for (int d = 0; d < ndim; d++) {
    if (shape[d] < 0 || (shape[d] > 0 && count > INT64_MAX / 8 / shape[d])) {
      prl_fail(error, PRL_ESHAPE, "size %lld of dimension %d is not possible", (long long)shape[d], d + 1);
      return -1;
    }
    count *= shape[d];
  }
  return count;
}

prl_status prl_tensor_new(prl_runtime *runtime, prl_dtype dtype, int ndim, const int64_t *shape,
                          prl_tensor *out, prl_error *error) {
  prl_status status = PRL_GIVEN(error, "runtime out", runtime, out);
  if (!status) status = PRL_WITHIN(error, "dtype", (int)dtype, PRL_F32, PRL_I64);
  if (!status && ndim > 0) status = PRL_GIVEN(error, "shape", shape);
  if (status) return status;
  int64_t count = checked_count(ndim, shape, error);
  if (count < 0) return PRL_ESHAPE;
  size_t size = (size_t)count * prl_dtype_size(dtype), header = 64;
  char *block = prl_calloc(runtime, 1, header + size); /* a large one takes no memory before it is used */
  if (!block) return prl_fail_memory(error, header + size);
  prl_storage *storage = (prl_storage *)block;
  *storage = (prl_storage){1, prl_runtime_retain(runtime), size};
  prl_tensor_borrow(block + header, dtype, ndim, shape, out);
  out->storage = storage;
  return PRL_OK;
}

void prl_tensor_borrow(void *data, prl_dtype dtype, int ndim, const int64_t *shape, prl_tensor *out) {
  if (!out) return;
  if (ndim < 0 || ndim > PRL_MAX_DIMS || (ndim > 0 && !shape)) { /* nothing that can be viewed */
    *out = (prl_tensor){.dtype = dtype, .ndim = 1};
    return;
  }
  *out = (prl_tensor){.data = data, .dtype = dtype, .ndim = ndim};
  for (int d = 0; d < ndim; d++) out->shape[d] = shape[d];
  prl_tensor_set_contiguous(out);
}

void prl_tensor_retain(prl_tensor *tensor) {
  if (tensor && tensor->storage) tensor->storage->refs++;
}

void prl_tensor_release(prl_tensor *tensor) {
  if (!tensor) return;
  prl_storage *storage = tensor->storage;
  *tensor = (prl_tensor){0};
  if (storage && --storage->refs == 0) {
    prl_runtime *runtime = storage->runtime;
    prl_free(runtime, storage);
    prl_runtime_release(runtime);
  }
}

int64_t prl_tensor_count(const prl_tensor *tensor) {
  if (!tensor) return 0;
  int64_t count = 1;
  for (int d = 0; d < tensor->ndim; d++) count *= tensor->shape[d];
  return count;
}

bool prl_tensor_contiguous(const prl_tensor *tensor) {
  if (!tensor) return false;
  int64_t stride = 1;
  for (int d = tensor->ndim - 1; d >= 0; d--) {
    if (tensor->shape[d] != 1 && tensor->stride[d] != stride) return false;
    stride *= tensor->shape[d];
  }
  return true;
}

bool prl_tensor_same_shape(const prl_tensor *a, const prl_tensor *b) {
  return a->ndim == b->ndim && memcmp(a->shape, b->shape, sizeof *a->shape * (size_t)a->ndim) == 0;
}

char *prl_shape_text(const prl_tensor *tensor, char *text, size_t size) {
  if (!text || size == 0) return text;
  size_t used = (size_t)snprintf(text, size, tensor ? "(" : "");
  if (!tensor) return text;
  for (int d = 0; d < tensor->ndim && used < size; d++)
    used += (size_t)snprintf(text + used, size - used, d ? ", %lld" : "%lld", (long long)tensor->shape[d]);
  if (used < size) snprintf(text + used, size - used, ")");
  return text;
}

static double load(const void *data, prl_dtype dtype, int64_t at) {
  switch (dtype) {
  case PRL_F32:
    return ((const float *)data)[at];
  case PRL_F64:
    return ((const double *)data)[at];
  case PRL_I32:
    return ((const int32_t *)data)[at];
  default:
    return (double)((const int64_t *)data)[at];
  }
}

static void store(void *data, prl_dtype dtype, int64_t at, double value) {
  switch (dtype) {
  case PRL_F32:
    ((float *)data)[at] = (float)value;
    break;
  case PRL_F64:
    ((double *)data)[at] = value;
    break;
  case PRL_I32:
    ((int32_t *)data)[at] = (int32_t)value;
    break;
  default:
    ((int64_t *)data)[at] = (int64_t)value;
    break;
  }
}

static int64_t offset_of(const prl_tensor *tensor, int64_t position) {
  int64_t offset = 0;
  for (int d = tensor->ndim - 1; d >= 0; d--) {
    offset += position % tensor->shape[d] * tensor->stride[d];
    position /= tensor->shape[d];
  }
  return offset;
}

double prl_tensor_get(const prl_tensor *tensor, int64_t position) {
  return load(tensor->data, tensor->dtype, offset_of(tensor, position));
}

int64_t prl_tensor_get_int(const prl_tensor *tensor, int64_t position) {
  if (tensor->dtype == PRL_I64) return ((const int64_t *)tensor->data)[offset_of(tensor, position)];
  return (int64_t)prl_tensor_get(tensor, position);
}

void prl_tensor_set(prl_tensor *tensor, int64_t position, double value) {
  store(tensor->data, tensor->dtype, offset_of(tensor, position), value);
}

void prl_tensor_fill(prl_tensor *tensor, double value) {
  int64_t count = prl_tensor_count(tensor);
  for (int64_t i = 0; i < count; i++) prl_tensor_set(tensor, i, value);
}

void prl_tensor_copy(prl_tensor *to, const prl_tensor *from) {
  int64_t count = prl_tensor_count(to);
  if (to->dtype == from->dtype && prl_tensor_contiguous(to) && prl_tensor_contiguous(from)) {
    if (to->data != from->data && count)
      memcpy(to->data, from->data, (size_t)count * prl_dtype_size(to->dtype));
    return;
  }
  bool wide = to->dtype == PRL_I64 && from->dtype == PRL_I64; /* double cannot carry every int64 */
  for (int64_t i = 0; i < count; i++) {
    if (wide)
      ((int64_t *)to->data)[offset_of(to, i)] = ((const int64_t *)from->data)[offset_of(from, i)];
    else
      prl_tensor_set(to, i, prl_tensor_get(from, i));
  }
}

static prl_status check_dim(const prl_tensor *from, int dim, prl_error *error) {
  if (dim >= 0 && dim < from->ndim) return PRL_OK;
  char shape[96];
  return prl_fail(error, PRL_EINVAL, "dimension %d is outside of a tensor of shape %s", dim + 1,
                  prl_shape_text(from, shape, sizeof shape));
}

prl_status prl_tensor_slice(const prl_tensor *from, int dim, int64_t start, int64_t stop, int64_t step,
                            prl_tensor *out, prl_error *error) {
  prl_status status = check_dim(from, dim, error);
  if (status) return status;
  char shape[96];
  if (start < 0 || stop > from->shape[dim] || start > stop || step < 1)
    return prl_fail(error, PRL_EINVAL,
                    "positions %lld to %lld (step %lld) do not fit dimension %d of shape %s",
                    (long long)start + 1, (long long)stop, (long long)step, dim + 1,
                    prl_shape_text(from, shape, sizeof shape));
  prl_tensor view = *from;
  view.data = (char *)from->data + (size_t)(start * from->stride[dim]) * prl_dtype_size(from->dtype);
  view.shape[dim] = start < stop ? (stop - start - 1) / step + 1 : 0;
  if (view.shape[dim] > 1) view.stride[dim] *= step; /* else it may be beyond any number */
  *out = view;
  return PRL_OK;
}

prl_status prl_tensor_transpose(const prl_tensor *from, int a, int b, prl_tensor *out, prl_error *error) {
  prl_status status = check_dim(from, a, error);
  if (!status) status = check_dim(from, b, error);
  if (status) return status;
  prl_tensor view = *from;
  view.shape[a] = from->shape[b];
  view.shape[b] = from->shape[a];
  view.stride[a] = from->stride[b];
  view.stride[b] = from->stride[a];
  *out = view;
  return PRL_OK;
}

prl_status prl_tensor_reshape(const prl_tensor *from, int ndim, const int64_t *shape, prl_tensor *out,
                              prl_error *error) {
  prl_tensor view = *from;
  int64_t count = prl_tensor_count(from), known = 1;
  int open = -1;
  view.ndim = ndim;
  for (int d = 0; d < ndim && d < PRL_MAX_DIMS; d++) {
    view.shape[d] = shape[d];
    if (shape[d] == -1 && open < 0)
      open = d;
    else
      known *= shape[d];
  }
  if (open >= 0 && known > 0) view.shape[open] = count / known;
  if (ndim > PRL_MAX_DIMS || known < 0 || prl_tensor_count(&view) != count) {
    char a[96], b[96];
    return prl_fail(error, PRL_ESHAPE, "a tensor of shape %s (%lld values) does not fit shape %s",
                    prl_shape_text(from, a, sizeof a), (long long)count, prl_shape_text(&view, b, sizeof b));
  }
  prl_tensor_set_contiguous(&view);
  *out = view;
  return PRL_OK;
}

prl_status prl_tensor_select(const prl_tensor *from, int dim, int64_t position, prl_tensor *out,
                             prl_error *error) {
  prl_tensor view;
  prl_status status = prl_tensor_slice(from, dim, position, position + 1, 1, &view, error);
  if (status) return status;
  view.ndim--;
  for (int d = dim; d < view.ndim; d++) {
    view.shape[d] = view.shape[d + 1];
    view.stride[d] = view.stride[d + 1];
  }
  *out = view;
  return PRL_OK;
}
