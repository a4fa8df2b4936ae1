/* Experience: the decisions that wait to be learned from, as ragged sequences by stream.
 *
 * A row is one decision, kept in a pool of fixed capacity. The rows of a stream are linked in order. A ghost
 * is a row that holds only an observation: the final one of a truncated episode (with options.finals of a
 * terminated one, too), or one that `observe` gave.
 * A row is closed when its successor (row or ghost) or its episode's end exists and the waits of its
 * responses have passed; where only whole episodes are learned from, when this holds of its episode's last
 * row. Closed rows form the head of their stream's list, since time does not run backwards.
 *
 * Only raw observations and raw responses are kept: rewards are computed when an update begins.
 * After prl_experience_new nothing here allocates. experience.c makes it, record.c and episodes.c fill it,
 * feedback.c adds responses, freeze.c takes rows out, streams.c finds streams, check.c says whether it is
 * whole. */
#ifndef PRL_RL_EXPERIENCE_H
#define PRL_RL_EXPERIENCE_H

#include "perilune/env.h"
#include "core/pieces.h"
#include "rl/blocks.h"

/* No count and no time (µs) of an agent is greater: sums of two of them stay whole numbers. */
#define PRL_COUNT_MOST (INT64_C(1) << 60)
static inline bool prl_count_holds(int64_t count) { return count >= 0 && count <= PRL_COUNT_MOST; }

enum { PRL_ARMS_MOST = 16 };
#define PRL_MARK_CONTROL UINT32_C(0x80000000) /* above every place of a pool */

typedef struct prl_response_rule {
  float missing;
  prl_combine combine;
} prl_response_rule;

typedef struct prl_experience_options {
  uint64_t seed; /* of the action noise */
  int32_t observations, actions, responses;
  int32_t memory; /* the last so many of a row's observations: the state of the policy's memory before it */
  const prl_response_rule *rules; /* (responses), copied */
  const char *const *names;       /* (responses) for messages, borrowed; NULL: numbers */
  int64_t streams;                /* at once */
  int64_t rows;                   /* not counting ghosts */
  int64_t events;                 /* remembered event ids */
  int64_t wait_us;                /* a row closes as long after its decision, at the earliest */
  int64_t idle_us;                /* a stream is truncated after this much inactivity; 0: never */
  int32_t arms;                   /* policies that act; 0: one, and rows do not say so */
  int32_t lasting;                /* numbers of a row's draw that last, which are kept with it */
  uint32_t
      mark;   /* in the lower word of every decision id: PRL_MARK_…; tells experiences of one agent apart */
  bool whole; /* a row closes with its episode, when the episode's last row does */
  bool paired; /* whole, and an episode closes with that of its stream's partner (prl_stream_partner) of the
                * same number; where there is none, it is not learned from */
  bool kept;   /* frozen rows go on into a replay memory, or are corrected for what acted: batches say whose
                * they are, which policy acted, and what was reported */
  bool dated;  /* batches say when each step was decided, and in which stream */
  bool finals; /* the observation that a terminated episode ended in is kept, too: batches say where each step
                * arrived */
} prl_experience_options;

/* Streams in pairs have keys that differ in the topmost bit. */
#define PRL_SECOND (UINT64_C(1) << 63)
static inline uint64_t prl_stream_partner(uint64_t key) { return key ^ PRL_SECOND; }

typedef struct prl_stream {
  uint64_t key;
  int64_t time;        /* of its last decision, or until which its environment kept it from being idle */
  uint32_t rng[2];     /* key of its action noise */
  uint32_t episode;    /* number of the episode that runs or comes next */
  uint32_t step;       /* decisions made in it */
  int32_t first, last; /* ends of its list of rows; −1: none */
  int32_t row; /* the newest row of the running episode; −1 when it is learned from or there is none */
  int32_t older, newer; /* neighbours among open streams in order of time (only with idle_us) */
  uint32_t call;        /* the last call that named it: a stream comes at most once a call */
  uint8_t used;         /* holds a stream */
  uint8_t open;         /* an episode runs */
  uint8_t arm;          /* which of several policies serves the episode that runs or came last */
  uint8_t left;         /* that episode is left to a policy that does not learn (agent/ramp.h) */
  uint8_t unused[4];
} prl_stream;

enum { PRL_ROW_FREE, PRL_ROW_REAL, PRL_ROW_GHOST };                        /* kind */
enum { PRL_END_NONE, PRL_END_TERMINATED, PRL_END_TRUNCATED, PRL_END_CUT }; /* end */
enum { PRL_ROW_WAITED = 1, PRL_ROW_SUCCEEDED = 2, PRL_ROW_CLOSED = 4 };    /* state */

