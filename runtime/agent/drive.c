/* Vector envs: the training loop and evaluation, each in one call. */
#include <inttypes.h>
#include <string.h>

#include "agent/agent.h"
#include "core/watch.h"

static prl_status check_spec(const prl_agent *a, const prl_vecenv *env, prl_error *error) {
  const prl_env_spec *s = prl_vecenv_spec(env);
  if (s->observations == a->observations && s->actions == a->actions && s->responses == a->responses)
    return PRL_OK;
  return prl_fail(error, PRL_ESHAPE,
                  "environment \"%s\" has %" PRId32 " observations, %" PRId32 " actions and %" PRId32
                  " responses; the agent has %" PRId32 ", %" PRId32 " and %" PRId32,
                  prl_vecenv_type(env)->name, s->observations, s->actions, s->responses, a->observations,
                  a->actions, a->responses);
}

void prl_drive_free(prl_runtime *runtime, prl_drive *d) {
  void *blocks[] = {d->observation, d->final_observation, d->action,  d->response,
                    d->terminated,  d->truncated,         d->elapsed, d->decisions};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) prl_free(runtime, blocks[i]);
  *d = (prl_drive){0};
}

prl_status prl_drive_make(const prl_agent *a, const prl_vecenv *env, prl_drive *out, prl_error *error) {
  prl_status status = check_spec(a, env, error);
  if (status) return status;
  size_t n = (size_t)prl_vecenv_count(env);
  prl_drive d = {.env = env, .n = (int64_t)n};
  d.observation = prl_calloc(a->runtime, n * (size_t)a->observations, sizeof(float));
  d.final_observation = prl_calloc(a->runtime, n * (size_t)a->observations, sizeof(float));
  d.action = prl_calloc(a->runtime, n * (size_t)a->actions, sizeof(float));
  d.response = prl_calloc(a->runtime, n * (size_t)a->responses, sizeof(float));
  d.terminated = prl_calloc(a->runtime, n, 1);
  d.truncated = prl_calloc(a->runtime, n, 1);
  d.elapsed = prl_calloc(a->runtime, n, sizeof *d.elapsed);
  d.decisions = prl_calloc(a->runtime, n, sizeof *d.decisions);
  if (!d.observation || !d.final_observation || !d.action || !d.response || !d.terminated || !d.truncated ||
      !d.elapsed || !d.decisions) {
    prl_drive_free(a->runtime, &d);
    return prl_fail_memory(error, n * (size_t)a->observations * sizeof(float));
  }
  *out = d;
  return PRL_OK;
}

static prl_step step_of(prl_drive *d) {
  return (prl_step){.action = d->action,
                    .observation = d->observation,
                    .response = d->response,
                    .terminated = d->terminated,
                    .truncated = d->truncated,
                    .final_observation = d->final_observation,
                    .elapsed_us = d->elapsed};
}

/* Another environment than last time: its instances start anew, and open episodes of these streams end. */
static prl_status take_up(prl_agent *a, prl_vecenv *env, prl_error *error) {
  prl_drive fresh;
  if (a->timed && !prl_vecenv_spec(env)->clock)
    return prl_fail(error, PRL_EINVAL,
                    "environment \"%s\" has no clock, and critic \"%s\" is discounted per %s",
                    prl_vecenv_type(env)->name, a->timed->name, a->timed->per);
  prl_status status = prl_drive_make(a, env, &fresh, error);
  if (status) return status;
  status = prl_vecenv_reset(env, fresh.observation, error);
  if (status) {
    prl_drive_free(a->runtime, &fresh);
    return status;
  }
  prl_drive_free(a->runtime, &a->drive);
  a->drive = fresh;
  a->n.driven = 1;
  for (int64_t i = 0; i < fresh.n; i++) { /* a stream that has no open episode needs no end */
    int32_t slot = prl_streams_find(a->experience, prl_vecenv_streams(env)[i]);
    if (slot >= 0 && a->experience->streams[slot].open)
      (void)prl_experience_finish(a->experience, prl_vecenv_streams(env)[i], false, NULL, NULL);
  }
  return PRL_OK;
}

/* The world's time moves by the longest of the steps. Episodes of the instances end by their environment, and
 * never as idle. */
