/* The metrics of an agent, their titles, and the sentences that say what they mean. */
#include "agent/learner/metrics.h"

#include <math.h>
#include <string.h>

static const char *const counter_names[PRL_METRICS_COUNTERS] = {
    "steps",       "updates",     "version", "dropped_steps", "late_feedback", "duplicate_feedback",
    "stale_steps", "idle_streams"};

/* A metric's kind is its name up to a "/": the rest is a critic, a response or a parameter set. An algorithm
 * says the same of what its programs report. */
static const struct {
  const char *kind, *title, *text;
} kinds[] = {
    {"steps", "Steps", "Decisions recorded since the agent began."},
    {"updates", "Updates", "Finished since the agent began."},
    {"version", "Policy version", "Grows with each policy that is published."},
    {"dropped_steps", "Dropped steps", "Decisions that found no place to be recorded."},
    {"late_feedback", "Late feedback", "Reports for steps that were learned from already."},
    {"duplicate_feedback", "Duplicate feedback", "Reports whose event id had come before."},
    {"stale_steps", "Stale steps", "Acted under an older policy, and so not learned from."},
    {"idle_streams", "Idle streams", "Episodes that were truncated after inactivity."},
    {"response", "Response", "Mean of a step."},
    {"grad_norm", "Gradient norm", "Before clipping."},
    {"episode_length", "Episode length", "Steps of the episodes that ended in training."},
    {"episodic_return", "Episodic return", "Sum of a critic's unscaled reward over the episodes that ended."},
    {"advantage_mean", "Advantage, mean", "Of the weighted sum, before it is normalised."},
    {"advantage_std", "Advantage, deviation", "Of the weighted sum, before it is normalised."},
    {"explained_variance", "Explained variance",
     "Share of the returns' variance that a critic predicts; 1 is all."},
    {"signal_share", "Share of the actor's signal",
     "Share of the weighted advantages' variance that comes from a critic."},
    {"multiplier", "Multiplier", "λ of a constraint: what a unit of its critic is worth to the actor."},
    {"constrained", "Constrained",
     "What a constraint is on: mean over its window, in units of its critic's reward."},
    {"violation", "Violation",
     "By how much a constraint does not hold, in units of its bound; 0 or less: it holds."},
    {"reference", "Reference", "What the control group comes to, to which a constraint's bound is relative."},
    {"lift", "Lift over the control group",
     "Mean of a response under the policy that learns, over that of the control group at the same time, less "
     "1."},
    {"lift_error", "Lift, interval", "Half of the 95 % interval of a lift."},
    {"guard", "Guard",
     "Lift of a guarded response since the swap: users who came after it, each by its first days, over those "
     "of the control group."},
    {"guard_low", "Guard, lowest", "Lower end of the confidence sequence of a guarded lift."},
    {"guard_high", "Guard, highest", "Upper end of the confidence sequence of a guarded lift."},
    {"ramp_share", "Share of the ramp", "Share of the users whom the policy that was swapped in serves."},
    {"guard_users", "Guard, users",
     "Users who came after the swap and whose days are over: of the policy, of the baseline."},
    {"ess", "Effective sample size",
     "Of the rows that a shadow learned from last, as a share of them: (Σw)²/(n Σw²), w = min(π/μ, 1) of its "
     "policy over what acted."},
    {"overlap", "Overlap with what acted",
     "Mean of the same weights: 1 less how far a shadow's policy is from what acted, as a share of the "
     "probability (total variation)."},
    {"lag", "Lag", "Policy versions from acting to learning, where that is corrected: mean of the rows."},
    {"objective_share", "Rows of this objective",
     "Share of the rows of an update that were acted under the objective in force, once it was changed: of "
     "rows that "
     "are kept, or corrected for what acted."},
    {"clip_rate", "Clip rate",
     "Share of rows whose ratio π/μ is above a bound of the correction, ρ̄ (rho) or c̄ (c)."},
    {"novelty", "Novelty", "Of the states that steps arrived at, before it is divided: mean of the rows."},
    {"novelty_scale", "Novelty, scale",
     "What it is divided by: the running deviation of its discounted sums."},
    {"continuation", "Continuation",
     "How likely the model of continuation says that steps went on: mean of the rows."},
    {"continuation_bias", "Continuation, bias", "By how much that is above the share of steps that went on."},
    {"continuation_variance", "Continuation, explained variance",
     "Share of the variance of who went on that the model says before it learns from it. Near 1 it sees what "
     "happens "
     "after the end, and takes no luck out."},
    {"refit", "Refit",
     "Updates for which the actor has waited, since a swap gave critics another reward or discount; none: it "
     "does not wait."},
    {"perturbation", "Perturbation", "Of the parameters that act: its root mean square."},
    {"discount", "Discount of a step", "Of a critic that discounts by time: mean of gamma^(Δt / per)."},
};

static void explain(const prl_metrics *m, prl_metric *metric) {
  const size_t length = strcspn(metric->name, "/");
  metric->title = metric->text = "";
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (strncmp(kinds[i].kind, metric->name, length) || kinds[i].kind[length]) continue;
    metric->title = kinds[i].title;
    metric->text = kinds[i].text;
    return;
  }
  for (int64_t i = 0; m->titles && m->titles->kind == PRL_MAP && i < prl_count(m->titles); i++) {
    const char *kind;
    const prl_value *said;
    prl_pair(m->titles, i, &kind, &said);
    if (strncmp(kind, metric->name, length) || kind[length]) continue;
    metric->title = prl_get_string(said, "title", "");
    metric->text = prl_get_string(said, "text", "");
  }
}

