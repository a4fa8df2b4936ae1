/* Closed rows are copied into a batch, and their places are free again. */
#include "rl/parts.h"

#include <string.h>

#include "rl/sort.h"

enum { PIECES = 18 };

static void list_pieces(prl_batch *b, int64_t rows, const prl_experience_options *shape,
                        prl_piece pieces[PIECES]) {
  const int64_t word = sizeof(float), kept = shape->kept ? rows : 0;
  const prl_piece all[PIECES] = {{&b->observation, 2 * rows, shape->observations * word, false},
                                 {&b->action, rows, shape->actions * word, false},
                                 {&b->log_prob, rows, word, true},
                                 {&b->response, rows, shape->responses * word, false},
                                 {&b->lasting, shape->lasting ? rows : 0, shape->lasting * word, true},
                                 {&b->successor, rows, word, true},
                                 {&b->arrival, shape->finals ? rows : 0, word, true},
                                 {&b->stream, rows, word, true},
                                 {&b->step, rows, word, true},
                                 {&b->end, rows, word, true},
                                 {&b->elapsed, rows, word, true},
                                 {&b->time, shape->dated ? rows : 0, sizeof *b->time, true},
                                 {&b->key, shape->dated ? rows : 0, sizeof *b->key, true},
                                 {&b->arm, shape->arms > 0 ? rows : 0, word, true},
                                 {&b->version, kept, sizeof *b->version, true},
                                 {&b->objective, kept, sizeof *b->objective, true},
                                 {&b->decision, 2 * kept, sizeof *b->decision, true},
                                 {&b->present, kept, prl_experience_present(shape), true}};
  memcpy(pieces, all, sizeof all);
}

int64_t prl_batch_bytes(int64_t capacity, const prl_experience_options *shape) {
  prl_batch none = {0};
  prl_piece pieces[PIECES];
  list_pieces(&none, capacity, shape, pieces);
  return prl_pieces_bytes(pieces, PIECES);
}

prl_status prl_batch_init(prl_batch *batch, prl_runtime *runtime, int64_t capacity,
                          const prl_experience_options *shape, prl_error *error) {
  prl_piece pieces[PIECES];
  *batch = (prl_batch){.capacity = capacity, .most = capacity, .kept = shape->kept, .finals = shape->finals};
  list_pieces(batch, capacity, shape, pieces);
  prl_status status = prl_pieces_new(runtime, pieces, PIECES, error);
  if (status) prl_batch_deinit(batch, runtime);
  return status;
}

void prl_batch_deinit(prl_batch *batch, prl_runtime *runtime) {
  const prl_experience_options none = {0};
  prl_piece pieces[PIECES];
  list_pieces(batch, 0, &none, pieces);
  prl_pieces_free(runtime, pieces, PIECES);
  *batch = (prl_batch){0};
}

void prl_batch_copy(prl_batch *to, const prl_experience_options *shape, const prl_batch *from,
                    const prl_experience_options *of) {
  prl_piece ours[PIECES], theirs[PIECES];
  prl_batch source = *from;
  list_pieces(to, to->capacity, shape, ours);
  list_pieces(&source, from->capacity, of, theirs);
  to->rows = from->rows;
  to->bootstraps = from->bootstraps;
  to->observed = from->observed;
  for (int i = 0; i < PIECES; i++) {
    const bool of_all = ours[i].count > to->capacity; /* bootstraps, too */
    const size_t bytes = (size_t)((of_all ? to->observed : to->rows) * ours[i].size);
    if (!ours[i].count || !bytes) continue;
    if (theirs[i].count && theirs[i].size == ours[i].size)
      memcpy(*(void **)ours[i].place, *(void **)theirs[i].place, bytes);
    else
      memset(*(void **)ours[i].place, 0, bytes);
  }
}

/* The row after a closed one, past its final observation. */
static int32_t following(const prl_experience *e, int32_t row) {
  const int32_t next = e->rows[row].next;
  return prl_row_has_final(e, row) ? e->rows[next].next : next;
}

/* Slots of the streams with closed rows, in order of their keys. */
static int64_t closed_streams(prl_experience *e) {
  int64_t count = 0;
  for (int64_t slot = 0; slot < e->n.streams_used; slot++)
    if (prl_row_is_closed(e, e->streams[slot].first)) e->order[count++] = (int32_t)slot;
  prl_sort_slots(e->order, count, e->streams);
  return count;
}

/* The number of the newest decision that fits, where `capacity` rows fit. */
static int64_t newest_that_fits(prl_experience *e, int64_t streams, int64_t capacity) {
  if (e->n.closed <= capacity) return INT64_MAX;
  int64_t count = 0;
  for (int64_t i = 0; i < streams; i++)
    for (int32_t row = e->streams[e->order[i]].first; prl_row_is_closed(e, row); row = following(e, row))
      if (!e->rows[row].left) e->numbers[count++] = e->rows[row].number;
  return prl_select(e->numbers, count, capacity - 1);
}

