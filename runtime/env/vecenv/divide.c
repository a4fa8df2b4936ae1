/* A vector env divided into parts, each a vector env over its own instances: threads step one each. */
#include "env/vecenv/parts.h"

#include <string.h>

static prl_status check(const prl_vecenv *env, int64_t parts, prl_error *error) {
  prl_status status = PRL_WITHIN(error, "parts", parts, 1, env->n);
  if (status) return status;
  if (!env->spec.divisible)
    return prl_fail(error, PRL_EINVAL,
                    "the instances of the environment '%s' cannot be divided between threads (its spec does "
                    "not set divisible)",
                    env->type->name);
  if (env->waits) return prl_fail(error, PRL_EINVAL, "coupled instances cannot be divided between threads");
  if (env->twins)
    return prl_fail(error, PRL_EINVAL, "instances with twins cannot be divided between threads");
  if (env->stage != STAGE_NEW || env->parts)
    return prl_fail(error, PRL_ESTATE, "a vector env is divided once, before it is reset");
  return PRL_OK;
}

/* What a part's own state is stays where the whole has it. */
static prl_vecenv part_of(const prl_vecenv *env, int64_t first, int64_t n) {
  prl_vecenv part = *env;
  part.n = n;
  part.first = first;
  part.divided = true;
  part.state += (size_t)first * env->spec.state_size;
  part.stream += first;
  part.episode += first;
  part.step += first;
  part.ended += first;
  return part;
}

prl_status prl_vecenv_divide(prl_vecenv *env, int64_t parts, prl_error *error) {
  prl_status status = PRL_GIVEN(error, "env", env);
  if (!status) status = check(env, parts, error);
  if (status || parts == 1) return status;
  prl_vecenv *part = prl_calloc(env->runtime, (size_t)parts, sizeof *part);
  if (!part) return prl_fail_memory(error, (size_t)parts * sizeof *part);
  for (int64_t k = 0; k < parts; k++) {
    const int64_t first = env->n * k / parts;
    part[k] = part_of(env, first, env->n * (k + 1) / parts - first);
  }
  env->part = part;
  env->parts = parts;
  return PRL_OK;
}

int64_t prl_vecenv_parts(const prl_vecenv *env) { return !env ? 0 : env->parts ? env->parts : 1; }

prl_vecenv *prl_vecenv_part(prl_vecenv *env, int64_t part) {
  if (!env || part < 0 || part >= prl_vecenv_parts(env)) return NULL;
  return env->parts ? &env->part[part] : env;
}

/* ---- the whole, part by part ---- */

prl_status prl_parts_reset(prl_vecenv *env, float *observation, prl_error *error) {
  prl_status status = PRL_OK;
  for (int64_t k = 0; !status && k < env->parts; k++)
    status =
        prl_vecenv_reset(&env->part[k], observation + env->part[k].first * env->spec.observations, error);
  return status;
}

static prl_step step_of(const prl_vecenv *part, const prl_step *step) {
  const prl_env_spec *s = &part->spec;
  const int64_t first = part->first;
  return (prl_step){.action = step->action + first * s->actions,
                    .observation = step->observation + first * s->observations,
                    .response = step->response + first * s->responses,
                    .terminated = step->terminated + first,
                    .truncated = step->truncated + first,
                    .final_observation = step->final_observation + first * s->observations,
                    .elapsed_us = step->elapsed_us + first};
}

prl_status prl_parts_step(prl_vecenv *env, const prl_step *step, prl_error *error) {
  prl_status status = PRL_OK;
  for (int64_t k = 0; !status && k < env->parts; k++) {
    const prl_step own = step_of(&env->part[k], step);
    status = prl_vecenv_step(&env->part[k], &own, error);
  }
  return status;
}

prl_status prl_vecenv_step_parts(prl_vecenv *env, const uint8_t *mask, const prl_step *step,
                                 prl_error *error) {
  prl_status status = PRL_GIVEN(error, "env mask step", env, mask, step);
  if (!status)
    status = PRL_GIVEN(error,
                       "step.action step.observation step.response step.terminated step.truncated "
                       "step.final_observation step.elapsed_us",
                       step->action, step->observation, step->response, step->terminated, step->truncated,
                       step->final_observation, step->elapsed_us);
  for (int64_t k = 0; !status && k < prl_vecenv_parts(env); k++) {
    if (!mask[k]) continue;
    prl_vecenv *part = prl_vecenv_part(env, k);
    const prl_step own = step_of(part, step);
    status = prl_vecenv_step(part, &own, error);
  }
  return status;
}

