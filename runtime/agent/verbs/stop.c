/* Ends the loops around it when a metric of a program passes its bound. */
#include <math.h>
#include <string.h>

#include "agent/verbs/verb.h"
#include "core/nearest.h"
#include "core/read.h"

typedef struct stop_fields {
  int gauge;
  prl_ref above;
} stop_fields;

prl_status prl_verb_metric(const prl_verb_reader *r, const char *key, int *gauge, prl_error *error) {
  const prl_learner *l = r->learner;
  const char *name;
  prl_status status = prl_read_string(r->map, r->where, key, &name, error);
  if (status) return status;
  prl_nearest nearest = prl_nearest_begin(name);
  for (int p = 0; p < l->programs_count; p++)
    for (int i = 0; i < l->programs[p].reports_count; i++) {
      *gauge = l->programs[p].reports[i].gauge;
      if (!strcmp(l->metrics.names[*gauge], name)) return PRL_OK;
      prl_nearest_offer(&nearest, l->metrics.names[*gauge]);
    }
  return prl_fail(error, PRL_EFORMAT, "plan: %s: no program reports \"%s\"%s", r->where, name,
                  prl_nearest_hint(&nearest));
}

static prl_status read(prl_verb_reader *r, void *fields, prl_error *error) {
  stop_fields *f = fields;
  prl_status status = prl_verb_metric(r, "metric", &f->gauge, error);
  return status ? status
                : prl_live_ref(r->learner->live, r->map, r->where, "above", INFINITY, &f->above, error);
}

static prl_status execute(prl_schedule *s, prl_verb *verb, prl_turn *turn, prl_error *error) {
  const stop_fields *f = verb->fields;
  const prl_learner *l = s->learner;
  bool above = l->metrics.gauges[f->gauge].last > prl_ref_value(l->live, f->above);
  if (above && verb->outermost >= 0) turn->next = s->verbs[verb->outermost].end + 1;
  return PRL_OK;
}

const prl_verb_type prl_verb_stop = {
    .name = "stop",
    .keys = (const char *const[]){"metric", "above", NULL},
    .fields_text = "metric, above (reference)",
    .text = "after a run: ends every enclosing loop when the metric's last value exceeds the bound",
    .fields_size = sizeof(stop_fields),
    .read = read,
    .execute = execute,
};
