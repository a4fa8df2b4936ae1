/* The calls of a host, but for act (act.c): feedback, learn; live options; time. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "agent/shadow.h"
#include "agent/snapshot.h"
#include "core/arguments.h"
#include "core/clock.h"

/* ---- densities ---- */

const prl_env_spec *prl_agent_spec(const prl_agent *a) { return a ? &a->shape->spec : NULL; }
const char *prl_agent_hash(const prl_agent *a) { return a ? a->hash : NULL; }

prl_status prl_agent_log_prob(prl_agent *a, const float *observation, const float *action, int64_t n,
                              float *log_prob, prl_error *error) {
  prl_status status = PRL_GIVEN(error, "agent", a);
  if (!status) status = PRL_WITHIN(error, "n", n, 0, PRL_ROWS_MOST);
  if (!status && n) status = PRL_GIVEN(error, "observation action log_prob", observation, action, log_prob);
  if (!status) status = prl_policy_check(a->policy, observation, n, error);
  return status ? status : prl_policy_density(a->policy, observation, action, n, log_prob, error);
}

prl_status prl_agent_log_probs(prl_agent *a, const float *observation, int64_t n, float *log_probs,
                               prl_error *error) {
  prl_status status = PRL_GIVEN(error, "agent", a);
  if (!status) status = PRL_WITHIN(error, "n", n, 0, PRL_ROWS_MOST);
  if (!status && n) status = PRL_GIVEN(error, "observation log_probs", observation, log_probs);
  if (!status) status = prl_policy_check(a->policy, observation, n, error);
  return status ? status : prl_policy_densities(a->policy, observation, n, log_probs, error);
}

int64_t prl_agent_choices(const prl_agent *a) { return a ? prl_policy_choices(a->policy) : 0; }

/* ---- critics ---- */

int prl_agent_critics(const prl_agent *a) { return a ? prl_learner_critics(a->learner) : 0; }
const char *prl_agent_critic(const prl_agent *a, int critic) {
  return critic >= 0 && critic < prl_agent_critics(a) ? prl_learner_critic(a->learner, critic) : NULL;
}

prl_status prl_agent_values(prl_agent *a, const float *observation, int64_t n, float *values,
                            prl_error *error) {
  prl_status status = PRL_GIVEN(error, "agent", a);
  if (!status) status = PRL_WITHIN(error, "n", n, 0, PRL_ROWS_MOST);
  if (!status && n) status = PRL_GIVEN(error, "observation values", observation, values);
  if (!status) status = prl_policy_check(a->policy, observation, n, error);
  return status ? status : prl_learner_values(a->learner, observation, n, values, error);
}

prl_status prl_agent_rewards(prl_agent *a, const float *response, int64_t n, float *rewards,
                             prl_error *error) {
  prl_status status = PRL_GIVEN(error, "agent", a);
  if (!status) status = PRL_WITHIN(error, "n", n, 0, PRL_ROWS_MOST);
  if (!status && n) status = PRL_GIVEN(error, "response rewards", response, rewards);
  return status ? status : prl_learner_rewards(a->learner, response, n, rewards, error);
}

prl_status prl_agent_value_parameters(const prl_agent *a, int64_t *count, prl_error *error) {
  prl_status status = PRL_GIVEN(error, "agent count", a, count);
  return status ? status : prl_learner_value_parameters(a->learner, count, error);
}

/* ---- what follows a decision ---- */

/* How many rows from `first` on are of the same side; *control: which. */
static int64_t observed_alike(const prl_agent *a, const uint64_t *streams, int64_t first, int64_t n,
                              bool *control) {
  int64_t last = first + 1;
  *control = a->control && prl_control_runs(a->control, streams[first]);
  while (a->control && last < n && prl_control_runs(a->control, streams[last]) == *control) last++;
  return (a->control ? last : n) - first;
}

prl_status prl_agent_observe(prl_agent *a, const uint64_t *streams, const float *observation, int64_t n,
                             prl_error *error) {
  prl_status status = PRL_GIVEN(error, "agent", a), first = PRL_OK;
  if (!status) status = PRL_WITHIN(error, "n", n, 0, PRL_ROWS_MOST);
  if (!status && n) status = PRL_GIVEN(error, "streams observation", streams, observation);
  if (!status) status = prl_policy_check(a->policy, observation, n, error);
  if (status) return status;
  for (int64_t row = 0, count; row < n; row += count) {
    bool control;
    count = observed_alike(a, streams, row, n, &control);
    status =
        prl_experience_observe(control ? prl_control_experience(a->control) : a->experience, streams + row,
                               observation + row * a->shape->spec.observations, count, first ? NULL : error);
    if (!first) first = status;
  }
  return first;
}

