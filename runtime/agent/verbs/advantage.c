/* Advantages and returns of each critic, and the weighted sum that the actor follows. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "agent/verbs/verb.h"
#include "core/value.h"
#include "rl/returns.h"

typedef struct moments {
  double mean, variance;
} moments;

static moments moments_of(int64_t rows, const float *x) {
  double sum = 0, squares = 0;
  for (int64_t i = 0; i < rows; i++) sum += (double)x[i];
  double mean = rows ? sum / (double)rows : 0;
  for (int64_t i = 0; i < rows; i++) squares += ((double)x[i] - mean) * ((double)x[i] - mean);
  return (moments){mean, rows ? squares / (double)rows : 0};
}

/* ---- advantages ---- */

enum { CRITIC }; /* cursor: critics that are done */

typedef struct advantages {
  prl_ref lambda;
  prl_ref rho, c;       /* of vtrace alone, as its gauges */
  int clip_rho, clip_c; /* share of rows above either */
} advantages;

static prl_status read_advantages(prl_verb_reader *r, void *fields, prl_error *error) {
  advantages *a = fields;
  if (r->learner->novelty) r->needs |= PRL_MADE_NOVELTY;
  if (r->learner->shape->continuation) r->needs |= PRL_MADE_CONTINUATION;
  return prl_live_ref(r->learner->live, r->map, r->where, "lambda", 0.95, &a->lambda, error);
}

/* 1 − Var(R − V)/Var(R); R − V stands in `advantage`. */
static void report_variance(prl_learner *l, const prl_critic *c) {
  moments all = moments_of(l->batch.rows, c->returns), rest = moments_of(l->batch.rows, c->advantage);
  if (all.variance > 0) prl_metrics_put(&l->metrics, c->metric_variance, 1 - rest.variance / all.variance);
}

/* What a row's return counts next: that of novelty goes on over the ends of episodes. */
static const int32_t *successors(const prl_learner *l, const prl_critic *c) {
  return c->expression ? l->batch.successor : l->novelty->onward;
}

/* The critic's rewards; without the luck of who went on, where the plan knows how likely that was. The return
 * of novelty goes on in any case. Discounts and values are made. */
static const float *rewards(prl_learner *l, const prl_critic *c) {
  const prl_batch *b = &l->batch;
  prl_continuation *by = &l->continuation;
  if (!by->probability || !c->expression) return c->reward;
  prl_rewards_fair(b->rows, c->reward, c->value, c->popart->mean, c->popart->std, b->successor, b->end,
                   l->discount, by->row, by->fair);
  return by->fair;
}

/* The mean over the steps that it applies to. */
static void report_discount(prl_learner *l, const prl_critic *c) {
  double sum = 0, count = 0;
  for (int64_t row = 0; row < l->batch.rows; row++) {
    if (l->batch.successor[row] < 0) continue;
    sum += l->discount[row];
    count++;
  }
  if (count > 0) prl_metrics_put(&l->metrics, c->metric_discount, sum / count);
}

/* The statistics come into force before the targets are made; normalised predictions move with the layer. */
static void publish_popart(prl_learner *l, prl_critic *c) {
  double before = (double)*c->layer_bias;
  double ratio =
      prl_popart_publish(c->popart, c->layer_rows, c->layer_stride, c->layer_weight, c->layer_bias);
  for (int64_t i = 0; i < l->batch.rows + l->batch.bootstraps; i++)
    c->value[i] = (float)(((double)c->value[i] - before) * ratio + (double)*c->layer_bias);
}

static void normalise_returns(prl_learner *l, prl_critic *c) {
  prl_popart *p = c->popart;
  const int64_t rows = l->batch.rows;
  if (prl_shared_returns(l, c)) publish_popart(l, c);
  double mean = p->mean, inverse = 1 / p->std;
  for (int64_t i = 0; i < rows; i++) c->returns[i] = (float)(((double)c->returns[i] - mean) * inverse);
}

/* A critic at a time: the next one, whose discounts are made; NULL: there is none. */
static prl_critic *next_critic(prl_learner *l, prl_verb *verb, prl_turn *turn) {
  int64_t *at = &verb->cursor[CRITIC];
  prl_critic *c = *at < l->critics_count ? &l->critics[(*at)++] : NULL;
  if (*at < l->critics_count)
    turn->next = verb->index;
  else
    *at = 0;
  if (!c) return NULL;
  prl_discounts(l->batch.rows, prl_ref_value(l->live, c->gamma), c->unit, l->batch.elapsed, l->discount);
  if (c->unit > 0) report_discount(l, c);
  return c;
}

static double lambda_of(const prl_learner *l, const prl_critic *c, const advantages *a) {
  return prl_ref_value(l->live, c->own_lambda ? c->lambda : a->lambda);
}

