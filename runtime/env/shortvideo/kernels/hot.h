/* Names of the functions of one kernel table. */
#ifndef PRL_ENV_SHORTVIDEO_HOT_H
#define PRL_ENV_SHORTVIDEO_HOT_H

#include "env/feed/vector.h"

void FEED_TABLE_OF(prl_shortvideo_candidates_)(const sv_shared *shared, sv_user *user);
void FEED_TABLE_OF(prl_shortvideo_rank_)(const sv_shared *shared, const sv_user *user, const float *weight,
                                         int32_t shown, int32_t *order);
void FEED_TABLE_OF(prl_shortvideo_watch_)(const sv_shared *shared, sv_user *const *user, int32_t lanes,
                                          int32_t (*order)[SV_MAX_SHOWN], float (*response)[SV_RESPONSES],
                                          bool *left);

#endif
