/* The memory of a lua_State that the library makes for itself: the runtime's, and so the host's.
 *
 * LuaJIT 2.1 cannot bear that an allocation fails
 *   inside lua_newstate, which crashes;
 *   in a Lua function whose frame begins above the stack's top: the top is where an earlier call left it, and
 *   LuaJIT writes the error there, over what it unwinds by.
 * There it is served from a block that was asked for before, and which lives as long as the state. The next
 * allocation that can fail does. */
#ifndef PRL_RECIPE_LUA_MEMORY_H
#define PRL_RECIPE_LUA_MEMORY_H

#include <lua.h>

#include "core/memory.h"

typedef struct prl_lua_memory {
  prl_runtime *runtime;
  lua_State *L; /* NULL until it is open */
  char *reserve;
  size_t reserve_used;
  bool refused; /* the host refused what the reserve then gave */
} prl_lua_memory;

/* Whether an allocation may fail now. */
bool prl_lua_memory_may_fail(const prl_lua_memory *memory);
/* Like lua_Alloc. A block always can shrink. */
void *prl_lua_memory_serve(prl_lua_memory *memory, void *block, size_t old_size, size_t size);
/* A new state whose allocator is `serve`, called with `context`; serve hands over to prl_lua_memory_serve.
 * serve NULL: that alone. Must not move while it is open. Fails: PRL_ENOMEM. */
prl_status prl_lua_memory_open(prl_lua_memory *memory, prl_runtime *runtime, lua_Alloc serve, void *context,
                               lua_State **out, prl_error *error);
/* Closes the state too; either may be absent. */
void prl_lua_memory_close(prl_lua_memory *memory, lua_State *L);
/* In LuaJIT, no more compilation: hooks do not fire in compiled traces, and work that is done once is not
 * worth it. */
void prl_lua_compiler_off(lua_State *L);
/* Calls function(L) with `context` as its one argument, a light userdata; no Lua error leaves it. On failure
 * the message is at the top of the stack. 0 or Lua's own status. */
int prl_lua_protect(lua_State *L, lua_CFunction function, void *context);

#endif
