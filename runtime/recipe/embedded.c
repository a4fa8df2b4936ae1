/* Lua files that the library carries are found by module, and loaded from bytecode or from text. */
#include "recipe/embedded.h"

#include <lauxlib.h>
#include <string.h>

const prl_embedded *prl_embedded_find(const char *module) {
  for (const prl_embedded *file = prl_embedded_files; file->module; file++)
    if (strcmp(file->module, module) == 0) return file;
  return NULL;
}

int prl_embedded_load(lua_State *L, const prl_embedded *file) {
  const char *name = lua_pushfstring(L, PRL_EMBEDDED_NAME(file->file));
  int failed = luaL_loadbuffer(L, file->code, file->code_size, name);
  if (failed == LUA_ERRSYNTAX) { /* another LuaJIT's, in a host */
    lua_pop(L, 1);
    failed = luaL_loadbuffer(L, file->text, file->size, name);
  }
  lua_remove(L, -2);
  return failed;
}
