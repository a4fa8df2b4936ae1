/* What the axes of a plan's parameters are: each program is followed from its inputs, column by column. */
#include "agent/plan/axes.h"

#include <math.h>
#include <string.h>

#include "autograd/graph.h"
#include "tensor/tensor.h"

/* What is known of a value of a program: of what its columns, its last dimension, are. */
typedef struct flow {
  int32_t count;       /* of columns */
  bool rows;           /* its first dimension is that of a batch */
  bool opaque;         /* it comes of parameters or observations, in columns that are not known */
  int32_t param;       /* it is a parameter, detached or with another added to it; −1 */
  prl_column *columns; /* NULL: not known, or, where not opaque, of nothing that is learned or seen */
  prl_head *forms;     /* of each column; NULL: not known */
} flow;

typedef struct walk {
  prl_axes *axes;
  const prl_graph *graph;
  flow *flows;
  prl_arena scratch; /* of this program */
  int32_t observations;
  bool acts; /* the program is that which acts, of which forms are wanted */
} walk;

static void *room(walk *w, size_t count, size_t size) {
  return prl_arena_alloc(&w->scratch, (count + 1) * size);
}

static int32_t columns_of(const prl_gvalue *value, bool rows) {
  return (int32_t)(value->ndim < 1 || (value->ndim == 1 && rows) ? 1 : value->shape[value->ndim - 1]);
}

/* ---- values that are there from the start ---- */

static prl_column *columns(walk *w, int32_t count, int32_t kind, int32_t layer) {
  prl_column *all = room(w, (size_t)count, sizeof *all);
  for (int32_t i = 0; all && i < count; i++) all[i] = (prl_column){kind, layer, i};
  return all;
}

static prl_head *forms(walk *w, int32_t count, int32_t layer) {
  prl_head *all = room(w, (size_t)count, sizeof *all);
  for (int32_t i = 0; all && i < count; i++)
    all[i] = (prl_head){.layer = layer, .place = i, .slope = 1, .gain = 1};
  return all;
}

static bool is_any(const char *name, const char *const *names) {
  for (; *names; names++)
    if (!strcmp(name, *names)) return true;
  return false;
}

static bool begin_input(walk *w, const prl_gvalue *value, flow *f) {
  static const char *const seen[] = {"obs", "next_obs", "raw_obs", NULL};
  f->rows = value->batch;
  f->count = columns_of(value, f->rows);
  if (is_any(value->name, seen)) {
    f->columns = columns(w, f->count, PRL_COLUMN_OBSERVATION, -1);
    for (int32_t i = w->observations; f->columns && i < f->count; i++) /* states of a memory */
      f->columns[i].kind = PRL_COLUMN_OTHER;
  } else if (!strcmp(value->name, "action")) {
    f->columns = columns(w, f->count, PRL_COLUMN_ACTION, -1);
  } else if (!strcmp(value->name, "arrival")) {
    f->columns = columns(w, f->count, PRL_COLUMN_OTHER, -1);
  } else {
    return true;
  }
  return f->columns;
}

static int32_t find_named(const prl_axes *axes, const char *name) {
  const char *colon = strchr(name, ':');
  for (int32_t i = 0; colon && i < axes->count; i++) {
    const char *set = axes->params[i].set->name;
    const size_t length = strlen(set);
    if (length == (size_t)(colon - name) && !strncmp(set, name, length) &&
        !strcmp(axes->params[i].param->name, colon + 1))
      return i;
  }
  return -1;
}

/* Of inputs, parameters and constants. */
static bool begin(walk *w) {
  for (int32_t i = 0; i < w->graph->values_count; i++) {
    const prl_gvalue *value = &w->graph->values[i];
    flow *f = &w->flows[i];
    f->param = -1;
    f->count = columns_of(value, false);
    if (value->kind == PRL_V_INPUT && !begin_input(w, value, f)) return false;
    if (value->kind != PRL_V_PARAM) continue;
    f->param = find_named(w->axes, value->name);
    f->opaque = f->param < 0;
    if (w->acts && value->ndim == 1 && f->param >= 0 && !(f->forms = forms(w, f->count, f->param)))
      return false;
  }
  return true;
}

/* ---- ops ---- */

static prl_axes_of *of(const walk *w, int32_t param) { return &w->axes->params[param]; }

