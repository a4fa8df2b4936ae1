/* The sandbox's lua_State, and its limits of time and memory. */
#include "recipe/state.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"

#define HOOK_STEPS 100

prl_sandbox *prl_sandbox_of(lua_State *L) {
  void *context;
  lua_getallocf(L, &context);
  return context;
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

static void hook(lua_State *L, lua_Debug *ar);

/* LuaJIT could not bear that this allocation fails: the recipe ends at its next instruction. */
static void end_soon(prl_sandbox *s) {
  if (s->memory.L) lua_sethook(s->memory.L, hook, LUA_MASKCOUNT, 1);
}

/* A block beyond the caps. No instruction asks for more than the volume: it joins at most 250 texts, each of
 * which is a block at most. */
static bool must_exceed(prl_sandbox *s, size_t size) {
  if (prl_lua_memory_may_fail(&s->memory) || (int64_t)size > PRL_RECIPE_VOLUME) return false;
  end_soon(s);
  return true;
}

static void *serve(void *context, void *block, size_t old_size, size_t size) {
  prl_sandbox *s = context;
  if (!block) old_size = 0; /* Lua 5.2 and later pass the kind of object instead */
  if (size > 0 && !within_caps(s, old_size, size) && !must_exceed(s, size)) return NULL;
  void *fresh = prl_lua_memory_serve(&s->memory, block, old_size, size);
  if (size > 0 && (!fresh || s->memory.refused)) {
    s->stopped = PRL_STOP_HOST;
    if (fresh) end_soon(s);
  }
  if (size == 0 || fresh) s->used = s->used - old_size + size;
  return fresh;
}

/* A message for whoever sees it; prl_recipe_eval writes the final one from `stopped`. */
static void halt(lua_State *L) {
  lua_pushliteral(L, "stopped");
  lua_error(L);
}

/* By hand: the hook asks at every line, where sscanf would be most of the time. */
int prl_sandbox_file_number(const char *source) {
  size_t prefix = strlen(PRL_RECIPE_CHUNK) - 2; /* without its %d */
  return source[0] == '@' && strncmp(source + 1, PRL_RECIPE_CHUNK, prefix) == 0 ? atoi(source + 1 + prefix)
                                                                                : 0;
}

/* Where the recipe stands, if it is the recipe that runs. */
static void note_line(lua_State *L, prl_sandbox *s, lua_Debug *ar) {
  lua_getinfo(L, "Sl", ar);
  int number = prl_sandbox_file_number(ar->source);
  if (!number) return;
  s->file = number;
  s->line = ar->currentline;
  if (s->trace && s->trace_count < PRL_RECIPE_TRACE) s->trace[s->trace_count++] = ar->currentline;
}

static void hook(lua_State *L, lua_Debug *ar) {
  prl_sandbox *s = prl_sandbox_of(L);
  if (s->stopped != PRL_GOES_ON) halt(L);
  if (ar->event == LUA_HOOKLINE || !s->followed) note_line(L, s, ar);
  if (ar->event == LUA_HOOKLINE) return;
  s->steps += HOOK_STEPS;
  if (s->steps > s->limits.steps)
    s->stopped = PRL_STOP_STEPS;
  else if (prl_clock_work_ns() > s->deadline_ns)
    s->stopped = PRL_STOP_WORK;
  if (s->stopped == PRL_GOES_ON) return;
  lua_sethook(L, hook, LUA_MASKCOUNT | LUA_MASKLINE, 1);
  halt(L);
}

bool prl_sandbox_spent(lua_State *L) {
  prl_sandbox *s = prl_sandbox_of(L);
  if (s->stopped == PRL_GOES_ON && prl_clock_work_ns() > s->deadline_ns) s->stopped = PRL_STOP_WORK;
  return s->stopped != PRL_GOES_ON;
}

void prl_sandbox_check(lua_State *L) {
  if (!prl_sandbox_spent(L)) return;
  lua_sethook(L, hook, LUA_MASKCOUNT | LUA_MASKLINE, 1);
  halt(L);
}

prl_status prl_sandbox_open(prl_sandbox *s, lua_State **out, prl_error *error) {
  if (!s->limits.steps) s->limits.steps = 5000000;
  if (!s->limits.work_ms) s->limits.work_ms = 300;
  if (!s->limits.memory) s->limits.memory = (size_t)16 << 20;
  lua_State *L = NULL;
  prl_status status = prl_lua_memory_open(&s->memory, s->runtime, serve, s, &L, error);
  if (status) return status;
  prl_lua_compiler_off(L);
  s->deadline_ns = prl_clock_work_ns() + s->limits.work_ms * 1000000;
  *out = L;
  return PRL_OK;
}

void prl_sandbox_watch(lua_State *L, bool follow) {
  prl_sandbox *s = prl_sandbox_of(L);
  s->followed = follow;
  if (s->stopped == PRL_GOES_ON)
    lua_sethook(L, hook, LUA_MASKCOUNT | (follow ? LUA_MASKLINE : 0), HOOK_STEPS);
}

void prl_sandbox_close(prl_sandbox *s) {
  for (int i = 0; i < s->files_count; i++) {
    prl_free(s->runtime, s->files[i].path);
    prl_free(s->runtime, s->files[i].real);
    prl_free(s->runtime, s->files[i].text);
  }
  prl_free(s->runtime, s->folder);
  prl_free(s->runtime, s->shown);
}
