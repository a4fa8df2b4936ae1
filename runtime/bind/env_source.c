/* Opens what an environment comes from: a name, a shared object, a Lua file, a fitted file. */
#include "bind/env_source.h"

#include <string.h>
#include <sys/stat.h>

#include "core/memory.h"
#include "recipe/keys.h"
#include "recipe/lua_env.h"

/* What a file's type lives in; a built-in type needs none. */
typedef struct prl_env_source {
  prl_runtime *runtime;
  int owners;
  prl_env_library *library;
  prl_lua_env *lua;
  prl_env_world *world;
} env_source;

typedef struct lua_source {
  env_source *source;
} lua_source;

void prl_env_source_release(env_source *source) {
  if (!source || --source->owners > 0) return;
  prl_env_world_close(source->world); /* by a function of its type, which may be the library's */
  prl_env_library_close(source->library);
  prl_lua_env_close(source->lua);
  prl_runtime *runtime = source->runtime;
  prl_free(runtime, source);
  prl_runtime_release(runtime);
}

env_source *prl_env_source_retain(lua_State *L, int index) {
  lua_source *self = luaL_checkudata(L, index, "perilune.env_source");
  if (self->source) self->source->owners++;
  return self->source;
}

static int source_gc(lua_State *L) {
  lua_source *self = lua_touserdata(L, 1);
  prl_env_source_release(self->source);
  self->source = NULL;
  return 0;
}

static prl_status open_file(env_source *source, bool native, const char *path, const prl_env_type **type,
                            prl_error *error) {
  prl_status status = native ? prl_env_library_open(source->runtime, path, &source->library, error)
                             : prl_lua_env_open(source->runtime, path, prl_open_module, &source->lua, error);
  if (!status) *type = native ? prl_env_library_type(source->library) : prl_lua_env_type(source->lua);
  return status;
}

/* The userdata owns the source before anything in it is opened. */
static prl_status own_source(prl_runtime *runtime, lua_source *self, prl_error *error) {
  if (self->source) return PRL_OK;
  self->source = prl_calloc(runtime, 1, sizeof *self->source);
  if (!self->source) return prl_fail_memory(error, sizeof *self->source);
  *self->source = (env_source){.runtime = prl_runtime_retain(runtime), .owners = 1};
  return PRL_OK;
}

static prl_status open_source(prl_runtime *runtime, lua_source *self, const char *kind, const char *where,
                              const prl_env_type **type, prl_error *error) {
  if (strcmp(kind, "name") == 0) return prl_env_find(where, type, error);
  prl_status status = own_source(runtime, self, error);
  return status ? status : open_file(self->source, strcmp(kind, "c") == 0, where, type, error);
}

/* ---- Environments made from a file ---- */

/* The world that was opened last, with what its file was then: a search judges hundreds of panels in it. */
typedef struct last_world {
  env_source *source; /* NULL: none yet */
  const prl_env_type *made_from;
  struct stat file;
} last_world;

static int last_world_gc(lua_State *L) {
  last_world *last = lua_touserdata(L, 1);
  prl_env_source_release(last->source);
  last->source = NULL;
  return 0;
}

static last_world *get_last_world(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, "perilune.last_world");
  last_world *last = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return last;
}

static bool same_file(const struct stat *a, const struct stat *b) {
  return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
         a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
         a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static prl_status read_world(prl_runtime *runtime, lua_source *self, const char *path,
                             const prl_env_type *type, last_world *last, prl_error *error) {
  struct stat file;
  const bool known = stat(path, &file) == 0;
  if (known && last->source && last->made_from == type && same_file(&file, &last->file)) {
    last->source->owners++;
    prl_env_source_release(self->source);
    self->source = last->source;
    return PRL_OK;
  }
  prl_status status = own_source(runtime, self, error);
  if (!status) status = prl_env_world_open(runtime, type, path, &self->source->world, error);
  if (status || !known) return status;
  prl_env_source_release(last->source);
  self->source->owners++;
  *last = (last_world){self->source, type, file};
  return PRL_OK;
}

/* The file from which the environment is made; digest: NULL, or what it must have. */
static prl_status open_world(lua_State *L, lua_source *self, const char *path, const char *digest,
                             const prl_env_type **type, prl_error *error) {
  prl_status status = read_world(prl_state_get(L)->runtime, self, path, *type, get_last_world(L), error);
  if (status) return status;
  *type = prl_env_world_type(self->source->world);
  if (!digest || strcmp(digest, (*type)->digest) == 0) return PRL_OK;
  return prl_fail(error, PRL_EFORMAT,
                  "the world %.200s is another one: its digest is %s, and %.40s is asked for", path,
                  (*type)->digest, digest);
}

/* The reference's kind and text. The text stays on the stack. */
static const char *check_reference(lua_State *L, int index, const char **kind) {
  static const char *const kinds[] = {"name", "c", "lua"};
  const char *text = NULL;
  *kind = "name";
  if (lua_type(L, index) == LUA_TSTRING) {
    lua_pushvalue(L, index);
    return lua_tostring(L, -1);
  }
  luaL_checktype(L, index, LUA_TTABLE);
  const prl_keys known = {"an environment", "key", kinds, 3, 0};
  if (prl_push_unknown_key(L, index, &known)) prl_raise(L);
  for (int k = 0; k < 3; k++) {
    lua_getfield(L, index, kinds[k]);
    if (lua_type(L, -1) == LUA_TSTRING && !text) {
      *kind = kinds[k];
      text = lua_tostring(L, -1);
    } else {
      lua_pop(L, 1);
    }
  }
  if (!text)
    luaL_argerror(L, index, "an environment is its name, {c = \"./file.so\"} or {lua = \"./file.lua\"}");
  return text;
}

prl_status prl_push_env_source(lua_State *L, int index, int options, const prl_env_type **type,
                               prl_error *error) {
  const char *kind, *where = check_reference(L, index, &kind), *path = NULL, *digest = NULL;
  const bool given = lua_istable(L, options);
  prl_runtime *runtime = prl_state_get(L)->runtime;
  lua_source *self = lua_newuserdata(L, sizeof *self);
  *self = (lua_source){0};
  luaL_getmetatable(L, "perilune.env_source");
  lua_setmetatable(L, -2);
  const int top = lua_gettop(L);
  prl_status status = open_source(runtime, self, kind, where, type, error);
  if (!status && given && (*type)->file) {
    path = prl_option_text(L, options, "world");
    digest = prl_option_text(L, options, "digest");
    if (path) status = open_world(L, self, path, digest, type, error);
  }
  lua_settop(L, status ? top - 2 : top);
  if (!status) lua_remove(L, -2);
  return status;
}

void prl_open_env_source(lua_State *L) {
  static const luaL_Reg methods[] = {{"__gc", source_gc}, {NULL, NULL}};
  prl_new_type(L, "perilune.env_source", methods);
  lua_pop(L, 1);
  static const luaL_Reg last[] = {{"__gc", last_world_gc}, {NULL, NULL}};
  *(last_world *)lua_newuserdata(L, sizeof(last_world)) = (last_world){.source = NULL};
  prl_new_type(L, "perilune.last_world", last);
  lua_setmetatable(L, -2);
  lua_setfield(L, LUA_REGISTRYINDEX, "perilune.last_world");
}