/* Units among the columns are read by what is no layer. */
static void mark(const walk *w, const flow *f, bool by_layer) {
  for (int32_t i = 0; f->columns && i < f->count; i++) {
    if (f->columns[i].kind != PRL_COLUMN_UNIT) continue;
    prl_axes_of *layer = of(w, f->columns[i].layer);
    *(by_layer ? &layer->read : &layer->elsewhere) = true;
  }
}

static bool same_columns(const flow *a, const flow *b) {
  return a->count == b->count && !memcmp(a->columns, b->columns, (size_t)a->count * sizeof *a->columns);
}

/* What an op makes of whole rows, of whose columns no more is known. */
static bool lose(const walk *w, const prl_node *node, flow *out) {
  for (int i = 0; i < node->inputs; i++) {
    const flow *in = &w->flows[node->in[i]];
    out->opaque = out->opaque || in->opaque || in->columns || in->param >= 0;
    mark(w, in, false);
  }
  out->columns = NULL;
  out->forms = NULL;
  return true;
}

/* What the rows of a layer multiply. Of two readings that which says more stays: one program may give it a
 * policy's own action, another that of a row. */
static bool read_rows(const walk *w, prl_axes_of *layer, const flow *x) {
  const size_t size = (size_t)x->count * sizeof *x->columns;
  if (!layer->inputs) {
    layer->inputs = prl_arena_alloc(&w->axes->arena, size);
    if (layer->inputs) memcpy(layer->inputs, x->columns, size);
    return layer->inputs;
  }
  for (int32_t i = 0; i < x->count; i++) {
    const prl_column *other = &x->columns[i];
    const bool input = other->kind == PRL_COLUMN_OBSERVATION || other->kind == PRL_COLUMN_ACTION;
    if (input) layer->inputs[i] = *other;
  }
  return true;
}

static bool follow_linear(walk *w, const prl_node *node, flow *out) {
  const flow *x = &w->flows[node->in[0]], *weight = &w->flows[node->in[1]];
  const flow *bias = node->inputs > 2 ? &w->flows[node->in[2]] : NULL;
  if (weight->param < 0 || of(w, weight->param)->param->value.ndim != 2) return lose(w, node, out);
  prl_axes_of *layer = of(w, weight->param);
  const bool known = x->columns && x->count == layer->param->value.shape[0];
  if (known && !read_rows(w, layer, x)) return false;
  mark(w, x, known);
  layer->layer = weight->param;
  layer->activation = (int32_t)(node->attrs.ints_count ? node->attrs.ints[0] : PRL_IDENTITY);
  if (bias && bias->param >= 0) of(w, bias->param)->layer = weight->param;
  out->columns = columns(w, out->count, PRL_COLUMN_UNIT, weight->param);
  const bool plain = w->acts && layer->activation == PRL_IDENTITY;
  if (plain) out->forms = forms(w, out->count, weight->param);
  return out->columns && (!plain || out->forms);
}

/* A table's rows are looked up, or a unit's state goes on: out has units of the parameter in[at]. */
static bool follow_units(walk *w, const prl_node *node, int at, flow *out) {
  const int32_t param = w->flows[node->in[at]].param;
  if (param < 0) return lose(w, node, out);
  for (int i = 0; i < node->inputs; i++) mark(w, &w->flows[node->in[i]], false);
  of(w, param)->layer = param;
  if (node->op->max_inputs > 4) of(w, param)->elsewhere = true; /* gru: gates lie side by side */
  return (out->columns = columns(w, out->count, PRL_COLUMN_UNIT, param));
}

/* Columns and forms by their places in the input; places (out->count). */
static bool pick(walk *w, const flow *in, const int32_t *places, flow *out) {
  out->opaque = in->opaque;
  if (in->columns && !(out->columns = room(w, (size_t)out->count, sizeof *out->columns))) return false;
  if (in->forms && !(out->forms = room(w, (size_t)out->count, sizeof *out->forms))) return false;
  for (int32_t i = 0; i < out->count; i++) {
    if (in->columns) out->columns[i] = in->columns[places[i]];
    if (in->forms) out->forms[i] = in->forms[places[i]];
  }
  return true;
}

static bool is_last(const prl_gvalue *value, int64_t dim) {
  return (dim < 0 ? dim + value->ndim : dim) == value->ndim - 1;
}

static bool keep(const flow *in, flow *out) {
  out->opaque = in->opaque;
  out->columns = in->columns;
  out->forms = in->forms;
  return true;
}

