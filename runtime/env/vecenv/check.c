/* What a vector env refuses: what a type says of itself, actions, and steps that took an impossible time. */
#include "env/vecenv/parts.h"

#include <math.h>
#include <string.h>

prl_status prl_vecenv_check_spec(const prl_env_type *type, const prl_env_spec *spec, prl_error *error) {
  const int32_t most = 1 << 20;
  if (spec->observations < 1 || spec->actions < 1 || spec->responses < 1)
    return prl_fail(error, PRL_EINVAL,
                    "the environment '%s' has %d observations, %d actions, %d responses; each is at "
                    "least 1",
                    type->name, (int)spec->observations, (int)spec->actions, (int)spec->responses);
  if (spec->observations > most || spec->actions > most || spec->responses > most)
    return prl_fail(error, PRL_EINVAL,
                    "the environment '%s' has %d observations, %d actions, %d responses; each is at "
                    "most %d",
                    type->name, (int)spec->observations, (int)spec->actions, (int)spec->responses, most);
  if (spec->state_size > (size_t)1 << 40 || spec->shared_size > (size_t)1 << 40)
    return prl_fail(error, PRL_EINVAL, "the environment '%s' has %zu bytes of state and %zu shared ones",
                    type->name, spec->state_size, spec->shared_size);
  if (!spec->observation || !spec->action || !spec->response)
    return prl_fail(error, PRL_EINVAL, "the environment '%s' does not describe its %s", type->name,
                    !spec->observation ? "observations"
                    : !spec->action    ? "actions"
                                       : "responses");
  if ((unsigned)spec->action_kind > PRL_ACTION_CONTINUOUS)
    return prl_fail(error, PRL_EINVAL, "the environment '%s' has actions of the unknown kind %d", type->name,
                    (int)spec->action_kind);
  if (spec->action_kind == PRL_ACTION_DISCRETE && spec->actions != 1)
    return prl_fail(error, PRL_EINVAL,
                    "the environment '%s' has %d discrete actions; one, or kind multi_discrete", type->name,
                    (int)spec->actions);
  if (spec->max_steps < 0 || spec->max_steps > UINT32_MAX)
    return prl_fail(error, PRL_EINVAL, "the environment '%s' has max_steps %lld; 0 to 4294967295 is accepted",
                    type->name, (long long)spec->max_steps);
  bool known = !spec->session;
  for (int r = 0; !known && r < spec->responses; r++)
    known = strcmp(spec->response[r].name, spec->session) == 0;
  if (!known)
    return prl_fail(error, PRL_EINVAL,
                    "the environment '%s' has no response '%s', which its sessions end with", type->name,
                    spec->session);
  for (int a = 0; a < spec->actions; a++) {
    const prl_action_spec *action = &spec->action[a];
    bool fits = spec->action_kind == PRL_ACTION_CONTINUOUS
                    ? action->low < action->high
                    : action->choices > 0 && action->choices <= 1 << 24;
    if (!fits)
      return prl_fail(error, PRL_EINVAL,
                      "action '%s' of the environment '%s' has bounds %g … %g and %d choices: it "
                      "allows nothing",
                      action->name, type->name, action->low, action->high, (int)action->choices);
  }
  return PRL_OK;
}

static bool choices_valid(const float *restrict value, int64_t count, float choices) {
  int bad = 0;
  for (int64_t i = 0; i < count; i++) {
    /* NaN and what is out of range become 0, which then differs. */
    float a = value[i], inside = ((a >= 0) & (a < choices)) ? a : 0;
    bad |= (float)(int32_t)inside != a;
  }
  return !bad;
}

static bool all_finite(const float *restrict value, int64_t count) {
  int bad = 0;
  for (int64_t i = 0; i < count; i++) bad |= !(fabsf(value[i]) < INFINITY);
  return !bad;
}

static bool row_value_valid(const prl_env_spec *spec, int a, float value) {
  if (spec->action_kind == PRL_ACTION_CONTINUOUS) return all_finite(&value, 1);
  return choices_valid(&value, 1, (float)spec->action[a].choices);
}

static bool actions_valid(const prl_vecenv *env, const float *action) {
  const prl_env_spec *spec = &env->spec;
  int64_t count = env->n * spec->actions;
  if (spec->action_kind == PRL_ACTION_CONTINUOUS) return all_finite(action, count);
  if (spec->actions == 1) return choices_valid(action, count, (float)spec->action->choices);
  for (int64_t i = 0; i < count; i++)
    if (!row_value_valid(spec, (int)(i % spec->actions), action[i])) return false;
  return true;
}

static prl_status fail_action(const prl_vecenv *env, const float *action, prl_error *error) {
  const prl_env_spec *spec = &env->spec;
  int64_t i = 0;
  while (row_value_valid(spec, (int)(i % spec->actions), action[i])) i++;
  const prl_action_spec *dimension = &spec->action[i % spec->actions];
  long long instance = (long long)(i / spec->actions);
  if (spec->action_kind == PRL_ACTION_CONTINUOUS)
    return prl_fail(error, PRL_EINVAL,
                    "action '%s' of instance %lld is %g; a finite number is needed (bounds %g … %g)",
                    dimension->name, instance, action[i], dimension->low, dimension->high);
  return prl_fail(error, PRL_EINVAL,
                  "action '%s' of instance %lld is %g; a whole number from 0 to %d is needed",
                  dimension->name, instance, action[i], (int)dimension->choices - 1);
}
prl_status prl_vecenv_check_actions(const prl_vecenv *env, const float *action, prl_error *error) {
  return actions_valid(env, action) ? PRL_OK : fail_action(env, action, error);
}

static const int64_t longest_step_us = INT64_C(1) << 53;

prl_status prl_vecenv_check_elapsed(const prl_vecenv *env, const int64_t *elapsed_us, prl_error *error) {
  for (int64_t i = 0; i < env->n; i++)
    if (elapsed_us[i] < 0 || elapsed_us[i] > longest_step_us)
      return prl_fail(error, PRL_EINVAL,
                      "the environment '%s' says that a step of instance %lld took %lld µs; 0 to %lld are "
                      "accepted",
                      env->type->name, (long long)i, (long long)elapsed_us[i], (long long)longest_step_us);
  return PRL_OK;
}
