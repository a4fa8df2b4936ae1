/* Replay memory: a ring of rows, and draws from it. */
#include "rl/replay.h"

#include <math.h>
#include <string.h>

#include "rl/parts.h"

enum { PIECES = 15, END = 8 };

static int32_t kind_of(const prl_replay *m, int64_t place) { return m->kind[place] & 255; }
static int32_t end_of(const prl_replay *m, int64_t place) { return m->kind[place] >> END; }

/* ---- life ---- */

static void list_pieces(prl_replay *m, prl_piece pieces[PIECES]) {
  const int64_t places = m->places, word = sizeof(float);
  const prl_piece all[PIECES] = {{&m->observation, places, m->observations * word, false},
                                 {&m->action, places, m->actions * word, false},
                                 {&m->log_prob, places, word, false},
                                 {&m->response, places, m->responses * word, false},
                                 {&m->elapsed, places, word, false},
                                 {&m->version, places, sizeof *m->version, false},
                                 {&m->objective, places, word, false},
                                 {&m->present, places, m->present_stride, false},
                                 {&m->decision, places, sizeof *m->decision, false},
                                 {&m->next, places, word, false},
                                 {&m->stream, places, word, false},
                                 {&m->step, places, word, false},
                                 {&m->kind, places, word, false},
                                 {&m->bucket, places, word, false},
                                 {&m->older, places, word, false}};
  memcpy(pieces, all, sizeof all);
}

static prl_replay sized(const prl_experience_options *shape, int64_t rows) {
  return (prl_replay){.observations = shape->observations,
                      .memory = shape->memory,
                      .actions = shape->actions,
                      .responses = shape->responses,
                      .places = rows,
                      .streams = shape->streams,
                      .present_stride = prl_experience_present(shape)};
}

int64_t prl_replay_bytes(const prl_experience_options *shape, int64_t rows) {
  prl_replay m = sized(shape, rows);
  prl_piece pieces[PIECES];
  list_pieces(&m, pieces);
  return prl_pieces_bytes(pieces, PIECES);
}

static void forget_places(prl_replay *m) { EVERY(place, m->places) m->bucket[place] = -1; }

prl_status prl_replay_new(prl_runtime *runtime, const prl_experience_options *shape, int64_t rows,
                          prl_replay **out, prl_error *error) {
  prl_replay *m = prl_calloc(runtime, 1, sizeof *m);
  if (!m) return prl_fail_memory(error, sizeof *m);
  *m = sized(shape, rows);
  m->runtime = runtime;
  prl_piece pieces[PIECES];
  list_pieces(m, pieces);
  prl_status status = prl_pieces_new(runtime, pieces, PIECES, error);
  if (status) {
    prl_replay_free(m);
    return status;
  }
  forget_places(m);
  *out = m;
  return PRL_OK;
}

prl_status prl_replay_rank(prl_replay *m, double exponent, prl_error *error) {
  m->exponent = exponent;
  m->greatest = 1;
  return prl_sum_tree_init(&m->priority, m->runtime, m->places, error);
}

prl_status prl_replay_share(prl_runtime *runtime, prl_replay **out, prl_error *error) {
  prl_replay *m = prl_calloc(runtime, 1, sizeof *m);
  if (!m) return prl_fail_memory(error, sizeof *m);
  m->runtime = runtime;
  m->shared = true;
  *out = m;
  return PRL_OK;
}

/* Its rows have no priorities: they are drawn uniformly. */
void prl_replay_follow(prl_replay *m, const prl_replay *of) {
  const int64_t draws = m->n.draws;
  *m = *of;
  m->n.draws = draws;
  m->priority = (prl_sum_tree){0};
  m->shared = true;
}

void prl_replay_free(prl_replay *m) {
  if (!m) return;
  prl_piece pieces[PIECES];
  if (!m->shared) {
    prl_sum_tree_deinit(&m->priority, m->runtime);
    list_pieces(m, pieces);
    prl_pieces_free(m->runtime, pieces, PIECES);
  }
  prl_free(m->runtime, m);
}

