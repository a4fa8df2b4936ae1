/* The builder's door: graphs traced without a program, and plans made of them
 * (lua/perilune/recipe/build.lua). */
#include "bind/bind.h"

#include <math.h>
#include <string.h>

#include "agent/acting.h"
#include "agent/needs.h"
#include "agent/plan/plan.h"
#include "agent/verbs/schedule.h"
#include "recipe/order.h"
#include "recipe/value.h"
#include "tensor/tensor.h"

/* ---- Graphs ---- */

static prl_graph *check_graph(lua_State *L, int index) {
  return *(prl_graph **)luaL_checkudata(L, index, "perilune.graph");
}

static int graph_gc(lua_State *L) {
  prl_graph **self = lua_touserdata(L, 1);
  prl_graph_free(*self);
  *self = NULL;
  return 0;
}

static int trace(lua_State *L) { /* fn(): makes its inputs and outputs with trace_input and trace_output */
  prl_error error;
  prl_state *state = prl_state_of(L);
  uint64_t scope;
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, 1);
  prl_graph **self = lua_newuserdata(L, sizeof *self);
  *self = NULL;
  luaL_getmetatable(L, "perilune.graph");
  lua_setmetatable(L, -2);
  prl_check(L, prl_tape_begin(state->tape, true, &scope, &error), &error);
  lua_pushvalue(L, 1);
  if (lua_pcall(L, 0, 0, 0) != 0) {
    prl_tape_end(state->tape);
    return lua_error(L);
  }
  *self = prl_tape_take(state->tape, &error);
  if (!*self) {
    prl_tape_end(state->tape);
    return luaL_error(L, "%s", error.message);
  }
  return 1;
}

static void need_trace(lua_State *L, prl_state *state) {
  if (!prl_tape_tracing(state->tape)) luaL_error(L, "this is for inside of a trace");
}

static int trace_input(lua_State *L) { /* name, example, batch */
  prl_error error;
  prl_state *state = prl_state_of(L);
  int32_t id;
  need_trace(L, state);
  const char *name = luaL_checkstring(L, 1);
  const prl_tensor *example = prl_check_tensor(L, 2);
  prl_check(L, prl_tape_input(state->tape, name, example, prl_check_flag(L, 3, "batch", false), &id, &error),
            &error);
  prl_push_temp(L, state, id);
  return 1;
}

static int trace_output(lua_State *L) { /* name, value */
  prl_error error;
  prl_state *state = prl_state_of(L);
  need_trace(L, state);
  const char *name = luaL_checkstring(L, 1);
  int32_t id = prl_check_value(L, state, 2);
  prl_check(L, prl_tape_output(state->tape, name, id, &error), &error);
  return 0;
}

static int difference(lua_State *L) { /* a, b → the line where b first says something else; nil: nowhere */
  int32_t line;
  if (prl_graph_equal(check_graph(L, 1), check_graph(L, 2), &line)) return 0;
  lua_pushnumber(L, line);
  return 1;
}

static int graph_document(lua_State *L) { /* self → it as plain data, for a part of a plan's document */
  prl_error error;
  prl_doc **doc = prl_push_doc(L);
  prl_check(L, prl_doc_new(prl_state_of(L)->runtime, doc, &error), &error);
  prl_check(L, prl_graph_write(check_graph(L, 1), *doc, &(*doc)->root, &error), &error);
  prl_value_push(L, &(*doc)->root);
  return 1;
}

static int read_graph(lua_State *L) { /* what graph:document() gave → the graph */
  prl_error error;
  prl_state *state = prl_state_of(L);
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  prl_graph **self = lua_newuserdata(L, sizeof *self);
  *self = NULL;
  luaL_getmetatable(L, "perilune.graph");
  lua_setmetatable(L, -2);
  prl_doc **doc = prl_push_doc(L);
  prl_check(L, prl_doc_new(state->runtime, doc, &error), &error);
  prl_check(L, prl_value_from_lua(L, 1, NULL, *doc, &(*doc)->root, &error), &error);
  prl_check(L, prl_graph_read(state->runtime, &(*doc)->root, self, &error), &error);
  lua_settop(L, 2);
  return 1;
}

