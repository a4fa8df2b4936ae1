/* prl.io: files, safetensors, event files, CSV. What the system or a file refuses is nil, message, code;
 * misuse raises. lua/perilune/… reads logs and writes runs through these. */
#include "bind/bind.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "io/events.h"
#include "io/file.h"
#include "io/safetensors.h"
#include "recipe/order.h"

#define READ_CAP (INT64_C(1) << 30) /* of prl.io.read where no other is given */

static int push_status(lua_State *L, prl_status status, const prl_error *error) {
  if (status) return prl_push_failure(L, error);
  lua_pushboolean(L, true);
  return 1;
}

/* ---- files ---- */

typedef struct block {
  prl_runtime *runtime;
  char *data;
} block;

static int block_gc(lua_State *L) {
  block *self = lua_touserdata(L, 1);
  if (self->data) prl_free(self->runtime, self->data);
  self->data = NULL;
  return 0;
}

static int io_read(lua_State *L) { /* path, cap or nil → string */
  prl_error error;
  size_t size;
  const char *path = luaL_checkstring(L, 1);
  int64_t cap = lua_isnoneornil(L, 2) ? READ_CAP : prl_check_int(L, 2);
  block *self = lua_newuserdata(L, sizeof *self);
  *self = (block){.runtime = prl_state_of(L)->runtime};
  luaL_getmetatable(L, "perilune.block");
  lua_setmetatable(L, -2);
  if (prl_file_read(self->runtime, path, cap, &self->data, &size, &error)) return prl_push_failure(L, &error);
  lua_pushlstring(L, self->data, size);
  prl_free(self->runtime, self->data);
  self->data = NULL;
  return 1;
}

static int io_write(lua_State *L) { /* path, text: whole or not at all */
  prl_error error;
  size_t size;
  const char *path = luaL_checkstring(L, 1), *text = luaL_checklstring(L, 2, &size);
  return push_status(L, prl_file_write_whole(prl_state_of(L)->runtime, path, text, size, &error), &error);
}

static int io_append(lua_State *L) { /* path, text: whole or not at all, and on the disk */
  prl_error error;
  size_t size;
  const char *path = luaL_checkstring(L, 1), *text = luaL_checklstring(L, 2, &size);
  return push_status(L, prl_file_append(prl_state_of(L)->runtime, path, text, size, &error), &error);
}

/* ---- safetensors ---- */

typedef struct lua_safetensors {
  prl_safetensors *file;
} lua_safetensors;

static int safetensors_gc(lua_State *L) {
  lua_safetensors *self = lua_touserdata(L, 1);
  prl_safetensors_close(self->file);
  self->file = NULL;
  return 0;
}

static void push_entry(lua_State *L, prl_safetensors *file, const prl_st_tensor *entry) {
  prl_error error;
  if (entry->dtype == PRL_ST_U8 || entry->dtype == PRL_ST_U64) {
    lua_pushlstring(L, entry->data, entry->size);
    return;
  }
  prl_tensor *tensor = prl_push_tensor(L);
  prl_check(L, prl_safetensors_entry(file, entry, tensor, &error), &error);
}

/* path, cap or nil → {name = tensor; bytes of U8 and U64 as a string}, {key = text}, digest, whether it is
 * carried
 */
static int safetensors_read(lua_State *L) {
  prl_error error;
  const char *path = luaL_checkstring(L, 1);
  int64_t cap = lua_isnoneornil(L, 2) ? 0 : prl_check_int(L, 2);
  lua_safetensors *self = lua_newuserdata(L, sizeof *self);
  self->file = NULL;
  luaL_getmetatable(L, "perilune.safetensors");
  lua_setmetatable(L, -2);
  if (prl_safetensors_open(prl_state_of(L)->runtime, path, cap, &self->file, &error))
    return prl_push_failure(L, &error);
  lua_newtable(L);
  for (int64_t i = 0; i < self->file->count; i++) {
    push_entry(L, self->file, &self->file->tensors[i]);
    lua_setfield(L, -2, self->file->tensors[i].name);
  }
  lua_newtable(L);
  for (int64_t i = 0; i < prl_count(self->file->metadata); i++) {
    const char *key;
    const prl_value *text;
    prl_pair(self->file->metadata, i, &key, &text);
    lua_pushlstring(L, text->as.text, (size_t)text->count);
    lua_setfield(L, -2, key);
  }
  lua_pushstring(L, self->file->digest);
  lua_pushboolean(L, self->file->digested);
  return 4;
}

