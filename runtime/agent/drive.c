/* The training loop over a vector env, in one call. */
#include <string.h>

#include "agent/workers.h"
#include "core/arguments.h"
#include "core/watch.h"

void prl_drive_deinit(prl_runtime *runtime, prl_drive *d) {
  void *blocks[] = {d->observation, d->final_observation, d->action,    d->response, d->terminated,
                    d->truncated,   d->elapsed,           d->decisions, d->keys,     d->row,
                    d->acting,      d->decided,           d->seen,      d->chosen};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) prl_free(runtime, blocks[i]);
  *d = (prl_drive){0};
}

/* Coupled instances are streams of their own, in pairs. */
static bool make_pairs(const prl_agent *a, prl_drive *d) {
  const prl_env_spec *s = &a->shape->spec;
  const size_t n = (size_t)d->n;
  if (!prl_vecenv_waits(d->env)) return true;
  d->keys = prl_calloc(a->runtime, n, sizeof *d->keys);
  d->row = prl_calloc(a->runtime, n, sizeof *d->row);
  d->acting = prl_calloc(a->runtime, n, sizeof *d->acting);
  d->decided = prl_calloc(a->runtime, n, sizeof *d->decided);
  d->seen = prl_calloc(a->runtime, n * (size_t)s->observations, sizeof(float));
  d->chosen = prl_calloc(a->runtime, n * (size_t)s->actions, sizeof(float));
  if (!d->keys || !d->row || !d->acting || !d->decided || !d->seen || !d->chosen) return false;
  for (int64_t i = 0; i < d->n; i++) d->keys[i] = prl_vecenv_streams(d->env)[i] | (i % 2 ? PRL_SECOND : 0);
  return true;
}

prl_status prl_drive_init(const prl_agent *a, const prl_vecenv *env, prl_drive *out, prl_error *error) {
  prl_status status = prl_shape_check_env(a->shape, prl_vecenv_type(env)->name, prl_vecenv_spec(env), error);
  if (status) return status;
  const prl_env_spec *s = &a->shape->spec;
  size_t n = (size_t)prl_vecenv_count(env);
  prl_drive d = {.env = env, .n = (int64_t)n, .own = (int64_t)n - prl_vecenv_twins(env)};
  d.observation = prl_calloc(a->runtime, n * (size_t)s->observations, sizeof(float));
  d.final_observation = prl_calloc(a->runtime, n * (size_t)s->observations, sizeof(float));
  d.action = prl_calloc(a->runtime, n * (size_t)s->actions, sizeof(float));
  d.response = prl_calloc(a->runtime, n * (size_t)s->responses, sizeof(float));
  d.terminated = prl_calloc(a->runtime, n, 1);
  d.truncated = prl_calloc(a->runtime, n, 1);
  d.elapsed = prl_calloc(a->runtime, n, sizeof *d.elapsed);
  d.decisions = prl_calloc(a->runtime, n, sizeof *d.decisions);
  if (!d.observation || !d.final_observation || !d.action || !d.response || !d.terminated || !d.truncated ||
      !d.elapsed || !d.decisions || !make_pairs(a, &d)) {
    prl_drive_deinit(a->runtime, &d);
    return prl_fail_memory(error, n * (size_t)s->observations * sizeof(float));
  }
  *out = d;
  return PRL_OK;
}

prl_step prl_drive_step(prl_drive *d) {
  return (prl_step){.action = d->action,
                    .observation = d->observation,
                    .response = d->response,
                    .terminated = d->terminated,
                    .truncated = d->truncated,
                    .final_observation = d->final_observation,
                    .elapsed_us = d->elapsed};
}

/* ---- who drives which instances ---- */

/* The instances of one side: n from `first` on. */
typedef struct driven {
  prl_experience *experience;
  const uint64_t *streams;
  int64_t first, n;
} driven;

/* The sides of a drive, that of the policy that learns first. Returns how many. */
static int list_sides(const prl_agent *a, const prl_drive *d, driven sides[2]) {
  const uint64_t *streams = d->keys ? d->keys : prl_vecenv_streams(d->env);
  sides[0] = (driven){a->experience, streams, 0, d->own};
  if (!a->control) return 1;
  sides[1] = (driven){prl_control_experience(a->control), streams + d->own, d->own, d->n - d->own};
  return 2;
}

static prl_status check_couples(const prl_agent *a, const prl_vecenv *env, prl_error *error) {
  const bool pairs = a->shape->experience.paired;
  if (pairs == (prl_vecenv_waits(env) != NULL)) return PRL_OK;
  return prl_fail(error, PRL_EINVAL,
                  pairs ? "the agent learns from pairs, and the environment's instances are not coupled "
                          "(prl_vecenv_couple)"
                        : "the environment's instances are coupled, and the agent does not learn from pairs");
}