static prl_status priority_blocks(prl_replay *m, prl_blocks *blocks, prl_error *error) {
  prl_status status = prl_blocks_add(blocks, "memory.greatest", PRL_F64, 1, &m->greatest, error);
  return status ? status
                : prl_blocks_add_used(blocks, "memory.priority", PRL_F64, m->places,
                                      prl_sum_tree_weights(&m->priority), &m->n.filled, 1, error);
}

prl_status prl_replay_blocks(prl_replay *m, prl_blocks *blocks, prl_error *error) {
  const struct {
    const char *name;
    prl_dtype dtype;
    int64_t unit;
    void *data;
  } parts[] = {
      {"memory.observation", PRL_F32, m->observations, m->observation},
      {"memory.action", PRL_F32, m->actions, m->action},
      {"memory.log_prob", PRL_F32, 1, m->log_prob},
      {"memory.response", PRL_F32, m->responses, m->response},
      {"memory.elapsed", PRL_F32, 1, m->elapsed},
      {"memory.version", PRL_I64, 1, m->version},
      {"memory.objective", PRL_I32, 1, m->objective},
      {"memory.present", PRL_I32, m->present_stride / 4, m->present},
      {"memory.decision", PRL_I64, 1, m->decision},
      {"memory.next", PRL_I32, 1, m->next},
      {"memory.stream", PRL_I32, 1, m->stream},
      {"memory.step", PRL_I32, 1, m->step},
      {"memory.kind", PRL_I32, 1, m->kind},
  };
  prl_status status =
      prl_blocks_add(blocks, "memory.counts", PRL_I64, sizeof m->n / sizeof(int64_t), &m->n, error);
  for (size_t i = 0; !status && i < sizeof parts / sizeof *parts; i++)
    status = prl_blocks_add_used(blocks, parts[i].name, parts[i].dtype, m->places * parts[i].unit,
                                 parts[i].data, &m->n.filled, parts[i].unit, error);
  return status || !m->priority.leaves ? status : priority_blocks(m, blocks, error);
}

/* How many of the places that are there were taken before it: the oldest has 0. */
static int64_t age(const prl_replay *m, int64_t place) {
  int64_t oldest = m->n.filled < m->places ? 0 : m->n.head;
  return place >= oldest ? place - oldest : place - oldest + m->places;
}

/* ---- decisions ---- */

static int64_t bucket_of(const prl_replay *m, uint64_t decision) {
  const uint64_t hash = decision * 0x9e3779b97f4a7c15u >> 32;
  return (int64_t)(hash * (uint64_t)m->places >> 32);
}

/* A bucket's list goes from newer places to older ones. Nothing is taken off it: where the list meets a place
 * that was taken again, all that followed was taken again before. */
static int32_t find(const prl_replay *m, uint64_t decision, int32_t kind) {
  int64_t before = m->places;
  int32_t place = decision ? m->bucket[bucket_of(m, decision)] : -1;
  for (; place >= 0 && age(m, place) < before; place = m->older[place]) {
    if (m->decision[place] == decision) return kind_of(m, place) == kind ? place : -1;
    before = age(m, place);
  }
  return -1;
}

int32_t prl_replay_find(const prl_replay *m, uint64_t decision) { return find(m, decision, PRL_ROW_REAL); }

static void enlist(prl_replay *m, int32_t place) {
  int32_t *head = &m->bucket[bucket_of(m, m->decision[place])];
  m->older[place] = *head;
  *head = place;
}

/* ---- after a load ---- */

static bool place_holds(const prl_replay *m, int64_t place) {
  const int32_t kind = kind_of(m, place), end = end_of(m, place), next = m->next[place];
  if (m->stream[place] < 0 || m->stream[place] >= m->streams || m->kind[place] < 0 || end > PRL_END_CUT)
    return false;
  if (kind == PRL_ROW_GHOST) /* one that waits is inside an episode */
    return next >= -1 && next < m->n.filled && end != PRL_END_TERMINATED &&
           (end == PRL_END_NONE || !m->decision[place]);
  if (kind != PRL_ROW_REAL || !m->decision[place] || !prl_count_holds(m->version[place])) return false;
  if (end == PRL_END_TERMINATED) return next == -1;
  return next >= 0 && next < m->n.filled && age(m, next) > age(m, place) &&
         (end == PRL_END_NONE || kind_of(m, next) == PRL_ROW_GHOST);
}

