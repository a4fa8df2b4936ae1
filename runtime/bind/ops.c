/* Every op as a function of the module and a method of tensors. Dimensions and positions count from 1 here,
 * or from the end where negative, and ranges are inclusive; ids stored in tensors count from 0. */
#include "bind/bind.h"

#include <math.h>
#include <string.h>

#include "autograd/ops.h"
#include "tensor/tensor.h"

/* ---- Running one op ---- */

void prl_mark_line(lua_State *L, prl_state *state) {
  if (!prl_tape_tracing(state->tape)) return;
  lua_Debug frame;
  for (int level = 1; lua_getstack(L, level, &frame); level++) {
    lua_getinfo(L, "Sl", &frame);
    bool ours = strncmp(frame.source, "@lua/perilune/", 14) == 0;
    bool algorithm = strncmp(frame.source, "@lua/perilune/algorithms/", 25) == 0;
    bool builder = strncmp(frame.source, "@lua/perilune/recipe/", 21) == 0;
    if (builder) { /* whoever asked for the plan is no part of it */
      prl_tape_line(state->tape, 0);
      return;
    }
    if (frame.currentline > 0 && (!ours || algorithm)) {
      prl_tape_line(state->tape, frame.currentline);
      return;
    }
  }
}

static bool is_operand(prl_state *state, lua_State *L, int index) {
  return lua_type(L, index) == LUA_TNUMBER || prl_to_lua_tensor(state, L, index);
}

static void check_operand(prl_state *state, lua_State *L, int index) {
  if (!is_operand(state, L, index))
    luaL_argerror(L, index, lua_pushfstring(L, "tensor or number expected, got %s", luaL_typename(L, index)));
}

static prl_status value_id(prl_state *state, lua_State *L, int index, int32_t *id, prl_error *error) {
  if (lua_type(L, index) == LUA_TNUMBER)
    return prl_tape_number(state->tape, lua_tonumber(L, index), id, error);
  prl_lua_tensor *self = prl_to_lua_tensor(state, L, index);
  if (self->param) return prl_tape_param(state->tape, self->param, id, error);
  if (!self->scope) return prl_tape_constant(state->tape, &self->tensor, id, error);
  *id = self->id;
  return PRL_OK;
}

int32_t prl_check_value(lua_State *L, prl_state *state, int index) {
  prl_error error;
  int32_t id;
  check_operand(state, L, index);
  prl_check(L, value_id(state, L, index, &id, &error), &error);
  return id;
}

static prl_status run_on_tape(prl_state *state, lua_State *L, const prl_op *op, const prl_attrs *attrs,
                              int inputs, const int *at, int32_t *out, prl_error *error) {
  int32_t in[PRL_MAX_INPUTS];
  for (int i = 0; i < inputs; i++) {
    prl_status status = value_id(state, L, at[i], &in[i], error);
    if (status) return status;
  }
  return prl_tape_op(state->tape, op, attrs, inputs, in, out, error);
}

/* Outside of a scope an op runs in one of its own, and its result is copied out of it. */
static prl_status run_alone(prl_state *state, lua_State *L, const prl_op *op, const prl_attrs *attrs,
                            int inputs, const int *at, prl_tensor *result, prl_error *error) {
  uint64_t scope;
  int32_t out;
  prl_status status = prl_tape_begin(state->tape, false, &scope, error);
  if (status) return status;
  status = run_on_tape(state, L, op, attrs, inputs, at, &out, error);
  if (!status) {
    const prl_tensor *value = prl_tape_value(state->tape, out);
    status = prl_tensor_new(state->runtime, value->dtype, value->ndim, value->shape, result, error);
    if (!status) prl_tensor_copy(result, value);
  }
  prl_tape_end(state->tape);
  return status;
}

