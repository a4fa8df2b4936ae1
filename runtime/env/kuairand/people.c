/* People: which real user they are, when they come and go, and what production remembers of them. */
#include "env/kuairand/kuairand.h"

#include <math.h>
#include <string.h>

#include "tensor/kernels.h"

const float prl_kuairand_usual[KR_MEANS] = {128, 5.7f, 2.29f, 0.122f, 0.008f, 0.0064f, 0.0213f};
static const float mean_gap = 1.95f; /* ln h, as shortvideo's */

void prl_kuairand_birth(const kr_shared *shared, kr_user *user, uint64_t seed, uint64_t stream) {
  const kr_world *world = shared->world;
  kr_latent *latent = &user->latent;
  kr_known *known = &user->known;
  const bool first = known->visit.phase == FEED_UNBORN;
  feed_visit visit = known->visit;
  prl_feed_birth(&visit, seed, stream, 0x4b520000u);
  memset(user, 0, sizeof *user);
  float e[4], u[2];
  shared->kernels->normals(visit.key, KR_SITE_TRAITS, 0, 0, 4, e);
  shared->kernels->uniforms(visit.key, KR_SITE_FIRST, 0, 0, 2, u);
  known->user = (int32_t)(u[0] * (float)world->users);
  if (known->user >= world->users) known->user = world->users - 1;
  if (first) visit.clock_us = prl_feed_first_time(&shared->clock, u[1]);
  visit.activity = world->activity[known->user];
  known->visit = visit;
  const float active = visit.activity - 0.5f, h = shared->heterogeneity;
  latent->mind.leave_offset = 0.4f * e[0] - 0.5f * active;
  latent->mind.gap_mean = mean_gap + 0.5f * e[1] - 1.2f * active;
  latent->mind.clock_shift = 2 * e[2];
  latent->boredom = expf(0.5f * h * e[3]);
  for (int k = 0; k < KR_MEANS; k++) known->fast[k] = known->slow[k] = prl_kuairand_usual[k];
}

float prl_kuairand_leave(const kr_shared *shared, kr_user *user, uint64_t seed, uint64_t stream) {
  kr_known *known = &user->known;
  feed_visit *visit = &known->visit;
  float e[1], u[1];
  shared->kernels->normals(visit->key, KR_SITE_RETURN, visit->session, 0, 1, e);
  shared->kernels->uniforms(visit->key, KR_SITE_FIRST, visit->session, 1, 1, u);
  float gap = prl_feed_away(visit, &user->latent.mind, &shared->clock, &shared->rules, e[0], u[0]);
  if (isinf(gap)) { /* gone for good; someone else is here at that time */
    prl_kuairand_birth(shared, user, seed, stream);
  } else {
    known->gap = gap;
    prl_feed_rest(visit, &user->latent.mind, known->memory, shared->world->factors, gap);
  }
  return gap;
}

void prl_kuairand_enter(const kr_shared *shared, kr_user *user) {
  prl_feed_enter(&user->known.visit, &user->latent.mind, &user->known.fatigue);
}

void prl_kuairand_remember(kr_known *known, const float *response, const float *action) {
  static const int of[KR_MEANS] = {KR_R_WATCH_TIME, KR_R_VIDEO_VIEWS, KR_R_LONG_VIEW, KR_R_LIKE,
                                   KR_R_LIKE + 1,   KR_R_LIKE + 2,    KR_R_LIKE + 3};
  memcpy(known->last, response, sizeof known->last);
  prl_feed_average(known->fast, response, of, KR_MEANS, 0.25f);
  prl_feed_average(known->slow, response, of, KR_MEANS, 0.03f);
  prl_feed_average(known->action, action, NULL, KR_WEIGHTS, 0.25f);
}
