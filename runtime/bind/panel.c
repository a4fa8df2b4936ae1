/* prl.panel: what each user gave on each simulated day, under one policy. */
#include "bind/bind.h"

#include <stdio.h>
#include <string.h>

#include "bind/env_source.h"
#include "core/nearest.h"
#include "env/types.h"
#include "tensor/tensor.h"

/* constant = {…}: one number for each dimension of the action. */
static const float *option_constant(lua_State *L, const prl_env_spec *spec) {
  lua_getfield(L, 3, "constant");
  if (lua_isnil(L, -1)) return NULL;
  luaL_checktype(L, -1, LUA_TTABLE);
  prl_check_list(L, lua_gettop(L), "constant");
  if ((int32_t)lua_objlen(L, -1) != spec->actions)
    luaL_error(L, "constant: %d numbers are needed, one for each dimension of the action",
               (int)spec->actions);
  int list = lua_gettop(L);
  float *values = lua_newuserdata(L, (size_t)spec->actions * sizeof *values);
  for (int i = 0; i < spec->actions; i++) {
    lua_rawgeti(L, list, i + 1);
    char name[40];
    snprintf(name, sizeof name, "constant: item %d", i + 1);
    values[i] = (float)prl_need_number(L, -1, name);
    lua_pop(L, 1);
  }
  return values;
}

static int observation_place(lua_State *L, const char *name, const char *env, const prl_env_spec *spec) {
  prl_nearest nearest = prl_nearest_begin(name);
  for (int i = 0; i < spec->observations; i++) {
    if (strcmp(spec->observation[i].name, name) == 0) return i;
    prl_nearest_offer(&nearest, spec->observation[i].name);
  }
  return luaL_error(L, "observed: environment \"%s\" has no observation \"%s\"%s", env, name,
                    prl_nearest_hint(&nearest));
}

/* observed = {…}: names of observations. */
static void option_observed(lua_State *L, prl_panel_options *o, const prl_env_spec *spec) {
  lua_getfield(L, 3, "observed");
  if (lua_isnil(L, -1)) return;
  luaL_checktype(L, -1, LUA_TTABLE);
  int list = lua_gettop(L);
  prl_check_list(L, list, "observed");
  o->observed_count = (int32_t)lua_objlen(L, list);
  int32_t *places = lua_newuserdata(L, ((size_t)o->observed_count + 1) * sizeof *places);
  for (int i = 0; i < o->observed_count; i++) {
    lua_rawgeti(L, list, i + 1);
    places[i] = observation_place(L, luaL_checkstring(L, -1), o->type->name, spec);
    lua_pop(L, 1);
  }
  o->observed = places;
}

static double *push_sums(lua_State *L, const prl_panel_options *o, const prl_env_spec *spec) {
  prl_error error;
  int64_t shape[3] = {o->users, o->days, prl_panel_width(spec, o->observed_count)};
  prl_tensor *sums = prl_push_tensor(L);
  prl_check(L, prl_tensor_new(prl_state_get(L)->runtime, PRL_F64, 3, shape, sums, &error), &error);
  return sums->data;
}

/* environment (bind/env_source.h), its options, {users, days = 1, seed = 0, stream = 0 (key of the first
 * user), agent = file or constant = {…}, action = "mean" or "sample", observed = names of observations,
 * threads = 1, watch = function(done, total)} → sums (users, days, 2 × responses + 2 + actions + observed)
 * float64 (perilune/agent.h); or nil, message, code */
static int panel(lua_State *L) {
  prl_error error;
  prl_env_spec spec = {0};
  static const char *const names[] = {"users",    "days",   "seed",     "stream", "threads", "agent",
                                      "constant", "action", "observed", "watch",  NULL};
  prl_runtime *own = prl_state_get(L)->runtime;
  prl_runtime_options runtime = {.kernels = prl_runtime_kernels(own),
                                 .budget_bytes = prl_runtime_memory(own).budget_bytes};
  lua_settop(L, 3);
  luaL_checktype(L, 3, LUA_TTABLE);
  prl_check_keys(L, 3, "prl.panel", names);
  prl_panel_options o = {.runtime = &runtime};
  o.users = prl_option_int(L, 3, "users", 1, 1, 1 << 24);
  o.days = (int32_t)prl_option_int(L, 3, "days", 1, 1, 10000);
  o.seed = (uint64_t)prl_option_int(L, 3, "seed", 0, 0, INT64_C(1) << 53);
  o.first_stream = (uint64_t)prl_option_int(L, 3, "stream", 0, 0, INT64_C(1) << 53);
  o.threads = (int)prl_option_int(L, 3, "threads", 1, 1, INT32_MAX);
  static const char *const modes[] = {"sample", "mean", NULL};
  lua_getfield(L, 3, "action");
  o.mode = (prl_mode)prl_check_word(L, lua_gettop(L), "action", PRL_MEAN, modes);
  o.agent = prl_option_text(L, 3, "agent");
  if (prl_push_env_source(L, 1, 2, &o.type, &error)) return prl_push_failure(L, &error);
  o.env_options = prl_push_env_options(L, 2, o.type, NULL, 0);
  if (prl_env_make_spec(o.type, o.env_options, &spec, &error)) return prl_push_failure(L, &error);
  o.constant = option_constant(L, &spec);
  option_observed(L, &o, &spec);
  prl_lua_watch watch;
  lua_getfield(L, 3, "watch");
  o.watch = prl_check_watch(L, lua_gettop(L), &watch);
  double *sums = push_sums(L, &o, &spec);
  prl_status status = prl_panel_run(&o, sums, &error);
  if (watch.raised) return lua_error(L);
  return status ? prl_push_failure(L, &error) : 1;
}

void prl_open_panel(lua_State *L) {
  static const luaL_Reg functions[] = {{"panel", panel}, {NULL, NULL}};
  prl_register(L, functions);
}
