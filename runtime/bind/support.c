/* What the binding files share: new types, options, errors that are raised, watches, numbers. */
#include "bind/bind.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "core/number.h"

static char state_key; /* its address names the registry entry; its value is never used */

prl_state *prl_state_get(lua_State *L) {
  lua_pushlightuserdata(L, &state_key);
  lua_rawget(L, LUA_REGISTRYINDEX);
  prl_state *state = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return state;
}

void prl_state_store(lua_State *L) {
  lua_pushlightuserdata(L, &state_key);
  lua_insert(L, -2);
  lua_rawset(L, LUA_REGISTRYINDEX);
}

void prl_register(lua_State *L, const luaL_Reg *functions) {
  prl_state *state = prl_state_get(L);
  for (; functions->name; functions++) {
    lua_pushlightuserdata(L, state);
    lua_pushcclosure(L, functions->func, 1);
    lua_setfield(L, -2, functions->name);
  }
}

void prl_new_type(lua_State *L, const char *name, const luaL_Reg *methods) {
  luaL_newmetatable(L, name);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__name");
  prl_register(L, methods);
  prl_make_strict(L, strchr(name, '.') + 1, "method");
}

void prl_check(lua_State *L, prl_status status, const prl_error *error) {
  if (status == PRL_OK) return;
  lua_pushstring(L, error->message);
  prl_raise(L);
}

static int push_copy(lua_State *L) {
  lua_pushstring(L, lua_touserdata(L, 1));
  return 1;
}

void prl_push_text(lua_State *L, prl_runtime *runtime, char *text) {
  lua_pushcfunction(L, push_copy);
  lua_pushlightuserdata(L, text);
  int failed = lua_pcall(L, 1, 1, 0);
  prl_free(runtime, text);
  if (failed) lua_error(L);
}

void prl_field_text(lua_State *L, const char *key, const char *text) {
  lua_pushstring(L, text ? text : "");
  lua_setfield(L, -2, key);
}

void prl_field_number(lua_State *L, const char *key, double number) {
  if (isnan(number)) return;
  lua_pushnumber(L, number);
  lua_setfield(L, -2, key);
}

int prl_push_failure(lua_State *L, const prl_error *error) {
  lua_pushnil(L);
  lua_pushstring(L, error->message);
  lua_pushstring(L, prl_status_name(error->status));
  return 3;
}

/* Calls the function at context's index, and keeps an error that it raises on the stack. */
static bool ask_lua(void *context, int64_t done, int64_t total) {
  prl_lua_watch *w = context;
  lua_pushvalue(w->L, w->index);
  lua_pushnumber(w->L, (lua_Number)done);
  lua_pushnumber(w->L, (lua_Number)total);
  w->raised = lua_pcall(w->L, 2, 1, 0) != 0;
  if (w->raised) return false;
  bool go_on = lua_isnil(w->L, -1) || lua_toboolean(w->L, -1);
  lua_pop(w->L, 1);
  return go_on;
}

prl_watch prl_check_watch(lua_State *L, int index, prl_lua_watch *context) {
  *context = (prl_lua_watch){.L = L, .index = index};
  if (lua_isnoneornil(L, index)) return (prl_watch){0};
  luaL_checktype(L, index, LUA_TFUNCTION);
  luaL_checkstack(L, 8, NULL);
  return (prl_watch){ask_lua, context};
}

double prl_check_number(lua_State *L, int index) {
  if (lua_type(L, index) != LUA_TNUMBER)
    luaL_argerror(L, index, lua_pushfstring(L, "number expected, got %s", luaL_typename(L, index)));
  return lua_tonumber(L, index);
}

double prl_opt_number(lua_State *L, int index, double fallback) {
  return lua_isnoneornil(L, index) ? fallback : prl_check_number(L, index);
}

