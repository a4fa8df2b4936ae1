/* Makes the vector env: n instances of one type over one slab of state. The dynamics are the type's. */
#include "env/vecenv/parts.h"

#include "core/pieces.h"
#include "core/rng.h"

#include <stdio.h>

static void draw_uniform(const prl_env_batch *batch, int64_t i, uint32_t site, int32_t count, double *out) {
  prl_rng rng = prl_rng_make(batch->seed, batch->stream[i], PRL_SITE_ENV + site);
  for (int32_t k = 0; k < count; k += 4) {
    uint32_t word[4];
    prl_rng_block(rng, 0, batch->episode[i], batch->step[i], (uint32_t)k / 4, word);
    for (int32_t j = 0; j < 4 && k + j < count; j++) out[k + j] = ((double)word[j] + 0.5) * 0x1p-32;
  }
}

prl_env_batch prl_vecenv_batch(const prl_vecenv *env) {
  return (prl_env_batch){.shared = env->shared,
                         .options = env->options,
                         .state = env->state,
                         .n = env->n,
                         .seed = env->seed,
                         .stream = env->stream,
                         .episode = env->episode,
                         .step = env->step,
                         .kernels = prl_runtime_kernels(env->runtime),
                         .uniform = draw_uniform};
}

static prl_status set_options(prl_vecenv *env, const double *options, prl_error *error) {
  for (int i = 0; i < prl_env_option_count(env->type); i++) {
    const prl_env_option *option = &env->type->options[i];
    double value = options ? options[i] : option->value;
    if (!(value >= option->low && value <= option->high))
      return prl_fail(error, PRL_EINVAL, "option %s of the environment '%s' is %g; %g to %g is accepted",
                      option->name, env->type->name, value, option->low, option->high);
    env->options[i] = value;
  }
  return PRL_OK;
}

static prl_status allocate(prl_vecenv *env, prl_error *error) {
  size_t n = (size_t)env->n;
  char cause[128], text[16];
  int64_t bytes = prl_bytes_add(prl_bytes_times(env->n, prl_bytes_add((int64_t)env->spec.state_size, 17)),
                                (int64_t)env->spec.shared_size);
  snprintf(cause, sizeof cause, "n = %lld instances of the environment '%.40s' take %s", (long long)env->n,
           env->type->name, prl_bytes_text(bytes, text));
  prl_status status = prl_budget_check(env->runtime, bytes, cause, error);
  if (status) return status;
  env->stream = prl_calloc(env->runtime, n, sizeof *env->stream);
  env->episode = prl_calloc(env->runtime, n, sizeof *env->episode);
  env->step = prl_calloc(env->runtime, n, sizeof *env->step);
  env->ended = prl_calloc(env->runtime, n, sizeof *env->ended);
  env->state = prl_calloc(env->runtime, n, env->spec.state_size);
  env->shared = prl_calloc(env->runtime, 1, env->spec.shared_size);
  if (env->stream && env->episode && env->step && env->ended && env->state && env->shared) return PRL_OK;
  return prl_fail_memory(error, (size_t)bytes);
}

static prl_status build(prl_vecenv *env, const double *options, uint64_t first_stream, prl_error *error) {
  size_t count = (size_t)prl_env_option_count(env->type);
  env->options = prl_calloc(env->runtime, count, sizeof *env->options);
  if (!env->options) return prl_fail_memory(error, count * sizeof *env->options);
  prl_status status = set_options(env, options, error);
  if (!status) status = prl_env_make_spec(env->type, env->options, &env->spec, error);
  if (!status) status = prl_vecenv_check_spec(env->type, &env->spec, error);
  if (!status) status = allocate(env, error);
  if (status) return status;
  for (int64_t i = 0; i < env->n; i++) env->stream[i] = first_stream + (uint64_t)i;
  error->message[0] = '\0';
  if (env->type->open) status = env->type->open(env->type, env->options, env->seed, env->shared, error);
  status = prl_env_told(env->type, "open", status, error);
  env->opened = !status;
  return status;
}

prl_status prl_vecenv_new(prl_runtime *runtime, const prl_env_type *type, const double *options, int64_t n,
                          uint64_t seed, uint64_t first_stream, prl_vecenv **out, prl_error *error) {
  prl_error unused;
  if (!error) error = &unused; /* a type may write it without looking */
  prl_status status = PRL_GIVEN(error, "runtime type out", runtime, type, out);
  if (!status) status = prl_env_check_type(type, PRL_EINVAL, "type", error);
  if (status) return status;
  if (n < 1 || n > 1 << 24)
    return prl_fail(error, PRL_EINVAL, "n is %lld; 1 to %d instances are accepted", (long long)n, 1 << 24);
  prl_vecenv *env = prl_calloc(runtime, 1, sizeof *env);
  if (!env) return prl_fail_memory(error, sizeof *env);
  env->runtime = prl_runtime_retain(runtime);
  env->type = type;
  env->n = n;
  env->seed = seed;
  status = build(env, options, first_stream, error);
  if (status) {
    prl_vecenv_free(env);
    return status;
  }
  *out = env;
  return PRL_OK;
}

prl_status prl_vecenv_pair(prl_vecenv *env, int64_t twins, prl_error *error) {
  prl_status status = PRL_GIVEN(error, "env", env);
  if (!status) status = PRL_WITHIN(error, "twins", twins, 0, env->n / 2);
  if (status) return status;
  if (env->stage != STAGE_NEW || env->parts || env->waits)
    return prl_fail(error, PRL_ESTATE,
                    "twins are paired before the environment is reset, divided or coupled");
  env->twins = twins;
  for (int64_t i = 0; i < twins; i++) env->stream[env->n - twins + i] = env->stream[i];
  return PRL_OK;
}

void prl_vecenv_free(prl_vecenv *env) {
  if (!env) return;
  prl_runtime *runtime = env->runtime;
  if (env->opened && env->type->close) env->type->close(env->shared);
  void *blocks[] = {env->options, env->shared, env->state, env->stream, env->episode, env->step,
                    env->ended,   env->part,   env->waits, env->kept,   env};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) prl_free(runtime, blocks[i]);
  prl_runtime_release(runtime);
}

const prl_env_spec *prl_vecenv_spec(const prl_vecenv *env) { return env ? &env->spec : NULL; }
const prl_env_type *prl_vecenv_type(const prl_vecenv *env) { return env ? env->type : NULL; }
const uint64_t *prl_vecenv_streams(const prl_vecenv *env) { return env ? env->stream : NULL; }
const uint32_t *prl_vecenv_episodes(const prl_vecenv *env) { return env ? env->episode : NULL; }
const uint32_t *prl_vecenv_steps(const prl_vecenv *env) { return env ? env->step : NULL; }
int64_t prl_vecenv_twins(const prl_vecenv *env) { return env ? env->twins : 0; }
int64_t prl_vecenv_count(const prl_vecenv *env) { return env ? env->n : 0; }
const double *prl_vecenv_options(const prl_vecenv *env) { return env ? env->options : NULL; }
