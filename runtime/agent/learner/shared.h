/* What the learners of several workers share: parameters and optimizers, the statistics of observations and
 * of returns, and counts. Part of the learner (parts.h).
 *
 * Asynchronous advantage actor-critic (Mnih et al. 2016, algorithm S3): each worker has a copy of the
 * parameters. It acts and computes its gradients by the copy; a step of an optimizer is a push: the gradient
 * goes to the shared parameters, which step by the shared statistics, and the copy becomes what they are
 * then. One lock guards all of it, so that no step is lost and a copy is whole.
 *
 * A worker with a share s of the instances (their number over that of all) makes s of a recipe's update: its
 * gate opens at s of the rows, its step size and the decay of its statistics of returns are s of those of the
 * recipe. So numbers of a recipe are of the whole run, whatever the number of workers. */
#ifndef PRL_AGENT_LEARNER_SHARED_H
#define PRL_AGENT_LEARNER_SHARED_H

#include "agent/learner/learner.h"
#include "rl/normaliser.h"

/* Where a worker's gradient of one set goes. */
typedef struct prl_set_push {
  prl_learner *learner;
  int optim; /* its place among the sets' optimizers */
} prl_set_push;

/* What a learner is among several. */
typedef struct prl_worker {
  int64_t own, all;     /* instances */
  int64_t counted;      /* of its decisions, those that are in the shared count */
  int64_t pulled;       /* shared version that its copy is of */
  int lag;              /* the gauge: versions that others published since; −1: there is none */
  prl_set_push *pushes; /* (optims) */
} prl_worker;

/* Made of what the lead has. Its plan must outlive it. Fails: PRL_ENOMEM. */
prl_status prl_shared_new(const prl_learner *lead, prl_shared **out, prl_error *error);
void prl_shared_free(prl_shared *shared);
/* The learner works with the others from here on, with so many of all instances. Fails: PRL_ENOMEM. */
prl_status prl_shared_join(prl_shared *shared, prl_learner *learner, int64_t own, int64_t all,
                           prl_error *error);
/* It works alone again; nothing where it does already. */
void prl_shared_leave(prl_learner *learner);
/* Before the threads start: what is shared becomes what the lead has. */
void prl_shared_begin(prl_shared *shared, prl_learner *lead);
/* When they have ended: the lead becomes what is shared, its counts those of all. */
void prl_shared_end(prl_shared *shared, prl_learner *lead);
/* Adds the other's decisions that no freeze has counted. */
void prl_shared_settle(prl_shared *shared, prl_learner *other);

/* ---- for verbs; each works without others, too ---- */

/* An update begins: env steps of the run so far. Where rows are corrected for what acted them, the copy
 * becomes the shared parameters; else it stays what acted them. */
double prl_shared_freeze(prl_learner *learner);
/* The rows of the batch go into the statistics of observations. */
void prl_shared_gather(prl_learner *learner);
/* The rows go into these statistics of novelty (novelty.h). */
void prl_shared_novelty(prl_learner *learner, prl_normaliser *statistics, int64_t rows, const float *x);
/* What the learner has written into one of its sets, which no optimizer steps, is what all have from here on.
 */
void prl_shared_put(prl_learner *learner, const prl_params *set);
/* The returns of the critic go into its statistics; true where they must come into force at once. */
bool prl_shared_returns(prl_learner *learner, prl_critic *critic);
/* The statistics of returns come into force; with others the copy becomes the shared parameters. */
void prl_shared_publish(prl_learner *learner);
/* The version of the parameters that the learner has. */
int64_t prl_shared_version(const prl_learner *learner);
/* Of so many rows of a recipe those of this worker, at least one. */
int64_t prl_shared_rows(const prl_learner *learner, int64_t rows);

#endif
