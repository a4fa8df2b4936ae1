/* Environments written in Lua: each instance is a table of the file's, called through the same functions as
 * C. */
#include "recipe/compat.h"
#include "recipe/lua_env.h"

#include <lauxlib.h>
#include <lualib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/rng.h"
#include "io/file.h"
#include "recipe/keys.h"
#include "recipe/lua_libraries.h"
#include "recipe/lua_machine.h"
#include "recipe/order.h"
#include "recipe/value.h"

typedef struct prl_lua_env lua_env;

enum { FILE_CAP = 1 << 22, SITE_RESET = 1, SITE_STEP = 2 };
enum { REF_NEW, REF_RESET, REF_STEP, REF_SAVE, REF_LOAD, REF_INSTANCES, REF_ACTION, REF_OPTIONS, REFS };
static const char *const function_names[] = {"new", "reset", "step", "save", "load"};

/* One vector env's lua_State and what it works on: the `shared` block. */
typedef struct machine {
  const lua_env *env;
  prl_lua_memory memory;
  lua_State *L;
  int ref[REFS];
  /* During a call: */
  const prl_env_batch *batch;
  const uint8_t *mask;
  int64_t instance; /* −1: none */
  uint32_t site, drawn, word[4];
  prl_doc *doc;     /* saved data, in or out */
  prl_status cause; /* prl_lua_failure */
} machine;

/* ---- math.random: drawn from the instance's own address ---- */

static double next_uniform(lua_State *L, machine *m) {
  if (m->instance < 0 || m->site == 0) luaL_error(L, "math.random draws only inside of new, reset and step");
  const prl_env_batch *b = m->batch;
  int64_t i = m->instance;
  if (m->drawn % 4 == 0)
    prl_rng_block(prl_rng_make(b->seed, b->stream[i], PRL_SITE_ENV + m->site), 0, b->episode[i], b->step[i],
                  m->drawn / 4, m->word);
  return ((double)m->word[m->drawn++ % 4] + 0.5) * 0x1p-32;
}

/* As in Lua: () in (0, 1), (n) a whole number from 1 to n, (a, b) from a to b. */
static int lua_random(lua_State *L) {
  machine *m = lua_touserdata(L, lua_upvalueindex(1));
  double u = next_uniform(L, m);
  if (lua_gettop(L) == 0) {
    lua_pushnumber(L, u);
    return 1;
  }
  double low = lua_gettop(L) == 1 ? 1 : luaL_checknumber(L, 1);
  double high = luaL_checknumber(L, lua_gettop(L) == 1 ? 1 : 2);
  luaL_argcheck(L, low <= high, lua_gettop(L), "interval is empty");
  lua_pushnumber(L, floor(low) + floor(u * (floor(high) - floor(low) + 1)));
  return 1;
}

static int lua_randomseed(lua_State *L) {
  return luaL_error(L, "math.randomseed: draws are keyed by seed, stream, episode and step already");
}

/* ---- Running the file ---- */

static int require_perilune(lua_State *L) {
  const lua_env *env = lua_touserdata(L, lua_upvalueindex(1));
  return env->module(L, env->runtime);
}

static void preload_perilune(lua_State *L, const lua_env *env) {
  if (!env->module) return;
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  lua_pushlightuserdata(L, (void *)env);
  lua_pushcclosure(L, require_perilune, 1);
  lua_setfield(L, -2, "perilune");
  lua_pop(L, 2);
}

static void run_file(lua_State *L, const lua_env *env, machine *m) {
  prl_lua_open_libraries(L);
  preload_perilune(L, env);
  prl_lua_order_globals(L); /* a draw within a loop is the same in every process */
  lua_getglobal(L, "math");
  lua_pushlightuserdata(L, m);
  lua_pushcclosure(L, lua_random, 1);
  lua_setfield(L, -2, "random");
  lua_pushcfunction(L, lua_randomseed);
  lua_setfield(L, -2, "randomseed");
  lua_pop(L, 1);
  int failure = luaL_loadbuffer(L, env->text, env->size, env->chunk);
  if (failure == LUA_ERRMEM) m->cause = PRL_ENOMEM; /* which lua_error would not tell */
  if (failure) lua_error(L);
  const char *path = env->chunk + 1, *slash = strrchr(path, '/');
  if (slash)
    lua_pushlstring(L, path, (size_t)(slash - path) + 1);
  else
    lua_pushliteral(L, "./");
  lua_call(L, 1, 1);
}

/* "path/to/tank.lua" → "tank" */
static void base_name(const char *path, char *name, size_t size) {
  const char *slash = strrchr(path, '/');
  snprintf(name, size, "%s", slash ? slash + 1 : path);
  char *dot = strrchr(name, '.');
  if (dot && dot != name) *dot = 0;
}

