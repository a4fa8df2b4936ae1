/* Element-wise functions of one argument and their gradients. */
#include "tensor/kernels/approx.h"
#include "tensor/kernels/parts.h"

/* The tail goes through the same vector code, so that a result does not depend on its position. */
#define UNARY(name, expression)                                                                              \
  void PART(name)(int64_t n, const float *px, float *py) {                                                   \
    int64_t i = 0;                                                                                           \
    for (; i + VW <= n; i += VW) {                                                                           \
      vf x = vload(px + i);                                                                                  \
      vstore(py + i, expression);                                                                            \
    }                                                                                                        \
    if (i < n) {                                                                                             \
      vf x = vload_n(px + i, n - i);                                                                         \
      vstore_n(py + i, expression, n - i);                                                                   \
    }                                                                                                        \
  }

UNARY(identity, x)
UNARY(neg, vxor(x, vsign()))
UNARY(exp, vexp(x))
UNARY(log, vlog(x))
UNARY(log1p, vlog1p(x))
UNARY(sqrt, vsqrt(x))
UNARY(abs, vabs(x))
UNARY(tanh, vtanh(x))
UNARY(sigmoid, vsigmoid(x))
UNARY(softplus, vsoftplus(x))
UNARY(relu, vrelu(x))
UNARY(leaky_relu, vleaky(x))
UNARY(elu, velu(x))
UNARY(silu, vsilu(x))
UNARY(gelu, vgelu(x))
UNARY(sin, vsin(x))
UNARY(cos, vcos(x))

/* gx = or += gy · f′, where `from` (x or y) is what f′ is written in. */
#define UNARY_GRAD(name, from, expression)                                                                   \
  void PART(name##_grad)(int64_t n, const float *px, const float *py, const float *pgy, bool add,            \
                         float *pgx) {                                                                       \
    const float *source = p##from;                                                                           \
    int64_t i = 0;                                                                                           \
    for (; i + VW <= n; i += VW) {                                                                           \
      vf from = vload(source + i), g = vload(pgy + i) * (expression);                                        \
      if (add) g += vload(pgx + i);                                                                          \
      vstore(pgx + i, g);                                                                                    \
    }                                                                                                        \
    if (i < n) {                                                                                             \
      int64_t t = n - i;                                                                                     \
      vf from = vload_n(source + i, t), g = vload_n(pgy + i, t) * (expression);                              \
      if (add) g += vload_n(pgx + i, t);                                                                     \
      vstore_n(pgx + i, g, t);                                                                               \
    }                                                                                                        \
  }

/* A constant slope reads neither x nor y. */
#define CONSTANT_GRAD(name, slope)                                                                           \
  void PART(name##_grad)(int64_t n, const float *px, const float *py, const float *pgy, bool add,            \
                         float *pgx) {                                                                       \
    if (add) {                                                                                               \
      PART(axpy)(n, slope, pgy, pgx);                                                                        \
    } else {                                                                                                 \
      PART(mul_scalar)(n, pgy, slope, pgx);                                                                  \
    }                                                                                                        \
  }

INLINE vf vone(void) { return vset(1); }

INLINE vf silu_slope(vf x) {
  vf s = vsigmoid(x), u = vclamp(x, -115, 115); /* ∞ · 0 is not wanted */
  return s * vfma(u, vone() - s, vone());
}

INLINE vf sign_of(vf x) { return vandnot(veq(x, vzero()), vor(vone(), vand(x, vsign()))); }

CONSTANT_GRAD(identity, 1)
CONSTANT_GRAD(neg, -1)
UNARY_GRAD(exp, y, y)
UNARY_GRAD(log, x, vone() / x)
UNARY_GRAD(log1p, x, vone() / (x + vone()))
UNARY_GRAD(sqrt, y, vset(0.5f) / y)
UNARY_GRAD(abs, x, sign_of(x))
UNARY_GRAD(tanh, y, vfnma(y, y, vone()))
UNARY_GRAD(sigmoid, y, y *(vone() - y))
UNARY_GRAD(softplus, y, vxor(expm1_negative(vxor(y, vsign())), vsign()))
UNARY_GRAD(relu, y, vand(vlt(vzero(), y), vone()))
UNARY_GRAD(leaky_relu, y, vpick(vlt(vzero(), y), vone(), vset(0.01f)))
UNARY_GRAD(elu, y, vpick(vlt(vzero(), y), vone(), y + vone()))
UNARY_GRAD(silu, x, silu_slope(x))
UNARY_GRAD(gelu, x, gelu_slope(x))
UNARY_GRAD(sin, x, vcos(x))
UNARY_GRAD(cos, x, vxor(vsin(x), vsign()))
