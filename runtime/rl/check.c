/* Whether an experience is whole: every index in its range, every list and ring as the counts say. Asked of
 * what was read from a file, and in debug builds while it runs. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rl/parts.h"

static bool within(int64_t value, int64_t low, int64_t high) { return value >= low && value <= high; }

/* Numbers that only grow. */
static bool counters_hold(const prl_experience_counts *n) {
  const int64_t all[] = {n->now,         n->decisions,     n->forgotten,     n->call,
                         n->min_version, n->dropped_steps, n->late_feedback, n->duplicate_feedback,
                         n->stale_steps, n->idle_streams,  n->objective};
  bool good = n->objective <= INT32_MAX;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) good = good && prl_count_holds(all[i]);
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
  if (r->kind > PRL_ROW_GHOST || r->end > PRL_END_CUT || r->state > 7 ||
      (r->arm && r->arm >= e->options.arms) || !(isfinite(r->elapsed) && r->elapsed >= 0) ||
      !within(r->time, 0, e->n.now) || !prl_count_holds(r->number) || r->version > (uint64_t)PRL_COUNT_MOST ||
      r->objective > (uint64_t)e->n.objective)
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
    if (is_closed && !r->left && r->end == PRL_END_NONE && r->next < 0) return false;
    if (is_closed && r->left && row == s->first) return false;
    if (real) all_closed = is_closed;
    ghost_due = real && prl_row_has_final(e, row);
    row_found |= row == s->row && real;
    *live += real;
    *closed += is_closed && !r->left;
    last = row;
  }
  return !ghost_due && row_found && s->last == last;
}

static bool streams_hold(const prl_experience *e) {
  int64_t linked = 0, live = 0, closed = 0;
  for (int64_t slot = 0; slot < e->options.streams; slot++) {
    const prl_stream *s = &e->streams[slot];
    if (slot >= e->n.streams_used) continue;
    if (s->used != 1 || s->open > 1 || s->left > 1 || (s->arm && s->arm >= e->options.arms) ||
        !prl_count_holds(s->time) || !within(s->older, -1, e->options.streams - 1) ||
        !within(s->newer, -1, e->options.streams - 1) ||
        !stream_holds(e, (int32_t)slot, &linked, &live, &closed))
      return false;
  }
  return live == e->n.live && closed == e->n.closed && linked + e->n.free_count == e->n.fresh;
}

/* Each free place once in the ring, and each one free. */
static bool free_holds(const prl_experience *e) {
  memset(e->seen, 0, (size_t)e->places);
  for (int64_t i = 0; i < e->n.free_count; i++) {
    int64_t position = (e->n.free_head + i) % e->places;
    if (position >= e->n.ring) return false;
    int32_t row = e->free[position];
    if (!within(row, 0, e->n.fresh - 1) || e->seen[row] || e->rows[row].kind != PRL_ROW_FREE) return false;
    e->seen[row] = 1;
  }
  return true;
}

/* Every row that waits is in the list of waits, which ends where it says. */
static bool waits_hold(const prl_experience *e) {
  int64_t steps = 0, last = -1, waiting = 0;
  for (int64_t row = 0; row < e->n.fresh; row++)
    waiting += e->rows[row].kind == PRL_ROW_REAL && !(e->rows[row].state & PRL_ROW_WAITED);
  for (int64_t row = e->n.wait_head; row >= 0; row = e->rows[row].wait_next) {
    if (++steps > waiting || e->rows[row].kind != PRL_ROW_REAL || e->rows[row].state & PRL_ROW_WAITED)
      return false;
    last = row;
  }
  return steps == waiting && last == e->n.wait_tail;
}

