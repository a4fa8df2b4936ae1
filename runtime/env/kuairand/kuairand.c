/* The kuairand environment: a request is a step, a session an episode, an instance one real user after the
 * other. */
#include "env/kuairand/kuairand.h"

#include <math.h>
#include <string.h>

#include "env/types.h"
#include "tensor/kernels.h"

enum option {
  SATISFACTION,
  FATIGUE,
  HETEROGENEITY,
  CANDIDATES,
  SHOWN,
  REQUESTS,
  LIFETIME,
  RETURN_WAIT,
  BASE
};

static const prl_env_option options[] = {
    {"satisfaction", 0.5, 0, 2, "", "effect of mood on staying, returning, and not leaving for good"},
    {"fatigue", 0.15, 0, 2, "", "effect on leaving of 20 minutes watched in the session"},
    {"heterogeneity", 1, 0, 2, "",
     "how much users differ in boredom, and fatigue turns them to short videos"},
    {"candidates", 64, 8, KR_MAX_CANDIDATES, "count", "candidates of a request; a multiple of 8"},
    {"shown", 6, 1, KR_MAX_SHOWN, "count", "videos shown for a request"},
    {"requests", 60, 1, 10000, "count", "the most requests of a session"},
    {"lifetime", 10, 0.5, 100000, "d", "mean days until a user leaves for good and another one comes"},
    {"return_wait", 0, 0, 96, "h",
     "0: return_time comes with the first request of the next session; 24, 48, 72 or 96: with the step that "
     "ended the session, censored at that many hours; steps wait for it"},
    {"base_watch", 1, -5, 5, "", "base weight of the predicted log watch time over videos as long"},
    {"base_long_view", 0.3, -5, 5, "", "base weight of the predicted logit of a long view"},
    {"base_like", 0.3, -5, 5, "", "base weight of the predicted logit of a like"},
    {"base_follow", 0.2, -5, 5, "", "base weight of the predicted logit of a follow"},
    {"base_share", 0.05, -5, 5, "", "base weight of the predicted logit of a share"},
    {"base_comment", 0.05, -5, 5, "", "base weight of the predicted logit of a comment"},
    {"base_diversity", 0.3, -5, 5, "", "base penalty of likeness to what was watched and is shown above"},
    {"base_freshness", 0, -5, 5, "", "base weight of e^(−age / its mean)"},
    {"base_duration", 0, -5, 5, "", "base weight of the standard log length"},
    {NULL, 0, 0, 0, NULL, NULL},
};

static const prl_env_preset presets[] = {
    {"strong", "effects that a small run can see; the defaults",
     (const prl_env_setting[]){{"satisfaction", 0.5}, {"fatigue", 0.15}, {"heterogeneity", 1}, {NULL, 0}}},
    {"weak", "mood, fatigue and boredom with a fifth to a third of that pull",
     (const prl_env_setting[]){{"satisfaction", 0.1}, {"fatigue", 0.05}, {"heterogeneity", 0.3}, {NULL, 0}}},
    {NULL, NULL, NULL},
};

/* Offsets to the base weights. */
static const prl_action_spec weights[KR_WEIGHTS] = {
    {"watch", "", 0, -1, 1},     {"long_view", "", 0, -1, 1}, {"like", "", 0, -1, 1},
    {"follow", "", 0, -1, 1},    {"share", "", 0, -1, 1},     {"comment", "", 0, -1, 1},
    {"diversity", "", 0, -2, 2}, {"freshness", "", 0, -1, 1}, {"duration", "", 0, -0.3f, 0.3f},
};

#define HOUR_US INT64_C(3600000000)
#define SUM(name, unit)                                                                                      \
  { name, unit, 0, PRL_COMBINE_SUM, 0 }
#define RESPONSES(hours)                                                                                     \
  {                                                                                                          \
    SUM("watch_time", "s"), SUM("app_time", "s"), SUM("video_views", "count"), SUM("long_view", "count"),    \
        SUM("like", "count"), SUM("follow", "count"), SUM("share", "count"), SUM("comment", "count"),        \
        SUM("hate", "count"), {"depth", "count", 0, PRL_COMBINE_LAST, 0}, {                                  \
      "return_time", "h", 0, PRL_COMBINE_LAST, (hours)*HOUR_US                                               \
    }                                                                                                        \
  }

static const prl_response_spec responses[5][KR_RESPONSES] = {RESPONSES(0), RESPONSES(24), RESPONSES(48),
                                                             RESPONSES(72), RESPONSES(96)};

