/* What a host should know: a capacity that was full, a constraint that cannot be met. */
#include "agent/snapshot.h"

#include <inttypes.h>

#include "core/number.h"

static const double least_effective = 0.01;

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

/* Its room is as the builder made it (lua/perilune/recipe/control.lua). */
static void write_control(prl_agent *a) {
  const prl_experience *e = prl_control_experience(a->control);
  prl_format(a->notice, sizeof a->notice,
             "a decision of the control group was not recorded (dropped_steps): it has room for %" PRId64
             " streams and %" PRId64 " steps; set agent.%s to more, or agent.baseline.traffic to less",
             e->options.streams, e->options.rows,
             e->shortage.lacks == PRL_LACKS_STREAMS ? "streams" : "rows");
}

static void write_constraint(prl_agent *a) {
  const char *name;
  double bound, violation;
  if (!prl_learner_stuck(a->learner, &name, &bound, &violation)) return;
  prl_format(
      a->notice, sizeof a->notice,
      "the constraint %s cannot be met: its multiplier is at its bound, %g, and the violation, %.3g of "
      "its unit, does not fall",
      name, bound, violation);
}

/* Weights by which hardly a step counts: an update follows a few of them. */
static void write_weights(prl_agent *a) {
  double share;
  if (!prl_learner_metric(a->learner, "effective", &share) || share >= least_effective) return;
  prl_format(
      a->notice, sizeof a->notice,
      "the weights of the steps have degenerated: the effective sample size of an update was %.2g %% of its "
      "steps (metric effective)",
      100 * share);
}

static void write_late(prl_agent *a) {
  prl_format(a->notice, sizeof a->notice,
             "other threads act by an older version than %" PRId64
             ": there was no memory for another snapshot (release those that are held)",
             prl_policy_version(a->policy));
}

static void write_notice(prl_agent *a) {
  const prl_shortage *s = &a->experience->shortage;
  if (s->lacks == PRL_LACKS_STREAMS) {
    write_streams(a, s);
  } else if (s->lacks != PRL_LACKS_NOTHING) {
    write_rows(a, s);
  } else if (a->control && prl_control_experience(a->control)->shortage.lacks != PRL_LACKS_NOTHING) {
    write_control(a);
  } else if (a->board && a->board->late) {
    write_late(a);
  } else {
    write_constraint(a);
    if (!*a->notice) write_weights(a);
  }
}

/* The first thing to say stays. */
const char *prl_agent_notice(prl_agent *a) {
  if (!a) return NULL;
  if (!*a->notice) write_notice(a);
  return *a->notice ? a->notice : NULL;
}
