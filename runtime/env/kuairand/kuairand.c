/* The kuairand environment: a request is a step, a session an episode (or what `episode` says), an instance
 * one real user after the other. */
#include "env/kuairand/kuairand.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "env/types.h"

enum option { HETEROGENEITY = FEED_PULLS, SIZES, BASE = SIZES + FEED_SIZES };

static const prl_env_option options[] = {
    FEED_PULL_OPTIONS,
    {"heterogeneity", 1, 0, 2, "",
     "how much users differ in boredom, and fatigue turns them to short videos"},
    FEED_SIZE_OPTIONS,
    FEED_BASE_OPTION("watch", 1, "weight of the predicted log watch time over videos as long"),
    FEED_BASE_OPTION("long_view", 0.3, "weight of the predicted logit of a long view"),
    FEED_BASE_OPTION("like", 0.3, "weight of the predicted logit of a like"),
    FEED_BASE_OPTION("follow", 0.2, "weight of the predicted logit of a follow"),
    FEED_BASE_OPTION("share", 0.05, "weight of the predicted logit of a share"),
    FEED_BASE_OPTION("comment", 0.05, "weight of the predicted logit of a comment"),
    FEED_BASE_OPTION("diversity", 0.3, "penalty of likeness to what was watched and is shown above"),
    FEED_BASE_OPTION("freshness", 0, "weight of e^(−age / its mean)"),
    FEED_BASE_OPTION("duration", 0, "weight of the standard log length"),
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

static const prl_response_spec responses[][KR_RESPONSES] = FEED_RESPONSES_BY_WAIT();

/* All but the history. */
static int32_t observations_of(const kr_world *world, bool latent) {
  return KR_OBSERVATIONS + world->features + (latent ? kr_latent_count(world) : 0);
}

static prl_status spec(const prl_env_type *type, const double *values, prl_env_spec *out, prl_error *error) {
  prl_status status = prl_feed_check_sizes(type->name, values + SIZES, error);
  if (status) return status;
  const int32_t candidates = (int32_t)values[SIZES + FEED_CANDIDATES];
  const kr_world *world = type->context; /* NULL: the features of its users are not known */
  const int32_t history = (int32_t)values[SIZES + FEED_HISTORY];
  const bool latent = world && values[SIZES + FEED_LATENT] == 1;
  out->observations = (world ? observations_of(world, latent) : KR_OBSERVATIONS) + history;
  out->observation = latent ? world->with_latent : world ? world->observation : prl_kuairand_observation;
  out->actions = KR_WEIGHTS;
  out->action_kind = PRL_ACTION_CONTINUOUS;
  out->action = weights;
  out->responses = KR_RESPONSES;
  out->response = responses[(int)values[SIZES + FEED_RETURN_WAIT] / 24];
  out->state_size = kr_state_size(candidates, history);
  out->shared_size = sizeof(kr_shared);
  out->clock = out->by_instance = out->divisible = out->keyed = true;
  out->session = "depth";
  return PRL_OK;
}

static const feed_table *const tables[PRL_TABLES] = PRL_EACH_TABLE(&prl_kuairand_table_);

static prl_status open_world(const prl_env_type *type, const double *values, uint64_t seed, void *memory,
                             prl_error *error) {
  const kr_world *world = type->context;
  if (!world)
    return prl_fail(error, PRL_EINVAL,
                    "kuairand: this is missing: world, %s, as in {\"kuairand\", world = \"FILE\"}",
                    type->file->meaning);
  kr_shared *shared = memory;
  shared->world = world;
  prl_feed_choose_tables(NULL, tables, &shared->kernels, &shared->table);
  shared->rules = prl_feed_rules(values, values + SIZES);
  shared->clock = (feed_clock){world->profile, world->weekend, world->days};
  shared->heterogeneity = (float)values[HETEROGENEITY];
  shared->candidates = (int32_t)values[SIZES + FEED_CANDIDATES];
  shared->shown = (int32_t)values[SIZES + FEED_SHOWN];
  shared->return_wait = (float)values[SIZES + FEED_RETURN_WAIT];
  shared->history = (int32_t)values[SIZES + FEED_HISTORY];
  shared->latent = values[SIZES + FEED_LATENT] == 1;
  for (int k = 0; k < KR_WEIGHTS; k++) shared->base[k] = (float)values[BASE + k];
  return PRL_OK;
}

/* ---- What the frame asks for ---- */

static void birth(const void *shared, void *user, uint64_t seed, uint64_t stream) {
  prl_kuairand_birth(shared, user, seed, stream);
}

static void enter(const void *shared, void *user) { prl_kuairand_enter(shared, user); }

static float leave(const void *shared, void *user, uint64_t seed, uint64_t stream) {
  return prl_kuairand_leave(shared, user, seed, stream);
}

static void draw(const void *shared, void *user) {
  ((const kr_shared *)shared)->table->candidates(shared, user);
}

static void observe(const void *memory, const void *user_, float *out) {
  const kr_shared *shared = memory;
  const kr_user *user = user_;
  prl_kuairand_observe(shared->world, &user->known, out);
  if (shared->latent) prl_kuairand_reveal(shared->world, user, out + observations_of(shared->world, false));
}

static int32_t video(const void *shared, const void *user, int32_t place) {
  return kr_videos(shared, user)[place];
}

static void remember(void *user, const float *response, const float *offset) {
  prl_kuairand_remember(&((kr_user *)user)->known, response, offset);
}

static const feed_model model = {.weights = KR_WEIGHTS,
                                 .responses = KR_RESPONSES,
                                 .depth = KR_R_DEPTH,
                                 .return_time = KR_R_RETURN_TIME,
                                 .weight = weights,
                                 .visit = offsetof(kr_user, known.visit),
                                 .gap = offsetof(kr_user, known.gap),
                                 .birth = birth,
                                 .enter = enter,
                                 .leave = leave,
                                 .draw = draw,
                                 .observe = observe,
                                 .video = video,
                                 .remember = remember};

/* The runtime's choice of kernels holds here too; `open` is not told of it. */
static feed_frame frame_of(const prl_env_batch *batch) {
  kr_shared *shared = (kr_shared *)batch->shared;
  prl_feed_choose_tables(batch->kernels, tables, &shared->kernels, &shared->table);
  return (feed_frame){.model = &model,
                      .table = shared->table,
                      .shared = shared,
                      .rules = &shared->rules,
                      .base = shared->base,
                      .return_wait = shared->return_wait,
                      .shown = shared->shown,
                      .observations = observations_of(shared->world, shared->latent) + shared->history,
                      .history = shared->history,
                      .history_at = kr_history_at(shared->candidates),
                      .state_size = kr_state_size(shared->candidates, shared->history)};
}

static prl_status reset(const prl_env_batch *batch, const uint8_t *mask, prl_error *error) {
  const feed_frame frame = frame_of(batch);
  return prl_feed_reset(batch, mask, &frame);
}

static prl_status step(const prl_env_batch *batch, prl_error *error) {
  const feed_frame frame = frame_of(batch);
  return prl_feed_step(batch, &frame);
}

/* ---- State: the digest of the world, then the slab ---- */

enum { DIGEST = 32 };

static prl_status save(const prl_env_batch *batch, void *bytes, int64_t *size, prl_error *error) {
  const kr_shared *shared = batch->shared;
  const size_t state_size = kr_state_size(shared->candidates, shared->history);
  const size_t slab = (size_t)batch->n * state_size;
  *size = (int64_t)(DIGEST + slab);
  if (!bytes) return PRL_OK;
  memcpy(bytes, shared->world->digest, DIGEST);
  memcpy((char *)bytes + DIGEST, batch->state, slab);
  return PRL_OK;
}

static bool sound(const void *memory, const void *state) {
  const kr_shared *shared = memory;
  const kr_user *user = state;
  const kr_world *world = shared->world;
  const char *history = (const char *)user + kr_history_at(shared->candidates);
  const int32_t *of = kr_videos(shared, user);
  bool good = prl_feed_sound(&user->known.visit, &user->latent.mind, (const int32_t *)(const void *)history,
                             shared->history, world->videos);
  if (user->known.visit.phase == FEED_UNBORN) return good;
  good = good && user->known.user >= 0 && user->known.user < world->users;
  for (int32_t c = 0; c < shared->candidates; c++) good = good && of[c] >= 0 && of[c] < world->videos;
  return good;
}

static prl_status load(const prl_env_batch *batch, const void *bytes, int64_t size, prl_error *error) {
  const kr_shared *shared = batch->shared;
  const size_t state_size = kr_state_size(shared->candidates, shared->history);
  const char *from = bytes, *digest = shared->world->digest;
  const size_t slab = (size_t)batch->n * state_size;
  if (size != (int64_t)(DIGEST + slab))
    return prl_fail(error, PRL_EFORMAT, "the saved state of 'kuairand' has %lld bytes; %lld are needed",
                    (long long)size, (long long)(DIGEST + slab));
  if (memcmp(from, digest, DIGEST) != 0)
    return prl_fail(
        error, PRL_EFORMAT,
        "the saved state of 'kuairand' belongs to another world than this one, whose digest is %s", digest);
  for (int64_t i = 0; i < batch->n; i++) {
    _Alignas(
        64) char copy[sizeof(kr_user) + FEED_MAX_CANDIDATES * (KR_HEADS + 1) * 4 + FEED_MAX_HISTORY * 4 + 64];
    memcpy(copy, from + DIGEST + (size_t)i * state_size, state_size);
    if (!sound(shared, copy))
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
    .words = prl_feed_words,
    .spec = spec,
    .open = open_world,
    .reset = reset,
    .step = step,
    .save = save,
    .load = load,
    .sound = sound,
    .presets = presets,
    .file = &prl_kuairand_file,
    .later = prl_feed_later,
};
