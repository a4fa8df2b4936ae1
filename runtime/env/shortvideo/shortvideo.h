/* Inner declarations of the short-video simulator; README.md beside this file gives its equations and
 * constants.
 *
 * A user's state has two parts that never mix: `latent` is what the world knows, `known` and the candidates
 * are what production would know. Observations are written from the second part alone, but for those of the
 * option `latent` (latent.c). */
#ifndef PRL_ENV_SHORTVIDEO_H
#define PRL_ENV_SHORTVIDEO_H

#include "env/feed/frame.h"

enum {
  SV_TOPICS = 8,       /* dimensions of taste and content */
  SV_HEADS = 7,        /* predictions: watch, long view, like, follow, share, download, comment */
  SV_INTERACTIONS = 6, /* like, follow, share, download, comment, hate */
  SV_WEIGHTS = 10,     /* the heads, diversity, freshness, duration */
  SV_RESPONSES = 12,   /* see sv_response */
  SV_SUMMARY = 10,     /* responses of the last request that the observation repeats: watch_time … hate */
  SV_MEANS = 8,       /* responses with running means: watch_time, video_views … comment without app_time */
  SV_STATISTICS = 13, /* of the candidates */
  SV_ITEMS = 4096,    /* videos in the catalogue at any time */
  SV_LIFE = 32,       /* days that a video stays in it: SV_ITEMS / SV_LIFE new ones each day */
  SV_DAYS = 4096,     /* the calendar of trends repeats after as many days */
  SV_TREND = 16,      /* floats a day: 8 of trend, the day effect, padding */
  SV_QUANTILES = 33   /* of the log duration of the logs' videos */
};

enum sv_head { SV_WATCH, SV_LONG_VIEW, SV_LIKE, SV_FOLLOW, SV_SHARE, SV_DOWNLOAD, SV_COMMENT };
enum sv_weight { SV_DIVERSITY = SV_HEADS, SV_FRESHNESS, SV_DURATION };
enum sv_response {
  SV_R_WATCH_TIME,
  SV_R_APP_TIME,
  SV_R_VIDEO_VIEWS,
  SV_R_LONG_VIEW,
  SV_R_LIKE, /* then follow, share, download, comment, hate */
  SV_R_HATE = SV_R_LIKE + 5,
  SV_R_DEPTH,
  SV_R_RETURN_TIME
};

/* Sites of random draws: the `extra` word of a Philox counter whose key belongs to one person. */
enum sv_site {
  SV_SITE_TRAITS = 1,
  SV_SITE_FIRST,
  SV_SITE_POOL,
  SV_SITE_ERRORS,
  SV_SITE_CHANCES,
  SV_SITE_TIMES,
  SV_SITE_RETURN
};

/* A row of the catalogue: what a ranker knows of a video (predictions for the average person, standard log
 * length), and what else decides how people respond. */
typedef struct sv_item {
  float head[SV_HEADS]; /* intercepts of the predictions; of an interaction k this is the appeal h_k */
  float length;         /* (ln duration − 4) / 1.15 */
  float quality, clickbait, controversy, duration; /* duration in s */
  float spare[4];
} sv_item;

/* Constants of the model. The defaults are in catalogue.c, with their reasons in README.md; `calibrate`
 * varies a copy. */
typedef struct sv_constants {
  float skip, watch, watch_sd;     /* intercepts of skipping and of log watch time, deviation of the latter */
  float skip_level, watch_level;   /* deviation between users of the logit of skipping, of log watch time */
  float length_mean;               /* mean taste for length of the fresh */
  float length_best, length_width; /* the standard log length that most like best, and how near it must be */
  float length_bend;               /* how much they like it */
  float hour_length, hour_length_peak; /* taste for length by hour: amplitude, hour of the peak */
  float interaction[SV_INTERACTIONS];  /* b_k */
  float propensity[SV_INTERACTIONS];   /* deviation between users of the own part of x_k */
  float by_time[SV_INTERACTIONS];      /* ψ_k */
  float leave;                         /* intercept of leaving after a video */
  float gap;                           /* mean log gap between sessions, ln h */
} sv_constants;

extern const sv_constants prl_shortvideo_constants;
extern const float prl_shortvideo_omega[SV_INTERACTIONS]; /* pull of enjoyment on each interaction */

/* One row of a calibration: one video that was played. */
typedef struct sv_impression {
  uint64_t user;
  float hour, duration, time;
  uint8_t done[SV_INTERACTIONS];
} sv_impression;

typedef struct sv_trace {
  sv_impression *rows;
  int64_t count, capacity;
} sv_trace;

extern const feed_table prl_shortvideo_table_baseline, prl_shortvideo_table_avx2, prl_shortvideo_table_avx512;

