/* A vector env with the buffers of one step, for the tests of environments. */
#ifndef SPEC_ENV_SUPPORT_H
#define SPEC_ENV_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "perilune/env.h"

typedef struct env_run {
  prl_runtime *runtime;
  prl_vecenv *env;
  float *action;
  prl_step step;
} env_run;

static inline void env_run_buffers(env_run *run) {
  const prl_env_spec *spec = prl_vecenv_spec(run->env);
  size_t n = (size_t)prl_vecenv_count(run->env);
  run->action = calloc(n * (size_t)spec->actions, sizeof *run->action);
  run->step.action = run->action;
  run->step.observation = calloc(n * (size_t)spec->observations, sizeof(float));
  run->step.final_observation = calloc(n * (size_t)spec->observations, sizeof(float));
  run->step.response = calloc(n * (size_t)spec->responses, sizeof(float));
  run->step.terminated = calloc(n, 1);
  run->step.truncated = calloc(n, 1);
  run->step.elapsed_us = calloc(n, sizeof(int64_t));
}

/* n instances of the type, reset. options: NULL for the defaults. */
static inline env_run env_run_with(const prl_env_type *type, const double *options, int64_t n, uint64_t seed,
                                   uint64_t first_stream) {
  env_run run = {0};
  prl_error error = {0};
  assert_int_equal(prl_runtime_new(NULL, &run.runtime, NULL), PRL_OK);
  if (prl_vecenv_new(run.runtime, type, options, n, seed, first_stream, &run.env, &error))
    fail_msg("%s", error.message);
  env_run_buffers(&run);
  if (prl_vecenv_reset(run.env, run.step.observation, &error)) fail_msg("%s", error.message);
  return run;
}

static inline env_run env_run_of(const prl_env_type *type, int64_t n, uint64_t seed, uint64_t first_stream) {
  return env_run_with(type, NULL, n, seed, first_stream);
}

static inline env_run env_run_new(const char *name, int64_t n, uint64_t seed) {
  const prl_env_type *type = NULL;
  assert_int_equal(prl_env_find(name, &type, NULL), PRL_OK);
  return env_run_of(type, n, seed, 0);
}

static inline int64_t env_state_size(const prl_vecenv *env) {
  int64_t size = -1;
  assert_int_equal(prl_vecenv_state_size(env, &size, NULL), PRL_OK);
  return size;
}

static inline void env_run_free(env_run *run) {
  free(run->action);
  free(run->step.observation);
  free(run->step.final_observation);
  free(run->step.response);
  free(run->step.terminated);
  free(run->step.truncated);
  free(run->step.elapsed_us);
  prl_vecenv_free(run->env);
  prl_runtime_release(run->runtime);
}

#endif
