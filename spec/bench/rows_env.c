/* env_cartpole and env_pendulum: the vector env beside a plain loop that computes the same bytes. */
#include <stdio.h>
#include <stdlib.h>

#include "bench/bench.h"
#include "bench/env_yardstick.h"
#include "bench/rows.h"
#include "bench/yardstick.h"
#include "core/rng.h"

/* The same loops compiled for the kernel table in use (env_yardstick_wide.c). */
env_yardstick *env_yardstick_wide_new(const char *name, int64_t n, uint64_t seed);
void env_yardstick_wide_free(env_yardstick *yardstick);
void env_yardstick_wide_reset(env_yardstick *yardstick, float *observation);
void env_yardstick_wide_step(env_yardstick *yardstick, const prl_step *step);

enum { COUNT = 1024, TURNS = 16, REPETITIONS = 21 };

typedef enum side_kind { PRODUCT, PLAIN, PLAIN_WIDE } side_kind;

/* Each side steps through the same few sets of random actions. */
typedef struct env_side {
  prl_runtime *runtime;
  prl_vecenv *env;          /* the product's, or NULL */
  env_yardstick *yardstick; /* the yardstick's, or NULL */
  side_kind kind;
  float action[TURNS][COUNT], observation[COUNT * 4], final_observation[COUNT * 4], response[COUNT];
  uint8_t terminated[COUNT], truncated[COUNT];
  int64_t elapsed[COUNT];
  prl_step step;
  int turn;
  bool failed;
} env_side;

static void env_side_free(env_side *side) {
  if (!side) return;
  prl_vecenv_free(side->env);
  if (side->yardstick) (side->kind == PLAIN ? env_yardstick_free : env_yardstick_wide_free)(side->yardstick);
  prl_runtime_release(side->runtime);
  free(side);
}

static bool begin(env_side *side, const char *name) {
  const prl_env_type *type;
  if (side->kind != PRODUCT) {
    bool plain = side->kind == PLAIN;
    side->yardstick = (plain ? env_yardstick_new : env_yardstick_wide_new)(name, COUNT, 7);
    if (!side->yardstick) return false;
    (plain ? env_yardstick_reset : env_yardstick_wide_reset)(side->yardstick, side->observation);
    return true;
  }
  return !prl_runtime_new(NULL, &side->runtime, NULL) && !prl_env_find(name, &type, NULL) &&
         !prl_vecenv_new(side->runtime, type, NULL, COUNT, 7, 0, &side->env, NULL) &&
         !prl_vecenv_reset(side->env, side->observation, NULL);
}

static env_side *env_side_new(const char *name, bool discrete, side_kind kind) {
  env_side *side = calloc(1, sizeof *side);
  if (!side) return NULL;
  side->kind = kind;
  side->step = (prl_step){.observation = side->observation,
                          .response = side->response,
                          .terminated = side->terminated,
                          .truncated = side->truncated,
                          .final_observation = side->final_observation,
                          .elapsed_us = side->elapsed};
  for (int t = 0; t < TURNS; t++) {
    float *a = side->action[t];
    prl_rng_uniforms(prl_rng_make(3, (uint64_t)t, PRL_SITE_USER), 0, 0, COUNT, a);
    for (int i = 0; i < COUNT; i++) a[i] = discrete ? a[i] < 0.5f : 4 * a[i] - 2;
  }
  if (begin(side, name)) return side;
  env_side_free(side);
  return NULL;
}

static void env_step(void *context) {
  env_side *side = context;
  side->step.action = side->action[side->turn++ % TURNS];
  if (side->env) {
    side->failed = prl_vecenv_step(side->env, &side->step, NULL) != PRL_OK || side->failed;
  } else {
    (side->kind == PLAIN ? env_yardstick_step : env_yardstick_wide_step)(side->yardstick, &side->step);
  }
}

static bool env_case(const char *row, const char *name, bool discrete, side_kind kind) {
  env_side *product = env_side_new(name, discrete, PRODUCT), *plain = env_side_new(name, discrete, kind);
  bool made = product && plain;
  if (made) {
    bench_result r = bench_pair(env_step, product, env_step, plain, REPETITIONS);
    char label[64];
    snprintf(label, sizeof label, "1024 envs beside a plain loop for %s",
             kind == PLAIN ? "any x86-64" : yardstick_table());
    bench_print(row, label, COUNT * 1e9 / r.product_ns, "steps/s", 1 / r.ratio);
    made = !product->failed;
  }
  env_side_free(product), env_side_free(plain);
  return made;
}

static bool env_row(const char *row, const char *name, bool discrete) {
  return env_case(row, name, discrete, PLAIN) && env_case(row, name, discrete, PLAIN_WIDE);
}

bool bench_env_cartpole(void) { return env_row("env_cartpole", "cartpole", true); }
bool bench_env_pendulum(void) { return env_row("env_pendulum", "pendulum", false); }
