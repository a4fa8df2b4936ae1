/* Rows that are not learned from, since an older policy acted them, are part of what people lived through:
 * what is compared or constrained counts them, or long episodes, which meet a new policy more often, would be
 * missing. */
#include "agent/learner/parts.h"

/* A row of the pool as a batch of one. */
typedef struct single {
  int32_t stream, end;
  uint32_t step;
  float elapsed, arm;
  int64_t time;
  uint64_t key;
} single;

static prl_batch batch_of(const prl_experience *e, int64_t place, single *s) {
  const prl_row *row = &e->rows[place];
  *s = (single){row->stream,
                row->end,
                row->step,
                row->elapsed,
                (float)row->arm,
                row->time,
                e->options.dated ? e->key[place] : 0};
  return (prl_batch){.rows = 1,
                     .response = e->response + place * e->options.responses,
                     .stream = &s->stream,
                     .step = &s->step,
                     .end = &s->end,
                     .elapsed = &s->elapsed,
                     .time = &s->time,
                     .key = &s->key,
                     .arm = &s->arm};
}

static void count(void *context, int64_t place) {
  prl_learner *l = context;
  single kept;
  const prl_batch one = batch_of(l->experience, place, &kept);
  if (l->control) {
    prl_control_count_own(l->control, &one, l->experience);
    prl_control_enter_own(l->control, &one, l->experience);
  }
  prl_constraints_stale(l, &one);
}

void prl_stale_ask(prl_learner *l) {
  l->experience->stale = count;
  l->experience->stale_context = l;
}
