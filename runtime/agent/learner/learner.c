/* The learner's life: built from the plan, saved, handed over by a swap. */
#include "agent/learner/parts.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static int list_pieces(prl_learner *l, const prl_shape *shape, prl_piece pieces[PRL_LEARNER_PIECES]) {
  const int64_t rows = shape->batch_rows, word = sizeof(float);
  const int64_t drawn = prl_bytes_times(shape->draw_rows, shape->draw_steps);
  const int64_t sequences = shape->memory_stretch ? rows : 0;
  const prl_piece all[] = {{&l->raw, shape->raw ? rows : 0, shape->experience.observations * word, false},
                           {&l->start, sequences, word, true},
                           {&l->stretches, sequences, sizeof *l->stretches, true},
                           {&l->ratio, shape->ratios ? rows : 0, word, true},
                           {&l->continuation.row, shape->continuation ? rows : 0, word, true},
                           {&l->continuation.fair, shape->continuation ? rows : 0, word, true},
                           {&l->advantage, rows, word, true},
                           {&l->discount, rows, sizeof *l->discount, true},
                           {&l->order, rows, sizeof *l->order, true},
                           {&l->lengths, shape->experience.streams, sizeof *l->lengths, true},
                           {&l->stretch.response, drawn, shape->spec.responses * word, true},
                           {&l->stretch.elapsed, drawn, word, true},
                           {&l->stretch.length, shape->draw_rows, sizeof *l->stretch.length, true},
                           {&l->stretch.place, shape->draw_rows, sizeof *l->stretch.place, true},
                           {&l->stretch_reward, drawn, word, true},
                           {&l->weight, shape->draw_rows, word, true},
                           {&l->noise, shape->draw_rows, shape->noise_drawn * word, true},
                           {&l->next_noise, shape->draw_rows, shape->noise_drawn * word, true}};
  memcpy(pieces, all, sizeof all);
  return (int)(sizeof all / sizeof *all);
}

int64_t prl_learner_bytes(const prl_shape *shape, int critics) {
  prl_learner sized = {0};
  prl_critic critic = {0};
  prl_piece pieces[PRL_LEARNER_PIECES];
  int64_t sum = prl_pieces_bytes(pieces, list_pieces(&sized, shape, pieces));
  int64_t one = prl_pieces_bytes(pieces, prl_critic_list(&critic, shape, pieces));
  sum = prl_bytes_add(sum, prl_batch_bytes(shape->batch_rows, &shape->experience));
  if (shape->memory_rows) sum = prl_bytes_add(sum, prl_replay_bytes(&shape->experience, shape->memory_rows));
  if (shape->priority > 0) sum = prl_bytes_add(sum, prl_sum_tree_bytes(shape->memory_rows));
  return prl_bytes_add(sum, prl_bytes_times(critics, one));
}

static prl_status allocate(prl_learner *l, prl_error *error) {
  prl_piece pieces[PRL_LEARNER_PIECES];
  prl_status status = prl_pieces_new(l->runtime, pieces, list_pieces(l, l->shape, pieces), error);
  if (status) return status;
  l->optim_steps = prl_calloc(l->runtime, (size_t)l->sets->optims_count + 1, sizeof *l->optim_steps);
  if (!l->optim_steps) return prl_fail_memory(error, (size_t)l->sets->optims_count * sizeof *l->optim_steps);
  if (l->shape->memory_rows && l->source)
    status = prl_replay_share(l->runtime, &l->memory, error);
  else if (l->shape->memory_rows)
    status = prl_replay_new(l->runtime, &l->shape->experience, l->shape->memory_rows, &l->memory, error);
  if (!status && !l->source && l->shape->priority > 0)
    status = prl_replay_rank(l->memory, l->shape->priority, error);
  if (status) return status;
  status = prl_batch_init(&l->batch, l->runtime, l->shape->batch_rows, &l->shape->experience, error);
  l->batch.most = l->shape->frozen_rows;
  if (!l->source) l->experience->replay = l->memory;
  return status;
}

