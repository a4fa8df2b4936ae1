/* What follows from the tensors of a world file: watch time over videos as long, the centres and scales of
 * enjoyment, freshness, and the tables from which a day's candidates are drawn. */
#include "env/kuairand/kuairand.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

enum { MOST_SAMPLED = 512 }; /* users, and videos, over which deviations are measured */

typedef struct place {
  float log_duration;
  int32_t video;
} place;

typedef struct work {
  kr_world *world;
  double *share;                  /* (videos) of the impressions of all days; adds up to 1 */
  place *order;                   /* (videos) by duration */
  double mean[2][KR_MAX_FACTORS]; /* scratch: mean factors of people, of videos */
} work;

static const float *video_row(const kr_world *w, const kr_model *model, int32_t i) {
  return model->video + (size_t)i * (size_t)(w->factors + KR_ROW);
}
static float *video_extra(const kr_world *w, const kr_model *model, int32_t i) {
  return model->video + (size_t)i * (size_t)(w->factors + KR_ROW) + w->factors;
}
static const float *user_factors(const kr_world *w, const kr_model *model, int32_t u, int head) {
  return model->user + ((size_t)u * KR_HEADS + (size_t)head) * (size_t)w->factors;
}

static double dot(const float *a, const double *b, int32_t n) {
  double sum = 0;
  for (int32_t d = 0; d < n; d++) sum += a[d] * b[d];
  return sum;
}

static int by_log_duration(const void *a, const void *b) {
  const place *x = a, *y = b;
  if (x->log_duration != y->log_duration) return x->log_duration < y->log_duration ? -1 : 1;
  return x->video < y->video ? -1 : 1;
}

/* The mean watch head of all people by ln duration: over twelve groups of videos with equal weight. */
typedef struct by_duration {
  int count;
  double at[KR_DURATIONS], mean[KR_DURATIONS];
} by_duration;

static by_duration watch_by_duration(work *k, const kr_model *model) {
  const kr_world *w = k->world;
  double *people = k->mean[0], total = 0, weight = 0, at = 0, mean = 0;
  by_duration out = {.count = 0};
  memset(k->mean[0], 0, sizeof k->mean[0]);
  for (int32_t u = 0; u < w->users; u++)
    for (int32_t d = 0; d < w->factors; d++)
      people[d] += user_factors(w, model, u, KR_WATCH)[d] / (double)w->users;
  for (int32_t j = 0; j < w->videos; j++) {
    const int32_t i = k->order[j].video;
    const float *row = video_row(w, model, i);
    weight += k->share[i];
    at += k->share[i] * (double)k->order[j].log_duration;
    mean += k->share[i] * ((double)row[w->factors + KR_WATCH] + dot(row, people, w->factors));
    total += k->share[i];
    const bool full = total * KR_DURATIONS >= out.count + 1 || j == w->videos - 1;
    if (!full || weight <= 0 || out.count == KR_DURATIONS) continue;
    out.at[out.count] = at / weight;
    out.mean[out.count++] = mean / weight;
    weight = at = mean = 0;
  }
  return out;
}

/* Linear between the groups' means, constant outside. */
static double usual_watch(const by_duration *table, double log_duration) {
  int i = 0;
  while (i < table->count - 1 && log_duration > table->at[i + 1]) i++;
  if (i >= table->count - 1 || log_duration <= table->at[0])
    return table->mean[log_duration <= table->at[0] ? 0 : table->count - 1];
  const double part = (log_duration - table->at[i]) / (table->at[i + 1] - table->at[i]);
  return table->mean[i] + part * (table->mean[i + 1] - table->mean[i]);
}

