/* Sums over whole units of a stream's life: steps, episodes or days. They run on from update to update. */
#ifndef PRL_RL_UNITS_H
#define PRL_RL_UNITS_H

#include "core/value.h"
#include "rl/experience.h"

typedef enum prl_per { PRL_PER_STEP, PRL_PER_EPISODE, PRL_PER_DAY } prl_per;

typedef struct prl_units {
  prl_per per;
  int64_t streams, width;
  double *sum;   /* (streams, width) of the unit that runs; per step: none */
  double *gone;  /* (streams): of an episode its steps, of a day its seconds; per step: none */
  double *whole; /* (width): the unit that ended last */
} prl_units;

/* "step", "episode" or "user_day", in the document's map. Fails: PRL_EFORMAT. */
prl_status prl_per_read(const prl_value *map, const char *where, prl_per *out, prl_error *error);

enum { PRL_UNITS_PIECES = 3 };
/* The blocks of units whose first three fields are set. Returns PRL_UNITS_PIECES. */
int prl_units_list(prl_units *units, prl_piece pieces[PRL_UNITS_PIECES]);
/* Named prefix + "sum" and prefix + "gone". */
prl_status prl_units_blocks(const prl_units *units, const char *prefix, prl_blocks *blocks, prl_error *error);
/* Adds a row of the batch, which came to these values (width). Returns the sums of the unit that ended with
 * it (width), valid until the next call; NULL: none did. Rows of a stream come in their order. An episode
 * that lacks steps (dropped, stale) is none. The days of a stream follow each other through its episodes and
 * the time between them; one of several days without a step counts once. */
const double *prl_units_add(prl_units *units, const prl_batch *batch, int64_t row, const float *values);

#endif
