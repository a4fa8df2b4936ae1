/* Whole episodes on a vector env with the published policy: nothing is recorded or learned. */
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

/* Adds this step to the running episodes; returns how many of those that count have ended. */
static int64_t tally(evaluation *v, double *responses, int64_t *lengths) {
  const int64_t memory = v->agent->shape->experience.memory;
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
    if (v->memory) memset(v->memory + i * memory, 0, (size_t)memory * sizeof(float));
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

static prl_status evaluate(evaluation *v, double *responses, int64_t *lengths, prl_error *error) {
  prl_agent *a = v->agent;
  int64_t asked_ns = 0;
  prl_drive *d = &v->buffers;
  prl_step step = prl_drive_step(d);
  prl_draw_address address = {
      .streams = prl_vecenv_streams(v->env), .episode = v->episode, .step = v->step, .memory = v->memory};
  prl_status status = prl_vecenv_reset(v->env, d->observation, error);
  for (int64_t i = 0; i <= d->n; i++) v->first[i] = v->episodes * i / d->n;
  for (int64_t left = v->episodes; !status && left > 0;) {
    status = prl_watch_ask(&a->watch, &asked_ns, v->episodes - left, v->episodes, "the evaluation", error);
    if (!status) status = prl_policy_check(a->policy, d->observation, d->n, error);
    if (!status)
      status =
          prl_policy_act(a->policy, a->experience, d->observation, d->n, v->mode, &address, d->action, error);
    if (!status) status = prl_vecenv_step(v->env, &step, error);
    if (!status) left -= tally(v, responses, lengths);
    if (!status && left > 0) status = check_end(v, error);
  }
  return status;
}

prl_status prl_agent_evaluate(prl_agent *a, prl_vecenv *env, int64_t episodes, prl_mode mode,
                              double *responses, int64_t *lengths, prl_error *error) {
  prl_status status = PRL_GIVEN(error, "agent env", a, env);
  if (!status) status = PRL_WITHIN(error, "episodes", episodes, 1, PRL_ROWS_MOST);
  if (!status) status = PRL_WITHIN(error, "mode", (int)mode, PRL_SAMPLE, PRL_MEAN);
  if (status) return status;
  evaluation v = {.agent = a, .env = env, .episodes = episodes, .mode = mode};
  status = prl_drive_init(a, env, &v.buffers, error);
  if (status) return status;
  size_t n = (size_t)v.buffers.n;
  v.made = prl_calloc(a->runtime, n, sizeof *v.made);
  v.first = prl_calloc(a->runtime, n + 1, sizeof *v.first);
  v.episode = prl_calloc(a->runtime, n, sizeof *v.episode);
  v.step = prl_calloc(a->runtime, n, sizeof *v.step);
  v.sums = prl_calloc(a->runtime, n * (size_t)a->shape->spec.responses, sizeof *v.sums);
  const size_t memory = n * (size_t)a->shape->experience.memory;
  if (memory) v.memory = prl_calloc(a->runtime, memory, sizeof *v.memory);
  if (!v.made || !v.first || !v.episode || !v.step || !v.sums || (memory && !v.memory))
    status = prl_fail_memory(error, n * (size_t)a->shape->spec.responses * sizeof *v.sums);
  if (!status) status = evaluate(&v, responses, lengths, error);
  void *blocks[] = {v.made, v.first, v.episode, v.step, v.sums, v.memory};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) prl_free(a->runtime, blocks[i]);
  prl_drive_deinit(a->runtime, &v.buffers);
  return status;
}
