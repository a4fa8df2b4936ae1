/* The hot functions of a feed, compiled for each kernel table (core/kernel_tables.h). */
#ifndef PRL_ENV_FEED_TABLE_H
#define PRL_ENV_FEED_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/kernel_tables.h"

enum {
  FEED_LANES = 8, /* people who are simulated side by side */
  FEED_MAX_SHOWN = 12,
  FEED_MAX_CANDIDATES = 128,
  FEED_MAX_HISTORY = 16, /* ids of videos that an observation has */
  FEED_MAX_WEIGHTS = 10
};

/* shared, user: the environment's own structs. */
typedef struct feed_table {
  /* Draws the candidates of the user's next request with their predictions and statistics. */
  void (*candidates)(const void *shared, void *user);
  /* The best `shown` in order. weight: as many as the environment has. order: positions among the candidates.
   */
  void (*rank)(const void *shared, const void *user, const float *weight, int32_t shown, int32_t *order);
  /* Lets up to FEED_LANES users watch what they were shown; users past `lanes` repeat the first. response:
   * lanes rows. */
  void (*watch)(const void *shared, void *const *user, int32_t lanes, int32_t (*order)[FEED_MAX_SHOWN],
                float *response, bool *left);
} feed_table;

/* In files that are compiled for each table: the functions of an environment, and the table of them. */
#define FEED_TABLE_FUNCTIONS(env)                                                                            \
  void PRL_TABLE_OF(prl_##env##_candidates_)(const void *shared, void *user);                                \
  void PRL_TABLE_OF(prl_##env##_rank_)(const void *shared, const void *user, const float *weight,            \
                                       int32_t shown, int32_t *order);                                       \
  void PRL_TABLE_OF(prl_##env##_watch_)(const void *shared, void *const *user, int32_t lanes,                \
                                        int32_t(*order)[FEED_MAX_SHOWN], float *response, bool *left)
#define FEED_TABLE(env)                                                                                      \
  const feed_table PRL_TABLE_OF(prl_##env##_table_) = {PRL_TABLE_OF(prl_##env##_candidates_),                \
                                                       PRL_TABLE_OF(prl_##env##_rank_),                      \
                                                       PRL_TABLE_OF(prl_##env##_watch_)}

#endif
