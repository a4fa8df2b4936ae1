/* The tensor type: views, reading and writing. New ones come from tensor_new.c, ops are in ops.c. */
#include "bind/bind.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/number.h"
#include "core/rng.h"
#include "tensor/kernels.h"
#include "tensor/tensor.h"

/* ---- Userdata ---- */

static int tensor_gc(lua_State *L) {
  prl_lua_tensor *self = lua_touserdata(L, 1);
  if (self->param)
    prl_param_release(self->param);
  else if (!self->scope)
    prl_tensor_release(&self->tensor);
  *self = (prl_lua_tensor){0};
  return 0;
}

/* The collector sees a few bytes for each tensor and not the block behind it: past a soft limit it is stepped
 * on. */
static void mind_memory(lua_State *L, prl_state *state) {
  int64_t live = prl_runtime_memory(state->runtime).live_bytes;
  if (live < state->collect_at) return;
  lua_gc(L, LUA_GCCOLLECT, 0);
  live = prl_runtime_memory(state->runtime).live_bytes;
  state->collect_at = 2 * live > 64 << 20 ? 2 * live : 64 << 20;
}

static void push_with_meta(lua_State *L, const char *meta) {
  prl_lua_tensor *self = lua_newuserdata(L, sizeof *self);
  *self = (prl_lua_tensor){0};
  luaL_getmetatable(L, meta);
  lua_setmetatable(L, -2);
}

prl_tensor *prl_push_tensor(lua_State *L) {
  mind_memory(L, prl_state_get(L));
  push_with_meta(L, "perilune.tensor");
  return &((prl_lua_tensor *)lua_touserdata(L, -1))->tensor;
}

prl_param **prl_push_param(lua_State *L) {
  push_with_meta(L, "perilune.parameter");
  return &((prl_lua_tensor *)lua_touserdata(L, -1))->param;
}

void prl_push_temp(lua_State *L, prl_state *state, int32_t id) {
  push_with_meta(L, "perilune.temporary");
  prl_lua_tensor *self = lua_touserdata(L, -1);
  self->tensor = *prl_tape_value(state->tape, id);
  self->scope = prl_tape_scope(state->tape);
  self->id = id;
}

prl_lua_tensor *prl_to_lua_tensor(prl_state *state, lua_State *L, int index) {
  if (lua_type(L, index) != LUA_TUSERDATA || !lua_getmetatable(L, index)) return NULL;
  const void *meta = lua_topointer(L, -1);
  lua_pop(L, 1);
  if (meta != state->tensor_meta && meta != state->temp_meta && meta != state->param_meta) return NULL;
  prl_lua_tensor *self = lua_touserdata(L, index);
  if (self->scope && self->scope != prl_tape_scope(state->tape))
    luaL_error(
        L, "this tensor was made in a scope that has ended; keep its values with :detach() inside the scope");
  return self;
}

prl_lua_tensor *prl_check_lua_tensor(lua_State *L, int index) {
  prl_lua_tensor *self = prl_to_lua_tensor(prl_state_get(L), L, index);
  if (!self) luaL_argerror(L, index, lua_pushfstring(L, "tensor expected, got %s", luaL_typename(L, index)));
  return self;
}

static prl_tensor *tensor_of(prl_lua_tensor *self) {
  return self->param ? &self->param->value : &self->tensor;
}

const prl_tensor *prl_to_tensor(lua_State *L, int index) {
  prl_lua_tensor *self = prl_to_lua_tensor(prl_state_get(L), L, index);
  return self ? tensor_of(self) : NULL;
}

const prl_tensor *prl_check_tensor(lua_State *L, int index) {
  return tensor_of(prl_check_lua_tensor(L, index));
}

prl_tensor *prl_check_writable(lua_State *L, int index) {
  prl_lua_tensor *self = prl_check_lua_tensor(L, index);
  if (self->scope)
    luaL_error(L, "a tensor made inside a scope cannot be written in place; its gradient would be wrong");
  return tensor_of(self);
}

