/* Critics: their rewards, discounts, scales and PopArt statistics, as the plan says. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/learner/parts.h"

#include "core/nearest.h"
#include "core/read.h"

/* The place of a parameter in the critic's value set. */
static prl_status find_param(prl_learner *l, const prl_value *map, const char *critic,
                             const prl_value *popart, const char *key, prl_param **out, prl_error *error) {
  const char *set, *name;
  prl_status status = prl_read_string(map, critic, "value_set", &set, error);
  if (!status) status = prl_read_string(popart, critic, key, &name, error);
  if (status) return status;
  int index = prl_sets_find(l->sets, set, strlen(set));
  prl_param *param = index < 0 ? NULL : prl_params_find(l->sets->items[index], name);
  if (!param)
    return prl_fail(error, PRL_EFORMAT, "plan: critic \"%s\": there is no parameter \"%s:%s\"", critic, set,
                    name);
  *out = param;
  return PRL_OK;
}

static prl_status read_popart(prl_learner *l, prl_critic *c, const prl_value *map, prl_error *error) {
  const prl_value *popart = prl_get(map, "popart");
  if (!popart || popart->kind != PRL_MAP) return PRL_OK;
  prl_param *weight, *bias;
  int64_t column = 0;
  c->decay = 0.1;
  c->normalise = true;
  prl_status status = prl_read_number(popart, c->name, "decay", false, 1e-6, 1, &c->decay, error);
  if (!status) status = prl_read_int(popart, c->name, "column", false, 0, 1 << 20, &column, error);
  if (!status) status = find_param(l, map, c->name, popart, "weight", &weight, error);
  if (!status) status = find_param(l, map, c->name, popart, "bias", &bias, error);
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

static prl_status read_scale(prl_learner *l, prl_critic *c, const prl_value *map, prl_error *error) {
  const char *word = prl_get_string(map, "scale", NULL);
  *c->scale = 1;
  if (word && !strcmp(word, "baseline")) {
    c->baseline = true;
    if (l->shape->warmup >= PRL_STATISTICS_ROWS) return PRL_OK;
    return prl_fail(error, PRL_EFORMAT,
                    "plan: critic \"%s\": scale \"baseline\" needs %d warm-up steps (warmup is %" PRId64 ")",
                    c->name, PRL_STATISTICS_ROWS, l->shape->warmup);
  }
  if (word) return prl_read_fail(c->name, "scale", "a number or \"baseline\"", error);
  return prl_read_number(map, c->name, "scale", false, 1e-30, 1e30, c->scale, error);
}

/* What gamma is for. Plans from before there was a choice do not say, and mean a step. */
static prl_status read_per(prl_learner *l, prl_critic *c, const prl_value *map, prl_error *error) {
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
    if (c->unit > 0 && !l->timed) l->timed = c;
    return PRL_OK;
  }
  return prl_fail(error, PRL_EFORMAT,
                  "plan: %s.per: expected step, second, minute, hour or day, got \"%.40s\"%s", c->name,
                  c->per, prl_nearest_hint(&nearest));
}

int prl_critic_list(prl_critic *c, const prl_shape *shape, prl_piece pieces[PRL_LEARNER_PIECES]) {
  const int64_t rows = shape->batch_rows, word = sizeof(float);
  const prl_piece all[] = {{&c->scale, 1, sizeof *c->scale, true},
                           {&c->baseline_sum, 1, sizeof *c->baseline_sum, true},
                           {&c->popart, 1, sizeof *c->popart, true},
                           {&c->reward, rows, word, true},
                           {&c->advantage, rows, word, true},
                           {&c->returns, rows, word, true},
                           {&c->value, 2 * rows, word, true},
                           {&c->bootstrap, shape->draw_rows, word, true},
                           {&c->episode, shape->experience.streams, sizeof *c->episode, true}};
  memcpy(pieces, all, sizeof all);
  return (int)(sizeof all / sizeof *all);
}

static prl_status allocate(prl_learner *l, prl_critic *c, prl_error *error) {
  prl_piece pieces[PRL_LEARNER_PIECES];
  prl_status status = prl_pieces_new(l->runtime, pieces, prl_critic_list(c, l->shape, pieces), error);
  if (!status) c->popart->std = 1;
  return status;
}

