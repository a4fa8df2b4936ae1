/* Constraints on what critics' rewards come to, by Lagrange multipliers: part of the learner (parts.h). */
#ifndef PRL_AGENT_LEARNER_CONSTRAINTS_H
#define PRL_AGENT_LEARNER_CONSTRAINTS_H

#include "agent/learner/learner.h"
#include "rl/units.h"

/* The values of the last units. */
typedef struct prl_window {
  prl_units units;     /* of the critic's raw reward */
  double *values;      /* (window), a ring */
  double head, filled; /* whole numbers */
} prl_window;

/* All that changes of a constraint, as numbers that a file holds. */
typedef struct prl_constraint_state {
  double multiplier; /* λ, from 0 to `most` */
  double integral;   /* I, from 0 to `most` */
  double measured;   /* J: mean of the window, in units of the critic's reward */
  double reference;  /* the same of the control group, where the bound is relative to it */
  double violation;  /* v, of the last step of λ; > 0: it does not hold */
  double stuck;      /* updates in a row with λ at its bound and a violation that did not fall */
} prl_constraint_state;

typedef struct prl_constraint {
  const char *name;
  int critic;    /* its place */
  double sign;   /* 1: at least; −1: at most */
  bool relative; /* the bound is a share of the control group's mean: J0 + bound · |J0| */
  double bound, unit;
  prl_per per;
  bool learned;
  prl_ref fixed;           /* the multiplier where it is not learned */
  double lr, most, kp, kd; /* of a learned one */
  int64_t window;          /* completed units */
  prl_constraint_state *state;
  prl_window own, control; /* control: where the bound is relative */
  int metric_multiplier, metric_measured, metric_violation, metric_reference;
} prl_constraint;

/* `constraints` of the plan's document, which may be absent. Needs the critics. Fails: PRL_EFORMAT,
 * PRL_ENOMEM. */
prl_status prl_constraints_build(prl_learner *learner, prl_error *error);
void prl_constraints_free(prl_learner *learner);
prl_status prl_constraints_blocks(prl_learner *learner, prl_blocks *blocks, prl_error *error);
bool prl_constraints_restore(const prl_learner *learner);
/* Of the same name, critic and window. */
void prl_constraints_take(prl_learner *to, const prl_learner *from, prl_migration *migration);
/* What the plan's document lets the learner allocate. */
int64_t prl_constraints_bytes(const prl_shape *shape, const prl_value *root);

/* Puts the multipliers into force: the frozen weight of a critic becomes (w + Σ ± λ)/(1 + Σ λ) (Tessler et
 * al. 2019, eq. 6, normalised as in Stooke et al. 2020, section 5.1), + for `at_least`, − for `at_most`. */
void prl_constraints_apply(prl_learner *learner);
/* The raw rewards of the control group's rows of an update that begins go into the windows of constraints
 * that are relative to it. Fails: PRL_ENUMERIC (one that is not finite). */
prl_status prl_constraints_refer(prl_learner *learner, prl_error *error);
/* The raw rewards of the frozen rows go into the windows, and learned multipliers make a step (Stooke et al.
 * 2020, algorithm 2, in which lr is K_I), with b the bound and u its unit, |J0| and b = J0 + bound · |J0|
 * where it is relative: v = sign · (b − J)/u, I ← clip(I + lr · v, 0, most), λ = clip(I + kp · v + kd · (v −
 * v before), 0, most); none before a quarter of each window is full, nor where u is 0. */
void prl_constraints_step(prl_learner *learner);

/* A row that is not learned from goes into the windows, too. Of one whose reward is not finite nothing is
 * known. */
void prl_constraints_stale(prl_learner *learner, const prl_batch *one);

#endif
