/* Eight floats side by side. The compiler lowers them to one register of AVX2 or two of SSE; the arithmetic,
 * and so the bytes, are the same in all tables, since nothing here is contracted or reassociated. */
#ifndef PRL_ENV_FEED_VECTOR_H
#define PRL_ENV_FEED_VECTOR_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "core/kernel_tables.h"

typedef float v8 __attribute__((vector_size(32)));
typedef int32_t i8 __attribute__((vector_size(32)));

#define FEED_INLINE static inline __attribute__((always_inline, unused))

/* Inline where a vector is one register: of SSE, with two for each, there are too few. */
#ifdef __AVX__
#define FEED_WIDE FEED_INLINE
#else
#define FEED_WIDE static
#endif

FEED_INLINE v8 v8_load(const float *x) {
  v8 y;
  memcpy(&y, x, sizeof y);
  return y;
}
FEED_INLINE void v8_store(float *y, v8 x) { memcpy(y, &x, sizeof x); }
FEED_INLINE v8 v8_all(float x) { return (v8){x, x, x, x, x, x, x, x}; }
/* mask: all ones or all zeros in each lane. max and min give b where a lane is no number. */
#ifdef __AVX__ /* one instruction each, which the compiler does not find by itself */
FEED_INLINE v8 v8_where(i8 mask, v8 a, v8 b) { return _mm256_blendv_ps(b, a, (v8)mask); }
FEED_INLINE v8 v8_max(v8 a, v8 b) { return _mm256_max_ps(a, b); }
FEED_INLINE v8 v8_min(v8 a, v8 b) { return _mm256_min_ps(a, b); }
#else
FEED_INLINE v8 v8_where(i8 mask, v8 a, v8 b) { return (v8)(((i8)a & mask) | ((i8)b & ~mask)); }
FEED_INLINE v8 v8_max(v8 a, v8 b) { return v8_where(a > b, a, b); }
FEED_INLINE v8 v8_min(v8 a, v8 b) { return v8_where(a < b, a, b); }
#endif
FEED_INLINE i8 i8_all(int32_t x) { return (i8){x, x, x, x, x, x, x, x}; }
FEED_INLINE i8 i8_where(i8 mask, i8 a, i8 b) { return (i8)v8_where(mask, (v8)a, (v8)b); }
FEED_INLINE i8 i8_whole(v8 x) { return __builtin_convertvector(x, i8); } /* towards 0 */
FEED_INLINE v8 v8_clip(v8 x, float low, float high) { return v8_min(v8_max(x, v8_all(low)), v8_all(high)); }
FEED_INLINE float v8_sum(v8 x) { return ((x[0] + x[1]) + (x[2] + x[3])) + ((x[4] + x[5]) + (x[6] + x[7])); }

#define FEED_HALVES(x) __builtin_shufflevector(x, x, 4, 5, 6, 7, 0, 1, 2, 3)
#define FEED_PAIRS(x) __builtin_shufflevector(x, x, 2, 3, 0, 1, 6, 7, 4, 5)
#define FEED_SINGLES(x) __builtin_shufflevector(x, x, 1, 0, 3, 2, 5, 4, 7, 6)

/* The greatest lane, in all lanes; the least lane. */
FEED_INLINE v8 v8_most(v8 x) {
  x = v8_max(x, FEED_HALVES(x));
  x = v8_max(x, FEED_PAIRS(x));
  return v8_max(x, FEED_SINGLES(x));
}
FEED_INLINE i8 i8_min(i8 a, i8 b) { return i8_where(a < b, a, b); }
FEED_INLINE int32_t i8_least(i8 x) {
  x = i8_min(x, FEED_HALVES(x));
  x = i8_min(x, FEED_PAIRS(x));
  return i8_min(x, FEED_SINGLES(x))[0];
}

/* Columns of eight rows of eight floats. */
FEED_INLINE void v8_transpose(const float *const row[8], v8 column[8]) {
  v8 a[8], b[8];
  for (int i = 0; i < 8; i++) a[i] = v8_load(row[i]);
  for (int i = 0; i < 8; i += 2) {
    b[i] = __builtin_shufflevector(a[i], a[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    b[i + 1] = __builtin_shufflevector(a[i], a[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
  for (int i = 0; i < 8; i += 4) {
    a[i] = __builtin_shufflevector(b[i], b[i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
    a[i + 1] = __builtin_shufflevector(b[i], b[i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    a[i + 2] = __builtin_shufflevector(b[i + 1], b[i + 3], 0, 1, 8, 9, 4, 5, 12, 13);
    a[i + 3] = __builtin_shufflevector(b[i + 1], b[i + 3], 2, 3, 10, 11, 6, 7, 14, 15);
  }
  for (int i = 0; i < 4; i++) {
    column[i] = __builtin_shufflevector(a[i], a[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    column[i + 4] = __builtin_shufflevector(a[i], a[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
}

FEED_INLINE v8 v8_dot_of(const v8 *column, const float *x, int dims) {
  v8 sum = column[0] * x[0];
  for (int d = 1; d < dims; d++) sum += column[d] * x[d];
  return sum;
}
FEED_INLINE v8 v8_dot(const v8 column[8], const float *x) { return v8_dot_of(column, x, 8); }

/* e^x within 2 ulp, x clipped to ± 87: 2^n times a polynomial of the rest in [−ln 2 / 2, ln 2 / 2]. */
FEED_INLINE v8 v8_exp(v8 x) {
  x = v8_clip(x, -87, 87);
  v8 t = x * 1.44269504f + 12582912.0f; /* 1.5 · 2²³: rounds to a whole number in the low bits */
  i8 n = (i8)t - (i8)v8_all(12582912.0f);
  v8 k = t - 12582912.0f;
  v8 r = (x - k * 0.693359375f) + k * 2.12194440e-4f;
  v8 p = v8_all(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  v8 y = (p * r) * r + r + 1;
  return y * (v8)((n + 127) << 23);
}

/* ln x for positive normal x, within 2 ulp. */
FEED_INLINE v8 v8_log(v8 x) {
  i8 bits = (i8)x, e = ((bits - 0x3f3504f3) >> 23);
  v8 m = (v8)(bits - (e << 23)) - 1; /* in [√½ − 1, √2 − 1) */
  v8 k = __builtin_convertvector(e, v8), z = m * m;
  v8 p = v8_all(7.0376836292e-2f);
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  v8 y = p * m * z - k * 2.12194440e-4f - 0.5f * z;
  return m + y + k * 0.693359375f;
}

FEED_INLINE v8 v8_sigmoid(v8 x) { return 1 / (1 + v8_exp(-x)); }

/* cos 2πx: the rest in [−½, ½], folded to a quarter turn, by a polynomial; absolute error below 1e-6. */
FEED_INLINE v8 v8_cos_turns(v8 x) {
  v8 t = x + 12582912.0f;
  v8 r = x - (t - 12582912.0f);
  r = v8_max(r, -r); /* cosine is even: [0, ½] */
  v8 q = 0.25f - r;  /* cos 2πr = sin 2πq, q in [−¼, ¼] */
  v8 a = q * 6.28318530718f, z = a * a;
  v8 p = v8_all(2.7525562e-6f);
  p = p * z - 1.9840874e-4f;
  p = p * z + 8.3333310e-3f;
  p = p * z - 1.6666667e-1f;
  return a + a * z * p;
}

#endif
