/* The plan's observation, action, responses and capacity, read and checked. */
#include "agent/plan/shape.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/read.h"

/* ---- observations and actions ---- */

static const char *text_at(const prl_value *list, int64_t index, const char *fallback) {
  const prl_value *value = list && index < prl_count(list) ? prl_item(list, index) : NULL;
  return value && value->kind == PRL_STRING ? value->as.text : fallback;
}

static double number_at(const prl_value *list, int64_t index, double fallback) {
  const prl_value *value = list && index < prl_count(list) ? prl_item(list, index) : NULL;
  return value && value->kind == PRL_NUMBER ? value->as.number : fallback;
}

/* Bounds as floats that do not lie outside of them; one that the document does not give is infinite. */
static prl_status read_bounds(const prl_value *map, const char *where, int64_t index, float *low, float *high,
                              prl_error *error) {
  double from = number_at(prl_get(map, "low"), index, -INFINITY);
  double to = number_at(prl_get(map, "high"), index, INFINITY);
  if (!(from <= to)) return prl_read_fail(where, "low", "bounds that are not above \"high\"", error);
  *low = (float)from;
  *high = (float)to;
  if ((double)*low < from) *low = nextafterf(*low, INFINITY);
  if ((double)*high > to) *high = nextafterf(*high, -INFINITY);
  return PRL_OK;
}

static prl_status read_observation(prl_shape *s, const prl_value *root, prl_error *error) {
  const prl_value *map, *names;
  prl_status status = prl_read_value(root, "", "observation", PRL_MAP, &map, error);
  if (!status) status = prl_read_value(map, "observation", "names", PRL_ARRAY, &names, error);
  if (status) return status;
  int64_t count = prl_count(names);
  if (!count) return prl_read_fail("observation", "names", "at least one name", error);
  prl_observation_spec *list = prl_calloc(s->runtime, (size_t)count, sizeof *list);
  if (!list) return prl_fail_memory(error, (size_t)count * sizeof *list);
  s->spec.observation = list;
  s->spec.observations = (int32_t)count;
  for (int64_t i = 0; !status && i < count; i++) {
    list[i].name = text_at(names, i, "?");
    list[i].unit = text_at(prl_get(map, "units"), i, "");
    status = read_bounds(map, "observation", i, &list[i].low, &list[i].high, error);
  }
  return status;
}

static prl_status read_action(prl_shape *s, const prl_value *root, prl_error *error) {
  static const char *const kinds[] = {"discrete", "multi_discrete", "continuous"};
  const prl_value *map, *names;
  const char *kind;
  prl_status status = prl_read_value(root, "", "action", PRL_MAP, &map, error);
  if (!status) status = prl_read_string(map, "action", "kind", &kind, error);
  if (!status) status = prl_read_value(map, "action", "names", PRL_ARRAY, &names, error);
  if (status) return status;
  int found = prl_read_word(kind, kinds, 3);
  if (found < 0) return prl_read_fail("action", "kind", "discrete, multi_discrete or continuous", error);
  int64_t count = prl_count(names);
  if (!count) return prl_read_fail("action", "names", "at least one name", error);
  prl_action_spec *list = prl_calloc(s->runtime, (size_t)count, sizeof *list);
  if (!list) return prl_fail_memory(error, (size_t)count * sizeof *list);
  s->spec.action_kind = (prl_action_kind)found;
  s->spec.action = list;
  s->spec.actions = (int32_t)count;
  for (int64_t i = 0; !status && i < count; i++) {
    list[i].name = text_at(names, i, "?");
    list[i].unit = text_at(prl_get(map, "units"), i, "");
    list[i].choices = (int32_t)fmax(0, fmin(INT32_MAX, number_at(prl_get(map, "choices"), i, 0)));
    status = read_bounds(map, "action", i, &list[i].low, &list[i].high, error);
  }
  return status;
}

/* ---- responses ---- */