/* Decisions are found again. Each was made, and has one row. */
static bool find_again(prl_replay *m, const prl_experience *e) {
  const int64_t oldest = m->n.filled < m->places ? 0 : m->n.head;
  forget_places(m);
  EVERY(i, m->n.filled) {
    const int32_t place = (int32_t)((oldest + i) % m->places);
    const uint64_t decision = m->decision[place];
    const int64_t pool = (int64_t)(uint32_t)decision - 1;
    m->older[place] = -1;
    if (!decision) continue;
    if (pool < 0 || pool >= e->n.fresh || decision > prl_row_decision(e, pool)) return false;
    if (prl_replay_find(m, decision) >= 0) return false;
    enlist(m, place);
  }
  return true;
}

/* Every row can be drawn, and no ghost. */
static bool priorities_hold(const prl_replay *m) {
  const double *weight = prl_sum_tree_weights(&m->priority);
  bool good = m->greatest > 0 && isfinite(m->greatest);
  for (int64_t place = 0; good && place < m->n.filled; place++)
    good = kind_of(m, place) == PRL_ROW_REAL ? weight[place] > 0 && weight[place] <= m->greatest
                                             : weight[place] == 0;
  return good;
}

bool prl_replay_restore(prl_replay *m, const prl_experience *e) {
  const prl_replay_counts *n = &m->n;
  bool good = n->filled >= 0 && n->filled <= m->places && n->head >= 0 && n->head < m->places &&
              (n->filled == m->places || n->head == n->filled) && prl_count_holds(n->added) &&
              prl_count_holds(n->draws) && n->rows >= 0 && n->added >= n->rows && n->fresh >= 0 &&
              n->fresh <= n->added;
  int64_t rows = 0;
  for (int64_t place = 0; good && place < n->filled; place++) {
    good = place_holds(m, place) && m->objective[place] >= 0 && m->objective[place] <= e->n.objective;
    rows += kind_of(m, place) == PRL_ROW_REAL;
  }
  good = good && rows == n->rows && find_again(m, e);
  if (!good || !m->priority.leaves) return good;
  prl_sum_tree_build(&m->priority);
  return priorities_hold(m);
}

/* The priorities of places that were moved by `shift`. */
static void take_priorities(prl_replay *m, const prl_replay *from, int64_t shift) {
  double *weight = prl_sum_tree_weights(&m->priority);
  if (from->priority.leaves) m->greatest = from->greatest;
  EVERY(i, m->n.filled) {
    const int64_t place = (i + shift) % from->places;
    const bool row = kind_of(m, i) == PRL_ROW_REAL;
    weight[i] = from->priority.leaves ? prl_sum_tree_weights(&from->priority)[place] : row ? m->greatest : 0;
  }
}

bool prl_replay_take(prl_replay *m, const prl_replay *from, const prl_experience *e) {
  const bool full = from->n.filled == from->places;
  const int64_t shift = m->places > from->places && full ? from->n.head : 0; /* the oldest place */
  prl_piece ours[PIECES], theirs[PIECES];
  list_pieces(m, ours);
  prl_replay old = *from;
  list_pieces(&old, theirs);
  m->n = from->n;
  if (m->places > from->places && full) m->n.head = from->n.filled;
  for (int k = 0; k < PIECES - 2; k++) { /* without buckets */
    const size_t unit = (size_t)ours[k].size;
    EVERY(i, m->n.filled)
    memcpy(*(char **)ours[k].place + (size_t)i * unit,
           *(char **)theirs[k].place + (size_t)((i + shift) % from->places) * unit, unit);
  }
  EVERY(i, m->n.filled)
  if (m->next[i] >= 0 && shift) m->next[i] = (int32_t)((m->next[i] - shift + from->places) % from->places);
  if (m->priority.leaves) take_priorities(m, from, shift);
  return prl_replay_restore(m, e);
}

