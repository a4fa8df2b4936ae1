/* Densities of given actions under the published policy, traced from the distribution that acts. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "agent/policy/parts.h"
#include "core/read.h"

/* ---- building ---- */

static prl_status build(prl_policy *p, const prl_value *programs, const char *name, prl_density_program *d,
                        const char *output, int64_t width, prl_error *error) {
  const prl_env_spec *s = &p->shape->spec;
  const prl_source sources[] = {
      {.name = "obs", .width = s->observations, .direct = &d->observation, .required = true},
      {.name = "action", .width = s->actions, .direct = &d->action, .required = true}};
  const prl_value *text = prl_get(programs, name);
  if (!text) return PRL_OK; /* a plan that was made by hand */
  prl_status status =
      prl_policy_routine(p, text, name, sources, d == &p->density ? 2 : 1, &d->routine, error);
  return status ? status : prl_routine_output(&d->routine, output, width, false, &d->log_prob, error);
}

static int64_t choices_of(const prl_env_spec *s) {
  int64_t sum = 0;
  for (int32_t i = 0; s->action_kind != PRL_ACTION_CONTINUOUS && i < s->actions; i++)
    sum += s->action[i].choices;
  return sum;
}

prl_status prl_density_build(prl_policy *p, const prl_value *programs, prl_error *error) {
  prl_status status = build(p, programs, "density", &p->density, "log_prob", 1, error);
  if (status || p->shape->spec.action_kind == PRL_ACTION_CONTINUOUS) return status;
  return build(p, programs, "densities", &p->densities, "log_probs", choices_of(&p->shape->spec), error);
}

/* ---- asking ---- */

static prl_status check_actions(const prl_policy *p, const float *action, int64_t n, prl_error *error) {
  const prl_env_spec *s = &p->shape->spec;
  for (int64_t i = 0; i < n * s->actions; i++) {
    const prl_action_spec *dimension = &s->action[i % s->actions];
    const int64_t row = i / s->actions + 1;
    if (!isfinite(action[i]))
      return prl_fail(error, PRL_ENUMERIC, "action \"%s\" of row %" PRId64 " is %g", dimension->name, row,
                      (double)action[i]);
    bool choice = action[i] >= 0 && action[i] < (float)dimension->choices && action[i] == floorf(action[i]);
    if (s->action_kind != PRL_ACTION_CONTINUOUS && !choice)
      return prl_fail(error, PRL_EINVAL,
                      "action \"%s\" of row %" PRId64 " is %g; a whole number from 0 to %" PRId32
                      " is needed",
                      dimension->name, row, (double)action[i], dimension->choices - 1);
  }
  return PRL_OK;
}

/* In tiles of act_rows; actions NULL: all choices. Rows do not depend on the tile that they come in. */
static prl_status run(prl_policy *p, prl_density_program *d, const float *observation, const float *action,
                      int64_t n, int64_t width, float *out, prl_error *error) {
  const prl_env_spec *s = &p->shape->spec;
  if (!d->routine.program)
    return prl_fail(error, PRL_EABSENT, "the plan of this agent has no program for densities of %s",
                    action ? "actions" : "all choices");
  prl_status status = action ? check_actions(p, action, n, error) : PRL_OK;
  for (int64_t first = 0; !status && first < n; first += p->shape->act_rows) {
    int64_t rows = n - first < p->shape->act_rows ? n - first : p->shape->act_rows;
    status = prl_program_rows(d->routine.program, rows, error);
    if (status) return status;
    prl_policy_normalise(p, rows, observation + first * s->observations, d->observation->data);
    if (action)
      memcpy(d->action->data, action + first * s->actions, (size_t)(rows * s->actions) * sizeof(float));
    status = prl_program_run(d->routine.program, 0, NULL, error);
    if (!status) memcpy(out + first * width, d->log_prob->data, (size_t)(rows * width) * sizeof(float));
  }
  return status;
}

prl_status prl_policy_density(prl_policy *p, const float *observation, const float *action, int64_t n,
                              float *log_prob, prl_error *error) {
  return run(p, &p->density, observation, action, n, 1, log_prob, error);
}

int64_t prl_policy_choices(const prl_policy *p) {
  return p->densities.routine.program ? choices_of(&p->shape->spec) : 0;
}

prl_status prl_policy_densities(prl_policy *p, const float *observation, int64_t n, float *log_probs,
                                prl_error *error) {
  return run(p, &p->densities, observation, NULL, n, choices_of(&p->shape->spec), log_probs, error);
}
