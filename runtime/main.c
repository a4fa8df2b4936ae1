/* The `perilune` executable: opens LuaJIT, gives it the perilune module, and runs lua/perilune/cli/init.lua
 * with the words of the command line. What the commands do is in Lua; this file holds only what Lua cannot
 * do. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "recipe/lua_libraries.h"

int luaopen_perilune(lua_State *lua);

/* A signal handler has no argument, so the executable (not the library) keeps this one flag. */
static volatile sig_atomic_t interrupts;
static volatile sig_atomic_t behind_line; /* stderr is a terminal, whose line may not be at its end */

/* What is at work may take long to its end, or hang: the first signal says that it came. */
static void on_interrupt(int signal_number) {
  static const char notice[] = "\nperilune: stopping; once more: at once\n";
  const int skipped = !behind_line;
  const bool first = interrupts++ == 0;
  ssize_t written =
      write(STDERR_FILENO, notice + (first ? skipped : 0), first ? sizeof notice - 1 - (size_t)skipped : 1);
  (void)written;
  if (!first) _exit(128 + signal_number);
}

/* prl.catch_interrupt(): from now on the first Ctrl-C (or SIGTERM, or the terminal's end where that is not
 * ignored) only sets a flag; a second one stops at once. */
static int catch_interrupt(lua_State *lua) {
  struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART};
  behind_line = isatty(STDERR_FILENO);
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  struct sigaction hangup;
  if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, NULL);
  return 0;
}

/* prl.release_interrupt(): signals end the process again, as they do where nothing is to be saved. */
static int release_interrupt(lua_State *lua) {
  static const int caught[] = {SIGINT, SIGTERM, SIGHUP};
  struct sigaction action;
  for (int i = 0; i < 3; i++)
    if (sigaction(caught[i], NULL, &action) == 0 && action.sa_handler == on_interrupt)
      signal(caught[i], SIG_DFL);
  return 0;
}

/* prl.end_with(parent): this process is told (SIGINT, so that it saves) when the one that started it, whose
 * id that is, ends, in whatever way. It stays so in what it then executes. */
static int end_with(lua_State *lua) {
  pid_t parent = (pid_t)luaL_checkinteger(lua, 1);
  if (prctl(PR_SET_PDEATHSIG, SIGINT) == 0 && getppid() != parent) raise(SIGINT); /* it ended before */
  return 0;
}

/* prl.interrupted() → whether Ctrl-C came since prl.catch_interrupt(). */
static int interrupted(lua_State *lua) {
  lua_pushboolean(lua, interrupts > 0);
  return 1;
}

/* An error that reaches this far is a defect or a lack of memory: it is shown with its traceback. */
static int traceback(lua_State *lua) {
  const char *message = lua_tostring(lua, 1);
  luaL_traceback(lua, lua, message ? message : "an error that is not a text", 1);
  return 1;
}

/* Debian 12's LuaJIT (2.1.0-beta3), once it has compiled `for _, v in pairs(t) do if v > m then m = v end
 * end`, sometimes leaves a value out where those of t stand in a list: 11 of 10,000 processes did, and none
 * of as many without the fusion of memory operands, by ipairs, or by a function of one's own. So the
 * library's files, whose pairs is such a function, are free of it; this is for what the console runs.
 * Loops are compiled when they have run 500 times instead of 56: most commands end before that pays. Other
 * Lua has no jit.opt. */
static void set_compiler(lua_State *lua) {
  if (luaL_dostring(
          lua, "local ok, opt = pcall(require, 'jit.opt') if ok then opt.start('-fuse', 'hotloop=500') end"))
    lua_error(lua);
}

/* Arguments: argc, argv as a light userdata. Returns the exit code, and whether Lua need not be closed. */
static int run(lua_State *lua) {
  int argc = (int)lua_tointeger(lua, 1);
  char **argv = lua_touserdata(lua, 2);
  prl_lua_open_libraries(lua);
  set_compiler(lua);
  lua_getfield(lua, LUA_GLOBALSINDEX, "package");
  lua_getfield(lua, -1, "preload");
  lua_pushcfunction(lua, luaopen_perilune);
  lua_setfield(lua, -2, "perilune");
  lua_getglobal(lua, "require");
  lua_pushliteral(lua, "perilune");
  lua_call(lua, 1, 1);
  lua_pushcfunction(lua, catch_interrupt);
  lua_setfield(lua, -2, "catch_interrupt");
  lua_pushcfunction(lua, release_interrupt);
  lua_setfield(lua, -2, "release_interrupt");
  lua_pushcfunction(lua, end_with);
  lua_setfield(lua, -2, "end_with");
  lua_pushcfunction(lua, interrupted);
  lua_setfield(lua, -2, "interrupted");
  lua_getglobal(lua, "require");
  lua_pushliteral(lua, "perilune.cli");
  lua_call(lua, 1, 1);
  lua_getfield(lua, -1, "main");
  lua_createtable(lua, argc, 0);
  for (int i = 0; i < argc; i++) {
    lua_pushstring(lua, argv[i]);
    lua_rawseti(lua, -2, i);
  }
  lua_call(lua, 1, 2);
  return 2;
}

/* Runs at every exit, so that what could not be written (a full disk, /dev/full) is a failure of the command.
 * A pipe that nobody reads ends it before, by its signal. */
static void close_output(void) {
  int code = fflush(stdout) == 0 ? 0 : errno;
  if (code == 0 && !ferror(stdout)) return;
  fprintf(stderr, "perilune: cannot write the output: %s\n",
          code ? strerror(code) : "a part of it was refused");
  _exit(EXIT_FAILURE);
}

int main(int argc, char **argv) {
  atexit(close_output);
  if (argc > 0)
    setenv("PERILUNE_COMMAND", argv[0], 0); /* how it was called, unless whoever called it said it */
  lua_State *lua = luaL_newstate();
  if (!lua) {
    fputs("perilune: no memory for Lua\n", stderr);
    return EXIT_FAILURE;
  }
  lua_pushcfunction(lua, traceback);
  lua_pushcfunction(lua, run);
  lua_pushinteger(lua, argc);
  lua_pushlightuserdata(lua, argv);
  int code = EXIT_FAILURE;
  if (lua_pcall(lua, 2, 2, 1) == 0) {
    code = (int)lua_tointeger(lua, -2);
    if (lua_toboolean(lua, -1)) exit(code);
  } else {
    fprintf(stderr, "perilune: %s\n", lua_tostring(lua, -1));
  }
  lua_close(lua);
  return code;
}
