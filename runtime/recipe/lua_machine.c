#include "recipe/lua_machine.h"

#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

enum { RESERVE = 1 << 16 };

static bool reserved(const prl_lua_heap *heap, const void *block) {
  const char *p = block;
  return p >= heap->reserve && p < heap->reserve + RESERVE;
}

/* Blocks from the reserve are never given back: they go with it. */
static void *from_reserve(prl_lua_heap *heap, size_t size) {
  size_t rounded = (size + 15) & ~(size_t)15;
  if (rounded > RESERVE - heap->used) return NULL;
  void *block = heap->reserve + heap->used;
  heap->used += rounded;
  return block;
}

static void *serve(void *context, void *block, size_t old_size, size_t size) {
  prl_lua_heap *heap = context;
  bool inside = block && reserved(heap, block);
  if (size == 0) {
    if (!inside) prl_free(heap->runtime, block);
    return NULL;
  }
  void *fresh = heap->starting ? from_reserve(heap, size) : NULL;
  if (!fresh && !inside) {
    fresh = prl_realloc(heap->runtime, block, size);
    return !fresh && block && size <= old_size ? block : fresh; /* Lua counts on it that a block can shrink */
  }
  if (!fresh) fresh = prl_alloc(heap->runtime, size);
  if (!fresh) return block && size <= old_size ? block : NULL;
  if (block) memcpy(fresh, block, old_size < size ? old_size : size);
  if (block && !inside) prl_free(heap->runtime, block);
  return fresh;
}

prl_status prl_lua_heap_open(prl_lua_heap *heap, prl_runtime *runtime, lua_State **out, prl_error *error) {
  *heap = (prl_lua_heap){.runtime = runtime, .reserve = prl_alloc(runtime, RESERVE)};
  if (!heap->reserve) return prl_fail_memory(error, RESERVE);
  heap->starting = true;
  lua_State *L = lua_newstate(serve, heap);
  heap->starting = false;
  if (!L) {
    prl_lua_heap_close(heap, NULL);
    return prl_fail_memory(error, RESERVE);
  }
  *out = L;
  return PRL_OK;
}

void prl_lua_heap_close(prl_lua_heap *heap, lua_State *L) {
  if (L) lua_close(L);
  prl_free(heap->runtime, heap->reserve);
  heap->reserve = NULL;
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
