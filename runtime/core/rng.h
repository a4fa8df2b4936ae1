/* Counter-based random numbers: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2,
 * 3"). Every draw has an address, (seed, stream, site, episode, step, block), and needs no state: what one
 * part draws never moves what another part draws. Sites are small integers that name what a draw is for. */
#ifndef PRL_CORE_RNG_H
#define PRL_CORE_RNG_H

#include <stdint.h>

typedef struct prl_rng {
  uint32_t key[2];
} prl_rng;

/* Sites of the library itself; environments count from PRL_SITE_ENV, each in its own key space. */
enum {
  PRL_SITE_ACTION = 1,
  PRL_SITE_SHUFFLE,
  PRL_SITE_INIT,
  PRL_SITE_DROPOUT,
  PRL_SITE_USER,
  PRL_SITE_MEMORY,
  PRL_SITE_LEARNER,
  PRL_SITE_PERTURB,
  PRL_SITE_ENV = 64
};

prl_rng prl_rng_make(uint64_t seed, uint64_t stream, uint32_t site);
/* Four words at counter (block, step, episode, extra). */
void prl_rng_block(prl_rng rng, uint32_t extra, uint32_t episode, uint32_t step, uint32_t block,
                   uint32_t out[4]);

/* In [0, 1) with 24 bits; and in (0, 1), never an end. */
static inline float prl_rng_uniform(uint32_t word) { return (float)(word >> 8) * 0x1p-24f; }
static inline float prl_rng_open_uniform(uint32_t word) { return ((float)(word >> 9) + 0.5f) * 0x1p-23f; }

/* n draws at (episode, step), from blocks 0, 1, …: uniform in (0, 1); standard normal (Box–Muller). Four
 * words feed four draws, so draw i is the same whatever n is. */
void prl_rng_uniforms(prl_rng rng, uint32_t episode, uint32_t step, int64_t n, float *out);
void prl_rng_normals(prl_rng rng, uint32_t episode, uint32_t step, int64_t n, float *out);

#endif
