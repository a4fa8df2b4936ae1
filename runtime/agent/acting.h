/* What acts for an agent now, apart from all that learns: a part of another plan's document. */
#ifndef PRL_AGENT_ACTING_H
#define PRL_AGENT_ACTING_H

#include "agent/plan/plan.h"

/* The published policy as it is: document {noise, normaliser, sets, live, programs = {act}, recipe}, with the
 * normaliser's statistics (also those that gather), live options as they are in force, the recipe of the
 * agent's plan where that has one, and one tensor for each parameter. Sets are renamed prefix + name. list:
 * *count tensors, which are the agent's; the list is in the document's memory, as all names are. The caller
 * frees *document by prl_doc_free. Fails: PRL_ENOMEM. */
prl_status prl_agent_acting(const prl_agent *agent, const char *prefix, prl_doc **document,
                            prl_plan_tensor **list, int *count, prl_error *error);

#endif
