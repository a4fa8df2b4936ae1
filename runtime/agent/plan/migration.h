/* What becomes of each part of an agent in a swap: a list that is written by the functions that take over, as
 * they do so. */
#ifndef PRL_AGENT_PLAN_MIGRATION_H
#define PRL_AGENT_PLAN_MIGRATION_H

#include "core/memory.h"
#include "core/value.h"
#include "perilune/agent.h"

typedef struct prl_migration {
  prl_runtime *runtime;
  prl_arena arena; /* of the texts */
  prl_migrated *items;
  int count, capacity;
  bool failed; /* memory was short: the list is not whole */
} prl_migration;

prl_status prl_migration_new(prl_runtime *runtime, prl_migration **out, prl_error *error);
void prl_migration_free(prl_migration *migration);
/* Adds an entry, whose name is copied and whose reason is the text. migration NULL: nothing. */
PRL_PRINTF(3, 4)
void prl_migration_note(prl_migration *migration, const prl_migrated *entry, const char *reason, ...);

#define PRL_KEPT "kept"
#define PRL_GROWN "grown"
#define PRL_KEPT_IN_PART "kept in part"
#define PRL_RESCALED "rescaled"
#define PRL_REFITTED "refitted"
#define PRL_ANEW "started anew"
#define PRL_DROPPED "dropped"

#endif
