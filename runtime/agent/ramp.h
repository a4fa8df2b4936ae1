/* The policy before a swap, which a ramp leaves groups to (control/shares.h): the published version of then,
 * with programs of its own. It acts on streams of the agent's own experience, whose rows it marks as left:
 * they are there for feedback, and reach no batch. */
#ifndef PRL_AGENT_RAMP_H
#define PRL_AGENT_RAMP_H

#include "agent/agent.h"
#include "io/safetensors.h"

#define PRL_RAMP_PREFIX "ramp."
#define PRL_RAMP_KEY "ramp" /* of a file's metadata: the document */

struct prl_ramp {
  prl_runtime *runtime;
  prl_doc *document; /* the keys of a plan that acting reads, of the plan before */
  prl_shape *shape;
  prl_live *live;
  prl_sets *sets;
  prl_policy *policy;
  const prl_control *control; /* of the agent that has the ramp: who is left */
  prl_extent *extent;         /* (sets): all of each */
  float *action;              /* (room, actions) */
  uint8_t *left;              /* (room): the rows of the last call that it acted on */
  int64_t room;               /* max(streams, act_rows) of the agent */
};

/* What acts for `from` now, as the part of `to` that keeps it, with its blocks in the list of `to`. Fails:
 * PRL_EINVAL (`to` has no ramp, no guard on a response, or learns from pairs), PRL_ESTATE (the learning of
 * `from` has failed), PRL_ELIMIT (the runtime's budget), PRL_ENOMEM. */
prl_status prl_ramp_new(const prl_agent *from, prl_agent *to, prl_error *error);
/* The same from the file of an agent, before its blocks are read; none where the file has none. Fails:
 * PRL_EFORMAT, PRL_ENOMEM. */
prl_status prl_ramp_read(prl_agent *to, const prl_safetensors *file, const char *path, prl_error *error);
/* checkpoint.c: that the sets of a document have as many values in the file's tensors, prefix + name; before
 * anything is allocated. Fails: PRL_EFORMAT. */
prl_status prl_checkpoint_sets(const prl_value *root, const char *prefix, const prl_safetensors *file,
                               const char *path, prl_error *error);
bool prl_ramp_restore(const prl_agent *agent); /* after they were read; false: they hold what cannot be */
void prl_ramp_free(prl_ramp *ramp);

/* The swap comes into force: `to` takes the place of `from`, whose published version this is. */
void prl_ramp_begin(prl_agent *to, const prl_agent *from);
/* A rollback or another swap: nobody is left any more. */
void prl_ramp_end(prl_agent *agent);

/* Why nobody can act apart from the agent; NULL: the ramp is over, or there is none. A constant string. */
const char *prl_ramp_bound(const prl_agent *agent);

/* As prl_policy_act of a side with a ramp: each row by the policy that serves it. recorded: after
 * prl_experience_enter; streams whose episode begins get the policy that serves it. */
prl_status prl_ramp_act(const prl_side *side, const uint64_t *streams, const uint64_t *groups,
                        const float *observation, int64_t n, bool recorded, float *action, prl_error *error);

#endif
