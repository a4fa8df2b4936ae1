/* A shadow: the learner of another plan, which learns from the rows of the one that acts. It is given each
 * update's rows as they were frozen, and draws from the same replay memory, by draws of its own; it counts
 * nothing of what acts. So what it makes of the rows is off-policy, whatever the plan: plans that take rows
 * as acted by their own policy are no shadows (agent/shadow.c). */
#include <math.h>
#include <string.h>

#include "agent/learner/parts.h"

void prl_learner_hand_to(prl_learner *l, prl_learner *shadow) { l->shadow = shadow; }
bool prl_learner_handed(const prl_learner *shadow) { return shadow->handed; }
void prl_learner_take_back(prl_learner *shadow) { shadow->handed = 0; }

void prl_learner_take_multipliers(prl_learner *to, const prl_learner *from) {
  prl_constraints_take(to, from, NULL);
}

void prl_beside_hand(prl_learner *l) {
  prl_learner *shadow = l->shadow;
  if (!shadow) return;
  prl_batch_copy(&shadow->batch, &shadow->shape->experience, &l->batch, &l->shape->experience);
  shadow->handed = 1;
}

void prl_beside_follow(prl_learner *shadow) {
  if (shadow->memory) prl_replay_follow(shadow->memory, shadow->source->memory);
  prl_constraints_take(shadow, shadow->source, NULL);
}

/* ---- how near it is to what acts ---- */

/* What n weights come to. */
typedef struct weights {
  double n, sum, squares;
} weights;

/* Rows that were acted without a density are passed over. */
static prl_status weigh(prl_learner *l, int64_t first, int64_t rows, weights *w, prl_error *error) {
  prl_learner_density *d = &l->density;
  prl_status status = prl_routine_run(&d->routine, first, rows, error);
  const float *now = d->log_prob->data, *then = l->batch.log_prob + first;
  for (int64_t i = 0; !status && i < rows; i++) {
    if (!isfinite(then[i])) continue;
    if (isnan(now[i]))
      return prl_fail(error, PRL_ENUMERIC, "the density of an action is not a number (program \"density\")");
    const double weight = fmin(exp((double)now[i] - (double)then[i]), 1);
    w->n++;
    w->sum += weight;
    w->squares += weight * weight;
  }
  return status;
}

prl_status prl_beside_weigh(prl_learner *l, prl_error *error) {
  const int64_t most = l->shape->tile_rows, all = l->density.log_prob ? l->batch.rows : 0;
  prl_status status = PRL_OK;
  weights w = {0};
  for (int64_t first = 0; !status && first < all; first += most)
    status = weigh(l, first, all - first < most ? all - first : most, &w, error);
  if (status || !w.n) return status;
  prl_metrics_put(&l->metrics, l->ess, w.squares > 0 ? w.sum * w.sum / (w.n * w.squares) : 0);
  prl_metrics_put(&l->metrics, l->overlap, w.sum / w.n);
  return PRL_OK;
}

prl_status prl_beside_metrics(prl_learner *l, prl_error *error) {
  const prl_status status = prl_metrics_add(&l->metrics, "", "ess", &l->ess, error);
  return status ? status : prl_metrics_add(&l->metrics, "", "overlap", &l->overlap, error);
}

bool prl_learner_own_metric(const char *name) {
  static const char *const others[] = {
      "steps",       "updates",        "version",     "dropped_steps", "late_feedback", "duplicate_feedback",
      "stale_steps", "idle_streams",   "response",    "lift",          "lift_error",    "guard",
      "guard_low",   "guard_high",     "guard_users", "multiplier",    "constrained",   "violation",
      "reference",   "episode_length", "lag"};
  const size_t length = strcspn(name, "/");
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    if (strlen(others[i]) == length && !strncmp(others[i], name, length)) return false;
  return true;
}

/* ---- saving ---- */

prl_status prl_beside_blocks(prl_learner *l, prl_blocks *blocks, prl_error *error) {
  const prl_status status = prl_blocks_add(blocks, "learner.handed", PRL_I64, 1, &l->handed, error);
  if (status || !l->memory) return status;
  return prl_blocks_add(blocks, "memory.draws", PRL_I64, 1, &l->memory->n.draws, error);
}

bool prl_beside_holds(const prl_learner *l) {
  return l->handed >= 0 && l->handed <= 1 && (!l->memory || prl_count_holds(l->memory->n.draws));
}
