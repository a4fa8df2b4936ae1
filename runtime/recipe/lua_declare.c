/* What a Lua environment's file declares, read into the same structs that environments in C fill. */
#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/nearest.h"
#include "core/number.h"
#include "recipe/compat.h"
#include "recipe/keys.h"
#include "recipe/lua_machine.h"
#include "recipe/order.h"

typedef struct prl_lua_env lua_env;

enum { MOST_NAMES = 4096 };

/* ---- Small readers; each raises with what it is about ---- */

static void out_of_memory(lua_State *L, lua_env *env) {
  env->cause = PRL_ENOMEM;
  luaL_error(L, "not enough memory");
}

static void *keep(lua_State *L, lua_env *env, size_t size) {
  void *block = prl_arena_alloc(&env->arena, size);
  if (!block) out_of_memory(L, env);
  return block;
}

static const char *keep_text(lua_State *L, lua_env *env, const char *text) {
  const char *copy = prl_arena_text(&env->arena, text, strlen(text));
  if (!copy) out_of_memory(L, env);
  return copy;
}

/* Refuses keys of the table at `index` that are not among the names. Positions 1 … positions are allowed. */
static void check_keys(lua_State *L, int index, const char *about, const char *const *names, int count,
                       int positions) {
  const prl_keys known = {about, "key", names, count, positions};
  if (prl_push_unknown_key(L, index, &known)) luaL_error(L, "%s", lua_tostring(L, -1));
}

static const char *text_field(lua_State *L, lua_env *env, int index, const char *about, const char *key,
                              const char *fallback) {
  lua_getfield(L, index, key);
  int type = lua_type(L, -1);
  if (type != LUA_TNIL && type != LUA_TSTRING)
    luaL_error(L, "%s: %s is a %s; a string is needed", about, key, lua_typename(L, type));
  const char *text = type == LUA_TNIL ? fallback : keep_text(L, env, lua_tostring(L, -1));
  lua_pop(L, 1);
  return text;
}

static bool flag_field(lua_State *L, int index, const char *about, const char *key) {
  lua_getfield(L, index, key);
  int type = lua_type(L, -1);
  if (type != LUA_TNIL && type != LUA_TBOOLEAN)
    luaL_error(L, "%s: %s is a %s; true or false is needed", about, key, lua_typename(L, type));
  bool value = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return value;
}

/* Element `key` (a name, or a position where it is NULL) of the table at `index`, within [low, high]. */
static double number_at(lua_State *L, int index, const char *about, const char *key, int position,
                        double fallback, double low, double high) {
  if (key)
    lua_getfield(L, index, key);
  else
    lua_rawgeti(L, index, position);
  double value = lua_isnil(L, -1) ? fallback : lua_tonumber(L, -1);
  bool number = lua_isnil(L, -1) || lua_type(L, -1) == LUA_TNUMBER;
  if (!number || !(value >= low && value <= high)) {
    const char *shown = lua_type(L, -1) == LUA_TNUMBER ? lua_tostring(L, -1) : luaL_typename(L, -1);
    luaL_error(L, "%s: %s is %s; a number from %f to %f is needed", about, key ? key : "a value", shown, low,
               high);
  }
  lua_pop(L, 1);
  return value;
}

static int compare_texts(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The string keys of the table at `index`, in byte order. */
static const char **sorted_keys(lua_State *L, lua_env *env, int index, int *count) {
  *count = 0;
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) *count += lua_type(L, -2) == LUA_TSTRING;
  const char **names = keep(L, env, ((size_t)*count + 1) * sizeof *names);
  int i = 0;
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
    if (lua_type(L, -2) == LUA_TSTRING) names[i++] = keep_text(L, env, lua_tostring(L, -2));
  qsort(names, (size_t)*count, sizeof *names, compare_texts);
  return names;
}

/* Pushes the table under `key`; its index. */
static int push_table(lua_State *L, int index, const char *key, const char *example) {
  lua_getfield(L, index, key);
  if (lua_type(L, -1) != LUA_TTABLE)
    luaL_error(L, "%s is a %s; a table is needed, as in %s", key, luaL_typename(L, -1), example);
  return lua_gettop(L);
}

/* ---- The parts ---- */

