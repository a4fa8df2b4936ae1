/* The short-video environment: a request is a step, a session an episode, a user an instance. */
#include "env/shortvideo/shortvideo.h"

#include <math.h>
#include <string.h>

#include "env/types.h"
#include "tensor/kernels.h"

enum option {
  SATISFACTION,
  FATIGUE,
  HETEROGENEITY,
  DRIFT,
  CANDIDATES,
  SHOWN,
  REQUESTS,
  LIFETIME,
  RETURN_WAIT,
  ACTION_ITEM,
  BASE
};

static const prl_env_option options[] = {
    {"satisfaction", 0.5, 0, 2, "", "effect of mood on staying, returning, and not leaving for good"},
    {"fatigue", 0.15, 0, 2, "", "effect on leaving of 20 minutes watched in the session"},
    {"heterogeneity", 1, 0, 2, "",
     "how much users differ in the ranking that suits them, and in their predictions' errors"},
    {"drift", 1, 0, 4, "", "pace of tastes and size of trends and day effects; 0: nothing drifts"},
    {"candidates", 64, 8, SV_MAX_CANDIDATES, "count", "candidates of a request; a multiple of 8"},
    {"shown", 6, 1, SV_MAX_SHOWN, "count", "videos shown for a request"},
    {"requests", 60, 1, 10000, "count", "the most requests of a session"},
    {"lifetime", 10, 0.5, 100000, "d", "mean days until a user leaves for good and a new one comes"},
    {"return_wait", 0, 0, 96, "h",
     "0: return_time comes with the first request of the next session; 24, 48, 72 or 96: with the step that "
     "ended the "
     "session, censored at that many hours; steps wait for it"},
    {"action_item", 0, 0, 1, "",
     "1: the action is the position of one candidate in the base order; only that one is shown"},
    {"base_watch", 1, -5, 5, "", "base weight of the predicted log watch time"},
    {"base_long_view", 0.3, -5, 5, "", "base weight of the predicted logit of a long view"},
    {"base_like", 0.3, -5, 5, "", "base weight of the predicted logit of a like"},
    {"base_follow", 0.2, -5, 5, "", "base weight of the predicted logit of a follow"},
    {"base_share", 0.05, -5, 5, "", "base weight of the predicted logit of a share"},
    {"base_download", 0.05, -5, 5, "", "base weight of the predicted logit of a download"},
    {"base_comment", 0.05, -5, 5, "", "base weight of the predicted logit of a comment"},
    {"base_diversity", 0.3, -5, 5, "", "base penalty of likeness to what was watched and is shown above"},
    {"base_freshness", 0, -5, 5, "", "base weight of e^(−age / 3 days)"},
    {"base_duration", 0, -5, 5, "", "base weight of the standard log length"},
    {NULL, 0, 0, 0, NULL, NULL},
};

static const prl_env_preset presets[] = {
    {"strong", "effects that a small run can see; the defaults",
     (const prl_env_setting[]){
         {"satisfaction", 0.5}, {"fatigue", 0.15}, {"heterogeneity", 1}, {"drift", 1}, {NULL, 0}}},
    {"weak", "effects of the size that production experiments publish: tenths of a percent",
     (const prl_env_setting[]){
         {"satisfaction", 0.1}, {"fatigue", 0.05}, {"heterogeneity", 0.3}, {"drift", 0.5}, {NULL, 0}}},
    {NULL, NULL, NULL},
};

/* Offsets to the base weights. */
static const prl_action_spec weights[SV_WEIGHTS] = {
    {"watch", "", 0, -1, 1},    {"long_view", "", 0, -1, 1}, {"like", "", 0, -1, 1},
    {"follow", "", 0, -1, 1},   {"share", "", 0, -1, 1},     {"download", "", 0, -1, 1},
    {"comment", "", 0, -1, 1},  {"diversity", "", 0, -2, 2}, {"freshness", "", 0, -1, 1},
    {"duration", "", 0, -1, 1},
};

#define PLACES(n)                                                                                            \
  { "item", "", n, 0, n - 1 }
static const prl_action_spec places[SV_MAX_CANDIDATES / 8] = {
    PLACES(8),  PLACES(16), PLACES(24), PLACES(32), PLACES(40),  PLACES(48),  PLACES(56),  PLACES(64),
    PLACES(72), PLACES(80), PLACES(88), PLACES(96), PLACES(104), PLACES(112), PLACES(120), PLACES(128)};

