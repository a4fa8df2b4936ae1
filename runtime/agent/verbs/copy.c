/* One parameter set into another: targets. */
#include <string.h>

#include "agent/verbs/verb.h"
#include "core/read.h"

typedef struct copy_fields {
  prl_params *to;
  const prl_params *from;
  prl_ref tau;
} copy_fields;

prl_status prl_verb_set(const prl_verb_reader *r, const char *key, prl_params **out, prl_error *error) {
  const char *name;
  prl_status status = prl_read_string(r->map, r->where, key, &name, error);
  if (status) return status;
  int found = prl_sets_find(r->learner->sets, name, strlen(name));
  if (found < 0) return prl_fail(error, PRL_EFORMAT, "plan: schedule: there is no set \"%s\"", name);
  *out = r->learner->sets->items[found];
  return PRL_OK;
}

static prl_status read(prl_verb_reader *r, void *fields, prl_error *error) {
  copy_fields *f = fields;
  prl_status status = prl_verb_set(r, "to", &f->to, error);
  if (!status) status = prl_verb_set(r, "from", (prl_params **)&f->from, error);
  if (!status) status = prl_live_ref(r->learner->live, r->map, r->where, "tau", 1, &f->tau, error);
  if (status || f->to->size == f->from->size) return status;
  return prl_fail(error, PRL_EFORMAT, "plan: schedule: copy between sets of different shapes");
}

static prl_status execute(prl_schedule *s, prl_verb *verb, prl_turn *turn, prl_error *error) {
  const copy_fields *f = verb->fields;
  prl_params_blend(f->to, f->from, (float)prl_ref_value(s->learner->live, f->tau));
  return PRL_OK;
}

const prl_verb_type prl_verb_copy = {
    .name = "copy",
    .keys = (const char *const[]){"to", "from", "tau", NULL},
    .fields_text = "to, from, tau (reference)",
    .text = "parameters of one set into another: to ← τ from + (1 − τ) to",
    .fields_size = sizeof(copy_fields),
    .read = read,
    .execute = execute,
};
