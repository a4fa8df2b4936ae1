/* The frame of a feed (shortvideo, kuairand): a request is a step, a session an episode (or a person's day,
 * or life), an instance one person after the other. An environment says who people are, which videos are
 * there and how people respond to them; what follows from being a feed stands here: its options, responses
 * and observations, and the steps. */
#ifndef PRL_ENV_FEED_FRAME_H
#define PRL_ENV_FEED_FRAME_H

#include "env/feed/feed.h"
#include "env/feed/table.h"

struct prl_kernels;

/* ---- What every feed has, as rows of its lists; `...`: what one of them has besides ---- */

#define FEED_PULL_OPTIONS                                                                                    \
  {"satisfaction", 0.5, 0, 2, "", "effect of mood on staying, returning, and not leaving for good"}, {       \
    "fatigue", 0.15, 0, 2, "", "effect on leaving of 20 minutes watched in the session"                      \
  }
#define FEED_RETURN_OPTION                                                                                   \
  {                                                                                                          \
    "return_wait", 0, 0, 96, "h",                                                                            \
        "0: return_time comes with the first request of the next session; 24, 48, 72 or 96: with the step "  \
        "that ended the session, censored at that many hours; steps wait for it"                             \
  }
#define FEED_EPISODE_OPTION                                                                                  \
  {                                                                                                          \
    "episode", FEED_SESSION, FEED_SESSION, FEED_LIFE, "",                                                    \
        "what ends one: the session; the user's day, with the last session that began on it; or life, "      \
        "until the user leaves for good. The time between its sessions is elapsed time of a step"            \
  }
#define FEED_HISTORY_OPTION                                                                                    \
  {                                                                                                            \
    "history", 0, 0, FEED_MAX_HISTORY, "count",                                                                \
        "further observations at the end, video_1, video_2, …: the ids of the videos that the user watched " \
        "last, the newest first; -1: none yet"                                                                 \
  }
#define FEED_LATENT_OPTION                                                                                   \
  {                                                                                                          \
    "latent", 0, 0, 1, "",                                                                                   \
        "1: further observations, latent_…: what the world knows of the user and production does not. A "  \
        "policy of them is a yardstick of what can be had, and cannot be served"                             \
  }
/* In the order of feed_size. */
#define FEED_SIZE_OPTIONS                                                                                    \
  {"candidates", 64, 8, FEED_MAX_CANDIDATES, "count", "candidates of a request; a multiple of 8"},           \
      {"shown", 6, 1, FEED_MAX_SHOWN, "count", "videos shown for a request"},                                \
      {"requests", 60, 1, 10000, "count", "the most requests of a session"},                                 \
      {"lifetime", 10, 0.5, 100000, "d", "mean days until a user leaves for good and another one comes"},    \
      FEED_RETURN_OPTION, FEED_EPISODE_OPTION, FEED_HISTORY_OPTION, FEED_LATENT_OPTION
enum feed_pull { FEED_SATISFACTION, FEED_FATIGUE, FEED_PULLS };
enum feed_size {
  FEED_CANDIDATES,
  FEED_SHOWN,
  FEED_REQUESTS,
  FEED_LIFETIME,
  FEED_RETURN_WAIT,
  FEED_EPISODE,
  FEED_HISTORY,
  FEED_LATENT,
  FEED_SIZES
};
enum feed_episode { FEED_SESSION, FEED_DAY, FEED_LIFE };
/* The words for its values, and the options that came after the others. */
extern const prl_env_words prl_feed_words[];
extern const char *const prl_feed_later[];
#define FEED_BASE_OPTION(weight, value, of)                                                                  \
  { "base_" weight, value, -5, 5, "", "base " of }

#define FEED_SUM(name, unit)                                                                                 \
  { name, unit, 0, PRL_COMBINE_SUM, 0 }
/* ...: of interactions between share and comment. */
#define FEED_RESPONSES(hours, ...)                                                                           \
  {                                                                                                          \
    FEED_SUM("watch_time", "s"), FEED_SUM("app_time", "s"), FEED_SUM("video_views", "count"),                \
        FEED_SUM("long_view", "count"), FEED_SUM("like", "count"), FEED_SUM("follow", "count"),              \
        FEED_SUM("share", "count"), ##__VA_ARGS__, FEED_SUM("comment", "count"), FEED_SUM("hate", "count"),  \
        {"depth", "count", 0, PRL_COMBINE_LAST, 0}, {                                                        \
      "return_time", "h", 0, PRL_COMBINE_LAST, (hours)*INT64_C(3600000000)                                   \
    }                                                                                                        \
  }
