/* Replay memory (Lin 1992; Mnih et al. 2015): closed rows stay, the oldest of them until newer ones take
 * their places, to be drawn again and again.
 *
 * A ring of places. Every observation stands in it once: a row's next state is the observation of the row, or
 * of the ghost, that its `next` names. A ghost holds nothing else: the final observation of a truncated
 * episode, or the newest observation of a stream, which waits for its decision and becomes that row when it
 * comes. What waits for what is said by decision ids (rl/experience.h), which name one decision of one
 * episode for ever: slots and steps come again. A place is always older than the one that its `next` names,
 * so that no row outlives its next state.
 *
 * Raw observations and raw responses are kept: rewards are computed when rows are drawn, and a late response
 * still finds its row. After prl_replay_new and prl_replay_rank nothing here allocates.
 *
 * Rows may have priorities (Schaul et al. 2016): p^α of each stands in a sum tree. A new row has the greatest
 * that any row had so far, so that it is soon drawn. */
#ifndef PRL_RL_REPLAY_H
#define PRL_RL_REPLAY_H

#include "core/rng.h"
#include "rl/experience.h"
#include "rl/sum_tree.h"

/* The integers of a memory, saved as they are. */
typedef struct prl_replay_counts {
  int64_t head;   /* the place that is taken next */
  int64_t filled; /* places that were ever taken */
  int64_t rows;   /* rows among them, without ghosts */
  int64_t added;  /* rows since the beginning */
  int64_t fresh;  /* rows that came the last time */
  int64_t draws;  /* batches drawn: the address of their draws */
} prl_replay_counts;

struct prl_replay {
  prl_runtime *runtime;
  int32_t observations, actions, responses;
  int32_t memory; /* the last so many observations: the state of the policy's memory */
  int64_t places, streams;
  int64_t present_stride; /* bytes */
  prl_replay_counts n;
  float *observation, *action, *log_prob, *response, *elapsed; /* (places, …) */
  int64_t *version;                                            /* (places): of the policy that acted */
  int32_t *objective; /* (places): version of the objective that was in force then */
  uint8_t *present;   /* (places, present_stride): which responses were reported */
  uint64_t
      *decision;   /* (places): of a row its own, of a ghost the one that it waits for; 0: none will come */
  int32_t *next;   /* (places): of a row the place of its next state, −1: it was terminated; of a ghost that
                    * waits the row before it, which may be gone by now */
  int32_t *stream; /* (places): slot at the time */
  int32_t *step;   /* (places): in its episode */
  int32_t *kind;   /* (places): PRL_ROW_… of experience.h, and from bit 8 on PRL_END_… */
  int32_t *bucket; /* (places): the newest place whose decision has this hash; −1: none; not saved */
  int32_t *older;  /* (places): the one before it; not saved */

  prl_sum_tree priority; /* (places): p^α, 0 of a ghost; without leaves: there are no priorities */
  double exponent;       /* α */
  double greatest;       /* p^α that a row had so far; 1 at first */
  bool shared;           /* the rows are another memory's (prl_replay_share) */
};

/* What was drawn of stretches: up to `steps` rows that follow each other, by drawn row. */
typedef struct prl_stretch {
  int64_t steps;   /* at most, a row */
  float *response; /* (rows, steps, responses) */
  float *elapsed;  /* (rows, steps), s */
  int32_t *length; /* (rows): from 1 to steps */
  int32_t *place;  /* (rows): of the drawn row in the memory; NULL: nobody asks (uniform draws) */
} prl_stretch;

/* rows: places of the ring, ghosts included; at least PRL_REPLAY_LEAST. Fails: PRL_ENOMEM. */
enum { PRL_REPLAY_LEAST = 2 };
prl_status prl_replay_new(prl_runtime *runtime, const prl_experience_options *shape, int64_t rows,
                          prl_replay **out, prl_error *error);
/* From now on its rows have priorities, by this exponent (α > 0); before the first row. Fails: PRL_ENOMEM. */
prl_status prl_replay_rank(prl_replay *memory, double exponent, prl_error *error);
void prl_replay_free(prl_replay *memory);
/* A reader of another memory's rows: it draws from them, by a count of draws of its own, and adds none. It
 * has what is there once it follows, and may be used until a row is added there. Fails: PRL_ENOMEM. */
prl_status prl_replay_share(prl_runtime *runtime, prl_replay **out, prl_error *error);
void prl_replay_follow(prl_replay *reader, const prl_replay *memory);
int64_t prl_replay_bytes(const prl_experience_options *shape, int64_t rows); /* what it allocates */
prl_status prl_replay_blocks(prl_replay *memory, prl_blocks *blocks, prl_error *error);
/* After the blocks were read from a file, or taken over. experience: whose decisions are remembered; it is
 * whole. False: they hold what cannot be. */
bool prl_replay_restore(prl_replay *memory, const prl_experience *experience);

/* Goes on with what the other remembers, which has the same widths and no more places: the oldest row stands
 * first where this one is larger. Rows without a priority get the greatest. False: as prl_replay_restore. */
bool prl_replay_take(prl_replay *memory, const prl_replay *from, const prl_experience *experience);

/* Takes the rows of a batch, as prl_experience_freeze gave them (options.kept): observations are raw. */
void prl_replay_add(prl_replay *memory, const prl_batch *batch);
/* The episode of the row that this decision would have followed is over: the row was its last. observation:
 * the episode's final one (NULL: the one that is known), of a truncated one. */
void prl_replay_end(prl_replay *memory, uint64_t decision, bool terminated, const float *observation);
bool prl_replay_is_row(const prl_replay *memory, int64_t place); /* and no ghost */
/* Whether all rows were acted with a density (prl_experience_dense). */
bool prl_replay_dense(const prl_replay *memory);
/* The place of the decision's row; −1: it is not here, or no more. */
int32_t prl_replay_find(const prl_replay *memory, uint64_t decision);
/* Draws `rows` rows with replacement, each of those that are kept with the same probability (its low bits:
 * Lemire's multiply-shift, whose bias is below places/2³²), into the batch: observation and action of the
 * row, and as its successor the state after its stretch, which ends early where the episode does, and at the
 * newest observation of its stream. `end` says how the stretch ended, `elapsed` how long the first step took.
 * The memory has a row. With a `most` above 1 each drawn row is followed by those that follow it in its
 * episode, up to `most` in all, the next row being the successor; fewer where the episode ends, the newest
 * observation comes, or the batch is full. So many are drawn as it takes. A row has the greater chance the
 * more rows are before it in its episode, from one share to `most`. Then stretch->steps is 1. */
void prl_replay_draw(prl_replay *memory, uint64_t seed, int64_t rows, int64_t most, prl_batch *batch,
                     prl_stretch *stretch);
/* The same by priority: row k is drawn from the k-th of `rows` equal parts of Σ p^α, so that each row has the
 * probability P = p^α / Σ p^α. weight (rows): what makes a mean over the draws one over the kept rows again,
 * the whole of it with a correction β of 1: (N P)^−β, divided by the greatest of the batch. */
void prl_replay_draw_ranked(prl_replay *memory, uint64_t seed, int64_t rows, double correction,
                            prl_batch *batch, prl_stretch *stretch, float *weight);
/* The priority |value| + 1e-6 for the row at a place, which was drawn and is still there. value: finite. */
void prl_replay_prioritise(prl_replay *memory, int64_t place, double value);

#endif
