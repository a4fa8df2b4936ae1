/* The effects of a video that was watched, for eight people at once: for one kernel table. */
#ifndef PRL_ENV_FEED_FEEL_H
#define PRL_ENV_FEED_FEEL_H

#include "env/feed/feed.h"
#include "env/feed/vector.h"

typedef struct feed_crowd {
  v8 mood, mood_sum, fatigue;
  v8 leave; /* logit of leaving but for mood and fatigue */
  i8 here;  /* all ones while the person has not left */
} feed_crowd;

/* The part of the logit of leaving that follows the hour. */
FEED_INLINE v8 feed_leave_by_hour(v8 hour) { return 0.3f * v8_cos_turns((hour - 10) * (1.0f / 24)); }

/* What the time watched does to the logits of interactions, times their slopes. */
FEED_INLINE v8 feed_by_time(v8 time) { return v8_clip(v8_log(1 + time), 0, 4) - 2.5f; }

/* Seconds in the app beside the watching: acts of one tap, comments. */
FEED_INLINE v8 feed_busy(v8 taps, v8 comments) { return v8_all(0.7f) + 4 * taps + 8 * comments; }

/* Mood, memory (dims), fatigue; and who leaves after this video. vector (dims): of the video; chance in (0,
 * 1).
 */
FEED_INLINE void feed_feel(feed_crowd *crowd, v8 *memory, const v8 *vector, int dims, v8 time, v8 enjoyment,
                           v8 chance, const feed_rules *rules) {
  v8 engaged = 1 - v8_exp(time * (-1.0f / 6));
  v8 joy = 2 * v8_sigmoid(enjoyment) - 1; /* tanh(g / 2) */
  v8 mood = 0.9532f * crowd->mood + 0.0936f * joy * (0.35f + 0.65f * engaged);
  crowd->mood = v8_where(crowd->here, mood, crowd->mood);
  crowd->mood_sum += v8_where(crowd->here, mood, v8_all(0));
  for (int d = 0; d < dims; d++) {
    v8 step = 0.12f * engaged * (vector[d] - memory[d]);
    memory[d] += v8_where(crowd->here, step, v8_all(0));
  }
  crowd->fatigue += v8_where(crowd->here, time * (1.0f / 1200), v8_all(0));
  v8 leave = crowd->leave - rules->satisfaction * crowd->mood + rules->fatigue * crowd->fatigue;
  crowd->here &= chance >= v8_sigmoid(leave);
}

#endif
