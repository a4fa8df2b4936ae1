/* Responses reach the rows of their decisions, each report once. */
#include "rl/parts.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* PRL_OK with *row ≥ 0: the row takes feedback; *row −1: nothing to do (an unrecorded decision, or a late
 * report).
 */
static prl_status locate(prl_experience *e, uint64_t decision, int64_t *row, prl_error *error) {
  *row = -1;
  if (!decision) return PRL_OK;
  int64_t place = (int64_t)(uint32_t)decision - 1;
  uint32_t generation = (uint32_t)(decision >> 32);
  const prl_row *r = place >= 0 && place < e->n.fresh ? &e->rows[place] : NULL;
  if (!r || generation > r->generation || generation == 0 ||
      (generation == r->generation && r->kind == PRL_ROW_GHOST))
    return prl_fail(error, PRL_ENAME, "decision %" PRIu64 " is unknown", decision);
  if (generation < r->generation || r->kind == PRL_ROW_FREE) /* its place is taken again, or free */
    e->n.late_feedback++;
  else
    *row = place;
  return PRL_OK;
}

static prl_status check_finite(const prl_experience *e, uint64_t decision, const float *responses,
                               const uint8_t *present, prl_error *error) {
  for (int32_t i = 0; i < e->options.responses; i++) {
    if ((present && !present[i]) || isfinite(responses[i])) continue;
    char number[24];
    snprintf(number, sizeof number, "%" PRId32, i + 1);
    return prl_fail(error, PRL_ENUMERIC, "response %s of decision %" PRIu64 " is %g",
                    e->options.names ? e->options.names[i] : number, decision, (double)responses[i]);
  }
  return PRL_OK;
}

/* *fresh: whether this report of the row is the first with its id. */
static prl_status remember(prl_experience *e, prl_row *r, uint64_t id, bool *fresh, prl_error *error) {
  for (int32_t event = r->event; event >= 0; event = prl_event_next(e, event))
    if (e->events[event].id == id) {
      e->n.duplicate_feedback++;
      *fresh = false;
      return PRL_OK;
    }
  if (e->n.event_head < 0)
    return prl_fail(error, PRL_ELIMIT, "no room for event id %" PRIu64 ": capacity.events is %" PRId64, id,
                    e->options.events);
  int32_t event = (int32_t)e->n.event_head;
  e->n.event_head = prl_event_next(e, event);
  e->events[event] = (prl_event){.id = id, .next = r->event};
  r->event = event;
  *fresh = true;
  return PRL_OK;
}

static void combine(const prl_experience *e, int64_t row, const float *responses, const uint8_t *present) {
  int32_t count = e->options.responses;
  float *to = e->response + row * count;
  uint8_t *have = e->present + row * e->present_stride;
  for (int32_t i = 0; i < count; i++) {
    if (present && !present[i]) continue;
    prl_combine rule = e->rules[i].combine;
    if (!have[i] || rule == PRL_COMBINE_LAST)
      to[i] = responses[i];
    else if (rule == PRL_COMBINE_SUM)
      to[i] += responses[i];
    else if (rule == PRL_COMBINE_MAX && responses[i] > to[i])
      to[i] = responses[i];
    have[i] = 1;
  }
}

prl_status prl_experience_feedback(prl_experience *e, const uint64_t *decisions, const float *responses,
                                   const uint8_t *present, const uint64_t *events, int64_t n,
                                   prl_error *error) {
  PRL_CHECKED(e);
  int32_t count = e->options.responses;
  prl_status first = PRL_OK;
  for (int64_t i = 0; i < n; i++) {
    prl_error *where = first ? NULL : error; /* the first failure is the one that is reported */
    const float *from = responses + i * count;
    const uint8_t *mask = present ? present + i * count : NULL;
    int64_t row;
    bool fresh = true;
    prl_status status = locate(e, decisions[i], &row, where);
    if (!status && row >= 0) status = check_finite(e, decisions[i], from, mask, where);
    if (!status && row >= 0 && events && events[i])
      status = remember(e, &e->rows[row], events[i], &fresh, where);
    if (!status && row >= 0 && fresh) combine(e, row, from, mask);
    if (!first) first = status;
  }
  return first;
}
