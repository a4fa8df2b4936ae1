/* A new agent begins with what another one has learned. Unlike a swap (swap.c) it takes no experience and no
 * counters: it is at its first step, and its draws are its own. */
#include <string.h>

#include "agent/snapshot.h"
#include "agent/plan/difference.h"
#include "core/arguments.h"

static prl_status check(const prl_agent *a, const prl_agent *other, prl_error *error) {
  static const char *const keys[] = {"observation.names", "action.kind", "action.names", "action.choices"};
  if (a->experience->n.decisions || prl_learner_updates(a->learner))
    return prl_fail(error, PRL_ESTATE, "start_from: this agent has recorded steps already");
  if (prl_learner_warmup_needs(other->learner))
    return prl_fail(error, PRL_ESTATE, "start_from: the other agent's warm-up is not over");
  prl_difference d;
  if (prl_difference_find(other->root, a->root, keys, (int)(sizeof keys / sizeof *keys), &d))
    return prl_fail(error, PRL_EINVAL,
                    "start_from: %s is %s here and %s in the other agent; it must be the same", d.where,
                    d.ours, d.old);
  return PRL_OK;
}

/* Whether any set has a parameter that the other agent has too. */
static bool any_fits(const prl_agent *a, const prl_agent *other) {
  for (int i = 0; i < a->sets->count; i++)
    if (prl_sets_fit(a->sets, i, other->sets, a->growth)) return true;
  return false;
}

static int list_parts(prl_agent *a, const prl_agent *other) {
  int count = 0;
  const bool observed = prl_policy_normalises(a->policy);
  for (; count < a->sets->count; count++) {
    const prl_params *set = a->sets->items[count];
    a->taken[count].part = "parameters", a->taken[count].name = set->name,
    a->taken[count].of = prl_sets_numbers(set);
  }
  if (observed) a->taken[count++] = (prl_taken){"observations", "", prl_policy_normalises(other->policy), 1};
  for (int i = 0; i < prl_learner_critics(a->learner); i++) {
    const char *name;
    bool begun;
    if (prl_learner_statistics(a->learner, i, &name, &begun))
      a->taken[count++] = (prl_taken){"returns", name, begun, 1};
  }
  return count;
}

prl_status prl_agent_start_from(prl_agent *a, const prl_agent *other, const prl_taken **list, int *count,
                                prl_error *error) {
  prl_status status = PRL_GIVEN(error, "agent other", a, other);
  if (status || (status = check(a, other, error))) return status;
  prl_growth_free(a->growth);
  a->growth = NULL;
  status = prl_growth_new(a->runtime, other->root, other->sets, a->root, a->sets, &a->growth, error);
  if (status) return status;
  if (!any_fits(a, other))
    return prl_fail(error, PRL_EINVAL,
                    "start_from: no parameter has the same set, name and shape in the other agent");
  const size_t most = (size_t)a->sets->count + (size_t)prl_learner_critics(a->learner) + 1;
  if (!a->taken && !(a->taken = prl_calloc(a->runtime, most, sizeof *a->taken)))
    return prl_fail_memory(error, most * sizeof *a->taken);
  prl_agent_take_sets(a, other, a->taken, NULL);
  prl_policy_take(a->policy, other->policy, a->extent, a->growth, NULL);
  const bool observed = !prl_policy_normalises(a->policy) || prl_policy_normalises(other->policy);
  prl_learner_start(a->learner, other->learner, a->extent, observed);
  const int parts = list_parts(a, other);
  prl_agent_post(a);
  if (list) *list = a->taken;
  if (count) *count = parts;
  return PRL_OK;
}
