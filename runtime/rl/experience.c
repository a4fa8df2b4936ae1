#include "rl/experience.h"

#include <inttypes.h>
#include <string.h>

enum { AHEAD = 12 }; /* places */

#define EVERY(index, count) for (int64_t index = 0; index < (count); index++)

static prl_status check_options(const prl_experience_options *o, prl_error *error) {
  const struct {
    const char *name;
    int64_t value, low;
  } limits[] = {{"capacity.streams", o->streams, 1},
                {"capacity.rows", o->rows, 1},
                {"capacity.events", o->events, 0},
                {"wait_us", o->wait_us, 0},
                {"capacity.idle_us", o->idle_us, 0}};
  EVERY(i, (int64_t)(sizeof limits / sizeof *limits)) {
    if (limits[i].value < limits[i].low || limits[i].value > PRL_COUNT_MOST)
      return prl_fail(error, PRL_EINVAL, "%s is %" PRId64 "; it must be at least %" PRId64, limits[i].name,
                      limits[i].value, limits[i].low);
  }
  if (o->streams > 1 << 28 || o->rows > 1 << 28 || o->events > 1 << 28)
    return prl_fail(error, PRL_EINVAL,
                    "a capacity is above %d (streams %" PRId64 ", rows %" PRId64 ", events %" PRId64 ")",
                    1 << 28, o->streams, o->rows, o->events);
  return PRL_OK;
}

enum { PIECES = 15 };

/* All blocks of an experience whose sizes are known. Places of the pool are cleared when they are first
 * taken: what is never taken is never touched. */
static void list_pieces(prl_experience *e, prl_piece pieces[PIECES]) {
  const prl_experience_options *o = &e->options;
  const int64_t places = e->places, word = sizeof(float);
  const prl_piece all[PIECES] = {{&e->rules, o->responses, sizeof *e->rules, true},
                                 {&e->missing, o->responses, word, true},
                                 {&e->rows, places, sizeof *e->rows, false},
                                 {&e->observation, places, o->observations * word, false},
                                 {&e->action, places, o->actions * word, false},
                                 {&e->log_prob, places, word, false},
                                 {&e->response, places, o->responses * word, false},
                                 {&e->present, places, e->present_stride, false},
                                 {&e->free, places, sizeof *e->free, false},
                                 {&e->events, o->events, sizeof *e->events, true},
                                 {&e->streams, o->streams, sizeof *e->streams, true},
                                 {&e->table, e->table_size, sizeof *e->table, true},
                                 {&e->slot, o->streams, sizeof *e->slot, true},
                                 {&e->order, o->streams, sizeof *e->order, true},
                                 {&e->numbers, o->rows, sizeof *e->numbers, false}};
  memcpy(pieces, all, sizeof all);
}

static void size_up(prl_experience *e, const prl_experience_options *options) {
  e->options = *options;
  /* A row has at most one final observation and a stream at most one that was observed: a ghost always has
   * room. */
  e->places = 2 * options->rows + options->streams + AHEAD;
  e->rest = options->rows / 8;
  e->present_stride = (options->responses + 3) / 4 * 4;
  e->table_size = 4;
  while (e->table_size < 2 * options->streams) e->table_size *= 2;
}

int64_t prl_experience_bytes(const prl_experience_options *options) {
  prl_experience sized = {0};
  prl_piece pieces[PIECES];
  size_up(&sized, options);
  list_pieces(&sized, pieces);
  return prl_pieces_bytes(pieces, PIECES);
}

prl_status prl_experience_new(prl_runtime *runtime, const prl_experience_options *options,
                              prl_experience **out, prl_error *error) {
  prl_status status = check_options(options, error);
  if (status) return status;
  prl_experience *e = prl_calloc(runtime, 1, sizeof *e);
  if (!e) return prl_fail_memory(error, sizeof *e);
  e->runtime = prl_runtime_retain(runtime);
  size_up(e, options);
  prl_piece pieces[PIECES];
  list_pieces(e, pieces);
  status = prl_pieces_new(runtime, pieces, PIECES, error);
  if (status) {
    prl_experience_free(e);
    return status;
  }
  if (options->responses) memcpy(e->rules, options->rules, (size_t)options->responses * sizeof *e->rules);
  EVERY(r, options->responses) e->missing[r] = options->rules[r].missing;
  EVERY(i, options->events) e->events[i].next = i + 1 < options->events ? (int32_t)i + 1 : -1;
  e->n = (prl_experience_counts){.idle_head = -1,
                                 .idle_tail = -1,
                                 .wait_head = -1,
                                 .wait_tail = -1,
                                 .event_head = options->events ? 0 : -1};
  e->options.rules = e->rules;
  *out = e;
  return PRL_OK;
}

