/* What rows.lua takes from C: the clock, and the yardsticks as functions without arguments. */
#include "bench/rows_lua.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lualib.h>

#include "autograd/program.h"
#include "bench/bench.h"
#include "bench/csv_yardstick.h"
#include "bench/yardstick.h"
#include "bind/bind.h"
#include "core/threads.h"
#include "recipe/lua_libraries.h"

int luaopen_perilune(lua_State *L);

/* ---- The clock ---- */

typedef struct lua_work {
  lua_State *L;
  int index;
} lua_work;

static void call_work(void *context) {
  lua_work *work = context;
  lua_pushvalue(work->L, work->index);
  lua_call(work->L, 0, 0);
}

/* product, yardstick, repetitions = 5 → ns of a call of each, ratio */
static int pair(lua_State *L) {
  lua_work product = {L, 1}, yardstick = {L, 2};
  bench_result r = bench_pair(call_work, &product, call_work, &yardstick, (int)luaL_optinteger(L, 3, 5));
  lua_pushnumber(L, r.product_ns);
  lua_pushnumber(L, r.yardstick_ns);
  lua_pushnumber(L, r.ratio);
  return 3;
}

static int alone(lua_State *L) { /* work, repetitions = 5 → ns of a call */
  lua_work work = {L, 1};
  lua_pushnumber(L, bench_alone(call_work, &work, (int)luaL_optinteger(L, 2, 5)));
  return 1;
}

static int print(lua_State *L) { /* name, case, value, unit, ratio or nil */
  bench_print(luaL_checkstring(L, 1), luaL_checkstring(L, 2), luaL_checknumber(L, 3), luaL_checkstring(L, 4),
              luaL_optnumber(L, 5, 0));
  return 0;
}

/* → µs of the machine's clock, µs of this process's processor time */
static int now(lua_State *L) {
  const clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID};
  for (int i = 0; i < 2; i++) {
    struct timespec t;
    clock_gettime(clocks[i], &t);
    lua_pushnumber(L, 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec);
  }
  return 2;
}

/* A chain of multiply-adds in registers: nothing that two cores could share but the machine's attention. */
static void spin_once(void *context) {
  double x = 0;
  for (int i = 0; i < 40000000; i++) x = x * 0.999999 + 1e-6;
  *(double *)context = x;
}

static int spin(lua_State *L) { /* threads: each does the same work; → nothing, when all are done */
  enum { APART = 8 };           /* doubles: results on lines of their own */
  double results[PRL_THREADS_MOST * APART];
  int threads = (int)luaL_checkinteger(L, 1);
  luaL_argcheck(L, threads >= 1 && threads <= PRL_THREADS_MOST, 1, "1 to 64 threads");
  prl_threads_run(spin_once, results, APART * sizeof *results, threads);
  for (int i = 0; i < threads; i++)
    if (!(results[i * APART] > 0)) return luaL_error(L, "the spin of thread %d was not done", i + 1);
  return 0;
}

/* ---- Yardsticks ---- */

static int run_infer(lua_State *L) {
  void *policy = lua_touserdata(L, lua_upvalueindex(1));
  for (lua_Integer i = lua_tointeger(L, lua_upvalueindex(2)); i > 0; i--) yardstick_infer(policy);
  return 0;
}

/* count → a function that runs the fused network so often; its memory lasts as long as the process, as that
 * of the others here. */
static int infer(lua_State *L) {
  yardstick_policy *policy = yardstick_policy_new();
  if (!policy) return luaL_error(L, "no memory");
  lua_pushlightuserdata(L, policy);
  lua_pushinteger(L, luaL_checkinteger(L, 1));
  lua_pushcclosure(L, run_infer, 2);
  return 1;
}

static int run_ppo(lua_State *L) {
  yardstick_ppo_run(lua_touserdata(L, lua_upvalueindex(1)));
  return 0;
}

static int ppo(lua_State *L) { /* "relu" or "tanh" → a function that does the kernels of a whole run */
  static const char *const names[] = {"relu", "tanh", NULL};
  yardstick_ppo *p = yardstick_ppo_new(luaL_checkoption(L, 1, NULL, names) ? PRL_TANH : PRL_RELU);
  if (!p) return luaL_error(L, "no memory");
  lua_pushlightuserdata(L, p);
  lua_pushcclosure(L, run_ppo, 1);
  return 1;
}

