/* How likely the episode of each row went on, before it is known that it did. */
#include <math.h>
#include <string.h>

#include "agent/verbs/verb.h"

typedef struct continuation {
  int mean, bias, variance; /* gauges */
} continuation;

static prl_status read(prl_verb_reader *r, void *fields, prl_error *error) {
  prl_metrics *m = &r->learner->metrics;
  const prl_continuation *c = &r->learner->continuation;
  continuation *f = fields;
  if (!c->probability)
    return prl_fail(error, PRL_EFORMAT, "plan: schedule: continuation without a program \"continuation\"");
  r->needs = c->routine.needs;
  prl_status status = prl_metrics_add(m, "", "continuation", &f->mean, error);
  if (!status) status = prl_metrics_add(m, "", "continuation_bias", &f->bias, error);
  return status ? status : prl_metrics_add(m, "", "continuation_variance", &f->variance, error);
}

static prl_status tile(prl_learner *l, int64_t first, int64_t rows, prl_error *error) {
  prl_continuation *c = &l->continuation;
  const float *probability = c->probability->data;
  prl_status status = prl_routine_run(&c->routine, first, rows, error);
  for (int64_t i = 0; !status && i < rows; i++)
    if (!(probability[i] >= 0 && probability[i] <= 1))
      status = prl_fail(error, PRL_ENUMERIC,
                        "the probability that a step goes on is %g (program \"continuation\")",
                        (double)probability[i]);
  if (!status) memcpy(c->row + first, probability, (size_t)rows * sizeof *probability);
  return status;
}

/* Over the rows of which it is known: 1 − Σ (g − c)²/Σ (g − mean g)². */
static void report(prl_learner *l, const continuation *f) {
  const prl_batch *b = &l->batch;
  double count = 0, went_on = 0, sum = 0, error = 0;
  for (int64_t i = 0; i < b->rows; i++) {
    if (b->end[i] == PRL_END_TRUNCATED) continue;
    const double c = (double)l->continuation.row[i], g = b->successor[i] >= 0;
    count++;
    went_on += g;
    sum += c;
    error += (g - c) * (g - c);
  }
  if (count < 1) return;
  const double variance = went_on * (count - went_on) / count;
  prl_metrics_put(&l->metrics, f->mean, sum / count);
  prl_metrics_put(&l->metrics, f->bias, (sum - went_on) / count);
  if (variance > 0) prl_metrics_put(&l->metrics, f->variance, 1 - error / variance);
}

static prl_status execute(prl_schedule *s, prl_verb *verb, prl_turn *turn, prl_error *error) {
  prl_status status = prl_verb_tile(s, verb, s->learner->batch.rows, tile, turn, error);
  if (!status && verb->cursor[PRL_TILE_ROWS] == 0) report(s->learner, verb->fields);
  return status;
}

const prl_verb_type prl_verb_continuation = {
    .name = "continuation",
    .fields_text = "",
    .text = "how likely each row's episode went on after it, as program \"continuation\" says, in tiles of "
            "capacity.tile rows; `advantages` and `vtrace` behind it take the luck of who went on out of the "
            "rewards",
    .fields_size = sizeof(continuation),
    .cursor = PRL_TILE_CURSOR,
    .needs = PRL_MADE_ROWS,
    .makes = PRL_MADE_CONTINUATION,
    .read = read,
    .execute = execute,
    .holds = prl_verb_tile_holds,
};
