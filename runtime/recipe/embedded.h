/* The Lua files of lua/, built into the library (cmake/embed.c). */
#ifndef PRL_RECIPE_EMBEDDED_H
#define PRL_RECIPE_EMBEDDED_H

#include <stddef.h>

#include <lua.h>

typedef struct prl_embedded {
  const char *module; /* "perilune.recipe.schema" */
  const char *file;   /* "perilune/recipe/schema.lua"; of another package its absolute path */
  const char *text;
  size_t size;
  const char *code; /* the same as bytecode of the LuaJIT that was there at the build */
  size_t code_size;
} prl_embedded;

extern const prl_embedded prl_embedded_files[]; /* ends with a NULL module */

const prl_embedded *prl_embedded_find(const char *module); /* NULL where there is none */

/* The name of a file's chunk, "@lua/perilune/…": a format and its arguments. */
#define PRL_EMBEDDED_NAME(file) "@%s%s", (file)[0] == '/' ? "" : "lua/", file

/* Pushes the file's chunk: from its bytecode, where the host's Lua takes that. Returns what luaL_loadbuffer
 * does, with the message on the stack. */
int prl_embedded_load(lua_State *L, const prl_embedded *file);

#endif