typedef struct declaration {
  lua_env *env;
  machine nobody; /* for math.random, which refuses to draw */
} declaration;

static int declare(lua_State *L) {
  declaration *d = lua_touserdata(L, 1);
  char name[100];
  base_name(d->env->chunk + 1, name, sizeof name);
  run_file(L, d->env, &d->nobody);
  prl_lua_declare(L, d->env, name);
  return 0;
}

/* ---- Calling its functions ---- */

static void push_ref(lua_State *L, const machine *m, int which) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, m->ref[which]);
}

static void push_self(lua_State *L, const machine *m, int64_t i) {
  push_ref(L, m, REF_INSTANCES);
  lua_rawgeti(L, -1, (int)i + 1);
  lua_remove(L, -2);
}

/* Makes the instance's table where it has none yet. */
static void ensure_self(lua_State *L, machine *m, int64_t i) {
  push_self(L, m, i);
  bool there = !lua_isnil(L, -1);
  lua_pop(L, 1);
  if (there) return;
  push_ref(L, m, REF_INSTANCES);
  if (m->env->has_new) {
    push_ref(L, m, REF_NEW);
    push_ref(L, m, REF_OPTIONS);
    lua_call(L, 1, 1);
    if (lua_isnil(L, -1)) luaL_error(L, "new(options) returned nothing; the instance's table is needed");
  } else {
    lua_newtable(L);
    push_ref(L, m, REF_OPTIONS);
    lua_setfield(L, -2, "options");
  }
  lua_rawseti(L, -2, (int)i + 1);
  lua_pop(L, 1);
}

/* The observation at the stack index, numbers in the order of the declaration. */
static void read_observation(lua_State *L, const machine *m, int index, const char *function, float *row) {
  const prl_env_spec *spec = &m->env->spec;
  if (lua_type(L, index) != LUA_TTABLE)
    luaL_error(L, "%s returned a %s; its first value is the observation, a list of %d numbers", function,
               luaL_typename(L, index), (int)spec->observations);
  int count = (int)lua_objlen(L, index);
  if (count != spec->observations)
    luaL_error(L, "%s returned an observation of %d numbers; %d are needed", function, count,
               (int)spec->observations);
  for (int k = 0; k < count; k++) {
    lua_rawgeti(L, index, k + 1);
    double value = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : NAN;
    if (!(fabs(value) <= 3.4e38)) {
      const char *shown = lua_type(L, -1) == LUA_TNUMBER ? lua_tostring(L, -1) : luaL_typename(L, -1);
      luaL_error(L, "%s: observation %s is %s; a finite number is needed", function,
                 spec->observation[k].name, shown);
    }
    row[k] = (float)value;
    lua_pop(L, 1);
  }
}

static float response_number(lua_State *L, const prl_response_spec *response) {
  double value = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : NAN;
  if (!(fabs(value) <= 3.4e38)) {
    const char *shown = lua_type(L, -1) == LUA_TNUMBER ? lua_tostring(L, -1) : luaL_typename(L, -1);
    luaL_error(L, "step: response %s is %s; a finite number is needed", response->name, shown);
  }
  return (float)value;
}

static void refuse_response(lua_State *L, const prl_env_spec *spec, int index) {
  const char **names = lua_newuserdata(L, (size_t)spec->responses * sizeof *names);
  for (int r = 0; r < spec->responses; r++) names[r] = spec->response[r].name;
  const prl_keys known = {"step", "response", names, spec->responses, 0};
  if (prl_push_unknown_key(L, index, &known)) luaL_error(L, "%s", lua_tostring(L, -1));
}

/* A table by names, where what is absent is missing; a number, where there is one response; or nil. */
static void read_responses(lua_State *L, const machine *m, int index, float *row) {
  const prl_env_spec *spec = &m->env->spec;
  int type = lua_type(L, index), found = 0, given = 0;
  if (type == LUA_TNIL) return;
  if (type == LUA_TNUMBER && spec->responses == 1) {
    lua_pushvalue(L, index);
    row[0] = response_number(L, spec->response);
    lua_pop(L, 1);
    return;
  }
  if (type != LUA_TTABLE)
    luaL_error(L, "step: the second value is a %s; a table of responses by name is needed",
               lua_typename(L, type));
  for (int r = 0; r < spec->responses; r++) {
    lua_getfield(L, index, spec->response[r].name);
    if (!lua_isnil(L, -1)) {
      row[r] = response_number(L, &spec->response[r]);
      found++;
    }
    lua_pop(L, 1);
  }
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) given++;
  if (given != found) refuse_response(L, spec, index);
}

