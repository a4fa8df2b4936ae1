/* A vector env played with the published policy, by whole episodes or for a number of steps: nothing is
 * recorded or learned. */
#include <string.h>

#include "agent/agent.h"
#include "core/arguments.h"
#include "core/watch.h"

typedef struct evaluation {
  prl_agent *agent;
  prl_vecenv *env;
  prl_drive buffers;
  int64_t episodes;
  prl_mode mode;
  int64_t *made;            /* (n) episodes of each instance */
  int64_t *first;           /* (n + 1) where its episodes begin in the results */
  uint32_t *episode, *step; /* (n) addresses of the noise */
  double *sums;             /* (n, responses) */
  float *memory;            /* (n, memory) of the policy; NULL: it has none */
} evaluation;

/* An episode begins with an empty memory. */
static void forget(const evaluation *v, int64_t i) {
  const int64_t width = v->agent->shape->experience.memory;
  if (v->memory) memset(v->memory + i * width, 0, (size_t)width * sizeof(float));
}

/* Adds this step to the running episodes; returns how many of those that count have ended. */
static int64_t tally(evaluation *v, double *responses, int64_t *lengths) {
  int64_t ended = 0, width = v->agent->shape->spec.responses;
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
    forget(v, i);
    v->step[i] = 0;
    v->episode[i]++;
  }
  return ended;
}

/* Refuses to step for ever: an environment without max_steps may have episodes that do not end. */
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

static prl_status act(evaluation *v, prl_error *error) {
  prl_agent *a = v->agent;
  const prl_drive *d = &v->buffers;
  const prl_draw_address address = {
      .streams = prl_vecenv_streams(v->env), .episode = v->episode, .step = v->step, .memory = v->memory};
  prl_status status = prl_policy_check(a->policy, d->observation, d->n, error);
  return status ? status
                : prl_policy_act(a->policy, a->experience, d->observation, d->n, v->mode, &address, d->action,
                                 error);
}

static prl_status evaluate(evaluation *v, double *responses, int64_t *lengths, prl_error *error) {
  prl_agent *a = v->agent;
  int64_t asked_ns = 0;
  prl_drive *d = &v->buffers;
  prl_step step = prl_drive_step(d);
  prl_status status = prl_vecenv_reset(v->env, d->observation, error);
  for (int64_t i = 0; i <= d->n; i++) v->first[i] = v->episodes * i / d->n;
  for (int64_t left = v->episodes; !status && left > 0;) {
    status = prl_watch_ask(&a->watch, &asked_ns, v->episodes - left, v->episodes, "the evaluation", error);
    if (!status) status = act(v, error);
    if (!status) status = prl_vecenv_step(v->env, &step, error);
    if (!status) left -= tally(v, responses, lengths);
    if (!status && left > 0) status = check_end(v, error);
  }
  return status;
}

/* Buffers, and addresses of the draws. */
static prl_status begin(evaluation *v, prl_error *error) {
  prl_status status = prl_drive_init(v->agent, v->env, &v->buffers, error);
  if (status) return status;
  const size_t n = (size_t)v->buffers.n, memory = n * (size_t)v->agent->shape->experience.memory;
  v->episode = prl_calloc(v->agent->runtime, n, sizeof *v->episode);
  v->step = prl_calloc(v->agent->runtime, n, sizeof *v->step);
  if (memory) v->memory = prl_calloc(v->agent->runtime, memory, sizeof *v->memory);
  if (v->episode && v->step && (!memory || v->memory)) return PRL_OK;
  return prl_fail_memory(error, (n + memory) * sizeof *v->episode);
}

static void end(evaluation *v) {
  void *blocks[] = {v->made, v->first, v->episode, v->step, v->sums, v->memory};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) prl_free(v->agent->runtime, blocks[i]);
  prl_drive_deinit(v->agent->runtime, &v->buffers);
}

prl_status prl_agent_evaluate(prl_agent *a, prl_vecenv *env, int64_t episodes, prl_mode mode,
                              double *responses, int64_t *lengths, prl_error *error) {
  prl_status status = PRL_GIVEN(error, "agent env", a, env);
  if (!status) status = PRL_WITHIN(error, "episodes", episodes, 1, PRL_ROWS_MOST);
  if (!status) status = PRL_WITHIN(error, "mode", (int)mode, PRL_SAMPLE, PRL_MEAN);
  if (status) return status;
  evaluation v = {.agent = a, .env = env, .episodes = episodes, .mode = mode};
  status = begin(&v, error);
  const size_t n = (size_t)v.buffers.n, sums = n * (size_t)a->shape->spec.responses;
  if (!status) {
    v.made = prl_calloc(a->runtime, n, sizeof *v.made);
    v.first = prl_calloc(a->runtime, n + 1, sizeof *v.first);
    v.sums = prl_calloc(a->runtime, sums, sizeof *v.sums);
    if (!v.made || !v.first || !v.sums) status = prl_fail_memory(error, sums * sizeof *v.sums);
  }
  if (!status) status = evaluate(&v, responses, lengths, error);
  end(&v);
  return status;
}

/* ---- a number of steps ---- */

/* After a step: what it led to, and the addresses of the next draws. */
static void keep(evaluation *v, int64_t at, const prl_rollout *out) {
  const prl_drive *d = &v->buffers;
  const size_t n = (size_t)d->n, width = (size_t)v->agent->shape->spec.responses;
  const size_t row = (size_t)at * n;
  if (out->response) memcpy(out->response + row * width, d->response, n * width * sizeof(float));
  if (out->elapsed_us) memcpy(out->elapsed_us + row, d->elapsed, n * sizeof *d->elapsed);
  if (out->terminated) memcpy(out->terminated + row, d->terminated, n);
  for (size_t i = 0; i < n; i++) {
    const bool ended = d->terminated[i] || d->truncated[i];
    if (out->truncated) out->truncated[row + i] = d->truncated[i] && !d->terminated[i];
    v->step[i] = ended ? 0 : v->step[i] + 1;
    v->episode[i] += ended;
    if (ended) forget(v, (int64_t)i);
  }
}

static prl_status roll(evaluation *v, int64_t steps, const prl_rollout *out, prl_error *error) {
  prl_drive *d = &v->buffers;
  prl_step step = prl_drive_step(d);
  const size_t row = (size_t)d->n * (size_t)v->agent->shape->spec.observations;
  int64_t asked_ns = 0;
  prl_status status = prl_vecenv_reset(v->env, d->observation, error);
  for (int64_t at = 0; !status && at < steps; at++) {
    status = prl_watch_ask(&v->agent->watch, &asked_ns, at, steps, "the rollout", error);
    if (!status && out->observation)
      memcpy(out->observation + (size_t)at * row, d->observation, row * sizeof(float));
    if (!status) status = act(v, error);
    if (!status) status = prl_vecenv_step(v->env, &step, error);
    if (!status) keep(v, at, out);
  }
  return status;
}

prl_status prl_agent_rollout(prl_agent *a, prl_vecenv *env, int64_t steps, prl_mode mode,
                             const prl_rollout *out, prl_error *error) {
  prl_status status = PRL_GIVEN(error, "agent env out", a, env, out);
  if (!status) status = PRL_WITHIN(error, "steps", steps, 1, PRL_ROWS_MOST);
  if (!status) status = PRL_WITHIN(error, "mode", (int)mode, PRL_SAMPLE, PRL_MEAN);
  if (status) return status;
  evaluation v = {.agent = a, .env = env, .mode = mode};
  status = begin(&v, error);
  if (!status) status = roll(&v, steps, out, error);
  end(&v);
  return status;
}
