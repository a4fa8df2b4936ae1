/* prl.io.csv: a streaming reader whose batches are plain Lua tables, prl.csv: a whole file as tensors, and
 * prl.io.csv_writer for metrics. */
#include "bind/bind.h"

#include <math.h>
#include <string.h>

#include "core/nearest.h"
#include "io/csv.h"
#include "recipe/keys.h"

#define MAX_CHOSEN 512

typedef struct lua_csv {
  prl_csv *csv;
  int count;
  prl_csv_type types[MAX_CHOSEN];
} lua_csv;

typedef struct lua_writer {
  prl_csv_writer *writer;
  int count;
} lua_writer;

static int csv_gc(lua_State *L) {
  lua_csv *self = lua_touserdata(L, 1);
  prl_csv_close(self->csv);
  self->csv = NULL;
  return 0;
}

static lua_csv *check_csv(lua_State *L) {
  lua_csv *self = luaL_checkudata(L, 1, "perilune.csv");
  if (!self->csv) luaL_error(L, "the CSV reader is closed");
  return self;
}

static prl_csv_type check_type(lua_State *L, const char *name) {
  static const char *const names[] = {"f64", "f32", "i64", "i32", "dict", "hash", "text"};
  prl_nearest nearest = prl_nearest_begin(name);
  for (int i = 0; i < 7; i++) {
    if (strcmp(name, names[i]) == 0) return (prl_csv_type)i;
    prl_nearest_offer(&nearest, names[i]);
  }
  luaL_error(L, "\"%s\" is no type of a CSV column%s (f64, f32, i64, i32, dict, hash, text)", name,
             prl_nearest_hint(&nearest));
  return PRL_CSV_TEXT;
}

/* The columns at `index`: "name" (f32) or {"name", "type", empty = number}. Names stay alive in the table. */
static int check_columns(lua_State *L, int index, prl_csv_column *columns) {
  static const char *const names[] = {"empty"};
  const prl_keys known = {"a column of the CSV", "option", names, 1, 2};
  luaL_checktype(L, index, LUA_TTABLE);
  int count = (int)lua_objlen(L, index);
  if (count == 0 || count > MAX_CHOSEN)
    luaL_error(L, "choose 1 to %d columns of the CSV, not %d", MAX_CHOSEN, count);
  prl_check_list(L, index, "the list of columns");
  for (int i = 0; i < count; i++) {
    lua_rawgeti(L, index, i + 1);
    columns[i] = (prl_csv_column){.type = PRL_CSV_F32};
    if (lua_istable(L, -1)) {
      if (prl_push_unknown_key(L, lua_gettop(L), &known)) prl_raise(L);
      columns[i].empty = prl_option_number(L, lua_gettop(L), "empty", 0);
      lua_getfield(L, -1, "empty");
      columns[i].may_be_empty = !lua_isnil(L, -1);
      lua_rawgeti(L, -2, 2);
      if (lua_isstring(L, -1)) columns[i].type = check_type(L, lua_tostring(L, -1));
      lua_pop(L, 2);
      lua_rawgeti(L, -1, 1);
      lua_remove(L, -2);
    }
    if (lua_type(L, -1) != LUA_TSTRING) luaL_error(L, "column %d is neither a name nor {name, type}", i + 1);
    columns[i].name = lua_tostring(L, -1);
    lua_pop(L, 1);
  }
  return count;
}

static prl_csv_options check_options(lua_State *L, int index) {
  static const char *const names[] = {"delimiter", "skip_bad", "batch", "max_row", NULL};
  prl_check_keys(L, index, "prl.csv", names);
  prl_csv_options options = {.skip_bad = prl_option_bool(L, index, "skip_bad", false),
                             .batch = prl_option_int(L, index, "batch", 0, 0, INT64_C(1) << 53),
                             .max_row = prl_option_int(L, index, "max_row", 0, 0, INT64_C(1) << 53)};
  if (lua_type(L, index) != LUA_TTABLE) return options;
  lua_getfield(L, index, "delimiter");
  if (!lua_isnil(L, -1)) {
    size_t size;
    const char *text = luaL_checklstring(L, -1, &size);
    if (size != 1 || strchr("\"\r\n", text[0]))
      luaL_error(L, "delimiter: one character that is no quote or line break");
    options.delimiter = text[0];
  }
  lua_pop(L, 1);
  return options;
}

/* Pushes a reader of (path, columns, options) at 1 … 3, or nil, message, code; returns how many were pushed.
 */