static int reset_all(lua_State *L) {
  machine *m = lua_touserdata(L, 1);
  const prl_env_batch *b = m->batch;
  m->site = SITE_RESET;
  for (int64_t i = 0; i < b->n; i++) {
    if (m->mask && !m->mask[i]) continue;
    m->instance = i;
    m->drawn = 0;
    ensure_self(L, m, i);
    push_ref(L, m, REF_RESET);
    push_self(L, m, i);
    lua_call(L, 1, 1);
    read_observation(L, m, lua_gettop(L), "reset", b->observation + i * m->env->spec.observations);
    lua_settop(L, 1);
  }
  return 0;
}

static void push_action(lua_State *L, const machine *m, const float *row) {
  const prl_env_spec *spec = &m->env->spec;
  push_ref(L, m, REF_ACTION);
  for (int a = 0; a < spec->actions; a++) {
    const prl_action_spec *action = &spec->action[a];
    double value = row[a];
    if (spec->action_kind == PRL_ACTION_CONTINUOUS) value = fmin(fmax(value, action->low), action->high);
    lua_pushnumber(L, value);
    lua_setfield(L, -2, action->name);
  }
}

static int step_all(lua_State *L) {
  machine *m = lua_touserdata(L, 1);
  const prl_env_batch *b = m->batch;
  const prl_env_spec *spec = &m->env->spec;
  m->site = SITE_STEP;
  for (int64_t i = 0; i < b->n; i++) {
    m->instance = i;
    m->drawn = 0;
    push_ref(L, m, REF_STEP);
    push_self(L, m, i);
    push_action(L, m, b->action + i * spec->actions);
    lua_call(L, 2, 4); /* 2: observation, 3: responses, 4: terminated, 5: elapsed seconds */
    read_observation(L, m, 2, "step", b->observation + i * spec->observations);
    read_responses(L, m, 3, b->response + i * spec->responses);
    if (!lua_isnil(L, 4) && !lua_isboolean(L, 4))
      luaL_error(L, "step: the third value is a %s; true where the episode ended of itself",
                 luaL_typename(L, 4));
    b->terminated[i] = (uint8_t)lua_toboolean(L, 4);
    double seconds = lua_isnil(L, 5) ? 0 : lua_type(L, 5) == LUA_TNUMBER ? lua_tonumber(L, 5) : -1;
    if (!(seconds >= 0 && seconds < 1e12))
      luaL_error(L, "step: the fourth value is the seconds that passed, not %s", luaL_typename(L, 5));
    b->elapsed_us[i] = (int64_t)(seconds * 1e6 + 0.5);
    lua_settop(L, 1);
  }
  return 0;
}

/* ---- Saving: what save(self) gives, as one JSON array ---- */

static int save_all(lua_State *L) {
  machine *m = lua_touserdata(L, 1);
  prl_error error;
  prl_set_array(&m->doc->root);
  for (int64_t i = 0; i < m->batch->n; i++) {
    prl_value *to = prl_push(m->doc, &m->doc->root);
    if (!to) {
      m->cause = PRL_ENOMEM;
      return luaL_error(L, "not enough memory");
    }
    push_self(L, m, i);
    if (lua_isnil(L, -1)) continue; /* not reset yet */
    lua_pop(L, 1);
    m->instance = i;
    push_ref(L, m, REF_SAVE);
    push_self(L, m, i);
    lua_call(L, 1, 1);
    m->cause = prl_value_from_lua(L, lua_gettop(L), NULL, m->doc, to, &error);
    if (m->cause) return luaL_error(L, "save: %s", error.message);
    lua_settop(L, 1);
  }
  return 0;
}

static int load_all(lua_State *L) {
  machine *m = lua_touserdata(L, 1);
  lua_newtable(L);
  for (int64_t i = 0; i < m->batch->n; i++) {
    const prl_value *data = prl_item(&m->doc->root, i);
    if (data->kind == PRL_NULL) continue;
    m->instance = i;
    push_ref(L, m, REF_LOAD);
    prl_value_push(L, data);
    push_ref(L, m, REF_OPTIONS);
    lua_call(L, 2, 1);
    if (lua_isnil(L, -1))
      return luaL_error(L, "load(data, options) returned nothing; the instance's table is needed");
    lua_rawseti(L, 2, (int)i + 1);
  }
  lua_rawseti(L, LUA_REGISTRYINDEX, m->ref[REF_INSTANCES]);
  return 0;
}

/* ---- The type's functions ---- */