/* The id on the tape of an input, parameter or constant. values: index of {name = value}. */
static int32_t leaf(lua_State *L, prl_state *state, const prl_gvalue *value, int values) {
  prl_error error;
  int32_t id;
  if (value->kind == PRL_V_CONST) {
    prl_tensor fixed;
    prl_gvalue_tensor(value, value->bytes, &fixed);
    prl_check(L, prl_tape_constant(state->tape, &fixed, &id, &error), &error);
    return id;
  }
  lua_getfield(L, values, value->name);
  if (lua_isnil(L, -1)) luaL_error(L, "graph:inline: there is no value for \"%s\"", value->name);
  id = prl_check_value(L, state, lua_gettop(L));
  lua_pop(L, 1);
  return id;
}

/* self, {name = value} of its inputs and parameters → {name = value} of its outputs: its ops, run once more in
 * the trace that is open. */
static int graph_inline(lua_State *L) {
  prl_error error;
  prl_state *state = prl_state_of(L);
  const prl_graph *graph = check_graph(L, 1);
  need_trace(L, state);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  int32_t *ids = lua_newuserdata(L, ((size_t)graph->values_count + 1) * sizeof *ids);
  for (int32_t i = 0; i < graph->values_count; i++)
    ids[i] = graph->values[i].kind == PRL_V_TEMP ? -1 : leaf(L, state, &graph->values[i], 2);
  prl_mark_line(L, state);
  for (int32_t i = 0; i < graph->nodes_count; i++) {
    const prl_node *node = &graph->nodes[i];
    int32_t in[PRL_MAX_INPUTS];
    for (int k = 0; k < node->inputs; k++) in[k] = ids[node->in[k]];
    prl_check(L, prl_tape_op(state->tape, node->op, &node->attrs, node->inputs, in, &ids[node->out], &error),
              &error);
  }
  lua_newtable(L);
  for (int32_t i = 0; i < graph->outputs_count; i++) {
    prl_push_temp(L, state, ids[graph->outputs[i].value]);
    lua_setfield(L, -2, graph->outputs[i].name);
  }
  return 1;
}

static int scope_number(lua_State *L) {
  lua_pushnumber(L, (lua_Number)prl_tape_scope(prl_state_of(L)->tape));
  return 1;
}

/* ---- Plans ---- */

prl_plan *prl_check_plan(lua_State *L, int index) {
  return *(prl_plan **)luaL_checkudata(L, index, "perilune.plan");
}

static int plan_gc(lua_State *L) {
  prl_plan **self = lua_touserdata(L, 1);
  prl_plan_free(*self);
  *self = NULL;
  return 0;
}

/* In the order of their names. On failure a few values stay on the stack. */
static prl_status put_programs(lua_State *L, int index, prl_doc *doc, prl_error *error) {
  prl_value *programs = prl_put(doc, &doc->root, "programs");
  if (!programs) return prl_fail_memory(error, 0);
  prl_set_map(programs);
  for (lua_pushnil(L); prl_lua_next(L, index); lua_pop(L, 1)) {
    prl_value *place = prl_put(doc, programs, lua_tostring(L, -2));
    if (!place) return prl_fail_memory(error, 0);
    prl_status status = prl_graph_write(*(prl_graph **)lua_touserdata(L, -1), doc, place, error);
    if (status) return status;
  }
  return PRL_OK;
}

/* The tensors of a table {name = tensor}, whose values stay on the Lua side for the call. */
static int list_tensors(lua_State *L, int index, prl_plan_tensor *list) {
  int count = 0;
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1), count++)
    if (list) list[count] = (prl_plan_tensor){lua_tostring(L, -2), *prl_check_tensor(L, -1)};
  return count;
}

static void check_tables(lua_State *L) {
  for (int i = 1; i <= 3; i++) luaL_checktype(L, i, LUA_TTABLE);
  for (lua_pushnil(L); prl_lua_next(L, 2); lua_pop(L, 1)) {
    luaL_checktype(L, -2, LUA_TSTRING);
    check_graph(L, lua_gettop(L));
  }
}

static int new_plan(lua_State *L) { /* document, {name = graph}, {["set:param"] = tensor} */
  prl_error error;
  prl_state *state = prl_state_of(L);
  check_tables(L);
  prl_plan_tensor *list = lua_newuserdata(L, ((size_t)list_tensors(L, 3, NULL) + 1) * sizeof *list);
  int count = list_tensors(L, 3, list);
  prl_plan **self = lua_newuserdata(L, sizeof *self);
  *self = NULL;
  luaL_getmetatable(L, "perilune.plan");
  lua_setmetatable(L, -2);
  prl_doc **doc = prl_push_doc(L); /* Lua may raise for memory while it is filled */
  prl_check(L, prl_doc_new(state->runtime, doc, &error), &error);
  prl_status status = prl_value_from_lua(L, 1, NULL, *doc, &(*doc)->root, &error);
  if (!status) status = put_programs(L, 2, *doc, &error);
  if (!status) status = prl_plan_new_from(state->runtime, doc, list, count, self, &error);
  prl_check(L, status, &error);
  lua_pop(L, 1);
  return 1;
}

