/* Live options: read from the plan, changed by a host, and their values at the step where an update begins.
 */
#include "agent/plan/live.h"

#include <math.h>
#include <string.h>

#include "core/read.h"
#include "core/nearest.h"

static prl_status read_points(const prl_value *map, const char *where, prl_scalar *out, prl_error *error) {
  prl_status status = prl_read_value(map, where, "points", PRL_ARRAY, &out->points, error);
  if (status) return status;
  double last = -INFINITY;
  for (int64_t i = 0; i < prl_count(out->points); i++) {
    const prl_value *point = prl_item(out->points, i), *step = prl_item(point, 0),
                    *value = prl_item(point, 1);
    if (!step || !value || step->kind != PRL_NUMBER || value->kind != PRL_NUMBER || !(step->as.number > last))
      return prl_read_fail(where, "points", "[step, value] with growing steps", error);
    last = step->as.number;
  }
  return prl_count(out->points) ? PRL_OK : prl_read_fail(where, "points", "at least one point", error);
}

static prl_status read_scalar(prl_runtime *runtime, const prl_value *value, const char *where,
                              prl_scalar *out, prl_error *error) {
  static const char *const kinds[] = {"", "linear", "cosine", "warmup", "piecewise", "expression"};
  if (value && value->kind == PRL_NUMBER) {
    *out = (prl_scalar){.kind = PRL_SCALAR_NUMBER, .to = value->as.number};
    return PRL_OK;
  }
  const char *kind = prl_get_string(value, "kind", "");
  int found = 0;
  for (int i = 1; i < 6; i++)
    if (!strcmp(kind, kinds[i])) found = i;
  *out = (prl_scalar){.kind = (prl_scalar_kind)found};
  if (found == PRL_SCALAR_NUMBER)
    return prl_read_fail(where, "",
                         "a number, or a map of kind linear, cosine, warmup, piecewise or expression", error);
  if (found == PRL_SCALAR_PIECEWISE) return read_points(value, where, out, error);
  if (found == PRL_SCALAR_EXPRESSION)
    return prl_expression_new(runtime, prl_get(value, "tree"), 1, where, &out->expression, error);
  prl_status status = prl_read_number(value, where, "to", true, -INFINITY, INFINITY, &out->to, error);
  if (!status) status = prl_read_number(value, where, "over", true, 1, 1e18, &out->over, error);
  if (!status && found != PRL_SCALAR_WARMUP)
    status = prl_read_number(value, where, "from", true, -INFINITY, INFINITY, &out->from, error);
  return status;
}

static prl_status read_option(prl_live *live, const prl_value *map, int64_t index, prl_error *error) {
  const prl_value *option;
  prl_pair(map, index, &live->names[index], &option);
  live->low[index] = -INFINITY;
  live->high[index] = INFINITY;
  live->given[index] = NAN;
  const char *name = live->names[index];
  const prl_value *inner = prl_get(option, "value");
  live->documents[index] = inner ? inner : option;
  prl_status status = read_scalar(live->runtime, live->documents[index], name, &live->scalars[index], error);
  live->count = (int)index + 1;
  if (status || !inner) return status;
  status = prl_read_number(option, name, "low", false, -INFINITY, INFINITY, &live->low[index], error);
  if (!status)
    status = prl_read_number(option, name, "high", false, -INFINITY, INFINITY, &live->high[index], error);
  return status;
}

static prl_status build(prl_live *live, const prl_value *map, prl_error *error) {
  const size_t count = (size_t)prl_count(map) + 1;
  prl_runtime *runtime = live->runtime;
  if (map && map->kind != PRL_MAP && prl_count(map)) return prl_read_fail("", "live", "a map", error);
  live->names = prl_calloc(runtime, count, sizeof *live->names);
  live->documents = prl_calloc(runtime, count, sizeof *live->documents);
  live->scalars = prl_calloc(runtime, count, sizeof *live->scalars);
  live->low = prl_calloc(runtime, count, sizeof *live->low);
  live->high = prl_calloc(runtime, count, sizeof *live->high);
  live->given = prl_calloc(runtime, count, sizeof *live->given);
  live->frozen = prl_calloc(runtime, count, sizeof *live->frozen);
  prl_status status = PRL_OK;
  if (!live->names || !live->documents || !live->scalars || !live->low || !live->high || !live->given ||
      !live->frozen)
    status = prl_fail_memory(error, count * sizeof *live->scalars);
  for (int64_t i = 0; !status && i < prl_count(map); i++) status = read_option(live, map, i, error);
  if (!status) prl_live_freeze(live, 0);
  return status;
}