static int run(lua_State *L, const prl_op *op, const prl_attrs *attrs, int inputs, const int *at) {
  prl_error error;
  prl_state *state = prl_state_of(L);
  for (int i = 0; i < inputs; i++) check_operand(state, L, at[i]);
  if (!prl_tape_scope(state->tape)) {
    prl_tensor *result = prl_push_tensor(L);
    prl_check(L, run_alone(state, L, op, attrs, inputs, at, result, &error), &error);
    return 1;
  }
  int32_t out;
  prl_mark_line(L, state);
  prl_check(L, run_on_tape(state, L, op, attrs, inputs, at, &out, &error), &error);
  prl_push_temp(L, state, out);
  return 1;
}

static const prl_op *op_of(lua_State *L) { return lua_touserdata(L, lua_upvalueindex(2)); }
static const int in_order[PRL_MAX_INPUTS] = {1, 2, 3, 4, 5, 6, 7, 8};

/* ---- Families of arguments ---- */

static void add_int(prl_attrs *attrs, int64_t value) { attrs->ints[attrs->ints_count++] = value; }
static void add_float(prl_attrs *attrs, double value) { attrs->floats[attrs->floats_count++] = value; }

/* A dimension as the ops count it: from 0, or from the end where negative. */
static int64_t dim_argument(lua_State *L, int index, int64_t fallback) {
  if (lua_isnoneornil(L, index)) return fallback;
  int64_t dim = prl_check_int(L, index);
  luaL_argcheck(L, dim != 0, index, "dimensions count from 1");
  return dim > 0 ? dim - 1 : dim;
}

static int call_plain(lua_State *L) { /* tensors alone */
  const prl_op *op = op_of(L);
  prl_attrs attrs = {0};
  int inputs = lua_gettop(L);
  if (strcmp(lua_tostring(L, lua_upvalueindex(3)), "unary") == 0)
    inputs = 1; /* __unm passes its operand twice */
  if (inputs < op->min_inputs || inputs > op->max_inputs)
    return luaL_error(L, "%s takes %d to %d tensors, not %d", op->name, op->min_inputs, op->max_inputs,
                      inputs);
  return run(L, op, &attrs, inputs, in_order);
}

static int call_reduce(lua_State *L) { /* x, dim, keepdim */
  prl_attrs attrs = {0};
  add_int(&attrs, dim_argument(L, 2, PRL_DIM_ALL));
  add_int(&attrs, lua_toboolean(L, 3));
  return run(L, op_of(L), &attrs, 1, in_order);
}

static int call_var(lua_State *L) { /* x, dim, keepdim, unbiased = true */
  prl_attrs attrs = {0};
  add_int(&attrs, dim_argument(L, 2, PRL_DIM_ALL));
  add_int(&attrs, lua_toboolean(L, 3));
  add_int(&attrs, lua_isnoneornil(L, 4) || lua_toboolean(L, 4));
  return run(L, op_of(L), &attrs, 1, in_order);
}

static int call_along(lua_State *L) { /* x, dim = last, keepdim */
  prl_attrs attrs = {0};
  add_int(&attrs, dim_argument(L, 2, -1));
  if (lua_gettop(L) > 2) add_int(&attrs, lua_toboolean(L, 3));
  return run(L, op_of(L), &attrs, 1, in_order);
}

static int call_clamp(lua_State *L) { /* x, low, high: numbers, nil or tensors of one value */
  prl_state *state = prl_state_of(L);
  lua_settop(L, 3);
  prl_attrs attrs = {0};
  if (prl_to_lua_tensor(state, L, 2) || prl_to_lua_tensor(state, L, 3)) {
    for (int i = 2; i <= 3; i++)
      if (lua_isnil(L, i)) {
        lua_pushnumber(L, i == 2 ? -HUGE_VAL : HUGE_VAL);
        lua_replace(L, i);
      }
    return run(L, prl_op_find("clamp_t"), &attrs, 3, in_order);
  }
  add_float(&attrs, luaL_optnumber(L, 2, -HUGE_VAL));
  add_float(&attrs, luaL_optnumber(L, 3, HUGE_VAL));
  return run(L, op_of(L), &attrs, 1, in_order);
}

static int call_masked_fill(lua_State *L) { /* x, mask, value */
  prl_attrs attrs = {0};
  add_float(&attrs, luaL_checknumber(L, 3));
  return run(L, op_of(L), &attrs, 2, in_order);
}

