/* The policy of an agent as plain data, for a plan that has it as its control group's. */
#include "agent/acting.h"

#include <stdio.h>
#include <string.h>

#include "agent/agent.h"

typedef struct writer {
  const prl_agent *agent;
  prl_doc *doc;
  const char *prefix;
  prl_plan_tensor *list;
  int count;
} writer;

static bool set_text(const writer *w, prl_value *to, const char *text) {
  return to && prl_set_string(w->doc, to, text, strlen(text));
}

/* prefix + set [+ ":" + param], in the document's memory; NULL: there is none left. */
static const char *name_of(writer *w, const char *set, const char *param) {
  const size_t size = strlen(w->prefix) + strlen(set) + (param ? strlen(param) + 1 : 0) + 1;
  char *text = prl_arena_alloc(&w->doc->arena, size);
  if (text) snprintf(text, size, "%s%s%s%s", w->prefix, set, param ? ":" : "", param ? param : "");
  return text;
}

static bool write_param(writer *w, prl_value *params, const char *set, const prl_param *param) {
  prl_value *map = prl_push(w->doc, params), *shape;
  if (!map) return false;
  prl_set_map(map);
  if (!set_text(w, prl_put(w->doc, map, "name"), param->name)) return false;
  if (!(shape = prl_put(w->doc, map, "shape"))) return false;
  prl_set_array(shape);
  for (int d = 0; d < param->value.ndim; d++) {
    prl_value *size = prl_push(w->doc, shape);
    if (!size) return false;
    prl_set_number(size, (double)param->value.shape[d]);
  }
  prl_plan_tensor *tensor = &w->list[w->count++];
  tensor->name = name_of(w, set, param->name);
  tensor->value = param->value;
  return tensor->name;
}

static bool write_set(writer *w, prl_value *sets, const prl_params *set) {
  prl_value *map = prl_push(w->doc, sets), *params;
  const char *name = name_of(w, set->name, NULL);
  if (!map || !name) return false;
  prl_set_map(map);
  if (!set_text(w, prl_put(w->doc, map, "name"), name)) return false;
  if (!(params = prl_put(w->doc, map, "params"))) return false;
  prl_set_array(params);
  for (int i = 0; i < set->count; i++)
    if (!write_param(w, params, set->name, set->items[i])) return false;
  return true;
}

static bool write_sets(writer *w) {
  prl_value *sets = prl_put(w->doc, &w->doc->root, "sets");
  if (!sets) return false;
  prl_set_array(sets);
  for (int i = 0; i < w->agent->sets->count; i++) {
    const prl_params *set = prl_policy_published(w->agent->policy, i);
    if (set && !write_set(w, sets, set)) return false;
  }
  return true;
}

/* Numbers as they are in force: a schedule stands still. */
static bool write_live(writer *w) {
  const prl_live *live = w->agent->live;
  prl_value *map = prl_put(w->doc, &w->doc->root, "live");
  if (!map) return false;
  prl_set_map(map);
  for (int i = 0; i < live->count; i++) {
    prl_value *one = prl_put(w->doc, map, live->names[i]), *value;
    if (!one) return false;
    prl_set_map(one);
    if (!(value = prl_put(w->doc, one, "value"))) return false;
    prl_set_number(value, prl_policy_live(w->agent->policy, i));
  }
  return true;
}

/* From one of the two lists. */
static bool write_numbers(writer *w, prl_value *map, const char *key, const float *single, const double *wide,
                          int64_t count) {
  prl_value *list = prl_put(w->doc, map, key);
  if (!list) return false;
  prl_set_array(list);
  for (int64_t i = 0; i < count; i++) {
    prl_value *number = prl_push(w->doc, list);
    if (!number) return false;
    prl_set_number(number, wide ? wide[i] : (double)single[i]);
  }
  return true;
}

static bool write_number(writer *w, prl_value *map, const char *key, double number) {
  prl_value *value = prl_put(w->doc, map, key);
  if (value) prl_set_number(value, number);
  return value;
}