/* Where streams may be idle too long, every open one is in the list by time, which ends where it says. */
static bool idle_holds(const prl_experience *e) {
  int64_t steps = 0, last = -1, open = 0;
  for (int64_t slot = 0; slot < e->n.streams_used; slot++) open += e->streams[slot].open;
  for (int64_t slot = e->n.idle_head; slot >= 0; slot = e->streams[slot].newer) {
    if (++steps > open || slot >= e->n.streams_used || !e->streams[slot].open ||
        e->streams[slot].older != last)
      return false;
    last = slot;
  }
  return steps == (e->options.idle_us ? open : 0) && last == e->n.idle_tail;
}

static bool events_hold(const prl_experience *e) {
  int64_t count = 0;
  for (int64_t i = 0; i < e->options.events; i++)
    if (!within(e->events[i].next, -1, e->options.events - 1)) return false;
  for (int64_t event = e->n.event_head; event >= 0; event = prl_event_next(e, event))
    if (++count > e->options.events) return false;
  for (int64_t row = 0; row < e->n.fresh; row++)
    for (int32_t event = e->rows[row].event; e->rows[row].kind == PRL_ROW_REAL && event >= 0;
         event = prl_event_next(e, event))
      if (++count > e->options.events) return false;
  return count == e->options.events;
}

static bool rows_hold(const prl_experience *e) {
  bool good = true;
  for (int64_t i = 0; good && i < e->n.fresh; i++) good = row_holds(e, &e->rows[i]);
  return good;
}

static bool slots_hold(const prl_experience *e) {
  bool good = true;
  for (int64_t i = 0; good && i < e->options.streams; i++)
    good = within(e->slot[i], -1, e->options.streams - 1) && (i >= e->n.streams_used) == !e->streams[i].used;
  return good;
}

static bool table_holds(const prl_experience *e) {
  bool good = true;
  for (int64_t i = 0; good && i < e->n.streams_used; i++) good = prl_streams_find(e, e->streams[i].key) == i;
  return good;
}

/* A policy's memory that is not finite would act for the rest of the episode. */
static bool memories_hold(const prl_experience *e) {
  bool good = true;
  for (int64_t i = 0; good && i < e->options.streams * e->options.memory; i++) good = isfinite(e->memory[i]);
  return good;
}

/* In this order: later ones follow indices that earlier ones have looked at. */
static const struct {
  const char *what;
  bool (*holds)(const prl_experience *e);
} invariants[] = {{"the counts", counts_hold},
                  {"a row", rows_hold},
                  {"the slots of streams", slots_hold},
                  {"the ring of free places", free_holds},
                  {"the list of a stream", streams_hold},
                  {"the list of rows that wait", waits_hold},
                  {"the list of open streams", idle_holds},
                  {"the event ids", events_hold},
                  {"the state of a memory", memories_hold},
                  {"the table of streams", table_holds}};
enum { INVARIANTS = sizeof invariants / sizeof *invariants, IN_FILES = INVARIANTS - 1 };

static const char *first_broken(const prl_experience *e, int count) {
  for (int i = 0; i < count; i++)
    if (!invariants[i].holds(e)) return invariants[i].what;
  return NULL;
}

const char *prl_experience_broken(const prl_experience *e) { return first_broken(e, INVARIANTS); }

prl_status prl_experience_restore(prl_experience *e, prl_error *error) {
  const char *broken = first_broken(e, IN_FILES); /* the table is in no file */
  if (!broken && !prl_streams_rebuild(e)) broken = "a stream that is there twice";
  return broken ? prl_fail(error, PRL_EFORMAT, "the experience in the checkpoint is damaged: %s", broken)
                : PRL_OK;
}

#ifndef NDEBUG
void prl_experience_assert(prl_experience *e, const char *after) {
  enum { A_CHANGE = 64 }; /* rows and such looked at for each change, in the mean: the run stays fast */
  int64_t size = e->n.fresh + e->options.streams + e->options.events;
  if (++e->unchecked * A_CHANGE < size) return;
  e->unchecked = 0;
  const char *broken = prl_experience_broken(e);
  if (!broken) return;
  fprintf(stderr, "perilune: after %s %s of the experience does not hold\n", after, broken);
  abort();
}
#endif