prl_status prl_live_new(prl_runtime *runtime, const prl_value *map, prl_live **out, prl_error *error) {
  prl_live *live = prl_calloc(runtime, 1, sizeof *live);
  if (!live) return prl_fail_memory(error, sizeof *live);
  live->runtime = runtime;
  prl_status status = build(live, map, error);
  if (status)
    prl_live_free(live);
  else
    *out = live;
  return status;
}

void prl_live_free(prl_live *live) {
  if (!live) return;
  for (int i = 0; i < live->count; i++) prl_expression_free(live->scalars[i].expression);
  prl_free(live->runtime, live->names);
  prl_free(live->runtime, live->documents);
  prl_free(live->runtime, live->scalars);
  prl_free(live->runtime, live->low);
  prl_free(live->runtime, live->high);
  prl_free(live->runtime, live->given);
  prl_free(live->runtime, live->frozen);
  prl_free(live->runtime, live);
}

prl_status prl_live_blocks(prl_live *live, prl_blocks *blocks, prl_error *error) {
  const int first = blocks->count;
  prl_status status = prl_blocks_add(blocks, "live.given", PRL_F64, live->count, live->given, error);
  if (!status) status = prl_blocks_add(blocks, "live.frozen", PRL_F64, live->count, live->frozen, error);
  prl_blocks_learned(blocks, first);
  return status;
}

int prl_live_find(const prl_live *live, const char *name) {
  for (int i = 0; i < live->count; i++)
    if (!strcmp(live->names[i], name)) return i;
  return -1;
}

/* Whether `name` is the end of a path: "lr" of "algorithm.lr". */
static bool ends_with(const char *path, const char *name) {
  size_t whole = strlen(path), part = strlen(name);
  return part && whole > part + 1 && path[whole - part - 1] == '.' && !strcmp(path + whole - part, name);
}

prl_status prl_live_need(const prl_live *live, const char *name, int *out, prl_error *error) {
  int found = prl_live_find(live, name);
  if (found >= 0) {
    *out = found;
    return PRL_OK;
  }
  for (int i = 0; i < live->count; i++)
    if (ends_with(live->names[i], name))
      return prl_fail(error, PRL_ENAME, "there is no live option \"%s\"; the nearest is \"%s\"", name,
                      live->names[i]);
  prl_nearest nearest = prl_nearest_begin(name);
  for (int i = 0; i < live->count; i++) prl_nearest_offer(&nearest, live->names[i]);
  return prl_fail(error, PRL_ENAME, "there is no live option \"%s\"%s", name, prl_nearest_hint(&nearest));
}

prl_status prl_live_set(prl_live *live, int index, double value, prl_error *error) {
  double low = live->low[index], high = live->high[index];
  const char *name = live->names[index];
  if (isfinite(value) && value >= low && value <= high) {
    live->given[index] = value;
    return PRL_OK;
  }
  if (!isfinite(low) && !isfinite(high))
    return prl_fail(error, PRL_EINVAL, "%s is %g; a finite number is needed", name, value);
  if (!isfinite(high))
    return prl_fail(error, PRL_EINVAL, "%s is %g; a number ≥ %g is needed", name, value, low);
  return prl_fail(error, PRL_EINVAL, "%s is %g; it must be from %g to %g", name, value, low, high);
}

static double piecewise(const prl_value *points, double step) {
  int64_t last = prl_count(points) - 1;
  double x0 = 0, y0 = 0;
  for (int64_t i = 0; i <= last; i++) {
    double x = prl_item(prl_item(points, i), 0)->as.number, y = prl_item(prl_item(points, i), 1)->as.number;
    if (step <= x) return i == 0 ? y : y0 + (y - y0) * (step - x0) / (x - x0);
    x0 = x;
    y0 = y;
  }
  return y0;
}

/* Of a scalar, so many steps from where it counts. */
static double value_at(const prl_scalar *s, double step) {
  double part = s->over > 0 && step < s->over ? step / s->over : 1;
  switch (s->kind) {
  case PRL_SCALAR_NUMBER:
    return s->to;
  case PRL_SCALAR_LINEAR:
  case PRL_SCALAR_WARMUP:
    return s->from + (s->to - s->from) * part;
  case PRL_SCALAR_COSINE:
    return s->to + (s->from - s->to) * 0.5 * (1 + cos(3.14159265358979323846 * part));
  case PRL_SCALAR_PIECEWISE:
    return piecewise(s->points, step);
  case PRL_SCALAR_EXPRESSION:
    return prl_expression_value(s->expression, &step);
  }
  return s->to;
}

double prl_live_value(const prl_live *live, int index, double step) {
  return isnan(live->given[index]) ? value_at(&live->scalars[index], fmax(0, step - live->origin))
                                   : live->given[index];
}

void prl_live_freeze(prl_live *live, double step) {
  for (int i = 0; i < live->count; i++) live->frozen[i] = prl_live_value(live, i, step);
}

