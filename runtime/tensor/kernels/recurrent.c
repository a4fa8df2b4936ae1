/* The cell of a gated recurrent unit, and its gradient. */
#include "tensor/kernels/approx.h"
#include "tensor/kernels/parts.h"

INLINE vf get(const float *p, int64_t i, int64_t left) {
  return left >= VW ? vload(p + i) : vload_n(p + i, left);
}
INLINE void put(float *p, vf x, int64_t i, int64_t left) {
  if (left >= VW) {
    vstore(p + i, x);
  } else {
    vstore_n(p + i, x, left);
  }
}
#define EACH_VECTOR(i, left) for (int64_t i = 0, left; (left = n - i) > 0; i += VW)

void PART(gru)(int64_t n, const float *x, const float *u, const float *h, float *gates, float *y) {
  EACH_VECTOR(i, left) {
    vf r = vsigmoid(get(x, i, left) + get(u, i, left));
    vf z = vsigmoid(get(x + n, i, left) + get(u + n, i, left));
    vf candidate = get(u + 2 * n, i, left), c = vtanh(vfma(r, candidate, get(x + 2 * n, i, left)));
    put(gates, r, i, left);
    put(gates + n, z, i, left);
    put(gates + 2 * n, c, i, left);
    put(gates + 3 * n, candidate, i, left);
    put(y, vfma(z, get(h, i, left) - c, c), i, left);
  }
}

void PART(gru_grad)(int64_t n, const float *gates, const float *h, const float *gy, float *gx, float *gu,
                    float *gh) {
  EACH_VECTOR(i, left) {
    vf r = get(gates, i, left), z = get(gates + n, i, left), c = get(gates + 2 * n, i, left);
    vf g = get(gy, i, left), keeps = g * z, one = vset(1);
    vf by_c = (g - keeps) * vfnma(c, c, one);
    vf by_z = keeps * (get(h, i, left) - c) * (one - z);
    vf by_r = by_c * get(gates + 3 * n, i, left) * r * (one - r);
    put(gx, by_r, i, left);
    put(gx + n, by_z, i, left);
    put(gx + 2 * n, by_c, i, left);
    put(gu, by_r, i, left);
    put(gu + n, by_z, i, left);
    put(gu + 2 * n, by_c * r, i, left);
    put(gh, keeps, i, left);
  }
}
