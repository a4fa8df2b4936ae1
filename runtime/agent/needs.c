/* What an agent will take of memory: capacities, parameters, programs. */
#include "agent/needs.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/learner/constraints.h"
#include "agent/learner/learner.h"
#include "agent/learner/novelty.h"
#include "agent/plan/difference.h"
#include "rl/replay.h"
#include "core/number.h"
#include "core/pieces.h"
#include "core/read.h"

static prl_need need(const prl_value *root, const char *option, const char *of_plan, double value,
                     int64_t bytes) {
  return (prl_need){prl_option_name(root, option, of_plan), value, bytes};
}

static void add(prl_needs *needs, prl_need one) {
  needs->items[needs->count++] = one;
  needs->bytes = prl_bytes_add(needs->bytes, one.bytes);
}

/* ---- experience, the rows of an update, buffers: what grows with capacities ---- */

static int64_t held(const prl_shape *shape, int critics) {
  int64_t sum = prl_experience_bytes(&shape->experience);
  sum = prl_bytes_add(sum, prl_policy_bytes(shape));
  return prl_bytes_add(sum, prl_learner_bytes(shape, critics));
}

/* An option's share is what would be saved if it were 1; what follows from it by default goes along. The rest
 * follows from the rows of an update. */
static void add_capacities(prl_needs *needs, const prl_value *root, const prl_shape *shape, int critics) {
  const prl_value *given = prl_get(root, "capacity");
  const prl_experience_options *o = &shape->experience;
  const int64_t all = held(shape, critics);
  prl_shape less = *shape;
  less.experience.streams = 1;
  add(needs, need(root, "agent.streams", "capacity.streams", (double)o->streams, all - held(&less, critics)));
  less = *shape;
  less.experience.rows = 1;
  if (!prl_get(given, "events")) less.experience.events = 1;
  if (prl_get(given, "rows"))
    add(needs, need(root, "agent.rows", "capacity.rows", (double)o->rows, all - held(&less, critics)));
  less = *shape;
  less.experience.events = 1;
  if (prl_get(given, "events"))
    add(needs, need(root, "", "capacity.events", (double)o->events, all - held(&less, critics)));
  less = *shape;
  less.memory_rows = 0;
  if (shape->memory_rows)
    add(needs, need(root, "algorithm.memory", "schedule.remember.rows", (double)shape->memory_rows,
                    all - held(&less, critics)));
  const int64_t rest = all - needs->bytes;
  const bool batch = prl_get(given, "batch") != NULL, drawn = shape->draw_rows > shape->frozen_rows;
  add(needs, need(root,
                  drawn   ? "algorithm.minibatch"
                  : batch ? ""
                          : "algorithm.rollout",
                  drawn   ? "schedule.sample.size"
                  : batch ? "capacity.batch"
                          : "schedule.collect.rows",
                  NAN, rest > 0 ? rest : 0));
}

/* ---- parameters ---- */

/* Copies of each value: itself, its gradient, two moments at most, and the first two again where act reads
 * it. */
static int64_t copies(const char *set, const prl_graph *act) {
  const size_t length = strlen(set);
  for (int32_t i = 0; act && i < act->values_count; i++) {
    const char *name = act->values[i].kind == PRL_V_PARAM ? act->values[i].name : "";
    if (!strncmp(name, set, length) && name[length] == ':') return 6;
  }
  return 4;
}

prl_status prl_needs_set(const prl_value *map, const char **name, int64_t *out, prl_error *error) {
  const prl_value *params;
  prl_status status = prl_read_string(map, "sets", "name", name, error);
  if (!status) status = prl_read_value(map, *name, "params", PRL_ARRAY, &params, error);
  *out = 0;
  for (int64_t i = 0; !status && i < prl_count(params); i++) {
    prl_tensor shape = {0};
    int64_t count = 1;
    status = prl_sets_read_shape(prl_item(params, i), *name, &shape, error);
    for (int d = 0; d < shape.ndim; d++) count = prl_bytes_times(count, shape.shape[d]);
    *out = prl_bytes_add(*out, prl_params_padded(count));
  }
  return status;
}

/* The option is that of the set with most values. */
static prl_status add_parameters(prl_needs *needs, const prl_value *root, const prl_graph *act,
                                 prl_error *error) {
  const prl_value *sets;
  int64_t sum = 0, most = 0;
  bool critic = false;
  prl_status status = prl_read_value(root, "", "sets", PRL_ARRAY, &sets, error);
  for (int64_t i = 0; !status && i < prl_count(sets); i++) {
    const char *name;
    int64_t values = 0;
    status = prl_needs_set(prl_item(sets, i), &name, &values, error);
    if (status) break;
    int64_t bytes = prl_bytes_times(values, copies(name, act) * (int64_t)sizeof(float));
    sum = prl_bytes_add(sum, bytes);
    if (values > most) critic = !strncmp(name, "critic/", 7), most = values;
  }
  if (!status) add(needs, need(root, critic ? "objective.critics" : "policy.hidden", "sets", NAN, sum));
  return status;
}

/* ---- programs ---- */

