/* Constraints: what they measure, and their multipliers. */
#include "agent/learner/constraints.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "agent/learner/parts.h"
#include "core/nearest.h"
#include "core/read.h"

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
  if (c->critic < l->critics_count && l->critics[c->critic].expression) return PRL_OK;
  if (c->critic < l->critics_count)
    return prl_fail(error, PRL_EFORMAT,
                    "plan: constraint \"%s\": critic \"%.60s\" has no reward of responses", c->name, critic);
  return prl_fail(error, PRL_EFORMAT, "plan: constraint \"%s\": there is no critic \"%.60s\"%s", c->name,
                  critic, prl_nearest_hint(&nearest));
}

/* A number, or {relative = share}: of what the control group comes to. */
static prl_status read_bound(const prl_learner *l, prl_constraint *c, const prl_value *map,
                             prl_error *error) {
  const char *key = prl_get(map, "at_least") ? "at_least" : "at_most";
  const prl_value *given = prl_get(map, key);
  c->sign = *(key + 3) == 'l' ? 1 : -1;
  c->relative = given && given->kind == PRL_MAP;
  if (c->relative && !l->control)
    return prl_fail(error, PRL_EFORMAT,
                    "plan: constraint \"%s\": %s is relative, and there is no control group", c->name, key);
  if (c->relative) return prl_read_number(given, c->name, "relative", true, -1e6, 1e6, &c->bound, error);
  prl_status status = prl_read_number(map, c->name, key, true, -1e30, 1e30, &c->bound, error);
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

enum { PIECES = 1 + 2 * (1 + PRL_UNITS_PIECES) };

static int list_window(prl_constraint *c, prl_window *w, int64_t streams, prl_piece *pieces) {
  w->units.per = c->per;
  w->units.streams = streams;
  w->units.width = 1;
  pieces[0] = (prl_piece){&w->values, c->window, sizeof *w->values, true};
  return 1 + prl_units_list(&w->units, pieces + 1);
}

static int list_pieces(prl_constraint *c, const prl_shape *shape, const prl_value *root,
                       prl_piece pieces[PIECES]) {
  const prl_value *control = prl_path(root, "control.plan.capacity");
  int count = 1;
  pieces[0] = (prl_piece){&c->state, 1, sizeof *c->state, true};
  count += list_window(c, &c->own, shape->experience.streams, pieces + count);
  if (c->relative) count += list_window(c, &c->control, prl_get_int(control, "streams", 1), pieces + count);
  return count;
}

static prl_status build_one(prl_learner *l, prl_constraint *c, const prl_value *map, prl_error *error) {
  double init = 0;
  prl_piece pieces[PIECES];
  prl_status status = prl_read_string(map, "constraints", "name", &c->name, error);
  if (!status) status = read_critic(l, c, map, error);
  if (!status) status = prl_per_read(map, c->name, &c->per, error);
  if (!status) status = read_bound(l, c, map, error);
  if (!status) status = read_multiplier(l, c, map, &init, error);
  if (!status) status = read_window(c, map, error);
  if (!status) status = prl_pieces_new(l->runtime, pieces, list_pieces(c, l->shape, l->root, pieces), error);
  if (status) return status;
  c->state->multiplier = c->state->integral = init;
  status = prl_metrics_add(&l->metrics, "multiplier/", c->name, &c->metric_multiplier, error);
  if (!status) status = prl_metrics_add(&l->metrics, "constrained/", c->name, &c->metric_measured, error);
  if (!status && c->relative)
    status = prl_metrics_add(&l->metrics, "reference/", c->name, &c->metric_reference, error);
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
    prl_pieces_free(l->runtime, pieces, list_pieces(&l->constraints[i], l->shape, l->root, pieces));
  }
  prl_free(l->runtime, l->constraints);
}

int64_t prl_constraints_bytes(const prl_shape *shape, const prl_value *root) {
  const prl_value *list = prl_get(root, "constraints");
  int64_t sum = 0;
  for (int64_t i = 0; i < prl_count(list); i++) {
    prl_constraint c = {.name = ""}; /* what is wrong with it is said where it is built */
    prl_error none;
    prl_piece pieces[PIECES];
    const prl_value *map = prl_item(list, i), *least = prl_get(map, "at_least");
    const prl_value *bound = least ? least : prl_get(map, "at_most");
    if (prl_per_read(map, "", &c.per, &none) || read_window(&c, map, &none)) continue;
    c.relative = bound && bound->kind == PRL_MAP;
    sum = prl_bytes_add(sum, prl_pieces_bytes(pieces, list_pieces(&c, shape, root, pieces)));
  }
  return sum;
}

