/* The greedy list of a feed, for one kernel table. */
#ifndef PRL_ENV_FEED_LIST_H
#define PRL_ENV_FEED_LIST_H

#include "env/feed/vector.h"

/* The greatest score so far in each lane, and its place, the first of equals. */
typedef struct feed_top {
  v8 score;
  i8 at;
} feed_top;

FEED_INLINE void feed_consider(feed_top *top, v8 score, i8 at) {
  i8 more = score > top->score;
  top->score = v8_where(more, score, top->score);
  top->at = i8_where(more, at, top->at);
}

/* The first place that has the greatest score of all lanes. Which lane that is nobody can predict: no
 * branches. */
FEED_INLINE int32_t feed_first(const feed_top *top, int64_t n) {
  i8 best = top->score == v8_most(top->score);
  return i8_least(i8_where(best, top->at, i8_all((int32_t)n - 1)));
}

/* The best `shown` of n candidates, one after the other: each that is chosen takes pull · (v·v′) from the
 * score of the others. score (n / 8) is used up. vector (n / 8, dims): the candidates' vectors, eight side by
 * side. */
FEED_INLINE void feed_list(v8 *score, int64_t n, const v8 *vector, int dims, float pull, int32_t shown,
                           int32_t *order) {
  const i8 lanes = {0, 1, 2, 3, 4, 5, 6, 7};
  const v8 never = v8_all(-__builtin_inff());
  feed_top top = {never, lanes};
  for (int32_t c = 0; c < n; c += 8) feed_consider(&top, score[c / 8], lanes + c);
  for (int32_t place = 0; place < shown; place++) {
    const int32_t pick = feed_first(&top, n);
    order[place] = pick;
    if (place + 1 == shown) break;
    const v8 *own = vector + pick / 8 * dims;
    float picked[64];
    for (int d = 0; d < dims; d++) picked[d] = own[d][pick % 8];
    top = (feed_top){never, lanes};
    for (int32_t c = 0; c < n; c += 8) {
      v8 x = score[c / 8] - pull * v8_dot_of(vector + c / 8 * dims, picked, dims);
      score[c / 8] = v8_where(lanes + c == pick, never, x);
      feed_consider(&top, score[c / 8], lanes + c);
    }
  }
}

#endif
