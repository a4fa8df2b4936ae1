/* Asks the caller's watch, at most once in a while. */
#include "core/watch.h"

#include <inttypes.h>

#include "core/clock.h"

static const int64_t pause_ns = INT64_C(50000000);

prl_status prl_watch_ask(const prl_watch *watch, int64_t *asked_ns, int64_t done, int64_t total,
                         const char *what, prl_error *error) {
  if (!watch->go_on) return PRL_OK;
  int64_t now = prl_clock_ns();
  if (!*asked_ns) *asked_ns = now;
  if (now - *asked_ns < pause_ns) return PRL_OK;
  *asked_ns = now;
  if (watch->go_on(watch->context, done, total)) return PRL_OK;
  return prl_fail(error, PRL_ESTOPPED, "%s was stopped after %" PRId64 " of %" PRId64, what, done, total);
}
