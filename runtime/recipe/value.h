/* Plain data between Lua and C.
 *
 * A table whose keys are exactly 1 … n is an array; an empty one is an array too. Any other table is a map,
 * with its keys in byte order. A position in a map that also has names, as in {"a2c", lr = 1e-3}, becomes the
 * key "1"; going back to Lua, such a key becomes a position again. A map without such names, as {} in JSON,
 * is pushed with a metatable that tells it from a list when it comes back. */
#ifndef PRL_RECIPE_VALUE_H
#define PRL_RECIPE_VALUE_H

#include <lua.h>

#include "core/value.h"

typedef struct prl_value_limits {
  int depth;      /* tables in tables */
  int64_t values; /* numbers, strings and tables, all told */
  int64_t bytes;  /* of strings, all told */
} prl_value_limits;

/* Converts the Lua value at `index` into *to, a value of doc. limits may be NULL: 64 tables deep, and no
 * other bound. Raises no Lua error and runs no metamethod. Fails: PRL_EFORMAT (a function, a userdata, a key
 * that is neither a string nor a whole number, a number that is not finite: the path of keys is named),
 * PRL_ELIMIT, PRL_ENOMEM. */
prl_status prl_value_from_lua(lua_State *L, int index, const prl_value_limits *limits, prl_doc *doc,
                              prl_value *to, prl_error *error);
/* Pushes the value as Lua data; null is nil. May raise (memory). */
void prl_value_push(lua_State *L, const prl_value *value);

#endif
