/* The programs that learn: planned, bound to the batch, and their scalars reported. */
#include <string.h>

#include "agent/learner/parts.h"
#include "core/read.h"

/* ---- sources ---- */

/* What programs may read of the rows that an update learns from. Some are not always there. */
static prl_status list_sources(prl_learner *l, prl_error *error) {
  const prl_batch *b = &l->batch;
  const prl_shape *s = l->shape;
  const int64_t observations = s->experience.observations;
  const prl_source of_rows[] = {
      {.name = "obs", .width = observations, .from = b->observation, .needs = PRL_MADE_ROWS},
      {.name = "next_obs",
       .width = observations,
       .from = b->observation,
       .via = b->successor,
       .needs = PRL_MADE_ROWS},
      {.name = "terminated", .width = 1, .ends = b->end, .end = PRL_END_TERMINATED, .needs = PRL_MADE_ROWS},
      {.name = "truncated", .width = 1, .ends = b->end, .end = PRL_END_TRUNCATED, .needs = PRL_MADE_ROWS},
      {.name = "action", .width = s->spec.actions, .from = b->action, .needs = PRL_MADE_ROWS},
      {.name = "log_prob", .width = 1, .from = b->log_prob, .needs = PRL_MADE_ROWS},
      {.name = "advantage", .width = 1, .from = l->advantage, .needs = PRL_MADE_WEIGHTED},
      {.name = "weight", .width = 1, .from = l->weight, .needs = PRL_MADE_DRAW},
      {.name = "noise", .width = s->noise_drawn, .from = l->noise, .needs = PRL_MADE_DRAW},
      {.name = "next_noise", .width = s->noise_drawn, .from = l->next_noise, .needs = PRL_MADE_DRAW}};
  const prl_source arm = {.name = "arm", .width = 1, .from = b->arm, .needs = PRL_MADE_ROWS},
                   raw = {.name = "raw_obs",
                          .width = observations,
                          .from = s->raw ? l->raw : b->observation,
                          .needs = PRL_MADE_ROWS},
                   response = {.name = "response",
                               .width = s->spec.responses,
                               .from = b->response,
                               .needs = PRL_MADE_ROWS},
                   start = {.name = "start", .width = 1, .from = l->start, .needs = PRL_MADE_ROWS};
  const int fixed = (int)(sizeof of_rows / sizeof *of_rows);
  size_t count = (size_t)(fixed + 6 + 5 * l->critics_count);
  l->sources = prl_calloc(l->runtime, count, sizeof *l->sources);
  if (!l->sources) return prl_fail_memory(error, count * sizeof *l->sources);
  memcpy(l->sources, of_rows, (size_t)fixed * sizeof *of_rows);
  l->sources_count = fixed;
  if (s->spec.responses) l->sources[l->sources_count++] = response;
  if (s->experience.arms) l->sources[l->sources_count++] = arm;
  if (s->memory_stretch) l->sources[l->sources_count++] = start;
  if (s->raw || !prl_policy_normalises(l->policy)) l->sources[l->sources_count++] = raw;
  if (l->novelty)
    l->sources[l->sources_count++] = (prl_source){.name = "arrival",
                                                  .width = l->novelty->width,
                                                  .from = l->novelty->arrival,
                                                  .needs = PRL_MADE_NOVELTY};
  if (s->experience.lasting)
    l->sources[l->sources_count++] = (prl_source){
        .name = "lasting", .width = s->experience.lasting, .from = b->lasting, .needs = PRL_MADE_FROZEN};
  for (int i = 0; i < l->critics_count; i++) {
    const prl_critic *c = &l->critics[i];
    const prl_source of_critic[] = {{.name = "value", .from = c->value, .needs = PRL_MADE_VALUES},
                                    {.name = "returns", .from = c->returns, .needs = PRL_MADE_ADVANTAGES},
                                    {.name = "advantage", .from = c->advantage, .needs = PRL_MADE_ADVANTAGES},
                                    {.name = "reward", .from = c->reward, .needs = PRL_MADE_REWARDS},
                                    {.name = "discount", .from = c->bootstrap, .needs = PRL_MADE_DRAW}};
    for (int k = 0; k < 5; k++) {
      prl_source *to = &l->sources[l->sources_count++];
      *to = of_critic[k];
      to->of = c->name;
      to->width = 1;
    }
  }
  return PRL_OK;
}