static void derive_ranker(work *k, const float *age) {
  kr_world *w = k->world;
  const by_duration usual = watch_by_duration(k, &w->ranker);
  double tau = 0;
  for (int32_t i = 0; i < w->videos; i++) tau += k->share[i] * (double)fmaxf(age[i], 0);
  tau = fmax(tau, 1);
  for (int32_t i = 0; i < w->videos; i++) {
    float *extra = video_extra(w, &w->ranker, i);
    const float log_duration = logf(w->duration[i]);
    extra[KR_WATCH] -= (float)usual_watch(&usual, (double)log_duration);
    extra[KR_V_LENGTH] = (log_duration - 4) / 1.15f;
    extra[KR_V_AGE] = (float)exp(-(double)age[i] / tau);
  }
  for (int32_t day = 0; day < w->days; day++) w->fade[day] = (float)exp(-day / tau);
}

/* The mean of one head over the videos, but for the user: factors into k->mean[1], the rest returned. column:
 * of the video's row. */
static double mean_video(work *k, int column) {
  const kr_world *w = k->world;
  double rest = 0;
  memset(k->mean[1], 0, sizeof k->mean[1]);
  for (int32_t i = 0; i < w->videos; i++) {
    const float *row = video_row(w, &w->response, i);
    for (int32_t d = 0; d < w->factors; d++) k->mean[1][d] += k->share[i] * (double)row[d];
    rest += k->share[i] * (double)row[w->factors + column];
  }
  return rest;
}

/* The deviation over videos, within a user, of head + column. */
static double deviation(const work *k, int head, int column) {
  const kr_world *w = k->world;
  const int32_t user_step = w->users / MOST_SAMPLED + 1, video_step = w->videos / MOST_SAMPLED + 1;
  double sum = 0, weight = 0;
  for (int32_t u = 0; u < w->users; u += user_step) {
    double own = 0, own2 = 0, own_weight = 0;
    for (int32_t i = 0; i < w->videos; i += video_step) {
      const float *row = video_row(w, &w->response, i), *taste = user_factors(w, &w->response, u, head);
      double x = (double)row[w->factors + column];
      for (int32_t d = 0; d < w->factors; d++) x += (double)(row[d] * taste[d]);
      own += k->share[i] * x, own2 += k->share[i] * x * x, own_weight += k->share[i];
    }
    if (own_weight <= 0) continue;
    own /= own_weight;
    sum += fmax(own2 / own_weight - own * own, 0);
    weight++;
  }
  return weight > 0 ? sqrt(sum / weight) : 0;
}

static void derive_response(work *k) {
  kr_world *w = k->world;
  const by_duration usual = watch_by_duration(k, &w->response);
  for (int32_t i = 0; i < w->videos; i++) {
    float *extra = video_extra(w, &w->response, i);
    const float log_duration = logf(w->duration[i]);
    extra[KR_V_GAIN] = extra[KR_A_WATCH] - (float)usual_watch(&usual, (double)log_duration);
  }
  const int head[2] = {KR_A_WATCH, KR_A_LIKE}, column[2] = {KR_V_GAIN, KR_A_LIKE},
            place_of[2] = {KR_U_GAIN, KR_U_LIKE};
  float scale[2];
  for (int x = 0; x < 2; x++) {
    const double rest = mean_video(k, column[x]), sd = deviation(k, head[x], column[x]);
    for (int32_t u = 0; u < w->users; u++)
      w->response.user_row[(size_t)u * KR_ROW + (size_t)place_of[x]] =
          (float)(rest + dot(user_factors(w, &w->response, u, head[x]), k->mean[1], w->factors));
    scale[x] = (float)(1 / fmax(sd, 1e-3));
  }
  w->gain_scale = scale[0];
  w->like_scale = scale[1];
}

/* Unit vectors from the mean of what is shown: likeness is then beyond that of any two videos. */
static void derive_vectors(work *k) {
  kr_world *w = k->world;
  double mean[KR_MAX_FACTORS] = {0};
  for (int32_t i = 0; i < w->videos; i++)
    for (int32_t d = 0; d < w->factors; d++)
      mean[d] += k->share[i] * (double)w->vector[(size_t)i * (size_t)w->factors + (size_t)d];
  for (int32_t i = 0; i < w->videos; i++) {
    float *v = w->vector + (size_t)i * (size_t)w->factors;
    double norm = 0;
    for (int32_t d = 0; d < w->factors; d++) v[d] -= (float)mean[d], norm += (double)(v[d] * v[d]);
    const float scale = norm > 1e-12 ? (float)(1 / sqrt(norm)) : 0;
    for (int32_t d = 0; d < w->factors; d++) v[d] *= scale;
  }
}

