/* A small world file for kuairand, made of nothing but random numbers of a plausible size: for tests and for
 * the benchmark, which have no logs. */
#ifndef SPEC_SUPPORT_KUAIRAND_WORLD_H
#define SPEC_SUPPORT_KUAIRAND_WORLD_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/rng.h"
#include "io/safetensors.h"

typedef struct made_world {
  int64_t users, videos, factors, features, days, pool; /* pool: videos of each day */
  uint64_t seed;
  float ranker_error; /* deviation between the ranker's factors and the responses' */
  const char *format; /* NULL: as it should be */
  const char *drop;   /* the name of a tensor to leave out, or NULL */
  const char *spoil;  /* the name of a tensor whose last number becomes `spoilt`, or NULL */
  float spoilt;
} made_world;

enum { MADE_HEADS = 7, MADE_MEANS = 12, MADE_DURATIONS = 8, MADE_QUANTILES = 32, MADE_TENSORS = 40 };

typedef struct made_tensors {
  prl_st_tensor list[MADE_TENSORS];
  int count;
} made_tensors;

static inline void *made_add(made_tensors *all, const char *name, prl_st_dtype dtype, int ndim, int64_t a,
                             int64_t b, int64_t c) {
  int64_t count = a * (ndim > 1 ? b : 1) * (ndim > 2 ? c : 1);
  void *data = calloc((size_t)count + 1, prl_st_dtype_size(dtype));
  all->list[all->count++] = (prl_st_tensor){.name = name,
                                            .dtype = dtype,
                                            .ndim = ndim,
                                            .shape = {a, b, c},
                                            .data = data,
                                            .size = (size_t)count * prl_st_dtype_size(dtype)};
  return data;
}

static inline void made_normals(const made_world *m, uint32_t site, int64_t n, float *out, float scale) {
  prl_rng_normals(prl_rng_make(m->seed, site, PRL_SITE_USER), 0, 0, n, out);
  for (int64_t i = 0; i < n; i++) out[i] *= scale;
}

/* Adds n normals of deviation `scale`. */
static inline void made_noise(const made_world *m, uint32_t site, int64_t n, float *out, float scale) {
  float *noise = malloc((size_t)n * sizeof *noise);
  made_normals(m, site, n, noise, scale);
  for (int64_t i = 0; i < n; i++) out[i] += noise[i];
  free(noise);
}

static inline float *made_floats(made_tensors *all, const char *name, int ndim, int64_t a, int64_t b,
                                 int64_t c) {
  return made_add(all, name, PRL_ST_F32, ndim, a, b, c);
}

/* watch: mean of ln(1 + s); then logits of long_view, like, follow, share, comment, hate. */
static inline void made_model(const made_world *m, made_tensors *all, const char *const name[5],
                              const float *log_duration, float error, uint32_t site) {
  static const float usual[MADE_HEADS] = {0, -0.8f, -4.6f, -7, -7.3f, -6.2f, -8};
  const int64_t h = MADE_HEADS;
  float *user = made_floats(all, name[0], 3, m->users, h, m->factors);
  float *user_bias = made_floats(all, name[1], 2, m->users, h, 0);
  float *item = made_floats(all, name[2], 2, m->videos, m->factors, 0);
  float *item_bias = made_floats(all, name[3], 2, m->videos, h, 0);
  float *hour = made_floats(all, name[4], 2, 24, h, 0);
  made_normals(m, 1, m->users * h * m->factors, user, 0.3f);
  made_normals(m, 2, m->users * h, user_bias, 0.6f);
  made_normals(m, 3, m->videos * m->factors, item, 0.4f);
  made_normals(m, 4, m->videos * h, item_bias, 0.4f);
  if (error > 0) {
    made_noise(m, site, m->users * h * m->factors, user, 0.3f * error);
    made_noise(m, site + 1, m->videos * h, item_bias, 0.4f * error);
  }
  for (int64_t i = 0; i < m->videos; i++)
    for (int64_t k = 0; k < h; k++) item_bias[i * h + k] += k ? usual[k] : 0.6f + 0.35f * log_duration[i];
  for (int64_t i = 0; i < 24 * h; i++) hour[i] = 0.05f * cosf((float)(i / h) * 0.2618f);
}

static inline void made_play(const made_world *m, made_tensors *all) {
  float *mean = made_floats(all, "play/mean", 1, MADE_MEANS, 0, 0);
  float *duration = made_floats(all, "play/duration", 1, MADE_DURATIONS, 0, 0);
  float *play = made_floats(all, "play/quantiles", 3, MADE_MEANS, MADE_DURATIONS, MADE_QUANTILES);
  for (int b = 0; b < MADE_MEANS; b++) mean[b] = 0.6f + 0.25f * (float)b;
  for (int g = 0; g < MADE_DURATIONS; g++) duration[g] = 2 + 0.6f * (float)g;
  for (int b = 0; b < MADE_MEANS; b++)
    for (int g = 0; g < MADE_DURATIONS; g++)
      for (int q = 0; q < MADE_QUANTILES; q++) {
        float share = ((float)q + 0.5f) / MADE_QUANTILES, x = mean[b] + 0.9f * logf(share / (1 - share));
        play[(b * MADE_DURATIONS + g) * MADE_QUANTILES + q] = fminf(fmaxf(x, 0.1f), duration[g] + 1);
      }
}

