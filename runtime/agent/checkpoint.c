/* The agent as one file: everything that changes, with the plan in its metadata. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/kept.h"
#include "agent/needs.h"
#include "agent/ramp.h"
#include "agent/shadow.h"
#include "core/arguments.h"
#include "core/read.h"
#include "io/safetensors.h"

/* ---- saving ---- */

static const char format_name[] = "perilune agent 2";

static prl_status put_text(prl_doc *doc, const char *key, const char *text, prl_error *error) {
  prl_value *value = prl_put(doc, &doc->root, key);
  return value && prl_set_string(doc, value, text, strlen(text)) ? PRL_OK
                                                                 : prl_fail_memory(error, strlen(text));
}

static prl_status put_plan(prl_doc *doc, const char *key, prl_runtime *runtime, const prl_value *plan,
                           prl_error *error) {
  char *text;
  size_t length;
  prl_status status = prl_json_write(runtime, plan, false, 0, &text, &length, error);
  if (status) return status;
  status = put_text(doc, key, text, error);
  prl_free(runtime, text);
  return status;
}

static prl_status make_metadata(const prl_agent *a, prl_doc **out, prl_error *error) {
  prl_status status = prl_doc_new(a->runtime, out, error);
  if (status) return status;
  prl_set_map(&(*out)->root);
  status = put_text(*out, "format", format_name, error);
  if (!status) status = put_plan(*out, "plan", a->runtime, a->root, error);
  if (!status) status = put_text(*out, "verb", prl_schedule_verb(a->schedule), error); /* at the cursor */
  if (!status && a->ramp) status = put_plan(*out, PRL_RAMP_KEY, a->runtime, &a->ramp->document->root, error);
  if (!status && a->kept) status = put_plan(*out, PRL_KEPT_KEY, a->runtime, &a->kept->document->root, error);
  if (!status && a->shadow) {
    const prl_agent *beside = prl_shadow_agent(a->shadow);
    status = put_plan(*out, PRL_SHADOW_KEY, a->runtime, beside->root, error);
    if (!status) status = put_text(*out, PRL_SHADOW_VERB, prl_schedule_verb(beside->schedule), error);
  }
  if (status) prl_doc_free(*out);
  return status;
}

static prl_status save_env(const prl_agent *a, const prl_vecenv *env, uint8_t **bytes, int64_t *size,
                           prl_error *error) {
  *bytes = NULL;
  *size = 0;
  prl_status status = env ? prl_vecenv_state_size(env, size, error) : PRL_OK;
  if (status || !*size) return status;
  *bytes = prl_alloc(a->runtime, (size_t)*size);
  if (!*bytes) return prl_fail_memory(error, (size_t)*size);
  status = prl_vecenv_save(env, *bytes, *size, error);
  if (!status) return PRL_OK;
  prl_free(a->runtime, *bytes);
  return status;
}

static int64_t list_blocks(const prl_blocks *blocks, prl_st_tensor *list) {
  int64_t count = 0;
  for (int i = 0; i < blocks->count; i++) {
    const prl_block *block = &blocks->items[i];
    int64_t used = prl_block_count(block);
    if (used > 0)
      list[count++] = (prl_st_tensor){.name = block->name,
                                      .dtype = prl_st_dtype_of(block->dtype),
                                      .ndim = 1,
                                      .shape = {used},
                                      .data = block->data};
  }
  return count;
}

static int64_t list_tensors(const prl_agent *a, const prl_vecenv *env, const uint8_t *bytes, int64_t size,
                            prl_st_tensor *list) {
  int64_t count = list_blocks(&a->blocks, list);
  if (a->kept) count += list_blocks(&a->kept->blocks, list + count);
  if (a->shadow) count += list_blocks(prl_shadow_blocks(a->shadow), list + count);
  if (!bytes) return count;
  list[count++] =
      (prl_st_tensor){.name = "env.state", .dtype = PRL_ST_U8, .ndim = 1, .shape = {size}, .data = bytes};
  if (a->drive.env == env)
    list[count++] = (prl_st_tensor){.name = "env.observation",
                                    .dtype = PRL_ST_F32,
                                    .ndim = 2,
                                    .shape = {a->drive.n, a->shape->spec.observations},
                                    .data = a->drive.observation};
  return count;
}

