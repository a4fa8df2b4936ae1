/* Environments written in Lua: a file that returns a table, as runtime/env/README.md describes.
 *
 * The file is read once. Each vector env made of it runs its text in its own lua_State, so that workers
 * never meet. It is trusted code: the whole standard library is open to it, and only math.random is ours,
 * keyed by (seed, stream, episode, step), so that its worlds are as reproducible as those in C. Its argument
 * (`...`) is its folder, with a slash at the end. */
#ifndef PRL_RECIPE_LUA_ENV_H
#define PRL_RECIPE_LUA_ENV_H

#include "perilune/env.h"

typedef struct prl_lua_env prl_lua_env;

/* What `require "perilune"` gives in the file: pushes the module, with memory of that runtime. It stands
 * above this room, so whoever opens the file hands it over; NULL: there is none. */
struct lua_State;
typedef int prl_lua_module(struct lua_State *L, prl_runtime *runtime);

/* Fails: PRL_EIO, PRL_EFORMAT (one sentence with the file, and the line where Lua knows it), PRL_ENOMEM. */
prl_status prl_lua_env_open(prl_runtime *runtime, const char *path, prl_lua_module *module, prl_lua_env **out,
                            prl_error *error);
/* Lives as long as the lua_env; so must every vector env made of it. */
const prl_env_type *prl_lua_env_type(const prl_lua_env *env);
void prl_lua_env_close(prl_lua_env *env);

#endif