prl_status prl_parts_replace(prl_vecenv *env, const uint8_t *mask, const uint64_t *stream, float *observation,
                             prl_error *error) {
  prl_status status = PRL_OK;
  for (int64_t k = 0; !status && k < env->parts; k++) {
    prl_vecenv *part = &env->part[k];
    status = prl_vecenv_replace(part, mask + part->first, stream + part->first,
                                observation + part->first * env->spec.observations, error);
  }
  return status;
}

/* ---- saved: the number of parts, then each part's size and block ---- */

typedef struct division_head {
  char magic[8];
  int64_t parts;
} division_head;

static const char division_magic[8] = "prldiv1";

prl_status prl_parts_size(const prl_vecenv *env, int64_t *size, prl_error *error) {
  prl_status status = PRL_OK;
  int64_t all = sizeof(division_head), one = 0;
  for (int64_t k = 0; !status && k < env->parts; k++) {
    status = prl_vecenv_state_size(&env->part[k], &one, error);
    all += (int64_t)sizeof one + one;
  }
  if (!status) *size = env->spec.unsaved ? 0 : all;
  return status;
}

prl_status prl_parts_save(const prl_vecenv *env, void *bytes, int64_t size, prl_error *error) {
  division_head head = {.parts = env->parts};
  int64_t needed = 0, one = 0;
  prl_status status = prl_parts_size(env, &needed, error);
  if (!status && size != needed)
    status = prl_fail(error, PRL_ESTATE, "the state of the environment '%s' has %lld bytes, not %lld",
                      env->type->name, (long long)needed, (long long)size);
  if (status) return status;
  memcpy(head.magic, division_magic, sizeof head.magic);
  memcpy(bytes, &head, sizeof head);
  unsigned char *to = (unsigned char *)bytes + sizeof head;
  for (int64_t k = 0; !status && k < env->parts; k++) {
    status = prl_vecenv_state_size(&env->part[k], &one, error);
    if (status) break;
    memcpy(to, &one, sizeof one);
    status = prl_vecenv_save(&env->part[k], to + sizeof one, one, error);
    to += (int64_t)sizeof one + one;
  }
  return status;
}

/* Where the blocks of the parts begin; every size is within what is there. */
static prl_status check_saved(const prl_vecenv *env, const unsigned char *from, int64_t size,
                              prl_error *error) {
  division_head head = {.parts = 0};
  if (size >= (int64_t)sizeof head) memcpy(&head, from, sizeof head);
  if (memcmp(head.magic, division_magic, sizeof head.magic) || head.parts != env->parts)
    return prl_fail(error, PRL_EFORMAT,
                    "the saved environment is divided into %lld parts, and this one into %lld",
                    (long long)(memcmp(head.magic, division_magic, sizeof head.magic) ? 1 : head.parts),
                    (long long)env->parts);
  int64_t at = sizeof head, one = 0;
  for (int64_t k = 0; k < env->parts; k++) {
    if (size - at >= (int64_t)sizeof one) memcpy(&one, from + at, sizeof one);
    if (size - at < (int64_t)sizeof one || one < 0 || one > size - at - (int64_t)sizeof one)
      return prl_fail(error, PRL_EFORMAT, "the saved state of the environment '%s' is damaged: part %lld",
                      env->type->name, (long long)k + 1);
    at += (int64_t)sizeof one + one;
  }
  return PRL_OK;
}

prl_status prl_parts_load(prl_vecenv *env, const void *bytes, int64_t size, prl_error *error) {
  prl_status status = check_saved(env, bytes, size, error);
  const unsigned char *from = (const unsigned char *)bytes + sizeof(division_head);
  int64_t one = 0;
  for (int64_t k = 0; !status && k < env->parts; k++) {
    memcpy(&one, from, sizeof one);
    status = prl_vecenv_load(&env->part[k], from + sizeof one, one, error);
    from += (int64_t)sizeof one + one;
  }
  return status;
}
