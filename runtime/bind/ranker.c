/* prl.ranker(path, rows = 256): a saved ranker, served by C as a host would (perilune/ranker.h). */
#include "bind/bind.h"

#include "perilune/ranker.h"
#include "tensor/tensor.h"

typedef struct lua_ranker {
  prl_ranker *ranker;
} lua_ranker;

static prl_ranker *check_ranker(lua_State *L) {
  return ((lua_ranker *)luaL_checkudata(L, 1, "perilune.ranker"))->ranker;
}

static int ranker_gc(lua_State *L) {
  lua_ranker *self = lua_touserdata(L, 1);
  prl_ranker_free(self->ranker);
  self->ranker = NULL;
  return 0;
}

static int ranker_new(lua_State *L) { /* path, rows → ranker; or nil, message, code */
  prl_error error;
  const char *path = luaL_checkstring(L, 1);
  int64_t rows = lua_isnoneornil(L, 2) ? 256 : prl_check_int(L, 2);
  lua_ranker *self = lua_newuserdata(L, sizeof *self);
  self->ranker = NULL;
  luaL_getmetatable(L, "perilune.ranker");
  lua_setmetatable(L, -2);
  if (prl_ranker_load(prl_state_of(L)->runtime, path, rows, &self->ranker, &error))
    return prl_push_failure(L, &error);
  return 1;
}

static const prl_tensor *check_rows(lua_State *L, int index, prl_dtype dtype, int64_t rows, int width) {
  const prl_tensor *tensor = prl_check_tensor(L, index);
  if (tensor->dtype != dtype || tensor->ndim != 2 || tensor->shape[0] != rows ||
      (tensor->shape[1] != width && width > 0) || !prl_tensor_contiguous(tensor))
    luaL_error(L, "argument %d: a contiguous %s tensor of shape (%d, %d) is needed", index - 1,
               prl_dtype_name(dtype), (int)rows, width);
  return tensor;
}

static int ranker_score(lua_State *L) { /* self, ids, numbers, sequences → scores (n, heads) */
  prl_error error;
  prl_ranker *ranker = check_ranker(L);
  int64_t rows = prl_check_tensor(L, 2)->shape[0];
  const prl_tensor *ids = check_rows(L, 2, PRL_I32, rows, prl_ranker_categories(ranker));
  const prl_tensor *numbers = check_rows(L, 3, PRL_F32, rows, prl_ranker_numbers(ranker));
  const prl_tensor *sequences = check_rows(L, 4, PRL_I32, rows, prl_ranker_items(ranker));
  int64_t shape[2] = {rows, prl_ranker_heads(ranker)};
  prl_tensor *scores = prl_push_tensor(L);
  prl_check(L, prl_tensor_new(prl_state_of(L)->runtime, PRL_F32, 2, shape, scores, &error), &error);
  prl_check(L,
            prl_ranker_score(ranker, ids->data, numbers->data, sequences->data, rows, scores->data, &error),
            &error);
  return 1;
}

static int ranker_id(lua_State *L) { /* self, category (1-based), text → id, as tensors hold it */
  int64_t category = prl_check_int(L, 2);
  if (category < 1 || category > INT32_MAX) category = 0; /* there is none */
  lua_pushnumber(L, prl_ranker_id(check_ranker(L), (int)category - 1, luaL_checkstring(L, 3)));
  return 1;
}

static int push_names(lua_State *L, const char *(*name)(const prl_ranker *, int)) {
  prl_ranker *ranker = check_ranker(L);
  lua_newtable(L);
  for (int i = 0; name(ranker, i); i++) {
    lua_pushstring(L, name(ranker, i));
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

static int ranker_heads(lua_State *L) { return push_names(L, prl_ranker_head); }
static int ranker_categories(lua_State *L) { return push_names(L, prl_ranker_category); }
static int ranker_numbers(lua_State *L) { return push_names(L, prl_ranker_number); }
static int ranker_sequences(lua_State *L) { return push_names(L, prl_ranker_sequence); }

void prl_open_ranker(lua_State *L) {
  static const luaL_Reg functions[] = {{"ranker", ranker_new}, {NULL, NULL}};
  static const luaL_Reg methods[] = {{"score", ranker_score},     {"id", ranker_id},
                                     {"heads", ranker_heads},     {"categories", ranker_categories},
                                     {"numbers", ranker_numbers}, {"sequences", ranker_sequences},
                                     {"__gc", ranker_gc},         {NULL, NULL}};
  prl_register(L, functions);
  prl_new_type(L, "perilune.ranker", methods);
  lua_pop(L, 1);
}
