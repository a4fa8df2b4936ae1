/* Lua's standard libraries, as the executable and the states that the library makes for itself open them. */
#ifndef PRL_RECIPE_LUA_LIBRARIES_H
#define PRL_RECIPE_LUA_LIBRARIES_H

#include <lua.h>

/* luaL_openlibs, but package.path and cpath keep their absolute places alone: a file that lies in the current
 * folder by the name of a module is anyone's, and must not run. May raise. */
void prl_lua_open_libraries(lua_State *L);
/* The table on the top becomes the globals of the function below it; pops the table. */
void prl_lua_set_globals(lua_State *L);

#endif
