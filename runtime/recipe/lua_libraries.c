/* Opens Lua's standard libraries, with module search paths that are absolute. */
#include "recipe/lua_libraries.h"

#include <stdbool.h>
#include <string.h>

#include "recipe/compat.h"

/* Leaves the absolute places of package.NAME, a list with semicolons. */
static void keep_absolute(lua_State *L, const char *name) {
  luaL_Buffer kept;
  lua_getfield(L, -1, name);
  const char *place = lua_tostring(L, -1);
  bool any = false;
  luaL_buffinit(L, &kept);
  while (place && *place) {
    size_t length = strcspn(place, ";");
    if (*place == '/') {
      if (any) luaL_addchar(&kept, ';');
      luaL_addlstring(&kept, place, length);
      any = true;
    }
    place += length + (place[length] == ';');
  }
  luaL_pushresult(&kept);
  lua_setfield(L, -3, name);
  lua_pop(L, 1);
}

/* The last of those that look for a module: Lua would list every place, a line each. */
static int refuse_module(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  luaL_where(L, 2); /* of the call of require */
  lua_pushfstring(
      L,
      "module '%s' not found at the absolute places of package.path and package.cpath; a code file "
      "loads what lies beside it by its folder, as in dofile((...) .. \"%s.lua\")",
      name, name);
  lua_concat(L, 2);
  return lua_error(L);
}

static void add_refusal(lua_State *L) {
  lua_getfield(L, -1, "searchers");
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_getfield(L, -1, "loaders");
  }
  lua_pushcfunction(L, refuse_module);
  lua_rawseti(L, -2, (int)lua_objlen(L, -2) + 1);
  lua_pop(L, 1);
}

void prl_lua_open_libraries(lua_State *L) {
  luaL_openlibs(L);
  lua_getglobal(L, "package");
  add_refusal(L);
  keep_absolute(L, "path");
  keep_absolute(L, "cpath");
  lua_pop(L, 1);
}

void prl_lua_set_globals(lua_State *L) {
#if LUA_VERSION_NUM < 502
  lua_setfenv(L, -2);
#else
  lua_setupvalue(L, -2, 1);
#endif
}
