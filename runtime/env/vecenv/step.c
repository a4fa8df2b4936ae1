/* Steps of a vector env: counts them, truncates, keeps the final observations and starts the next episodes.
 */
#include "env/vecenv/parts.h"

#include <string.h>

#include "env/mask.h"

static prl_status begin(const prl_vecenv *env, const prl_env_batch *batch, const uint8_t *mask,
                        prl_error *error) {
  error->message[0] = '\0';
  return prl_env_told(env->type, "reset", env->type->reset(batch, mask, error), error);
}

prl_status prl_vecenv_reset(prl_vecenv *env, float *observation, prl_error *error) {
  prl_error unused;
  if (!error) error = &unused;
  prl_status status = PRL_GIVEN(error, "env observation", env, observation);
  if (status) return status;
  if (env->parts) return prl_parts_reset(env, observation, error);
  if (env->begun)
    for (int64_t i = 0; i < env->n; i++) env->episode[i]++;
  memset(env->step, 0, (size_t)env->n * sizeof *env->step);
  prl_env_batch batch = prl_vecenv_batch(env);
  batch.observation = observation;
  status = begin(env, &batch, NULL, error);
  env->begun = true;
  if (!status) prl_couples_begin(env, observation);
  env->stage = status ? STAGE_FAILED : STAGE_RUNNING;
  return status;
}

prl_status prl_vecenv_replace(prl_vecenv *env, const uint8_t *mask, const uint64_t *stream,
                              float *observation, prl_error *error) {
  prl_error unused;
  if (!error) error = &unused;
  prl_status status = PRL_GIVEN(error, "env mask stream observation", env, mask, stream, observation);
  if (status) return status;
  if (env->parts) return prl_parts_replace(env, mask, stream, observation, error);
  if (env->waits)
    return prl_fail(error, PRL_ESTATE, "an instance of a couple cannot be replaced without the other");
  if (!env->spec.by_instance)
    return prl_fail(error, PRL_ESTATE, "the environment '%s' cannot clear one of its instances",
                    env->type->name);
  if (env->stage != STAGE_RUNNING)
    return prl_fail(error, PRL_ESTATE, "the environment must be reset before an instance is replaced");
  for (int64_t i = 0; i < env->n; i++) {
    if (!mask[i]) continue;
    memset(env->state + (size_t)i * env->spec.state_size, 0, env->spec.state_size);
    env->stream[i] = stream[i];
    env->episode[i] = env->step[i] = 0;
  }
  prl_env_batch batch = prl_vecenv_batch(env);
  batch.observation = observation;
  status = begin(env, &batch, mask, error);
  if (status) env->stage = STAGE_FAILED;
  return status;
}

static prl_status check_step(const prl_vecenv *env, const prl_step *step, prl_error *error) {
  if (env->stage == STAGE_NEW)
    return prl_fail(error, PRL_ESTATE, "the environment must be reset before its first step");
  if (env->stage == STAGE_FAILED)
    return prl_fail(error, PRL_ESTATE,
                    "the environment failed in an earlier call; reset it before the next step");
  prl_status status = PRL_GIVEN(error,
                                "step.action step.observation step.response step.terminated step.truncated "
                                "step.final_observation step.elapsed_us",
                                step->action, step->observation, step->response, step->terminated,
                                step->truncated, step->final_observation, step->elapsed_us);
  if (status) return status;
  return prl_vecenv_check_actions(env, step->action, error);
}

static void fill(float *restrict value, int64_t n, float with) {
  for (int64_t i = 0; i < n; i++) value[i] = with;
}

static void fill_missing(const prl_env_spec *spec, int64_t n, float *response) {
  const int64_t width = spec->responses;
  if (width == 1) {
    fill(response, n, spec->response->missing);
    return;
  }
  for (int64_t i = 0; i < n; i++)
    for (int64_t r = 0; r < width; r++) response[i * width + r] = spec->response[r].missing;
}

/* Counts the step and writes truncated and ended. True where any episode ended. */
static bool count_steps(prl_vecenv *env, const prl_step *out) {
  uint32_t limit = env->spec.max_steps ? (uint32_t)env->spec.max_steps : UINT32_MAX;
  uint32_t *restrict step = env->step;
  uint8_t *restrict truncated = out->truncated, *restrict ended = env->ended;
  const uint8_t *restrict terminated = out->terminated;
  const int64_t n = env->n;
  uint8_t any = 0;
  for (int64_t i = 0; i < n; i++) step[i]++;
  for (int64_t i = 0; i < n; i++) truncated[i] = step[i] >= limit;
  for (int64_t i = 0; i < n; i++) any |= ended[i] = truncated[i] | terminated[i];
  return any != 0;
}

/* Keeps the final observations and starts the next episode of each instance that ended. */
static prl_status begin_episodes(prl_vecenv *env, const prl_step *out, const prl_env_batch *batch,
                                 prl_error *error) {
  const int64_t width = env->spec.observations, n = env->n;
  for (int64_t i = next_masked(env->ended, 0, n); i < n; i = next_masked(env->ended, i + 1, n)) {
    const float *row = out->observation + i * width;
    for (int64_t k = 0; k < width; k++) out->final_observation[i * width + k] = row[k];
    env->episode[i]++;
    env->step[i] = 0;
  }
  return begin(env, batch, env->ended, error);
}

prl_status prl_vecenv_step(prl_vecenv *env, const prl_step *step, prl_error *error) {
  prl_error unused;
  if (!error) error = &unused;
  prl_status status = PRL_GIVEN(error, "env step", env, step);
  if (!status && env->parts) return prl_parts_step(env, step, error);
  if (!status) status = check_step(env, step, error);
  if (status) return status;
  prl_env_batch batch = prl_vecenv_batch(env);
  batch.action = step->action;
  batch.observation = step->observation;
  batch.response = step->response;
  batch.terminated = step->terminated;
  batch.elapsed_us = step->elapsed_us;
  fill_missing(&env->spec, env->n, step->response);
  memset(step->terminated, 0, (size_t)env->n);
  memset(step->elapsed_us, 0, (size_t)env->n * sizeof *step->elapsed_us);
  error->message[0] = '\0';
  status = prl_env_told(env->type, "step", env->type->step(&batch, error), error);
  if (!status && env->spec.clock) status = prl_vecenv_check_elapsed(env, step->elapsed_us, error);
  if (!status && count_steps(env, step)) status = begin_episodes(env, step, &batch, error);
  if (!status) prl_couples_settle(env, step);
  if (status) env->stage = STAGE_FAILED;
  return status;
}
