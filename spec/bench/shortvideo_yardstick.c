#include "bench/shortvideo_yardstick.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/plain_functions.h"
#include "env/shortvideo/shortvideo.h"
#include "env/types.h"
#include "tensor/kernels.h"

enum { N = 64, SHOWN = 6, L = FEED_LANES, D = SV_TOPICS };

struct shortvideo_yardstick {
  int64_t n;
  size_t state_size;
  sv_shared *shared;
  char *state;
};

static sv_user *user_at(const shortvideo_yardstick *y, int64_t i) {
  return (sv_user *)(y->state + (size_t)i * y->state_size);
}

static inline float dot(const float *a, const float *b) {
  float sum = a[0] * b[0];
  for (int d = 1; d < D; d++) sum += a[d] * b[d];
  return sum;
}

/* ---- Candidates ---- */

/* Sums by eight columns, then across them, as eight lanes would. */
static float column_mean(const float *x, const float *times) {
  float sum[8] = {0};
  for (int c = 0; c < N; c += 8)
    for (int i = 0; i < 8; i++) sum[i] += times ? x[c + i] * times[c + i] : x[c + i];
  return sum_of_lanes(sum) * (1.0f / N);
}

static float deviation(const float *x, float mean) {
  float variance = column_mean(x, x) - mean * mean;
  return sqrtf(variance > 0 ? variance : 0);
}

typedef struct pool {
  float taste[2 * N], trend[2 * N], memory[2 * N];
  float fresh[N], length[N];
} pool;

static void retrieve(const sv_shared *s, const sv_user *user, const float *draw, pool *p, uint16_t *item) {
  const float *trend = sv_trend_of(s, &user->known);
  int32_t index[2 * N];
  for (int c = 0; c < 2 * N; c++) index[c] = (int32_t)(draw[c] * SV_ITEMS);
  for (int c = 0; c < 2 * N; c++) {
    const float *v = s->vector[index[c]];
    p->taste[c] = dot(v, user->latent.taste);
    p->trend[c] = dot(v, trend);
    p->memory[c] = dot(v, user->known.memory);
  }
  for (int c = 0; c < N; c++) {
    bool second = 2 * p->taste[N + c] + 0.15f * p->trend[N + c] > 2 * p->taste[c] + 0.15f * p->trend[c];
    p->taste[c] = second ? p->taste[N + c] : p->taste[c];
    p->trend[c] = second ? p->trend[N + c] : p->trend[c];
    p->memory[c] = second ? p->memory[N + c] : p->memory[c];
    item[c] = (uint16_t)(second ? index[N + c] : index[c]);
  }
}

static void draw_candidates(const sv_shared *s, sv_user *user) {
  sv_known *known = &user->known;
  float uniform[2 * N], error[(SV_HEADS + 1) * N], *restrict prediction = user->prediction;
  s->kernels->uniforms(known->visit.key, SV_SITE_POOL, known->visit.session, known->visit.request, 2 * N,
                       uniform);
  s->kernels->normals(known->visit.key, SV_SITE_ERRORS, known->visit.session, known->visit.request,
                      (SV_HEADS + 1) * N, error);
  uint16_t *item = sv_items(s, user);
  pool p;
  retrieve(s, user, uniform, &p, item);
  const int64_t day = sv_day(known);
  for (int c = 0; c < N; c++) {
    for (int k = 0; k < SV_HEADS; k++) prediction[k * N + c] = s->item[item[c]].head[k];
    p.length[c] = s->item[item[c]].length;
    p.fresh[c] = sv_fresh_of(s, item[c], day);
  }
  const float light = 0.5f - known->visit.activity, affinity_error = 0.9f + 1.2f * s->heterogeneity * light;
  const float head_error = 0.5f * (1.0f + 0.8f * s->heterogeneity * light), taste = known->length_taste;
  float affinity[N];
  for (int c = 0; c < N; c++) {
    affinity[c] = 2 * p.taste[c] + 0.3f * p.trend[c] + 0.25f * p.fresh[c];
    affinity[c] += affinity_error * (1 + 0.5f * p.fresh[c]) * error[c];
    prediction[c] += s->watch_slope * (affinity[c] + taste * (1.0f / 6) * p.length[c]) + 0.15f * error[N + c];
    prediction[N + c] += s->long_view_slope * affinity[c] + 0.3f * error[2 * N + c];
  }
  for (int k = SV_LIKE; k < SV_HEADS; k++) {
    const float pull = 0.7f * prl_shortvideo_omega[k - SV_LIKE];
    for (int c = 0; c < N; c++)
      prediction[k * N + c] += pull * affinity[c] + head_error * error[(k + 1) * N + c];
  }
  float *out = known->statistics;
  out[0] = column_mean(prediction, NULL), out[1] = deviation(prediction, out[0]);
  out[2] = column_mean(prediction + N, NULL), out[3] = deviation(prediction + N, out[2]);
  for (int k = SV_LIKE; k < SV_HEADS; k++) out[k + 2] = column_mean(prediction + k * N, NULL);
  out[9] = column_mean(p.memory, NULL), out[10] = deviation(p.memory, out[9]);
  out[11] = column_mean(p.fresh, NULL), out[12] = column_mean(p.length, NULL);
}

