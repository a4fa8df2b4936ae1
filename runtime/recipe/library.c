/* What the sandbox gives to its prelude: the stock functions that cannot work long and reach nothing, and a
 * few of our own. The prelude decides which of them a recipe sees. */
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/nearest.h"
#include "core/number.h"
#include "recipe/compat.h"
#include "recipe/embedded.h"
#include "recipe/lua_libraries.h"
#include "recipe/order.h"
#include "recipe/state.h"

#define GREATEST_STRING ((size_t)1 << 20)

static const char *const base_names[] = {
    "assert", "error",    "ipairs",       "next",         "pairs", "pcall",    "rawequal", "rawget", "rawset",
    "select", "tonumber", "setmetatable", "getmetatable", "type",  "tostring", "unpack",   NULL};
static const char *const string_names[] = {"byte",  "char",    "format", "len", "lower",
                                           "upper", "reverse", "sub",    NULL};
static const char *const math_names[] = {
    "abs", "acos", "asin", "atan", "ceil", "cos", "cosh", "deg", "exp",  "floor", "fmod", "frexp", "ldexp",
    "log", "max",  "min",  "modf", "pi",   "pow", "rad",  "sin", "sinh", "sqrt",  "tan",  "tanh",  NULL};

/* position(only) → file number, line: the place in the recipe, or in that file of it, that called the
 * prelude. */
static int position(lua_State *L) {
  lua_Debug ar;
  int only = (int)luaL_optinteger(L, 1, 0);
  for (int level = 1; lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "Sl", &ar);
    int number = prl_sandbox_file_number(ar.source);
    if (number && (!only || number == only) && ar.currentline > 0) {
      lua_pushinteger(L, number);
      lua_pushinteger(L, ar.currentline);
      return 2;
    }
  }
  /* A tail call leaves no frame: the line that ran last is taken for it. */
  prl_sandbox *s = prl_sandbox_of(L);
  if (!s->file) return 0;
  lua_pushinteger(L, s->file);
  lua_pushinteger(L, s->line);
  return 2;
}

/* defined(f) → file number, first line, last line; nothing for a function that is not the recipe's. */
static int defined(lua_State *L) {
  lua_Debug ar;
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_pushvalue(L, 1);
  lua_getinfo(L, ">S", &ar);
  int number = prl_sandbox_file_number(ar.source);
  if (!number) return 0;
  lua_pushinteger(L, number);
  lua_pushinteger(L, ar.linedefined);
  lua_pushinteger(L, ar.lastlinedefined);
  return 3;
}

/* traced(f, argument) → ok, result or message, {lines}: the lines of the recipe that the call ran through. */
static int traced(lua_State *L) {
  prl_sandbox *s = prl_sandbox_of(L);
  lua_settop(L, 2);
  int *lines = lua_newuserdata(L, PRL_RECIPE_TRACE * sizeof *lines);
  lua_insert(L, 1);
  bool followed = s->followed;
  prl_sandbox_watch(L, true);
  s->trace = lines;
  s->trace_count = 0;
  int failed = lua_pcall(L, 1, 1, 0);
  s->trace = NULL;
  prl_sandbox_watch(L, followed);
  prl_sandbox_check(L);
  lua_pushboolean(L, !failed);
  lua_insert(L, 2);
  lua_createtable(L, s->trace_count, 0);
  for (int i = 0; i < s->trace_count; i++) {
    lua_pushinteger(L, lines[i]);
    lua_rawseti(L, -2, i + 1);
  }
  return 3;
}

/* follow(on) → whether the recipe's lines were followed before. */
static int follow(lua_State *L) {
  bool before = prl_sandbox_of(L)->followed;
  prl_sandbox_watch(L, lua_toboolean(L, 1));
  lua_pushboolean(L, before);
  return 1;
}

static const prl_recipe_file *file_argument(lua_State *L, int argument) {
  prl_sandbox *s = prl_sandbox_of(L);
  int number = (int)luaL_checkinteger(L, argument);
  luaL_argcheck(L, number >= 1 && number <= s->files_count, argument, "no such file");
  return &s->files[number - 1];
}

