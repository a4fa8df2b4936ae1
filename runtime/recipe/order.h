/* A fixed order of a table's keys, for whatever must not follow Lua's own, which differs between two
 * processes: numbers ascending, strings by their bytes, false, true, and then one key of another kind. Such
 * keys are ordered by their addresses alone, so that going through two of them is refused. */
#ifndef PRL_RECIPE_ORDER_H
#define PRL_RECIPE_ORDER_H

#include <stdbool.h>

#include <lua.h>

/* Like lua_next on the table at the (absolute) index, in the fixed order: pops a key, or nil to begin, and
 * pushes the one that follows with its value. False after the last. It looks at every key each time, which is
 * for small tables and for beginnings. May raise. */
bool prl_lua_next(lua_State *L, int index);
/* Puts `pairs` and `next` that follow the order into the table on the top. pairs sorts once: keys that are
 * added on the way are not met, and those that are taken away neither. sandboxed: they heed its limits. */
void prl_lua_put_order(lua_State *L, bool sandboxed);
/* The same among the globals of a state, with table.foreach. */
void prl_lua_order_globals(lua_State *L);

#endif
