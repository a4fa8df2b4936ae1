/* What production knows at a request. Nothing here can see kr_latent or the response model. */
#include "env/kuairand/kuairand.h"

#include <math.h>

#define ANY -INFINITY, INFINITY
#define AT_LEAST_0 0, INFINITY

const prl_observation_spec prl_kuairand_observation[KR_OBSERVATIONS] = {
    {"activity", "", 0, 1},
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
    {"last_comment", "count", AT_LEAST_0},
    {"last_hate", "count", AT_LEAST_0},
    /* running means over requests */
    {"fast_watch_time", "s", AT_LEAST_0},
    {"fast_video_views", "count", AT_LEAST_0},
    {"fast_long_view", "count", AT_LEAST_0},
    {"fast_like", "count", AT_LEAST_0},
    {"fast_follow", "count", AT_LEAST_0},
    {"fast_share", "count", AT_LEAST_0},
    {"fast_comment", "count", AT_LEAST_0},
    {"slow_watch_time", "s", AT_LEAST_0},
    {"slow_video_views", "count", AT_LEAST_0},
    {"slow_long_view", "count", AT_LEAST_0},
    {"slow_like", "count", AT_LEAST_0},
    {"slow_follow", "count", AT_LEAST_0},
    {"slow_share", "count", AT_LEAST_0},
    {"slow_comment", "count", AT_LEAST_0},
    {"mean_action_watch", "", ANY},
    {"mean_action_long_view", "", ANY},
    {"mean_action_like", "", ANY},
    {"mean_action_follow", "", ANY},
    {"mean_action_share", "", ANY},
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
    {"comment_mean", "logit", ANY},
    {"repetition_mean", "", ANY},
    {"repetition_sd", "", AT_LEAST_0},
    {"freshness_mean", "", 0, 1},
    {"length_mean", "", ANY},
    {"memory_norm", "", AT_LEAST_0},
};

void prl_kuairand_observe(const kr_world *world, const kr_known *known, float *out) {
  float memory = 0;
  for (int d = 0; d < world->factors; d++) memory += known->memory[d] * known->memory[d];
  *out++ = known->visit.activity;
  out = prl_feed_moment(out, &known->visit, world->weekend[kr_day_of(world, known)], known->fatigue,
                        known->gap);
  out = feed_put(out, known->last, KR_SUMMARY);
  out = feed_put(out, known->fast, KR_MEANS);
  out = feed_put(out, known->slow, KR_MEANS);
  out = feed_put(out, known->action, KR_WEIGHTS);
  out = feed_put(out, known->statistics, KR_STATISTICS);
  *out++ = sqrtf(memory);
  feed_put(out, world->feature + (size_t)known->user * (size_t)world->features, world->features);
}
