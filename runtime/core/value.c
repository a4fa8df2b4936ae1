/* Plain data: documents, look-ups, comparison, and a digest of their canonical text. */
#include "core/value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

prl_status prl_doc_new(prl_runtime *runtime, prl_doc **out, prl_error *error) {
  prl_doc *doc = prl_calloc(runtime, 1, sizeof *doc);
  if (!doc) return prl_fail_memory(error, sizeof *doc);
  prl_arena_init(&doc->arena, runtime);
  *out = doc;
  return PRL_OK;
}

void prl_doc_free(prl_doc *doc) {
  if (!doc) return;
  prl_runtime *runtime = doc->arena.runtime;
  prl_arena_deinit(&doc->arena);
  prl_free(runtime, doc);
}

void prl_set_null(prl_value *to) { *to = (prl_value){.kind = PRL_NULL}; }

void prl_set_bool(prl_value *to, bool boolean) { *to = (prl_value){.kind = PRL_BOOL, .as.boolean = boolean}; }

void prl_set_number(prl_value *to, double number) {
  *to = (prl_value){.kind = PRL_NUMBER, .as.number = number};
}

bool prl_set_string(prl_doc *doc, prl_value *to, const char *text, size_t length) {
  char *copy = prl_arena_text(&doc->arena, text, length);
  if (!copy) return false;
  *to = (prl_value){.kind = PRL_STRING, .count = (int64_t)length, .as.text = copy};
  return true;
}

void prl_set_array(prl_value *to) { *to = (prl_value){.kind = PRL_ARRAY}; }

void prl_set_map(prl_value *to) { *to = (prl_value){.kind = PRL_MAP}; }

/* Room for `more` items behind the `used` ones. Blocks of an arena are not freed one by one, so growth
 * doubles: the blocks left behind are together no larger than the last. */
static bool reserve(prl_doc *doc, prl_value *value, int64_t used, int64_t more) {
  if (used + more <= value->capacity) return true;
  int64_t capacity = value->capacity < 4 ? 4 : value->capacity * 2;
  prl_value *items = prl_arena_alloc(&doc->arena, (size_t)capacity * sizeof *items);
  if (!items) return false;
  if (used > 0) memcpy(items, value->as.items, (size_t)used * sizeof *items);
  value->as.items = items;
  value->capacity = capacity;
  return true;
}

prl_value *prl_push(prl_doc *doc, prl_value *array) {
  if (!reserve(doc, array, array->count, 1)) return NULL;
  prl_value *item = &array->as.items[array->count++];
  prl_set_null(item);
  return item;
}

static prl_value *find(const prl_value *map, const char *key, size_t length) {
  if (!map || map->kind != PRL_MAP) return NULL;
  for (int64_t i = 0; i < map->count; i++) {
    const prl_value *name = &map->as.items[2 * i];
    if ((size_t)name->count == length && memcmp(name->as.text, key, length) == 0)
      return &map->as.items[2 * i + 1];
  }
  return NULL;
}

prl_value *prl_put_new(prl_doc *doc, prl_value *map, const char *key, size_t length) {
  prl_value name;
  if (!reserve(doc, map, 2 * map->count, 2) || !prl_set_string(doc, &name, key, length)) return NULL;
  prl_value *pair = &map->as.items[2 * map->count++];
  pair[0] = name;
  prl_set_null(&pair[1]);
  return &pair[1];
}

prl_value *prl_put(prl_doc *doc, prl_value *map, const char *key) {
  size_t length = strlen(key);
  prl_value *present = find(map, key, length);
  if (!present) return prl_put_new(doc, map, key, length);
  prl_set_null(present);
  return present;
}

bool prl_value_copy(prl_doc *doc, prl_value *to, const prl_value *from) {
  switch (from->kind) {
  case PRL_STRING:
    return prl_set_string(doc, to, from->as.text, (size_t)from->count);
  case PRL_ARRAY:
  case PRL_MAP:
    break;
  default:
    *to = *from;
    return true;
  }
  /* Built apart, so that a value may be copied into one of its own parts. */
  prl_value copy = {.kind = from->kind};
  int64_t items = from->kind == PRL_MAP ? 2 * from->count : from->count;
  if (items > 0) {
    copy.as.items = prl_arena_alloc(&doc->arena, (size_t)items * sizeof(prl_value));
    if (!copy.as.items) return false;
    copy.capacity = items;
  }
  for (int64_t i = 0; i < items; i++)
    if (!prl_value_copy(doc, &copy.as.items[i], &from->as.items[i])) return false;
  copy.count = from->count;
  *to = copy;
  return true;
}

