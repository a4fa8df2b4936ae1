/* Binding programs to their sources, and filling inputs from them. */
#include "agent/plan/binder.h"

#include <stdio.h>
#include <string.h>

#include "core/nearest.h"

/* ---- binding ---- */

static bool is_named(const prl_source *s, const char *name) {
  size_t length = strlen(s->name);
  if (strncmp(name, s->name, length) != 0) return false;
  return s->of ? name[length] == '/' && !strcmp(name + length + 1, s->of) : !name[length];
}

static const prl_source *find_source(const prl_source *sources, int count, const char *name) {
  for (int i = 0; i < count; i++)
    if (is_named(&sources[i], name)) return &sources[i];
  return NULL;
}

static prl_status unknown(const prl_routine *r, const char *name, const prl_source *sources, int count,
                          const prl_live *live, prl_error *error) {
  char path[160], kept[160];
  prl_nearest nearest = prl_nearest_begin(name);
  for (int i = 0; i < count; i++) {
    const prl_source *s = &sources[i];
    snprintf(path, sizeof path, "%s%s%s", s->name, s->of ? "/" : "", s->of ? s->of : "");
    prl_nearest_offer(&nearest, path);
    if (nearest.best == path) nearest.best = memcpy(kept, path, sizeof kept);
  }
  for (int i = 0; i < live->count; i++) prl_nearest_offer(&nearest, live->names[i]);
  return prl_fail(error, PRL_EFORMAT, "plan: program \"%s\": input \"%s\" is none that the agent can fill%s",
                  r->name, name, prl_nearest_hint(&nearest));
}

static prl_status bind_source(prl_routine *r, const prl_gvalue *value, const prl_source *source,
                              prl_error *error) {
  prl_tensor *to = prl_program_input(r->program, value->name);
  int64_t width = 1;
  for (int d = 1; d < value->ndim; d++) width *= value->shape[d];
  bool rows = source->width > 0, floats = to->dtype == PRL_F32;
  bool good = rows ? value->batch && width == source->width : !value->batch && prl_tensor_count(to) == 1;
  if (source->direct || source->via || !rows) good = good && floats;
  if (!good || to->dtype == PRL_F64)
    return rows ? prl_fail(error, PRL_EFORMAT,
                           "plan: program \"%s\": input \"%s\" must be rows of %d float32%s", r->name,
                           value->name, (int)source->width, source->direct ? "" : " or whole numbers")
                : prl_fail(error, PRL_EFORMAT, "plan: program \"%s\": input \"%s\" must be one float32",
                           r->name, value->name);
  r->needs |= source->needs;
  if (source->direct)
    *source->direct = to;
  else if (value->lent)
    prl_program_lend(r->program, value->name, source->from);
  else
    r->fills[r->fills_count++] = (prl_fill){.source = source, .dtype = to->dtype, .to = to->data};
  return PRL_OK;
}

static prl_status bind_live(prl_routine *r, const prl_gvalue *value, int option, prl_error *error) {
  prl_tensor *to = prl_program_input(r->program, value->name);
  if (value->batch || to->dtype != PRL_F32 || prl_tensor_count(to) != 1)
    return prl_fail(error, PRL_EFORMAT, "plan: program \"%s\": input \"%s\" must be one float32", r->name,
                    value->name);
  r->inputs[r->inputs_count++] = (prl_live_input){.to = to->data, .option = option};
  return PRL_OK;
}

static prl_status bind(prl_routine *r, const prl_source *sources, int count, const prl_live *live,
                       prl_error *error) {
  const prl_graph *graph = prl_program_graph(r->program);
  size_t values = (size_t)graph->values_count + 1;
  r->fills = prl_calloc(r->runtime, values, sizeof *r->fills);
  r->inputs = prl_calloc(r->runtime, values, sizeof *r->inputs);
  if (!r->fills || !r->inputs) return prl_fail_memory(error, values * sizeof *r->fills);
  for (int i = 0; i < count; i++)
    if (sources[i].direct) *sources[i].direct = NULL;
  prl_status status = PRL_OK;
  for (int32_t i = 0; !status && i < graph->values_count; i++) {
    const prl_gvalue *value = &graph->values[i];
    if (value->kind != PRL_V_INPUT) continue;
    const prl_source *source = find_source(sources, count, value->name);
    int option = source ? -1 : prl_live_find(live, value->name);
    status = source        ? bind_source(r, value, source, error)
             : option >= 0 ? bind_live(r, value, option, error)
                           : unknown(r, value->name, sources, count, live, error);
  }
  for (int i = 0; !status && i < count; i++)
    if (sources[i].required && sources[i].direct && !*sources[i].direct)
      status = prl_fail(error, PRL_EFORMAT, "plan: program \"%s\" must have an input \"%s\"", r->name,
                        sources[i].name);
  return status;
}