static int open_reader(lua_State *L) {
  prl_error error;
  const char *path = luaL_checkstring(L, 1);
  prl_csv_column *columns = lua_newuserdata(L, MAX_CHOSEN * sizeof *columns);
  int count = check_columns(L, 2, columns);
  prl_csv_options options = check_options(L, 3);
  lua_csv *self = lua_newuserdata(L, sizeof *self);
  self->csv = NULL;
  self->count = count;
  for (int i = 0; i < count; i++) self->types[i] = columns[i].type;
  luaL_getmetatable(L, "perilune.csv");
  lua_setmetatable(L, -2);
  if (prl_csv_open(prl_state_of(L)->runtime, path, columns, count, &options, &self->csv, &error))
    return prl_push_failure(L, &error);
  return 1;
}

static int csv_new(lua_State *L) {
  lua_settop(L, 3);
  return open_reader(L);
}

static void push_cell(lua_State *L, const lua_csv *self, int column, int64_t row) {
  const void *values = prl_csv_values(self->csv, column);
  size_t length;
  switch (self->types[column]) {
  case PRL_CSV_F64:
    lua_pushnumber(L, ((const double *)values)[row]);
    return;
  case PRL_CSV_F32:
    lua_pushnumber(L, (lua_Number)((const float *)values)[row]);
    return;
  case PRL_CSV_I64:
    lua_pushnumber(L, (lua_Number)((const int64_t *)values)[row]);
    return;
  case PRL_CSV_HASH:
    lua_pushlstring(L, (const char *)values + 8 * row, 8);
    return;
  case PRL_CSV_TEXT: {
    const char *text = prl_csv_text(self->csv, column, row, &length);
    lua_pushlstring(L, text, length);
    return;
  }
  default:
    lua_pushnumber(L, (lua_Number)((const int32_t *)values)[row]);
    return;
  }
}

/* self, batch or nil → rows, {column of values, …}: a table of values for each column, in the order chosen;
 * ids of "dict" columns count from 0, hashes are strings of 8 bytes. A batch that is handed back is filled
 * again. 0 rows: the end. */
static int csv_next(lua_State *L) {
  prl_error error;
  int64_t rows;
  lua_csv *self = check_csv(L);
  lua_settop(L, 2);
  if (prl_csv_next(self->csv, &rows, &error)) return prl_push_failure(L, &error);
  if (!lua_istable(L, 2)) {
    lua_newtable(L);
    lua_replace(L, 2);
  }
  for (int c = 0; c < self->count; c++) {
    lua_rawgeti(L, 2, c + 1);
    if (!lua_istable(L, -1)) {
      lua_pop(L, 1);
      lua_createtable(L, (int)rows, 0);
      lua_pushvalue(L, -1);
      lua_rawseti(L, 2, c + 1);
    }
    for (int64_t r = 0; r < rows; r++) {
      push_cell(L, self, c, r);
      lua_rawseti(L, -2, (int)r + 1);
    }
    lua_pop(L, 1);
  }
  lua_pushnumber(L, (lua_Number)rows);
  lua_insert(L, 2);
  return 2;
}

static void push_dict(lua_State *L, const prl_csv *csv, int column) {
  int64_t count = prl_csv_dict_count(csv, column);
  lua_createtable(L, (int)count, 0);
  for (int64_t id = 0; id < count; id++) {
    size_t length;
    const char *text = prl_csv_dict_text(csv, column, id, &length);
    lua_pushlstring(L, text, length);
    lua_rawseti(L, -2, (int)id + 1);
  }
}

/* self, column (1-based, as chosen) → {text, …}: id 0 is the first. */
static int csv_dict(lua_State *L) {
  lua_csv *self = check_csv(L);
  int64_t column = prl_check_int(L, 2) - 1;
  if (column < 0 || column >= self->count || self->types[column] != PRL_CSV_DICT)
    return luaL_error(L, "column %f is not one of type dict", (double)column + 1);
  push_dict(L, self->csv, (int)column);
  return 1;
}

/* self → rows read, rows skipped, why the first was skipped, bytes read, bytes in all (-1: not known) */
static int csv_progress(lua_State *L) {
  prl_csv *csv = check_csv(L)->csv;
  lua_pushnumber(L, (lua_Number)prl_csv_rows(csv));
  lua_pushnumber(L, (lua_Number)prl_csv_skipped(csv));
  lua_pushstring(L, prl_csv_first_skipped(csv));
  lua_pushnumber(L, (lua_Number)prl_csv_bytes_read(csv));
  lua_pushnumber(L, (lua_Number)prl_csv_bytes_total(csv));
  return 5;
}

