/* prl.program(fn, examples …): traces fn once with tensors, once more with other values, and gives a program.
 */
#include "bind/bind.h"

#include <stdio.h>
#include <string.h>

#include "autograd/program.h"
#include "core/clock.h"
#include "core/rng.h"
#include "tensor/tensor.h"

typedef struct lua_program {
  prl_program *program;
} lua_program;

static prl_program *check_program(lua_State *L, int index) {
  return ((lua_program *)luaL_checkudata(L, index, "perilune.program"))->program;
}

static int program_gc(lua_State *L) {
  lua_program *self = lua_touserdata(L, 1);
  prl_program_free(self->program);
  self->program = NULL;
  return 0;
}

/* ---- Tracing ---- */

/* Another example of the same kind, so that a trace which looks at values shows: floats move by up to ±1,
 * whole numbers turn about within the values that are there. */
static prl_status other_example(prl_runtime *runtime, const prl_tensor *from, uint64_t stream,
                                prl_tensor *out, prl_error *error) {
  prl_status status = prl_tensor_new(runtime, from->dtype, from->ndim, from->shape, out, error);
  if (status) return status;
  int64_t count = prl_tensor_count(from);
  uint32_t words[4];
  prl_rng rng = prl_rng_make(0x7ace, stream, PRL_SITE_USER);
  for (int64_t i = 0; i < count; i++) {
    prl_rng_block(rng, 0, 0, 0, (uint32_t)i, words);
    bool whole = from->dtype == PRL_I32 || from->dtype == PRL_I64;
    double value = prl_tensor_get(from, whole ? words[0] % count : i);
    prl_tensor_set(out, i, whole ? value : value + 2 * prl_rng_uniform(words[0]) - 1);
  }
  return PRL_OK;
}

/* Runs fn (at index 1) on the examples (2 … count + 1) in a tracing scope; the graph or, with the message on
 * the stack, NULL. Leaves nothing else. */
static prl_graph *trace(lua_State *L, prl_state *state, int count, bool others, prl_error *error) {
  uint64_t scope;
  if (prl_tape_begin(state->tape, true, &scope, error)) return NULL;
  int top = lua_gettop(L);
  lua_getfield(L, LUA_REGISTRYINDEX, "perilune.trace_body");
  lua_pushvalue(L, 1);
  lua_pushboolean(L, others);
  for (int i = 0; i < count; i++) lua_pushvalue(L, 2 + i);
  if (lua_pcall(L, count + 2, 0, 0) != 0) {
    prl_fail(error, PRL_EINVAL, "%s",
             lua_isstring(L, -1) ? lua_tostring(L, -1) : "the trace raised no message");
    prl_tape_end(state->tape);
    lua_settop(L, top);
    return NULL;
  }
  lua_settop(L, top);
  return prl_tape_take(state->tape, error);
}

/* Inside of the protected call: makes inputs of the examples, calls fn, names its results. */
static int trace_body(lua_State *L) { /* fn, others, examples … */
  prl_error error;
  prl_state *state = prl_state_of(L);
  int examples = lua_gettop(L) - 2;
  bool others = lua_toboolean(L, 2);
  lua_pushvalue(L, 1);
  for (int i = 0; i < examples; i++) {
    const prl_tensor *example = prl_check_tensor(L, 3 + i);
    char name[24];
    int32_t id;
    snprintf(name, sizeof name, "%d", i + 1);
    if (others) {
      prl_tensor *other = prl_push_tensor(L);
      prl_check(L, other_example(state->runtime, example, (uint64_t)i, other, &error), &error);
      prl_check(L, prl_tape_input(state->tape, name, other, false, &id, &error), &error);
      lua_pop(L, 1);
    } else {
      prl_check(L, prl_tape_input(state->tape, name, example, false, &id, &error), &error);
    }
    prl_push_temp(L, state, id);
  }
  int before = lua_gettop(L) - examples - 1;
  lua_call(L, examples, LUA_MULTRET);
  for (int i = before + 1; i <= lua_gettop(L); i++) {
    char name[24];
    prl_lua_tensor *result = prl_to_lua_tensor(state, L, i);
    if (!result || !result->scope)
      return luaL_error(L, "a program returns tensors that it computed, not a %s", luaL_typename(L, i));
    snprintf(name, sizeof name, "%d", i - before);
    prl_check(L, prl_tape_output(state->tape, name, result->id, &error), &error);
  }
  return 0;
}

static int new_program(lua_State *L) { /* fn, examples … */
  prl_error error;
  prl_state *state = prl_state_of(L);
  int count = lua_gettop(L) - 1;
  luaL_checktype(L, 1, LUA_TFUNCTION);
  for (int i = 0; i < count; i++) prl_check_tensor(L, 2 + i);
  lua_program *self = lua_newuserdata(L, sizeof *self);
  self->program = NULL;
  luaL_getmetatable(L, "perilune.program");
  lua_setmetatable(L, -2);
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, "perilune.traced");
  lua_pushvalue(L, 1);
  lua_setfield(L, -2, "fn"); /* whatever it closes over lives as long as the program */
  lua_setfenv(L, -2);
  prl_graph *graph = trace(L, state, count, false, &error), *second = NULL;
  if (graph) second = trace(L, state, count, true, &error);
  lua_pushnil(L);
  lua_setfield(L, LUA_REGISTRYINDEX, "perilune.traced");
  int32_t line = 0;
  bool same = graph && second && prl_graph_equal(graph, second, &line);
  prl_graph_free(second);
  if (!same) {
    prl_graph_free(graph);
    if (!second) return luaL_error(L, "%s", error.message);
    return luaL_error(
        L,
        "line %d: the function does something else when its inputs have other values, and a program "
        "cannot follow; keep choices to where() and random numbers to inputs",
        (int)line);
  }
  prl_bindings none = {0};
  prl_check(L, prl_program_new(graph, &none, 1, &self->program, &error), &error);
  return 1;
}