/* act: the graph of that name, for the caller to free; NULL where there is none. */
static prl_status measure(const prl_shape *shape, const prl_value *root, const char *name,
                          const prl_value *text, prl_graph **act, int64_t *bytes, prl_error *error) {
  prl_graph *graph;
  prl_status status = prl_graph_read(shape->runtime, text, &graph, error);
  if (status) return status;
  prl_learner_lend(root, name, graph);
  status = prl_program_measure(graph, prl_learner_rows(shape, root, name), bytes, error);
  if (!strcmp(name, "act")) {
    int64_t trial = 0;
    if (!status) status = prl_program_measure(graph, PRL_TRIAL_ROWS, &trial, error);
    *bytes = prl_bytes_add(*bytes, trial);
    *act = graph;
  } else
    prl_graph_free(graph);
  return status;
}

/* Buffers of all programs; the option is that of the largest one. */
static prl_status add_programs(prl_needs *needs, const prl_value *root, const prl_shape *shape,
                               prl_graph **act, prl_error *error) {
  const prl_value *programs, *text;
  int64_t sum = 0, most = -1;
  bool learns = false;
  prl_status status = prl_read_value(root, "", "programs", PRL_MAP, &programs, error);
  for (int64_t i = 0; !status && i < prl_count(programs); i++) {
    const char *name;
    int64_t bytes = 0;
    prl_pair(programs, i, &name, &text);
    const bool asked =
        shape->ratios && !strcmp(name, "density"); /* else made when a host first asks for it */
    if (prl_policy_is_density(name) && !asked) continue;
    status = measure(shape, root, name, text, act, &bytes, error);
    sum = prl_bytes_add(sum, bytes);
    if (bytes > most) most = bytes, learns = prl_learner_runs(name);
  }
  if (status) return status;
  bool parts = prl_path(root, "recipe.algorithm.minibatch") != NULL;
  add(needs, need(root,
                  !learns ? "policy.hidden"
                  : parts ? "algorithm.minibatch"
                          : "algorithm.rollout",
                  "programs", NAN, sum));
  return PRL_OK;
}

/* ---- all of it ---- */

prl_status prl_needs_of(prl_runtime *runtime, const prl_value *document, prl_needs *out, prl_error *error) {
  prl_shape *shape;
  const prl_value *critics;
  prl_graph *act = NULL;
  *out = (prl_needs){.count = 0};
  prl_status status = prl_read_value(document, "", "critics", PRL_ARRAY, &critics, error);
  if (!status) status = prl_shape_new(runtime, document, &shape, error);
  if (status) return status;
  add_capacities(out, document, shape, (int)prl_count(critics));
  const int64_t constrained = prl_constraints_bytes(shape, document);
  if (constrained) add(out, need(document, "objective.constraints", "constraints", NAN, constrained));
  const int64_t novelty = prl_novelty_bytes(shape, document);
  if (novelty) add(out, need(document, "algorithm.exploration", "novelty", NAN, novelty));
  int64_t control;
  status = prl_control_bytes(document, shape, &control, error);
  control = prl_bytes_add(control, prl_split_bytes(document, shape));
  if (control) add(out, need(document, "agent.baseline", "control", NAN, control));
  if (!status) status = add_programs(out, document, shape, &act, error);
  if (!status) status = add_parameters(out, document, act, error);
  prl_graph_free(act);
  prl_shape_free(shape);
  return status;
}

/* Experience, replay memory and control group. */
static prl_status add_rows(prl_runtime *runtime, const prl_value *document, int64_t *bytes,
                           prl_error *error) {
  prl_shape *shape;
  int64_t control = 0;
  prl_status status = prl_shape_new(runtime, document, &shape, error);
  if (status) return status;
  const prl_experience_options *o = &shape->experience;
  status = prl_control_bytes(document, shape, &control, error);
  *bytes = prl_bytes_add(prl_experience_bytes(o), control);
  *bytes = prl_bytes_add(*bytes, prl_split_bytes(document, shape));
  if (shape->memory_rows) *bytes = prl_bytes_add(*bytes, prl_replay_bytes(o, shape->memory_rows));
  prl_shape_free(shape);
  return status;
}

static prl_status check_beside(prl_runtime *runtime, const prl_value *document, const prl_needs *needs,
                               prl_error *error) {
  char cause[96], text[16];
  int64_t rows = 0;
  prl_status status = add_rows(runtime, document, &rows, error);
  if (status) return status;
  const int64_t bytes = needs->bytes - rows;
  snprintf(cause, sizeof cause, "a shadow takes %s beside the running agent", prl_bytes_text(bytes, text));
  return prl_budget_check(runtime, bytes, cause, error);
}

prl_status prl_needs_check(prl_runtime *runtime, const prl_value *document, bool beside, prl_error *error) {
  prl_needs needs;
  prl_status status = prl_needs_of(runtime, document, &needs, error);
  if (status) return status;
  if (beside) return check_beside(runtime, document, &needs, error);
  const prl_need *most = &needs.items[0];
  for (int i = 1; i < needs.count; i++)
    if (needs.items[i].bytes > most->bytes) most = &needs.items[i];
  char cause[200], share[16], whole[16], value[32] = "";
  if (!isnan(most->value)) prl_format(value, sizeof value, " = %.0f", most->value);
  snprintf(cause, sizeof cause, "%s%s takes %s of the agent's %s", most->option, value,
           prl_bytes_text(most->bytes, share), prl_bytes_text(needs.bytes, whole));
  return prl_budget_check(runtime, needs.bytes, cause, error);
}
