/* The world file: safetensors as `perilune fit recipes/kuairand/world.lua` writes it, read whole and trusted
 * in nothing. README.md lists the tensors. */
#include "env/kuairand/kuairand.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "core/number.h"
#include "io/file.h"
#include "io/safetensors.h"

static const char format_name[] = "perilune kuairand world 1";
static const char command[] = "perilune fit recipes/kuairand/world.lua --data FOLDER";
static const char *const head_names[] = {"watch", "long_view", "like", "follow", "share", "comment", "hate"};
/* The logs have 0 where it is not known, and call a play of 18 s a long view there. Play times have a column
 * of their own for it, at ln 1 s. */
static const float unknown_duration = 18;
enum { FILE_HEADS = 7 };
static const int score_heads[KR_HEADS] = {0, 1, 2, 3, 4, 5};  /* of the ranker: all but hate */
static const int answer_heads[KR_HEADS] = {0, 2, 3, 4, 5, 6}; /* of the responses: all but long_view */

typedef struct reader {
  const char *path;
  const prl_safetensors *file;
  kr_world *world;
  int64_t pool;        /* entries of all days */
  int32_t own_factors; /* before the padding */
  prl_arena scratch;
  prl_error *error;
} reader;

static prl_status refuse(const reader *r, const char *reason) {
  return prl_fail(r->error, PRL_EFORMAT, "the world %.200s %s; `%s` makes one", r->path, reason, command);
}

/* ---- Tensors ---- */

static prl_status find(const reader *r, const char *name, prl_st_dtype dtype, int ndim,
                       const prl_st_tensor **out) {
  const prl_st_tensor *tensor = prl_safetensors_find(r->file, name);
  char reason[200];
  if (tensor && tensor->dtype == dtype && tensor->ndim == ndim) {
    *out = tensor;
    return PRL_OK;
  }
  if (tensor)
    snprintf(reason, sizeof reason,
             "has a tensor \"%s\" of %s with %d dimensions, where %s with %d is needed", name,
             prl_st_dtype_name(tensor->dtype), tensor->ndim, prl_st_dtype_name(dtype), ndim);
  else
    snprintf(reason, sizeof reason, "has no tensor \"%s\"", name);
  return refuse(r, reason);
}

/* A copy in the arena, of the shape that is asked for. */
static prl_status read_shape(reader *r, const char *name, prl_st_dtype dtype, int ndim, const int64_t *shape,
                             void *out) {
  const prl_st_tensor *tensor = NULL;
  prl_status status = find(r, name, dtype, ndim, &tensor);
  if (status) return status;
  for (int i = 0; i < ndim; i++) {
    char reason[200];
    if (tensor->shape[i] == shape[i]) continue;
    snprintf(reason, sizeof reason, "has a tensor \"%s\" whose dimension %d is %lld, where %lld is needed",
             name, i + 1, (long long)tensor->shape[i], (long long)shape[i]);
    return refuse(r, reason);
  }
  void *copy = prl_arena_alloc(&r->scratch, tensor->size);
  if (!copy) return prl_fail_memory(r->error, tensor->size);
  if (tensor->size) memcpy(copy, tensor->data, tensor->size);
  memcpy(out, &copy, sizeof copy);
  return PRL_OK;
}

/* The same of float32 within [low, high], which NaN is not. */
static prl_status read_floats(reader *r, const char *name, int ndim, const int64_t *shape, float low,
                              float high, float **out) {
  prl_status status = read_shape(r, name, PRL_ST_F32, ndim, shape, out);
  int64_t count = 1;
  for (int i = 0; !status && i < ndim; i++) count *= shape[i];
  for (int64_t i = 0; !status && i < count; i++) {
    char reason[200];
    if ((*out)[i] >= low && (*out)[i] <= high) continue;
    prl_format(reason, sizeof reason, "has %g in the tensor \"%s\" at %lld; %g to %g is accepted", (*out)[i],
               name, (long long)i, low, high);
    status = refuse(r, reason);
  }
  return status;
}

