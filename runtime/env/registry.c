/* The built-in environments by name, and options by name. */
#include "env/types.h"
#include "core/arguments.h"
#include "core/nearest.h"

#include <stdio.h>
#include <string.h>

#define ENTRY(name) &prl_env_##name,
static const prl_env_type *const types[] = {PRL_ENVS(ENTRY) NULL};

enum { MOST_NAMES = 64 };

const prl_env_type *const *prl_env_types(void) { return types; }

/* "unknown <kind> "<name>"; the nearest is …", or all the names that there are. */
static prl_status fail_name(prl_error *error, const char *kind, const char *name, const char *const *names,
                            int count) {
  prl_nearest nearest = prl_nearest_begin(name);
  for (int i = 0; i < count; i++) prl_nearest_offer(&nearest, names[i]);
  const char *hint = prl_nearest_hint(&nearest);
  if (*hint || count == 0) return prl_fail(error, PRL_ENAME, "unknown %s \"%s\"%s", kind, name, hint);
  char list[300] = "";
  size_t used = 0;
  for (int i = 0; i < count && used + 1 < sizeof list; i++)
    used += (size_t)snprintf(list + used, sizeof list - used, i ? ", %s" : "%s", names[i]);
  return prl_fail(error, PRL_ENAME, "unknown %s \"%s\"; there are: %s", kind, name, list);
}

prl_status prl_env_find(const char *name, const prl_env_type **out, prl_error *error) {
  const char *names[sizeof types / sizeof *types];
  int count = 0;
  prl_status status = PRL_GIVEN(error, "name out", name, out);
  if (status) return status;
  for (; types[count]; count++) {
    if (!strcmp(types[count]->name, name)) {
      *out = types[count];
      return PRL_OK;
    }
    names[count] = types[count]->name;
  }
  return fail_name(error, "environment", name, names, count);
}

int prl_env_option_count(const prl_env_type *type) {
  int count = 0;
  while (type->options && type->options[count].name) count++;
  return count;
}

prl_status prl_env_option_find(const prl_env_type *type, const char *name, int *index, prl_error *error) {
  const char *names[MOST_NAMES];
  int count = prl_env_option_count(type), listed = 0;
  for (int i = 0; i < count; i++) {
    if (!strcmp(type->options[i].name, name)) {
      *index = i;
      return PRL_OK;
    }
    if (listed < MOST_NAMES) names[listed++] = type->options[i].name;
  }
  char kind[100];
  snprintf(kind, sizeof kind, "option of the environment '%s'", type->name);
  return fail_name(error, kind, name, names, listed);
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