static prl_status read_response(const prl_value *map, prl_response_spec *out, prl_error *error) {
  static const char *const rules[] = {"sum", "last", "first", "max"};
  int64_t wait = 0;
  double missing = 0;
  const char *name;
  prl_status status = prl_read_string(map, "responses", "name", &name, error);
  if (!status) status = prl_read_number(map, name, "missing", false, -3e38, 3e38, &missing, error);
  if (!status) status = prl_read_int(map, name, "wait_us", false, 0, INT64_C(1) << 53, &wait, error);
  if (status) return status;
  int found = prl_read_word(prl_get_string(map, "combine", "sum"), rules, 4);
  if (found < 0) return prl_read_fail(name, "combine", "sum, last, first or max", error);
  *out = (prl_response_spec){.name = name,
                             .unit = prl_get_string(map, "unit", ""),
                             .missing = (float)missing,
                             .combine = (prl_combine)found,
                             .wait_us = wait};
  return PRL_OK;
}

static prl_status read_responses(prl_shape *s, const prl_value *root, prl_error *error) {
  const prl_value *list;
  prl_experience_options *o = &s->experience;
  prl_status status = prl_read_value(root, "", "responses", PRL_ARRAY, &list, error);
  if (status) return status;
  size_t count = (size_t)prl_count(list);
  prl_response_spec *responses = prl_calloc(s->runtime, count + 1, sizeof *responses);
  s->spec.response = responses;
  s->rules = prl_calloc(s->runtime, count + 1, sizeof *s->rules);
  s->response_names = prl_calloc(s->runtime, count + 1, sizeof *s->response_names);
  if (!responses || !s->rules || !s->response_names) return prl_fail_memory(error, count * sizeof *responses);
  for (size_t i = 0; i < count; i++) {
    status = read_response(prl_item(list, (int64_t)i), &responses[i], error);
    if (status) return status;
    s->rules[i] = (prl_response_rule){.missing = responses[i].missing, .combine = responses[i].combine};
    s->response_names[i] = responses[i].name;
    if (responses[i].wait_us > o->wait_us) o->wait_us = responses[i].wait_us;
  }
  s->spec.responses = (int32_t)count;
  return PRL_OK;
}

/* ---- capacities ---- */

/* The first gate, whose rows give the other capacities their defaults; NULL: there is none. */
static const prl_value *first_collect(const prl_value *root) {
  const prl_value *schedule = prl_get(root, "schedule");
  for (int64_t i = 0; i < prl_count(schedule); i++)
    if (!strcmp(prl_get_string(prl_item(schedule, i), "verb", ""), "collect")) return prl_item(schedule, i);
  return NULL;
}

/* The largest number that a verb of the schedule has in this field, 1 where it has none; 0: there is no such
 * verb. */
static int64_t most_of(const prl_value *body, const char *verb, const char *field) {
  int64_t most = 0;
  for (int64_t i = 0; i < prl_count(body); i++) {
    const prl_value *one = prl_item(body, i), *inner = prl_get(one, "body");
    int64_t here = 0;
    if (!strcmp(prl_get_string(one, "verb", ""), verb)) here = prl_get_int(one, field, 1);
    if (inner && inner->kind == PRL_ARRAY) here = most_of(inner, verb, field);
    if (here > most || here < 0) most = here;
  }
  return most;
}

/* The exponent of the draws by priority: one, since a memory keeps one priority for each row. */
static prl_status read_priority(prl_shape *s, const prl_value *body, prl_error *error) {
  prl_status status = PRL_OK;
  for (int64_t i = 0; !status && i < prl_count(body); i++) {
    const prl_value *one = prl_item(body, i), *inner = prl_get(one, "body");
    double priority = 0;
    if (inner && inner->kind == PRL_ARRAY) status = read_priority(s, inner, error);
    if (status || strcmp(prl_get_string(one, "verb", ""), "sample")) continue;
    status = prl_read_number(one, "schedule.sample", "priority", false, 0, 1, &priority, error);
    if (status || priority == 0) continue;
    if (s->priority > 0 && s->priority != priority)
      return prl_fail(error, PRL_EFORMAT,
                      "plan: schedule.sample.priority is %g and %g; a memory has one exponent", s->priority,
                      priority);
    s->priority = priority;
  }
  return status;
}

