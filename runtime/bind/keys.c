/* What a caller spelled wrongly: unknown options, fields and methods. The
 * sentence is that of recipe/keys.h, and it is raised at the line of whoever called, not at one of the
 * library's own. */
#include "bind/bind.h"

#include <stdlib.h>
#include <string.h>

#include "recipe/keys.h"

/* ---- Whose line it is ---- */

const char *prl_own_file(const char *source) {
  static const char embedded[] = "@lua/perilune/", inside[] = "/perilune/";
  if (strncmp(source, embedded, sizeof embedded - 1) == 0) return source + sizeof embedded - 1;
  const char *folder = getenv("PERILUNE_LUA"); /* development: see module.c */
  size_t length = folder ? strlen(folder) : 0;
  if (!folder || source[0] != '@' || strncmp(source + 1, folder, length) != 0) return NULL;
  source += 1 + length;
  return strncmp(source, inside, sizeof inside - 1) == 0 ? source + sizeof inside - 1 : NULL;
}

/* Pushes "file:line: " of the nearest caller that is not the library, or "" where there is none; algorithms
 * count as its users. */
static void push_place(lua_State *L) {
  lua_Debug frame;
  for (int level = 1; lua_getstack(L, level, &frame); level++) {
    lua_getinfo(L, "Sl", &frame);
    const char *own = prl_own_file(frame.source);
    if (frame.currentline <= 0 || (own && strncmp(own, "algorithms/", 11) != 0)) continue;
    const char *file = frame.source[0] == '@' ? frame.source + 1 : frame.short_src;
    lua_pushfstring(L, "%s:%d: ", file, frame.currentline);
    return;
  }
  lua_pushliteral(L, "");
}

int prl_raise(lua_State *L) {
  push_place(L);
  lua_insert(L, -2);
  lua_concat(L, 2);
  return lua_error(L);
}

/* ---- Tables ---- */

void prl_check_keys(lua_State *L, int index, const char *about, const char *const *names) {
  prl_keys known = {.about = about, .noun = "option", .names = names};
  if (lua_isnoneornil(L, index)) return;
  if (lua_type(L, index) != LUA_TTABLE) {
    lua_pushfstring(L, "%s takes its options as a table, not a %s", about, luaL_typename(L, index));
    prl_raise(L);
  }
  while (names[known.count]) known.count++;
  if (prl_push_unknown_key(L, index, &known)) prl_raise(L);
}

void prl_check_list(lua_State *L, int index, const char *about) {
  prl_keys known = {.about = about, .noun = "option", .positions = (int64_t)lua_objlen(L, index)};
  if (prl_push_unknown_key(L, index, &known)) prl_raise(L);
}

static int compare_texts(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names at `index`, as a list or as the string keys of a table, in byte order; what begins with _ is
 * nobody's to write. They stay alive in the table, and the array on the stack. */
static const char *const *push_names(lua_State *L, int index, int *count) {
  int most = (int)lua_objlen(L, index);
  bool list = most > 0;
  for (lua_pushnil(L); !list && lua_next(L, index); lua_pop(L, 1)) most++;
  const char **names = lua_newuserdata(L, ((size_t)most + 1) * sizeof *names);
  *count = 0;
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
    int at = list ? -1 : -2;
    if (lua_type(L, at) != LUA_TSTRING || lua_tostring(L, at)[0] == '_' || *count == most) continue;
    names[(*count)++] = lua_tostring(L, at);
  }
  qsort(names, (size_t)*count, sizeof *names, compare_texts);
  return names;
}

/* about, noun, table, names (a list, or the keys of a table), positions = 0 → the sentence about a key of the
 * table that is not among them; nil where there is none */
static int unknown_key(lua_State *L) {
  prl_keys known = {.about = luaL_checkstring(L, 1), .noun = luaL_checkstring(L, 2)};
  luaL_checktype(L, 3, LUA_TTABLE);
  luaL_checktype(L, 4, LUA_TTABLE);
  known.positions = (int64_t)prl_opt_number(L, 5, 0);
  known.names = push_names(L, 4, &known.count);
  if (!prl_push_unknown_key(L, 3, &known)) lua_pushnil(L);
  return 1;
}

