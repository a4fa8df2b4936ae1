#include "bench/yardstick_ways.h"

#include <cblas.h>
#include <immintrin.h>
#include <math.h>

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

const char *yardstick_way(int way) {
  return way == WAY_OWN ? "own" : way == WAY_OPENBLAS ? "openblas" : "libxsmm";
}

#ifdef HAVE_SLEEF
__m256 Sleef_tanhf8_u35avx2(__m256 x);
#define TANH8 Sleef_tanhf8_u35avx2
const char *yardstick_tanh_name(void) { return "SLEEF"; }
#else
__m256 _ZGVdN8v_tanhf(__m256 x); /* libmvec, at most 4 ulp */
#define TANH8 _ZGVdN8v_tanhf
const char *yardstick_tanh_name(void) { return "libmvec"; }
#endif

void library_tanh(int64_t n, const float *x, float *y) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) _mm256_storeu_ps(y + i, TANH8(_mm256_loadu_ps(x + i)));
  for (; i < n; i++) y[i] = tanhf(x[i]);
}

static void add_bias(int64_t m, int64_t n, const float *b, float *y) {
  for (int64_t i = 0; i < m; i++) {
    for (int64_t j = 0; j < n; j++) y[i * n + j] += b[j];
  }
}

static void column_sums(int64_t m, int64_t n, const float *gy, float *gb) {
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
    k->linear_gx(m, n, d, gy, w, false, scratch, gx);
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
    k->linear_gw(m, n, d, x, gy, false, gw, gb);
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