prl_tensor *prl_check_matrix(lua_State *L, int index, const char *argument, int64_t rows, int64_t columns) {
  prl_tensor *tensor = prl_check_writable(L, index);
  bool flat = columns == 1 && tensor->ndim == 1 && tensor->shape[0] == rows;
  bool fits = flat || (tensor->ndim == 2 && tensor->shape[0] == rows && tensor->shape[1] == columns);
  if (!fits || tensor->dtype != PRL_F32 || !prl_tensor_contiguous(tensor)) {
    char shape[96];
    luaL_error(L, "%s: a contiguous float32 tensor of shape (%d, %d) is needed, not %s of %s", argument,
               (int)rows, (int)columns, prl_shape_text(tensor, shape, sizeof shape),
               prl_dtype_name(tensor->dtype));
  }
  return tensor;
}

/* Values that are read inside a trace would become constants of the program without anybody noticing. */
static void refuse_while_tracing(lua_State *L, prl_lua_tensor *self, const char *what) {
  prl_state *state = prl_state_get(L);
  if (self->scope && prl_tape_tracing(state->tape))
    luaL_error(L, "%s: a program cannot look at values while it is traced; use where() for a choice", what);
}

/* ---- Reading ---- */

static int tensor_shape(lua_State *L) {
  const prl_tensor *self = prl_check_tensor(L, 1);
  lua_createtable(L, self->ndim, 0);
  for (int d = 0; d < self->ndim; d++) {
    lua_pushnumber(L, (lua_Number)self->shape[d]);
    lua_rawseti(L, -2, d + 1);
  }
  return 1;
}

static int check_dim(lua_State *L, int index, const prl_tensor *self) {
  int64_t dim = prl_check_int(L, index);
  if (dim < 0) dim += self->ndim + 1;
  if (dim < 1 || dim > self->ndim)
    luaL_argerror(L, index,
                  lua_pushfstring(L, "dimension %f is outside of 1 to %d", (double)dim, self->ndim));
  return (int)dim - 1;
}

static int tensor_size(lua_State *L) {
  const prl_tensor *self = prl_check_tensor(L, 1);
  lua_pushnumber(L, (lua_Number)self->shape[check_dim(L, 2, self)]);
  return 1;
}

static int tensor_dims(lua_State *L) {
  lua_pushnumber(L, prl_check_tensor(L, 1)->ndim);
  return 1;
}

static int tensor_count(lua_State *L) {
  lua_pushnumber(L, (lua_Number)prl_tensor_count(prl_check_tensor(L, 1)));
  return 1;
}

static int tensor_dtype(lua_State *L) {
  lua_pushstring(L, prl_dtype_name(prl_check_tensor(L, 1)->dtype));
  return 1;
}

static int tensor_len(lua_State *L) {
  const prl_tensor *self = prl_check_tensor(L, 1);
  lua_pushnumber(L, self->ndim ? (lua_Number)self->shape[0] : 0);
  return 1;
}

static int tensor_item(lua_State *L) {
  const prl_tensor *self = prl_check_tensor(L, 1);
  refuse_while_tracing(L, prl_check_lua_tensor(L, 1), "item");
  char shape[96];
  if (prl_tensor_count(self) != 1)
    return luaL_error(L, "item() reads a tensor of one value, not of shape %s",
                      prl_shape_text(self, shape, sizeof shape));
  lua_pushnumber(L, prl_tensor_get(self, 0));
  return 1;
}

static void push_nested(lua_State *L, const prl_tensor *self, int depth, int64_t *position) {
  if (depth == self->ndim) {
    lua_pushnumber(L, prl_tensor_get(self, (*position)++));
    return;
  }
  lua_createtable(L, (int)self->shape[depth], 0);
  for (int64_t i = 1; i <= self->shape[depth]; i++) {
    push_nested(L, self, depth + 1, position);
    lua_rawseti(L, -2, (int)i);
  }
}

