/* Float64 references of the element-wise kernels, and the distance of a float from such a value. */
#ifndef SPEC_TENSOR_KERNELS_REFERENCE_H
#define SPEC_TENSOR_KERNELS_REFERENCE_H

#include <float.h>
#include <math.h>

#include "tensor/kernels.h"

static inline double reference_cdf(double x) { return 0.5 * erfc(-x * M_SQRT1_2); }
static inline double reference_sigmoid(double x) { return 1 / (1 + exp(-x)); }

static inline double reference_unary(prl_unary f, double x) {
  switch (f) {
  case PRL_NEG:
    return -x;
  case PRL_EXP:
    return exp(x);
  case PRL_LOG:
    return log(x);
  case PRL_LOG1P:
    return log1p(x);
  case PRL_SQRT:
    return sqrt(x);
  case PRL_ABS:
    return fabs(x);
  case PRL_TANH:
    return tanh(x);
  case PRL_SIGMOID:
    return reference_sigmoid(x);
  case PRL_SOFTPLUS:
    return x > 40 ? x : log1p(exp(x));
  case PRL_RELU:
    return isnan(x) || x > 0 ? x : 0;
  case PRL_LEAKY_RELU:
    return x < 0 ? (double)0.01f * x : x;
  case PRL_ELU:
    return x > 0 ? x : expm1(x);
  case PRL_SILU:
    return x < -700 ? 0 : x / (1 + exp(-x)); /* the limit at −∞ is 0 */
  case PRL_GELU:
    return x < -40 ? 0 : x * reference_cdf(x);
  case PRL_SIN:
    return sin(x);
  case PRL_COS:
    return cos(x);
  default:
    return x;
  }
}

/* The derivative at x. */
static inline double reference_slope(prl_unary f, double x) {
  double s = reference_sigmoid(x), t = tanh(x);
  switch (f) {
  case PRL_NEG:
    return -1;
  case PRL_EXP:
    return exp(x);
  case PRL_LOG:
    return 1 / x;
  case PRL_LOG1P:
    return 1 / (1 + x);
  case PRL_SQRT:
    return 0.5 / sqrt(x);
  case PRL_ABS:
    return x > 0 ? 1 : x < 0 ? -1 : 0;
  case PRL_TANH:
    return 1 - t * t;
  case PRL_SIGMOID:
    return s * (1 - s);
  case PRL_SOFTPLUS:
    return s;
  case PRL_RELU:
    return x > 0;
  case PRL_LEAKY_RELU:
    return x > 0 ? 1 : (double)0.01f;
  case PRL_ELU:
    return x > 0 ? 1 : exp(x);
  case PRL_SILU:
    return s * (1 + x * (1 - s));
  case PRL_GELU:
    return reference_cdf(x) + x * exp(-x * x / 2) * 0.3989422804014327;
  case PRL_SIN:
    return cos(x);
  case PRL_COS:
    return -sin(x);
  default:
    return 1;
  }
}

/* |y − true| in units of the last place of a float near `truth`; 0 where both are NaN or the same infinity.
 */
static inline double reference_ulps(float y, double truth) {
  if (isnan(truth)) return isnan(y) ? 0 : INFINITY;
  if (isnan(y)) return INFINITY;
  if (fabs(truth) > FLT_MAX)
    return fabs((double)y) >= FLT_MAX && !signbit(y) == !signbit(truth) ? 0 : INFINITY;
  if (isinf(y)) y = copysignf(0x1.fffffep127f, y);
  int exponent;
  frexp(truth, &exponent);
  double ulp = ldexp(1, exponent - 24 < -149 ? -149 : exponent - 24);
  return fabs((double)y - truth) / ulp;
}

#endif