/* ---- planned rows ---- */

/* The most rows that the schedule gives the program in one run; 0: it is never run. */
static int64_t rows_in(const prl_value *body, const char *name, int64_t rows) {
  int64_t most = 0;
  for (int64_t i = 0; i < prl_count(body); i++) {
    const prl_value *verb = prl_item(body, i);
    const char *kind = prl_get_string(verb, "verb", "");
    int64_t here = 0;
    if (!strcmp(kind, "sample")) rows = prl_get_int(verb, "size", rows);
    if (!strcmp(kind, "run") && !strcmp(prl_get_string(verb, "program", ""), name)) here = rows;
    int64_t size = !strcmp(kind, "minibatches") ? prl_get_int(verb, "size", rows) : rows;
    const prl_value *inner = prl_get(verb, "body");
    if (inner && inner->kind == PRL_ARRAY) here = rows_in(inner, name, size < rows ? size : rows);
    if (here > most) most = here;
  }
  return most;
}

/* Programs of verbs of their own, which run in tiles. */
static bool is_tiled(const char *name) {
  return !strcmp(name, "values") || !strcmp(name, "novelty") || !strcmp(name, "continuation") ||
         prl_policy_is_density(name);
}

bool prl_learner_runs(const char *name) { return strcmp(name, "act") && !is_tiled(name); }

int64_t prl_learner_rows(const prl_shape *shape, const prl_value *root, const char *name) {
  if (!strcmp(name, "act")) return shape->act_rows;
  if (is_tiled(name)) return shape->tile_rows;
  int64_t rows = rows_in(prl_get(root, "schedule"), name, shape->batch_rows);
  return rows > 0 ? rows : 1; /* never run; built all the same, so that its errors are reported */
}

/* ---- inputs that are not copied ---- */

static bool runs_in_parts(const prl_value *body, const char *name, bool parts) {
  for (int64_t i = 0; i < prl_count(body); i++) {
    const prl_value *verb = prl_item(body, i), *inner = prl_get(verb, "body");
    const char *kind = prl_get_string(verb, "verb", "");
    if (parts && !strcmp(kind, "run") && !strcmp(prl_get_string(verb, "program", ""), name)) return true;
    if (inner && inner->kind == PRL_ARRAY &&
        runs_in_parts(inner, name, parts || !strcmp(kind, "minibatches")))
      return true;
  }
  return false;
}

/* Of the sources all but these are float32 rows as they stand in the batch. */
static bool is_made(const char *input) {
  return !strcmp(input, "next_obs") || !strcmp(input, "terminated") || !strcmp(input, "truncated");
}

void prl_learner_lend(const prl_value *root, const char *name, prl_graph *graph) {
  if (!prl_learner_runs(name) || runs_in_parts(prl_get(root, "schedule"), name, false)) return;
  for (int32_t i = 0; i < graph->values_count; i++) {
    prl_gvalue *value = &graph->values[i];
    value->lent =
        value->kind == PRL_V_INPUT && value->batch && value->dtype == PRL_F32 && !is_made(value->name);
  }
}

/* ---- building ---- */

/* The graph of a program over the learner's own sets, bound to these sources. */
static prl_status build_routine(prl_learner *l, const char *name, const prl_value *text, int64_t rows,
                                const prl_source *sources, int count, prl_routine *out, prl_error *error) {
  prl_graph *graph;
  const prl_bindings bindings = {.sets = l->sets->items,
                                 .sets_count = l->sets->count,
                                 .optims = l->sets->optims,
                                 .optims_count = l->sets->optims_count};
  prl_status status = prl_graph_read(l->runtime, text, &graph, error);
  if (status) return status;
  prl_learner_lend(l->root, name, graph);
  return prl_routine_init(out, l->runtime, name, graph, &bindings, rows, sources, count, l->live, error);
}

