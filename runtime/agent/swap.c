/* A new recipe for a running agent, and the way back. The new plan becomes a separate agent, off the learning
 * path; between two updates it takes over what the old one knows, and then its place. What the old one had
 * learned is kept (kept.c): a rollback makes an agent of it, which takes over the experience alone. */
#include <math.h>
#include <string.h>

#include "agent/kept.h"
#include "agent/ramp.h"
#include "agent/shadow.h"
#include "agent/snapshot.h"
#include "agent/workers.h"
#include "agent/plan/difference.h"
#include "core/arguments.h"
#include "core/number.h"

/* ---- what must stay ---- */

static prl_status check_gates(const prl_experience_options *x, const prl_experience_options *y,
                              prl_error *error) {
  if (x->whole != y->whole) /* steps that are closed by one rule are not by the other */
    return prl_fail(error, PRL_EINVAL,
                    "swap: the new plan waits for %s, and the running agent for %s; it must stay",
                    y->whole ? "whole episodes" : "steps", x->whole ? "whole episodes" : "steps");
  if (x->paired != y->paired) /* the environment that is driven is coupled, or is not */
    return prl_fail(error, PRL_EINVAL,
                    "swap: the new plan learns from %s, and the running agent from %s; it must stay",
                    y->paired ? "pairs of instances" : "instances alone",
                    x->paired ? "pairs of instances" : "instances alone");
  return PRL_OK;
}

/* Rows follow from others by default: what to say to have as many as the running agent. */
static void rows_hint(const prl_value *root, const char *name, int64_t old, char out[160]) {
  const prl_value *given = prl_path(prl_get(root, "recipe"), name);
  out[0] = 0;
  if (strcmp(name, "agent.rows") != 0) return;
  if (given && given->kind == PRL_NUMBER && given->as.number == 0)
    prl_format(out, 160,
               ": it is 0 in the recipe, and follows from the steps of an update; agent.rows = %lld "
               "keeps it",
               (long long)old);
}

static prl_status check_capacities(const prl_agent *a, const prl_value *root, const prl_shape *b,
                                   prl_error *error) {
  const prl_experience_options *x = &a->experience->options, *y = &b->experience;
  const struct {
    const char *option, *of_plan;
    double old, ours, unit;
    bool grows; /* but for what a control group is counted in, and the instances that are driven */
  } all[] = {{"agent.streams", "capacity.streams", (double)x->streams, (double)y->streams, 1,
              !a->control && !a->drive.env},
             {"agent.rows", "capacity.rows", (double)x->rows, (double)y->rows, 1, !a->control},
             {"", "capacity.events", (double)x->events, (double)y->events, 1, !a->control},
             {"agent.idle", "capacity.idle_us", (double)x->idle_us, (double)y->idle_us, 1e6, false}};
  prl_status status = check_gates(x, y, error);
  const int64_t old = a->shape->memory_rows, ours = b->memory_rows;
  for (size_t i = 0; !status && i < sizeof all / sizeof *all; i++) {
    if (all[i].grows ? all[i].ours >= all[i].old : all[i].ours == all[i].old) continue;
    char hint[160];
    const char *name = prl_option_name(root, all[i].option, all[i].of_plan);
    const double unit = name == all[i].option ? all[i].unit : 1;
    rows_hint(root, name, x->rows, hint);
    status = prl_fail(error, PRL_EINVAL,
                      "swap: %s is %.12g in the new plan and %.12g in the running agent; it must %s%s", name,
                      all[i].ours / unit, all[i].old / unit, all[i].grows ? "not be less" : "stay", hint);
  }
  if (!status && old && ours &&
      ours < old) /* an algorithm without memory may follow one with it, or go before it */
    status = prl_fail(error, PRL_EINVAL,
                      "swap: the replay memory has %lld rows in the new plan and %lld in the running agent "
                      "(algorithm.memory); it must not have fewer",
                      (long long)ours, (long long)old);
  return status;
}

/* Places of the plan that must stay, with what a recipe calls them. */
typedef struct place {
  const char *of_plan, *option;
} place;

static prl_status check_places(const prl_agent *a, const prl_value *root, const place *places, int count,
                               prl_error *error) {
  for (int i = 0; i < count; i++) {
    prl_difference d;
    if (!prl_difference_find(a->root, root, &places[i].of_plan, 1, &d)) continue;
    const char *rest = d.where + strlen(places[i].of_plan);
    return prl_fail(error, PRL_EINVAL,
                    "swap: %s%s is %s in the new plan and %s in the running agent; it must stay",
                    places[i].option, rest, d.ours, d.old);
  }
  return PRL_OK;
}