typedef struct lua_doc {
  prl_doc *doc;
} lua_doc;

static int doc_gc(lua_State *L) {
  lua_doc *self = lua_touserdata(L, 1);
  prl_doc_free(self->doc);
  self->doc = NULL;
  return 0;
}

static void check_texts(lua_State *L, int index) {
  luaL_checktype(L, index, LUA_TTABLE);
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
    if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING ||
        strlen(lua_tostring(L, -2)) != lua_objlen(L, -2))
      luaL_error(L, "safetensors_write: the metadata is a table of texts by name");
}

/* Pushes a document with the map of texts at `index`, or an empty one. Its keys are in byte order: Lua's own
 * order differs between two processes, and the same data must give the same file. */
static prl_doc *push_metadata(lua_State *L, int index) {
  prl_error error;
  bool given = !lua_isnoneornil(L, index);
  if (given) check_texts(L, index);
  lua_doc *self = lua_newuserdata(L, sizeof *self);
  self->doc = NULL;
  luaL_getmetatable(L, "perilune.doc");
  lua_setmetatable(L, -2);
  prl_check(L, prl_doc_new(prl_state_of(L)->runtime, &self->doc, &error), &error);
  prl_set_map(&self->doc->root);
  if (!given) return self->doc;
  for (lua_pushnil(L); prl_lua_next(L, index); lua_pop(L, 1)) {
    size_t size;
    const char *text = lua_tolstring(L, -1, &size);
    prl_value *place = prl_put(self->doc, &self->doc->root, lua_tostring(L, -2));
    if (!place || !prl_set_string(self->doc, place, text, size)) luaL_error(L, "out of memory");
  }
  return self->doc;
}

/* path, {{name, tensor}, …}, {key = text} or nil. The file is written whole or not at all. */
static int safetensors_write(lua_State *L) {
  prl_error error;
  const char *path = luaL_checkstring(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 3);
  prl_check_list(L, 2, "safetensors_write");
  int count = (int)lua_objlen(L, 2);
  prl_doc *metadata = push_metadata(L, 3);
  prl_st_tensor *entries = lua_newuserdata(L, (size_t)(count ? count : 1) * sizeof *entries);
  for (int i = 0; i < count; i++) {
    lua_rawgeti(L, 2, i + 1);
    if (!lua_istable(L, -1))
      return luaL_error(L, "safetensors_write: entry %d is not a pair {name, tensor}", i + 1);
    prl_check_list(L, lua_gettop(L), "an entry of safetensors_write");
    lua_rawgeti(L, -1, 1);
    lua_rawgeti(L, -2, 2);
    const prl_tensor *tensor = prl_to_tensor(L, -1);
    if (lua_type(L, -2) != LUA_TSTRING || !tensor)
      return luaL_error(L, "safetensors_write: entry %d is not a pair {name, tensor}", i + 1);
    if (!prl_tensor_contiguous(tensor))
      return luaL_error(L, "safetensors_write: the tensor \"%s\" is a view that is not contiguous; clone it",
                        lua_tostring(L, -2));
    entries[i] = prl_st_tensor_of(lua_tostring(L, -2), tensor); /* both stay alive in the table at 2 */
    lua_pop(L, 3);
  }
  prl_status status =
      prl_safetensors_write(prl_state_of(L)->runtime, path, entries, count, &metadata->root, &error);
  return push_status(L, status, &error);
}

/* ---- event files ---- */

typedef struct lua_events {
  prl_events *events;
} lua_events;

