/* agent:swap and its like: a new recipe for a running agent, what it would do to each part, and the way back.
 */
#include <math.h>

#include "bind/bind.h"

/* {mode = "apply" or "ramp"} at that place; absent: apply */
static prl_swap_mode check_mode(lua_State *L, int at) {
  static const char *const modes[] = {"apply", "ramp", NULL}; /* as prl_swap_mode */
  if (lua_isnoneornil(L, at)) return PRL_SWAP_APPLY;
  luaL_checktype(L, at, LUA_TTABLE);
  lua_getfield(L, at, "mode");
  const prl_swap_mode mode = (prl_swap_mode)luaL_checkoption(L, -1, "apply", modes);
  lua_pop(L, 1);
  return mode;
}

int prl_lua_agent_swap(lua_State *L) { /* self, plan, {mode}: a new recipe, in force between two updates */
  prl_error error;
  prl_check(L, prl_agent_swap_with(prl_check_agent(L, 1), prl_check_plan(L, 2), check_mode(L, 3), &error),
            &error);
  return 0;
}

/* self, plan, {mode} → [{part, name, outcome, reason, taken, of, before, after}]; raises what agent:swap
 * would */
int prl_lua_agent_check_swap(lua_State *L) {
  prl_error error;
  const prl_migrated *list;
  int count;
  prl_check(L,
            prl_agent_swap_plan_with(prl_check_agent(L, 1), prl_check_plan(L, 2), check_mode(L, 3), &list,
                                     &count, &error),
            &error);
  lua_createtable(L, count, 0);
  for (int i = 0; i < count; i++) {
    lua_createtable(L, 0, 8);
    prl_field_text(L, "part", list[i].part);
    prl_field_text(L, "name", list[i].name);
    prl_field_text(L, "outcome", list[i].outcome);
    prl_field_text(L, "reason", list[i].reason);
    prl_field_number(L, "taken", list[i].of ? (double)list[i].taken : NAN);
    prl_field_number(L, "of", list[i].of ? (double)list[i].of : NAN);
    prl_field_number(L, "before", list[i].before);
    prl_field_number(L, "after", list[i].after);
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

int prl_lua_agent_rollback(lua_State *L) { /* self: goes back to before the last swap */
  prl_error error;
  prl_check(L, prl_agent_rollback(prl_check_agent(L, 1), &error), &error);
  return 0;
}

int prl_lua_agent_previous(
    lua_State *L) { /* self → the hash of the recipe that a rollback goes back to; nil */
  const char *hash = prl_agent_previous(prl_check_agent(L, 1));
  if (hash)
    lua_pushstring(L, hash);
  else
    lua_pushnil(L);
  return 1;
}

int prl_lua_agent_refit(lua_State *L) { /* self → {state, updates}: the refit of the last swap; nil */
  static const char *const states[] = {NULL, "running", "reached", "ended"};
  int64_t updates;
  const prl_refit_stage stage = prl_agent_refit(prl_check_agent(L, 1), &updates);
  if (stage == PRL_REFIT_NONE) {
    lua_pushnil(L);
    return 1;
  }
  lua_createtable(L, 0, 2);
  prl_field_text(L, "state", states[stage]);
  prl_field_number(L, "updates", (double)updates);
  return 1;
}