/* ---- Ranking ---- */

static void rank(const sv_shared *s, const sv_user *user, const float *w, int32_t *order) {
  const uint16_t *item = sv_items(s, user);
  const int64_t day = sv_day(&user->known);
  float vector[D][N], score[N];
  for (int c = 0; c < N; c++)
    for (int d = 0; d < D; d++) vector[d][c] = s->vector[item[c]][d];
  for (int c = 0; c < N; c++)
    score[c] = w[SV_FRESHNESS] * sv_fresh_of(s, item[c], day) + w[SV_DURATION] * s->length[item[c]];
  const float *memory = user->known.memory;
  for (int c = 0; c < N; c++) {
    float likeness = vector[0][c] * memory[0];
    for (int d = 1; d < D; d++) likeness += vector[d][c] * memory[d];
    score[c] -= w[SV_DIVERSITY] * likeness;
  }
  for (int k = 0; k < SV_HEADS; k++)
    for (int c = 0; c < N; c++) score[c] += w[k] * user->prediction[k * N + c];
  for (int place = 0; place < SHOWN; place++) {
    float top = score[0];
    int pick = 0;
    for (int c = 1; c < N; c++) top = score[c] > top ? score[c] : top;
    while (score[pick] != top) pick++;
    order[place] = pick;
    const float *v = s->vector[item[pick]], pull = 0.25f * w[SV_DIVERSITY];
    for (int c = 0; c < N; c++) {
      float likeness = vector[0][c] * v[0];
      for (int d = 1; d < D; d++) likeness += vector[d][c] * v[d];
      score[c] -= pull * likeness;
    }
    score[pick] = -INFINITY;
  }
}

/* ---- Watching: eight users, each line a loop over them. ---- */

#define EACH for (int i = 0; i < L; i++)

typedef struct crowd {
  float taste[D][L], trend[D][L], memory[D][L], propensity[SV_INTERACTIONS][L], slope[SV_INTERACTIONS][L];
  float level[L], length_taste[L], lured[L], bored[L], leave[L], hour_length[L], mood[L], mood_sum[L],
      tired[L];
  float chance[SHOWN * 8][L], noise[SHOWN * 2][L], response[SV_RESPONSES][L];
  bool here[L];
} crowd;

