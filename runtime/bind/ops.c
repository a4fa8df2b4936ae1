/* Every op as a function of the module and a method of tensors. Dimensions and positions count from 1 here,
 * or from the end where negative, and ranges are inclusive; ids stored in tensors count from 0. */
#include "bind/bind.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/ops.h"
#include "core/number.h"
#include "tensor/tensor.h"

/* ---- Running one op ---- */

void prl_mark_line(lua_State *L, prl_state *state) {
  if (!prl_tape_tracing(state->tape)) return;
  lua_Debug frame;
  for (int level = 1; lua_getstack(L, level, &frame); level++) {
    lua_getinfo(L, "Sl", &frame);
    const char *ours = prl_own_file(frame.source);
    bool algorithm = ours && strncmp(ours, "algorithms/", 11) == 0;
    bool builder = ours && strncmp(ours, "recipe/", 7) == 0;
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

/* Outside a scope an op runs in a scope of its own, and its result is copied out of it. */
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

/* ---- What an op is called with (autograd/ops.h) ---- */

enum { MOST_ARGUMENTS = 6, LONGEST = 15 };

typedef enum kind { TENSOR, DIM, FLAG, WORD, NUMBER, POSITION, ACTIVATION, OTHER } kind;

typedef struct argument {
  char name[LONGEST + 1];
  kind kind;
  bool optional;
  double fallback;          /* a word's place among the words */
  const char *const *words; /* of WORD; NULL ends them */
} argument;

typedef struct lua_op {
  const prl_op *op;
  const char *text; /* of its arguments, in the list of ops */
  int count;
  argument arguments[MOST_ARGUMENTS];
} lua_op;

static const char *const dtypes[] = {"float32", "float64", "int32", "int64", NULL};
static const char *const reductions[] = {"mean", "none", "sum", NULL};
static const char *const modes[] = {"sum", "mean", NULL};

/* What is not here is a tensor. */
static const struct {
  const char *name;
  kind kind;
  const char *const *words;
} known[] = {{"dim", DIM, NULL},        {"other", DIM, NULL},
             {"keepdim", FLAG, NULL},   {"unbiased", FLAG, NULL},
             {"dtype", WORD, dtypes},   {"reduction", WORD, reductions},
             {"mode", WORD, modes},     {"activation", ACTIVATION, NULL},
             {"value", NUMBER, NULL},   {"epsilon", NUMBER, NULL},
             {"delta", NUMBER, NULL},   {"p", NUMBER, NULL},
             {"low", NUMBER, NULL},     {"high", NUMBER, NULL},
             {"first", POSITION, NULL}, {"last", POSITION, NULL},
             {"step", POSITION, NULL},  {"tensors", OTHER, NULL},
             {"sizes…", OTHER, NULL}};

static double default_of(const argument *one, const char *text) {
  if (one->kind == DIM)
    return strncmp(text, "all", 3) == 0 ? PRL_DIM_ALL : prl_number_scan(text, NULL) - (text[0] != '-');
  if (one->kind == FLAG) return strncmp(text, "true", 4) == 0;
  if (one->kind != WORD) return prl_number_scan(text, NULL);
  int place = 0;
  while (strncmp(text + 1, one->words[place], strlen(one->words[place])) != 0) place++;
  return place;
}

/* One argument, as in `dim = all`, from `text` on. */
static void read_argument(argument *out, const char *text, size_t length) {
  size_t name = strcspn(text, " ,=");
  *out = (argument){.kind = TENSOR};
  snprintf(out->name, sizeof out->name, "%.*s", (int)name, text);
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strcmp(known[i].name, out->name) == 0) out->kind = known[i].kind, out->words = known[i].words;
  const char *equals = memchr(text, '=', length);
  out->optional = equals != NULL;
  if (equals && out->kind != TENSOR && out->kind != ACTIVATION) out->fallback = default_of(out, equals + 2);
}

static void read_arguments(lua_op *self) {
  for (const char *text = self->text; *text; self->count++) {
    size_t length = strcspn(text, ",");
    read_argument(&self->arguments[self->count], text, length);
    text += length + (text[length] == ',' ? 2 : 0);
  }
}

static const lua_op *self_of(lua_State *L) { return lua_touserdata(L, lua_upvalueindex(2)); }
static const prl_op *op_of(lua_State *L) { return self_of(L)->op; }
static const int in_order[PRL_MAX_INPUTS] = {1, 2, 3, 4, 5, 6, 7, 8};

static void add_int(prl_attrs *attrs, int64_t value) { attrs->ints[attrs->ints_count++] = value; }
static void add_float(prl_attrs *attrs, double value) { attrs->floats[attrs->floats_count++] = value; }

/* A dimension as the ops count it: from 0, or from the end where negative. The fallback is one of theirs. */
static int64_t dim_argument(lua_State *L, int index, int64_t fallback) {
  if (lua_isnoneornil(L, index)) return fallback;
  int64_t dim = prl_check_int(L, index);
  luaL_argcheck(L, dim != 0, index, "dimensions count from 1");
  luaL_argcheck(L, dim <= PRL_MAX_DIMS, index, "a tensor has no such dimension");
  return dim > 0 ? dim - 1 : dim;
}

static int64_t activation_argument(lua_State *L, int index) {
  const char *names[PRL_UNARY_COUNT + 1];
  if (lua_isnoneornil(L, index)) return PRL_IDENTITY;
  const char *name = lua_type(L, index) == LUA_TSTRING ? lua_tostring(L, index) : "";
  for (int i = 0; i < PRL_UNARY_COUNT; i++) {
    names[i] = prl_unary_name((prl_unary)i);
    if (strcmp(names[i], name) == 0) return i;
  }
  names[PRL_UNARY_COUNT] = NULL;
  return prl_check_word(L, index, "activation", -1, names); /* which refuses it */
}

static void add_attribute(lua_State *L, int index, const argument *one, prl_attrs *attrs) {
  switch (one->kind) {
  case DIM:
    add_int(attrs, dim_argument(L, index, (int64_t)one->fallback));
    return;
  case FLAG:
    add_int(attrs, prl_check_flag(L, index, one->name, one->fallback != 0));
    return;
  case WORD:
    add_int(attrs, prl_check_word(L, index, one->name, (int)one->fallback, one->words));
    return;
  case ACTIVATION:
    add_int(attrs, activation_argument(L, index));
    return;
  default:
    add_float(attrs, one->optional ? prl_opt_number(L, index, one->fallback) : prl_check_number(L, index));
  }
}

/* Refuses an argument behind the last that the op has. */
static void check_count(lua_State *L, const lua_op *self) {
  int given = lua_gettop(L);
  bool minus = given == 2 && self->count == 1 && lua_rawequal(L, 1, 2); /* __unm passes its operand twice */
  if (given <= self->count || minus) return;
  lua_pushfstring(L, "%s takes (%s), not %d arguments", self->op->name, self->text, given);
  prl_raise(L);
}

static int call_op(lua_State *L) {
  const lua_op *self = self_of(L);
  prl_attrs attrs = {0};
  int at[PRL_MAX_INPUTS], inputs = 0;
  check_count(L, self);
  for (int i = 0; i < self->count; i++) {
    const argument *one = &self->arguments[i];
    if (one->kind != TENSOR)
      add_attribute(L, i + 1, one, &attrs);
    else if (!one->optional || !lua_isnoneornil(L, i + 1))
      at[inputs++] = i + 1;
  }
  return run(L, self->op, &attrs, inputs, at);
}

/* ---- Ops whose arguments are not one by one an input or an attribute ---- */

static int call_clamp(lua_State *L) { /* the bounds are numbers, nil or tensors of one value */
  prl_state *state = prl_state_of(L);
  if (!prl_to_lua_tensor(state, L, 2) && !prl_to_lua_tensor(state, L, 3)) return call_op(L);
  check_count(L, self_of(L));
  lua_settop(L, 3);
  prl_attrs attrs = {0};
  for (int i = 2; i <= 3; i++)
    if (lua_isnil(L, i)) {
      lua_pushnumber(L, i == 2 ? -HUGE_VAL : HUGE_VAL);
      lua_replace(L, i);
    }
  return run(L, prl_op_find("clamp_t"), &attrs, 3, in_order);
}

static int call_dropout(lua_State *L) {
  double p = prl_opt_number(L, 3, .5);
  luaL_argcheck(L, p >= 0 && p < 1, 3, "a share from 0 to less than 1 is needed");
  return call_op(L);
}

static int call_join(lua_State *L) { /* {tensors}, dim */
  luaL_checktype(L, 1, LUA_TTABLE);
  check_count(L, self_of(L));
  prl_check_list(L, 1, op_of(L)->name);
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

static int call_slice(lua_State *L) { /* x, dim, first, last, step: first … last, inclusive */
  prl_attrs attrs = {0};
  check_count(L, self_of(L));
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

static int call_sizes(lua_State *L) { /* x, sizes … or one table of them */
  prl_attrs attrs = {0};
  bool table = lua_type(L, 2) == LUA_TTABLE;
  if (table) prl_check_list(L, 2, op_of(L)->name);
  luaL_argcheck(L, !table || lua_gettop(L) == 2, 3, "sizes are numbers or one table");
  int count = table ? (int)lua_objlen(L, 2) : lua_gettop(L) - 1;
  luaL_argcheck(L, count <= PRL_MAX_DIMS, 2, "too many sizes");
  for (int i = 0; i < count; i++) {
    if (table) lua_rawgeti(L, 2, i + 1);
    add_int(&attrs, prl_need_size(L, table ? -1 : i + 2, i + 1));
    if (table) lua_pop(L, 1);
  }
  return run(L, op_of(L), &attrs, 1, in_order);
}

static int call_broadcast_to(lua_State *L) { /* x, like; or x, sizes … */
  prl_attrs attrs = {0};
  if (!prl_to_lua_tensor(prl_state_of(L), L, 2)) return call_sizes(L);
  check_count(L, self_of(L));
  return run(L, op_of(L), &attrs, 2, in_order);
}

static lua_CFunction call_of(const char *name) {
  static const struct {
    const char *op;
    lua_CFunction call;
  } others[] = {{"clamp", call_clamp},
                {"dropout", call_dropout},
                {"concat", call_join},
                {"stack", call_join},
                {"slice", call_slice},
                {"reshape", call_sizes},
                {"broadcast_to", call_broadcast_to}};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    if (strcmp(others[i].op, name) == 0) return others[i].call;
  return call_op;
}

static void push_op(lua_State *L, int place) {
  lua_pushlightuserdata(L, prl_state_get(L));
  lua_op *self = lua_newuserdata(L, sizeof *self);
  *self = (lua_op){.op = prl_ops[place], .text = prl_ops_arguments[place]};
  read_arguments(self);
  lua_pushcclosure(L, call_of(self->op->name), 2);
}

/* In place: x:add_(y) is x ← x + y, for tensors that no gradient passes through. */
static int call_in_place(lua_State *L) {
  const prl_op *op = lua_touserdata(L, lua_upvalueindex(2));
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
  if (lua_gettop(L) > 1) return luaL_error(L, "detach takes (x), not %d arguments", lua_gettop(L));
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

/* The operators, from the methods on the top. */
static void set_metamethods(lua_State *L, const char *type) {
  static const char *const pairs[][2] = {{"__add", "add"}, {"__sub", "sub"}, {"__mul", "mul"},
                                         {"__div", "div"}, {"__pow", "pow"}, {"__unm", "neg"}};
  luaL_getmetatable(L, type);
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    lua_getfield(L, -2, pairs[i][1]);
    lua_setfield(L, -2, pairs[i][0]);
  }
  lua_pop(L, 1);
}

/* op_arguments() → {op = its arguments as API.md shows them} */
static int op_arguments(lua_State *L) {
  lua_createtable(L, 0, prl_ops_count);
  for (int i = 0; i < prl_ops_count; i++) {
    lua_pushstring(L, prl_ops_arguments[i]);
    lua_setfield(L, -2, prl_ops[i]->name);
  }
  return 1;
}

void prl_open_ops(lua_State *L) {
  static const char *const in_place[][2] = {
      {"add_", "add"}, {"sub_", "sub"}, {"mul_", "mul"}, {"div_", "div"}};
  static const luaL_Reg own[] = {{"detach", call_detach}, {NULL, NULL}};
  static const luaL_Reg functions[] = {{"draws", call_draws}, {"op_arguments", op_arguments}, {NULL, NULL}};
  prl_register(L, functions);
  lua_getfield(L, -1, "methods");
  for (int i = 0; i < prl_ops_count; i++) {
    push_op(L, i);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, prl_ops[i]->name); /* a method */
    lua_setfield(L, -3, prl_ops[i]->name); /* and a function of the module */
  }
  for (size_t i = 0; i < sizeof in_place / sizeof *in_place; i++) {
    lua_pushlightuserdata(L, prl_state_get(L));
    lua_pushlightuserdata(L, (void *)prl_op_find(in_place[i][1]));
    lua_pushcclosure(L, call_in_place, 2);
    lua_setfield(L, -2, in_place[i][0]);
  }
  prl_register(L, own);
  set_metamethods(L, "perilune.tensor");
  set_metamethods(L, "perilune.temporary");
  set_metamethods(L, "perilune.parameter");
  lua_pop(L, 1);
}