/* "hp", or {"level", unit = "m", low = 0, high = 2} at the top. */
static void declare_one_observation(lua_State *L, lua_env *env, prl_observation_spec *one) {
  static const char *const keys[] = {"unit", "low", "high"};
  *one = (prl_observation_spec){.unit = "", .low = -INFINITY, .high = INFINITY};
  if (lua_type(L, -1) == LUA_TSTRING) {
    one->name = keep_text(L, env, lua_tostring(L, -1));
    return;
  }
  int table = lua_gettop(L);
  if (lua_type(L, table) != LUA_TTABLE)
    luaL_error(L, "observation: one is a %s; a name or {\"level\", unit = \"m\"} is needed",
               luaL_typename(L, table));
  lua_rawgeti(L, table, 1);
  if (lua_type(L, -1) != LUA_TSTRING)
    luaL_error(L, "observation: {\"level\", unit = \"m\"} begins with its name");
  one->name = keep_text(L, env, lua_tostring(L, -1));
  const char *about = lua_pushfstring(L, "observation %s", one->name);
  check_keys(L, table, about, keys, 3, 1);
  one->unit = text_field(L, env, table, about, "unit", "");
  one->low = (float)number_at(L, table, about, "low", 0, -HUGE_VAL, -HUGE_VAL, HUGE_VAL);
  one->high = (float)number_at(L, table, about, "high", 0, HUGE_VAL, one->low, HUGE_VAL);
  lua_pop(L, 2);
}

static prl_observation_spec *find_observation(lua_State *L, prl_observation_spec *all, int count,
                                              const char *name) {
  prl_nearest nearest = prl_nearest_begin(name);
  for (int i = 0; i < count; i++) {
    if (strcmp(all[i].name, name) == 0) return &all[i];
    prl_nearest_offer(&nearest, all[i].name);
  }
  luaL_error(L, "influenced: there is no observation \"%s\"%s", name, prl_nearest_hint(&nearest));
  return NULL;
}

/* Observations that actions can move: a list of their names, which may be absent. */
static void declare_influenced(lua_State *L, lua_env *env, int index, prl_observation_spec *all) {
  lua_getfield(L, index, "influenced");
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    return;
  }
  lua_pop(L, 1);
  int list = push_table(L, index, "influenced", "{\"distance\"}"), count = (int)lua_objlen(L, list);
  check_keys(L, list, "influenced", NULL, 0, count);
  for (int i = 1; i <= count; i++) {
    lua_rawgeti(L, list, i);
    if (lua_type(L, -1) != LUA_TSTRING)
      luaL_error(L, "influenced: one is a %s; it lists names of observations", luaL_typename(L, -1));
    find_observation(L, all, env->spec.observations, lua_tostring(L, -1))->influenced = true;
    lua_pop(L, 1);
  }
  lua_settop(L, list - 1);
}

static void declare_observation(lua_State *L, lua_env *env, int index) {
  int list = push_table(L, index, "observation", "{\"hp\", \"distance\"}");
  int count = 0;
  for (lua_rawgeti(L, list, 1); !lua_isnil(L, -1) && count < MOST_NAMES; lua_rawgeti(L, list, count + 1)) {
    lua_pop(L, 1);
    count++;
  }
  lua_pop(L, 1);
  if (count == 0) luaL_error(L, "observation is empty; it lists names, as in {\"hp\", \"distance\"}");
  check_keys(L, list, "observation", NULL, 0, count);
  prl_observation_spec *all = keep(L, env, (size_t)count * sizeof *all);
  for (int i = 0; i < count; i++) {
    lua_rawgeti(L, list, i + 1);
    declare_one_observation(L, env, &all[i]);
    lua_pop(L, 1);
    for (int k = 0; k < i; k++)
      if (strcmp(all[k].name, all[i].name) == 0)
        luaL_error(L, "observation: \"%s\" appears twice", all[i].name);
  }
  env->spec.observations = count;
  env->spec.observation = all;
  declare_influenced(L, env, index, all);
  lua_settop(L, list - 1);
}

/* Continuous: {-1, 1} or {-1, 1, unit = "rad"}. Otherwise a number of choices, or their names. */
static void declare_dimension(lua_State *L, lua_env *env, prl_action_spec *one, bool continuous) {
  static const char *const keys[] = {"unit"};
  int value = lua_gettop(L);
  const char *about = lua_pushfstring(L, "action %s", one->name);
  bool table = lua_type(L, value) == LUA_TTABLE;
  one->unit = "";
  if (continuous) {
    if (!table) luaL_error(L, "%s is a %s; bounds are needed, as in {-1, 1}", about, luaL_typename(L, value));
    check_keys(L, value, about, keys, 1, 2);
    one->low = (float)number_at(L, value, about, NULL, 1, NAN, -3e38, 3e38);
    one->high = (float)number_at(L, value, about, NULL, 2, NAN, one->low, 3e38);
    one->unit = text_field(L, env, value, about, "unit", "");
  } else if (table) {
    one->choices = (int32_t)lua_objlen(L, value);
    check_keys(L, value, about, NULL, 0, one->choices);
  } else {
    double choices = lua_type(L, value) == LUA_TNUMBER ? lua_tonumber(L, value) : 0;
    one->choices = choices >= 1 && choices <= 1 << 24 && choices == floor(choices) ? (int32_t)choices : 0;
  }
  if (!continuous && one->choices < 2)
    luaL_error(L, "%s has two choices or more: a number, or names, as in {\"left\", \"right\"}", about);
  lua_pop(L, 1);
}

