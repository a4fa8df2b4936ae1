#include <stdio.h>
#include <string.h>

#include "agent/agent.h"
#include "io/safetensors.h"

static prl_status add_named(prl_agent *a, const char *prefix, const char *name, prl_dtype dtype,
                            int64_t count, void *data, prl_error *error) {
  char text[PRL_BLOCK_NAME + 32];
  snprintf(text, sizeof text, "%s%s", prefix, name);
  return prl_blocks_add(&a->blocks, text, dtype, count, data, error);
}

static prl_status register_learning(prl_agent *a, prl_error *error) {
  prl_status status = PRL_OK;
  for (int i = 0; !status && i < a->sets_count; i++) {
    prl_params *set = a->sets[i];
    status = add_named(a, "params.", set->name, PRL_F32, set->size, set->value, error);
    if (!status && a->published[i])
      status = add_named(a, "published.", set->name, PRL_F32, set->size, a->published[i]->value, error);
  }
  for (int i = 0; !status && i < a->optims_count; i++) {
    prl_optim *optim = a->optims[i];
    const char *name = optim->params->name;
    int64_t size = optim->params->size;
    if (optim->moment1) status = add_named(a, "moment1.", name, PRL_F32, size, optim->moment1, error);
    if (!status && optim->moment2)
      status = add_named(a, "moment2.", name, PRL_F32, size, optim->moment2, error);
    if (!status) status = add_named(a, "steps.", name, PRL_I64, 1, &optim->steps, error);
    if (!status) status = add_named(a, "norm.", name, PRL_F64, 1, &optim->last_norm, error);
  }
  return status;
}

/* The batch's own counts come first: they say how much of its arrays holds something. */
static prl_status register_batch(prl_agent *a, prl_error *error) {
  prl_batch *b = &a->batch;
  const struct {
    const char *name;
    prl_dtype dtype;
    int64_t unit;
    void *data;
    const int64_t *used;
  } parts[] = {
      {"batch.action", PRL_F32, a->actions, b->action, &b->rows},
      {"batch.log_prob", PRL_F32, 1, b->log_prob, &b->rows},
      {"batch.response", PRL_F32, a->responses, b->response, &b->rows},
      {"batch.successor", PRL_I32, 1, b->successor, &b->rows},
      {"batch.stream", PRL_I32, 1, b->stream, &b->rows},
      {"batch.step", PRL_I32, 1, b->step, &b->rows},
      {"batch.end", PRL_I32, 1, b->end, &b->rows},
      {"batch.observation", PRL_F32, a->observations, a->observation, &b->observed},
      {"batch.advantage", PRL_F32, 1, a->advantage, &b->rows},
      {"batch.order", PRL_I32, 1, a->order, &b->rows},
  };
  prl_status status = prl_blocks_add(&a->blocks, "batch.counts", PRL_I64, 3, &b->rows, error);
  if (!status && a->timed) /* nobody else reads it, and files from before there were times lack it */
    status = prl_blocks_add_used(&a->blocks, "batch.elapsed", PRL_F32, b->capacity, b->elapsed, &b->rows, 1,
                                 error);
  for (size_t i = 0; !status && i < sizeof parts / sizeof *parts; i++) {
    int64_t rows = parts[i].used == &b->observed ? 2 * b->capacity : b->capacity;
    status = prl_blocks_add_used(&a->blocks, parts[i].name, parts[i].dtype, rows * parts[i].unit,
                                 parts[i].data, parts[i].used, parts[i].unit, error);
  }
  return status;
}

static prl_status register_numbers(prl_agent *a, prl_error *error) {
  const struct {
    const char *name;
    prl_dtype dtype;
    int64_t count;
    void *data;
  } parts[] = {
      {"agent.lengths", PRL_F64, a->experience->options.streams, a->lengths},
      {"agent.counts", PRL_I64, sizeof a->n / sizeof(int64_t), &a->n},
      {"agent.positions", PRL_I64, a->verbs_count, a->positions},
      {"agent.gauges", PRL_F64, a->gauges_count * (int64_t)(sizeof *a->gauges / sizeof(double)), a->gauges},
      {"agent.optim_steps", PRL_I64, a->optims_count, a->optim_steps},
  };
  prl_status status = PRL_OK;
  for (size_t i = 0; !status && i < sizeof parts / sizeof *parts; i++)
    status = prl_blocks_add(&a->blocks, parts[i].name, parts[i].dtype, parts[i].count, parts[i].data, error);
  return status;
}

