/* The log-linear score and the greedy list:
 *     score = Σ_k w_k prediction_k + w_fresh φ + w_duration l − w_diversity (v·M + ¼ Σ_shown v·v′). */
#include "env/kuairand/kuairand.h"

#include "env/feed/list.h"
#include "env/kuairand/kernels/hot.h"

FEED_INLINE void list(const kr_shared *shared, const kr_user *user, const float *weight, int32_t shown,
                      int32_t *order, int factors) {
  const kr_world *world = shared->world;
  const kr_known *known = &user->known;
  const int32_t n = shared->candidates, *video = kr_videos(shared, user), width = factors + KR_ROW;
  const float fade = world->fade[kr_day_of(world, known)];
  v8 score[FEED_MAX_CANDIDATES / 8], vector[FEED_MAX_CANDIDATES / 8 * KR_MAX_FACTORS];
  for (int32_t c = 0; c < n; c += 8) {
    v8 fresh, length, *own = vector + c / 8 * factors;
    kr_gather(world->vector, factors, video + c, own);
    for (int i = 0; i < 8; i++) {
      const float *row = world->ranker.video + (size_t)video[c + i] * (size_t)width + factors;
      fresh[i] = row[KR_V_AGE];
      length[i] = row[KR_V_LENGTH];
    }
    v8 x = weight[KR_FRESHNESS] * v8_min(fresh * fade, v8_all(1)) + weight[KR_DURATION] * length;
    x -= weight[KR_DIVERSITY] * v8_dot_of(own, known->memory, factors);
    for (int k = 0; k < KR_HEADS; k++) x += weight[k] * v8_load(user->prediction + k * n + c);
    score[c / 8] = x;
  }
  feed_list(score, n, vector, factors, 0.25f * weight[KR_DIVERSITY], shown, order);
}

void PRL_TABLE_OF(prl_kuairand_rank_)(const void *shared_, const void *user_, const float *weight,
                                      int32_t shown, int32_t *order) {
  const kr_shared *shared = shared_;
  const kr_user *user = user_;
  KR_BY_FACTORS(shared->world->factors, list, shared, user, weight, shown, order);
}
