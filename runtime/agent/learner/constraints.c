/* Constraints: what they measure, and their multipliers. */
#include "agent/learner/constraints.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "agent/learner/parts.h"
#include "core/nearest.h"
#include "core/read.h"

static const double day_seconds = 86400;
static const int64_t most_window = 1 << 24;
static const double stuck_updates = 100; /* at the bound, before it is said that a constraint cannot be met */

/* ---- reading ---- */

static prl_status read_critic(const prl_learner *l, prl_constraint *c, const prl_value *map,
                              prl_error *error) {
  const char *critic;
  prl_nearest nearest;
  prl_status status = prl_read_string(map, c->name, "critic", &critic, error);
  if (status) return status;
  nearest = prl_nearest_begin(critic);
  for (c->critic = 0; c->critic < l->critics_count; c->critic++) {
    if (l->critics[c->critic].weight.live < 0)
      return prl_read_fail(l->critics[c->critic].name, "weight", "a live option, beside constraints", error);
    if (!strcmp(l->critics[c->critic].name, critic)) break;
    prl_nearest_offer(&nearest, l->critics[c->critic].name);
  }
  if (c->critic < l->critics_count) return PRL_OK;
  return prl_fail(error, PRL_EFORMAT, "plan: constraint \"%s\": there is no critic \"%.60s\"%s", c->name,
                  critic, prl_nearest_hint(&nearest));
}

static prl_status read_per(prl_constraint *c, const prl_value *map, prl_error *error) {
  static const char *const units[] = {"step", "episode", "user_day"};
  const char *per;
  prl_status status = prl_read_string(map, c->name, "per", &per, error);
  if (status) return status;
  int found = prl_read_word(per, units, 3);
  if (found < 0) return prl_read_fail(c->name, "per", "step, episode or user_day", error);
  c->per = (prl_constraint_unit)found;
  return PRL_OK;
}

static prl_status read_bound(prl_constraint *c, const prl_value *map, prl_error *error) {
  const bool least = prl_get(map, "at_least") != NULL;
  c->sign = least ? 1 : -1;
  prl_status status =
      prl_read_number(map, c->name, least ? "at_least" : "at_most", true, -1e30, 1e30, &c->bound, error);
  c->unit = fabs(c->bound);
  if (!status) status = prl_read_number(map, c->name, "unit", c->bound == 0, 1e-30, 1e30, &c->unit, error);
  return status;
}

static prl_status read_multiplier(const prl_learner *l, prl_constraint *c, const prl_value *map, double *init,
                                  prl_error *error) {
  const prl_value *learned = prl_get(map, "learned");
  c->learned = learned != NULL;
  c->window = 1000;
  if (!c->learned) return prl_live_ref(l->live, map, c->name, "multiplier", 0, &c->fixed, error);
  prl_status status = prl_read_number(learned, c->name, "lr", true, 0, 1e30, &c->lr, error);
  if (!status) status = prl_read_number(learned, c->name, "max", true, 0, 1e30, &c->most, error);
  if (!status) status = prl_read_number(learned, c->name, "kp", false, 0, 1e30, &c->kp, error);
  if (!status) status = prl_read_number(learned, c->name, "kd", false, 0, 1e30, &c->kd, error);
  if (!status) status = prl_read_number(learned, c->name, "init", true, 0, c->most, init, error);
  return status;
}

static prl_status read_window(prl_constraint *c, const prl_value *map, prl_error *error) {
  return prl_read_int(map, c->name, "window", true, 1, most_window, &c->window, error);
}

/* ---- life ---- */

enum { PIECES = 4 };

static int list_pieces(prl_constraint *c, int64_t streams, prl_piece pieces[PIECES]) {
  const int64_t days = c->per == PRL_PER_DAY ? streams : 0, number = sizeof(double);
  const prl_piece all[PIECES] = {{&c->state, 1, sizeof *c->state, true},
                                 {&c->values, c->window, number, true},
                                 {&c->day, days, number, true},
                                 {&c->elapsed, days, number, true}};
  memcpy(pieces, all, sizeof all);
  return PIECES;
}

