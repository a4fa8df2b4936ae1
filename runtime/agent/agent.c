#include "agent/agent.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "agent/read.h"
#include "core/nearest.h"

enum { NOISE_DRAWS = 32 }; /* of one chunk: what one pass of the generator makes */

/* ---- shapes and capacities ---- */

/* The bounds as floats that do not lie outside of them. */
static prl_status read_bounds(prl_agent *a, const prl_value *action, prl_error *error) {
  const prl_value *low = prl_get(action, "low"), *high = prl_get(action, "high");
  a->action_low = prl_calloc(a->runtime, (size_t)a->actions, sizeof(float));
  a->action_high = prl_calloc(a->runtime, (size_t)a->actions, sizeof(float));
  if (!a->action_low || !a->action_high) return prl_fail_memory(error, (size_t)a->actions * sizeof(float));
  for (int32_t k = 0; k < a->actions; k++) {
    const prl_value *least = prl_item(low, k), *most = prl_item(high, k);
    double from = least && least->kind == PRL_NUMBER ? least->as.number : -INFINITY;
    double to = most && most->kind == PRL_NUMBER ? most->as.number : INFINITY;
    if (!(from <= to)) return prl_read_fail("action", "low", "bounds that are not above \"high\"", error);
    a->action_low[k] = (float)from;
    a->action_high[k] = (float)to;
    if ((double)a->action_low[k] < from) a->action_low[k] = nextafterf(a->action_low[k], INFINITY);
    if ((double)a->action_high[k] > to) a->action_high[k] = nextafterf(a->action_high[k], -INFINITY);
  }
  return PRL_OK;
}

static prl_status read_action(prl_agent *a, prl_error *error) {
  static const char *const kinds[] = {"discrete", "multi_discrete", "continuous"};
  const prl_value *action, *names;
  const char *kind;
  prl_status status = prl_read_value(a->root, "", "action", PRL_MAP, &action, error);
  if (!status) status = prl_read_string(action, "action", "kind", &kind, error);
  if (!status) status = prl_read_value(action, "action", "names", PRL_ARRAY, &names, error);
  if (status) return status;
  int found = -1;
  for (int i = 0; i < 3; i++)
    if (!strcmp(kinds[i], kind)) found = i;
  if (found < 0) return prl_read_fail("action", "kind", "discrete, multi_discrete or continuous", error);
  a->action_kind = (prl_action_kind)found;
  a->actions = (int32_t)prl_count(names);
  if (!a->actions) return prl_read_fail("action", "names", "at least one name", error);
  return read_bounds(a, action, error);
}

static prl_status read_shapes(prl_agent *a, prl_error *error) {
  const prl_value *observation;
  int64_t seed = 0;
  prl_status status = prl_read_value(a->root, "", "observation", PRL_MAP, &observation, error);
  if (!status)
    status = prl_read_value(observation, "observation", "names", PRL_ARRAY, &a->observation_names, error);
  if (!status) status = prl_read_int(a->root, "", "seed", true, 0, INT64_C(1) << 53, &seed, error);
  if (!status) status = prl_read_int(a->root, "", "warmup", false, 0, INT64_C(1) << 40, &a->warmup, error);
  if (!status) status = prl_read_int(a->root, "", "noise", false, 0, 1 << 20, &a->noise, error);
  if (status) return status;
  a->seed = (uint64_t)seed;
  a->observations = (int32_t)prl_count(a->observation_names);
  if (!a->observations) return prl_read_fail("observation", "names", "at least one name", error);
  return read_action(a, error);
}

/* The rows of the first gate, which give the other capacities their defaults. */
static int64_t first_collect(const prl_value *root) {
  const prl_value *schedule = prl_get(root, "schedule");
  for (int64_t i = 0; i < prl_count(schedule); i++)
    if (!strcmp(prl_get_string(prl_item(schedule, i), "verb", ""), "collect"))
      return prl_get_int(prl_item(schedule, i), "rows", 1);
  return 1;
}

