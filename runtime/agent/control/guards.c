/* What guards know: their form in the plan, the users who entered, and the verdicts. */
#include "agent/control/guards.h"

#include <math.h>
#include <string.h>

#include "core/nearest.h"
#include "core/read.h"

static const double day_seconds = 86400, day_us = 86400e6;

/* ---- the plan ---- */

static prl_status find_response(prl_guard_form *form, const prl_shape *shape, prl_error *error) {
  prl_nearest nearest = prl_nearest_begin(form->name);
  for (int32_t r = 0; r < shape->spec.responses; r++) {
    form->response = r;
    if (!strcmp(shape->response_names[r], form->name)) return PRL_OK;
    prl_nearest_offer(&nearest, shape->response_names[r]);
  }
  return prl_fail(error, PRL_EFORMAT, "plan: guards: there is no response \"%.60s\"%s", form->name,
                  prl_nearest_hint(&nearest));
}

/* {name, at_least or at_most = {relative = share}}, or a number where metric is "kl". */
static prl_status read_form(prl_guard_form *form, const prl_value *map, const prl_shape *shape,
                            prl_error *error) {
  prl_status status = prl_read_string(map, "guards", "name", &form->name, error);
  if (status) return status;
  const char *key = prl_get(map, "at_least") ? "at_least" : "at_most";
  const prl_value *bound = prl_get(map, key);
  form->sign = *(key + 3) == 'l' ? 1 : -1;
  if (bound && bound->kind == PRL_MAP) {
    status = prl_read_number(bound, form->name, "relative", true, -1e6, 1e6, &form->bound, error);
    return status ? status : find_response(form, shape, error);
  }
  form->response = -1;
  return prl_read_number(map, form->name, key, true, -1e30, 1e30, &form->bound, error);
}

/* Guards on responses come first, so that each has a place among the sums. */
static prl_status read_forms(prl_guards *g, const prl_value *list, const prl_shape *shape, prl_error *error) {
  prl_status status = PRL_OK;
  for (int i = 0; !status && i < g->count; i++) {
    prl_guard_form *form = &g->forms[i];
    status = read_form(form, prl_item(list, i), shape, error);
    const bool measured = !status && form->response >= 0;
    if (measured && g->measured < i)
      status = prl_fail(error, PRL_EFORMAT, "plan: guards: those on responses come first, \"%.60s\" does not",
                        form->name);
    g->measured += measured;
  }
  return status;
}

prl_status prl_guards_read(prl_guards *g, prl_runtime *runtime, const prl_value *root,
                           const int64_t streams[PRL_SIDES], const prl_shape *shape, prl_error *error) {
  const prl_value *map = prl_get(root, "guards"), *list;
  double confidence = 0;
  if (!map) return PRL_OK;
  prl_status status = prl_read_value(root, "", "guards", PRL_MAP, &map, error);
  if (!status) status = prl_read_value(map, "guards", "list", PRL_ARRAY, &list, error);
  if (!status) status = prl_read_number(map, "guards", "confidence", true, 0.5, 1 - 1e-9, &confidence, error);
  if (!status) status = prl_read_number(map, "guards", "days", true, 1e-6, 1e6, &g->days, error);
  if (!status) status = prl_read_number(map, "guards", "users", true, 1, 1e15, &g->users, error);
  if (status) return status;
  g->lives = prl_get_bool(map, "lives", false);
  if (prl_count(list) < 1 || prl_count(list) > PRL_GUARDS_MOST)
    return prl_read_fail("guards", "list", "1 to 32 guards", error);
  g->count = (int)prl_count(list);
  g->forms = prl_calloc(runtime, (size_t)g->count, sizeof *g->forms);
  if (!g->forms) return prl_fail_memory(error, (size_t)g->count * sizeof *g->forms);
  memcpy(g->streams, streams, sizeof g->streams);
  status = read_forms(g, list, shape, error);
  g->level = fmin(0.25, (1 - confidence) / fmax(1, g->measured));
  g->looks = 1;
  return status;
}

int prl_guards_list(prl_guards *g, prl_piece pieces[PRL_GUARDS_PIECES]) {
  const int64_t number = sizeof(double), any = g->count > 0, measured = g->measured > 0;
  int count = 0;
  pieces[count++] = (prl_piece){&g->state, any, sizeof *g->state, true};
  pieces[count++] = (prl_piece){&g->moments, PRL_SIDES * (int64_t)g->measured, sizeof *g->moments, true};
  for (int side = 0; side < PRL_SIDES; side++) {
    const int64_t streams = measured * g->streams[side];
    pieces[count++] = (prl_piece){&g->entrants[side], streams, sizeof *g->entrants[side], true};
    pieces[count++] = (prl_piece){&g->sums[side], streams, (1 + g->measured) * number, true};
  }
  return count;
}