#define READ(r, name, low, high, out, ...)                                                                   \
  read_floats(r, name, (int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)),                      \
              (const int64_t[]){__VA_ARGS__}, low, high, out)

/* ---- Sizes ---- */

static prl_status size_of(const reader *r, const char *name, prl_st_dtype dtype, int ndim, int axis,
                          int64_t low, int64_t high, int32_t *out) {
  const prl_st_tensor *tensor = NULL;
  prl_status status = find(r, name, dtype, ndim, &tensor);
  if (status) return status;
  if (tensor->shape[axis] >= low && tensor->shape[axis] <= high) {
    *out = (int32_t)tensor->shape[axis];
    return PRL_OK;
  }
  char reason[200];
  snprintf(reason, sizeof reason, "has a tensor \"%s\" whose dimension %d is %lld; %lld to %lld is accepted",
           name, axis + 1, (long long)tensor->shape[axis], (long long)low, (long long)high);
  return refuse(r, reason);
}

static prl_status read_sizes(reader *r) {
  kr_world *w = r->world;
  prl_status status = size_of(r, "users/features", PRL_ST_F32, 2, 0, 1, 1 << 22, &w->users);
  if (!status) status = size_of(r, "users/features", PRL_ST_F32, 2, 1, 0, KR_MAX_FEATURES, &w->features);
  if (!status) status = size_of(r, "videos/vector", PRL_ST_F32, 2, 0, 8, 1 << 24, &w->videos);
  if (!status) status = size_of(r, "videos/vector", PRL_ST_F32, 2, 1, 1, KR_MAX_FACTORS, &r->own_factors);
  if (!status) status = size_of(r, "pool/offset", PRL_ST_I64, 1, 0, 2, 4097, &w->days);
  if (!status) status = size_of(r, "play/mean", PRL_ST_F32, 1, 0, 2, KR_MAX_AXIS, &w->means);
  if (!status) status = size_of(r, "play/duration", PRL_ST_F32, 1, 0, 2, KR_MAX_AXIS, &w->durations);
  if (!status) status = size_of(r, "play/quantiles", PRL_ST_F32, 3, 2, 2, 4096, &w->quantiles);
  if (status) return status;
  w->days--;
  w->factors = (r->own_factors + 7) / 8 * 8;
  return PRL_OK;
}

/* ---- Models ---- */

static void *block(kr_world *w, size_t count, size_t size, prl_status *status, prl_error *error) {
  void *memory = *status ? NULL : prl_calloc(w->runtime, count, size);
  if (!*status && !memory) *status = prl_fail_memory(error, count * size);
  return memory;
}

/* Rows of `from` numbers become rows of `to`. */
static void spread(const float *x, int64_t rows, int32_t from, float *y, int32_t to) {
  for (int64_t i = 0; i < rows; i++) memcpy(y + i * to, x + i * from, (size_t)from * sizeof *x);
}

static void place_model(const reader *r, kr_model *model, const int *heads, const float *user,
                        const float *user_bias, const float *video, const float *video_bias,
                        const float *hour) {
  const kr_world *w = r->world;
  const int32_t own = r->own_factors, factors = w->factors, width = factors + KR_ROW;
  for (int32_t u = 0; u < w->users; u++)
    for (int k = 0; k < KR_HEADS; k++) {
      memcpy(model->user + ((size_t)u * KR_HEADS + (size_t)k) * (size_t)factors,
             user + ((size_t)u * FILE_HEADS + (size_t)heads[k]) * (size_t)own, (size_t)own * sizeof *user);
      model->user_row[(size_t)u * KR_ROW + (size_t)k] = user_bias[(size_t)u * FILE_HEADS + (size_t)heads[k]];
    }
  spread(video, w->videos, own, model->video, width);
  for (int32_t i = 0; i < w->videos; i++)
    for (int k = 0; k < KR_HEADS; k++)
      model->video[(size_t)i * (size_t)width + (size_t)(factors + k)] =
          video_bias[(size_t)i * FILE_HEADS + (size_t)heads[k]];
  for (int h = 0; h < 24; h++)
    for (int k = 0; k < KR_HEADS; k++) model->hour[h][k] = hour[h * FILE_HEADS + heads[k]];
}

