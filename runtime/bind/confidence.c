/* prl.confidence_sequence: whether a policy's lift over a baseline is above or below a bound, looked at all
 * the time (rl/confidence.h). */
#include "bind/bind.h"
#include "rl/confidence.h"

#include <math.h>

typedef struct lua_sequence {
  prl_confidence about;
  prl_moments policy, baseline;
} lua_sequence;

static lua_sequence *check_sequence(lua_State *L) {
  return luaL_checkudata(L, 1, "perilune.confidence_sequence");
}

static int sequence_new(lua_State *L) { /* {bound = 0, level = 0.05, users = 10000} → sequence */
  static const char *const names[] = {"bound", "level", "users", NULL};
  luaL_checktype(L, 1, LUA_TTABLE);
  prl_check_keys(L, 1, "prl.confidence_sequence", names);
  const prl_confidence about = {.bound = prl_option_number(L, 1, "bound", 0),
                                .level = prl_option_number(L, 1, "level", 0.05),
                                .users = prl_option_number(L, 1, "users", 10000)};
  if (!(about.level > 0 && about.level <= 0.25))
    return luaL_error(L, "level: expected a number above 0 and at most 0.25, got %f", about.level);
  if (!(about.users >= 1 && isfinite(about.users)))
    return luaL_error(L, "users: expected a number of 1 or more, got %f", about.users);
  if (!isfinite(about.bound)) return luaL_error(L, "bound: expected a finite number, got %f", about.bound);
  lua_sequence *self = lua_newuserdata(L, sizeof *self);
  *self = (lua_sequence){.about = about};
  luaL_getmetatable(L, "perilune.confidence_sequence");
  lua_setmetatable(L, -2);
  return 1;
}

/* A number or a float32 vector, a value of one user each; nil: none. */
static void add_values(lua_State *L, int index, prl_moments *moments) {
  if (lua_isnoneornil(L, index)) return;
  if (lua_type(L, index) == LUA_TNUMBER) {
    prl_moments_add(moments, lua_tonumber(L, index));
    return;
  }
  const prl_tensor *t = prl_check_tensor(L, index);
  if (t->dtype != PRL_F32 || t->ndim != 1)
    luaL_argerror(L, index, "a number or a float32 vector is needed: a value of each user");
  const float *values = t->data;
  for (int64_t i = 0; i < t->shape[0]; i++) prl_moments_add(moments, (double)values[i * t->stride[0]]);
}

static int sequence_add(lua_State *L) { /* self, of the policy's users, of the baseline's */
  lua_sequence *self = check_sequence(L);
  add_values(L, 2, &self->policy);
  add_values(L, 3, &self->baseline);
  return 0;
}

/* self → {lift, low, high} of now; nil: it is too early */
static int sequence_interval(lua_State *L) {
  const lua_sequence *self = check_sequence(L);
  prl_interval found;
  if (!prl_confidence_interval(&self->about, &self->policy, &self->baseline, &found)) {
    lua_pushnil(L);
    return 1;
  }
  lua_createtable(L, 0, 3);
  prl_field_number(L, "lift", found.lift);
  prl_field_number(L, "low", found.low);
  prl_field_number(L, "high", found.high);
  return 1;
}

static int sequence_users(lua_State *L) { /* self → of the policy, of the baseline */
  const lua_sequence *self = check_sequence(L);
  lua_pushnumber(L, self->policy.n);
  lua_pushnumber(L, self->baseline.n);
  return 2;
}

void prl_open_confidence(lua_State *L) {
  static const luaL_Reg functions[] = {{"confidence_sequence", sequence_new}, {NULL, NULL}};
  static const luaL_Reg sequence[] = {
      {"add", sequence_add}, {"interval", sequence_interval}, {"users", sequence_users}, {NULL, NULL}};
  prl_register(L, functions);
  prl_new_type(L, "perilune.confidence_sequence", sequence);
  lua_pop(L, 1);
}
