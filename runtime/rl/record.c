/* Decisions are written down, and the observations that follow them: places of the pool, the lists of rows by
 * stream, the rows of a call. */
#include "rl/parts.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* ---- places ---- */

static int32_t fresh_place(prl_experience *e) {
  const prl_experience_options *o = &e->options;
  int32_t row = (int32_t)e->n.fresh++;
  e->rows[row] = (prl_row){.next = -1, .wait_next = -1, .event = -1};
  memset(prl_row_observation(e, row), 0, (size_t)o->observations * sizeof(float));
  memset(e->action + (int64_t)row * o->actions, 0, (size_t)o->actions * sizeof(float));
  memset(e->response + (int64_t)row * o->responses, 0, (size_t)o->responses * sizeof(float));
  memset(e->present + row * e->present_stride, 0, (size_t)e->present_stride);
  if (o->lasting) memset(e->lasting + (int64_t)row * o->lasting, 0, (size_t)o->lasting * sizeof(float));
  if (o->dated) e->key[row] = 0;
  e->log_prob[row] = 0;
  return row;
}

static int32_t take_place(prl_experience *e) {
  if (e->n.free_count <= e->rest && e->n.fresh < e->places) return fresh_place(e);
  /* The places that the coming decisions take were last touched an update ago: they are asked for ahead of
   * time. (Not in a function of its own: GCC drops calls of one that only prefetches.) */
  int64_t at = e->n.free_head + PRL_AHEAD;
  int64_t coming =
      e->free[e->n.free_count > PRL_AHEAD ? (at < e->places ? at : at - e->places) : e->n.free_head];
  __builtin_prefetch(&e->rows[coming], 1);
  __builtin_prefetch(e->observation + coming * e->options.observations, 1);
  __builtin_prefetch(e->action + coming * e->options.actions, 1);
  __builtin_prefetch(e->response + coming * e->options.responses, 1);
  int32_t row = e->free[e->n.free_head];
  if (++e->n.free_head == e->places) e->n.free_head = 0;
  e->n.free_count--;
  return row;
}

void prl_row_release(prl_experience *e, int32_t row) {
  prl_row *r = &e->rows[row];
  if (r->kind == PRL_ROW_REAL) e->n.live--;
  for (int32_t event = r->event; event >= 0;) {
    int32_t next = prl_event_next(e, event);
    e->events[event].next = (int32_t)e->n.event_head;
    e->n.event_head = event;
    event = next;
  }
  r->event = -1;
  r->kind = PRL_ROW_FREE;
  int64_t place = e->n.free_head + e->n.free_count++;
  if (place >= e->places) place -= e->places;
  if (place >= e->n.ring) e->n.ring = place + 1;
  e->free[place] = row;
}

/* ---- rows of a stream ---- */

static void append(prl_experience *e, prl_stream *s, int32_t row) {
  if (s->last >= 0)
    e->rows[s->last].next = row;
  else
    s->first = row;
  s->last = row;
}

const float *prl_experience_memory(const prl_experience *e, int32_t slot) {
  return slot >= 0 && e->streams[slot].open ? e->memory + (int64_t)slot * e->options.memory : NULL;
}

void prl_row_observe(prl_experience *e, int32_t row, int32_t slot, const float *observation) {
  const size_t bytes = prl_observed_bytes(e), state = (size_t)e->options.memory * sizeof(float);
  float *to = prl_row_observation(e, row);
  memcpy(to, observation, bytes);
  if (!state) return;
  const float *memory = prl_experience_memory(e, slot);
  to += bytes / sizeof *to;
  if (memory)
    memcpy(to, memory, state);
  else
    memset(to, 0, state);
}

int32_t prl_row_ghost(prl_experience *e, int32_t slot, const float *observation, uint8_t end) {
  int32_t ghost = take_place(e);
  prl_row *g = &e->rows[ghost];
  *g = (prl_row){.stream = slot,
                 .next = -1,
                 .wait_next = -1,
                 .event = -1,
                 .generation = g->generation + 1,
                 .kind = PRL_ROW_GHOST,
                 .end = end};
  prl_row_observe(e, ghost, slot, observation);
  append(e, &e->streams[slot], ghost);
  return ghost;
}

void prl_row_behead(prl_experience *e, prl_stream *s, int32_t row) {
  const prl_row *r = &e->rows[row];
  s->first = r->next;
  if (prl_row_has_final(e, row)) {
    int32_t ghost = r->next;
    s->first = e->rows[ghost].next;
    prl_row_release(e, ghost);
  }
  if (s->first < 0) s->last = -1;
  if (s->row == row) s->row = -1;
  prl_row_release(e, row);
}

