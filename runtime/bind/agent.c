/* The agent as userdata: the calls of perilune/agent.h. Misuse raises; save and load return nil, message,
 * code.
 *
 * Streams, decisions and events are whole numbers: a number, a table of them, or an int64 tensor. */
#include "bind/bind.h"

#include <math.h>
#include <string.h>

#include "perilune/agent.h"
#include "recipe/keys.h"
#include "tensor/tensor.h"

typedef struct lua_agent {
  prl_agent *agent;
  int64_t observations, actions, responses;
} lua_agent;

static lua_agent *check_agent(lua_State *L, int index) {
  lua_agent *self = luaL_checkudata(L, index, "perilune.agent");
  if (!self->agent) luaL_argerror(L, index, "this agent was closed");
  return self;
}

prl_agent *prl_check_agent(lua_State *L, int index) { return check_agent(L, index)->agent; }

static int agent_gc(lua_State *L) {
  lua_agent *self = lua_touserdata(L, 1);
  prl_agent_free(self->agent);
  self->agent = NULL;
  return 0;
}

static lua_agent *push_agent(lua_State *L) {
  lua_agent *self = lua_newuserdata(L, sizeof *self);
  *self = (lua_agent){0};
  luaL_getmetatable(L, "perilune.agent");
  lua_setmetatable(L, -2);
  return self;
}

/* Reads what the agent is made of, and keeps the names of its responses in the userdata's environment. */
static void learn_shape(lua_State *L, lua_agent *self) {
  const prl_env_spec *spec = prl_agent_spec(self->agent);
  self->observations = spec->observations;
  self->actions = spec->actions;
  self->responses = spec->responses;
  lua_newtable(L);
  for (int32_t i = 0; i < spec->responses; i++) {
    lua_pushnumber(L, (lua_Number)i);
    lua_setfield(L, -2, spec->response[i].name);
  }
  lua_setfenv(L, -2);
}

static int new_agent(lua_State *L) { /* plan */
  prl_error error;
  prl_plan *plan = prl_check_plan(L, 1);
  lua_agent *self = push_agent(L);
  prl_check(L, prl_agent_new(plan, &self->agent, &error), &error);
  learn_shape(L, self);
  return 1;
}

static int load_agent(lua_State *L) { /* path → agent, or nil, message, code */
  prl_error error;
  prl_state *state = prl_state_of(L);
  const char *path = luaL_checkstring(L, 1);
  lua_agent *self = push_agent(L);
  if (prl_agent_load(state->runtime, path, &self->agent, &error)) return prl_push_failure(L, &error);
  learn_shape(L, self);
  return 1;
}

static int save(lua_State *L) { /* self, path, env or nil → true, or nil, message, code */
  prl_error error;
  lua_agent *self = check_agent(L, 1);
  const char *path = luaL_checkstring(L, 2);
  const prl_vecenv *env = lua_isnoneornil(L, 3) ? NULL : prl_check_env(L, 3);
  if (prl_agent_save(self->agent, env, path, &error)) return prl_push_failure(L, &error);
  lua_pushboolean(L, 1);
  return 1;
}

static int load_env(lua_State *L) { /* self, path, env → true, or nil, message, code */
  prl_error error;
  lua_agent *self = check_agent(L, 1);
  if (prl_agent_load_env(self->agent, luaL_checkstring(L, 2), prl_check_env(L, 3), &error))
    return prl_push_failure(L, &error);
  lua_pushboolean(L, 1);
  return 1;
}

/* ---- Arguments ---- */

/* The number on the top as an id. position: in a table, or 0. */
static uint64_t check_id(lua_State *L, const char *argument, int64_t position) {
  const bool is_number = lua_type(L, -1) == LUA_TNUMBER;
  double number = is_number ? lua_tonumber(L, -1) : 0.5;
  if (number == floor(number) && fabs(number) <= 9007199254740992.0) return (uint64_t)(int64_t)number;
  const char *shown = is_number ? lua_tostring(L, -1) : luaL_typename(L, -1);
  if (position)
    luaL_error(L, "%s: item %d is %s; a whole number is needed (above 2^53: in an int64 tensor)", argument,
               (int)position, shown);
  return (uint64_t)luaL_error(L,
                              "%s: a whole number (above 2^53: in an int64 tensor), a table of them or an "
                              "int64 tensor is needed, not %s",
                              argument, shown);
}

