/* Run by the build: embed OUT ROOT FILE… writes Lua files as one C table (recipe/embedded.h), each as text
 * and as bytecode of the LuaJIT that the library is linked with. A FILE is relative to ROOT and its module
 * follows from its name; one of another package is said as MODULE=/its/path. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>

#include "recipe/embedded.h"

static void fail(const char *what, const char *why) {
  fprintf(stderr, "embed: %s: %s\n", what, why);
  exit(EXIT_FAILURE);
}

static char *read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END)) fail(path, "cannot be read");
  long end = ftell(file);
  char *text = end < 0 ? NULL : malloc((size_t)end + 1);
  if (!text) fail(path, "has no room");
  rewind(file);
  *size = fread(text, 1, (size_t)end, file);
  if (*size != (size_t)end) fail(path, "cannot be read");
  fclose(file);
  return text;
}

static void begin(FILE *out, const char *kind, int index) {
  fprintf(out, "static const unsigned char %s_%d[] = {", kind, index);
}

static int put_bytes(lua_State *lua, const void *bytes, size_t size, void *out) {
  (void)lua;
  for (size_t i = 0; i < size; i++) fprintf(out, "%d,", ((const unsigned char *)bytes)[i]);
  return 0;
}

/* With its lines and names, so that messages and tracebacks are those of the text. */
static void put_code(FILE *out, const char *text, size_t size, const char *name) {
  lua_State *lua = luaL_newstate();
  if (!lua) fail(name, "no memory for Lua");
  if (luaL_loadbuffer(lua, text, size, name)) fail(name, lua_tostring(lua, -1));
  if (lua_dump(lua, put_bytes, out)) fail(name, "cannot be compiled");
  lua_close(lua);
}

/* perilune/recipe/schema.lua is perilune.recipe.schema. */
static void put_module(FILE *out, const char *given) {
  const char *equals = strchr(given, '=');
  size_t length = equals ? (size_t)(equals - given) : strlen(given) - strlen(".lua");
  if (length > 5 && strncmp(given + length - 5, "/init", 5) == 0) length -= 5;
  for (size_t i = 0; i < length; i++) fputc(given[i] == '/' ? '.' : given[i], out);
}

static const char *file_of(const char *given) {
  const char *equals = strchr(given, '=');
  return equals ? equals + 1 : given;
}

static void put_file(FILE *out, const char *root, const char *file, int index) {
  char path[4096], name[256];
  size_t size;
  bool own = file[0] != '/';
  int length = snprintf(path, sizeof path, "%s%s%s", own ? root : "", own ? "/" : "", file);
  if (length >= (int)sizeof path) fail(file, "its path is too long");
  if (snprintf(name, sizeof name, PRL_EMBEDDED_NAME(file)) >= (int)sizeof name)
    fail(file, "its name is too long");
  char *text = read_file(path, &size);
  begin(out, "text", index);
  put_bytes(NULL, text, size, out);
  fputs("0};\n", out);
  begin(out, "code", index);
  put_code(out, text, size, name);
  fputs("0};\n", out);
  free(text);
}

int main(int argc, char **argv) {
  if (argc < 3) fail("usage", "embed OUT ROOT FILE…");
  FILE *out = fopen(argv[1], "wb");
  if (!out) fail(argv[1], "cannot be written");
  fputs("/* Generated from lua/ by cmake/embed.c. */\n#include \"recipe/embedded.h\"\n\n", out);
  for (int i = 3; i < argc; i++) put_file(out, argv[2], file_of(argv[i]), i);
  fputs("\nconst prl_embedded prl_embedded_files[] = {\n", out);
  for (int i = 3; i < argc; i++) {
    fputs("  {\"", out);
    put_module(out, argv[i]);
    fprintf(out,
            "\", \"%s\", (const char *)text_%d, sizeof text_%d - 1, (const char *)code_%d, sizeof code_%d - "
            "1},\n",
            file_of(argv[i]), i, i, i, i);
  }
  fputs("  {0, 0, 0, 0, 0, 0}};\n", out);
  if (fclose(out)) fail(argv[1], "cannot be written");
  return EXIT_SUCCESS;
}
