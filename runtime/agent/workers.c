/* Several workers: agents of one plan, each with a part of the instances, which share what they learn
 * (learner/shared.h). The first of them is the agent itself; between two drives it has what all have learned,
 * so that it is evaluated, saved and swapped as if it were alone. */
#include "agent/workers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "agent/learner/shared.h"
#include "agent/snapshot.h"
#include "core/threads.h"
#include "core/watch.h"

/* A drive ends with an update, but not before so many steps: threads begin and end with it. */
enum { STEPS_OF_A_DRIVE = 4096 };

/* What the threads of a drive share. */
typedef struct drive_state {
  const prl_agent *lead;
  int64_t steps, updates; /* of all, until which they drive; updates 0: whatever the number */
  _Atomic int64_t made, updated;
  _Atomic bool ended; /* by the watch, or by a failure */
  int64_t asked_ns;
} drive_state;

typedef struct worker {
  drive_state *state;
  prl_agent *agent;
  prl_vecenv *env;
  int64_t first; /* of its instances */
  double *tally; /* of its metrics: sums, then counts */
  prl_status status;
  prl_error error;
} worker;

struct prl_workers {
  prl_runtime *runtime;
  const prl_vecenv *env;
  int count;
  worker *list; /* (count): the agent itself first */
  prl_shared *shared;
};

/* ---- whether ---- */

prl_status prl_workers_check(const prl_agent *a, const prl_vecenv *env, prl_error *error) {
  const long long parts = (long long)prl_vecenv_parts(env);
  if (parts == 1) return PRL_OK;
  if (!a->shape->asynchronous)
    return prl_fail(
        error, PRL_EINVAL,
        "the environment is divided between %lld workers, and the agent's algorithm learns by one "
        "(its plan is not asynchronous)",
        parts);
  if (parts > PRL_THREADS_MOST)
    return prl_fail(error, PRL_EINVAL,
                    "the environment is divided between %lld workers; at most %d are possible", parts,
                    PRL_THREADS_MOST);
  if (a->control)
    return prl_fail(error, PRL_EINVAL,
                    "the environment is divided between %lld workers, and the agent has a control group "
                    "(agent.baseline), which one worker alone can serve",
                    parts);
  if (prl_learner_multipliers(a->learner))
    return prl_fail(error, PRL_EINVAL,
                    "the environment is divided between %lld workers, and the agent learns a multiplier "
                    "(objective.constraints), which one worker alone can drive; fixed ones are possible",
                    parts);
  return PRL_OK;
}

bool prl_workers_ready(const prl_agent *a, const prl_vecenv *env) {
  return prl_vecenv_parts(env) > 1 && !a->next && !a->failed && !prl_learner_warmup_needs(a->learner) &&
         prl_learner_refit(a->learner, NULL) != PRL_REFIT_RUNS && prl_schedule_between(a->schedule) &&
         !prl_workers_check(a, env, NULL);
}

/* ---- making ---- */

/* An agent of the same plan that has learned what the lead has. */
static prl_status copy_agent(const prl_agent *lead, prl_agent **out, prl_error *error) {
  prl_agent *a;
  prl_status status = prl_agent_new_from(lead->runtime, lead->root, NULL, &a, error);
  if (status) return status;
  prl_agent_take_sets(a, lead, NULL, NULL);
  (void)prl_policy_take(a->policy, lead->policy, a->extent, NULL, NULL);
  prl_learner_take(a->learner, lead->learner, a->extent, NULL, NULL);
  prl_learner_continue(a->learner, lead->learner);
  prl_policy_number(a->policy, prl_policy_version(lead->policy));
  *out = a;
  return PRL_OK;
}

/* The episodes of the worker's instances go on with it. */
static prl_status take_episodes(const worker *w, prl_agent *from, prl_error *error) {
  const uint64_t *streams = prl_vecenv_streams(w->env);
  const int64_t width = from->shape->spec.observations;
  prl_status status = PRL_OK;
  for (int64_t i = 0; !status && i < prl_vecenv_count(w->env); i++) {
    if (from != w->agent)
      prl_experience_leave(from->experience, streams[i], from->drive.observation + (w->first + i) * width);
    status = prl_experience_join(w->agent->experience, streams[i], prl_vecenv_episodes(w->env)[i],
                                 prl_vecenv_steps(w->env)[i], error);
  }
  return status;
}