/* steps() → spent so far, the limit. */
static int steps(lua_State *L) {
  const prl_sandbox *s = prl_sandbox_of(L);
  lua_pushnumber(L, (lua_Number)s->steps);
  lua_pushnumber(L, (lua_Number)s->limits.steps);
  return 2;
}

/* line_text(file, line) → the text of that line. */
static int line_text(lua_State *L) {
  const prl_recipe_file *file = file_argument(L, 1);
  const char *at = file->text;
  for (int line = (int)luaL_checkinteger(L, 2); line > 1 && at; line--) {
    at = strchr(at, '\n');
    if (at) at++;
  }
  if (!at) return 0;
  lua_pushlstring(L, at, strcspn(at, "\n"));
  return 1;
}

static bool name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* literals(file, most) → the number literals of a file, as an array. */
static int literals(lua_State *L) {
  const prl_recipe_file *file = file_argument(L, 1);
  int most = (int)luaL_checkinteger(L, 2), n = 0;
  lua_newtable(L);
  for (const char *c = file->text; *c && n < most; c++) {
    bool digit = *c >= '0' && *c <= '9';
    if (!digit || (c > file->text && name_char(c[-1]))) continue;
    if (c > file->text && c[-1] == '.') c--;
    const char *end;
    lua_pushnumber(L, prl_number_scan(c, &end));
    lua_rawseti(L, -2, ++n);
    c = end > c ? end - 1 : c;
  }
  return 1;
}

/* A file for the parser, a piece at a time: between two of them the clock is looked at. */
typedef struct pieces {
  const char *at;
  size_t left;
} pieces;

static const char *next_piece(lua_State *L, void *context, size_t *size) {
  enum { PIECE = 1024 };
  pieces *p = context;
  const char *piece = p->at;
  *size = prl_sandbox_spent(L) ? 0 : p->left < PIECE ? p->left : PIECE;
  p->at += *size;
  p->left -= *size;
  return *size ? piece : NULL;
}

static int load_file(lua_State *L, int index) {
  prl_sandbox *s = prl_sandbox_of(L);
  const prl_recipe_file *file = &s->files[index];
  char chunk[32];
  snprintf(chunk, sizeof chunk, "@" PRL_RECIPE_CHUNK, index + 1);
  pieces p = {file->text, file->size};
  if (p.left && p.at[0] == '#') { /* a first line such as #!/usr/bin/env perilune */
    while (p.left && *p.at != '\n') p.at++, p.left--;
  }
  int failed = prl_load_text(L, next_piece, &p, chunk);
  prl_sandbox_check(L); /* a text that was cut by the clock may parse, or not */
  if (failed) return lua_error(L);
  lua_pushinteger(L, index + 1);
  return 2;
}

/* A file that was read, or why it was not. */
static int load_read(lua_State *L, prl_status status, const int *index) {
  prl_sandbox *s = prl_sandbox_of(L);
  if (!status) return load_file(L, *index);
  if (s->failure.status == PRL_ENOMEM) s->stopped = PRL_STOP_HOST;
  lua_pushstring(L, s->failure.message);
  return lua_error(L);
}

/* load(name, from) → chunk, file number: what file number `from` requires by that name; the recipe itself
 * where there is no name. Raises when it cannot be read. */
static int load(lua_State *L) {
  prl_sandbox *s = prl_sandbox_of(L);
  int index = 0;
  if (lua_isnoneornil(L, 1)) {
    prl_sandbox_watch(L, true);
    return load_file(L, index);
  }
  int from = (int)(file_argument(L, 2) - s->files);
  return load_read(L, prl_sandbox_beside(s, from, luaL_checkstring(L, 1), &index, &s->failure), &index);
}

/* running() → chunk, file number: the recipe in force; nothing where there is none. Raises as `load` does. */
static int running(lua_State *L) {
  prl_sandbox *s = prl_sandbox_of(L);
  int index = 0;
  return s->running ? load_read(L, prl_sandbox_running(s, &index, &s->failure), &index) : 0;
}