/* Streams, decisions or events as uint64: from a number, a table or an int64 tensor. A converted list is left
 * on the stack. */
static const uint64_t *check_ids(lua_State *L, int index, const char *argument, int64_t *count) {
  const prl_tensor *tensor = prl_to_tensor(L, index);
  if (tensor) {
    if (tensor->dtype != PRL_I64 || !prl_tensor_contiguous(tensor))
      luaL_error(L, "%s: a contiguous int64 tensor is needed, not %s of %s", argument,
                 prl_tensor_contiguous(tensor) ? "one" : "a strided one", prl_dtype_name(tensor->dtype));
    *count = prl_tensor_count(tensor);
    return tensor->data;
  }
  bool table = lua_type(L, index) == LUA_TTABLE;
  if (table) prl_check_list(L, index, argument);
  *count = table ? (int64_t)lua_objlen(L, index) : 1;
  uint64_t *list = lua_newuserdata(L, ((size_t)*count + 1) * sizeof *list);
  for (int64_t i = 0; i < *count; i++) {
    if (table)
      lua_rawgeti(L, index, (int)i + 1);
    else
      lua_pushvalue(L, index);
    list[i] = check_id(L, argument, table ? i + 1 : 0);
    lua_pop(L, 1);
  }
  return list;
}

static const char *const modes[] = {"sample", "mean"};
static const char *const reasons[] = {"terminated", "truncated"};

/* One of two words; fallback where there is none, −1: it must be given. */
static int check_word(lua_State *L, int index, const char *argument, int fallback,
                      const char *const words[2]) {
  if (fallback >= 0 && lua_isnoneornil(L, index)) return fallback;
  bool text = lua_type(L, index) == LUA_TSTRING;
  for (int i = 0; text && i < 2; i++)
    if (!strcmp(lua_tostring(L, index), words[i])) return i;
  return luaL_error(
      L, text ? "%s is \"%s\"; \"%s\" or \"%s\" is needed" : "%s is %s; \"%s\" or \"%s\" is needed", argument,
      text ? lua_tostring(L, index) : luaL_typename(L, index), words[0], words[1]);
}

static prl_tensor *push_matrix(lua_State *L, prl_dtype dtype, int ndim, int64_t rows, int64_t columns) {
  prl_error error;
  prl_state *state = prl_state_get(L);
  int64_t shape[2] = {rows, columns};
  prl_tensor *out = prl_push_tensor(L);
  prl_check(L, prl_tensor_new(state->runtime, dtype, ndim, shape, out, &error), &error);
  return out;
}

static const float *check_observations(lua_State *L, int index, const lua_agent *self, int64_t n) {
  return prl_check_matrix(L, index, "observation", n, self->observations)->data;
}

/* Ids beside the rows of a call, one for each; NULL where there are none. */
static const uint64_t *check_beside(lua_State *L, int index, const char *argument, const char *row,
                                    int64_t n) {
  int64_t count;
  if (lua_isnoneornil(L, index)) return NULL;
  const uint64_t *ids = check_ids(L, index, argument, &count);
  if (count != n)
    luaL_error(L, "%s: one id for each of the %d %s is needed, not %d", argument, (int)n, row, (int)count);
  return ids;
}

/* group, salt = "" → its bucket, from 0 to 9999 (prl_bucket) */
static int bucket(lua_State *L) {
  int64_t n;
  lua_settop(L, 2);
  const char *salt = luaL_optstring(L, 2, "");
  const uint64_t *group = check_ids(L, 1, "group", &n);
  if (n != 1) return luaL_error(L, "group: one id is needed, not %d", (int)n);
  if (strlen(salt) > PRL_SALT_MOST)
    return luaL_error(L, "salt: at most %d bytes are accepted", PRL_SALT_MOST);
  lua_pushnumber(L, prl_bucket(*group, salt));
  return 1;
}

/* ---- The calls ---- */

/* self, streams, observations (n, observations), mode "sample" or "mean", record = true, groups (int64, n) or
 * nil → actions (n, actions), decisions (n) or nil */
