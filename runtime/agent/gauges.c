#include <math.h>
#include <string.h>

#include "agent/agent.h"

enum { COUNTERS = 8 };
static const char *const counter_names[COUNTERS] = {"steps",         "updates",       "version",
                                                    "dropped_steps", "late_feedback", "duplicate_feedback",
                                                    "stale_steps",   "idle_streams"};

static prl_status grow(prl_agent *a, prl_error *error) {
  int capacity = a->gauges_capacity ? 2 * a->gauges_capacity : 32;
  size_t size = (size_t)capacity * sizeof *a->gauges;
  prl_gauge *gauges = prl_realloc(a->runtime, a->gauges, size);
  if (!gauges) return prl_fail_memory(error, size);
  a->gauges = gauges;
  char **names = prl_realloc(a->runtime, a->gauge_names, (size_t)capacity * sizeof *names);
  if (!names) return prl_fail_memory(error, (size_t)capacity * sizeof *names);
  a->gauge_names = names;
  a->gauges_capacity = capacity;
  return PRL_OK;
}

prl_status prl_gauge_add(prl_agent *a, const char *prefix, const char *name, int *out, prl_error *error) {
  size_t front = strlen(prefix), back = strlen(name);
  for (int i = 0; i < a->gauges_count; i++) {
    const char *have = a->gauge_names[i];
    if (!strncmp(have, prefix, front) && !strcmp(have + front, name)) {
      *out = i;
      return PRL_OK;
    }
  }
  prl_status status = a->gauges_count == a->gauges_capacity ? grow(a, error) : PRL_OK;
  if (status) return status;
  char *text = prl_alloc(a->runtime, front + back + 1);
  if (!text) return prl_fail_memory(error, front + back + 1);
  memcpy(text, prefix, front);
  memcpy(text + front, name, back + 1);
  *out = a->gauges_count++;
  a->gauges[*out] = (prl_gauge){.value = NAN, .last = NAN};
  a->gauge_names[*out] = text;
  return PRL_OK;
}

prl_status prl_gauges_build(prl_agent *a, prl_error *error) {
  prl_status status = PRL_OK;
  int index;
  for (int i = 0; !status && i < COUNTERS; i++) {
    status = prl_gauge_add(a, "", counter_names[i], &index, error);
    if (i == 0) a->gauge_counters = index;
  }
  for (int i = 0; !status && i < a->responses; i++) {
    status = prl_gauge_add(a, "response/", a->response_names[i], &index, error);
    if (i == 0) a->gauge_responses = index;
  }
  for (int i = 0; !status && i < a->optims_count; i++) {
    status = prl_gauge_add(a, "grad_norm/", a->optims[i]->params->name, &index, error);
    if (i == 0) a->gauge_norms = index;
  }
  if (!status) status = prl_gauge_add(a, "", "episode_length", &a->gauge_length, error);
  if (!status) status = prl_gauge_add(a, "", "advantage_mean", &a->gauge_advantage_mean, error);
  if (!status) status = prl_gauge_add(a, "", "advantage_std", &a->gauge_advantage_std, error);
  return status;
}

void prl_gauges_free(prl_agent *a) {
  for (int i = 0; i < a->gauges_count; i++) prl_free(a->runtime, a->gauge_names[i]);
  prl_free(a->runtime, a->gauges);
  prl_free(a->runtime, a->gauge_names);
  prl_free(a->runtime, a->metrics);
}

void prl_gauges_clear(prl_agent *a) {
  for (int i = 0; i < a->gauges_count; i++) a->gauges[i].sum = a->gauges[i].count = 0;
}

/* What did not happen in this update (no episode ended, say) has no value. */
void prl_gauges_publish(prl_agent *a) {
  for (int i = 0; i < a->gauges_count; i++) {
    prl_gauge *g = &a->gauges[i];
    g->value = g->count > 0 ? g->sum / g->count : NAN;
  }
}

int prl_agent_metrics(const prl_agent *a, const prl_metric **metrics) {
  const prl_experience_counts *n = &a->experience->n;
  const int64_t counters[COUNTERS] = {n->decisions,     a->n.updates,     a->n.version,
                                      n->dropped_steps, n->late_feedback, n->duplicate_feedback,
                                      n->stale_steps,   n->idle_streams};
  int count = 0;
  for (int i = 0; i < a->gauges_count; i++) {
    int counter = i - a->gauge_counters;
    double value = counter >= 0 && counter < COUNTERS ? (double)counters[counter] : a->gauges[i].value;
    if (!isnan(value)) a->metrics[count++] = (prl_metric){.name = a->gauge_names[i], .value = value};
  }
  *metrics = a->metrics;
  return count;
}