static prl_status read_model(reader *r, const char *which, const int *heads, kr_model *model) {
  kr_world *w = r->world;
  float *user, *user_bias, *video, *video_bias, *hour;
  char name[5][40];
  const char *const part[5] = {"user", "user_bias", "item", "item_bias", "hour"};
  for (int i = 0; i < 5; i++) snprintf(name[i], sizeof name[i], "%s/%s", which, part[i]);
  prl_status status = READ(r, name[0], -1e4f, 1e4f, &user, w->users, FILE_HEADS, r->own_factors);
  if (!status) status = READ(r, name[1], -1e4f, 1e4f, &user_bias, w->users, FILE_HEADS);
  if (!status) status = READ(r, name[2], -1e4f, 1e4f, &video, w->videos, r->own_factors);
  if (!status) status = READ(r, name[3], -1e4f, 1e4f, &video_bias, w->videos, FILE_HEADS);
  if (!status) status = READ(r, name[4], -1e4f, 1e4f, &hour, 24, FILE_HEADS);
  const size_t users = (size_t)w->users, factors = (size_t)w->factors;
  model->user = block(w, users * KR_HEADS * factors, sizeof(float), &status, r->error);
  model->user_row = block(w, users * KR_ROW, sizeof(float), &status, r->error);
  model->video = block(w, (size_t)w->videos * (factors + KR_ROW), sizeof(float), &status, r->error);
  if (!status) place_model(r, model, heads, user, user_bias, video, video_bias, hour);
  return status;
}

/* ---- The rest ---- */

static prl_status rising(const reader *r, const char *name, const float *x, int32_t n, bool strictly) {
  for (int32_t i = 1; i < n; i++) {
    char reason[200];
    if (strictly ? x[i] > x[i - 1] : x[i] >= x[i - 1]) continue;
    prl_format(reason, sizeof reason, "has a tensor \"%s\" that does not rise: %g comes after %g", name, x[i],
               x[i - 1]);
    return refuse(r, reason);
  }
  return PRL_OK;
}

static prl_status read_play(reader *r) {
  kr_world *w = r->world;
  float *mean, *duration, *quantiles;
  prl_status status = READ(r, "play/mean", -100, 100, &mean, w->means);
  if (!status) status = READ(r, "play/duration", -20, 20, &duration, w->durations);
  if (!status) status = READ(r, "play/quantiles", 0, 12, &quantiles, w->means, w->durations, w->quantiles);
  if (!status) status = rising(r, "play/mean", mean, w->means, true);
  if (!status) status = rising(r, "play/duration", duration, w->durations, true);
  for (int32_t i = 0; !status && i < w->means * w->durations; i++)
    status = rising(r, "play/quantiles", quantiles + (size_t)i * (size_t)w->quantiles, w->quantiles, false);
  const size_t count = (size_t)w->means * (size_t)w->durations * (size_t)w->quantiles;
  w->play = block(w, count, sizeof(float), &status, r->error);
  if (status) return status;
  memcpy(w->mean_axis, mean, (size_t)w->means * sizeof *mean);
  memcpy(w->duration_axis, duration, (size_t)w->durations * sizeof *duration);
  memcpy(w->play, quantiles, count * sizeof *quantiles);
  return PRL_OK;
}

