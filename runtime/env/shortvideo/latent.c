/* What the world knows of a user and production does not: the observations of the option `latent`, by which a
 * policy shows what can be had. */
#include "env/shortvideo/request.h"

#define TOPICS(name, influenced)                                                                             \
  {"latent_" name "_1", "", FEED_ANY, influenced}, {"latent_" name "_2", "", FEED_ANY, influenced},          \
      {"latent_" name "_3", "", FEED_ANY, influenced}, {"latent_" name "_4", "", FEED_ANY, influenced},      \
      {"latent_" name "_5", "", FEED_ANY, influenced}, {"latent_" name "_6", "", FEED_ANY, influenced},      \
      {"latent_" name "_7", "", FEED_ANY, influenced}, {                                                     \
    "latent_" name "_8", "", FEED_ANY, influenced                                                            \
  }
#define INTERACTIONS(name, unit)                                                                             \
  {"latent_like_" name, unit, FEED_ANY, false}, {"latent_follow_" name, unit, FEED_ANY, false},              \
      {"latent_share_" name, unit, FEED_ANY, false}, {"latent_download_" name, unit, FEED_ANY, false},       \
      {"latent_comment_" name, unit, FEED_ANY, false}, {                                                     \
    "latent_hate_" name, unit, FEED_ANY, false                                                               \
  }

const prl_observation_spec prl_shortvideo_with_latent[SV_OBSERVATIONS + SV_LATENT + FEED_MAX_HISTORY] = {
    SV_REQUEST_SPEC,
    FEED_MIND_SPEC,
    {"latent_watch_level", "", FEED_ANY, false},
    {"latent_length_taste", "", FEED_ANY, false},
    {"latent_susceptibility", "", FEED_AT_LEAST_0, false},
    INTERACTIONS("propensity", "logit"),
    INTERACTIONS("slope", ""),
    TOPICS("taste", false),
    TOPICS("memory", true),
    TOPICS("trend", false),
    {"latent_day_effect", "", FEED_ANY, false},
    FEED_HISTORY_SPEC(SV_ITEMS - 1),
};

void prl_shortvideo_reveal(const sv_shared *shared, const sv_user *user, float *out) {
  const sv_latent *latent = &user->latent;
  const sv_known *known = &user->known;
  const float *trend = sv_trend_of(shared, known);
  out = prl_feed_mind(out, &known->visit, &latent->mind, latent->boredom);
  *out++ = latent->watch_level;
  *out++ = latent->length_taste;
  *out++ = latent->susceptibility;
  out = feed_put(out, latent->propensity, SV_INTERACTIONS);
  out = feed_put(out, latent->slope, SV_INTERACTIONS);
  out = feed_put(out, latent->taste, SV_TOPICS);
  out = feed_put(out, known->memory, SV_TOPICS);
  out = feed_put(out, trend, SV_TOPICS);
  *out = trend[SV_TOPICS];
}
