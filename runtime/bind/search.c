/* prl.gaussian_process: what a search by trials has learned of vectors, and which it should try next
 * (search/gaussian_process.h, search/improvement.h). Points are lists of numbers. */
#include "bind/bind.h"

#include <stdio.h>

#include "search/improvement.h"

typedef struct lua_process {
  prl_gp *gp;
} lua_process;

typedef struct lua_improvement {
  prl_improvement *improvement;
} lua_improvement;

static prl_gp *check_process(lua_State *L) {
  return ((lua_process *)luaL_checkudata(L, 1, "perilune.gaussian_process"))->gp;
}

static prl_improvement *check_improvement(lua_State *L) {
  return ((lua_improvement *)luaL_checkudata(L, 1, "perilune.improvement"))->improvement;
}

static int process_gc(lua_State *L) {
  lua_process *self = lua_touserdata(L, 1);
  prl_gp_release(self->gp);
  self->gp = NULL;
  return 0;
}

static int improvement_gc(lua_State *L) {
  lua_improvement *self = lua_touserdata(L, 1);
  prl_improvement_free(self->improvement);
  self->improvement = NULL;
  return 0;
}

/* ---- Lists of numbers ---- */

/* The `count` numbers of the list at `index` into out; what names it in a refusal. */
static void read_list(lua_State *L, int index, const char *what, int count, double *out) {
  if (lua_type(L, index) != LUA_TTABLE || (int)lua_objlen(L, index) != count) {
    if (lua_type(L, index) == LUA_TTABLE)
      lua_pushfstring(L, "%s: %d numbers are needed, got %d", what, count, (int)lua_objlen(L, index));
    else
      lua_pushfstring(L, "%s: a list of %d numbers is needed, not a %s", what, count,
                      luaL_typename(L, index));
    prl_raise(L);
  }
  for (int i = 0; i < count; i++) {
    lua_rawgeti(L, index, i + 1);
    if (lua_type(L, -1) != LUA_TNUMBER) {
      char name[80];
      snprintf(name, sizeof name, "%s: item %d", what, i + 1);
      prl_need_number(L, -1, name);
    }
    out[i] = lua_tonumber(L, -1);
    lua_pop(L, 1);
  }
}

/* A list of `rows` lists (0: any number up to `most`) of `columns` numbers at `index`: pushes a block that
 * holds them and returns it. */
static double *push_rows(lua_State *L, int index, const char *what, int64_t rows, int64_t most, int columns,
                         int64_t *count) {
  luaL_checktype(L, index, LUA_TTABLE);
  int64_t n = (int64_t)lua_objlen(L, index);
  if ((rows > 0 && n != rows) || n > most)
    luaL_error(L, "%s: expected %s%d lists, got %d", what, rows > 0 ? "" : "at most ",
               (int)(rows > 0 ? rows : most), (int)n);
  double *out = lua_newuserdata(L, ((size_t)n * (size_t)columns + 1) * sizeof *out);
  for (int64_t i = 0; i < n; i++) {
    lua_rawgeti(L, index, (int)i + 1);
    read_list(L, lua_gettop(L), what, columns, out + i * columns);
    lua_pop(L, 1);
  }
  if (count) *count = n;
  return out;
}

static void push_list(lua_State *L, const double *values, int64_t count) {
  lua_createtable(L, (int)count, 0);
  for (int64_t i = 0; i < count; i++) {
    lua_pushnumber(L, values[i]);
    lua_rawseti(L, -2, (int)i + 1);
  }
}

/* {lengths = {…}, signal, shape = 0, level = 0, noise} at `index`: pushes the lengths' block. */
static prl_gp_theta push_theta(lua_State *L, int index, const prl_gp *gp) {
  static const char *const names[] = {"lengths", "signal", "shape", "level", "noise", NULL};
  luaL_checktype(L, index, LUA_TTABLE);
  prl_check_keys(L, index, "hyperparameters", names);
  double *lengths = lua_newuserdata(L, (size_t)prl_gp_dimensions(gp) * sizeof *lengths);
  lua_getfield(L, index, "lengths");
  read_list(L, lua_gettop(L), "lengths", prl_gp_dimensions(gp), lengths);
  lua_getfield(L, index, "signal");
  lua_getfield(L, index, "noise");
  prl_gp_theta theta = {.lengths = lengths,
                        .signal = prl_need_number(L, -2, "signal"),
                        .shape = prl_option_number(L, index, "shape", 0),
                        .level = prl_option_number(L, index, "level", 0),
                        .noise = prl_need_number(L, -1, "noise")};
  lua_pop(L, 3);
  return theta;
}