static prl_status build_critic(prl_learner *l, prl_critic *c, const prl_value *map, prl_error *error) {
  char what[128];
  prl_status status = allocate(l, c, error);
  if (!status) status = prl_read_string(map, "critics", "name", &c->name, error);
  if (status) return status;
  snprintf(what, sizeof what, "objective.critics.%s.reward", c->name);
  if (!prl_novelty_is_of(l->root, c->name))
    status = prl_expression_new(l->runtime, prl_get(map, "reward"), l->shape->spec.responses, what,
                                &c->expression, error);
  if (!status) status = prl_live_ref(l->live, map, c->name, "gamma", 0.99, &c->gamma, error);
  if (!status) status = prl_live_ref(l->live, map, c->name, "lambda", 0.95, &c->lambda, error);
  c->own_lambda = prl_get(map, "lambda") != NULL;
  if (!status) status = read_per(l, c, map, error);
  if (!status) status = prl_live_ref(l->live, map, c->name, "weight", 1, &c->weight, error);
  if (!status) status = read_scale(l, c, map, error);
  if (!status) status = read_popart(l, c, map, error);
  if (!status && c->expression)
    status = prl_metrics_add(&l->metrics, "episodic_return/", c->name, &c->metric_return, error);
  if (!status)
    status = prl_metrics_add(&l->metrics, "explained_variance/", c->name, &c->metric_variance, error);
  if (!status) status = prl_metrics_add(&l->metrics, "signal_share/", c->name, &c->metric_share, error);
  if (!status && c->unit > 0)
    status = prl_metrics_add(&l->metrics, "discount/", c->name, &c->metric_discount, error);
  return status;
}

prl_status prl_critics_build(prl_learner *l, prl_error *error) {
  const prl_value *list;
  prl_status status = prl_read_value(l->root, "", "critics", PRL_ARRAY, &list, error);
  if (status) return status;
  size_t count = (size_t)prl_count(list);
  l->critics = prl_calloc(l->runtime, count + 1, sizeof *l->critics);
  if (!l->critics) return prl_fail_memory(error, count * sizeof *l->critics);
  l->critics_count = (int)count;
  for (int i = 0; !status && i < l->critics_count; i++)
    status = build_critic(l, &l->critics[i], prl_item(list, i), error);
  return status;
}

const prl_critic *prl_critic_find(const prl_learner *l, const char *name) {
  for (int i = 0; i < l->critics_count; i++)
    if (!strcmp(l->critics[i].name, name)) return &l->critics[i];
  return NULL;
}

void prl_critics_free(prl_learner *l) {
  for (int i = 0; i < l->critics_count; i++) {
    prl_critic *c = &l->critics[i];
    prl_piece pieces[PRL_LEARNER_PIECES];
    prl_pieces_free(l->runtime, pieces, prl_critic_list(c, l->shape, pieces));
    prl_expression_free(c->expression);
  }
  prl_free(l->runtime, l->critics);
}

prl_status prl_critics_blocks(prl_learner *l, prl_blocks *blocks, prl_error *error) {
  prl_status status = PRL_OK;
  for (int i = 0; i < l->critics_count; i++) {
    prl_critic *c = &l->critics[i];
    const prl_batch *b = &l->batch;
    const struct {
      const char *name;
      prl_dtype dtype;
      int64_t count;
      void *data;
      const int64_t *used;
      bool learned;
    } parts[] = {{"scale", PRL_F64, 1, c->scale, NULL, true},
                 {"baseline", PRL_F64, 1, c->baseline_sum, NULL, true},
                 {"popart", PRL_F64, sizeof *c->popart / sizeof(double), c->popart, NULL, true},
                 {"episode", PRL_F64, l->shape->experience.streams, c->episode, NULL, false},
                 {"reward", PRL_F32, l->shape->batch_rows, c->reward, &b->rows, false},
                 {"advantage", PRL_F32, l->shape->batch_rows, c->advantage, &b->rows, false},
                 {"returns", PRL_F32, l->shape->batch_rows, c->returns, &b->rows, false},
                 {"value", PRL_F32, 2 * l->shape->batch_rows, c->value, &b->observed, false},
                 {"bootstrap", PRL_F32, l->shape->draw_rows, c->bootstrap, NULL, false}};
    for (size_t k = 0; !status && k < sizeof parts / sizeof *parts; k++) {
      if (!parts[k].count) continue;
      char name[PRL_BLOCK_NAME];
      snprintf(name, sizeof name, "critic.%d.%s", i, parts[k].name);
      status = prl_blocks_add_used(blocks, name, parts[k].dtype, parts[k].count, parts[k].data, parts[k].used,
                                   1, error);
      if (!status && parts[k].learned) prl_blocks_learned(blocks, blocks->count - 1);
    }
  }
  return status;
}
