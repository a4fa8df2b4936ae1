/* What a host should know of a capacity that was full. */
#include "agent/agent.h"

#include <inttypes.h>

#include "core/number.h"

/* The response that steps wait for longest. */
static const prl_response_spec *longest_wait(const prl_env_spec *spec) {
  const prl_response_spec *longest = &spec->response[0];
  for (int32_t r = 1; r < spec->responses; r++)
    if (spec->response[r].wait_us > longest->wait_us) longest = &spec->response[r];
  return longest;
}

static void write_streams(prl_agent *a, const prl_shortage *s) {
  const int64_t streams = a->experience->options.streams;
  prl_format(a->notice, sizeof a->notice,
             "a decision was not recorded (dropped_steps): each of %" PRId64
             " streams had an open episode; set agent.streams to %" PRId64
             " or more, finish episodes that have ended, or let agent.idle end them",
             streams, streams + s->streams);
}

/* An update, what comes in while it is learned, and what waits. */
static void write_rows(prl_agent *a, const prl_shortage *s) {
  const int64_t rows = a->experience->options.rows, batch = a->shape->frozen_rows;
  const int64_t needed = 2 * batch + s->waiting;
  const prl_response_spec *longest = longest_wait(&a->shape->spec);
  char why[200];
  if (s->waiting < 0)
    prl_format(why, sizeof why,
               "steps wait %g s for %s, and no time has passed: tell it by agent:time (prl_agent_time)",
               (double)longest->wait_us * 1e-6, longest->name);
  else if (needed <= rows)
    prl_format(why, sizeof why,
               "%" PRId64 " of them were ready, of which an update takes %" PRId64
               ": learn more often, or for longer",
               s->closed, batch);
  else if (s->waiting > 0)
    prl_format(why, sizeof why,
               "steps wait %g s for %s, in which about %" PRId64 " are made; set agent.rows to %" PRId64
               " or more",
               (double)longest->wait_us * 1e-6, longest->name, s->waiting, needed);
  else
    prl_format(why, sizeof why, "an update takes %" PRId64 "; set agent.rows to %" PRId64 " or more", batch,
               needed);
  prl_format(a->notice, sizeof a->notice,
             "a decision was not recorded (dropped_steps): %" PRId64 " steps were held, and %s", rows, why);
}

const char *prl_agent_notice(prl_agent *a) {
  const prl_shortage *s = a ? &a->experience->shortage : NULL;
  if (!s || s->lacks == PRL_LACKS_NOTHING) return NULL;
  if (!*a->notice) (s->lacks == PRL_LACKS_STREAMS ? write_streams : write_rows)(a, s);
  return a->notice;
}