void prl_row_drop_left(prl_experience *e, prl_stream *s) {
  while (prl_row_is_closed(e, s->first) && e->rows[s->first].left) prl_row_behead(e, s, s->first);
}

void prl_row_stale(prl_experience *e, prl_stream *s, int32_t row) {
  e->n.stale_steps++;
  if (e->stale) e->stale(e->stale_context, row);
  prl_row_behead(e, s, row);
}

/* A closed row that reaches no batch goes from the middle of its list, too, or it would wait for the update
 * that takes those before it. One that is what follows a row of a batch stays as long as that. */
static void drop_left(prl_experience *e, prl_stream *s, int32_t row) {
  prl_row_drop_left(e, s);
  int32_t before = s->first;
  if (e->rows[row].kind == PRL_ROW_FREE) return;
  while (e->rows[before].next != row) before = e->rows[before].next;
  prl_row *prior = &e->rows[before];
  if (prior->kind == PRL_ROW_REAL && !prior->left && prior->end == PRL_END_NONE) return;
  const int32_t ghost = prl_row_has_final(e, row) ? e->rows[row].next : -1;
  prior->next = e->rows[ghost >= 0 ? ghost : row].next;
  if (prior->next < 0) s->last = before;
  if (s->row == row) s->row = -1;
  if (ghost >= 0) prl_row_release(e, ghost);
  prl_row_release(e, row);
}

static void close_row(prl_experience *e, int32_t row) {
  prl_row *r = &e->rows[row];
  r->state |= PRL_ROW_CLOSED;
  if (r->left) {
    drop_left(e, &e->streams[r->stream], row);
    return;
  }
  if (r->version >= (uint64_t)e->n.min_version) {
    e->n.closed++;
    return;
  }
  prl_row_stale(e, &e->streams[r->stream], row);
}

/* The rows up to the last of an episode: nothing keeps those before it open, since they are older. */
static void close_episode(prl_experience *e, int32_t last) {
  for (int32_t row = e->streams[e->rows[last].stream].first, next = -1; row != last; row = next) {
    next = e->rows[row].next;
    if (e->rows[row].kind == PRL_ROW_REAL && !(e->rows[row].state & PRL_ROW_CLOSED)) close_row(e, row);
  }
  close_row(e, last);
}

/* ---- episodes in pairs ---- */

/* The first open row of the stream's episode of that number, and whether the episode is over and nothing of
 * it waits for a response. */
static bool episode_is_through(const prl_experience *e, int32_t slot, uint32_t episode, int32_t *first) {
  const prl_stream *s = &e->streams[slot];
  *first = -1;
  if (s->episode <= episode) return false;
  for (int32_t row = s->first; row >= 0; row = e->rows[row].next) {
    const prl_row *r = &e->rows[row];
    if (r->kind != PRL_ROW_REAL || r->state & PRL_ROW_CLOSED || r->episode < episode) continue;
    if (r->episode > episode) break;
    if (*first < 0) *first = row;
    if (!(r->state & PRL_ROW_WAITED)) return false;
  }
  return true;
}

static void close_numbered(prl_experience *e, int32_t first, uint32_t episode) {
  for (int32_t row = first; row >= 0; row = e->rows[row].next) {
    if (e->rows[row].kind != PRL_ROW_REAL) continue;
    if (e->rows[row].episode != episode) return;
    close_row(e, row);
  }
}

/* Both close when the later one is through. Without a partner one closes alone: an environment without
 * couples.
 */
void prl_pair_settle(prl_experience *e, int32_t slot, uint32_t episode) {
  int32_t first[2] = {-1, -1};
  const int32_t partner = prl_streams_find(e, prl_stream_partner(e->streams[slot].key));
  if (!episode_is_through(e, slot, episode, &first[0])) return;
  if (partner >= 0 && !episode_is_through(e, partner, episode, &first[1])) return;
  close_numbered(e, first[0], episode);
  if (partner >= 0) close_numbered(e, first[1], episode);
}

void prl_row_settle(prl_experience *e, int32_t row) {
  const prl_row *r = &e->rows[row];
  if (r->state != (PRL_ROW_WAITED | PRL_ROW_SUCCEEDED)) return;
  if (e->options.paired)
    prl_pair_settle(e, r->stream, r->episode);
  else if (!e->options.whole)
    close_row(e, row);
  else if (r->end != PRL_END_NONE)
    close_episode(e, row);
}

