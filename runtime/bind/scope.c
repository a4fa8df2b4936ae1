/* Scopes: prl.scope(function() … end) is the life of temporaries and the reach of gradients. */
#include "bind/bind.h"

#include "tensor/tensor.h"

/* Turns the results on the stack from `first` on that belong to the scope into owned tensors. */
static prl_status keep_results(lua_State *L, prl_state *state, int first, prl_error *error) {
  for (int i = first; i <= lua_gettop(L); i++) {
    prl_lua_tensor *self = prl_to_lua_tensor(state, L, i);
    if (!self || !self->scope) continue;
    const prl_tensor *value = prl_tape_value(state->tape, self->id);
    prl_tensor *copy = prl_push_tensor(L);
    prl_status status = prl_tensor_new(state->runtime, value->dtype, value->ndim, value->shape, copy, error);
    if (status) return status;
    prl_tensor_copy(copy, value);
    lua_replace(L, i);
  }
  return PRL_OK;
}

static int scope(lua_State *L) { /* fn, arguments … → fn's results */
  prl_error error;
  prl_state *state = prl_state_of(L);
  uint64_t number;
  luaL_checktype(L, 1, LUA_TFUNCTION);
  prl_check(L, prl_tape_begin(state->tape, false, &number, &error), &error);
  int failed = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
  prl_status status = PRL_OK;
  if (!failed) status = keep_results(L, state, 1, &error);
  prl_tape_end(state->tape);
  prl_check(L, status, &error);
  if (failed) return lua_error(L);
  return lua_gettop(L);
}

static int backward(lua_State *L) {
  prl_error error;
  prl_state *state = prl_state_of(L);
  prl_lua_tensor *self = prl_check_lua_tensor(L, 1);
  if (!self->scope)
    return luaL_error(L, "backward: this is no result of the open scope; use prl.scope(function() … end)");
  prl_check(L, prl_tape_backward(state->tape, self->id, &error), &error);
  lua_settop(L, 1);
  return 1;
}

/* A copy of the gradient: of a parameter, or of a value of the open scope; nil where there is none. */
static int gradient(lua_State *L) {
  prl_error error;
  prl_state *state = prl_state_of(L);
  prl_lua_tensor *self = prl_check_lua_tensor(L, 1);
  const prl_tensor *grad = NULL;
  prl_tensor shaped;
  if (self->param) {
    grad = self->param->grad.data ? &self->param->grad : NULL;
  } else if (self->scope && (grad = prl_tape_grad(state->tape, self->id))) {
    shaped = *prl_tape_value(state->tape, self->id);
    shaped.data = grad->data;
    grad = &shaped;
  }
  if (!grad) return 0;
  prl_tensor *copy = prl_push_tensor(L);
  prl_check(L, prl_tensor_new(state->runtime, PRL_F32, grad->ndim, grad->shape, copy, &error), &error);
  prl_tensor_copy(copy, grad);
  return 1;
}

static int tracing(lua_State *L) {
  lua_pushboolean(L, prl_tape_tracing(prl_state_of(L)->tape));
  return 1;
}

static int in_scope(lua_State *L) {
  lua_pushboolean(L, prl_tape_scope(prl_state_of(L)->tape) != 0);
  return 1;
}

void prl_open_scope(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"scope", scope}, {"tracing", tracing}, {"in_scope", in_scope}, {NULL, NULL}};
  static const luaL_Reg methods[] = {{"backward", backward}, {"grad", gradient}, {NULL, NULL}};
  prl_register(L, functions);
  lua_getfield(L, -1, "methods");
  prl_register(L, methods);
  lua_pop(L, 1);
}