/* {"continuous", aim = {-1, 1}}: dimensions in byte order of their names. */
static void declare_action(lua_State *L, lua_env *env, int index) {
  static const char *const kinds[] = {"discrete", "multi_discrete", "continuous"};
  int table = push_table(L, index, "action", "{\"continuous\", aim = {-1, 1}}");
  lua_rawgeti(L, table, 1);
  const char *kind = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
  int found = 0;
  while (found < 3 && strcmp(kind, kinds[found]) != 0) found++;
  if (found == 3)
    luaL_error(L, "action begins with \"discrete\", \"multi_discrete\" or \"continuous\", not \"%s\"", kind);
  lua_pop(L, 1);
  int count;
  const char **names = sorted_keys(L, env, table, &count);
  check_keys(L, table, "action", names, count, 1);
  if (count == 0) luaL_error(L, "action has named dimensions, as in {\"continuous\", aim = {-1, 1}}");
  if (count > 1 && found == PRL_ACTION_DISCRETE)
    luaL_error(L, "a discrete action has one dimension and here are %d; write multi_discrete", count);
  prl_action_spec *all = keep(L, env, (size_t)count * sizeof *all);
  for (int i = 0; i < count; i++) {
    all[i].name = names[i];
    lua_getfield(L, table, names[i]);
    declare_dimension(L, env, &all[i], found == PRL_ACTION_CONTINUOUS);
    lua_pop(L, 1);
  }
  env->spec.action_kind = (prl_action_kind)found;
  env->spec.actions = count;
  env->spec.action = all;
  lua_settop(L, table - 1);
}