static prl_status build_one(prl_learner *l, prl_constraint *c, const prl_value *map, prl_error *error) {
  double init = 0;
  prl_piece pieces[PIECES];
  prl_status status = prl_read_string(map, "constraints", "name", &c->name, error);
  if (!status) status = read_critic(l, c, map, error);
  if (!status) status = read_per(c, map, error);
  if (!status) status = read_bound(c, map, error);
  if (!status) status = read_multiplier(l, c, map, &init, error);
  if (!status) status = read_window(c, map, error);
  if (!status)
    status = prl_pieces_new(l->runtime, pieces, list_pieces(c, l->shape->experience.streams, pieces), error);
  if (status) return status;
  c->state->multiplier = c->state->integral = init;
  status = prl_metrics_add(&l->metrics, "multiplier/", c->name, &c->metric_multiplier, error);
  if (!status) status = prl_metrics_add(&l->metrics, "constrained/", c->name, &c->metric_measured, error);
  return status ? status : prl_metrics_add(&l->metrics, "violation/", c->name, &c->metric_violation, error);
}

prl_status prl_constraints_build(prl_learner *l, prl_error *error) {
  const prl_value *list = prl_get(l->root, "constraints");
  const size_t count = (size_t)prl_count(list);
  if (!count) return PRL_OK;
  if (list->kind != PRL_ARRAY) return prl_read_fail("", "constraints", "a list", error);
  l->constraints = prl_calloc(l->runtime, count, sizeof *l->constraints);
  if (!l->constraints) return prl_fail_memory(error, count * sizeof *l->constraints);
  prl_status status = PRL_OK;
  for (size_t i = 0; !status && i < count; i++)
    status = build_one(l, &l->constraints[l->constraints_count++], prl_item(list, (int64_t)i), error);
  return status;
}

void prl_constraints_free(prl_learner *l) {
  for (int i = 0; i < l->constraints_count; i++) {
    prl_piece pieces[PIECES];
    prl_pieces_free(l->runtime, pieces,
                    list_pieces(&l->constraints[i], l->shape->experience.streams, pieces));
  }
  prl_free(l->runtime, l->constraints);
}

int64_t prl_constraints_bytes(const prl_shape *shape, const prl_value *root) {
  const prl_value *list = prl_get(root, "constraints");
  int64_t sum = 0;
  for (int64_t i = 0; i < prl_count(list); i++) {
    prl_constraint c = {0};
    prl_error none;
    prl_piece pieces[PIECES];
    if (read_per(&c, prl_item(list, i), &none) || read_window(&c, prl_item(list, i), &none)) continue;
    sum = prl_bytes_add(sum, prl_pieces_bytes(pieces, list_pieces(&c, shape->experience.streams, pieces)));
  }
  return sum;
}

prl_status prl_constraints_blocks(prl_learner *l, prl_blocks *blocks, prl_error *error) {
  prl_status status = PRL_OK;
  for (int i = 0; !status && i < l->constraints_count; i++) {
    const prl_constraint *c = &l->constraints[i];
    const int64_t days = c->per == PRL_PER_DAY ? l->shape->experience.streams : 0;
    const struct {
      const char *name;
      int64_t count;
      void *data;
    } parts[] = {{"state", sizeof *c->state / sizeof(double), c->state},
                 {"values", c->window, c->values},
                 {"day", days, c->day},
                 {"elapsed", days, c->elapsed}};
    for (size_t k = 0; !status && k < sizeof parts / sizeof *parts; k++) {
      char name[PRL_BLOCK_NAME];
      snprintf(name, sizeof name, "constraint.%d.%s", i, parts[k].name);
      if (parts[k].count)
        status = prl_blocks_add(blocks, name, PRL_F64, parts[k].count, parts[k].data, error);
    }
  }
  return status;
}

static bool count_holds(double count, double most) {
  return count >= 0 && count <= most && count == floor(count);
}

bool prl_constraints_restore(const prl_learner *l) {
  bool good = true;
  for (int i = 0; good && i < l->constraints_count; i++) {
    const prl_constraint *c = &l->constraints[i];
    const prl_constraint_state *s = c->state;
    good = s->multiplier >= 0 && s->integral >= 0 && s->integral <= c->most &&
           (!c->learned || s->multiplier <= c->most) && isfinite(s->measured) && isfinite(s->violation) &&
           count_holds(s->head, (double)(c->window - 1)) && count_holds(s->filled, (double)c->window) &&
           count_holds(s->stuck, 1e15);
    for (int64_t k = 0; good && k < (int64_t)s->filled; k++) good = isfinite(c->values[k]);
  }
  return good;
}

