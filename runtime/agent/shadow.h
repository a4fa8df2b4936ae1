/* A shadow: another plan that learns beside a running agent, from its rows, and does not act. What it has
 * learned comes into force when it is confirmed. */
#ifndef PRL_AGENT_SHADOW_H
#define PRL_AGENT_SHADOW_H

#include "agent/agent.h"

/* In a file: its tensors, and the keys of the metadata: its plan, and the verb at its cursor. */
#define PRL_SHADOW_PREFIX "shadow."
#define PRL_SHADOW_KEY "shadow"
#define PRL_SHADOW_VERB "shadow.verb"

/* Of a plan that may learn beside the agent; values NULL: parameters are to be read. It has not begun. Fails:
 * as prl_agent_swap_with. */
prl_status prl_shadow_new(const prl_agent *running, const prl_value *document, const prl_plan *values,
                          prl_shadow **out, prl_error *error);
void prl_shadow_free(prl_shadow *shadow);
/* prl_agent_swap_with in the mode of it; and what it makes, which is not the agent's yet, with its own agent.
 * Fail: as prl_agent_swap_with. */
prl_status prl_shadow_start(prl_agent *running, const prl_plan *plan, prl_error *error);
prl_status prl_shadow_prepare(prl_agent *running, const prl_plan *plan, prl_shadow **out, prl_agent **beside,
                              prl_error *error);
const prl_agent *prl_shadow_agent(const prl_shadow *shadow);
const prl_blocks *prl_shadow_blocks(const prl_shadow *shadow);
/* After its blocks were read from a file. False: they hold what cannot be. */
bool prl_shadow_restore(prl_agent *running, const char *verb);

/* Between two updates of the agent: it takes over what was learned, and gets the rows that come; once. */
void prl_shadow_begin(prl_agent *running);
/* A piece of the shadow's update, where it was given rows that it has not learned from. False: it was not.
 * One that fails is dropped, and prl_agent_notice says so. */
bool prl_shadow_step(prl_agent *running, int64_t deadline_ns);
/* What the agent's shadow has learned, into a fresh agent of the shadow's plan. Between two updates. */
void prl_shadow_fill(const prl_agent *running, prl_agent *to);
/* The agent has none any more, and no confirmed one waits. */
void prl_agent_drop_shadow(prl_agent *running);

/* *list: `count` metrics of the running agent, then those of the shadow, as "shadow_" + name. How many. */
int prl_shadow_metrics(prl_shadow *shadow, const prl_metric **list, int count);
int prl_shadow_meanings(prl_shadow *shadow, const prl_metric **list, int count);

#endif
