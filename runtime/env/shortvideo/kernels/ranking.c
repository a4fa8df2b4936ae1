/* The log-linear score and the greedy list:
 *     score = Σ_k w_k prediction_k + w_fresh e^(−age / 3 d) + w_duration l − w_diversity (v·M + ¼ Σ_shown
 * v·v′). */
#include "env/shortvideo/shortvideo.h"

#include "env/shortvideo/kernels/hot.h"

/* The place of the greatest score, the first of equals. */
static int32_t best(const float *score, int64_t n) {
  v8 top = v8_load(score);
  i8 at = {0, 1, 2, 3, 4, 5, 6, 7}, here = at;
  for (int64_t c = 8; c < n; c += 8) {
    here += 8;
    v8 x = v8_load(score + c);
    i8 more = x > top;
    top = v8_where(more, x, top);
    at = (here & more) | (at & ~more);
  }
  int lane = 0;
  for (int i = 1; i < 8; i++)
    if (top[i] > top[lane] || (top[i] == top[lane] && at[i] < at[lane])) lane = i;
  return at[lane];
}

void SV_TABLE_OF(prl_shortvideo_rank_)(const sv_shared *shared, const sv_user *user, const float *weight,
                                       int32_t shown, int32_t *order) {
  const int64_t n = shared->candidates;
  const uint16_t *items = sv_items(shared, user);
  const int64_t day = sv_day(&user->known);
  float score[SV_MAX_CANDIDATES];
  v8 vector[SV_MAX_CANDIDATES / 8][SV_TOPICS];
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
    v8_store(score + c, x);
  }
  for (int32_t place = 0; place < shown; place++) {
    int32_t pick = best(score, n);
    order[place] = pick;
    if (place + 1 == shown) break;
    const float *picked = shared->vector[items[pick]];
    const float pull = 0.25f * weight[SV_DIVERSITY];
    for (int64_t c = 0; c < n; c += 8)
      v8_store(score + c, v8_load(score + c) - pull * v8_dot(vector[c / 8], picked));
    score[pick] = -__builtin_inff();
  }
}