void prl_constraints_take(prl_learner *to, const prl_learner *from) {
  for (int i = 0; i < to->constraints_count; i++)
    for (int k = 0; k < from->constraints_count; k++) {
      prl_constraint *ours = &to->constraints[i];
      const prl_constraint *old = &from->constraints[k];
      if (strcmp(ours->name, old->name) || ours->window != old->window || ours->per != old->per ||
          strcmp(to->critics[ours->critic].name, from->critics[old->critic].name))
        continue;
      *ours->state = *old->state;
      memcpy(ours->values, old->values, (size_t)ours->window * sizeof *ours->values);
      if (!ours->learned) continue;
      ours->state->multiplier = fmin(ours->state->multiplier, ours->most);
      ours->state->integral = fmin(ours->state->integral, ours->most);
    }
}

/* ---- multipliers ---- */

static double multiplier_of(const prl_learner *l, const prl_constraint *c) {
  return c->learned ? c->state->multiplier : fmax(0, prl_ref_value(l->live, c->fixed));
}

void prl_constraints_apply(prl_learner *l) {
  if (!l->constraints_count) return;
  double sum = 1;
  for (int i = 0; i < l->constraints_count; i++) {
    const prl_constraint *c = &l->constraints[i];
    const double multiplier = multiplier_of(l, c);
    l->live->frozen[l->critics[c->critic].weight.live] += c->sign * multiplier;
    sum += multiplier;
  }
  for (int i = 0; i < l->critics_count; i++) l->live->frozen[l->critics[i].weight.live] /= sum;
}

static void push(prl_constraint *c, double value) {
  prl_constraint_state *s = c->state;
  c->values[(int64_t)s->head] = value;
  if (++s->head == (double)c->window) s->head = 0;
  if (s->filled < (double)c->window) s->filled++;
}

void prl_constraints_episode(prl_learner *l, int critic, double sum) {
  for (int i = 0; i < l->constraints_count; i++)
    if (l->constraints[i].critic == critic && l->constraints[i].per == PRL_PER_EPISODE)
      push(&l->constraints[i], sum);
}

/* Days of a stream follow each other through its episodes and the time between them. */
static void observe_day(prl_constraint *c, int32_t slot, double reward, double elapsed) {
  c->day[slot] += reward;
  c->elapsed[slot] += elapsed;
  if (c->elapsed[slot] < day_seconds) return;
  push(c, c->day[slot]);
  c->day[slot] = 0;
  c->elapsed[slot] = fmod(c->elapsed[slot], day_seconds);
}

static void observe(prl_learner *l, prl_constraint *c) {
  const float *reward = l->critics[c->critic].reward;
  const prl_batch *b = &l->batch;
  for (int64_t row = 0; c->per != PRL_PER_EPISODE && row < b->rows; row++) {
    if (c->per == PRL_PER_STEP)
      push(c, (double)reward[row]);
    else
      observe_day(c, b->stream[row], (double)reward[row], (double)b->elapsed[row]);
  }
}

static double mean_of(const prl_constraint *c) {
  double sum = 0;
  for (int64_t i = 0; i < (int64_t)c->state->filled; i++) sum += c->values[i];
  return sum / c->state->filled;
}

/* A multiplier at its bound does not wind up; that it does no good there is counted. */
static void step_multiplier(prl_constraint *c) {
  prl_constraint_state *s = c->state;
  const double before = s->violation;
  s->violation = c->sign * (c->bound - s->measured) / c->unit;
  if (!c->learned) return;
  s->integral = fmin(fmax(s->integral + c->lr * s->violation, 0), c->most);
  const double aim = s->integral + c->kp * s->violation + c->kd * (s->violation - before);
  s->multiplier = fmin(fmax(aim, 0), c->most);
  s->stuck = s->multiplier == c->most && s->violation > 0 && s->violation >= before ? s->stuck + 1 : 0;
}

bool prl_learner_stuck(const prl_learner *l, const char **constraint, double *bound, double *violation) {
  for (int i = 0; i < l->constraints_count; i++) {
    const prl_constraint *c = &l->constraints[i];
    if (c->state->stuck < stuck_updates) continue;
    *constraint = c->name;
    *bound = c->most;
    *violation = c->state->violation;
    return true;
  }
  return false;
}

void prl_constraints_step(prl_learner *l) {
  for (int i = 0; i < l->constraints_count; i++) {
    prl_constraint *c = &l->constraints[i];
    observe(l, c);
    if (c->state->filled * 4 >= (double)c->window && c->state->filled > 0) {
      c->state->measured = mean_of(c);
      step_multiplier(c);
      prl_metrics_put(&l->metrics, c->metric_measured, c->state->measured);
      prl_metrics_put(&l->metrics, c->metric_violation, c->state->violation);
    }
    prl_metrics_put(&l->metrics, c->metric_multiplier, multiplier_of(l, c));
  }
}
