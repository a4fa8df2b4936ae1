/* People: who they are, when they come and go, and what production remembers of them. */
#include "env/shortvideo/shortvideo.h"

#include <math.h>
#include <string.h>

#include "tensor/kernels.h"

/* Impressions of the logs by hour of the day, over their mean: when people have time for videos. */
static const float hour_profile[24] = {0.942f, 0.580f, 0.386f, 0.235f, 0.189f, 0.205f, 0.377f, 0.591f,
                                       0.771f, 0.967f, 1.087f, 1.239f, 1.437f, 1.383f, 1.272f, 1.271f,
                                       1.368f, 1.469f, 1.371f, 1.254f, 1.291f, 1.337f, 1.525f, 1.453f};
static const uint8_t week[7] = {0, 0, 0, 0, 0, 1, 1};
const feed_clock prl_shortvideo_clock = {hour_profile, week, 7};

const float prl_shortvideo_usual[SV_MEANS] = {141, 5.7f, 2.0f, 0.108f, 0.008f, 0.0056f, 0.005f, 0.0164f};

static float unit(float *v) {
  float norm = 0;
  for (int d = 0; d < SV_TOPICS; d++) norm += v[d] * v[d];
  norm = sqrtf(norm);
  for (int d = 0; d < SV_TOPICS; d++) v[d] /= norm;
  return norm;
}

static void traits(const sv_shared *shared, sv_user *user, const float *e, float u) {
  sv_latent *latent = &user->latent;
  sv_known *known = &user->known;
  const float h = shared->heterogeneity;
  memcpy(latent->taste, e, SV_TOPICS * sizeof *e);
  unit(latent->taste);
  e += SV_TOPICS;
  known->visit.activity = 1 / (1 + expf(-1.2f * e[0]));
  latent->watch_level = e[1];
  latent->length_taste = 0.6f * h * e[2];
  known->length_taste = 0.7f * latent->length_taste + 0.3f * h * e[3];
  latent->susceptibility = fmaxf(0, 0.6f + 1.2f * h * (u - 0.5f));
  latent->boredom = expf(0.5f * h * e[4]);
  latent->mind.leave_offset = 0.4f * e[5] - 0.5f * (known->visit.activity - 0.5f);
  latent->mind.gap_mean = shared->constants.gap + 0.5f * e[6] - 1.2f * (known->visit.activity - 0.5f);
  latent->mind.clock_shift = 2 * e[7];
  const float common = 0.9f * e[8];
  e += 9;
  for (int k = 0; k < SV_INTERACTIONS; k++) {
    latent->propensity[k] =
        common * (k == SV_INTERACTIONS - 1 ? 0 : 1) + shared->constants.propensity[k] * e[k];
    latent->slope[k] = expf(0.4f * h * e[SV_INTERACTIONS + k]);
  }
  e += 2 * SV_INTERACTIONS;
  for (int k = 0; k < 5; k++)
    known->propensity[k] = 0.75f * latent->propensity[k] + 0.45f * (1.3f - known->visit.activity) * e[k];
}

void prl_shortvideo_birth(const sv_shared *shared, sv_user *user, uint64_t stream) {
  const bool first = user->known.visit.phase == FEED_UNBORN;
  feed_visit visit = user->known.visit;
  prl_feed_birth(&visit, shared->seed, stream, 0x50560000u);
  memset(user, 0, sizeof *user);
  user->known.visit = visit;
  float e[SV_TOPICS + 9 + 2 * SV_INTERACTIONS + 5], u[2];
  shared->kernels->normals(visit.key, SV_SITE_TRAITS, 0, 0, sizeof e / sizeof *e, e);
  shared->kernels->uniforms(visit.key, SV_SITE_FIRST, 0, 0, 2, u);
  traits(shared, user, e, u[0]);
  if (first) user->known.visit.clock_us = prl_feed_first_time(&shared->clock, u[1]);
  for (int k = 0; k < SV_MEANS; k++) user->known.fast[k] = user->known.slow[k] = prl_shortvideo_usual[k];
}

/* Between two sessions tastes drift too. */
static void rest(const sv_shared *shared, sv_user *user, float gap, const float *e) {
  sv_latent *latent = &user->latent;
  sv_known *known = &user->known;
  if (shared->drift > 0) {
    const float pace = 0.06f * shared->drift * sqrtf(gap / 24);
    for (int d = 0; d < SV_TOPICS; d++) latent->taste[d] += pace * e[d];
    unit(latent->taste);
  }
  known->gap = gap;
  prl_feed_rest(&known->visit, &latent->mind, known->memory, SV_TOPICS, gap);
}

float prl_shortvideo_leave(const sv_shared *shared, sv_user *user, uint64_t stream) {
  feed_visit *visit = &user->known.visit;
  float e[1 + SV_TOPICS], u[4];
  shared->kernels->normals(visit->key, SV_SITE_RETURN, visit->session, 0, 1 + SV_TOPICS, e);
  shared->kernels->uniforms(visit->key, SV_SITE_FIRST, visit->session, 1, 4, u);
  float gap = prl_feed_away(visit, &user->latent.mind, &shared->clock, &shared->rules, e[0], u[0]);
  if (isinf(gap))
    prl_shortvideo_birth(shared, user, stream); /* gone for good; someone else is here at that time */
  else
    rest(shared, user, gap, e + 1);
  return gap;
}

void prl_shortvideo_enter(const sv_shared *shared, sv_user *user) {
  prl_feed_enter(&user->known.visit, &user->latent.mind, &user->known.fatigue);
}

void prl_shortvideo_remember(sv_known *known, const float *response, const float *action) {
  static const int of[SV_MEANS] = {SV_R_WATCH_TIME, SV_R_VIDEO_VIEWS, SV_R_LONG_VIEW, SV_R_LIKE,
                                   SV_R_LIKE + 1,   SV_R_LIKE + 2,    SV_R_LIKE + 3,  SV_R_LIKE + 4};
  memcpy(known->last, response, sizeof known->last);
  prl_feed_average(known->fast, response, of, SV_MEANS, 0.25f);
  prl_feed_average(known->slow, response, of, SV_MEANS, 0.03f);
  prl_feed_average(known->action, action, NULL, SV_WEIGHTS, 0.25f);
}
