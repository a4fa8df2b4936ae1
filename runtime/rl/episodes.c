/* How steps and episodes end: how long a step took, an end that somebody tells, time that passes. */
#include "rl/parts.h"

#include <inttypes.h>
#include <string.h>

#include "rl/replay.h"

void prl_experience_elapsed(prl_experience *e, const uint64_t *decisions, const int64_t *elapsed_us,
                            int64_t n) {
  PRL_CHECKED(e);
  EVERY(i, n) {
    int64_t place = prl_decision_place(e, decisions[i]);
    if (place < 0 || place >= e->n.fresh) continue;
    prl_row *r = &e->rows[place];
    if (r->generation != (uint32_t)(decisions[i] >> 32) || r->kind != PRL_ROW_REAL ||
        r->state & PRL_ROW_SUCCEEDED)
      continue;
    r->elapsed = elapsed_us[i] > 0 ? (float)((double)elapsed_us[i] * 1e-6) : 0;
    r->told = 1;
  }
}

void prl_stream_cut(prl_experience *e, int32_t slot, const float *observation, uint8_t end) {
  prl_stream *s = &e->streams[slot];
  int32_t row = s->row;
  if (row < 0 && !prl_stream_observed(e, s)) return;
  if (row < 0) { /* the row was learned from already, with the observed one as its successor */
    int32_t ghost = s->last;
    s->first = s->last = -1;
    prl_row_release(e, ghost);
    return;
  }
  e->rows[row].end = end;
  s->row = -1;
  if (prl_stream_observed(e, s)) {
    if (observation) {
      memcpy(prl_row_observation(e, s->last), observation, prl_observed_bytes(e));
      prl_row_lasts_until_now(e, row);
    }
    e->rows[s->last].end = end;
    prl_row_settle(e, row); /* what followed it was known before its end */
    return;
  }
  const float *own = prl_row_observation(e, row);
  const int32_t ghost = prl_row_ghost(e, slot, observation ? observation : own, end);
  if (!observation) /* with the memory that it was seen with */
    memcpy(prl_row_observation(e, ghost), own, (size_t)e->options.observations * sizeof(float));
  prl_row_succeed(e, row);
}

static void end_episode(prl_experience *e, int32_t slot) {
  prl_stream *s = &e->streams[slot];
  s->open = 0;
  s->episode++;
  s->step = 0;
  s->row = -1;
  prl_streams_untouch(e, slot);
  if (e->options.paired) prl_pair_settle(e, slot, s->episode - 1);
}

static void finish_slot(prl_experience *e, int32_t slot, bool terminated, const float *final_observation) {
  prl_stream *s = &e->streams[slot];
  int32_t row = s->row;
  if (row < 0 && e->replay && prl_stream_observed(e, s)) /* its last row went on before its end was known */
    prl_replay_end(e->replay, prl_row_decision(e, s->last), terminated, final_observation);
  if (!terminated || row < 0) {
    prl_stream_cut(e, slot, final_observation, PRL_END_TRUNCATED);
  } else if (e->options.finals) {
    prl_stream_cut(e, slot, final_observation, PRL_END_TERMINATED);
  } else {
    if (prl_stream_observed(e, s)) {
      prl_row_release(e, s->last);
      e->rows[row].next = -1;
      s->last = row;
    }
    e->rows[row].end = PRL_END_TERMINATED;
    prl_row_succeed(e, row);
  }
  end_episode(e, slot);
}

void prl_experience_leave(prl_experience *e, uint64_t key, const float *observation) {
  PRL_CHECKED(e);
  int32_t slot = prl_streams_find(e, key);
  if (slot < 0 || !e->streams[slot].open) return;
  prl_stream_cut(e, slot, observation, PRL_END_CUT);
  end_episode(e, slot);
}

prl_status prl_experience_join(prl_experience *e, uint64_t key, uint32_t episode, uint32_t step,
                               prl_error *error) {
  PRL_CHECKED(e);
  int32_t slot = prl_streams_find(e, key);
  if (slot < 0) slot = prl_streams_take(e, key);
  if (slot < 0)
    return prl_fail(error, PRL_ELIMIT, "there is no room for stream %" PRIu64 " (agent.streams)", key);
  prl_stream *s = &e->streams[slot];
  s->episode = episode;
  s->step = step;
  s->open = step > 0;
  if (e->options.memory) /* what it was is not known here */
    memset(e->memory + slot * e->options.memory, 0, (size_t)e->options.memory * sizeof(float));
  if (s->open) prl_streams_touch(e, slot);
  return PRL_OK;
}

