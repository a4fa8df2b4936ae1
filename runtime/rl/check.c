/* Whether an experience that was read from a file can be trusted: every index in its range, every list whole.
 */
#include <math.h>
#include <string.h>

#include "rl/parts.h"

static bool within(int64_t value, int64_t low, int64_t high) { return value >= low && value <= high; }

/* Numbers that only grow. */
static bool counters_hold(const prl_experience_counts *n) {
  const int64_t all[] = {n->now,         n->decisions,     n->forgotten,     n->call,
                         n->min_version, n->dropped_steps, n->late_feedback, n->duplicate_feedback,
                         n->stale_steps, n->idle_streams};
  bool good = true;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) good = good && within(all[i], 0, PRL_COUNT_MOST);
  return good;
}

static bool counts_hold(const prl_experience *e) {
  const prl_experience_counts *n = &e->n;
  int64_t streams = e->options.streams - 1, places = e->places - 1;
  return within(n->live, 0, e->options.rows) && within(n->closed, 0, n->live) &&
         within(n->free_head, 0, places) && within(n->ring, 0, e->places) && within(n->fresh, 0, e->places) &&
         within(n->free_count, 0, n->fresh) && within(n->streams_used, 0, e->options.streams) &&
         within(n->hand, 0, streams) && within(n->idle_head, -1, streams) &&
         within(n->idle_tail, -1, streams) && within(n->wait_head, -1, n->fresh - 1) &&
         within(n->wait_tail, -1, n->fresh - 1) && within(n->event_head, -1, e->options.events - 1) &&
         counters_hold(n);
}

static bool row_holds(const prl_experience *e, const prl_row *r) {
  int64_t places = e->n.fresh - 1;
  if (r->kind > PRL_ROW_GHOST || r->end > PRL_END_CUT || r->state > 7 || r->told > 1 ||
      !(isfinite(r->elapsed) && r->elapsed >= 0) || !within(r->time, 0, PRL_COUNT_MOST) ||
      !within(r->number, 0, PRL_COUNT_MOST) || r->version > (uint64_t)PRL_COUNT_MOST)
    return false;
  return within(r->stream, 0, e->options.streams - 1) && within(r->next, -1, places) &&
         within(r->wait_next, -1, places) && within(r->event, -1, e->options.events - 1);
}

/* The list of one stream; adds its rows to *linked. Ghosts that end a run follow a row that says so. */
static bool stream_holds(const prl_experience *e, int32_t slot, int64_t *linked, int64_t *live,
                         int64_t *closed) {
  const prl_stream *s = &e->streams[slot];
  int32_t last = -1;
  bool ghost_due = false, all_closed = true, row_found = s->row < 0;
  if (!within(s->first, -1, e->n.fresh - 1) || !within(s->row, -1, e->n.fresh - 1)) return false;
  for (int32_t row = s->first; row >= 0; row = e->rows[row].next) {
    const prl_row *r = &e->rows[row];
    bool real = r->kind == PRL_ROW_REAL, is_closed = real && r->state & PRL_ROW_CLOSED;
    if (++*linked > e->places || r->kind == PRL_ROW_FREE || r->stream != slot) return false;
    if (ghost_due != (!real && r->end != PRL_END_NONE)) return false;
    if (!real && r->end == PRL_END_NONE && r->next >= 0) return false;
    if (is_closed && !all_closed) return false;
    if (is_closed && r->end == PRL_END_NONE && r->next < 0) return false;
    if (real) all_closed = is_closed;
    ghost_due = real && (r->end == PRL_END_TRUNCATED || r->end == PRL_END_CUT);
    row_found |= row == s->row && real;
    *live += real;
    *closed += is_closed;
    last = row;
  }
  return !ghost_due && row_found && s->last == last;
}

static bool streams_hold(const prl_experience *e) {
  int64_t linked = 0, live = 0, closed = 0;
  for (int64_t slot = 0; slot < e->options.streams; slot++) {
    const prl_stream *s = &e->streams[slot];
    if (slot >= e->n.streams_used) continue;
    if (s->used != 1 || s->open > 1 || !within(s->time, 0, PRL_COUNT_MOST) ||
        !within(s->older, -1, e->options.streams - 1) || !within(s->newer, -1, e->options.streams - 1) ||
        !stream_holds(e, (int32_t)slot, &linked, &live, &closed))
      return false;
  }
  return live == e->n.live && closed == e->n.closed && linked + e->n.free_count == e->n.fresh;
}

/* Each free place once in the ring, and each one free. */
static bool free_holds(const prl_experience *e, uint8_t *seen) {
  memset(seen, 0, (size_t)e->places);
  for (int64_t i = 0; i < e->n.free_count; i++) {
    int64_t position = (e->n.free_head + i) % e->places;
    if (position >= e->n.ring) return false;
    int32_t row = e->free[position];
    if (!within(row, 0, e->n.fresh - 1) || seen[row] || e->rows[row].kind != PRL_ROW_FREE) return false;
    seen[row] = 1;
  }
  return true;
}

/* The lists of waits and of open streams end where they say, and do not run in circles. */
static bool lists_hold(const prl_experience *e) {
  int64_t steps = 0, last = -1;
  for (int64_t row = e->n.wait_head; row >= 0; row = e->rows[row].wait_next) {
    if (++steps > e->places || e->rows[row].kind != PRL_ROW_REAL || e->rows[row].state & PRL_ROW_WAITED)
      return false;
    last = row;
  }
  if (last != e->n.wait_tail) return false;
  steps = 0, last = -1;
  for (int64_t slot = e->n.idle_head; slot >= 0; slot = e->streams[slot].newer) {
    if (++steps > e->options.streams || slot >= e->n.streams_used || !e->streams[slot].open ||
        e->streams[slot].older != last)
      return false;
    last = slot;
  }
  return last == e->n.idle_tail;
}

static bool events_hold(const prl_experience *e) {
  int64_t count = 0;
  for (int64_t i = 0; i < e->options.events; i++)
    if (!within(e->events[i].next, -1, e->options.events - 1)) return false;
  for (int64_t event = e->n.event_head; event >= 0; event = e->events[event].next)
    if (++count > e->options.events) return false;
  for (int64_t row = 0; row < e->n.fresh; row++)
    for (int32_t event = e->rows[row].event; e->rows[row].kind == PRL_ROW_REAL && event >= 0;
         event = e->events[event].next)
      if (++count > e->options.events) return false;
  return count == e->options.events;
}

prl_status prl_experience_restore(prl_experience *e, prl_error *error) {
  uint8_t *seen = prl_alloc(e->runtime, (size_t)e->places);
  if (!seen) return prl_fail_memory(error, (size_t)e->places);
  bool good = counts_hold(e);
  for (int64_t i = 0; good && i < e->n.fresh; i++) good = row_holds(e, &e->rows[i]);
  for (int64_t i = 0; good && i < e->options.streams; i++)
    good = within(e->slot[i], -1, e->options.streams - 1) && (i >= e->n.streams_used) == !e->streams[i].used;
  good = good && free_holds(e, seen) && streams_hold(e) && lists_hold(e) && events_hold(e) &&
         prl_streams_rebuild(e);
  prl_free(e->runtime, seen);
  return good ? PRL_OK : prl_fail(error, PRL_EFORMAT, "the experience in the checkpoint is damaged");
}
