/* The kernel table: the arithmetic that runs inside every op, optimizer and normaliser.
 *
 * One source is compiled three times (plain x86-64; AVX2 with FMA; AVX-512 F, DQ, BW and VL), giving three
 * constant tables; a runtime takes one by cpuid, or as its options say. Results of two tables differ in their
 * last digits. Rules that hold within one table:
 *
 * Every op fixes its order of rounding; contraction by the compiler is off. A GEMM accumulates over k in
 * ascending order with one fused multiply-add each (baseline: a product and a sum), then adds the bias, then
 * applies the activation; the activation fused into a layer gives the bytes of the separate one. An output
 * narrower than a vector (VW = 16, 8 or 4 floats) has VW such chains, over k ≡ 0, 1, … modulo VW, added in
 * the order of vsums (kernels/vec_*.h). `add` adds the finished sum.
 *
 * A row of a forward result depends on that row and the weights alone, never on how many rows came with it.
 * Element-wise results do not depend on the position in the vector. Sums over a batch run in ascending row
 * order, a fixed order for a given batch.
 *
 * No product goes to OpenBLAS: packed and blocked, these kernels win or tie with it up to about 1024 × 1024
 * and stay within a tenth at 2048 × 2048 (spec/bench), rows keep their bytes without padded tiles, and a
 * host's choice of BLAS threads cannot touch them.
 *
 * Pointers are dense float32 rows unless a leading dimension is given; none may alias unless it says so. */
#ifndef PRL_TENSOR_KERNELS_H
#define PRL_TENSOR_KERNELS_H

#include "core/kernel_tables.h"

/* Element-wise functions of one argument, in the order of both lists below. At most 4 ulp from the true
 * value. */
typedef enum prl_unary {
  PRL_IDENTITY,
  PRL_NEG,
  PRL_EXP,
  PRL_LOG,
  PRL_LOG1P,
  PRL_SQRT,
  PRL_ABS,
  PRL_TANH,
  PRL_SIGMOID,
  PRL_SOFTPLUS,
  PRL_RELU,
  PRL_LEAKY_RELU, /* slope .01 */
  PRL_ELU,        /* alpha 1 */
  PRL_SILU,
  PRL_GELU, /* exact: x Φ(x) */
  PRL_SIN,
  PRL_COS,
  PRL_UNARY_COUNT
} prl_unary;

typedef enum prl_binary { PRL_ADD, PRL_SUB, PRL_MUL, PRL_DIV, PRL_MIN, PRL_MAX, PRL_BINARY_COUNT } prl_binary;

typedef enum prl_relation { PRL_GT, PRL_GE, PRL_LT, PRL_LE, PRL_EQ, PRL_RELATION_COUNT } prl_relation;

/* Rows of a diagonal Gaussian: x (rows, n), and mean, log σ and 1/σ whose steps from row to row are n, or 0
 * where one row serves all. */
typedef struct prl_gaussian {
  int64_t rows, n, mean_step, std_step;
  const float *x, *mean, *log_std, *inverse;
} prl_gaussian;

typedef enum prl_gaussian_part { PRL_BY_X, PRL_BY_MEAN, PRL_BY_LOG_STD } prl_gaussian_part;

typedef struct prl_adam {
  float lr, beta1, beta2, epsilon;
  float decay;                    /* decoupled (AdamW): p −= lr · decay · p */
  float l2;                       /* added to the gradient: g += l2 · p */
  float correction1, correction2; /* 1 − β₁ᵗ, 1 − β₂ᵗ */
  float grad_scale;               /* from clipping; g is read as g · grad_scale */
} prl_adam;

/* What becomes of a sum over rows: it replaces what is there, is added to it, or goes on from it, so that
 * rows in several calls give the bytes of one call. */
typedef enum prl_into { PRL_INTO_NEW, PRL_INTO_ADD, PRL_INTO_RESUME } prl_into;

/* A sum that goes on (sum_on): the accumulators of the widest table. */
enum { PRL_SUM_STEP = 32 };
typedef struct prl_sum {
  double lane[PRL_SUM_STEP];
} prl_sum;

