/* shortvideo_env: the short-video simulator beside a plain loop, and at many users beside at 1,024. */
#include <stdlib.h>

#include "bench/bench.h"
#include "bench/rows.h"
#include "bench/shortvideo_yardstick.h"
#include "core/rng.h"

enum { USERS = 1024, MANY = 262144, OBSERVATIONS = 64, ACTIONS = 10, RESPONSES = 12, REPETITIONS = 21 };

typedef struct video_side {
  int64_t n;
  prl_runtime *runtime;
  prl_vecenv *env;                 /* the product's, or NULL */
  shortvideo_yardstick *yardstick; /* the yardstick's, or NULL */
  float *action;
  prl_step step;
  bool failed;
} video_side;

static void video_side_free(video_side *side) {
  if (!side) return;
  prl_vecenv_free(side->env);
  shortvideo_yardstick_free(side->yardstick);
  prl_runtime_release(side->runtime);
  free(side->action), free(side->step.observation), free(side->step.response), free(side->step.terminated);
  free(side->step.truncated), free(side->step.final_observation), free(side->step.elapsed_us);
  free(side);
}

static bool allocate(video_side *side) {
  const size_t n = (size_t)side->n;
  side->action = malloc(n * ACTIONS * sizeof(float));
  side->step = (prl_step){.action = side->action,
                          .observation = malloc(n * OBSERVATIONS * sizeof(float)),
                          .response = malloc(n * RESPONSES * sizeof(float)),
                          .terminated = malloc(n),
                          .truncated = malloc(n),
                          .final_observation = malloc(n * OBSERVATIONS * sizeof(float)),
                          .elapsed_us = malloc(n * sizeof(int64_t))};
  const prl_step *s = &side->step;
  return side->action && s->observation && s->response && s->terminated && s->truncated &&
         s->final_observation && s->elapsed_us;
}

static bool begin(video_side *side, bool plain) {
  const prl_env_type *type;
  if (plain) {
    side->yardstick = shortvideo_yardstick_new(side->n, 7);
    if (side->yardstick) shortvideo_yardstick_reset(side->yardstick, side->step.observation);
    return side->yardstick != NULL;
  }
  return !prl_runtime_new(NULL, &side->runtime, NULL) && !prl_env_find("shortvideo", &type, NULL) &&
         !prl_vecenv_new(side->runtime, type, NULL, side->n, 7, 0, &side->env, NULL) &&
         !prl_vecenv_reset(side->env, side->step.observation, NULL);
}

/* Every user keeps one random action. */
static video_side *video_side_new(int64_t n, bool plain) {
  video_side *side = calloc(1, sizeof *side);
  if (!side) return NULL;
  side->n = n;
  if (allocate(side)) {
    prl_rng_uniforms(prl_rng_make(3, 0, PRL_SITE_USER), 0, 0, n * ACTIONS, side->action);
    for (int64_t i = 0; i < n * ACTIONS; i++) side->action[i] = side->action[i] * 0.5f - 0.25f;
    if (begin(side, plain)) return side;
  }
  video_side_free(side);
  return NULL;
}

static void video_step(void *context) {
  video_side *side = context;
  if (side->env)
    side->failed = prl_vecenv_step(side->env, &side->step, NULL) != PRL_OK || side->failed;
  else
    shortvideo_yardstick_step(side->yardstick, &side->step);
}

static bool beside_plain_loop(void) {
  video_side *product = video_side_new(USERS, false), *plain = video_side_new(USERS, true);
  bool made = product && plain;
  if (made) {
    bench_result r = bench_pair(video_step, product, video_step, plain, REPETITIONS);
    bench_print("shortvideo_env", "1024 users, 64 candidates, beside a plain loop",
                USERS * 1e9 / r.product_ns, "requests/s", 1 / r.ratio);
    made = !product->failed;
  }
  video_side_free(product), video_side_free(plain);
  return made;
}

/* Time a request, many users over few. */
static bool growth(void) {
  video_side *few = video_side_new(USERS, false), *many = video_side_new(MANY, false);
  bool made = few && many;
  if (made) {
    bench_result r = bench_pair(video_step, many, video_step, few, 5);
    bench_print("shortvideo_env", "growth 1024 to 262144", r.product_ns / MANY, "ns/request",
                r.ratio * USERS / MANY);
    bench_print("shortvideo_env", "memory a user, 262144 users",
                (double)prl_runtime_memory(many->runtime).live_bytes / MANY, "bytes", 0);
    made = !few->failed && !many->failed;
  }
  video_side_free(few), video_side_free(many);
  return made;
}

bool bench_shortvideo_env(void) { return beside_plain_loop() && growth(); }
