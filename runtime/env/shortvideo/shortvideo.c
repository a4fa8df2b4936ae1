/* The short-video environment: a request is a step, a session an episode (or what `episode` says), a user an
 * instance. */
#include "env/shortvideo/shortvideo.h"

#include <stddef.h>
#include <string.h>

#include "env/types.h"

enum option { HETEROGENEITY = FEED_PULLS, DRIFT, SIZES, ACTION_ITEM = SIZES + FEED_SIZES, BASE };

static const prl_env_option options[] = {
    FEED_PULL_OPTIONS,
    {"heterogeneity", 1, 0, 2, "",
     "how much users differ in the ranking that suits them, and in their predictions' errors"},
    {"drift", 1, 0, 4, "", "pace of tastes and size of trends and day effects; 0: nothing drifts"},
    FEED_SIZE_OPTIONS,
    {"action_item", 0, 0, 1, "",
     "1: the action is the position of one candidate in the base order; only that one is shown"},
    FEED_BASE_OPTION("watch", 1, "weight of the predicted log watch time"),
    FEED_BASE_OPTION("long_view", 0.3, "weight of the predicted logit of a long view"),
    FEED_BASE_OPTION("like", 0.3, "weight of the predicted logit of a like"),
    FEED_BASE_OPTION("follow", 0.2, "weight of the predicted logit of a follow"),
    FEED_BASE_OPTION("share", 0.05, "weight of the predicted logit of a share"),
    FEED_BASE_OPTION("download", 0.05, "weight of the predicted logit of a download"),
    FEED_BASE_OPTION("comment", 0.05, "weight of the predicted logit of a comment"),
    FEED_BASE_OPTION("diversity", 0.3, "penalty of likeness to what was watched and is shown above"),
    FEED_BASE_OPTION("freshness", 0, "weight of e^(−age / 3 days)"),
    FEED_BASE_OPTION("duration", 0, "weight of the standard log length"),
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
static const prl_action_spec places[FEED_MAX_CANDIDATES / 8] = {
    PLACES(8),  PLACES(16), PLACES(24), PLACES(32), PLACES(40),  PLACES(48),  PLACES(56),  PLACES(64),
    PLACES(72), PLACES(80), PLACES(88), PLACES(96), PLACES(104), PLACES(112), PLACES(120), PLACES(128)};

static const prl_response_spec responses[][SV_RESPONSES] =
    FEED_RESPONSES_BY_WAIT(FEED_SUM("download", "count"));

static prl_status spec(const prl_env_type *type, const double *values, prl_env_spec *out, prl_error *error) {
  prl_status status = prl_feed_check_sizes(type->name, values + SIZES, error);
  if (!status) status = prl_feed_check_whole(type->name, "action_item", values[ACTION_ITEM], error);
  if (status) return status;
  const int32_t candidates = (int32_t)values[SIZES + FEED_CANDIDATES];
  const int32_t history = (int32_t)values[SIZES + FEED_HISTORY];
  const bool by_item = values[ACTION_ITEM] == 1;
  const bool latent = values[SIZES + FEED_LATENT] == 1;
  if (by_item && latent)
    return prl_fail(error, PRL_EINVAL,
                    "%s: latent is 1, but with action_item = 1 observations are those of the candidates; "
                    "latent = 0 is needed",
                    type->name);
  if (by_item && history > 0)
    return prl_fail(error, PRL_EINVAL,
                    "%s: history is %d, but with action_item = 1 observations are those of the candidates; "
                    "history = 0 is needed",
                    type->name, history);
  out->observations =
      SV_OBSERVATIONS + (by_item ? SV_ITEM_FEATURES * candidates : (latent ? SV_LATENT : 0) + history);
  out->observation = latent        ? prl_shortvideo_with_latent
                     : history > 0 ? prl_shortvideo_with_history
                                   : prl_shortvideo_observation;
  out->actions = by_item ? 1 : SV_WEIGHTS;
  out->action_kind = by_item ? PRL_ACTION_DISCRETE : PRL_ACTION_CONTINUOUS;
  out->action = by_item ? &places[candidates / 8 - 1] : weights;
  out->responses = SV_RESPONSES;
  out->response = responses[(int)values[SIZES + FEED_RETURN_WAIT] / 24];
  out->state_size = sv_state_size(candidates, history);
  out->shared_size = sizeof(sv_shared);
  out->clock = out->by_instance = out->divisible = out->keyed = true;
  out->session = "depth";
  return PRL_OK;
}

static const feed_table *const tables[PRL_TABLES] = PRL_EACH_TABLE(&prl_shortvideo_table_);

static prl_status open_catalogue(const prl_env_type *type, const double *values, uint64_t seed, void *memory,
                                 prl_error *error) {
  sv_shared *shared = memory;
  prl_feed_choose_tables(NULL, tables, &shared->kernels, &shared->table);
  shared->constants = prl_shortvideo_constants;
  shared->rules = prl_feed_rules(values, values + SIZES);
  shared->clock = prl_shortvideo_clock;
  shared->heterogeneity = (float)values[HETEROGENEITY];
  shared->drift = (float)values[DRIFT];
  shared->candidates = (int32_t)values[SIZES + FEED_CANDIDATES];
  shared->shown = (int32_t)values[SIZES + FEED_SHOWN];
  shared->return_wait = (float)values[SIZES + FEED_RETURN_WAIT];
  shared->history = (int32_t)values[SIZES + FEED_HISTORY];
  shared->latent = values[SIZES + FEED_LATENT] == 1;
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
  int32_t order[FEED_MAX_CANDIDATES];
  float prediction[SV_HEADS * FEED_MAX_CANDIDATES];
  uint16_t item[FEED_MAX_CANDIDATES], *items = sv_items(shared, user);
  shared->table->rank(shared, user, shared->base, n, order);
  memcpy(prediction, user->prediction, (size_t)(SV_HEADS * n) * sizeof *prediction);
  memcpy(item, items, (size_t)n * sizeof *item);
  for (int32_t c = 0; c < n; c++) {
    items[c] = item[order[c]];
    for (int k = 0; k < SV_HEADS; k++) user->prediction[k * n + c] = prediction[k * n + order[c]];
  }
}

/* ---- What the frame asks for ---- */

static void birth(const void *shared, void *user, uint64_t seed, uint64_t stream) {
  (void)seed; /* the catalogue's, which shared holds */
  prl_shortvideo_birth(shared, user, stream);
}

static void enter(const void *shared, void *user) { prl_shortvideo_enter(shared, user); }

static float leave(const void *shared, void *user, uint64_t seed, uint64_t stream) {
  (void)seed;
  return prl_shortvideo_leave(shared, user, stream);
}

static void draw(const void *memory, void *user) {
  const sv_shared *shared = memory;
  shared->table->candidates(shared, user);
  if (shared->by_item) sort_by_base(shared, user);
}

static void observe(const void *memory, const void *user_, float *out) {
  const sv_shared *shared = memory;
  const sv_user *user = user_;
  prl_shortvideo_observe(shared, &user->known, user->prediction, sv_items(shared, user), out);
  if (shared->latent) prl_shortvideo_reveal(shared, user, out + SV_OBSERVATIONS);
}

static int32_t video(const void *shared, const void *user, int32_t place) {
  return sv_items(shared, user)[place];
}

static void remember(void *user, const float *response, const float *offset) {
  prl_shortvideo_remember(&((sv_user *)user)->known, response, offset);
}

static const feed_model model = {.weights = SV_WEIGHTS,
                                 .responses = SV_RESPONSES,
                                 .depth = SV_R_DEPTH,
                                 .return_time = SV_R_RETURN_TIME,
                                 .weight = weights,
                                 .visit = offsetof(sv_user, known.visit),
                                 .gap = offsetof(sv_user, known.gap),
                                 .birth = birth,
                                 .enter = enter,
                                 .leave = leave,
                                 .draw = draw,
                                 .observe = observe,
                                 .video = video,
                                 .remember = remember};

/* The runtime's choice of kernels holds here too; `open` is not told of it. */
static feed_frame frame_of(const prl_env_batch *batch) {
  sv_shared *shared = (sv_shared *)batch->shared;
  prl_feed_choose_tables(batch->kernels, tables, &shared->kernels, &shared->table);
  return (feed_frame){.model = &model,
                      .table = shared->table,
                      .shared = shared,
                      .rules = &shared->rules,
                      .base = shared->base,
                      .return_wait = shared->return_wait,
                      .shown = shared->shown,
                      .observations =
                          SV_OBSERVATIONS + (shared->latent ? SV_LATENT : 0) +
                          (shared->by_item ? SV_ITEM_FEATURES * shared->candidates : shared->history),
                      .by_item = shared->by_item,
                      .history = shared->history,
                      .history_at = sv_history_at(shared->candidates),
                      .state_size = sv_state_size(shared->candidates, shared->history)};
}

static prl_status reset(const prl_env_batch *batch, const uint8_t *mask, prl_error *error) {
  const feed_frame frame = frame_of(batch);
  return prl_feed_reset(batch, mask, &frame);
}

static prl_status step(const prl_env_batch *batch, prl_error *error) {
  const feed_frame frame = frame_of(batch);
  return prl_feed_step(batch, &frame);
}

static bool sound(const void *memory, const void *state) {
  const sv_shared *shared = memory;
  const sv_user *user = state;
  const char *history = (const char *)state + sv_history_at(shared->candidates);
  const uint16_t *item = sv_items(shared, user);
  for (int32_t c = 0; c < shared->candidates; c++)
    if (item[c] >= SV_ITEMS) return false;
  return prl_feed_sound(&user->known.visit, &user->latent.mind, (const int32_t *)(const void *)history,
                        shared->history, SV_ITEMS);
}

const prl_env_type prl_env_shortvideo = {
    .abi = PRL_ENV_ABI,
    .name = "shortvideo",
    .summary = "a short-video feed: tune the ranking of each request of each user",
    .options = options,
    .words = prl_feed_words,
    .presets = presets,
    .spec = spec,
    .open = open_catalogue,
    .reset = reset,
    .step = step,
    .later = prl_feed_later,
    .sound = sound,
};
