/* The one table of all verbs, family by family. */
#include <string.h>

#include "agent/verbs/verb.h"

const prl_verb_type *const prl_verb_types[] = {&prl_verb_collect,
                                               &prl_verb_freeze,
                                               &prl_verb_rewards,
                                               &prl_verb_values,
                                               &prl_verb_advantages,
                                               &prl_verb_weigh,
                                               &prl_verb_epochs,
                                               &prl_verb_minibatches,
                                               &prl_verb_run,
                                               &prl_verb_copy,
                                               &prl_verb_stop,
                                               &prl_verb_publish,
                                               NULL};

const prl_verb_type *prl_verb_type_find(const char *name) {
  for (const prl_verb_type *const *type = prl_verb_types; *type; type++)
    if (!strcmp((*type)->name, name)) return *type;
  return NULL;
}