static prl_status window_blocks(const prl_constraint *c, prl_window *w, const char *prefix,
                                prl_blocks *blocks, prl_error *error) {
  const int first = blocks->count;
  prl_status status = prl_blocks_add_named(blocks, prefix, "place", PRL_F64, 2, &w->head, error);
  if (!status) status = prl_blocks_add_named(blocks, prefix, "values", PRL_F64, c->window, w->values, error);
  prl_blocks_learned(blocks, first);
  return status ? status : prl_units_blocks(&w->units, prefix, blocks, error);
}

prl_status prl_constraints_blocks(prl_learner *l, prl_blocks *blocks, prl_error *error) {
  prl_status status = PRL_OK;
  for (int i = 0; !status && i < l->constraints_count; i++) {
    prl_constraint *c = &l->constraints[i];
    char name[3][PRL_BLOCK_NAME];
    static const char *const parts[3] = {"state", "own.", "control."};
    for (int k = 0; k < 3; k++) snprintf(name[k], sizeof name[k], "constraint.%d.%s", i, parts[k]);
    status = prl_blocks_add(blocks, name[0], PRL_F64, sizeof *c->state / sizeof(double), c->state, error);
    if (!status) prl_blocks_learned(blocks, blocks->count - 1);
    if (!status) status = window_blocks(c, &c->own, name[1], blocks, error);
    if (!status && c->relative) status = window_blocks(c, &c->control, name[2], blocks, error);
  }
  return status;
}

static bool count_holds(double count, double most) {
  return count >= 0 && count <= most && count == floor(count);
}

static bool window_holds(const prl_constraint *c, const prl_window *w) {
  bool good = count_holds(w->head, (double)(c->window - 1)) && count_holds(w->filled, (double)c->window);
  for (int64_t k = 0; good && k < (int64_t)w->filled; k++) good = isfinite(w->values[k]);
  return good;
}

bool prl_constraints_restore(const prl_learner *l) {
  bool good = true;
  for (int i = 0; good && i < l->constraints_count; i++) {
    const prl_constraint *c = &l->constraints[i];
    const prl_constraint_state *s = c->state;
    good = s->multiplier >= 0 && s->integral >= 0 && s->integral <= c->most &&
           (!c->learned || s->multiplier <= c->most) && isfinite(s->measured) && isfinite(s->reference) &&
           isfinite(s->violation) && count_holds(s->stuck, 1e15) && window_holds(c, &c->own) &&
           (!c->relative || window_holds(c, &c->control));
  }
  return good;
}

static void take_window(const prl_constraint *c, prl_window *to, const prl_window *from) {
  memcpy(to->values, from->values, (size_t)c->window * sizeof *to->values);
  to->head = from->head;
  to->filled = from->filled;
}

static double multiplier_of(const prl_learner *l, const prl_constraint *c) {
  return c->learned ? c->state->multiplier : fmax(0, prl_ref_value(l->live, c->fixed));
}

/* Why the state of `old` is none for `ours`; NULL: it is. */
static const char *why_not(const prl_learner *to, const prl_constraint *ours, const prl_learner *from,
                           const prl_constraint *old) {
  if (!old) return "the running agent has no such constraint";
  if (strcmp(to->critics[ours->critic].name, from->critics[old->critic].name) != 0)
    return "it is on another critic";
  if (ours->per != old->per) return "it is on another unit";
  return ours->window != old->window ? "its window is another" : NULL;
}

static const prl_constraint *find(const prl_learner *l, const char *name) {
  for (int i = 0; i < l->constraints_count; i++)
    if (!strcmp(l->constraints[i].name, name)) return &l->constraints[i];
  return NULL;
}

static void take_one(prl_constraint *ours, const prl_constraint *old) {
  *ours->state = *old->state;
  take_window(ours, &ours->own, &old->own);
  if (ours->relative && old->relative) take_window(ours, &ours->control, &old->control);
  if (!ours->learned) return;
  ours->state->multiplier = fmin(ours->state->multiplier, ours->most);
  ours->state->integral = fmin(ours->state->integral, ours->most);
}

