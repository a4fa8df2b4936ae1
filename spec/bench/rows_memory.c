/* memory: what a million rows of a replay memory take beside the fields that they store, and a draw by
 * priority beside a uniform one. */
#include <stdio.h>
#include <stdlib.h>

#include "bench/bench.h"
#include "bench/rows.h"
#include "core/rng.h"
#include "rl/replay.h"

enum { ROWS = 1 << 20, AT_ONCE = 4096, WIDTH = 64, DRAWN = 256, REPETITIONS = 21 };

static const prl_experience_options shape = {
    .observations = WIDTH, .actions = 1, .responses = 1, .streams = 1, .kept = true};

/* Observation, action, log-density, response and its mark, Δt, versions of policy and objective, decision,
 * next state, stream, step, and how the row ends. */
enum { STORED = (WIDTH + 1 + 1 + 1) * 4 + 4 + 4 + 8 + 4 + 8 + 4 * 4 };

typedef struct side {
  prl_replay *memory;
  prl_batch *batch;
  prl_stretch *stretch;
  float *weight; /* NULL: a uniform draw */
} side;

static void draw(void *context) {
  const side *s = context;
  if (s->weight)
    prl_replay_draw_ranked(s->memory, 1, DRAWN, 0.4, s->batch, s->stretch, s->weight);
  else
    prl_replay_draw(s->memory, 1, DRAWN, 1, s->batch, s->stretch);
}

/* Episodes of one step, so that a row takes one place, with priorities of all sizes. */
static void fill(prl_replay *memory, prl_batch *batch) {
  float *x = batch->observation;
  for (int64_t first = 0; first < ROWS; first += AT_ONCE) {
    batch->rows = batch->observed = AT_ONCE;
    for (int64_t i = 0; i < AT_ONCE; i++) {
      x[i * WIDTH] = (float)(first + i);
      batch->successor[i] = -1;
      batch->end[i] = PRL_END_TERMINATED;
      batch->decision[i] = (uint64_t)(first + i + 1) << 32 | 1;
    }
    prl_replay_add(memory, batch);
  }
  float value[ROWS / 1024];
  for (int64_t first = 0; memory->exponent > 0 && first < ROWS; first += ROWS / 1024) {
    prl_rng_uniforms(prl_rng_make(5, (uint64_t)first, PRL_SITE_USER), 0, 0, ROWS / 1024, value);
    for (int64_t i = 0; i < ROWS / 1024; i++) prl_replay_prioritise(memory, first + i, (double)value[i]);
  }
}

static bool time_draws(prl_runtime *runtime, prl_batch *batch, double *bytes) {
  prl_replay *uniform = NULL, *ranked = NULL;
  static float response[DRAWN], elapsed[DRAWN], weight[DRAWN];
  static int32_t length[DRAWN], place[DRAWN];
  prl_stretch stretch = {1, response, elapsed, length, place};
  const int64_t before = prl_runtime_memory(runtime).live_bytes;
  bool made = !prl_replay_new(runtime, &shape, ROWS, &uniform, NULL);
  *bytes = (double)(prl_runtime_memory(runtime).live_bytes - before) / ROWS;
  made = made && !prl_replay_new(runtime, &shape, ROWS, &ranked, NULL) && !prl_replay_rank(ranked, 0.6, NULL);
  if (made) {
    fill(uniform, batch);
    fill(ranked, batch);
    side by_priority = {ranked, batch, &stretch, weight}, alike = {uniform, batch, &stretch, NULL};
    const bench_result r = bench_pair(draw, &by_priority, draw, &alike, REPETITIONS);
    bench_print("memory", "1 M rows of 64 numbers, a draw of 256 by priority beside a uniform one",
                r.product_ns / 1e3, "us", r.ratio);
  }
  prl_replay_free(uniform);
  prl_replay_free(ranked);
  return made;
}

bool bench_memory(void) {
  prl_runtime *runtime;
  prl_batch batch = {0};
  double bytes = 0;
  if (prl_runtime_new(NULL, &runtime, NULL)) return false;
  bool made = !prl_batch_init(&batch, runtime, AT_ONCE, &shape, NULL) && time_draws(runtime, &batch, &bytes);
  if (made)
    bench_print("memory", "1 M rows of 64 numbers, beside the fields that are stored", bytes, "bytes",
                bytes / STORED);
  prl_batch_deinit(&batch, runtime);
  prl_runtime_release(runtime);
  return made;
}
