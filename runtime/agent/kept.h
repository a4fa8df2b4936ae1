/* What a swap has replaced: the plan before it, and the learned state that it had come to. A rollback makes
 * an agent of both again. */
#ifndef PRL_AGENT_KEPT_H
#define PRL_AGENT_KEPT_H

#include "agent/agent.h"
#include "io/safetensors.h"

struct prl_kept {
  prl_doc *document; /* of the plan; NULL until it is filled */
  prl_blocks blocks; /* the learned ones, named PRL_KEPT_PREFIX + name; their data is in `bytes` */
  uint8_t *bytes;
};

#define PRL_KEPT_PREFIX "before."

/* Room for the agent's learned state. Fails: PRL_ENOMEM, PRL_ELIMIT (the runtime's budget). */
prl_status prl_kept_new(const prl_agent *agent, prl_kept **out, prl_error *error);
/* The agent's learned state as it is now, and its document, which the agent has no longer. Between two
 * updates.
 */
void prl_kept_fill(prl_kept *kept, prl_agent *agent);
void prl_kept_free(prl_kept *kept);
/* Into a fresh agent of the kept plan. Fails: PRL_EFORMAT (of a file that was damaged or made by hand). */
prl_status prl_kept_restore(const prl_kept *kept, prl_agent *agent, prl_error *error);
/* From the file of an agent, which holds the plan in its metadata; *out is NULL where it has none. Fails:
 * PRL_EFORMAT, PRL_ENOMEM. */
prl_status prl_kept_read(prl_runtime *runtime, const prl_safetensors *file, const char *path, prl_kept **out,
                         prl_error *error);
/* The key of the metadata. */
#define PRL_KEPT_KEY "before"

#endif