static bool marked(uint64_t decision) { return (uint32_t)decision & PRL_MARK_CONTROL; }

prl_status prl_agent_feedback(prl_agent *a, const uint64_t *decisions, const float *responses,
                              const uint8_t *present, const uint64_t *events, int64_t n, prl_error *error) {
  prl_status status = PRL_GIVEN(error, "agent", a), first = PRL_OK;
  if (!status) status = PRL_WITHIN(error, "n", n, 0, PRL_ROWS_MOST);
  if (!status && n) status = PRL_GIVEN(error, "decisions responses", decisions, responses);
  if (status) return status;
  const int64_t width = a->shape->spec.responses;
  for (int64_t row = 0, count; row < n; row += count) {
    const bool control = a->control && marked(decisions[row]);
    for (count = 1; row + count < n && (!a->control || marked(decisions[row + count]) == control);) count++;
    status =
        prl_experience_feedback(control ? prl_control_experience(a->control) : a->experience, decisions + row,
                                responses + row * width, present ? present + row * width : NULL,
                                events ? events + row : NULL, count, first ? NULL : error);
    if (!first) first = status;
  }
  return first;
}

/* Streams are finished one by one, so that a row would say nothing. */
static prl_status check_final(const prl_agent *a, uint64_t stream, const float *observation,
                              prl_error *error) {
  const prl_status status = prl_policy_check(a->policy, observation, 1, error);
  if (status != PRL_ENUMERIC) return status;
  const prl_env_spec *spec = prl_agent_spec(a);
  int32_t at = 0;
  while (at < spec->observations - 1 && isfinite(observation[at])) at++;
  return prl_fail(error, PRL_ENUMERIC, "final observation \"%s\" of stream %" PRIu64 " is %g",
                  spec->observation[at].name, stream, (double)observation[at]);
}

prl_status prl_agent_finish(prl_agent *a, uint64_t stream, prl_finish_reason reason,
                            const float *final_observation, prl_error *error) {
  prl_status status = PRL_GIVEN(error, "agent", a);
  if (!status) status = PRL_WITHIN(error, "reason", (int)reason, PRL_TERMINATED, PRL_TRUNCATED);
  if (!status && final_observation) status = check_final(a, stream, final_observation, error);
  if (status) return status;
  const bool control = a->control && prl_control_runs(a->control, stream);
  return prl_experience_finish(control ? prl_control_experience(a->control) : a->experience, stream,
                               reason == PRL_TERMINATED, final_observation, error);
}

int64_t prl_agent_finish_all(prl_agent *a, prl_finish_reason reason) {
  if (!a || PRL_WITHIN(NULL, "reason", (int)reason, PRL_TERMINATED, PRL_TRUNCATED)) return -1;
  const bool terminated = reason == PRL_TERMINATED;
  return prl_experience_finish_all(a->experience, terminated) +
         (a->control ? prl_experience_finish_all(prl_control_experience(a->control), terminated) : 0);
}

prl_status prl_agent_time(prl_agent *a, int64_t now_us, prl_error *error) {
  prl_status status = PRL_GIVEN(error, "agent", a);
  if (!status) status = prl_experience_time(a->experience, now_us, error);
  if (status || !a->control) return status;
  return prl_experience_time(prl_control_experience(a->control), now_us, error);
}

int64_t prl_agent_now(const prl_agent *a) { return a ? a->experience->n.now : 0; }

/* ---- learning ---- */

int64_t prl_agent_needs(const prl_agent *a) {
  if (a->failed) return 0;
  int64_t warmup = prl_learner_warmup_needs(a->learner);
  return warmup ? warmup : prl_schedule_needs(a->schedule);
}

/* A part of the warm-up, or a step of the schedule. *waiting: there are too few closed steps. */
static prl_status step(prl_agent *a, int64_t deadline_ns, bool *waiting, prl_error *error) {
  int64_t warmup = prl_learner_warmup_needs(a->learner);
  if (warmup) {
    *waiting = a->experience->n.closed < warmup;
    prl_status status = *waiting ? PRL_OK : prl_learner_warm_up(a->learner, error);
    if (!status && !prl_learner_warmup_needs(a->learner)) prl_agent_post(a);
    return status;
  }
  prl_turn turn = {.deadline_ns = deadline_ns};
  if (a->shadow && prl_shadow_step(a, deadline_ns)) return PRL_OK;
  prl_status status = prl_schedule_relieve(a->schedule, error);
  if (!status) status = prl_schedule_step(a->schedule, &turn, error);
  *waiting = turn.waiting;
  if (!turn.updated) return status;
  if (a->next)
    prl_agent_adopt(a);
  else
    status = prl_agent_judge(a, error);
  if (a->shadow) prl_shadow_begin(a);
  prl_agent_post(a); /* also what was adopted, or gone back to */
  return status;
}

