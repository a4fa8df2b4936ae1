/* Philox4x32-10 (Salmon et al. 2011), VW counters at a time, and what is drawn from its words. The addresses
 * are those of core/rng.h: counter (block, step, episode, extra), and block b gives the draws 4 b … 4 b + 3.
 */
#include "tensor/kernels/approx.h"
#include "tensor/kernels/parts.h"

INLINE vu vuset(uint32_t x) { return (vu){0} + x; }

/* Rounds of half as many counters as there are lanes: a word lies in an even lane, as a factor whose product
 * has 64 bits needs it, and what is in the odd lane beside it is of no account. */
INLINE void philox(const uint32_t key[2], vu c[4]) {
  uint32_t k0 = key[0], k1 = key[1];
  for (int round = 0; round < 10; round++) {
    vu a = vmul_even(c[0], vuset(0xD2511F53u)), b = vmul_even(c[2], vuset(0xCD9E8D57u));
    c[0] = vodd(b) ^ c[1] ^ vuset(k0);
    c[1] = b;
    c[2] = vodd(a) ^ c[3] ^ vuset(k1);
    c[3] = a;
    k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
  }
}

/* ((w >> 9) + ½) 2⁻²³, exactly. */
INLINE vf open_unit(vu w) { return (vtofloat((vi)(w >> 9)) + vset(0.5f)) * vset(0x1p-23f); }

/* (w >> 8) 2⁻²⁴, exactly. */
INLINE vf unit(vu w) { return vtofloat((vi)(w >> 8)) * vset(0x1p-24f); }

INLINE void draw(const uint32_t key[2], uint32_t extra, uint32_t episode, uint32_t step, uint32_t block,
                 vu c[4]) {
  vu lanes;
  for (int i = 0; i < VW; i++) lanes[i] = (uint32_t)i;
  lanes += block;
  vu even[4] = {lanes, vuset(step), vuset(episode), vuset(extra)};
  vu odd[4] = {vodd(lanes), vuset(step), vuset(episode), vuset(extra)};
  philox(key, even);
  philox(key, odd);
  for (int i = 0; i < 4; i++) c[i] = vlace(even[i], odd[i]);
}

/* Stores 4 VW draws, or the n that are left. */
INLINE void put(float *y, int64_t n, const vf u[4]) {
  if (n >= 4 * VW) {
    vstore_interleaved(y, u[0], u[1], u[2], u[3]);
  } else {
    float t[4 * VW];
    vstore_interleaved(t, u[0], u[1], u[2], u[3]);
    memcpy(y, t, (size_t)n * sizeof *y);
  }
}

void PART(uniforms)(const uint32_t key[2], uint32_t extra, uint32_t episode, uint32_t step, int64_t n,
                    float *y) {
  const uint32_t own[2] = {key[0], key[1]}; /* y might be where they lie */
  uint32_t block = 0;
  for (int64_t i = 0; i < n; i += 4 * VW, block += VW) {
    vu w[4];
    vf u[4];
    draw(own, extra, episode, step, block, w);
    for (int j = 0; j < 4; j++) u[j] = open_unit(w[j]);
    put(y + i, n - i, u);
  }
}

/* √(−2 log u) (cos 2πv, sin 2πv)  (Box & Muller 1958). 4 v is exact, so the quarter turns come off exactly.
 */
INLINE void box_muller(vf u, vf v, vf *z0, vf *z1) {
  vf radius = vsqrt(vset(-2) * log_normal(u));
  vf turns = vset(4) * v, k = vnearest(turns);
  vf r = (turns - k) * vset(1.57079632679489662f);
  vi q = vround(k);
  vf s = sin_small(r), c = cos_small(r), odd = (vf)vshr(q << 31, 31);
  vf cosine = vxor(vpick(odd, s, c), (vf)(((q + 1) & 2) << 30));
  vf sine = vxor(vpick(odd, c, s), (vf)((q & 2) << 30));
  *z0 = radius * cosine, *z1 = radius * sine;
}

void PART(normals)(const uint32_t key[2], uint32_t extra, uint32_t episode, uint32_t step, int64_t n,
                   float *y) {
  const uint32_t own[2] = {key[0], key[1]};
  uint32_t block = 0;
  for (int64_t i = 0; i < n; i += 4 * VW, block += VW) {
    vu w[4];
    vf z[4];
    draw(own, extra, episode, step, block, w);
    box_muller(open_unit(w[0]), unit(w[1]), &z[0], &z[1]);
    box_muller(open_unit(w[2]), unit(w[3]), &z[2], &z[3]);
    put(y + i, n - i, z);
  }
}
