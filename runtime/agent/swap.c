/* A new recipe for a running agent. The new plan becomes an agent of its own, off the learning path; between
 * two updates it takes over what the old one knows, and then its place. */
#include <stdio.h>
#include <string.h>

#include "agent/agent.h"

/* ---- what must stay ---- */

/* The first place where two values differ, and what stands there. */
typedef struct difference {
  char where[160]; /* "responses.2 (like).combine" */
  char old[64], ours[64];
} difference;

static void describe(const prl_value *value, char out[64]) {
  const char *text =
      value && value->kind == PRL_STRING ? value->as.text : prl_get_string(value, "name", NULL);
  if (text)
    snprintf(out, 64, "\"%.60s\"", text);
  else if (!value || value->kind == PRL_NULL)
    snprintf(out, 64, "absent");
  else if (value->kind == PRL_NUMBER)
    snprintf(out, 64, "%.12g", value->as.number);
  else if (value->kind == PRL_BOOL)
    snprintf(out, 64, "%s", value->as.boolean ? "true" : "false");
  else
    snprintf(out, 64, "of %lld entries", (long long)prl_count(value));
}

static void append_key(difference *d, const char *before, const char *key, const char *after) {
  size_t length = strlen(d->where);
  snprintf(d->where + length, sizeof d->where - length, "%s%.60s%s", before, key, after);
}

static bool differ(const prl_value *x, const prl_value *y) {
  return !x != !y || (x && !prl_value_equal(x, y));
}

/* A key whose values differ, the name before all others; NULL: none. */
static const char *differing_key(const prl_value *old, const prl_value *ours) {
  if (differ(prl_get(old, "name"), prl_get(ours, "name"))) return "name";
  for (int64_t i = 0; i < old->count + ours->count; i++) {
    const char *key;
    const prl_value *value;
    prl_pair(i < old->count ? old : ours, i < old->count ? i : i - old->count, &key, &value);
    if (differ(prl_get(old, key), prl_get(ours, key))) return key;
  }
  return NULL;
}

static void find_difference(const prl_value *old, const prl_value *ours, difference *d) {
  while (old && ours && old->kind == ours->kind && (old->kind == PRL_ARRAY || old->kind == PRL_MAP)) {
    if (old->kind == PRL_MAP) {
      const char *key = differing_key(old, ours);
      if (!key) break;
      append_key(d, ".", key, "");
      old = prl_get(old, key), ours = prl_get(ours, key);
      continue;
    }
    int64_t i = 0;
    while (i < old->count && i < ours->count && prl_value_equal(prl_item(old, i), prl_item(ours, i))) i++;
    old = prl_item(old, i), ours = prl_item(ours, i);
    char number[24];
    snprintf(number, sizeof number, "%lld", (long long)i + 1);
    append_key(d, ".", number, "");
    const char *name = prl_get_string(old, "name", NULL);
    if (name && !differ(prl_get(old, "name"), prl_get(ours, "name"))) append_key(d, " (", name, ")");
  }
  describe(old, d->old);
  describe(ours, d->ours);
}

static prl_status check_capacities(const prl_agent *a, const prl_agent *b, prl_error *error) {
  const prl_experience_options *x = &a->experience->options, *y = &b->experience->options;
  const struct {
    const char *name;
    int64_t old, ours;
  } all[] = {{"streams", x->streams, y->streams},
             {"rows", x->rows, y->rows},
             {"events", x->events, y->events},
             {"idle_us", x->idle_us, y->idle_us}};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (all[i].old != all[i].ours)
      return prl_fail(error, PRL_EINVAL,
                      "swap: capacity.%s is %lld in the new plan and %lld in the running agent; it must stay",
                      all[i].name, (long long)all[i].ours, (long long)all[i].old);
  return PRL_OK;
}