/* What guards know is told of each that is on a response. */
static prl_status add_guards(prl_learner *l, prl_error *error) {
  static const char *const parts[] = {"guard/", "guard_low/", "guard_high/"};
  const int measured = l->control ? prl_control_measured(l->control) : 0;
  prl_status status = PRL_OK;
  int place;
  l->guards = l->metrics.count;
  for (int i = 0; !status && i < 3 * measured; i++) {
    prl_guard guard;
    prl_control_guard_of(l->control, i / 3, &guard);
    status = prl_metrics_add(&l->metrics, parts[i % 3], guard.name, &place, error);
  }
  if (!status && measured) status = prl_metrics_add(&l->metrics, "guard_users/", "policy", &place, error);
  if (!status && measured) status = prl_metrics_add(&l->metrics, "guard_users/", "baseline", &place, error);
  if (!status && measured && prl_control_can_ramp(l->control))
    status = prl_metrics_add(&l->metrics, "", "ramp_share", &place, error);
  return status;
}

static prl_status build(prl_learner *l, prl_error *error) {
  prl_status status = allocate(l, error);
  if (!status) status = prl_metrics_init(&l->metrics, l->runtime, l->root, l->shape, l->sets, error);
  if (!status) status = add_guards(l, error);
  if (!status) status = prl_critics_build(l, error);
  if (!status) status = prl_constraints_build(l, error);
  if (!status) status = prl_novelty_build(l, error);
  if (!status) status = prl_programs_build(l, error);
  if (!status) status = prl_refit_build(l, error);
  if (!status && l->shape->asynchronous)
    status = prl_metrics_add(&l->metrics, "", "lag", &l->worker.lag, error);
  if (!status && l->source) status = prl_beside_metrics(l, error);
  if (status) return status;
  if (!l->source && (l->control || l->constraints_count)) prl_stale_ask(l);
  l->n.warmed = l->shape->warmup == 0;
  prl_programs_fill_live(l);
  return PRL_OK;
}

prl_status prl_learner_new(prl_runtime *runtime, const prl_learner_parts *parts, prl_learner **out,
                           prl_error *error) {
  prl_learner *l = prl_calloc(runtime, 1, sizeof *l);
  if (!l) return prl_fail_memory(error, sizeof *l);
  l->runtime = runtime;
  l->kernels = prl_kernels_of(runtime);
  l->root = parts->root;
  l->shape = parts->shape;
  l->sets = parts->sets;
  l->live = parts->live;
  l->policy = parts->policy;
  l->experience = parts->experience;
  l->control = parts->control;
  l->source = parts->source;
  prl_status status = build(l, error);
  if (status) {
    prl_learner_free(l);
    return status;
  }
  *out = l;
  return PRL_OK;
}

void prl_learner_free(prl_learner *l) {
  if (!l) return;
  prl_shared_leave(l);
  prl_programs_free(l);
  prl_constraints_free(l);
  prl_novelty_free(l);
  prl_refit_free(l);
  prl_critics_free(l);
  if (l->metrics.runtime) prl_metrics_deinit(&l->metrics);
  prl_replay_free(l->memory);
  prl_batch_deinit(&l->batch, l->runtime);
  prl_piece pieces[PRL_LEARNER_PIECES];
  prl_pieces_free(l->runtime, pieces, list_pieces(l, l->shape, pieces));
  prl_free(l->runtime, l->optim_steps);
  prl_free(l->runtime, l);
}

/* ---- saving ---- */

/* The batch's own counts come first: they say how much of its arrays holds something. Raw observations of the
 * frozen rows are saved where programs read them: the statistics have seen them. */