/* ---- The process ---- */

static int process_new(lua_State *L) { /* {dimensions, trials} → process */
  static const char *const names[] = {"dimensions", "trials", NULL};
  prl_error error;
  luaL_checktype(L, 1, LUA_TTABLE);
  prl_check_keys(L, 1, "prl.gaussian_process", names);
  int64_t dimensions = prl_option_int(L, 1, "dimensions", 0, 1, PRL_GP_DIMENSIONS);
  int64_t trials = prl_option_int(L, 1, "trials", 0, 1, PRL_GP_TRIALS);
  lua_process *self = lua_newuserdata(L, sizeof *self);
  self->gp = NULL;
  luaL_getmetatable(L, "perilune.gaussian_process");
  lua_setmetatable(L, -2);
  prl_check(L, prl_gp_new(prl_state_of(L)->runtime, dimensions, trials, &self->gp, &error), &error);
  return 1;
}

static int process_add(lua_State *L) { /* self, point, round, score */
  prl_error error;
  prl_gp *gp = check_process(L);
  int64_t round = prl_check_int(L, 3);
  double score = prl_check_number(L, 4);
  double *point = lua_newuserdata(L, (size_t)prl_gp_dimensions(gp) * sizeof *point);
  read_list(L, 2, "the point", prl_gp_dimensions(gp), point);
  prl_check(L, prl_gp_add(gp, point, round, score, &error), &error);
  return 0;
}

static int process_count(lua_State *L) {
  lua_pushnumber(L, prl_gp_count(check_process(L)));
  return 1;
}

/* self, hyperparameters → value, derivatives by their logarithms in the same form; nil, message, code where
 * the covariance has no factor */
static int process_likelihood(lua_State *L) {
  prl_error error;
  prl_gp *gp = check_process(L);
  const int d = prl_gp_dimensions(gp);
  double value, *gradient = lua_newuserdata(L, (size_t)(d + 4) * sizeof *gradient);
  prl_gp_theta theta = push_theta(L, 2, gp);
  prl_status status = prl_gp_likelihood(gp, &theta, &value, gradient, &error);
  if (status == PRL_ENUMERIC) return prl_push_failure(L, &error);
  prl_check(L, status, &error);
  lua_pushnumber(L, value);
  lua_createtable(L, 0, 5);
  push_list(L, gradient, d);
  lua_setfield(L, -2, "lengths");
  static const char *const names[] = {"signal", "shape", "level", "noise"};
  for (int i = 0; i < 4; i++) {
    lua_pushnumber(L, gradient[d + i]);
    lua_setfield(L, -2, names[i]);
  }
  return 2;
}

static int process_set(lua_State *L) { /* self, hyperparameters */
  prl_error error;
  prl_gp *gp = check_process(L);
  prl_gp_theta theta = push_theta(L, 2, gp);
  prl_check(L, prl_gp_set(gp, &theta, &error), &error);
  return 0;
}

static int process_predict(lua_State *L) { /* self, points → means, deviations */
  prl_error error;
  int64_t n;
  prl_gp *gp = check_process(L);
  double *points = push_rows(L, 2, "points", 0, INT32_MAX, prl_gp_dimensions(gp), &n);
  double *mean = lua_newuserdata(L, (size_t)(2 * n + 1) * sizeof *mean);
  prl_check(L, prl_gp_predict(gp, points, n, mean, mean + n, &error), &error);
  push_list(L, mean, n);
  push_list(L, mean + n, n);
  return 2;
}

static int process_fitted(lua_State *L) { /* self → the posterior mean of each trial */
  prl_error error;
  prl_gp *gp = check_process(L);
  double *mean = lua_newuserdata(L, ((size_t)prl_gp_count(gp) + 1) * sizeof *mean);
  prl_check(L, prl_gp_fitted(gp, mean, &error), &error);
  push_list(L, mean, prl_gp_count(gp));
  return 1;
}

static int process_slope(lua_State *L) { /* self, point → the posterior mean, its gradient */
  prl_error error;
  prl_gp *gp = check_process(L);
  const int d = prl_gp_dimensions(gp);
  double mean, *point = lua_newuserdata(L, 2 * (size_t)d * sizeof *point);
  read_list(L, 2, "the point", d, point);
  prl_check(L, prl_gp_slope(gp, point, &mean, point + d, &error), &error);
  lua_pushnumber(L, mean);
  push_list(L, point + d, d);
  return 2;
}

