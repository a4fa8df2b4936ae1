#include <stdio.h>
#include <string.h>

#include "agent/agent.h"

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

static prl_status register_batch(prl_agent *a, prl_error *error) {
  prl_batch *b = &a->batch;
  int64_t rows = b->capacity;
  const struct {
    const char *name;
    prl_dtype dtype;
    int64_t count;
    void *data;
  } parts[] = {
      {"batch.rows", PRL_I64, 2, &b->rows}, /* and bootstraps, which stands behind it */
      {"batch.action", PRL_F32, rows * a->actions, b->action},
      {"batch.log_prob", PRL_F32, rows, b->log_prob},
      {"batch.response", PRL_F32, rows * a->responses, b->response},
      {"batch.successor", PRL_I32, rows, b->successor},
      {"batch.stream", PRL_I32, rows, b->stream},
      {"batch.step", PRL_I32, rows, b->step},
      {"batch.end", PRL_I32, (rows + 3) / 4, b->end},
      {"batch.observation", PRL_F32, 2 * rows * a->observations, a->observation},
      {"batch.advantage", PRL_F32, rows, a->advantage},
      {"batch.order", PRL_I32, rows, a->order},
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
  if (!status) status = prl_experience_blocks(a->experience, &a->blocks, error);
  if (!status && a->normalise) status = prl_normaliser_blocks(&a->normaliser, &a->blocks, error);
  if (!status) status = prl_live_blocks(&a->live, &a->blocks, error);
  return status ? status : prl_critics_blocks(a, error);
}
