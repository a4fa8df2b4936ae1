/* The agent: its parts, and what the files beside this one call of one another. Each part owns its fields;
 * see README.md for who calls whom. */
#ifndef PRL_AGENT_AGENT_H
#define PRL_AGENT_AGENT_H

#include "agent/learner/learner.h"
#include "agent/plan/growth.h"
#include "agent/plan/plan.h"
#include "agent/policy/policy.h"
#include "agent/verbs/schedule.h"
#include "perilune/agent.h"

/* Rows of a call, those of the policy that learns before those of the control group. */
typedef struct prl_split {
  int64_t room;  /* rows of one part of a call */
  int64_t acted; /* rows of the last call whose log-densities are kept; −1: it was not split */
  int64_t *row;  /* (room): in the call */
  uint64_t *stream, *group, *decision;
  float *observation, *action;
  float *log_prob; /* (room), in the order of the call */
} prl_split;

/* Buffers of a vector env. */
typedef struct prl_drive {
  const prl_vecenv *env;
  int64_t n;
  int64_t own; /* instances of the policy that learns; the others are their twins, of the control group */
  float *observation, *final_observation, *action, *response;
  uint8_t *terminated, *truncated;
  int64_t *elapsed;
  int64_t lived_us; /* of all instances together, in the last call of prl_agent_drive */
  uint64_t *decisions;
  uint64_t *keys; /* (n) of coupled instances, the agent's streams; NULL: the env's own are */
  /* The rows that do not wait for their partners, gathered: room for n of each, where there are keys. */
  int64_t *row;
  uint64_t *acting, *decided;
  float *seen, *chosen;
} prl_drive;

typedef struct prl_workers prl_workers; /* workers.h */
typedef struct prl_kept prl_kept;       /* kept.h */
typedef struct prl_ramp prl_ramp;       /* ramp.h */
typedef struct prl_shadow prl_shadow;   /* shadow.h */

typedef struct prl_board prl_board; /* snapshot.h */

typedef struct prl_lagged prl_lagged; /* lagged.c */

struct prl_agent {
  prl_board *board;   /* what other threads read; NULL: none does. It stays where it is in a swap */
  prl_lagged *lagged; /* of drives that act by older policies; NULL: by the newest. It stays, too */
  prl_runtime *runtime;
  prl_doc *document; /* of the plan */
  const prl_value *root;
  char hash[33];
  prl_shape *shape;
  prl_live *live;
  prl_sets *sets;
  prl_experience *experience;
  prl_policy *policy;
  prl_control *control; /* NULL: there is no control group */
  prl_split split;
  prl_learner *learner;
  prl_schedule *schedule;
  prl_blocks blocks; /* all that changes while the agent lives */
  bool failed;
  prl_error failure;
  char notice[400];  /* prl_agent_notice */
  prl_guard *guards; /* (2, of the plan) as they were last told; and as they stood at the ramp's last step */
  prl_guard breach;  /* the guard that fired last; its name is breach_name */
  char breach_name[64];
  int64_t breach_update;  /* after how many updates; 0: none fired */
  prl_extent *extent;     /* (sets) scratch of a swap: how much of each was taken over */
  prl_growth *growth;     /* of one that waits: where its numbers belong; NULL: nothing is known of it */
  prl_taken *taken;       /* of prl_agent_start_from; NULL before */
  prl_agent *next;        /* of a swap or rollback: waits for the end of the update; NULL: none */
  bool restored;          /* of one that waits: by a rollback, with a learned state of its own */
  bool confirmed;         /* of one that waits: with what the shadow will have learned by then */
  bool beside;            /* a shadow's: experience and control group are the running agent's */
  prl_shadow *shadow;     /* what learns beside; NULL: nothing does */
  prl_ramp *ramp;         /* what acted before the last swap, and still acts for some; NULL: nothing */
  double stepped_from;    /* the share before, when the last one came into force by its guards, */
  int64_t stepped_update; /* after so many updates, with `guards` of then behind those of now; 0: none did */
  prl_kept *kept;         /* what the last swap replaced; of one that waits: room for it; NULL: nothing */
  prl_migration *migration; /* of the last prl_agent_swap_plan; NULL: none */
  prl_watch watch;          /* of evaluations and drives */
  prl_drive drive;          /* of the environment that prl_agent_drive drives; env NULL: none */
  prl_workers *workers;     /* that drive parts of it; NULL: none */
};

