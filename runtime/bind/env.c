/* Vector environments: prl.env("cartpole", {n = 1024, seed = 7}). Buffers are tensors that the environment
 * userdata keeps: reset and step write into them and return them, so that stepping makes no garbage. */
#include "bind/bind.h"

#include <string.h>

#include "core/nearest.h"
#include "perilune/env.h"
#include "tensor/tensor.h"

enum { OBSERVATION, RESPONSE, FINAL, FLAGS, ELAPSED, BUFFERS };

typedef struct lua_env {
  prl_vecenv *env;
  prl_tensor *buffer[BUFFERS]; /* owned by tensors in the userdata's environment */
  uint8_t *terminated, *truncated;
} lua_env;

prl_vecenv *prl_check_env(lua_State *L, int index) {
  return ((lua_env *)luaL_checkudata(L, index, "perilune.env"))->env;
}

static int env_gc(lua_State *L) {
  lua_env *self = lua_touserdata(L, 1);
  prl_vecenv_free(self->env);
  self->env = NULL;
  return 0;
}

/* ---- Construction ---- */

static const prl_env_preset *find_preset(lua_State *L, const prl_env_type *type, const char *name) {
  for (const prl_env_preset *p = type->presets; p && p->name; p++)
    if (strcmp(p->name, name) == 0) return p;
  luaL_error(L, "preset: %s has no preset \"%s\"", type->name, name);
  return NULL;
}

static int option_place(const prl_env_type *type, const char *name) {
  for (int i = 0; type->options && type->options[i].name; i++)
    if (strcmp(type->options[i].name, name) == 0) return i;
  return -1;
}

static void read_preset(lua_State *L, const prl_env_type *type, double *values) {
  lua_getfield(L, 2, "preset");
  if (!lua_isnil(L, -1))
    for (const prl_env_setting *s = find_preset(L, type, luaL_checkstring(L, -1))->settings; s && s->option;
         s++)
      values[option_place(type, s->option)] = s->value;
  lua_pop(L, 1);
}

static void refuse_option(lua_State *L, const prl_env_type *type, const char *name) {
  static const char *const always[] = {"n", "seed", "stream", "preset"};
  prl_nearest nearest = prl_nearest_begin(name);
  for (int i = 0; i < 4; i++) prl_nearest_offer(&nearest, always[i]);
  for (int i = 0; type->options && type->options[i].name; i++) prl_nearest_offer(&nearest, type->options[i].name);
  luaL_error(L, "%s has no option \"%s\"%s", type->name, name, prl_nearest_hint(&nearest));
}

/* The type's options, in its order: defaults, then the preset, then what is given. */
static double *read_options(lua_State *L, const prl_env_type *type) {
  int count = 0;
  while (type->options && type->options[count].name) count++;
  double *values = lua_newuserdata(L, ((size_t)count + 1) * sizeof *values);
  for (int i = 0; i < count; i++) values[i] = type->options[i].value;
  if (!lua_istable(L, 2)) return values;
  read_preset(L, type, values);
  for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
    luaL_checktype(L, -2, LUA_TSTRING);
    const char *name = lua_tostring(L, -2);
    if (strcmp(name, "n") == 0 || strcmp(name, "seed") == 0 || strcmp(name, "stream") == 0 ||
        strcmp(name, "preset") == 0)
      continue;
    int place = option_place(type, name);
    if (place < 0) refuse_option(L, type, name);
    if (lua_type(L, -1) != LUA_TNUMBER)
      luaL_error(L, "%s: a number is needed, not a %s", name, luaL_typename(L, -1));
    values[place] = lua_tonumber(L, -1);
  }
  return values;
}

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

/* name or address of a type, {n = 1, seed = 0, stream = 0 (key of the first instance), preset, options …} */
static int new_env(lua_State *L) {
  prl_error error;
  prl_state *state = prl_state_of(L);
  const prl_env_type *type = lua_touserdata(L, 1);
  if (!type) prl_check(L, prl_env_find(luaL_checkstring(L, 1), &type, &error), &error);
  double n = prl_option_number(L, 2, "n", 1), seed = prl_option_number(L, 2, "seed", 0);
  double stream = prl_option_number(L, 2, "stream", 0);
  double *options = read_options(L, type);
  lua_env *self = lua_newuserdata(L, sizeof *self);
  *self = (lua_env){0};
  luaL_getmetatable(L, "perilune.env");
  lua_setmetatable(L, -2);
  prl_check(L,
            prl_vecenv_new(state->runtime, type, options, (int64_t)n, (uint64_t)seed, (uint64_t)stream,
                           &self->env, &error),
            &error);
  make_buffers(L, self);
  return 1;
}

/* ---- Stepping ---- */

static lua_env *check_self(lua_State *L) { return luaL_checkudata(L, 1, "perilune.env"); }

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

/* action (n, A), float32 → observation (n, O), response (n, R), flags (2, n) int32: terminated, truncated;
 * the final observation (n, O) where one of them is 1; elapsed (n) int64 µs. All are the environment's own
 * buffers. */
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
  prl_check(L, prl_vecenv_step(self->env, &s, &error), &error);
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
  static const luaL_Reg methods[] = {{"reset", reset}, {"step", step},   {"count", count}, {"save", save},
                                     {"load", load},   {"free", env_gc}, {"__gc", env_gc}, {NULL, NULL}};
  prl_register(L, functions);
  prl_new_type(L, "perilune.env", methods);
  lua_pop(L, 1);
}
