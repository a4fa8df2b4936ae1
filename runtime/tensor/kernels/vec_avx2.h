/* Eight floats, with AVX2 and FMA. Included by vec.h. */
#ifndef PRL_TENSOR_KERNELS_VEC_AVX2_H
#define PRL_TENSOR_KERNELS_VEC_AVX2_H

enum { VW = 8 };
typedef __m256 vf;
typedef __m256d vd; /* half as many doubles */
typedef int32_t vi __attribute__((vector_size(32)));
typedef uint32_t vu __attribute__((vector_size(32)));

INLINE vf vload(const float *p) { return _mm256_loadu_ps(p); }
INLINE void vstore(float *p, vf x) { _mm256_storeu_ps(p, x); }
INLINE vf vset(float x) { return _mm256_set1_ps(x); }
INLINE vf vfma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
INLINE vf vfnma(vf a, vf b, vf c) { return _mm256_fnmadd_ps(a, b, c); }
/* Both return the second argument where either is NaN. */
INLINE vf vmin(vf a, vf b) { return _mm256_min_ps(a, b); }
INLINE vf vmax(vf a, vf b) { return _mm256_max_ps(a, b); }
INLINE vf vsqrt(vf a) { return _mm256_sqrt_ps(a); }
INLINE vf vand(vf a, vf b) { return _mm256_and_ps(a, b); }
INLINE vf vandnot(vf a, vf b) { return _mm256_andnot_ps(a, b); }
INLINE vf vor(vf a, vf b) { return _mm256_or_ps(a, b); }
INLINE vf vxor(vf a, vf b) { return _mm256_xor_ps(a, b); }
INLINE vf vlt(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
INLINE vf vle(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_LE_OQ); }
INLINE vf veq(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_EQ_OQ); }
INLINE vf vnan(vf a) { return _mm256_cmp_ps(a, a, _CMP_UNORD_Q); }
INLINE vf vpick(vf mask, vf yes, vf no) { return _mm256_blendv_ps(no, yes, mask); }
INLINE int vbits(vf mask) { return _mm256_movemask_ps(mask); }
INLINE vi vround(vf a) { return (vi)_mm256_cvtps_epi32(a); } /* to nearest, ties to even */
INLINE vf vtofloat(vi a) { return _mm256_cvtepi32_ps((__m256i)a); }
INLINE vf vnearest(vf a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
INLINE vi vshr(vi a, int bits) { return (vi)_mm256_srai_epi32((__m256i)a, bits); }
INLINE vu vmul_even(vu a, vu b) { return (vu)_mm256_mul_epu32((__m256i)a, (__m256i)b); }
INLINE vu vodd(vu a) { return (vu)_mm256_srli_epi64((__m256i)a, 32); }

/* Even lanes of the one, and those of the other as odd lanes. */
INLINE vu vlace(vu even, vu odd) {
  return (vu)_mm256_blend_epi32((__m256i)even, _mm256_slli_epi64((__m256i)odd, 32), 0xaa);
}

/* The first n lanes, 0 < n < VW; the other lanes are 0 and their memory is not touched. */
INLINE vi vlanes(int64_t n) { return (vi)_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7) < (int32_t)n; }
INLINE vf vload_n(const float *p, int64_t n) { return _mm256_maskload_ps(p, (__m256i)vlanes(n)); }
INLINE void vstore_n(float *p, vf x, int64_t n) { _mm256_maskstore_ps(p, (__m256i)vlanes(n), x); }

