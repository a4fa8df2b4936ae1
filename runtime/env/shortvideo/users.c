/* People: who they are, when they come and go, and what production remembers of them. */
#include "env/shortvideo/shortvideo.h"

#include <math.h>
#include <string.h>

#include "core/rng.h"
#include "tensor/kernels.h"

/* Impressions of the logs by hour of the day, over their mean: when people have time for videos. */
static const float hour_profile[24] = {0.942f, 0.580f, 0.386f, 0.235f, 0.189f, 0.205f, 0.377f, 0.591f,
                                       0.771f, 0.967f, 1.087f, 1.239f, 1.437f, 1.383f, 1.272f, 1.271f,
                                       1.368f, 1.469f, 1.371f, 1.254f, 1.291f, 1.337f, 1.525f, 1.453f};
/* The same by weekday and weekend. */
static const float weekday_activity = 0.96f, weekend_activity = 1.10f;
static const float longest_gap = 96; /* h */

const float prl_shortvideo_usual[SV_MEANS] = {141, 5.7f, 2.0f, 0.108f, 0.008f, 0.0056f, 0.005f, 0.0164f};

static float activity_at(int64_t clock_us, float shift, float *to_next_hour) {
  float hour = (float)(clock_us % SV_DAY_US) * (1.0f / 3.6e9f) - shift;
  float whole = floorf(hour);
  *to_next_hour = 1 - (hour - whole);
  int index = ((int)whole % 24 + 24) % 24;
  bool weekend = clock_us / SV_DAY_US % 7 >= 5;
  return hour_profile[index] * (weekend ? weekend_activity : weekday_activity);
}

/* The time at which `active` hours of a person's activity have passed: a gap drawn in hours at mean activity
 * goes slowly through the night. At most 96 h. */
static int64_t after(int64_t clock_us, float active, float shift) {
  double hours = 0;
  while (active > 0 && hours < longest_gap) {
    float step;
    float rate = activity_at(clock_us + (int64_t)(hours * 3.6e9), shift, &step);
    if (step < 1e-4f) step = 1e-4f;
    if (rate * step >= active) step = active / rate;
    active -= rate * step;
    hours += step;
    if (active < 1e-5f) break;
  }
  return clock_us + (int64_t)((hours < longest_gap ? hours : longest_gap) * 3.6e9);
}

/* When the first session of a run's first person begins: somewhere on the first day, by the profile. */
static int64_t first_time(float share) {
  float total = 0, sum = 0;
  for (int h = 0; h < 24; h++) total += hour_profile[h];
  for (int h = 0; h < 24; h++) {
    float part = hour_profile[h] / total;
    if (share < sum + part || h == 23) return (int64_t)((h + fminf((share - sum) / part, 1)) * 3.6e9);
    sum += part;
  }
  return 0;
}

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
  known->activity = 1 / (1 + expf(-1.2f * e[0]));
  latent->watch_level = e[1];
  latent->length_taste = 0.6f * h * e[2];
  known->length_taste = 0.7f * latent->length_taste + 0.3f * h * e[3];
  latent->susceptibility = fmaxf(0, 0.6f + 1.2f * h * (u - 0.5f));
  latent->boredom = expf(0.5f * h * e[4]);
  latent->leave_offset = 0.4f * e[5] - 0.5f * (known->activity - 0.5f);
  latent->gap_mean = shared->constants.gap + 0.5f * e[6] - 1.2f * (known->activity - 0.5f);
  latent->clock_shift = 2 * e[7];
  const float common = 0.9f * e[8];
  e += 9;
  for (int k = 0; k < SV_INTERACTIONS; k++) {
    latent->propensity[k] =
        common * (k == SV_INTERACTIONS - 1 ? 0 : 1) + shared->constants.propensity[k] * e[k];
    latent->slope[k] = expf(0.4f * h * e[SV_INTERACTIONS + k]);
  }
  e += 2 * SV_INTERACTIONS;
  for (int k = 0; k < 5; k++)
    known->propensity[k] = 0.75f * latent->propensity[k] + 0.45f * (1.3f - known->activity) * e[k];
}

