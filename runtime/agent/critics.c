#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/read.h"
#include "core/nearest.h"

/* Where a parameter of the critic's value set stands. */
static prl_status find_param(prl_agent *a, const prl_value *map, const char *critic, const prl_value *popart,
                             const char *key, prl_param **out, prl_error *error) {
  const char *set, *name;
  prl_status status = prl_read_string(map, critic, "value_set", &set, error);
  if (!status) status = prl_read_string(popart, critic, key, &name, error);
  if (status) return status;
  int index = prl_agent_set_find(a, set, strlen(set));
  prl_param *param = index < 0 ? NULL : prl_params_find(a->sets[index], name);
  if (!param)
    return prl_fail(error, PRL_EFORMAT, "plan: critic \"%s\": there is no parameter \"%s:%s\"", critic, set,
                    name);
  *out = param;
  return PRL_OK;
}

static prl_status read_popart(prl_agent *a, prl_critic *c, const prl_value *map, prl_error *error) {
  const prl_value *popart = prl_get(map, "popart");
  if (!popart || popart->kind != PRL_MAP) return PRL_OK;
  prl_param *weight, *bias;
  int64_t column = 0;
  c->decay = 0.1;
  c->normalise = true;
  prl_status status = prl_read_number(popart, c->name, "decay", false, 1e-6, 1, &c->decay, error);
  if (!status) status = prl_read_int(popart, c->name, "column", false, 0, 1 << 20, &column, error);
  if (!status) status = find_param(a, map, c->name, popart, "weight", &weight, error);
  if (!status) status = find_param(a, map, c->name, popart, "bias", &bias, error);
  if (status) return status;
  const prl_tensor *w = &weight->value, *b = &bias->value;
  if (w->ndim != 2 || b->ndim != 1 || b->shape[0] != w->shape[1] || column >= b->shape[0]) {
    char one[96], two[96];
    return prl_fail(error, PRL_EFORMAT,
                    "plan: critic \"%s\": a last layer of weight %s and bias %s, column %d", c->name,
                    prl_shape_text(w, one, sizeof one), prl_shape_text(b, two, sizeof two), (int)column);
  }
  c->layer_weight = (float *)w->data + column;
  c->layer_bias = (float *)b->data + column;
  c->layer_rows = w->shape[0];
  c->layer_stride = w->shape[1];
  return PRL_OK;
}

static prl_status read_scale(prl_agent *a, prl_critic *c, const prl_value *map, prl_error *error) {
  const char *word = prl_get_string(map, "scale", NULL);
  *c->scale = 1;
  if (word && !strcmp(word, "baseline")) {
    c->baseline = true;
    if (a->warmup >= PRL_STATISTICS_ROWS) return PRL_OK;
    return prl_fail(error, PRL_EFORMAT,
                    "plan: critic \"%s\": scale \"baseline\" needs %d warm-up steps (warmup is %" PRId64 ")",
                    c->name, PRL_STATISTICS_ROWS, a->warmup);
  }
  if (word) return prl_read_fail(c->name, "scale", "a number or \"baseline\"", error);
  return prl_read_number(map, c->name, "scale", false, 1e-30, 1e30, c->scale, error);
}

/* What gamma is for. Plans from before there was a choice do not say, and mean a step. */
static prl_status read_per(prl_agent *a, prl_critic *c, const prl_value *map, prl_error *error) {
  static const struct {
    const char *name;
    double seconds;
  } units[] = {{"step", 0}, {"second", 1}, {"minute", 60}, {"hour", 3600}, {"day", 86400}};
  prl_nearest nearest;
  c->per = units[0].name;
  if (!prl_get(map, "per")) return PRL_OK;
  prl_status status = prl_read_string(map, c->name, "per", &c->per, error);
  if (status) return status;
  nearest = prl_nearest_begin(c->per);
  for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
    prl_nearest_offer(&nearest, units[i].name);
    if (strcmp(c->per, units[i].name)) continue;
    c->unit = units[i].seconds;
    if (c->unit > 0 && !a->timed) a->timed = c;
    return PRL_OK;
  }
  return prl_fail(error, PRL_EFORMAT,
                  "plan: %s.per: expected step, second, minute, hour or day, got \"%.40s\"%s", c->name,
                  c->per, prl_nearest_hint(&nearest));
}