static prl_status read_people(reader *r) {
  kr_world *w = r->world;
  float *feature, *activity, *slope, *hour;
  prl_status status = READ(r, "users/features", -1e6f, 1e6f, &feature, w->users, w->features);
  if (!status) status = READ(r, "users/activity", 0, 1, &activity, w->users);
  if (!status) status = READ(r, "response/time_slope", -20, 20, &slope, FILE_HEADS);
  if (!status) status = READ(r, "clock/hour", 0, 1, &hour, 24);
  w->feature = block(w, (size_t)w->users * (size_t)w->features, sizeof(float), &status, r->error);
  w->activity = block(w, (size_t)w->users, sizeof(float), &status, r->error);
  if (status) return status;
  memcpy(w->feature, feature, (size_t)w->users * (size_t)w->features * sizeof *feature);
  memcpy(w->activity, activity, (size_t)w->users * sizeof *activity);
  for (int k = 0; k < KR_HEADS; k++) w->time_slope[k] = slope[answer_heads[k]];
  float total = 0;
  for (int h = 0; h < 24; h++) total += hour[h];
  if (!(total > 0.99f && total < 1.01f))
    return refuse(r, "has shares in \"clock/hour\" that do not add up to 1");
  /* An hour without any activity would let nobody come back in it, and nobody pass it. */
  for (int h = 0; h < 24; h++) w->profile[h] = fmaxf(24 * hour[h] / total, 0.02f);
  return PRL_OK;
}

static prl_status check_pool(const reader *r, const int64_t *offset, const int32_t *video) {
  const kr_world *w = r->world;
  char reason[200];
  for (int32_t day = 0; day < w->days; day++) {
    const int64_t count = offset[day + 1] - offset[day];
    if (offset[0] == 0 && count >= FEED_MAX_CANDIDATES && offset[day + 1] <= r->pool) continue;
    snprintf(reason, sizeof reason, "has %lld videos in the pool of day %d; at least %d are needed",
             (long long)count, day + 1, FEED_MAX_CANDIDATES);
    return refuse(r, reason);
  }
  if (offset[w->days] != r->pool) return refuse(r, "has a pool whose offsets do not end where it ends");
  for (int64_t i = 0; i < r->pool; i++) {
    if (video[i] >= 0 && video[i] < w->videos) continue;
    snprintf(reason, sizeof reason, "has video %d in \"pool/video\"; there are %d", video[i], w->videos);
    return refuse(r, reason);
  }
  return PRL_OK;
}

static prl_status read_videos(reader *r) {
  kr_world *w = r->world;
  int32_t entries, *pool;
  int64_t *offset;
  float *vector, *duration, *age, *weight;
  prl_status status = READ(r, "videos/vector", -1.001f, 1.001f, &vector, w->videos, r->own_factors);
  if (!status) status = READ(r, "videos/duration", 0, 1e5f, &duration, w->videos);
  if (!status) status = READ(r, "videos/age", -1e5f, 1e5f, &age, w->videos);
  if (!status) status = size_of(r, "pool/video", PRL_ST_I32, 1, 0, 1, INT32_MAX, &entries);
  if (status) return status;
  const int64_t offsets = w->days + 1, count = r->pool = entries;
  status = read_shape(r, "pool/offset", PRL_ST_I64, 1, &offsets, &offset);
  if (!status) status = read_shape(r, "pool/video", PRL_ST_I32, 1, &count, &pool);
  if (!status) status = READ(r, "pool/weight", 1e-6f, 1e9f, &weight, count);
  if (!status) status = check_pool(r, offset, pool);
  w->vector = block(w, (size_t)w->videos * (size_t)w->factors, sizeof(float), &status, r->error);
  w->duration = block(w, (size_t)w->videos, sizeof(float), &status, r->error);
  w->pool = block(w, (size_t)count, sizeof *w->pool, &status, r->error);
  if (status) return status;
  spread(vector, w->videos, r->own_factors, w->vector, w->factors);
  for (int32_t i = 0; i < w->videos; i++) {
    w->duration[i] = duration[i] >= 1 ? duration[i] : unknown_duration;
    w->response.video[(size_t)i * (size_t)(w->factors + KR_ROW) + (size_t)(w->factors + KR_V_PLAYED)] =
        logf(fmaxf(duration[i], 1));
  }
  memcpy(w->pool, pool, (size_t)count * sizeof *pool);
  return prl_kuairand_derive(w, offset, weight, age, r->error);
}

/* ---- Metadata ---- */

/* A list of JSON in the metadata; NULL where it is none. */
static const prl_value *metadata_list(const reader *r, const char *key, prl_doc **doc) {
  const char *text = prl_safetensors_text(r->file, key);
  *doc = NULL;
  if (!text || prl_json_parse(r->world->runtime, text, strlen(text), doc, NULL)) return NULL;
  return (*doc)->root.kind == PRL_ARRAY ? &(*doc)->root : NULL;
}