static int64_t activation_argument(lua_State *L, int index) {
  const char *name = luaL_optstring(L, index, "identity");
  for (int i = 0; i < PRL_UNARY_COUNT; i++)
    if (strcmp(prl_unary_name((prl_unary)i), name) == 0) return i;
  return luaL_argerror(L, index,
                       lua_pushfstring(L,
                                       "\"%s\" is no activation; use tanh, relu, gelu, silu, elu, "
                                       "sigmoid, softplus, leaky_relu or identity",
                                       name));
}

static int call_linear(lua_State *L) { /* x, w, b or nil, activation */
  prl_attrs attrs = {0};
  add_int(&attrs, activation_argument(L, 4));
  return run(L, op_of(L), &attrs, lua_isnoneornil(L, 3) ? 2 : 3, in_order);
}

static int call_layer_norm(lua_State *L) { /* x, gamma, beta, epsilon */
  prl_attrs attrs = {0};
  add_float(&attrs, luaL_optnumber(L, 4, 1e-5));
  return run(L, op_of(L), &attrs, 3, in_order);
}

static int call_embedding_bag(lua_State *L) { /* table, indices, offsets, mode */
  static const char *const modes[] = {"sum", "mean", NULL};
  prl_attrs attrs = {0};
  add_int(&attrs, luaL_checkoption(L, 4, "sum", modes));
  return run(L, op_of(L), &attrs, 3, in_order);
}

static int call_join(lua_State *L) { /* {tensors}, dim = 1 */
  luaL_checktype(L, 1, LUA_TTABLE);
  int count = (int)lua_objlen(L, 1), at[PRL_MAX_INPUTS], top = lua_gettop(L);
  luaL_argcheck(L, count >= 1 && count <= PRL_MAX_INPUTS, 1, "1 to 8 tensors are needed");
  prl_attrs attrs = {0};
  add_int(&attrs, dim_argument(L, 2, 0));
  for (int i = 0; i < count; i++) {
    lua_rawgeti(L, 1, i + 1);
    at[i] = top + i + 1;
  }
  return run(L, op_of(L), &attrs, count, at);
}

static int call_slice(lua_State *L) { /* x, dim, first = 1, last = −1, step = 1 */
  prl_attrs attrs = {0};
  int64_t first = lua_isnoneornil(L, 3) ? 1 : prl_check_int(L, 3),
          last = lua_isnoneornil(L, 4) ? -1 : prl_check_int(L, 4);
  luaL_argcheck(L, first >= 1, 3, "positions count from 1");
  luaL_argcheck(L, last >= first || last == -1, 4,
                "the last position must not be before the first; -1 is the end");
  add_int(&attrs, dim_argument(L, 2, 0));
  add_int(&attrs, first - 1);
  add_int(&attrs, last);
  add_int(&attrs, prl_opt_int(L, 5, 1));
  return run(L, op_of(L), &attrs, 1, in_order);
}

static int call_pick(lua_State *L) { /* x, dim, index */
  static const int at[2] = {1, 3};
  prl_attrs attrs = {0};
  add_int(&attrs, dim_argument(L, 2, 0));
  return run(L, op_of(L), &attrs, 2, at);
}

static int call_sizes(lua_State *L) { /* x, sizes … or one table of them */
  prl_attrs attrs = {0};
  bool table = lua_type(L, 2) == LUA_TTABLE;
  int count = table ? (int)lua_objlen(L, 2) : lua_gettop(L) - 1;
  luaL_argcheck(L, count <= PRL_MAX_DIMS, 2, "too many sizes");
  for (int i = 0; i < count; i++) {
    if (table) lua_rawgeti(L, 2, i + 1);
    add_int(&attrs, prl_check_int(L, table ? -1 : i + 2));
    if (table) lua_pop(L, 1);
  }
  return run(L, op_of(L), &attrs, 1, in_order);
}

static int call_broadcast_to(lua_State *L) { /* x, like; or x, sizes … */
  prl_attrs attrs = {0};
  if (prl_to_lua_tensor(prl_state_of(L), L, 2)) return run(L, op_of(L), &attrs, 2, in_order);
  return call_sizes(L);
}