/* A number of seconds, or "30 s". */
static int64_t read_wait(lua_State *L, int index, const char *about) {
  static const struct {
    const char *unit;
    double seconds;
  } units[] = {{"us", 1e-6}, {"ms", 1e-3}, {"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}};
  lua_getfield(L, index, "wait");
  double seconds = lua_isnil(L, -1) ? 0 : -1;
  if (lua_type(L, -1) == LUA_TNUMBER) seconds = lua_tonumber(L, -1);
  if (lua_type(L, -1) == LUA_TSTRING) {
    const char *unit;
    double amount = prl_number_scan(lua_tostring(L, -1), &unit);
    while (*unit == ' ') unit++;
    for (int i = 0; i < 6; i++)
      if (strcmp(unit, units[i].unit) == 0) seconds = amount * units[i].seconds;
  }
  if (!(seconds >= 0 && seconds < 1e11))
    luaL_error(L, "%s: wait is a time such as 30 (seconds) or \"30 s\"; units are us, ms, s, min, h, d",
               about);
  lua_pop(L, 1);
  return (int64_t)(seconds * 1e6 + 0.5);
}

/* {unit = "m", missing = 0, combine = "sum", wait = "30 s"} at the top. */
static void declare_response(lua_State *L, lua_env *env, prl_response_spec *one) {
  static const char *const keys[] = {"unit", "missing", "combine", "wait"};
  static const char *const combines[] = {"sum", "last", "first", "max"};
  int table = lua_gettop(L), found = 0;
  const char *about = lua_pushfstring(L, "response %s", one->name);
  if (lua_type(L, table) != LUA_TTABLE)
    luaL_error(L, "%s is a %s; a table is needed, as in {unit = \"s\"}", about, luaL_typename(L, table));
  check_keys(L, table, about, keys, 4, 0);
  const char *combine = text_field(L, env, table, about, "combine", "sum");
  while (found < 4 && strcmp(combine, combines[found]) != 0) found++;
  if (found == 4) luaL_error(L, "%s: combine is \"%s\"; sum, last, first or max is needed", about, combine);
  one->combine = (prl_combine)found;
  one->unit = text_field(L, env, table, about, "unit", "");
  one->missing = (float)number_at(L, table, about, "missing", 0, 0, -3e38, 3e38);
  one->wait_us = read_wait(L, table, about);
  lua_pop(L, 1);
}

static void declare_responses(lua_State *L, lua_env *env, int index) {
  int table = push_table(L, index, "responses", "{reward = {unit = \"\"}}"), count;
  const char **names = sorted_keys(L, env, table, &count);
  check_keys(L, table, "responses", names, count, 0);
  if (count == 0) luaL_error(L, "responses is empty; it has at least one, as in {reward = {unit = \"\"}}");
  prl_response_spec *all = keep(L, env, (size_t)count * sizeof *all);
  for (int i = 0; i < count; i++) {
    all[i].name = names[i];
    lua_getfield(L, table, names[i]);
    declare_response(L, env, &all[i]);
    lua_pop(L, 1);
  }
  env->spec.responses = count;
  env->spec.response = all;
  lua_settop(L, table - 1);
}

/* {default, "unit", "meaning", low = 0, high = 1} at the top. */
static void declare_option(lua_State *L, lua_env *env, prl_env_option *one) {
  static const char *const keys[] = {"low", "high"};
  int table = lua_gettop(L);
  const char *about = lua_pushfstring(L, "option %s", one->name);
  if (lua_type(L, table) != LUA_TTABLE)
    luaL_error(L, "%s is a %s; {default, \"unit\", \"meaning\"} is needed", about, luaL_typename(L, table));
  check_keys(L, table, about, keys, 2, 3);
  one->low = number_at(L, table, about, "low", 0, -HUGE_VAL, -HUGE_VAL, HUGE_VAL);
  one->high = number_at(L, table, about, "high", 0, HUGE_VAL, one->low, HUGE_VAL);
  one->value = number_at(L, table, about, NULL, 1, NAN, one->low, one->high);
  lua_rawgeti(L, table, 2);
  lua_rawgeti(L, table, 3);
  one->unit = keep_text(L, env, lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "");
  one->meaning = keep_text(L, env, lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "");
  lua_pop(L, 3);
}

/* The declared options in byte order, then max_steps, which every Lua environment has. */
static void declare_options(lua_State *L, lua_env *env, int index) {
  int count = 0, table = 0;
  const char **names = NULL;
  lua_getfield(L, index, "options");
  if (!lua_isnil(L, -1)) {
    lua_pop(L, 1);
    table = push_table(L, index, "options", "{leak = {0.1, \"1/s\", \"what leaks\"}}");
    names = sorted_keys(L, env, table, &count);
    check_keys(L, table, "options", names, count, 0);
  }
  prl_env_option *all = keep(L, env, ((size_t)count + 2) * sizeof *all);
  for (int i = 0; i < count; i++) {
    if (strcmp(names[i], "max_steps") == 0)
      luaL_error(L, "option max_steps is there by itself: write max_steps = 200");
    all[i].name = names[i];
    lua_getfield(L, table, names[i]);
    declare_option(L, env, &all[i]);
    lua_pop(L, 1);
  }
  all[count] = (prl_env_option){.name = "max_steps",
                                .low = 0,
                                .high = 1e9,
                                .unit = "steps",
                                .meaning = "an episode is truncated after this many steps; 0: never"};
  all[count].value = number_at(L, index, "max_steps", "max_steps", 0, 0, 0, 1e9);
  env->type.options = all;
  env->option_count = count + 1;
  lua_pop(L, 1);
}

static bool has_function(lua_State *L, int index, const char *key) {
  lua_getfield(L, index, key);
  int type = lua_type(L, -1);
  if (type != LUA_TNIL && type != LUA_TFUNCTION)
    luaL_error(L, "%s is a %s; a function is needed", key, lua_typename(L, type));
  lua_pop(L, 1);
  return type == LUA_TFUNCTION;
}

void prl_lua_declare(lua_State *L, lua_env *env, const char *default_name) {
  static const char *const keys[] = {"name",    "summary",   "observation", "action",    "responses",
                                     "options", "max_steps", "clock",       "new",       "reset",
                                     "step",    "save",      "load",        "influenced"};
  int table = lua_gettop(L);
  if (lua_type(L, table) != LUA_TTABLE)
    luaL_error(L, "the file returns a %s; a table that describes an environment is needed",
               luaL_typename(L, table));
  check_keys(L, table, "the environment", keys, sizeof keys / sizeof *keys, 0);
  env->type.name = text_field(L, env, table, "the environment", "name", keep_text(L, env, default_name));
  env->type.summary = text_field(L, env, table, "the environment", "summary", "");
  declare_observation(L, env, table);
  declare_action(L, env, table);
  declare_responses(L, env, table);
  declare_options(L, env, table);
  env->spec.clock = flag_field(L, table, "the environment", "clock");
  env->has_new = has_function(L, table, "new");
  if (!has_function(L, table, "reset")) luaL_error(L, "the environment has no function reset(self)");
  if (!has_function(L, table, "step")) luaL_error(L, "the environment has no function step(self, action)");
  env->saves = has_function(L, table, "save");
  if (has_function(L, table, "load") != env->saves)
    luaL_error(L, "save and load belong together; here is one of them");
}