static prl_status batch_blocks(prl_learner *l, prl_blocks *blocks, prl_error *error) {
  prl_batch *b = &l->batch;
  const prl_env_spec *s = &l->shape->spec;
  const struct {
    const char *name;
    prl_dtype dtype;
    int64_t unit;
    void *data;
    const int64_t *used;
  } parts[] = {
      {"batch.action", PRL_F32, s->actions, b->action, &b->rows},
      {"batch.log_prob", PRL_F32, 1, b->log_prob, &b->rows},
      {"batch.response", PRL_F32, s->responses, b->response, &b->rows},
      {"batch.successor", PRL_I32, 1, b->successor, &b->rows},
      {"batch.stream", PRL_I32, 1, b->stream, &b->rows},
      {"batch.step", PRL_I32, 1, b->step, &b->rows},
      {"batch.end", PRL_I32, 1, b->end, &b->rows},
      {"batch.elapsed", PRL_F32, 1, b->elapsed, &b->rows},
      {"batch.arm", PRL_F32, l->shape->experience.arms > 0, b->arm, &b->rows},
      {"batch.lasting", PRL_F32, l->shape->experience.lasting, b->lasting, &b->rows},
      {"batch.observation", PRL_F32, l->shape->experience.observations, b->observation, &b->observed},
      {"batch.advantage", PRL_F32, 1, l->advantage, &b->rows},
      {"batch.order", PRL_I32, 1, l->order, &b->rows},
  };
  prl_status status = prl_blocks_add(blocks, "batch.counts", PRL_I64, 3, &b->rows, error);
  for (size_t i = 0; !status && i < sizeof parts / sizeof *parts; i++) {
    if (parts[i].data == b->lasting && !parts[i].unit) continue; /* there are none */
    int64_t rows = parts[i].used == &b->observed ? 2 * b->capacity : b->capacity;
    status = prl_blocks_add_used(blocks, parts[i].name, parts[i].dtype, rows * parts[i].unit, parts[i].data,
                                 parts[i].used, parts[i].unit, error);
  }
  return status;
}

/* What some updates alone have of their rows: who acted them, raw observations, ratios, how likely they went
 * on. */
static prl_status further_blocks(prl_learner *l, prl_blocks *blocks, prl_error *error) {
  prl_batch *b = &l->batch;
  prl_status status = PRL_OK;
  if (b->kept)
    status =
        prl_blocks_add_used(blocks, "batch.version", PRL_I64, b->capacity, b->version, &b->rows, 1, error);
  if (!status && l->shape->raw) {
    const int64_t width = l->shape->spec.observations;
    status = prl_blocks_add_used(blocks, "batch.raw", PRL_F32, b->capacity * width, l->raw, &b->rows, width,
                                 error);
  }
  if (!status && l->shape->ratios)
    status = prl_blocks_add_used(blocks, "batch.ratio", PRL_F32, b->capacity, l->ratio, &b->rows, 1, error);
  if (!status && l->shape->continuation)
    status = prl_blocks_add_used(blocks, "batch.continuation", PRL_F32, b->capacity, l->continuation.row,
                                 &b->rows, 1, error);
  return status;
}

/* What was drawn along with the batch. */
static prl_status draw_blocks(prl_learner *l, prl_blocks *blocks, prl_error *error) {
  const int64_t rows = l->shape->draw_rows, noise = rows * l->shape->noise_drawn;
  prl_status status = l->source ? PRL_OK : prl_replay_blocks(l->memory, blocks, error);
  if (!status) status = prl_blocks_add(blocks, "draw.place", PRL_I32, rows, l->stretch.place, error);
  if (!status) status = prl_blocks_add(blocks, "draw.weight", PRL_F32, rows, l->weight, error);
  if (!status) status = prl_blocks_add(blocks, "draw.noise", PRL_F32, noise, l->noise, error);
  return status ? status : prl_blocks_add(blocks, "draw.next_noise", PRL_F32, noise, l->next_noise, error);
}