static int run_rnd(lua_State *L) {
  yardstick_rnd_run(lua_touserdata(L, lua_upvalueindex(1)));
  return 0;
}

static int rnd(lua_State *L) { /* → a function that does the kernels of an update */
  yardstick_rnd *r = yardstick_rnd_new();
  if (!r) return luaL_error(L, "no memory");
  lua_pushlightuserdata(L, r);
  lua_pushcclosure(L, run_rnd, 1);
  return 1;
}

static int run_replay(lua_State *L) {
  yardstick_replay_run(lua_touserdata(L, lua_upvalueindex(1)));
  return 0;
}

static int replay(lua_State *L) { /* "sac" or "dqn" → a function that does the kernels of a whole run */
  static const char *const names[] = {"dqn", "sac", NULL};
  yardstick_replay *r = yardstick_replay_new(luaL_checkoption(L, 1, NULL, names));
  if (!r) return luaL_error(L, "no memory for the yardstick");
  lua_pushlightuserdata(L, r);
  lua_pushcclosure(L, run_replay, 1);
  return 1;
}

static int run_update(lua_State *L) {
  yardstick_update_run(lua_touserdata(L, lua_upvalueindex(1)));
  return 0;
}

static int run_gru(lua_State *L) {
  yardstick_gru_run(lua_touserdata(L, lua_upvalueindex(1)));
  return 0;
}

static int gru(lua_State *L) { /* → a function that does the kernels of an update */
  yardstick_gru *g = yardstick_gru_new();
  if (!g) return luaL_error(L, "no memory for the yardstick");
  lua_pushlightuserdata(L, g);
  lua_pushcclosure(L, run_gru, 1);
  return 1;
}

static int run_fit(lua_State *L) {
  yardstick_fit_run(lua_touserdata(L, lua_upvalueindex(1)));
  return 0;
}

static int cholesky(lua_State *L) { /* n → ns of one Cholesky decomposition */
  double ns = yardstick_cholesky((int)luaL_checkinteger(L, 1));
  if (ns < 0) return luaL_error(L, "no memory for the yardstick");
  lua_pushnumber(L, ns);
  return 1;
}

static int64_t field(lua_State *L, const char *name) {
  lua_getfield(L, 1, name);
  int64_t value = (int64_t)luaL_checknumber(L, -1);
  lua_pop(L, 1);
  return value;
}

static int update(lua_State *L) { /* shape → a function that does the kernels of an update */
  const yardstick_update_shape shape = {.rows = field(L, "rows"),
                                        .bootstraps = field(L, "bootstraps"),
                                        .observations = field(L, "observations"),
                                        .actions = field(L, "actions"),
                                        .policies = (int)field(L, "policies"),
                                        .critics = (int)field(L, "critics")};
  yardstick_update *u = yardstick_update_new(&shape);
  if (!u) return luaL_error(L, "no memory for the yardstick");
  lua_pushlightuserdata(L, u);
  lua_pushcclosure(L, run_update, 1);
  return 1;
}

/* shape, ids (rows, all columns; int32), numbers (rows, numbers) → a function that does the kernels of so
 * many steps. */
static int fit(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  const prl_tensor *ids = prl_check_tensor(L, 2), *numbers = prl_check_tensor(L, 3);
  yardstick_fit_shape s = {.batch = field(L, "batch"),
                           .steps = field(L, "steps"),
                           .rows = ids->shape[0],
                           .categories = field(L, "categories"),
                           .sequences = field(L, "sequences"),
                           .length = field(L, "length"),
                           .numbers = numbers->shape[1],
                           .width = field(L, "width"),
                           .table = field(L, "table"),
                           .hidden = {field(L, "hidden1"), field(L, "hidden2")},
                           .heads = field(L, "heads")};
  luaL_argcheck(L, ids->dtype == PRL_I32 && ids->shape[1] == s.categories + s.sequences * s.length, 2,
                "int32 ids, one for each column");
  yardstick_fit *f = yardstick_fit_new(&s, ids->data, numbers->data);
  if (!f) return luaL_error(L, "no memory");
  lua_pushlightuserdata(L, f);
  lua_pushcclosure(L, run_fit, 1);
  return 1;
}

