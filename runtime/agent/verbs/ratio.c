/* Ratios of densities: the learner's policy over the one that acted, of each row's action. */
#include <inttypes.h>
#include <math.h>

#include "agent/verbs/verb.h"

typedef struct ratios {
  int lag, objective; /* gauges */
} ratios;

static prl_status read(prl_verb_reader *r, void *fields, prl_error *error) {
  if (!prl_policy_dense(r->learner->policy))
    return prl_fail(
        error, PRL_EFORMAT,
        "plan: schedule: ratios needs the densities of what acts, which has none: \"act\" gives no log_prob");
  if (!r->learner->density.log_prob)
    return prl_fail(error, PRL_EFORMAT, "plan: schedule: ratios without a program \"density\"");
  ratios *f = fields;
  prl_status status = prl_metrics_add(&r->learner->metrics, "", "lag", &f->lag, error);
  return status ? status : prl_metrics_add(&r->learner->metrics, "", "objective_share", &f->objective, error);
}

/* Behaviour without a density cannot be corrected: its rows say so by one that is not finite. */
static prl_status check_row(const prl_learner *l, int64_t row, float now, prl_error *error) {
  const prl_batch *b = &l->batch;
  if (!isfinite(b->log_prob[row]))
    return prl_fail(
        error, PRL_ESTATE,
        "ratios compares the policy's densities with those of what acted, and policy version %" PRId64
        " acted step %" PRIu32 " of an episode without one (%g)",
        b->version[row], b->step[row], (double)b->log_prob[row]);
  if (isnan(now))
    return prl_fail(error, PRL_ENUMERIC, "the density of an action is not a number (program \"density\")");
  return PRL_OK;
}

static prl_status tile(prl_learner *l, int64_t first, int64_t rows, prl_error *error) {
  prl_learner_density *d = &l->density;
  prl_status status = prl_routine_run(&d->routine, first, rows, error);
  const float *now = d->log_prob->data, *then = l->batch.log_prob + first;
  for (int64_t i = 0; !status && i < rows; i++) {
    status = check_row(l, first + i, now[i], error);
    l->ratio[first + i] = (float)exp((double)now[i] - (double)then[i]);
  }
  return status;
}

static void report_lag(prl_learner *l, int gauge) {
  const prl_batch *b = &l->batch;
  double sum = 0;
  for (int64_t row = 0; row < b->rows; row++) sum += (double)(prl_shared_version(l) - b->version[row]);
  if (b->rows) prl_metrics_put(&l->metrics, gauge, sum / (double)b->rows);
}

static prl_status execute(prl_schedule *s, prl_verb *verb, prl_turn *turn, prl_error *error) {
  prl_learner *l = s->learner;
  const ratios *f = verb->fields;
  prl_status status = prl_verb_tile(s, verb, l->batch.rows, tile, turn, error);
  if (status || verb->cursor[PRL_TILE_ROWS] > 0) return status;
  report_lag(l, f->lag);
  if (!l->memory) prl_learner_report_objective(l, f->objective); /* else the draw has */
  return PRL_OK;
}

const prl_verb_type prl_verb_ratios = {
    .name = "ratios",
    .fields_text = "",
    .text = "π/μ of each row's action: its density by the learner's parameters over that with which it "
            "was acted, in tiles of capacity.tile rows. Rows that were acted without a density (one that "
            "is not finite) are refused",
    .fields_size = sizeof(ratios),
    .cursor = PRL_TILE_CURSOR,
    .needs = PRL_MADE_ROWS,
    .makes = PRL_MADE_RATIOS,
    .read = read,
    .execute = execute,
    .holds = prl_verb_tile_holds,
};