static prl_status check_same(const prl_agent *a, const prl_agent *b, prl_error *error) {
  static const char *const keys[] = {"observation.names", "action.kind", "action.names", "action.choices",
                                     "responses"};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    const prl_value *old = prl_path(a->root, keys[i]), *ours = prl_path(b->root, keys[i]);
    if (!differ(old, ours)) continue;
    difference d = {.where = ""};
    append_key(&d, "", keys[i], "");
    find_difference(old, ours, &d);
    return prl_fail(error, PRL_EINVAL,
                    "swap: %s is %s in the new plan and %s in the running agent; it must stay", d.where,
                    d.ours, d.old);
  }
  return check_capacities(a, b, error);
}

static const prl_critic *find_critic(const prl_agent *a, const char *name) {
  for (int i = 0; i < a->critics_count; i++)
    if (!strcmp(a->critics[i].name, name)) return &a->critics[i];
  return NULL;
}

/* A baseline is measured while the starting policy acts: it cannot be had later. */
static prl_status check_baselines(const prl_agent *a, const prl_agent *b, prl_error *error) {
  for (int i = 0; i < b->critics_count; i++) {
    const prl_critic *ours = &b->critics[i], *old = find_critic(a, ours->name);
    if (ours->baseline && (!old || !old->baseline))
      return prl_fail(error, PRL_EINVAL,
                      "swap: critic \"%s\" wants the scale \"baseline\", which a running agent can no longer "
                      "measure; give "
                      "a number",
                      ours->name);
  }
  return PRL_OK;
}

/* ---- what is taken over ---- */

/* One parameter's part of a slab that is laid out as the values are. */
static void copy_part(const prl_params *to_set, float *to, const prl_param *to_param,
                      const prl_params *from_set, const float *from, const prl_param *from_param) {
  if (!to || !from) return;
  int64_t into = (const float *)to_param->value.data - to_set->value;
  int64_t out_of = (const float *)from_param->value.data - from_set->value;
  memcpy(to + into, from + out_of, (size_t)prl_tensor_count(&to_param->value) * sizeof(float));
}

static bool same_shape(const prl_tensor *a, const prl_tensor *b) {
  return a->ndim == b->ndim && !memcmp(a->shape, b->shape, (size_t)a->ndim * sizeof *a->shape);
}

static prl_optim *optim_of(const prl_agent *a, const prl_params *set) {
  for (int i = 0; i < a->optims_count; i++)
    if (a->optims[i]->params == set) return a->optims[i];
  return NULL;
}

static void take_optim(prl_optim *to, const prl_optim *from, const prl_param *to_param,
                       const prl_param *from_param) {
  if (!to || !from || to->options.kind != from->options.kind) return;
  copy_part(to->params, to->moment1, to_param, from->params, from->moment1, from_param);
  copy_part(to->params, to->moment2, to_param, from->params, from->moment2, from_param);
  to->steps = from->steps;
  to->last_norm = from->last_norm;
}

/* Parameters of the same name and shape keep their values and moments. False: some of what act reads is new.
 */
static bool take_set(prl_agent *to, int set, const prl_agent *from) {
  prl_params *ours = to->sets[set];
  int found = prl_agent_set_find(from, ours->name, strlen(ours->name)), taken = 0;
  for (int i = 0; found >= 0 && i < ours->count; i++) {
    const prl_params *old = from->sets[found];
    prl_param *param = ours->items[i], *known = prl_params_find(old, param->name);
    if (!known || !same_shape(&known->value, &param->value)) continue;
    copy_part(ours, ours->value, param, old, old->value, known);
    take_optim(optim_of(to, ours), optim_of(from, old), param, known);
    taken++;
  }
  bool whole = taken == ours->count && found >= 0 && from->sets[found]->count == ours->count;
  if (!to->published[set]) return true;
  const float *policy = whole && from->published[found] ? from->published[found]->value : ours->value;
  memcpy(to->published[set]->value, policy, (size_t)ours->size * sizeof(float));
  return whole;
}