#define HOUR_US INT64_C(3600000000)
#define RESPONSES(hours)                                                                                     \
  {                                                                                                          \
    {"watch_time", "s", 0, PRL_COMBINE_SUM, 0}, {"app_time", "s", 0, PRL_COMBINE_SUM, 0},                    \
        {"video_views", "count", 0, PRL_COMBINE_SUM, 0}, {"long_view", "count", 0, PRL_COMBINE_SUM, 0},      \
        {"like", "count", 0, PRL_COMBINE_SUM, 0}, {"follow", "count", 0, PRL_COMBINE_SUM, 0},                \
        {"share", "count", 0, PRL_COMBINE_SUM, 0}, {"download", "count", 0, PRL_COMBINE_SUM, 0},             \
        {"comment", "count", 0, PRL_COMBINE_SUM, 0}, {"hate", "count", 0, PRL_COMBINE_SUM, 0},               \
        {"depth", "count", 0, PRL_COMBINE_LAST, 0}, {                                                        \
      "return_time", "h", 0, PRL_COMBINE_LAST, (hours)*HOUR_US                                               \
    }                                                                                                        \
  }

static const prl_response_spec responses[5][SV_RESPONSES] = {RESPONSES(0), RESPONSES(24), RESPONSES(48),
                                                             RESPONSES(72), RESPONSES(96)};

static prl_status spec(const prl_env_type *type, const double *values, prl_env_spec *out, prl_error *error) {
  const feed_sizes sizes = {values[CANDIDATES], values[SHOWN], values[REQUESTS], values[RETURN_WAIT],
                            SV_MAX_CANDIDATES};
  prl_status status = prl_feed_check_sizes(type->name, &sizes, error);
  if (!status) status = prl_feed_check_whole(type->name, "action_item", values[ACTION_ITEM], error);
  if (status) return status;
  const int32_t candidates = (int32_t)values[CANDIDATES];
  const bool by_item = values[ACTION_ITEM] == 1;
  out->observations = SV_OBSERVATIONS + (by_item ? SV_ITEM_FEATURES * candidates : 0);
  out->observation = prl_shortvideo_observation;
  out->actions = by_item ? 1 : SV_WEIGHTS;
  out->action_kind = by_item ? PRL_ACTION_DISCRETE : PRL_ACTION_CONTINUOUS;
  out->action = by_item ? &places[candidates / 8 - 1] : weights;
  out->responses = SV_RESPONSES;
  out->response = responses[(int)values[RETURN_WAIT] / 24];
  out->state_size = sv_state_size(candidates);
  out->shared_size = sizeof(sv_shared);
  out->clock = out->by_instance = true;
  return PRL_OK;
}

static prl_status open_world(const prl_env_type *type, const double *values, uint64_t seed, void *memory,
                             prl_error *error) {
  sv_shared *shared = memory;
  shared->kernels = prl_kernels_find(NULL);
  shared->table = strcmp(shared->kernels->name, "avx2") == 0 ? &prl_shortvideo_table_avx2
                                                             : &prl_shortvideo_table_baseline;
  shared->constants = prl_shortvideo_constants;
  shared->rules = (feed_rules){.satisfaction = (float)values[SATISFACTION],
                               .fatigue = (float)values[FATIGUE],
                               .lifetime = (float)values[LIFETIME],
                               .requests = (int32_t)values[REQUESTS]};
  shared->clock = prl_shortvideo_clock;
  shared->heterogeneity = (float)values[HETEROGENEITY];
  shared->drift = (float)values[DRIFT];
  shared->candidates = (int32_t)values[CANDIDATES];
  shared->shown = (int32_t)values[SHOWN];
  shared->return_wait = (float)values[RETURN_WAIT];
  shared->by_item = values[ACTION_ITEM] == 1;
  for (int k = 0; k < SV_WEIGHTS; k++) shared->base[k] = (float)values[BASE + k];
  shared->seed = seed;
  prl_shortvideo_catalogue(shared);
  return PRL_OK;
}

/* Candidates in the order in which the base weights would show them, so that an item's index means something.
 */
static void sort_by_base(const sv_shared *shared, sv_user *user) {
  const int32_t n = shared->candidates;
  int32_t order[SV_MAX_CANDIDATES];
  float prediction[SV_HEADS * SV_MAX_CANDIDATES];
  uint16_t item[SV_MAX_CANDIDATES], *items = sv_items(shared, user);
  shared->table->rank(shared, user, shared->base, n, order);
  memcpy(prediction, user->prediction, (size_t)(SV_HEADS * n) * sizeof *prediction);
  memcpy(item, items, (size_t)n * sizeof *item);
  for (int32_t c = 0; c < n; c++) {
    items[c] = item[order[c]];
    for (int k = 0; k < SV_HEADS; k++) user->prediction[k * n + c] = prediction[k * n + order[c]];
  }
}

static void draw(const sv_shared *shared, sv_user *user) {
  shared->table->candidates(shared, user);
  if (shared->by_item) sort_by_base(shared, user);
}

typedef struct sv_view {
  const sv_shared *shared;
  size_t state_size;
  int32_t observations, actions;
} sv_view;

