/* The few places where Lua 5.1 (LuaJIT) and 5.2–5.4 differ. Everything else uses the 5.1 API. */
#ifndef PRL_RECIPE_COMPAT_H
#define PRL_RECIPE_COMPAT_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#if LUA_VERSION_NUM >= 502
#define lua_objlen(L, index) lua_rawlen(L, index)
#define lua_setfenv(L, index) lua_setuservalue(L, index)
#define lua_getfenv(L, index) lua_getuservalue(L, index)
#define prl_load_text(L, reader, context, name) lua_load(L, reader, context, name, "t")
#else /* LuaJIT's */
#define prl_load_text(L, reader, context, name) lua_loadx(L, reader, context, name, "t")
#endif

#endif
