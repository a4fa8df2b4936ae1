/* The draws of actions. Every draw has an address: (seed, stream, episode, step), or of draws that last for
 * k steps (seed, stream, episode, step / k). They are the noise of an action, or drive the process that is.
 * Where a row has both kinds, those that last come first. */
#include <math.h>
#include <string.h>

#include "agent/policy/parts.h"
#include "core/rng.h"

enum { DRAWS = 32 }; /* of one chunk: what one pass of the generator makes */

/* Whether the draws drive a process. */
static bool driven(const prl_policy *p) { return p->shape->noise_theta > 0; }

int64_t prl_noise_width(const prl_shape *shape) { return shape->noise - shape->experience.lasting; }

int64_t prl_noise_draws(int64_t width) { return width > 0 && width < DRAWS ? DRAWS / width : 1; }

void prl_noise_build(prl_policy *p) {
  const int64_t streams = p->shape->experience.streams;
  p->noise.width = prl_noise_width(p->shape);
  p->noise.draws = prl_noise_draws(p->noise.width);
  for (int64_t i = 0; i < streams; i++) p->noise.tags[i].index = UINT32_MAX; /* none yet */
  for (int64_t i = 0; driven(p) && i < streams; i++) p->noise.stands[i].index = UINT32_MAX;
}

/* ---- draws ---- */

enum {
  RECORDED,
  ASKED,
  WITHOUT_PLACE,
  LASTING
}; /* `extra` of an address: whose rows; beside each what lasts */

/* Rows that are not recorded draw from addresses that no recorded row has. */
static void draw_some(const prl_policy *p, const uint32_t key[2], uint32_t extra, uint32_t episode,
                      uint32_t index, int64_t count, float *to) {
  if (p->shape->spec.action_kind == PRL_ACTION_CONTINUOUS)
    p->kernels->normals(key, extra, episode, index, count, to);
  else
    p->kernels->uniforms(key, extra, episode, index, count, to);
}

static uint32_t lasting_draw_of(const prl_policy *p, uint32_t step) {
  const uint32_t every = (uint32_t)p->shape->noise_every;
  return every ? step / every : 0;
}

/* The number of a step's draw in its episode. */
static uint32_t draw_of(const prl_policy *p, uint32_t step) {
  return p->shape->experience.lasting ? step : lasting_draw_of(p, step);
}

/* The generator makes a few dozen draws at the price of one, so that a stream's next ones come along: draw t
 * is number t mod C of address (episode, t / C), C = draws of a chunk. The chunk that a stream is in is kept;
 * a lost one is drawn again. */
static const float *draw_ahead(prl_policy *p, const prl_stream *s, int32_t slot) {
  prl_noise *noise = &p->noise;
  const uint32_t draw = draw_of(p, s->step), draws = (uint32_t)noise->draws;
  prl_noise_tag tag = {{s->rng[0], s->rng[1]}, s->episode, draw / draws};
  int64_t width = noise->draws * noise->width;
  float *chunk = noise->chunks + slot * width;
  if (memcmp(&noise->tags[slot], &tag, sizeof tag) != 0) {
    draw_some(p, tag.key, RECORDED, tag.episode, tag.index, width, chunk);
    noise->tags[slot] = tag;
  }
  return chunk + draw % draws * noise->width;
}

/* ---- the process ---- */

/* Ornstein–Uhlenbeck noise, dx = −θ x dt + dW (Uhlenbeck and Ornstein 1930; in learning, Lillicrap et al.
 * 2016, section 3), by Euler and Maruyama: x_t = (1 − θ dt) x_{t−1} + √dt z_t, x_{−1} = 0, z_t the draws of
 * step t. Its scale σ is the program's, so that it may change. What a stream's process has come to is kept;
 * where that is not the step before, it begins anew. */
static const double *drive(prl_policy *p, const prl_stream *s, int32_t slot) {
  const double stays = 1 - p->shape->noise_theta * p->shape->noise_dt, moves = sqrt(p->shape->noise_dt);
  const prl_noise_tag now = {{s->rng[0], s->rng[1]}, s->episode, s->step};
  prl_noise_tag before = now, *stands = &p->noise.stands[slot];
  double *x = p->noise.process + slot * p->noise.width;
  if (!memcmp(stands, &now, sizeof now)) return x; /* asked for again */
  before.index--;                                  /* of step 0 a step that there is not */
  const bool goes_on = !memcmp(stands, &before, sizeof before) && s->step > 0;
  const float *z = draw_ahead(p, s, slot);
  for (int64_t k = 0; k < p->noise.width; k++) x[k] = (goes_on ? stays * x[k] : 0) + moves * (double)z[k];
  *stands = now;
  return x;
}

/* Of rows without a place, for which nothing is kept: by the law that the process comes to, of variance
 * dt / (1 − (1 − θ dt)²) = 1 / (θ (2 − θ dt)). */
