/* Unknown keys of a table and unknown names: one sentence each, with the nearest name.
 * Every table of options that Lua hands over is checked by it, in C and (bind/keys.c,
 * lua/perilune/options.lua) in Lua. */
#ifndef PRL_RECIPE_KEYS_H
#define PRL_RECIPE_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "recipe/compat.h"

/* What a table may hold. */
typedef struct prl_keys {
  const char *about; /* whose they are, as in "prl.csv" */
  const char *noun;  /* what they are, as in "option" */
  const char *const *names;
  int count;
  int64_t positions; /* values without a name that it may hold: 1 … positions */
} prl_keys;

/* Pushes the sentence about a key of the table at `index` that is not among these: the first in byte order,
 * positions before names. False, with nothing pushed, where there is none. */
bool prl_push_unknown_key(lua_State *L, int index, const prl_keys *known);
/* Pushes 'ABOUT has no NOUN "name"; the nearest is "…"', or all names where none is near and they are few. */
void prl_push_no_name(lua_State *L, const char *name, const prl_keys *known);

#endif
