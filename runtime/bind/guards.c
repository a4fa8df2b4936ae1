/* agent:guards and agent:breach: what the guards of a plan know. */
#include "bind/bind.h"

/* {name, state, at_least or at_most, value, low, high, users, control_users}; what is not known yet is left
 * out */
static void push_guard(lua_State *L, const prl_guard *guard) {
  static const char *const states[] = {"idle", "waiting", "held", "fired"};
  lua_createtable(L, 0, 8);
  prl_field_text(L, "name", guard->name);
  prl_field_text(L, "state", states[guard->state]);
  prl_field_number(L, guard->at_least ? "at_least" : "at_most", guard->bound);
  prl_field_number(L, "value", guard->value);
  prl_field_number(L, "low", guard->low);
  prl_field_number(L, "high", guard->high);
  prl_field_number(L, "users", (double)guard->users);
  prl_field_number(L, "control_users", (double)guard->control_users);
}

int prl_lua_agent_guards(lua_State *L) { /* self → what is known of each guard of the plan, a list */
  const prl_guard *list;
  const int count = prl_agent_guards(prl_check_agent(L, 1), &list);
  lua_createtable(L, count, 0);
  for (int i = 0; i < count; i++) {
    push_guard(L, &list[i]);
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

int prl_lua_agent_breach(lua_State *L) { /* self → the guard that fired last, with the update; nil */
  int64_t update;
  const prl_guard *guard = prl_agent_breach(prl_check_agent(L, 1), &update);
  if (!guard) {
    lua_pushnil(L);
    return 1;
  }
  push_guard(L, guard);
  prl_field_number(L, "update", (double)update);
  return 1;
}