static int tensor_totable(lua_State *L) {
  const prl_tensor *self = prl_check_tensor(L, 1);
  refuse_while_tracing(L, prl_check_lua_tensor(L, 1), "totable");
  int64_t position = 0;
  push_nested(L, self, 0, &position);
  return 1;
}

static int tensor_bytes(lua_State *L) {
  const prl_tensor *self = prl_check_tensor(L, 1);
  refuse_while_tracing(L, prl_check_lua_tensor(L, 1), "bytes");
  luaL_Buffer buffer;
  size_t size = prl_dtype_size(self->dtype);
  if (prl_tensor_contiguous(self)) {
    lua_pushlstring(L, self->data, (size_t)prl_tensor_count(self) * size);
    return 1;
  }
  prl_tensor *own = prl_push_new(L, self->dtype, self->ndim, self->shape);
  prl_tensor_copy(own, self);
  luaL_buffinit(L, &buffer);
  luaL_addlstring(&buffer, own->data, (size_t)prl_tensor_count(own) * size);
  luaL_pushresult(&buffer);
  return 1;
}

/* ---- Views and copies ---- */

/* Pushes an owned view of the tensor at index 1. */
static prl_tensor *push_view(lua_State *L, const prl_tensor *view) {
  prl_tensor *out = prl_push_tensor(L);
  *out = *view;
  prl_tensor_retain(out);
  return out;
}

static int tensor_clone(lua_State *L) {
  const prl_tensor *self = prl_check_tensor(L, 1);
  prl_tensor_copy(prl_push_new(L, self->dtype, self->ndim, self->shape), self);
  return 1;
}

static int tensor_to(lua_State *L) {
  const prl_tensor *self = prl_check_tensor(L, 1);
  refuse_while_tracing(L, prl_check_lua_tensor(L, 1), "to");
  prl_tensor_copy(prl_push_new(L, prl_check_dtype(L, 2, PRL_F32), self->ndim, self->shape), self);
  return 1;
}

static int64_t check_position(lua_State *L, int index, int64_t size, int64_t fallback) {
  if (lua_isnoneornil(L, index)) return fallback;
  int64_t position = prl_check_int(L, index);
  return position < 0 ? position + size + 1 : position;
}

/* Rows that a copy is about to need are asked for so far ahead: a minibatch's lie anywhere in memory. */
enum { ROWS_AHEAD = 12 };

static void fetch_row(const char *row, size_t size) {
  for (size_t at = 0; at < size; at += 64) __builtin_prefetch(row + at);
}

static int64_t row_at(const prl_tensor *index, int64_t i) {
  return index->dtype == PRL_I32 ? ((const int32_t *)index->data)[i] : ((const int64_t *)index->data)[i];
}

/* t:take_(from, index): row i becomes row index[i], from 0, of `from`; both of the same dtype and row size.
 */
static int tensor_take(lua_State *L) {
  prl_tensor *self = prl_check_writable(L, 1);
  const prl_tensor *from = prl_check_tensor(L, 2), *index = prl_check_tensor(L, 3);
  bool fits = self->ndim > 0 && from->ndim == self->ndim && from->dtype == self->dtype && index->ndim == 1 &&
              (index->dtype == PRL_I32 || index->dtype == PRL_I64) && index->shape[0] == self->shape[0] &&
              prl_tensor_contiguous(self) && prl_tensor_contiguous(from) && prl_tensor_contiguous(index);
  for (int d = 1; fits && d < self->ndim; d++) fits = from->shape[d] == self->shape[d];
  if (!fits)
    return luaL_error(
        L, "take_: contiguous tensors of one dtype and row size, and one whole number a row, are needed");
  int64_t rows = self->shape[0], limit = from->shape[0];
  for (int64_t i = 0; i < rows; i++)
    if (row_at(index, i) < 0 || row_at(index, i) >= limit)
      return luaL_error(L, "take_: index %f is not one of 0 to %f", (double)row_at(index, i),
                        (double)limit - 1);
  size_t size = prl_dtype_size(self->dtype);
  for (int d = 1; d < self->ndim; d++) size *= (size_t)self->shape[d];
  for (int64_t i = 0; i < rows; i++) {
    if (i + ROWS_AHEAD < rows)
      fetch_row((const char *)from->data + (size_t)row_at(index, i + ROWS_AHEAD) * size, size);
    memcpy((char *)self->data + (size_t)i * size, (const char *)from->data + (size_t)row_at(index, i) * size,
           size);
  }
  lua_settop(L, 1);
  return 1;
}