prl_status prl_guards_blocks(prl_guards *g, prl_blocks *blocks, prl_error *error) {
  static const char *const sides[PRL_SIDES] = {"guards.own.", "guards.control."};
  if (!g->count) return PRL_OK;
  prl_status status =
      prl_blocks_add(blocks, "guards.state", PRL_I64, sizeof *g->state / sizeof(int64_t), g->state, error);
  if (!status && g->measured)
    status = prl_blocks_add(blocks, "guards.moments", PRL_F64,
                            PRL_SIDES * (int64_t)g->measured * (int64_t)(sizeof *g->moments / sizeof(double)),
                            g->moments, error);
  for (int side = 0; !status && g->measured && side < PRL_SIDES; side++) {
    const int64_t words = g->streams[side] * (int64_t)(sizeof(prl_entrant) / sizeof(int64_t));
    status = prl_blocks_add_named(blocks, sides[side], "entrants", PRL_I64, words, g->entrants[side], error);
    if (!status)
      status = prl_blocks_add_named(blocks, sides[side], "sums", PRL_F64,
                                    g->streams[side] * (1 + g->measured), g->sums[side], error);
  }
  return status;
}

static bool side_holds(const prl_guards *g, int side) {
  bool good = true;
  for (int64_t i = 0; good && i < g->streams[side]; i++) {
    const prl_entrant *one = &g->entrants[side][i];
    good = one->phase >= PRL_ENTRANT_NONE && one->phase <= PRL_ENTRANT_OVER && one->entered >= 0 &&
           one->before >= 0;
  }
  for (int64_t i = 0; good && i < g->streams[side] * (1 + g->measured); i++)
    good = isfinite(g->sums[side][i]);
  return good;
}

bool prl_guards_restore(const prl_guards *g) {
  if (!g->count) return true;
  const prl_guards_state *s = g->state;
  bool good = s->stage >= PRL_GUARDS_IDLE && s->stage <= PRL_GUARDS_FIRED && s->fired >= 0 &&
              s->fired < g->count && s->held >= 0 && s->held < INT64_C(1) << g->count;
  for (int i = 0; good && i < PRL_SIDES * g->measured; i++) good = prl_moments_hold(&g->moments[i]);
  for (int side = 0; good && g->measured && side < PRL_SIDES; side++) good = side_holds(g, side);
  return good;
}

/* ---- who entered ---- */

static double *sums_of(const prl_guards *g, int side, int64_t slot) {
  return g->sums[side] + slot * (1 + g->measured);
}

static prl_moments *moments_of(const prl_guards *g, int side) { return g->moments + side * g->measured; }

/* Whether a user's days are over at that time of the agent. */
static bool is_over(const prl_guards *g, const prl_entrant *one, int64_t time) {
  return (double)(time - one->entered) >= g->days * day_us;
}

/* The user's days are over: one more value of each response. */
static void leave(prl_guards *g, int side, int64_t slot) {
  const double *sums = sums_of(g, side, slot) + 1;
  for (int i = 0; i < g->measured; i++) prl_moments_add(&moments_of(g, side)[i], sums[i]);
  g->entrants[side][slot].phase = PRL_ENTRANT_OVER;
}

static void enter(prl_guards *g, int side, int64_t slot, uint64_t key, int64_t time) {
  prl_entrant *one = &g->entrants[side][slot];
  if (one->phase == PRL_ENTRANT_IN) leave(g, side, slot);
  one->key = (int64_t)key;
  one->phase = PRL_ENTRANT_IN;
  one->entered = time;
  memset(sums_of(g, side, slot), 0, (size_t)(1 + g->measured) * sizeof(double));
}

/* A row of a user who is in its first days. */
static void count_row(prl_guards *g, int side, const prl_experience *e, const prl_batch *b, int64_t row,
                      bool own_clock) {
  const int64_t slot = b->stream[row];
  if (!own_clock && is_over(g, &g->entrants[side][slot], b->time[row])) {
    leave(g, side, slot);
    return;
  }
  double *sums = sums_of(g, side, slot);
  const float *response = b->response + row * e->options.responses;
  *sums += (double)b->elapsed[row];
  for (int i = 0; i < g->measured; i++) sums[1 + i] += (double)response[g->forms[i].response];
  if (own_clock && *sums >= g->days * day_seconds) leave(g, side, slot);
}