static prl_status pass_time(prl_agent *a, prl_drive *d, const uint64_t *streams, prl_error *error) {
  int64_t longest = 0;
  for (int64_t i = 0; i < d->n; i++) {
    d->lived_us += d->elapsed[i];
    if (d->elapsed[i] > longest) longest = d->elapsed[i];
  }
  if (!longest) return PRL_OK;
  prl_experience_alive(a->experience, streams, d->n, a->experience->n.now + longest);
  return prl_experience_time(a->experience, a->experience->n.now + longest, error);
}

static prl_status finish_rows(prl_agent *a, const prl_drive *d, const uint64_t *streams, prl_error *error) {
  prl_status status = PRL_OK;
  for (int64_t i = 0; !status && i < d->n; i++) {
    if (!d->terminated[i] && !d->truncated[i]) continue;
    const float *last = d->final_observation + i * a->observations;
    int32_t slot = prl_streams_find(a->experience, streams[i]);
    if (slot < 0 || !a->experience->streams[slot].open) continue; /* no room for it; truncated as idle */
    status = prl_act_check(a, last, 1, error);
    if (!status) status = prl_experience_finish(a->experience, streams[i], d->terminated[i], last, error);
  }
  return status;
}

/* Learns where the gate can open: the steps that are still open close with the observations that follow them.
 */
static prl_status learn(prl_agent *a, const prl_drive *d, const uint64_t *streams, prl_error *error) {
  int64_t needs = prl_schedule_needs(a);
  if (a->experience->n.closed + d->n < needs) return PRL_OK;
  prl_status status = prl_act_check(a, d->observation, d->n, error);
  if (status) return status;
  (void)prl_experience_observe(a->experience, streams, d->observation, d->n,
                               NULL); /* unknown: there was no room */
  return needs && a->experience->n.closed < needs ? PRL_OK : prl_agent_learn(a, 0, NULL, error);
}

static prl_status drive_step(prl_agent *a, prl_vecenv *env, const uint64_t *streams, prl_error *error) {
  prl_drive *d = &a->drive;
  prl_step step = step_of(d);
  prl_status status =
      prl_agent_act(a, streams, d->observation, d->n, PRL_SAMPLE, d->action, d->decisions, error);
  if (!status) status = prl_vecenv_step(env, &step, error);
  if (!status)
    status = prl_experience_feedback(a->experience, d->decisions, d->response, NULL, NULL, d->n, error);
  /* Each instance lives on a clock of its own; the world's moves by the longest step. */
  if (!status && prl_vecenv_spec(env)->clock)
    prl_experience_elapsed(a->experience, d->decisions, d->elapsed, d->n);
  if (!status) status = pass_time(a, d, streams, error);
  if (!status) status = finish_rows(a, d, streams, error);
  return status ? status : learn(a, d, streams, error);
}

prl_status prl_agent_drive(prl_agent *a, prl_vecenv *env, int64_t steps, bool stop_at_update, int64_t *made,
                           prl_error *error) {
  prl_status status = PRL_OK;
  int64_t done = 0, updates = a->n.updates, asked_ns = 0;
  if (a->drive.env != env || !a->n.driven) status = take_up(a, env, error);
  a->drive.lived_us = 0;
  const uint64_t *streams = prl_vecenv_streams(env);
  while (!status && done < steps && !(stop_at_update && a->n.updates > updates)) {
    /* Stopped, it has made fewer steps, and goes on in the next call as if there had been one. */
    if (prl_watch_ask(&a->watch, &asked_ns, done, steps, "driving", NULL)) break;
    status = drive_step(a, env, streams, error);
    if (!status) done += a->drive.n;
  }
  if (made) *made = done;
  return status;
}

void prl_agent_watch(prl_agent *a, prl_watch watch) { a->watch = watch; }

/* ---- evaluation ---- */

typedef struct evaluation {
  prl_agent *agent;
  prl_vecenv *env;
  prl_drive buffers;
  int64_t episodes;
  prl_mode mode;
  int64_t *made;            /* (n) episodes of each instance */
  int64_t *first;           /* (n + 1) where its episodes stand in the results */
  uint32_t *episode, *step; /* (n) addresses of the noise */
  double *sums;             /* (n, responses) */
} evaluation;

