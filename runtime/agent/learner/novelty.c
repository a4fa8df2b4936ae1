/* Novelty: arrivals of a batch, and rewards from what a program finds new in them. */
#include "agent/learner/novelty.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "agent/learner/parts.h"
#include "core/nearest.h"
#include "core/read.h"

enum { PIECES = 4 };

/* ---- reading ---- */

bool prl_novelty_is_of(const prl_value *root, const char *critic) {
  return !strcmp(prl_get_string(prl_get(root, "novelty"), "critic", ""), critic);
}

static prl_status find_column(const prl_learner *l, const prl_value *name, int32_t *out, prl_error *error) {
  const prl_env_spec *s = &l->shape->spec;
  if (name->kind != PRL_STRING) return prl_read_fail("novelty", "observes", "names of observations", error);
  prl_nearest nearest = prl_nearest_begin(name->as.text);
  for (*out = 0; *out < s->observations; (*out)++) {
    if (!strcmp(s->observation[*out].name, name->as.text)) return PRL_OK;
    prl_nearest_offer(&nearest, s->observation[*out].name);
  }
  return prl_fail(error, PRL_EFORMAT, "plan: novelty.observes: there is no observation \"%.60s\"%s",
                  name->as.text, prl_nearest_hint(&nearest));
}

static prl_status find_critic(prl_learner *l, const prl_value *map, prl_error *error) {
  const char *name;
  prl_status status = prl_read_string(map, "novelty", "critic", &name, error);
  if (status) return status;
  prl_nearest nearest = prl_nearest_begin(name);
  for (int i = 0; i < l->critics_count; i++) {
    l->novelty->critic = &l->critics[i];
    if (!strcmp(l->critics[i].name, name) && i + 1 < l->critics_count)
      return prl_fail(error, PRL_EFORMAT, "plan: novelty.critic: \"%.60s\" is not the last critic", name);
    if (!strcmp(l->critics[i].name, name)) return PRL_OK;
    prl_nearest_offer(&nearest, l->critics[i].name);
  }
  return prl_fail(error, PRL_EFORMAT, "plan: novelty.critic: there is no critic \"%.60s\"%s", name,
                  prl_nearest_hint(&nearest));
}

/* ---- life ---- */

static int list_pieces(prl_novelty *n, const prl_shape *shape, prl_piece pieces[PIECES]) {
  const int64_t rows = shape->batch_rows;
  const prl_piece all[PIECES] = {{&n->column, n->width, sizeof *n->column, true},
                                 {&n->sum, shape->experience.streams, sizeof *n->sum, true},
                                 {&n->arrival, rows, n->width * (int64_t)sizeof *n->arrival, true},
                                 {&n->onward, rows, sizeof *n->onward, true}};
  memcpy(pieces, all, sizeof all);
  return PIECES;
}

int64_t prl_novelty_bytes(const prl_shape *shape, const prl_value *root) {
  prl_piece pieces[PIECES];
  prl_novelty sized = {.width = prl_count(prl_path(root, "novelty.observes"))};
  return sized.width ? prl_pieces_bytes(pieces, list_pieces(&sized, shape, pieces)) : 0;
}

static prl_status read(prl_learner *l, const prl_value *map, prl_error *error) {
  prl_novelty *n = l->novelty;
  const prl_value *names;
  double clip = 5;
  prl_piece pieces[PIECES];
  prl_status status = find_critic(l, map, error);
  if (!status) status = prl_read_number(map, "novelty", "clip", false, 1e-6, 1e6, &clip, error);
  if (!status) status = prl_read_value(map, "novelty", "observes", PRL_ARRAY, &names, error);
  if (status) return status;
  n->width = prl_count(names);
  if (n->width < 1) return prl_read_fail("novelty", "observes", "at least one observation", error);
  status = prl_pieces_new(l->runtime, pieces, list_pieces(n, l->shape, pieces), error);
  for (int64_t k = 0; !status && k < n->width; k++)
    status = find_column(l, prl_item(names, k), &n->column[k], error);
  n->own = !prl_policy_normalises(l->policy);
  if (!status) status = prl_normaliser_init(&n->inputs, l->runtime, n->width, (float)clip, error);
  return status ? status : prl_normaliser_init(&n->returns, l->runtime, 1, INFINITY, error);
}

