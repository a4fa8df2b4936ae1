/* Inside Lua environments: a lua_State on the runtime's memory, and what the file declares. */
#ifndef PRL_RECIPE_LUA_MACHINE_H
#define PRL_RECIPE_LUA_MACHINE_H

#include <lua.h>

#include "core/memory.h"
#include "perilune/env.h"

/* A lua_State whose memory is the runtime's. Must not move while it is open. */
typedef struct prl_lua_heap {
  prl_runtime *runtime;
  char *reserve; /* serves lua_newstate: LuaJIT crashes when an allocation fails there */
  size_t used;
  bool starting;
} prl_lua_heap;

prl_status prl_lua_heap_open(prl_lua_heap *heap, prl_runtime *runtime, lua_State **out, prl_error *error);
void prl_lua_heap_close(prl_lua_heap *heap, lua_State *L); /* L may be NULL */

/* Calls function(L) with `context` as its one argument, a light userdata; no Lua error leaves it. On failure
 * the message is at the top of the stack: pop it. 0 or Lua's own status. */
int prl_lua_protect(lua_State *L, lua_CFunction function, void *context);
/* The sentence for such a failure, behind the prefix "the environment 'tank': "; pops it. The status is
 * `cause` where the C code that raised it knew better than Lua (PRL_ENOMEM); PRL_OK: Lua's own. */
prl_status prl_lua_failure(lua_State *L, int failure, prl_status cause, const char *prefix, prl_error *error);

struct prl_lua_env {
  prl_runtime *runtime;
  prl_arena arena; /* of everything that the type points to */
  char *text;
  size_t size;
  const char *chunk; /* "@path" */
  prl_env_type type;
  prl_env_spec spec; /* max_steps stands among the options */
  int option_count;  /* with max_steps, which is the last */
  bool has_new, saves;
  prl_status cause; /* while it is read: prl_lua_failure */
};

/* lua_declare.c: reads the table at the top of the stack into env; raises. */
void prl_lua_declare(lua_State *L, struct prl_lua_env *env, const char *default_name);

#endif
