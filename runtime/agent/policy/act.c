/* Acting: observations through the published program, in tiles. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "agent/policy/parts.h"

/* −1 stands for no id. */
static prl_status check_ids(const prl_policy *p, const float *observation, int64_t n, prl_error *error) {
  const int64_t width = p->shape->spec.observations, *ids = p->shape->ids;
  for (int64_t i = 0; i < n * width; i++) {
    const int64_t most = ids[i % width] - 1;
    const float id = observation[i];
    if (most < 0 || (id >= -1 && id <= (float)most && id == floorf(id))) continue;
    return prl_fail(error, PRL_EINVAL,
                    "observation \"%s\" of row %" PRId64
                    " is %.9g; it is an id, a whole number from -1 (none) to %" PRId64 " (policy.embed)",
                    p->shape->spec.observation[i % width].name, i / width + 1, (double)id, most);
  }
  return PRL_OK;
}

prl_status prl_policy_check(const prl_policy *p, const float *observation, int64_t n, prl_error *error) {
  const int64_t width = p->shape->spec.observations;
  if (p->kernels->finite(n * width, observation))
    return p->shape->ids ? check_ids(p, observation, n, error) : PRL_OK;
  int64_t at = 0;
  while (at < n * width - 1 && isfinite(observation[at])) at++;
  return prl_fail(error, PRL_ENUMERIC, "observation \"%s\" of row %" PRId64 " is %g",
                  p->shape->spec.observation[at % width].name, at / width + 1, (double)observation[at]);
}

/* The numbers of one row: ids stay as they are. */
static void normalise_row(const prl_policy *p, float *observation) {
  const int64_t width = p->shape->spec.observations, *ids = p->shape->ids;
  const prl_normaliser *s = &p->normaliser;
  for (int64_t first = 0, end; first < width; first = end + 1) {
    for (end = first; end < width && !(ids && ids[end]);) end++;
    p->kernels->normalise(1, end - first, observation + first, s->shift + first, s->scale + first, s->clip,
                          observation + first);
  }
}

/* Of rows, whose last numbers are the state of a memory: the observations alone. */
void prl_policy_normalise(const prl_policy *p, int64_t n, float *observation) {
  const int64_t width = p->shape->spec.observations, row = p->shape->experience.observations;
  const prl_normaliser *s = &p->normaliser;
  if (!p->normalise) return;
  if (row == width && !p->shape->ids) {
    p->kernels->normalise(n, width, observation, s->shift, s->scale, s->clip, observation);
    return;
  }
  for (int64_t i = 0; i < n; i++) normalise_row(p, observation + i * row);
}

void prl_policy_gather(prl_policy *p, int64_t n, const float *observation) {
  if (p->gathers) prl_normaliser_add(&p->normaliser, n, p->shape->experience.observations, observation);
}

static void copy_actions(const prl_policy *p, int64_t n, float *action) {
  const prl_tensor *from = p->act.action;
  int64_t count = n * p->shape->spec.actions;
  if (from->dtype == PRL_F32) {
    memcpy(action, from->data, (size_t)count * sizeof(float));
  } else if (from->dtype == PRL_I32) {
    for (int64_t i = 0; i < count; i++) action[i] = (float)((const int32_t *)from->data)[i];
  } else {
    for (int64_t i = 0; i < count; i++) action[i] = (float)((const int64_t *)from->data)[i];
  }
}

static void keep_densities(prl_policy *p, int64_t first, int64_t n) {
  const int64_t room = p->room - first, count = n < room ? n : room;
  if (count <= 0) return;
  if (p->act.log_prob) memcpy(p->log_prob + first, p->act.log_prob->data, (size_t)count * sizeof(float));
  for (int64_t i = 0; !p->act.log_prob && i < count; i++) p->log_prob[first + i] = NAN;
}

/* The first of each row's draws, where those last. */
static void keep_lasting(prl_policy *p, int64_t first, int64_t n) {
  const int64_t lasting = p->shape->experience.lasting, width = p->shape->noise;
  const float *from = p->act.noise->data;
  for (int64_t i = 0; i < n && first + i < p->room; i++)
    memcpy(p->lasting + (first + i) * lasting, from + i * width, (size_t)lasting * sizeof(float));
}

static prl_status act_tile(prl_policy *p, const prl_experience *experience, const float *observation,
                           int64_t first, int64_t n, prl_mode mode, const prl_draw_address *address,
                           float *action, prl_error *error) {
  const prl_shape *s = p->shape;
  prl_memory_fill(p, experience, observation, first, n, address);
  if (p->act.noise) prl_noise_draw(p, experience, first, n, mode, address);
  if (p->act.arm) prl_arms_fill(p, experience, first, n, address);
  if (p->act.sample) *(float *)p->act.sample->data = mode == PRL_SAMPLE;
  prl_status status = prl_program_run(p->act.routine.program, 0, NULL, error);
  if (status) return status;
  action += first * s->spec.actions;
  copy_actions(p, n, action);
  if (!p->kernels->finite(n * s->spec.actions, action))
    return prl_fail(error, PRL_ENUMERIC,
                    "the policy's action is not finite (rows %" PRId64 " to %" PRId64 ")", first + 1,
                    first + n);
  keep_densities(p, first, n);
  if (p->shape->experience.lasting && p->act.noise) keep_lasting(p, first, n);
  return prl_memory_keep(p, first, n, address, error);
}

/* Tiles of one size, so that the program need not change its number of rows: what the last one lacks are rows
 * of an earlier one, computed again and not looked at. */
prl_status prl_policy_act(prl_policy *p, const prl_experience *experience, const float *observation,
                          int64_t n, prl_mode mode, const prl_draw_address *address, float *action,
                          prl_error *error) {
  int64_t most = p->shape->act_rows, tiles = (n + most - 1) / most,
          rows = tiles ? (n + tiles - 1) / tiles : 0;
  prl_status status = rows ? prl_program_rows(p->act.routine.program, rows, error) : PRL_OK;
  for (int64_t first = 0; !status && first < n; first += rows)
    status = act_tile(p, experience, observation, first, n - first < rows ? n - first : rows, mode, address,
                      action, error);
  p->acted = status ? 0 : n < p->room ? n : p->room;
  return status;
}

void prl_policy_cut(const prl_policy *p, int64_t n, float *action) {
  const prl_env_spec *spec = &p->shape->spec;
  if (spec->action_kind != PRL_ACTION_CONTINUOUS) return;
  for (int64_t i = 0; i < n; i++)
    for (int32_t k = 0; k < spec->actions; k++) {
      float *value = action + i * spec->actions + k;
      *value = fminf(fmaxf(*value, spec->action[k].low), spec->action[k].high);
    }
}

void prl_policy_replace(prl_policy *to, const prl_policy *from, const uint8_t *chosen, int64_t n) {
  const int64_t width = to->shape->experience.memory;
  for (int64_t i = 0; i < n; i++) {
    if (!chosen[i]) continue;
    to->log_prob[i] = from->log_prob[i];
    if (width) memcpy(to->memory + i * width, from->memory + i * width, (size_t)width * sizeof(float));
  }
  to->acted = n;
}

int64_t prl_policy_acted(const prl_policy *p) { return p->acted; }
const float *prl_policy_lasting(const prl_policy *p) {
  return p->shape->experience.lasting ? p->lasting : NULL;
}
const float *prl_policy_log_prob(const prl_policy *p) { return p->log_prob; }
const float *prl_policy_memory(const prl_policy *p) { return p->memory; }
void prl_policy_answered(prl_policy *p) { p->n.calls++; }
