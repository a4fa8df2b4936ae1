/* agent:guards, agent:breach and agent:ramp: what the guards of a plan know, and where a ramp stands by them.
 */
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

static void push_guards(lua_State *L, const prl_guard *list, int count) {
  lua_createtable(L, count, 0);
  for (int i = 0; i < count; i++) {
    push_guard(L, &list[i]);
    lua_rawseti(L, -2, i + 1);
  }
}

int prl_lua_agent_guards(lua_State *L) { /* self → what is known of each guard of the plan, a list */
  const prl_guard *list;
  const int count = prl_agent_guards(prl_check_agent(L, 1), &list);
  push_guards(L, list, count);
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

/* self → {share, at, count, after, users, left; where a share came into force by its guards: update, before,
 * guards}; nil */
int prl_lua_agent_ramp(lua_State *L) {
  prl_ramp_status ramp;
  if (!prl_agent_ramp(prl_check_agent(L, 1), &ramp)) {
    lua_pushnil(L);
    return 1;
  }
  lua_createtable(L, 0, 9);
  prl_field_number(L, "share", ramp.share);
  prl_field_number(L, "at", ramp.at);
  prl_field_number(L, "count", ramp.count);
  prl_field_number(L, "after", ramp.after);
  prl_field_number(L, "users", (double)ramp.users);
  prl_field_number(L, "left", (double)ramp.left);
  if (!ramp.update) return 1;
  prl_field_number(L, "update", (double)ramp.update);
  prl_field_number(L, "before", ramp.before);
  push_guards(L, ramp.guards, ramp.guards_count);
  lua_setfield(L, -2, "guards");
  return 1;
}