static int act(lua_State *L) {
  prl_error error;
  int64_t n;
  lua_agent *self = check_agent(L, 1);
  int mode = check_word(L, 4, "mode", PRL_SAMPLE, modes);
  bool record = prl_check_flag(L, 5, "record", true);
  lua_settop(L, 6);
  const uint64_t *streams = check_ids(L, 2, "streams", &n),
                 *groups = check_beside(L, 6, "groups", "streams", n);
  const float *observation = check_observations(L, 3, self, n);
  float *action = push_matrix(L, PRL_F32, 2, n, self->actions)->data;
  uint64_t *decisions = record ? push_matrix(L, PRL_I64, 1, n, 0)->data : NULL;
  prl_check(
      L,
      prl_agent_act(self->agent, streams, groups, observation, n, (prl_mode)mode, action, decisions, &error),
      &error);
  return record ? 2 : 1;
}

/* self → log-densities (n) of the actions of the last act or drive, as far as they are kept */
static int act_log_prob(lua_State *L) {
  int64_t n;
  const float *from = prl_agent_act_log_prob(check_agent(L, 1)->agent, &n);
  memcpy(push_matrix(L, PRL_F32, 1, n, 0)->data, from, (size_t)n * sizeof(float));
  return 1;
}

/* self, observations (n, observations), actions (n, actions) → log-densities (n) */
static int log_prob(lua_State *L) {
  prl_error error;
  lua_agent *self = check_agent(L, 1);
  const prl_tensor *rows = prl_check_tensor(L, 2);
  int64_t n = rows->ndim > 0 ? rows->shape[0] : 0;
  const float *observation = check_observations(L, 2, self, n);
  const float *action = prl_check_matrix(L, 3, "action", n, self->actions)->data;
  float *out = push_matrix(L, PRL_F32, 1, n, 0)->data;
  prl_check(L, prl_agent_log_prob(self->agent, observation, action, n, out, &error), &error);
  return 1;
}

/* self, observations (n, observations) → log-probabilities of all choices (n, Σ choices) */
static int log_probs(lua_State *L) {
  prl_error error;
  lua_agent *self = check_agent(L, 1);
  const prl_tensor *rows = prl_check_tensor(L, 2);
  int64_t n = rows->ndim > 0 ? rows->shape[0] : 0;
  const float *observation = check_observations(L, 2, self, n);
  float *out = push_matrix(L, PRL_F32, 2, n, prl_agent_choices(self->agent))->data;
  prl_check(L, prl_agent_log_probs(self->agent, observation, n, out, &error), &error);
  return 1;
}

static int observe(lua_State *L) { /* self, streams, observations */
  prl_error error;
  int64_t n;
  lua_agent *self = check_agent(L, 1);
  const uint64_t *streams = check_ids(L, 2, "streams", &n);
  const float *observation = check_observations(L, 3, self, n);
  prl_check(L, prl_agent_observe(self->agent, streams, observation, n, &error), &error);
  return 0;
}

/* The column of the response whose name is below the top. */
static int64_t check_response(lua_State *L, const lua_agent *self) {
  lua_pushvalue(L, -2);
  lua_rawget(L, -4);
  if (!lua_isnil(L, -1)) {
    int64_t column = (int64_t)lua_tonumber(L, -1);
    lua_pop(L, 1);
    return column;
  }
  lua_pop(L, 1);
  const prl_response_spec *all = prl_agent_spec(self->agent)->response;
  const char **names = lua_newuserdata(L, ((size_t)self->responses + 1) * sizeof *names);
  for (int64_t i = 0; i < self->responses; i++) names[i] = all[i].name;
  const prl_keys known = {"feedback", "response", names, (int)self->responses, 0};
  prl_push_no_name(L, lua_type(L, -3) == LUA_TSTRING ? lua_tostring(L, -3) : luaL_typename(L, -3), &known);
  return prl_raise(L);
}

/* Responses by name, {watch_time = 12.5, like = 1}, for every decision of the call. */
static void named_responses(lua_State *L, const lua_agent *self, int64_t n, float **values,
                            uint8_t **present) {
  *values = lua_newuserdata(L, (size_t)(n * self->responses + 1) * sizeof(float));
  *present = lua_newuserdata(L, (size_t)(n * self->responses + 1));
  memset(*present, 0, (size_t)(n * self->responses));
  lua_getfenv(L, 1);
  for (lua_pushnil(L); lua_next(L, 3); lua_pop(L, 1)) {
    int64_t column = check_response(L, self);
    if (lua_type(L, -1) != LUA_TNUMBER)
      luaL_error(L,
                 "feedback: response %s: a number is needed, for every decision of the call, not %s; one for "
                 "each decision comes as a tensor of all responses (n, %d)",
                 lua_tostring(L, -2), luaL_typename(L, -1), (int)self->responses);
    for (int64_t i = 0; i < n; i++) {
      (*values)[i * self->responses + column] = (float)lua_tonumber(L, -1);
      (*present)[i * self->responses + column] = 1;
    }
  }
  lua_pop(L, 1);
}