static prl_status read_capacity(prl_agent *a, prl_experience_options *o, prl_error *error) {
  const prl_value *map = prl_get(a->root, "capacity");
  const int64_t most = 1 << 28;
  const char *stale = prl_get_string(map, "stale", "keep");
  a->batch_rows = first_collect(a->root);
  a->act_rows = 64;
  a->tile_rows = 256;
  o->streams = 1024;
  prl_status status = prl_read_int(map, "capacity", "batch", false, 1, most / 2, &a->batch_rows, error);
  if (a->batch_rows < 1 || a->batch_rows > most / 2)
    return prl_fail(error, PRL_EFORMAT, "plan: schedule.collect.rows is %lld; it must be from 1 to %lld",
                    (long long)a->batch_rows, (long long)(most / 2));
  o->rows = 2 * a->batch_rows;
  if (!status) status = prl_read_int(map, "capacity", "rows", false, 1, most, &o->rows, error);
  o->events = o->rows;
  if (!status) status = prl_read_int(map, "capacity", "streams", false, 1, most, &o->streams, error);
  if (!status) status = prl_read_int(map, "capacity", "events", false, 0, most, &o->events, error);
  if (!status) status = prl_read_int(map, "capacity", "act", false, 1, 1 << 20, &a->act_rows, error);
  if (!status) status = prl_read_int(map, "capacity", "tile", false, 1, 1 << 20, &a->tile_rows, error);
  if (!status)
    status = prl_read_int(map, "capacity", "idle_us", false, 0, INT64_C(1) << 53, &o->idle_us, error);
  if (status) return status;
  if (strcmp(stale, "keep") && strcmp(stale, "drop"))
    return prl_read_fail("capacity", "stale", "keep or drop", error);
  if (a->batch_rows > o->rows) a->batch_rows = o->rows;
  a->drop_stale = o->drop_stale = !strcmp(stale, "drop");
  return PRL_OK;
}

static prl_status read_response(prl_agent *a, const prl_value *map, int64_t index, prl_experience_options *o,
                                prl_response_rule *rule, prl_error *error) {
  static const char *const rules[] = {"sum", "last", "first", "max"};
  int64_t wait = 0;
  double missing = 0;
  const char *name;
  prl_status status = prl_read_string(map, "responses", "name", &name, error);
  if (!status) status = prl_read_number(map, name, "missing", false, -3e38, 3e38, &missing, error);
  if (!status) status = prl_read_int(map, name, "wait_us", false, 0, INT64_C(1) << 53, &wait, error);
  if (status) return status;
  int found = -1;
  for (int i = 0; i < 4; i++)
    if (!strcmp(rules[i], prl_get_string(map, "combine", "sum"))) found = i;
  if (found < 0) return prl_read_fail(name, "combine", "sum, last, first or max", error);
  *rule = (prl_response_rule){.missing = (float)missing, .combine = (prl_combine)found};
  a->response_names[index] = name;
  if (wait > o->wait_us) o->wait_us = wait;
  return PRL_OK;
}

static prl_status build_experience(prl_agent *a, prl_error *error) {
  const prl_value *list;
  prl_experience_options o = {.seed = a->seed, .observations = a->observations, .actions = a->actions};
  prl_status status = read_capacity(a, &o, error);
  if (!status) status = prl_read_value(a->root, "", "responses", PRL_ARRAY, &list, error);
  if (status) return status;
  size_t count = (size_t)prl_count(list);
  prl_response_rule *rules = prl_calloc(a->runtime, count + 1, sizeof *rules);
  a->response_names = prl_calloc(a->runtime, count + 1, sizeof *a->response_names);
  if (!rules || !a->response_names) status = prl_fail_memory(error, count * sizeof *rules);
  for (int64_t i = 0; !status && i < (int64_t)count; i++)
    status = read_response(a, prl_item(list, i), i, &o, &rules[i], error);
  a->responses = o.responses = (int32_t)count;
  o.rules = rules;
  o.names = a->response_names;
  if (!status) status = prl_experience_new(a->runtime, &o, &a->experience, error);
  prl_free(a->runtime, rules);
  if (!status) status = prl_batch_init(&a->batch, a->runtime, a->batch_rows, &a->experience->options, error);
  return status;
}

