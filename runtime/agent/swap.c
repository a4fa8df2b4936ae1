/* A new recipe for a running agent. The new plan becomes a separate agent, off the learning path; between
 * two updates it takes over what the old one knows, and then its place. */
#include <string.h>

#include "agent/snapshot.h"
#include "agent/workers.h"
#include "agent/plan/difference.h"
#include "core/arguments.h"

/* ---- what must stay ---- */

static prl_status check_capacities(const prl_agent *a, const prl_agent *b, prl_error *error) {
  const prl_experience_options *x = &a->experience->options, *y = &b->experience->options;
  const struct {
    const char *name;
    int64_t old, ours;
  } all[] = {{"streams", x->streams, y->streams},
             {"rows", x->rows, y->rows},
             {"events", x->events, y->events},
             {"idle_us", x->idle_us, y->idle_us}};
  if (x->whole != y->whole) /* steps that are closed by one rule are not by the other */
    return prl_fail(error, PRL_EINVAL,
                    "swap: the new plan waits for %s, and the running agent for %s; it must stay",
                    y->whole ? "whole episodes" : "steps", x->whole ? "whole episodes" : "steps");
  const int64_t old = a->shape->memory_rows, ours = b->shape->memory_rows;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (all[i].old != all[i].ours)
      return prl_fail(error, PRL_EINVAL,
                      "swap: capacity.%s is %lld in the new plan and %lld in the running agent; it must stay",
                      all[i].name, (long long)all[i].ours, (long long)all[i].old);
  if (old && ours && old != ours) /* an algorithm without memory may follow one with it, or go before it */
    return prl_fail(error, PRL_EINVAL,
                    "swap: the replay memory has %lld rows in the new plan and %lld in the running agent "
                    "(algorithm.memory); it must stay",
                    (long long)ours, (long long)old);
  return PRL_OK;
}

static prl_status check_same(const prl_agent *a, const prl_agent *b, prl_error *error) {
  static const char *const keys[] = {
      "observation.names", "action.kind",           "action.names", "action.choices", "responses",
      "control",           "recipe.agent.baseline", "arms",         "memory.width",   "ids"};
  prl_difference d;
  if (prl_difference_find(a->root, b->root, keys, (int)(sizeof keys / sizeof *keys), &d))
    return prl_fail(error, PRL_EINVAL,
                    "swap: %s is %s in the new plan and %s in the running agent; it must stay", d.where,
                    d.ours, d.old);
  return check_capacities(a, b, error);
}

/* ---- what is taken over ---- */

/* Blocks of these names, of both plans the same, since their capacities are. */
static void take_blocks(prl_agent *to, const prl_agent *from, const char *prefix) {
  const size_t length = strlen(prefix);
  for (int i = 0; i < to->blocks.count; i++)
    for (int k = 0; k < from->blocks.count; k++) {
      prl_block *ours = &to->blocks.items[i];
      const prl_block *old = &from->blocks.items[k];
      if (!strncmp(ours->name, prefix, length) && !strcmp(ours->name, old->name) &&
          ours->count == old->count && ours->unit == old->unit)
        memcpy(ours->data, old->data, (size_t)prl_block_count(old) * prl_dtype_size(ours->dtype));
    }
}

static void take_experience(prl_agent *to, const prl_agent *from) {
  take_blocks(to, from, "experience.");
  to->experience->shortage = from->experience->shortage;
  prl_streams_rebuild(to->experience);
  if (to->control && from->control) {
    take_blocks(to, from, "control.");
    prl_streams_rebuild(prl_control_experience(to->control));
  }
  if (to->shape->memory_rows && from->shape->memory_rows) {
    take_blocks(to, from, "memory.");
    prl_learner_remember(to->learner);
  }
}

void prl_agent_take_sets(prl_agent *to, const prl_agent *from, prl_taken *taken) {
  for (int i = 0; i < to->sets->count; i++) {
    const char *name = to->sets->items[i]->name;
    int found = prl_sets_find(from->sets, name, strlen(name));
    const prl_params *in_force = found < 0 ? NULL : prl_policy_published(from->policy, found);
    to->whole[i] = prl_sets_take(to->sets, i, from->sets, in_force, taken ? &taken[i].taken : NULL);
  }
}

