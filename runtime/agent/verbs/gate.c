/* The gate before an update. */
#include "agent/verbs/verb.h"
#include "core/read.h"

typedef struct collect {
  int64_t rows;
} collect;

static prl_status read(prl_verb_reader *r, void *fields, prl_error *error) {
  collect *c = fields; /* `whole` is of the experience (plan/shape.c) */
  return prl_read_int(r->map, r->where, "rows", true, 1, r->learner->shape->experience.rows, &c->rows, error);
}

static prl_status execute(prl_schedule *s, prl_verb *verb, prl_turn *turn, prl_error *error) {
  const collect *c = verb->fields;
  if (s->learner->source) return PRL_OK; /* a shadow's is executed when it was given rows */
  turn->waiting = s->learner->experience->n.closed < prl_shared_rows(s->learner, c->rows);
  if (turn->waiting) turn->next = verb->index;
  return PRL_OK;
}

static int64_t waits(const prl_schedule *s, const prl_verb *verb) {
  return prl_shared_rows(s->learner, ((const collect *)verb->fields)->rows);
}

const prl_verb_type prl_verb_collect = {
    .name = "collect",
    .keys = (const char *const[]){"rows", "whole", "paired", NULL},
    .fields_text = "rows, whole (bool), paired (bool)",
    .text = "a gate: waits until so many steps are closed. It never steps an env. If whole, steps close with "
            "their "
            "episode, when its last one does, and an update takes all that are closed; if paired, with the "
            "episode of "
            "the same number of its stream's partner",
    .fields_size = sizeof(collect),
    .flags = PRL_VERB_TOP | PRL_VERB_ONCE,
    .read = read,
    .execute = execute,
    .waits = waits,
};
