/* What an agent reports: numbers that gather within an update and come into force when it is published. */
#ifndef PRL_AGENT_LEARNER_METRICS_H
#define PRL_AGENT_LEARNER_METRICS_H

#include "agent/plan/sets.h"
#include "agent/plan/shape.h"
#include "perilune/agent.h"

typedef struct prl_gauge {
  double sum, count; /* of this update */
  double last;       /* of a program's last run */
  double value;      /* of the last published update; NaN: it had none */
} prl_gauge;

typedef struct prl_metrics {
  prl_runtime *runtime;
  const prl_value *titles; /* {kind = {title, text}} of the plan's algorithm; NULL: none */
  int count, capacity;
  prl_gauge *gauges;
  char **names;
  prl_metric *known; /* (count): name, title and text of each */
  prl_metric *list;  /* what was told last */
  /* Places of those that every agent has. */
  int lifts, lift_errors; /* of the first response, where there is a control group */
  int counters, responses, norms, length, advantage_mean, advantage_std;
} prl_metrics;

/* Fails: PRL_ENOMEM. */
prl_status prl_metrics_init(prl_metrics *metrics, prl_runtime *runtime, const prl_value *root,
                            const prl_shape *shape, const prl_sets *sets, prl_error *error);
void prl_metrics_deinit(prl_metrics *metrics);
prl_status prl_metrics_blocks(prl_metrics *metrics, prl_blocks *blocks, prl_error *error);
/* The place of prefix + name, which is made where there is none. Fails: PRL_ENOMEM. */
prl_status prl_metrics_add(prl_metrics *metrics, const char *prefix, const char *name, int *out,
                           prl_error *error);
static inline void prl_metrics_put(prl_metrics *metrics, int place, double value) {
  metrics->gauges[place].sum += value;
  metrics->gauges[place].count++;
}
void prl_metrics_clear(prl_metrics *metrics);   /* an update begins */
void prl_metrics_publish(prl_metrics *metrics); /* and ends */
/* Those that have a value, counters at their present values. counters: in the order of the table in
 * metrics.c.
 */
enum { PRL_METRICS_COUNTERS = 8 };
int prl_metrics_list(const prl_metrics *metrics, const int64_t counters[PRL_METRICS_COUNTERS],
                     const prl_metric **list);

#endif