static void copy_row(const prl_experience *e, prl_batch *batch, int64_t at, int32_t row) {
  const prl_row *r = &e->rows[row];
  int64_t o = e->options.observations, a = e->options.actions, c = e->options.responses;
  memcpy(batch->observation + at * o, e->observation + row * o, (size_t)o * sizeof(float));
  memcpy(batch->action + at * a, e->action + row * a, (size_t)a * sizeof(float));
  if (c) memcpy(batch->response + at * c, e->response + row * c, (size_t)c * sizeof(float));
  batch->log_prob[at] = e->log_prob[row];
  if (e->options.lasting)
    memcpy(batch->lasting + at * e->options.lasting, e->lasting + row * e->options.lasting,
           (size_t)e->options.lasting * sizeof(float));
  batch->stream[at] = r->stream;
  batch->step[at] = r->step;
  batch->end[at] = r->end;
  batch->elapsed[at] = r->elapsed;
  if (e->options.dated) {
    batch->time[at] = r->time;
    batch->key[at] = e->key[row];
  }
  if (e->options.arms > 0) batch->arm[at] = (float)r->arm;
  if (!batch->kept) return;
  batch->version[at] = (int64_t)r->version;
  batch->objective[at] = (int32_t)r->objective;
  batch->decision[at] = prl_row_decision(e, row);
  memcpy(batch->present + at * e->present_stride, e->present + row * e->present_stride,
         (size_t)e->present_stride);
}

/* Copies and frees the closed rows of one stream up to decision `newest`. What a row has for its next
 * state beside the rows is left as −2 − place of the observation, until the number of rows is known. */
static void freeze_stream(prl_experience *e, prl_batch *batch, int32_t slot, int64_t newest) {
  prl_stream *s = &e->streams[slot];
  for (int32_t row = s->first; prl_row_is_closed(e, row) && e->rows[row].number <= newest; row = s->first) {
    const prl_row *r = &e->rows[row];
    int64_t at = batch->rows++;
    int32_t next = following(e, row);
    bool goes_on = r->end == PRL_END_NONE && prl_row_is_closed(e, next) && !e->rows[next].left &&
                   e->rows[next].number <= newest;
    bool terminated = r->end == PRL_END_TERMINATED, told = !terminated || prl_row_has_final(e, row);
    int32_t arrival = goes_on ? (int32_t)at + 1 : told ? -2 - r->next : (int32_t)at;
    copy_row(e, batch, at, row);
    batch->successor[at] = terminated ? -1 : arrival;
    if (batch->finals) batch->arrival[at] = arrival;
    e->n.closed--;
    prl_row_behead(e, s, row);
    prl_row_drop_left(e, s);
  }
}

void prl_experience_freeze(prl_experience *e, prl_batch *batch) {
  PRL_CHECKED(e);
  int64_t streams = closed_streams(e), newest = newest_that_fits(e, streams, batch->most);
  int64_t width = e->options.observations;
  batch->rows = batch->bootstraps = batch->observed = 0;
  for (int64_t i = 0; i < streams; i++) freeze_stream(e, batch, e->order[i], newest);
  /* A place that was just freed still holds its observation: nothing has been recorded since. */
  for (int64_t at = 0; at < batch->rows; at++) {
    const int32_t arrival = batch->finals ? batch->arrival[at] : batch->successor[at];
    if (arrival >= -1) continue;
    int64_t place = -2 - (int64_t)arrival, to = batch->rows + batch->bootstraps++;
    memcpy(batch->observation + to * width, e->observation + place * width, (size_t)width * sizeof(float));
    if (batch->successor[at] < -1) batch->successor[at] = (int32_t)to;
    if (batch->finals) batch->arrival[at] = (int32_t)to;
    if (batch->kept) batch->decision[to] = batch->end[at] == PRL_END_NONE ? prl_row_decision(e, place) : 0;
  }
  batch->observed = batch->rows + batch->bootstraps;
}

void prl_experience_objective(prl_experience *e) {
  e->n.objective += e->n.decisions > 0 && e->n.objective < INT32_MAX;
}

void prl_experience_version(prl_experience *e, uint64_t min_version) {
  PRL_CHECKED(e);
  e->n.min_version = (int64_t)min_version;
  for (int64_t slot = 0; slot < e->n.streams_used; slot++) {
    prl_stream *s = &e->streams[slot];
    while (prl_row_is_closed(e, s->first) && e->rows[s->first].version < min_version) {
      e->n.closed--;
      prl_row_stale(e, s, s->first);
      prl_row_drop_left(e, s);
    }
  }
}
