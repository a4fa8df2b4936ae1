/* Names of the functions of one kernel table. */
#ifndef PRL_ENV_SHORTVIDEO_HOT_H
#define PRL_ENV_SHORTVIDEO_HOT_H

#include "env/feed/table.h"
#include "env/feed/vector.h"

FEED_TABLE_FUNCTIONS(shortvideo);

#endif
