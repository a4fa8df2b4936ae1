/* kuairand_env: real users' environment beside a plain loop, on a made-up world with the sizes of the fitted
 * one. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/kuairand_yardstick.h"
#include "bench/rows.h"
#include "core/rng.h"
#include "support/kuairand_world.h"

enum { USERS = 1024, ACTIONS = 9, RESPONSES = 11, REPETITIONS = 21 };

/* KuaiRand-Pure's tab 1 in the world's days: people, videos, features; 16 factors. */
static const made_world sizes = {.users = 25156,
                                 .videos = 5573, /* no common part with 7 */
                                 .factors = 16,
                                 .features = 15,
                                 .days = 7,
                                 .pool = 3170,
                                 .seed = 1,
                                 .ranker_error = 0.5f};

typedef struct world_side {
  prl_vecenv *env;               /* the product's, or NULL */
  kuairand_yardstick *yardstick; /* the yardstick's, or NULL */
  float *action;
  prl_step step;
  bool failed;
} world_side;

static void world_side_free(world_side *side) {
  if (!side) return;
  prl_vecenv_free(side->env);
  kuairand_yardstick_free(side->yardstick);
  free(side->action), free(side->step.observation), free(side->step.response), free(side->step.terminated);
  free(side->step.truncated), free(side->step.final_observation), free(side->step.elapsed_us);
  free(side);
}

static bool allocate(world_side *side, size_t observations) {
  const size_t n = USERS;
  side->action = malloc(n * ACTIONS * sizeof(float));
  side->step = (prl_step){.action = side->action,
                          .observation = malloc(n * observations * sizeof(float)),
                          .response = malloc(n * RESPONSES * sizeof(float)),
                          .terminated = malloc(n),
                          .truncated = malloc(n),
                          .final_observation = malloc(n * observations * sizeof(float)),
                          .elapsed_us = malloc(n * sizeof(int64_t))};
  const prl_step *s = &side->step;
  return side->action && s->observation && s->response && s->terminated && s->truncated &&
         s->final_observation && s->elapsed_us;
}

static bool begin(world_side *side, prl_runtime *runtime, const prl_env_type *type, bool plain) {
  if (!plain)
    return !prl_vecenv_new(runtime, type, NULL, USERS, 7, 0, &side->env, NULL) &&
           !prl_vecenv_reset(side->env, side->step.observation, NULL);
  side->yardstick = kuairand_yardstick_new(type, USERS, 7);
  if (side->yardstick) kuairand_yardstick_reset(side->yardstick, side->step.observation);
  return side->yardstick != NULL;
}

/* Every user keeps one random action. */
static world_side *world_side_new(prl_runtime *runtime, const prl_env_type *type, bool plain) {
  double value[64];
  prl_env_spec spec = {0};
  world_side *side = calloc(1, sizeof *side);
  for (int i = 0; type->options[i].name; i++) value[i] = type->options[i].value;
  if (!side || type->spec(type, value, &spec, NULL)) return side;
  if (allocate(side, (size_t)spec.observations)) {
    prl_rng_uniforms(prl_rng_make(3, 0, PRL_SITE_USER), 0, 0, USERS * ACTIONS, side->action);
    for (int64_t i = 0; i < USERS * ACTIONS; i++) side->action[i] = side->action[i] * 0.5f - 0.25f;
    if (begin(side, runtime, type, plain)) return side;
  }
  world_side_free(side);
  return NULL;
}

static void world_step(void *context) {
  world_side *side = context;
  if (side->env)
    side->failed = prl_vecenv_step(side->env, &side->step, NULL) != PRL_OK || side->failed;
  else
    kuairand_yardstick_step(side->yardstick, &side->step);
}

static bool beside_plain_loop(prl_runtime *runtime, const prl_env_type *type) {
  world_side *product = world_side_new(runtime, type, false), *plain = world_side_new(runtime, type, true);
  bool made = product && plain;
  if (made) {
    bench_result r = bench_pair(world_step, product, world_step, plain, REPETITIONS);
    bench_print("kuairand_env", "1024 users, 64 candidates, made-up world, beside a plain loop",
                USERS * 1e9 / r.product_ns, "requests/s", 1 / r.ratio);
    made = !product->failed;
  }
  world_side_free(product), world_side_free(plain);
  return made;
}

bool bench_kuairand_env(void) {
  char path[] = "/tmp/perilune_bench_XXXXXX";
  const prl_env_type *type;
  prl_runtime *runtime = NULL;
  prl_env_world *world = NULL;
  const int file = mkstemp(path);
  if (file < 0) return false;
  close(file);
  bool made = !prl_runtime_new(NULL, &runtime, NULL) && !made_world_write(runtime, &sizes, path, NULL) &&
              !prl_env_find("kuairand", &type, NULL) &&
              !prl_env_world_open(runtime, type, path, &world, NULL) &&
              beside_plain_loop(runtime, prl_env_world_type(world));
  prl_env_world_close(world);
  if (runtime) prl_runtime_release(runtime);
  unlink(path);
  return made;
}
