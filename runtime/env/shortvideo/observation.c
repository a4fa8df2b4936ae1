/* What production knows at a request. Nothing here can see sv_latent. */
#include "env/shortvideo/request.h"

#include <math.h>

#define ITEM(n)                                                                                              \
  {"watch_" #n, "ln s", FEED_ANY, false}, {"long_view_" #n, "logit", FEED_ANY, false},                       \
      {"like_" #n, "logit", FEED_ANY, false}, {"repetition_" #n, "", FEED_ANY, true}, {                      \
    "length_" #n, "", FEED_ANY, false                                                                        \
  }
#define TEN(t)                                                                                               \
  ITEM(t##0), ITEM(t##1), ITEM(t##2), ITEM(t##3), ITEM(t##4), ITEM(t##5), ITEM(t##6), ITEM(t##7),            \
      ITEM(t##8), ITEM(t##9)

const prl_observation_spec
    prl_shortvideo_observation[SV_OBSERVATIONS + SV_ITEM_FEATURES * FEED_MAX_CANDIDATES] = {
        SV_REQUEST_SPEC,
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

const prl_observation_spec prl_shortvideo_with_history[SV_OBSERVATIONS + FEED_MAX_HISTORY] = {
    SV_REQUEST_SPEC, FEED_HISTORY_SPEC(SV_ITEMS - 1)};

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
