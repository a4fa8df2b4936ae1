/* Decisions that were made elsewhere (actor.c) enter the agent's experience, row by row: what comes from a
 * log is in order, may name a stream several times, and a row that is wrong says nothing against the others.
 */
#include <inttypes.h>
#include <math.h>

#include "agent/ramp.h"
#include "agent/snapshot.h"
#include "core/arguments.h"

/* A row of a call. */
typedef struct made_row {
  const prl_decisions *call;
  int64_t row;
  uint64_t stream, group, version;
  const float *observation, *drawn;
  float log_prob;
  uint8_t arm;
} made_row;

/* ---- what is wrong with a row ---- */

/* A message names the row of the call: those before it are right, or it is not told. */
static prl_status check_numbers(const prl_agent *a, const made_row *r, prl_error *error) {
  if (prl_policy_check(a->policy, r->observation, 1, NULL))
    return prl_policy_check(a->policy, r->call->observation, r->row + 1, error);
  if (prl_policy_check_actions(a->policy, r->drawn, 1, NULL))
    return prl_policy_check_actions(a->policy, r->call->drawn, r->row + 1, error);
  if (r->arm == PRL_ARM_BASELINE || !prl_policy_dense(a->policy) || isfinite(r->log_prob)) return PRL_OK;
  return prl_fail(error, PRL_ENUMERIC, "the log_prob of row %" PRId64 " is %g", r->row + 1,
                  (double)r->log_prob);
}

static prl_status check_version(const prl_agent *a, const made_row *r, prl_error *error) {
  const int64_t newest = prl_policy_version(a->policy);
  if (r->version <= (uint64_t)newest) return PRL_OK;
  return prl_fail(error, PRL_EINVAL, "the version of row %" PRId64 " is %" PRIu64 "; the newest is %" PRId64,
                  r->row + 1, r->version, newest);
}

/* Which policy acted, and whether that is the one that serves the group. */
static prl_status check_arm(const prl_agent *a, const made_row *r, prl_error *error) {
  const bool baseline = r->arm == PRL_ARM_BASELINE;
  const int arms = a->shape->experience.arms > 1 ? a->shape->experience.arms : 1;
  if (baseline && !a->control)
    return prl_fail(error, PRL_EINVAL,
                    "the baseline acted in row %" PRId64
                    ", and the agent has no control group (agent.baseline)",
                    r->row + 1);
  if (!baseline && r->arm >= arms)
    return prl_fail(error, PRL_EINVAL, "policy %d acted in row %" PRId64 "; the agent has %d, counted from 0",
                    r->arm, r->row + 1, arms);
  if (!a->control || prl_control_serves(a->control, a->experience, r->stream, r->group) == baseline)
    return PRL_OK;
  return prl_fail(error, PRL_EINVAL,
                  "%s acted in row %" PRId64 ", and %s serves stream %" PRIu64 " of group %" PRIu64,
                  baseline ? "the baseline" : "the policy that learns", r->row + 1,
                  baseline ? "the policy that learns" : "the baseline", r->stream, r->group);
}

static prl_status check_row(const prl_agent *a, const made_row *r, prl_error *error) {
  prl_status status = check_numbers(a, r, error);
  if (!status) status = check_version(a, r, error);
  return status ? status : check_arm(a, r, error);
}

/* ---- recording ---- */

static prl_status record_row(prl_agent *a, const made_row *r, uint64_t *decision, prl_error *error) {
  const bool baseline = r->arm == PRL_ARM_BASELINE;
  prl_experience *e = baseline ? prl_control_experience(a->control) : a->experience;
  const uint64_t *numbers = r->call->numbers;
  prl_status status = PRL_OK;
  if (numbers)
    status = prl_experience_expect(e, r->stream, (uint32_t)(numbers[r->row] >> 32), (uint32_t)numbers[r->row],
                                   error);
  if (!status) status = prl_experience_enter(e, &r->stream, 1, error);
  if (status) return status;
  if (e->options.arms && e->slot[0] >= 0) e->streams[e->slot[0]].arm = r->arm;
  const prl_decided decided = {
      .observation = r->observation, .action = r->drawn, .log_prob = &r->log_prob, .version = r->version};
  prl_experience_record(e, &decided, 1, decision);
  return PRL_OK;
}

/* ---- the host's call ---- */

static prl_status check(const prl_agent *a, const prl_decisions *d, const uint64_t *decisions,
                        prl_error *error) {
  prl_status status = PRL_GIVEN(error, "agent made", a, d);
  if (!status) status = PRL_WITHIN(error, "made.n", d->n, 0, PRL_ROWS_MOST);
  if (status || !d->n) return status;
  status = PRL_GIVEN(error, "made.streams made.observation made.drawn made.versions decisions", d->streams,
                     d->observation, d->drawn, d->versions, decisions);
  if (!status && prl_policy_dense(a->policy)) status = PRL_GIVEN(error, "made.log_prob", d->log_prob);
  if (!status && (a->control || a->shape->experience.arms > 1))
    status = PRL_GIVEN(error, "made.arms", d->arms);
  if (!status) status = prl_decisions_check(d, error);
  const char *bound = status ? NULL : prl_ramp_bound(a);
  if (!status && !bound) bound = prl_policy_bound(a->policy);
  return bound ? prl_fail(error, PRL_ESTATE, "nothing is recorded that was made elsewhere: %s", bound)
               : status;
}

static made_row row_of(const prl_agent *a, const prl_decisions *d, int64_t i) {
  const prl_env_spec *s = &a->shape->spec;
  return (made_row){.call = d,
                    .row = i,
                    .stream = d->streams[i],
                    .group = d->groups ? d->groups[i] : d->streams[i],
                    .version = d->versions[i],
                    .observation = d->observation + i * s->observations,
                    .drawn = d->drawn + i * s->actions,
                    .log_prob = d->log_prob && prl_policy_dense(a->policy) ? d->log_prob[i] : NAN,
                    .arm = d->arms ? d->arms[i] : 0};
}

prl_status prl_agent_record(prl_agent *a, const prl_decisions *made, uint64_t *decisions, prl_error *error) {
  prl_status first = check(a, made, decisions, error);
  if (first) return first;
  if (a->control) prl_control_pair(a->control, false);
  for (int64_t i = 0; i < made->n; i++) {
    const made_row row = row_of(a, made, i);
    prl_error *told = first ? NULL : error;
    decisions[i] = 0;
    if (a->shape->experience.paired) continue; /* a user has no twin: nothing can be learned from it */
    prl_status status = check_row(a, &row, told);
    if (!status) status = record_row(a, &row, &decisions[i], told);
    if (!first) first = status;
  }
  return first;
}