static prl_status allocate(prl_agent *a, prl_critic *c, prl_error *error) {
  size_t rows = (size_t)a->batch_rows;
  c->scale = prl_calloc(a->runtime, 1, sizeof *c->scale);
  c->baseline_sum = prl_calloc(a->runtime, 1, sizeof *c->baseline_sum);
  c->popart = prl_calloc(a->runtime, 1, sizeof *c->popart);
  c->reward = prl_calloc(a->runtime, rows, sizeof(float));
  c->advantage = prl_calloc(a->runtime, rows, sizeof(float));
  c->returns = prl_calloc(a->runtime, rows, sizeof(float));
  c->value = prl_calloc(a->runtime, 2 * rows, sizeof(float));
  c->episode = prl_calloc(a->runtime, (size_t)a->experience->options.streams, sizeof *c->episode);
  if (!c->scale || !c->baseline_sum || !c->popart || !c->reward || !c->advantage || !c->returns ||
      !c->value || !c->episode)
    return prl_fail_memory(error, 2 * rows * sizeof(float));
  c->popart->std = 1;
  return PRL_OK;
}

static prl_status build_critic(prl_agent *a, prl_critic *c, const prl_value *map, prl_error *error) {
  char what[128];
  prl_status status = allocate(a, c, error);
  if (!status) status = prl_read_string(map, "critics", "name", &c->name, error);
  if (status) return status;
  snprintf(what, sizeof what, "objective.critics.%s.reward", c->name);
  status = prl_expression_new(a->runtime, prl_get(map, "reward"), a->responses, what, &c->expression, error);
  if (!status) status = prl_live_ref(&a->live, map, c->name, "gamma", 0.99, &c->gamma, error);
  if (!status) status = read_per(a, c, map, error);
  if (!status) status = prl_live_ref(&a->live, map, c->name, "weight", 1, &c->weight, error);
  if (!status) status = read_scale(a, c, map, error);
  if (!status) status = read_popart(a, c, map, error);
  if (!status) status = prl_gauge_add(a, "episodic_return/", c->name, &c->metric_return, error);
  if (!status) status = prl_gauge_add(a, "explained_variance/", c->name, &c->metric_variance, error);
  if (!status) status = prl_gauge_add(a, "signal_share/", c->name, &c->metric_share, error);
  if (!status && c->unit > 0) status = prl_gauge_add(a, "discount/", c->name, &c->metric_discount, error);
  return status;
}

prl_status prl_critics_build(prl_agent *a, prl_error *error) {
  const prl_value *list;
  prl_status status = prl_read_value(a->root, "", "critics", PRL_ARRAY, &list, error);
  if (status) return status;
  size_t count = (size_t)prl_count(list);
  a->critics = prl_calloc(a->runtime, count + 1, sizeof *a->critics);
  if (!a->critics) return prl_fail_memory(error, count * sizeof *a->critics);
  a->critics_count = (int)count;
  for (int i = 0; !status && i < a->critics_count; i++)
    status = build_critic(a, &a->critics[i], prl_item(list, i), error);
  return status;
}

void prl_critics_free(prl_agent *a) {
  for (int i = 0; i < a->critics_count; i++) {
    prl_critic *c = &a->critics[i];
    void *blocks[] = {c->scale,     c->baseline_sum, c->popart, c->reward,
                      c->advantage, c->returns,      c->value,  c->episode};
    for (size_t k = 0; k < sizeof blocks / sizeof *blocks; k++) prl_free(a->runtime, blocks[k]);
    prl_expression_free(c->expression);
  }
  prl_free(a->runtime, a->critics);
}

prl_status prl_critics_blocks(prl_agent *a, prl_error *error) {
  prl_status status = PRL_OK;
  for (int i = 0; i < a->critics_count; i++) {
    prl_critic *c = &a->critics[i];
    const prl_batch *b = &a->batch;
    const struct {
      const char *name;
      prl_dtype dtype;
      int64_t count;
      void *data;
      const int64_t *used;
    } parts[] = {{"scale", PRL_F64, 1, c->scale, NULL},
                 {"baseline", PRL_F64, 1, c->baseline_sum, NULL},
                 {"popart", PRL_F64, sizeof *c->popart / sizeof(double), c->popart, NULL},
                 {"episode", PRL_F64, a->experience->options.streams, c->episode, NULL},
                 {"reward", PRL_F32, a->batch_rows, c->reward, &b->rows},
                 {"advantage", PRL_F32, a->batch_rows, c->advantage, &b->rows},
                 {"returns", PRL_F32, a->batch_rows, c->returns, &b->rows},
                 {"value", PRL_F32, 2 * a->batch_rows, c->value, &b->observed}};
    for (size_t k = 0; !status && k < sizeof parts / sizeof *parts; k++) {
      char name[PRL_BLOCK_NAME];
      snprintf(name, sizeof name, "critic.%d.%s", i, parts[k].name);
      status = prl_blocks_add_used(&a->blocks, name, parts[k].dtype, parts[k].count, parts[k].data,
                                   parts[k].used, 1, error);
    }
  }
  return status;
}
