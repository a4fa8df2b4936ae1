/* A policy is tried before it comes into force: `act` by the learner's own parameters, on a few rows of the
 * last batch. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "agent/policy/parts.h"

/* Few: weights that overflow do so in nearly every row, and a trial may not cost what an update does. */
enum { ROWS = PRL_TRIAL_ROWS };

/* A separate program, since changing the rows of the one that acts costs more than running this one. */
prl_status prl_trial_build(prl_policy *p, const prl_value *text, prl_error *error) {
  prl_graph *graph;
  const prl_bindings bindings = {.sets = p->sets->items, .sets_count = p->sets->count};
  prl_status status = prl_graph_read(p->runtime, text, &graph, error);
  return status ? status : prl_act_bind(p, &p->trial, graph, &bindings, ROWS, error);
}

static prl_status bad_output(const char *what, int64_t row, double value, prl_error *error) {
  return prl_fail(error, PRL_ENUMERIC, "its %s in row %" PRId64 " of the last batch is %g (program \"act\")",
                  what, row + 1, value);
}

static prl_status check_outputs(const prl_policy *p, int64_t rows, prl_error *error) {
  const prl_tensor *action = p->trial.action;
  const float *x = action->data, *log_prob = p->trial.log_prob ? p->trial.log_prob->data : NULL;
  const int64_t width = p->shape->spec.actions;
  for (int64_t i = 0; i < ROWS * width && action->dtype == PRL_F32; i++)
    if (!isfinite(x[i])) return bad_output("action", i / width * rows / ROWS, (double)x[i], error);
  for (int64_t i = 0; log_prob && i < ROWS; i++)
    if (!isfinite(log_prob[i])) return bad_output("log_prob", i * rows / ROWS, (double)log_prob[i], error);
  return PRL_OK;
}

prl_status prl_trial_run(prl_policy *p, const float *observation, int64_t rows, prl_error *error) {
  const prl_act_program *t = &p->trial;
  const int64_t width = p->shape->experience.observations;
  if (rows < 1) return PRL_OK;
  for (int64_t i = 0; i < ROWS; i++)
    memcpy((float *)t->observation->data + i * width, observation + i * rows / ROWS * width,
           (size_t)width * sizeof(float));
  for (int64_t i = 0; t->noise && i < ROWS * p->shape->noise; i++) ((float *)t->noise->data)[i] = 0.5f;
  const int arms = p->shape->experience.arms;
  for (int64_t i = 0; t->arm && i < ROWS; i++) ((float *)t->arm->data)[i] = arms ? (float)(i % arms) : 0;
  if (t->sample) *(float *)t->sample->data = 1;
  prl_routine_fill_live(&p->trial.routine, p->live->frozen);
  prl_status status = prl_program_run(t->routine.program, 0, NULL, error);
  return status ? status : check_outputs(p, rows, error);
}