void prl_shortvideo_birth(const sv_shared *shared, sv_user *user, uint64_t stream) {
  const bool first = user->known.phase == SV_UNBORN;
  const uint32_t person = first ? 0 : user->known.person + 1;
  const int64_t clock_us = user->known.clock_us;
  memset(user, 0, sizeof *user);
  prl_rng rng = prl_rng_make(shared->seed, stream, 0x50560000u + person);
  memcpy(user->known.key, rng.key, sizeof rng.key);
  float e[SV_TOPICS + 9 + 2 * SV_INTERACTIONS + 5], u[2];
  shared->kernels->normals(rng.key, SV_SITE_TRAITS, 0, 0, sizeof e / sizeof *e, e);
  shared->kernels->uniforms(rng.key, SV_SITE_FIRST, 0, 0, 2, u);
  traits(shared, user, e, u[0]);
  user->known.person = person;
  user->known.phase = SV_AWAY;
  user->known.clock_us = first ? first_time(u[1]) : clock_us;
  for (int k = 0; k < SV_MEANS; k++) user->known.fast[k] = user->known.slow[k] = prl_shortvideo_usual[k];
}

/* Between two sessions tastes drift, what was watched fades, and the mood returns to its slow level. */
static void rest(const sv_shared *shared, sv_user *user, float gap, const float *e) {
  sv_latent *latent = &user->latent;
  sv_known *known = &user->known;
  if (shared->drift > 0) {
    const float pace = 0.06f * shared->drift * sqrtf(gap / 24);
    for (int d = 0; d < SV_TOPICS; d++) latent->taste[d] += pace * e[d];
    unit(latent->taste);
  }
  const float fade = expf(-gap / 6), calm = expf(-gap / 3);
  for (int d = 0; d < SV_TOPICS; d++) known->memory[d] *= fade;
  latent->mood = 0.6f * latent->slow_mood + 0.4f * latent->mood * calm;
  known->gap = gap;
  known->session++;
  known->phase = SV_AWAY;
}

float prl_shortvideo_leave(const sv_shared *shared, sv_user *user, uint64_t stream) {
  sv_latent *latent = &user->latent;
  sv_known *known = &user->known;
  float e[1 + SV_TOPICS], u[4];
  shared->kernels->normals(known->key, SV_SITE_RETURN, known->session, 0, 1 + SV_TOPICS, e);
  shared->kernels->uniforms(known->key, SV_SITE_FIRST, known->session, 1, 4, u);
  if (known->videos > 0)
    latent->slow_mood += 0.15f * (latent->mood_sum / (float)known->videos - latent->slow_mood);
  float active = expf(latent->gap_mean - shared->satisfaction * latent->slow_mood + 0.8f * e[0]);
  int64_t back_us = after(known->clock_us, fmaxf(active, 0.3f), latent->clock_shift);
  float gap = (float)(back_us - known->clock_us) * (1.0f / 3.6e9f);
  known->clock_us = back_us;
  float risk = gap / (24 * shared->lifetime) * expf(-2 * shared->satisfaction * latent->slow_mood);
  if (u[0] < 1 - expf(-risk)) { /* gone for good; someone else is here at that time */
    prl_shortvideo_birth(shared, user, stream);
    return INFINITY;
  }
  rest(shared, user, gap, e + 1);
  return gap;
}

void prl_shortvideo_enter(const sv_shared *shared, sv_user *user) {
  sv_known *known = &user->known;
  known->request = known->videos = 0;
  known->opened_us = known->clock_us;
  known->fatigue = 0;
  known->phase = SV_PRESENT;
  user->latent.mood_sum = 0;
}

/* A mean of zeros ends at 0: halving for ever would reach denormal numbers, which are slow. */
static void mean(float *of, float rate, float x) {
  *of += rate * (x - *of);
  if (fabsf(*of) < 1e-9f) *of = 0;
}

void prl_shortvideo_remember(sv_known *known, const float *response, const float *action) {
  static const int of[SV_MEANS] = {SV_R_WATCH_TIME, SV_R_VIDEO_VIEWS, SV_R_LONG_VIEW, SV_R_LIKE,
                                   SV_R_LIKE + 1,   SV_R_LIKE + 2,    SV_R_LIKE + 3,  SV_R_LIKE + 4};
  memcpy(known->last, response, sizeof known->last);
  for (int k = 0; k < SV_MEANS; k++) {
    mean(&known->fast[k], 0.25f, response[of[k]]);
    mean(&known->slow[k], 0.03f, response[of[k]]);
  }
  for (int k = 0; k < SV_WEIGHTS; k++) mean(&known->action[k], 0.25f, action[k]);
}