static inline void made_videos(const made_world *m, made_tensors *all, float *log_duration) {
  float *duration = made_floats(all, "videos/duration", 1, m->videos, 0, 0);
  float *age = made_floats(all, "videos/age", 1, m->videos, 0, 0);
  float *vector = made_floats(all, "videos/vector", 2, m->videos, m->factors, 0);
  int64_t *offset = made_add(all, "pool/offset", PRL_ST_I64, 1, m->days + 1, 0, 0);
  int32_t *pool = made_add(all, "pool/video", PRL_ST_I32, 1, m->days * m->pool, 0, 0);
  float *weight = made_floats(all, "pool/weight", 1, m->days * m->pool, 0, 0);
  made_normals(m, 11, m->videos * m->factors, vector, 1);
  for (int64_t i = 0; i < m->videos; i++) {
    float norm = 0, *v = vector + i * m->factors;
    for (int64_t d = 0; d < m->factors; d++) norm += v[d] * v[d];
    for (int64_t d = 0; d < m->factors; d++) v[d] /= sqrtf(norm);
    duration[i] = expf(log_duration[i]);
    age[i] = (float)(10 + i % 20);
  }
  for (int64_t day = 0; day < m->days; day++) {
    offset[day + 1] = (day + 1) * m->pool;
    for (int64_t j = 0; j < m->pool; j++) {
      pool[day * m->pool + j] =
          (int32_t)((j * 7 + day * 13) % m->videos); /* 7 and the videos: no common part */
      weight[day * m->pool + j] = 1 + 3 / (float)(1 + j % 97);
    }
  }
}

static inline void made_users(const made_world *m, made_tensors *all) {
  float *feature = made_floats(all, "users/features", 2, m->users, m->features, 0);
  float *activity = made_floats(all, "users/activity", 1, m->users, 0, 0);
  float *slope = made_floats(all, "response/time_slope", 1, MADE_HEADS, 0, 0);
  float *hour = made_floats(all, "clock/hour", 1, 24, 0, 0);
  made_normals(m, 21, m->users * m->features, feature, 1);
  for (int64_t i = 0; i < m->users; i++) activity[i] = ((float)(i * 31 % m->users) + 0.5f) / (float)m->users;
  for (int k = 2; k < MADE_HEADS; k++) slope[k] = k == 6 ? -0.2f : 0.5f;
  for (int h = 0; h < 24; h++) hour[h] = (1 + 0.5f * sinf((float)h * 0.2618f)) / 24;
}

static inline void made_metadata(const made_world *m, prl_doc *doc) {
  char text[4096] = "[";
  prl_set_map(&doc->root);
  for (int64_t i = 0; i < m->features; i++)
    snprintf(text + strlen(text), sizeof text - strlen(text), "%s\"feature_%d\"", i ? "," : "", (int)i);
  strcat(text, "]");
  char days[40];
  snprintf(days, sizeof days, "[20220502, %d]", 20220502 + (int)m->days - 1);
  const char *const pairs[][2] = {
      {"format", m->format ? m->format : "perilune kuairand world 1"},
      {"heads", "[\"watch\",\"long_view\",\"like\",\"follow\",\"share\",\"comment\",\"hate\"]"},
      {"user_features", text},
      {"days", days}};
  for (int i = 0; i < 4; i++) {
    prl_value *to = prl_put(doc, &doc->root, pairs[i][0]);
    prl_set_string(doc, to, pairs[i][1], strlen(pairs[i][1]));
  }
}

static inline void made_spoil(const made_world *m, made_tensors *all) {
  for (int i = 0; i < all->count; i++) {
    if (m->spoil && strcmp(all->list[i].name, m->spoil) == 0 && all->list[i].size >= 4) {
      char *last = (char *)(uintptr_t)all->list[i].data + all->list[i].size - 4;
      memcpy(last, &m->spoilt, 4);
    }
    if (m->drop && strcmp(all->list[i].name, m->drop) == 0) {
      free((void *)(uintptr_t)all->list[i].data);
      all->list[i--] = all->list[--all->count];
    }
  }
}

static inline prl_status made_world_write(prl_runtime *runtime, const made_world *m, const char *path,
                                          prl_error *error) {
  static const char *const ranker[5] = {"ranker/user", "ranker/user_bias", "ranker/item", "ranker/item_bias",
                                        "ranker/hour"};
  static const char *const response[5] = {"response/user", "response/user_bias", "response/item",
                                          "response/item_bias", "response/hour"};
  made_tensors all = {.count = 0};
  float *log_duration = malloc((size_t)m->videos * sizeof *log_duration);
  made_normals(m, 10, m->videos, log_duration, 0.9f);
  for (int64_t i = 0; i < m->videos; i++) log_duration[i] = fminf(fmaxf(4.2f + log_duration[i], 1.7f), 7);
  made_model(m, &all, ranker, log_duration, m->ranker_error, 31);
  made_model(m, &all, response, log_duration, 0, 0);
  made_play(m, &all);
  made_videos(m, &all, log_duration);
  made_users(m, &all);
  made_spoil(m, &all);
  free(log_duration);
  prl_doc *doc;
  prl_status status = prl_doc_new(runtime, &doc, error);
  if (!status) {
    made_metadata(m, doc);
    status = prl_safetensors_write(runtime, path, all.list, all.count, &doc->root, error);
    prl_doc_free(doc);
  }
  for (int i = 0; i < all.count; i++) free((void *)(uintptr_t)all.list[i].data);
  return status;
}

#endif
