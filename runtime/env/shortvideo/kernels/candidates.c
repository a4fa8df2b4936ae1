/* The candidates of a request with the noisy predictions that a supervised ranker gives. */
#include "env/shortvideo/shortvideo.h"

#include "env/feed/vector.h"
#include "env/shortvideo/kernels/hot.h"
#include "tensor/kernels.h"

/* Eight slots' choice between two items each, with dot products of the winners. */
typedef struct sv_slots {
  i8 item;
  v8 taste, trend, memory; /* u·v, trend·v, M·v */
} sv_slots;

typedef struct sv_reader {
  const sv_shared *shared;
  const sv_known *known;
  const float *taste, *trend;
  int64_t day;
} sv_reader;

FEED_WIDE void dots(const sv_reader *reader, const i8 *item, v8 *taste, v8 *trend, v8 *memory) {
  const float *row[8];
  v8 column[8];
  for (int i = 0; i < 8; i++) row[i] = reader->shared->vector[(*item)[i]];
  v8_transpose(row, column);
  *taste = v8_dot(column, reader->taste);
  *trend = v8_dot(column, reader->trend);
  *memory = v8_dot(column, reader->known->memory);
}

/* The better of two uniform items by (2 u + .15 trend)·v: retrieval knows tastes roughly. */
static sv_slots retrieve(const sv_reader *reader, const float *first, const float *second) {
  i8 a = i8_whole(v8_load(first) * SV_ITEMS), b = i8_whole(v8_load(second) * SV_ITEMS);
  v8 taste[2], trend[2], memory[2];
  dots(reader, &a, &taste[0], &trend[0], &memory[0]);
  dots(reader, &b, &taste[1], &trend[1], &memory[1]);
  i8 better = 2 * taste[1] + 0.15f * trend[1] > 2 * taste[0] + 0.15f * trend[0];
  sv_slots out = {.taste = v8_where(better, taste[1], taste[0]),
                  .trend = v8_where(better, trend[1], trend[0]),
                  .memory = v8_where(better, memory[1], memory[0]),
                  .item = i8_where(better, b, a)};
  return out;
}

static void summarise(float *statistics, int64_t n, const v8 *sum, v8 watch2, v8 long_view2, v8 repeat2) {
  float scale = 1.0f / (float)n, mean[10];
  for (int k = 0; k < 10; k++) mean[k] = v8_sum(sum[k]) * scale;
  float square[3] = {v8_sum(watch2) * scale, v8_sum(long_view2) * scale, v8_sum(repeat2) * scale};
  const int of[3] = {SV_WATCH, SV_LONG_VIEW, SV_DIVERSITY};
  float sd[3];
  for (int k = 0; k < 3; k++) {
    float variance = square[k] - mean[of[k]] * mean[of[k]];
    sd[k] = __builtin_sqrtf(variance > 0 ? variance : 0);
  }
  const float out[SV_STATISTICS] = {mean[SV_WATCH],
                                    sd[0],
                                    mean[SV_LONG_VIEW],
                                    sd[1],
                                    mean[SV_LIKE],
                                    mean[SV_FOLLOW],
                                    mean[SV_SHARE],
                                    mean[SV_DOWNLOAD],
                                    mean[SV_COMMENT],
                                    mean[SV_DIVERSITY],
                                    sd[2],
                                    mean[SV_FRESHNESS],
                                    mean[SV_DURATION]};
  memcpy(statistics, out, sizeof out);
}

void PRL_TABLE_OF(prl_shortvideo_candidates_)(const void *shared_, void *user_) {
  const sv_shared *shared = shared_;
  sv_user *user = user_;
  sv_known *known = &user->known;
  const int64_t n = shared->candidates;
  float pool[2 * FEED_MAX_CANDIDATES], error[(SV_HEADS + 1) * FEED_MAX_CANDIDATES];
  shared->kernels->uniforms(known->visit.key, SV_SITE_POOL, known->visit.session, known->visit.request, 2 * n,
                            pool);
  shared->kernels->normals(known->visit.key, SV_SITE_ERRORS, known->visit.session, known->visit.request,
                           (SV_HEADS + 1) * n, error);
  const sv_reader reader = {shared, known, user->latent.taste, sv_trend_of(shared, known), sv_day(known)};
  /* A light user's affinity is known worse, and the error is shared by all heads. */
  const float light = 0.5f - known->visit.activity;
  const float affinity_error = 0.9f + 1.2f * shared->heterogeneity * light;
  const float head_error = 0.5f * (1.0f + 0.8f * shared->heterogeneity * light);
  uint16_t *items = sv_items(shared, user);
  v8 sum[10] = {{0}}, watch2 = {0}, long_view2 = {0}, repeat2 = {0};
  for (int64_t c = 0; c < n; c += 8) {
    sv_slots slot = retrieve(&reader, pool + c, pool + n + c);
    const float *row[8];
    v8 head[8], fresh;
    for (int i = 0; i < 8; i++) {
      row[i] = shared->item[slot.item[i]].head;
      fresh[i] = sv_fresh_of(shared, slot.item[i], reader.day);
      items[c + i] = (uint16_t)slot.item[i];
    }
    v8_transpose(row, head); /* the heads' intercepts, then length */
    v8 length = head[7];
    v8 affinity = 2 * slot.taste + 0.3f * slot.trend + 0.25f * fresh;
    affinity += affinity_error * (1 + 0.5f * fresh) * v8_load(error + c);
    head[SV_WATCH] += shared->watch_slope * (affinity + known->length_taste * (1.0f / 6) * length) +
                      0.15f * v8_load(error + n + c);
    head[SV_LONG_VIEW] += shared->long_view_slope * affinity + 0.3f * v8_load(error + 2 * n + c);
    for (int k = SV_LIKE; k < SV_HEADS; k++)
      head[k] += (0.7f * prl_shortvideo_omega[k - SV_LIKE]) * affinity +
                 head_error * v8_load(error + (k + 1) * n + c);
    for (int k = 0; k < SV_HEADS; k++) {
      v8_store(user->prediction + k * n + c, head[k]);
      sum[k] += head[k];
    }
    sum[SV_DIVERSITY] += slot.memory;
    sum[SV_FRESHNESS] += fresh;
    sum[SV_DURATION] += length;
    watch2 += head[SV_WATCH] * head[SV_WATCH];
    long_view2 += head[SV_LONG_VIEW] * head[SV_LONG_VIEW];
    repeat2 += slot.memory * slot.memory;
  }
  summarise(known->statistics, n, sum, watch2, long_view2, repeat2);
}
