/* A Lua environment's failure as a status and a sentence. */
#include "recipe/lua_machine.h"

#include <lauxlib.h>

prl_status prl_lua_failure(lua_State *L, int failure, prl_status cause, const char *prefix,
                           prl_error *error) {
  const char *message = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
  prl_status status = failure == LUA_ERRMEM ? PRL_ENOMEM : cause ? cause : PRL_EFORMAT;
  if (message)
    prl_fail(error, status, "%s%s", prefix, message);
  else
    prl_fail(error, status, "%san error that is a %s, not a sentence", prefix,
             lua_typename(L, lua_type(L, -1)));
  lua_pop(L, 1);
  return status;
}
