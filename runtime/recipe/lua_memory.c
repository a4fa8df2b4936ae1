/* A lua_State gets its memory from the runtime, with a reserve where LuaJIT cannot bear a refusal. */
#include "recipe/lua_memory.h"

#include <lualib.h>
#include <string.h>
#ifdef LUA_JITLIBNAME
#include <luajit.h>
#endif

#define RESERVE ((size_t)128 << 10)

/* Blocks from the reserve are never given back: they go with it. */
static void *from_reserve(prl_lua_memory *m, size_t size) {
  size_t rounded = (size + 15) & ~(size_t)15;
  if (rounded > RESERVE - m->reserve_used) return NULL;
  void *block = m->reserve + m->reserve_used;
  m->reserve_used += rounded;
  return block;
}

bool prl_lua_memory_may_fail(const prl_lua_memory *m) { return m->L && lua_gettop(m->L) >= 0; }

/* The block's content in a fresh one, which may be NULL. */
static void *moved(prl_lua_memory *m, void *fresh, void *block, bool inside, size_t old_size, size_t size) {
  if (!fresh || !block) return fresh;
  memcpy(fresh, block, old_size < size ? old_size : size);
  if (!inside) prl_free(m->runtime, block);
  return fresh;
}

void *prl_lua_memory_serve(prl_lua_memory *m, void *block, size_t old_size, size_t size) {
  char *p = block;
  bool inside = p && p >= m->reserve && p < m->reserve + RESERVE;
  if (size == 0) {
    if (!inside) prl_free(m->runtime, block);
    return NULL;
  }
  void *fresh = m->L ? NULL : moved(m, from_reserve(m, size), block, inside, old_size, size);
  if (!fresh)
    fresh = inside ? moved(m, prl_alloc(m->runtime, size), block, true, old_size, size)
                   : prl_realloc(m->runtime, block, size);
  if (!fresh && block && size <= old_size) fresh = block; /* Lua counts on it that a block can shrink */
  if (fresh || prl_lua_memory_may_fail(m)) return fresh;
  m->refused = true;
  return moved(m, from_reserve(m, size), block, inside, old_size, size);
}

static void *serve_alone(void *context, void *block, size_t old_size, size_t size) {
  return prl_lua_memory_serve(context, block, block ? old_size : 0, size);
}

prl_status prl_lua_memory_open(prl_lua_memory *m, prl_runtime *runtime, lua_Alloc serve, void *context,
                               lua_State **out, prl_error *error) {
  *m = (prl_lua_memory){.runtime = runtime, .reserve = prl_alloc(runtime, RESERVE)};
  if (!m->reserve) return prl_fail_memory(error, RESERVE);
  m->L = serve ? lua_newstate(serve, context) : lua_newstate(serve_alone, m);
  if (!m->L) {
    prl_lua_memory_close(m, NULL);
    return prl_fail_memory(error, RESERVE);
  }
  *out = m->L;
  return PRL_OK;
}

void prl_lua_memory_close(prl_lua_memory *m, lua_State *L) {
  if (L) lua_close(L);
  if (m->reserve) prl_free(m->runtime, m->reserve);
  m->reserve = NULL;
}

void prl_lua_compiler_off(lua_State *L) {
#ifdef LUAJIT_VERSION
  luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
#else
  (void)L;
#endif
}

int prl_lua_protect(lua_State *L, lua_CFunction function, void *context) {
#if LUA_VERSION_NUM < 502
  return lua_cpcall(L, function, context); /* allocates under protection too */
#else
  lua_pushcfunction(L, function);
  lua_pushlightuserdata(L, context);
  return lua_pcall(L, 1, 0, 0);
#endif
}
