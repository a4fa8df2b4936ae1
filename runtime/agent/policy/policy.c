/* The policy's life: built from the plan, published by the learner, handed over by a swap. */
#include <math.h>
#include <string.h>

#include "agent/plan/growth.h"
#include "agent/policy/parts.h"
#include "core/read.h"

/* ---- building ---- */

/* A copy of the set, so that the learner's steps do not reach what acts. */
static prl_status copy_set(prl_policy *p, const prl_params *from, prl_params **out, prl_error *error) {
  prl_param **items = prl_calloc(p->runtime, (size_t)from->count + 1, sizeof *items);
  if (!items) return prl_fail_memory(error, (size_t)from->count * sizeof *items);
  int made = 0;
  prl_status status = PRL_OK;
  for (; !status && made < from->count; made += !status)
    status = prl_param_new(p->runtime, from->items[made]->name, &from->items[made]->value,
                           from->items[made]->row_sparse, &items[made], error);
  if (!status) status = prl_params_new(p->runtime, from->name, items, made, out, error);
  for (int k = 0; k < made; k++) prl_param_release(items[k]);
  prl_free(p->runtime, items);
  return status;
}

/* The parameter sets that the graph reads: those of act are copied, another program has no others. */
static prl_status copy_sets(prl_policy *p, const char *program, const prl_graph *graph, prl_error *error) {
  for (int32_t i = 0; i < graph->values_count; i++) {
    const prl_gvalue *value = &graph->values[i];
    if (value->kind != PRL_V_PARAM) continue;
    const char *colon = strchr(value->name, ':');
    int set = colon ? prl_sets_find(p->sets, value->name, (size_t)(colon - value->name)) : -1;
    if (set < 0)
      return prl_fail(error, PRL_EFORMAT, "plan: program \"%s\" reads \"%s\", which there is not", program,
                      value->name);
    if (p->published[set]) continue;
    if (strcmp(program, "act") != 0)
      return prl_fail(error, PRL_EFORMAT, "plan: program \"%s\" reads \"%s\", which program \"act\" does not",
                      program, value->name);
    prl_status status = copy_set(p, p->sets->items[set], &p->published[set], error);
    if (status) return status;
  }
  return PRL_OK;
}

/* The published sets, as programs find them. */
static prl_status bind_published(prl_policy *p, prl_params ***sets, prl_bindings *out, prl_error *error) {
  *sets = prl_calloc(p->runtime, (size_t)p->sets->count + 1, sizeof **sets);
  if (!*sets) return prl_fail_memory(error, (size_t)p->sets->count * sizeof **sets);
  *out = (prl_bindings){.sets = *sets};
  for (int i = 0; i < p->sets->count; i++)
    if (p->published[i]) (*sets)[out->sets_count++] = p->published[i];
  return PRL_OK;
}

/* The graph of the document's program and the published sets, which it reads; the caller frees `sets`,
 * whatever comes. */
static prl_status read_published(prl_policy *p, const prl_value *text, const char *name, prl_graph **graph,
                                 prl_params ***sets, prl_bindings *bindings, prl_error *error) {
  *sets = NULL;
  prl_status status = prl_graph_read(p->runtime, text, graph, error);
  if (status) return status;
  status = copy_sets(p, name, *graph, error);
  if (!status) status = bind_published(p, sets, bindings, error);
  if (status) prl_graph_free(*graph);
  return status;
}

prl_status prl_policy_routine(prl_policy *p, const prl_value *text, const char *name,
                              const prl_source *sources, int count, prl_routine *out, prl_error *error) {
  prl_graph *graph;
  prl_params **sets;
  prl_bindings bindings;
  prl_status status = read_published(p, text, name, &graph, &sets, &bindings, error);
  if (!status)
    status = prl_routine_init(out, p->runtime, name, graph, &bindings, p->shape->act_rows, sources, count,
                              p->live, error);
  prl_free(p->runtime, sets);
  return status;
}

