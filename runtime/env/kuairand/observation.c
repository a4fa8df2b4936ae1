/* What production knows at a request. Nothing here can see kr_latent or the response model. */
#include "env/kuairand/kuairand.h"

#include <math.h>

const prl_observation_spec prl_kuairand_observation[KR_OBSERVATIONS + FEED_MAX_HISTORY] = {
    {"activity", "", 0, 1, false}, FEED_MOMENT_SPEC,    FEED_LAST_SPEC(),       FEED_MEANS_SPEC("fast"),
    FEED_MEANS_SPEC("slow"),       FEED_ACTIONS_SPEC(), FEED_CANDIDATES_SPEC(), FEED_HISTORY_SPEC(INFINITY),
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
