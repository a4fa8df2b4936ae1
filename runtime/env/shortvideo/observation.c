/* What production knows at a request. Nothing here can see sv_latent. */
#include "env/shortvideo/shortvideo.h"

#include <math.h>

#define ANY -INFINITY, INFINITY
#define AT_LEAST_0 0, INFINITY

#define ITEM(n)                                                                                              \
  {"watch_" #n, "ln s", ANY}, {"long_view_" #n, "logit", ANY}, {"like_" #n, "logit", ANY},                   \
      {"repetition_" #n, "", ANY}, {                                                                         \
    "length_" #n, "", ANY                                                                                    \
  }
#define TEN(t)                                                                                               \
  ITEM(t##0), ITEM(t##1), ITEM(t##2), ITEM(t##3), ITEM(t##4), ITEM(t##5), ITEM(t##6), ITEM(t##7),            \
      ITEM(t##8), ITEM(t##9)

const prl_observation_spec
    prl_shortvideo_observation[SV_OBSERVATIONS + SV_ITEM_FEATURES * SV_MAX_CANDIDATES] = {
        /* the user, as production has estimated them */
        {"activity", "", 0, 1},
        {"like_propensity", "logit", ANY},
        {"follow_propensity", "logit", ANY},
        {"share_propensity", "logit", ANY},
        {"download_propensity", "logit", ANY},
        {"comment_propensity", "logit", ANY},
        {"length_taste", "", ANY},
        /* the moment */
        FEED_MOMENT_SPEC,
        /* the request before */
        {"last_watch_time", "s", AT_LEAST_0},
        {"last_app_time", "s", AT_LEAST_0},
        {"last_video_views", "count", AT_LEAST_0},
        {"last_long_view", "count", AT_LEAST_0},
        {"last_like", "count", AT_LEAST_0},
        {"last_follow", "count", AT_LEAST_0},
        {"last_share", "count", AT_LEAST_0},
        {"last_download", "count", AT_LEAST_0},
        {"last_comment", "count", AT_LEAST_0},
        {"last_hate", "count", AT_LEAST_0},
        /* running means over requests */
        {"fast_watch_time", "s", AT_LEAST_0},
        {"fast_video_views", "count", AT_LEAST_0},
        {"fast_long_view", "count", AT_LEAST_0},
        {"fast_like", "count", AT_LEAST_0},
        {"fast_follow", "count", AT_LEAST_0},
        {"fast_share", "count", AT_LEAST_0},
        {"fast_download", "count", AT_LEAST_0},
        {"fast_comment", "count", AT_LEAST_0},
        {"slow_watch_time", "s", AT_LEAST_0},
        {"slow_video_views", "count", AT_LEAST_0},
        {"slow_long_view", "count", AT_LEAST_0},
        {"slow_like", "count", AT_LEAST_0},
        {"slow_follow", "count", AT_LEAST_0},
        {"slow_share", "count", AT_LEAST_0},
        {"slow_download", "count", AT_LEAST_0},
        {"slow_comment", "count", AT_LEAST_0},
        {"mean_action_watch", "", ANY},
        {"mean_action_long_view", "", ANY},
        {"mean_action_like", "", ANY},
        {"mean_action_follow", "", ANY},
        {"mean_action_share", "", ANY},
        {"mean_action_download", "", ANY},
        {"mean_action_comment", "", ANY},
        {"mean_action_diversity", "", ANY},
        {"mean_action_freshness", "", ANY},
        {"mean_action_duration", "", ANY},
        /* the candidates */
        {"watch_mean", "ln s", ANY},
        {"watch_sd", "ln s", AT_LEAST_0},
        {"long_view_mean", "logit", ANY},
        {"long_view_sd", "logit", AT_LEAST_0},
        {"like_mean", "logit", ANY},
        {"follow_mean", "logit", ANY},
        {"share_mean", "logit", ANY},
        {"download_mean", "logit", ANY},
        {"comment_mean", "logit", ANY},
        {"repetition_mean", "", ANY},
        {"repetition_sd", "", AT_LEAST_0},
        {"freshness_mean", "", 0, 1},
        {"length_mean", "", ANY},
        {"memory_norm", "", AT_LEAST_0},
        /* each candidate in the base order, where the action is an item */
        TEN(),
        TEN(1),
        TEN(2),
        TEN(3),
        TEN(4),
        TEN(5),
        TEN(6),
        TEN(7),
        TEN(8),
        TEN(9),
        TEN(10),
        TEN(11),
        ITEM(120),
        ITEM(121),
        ITEM(122),
        ITEM(123),
        ITEM(124),
        ITEM(125),
        ITEM(126),
        ITEM(127),
};

static void each_item(const sv_shared *shared, const sv_known *known, const float *prediction,
                      const uint16_t *item, float *out) {
  const int32_t n = shared->candidates;
  for (int32_t c = 0; c < n; c++, out += SV_ITEM_FEATURES) {
    const float *vector = shared->vector[item[c]];
    float repetition = 0;
    for (int d = 0; d < SV_TOPICS; d++) repetition += vector[d] * known->memory[d];
    out[0] = prediction[SV_WATCH * n + c];
    out[1] = prediction[SV_LONG_VIEW * n + c];
    out[2] = prediction[SV_LIKE * n + c];
    out[3] = repetition;
    out[4] = shared->length[item[c]];
  }
}

void prl_shortvideo_observe(const sv_shared *shared, const sv_known *known, const float *prediction,
                            const uint16_t *item, float *out) {
  float memory = 0;
  for (int d = 0; d < SV_TOPICS; d++) memory += known->memory[d] * known->memory[d];
  *out++ = known->visit.activity;
  out = feed_put(out, known->propensity, 5);
  *out++ = known->length_taste;
  out = prl_feed_moment(out, &known->visit, sv_day(known) % 7 >= 5, known->fatigue, known->gap);
  out = feed_put(out, known->last, SV_SUMMARY);
  out = feed_put(out, known->fast, SV_MEANS);
  out = feed_put(out, known->slow, SV_MEANS);
  out = feed_put(out, known->action, SV_WEIGHTS);
  out = feed_put(out, known->statistics, SV_STATISTICS);
  *out++ = sqrtf(memory);
  if (shared->by_item) each_item(shared, known, prediction, item, out);
}