/* overrides() → {file numbers}: of the overrides, each "path=expression". override(file) → path, chunk or
 * nil, text. */
static int overrides(lua_State *L) {
  prl_sandbox *s = prl_sandbox_of(L);
  int n = 0;
  lua_newtable(L);
  for (int i = 0; i < s->files_count; i++) {
    if (s->files[i].real) continue;
    lua_pushinteger(L, i + 1);
    lua_rawseti(L, -2, ++n);
  }
  return 1;
}

static int override(lua_State *L) {
  const prl_recipe_file *file = file_argument(L, 1);
  const char *equals = strchr(file->text, '=');
  char chunk[32];
  snprintf(chunk, sizeof chunk, "@" PRL_RECIPE_CHUNK, (int)lua_tointeger(L, 1));
  if (!equals) return 0;
  lua_pushlstring(L, file->text, (size_t)(equals - file->text));
  lua_pushfstring(L, "return %s", equals + 1);
  size_t size;
  const char *text = lua_tolstring(L, -1, &size);
  if (luaL_loadbuffer(L, text, size, chunk)) {
    lua_pop(L, 1);
    lua_pushnil(L);
  }
  lua_remove(L, -2);
  lua_pushstring(L, equals + 1);
  return 3;
}

/* proxy(metatable) → a userdata of it. */
static int proxy(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_newuserdata(L, 0);
  lua_pushvalue(L, 1);
  lua_setmetatable(L, -2);
  return 1;
}

/* set_environment(f, env): the globals of a chunk. */
static int set_environment(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  prl_lua_set_globals(L);
  return 0;
}

/* nearest(name, {names}) → a hint, or "". */
static int nearest(lua_State *L) {
  prl_nearest near = prl_nearest_begin(luaL_checkstring(L, 1));
  luaL_checktype(L, 2, LUA_TTABLE);
  for (int i = 1;; i++) {
    lua_rawgeti(L, 2, i);
    if (lua_type(L, -1) != LUA_TSTRING) break;
    prl_nearest_offer(&near, lua_tostring(L, -1)); /* the table keeps the string */
    lua_pop(L, 1);
  }
  lua_pushstring(L, prl_nearest_hint(&near));
  return 1;
}

static int bounded_rep(lua_State *L) {
  size_t length;
  const char *text = luaL_checklstring(L, 1, &length);
  double times = luaL_checknumber(L, 2);
  luaL_argcheck(L, lua_isnoneornil(L, 3), 3, "a recipe's string.rep takes no separator");
  if (!(times >= 1) || length == 0) times = 0;
  if ((double)length * times > (double)GREATEST_STRING)
    return luaL_error(L, "string.rep would make %f bytes; a recipe's strings have at most %d",
                      (double)length * times, (int)GREATEST_STRING);
  size_t size = length * (size_t)times;
  char *bytes = lua_newuserdata(L, size + 1);
  for (size_t at = 0; at < size; at += length) memcpy(bytes + at, text, length);
  lua_pushlstring(L, bytes, size);
  return 1;
}

/* A position in a table: lua_rawgeti takes no other. */
static int64_t position_argument(lua_State *L, int argument, int64_t fallback) {
  if (lua_isnoneornil(L, argument)) return fallback;
  double at = luaL_checknumber(L, argument);
  luaL_argcheck(L, at >= INT32_MIN && at <= INT32_MAX, argument, "no position in a table");
  return (int64_t)at;
}

/* table.concat that looks at the limits: the stock one may format a quarter of a million numbers in one
 * instruction. It ends at the first item that is absent. */
static int bounded_concat(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_optlstring(L, 2, "", NULL);
  int64_t first = position_argument(L, 3, 1);
  int64_t last = position_argument(L, 4, (int64_t)lua_objlen(L, 1));
  lua_settop(L, 2);
  luaL_Buffer buffer;
  luaL_buffinit(L, &buffer);
  for (int64_t i = first; i <= last; i++) {
    if ((i & 255) == 0) prl_sandbox_check(L);
    lua_rawgeti(L, 1, (int)i);
    if (!lua_isstring(L, -1))
      return luaL_error(L, "table.concat: item %d is a %s, not a string or a number", (int)i,
                        luaL_typename(L, -1));
    luaL_addvalue(&buffer);
    if (i < last && !lua_isnoneornil(L, 2)) {
      lua_pushvalue(L, 2);
      luaL_addvalue(&buffer);
    }
  }
  luaL_pushresult(&buffer);
  return 1;
}