/* Everything that changes while the agent lives, in one list. Raw observations of the frozen rows are not in
 * it: the statistics have seen them and programs read the normalised ones. */
prl_status prl_agent_register(prl_agent *a, prl_error *error) {
  a->metrics = prl_calloc(a->runtime, (size_t)a->gauges_count + 1, sizeof *a->metrics);
  if (!a->metrics) return prl_fail_memory(error, (size_t)a->gauges_count * sizeof *a->metrics);
  prl_status status = register_learning(a, error);
  if (!status) status = register_batch(a, error);
  if (!status) status = register_numbers(a, error);
  if (!status) status = prl_experience_blocks(a->experience, &a->blocks, error);
  if (!status && a->normalise) status = prl_normaliser_blocks(&a->normaliser, &a->blocks, error);
  if (!status) status = prl_live_blocks(&a->live, &a->blocks, error);
  return status ? status : prl_critics_blocks(a, error);
}

/* ---- saving ---- */

static const char format_name[] = "perilune agent 1";

static prl_status make_metadata(const prl_agent *a, prl_doc **out, prl_error *error) {
  char *plan;
  size_t length;
  prl_status status = prl_json_write(a->runtime, a->root, false, 0, &plan, &length, error);
  if (status) return status;
  status = prl_doc_new(a->runtime, out, error);
  if (!status) {
    prl_value *root = &(*out)->root, *value;
    prl_set_map(root);
    bool ok = (value = prl_put(*out, root, "format")) &&
              prl_set_string(*out, value, format_name, strlen(format_name));
    ok = ok && (value = prl_put(*out, root, "plan")) && prl_set_string(*out, value, plan, length);
    if (!ok) {
      prl_doc_free(*out);
      status = prl_fail_memory(error, length);
    }
  }
  prl_free(a->runtime, plan);
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

static int64_t list_tensors(const prl_agent *a, const prl_vecenv *env, const uint8_t *bytes, int64_t size,
                            prl_st_tensor *list) {
  int64_t count = 0;
  for (int i = 0; i < a->blocks.count; i++) {
    const prl_block *block = &a->blocks.items[i];
    int64_t used = prl_block_count(block);
    if (used > 0)
      list[count++] = (prl_st_tensor){.name = block->name,
                                      .dtype = prl_st_dtype_of(block->dtype),
                                      .ndim = 1,
                                      .shape = {used},
                                      .data = block->data};
  }
  if (!bytes) return count;
  list[count++] =
      (prl_st_tensor){.name = "env.state", .dtype = PRL_ST_U8, .ndim = 1, .shape = {size}, .data = bytes};
  if (a->drive.env == env)
    list[count++] = (prl_st_tensor){.name = "env.observation",
                                    .dtype = PRL_ST_F32,
                                    .ndim = 2,
                                    .shape = {a->drive.n, a->observations},
                                    .data = a->drive.observation};
  return count;
}

prl_status prl_agent_save(const prl_agent *a, const prl_vecenv *env, const char *path, prl_error *error) {
  if (a->failed)
    return prl_fail(error, PRL_ESTATE, "not saved, since learning failed: %s", a->failure.message);
  prl_doc *metadata;
  uint8_t *bytes;
  int64_t size;
  prl_error why = {PRL_OK, ""};
  prl_status status = prl_agent_check_params(a, &why);
  if (status) return prl_fail(error, status, "not saved: in the update that runs, %s", why.message);
  status = save_env(a, env, &bytes, &size, error);
  if (status) return status;
  prl_st_tensor *list = prl_calloc(a->runtime, (size_t)a->blocks.count + 2, sizeof *list);
  status = list ? make_metadata(a, &metadata, error)
                : prl_fail_memory(error, (size_t)a->blocks.count * sizeof *list);
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

static bool cursor_holds(const prl_agent *a) {
  const prl_agent_counts *n = &a->n;
  const prl_batch *b = &a->batch;
  bool good = n->verb >= 0 && n->verb < a->verbs_count && n->stage >= 0 && n->stage <= 4 && n->tile >= 0 &&
              n->tile <= 2 * b->capacity && n->updates >= 0 && n->version >= 0 && n->warm >= 0 &&
              n->warmed >= 0 && n->warmed <= 1 && b->rows >= 0 && b->rows <= b->capacity &&
              b->bootstraps >= 0 && b->bootstraps <= b->rows && b->observed == b->rows + b->bootstraps;
  for (int i = 0; good && i < a->verbs_count; i++)
    good = a->positions[i] >= 0 && (a->verbs[i].kind != PRL_VERB_MINIBATCHES || n->verb <= i ||
                                    n->verb > a->verbs[i].partner || a->positions[i] < b->rows);
  for (int64_t i = 0; good && i < b->rows; i++)
    good = a->order[i] >= 0 && a->order[i] < b->rows && b->successor[i] >= -1 &&
           b->successor[i] < b->rows + b->bootstraps && b->stream[i] >= 0 &&
           b->stream[i] < a->experience->options.streams;
  return good;
}

static prl_status read_blocks(prl_agent *a, const prl_safetensors *file, prl_error *error) {
  prl_status status = PRL_OK;
  for (int i = 0; !status && i < a->blocks.count; i++) {
    const prl_block *block = &a->blocks.items[i];
    int64_t used = prl_block_count(block);
    if (used < 0)
      status = prl_fail(error, PRL_EFORMAT, "the size of \"%s\" in the checkpoint is damaged", block->name);
    if (used > 0)
      status = prl_safetensors_copy(file, block->name, prl_st_dtype_of(block->dtype), 1, &used, block->data,
                                    error);
  }
  return status;
}

prl_status prl_agent_load(prl_runtime *runtime, const char *path, prl_agent **out, prl_error *error) {
  prl_safetensors *file;
  prl_doc *plan;
  prl_agent *agent = NULL;
  prl_status status = prl_safetensors_open(runtime, path, 0, &file, error);
  if (status) return status;
  status = read_plan(runtime, file, path, &plan, error);
  if (!status) {
    status = prl_agent_build(runtime, &plan->root, NULL, &agent, error);
    prl_doc_free(plan);
  }
  if (!status) status = read_blocks(agent, file, error);
  prl_safetensors_free(file);
  if (!status) status = prl_experience_restore(agent->experience, error);
  if (!status && !cursor_holds(agent))
    status = prl_fail(error, PRL_EFORMAT, "%s: the place where learning stood is damaged", path);
  if (status) {
    prl_agent_free(agent);
    return status;
  }
  prl_routines_fill_live(agent);
  *out = agent;
  return PRL_OK;
}

/* The environment first: when it refuses its state, the agent is as it was. */
static prl_status resume_env(prl_agent *a, prl_vecenv *env, const prl_safetensors *file,
                             const prl_st_tensor *state, prl_error *error) {
  prl_drive fresh;
  bool driven = prl_safetensors_find(file, "env.observation") != NULL;
  prl_status status = prl_drive_make(a, env, &fresh, error);
  if (status) return status;
  if (driven)
    status = prl_safetensors_copy(file, "env.observation", PRL_ST_F32, 2,
                                  (int64_t[]){fresh.n, a->observations}, fresh.observation, error);
  if (!status) status = prl_vecenv_load(env, state->data, (int64_t)state->size, error);
  if (status || !driven) {
    prl_drive_free(a->runtime, &fresh);
    return status;
  }
  prl_drive_free(a->runtime, &a->drive);
  a->drive = fresh;
  a->n.driven = 1;
  return PRL_OK;
}

prl_status prl_agent_load_env(prl_agent *a, const char *path, prl_vecenv *env, prl_error *error) {
  prl_safetensors *file;
  prl_status status = prl_safetensors_open(a->runtime, path, 0, &file, error);
  if (status) return status;
  const prl_st_tensor *state = prl_safetensors_find(file, "env.state");
  status = prl_safetensors_need_digest(file, path, error);
  if (!status && (!state || state->dtype != PRL_ST_U8))
    status =
        prl_fail(error, PRL_EABSENT, "%s holds no state of an environment: its episodes start anew", path);
  if (!status) status = resume_env(a, env, file, state, error);
  prl_safetensors_free(file);
  return status;
}
