/* Vector environments: prl.env("cartpole", {n = 1024, seed = 7}). Buffers are tensors that the environment
 * userdata keeps: reset and step write into them and return them, so that stepping makes no garbage. */
#include "bind/bind.h"

#include <math.h>
#include <string.h>

#include "bind/env_source.h"
#include "perilune/env.h"
#include "recipe/order.h"
#include "tensor/tensor.h"

enum { OBSERVATION, RESPONSE, FINAL, FLAGS, ELAPSED, BUFFERS };

typedef struct lua_env {
  prl_vecenv *env;
  struct prl_env_source *source; /* of its type; NULL: the caller keeps that alive */
  prl_tensor *buffer[BUFFERS];   /* owned by tensors in the userdata's environment */
  uint8_t *terminated, *truncated;
} lua_env;

static lua_env *check_env(lua_State *L, int index) {
  lua_env *self = luaL_checkudata(L, index, "perilune.env");
  if (!self->env) luaL_argerror(L, index, "this environment was freed");
  return self;
}

prl_vecenv *prl_check_env(lua_State *L, int index) { return check_env(L, index)->env; }

static int env_gc(lua_State *L) {
  lua_env *self = luaL_checkudata(L, 1, "perilune.env");
  prl_vecenv_free(self->env);
  prl_env_source_release(self->source);
  self->env = NULL;
  self->source = NULL;
  return 0;
}

/* ---- Construction ---- */

static prl_tensor *keep_buffer(lua_State *L, int ndim, prl_dtype dtype, int64_t rows, int64_t columns,
                               int place) {
  prl_error error;
  prl_state *state = prl_state_get(L);
  int64_t shape[2] = {rows, columns};
  prl_tensor *tensor = prl_push_tensor(L);
  prl_check(L, prl_tensor_new(state->runtime, dtype, ndim, shape, tensor, &error), &error);
  lua_rawseti(L, -2, place + 1);
  return tensor;
}

static void make_buffers(lua_State *L, lua_env *self) {
  const prl_env_spec *spec = prl_vecenv_spec(self->env);
  int64_t n = prl_vecenv_count(self->env);
  lua_newtable(L);
  self->buffer[OBSERVATION] = keep_buffer(L, 2, PRL_F32, n, spec->observations, OBSERVATION);
  self->buffer[RESPONSE] = keep_buffer(L, 2, PRL_F32, n, spec->responses, RESPONSE);
  self->buffer[FINAL] = keep_buffer(L, 2, PRL_F32, n, spec->observations, FINAL);
  self->buffer[FLAGS] = keep_buffer(L, 2, PRL_I32, 2, n, FLAGS);
  self->buffer[ELAPSED] = keep_buffer(L, 1, PRL_I64, n, 0, ELAPSED);
  self->terminated = lua_newuserdata(L, 2 * (size_t)n);
  self->truncated = self->terminated + n;
  lua_rawseti(L, -2, BUFFERS + 1);
  lua_setfenv(L, -2);
}

/* A whole number from 0 on that a double holds exactly. */
static uint64_t check_key(lua_State *L, const char *name) {
  return (uint64_t)prl_option_int(L, 2, name, 0, 0, (INT64_C(1) << 53) - 1);
}

/* Makes the vector env of a type that lies at the top as a source, or that the caller keeps alive. */
static int make_env(lua_State *L, const prl_env_type *type, bool sourced) {
  prl_error error;
  int source = lua_gettop(L);
  int64_t n = prl_option_int(L, 2, "n", 1, 1, 1 << 24);
  uint64_t seed = check_key(L, "seed"), stream = check_key(L, "stream");
  const int64_t twins = prl_option_int(L, 2, "twins", 0, 0, 1 << 23);
  const int64_t parts = prl_option_int(L, 2, "parts", 1, 1, 1 << 24);
  const bool couples = prl_option_bool(L, 2, "couples", false);
  static const char *const more[] = {"n", "seed", "stream", "twins", "parts", "couples"};
  double *options = prl_push_env_options(L, 2, type, more, 6);
  lua_env *self = lua_newuserdata(L, sizeof *self);
  *self = (lua_env){0};
  luaL_getmetatable(L, "perilune.env");
  lua_setmetatable(L, -2);
  if (sourced) self->source = prl_env_source_retain(L, source);
  prl_check(L, prl_vecenv_new(prl_state_get(L)->runtime, type, options, n, seed, stream, &self->env, &error),
            &error);
  if (twins) prl_check(L, prl_vecenv_pair(self->env, twins, &error), &error);
  if (couples) prl_check(L, prl_vecenv_couple(self->env, &error), &error);
  if (parts > 1) prl_check(L, prl_vecenv_divide(self->env, parts, &error), &error);
  make_buffers(L, self);
  return 1;
}

/* The environment (bind/env_source.h), or the address of a type; {n = 1, seed = 0, stream = 0 (key of the
 * first instance), twins = 0 (prl_vecenv_pair), parts = 1 (prl_vecenv_divide), couples = false
 * (prl_vecenv_couple), preset, world (a file), digest (of it), options …} */
static int new_env(lua_State *L) {
  prl_error error;
  lua_settop(L, 2);
  if (lua_islightuserdata(L, 1)) return make_env(L, lua_touserdata(L, 1), false);
  const prl_env_type *type = NULL;
  prl_check(L, prl_push_env_source(L, 1, 2, &type, &error), &error);
  return make_env(L, type, true);
}