static int events_gc(lua_State *L) {
  lua_events *self = lua_touserdata(L, 1);
  prl_events_close(self->events, NULL);
  self->events = NULL;
  return 0;
}

static prl_events *check_events(lua_State *L) {
  lua_events *self = luaL_checkudata(L, 1, "perilune.events");
  if (!self->events) luaL_error(L, "the event file is closed");
  return self->events;
}

/* Seconds since 1970. Reports alone have it; the agent's time never comes from here. */
static double wall_time(lua_State *L, int index) {
  struct timespec now;
  if (!lua_isnoneornil(L, index)) return prl_check_number(L, index);
  clock_gettime(CLOCK_REALTIME, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static lua_events *push_events(lua_State *L) {
  lua_events *self = lua_newuserdata(L, sizeof *self);
  self->events = NULL;
  luaL_getmetatable(L, "perilune.events");
  lua_setmetatable(L, -2);
  return self;
}

static int events_new(lua_State *L) { /* folder, wall time or nil */
  prl_error error;
  const char *folder = luaL_checkstring(L, 1);
  double wall = wall_time(L, 2);
  lua_events *self = push_events(L);
  if (prl_events_open(prl_state_of(L)->runtime, folder, wall, &self->events, &error))
    return prl_push_failure(L, &error);
  return 1;
}

static int events_again(lua_State *L) { /* path, size */
  prl_error error;
  const char *path = luaL_checkstring(L, 1);
  int64_t size = prl_check_int(L, 2);
  lua_events *self = push_events(L);
  if (prl_events_reopen(prl_state_of(L)->runtime, path, size, &self->events, &error))
    return prl_push_failure(L, &error);
  return 1;
}

static int events_scalar(lua_State *L) { /* self, tag, step, value, wall time or nil */
  prl_error error;
  prl_events *events = check_events(L);
  const char *tag = luaL_checkstring(L, 2);
  int64_t step = prl_check_int(L, 3);
  double value = prl_check_number(L, 4);
  return push_status(L, prl_events_scalar(events, tag, step, value, wall_time(L, 5), &error), &error);
}

static int events_flush(lua_State *L) {
  prl_error error;
  return push_status(L, prl_events_flush(check_events(L), &error), &error);
}

static int events_close(lua_State *L) {
  prl_error error;
  lua_events *self = luaL_checkudata(L, 1, "perilune.events");
  prl_events *events = self->events;
  self->events = NULL;
  return push_status(L, prl_events_close(events, &error), &error);
}

static int events_size(lua_State *L) {
  lua_pushnumber(L, (lua_Number)prl_events_size(check_events(L)));
  return 1;
}

static int events_path(lua_State *L) {
  lua_pushstring(L, prl_events_path(check_events(L)));
  return 1;
}

static void new_gc_type(lua_State *L, const char *name, lua_CFunction gc) {
  const luaL_Reg methods[] = {{"__gc", gc}, {NULL, NULL}};
  prl_new_type(L, name, methods);
  lua_pop(L, 1);
}

void prl_open_io(lua_State *L) {
  static const luaL_Reg functions[] = {{"read", io_read},
                                       {"write", io_write},
                                       {"append", io_append},
                                       {"safetensors_read", safetensors_read},
                                       {"safetensors_write", safetensors_write},
                                       {"events", events_new},
                                       {"events_again", events_again},
                                       {NULL, NULL}};
  static const luaL_Reg events[] = {{"scalar", events_scalar},
                                    {"flush", events_flush},
                                    {"close", events_close},
                                    {"path", events_path},
                                    {"size", events_size},
                                    {"__gc", events_gc},
                                    {NULL, NULL}};
  new_gc_type(L, "perilune.block", block_gc);
  new_gc_type(L, "perilune.safetensors", safetensors_gc);
  new_gc_type(L, "perilune.doc", doc_gc);
  prl_new_type(L, "perilune.events", events);
  lua_pop(L, 1);
  lua_newtable(L);
  prl_register(L, functions);
  prl_open_csv(L);
  prl_make_strict(L, "prl.io", "function");
  lua_setfield(L, -2, "io");
}