static prl_status learn(prl_agent *a, int64_t deadline_ns, bool *waiting, prl_error *error) {
  prl_status status = PRL_OK;
  *waiting = false;
  while (!status && !*waiting) {
    status = step(a, deadline_ns, waiting, error);
    if (deadline_ns && !*waiting && prl_clock_ns() >= deadline_ns) break;
  }
  return status;
}

/* A rollback that waits for the end of the update has met it: what failed would be given up anyway. */
static void refuse_from_now_on(prl_agent *a, prl_status status, const prl_error *error) {
  a->failed = true;
  a->failure = *error;
  a->failure.status = status;
  if (!a->next || !a->next->restored) return;
  prl_agent_adopt(a);
  prl_agent_post(a);
}

prl_status prl_agent_learn(prl_agent *a, int64_t budget_us, prl_progress *progress, prl_error *error) {
  prl_status status = PRL_GIVEN(error, "agent", a);
  if (!status) status = PRL_WITHIN(error, "budget_us", budget_us, 0, INT64_MAX);
  if (status) return status;
  if (a->failed) return prl_fail(error, a->failure.status, "%s", a->failure.message);
  prl_error own = {PRL_OK, ""};
  bool waiting;
  int64_t deadline = budget_us ? prl_clock_deadline(budget_us) : 0;
  status = learn(a, deadline, &waiting, &own);
  if (status) {
    if (status == PRL_ENUMERIC) refuse_from_now_on(a, status, &own);
    return prl_fail(error, status, "%s", own.message);
  }
  if (progress)
    *progress = (prl_progress){.waiting = waiting,
                               .updates = prl_learner_updates(a->learner),
                               .steps = a->experience->n.decisions,
                               .version = (uint64_t)prl_policy_version(a->policy),
                               .verb = prl_schedule_verb(a->schedule)};
  return PRL_OK;
}

prl_refit_stage prl_agent_refit(const prl_agent *a, int64_t *updates) {
  if (updates) *updates = 0;
  return a ? prl_learner_refit(a->learner, updates) : PRL_REFIT_NONE;
}

int prl_agent_metrics(const prl_agent *a, const prl_metric **metrics) {
  const int count = a && metrics ? prl_learner_metrics(a->learner, metrics) : 0;
  return count && a->shadow ? prl_shadow_metrics(a->shadow, metrics, count) : count;
}

int prl_agent_meanings(const prl_agent *a, const prl_metric **metrics) {
  const int count = a && metrics ? prl_learner_meanings(a->learner, metrics) : 0;
  return count && a->shadow ? prl_shadow_meanings(a->shadow, metrics, count) : count;
}

/* ---- live options ---- */

static prl_status find_option(const prl_agent *a, const char *option, int *out, prl_error *error) {
  if (prl_live_find(a->live, option) < 0 && prl_path(prl_get(a->root, "recipe"), option))
    return prl_fail(error, PRL_EINVAL, "\"%s\" is structural: changing it needs a rebuild of the plan",
                    option);
  return prl_live_need(a->live, option, out, error);
}

prl_status prl_agent_set(prl_agent *a, const char *option, double value, prl_error *error) {
  int index = 0;
  prl_status status = PRL_GIVEN(error, "agent option", a, option);
  if (!status) status = find_option(a, option, &index, error);
  if (status) return status;
  const double old = prl_live_value(a->live, index, (double)a->experience->n.decisions);
  status = prl_live_set(a->live, index, value, error);
  if (!status && value != old && !strncmp(a->live->names[index], "objective.", 10))
    prl_experience_objective(a->experience);
  return status;
}

/* "objective.critics.NAME.scale": the divisor of a critic's rewards, which the warm-up may have found. */
static const double *find_scale(const prl_agent *a, const char *option) {
  static const char prefix[] = "objective.critics.", suffix[] = ".scale";
  if (strncmp(option, prefix, sizeof prefix - 1) != 0) return NULL;
  const char *name = option + sizeof prefix - 1;
  size_t length = strlen(name);
  if (length < sizeof suffix || strcmp(name + length - (sizeof suffix - 1), suffix) != 0) return NULL;
  return prl_learner_scale(a->learner, name, length - (sizeof suffix - 1));
}

prl_status prl_agent_get(const prl_agent *a, const char *option, double *value, prl_error *error) {
  prl_status status = PRL_GIVEN(error, "agent option value", a, option, value);
  if (status) return status;
  const double *scale = find_scale(a, option);
  if (scale) {
    *value = *scale;
    return PRL_OK;
  }
  int index = 0;
  status = find_option(a, option, &index, error);
  if (!status) *value = prl_live_value(a->live, index, (double)a->experience->n.decisions);
  return status;
}
