/* What an agent will take of memory, added up from its plan before anything of it is allocated: all of
 * prl_agent_new, for plans that learn from pairs, too. Buffers of a vector env that it drives (prl_drive), of
 * pairs twice as many, are as large as that env: they come with the first drive. */
#ifndef PRL_AGENT_NEEDS_H
#define PRL_AGENT_NEEDS_H

#include "core/value.h"

typedef struct prl_need {
  const char *option; /* that decides: of the recipe where the plan was made from one, else of the plan */
  double value;       /* of the option; NaN: it is no number */
  int64_t bytes;
} prl_need;

enum { PRL_NEEDS_MOST = 10 };

typedef struct prl_needs {
  prl_need items[PRL_NEEDS_MOST];
  int count;
  int64_t bytes; /* all told */
} prl_needs;

/* document: of a plan. Fails: as prl_agent_new does for a document that is none, PRL_ENOMEM. */
prl_status prl_needs_of(prl_runtime *runtime, const prl_value *document, prl_needs *out, prl_error *error);
/* Fails also with PRL_ELIMIT: more than is left of the runtime's budget; names the option with most of it.
 * beside: of a shadow, without what it has of the running agent. */
prl_status prl_needs_check(prl_runtime *runtime, const prl_value *document, bool beside, prl_error *error);
/* Name and values of one of the plan's sets, with the gaps between its parameters. Fails: PRL_EFORMAT. */
prl_status prl_needs_set(const prl_value *map, const char **name, int64_t *values, prl_error *error);

#endif
