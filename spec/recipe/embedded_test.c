/* The Lua files of the library as bytecode: the same chunks as their texts, and the text where bytecode is
 * not taken. */
#include "support/check.h"

#include <lauxlib.h>
#include <string.h>

#include "recipe/embedded.h"

/* The chunk's name and the lines of it that code stands on, as "@FILE 1,5,9,". Leaves nothing on the
 * stack. */
static void describe(lua_State *L, char out[16384]) {
  lua_Debug ar;
  lua_getinfo(L, ">SL", &ar);
  char *at = out + sprintf(out, "%s ", ar.source);
  for (int line = 1; line < 3000; line++) {
    lua_rawgeti(L, -1, line);
    if (!lua_isnil(L, -1)) at += sprintf(at, "%d,", line);
    lua_pop(L, 1);
  }
  *at = 0;
  lua_pop(L, 1);
}

static void bytecode_keeps_names_and_lines(void **state) {
  static char of_code[16384], of_text[16384];
  lua_State *L = luaL_newstate();
  int count = 0;
  for (const prl_embedded *file = prl_embedded_files; file->module; file++, count++) {
    prl_embedded text = *file;
    text.code = text.text;
    text.code_size = text.size;
    assert_int_equal(file->code[0], '\x1b');
    assert_int_equal(prl_embedded_load(L, file), 0);
    describe(L, of_code);
    assert_int_equal(prl_embedded_load(L, &text), 0);
    describe(L, of_text);
    assert_string_equal(of_code, of_text);
    assert_int_equal(lua_gettop(L), 0);
  }
  assert_true(count > 90);
  assert_string_equal(prl_embedded_find("perilune.failure")->file, "perilune/failure.lua");
  lua_close(L);
}

static void other_bytecode_gives_way_to_the_text(void **state) {
  static const char strange[] = "\x1bLJ\x7f\x00 of another LuaJIT";
  lua_State *L = luaL_newstate();
  prl_embedded file = {"m", "m.lua", "return 7", 8, strange, sizeof strange};
  assert_int_equal(prl_embedded_load(L, &file), 0);
  lua_call(L, 0, 1);
  assert_int_equal(lua_tointeger(L, -1), 7);
  assert_int_equal(lua_gettop(L), 1);
  file.text = "return +";
  assert_int_equal(prl_embedded_load(L, &file), LUA_ERRSYNTAX);
  assert_non_null(strstr(lua_tostring(L, -1), "lua/m.lua:1:"));
  lua_close(L);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(bytecode_keeps_names_and_lines),
                                     cmocka_unit_test(other_bytecode_gives_way_to_the_text)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
