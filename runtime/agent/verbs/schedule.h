/* The schedule: the plan's list of verbs, flattened, and the cursor from which it is executed. An update is
 * one pass through the list. Execution may stop between any two steps of a verb and continue in another call,
 * another thread or, after a save and a load, another process. */
#ifndef PRL_AGENT_VERBS_SCHEDULE_H
#define PRL_AGENT_VERBS_SCHEDULE_H

#include "agent/learner/learner.h"

typedef struct prl_schedule prl_schedule;

/* Verb i of plans, and the names of its fields, which end with NULL; NULL behind the last verb. */
const char *prl_verb_name(int i, const char *const **fields);

/* The inputs and outputs of one step of the schedule. */
typedef struct prl_turn {
  int64_t deadline_ns; /* given: 0: none; a program stops between two ops once the clock has passed it */
  int next;            /* the verb that comes next: a verb that does not end, or goes elsewhere, changes it */
  bool waiting;        /* told: the gate is shut */
  bool updated;        /* told: an update has just been published */
} prl_turn;

/* `schedule` of the plan's document. root and learner must outlive the schedule. Fails: PRL_EFORMAT (an
 * unknown verb with the nearest name, a field out of range, a verb before what it needs), PRL_ENOMEM. */
prl_status prl_schedule_new(prl_runtime *runtime, const prl_value *root, prl_learner *learner,
                            prl_schedule **out, prl_error *error);
void prl_schedule_free(prl_schedule *schedule);
prl_status prl_schedule_blocks(prl_schedule *schedule, prl_blocks *blocks, prl_error *error);
/* After the blocks were read from a file; verb: the name of the verb at the cursor when it was saved. False:
 * they hold what cannot be. */
bool prl_schedule_restore(prl_schedule *schedule, const char *verb);
/* The name of the verb at the cursor. */
const char *prl_schedule_verb(const prl_schedule *schedule);

/* The next verb, or the next piece of it. Fails: PRL_ENUMERIC, PRL_ESTATE. */
prl_status prl_schedule_step(prl_schedule *schedule, prl_turn *turn, prl_error *error);
/* The number of closed steps that the cursor waits for; 0: it waits for none. */
int64_t prl_schedule_needs(const prl_schedule *schedule);
/* Between two updates, as often as steps come (prl_update_relieve). Fails as a step of the schedule. */
prl_status prl_schedule_relieve(prl_schedule *schedule, prl_error *error);
/* The first verb that takes the rows as acted by the policy that learns; NULL: none does. */
const char *prl_schedule_own(const prl_schedule *schedule);
/* Whether no update is under way. */
bool prl_schedule_between(const prl_schedule *schedule);

#endif