prl_status prl_act_bind(prl_policy *p, prl_act_program *a, prl_graph *graph, const prl_bindings *bindings,
                        int64_t rows, prl_error *error) {
  const prl_shape *s = p->shape;
  const prl_source sources[] = {
      {.name = "obs", .width = s->experience.observations, .direct = &a->observation, .required = true},
      {.name = "sample", .direct = &a->sample},
      {.name = "arm", .width = 1, .direct = &a->arm},
      {.name = "noise", .width = s->noise, .direct = &a->noise, .required = true}};
  const int count = s->noise ? 4 : 3; /* without draws there is no such input */
  prl_status status =
      prl_routine_init(&a->routine, p->runtime, "act", graph, bindings, rows, sources, count, p->live, error);
  if (!status) status = prl_routine_output(&a->routine, "action", s->spec.actions, true, &a->action, error);
  if (!status && s->experience.memory)
    status = prl_routine_output(&a->routine, "memory", s->experience.memory, false, &a->memory, error);
  if (status || !prl_program_output(a->routine.program, "log_prob")) return status;
  if (s->noise_theta > 0) /* its value depends on the step before */
    return prl_fail(
        error, PRL_EFORMAT,
        "plan: program \"act\" gives log_prob, and its noise, a process (noise.theta), has no density");
  return prl_routine_output(&a->routine, "log_prob", 1, false, &a->log_prob, error);
}

static prl_status build_act(prl_policy *p, prl_error *error) {
  const prl_value *text = prl_get(p->programs, "act");
  prl_graph *graph;
  prl_params **sets;
  prl_bindings bindings;
  if (!text) return prl_fail(error, PRL_EFORMAT, "plan: there is no program \"act\"");
  prl_status status = read_published(p, text, "act", &graph, &sets, &bindings, error);
  if (!status) status = prl_act_bind(p, &p->act, graph, &bindings, p->shape->act_rows, error);
  prl_free(p->runtime, sets);
  if (status || !p->publishes) return status;
  return prl_trial_build(p, text, error);
}

/* A list of statistics, where the document has it, into one of the two. */
static prl_status read_list(const prl_value *map, const char *key, int64_t width, double most, float *single,
                            double *wide, prl_error *error) {
  const prl_value *list = prl_get(map, key);
  if (!list) return PRL_OK;
  bool good = list->kind == PRL_ARRAY && prl_count(list) == width;
  for (int64_t i = 0; good && i < width; i++) {
    const prl_value *item = prl_item(list, i);
    good = item->kind == PRL_NUMBER && fabs(item->as.number) <= most;
    if (good && single) single[i] = (float)item->as.number;
    if (good && wide) wide[i] = item->as.number;
  }
  return good ? PRL_OK : prl_read_fail("normaliser", key, "a number for each observation", error);
}

/* The statistics of a saved policy (agent/acting.h), where the document has them: shift and scale of one that
 * does not learn, the others of one that learns on. */
static prl_status read_statistics(prl_normaliser *n, const prl_value *map, prl_error *error) {
  prl_status status = read_list(map, "shift", n->width, 1e30, n->shift, NULL, error);
  if (!status) status = read_list(map, "scale", n->width, 1e30, n->scale, NULL, error);
  if (!status) status = read_list(map, "mean", n->width, 1e30, NULL, n->mean, error);
  if (!status) status = read_list(map, "m2", n->width, 1e300, NULL, n->m2, error);
  for (int64_t i = 0; !status && i < n->width; i++)
    if (n->m2[i] < 0) status = prl_read_fail("normaliser", "m2", "sums of squares, from 0", error);
  return status ? status : prl_read_number(map, "normaliser", "count", false, 0, 0x1p60, n->count, error);
}

static prl_status build_normaliser(prl_policy *p, const prl_value *root, prl_error *error) {
  const prl_value *map = prl_get(root, "normaliser");
  double clip = 10;
  if (!map || map->kind != PRL_MAP) return PRL_OK;
  prl_status status = prl_read_number(map, "normaliser", "clip", false, 1e-3, 1e6, &clip, error);
  if (!status)
    status = prl_normaliser_init(&p->normaliser, p->runtime, p->shape->spec.observations, (float)clip, error);
  p->normalise = !status;
  p->gathers = !prl_get_bool(map, "fixed", false);
  return status ? status : read_statistics(&p->normaliser, map, error);
}

