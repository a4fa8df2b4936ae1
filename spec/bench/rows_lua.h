/* The rows that are written in Lua. */
#ifndef SPEC_BENCH_ROWS_LUA_H
#define SPEC_BENCH_ROWS_LUA_H

#include <lua.h>

/* A state whose stack holds the list that rows.lua returns ({name, run(options)}, …), or a message. NULL
 * without memory. */
lua_State *bench_lua_open(void);

#endif