/* The replay memory and what is drawn from it follow from the verbs that keep and draw. */
static prl_status read_memory(prl_shape *s, const prl_value *root, prl_error *error) {
  const struct {
    const char *verb, *field;
    int64_t most;
    int64_t *out;
  } all[] = {{"remember", "rows", 1 << 28, &s->memory_rows},
             {"sample", "size", 1 << 20, &s->draw_rows},
             {"sample", "steps", 1 << 10, &s->draw_steps}};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    *all[i].out = most_of(prl_get(root, "schedule"), all[i].verb, all[i].field);
    if (*all[i].out < 0 || *all[i].out > all[i].most)
      return prl_fail(error, PRL_EFORMAT,
                      "plan: schedule.%s.%s is %" PRId64 "; at most %" PRId64 " is accepted", all[i].verb,
                      all[i].field, *all[i].out, all[i].most);
  }
  const int64_t least = 2 * s->frozen_rows + s->experience.streams;
  if (s->memory_rows && s->memory_rows < least)
    return prl_fail(error, PRL_EFORMAT,
                    "plan: schedule.remember.rows is %" PRId64 "; an update brings up to %" PRId64
                    " rows of %" PRId64 " streams, and %" PRId64 " are needed",
                    s->memory_rows, s->frozen_rows, s->experience.streams, least);
  if (s->memory_rows && s->memory_rows < s->draw_rows)
    return prl_fail(error, PRL_EFORMAT,
                    "plan: schedule.remember.rows is %" PRId64 ", less than the %" PRId64 " rows of a draw",
                    s->memory_rows, s->draw_rows);
  s->frozen_rows = s->batch_rows;
  if (s->draw_rows > s->batch_rows) s->batch_rows = s->draw_rows;
  s->asynchronous = prl_get_bool(root, "asynchronous", false);
  s->ratios = most_of(prl_get(root, "schedule"), "ratios", "") != 0;
  s->continuation = most_of(prl_get(root, "schedule"), "continuation", "") != 0;
  s->experience.kept = s->memory_rows > 0 || s->ratios;
  s->experience.finals = prl_get(root, "novelty") != NULL;
  if (s->experience.lasting && s->memory_rows)
    return prl_fail(error, PRL_EFORMAT, "plan: noise.lasting: a replay memory does not keep what lasts");
  if (s->experience.finals && s->memory_rows)
    return prl_fail(error, PRL_EFORMAT,
                    "plan: novelty: a replay memory does not keep where a terminated episode ended");
  return read_priority(s, prl_get(root, "schedule"), error);
}

static prl_status read_capacity(prl_shape *s, const prl_value *root, prl_error *error) {
  const prl_value *map = prl_get(root, "capacity");
  const int64_t most = 1 << 28;
  const char *stale = prl_get_string(map, "stale", "keep");
  prl_experience_options *o = &s->experience;
  const prl_value *gate = first_collect(root);
  s->batch_rows = prl_get_int(gate, "rows", 1);
  s->act_rows = 64;
  s->tile_rows = 256;
  o->streams = 1024;
  prl_status status = prl_read_int(map, "capacity", "batch", false, 1, most / 2, &s->batch_rows, error);
  if (s->batch_rows < 1 || s->batch_rows > most / 2)
    return prl_fail(error, PRL_EFORMAT,
                    "plan: schedule.collect.rows is %" PRId64 "; it must be from 1 to %" PRId64,
                    s->batch_rows, most / 2);
  o->rows = 2 * s->batch_rows;
  if (!status) status = prl_read_int(map, "capacity", "rows", false, 1, most, &o->rows, error);
  o->events = o->rows;
  if (!status) status = prl_read_int(map, "capacity", "streams", false, 1, most, &o->streams, error);
  if (!status) status = prl_read_int(map, "capacity", "events", false, 0, most, &o->events, error);
  if (!status) status = prl_read_int(map, "capacity", "act", false, 1, 1 << 20, &s->act_rows, error);
  if (!status) status = prl_read_int(map, "capacity", "tile", false, 1, 1 << 20, &s->tile_rows, error);
  if (!status)
    status = prl_read_int(map, "capacity", "idle_us", false, 0, INT64_C(1) << 53, &o->idle_us, error);
  if (status) return status;
  if (strcmp(stale, "keep") && strcmp(stale, "drop"))
    return prl_read_fail("capacity", "stale", "keep or drop", error);
  o->whole = prl_get_bool(gate, "whole", false);
  o->paired = o->whole && prl_get_bool(gate, "paired", false);
  if (s->batch_rows > o->rows || o->whole) s->batch_rows = o->rows; /* no episode is left in part */
  if (s->batch_rows > most / 2)
    return prl_read_fail("capacity", "rows", "at most 2^27 where collect is whole", error);
  s->frozen_rows = s->batch_rows;
  s->drop_stale = !strcmp(stale, "drop");
  return PRL_OK;
}

