/* Optimizers over a set of parameters. lua/perilune/optim.lua gathers a module's parameters and adds
 * schedules. */
#include "bind/bind.h"

#include <math.h>

#include "optim/optim.h"
#include "tensor/tensor.h"

typedef struct lua_optim {
  prl_optim *optim;
} lua_optim;

prl_optim *prl_check_optim(lua_State *L, int index) {
  return ((lua_optim *)luaL_checkudata(L, index, "perilune.optimizer"))->optim;
}

static int optim_gc(lua_State *L) {
  lua_optim *self = lua_touserdata(L, 1);
  prl_optim_free(self->optim);
  self->optim = NULL;
  return 0;
}

static void read_options(lua_State *L, int index, prl_optim_options *o) {
  static const char *const names[] = {"lr",      "momentum", "nesterov", "alpha",     "beta1", "beta2",
                                      "epsilon", "decay",    "max_norm", "max_value", NULL};
  prl_check_keys(L, index, "new_optim", names);
  o->lr = (float)prl_option_number(L, index, "lr", o->lr);
  o->momentum = (float)prl_option_number(L, index, "momentum", o->momentum);
  o->nesterov = prl_option_bool(L, index, "nesterov", o->nesterov);
  o->alpha = (float)prl_option_number(L, index, "alpha", o->alpha);
  o->beta1 = (float)prl_option_number(L, index, "beta1", o->beta1);
  o->beta2 = (float)prl_option_number(L, index, "beta2", o->beta2);
  o->epsilon = (float)prl_option_number(L, index, "epsilon", o->epsilon);
  o->decay = (float)prl_option_number(L, index, "decay", o->decay);
  o->max_norm = (float)prl_option_number(L, index, "max_norm", o->max_norm);
  o->max_value = (float)prl_option_number(L, index, "max_value", o->max_value);
}

static int new_optim(lua_State *L) { /* kind, set, options */
  prl_error error;
  prl_optim_kind kind;
  prl_check(L, prl_optim_kind_find(luaL_checkstring(L, 1), &kind, &error), &error);
  prl_params **set = luaL_checkudata(L, 2, "perilune.params");
  prl_optim_options options = prl_optim_defaults(kind);
  read_options(L, 3, &options);
  lua_optim *self = lua_newuserdata(L, sizeof *self);
  self->optim = NULL;
  luaL_getmetatable(L, "perilune.optimizer");
  lua_setmetatable(L, -2);
  prl_check(L, prl_optim_new(*set, &options, &self->optim, &error), &error);
  return 1;
}

/* What a program that is being traced uses must live as long as it: program.c collects the table. */
static void remember(lua_State *L, int index) {
  lua_getfield(L, LUA_REGISTRYINDEX, "perilune.traced");
  if (lua_istable(L, -1)) {
    lua_pushvalue(L, index);
    lua_rawseti(L, -2, (int)lua_objlen(L, -2) + 1);
  }
  lua_pop(L, 1);
}

static int step(lua_State *L) { /* self, lr or nil, max_norm or nil: numbers, or scalars of the scope */
  prl_error error;
  prl_state *state = prl_state_of(L);
  prl_optim *optim = prl_check_optim(L, 1);
  if (!prl_tape_scope(state->tape)) {
    prl_optim_step(optim, (float)prl_opt_number(L, 2, NAN), (float)prl_opt_number(L, 3, NAN));
    return 0;
  }
  int32_t lr = lua_isnoneornil(L, 2) ? -1 : prl_check_value(L, state, 2);
  int32_t norm = lua_isnoneornil(L, 3) ? -1 : prl_check_value(L, state, 3);
  remember(L, 1);
  prl_check(L, prl_tape_step(state->tape, optim, lr, norm, &error), &error);
  return 0;
}

static int copy(lua_State *L) { /* prl.copy_params(to, from, tau) */
  prl_error error;
  prl_state *state = prl_state_of(L);
  prl_params **to = luaL_checkudata(L, 1, "perilune.params"),
             **from = luaL_checkudata(L, 2, "perilune.params");
  if (!prl_tape_scope(state->tape)) {
    if ((*to)->size != (*from)->size) return luaL_error(L, "copy_params: the two sets differ in size");
    prl_params_blend(*to, *from, (float)prl_opt_number(L, 3, 1));
    return 0;
  }
  int32_t tau = lua_isnoneornil(L, 3) ? -1 : prl_check_value(L, state, 3);
  remember(L, 1);
  remember(L, 2);
  prl_check(L, prl_tape_copy(state->tape, *to, *from, tau, &error), &error);
  return 0;
}

static int last_norm(lua_State *L) {
  lua_pushnumber(L, prl_check_optim(L, 1)->last_norm);
  return 1;
}

static int steps(lua_State *L) {
  lua_pushnumber(L, (lua_Number)prl_check_optim(L, 1)->steps);
  return 1;
}

static int set_steps(lua_State *L) {
  int64_t made = prl_check_int(L, 2);
  luaL_argcheck(L, made >= 0, 2, "a number of steps ≥ 0 is needed");
  prl_check_optim(L, 1)->steps = made;
  return 0;
}

static int set_lr(lua_State *L) {
  prl_check_optim(L, 1)->options.lr = (float)prl_check_number(L, 2);
  return 0;
}

/* self, 1 or 2, the place of a parameter in the set, from 1: a view of its moments; false: the kind has none.
 */
static bool check_moment(lua_State *L, prl_tensor *out) {
  const prl_optim *optim = prl_check_optim(L, 1);
  int64_t place = prl_check_int(L, 3);
  luaL_argcheck(L, place >= 1 && place <= optim->params->count, 3, "the set has no parameter of that place");
  const prl_tensor *value = &optim->params->items[place - 1]->value;
  float *slab = prl_check_int(L, 2) == 1 ? optim->moment1 : optim->moment2;
  if (!slab) return false;
  float *data = slab + ((const float *)value->data - optim->params->value);
  prl_tensor_borrow(data, PRL_F32, value->ndim, value->shape, out);
  return true;
}

static int moment(lua_State *L) { /* → a copy, or nil */
  prl_tensor view;
  if (!check_moment(L, &view)) return 0;
  prl_tensor_copy(prl_push_new(L, PRL_F32, view.ndim, view.shape), &view);
  return 1;
}

static int set_moment(lua_State *L) { /* …, values of the parameter's shape */
  prl_tensor view;
  const prl_tensor *value = prl_check_tensor(L, 4);
  if (!check_moment(L, &view)) return 0;
  luaL_argcheck(L, prl_tensor_same_shape(&view, value), 4, "a tensor of the parameter's shape is needed");
  prl_tensor_copy(&view, value);
  return 0;
}

void prl_open_optim(lua_State *L) {
  static const luaL_Reg functions[] = {{"new_optim", new_optim}, {"copy_params", copy}, {NULL, NULL}};
  static const luaL_Reg methods[] = {
      {"step", step},           {"last_norm", last_norm}, {"steps", steps},
      {"set_steps", set_steps}, {"moment", moment},       {"set_moment", set_moment},
      {"set_lr", set_lr},       {"__gc", optim_gc},       {NULL, NULL}};
  prl_register(L, functions);
  prl_new_type(L, "perilune.optimizer", methods);
  lua_pop(L, 1);
}