static prl_status build_buffers(prl_agent *a, prl_error *error) {
  size_t rows = (size_t)a->batch_rows, streams = (size_t)a->experience->options.streams,
         call = (size_t)a->act_rows;
  size_t width = (size_t)a->observations;
  a->observation = prl_alloc(a->runtime, 2 * rows * width * sizeof(float));
  a->advantage = prl_calloc(a->runtime, rows, sizeof(float));
  a->discount = prl_calloc(a->runtime, rows, sizeof *a->discount);
  a->order = prl_calloc(a->runtime, rows, sizeof *a->order);
  a->lengths = prl_calloc(a->runtime, streams, sizeof *a->lengths);
  a->log_prob = prl_calloc(a->runtime, streams > call ? streams : call, sizeof(float));
  a->noise_steps = a->noise > 0 && a->noise <= NOISE_DRAWS ? NOISE_DRAWS / a->noise : 1;
  a->noise_chunks = prl_calloc(a->runtime, streams * (size_t)(a->noise_steps * a->noise), sizeof(float));
  a->noise_tags = prl_calloc(a->runtime, streams, sizeof *a->noise_tags);
  if (!a->noise_chunks || !a->noise_tags) return prl_fail_memory(error, streams * sizeof *a->noise_tags);
  for (size_t i = 0; i < streams; i++) a->noise_tags[i].chunk = UINT32_MAX; /* none yet */
  if (!a->observation || !a->advantage || !a->discount || !a->order || !a->lengths || !a->log_prob)
    return prl_fail_memory(error, 2 * rows * width * sizeof(float));
  const prl_value *map = prl_get(a->root, "normaliser");
  a->normalise = map && map->kind == PRL_MAP;
  if (!a->normalise) return PRL_OK;
  double clip = 10;
  prl_status status = prl_read_number(map, "normaliser", "clip", false, 1e-3, 1e6, &clip, error);
  return status ? status
                : prl_normaliser_init(&a->normaliser, a->runtime, a->observations, (float)clip, error);
}

/* ---- parameters ---- */

static prl_status read_shape(const prl_value *map, const char *name, prl_tensor *out, prl_error *error) {
  const prl_value *shape;
  int64_t sizes[PRL_MAX_DIMS];
  prl_status status = prl_read_value(map, name, "shape", PRL_ARRAY, &shape, error);
  if (status) return status;
  if (prl_count(shape) > PRL_MAX_DIMS) return prl_read_fail(name, "shape", "at most 6 sizes", error);
  for (int64_t d = 0; d < prl_count(shape); d++) {
    const prl_value *size = prl_item(shape, d);
    if (size->kind != PRL_NUMBER || !(size->as.number >= 1 && size->as.number <= 1e9))
      return prl_read_fail(name, "shape", "sizes of at least 1", error);
    sizes[d] = (int64_t)size->as.number;
  }
  prl_tensor_borrow(NULL, PRL_F32, (int)prl_count(shape), sizes, out);
  return PRL_OK;
}

/* A parameter with its starting values, or with zeros. */
static prl_status build_param(prl_agent *a, const prl_value *map, const char *set, const prl_plan *values,
                              prl_param **out, prl_error *error) {
  const char *name;
  prl_tensor shape, zeros = {0};
  prl_status status = prl_read_string(map, "sets.params", "name", &name, error);
  if (!status) status = read_shape(map, name, &shape, error);
  if (status) return status;
  const prl_tensor *from = values ? prl_plan_tensor_find(values, set, name) : NULL;
  if (!from) {
    status = prl_tensor_new(a->runtime, PRL_F32, shape.ndim, shape.shape, &zeros, error);
    if (status) return status;
    from = &zeros;
  }
  const prl_value *sparse = prl_get(map, "row_sparse");
  bool row_sparse =
      sparse &&
      (sparse->kind == PRL_BOOL ? sparse->as.boolean : sparse->kind == PRL_NUMBER && sparse->as.number != 0);
  status = prl_param_new(a->runtime, name, from, row_sparse, out, error);
  prl_tensor_release(&zeros);
  return status;
}

static prl_status build_set(prl_agent *a, const prl_value *map, const prl_plan *values, prl_params **out,
                            prl_error *error) {
  const char *name;
  const prl_value *list;
  prl_status status = prl_read_string(map, "sets", "name", &name, error);
  if (!status) status = prl_read_value(map, name, "params", PRL_ARRAY, &list, error);
  if (status) return status;
  int count = (int)prl_count(list), made = 0;
  prl_param **items = prl_calloc(a->runtime, (size_t)count + 1, sizeof *items);
  if (!items) return prl_fail_memory(error, (size_t)count * sizeof *items);
  for (; !status && made < count; made += !status)
    status = build_param(a, prl_item(list, made), name, values, &items[made], error);
  if (!status) status = prl_params_new(a->runtime, name, items, count, out, error);
  for (int i = 0; i < made; i++) prl_param_release(items[i]);
  prl_free(a->runtime, items);
  return status;
}

int prl_agent_set_find(const prl_agent *a, const char *name, size_t length) {
  for (int i = 0; i < a->sets_count; i++)
    if (!strncmp(a->sets[i]->name, name, length) && !a->sets[i]->name[length]) return i;
  return -1;
}

