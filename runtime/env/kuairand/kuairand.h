/* Inner declarations of the kuairand environment; README.md beside this file gives its equations and
 * constants, and says what is data, what is model and what is assumption.
 *
 * What production knows (kr_known, the candidates, the ranker) and what the world knows (kr_latent, the
 * response model) never mix: observations are written from the first alone, but
 * for those of the option `latent` (latent.c). */
#ifndef PRL_ENV_KUAIRAND_H
#define PRL_ENV_KUAIRAND_H

#include "env/feed/frame.h"

enum {
  KR_HEADS = 6,        /* of either model that are used: see kr_score and kr_answer */
  KR_INTERACTIONS = 5, /* like, follow, share, comment, hate */
  KR_WEIGHTS = 9,      /* the ranker's heads, diversity, freshness, duration */
  KR_RESPONSES = 11,   /* see kr_response */
  KR_SUMMARY = 9,      /* responses of the last request that the observation repeats: watch_time … hate */
  KR_MEANS = 7,       /* responses with running means: watch_time, video_views … comment without app_time */
  KR_STATISTICS = 12, /* of the candidates */
  KR_ROW = 8, /* numbers beside the factors, in rows of people and of videos: six heads and two more */
  KR_MAX_FACTORS = 32,
  KR_MAX_FEATURES = 64,
  KR_OBSERVATIONS = 53, /* and then the features of the user, and the history */
  KR_MAX_AXIS = 64,     /* points of an axis of the play-time table */
  KR_DURATIONS = 12     /* groups of videos by duration */
};

enum kr_score { KR_WATCH, KR_LONG_VIEW, KR_LIKE, KR_FOLLOW, KR_SHARE, KR_COMMENT }; /* heads of the ranker */
enum kr_weight { KR_DIVERSITY = KR_HEADS, KR_FRESHNESS, KR_DURATION };
enum kr_answer {
  KR_A_WATCH,
  KR_A_LIKE,
  KR_A_FOLLOW,
  KR_A_SHARE,
  KR_A_COMMENT,
  KR_A_HATE
}; /* of the responses */
enum kr_response {
  KR_R_WATCH_TIME,
  KR_R_APP_TIME,
  KR_R_VIDEO_VIEWS,
  KR_R_LONG_VIEW,
  KR_R_LIKE, /* then follow, share, comment, hate */
  KR_R_HATE = KR_R_LIKE + KR_INTERACTIONS - 1,
  KR_R_DEPTH,
  KR_R_RETURN_TIME
};

/* Places in rows of KR_ROW numbers after the heads. */
enum kr_column {
  KR_V_LENGTH = KR_HEADS, /* a video, ranker: (ln duration − 4) / 1.15 */
  KR_V_AGE,               /* a video, ranker: e^(−age on the first day / τ) */
  KR_V_GAIN = KR_HEADS,   /* a video, responses: watch over videos as long */
  KR_V_PLAYED, /* a video, responses: ln duration on the axis of play times, 0 where it is not known */
  KR_U_GAIN = KR_HEADS,     /* a user, responses: mean gain over videos */
  KR_U_LIKE = KR_HEADS + 1, /* a user, responses: mean like over videos, but for the user's bias */
};

/* Sites of random draws. */
enum kr_site { KR_SITE_TRAITS = 1, KR_SITE_FIRST, KR_SITE_POOL, KR_SITE_CHANCES, KR_SITE_RETURN };

/* One of the two models. Head k of user u and video i: user_row[k] + video_row[k] + hour[k] + Σ_d user[k][d]
 * video[d]. */
typedef struct kr_model {
  float *user;     /* (users, KR_HEADS, factors) */
  float *user_row; /* (users, KR_ROW) */
  float *video;    /* (videos, factors + KR_ROW) */
  float hour[24][KR_ROW];
} kr_model;

typedef struct kr_day {
  int32_t count, first; /* of the pool, in `pool` and `bound` */
  int32_t guide, shift; /* first place in `guide`; a draw's upper bits, x >> shift, are the cell */
} kr_day;

/* A world file, read whole; never changed after, so that threads share it. */
typedef struct kr_world {
  prl_runtime *runtime;
  char digest[33];
  int32_t users, videos, factors, days, features; /* factors: padded with zeros to a multiple of 8 */
  kr_model ranker, response;
  float time_slope[KR_HEADS];   /* ψ of the response model's heads */
  float gain_scale, like_scale; /* 1 / deviation of the gain and of the like logit within a user */
  float *fade;                  /* (days) e^(−day / τ) */
  float *vector;                /* (videos, factors) */
  float *duration;              /* (videos) s */
  float *feature;               /* (users, features) */
  float *activity;              /* (users) */
  int32_t means, durations, quantiles;
  float mean_axis[KR_MAX_AXIS], duration_axis[KR_MAX_AXIS];
  float *play; /* (means, durations, quantiles) ln(1 + s) */
  kr_day *day; /* (days) */
  int32_t *pool;
  uint32_t *bound; /* cumulative weight of a day's pool, 2³² for the whole */
  int32_t *guide;
  float profile[24];
  uint8_t *weekend;                  /* (days) */
  char (*name)[64];                  /* (features) of the observation */
  prl_observation_spec *observation; /* (KR_OBSERVATIONS + features + FEED_MAX_HISTORY) */
  char (*latent_name)[32];           /* (kr_latent_count) */
  prl_observation_spec *with_latent; /* the same with what is latent before the history */
} kr_world;

