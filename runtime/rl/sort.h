/* Ordering in place, without memory and with the same result everywhere. */
#ifndef PRL_RL_SORT_H
#define PRL_RL_SORT_H

#include "rl/experience.h"

/* Slots in ascending order of their streams' keys; keys are distinct. */
void prl_sort_slots(int32_t *slots, int64_t count, const prl_stream *streams);
/* The value of rank `rank` (from 0) among `count` distinct values, which are moved about. */
int64_t prl_select(int64_t *values, int64_t count, int64_t rank);

#endif