static void settle(const prl_policy *p, int64_t count, float *z) {
  const double theta = p->shape->noise_theta,
               deviation = sqrt(1 / (theta * (2 - theta * p->shape->noise_dt)));
  for (int64_t k = 0; driven(p) && k < count; k++) z[k] = (float)(deviation * (double)z[k]);
}

prl_status prl_noise_blocks(prl_policy *p, prl_blocks *blocks, prl_error *error) {
  const int64_t streams = p->shape->experience.streams;
  if (!driven(p)) return PRL_OK;
  prl_status status =
      prl_blocks_add(blocks, "policy.noise", PRL_F64, streams * p->noise.width, p->noise.process, error);
  return status ? status
                : prl_blocks_add_bytes(blocks, "policy.noise_stands",
                                       (size_t)streams * sizeof *p->noise.stands, p->noise.stands, error);
}

bool prl_noise_restore(const prl_policy *p) {
  const int64_t count = p->shape->experience.streams * p->noise.width;
  for (int64_t i = 0; driven(p) && i < count; i++)
    if (!isfinite(p->noise.process[i])) return false;
  return true;
}

void prl_noise_continue(prl_policy *to, const prl_policy *from) {
  const size_t streams = (size_t)from->shape->experience.streams; /* at most as many as `to` has */
  if (!driven(to) || !driven(from) || to->noise.width != from->noise.width) return;
  memcpy(to->noise.process, from->noise.process, streams * (size_t)to->noise.width * sizeof(double));
  memcpy(to->noise.stands, from->noise.stands, streams * sizeof *to->noise.stands);
}

/* ---- the rows of a call ---- */

static void draw_recorded(prl_policy *p, const prl_stream *s, int32_t slot, float *to) {
  const int64_t lasting = p->shape->experience.lasting;
  if (lasting) draw_some(p, s->rng, LASTING + RECORDED, s->episode, lasting_draw_of(p, s->step), lasting, to);
  if (driven(p)) {
    const double *from = drive(p, s, slot);
    for (int64_t k = 0; k < p->noise.width; k++) to[k] = (float)from[k];
  } else {
    memcpy(to + lasting, draw_ahead(p, s, slot), (size_t)p->noise.width * sizeof(float));
  }
  if (p->shape->experience.paired && s->key & PRL_SECOND)
    for (int64_t k = 0; k < p->shape->noise; k++) to[k] = -to[k];
}

/* The same by its address alone. Streams share the places of chunks. */
static void draw_numbered(prl_policy *p, uint64_t stream, uint32_t episode, uint32_t step, float *to) {
  const prl_rng rng = prl_rng_make(p->shape->seed, stream, PRL_SITE_ACTION);
  const prl_stream s = {.key = stream, .rng = {rng.key[0], rng.key[1]}, .episode = episode, .step = step};
  draw_recorded(p, &s, (int32_t)(stream % (uint64_t)p->shape->experience.streams), to);
}

/* Of a row for which nothing is kept. step NULL: the number of calls stands for it. */
static void draw_apart(const prl_policy *p, uint64_t stream, uint32_t extra, uint32_t episode,
                       const uint32_t *step, float *to) {
  const prl_rng rng = prl_rng_make(p->shape->seed, stream, PRL_SITE_ACTION);
  const int64_t lasting = p->shape->experience.lasting;
  const uint32_t calls = (uint32_t)p->n.calls;
  if (lasting)
    draw_some(p, rng.key, LASTING + extra, episode, step ? lasting_draw_of(p, *step) : calls, lasting, to);
  draw_some(p, rng.key, extra, episode, step ? draw_of(p, *step) : calls, p->noise.width, to + lasting);
  settle(p, p->noise.width, to);
}

/* Not used; finite, and the same whatever came before. What lasts is as if there were none. */
static void draw_none(const prl_policy *p, float *to) {
  const bool normals = p->shape->spec.action_kind == PRL_ACTION_CONTINUOUS;
  for (int64_t k = 0; k < p->shape->noise; k++)
    to[k] = normals && k < p->shape->experience.lasting ? 0 : 0.5f;
}

void prl_noise_draw(prl_policy *p, const prl_experience *e, int64_t first, int64_t n, prl_mode mode,
                    const prl_draw_address *address) {
  float *to = p->act.noise->data;
  for (int64_t i = 0; i < n; i++, to += p->shape->noise) {
    const int64_t row = first + i;
    if (mode == PRL_MEAN)
      draw_none(p, to);
    else if (address && address->recorded)
      draw_numbered(p, address->streams[row], address->episode[row], address->step[row], to);
    else if (address)
      draw_apart(p, address->streams[row], ASKED, address->episode ? address->episode[row] : 0,
                 address->step ? &address->step[row] : NULL, to);
    else if (row < e->options.streams && e->slot[row] >= 0)
      draw_recorded(p, &e->streams[e->slot[row]], e->slot[row], to);
    else /* there is no room for its stream */
      draw_apart(p, (uint64_t)row, WITHOUT_PLACE, 0, NULL, to);
  }
}