INLINE vd vdset(double x) { return _mm256_set1_pd(x); }
INLINE vd vlow(vf a) { return _mm256_cvtps_pd(_mm256_castps256_ps128(a)); }
INLINE vd vhigh(vf a) { return _mm256_cvtps_pd(_mm256_extractf128_ps(a, 1)); }
INLINE vf vjoin(vd low, vd high) { return _mm256_set_m128(_mm256_cvtpd_ps(high), _mm256_cvtpd_ps(low)); }
INLINE vi vdround(vd low, vd high) {
  return (vi)_mm256_set_m128i(_mm256_cvtpd_epi32(high), _mm256_cvtpd_epi32(low));
}
INLINE vd vdnearest(vd a) { return _mm256_round_pd(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
INLINE double vdsum(vd a) {
  __m128d s = _mm_add_pd(_mm256_castpd256_pd128(a), _mm256_extractf128_pd(a, 1));
  return _mm_cvtsd_f64(s) + _mm_cvtsd_f64(_mm_unpackhi_pd(s, s));
}

INLINE float vmax_lanes(vf a) {
  __m128 m = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  m = _mm_max_ps(m, _mm_movehl_ps(m, m));
  return _mm_cvtss_f32(_mm_max_ss(m, _mm_shuffle_ps(m, m, 1)));
}

/* Lane i of the result is the sum of the lanes of a[i]: ((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7)). vfold adds
 * VW vectors lane by lane in the same order. */
INLINE vf vsums(const vf a[VW]) {
  vf low = _mm256_hadd_ps(_mm256_hadd_ps(a[0], a[1]), _mm256_hadd_ps(a[2], a[3]));
  vf high = _mm256_hadd_ps(_mm256_hadd_ps(a[4], a[5]), _mm256_hadd_ps(a[6], a[7]));
  return _mm256_permute2f128_ps(low, high, 0x20) + _mm256_permute2f128_ps(low, high, 0x31);
}
INLINE vf vfold(const vf a[VW]) { return ((a[0] + a[1]) + (a[2] + a[3])) + ((a[4] + a[5]) + (a[6] + a[7])); }

/* t[j] becomes lane j of the eight (four) vectors. */
INLINE void vtranspose(vf t[VW]) {
  vf a[8], b[8];
  for (int i = 0; i < 4; i++) {
    a[2 * i] = _mm256_unpacklo_ps(t[2 * i], t[2 * i + 1]);
    a[2 * i + 1] = _mm256_unpackhi_ps(t[2 * i], t[2 * i + 1]);
  }
  for (int i = 0; i < 2; i++) {
    b[4 * i] = _mm256_shuffle_ps(a[4 * i], a[4 * i + 2], 0x44);
    b[4 * i + 1] = _mm256_shuffle_ps(a[4 * i], a[4 * i + 2], 0xee);
    b[4 * i + 2] = _mm256_shuffle_ps(a[4 * i + 1], a[4 * i + 3], 0x44);
    b[4 * i + 3] = _mm256_shuffle_ps(a[4 * i + 1], a[4 * i + 3], 0xee);
  }
  for (int i = 0; i < 4; i++) {
    t[i] = _mm256_permute2f128_ps(b[i], b[i + 4], 0x20);
    t[i + 4] = _mm256_permute2f128_ps(b[i], b[i + 4], 0x31);
  }
}

/* Writes a0 b0 c0 d0 a1 b1 c1 d1 … */
INLINE void vstore_interleaved(float *p, vf a, vf b, vf c, vf d) {
  vf ab0 = _mm256_unpacklo_ps(a, b), ab1 = _mm256_unpackhi_ps(a, b);
  vf cd0 = _mm256_unpacklo_ps(c, d), cd1 = _mm256_unpackhi_ps(c, d);
  vf q0 = _mm256_shuffle_ps(ab0, cd0, 0x44), q1 = _mm256_shuffle_ps(ab0, cd0, 0xee);
  vf q2 = _mm256_shuffle_ps(ab1, cd1, 0x44), q3 = _mm256_shuffle_ps(ab1, cd1, 0xee);
  vstore(p, _mm256_permute2f128_ps(q0, q1, 0x20));
  vstore(p + 8, _mm256_permute2f128_ps(q2, q3, 0x20));
  vstore(p + 16, _mm256_permute2f128_ps(q0, q1, 0x31));
  vstore(p + 24, _mm256_permute2f128_ps(q2, q3, 0x31));
}

#endif
