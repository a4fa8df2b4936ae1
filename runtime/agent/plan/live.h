/* Live options: numbers that may change while the agent runs, and scalars, their values over env steps. What
 * an update reads is frozen when it begins. */
#ifndef PRL_AGENT_PLAN_LIVE_H
#define PRL_AGENT_PLAN_LIVE_H

#include "agent/plan/migration.h"
#include "objective/expression.h"
#include "rl/blocks.h"

typedef enum prl_scalar_kind {
  PRL_SCALAR_NUMBER,
  PRL_SCALAR_LINEAR,
  PRL_SCALAR_COSINE,
  PRL_SCALAR_WARMUP,
  PRL_SCALAR_PIECEWISE,
  PRL_SCALAR_EXPRESSION
} prl_scalar_kind;

typedef struct prl_scalar {
  prl_scalar_kind kind;
  double from, to, over;   /* a number is stored in `to` */
  const prl_value *points; /* of the plan's document */
  prl_expression *expression;
} prl_scalar;

typedef struct prl_live {
  prl_runtime *runtime;
  int count;
  const char **names;          /* of the plan's document */
  const prl_value **documents; /* of the scalars, in the plan's document */
  prl_scalar *scalars;
  double *low, *high;
  double *given;  /* (count) set by prl_agent_set; NaN: the scalar holds */
  double *frozen; /* (count) in force in the update that runs */
  double origin;  /* the env step from which scalars count; 0: the first */
} prl_live;

/* A number, or a live option by its place. */
typedef struct prl_ref {
  int live; /* −1: number */
  double number;
} prl_ref;

/* `live` of the plan's document, which must outlive the result. Fails: PRL_EFORMAT, PRL_ENOMEM. */
prl_status prl_live_new(prl_runtime *runtime, const prl_value *map, prl_live **out, prl_error *error);
void prl_live_free(prl_live *live);
/* `schedules_from` of the plan's document, where it has one: the origin. Fails: PRL_EFORMAT. */
prl_status prl_live_begin(prl_live *live, const prl_value *root, prl_error *error);
/* In a swap at that step: scalars of `to` go on where those of `from` are, or start again; the document of
 * `to` says so from now on. Fails: PRL_EINVAL (neither is said, and it makes a difference), PRL_ENOMEM. */
prl_status prl_live_continue(prl_live *to, const prl_live *from, double step, prl_schedules schedules,
                             prl_doc *document, prl_error *error);
/* Whether a swap to the same plan would change a number: one was set, or schedules are to start again. */
bool prl_live_moved(const prl_live *live, prl_schedules schedules);
prl_status prl_live_blocks(prl_live *live, prl_blocks *blocks, prl_error *error);
int prl_live_find(const prl_live *live, const char *name); /* −1: none */
/* Fails: PRL_ENAME with the nearest name. */
prl_status prl_live_need(const prl_live *live, const char *name, int *out, prl_error *error);
/* From the next freeze on. Fails: PRL_EINVAL (outside of its bounds, or not finite). */
prl_status prl_live_set(prl_live *live, int index, double value, prl_error *error);
double prl_live_value(const prl_live *live, int index, double step); /* in force at that env step */
void prl_live_freeze(prl_live *live, double step);
/* Notes what becomes of schedules, and of options that were set by hand, where `to` takes the place of `from`
 * at that step: schedules are where prl_live_continue has put them, and the new plan's numbers hold. */
void prl_live_note(const prl_live *to, const prl_live *from, double step, prl_migration *migration);
/* The reference at map[key]; fallback where it is absent. Fails: PRL_EFORMAT. */
prl_status prl_live_ref(const prl_live *live, const prl_value *map, const char *where, const char *key,
                        double fallback, prl_ref *out, prl_error *error);
static inline double prl_ref_value(const prl_live *live, prl_ref ref) {
  return ref.live < 0 ? ref.number : live->frozen[ref.live];
}

#endif
