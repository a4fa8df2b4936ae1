/* The policy's memory: a state by stream, which `act` reads behind a row's observations and gives anew. It is
 * all zeros when an episode begins. The experience keeps it (rl/record.c), with each row the state before it.
 * A row that is not recorded reads the state of its stream and leaves it as it is, or has one that its caller
 * keeps. */
#include <inttypes.h>
#include <string.h>

#include "agent/policy/parts.h"

/* The state of row `row` of a call; NULL: zeros. */
static const float *state_of(const prl_policy *p, const prl_experience *e, int64_t row,
                             const prl_draw_address *address) {
  const int64_t width = p->shape->experience.memory;
  if (address && address->memory) return address->memory + row * width;
  if (address) return prl_experience_memory(e, prl_streams_find(e, address->streams[row]));
  return row < e->options.streams ? prl_experience_memory(e, e->slot[row]) : NULL;
}

void prl_memory_fill(prl_policy *p, const prl_experience *e, const float *observation, int64_t first,
                     int64_t n, const prl_draw_address *address) {
  const int64_t observed = p->shape->spec.observations, width = p->shape->experience.memory;
  float *to = p->act.observation->data;
  const float *from = observation + first * observed;
  if (!width) memcpy(to, from, (size_t)(n * observed) * sizeof(float));
  for (int64_t i = 0; width && i < n; i++) {
    float *row = to + i * (observed + width);
    const float *state = state_of(p, e, first + i, address);
    memcpy(row, from + i * observed, (size_t)observed * sizeof(float));
    if (state)
      memcpy(row + observed, state, (size_t)width * sizeof(float));
    else
      memset(row + observed, 0, (size_t)width * sizeof(float));
  }
  prl_policy_normalise(p, n, to);
}

prl_status prl_memory_keep(prl_policy *p, int64_t first, int64_t n, const prl_draw_address *address,
                           prl_error *error) {
  const int64_t width = p->shape->experience.memory, room = p->room - first;
  if (!width) return PRL_OK;
  const float *from = p->act.memory->data;
  if (!p->kernels->finite(n * width, from))
    return prl_fail(error, PRL_ENUMERIC,
                    "the state of the policy's memory is not finite (rows %" PRId64 " to %" PRId64 ")",
                    first + 1, first + n);
  if (address && address->memory)
    memcpy(address->memory + first * width, from, (size_t)(n * width) * sizeof(float));
  if (room > 0)
    memcpy(p->memory + first * width, from, (size_t)((n < room ? n : room) * width) * sizeof(float));
  return PRL_OK;
}
