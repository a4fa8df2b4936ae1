/* Plain data is read from Lua tables and pushed as Lua tables. */
#include "recipe/value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/number.h"

/* One step of the path from the root, so that a refusal can name the place. */
typedef struct step {
  const struct step *up;
  const char *key; /* NULL: a position */
  double position;
} step;

typedef struct reader {
  lua_State *L;
  prl_doc *doc;
  prl_value_limits left;
  prl_error *error;
} reader;

typedef struct pair {
  prl_value key, value;
} pair;

static prl_status read_value(reader *r, int index, int depth, const step *at, prl_value *to);

static size_t path_text(const step *at, char *text, size_t size) {
  size_t used = at->up ? path_text(at->up, text, size) : 0;
  if (!at->key && at->position == 0) return used; /* the root */
  int n = at->key ? prl_format(text + used, size - used, used ? ".%s" : "%s", at->key)
                  : prl_format(text + used, size - used, used ? ".%.14g" : "%.14g", at->position);
  if (n < 0) return used;
  return used + (size_t)n < size ? used + (size_t)n : size - 1;
}

static prl_status refuse(reader *r, const step *at, prl_status status, const char *what) {
  char path[300];
  path[0] = 0;
  size_t n = path_text(at, path, sizeof path);
  return prl_fail(r->error, status, "%s%s%s", path, n ? ": " : "", what);
}

static prl_status no_memory(reader *r) { return prl_fail_memory(r->error, sizeof(prl_value)); }

static prl_status read_string(reader *r, int index, const step *at, prl_value *to) {
  size_t length;
  const char *text = lua_tolstring(r->L, index, &length);
  r->left.bytes -= (int64_t)length;
  if (r->left.bytes < 0) return refuse(r, at, PRL_ELIMIT, "too much text for plain data");
  if (memchr(text, 0, length))
    return refuse(r, at, PRL_EFORMAT, "a string with a zero byte is not plain data");
  return prl_set_string(r->doc, to, text, length) ? PRL_OK : no_memory(r);
}

static prl_status read_number(reader *r, int index, const step *at, prl_value *to) {
  double number = (double)lua_tonumber(r->L, index);
  if (!isfinite(number)) return refuse(r, at, PRL_EFORMAT, "the number is not finite");
  prl_set_number(to, number);
  return PRL_OK;
}

/* ---- maps that a table alone would not tell from lists ---- */

static const char map_key; /* of the metatable in the registry */

static void push_map_mark(lua_State *L) {
  lua_pushlightuserdata(L, (void *)&map_key);
  lua_rawget(L, LUA_REGISTRYINDEX);
}

static void mark_map(lua_State *L) {
  push_map_mark(L);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_createtable(L, 0, 1);
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable"); /* getmetatable shows no more, and setmetatable takes no other */
    lua_pushlightuserdata(L, (void *)&map_key);
    lua_pushvalue(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
  }
  lua_setmetatable(L, -2);
}

static bool is_marked(lua_State *L, int index) {
  if (!lua_getmetatable(L, index)) return false;
  push_map_mark(L);
  bool marked = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return marked;
}

/* ---- from Lua ---- */

/* Counts the pairs and checks whether the keys are 1 … n. */
static prl_status survey(reader *r, int index, const step *at, int64_t *count, bool *array) {
  int64_t n = 0;
  double greatest = 0;
  *array = true;
  lua_pushnil(r->L);
  while (lua_next(r->L, index)) {
    lua_pop(r->L, 1);
    n++;
    int kind = lua_type(r->L, -1);
    double k = kind == LUA_TNUMBER ? (double)lua_tonumber(r->L, -1) : 0;
    if (kind == LUA_TNUMBER && k >= 1 && k == floor(k) && k <= 1e9) {
      if (k > greatest) greatest = k;
    } else if (kind == LUA_TSTRING) {
      *array = false;
    } else {
      lua_pop(r->L, 1);
      return refuse(r, at, PRL_EFORMAT, "a key must be a name or a position 1, 2, …");
    }
    if (n > r->left.values) {
      lua_pop(r->L, 1);
      return refuse(r, at, PRL_ELIMIT, "too many values for plain data");
    }
  }
  if (greatest != (double)n) *array = false;
  if (n == 0) *array = true;
  if (is_marked(r->L, index)) *array = false;
  *count = n;
  return PRL_OK;
}

static prl_status read_array(reader *r, int index, int64_t count, int depth, const step *at, prl_value *to) {
  prl_set_array(to);
  for (int64_t i = 1; i <= count; i++) {
    prl_value *item = prl_push(r->doc, to);
    if (!item) return no_memory(r);
    lua_rawgeti(r->L, index, (int)i);
    step here = {at, NULL, (double)i};
    prl_status status = read_value(r, lua_gettop(r->L), depth + 1, &here, item);
    lua_pop(r->L, 1);
    if (status) return status;
  }
  return PRL_OK;
}

static int by_key(const void *a, const void *b) {
  const prl_value *x = &((const pair *)a)->key, *y = &((const pair *)b)->key;
  int64_t shorter = x->count < y->count ? x->count : y->count;
  int order = memcmp(x->as.text, y->as.text, (size_t)shorter);
  return order ? order : (x->count > y->count) - (x->count < y->count);
}

static prl_status read_key(reader *r, const step *at, step *here, char digits[16], prl_value *key) {
  lua_State *L = r->L;
  if (lua_type(L, -2) == LUA_TSTRING) {
    here->key = lua_tostring(L, -2);
    return read_string(r, lua_gettop(L) - 1, at, key);
  }
  here->position = (double)lua_tonumber(L, -2);
  int n = prl_format(digits, 16, "%.0f", here->position);
  return prl_set_string(r->doc, key, digits, (size_t)n) ? PRL_OK : no_memory(r);
}