/* Whether the critics or constraints of two plans say something else, their networks apart. */
static bool differ(const prl_value *old, const prl_value *ours) {
  static const char *const constraints[] = {"constraints"}, *const fields[] = {"name", "per", "scale",
                                                                               "reward"};
  const prl_value *before = prl_get(old, "critics"), *after = prl_get(ours, "critics");
  prl_difference d;
  bool other = prl_count(before) != prl_count(after) || prl_difference_find(old, ours, constraints, 1, &d);
  for (int64_t i = 0; !other && i < prl_count(after); i++)
    other = prl_difference_find(prl_item(before, i), prl_item(after, i), fields, 4, &d);
  return other;
}

/* Whether the new plan has another objective than the one in force: what it says, or a number of it that may
 * be set. */
static bool is_other_objective(const prl_agent *to, const prl_agent *from, double step) {
  bool other = differ(from->root, to->root);
  for (int i = 0; !other && i < to->live->count; i++) {
    const char *name = to->live->names[i];
    const int old = strncmp(name, "objective.", 10) ? -1 : prl_live_find(from->live, name);
    other = old >= 0 && prl_live_value(to->live, i, step) != prl_live_value(from->live, old, step);
  }
  return other;
}

static void take_over(prl_agent *to, prl_agent *from) {
  const double step = (double)from->experience->n.decisions;
  take_experience(to, from);
  if (is_other_objective(to, from, step)) prl_experience_objective(to->experience);
  prl_live_freeze(to->live, step);
  prl_agent_take_sets(to, from, NULL);
  prl_policy_continue(to->policy, from->policy, prl_policy_take(to->policy, from->policy, to->whole));
  prl_learner_take(to->learner, from->learner);
  prl_learner_continue(to->learner, from->learner);
  to->watch = from->watch;
  to->drive = from->drive;
  from->drive = (prl_drive){0};
  const uint64_t version = (uint64_t)prl_policy_version(to->policy);
  prl_experience_version(to->experience,
                         to->shape->drop_stale ? version : (uint64_t)from->experience->n.min_version);
}

void prl_agent_adopt(prl_agent *a) {
  prl_agent *next = a->next;
  if (!next) return;
  a->next = NULL;
  (void)prl_workers_dismiss(a, NULL); /* there was room for their streams before they came */
  take_over(next, a);
  prl_agent_exchange(a, next);
  prl_agent_free(next);
}

/* The agent of the new plan, which can take this one's place. */
static prl_status prepare(prl_agent *a, const prl_plan *plan, prl_agent **out, prl_error *error) {
  prl_agent *next;
  prl_status status = PRL_GIVEN(error, "agent plan", a, plan);
  if (status) return status;
  if (prl_learner_warmup_needs(a->learner))
    return prl_fail(error, PRL_ESTATE, "swap: the warm-up is not over");
  status = prl_agent_new_from(a->runtime, &plan->document->root, plan, &next, error);
  if (status) return status;
  status = check_same(a, next, error);
  if (!status) status = prl_learner_check_take(next->learner, a->learner, error);
  if (!status) status = prl_learner_check_densities(next->learner, a->learner, error);
  if (status)
    prl_agent_free(next);
  else
    *out = next;
  return status;
}

prl_status prl_agent_swap_check(prl_agent *a, const prl_plan *plan, prl_error *error) {
  prl_agent *next;
  prl_status status = prepare(a, plan, &next, error);
  if (!status) prl_agent_free(next);
  return status;
}

prl_status prl_agent_swap(prl_agent *a, const prl_plan *plan, prl_error *error) {
  prl_agent *next;
  prl_status status = prepare(a, plan, &next, error);
  if (status) return status;
  prl_agent_free(a->next);
  a->next = next;
  if (a->failed || prl_schedule_between(a->schedule)) {
    prl_agent_adopt(a);
    prl_agent_post(a);
  }
  return PRL_OK;
}
