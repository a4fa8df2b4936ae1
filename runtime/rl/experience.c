/* An experience is made, freed, and listed as blocks for a file. */
#include "rl/parts.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static prl_status check_options(const prl_experience_options *o, prl_error *error) {
  const int64_t most = 1 << 28;
  const struct {
    const char *name;
    int64_t value, low, high;
  } limits[] = {{"capacity.streams", o->streams, 1, most},
                {"capacity.rows", o->rows, 1, most},
                {"capacity.events", o->events, 0, most},
                {"wait_us", o->wait_us, 0, PRL_COUNT_MOST},
                {"capacity.idle_us", o->idle_us, 0, PRL_COUNT_MOST}};
  EVERY(i, (int64_t)(sizeof limits / sizeof *limits)) {
    if (limits[i].value < limits[i].low || limits[i].value > limits[i].high)
      return prl_fail(error, PRL_EINVAL, "%s is %" PRId64 "; it must be from %" PRId64 " to %" PRId64,
                      limits[i].name, limits[i].value, limits[i].low, limits[i].high);
  }
  return PRL_OK;
}

enum { PIECES = 19 };

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
                                 {&e->lasting, o->lasting ? places : 0, o->lasting * word, false},
                                 {&e->key, o->dated ? places : 0, sizeof *e->key, true},
                                 {&e->response, places, o->responses * word, false},
                                 {&e->present, places, e->present_stride, false},
                                 {&e->free, places, sizeof *e->free, false},
                                 {&e->events, o->events, sizeof *e->events, true},
                                 {&e->streams, o->streams, sizeof *e->streams, true},
                                 {&e->memory, o->streams, o->memory * word, true},
                                 {&e->table, e->table_size, sizeof *e->table, true},
                                 {&e->slot, o->streams, sizeof *e->slot, true},
                                 {&e->order, o->streams, sizeof *e->order, true},
                                 {&e->numbers, o->rows, sizeof *e->numbers, false},
                                 {&e->seen, places, 1, false}};
  memcpy(pieces, all, sizeof all);
}

/* A row has at most one final observation and a stream at most one that was observed: a ghost always has
 * room. */
int64_t prl_experience_places(const prl_experience_options *options) {
  return 2 * options->rows + options->streams + PRL_AHEAD;
}

int64_t prl_experience_present(const prl_experience_options *options) {
  return (options->responses + 3) / 4 * 4;
}

static void size_up(prl_experience *e, const prl_experience_options *options) {
  e->options = *options;
  e->places = prl_experience_places(options);
  e->rest = options->rows / 32;
  e->present_stride = prl_experience_present(options);
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
  if (!status && o->dated)
    status = prl_blocks_add_used(blocks, "experience.key", PRL_I64, e->places, e->key, &e->n.fresh, 1, error);
  if (!status && o->lasting)
    status = prl_blocks_add_used(blocks, "experience.lasting", PRL_F32, e->places * o->lasting, e->lasting,
                                 &e->n.fresh, o->lasting, error);
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
  const int64_t states = o->streams * o->memory;
  prl_status status = PRL_OK;
  for (size_t i = 0; !status && i < sizeof bytes / sizeof *bytes; i++)
    status = prl_blocks_add_bytes(blocks, bytes[i].name, bytes[i].size, bytes[i].data, error);
  if (!status && states)
    status = prl_blocks_add(blocks, "experience.memory", PRL_F32, states, e->memory, error);
  return status ? status : add_pool(e, blocks, error);
}

/* ---- another one's ---- */

/* The free places, in their order; the ring of a larger pool begins with them. */
static void take_free(prl_experience *to, const prl_experience *from) {
  if (to->places == from->places) {
    memcpy(to->free, from->free, (size_t)from->n.ring * sizeof *to->free);
    return;
  }
  EVERY(i, from->n.free_count) to->free[i] = from->free[(from->n.free_head + i) % from->places];
  to->n.free_head = 0;
  to->n.ring = from->n.free_count;
}

/* The list of free events goes on with those that are new. */
static void take_events(prl_experience *to, const prl_experience *from) {
  const int64_t count = from->options.events;
  memcpy(to->events, from->events, (size_t)count * sizeof *to->events);
  if (to->options.events == count) return;
  int64_t last = from->n.event_head;
  while (last >= 0 && prl_event_next(from, last) >= 0) last = prl_event_next(from, last);
  if (last < 0) to->n.event_head = count;
  if (last >= 0 && prl_event_next(to, last) < 0) to->events[last].next = (int32_t)count;
}

void prl_experience_take(prl_experience *to, const prl_experience *from) {
  const prl_experience_options *o = &from->options;
  const size_t used = (size_t)from->n.fresh, word = sizeof(float), streams = (size_t)o->streams;
  to->n = from->n;
  to->shortage = from->shortage;
  memcpy(to->rows, from->rows, used * sizeof *to->rows);
  memcpy(to->observation, from->observation, used * (size_t)o->observations * word);
  memcpy(to->action, from->action, used * (size_t)o->actions * word);
  memcpy(to->log_prob, from->log_prob, used * word);
  memcpy(to->response, from->response, used * (size_t)o->responses * word);
  memcpy(to->present, from->present, used * (size_t)from->present_stride);
  if (o->lasting && to->options.lasting == o->lasting)
    memcpy(to->lasting, from->lasting, used * (size_t)o->lasting * word);
  if (o->dated && to->options.dated) memcpy(to->key, from->key, used * sizeof *to->key);
  memcpy(to->streams, from->streams, streams * sizeof *to->streams);
  if (o->memory) memcpy(to->memory, from->memory, streams * (size_t)o->memory * word);
  memcpy(to->slot, from->slot, streams * sizeof *to->slot);
  take_free(to, from);
  take_events(to, from);
  prl_streams_rebuild(to);
}
