/* The form of what acts, written from the agent's document. */
#include "agent/form.h"

#include <math.h>
#include <string.h>

enum { NOISE_PLACES = 64 }; /* streams whose coming draws an actor keeps (policy/noise.c) */

static bool set_number(prl_value *to, double number) {
  if (to) prl_set_number(to, number);
  return to;
}

static bool copy_key(prl_doc *doc, prl_value *to, const prl_value *from, const char *key) {
  const prl_value *value = prl_get(from, key);
  prl_value *copy = value ? prl_put(doc, to, key) : NULL;
  return !value || (copy && prl_value_copy(doc, copy, value));
}

static prl_value *put_list(prl_doc *doc, prl_value *to, const char *key) {
  prl_value *list = prl_put(doc, to, key);
  if (list) prl_set_array(list);
  return list;
}

static prl_value *put_map(prl_doc *doc, prl_value *to, const char *key) {
  prl_value *map = prl_put(doc, to, key);
  if (map) prl_set_map(map);
  return map;
}

/* Those that act reads. */
static bool write_sets(prl_doc *doc, prl_value *to, const prl_value *root, const prl_policy *policy) {
  const prl_value *sets = prl_get(root, "sets");
  prl_value *list = put_list(doc, to, "sets"), *one;
  for (int i = 0; list && i < (int)prl_count(sets); i++) {
    if (!prl_policy_published(policy, i)) continue;
    one = prl_push(doc, list);
    if (!one || !prl_value_copy(doc, one, prl_item(sets, i))) return false;
  }
  return list;
}

/* Those that act reads, as names: their values come with each version. */
static bool write_live(prl_doc *doc, prl_value *to, const prl_value *root, const prl_policy *policy) {
  const prl_value *live = prl_get(root, "live"), *value;
  prl_value *map = put_map(doc, to, "live");
  const char *name;
  for (int64_t i = 0; map && i < prl_count(live); i++) {
    prl_pair(live, i, &name, &value);
    if (prl_policy_reads(policy, (int)i) && !set_number(prl_put(doc, map, name), 0)) return false;
  }
  return map;
}

/* How many; shares come with each version. */
static bool write_arms(prl_doc *doc, prl_value *to, const prl_value *root) {
  const prl_value *arms = prl_get(root, "arms");
  prl_value *list = arms ? put_list(doc, to, "arms") : NULL, *one;
  for (int64_t i = 0; list && i < prl_count(arms); i++) {
    one = prl_push(doc, list);
    if (!one) return false;
    prl_set_map(one);
    if (!set_number(prl_put(doc, one, "share"), 1)) return false;
  }
  return !arms || list;
}

static bool write_normaliser(prl_doc *doc, prl_value *to, const prl_value *root) {
  const prl_value *normaliser = prl_get(root, "normaliser");
  if (!normaliser || normaliser->kind != PRL_MAP) return true;
  prl_value *map = put_map(doc, to, "normaliser");
  return map && copy_key(doc, map, normaliser, "clip");
}

static bool write_capacity(prl_doc *doc, prl_value *to, const prl_value *root) {
  prl_value *map = put_map(doc, to, "capacity");
  return map && copy_key(doc, map, prl_get(root, "capacity"), "act") &&
         set_number(prl_put(doc, map, "streams"), NOISE_PLACES);
}

static bool write_act(prl_doc *doc, prl_value *to, const prl_value *root) {
  prl_value *map = put_map(doc, to, "programs");
  return map && copy_key(doc, map, prl_get(root, "programs"), "act");
}

bool prl_form_write(prl_doc *doc, prl_value *to, const prl_value *root, const prl_policy *policy) {
  static const char *const copied[] = {"format", "seed", "observation", "ids", "action", "noise"};
  bool good = true;
  for (size_t i = 0; good && i < sizeof copied / sizeof *copied; i++)
    good = copy_key(doc, to, root, copied[i]);
  return good && put_list(doc, to, "responses") && put_list(doc, to, "optims") &&
         write_normaliser(doc, to, root) && write_sets(doc, to, root, policy) && write_act(doc, to, root);
}

static bool write_side(prl_doc *doc, const char *key, const prl_value *root, const prl_policy *policy) {
  prl_value *to = put_map(doc, &doc->root, key);
  return to && prl_form_write(doc, to, root, policy) && write_capacity(doc, to, root) &&
         write_live(doc, to, root, policy) && write_arms(doc, to, root);
}

static bool write_control(prl_doc *doc, const prl_agent *a) {
  const prl_value *map = prl_get(a->root, "control");
  const double buckets = round(prl_get_number(map, "traffic", 0) * PRL_BUCKETS);
  return write_side(doc, "control", prl_get(map, "plan"), prl_control_policy(a->control)) &&
         set_number(prl_put(doc, &doc->root, "buckets"), buckets) && copy_key(doc, &doc->root, map, "salt");
}

prl_status prl_form_new(const prl_agent *a, prl_form **out, prl_error *error) {
  prl_form *form = prl_calloc(a->runtime, 1, sizeof *form);
  if (!form) return prl_fail_memory(error, sizeof *form);
  form->runtime = a->runtime;
  prl_status status = prl_doc_new(a->runtime, &form->document, error);
  if (!status) {
    prl_set_map(&form->document->root);
    if (!write_side(form->document, "own", a->root, a->policy) ||
        (a->control && !write_control(form->document, a)))
      status = prl_fail_memory(error, 0);
  }
  if (!status) status = prl_value_hash(a->runtime, &form->document->root, form->hash, error);
  if (status)
    prl_form_free(form);
  else
    *out = form;
  return status;
}

void prl_form_free(prl_form *form) {
  if (!form) return;
  prl_doc_free(form->document);
  prl_free(form->runtime, form);
}
