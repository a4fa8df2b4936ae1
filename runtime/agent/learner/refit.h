/* Refitting: after a swap, critics that were given another reward or discount learn while what acts waits.
 *
 * An actor that follows the advantages of a critic whose values are of the objective before is led by their
 * errors. While a refit runs, the optimizers of the sets by which the policy acts make no steps (a trunk that
 * it shares with critics waits with it); everything else of an update goes on. At the end of each update a
 * critic is done whose explained variance was above the plan's bound,
 *     1 − Var(R − V)/Var(R),                                                  (metric explained_variance)
 * of that update's rows, by the values before the update learned from them: rows that are held out. The refit
 * ends with its last critic, or after the plan's `updates`. */
#ifndef PRL_AGENT_LEARNER_REFIT_H
#define PRL_AGENT_LEARNER_REFIT_H

#include "agent/learner/learner.h"

typedef struct prl_refit {
  bool given;       /* the plan asks for it */
  double above;     /* the explained variance that a critic must exceed */
  int64_t most;     /* updates after which it ends all the same */
  int gauge;        /* metric refit: updates that it has lasted */
  int64_t *state;   /* (2): prl_refit_stage; updates that it has lasted. Saved */
  int64_t *waiting; /* (critics) 1: the critic is not done. Saved */
} prl_refit;

/* `refit` of the plan's document, where it has one. Fails: PRL_EFORMAT, PRL_ENOMEM. */
prl_status prl_refit_build(prl_learner *learner, prl_error *error);
void prl_refit_free(prl_learner *learner);
prl_status prl_refit_blocks(prl_learner *learner, prl_blocks *blocks, prl_error *error);
/* After the blocks were read, or taken: the optimizers are held or let go. False: they hold what cannot be.
 */
bool prl_refit_restore(prl_learner *learner);
/* In a swap: the critic is refitted, where the plan asks for it. False: it does not. */
bool prl_refit_begin(prl_learner *learner, int critic);
/* Whether the critic of that name is being refitted. */
bool prl_refit_waits(const prl_learner *learner, const char *critic);
/* At the end of an update, before its metrics are published. */
void prl_refit_look(prl_learner *learner);

#endif