/* slice and index_select. */
static bool follow_choice(walk *w, const prl_node *node, flow *out) {
  const prl_gvalue *value = &w->graph->values[node->in[0]];
  const flow *in = &w->flows[node->in[0]];
  const int64_t *ints = node->attrs.ints;
  const bool selects = !strcmp(node->op->name, "index_select");
  if (value->ndim < 2) return lose(w, node, out);
  if (!is_last(value, node->attrs.ints_count ? ints[0] : 0)) return keep(in, out);
  int32_t *places = room(w, (size_t)out->count, sizeof *places);
  if (!places) return false;
  for (int32_t i = 0; i < out->count; i++) {
    int64_t place;
    if (selects) {
      const prl_gvalue *index = &w->graph->values[node->in[1]];
      prl_tensor numbers;
      if (index->kind != PRL_V_CONST) return lose(w, node, out);
      prl_gvalue_tensor(index, index->bytes, &numbers);
      place = prl_tensor_get_int(&numbers, i);
    } else {
      const int64_t start = node->attrs.ints_count > 1 ? ints[1] : 0,
                    step = node->attrs.ints_count > 3 ? ints[3] : 1;
      place = (start < 0 ? start + in->count : start) + i * step;
    }
    if (place < 0 || place >= in->count) return lose(w, node, out);
    places[i] = (int32_t)place;
  }
  return pick(w, in, places, out);
}

static bool follow_concat(walk *w, const prl_node *node, flow *out) {
  const prl_gvalue *value = &w->graph->values[node->out];
  if (value->ndim < 2 || !is_last(value, node->attrs.ints_count ? node->attrs.ints[0] : 0))
    return lose(w, node, out);
  out->columns = columns(w, out->count, PRL_COLUMN_OTHER, -1);
  out->forms = w->acts ? forms(w, out->count, -1) : NULL;
  if (!out->columns || (w->acts && !out->forms)) return false;
  bool any = false, seen = false;
  for (int32_t i = 0, at = 0; i < node->inputs; at += w->flows[node->in[i]].count, i++) {
    const flow *in = &w->flows[node->in[i]];
    if (in->columns) memcpy(out->columns + at, in->columns, (size_t)in->count * sizeof *in->columns);
    if (in->forms && out->forms) memcpy(out->forms + at, in->forms, (size_t)in->count * sizeof *in->forms);
    any = any || in->columns || in->opaque;
    seen = seen || in->forms;
  }
  if (!any) out->columns = NULL;
  if (!seen) out->forms = NULL;
  return true;
}

static bool number_at(const walk *w, int32_t id, int32_t column, double *out) {
  const prl_gvalue *value = &w->graph->values[id];
  prl_tensor numbers;
  if (value->kind != PRL_V_CONST) return false;
  prl_gvalue_tensor(value, value->bytes, &numbers);
  const int64_t count = prl_tensor_count(&numbers);
  if (count != 1 && column >= count) return false;
  *out = prl_tensor_get(&numbers, count == 1 ? 0 : column);
  return isfinite(*out);
}

/* y · by + plus. */
static void transform(prl_head *h, double by, double plus) {
  double *scale = h->squashed ? &h->gain : &h->slope, *offset = h->squashed ? &h->centre : &h->shift;
  *scale *= by;
  *offset = *offset * by + plus;
}

/* The form of a column of a sum, product … with a constant; false: it has none. */
static bool transform_by(const walk *w, const prl_node *node, int other, int32_t column, prl_head *h) {
  const char *name = node->op->name;
  double number;
  if (!number_at(w, node->in[other], column, &number)) return false;
  if (!strcmp(name, "add"))
    transform(h, 1, number);
  else if (!strcmp(name, "mul"))
    transform(h, number, 0);
  else if (!strcmp(name, "sub"))
    transform(h, other ? 1 : -1, other ? -number : number);
  else if (!strcmp(name, "div") && other && number != 0)
    transform(h, 1 / number, 0);
  else
    return false;
  return true;
}

/* Forms of what works number by number. */
static bool form_elements(walk *w, const prl_node *node, flow *out) {
  static const char *const same[] = {"detach", "cast", "clamp", NULL};
  const bool tanh = !strcmp(node->op->name, "tanh"), chooses = !strcmp(node->op->name, "where");
  int from = chooses ? 2 : 0; /* `where` takes its mean, the last, where it does not sample */
  if (!w->acts) return true;
  if (node->inputs == 2 && !w->flows[node->in[0]].forms) from = 1;
  const flow *in = &w->flows[node->in[from]];
  if (!in->forms || in->count != out->count) return true;
  if (!chooses && node->inputs == 1 && !tanh && !is_any(node->op->name, same)) return true;
  if (!(out->forms = room(w, (size_t)out->count, sizeof *out->forms))) return false;
  for (int32_t i = 0; i < out->count; i++) {
    prl_head *h = &out->forms[i];
    *h = in->forms[i];
    if (tanh && h->squashed) h->layer = -1;
    if (tanh) h->squashed = true;
    if (node->inputs == 2 && !transform_by(w, node, 1 - from, i, h)) h->layer = -1;
  }
  return true;
}

