/* The draws of actions. Every draw has an address: (seed, stream, episode, step). */
#include <string.h>

#include "agent/policy/parts.h"
#include "core/rng.h"

enum { DRAWS = 32 }; /* of one chunk: what one pass of the generator makes */

int64_t prl_noise_steps(int64_t width) { return width > 0 && width < DRAWS ? DRAWS / width : 1; }

void prl_noise_build(prl_policy *p) {
  p->noise.width = p->shape->noise;
  p->noise.steps = prl_noise_steps(p->noise.width);
  for (int64_t i = 0; i < p->shape->experience.streams; i++)
    p->noise.tags[i].chunk = UINT32_MAX; /* none yet */
}

/* Rows that are not recorded draw from addresses that no recorded row has: `extra` is not 0. */
static void draw_some(const prl_policy *p, const uint32_t key[2], uint32_t extra, uint32_t episode,
                      uint32_t step, int64_t count, float *to) {
  if (p->shape->spec.action_kind == PRL_ACTION_CONTINUOUS)
    p->kernels->normals(key, extra, episode, step, count, to);
  else
    p->kernels->uniforms(key, extra, episode, step, count, to);
}

/* The generator makes a few dozen draws at the price of one, so that those of a stream's next steps come
 * along: step t has draws width · (t mod C) … of address (episode, t / C), C = steps of a chunk. The chunk
 * that a stream is in is kept; a lost one is drawn again. */
static const float *draw_ahead(prl_policy *p, const prl_experience *experience, int32_t slot) {
  prl_noise *noise = &p->noise;
  const prl_stream *s = &experience->streams[slot];
  prl_noise_tag tag = {{s->rng[0], s->rng[1]}, s->episode, s->step / (uint32_t)noise->steps};
  int64_t width = noise->steps * noise->width;
  float *chunk = noise->chunks + slot * width;
  if (memcmp(&noise->tags[slot], &tag, sizeof tag) != 0) {
    draw_some(p, tag.key, 0, tag.episode, tag.chunk, width, chunk);
    noise->tags[slot] = tag;
  }
  return chunk + s->step % (uint32_t)noise->steps * noise->width;
}

void prl_noise_draw(prl_policy *p, const prl_experience *e, int64_t first, int64_t n, prl_mode mode,
                    const prl_draw_address *address) {
  const int64_t width = p->noise.width;
  const uint64_t seed = p->shape->seed;
  float *to = p->act.noise->data;
  for (int64_t i = 0; i < n; i++, to += width) {
    int64_t row = first + i;
    if (mode == PRL_MEAN) { /* not used; finite, and the same whatever came before */
      for (int64_t k = 0; k < width; k++) to[k] = 0.5f;
    } else if (address) {
      prl_rng rng = prl_rng_make(seed, address->streams[row], PRL_SITE_ACTION);
      draw_some(p, rng.key, 1, address->episode ? address->episode[row] : 0,
                address->step ? address->step[row] : (uint32_t)p->n.calls, width, to);
    } else if (row < e->options.streams && e->slot[row] >= 0) {
      const float *from = draw_ahead(p, e, e->slot[row]);
      for (int64_t k = 0; k < width; k++) to[k] = from[k];
    } else { /* there is no room for its stream */
      prl_rng rng = prl_rng_make(seed, (uint64_t)row, PRL_SITE_ACTION);
      draw_some(p, rng.key, 2, 0, (uint32_t)p->n.calls, width, to);
    }
  }
}
