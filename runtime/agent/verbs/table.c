/* The table of verbs, from the list in verb.h. */
#include <string.h>

#include "agent/verbs/verb.h"

#define ENTRY(name) &prl_verb_##name,
const prl_verb_type *const prl_verb_types[] = {PRL_VERBS(ENTRY) NULL};

const char *prl_verb_name(int i, const char *const **fields) {
  static const char *const none[] = {NULL};
  const prl_verb_type *type = prl_verb_types[i];
  if (type) *fields = type->keys ? type->keys : none;
  return type ? type->name : NULL;
}

const prl_verb_type *prl_verb_type_find(const char *name) {
  for (const prl_verb_type *const *type = prl_verb_types; *type; type++)
    if (!strcmp((*type)->name, name)) return *type;
  return NULL;
}