/* ---- Noisy expected improvement ---- */

static int
process_improvement(lua_State *L) { /* self, {candidates, incumbents, draws, picks} → improvement */
  static const char *const names[] = {"candidates", "incumbents", "draws", "picks", NULL};
  prl_error error;
  int64_t values[4];
  prl_gp *gp = check_process(L);
  luaL_checktype(L, 2, LUA_TTABLE);
  prl_check_keys(L, 2, "gaussian_process:improvement", names);
  for (int i = 0; i < 4; i++) values[i] = prl_option_int(L, 2, names[i], 0, 1, PRL_IMPROVEMENT_MOST);
  prl_improvement_options options = {values[0], values[1], values[2], values[3]};
  lua_improvement *self = lua_newuserdata(L, sizeof *self);
  self->improvement = NULL;
  luaL_getmetatable(L, "perilune.improvement");
  lua_setmetatable(L, -2);
  prl_check(L, prl_improvement_new(gp, &options, &self->improvement, &error), &error);
  return 1;
}

/* self, normals: a list of numbers for each draw → {{trial, share}, …}: the incumbents, and in which part of
 * the draws each is the best */
static int improvement_begin(lua_State *L) {
  prl_error error;
  int64_t found;
  prl_improvement *improvement = check_improvement(L);
  const prl_improvement_options *o = prl_improvement_shape(improvement);
  double *normals = push_rows(L, 2, "normals", o->draws, o->draws, (int)(o->incumbents + o->picks), NULL);
  double *share = lua_newuserdata(L, (size_t)o->incumbents * sizeof *share);
  int64_t *trial = lua_newuserdata(L, (size_t)o->incumbents * sizeof *trial);
  prl_check(L, prl_improvement_begin(improvement, normals, share, trial, &found, &error), &error);
  lua_createtable(L, (int)found, 0);
  for (int64_t i = 0; i < found; i++) {
    lua_createtable(L, 2, 0);
    lua_pushnumber(L, (lua_Number)(trial[i] + 1));
    lua_rawseti(L, -2, 1);
    lua_pushnumber(L, share[i]);
    lua_rawseti(L, -2, 2);
    lua_rawseti(L, -2, (int)i + 1);
  }
  return 1;
}

static int improvement_offer(lua_State *L) { /* self, points → the expected improvement of each */
  prl_error error;
  int64_t n;
  prl_improvement *improvement = check_improvement(L);
  const int d = prl_gp_dimensions(prl_improvement_process(improvement));
  double *points = push_rows(L, 2, "points", 0, prl_improvement_shape(improvement)->candidates, d, &n);
  double *values = lua_newuserdata(L, (size_t)(n + 1) * sizeof *values);
  prl_check(L, prl_improvement_offer(improvement, points, n, values, &error), &error);
  push_list(L, values, n);
  return 1;
}

static int improvement_pick(lua_State *L) { /* self → the place among the points that were offered, value */
  prl_error error;
  int64_t index;
  double value;
  prl_check(L, prl_improvement_pick(check_improvement(L), &index, &value, &error), &error);
  lua_pushnumber(L, (lua_Number)(index + 1));
  lua_pushnumber(L, value);
  return 2;
}

void prl_open_search(lua_State *L) {
  static const luaL_Reg functions[] = {{"gaussian_process", process_new}, {NULL, NULL}};
  static const luaL_Reg process[] = {{"add", process_add},
                                     {"count", process_count},
                                     {"likelihood", process_likelihood},
                                     {"set", process_set},
                                     {"predict", process_predict},
                                     {"fitted", process_fitted},
                                     {"slope", process_slope},
                                     {"improvement", process_improvement},
                                     {"__gc", process_gc},
                                     {NULL, NULL}};
  static const luaL_Reg improvement[] = {{"begin", improvement_begin},
                                         {"offer", improvement_offer},
                                         {"pick", improvement_pick},
                                         {"__gc", improvement_gc},
                                         {NULL, NULL}};
  prl_register(L, functions);
  prl_new_type(L, "perilune.gaussian_process", process);
  prl_new_type(L, "perilune.improvement", improvement);
  lua_pop(L, 2);
}