static const uint8_t *check_present(lua_State *L, const lua_agent *self, int64_t n) {
  if (lua_isnoneornil(L, 4)) return NULL;
  const prl_tensor *mask = prl_check_matrix(L, 4, "present", n, self->responses);
  uint8_t *present = lua_newuserdata(L, (size_t)(n * self->responses) + 1);
  for (int64_t i = 0; i < n * self->responses; i++) present[i] = ((const float *)mask->data)[i] != 0;
  return present;
}

/* self, decisions, responses (n, responses) or {name = value}, present (n, responses) or nil, events (int64,
 * n) or nil */
static int feedback(lua_State *L) {
  prl_error error;
  int64_t n;
  lua_agent *self = check_agent(L, 1);
  lua_settop(L, 5);
  const uint64_t *decisions = check_ids(L, 2, "decisions", &n);
  const uint64_t *events = check_beside(L, 5, "events", "decisions", n);
  float *values;
  const uint8_t *present;
  if (lua_type(L, 3) == LUA_TTABLE) {
    named_responses(L, self, n, &values, (uint8_t **)&present);
  } else {
    values = prl_check_matrix(L, 3, "responses", n, self->responses)->data;
    present = check_present(L, self, n);
  }
  prl_check(L, prl_agent_feedback(self->agent, decisions, values, present, events, n, &error), &error);
  return 0;
}

/* self, streams, "terminated" | "truncated", final observations (n, observations) or nil: a stream that
 * cannot be finished does not keep the others open */
static int finish(lua_State *L) {
  prl_error error, other;
  int64_t n;
  lua_agent *self = check_agent(L, 1);
  lua_settop(L, 4);
  int reason = check_word(L, 3, "reason", -1, reasons);
  const uint64_t *streams = check_ids(L, 2, "streams", &n);
  const float *last = NULL;
  if (!lua_isnil(L, 4)) {
    const prl_tensor *tensor = prl_check_tensor(L, 4);
    bool row = n == 1 && tensor->ndim == 1 && tensor->dtype == PRL_F32 && prl_tensor_contiguous(tensor) &&
               tensor->shape[0] == self->observations;
    last = row ? tensor->data : prl_check_matrix(L, 4, "final observation", n, self->observations)->data;
  }
  prl_status first = PRL_OK;
  for (int64_t i = 0; i < n; i++) {
    prl_status status =
        prl_agent_finish(self->agent, streams[i], (prl_finish_reason)reason,
                         last ? last + i * self->observations : NULL, first ? &other : &error);
    if (!first) first = status;
  }
  prl_check(L, first, &error);
  return 0;
}

/* self, "terminated" | "truncated" → how many episodes were open */
static int finish_all(lua_State *L) {
  lua_agent *self = check_agent(L, 1);
  int reason = check_word(L, 2, "reason", -1, reasons);
  lua_pushnumber(L, (lua_Number)prl_agent_finish_all(self->agent, (prl_finish_reason)reason));
  return 1;
}

static int world_time(lua_State *L) { /* self, µs or nothing → the time that is now, µs */
  prl_error error;
  lua_agent *self = check_agent(L, 1);
  if (!lua_isnone(L, 2))
    prl_check(L, prl_agent_time(self->agent, prl_need_int(L, 2, "the time in µs"), &error), &error);
  lua_pushnumber(L, (lua_Number)prl_agent_now(self->agent));
  return 1;
}

static void push_progress(lua_State *L, const prl_progress *progress) {
  lua_createtable(L, 0, 5);
  lua_pushboolean(L, progress->waiting);
  lua_setfield(L, -2, "waiting");
  lua_pushnumber(L, (lua_Number)progress->updates);
  lua_setfield(L, -2, "updates");
  lua_pushnumber(L, (lua_Number)progress->steps);
  lua_setfield(L, -2, "steps");
  lua_pushnumber(L, (lua_Number)progress->version);
  lua_setfield(L, -2, "version");
  lua_pushstring(L, progress->verb);
  lua_setfield(L, -2, "verb");
}