/* t[i]: the i-th part of the first dimension, a number where that is one value. */
static int index_position(lua_State *L, const prl_tensor *self, int64_t position) {
  char shape[96];
  if (self->ndim == 0 || position < 1 || position > self->shape[0])
    return luaL_error(L, "position %f is outside of a tensor of shape %s", (double)position,
                      prl_shape_text(self, shape, sizeof shape));
  if (self->ndim == 1) {
    lua_pushnumber(L, prl_tensor_get(self, position - 1));
    return 1;
  }
  prl_tensor view;
  prl_tensor_select(self, 0, position - 1, &view, NULL);
  push_view(L, &view);
  return 1;
}

static int tensor_index(lua_State *L) {
  if (lua_type(L, 2) == LUA_TNUMBER) {
    prl_lua_tensor *self = prl_check_lua_tensor(L, 1);
    refuse_while_tracing(L, self, "indexing");
    if (self->scope && self->tensor.ndim > 1)
      return luaL_error(L, "inside a scope take parts with :slice() or :index_select()");
    return index_position(L, tensor_of(self), prl_check_int(L, 2));
  }
  lua_pushvalue(L, 2);
  lua_rawget(L, lua_upvalueindex(2));
  return lua_isnil(L, -1) ? prl_refuse_name(L, "a tensor", "method", lua_upvalueindex(2), 2) : 1;
}

static int tensor_newindex(lua_State *L) {
  prl_tensor *self = prl_check_writable(L, 1);
  int64_t position = prl_check_int(L, 2);
  char shape[96], other[96];
  if (self->ndim == 0 || position < 1 || position > self->shape[0])
    return luaL_error(L, "position %f is outside of a tensor of shape %s", (double)position,
                      prl_shape_text(self, shape, sizeof shape));
  prl_tensor view;
  prl_tensor_select(self, 0, position - 1, &view, NULL);
  const prl_tensor *from = prl_to_tensor(L, 3);
  if (!from) {
    prl_tensor_fill(&view, prl_check_number(L, 3));
    return 0;
  }
  if (!prl_tensor_same_shape(&view, from))
    return luaL_error(L, "a part of shape %s cannot take a tensor of shape %s",
                      prl_shape_text(&view, shape, 96), prl_shape_text(from, other, 96));
  prl_tensor_copy(&view, from);
  return 0;
}

/* t:get(i, j, …) and t:set(i, j, …, value) reach one element. */
static prl_tensor element(lua_State *L, const prl_tensor *self, int first) {
  prl_tensor view = *self;
  for (int d = 0; d < self->ndim; d++) {
    int64_t position = prl_check_int(L, first + d);
    if (position < 1 || position > self->shape[d])
      luaL_error(L, "position %f is outside of dimension %d, of size %f", (double)position, d + 1,
                 (double)self->shape[d]);
    prl_tensor_select(&view, 0, position - 1, &view, NULL);
  }
  return view;
}

static int tensor_get(lua_State *L) {
  refuse_while_tracing(L, prl_check_lua_tensor(L, 1), "get");
  prl_tensor one = element(L, prl_check_tensor(L, 1), 2);
  lua_pushnumber(L, prl_tensor_get(&one, 0));
  return 1;
}