static prl_status execute_advantages(prl_schedule *s, prl_verb *verb, prl_turn *turn, prl_error *error) {
  prl_learner *l = s->learner;
  const prl_batch *b = &l->batch;
  prl_critic *c = next_critic(l, verb, turn);
  if (!c) return PRL_OK;
  prl_gae(b->rows, rewards(l, c), c->value, c->popart->mean, c->popart->std, successors(l, c), l->discount,
          lambda_of(l, c, verb->fields), c->advantage, c->returns);
  report_variance(l, c);
  if (c->normalise) normalise_returns(l, c);
  return PRL_OK;
}

/* ---- the same without values ---- */

typedef struct returns_of {
  bool paired;
  int alike; /* gauge: pairs whose episodes have the same number of steps */
} returns_of;

static prl_status read_returns(prl_verb_reader *r, void *fields, prl_error *error) {
  returns_of *f = fields;
  f->paired = prl_get_bool(r->map, "paired", false);
  if (!f->paired) return PRL_OK;
  if (!r->learner->shape->experience.paired)
    return prl_fail(error, PRL_EFORMAT, "plan: schedule: returns is paired, and collect is not");
  return prl_metrics_add(&r->learner->metrics, "", "pairs_alike", &f->alike, error);
}

/* Where a stream's rows end, from row `first` on. */
static int64_t end_of_stream(const prl_batch *b, int64_t first) {
  int64_t end = first;
  while (end < b->rows && b->stream[end] == b->stream[first]) end++;
  return end;
}

/* Rows are in order of keys, so that those of the pairs' second streams begin half-way, in the order of the
 * first ones, unless one of the two has none. */
static void compare_pairs(prl_learner *l, const prl_critic *c, const returns_of *f) {
  const prl_batch *b = &l->batch;
  const prl_stream *streams = l->experience->streams;
  prl_pair_counts counts = {0};
  int64_t second = 0;
  memset(c->advantage, 0, (size_t)b->rows * sizeof *c->advantage);
  while (second < b->rows && !(streams[b->stream[second]].key & PRL_SECOND)) second++;
  for (int64_t first = 0, half = second, end; first < half; first = end) {
    const uint64_t partner = prl_stream_partner(streams[b->stream[first]].key);
    end = end_of_stream(b, first);
    while (second < b->rows && streams[b->stream[second]].key < partner) second = end_of_stream(b, second);
    if (second >= b->rows || streams[b->stream[second]].key != partner) continue;
    const int64_t other = end_of_stream(b, second);
    prl_pairs_differ(b->step, (prl_pair_rows){first, end, second, other}, (uint32_t)l->shape->noise_every,
                     c->returns, c->advantage, &counts);
  }
  if (counts.pairs) prl_metrics_put(&l->metrics, f->alike, (double)counts.alike / (double)counts.pairs);
}

static prl_status execute_returns(prl_schedule *s, prl_verb *verb, prl_turn *turn, prl_error *error) {
  prl_learner *l = s->learner;
  const prl_batch *b = &l->batch;
  prl_critic *c = next_critic(l, verb, turn);
  if (!c) return PRL_OK;
  /* Every value is 0 · value + 0. */
  prl_gae(b->rows, c->reward, c->value, 0, 0, b->successor, l->discount, 1, c->advantage, c->returns);
  const returns_of *f = verb->fields;
  if (f->paired) compare_pairs(l, c, f);
  if (c->normalise) normalise_returns(l, c);
  return PRL_OK;
}

static bool advantages_hold(const prl_schedule *s, const prl_verb *verb) {
  return verb->cursor[CRITIC] >= 0 && verb->cursor[CRITIC] <= s->learner->critics_count;
}

/* ---- the same of rows that another policy acted ---- */

static prl_status read_vtrace(prl_verb_reader *r, void *fields, prl_error *error) {
  advantages *a = fields;
  const prl_live *live = r->learner->live;
  const int64_t steps = r->learner->shape->draw_steps;
  prl_status status = read_advantages(r, fields, error);
  if (!status) status = prl_live_ref(live, r->map, r->where, "rho", 1, &a->rho, error);
  if (!status) status = prl_live_ref(live, r->map, r->where, "c", 1, &a->c, error);
  if (!status) status = prl_metrics_add(&r->learner->metrics, "clip_rate/", "rho", &a->clip_rho, error);
  if (!status) status = prl_metrics_add(&r->learner->metrics, "clip_rate/", "c", &a->clip_c, error);
  if (status || steps < 2) return status;
  return prl_fail(error, PRL_EFORMAT,
                  "plan: schedule: vtrace corrects each step by its own ratio, and sample draws rows with "
                  "the rewards of %" PRId64 " steps; a stretch is needed there",
                  steps);
}

