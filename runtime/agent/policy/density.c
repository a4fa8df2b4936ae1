/* Densities of given actions under the published policy, traced from the distribution that acts. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "agent/policy/parts.h"
#include "core/read.h"

bool prl_policy_is_density(const char *name) {
  static const char *const names[] = {"density", "densities"};
  return prl_read_word(name, names, 2) >= 0;
}

/* ---- building ---- */

static int64_t choices_of(const prl_env_spec *s) {
  int64_t sum = 0;
  for (int32_t i = 0; s->action_kind != PRL_ACTION_CONTINUOUS && i < s->actions; i++)
    sum += s->action[i].choices;
  return sum;
}

static bool is_density(const prl_policy *p, const prl_density_program *d) { return d == &p->density; }

/* The program of the plan; NULL: a plan that was made by hand, continuous actions, or a policy with a memory.
 */
static const prl_value *text_of(const prl_policy *p, const prl_density_program *d) {
  if (is_density(p, d)) return prl_get(p->programs, "density");
  if (p->shape->experience.memory) return NULL;
  return choices_of(&p->shape->spec) ? prl_get(p->programs, "densities") : NULL;
}

/* When it is first asked for: most agents never are, and a program over wide layers is large. */
static prl_status build(prl_policy *p, prl_density_program *d, prl_error *error) {
  const prl_env_spec *s = &p->shape->spec;
  const bool given = is_density(p, d);
  const prl_value *text = text_of(p, d);
  const prl_source sources[] = {
      {.name = "obs", .width = s->observations, .direct = &d->observation, .required = true},
      {.name = "arm", .width = 1, .direct = &d->arm},
      {.name = "action", .width = s->actions, .direct = &d->action, .required = true}};
  if (p->shape->experience.memory)
    return prl_fail(error, PRL_EABSENT,
                    "the policy has a memory (policy.memory): densities depend on what was observed before, "
                    "and no stream is given with them");
  if (!text)
    return prl_fail(error, PRL_EABSENT, "the plan of this agent has no program for densities of %s",
                    given ? "actions" : "all choices");
  prl_status status = prl_policy_routine(p, text, given ? "density" : "densities", sources, given ? 3 : 2,
                                         &d->routine, error);
  if (!status)
    status = prl_routine_output(&d->routine, given ? "log_prob" : "log_probs", given ? 1 : choices_of(s),
                                false, &d->log_prob, error);
  if (status)
    prl_routine_deinit(&d->routine);
  else
    prl_routine_fill_live(&d->routine, p->in_force);
  return status;
}

/* ---- asking ---- */

prl_status prl_policy_check_actions(const prl_policy *p, const float *action, int64_t n, prl_error *error) {
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
  prl_status status = d->routine.program ? PRL_OK : build(p, d, error);
  if (!status && action) status = prl_policy_check_actions(p, action, n, error);
  for (int64_t first = 0; !status && first < n; first += p->shape->act_rows) {
    int64_t rows = n - first < p->shape->act_rows ? n - first : p->shape->act_rows;
    status = prl_program_rows(d->routine.program, rows, error);
    if (status) return status;
    memcpy(d->observation->data, observation + first * s->observations,
           (size_t)(rows * s->observations) * sizeof(float));
    prl_policy_normalise(p, rows, d->observation->data);
    if (action)
      memcpy(d->action->data, action + first * s->actions, (size_t)(rows * s->actions) * sizeof(float));
    if (d->arm) memset(d->arm->data, 0, (size_t)rows * sizeof(float)); /* the first policy's */
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
  return text_of(p, &p->densities) ? choices_of(&p->shape->spec) : 0;
}

prl_status prl_policy_densities(prl_policy *p, const float *observation, int64_t n, float *log_probs,
                                prl_error *error) {
  return run(p, &p->densities, observation, NULL, n, choices_of(&p->shape->spec), log_probs, error);
}