void prl_row_succeed(prl_experience *e, int32_t row) {
  prl_row_lasts_until_now(e, row);
  e->rows[row].state |= PRL_ROW_SUCCEEDED;
  prl_row_settle(e, row);
}

/* ---- a call ---- */

prl_status prl_experience_enter(prl_experience *e, const uint64_t *streams, int64_t n, prl_error *error) {
  PRL_CHECKED(e);
  uint32_t call = (uint32_t)++e->n.call;
  if (call == 0) call = (uint32_t)++e->n.call; /* 0 marks a stream that no call has named */
  if (n > e->options.streams) n = e->options.streams;
  EVERY(i, n) {
    uint64_t key = streams[i];
    int32_t slot = e->slot[i];
    if (slot < 0 || e->streams[slot].key != key || !e->streams[slot].used) {
      slot = prl_streams_find(e, key);
      if (slot < 0) slot = prl_streams_take(e, key);
      if (slot < 0) {
        e->slot[i] = -1;
        continue;
      }
      e->slot[i] = slot;
    }
    if (e->streams[slot].call == call)
      return prl_fail(error, PRL_EINVAL, "stream %" PRIu64 " appears twice in one call (row %" PRId64 ")",
                      key, i);
    e->streams[slot].call = call;
  }
  return PRL_OK;
}

prl_status prl_experience_expect(prl_experience *e, uint64_t key, uint32_t episode, uint32_t step,
                                 prl_error *error) {
  PRL_CHECKED(e);
  int32_t slot = prl_streams_find(e, key);
  const bool known = slot >= 0;
  if (!known) slot = prl_streams_take(e, key);
  if (slot < 0) return PRL_OK;
  prl_stream *s = &e->streams[slot];
  if (known && (episode < s->episode || (episode == s->episode && step < s->step)))
    return prl_fail(error, PRL_EINVAL,
                    "step %" PRIu32 " of episode %" PRIu32 " of stream %" PRIu64
                    " was recorded already, or comes too late: its next is step %" PRIu32
                    " of episode %" PRIu32,
                    step, episode, key, s->step, s->episode);
  if (s->open && episode > s->episode)
    return prl_fail(error, PRL_EINVAL,
                    "stream %" PRIu64 " is at episode %" PRIu32 ", and its episode %" PRIu32
                    " still runs: finish it first (prl_agent_finish)",
                    key, episode, s->episode);
  s->episode = episode;
  s->step = step;
  return PRL_OK;
}

static void enlist_wait(prl_experience *e, int32_t row) {
  if (e->n.wait_tail >= 0)
    e->rows[e->n.wait_tail].wait_next = row;
  else
    e->n.wait_head = row;
  e->n.wait_tail = row;
}

/* The place of the stream's next row, linked; the open row before it gets its successor. */
static int32_t next_row(prl_experience *e, int32_t slot) {
  prl_stream *s = &e->streams[slot];
  if (prl_stream_observed(e, s)) {
    if (s->row >= 0) prl_row_lasts_until_now(e, s->row); /* not learned from yet: until this decision */
    return s->last;
  }
  int32_t row = take_place(e);
  e->rows[row].generation++;
  e->rows[row].next = -1;
  append(e, s, row);
  if (s->row >= 0) prl_row_succeed(e, s->row);
  return row;
}

/* Rows that wait at once: those of the waits that run, over as long as a wait is. */
static int64_t waiting(const prl_experience *e) {
  if (!e->options.wait_us || e->n.wait_head < 0) return 0;
  const prl_row *oldest = &e->rows[e->n.wait_head];
  double made = (double)(e->n.decisions - oldest->number), span = (double)(e->n.now - oldest->time);
  return span > 0 ? (int64_t)ceil(made * ((double)e->options.wait_us / span)) : -1;
}

static void drop(prl_experience *e, prl_lack lacks) {
  prl_shortage *first = &e->shortage;
  e->n.dropped_steps++;
  if (!first->lacks)
    *first = (prl_shortage){.lacks = lacks, .waiting = waiting(e), .closed = e->n.closed, .call = e->n.call};
  if (lacks == PRL_LACKS_STREAMS && first->call == e->n.call) first->streams++;
}

