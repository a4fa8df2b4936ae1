/* Programs, bound to the agent's buffers: where each input comes from and where each metric goes. */
#include <stdio.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/read.h"

int prl_routine_find(const prl_agent *a, const char *name) {
  for (int i = 0; i < a->routines_count; i++)
    if (!strcmp(a->routines[i].name, name)) return i;
  return -1;
}

/* ---- planned rows ---- */

/* The most rows that the schedule gives the program in one run. */
static int64_t rows_in(const prl_agent *a, const prl_value *body, const char *name, int64_t rows) {
  int64_t most = 0;
  for (int64_t i = 0; i < prl_count(body); i++) {
    const prl_value *verb = prl_item(body, i);
    const char *kind = prl_get_string(verb, "verb", "");
    int64_t here = 0;
    if (!strcmp(kind, "run") && !strcmp(prl_get_string(verb, "program", ""), name)) here = rows;
    int64_t size = !strcmp(kind, "minibatches") ? prl_get_int(verb, "size", rows) : rows;
    const prl_value *inner = prl_get(verb, "body");
    if (inner && inner->kind == PRL_ARRAY) here = rows_in(a, inner, name, size < rows ? size : rows);
    if (here > most) most = here;
  }
  return most;
}

static int64_t planned_rows(const prl_agent *a, const char *name) {
  if (!strcmp(name, "act")) return a->act_rows;
  if (!strcmp(name, "values")) return a->tile_rows;
  int64_t rows = rows_in(a, prl_get(a->root, "schedule"), name, a->batch_rows);
  return rows > 0 ? rows : 1; /* never run: built all the same, so that its errors are told */
}

/* ---- building ---- */

/* Copies of the parameter sets that the act program reads. */
static prl_status publish_sets(prl_agent *a, const prl_graph *graph, prl_error *error) {
  for (int32_t i = 0; i < graph->values_count; i++) {
    const prl_gvalue *value = &graph->values[i];
    if (value->kind != PRL_V_PARAM) continue;
    const char *colon = strchr(value->name, ':');
    int set = colon ? prl_agent_set_find(a, value->name, (size_t)(colon - value->name)) : -1;
    if (set < 0)
      return prl_fail(error, PRL_EFORMAT, "plan: program \"act\" reads \"%s\", which there is not",
                      value->name);
    if (a->published[set]) continue;
    const prl_params *from = a->sets[set];
    prl_param **items = prl_calloc(a->runtime, (size_t)from->count + 1, sizeof *items);
    if (!items) return prl_fail_memory(error, (size_t)from->count * sizeof *items);
    int made = 0;
    prl_status status = PRL_OK;
    for (; !status && made < from->count; made += !status)
      status = prl_param_new(a->runtime, from->items[made]->name, &from->items[made]->value,
                             from->items[made]->row_sparse, &items[made], error);
    if (!status) status = prl_params_new(a->runtime, from->name, items, made, &a->published[set], error);
    for (int k = 0; k < made; k++) prl_param_release(items[k]);
    prl_free(a->runtime, items);
    if (status) return status;
  }
  return PRL_OK;
}

static prl_status build_act(prl_agent *a, prl_graph *graph, prl_program **out, prl_error *error) {
  prl_status status = publish_sets(a, graph, error);
  prl_params **bound = status ? NULL : prl_calloc(a->runtime, (size_t)a->sets_count + 1, sizeof *bound);
  if (!bound) {
    prl_graph_free(graph);
    return status ? status : prl_fail_memory(error, (size_t)a->sets_count * sizeof *bound);
  }
  int count = 0;
  for (int i = 0; i < a->sets_count; i++)
    if (a->published[i]) bound[count++] = a->published[i];
  prl_bindings bindings = {.sets = bound, .sets_count = count};
  status = prl_program_new(graph, &bindings, a->act_rows, out, error);
  prl_free(a->runtime, bound);
  return status;
}

typedef struct source {
  const float *from;
  int64_t width;
} source;