/* ---- noise ---- */

/* theta · dt above 1 would overshoot in every step, and above 2 diverge. */
static prl_status read_process(prl_shape *s, const prl_value *map, prl_error *error) {
  prl_status status = prl_read_number(map, "noise", "theta", true, 1e-9, 1e9, &s->noise_theta, error);
  if (!status) status = prl_read_number(map, "noise", "dt", true, 1e-9, 1e9, &s->noise_dt, error);
  if (!status && s->noise_theta * s->noise_dt > 1)
    status = prl_read_fail("noise", "dt", "at most 1 / theta", error);
  if (!status && s->noise_every != 1)
    status = prl_read_fail("noise", "every", "1 with theta: the draws of a process are independent", error);
  if (!status && s->spec.action_kind != PRL_ACTION_CONTINUOUS)
    status = prl_read_fail("noise", "theta", "none: actions are choices, whose draws are uniform", error);
  return status;
}

static prl_status read_noise(prl_shape *s, const prl_value *root, prl_error *error) {
  const prl_value *map = prl_get(root, "noise");
  const int64_t most = 1 << 20;
  const bool plain = !map || map->kind != PRL_MAP;
  s->noise_every = 1;
  prl_status status = plain ? prl_read_int(root, "", "noise", false, 0, most, &s->noise, error)
                            : prl_read_int(map, "noise", "width", true, 0, most, &s->noise, error);
  s->noise_drawn = s->noise;
  if (status || plain) return status;
  int64_t lasting = 0;
  status = prl_read_int(map, "noise", "lasting", false, 0, s->noise, &lasting, error);
  s->experience.lasting = (int32_t)lasting;
  if (!status && lasting && prl_get(map, "theta"))
    status =
        prl_read_fail("noise", "theta", "none with lasting: the draws of a process are independent", error);
  if (status) return status;
  status = prl_read_int(map, "noise", "drawn", false, 0, most, &s->noise_drawn, error);
  if (!status) status = prl_read_int(map, "noise", "every", false, 0, INT32_MAX, &s->noise_every, error);
  return status || !prl_get(map, "theta") ? status : read_process(s, map, error);
}

/* ---- arms ---- */

/* Their number alone; policy/arms.c reads their shares. A memory does not say which of them acted. */
static prl_status read_arms(prl_shape *s, const prl_value *root, prl_error *error) {
  const prl_value *list = prl_get(root, "arms");
  if (!list) return PRL_OK;
  const int64_t count = prl_count(list);
  if (list->kind != PRL_ARRAY || count < 1 || count > PRL_ARMS_MOST)
    return prl_read_fail("", "arms", "a list of 1 to 16 policies", error);
  if (s->memory_rows)
    return prl_fail(error, PRL_EFORMAT,
                    "plan: arms: a replay memory does not keep which of several policies acted");
  s->experience.arms = (int32_t)count;
  return PRL_OK;
}

/* ---- ids ---- */

