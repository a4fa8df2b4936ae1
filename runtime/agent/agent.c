/* The agent's life: a plan becomes parts, and their end. */
#include "agent/agent.h"

#include <stdio.h>
#include <string.h>

#include "agent/kept.h"
#include "agent/needs.h"
#include "agent/ramp.h"
#include "agent/shadow.h"
#include "agent/snapshot.h"
#include "agent/workers.h"
#include "core/arguments.h"
#include "core/read.h"

static prl_status build_learner(prl_agent *a, const prl_agent *running, prl_error *error) {
  const prl_learner_parts parts = {.root = a->root,
                                   .shape = a->shape,
                                   .sets = a->sets,
                                   .live = a->live,
                                   .policy = a->policy,
                                   .experience = a->experience,
                                   .control = a->control,
                                   .source = running ? running->learner : NULL};
  return prl_learner_new(a->runtime, &parts, &a->learner, error);
}

/* Everything that changes while the agent lives, in one list, so that saving and loading forget nothing. */
static prl_status list_blocks(prl_agent *a, prl_error *error) {
  prl_status status = prl_sets_blocks(a->sets, &a->blocks, error);
  if (!status) status = prl_policy_blocks(a->policy, &a->blocks, error);
  if (!status && a->control && !a->beside) status = prl_control_blocks(a->control, &a->blocks, error);
  if (!status) status = prl_live_blocks(a->live, &a->blocks, error);
  if (!status) status = prl_learner_blocks(a->learner, &a->blocks, error);
  if (!status) status = prl_schedule_blocks(a->schedule, &a->blocks, error);
  return status || a->beside ? status : prl_experience_blocks(a->experience, &a->blocks, error);
}

/* What people do, and what is known of them. */
static prl_status build_rows(prl_agent *a, const prl_plan *values, prl_error *error) {
  prl_status status = prl_experience_new(a->runtime, &a->shape->experience, &a->experience, error);
  if (!status) status = prl_control_new(a->runtime, a->root, a->shape, values, &a->control, error);
  if (!status) status = prl_split_init(a, error);
  if (status) return status;
  const size_t guards = a->control ? (size_t)prl_control_guards(a->control) : 0;
  if (guards) a->guards = prl_calloc(a->runtime, 2 * guards, sizeof *a->guards);
  return guards && !a->guards ? prl_fail_memory(error, guards * sizeof *a->guards) : PRL_OK;
}

static prl_status build(prl_agent *a, const prl_agent *running, const prl_plan *values, prl_error *error) {
  prl_status status = prl_shape_new(a->runtime, a->root, &a->shape, error);
  if (!status) status = prl_live_new(a->runtime, prl_get(a->root, "live"), &a->live, error);
  if (!status) status = prl_live_begin(a->live, a->root, error);
  if (!status && !running) status = build_rows(a, values, error);
  if (!status) status = prl_sets_new(a->runtime, a->root, values, &a->sets, error);
  if (!status) status = prl_policy_new(a->runtime, a->root, a->shape, a->sets, a->live, &a->policy, error);
  if (!status) status = build_learner(a, running, error);
  if (!status) status = prl_schedule_new(a->runtime, a->root, a->learner, &a->schedule, error);
  if (status) return status;
  a->extent = prl_calloc(a->runtime, (size_t)a->sets->count + 1, sizeof *a->extent);
  return a->extent ? list_blocks(a, error) : prl_fail_memory(error, (size_t)a->sets->count);
}

/* running: that it learns beside; NULL: it is one of its own. */
static prl_status make(prl_runtime *runtime, const prl_agent *running, const prl_value *document,
                       const prl_plan *values, prl_agent **out, prl_error *error) {
  prl_agent *a = prl_calloc(runtime, 1, sizeof *a);
  if (!a) return prl_fail_memory(error, sizeof *a);
  a->runtime = prl_runtime_retain(runtime);
  prl_blocks_init(&a->blocks, runtime);
  prl_status status = prl_doc_new(runtime, &a->document, error);
  if (!status && !prl_value_copy(a->document, &a->document->root, document))
    status = prl_fail_memory(error, 0);
  if (!status) {
    a->root = &a->document->root;
    snprintf(a->hash, sizeof a->hash, "%s", prl_get_string(a->root, "hash", ""));
    status = prl_needs_check(runtime, a->root, running != NULL, error);
  }
  if (!status && running) {
    a->beside = true;
    a->experience = running->experience;
    a->control = running->control;
  }
  if (!status) status = build(a, running, values, error);
  if (status) {
    prl_agent_free(a);
    return status;
  }
  *out = a;
  return PRL_OK;
}

prl_status prl_agent_new_from(prl_runtime *runtime, const prl_value *document, const prl_plan *values,
                              prl_agent **out, prl_error *error) {
  return make(runtime, NULL, document, values, out, error);
}

prl_status prl_agent_new_beside(const prl_agent *running, const prl_value *document, const prl_plan *values,
                                prl_agent **out, prl_error *error) {
  return make(running->runtime, running, document, values, out, error);
}

prl_status prl_agent_new(const prl_plan *plan, prl_agent **out, prl_error *error) {
  prl_status status = PRL_GIVEN(error, "plan out", plan, out);
  if (status) return status;
  return prl_agent_new_from(plan->runtime, &plan->document->root, plan, out, error);
}

void prl_agent_exchange(prl_agent *a, prl_agent *b) {
  const size_t from = offsetof(prl_agent, runtime), size = sizeof *a - from;
  const prl_agent old = *a;
  memcpy((char *)a + from, (const char *)b + from, size);
  memcpy((char *)b + from, (const char *)&old + from, size);
}

void prl_agent_free(prl_agent *a) {
  if (!a) return;
  prl_runtime *runtime = a->runtime;
  prl_lagged_free(a->lagged);
  prl_board_close(a->board);
  prl_agent_free(a->next);
  prl_ramp_free(a->ramp);
  prl_shadow_free(a->shadow);
  prl_kept_free(a->kept);
  prl_migration_free(a->migration);
  prl_workers_free(a->workers);
  prl_schedule_free(a->schedule);
  prl_learner_free(a->learner);
  if (!a->beside) prl_split_deinit(a);
  if (!a->beside) prl_control_free(a->control);
  prl_policy_free(a->policy);
  prl_sets_free(a->sets);
  if (!a->beside) prl_experience_free(a->experience);
  prl_live_free(a->live);
  prl_free(runtime, a->extent);
  prl_growth_free(a->growth);
  prl_free(runtime, a->guards);
  prl_free(runtime, a->taken);
  prl_shape_free(a->shape);
  prl_blocks_deinit(&a->blocks);
  prl_drive_deinit(runtime, &a->drive);
  prl_doc_free(a->document);
  prl_free(runtime, a);
  prl_runtime_release(runtime);
}