/* ---- Stepping ---- */

static lua_env *check_self(lua_State *L) { return check_env(L, 1); }

static void push_buffer(lua_State *L, int place) {
  lua_getfenv(L, 1);
  lua_rawgeti(L, -1, place + 1);
  lua_remove(L, -2);
}

static int reset(lua_State *L) { /* → observation (n, O), the environment's own buffer */
  prl_error error;
  lua_env *self = check_self(L);
  prl_check(L, prl_vecenv_reset(self->env, self->buffer[OBSERVATION]->data, &error), &error);
  push_buffer(L, OBSERVATION);
  return 1;
}

/* A list of whole numbers from 1 on, the parts that are stepped. */
static const uint8_t *check_parts(lua_State *L, const lua_env *self) {
  const int64_t parts = prl_vecenv_parts(self->env);
  luaL_checktype(L, 3, LUA_TTABLE);
  uint8_t *mask = lua_newuserdata(L, (size_t)parts);
  memset(mask, 0, (size_t)parts);
  const size_t count = lua_objlen(L, 3);
  for (size_t i = 1; i <= count; i++) {
    lua_rawgeti(L, 3, (int)i);
    const lua_Number part = lua_tonumber(L, -1);
    if (!(part >= 1 && part <= (lua_Number)parts) || part != floor(part))
      luaL_error(L, "env:step: parts: entry %d is %s; whole numbers from 1 to %d are accepted", (int)i,
                 lua_isnumber(L, -1) ? lua_tostring(L, -1) : luaL_typename(L, -1), (int)parts);
    mask[(int64_t)part - 1] = 1;
    lua_pop(L, 1);
  }
  return mask;
}

/* action (n, A), float32; nil, or the parts that are stepped (prl_vecenv_step_parts) → observation (n, O),
 * response (n, R), flags (2, n) int32: terminated, truncated; the final observation (n, O) where one of them
 * is 1; elapsed (n) int64 µs. All are the environment's own buffers. */
static int step(lua_State *L) {
  prl_error error;
  lua_env *self = check_self(L);
  int64_t n = prl_vecenv_count(self->env);
  prl_step s = {
      .action = prl_check_matrix(L, 2, "action", n, prl_vecenv_spec(self->env)->actions)->data,
      .observation = self->buffer[OBSERVATION]->data,
      .response = self->buffer[RESPONSE]->data,
      .terminated = self->terminated,
      .truncated = self->truncated,
      .final_observation = self->buffer[FINAL]->data,
      .elapsed_us = self->buffer[ELAPSED]->data,
  };
  if (lua_isnoneornil(L, 3))
    prl_check(L, prl_vecenv_step(self->env, &s, &error), &error);
  else
    prl_check(L, prl_vecenv_step_parts(self->env, check_parts(L, self), &s, &error), &error);
  int32_t *flags = self->buffer[FLAGS]->data;
  for (int64_t i = 0; i < n; i++) {
    flags[i] = self->terminated[i];
    flags[n + i] = self->truncated[i];
  }
  push_buffer(L, OBSERVATION);
  push_buffer(L, RESPONSE);
  push_buffer(L, FLAGS);
  push_buffer(L, FINAL);
  push_buffer(L, ELAPSED);
  return 5;
}

static int count(lua_State *L) {
  lua_pushnumber(L, (lua_Number)prl_vecenv_count(check_self(L)->env));
  return 1;
}

static int spec(lua_State *L) { /* → what it is made of, with the options in force */
  lua_env *self = check_self(L);
  const prl_env_type *type = prl_vecenv_type(self->env);
  const double *values = prl_vecenv_options(self->env);
  prl_push_env_spec(L, type, prl_vecenv_spec(self->env));
  lua_getfield(L, -1, "options");
  for (int i = 0; type->options && type->options[i].name; i++) {
    lua_rawgeti(L, -1, i + 1);
    prl_push_env_value(L, type, type->options[i].name, values[i]);
    lua_setfield(L, -2, "value");
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return 1;
}

static int save(lua_State *L) { /* → the whole state as a string of bytes */
  prl_error error;
  lua_env *self = check_self(L);
  int64_t size;
  prl_check(L, prl_vecenv_state_size(self->env, &size, &error), &error);
  void *bytes = lua_newuserdata(L, (size_t)size + 1);
  prl_check(L, prl_vecenv_save(self->env, bytes, size, &error), &error);
  lua_pushlstring(L, bytes, (size_t)size);
  return 1;
}

static int load(lua_State *L) {
  prl_error error;
  size_t size;
  lua_env *self = check_self(L);
  const char *bytes = luaL_checklstring(L, 2, &size);
  prl_check(L, prl_vecenv_load(self->env, bytes, (int64_t)size, &error), &error);
  return 0;
}

void prl_open_env(lua_State *L) {
  static const luaL_Reg functions[] = {{"env", new_env}, {NULL, NULL}};
  static const luaL_Reg methods[] = {{"reset", reset}, {"step", step},   {"count", count},
                                     {"spec", spec},   {"save", save},   {"load", load},
                                     {"free", env_gc}, {"__gc", env_gc}, {NULL, NULL}};
  prl_register(L, functions);
  prl_open_env_source(L);
  prl_new_type(L, "perilune.env", methods);
  lua_pop(L, 1);
}
