/* A shadow is what a swap would make, the agent of the new plan with what the running one has learned, which
 * stays beside: parameters, optimizers, statistics and a schedule of its own, and the running agent's rows
 * and memory (learner/beside.c). Its update runs inside of the running agent's, once that has its rows, so
 * that it is between two updates whenever the running agent is. */
#include "agent/shadow.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "agent/kept.h"
#include "agent/plan/difference.h"
#include "core/arguments.h"
#include "core/number.h"

#define METRIC_PREFIX "shadow_"
#define TITLE_PREFIX "Shadow: "

/* Saved as they are. */
typedef struct counts {
  int64_t begun;   /* 1: it has taken over what was learned */
  int64_t since;   /* decisions by then */
  int64_t updates; /* of its own */
} counts;

struct prl_shadow {
  prl_agent *agent;
  prl_blocks blocks; /* the agent's, and its counts, by the names of a file */
  counts n;
  int own;      /* metrics that the plan of the shadow may report */
  char **names; /* (own) as they are told, each with its title behind it; NULL: it is not the shadow's own */
  prl_metric *list; /* what was told last */
};

/* ---- what may be one ---- */

/* By the shapes alone, so that nothing is made of a plan that does not fit. */
static prl_status check_shape(const prl_agent *a, const prl_shape *s, const prl_value *root,
                              prl_error *error) {
  static const char *const keys[] = {"observation.names", "action.names", "action.choices"};
  const prl_experience_options *o = &s->experience, *old = &a->shape->experience;
  prl_difference d;
  if (prl_difference_find(a->root, root, keys, 3, &d))
    return prl_fail(
        error, PRL_EINVAL,
        "shadow: %s is %s in the new plan and %s in the running agent, whose steps it learns from; "
        "it must stay",
        d.where, d.ours, d.old);
  const int64_t memory = s->memory_rows ? a->shape->memory_rows : 0;
  const struct {
    const char *name;
    int64_t ours, old;
  } all[] = {{prl_option_name(root, "agent.streams", "capacity.streams"), o->streams, old->streams},
             {prl_option_name(root, "agent.rows", "capacity.rows"), o->rows, old->rows},
             {"the replay memory (algorithm.memory)", memory ? s->memory_rows : 0, memory}};
  for (int i = 0; i < 3; i++)
    if (all[i].ours != all[i].old)
      return prl_fail(error, PRL_EINVAL,
                      "shadow: %s is %" PRId64 " in the new plan and %" PRId64
                      " in the running agent, whose rows it learns from; it must stay",
                      all[i].name, all[i].ours, all[i].old);
  if (s->memory_rows && !a->shape->memory_rows)
    return prl_fail(error, PRL_EINVAL,
                    "shadow: the new plan draws from a replay memory, and the running agent has none "
                    "(algorithm.memory): a shadow learns from what the running agent keeps");
  if (s->priority > 0)
    return prl_fail(error, PRL_EINVAL,
                    "shadow: the new plan draws by priorities (algorithm.priority is %g), which are those of "
                    "the running agent's learning; 0 draws uniformly",
                    s->priority);
  if (s->asynchronous || a->shape->asynchronous)
    return prl_fail(error, PRL_EINVAL,
                    "shadow: the %s plan is for several workers, and a shadow learns beside one",
                    s->asynchronous ? "new" : "running");
  if (prl_path(root, "novelty"))
    return prl_fail(
        error, PRL_EINVAL,
        "shadow: the new plan learns from novelty (algorithm.exploration), which is that of where "
        "its own policy goes");
  if (s->experience.lasting != a->shape->experience.lasting)
    return prl_fail(error, PRL_EINVAL,
                    "shadow: %d numbers of a draw last in the new plan and %d in the running agent "
                    "(algorithm.exploration); it must stay",
                    s->experience.lasting, a->shape->experience.lasting);
  if (s->frozen_rows < a->shape->frozen_rows)
    return prl_fail(error, PRL_EINVAL,
                    "shadow: an update of the new plan takes at most %" PRId64
                    " steps, and the running agent's %" PRId64 " (algorithm.rollout); it must not be less",
                    s->frozen_rows, a->shape->frozen_rows);
  return PRL_OK;
}