/* Adds this step to the running episodes; returns how many of those that count have ended. */
static int64_t tally(evaluation *v, double *responses, int64_t *lengths) {
  int64_t ended = 0, width = v->agent->responses;
  for (int64_t i = 0; i < v->buffers.n; i++) {
    v->step[i]++;
    for (int64_t r = 0; r < width; r++) v->sums[i * width + r] += (double)v->buffers.response[i * width + r];
    if (!v->buffers.terminated[i] && !v->buffers.truncated[i]) continue;
    int64_t at = v->first[i] + v->made[i]++;
    if (at < v->first[i + 1]) {
      if (responses) memcpy(responses + at * width, v->sums + i * width, (size_t)width * sizeof(double));
      if (lengths) lengths[at] = v->step[i];
      ended++;
    }
    memset(v->sums + i * width, 0, (size_t)width * sizeof(double));
    v->step[i] = 0;
    v->episode[i]++;
  }
  return ended;
}

/* Refuses to step for ever: an environment without a limit of its own may have episodes that do not end. */
static prl_status check_end(const evaluation *v, prl_error *error) {
  if (prl_vecenv_spec(v->env)->max_steps) return PRL_OK;
  for (int64_t i = 0; i < v->buffers.n; i++)
    if (v->step[i] >= PRL_EVALUATE_STEPS)
      return prl_fail(
          error, PRL_ELIMIT,
          "an episode of environment \"%s\" did not end within %d steps; its max_steps is 0, which "
          "sets no limit: give one",
          prl_vecenv_type(v->env)->name, PRL_EVALUATE_STEPS);
  return PRL_OK;
}

static prl_status evaluate(evaluation *v, double *responses, int64_t *lengths, prl_error *error) {
  prl_agent *a = v->agent;
  int64_t asked_ns = 0;
  prl_drive *d = &v->buffers;
  prl_step step = step_of(d);
  prl_draw_address address = {.streams = prl_vecenv_streams(v->env), .episode = v->episode, .step = v->step};
  prl_status status = prl_vecenv_reset(v->env, d->observation, error);
  for (int64_t i = 0; i <= d->n; i++) v->first[i] = v->episodes * i / d->n;
  for (int64_t left = v->episodes; !status && left > 0;) {
    status = prl_watch_ask(&a->watch, &asked_ns, v->episodes - left, v->episodes, "the evaluation", error);
    if (!status) status = prl_act_check(a, d->observation, d->n, error);
    if (!status) status = prl_act_rows(a, d->observation, d->n, v->mode, &address, d->action, error);
    if (!status) status = prl_vecenv_step(v->env, &step, error);
    if (!status) left -= tally(v, responses, lengths);
    if (!status && left > 0) status = check_end(v, error);
  }
  return status;
}

prl_status prl_agent_evaluate(prl_agent *a, prl_vecenv *env, int64_t episodes, prl_mode mode,
                              double *responses, int64_t *lengths, prl_error *error) {
  if (episodes < 1)
    return prl_fail(error, PRL_EINVAL, "%" PRId64 " episodes; there must be at least 1", episodes);
  evaluation v = {.agent = a, .env = env, .episodes = episodes, .mode = mode};
  prl_status status = prl_drive_make(a, env, &v.buffers, error);
  if (status) return status;
  size_t n = (size_t)v.buffers.n;
  v.made = prl_calloc(a->runtime, n, sizeof *v.made);
  v.first = prl_calloc(a->runtime, n + 1, sizeof *v.first);
  v.episode = prl_calloc(a->runtime, n, sizeof *v.episode);
  v.step = prl_calloc(a->runtime, n, sizeof *v.step);
  v.sums = prl_calloc(a->runtime, n * (size_t)a->responses, sizeof *v.sums);
  if (!v.made || !v.first || !v.episode || !v.step || !v.sums)
    status = prl_fail_memory(error, n * (size_t)a->responses * sizeof *v.sums);
  if (!status) status = evaluate(&v, responses, lengths, error);
  void *blocks[] = {v.made, v.first, v.episode, v.step, v.sums};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) prl_free(a->runtime, blocks[i]);
  prl_drive_free(a->runtime, &v.buffers);
  return status;
}