/* path, columns wanted ("011…": one digit a column of the file) → rows */
static int csv(lua_State *L) {
  enum { MOST_COLUMNS = 64, MOST_ROWS = 1 << 19 };
  size_t columns;
  int count = 0;
  const char *path = luaL_checkstring(L, 1), *digits = luaL_checklstring(L, 2, &columns);
  bool wanted[MOST_COLUMNS];
  luaL_argcheck(L, columns <= MOST_COLUMNS, 2, "too many columns");
  for (size_t i = 0; i < columns; i++) count += wanted[i] = digits[i] == '1';
  double *out = malloc((size_t)MOST_ROWS * (size_t)count * sizeof *out);
  if (!out) return luaL_error(L, "no memory");
  int64_t rows = csv_yardstick_read(path, wanted, (int)columns, out, MOST_ROWS);
  free(out);
  lua_pushnumber(L, (lua_Number)rows);
  return 1;
}

/* ---- Other processes ---- */

/* The peak of its memory in kB so far; 0 where it cannot be read (any more). */
static long peak_kb(pid_t pid) {
  char path[64], line[128];
  long peak = 0, value;
  snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
  FILE *file = fopen(path, "r");
  while (file && fgets(line, sizeof line, file))
    if (sscanf(line, "VmHWM: %ld", &value) == 1) peak = value;
  if (file) fclose(file);
  return peak;
}

/* words → processor ms, peak MB (read every few ms, since the system's own count includes what was before
 * exec), exit code. Output is thrown away. */
static int process(lua_State *L) {
  char *words[32] = {NULL};
  struct rusage used;
  int state = 0;
  long peak = 0;
  luaL_checktype(L, 1, LUA_TTABLE);
  for (int i = 0; i < (int)lua_objlen(L, 1) && i < 31; i++) {
    lua_rawgeti(L, 1, i + 1);
    words[i] = (char *)luaL_checkstring(L, -1);
  }
  pid_t pid = fork();
  if (pid < 0) return luaL_error(L, "cannot start %s", words[0]);
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* what is timed ends with who times it */
    int nowhere = open("/dev/null", O_RDWR);
    dup2(nowhere, 1), dup2(nowhere, 2);
    execvp(words[0], words);
    _exit(127);
  }
  struct timespec pause = {.tv_nsec = 3000000};
  while (wait4(pid, &state, WNOHANG, &used) == 0) {
    long seen = peak_kb(pid);
    if (seen > 0) peak = seen;
    nanosleep(&pause, NULL);
  }
  lua_pushnumber(L, (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e3 +
                        (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-3);
  lua_pushnumber(L, (double)peak / 1024);
  lua_pushinteger(L, WIFEXITED(state) ? WEXITSTATUS(state) : -1);
  return 3;
}

lua_State *bench_lua_open(void) {
  static const luaL_Reg functions[] = {
      {"pair", pair},     {"alone", alone},     {"print", print},       {"now", now},
      {"spin", spin},     {"infer", infer},     {"ppo", ppo},           {"rnd", rnd},
      {"replay", replay}, {"gru", gru},         {"csv", csv},           {"fit", fit},
      {"update", update}, {"process", process}, {"cholesky", cholesky}, {NULL, NULL}};
  lua_State *L = luaL_newstate();
  if (!L) return NULL;
  prl_lua_open_libraries(L);
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  lua_pushcfunction(L, luaopen_perilune);
  lua_setfield(L, -2, "perilune");
  lua_settop(L, 0);
  if (luaL_loadfile(L, BENCH_ROOT "/spec/bench/rows.lua") != 0) return L;
  lua_newtable(L);
  luaL_register(L, NULL, functions);
  lua_pushliteral(L, BENCH_ROOT);
  lua_setfield(L, -2, "root");
  lua_pcall(L, 1, 1, 0); /* the list of rows, or what went wrong */
  return L;
}
