/* The built-in environments by name, and what is asked of a type that somebody else made. */
#include "env/types.h"
#include "core/arguments.h"
#include "core/nearest.h"

#include <stdio.h>
#include <string.h>

#define ENTRY(name) &prl_env_##name,
static const prl_env_type *const types[] = {PRL_ENVS(ENTRY) NULL};

const prl_env_type *const *prl_env_types(void) { return types; }

/* "unknown environment "<name>"; the nearest is …", or all the names that there are. */
static prl_status fail_name(prl_error *error, const char *name) {
  prl_nearest nearest = prl_nearest_begin(name);
  for (int i = 0; types[i]; i++) prl_nearest_offer(&nearest, types[i]->name);
  const char *hint = prl_nearest_hint(&nearest);
  if (nearest.best) return prl_fail(error, PRL_ENAME, "unknown environment \"%s\"%s", name, hint);
  char list[300] = "";
  size_t used = 0;
  for (int i = 0; types[i] && used + 1 < sizeof list; i++)
    used += (size_t)snprintf(list + used, sizeof list - used, i ? ", %s" : "%s", types[i]->name);
  return prl_fail(error, PRL_ENAME, "unknown environment \"%s\"; there are %s", name, list);
}

prl_status prl_env_find(const char *name, const prl_env_type **out, prl_error *error) {
  prl_status status = PRL_GIVEN(error, "name out", name, out);
  if (status) return status;
  for (int i = 0; types[i]; i++)
    if (!strcmp(types[i]->name, name)) {
      *out = types[i];
      return PRL_OK;
    }
  return fail_name(error, name);
}

int prl_env_option_count(const prl_env_type *type) {
  int count = 0;
  while (type->options && type->options[count].name) count++;
  return count;
}

const char *const *prl_env_words_of(const prl_env_type *type, const char *option) {
  for (const prl_env_words *w = type->words; w && w->option; w++)
    if (strcmp(w->option, option) == 0) return w->words;
  return NULL;
}

bool prl_env_is_later(const prl_env_type *type, const char *option) {
  for (const char *const *name = type->later; name && *name; name++)
    if (strcmp(*name, option) == 0) return true;
  return false;
}

static bool is_word(double value, int words) {
  return value >= 0 && value < words && value == (double)(int)value;
}

/* Whether an option has a value for each of so many words, and its default and presets are among them. */
static bool fits_words(const prl_env_type *type, const char *name, int words) {
  const prl_env_option *option = type->options;
  while (option && option->name && strcmp(option->name, name)) option++;
  bool fits = option && option->name && words > 0 && option->low == 0 && option->high == words - 1 &&
              is_word(option->value, words);
  for (const prl_env_preset *p = type->presets; p && p->name; p++)
    for (const prl_env_setting *s = p->settings; s && s->option; s++)
      fits = fits && (strcmp(s->option, name) || is_word(s->value, words));
  return fits;
}

static prl_status check_words(const prl_env_type *type, prl_status status, const char *where,
                              prl_error *error) {
  for (const prl_env_words *w = type->words; w && w->option; w++) {
    int words = 0;
    while (w->words && w->words[words]) words++;
    if (!fits_words(type, w->option, words))
      return prl_fail(
          error, status,
          "%s: the environment '%s' has %d words for '%s', which is no option of whole numbers from 0 to %d",
          where, type->name, words, w->option, words - 1);
  }
  return PRL_OK;
}

static prl_status check_later(const prl_env_type *type, prl_status status, const char *where,
                              prl_error *error) {
  for (const char *const *name = type->later; name && *name; name++) {
    const prl_env_option *option = type->options;
    while (option && option->name && strcmp(option->name, *name)) option++;
    if (!option || !option->name)
      return prl_fail(error, status, "%s: the environment '%s' says that '%s' came later, which is no option",
                      where, type->name, *name);
  }
  return PRL_OK;
}

prl_status prl_env_check_type(const prl_env_type *type, prl_status status, const char *where,
                              prl_error *error) {
  if (type->abi != PRL_ENV_ABI)
    return prl_fail(error, status, "%s was built for ABI %d of perilune/env.h; this is %d: compile it again",
                    where, (int)type->abi, PRL_ENV_ABI);
  if (!type->name || !*type->name) return prl_fail(error, status, "%s: the environment has no name", where);
  const char *missing = !type->spec ? "spec" : !type->reset ? "reset" : !type->step ? "step" : NULL;
  if (missing)
    return prl_fail(error, status, "%s: the environment '%s' has no %s", where, type->name, missing);
  prl_status refused = check_words(type, status, where, error);
  if (!refused) refused = check_later(type, status, where, error);
  if (refused) return refused;
  if (!type->save != !type->load)
    return prl_fail(error, status, "%s: the environment '%s' has one of save and load; both or none", where,
                    type->name);
  return PRL_OK;
}

prl_status prl_env_told(const prl_env_type *type, const char *what, prl_status status, prl_error *error) {
  if (!status) return PRL_OK;
  if (!error->message[0])
    return prl_fail(error, status, "the environment '%s' failed in its %s with status %d (%s) and no message",
                    type->name, what, (int)status, prl_status_name(status));
  return error->status = status;
}

prl_status prl_env_make_spec(const prl_env_type *type, const double *options, prl_env_spec *spec,
                             prl_error *error) {
  error->message[0] = '\0';
  return prl_env_told(type, "spec", type->spec(type, options, spec, error), error);
}