static prl_status check_plan(const prl_agent *a, const prl_value *root, prl_error *error) {
  prl_shape *shape;
  prl_status status = prl_shape_new(a->runtime, root, &shape, error);
  if (status) return status;
  status = prl_agent_check_same(a, root, shape, error);
  if (!status) status = check_shape(a, shape, root, error);
  prl_shape_free(shape);
  return status;
}

/* What the plan's verbs say: whose rows they take them for. */
static prl_status check_learning(const prl_agent *a, const prl_agent *beside, prl_error *error) {
  const char *verb = prl_schedule_own(beside->schedule);
  if (!verb) return prl_learner_check_densities(beside->learner, a->learner, error);
  return prl_fail(error, PRL_EINVAL,
                  "shadow: \"%s\" of the new plan takes the steps as acted by its own policy, and they are "
                  "the running one's: what it learned would be a guess; a replay memory (algorithm.memory) "
                  "or algorithm.correction = {\"vtrace\"} is needed",
                  verb);
}

/* ---- life ---- */

static prl_status list_blocks(prl_shadow *s, prl_error *error) {
  prl_status status = prl_blocks_add(&s->blocks, PRL_SHADOW_PREFIX "counts", PRL_I64,
                                     sizeof s->n / sizeof(int64_t), &s->n, error);
  for (int i = 0; !status && i < s->agent->blocks.count; i++) {
    const prl_block *from = &s->agent->blocks.items[i];
    status = prl_blocks_add_named(&s->blocks, PRL_SHADOW_PREFIX, from->name, from->dtype, from->count,
                                  from->data, error);
    if (status) break;
    prl_block *to = &s->blocks.items[s->blocks.count - 1];
    to->used = from->used;
    to->unit = from->unit;
  }
  return status;
}

static prl_status name_metrics(prl_shadow *s, const prl_learner *running, prl_error *error) {
  const prl_metric *known;
  s->own = prl_learner_meanings(s->agent->learner, &known);
  const size_t all = (size_t)(s->own + prl_learner_gauges(running));
  s->names = prl_calloc(s->agent->runtime, (size_t)s->own + 1, sizeof *s->names);
  s->list = prl_calloc(s->agent->runtime, all + 1, sizeof *s->list);
  if (!s->names || !s->list) return prl_fail_memory(error, all * sizeof *s->list);
  for (int i = 0; i < s->own; i++) {
    if (!prl_learner_own_metric(known[i].name)) continue;
    const size_t name = sizeof METRIC_PREFIX + strlen(known[i].name),
                 title = sizeof TITLE_PREFIX + strlen(known[i].title);
    s->names[i] = prl_alloc(s->agent->runtime, name + title);
    if (!s->names[i]) return prl_fail_memory(error, name + title);
    prl_format(s->names[i], name, METRIC_PREFIX "%s", known[i].name);
    prl_format(s->names[i] + name, title, TITLE_PREFIX "%s", known[i].title);
  }
  return PRL_OK;
}

prl_status prl_shadow_new(const prl_agent *a, const prl_value *document, const prl_plan *values,
                          prl_shadow **out, prl_error *error) {
  prl_status status = check_plan(a, document, error);
  if (status) return status;
  prl_shadow *s = prl_calloc(a->runtime, 1, sizeof *s);
  if (!s) return prl_fail_memory(error, sizeof *s);
  prl_blocks_init(&s->blocks, a->runtime);
  status = prl_agent_new_beside(a, document, values, &s->agent, error);
  if (!status) status = check_learning(a, s->agent, error);
  if (!status) status = prl_agent_find_growth(a, s->agent, error);
  if (!status) status = list_blocks(s, error);
  if (!status) status = name_metrics(s, a->learner, error);
  if (status)
    prl_shadow_free(s);
  else
    *out = s;
  return status;
}