static bool write_normaliser(writer *w) {
  const int64_t width = w->agent->shape->spec.observations;
  const prl_normaliser *n = prl_policy_statistics(w->agent->policy);
  if (!n) return true;
  prl_value *map = prl_put(w->doc, &w->doc->root, "normaliser");
  if (!map) return false;
  prl_set_map(map);
  return write_number(w, map, "clip", (double)n->clip) && write_number(w, map, "count", *n->count) &&
         write_numbers(w, map, "shift", n->shift, NULL, width) &&
         write_numbers(w, map, "scale", n->scale, NULL, width) &&
         write_numbers(w, map, "mean", NULL, n->mean, width) &&
         write_numbers(w, map, "m2", NULL, n->m2, width);
}

/* What the policy was made by, where the plan says it. */
static bool write_recipe(writer *w) {
  const prl_value *recipe = prl_get(w->agent->root, "recipe");
  prl_value *copy = recipe ? prl_put(w->doc, &w->doc->root, "recipe") : NULL;
  return !recipe || (copy && prl_value_copy(w->doc, copy, recipe));
}

static bool rename_params(writer *w, prl_graph *graph) {
  for (int32_t i = 0; i < graph->values_count; i++) {
    prl_gvalue *value = &graph->values[i];
    if (value->kind != PRL_V_PARAM) continue;
    const char *name = name_of(w, value->name, NULL);
    char *copy = name ? prl_strdup(graph->runtime, name) : NULL;
    if (!copy) return false;
    prl_free(graph->runtime, value->name);
    value->name = copy;
  }
  return true;
}

static prl_status write_act(writer *w, prl_error *error) {
  prl_graph *graph;
  prl_status status =
      prl_graph_read(w->agent->runtime, prl_path(w->agent->root, "programs.act"), &graph, error);
  if (status) return status;
  prl_value *programs = prl_put(w->doc, &w->doc->root, "programs"), *act = NULL;
  if (programs) prl_set_map(programs);
  if (programs) act = prl_put(w->doc, programs, "act");
  status =
      act && rename_params(w, graph) ? prl_graph_write(graph, w->doc, act, error) : prl_fail_memory(error, 0);
  prl_graph_free(graph);
  return status;
}

/* A key of the agent's document, if it is there. */
static bool copy_key(const writer *w, const char *key) {
  const prl_value *from = prl_get(w->agent->root, key);
  prl_value *to = from ? prl_put(w->doc, &w->doc->root, key) : NULL;
  return !from || (to && prl_value_copy(w->doc, to, from));
}

static prl_status write(writer *w, prl_error *error) {
  prl_value *root = &w->doc->root, *noise;
  prl_set_map(root);
  const prl_value *draws = prl_get(w->agent->root, "noise");
  noise = prl_put(w->doc, root, "noise");
  if (noise) prl_set_number(noise, 0);
  if (!noise || (draws && !prl_value_copy(w->doc, noise, draws))) return prl_fail_memory(error, 0);
  if (!copy_key(w, "memory") || !copy_key(w, "ids")) return prl_fail_memory(error, 0);
  if (!write_sets(w) || !write_live(w) || !write_normaliser(w) || !write_recipe(w))
    return prl_fail_memory(error, 0);
  return write_act(w, error);
}

prl_status prl_agent_acting(const prl_agent *a, const char *prefix, prl_doc **document,
                            prl_plan_tensor **list, int *count, prl_error *error) {
  writer w = {.agent = a, .prefix = prefix};
  size_t most = 1;
  for (int i = 0; i < a->sets->count; i++) most += (size_t)a->sets->items[i]->count;
  prl_status status = prl_doc_new(a->runtime, &w.doc, error);
  if (status) return status;
  w.list = prl_arena_alloc(&w.doc->arena, most * sizeof *w.list);
  status = w.list ? write(&w, error) : prl_fail_memory(error, most * sizeof *w.list);
  if (status) {
    prl_doc_free(w.doc);
    return status;
  }
  *document = w.doc;
  *list = w.list;
  *count = w.count;
  return PRL_OK;
}
