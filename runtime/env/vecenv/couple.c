/* Instances in couples: the same stream, and the same state whenever an episode begins, so that what they
 * come to differs by their actions alone. Of two whose episodes have both ended, both go on where the first
 * does. */
#include <string.h>

#include "env/vecenv/parts.h"

/* What is kept of an instance: its state, its observation, the number of its episode. */
size_t prl_couples_size(const prl_vecenv *env) {
  return env->spec.state_size + (size_t)env->spec.observations * sizeof(float) + sizeof *env->episode;
}

static prl_status check(const prl_vecenv *env, prl_error *error) {
  const char *name = env->type->name;
  if (env->n % 2)
    return prl_fail(error, PRL_EINVAL, "n is %lld; couples need an even number of instances",
                    (long long)env->n);
  if (!env->spec.keyed)
    return prl_fail(
        error, PRL_EINVAL,
        "the instances of the environment '%s' cannot be coupled: its draws may depend on actions (its "
        "spec does not set keyed)",
        name);
  if (env->spec.unsaved)
    return prl_fail(
        error, PRL_EINVAL,
        "the instances of the environment '%s' cannot be coupled: it keeps state of its own, which is "
        "not copied",
        name);
  if (env->twins)
    return prl_fail(error, PRL_EINVAL, "instances with twins of a control group cannot be coupled");
  if (env->stage != STAGE_NEW || env->parts || env->waits)
    return prl_fail(error, PRL_ESTATE, "instances are coupled once, before they are reset or divided");
  return PRL_OK;
}

prl_status prl_vecenv_couple(prl_vecenv *env, prl_error *error) {
  prl_status status = PRL_GIVEN(error, "env", env);
  if (!status) status = check(env, error);
  if (status) return status;
  const size_t couples = (size_t)env->n / 2, size = prl_couples_size(env);
  uint8_t *waits = prl_calloc(env->runtime, (size_t)env->n, 1);
  unsigned char *kept = prl_calloc(env->runtime, couples, size);
  if (!waits || !kept) {
    prl_free(env->runtime, waits);
    prl_free(env->runtime, kept);
    return prl_fail_memory(error, couples * size);
  }
  env->waits = waits;
  env->kept = kept;
  for (int64_t i = 0; i < env->n; i += 2) env->stream[i + 1] = env->stream[i];
  return PRL_OK;
}

const uint8_t *prl_vecenv_waits(const prl_vecenv *env) { return env ? env->waits : NULL; }

static unsigned char *state_of(const prl_vecenv *env, int64_t i) {
  return env->state + (size_t)i * env->spec.state_size;
}

/* The couple's first instance, at the beginning of its next episode. */
static void keep(prl_vecenv *env, int64_t first, const float *observation) {
  const size_t state = env->spec.state_size, row = (size_t)env->spec.observations * sizeof(float);
  unsigned char *to = env->kept + (size_t)(first / 2) * prl_couples_size(env);
  memcpy(to, state_of(env, first), state);
  memcpy(to + state, observation, row);
  memcpy(to + state + row, &env->episode[first], sizeof *env->episode);
}

static void recall(prl_vecenv *env, int64_t first, float *observation) {
  const size_t state = env->spec.state_size, row = (size_t)env->spec.observations * sizeof(float);
  const unsigned char *from = env->kept + (size_t)(first / 2) * prl_couples_size(env);
  memcpy(state_of(env, first), from, state);
  memcpy(observation, from + state, row);
  memcpy(&env->episode[first], from + state + row, sizeof *env->episode);
  env->step[first] = 0;
}

/* The second becomes what the first is. */
static void follow(prl_vecenv *env, int64_t first, float *observation) {
  const int64_t width = env->spec.observations;
  memcpy(state_of(env, first + 1), state_of(env, first), env->spec.state_size);
  memcpy(observation + width, observation, (size_t)width * sizeof(float));
  env->episode[first + 1] = env->episode[first];
  env->step[first + 1] = env->step[first];
  env->waits[first] = env->waits[first + 1] = 0;
}

void prl_couples_begin(prl_vecenv *env, float *observation) {
  for (int64_t i = 0; env->waits && i < env->n; i += 2)
    follow(env, i, observation + i * env->spec.observations);
}

void prl_couples_settle(prl_vecenv *env, const prl_step *step) {
  for (int64_t i = 0; env->waits && i < env->n; i += 2) {
    uint8_t *waits = env->waits + i, *ended = env->ended + i;
    float *observation = step->observation + i * env->spec.observations;
    const bool through[2] = {ended[0] && !waits[0], ended[1] && !waits[1]};
    for (int k = 0; k < 2; k++)
      if (waits[k]) step->terminated[i + k] = step->truncated[i + k] = 0;
    if (!through[0] && !through[1]) continue;
    if ((through[0] || waits[0]) && (through[1] || waits[1])) {
      if (waits[0]) recall(env, i, observation);
      follow(env, i, observation);
    } else {
      waits[through[0] ? 0 : 1] = 1;
      if (through[0]) keep(env, i, observation);
    }
  }
}