bool prl_replay_is_row(const prl_replay *m, int64_t place) { return kind_of(m, place) == PRL_ROW_REAL; }

bool prl_replay_dense(const prl_replay *m) { /* that of a ghost is 0 */
  for (int64_t place = 0; place < m->n.filled; place++)
    if (isnan(m->log_prob[place])) return false;
  return true;
}

/* ---- adding ---- */

/* What a ghost does not hold is saved with it: never what the machine had left there. */
static void clear(prl_replay *m, int64_t place) {
  const int64_t a = m->actions, r = m->responses;
  memset(m->action + place * a, 0, (size_t)a * sizeof(float));
  memset(m->response + place * r, 0, (size_t)r * sizeof(float));
  memset(m->present + place * m->present_stride, 0, (size_t)m->present_stride);
  m->log_prob[place] = m->elapsed[place] = 0;
  m->version[place] = 0;
  m->objective[place] = 0;
}

/* The oldest place, or one that was never taken; for this decision, or for none. */
static int32_t take_for(prl_replay *m, uint64_t decision) {
  int32_t place = (int32_t)m->n.head;
  if (++m->n.head == m->places) m->n.head = 0;
  if (m->n.filled < m->places) {
    m->n.filled++;
    clear(m, place);
  } else
    m->n.rows -= kind_of(m, place) == PRL_ROW_REAL;
  m->decision[place] = decision;
  m->older[place] = -1;
  if (decision) enlist(m, place);
  return place;
}

static void set_priority(prl_replay *m, int64_t place, double weight) {
  if (m->priority.leaves) prl_sum_tree_set(&m->priority, place, weight);
}

static void observe(prl_replay *m, int32_t place, const prl_batch *b, int64_t at) {
  const int64_t width = m->observations;
  memcpy(m->observation + place * width, b->observation + at * width, (size_t)width * sizeof(float));
}

/* Row `at` of the batch at a place; its successor is not known yet. */
static void write_row(prl_replay *m, int32_t place, const prl_batch *b, int64_t at) {
  const int64_t a = m->actions, r = m->responses, p = m->present_stride;
  observe(m, place, b, at);
  memcpy(m->action + place * a, b->action + at * a, (size_t)a * sizeof(float));
  if (r) memcpy(m->response + place * r, b->response + at * r, (size_t)r * sizeof(float));
  if (r) memcpy(m->present + place * p, b->present + at * p, (size_t)p);
  m->log_prob[place] = b->log_prob[at];
  m->elapsed[place] = b->elapsed[at];
  m->version[place] = b->version[at];
  m->objective[place] = b->objective[at];
  m->stream[place] = b->stream[at];
  m->step[place] = (int32_t)b->step[at];
  m->kind[place] = PRL_ROW_REAL | b->end[at] << END;
  m->next[place] = -1;
  set_priority(m, place, m->greatest);
  m->n.rows++;
  m->n.added++;
}

/* The observation that follows row `at` and is no row of the batch. */
static void write_ghost(prl_replay *m, int32_t row, const prl_batch *b, int64_t at) {
  const uint64_t coming = b->decision[b->successor[at]];
  const int32_t ghost = take_for(m, coming);
  observe(m, ghost, b, b->successor[at]);
  m->kind[ghost] = PRL_ROW_GHOST | b->end[at] << END;
  m->stream[ghost] = b->stream[at];
  m->step[ghost] = (int32_t)b->step[at] + 1;
  m->next[ghost] = coming ? row : -1;
  m->next[row] = ghost;
  set_priority(m, ghost, 0);
}

/* The place of a decision's row: that of the ghost that waits for it, or a new one. A ghost whose
 * place is taken in less than half a round would take the row with it too soon: then the row before it
 * follows the row to a new place. So each row stays for half a round at least, and ghosts cannot crowd rows
 * out. */
