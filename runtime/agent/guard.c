/* Guards at work: what a host sees of them, the way back where one fires, and a ramp's next share where all
 * hold.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "agent/control/guards.h"
#include "agent/ramp.h"
#include "agent/shadow.h"
#include "core/number.h"

int prl_agent_guards(prl_agent *a, const prl_guard **guards) {
  if (!a || !guards || !a->control) return 0;
  const int count = prl_control_guards(a->control);
  for (int i = 0; i < count; i++) prl_control_guard_of(a->control, i, &a->guards[i]);
  *guards = a->guards;
  return count;
}

const prl_guard *prl_agent_breach(const prl_agent *a, int64_t *update) {
  if (!a || !a->breach_update) return NULL;
  if (update) *update = a->breach_update;
  return &a->breach;
}

/* The sentence of a breach; back: NULL where the agent went back to before the swap, else why it did not. */
static void write_breach(prl_agent *a, const prl_guard *g, const char *back) {
  const char *way = g->at_least ? "least" : "most";
  char what[200];
  if (isnan(g->low))
    prl_format(what, sizeof what, "%s came to %.4g in an update, and may be at %s %.4g", g->name, g->value,
               way, g->bound);
  else
    prl_format(what, sizeof what,
               "%s is %+.2f %% over the control group (%+.2f to %+.2f), and may be at %s %+.2f %%; %" PRId64
               " users beside %" PRId64,
               g->name, 100 * g->value, 100 * g->low, 100 * g->high, way, 100 * g->bound, g->users,
               g->control_users);
  prl_format(a->notice, sizeof a->notice, "a guard fired: %s; %s%.120s", what,
             back ? "the recipe stays, since " : "the agent went back to before the last swap",
             back ? back : "");
}

/* An agent that went back is another one in the same place. */
static void remember(prl_agent *a, const prl_guard *fired, const char *name, int64_t update) {
  a->breach = *fired;
  prl_format(a->breach_name, sizeof a->breach_name, "%s", name);
  a->breach.name = a->breach_name;
  a->breach_update = update;
}

/* ---- the ramp ---- */

/* What the guards knew stays, since they count anew. */
static void go_on(prl_agent *a) {
  if (!a->ramp) return;
  const int count = prl_control_guards(a->control);
  prl_guard *then = a->guards + count;
  const double before = prl_shares_now(prl_control_shares(a->control));
  prl_guard known[PRL_GUARDS_MOST];
  for (int i = 0; i < count; i++) prl_control_guard_of(a->control, i, &known[i]);
  if (!prl_control_advance(a->control, a->experience)) return;
  memcpy(then, known, (size_t)count * sizeof *then);
  a->stepped_from = before;
  a->stepped_update = prl_learner_updates(a->learner);
}

bool prl_agent_ramp(const prl_agent *a, prl_ramp_status *out) {
  if (!a || !out || !a->ramp) return false;
  const prl_shares *shares = prl_control_shares(a->control);
  prl_guard first;
  prl_control_guard_of(a->control, 0, &first);
  *out = (prl_ramp_status){.share = prl_shares_now(shares),
                           .at = (int)*shares->at,
                           .count = shares->count,
                           .after = shares->after,
                           .users = first.users,
                           .left = prl_experience_left(a->experience)};
  if (!a->stepped_update) return true;
  out->before = a->stepped_from;
  out->update = a->stepped_update;
  out->guards_count = prl_control_guards(a->control);
  out->guards = a->guards + out->guards_count;
  return true;
}

/* ---- the end of an update ---- */

prl_status prl_agent_judge(prl_agent *a, prl_error *error) {
  double kl;
  int fired;
  char name[sizeof a->breach_name];
  prl_error why = {PRL_OK, ""};
  if (!a->control || !prl_control_guards(a->control)) return PRL_OK;
  if (!prl_learner_metric(a->learner, "approx_kl", &kl)) kl = NAN;
  if (!prl_control_judge(a->control, kl, &fired)) {
    go_on(a);
    return PRL_OK;
  }
  prl_guard guard;
  prl_control_guard_of(a->control, fired, &guard);
  if (isnan(guard.low)) guard.value = kl;
  prl_format(name, sizeof name, "%s", guard.name); /* the plan's, which goes */
  guard.name = name;
  const int64_t update = prl_learner_updates(a->learner);
  if (a->shadow) prl_agent_drop_shadow(a); /* what it learns beside of goes */
  const prl_status status = prl_agent_rollback(a, &why);
  remember(a, &guard, name, update);
  write_breach(a, &guard, status ? why.message : NULL);
  if (status == PRL_ESTATE) { /* there is nothing to go back to */
    prl_control_guard(a->control, a->experience, false);
    return PRL_OK;
  }
  return status ? prl_fail(error, status, "a guard fired, and the way back failed: %s", why.message) : PRL_OK;
}