static void report_clips(prl_learner *l, const advantages *a, prl_correction by) {
  const int64_t rows = l->batch.rows;
  double rho = 0, c = 0;
  for (int64_t row = 0; row < rows; row++) {
    rho += (double)l->ratio[row] > by.rho;
    c += (double)l->ratio[row] > by.c;
  }
  if (!rows) return;
  prl_metrics_put(&l->metrics, a->clip_rho, rho / (double)rows);
  prl_metrics_put(&l->metrics, a->clip_c, c / (double)rows);
}

static prl_status execute_vtrace(prl_schedule *s, prl_verb *verb, prl_turn *turn, prl_error *error) {
  prl_learner *l = s->learner;
  const prl_batch *b = &l->batch;
  const advantages *a = verb->fields;
  prl_correction by = {.rho = prl_ref_value(l->live, a->rho), .c = prl_ref_value(l->live, a->c)};
  if (verb->cursor[CRITIC] == 0) report_clips(l, a, by);
  prl_critic *c = next_critic(l, verb, turn);
  if (!c) return PRL_OK;
  const prl_popart *p = c->popart;
  const float *reward = rewards(l, c);
  by.lambda = lambda_of(l, c, a);
  prl_vtrace(b->rows, reward, c->value, p->mean, p->std, successors(l, c), l->discount, l->ratio, by,
             c->advantage, c->returns);
  report_variance(l, c);
  prl_vtrace_advantages(b->rows, reward, c->value, p->mean, p->std, successors(l, c), l->discount, l->ratio,
                        by.rho, c->returns, c->advantage);
  if (c->normalise) normalise_returns(l, c);
  return PRL_OK;
}

/* ---- the weighted sum ---- */

typedef struct weighing {
  bool normalise;
  const advantages *by; /* the vtrace that made the advantages; NULL: every row counts once */
} weighing;

static const advantages *corrected_by(const prl_verb *weigh) {
  for (const prl_verb *verb = weigh; verb-- > weigh - weigh->index;)
    if (verb->type->makes & PRL_MADE_ADVANTAGES) return verb->type == &prl_verb_vtrace ? verb->fields : NULL;
  return NULL;
}

static prl_status read_weighing(prl_verb_reader *r, void *fields, prl_error *error) {
  weighing *w = fields;
  w->normalise = prl_get_bool(r->map, "normalise", false);
  w->by = corrected_by(r->verb);
  return PRL_OK;
}

/* advantage = Σ weight · A. Its variance is shared out: each critic has Cov(weight · A, Σ)/Var(Σ). */
static moments weigh(prl_learner *l) {
  int64_t rows = l->batch.rows;
  for (int64_t i = 0; i < rows; i++) l->advantage[i] = 0;
  for (int k = 0; k < l->critics_count; k++) {
    double weight = prl_ref_value(l->live, l->critics[k].weight);
    const float *part = l->critics[k].advantage;
    for (int64_t i = 0; i < rows; i++)
      l->advantage[i] = (float)((double)l->advantage[i] + weight * (double)part[i]);
  }
  moments all = moments_of(rows, l->advantage);
  for (int k = 0; all.variance > 0 && k < l->critics_count; k++) {
    double weight = prl_ref_value(l->live, l->critics[k].weight), covariance = 0;
    for (int64_t i = 0; i < rows; i++)
      covariance += weight * (double)l->critics[k].advantage[i] * ((double)l->advantage[i] - all.mean);
    prl_metrics_put(&l->metrics, l->critics[k].metric_share, covariance / (double)rows / all.variance);
  }
  return all;
}

/* The returns' root mean square, of all critics by their weights: what an advantage is measured against. */
static double size_of_returns(const prl_learner *l) {
  double size = 0;
  for (int k = 0; k < l->critics_count; k++) {
    const prl_critic *c = &l->critics[k];
    size += fabs(prl_ref_value(l->live, c->weight)) * hypot(c->popart->mean, c->popart->std);
  }
  return size;
}

/* What a row counts: the factor of its advantage, min(ρ̄, ratio) behind vtrace. */
static double count_of(const prl_learner *l, const weighing *w, int64_t row) {
  return w->by ? fmin(prl_ref_value(l->live, w->by->rho), (double)l->ratio[row]) : 1;
}

/* (A − mean)/deviation; with rows that count w, whose factor w is in A already, (A − w·mean)/deviation, where
 * the mean is ΣA/Σw. The mean itself, taken from a row that counts nothing, would push the policy away from
 * what an older one acted. Advantages that differ by no more than the rounding of returns stay small, since
 * their order is noise; a single one has no deviation, and is measured by the returns. */
