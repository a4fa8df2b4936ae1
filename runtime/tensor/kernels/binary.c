/* Element-wise functions of two arguments: two vectors, or a vector and a scalar on either side. */
#include "tensor/kernels/parts.h"
#include "tensor/kernels/vec.h"

/* NaN in either argument gives NaN, as PyTorch's minimum and maximum do. */
INLINE vf either_min(vf a, vf b) { return vpick(vnan(a), a, vmin(a, b)); }
INLINE vf either_max(vf a, vf b) { return vpick(vnan(a), a, vmax(a, b)); }

/* y[i] = expression of a and b, each a vector of VW elements; `load_a` and `load_b` take (i) or (i, tail). */
#define BINARY_LOOP(expression, a_whole, b_whole, a_tail, b_tail)                                            \
  int64_t i = 0;                                                                                             \
  for (; i + VW <= n; i += VW) {                                                                             \
    vf a = a_whole, b = b_whole;                                                                             \
    vstore(y + i, expression);                                                                               \
  }                                                                                                          \
  if (i < n) {                                                                                               \
    vf a = a_tail, b = b_tail;                                                                               \
    vstore_n(y + i, expression, n - i);                                                                      \
  }

#define BINARY(name, expression)                                                                             \
  void PART(name)(int64_t n, const float *pa, const float *pb, float *y) {                                   \
    BINARY_LOOP(expression, vload(pa + i), vload(pb + i), vload_n(pa + i, n - i), vload_n(pb + i, n - i))    \
  }                                                                                                          \
  void PART(name##_scalar)(int64_t n, const float *pa, float sb, float *y) {                                 \
    BINARY_LOOP(expression, vload(pa + i), vset(sb), vload_n(pa + i, n - i), vset(sb))                       \
  }                                                                                                          \
  void PART(scalar_##name)(int64_t n, float sa, const float *pb, float *y) {                                 \
    BINARY_LOOP(expression, vset(sa), vload(pb + i), vset(sa), vload_n(pb + i, n - i))                       \
  }

BINARY(add, a + b)
BINARY(sub, a - b)
BINARY(mul, a *b)
BINARY(div, a / b)
BINARY(min, either_min(a, b))
BINARY(max, either_max(a, b))

void PART(axpy)(int64_t n, float s, const float *x, float *y) {
  BINARY_LOOP(vfma(vset(s), a, b), vload(x + i), vload(y + i), vload_n(x + i, n - i), vload_n(y + i, n - i))
}

void PART(fma)(int64_t n, const float *pa, const float *pb, float *y) {
  int64_t i = 0;
  for (; i + VW <= n; i += VW) vstore(y + i, vfma(vload(pa + i), vload(pb + i), vload(y + i)));
  if (i < n) {
    int64_t t = n - i;
    vstore_n(y + i, vfma(vload_n(pa + i, t), vload_n(pb + i, t), vload_n(y + i, t)), t);
  }
}
