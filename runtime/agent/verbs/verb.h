/* What a verb is. Each family has its own file, which ends with the verbs' entries. A new verb is such
 * an entry and a line of PRL_VERBS. */
#ifndef PRL_AGENT_VERBS_VERB_H
#define PRL_AGENT_VERBS_VERB_H

#include "agent/learner/parts.h"
#include "agent/verbs/schedule.h"

typedef struct prl_verb_type prl_verb_type;

/* One entry of the flat list. */
typedef struct prl_verb {
  const prl_verb_type *type;
  void *fields;    /* what `read` made of the document: a struct of the verb's own */
  int64_t *cursor; /* (type->cursor) its position: 0 when it begins; saved */
  int index;       /* in the list */
  int end;         /* of a loop: the entry behind its body, which goes back or on; else −1 */
  int loop;        /* of that entry: its loop; else −1 */
  int outermost;   /* the outermost loop around it; −1: none */
  int minibatches; /* the loop of minibatches around it; −1: none */
} prl_verb;

struct prl_schedule {
  prl_runtime *runtime;
  prl_learner *learner;
  prl_verb *verbs;
  int count;
  int64_t at;  /* the cursor's verb: saved */
  bool filled; /* the inputs of the program at the cursor are in place */
};

/* What a verb is read with. */
typedef struct prl_verb_reader {
  prl_learner *learner;
  const prl_value *map; /* the verb in the document */
  prl_verb *verb;       /* its place among the others is known */
  const char *where;    /* "schedule.copy" */
  unsigned needs;       /* told: PRL_MADE_…, beside those of the type */
} prl_verb_reader;

/* Flags. OWN: it takes the rows as acted by the policy that learns. */
enum { PRL_VERB_TOP = 1, PRL_VERB_ONCE = 2, PRL_VERB_LOOP = 4, PRL_VERB_OWN = 8 };

struct prl_verb_type {
  const char *name;
  const char *const *keys;        /* of the document, beside `verb`; ends with NULL; NULL: none */
  const char *fields_text, *text; /* for the table of README.md: its fields; what it does */
  size_t fields_size;             /* bytes */
  int cursor;                     /* int64 numbers */
  unsigned needs, makes;          /* PRL_MADE_…: of verbs before it; for verbs after it */
  unsigned replaces;              /* PRL_MADE_…: what verbs before it made is no more */
  unsigned flags;
  prl_status (*read)(prl_verb_reader *reader, void *fields, prl_error *error); /* NULL: no fields */
  /* One piece of it. It stays at the cursor where it sets turn->next to its own index. */
  prl_status (*execute)(prl_schedule *schedule, prl_verb *verb, prl_turn *turn, prl_error *error);
  bool (*holds)(const prl_schedule *schedule,
                const prl_verb *verb); /* cursor after a load; NULL: no cursor */
  /* Closed steps that it waits for; NULL: none. */
  int64_t (*waits)(const prl_schedule *schedule, const prl_verb *verb);
};

/* The one list of verbs: it gives the externs and the table. */
#define PRL_VERBS(VERB)                                                                                      \
  VERB(collect)                                                                                              \
  VERB(freeze)                                                                                               \
  VERB(remember)                                                                                             \
  VERB(sample)                                                                                               \
  VERB(rewards)                                                                                              \
  VERB(novelty)                                                                                              \
  VERB(values)                                                                                               \
  VERB(ratios)                                                                                               \
  VERB(continuation)                                                                                         \
  VERB(advantages)                                                                                           \
  VERB(vtrace)                                                                                               \
  VERB(returns)                                                                                              \
  VERB(weigh)                                                                                                \
  VERB(epochs)                                                                                               \
  VERB(minibatches)                                                                                          \
  VERB(updates)                                                                                              \
  VERB(every)                                                                                                \
  VERB(run)                                                                                                  \
  VERB(copy)                                                                                                 \
  VERB(perturb)                                                                                              \
  VERB(stop)                                                                                                 \
  VERB(publish)

#define PRL_VERB_EXTERN(name) extern const prl_verb_type prl_verb_##name;
PRL_VERBS(PRL_VERB_EXTERN)

extern const prl_verb_type *const prl_verb_types[];        /* ends with NULL */
const prl_verb_type *prl_verb_type_find(const char *name); /* NULL: there is none */
extern const prl_verb_type prl_verb_end;                   /* behind a loop's body; not in documents */

/* freeze.c: an update begins with the closed rows, raw; their observations are gathered and normalised. */
prl_status prl_update_begin(prl_learner *learner, prl_error *error);
/* Counts the control group's steps before its experience is full of them, while an update is awaited. Fails
 * as prl_update_begin. */
prl_status prl_update_relieve(prl_learner *learner, prl_error *error);
void prl_update_observe(prl_learner *learner);
/* The batch's observations, raw before that, where they stand; raw ones are kept where programs read them. */
void prl_update_normalise(prl_learner *learner);

/* copy.c: the parameter set that the document names under `key`. Fails: PRL_EFORMAT. */
prl_status prl_verb_set(const prl_verb_reader *reader, const char *key, prl_params **out, prl_error *error);
/* stop.c: the gauge of the metric that it names, which a program reports. Fails: PRL_EFORMAT, with the
 * nearest. */
prl_status prl_verb_metric(const prl_verb_reader *reader, const char *key, int *gauge, prl_error *error);

/* tile.c: the cursor of a verb that takes `all` rows in tiles of capacity.tile; 0 again behind the last one.
 */
enum { PRL_TILE_ROWS, PRL_TILE_CURSOR };
typedef prl_status prl_tile(prl_learner *learner, int64_t first, int64_t rows, prl_error *error);
/* The next tile; the verb stays at the cursor until the last one is done. Fails: as `tile` does. */
prl_status prl_verb_tile(prl_schedule *schedule, prl_verb *verb, int64_t all, prl_tile *tile, prl_turn *turn,
                         prl_error *error);
bool prl_verb_tile_holds(const prl_schedule *schedule, const prl_verb *verb); /* of the batch's rows */

/* loop.c: the rows of the minibatch that the verb runs in; all frozen rows where it runs in none. */
typedef struct prl_minibatch {
  const int32_t *order; /* NULL: in their own order */
  int64_t first, rows;
} prl_minibatch;
prl_minibatch prl_minibatch_of(const prl_schedule *schedule, const prl_verb *verb);

#endif
