/* The one place that reads the machine's clock: for budgets and for reports, never for the agent's time. */
#ifndef PRL_CORE_CLOCK_H
#define PRL_CORE_CLOCK_H

#include <stdint.h>

int64_t prl_clock_ns(void); /* monotonic */
int64_t
prl_clock_deadline(int64_t microseconds); /* of prl_clock_ns, so long (≥ 0) from now: at most INT64_MAX */
int64_t
prl_clock_work_ns(void); /* processor time of this thread: a cap by it does not depend on other load */

#endif