static int32_t place_of(prl_replay *m, uint64_t decision) {
  const int32_t waits = find(m, decision, PRL_ROW_GHOST);
  if (waits < 0) return take_for(m, decision);
  const int64_t left = m->places - m->n.filled + age(m, waits);
  if (2 * left >= m->places) return waits;
  const int32_t before = m->next[waits];
  const bool follows = before >= 0 && kind_of(m, before) == PRL_ROW_REAL && m->next[before] == waits;
  m->next[waits] = -1;
  const int32_t place = take_for(m, decision);
  if (follows && place != before) m->next[before] = place;
  return place;
}

void prl_replay_add(prl_replay *m, const prl_batch *b) {
  int32_t before = -1; /* the row whose next state is the coming row */
  m->n.fresh = b->rows;
  EVERY(at, b->rows) {
    int32_t place = before >= 0 ? take_for(m, b->decision[at]) : place_of(m, b->decision[at]);
    write_row(m, place, b, at);
    if (before >= 0) m->next[before] = place;
    before = -1;
    if (b->successor[at] >= b->rows)
      write_ghost(m, place, b, at);
    else if (b->successor[at] >= 0)
      before = place;
  }
}

void prl_replay_end(prl_replay *m, uint64_t decision, bool terminated, const float *observation) {
  const int32_t waits = find(m, decision, PRL_ROW_GHOST), before = waits < 0 ? -1 : m->next[waits];
  if (before < 0) return;
  const size_t bytes = (size_t)(m->observations - m->memory) * sizeof(float);
  if (observation) memcpy(m->observation + waits * m->observations, observation, bytes);
  if (kind_of(m, before) == PRL_ROW_REAL && m->next[before] == waits) {
    m->kind[before] = PRL_ROW_REAL | (terminated ? PRL_END_TERMINATED : PRL_END_TRUNCATED) << END;
    if (terminated) m->next[before] = -1;
  }
  m->kind[waits] = PRL_ROW_GHOST | PRL_END_TRUNCATED << END;
  m->decision[waits] = 0;
  m->next[waits] = -1;
}

/* ---- drawing ---- */

enum { TRIES = 64 }; /* before the next row is taken: a quarter of the ring at least are rows */

/* words: the block of draws that the rows 4 k to 4 k + 3 share, in whose order this is called. */
static int64_t draw_place(const prl_replay *m, prl_rng rng, uint32_t draw, int64_t row, uint32_t words[4]) {
  int64_t place = 0;
  if (row % 4 == 0) prl_rng_block(rng, 0, draw, 0, (uint32_t)(row / 4), words);
  for (uint32_t attempt = 0; attempt < TRIES; attempt++) {
    uint32_t again[4];
    if (attempt) prl_rng_block(rng, attempt, draw, 0, (uint32_t)(row / 4), again);
    place = (int64_t)(((uint64_t)(attempt ? again : words)[row % 4] * (uint64_t)m->n.filled) >> 32);
    if (kind_of(m, place) == PRL_ROW_REAL) return place;
  }
  while (kind_of(m, place) != PRL_ROW_REAL) place = place + 1 < m->n.filled ? place + 1 : 0;
  return place;
}

/* The responses and times of the row at `place` and of those that follow it; returns the last row's place. */
static int64_t follow(const prl_replay *m, int64_t place, int64_t row, prl_stretch *s) {
  const int64_t r = m->responses;
  int64_t length = 0;
  for (;;) {
    int64_t at = row * s->steps + length++;
    if (r) memcpy(s->response + at * r, m->response + place * r, (size_t)r * sizeof(float));
    s->elapsed[at] = m->elapsed[place];
    int32_t next = m->next[place];
    if (length == s->steps || next < 0 || kind_of(m, next) != PRL_ROW_REAL) break;
    place = next;
  }
  s->length[row] = (int32_t)length;
  return place;
}

/* The row at a place, and what follows it, as row `row` of the batch. Returns the place of the state after
 * it; −1: it was terminated. */