prl_status prl_learner_blocks(prl_learner *l, prl_blocks *blocks, prl_error *error) {
  prl_status status =
      prl_blocks_add(blocks, "learner.counts", PRL_I64, sizeof l->n / sizeof(int64_t), &l->n, error);
  if (!status)
    status =
        prl_blocks_add(blocks, "learner.lengths", PRL_F64, l->shape->experience.streams, l->lengths, error);
  const int first = blocks->count;
  if (!status)
    status =
        prl_blocks_add(blocks, "learner.optim_steps", PRL_I64, l->sets->optims_count, l->optim_steps, error);
  prl_blocks_learned(blocks, first);
  if (!status) status = batch_blocks(l, blocks, error);
  if (!status) status = further_blocks(l, blocks, error);
  if (!status && l->memory) status = draw_blocks(l, blocks, error);
  if (!status && l->source) status = prl_beside_blocks(l, blocks, error);
  if (!status) status = prl_metrics_blocks(&l->metrics, blocks, error);
  if (!status) status = prl_constraints_blocks(l, blocks, error);
  if (!status) status = prl_novelty_blocks(l, blocks, error);
  if (!status) status = prl_refit_blocks(l, blocks, error);
  return status ? status : prl_critics_blocks(l, blocks, error);
}

static bool counts_hold(const prl_learner *l) {
  const prl_learner_counts *n = &l->n;
  const prl_batch *b = &l->batch;
  return prl_count_holds(n->updates) && prl_count_holds(n->shuffles) && prl_count_holds(n->warm) &&
         n->warmed >= 0 && n->warmed <= 1 && b->rows >= 0 && b->rows <= b->capacity && b->bootstraps >= 0 &&
         b->bootstraps <= b->rows && b->observed == b->rows + b->bootstraps;
}

static bool steps_hold(const prl_learner *l) {
  bool good = true;
  for (int i = 0; i < l->sets->optims_count; i++)
    good = good && prl_count_holds(l->sets->optims[i]->steps) && prl_count_holds(l->optim_steps[i]);
  return good;
}

/* No row was acted by a policy that is still to come, and no ratio is below 0. */
static bool correction_holds(const prl_learner *l) {
  const prl_batch *b = &l->batch;
  const int64_t newest = prl_policy_version(l->policy);
  bool good = true;
  for (int64_t row = 0; good && b->kept && row < b->rows; row++)
    good = b->version[row] >= 0 && b->version[row] <= newest && (!l->shape->ratios || l->ratio[row] >= 0);
  for (int64_t place = 0; good && l->memory && place < l->memory->n.filled; place++)
    good = l->memory->version[place] <= newest;
  return good;
}

static bool continuation_holds(const prl_learner *l) {
  bool good = true;
  for (int64_t row = 0; good && l->shape->continuation && row < l->batch.rows; row++)
    good = l->continuation.row[row] >= 0 && l->continuation.row[row] <= 1;
  return good;
}

static bool memory_holds(prl_learner *l) {
  bool good = true;
  if (l->source)
    prl_replay_follow(l->memory, l->source->memory); /* which is whole */
  else
    good = prl_replay_restore(l->memory, l->experience);
  for (int64_t row = 0; good && row < l->shape->draw_rows; row++)
    good = l->stretch.place[row] >= 0 && l->stretch.place[row] < l->memory->places;
  return good;
}

bool prl_learner_restore(prl_learner *l) {
  const prl_batch *b = &l->batch;
  bool good = counts_hold(l) && steps_hold(l);
  for (int64_t i = 0; good && i < b->rows; i++)
    good = l->order[i] >= 0 && l->order[i] < b->rows && b->successor[i] >= -1 &&
           b->successor[i] < b->rows + b->bootstraps && b->stream[i] >= 0 &&
           b->stream[i] < l->shape->experience.streams;
  if (good) prl_learner_cut(l);
  prl_programs_fill_live(l);
  return good && prl_constraints_restore(l) && prl_novelty_restore(l) && (!l->memory || memory_holds(l)) &&
         correction_holds(l) && continuation_holds(l) && prl_refit_restore(l) &&
         (!l->source || prl_beside_holds(l));
}

/* ---- swapping ---- */

int64_t prl_learner_remembered(const prl_learner *l) { return l->memory ? l->memory->n.rows : 0; }