/* agent, prefix → the policy in force as a part of a plan's document (agent/acting.h), {["set:param"] =
 * tensor} */
static int acting(lua_State *L) {
  prl_error error;
  prl_state *state = prl_state_of(L);
  prl_agent *agent = prl_check_agent(L, 1);
  const char *prefix = luaL_checkstring(L, 2);
  prl_doc **document = prl_push_doc(L);
  prl_plan_tensor *list;
  int count;
  prl_check(L, prl_agent_acting(agent, prefix, document, &list, &count, &error), &error);
  prl_value_push(L, &(*document)->root);
  lua_createtable(L, 0, count);
  for (int i = 0; i < count; i++) {
    const prl_tensor *from = &list[i].value;
    prl_tensor *copy = prl_push_tensor(L);
    prl_check(L, prl_tensor_new(state->runtime, from->dtype, from->ndim, from->shape, copy, &error), &error);
    prl_tensor_copy(copy, from);
    lua_setfield(L, -2, list[i].name);
  }
  return 2;
}

static int plan_hash(lua_State *L) {
  lua_pushstring(L, prl_plan_hash(prl_check_plan(L, 1)));
  return 1;
}

static int plan_document(lua_State *L) {
  prl_value_push(L, prl_plan_document(prl_check_plan(L, 1)));
  return 1;
}

/* self → {{option, value, bytes}, …, bytes}: what an agent of it takes, by the options that decide */
static int plan_memory(lua_State *L) {
  prl_error error;
  prl_needs needs;
  prl_plan *plan = prl_check_plan(L, 1);
  prl_check(L, prl_needs_of(prl_state_of(L)->runtime, prl_plan_document(plan), &needs, &error), &error);
  lua_createtable(L, needs.count, 1);
  for (int i = 0; i < needs.count; i++) {
    const prl_need *need = &needs.items[i];
    lua_createtable(L, 0, 3);
    lua_pushstring(L, need->option);
    lua_setfield(L, -2, "option");
    if (!isnan(need->value)) {
      lua_pushnumber(L, need->value);
      lua_setfield(L, -2, "value");
    }
    lua_pushnumber(L, (lua_Number)need->bytes);
    lua_setfield(L, -2, "bytes");
    lua_rawseti(L, -2, i + 1);
  }
  lua_pushnumber(L, (lua_Number)needs.bytes);
  lua_setfield(L, -2, "bytes");
  return 1;
}

static int verbs(lua_State *L) { /* → {verb = {field = "any"}}: those that schedules may have */
  const char *const *field;
  const char *name;
  lua_newtable(L);
  for (int i = 0; (name = prl_verb_name(i, &field)); i++) {
    lua_newtable(L);
    for (; *field; field++) {
      lua_pushliteral(L, "any");
      lua_setfield(L, -2, *field);
    }
    lua_setfield(L, -2, name);
  }
  return 1;
}

void prl_open_plan(lua_State *L) {
  static const luaL_Reg functions[] = {{"trace", trace},
                                       {"read_graph", read_graph},
                                       {"verbs", verbs},
                                       {"trace_input", trace_input},
                                       {"trace_output", trace_output},
                                       {"scope_number", scope_number},
                                       {"new_plan", new_plan},
                                       {"acting", acting},
                                       {NULL, NULL}};
  static const luaL_Reg graph_methods[] = {
      {"difference", difference}, {"document", graph_document}, {"inline", graph_inline}, {"__gc", graph_gc}, {NULL, NULL}};
  static const luaL_Reg plan_methods[] = {{"hash", plan_hash},
                                          {"document", plan_document},
                                          {"memory", plan_memory},
                                          {"__gc", plan_gc},
                                          {NULL, NULL}};
  prl_register(L, functions);
  prl_new_type(L, "perilune.graph", graph_methods);
  prl_new_type(L, "perilune.plan", plan_methods);
  lua_pop(L, 2);
}