/* agent.c. values NULL: parameters start as zeros, to be loaded. */
prl_status prl_agent_new_from(prl_runtime *runtime, const prl_value *document, const prl_plan *values,
                              prl_agent **out, prl_error *error);
/* The same of a plan that learns beside a running agent, from its rows: without experience, memory and
 * control group of its own. The running agent must outlive it. */
prl_status prl_agent_new_beside(const prl_agent *running, const prl_value *document, const prl_plan *values,
                                prl_agent **out, prl_error *error);

/* All but `board` of two agents changes places: whoever holds the one has the other. */
void prl_agent_exchange(prl_agent *a, prl_agent *b);

/* One side of the agent: the policy that learns, or that of the control group, which acts by its mean. */
typedef struct prl_side {
  prl_policy *policy;
  prl_experience *experience;
  prl_mode mode;
  prl_ramp *ramp; /* NULL: it serves all of its side */
} prl_side;

/* act.c */
prl_side prl_agent_own(const prl_agent *agent, prl_mode mode);
prl_side prl_agent_other(const prl_agent *agent); /* where there is a control group */
/* prl_agent_act on one side, without the cut at the bounds, which an environment makes of itself. */
prl_status prl_side_act(const prl_side *side, const uint64_t *streams, const uint64_t *groups,
                        const float *observation, int64_t n, float *action, uint64_t *decisions,
                        prl_error *error);
/* Room for what is split, where there is a control group. Fails: PRL_ENOMEM. */
prl_status prl_split_init(prl_agent *agent, prl_error *error);
void prl_split_deinit(prl_agent *agent);
int64_t prl_split_bytes(const prl_value *root, const prl_shape *shape);
/* host.c: the number of closed steps that learning waits for; 0: it waits for none. */
int64_t prl_agent_needs(const prl_agent *agent);

/* guard.c: looks at the guards at the end of an update; one that fires rolls the agent back, and where all
 * hold a ramp goes on. Fails: PRL_ENOMEM (it fires again at the end of the next one), as prl_agent_rollback.
 */
prl_status prl_agent_judge(prl_agent *agent, prl_error *error);
/* swap.c: whether a plan can take the agent's place, by what must stay. Fails: PRL_EINVAL. */
prl_status prl_agent_check_same(const prl_agent *agent, const prl_value *root, const prl_shape *shape,
                                prl_error *error);
/* swap.c: whether the agent takes another plan now, in a swap or for a shadow. Fails: PRL_ESTATE. */
prl_status prl_agent_check_free(const prl_agent *agent, prl_error *error);
/* swap.c: where the agent's numbers belong in the new one, whose inputs must all be seen there: without a
 * number for it a network would say something else. Fails: PRL_EINVAL, PRL_ENOMEM. */
prl_status prl_agent_find_growth(const prl_agent *agent, prl_agent *next, prl_error *error);
/* swap.c: what `from` has learned, which stays as it is. True: the policy acts as before in every byte. */
bool prl_agent_take_learned(prl_agent *to, const prl_agent *from, double step, prl_migration *migration);
/* swap.c: `next` takes the agent's place at once, or when the update ends that runs. */
void prl_agent_put_next(prl_agent *agent, prl_agent *next);
/* swap.c: what waits takes over, if anything does. Call between two updates. */
void prl_agent_adopt(prl_agent *agent);
/* swap.c: what parameters take (plan/sets.h); to->extent[i] says how much of set i. taken: NULL, or for each
 * set how many numbers. migration: NULL, or where it is noted. */
void prl_agent_take_sets(prl_agent *to, const prl_agent *from, prl_taken *taken, prl_migration *migration);

/* drive.c: buffers for an environment of the agent's shape. Fails: PRL_ESHAPE, PRL_ENOMEM. */
prl_status prl_drive_init(const prl_agent *agent, const prl_vecenv *env, prl_drive *out, prl_error *error);
void prl_drive_deinit(prl_runtime *runtime, prl_drive *drive);
prl_status prl_drive_once(prl_agent *agent, prl_vecenv *env,
                          prl_error *error); /* one step of each instance */
/* lagged.c: decisions of all instances by the policy of so many updates ago, recorded as such. */
prl_status prl_lagged_act(prl_agent *agent, const prl_vecenv *env, const float *observation, float *action,
                          uint64_t *decisions, prl_error *error);
void prl_lagged_free(prl_lagged *lagged);
prl_step prl_drive_step(prl_drive *drive); /* the buffers as a step of the environment takes them */

#endif