static int learn(lua_State *L) { /* self, budget in µs (nil or 0: no bound) → progress */
  prl_error error;
  prl_progress progress;
  lua_agent *self = check_agent(L, 1);
  prl_check(L, prl_agent_learn(self->agent, prl_check_budget(L, 2), &progress, &error), &error);
  push_progress(L, &progress);
  return 1;
}

/* After a call that was watched. */
static void end_watch(lua_State *L, const lua_agent *self, const prl_lua_watch *watch) {
  prl_agent_watch(self->agent, (prl_watch){0});
  if (watch->raised) lua_error(L);
}

/* self, env, steps, stop_at_update, watch → steps made and simulated days lived (0 without a clock), in all
 * streams */
static int lag(lua_State *L) {
  prl_error error;
  lua_agent *self = check_agent(L, 1);
  prl_check(L, prl_agent_lag(self->agent, prl_need_int(L, 2, "updates"), &error), &error);
  return 0;
}

static int drive(lua_State *L) {
  prl_error error;
  int64_t made;
  prl_lua_watch watch;
  lua_agent *self = check_agent(L, 1);
  prl_vecenv *env = prl_check_env(L, 2);
  int64_t steps = prl_need_int(L, 3, "steps");
  const bool stop_at_update = prl_check_flag(L, 4, "stop_at_update", false);
  prl_agent_watch(self->agent, prl_check_watch(L, 5, &watch));
  prl_status status = prl_agent_drive(self->agent, env, steps, stop_at_update, &made, &error);
  end_watch(L, self, &watch);
  prl_check(L, status, &error);
  lua_pushnumber(L, (lua_Number)made);
  lua_pushnumber(L, prl_agent_days_driven(self->agent));
  return 2;
}

/* self, env, episodes, mode, watch → responses (episodes, responses) float64: each episode's sums; lengths
 * (episodes) int64 */
static int evaluate(lua_State *L) {
  prl_error error;
  lua_agent *self = check_agent(L, 1);
  prl_vecenv *env = prl_check_env(L, 2);
  int64_t episodes = prl_need_int(L, 3, "episodes");
  if (episodes < 1) return luaL_error(L, "episodes is %f; at least 1 is needed", (double)episodes);
  prl_lua_watch watch;
  prl_watch asked = prl_check_watch(L, 5, &watch);
  lua_settop(L, 5);
  int mode = check_word(L, 4, "mode", PRL_MEAN, modes);
  double *responses = push_matrix(L, PRL_F64, 2, episodes, self->responses)->data;
  int64_t *lengths = push_matrix(L, PRL_I64, 1, episodes, 0)->data;
  prl_agent_watch(self->agent, asked);
  prl_status status =
      prl_agent_evaluate(self->agent, env, episodes, (prl_mode)mode, responses, lengths, &error);
  end_watch(L, self, &watch);
  prl_check(L, status, &error);
  return 2;
}

/* The name of a live option. */
static const char *check_option(lua_State *L, int index) {
  if (lua_type(L, index) == LUA_TSTRING) return lua_tostring(L, index);
  lua_pushfstring(L, "the option is a %s; a name such as \"algorithm.lr\" is needed",
                  luaL_typename(L, index));
  prl_raise(L);
  return NULL;
}

static int set(lua_State *L) { /* self, option, value */
  prl_error error;
  prl_agent *agent = check_agent(L, 1)->agent;
  const char *option = check_option(L, 2);
  prl_check(L, prl_agent_set(agent, option, prl_need_number(L, 3, option), &error), &error);
  return 0;
}

static int get(lua_State *L) { /* self, option → value */
  prl_error error;
  double value;
  prl_check(L, prl_agent_get(check_agent(L, 1)->agent, check_option(L, 2), &value, &error), &error);
  lua_pushnumber(L, value);
  return 1;
}

static int hash(lua_State *L) { /* self → of the recipe in force: 32 hexadecimal digits */
  lua_pushstring(L, prl_agent_hash(check_agent(L, 1)->agent));
  return 1;
}

