/* Runs a program on the minibatch. */
#include "agent/verbs/verb.h"
#include "core/nearest.h"
#include "core/read.h"

typedef struct run_fields {
  prl_learner_program *program;
} run_fields;

static prl_status unknown_program(const prl_learner *l, const char *name, prl_error *error) {
  prl_nearest nearest = prl_nearest_begin(name);
  for (int i = 0; i < l->programs_count; i++) prl_nearest_offer(&nearest, l->programs[i].routine.name);
  return prl_fail(error, PRL_EFORMAT, "plan: schedule: there is no program \"%s\" to learn with%s", name,
                  prl_nearest_hint(&nearest));
}

static prl_status read_run(prl_verb_reader *r, void *fields, prl_error *error) {
  const char *name;
  prl_status status = prl_read_string(r->map, r->where, "program", &name, error);
  if (status) return status;
  int found = prl_program_find(r->learner, name);
  if (found < 0) return unknown_program(r->learner, name, error);
  ((run_fields *)fields)->program = &r->learner->programs[found];
  const prl_learner_program *program = &r->learner->programs[found];
  r->needs = program->routine.needs | (program->priority ? PRL_MADE_DRAW : 0);
  if (program->priority && !(r->learner->shape->priority > 0))
    return prl_fail(
        error, PRL_EFORMAT,
        "plan: schedule: program \"%s\" gives priorities, but no sample has a priority to draw by", name);
  return PRL_OK;
}

/* What the program says of the rows that it saw goes to them in the memory. They are still there: rows are
 * remembered once an update, and drawn after that. */
static prl_status prioritise(prl_learner *l, const prl_learner_program *p, prl_minibatch batch,
                             prl_error *error) {
  const float *value = p->priority->data;
  if (!l->kernels->finite(batch.rows, value))
    return prl_fail(error, PRL_ENUMERIC, "program \"%s\": a priority is not finite", p->routine.name);
  for (int64_t i = 0; i < batch.rows; i++) {
    const int64_t row = batch.order ? batch.order[batch.first + i] : batch.first + i;
    prl_replay_prioritise(l->memory, l->stretch.place[row], (double)value[i]);
  }
  return PRL_OK;
}

/* Fills the inputs once, then runs the program, over several calls where the deadline comes first. */
static prl_status run(prl_schedule *s, prl_verb *verb, prl_turn *turn, prl_error *error) {
  prl_learner_program *p = ((run_fields *)verb->fields)->program;
  prl_program *program = p->routine.program;
  prl_minibatch batch = prl_minibatch_of(s, verb);
  if (batch.rows < 1) return PRL_OK;
  if (!s->filled) {
    prl_status status = prl_program_rows(program, batch.rows, error);
    if (status) return status;
    prl_routine_fill(&p->routine, batch.order, batch.first, batch.rows);
    s->filled = true;
  }
  bool done = true;
  prl_error why = {PRL_OK, ""};
  prl_status status = prl_program_run(program, turn->deadline_ns, &done, &why);
  if (status) return prl_fail(error, status, "program \"%s\": %s", p->routine.name, why.message);
  if (!done) {
    turn->next = verb->index;
    return PRL_OK;
  }
  prl_program_report(s->learner, p);
  s->filled = false;
  return p->priority ? prioritise(s->learner, p, batch, error) : PRL_OK;
}

const prl_verb_type prl_verb_run = {
    .name = "run",
    .keys = (const char *const[]){"program", NULL},
    .fields_text = "program",
    .text = "fills the inputs from the current minibatch (all frozen rows outside minibatches) and runs; an "
            "output "
            "`priority` (rows) goes to the drawn rows in the memory",
    .fields_size = sizeof(run_fields),
    .needs = PRL_MADE_ROWS,
    .read = read_run,
    .execute = run,
};