static void normalise_advantages(prl_learner *l, const weighing *w) {
  const double rounding = 1e-6;
  const int64_t rows = l->batch.rows;
  double sum = 0, counts = 0, squares = 0;
  for (int64_t i = 0; i < rows; i++) {
    sum += (double)l->advantage[i];
    counts += count_of(l, w, i);
  }
  const double mean = rows > 1 && counts > 0 ? sum / counts : 0;
  for (int64_t i = 0; i < rows; i++) {
    const double off = (double)l->advantage[i] - count_of(l, w, i) * mean;
    squares += off * off;
  }
  const double size = size_of_returns(l);
  const double std = rows > 1 ? fmax(sqrt(squares / (double)rows), rounding * size) : size;
  const double inverse = std > 0 ? 1 / (std + fmin(1e-8, 1e-3 * std)) : 0;
  for (int64_t i = 0; i < rows; i++)
    l->advantage[i] = (float)(((double)l->advantage[i] - count_of(l, w, i) * mean) * inverse);
}

static prl_status execute_weighing(prl_schedule *s, prl_verb *verb, prl_turn *turn, prl_error *error) {
  prl_learner *l = s->learner;
  moments all = weigh(l);
  double std = sqrt(all.variance);
  prl_metrics_put(&l->metrics, l->metrics.advantage_mean, all.mean);
  prl_metrics_put(&l->metrics, l->metrics.advantage_std, std);
  const weighing *w = verb->fields;
  if (w->normalise) normalise_advantages(l, w);
  if (!l->kernels->finite(l->batch.rows, l->advantage))
    return prl_fail(error, PRL_ENUMERIC, "an advantage is not finite (mean %g, deviation %g)", all.mean, std);
  return PRL_OK;
}

const prl_verb_type prl_verb_advantages = {
    .name = "advantages",
    .keys = (const char *const[]){"lambda", NULL},
    .fields_text = "lambda (reference)",
    .text = "advantages (GAE) and returns of each critic, by its own lambda where it has one; with PopArt "
            "its returns are normalised, and the "
            "statistics move towards them",
    .fields_size = sizeof(advantages),
    .cursor = 1,
    .flags = PRL_VERB_TOP | PRL_VERB_OWN,
    .needs = PRL_MADE_FROZEN | PRL_MADE_REWARDS | PRL_MADE_VALUES,
    .makes = PRL_MADE_ADVANTAGES,
    .read = read_advantages,
    .execute = execute_advantages,
    .holds = advantages_hold,
};

const prl_verb_type prl_verb_returns = {
    .name = "returns",
    .keys = (const char *const[]){"paired", NULL},
    .fields_text = "paired (bool)",
    .fields_size = sizeof(returns_of),
    .read = read_returns,
    .text =
        "the return of each critic from each row to the end of its episode, or of its frozen rows: "
        "discounted rewards "
        "alone, and no value of what comes after. It stands for the advantage, too; if paired, half of the "
        "difference from the partner's does, from where the row's draw of noise begins, shared among the "
        "steps of "
        "that draw that both have",
    .cursor = 1,
    .flags = PRL_VERB_TOP | PRL_VERB_OWN,
    .needs = PRL_MADE_FROZEN | PRL_MADE_REWARDS,
    .makes = PRL_MADE_ADVANTAGES,
    .execute = execute_returns,
    .holds = advantages_hold,
};

const prl_verb_type prl_verb_vtrace = {
    .name = "vtrace",
    .keys = (const char *const[]){"lambda", "rho", "c", NULL},
    .fields_text = "lambda, rho (1), c (1) (references)",
    .text = "as advantages, of rows that an older policy acted, frozen or drawn (V-trace): each row's error "
            "counts by its "
            "ratio up to `rho`, what comes after it by its ratio up to `c`, times lambda",
    .fields_size = sizeof(advantages),
    .cursor = 1,
    .needs = PRL_MADE_ROWS | PRL_MADE_REWARDS | PRL_MADE_VALUES | PRL_MADE_RATIOS,
    .makes = PRL_MADE_ADVANTAGES,
    .read = read_vtrace,
    .execute = execute_vtrace,
    .holds = advantages_hold,
};

const prl_verb_type prl_verb_weigh = {
    .name = "weigh",
    .keys = (const char *const[]){"normalise", NULL},
    .fields_text = "normalise (bool)",
    .text =
        "the weighted sum of the critics' advantages, normalised over all rows if so (not below the "
        "rounding of the returns; that of a single row by the returns' size). Behind vtrace a row counts by "
        "its ratio in the mean, too, which is taken from it as often as it counts",
    .fields_size = sizeof(weighing),
    .needs = PRL_MADE_ADVANTAGES,
    .makes = PRL_MADE_WEIGHTED,
    .read = read_weighing,
    .execute = execute_weighing,
};