static prl_status read_ids(prl_shape *s, const prl_value *root, prl_error *error) {
  const prl_value *list = prl_get(root, "ids");
  const int64_t count = s->spec.observations;
  const double most = 1 << 24; /* which float32 tells apart */
  if (!list) return PRL_OK;
  bool good = list->kind == PRL_ARRAY && prl_count(list) == count;
  s->ids = prl_calloc(s->runtime, (size_t)count, sizeof *s->ids);
  if (!s->ids) return prl_fail_memory(error, (size_t)count * sizeof *s->ids);
  for (int64_t i = 0; good && i < count; i++) {
    const double number = number_at(list, i, -1);
    good = number >= 0 && number <= most && number == floor(number);
    if (good) s->ids[i] = (int64_t)number;
  }
  return good ? PRL_OK : prl_read_fail("", "ids", "a whole number for each observation", error);
}

/* ---- the policy's memory ---- */

static prl_status read_recurrence(prl_shape *s, const prl_value *root, prl_error *error) {
  const prl_value *map = prl_get(root, "memory");
  int64_t width = 0;
  if (!map) return PRL_OK;
  if (map->kind != PRL_MAP) return prl_read_fail("", "memory", "a map", error);
  prl_status status = prl_read_int(map, "memory", "width", true, 1, 1 << 16, &width, error);
  if (!status) status = prl_read_int(map, "memory", "stretch", true, 1, 1 << 20, &s->memory_stretch, error);
  s->experience.memory = (int32_t)width;
  return status;
}

static prl_status read(prl_shape *s, const prl_value *root, prl_error *error) {
  int64_t seed = 0, format = 0;
  prl_status status = prl_read_int(root, "", "format", true, 2, 2, &format, error);
  if (!status) status = prl_read_int(root, "", "seed", true, 0, INT64_C(1) << 53, &seed, error);
  if (!status) status = prl_read_int(root, "", "warmup", false, 0, INT64_C(1) << 40, &s->warmup, error);
  if (!status) status = read_observation(s, root, error);
  if (!status) status = read_ids(s, root, error);
  if (!status) status = read_action(s, root, error);
  if (!status) status = read_noise(s, root, error);
  if (!status) status = read_capacity(s, root, error);
  if (!status) status = read_memory(s, root, error);
  if (!status) status = read_recurrence(s, root, error);
  if (!status) status = read_arms(s, root, error);
  if (!status) status = read_responses(s, root, error);
  if (status) return status;
  prl_experience_options *o = &s->experience;
  o->dated = prl_get(root, "guards") != NULL;
  s->raw = prl_get_bool(prl_get(root, "normaliser"), "raw", false);
  s->seed = o->seed = (uint64_t)seed;
  o->observations = s->spec.observations + o->memory;
  o->actions = s->spec.actions;
  o->responses = s->spec.responses;
  o->names = s->response_names;
  o->rules = s->rules;
  return PRL_OK;
}

/* ---- life ---- */

prl_status prl_shape_new(prl_runtime *runtime, const prl_value *root, prl_shape **out, prl_error *error) {
  prl_shape *s = prl_calloc(runtime, 1, sizeof *s);
  if (!s) return prl_fail_memory(error, sizeof *s);
  s->runtime = runtime;
  prl_status status = read(s, root, error);
  if (status) {
    prl_shape_free(s);
    return status;
  }
  *out = s;
  return PRL_OK;
}

void prl_shape_free(prl_shape *s) {
  if (!s) return;
  void *blocks[] = {(void *)s->spec.observation, (void *)s->spec.action,
                    (void *)s->spec.response,    s->rules,
                    s->response_names,           s->ids};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) prl_free(s->runtime, blocks[i]);
  prl_free(s->runtime, s);
}

prl_status prl_shape_check_env(const prl_shape *s, const char *name, const prl_env_spec *env,
                               prl_error *error) {
  const prl_env_spec *own = &s->spec;
  if (env->observations == own->observations && env->actions == own->actions &&
      env->responses == own->responses)
    return PRL_OK;
  return prl_fail(error, PRL_ESHAPE,
                  "environment \"%s\" has %" PRId32 " observations, %" PRId32 " actions and %" PRId32
                  " responses; the agent has %" PRId32 ", %" PRId32 " and %" PRId32,
                  name, env->observations, env->actions, env->responses, own->observations, own->actions,
                  own->responses);
}