prl_status prl_agent_check_same(const prl_agent *a, const prl_value *root, const prl_shape *shape,
                                prl_error *error) {
  static const place first[] = {{"observation.names", "observation.names"},
                                {"action.kind", "action.kind"},
                                {"action.names", "action.names"},
                                {"action.choices", "action.choices"},
                                {"responses", "responses"},
                                {"recipe.agent.baseline", "agent.baseline"}};
  /* After agent.baseline and the capacities what differs in a control group comes from elsewhere. */
  static const place last[] = {{"control.plan.seed", "train.seed (of a control group)"},
                               {"control", "agent.baseline: control"},
                               {"arms", "the policies that act: arms"},
                               {"memory.width", "policy.memory: its width"},
                               {"ids", "policy.embed: ids of observation"}};
  prl_status status = check_places(a, root, first, (int)(sizeof first / sizeof *first), error);
  if (!status) status = check_capacities(a, root, shape, error);
  if (!status) status = check_places(a, root, last, (int)(sizeof last / sizeof *last), error);
  return status;
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

/* A swap is refused where rows that are there have no density and the new plan learns from it (prepare); a
 * rollback leaves them behind, and so does whoever learns from densities where the policy sets other
 * dimensions of the action, of which these are none. */
static bool usable(const prl_agent *to, const prl_agent *from) {
  const bool other = to->growth && to->growth->actions_differ && prl_learner_reads_densities(to->learner);
  return !other && !prl_learner_check_densities(to->learner, from->learner, NULL);
}

static bool keeps_memory(const prl_agent *to, const prl_agent *from) {
  return to->shape->memory_rows && from->shape->memory_rows && usable(to, from);
}

static void take_experience(prl_agent *to, const prl_agent *from) {
  prl_experience_take(to->experience, from->experience);
  if (to->control && from->control) {
    take_blocks(to, from, "control.");
    prl_streams_rebuild(prl_control_experience(to->control));
    prl_control_pair(to->control, prl_control_paired(from->control)); /* in the middle of a drive, too */
  }
  if (keeps_memory(to, from)) prl_learner_remember(to->learner, from->learner);
}

void prl_agent_take_sets(prl_agent *to, const prl_agent *from, prl_taken *taken, prl_migration *m) {
  const prl_value *names = prl_path(to->root, "observation.names");
  for (int i = 0; i < to->sets->count; i++) {
    const int found = prl_sets_source(to->sets, i, from->sets, to->growth);
    const prl_params *in_force = found < 0 ? NULL : prl_policy_published(from->policy, found);
    to->extent[i] = prl_sets_take(to->sets, i, from->sets, in_force, to->growth,
                                  taken ? &taken[i].taken : NULL, names, m);
  }
  prl_sets_note_dropped(to->sets, from->sets, to->growth, m);
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

bool prl_agent_take_learned(prl_agent *to, const prl_agent *from, double step, prl_migration *m) {
  prl_live_freeze(to->live, step);
  prl_agent_take_sets(to, from, NULL, m);
  const bool same = prl_policy_take(to->policy, from->policy, to->extent, to->growth, m);
  prl_learner_take(to->learner, from->learner, to->extent, to->growth, m);
  prl_live_note(to->live, from->live, step, m);
  return same;
}

static void take_over(prl_agent *to, prl_agent *from) {
  const double step = (double)from->experience->n.decisions;
  take_experience(to, from);
  if (is_other_objective(to, from, step)) prl_experience_objective(to->experience);
  const bool learned = to->restored || to->confirmed; /* it brings what it knows */
  prl_policy_continue(to->policy, from->policy, !learned && prl_agent_take_learned(to, from, step, NULL));
  prl_learner_continue(to->learner, from->learner);
  if (to->ramp)
    prl_ramp_begin(to, from);
  else
    prl_ramp_end(to);
  if (to->control) prl_control_guard(to->control, to->experience, !to->restored);
  to->watch = from->watch;
  to->drive = from->drive;
  from->drive = (prl_drive){0};
  const uint64_t version = (uint64_t)prl_policy_version(to->policy);
  const bool drop = to->shape->drop_stale || !usable(to, from);
  prl_experience_version(to->experience, drop ? version : (uint64_t)from->experience->n.min_version);
}

void prl_agent_adopt(prl_agent *a) {
  prl_agent *next = a->next;
  if (!next) return;
  a->next = NULL;
  (void)prl_workers_dismiss(a, NULL); /* there was room for their streams before they came */
  if (next->confirmed) prl_shadow_fill(a, next);
  if (next->kept) prl_kept_fill(next->kept, a);
  take_over(next, a);
  next->restored = next->confirmed = false;
  prl_growth_free(next->growth);
  next->growth = NULL;
  prl_agent_exchange(a, next);
  prl_agent_free(next);
}

/* One that has not come to its last share has two policies, and a third would have no place. */
static prl_status check_ramp(const prl_agent *a, prl_error *error) {
  if (!a->control || !prl_shares_under_way(prl_control_shares(a->control))) return PRL_OK;
  return prl_fail(
      error, PRL_ESTATE,
      "swap: a ramp is under way, at a share of %g: roll it back, or wait until all are served by it",
      prl_shares_now(prl_control_shares(a->control)));
}

prl_status prl_agent_find_growth(const prl_agent *a, prl_agent *next, prl_error *error) {
  prl_status status =
      prl_growth_new(a->runtime, a->root, a->sets, next->root, next->sets, &next->growth, error);
  if (status || next->growth->lost < 0) return status;
  const prl_value *name = prl_item(prl_path(a->root, "observation.names"), next->growth->lost);
  return prl_fail(
      error, PRL_EINVAL,
      "swap: \"%s\" sees the observation \"%s\" in the running agent and not in the new plan; it must "
      "go on seeing it (policy.observes, or observes of the critic)",
      next->growth->lost_set, name && name->kind == PRL_STRING ? name->as.text : "?");
}

prl_status prl_agent_check_free(const prl_agent *a, prl_error *error) {
  if (prl_learner_warmup_needs(a->learner))
    return prl_fail(error, PRL_ESTATE, "swap: the warm-up is not over");
  if (a->next && a->next->restored)
    return prl_fail(error, PRL_ESTATE, "swap: a rollback waits for the end of the update");
  if (a->shadow)
    return prl_fail(error, PRL_ESTATE,
                    "swap: a shadow of the recipe %.8s learns beside: confirm it, or drop it by a rollback",
                    prl_agent_hash(prl_shadow_agent(a->shadow)));
  return check_ramp(a, error);
}

/* ---- the recipe that is in force ---- */

/* Names stand in the recipe alone, and where schedules began is no part of a new plan. */
static bool counts(const char *key) {
  return strcmp(key, "recipe") != 0 && strcmp(key, "schedules_from") != 0;
}

static bool says_all_of(const prl_value *plan, const prl_value *other) {
  for (int64_t i = 0; i < prl_count(other); i++) {
    const char *key;
    const prl_value *value, *ours;
    prl_pair(other, i, &key, &value);
    if (!counts(key)) continue;
    if (!(ours = prl_get(plan, key)) || !prl_value_equal(ours, value)) return false;
  }
  return true;
}

bool prl_agent_in_force(const prl_agent *a, const prl_plan *plan) {
  if (!a || !plan || a->failed || prl_agent_check_free(a, NULL)) return false;
  const prl_value *root = &plan->document->root;
  return !prl_live_moved(a->live, plan->schedules) && says_all_of(root, a->root) &&
         says_all_of(a->root, root);
}

/* The agent of the new plan, which can take this one's place. */
static prl_status prepare(prl_agent *a, const prl_plan *plan, prl_swap_mode mode, prl_agent **out,
                          prl_error *error) {
  prl_agent *next;
  prl_status status = PRL_GIVEN(error, "agent plan", a, plan);
  if (!status) status = PRL_WITHIN(error, "mode", (int)mode, PRL_SWAP_APPLY, PRL_SWAP_SHADOW);
  if (!status) status = prl_agent_check_free(a, error);
  if (!status) status = prl_agent_new_from(a->runtime, &plan->document->root, plan, &next, error);
  if (status) return status;
  status = prl_agent_check_same(a, next->root, next->shape, error);
  if (!status) status = prl_agent_find_growth(a, next, error);
  if (!status) status = prl_learner_measure(next->learner, a->learner, error);
  if (!status) status = prl_learner_check_densities(next->learner, a->learner, error);
  if (!status)
    status = prl_live_continue(next->live, a->live, (double)a->experience->n.decisions, plan->schedules,
                               next->document, error);
  if (!status && mode == PRL_SWAP_RAMP) status = prl_ramp_new(a, next, error);
  if (status)
    prl_agent_free(next);
  else
    *out = next;
  return status;
}

void prl_agent_put_next(prl_agent *a, prl_agent *next) {
  prl_agent_free(a->next);
  a->next = next;
  if (!a->failed && !prl_schedule_between(a->schedule)) return;
  prl_agent_adopt(a);
  prl_agent_post(a);
}

prl_status prl_agent_swap_check(prl_agent *a, const prl_plan *plan, prl_error *error) {
  prl_agent *next;
  prl_status status = prepare(a, plan, PRL_SWAP_APPLY, &next, error);
  if (!status) prl_agent_free(next);
  return status;
}

static void note_experience(const prl_agent *to, const prl_agent *from, prl_migration *m) {
  const int64_t held = from->experience->n.live, room = to->experience->options.rows;
  const bool use = usable(to, from);
  prl_migration_note(m,
                     &(prl_migrated){"experience", "", use ? PRL_KEPT : PRL_KEPT_IN_PART, NULL,
                                     use ? held : 0, room, NAN, NAN},
                     use ? "steps that were not learned from yet, running episodes and counts go on"
                         : "running episodes and counts go on; the densities of the steps that were not "
                           "learned from yet are of "
                           "other dimensions of the action, so that they count as stale");
  if (!to->shape->memory_rows && !from->shape->memory_rows) return;
  const bool kept = keeps_memory(to, from);
  const int64_t old = from->shape->memory_rows ? prl_learner_remembered(from->learner) : 0;
  prl_migration_note(m,
                     &(prl_migrated){"memory", "",
                                     kept                     ? PRL_KEPT
                                     : to->shape->memory_rows ? PRL_ANEW
                                                              : PRL_DROPPED,
                                     NULL, kept ? old : 0, to->shape->memory_rows, NAN, NAN},
                     kept ? "its steps go on, and rewards are computed when they are drawn"
                     : to->shape->memory_rows && from->shape->memory_rows
                         ? "the densities of its steps are of other dimensions of the action"
                     : to->shape->memory_rows ? "the running agent remembers nothing"
                                              : "the new plan learns from no memory");
}

static void note_ramp(const prl_agent *to, prl_migration *m) {
  const prl_shares *shares = prl_control_shares(to->control);
  prl_migration_note(m, &(prl_migrated){"ramp", "", PRL_ANEW, NULL, 0, 0, 0, shares->share[0]},
                     "the new policy serves this share of users at first, the policy before the others");
}

prl_status prl_agent_swap_plan(prl_agent *a, const prl_plan *plan, const prl_migrated **list, int *count,
                               prl_error *error) {
  return prl_agent_swap_plan_with(a, plan, PRL_SWAP_APPLY, list, count, error);
}

prl_status prl_agent_swap_plan_with(prl_agent *a, const prl_plan *plan, prl_swap_mode mode,
                                    const prl_migrated **list, int *count, prl_error *error) {
  prl_agent *next = NULL;
  prl_shadow *shadow = NULL;
  prl_migration *m = NULL;
  prl_status status = PRL_GIVEN(error, "agent plan list count", a, plan, list, count);
  if (!status && mode == PRL_SWAP_SHADOW)
    status = prl_shadow_prepare(a, plan, &shadow, &next, error);
  else if (!status)
    status = prepare(a, plan, mode, &next, error);
  if (status) return status;
  status = prl_migration_new(a->runtime, &m, error);
  if (!status) {
    (void)prl_agent_take_learned(next, a, (double)a->experience->n.decisions, m);
    note_experience(next, a, m);
    if (next->ramp) note_ramp(next, m);
    if (m->failed) status = prl_fail_memory(error, sizeof *m->items);
  }
  if (shadow)
    prl_shadow_free(shadow);
  else
    prl_agent_free(next);
  if (status) {
    prl_migration_free(m);
    return status;
  }
  prl_migration_free(a->migration);
  a->migration = m;
  *list = m->items;
  *count = m->count;
  return PRL_OK;
}

prl_status prl_agent_swap(prl_agent *a, const prl_plan *plan, prl_error *error) {
  return prl_agent_swap_with(a, plan, PRL_SWAP_APPLY, error);
}

prl_status prl_agent_swap_with(prl_agent *a, const prl_plan *plan, prl_swap_mode mode, prl_error *error) {
  prl_agent *next = NULL;
  if (mode == PRL_SWAP_SHADOW) return prl_shadow_start(a, plan, error);
  prl_kept *kept = NULL;
  prl_status status = PRL_GIVEN(error, "agent plan", a, plan);
  if (!status) status = PRL_WITHIN(error, "mode", (int)mode, PRL_SWAP_APPLY, PRL_SWAP_SHADOW);
  if (!status && prl_agent_in_force(a, plan)) { /* what waits to take its place does so no more */
    prl_agent_free(a->next);
    a->next = NULL;
    return PRL_OK;
  }
  if (!status && !a->failed)
    status = prl_kept_new(a, &kept, error); /* else there is nothing sound to go back to */
  if (!status) status = prepare(a, plan, mode, &next, error);
  if (status) {
    prl_kept_free(kept);
    return status;
  }
  next->kept = kept;
  prl_agent_put_next(a, next);
  return PRL_OK;
}

/* ---- the way back ---- */

/* The plan before gets room for all that the running agent holds, which may have grown. */
static bool widen(prl_doc *plan, const prl_agent *a) {
  const prl_experience_options *o = &a->experience->options;
  const struct {
    const char *name;
    int64_t value;
  } all[] = {{"streams", o->streams}, {"rows", o->rows}, {"events", o->events}};
  prl_value *capacity = (prl_value *)prl_get(&plan->root, "capacity");
  const prl_value *schedule = prl_get(&plan->root, "schedule");
  bool good = true;
  for (size_t i = 0; good && capacity && i < sizeof all / sizeof *all; i++) {
    const prl_value *had = prl_get(capacity, all[i].name), *given = prl_path(a->root, "capacity");
    const int64_t rows = prl_get_int(capacity, "rows", o->rows);
    const bool grown = had      ? had->as.number < (double)all[i].value
                       : i == 2 ? all[i].value > rows
                                : prl_get(given, all[i].name) != NULL;
    if (!grown) continue; /* the plan stays as it was */
    prl_value *number = prl_put(plan, capacity, all[i].name);
    if ((good = number)) prl_set_number(number, (double)all[i].value);
  }
  for (int64_t i = 0; a->shape->memory_rows && i < prl_count(schedule); i++) {
    prl_value *rows = (prl_value *)prl_get(prl_item(schedule, i), "rows");
    if (rows && !strcmp(prl_get_string(prl_item(schedule, i), "verb", ""), "remember"))
      prl_set_number(rows, (double)a->shape->memory_rows);
  }
  return good;
}

/* The agent before the last swap, with what it had learned then. */
static prl_status bring_back(const prl_agent *a, prl_agent **out, prl_error *error) {
  prl_agent *next = NULL;
  if (!a->kept)
    return prl_fail(error, PRL_ESTATE,
                    "rollback: there is nothing to go back to: no swap has come into force, the last one was "
                    "rolled back, or learning had failed before it");
  if (!a->control && !widen(a->kept->document, a)) return prl_fail_memory(error, 0);
  prl_status status = prl_agent_new_from(a->runtime, &a->kept->document->root, NULL, &next, error);
  if (status) return status;
  next->restored = true;
  status = prl_agent_check_same(a, next->root, next->shape, error);
  if (!status)
    status = prl_growth_new(a->runtime, a->root, a->sets, next->root, next->sets, &next->growth, error);
  if (!status) status = prl_kept_restore(a->kept, next, error);
  if (status)
    prl_agent_free(next);
  else
    *out = next;
  return status;
}

prl_status prl_agent_rollback(prl_agent *a, prl_error *error) {
  prl_agent *next = NULL;
  prl_status status = PRL_GIVEN(error, "agent", a);
  if (status) return status;
  if (a->next) { /* a swap that is not in force is taken back; a rollback goes on waiting */
    if (!a->next->restored) {
      prl_agent_free(a->next);
      a->next = NULL;
    }
    return PRL_OK;
  }
  if (a->shadow) { /* nor is it, which is given up */
    prl_agent_drop_shadow(a);
    return PRL_OK;
  }
  status = bring_back(a, &next, error);
  if (!status) prl_agent_put_next(a, next);
  return status;
}

const char *prl_agent_previous(const prl_agent *a) {
  if (!a) return NULL;
  if (a->next) return a->next->restored ? a->next->hash : a->hash;
  return a->kept ? prl_get_string(&a->kept->document->root, "hash", "") : NULL;
}
