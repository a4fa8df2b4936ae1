#include "bench/kuairand_yardstick.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/plain_functions.h"
#include "env/kuairand/kuairand.h"
#include "tensor/kernels.h"

enum { N = 64, SHOWN = 6, L = FEED_LANES, D = 16, H = KR_HEADS, CHANCES = 2 + KR_INTERACTIONS };

struct kuairand_yardstick {
  int64_t n;
  uint64_t seed;
  size_t state_size;
  int32_t observations;
  kr_shared *shared;
  char *state;
};

static kr_user *user_at(const kuairand_yardstick *y, int64_t i) {
  return (kr_user *)(y->state + (size_t)i * y->state_size);
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

static void retrieve(const kr_world *w, const kr_known *known, const float *draw, int32_t *video) {
  const kr_day *day = &w->day[kr_day_of(w, known)];
  const uint32_t *bound = w->bound + day->first;
  int32_t place[N], last = -1;
  for (int c = 0; c < N; c++) {
    uint32_t x = (uint32_t)(4294967296.0 / N * (c + (double)draw[c]));
    int32_t at = w->guide[day->guide + (int32_t)(x >> day->shift)];
    while (at < day->count - 1 && bound[at] <= x) at++;
    place[c] = last = at > last ? at : last + 1;
  }
  for (int c = N - 1, limit = day->count - 1; c >= 0; c--) {
    if (place[c] > limit) place[c] = limit;
    limit = place[c] - 1;
    video[c] = w->pool[day->first + place[c]];
  }
}

static void vectors_of(const kr_world *w, const int32_t *video, float (*vector)[N]) {
  for (int c = 0; c < N; c++)
    for (int d = 0; d < D; d++) vector[d][c] = w->vector[(size_t)video[c] * D + (size_t)d];
}

static void products(const float (*column)[N], const float *with, float *restrict out) {
  for (int c = 0; c < N; c++) out[c] = column[0][c] * with[0];
  for (int d = 1; d < D; d++)
    for (int c = 0; c < N; c++) out[c] += column[d][c] * with[d];
}

static void draw_candidates(const kr_shared *s, kr_user *user) {
  const kr_world *w = s->world;
  const kr_model *ranker = &w->ranker;
  kr_known *known = &user->known;
  int32_t *video = kr_videos(s, user);
  const size_t who = (size_t)known->user;
  const float *hour = ranker->hour[feed_hour_of_day(&known->visit)], fade = w->fade[kr_day_of(w, known)];
  float draw[N], factor[D][N], row[KR_ROW][N], vector[D][N], match[N], repeat[N], *out = known->statistics;
  s->kernels->uniforms(known->visit.key, KR_SITE_POOL, known->visit.session, known->visit.request, N, draw);
  retrieve(w, known, draw, video);
  for (int c = 0; c < N; c++) {
    const float *from = ranker->video + (size_t)video[c] * (D + KR_ROW);
    for (int d = 0; d < D; d++) factor[d][c] = from[d];
    for (int k = 0; k < KR_ROW; k++) row[k][c] = from[D + k];
  }
  vectors_of(w, video, vector);
  for (int k = 0; k < H; k++) {
    const float level = ranker->user_row[who * KR_ROW + (size_t)k] + hour[k];
    float *restrict prediction = user->prediction + k * N;
    products((const float(*)[N])factor, ranker->user + (who * H + (size_t)k) * D, match);
    for (int c = 0; c < N; c++) prediction[c] = (row[k][c] + level) + match[c];
  }
  products((const float(*)[N])vector, known->memory, repeat);
  for (int c = 0; c < N; c++) row[KR_V_AGE][c] = row[KR_V_AGE][c] * fade < 1 ? row[KR_V_AGE][c] * fade : 1;
  out[0] = column_mean(user->prediction, NULL), out[1] = deviation(user->prediction, out[0]);
  out[2] = column_mean(user->prediction + N, NULL), out[3] = deviation(user->prediction + N, out[2]);
  for (int k = KR_LIKE; k < H; k++) out[k + 2] = column_mean(user->prediction + k * N, NULL);
  out[8] = column_mean(repeat, NULL), out[9] = deviation(repeat, out[8]);
  out[10] = column_mean(row[KR_V_AGE], NULL), out[11] = column_mean(row[KR_V_LENGTH], NULL);
}

/* ---- Ranking ---- */

static void rank(const kr_shared *s, const kr_user *user, const float *weight, int32_t *order) {
  const kr_world *w = s->world;
  const int32_t *video = kr_videos(s, user);
  const float fade = w->fade[kr_day_of(w, &user->known)], pull = 0.25f * weight[KR_DIVERSITY];
  float vector[D][N], score[N], likeness[N];
  vectors_of(w, video, vector);
  for (int c = 0; c < N; c++) {
    const float *row = w->ranker.video + (size_t)video[c] * (D + KR_ROW) + D;
    const float fresh = row[KR_V_AGE] * fade < 1 ? row[KR_V_AGE] * fade : 1;
    score[c] = weight[KR_FRESHNESS] * fresh + weight[KR_DURATION] * row[KR_V_LENGTH];
  }
  products((const float(*)[N])vector, user->known.memory, likeness);
  for (int c = 0; c < N; c++) score[c] -= weight[KR_DIVERSITY] * likeness[c];
  for (int k = 0; k < H; k++)
    for (int c = 0; c < N; c++) score[c] += weight[k] * user->prediction[k * N + c];
  for (int place = 0; place < SHOWN; place++) {
    float top = score[0];
    int pick = 0;
    for (int c = 1; c < N; c++) top = score[c] > top ? score[c] : top;
    while (score[pick] != top) pick++;
    order[place] = pick;
    products((const float(*)[N])vector, w->vector + (size_t)video[pick] * D, likeness);
    for (int c = 0; c < N; c++) score[c] -= pull * likeness[c];
    score[pick] = -INFINITY;
  }
}

/* ---- Watching: eight users, each line a loop over them. ---- */

#define EACH for (int i = 0; i < L; i++)

typedef struct crowd {
  float memory[D][L], taste[H][D][L], own[KR_ROW][L], bored[L], mood[L], mood_sum[L], tired[L], leave[L];
  float chance[SHOWN * CHANCES][L], response[KR_RESPONSES][L];
  bool here[L];
} crowd;

static void gather(const kr_shared *s, kr_user *const *user, crowd *w) {
  const kr_model *model = &s->world->response;
  EACH {
    const kr_known *known = &user[i]->known;
    const feed_mind *mind = &user[i]->latent.mind;
    const size_t who = (size_t)known->user;
    const float *hour = model->hour[feed_hour_of_day(&known->visit)];
    float chance[SHOWN * CHANCES];
    for (int d = 0; d < D; d++) w->memory[d][i] = known->memory[d];
    for (int k = 0; k < H; k++)
      for (int d = 0; d < D; d++) w->taste[k][d][i] = model->user[(who * H + (size_t)k) * D + (size_t)d];
    for (int k = 0; k < KR_ROW; k++) w->own[k][i] = model->user_row[who * KR_ROW + (size_t)k];
    for (int k = 0; k < H; k++) w->own[k][i] += hour[k];
    w->bored[i] = 2 * user[i]->latent.boredom, w->tired[i] = known->fatigue;
    w->mood[i] = mind->mood, w->mood_sum[i] = mind->mood_sum;
    w->leave[i] = -3.8f + mind->leave_offset;
    w->leave[i] += 0.3f * cosine_of_turns((feed_hour(&known->visit) - 10) * (1.0f / 24));
    s->kernels->uniforms(known->visit.key, KR_SITE_CHANCES, known->visit.session, known->visit.request,
                         SHOWN * CHANCES, chance);
    for (int k = 0; k < SHOWN * CHANCES; k++) w->chance[k][i] = chance[k];
  }
  memset(w->response, 0, sizeof w->response);
  EACH w->here[i] = true;
}

static inline int interval(const float *axis, int n, float x, float *part) {
  int at = 0;
  for (int j = 1; j < n - 1; j++) at += x >= axis[j];
  *part = clip((x - axis[at]) / (axis[at + 1] - axis[at]), 0, 1);
  return at;
}

static inline float between(float a, float b, float part) { return a + part * (b - a); }

static inline float play_time(const kr_world *w, float mean, float log_duration, float share) {
  const int q = w->quantiles, g = w->durations;
  float by_mean, by_duration, corner[2];
  const int m = interval(w->mean_axis, w->means, mean, &by_mean),
            d = interval(w->duration_axis, g, log_duration, &by_duration);
  const float x = clip(share * (float)q - 0.5f, 0, (float)(q - 1));
  const int k = (int)(x < (float)(q - 2) ? x : (float)(q - 2));
  const float part = x - (float)k;
  for (int b = 0; b < 2; b++) {
    const float *cell = w->play + ((size_t)(m + b) * (size_t)g + (size_t)d) * (size_t)q + k;
    corner[b] = between(between(cell[0], cell[1], part), between(cell[q], cell[q + 1], part), by_duration);
  }
  const float time = exponential(between(corner[0], corner[1], by_mean)) - 1;
  return time > 0 ? time : 0;
}

/* One video for each of the eight. */
static void watch(const kr_shared *s, crowd *w, const int32_t *video, int p) {
  static const float omega[KR_INTERACTIONS] = {0.5f, 0.5f, 0.35f, 0.25f, -0.8f};
  const kr_world *world = s->world;
  const float(*chance)[L] = (const float(*)[L])w->chance[p * CHANCES];
  float row[D + KR_ROW][L], v[D][L], match[H][L], head[H][L], likeness[L], time[L], joy[L], again[L],
      duration[L];
  float by_time[L], long_view[L], done[KR_INTERACTIONS][L], (*r)[L] = w->response;
  EACH {
    const size_t at = (size_t)video[i];
    for (int d = 0; d < D + KR_ROW; d++) row[d][i] = world->response.video[at * (D + KR_ROW) + (size_t)d];
    for (int d = 0; d < D; d++) v[d][i] = world->vector[at * D + (size_t)d];
    duration[i] = world->duration[at];
  }
  for (int k = 0; k < H; k++) {
    EACH match[k][i] = w->taste[k][0][i] * row[0][i];
    for (int d = 1; d < D; d++) EACH match[k][i] += w->taste[k][d][i] * row[d][i];
    EACH head[k][i] = (w->own[k][i] + row[D + k][i]) + match[k][i];
  }
  EACH likeness[i] = w->memory[0][i] * v[0][i];
  for (int d = 1; d < D; d++) EACH likeness[i] += w->memory[d][i] * v[d][i];
  EACH {
    const float repeat = w->bored[i] * likeness[i], tired = w->tired[i] - 0.7f;
    const float length = (logarithm(duration[i]) - 4) * (1 / 1.15f);
    again[i] = repeat - 0.04f;
    const float interest =
        0.25f * (w->mood[i] - 0.1f) - 0.15f * tired - again[i] - (0.6f * s->heterogeneity) * tired * length;
    time[i] = play_time(world, head[KR_A_WATCH][i] + 0.65f * interest, row[D + KR_V_PLAYED][i], chance[0][i]);
    const float gain =
        (match[KR_A_WATCH][i] + row[D + KR_V_GAIN][i] - w->own[KR_U_GAIN][i]) * world->gain_scale;
    const float liking =
        (match[KR_A_LIKE][i] + row[D + KR_A_LIKE][i] - w->own[KR_U_LIKE][i]) * world->like_scale;
    joy[i] = 0.4f + 0.9f * gain + 0.6f * liking - repeat;
  }
  EACH long_view[i] = time[i] >= (duration[i] < 18 ? duration[i] : 18) ? 1 : 0;
  EACH by_time[i] = clip(logarithm(1 + time[i]), 0, 4) - 2.5f;
  for (int k = 0; k < KR_INTERACTIONS; k++) {
    const float psi = world->time_slope[KR_A_LIKE + k];
    EACH {
      const float logit = head[KR_A_LIKE + k][i] + psi * by_time[i] - omega[k] * again[i];
      done[k][i] = chance[2 + k][i] < logistic(logit) ? 1 : 0;
    }
  }
  EACH {
    const float here = w->here[i] ? 1 : 0, busy = 0.7f + 4 * (done[1][i] + done[2][i]) + 8 * done[3][i];
    r[KR_R_WATCH_TIME][i] += here * time[i], r[KR_R_APP_TIME][i] += here * (time[i] + busy);
    r[KR_R_VIDEO_VIEWS][i] += here, r[KR_R_LONG_VIEW][i] += here * long_view[i];
    for (int k = 0; k < KR_INTERACTIONS; k++) r[KR_R_LIKE + k][i] += here * done[k][i];
    const float engaged = 1 - exponential(time[i] * (-1.0f / 6)), pleasure = 2 * logistic(joy[i]) - 1;
    const float mood = 0.9532f * w->mood[i] + 0.0936f * pleasure * (0.35f + 0.65f * engaged);
    w->mood[i] = w->here[i] ? mood : w->mood[i];
    w->mood_sum[i] += w->here[i] ? mood : 0;
    w->tired[i] += w->here[i] ? time[i] * (1.0f / 1200) : 0;
    for (int d = 0; d < D; d++)
      w->memory[d][i] += w->here[i] ? 0.12f * engaged * (v[d][i] - w->memory[d][i]) : 0;
    const float leave = w->leave[i] - s->rules.satisfaction * w->mood[i] + s->rules.fatigue * w->tired[i];
    w->here[i] &= chance[1][i] >= logistic(leave);
  }
}

/* ---- A step ---- */

static void observe(const kuairand_yardstick *y, const kr_user *user, float *out) {
  prl_kuairand_observe(y->shared->world, &user->known, out);
}

static void conclude(const kuairand_yardstick *y, int64_t i, const float *offset, bool left,
                     const prl_step *step) {
  kr_user *user = user_at(y, i);
  kr_known *known = &user->known;
  feed_visit *visit = &known->visit;
  float *response = step->response + i * KR_RESPONSES, *seen = step->observation + i * y->observations;
  const int64_t before_us = visit->clock_us;
  response[KR_R_RETURN_TIME] = visit->request == 0 ? known->gap : 0;
  response[KR_R_DEPTH] = 0;
  prl_kuairand_remember(known, response, offset);
  visit->videos += (uint32_t)response[KR_R_VIDEO_VIEWS];
  visit->clock_us += (int64_t)((double)response[KR_R_APP_TIME] * 1e6);
  visit->request++;
  step->terminated[i] = left || visit->request >= (uint32_t)y->shared->rules.requests;
  if (step->terminated[i]) {
    observe(y, user, step->final_observation + i * y->observations);
    response[KR_R_DEPTH] = (float)visit->videos;
    prl_kuairand_leave(y->shared, user, y->seed, (uint64_t)i);
    step->elapsed_us[i] = visit->clock_us - before_us;
    prl_kuairand_enter(y->shared, user);
  } else {
    step->elapsed_us[i] = visit->clock_us - before_us;
  }
  draw_candidates(y->shared, user);
  observe(y, user, seen);
}

static void eight(const kuairand_yardstick *y, int64_t first, const prl_step *step) {
  static const float bound[KR_WEIGHTS] = {1, 1, 1, 1, 1, 1, 2, 1, 0.3f};
  const kr_shared *s = y->shared;
  kr_user *user[L];
  float offset[L][KR_WEIGHTS];
  int32_t order[L][SHOWN];
  EACH {
    const float *action = step->action + (first + i) * KR_WEIGHTS;
    float weight[KR_WEIGHTS];
    user[i] = user_at(y, first + i);
    for (int k = 0; k < KR_WEIGHTS; k++) {
      offset[i][k] = clip(action[k], -bound[k], bound[k]);
      weight[k] = s->base[k] + offset[i][k];
    }
    rank(s, user[i], weight, order[i]);
  }
  crowd w;
  gather(s, user, &w);
  for (int p = 0; p < SHOWN; p++) {
    int32_t video[L];
    EACH video[i] = kr_videos(s, user[i])[order[i][p]];
    watch(s, &w, video, p);
  }
  EACH {
    user[i]->latent.mind.mood = w.mood[i], user[i]->latent.mind.mood_sum = w.mood_sum[i];
    user[i]->known.fatigue = w.tired[i];
    for (int d = 0; d < D; d++) user[i]->known.memory[d] = w.memory[d][i];
    for (int k = 0; k < KR_RESPONSES; k++) step->response[(first + i) * KR_RESPONSES + k] = w.response[k][i];
  }
  EACH conclude(y, first + i, offset[i], !w.here[i], step);
}

void kuairand_yardstick_step(kuairand_yardstick *y, const prl_step *step) {
  for (int64_t i = 0; i < y->n; i += L) eight(y, i, step);
  memset(step->truncated, 0, (size_t)y->n);
}

void kuairand_yardstick_reset(kuairand_yardstick *y, float *observation) {
  for (int64_t i = 0; i < y->n; i++) {
    kr_user *user = user_at(y, i);
    prl_kuairand_birth(y->shared, user, y->seed, (uint64_t)i);
    prl_kuairand_enter(y->shared, user);
    draw_candidates(y->shared, user);
    observe(y, user, observation + i * y->observations);
  }
}

void kuairand_yardstick_free(kuairand_yardstick *y) {
  if (!y) return;
  free(y->shared), free(y->state), free(y);
}

kuairand_yardstick *kuairand_yardstick_new(const prl_env_type *type, int64_t n, uint64_t seed) {
  double values[64];
  prl_env_spec spec = {0};
  for (int i = 0; type->options[i].name; i++) values[i] = type->options[i].value;
  kuairand_yardstick *y = calloc(1, sizeof *y);
  if (!y) return NULL;
  y->n = n, y->seed = seed;
  y->state_size = kr_state_size(N, 0);
  y->shared = calloc(1, sizeof *y->shared);
  y->state = aligned_alloc(64, (size_t)n * y->state_size);
  if (y->shared && y->state && !type->spec(type, values, &spec, NULL) &&
      !type->open(type, values, seed, y->shared, NULL)) {
    memset(y->state, 0, (size_t)n * y->state_size);
    y->observations = spec.observations;
    return y;
  }
  kuairand_yardstick_free(y);
  return NULL;
}
