/* require "perilune": registers, and nothing else. */
#include "bind/bind.h"

#include <stdlib.h>
#include <string.h>

#include "core/nearest.h"
#include "recipe/embedded.h"
#include "recipe/lua_libraries.h"
#include "recipe/order.h"

static int state_gc(lua_State *L) {
  prl_state *state = lua_touserdata(L, 1);
  prl_tape_free(state->tape);
  prl_runtime_release(state->runtime);
  *state = (prl_state){0};
  return 0;
}

/* PERILUNE_KERNELS names the kernel table of a runtime that is made here, for tests and measurements. */
static void open_state(lua_State *L, prl_runtime *runtime) {
  prl_error error;
  prl_runtime_options options = {.kernels = getenv("PERILUNE_KERNELS")};
  prl_state *state = lua_newuserdata(L, sizeof *state);
  *state = (prl_state){0};
  lua_newtable(L);
  lua_pushcfunction(L, state_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  if (runtime)
    state->runtime = prl_runtime_retain(runtime);
  else
    prl_check(L, prl_runtime_new(&options, &state->runtime, &error), &error);
  prl_check(L, prl_tape_new(state->runtime, &state->tape, &error), &error);
  state->collect_at = 64 << 20;
  prl_state_store(L);
}

static char globals_key; /* its address names the registry entry */

/* Pushes what the library's own Lua files have for globals: those of the state, where pairs and next go in a
 * fixed order. So no loop of theirs draws, adds or writes in an order that differs between two processes, and
 * a host keeps its own pairs. */
static void push_globals(lua_State *L) {
  lua_pushlightuserdata(L, &globals_key);
  lua_rawget(L, LUA_REGISTRYINDEX);
  if (!lua_isnil(L, -1)) return;
  lua_pop(L, 1);
  lua_newtable(L);
  prl_lua_put_order(L, false);
  lua_createtable(L, 0, 2);
  lua_getglobal(L, "_G");
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, "__index");
  lua_setfield(L, -2, "__newindex");
  lua_setmetatable(L, -2);
  lua_pushlightuserdata(L, &globals_key);
  lua_pushvalue(L, -2);
  lua_rawset(L, LUA_REGISTRYINDEX);
}

/* PERILUNE_LUA names a folder whose files replace the embedded ones, for development. */
static int load_module(lua_State *L, const prl_embedded *file) {
  const char *folder = getenv("PERILUNE_LUA");
  int failed;
  if (folder && file->file[0] != '/') {
    failed = luaL_loadfile(L, lua_pushfstring(L, "%s/%s", folder, file->file));
    lua_remove(L, -2);
  } else {
    failed = prl_embedded_load(L, file);
  }
  if (failed) return failed;
  push_globals(L);
  prl_lua_set_globals(L);
  return 0;
}

static int search_embedded(lua_State *L) {
  const char *module = luaL_checkstring(L, 1);
  const prl_embedded *file = prl_embedded_find(module);
  if (!file) {
    lua_pushfstring(L, "\n\tno module '%s' in perilune", module);
    return 1;
  }
  if (load_module(L, file) != 0) return lua_error(L);
  return 1;
}

static void add_searcher(lua_State *L) {
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "searchers");
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_getfield(L, -1, "loaders");
  }
  /* After preload and before the file system: the library and its Lua files are of one build. */
  for (int i = (int)lua_objlen(L, -1); i >= 2; i--) {
    lua_rawgeti(L, -1, i);
    lua_rawseti(L, -2, i + 1);
  }
  lua_pushcfunction(L, search_embedded);
  lua_rawseti(L, -2, 2);
  lua_pop(L, 2);
}

static int
runtime_memory(lua_State *L) { /* a budget in bytes from now on (0: the machine's memory), or nothing */
  prl_error error;
  prl_runtime *runtime = prl_state_of(L)->runtime;
  if (!lua_isnoneornil(L, 1)) prl_check(L, prl_runtime_budget(runtime, prl_check_int(L, 1), &error), &error);
  prl_memory memory = prl_runtime_memory(runtime);
  lua_newtable(L);
  lua_pushnumber(L, (lua_Number)memory.live_bytes);
  lua_setfield(L, -2, "live_bytes");
  lua_pushnumber(L, (lua_Number)memory.peak_bytes);
  lua_setfield(L, -2, "peak_bytes");
  lua_pushnumber(L, (lua_Number)memory.allocations);
  lua_setfield(L, -2, "allocations");
  lua_pushnumber(L, (lua_Number)memory.budget_bytes);
  lua_setfield(L, -2, "budget_bytes");
  return 1;
}

static int runtime_kernels(lua_State *L) {
  lua_pushstring(L, prl_runtime_kernels(prl_state_of(L)->runtime));
  return 1;
}

/* word, {names} → the name that is closest, or nil */
static int nearest(lua_State *L) {
  const char *word = luaL_checkstring(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  prl_nearest search = prl_nearest_begin(word);
  int count = (int)lua_objlen(L, 2);
  for (int i = 1; i <= count; i++) {
    lua_rawgeti(L, 2, i); /* the table keeps the text that the search borrows */
    if (lua_type(L, -1) == LUA_TSTRING) prl_nearest_offer(&search, lua_tostring(L, -1));
    lua_pop(L, 1);
  }
  lua_pushstring(L, search.best); /* NULL pushes nil */
  return 1;
}

static const luaL_Reg functions[] = {
    {"nearest", nearest}, {"memory", runtime_memory}, {"kernels", runtime_kernels}, {NULL, NULL}};

static void (*const openers[])(lua_State *) = {
    prl_open_keys,    prl_open_tensor, prl_open_tensor_new, prl_open_ops,      prl_open_scope,
    prl_open_program, prl_open_optim,  prl_open_nn,         prl_open_env_spec, prl_open_recipe,
    prl_open_io,      prl_open_ranker, prl_open_env,        prl_open_plan,     prl_open_agent,
    prl_open_panel,   prl_open_search, prl_open_confidence};

/* The same for a host that has a runtime already (bind/plan_load.c); runtime NULL makes a new one. */
int prl_open_module(lua_State *L, prl_runtime *runtime) {
  if (!prl_state_get(L)) {
    open_state(L, runtime);
    add_searcher(L);
  }
  lua_newtable(L);
  prl_register(L, functions);
  for (size_t i = 0; i < sizeof openers / sizeof *openers; i++) openers[i](L);
  lua_pushstring(L, PRL_VERSION);
  lua_setfield(L, -2, "version");
  const prl_embedded *file = prl_embedded_find("perilune");
  if (!file) return luaL_error(L, "perilune was built without its Lua files");
  if (load_module(L, file) != 0) return lua_error(L);
  lua_pushvalue(L, -2);
  lua_call(L, 1, 1); /* lua/perilune/init.lua takes the C functions and returns the module */
  return 1;
}

int luaopen_perilune(lua_State *L) { return prl_open_module(L, NULL); }