prl_status prl_experience_finish(prl_experience *e, uint64_t key, bool terminated,
                                 const float *final_observation, prl_error *error) {
  PRL_CHECKED(e);
  int32_t slot = prl_streams_find(e, key);
  if (slot < 0 || !e->streams[slot].open)
    return prl_fail(error, PRL_ENAME,
                    slot < 0 ? "stream %" PRIu64 " is unknown" : "stream %" PRIu64 " has no open episode",
                    key);
  finish_slot(e, slot, terminated, final_observation);
  return PRL_OK;
}

int64_t prl_experience_finish_all(prl_experience *e, bool terminated) {
  PRL_CHECKED(e);
  int64_t ended = 0;
  EVERY(slot, e->n.streams_used) {
    if (!e->streams[slot].open) continue;
    finish_slot(e, (int32_t)slot, terminated, NULL);
    ended++;
  }
  return ended;
}

/* ---- time ---- */

static void pass_waits(prl_experience *e) {
  while (e->n.wait_head >= 0) {
    int32_t row = (int32_t)e->n.wait_head;
    prl_row *r = &e->rows[row];
    if (r->time + e->options.wait_us > e->n.now) return;
    e->n.wait_head = r->wait_next;
    if (r->wait_next < 0) e->n.wait_tail = -1;
    r->wait_next = -1;
    r->state |= PRL_ROW_WAITED;
    prl_row_settle(e, row);
  }
}

static void truncate_idle(prl_experience *e) {
  while (e->n.idle_head >= 0) {
    int32_t slot = (int32_t)e->n.idle_head;
    if (e->streams[slot].time + e->options.idle_us > e->n.now) return;
    prl_stream_cut(e, slot, NULL, PRL_END_TRUNCATED);
    end_episode(e, slot);
    e->n.idle_streams++;
  }
}

prl_status prl_experience_time(prl_experience *e, int64_t now_us, prl_error *error) {
  PRL_CHECKED(e);
  if (now_us > PRL_COUNT_MOST)
    return prl_fail(error, PRL_EINVAL, "the time is %" PRId64 " µs; at most %" PRId64 " is accepted", now_us,
                    PRL_COUNT_MOST);
  if (now_us < e->n.now)
    return prl_fail(error, PRL_EINVAL, "time runs backwards: %" PRId64 " µs after %" PRId64 " µs", now_us,
                    e->n.now);
  e->n.now = now_us;
  if (e->options.wait_us) pass_waits(e);
  if (e->options.idle_us) truncate_idle(e);
  return PRL_OK;
}

void prl_experience_alive(prl_experience *e, const uint64_t *streams, int64_t n, int64_t until_us) {
  PRL_CHECKED(e);
  if (!e->options.idle_us) return;
  EVERY(i, n) {
    int32_t slot = i < e->options.streams ? e->slot[i] : -1;
    if (slot < 0 || e->streams[slot].key != streams[i]) slot = prl_streams_find(e, streams[i]);
    if (slot < 0 || !e->streams[slot].open || until_us < e->streams[slot].time) continue;
    e->streams[slot].time = until_us;
    prl_streams_touch(e, slot);
  }
}

/* ---- episodes of another policy ---- */

/* Rows of the stream's running episode that are not closed, which of a whole one are all. */
static void leave_rows(prl_experience *e, const prl_stream *s) {
  int32_t first = s->first;
  for (int32_t row = s->first; row >= 0; row = e->rows[row].next)
    if (e->rows[row].end != PRL_END_NONE) first = e->rows[row].next;
  for (int32_t row = first; row >= 0; row = e->rows[row].next)
    if (e->rows[row].kind == PRL_ROW_REAL) e->rows[row].left = 1;
}

void prl_experience_leave_all(prl_experience *e) {
  PRL_CHECKED(e);
  EVERY(slot, e->n.streams_used) {
    prl_stream *s = &e->streams[slot];
    s->left = s->open;
    if (s->open && e->options.whole) leave_rows(e, s);
  }
}

void prl_experience_take_back(prl_experience *e) { EVERY(slot, e->n.streams_used) e->streams[slot].left = 0; }

int64_t prl_experience_left(const prl_experience *e) {
  int64_t count = 0;
  EVERY(slot, e->n.streams_used) count += e->streams[slot].open && e->streams[slot].left;
  return count;
}