static prl_status check_twins(const prl_agent *a, const prl_vecenv *env, prl_error *error) {
  if (!a->control == !prl_vecenv_twins(env)) return PRL_OK;
  return prl_fail(error, PRL_EINVAL,
                  a->control
                      ? "the agent has a control group, and the environment no twins for it (prl_vecenv_pair)"
                      : "the environment has twins, and the agent no control group that would act for them");
}

/* Another environment than last time: its instances start anew, and open episodes of these streams end. */
static prl_status take_up(prl_agent *a, prl_vecenv *env, prl_error *error) {
  prl_drive fresh;
  const char *critic, *per;
  if (!prl_vecenv_spec(env)->clock && prl_learner_timed(a->learner, &critic, &per))
    return prl_fail(error, PRL_EINVAL,
                    "environment \"%s\" has no clock, and critic \"%s\" is discounted per %s",
                    prl_vecenv_type(env)->name, critic, per);
  if (a->lagged && prl_vecenv_parts(env) > 1)
    return prl_fail(error, PRL_EINVAL,
                    "an agent that acts with a lag drives one vector env, and this one has %lld parts",
                    (long long)prl_vecenv_parts(env));
  prl_status status = check_twins(a, env, error);
  if (!status) status = check_couples(a, env, error);
  if (!status) status = prl_workers_check(a, env, error);
  if (!status) status = prl_drive_init(a, env, &fresh, error);
  if (status) return status;
  status = prl_vecenv_reset(env, fresh.observation, error);
  if (status) {
    prl_drive_deinit(a->runtime, &fresh);
    return status;
  }
  prl_drive_deinit(a->runtime, &a->drive);
  a->drive = fresh;
  driven sides[2];
  for (int k = list_sides(a, &a->drive, sides) - 1; k >= 0; k--)
    for (int64_t i = 0; i < sides[k].n; i++) { /* a stream that has no open episode needs no end */
      int32_t slot = prl_streams_find(sides[k].experience, sides[k].streams[i]);
      if (slot >= 0 && sides[k].experience->streams[slot].open)
        (void)prl_experience_finish(sides[k].experience, sides[k].streams[i], false, NULL, NULL);
    }
  return PRL_OK;
}

/* ---- a step ---- */

/* Gathers the rows of a side that do not wait for their partners; how many. */
static int64_t gather(const prl_agent *a, prl_drive *d, const driven *part) {
  const uint8_t *waits = prl_vecenv_waits(d->env);
  const int64_t width = a->shape->spec.observations;
  int64_t n = 0;
  for (int64_t i = 0; i < part->n; i++) {
    if (waits[i]) continue;
    memcpy(d->seen + n * width, d->observation + i * width, (size_t)width * sizeof(float));
    d->acting[n] = part->streams[i];
    d->row[n++] = i;
  }
  return n;
}

/* Instances that wait have no decision; the action that they are stepped with is their last one. */
static prl_status act_in_pairs(const prl_agent *a, prl_drive *d, const driven *part, const prl_side *side,
                               prl_error *error) {
  const int64_t width = a->shape->spec.actions, n = gather(a, d, part);
  prl_status status = prl_side_act(side, d->acting, NULL, d->seen, n, d->chosen, d->decided, error);
  if (status) return status;
  memset(d->decisions, 0, (size_t)d->n * sizeof *d->decisions);
  for (int64_t i = 0; i < n; i++) {
    memcpy(d->action + d->row[i] * width, d->chosen + i * width, (size_t)width * sizeof(float));
    d->decisions[d->row[i]] = d->decided[i];
  }
  return PRL_OK;
}

static prl_status act(prl_agent *a, prl_drive *d, const driven sides[2], int count, prl_error *error) {
  const prl_env_spec *s = &a->shape->spec;
  prl_status status = prl_policy_check(a->policy, d->observation, d->n, error);
  a->split.acted = -1;
  if (!status && a->lagged) return prl_lagged_act(a, d->env, d->observation, d->action, d->decisions, error);
  for (int k = 0; !status && k < count; k++) {
    const driven *part = &sides[k];
    const prl_side side = k ? prl_agent_other(a) : prl_agent_own(a, PRL_SAMPLE);
    if (d->keys)
      status = act_in_pairs(a, d, part, &side, error);
    else
      status = prl_side_act(&side, part->streams, NULL, d->observation + part->first * s->observations,
                            part->n, d->action + part->first * s->actions, d->decisions + part->first, error);
  }
  return status;
}

/* The agent's time moves by the longest of the steps. Episodes of the instances end by their environment, and
 * never as idle. */
static prl_status pass_time(prl_drive *d, const driven sides[2], int count, prl_error *error) {
  int64_t longest = 0;
  if (!prl_vecenv_spec(d->env)->clock) return PRL_OK;
  for (int64_t i = 0; i < d->n; i++) {
    if (d->keys && !d->decisions[i]) continue; /* it waits */
    if (i < d->own) d->lived_us += d->elapsed[i];
    if (d->elapsed[i] > longest) longest = d->elapsed[i];
  }
  prl_status status = PRL_OK;
  for (int k = 0; longest && !status && k < count; k++) {
    const int64_t now = sides[k].experience->n.now + longest;
    prl_experience_alive(sides[k].experience, sides[k].streams, sides[k].n, now);
    status = prl_experience_time(sides[k].experience, now, error);
  }
  return status;
}