/* Copies the named fields of the table at `from` into a new table on the top. */
static void pick(lua_State *L, int from, const char *const *names) {
  lua_newtable(L);
  for (; *names; names++) {
    lua_getfield(L, from, *names);
    lua_setfield(L, -2, *names);
  }
}

static void open_library(lua_State *L, lua_CFunction open, const char *name) {
#if LUA_VERSION_NUM < 502
  lua_pushcfunction(L, open);
  lua_pushstring(L, name);
  lua_call(L, 1, 0);
#else
  luaL_requiref(L, name, open, 1);
  lua_pop(L, 1);
#endif
}

static void put_library(lua_State *L, int to, const char *name, lua_CFunction open,
                        const char *const *names) {
  open_library(L, open, name);
  lua_getglobal(L, name);
  pick(L, lua_gettop(L), names);
  lua_setfield(L, to, name);
  lua_pop(L, 1);
}

static void put_function(lua_State *L, int table, const char *within, const char *name,
                         lua_CFunction function) {
  if (within)
    lua_getfield(L, table, within);
  else
    lua_pushvalue(L, table);
  lua_pushcfunction(L, function);
  lua_setfield(L, -2, name);
  lua_pop(L, 1);
}

/* embedded(module) → the chunk of a file built into the library. */
static int embedded(lua_State *L) {
  const char *module = luaL_checkstring(L, 1);
  const prl_embedded *file = prl_embedded_find(module);
  if (!file) return luaL_error(L, "the library lacks %s", module);
  if (prl_embedded_load(L, file)) return lua_error(L);
  return 1;
}

void prl_sandbox_library(lua_State *L) {
  lua_newtable(L);
  int top = lua_gettop(L);
  open_library(L, luaopen_base, "_G");
#if LUA_VERSION_NUM < 502
  pick(L, LUA_GLOBALSINDEX, base_names);
#else
  lua_pushglobaltable(L);
  pick(L, lua_gettop(L), base_names);
  lua_remove(L, -2);
#endif
  prl_lua_put_order(L, true);
  lua_setfield(L, top, "base");
  put_library(L, top, "string", luaopen_string, string_names);
  lua_newtable(L); /* insert, remove and sort are the prelude's, so that their work is counted in steps */
  lua_setfield(L, top, "table");
  put_library(L, top, "math", luaopen_math, math_names);
#if LUA_VERSION_NUM >= 502
  lua_getfield(L, top, "base");
  open_library(L, luaopen_table, "table");
  lua_getglobal(L, "table");
  lua_getfield(L, -1, "unpack");
  lua_setfield(L, -3, "unpack");
  lua_pop(L, 2);
#endif
  put_function(L, top, "string", "rep", bounded_rep);
  put_function(L, top, "table", "concat", bounded_concat);
  static const luaL_Reg own[] = {{"position", position},   {"defined", defined},
                                 {"traced", traced},       {"follow", follow},
                                 {"line_text", line_text}, {"literals", literals},
                                 {"load", load},           {"overrides", overrides},
                                 {"override", override},   {"embedded", embedded},
                                 {"proxy", proxy},         {"set_environment", set_environment},
                                 {"nearest", nearest},     {"steps", steps},
                                 {"running", running},     {NULL, NULL}};
  for (const luaL_Reg *f = own; f->name; f++) put_function(L, top, NULL, f->name, f->func);
  /* ("x"):rep(n) goes through the metatable of strings: it may lead only to the functions above. */
  lua_pushliteral(L, "");
  if (lua_getmetatable(L, -1)) {
    lua_getfield(L, top, "string");
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
  }
  lua_settop(L, top);
}
