/* Guards: bounds on what a swapped-in policy may lose beside the control group. Users who enter after the
 * swap count once each, by what they come to in their first days; a confidence sequence (rl/confidence.h) for
 * each response says at every update whether its lift lies above or below the bound, or whether that is still
 * open.
 *
 * A user enters with the first step that was decided after the swap, on either side; in a ramp with the first
 * episode that began since. Where an environment is
 * driven, a user's days pass by the elapsed time of its own steps; where a host serves, by the agent's time,
 * so that somebody who never comes back counts, too, with what there was. A user who loses its place among
 * the streams before its days are over counts by what it came to until then. Where episodes are whole lives
 * (`lives`), the next episode of a driven instance is another user's. */
#ifndef PRL_AGENT_CONTROL_GUARDS_H
#define PRL_AGENT_CONTROL_GUARDS_H

#include "agent/policy/policy.h"
#include "core/pieces.h"
#include "rl/confidence.h"

/* The sides that are compared. */
enum { PRL_SIDE_OWN, PRL_SIDE_CONTROL, PRL_SIDES };

enum { PRL_GUARDS_MOST = 32 };

typedef struct prl_guard_form {
  const char *name;
  int32_t response; /* −1: the metric approx_kl of each update */
  double sign;      /* 1: at least; −1: at most */
  double bound;     /* of a lift, or of the metric */
} prl_guard_form;

/* A user of one side: of a place for a stream. All int64, as a file holds them. */
typedef struct prl_entrant {
  int64_t key;     /* of the stream */
  int64_t phase;   /* PRL_ENTRANT_… */
  int64_t entered; /* the agent's time, µs */
  int64_t before;  /* steps of this place that were decided before the swap and are still to come */
} prl_entrant;
enum { PRL_ENTRANT_NONE, PRL_ENTRANT_IN, PRL_ENTRANT_OVER };

typedef struct prl_guards_state {
  int64_t stage; /* PRL_GUARDS_… */
  int64_t fired; /* which guard did */
  int64_t held;  /* bits, from the lowest: guards that hold by what is known now */
} prl_guards_state;
enum { PRL_GUARDS_IDLE, PRL_GUARDS_COUNTING, PRL_GUARDS_FIRED };

typedef struct prl_guards {
  int count;             /* 0: the plan has none */
  int measured;          /* of these on a response: they come first */
  prl_guard_form *forms; /* (count) */
  bool lives;            /* a terminated episode of a driven instance ends a user's life */
  double days, users;    /* of the plan's `guards` */
  double level;          /* of each side of each measured guard */
  double looks;          /* sequences of a ramp, one at each share, over which it is split; else 1 */
  bool ramped; /* users enter with an episode that begins: those that run are finished by another policy,
                * and those who are in the middle of one are others than those who begin */
  int64_t streams[PRL_SIDES];
  prl_entrant *entrants[PRL_SIDES]; /* (streams) */
  double
      *sums[PRL_SIDES]; /* (streams, 1 + measured): days gone by the own clock, and sums of the responses */
  prl_moments *moments; /* (PRL_SIDES, measured) */
  prl_guards_state *state; /* (1) */
} prl_guards;

/* `guards` of the plan's document, which may be absent: how many there are and what each is on; allocates the
 * forms. Fails: PRL_EFORMAT, PRL_ENOMEM. */
prl_status prl_guards_read(prl_guards *guards, prl_runtime *runtime, const prl_value *root,
                           const int64_t streams[PRL_SIDES], const prl_shape *shape, prl_error *error);
enum { PRL_GUARDS_PIECES = 2 + 2 * PRL_SIDES };
int prl_guards_list(prl_guards *guards, prl_piece pieces[PRL_GUARDS_PIECES]);
prl_status prl_guards_blocks(prl_guards *guards, prl_blocks *blocks, prl_error *error);
bool prl_guards_restore(const prl_guards *guards);

/* A row of a side, in the order of its stream. compared: its user counts. own_clock: days pass by its elapsed
 * time. */
void prl_guards_row(prl_guards *guards, int side, const prl_experience *experience, const prl_batch *batch,
                    int64_t row, bool compared, bool own_clock);
/* The days of those who entered long enough ago are over, by the agent's time. */
void prl_guards_pass(prl_guards *guards, int side, const prl_experience *experience);
/* A policy was swapped in, or serves a greater share: counting begins anew. Rows that wait in these
 * experiences are of before. */
void prl_guards_begin(prl_guards *guards, const prl_experience *const experiences[PRL_SIDES]);
/* Nothing is judged until the next swap. */
void prl_guards_end(prl_guards *guards);
/* Looks at all guards, at the end of an update; kl: what it moved the policy by, NaN: not told. True: one has
 * fired, and `state` says which. One that holds now may fire later: what was swapped in goes on learning. */
bool prl_guards_judge(prl_guards *guards, double kl);
/* Whether all guards on responses hold, of which there is one, and so many users of the policy counted. */
bool prl_guards_pass_on(const prl_guards *guards, double users);
/* What is known of a measured guard; false: it is too early. */
bool prl_guards_interval(const prl_guards *guards, int guard, prl_interval *out);

#endif
