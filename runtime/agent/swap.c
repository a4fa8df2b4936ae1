/* A new recipe for a running agent. The new plan becomes a separate agent, off the learning path; between
 * two updates it takes over what the old one knows, and then its place. */
#include <stdio.h>
#include <string.h>

#include "agent/agent.h"
#include "core/arguments.h"
#include "core/number.h"

/* ---- what must stay ---- */

/* The first place where two values differ, and both values. */
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
    prl_format(out, 64, "%.12g", value->as.number);
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

/* ---- what is taken over ---- */

/* The experience, block by block: of both plans the same, since their capacities are. */
static void take_experience(prl_agent *to, const prl_agent *from) {
  static const char prefix[] = "experience.";
  for (int i = 0; i < to->blocks.count; i++)
    for (int k = 0; k < from->blocks.count; k++) {
      prl_block *ours = &to->blocks.items[i];
      const prl_block *old = &from->blocks.items[k];
      if (!strncmp(ours->name, prefix, sizeof prefix - 1) && !strcmp(ours->name, old->name) &&
          ours->count == old->count && ours->unit == old->unit)
        memcpy(ours->data, old->data, (size_t)prl_block_count(old) * prl_dtype_size(ours->dtype));
    }
  to->experience->shortage = from->experience->shortage;
  prl_streams_rebuild(to->experience);
}

static void take_over(prl_agent *to, prl_agent *from) {
  const double step = (double)from->experience->n.decisions;
  take_experience(to, from);
  prl_live_freeze(to->live, step);
  for (int i = 0; i < to->sets->count; i++) {
    const char *name = to->sets->items[i]->name;
    int found = prl_sets_find(from->sets, name, strlen(name));
    const prl_params *in_force = found < 0 ? NULL : prl_policy_published(from->policy, found);
    to->whole[i] = prl_sets_take(to->sets, i, from->sets, in_force);
  }
  prl_policy_take(to->policy, from->policy, to->whole);
  prl_learner_take(to->learner, from->learner);
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
  take_over(next, a);
  prl_agent old = *a; /* the two change places: whoever holds the agent holds the new one */
  *a = *next;
  *next = old;
  prl_agent_free(next);
}

prl_status prl_agent_swap(prl_agent *a, const prl_plan *plan, prl_error *error) {
  prl_agent *next;
  prl_status status = PRL_GIVEN(error, "agent plan", a, plan);
  if (status) return status;
  if (prl_learner_warmup_needs(a->learner))
    return prl_fail(error, PRL_ESTATE, "swap: the warm-up is not over");
  status = prl_agent_new_from(a->runtime, &plan->document->root, plan, &next, error);
  if (status) return status;
  status = check_same(a, next, error);
  if (!status) status = prl_learner_check_take(next->learner, a->learner, error);
  if (status) {
    prl_agent_free(next);
    return status;
  }
  prl_agent_free(a->next);
  a->next = next;
  if (a->failed || prl_schedule_between(a->schedule)) prl_agent_adopt(a);
  return PRL_OK;
}