static prl_status call(const prl_env_batch *batch, const uint8_t *mask, prl_doc *doc, lua_CFunction function,
                       prl_error *error) {
  /* The block belongs to this environment; only its address is behind a const pointer. */
  machine *m = *(machine *const *)batch->shared;
  m->batch = batch;
  m->mask = mask;
  m->doc = doc;
  m->instance = -1;
  m->site = 0;
  m->cause = PRL_OK;
  int failure = prl_lua_protect(m->L, function, m);
  char prefix[160];
  if (m->instance >= 0)
    snprintf(prefix, sizeof prefix, "instance %lld of the environment '%.80s': ", (long long)m->instance,
             m->env->type.name);
  else
    snprintf(prefix, sizeof prefix, "the environment '%.80s': ", m->env->type.name);
  m->batch = NULL;
  m->doc = NULL;
  m->instance = -1;
  return failure ? prl_lua_failure(m->L, failure, m->cause, prefix, error) : PRL_OK;
}

static prl_status reset(const prl_env_batch *batch, const uint8_t *mask, prl_error *error) {
  return call(batch, mask, NULL, reset_all, error);
}

static prl_status step(const prl_env_batch *batch, prl_error *error) {
  return call(batch, NULL, NULL, step_all, error);
}

static prl_status save(const prl_env_batch *batch, void *bytes, int64_t *size, prl_error *error) {
  machine *m = *(machine *const *)batch->shared;
  prl_doc *doc;
  char *text = NULL;
  size_t length = 0;
  prl_status status = prl_doc_new(m->memory.runtime, &doc, error);
  if (status) return status;
  status = call(batch, NULL, doc, save_all, error);
  if (!status) status = prl_json_write(m->memory.runtime, &doc->root, true, 0, &text, &length, error);
  prl_doc_free(doc);
  if (status) return status;
  if (bytes && (int64_t)length != *size)
    status = prl_fail(error, PRL_ESTATE, "the environment '%s': save gave %lld bytes and then %lld",
                      m->env->type.name, (long long)*size, (long long)length);
  else if (bytes)
    memcpy(bytes, text, length);
  else
    *size = (int64_t)length;
  prl_free(m->memory.runtime, text);
  return status;
}

static prl_status load(const prl_env_batch *batch, const void *bytes, int64_t size, prl_error *error) {
  machine *m = *(machine *const *)batch->shared;
  prl_doc *doc;
  prl_status status = prl_json_parse(m->memory.runtime, bytes, (size_t)size, &doc, error);
  if (status) return status;
  if (doc->root.kind != PRL_ARRAY || doc->root.count != batch->n)
    status = prl_fail(error, PRL_EFORMAT,
                      "the saved state of the environment '%s' holds %lld instances; %lld are needed",
                      m->env->type.name, (long long)prl_count(&doc->root), (long long)batch->n);
  else
    status = call(batch, NULL, doc, load_all, error);
  prl_doc_free(doc);
  return status;
}

/* options, name: one that the file does not declare; upvalue: the env */
static int missing_option(lua_State *L) {
  const lua_env *env = lua_touserdata(L, lua_upvalueindex(1));
  if (lua_type(L, 2) != LUA_TSTRING) return 0;
  const char **names = lua_newuserdata(L, (size_t)env->option_count * sizeof *names);
  for (int i = 0; i < env->option_count; i++) names[i] = env->type.options[i].name;
  const prl_keys known = {"the environment", "option", names, env->option_count, 0};
  prl_push_no_name(L, lua_tostring(L, 2), &known);
  return luaL_error(L, "%s", lua_tostring(L, -1));
}

/* Lets the table of options on the top refuse a name that is none. */
static void make_strict(lua_State *L, const lua_env *env) {
  lua_createtable(L, 0, 1);
  lua_pushlightuserdata(L, (void *)env);
  lua_pushcclosure(L, missing_option, 1);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
}

static int prepare(lua_State *L) {
  machine *m = lua_touserdata(L, 1);
  const double *options = m->batch->options;
  run_file(L, m->env, m); /* 2: its table */
  if (lua_type(L, 2) != LUA_TTABLE)
    return luaL_error(L, "the file returned a table once and now a %s", luaL_typename(L, 2));
  for (int f = REF_NEW; f <= REF_LOAD; f++) {
    lua_getfield(L, 2, function_names[f]);
    m->ref[f] = luaL_ref(L, LUA_REGISTRYINDEX);
  }
  lua_newtable(L);
  for (int i = 0; i < m->env->option_count; i++) {
    lua_pushnumber(L, options[i]);
    lua_setfield(L, -2, m->env->type.options[i].name);
  }
  make_strict(L, m->env);
  m->ref[REF_OPTIONS] = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_newtable(L);
  m->ref[REF_INSTANCES] = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_newtable(L);
  m->ref[REF_ACTION] = luaL_ref(L, LUA_REGISTRYINDEX);
  return 0;
}