void prl_shadow_free(prl_shadow *s) {
  if (!s) return;
  prl_runtime *runtime = s->blocks.runtime;
  for (int i = 0; s->names && i < s->own; i++) prl_free(runtime, s->names[i]);
  prl_free(runtime, s->names);
  prl_free(runtime, s->list);
  prl_blocks_deinit(&s->blocks);
  prl_agent_free(s->agent);
  prl_free(runtime, s);
}

const prl_agent *prl_shadow_agent(const prl_shadow *s) { return s->agent; }
const prl_blocks *prl_shadow_blocks(const prl_shadow *s) { return &s->blocks; }

bool prl_shadow_restore(prl_agent *a, const char *verb) {
  prl_shadow *s = a->shadow;
  const prl_agent *beside = s->agent;
  const bool good = s->n.begun >= 0 && s->n.begun <= 1 && prl_count_holds(s->n.since) &&
                    prl_count_holds(s->n.updates) && prl_learner_restore(beside->learner) &&
                    prl_schedule_restore(beside->schedule, verb) && prl_policy_restore(beside->policy);
  /* It has rows wherever it stands within its update, which is within the running agent's. */
  const bool busy = good && prl_learner_handed(beside->learner);
  if (!good ||
      (busy ? !s->n.begun || prl_schedule_between(a->schedule) : !prl_schedule_between(beside->schedule)))
    return false;
  if (s->n.begun) prl_learner_hand_to(a->learner, beside->learner);
  return true;
}

void prl_agent_drop_shadow(prl_agent *a) {
  if (a->next && a->next->confirmed) {
    prl_agent_free(a->next);
    a->next = NULL;
  }
  prl_learner_hand_to(a->learner, NULL);
  prl_shadow_free(a->shadow);
  a->shadow = NULL;
}

/* ---- learning ---- */

void prl_shadow_begin(prl_agent *a) {
  prl_shadow *s = a->shadow;
  if (s->n.begun) return;
  s->n.begun = 1;
  s->n.since = a->experience->n.decisions;
  const bool same = prl_agent_take_learned(s->agent, a, (double)s->n.since, NULL);
  prl_policy_continue(s->agent->policy, a->policy, same);
  prl_learner_continue(s->agent->learner, a->learner);
  prl_learner_hand_to(a->learner, s->agent->learner);
}

static void give_up(prl_agent *a, const prl_error *why) {
  prl_format(a->notice, sizeof a->notice,
             "the shadow of the recipe %.8s was dropped, since its learning failed: %.260s; the recipe in "
             "force goes on",
             a->shadow->agent->hash, why->message);
  prl_agent_drop_shadow(a);
}

bool prl_shadow_step(prl_agent *a, int64_t deadline_ns) {
  prl_shadow *s = a->shadow;
  prl_turn turn = {.deadline_ns = deadline_ns};
  prl_error why = {PRL_OK, ""};
  if (!prl_learner_handed(s->agent->learner)) return false;
  if (prl_schedule_step(s->agent->schedule, &turn, &why)) {
    give_up(a, &why);
  } else if (turn.updated) {
    prl_learner_take_back(s->agent->learner);
    s->n.updates++;
  }
  return true;
}

/* ---- a host's calls ---- */

prl_status prl_shadow_prepare(prl_agent *a, const prl_plan *plan, prl_shadow **out, prl_agent **beside,
                              prl_error *error) {
  prl_shadow *shadow = NULL;
  prl_status status = PRL_GIVEN(error, "agent plan", a, plan);
  if (!status) status = prl_agent_check_free(a, error);
  if (!status && a->next)
    status = prl_fail(error, PRL_ESTATE, "shadow: a swap waits for the end of the update");
  if (!status && a->failed)
    status = prl_fail(error, PRL_ESTATE, "shadow: the running agent does not learn: %s", a->failure.message);
  if (!status) status = prl_shadow_new(a, &plan->document->root, plan, &shadow, error);
  if (!status) status = prl_learner_measure(shadow->agent->learner, a->learner, error);
  if (status) {
    prl_shadow_free(shadow);
    return status;
  }
  *out = shadow;
  *beside = shadow->agent;
  return PRL_OK;
}

