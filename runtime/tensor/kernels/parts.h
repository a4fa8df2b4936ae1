/* The functions of one table, defined in the files beside this one and gathered in table.c. Their names carry
 * the table's (prl_tanh_avx2), since the same sources are compiled once for each. */
#ifndef PRL_TENSOR_KERNELS_PARTS_H
#define PRL_TENSOR_KERNELS_PARTS_H

#include "tensor/kernels.h"

#define PART(name) PRL_TABLE_OF(prl_##name##_)

/* clang-format off */
#define EACH_UNARY(X) \
  X(IDENTITY, identity) \
  X(NEG, neg) \
  X(EXP, exp) \
  X(LOG, log) \
  X(LOG1P, log1p) \
  X(SQRT, sqrt) \
  X(ABS, abs) \
  X(TANH, tanh) \
  X(SIGMOID, sigmoid) \
  X(SOFTPLUS, softplus) \
  X(RELU, relu) \
  X(LEAKY_RELU, leaky_relu) \
  X(ELU, elu) \
  X(SILU, silu) \
  X(GELU, gelu) \
  X(SIN, sin) \
  X(COS, cos)
/* clang-format on */

#define EACH_BINARY(X) X(ADD, add) X(SUB, sub) X(MUL, mul) X(DIV, div) X(MIN, min) X(MAX, max)

#define EACH_RELATION(X) X(GT, gt) X(GE, ge) X(LT, lt) X(LE, le) X(EQ, eq)

#define DECLARE_UNARY(NAME, name)                                                                            \
  void PART(name)(int64_t n, const float *x, float *y);                                                      \
  void PART(name##_grad)(int64_t n, const float *x, const float *y, const float *gy, bool add, float *gx);
EACH_UNARY(DECLARE_UNARY)

#define DECLARE_BINARY(NAME, name)                                                                           \
  void PART(name)(int64_t n, const float *a, const float *b, float *y);                                      \
  void PART(name##_scalar)(int64_t n, const float *a, float b, float *y);                                    \
  void PART(scalar_##name)(int64_t n, float a, const float *b, float *y);
EACH_BINARY(DECLARE_BINARY)

void PART(axpy)(int64_t n, float a, const float *x, float *y);
void PART(fma)(int64_t n, const float *a, const float *b, float *y);

#define DECLARE_RELATION(NAME, name)                                                                         \
  void PART(name)(int64_t n, const float *a, int64_t sa, const float *b, int64_t sb, float *y);
EACH_RELATION(DECLARE_RELATION)

void PART(choose)(int64_t n, const float *mask, int64_t sm, const float *a, int64_t sa, const float *b,
                  int64_t sb, float *y);
void PART(clamp)(int64_t n, const float *x, float low, float high, float *y);
void PART(clamp_grad)(int64_t n, const float *x, float low, float high, const float *g, float *y);
void PART(greater_grad)(int64_t n, const float *a, int64_t sa, const float *b, int64_t sb, const float *g,
                        float *y);

void PART(normal_log_prob)(const prl_gaussian *d, float *y);
void PART(normal_grad)(const prl_gaussian *d, prl_gaussian_part part, const float *g, bool summed, float *to);

void PART(linear)(int64_t m, int64_t n, int64_t k, const float *x, int64_t ldx, const float *w,
                  const float *b, prl_unary act, float *pre, float *y);
void PART(linear_gx)(int64_t m, int64_t n, int64_t k, const float *gy, const float *w, bool add,
                     prl_unary slope, const float *of, float *scratch, float *gx);
void PART(linear_gw)(int64_t m, int64_t n, int64_t k, const float *x, const float *gy, prl_into into,
                     float *gw, float *gb);

double PART(sum)(int64_t n, const float *x);
double PART(sum_on)(int64_t n, const float *x, bool begin, prl_sum *sum);
void PART(sum_rows)(int64_t rows, int64_t n, const float *x, float *y);
double PART(sumsq)(int64_t n, const float *x);
bool PART(finite)(int64_t n, const float *x);
void PART(softmax)(int64_t rows, int64_t n, const float *x, float *y);
void PART(log_softmax)(int64_t rows, int64_t n, const float *x, float *y);
void PART(logsumexp)(int64_t rows, int64_t n, const float *x, float *y);

void PART(adam)(int64_t n, const prl_adam *o, const float *g, float *p, float *m, float *v);
void PART(sgd)(int64_t n, float lr, float momentum, bool nesterov, bool first, float l2, float grad_scale,
               const float *g, float *p, float *buf);
void PART(rmsprop)(int64_t n, float lr, float momentum, float alpha, float epsilon, float l2,
                   float grad_scale, const float *g, float *p, float *buf, float *v);
void PART(normalise)(int64_t rows, int64_t n, const float *x, const float *mean, const float *scale,
                     float bound, float *y);

void PART(gru)(int64_t n, const float *x, const float *u, const float *h, float *gates, float *y);
void PART(gru_grad)(int64_t n, const float *gates, const float *h, const float *gy, float *gx, float *gu,
                    float *gh);

void PART(uniforms)(const uint32_t key[2], uint32_t extra, uint32_t episode, uint32_t step, int64_t n,
                    float *y);
void PART(normals)(const uint32_t key[2], uint32_t extra, uint32_t episode, uint32_t step, int64_t n,
                   float *y);

#endif
