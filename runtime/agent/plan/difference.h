/* The first place where two plans' documents differ, for the messages of what needs them to be the same. */
#ifndef PRL_AGENT_PLAN_DIFFERENCE_H
#define PRL_AGENT_PLAN_DIFFERENCE_H

#include "core/value.h"

typedef struct prl_difference {
  char where[160]; /* "responses.2 (like).combine" */
  char old[64], ours[64];
} prl_difference;

/* Looks at these paths of both, in their order. False: they are the same there. */
bool prl_difference_find(const prl_value *old, const prl_value *ours, const char *const *keys, int count,
                         prl_difference *out);

/* What a recipe calls it where the plan has one with that option, and what the plan calls it elsewhere. */
const char *prl_option_name(const prl_value *root, const char *option, const char *of_plan);

#endif