static void fill_live(prl_policy *p) {
  prl_routine_fill_live(&p->act.routine, p->in_force);
  prl_routine_fill_live(&p->density.routine, p->in_force);
  prl_routine_fill_live(&p->densities.routine, p->in_force);
}

static void take_live(prl_policy *p) {
  memcpy(p->in_force, p->live->frozen, (size_t)p->live->count * sizeof *p->in_force);
  fill_live(p);
}

static int list_pieces(prl_policy *p, const prl_shape *s, prl_piece pieces[PRL_POLICY_PIECES]) {
  const int64_t streams = s->experience.streams, word = sizeof(float);
  const int64_t driven = s->noise_theta > 0 ? streams : 0, width = prl_noise_width(s);
  const int64_t lasting = s->experience.lasting;
  p->room = streams > s->act_rows ? streams : s->act_rows;
  const prl_piece all[PRL_POLICY_PIECES] = {
      {&p->log_prob, p->room, word, true},
      {&p->lasting, lasting ? p->room : 0, lasting * word, true},
      {&p->memory, p->room, s->experience.memory * word, true},
      {&p->noise.chunks, streams, prl_noise_draws(width) * width * word, true},
      {&p->noise.tags, streams, sizeof *p->noise.tags, true},
      {&p->noise.process, driven, width * (int64_t)sizeof *p->noise.process, true},
      {&p->noise.stands, driven, sizeof *p->noise.stands, true}};
  memcpy(pieces, all, sizeof all);
  return PRL_POLICY_PIECES;
}

int64_t prl_policy_bytes(const prl_shape *shape) {
  prl_policy sized = {0};
  prl_piece pieces[PRL_POLICY_PIECES];
  return prl_pieces_bytes(pieces, list_pieces(&sized, shape, pieces));
}

static prl_status allocate(prl_policy *p, prl_error *error) {
  prl_piece pieces[PRL_POLICY_PIECES];
  prl_status status = prl_pieces_new(p->runtime, pieces, list_pieces(p, p->shape, pieces), error);
  if (status) return status;
  p->published = prl_calloc(p->runtime, (size_t)p->sets->count + 1, sizeof *p->published);
  p->in_force = prl_calloc(p->runtime, (size_t)p->live->count + 1, sizeof *p->in_force);
  prl_noise_build(p);
  return p->published && p->in_force ? PRL_OK
                                     : prl_fail_memory(error, (size_t)p->sets->count * sizeof *p->published);
}

static prl_status build(prl_policy *p, const prl_value *root, prl_error *error) {
  prl_status status = allocate(p, error);
  if (!status) status = prl_read_value(root, "", "programs", PRL_MAP, &p->programs, error);
  if (!status) status = build_normaliser(p, root, error);
  if (!status) status = build_act(p, error);
  if (!status) status = prl_arms_build(p, root, error);
  if (!status) take_live(p);
  return status;
}

prl_status prl_policy_new(prl_runtime *runtime, const prl_value *root, const prl_shape *shape,
                          const prl_sets *sets, const prl_live *live, prl_policy **out, prl_error *error) {
  prl_policy *p = prl_calloc(runtime, 1, sizeof *p);
  if (!p) return prl_fail_memory(error, sizeof *p);
  p->runtime = runtime;
  p->kernels = prl_kernels_of(runtime);
  p->shape = shape;
  p->sets = sets;
  p->live = live;
  p->publishes = prl_get(root, "schedule");
  prl_status status = build(p, root, error);
  if (status) {
    prl_policy_free(p);
    return status;
  }
  *out = p;
  return PRL_OK;
}