prl_status prl_agent_save(const prl_agent *a, const prl_vecenv *env, const char *path, prl_error *error) {
  prl_status status = PRL_GIVEN(error, "agent path", a, path);
  if (status) return status;
  if (a->failed)
    return prl_fail(error, PRL_ESTATE, "not saved, since learning failed: %s", a->failure.message);
  prl_doc *metadata;
  uint8_t *bytes;
  int64_t size;
  prl_error why = {PRL_OK, ""};
  status = prl_sets_check(a->sets, &why);
  if (!status && a->shadow) status = prl_sets_check(prl_shadow_agent(a->shadow)->sets, &why);
  if (status) return prl_fail(error, status, "not saved: in the update that runs, %s", why.message);
  status = save_env(a, env, &bytes, &size, error);
  if (status) return status;
  const size_t most = (size_t)a->blocks.count + (a->kept ? (size_t)a->kept->blocks.count : 0) +
                      (a->shadow ? (size_t)prl_shadow_blocks(a->shadow)->count : 0) + 2;
  prl_st_tensor *list = prl_calloc(a->runtime, most, sizeof *list);
  status = list ? make_metadata(a, &metadata, error) : prl_fail_memory(error, most * sizeof *list);
  if (!status) {
    int64_t count = list_tensors(a, env, bytes, size, list);
    status = prl_safetensors_write(a->runtime, path, list, count, &metadata->root, error);
    prl_doc_free(metadata);
  }
  prl_free(a->runtime, list);
  prl_free(a->runtime, bytes);
  return status;
}

/* ---- loading ---- */

static prl_status read_plan(prl_runtime *runtime, const prl_safetensors *file, const char *path,
                            prl_doc **out, prl_error *error) {
  const char *format = prl_safetensors_text(file, "format"), *plan = prl_safetensors_text(file, "plan");
  if (!format || strcmp(format, format_name) || !plan)
    return prl_fail(error, PRL_EFORMAT, "%s: not a saved agent (format \"%.40s\"; expected \"%s\")", path,
                    format ? format : "", format_name);
  prl_status status = prl_safetensors_need_digest(file, path, error);
  return status ? status : prl_json_parse(runtime, plan, strlen(plan), out, error);
}

static prl_status check_size(const prl_safetensors *file, const char *path, const char *name,
                             int64_t elements, const char *what, prl_error *error) {
  const prl_st_tensor *tensor = prl_safetensors_find(file, name);
  int64_t held = tensor && tensor->ndim == 1 ? tensor->shape[0] : 0;
  if (held == elements) return PRL_OK;
  return prl_fail(error, PRL_EFORMAT,
                  "%s: its plan's %s make \"%s\" %" PRId64 " values long; the file holds %" PRId64, path,
                  what, name, elements, held);
}

prl_status prl_checkpoint_sets(const prl_value *root, const char *prefix, const prl_safetensors *file,
                               const char *path, prl_error *error) {
  const prl_value *sets;
  prl_status status = prl_read_value(root, "", "sets", PRL_ARRAY, &sets, error);
  for (int64_t i = 0; !status && i < prl_count(sets); i++) {
    char name[PRL_BLOCK_NAME + 32];
    const char *set;
    int64_t values = 0;
    status = prl_needs_set(prl_item(sets, i), &set, &values, error);
    if (!status) snprintf(name, sizeof name, "%s%s", prefix, set);
    if (!status) status = check_size(file, path, name, values, "sets", error);
  }
  return status;
}

/* Before anything is allocated: sizes that the plan says are those of the file. */
static prl_status check_sizes(prl_runtime *runtime, const prl_value *root, const char *prefix,
                              const prl_safetensors *file, const char *path, prl_error *error) {
  char events[PRL_BLOCK_NAME], slots[PRL_BLOCK_NAME], sets[PRL_BLOCK_NAME];
  prl_shape *shape;
  prl_status status = prl_shape_new(runtime, root, &shape, error);
  if (status) return status;
  const prl_experience_options *o = &shape->experience;
  snprintf(events, sizeof events, "%sexperience.events", prefix);
  snprintf(slots, sizeof slots, "%sexperience.slot", prefix);
  snprintf(sets, sizeof sets, "%sparams.", prefix);
  status =
      check_size(file, path, events, o->events * (int64_t)(sizeof(prl_event) / 4), "capacity.events", error);
  if (!status) status = check_size(file, path, slots, o->streams, "capacity.streams", error);
  prl_shape_free(shape);
  return status ? status : prl_checkpoint_sets(root, sets, file, path, error);
}

/* The same of the control group's plan, which is one of its own. */
static prl_status check_all_sizes(prl_runtime *runtime, const prl_value *root, const prl_safetensors *file,
                                  const char *path, prl_error *error) {
  const prl_value *control = prl_path(root, "control.plan");
  prl_status status = check_sizes(runtime, root, "", file, path, error);
  return status || !control ? status : check_sizes(runtime, control, "control.", file, path, error);
}

static prl_status read_blocks(const prl_blocks *blocks, const prl_safetensors *file, prl_error *error) {
  prl_status status = PRL_OK;
  for (int i = 0; !status && i < blocks->count; i++) {
    const prl_block *block = &blocks->items[i];
    int64_t used = prl_block_count(block);
    if (used < 0)
      status = prl_fail(error, PRL_EFORMAT, "the size of \"%s\" in the checkpoint is damaged", block->name);
    if (used > 0)
      status = prl_safetensors_copy(file, block->name, prl_st_dtype_of(block->dtype), 1, &used, block->data,
                                    error);
  }
  return status;
}

