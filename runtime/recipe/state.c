#include "recipe/state.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>
#ifdef LUA_JITLIBNAME
#include <luajit.h>
#endif

#include "core/clock.h"

#define RESERVE ((size_t)128 << 10)
#define HOOK_STEPS 100

prl_sandbox *prl_sandbox_of(lua_State *L) {
  void *context;
  lua_getallocf(L, &context);
  return context;
}

static bool reserved(const prl_sandbox *s, const void *block) {
  const char *p = block;
  return p >= s->reserve && p < s->reserve + RESERVE;
}

/* Blocks from the reserve are never given back: they go with it. */
static void *from_reserve(prl_sandbox *s, size_t size) {
  size_t rounded = (size + 15) & ~(size_t)15;
  if (rounded > RESERVE - s->reserve_used) return NULL;
  void *block = s->reserve + s->reserve_used;
  s->reserve_used += rounded;
  return block;
}

static bool within_caps(prl_sandbox *s, size_t old_size, size_t size) {
  if (size <= old_size) return true;
  s->volume += (int64_t)(size - old_size);
  if (size <= PRL_RECIPE_BLOCK && s->used - old_size + size <= s->limits.memory &&
      s->volume <= PRL_RECIPE_VOLUME)
    return true;
  if (s->stopped == PRL_GOES_ON) s->stopped = PRL_STOP_MEMORY;
  return false;
}

static void *serve(void *context, void *block, size_t old_size, size_t size) {
  prl_sandbox *s = context;
  bool inside = block && reserved(s, block);
  if (!block) old_size = 0; /* Lua 5.2 and later pass the kind of object instead */
  if (size == 0) {
    if (!inside) prl_free(s->runtime, block);
    s->used -= old_size;
    return NULL;
  }
  if (!within_caps(s, old_size, size)) return NULL;
  void *fresh = s->starting ? from_reserve(s, size) : NULL;
  if (fresh || inside) {
    if (!fresh) fresh = prl_alloc(s->runtime, size);
    if (fresh && block) memcpy(fresh, block, old_size < size ? old_size : size);
    if (fresh && block && !inside) prl_free(s->runtime, block);
  } else {
    fresh = prl_realloc(s->runtime, block, size);
  }
  if (!fresh && size <= old_size) fresh = block; /* Lua counts on it that a block can shrink */
  if (!fresh)
    s->stopped = PRL_STOP_HOST;
  else
    s->used = s->used - old_size + size;
  return fresh;
}

/* A message for whoever sees it; prl_recipe_eval writes the final one from `stopped`. */
static void halt(lua_State *L) {
  lua_pushliteral(L, "stopped");
  lua_error(L);
}

static void hook(lua_State *L, lua_Debug *ar) {
  prl_sandbox *s = prl_sandbox_of(L);
  if (s->stopped != PRL_GOES_ON) halt(L);
  if (ar->event == LUA_HOOKLINE) {
    int number = 0;
    lua_getinfo(L, "S", ar);
    if (ar->source[0] == '@' && sscanf(ar->source + 1, PRL_RECIPE_CHUNK, &number) == 1) {
      s->file = number;
      s->line = ar->currentline;
      if (s->trace && s->trace_count < PRL_RECIPE_TRACE) s->trace[s->trace_count++] = ar->currentline;
    }
    return;
  }
  s->steps += HOOK_STEPS;
  if (s->steps > s->limits.steps)
    s->stopped = PRL_STOP_STEPS;
  else if (prl_clock_work_ns() > s->deadline_ns)
    s->stopped = PRL_STOP_WORK;
  if (s->stopped == PRL_GOES_ON) return;
  lua_sethook(L, hook, LUA_MASKCOUNT | LUA_MASKLINE, 1);
  halt(L);
}

void prl_sandbox_check(lua_State *L) {
  prl_sandbox *s = prl_sandbox_of(L);
  if (s->stopped == PRL_GOES_ON && prl_clock_work_ns() > s->deadline_ns) s->stopped = PRL_STOP_WORK;
  if (s->stopped == PRL_GOES_ON) return;
  lua_sethook(L, hook, LUA_MASKCOUNT | LUA_MASKLINE, 1);
  halt(L);
}

prl_status prl_sandbox_open(prl_sandbox *s, lua_State **out, prl_error *error) {
  if (!s->limits.steps) s->limits.steps = 5000000;
  if (!s->limits.work_ms) s->limits.work_ms = 600;
  if (!s->limits.memory) s->limits.memory = (size_t)16 << 20;
  s->reserve = prl_alloc(s->runtime, RESERVE);
  if (!s->reserve) return prl_fail_memory(error, RESERVE);
  s->starting = true;
  lua_State *L = lua_newstate(serve, s);
  s->starting = false;
  if (!L) return prl_fail_memory(error, RESERVE);
#ifdef LUAJIT_VERSION
  luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF); /* hooks do not fire in compiled traces */
#endif
  s->deadline_ns = prl_clock_work_ns() + s->limits.work_ms * 1000000;
  lua_sethook(L, hook, LUA_MASKCOUNT | LUA_MASKLINE, HOOK_STEPS);
  *out = L;
  return PRL_OK;
}

void prl_sandbox_deinit(prl_sandbox *s) {
  for (int i = 0; i < s->files_count; i++) {
    prl_free(s->runtime, s->files[i].path);
    prl_free(s->runtime, s->files[i].real);
    prl_free(s->runtime, s->files[i].text);
  }
  prl_free(s->runtime, s->folder);
  prl_free(s->runtime, s->shown);
  prl_free(s->runtime, s->reserve);
}