/* Two parameters that are added have the same axes. */
static void follow_params(const walk *w, const prl_node *node, flow *out) {
  const flow *a = &w->flows[node->in[0]];
  if (node->inputs == 1 && (!strcmp(node->op->name, "detach") || !strcmp(node->op->name, "cast")))
    out->param = a->param;
  if (node->inputs == 2 && !strcmp(node->op->name, "add") && a->param >= 0 &&
      w->flows[node->in[1]].param >= 0)
    out->param = a->param;
}

static bool follow_elements(walk *w, const prl_node *node, flow *out) {
  const flow *known = NULL;
  follow_params(w, node, out);
  for (int i = 0; i < node->inputs; i++) {
    const flow *in = &w->flows[node->in[i]];
    if (in->opaque || (in->columns && (in->count != out->count || (known && !same_columns(known, in))))) {
      flow form = *out;
      if (!form_elements(w, node, &form)) return false;
      (void)lose(w, node, out);
      out->forms = form.forms;
      return true;
    }
    if (in->columns) known = in;
  }
  if (known) out->columns = known->columns;
  return form_elements(w, node, out);
}

static bool follow(walk *w, const prl_node *node) {
  const prl_gvalue *in = &w->graph->values[node->in[0]], *value = &w->graph->values[node->out];
  const char *name = node->op->name;
  flow *out = &w->flows[node->out];
  for (int i = 0; i < node->inputs; i++) out->rows = out->rows || w->flows[node->in[i]].rows;
  out->count = columns_of(value, out->rows);
  if (!strcmp(name, "linear")) return follow_linear(w, node, out);
  if (!strcmp(name, "embedding")) return follow_units(w, node, 0, out);
  if (!strcmp(name, "embedding_bag")) return follow_units(w, node, 0, out);
  if (!strcmp(name, "gru")) return follow_units(w, node, 2, out);
  if (!strcmp(name, "slice") || !strcmp(name, "index_select")) return follow_choice(w, node, out);
  if (!strcmp(name, "concat")) return follow_concat(w, node, out);
  if (!strcmp(name, "reshape") && w->flows[node->in[0]].count == out->count)
    return keep(&w->flows[node->in[0]], out);
  if ((!strcmp(name, "mean") || !strcmp(name, "sum")) && in->ndim == 3 && value->ndim == 2 &&
      node->attrs.ints_count && !is_last(in, node->attrs.ints[0]))
    return keep(&w->flows[node->in[0]], out); /* of a bag of rows */
  if (node->op->flags & PRL_OP_ELEMENTS || !strcmp(name, "where") || !strcmp(name, "cast"))
    return follow_elements(w, node, out);
  return lose(w, node, out);
}

/* ---- what acts ---- */

bool prl_head_sets(const prl_head *h) { return h->layer >= 0 && h->slope * h->gain != 0; }

static const flow *output_of(const walk *w, const char *name) {
  for (int32_t i = 0; i < w->graph->outputs_count; i++)
    if (!strcmp(w->graph->outputs[i].name, name)) return &w->flows[w->graph->outputs[i].value];
  return NULL;
}

/* The deviation is of what a density's mean is, which may be before the action's squashing; the action moves
 * by `ratio` with it in the middle. */
static void read_width(const walk *w, const flow *mean, const flow *log_std) {
  for (int32_t i = 0; i < w->axes->actions; i++) {
    const prl_head *action = &w->axes->mean[i];
    for (int32_t k = 0; prl_head_sets(action) && k < mean->count && k < log_std->count; k++) {
      const prl_head *inner = &mean->forms[k];
      if (inner->layer != action->layer || inner->place != action->place || !prl_head_sets(inner)) continue;
      const double ratio = fabs((action->gain * action->slope) / (inner->gain * inner->slope));
      w->axes->width[i] = log_std->forms[k];
      if (w->axes->width[i].squashed) w->axes->width[i].layer = -1;
      w->axes->width[i].shift += log(ratio);
    }
  }
}

