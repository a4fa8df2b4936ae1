/* A world of kuairand: whatever opens runs a few steps. */
#include "fuzz.h"

#include "env/kuairand/kuairand.h"
#include "env/types.h"
#include "support/kuairand_world.h"

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  const made_world made = {.users = 3,
                           .videos = 12,
                           .factors = 2,
                           .features = 2,
                           .days = 3,
                           .pool = 8,
                           .seed = 1,
                           .ranker_error = 0.5f};
  prl_runtime *runtime;
  CHECK_OK(prl_runtime_new(NULL, &runtime, NULL));
  if (fuzz_seed()) CHECK_OK(made_world_write(runtime, &made, fuzz_seed(), NULL));
  prl_runtime_release(runtime);
  return 0;
}

enum { N = 2 };

static void run(prl_runtime *runtime, const prl_env_type *type) {
  prl_error error;
  prl_vecenv *env;
  if (!fuzz_ok(prl_vecenv_new(runtime, type, NULL, N, 1, 1, &env, &error), &error)) return;
  const prl_env_spec *spec = prl_vecenv_spec(env);
  uint8_t ends[2 * N];
  int64_t elapsed[N];
  float *floats =
      calloc((size_t)(2 * spec->observations + spec->actions + spec->responses) * N, sizeof *floats);
  float *final = floats + N * spec->observations, *action = final + N * spec->observations;
  const prl_step step = {.action = action,
                         .observation = floats,
                         .response = action + N * spec->actions,
                         .terminated = ends,
                         .truncated = ends + N,
                         .final_observation = final,
                         .elapsed_us = elapsed};
  if (fuzz_ok(prl_vecenv_reset(env, floats, &error), &error))
    for (int t = 0; t < 5; t++) fuzz_ok(prl_vecenv_step(env, &step, &error), &error);
  free(floats);
  prl_vecenv_free(env);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char path[32];
  prl_error error;
  prl_env_world *world;
  int file = fuzz_file(data, size, path);
  prl_runtime *runtime = fuzz_runtime();
  if (fuzz_ok(prl_env_world_open(runtime, &prl_env_kuairand, path, &world, &error), &error)) {
    run(runtime, prl_env_world_type(world));
    prl_env_world_close(world);
  }
  close(file);
  fuzz_end(runtime);
  return 0;
}