static prl_status spec(const prl_env_type *type, const double *values, prl_env_spec *out, prl_error *error) {
  const feed_sizes sizes = {values[CANDIDATES], values[SHOWN], values[REQUESTS], values[RETURN_WAIT],
                            KR_MAX_CANDIDATES};
  prl_status status = prl_feed_check_sizes(type->name, &sizes, error);
  if (status) return status;
  const int32_t candidates = (int32_t)values[CANDIDATES];
  const kr_world *world = type->context; /* NULL: the features of its users are not known */
  out->observations = KR_OBSERVATIONS + (world ? world->features : 0);
  out->observation = world ? world->observation : prl_kuairand_observation;
  out->actions = KR_WEIGHTS;
  out->action_kind = PRL_ACTION_CONTINUOUS;
  out->action = weights;
  out->responses = KR_RESPONSES;
  out->response = responses[(int)values[RETURN_WAIT] / 24];
  out->state_size = kr_state_size(candidates);
  out->shared_size = sizeof(kr_shared);
  out->clock = out->by_instance = true;
  return PRL_OK;
}

static prl_status open_world(const prl_env_type *type, const double *values, uint64_t seed, void *memory,
                             prl_error *error) {
  const kr_world *world = type->context;
  if (!world)
    return prl_fail(error, PRL_EINVAL,
                    "kuairand: this is missing: world, %s, as in {\"kuairand\", world = \"FILE\"}",
                    type->file->meaning);
  kr_shared *shared = memory;
  shared->world = world;
  shared->kernels = prl_kernels_find(NULL);
  shared->table =
      strcmp(shared->kernels->name, "avx2") == 0 ? &prl_kuairand_table_avx2 : &prl_kuairand_table_baseline;
  shared->rules = (feed_rules){.satisfaction = (float)values[SATISFACTION],
                               .fatigue = (float)values[FATIGUE],
                               .lifetime = (float)values[LIFETIME],
                               .requests = (int32_t)values[REQUESTS]};
  shared->clock = (feed_clock){world->profile, world->weekend, world->days};
  shared->heterogeneity = (float)values[HETEROGENEITY];
  shared->candidates = (int32_t)values[CANDIDATES];
  shared->shown = (int32_t)values[SHOWN];
  shared->return_wait = (float)values[RETURN_WAIT];
  for (int k = 0; k < KR_WEIGHTS; k++) shared->base[k] = (float)values[BASE + k];
  return PRL_OK;
}

/* ---- Requests ---- */

typedef struct view {
  const kr_shared *shared;
  size_t state_size;
  int32_t observations;
} view;

static view view_of(const prl_env_batch *batch) {
  const kr_shared *shared = batch->shared;
  return (view){shared, kr_state_size(shared->candidates), KR_OBSERVATIONS + shared->world->features};
}

static kr_user *user_at(const prl_env_batch *batch, const view *v, int64_t i) {
  return (kr_user *)((char *)batch->state + (size_t)i * v->state_size);
}

static void observe(const prl_env_batch *batch, const view *v, const kr_user *user, int64_t i) {
  prl_kuairand_observe(v->shared->world, &user->known, batch->observation + i * v->observations);
}

static prl_status reset(const prl_env_batch *batch, const uint8_t *mask, prl_error *error) {
  const view v = view_of(batch);
  for (int64_t i = 0; i < batch->n; i++) {
    if (mask && !mask[i]) continue;
    kr_user *user = user_at(batch, &v, i);
    const uint64_t stream = batch->stream[i];
    if (user->known.visit.phase == FEED_UNBORN) prl_kuairand_birth(v.shared, user, batch->seed, stream);
    /* Someone else ended the episode: the session is over all the same. */
    if (user->known.visit.phase == FEED_PRESENT) prl_kuairand_leave(v.shared, user, batch->seed, stream);
    prl_kuairand_enter(v.shared, user);
    v.shared->table->candidates(v.shared, user);
    observe(batch, &v, user, i);
  }
  return PRL_OK;
}

/* The offsets in force, and the videos shown. */
static void choose(const kr_shared *shared, const kr_user *user, const float *action, float *offset,
                   int32_t *order) {
  float weight[KR_WEIGHTS];
  for (int k = 0; k < KR_WEIGHTS; k++) {
    offset[k] = fminf(fmaxf(action[k], weights[k].low), weights[k].high);
    weight[k] = shared->base[k] + offset[k];
  }
  shared->table->rank(shared, user, weight, shared->shown, order);
}