static prl_status build_sets(prl_agent *a, const prl_plan *values, prl_error *error) {
  const prl_value *list;
  prl_status status = prl_read_value(a->root, "", "sets", PRL_ARRAY, &list, error);
  if (status) return status;
  size_t count = (size_t)prl_count(list);
  a->sets = prl_calloc(a->runtime, count + 1, sizeof *a->sets);
  a->published = prl_calloc(a->runtime, count + 1, sizeof *a->published);
  if (!a->sets || !a->published) return prl_fail_memory(error, count * sizeof *a->sets);
  for (; !status && a->sets_count < (int)count; a->sets_count += !status)
    status = build_set(a, prl_item(list, a->sets_count), values, &a->sets[a->sets_count], error);
  return status;
}

static prl_status build_optim(prl_agent *a, const prl_value *map, prl_optim **out, prl_error *error) {
  const char *set, *kind;
  prl_optim_kind found;
  prl_status status = prl_read_string(map, "optims", "set", &set, error);
  if (!status) status = prl_read_string(map, "optims", "kind", &kind, error);
  if (!status) status = prl_optim_kind_find(kind, &found, error);
  if (status) return status;
  int index = prl_agent_set_find(a, set, strlen(set));
  if (index < 0)
    return prl_fail(error, PRL_EFORMAT, "plan: an optimizer for the set \"%s\", which there is not", set);
  for (int i = 0; i < a->optims_count; i++)
    if (a->optims[i]->params == a->sets[index])
      return prl_fail(error, PRL_EFORMAT, "plan: two optimizers for the set \"%s\"", set);
  prl_optim_options o = prl_optim_defaults(found);
  const struct {
    const char *key;
    float *value;
  } numbers[] = {{"lr", &o.lr},       {"momentum", &o.momentum}, {"alpha", &o.alpha},
                 {"beta1", &o.beta1}, {"beta2", &o.beta2},       {"epsilon", &o.epsilon},
                 {"decay", &o.decay}, {"max_norm", &o.max_norm}, {"max_value", &o.max_value}};
  for (size_t i = 0; !status && i < sizeof numbers / sizeof *numbers; i++) {
    double number = (double)*numbers[i].value;
    status = prl_read_number(map, set, numbers[i].key, false, -3e38, 3e38, &number, error);
    *numbers[i].value = (float)number;
  }
  o.nesterov = prl_get_bool(map, "nesterov", false);
  return status ? status : prl_optim_new(a->sets[index], &o, out, error);
}

static prl_status build_optims(prl_agent *a, prl_error *error) {
  const prl_value *list;
  prl_status status = prl_read_value(a->root, "", "optims", PRL_ARRAY, &list, error);
  if (status) return status;
  size_t count = (size_t)prl_count(list);
  a->optims = prl_calloc(a->runtime, count + 1, sizeof *a->optims);
  a->optim_steps = prl_calloc(a->runtime, count + 1, sizeof *a->optim_steps);
  if (!a->optims || !a->optim_steps) return prl_fail_memory(error, count * sizeof *a->optims);
  for (; !status && a->optims_count < (int)count; a->optims_count += !status)
    status = build_optim(a, prl_item(list, a->optims_count), &a->optims[a->optims_count], error);
  return status;
}

/* ---- life ---- */

static prl_status build(prl_agent *a, const prl_plan *values, prl_error *error) {
  prl_status status = read_shapes(a, error);
  if (!status) status = prl_live_init(&a->live, a->runtime, prl_get(a->root, "live"), error);
  if (!status) status = build_experience(a, error);
  if (!status) status = build_buffers(a, error);
  if (!status) status = build_sets(a, values, error);
  if (!status) status = build_optims(a, error);
  if (!status) status = prl_gauges_build(a, error);
  if (!status) status = prl_critics_build(a, error);
  if (!status) status = prl_routines_build(a, error);
  if (!status) status = prl_schedule_build(a, error);
  if (!status) status = prl_agent_register(a, error);
  if (status) return status;
  a->n.warmed = a->warmup == 0;
  prl_routines_fill_live(a);
  return PRL_OK;
}