prl_status prl_shadow_start(prl_agent *a, const prl_plan *plan, prl_error *error) {
  prl_shadow *shadow;
  prl_agent *beside;
  const prl_status status = prl_shadow_prepare(a, plan, &shadow, &beside, error);
  if (status) return status;
  a->shadow = shadow;
  if (prl_schedule_between(a->schedule)) prl_shadow_begin(a);
  return PRL_OK;
}

prl_status prl_agent_confirm(prl_agent *a, prl_error *error) {
  prl_agent *next = NULL;
  prl_status status = PRL_GIVEN(error, "agent", a);
  if (status) return status;
  if (!a->shadow) return prl_fail(error, PRL_ESTATE, "confirm: no shadow learns beside the running agent");
  if (!a->shadow->n.updates)
    return prl_fail(error, PRL_ESTATE, "confirm: the shadow has learned nothing yet");
  if (a->next) return PRL_OK; /* it waits for the end of the update */
  status = prl_agent_new_from(a->runtime, &a->shadow->agent->document->root, NULL, &next, error);
  if (status) return status;
  next->confirmed = true;
  if (!a->failed) status = prl_kept_new(a, &next->kept, error);
  if (status)
    prl_agent_free(next);
  else
    prl_agent_put_next(a, next);
  return status;
}

void prl_shadow_fill(const prl_agent *a, prl_agent *to) {
  const prl_blocks *from = &a->shadow->agent->blocks;
  for (int i = 0, k = 0; i < to->blocks.count; i++) { /* of both the same are learned, in the same order */
    const prl_block *ours = &to->blocks.items[i];
    if (!ours->learned) continue;
    while (!from->items[k].learned) k++;
    memcpy(ours->data, from->items[k++].data, (size_t)prl_block_count(ours) * prl_dtype_size(ours->dtype));
  }
  prl_learner_take_multipliers(to->learner, a->learner);
  (void)(prl_learner_restore(to->learner) && prl_policy_restore(to->policy));
}

bool prl_agent_shadowed(const prl_agent *a, prl_shadowed *out) {
  if (!a || !a->shadow || !out) return false;
  const prl_shadow *s = a->shadow;
  *out = (prl_shadowed){.hash = s->agent->hash,
                        .begun = s->n.begun,
                        .since = s->n.since,
                        .updates = s->n.updates,
                        .effective = NAN,
                        .overlap = NAN};
  if (!prl_learner_metric(s->agent->learner, "ess", &out->effective)) out->effective = NAN;
  if (!prl_learner_metric(s->agent->learner, "overlap", &out->overlap)) out->overlap = NAN;
  return true;
}

/* ---- metrics ---- */

/* Those of its plan, in order, as far as `theirs` (count) has them. */
static int append(prl_shadow *s, const prl_metric *theirs, int count, const prl_metric **list, int before) {
  const prl_metric *known;
  int all = before;
  memcpy(s->list, *list, (size_t)before * sizeof *s->list);
  (void)prl_learner_meanings(s->agent->learner, &known);
  for (int i = 0, k = 0; i < s->own && k < count; i++) {
    if (known[i].name != theirs[k].name) continue;
    const char *name = s->names[i];
    if (name) s->list[all++] = (prl_metric){name, theirs[k].value, name + strlen(name) + 1, theirs[k].text};
    k++;
  }
  *list = s->list;
  return all;
}

int prl_shadow_metrics(prl_shadow *s, const prl_metric **list, int count) {
  const prl_metric *theirs;
  const int own = prl_learner_metrics(s->agent->learner, &theirs);
  return append(s, theirs, own, list, count);
}

int prl_shadow_meanings(prl_shadow *s, const prl_metric **list, int count) {
  const prl_metric *theirs;
  const int own = prl_learner_meanings(s->agent->learner, &theirs);
  return append(s, theirs, own, list, count);
}
