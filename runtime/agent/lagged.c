/* A lag between acting and learning, for experiments: what drives an environment acts by the policy that was
 * published so many updates ago, as actors apart from the learner do, and records whose decision each was. */
#include <inttypes.h>
#include <string.h>

#include "agent/snapshot.h"
#include "core/arguments.h"
#include "core/memory.h"

struct prl_lagged {
  prl_runtime *runtime;
  prl_actor *actor;    /* NULL before the first act */
  prl_snapshot **held; /* (updates + 1), of which there are `count`, the oldest first: it acts */
  int64_t updates, count, room;
  uint64_t *numbers, *versions; /* (room), as the three below */
  float *drawn, *log_prob;
  uint8_t *arms;
};

static void free_rows(prl_lagged *l) {
  void *blocks[] = {l->numbers, l->versions, l->drawn, l->log_prob, l->arms};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) prl_free(l->runtime, blocks[i]);
  l->numbers = l->versions = NULL;
  l->drawn = l->log_prob = NULL;
  l->arms = NULL;
  l->room = 0;
}

void prl_lagged_free(prl_lagged *l) {
  if (!l) return;
  for (int64_t i = 0; i < l->count; i++) prl_snapshot_release(l->held[i]);
  prl_actor_free(l->actor);
  free_rows(l);
  prl_free(l->runtime, l->held);
  prl_free(l->runtime, l);
}

static prl_status make(prl_agent *a, int64_t updates, prl_lagged **out, prl_error *error) {
  prl_lagged *l = prl_calloc(a->runtime, 1, sizeof *l);
  if (!l) return prl_fail_memory(error, sizeof *l);
  *l = (prl_lagged){.runtime = a->runtime, .updates = updates};
  l->held = prl_calloc(a->runtime, (size_t)updates + 1, sizeof *l->held);
  prl_status status = l->held ? PRL_OK : prl_fail_memory(error, ((size_t)updates + 1) * sizeof *l->held);
  if (!status) status = prl_agent_snapshot(a, &l->held[0], error);
  if (!status) l->count = 1;
  if (!status) status = prl_actor_new(a->runtime, l->held[0], &l->actor, error);
  if (status)
    prl_lagged_free(l);
  else
    *out = l;
  return status;
}

prl_status prl_agent_lag(prl_agent *a, int64_t updates, prl_error *error) {
  prl_status status = PRL_GIVEN(error, "agent", a);
  if (!status) status = PRL_WITHIN(error, "updates", updates, 0, PRL_LAG_MOST);
  if (status) return status;
  if (updates && a->control)
    return prl_fail(error, PRL_ESTATE, "an agent with a control group (agent.baseline) acts without a lag");
  if (updates && a->shape->experience.paired)
    return prl_fail(error, PRL_ESTATE, "an agent that learns from pairs acts without a lag");
  prl_lagged *made = NULL;
  if (updates) status = make(a, updates, &made, error);
  if (status) return status;
  prl_lagged_free(a->lagged);
  a->lagged = made;
  return PRL_OK;
}

/* ---- acting ---- */

static void drop(prl_lagged *l, int64_t first, int64_t count) {
  for (int64_t i = first; i < first + count; i++) prl_snapshot_release(l->held[i]);
  memmove(l->held + first, l->held + first + count, (size_t)(l->count - first - count) * sizeof *l->held);
  l->count -= count;
}

/* The newest version goes behind those that are held. Versions of the warm-up, and of a recipe before a swap,
 * act no longer than they are in force. */
static prl_status follow(prl_agent *a, prl_error *error) {
  prl_lagged *l = a->lagged;
  prl_snapshot *newest;
  prl_status status = prl_agent_snapshot(a, &newest, error);
  if (status) return status;
  /* A board that found no memory still has the version before. */
  if (prl_snapshot_version(newest) != (uint64_t)prl_policy_version(a->policy)) {
    prl_snapshot_release(newest);
    return prl_fail_memory(error, (size_t)prl_policy_version_bytes(a->policy));
  }
  if (newest == l->held[l->count - 1]) {
    prl_snapshot_release(newest);
    return PRL_OK;
  }
  const prl_snapshot *last = l->held[l->count - 1];
  if (last->mean != newest->mean || strcmp(prl_snapshot_hash(last), prl_snapshot_hash(newest)) != 0)
    drop(l, 0, l->count);
  else if (l->count > l->updates)
    drop(l, 0, 1);
  l->held[l->count++] = newest;
  return PRL_OK;
}

static prl_status make_rows(prl_lagged *l, int64_t n, int64_t actions, prl_error *error) {
  if (n <= l->room) return PRL_OK;
  free_rows(l);
  l->numbers = prl_calloc(l->runtime, (size_t)n, sizeof *l->numbers);
  l->versions = prl_calloc(l->runtime, (size_t)n, sizeof *l->versions);
  l->drawn = prl_calloc(l->runtime, (size_t)(n * actions), sizeof *l->drawn);
  l->log_prob = prl_calloc(l->runtime, (size_t)n, sizeof *l->log_prob);
  l->arms = prl_calloc(l->runtime, (size_t)n, sizeof *l->arms);
  if (!l->numbers || !l->versions || !l->drawn || !l->log_prob || !l->arms) {
    free_rows(l);
    return prl_fail_memory(error, (size_t)(n * actions) * sizeof *l->drawn);
  }
  l->room = n;
  return PRL_OK;
}

prl_status prl_lagged_act(prl_agent *a, const prl_vecenv *env, const float *observation, float *action,
                          uint64_t *decisions, prl_error *error) {
  prl_lagged *l = a->lagged;
  const int64_t n = prl_vecenv_count(env);
  prl_status status = follow(a, error);
  if (!status) status = make_rows(l, n, a->shape->spec.actions, error);
  if (status) return status;
  for (int64_t i = 0; i < n; i++)
    l->numbers[i] = (uint64_t)prl_vecenv_episodes(env)[i] << 32 | prl_vecenv_steps(env)[i];
  prl_decisions made = {.n = n,
                        .streams = prl_vecenv_streams(env),
                        .numbers = l->numbers,
                        .observation = observation,
                        .action = action,
                        .drawn = l->drawn,
                        .log_prob = l->log_prob,
                        .arms = l->arms,
                        .versions = l->versions};
  status = prl_actor_act(l->actor, l->held[0], &made, PRL_SAMPLE, error);
  made.numbers = NULL; /* each is its stream's next */
  return status ? status : prl_agent_record(a, &made, decisions, error);
}
