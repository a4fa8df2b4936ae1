/* agent:swap and its like: a new recipe for a running agent, what it would do to each part, and the way back.
 */
#include <math.h>
#include <string.h>

#include "bind/bind.h"

/* The word of an option in the table at 3; −1: it is not there. */
static int word_of(lua_State *L, const char *key, const char *const *words) {
  int word = -1;
  if (!lua_istable(L, 3)) return word;
  lua_getfield(L, 3, key);
  if (!lua_isnil(L, -1)) word = prl_check_word(L, -1, key, -1, words);
  lua_pop(L, 1);
  return word;
}

/* The plan at 2, with what {mode = "apply", "ramp" or "shadow", schedules = "go_on" or "restart"} at 3 says;
 * absent: it comes into force at once, and nothing is said of its schedules. */
static const prl_plan *check_swapped(lua_State *L, const char *about, prl_swap_mode *mode) {
  static const char *const keys[] = {"mode", "schedules", NULL};
  static const char *const modes[] = {"apply", "ramp", "shadow", NULL}; /* as prl_swap_mode */
  static const char *const schedules[] = {"go_on", "restart", NULL};
  prl_plan *plan = prl_check_plan(L, 2);
  prl_check_keys(L, 3, about, keys);
  const int way = word_of(L, "mode", modes);
  *mode = way < 0 ? PRL_SWAP_APPLY : (prl_swap_mode)way;
  (void)prl_plan_schedules(plan, (prl_schedules)(PRL_SCHEDULES_GO_ON + word_of(L, "schedules", schedules)),
                           NULL);
  return plan;
}

/* Pushes whether a swap to the plan changes anything. */
static int push_changes(lua_State *L, const prl_agent *agent, const prl_plan *plan, prl_swap_mode mode) {
  lua_pushboolean(L, mode == PRL_SWAP_SHADOW || !prl_agent_in_force(agent, plan));
  return 1;
}

/* self, plan, {mode, schedules} → whether anything changes: a new recipe, between two updates */
int prl_lua_agent_swap(lua_State *L) {
  prl_error error;
  prl_swap_mode mode;
  prl_agent *agent = prl_check_agent(L, 1);
  const prl_plan *plan = check_swapped(L, "agent:swap", &mode);
  const int count = push_changes(L, agent, plan, mode);
  prl_check(L, prl_agent_swap_with(agent, plan, mode, &error), &error);
  return count;
}

int prl_lua_agent_confirm(lua_State *L) { /* self: what the shadow has learned comes into force */
  prl_error error;
  prl_check(L, prl_agent_confirm(prl_check_agent(L, 1), &error), &error);
  return 0;
}

/* self → {hash, begun, since, updates, ess, overlap} of the recipe that learns beside; nil */
int prl_lua_agent_shadow(lua_State *L) {
  prl_shadowed shadow;
  if (!prl_agent_shadowed(prl_check_agent(L, 1), &shadow)) {
    lua_pushnil(L);
    return 1;
  }
  lua_createtable(L, 0, 6);
  prl_field_text(L, "hash", shadow.hash);
  lua_pushboolean(L, shadow.begun);
  lua_setfield(L, -2, "begun");
  prl_field_number(L, "since", (double)shadow.since);
  prl_field_number(L, "updates", (double)shadow.updates);
  prl_field_number(L, "ess", shadow.effective);
  prl_field_number(L, "overlap", shadow.overlap);
  return 1;
}

/* self, plan, {mode, schedules} → [{part, name, outcome, reason, taken, of, before, after}], whether anything
 * changes; raises what agent:swap would */
int prl_lua_agent_check_swap(lua_State *L) {
  prl_error error;
  const prl_migrated *list;
  int count;
  prl_swap_mode mode;
  prl_agent *agent = prl_check_agent(L, 1);
  const prl_plan *plan = check_swapped(L, "agent:check_swap", &mode);
  prl_check(L, prl_agent_swap_plan_with(agent, plan, mode, &list, &count, &error), &error);
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
  return 1 + push_changes(L, agent, plan, mode);
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
