/* Runs of a feed without a vector env, so that a test can look inside. The includer says what the
 * environment's shared part and its users are: feed_shared, feed_user. */
#ifndef SPEC_ENV_FEED_SUPPORT_H
#define SPEC_ENV_FEED_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "env/types.h"
#include "support/env_option.h"

typedef struct run {
  const prl_env_type *type;
  double value[64];
  prl_env_spec spec;
  prl_env_batch batch;
  feed_shared *shared;
  uint64_t *stream;
  float *action;
} run;

typedef struct setting {
  const char *name;
  double value;
} setting;

static inline run run_new(const prl_env_type *type, int64_t n, uint64_t seed, const setting *settings) {
  run r = {.type = type};
  for (int i = 0; i < prl_env_option_count(r.type); i++) r.value[i] = r.type->options[i].value;
  for (; settings && settings->name; settings++) {
    int index;
    index = env_option(r.type, settings->name);
    assert_true(index >= 0);
    r.value[index] = settings->value;
  }
  assert_int_equal(r.type->spec(r.type, r.value, &r.spec, NULL), PRL_OK);
  r.shared = calloc(1, r.spec.shared_size);
  assert_int_equal(r.type->open(r.type, r.value, seed, r.shared, NULL), PRL_OK);
  r.stream = calloc((size_t)n, sizeof *r.stream);
  for (int64_t i = 0; i < n; i++) r.stream[i] = (uint64_t)i;
  r.action = calloc((size_t)(n * r.spec.actions), sizeof(float));
  r.batch = (prl_env_batch){.shared = r.shared,
                            .state = calloc((size_t)n, r.spec.state_size),
                            .n = n,
                            .seed = seed,
                            .stream = r.stream,
                            .action = r.action,
                            .observation = calloc((size_t)(n * r.spec.observations), sizeof(float)),
                            .response = calloc((size_t)(n * r.spec.responses), sizeof(float)),
                            .terminated = calloc((size_t)n, 1),
                            .elapsed_us = calloc((size_t)n, sizeof(int64_t))};
  assert_int_equal(r.type->reset(&r.batch, NULL, NULL), PRL_OK);
  return r;
}

static inline void run_free(run *r) {
  free(r->shared), free(r->stream), free(r->action), free(r->batch.state), free(r->batch.observation);
  free(r->batch.response), free(r->batch.terminated), free(r->batch.elapsed_us);
}

static inline void run_step(run *r) {
  memset(r->batch.response, 0, (size_t)(r->batch.n * r->spec.responses) * sizeof(float));
  memset(r->batch.terminated, 0, (size_t)r->batch.n);
  assert_int_equal(r->type->step(&r->batch, NULL), PRL_OK);
}

static inline void run_begin_again(run *r) {
  assert_int_equal(r->type->reset(&r->batch, r->batch.terminated, NULL), PRL_OK);
}

static inline feed_user *user_of(const run *r, int64_t i) {
  return (feed_user *)((char *)r->batch.state + (size_t)i * r->spec.state_size);
}

static inline float response_of(const run *r, int64_t i, int response) {
  return r->batch.response[i * r->spec.responses + response];
}

static inline void act_all(run *r, int dimension, float value) {
  for (int64_t i = 0; i < r->batch.n; i++) r->action[i * r->spec.actions + dimension] = value;
}

/* Sum of one response over users and steps. */
static inline double total(run *r, int steps, int response) {
  double sum = 0;
  for (int t = 0; t < steps; t++) {
    run_step(r);
    for (int64_t i = 0; i < r->batch.n; i++) sum += (double)response_of(r, i, response);
    run_begin_again(r);
  }
  return sum;
}

#endif