static int csv_names(lua_State *L) { /* self → every name of the header */
  prl_csv *csv = check_csv(L)->csv;
  lua_newtable(L);
  for (int i = 0; i < prl_csv_header_count(csv); i++) {
    lua_pushstring(L, prl_csv_header_name(csv, i));
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

/* ---- a whole file as tensors ---- */

typedef struct gathered {
  prl_runtime *runtime;
  int count;
  int64_t capacity;
  void *values[MAX_CHOSEN];
} gathered;

static int gathered_gc(lua_State *L) {
  gathered *self = lua_touserdata(L, 1);
  for (int i = 0; i < self->count; i++) prl_free(self->runtime, self->values[i]);
  self->count = 0;
  return 0;
}

static prl_dtype dtype_of(prl_csv_type type) {
  static const prl_dtype of[] = {[PRL_CSV_F64] = PRL_F64, [PRL_CSV_F32] = PRL_F32,  [PRL_CSV_I64] = PRL_I64,
                                 [PRL_CSV_I32] = PRL_I32, [PRL_CSV_DICT] = PRL_I32, [PRL_CSV_HASH] = PRL_I64};
  return of[type];
}

static prl_status gather(const lua_csv *self, gathered *all, int64_t *total, prl_error *error) {
  int64_t rows = 1;
  for (*total = 0; rows > 0; *total += rows) {
    prl_status status = prl_csv_next(self->csv, &rows, error);
    if (status) return status;
    for (bool grow = *total + rows > all->capacity; grow; grow = *total + rows > all->capacity) {
      int64_t capacity = all->capacity ? all->capacity * 2 : 4096;
      for (int c = 0; c < self->count; c++) {
        size_t size = prl_dtype_size(dtype_of(self->types[c]));
        void *grown = prl_realloc(all->runtime, all->values[c], (size_t)capacity * size);
        if (!grown) return prl_fail_memory(error, (size_t)capacity * size);
        all->values[c] = grown;
      }
      all->capacity = capacity;
    }
    for (int c = 0; c < self->count; c++) {
      size_t size = prl_dtype_size(dtype_of(self->types[c]));
      memcpy((char *)all->values[c] + (size_t)*total * size, prl_csv_values(self->csv, c),
             (size_t)rows * size);
    }
  }
  return PRL_OK;
}

/* path, columns, options → {name = tensor of (rows)}, {rows, skipped, first_skipped, dicts = {name = {text,
 * …}}} */
static int csv_tensors(lua_State *L) {
  prl_error error;
  int64_t total;
  lua_settop(L, 3);
  if (open_reader(L) != 1) return 3;
  lua_csv *self = lua_touserdata(L, -1);
  for (int c = 0; c < self->count; c++)
    if (self->types[c] == PRL_CSV_TEXT)
      return luaL_error(L, "a text column has no tensor: read it as dict, or with prl.io.csv");
  gathered *all = lua_newuserdata(L, sizeof *all);
  *all = (gathered){.runtime = prl_state_of(L)->runtime, .count = self->count};
  luaL_getmetatable(L, "perilune.gathered");
  lua_setmetatable(L, -2);
  if (gather(self, all, &total, &error)) return prl_push_failure(L, &error);
  lua_newtable(L);
  lua_newtable(L); /* what is told beside */
  lua_newtable(L); /* dicts */
  for (int c = 0; c < self->count; c++) {
    prl_dtype dtype = dtype_of(self->types[c]);
    lua_rawgeti(L, 2, c + 1);
    if (lua_istable(L, -1)) lua_rawgeti(L, -1, 1), lua_remove(L, -2);
    if (self->types[c] == PRL_CSV_DICT) {
      lua_pushvalue(L, -1);
      push_dict(L, self->csv, c);
      lua_settable(L, -4);
    }
    prl_tensor *tensor = prl_push_tensor(L);
    prl_check(L, prl_tensor_new(all->runtime, dtype, 1, &total, tensor, &error), &error);
    if (total) memcpy(tensor->data, all->values[c], (size_t)total * prl_dtype_size(dtype));
    lua_settable(L, -5);
  }
  lua_setfield(L, -2, "dicts");
  lua_pushnumber(L, (lua_Number)total);
  lua_setfield(L, -2, "rows");
  lua_pushnumber(L, (lua_Number)prl_csv_skipped(self->csv));
  lua_setfield(L, -2, "skipped");
  lua_pushstring(L, prl_csv_first_skipped(self->csv));
  lua_setfield(L, -2, "first_skipped");
  return 2;
}

/* ---- writing ---- */

static int writer_gc(lua_State *L) {
  lua_writer *self = lua_touserdata(L, 1);
  prl_csv_writer_close(self->writer, NULL);
  self->writer = NULL;
  return 0;
}

static int writer_new(lua_State *L) { /* path, {name, …}, {fresh = bool} */
  prl_error error;
  const char *path = luaL_checkstring(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  static const char *const options[] = {"fresh", NULL};
  prl_check_list(L, 2, "the list of columns");
  prl_check_keys(L, 3, "prl.io.csv_writer", options);
  bool fresh = prl_option_bool(L, 3, "fresh", false);
  int count = (int)lua_objlen(L, 2);
  if (count == 0) return luaL_error(L, "a CSV needs at least one column");
  const char **names = lua_newuserdata(L, (size_t)count * sizeof *names);
  for (int i = 0; i < count; i++) {
    lua_rawgeti(L, 2, i + 1);
    if (lua_type(L, -1) != LUA_TSTRING) return luaL_error(L, "the name of column %d is not a string", i + 1);
    names[i] = lua_tostring(L, -1); /* stays alive in the table */
    lua_pop(L, 1);
  }
  lua_writer *self = lua_newuserdata(L, sizeof *self);
  self->writer = NULL;
  self->count = count;
  luaL_getmetatable(L, "perilune.csv_writer");
  lua_setmetatable(L, -2);
  if (prl_csv_writer_open(prl_state_of(L)->runtime, path, names, count, fresh, &self->writer, &error))
    return prl_push_failure(L, &error);
  return 1;
}

static int writer_row(lua_State *L) { /* self, {value or nil, …} in the order of the columns */
  prl_error error;
  lua_writer *self = luaL_checkudata(L, 1, "perilune.csv_writer");
  luaL_checktype(L, 2, LUA_TTABLE);
  if (!self->writer) return luaL_error(L, "the CSV is closed");
  const prl_keys places = {
      .about = "a row", .noun = "column", .positions = self->count}; /* some may be nil */
  if (prl_push_unknown_key(L, 2, &places)) return prl_raise(L);
  double *values = lua_newuserdata(L, (size_t)self->count * (sizeof(double) + sizeof(bool)));
  bool *present = (bool *)(values + self->count);
  for (int i = 0; i < self->count; i++) {
    lua_rawgeti(L, 2, i + 1);
    present[i] = lua_type(L, -1) == LUA_TNUMBER;
    if (!present[i] && !lua_isnil(L, -1))
      return luaL_error(L, "value %d of the row is a %s, not a number", i + 1, luaL_typename(L, -1));
    values[i] = lua_tonumber(L, -1);
    lua_pop(L, 1);
  }
  if (prl_csv_writer_row(self->writer, values, present, &error)) return prl_push_failure(L, &error);
  lua_pushboolean(L, true);
  return 1;
}

static int writer_close(lua_State *L) {
  prl_error error;
  lua_writer *self = luaL_checkudata(L, 1, "perilune.csv_writer");
  prl_csv_writer *writer = self->writer;
  self->writer = NULL;
  if (prl_csv_writer_close(writer, &error)) return prl_push_failure(L, &error);
  lua_pushboolean(L, true);
  return 1;
}

/* The module's table lies below the io table on the top. */
void prl_open_csv(lua_State *L) {
  static const luaL_Reg io[] = {{"csv", csv_new}, {"csv_writer", writer_new}, {NULL, NULL}};
  static const luaL_Reg module[] = {{"csv", csv_tensors}, {NULL, NULL}};
  static const luaL_Reg reader[] = {{"next", csv_next},   {"dict", csv_dict}, {"progress", csv_progress},
                                    {"names", csv_names}, {"close", csv_gc},  {"__gc", csv_gc},
                                    {NULL, NULL}};
  static const luaL_Reg all[] = {{"__gc", gathered_gc}, {NULL, NULL}};
  static const luaL_Reg writer[] = {
      {"row", writer_row}, {"close", writer_close}, {"__gc", writer_gc}, {NULL, NULL}};
  prl_register(L, io);
  lua_pushvalue(L, -2);
  prl_register(L, module);
  lua_pop(L, 1);
  prl_new_type(L, "perilune.csv", reader);
  prl_new_type(L, "perilune.gathered", all);
  prl_new_type(L, "perilune.csv_writer", writer);
  lua_pop(L, 3);
}