prl_status prl_novelty_build(prl_learner *l, prl_error *error) {
  const prl_value *map = prl_get(l->root, "novelty");
  if (!map) return PRL_OK;
  l->novelty = prl_calloc(l->runtime, 1, sizeof *l->novelty);
  if (!l->novelty) return prl_fail_memory(error, sizeof *l->novelty);
  prl_status status = read(l, map, error);
  if (!status) status = prl_metrics_add(&l->metrics, "", "novelty", &l->novelty->metric, error);
  return status ? status
                : prl_metrics_add(&l->metrics, "", "novelty_scale", &l->novelty->metric_scale, error);
}

void prl_novelty_free(prl_learner *l) {
  prl_novelty *n = l->novelty;
  if (!n) return;
  prl_piece pieces[PIECES];
  prl_pieces_free(l->runtime, pieces, list_pieces(n, l->shape, pieces));
  if (n->inputs.runtime) prl_normaliser_deinit(&n->inputs);
  if (n->returns.runtime) prl_normaliser_deinit(&n->returns);
  prl_routine_deinit(&n->routine);
  prl_free(l->runtime, n);
}

/* ---- over the ends of episodes ---- */

/* Rows of a place for streams are one after the other, in order of their steps. */
static void go_on(const prl_learner *l) {
  const prl_batch *b = &l->batch;
  for (int64_t row = 0, next = 1; row < b->rows; row++, next++) {
    const bool ended = b->end[row] == PRL_END_TERMINATED || b->end[row] == PRL_END_TRUNCATED;
    const bool same = next < b->rows && b->stream[next] == b->stream[row];
    l->novelty->onward[row] = ended && same ? (int32_t)next : b->arrival[row];
  }
}

/* ---- saving ---- */

prl_status prl_novelty_blocks(prl_learner *l, prl_blocks *blocks, prl_error *error) {
  prl_novelty *n = l->novelty;
  if (!n) return PRL_OK;
  const int64_t rows = l->batch.capacity, *used = &l->batch.rows;
  const int first = blocks->count;
  prl_status status = prl_normaliser_blocks(&n->inputs, "novelty.inputs", blocks, error);
  if (!status) status = prl_normaliser_blocks(&n->returns, "novelty.returns", blocks, error);
  prl_blocks_learned(blocks, first);
  if (!status)
    status = prl_blocks_add(blocks, "novelty.sum", PRL_F64, l->shape->experience.streams, n->sum, error);
  if (!status)
    status = prl_blocks_add_used(blocks, "batch.arrival", PRL_I32, rows, l->batch.arrival, used, 1, error);
  return status ? status
                : prl_blocks_add_used(blocks, "novelty.arrival", PRL_F32, rows * n->width, n->arrival, used,
                                      n->width, error);
}

bool prl_novelty_restore(const prl_learner *l) {
  const prl_novelty *n = l->novelty;
  const prl_batch *b = &l->batch;
  bool good = true;
  for (int64_t i = 0; good && n && i < l->shape->experience.streams; i++) good = isfinite(n->sum[i]);
  for (int64_t i = 0; good && n && i < b->rows; i++) good = b->arrival[i] >= 0 && b->arrival[i] < b->observed;
  if (good && n) go_on(l);
  return good;
}

/* Whether both look at the same observations. */
static bool alike(const prl_novelty *ours, const prl_novelty *old) {
  return ours && old && ours->width == old->width && ours->own == old->own &&
         !memcmp(ours->column, old->column, (size_t)ours->width * sizeof *ours->column);
}

