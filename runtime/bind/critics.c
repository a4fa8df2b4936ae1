/* What an agent's critics are judged by: methods of the agent (agent.c). */
#include "bind/bind.h"

#include <string.h>

#include "perilune/agent.h"
#include "tensor/tensor.h"

static prl_tensor *push_tensor(lua_State *L, prl_dtype dtype, int ndim, const int64_t *shape) {
  prl_error error;
  prl_tensor *out = prl_push_tensor(L);
  prl_check(L, prl_tensor_new(prl_state_get(L)->runtime, dtype, ndim, shape, out, &error), &error);
  return out;
}

static float *push_by_critic(lua_State *L, const prl_agent *agent, int64_t n) {
  return push_tensor(L, PRL_F32, 2, (int64_t[]){n, prl_agent_critics(agent)})->data;
}

static int64_t rows_of(lua_State *L, int index) {
  const prl_tensor *rows = prl_check_tensor(L, index);
  return rows->ndim > 0 ? rows->shape[0] : 0;
}

int prl_lua_agent_critics(lua_State *L) {
  prl_error error;
  int64_t parameters;
  const prl_agent *agent = prl_check_agent(L, 1);
  lua_newtable(L);
  for (int i = 0; i < prl_agent_critics(agent); i++) {
    lua_pushstring(L, prl_agent_critic(agent, i));
    lua_rawseti(L, -2, i + 1);
  }
  const prl_status status = prl_agent_value_parameters(agent, &parameters, &error);
  if (status == PRL_EABSENT) return 1;
  prl_check(L, status, &error);
  lua_pushnumber(L, (lua_Number)parameters);
  return 2;
}

int prl_lua_agent_values(lua_State *L) {
  prl_error error;
  prl_agent *agent = prl_check_agent(L, 1);
  const int64_t n = rows_of(L, 2);
  const float *observation =
      prl_check_matrix(L, 2, "observation", n, prl_agent_spec(agent)->observations)->data;
  float *out = push_by_critic(L, agent, n);
  prl_check(L, prl_agent_values(agent, observation, n, out, &error), &error);
  return 1;
}

int prl_lua_agent_rewards(lua_State *L) {
  prl_error error;
  prl_agent *agent = prl_check_agent(L, 1);
  const int64_t n = rows_of(L, 2);
  const float *response = prl_check_matrix(L, 2, "responses", n, prl_agent_spec(agent)->responses)->data;
  float *out = push_by_critic(L, agent, n);
  prl_check(L, prl_agent_rewards(agent, response, n, out, &error), &error);
  return 1;
}

int prl_lua_agent_rollout(lua_State *L) {
  static const char *const modes[] = {"sample", "mean", NULL};
  prl_error error;
  prl_lua_watch watch;
  prl_agent *agent = prl_check_agent(L, 1);
  prl_vecenv *env = prl_check_env(L, 2);
  const prl_env_spec *spec = prl_agent_spec(agent);
  const int64_t steps = prl_need_int(L, 3, "steps"), n = prl_vecenv_count(env);
  if (steps < 1 || steps > INT64_C(1) << 28)
    return luaL_error(L, "steps is %f; 1 to 2^28 are accepted", (double)steps);
  const int mode = prl_check_word(L, 4, "mode", PRL_MEAN, modes);
  lua_settop(L, 5);
  const prl_watch asked = prl_check_watch(L, 5, &watch);
  prl_rollout out;
  out.observation = push_tensor(L, PRL_F32, 3, (int64_t[]){steps, n, spec->observations})->data;
  out.response = push_tensor(L, PRL_F32, 3, (int64_t[]){steps, n, spec->responses})->data;
  int32_t *ends = push_tensor(L, PRL_I32, 2, (int64_t[]){steps, n})->data;
  out.elapsed_us = push_tensor(L, PRL_I64, 2, (int64_t[]){steps, n})->data;
  out.terminated = lua_newuserdata(L, (size_t)(steps * n));
  out.truncated = lua_newuserdata(L, (size_t)(steps * n));
  prl_agent_watch(agent, asked);
  const prl_status status = prl_agent_rollout(agent, env, steps, (prl_mode)mode, &out, &error);
  prl_agent_watch(agent, (prl_watch){0});
  if (watch.raised) return lua_error(L);
  prl_check(L, status, &error);
  for (int64_t i = 0; i < steps * n; i++) ends[i] = out.terminated[i] + 2 * out.truncated[i];
  lua_pop(L, 2);
  return 4;
}