static prl_status add_worker(prl_workers *all, int k, prl_agent *lead, prl_vecenv *env, prl_error *error) {
  worker *w = &all->list[k];
  const int gauges = prl_learner_gauges(lead->learner);
  w->env = prl_vecenv_part(env, k);
  if (k) w->first = all->list[k - 1].first + prl_vecenv_count(all->list[k - 1].env);
  w->tally = prl_calloc(all->runtime, 2 * (size_t)gauges + 1, sizeof *w->tally);
  if (!w->tally) return prl_fail_memory(error, 2 * (size_t)gauges * sizeof *w->tally);
  prl_status status = PRL_OK;
  if (k)
    status = copy_agent(lead, &w->agent, error);
  else
    w->agent = lead;
  if (status) return status;
  status =
      prl_shared_join(all->shared, w->agent->learner, prl_vecenv_count(w->env), prl_vecenv_count(env), error);
  return status || !k ? status : take_episodes(w, lead, error);
}

static prl_status form(prl_agent *lead, prl_vecenv *env, prl_error *error) {
  const int count = (int)prl_vecenv_parts(env);
  prl_workers *all = prl_calloc(lead->runtime, 1, sizeof *all);
  if (!all) return prl_fail_memory(error, sizeof *all);
  *all = (prl_workers){.runtime = lead->runtime, .env = env, .count = count};
  all->list = prl_calloc(lead->runtime, (size_t)count, sizeof *all->list);
  prl_status status = all->list ? prl_shared_new(lead->learner, &all->shared, error)
                                : prl_fail_memory(error, (size_t)count * sizeof *all->list);
  for (int k = 0; !status && k < count; k++) status = add_worker(all, k, lead, env, error);
  if (status) {
    prl_workers_free(all);
    return status;
  }
  lead->workers = all;
  return PRL_OK;
}

void prl_workers_free(prl_workers *all) {
  if (!all) return;
  for (int k = 0; all->list && k < all->count; k++) {
    worker *w = &all->list[k];
    prl_free(all->runtime, w->tally);
    if (!w->agent) continue;
    prl_shared_leave(w->agent->learner);
    if (k) prl_agent_free(w->agent);
  }
  prl_shared_free(all->shared);
  prl_free(all->runtime, all->list);
  prl_free(all->runtime, all);
}

prl_status prl_workers_dismiss(prl_agent *lead, prl_error *error) {
  prl_workers *all = lead->workers;
  prl_status status = PRL_OK;
  for (int k = 1; all && !status && k < all->count; k++) {
    worker w = all->list[k];
    w.agent = lead;
    status = take_episodes(&w, lead, error);
  }
  prl_workers_free(all);
  lead->workers = NULL;
  return status;
}

/* ---- driving ---- */

/* The buffers of a worker's instances, which are those of the lead. */
static prl_drive part_of(const prl_drive *whole, const worker *w, const prl_env_spec *s) {
  const int64_t first = w->first, n = prl_vecenv_count(w->env);
  return (prl_drive){.env = w->env,
                     .n = n,
                     .own = n,
                     .observation = whole->observation + first * s->observations,
                     .final_observation = whole->final_observation + first * s->observations,
                     .action = whole->action + first * s->actions,
                     .response = whole->response + first * s->responses,
                     .terminated = whole->terminated + first,
                     .truncated = whole->truncated + first,
                     .elapsed = whole->elapsed + first,
                     .decisions = whole->decisions + first};
}

static bool goes_on(const drive_state *s) {
  const int64_t made = atomic_load_explicit(&s->made, memory_order_relaxed);
  const bool enough = s->updates && made >= STEPS_OF_A_DRIVE &&
                      atomic_load_explicit(&s->updated, memory_order_relaxed) >= s->updates;
  return !enough && made < s->steps && !atomic_load_explicit(&s->ended, memory_order_relaxed);
}

