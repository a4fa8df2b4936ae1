/* Recipes and plain data for Lua: prl.recipe_eval, prl.hash, prl.hash_bytes, prl.to_json, prl.from_json,
 * prl.modules. The rest of the recipe's door is Lua: lua/perilune/recipe/load.lua. */
#include "bind/bind.h"

#include <string.h>

#include "recipe/embedded.h"
#include "recipe/value.h"
#include "recipe/sandbox.h"

#define MOST_OVERRIDES 60

/* A document with a finaliser, so that an error while its values are pushed cannot leak it. */
prl_doc **prl_push_doc(lua_State *L) {
  prl_doc **box = lua_newuserdata(L, sizeof *box);
  *box = NULL;
  luaL_getmetatable(L, "perilune.doc");
  lua_setmetatable(L, -2);
  return box;
}

static int doc_gc(lua_State *L) {
  prl_doc **box = lua_touserdata(L, 1);
  prl_doc_free(*box);
  *box = NULL;
  return 0;
}

/* Pushes the document's root as Lua data and frees the document, which is at the top. */
static int push_root(lua_State *L, prl_doc **box) {
  int at = lua_gettop(L);
  prl_value_push(L, &(*box)->root);
  prl_doc_free(*box);
  *box = NULL;
  lua_remove(L, at);
  return 1;
}

/* recipe_eval(path, {overrides} or nil, path of the running recipe or nil) → {recipe, files, reads, set,
 * defects, sweep}; or nil, message, code.
 */
static int recipe_eval(lua_State *L) {
  prl_error error;
  const char *set[MOST_OVERRIDES];
  prl_recipe_options options = {.set = set};
  const char *path = luaL_checkstring(L, 1);
  options.running = luaL_optstring(L, 3, NULL);
  if (!lua_isnoneornil(L, 2)) {
    luaL_checktype(L, 2, LUA_TTABLE);
    prl_check_list(L, 2, "the list of overrides");
    options.set_count = (int)lua_objlen(L, 2);
    luaL_argcheck(L, options.set_count <= MOST_OVERRIDES, 2, "too many overrides");
    for (int i = 0; i < options.set_count; i++) {
      lua_rawgeti(L, 2, i + 1);
      luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, 2,
                    "an override is a string such as \"algorithm.lr=1e-3\"");
      set[i] = lua_tostring(L, -1);
      lua_pop(L, 1); /* the table keeps it */
    }
  }
  prl_doc **doc = prl_push_doc(L);
  if (prl_recipe_eval(prl_state_of(L)->runtime, path, &options, doc, &error))
    return prl_push_failure(L, &error);
  return push_root(L, doc);
}

static prl_doc **check_value(lua_State *L, int index) {
  prl_error error;
  luaL_checkany(L, index);
  prl_doc **doc = prl_push_doc(L);
  prl_check(L, prl_doc_new(prl_state_of(L)->runtime, doc, &error), &error);
  prl_check(L, prl_value_from_lua(L, index, NULL, *doc, &(*doc)->root, &error), &error);
  return doc;
}

/* hash(value) → 32 hexadecimal digits. */
static int hash(lua_State *L) {
  prl_error error;
  char digits[33];
  prl_doc **doc = check_value(L, 1);
  prl_check(L, prl_value_hash(prl_state_of(L)->runtime, &(*doc)->root, digits, &error), &error);
  lua_pushstring(L, digits);
  return 1;
}

/* hash_bytes(string) → 32 hexadecimal digits. */
static int hash_bytes(lua_State *L) {
  size_t size;
  char digits[33];
  const char *data = luaL_checklstring(L, 1, &size);
  prl_hash_bytes(data, size, digits);
  lua_pushstring(L, digits);
  return 1;
}

typedef struct text_box {
  prl_runtime *runtime;
  char *text;
} text_box;

static int text_gc(lua_State *L) {
  text_box *box = lua_touserdata(L, 1);
  if (box->text) prl_free(box->runtime, box->text);
  box->text = NULL;
  return 0;
}

/* to_json(value, indent or nil) → text, with the keys in byte order. */
static int to_json(lua_State *L) {
  prl_error error;
  size_t length;
  int indent = (int)luaL_optinteger(L, 2, 0);
  text_box *box = lua_newuserdata(L, sizeof *box);
  *box = (text_box){prl_state_of(L)->runtime, NULL};
  luaL_getmetatable(L, "perilune.text");
  lua_setmetatable(L, -2);
  prl_doc **doc = check_value(L, 1);
  prl_check(L, prl_json_write(box->runtime, &(*doc)->root, true, indent, &box->text, &length, &error),
            &error);
  lua_pushlstring(L, box->text, length);
  prl_free(box->runtime, box->text);
  box->text = NULL;
  return 1;
}

/* from_json(text) → value; or nil, message, code. */
static int from_json(lua_State *L) {
  prl_error error;
  size_t length;
  const char *text = luaL_checklstring(L, 1, &length);
  prl_doc **doc = prl_push_doc(L);
  if (prl_json_parse(prl_state_of(L)->runtime, text, length, doc, &error)) return prl_push_failure(L, &error);
  return push_root(L, doc);
}

/* modules(prefix) → {names}: of the Lua files in the library whose module name begins so. */
static int modules(lua_State *L) {
  size_t length;
  const char *prefix = luaL_checklstring(L, 1, &length);
  int n = 0;
  lua_newtable(L);
  for (const prl_embedded *file = prl_embedded_files; file->module; file++) {
    if (strncmp(file->module, prefix, length) != 0) continue;
    lua_pushstring(L, file->module);
    lua_rawseti(L, -2, ++n);
  }
  return 1;
}

static void new_finalised(lua_State *L, const char *name, lua_CFunction gc) {
  luaL_newmetatable(L, name);
  lua_pushcfunction(L, gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
}

void prl_open_recipe(lua_State *L) {
  static const luaL_Reg functions[] = {{"recipe_eval", recipe_eval},
                                       {"hash", hash},
                                       {"hash_bytes", hash_bytes},
                                       {"to_json", to_json},
                                       {"from_json", from_json},
                                       {"modules", modules},
                                       {NULL, NULL}};
  new_finalised(L, "perilune.doc", doc_gc);
  new_finalised(L, "perilune.text", text_gc);
  prl_register(L, functions);
}
