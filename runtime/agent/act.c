#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "agent/agent.h"
#include "core/rng.h"

prl_status prl_act_check(const prl_agent *a, const float *observation, int64_t n, prl_error *error) {
  if (a->kernels->finite(n * a->observations, observation)) return PRL_OK;
  int64_t at = 0;
  while (at < n * a->observations - 1 && isfinite(observation[at])) at++;
  const prl_value *name = prl_item(a->observation_names, at % a->observations);
  return prl_fail(error, PRL_ENUMERIC, "observation \"%s\" of row %" PRId64 " is %g",
                  name && name->kind == PRL_STRING ? name->as.text : "?", at / a->observations + 1,
                  (double)observation[at]);
}

/* ---- noise ---- */

/* Every draw has an address: (seed, stream, episode, step). Rows that are not recorded draw from addresses
 * that no recorded row has: `extra` is 1. */
static void draw_some(const prl_agent *a, const uint32_t key[2], uint32_t extra, uint32_t episode,
                      uint32_t step, int64_t count, float *to) {
  if (a->action_kind == PRL_ACTION_CONTINUOUS)
    a->kernels->normals(key, extra, episode, step, count, to);
  else
    a->kernels->uniforms(key, extra, episode, step, count, to);
}

/* The generator makes a few dozen draws at the price of one, so that those of a stream's next steps come
 * along: step t has draws noise · (t mod C) … of address (episode, t / C), C = steps of a chunk. The chunk
 * that a stream is in is kept; a lost one is drawn again. */
static const float *draw_ahead(prl_agent *a, int32_t slot) {
  const prl_stream *s = &a->experience->streams[slot];
  prl_noise_tag tag = {{s->rng[0], s->rng[1]}, s->episode, s->step / (uint32_t)a->noise_steps};
  int64_t width = a->noise_steps * a->noise;
  float *chunk = a->noise_chunks + slot * width;
  if (memcmp(&a->noise_tags[slot], &tag, sizeof tag) != 0) {
    draw_some(a, tag.key, 0, tag.episode, tag.chunk, width, chunk);
    a->noise_tags[slot] = tag;
  }
  return chunk + s->step % (uint32_t)a->noise_steps * a->noise;
}

static void draw(prl_agent *a, int64_t first, int64_t n, prl_mode mode, const prl_draw_address *address) {
  float *noise = a->act_noise->data;
  const prl_experience *e = a->experience;
  for (int64_t i = 0; i < n; i++, noise += a->noise) {
    int64_t row = first + i;
    if (mode == PRL_MEAN) { /* not used; finite, and the same whatever came before */
      for (int64_t k = 0; k < a->noise; k++) noise[k] = 0.5f;
    } else if (address) {
      prl_rng rng = prl_rng_make(a->seed, address->streams[row], PRL_SITE_ACTION);
      draw_some(a, rng.key, 1, address->episode ? address->episode[row] : 0,
                address->step ? address->step[row] : (uint32_t)a->n.unrecorded, a->noise, noise);
    } else if (row < e->options.streams && e->slot[row] >= 0) {
      const float *from = draw_ahead(a, e->slot[row]);
      for (int64_t k = 0; k < a->noise; k++) noise[k] = from[k];
    } else { /* there is no room for its stream */
      prl_rng rng = prl_rng_make(a->seed, (uint64_t)row, PRL_SITE_ACTION);
      draw_some(a, rng.key, 2, 0, (uint32_t)a->n.unrecorded, a->noise, noise);
    }
  }
}

/* ---- the program ---- */

static void copy_actions(const prl_agent *a, int64_t n, float *action) {
  const prl_tensor *from = a->act_action;
  int64_t count = n * a->actions;
  if (from->dtype == PRL_F32) {
    memcpy(action, from->data, (size_t)count * sizeof(float));
  } else if (from->dtype == PRL_I32) {
    for (int64_t i = 0; i < count; i++) action[i] = (float)((const int32_t *)from->data)[i];
  } else {
    for (int64_t i = 0; i < count; i++) action[i] = (float)((const int64_t *)from->data)[i];
  }
}