static void free_machine(machine *m) {
  prl_runtime *runtime = m->memory.runtime;
  prl_lua_memory_close(&m->memory, m->L);
  prl_free(runtime, m);
}

static prl_status open_machine(const prl_env_type *type, const double *options, uint64_t seed, void *shared,
                               prl_error *error) {
  const lua_env *env = type->context;
  machine *m = prl_calloc(env->runtime, 1, sizeof *m);
  if (!m) return prl_fail_memory(error, sizeof *m);
  m->env = env;
  m->memory.runtime = env->runtime;
  m->instance = -1;
  prl_status status = prl_lua_memory_open(&m->memory, env->runtime, NULL, NULL, &m->L, error);
  if (!status) {
    prl_env_batch batch = {.options = options};
    m->batch = &batch;
    int failure = prl_lua_protect(m->L, prepare, m);
    m->batch = NULL;
    if (failure) status = prl_lua_failure(m->L, failure, m->cause, "", error);
  }
  if (status) {
    free_machine(m);
    return status;
  }
  *(machine **)shared = m;
  return PRL_OK;
}

static void close_machine(void *shared) { free_machine(*(machine **)shared); }

static prl_status make_spec(const prl_env_type *type, const double *options, prl_env_spec *spec,
                            prl_error *error) {
  const lua_env *env = type->context;
  double max_steps = options[env->option_count - 1];
  if (max_steps != floor(max_steps))
    return prl_fail(error, PRL_EINVAL, "max_steps is %g; a whole number is needed", max_steps);
  *spec = env->spec;
  spec->max_steps = (int64_t)max_steps;
  spec->shared_size = sizeof(machine *);
  spec->unsaved = !env->saves;
  return PRL_OK;
}

/* ---- The file ---- */

static prl_status read_declaration(lua_env *env, prl_error *error) {
  prl_lua_memory memory;
  lua_State *L;
  prl_status status = prl_lua_memory_open(&memory, env->runtime, NULL, NULL, &L, error);
  if (status) return status;
  declaration d = {.env = env, .nobody = {.instance = -1}};
  int failure = prl_lua_protect(L, declare, &d);
  if (failure) {
    char prefix[300] = "";
    /* What Lua raised names file and line; what is missing in the declaration names only the file. */
    const char *message = lua_tostring(L, -1);
    if (!message || !strstr(message, ".lua:")) snprintf(prefix, sizeof prefix, "%s: ", env->chunk + 1);
    status = prl_lua_failure(L, failure, env->cause ? env->cause : d.nobody.cause, prefix, error);
  }
  prl_lua_memory_close(&memory, L);
  return status;
}

prl_status prl_lua_env_open(prl_runtime *runtime, const char *path, prl_lua_module *module, prl_lua_env **out,
                            prl_error *error) {
  prl_error own;
  if (!error) error = &own;
  lua_env *env = prl_calloc(runtime, 1, sizeof *env);
  if (!env) return prl_fail_memory(error, sizeof *env);
  env->runtime = prl_runtime_retain(runtime);
  env->module = module;
  prl_arena_init(&env->arena, runtime);
  env->type = (prl_env_type){.abi = PRL_ENV_ABI,
                             .context = env,
                             .spec = make_spec,
                             .open = open_machine,
                             .close = close_machine,
                             .reset = reset,
                             .step = step,
                             .save = save,
                             .load = load};
  prl_status status = prl_file_read(runtime, path, FILE_CAP, &env->text, &env->size, error);
  size_t length = strlen(path);
  char *chunk = status ? NULL : prl_arena_alloc(&env->arena, length + 2);
  if (!status && !chunk) status = prl_fail_memory(error, length + 2);
  if (!status) {
    chunk[0] = '@';
    memcpy(chunk + 1, path, length);
    env->chunk = chunk;
    status = read_declaration(env, error);
  }
  if (status) {
    prl_lua_env_close(env);
    return status;
  }
  *out = env;
  return PRL_OK;
}

const prl_env_type *prl_lua_env_type(const prl_lua_env *env) { return &env->type; }

void prl_lua_env_close(prl_lua_env *env) {
  if (!env) return;
  prl_runtime *runtime = env->runtime;
  prl_arena_deinit(&env->arena);
  prl_free(runtime, env->text);
  prl_free(runtime, env);
  prl_runtime_release(runtime);
}