typedef struct prl_row {
  int64_t time;
  int64_t number;      /* of the decision, over all streams */
  uint64_t version;    /* of the policy */
  int32_t stream;      /* slot */
  int32_t next;        /* in its stream; −1: none */
  int32_t wait_next;   /* among rows whose waits have not passed, in order of time */
  int32_t event;       /* the first of its event ids; −1: none */
  uint32_t generation; /* grows whenever the place is taken; part of the decision id */
  uint32_t step;       /* in its episode, from 0 */
  uint32_t objective;  /* version of the objective in force (prl_experience_counts) */
  uint32_t episode;    /* its number, where options.paired; else 0 */
  uint8_t kind;
  uint8_t end; /* of a ghost: PRL_END_NONE while it may become the next row */
  uint8_t state;
  uint8_t told : 1; /* `elapsed` came with the step */
  uint8_t arm : 6;  /* of the stream, when it was recorded */
  uint8_t left : 1; /* likewise: it reaches no batch */
  float
      elapsed; /* s from the decision to what follows it, ≥ 0; known once the row has a successor or an end */
} prl_row;

/* All zero: never used, and the next one follows it (prl_event_next). */
typedef struct prl_event {
  uint64_t id;
  int32_t next; /* −1: none */
  int32_t unused;
} prl_event;

/* The integers of the experience, saved as they are. */
typedef struct prl_experience_counts {
  int64_t now;          /* the agent's time, µs */
  int64_t decisions;    /* recorded since the beginning */
  int64_t live, closed; /* rows in the pool; of these closed, without those that reach no batch */
  int64_t free_head, free_count;
  int64_t ring;         /* positions of the ring of free places ever written */
  int64_t fresh;        /* places ever taken; the others follow */
  int64_t streams_used; /* slots ever taken */
  int64_t hand;         /* where the search for a stream to forget continues */
  int64_t forgotten;    /* a number that no forgotten stream's episodes reach; grows with each of them */
  int64_t call;
  int64_t idle_head, idle_tail, wait_head, wait_tail, event_head;
  int64_t min_version; /* older rows are not learned from */
  int64_t objective;   /* version of the objective in force: how often it was changed */
  int64_t dropped_steps, late_feedback, duplicate_feedback, stale_steps, idle_streams;
} prl_experience_counts;

/* What the first decision that was not recorded lacked; no part of what is saved. */
typedef enum prl_lack { PRL_LACKS_NOTHING, PRL_LACKS_ROWS, PRL_LACKS_STREAMS } prl_lack;
typedef struct prl_shortage {
  prl_lack lacks;
  int64_t streams; /* of that call, without a place */
  int64_t waiting; /* rows that wait for responses at once, at the rate of then; −1: the time stood still */
  int64_t closed;  /* rows that an update could take */
  int64_t call;
} prl_shortage;

typedef struct prl_replay prl_replay; /* rl/replay.h */

/* Told of a row that will not be learned from, since an older policy acted it, before it is gone. */
typedef void (*prl_stale_fn)(void *context, int64_t place);

typedef struct prl_experience {
  prl_runtime *runtime;
  prl_stale_fn stale; /* NULL: nobody asks */
  void *stale_context;
  prl_replay *replay; /* borrowed: where a late response still finds its row; NULL: nowhere */
  prl_experience_options options;
  prl_response_rule *rules;
  float *missing; /* (responses) */
  int64_t places; /* rows of the pool, ghosts included */
  prl_shortage shortage;
  prl_experience_counts n;
  prl_row *rows;
  float *observation, *action, *log_prob, *response; /* (places, …) */
  float *lasting;                                    /* (places, options.lasting) */
  uint64_t *key; /* (places), where options.dated: of the stream, whose slot may be another one's by now */
  int64_t present_stride; /* bytes: responses, up to a multiple of 4 */
  uint8_t *present;       /* (places, present_stride) */
  int32_t *free; /* (places), a ring, so that a place is taken again late and late feedback is still known */
  int64_t rest;  /* a freed place rests until as many others are free; keeps the places in use few and near */
  prl_event *events;
  prl_stream *streams;
  float *memory;  /* (streams, memory): the state after the last decision of the episode that runs */
  int32_t *table; /* open addressing: slot + 1, 0 for none */
  int64_t table_size;
  int32_t *slot;    /* (streams) of the rows of the last call; also the guess for the next one */
  int32_t *order;   /* (streams), scratch of freeze */
  int64_t *numbers; /* (rows), scratch of freeze */
  uint8_t *seen;    /* (places), scratch of check */
#ifndef NDEBUG
  int64_t unchecked; /* changes since all of it was looked at */
#endif
} prl_experience;

