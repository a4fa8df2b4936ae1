#include "bench/yardstick_ways.h"

#include <cblas.h>
#include <math.h>
#include <stdio.h>

#include "bench/bench.h"
#include "tensor/kernels/vec.h"

#ifdef HAVE_LIBXSMM
#include <libxsmm.h>
#endif

int way_count(void) {
#ifdef HAVE_LIBXSMM
  return 3;
#else
  return 2;
#endif
}

char *openblas_get_corename(void);

const char *yardstick_way(int way) {
  return way == WAY_OWN ? "own" : way == WAY_OPENBLAS ? "openblas" : "libxsmm";
}

const char *yardstick_kernels(void) {
  static char text[96];
  const char *libxsmm = "not linked";
#ifdef HAVE_LIBXSMM
  libxsmm = libxsmm_get_target_arch();
#endif
  snprintf(text, sizeof text, "own %s, OpenBLAS %s, libxsmm %s", yardstick_table(), openblas_get_corename(),
           libxsmm);
  return text;
}

#ifdef PRL_AVX512
const char *yardstick_compiled_for(void) { return "avx512"; }
#else
const char *yardstick_compiled_for(void) { return "avx2"; }
#endif

const char *yardstick_table(void) { return prl_kernels_find(NULL)->name; }

/* As many chains as both pipes need, in registers; 2 VW operations each time. */
double yardstick_peak(void) {
  enum { CHAINS = 10, TIMES = 100000 };
  vf acc[CHAINS], a = vset(0.999999f), b = vset(1e-6f);
  double best = 1e300;
  for (int i = 0; i < CHAINS; i++) acc[i] = vset((float)i);
  for (int r = 0; r < 30; r++) {
    double begin = bench_now();
    for (int t = 0; t < TIMES; t++) {
      UNROLL for (int i = 0; i < CHAINS; i++) acc[i] = vfma(acc[i], a, b);
    }
    double ns = bench_now() - begin;
    best = ns < best ? ns : best;
  }
  volatile float sink = 0;
  for (int i = 0; i < CHAINS; i++) sink = sink + vmax_lanes(acc[i]);
  return 2.0 * VW * CHAINS * TIMES / best;
}

#ifdef PRL_AVX512
#define SLEEF_TANH Sleef_tanhf16_u35avx512f
#define LIBMVEC_TANH _ZGVeN16v_tanhf
#else
#define SLEEF_TANH Sleef_tanhf8_u35avx2
#define LIBMVEC_TANH _ZGVdN8v_tanhf
#endif

#ifdef HAVE_SLEEF
#define VECTOR_TANH SLEEF_TANH
const char *yardstick_tanh_name(void) { return "SLEEF"; }
#else
#define VECTOR_TANH LIBMVEC_TANH /* at most 4 ulp */
const char *yardstick_tanh_name(void) { return "libmvec"; }
#endif
vf VECTOR_TANH(vf x);

void library_tanh(int64_t n, const float *x, float *y) {
  int64_t i = 0;
  for (; i + VW <= n; i += VW) vstore(y + i, VECTOR_TANH(vload(x + i)));
  for (; i < n; i++) y[i] = tanhf(x[i]);
}

static void add_bias(int64_t m, int64_t n, const float *b, float *y) {
  if (!b) return;
  for (int64_t i = 0; i < m; i++) {
    for (int64_t j = 0; j < n; j++) y[i * n + j] += b[j];
  }
}

static void column_sums(int64_t m, int64_t n, const float *gy, float *gb) {
  if (!gb) return;
  for (int64_t j = 0; j < n; j++) gb[j] = 0;
  for (int64_t i = 0; i < m; i++) {
    for (int64_t j = 0; j < n; j++) gb[j] += gy[i * n + j];
  }
}

#ifdef HAVE_LIBXSMM
/* Row-major c (m, n) = a (m, d) b (d, n) is column-major cᵀ = bᵀ aᵀ, without a transpose. */
static void xsmm(int flags, int64_t m, int64_t n, int64_t d, const float *a, int64_t lda, const float *b,
                 float *c) {
  libxsmm_blasint ldb = (libxsmm_blasint)n, lda_ = (libxsmm_blasint)lda, ldc = (libxsmm_blasint)n;
  float one = 1, zero = 0;
  libxsmm_smmfunction kernel = libxsmm_smmdispatch((libxsmm_blasint)n, (libxsmm_blasint)m, (libxsmm_blasint)d,
                                                   &ldb, &lda_, &ldc, &one, &zero, &flags, NULL);
  if (kernel) {
    kernel(b, a, c);
  } else {
    cblas_sgemm(CblasRowMajor, flags ? CblasTrans : CblasNoTrans, CblasNoTrans, (int)m, (int)n, (int)d, 1, a,
                (int)lda, b, (int)n, 0, c, (int)n);
  }
}
#endif

void way_forward(int way, const prl_kernels *k, int64_t m, int64_t n, int64_t d, const float *x,
                 const float *w, const float *b, prl_unary act, float *y) {
  if (way == WAY_OWN) {
    k->linear(m, n, d, x, d, w, b, act, NULL, y);
    return;
  }
#ifdef HAVE_LIBXSMM
  if (way == WAY_LIBXSMM) xsmm(LIBXSMM_GEMM_FLAG_NONE, m, n, d, x, d, w, y);
#endif
  if (way == WAY_OPENBLAS) {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)m, (int)n, (int)d, 1, x, (int)d, w, (int)n, 0,
                y, (int)n);
  }
  add_bias(m, n, b, y);
  if (act != PRL_IDENTITY) k->unary[act](m * n, y, y);
}

void way_gx(int way, const prl_kernels *k, int64_t m, int64_t n, int64_t d, const float *gy, const float *w,
            float *scratch, float *gx) {
  if (way == WAY_OWN) {
    k->linear_gx(m, n, d, gy, w, false, PRL_IDENTITY, NULL, scratch, gx);
    return;
  }
#ifdef HAVE_LIBXSMM
  if (way == WAY_LIBXSMM) { /* its kernels take no transposed left factor */
    libxsmm_otrans(scratch, w, sizeof *w, (libxsmm_blasint)n, (libxsmm_blasint)d, (libxsmm_blasint)n,
                   (libxsmm_blasint)d);
    xsmm(LIBXSMM_GEMM_FLAG_NONE, m, d, n, gy, n, scratch, gx);
    return;
  }
#endif
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)m, (int)d, (int)n, 1, gy, (int)n, w, (int)n, 0,
              gx, (int)d);
}

void way_gw(int way, const prl_kernels *k, int64_t m, int64_t n, int64_t d, const float *x, const float *gy,
            float *gw, float *gb) {
  if (way == WAY_OWN) {
    k->linear_gw(m, n, d, x, gy, PRL_INTO_NEW, gw, gb);
    return;
  }
#ifdef HAVE_LIBXSMM
  if (way == WAY_LIBXSMM) xsmm(LIBXSMM_GEMM_FLAG_TRANS_B, d, n, m, x, d, gy, gw);
#endif
  if (way == WAY_OPENBLAS) {
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)d, (int)n, (int)m, 1, x, (int)d, gy, (int)n, 0,
                gw, (int)n);
  }
  column_sums(m, n, gy, gb);
}