/* After the videos: what production records; then the next candidates, or the end of the session. */
static void conclude(const prl_env_batch *batch, const view *v, int64_t i, const float *offset, bool left) {
  const kr_shared *shared = v->shared;
  kr_user *user = user_at(batch, v, i);
  feed_visit *visit = &user->known.visit;
  float *response = batch->response + i * KR_RESPONSES;
  const int64_t before_us = visit->clock_us;
  if (shared->return_wait == 0 && visit->request == 0) response[KR_R_RETURN_TIME] = user->known.gap;
  prl_kuairand_remember(&user->known, response, offset);
  const bool over =
      prl_feed_pass(visit, &shared->rules, response[KR_R_VIDEO_VIEWS], response[KR_R_APP_TIME], left);
  if (!over) shared->table->candidates(shared, user);
  observe(batch, v, user, i);
  if (over) {
    batch->terminated[i] = 1;
    response[KR_R_DEPTH] = (float)visit->videos;
    float gap = prl_kuairand_leave(shared, user, batch->seed, batch->stream[i]);
    if (shared->return_wait > 0) response[KR_R_RETURN_TIME] = fminf(gap, shared->return_wait);
  }
  batch->elapsed_us[i] = visit->clock_us - before_us;
}

static prl_status step(const prl_env_batch *batch, prl_error *error) {
  const view v = view_of(batch);
  for (int64_t first = 0; first < batch->n; first += KR_LANES) {
    const int32_t lanes = batch->n - first < KR_LANES ? (int32_t)(batch->n - first) : KR_LANES;
    kr_user *user[KR_LANES];
    int32_t order[KR_LANES][KR_MAX_SHOWN];
    float offset[KR_LANES][KR_WEIGHTS];
    bool left[KR_LANES];
    for (int32_t i = 0; i < lanes; i++) {
      user[i] = user_at(batch, &v, first + i);
      choose(v.shared, user[i], batch->action + (first + i) * KR_WEIGHTS, offset[i], order[i]);
    }
    v.shared->table->watch(v.shared, user, lanes, order,
                           (float(*)[KR_RESPONSES])(batch->response + first * KR_RESPONSES), left);
    for (int32_t i = 0; i < lanes; i++) conclude(batch, &v, first + i, offset[i], left[i]);
  }
  return PRL_OK;
}

/* ---- State: the digest of the world, then the slab ---- */

enum { DIGEST = 32 };

static prl_status save(const prl_env_batch *batch, void *bytes, int64_t *size, prl_error *error) {
  const view v = view_of(batch);
  const size_t slab = (size_t)batch->n * v.state_size;
  *size = (int64_t)(DIGEST + slab);
  if (!bytes) return PRL_OK;
  memcpy(bytes, v.shared->world->digest, DIGEST);
  memcpy((char *)bytes + DIGEST, batch->state, slab);
  return PRL_OK;
}

/* What is an index, or decides how long a loop runs, must be sound. */
static bool sound(const kr_shared *shared, const kr_user *user) {
  const feed_visit *visit = &user->known.visit;
  const kr_world *world = shared->world;
  if (visit->phase == FEED_UNBORN) return true;
  bool good = visit->phase <= FEED_PRESENT && visit->phase > 0 && visit->clock_us >= 0 &&
              visit->clock_us < INT64_MAX / 2 && user->known.user >= 0 && user->known.user < world->users &&
              fabsf(user->latent.mind.clock_shift) < 1000;
  const int32_t *video = kr_videos(shared, user);
  for (int32_t c = 0; c < shared->candidates; c++) good = good && video[c] >= 0 && video[c] < world->videos;
  return good;
}

static prl_status load(const prl_env_batch *batch, const void *bytes, int64_t size, prl_error *error) {
  const view v = view_of(batch);
  const char *from = bytes, *digest = v.shared->world->digest;
  const size_t slab = (size_t)batch->n * v.state_size;
  if (size != (int64_t)(DIGEST + slab))
    return prl_fail(error, PRL_EFORMAT, "the saved state of 'kuairand' has %lld bytes; %lld are needed",
                    (long long)size, (long long)(DIGEST + slab));
  if (memcmp(from, digest, DIGEST) != 0)
    return prl_fail(
        error, PRL_EFORMAT,
        "the saved state of 'kuairand' belongs to another world than this one, whose digest is %s", digest);
  for (int64_t i = 0; i < batch->n; i++) {
    _Alignas(64) char copy[sizeof(kr_user) + KR_MAX_CANDIDATES * (KR_HEADS + 1) * 4 + 64];
    memcpy(copy, from + DIGEST + (size_t)i * v.state_size, v.state_size);
    if (!sound(v.shared, (const kr_user *)(void *)copy))
      return prl_fail(error, PRL_EFORMAT, "the saved state of 'kuairand' is damaged at instance %lld",
                      (long long)i);
  }
  memcpy(batch->state, from + DIGEST, slab);
  return PRL_OK;
}

const prl_env_type prl_env_kuairand = {
    .abi = PRL_ENV_ABI,
    .name = "kuairand",
    .summary = "a short-video feed made from real logs: real users and videos, fitted responses and ranker",
    .options = options,
    .spec = spec,
    .open = open_world,
    .reset = reset,
    .step = step,
    .save = save,
    .load = load,
    .presets = presets,
    .file = &prl_kuairand_file,
};
