/* Vectors for the kernels: sixteen floats with AVX-512, eight with AVX2 and FMA, four with plain x86-64.
 * Everything here is inline and names no table; the rest of the kernels is written once in these terms. */
#ifndef PRL_TENSOR_KERNELS_VEC_H
#define PRL_TENSOR_KERNELS_VEC_H

#include <immintrin.h>
#include <string.h>

#include "tensor/kernels.h"

#define INLINE static inline __attribute__((always_inline, unused))

/* Before a loop of a few turns over an array that shall live in registers. */
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif

#if defined(PRL_AVX512)
#include "tensor/kernels/vec_avx512.h"
#elif defined(PRL_AVX2)
#include "tensor/kernels/vec_avx2.h"
#else
#include "tensor/kernels/vec_baseline.h"
#endif

INLINE vf vzero(void) { return vset(0); }
INLINE vf vsign(void) { return vset(-0.0f); }
INLINE vf vabs(vf a) { return vandnot(vsign(), a); }
/* NaN stays NaN. */
INLINE vf vclamp(vf a, float low, float high) { return vmax(vset(low), vmin(vset(high), a)); }

#endif