static void run(void *context) {
  worker *w = context;
  drive_state *s = w->state;
  int64_t updates = prl_learner_updates(w->agent->learner);
  while (!w->status && goes_on(s)) {
    if (w->agent == s->lead &&
        prl_watch_ask(&s->lead->watch, &s->asked_ns, atomic_load(&s->made), s->steps, "driving", NULL)) {
      atomic_store(&s->ended, true);
      break;
    }
    w->status = prl_drive_once(w->agent, w->env, &w->error);
    if (w->status) break;
    atomic_fetch_add_explicit(&s->made, w->agent->drive.n, memory_order_relaxed);
    if (prl_learner_updates(w->agent->learner) == updates) continue;
    updates = prl_learner_updates(w->agent->learner);
    atomic_fetch_add_explicit(&s->updated, 1, memory_order_relaxed);
    prl_learner_tally(w->agent->learner, w->tally);
  }
  if (w->status) atomic_store(&s->ended, true); /* the others may stop, too */
}

static void begin(prl_workers *all, prl_agent *lead, const prl_drive *whole, drive_state *state) {
  const size_t gauges = (size_t)prl_learner_gauges(lead->learner);
  prl_shared_begin(all->shared, lead->learner);
  for (int k = 0; k < all->count; k++) {
    worker *w = &all->list[k];
    w->state = state;
    w->status = PRL_OK;
    w->agent->drive = part_of(whole, w, &lead->shape->spec);
    memset(w->tally, 0, 2 * gauges * sizeof *w->tally);
    if (k) memcpy(w->agent->live->given, lead->live->given, (size_t)lead->live->count * sizeof(double));
  }
}

/* What the other's steps came to counts as the lead's. */
static void count_steps(prl_experience *lead, prl_experience *other) {
  prl_experience_counts *to = &lead->n, *from = &other->n;
  to->dropped_steps += from->dropped_steps;
  to->late_feedback += from->late_feedback;
  to->duplicate_feedback += from->duplicate_feedback;
  to->stale_steps += from->stale_steps;
  to->idle_streams += from->idle_streams;
  from->dropped_steps = from->late_feedback = from->duplicate_feedback = from->stale_steps =
      from->idle_streams = 0;
}

static void end(prl_workers *all, prl_agent *lead, prl_drive whole) {
  double *tally = all->list[0].tally;
  const int numbers = 2 * prl_learner_gauges(lead->learner);
  for (int k = 0; k < all->count; k++) {
    worker *w = &all->list[k];
    whole.lived_us += w->agent->drive.lived_us;
    w->agent->drive = (prl_drive){0};
    if (!k) continue;
    prl_shared_settle(all->shared, w->agent->learner);
    count_steps(lead->experience, w->agent->experience);
    for (int i = 0; i < numbers; i++) tally[i] += w->tally[i];
  }
  lead->drive = whole;
  prl_shared_end(all->shared, lead->learner);
  prl_agent_post(lead);
  prl_learner_report(lead->learner, tally);
}

/* The first failure that is one of its own. */
static prl_status outcome(const prl_workers *all, prl_agent *lead, prl_error *error) {
  for (int k = 0; k < all->count; k++) {
    const worker *w = &all->list[k];
    if (!w->status) continue;
    if (w->agent->failed && !lead->failed) {
      lead->failed = true;
      lead->failure = w->agent->failure;
    }
    return prl_fail(error, w->status, "%s", w->error.message);
  }
  return PRL_OK;
}

prl_status prl_workers_drive(prl_agent *lead, prl_vecenv *env, int64_t steps, bool stop_at_update,
                             int64_t *done, bool *stopped, prl_error *error) {
  prl_status status = PRL_OK;
  *done = 0;
  if (lead->workers && lead->workers->env != env) {
    prl_workers_free(lead->workers);
    lead->workers = NULL;
  }
  if (!lead->workers) status = form(lead, env, error);
  if (status) return status;
  prl_workers *all = lead->workers;
  drive_state state = {.lead = lead, .steps = steps, .updates = stop_at_update ? all->count : 0};
  const prl_drive whole = lead->drive;
  begin(all, lead, &whole, &state);
  prl_threads_run(run, all->list, sizeof *all->list, all->count);
  end(all, lead, whole);
  *done = atomic_load(&state.made);
  status = outcome(all, lead, error);
  *stopped = !status && atomic_load(&state.ended);
  return status;
}
