/* New tensors: from numbers, tables and bytes, filled, counted or random. */
#include "bind/bind.h"

#include <math.h>
#include <string.h>

#include "core/rng.h"
#include "tensor/kernels.h"
#include "tensor/tensor.h"

prl_dtype prl_check_dtype(lua_State *L, int index, prl_dtype fallback) {
  static const char *const names[] = {"float32", "float64", "int32", "int64", NULL};
  return (prl_dtype)prl_check_word(L, index, "dtype", (int)fallback, names);
}

int prl_check_shape(lua_State *L, int first, int64_t *shape, int *next) {
  int ndim = 0;
  if (lua_type(L, first) == LUA_TTABLE) {
    prl_check_list(L, first, "the table of sizes");
    ndim = (int)lua_objlen(L, first);
    if (ndim > PRL_MAX_DIMS) luaL_error(L, "a tensor has at most %d dimensions, not %d", PRL_MAX_DIMS, ndim);
    for (int d = 0; d < ndim; d++) {
      lua_rawgeti(L, first, d + 1);
      shape[d] = prl_need_size(L, -1, d + 1);
      lua_pop(L, 1);
    }
    *next = first + 1;
    return ndim;
  }
  while (lua_type(L, first + ndim) == LUA_TNUMBER) {
    if (ndim == PRL_MAX_DIMS) luaL_error(L, "a tensor has at most %d dimensions", PRL_MAX_DIMS);
    shape[ndim] = prl_check_int(L, first + ndim);
    ndim++;
  }
  *next = first + ndim;
  return ndim;
}

prl_tensor *prl_push_new(lua_State *L, prl_dtype dtype, int ndim, const int64_t *shape) {
  prl_error error;
  prl_state *state = prl_state_get(L);
  prl_tensor *tensor = prl_push_tensor(L);
  prl_check(L, prl_tensor_new(state->runtime, dtype, ndim, shape, tensor, &error), &error);
  return tensor;
}

static int new_filled(lua_State *L, double value, int first) {
  int64_t shape[PRL_MAX_DIMS];
  int next, ndim = prl_check_shape(L, first, shape, &next);
  prl_tensor *tensor = prl_push_new(L, prl_check_dtype(L, next, PRL_F32), ndim, shape);
  if (value != 0) prl_tensor_fill(tensor, value);
  return 1;
}

static int new_zeros(lua_State *L) { return new_filled(L, 0, 1); }
static int new_ones(lua_State *L) { return new_filled(L, 1, 1); }

static int new_full(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  int64_t shape[PRL_MAX_DIMS];
  int next, ndim = prl_check_shape(L, 1, shape, &next);
  double value = prl_check_number(L, 2);
  prl_tensor_fill(prl_push_new(L, prl_check_dtype(L, 3, PRL_F32), ndim, shape), value);
  return 1;
}

static int new_arange(lua_State *L) {
  double first = prl_check_number(L, 1), last = prl_opt_number(L, 2, NAN), step = prl_opt_number(L, 3, 1);
  if (isnan(last)) {
    last = first;
    first = 1;
  }
  luaL_argcheck(L, step != 0 && !isnan(step), 3, "a step other than 0 is needed");
  double count = floor((last - first) / step + 1e-9) + 1;
  luaL_argcheck(L, count < 1e9, 2, "too many values");
  int64_t shape = count > 0 ? (int64_t)count : 0;
  prl_tensor *tensor = prl_push_new(L, prl_check_dtype(L, 4, PRL_F32), 1, &shape);
  for (int64_t i = 0; i < shape; i++) prl_tensor_set(tensor, i, first + (double)i * step);
  return 1;
}

/* The shape of a nested table, from its first elements. */
static int table_shape(lua_State *L, int index, int64_t *shape) {
  int ndim = 0;
  lua_pushvalue(L, index);
  while (lua_type(L, -1) == LUA_TTABLE) {
    if (ndim == PRL_MAX_DIMS) luaL_error(L, "a tensor has at most %d dimensions", PRL_MAX_DIMS);
    shape[ndim++] = (int64_t)lua_objlen(L, -1);
    if (shape[ndim - 1] == 0) break;
    lua_rawgeti(L, -1, 1);
    lua_remove(L, -2);
  }
  lua_pop(L, 1);
  return ndim;
}

/* Fills part `at` of the tensor's first `depth` dimensions from the table (or number) on the top, in one pass
 * over its keys, so that none is passed over. */