void prl_experience_free(prl_experience *e) {
  if (!e) return;
  prl_runtime *runtime = e->runtime;
  prl_piece pieces[PIECES];
  list_pieces(e, pieces);
  prl_pieces_free(runtime, pieces, PIECES);
  prl_free(runtime, e);
  prl_runtime_release(runtime);
}

/* The counts come first: they say how much of the pool's arrays holds something. */
static prl_status add_pool(prl_experience *e, prl_blocks *blocks, prl_error *error) {
  const prl_experience_options *o = &e->options;
  const int64_t row_words = sizeof *e->rows / sizeof(int32_t);
  const struct {
    const char *name;
    prl_dtype dtype;
    int64_t unit;
    void *data;
    const int64_t *used;
  } parts[] = {
      {"experience.rows", PRL_I32, row_words, e->rows, &e->n.fresh},
      {"experience.present", PRL_I32, e->present_stride / 4, e->present, &e->n.fresh},
      {"experience.observation", PRL_F32, o->observations, e->observation, &e->n.fresh},
      {"experience.action", PRL_F32, o->actions, e->action, &e->n.fresh},
      {"experience.log_prob", PRL_F32, 1, e->log_prob, &e->n.fresh},
      {"experience.response", PRL_F32, o->responses, e->response, &e->n.fresh},
      {"experience.free", PRL_I32, 1, e->free, &e->n.ring},
  };
  prl_status status = PRL_OK;
  for (size_t i = 0; !status && i < sizeof parts / sizeof *parts; i++)
    status = prl_blocks_add_used(blocks, parts[i].name, parts[i].dtype, e->places * parts[i].unit,
                                 parts[i].data, parts[i].used, parts[i].unit, error);
  return status;
}

prl_status prl_experience_blocks(prl_experience *e, prl_blocks *blocks, prl_error *error) {
  const prl_experience_options *o = &e->options;
  const struct {
    const char *name;
    size_t size;
    void *data;
  } bytes[] = {
      {"experience.counts", sizeof e->n, &e->n},
      {"experience.events", (size_t)o->events * sizeof *e->events, e->events},
      {"experience.streams", (size_t)o->streams * sizeof *e->streams, e->streams},
      {"experience.slot", (size_t)o->streams * sizeof *e->slot, e->slot},
  };
  prl_status status = PRL_OK;
  for (size_t i = 0; !status && i < sizeof bytes / sizeof *bytes; i++)
    status = prl_blocks_add_bytes(blocks, bytes[i].name, bytes[i].size, bytes[i].data, error);
  return status ? status : add_pool(e, blocks, error);
}

/* ---- places ---- */

static float *observation_of(prl_experience *e, int32_t row) {
  return e->observation + (int64_t)row * e->options.observations;
}

static int32_t fresh_place(prl_experience *e) {
  const prl_experience_options *o = &e->options;
  int32_t row = (int32_t)e->n.fresh++;
  e->rows[row] = (prl_row){.next = -1, .wait_next = -1, .event = -1};
  memset(observation_of(e, row), 0, (size_t)o->observations * sizeof(float));
  memset(e->action + (int64_t)row * o->actions, 0, (size_t)o->actions * sizeof(float));
  memset(e->response + (int64_t)row * o->responses, 0, (size_t)o->responses * sizeof(float));
  memset(e->present + row * e->present_stride, 0, (size_t)e->present_stride);
  e->log_prob[row] = 0;
  return row;
}

