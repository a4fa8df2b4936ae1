/* What the simulated feeds (shortvideo, kuairand) share: the clock, sessions, moods, gaps between sessions
 * and running means. Equations and constants: runtime/env/shortvideo/README.md, "What stays" and "Away". */
#ifndef PRL_ENV_FEED_H
#define PRL_ENV_FEED_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "perilune/env.h"

enum feed_phase { FEED_UNBORN, FEED_AWAY, FEED_PRESENT };

#define FEED_DAY_US INT64_C(86400000000)

/* When people have time for videos. */
typedef struct feed_clock {
  const float *profile;   /* (24) activity by hour, about 1 in the mean */
  const uint8_t *weekend; /* (period) 1: a day of the weekend */
  int32_t period;         /* days after which `weekend` repeats */
} feed_clock;

/* The options of an environment that decide who leaves, and what ends with that. */
typedef struct feed_rules {
  float satisfaction, fatigue; /* pull of mood, and of 20 minutes watched */
  float lifetime;              /* mean days until a person leaves for good */
  int32_t requests;            /* of a session at most */
  int32_t episode;             /* of feed_episode (frame.h) */
} feed_rules;

/* What moves a person, and production does not know. */
typedef struct feed_mind {
  float leave_offset, gap_mean, clock_shift; /* logit; ln h; h */
  float mood, slow_mood, mood_sum;           /* mood_sum: over the videos of this session */
} feed_mind;

/* The state of a person. */
typedef struct feed_visit {
  int64_t clock_us;                  /* since 00:00 of the first day */
  int64_t opened_us;                 /* when this session began */
  uint32_t key[2];                   /* of this person's random draws */
  uint32_t person;                   /* how many persons this instance had before */
  uint32_t session, request, videos; /* of this person; of this session; of this session */
  int32_t phase;
  float activity; /* how active production takes the person to be, 0 … 1 */
} feed_visit;

static inline int64_t feed_day(const feed_visit *visit) { return visit->clock_us / FEED_DAY_US; }
static inline float feed_hour(const feed_visit *visit) {
  return (float)(visit->clock_us % FEED_DAY_US) * (1.0f / 3.6e9f);
}

/* The whole hours passed, 0 … 23. */
static inline int feed_hour_of_day(const feed_visit *visit) {
  return (int)(visit->clock_us % FEED_DAY_US / (FEED_DAY_US / 24));
}

/* Writes FEED_MOMENT_SPEC (frame.h). fatigue: 20 minutes watched in this session; gap: hours before it, 0
 * where there was none. Returns out's end. */
float *prl_feed_moment(float *out, const feed_visit *visit, bool weekend, float fatigue, float gap);
/* Writes FEED_MIND_SPEC (frame.h). Returns out's end. */
float *prl_feed_mind(float *out, const feed_visit *visit, const feed_mind *mind, float boredom);
/* Copies n numbers; returns out's end. */
static inline float *feed_put(float *out, const float *x, int n) {
  memcpy(out, x, (size_t)n * sizeof *x);
  return out + n;
}

/* The next person of the instance: a key of its own, clock as it was. site: of the environment. */
void prl_feed_birth(feed_visit *visit, uint64_t seed, uint64_t stream, uint32_t site);
/* When the first session of a run's first person begins: somewhere on the first day, by the profile; share in
 * (0, 1). */
int64_t prl_feed_first_time(const feed_clock *clock, float share);
void prl_feed_enter(feed_visit *visit, feed_mind *mind, float *fatigue);
/* After a request's videos: moves the clock; true where the session is over. */
bool prl_feed_pass(feed_visit *visit, const feed_rules *rules, float views, float app_time, bool left);
/* Closes the session: the slow mood, and the time of the next session. noise: standard normal; chance in
 * (0, 1). Returns the gap in hours, infinite where the person is gone for good; the clock moves by the gap in
 * both cases. */
float prl_feed_away(feed_visit *visit, feed_mind *mind, const feed_clock *clock, const feed_rules *rules,
                    float noise, float chance);
/* Between two sessions what was watched (n numbers) fades, and the mood returns to its slow level. */
void prl_feed_rest(feed_visit *visit, feed_mind *mind, float *memory, int n, float gap);
/* mean[k] += rate (x[of[k]] − mean[k]); of NULL: x[k]. */
void prl_feed_average(float *mean, const float *x, const int *of, int n, float rate);

#endif