/* The frozen rows of one update, in order of (stream key, step), and the observations that they bootstrap
 * from. */
typedef struct prl_batch {
  int64_t rows, bootstraps, observed; /* the third: their sum */
  int64_t capacity;                   /* of each of the two */
  int64_t most;                       /* rows that are frozen at once; the capacity, if nobody says less */
  float *observation; /* (rows, O), then (bootstraps, O) right behind; room for 2 × capacity */
  float *action;      /* (rows, A) */
  float *log_prob;    /* (rows); not finite: the action was chosen without a density */
  float *arm;         /* (rows): which of several policies acted; where options.arms is not 0 */
  float *response;    /* (rows, R) */
  float *lasting;     /* (rows, options.lasting) */
  int32_t *successor; /* (rows): the place of the next state's observation; −1 after a terminated episode */
  bool finals;        /* the following has room, as options.finals says */
  int32_t *arrival; /* (rows): the same as the successor; after a terminated episode its final observation, or
                     * the row's own where nobody told that */
  int32_t *stream;  /* (rows): slot */
  uint32_t
      *step;    /* (rows): in its episode, from 0; the streams' rows may have gaps where steps were dropped */
  int32_t *end; /* (rows): PRL_END_…; NONE inside an episode */
  float *elapsed;     /* (rows): s to the next state */
  int64_t *time;      /* (rows): of the decision, the agent's, µs; where options.dated */
  uint64_t *key;      /* (rows): of the stream, whose slot may be another one's by now; where options.dated */
  bool kept;          /* the following four are filled, as options.kept says; else they have no room */
  int64_t *version;   /* (rows): of the policy that acted */
  int32_t *objective; /* (rows): version of the objective that was in force then */
  uint64_t *decision; /* (rows): ids, then of the decisions that the bootstraps wait for; 0: none will come */
  uint8_t *present;   /* (rows, present_stride): which responses were reported */
} prl_batch;

/* Fails: PRL_ENOMEM, PRL_EINVAL (a capacity below 1: name and value). */
prl_status prl_experience_new(prl_runtime *runtime, const prl_experience_options *options,
                              prl_experience **out, prl_error *error);
void prl_experience_free(prl_experience *experience);
/* What prl_experience_new allocates for these options, which are within its bounds. */
int64_t prl_experience_bytes(const prl_experience_options *options);
int64_t prl_experience_places(const prl_experience_options *options);  /* rows of the pool, ghosts included */
int64_t prl_experience_present(const prl_experience_options *options); /* bytes: present_stride */
prl_status prl_experience_blocks(prl_experience *experience, prl_blocks *blocks, prl_error *error);
/* After the blocks were read from a file: checks every index and list and finds the streams again. Fails:
 * PRL_EFORMAT (what does not hold); the experience may then only be freed. */
prl_status prl_experience_restore(prl_experience *experience, prl_error *error);
/* Goes on where the other is, which has the same widths and no more streams, rows or events: all that it
 * holds stands at the same places, so that its decisions are still known. Streams are found again. */
void prl_experience_take(prl_experience *to, const prl_experience *from);
/* What does not hold of it, a noun; NULL: it is whole. */
const char *prl_experience_broken(const prl_experience *experience);

/* Moves the agent's time on: waits pass, idle streams are truncated. Fails: PRL_EINVAL (backwards: both
 * times; above PRL_COUNT_MOST). */
prl_status prl_experience_time(prl_experience *experience, int64_t now_us, prl_error *error);
/* These streams (n) count as called at that time, which is to come next: they are not idle, however long a
 * step of their environment takes. */
void prl_experience_alive(prl_experience *experience, const uint64_t *streams, int64_t n, int64_t until_us);

/* Finds or makes the streams of a call: experience->slot[i], −1 where there is no room. Rows from `streams`
 * capacity on are ignored. Fails: PRL_EINVAL (a stream twice: its key). */
prl_status prl_experience_enter(prl_experience *experience, const uint64_t *streams, int64_t n,
                                prl_error *error);
/* The next decision of a stream will be that step of that episode; steps between are missing. Where there is
 * no room for the stream nothing happens: prl_experience_enter finds none either. Fails: PRL_EINVAL (the
 * stream has passed it; an earlier episode of it still runs). */
prl_status prl_experience_expect(prl_experience *experience, uint64_t stream, uint32_t episode, uint32_t step,
                                 prl_error *error);