/* An episode that begins has an empty memory. */
static void open_episode(prl_experience *e, int32_t slot) {
  prl_stream *s = &e->streams[slot];
  const int64_t width = e->options.memory;
  if (!s->open && width) memset(e->memory + slot * width, 0, (size_t)width * sizeof(float));
  s->open = 1;
}

/* Decision i of a call. */
static uint64_t record_row(prl_experience *e, int32_t slot, const prl_decided *decided, int64_t i) {
  const prl_experience_options *o = &e->options;
  const float *observation = decided->observation + i * (o->observations - o->memory);
  prl_stream *s = &e->streams[slot];
  uint32_t step = s->step++;
  open_episode(e, slot);
  s->time = e->n.now;
  prl_streams_touch(e, slot);
  if (e->n.live >= o->rows) {
    drop(e, PRL_LACKS_ROWS);
    prl_stream_cut(e, slot, observation, PRL_END_CUT);
    return 0;
  }
  int32_t row = next_row(e, slot);
  prl_row *r = &e->rows[row];
  *r = (prl_row){.time = e->n.now,
                 .number = e->n.decisions++,
                 .version = decided->version,
                 .objective = (uint32_t)e->n.objective,
                 .stream = slot,
                 .episode = o->paired ? s->episode : 0,
                 .arm = s->arm,
                 .left = s->left,
                 .next = -1,
                 .wait_next = -1,
                 .event = -1,
                 .generation = r->generation,
                 .step = step,
                 .kind = PRL_ROW_REAL,
                 .state = o->wait_us ? 0 : PRL_ROW_WAITED};
  s->row = row;
  e->n.live++;
  prl_row_observe(e, row, slot, observation);
  memcpy(e->action + (int64_t)row * o->actions, decided->action + i * o->actions,
         (size_t)o->actions * sizeof(float));
  e->log_prob[row] = decided->log_prob[i];
  if (o->dated) e->key[row] = s->key;
  if (o->lasting)
    memcpy(e->lasting + (int64_t)row * o->lasting, decided->lasting + i * o->lasting,
           (size_t)o->lasting * sizeof(float));
  if (o->responses) {
    memcpy(e->response + (int64_t)row * o->responses, e->missing, (size_t)o->responses * sizeof(float));
    memset(e->present + row * e->present_stride, 0, (size_t)o->responses);
  }
  if (o->wait_us) enlist_wait(e, row);
  return prl_row_decision(e, row);
}

void prl_experience_record(prl_experience *e, const prl_decided *decided, int64_t n, uint64_t *decisions) {
  PRL_CHECKED(e);
  uint32_t call = (uint32_t)e->n.call;
  EVERY(i, n) {
    int32_t slot = i < e->options.streams ? e->slot[i] : -1;
    if (slot < 0 || e->streams[slot].call != call) {
      drop(e, PRL_LACKS_STREAMS);
      decisions[i] = 0;
      continue;
    }
    decisions[i] = record_row(e, slot, decided, i);
    if (e->options.memory) /* also of a step that was not recorded */
      memcpy(e->memory + (int64_t)slot * e->options.memory, decided->memory + i * e->options.memory,
             (size_t)e->options.memory * sizeof(float));
  }
}

prl_status prl_experience_observe(prl_experience *e, const uint64_t *streams, const float *observation,
                                  int64_t n, prl_error *error) {
  PRL_CHECKED(e);
  prl_status status = PRL_OK;
  EVERY(i, n) {
    int32_t slot = i < e->options.streams ? e->slot[i] : -1;
    if (slot < 0 || e->streams[slot].key != streams[i] || !e->streams[slot].used)
      slot = prl_streams_find(e, streams[i]);
    const float *from = observation + i * (e->options.observations - e->options.memory);
    if (slot < 0) {
      if (!status) status = prl_fail(error, PRL_ENAME, "stream %" PRIu64 " is unknown", streams[i]);
      continue;
    }
    prl_stream *s = &e->streams[slot];
    if (prl_stream_observed(e, s)) {
      memcpy(prl_row_observation(e, s->last), from, prl_observed_bytes(e));
      if (s->row >= 0) prl_row_lasts_until_now(e, s->row);
    } else if (s->row >= 0) {
      prl_row_ghost(e, slot, from, PRL_END_NONE);
      prl_row_succeed(e, s->row);
    }
  }
  return status;
}

bool prl_experience_dense(const prl_experience *e) {
  for (int64_t row = 0; row < e->n.fresh; row++)
    if (e->rows[row].kind == PRL_ROW_REAL && !e->rows[row].left && isnan(e->log_prob[row])) return false;
  return true;
}
