/* The novelty of what the steps of a batch arrived at, as the reward of a critic beside those of the
 * objective (Burda et al. 2018, "Exploration by Random Network Distillation"): part of the learner (parts.h).
 */
#ifndef PRL_AGENT_LEARNER_NOVELTY_H
#define PRL_AGENT_LEARNER_NOVELTY_H

#include "agent/learner/learner.h"
#include "agent/plan/binder.h"
#include "rl/normaliser.h"

struct prl_critic;

typedef struct prl_novelty {
  struct prl_critic *critic; /* the last one, and none of the objective's */
  int64_t width;             /* observations that it looks at */
  int32_t *column;           /* (width): their places */
  bool own;                  /* their statistics are its own: the policy normalises no observations */
  prl_normaliser inputs;     /* those statistics, or none; and the clip */
  prl_normaliser returns;    /* of the discounted sums of novelty: of width 1 */
  double *sum;               /* (streams): of each stream, over the ends of its episodes */
  float *arrival;            /* (batch, width): where each row arrived, normalised: what programs read */
  int32_t *onward;     /* (batch): as the batch's successors, but the first row of the next episode where one
                        * ended; where that is not in the batch, its final observation */
  prl_routine routine; /* program "novelty" */
  const prl_tensor *novelty; /* its output (rows) */
  int metric, metric_scale;
} prl_novelty;

/* `novelty` of the plan's document, {critic, observes = names, clip}, which may be absent: *learner->novelty
 * stays NULL then. Needs the critics. Fails: PRL_EFORMAT, PRL_ENOMEM. */
prl_status prl_novelty_build(prl_learner *learner, prl_error *error);
void prl_novelty_free(prl_learner *learner);
prl_status prl_novelty_blocks(prl_learner *learner, prl_blocks *blocks, prl_error *error);
bool prl_novelty_restore(const prl_learner *learner);
/* Where both look at the same observations: their statistics; the streams' sums. */
void prl_novelty_take(prl_learner *to, const prl_learner *from, prl_migration *migration);
void prl_novelty_continue(prl_learner *to, const prl_learner *from);
/* What the plan's document lets the learner allocate. */
int64_t prl_novelty_bytes(const prl_shape *shape, const prl_value *root);
/* Whether the rewards of the critic of this name are novelty, by the plan's document. */
bool prl_novelty_is_of(const prl_value *root, const char *critic);

/* Of the frozen rows: arrivals, of which the statistics learn first; and what goes on over ends. */
void prl_novelty_arrive(prl_learner *learner);
/* Program "novelty" over these rows. Fails: PRL_ENUMERIC. */
prl_status prl_novelty_tile(prl_learner *learner, int64_t first, int64_t rows, prl_error *error);
/* Divides the novelty of all rows by the running deviation of its discounted sums, which learns of them
 * first: sum ← gamma · sum + novelty, by stream and over the ends of episodes. */
void prl_novelty_scale(prl_learner *learner);

#endif
