/* Philox4x32-10, one block at a time. */
#include "core/rng.h"

#include <math.h>

/* splitmix64's finaliser: a bijection that spreads every input bit (Stafford's variant 13). */
static uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

prl_rng prl_rng_make(uint64_t seed, uint64_t stream, uint32_t site) {
  uint64_t key = mix(mix(mix(seed) ^ stream) ^ site);
  return (prl_rng){{(uint32_t)key, (uint32_t)(key >> 32)}};
}

void prl_rng_block(prl_rng rng, uint32_t extra, uint32_t episode, uint32_t step, uint32_t block,
                   uint32_t out[4]) {
  uint32_t c0 = block, c1 = step, c2 = episode, c3 = extra, k0 = rng.key[0], k1 = rng.key[1];
  for (int round = 0; round < 10; round++, k0 += 0x9e3779b9u, k1 += 0xbb67ae85u) {
    uint64_t a = (uint64_t)0xd2511f53u * c0, b = (uint64_t)0xcd9e8d57u * c2;
    uint32_t n0 = (uint32_t)(b >> 32) ^ c1 ^ k0, n2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
    c1 = (uint32_t)b;
    c3 = (uint32_t)a;
    c0 = n0;
    c2 = n2;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

void prl_rng_uniforms(prl_rng rng, uint32_t episode, uint32_t step, int64_t n, float *out) {
  uint32_t words[4];
  for (int64_t i = 0; i < n; i++) {
    if (i % 4 == 0) prl_rng_block(rng, 0, episode, step, (uint32_t)(i / 4), words);
    out[i] = prl_rng_open_uniform(words[i % 4]);
  }
}

void prl_rng_normals(prl_rng rng, uint32_t episode, uint32_t step, int64_t n, float *out) {
  uint32_t words[4];
  for (int64_t i = 0; i < n; i++) {
    if (i % 4 == 0) prl_rng_block(rng, 0, episode, step, (uint32_t)(i / 4), words);
    /* Box–Muller: words 0, 1 make draws 0, 1; words 2, 3 make draws 2, 3. */
    float radius = sqrtf(-2 * logf(prl_rng_open_uniform(words[i % 4 & 2])));
    float angle = 6.28318530718f * prl_rng_uniform(words[(i % 4 & 2) + 1]);
    out[i] = radius * (i % 2 ? sinf(angle) : cosf(angle));
  }
}