const prl_value *prl_get(const prl_value *map, const char *key) { return find(map, key, strlen(key)); }

const prl_value *prl_path(const prl_value *root, const char *path) {
  const prl_value *value = root;
  while (value && *path) {
    size_t length = strcspn(path, ".");
    if (value->kind == PRL_ARRAY) {
      int64_t position = 0;
      for (size_t i = 0; i < length; i++) {
        if (path[i] < '0' || path[i] > '9' || position > INT32_MAX) return NULL;
        position = position * 10 + (path[i] - '0');
      }
      value = prl_item(value, position - 1);
    } else {
      value = find(value, path, length);
    }
    path += length;
    if (*path == '.') path++;
  }
  return value;
}

double prl_get_number(const prl_value *map, const char *key, double fallback) {
  const prl_value *value = prl_get(map, key);
  return value && value->kind == PRL_NUMBER ? value->as.number : fallback;
}

int64_t prl_get_int(const prl_value *map, const char *key, int64_t fallback) {
  double number = prl_get_number(map, key, NAN);
  if (!(number >= -0x1p63 && number < 0x1p63) || number != floor(number)) return fallback;
  return (int64_t)number;
}

bool prl_get_bool(const prl_value *map, const char *key, bool fallback) {
  const prl_value *value = prl_get(map, key);
  return value && value->kind == PRL_BOOL ? value->as.boolean : fallback;
}

const char *prl_get_string(const prl_value *map, const char *key, const char *fallback) {
  const prl_value *value = prl_get(map, key);
  return value && value->kind == PRL_STRING ? value->as.text : fallback;
}

int64_t prl_count(const prl_value *value) {
  return value && (value->kind == PRL_ARRAY || value->kind == PRL_MAP) ? value->count : 0;
}

const prl_value *prl_item(const prl_value *array, int64_t index) {
  if (!array || array->kind != PRL_ARRAY || index < 0 || index >= array->count) return NULL;
  return &array->as.items[index];
}

void prl_pair(const prl_value *map, int64_t index, const char **key, const prl_value **value) {
  bool present = map && map->kind == PRL_MAP && index >= 0 && index < map->count;
  *key = present ? map->as.items[2 * index].as.text : NULL;
  *value = present ? &map->as.items[2 * index + 1] : NULL;
}

static bool maps_equal(const prl_value *a, const prl_value *b) {
  for (int64_t i = 0; i < a->count; i++) {
    const prl_value *key = &a->as.items[2 * i];
    /* Two equal maps nearly always have the same order. */
    const prl_value *beside = &b->as.items[2 * i];
    const prl_value *other = &b->as.items[2 * i + 1];
    if (beside->count != key->count || memcmp(beside->as.text, key->as.text, (size_t)key->count) != 0)
      other = find(b, key->as.text, (size_t)key->count);
    if (!other || !prl_value_equal(key + 1, other)) return false;
  }
  return true;
}

bool prl_value_equal(const prl_value *a, const prl_value *b) {
  if (a->kind != b->kind || a->count != b->count) return false;
  switch (a->kind) {
  case PRL_NULL:
    return true;
  case PRL_BOOL:
    return a->as.boolean == b->as.boolean;
  case PRL_NUMBER:
    return a->as.number == b->as.number && !signbit(a->as.number) == !signbit(b->as.number);
  case PRL_STRING:
    return memcmp(a->as.text, b->as.text, (size_t)a->count) == 0;
  case PRL_ARRAY:
    for (int64_t i = 0; i < a->count; i++)
      if (!prl_value_equal(&a->as.items[i], &b->as.items[i])) return false;
    return true;
  case PRL_MAP:
    return maps_equal(a, b);
  }
  return false;
}
