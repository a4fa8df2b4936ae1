/* Several workers that train one agent on a divided vector env, each on a thread of its own. */
#ifndef PRL_AGENT_WORKERS_H
#define PRL_AGENT_WORKERS_H

#include "agent/agent.h"

/* Fails where the agent cannot be trained by several workers: PRL_EINVAL, saying why. */
prl_status prl_workers_check(const prl_agent *lead, const prl_vecenv *env, prl_error *error);
/* Whether workers may drive now: not in the warm-up, nor while a swap waits for the end of an update, when
 * the agent drives alone. */
bool prl_workers_ready(const prl_agent *lead, const prl_vecenv *env);
/* Drives the parts of the env until `steps` are made in all, or, if stop_at_update, some updates of each
 * worker. lead->drive has the buffers of all instances. *done: the steps made, also after a failure.
 * *stopped: the watch ended it. Fails: PRL_ENOMEM, or as a worker's act, learn and step do. */
prl_status prl_workers_drive(prl_agent *lead, prl_vecenv *env, int64_t steps, bool stop_at_update,
                             int64_t *done, bool *stopped, prl_error *error);
/* The agent goes on alone with all instances. Fails: PRL_ELIMIT. */
prl_status prl_workers_dismiss(prl_agent *lead, prl_error *error);
void prl_workers_free(prl_workers *workers);

#endif
