/* Constraints on what critics' rewards come to, by Lagrange multipliers: part of the learner (parts.h). */
#ifndef PRL_AGENT_LEARNER_CONSTRAINTS_H
#define PRL_AGENT_LEARNER_CONSTRAINTS_H

#include "agent/learner/learner.h"

typedef enum prl_constraint_unit { PRL_PER_STEP, PRL_PER_EPISODE, PRL_PER_DAY } prl_constraint_unit;

/* All that changes of a constraint, as numbers that a file holds. */
typedef struct prl_constraint_state {
  double multiplier;   /* λ, from 0 to `most` */
  double integral;     /* I, from 0 to `most` */
  double measured;     /* J: mean of the window, in units of the critic's reward */
  double violation;    /* v, of the last step of λ; > 0: it does not hold */
  double head, filled; /* of the window: whole numbers */
  double stuck;        /* updates in a row with λ at its bound and a violation that did not fall */
} prl_constraint_state;

typedef struct prl_constraint {
  const char *name;
  int critic;  /* its place */
  double sign; /* 1: at least; −1: at most */
  double bound, unit;
  prl_constraint_unit per;
  bool learned;
  prl_ref fixed;           /* the multiplier where it is not learned */
  double lr, most, kp, kd; /* of a learned one */
  int64_t window;          /* completed units */
  prl_constraint_state *state;
  double *values;        /* (window), a ring */
  double *day, *elapsed; /* (streams), with PRL_PER_DAY: sum and seconds of the day that runs */
  int metric_multiplier, metric_measured, metric_violation;
} prl_constraint;

/* `constraints` of the plan's document, which may be absent. Needs the critics. Fails: PRL_EFORMAT,
 * PRL_ENOMEM. */
prl_status prl_constraints_build(prl_learner *learner, prl_error *error);
void prl_constraints_free(prl_learner *learner);
prl_status prl_constraints_blocks(prl_learner *learner, prl_blocks *blocks, prl_error *error);
bool prl_constraints_restore(const prl_learner *learner);
void prl_constraints_take(prl_learner *to, const prl_learner *from); /* of the same name, critic and window */
/* What the plan's document lets the learner allocate. */
int64_t prl_constraints_bytes(const prl_shape *shape, const prl_value *root);

/* Puts the multipliers into force: the frozen weight of a critic becomes (w + Σ ± λ)/(1 + Σ λ) (Tessler et
 * al. 2019, eq. 6, normalised as in Stooke et al. 2020, section 5.1), + for `at_least`, − for `at_most`. */
void prl_constraints_apply(prl_learner *learner);
/* An episode ended: its sum of a critic's raw rewards. */
void prl_constraints_episode(prl_learner *learner, int critic, double sum);
/* The raw rewards of the frozen rows go into the windows, and learned multipliers make a step (Stooke et al.
 * 2020, algorithm 2, in which lr is K_I): v = sign · (bound − J)/unit,   I ← clip(I + lr · v, 0, most) λ =
 * clip(I + kp · v + kd · (v − v before), 0, most) none before a quarter of the window is full. */
void prl_constraints_step(prl_learner *learner);

#endif