static int call_transpose(lua_State *L) { /* x, dim, dim */
  prl_attrs attrs = {0};
  add_int(&attrs, dim_argument(L, 2, 0));
  add_int(&attrs, dim_argument(L, 3, 1));
  return run(L, op_of(L), &attrs, 1, in_order);
}

static int call_loss(lua_State *L) { /* x, target, reduction = "mean", delta */
  static const char *const reductions[] = {"mean", "none", "sum", NULL};
  prl_attrs attrs = {0};
  add_int(&attrs, luaL_checkoption(L, 3, "mean", reductions));
  if (!lua_isnoneornil(L, 4)) add_float(&attrs, luaL_checknumber(L, 4));
  return run(L, op_of(L), &attrs, 2, in_order);
}

static int call_dropout(lua_State *L) { /* x, draws, p */
  prl_attrs attrs = {0};
  double p = luaL_optnumber(L, 3, .5);
  luaL_argcheck(L, p >= 0 && p < 1, 3, "a share from 0 to less than 1 is needed");
  add_float(&attrs, p);
  return run(L, op_of(L), &attrs, 2, in_order);
}

static int call_typed(lua_State *L) { /* tensors, then a dtype */
  static const char *const names[] = {"float32", "float64", "int32", "int64", NULL};
  const prl_op *op = op_of(L);
  prl_attrs attrs = {0};
  add_int(&attrs, luaL_checkoption(L, op->max_inputs + 1, "float32", names));
  return run(L, op, &attrs, op->max_inputs, in_order);
}

static int call_arg_extreme(lua_State *L) { /* x, dim, keepdim → int32 ids, from 0 */
  prl_attrs attrs = {0};
  add_int(&attrs, dim_argument(L, 2, PRL_DIM_ALL));
  add_int(&attrs, lua_toboolean(L, 3));
  add_int(&attrs, PRL_I32);
  return run(L, op_of(L), &attrs, 1, in_order);
}

/* ---- The families of ops that are not plain ---- */

static const struct {
  const char *op;
  lua_CFunction call;
} families[] = {{"sum", call_reduce},
                {"mean", call_reduce},
                {"min", call_reduce},
                {"max", call_reduce},
                {"var", call_var},
                {"argmax", call_arg_extreme},
                {"argmin", call_arg_extreme},
                {"softmax", call_along},
                {"log_softmax", call_along},
                {"logsumexp", call_along},
                {"cumsum", call_along},
                {"clamp", call_clamp},
                {"masked_fill", call_masked_fill},
                {"linear", call_linear},
                {"layer_norm", call_layer_norm},
                {"embedding_bag", call_embedding_bag},
                {"concat", call_join},
                {"stack", call_join},
                {"slice", call_slice},
                {"gather", call_pick},
                {"index_select", call_pick},
                {"reshape", call_sizes},
                {"broadcast_to", call_broadcast_to},
                {"transpose", call_transpose},
                {"mse", call_loss},
                {"huber", call_loss},
                {"cross_entropy", call_loss},
                {"bce_with_logits", call_loss},
                {"dropout", call_dropout},
                {"cast", call_typed},
                {"categorical_sample", call_typed}};

static lua_CFunction family_of(const char *name) {
  for (size_t i = 0; i < sizeof families / sizeof *families; i++)
    if (strcmp(families[i].op, name) == 0) return families[i].call;
  return call_plain;
}

static void push_op(lua_State *L, const prl_op *op) {
  lua_pushlightuserdata(L, prl_state_get(L));
  lua_pushlightuserdata(L, (void *)op);
  lua_pushstring(L, op->max_inputs == 1 ? "unary" : "");
  lua_pushcclosure(L, family_of(op->name), 3);
}

