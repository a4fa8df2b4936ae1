/* The greedy list of a feed, for one kernel table. */
#ifndef PRL_ENV_FEED_LIST_H
#define PRL_ENV_FEED_LIST_H

#include "env/feed/vector.h"

/* The place of the greatest score, the first of equals. */
static int32_t feed_best(const float *score, int64_t n) {
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

/* The best `shown` of n candidates, one after the other: each that is chosen takes pull · (v·v′) from the
 * score of the others. score (n) is used up. vector (n / 8, dims): the candidates' vectors, eight side by
 * side. */
FEED_INLINE void feed_list(float *score, int64_t n, const v8 *vector, int dims, float pull, int32_t shown,
                           int32_t *order) {
  for (int32_t place = 0; place < shown; place++) {
    int32_t pick = feed_best(score, n);
    order[place] = pick;
    if (place + 1 == shown) break;
    const v8 *own = vector + pick / 8 * dims;
    float picked[64];
    for (int d = 0; d < dims; d++) picked[d] = own[d][pick % 8];
    for (int64_t c = 0; c < n; c += 8)
      v8_store(score + c, v8_load(score + c) - pull * v8_dot_of(vector + c / 8 * dims, picked, dims));
    score[pick] = -__builtin_inff();
  }
}

#endif
