/* The first place where two plans' documents differ. */
#include <stdio.h>
#include <string.h>

#include "agent/plan/difference.h"
#include "core/number.h"

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

static void append_key(prl_difference *d, const char *before, const char *key, const char *after) {
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

static void find_difference(const prl_value *old, const prl_value *ours, prl_difference *d) {
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

const char *prl_option_name(const prl_value *root, const char *option, const char *of_plan) {
  return *option && prl_path(prl_get(root, "recipe"), option) ? option : of_plan;
}

bool prl_difference_find(const prl_value *old, const prl_value *ours, const char *const *keys, int count,
                         prl_difference *d) {
  for (int i = 0; i < count; i++) {
    const prl_value *x = prl_path(old, keys[i]), *y = prl_path(ours, keys[i]);
    if (!differ(x, y)) continue;
    d->where[0] = 0;
    append_key(d, "", keys[i], "");
    find_difference(x, y, d);
    return true;
  }
  return false;
}