static prl_status act_tile(prl_agent *a, const float *observation, int64_t first, int64_t n, prl_mode mode,
                           const prl_draw_address *address, float *action, prl_error *error) {
  prl_program *program = a->routines[a->act].program;
  const float *from = observation + first * a->observations;
  float *to = a->act_observation->data;
  if (a->normalise)
    a->kernels->normalise(n, a->observations, from, a->normaliser.shift, a->normaliser.scale,
                          a->normaliser.clip, to);
  else
    memcpy(to, from, (size_t)(n * a->observations) * sizeof(float));
  if (a->act_noise) draw(a, first, n, mode, address);
  if (a->act_sample) *(float *)a->act_sample->data = mode == PRL_SAMPLE;
  prl_status status = prl_program_run(program, 0, NULL, error);
  if (status) return status;
  action += first * a->actions;
  copy_actions(a, n, action);
  if (!a->kernels->finite(n * a->actions, action))
    return prl_fail(error, PRL_ENUMERIC,
                    "the policy's action is not finite (rows %" PRId64 " to %" PRId64 ")", first + 1,
                    first + n);
  int64_t room = a->experience->options.streams;
  if (room < a->act_rows) room = a->act_rows;
  if (first < room)
    memcpy(a->log_prob + first, a->act_log_prob->data,
           (size_t)(n < room - first ? n : room - first) * sizeof(float));
  return PRL_OK;
}

/* Tiles of one size, so that the program need not change its number of rows: what the last one lacks are rows
 * of an earlier one, computed again and not looked at. */
prl_status prl_act_rows(prl_agent *a, const float *observation, int64_t n, prl_mode mode,
                        const prl_draw_address *address, float *action, prl_error *error) {
  int64_t tiles = (n + a->act_rows - 1) / a->act_rows, rows = tiles ? (n + tiles - 1) / tiles : 0;
  prl_status status = rows ? prl_program_rows(a->routines[a->act].program, rows, error) : PRL_OK;
  for (int64_t first = 0; !status && first < n; first += rows)
    status =
        act_tile(a, observation, first, n - first < rows ? n - first : rows, mode, address, action, error);
  return status;
}

prl_status prl_act_uncut(prl_agent *a, const uint64_t *streams, const float *observation, int64_t n,
                         prl_mode mode, float *action, uint64_t *decisions, prl_error *error) {
  if (n < 0) return prl_fail(error, PRL_EINVAL, "%" PRId64 " rows; there must be at least 0", n);
  prl_status status = prl_act_check(a, observation, n, error);
  if (status) return status;
  if (!a->n.warmed) mode = PRL_MEAN;
  prl_draw_address address = {.streams = streams};
  if (decisions) status = prl_experience_enter(a->experience, streams, n, error);
  if (!status) status = prl_act_rows(a, observation, n, mode, decisions ? NULL : &address, action, error);
  if (status) return status;
  a->n.unrecorded++;
  if (decisions)
    prl_experience_record(a->experience, observation, action, a->log_prob, (uint64_t)a->n.version, n,
                          decisions);
  return PRL_OK;
}

/* What is recorded is the draw before the cut, of which the density is known. */
prl_status prl_agent_act(prl_agent *a, const uint64_t *streams, const float *observation, int64_t n,
                         prl_mode mode, float *action, uint64_t *decisions, prl_error *error) {
  prl_status status = prl_act_uncut(a, streams, observation, n, mode, action, decisions, error);
  if (status || a->action_kind != PRL_ACTION_CONTINUOUS) return status;
  for (int64_t i = 0; i < n; i++)
    for (int32_t k = 0; k < a->actions; k++) {
      float *value = action + i * a->actions + k;
      *value = fminf(fmaxf(*value, a->action_low[k]), a->action_high[k]);
    }
  return PRL_OK;
}

prl_status prl_agent_observe(prl_agent *a, const uint64_t *streams, const float *observation, int64_t n,
                             prl_error *error) {
  prl_status status = prl_act_check(a, observation, n, error);
  return status ? status : prl_experience_observe(a->experience, streams, observation, n, error);
}

prl_status prl_agent_feedback(prl_agent *a, const uint64_t *decisions, const float *responses,
                              const uint8_t *present, const uint64_t *events, int64_t n, prl_error *error) {
  return prl_experience_feedback(a->experience, decisions, responses, present, events, n, error);
}

prl_status prl_agent_finish(prl_agent *a, uint64_t stream, prl_finish_reason reason,
                            const float *final_observation, prl_error *error) {
  if (final_observation) {
    prl_status status = prl_act_check(a, final_observation, 1, error);
    if (status) return status;
  }
  return prl_experience_finish(a->experience, stream, reason == PRL_TERMINATED, final_observation, error);
}

int64_t prl_agent_finish_all(prl_agent *a, prl_finish_reason reason) {
  return prl_experience_finish_all(a->experience, reason == PRL_TERMINATED);
}
