/* How a long call asks its caller's watch: at intervals of time, so that neither short steps pay for it
 * nor long ones are waited for. */
#ifndef PRL_CORE_WATCH_H
#define PRL_CORE_WATCH_H

#include "perilune/core.h"

/* Asks the watch, if there is one and the last time is long enough ago: *asked_ns, 0 as the call begins.
 * Fails: PRL_ESTOPPED, with `what` in the message. */
prl_status prl_watch_ask(const prl_watch *watch, int64_t *asked_ns, int64_t done, int64_t total,
                         const char *what, prl_error *error);

#endif
