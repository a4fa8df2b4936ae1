/* Sixteen floats, with AVX-512 (F, DQ, BW, VL). Included by vec.h. A comparison gives a vector of bits like
 * those of the narrower tables, so that one source serves all three; the compiler keeps most of them in mask
 * registers. */
#ifndef PRL_TENSOR_KERNELS_VEC_AVX512_H
#define PRL_TENSOR_KERNELS_VEC_AVX512_H

enum { VW = 16 };
typedef __m512 vf;
typedef __m512d vd; /* half as many doubles */
typedef int32_t vi __attribute__((vector_size(64)));
typedef uint32_t vu __attribute__((vector_size(64)));

INLINE vf vload(const float *p) { return _mm512_loadu_ps(p); }
INLINE void vstore(float *p, vf x) { _mm512_storeu_ps(p, x); }
INLINE vf vset(float x) { return _mm512_set1_ps(x); }
INLINE vf vfma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
INLINE vf vfnma(vf a, vf b, vf c) { return _mm512_fnmadd_ps(a, b, c); }
/* Both return the second argument where either is NaN. */
INLINE vf vmin(vf a, vf b) { return _mm512_min_ps(a, b); }
INLINE vf vmax(vf a, vf b) { return _mm512_max_ps(a, b); }
INLINE vf vsqrt(vf a) { return _mm512_sqrt_ps(a); }
INLINE vf vand(vf a, vf b) { return _mm512_and_ps(a, b); }
INLINE vf vandnot(vf a, vf b) { return _mm512_andnot_ps(a, b); }
INLINE vf vor(vf a, vf b) { return _mm512_or_ps(a, b); }
INLINE vf vxor(vf a, vf b) { return _mm512_xor_ps(a, b); }
INLINE vf vmask_bits(__mmask16 m) { return _mm512_castsi512_ps(_mm512_movm_epi32(m)); }
INLINE vf vlt(vf a, vf b) { return vmask_bits(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ)); }
INLINE vf vle(vf a, vf b) { return vmask_bits(_mm512_cmp_ps_mask(a, b, _CMP_LE_OQ)); }
INLINE vf veq(vf a, vf b) { return vmask_bits(_mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ)); }
INLINE vf vnan(vf a) { return vmask_bits(_mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q)); }
INLINE __mmask16 vmask_of(vf bits) { return _mm512_movepi32_mask(_mm512_castps_si512(bits)); }
INLINE vf vpick(vf mask, vf yes, vf no) { return _mm512_mask_blend_ps(vmask_of(mask), no, yes); }
INLINE int vbits(vf mask) { return (int)vmask_of(mask); }
INLINE vi vround(vf a) { return (vi)_mm512_cvtps_epi32(a); } /* to nearest, ties to even */
INLINE vf vtofloat(vi a) { return _mm512_cvtepi32_ps((__m512i)a); }
INLINE vf vnearest(vf a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
INLINE vi vshr(vi a, int bits) { return (vi)_mm512_srai_epi32((__m512i)a, (unsigned)bits); }
INLINE vu vmul_even(vu a, vu b) { return (vu)_mm512_mul_epu32((__m512i)a, (__m512i)b); }
INLINE vu vodd(vu a) { return (vu)_mm512_srli_epi64((__m512i)a, 32); }

/* Even lanes of the one, and those of the other as odd lanes. */
INLINE vu vlace(vu even, vu odd) {
  return (vu)_mm512_mask_blend_epi32(0xaaaa, (__m512i)even, _mm512_slli_epi64((__m512i)odd, 32));
}

/* The first n lanes, 0 < n < VW; the other lanes are 0 and their memory is not touched. */
INLINE __mmask16 vlanes(int64_t n) { return (__mmask16)((1u << n) - 1); }
INLINE vf vload_n(const float *p, int64_t n) { return _mm512_maskz_loadu_ps(vlanes(n), p); }
INLINE void vstore_n(float *p, vf x, int64_t n) { _mm512_mask_storeu_ps(p, vlanes(n), x); }

INLINE vd vdset(double x) { return _mm512_set1_pd(x); }
INLINE vd vlow(vf a) { return _mm512_cvtps_pd(_mm512_castps512_ps256(a)); }
INLINE vd vhigh(vf a) { return _mm512_cvtps_pd(_mm512_extractf32x8_ps(a, 1)); }
INLINE vf vjoin(vd low, vd high) {
  return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(low)), _mm512_cvtpd_ps(high), 1);
}
INLINE vi vdround(vd low, vd high) {
  __m512i half = _mm512_castsi256_si512(_mm512_cvtpd_epi32(low));
  return (vi)_mm512_inserti32x8(half, _mm512_cvtpd_epi32(high), 1);
}
INLINE vd vdnearest(vd a) { return _mm512_roundscale_pd(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
/* The order of additions is written out: the one of _mm512_reduce_add_pd is the compiler's. */
INLINE double vdsum(vd a) {
  __m256d q = _mm256_add_pd(_mm512_castpd512_pd256(a), _mm512_extractf64x4_pd(a, 1));
  __m128d s = _mm_add_pd(_mm256_castpd256_pd128(q), _mm256_extractf128_pd(q, 1));
  return _mm_cvtsd_f64(s) + _mm_cvtsd_f64(_mm_unpackhi_pd(s, s));
}
INLINE float vmax_lanes(vf a) {
  __m256 h = _mm256_max_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
  __m128 m = _mm_max_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
  m = _mm_max_ps(m, _mm_movehl_ps(m, m));
  return _mm_cvtss_f32(_mm_max_ss(m, _mm_shuffle_ps(m, m, 1)));
}

/* Lane i of the result is the sum of the lanes of a[i]: lane l + lane l + 8, of those l + l + 4, then l + l +
 * 2 and l + l + 1. vfold adds VW vectors lane by lane in the same order. */
INLINE vf vsums(const vf a[VW]) {
  vf b[8], c[4];
  UNROLL for (int i = 0; i < 8; i++) {
    vf u = a[i + i / 4 * 4], v = a[i + i / 4 * 4 + 4];
    b[i] = _mm512_shuffle_f32x4(u, v, 0x44) + _mm512_shuffle_f32x4(u, v, 0xee);
  }
  UNROLL for (int i = 0; i < 4; i++) c[i] =
      _mm512_shuffle_f32x4(b[i], b[i + 4], 0x88) + _mm512_shuffle_f32x4(b[i], b[i + 4], 0xdd);
  vf d = _mm512_shuffle_ps(c[0], c[1], 0x44) + _mm512_shuffle_ps(c[0], c[1], 0xee);
  vf e = _mm512_shuffle_ps(c[2], c[3], 0x44) + _mm512_shuffle_ps(c[2], c[3], 0xee);
  return _mm512_shuffle_ps(d, e, 0x88) + _mm512_shuffle_ps(d, e, 0xdd);
}
INLINE vf vfold(const vf a[VW]) {
  vf h[8];
  UNROLL for (int i = 0; i < 8; i++) h[i] = a[i] + a[i + 8];
  return ((h[0] + h[4]) + (h[2] + h[6])) + ((h[1] + h[5]) + (h[3] + h[7]));
}

/* t[j] becomes lane j of the sixteen vectors. */
INLINE void vtranspose(vf t[VW]) {
  vf a[16], b[16], c[16];
  UNROLL for (int i = 0; i < 8; i++) {
    a[2 * i] = _mm512_unpacklo_ps(t[2 * i], t[2 * i + 1]);
    a[2 * i + 1] = _mm512_unpackhi_ps(t[2 * i], t[2 * i + 1]);
  }
  UNROLL for (int i = 0; i < 4; i++) { /* b[4 i + r]: column r mod 4 of rows 4 i … 4 i + 3 */
    b[4 * i] = _mm512_shuffle_ps(a[4 * i], a[4 * i + 2], 0x44);
    b[4 * i + 1] = _mm512_shuffle_ps(a[4 * i], a[4 * i + 2], 0xee);
    b[4 * i + 2] = _mm512_shuffle_ps(a[4 * i + 1], a[4 * i + 3], 0x44);
    b[4 * i + 3] = _mm512_shuffle_ps(a[4 * i + 1], a[4 * i + 3], 0xee);
  }
  UNROLL for (int i = 0; i < 4; i++) { /* quarters 0 and 2, 1 and 3 of two groups of rows */
    c[i] = _mm512_shuffle_f32x4(b[i], b[i + 4], 0x88);
    c[i + 4] = _mm512_shuffle_f32x4(b[i], b[i + 4], 0xdd);
    c[i + 8] = _mm512_shuffle_f32x4(b[i + 8], b[i + 12], 0x88);
    c[i + 12] = _mm512_shuffle_f32x4(b[i + 8], b[i + 12], 0xdd);
  }
  UNROLL for (int i = 0; i < 8; i++) {
    t[i] = _mm512_shuffle_f32x4(c[i], c[i + 8], 0x88);
    t[i + 8] = _mm512_shuffle_f32x4(c[i], c[i + 8], 0xdd);
  }
}

/* Writes a0 b0 c0 d0 a1 b1 c1 d1 … */
INLINE void vstore_interleaved(float *p, vf a, vf b, vf c, vf d) {
  vf ab0 = _mm512_unpacklo_ps(a, b), ab1 = _mm512_unpackhi_ps(a, b);
  vf cd0 = _mm512_unpacklo_ps(c, d), cd1 = _mm512_unpackhi_ps(c, d);
  vf q0 = _mm512_shuffle_ps(ab0, cd0, 0x44), q1 = _mm512_shuffle_ps(ab0, cd0, 0xee);
  vf q2 = _mm512_shuffle_ps(ab1, cd1, 0x44), q3 = _mm512_shuffle_ps(ab1, cd1, 0xee);
  /* q[i] holds abcd of lanes i, 4 + i, 8 + i, 12 + i in its quarters: transpose 4 × 4 quarters. */
  vf lo01 = _mm512_shuffle_f32x4(q0, q1, 0x44), hi01 = _mm512_shuffle_f32x4(q0, q1, 0xee);
  vf lo23 = _mm512_shuffle_f32x4(q2, q3, 0x44), hi23 = _mm512_shuffle_f32x4(q2, q3, 0xee);
  vstore(p, _mm512_shuffle_f32x4(lo01, lo23, 0x88));
  vstore(p + 16, _mm512_shuffle_f32x4(lo01, lo23, 0xdd));
  vstore(p + 32, _mm512_shuffle_f32x4(hi01, hi23, 0x88));
  vstore(p + 48, _mm512_shuffle_f32x4(hi01, hi23, 0xdd));
}

#endif