static prl_status check_heads(const reader *r) {
  prl_doc *doc;
  const prl_value *heads = metadata_list(r, "heads", &doc);
  bool same = heads && heads->count == FILE_HEADS;
  for (int i = 0; same && i < FILE_HEADS; i++) {
    const prl_value *head = prl_item(heads, i);
    same = head->kind == PRL_STRING && strcmp(head->as.text, head_names[i]) == 0;
  }
  prl_doc_free(doc);
  return same ? PRL_OK
              : refuse(r, "does not have the heads watch, long_view, like, follow, share, comment, hate");
}

static prl_status read_names(reader *r) {
  kr_world *w = r->world;
  prl_status status = PRL_OK;
  prl_doc *doc;
  const prl_value *names = metadata_list(r, "user_features", &doc);
  bool good = names && names->count == w->features;
  for (int i = 0; good && i < w->features; i++) {
    const prl_value *name = prl_item(names, i);
    good = name->kind == PRL_STRING && name->count > 0 && name->count < 50;
  }
  if (!good) status = refuse(r, "does not name its user_features, in fewer than 50 letters each");
  const size_t all = KR_OBSERVATIONS + (size_t)w->features + FEED_MAX_HISTORY;
  w->name = block(w, (size_t)w->features + 1, sizeof *w->name, &status, r->error);
  w->observation = block(w, all, sizeof *w->observation, &status, r->error);
  const size_t latent = (size_t)kr_latent_count(w);
  w->latent_name = block(w, latent, sizeof *w->latent_name, &status, r->error);
  w->with_latent = block(w, all + latent, sizeof *w->with_latent, &status, r->error);
  if (!status) {
    memcpy(w->observation, prl_kuairand_observation, KR_OBSERVATIONS * sizeof *w->observation);
    for (int i = 0; i < w->features; i++) {
      snprintf(w->name[i], sizeof w->name[i], "user_%s", prl_item(names, i)->as.text);
      w->observation[KR_OBSERVATIONS + i] =
          (prl_observation_spec){w->name[i], "", -INFINITY, INFINITY, false};
    }
    for (int i = 0; i < FEED_MAX_HISTORY; i++) {
      prl_observation_spec *video = &w->observation[KR_OBSERVATIONS + w->features + i];
      *video = prl_kuairand_observation[KR_OBSERVATIONS + i];
      video->high = (float)(w->videos - 1);
    }
    prl_kuairand_latent_spec(w);
  }
  prl_doc_free(doc);
  return status;
}

/* Days since Monday, 1 January 1 of the calendar; −1 where yyyymmdd is no date. */
static int64_t day_number(double yyyymmdd) {
  int date = yyyymmdd >= 10101 && yyyymmdd < 1e8 ? (int)yyyymmdd : 0, y = date / 10000, m = date / 100 % 100,
      d = date % 100;
  if (m < 1 || m > 12 || d < 1 || d > 31) return -1;
  static const int before[12] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
  const bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
  const int64_t past = y - 1;
  return past * 365 + past / 4 - past / 100 + past / 400 + before[m - 1] + (leap && m > 2) + d - 1;
}

/* The first and last of the simulated days, from which follow the weekends. */
static prl_status read_days(reader *r) {
  kr_world *w = r->world;
  prl_status status = PRL_OK;
  prl_doc *doc;
  const prl_value *days = metadata_list(r, "days", &doc);
  int64_t bounds[2] = {-1, -1};
  for (int i = 0; days && days->count == 2 && i < 2; i++) {
    const prl_value *day = prl_item(days, i);
    bounds[i] = day->kind == PRL_NUMBER ? day_number(day->as.number) : -1;
  }
  prl_doc_free(doc);
  if (bounds[0] < 0 || bounds[1] < bounds[0])
    status = refuse(r, "has no first and last of its days, as in [20220504, 20220508]");
  else if (bounds[1] - bounds[0] + 1 != w->days)
    status = refuse(r, "has another number of days in its pool than from its first day to its last");
  w->weekend = block(w, (size_t)w->days, 1, &status, r->error);
  for (int32_t day = 0; !status && day < w->days; day++) w->weekend[day] = (bounds[0] + day) % 7 >= 5;
  return status;
}

