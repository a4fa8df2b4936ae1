/* The Lua files of lua/, built into the library (runtime/embed.cmake). */
#ifndef PRL_RECIPE_EMBEDDED_H
#define PRL_RECIPE_EMBEDDED_H

#include <stddef.h>

typedef struct prl_embedded {
  const char *module; /* "perilune.recipe.schema" */
  const char *file;   /* "perilune/recipe/schema.lua" */
  const char *text;
  size_t size;
} prl_embedded;

extern const prl_embedded prl_embedded_files[]; /* ends with a NULL module */

#endif
