/* perilune_bench [--kernels TABLE] [--data FOLDER] [name …]: the rows of `perilune bench`, one JSON object a
 * line. Those of rows.c are in C alone; those of rows.lua drive the product from Lua. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/rows.h"
#include "bench/rows_lua.h"
#include "bench/settle.h"
#include "core/nearest.h"

typedef struct bench_words {
  const char *data, *kernels;
  char **names;
  int count;
} bench_words;

static bool wanted(const bench_words *words, const char *name) {
  for (int i = 0; i < words->count; i++)
    if (strcmp(words->names[i], name) == 0) return true;
  return words->count == 0;
}

/* The name of a row of rows.lua (from 1), NULL after the last; it lives as long as the state. */
static const char *lua_row(lua_State *L, int i) {
  lua_rawgeti(L, 1, i);
  if (!lua_istable(L, -1)) return NULL;
  lua_getfield(L, -1, "name");
  const char *name = lua_tostring(L, -1);
  lua_pop(L, 2);
  return name;
}

static bool known(lua_State *L, const char *name) {
  for (const bench_row *row = bench_rows; row->name; row++)
    if (strcmp(name, row->name) == 0) return true;
  const char *row;
  for (int i = 1; (row = lua_row(L, i)); i++)
    if (strcmp(name, row) == 0) return true;
  return false;
}

static int refuse(lua_State *L, const char *name) {
  const char *row;
  prl_nearest nearest = prl_nearest_begin(name);
  for (const bench_row *c = bench_rows; c->name; c++) prl_nearest_offer(&nearest, c->name);
  for (int i = 1; (row = lua_row(L, i)); i++) prl_nearest_offer(&nearest, row);
  fprintf(stderr, "perilune_bench: there is no row \"%s\"%s; there are", name, prl_nearest_hint(&nearest));
  for (const bench_row *c = bench_rows; c->name; c++) fprintf(stderr, " %s", c->name);
  for (int i = 1; (row = lua_row(L, i)); i++) fprintf(stderr, " %s", row);
  fputc('\n', stderr);
  return 2;
}

static bool run_lua(lua_State *L, int i, const bench_words *words) {
  int top = lua_gettop(L);
  lua_rawgeti(L, 1, i);
  lua_getfield(L, -1, "run");
  lua_newtable(L);
  lua_pushstring(L, words->data);
  lua_setfield(L, -2, "data");
  bool done = lua_pcall(L, 1, 0, 0) == 0;
  if (!done) fprintf(stderr, "perilune_bench: %s\n", lua_tostring(L, -1));
  lua_settop(L, top);
  return done;
}

/* What is being timed, where someone looks on; the rows themselves go to standard output. */
static void announce(const char *name) {
  if (isatty(STDERR_FILENO)) fprintf(stderr, *name ? "\r\033[Ktiming %s …\r" : "\r\033[K%s", name);
}

static int run(lua_State *L, const bench_words *words) {
  const char *name;
  for (int i = 0; i < words->count; i++)
    if (!known(L, words->names[i])) return refuse(L, words->names[i]);
  for (const bench_row *row = bench_rows; row->name; row++) {
    if (!wanted(words, row->name)) continue;
    announce(row->name);
    if (row->run()) continue;
    fprintf(stderr, "perilune_bench: %s could not run\n", row->name);
    return 1;
  }
  for (int i = 1; (name = lua_row(L, i)); i++) {
    if (!wanted(words, name)) continue;
    announce(name);
    if (!run_lua(L, i, words)) return 1;
  }
  announce("");
  return 0;
}

/* The options come first. */
static bool read_words(int argc, char **argv, bench_words *words) {
  int i = 1;
  for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
    if (strcmp(argv[i], "--data") == 0)
      words->data = argv[i + 1];
    else if (strcmp(argv[i], "--kernels") == 0)
      words->kernels = argv[i + 1];
    else
      break;
  }
  words->names = argv + i, words->count = argc - i;
  return bench_settle(words->kernels, argv);
}

int main(int argc, char **argv) {
  bench_words words = {0};
  if (!read_words(argc, argv, &words)) return 1;
  lua_State *L = bench_lua_open();
  if (!L || !lua_istable(L, 1)) {
    fprintf(stderr, "perilune_bench: %s\n", L ? lua_tostring(L, -1) : "no memory");
    return 1;
  }
  int code = run(L, &words);
  lua_close(L);
  return code;
}