void prl_policy_free(prl_policy *p) {
  if (!p) return;
  prl_routine_deinit(&p->act.routine);
  prl_routine_deinit(&p->trial.routine);
  prl_routine_deinit(&p->density.routine);
  prl_routine_deinit(&p->densities.routine);
  for (int i = 0; p->published && i < p->sets->count; i++) prl_params_release(p->published[i]);
  if (p->normalise) prl_normaliser_deinit(&p->normaliser);
  prl_piece pieces[PRL_POLICY_PIECES];
  prl_pieces_free(p->runtime, pieces, list_pieces(p, p->shape, pieces));
  prl_free(p->runtime, p->published);
  prl_free(p->runtime, p->in_force);
  prl_free(p->runtime, p);
}

/* ---- saving ---- */

prl_status prl_policy_blocks(prl_policy *p, prl_blocks *blocks, prl_error *error) {
  prl_status status =
      prl_blocks_add(blocks, "policy.counts", PRL_I64, sizeof p->n / sizeof(int64_t), &p->n, error);
  const int first = blocks->count;
  if (!status) status = prl_blocks_add(blocks, "policy.live", PRL_F64, p->live->count, p->in_force, error);
  for (int i = 0; !status && i < p->sets->count; i++)
    if (p->published[i])
      status = prl_blocks_add_named(blocks, "published.", p->sets->items[i]->name, PRL_F32,
                                    p->published[i]->size, p->published[i]->value, error);
  if (!status && p->normalise) status = prl_normaliser_blocks(&p->normaliser, "normaliser", blocks, error);
  prl_blocks_learned(blocks, first);
  return status ? status : prl_noise_blocks(p, blocks, error);
}

bool prl_policy_restore(prl_policy *p) {
  fill_live(p);
  return prl_count_holds(p->n.version) && prl_count_holds(p->n.calls) && prl_noise_restore(p);
}

/* ---- versions ---- */

/* to ← from, of the sets that act reads. */
static void copy_values(const prl_policy *p, prl_params *const *to, prl_params *const *from) {
  for (int i = 0; i < p->sets->count; i++)
    if (p->published[i]) memcpy(to[i]->value, from[i]->value, (size_t)from[i]->size * sizeof(float));
}

prl_status prl_policy_publish(prl_policy *p, const float *observation, int64_t rows, prl_error *error) {
  prl_status status = prl_sets_check(p->sets, error);
  if (!status) status = prl_trial_run(p, observation, rows, error);
  if (status) {
    copy_values(p, p->sets->items, p->published); /* another plan may learn on (swap.c) */
    return status;
  }
  copy_values(p, p->published, p->sets->items);
  if (p->gathers) prl_normaliser_publish(&p->normaliser);
  take_live(p);
  p->n.version++;
  return PRL_OK;
}

int64_t prl_policy_version(const prl_policy *p) { return p->n.version; }
void prl_policy_number(prl_policy *p, int64_t version) { p->n.version = version; }
const prl_params *prl_policy_published(const prl_policy *p, int set) { return p->published[set]; }

prl_normaliser *prl_policy_normaliser(prl_policy *p) { return p->normalise ? &p->normaliser : NULL; }

/* Whether both compute actions in the same way, parameters and options apart. */
static bool act_alike(const prl_policy *a, const prl_policy *b) {
  const prl_shape *x = a->shape, *y = b->shape;
  if (x->noise_theta != y->noise_theta || x->noise_dt != y->noise_dt || x->noise_every != y->noise_every)
    return false;
  return a->normalise == b->normalise && (!a->normalise || a->normaliser.clip == b->normaliser.clip) &&
         prl_value_equal(prl_get(a->programs, "act"), prl_get(b->programs, "act"));
}

/* Whether the same program reads the same numbers of live options. */
static bool read_alike(const prl_policy *a, const prl_policy *b) {
  const prl_routine *x = &a->act.routine, *y = &b->act.routine;
  bool same = x->inputs_count == y->inputs_count;
  for (int i = 0; same && i < x->inputs_count; i++) same = *x->inputs[i].to == *y->inputs[i].to;
  return same;
}

/* Why it acts as another version. */
static const char *why_another(bool bends, prl_extent least, prl_extent most) {
  return most == PRL_TAKES_NONE     ? "none of its parameters are kept: it acts as another version"
         : bends                    ? "its layers have another activation: it acts as another version"
         : least == PRL_TAKES_GROWN ? "it goes on in other networks, as another version"
         : least == PRL_TAKES_ALL ? "its parameters are kept, and what is done with them is another: it acts "
                                    "as another version"
                                  : "not all that acts is kept: it acts as another version";
}

