/* The place of an environment's option. */
#ifndef SPEC_SUPPORT_ENV_OPTION_H
#define SPEC_SUPPORT_ENV_OPTION_H

#include <string.h>

#include "perilune/env.h"

/* −1: it has none of that name. */
static inline int env_option(const prl_env_type *type, const char *name) {
  for (int i = 0; type->options[i].name; i++)
    if (strcmp(type->options[i].name, name) == 0) return i;
  return -1;
}

#endif