void prl_guards_row(prl_guards *g, int side, const prl_experience *e, const prl_batch *b, int64_t row,
                    bool compared, bool own_clock) {
  if (!g->measured || g->state->stage != PRL_GUARDS_COUNTING) return;
  const int64_t slot = b->stream[row];
  prl_entrant *one = &g->entrants[side][slot];
  if (one->before > 0) {
    one->before--;
    return;
  }
  if (!compared) return;
  const uint64_t key = b->key[row];
  if (one->phase == PRL_ENTRANT_NONE || one->key != (int64_t)key) {
    if (g->ramped && b->step[row] > 0) return;
    enter(g, side, slot, key, b->time[row]);
  }
  if (one->phase == PRL_ENTRANT_IN) count_row(g, side, e, b, row, own_clock);
  if (!own_clock || !g->lives || b->end[row] != PRL_END_TERMINATED) return;
  if (one->phase == PRL_ENTRANT_IN) leave(g, side, slot);
  one->phase = PRL_ENTRANT_NONE;
}

void prl_guards_pass(prl_guards *g, int side, const prl_experience *e) {
  if (!g->measured || g->state->stage != PRL_GUARDS_COUNTING) return;
  for (int64_t slot = 0; slot < e->n.streams_used; slot++) {
    const prl_entrant *one = &g->entrants[side][slot];
    const int32_t first = e->streams[slot].first; /* that was not counted yet */
    if (one->phase == PRL_ENTRANT_IN && is_over(g, one, e->n.now) &&
        (first < 0 || is_over(g, one, e->rows[first].time)))
      leave(g, side, slot);
  }
}

/* ---- from swap to verdict ---- */

/* How many steps of a stream are in the pool. */
static int64_t waiting(const prl_experience *e, int64_t slot) {
  int64_t count = 0;
  for (int32_t row = e->streams[slot].first; row >= 0; row = e->rows[row].next)
    count += e->rows[row].kind == PRL_ROW_REAL && !e->rows[row].left;
  return count;
}

void prl_guards_begin(prl_guards *g, const prl_experience *const experiences[PRL_SIDES]) {
  if (!g->count) return;
  *g->state = (prl_guards_state){.stage = PRL_GUARDS_COUNTING};
  for (int i = 0; i < PRL_SIDES * g->measured; i++) g->moments[i] = (prl_moments){0};
  for (int side = 0; g->measured && side < PRL_SIDES; side++)
    for (int64_t slot = 0; slot < g->streams[side]; slot++) {
      const bool used = slot < experiences[side]->n.streams_used;
      g->entrants[side][slot] = (prl_entrant){.before = used ? waiting(experiences[side], slot) : 0};
    }
}

void prl_guards_end(prl_guards *g) {
  if (g->count) *g->state = (prl_guards_state){.stage = PRL_GUARDS_IDLE};
}

bool prl_guards_interval(const prl_guards *g, int guard, prl_interval *out) {
  const prl_confidence about = {
      .bound = g->forms[guard].bound, .level = g->level / g->looks, .users = g->users};
  return prl_confidence_interval(&about, &moments_of(g, PRL_SIDE_OWN)[guard],
                                 &moments_of(g, PRL_SIDE_CONTROL)[guard], out);
}

/* 1: it holds; −1: it is broken; 0: neither is known. */
static int verdict(const prl_guards *g, int guard, double kl) {
  const prl_guard_form *form = &g->forms[guard];
  prl_interval now;
  if (form->response < 0) return form->sign * (kl - form->bound) < 0 ? -1 : 0;
  if (!prl_guards_interval(g, guard, &now)) return 0;
  const double low = form->sign > 0 ? now.low : -now.high, high = form->sign > 0 ? now.high : -now.low;
  const double bound = form->sign * form->bound;
  return high < bound ? -1 : low > bound;
}

bool prl_guards_judge(prl_guards *g, double kl) {
  if (g->count && g->state->stage == PRL_GUARDS_FIRED) return true; /* the way back failed */
  if (!g->count || g->state->stage != PRL_GUARDS_COUNTING) return false;
  for (int i = 0; i < g->count; i++) {
    const int found = verdict(g, i, kl);
    const int64_t bit = INT64_C(1) << i;
    g->state->held = found > 0 ? g->state->held | bit : g->state->held & ~bit;
    if (found >= 0) continue;
    g->state->stage = PRL_GUARDS_FIRED;
    g->state->fired = i;
    return true;
  }
  return false;
}

bool prl_guards_pass_on(const prl_guards *g, double users) {
  const int64_t all = (INT64_C(1) << g->measured) - 1;
  return g->measured && g->state->stage == PRL_GUARDS_COUNTING && (g->state->held & all) == all &&
         g->moments[0].n >= users;
}
