/* The log-linear score and the greedy list:
 *     score = Σ_k w_k prediction_k + w_fresh e^(−age / 3 d) + w_duration l − w_diversity (v·M + ¼ Σ_shown
 * v·v′). */
#include "env/shortvideo/shortvideo.h"

#include "env/feed/list.h"
#include "env/shortvideo/kernels/hot.h"

void PRL_TABLE_OF(prl_shortvideo_rank_)(const void *shared_, const void *user_, const float *weight,
                                        int32_t shown, int32_t *order) {
  const sv_shared *shared = shared_;
  const sv_user *user = user_;
  const int64_t n = shared->candidates;
  const uint16_t *items = sv_items(shared, user);
  const int64_t day = sv_day(&user->known);
  v8 score[FEED_MAX_CANDIDATES / 8], vector[FEED_MAX_CANDIDATES / 8][SV_TOPICS];
  for (int64_t c = 0; c < n; c += 8) {
    const float *row[8];
    v8 fresh, length;
    for (int i = 0; i < 8; i++) {
      int32_t item = items[c + i];
      row[i] = shared->vector[item];
      fresh[i] = sv_fresh_of(shared, item, day);
      length[i] = shared->length[item];
    }
    v8_transpose(row, vector[c / 8]);
    v8 x = weight[SV_FRESHNESS] * fresh + weight[SV_DURATION] * length;
    x -= weight[SV_DIVERSITY] * v8_dot(vector[c / 8], user->known.memory);
    for (int k = 0; k < SV_HEADS; k++) x += weight[k] * v8_load(user->prediction + k * n + c);
    score[c / 8] = x;
  }
  feed_list(score, n, vector[0], SV_TOPICS, 0.25f * weight[SV_DIVERSITY], shown, order);
}