/* ---- Running ---- */

static int run(lua_State *L) { /* self, budget in µs or nil → whether the end was reached */
  prl_error error;
  prl_program *program = check_program(L, 1);
  int64_t budget = prl_check_budget(L, 2), deadline = budget ? prl_clock_deadline(budget) : 0;
  bool done;
  prl_check(L, prl_program_run(program, deadline, &done, &error), &error);
  lua_pushboolean(L, done);
  return 1;
}

/* Pushes a view of the program's own tensor; the program lives as long as the view through its environment.
 */
static int push_own(lua_State *L, const prl_tensor *tensor) {
  prl_tensor *view = prl_push_tensor(L);
  *view = *tensor;
  view->storage = NULL;
  lua_newtable(L);
  lua_pushvalue(L, 1);
  lua_rawseti(L, -2, 1);
  lua_setfenv(L, -2);
  return 1;
}

static int input(lua_State *L) { /* self, number */
  char name[24];
  prl_program *program = check_program(L, 1);
  snprintf(name, sizeof name, "%lld", (long long)prl_check_int(L, 2));
  const prl_tensor *tensor = prl_program_input(program, name);
  if (!tensor) return luaL_error(L, "the program has no input %s", name);
  return push_own(L, tensor);
}

static int output(lua_State *L) { /* self, number = 1 */
  char name[24];
  prl_program *program = check_program(L, 1);
  snprintf(name, sizeof name, "%lld", (long long)prl_opt_int(L, 2, 1));
  const prl_tensor *tensor = prl_program_output(program, name);
  if (!tensor) return luaL_error(L, "the program has no result %s", name);
  return push_own(L, tensor);
}

/* program(x, y, …) copies the inputs, runs to the end and returns copies of the results. */
static int call(lua_State *L) {
  prl_error error;
  prl_state *state = prl_state_of(L);
  prl_program *program = check_program(L, 1);
  int count = lua_gettop(L) - 1;
  for (int i = 0; i < count; i++) {
    char name[24], a[96], b[96];
    snprintf(name, sizeof name, "%d", i + 1);
    prl_tensor *to = prl_program_input(program, name);
    const prl_tensor *from = prl_check_tensor(L, 2 + i);
    if (!to) return luaL_error(L, "the program takes no input %s", name);
    if (!prl_tensor_same_shape(to, from))
      return luaL_error(L, "input %s has shape %s; the program was traced with %s, and shapes cannot change",
                        name, prl_shape_text(from, a, 96), prl_shape_text(to, b, 96));
    prl_tensor_copy(to, from);
  }
  prl_program_restart(program);
  prl_check(L, prl_program_run(program, 0, NULL, &error), &error);
  int outputs = prl_program_outputs(program);
  for (int i = 0; i < outputs; i++) {
    const prl_tensor *from = prl_program_output(program, prl_program_output_name(program, i));
    prl_tensor *copy = prl_push_tensor(L);
    prl_check(L, prl_tensor_new(state->runtime, from->dtype, from->ndim, from->shape, copy, &error), &error);
    prl_tensor_copy(copy, from);
  }
  return outputs;
}

static int describe(lua_State *L) {
  prl_error error;
  char *text;
  prl_state *state = prl_state_of(L);
  prl_check(L, prl_program_print(check_program(L, 1), true, &text, &error), &error);
  prl_push_text(L, state->runtime, text);
  return 1;
}

static int run_timed(lua_State *L) {
  prl_error error;
  prl_check(L, prl_program_run_timed(check_program(L, 1), &error), &error);
  return 0;
}

static int bytes(lua_State *L) {
  lua_pushnumber(L, (lua_Number)prl_program_bytes(check_program(L, 1)));
  return 1;
}

void prl_open_program(lua_State *L) {
  static const luaL_Reg functions[] = {{"program", new_program}, {NULL, NULL}};
  static const luaL_Reg methods[] = {
      {"run", run},     {"run_timed", run_timed}, {"input", input},     {"output", output}, {"bytes", bytes},
      {"__call", call}, {"__tostring", describe}, {"__gc", program_gc}, {NULL, NULL}};
  prl_register(L, functions);
  prl_new_type(L, "perilune.program", methods);
  lua_pop(L, 1);
  lua_pushlightuserdata(L, prl_state_get(L));
  lua_pushcclosure(L, trace_body, 1);
  lua_setfield(L, LUA_REGISTRYINDEX, "perilune.trace_body");
}
