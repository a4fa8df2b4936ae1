/* The fields of a control group, for the files of this folder alone. */
#ifndef PRL_AGENT_CONTROL_PARTS_H
#define PRL_AGENT_CONTROL_PARTS_H

#include "agent/control/control.h"
#include "agent/control/guards.h"
#include "agent/control/shares.h"
#include "objective/expression.h"

enum { PRL_CLUSTERS = 256 }; /* of streams, by their keys */

struct prl_control {
  prl_runtime *runtime;
  const prl_value *plan; /* of the fixed policy: what prl_shape_new, prl_sets_new and prl_policy_new read */
  const char *salt;
  int32_t buckets; /* groups in a bucket below it are of the control group */
  double window;   /* units of the control group in which what was counted loses 1 − 1/e of its weight */
  int32_t responses;
  bool paired;
  prl_shape *shape;
  prl_live *live;
  prl_sets *sets;
  prl_policy *policy;
  prl_experience *experience;
  prl_batch batch;
  float *reward;              /* (batch): scratch */
  prl_units units[PRL_SIDES]; /* of all responses */
  /* Of each side and cluster: Σ weight, then Σ weight · response (responses), over its units. The weight of a
   * new unit grows instead of that of all others falling. */
  double *sums;
  double *weight; /* (1) of the next unit */
  prl_guards guards;
  prl_shares shares;
};

/* The sums of a side's cluster (1 + responses). */
static inline double *prl_control_sums(const prl_control *c, int side, int64_t cluster) {
  return c->sums + (side * PRL_CLUSTERS + cluster) * (1 + c->responses);
}

/* Whether a row of the policy that learns is of what is compared: those of arm 0 whose users are. */
bool prl_control_counts(const prl_control *control, const prl_batch *own, const prl_experience *experience,
                        int64_t row);

#endif