/* about, noun, name, names → the sentence that there is no such name */
static int no_name(lua_State *L) {
  prl_keys known = {.about = luaL_checkstring(L, 1), .noun = luaL_checkstring(L, 2)};
  const char *name = luaL_checkstring(L, 3);
  luaL_checktype(L, 4, LUA_TTABLE);
  known.names = push_names(L, 4, &known.count);
  prl_push_no_name(L, name, &known);
  return 1;
}

static int refuse(lua_State *L) { /* sentence: raised at the line of whoever called the library */
  luaL_checkstring(L, 1);
  lua_settop(L, 1);
  return prl_raise(L);
}

int prl_check_word(lua_State *L, int index, const char *argument, int fallback, const char *const *words) {
  prl_keys known = {.about = argument, .noun = "choice", .names = words};
  if (fallback >= 0 && lua_isnoneornil(L, index)) return fallback;
  while (words[known.count]) known.count++;
  const char *word = lua_type(L, index) == LUA_TSTRING ? lua_tostring(L, index) : NULL;
  for (int i = 0; word && i < known.count; i++)
    if (strcmp(word, words[i]) == 0) return i;
  if (word)
    prl_push_no_name(L, word, &known);
  else
    lua_pushfstring(L, "%s is a %s; a word such as \"%s\" is needed", argument, luaL_typename(L, index),
                    words[0]);
  return prl_raise(L);
}

bool prl_check_flag(lua_State *L, int index, const char *argument, bool fallback) {
  if (lua_isnoneornil(L, index)) return fallback;
  if (lua_type(L, index) == LUA_TBOOLEAN) return lua_toboolean(L, index);
  lua_pushfstring(L, "%s is a %s; true or false is needed", argument, luaL_typename(L, index));
  return prl_raise(L);
}

/* ---- Names that are not there ---- */

int prl_refuse_name(lua_State *L, const char *about, const char *noun, int names, int key) {
  if (lua_type(L, key) != LUA_TSTRING || strncmp(lua_tostring(L, key), "__", 2) == 0) return 0;
  prl_keys known = {.about = about, .noun = noun};
  known.names = push_names(L, names, &known.count);
  prl_push_no_name(L, lua_tostring(L, key), &known);
  return prl_raise(L);
}

static int
missing_name(lua_State *L) { /* table, key; upvalues: about, noun, the names or nil: the table's own */
  int names = lua_istable(L, lua_upvalueindex(3)) ? lua_upvalueindex(3) : 1;
  return prl_refuse_name(L, lua_tostring(L, lua_upvalueindex(1)), lua_tostring(L, lua_upvalueindex(2)), names,
                         2);
}

void prl_make_strict(lua_State *L, const char *about, const char *noun) {
  lua_createtable(L, 0, 1);
  lua_pushstring(L, about);
  lua_pushstring(L, noun);
  lua_pushnil(L);
  lua_pushcclosure(L, missing_name, 3);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
}

/* about, noun, table, names = its own → the table, which now refuses to be asked for another name */
static int strict(lua_State *L) {
  lua_settop(L, 4);
  luaL_checkstring(L, 1);
  luaL_checkstring(L, 2);
  luaL_checktype(L, 3, LUA_TTABLE);
  lua_createtable(L, 0, 1);
  for (int i = 1; i <= 4; i++)
    if (i != 3) lua_pushvalue(L, i);
  lua_pushcclosure(L, missing_name, 3);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, 3);
  lua_settop(L, 3);
  return 1;
}

void prl_open_keys(lua_State *L) {
  static const luaL_Reg functions[] = {{"unknown_key", unknown_key},
                                       {"no_name", no_name},
                                       {"refuse", refuse},
                                       {"strict", strict},
                                       {NULL, NULL}};
  prl_register(L, functions);
}