static void read_heads(const walk *w) {
  const flow *action = output_of(w, "action");
  if (!action || !action->forms || action->count != w->axes->actions) return;
  memcpy(w->axes->mean, action->forms, (size_t)action->count * sizeof *action->forms);
  for (int32_t i = 0; i < w->graph->nodes_count; i++) {
    const prl_node *node = &w->graph->nodes[i];
    if (strcmp(node->op->name, "normal_log_prob") != 0) continue;
    const flow *mean = &w->flows[node->in[1]], *log_std = &w->flows[node->in[2]];
    if (mean->forms && log_std->forms) read_width(w, mean, log_std);
  }
}

static prl_status read_program(prl_axes *axes, const prl_value *root, const char *name, const prl_value *text,
                               prl_error *error) {
  prl_graph *graph;
  prl_status status = prl_graph_read(axes->arena.runtime, text, &graph, error);
  if (status) return status;
  walk w = {.axes = axes,
            .graph = graph,
            .observations = (int32_t)prl_count(prl_path(root, "observation.names")),
            .acts = !strcmp(name, "act")};
  prl_arena_init(&w.scratch, axes->arena.runtime);
  w.flows = room(&w, (size_t)graph->values_count, sizeof *w.flows);
  bool good = w.flows && begin(&w);
  for (int32_t i = 0; good && i < graph->nodes_count; i++) good = follow(&w, &graph->nodes[i]);
  for (int32_t i = 0; good && i < graph->outputs_count; i++)
    mark(&w, &w.flows[graph->outputs[i].value], false);
  if (good && w.acts) read_heads(&w);
  prl_arena_deinit(&w.scratch);
  prl_graph_free(graph);
  return good ? PRL_OK : prl_fail_memory(error, sizeof(flow));
}

/* ---- life ---- */

static bool list_params(prl_axes *axes, const prl_sets *sets) {
  for (int s = 0; s < sets->count; s++) axes->count += sets->items[s]->count;
  axes->params = prl_arena_alloc(&axes->arena, ((size_t)axes->count + 1) * sizeof *axes->params);
  for (int s = 0, at = 0; axes->params && s < sets->count; s++)
    for (int i = 0; i < sets->items[s]->count; i++)
      axes->params[at++] = (prl_axes_of){
          .set = sets->items[s], .param = sets->items[s]->items[i], .set_index = s, .layer = -1};
  const size_t actions = (size_t)axes->actions + 1;
  axes->mean = prl_arena_alloc(&axes->arena, actions * sizeof *axes->mean);
  axes->width = prl_arena_alloc(&axes->arena, actions * sizeof *axes->width);
  for (size_t i = 0; axes->mean && axes->width && i < actions; i++)
    axes->mean[i].layer = axes->width[i].layer = -1;
  return axes->params && axes->mean && axes->width;
}

prl_status prl_axes_new(prl_runtime *runtime, const prl_value *root, const prl_sets *sets, prl_axes **out,
                        prl_error *error) {
  prl_axes *axes = prl_calloc(runtime, 1, sizeof *axes);
  if (!axes) return prl_fail_memory(error, sizeof *axes);
  prl_arena_init(&axes->arena, runtime);
  axes->actions = (int32_t)prl_count(prl_path(root, "action.names"));
  const prl_value *programs = prl_get(root, "programs");
  prl_status status = list_params(axes, sets) ? PRL_OK : prl_fail_memory(error, sizeof *axes->params);
  for (int64_t i = 0; !status && i < prl_count(programs); i++) {
    const char *name;
    const prl_value *text;
    prl_pair(programs, i, &name, &text);
    status = read_program(axes, root, name, text, error);
  }
  if (status)
    prl_axes_free(axes);
  else
    *out = axes;
  return status;
}

void prl_axes_free(prl_axes *axes) {
  if (!axes) return;
  prl_runtime *runtime = axes->arena.runtime;
  prl_arena_deinit(&axes->arena);
  prl_free(runtime, axes);
}

int32_t prl_axes_find(const prl_axes *axes, const char *set, const char *param) {
  for (int32_t i = 0; i < axes->count; i++)
    if (!strcmp(axes->params[i].set->name, set) && !strcmp(axes->params[i].param->name, param)) return i;
  return -1;
}

bool prl_axes_hidden(const prl_axes *axes, int32_t layer) {
  return layer >= 0 && axes->params[layer].read && !axes->params[layer].elsewhere;
}