static prl_status build_values(prl_learner *l, const prl_value *programs, prl_error *error) {
  prl_values_program *v = &l->values;
  const prl_source source = {
      .name = "obs", .width = l->shape->experience.observations, .direct = &v->observation, .required = true};
  const prl_value *text = prl_get(programs, "values");
  if (!text) return PRL_OK; /* an algorithm that needs no values */
  prl_status status = build_routine(l, "values", text, l->shape->tile_rows, &source, 1, &v->routine, error);
  if (status || !l->critics_count) return status;
  return prl_routine_output(&v->routine, "value", l->critics_count, false, &v->value, error);
}

/* Where the schedule has a verb that asks for it, and for a shadow, which tells how near its policy is. */
static prl_status build_density(prl_learner *l, const prl_value *programs, prl_error *error) {
  prl_learner_density *d = &l->density;
  const prl_value *text = l->shape->ratios || l->source ? prl_get(programs, "density") : NULL;
  if (!text) return PRL_OK; /* and the verb refuses it */
  prl_status status = build_routine(l, "density", text, l->shape->tile_rows, l->sources, l->sources_count,
                                    &d->routine, error);
  return status ? status : prl_routine_output(&d->routine, "log_prob", 1, false, &d->log_prob, error);
}

/* Where the plan has a novelty; without the program the verb refuses it. */
static prl_status build_novelty(prl_learner *l, const prl_value *programs, prl_error *error) {
  prl_novelty *n = l->novelty;
  const prl_value *text = n ? prl_get(programs, "novelty") : NULL;
  if (!text) return PRL_OK;
  prl_status status = build_routine(l, "novelty", text, l->shape->tile_rows, l->sources, l->sources_count,
                                    &n->routine, error);
  return status ? status : prl_routine_output(&n->routine, "novelty", 1, false, &n->novelty, error);
}

/* Where the schedule has a verb that asks for it. */
static prl_status build_continuation(prl_learner *l, const prl_value *programs, prl_error *error) {
  prl_continuation *c = &l->continuation;
  const prl_value *text = l->shape->continuation ? prl_get(programs, "continuation") : NULL;
  if (!text) return PRL_OK; /* and the verb refuses it */
  prl_status status = build_routine(l, "continuation", text, l->shape->tile_rows, l->sources,
                                    l->sources_count, &c->routine, error);
  return status ? status : prl_routine_output(&c->routine, "continuation", 1, false, &c->probability, error);
}

static bool reads_density(const prl_routine *r) {
  for (int i = 0; i < r->fills_count; i++)
    if (!strcmp(r->fills[i].source->name, "log_prob")) return true;
  return false;
}

const char *prl_programs_density(const prl_learner *l) {
  for (int i = 0; i < l->programs_count; i++)
    if (reads_density(&l->programs[i].routine)) return l->programs[i].routine.name;
  return l->shape->ratios ? "ratios" : NULL;
}

static prl_status check_density(const prl_learner *l, const prl_routine *r, prl_error *error) {
  if (prl_policy_dense(l->policy) || !reads_density(r)) return PRL_OK;
  return prl_fail(error, PRL_EFORMAT,
                  "plan: program \"%s\" reads log_prob, and what acts has no density: \"act\" gives none",
                  r->name);
}