static void take_critic(const prl_agent *from, prl_critic *to, size_t streams) {
  const prl_critic *old = find_critic(from, to->name);
  if (!old) return;
  if (to->baseline) *to->scale = *old->scale;
  memcpy(to->episode, old->episode, streams * sizeof *to->episode);
  if (to->normalise && old->normalise && to->layer_rows == old->layer_rows) *to->popart = *old->popart;
}

/* Blocks of the same name and size, which hold the experience and the statistics of observations. */
static void take_blocks(prl_agent *to, const prl_agent *from) {
  static const char *const parts[] = {"experience.", "normaliser.", "agent.lengths"};
  for (int i = 0; i < to->blocks.count; i++)
    for (int k = 0; k < from->blocks.count; k++) {
      prl_block *ours = &to->blocks.items[i];
      const prl_block *old = &from->blocks.items[k];
      bool wanted = false;
      for (size_t p = 0; p < sizeof parts / sizeof *parts; p++)
        wanted |= !strncmp(ours->name, parts[p], strlen(parts[p]));
      if (wanted && !strcmp(ours->name, old->name) && ours->count == old->count && ours->unit == old->unit)
        memcpy(ours->data, old->data, (size_t)prl_block_count(old) * prl_dtype_size(ours->dtype));
    }
}

static void take_over(prl_agent *to, prl_agent *from) {
  bool same_policy = true;
  take_blocks(to, from);
  prl_streams_rebuild(to->experience);
  for (int i = 0; i < to->sets_count; i++) same_policy &= take_set(to, i, from);
  for (int i = 0; i < to->critics_count; i++)
    take_critic(from, &to->critics[i], (size_t)to->experience->options.streams);
  for (int i = 0; i < to->optims_count; i++) to->optim_steps[i] = to->optims[i]->steps;
  to->n = (prl_agent_counts){.updates = from->n.updates,
                             .version = from->n.version + !same_policy,
                             .warm = from->n.warm,
                             .warmed = 1,
                             .unrecorded = from->n.unrecorded,
                             .driven = from->n.driven};
  to->watch = from->watch;
  to->drive = from->drive;
  from->drive = (prl_drive){0};
  uint64_t oldest = to->drop_stale ? (uint64_t)to->n.version : (uint64_t)from->experience->n.min_version;
  prl_experience_version(to->experience, oldest);
}

/* The two change places; blocks that lie inside the struct move along. */
static void exchange(prl_agent *a, prl_agent *b) {
  prl_agent kept = *a;
  *a = *b;
  *b = kept;
  prl_agent *const ends[][2] = {{a, b}, {b, a}};
  for (int e = 0; e < 2; e++) {
    char *here = (char *)ends[e][0], *there = (char *)ends[e][1];
    for (int i = 0; i < ends[e][0]->blocks.count; i++) {
      prl_block *block = &ends[e][0]->blocks.items[i];
      char *data = block->data, *used = (char *)block->used;
      if (data >= there && data < there + sizeof *a) block->data = here + (data - there);
      if (used >= there && used < there + sizeof *a) block->used = (const int64_t *)(here + (used - there));
    }
  }
}

void prl_agent_adopt(prl_agent *a) {
  prl_agent *next = a->next;
  if (!next) return;
  a->next = NULL;
  take_over(next, a);
  exchange(a, next);
  prl_agent_free(next);
}

prl_status prl_agent_swap(prl_agent *a, const prl_plan *plan, prl_error *error) {
  prl_agent *next;
  if (!a->n.warmed) return prl_fail(error, PRL_ESTATE, "swap: the warm-up is not over");
  prl_status status = prl_agent_build(a->runtime, &plan->document->root, plan, &next, error);
  if (status) return status;
  status = check_same(a, next, error);
  if (!status) status = check_baselines(a, next, error);
  if (status) {
    prl_agent_free(next);
    return status;
  }
  prl_agent_free(a->next);
  a->next = next;
  if (a->failed || a->verbs[a->n.verb].kind == PRL_VERB_COLLECT) prl_agent_adopt(a);
  return PRL_OK;
}