/* In place: x:add_(y) is x ← x + y, for tensors that no gradient passes through. */
static int call_in_place(lua_State *L) {
  const prl_op *op = op_of(L);
  prl_tensor *self = prl_check_writable(L, 1), result = {0};
  prl_error error;
  prl_state *state = prl_state_of(L);
  prl_attrs attrs = {0};
  check_operand(state, L, 2);
  if (prl_tape_scope(state->tape))
    return luaL_error(L, "%s_: in-place forms are for outside of a scope", op->name);
  prl_tensor *held = prl_push_tensor(L);
  prl_check(L, run_alone(state, L, op, &attrs, 2, in_order, &result, &error), &error);
  *held = result;
  char a[96], b[96];
  if (!prl_tensor_same_shape(self, &result))
    return luaL_error(L, "%s_: a tensor of shape %s cannot become one of shape %s", op->name,
                      prl_shape_text(self, a, 96), prl_shape_text(&result, b, 96));
  prl_tensor_copy(self, &result);
  lua_settop(L, 1);
  return 1;
}

/* x:detach() keeps the values without a gradient: an owned tensor, or in a trace an op like any other. */
static int call_detach(lua_State *L) {
  prl_state *state = prl_state_of(L);
  prl_attrs attrs = {0};
  if (prl_tape_tracing(state->tape)) return run(L, prl_op_find("detach"), &attrs, 1, in_order);
  prl_error error;
  const prl_tensor *self = prl_check_tensor(L, 1);
  prl_tensor *copy = prl_push_tensor(L);
  prl_check(L, prl_tensor_new(state->runtime, self->dtype, self->ndim, self->shape, copy, &error), &error);
  prl_tensor_copy(copy, self);
  return 1;
}

/* prl.draws(x): uniforms in (0, 1) like x, new ones in each scope and in each run of a program. */
static int call_draws(lua_State *L) {
  prl_error error;
  prl_state *state = prl_state_of(L);
  int32_t in[2], out;
  if (!prl_tape_scope(state->tape))
    return luaL_error(L, "draws: dropout and the like need prl.scope or prl.program");
  prl_attrs attrs = {0};
  add_int(&attrs, prl_opt_int(L, 2, 0));
  in[0] = prl_check_value(L, state, 1);
  prl_mark_line(L, state);
  prl_check(L, prl_tape_run_number(state->tape, &in[1], &error), &error);
  prl_check(L, prl_tape_op(state->tape, prl_op_find("uniform_like"), &attrs, 2, in, &out, &error), &error);
  prl_push_temp(L, state, out);
  return 1;
}

static void set_metamethods(lua_State *L, const char *type) {
  static const char *const pairs[][2] = {{"__add", "add"}, {"__sub", "sub"}, {"__mul", "mul"},
                                         {"__div", "div"}, {"__pow", "pow"}, {"__unm", "neg"}};
  luaL_getmetatable(L, type);
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    push_op(L, prl_op_find(pairs[i][1]));
    lua_setfield(L, -2, pairs[i][0]);
  }
  lua_pop(L, 1);
}

void prl_open_ops(lua_State *L) {
  lua_getfield(L, -1, "methods");
  for (int i = 0; i < prl_ops_count; i++) {
    push_op(L, prl_ops[i]);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, prl_ops[i]->name); /* a method */
    lua_setfield(L, -3, prl_ops[i]->name); /* and a function of the module */
  }
  static const char *const in_place[][2] = {
      {"add_", "add"}, {"sub_", "sub"}, {"mul_", "mul"}, {"div_", "div"}};
  for (size_t i = 0; i < sizeof in_place / sizeof *in_place; i++) {
    lua_pushlightuserdata(L, prl_state_get(L));
    lua_pushlightuserdata(L, (void *)prl_op_find(in_place[i][1]));
    lua_pushcclosure(L, call_in_place, 2);
    lua_setfield(L, -2, in_place[i][0]);
  }
  static const luaL_Reg own[] = {{"detach", call_detach}, {NULL, NULL}};
  prl_register(L, own);
  lua_pop(L, 1);
  static const luaL_Reg functions[] = {{"draws", call_draws}, {NULL, NULL}};
  prl_register(L, functions);
  set_metamethods(L, "perilune.tensor");
  set_metamethods(L, "perilune.temporary");
  set_metamethods(L, "perilune.parameter");
}