/* Every float32 scalar output is a metric. */
static prl_status list_reports(prl_learner *l, prl_learner_program *p, prl_error *error) {
  const prl_program *program = p->routine.program;
  size_t outputs = (size_t)prl_program_outputs(program) + 1;
  p->reports = prl_calloc(l->runtime, outputs, sizeof *p->reports);
  if (!p->reports) return prl_fail_memory(error, outputs * sizeof *p->reports);
  prl_status status = PRL_OK;
  for (int i = 0; !status && i < prl_program_outputs(program); i++) {
    const char *name = prl_program_output_name(program, i);
    const prl_tensor *output = prl_program_output(program, name);
    if (output->dtype != PRL_F32 || output->ndim != 0) continue;
    prl_report *report = &p->reports[p->reports_count++];
    report->from = output->data;
    status = prl_metrics_add(&l->metrics, "", name, &report->gauge, error);
  }
  return status;
}

static prl_status build_program(prl_learner *l, const char *name, const prl_value *text, prl_error *error) {
  prl_learner_program *p = &l->programs[l->programs_count++];
  int64_t rows = prl_learner_rows(l->shape, l->root, name);
  prl_status status = build_routine(l, name, text, rows, l->sources, l->sources_count, &p->routine, error);
  if (!status && prl_program_output(p->routine.program, "priority"))
    status = prl_routine_output(&p->routine, "priority", 1, false, &p->priority, error);
  if (!status) status = check_density(l, &p->routine, error);
  return status ? status : list_reports(l, p, error);
}

prl_status prl_programs_build(prl_learner *l, prl_error *error) {
  const prl_value *programs, *text;
  const char *name;
  prl_status status = prl_read_value(l->root, "", "programs", PRL_MAP, &programs, error);
  if (!status) status = list_sources(l, error);
  if (status) return status;
  size_t count = (size_t)prl_count(programs);
  l->programs = prl_calloc(l->runtime, count + 1, sizeof *l->programs);
  if (!l->programs) return prl_fail_memory(error, count * sizeof *l->programs);
  status = build_values(l, programs, error);
  if (!status) status = build_density(l, programs, error);
  if (!status) status = build_novelty(l, programs, error);
  if (!status) status = build_continuation(l, programs, error);
  for (int64_t i = 0; !status && i < (int64_t)count; i++) {
    prl_pair(programs, i, &name, &text);
    if (prl_learner_runs(name)) status = build_program(l, name, text, error);
  }
  return status;
}

void prl_programs_free(prl_learner *l) {
  for (int i = 0; i < l->programs_count; i++) {
    prl_routine_deinit(&l->programs[i].routine);
    prl_free(l->runtime, l->programs[i].reports);
  }
  prl_routine_deinit(&l->values.routine);
  prl_routine_deinit(&l->density.routine);
  prl_routine_deinit(&l->continuation.routine);
  prl_free(l->runtime, l->programs);
  prl_free(l->runtime, l->sources);
}

int prl_program_find(const prl_learner *l, const char *name) {
  for (int i = 0; i < l->programs_count; i++)
    if (!strcmp(l->programs[i].routine.name, name)) return i;
  return -1;
}

/* ---- running ---- */

void prl_programs_fill_live(prl_learner *l) {
  prl_routine_fill_live(&l->values.routine, l->live->frozen);
  prl_routine_fill_live(&l->density.routine, l->live->frozen);
  prl_routine_fill_live(&l->continuation.routine, l->live->frozen);
  if (l->novelty) prl_routine_fill_live(&l->novelty->routine, l->live->frozen);
  for (int i = 0; i < l->programs_count; i++) prl_routine_fill_live(&l->programs[i].routine, l->live->frozen);
}

void prl_program_report(prl_learner *l, const prl_learner_program *p) {
  for (int i = 0; i < p->reports_count; i++) {
    double value = (double)*p->reports[i].from;
    prl_metrics_put(&l->metrics, p->reports[i].gauge, value);
    l->metrics.gauges[p->reports[i].gauge].last = value;
  }
  for (int i = 0; i < l->sets->optims_count; i++) {
    const prl_optim *optim = l->sets->optims[i];
    if (optim->steps == l->optim_steps[i]) continue;
    l->optim_steps[i] = optim->steps;
    prl_metrics_put(&l->metrics, l->metrics.norms + i, optim->last_norm);
  }
}