static prl_status finish_rows(prl_agent *a, const prl_drive *d, const driven *side, prl_error *error) {
  prl_status status = PRL_OK;
  for (int64_t i = 0, at = side->first; !status && i < side->n; i++, at++) {
    if (!d->terminated[at] && !d->truncated[at]) continue;
    const float *last = d->final_observation + at * a->shape->spec.observations;
    int32_t slot = prl_streams_find(side->experience, side->streams[i]);
    if (slot < 0 || !side->experience->streams[slot].open) continue; /* no room for it; truncated as idle */
    status = prl_policy_check(a->policy, last, 1, error);
    if (!status)
      status = prl_experience_finish(side->experience, side->streams[i], d->terminated[at], last, error);
  }
  return status;
}

/* Learns where the gate can open: the steps that are still open close with the observations that follow them.
 */
static prl_status learn(prl_agent *a, const prl_drive *d, const driven sides[2], int count,
                        prl_error *error) {
  int64_t needs = prl_agent_needs(a);
  prl_status status = prl_schedule_relieve(a->schedule, error);
  if (status || a->experience->n.closed + d->own < needs) return status;
  status = prl_policy_check(a->policy, d->observation, d->n, error);
  if (status) return status;
  for (int k = 0; k < count; k++)
    (void)prl_experience_observe(sides[k].experience, sides[k].streams,
                                 d->observation + sides[k].first * a->shape->spec.observations, sides[k].n,
                                 NULL); /* unknown: there was no room */
  return needs && a->experience->n.closed < needs ? PRL_OK : prl_agent_learn(a, 0, NULL, error);
}

prl_status prl_drive_once(prl_agent *a, prl_vecenv *env, prl_error *error) {
  prl_drive *d = &a->drive;
  prl_step step = prl_drive_step(d);
  driven sides[2];
  const int count = list_sides(a, d, sides);
  prl_status status = act(a, d, sides, count, error);
  if (!status) status = prl_vecenv_step(env, &step, error);
  for (int k = 0; !status && k < count; k++) {
    const int64_t first = sides[k].first;
    status = prl_experience_feedback(sides[k].experience, d->decisions + first,
                                     d->response + first * a->shape->spec.responses, NULL, NULL, sides[k].n,
                                     error);
    /* Each instance has its own clock; the agent's advances by the longest step. */
    if (!status && prl_vecenv_spec(env)->clock)
      prl_experience_elapsed(sides[k].experience, d->decisions + first, d->elapsed + first, sides[k].n);
  }
  if (!status) status = pass_time(d, sides, count, error);
  for (int k = 0; !status && k < count; k++) status = finish_rows(a, d, &sides[k], error);
  return status ? status : learn(a, d, sides, count, error);
}

/* Some steps, by the workers where there are any: *done grows by them. *stopped: by the watch. */
static prl_status drive_some(prl_agent *a, prl_vecenv *env, int64_t steps, bool stop_at_update, int64_t *done,
                             bool *stopped, prl_error *error) {
  int64_t made = 0;
  if (prl_workers_ready(a, env)) {
    prl_status status = prl_workers_drive(a, env, steps - *done, stop_at_update, &made, stopped, error);
    *done += made;
    return status;
  }
  prl_status status = a->workers ? prl_workers_dismiss(a, error) : PRL_OK;
  if (!status) status = prl_drive_once(a, env, error);
  if (!status) *done += a->drive.own;
  return status;
}

prl_status prl_agent_drive(prl_agent *a, prl_vecenv *env, int64_t steps, bool stop_at_update, int64_t *made,
                           prl_error *error) {
  prl_status status = PRL_GIVEN(error, "agent env", a, env);
  if (!status) status = PRL_WITHIN(error, "steps", steps, 0, INT64_MAX);
  if (status) return status;
  int64_t done = 0, updates = prl_learner_updates(a->learner), asked_ns = 0;
  bool stopped = false;
  if (a->drive.env != env) status = take_up(a, env, error);
  a->drive.lived_us = 0;
  if (a->control) prl_control_pair(a->control, true);
  while (!status && !stopped && done < steps &&
         !(stop_at_update && prl_learner_updates(a->learner) > updates)) {
    /* A stopped drive has made fewer steps; the next call continues it with the same bytes. */
    if (prl_watch_ask(&a->watch, &asked_ns, done, steps, "driving", NULL)) break;
    status = drive_some(a, env, steps, stop_at_update, &done, &stopped, error);
  }
  if (made) *made = done;
  return status;
}

double prl_agent_days_driven(const prl_agent *a) { return a ? (double)a->drive.lived_us / 86400e6 : 0; }

void prl_agent_watch(prl_agent *a, prl_watch watch) {
  if (a) a->watch = watch;
}
