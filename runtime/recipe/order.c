/* Goes through a table's keys in a fixed order. */
#include "recipe/order.h"

#include <lauxlib.h>
#include <string.h>

#include "recipe/compat.h"
#include "recipe/state.h"

enum { CHECK_EVERY = 2048 }; /* keys compared between two looks at the sandbox's limits */

/* Of the whole of one call. */
typedef struct look {
  bool sandboxed;
  int compared;
} look;

static int rank(lua_State *L, int index) {
  switch (lua_type(L, index)) {
  case LUA_TNUMBER:
    return 0;
  case LUA_TSTRING:
    return 1;
  case LUA_TBOOLEAN:
    return 2;
  default:
    return 3;
  }
}

static bool text_before(lua_State *L, int a, int b) {
  size_t n, m;
  const char *x = lua_tolstring(L, a, &n), *y = lua_tolstring(L, b, &m);
  int order = memcmp(x, y, n < m ? n : m);
  return order ? order < 0 : n < m;
}

/* Whether the key at index a comes before the one at b. */
static bool before(lua_State *L, look *l, int a, int b) {
  if (++l->compared % CHECK_EVERY == 0 && l->sandboxed) prl_sandbox_check(L);
  int x = rank(L, a), y = rank(L, b);
  if (x != y) return x < y;
  if (x == 0) return lua_tonumber(L, a) < lua_tonumber(L, b);
  if (x == 1) return text_before(L, a, b);
  if (x == 2) return !lua_toboolean(L, a) && lua_toboolean(L, b);
  if (lua_rawequal(L, a, b)) return false;
  return luaL_error(L,
                    "two keys of this table are neither names nor numbers, and have no order to go through "
                    "them in") != 0;
}

static bool next_key(lua_State *L, look *l, int index) {
  int after = lua_gettop(L), least = after + 1, key = after + 2;
  lua_pushnil(L);
  lua_pushnil(L);
  while (lua_next(L, index)) {
    lua_pop(L, 1);
    bool follows = lua_isnil(L, after) || before(L, l, after, key);
    if (!follows || !(lua_isnil(L, least) || before(L, l, key, least))) continue;
    lua_pushvalue(L, key);
    lua_replace(L, least);
  }
  if (lua_isnil(L, least)) {
    lua_settop(L, after - 1);
    return false;
  }
  lua_replace(L, after);
  lua_pushvalue(L, after);
  lua_rawget(L, index);
  return true;
}

bool prl_lua_next(lua_State *L, int index) {
  look l = {false, 0};
  luaL_checkstack(L, 4, NULL);
  return next_key(L, &l, index);
}

/* ---- pairs: the keys in order, as an array ---- */

/* Item i of the array at index `list` against item j. */
static bool item_before(lua_State *L, look *l, int list, int i, int j) {
  lua_rawgeti(L, list, i);
  lua_rawgeti(L, list, j);
  bool result = before(L, l, lua_gettop(L) - 1, lua_gettop(L));
  lua_pop(L, 2);
  return result;
}

static void swap(lua_State *L, int list, int i, int j) {
  lua_rawgeti(L, list, i);
  lua_rawgeti(L, list, j);
  lua_rawseti(L, list, i);
  lua_rawseti(L, list, j);
}

static void sift(lua_State *L, look *l, int list, int root, int count) {
  for (int child = 2 * root; child <= count; root = child, child *= 2) {
    if (child < count && item_before(L, l, list, child, child + 1)) child++;
    if (!item_before(L, l, list, root, child)) return;
    swap(L, list, root, child);
  }
}

/* Heapsort: in place, and never slower than n log n. */
static void sort(lua_State *L, look *l, int list, int count) {
  for (int root = count / 2; root >= 1; root--) sift(L, l, list, root, count);
  for (int last = count; last > 1; last--) {
    swap(L, list, 1, last);
    sift(L, l, list, 1, last - 1);
  }
}

/* Pushes the array of the keys of the table at the index. Those of a list come in order already. */
static void push_keys(lua_State *L, look *l, int index) {
  lua_newtable(L);
  int list = lua_gettop(L), count = 0;
  bool sorted = true;
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
    lua_pushvalue(L, -2);
    lua_rawseti(L, list, ++count);
    if (count > 1) sorted = sorted && item_before(L, l, list, count - 1, count);
  }
  if (!sorted) sort(L, l, list, count);
}

/* upvalues: the keys, how many were met; t, any key but nil (nil begins anew) → the next key and its value */
static int step(lua_State *L) {
  lua_settop(L, 2);
  int place = lua_isnil(L, 2) ? 0 : (int)lua_tointeger(L, lua_upvalueindex(2));
  for (;;) {
    lua_settop(L, 1);
    lua_rawgeti(L, lua_upvalueindex(1), ++place);
    if (lua_isnil(L, 2)) return 1;
    lua_pushvalue(L, 2);
    lua_rawget(L, 1);
    if (!lua_isnil(L, 3)) break;
  }
  lua_pushinteger(L, place);
  lua_replace(L, lua_upvalueindex(2));
  return 2;
}

static int ordered_pairs(lua_State *L) {
  look l = {lua_toboolean(L, lua_upvalueindex(1)), 0};
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  push_keys(L, &l, 1);
  lua_pushinteger(L, 0);
  lua_pushcclosure(L, step, 2);
  lua_pushvalue(L, 1);
  lua_pushnil(L);
  return 3;
}

/* table.foreach(t, f), of Lua 5.0: until f returns something. */
static int ordered_foreach(lua_State *L) {
  look l = {false, 0};
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_settop(L, 2);
  push_keys(L, &l, 1);
  for (int i = 1, count = (int)lua_objlen(L, 3); i <= count; i++) {
    lua_pushvalue(L, 2);
    lua_rawgeti(L, 3, i);
    lua_pushvalue(L, -1);
    lua_rawget(L, 1);
    lua_call(L, 2, 1);
    if (!lua_isnil(L, -1)) return 1;
    lua_pop(L, 1);
  }
  return 0;
}

static int ordered_next(lua_State *L) {
  look l = {lua_toboolean(L, lua_upvalueindex(1)), 0};
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 2);
  if (next_key(L, &l, 1)) return 2;
  lua_pushnil(L);
  return 1;
}

void prl_lua_put_order(lua_State *L, bool sandboxed) {
  lua_pushboolean(L, sandboxed);
  lua_pushcclosure(L, ordered_pairs, 1);
  lua_setfield(L, -2, "pairs");
  lua_pushboolean(L, sandboxed);
  lua_pushcclosure(L, ordered_next, 1);
  lua_setfield(L, -2, "next");
}

void prl_lua_order_globals(lua_State *L) {
#if LUA_VERSION_NUM < 502
  lua_pushvalue(L, LUA_GLOBALSINDEX);
#else
  lua_pushglobaltable(L);
#endif
  prl_lua_put_order(L, false);
  lua_getfield(L, -1, "table");
  lua_pushcfunction(L, ordered_foreach);
  lua_setfield(L, -2, "foreach");
  lua_pop(L, 2);
}