/* One of the lists with room for `capacity` entries. */
static bool resize(prl_metrics *m, void **list, int capacity, size_t size) {
  void *grown = prl_realloc(m->runtime, *list, (size_t)capacity * size);
  if (grown) *list = grown;
  return grown != NULL;
}

static prl_status grow(prl_metrics *m, prl_error *error) {
  int capacity = m->capacity ? 2 * m->capacity : 32;
  if (!resize(m, (void **)&m->gauges, capacity, sizeof *m->gauges) ||
      !resize(m, (void **)&m->names, capacity, sizeof *m->names) ||
      !resize(m, (void **)&m->known, capacity, sizeof *m->known) ||
      !resize(m, (void **)&m->list, capacity, sizeof *m->list))
    return prl_fail_memory(error, (size_t)capacity * sizeof *m->gauges);
  m->capacity = capacity;
  return PRL_OK;
}

prl_status prl_metrics_add(prl_metrics *m, const char *prefix, const char *name, int *out, prl_error *error) {
  size_t front = strlen(prefix), back = strlen(name);
  for (int i = 0; i < m->count; i++) {
    const char *have = m->names[i];
    if (!strncmp(have, prefix, front) && !strcmp(have + front, name)) {
      *out = i;
      return PRL_OK;
    }
  }
  prl_status status = m->count == m->capacity ? grow(m, error) : PRL_OK;
  if (status) return status;
  char *text = prl_alloc(m->runtime, front + back + 1);
  if (!text) return prl_fail_memory(error, front + back + 1);
  memcpy(text, prefix, front);
  memcpy(text + front, name, back + 1);
  *out = m->count++;
  m->gauges[*out] = (prl_gauge){.value = NAN, .last = NAN};
  m->names[*out] = text;
  m->known[*out] = (prl_metric){.name = text, .value = NAN};
  explain(m, &m->known[*out]);
  return PRL_OK;
}

/* Adds prefix + each of the names, one after the other; *first: the place of the first. */
static prl_status add_all(prl_metrics *m, const char *prefix, const char *const *names, int count, int *first,
                          prl_error *error) {
  prl_status status = PRL_OK;
  int place;
  for (int i = 0; !status && i < count; i++) {
    status = prl_metrics_add(m, prefix, names[i], &place, error);
    if (i == 0) *first = place;
  }
  return status;
}

prl_status prl_metrics_init(prl_metrics *m, prl_runtime *runtime, const prl_value *root,
                            const prl_shape *shape, const prl_sets *sets, prl_error *error) {
  *m = (prl_metrics){.runtime = runtime, .titles = prl_get(root, "metrics")};
  prl_status status = add_all(m, "", counter_names, PRL_METRICS_COUNTERS, &m->counters, error);
  if (!status)
    status = add_all(m, "response/", shape->response_names, shape->spec.responses, &m->responses, error);
  if (!status && prl_get(root, "control")) {
    status = add_all(m, "lift/", shape->response_names, shape->spec.responses, &m->lifts, error);
    if (!status)
      status =
          add_all(m, "lift_error/", shape->response_names, shape->spec.responses, &m->lift_errors, error);
  }
  for (int i = 0, place; !status && i < sets->optims_count; i++) {
    status = prl_metrics_add(m, "grad_norm/", sets->optims[i]->params->name, &place, error);
    if (i == 0) m->norms = place;
  }
  if (!status) status = prl_metrics_add(m, "", "episode_length", &m->length, error);
  if (!status) status = prl_metrics_add(m, "", "advantage_mean", &m->advantage_mean, error);
  if (!status) status = prl_metrics_add(m, "", "advantage_std", &m->advantage_std, error);
  return status;
}

void prl_metrics_deinit(prl_metrics *m) {
  for (int i = 0; i < m->count; i++) prl_free(m->runtime, m->names[i]);
  prl_free(m->runtime, m->gauges);
  prl_free(m->runtime, m->names);
  prl_free(m->runtime, m->known);
  prl_free(m->runtime, m->list);
}

prl_status prl_metrics_blocks(prl_metrics *m, prl_blocks *blocks, prl_error *error) {
  return prl_blocks_add(blocks, "metrics", PRL_F64, m->count * (int64_t)(sizeof *m->gauges / sizeof(double)),
                        m->gauges, error);
}

void prl_metrics_clear(prl_metrics *m) {
  for (int i = 0; i < m->count; i++) m->gauges[i].sum = m->gauges[i].count = 0;
}

/* What did not happen in this update (no episode ended, say) has no value. */
void prl_metrics_publish(prl_metrics *m) {
  for (int i = 0; i < m->count; i++) {
    prl_gauge *g = &m->gauges[i];
    g->value = g->count > 0 ? g->sum / g->count : NAN;
  }
}

int prl_metrics_list(const prl_metrics *m, const int64_t counters[PRL_METRICS_COUNTERS],
                     const prl_metric **list) {
  int count = 0;
  for (int i = 0; i < m->count; i++) {
    int counter = i - m->counters;
    bool counts = counter >= 0 && counter < PRL_METRICS_COUNTERS;
    double value = counts ? (double)counters[counter] : m->gauges[i].value;
    if (isnan(value)) continue;
    m->list[count] = m->known[i];
    m->list[count++].value = value;
  }
  *list = m->list;
  return count;
}