static void fill_from_table(lua_State *L, int depth, prl_tensor *tensor, int64_t at) {
  if (depth == tensor->ndim) {
    if (lua_type(L, -1) != LUA_TNUMBER)
      luaL_error(L, "value %d of the table is a %s; numbers are needed", (int)at + 1, luaL_typename(L, -1));
    prl_tensor_set(tensor, at, lua_tonumber(L, -1));
    return;
  }
  const int64_t size = tensor->shape[depth];
  if (lua_type(L, -1) != LUA_TTABLE || (int64_t)lua_objlen(L, -1) != size)
    luaL_error(L, "the table is ragged: %d items were expected in dimension %d, as in its first row",
               (int)size, depth + 1);
  int64_t count = 0;
  for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1), count++) {
    double key = lua_type(L, -2) == LUA_TNUMBER ? lua_tonumber(L, -2) : 0;
    int64_t place = key >= 1 && key <= (double)size ? (int64_t)key : 0;
    if (place == 0 || (double)place != key) prl_check_list(L, lua_gettop(L) - 2, "the table of a tensor");
    fill_from_table(L, depth + 1, tensor, at * size + place - 1);
  }
  if (count != size) luaL_error(L, "the table of a tensor has only %d of %d items", (int)count, (int)size);
}

static int new_tensor(lua_State *L) {
  int64_t shape[PRL_MAX_DIMS];
  if (lua_type(L, 1) != LUA_TNUMBER) luaL_checktype(L, 1, LUA_TTABLE);
  prl_dtype dtype = prl_check_dtype(L, 2, PRL_F32);
  int ndim = table_shape(L, 1, shape);
  prl_tensor *tensor = prl_push_new(L, dtype, ndim, shape);
  lua_pushvalue(L, 1);
  fill_from_table(L, 0, tensor, 0);
  lua_pop(L, 1);
  return 1;
}

static int new_from_bytes(lua_State *L) {
  size_t size;
  int64_t shape[PRL_MAX_DIMS];
  const char *bytes = luaL_checklstring(L, 1, &size);
  luaL_checktype(L, 2, LUA_TTABLE);
  int next, ndim = prl_check_shape(L, 2, shape, &next);
  prl_dtype dtype = prl_check_dtype(L, next, PRL_F32);
  prl_tensor *tensor = prl_push_new(L, dtype, ndim, shape);
  size_t wanted = (size_t)prl_tensor_count(tensor) * prl_dtype_size(dtype);
  if (wanted != size)
    return luaL_error(L, "the shape and dtype need %f bytes, the string has %f", (double)wanted,
                      (double)size);
  memcpy(tensor->data, bytes, size);
  return 1;
}

static int set_seed(lua_State *L) {
  prl_state *state = prl_state_of(L);
  state->seed = (uint64_t)prl_check_int(L, 1);
  state->draws = 0;
  return 0;
}

/* seed, fn, … → what fn(…) gives, with the random stream of the seed; the caller's own continues where it
 * was, also where fn raises. */
static int with_seed(lua_State *L) {
  prl_state *state = prl_state_of(L);
  const uint64_t seed = (uint64_t)prl_check_int(L, 1), own_seed = state->seed, own_draws = state->draws;
  luaL_checktype(L, 2, LUA_TFUNCTION);
  state->seed = seed;
  state->draws = 0;
  int failed = lua_pcall(L, lua_gettop(L) - 2, LUA_MULTRET, 0);
  state->seed = own_seed;
  state->draws = own_draws;
  return failed ? lua_error(L) : lua_gettop(L) - 1;
}

static int new_random(lua_State *L, bool normal) {
  prl_state *state = prl_state_of(L);
  int64_t shape[PRL_MAX_DIMS];
  int next, ndim = prl_check_shape(L, 1, shape, &next);
  prl_tensor *tensor = prl_push_new(L, PRL_F32, ndim, shape);
  prl_rng rng = prl_rng_make(state->seed, state->draws++, PRL_SITE_USER);
  const prl_kernels *k = prl_kernels_of(state->runtime);
  (normal ? k->normals : k->uniforms)(rng.key, 0, 0, 0, prl_tensor_count(tensor), tensor->data);
  return 1;
}

static int new_randn(lua_State *L) { return new_random(L, true); }
static int new_rand(lua_State *L) { return new_random(L, false); }

static const luaL_Reg constructors[] = {
    {"tensor", new_tensor}, {"zeros", new_zeros},     {"ones", new_ones}, {"full", new_full},
    {"arange", new_arange}, {"randn", new_randn},     {"rand", new_rand}, {"from_bytes", new_from_bytes},
    {"seed", set_seed},     {"with_seed", with_seed}, {NULL, NULL}};

void prl_open_tensor_new(lua_State *L) { prl_register(L, constructors); }