/* ---- The pools ---- */

static int32_t guide_bits(int32_t count) { /* cells: a quarter to a half of the places */
  int32_t bits = 6;
  while (bits < 16 && (int64_t)2 << bits < count) bits++;
  return bits;
}

static void derive_day(kr_world *w, kr_day *day, const float *weight) {
  uint32_t *bound = w->bound + day->first;
  int32_t *guide = w->guide + day->guide, at = 0;
  double total = 0, sum = 0;
  for (int32_t i = 0; i < day->count; i++) total += (double)weight[i];
  for (int32_t i = 0; i < day->count; i++) {
    sum += (double)weight[i];
    bound[i] = (uint32_t)fmin(sum / total * 4294967296.0, 4294967295.0);
  }
  for (int32_t cell = 0; cell < 1 << (32 - day->shift); cell++) {
    while (at < day->count - 1 && bound[at] <= (uint32_t)cell << day->shift) at++;
    guide[cell] = at;
  }
}

static prl_status derive_pools(kr_world *w, const int64_t *offset, const float *weight, prl_error *error) {
  int32_t cells = 0;
  w->day = prl_calloc(w->runtime, (size_t)w->days, sizeof *w->day);
  if (!w->day) return prl_fail_memory(error, (size_t)w->days * sizeof *w->day);
  for (int32_t d = 0; d < w->days; d++) {
    const int32_t count = (int32_t)(offset[d + 1] - offset[d]), bits = guide_bits(count);
    w->day[d] = (kr_day){.count = count, .first = (int32_t)offset[d], .guide = cells, .shift = 32 - bits};
    cells += 1 << bits;
  }
  w->bound = prl_calloc(w->runtime, (size_t)offset[w->days], sizeof *w->bound);
  w->guide = prl_calloc(w->runtime, (size_t)cells, sizeof *w->guide);
  if (!w->bound || !w->guide)
    return prl_fail_memory(error, (size_t)offset[w->days] * 4 + (size_t)cells * sizeof *w->guide);
  for (int32_t d = 0; d < w->days; d++) derive_day(w, &w->day[d], weight + offset[d]);
  return PRL_OK;
}

static void shares(work *k, int64_t entries, const float *weight) {
  const kr_world *w = k->world;
  double total = 0;
  for (int64_t i = 0; i < entries; i++) total += (double)weight[i];
  for (int64_t i = 0; i < entries; i++) k->share[w->pool[i]] += (double)weight[i] / total;
  for (int32_t i = 0; i < w->videos; i++) k->order[i] = (place){logf(w->duration[i]), i};
  qsort(k->order, (size_t)w->videos, sizeof *k->order, by_log_duration);
}

prl_status prl_kuairand_derive(kr_world *w, const int64_t *pool_offset, const float *pool_weight,
                               const float *age, prl_error *error) {
  prl_status status = derive_pools(w, pool_offset, pool_weight, error);
  if (status) return status;
  prl_arena arena;
  prl_arena_init(&arena, w->runtime);
  work k = {.world = w,
            .share = prl_arena_alloc(&arena, (size_t)w->videos * sizeof *k.share),
            .order = prl_arena_alloc(&arena, (size_t)w->videos * sizeof *k.order)};
  w->fade = prl_calloc(w->runtime, (size_t)w->days, sizeof *w->fade);
  if (k.share && k.order && w->fade) {
    shares(&k, pool_offset[w->days], pool_weight);
    derive_ranker(&k, age);
    derive_response(&k);
    derive_vectors(&k);
  } else {
    status = prl_fail_memory(error, (size_t)w->videos * (sizeof *k.share + sizeof *k.order));
  }
  prl_arena_deinit(&arena);
  return status;
}