/* What became of the policy as a whole, and of its statistics of observations. */
static void note_taken(const prl_policy *to, const prl_policy *from, bool same, bool bends, prl_extent least,
                       prl_extent most, prl_migration *m) {
  const double was = from->normalise ? *from->normaliser.count : NAN;
  const double is = to->normalise ? *to->normaliser.count : NAN;
  prl_migration_note(m,
                     &(prl_migrated){"policy", "",
                                     same                                 ? PRL_KEPT
                                     : most == PRL_TAKES_NONE             ? PRL_ANEW
                                     : least == PRL_TAKES_GROWN && !bends ? PRL_GROWN
                                                                          : PRL_KEPT_IN_PART,
                                     NULL, 0, 0, (double)from->n.version, (double)(from->n.version + !same)},
                     "%s", same ? "it acts as before, as the same version" : why_another(bends, least, most));
  if (to->normalise && from->normalise)
    prl_migration_note(m, &(prl_migrated){"observations", "", PRL_KEPT, NULL, 0, 0, was, is},
                       "statistics of so many rows");
  else if (to->normalise)
    prl_migration_note(m, &(prl_migrated){"observations", "", PRL_ANEW, NULL, 0, 0, was, is},
                       "the running agent has no statistics of observations");
  else if (from->normalise)
    prl_migration_note(m, &(prl_migrated){"observations", "", PRL_DROPPED, NULL, 0, 0, was, is},
                       "the new plan does not normalise observations");
}

/* The numbers in force, of a set that was taken over whole; else those that the learner has now. */
static void take_published(prl_policy *to, int set, const prl_policy *from, prl_extent extent,
                           const struct prl_growth *growth) {
  const prl_params *ours = to->sets->items[set];
  const int found = prl_sets_source(to->sets, set, from->sets, growth);
  const bool kept = found >= 0 && from->published[found];
  const bool same = kept && extent == PRL_TAKES_ALL;
  memcpy(to->published[set]->value, same ? from->published[found]->value : ours->value,
         (size_t)ours->size * sizeof(float));
  if (kept && extent == PRL_TAKES_GROWN)
    prl_sets_take_values(to->sets, set, from->published[found], growth, to->published[set]->value);
}

bool prl_policy_take(prl_policy *to, const prl_policy *from, const prl_extent *extent,
                     const struct prl_growth *growth, prl_migration *m) {
  bool same = act_alike(to, from);
  prl_extent least = PRL_TAKES_ALL, most = PRL_TAKES_NONE; /* of what acts */
  bool bends = false;
  for (int i = 0; i < to->sets->count; i++) {
    if (!to->published[i]) continue;
    take_published(to, i, from, extent[i], growth);
    same = same && extent[i] == PRL_TAKES_ALL;
    least = extent[i] < least ? extent[i] : least;
    most = extent[i] > most ? extent[i] : most;
    prl_unary is, was;
    bends = bends || prl_growth_bends(growth, i, &is, &was);
  }
  if (to->normalise && from->normalise) prl_normaliser_take(&to->normaliser, &from->normaliser);
  take_live(to);
  same = same && read_alike(to, from);
  note_taken(to, from, same, bends, least, most, m);
  return same;
}

void prl_policy_continue(prl_policy *to, const prl_policy *from, bool same) {
  to->n = (prl_policy_counts){.version = from->n.version + !same, .calls = from->n.calls};
  prl_noise_continue(to, from);
}

double prl_policy_live(const prl_policy *p, int option) { return p->in_force[option]; }

const prl_normaliser *prl_policy_statistics(const prl_policy *p) {
  return p->normalise ? &p->normaliser : NULL;
}

bool prl_policy_normalises(const prl_policy *p) { return p->normalise; }
bool prl_policy_dense(const prl_policy *p) { return p->act.log_prob; }