/* ---- The whole ---- */

static prl_status read_world(reader *r) {
  const char *format = prl_safetensors_text(r->file, "format");
  char reason[160];
  if (!format || strcmp(format, format_name) != 0) {
    snprintf(reason, sizeof reason, "has the format \"%.60s\", where \"%s\" is needed", format ? format : "",
             format_name);
    return refuse(r, reason);
  }
  prl_error inner;
  if (prl_safetensors_need_digest(r->file, r->path, &inner))
    return prl_fail(r->error, PRL_EFORMAT, "no whole world: %.300s; `%s` makes one", inner.message, command);
  prl_status status = check_heads(r);
  if (!status) status = read_sizes(r);
  if (!status) status = read_names(r);
  if (!status) status = read_days(r);
  if (!status) status = read_model(r, "ranker", score_heads, &r->world->ranker);
  if (!status) status = read_model(r, "response", answer_heads, &r->world->response);
  if (!status) status = read_play(r);
  if (!status) status = read_people(r);
  if (!status) status = read_videos(r);
  return status;
}

void prl_kuairand_world_free(kr_world *w) {
  if (!w) return;
  prl_runtime *runtime = w->runtime;
  void *blocks[] = {w->ranker.user,
                    w->ranker.user_row,
                    w->ranker.video,
                    w->response.user,
                    w->response.user_row,
                    w->response.video,
                    w->fade,
                    w->vector,
                    w->duration,
                    w->feature,
                    w->activity,
                    w->play,
                    w->day,
                    w->pool,
                    w->bound,
                    w->guide,
                    w->weekend,
                    w->name,
                    w->observation,
                    w->latent_name,
                    w->with_latent,
                    w};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) prl_free(runtime, blocks[i]);
  prl_runtime_release(runtime);
}

static prl_status read_bytes(reader *r, const char *bytes, size_t size) {
  prl_safetensors *file;
  prl_error inner;
  prl_status status = prl_safetensors_parse(r->world->runtime, r->path, bytes, size, &file, &inner);
  if (!status) memcpy(r->world->digest, file->digest, sizeof file->digest);
  if (status == PRL_EFORMAT)
    return prl_fail(r->error, status, "no whole world: %.300s; `%s` makes one", inner.message, command);
  if (status) return prl_fail(r->error, status, "%s", inner.message);
  r->file = file;
  prl_arena_init(&r->scratch, r->world->runtime);
  status = read_world(r);
  prl_arena_deinit(&r->scratch);
  prl_safetensors_close(file);
  return status;
}

static prl_status open_file(prl_runtime *runtime, const char *path, void **context, char digest[33],
                            prl_error *error) {
  char *bytes;
  size_t size;
  prl_error inner;
  prl_status status = prl_file_read(runtime, path, PRL_FILE_CAP, &bytes, &size, &inner);
  if (status)
    return prl_fail(error, status, "there is no world to read: %.300s; `%s` makes one", inner.message,
                    command);
  kr_world *world = prl_calloc(runtime, 1, sizeof *world);
  if (world) {
    world->runtime = prl_runtime_retain(runtime);
    reader r = {.path = path, .world = world, .error = error};
    status = read_bytes(&r, bytes, size);
  } else {
    status = prl_fail_memory(error, sizeof *world);
  }
  prl_free(runtime, bytes);
  if (status) {
    prl_kuairand_world_free(world);
    return status;
  }
  memcpy(digest, world->digest, sizeof world->digest);
  *context = world;
  return PRL_OK;
}

static void close_file(void *context) { prl_kuairand_world_free(context); }

const prl_env_file prl_kuairand_file = {
    .meaning = "the fitted world, a file that `perilune fit recipes/kuairand/world.lua --data FOLDER` writes",
    .open = open_file,
    .close = close_file,
};