double prl_need_number(lua_State *L, int index, const char *argument) {
  if (lua_type(L, index) == LUA_TNUMBER) return lua_tonumber(L, index);
  if (lua_isnoneornil(L, index))
    lua_pushfstring(L, "%s is missing; a number is needed", argument);
  else
    lua_pushfstring(L, "%s is a %s; a number is needed", argument, luaL_typename(L, index));
  return prl_raise(L);
}

int64_t prl_need_int(lua_State *L, int index, const char *argument) {
  double number = prl_need_number(L, index, argument);
  if (number == floor(number) && fabs(number) <= 9007199254740992.0) return (int64_t)number;
  lua_pushfstring(L, "%s is %f; a whole number is needed", argument, number);
  return prl_raise(L);
}

int64_t prl_need_size(lua_State *L, int index, int place) {
  char name[24];
  double number = lua_type(L, index) == LUA_TNUMBER ? lua_tonumber(L, index) : NAN;
  if (number == floor(number) && fabs(number) <= 9007199254740992.0) return (int64_t)number;
  snprintf(name, sizeof name, "size %d", place);
  return prl_need_int(L, index, name);
}

int64_t prl_check_int(lua_State *L, int index) {
  double number = prl_check_number(L, index);
  if (number != floor(number) || fabs(number) > 9007199254740992.0)
    luaL_argerror(L, index, lua_pushfstring(L, "a whole number is needed, not %f", number));
  return (int64_t)number;
}

int64_t prl_opt_int(lua_State *L, int index, int64_t fallback) {
  return lua_isnoneornil(L, index) ? fallback : prl_check_int(L, index);
}

double prl_option_number(lua_State *L, int index, const char *name, double fallback) {
  if (lua_type(L, index) != LUA_TTABLE) return fallback;
  lua_getfield(L, index, name);
  double number = fallback;
  if (!lua_isnil(L, -1)) {
    if (lua_type(L, -1) != LUA_TNUMBER)
      luaL_error(L, "option %s: a number is needed, not a %s", name, luaL_typename(L, -1));
    number = lua_tonumber(L, -1);
  }
  lua_pop(L, 1);
  return number;
}

int64_t prl_check_budget(lua_State *L, int index) {
  double given = lua_isnoneornil(L, index) ? 0 : prl_need_number(L, index, "the budget in µs");
  if (!(given >= 0)) luaL_error(L, "a budget of %f µs; a number ≥ 0 is needed (0: no bound)", given);
  return given < 9e18 ? (int64_t)ceil(given) : INT64_MAX; /* a part of a µs is not "no bound" */
}

int64_t prl_option_int(lua_State *L, int index, const char *name, int64_t fallback, int64_t low,
                       int64_t high) {
  double number = prl_option_number(L, index, name, (double)fallback);
  if (number == floor(number) && number >= (double)low && number <= (double)high) return (int64_t)number;
  char text[3][PRL_NUMBER_TEXT];
  prl_number_format((double)low, text[0]);
  prl_number_format((double)high, text[1]);
  prl_number_format(number, text[2]);
  return luaL_error(L, "%s is %s; %s to %s are accepted, in whole numbers", name, text[2], text[0], text[1]);
}

const char *prl_option_text(lua_State *L, int index, const char *name) {
  lua_getfield(L, index, name);
  if (!lua_isnil(L, -1) && lua_type(L, -1) != LUA_TSTRING)
    luaL_error(L, "option %s: a text is needed, not a %s", name, luaL_typename(L, -1));
  return lua_tostring(L, -1);
}

bool prl_option_bool(lua_State *L, int index, const char *name, bool fallback) {
  if (lua_type(L, index) != LUA_TTABLE) return fallback;
  lua_getfield(L, index, name);
  if (!lua_isnil(L, -1) && lua_type(L, -1) != LUA_TBOOLEAN)
    luaL_error(L, "option %s: true or false is needed, not a %s", name, luaL_typename(L, -1));
  bool value = lua_isnil(L, -1) ? fallback : lua_toboolean(L, -1);
  lua_pop(L, 1);
  return value;
}
