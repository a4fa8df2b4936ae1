/* Replay memory: what was collected stays, and batches are drawn from it. */
#include <inttypes.h>
#include <string.h>

#include "agent/verbs/verb.h"
#include "core/read.h"

/* ---- remember ---- */

static prl_status read_remember(prl_verb_reader *r, void *fields, prl_error *error) {
  int64_t rows; /* read with the shape, which says what fits */
  return prl_read_int(r->map, r->where, "rows", true, 1, 1 << 28, &rows, error);
}

/* In one piece, as freeze: raw observations go into the memory before they are normalised where they stand.
 */
static prl_status remember(prl_schedule *s, prl_verb *verb, prl_turn *turn, prl_error *error) {
  prl_learner *l = s->learner;
  const prl_status status = prl_update_begin(l, error);
  if (status) return status;
  if (!l->source) prl_replay_add(l->memory, &l->batch);
  prl_update_observe(l);
  return prl_rewards_fill(l, error);
}

/* ---- sample ---- */

typedef struct sample_fields {
  int64_t size, steps;
  int64_t stretch; /* rows that follow each other, at most */
  double priority; /* 0: uniformly; else the exponent, which the memory has */
  prl_ref correction;
  int objective; /* gauge */
} sample_fields;

static prl_status check_stretch(const sample_fields *f, prl_error *error) {
  if (f->stretch > f->size)
    return prl_fail(error, PRL_EFORMAT,
                    "plan: schedule.sample.stretch is %" PRId64 ", more than the %" PRId64 " rows of a draw",
                    f->stretch, f->size);
  if (f->stretch > 1 && (f->steps > 1 || f->priority > 0))
    return prl_fail(error, PRL_EFORMAT,
                    "plan: schedule.sample.stretch is %" PRId64
                    ": its rows are drawn uniformly and follow each other by one "
                    "step; steps is %" PRId64 ", priority %g",
                    f->stretch, f->steps, f->priority);
  return PRL_OK;
}

static prl_status read_sample(prl_verb_reader *r, void *fields, prl_error *error) {
  sample_fields *f = fields;
  f->steps = f->stretch = 1;
  prl_status status = prl_read_int(r->map, r->where, "size", true, 1, 1 << 20, &f->size, error);
  if (!status) status = prl_read_int(r->map, r->where, "steps", false, 1, 1 << 10, &f->steps, error);
  if (!status) status = prl_read_int(r->map, r->where, "stretch", false, 1, 1 << 20, &f->stretch, error);
  if (!status) status = prl_read_number(r->map, r->where, "priority", false, 0, 1, &f->priority, error);
  if (!status)
    status = prl_live_ref(r->learner->live, r->map, r->where, "correction", 1, &f->correction, error);
  if (!status && r->verb->minibatches >= 0)
    status = prl_fail(error, PRL_EFORMAT, "plan: schedule: sample inside minibatches");
  if (!status) status = prl_metrics_add(&r->learner->metrics, "", "objective_share", &f->objective, error);
  return status ? status : check_stretch(f, error);
}

static void draw_noise(const prl_learner *l, int64_t rows) {
  const int64_t count = rows * l->shape->noise_drawn;
  const uint64_t number = (uint64_t)l->memory->n.draws;
  const prl_rng rng = prl_rng_make(l->shape->seed, number >> 32, PRL_SITE_LEARNER);
  float *const to[] = {l->noise, l->next_noise};
  for (uint32_t i = 0; count && i < 2; i++) {
    if (l->shape->spec.action_kind == PRL_ACTION_CONTINUOUS)
      l->kernels->normals(rng.key, i, (uint32_t)number, 0, count, to[i]);
    else
      l->kernels->uniforms(rng.key, i, (uint32_t)number, 0, count, to[i]);
  }
}

static void draw_rows(prl_learner *l, const sample_fields *f) {
  const uint64_t seed = l->shape->seed;
  l->stretch.steps = f->steps;
  if (f->priority > 0) {
    const double correction = prl_ref_value(l->live, f->correction);
    prl_replay_draw_ranked(l->memory, seed, f->size, correction, &l->batch, &l->stretch, l->weight);
    return;
  }
  prl_replay_draw(l->memory, seed, f->size, f->stretch, &l->batch, &l->stretch);
  for (int64_t row = 0; row < f->size; row++) l->weight[row] = 1;
}

/* The rows' own, of the stretches that they begin. */
static void take_responses(prl_learner *l, const sample_fields *f) {
  const int64_t width = l->shape->spec.responses;
  for (int64_t row = 0; width && row < f->size; row++)
    memcpy(l->batch.response + row * width, l->stretch.response + row * f->steps * width,
           (size_t)width * sizeof(float));
}

static prl_status sample(prl_schedule *s, prl_verb *verb, prl_turn *turn, prl_error *error) {
  prl_learner *l = s->learner;
  const sample_fields *f = verb->fields;
  if (!l->memory->n.rows) return PRL_OK;
  draw_rows(l, f);
  take_responses(l, f);
  prl_learner_report_objective(l, f->objective);
  prl_update_normalise(l);
  draw_noise(l, f->size);
  return prl_rewards_draw(l, error);
}

const prl_verb_type prl_verb_remember = {
    .name = "remember",
    .keys = (const char *const[]){"rows", NULL},
    .fields_text = "rows",
    .text = "as freeze and rewards; the closed rows go into the replay memory, a ring of so many places "
            "(final and newest observations take one, too)",
    .flags = PRL_VERB_TOP | PRL_VERB_ONCE,
    .makes = PRL_MADE_ROWS | PRL_MADE_FROZEN | PRL_MADE_REWARDS | PRL_MADE_MEMORY,
    .read = read_remember,
    .execute = remember,
};

const prl_verb_type prl_verb_sample = {
    .name = "sample",
    .keys = (const char *const[]){"size", "steps", "stretch", "priority", "correction", NULL},
    .fields_text = "size, steps (1), stretch (1), priority (0), correction (reference, 1)",
    .text = "draws so many rows from the memory, in place of the batch: uniformly, with replacement, each "
            "with the rewards of so many steps, discounted by each critic's own discount, less where the "
            "episode ends or the newest observation comes first. With a stretch, each with those that "
            "follow it, up to so many in all, fewer where the episode ends or the newest observation "
            "comes first, until there are `size`. With a priority, each with a probability in proportion "
            "to its own to that power, and `weight` corrects for it, by that exponent",
    .fields_size = sizeof(sample_fields),
    .needs = PRL_MADE_MEMORY,
    .makes = PRL_MADE_ROWS | PRL_MADE_REWARDS | PRL_MADE_DRAW,
    .replaces = PRL_MADE_FROZEN | PRL_MADE_VALUES | PRL_MADE_RATIOS | PRL_MADE_CONTINUATION |
                PRL_MADE_ADVANTAGES | PRL_MADE_WEIGHTED,
    .read = read_sample,
    .execute = sample,
};
