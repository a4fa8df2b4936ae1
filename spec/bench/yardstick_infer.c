/* The fastest way known here to run 4-64-64-2 with tanh on one observation: every size a constant, one
 * function. */
#include <stdlib.h>

#include "bench/yardstick.h"
#include "tensor/kernels/approx.h"

enum { IN = 4, WIDTH = 64, OUT = 2, VECTORS = WIDTH / VW };

yardstick_policy *yardstick_policy_new(void) {
  yardstick_policy *p = aligned_alloc(64, (sizeof *p + 63) / 64 * 64);
  if (!p) return NULL;
  float *x = p->x;
  uint32_t s = 1;
  for (size_t i = 0; i < sizeof *p / sizeof *x; i++) {
    s = s * 1664525u + 1013904223u;
    x[i] = 0.25f * ((float)(s >> 8) * 0x1p-23f - 1);
  }
  return p;
}

void yardstick_policy_free(yardstick_policy *p) { free(p); }

INLINE void hidden(int inputs, const float *x, const float *w, const float *b, float *y) {
  vf acc[VECTORS];
  UNROLL for (int j = 0; j < VECTORS; j++) acc[j] = vload(b + j * VW);
  for (int p = 0; p < inputs; p++) {
    vf s = vset(x[p]);
    UNROLL for (int j = 0; j < VECTORS; j++) acc[j] = vfma(s, vload(w + p * WIDTH + j * VW), acc[j]);
  }
  UNROLL for (int j = 0; j < VECTORS; j++) vstore(y + j * VW, vtanh(acc[j]));
}

/* Pairs of outputs lie side by side in w: each x twice beside each pair, four sums, folded at the end. */
void yardstick_infer(void *context) {
  yardstick_policy *p = context;
  float h1[WIDTH], h2[WIDTH];
  hidden(IN, p->x, p->w1, p->b1, h1);
  hidden(WIDTH, h1, p->w2, p->b2, h2);
  __m256 acc[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps()};
  const __m256i low = _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3),
                high = _mm256_setr_epi32(4, 4, 5, 5, 6, 6, 7, 7);
  UNROLL for (int i = 0; i < WIDTH / 8; i++) {
    __m256 x = _mm256_loadu_ps(h2 + 8 * i);
    __m256 *a = acc + i % 2 * 2;
    a[0] = _mm256_fmadd_ps(_mm256_permutevar8x32_ps(x, low), _mm256_loadu_ps(p->w3 + 16 * i), a[0]);
    a[1] = _mm256_fmadd_ps(_mm256_permutevar8x32_ps(x, high), _mm256_loadu_ps(p->w3 + 16 * i + 8), a[1]);
  }
  __m256 sum = (acc[0] + acc[1]) + (acc[2] + acc[3]);
  __m128 half = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1));
  half = _mm_add_ps(half, _mm_movehl_ps(half, half));
  p->y[0] = _mm_cvtss_f32(half) + p->b3[0];
  p->y[1] = _mm_cvtss_f32(_mm_shuffle_ps(half, half, 1)) + p->b3[1];
}
