/* Values of the frozen rows and of what they bootstrap from. */
#include "agent/verbs/verb.h"

/* Values of one tile of rows and bootstraps, spread to the critics. */
static prl_status tile(prl_learner *l, int64_t first, int64_t rows, prl_error *error) {
  const float *value;
  prl_status status = prl_values_run(l, l->batch.observation + first * l->shape->experience.observations,
                                     rows, &value, error);
  if (status) return status;
  for (int i = 0; i < l->critics_count; i++)
    for (int64_t row = 0; row < rows; row++)
      l->critics[i].value[first + row] = value[row * l->critics_count + i];
  return PRL_OK;
}

static prl_status read(prl_verb_reader *r, void *fields, prl_error *error) {
  if (!r->learner->critics_count || r->learner->values.value) return PRL_OK;
  return prl_fail(error, PRL_EFORMAT, "plan: schedule: values without a program \"values\"");
}

static prl_status execute(prl_schedule *s, prl_verb *verb, prl_turn *turn, prl_error *error) {
  prl_learner *l = s->learner;
  const int64_t all = l->critics_count ? l->batch.rows + l->batch.bootstraps : 0;
  return prl_verb_tile(s, verb, all, tile, turn, error);
}

static bool holds(const prl_schedule *s, const prl_verb *verb) {
  return verb->cursor[PRL_TILE_ROWS] >= 0 && verb->cursor[PRL_TILE_ROWS] <= s->learner->batch.observed;
}

const prl_verb_type prl_verb_values = {
    .name = "values",
    .fields_text = "",
    .text = "the value of each critic at each row and bootstrap, in tiles of capacity.tile rows",
    .cursor = PRL_TILE_CURSOR,
    .needs = PRL_MADE_ROWS,
    .makes = PRL_MADE_VALUES,
    .read = read,
    .execute = execute,
    .holds = holds,
};