static void gather(const sv_shared *s, sv_user *const *user, crowd *w) {
  const sv_constants *c = &s->constants;
  EACH {
    const sv_latent *latent = &user[i]->latent;
    const sv_known *known = &user[i]->known;
    const float *trend = sv_trend_of(s, known), hour = sv_hour(known);
    float chance[SHOWN * 8], noise[SHOWN * 2];
    for (int d = 0; d < D; d++) {
      w->taste[d][i] = latent->taste[d], w->trend[d][i] = trend[d], w->memory[d][i] = known->memory[d];
    }
    for (int k = 0; k < SV_INTERACTIONS; k++) {
      w->propensity[k][i] = latent->propensity[k] + c->interaction[k], w->slope[k][i] = latent->slope[k];
    }
    w->level[i] = latent->watch_level, w->length_taste[i] = latent->length_taste;
    w->lured[i] = latent->susceptibility, w->bored[i] = latent->boredom;
    w->mood[i] = latent->mind.mood, w->mood_sum[i] = latent->mind.mood_sum, w->tired[i] = known->fatigue;
    w->leave[i] = c->leave + latent->mind.leave_offset + 0.15f * trend[D];
    w->leave[i] += 0.3f * cosine_of_turns((hour - 10) * (1.0f / 24));
    w->hour_length[i] =
        c->hour_length *
        cosine_of_turns((hour - c->hour_length_peak - latent->mind.clock_shift) * (1.0f / 24));
    s->kernels->uniforms(known->visit.key, SV_SITE_CHANCES, known->visit.session, known->visit.request,
                         SHOWN * 8, chance);
    s->kernels->normals(known->visit.key, SV_SITE_TIMES, known->visit.session, known->visit.request,
                        SHOWN * 2, noise);
    for (int k = 0; k < SHOWN * 8; k++) w->chance[k][i] = chance[k];
    for (int k = 0; k < SHOWN * 2; k++) w->noise[k][i] = noise[k];
  }
  memset(w->response, 0, sizeof w->response);
  EACH w->here[i] = true;
}

