/* Four floats, with SSE2: any x86-64. Included by vec.h. */
#ifndef PRL_TENSOR_KERNELS_VEC_BASELINE_H
#define PRL_TENSOR_KERNELS_VEC_BASELINE_H

enum { VW = 4 };
typedef __m128 vf;
typedef __m128d vd;
typedef int32_t vi __attribute__((vector_size(16)));
typedef uint32_t vu __attribute__((vector_size(16)));

INLINE vf vload(const float *p) { return _mm_loadu_ps(p); }
INLINE void vstore(float *p, vf x) { _mm_storeu_ps(p, x); }
INLINE vf vset(float x) { return _mm_set1_ps(x); }
INLINE vf vfma(vf a, vf b, vf c) { return a * b + c; }
INLINE vf vfnma(vf a, vf b, vf c) { return c - a * b; }
INLINE vf vmin(vf a, vf b) { return _mm_min_ps(a, b); }
INLINE vf vmax(vf a, vf b) { return _mm_max_ps(a, b); }
INLINE vf vsqrt(vf a) { return _mm_sqrt_ps(a); }
INLINE vf vand(vf a, vf b) { return _mm_and_ps(a, b); }
INLINE vf vandnot(vf a, vf b) { return _mm_andnot_ps(a, b); }
INLINE vf vor(vf a, vf b) { return _mm_or_ps(a, b); }
INLINE vf vxor(vf a, vf b) { return _mm_xor_ps(a, b); }
INLINE vf vlt(vf a, vf b) { return _mm_cmplt_ps(a, b); }
INLINE vf vle(vf a, vf b) { return _mm_cmple_ps(a, b); }
INLINE vf veq(vf a, vf b) { return _mm_cmpeq_ps(a, b); }
INLINE vf vnan(vf a) { return _mm_cmpunord_ps(a, a); }
INLINE vf vpick(vf mask, vf yes, vf no) { return _mm_or_ps(_mm_and_ps(mask, yes), _mm_andnot_ps(mask, no)); }
INLINE int vbits(vf mask) { return _mm_movemask_ps(mask); }
INLINE vi vround(vf a) { return (vi)_mm_cvtps_epi32(a); }
INLINE vf vtofloat(vi a) { return _mm_cvtepi32_ps((__m128i)a); }
INLINE vf vnearest(vf a) { return vtofloat(vround(a)); } /* |a| < 2³¹ */
INLINE vi vshr(vi a, int bits) { return (vi)_mm_srai_epi32((__m128i)a, bits); }
INLINE vu vmul_even(vu a, vu b) { return (vu)_mm_mul_epu32((__m128i)a, (__m128i)b); }
INLINE vu vodd(vu a) { return (vu)_mm_srli_epi64((__m128i)a, 32); }

/* Even lanes of the one, and those of the other as odd lanes. */
INLINE vu vlace(vu even, vu odd) {
  const vu of_even = {~0u, 0, ~0u, 0};
  return (even & of_even) | (vu)_mm_slli_epi64((__m128i)odd, 32);
}

INLINE vf vload_n(const float *p, int64_t n) {
  float t[4] = {0};
  for (int64_t i = 0; i < n && i < 4; i++) t[i] = p[i];
  return vload(t);
}
INLINE void vstore_n(float *p, vf x, int64_t n) {
  float t[4];
  vstore(t, x);
  for (int64_t i = 0; i < n && i < 4; i++) p[i] = t[i];
}

INLINE vd vdset(double x) { return _mm_set1_pd(x); }
INLINE vd vlow(vf a) { return _mm_cvtps_pd(a); }
INLINE vd vhigh(vf a) { return _mm_cvtps_pd(_mm_movehl_ps(a, a)); }
INLINE vf vjoin(vd low, vd high) { return _mm_movelh_ps(_mm_cvtpd_ps(low), _mm_cvtpd_ps(high)); }
INLINE vi vdround(vd low, vd high) {
  return (vi)_mm_unpacklo_epi64(_mm_cvtpd_epi32(low), _mm_cvtpd_epi32(high));
}
INLINE vd vdnearest(vd a) { return _mm_cvtepi32_pd(_mm_cvtpd_epi32(a)); } /* |a| < 2³¹ */
INLINE double vdsum(vd a) { return _mm_cvtsd_f64(a) + _mm_cvtsd_f64(_mm_unpackhi_pd(a, a)); }

INLINE float vmax_lanes(vf a) {
  vf m = _mm_max_ps(a, _mm_movehl_ps(a, a));
  return _mm_cvtss_f32(_mm_max_ss(m, _mm_shuffle_ps(m, m, 1)));
}

INLINE void vtranspose(vf t[VW]) { _MM_TRANSPOSE4_PS(t[0], t[1], t[2], t[3]); }

/* Lane i of the result is the sum of the lanes of a[i]: (0 + 1) + (2 + 3). vfold adds VW vectors lane by lane
 * in the same order. */
INLINE vf vfold(const vf a[VW]) { return (a[0] + a[1]) + (a[2] + a[3]); }
INLINE vf vsums(const vf a[VW]) {
  vf t[VW] = {a[0], a[1], a[2], a[3]};
  vtranspose(t);
  return vfold(t);
}

INLINE void vstore_interleaved(float *p, vf a, vf b, vf c, vf d) {
  vf t[4] = {a, b, c, d};
  vtranspose(t);
  for (int i = 0; i < 4; i++) vstore(p + 4 * i, t[i]);
}

#endif
