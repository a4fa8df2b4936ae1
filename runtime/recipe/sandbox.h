/* The sandbox: a recipe's Lua runs once, in its own lua_State, and returns plain data.
 *
 * What a recipe cannot do: open files (but for `require` of a file in its own folder), see the machine, the
 * time or a random number, load bytecode or native code, keep the processor or the memory. Whatever it tries,
 * it loads or fails with one sentence, soon. Limits:
 *
 * - text: bytes of a file and of all files, and its gotos; the parser reads it under the clock
 * - steps: counted by the interpreter's hook; once spent, every further instruction raises, so that nothing
 *   catches it
 * - work: processor time, looked at every few steps, for instructions that each cost much
 * - memory: bytes at once, bytes in one block, and bytes asked for all told
 * - result: depth, number of values and bytes of text of what it leaves (recipe/value.h)
 *
 * The functions that it may call are listed in library.c, recipe/prelude.lua and recipe/symbols.lua. What one
 * call does in C is bounded by the sizes of what it is given, never by a number; the rest is Lua, whose steps
 * are counted.
 */
#ifndef PRL_RECIPE_SANDBOX_H
#define PRL_RECIPE_SANDBOX_H

#include "core/value.h"

#define PRL_RECIPE_FILE_BYTES (256 << 10)
#define PRL_RECIPE_TEXT_BYTES (1 << 20) /* of all files together */
/* LuaJIT joins the gotos of a label in one go, in time that grows with their square, and no clock sees it. */
#define PRL_RECIPE_GOTOS 1000

/* Zero means the default. */
typedef struct prl_recipe_limits {
  int64_t steps;   /* virtual machine instructions; 5 million */
  int64_t work_ms; /* processor time; 300 ms */
  size_t memory;   /* bytes at once; 16 MB */
} prl_recipe_limits;

typedef struct prl_recipe_options {
  prl_recipe_limits limits;
  const char *const *set; /* "algorithm.lr=1e-3": each replaces one value of the recipe, in order */
  int set_count;
  const char *running; /* the file of the recipe that `running` is; NULL: there is none, and it is refused */
} prl_recipe_options;

/* Evaluates the recipe at `path`. The document's root is a map:
 *   recipe   what the recipe returns, with its overrides: plain data; rewards as expression trees
 *   defects  [{path, message, kind, file, line}], absent where there is none: values that are no plain data,
 * false in the recipe, which is absent where too much is wrong. Without file and line the caller can tell
 * where the key stands files    [{path, text, override}]: the recipe first, then overrides (path: as given)
 * and what it required reads    {"objective.critics.watch.reward": [{name, file, line}]}: every response that
 * each reward reads; file is a position in `files` set      {"algorithm.lr": "algorithm.lr=1e-3"}: the
 * overrides sweep    what a sweep says beside its base options may be NULL. Fails: PRL_EIO (the file cannot
 * be read), PRL_EFORMAT (one sentence, with file and line where one is known), PRL_ENOMEM (the host's
 * allocator refused). */
prl_status prl_recipe_eval(prl_runtime *runtime, const char *path, const prl_recipe_options *options,
                           prl_doc **out, prl_error *error);

#endif