/* One video for each of the eight. */
static void watch(const sv_shared *s, crowd *w, const sv_item *const *item, float (*v)[L], const float *fresh,
                  int p) {
  const sv_constants *c = &s->constants;
  const float tiring = s->heterogeneity;
  const float(*chance)[L] = (const float(*)[L])w->chance[p * 8], *noise = w->noise[p * 2],
        *spare = w->noise[p * 2 + 1];
  float time[L], joy[L], by_time[L], busy[L], long_view[L], length[L], quality[L], lure[L], quarrel[L],
      duration[L];
  float appeal[SV_INTERACTIONS][L], done[SV_INTERACTIONS][L], liked[L], shown[L], repeat[L];
  EACH {
    length[i] = item[i]->length, quality[i] = item[i]->quality, lure[i] = item[i]->clickbait;
    quarrel[i] = item[i]->controversy, duration[i] = item[i]->duration;
    for (int k = 0; k < 5; k++) appeal[k][i] = item[i]->head[SV_LIKE + k];
    appeal[5][i] = 0;
  }
  EACH liked[i] = w->taste[0][i] * v[0][i], shown[i] = w->trend[0][i] * v[0][i],
       repeat[i] = w->memory[0][i] * v[0][i];
  for (int d = 1; d < D; d++)
    EACH liked[i] += w->taste[d][i] * v[d][i], shown[i] += w->trend[d][i] * v[d][i],
        repeat[i] += w->memory[d][i] * v[d][i];
  EACH {
    float affinity = 2 * liked[i] + 0.3f * shown[i] + 0.25f * fresh[i];
    float again = 2 * w->bored[i] * repeat[i];
    float off = (length[i] - c->length_best) * (1 / c->length_width);
    float taste =
        (w->length_taste[i] + w->hour_length[i] + tiring * (c->length_mean - 0.6f * w->tired[i])) * length[i];
    float interest = affinity + 0.6f * quality[i] + taste + c->length_bend * exponential(-off * off) - again +
                     0.25f * w->mood[i] - 0.15f * w->tired[i];
    float attraction = interest + 0.9f * lure[i] * w->lured[i];
    bool skips = chance[0][i] < logistic(c->skip - 0.8f * attraction - c->skip_level * w->level[i]);
    float kept = c->watch + c->watch_level * w->level[i] + 0.55f * (interest - 0.6f * lure[i]) +
                 c->watch_sd * noise[i];
    float t = exponential(clip(skips ? 0.6f + 0.55f * noise[i] : kept, -6, 9)) + (skips ? 0 : 2);
    float early = 1 + 0.05f * (spare[i] + 0.9f);
    early = duration[i] * (early > 0.9f ? early : 0.9f);
    float late = duration[i] + exponential(clip(0.2f + 2 * spare[i], -7, 6));
    float end = spare[i] < -0.9f ? early : late;
    time[i] = t < duration[i] ? t : end;
    long_view[i] = time[i] >= (duration[i] < 18 ? duration[i] : 18) ? 1 : 0;
    joy[i] = affinity + 0.6f * quality[i] - 0.7f * lure[i] - 0.25f * quarrel[i] + 0.5f * taste - again;
    by_time[i] = clip(logarithm(1 + time[i]), 0, 4) - 2.5f;
  }
  for (int k = 0; k < SV_INTERACTIONS; k++) {
    const float omega = prl_shortvideo_omega[k], psi = c->by_time[k];
    EACH {
      float logit = w->propensity[k][i] + omega * joy[i] + psi * by_time[i];
      if (k < SV_INTERACTIONS - 1) logit += w->slope[k][i] * appeal[k][i];
      done[k][i] = chance[2 + k][i] < logistic(logit) ? 1 : 0;
    }
  }
  float(*r)[L] = w->response;
  EACH {
    float here = w->here[i] ? 1 : 0;
    busy[i] = 0.7f + 4 * (done[1][i] + done[2][i] + done[3][i]) + 8 * done[4][i];
    r[SV_R_WATCH_TIME][i] += here * time[i], r[SV_R_APP_TIME][i] += here * (time[i] + busy[i]);
    r[SV_R_VIDEO_VIEWS][i] += here, r[SV_R_LONG_VIEW][i] += here * long_view[i];
    for (int k = 0; k < SV_INTERACTIONS; k++) r[SV_R_LIKE + k][i] += here * done[k][i];
    float engaged = 1 - exponential(time[i] * (-1.0f / 6)), pleasure = 2 * logistic(joy[i]) - 1;
    float mood = 0.9532f * w->mood[i] + 0.0936f * pleasure * (0.35f + 0.65f * engaged);
    w->mood[i] = w->here[i] ? mood : w->mood[i];
    w->mood_sum[i] += w->here[i] ? mood : 0;
    w->tired[i] += w->here[i] ? time[i] * (1.0f / 1200) : 0;
    for (int d = 0; d < D; d++)
      w->memory[d][i] += w->here[i] ? 0.12f * engaged * (v[d][i] - w->memory[d][i]) : 0;
    float leave = w->leave[i] - s->rules.satisfaction * w->mood[i] + s->rules.fatigue * w->tired[i];
    w->here[i] &= chance[1][i] >= logistic(leave);
  }
}

/* ---- A step ---- */

static void observe(const shortvideo_yardstick *y, const sv_user *user, float *out) {
  prl_shortvideo_observe(y->shared, &user->known, user->prediction, sv_items(y->shared, user), out);
}

static void conclude(const shortvideo_yardstick *y, int64_t i, const float *offset, bool left,
                     const prl_step *step) {
  sv_user *user = user_at(y, i);
  sv_known *known = &user->known;
  float *response = step->response + i * SV_RESPONSES, *seen = step->observation + i * SV_OBSERVATIONS;
  const int64_t before_us = known->visit.clock_us;
  response[SV_R_RETURN_TIME] = known->visit.request == 0 ? known->gap : 0;
  response[SV_R_DEPTH] = 0;
  prl_shortvideo_remember(known, response, offset);
  known->visit.videos += (uint32_t)response[SV_R_VIDEO_VIEWS];
  known->visit.clock_us += (int64_t)((double)response[SV_R_APP_TIME] * 1e6);
  known->visit.request++;
  step->terminated[i] = left || known->visit.request >= (uint32_t)y->shared->rules.requests;
  if (step->terminated[i]) {
    observe(y, user, step->final_observation + i * SV_OBSERVATIONS);
    response[SV_R_DEPTH] = (float)known->visit.videos;
    prl_shortvideo_leave(y->shared, user, (uint64_t)i);
    step->elapsed_us[i] = known->visit.clock_us - before_us;
    prl_shortvideo_enter(y->shared, user);
  } else {
    step->elapsed_us[i] = known->visit.clock_us - before_us;
  }
  draw_candidates(y->shared, user);
  observe(y, user, seen);
}

