/* The one place that reads the machine's clock: for budgets and for reports, never for the agent's time. */
#ifndef PRL_CORE_CLOCK_H
#define PRL_CORE_CLOCK_H

#include <stdint.h>

int64_t prl_clock_ns(void); /* monotonic */
/* The time of prl_clock_ns by which a budget (≥ 1 µs) is spent, at most INT64_MAX. One of 1 µs is spent at
 * once: work that looks at the clock after each piece then stops after one, at any pace of the machine. */
int64_t prl_clock_deadline(int64_t microseconds);
int64_t
prl_clock_work_ns(void); /* processor time of this thread: a cap by it does not depend on other load */

#endif