static int tensor_set(lua_State *L) {
  prl_tensor *self = prl_check_writable(L, 1);
  prl_tensor one = element(L, self, 2);
  prl_tensor_set(&one, 0, prl_check_number(L, 2 + self->ndim));
  lua_settop(L, 1);
  return 1;
}

static int tensor_view(lua_State *L) { /* reshape that shares storage */
  prl_error error;
  const prl_tensor *self = prl_check_writable(L, 1);
  int64_t shape[PRL_MAX_DIMS];
  int next, ndim = prl_check_shape(L, 2, shape, &next);
  if (!prl_tensor_contiguous(self))
    return luaL_error(L, "view: the tensor is not contiguous; use reshape or clone");
  prl_tensor view;
  prl_check(L, prl_tensor_reshape(self, ndim, shape, &view, &error), &error);
  push_view(L, &view);
  return 1;
}

static int tensor_narrow(lua_State *L) { /* positions first … last of a dimension, sharing storage */
  prl_error error;
  const prl_tensor *self = prl_check_writable(L, 1);
  int dim = check_dim(L, 2, self);
  int64_t size = self->shape[dim], first = check_position(L, 3, size, 1),
          last = check_position(L, 4, size, size);
  prl_tensor view;
  prl_check(L, prl_tensor_slice(self, dim, first - 1, last, prl_opt_int(L, 5, 1), &view, &error), &error);
  push_view(L, &view);
  return 1;
}

static int tensor_t(lua_State *L) { /* two dimensions swapped, sharing storage */
  prl_error error;
  const prl_tensor *self = prl_check_writable(L, 1);
  prl_tensor view;
  int a = lua_isnoneornil(L, 2) ? 0 : check_dim(L, 2, self),
      b = lua_isnoneornil(L, 3) ? 1 : check_dim(L, 3, self);
  prl_check(L, prl_tensor_transpose(self, a, b, &view, &error), &error);
  push_view(L, &view);
  return 1;
}

/* ---- In place ---- */

static int tensor_fill(lua_State *L) {
  prl_tensor_fill(prl_check_writable(L, 1), prl_check_number(L, 2));
  lua_settop(L, 1);
  return 1;
}

static int tensor_zero(lua_State *L) {
  prl_tensor_fill(prl_check_writable(L, 1), 0);
  return 1;
}

static int tensor_copy(lua_State *L) {
  prl_tensor *self = prl_check_writable(L, 1);
  const prl_tensor *from = prl_check_tensor(L, 2);
  char a[96], b[96];
  if (!prl_tensor_same_shape(self, from))
    return luaL_error(L, "copy_: shape %s cannot take shape %s", prl_shape_text(self, a, 96),
                      prl_shape_text(from, b, 96));
  prl_tensor_copy(self, from);
  lua_settop(L, 1);
  return 1;
}

static int tensor_equal(lua_State *L) {
  const prl_tensor *a = prl_to_tensor(L, 1), *b = prl_to_tensor(L, 2);
  bool equal = a && b && prl_tensor_same_shape(a, b);
  for (int64_t i = 0; equal && i < prl_tensor_count(a); i++)
    equal = prl_tensor_get(a, i) == prl_tensor_get(b, i);
  lua_pushboolean(L, equal);
  return 1;
}

/* ---- Printing: values and shape, long dimensions shortened ---- */

/* Whole numbers in full: an id in short is no id. */
static void print_one(luaL_Buffer *out, const prl_tensor *self, int64_t at) {
  char number[32];
  if (self->dtype == PRL_F32 || self->dtype == PRL_F64)
    prl_format(number, sizeof number, "%.5g",
               isnan(prl_tensor_get(self, at)) ? NAN : prl_tensor_get(self, at));
  else
    prl_format(number, sizeof number, "%lld", (long long)prl_tensor_get_int(self, at));
  luaL_addstring(out, number);
}