/* The map is written as an array of keys and values in turn, which is its layout, and sorted in one go:
 * prl_put would look each key up among those before it. */
static prl_status read_map(reader *r, int index, int depth, const step *at, prl_value *to) {
  lua_State *L = r->L;
  prl_set_array(to);
  lua_pushnil(L);
  while (lua_next(L, index)) {
    step here = {at, NULL, 0};
    char digits[16];
    prl_value *key = prl_push(r->doc, to);
    prl_status status = key ? read_key(r, at, &here, digits, key) : no_memory(r);
    prl_value *value = status ? NULL : prl_push(r->doc, to);
    if (!status) status = value ? read_value(r, lua_gettop(L), depth + 1, &here, value) : no_memory(r);
    lua_pop(L, 1);
    if (status) {
      lua_pop(L, 1);
      return status;
    }
  }
  to->count /= 2;
  to->kind = PRL_MAP;
  pair *pairs = (pair *)to->as.items;
  if (to->count) qsort(pairs, (size_t)to->count, sizeof *pairs, by_key); /* an empty one has no memory */
  for (int64_t i = 1; i < to->count; i++) {
    if (by_key(&pairs[i - 1], &pairs[i]) == 0)
      return refuse(r, at, PRL_EFORMAT,
                    "a name of digits and the position of the same number are both there");
  }
  return PRL_OK;
}

static prl_status read_table(reader *r, int index, int depth, const step *at, prl_value *to) {
  if (depth >= r->left.depth)
    return refuse(r, at, PRL_ELIMIT, "tables are nested too deep, or contain themselves");
  int64_t count = 0;
  bool array = false;
  prl_status status = survey(r, index, at, &count, &array);
  if (status) return status;
  return array ? read_array(r, index, count, depth, at, to) : read_map(r, index, depth, at, to);
}

static prl_status read_value(reader *r, int index, int depth, const step *at, prl_value *to) {
  if (--r->left.values < 0) return refuse(r, at, PRL_ELIMIT, "too many values for plain data");
  switch (lua_type(r->L, index)) {
  case LUA_TNIL:
    prl_set_null(to);
    return PRL_OK;
  case LUA_TBOOLEAN:
    prl_set_bool(to, lua_toboolean(r->L, index));
    return PRL_OK;
  case LUA_TNUMBER:
    return read_number(r, index, at, to);
  case LUA_TSTRING:
    return read_string(r, index, at, to);
  case LUA_TTABLE:
    return read_table(r, index, depth, at, to);
  case LUA_TFUNCTION:
    return refuse(r, at, PRL_EFORMAT, "a function is not allowed here; plain data is expected");
  case LUA_TLIGHTUSERDATA: /* lua-cjson's null */
    if (!lua_touserdata(r->L, index)) {
      prl_set_null(to);
      return PRL_OK;
    } /* fall through */
  default:
    return refuse(r, at, PRL_EFORMAT, "only numbers, strings, booleans and tables are plain data");
  }
}

prl_status prl_value_from_lua(lua_State *L, int index, const prl_value_limits *limits, prl_doc *doc,
                              prl_value *to, prl_error *error) {
  prl_value_limits none = {64, INT64_MAX, INT64_MAX};
  reader r = {L, doc, limits ? *limits : none, error};
  step root = {NULL, NULL, 0};
  if (index < 0 && index > LUA_REGISTRYINDEX) index = lua_gettop(L) + index + 1;
  int top = lua_gettop(L);
  if (!lua_checkstack(L, 4 * (r.left.depth + 2) + 2)) return no_memory(&r);
  prl_value result;
  prl_set_null(&result);
  prl_status status = read_value(&r, index, 0, &root, &result);
  lua_settop(L, top);
  if (!status) *to = result;
  return status;
}

/* "1" … "999999999" without a leading zero is a position. */
static bool position_of(const char *key, int *out) {
  if (key[0] < '1' || key[0] > '9') return false;
  int n = 0;
  for (const char *c = key; *c; c++) {
    if (*c < '0' || *c > '9' || c - key > 8) return false;
    n = n * 10 + (*c - '0');
  }
  *out = n;
  return true;
}

static void push_map(lua_State *L, const prl_value *value) {
  int64_t positions = 0;
  int greatest = 0;
  lua_createtable(L, 0, (int)value->count);
  for (int64_t i = 0; i < value->count; i++) {
    const char *key;
    const prl_value *item;
    int position;
    prl_pair(value, i, &key, &item);
    prl_value_push(L, item);
    if (position_of(key, &position)) {
      positions++;
      if (position > greatest) greatest = position;
      lua_rawseti(L, -2, position);
    } else {
      lua_setfield(L, -2, key);
    }
  }
  if (positions == value->count && greatest == positions) mark_map(L);
}

void prl_value_push(lua_State *L, const prl_value *value) {
  if (!lua_checkstack(L, 6)) {
    lua_pushnil(L);
    return;
  }
  switch (value ? value->kind : PRL_NULL) {
  case PRL_NULL:
    lua_pushnil(L);
    return;
  case PRL_BOOL:
    lua_pushboolean(L, value->as.boolean);
    return;
  case PRL_NUMBER:
    lua_pushnumber(L, (lua_Number)value->as.number);
    return;
  case PRL_STRING:
    lua_pushlstring(L, value->as.text, (size_t)value->count);
    return;
  case PRL_ARRAY:
    lua_createtable(L, (int)value->count, 0);
    for (int64_t i = 0; i < value->count; i++) {
      prl_value_push(L, prl_item(value, i));
      lua_rawseti(L, -2, (int)i + 1);
    }
    return;
  case PRL_MAP:
    push_map(L, value);
    return;
  }
}