/* self, other (an agent): begins with what that has learned → [{part, name, taken, of}] */
static int start_from(lua_State *L) {
  prl_error error;
  const prl_taken *list;
  int count;
  prl_check(L,
            prl_agent_start_from(check_agent(L, 1)->agent, check_agent(L, 2)->agent, &list, &count, &error),
            &error);
  lua_createtable(L, count, 0);
  for (int i = 0; i < count; i++) {
    lua_createtable(L, 0, 4);
    lua_pushstring(L, list[i].part);
    lua_setfield(L, -2, "part");
    lua_pushstring(L, list[i].name);
    lua_setfield(L, -2, "name");
    lua_pushnumber(L, (double)list[i].taken);
    lua_setfield(L, -2, "taken");
    lua_pushnumber(L, (double)list[i].of);
    lua_setfield(L, -2, "of");
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

/* self → {observation, action, responses}, as prl.env_spec gives them */
static int spec(lua_State *L) {
  prl_push_shape(L, prl_agent_spec(check_agent(L, 1)->agent));
  return 1;
}

/* self → {name = value} */
static int metrics(lua_State *L) {
  const prl_metric *list;
  int count = prl_agent_metrics(check_agent(L, 1)->agent, &list);
  lua_createtable(L, 0, count);
  for (int i = 0; i < count; i++) {
    lua_pushnumber(L, list[i].value);
    lua_setfield(L, -2, list[i].name);
  }
  return 1;
}

static int notice(lua_State *L) { /* self → what to know of a capacity that was full; nil */
  lua_pushstring(L, prl_agent_notice(check_agent(L, 1)->agent));
  return 1;
}

/* self → {kind = {title, text}}: what metrics mean, by name up to a "/"; {kind, …}: as they are reported */
static int meanings(lua_State *L) {
  const prl_metric *list;
  int count = prl_agent_meanings(check_agent(L, 1)->agent, &list), kinds = 0;
  lua_createtable(L, 0, count);
  lua_createtable(L, count, 0);
  for (int i = 0; i < count; i++) {
    if (!*list[i].title) continue;
    lua_pushlstring(L, list[i].name, strcspn(list[i].name, "/"));
    lua_pushvalue(L, -1);
    lua_rawget(L, -4);
    const bool known = !lua_isnil(L, -1);
    lua_pop(L, 1);
    if (known) {
      lua_pop(L, 1);
      continue;
    }
    lua_pushvalue(L, -1);
    lua_rawseti(L, -3, ++kinds);
    lua_createtable(L, 2, 0);
    lua_pushstring(L, list[i].title);
    lua_rawseti(L, -2, 1);
    lua_pushstring(L, list[i].text);
    lua_rawseti(L, -2, 2);
    lua_rawset(L, -4);
  }
  return 2;
}

void prl_open_agent(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"agent", new_agent}, {"load_agent", load_agent}, {"bucket", bucket}, {NULL, NULL}};
  static const luaL_Reg methods[] = {{"act", act},
                                     {"act_log_prob", act_log_prob},
                                     {"log_prob", log_prob},
                                     {"log_probs", log_probs},
                                     {"observe", observe},
                                     {"feedback", feedback},
                                     {"finish", finish},
                                     {"finish_all", finish_all},
                                     {"time", world_time},
                                     {"learn", learn},
                                     {"drive", drive},
                                     {"lag", lag},
                                     {"evaluate", evaluate},
                                     {"rollout", prl_lua_agent_rollout},
                                     {"critics", prl_lua_agent_critics},
                                     {"values", prl_lua_agent_values},
                                     {"rewards", prl_lua_agent_rewards},
                                     {"set", set},
                                     {"get", get},
                                     {"spec", spec},
                                     {"metrics", metrics},
                                     {"meanings", meanings},
                                     {"notice", notice},
                                     {"guards", prl_lua_agent_guards},
                                     {"ramp", prl_lua_agent_ramp},
                                     {"breach", prl_lua_agent_breach},
                                     {"save", save},
                                     {"load_env", load_env},
                                     {"swap", prl_lua_agent_swap},
                                     {"check_swap", prl_lua_agent_check_swap},
                                     {"refit", prl_lua_agent_refit},
                                     {"confirm", prl_lua_agent_confirm},
                                     {"shadow", prl_lua_agent_shadow},
                                     {"rollback", prl_lua_agent_rollback},
                                     {"previous", prl_lua_agent_previous},
                                     {"hash", hash},
                                     {"start_from", start_from},
                                     {"free", agent_gc},
                                     {"__gc", agent_gc},
                                     {NULL, NULL}};
  prl_register(L, functions);
  prl_new_type(L, "perilune.agent", methods);
  lua_pop(L, 1);
}