typedef struct sv_shared {
  const struct prl_kernels *kernels;
  const feed_table *table;
  sv_trace *trace; /* NULL but in calibration */
  sv_constants constants;
  /* the options */
  feed_rules rules;
  feed_clock clock;
  float heterogeneity, drift, return_wait;
  int32_t candidates, shown, history, by_item, latent;
  float base[SV_WEIGHTS];
  uint64_t seed;
  float fresh[SV_LIFE];               /* exp(−age / 3 days) */
  float watch_slope, long_view_slope; /* of the predictions in interest, at the average video */
  uint8_t born[SV_ITEMS];             /* the day, modulo SV_LIFE, on which the video in this place is new */
  float length[SV_ITEMS];
  float vector[SV_ITEMS][SV_TOPICS];
  sv_item item[SV_ITEMS];
  float trend[SV_DAYS][SV_TREND]; /* [SV_TOPICS] is the day effect */
} sv_shared;

typedef struct sv_latent {
  float taste[SV_TOPICS];
  float watch_level, length_taste, susceptibility, boredom;
  float propensity[SV_INTERACTIONS], slope[SV_INTERACTIONS];
  feed_mind mind;
} sv_latent;

typedef struct sv_known {
  feed_visit visit;                  /* its clock begins on a Monday */
  float propensity[5], length_taste; /* as production has estimated them */
  float memory[SV_TOPICS];           /* of what was watched */
  float fatigue;                     /* minutes watched in this session / 20 */
  float gap;                         /* hours between the session before and this one; 0: there was none */
  float last[SV_SUMMARY], fast[SV_MEANS], slow[SV_MEANS], action[SV_WEIGHTS];
  float statistics[SV_STATISTICS];
} sv_known;

/* One user. The candidates follow: prediction[SV_HEADS][candidates], then item[candidates]; and the ids of
 * what was watched last, int32[history]. */
typedef struct sv_user {
  sv_latent latent;
  sv_known known;
  float prediction[];
} sv_user;

static inline uint16_t *sv_items(const sv_shared *shared, const sv_user *user) {
  return (uint16_t *)(uintptr_t)(user->prediction + SV_HEADS * shared->candidates);
}

static inline size_t sv_history_at(int32_t candidates) {
  return sizeof(sv_user) + (size_t)candidates * (SV_HEADS * sizeof(float) + sizeof(uint16_t));
}

static inline size_t sv_state_size(int32_t candidates, int32_t history) {
  return (sv_history_at(candidates) + (size_t)history * sizeof(int32_t) + 63) & ~(size_t)63;
}

static inline int64_t sv_day(const sv_known *known) { return feed_day(&known->visit); }
static inline float sv_hour(const sv_known *known) { return feed_hour(&known->visit); }
static inline const float *sv_trend_of(const sv_shared *shared, const sv_known *known) {
  return shared->trend[sv_day(known) % SV_DAYS];
}
static inline float sv_fresh_of(const sv_shared *shared, int32_t item, int64_t day) {
  return shared->fresh[(day - shared->born[item]) & (SV_LIFE - 1)];
}

/* catalogue.c: fills vectors, items and trends from the seed and the constants in `shared`. */
void prl_shortvideo_catalogue(sv_shared *shared);

/* users.c */
extern const feed_clock prl_shortvideo_clock;
void prl_shortvideo_birth(const sv_shared *shared, sv_user *user, uint64_t stream);
/* Closes the session: when the user comes back, or that a new person takes the place. Returns the gap in
 * hours of the person who left, infinite when it was for good; moves the clock. */
float prl_shortvideo_leave(const sv_shared *shared, sv_user *user, uint64_t stream);
void prl_shortvideo_enter(const sv_shared *shared, sv_user *user);
/* After a request: the running means and the last responses. action: the offsets in force. */
void prl_shortvideo_remember(sv_known *known, const float *response, const float *action);
/* The running means of a person whom production has not met: the means of the population. */
extern const float prl_shortvideo_usual[SV_MEANS];

/* observation.c */
enum { SV_OBSERVATIONS = 64, SV_ITEM_FEATURES = 5 };
extern const prl_observation_spec
    prl_shortvideo_observation[SV_OBSERVATIONS + SV_ITEM_FEATURES * FEED_MAX_CANDIDATES];
extern const prl_observation_spec prl_shortvideo_with_history[SV_OBSERVATIONS + FEED_MAX_HISTORY];
/* All but what is latent and the history. */
void prl_shortvideo_observe(const sv_shared *shared, const sv_known *known, const float *prediction,
                            const uint16_t *item, float *out);

/* latent.c: what the world reads and production does not see, for the option `latent`. */
enum { SV_LATENT = FEED_MIND + 3 + 2 * SV_INTERACTIONS + 3 * SV_TOPICS + 1 };
extern const prl_observation_spec prl_shortvideo_with_latent[SV_OBSERVATIONS + SV_LATENT + FEED_MAX_HISTORY];
void prl_shortvideo_reveal(const sv_shared *shared, const sv_user *user, float *out);

#endif