/* What the decisions of a call are made of: observation (n, O), action (n, A), log_prob (n), lasting (n,
 * options.lasting; NULL: there are none), what the state of the policy's memory came to (n, options.memory;
 * NULL without one) and the policy's version. */
typedef struct prl_decided {
  const float *observation, *action, *log_prob, *lasting, *memory;
  uint64_t version;
} prl_decided;
/* Records the decisions of the call that was entered. decisions (n): 0 where there was no room. */
void prl_experience_record(prl_experience *experience, const prl_decided *decided, int64_t n,
                           uint64_t *decisions);
/* The state of the policy's memory of the stream in a slot; NULL: it is all zeros, as when an episode begins.
 */
const float *prl_experience_memory(const prl_experience *experience, int32_t slot);
/* Whether all rows were acted with a density: one without it has one that is not a number. */
bool prl_experience_dense(const prl_experience *experience);
/* How long the steps of decisions that are still open took, each on its own clock. Otherwise a step
 * lasts until the agent's time at which its successor or its end is made known. A time below 0 counts as 0,
 * decision 0 is passed over. */
void prl_experience_elapsed(prl_experience *experience, const uint64_t *decisions, const int64_t *elapsed_us,
                            int64_t n);
/* The next observation of streams, known before they act again. A stream without an open step is passed over.
 * Fails: PRL_ENAME (an unknown stream; the others are applied). */
prl_status prl_experience_observe(prl_experience *experience, const uint64_t *streams,
                                  const float *observation, int64_t n, prl_error *error);
/* The stream's episode goes on elsewhere: what is open closes with this observation. */
void prl_experience_leave(prl_experience *experience, uint64_t stream, const float *observation);
/* The stream's episode of that number runs already, and its next decision is that step of it: it is not
 * reported as a whole one. Fails: PRL_ELIMIT (no room for another stream). */
prl_status prl_experience_join(prl_experience *experience, uint64_t stream, uint32_t episode, uint32_t step,
                               prl_error *error);
/* Fails: PRL_ENAME (unknown, or no episode runs). */
prl_status prl_experience_finish(prl_experience *experience, uint64_t stream, bool terminated,
                                 const float *final_observation, prl_error *error);
/* Ends every episode that runs, a truncated one with its stream's last observation. How many there were. */
int64_t prl_experience_finish_all(prl_experience *experience, bool terminated);
/* Responses (n, responses) of decisions; see prl_agent_feedback. An event id of 0 is none. Decision 0 is
 * passed over. Fails, after the other rows are applied: PRL_ENAME, PRL_ENUMERIC, PRL_ELIMIT (no room for an
 * event id). */
prl_status prl_experience_feedback(prl_experience *experience, const uint64_t *decisions,
                                   const float *responses, const uint8_t *present, const uint64_t *events,
                                   int64_t n, prl_error *error);

/* The objective changes: rows that come from now on are of its next version, if there were any before. */
void prl_experience_objective(prl_experience *experience);
/* The episodes that run are left to a policy that does not learn: what it decides in them is recorded, and
 * gone when it closes. Where only whole episodes are learned from, so is what was decided in them before. */
void prl_experience_leave_all(prl_experience *experience);
/* They go on as the learning policy's. */
void prl_experience_take_back(prl_experience *experience);
int64_t prl_experience_left(const prl_experience *experience); /* how many run that are left so */
/* A new policy version is in force; rows acted under one before min_version will not be learned from. */
void prl_experience_version(prl_experience *experience, uint64_t min_version);

prl_status prl_batch_init(prl_batch *batch, prl_runtime *runtime, int64_t capacity,
                          const prl_experience_options *shape, prl_error *error);
/* The rows of another batch, raw as they were frozen, of which there are no more than it holds. What only one
 * of the two has room for is left out, and 0 where it is the copy. */
void prl_batch_copy(prl_batch *to, const prl_experience_options *shape, const prl_batch *from,
                    const prl_experience_options *of);
int64_t prl_batch_bytes(int64_t capacity, const prl_experience_options *shape); /* what it allocates */
void prl_batch_deinit(prl_batch *batch, prl_runtime *runtime);
/* Copies closed rows into the batch, the oldest first where there are more than it holds, and frees their
 * places. */
void prl_experience_freeze(prl_experience *experience, prl_batch *batch);

int32_t prl_streams_find(const prl_experience *experience, uint64_t key); /* the slot; −1: unknown */
bool prl_streams_rebuild(prl_experience *experience); /* the table, from the slots; false: a key twice */

#endif