prl_status prl_agent_build(prl_runtime *runtime, const prl_value *document, const prl_plan *values,
                           prl_agent **out, prl_error *error) {
  prl_agent *a = prl_calloc(runtime, 1, sizeof *a);
  if (!a) return prl_fail_memory(error, sizeof *a);
  a->runtime = prl_runtime_retain(runtime);
  a->kernels = prl_kernels_of(runtime);
  a->values = -1;
  prl_blocks_init(&a->blocks, runtime);
  prl_status status = prl_doc_new(runtime, &a->document, error);
  if (!status && !prl_value_copy(a->document, &a->document->root, document))
    status = prl_fail_memory(error, 0);
  if (!status) {
    a->root = &a->document->root;
    snprintf(a->hash, sizeof a->hash, "%s", prl_get_string(a->root, "hash", ""));
    status = build(a, values, error);
  }
  if (status) {
    prl_agent_free(a);
    return status;
  }
  *out = a;
  return PRL_OK;
}

prl_status prl_agent_new(const prl_plan *plan, prl_agent **out, prl_error *error) {
  return prl_agent_build(plan->runtime, &plan->document->root, plan, out, error);
}

void prl_agent_free(prl_agent *a) {
  if (!a) return;
  prl_runtime *runtime = a->runtime;
  prl_agent_free(a->next);
  prl_schedule_free(a);
  prl_routines_free(a);
  prl_critics_free(a);
  prl_gauges_free(a);
  for (int i = 0; i < a->optims_count; i++) prl_optim_free(a->optims[i]);
  for (int i = 0; i < a->sets_count; i++) {
    prl_params_release(a->sets[i]);
    prl_params_release(a->published[i]);
  }
  prl_batch_deinit(&a->batch, runtime);
  prl_experience_free(a->experience);
  if (a->normalise) prl_normaliser_deinit(&a->normaliser);
  if (a->live.runtime) prl_live_deinit(&a->live);
  prl_blocks_deinit(&a->blocks);
  prl_drive_free(runtime, &a->drive);
  void *blocks[] = {a->sets,         a->published,  a->optims,   a->optim_steps, a->response_names,
                    a->observation,  a->advantage,  a->order,    a->lengths,     a->log_prob,
                    a->noise_chunks, a->noise_tags, a->discount, a->action_low,  a->action_high};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) prl_free(runtime, blocks[i]);
  prl_doc_free(a->document);
  prl_free(runtime, a);
  prl_runtime_release(runtime);
}

/* ---- live options ---- */

static prl_status find_option(const prl_agent *a, const char *option, int *out, prl_error *error) {
  if (prl_live_find(&a->live, option) < 0 && prl_path(prl_get(a->root, "recipe"), option))
    return prl_fail(error, PRL_EINVAL, "\"%s\" is structural: changing it needs a rebuild of the plan",
                    option);
  return prl_live_need(&a->live, option, out, error);
}

prl_status prl_agent_set(prl_agent *a, const char *option, double value, prl_error *error) {
  int index = 0;
  prl_status status = find_option(a, option, &index, error);
  if (status) return status;
  double low = a->live.low[index], high = a->live.high[index];
  if (!(value >= low && value <= high) || value - value != 0) {
    if (low - low != 0 && high - high != 0)
      return prl_fail(error, PRL_EINVAL, "%s is %g; a finite number is needed", option, value);
    if (high - high != 0)
      return prl_fail(error, PRL_EINVAL, "%s is %g; a number ≥ %g is needed", option, value, low);
    return prl_fail(error, PRL_EINVAL, "%s is %g; it must be from %g to %g", option, value, low, high);
  }
  a->live.given[index] = value;
  return PRL_OK;
}

/* "objective.critics.NAME.scale" */
static const prl_critic *critic_of_scale(const prl_agent *a, const char *option) {
  static const char prefix[] = "objective.critics.", suffix[] = ".scale";
  if (strncmp(option, prefix, sizeof prefix - 1) != 0) return NULL;
  const char *name = option + sizeof prefix - 1;
  for (int i = 0; i < a->critics_count; i++) {
    size_t length = strlen(a->critics[i].name);
    if (!strncmp(name, a->critics[i].name, length) && !strcmp(name + length, suffix)) return &a->critics[i];
  }
  return NULL;
}

prl_status prl_agent_get(const prl_agent *a, const char *option, double *value, prl_error *error) {
  const prl_critic *scaled = critic_of_scale(a, option);
  if (scaled) {
    *value = *scaled->scale;
    return PRL_OK;
  }
  int index = 0;
  prl_status status = find_option(a, option, &index, error);
  if (!status) *value = prl_live_value(&a->live, index, (double)a->experience->n.decisions);
  return status;
}

prl_status prl_agent_time(prl_agent *a, int64_t now_us, prl_error *error) {
  return prl_experience_time(a->experience, now_us, error);
}

int64_t prl_agent_now(const prl_agent *a) { return a->experience->n.now; }