typedef struct prl_kernels {
  const char *name;

  /* y = act(x w + b).  x (m, k) with row stride ldx, w (k, n), b (n) or NULL → y (m, n).
   * pre: NULL, or where to keep x w + b (m, n) for an activation whose gradient needs it. */
  void (*linear)(int64_t m, int64_t n, int64_t k, const float *x, int64_t ldx, const float *w, const float *b,
                 prl_unary act, float *pre, float *y);
  /* gx (m, k) = or += gy (m, n) wᵀ, w (k, n).  scratch: prl_linear_scratch(n, k) floats. Where `slope` is not
   * the identity, gx = (gy wᵀ) · slope′ instead, with the derivative taken from its output `of` (m, k): the
   * bytes of unary_grad afterwards. Not with `add`, nor where prl_unary_needs_input. */
  void (*linear_gx)(int64_t m, int64_t n, int64_t k, const float *gy, const float *w, bool add,
                    prl_unary slope, const float *of, float *scratch, float *gx);
  /* gw (k, n) = or += xᵀ gy;  gb (n), if not NULL, = or += column sums of gy; or both go on with more rows.
   */
  void (*linear_gw)(int64_t m, int64_t n, int64_t k, const float *x, const float *gy, prl_into into,
                    float *gw, float *gb);

  void (*unary[PRL_UNARY_COUNT])(int64_t n, const float *x, float *y); /* y may be x */
  /* gx = or += gy · f′.  For tanh, sigmoid, relu, elu, leaky_relu, exp, sqrt and softplus the derivative is
   * taken from y (x may be NULL); for the others from x (y may be NULL). prl_unary_needs_input tells. gx may
   * be gy. */
  void (*unary_grad[PRL_UNARY_COUNT])(int64_t n, const float *x, const float *y, const float *gy, bool add,
                                      float *gx);
  void (*binary[PRL_BINARY_COUNT])(int64_t n, const float *a, const float *b, float *y); /* y may be a or b */
  void (*binary_scalar[PRL_BINARY_COUNT])(int64_t n, const float *a, float b, float *y); /* a ∘ b */
  void (*scalar_binary[PRL_BINARY_COUNT])(int64_t n, float a, const float *b, float *y); /* a ∘ b */
  void (*axpy)(int64_t n, float a, const float *x, float *y);                            /* y += a x */
  void (*fma)(int64_t n, const float *a, const float *b, float *y);                      /* y += a b */

  /* Choices, element by element. A step is 1, or 0 where one element stands for all; y may be g or x.
   * compare: y = 1 where the relation holds, else 0.  choose: y = a where mask ≠ 0 (NaN is), else b.
   * clamp: y = low where x < low, then high where that > high.  clamp_grad: y = g where low ≤ x ≤ high, else
   * 0. greater_grad: y = g where a > b, g/2 where they are equal, else 0. */
  void (*compare[PRL_RELATION_COUNT])(int64_t n, const float *a, int64_t sa, const float *b, int64_t sb,
                                      float *y);
  void (*choose)(int64_t n, const float *mask, int64_t sm, const float *a, int64_t sa, const float *b,
                 int64_t sb, float *y);
  void (*clamp)(int64_t n, const float *x, float low, float high, float *y);
  void (*clamp_grad)(int64_t n, const float *x, float low, float high, const float *g, float *y);
  void (*greater_grad)(int64_t n, const float *a, int64_t sa, const float *b, int64_t sb, const float *g,
                       float *y);

  /* y[r] = Σ_j −½ z² − log σ − ½ log 2π,  z = (x − mean)/σ, in float64;  and g[r] times its derivative: each
   * (rows, n), or their sum over rows in ascending order (n). autograd/ops_policy.c has the equations. */
  void (*normal_log_prob)(const prl_gaussian *d, float *y);
  void (*normal_grad)(const prl_gaussian *d, prl_gaussian_part part, const float *g, bool summed, float *to);

  double (*sum)(int64_t n, const float *x); /* float64 accumulators, fixed order */
  /* The same in parts, each of a multiple of PRL_SUM_STEP numbers but the last; what is summed so far. */
  double (*sum_on)(int64_t n, const float *x, bool begin, prl_sum *sum);
  void (*sum_rows)(int64_t rows, int64_t n, const float *x, float *y); /* y[r] = sum of a row of n */
  double (*sumsq)(int64_t n, const float *x);
  bool (*finite)(int64_t n, const float *x); /* no NaN, no infinity */

  /* Rows of n: softmax (or its logarithm), exact for large inputs; and the log of the sum of exponentials. */
  void (*softmax)(int64_t rows, int64_t n, const float *x, float *y);
  void (*log_softmax)(int64_t rows, int64_t n, const float *x, float *y);
  void (*logsumexp)(int64_t rows, int64_t n, const float *x, float *y);

  /* Optimizers, one pass; PyTorch's definitions. */
  void (*adam)(int64_t n, const prl_adam *o, const float *g, float *p, float *m, float *v);
  void (*sgd)(int64_t n, float lr, float momentum, bool nesterov, bool first, float l2, float grad_scale,
              const float *g, float *p, float *buf); /* buf NULL when momentum is 0 */
  void (*rmsprop)(int64_t n, float lr, float momentum, float alpha, float epsilon, float l2, float grad_scale,
                  const float *g, float *p, float *buf, float *v); /* buf NULL when momentum is 0 */

  /* y[i] = clip((x[i] − mean[i]) · scale[i], −bound, bound) for rows of n: an observation normaliser. */
  void (*normalise)(int64_t rows, int64_t n, const float *x, const float *mean, const float *scale,
                    float bound, float *y);

  /* One row of a gated recurrent unit of width n (autograd/ops_recurrent.c has the equations): x and u (3 n)
   * are what the input and the state h (n) give to the gates r and z and the candidate → y (n), and gates
   * (4 n): r, z, c = tanh(…), and the candidate's part of u. Its gradient by x and u (3 n), and by h (n)
   * where h is mixed with c (gh may be gy). */
  void (*gru)(int64_t n, const float *x, const float *u, const float *h, float *gates, float *y);
  void (*gru_grad)(int64_t n, const float *gates, const float *h, const float *gy, float *gx, float *gu,
                   float *gh);

  /* Philox draws; see core/rng.h for the addresses. */
  void (*uniforms)(const uint32_t key[2], uint32_t extra, uint32_t episode, uint32_t step, int64_t n,
                   float *y);
  void (*normals)(const uint32_t key[2], uint32_t extra, uint32_t episode, uint32_t step, int64_t n,
                  float *y);
} prl_kernels;

extern const prl_kernels prl_kernels_baseline, prl_kernels_avx2, prl_kernels_avx512;

/* The table of that name; NULL asks for the best one. NULL when the name is unknown or the processor lacks
 * it. */
const prl_kernels *prl_kernels_find(const char *name);
const prl_kernels *prl_kernels_of(const prl_runtime *runtime);

bool prl_unary_needs_input(prl_unary f); /* its gradient reads x rather than y */
const char *prl_unary_name(prl_unary f);

static inline int64_t prl_linear_scratch(int64_t n, int64_t k) { return (n + 16) * (k + 16); }

#endif