void prl_learner_remember(prl_learner *to, const prl_learner *from) {
  (void)prl_replay_take(to->memory, from->memory, to->experience);
}

/* Rows that were acted without a density say so by one that is not a number (policy/act.c). */
bool prl_learner_reads_densities(const prl_learner *l) { return prl_programs_density(l); }

prl_status prl_learner_check_densities(const prl_learner *to, const prl_learner *from, prl_error *error) {
  const char *reader = prl_programs_density(to);
  if (!reader) return PRL_OK;
  if (prl_policy_dense(from->policy) && prl_experience_dense(from->experience) &&
      (!to->memory || !from->memory || prl_replay_dense(from->memory)))
    return PRL_OK;
  return prl_fail(error, PRL_EINVAL,
                  "swap: %s of the new plan needs the densities of actions, and the running agent has steps "
                  "that were acted without one: its noise is a process",
                  reader);
}

static void take_optims(prl_learner *to) {
  for (int i = 0; i < to->sets->optims_count; i++) to->optim_steps[i] = to->sets->optims[i]->steps;
  prl_programs_fill_live(to);
}

void prl_learner_take(prl_learner *to, const prl_learner *from, const prl_extent *extent,
                      const struct prl_growth *growth, prl_migration *m) {
  prl_critics_take(to, from, extent, growth, m);
  prl_constraints_take(to, from, m);
  prl_novelty_take(to, from, m);
  take_optims(to);
}

void prl_learner_continue(prl_learner *to, const prl_learner *from) {
  const size_t streams = (size_t)from->shape->experience.streams; /* at most as many as `to` has */
  for (int i = 0; i < to->critics_count; i++) {
    const prl_critic *old = prl_critic_find(from, to->critics[i].name);
    if (old) memcpy(to->critics[i].episode, old->episode, streams * sizeof *old->episode);
  }
  memcpy(to->lengths, from->lengths, streams * sizeof *to->lengths);
  prl_novelty_continue(to, from);
  to->n = (prl_learner_counts){.updates = from->n.updates, .warm = from->n.warm, .warmed = 1};
}

/* A scale that the warm-up measures is known only where the other's warm-up measured all of them. */
void prl_learner_start(prl_learner *to, const prl_learner *from, const prl_extent *extent, bool observed) {
  const bool measured = prl_critics_known(to, from);
  for (int i = 0; i < to->critics_count; i++) {
    prl_critic *ours = &to->critics[i];
    const prl_critic *old = prl_critic_find(from, ours->name);
    if (old && (ours->baseline ? measured : *ours->scale == *old->scale))
      prl_critic_take(ours, old, 1, prl_critic_extent(to, ours, extent));
  }
  prl_novelty_take(to, from, NULL);
  take_optims(to);
  if (observed && measured) to->n.warmed = 1;
}

bool prl_learner_statistics(const prl_learner *l, int critic, const char **name, bool *begun) {
  const prl_critic *c = &l->critics[critic];
  *name = c->name;
  *begun = c->normalise && c->popart->begun > 0;
  return c->normalise;
}

/* ---- an update's rows ---- */

void prl_learner_report_guards(prl_learner *l) {
  const int measured = l->control ? prl_control_measured(l->control) : 0;
  prl_guard guard = {.state = PRL_GUARD_IDLE};
  for (int i = 0; i < measured; i++) {
    prl_control_guard_of(l->control, i, &guard);
    if (guard.state == PRL_GUARD_IDLE) break;
    const double values[] = {guard.value, guard.low, guard.high};
    for (int k = 0; k < 3; k++)
      if (isfinite(values[k])) prl_metrics_put(&l->metrics, l->guards + 3 * i + k, values[k]);
  }
  if (measured && prl_shares_begun(prl_control_shares(l->control)))
    prl_metrics_put(&l->metrics, l->guards + 3 * measured + 2,
                    prl_shares_now(prl_control_shares(l->control)));
  if (guard.state == PRL_GUARD_IDLE) return;
  prl_metrics_put(&l->metrics, l->guards + 3 * measured, (double)guard.users);
  prl_metrics_put(&l->metrics, l->guards + 3 * measured + 1, (double)guard.control_users);
}

