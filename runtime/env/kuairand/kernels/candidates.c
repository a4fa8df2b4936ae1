/* The candidates of a request: videos of the day, with the ranker's predictions. */
#include "env/kuairand/kuairand.h"

#include "env/kuairand/kernels/hot.h"
#include "tensor/kernels.h"

/* One video from each of n equal parts of the day's weight: a video with share w comes with probability n w
 * where w ≤ 1 / n. Places that two parts share move on, so that no video comes twice; a pool has at least n.
 */
static void retrieve(const kr_world *world, int32_t day, int32_t n, const float *draw, int32_t *video) {
  const kr_day *pool = &world->day[day];
  const uint32_t *bound = world->bound + pool->first;
  const int32_t *guide = world->guide + pool->guide;
  int32_t place[FEED_MAX_CANDIDATES], last = -1;
  const double part = 4294967296.0 / n;
  for (int32_t c = 0; c < n; c++) {
    uint32_t x = (uint32_t)(part * (c + (double)draw[c]));
    int32_t at = guide[x >> pool->shift];
    while (at < pool->count - 1 && bound[at] <= x) at++;
    last = at > last ? at : last + 1;
    place[c] = last;
  }
  int32_t limit = pool->count - 1;
  for (int32_t c = n - 1; c >= 0; c--) {
    if (place[c] > limit) place[c] = limit;
    limit = place[c] - 1;
    video[c] = world->pool[pool->first + place[c]];
  }
}

typedef struct sums {
  v8 sum[KR_WEIGHTS], watch2, long_view2, repeat2;
} sums;

static void summarise(float *out, int32_t n, const sums *s) {
  const float scale = 1.0f / (float)n;
  float mean[KR_WEIGHTS];
  for (int k = 0; k < KR_WEIGHTS; k++) mean[k] = v8_sum(s->sum[k]) * scale;
  const float square[3] = {v8_sum(s->watch2) * scale, v8_sum(s->long_view2) * scale,
                           v8_sum(s->repeat2) * scale};
  const int of[3] = {KR_WATCH, KR_LONG_VIEW, KR_DIVERSITY};
  float sd[3];
  for (int k = 0; k < 3; k++) {
    float variance = square[k] - mean[of[k]] * mean[of[k]];
    sd[k] = __builtin_sqrtf(variance > 0 ? variance : 0);
  }
  const float all[KR_STATISTICS] = {
      mean[KR_WATCH],     sd[0],           mean[KR_LONG_VIEW], sd[1],
      mean[KR_LIKE],      mean[KR_FOLLOW], mean[KR_SHARE],     mean[KR_COMMENT],
      mean[KR_DIVERSITY], sd[2],           mean[KR_FRESHNESS], mean[KR_DURATION]};
  memcpy(out, all, sizeof all);
}

/* Predictions of all heads; factors: a constant for the compiler. */
FEED_INLINE void predict(const kr_shared *shared, kr_user *user, const int32_t *video, float fade, sums *s,
                         int factors) {
  const kr_model *ranker = &shared->world->ranker;
  const kr_known *known = &user->known;
  const int32_t n = shared->candidates;
  const size_t who = (size_t)known->user;
  const float *taste = ranker->user + who * (size_t)(KR_HEADS * factors);
  const float *own = ranker->user_row + who * KR_ROW, *hour = ranker->hour[feed_hour_of_day(&known->visit)];
  float level[KR_HEADS];
  for (int k = 0; k < KR_HEADS; k++) level[k] = own[k] + hour[k];
  for (int32_t c = 0; c < n; c += 8) {
    v8 column[KR_MAX_FACTORS + KR_ROW], vector[KR_MAX_FACTORS], head[KR_HEADS];
    kr_gather(ranker->video, factors + KR_ROW, video + c, column);
    kr_gather(shared->world->vector, factors, video + c, vector);
    const v8 *row = column + factors;
    for (int k = 0; k < KR_HEADS; k++) {
      head[k] = (row[k] + level[k]) + v8_dot_of(column, taste + k * factors, factors);
      v8_store(user->prediction + k * n + c, head[k]);
      s->sum[k] += head[k];
    }
    v8 repeat = v8_dot_of(vector, known->memory, factors);
    s->sum[KR_DIVERSITY] += repeat;
    s->sum[KR_FRESHNESS] += v8_min(row[KR_V_AGE] * fade, v8_all(1));
    s->sum[KR_DURATION] += row[KR_V_LENGTH];
    s->watch2 += head[KR_WATCH] * head[KR_WATCH];
    s->long_view2 += head[KR_LONG_VIEW] * head[KR_LONG_VIEW];
    s->repeat2 += repeat * repeat;
  }
}

void PRL_TABLE_OF(prl_kuairand_candidates_)(const void *shared_, void *user_) {
  const kr_shared *shared = shared_;
  kr_user *user = user_;
  kr_known *known = &user->known;
  const kr_world *world = shared->world;
  const int32_t n = shared->candidates, day = kr_day_of(world, known);
  int32_t *video = kr_videos(shared, user);
  float draw[FEED_MAX_CANDIDATES];
  sums s = {.sum = {{0}}};
  shared->kernels->uniforms(known->visit.key, KR_SITE_POOL, known->visit.session, known->visit.request, n,
                            draw);
  retrieve(world, day, n, draw, video);
  KR_BY_FACTORS(world->factors, predict, shared, user, video, world->fade[day], &s);
  summarise(known->statistics, n, &s);
}