static void eight(const shortvideo_yardstick *y, int64_t first, const prl_step *step) {
  static const float bound[SV_WEIGHTS] = {1, 1, 1, 1, 1, 1, 1, 2, 1, 1};
  const sv_shared *s = y->shared;
  sv_user *user[L];
  float offset[L][SV_WEIGHTS];
  int32_t order[L][SHOWN];
  EACH {
    const float *action = step->action + (first + i) * SV_WEIGHTS;
    float weight[SV_WEIGHTS];
    user[i] = user_at(y, first + i);
    for (int k = 0; k < SV_WEIGHTS; k++) {
      offset[i][k] = clip(action[k], -bound[k], bound[k]);
      weight[k] = s->base[k] + offset[i][k];
    }
    rank(s, user[i], weight, order[i]);
  }
  crowd w;
  gather(s, user, &w);
  for (int p = 0; p < SHOWN; p++) {
    const sv_item *item[L];
    float v[D][L], fresh[L];
    EACH {
      int32_t at = sv_items(s, user[i])[order[i][p]];
      item[i] = &s->item[at];
      fresh[i] = sv_fresh_of(s, at, sv_day(&user[i]->known));
      for (int d = 0; d < D; d++) v[d][i] = s->vector[at][d];
    }
    watch(s, &w, item, v, fresh, p);
  }
  EACH {
    user[i]->latent.mind.mood = w.mood[i], user[i]->latent.mind.mood_sum = w.mood_sum[i],
    user[i]->known.fatigue = w.tired[i];
    for (int d = 0; d < D; d++) user[i]->known.memory[d] = w.memory[d][i];
    for (int k = 0; k < SV_RESPONSES; k++) step->response[(first + i) * SV_RESPONSES + k] = w.response[k][i];
  }
  EACH conclude(y, first + i, offset[i], !w.here[i], step);
}

void shortvideo_yardstick_step(shortvideo_yardstick *y, const prl_step *step) {
  for (int64_t i = 0; i < y->n; i += L) eight(y, i, step);
  memset(step->truncated, 0, (size_t)y->n);
}

void shortvideo_yardstick_reset(shortvideo_yardstick *y, float *observation) {
  for (int64_t i = 0; i < y->n; i++) {
    sv_user *user = user_at(y, i);
    prl_shortvideo_birth(y->shared, user, (uint64_t)i);
    prl_shortvideo_enter(y->shared, user);
    draw_candidates(y->shared, user);
    observe(y, user, observation + i * SV_OBSERVATIONS);
  }
}

void shortvideo_yardstick_free(shortvideo_yardstick *y) {
  if (!y) return;
  free(y->shared), free(y->state), free(y);
}

shortvideo_yardstick *shortvideo_yardstick_new(int64_t n, uint64_t seed) {
  const prl_env_type *type = &prl_env_shortvideo;
  double values[64];
  for (int i = 0; type->options[i].name; i++) values[i] = type->options[i].value;
  shortvideo_yardstick *y = calloc(1, sizeof *y);
  if (!y) return NULL;
  y->n = n;
  y->state_size = sv_state_size(N, 0);
  y->shared = aligned_alloc(64, (sizeof *y->shared + 63) & ~(size_t)63);
  y->state = aligned_alloc(64, (size_t)n * y->state_size);
  if (y->shared && y->state) {
    memset(y->shared, 0, sizeof *y->shared);
    memset(y->state, 0, (size_t)n * y->state_size);
    if (!type->open(type, values, seed, y->shared, NULL)) return y;
  }
  shortvideo_yardstick_free(y);
  return NULL;
}