static int32_t draw_row(const prl_replay *m, int64_t place, int64_t row, prl_batch *b, prl_stretch *s) {
  const int64_t o = m->observations, a = m->actions;
  memcpy(b->observation + row * o, m->observation + place * o, (size_t)o * sizeof(float));
  memcpy(b->action + row * a, m->action + place * a, (size_t)a * sizeof(float));
  b->log_prob[row] = m->log_prob[place];
  b->stream[row] = m->stream[place];
  b->step[row] = (uint32_t)m->step[place];
  b->elapsed[row] = m->elapsed[place];
  b->version[row] = m->version[place];
  b->objective[row] = m->objective[place];
  if (s->place) s->place[row] = (int32_t)place;
  const int64_t last = follow(m, place, row, s);
  b->end[row] = end_of(m, last);
  return m->next[last];
}

/* The state at a place is what row `row` bootstraps from; −1: nothing. */
static void draw_bootstrap(const prl_replay *m, int64_t place, int64_t row, prl_batch *b) {
  const int64_t o = m->observations;
  b->successor[row] = place < 0 ? -1 : (int32_t)(b->rows + b->bootstraps);
  if (place < 0) return;
  memcpy(b->observation + (b->rows + b->bootstraps++) * o, m->observation + place * o,
         (size_t)o * sizeof(float));
}

/* The row at a place and those that follow it, up to `most`, as rows `row` and on. Returns the row after
 * them. */
static int64_t draw_run(const prl_replay *m, int64_t place, int64_t row, int64_t most, prl_batch *b,
                        prl_stretch *s) {
  const int64_t full = row + most < b->rows ? row + most : b->rows;
  for (;;) {
    place = draw_row(m, place, row, b, s);
    if (row + 1 == full || place < 0 || kind_of(m, place) != PRL_ROW_REAL) break;
    b->successor[row] = (int32_t)row + 1;
    row++;
  }
  draw_bootstrap(m, place, row, b);
  return row + 1;
}

/* The address of the coming batch's draws. */
static prl_rng draw_address(prl_replay *m, uint64_t seed, uint32_t *draw) {
  const uint64_t number = (uint64_t)m->n.draws++;
  *draw = (uint32_t)number;
  return prl_rng_make(seed, number >> 32, PRL_SITE_MEMORY);
}

void prl_replay_draw(prl_replay *m, uint64_t seed, int64_t rows, int64_t most, prl_batch *b, prl_stretch *s) {
  uint32_t draw, words[4];
  const prl_rng rng = draw_address(m, seed, &draw);
  b->rows = rows;
  b->bootstraps = 0;
  for (int64_t row = 0, run = 0; row < rows; run++)
    row = draw_run(m, draw_place(m, rng, draw, run, words), row, most, b, s);
  b->observed = b->rows + b->bootstraps;
}

/* ---- drawing by priority ---- */

void prl_replay_draw_ranked(prl_replay *m, uint64_t seed, int64_t rows, double correction, prl_batch *b,
                            prl_stretch *s, float *weight) {
  const double *priority = prl_sum_tree_weights(&m->priority);
  const double part = prl_sum_tree_total(&m->priority) / (double)rows;
  double least = INFINITY;
  uint32_t draw, words[4] = {0};
  const prl_rng rng = draw_address(m, seed, &draw);
  b->rows = rows;
  b->bootstraps = 0;
  EVERY(row, rows) {
    if (row % 4 == 0) prl_rng_block(rng, 0, draw, 0, (uint32_t)(row / 4), words);
    const double point = ((double)row + ((double)words[row % 4] + .5) * 0x1p-32) * part;
    const int64_t place = prl_sum_tree_find(&m->priority, point);
    least = fmin(least, priority[place]);
    draw_run(m, place, row, 1, b, s);
  }
  b->observed = b->rows + b->bootstraps;
  /* N and Σ p^α are the same for all rows, and the greatest weight is that of the least priority. */
  EVERY(row, rows) weight[row] = (float)pow(least / priority[s->place[row]], correction);
}

void prl_replay_prioritise(prl_replay *m, int64_t place, double value) {
  const double weight = pow(fabs(value) + 1e-6, m->exponent);
  m->greatest = fmax(m->greatest, weight);
  prl_sum_tree_set(&m->priority, place, weight);
}