void prl_constraints_take(prl_learner *to, const prl_learner *from, prl_migration *m) {
  for (int i = 0; i < to->constraints_count; i++) {
    prl_constraint *ours = &to->constraints[i];
    const prl_constraint *old = find(from, ours->name);
    const char *why = why_not(to, ours, from, old);
    const double before = old ? multiplier_of(from, old) : NAN;
    if (!why) take_one(ours, old);
    prl_migration_note(m,
                       &(prl_migrated){"multiplier", ours->name, why ? PRL_ANEW : PRL_KEPT, NULL,
                                       why ? 0 : (int64_t)old->own.filled, ours->window, before,
                                       multiplier_of(to, ours)},
                       "%s",
                       why             ? why
                       : ours->learned ? "it and its window of measurements go on"
                                       : "its window of measurements goes on; it is not learned");
  }
  for (int i = 0; i < from->constraints_count; i++) {
    const prl_constraint *old = &from->constraints[i];
    if (!find(to, old->name))
      prl_migration_note(m,
                         &(prl_migrated){"multiplier", old->name, PRL_DROPPED, NULL, 0, old->window,
                                         multiplier_of(from, old), NAN},
                         "the new plan has no such constraint");
  }
}

/* ---- multipliers ---- */

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

static void push(const prl_constraint *c, prl_window *w, double value) {
  w->values[(int64_t)w->head] = value;
  if (++w->head == (double)c->window) w->head = 0;
  if (w->filled < (double)c->window) w->filled++;
}

static void observe(const prl_constraint *c, prl_window *w, const prl_batch *b, int64_t row,
                    const float *reward) {
  const double *unit = prl_units_add(&w->units, b, row, reward + row);
  if (unit) push(c, w, *unit);
}

/* Of several policies the first is constrained; relative to the control group, users who are compared with
 * it. */
static void observe_own(const prl_learner *l, prl_constraint *c, const prl_batch *b, const float *reward) {
  for (int64_t row = 0; row < b->rows; row++) {
    if (l->shape->experience.arms > 1 && b->arm[row] != 0) continue;
    if (!c->relative || prl_control_compares(l->control, l->experience, b->stream[row]))
      observe(c, &c->own, b, row, reward);
  }
}

void prl_constraints_stale(prl_learner *l, const prl_batch *one) {
  for (int i = 0; i < l->constraints_count; i++) {
    prl_constraint *c = &l->constraints[i];
    float reward;
    prl_expression_eval(l->critics[c->critic].expression, 1, one->response, &reward);
    if (isfinite(reward)) observe_own(l, c, one, &reward);
  }
}

static bool enough(const prl_constraint *c, const prl_window *w) {
  return w->filled > 0 && w->filled * 4 >= (double)c->window;
}

static double mean_of(const prl_window *w) {
  double sum = 0;
  for (int64_t i = 0; i < (int64_t)w->filled; i++) sum += w->values[i];
  return sum / w->filled;
}

/* A multiplier at its bound does not wind up; that it does no good there is counted. */
static void step_multiplier(prl_constraint *c) {
  prl_constraint_state *s = c->state;
  const double before = s->violation;
  const double unit = c->relative ? fabs(s->reference) : c->unit;
  const double bound = c->relative ? s->reference + c->bound * unit : c->bound;
  if (unit == 0) return;
  s->violation = c->sign * (bound - s->measured) / unit;
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

static void measure(prl_learner *l, prl_constraint *c) {
  c->state->measured = mean_of(&c->own);
  if (c->relative) c->state->reference = mean_of(&c->control);
  step_multiplier(c);
  prl_metrics_put(&l->metrics, c->metric_measured, c->state->measured);
  if (c->relative) prl_metrics_put(&l->metrics, c->metric_reference, c->state->reference);
  prl_metrics_put(&l->metrics, c->metric_violation, c->state->violation);
}

static prl_status observe_control(const prl_learner *l, prl_constraint *c, prl_error *error) {
  const prl_critic *critic = &l->critics[c->critic];
  const prl_batch *b = prl_control_batch(l->control);
  const float *reward = prl_control_rewards(l->control, critic->expression);
  if (!l->kernels->finite(b->rows, reward))
    return prl_fail(error, PRL_ENUMERIC, "a reward of critic \"%s\" in the control group is not finite",
                    critic->name);
  for (int64_t row = 0; row < b->rows; row++) observe(c, &c->control, b, row, reward);
  return PRL_OK;
}

prl_status prl_constraints_refer(prl_learner *l, prl_error *error) {
  prl_status status = PRL_OK;
  for (int i = 0; !status && i < l->constraints_count; i++)
    if (l->constraints[i].relative) status = observe_control(l, &l->constraints[i], error);
  return status;
}

void prl_constraints_step(prl_learner *l) {
  for (int i = 0; i < l->constraints_count; i++) {
    prl_constraint *c = &l->constraints[i];
    observe_own(l, c, &l->batch, l->critics[c->critic].reward);
    if (enough(c, &c->own) && (!c->relative || enough(c, &c->control))) measure(l, c);
    prl_metrics_put(&l->metrics, c->metric_multiplier, multiplier_of(l, c));
  }
}
