/* Whatever stands in a file of a run's folder is read as its schema says, or refused in one sentence. The
 * first byte chooses the file; the rest is its text. */
#include "fuzz.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

int luaopen_perilune(lua_State *lua);

/* A failure that is meant has a metatable; a defect with its traceback has none. */
static const char *const script =
    "local failure, records = require 'perilune.failure', require 'perilune.records'\n"
    "local json = {run = true, state = true, lift = true, groups = true, front = true}\n"
    "local journal = require 'perilune.records.journal'\n"
    "json.request, json.about = true, true\n"
    "return function(path, kind)\n"
    "  if kind == 'journal' then\n"
    "    local entries, line, message = journal.parse(assert(require('perilune').io.read(path)))\n"
    "    assert(entries and #journal.swaps(entries) <= #entries or (line > 0 and #message > 0))\n"
    "    return\n"
    "  end\n"
    "  local ok, err = xpcall(json[kind] and records.read or records.table, failure.handler, path, kind)\n"
    "  local refused = not ok and getmetatable(err) and err.message:sub(1, #path) == path\n"
    "  if not ok and not refused then error(err.message, 0) end\n"
    "end\n";

static lua_State *lua;

static void close_state(void) { lua_close(lua); }

static void open_state(void) {
  lua = luaL_newstate();
  if (!lua) abort();
  atexit(close_state);
  luaL_openlibs(lua);
  lua_getglobal(lua, "package");
  lua_getfield(lua, -1, "preload");
  lua_pushcfunction(lua, luaopen_perilune);
  lua_setfield(lua, -2, "perilune");
  lua_settop(lua, 0);
  if (luaL_dostring(lua, "require 'perilune'") || luaL_dostring(lua, script)) {
    fprintf(stderr, "%s\n", lua_tostring(lua, -1));
    abort();
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char *const kinds[] = {"run",         "state",  "lift",    "groups",  "front", "metrics",
                                      "evaluations", "trials", "journal", "request", "about"};
  char path[32];
  if (size == 0) return 0;
  if (!lua) open_state();
  int file = fuzz_file(data + 1, size - 1, path);
  lua_pushvalue(lua, 1);
  lua_pushstring(lua, path);
  lua_pushstring(lua, kinds[data[0] % 11]);
  if (lua_pcall(lua, 2, 0, 0)) {
    fprintf(stderr, "%s\n", lua_tostring(lua, -1));
    abort();
  }
  close(file);
  return 0;
}