static void print_nested(luaL_Buffer *out, const prl_tensor *self, int depth, int64_t at) {
  if (depth == self->ndim) {
    print_one(out, self, at);
    return;
  }
  int64_t inner = 1, size = self->shape[depth];
  for (int d = depth + 1; d < self->ndim; d++) inner *= self->shape[d];
  luaL_addstring(out, "{");
  for (int64_t i = 0; i < size; i++) {
    if (i) luaL_addstring(out, depth + 1 < self->ndim ? ",\n " : ", ");
    if (size > 12 && i == 4) {
      luaL_addstring(out, "...");
      i = size - 4;
      continue;
    }
    print_nested(out, self, depth + 1, at + i * inner);
  }
  luaL_addstring(out, "}");
}

static int tensor_tostring(lua_State *L) {
  prl_state *state = prl_state_get(L);
  prl_lua_tensor *raw = lua_touserdata(L, 1);
  if (raw->scope && raw->scope != prl_tape_scope(state->tape)) {
    lua_pushstring(L, "tensor of an ended scope");
    return 1;
  }
  const prl_tensor *self = prl_check_tensor(L, 1);
  char shape[96];
  luaL_Buffer out;
  luaL_buffinit(L, &out);
  if (!(raw->scope && prl_tape_tracing(state->tape))) print_nested(&out, self, 0, 0);
  luaL_addstring(&out, raw->param ? "\nparameter " : "\ntensor ");
  luaL_addstring(&out, prl_shape_text(self, shape, sizeof shape));
  luaL_addstring(&out, " ");
  luaL_addstring(&out, prl_dtype_name(self->dtype));
  luaL_pushresult(&out);
  return 1;
}

/* ---- Registration ---- */

static const luaL_Reg methods[] = {{"shape", tensor_shape},
                                   {"size", tensor_size},
                                   {"dims", tensor_dims},
                                   {"count", tensor_count},
                                   {"dtype", tensor_dtype},
                                   {"item", tensor_item},
                                   {"totable", tensor_totable},
                                   {"bytes", tensor_bytes},
                                   {"clone", tensor_clone},
                                   {"to", tensor_to},
                                   {"get", tensor_get},
                                   {"set", tensor_set},
                                   {"view", tensor_view},
                                   {"narrow", tensor_narrow},
                                   {"t", tensor_t},
                                   {"fill_", tensor_fill},
                                   {"zero_", tensor_zero},
                                   {"copy_", tensor_copy},
                                   {"take_", tensor_take},
                                   {NULL, NULL}};

/* A metatable whose __index reads positions itself and names from the shared table of methods (on the top).
 */
static const void *new_tensor_type(lua_State *L, const char *name, bool collected) {
  luaL_newmetatable(L, name);
  lua_pushlightuserdata(L, prl_state_get(L));
  lua_pushvalue(L, -3);
  lua_pushcclosure(L, tensor_index, 2);
  lua_setfield(L, -2, "__index");
  static const luaL_Reg meta[] = {{"__newindex", tensor_newindex},
                                  {"__len", tensor_len},
                                  {"__eq", tensor_equal},
                                  {"__tostring", tensor_tostring},
                                  {NULL, NULL}};
  prl_register(L, meta);
  if (collected) {
    lua_pushcfunction(L, tensor_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__name");
  const void *address = lua_topointer(L, -1);
  lua_pop(L, 1);
  return address;
}

void prl_open_tensor(lua_State *L) {
  prl_state *state = prl_state_get(L);
  lua_newtable(L);
  prl_register(L, methods);
  state->tensor_meta = new_tensor_type(L, "perilune.tensor", true);
  state->temp_meta = new_tensor_type(L, "perilune.temporary", false);
  state->param_meta = new_tensor_type(L, "perilune.parameter", true);
  lua_setfield(L, -2, "methods"); /* ops.c and scope.c add theirs */
}