prl_status prl_routine_init(prl_routine *r, prl_runtime *runtime, const char *name, prl_graph *graph,
                            const prl_bindings *bindings, int64_t rows, const prl_source *sources,
                            int sources_count, const prl_live *live, prl_error *error) {
  *r = (prl_routine){.runtime = runtime, .name = name, .rows = rows};
  prl_status status = prl_program_new(graph, bindings, rows, &r->program, error);
  return status ? status : bind(r, sources, sources_count, live, error);
}

void prl_routine_deinit(prl_routine *r) {
  if (!r->runtime) return;
  prl_program_free(r->program);
  prl_free(r->runtime, r->fills);
  prl_free(r->runtime, r->inputs);
  *r = (prl_routine){0};
}

prl_status prl_routine_output(const prl_routine *r, const char *name, int64_t width, bool whole,
                              const prl_tensor **out, prl_error *error) {
  const prl_tensor *t = prl_program_output(r->program, name);
  bool good = t && t->ndim >= 1 && t->shape[0] == r->rows && prl_tensor_count(t) == r->rows * width &&
              (t->dtype == PRL_F32 || (whole && t->dtype != PRL_F64));
  if (!good)
    return prl_fail(error, PRL_EFORMAT,
                    "plan: program \"%s\" must have an output \"%s\" of %d float32%s a row", r->name, name,
                    (int)width, whole ? " or whole numbers" : "");
  *out = t;
  return PRL_OK;
}

/* ---- filling ---- */

static void fill_floats(float *to, const prl_source *s, const int32_t *order, int64_t rows) {
  switch (s->width) {
  case 1:
    for (int64_t i = 0; i < rows; i++) to[i] = s->from[order[i]];
    return;
  case 2:
    for (int64_t i = 0; i < rows; i++) memcpy(to + 2 * i, s->from + 2 * (int64_t)order[i], 2 * sizeof(float));
    return;
  case 3:
    for (int64_t i = 0; i < rows; i++) memcpy(to + 3 * i, s->from + 3 * (int64_t)order[i], 3 * sizeof(float));
    return;
  case 4:
    for (int64_t i = 0; i < rows; i++) memcpy(to + 4 * i, s->from + 4 * (int64_t)order[i], 4 * sizeof(float));
    return;
  default:
    for (int64_t i = 0; i < rows; i++)
      memcpy(to + s->width * i, s->from + s->width * order[i], (size_t)s->width * sizeof(float));
  }
}

static void fill_via(float *to, const prl_source *s, const int32_t *order, int64_t first, int64_t rows) {
  for (int64_t i = 0; i < rows; i++, to += s->width) {
    int64_t row = s->via[order ? order[i] : first + i];
    for (int64_t c = 0; c < s->width; c++) to[c] = row < 0 ? 0 : s->from[row * s->width + c];
  }
}

/* What only whole numbers or ends give: one number at a time. */
static void fill_whole(const prl_fill *f, const int32_t *order, int64_t first, int64_t rows) {
  const prl_source *s = f->source;
  for (int64_t i = 0; i < rows; i++) {
    int64_t row = order ? order[i] : first + i;
    for (int64_t c = 0; c < s->width; c++) {
      float value = s->ends ? (float)(s->ends[row] == s->end) : s->from[row * s->width + c];
      int64_t at = i * s->width + c;
      if (f->dtype == PRL_F32)
        ((float *)f->to)[at] = value;
      else if (f->dtype == PRL_I32)
        ((int32_t *)f->to)[at] = (int32_t)value;
      else
        ((int64_t *)f->to)[at] = (int64_t)value;
    }
  }
}

void prl_routine_fill(prl_routine *r, const int32_t *order, int64_t first, int64_t rows) {
  if (order) order += first;
  for (int i = 0; i < r->fills_count; i++) {
    const prl_fill *f = &r->fills[i];
    const prl_source *s = f->source;
    if (f->dtype != PRL_F32 || s->ends)
      fill_whole(f, order, first, rows);
    else if (s->via)
      fill_via(f->to, s, order, first, rows);
    else if (order)
      fill_floats(f->to, s, order, rows);
    else
      memcpy(f->to, s->from + first * s->width, (size_t)(rows * s->width) * sizeof(float));
  }
}

prl_status prl_routine_run(prl_routine *r, int64_t first, int64_t rows, prl_error *error) {
  const prl_status status = prl_program_rows(r->program, rows, error);
  if (status) return status;
  prl_routine_fill(r, NULL, first, rows);
  return prl_program_run(r->program, 0, NULL, error);
}

void prl_routine_fill_live(prl_routine *r, const double *values) {
  for (int i = 0; i < r->inputs_count; i++) *r->inputs[i].to = (float)values[r->inputs[i].option];
}