static int32_t take_place(prl_experience *e) {
  if (e->n.free_count <= e->rest && e->n.fresh < e->places) return fresh_place(e);
  /* The places that the coming decisions take were last touched an update ago: they are asked for ahead of
   * time. (Not in a function of its own: GCC drops calls of one that only prefetches.) */
  int64_t at = e->n.free_head + AHEAD;
  int64_t coming = e->free[e->n.free_count > AHEAD ? (at < e->places ? at : at - e->places) : e->n.free_head];
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
    int32_t next = e->events[event].next;
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

static void append(prl_experience *e, prl_stream *s, int32_t row) {
  if (s->last >= 0)
    e->rows[s->last].next = row;
  else
    s->first = row;
  s->last = row;
}

static int32_t add_ghost(prl_experience *e, int32_t slot, const float *observation, uint8_t end) {
  int32_t ghost = take_place(e);
  prl_row *g = &e->rows[ghost];
  *g = (prl_row){.stream = slot,
                 .next = -1,
                 .wait_next = -1,
                 .event = -1,
                 .generation = g->generation + 1,
                 .kind = PRL_ROW_GHOST,
                 .end = end};
  memcpy(observation_of(e, ghost), observation, (size_t)e->options.observations * sizeof(float));
  append(e, &e->streams[slot], ghost);
  return ghost;
}

void prl_row_behead(prl_experience *e, prl_stream *s, int32_t row) {
  prl_row *r = &e->rows[row];
  s->first = r->next;
  if (r->end == PRL_END_TRUNCATED || r->end == PRL_END_CUT) {
    int32_t ghost = r->next;
    s->first = e->rows[ghost].next;
    prl_row_release(e, ghost);
  }
  if (s->first < 0) s->last = -1;
  if (s->row == row) s->row = -1;
  prl_row_release(e, row);
}

void prl_row_settle(prl_experience *e, int32_t row) {
  prl_row *r = &e->rows[row];
  if (r->state != (PRL_ROW_WAITED | PRL_ROW_SUCCEEDED)) return;
  r->state |= PRL_ROW_CLOSED;
  if (r->version >= (uint64_t)e->n.min_version) {
    e->n.closed++;
    return;
  }
  e->n.stale_steps++;
  prl_row_behead(e, &e->streams[r->stream], row);
}

/* What follows the row happens now. */
static void lasts_until_now(const prl_experience *e, int32_t row) {
  prl_row *r = &e->rows[row];
  if (!r->told) r->elapsed = (float)((double)(e->n.now - r->time) * 1e-6);
}

static void succeed(prl_experience *e, int32_t row) {
  lasts_until_now(e, row);
  e->rows[row].state |= PRL_ROW_SUCCEEDED;
  prl_row_settle(e, row);
}

/* Whether the stream's list ends with an observation that may become its next row. */
static bool observed(const prl_experience *e, const prl_stream *s) {
  return s->last >= 0 && e->rows[s->last].kind == PRL_ROW_GHOST && e->rows[s->last].end == PRL_END_NONE;
}

/* Ends the run of rows with an observation to bootstrap from: the episode is truncated, or goes on
 * unrecorded. */
static void cut(prl_experience *e, int32_t slot, const float *observation, uint8_t end) {
  prl_stream *s = &e->streams[slot];
  int32_t row = s->row;
  if (row < 0 && !observed(e, s)) return;
  if (row < 0) { /* the row was learned from already, with the observed one as its successor */
    int32_t ghost = s->last;
    s->first = s->last = -1;
    prl_row_release(e, ghost);
    return;
  }
  e->rows[row].end = end;
  s->row = -1;
  if (observed(e, s)) {
    if (observation) {
      memcpy(observation_of(e, s->last), observation, (size_t)e->options.observations * sizeof(float));
      lasts_until_now(e, row);
    }
    e->rows[s->last].end = end;
    return;
  }
  add_ghost(e, slot, observation ? observation : observation_of(e, row), end);
  succeed(e, row);
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

static void end_episode(prl_experience *e, int32_t slot) {
  prl_stream *s = &e->streams[slot];
  s->open = 0;
  s->episode++;
  s->step = 0;
  s->row = -1;
  prl_streams_untouch(e, slot);
}

static void truncate_idle(prl_experience *e) {
  while (e->n.idle_head >= 0) {
    int32_t slot = (int32_t)e->n.idle_head;
    if (e->streams[slot].time + e->options.idle_us > e->n.now) return;
    cut(e, slot, NULL, PRL_END_TRUNCATED);
    end_episode(e, slot);
    e->n.idle_streams++;
  }
}

prl_status prl_experience_time(prl_experience *e, int64_t now_us, prl_error *error) {
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
  if (!e->options.idle_us) return;
  EVERY(i, n) {
    int32_t slot = i < e->options.streams ? e->slot[i] : -1;
    if (slot < 0 || e->streams[slot].key != streams[i]) slot = prl_streams_find(e, streams[i]);
    if (slot < 0 || !e->streams[slot].open || until_us < e->streams[slot].time) continue;
    e->streams[slot].time = until_us;
    prl_streams_touch(e, slot);
  }
}

/* ---- a call ---- */

prl_status prl_experience_enter(prl_experience *e, const uint64_t *streams, int64_t n, prl_error *error) {
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
  if (observed(e, s)) {
    if (s->row >= 0) lasts_until_now(e, s->row); /* not learned from yet: until this decision */
    return s->last;
  }
  int32_t row = take_place(e);
  e->rows[row].generation++;
  e->rows[row].next = -1;
  append(e, s, row);
  if (s->row >= 0) succeed(e, s->row);
  return row;
}

static uint64_t record_row(prl_experience *e, int32_t slot, const float *observation, const float *action,
                           float log_prob, uint64_t version) {
  const prl_experience_options *o = &e->options;
  prl_stream *s = &e->streams[slot];
  uint32_t step = s->step++;
  s->open = 1;
  s->time = e->n.now;
  prl_streams_touch(e, slot);
  if (e->n.live >= o->rows) {
    cut(e, slot, observation, PRL_END_CUT);
    e->n.dropped_steps++;
    return 0;
  }
  int32_t row = next_row(e, slot);
  prl_row *r = &e->rows[row];
  *r = (prl_row){.time = e->n.now,
                 .number = e->n.decisions++,
                 .version = version,
                 .stream = slot,
                 .next = -1,
                 .wait_next = -1,
                 .event = -1,
                 .generation = r->generation,
                 .step = step,
                 .kind = PRL_ROW_REAL,
                 .state = o->wait_us ? 0 : PRL_ROW_WAITED};
  s->row = row;
  e->n.live++;
  memcpy(observation_of(e, row), observation, (size_t)o->observations * sizeof(float));
  memcpy(e->action + (int64_t)row * o->actions, action, (size_t)o->actions * sizeof(float));
  e->log_prob[row] = log_prob;
  if (o->responses) {
    memcpy(e->response + (int64_t)row * o->responses, e->missing, (size_t)o->responses * sizeof(float));
    memset(e->present + row * e->present_stride, 0, (size_t)o->responses);
  }
  if (o->wait_us) enlist_wait(e, row);
  return (uint64_t)r->generation << 32 | (uint32_t)(row + 1);
}

void prl_experience_record(prl_experience *e, const float *observation, const float *action,
                           const float *log_prob, uint64_t version, int64_t n, uint64_t *decisions) {
  const prl_experience_options *o = &e->options;
  uint32_t call = (uint32_t)e->n.call;
  EVERY(i, n) {
    int32_t slot = i < o->streams ? e->slot[i] : -1;
    if (slot < 0 || e->streams[slot].call != call) {
      e->n.dropped_steps++;
      decisions[i] = 0;
      continue;
    }
    decisions[i] =
        record_row(e, slot, observation + i * o->observations, action + i * o->actions, log_prob[i], version);
  }
}

void prl_experience_elapsed(prl_experience *e, const uint64_t *decisions, const int64_t *elapsed_us,
                            int64_t n) {
  EVERY(i, n) {
    int64_t place = (int64_t)(uint32_t)decisions[i] - 1;
    if (place < 0 || place >= e->n.fresh) continue;
    prl_row *r = &e->rows[place];
    if (r->generation != (uint32_t)(decisions[i] >> 32) || r->kind != PRL_ROW_REAL ||
        r->state & PRL_ROW_SUCCEEDED)
      continue;
    r->elapsed = elapsed_us[i] > 0 ? (float)((double)elapsed_us[i] * 1e-6) : 0;
    r->told = 1;
  }
}

prl_status prl_experience_observe(prl_experience *e, const uint64_t *streams, const float *observation,
                                  int64_t n, prl_error *error) {
  prl_status status = PRL_OK;
  EVERY(i, n) {
    int32_t slot = i < e->options.streams ? e->slot[i] : -1;
    if (slot < 0 || e->streams[slot].key != streams[i] || !e->streams[slot].used)
      slot = prl_streams_find(e, streams[i]);
    const float *from = observation + i * e->options.observations;
    if (slot < 0) {
      if (!status) status = prl_fail(error, PRL_ENAME, "stream %" PRIu64 " is unknown", streams[i]);
      continue;
    }
    prl_stream *s = &e->streams[slot];
    if (observed(e, s)) {
      memcpy(observation_of(e, s->last), from, (size_t)e->options.observations * sizeof(float));
      if (s->row >= 0) lasts_until_now(e, s->row);
    } else if (s->row >= 0) {
      add_ghost(e, slot, from, PRL_END_NONE);
      succeed(e, s->row);
    }
  }
  return status;
}

static void finish_slot(prl_experience *e, int32_t slot, bool terminated, const float *final_observation) {
  prl_stream *s = &e->streams[slot];
  int32_t row = s->row;
  if (!terminated || row < 0) {
    cut(e, slot, final_observation, PRL_END_TRUNCATED);
  } else {
    if (observed(e, s)) {
      prl_row_release(e, s->last);
      e->rows[row].next = -1;
      s->last = row;
    }
    e->rows[row].end = PRL_END_TERMINATED;
    succeed(e, row);
  }
  end_episode(e, slot);
}

prl_status prl_experience_finish(prl_experience *e, uint64_t key, bool terminated,
                                 const float *final_observation, prl_error *error) {
  int32_t slot = prl_streams_find(e, key);
  if (slot < 0 || !e->streams[slot].open)
    return prl_fail(error, PRL_ENAME,
                    slot < 0 ? "stream %" PRIu64 " is unknown" : "stream %" PRIu64 " has no open episode",
                    key);
  finish_slot(e, slot, terminated, final_observation);
  return PRL_OK;
}

int64_t prl_experience_finish_all(prl_experience *e, bool terminated) {
  int64_t ended = 0;
  EVERY(slot, e->n.streams_used) {
    if (!e->streams[slot].open) continue;
    finish_slot(e, (int32_t)slot, terminated, NULL);
    ended++;
  }
  return ended;
}
