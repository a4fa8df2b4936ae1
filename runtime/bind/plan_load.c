/* prl_plan_load: the recipe's door for C. A private lua_State, with memory of the runtime, evaluates, checks
 * and builds the recipe, hands the plan over, and is gone. */
#define _GNU_SOURCE /* memrchr */
#include "bind/bind.h"

#include <stdio.h>
#include <string.h>

#include "agent/plan/plan.h"
#include "core/arguments.h"
#include "recipe/lua_libraries.h"
#include "recipe/lua_memory.h"

typedef struct job {
  prl_runtime *runtime;
  const char *path;
  const prl_plan_options *options;
  prl_plan *plan;
  prl_status status; /* of a recipe that was refused; its sentence is on the stack */
} job;

static void push_options(lua_State *L, const prl_plan_options *options) {
  lua_newtable(L);
  if (!options) return;
  lua_pushboolean(L, options->trust);
  lua_setfield(L, -2, "trust");
  if (options->seed_given) {
    lua_pushnumber(L, (lua_Number)options->seed);
    lua_setfield(L, -2, "seed");
  }
  lua_newtable(L);
  for (int i = 0; i < options->set_count; i++) {
    lua_pushstring(L, options->set[i]);
    lua_rawseti(L, -2, i + 1);
  }
  lua_setfield(L, -2, "set");
}

static prl_status status_of(const char *name) {
  for (int status = PRL_ENOMEM; name && status <= PRL_ESTOPPED; status++)
    if (strcmp(prl_status_name((prl_status)status), name) == 0) return (prl_status)status;
  return PRL_EFORMAT;
}

/* prl.recipe.load, then prl.recipe.plan; the plan is taken out of its userdata. */
static int run(lua_State *L) {
  job *self = lua_touserdata(L, 1);
  prl_lua_open_libraries(L);
  prl_lua_compiler_off(
      L); /* after its library, which turns it on: compiled code does not survive a failed allocation */
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "loaded");
  int loaded = lua_gettop(L);
  prl_open_module(L, self->runtime);
  lua_pushvalue(L, -1);
  lua_setfield(L, loaded, "perilune"); /* what `require "perilune"` gives in here */
  lua_getfield(L, -1, "recipe");
  int recipe = lua_gettop(L);
  lua_getfield(L, recipe, "load");
  lua_pushstring(L, self->path);
  push_options(L, self->options);
  lua_call(L, 2, 3);
  if (lua_isnil(L, -3)) {
    self->status = status_of(lua_tostring(L, -1));
    lua_pop(L, 1);
    return lua_error(L);
  }
  lua_getfield(L, recipe, "plan");
  lua_pushvalue(L, recipe + 1);
  lua_call(L, 1, 1);
  prl_plan **plan = luaL_checkudata(L, -1, "perilune.plan");
  self->plan = *plan;
  *plan = NULL;
  return 0;
}

/* Lua's own sentence, or that of prl_fail_memory: a status does not survive a Lua error, and pcall may stand
 * between. */
static bool out_of_memory(const char *text) {
  prl_error sample;
  prl_fail_memory(&sample, 1);
  size_t length = strcspn(sample.message, "1");
  char prefix[sizeof sample.message];
  memcpy(prefix, sample.message, length);
  prefix[length] = 0;
  return strstr(text, "not enough memory") || strstr(text, prefix);
}

/* The length of a recipe's mistakes, a line each, up to the last that an error holds whole. */
static int whole_lines(const char *text) {
  const size_t room = sizeof((prl_error *)0)->message - 1;
  size_t length = strlen(text);
  while (length > room && length > 0) {
    const char *end = memrchr(text, '\n', length);
    if (!end) return (int)room; /* one sentence, however long */
    length = (size_t)(end - text);
  }
  return (int)length;
}

static prl_status explain(lua_State *L, int failed, const job *self, prl_error *error) {
  if (failed == LUA_ERRMEM) return prl_fail_memory(error, 0);
  const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "the builder raised no message";
  if (self->status) /* it begins with its file and line */
    return prl_fail(error, self->status, "%.*s", whole_lines(text), text);
  if (out_of_memory(text)) return prl_fail(error, PRL_ENOMEM, "%s: %s", self->path, text);
  return prl_fail(error, PRL_EFORMAT, "%s: %s", self->path, text);
}

static prl_status check_options(const prl_plan_options *options, prl_error *error) {
  if (options->seed_given && options->seed > UINT64_C(9007199254740992))
    return prl_fail(error, PRL_EINVAL, "the seed %llu is above 2^53, the greatest that a recipe holds",
                    (unsigned long long)options->seed);
  prl_status status = PRL_WITHIN(error, "options.set_count", options->set_count, 0, 1 << 16);
  if (!status && options->set_count) status = PRL_GIVEN(error, "options.set", options->set);
  for (int i = 0; !status && i < options->set_count; i++)
    status = PRL_GIVEN(error, "options.set[…]", options->set[i]);
  return status;
}

prl_status prl_plan_load(prl_runtime *runtime, const char *path, const prl_plan_options *options,
                         prl_plan **out, prl_error *error) {
  lua_State *L;
  prl_lua_memory memory;
  prl_status status = PRL_GIVEN(error, "runtime path out", runtime, path, out);
  if (!status && options) status = check_options(options, error);
  if (!status) status = prl_lua_memory_open(&memory, runtime, NULL, NULL, &L, error);
  if (!status) {
    job self = {.runtime = runtime, .path = path, .options = options};
    int failed = prl_lua_protect(L, run, &self);
    if (failed)
      status = explain(L, failed, &self, error);
    else
      *out = self.plan;
    prl_lua_memory_close(&memory, L);
  }
  return status;
}
