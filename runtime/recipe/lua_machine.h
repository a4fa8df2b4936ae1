/* Inside Lua environments: what the file declares, and its failures. */
#ifndef PRL_RECIPE_LUA_MACHINE_H
#define PRL_RECIPE_LUA_MACHINE_H

#include <lua.h>

#include "recipe/lua_env.h"
#include "recipe/lua_memory.h"

/* The sentence for a failure of prl_lua_protect, behind the prefix "the environment 'tank': "; pops it. The
 * status is `cause` where the C code that raised it knew better than Lua (PRL_ENOMEM); PRL_OK: Lua's own. */
prl_status prl_lua_failure(lua_State *L, int failure, prl_status cause, const char *prefix, prl_error *error);

struct prl_lua_env {
  prl_runtime *runtime;
  prl_lua_module *module;
  prl_arena arena; /* of everything that the type points to */
  char *text;
  size_t size;
  const char *chunk; /* "@path" */
  prl_env_type type;
  prl_env_spec spec; /* max_steps is one of the options */
  int option_count;  /* with max_steps, which is the last */
  bool has_new, saves;
  prl_status cause; /* while it is read: prl_lua_failure */
};

/* lua_declare.c: reads the table at the top of the stack into env; raises. */
void prl_lua_declare(lua_State *L, struct prl_lua_env *env, const char *default_name);

#endif
