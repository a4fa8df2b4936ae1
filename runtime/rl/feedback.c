/* Responses reach the rows of their decisions, each report once. */
#include "rl/parts.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "rl/replay.h"

/* Where a report goes: to a row of the pool, or to one that went on into the replay memory. */
typedef struct target {
  prl_row *row; /* NULL: in the memory, where event ids are no longer known */
  float *response;
  uint8_t *present;
} target;

static bool find_remembered(const prl_experience *e, uint64_t decision, target *out) {
  const prl_replay *m = e->replay;
  const int64_t place = m ? prl_replay_find(m, decision) : -1;
  if (place >= 0)
    *out = (target){NULL, m->response + place * m->responses, m->present + place * m->present_stride};
  return place >= 0;
}

/* PRL_OK with *found: the report goes to *out. Otherwise there is nothing to do: an unrecorded decision, or a
 * row that is gone. */
static prl_status locate(prl_experience *e, uint64_t decision, target *out, bool *found, prl_error *error) {
  *found = false;
  if (!decision) return PRL_OK;
  int64_t place = prl_decision_place(e, decision);
  uint32_t generation = (uint32_t)(decision >> 32);
  prl_row *r = place >= 0 && place < e->n.fresh ? &e->rows[place] : NULL;
  if (!r || generation > r->generation || generation == 0 ||
      (generation == r->generation && r->kind == PRL_ROW_GHOST))
    return prl_fail(error, PRL_ENAME, "decision %" PRIu64 " is unknown", decision);
  if (generation < r->generation || r->kind == PRL_ROW_FREE) { /* its place is taken again, or free */
    e->n.late_feedback++;
    *found = find_remembered(e, decision, out);
    return PRL_OK;
  }
  *found = true;
  *out = (target){r, e->response + place * e->options.responses, e->present + place * e->present_stride};
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
    return prl_fail(error, PRL_ELIMIT,
                    "no room for event id %" PRIu64 ": capacity.events is %" PRId64
                    " (as many as agent.rows, unless the plan says)",
                    id, e->options.events);
  int32_t event = (int32_t)e->n.event_head;
  e->n.event_head = prl_event_next(e, event);
  e->events[event] = (prl_event){.id = id, .next = r->event};
  r->event = event;
  *fresh = true;
  return PRL_OK;
}

static void combine(const prl_experience *e, const target *t, const float *responses,
                    const uint8_t *present) {
  float *to = t->response;
  uint8_t *have = t->present;
  for (int32_t i = 0; i < e->options.responses; i++) {
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
    target to;
    bool found, fresh = true;
    prl_status status = locate(e, decisions[i], &to, &found, where);
    if (!status && found) status = check_finite(e, decisions[i], from, mask, where);
    if (!status && found && to.row && events && events[i])
      status = remember(e, to.row, events[i], &fresh, where);
    if (!status && found && fresh) combine(e, &to, from, mask);
    if (!first) first = status;
  }
  return first;
}