/* world.c */
extern const prl_env_file prl_kuairand_file;
void prl_kuairand_world_free(kr_world *world); /* NULL is allowed */
/* derive.c: what follows from the tensors of the file: centres and scales, means by duration, the tables of
 * the pools. pool_offset (days + 1), pool_weight as in the file. Fails: PRL_ENOMEM. */
prl_status prl_kuairand_derive(kr_world *world, const int64_t *pool_offset, const float *pool_weight,
                               const float *age, prl_error *error);

extern const feed_table prl_kuairand_table_baseline, prl_kuairand_table_avx2, prl_kuairand_table_avx512;

/* One video that was watched, for the tests beside the logs. */
typedef struct kr_impression {
  float duration, time;
  uint8_t done[KR_INTERACTIONS];
} kr_impression;

typedef struct kr_trace {
  kr_impression *rows;
  int64_t count, capacity;
} kr_trace;

typedef struct kr_shared {
  const kr_world *world;
  const struct prl_kernels *kernels;
  const feed_table *table;
  kr_trace *trace; /* NULL but in tests */
  feed_rules rules;
  feed_clock clock;
  float heterogeneity, return_wait;
  int32_t candidates, shown, history, latent;
  float base[KR_WEIGHTS];
} kr_shared;

typedef struct kr_latent {
  feed_mind mind;
  float boredom;
} kr_latent;

typedef struct kr_known {
  feed_visit visit;             /* its clock begins on the first of the file's days */
  int32_t user;                 /* which user of the file */
  float fatigue;                /* minutes watched in this session / 20 */
  float gap;                    /* hours between the session before and this one; 0: there was none */
  float memory[KR_MAX_FACTORS]; /* of what was watched */
  float last[KR_SUMMARY], fast[KR_MEANS], slow[KR_MEANS], action[KR_WEIGHTS];
  float statistics[KR_STATISTICS];
} kr_known;

/* One person. The candidates follow: prediction[KR_HEADS][candidates], then int32 video[candidates]; and the
 * ids of what was watched last, int32[history]. */
typedef struct kr_user {
  kr_latent latent;
  kr_known known;
  float prediction[];
} kr_user;

static inline int32_t *kr_videos(const kr_shared *shared, const kr_user *user) {
  return (int32_t *)(uintptr_t)(user->prediction + KR_HEADS * shared->candidates);
}

static inline size_t kr_history_at(int32_t candidates) {
  return sizeof(kr_user) + (size_t)candidates * (KR_HEADS * sizeof(float) + sizeof(int32_t));
}

static inline size_t kr_state_size(int32_t candidates, int32_t history) {
  return (kr_history_at(candidates) + (size_t)history * sizeof(int32_t) + 63) & ~(size_t)63;
}

static inline int32_t kr_day_of(const kr_world *world, const kr_known *known) {
  return (int32_t)(feed_day(&known->visit) % world->days);
}

/* people.c */
void prl_kuairand_birth(const kr_shared *shared, kr_user *user, uint64_t seed, uint64_t stream);
/* Closes the session: when the person comes back, or that another takes the place. Returns the gap in hours
 * of the person who left, infinite when it was for good; moves the clock. */
float prl_kuairand_leave(const kr_shared *shared, kr_user *user, uint64_t seed, uint64_t stream);
void prl_kuairand_enter(const kr_shared *shared, kr_user *user);
/* After a request: the running means and the last responses. action: the offsets in force. */
void prl_kuairand_remember(kr_known *known, const float *response, const float *action);
extern const float prl_kuairand_usual[KR_MEANS]; /* the running means of whom production has not met */

/* observation.c */
/* Without a world: no features of users, and ids without an end. */
extern const prl_observation_spec prl_kuairand_observation[KR_OBSERVATIONS + FEED_MAX_HISTORY];
/* All but what is latent and the history. */
void prl_kuairand_observe(const kr_world *world, const kr_known *known, float *out);

/* latent.c: what the world reads and production does not see, for the option `latent`: the mind, the response
 * model's row and factors of this user, and what was watched. */
static inline int32_t kr_latent_count(const kr_world *world) {
  return FEED_MIND + KR_ROW + (KR_HEADS + 1) * world->factors;
}
/* Fills latent_name and the part of with_latent that is latent; both have room. */
void prl_kuairand_latent_spec(kr_world *world);
void prl_kuairand_reveal(const kr_world *world, const kr_user *user, float *out);

#endif