void prl_learner_report_objective(prl_learner *l, int gauge) {
  const prl_batch *b = &l->batch;
  const int64_t now = l->experience->n.objective;
  int64_t own = 0;
  if (l->source) return; /* its objective has no version yet */
  for (int64_t row = 0; row < b->rows; row++) own += b->objective[row] == now;
  if (now && b->rows) prl_metrics_put(&l->metrics, gauge, (double)own / (double)b->rows);
}

/* ---- an update's end ---- */

void prl_learner_release(prl_learner *l) { l->batch.rows = l->batch.bootstraps = l->batch.observed = 0; }

prl_status prl_learner_publish(prl_learner *l, prl_error *error) {
  prl_error why = {PRL_OK, ""};
  prl_status status = prl_policy_publish(l->policy, l->batch.observation, l->batch.rows, &why);
  if (status)
    return prl_fail(error, status,
                    "the policy of update %" PRId64 " is not published: %s; the one before it stays in force",
                    l->n.updates + 1, why.message);
  if (l->shared) prl_policy_number(l->policy, prl_shared_version(l));
  if (l->shape->drop_stale && !l->source)
    prl_experience_version(l->experience, (uint64_t)prl_policy_version(l->policy));
  return PRL_OK;
}

/* ---- reading ---- */

int64_t prl_learner_updates(const prl_learner *l) { return l->n.updates; }

bool prl_learner_multipliers(const prl_learner *l) {
  bool any = false;
  for (int i = 0; i < l->constraints_count; i++) any = any || l->constraints[i].learned;
  return any;
}

int prl_learner_gauges(const prl_learner *l) { return l->metrics.count; }

void prl_learner_tally(const prl_learner *l, double *tally) {
  for (int i = 0; i < l->metrics.count; i++) {
    const double value = l->metrics.gauges[i].value;
    if (isnan(value)) continue;
    tally[i] += value;
    tally[l->metrics.count + i]++;
  }
}

void prl_learner_report(prl_learner *l, const double *tally) {
  for (int i = 0; i < l->metrics.count; i++) {
    const double count = tally[l->metrics.count + i];
    l->metrics.gauges[i].value = count > 0 ? tally[i] / count : NAN;
  }
}

int prl_learner_metrics(const prl_learner *l, const prl_metric **list) {
  const prl_experience_counts none = {0}, *n = &l->experience->n;
  const prl_experience_counts *other = l->control ? &prl_control_experience(l->control)->n : &none;
  const int64_t counters[PRL_METRICS_COUNTERS] = {n->decisions,
                                                  l->n.updates,
                                                  prl_policy_version(l->policy),
                                                  n->dropped_steps + other->dropped_steps,
                                                  n->late_feedback + other->late_feedback,
                                                  n->duplicate_feedback + other->duplicate_feedback,
                                                  n->stale_steps,
                                                  n->idle_streams + other->idle_streams};
  return prl_metrics_list(&l->metrics, counters, list);
}

int prl_learner_meanings(const prl_learner *l, const prl_metric **list) {
  *list = l->metrics.known;
  return l->metrics.count;
}

const double *prl_learner_scale(const prl_learner *l, const char *critic, size_t length) {
  for (int i = 0; i < l->critics_count; i++)
    if (!strncmp(l->critics[i].name, critic, length) && !l->critics[i].name[length])
      return l->critics[i].scale;
  return NULL;
}

bool prl_learner_metric(const prl_learner *l, const char *name, double *value) {
  for (int i = 0; i < l->metrics.count; i++) {
    *value = l->metrics.gauges[i].value;
    if (!strcmp(l->metrics.names[i], name)) return !isnan(*value);
  }
  return false;
}

bool prl_learner_timed(const prl_learner *l, const char **critic, const char **per) {
  if (!l->timed) return false;
  *critic = l->timed->name;
  *per = l->timed->per;
  return true;
}