static prl_status restore(prl_agent *a, const prl_safetensors *file, const char *path, prl_error *error) {
  const char *verb = prl_safetensors_text(file, "verb");
  prl_status status = prl_experience_restore(a->experience, error);
  if (!status && a->control) status = prl_control_restore(a->control, error);
  if (status) return status;
  if (verb && prl_learner_restore(a->learner) && prl_schedule_restore(a->schedule, verb) &&
      prl_policy_restore(a->policy) && prl_ramp_restore(a))
    return PRL_OK;
  return prl_fail(error, PRL_EFORMAT, "%s: the place where learning stopped is damaged", path);
}

/* The shadow that learned beside the agent, if one did; the agent is restored. */
static prl_status read_shadow(prl_agent *a, const prl_safetensors *file, const char *path, prl_error *error) {
  const char *text = prl_safetensors_text(file, PRL_SHADOW_KEY),
             *verb = prl_safetensors_text(file, PRL_SHADOW_VERB);
  prl_doc *plan;
  if (!text) return PRL_OK;
  prl_status status = prl_json_parse(a->runtime, text, strlen(text), &plan, error);
  if (status) return status;
  status = prl_checkpoint_sets(&plan->root, PRL_SHADOW_PREFIX "params.", file, path, error);
  if (!status) status = prl_shadow_new(a, &plan->root, NULL, &a->shadow, error);
  prl_doc_free(plan);
  if (!status) status = read_blocks(prl_shadow_blocks(a->shadow), file, error);
  if (!status && !(verb && prl_shadow_restore(a, verb)))
    status = prl_fail(error, PRL_EFORMAT, "%s: what the shadow learned is damaged", path);
  return status;
}

prl_status prl_agent_load(prl_runtime *runtime, const char *path, prl_agent **out, prl_error *error) {
  prl_safetensors *file;
  prl_doc *plan;
  prl_agent *agent = NULL;
  prl_status status = PRL_GIVEN(error, "runtime path out", runtime, path, out);
  if (!status) status = prl_safetensors_open(runtime, path, 0, &file, error);
  if (status) return status;
  status = read_plan(runtime, file, path, &plan, error);
  if (!status) {
    status = check_all_sizes(runtime, &plan->root, file, path, error);
    if (!status) status = prl_agent_new_from(runtime, &plan->root, NULL, &agent, error);
    prl_doc_free(plan);
  }
  if (!status) status = prl_ramp_read(agent, file, path, error);
  if (!status) status = read_blocks(&agent->blocks, file, error);
  if (!status) status = restore(agent, file, path, error);
  if (!status) status = prl_kept_read(runtime, file, path, &agent->kept, error);
  if (!status) status = read_shadow(agent, file, path, error);
  prl_safetensors_close(file);
  if (status) {
    prl_agent_free(agent);
    return status;
  }
  *out = agent;
  return PRL_OK;
}

/* The environment first: if it refuses its state, the agent is unchanged. */
static prl_status resume_env(prl_agent *a, prl_vecenv *env, const prl_safetensors *file,
                             const prl_st_tensor *state, prl_error *error) {
  prl_drive fresh;
  bool driven = prl_safetensors_find(file, "env.observation") != NULL;
  prl_status status = prl_drive_init(a, env, &fresh, error);
  if (status) return status;
  if (driven)
    status =
        prl_safetensors_copy(file, "env.observation", PRL_ST_F32, 2,
                             (int64_t[]){fresh.n, a->shape->spec.observations}, fresh.observation, error);
  if (!status) status = prl_vecenv_load(env, state->data, (int64_t)state->size, error);
  if (status || !driven) {
    prl_drive_deinit(a->runtime, &fresh);
    return status;
  }
  prl_drive_deinit(a->runtime, &a->drive);
  a->drive = fresh;
  return PRL_OK;
}

prl_status prl_agent_load_env(prl_agent *a, const char *path, prl_vecenv *env, prl_error *error) {
  prl_safetensors *file;
  prl_status status = PRL_GIVEN(error, "agent path env", a, path, env);
  if (!status) status = prl_safetensors_open(a->runtime, path, 0, &file, error);
  if (status) return status;
  const prl_st_tensor *state = prl_safetensors_find(file, "env.state");
  status = prl_safetensors_need_digest(file, path, error);
  if (!status && (!state || state->dtype != PRL_ST_U8))
    status =
        prl_fail(error, PRL_EABSENT, "%s holds no state of an environment: its episodes start anew", path);
  if (!status) status = resume_env(a, env, file, state, error);
  prl_safetensors_close(file);
  return status;
}
