/* An experience with its replay memory and batches: what the tests of rl/replay.c begin with. */
#ifndef SPEC_RL_REPLAY_SUPPORT_H
#define SPEC_RL_REPLAY_SUPPORT_H

#include "rl/experience_support.h"

#include <stdlib.h>

#include "rl/parts.h"
#include "rl/replay.h"

typedef struct bench {
  prl_experience *e;
  prl_replay *m;
  prl_batch frozen, drawn;
  prl_stretch stretch;
} bench;

enum { DRAWN = 512, STEPS = 4 };

static bench open_bench(prl_experience_options options, int64_t places) {
  bench b = {.stretch = {.steps = STEPS}};
  options.kept = true;
  b.e = open_experience(options);
  CHECK_OK(prl_replay_new(runtime, &options, places, &b.m, &error));
  CHECK_OK(prl_batch_init(&b.frozen, runtime, options.rows, &options, &error));
  CHECK_OK(prl_batch_init(&b.drawn, runtime, DRAWN, &options, &error));
  b.stretch.response = calloc((size_t)(DRAWN * STEPS * options.responses), sizeof(float));
  b.stretch.elapsed = calloc(DRAWN * STEPS, sizeof(float));
  b.stretch.length = calloc(DRAWN, sizeof(int32_t));
  b.e->replay = b.m;
  return b;
}

static void close_bench(bench *b) {
  prl_batch_deinit(&b->frozen, runtime);
  prl_batch_deinit(&b->drawn, runtime);
  prl_replay_free(b->m);
  prl_experience_free(b->e);
  free(b->stretch.response);
  free(b->stretch.elapsed);
  free(b->stretch.length);
}

static inline void keep(bench *b) {
  prl_experience_freeze(b->e, &b->frozen);
  prl_replay_add(b->m, &b->frozen);
}

static inline void respond(bench *b, uint64_t decision, float a, float c) {
  const float responses[2] = {a, c};
  CHECK_OK(prl_experience_feedback(b->e, &decision, responses, NULL, NULL, 1, &error));
}

static inline void observe(bench *b, uint64_t stream, float mark) {
  const float observation[2] = {mark, (float)stream};
  CHECK_OK(prl_experience_observe(b->e, &stream, observation, 1, &error));
}

static inline void finish(bench *b, uint64_t stream, bool terminated, float mark) {
  const float observation[2] = {mark, (float)stream};
  CHECK_OK(prl_experience_finish(b->e, stream, terminated, observation, &error));
}

static float mark_at(const prl_replay *m, int64_t place) { return m->observation[2 * place]; }
static bool is_row(const prl_replay *m, int64_t place) { return (m->kind[place] & 255) == PRL_ROW_REAL; }
static inline int32_t end_at(const prl_replay *m, int64_t place) { return m->kind[place] >> 8; }

/* The place of the row with this mark; −1: none. */
static int64_t row_of(const prl_replay *m, float mark) {
  for (int64_t place = 0; place < m->n.filled; place++)
    if (is_row(m, place) && mark_at(m, place) == mark) return place;
  return -1;
}

static inline float next_mark(const prl_replay *m, float mark) {
  const int64_t place = row_of(m, mark);
  assert_true(place >= 0);
  return m->next[place] < 0 ? -1 : mark_at(m, m->next[place]);
}

#endif
