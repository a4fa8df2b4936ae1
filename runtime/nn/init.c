/* Initial weights: zeros, constants, uniform and normal ones by fan, and orthogonal ones by LAPACK. */
#include "nn/init.h"

#include <math.h>

#include "core/lapack.h"
#include "tensor/kernels.h"
#include "tensor/tensor.h"

/* Q of a random normal matrix, (length × width) by columns, with the signs of R's diagonal made positive so
 * that Q is uniform over orthogonal matrices (Mezzadri 2007). a holds the normals and takes Q. */
static prl_status qr(prl_runtime *runtime, int length, int width, float *a, prl_error *error) {
  prl_lapack lapack;
  prl_status status = prl_lapack_load(prl_lapack_places, "orthogonal weights", &lapack, error);
  if (status) return status;
  int lwork = 64 * width, info = 0;
  size_t floats = (size_t)(2 * width + lwork);
  float *tau = prl_alloc(runtime, floats * sizeof(float));
  if (!tau) return prl_fail_memory(error, floats * sizeof(float));
  float *sign = tau + width, *work = sign + width;
  lapack.sgeqrf(&length, &width, a, &length, tau, work, &lwork, &info);
  for (int j = 0; j < width; j++) sign[j] = a[(int64_t)j * length + j] < 0 ? -1 : 1;
  if (!info) lapack.sorgqr(&length, &width, &width, a, &length, tau, work, &lwork, &info);
  for (int j = 0; j < width; j++)
    for (int i = 0; i < length; i++) a[(int64_t)j * length + i] *= sign[j];
  prl_free(runtime, tau);
  return info ? prl_fail(error, PRL_EINVAL, "orthogonal: LAPACK refused argument %d", -info) : PRL_OK;
}

static prl_status orthogonal(prl_runtime *runtime, double gain, prl_rng rng, prl_tensor *tensor,
                             prl_error *error) {
  int64_t rows = tensor->shape[0], columns = tensor->shape[1];
  bool tall = rows >= columns;
  int64_t length = tall ? rows : columns, width = tall ? columns : rows;
  if (width == 0) return PRL_OK;
  float *a = prl_alloc(runtime, (size_t)(rows * columns) * sizeof(float)), *w = tensor->data;
  if (!a) return prl_fail_memory(error, (size_t)(rows * columns) * sizeof(float));
  prl_kernels_of(runtime)->normals(rng.key, 0, 0, 0, rows * columns, a);
  prl_status status = qr(runtime, (int)length, (int)width, a, error);
  for (int64_t i = 0; !status && i < rows; i++)
    for (int64_t j = 0; j < columns; j++)
      w[i * columns + j] = (float)gain * (tall ? a[j * length + i] : a[i * length + j]);
  prl_free(runtime, a);
  return status;
}

static double deviation(prl_init_kind kind, const prl_tensor *tensor) {
  double in = tensor->ndim == 2 ? (double)tensor->shape[0] : 1,
         out = tensor->ndim == 2 ? (double)tensor->shape[1] : 1;
  switch (kind) {
  case PRL_INIT_XAVIER_UNIFORM:
    return sqrt(6 / (in + out));
  case PRL_INIT_XAVIER_NORMAL:
    return sqrt(2 / (in + out));
  case PRL_INIT_KAIMING_UNIFORM:
    return sqrt(3 / in);
  case PRL_INIT_KAIMING_NORMAL:
    return sqrt(1 / in);
  default:
    return 1;
  }
}

prl_status prl_init_fill(prl_runtime *runtime, prl_init_kind kind, double gain, prl_rng rng,
                         prl_tensor *tensor, prl_error *error) {
  bool matrix = kind != PRL_INIT_UNIFORM && kind != PRL_INIT_NORMAL;
  char shape[96];
  if (tensor->dtype != PRL_F32 || !prl_tensor_contiguous(tensor) || (matrix && tensor->ndim != 2))
    return prl_fail(error, PRL_ESHAPE,
                    "initialiser: a contiguous float32 matrix is needed, not %s of shape %s",
                    prl_dtype_name(tensor->dtype), prl_shape_text(tensor, shape, sizeof shape));
  if (kind == PRL_INIT_ORTHOGONAL) return orthogonal(runtime, gain, rng, tensor, error);
  const prl_kernels *k = prl_kernels_of(runtime);
  int64_t count = prl_tensor_count(tensor);
  float *w = tensor->data, scale = (float)(gain * deviation(kind, tensor));
  bool normal = kind == PRL_INIT_XAVIER_NORMAL || kind == PRL_INIT_KAIMING_NORMAL || kind == PRL_INIT_NORMAL;
  (normal ? k->normals : k->uniforms)(rng.key, 0, 0, 0, count, w);
  for (int64_t i = 0; i < count; i++) w[i] = scale * (normal ? w[i] : 2 * w[i] - 1);
  return PRL_OK;
}