/* ---- in a swap ---- */

static double value_of(const prl_live *live, int index, double step) {
  return index < 0 ? NAN : prl_live_value(live, index, step);
}

static const char origin_key[] = "schedules_from";

prl_status prl_live_begin(prl_live *live, const prl_value *root, prl_error *error) {
  prl_status status = prl_read_number(root, "", origin_key, false, 0, 1e18, &live->origin, error);
  if (!status) prl_live_freeze(live, 0);
  return status;
}

/* Whether the scalar is that of the option in `from`, too. */
static bool is_running(const prl_live *from, const char *name, const prl_value *document) {
  const int old = prl_live_find(from, name);
  return old >= 0 && prl_value_equal(from->documents[old], document);
}

/* The first schedule that is another one than is running, and at another number at that step from its start;
 * −1: there is none. */
static int find_other(const prl_live *to, const prl_live *from, double step) {
  for (int i = 0; i < to->count; i++) {
    const prl_scalar *s = &to->scalars[i];
    if (s->kind != PRL_SCALAR_NUMBER && value_at(s, step) != value_at(s, 0) &&
        !is_running(from, to->names[i], to->documents[i]))
      return i;
  }
  return -1;
}

prl_status prl_live_continue(prl_live *to, const prl_live *from, double step, prl_schedules schedules,
                             prl_doc *document, prl_error *error) {
  const double gone = step - from->origin;
  const int other = schedules == PRL_SCHEDULES_ASK ? find_other(to, from, gone) : -1;
  if (other >= 0)
    return prl_fail(
        error, PRL_EINVAL,
        "swap: the schedule of %s is at %.6g if it goes on at step %.0f, and at %.6g if it starts "
        "again; it must be said which: schedules go_on or restart",
        to->names[other], value_at(&to->scalars[other], gone), gone, value_at(&to->scalars[other], 0));
  to->origin = schedules == PRL_SCHEDULES_RESTART ? step : from->origin;
  if (to->origin == 0) return PRL_OK;
  prl_value *value = prl_put(document, &document->root, origin_key);
  if (!value) return prl_fail_memory(error, sizeof *value);
  prl_set_number(value, to->origin);
  return PRL_OK;
}

bool prl_live_moved(const prl_live *live, prl_schedules schedules) {
  for (int i = 0; i < live->count; i++) {
    const bool again = schedules == PRL_SCHEDULES_RESTART && live->scalars[i].kind != PRL_SCALAR_NUMBER;
    if (again || !isnan(live->given[i])) return true;
  }
  return false;
}

static void note_schedule(const prl_live *to, int i, const prl_live *from, double step, prl_migration *m) {
  const int old = prl_live_find(from, to->names[i]);
  const bool again = to->origin != from->origin, same = is_running(from, to->names[i], to->documents[i]);
  const prl_migrated entry = {"schedule",
                              to->names[i],
                              old < 0 || again ? PRL_ANEW : PRL_KEPT,
                              NULL,
                              0,
                              0,
                              value_of(from, old, step),
                              value_of(to, i, step)};
  if (again)
    prl_migration_note(m, &entry, "it starts again, at step %.0f", step);
  else
    prl_migration_note(m, &entry, "%s at its step %.0f",
                       same ? "it goes on, unchanged," : "the new recipe's goes on", step - to->origin);
}

void prl_live_note(const prl_live *to, const prl_live *from, double step, prl_migration *m) {
  for (int i = 0; i < to->count; i++)
    if (to->scalars[i].kind != PRL_SCALAR_NUMBER) note_schedule(to, i, from, step, m);
  for (int i = 0; i < from->count; i++) {
    const int ours = prl_live_find(to, from->names[i]);
    if (isnan(from->given[i])) continue;
    prl_migration_note(m,
                       &(prl_migrated){"option", from->names[i], PRL_DROPPED, NULL, 0, 0, from->given[i],
                                       value_of(to, ours, step)},
                       ours < 0 ? "it was set by hand, and the new plan has no such option"
                                : "it was set by hand; the new recipe's value holds");
  }
}

prl_status prl_live_ref(const prl_live *live, const prl_value *map, const char *where, const char *key,
                        double fallback, prl_ref *out, prl_error *error) {
  const prl_value *value = prl_get(map, key);
  *out = (prl_ref){.live = -1, .number = fallback};
  if (!value || value->kind == PRL_NULL) return PRL_OK;
  if (value->kind == PRL_NUMBER) {
    out->number = value->as.number;
    return PRL_OK;
  }
  if (value->kind != PRL_STRING)
    return prl_read_fail(where, key, "a number or the name of a live option", error);
  return prl_live_need(live, value->as.text, &out->live, error);
}