static bool critic_source(const prl_agent *a, const char *name, source *out) {
  for (int i = 0; i < a->critics_count; i++) {
    const prl_critic *c = &a->critics[i];
    const struct {
      const char *prefix;
      const float *from;
    } kinds[] = {
        {"value/", c->value}, {"returns/", c->returns}, {"advantage/", c->advantage}, {"reward/", c->reward}};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
      size_t length = strlen(kinds[k].prefix);
      if (strncmp(name, kinds[k].prefix, length) || strcmp(name + length, c->name)) continue;
      *out = (source){kinds[k].from, 1};
      return true;
    }
  }
  return false;
}

static bool row_source(const prl_agent *a, const char *name, source *out) {
  const struct {
    const char *name;
    source source;
  } known[] = {{"obs", {a->observation, a->observations}},
               {"action", {a->batch.action, a->actions}},
               {"log_prob", {a->batch.log_prob, 1}},
               {"advantage", {a->advantage, 1}}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (!strcmp(known[i].name, name)) {
      *out = known[i].source;
      return true;
    }
  return critic_source(a, name, out);
}

static prl_status bind_rows(prl_routine *r, const prl_gvalue *value, source from, prl_error *error) {
  prl_tensor *to = prl_program_input(r->program, value->name);
  int64_t width = 1;
  for (int d = 1; d < value->ndim; d++) width *= value->shape[d];
  if (width != from.width || !value->batch || value->dtype == PRL_F64)
    return prl_fail(error, PRL_EFORMAT,
                    "plan: program \"%s\": input \"%s\" must be rows of %d float32 or whole numbers", r->name,
                    value->name, (int)from.width);
  r->fills[r->fills_count++] =
      (prl_fill){.dtype = to->dtype, .to = to->data, .from = from.from, .width = width};
  return PRL_OK;
}

static prl_status bind_input(prl_agent *a, prl_routine *r, const prl_gvalue *value, prl_error *error) {
  source from;
  if (row_source(a, value->name, &from)) return bind_rows(r, value, from, error);
  int live = prl_live_find(&a->live, value->name);
  prl_tensor *to = prl_program_input(r->program, value->name);
  if (live < 0 || value->batch || to->dtype != PRL_F32 || prl_tensor_count(to) != 1)
    return prl_fail(error, PRL_EFORMAT, "plan: program \"%s\": input \"%s\" is none that the agent can fill",
                    r->name, value->name);
  r->inputs[r->inputs_count++] = (prl_scalar_input){.to = to->data, .live = live};
  return PRL_OK;
}

/* Inputs and metrics of a program of the schedule. */
static prl_status bind_routine(prl_agent *a, prl_routine *r, prl_error *error) {
  const prl_graph *graph = prl_program_graph(r->program);
  size_t values = (size_t)graph->values_count + 1, outputs = (size_t)prl_program_outputs(r->program) + 1;
  r->fills = prl_calloc(a->runtime, values, sizeof *r->fills);
  r->inputs = prl_calloc(a->runtime, values, sizeof *r->inputs);
  r->outputs = prl_calloc(a->runtime, outputs, sizeof *r->outputs);
  if (!r->fills || !r->inputs || !r->outputs) return prl_fail_memory(error, values * sizeof *r->fills);
  prl_status status = PRL_OK;
  for (int32_t i = 0; !status && i < graph->values_count; i++)
    if (graph->values[i].kind == PRL_V_INPUT) status = bind_input(a, r, &graph->values[i], error);
  for (int i = 0; !status && i < prl_program_outputs(r->program); i++) {
    const char *name = prl_program_output_name(r->program, i);
    const prl_tensor *output = prl_program_output(r->program, name);
    if (output->dtype != PRL_F32 || output->ndim != 0) continue;
    prl_scalar_output *to = &r->outputs[r->outputs_count++];
    to->from = output->data;
    status = prl_gauge_add(a, "", name, &to->gauge, error);
  }
  return status;
}

static prl_status missing(const prl_routine *r, const char *what, prl_error *error) {
  return prl_fail(error, PRL_EFORMAT, "plan: program \"%s\" must have %s", r->name, what);
}

/* Whether the tensor is planned rows × width; (rows) too where width is 1. */
static bool is_rows(const prl_tensor *t, int64_t rows, int64_t width) {
  return t && t->ndim >= 1 && t->shape[0] == rows && prl_tensor_count(t) == rows * width;
}

static prl_status bind_act(prl_agent *a, prl_routine *r, prl_error *error) {
  a->act_observation = prl_program_input(r->program, "obs");
  a->act_noise = prl_program_input(r->program, "noise");
  a->act_sample = prl_program_input(r->program, "sample");
  a->act_action = prl_program_output(r->program, "action");
  a->act_log_prob = prl_program_output(r->program, "log_prob");
  const prl_tensor *obs = a->act_observation, *log_prob = a->act_log_prob;
  if (!is_rows(obs, r->rows, a->observations) || obs->dtype != PRL_F32)
    return missing(r, "an input obs (rows, observations)", error);
  if (a->act_noise && (!is_rows(a->act_noise, r->rows, a->noise) || a->act_noise->dtype != PRL_F32))
    return missing(r, "an input noise (rows, noise)", error);
  if (a->noise && !a->act_noise) return missing(r, "an input noise, since plan.noise is not 0", error);
  if (a->act_sample && (a->act_sample->dtype != PRL_F32 || prl_tensor_count(a->act_sample) != 1))
    return missing(r, "a scalar input sample", error);
  if (!is_rows(a->act_action, r->rows, a->actions) || a->act_action->dtype == PRL_F64)
    return missing(r, "an output action (rows, actions)", error);
  if (!is_rows(log_prob, r->rows, 1) || log_prob->dtype != PRL_F32)
    return missing(r, "an output log_prob (rows)", error);
  return PRL_OK;
}

static prl_status bind_values(prl_agent *a, prl_routine *r, prl_error *error) {
  a->values_observation = prl_program_input(r->program, "obs");
  a->values_value = prl_program_output(r->program, "value");
  const prl_tensor *obs = a->values_observation, *value = a->values_value;
  if (!is_rows(obs, r->rows, a->observations) || obs->dtype != PRL_F32)
    return missing(r, "an input obs (rows, observations)", error);
  if (!is_rows(value, r->rows, a->critics_count) || value->dtype != PRL_F32)
    return missing(r, "an output value (rows, critics)", error);
  return PRL_OK;
}

static prl_status build_routine(prl_agent *a, prl_routine *r, const prl_value *text, prl_error *error) {
  prl_graph *graph;
  bool is_act = !strcmp(r->name, "act"), is_values = !strcmp(r->name, "values");
  prl_status status = prl_graph_read(a->runtime, text, &graph, error);
  if (status) return status;
  r->rows = planned_rows(a, r->name);
  prl_bindings bindings = {
      .sets = a->sets, .sets_count = a->sets_count, .optims = a->optims, .optims_count = a->optims_count};
  if (is_act)
    status = build_act(a, graph, &r->program, error);
  else
    status = prl_program_new(graph, &bindings, r->rows, &r->program, error);
  if (status) return status;
  return is_act ? bind_act(a, r, error) : is_values ? bind_values(a, r, error) : bind_routine(a, r, error);
}

static prl_status build_trial(prl_agent *a, const prl_value *text, prl_error *error) {
  prl_graph *graph;
  prl_bindings bindings = {.sets = a->sets, .sets_count = a->sets_count};
  prl_status status = prl_graph_read(a->runtime, text, &graph, error);
  return status ? status : prl_program_new(graph, &bindings, PRL_TRIAL_ROWS, &a->trial, error);
}

prl_status prl_routines_build(prl_agent *a, prl_error *error) {
  const prl_value *programs, *text;
  prl_status status = prl_read_value(a->root, "", "programs", PRL_MAP, &programs, error);
  if (status) return status;
  size_t count = (size_t)prl_count(programs);
  a->routines = prl_calloc(a->runtime, count + 1, sizeof *a->routines);
  if (!a->routines) return prl_fail_memory(error, count * sizeof *a->routines);
  for (int i = 0; !status && i < (int)count; i++) {
    prl_routine *r = &a->routines[a->routines_count++];
    prl_pair(programs, i, &r->name, &text);
    status = build_routine(a, r, text, error);
  }
  if (status) return status;
  a->act = prl_routine_find(a, "act");
  a->values = prl_routine_find(a, "values");
  if (a->act < 0) return prl_fail(error, PRL_EFORMAT, "plan: there is no program \"act\"");
  if (a->critics_count && a->values < 0)
    return prl_fail(error, PRL_EFORMAT, "plan: critics without a program \"values\"");
  return build_trial(a, prl_get(programs, "act"), error);
}

void prl_routines_free(prl_agent *a) {
  for (int i = 0; i < a->routines_count; i++) {
    prl_routine *r = &a->routines[i];
    prl_program_free(r->program);
    prl_free(a->runtime, r->fills);
    prl_free(a->runtime, r->inputs);
    prl_free(a->runtime, r->outputs);
  }
  prl_free(a->runtime, a->routines);
  prl_program_free(a->trial);
}

/* ---- filling ---- */

static void fill_floats(const prl_fill *f, const int32_t *order, int64_t rows) {
  float *to = f->to;
  switch (f->width) {
  case 1:
    for (int64_t i = 0; i < rows; i++) to[i] = f->from[order[i]];
    return;
  case 2:
    for (int64_t i = 0; i < rows; i++) memcpy(to + 2 * i, f->from + 2 * (int64_t)order[i], 2 * sizeof(float));
    return;
  case 3:
    for (int64_t i = 0; i < rows; i++) memcpy(to + 3 * i, f->from + 3 * (int64_t)order[i], 3 * sizeof(float));
    return;
  case 4:
    for (int64_t i = 0; i < rows; i++) memcpy(to + 4 * i, f->from + 4 * (int64_t)order[i], 4 * sizeof(float));
    return;
  default:
    for (int64_t i = 0; i < rows; i++)
      memcpy(to + f->width * i, f->from + f->width * order[i], (size_t)f->width * sizeof(float));
  }
}

static void fill_whole(const prl_fill *f, const int32_t *order, int64_t first, int64_t rows) {
  for (int64_t i = 0; i < rows; i++) {
    const float *from = f->from + f->width * (order ? order[i] : first + i);
    for (int64_t c = 0; c < f->width; c++) {
      if (f->dtype == PRL_I32)
        ((int32_t *)f->to)[i * f->width + c] = (int32_t)from[c];
      else
        ((int64_t *)f->to)[i * f->width + c] = (int64_t)from[c];
    }
  }
}

void prl_routine_fill(prl_routine *r, const int32_t *order, int64_t first, int64_t rows) {
  if (order) order += first;
  for (int i = 0; i < r->fills_count; i++) {
    const prl_fill *f = &r->fills[i];
    if (f->dtype != PRL_F32)
      fill_whole(f, order, first, rows);
    else if (order)
      fill_floats(f, order, rows);
    else
      memcpy(f->to, f->from + first * f->width, (size_t)(rows * f->width) * sizeof(float));
  }
}

void prl_routines_fill_live(prl_agent *a) {
  for (int i = 0; i < a->routines_count; i++)
    for (int k = 0; k < a->routines[i].inputs_count; k++) {
      const prl_scalar_input *input = &a->routines[i].inputs[k];
      *input->to = (float)a->live.frozen[input->live];
    }
}

void prl_routine_report(prl_agent *a, const prl_routine *r) {
  for (int i = 0; i < r->outputs_count; i++) {
    double value = (double)*r->outputs[i].from;
    prl_gauge_put(a, r->outputs[i].gauge, value);
    a->gauges[r->outputs[i].gauge].last = value;
  }
  for (int i = 0; i < a->optims_count; i++) {
    if (a->optims[i]->steps == a->optim_steps[i]) continue;
    a->optim_steps[i] = a->optims[i]->steps;
    prl_gauge_put(a, a->gauge_norms + i, a->optims[i]->last_norm);
  }
}
