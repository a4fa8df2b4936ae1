/* Inside the sandbox: its lua_State, limits and files. */
#ifndef PRL_RECIPE_STATE_H
#define PRL_RECIPE_STATE_H

#include <lua.h>

#include "recipe/lua_memory.h"
#include "recipe/sandbox.h"

#define PRL_RECIPE_FILES 64
#define PRL_RECIPE_BLOCK                                                                                     \
  ((size_t)2 << 20) /* greatest block of memory: bounds the cost of one instruction                          \
                     */
#define PRL_RECIPE_VOLUME ((int64_t)512 << 20) /* bytes asked for, all told */

/* Chunks are named by number, since Lua shortens a long name in its messages; the paths are put in at the
 * end. */
#define PRL_RECIPE_CHUNK "recipe#%d"
#define PRL_PRELUDE_PLACE "lua/perilune/recipe/" /* how the prelude's own messages begin */

typedef enum prl_stop { PRL_GOES_ON, PRL_STOP_STEPS, PRL_STOP_WORK, PRL_STOP_MEMORY, PRL_STOP_HOST } prl_stop;

typedef struct prl_recipe_file {
  char *path; /* as a user would write it: beside the recipe's own */
  char *real; /* resolved; NULL for an override, whose text is an expression */
  char *text;
  size_t size;
} prl_recipe_file;

typedef struct prl_sandbox {
  prl_runtime *runtime;
  prl_recipe_limits limits;
  prl_lua_memory memory;
  size_t used;
  int64_t volume;
  /* time */
  int64_t steps, deadline_ns;
  prl_stop stopped;
  /* the last position in the recipe: file number (0: nowhere yet) and line */
  int file, line;
  bool followed;
  /* lines that a traced function ran through, in order */
  int *trace;
  int trace_count;
  /* files */
  char *folder; /* resolved */
  char *shown;  /* the folder as the user wrote it, with its slash, or "" */
  prl_recipe_file files[PRL_RECIPE_FILES];
  int files_count;
  const char *running; /* of the options */
  int64_t text_bytes;  /* of the files read */
  prl_error failure;   /* a file that could not be read */
} prl_sandbox;

#define PRL_RECIPE_TRACE 1024

/* state.c: the limits */
prl_sandbox *prl_sandbox_of(lua_State *L);
prl_status prl_sandbox_open(prl_sandbox *sandbox, lua_State **out, prl_error *error);
void prl_sandbox_close(prl_sandbox *sandbox);
/* Counts steps from now on (what the prelude does before the recipe is trusted), and follows the recipe's
 * lines, or not: Lua is ten times slower while it does. */
void prl_sandbox_watch(lua_State *L, bool follow);
/* The recipe's file that a chunk is named after; 0 for the prelude and C. */
int prl_sandbox_file_number(const char *source);
bool prl_sandbox_spent(lua_State *L); /* whether a limit is; for functions in C, which no hook stops */
void prl_sandbox_check(lua_State *L); /* raises then */

/* files.c. index: of the file read. Fails: PRL_EIO, PRL_EFORMAT, PRL_ELIMIT, PRL_ENOMEM. */
prl_status prl_sandbox_main(prl_sandbox *sandbox, const char *path, prl_error *error);
/* The file that file `from` requires by that name, from its own folder. */
prl_status prl_sandbox_beside(prl_sandbox *sandbox, int from, const char *name, int *index, prl_error *error);
/* That of the recipe in force, beside which nothing is required. There is one. */
prl_status prl_sandbox_running(prl_sandbox *sandbox, int *index, prl_error *error);

/* library.c: pushes the table of what the prelude is given. May raise. */
void prl_sandbox_library(lua_State *L);

#endif