static sv_view view_of(const prl_env_batch *batch) {
  const sv_shared *shared = batch->shared;
  return (sv_view){shared, sv_state_size(shared->candidates),
                   SV_OBSERVATIONS + (shared->by_item ? SV_ITEM_FEATURES * shared->candidates : 0),
                   shared->by_item ? 1 : SV_WEIGHTS};
}

static sv_user *user_at(const prl_env_batch *batch, const sv_view *view, int64_t i) {
  return (sv_user *)((char *)batch->state + (size_t)i * view->state_size);
}

static void observe(const prl_env_batch *batch, const sv_view *view, const sv_user *user, int64_t i) {
  prl_shortvideo_observe(view->shared, &user->known, user->prediction, sv_items(view->shared, user),
                         batch->observation + i * view->observations);
}

static prl_status reset(const prl_env_batch *batch, const uint8_t *mask, prl_error *error) {
  const sv_view view = view_of(batch);
  for (int64_t i = 0; i < batch->n; i++) {
    if (mask && !mask[i]) continue;
    sv_user *user = user_at(batch, &view, i);
    if (user->known.visit.phase == FEED_UNBORN) prl_shortvideo_birth(view.shared, user, batch->stream[i]);
    /* Someone else ended the episode: the session is over all the same. */
    if (user->known.visit.phase == FEED_PRESENT) prl_shortvideo_leave(view.shared, user, batch->stream[i]);
    prl_shortvideo_enter(view.shared, user);
    draw(view.shared, user);
    observe(batch, &view, user, i);
  }
  return PRL_OK;
}

/* The offsets in force, and the videos shown. */
static void choose(const sv_shared *shared, const sv_user *user, const float *action, float *offset,
                   int32_t *order) {
  memset(offset, 0, SV_WEIGHTS * sizeof *offset);
  if (shared->by_item) {
    order[0] = (int32_t)action[0];
    return;
  }
  float weight[SV_WEIGHTS];
  for (int k = 0; k < SV_WEIGHTS; k++) {
    offset[k] = fminf(fmaxf(action[k], weights[k].low), weights[k].high);
    weight[k] = shared->base[k] + offset[k];
  }
  shared->table->rank(shared, user, weight, shared->shown, order);
}

/* After the videos: what production records; then the next candidates, or the end of the session. */
static void conclude(const prl_env_batch *batch, const sv_view *view, int64_t i, const float *offset,
                     bool left) {
  const sv_shared *shared = view->shared;
  sv_user *user = user_at(batch, view, i);
  sv_known *known = &user->known;
  float *response = batch->response + i * SV_RESPONSES;
  const int64_t before_us = known->visit.clock_us;
  if (shared->return_wait == 0 && known->visit.request == 0) response[SV_R_RETURN_TIME] = known->gap;
  prl_shortvideo_remember(known, response, offset);
  if (!prl_feed_pass(&known->visit, &shared->rules, response[SV_R_VIDEO_VIEWS], response[SV_R_APP_TIME],
                     left)) {
    draw(shared, user);
    observe(batch, view, user, i);
  } else {
    observe(batch, view, user, i);
    batch->terminated[i] = 1;
    response[SV_R_DEPTH] = (float)known->visit.videos;
    float gap = prl_shortvideo_leave(shared, user, batch->stream[i]);
    if (shared->return_wait > 0) response[SV_R_RETURN_TIME] = fminf(gap, shared->return_wait);
  }
  batch->elapsed_us[i] = known->visit.clock_us - before_us;
}

static prl_status step(const prl_env_batch *batch, prl_error *error) {
  const sv_view view = view_of(batch);
  for (int64_t first = 0; first < batch->n; first += SV_LANES) {
    const int32_t lanes = batch->n - first < SV_LANES ? (int32_t)(batch->n - first) : SV_LANES;
    sv_user *user[SV_LANES];
    int32_t order[SV_LANES][SV_MAX_SHOWN];
    float offset[SV_LANES][SV_WEIGHTS];
    bool left[SV_LANES];
    for (int32_t i = 0; i < lanes; i++) {
      user[i] = user_at(batch, &view, first + i);
      choose(view.shared, user[i], batch->action + (first + i) * view.actions, offset[i], order[i]);
    }
    view.shared->table->watch(view.shared, user, lanes, order,
                              (float(*)[SV_RESPONSES])(batch->response + first * SV_RESPONSES), left);
    for (int32_t i = 0; i < lanes; i++) conclude(batch, &view, first + i, offset[i], left[i]);
  }
  return PRL_OK;
}

const prl_env_type prl_env_shortvideo = {
    .abi = PRL_ENV_ABI,
    .name = "shortvideo",
    .summary = "a short-video feed: tune the ranking of each request of each user",
    .options = options,
    .presets = presets,
    .spec = spec,
    .open = open_world,
    .reset = reset,
    .step = step,
};