/* By return_wait / 24. */
#define FEED_RESPONSES_BY_WAIT(...)                                                                          \
  {                                                                                                          \
    FEED_RESPONSES(0, ##__VA_ARGS__), FEED_RESPONSES(24, ##__VA_ARGS__), FEED_RESPONSES(48, ##__VA_ARGS__),  \
        FEED_RESPONSES(72, ##__VA_ARGS__), FEED_RESPONSES(96, ##__VA_ARGS__)                                 \
  }

/* A row ends with `true` where what was shown before moves it. */
#define FEED_ANY -INFINITY, INFINITY
#define FEED_AT_LEAST_0 0, INFINITY
/* The moment of a request, as production knows it: what prl_feed_moment writes. */
#define FEED_MOMENT_SPEC                                                                                     \
  {"hour_sin", "", -1, 1, false}, {"hour_cos", "", -1, 1, false}, {"weekend", "", 0, 1, false},              \
      {"first_request", "", 0, 1, false}, {"log_request", "", FEED_AT_LEAST_0, true},                        \
      {"session_watched", "min", FEED_AT_LEAST_0, true}, {                                                   \
    "log_gap", "ln h", FEED_ANY, true                                                                        \
  }
#define FEED_COUNT(name)                                                                                     \
  { name, "count", FEED_AT_LEAST_0, true }
/* The request before. */
#define FEED_LAST_SPEC(...)                                                                                  \
  {"last_watch_time", "s", FEED_AT_LEAST_0, true}, {"last_app_time", "s", FEED_AT_LEAST_0, true},            \
      FEED_COUNT("last_video_views"), FEED_COUNT("last_long_view"), FEED_COUNT("last_like"),                 \
      FEED_COUNT("last_follow"), FEED_COUNT("last_share"), ##__VA_ARGS__, FEED_COUNT("last_comment"),        \
      FEED_COUNT("last_hate")
/* Running means over requests. */
#define FEED_MEANS_SPEC(pace, ...)                                                                           \
  {pace "_watch_time", "s", FEED_AT_LEAST_0, true}, FEED_COUNT(pace "_video_views"),                         \
      FEED_COUNT(pace "_long_view"), FEED_COUNT(pace "_like"), FEED_COUNT(pace "_follow"),                   \
      FEED_COUNT(pace "_share"), ##__VA_ARGS__, FEED_COUNT(pace "_comment")
#define FEED_ACTION(name)                                                                                    \
  { "mean_action_" name, "", FEED_ANY, true }
#define FEED_ACTIONS_SPEC(...)                                                                               \
  FEED_ACTION("watch"), FEED_ACTION("long_view"), FEED_ACTION("like"), FEED_ACTION("follow"),                \
      FEED_ACTION("share"), ##__VA_ARGS__, FEED_ACTION("comment"), FEED_ACTION("diversity"),                 \
      FEED_ACTION("freshness"), FEED_ACTION("duration")
#define FEED_LOGIT(name)                                                                                     \
  { name, "logit", FEED_ANY, false }
/* The candidates, and the norm of what is remembered. */
#define FEED_CANDIDATES_SPEC(...)                                                                            \
  {"watch_mean", "ln s", FEED_ANY, false}, {"watch_sd", "ln s", FEED_AT_LEAST_0, false},                     \
      FEED_LOGIT("long_view_mean"), {"long_view_sd", "logit", FEED_AT_LEAST_0, false},                       \
      FEED_LOGIT("like_mean"), FEED_LOGIT("follow_mean"), FEED_LOGIT("share_mean"), ##__VA_ARGS__,           \
      FEED_LOGIT("comment_mean"), {"repetition_mean", "", FEED_ANY, true},                                   \
      {"repetition_sd", "", FEED_AT_LEAST_0, true}, {"freshness_mean", "", 0, 1, false},                     \
      {"length_mean", "", FEED_ANY, false}, {                                                                \
    "memory_norm", "", FEED_AT_LEAST_0, true                                                                 \
  }

/* The videos watched last. last: the greatest id. */
#define FEED_VIDEO(place, last)                                                                              \
  { "video_" #place, "", -1, last, true }
#define FEED_HISTORY_SPEC(last)                                                                              \
  FEED_VIDEO(1, last), FEED_VIDEO(2, last), FEED_VIDEO(3, last), FEED_VIDEO(4, last), FEED_VIDEO(5, last),   \
      FEED_VIDEO(6, last), FEED_VIDEO(7, last), FEED_VIDEO(8, last), FEED_VIDEO(9, last),                    \
      FEED_VIDEO(10, last), FEED_VIDEO(11, last), FEED_VIDEO(12, last), FEED_VIDEO(13, last),                \
      FEED_VIDEO(14, last), FEED_VIDEO(15, last), FEED_VIDEO(16, last)

/* The mind, and how fast this user is bored: what prl_feed_mind writes. A yardstick's, never a product's. */
enum { FEED_MIND = 7 };
#define FEED_MIND_SPEC                                                                                       \
  {"latent_mood", "", -1, 1, true}, {"latent_slow_mood", "", -1, 1, true},                                   \
      {"latent_session_mood", "", -1, 1, true}, {"latent_leave_offset", "logit", FEED_ANY, false},           \
      {"latent_log_gap", "ln h", FEED_ANY, false}, {"latent_clock_shift", "h", FEED_ANY, false}, {           \
    "latent_boredom", "", FEED_AT_LEAST_0, false                                                             \
  }

/* ---- Options ---- */

/* size: the values of FEED_SIZE_OPTIONS; name: of the environment. Fails: PRL_EINVAL (no whole number;
 * candidates no multiple of 8, or fewer than are shown; return_wait none of 0, 24, 48, 72, 96; episode none
 * of feed_episode; latent neither 0 nor 1). */
prl_status prl_feed_check_sizes(const char *name, const double *size, prl_error *error);
prl_status prl_feed_check_whole(const char *name, const char *option, double value, prl_error *error);
feed_rules prl_feed_rules(const double *pull, const double *size);

/* ---- Steps ---- */

/* What an environment does for the frame. Users are its own structs, in batch->state one after the other. */
typedef struct feed_model {
  int32_t weights, responses;
  int32_t depth, return_time; /* places in a row of responses, which begins with watch, app time and views */
  const prl_action_spec *weight; /* (weights): offsets to the base weights */
  size_t visit, gap;             /* where a user's feed_visit and hours of absence are */
  void (*birth)(const void *shared, void *user, uint64_t seed, uint64_t stream);
  void (*enter)(const void *shared, void *user);
  /* Closes the session. Returns the gap in hours of the person who left, infinite when it was for good. */
  float (*leave)(const void *shared, void *user, uint64_t seed, uint64_t stream);
  void (*draw)(const void *shared, void *user);                      /* the candidates of the next request */
  void (*observe)(const void *shared, const void *user, float *out); /* all but the history */
  int32_t (*video)(const void *shared, const void *user, int32_t place); /* the id of a candidate */
  void (*remember)(void *user, const float *response, const float *offset);
} feed_model;

/* What one call works with. */
typedef struct feed_frame {
  const feed_model *model;
  const feed_table *table;
  const void *shared;
  const feed_rules *rules;
  const float *base; /* (weights) */
  float return_wait; /* h */
  int32_t shown, observations;
  bool by_item;      /* the action is one candidate's place */
  int32_t history;   /* ids of the videos watched last, int32 at history_at of a user */
  size_t history_at; /* a user's ids go on across sessions */
  size_t state_size;
} feed_frame;

/* The kernels and the table of that name, of `tables` for each; NULL: those that are chosen already, or the
 * best. */
void prl_feed_choose_tables(const char *name, const feed_table *const *tables,
                            const struct prl_kernels **kernels, const feed_table **table);

prl_status prl_feed_reset(const prl_env_batch *batch, const uint8_t *mask, const feed_frame *frame);
prl_status prl_feed_step(const prl_env_batch *batch, const feed_frame *frame);

/* Whether steps can have left these parts of a user's state, of which bytes of a file are not sure: what is
 * an index, or decides how long a loop runs. history (count): ids; videos: how many there are. */
bool prl_feed_sound(const feed_visit *visit, const feed_mind *mind, const int32_t *history, int32_t count,
                    int32_t videos);

#endif