static void note_taken(const prl_novelty *ours, const prl_novelty *old, prl_migration *m) {
  if (!ours && !old) return;
  const char *outcome = alike(ours, old) ? PRL_KEPT : ours ? PRL_ANEW : PRL_DROPPED;
  const char *why = alike(ours, old) ? "both look at the same observations"
                    : !ours          ? "the new plan has no critic of novelty"
                    : !old           ? "the running agent has no critic of novelty"
                                     : "it looks at other observations";
  prl_migration_note(m,
                     &(prl_migrated){"novelty", ours ? ours->critic->name : old->critic->name, outcome, NULL,
                                     0, 0, old ? *old->returns.count : NAN,
                                     ours ? *ours->returns.count : NAN},
                     "%s", why);
}

void prl_novelty_take(prl_learner *to, const prl_learner *from, prl_migration *m) {
  if (!alike(to->novelty, from->novelty)) {
    note_taken(to->novelty, from->novelty, m);
    return;
  }
  prl_normaliser_take(&to->novelty->inputs, &from->novelty->inputs);
  prl_normaliser_take(&to->novelty->returns, &from->novelty->returns);
  note_taken(to->novelty, from->novelty, m);
}

void prl_novelty_continue(prl_learner *to, const prl_learner *from) {
  const size_t streams = (size_t)from->shape->experience.streams;
  if (alike(to->novelty, from->novelty))
    memcpy(to->novelty->sum, from->novelty->sum, streams * sizeof *to->novelty->sum);
}

/* ---- an update ---- */

void prl_novelty_arrive(prl_learner *l) {
  prl_novelty *n = l->novelty;
  const prl_batch *b = &l->batch;
  const int64_t all = l->shape->experience.observations;
  for (int64_t row = 0; row < b->rows; row++) {
    const float *from = b->observation + b->arrival[row] * all;
    for (int64_t k = 0; k < n->width; k++) n->arrival[row * n->width + k] = from[n->column[k]];
  }
  go_on(l);
  if (n->own) {
    prl_shared_novelty(l, &n->inputs, b->rows, n->arrival);
    prl_normaliser_publish(&n->inputs);
  }
  l->kernels->normalise(b->rows, n->width, n->arrival, n->inputs.shift, n->inputs.scale, n->inputs.clip,
                        n->arrival);
}

prl_status prl_novelty_tile(prl_learner *l, int64_t first, int64_t rows, prl_error *error) {
  prl_novelty *n = l->novelty;
  prl_status status = prl_routine_run(&n->routine, first, rows, error);
  if (status) return status;
  if (!l->kernels->finite(rows, n->novelty->data))
    return prl_fail(error, PRL_ENUMERIC, "the novelty of a state is not finite (program \"novelty\")");
  memcpy(n->critic->reward + first, n->novelty->data, (size_t)rows * sizeof(float));
  return PRL_OK;
}

void prl_novelty_scale(prl_learner *l) {
  prl_novelty *n = l->novelty;
  const prl_batch *b = &l->batch;
  const double gamma = prl_ref_value(l->live, n->critic->gamma);
  float *reward = n->critic->reward, *sums = n->critic->returns; /* not made yet */
  double mean = 0;
  for (int64_t row = 0; row < b->rows; row++) {
    double *sum = &n->sum[b->stream[row]];
    *sum = gamma * *sum + (double)reward[row];
    sums[row] = (float)*sum;
    mean += (double)reward[row];
  }
  prl_shared_novelty(l, &n->returns, b->rows, sums);
  prl_normaliser_publish(&n->returns);
  const float scale = *n->returns.scale;
  for (int64_t row = 0; row < b->rows; row++) reward[row] *= scale;
  if (!b->rows) return;
  prl_metrics_put(&l->metrics, n->metric, mean / (double)b->rows);
  prl_metrics_put(&l->metrics, n->metric_scale, 1 / (double)scale);
}
