/* The observations that every shortvideo env has, as rows of its lists. */
#ifndef PRL_ENV_SHORTVIDEO_REQUEST_H
#define PRL_ENV_SHORTVIDEO_REQUEST_H

#include <math.h>

#include "env/shortvideo/shortvideo.h"

/* The user, as production has estimated them, and the request. */
#define SV_REQUEST_SPEC                                                                                      \
  {"activity", "", 0, 1, false}, {"like_propensity", "logit", FEED_ANY, false},                              \
      {"follow_propensity", "logit", FEED_ANY, false}, {"share_propensity", "logit", FEED_ANY, false},       \
      {"download_propensity", "logit", FEED_ANY, false}, {"comment_propensity", "logit", FEED_ANY, false},   \
      {"length_taste", "", FEED_ANY, false}, FEED_MOMENT_SPEC, FEED_LAST_SPEC(FEED_COUNT("last_download")),  \
      FEED_MEANS_SPEC("fast", FEED_COUNT("fast_download")),                                                  \
      FEED_MEANS_SPEC("slow", FEED_COUNT("slow_download")), FEED_ACTIONS_SPEC(FEED_ACTION("download")),      \
      FEED_CANDIDATES_SPEC(FEED_LOGIT("download_mean"))

#endif
