/* Parameters, their sets and initialisers; layers themselves are Lua (lua/perilune/nn.lua). */
#include "bind/bind.h"

#include "nn/init.h"
#include "tensor/tensor.h"

static int new_parameter(lua_State *L) { /* tensor, name, row_sparse */
  prl_error error;
  prl_state *state = prl_state_of(L);
  const prl_tensor *value = prl_check_tensor(L, 1);
  const char *name = luaL_optstring(L, 2, "parameter");
  bool row_sparse = prl_check_flag(L, 3, "row_sparse", false);
  prl_param **param = prl_push_param(L);
  prl_check(L, prl_param_new(state->runtime, name, value, row_sparse, param, &error), &error);
  return 1;
}

static prl_param *check_param(lua_State *L, int index) {
  prl_lua_tensor *self = prl_check_lua_tensor(L, index);
  if (!self->param) luaL_argerror(L, index, "a parameter is needed, not a plain tensor");
  return self->param;
}

static int parameter_name(lua_State *L) {
  lua_pushstring(L, check_param(L, 1)->name);
  return 1;
}

static int is_parameter(lua_State *L) {
  prl_lua_tensor *self = prl_to_lua_tensor(prl_state_of(L), L, 1);
  lua_pushboolean(L, self && self->param);
  return 1;
}

/* ---- Sets ---- */

static int set_gc(lua_State *L) {
  prl_params **self = lua_touserdata(L, 1);
  prl_params_release(*self);
  *self = NULL;
  return 0;
}

static int new_set(lua_State *L) { /* name, {parameters}, {their names in the set} or nil */
  prl_error error;
  prl_state *state = prl_state_of(L);
  const char *name = luaL_checkstring(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  prl_check_list(L, 2, "prl.params");
  if (lua_istable(L, 3)) prl_check_list(L, 3, "prl.params");
  int count = (int)lua_objlen(L, 2);
  prl_param **items = lua_newuserdata(L, ((size_t)count + 1) * sizeof *items);
  for (int i = 0; i < count; i++) {
    lua_rawgeti(L, 2, i + 1);
    items[i] = check_param(L, -1);
    lua_pop(L, 1);
    if (!lua_istable(L, 3)) continue;
    lua_rawgeti(L, 3, i + 1);
    prl_check(L, prl_param_rename(items[i], luaL_checkstring(L, -1), &error), &error);
    lua_pop(L, 1);
  }
  prl_params **self = lua_newuserdata(L, sizeof *self);
  *self = NULL;
  luaL_getmetatable(L, "perilune.params");
  lua_setmetatable(L, -2);
  prl_check(L, prl_params_new(state->runtime, name, items, count, self, &error), &error);
  return 1;
}

static int set_size(lua_State *L) {
  prl_params **self = luaL_checkudata(L, 1, "perilune.params");
  lua_pushnumber(L, (lua_Number)(*self)->size);
  return 1;
}

static int set_name(lua_State *L) {
  prl_params **self = luaL_checkudata(L, 1, "perilune.params");
  lua_pushstring(L, (*self)->name);
  return 1;
}

/* ---- Initialisers ---- */

static int init_fill(lua_State *L) { /* tensor, kind, gain, site: draws are keyed by prl.seed and the site */
  static const char *const kinds[] = {"orthogonal",     "xavier_uniform", "xavier_normal", "kaiming_uniform",
                                      "kaiming_normal", "uniform",        "normal",        NULL};
  prl_error error;
  prl_state *state = prl_state_of(L);
  prl_tensor *tensor = prl_check_writable(L, 1);
  int kind = prl_check_word(L, 2, "init", -1, kinds);
  double gain = prl_opt_number(L, 3, 1);
  uint64_t stream = lua_isnoneornil(L, 4) ? state->draws++ : (uint64_t)prl_check_int(L, 4);
  prl_rng rng = prl_rng_make(state->seed, stream, PRL_SITE_INIT);
  if (state->rough_weights && kind == PRL_INIT_ORTHOGONAL) kind = PRL_INIT_KAIMING_NORMAL;
  prl_check(L, prl_init_fill(state->runtime, (prl_init_kind)kind, gain, rng, tensor, &error), &error);
  lua_settop(L, 1);
  return 1;
}

/* fn, … → what fn(…) gives, where orthogonal weights start as normals of that size: for who looks at a plan
 * and not at its weights, and need not wait for LAPACK to be loaded. */
static int rough_weights(lua_State *L) {
  prl_state *state = prl_state_of(L);
  luaL_checktype(L, 1, LUA_TFUNCTION);
  bool outer = state->rough_weights;
  state->rough_weights = true;
  int failed = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
  state->rough_weights = outer;
  return failed ? lua_error(L) : lua_gettop(L);
}

void prl_open_nn(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"parameter", new_parameter}, {"is_parameter", is_parameter},   {"params", new_set},
      {"init_fill", init_fill},     {"rough_weights", rough_weights}, {NULL, NULL}};
  static const luaL_Reg methods[] = {{"name", parameter_name}, {NULL, NULL}};
  static const luaL_Reg set_methods[] = {
      {"size", set_size}, {"name", set_name}, {"__gc", set_gc}, {NULL, NULL}};
  prl_register(L, functions);
  lua_getfield(L, -1, "methods");
  prl_register(L, methods);
  lua_pop(L, 1);
  prl_new_type(L, "perilune.params", set_methods);
  lua_pop(L, 1);
}
