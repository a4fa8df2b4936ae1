#include <string.h>

#include "agent/agent.h"

/* A new version of the policy: parameters and statistics of observations come into force together. */
void prl_agent_publish_policy(prl_agent *a) {
  for (int i = 0; i < a->sets_count; i++)
    if (a->published[i])
      memcpy(a->published[i]->value, a->sets[i]->value, (size_t)a->sets[i]->size * sizeof(float));
  if (a->normalise) prl_normaliser_publish(&a->normaliser);
  a->n.version++;
  if (a->drop_stale) prl_experience_version(a->experience, (uint64_t)a->n.version);
}
