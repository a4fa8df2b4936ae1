/* Published versions for other threads. An agent's board holds the newest; its snapshots are written by the
 * thread that uses the agent and counted by whoever holds them.
 *
 * A snapshot's `refs` is the protocol. 0: nobody holds it, and the writer may take it (to WRITING); above 0:
 * its contents stay as they are. The board itself holds the newest. A reader raises refs only where it is
 * above 0, so that what it raised holds a whole version: the newest, or, where it was overtaken meanwhile,
 * the one that was newest when it asked, or a newer one. It tries again only when the writer got on.
 * Snapshots stay where they are as long as the board, so that a reader may look at the refs of one that it
 * does not hold. */
#ifndef PRL_AGENT_SNAPSHOT_H
#define PRL_AGENT_SNAPSHOT_H

#include <stdatomic.h>

#include "agent/form.h"
#include "perilune/actor.h"

typedef struct prl_board prl_board;

enum { PRL_SNAPSHOT_WRITING = -1 };

struct prl_snapshot {
  _Atomic int64_t refs;
  prl_board *board;
  prl_snapshot *next; /* of the board's; the writer's */
  prl_form *form;
  uint64_t version;
  char hash[33]; /* of the recipe */
  bool mean;     /* of the warm-up: the policy that learns acts by its mean */
  char *bytes;   /* of the policy that learns, then of the control group's (prl_policy_write_version) */
  int64_t own, room;
};

struct prl_board {
  prl_runtime *runtime;
  _Atomic(prl_snapshot *) newest; /* NULL: see `bound` */
  _Atomic(const char *) bound;    /* why the plan in force has none (prl_policy_bound) */
  _Atomic int64_t refs;           /* the agent, and each snapshot whose own are above 0 */
  prl_snapshot *list;             /* all there are */
  const prl_doc *document;        /* of the agent that `form` was made for */
  prl_form *form;                 /* in force */
  bool late;                      /* the newest version found no memory: an older one stands here */
};

/* What acts now becomes the newest, if anybody ever asked for one. Where there is no memory for another
 * snapshot, the one before stays until the next time. */
void prl_agent_post(prl_agent *agent);
void prl_board_close(prl_board *board); /* the agent ends */

/* actor.c: what acting and recording both ask of the numbers. Fails: PRL_EINVAL. */
prl_status prl_decisions_check(const prl_decisions *made, prl_error *error);

#endif
