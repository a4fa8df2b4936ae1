/* Which critics are refitted, and when that is over. */
#include "agent/learner/refit.h"

#include <math.h>
#include <string.h>

#include "agent/learner/parts.h"
#include "core/read.h"

enum { STAGE, UPDATES, STATE }; /* of state */

static prl_status read(prl_refit *r, const prl_value *map, prl_error *error) {
  double most = 0;
  prl_status status =
      prl_read_number(map, "refit", "explained_variance", true, -1e30, 1 - 1e-9, &r->above, error);
  if (!status) status = prl_read_number(map, "refit", "updates", true, 1, 1e15, &most, error);
  r->most = (int64_t)most;
  return status;
}

/* Whether a verb or a program says how much of its returns a critic explains, and the policy acts by a set
 * that an optimizer steps. */
static prl_status check(const prl_learner *l, prl_error *error) {
  bool steps = false;
  for (int i = 0; i < l->sets->count; i++)
    for (int k = 0; k < l->sets->optims_count; k++)
      steps =
          steps || (prl_policy_published(l->policy, i) && l->sets->optims[k]->params == l->sets->items[i]);
  if (l->critics_count && steps) return PRL_OK;
  return prl_read_fail("", "refit", "critics beside a policy that learns", error);
}

prl_status prl_refit_build(prl_learner *l, prl_error *error) {
  const prl_value *map = prl_get(l->root, "refit");
  prl_refit *r = &l->refit;
  if (!map || map->kind == PRL_NULL) return PRL_OK;
  prl_status status = prl_read_value(l->root, "", "refit", PRL_MAP, &map, error);
  if (!status) status = read(r, map, error);
  if (!status) status = check(l, error);
  if (!status) status = prl_metrics_add(&l->metrics, "", "refit", &r->gauge, error);
  if (status) return status;
  const size_t count = (size_t)l->critics_count;
  r->state = prl_calloc(l->runtime, STATE + count, sizeof *r->state);
  if (!r->state) return prl_fail_memory(error, (STATE + count) * sizeof *r->state);
  r->waiting = r->state + STATE;
  r->given = true;
  return PRL_OK;
}

void prl_refit_free(prl_learner *l) { prl_free(l->runtime, l->refit.state); }

prl_status prl_refit_blocks(prl_learner *l, prl_blocks *blocks, prl_error *error) {
  const int first = blocks->count;
  if (!l->refit.given) return PRL_OK;
  prl_status status =
      prl_blocks_add(blocks, "learner.refit", PRL_I64, STATE + l->critics_count, l->refit.state, error);
  prl_blocks_learned(blocks, first);
  return status;
}

/* The step of an optimizer that waits. */
static void wait_in_place(void *context, prl_optim *optim, float lr, float max_norm) {
  (void)context, (void)lr, (void)max_norm;
  for (int i = 0; i < optim->params->count; i++)
    if (optim->params->items[i]->row_sparse) prl_param_clear_touched(optim->params->items[i]);
}

static void hold(prl_learner *l, bool held) {
  for (int i = 0; i < l->sets->optims_count; i++) {
    prl_optim *optim = l->sets->optims[i];
    const int set = prl_sets_find(l->sets, optim->params->name, strlen(optim->params->name));
    if (!prl_policy_published(l->policy, set)) continue;
    if (held)
      optim->elsewhere = wait_in_place;
    else if (optim->elsewhere == wait_in_place)
      optim->elsewhere = NULL;
  }
}

prl_refit_stage prl_learner_refit(const prl_learner *l, int64_t *updates) {
  if (updates) *updates = l->refit.given ? l->refit.state[UPDATES] : 0;
  return l->refit.given ? (prl_refit_stage)l->refit.state[STAGE] : PRL_REFIT_NONE;
}

bool prl_refit_restore(prl_learner *l) {
  const prl_refit *r = &l->refit;
  if (!r->given) return true;
  bool good = r->state[STAGE] >= PRL_REFIT_NONE && r->state[STAGE] <= PRL_REFIT_ENDED &&
              prl_count_holds(r->state[UPDATES]);
  for (int i = 0; good && i < l->critics_count; i++) good = r->waiting[i] == 0 || r->waiting[i] == 1;
  if (good) hold(l, r->state[STAGE] == PRL_REFIT_RUNS);
  return good;
}

bool prl_refit_begin(prl_learner *l, int critic) {
  prl_refit *r = &l->refit;
  if (!r->given) return false;
  r->state[STAGE] = PRL_REFIT_RUNS;
  r->state[UPDATES] = 0;
  r->waiting[critic] = 1;
  hold(l, true);
  return true;
}

bool prl_refit_waits(const prl_learner *l, const char *critic) {
  const prl_critic *found = prl_critic_find(l, critic);
  return l->refit.given && found && l->refit.waiting[found - l->critics];
}

/* Whether all critics are done, by what this update measured. */
static bool all_done(const prl_learner *l) {
  bool done = true;
  for (int i = 0; i < l->critics_count; i++) {
    const prl_gauge *g = &l->metrics.gauges[l->critics[i].metric_variance];
    if (g->count > 0 && g->sum / g->count > l->refit.above) l->refit.waiting[i] = 0;
    done = done && !l->refit.waiting[i];
  }
  return done;
}

void prl_refit_look(prl_learner *l) {
  prl_refit *r = &l->refit;
  if (!r->given || r->state[STAGE] != PRL_REFIT_RUNS) return;
  prl_metrics_put(&l->metrics, r->gauge, (double)++r->state[UPDATES]);
  const bool done = all_done(l);
  if (!done && r->state[UPDATES] < r->most) return;
  r->state[STAGE] = done ? PRL_REFIT_REACHED : PRL_REFIT_ENDED;
  memset(r->waiting, 0, (size_t)l->critics_count * sizeof *r->waiting);
  hold(l, false);
}
