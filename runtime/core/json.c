/* JSON to plain data and back. Own code in place of a library: the packaged ones either do not check their
 * allocations or cannot use a host's allocator, and an embedding host may fail any allocation. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/value.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/number.h"
#include "core/utf8.h"

#define MAX_DEPTH 64

/* ---- parsing ---- */

typedef struct parser {
  prl_doc *doc;
  const char *text, *at, *end;
  prl_error *error;
} parser;

static prl_status parse_value(parser *p, prl_value *to, int depth);

PRL_PRINTF(2, 3) static prl_status malformed(parser *p, const char *format, ...) {
  char what[160];
  va_list arguments;
  va_start(arguments, format);
  prl_vformat(what, sizeof what, format, arguments);
  va_end(arguments);
  int64_t line = 1, column = 1;
  for (const char *c = p->text; c < p->at; c++) {
    column = *c == '\n' ? 1 : column + 1;
    line += *c == '\n';
  }
  return prl_fail(p->error, PRL_EFORMAT, "JSON, line %lld, column %lld: %s", (long long)line,
                  (long long)column, what);
}

/* What is at the cursor, for a message. */
static prl_status unexpected(parser *p, const char *wanted) {
  if (p->at >= p->end) return malformed(p, "the text ends where %s is expected", wanted);
  unsigned char c = (unsigned char)*p->at;
  if (c >= 0x20 && c < 0x7f) return malformed(p, "'%c' where %s is expected", c, wanted);
  return malformed(p, "byte 0x%02x where %s is expected", c, wanted);
}

static void skip_space(parser *p) {
  while (p->at < p->end && (*p->at == ' ' || *p->at == '\n' || *p->at == '\r' || *p->at == '\t')) p->at++;
}

static bool take(parser *p, char c) {
  if (p->at >= p->end || *p->at != c) return false;
  p->at++;
  return true;
}

static int hex4(const char *text, const char *end) {
  if (end - text < 4) return -1;
  int code = 0;
  for (int i = 0; i < 4; i++) {
    char c = text[i];
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
    if (digit < 0) return -1;
    code = code * 16 + digit;
  }
  return code;
}

/* The part behind a backslash, as UTF-8 at *to. */
static prl_status parse_escape(parser *p, char **to) {
  static const char names[] = "\"\\/bfnrt", codes[] = "\"\\/\b\f\n\r\t";
  if (p->at >= p->end) return malformed(p, "the text ends inside a string");
  char c = *p->at;
  const char *name = c ? strchr(names, c) : NULL;
  if (name) {
    p->at++;
    *(*to)++ = codes[name - names];
    return PRL_OK;
  }
  if (c != 'u') return unexpected(p, "one of \" \\ / b f n r t u, behind a backslash,");
  int code = hex4(p->at + 1, p->end);
  if (code < 0) return malformed(p, "four hexadecimal digits must follow \\u");
  if (code >= 0xd800 && code < 0xe000) {
    int low = -1;
    if (p->end - p->at > 7 && p->at[5] == '\\' && p->at[6] == 'u') low = hex4(p->at + 7, p->end);
    if (code >= 0xdc00 || low < 0xdc00 || low >= 0xe000)
      return malformed(p, "half of a surrogate pair is alone");
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    p->at += 6;
  }
  p->at += 5;
  *to += prl_utf8_encode((uint32_t)code, *to);
  return PRL_OK;
}

/* The end of the string that begins at the cursor (behind its opening quote). */
static const char *string_end(const parser *p) {
  for (const char *at = p->at; at < p->end; at++) {
    if (*at == '"') return at;
    if (*at == '\\') at++;
  }
  return NULL;
}

static prl_status parse_string(parser *p, prl_value *to) {
  const char *end = string_end(p);
  if (!end) {
    p->at = p->end;
    return malformed(p, "the text ends inside a string");
  }
  /* No escape is longer decoded than written. */
  char *text = prl_arena_alloc(&p->doc->arena, (size_t)(end - p->at) + 1);
  if (!text) return prl_fail_memory(p->error, (size_t)(end - p->at) + 1);
  char *out = text;
  while (p->at < end) {
    unsigned char c = (unsigned char)*p->at;
    if (c < 0x20) return malformed(p, "byte 0x%02x in a string without an escape", c);
    if (c == '\\') {
      p->at++;
      prl_status status = parse_escape(p, &out);
      if (status) return status;
      continue;
    }
    size_t size = prl_utf8_length(p->at, end);
    if (size == 0) return malformed(p, "byte 0x%02x in a string is not UTF-8", c);
    memcpy(out, p->at, size);
    out += size;
    p->at += size;
  }
  p->at = end + 1;
  *out = 0;
  *to = (prl_value){.kind = PRL_STRING, .count = out - text, .as.text = text};
  return PRL_OK;
}

static bool is_digit(char c) { return (unsigned char)(c - '0') < 10; }

static prl_status parse_number(parser *p, prl_value *to) {
  const char *first = p->at, *at = p->at;
  if (at < p->end && *at == '-') at++;
  const char *digits = at;
  while (at < p->end && is_digit(*at)) at++;
  bool zero_first = at - digits > 1 && *digits == '0';
  while (at < p->end && (is_digit(*at) || *at == '.' || *at == 'e' || *at == 'E' || *at == '+' || *at == '-'))
    at++;
  double number;
  const char *point = memchr(first, '.', (size_t)(at - first));
  bool bare_point = point && (point == digits || point + 1 == at || !is_digit(point[1]));
  if (digits == at || zero_first || bare_point || !prl_number_parse(first, (size_t)(at - first), &number))
    return malformed(p, "'%.*s' is not a number", (int)(at - first > 40 ? 40 : at - first), first);
  if (!isfinite(number))
    return prl_fail(p->error, PRL_ENUMERIC, "JSON: the number %.*s is beyond the range of a double",
                    (int)(at - first > 40 ? 40 : at - first), first);
  p->at = at;
  prl_set_number(to, number);
  return PRL_OK;
}

static prl_status parse_array(parser *p, prl_value *to, int depth) {
  prl_value array; /* apart from *to: the items that *to lives among may move */
  prl_set_array(&array);
  skip_space(p);
  if (!take(p, ']')) {
    do {
      prl_value item;
      prl_status status = parse_value(p, &item, depth + 1);
      if (status) return status;
      prl_value *place = prl_push(p->doc, &array);
      if (!place) return prl_fail_memory(p->error, sizeof item);
      *place = item;
      skip_space(p);
    } while (take(p, ','));
    if (!take(p, ']')) return unexpected(p, "',' or ']'");
  }
  *to = array;
  return PRL_OK;
}

static int compare_keys(const prl_value *a, const prl_value *b) {
  size_t shorter = (size_t)(a->count < b->count ? a->count : b->count);
  int order = memcmp(a->as.text, b->as.text, shorter);
  return order ? order : (a->count > b->count) - (a->count < b->count);
}

static void sift_down(const prl_value **heap, int64_t root, int64_t count) {
  const prl_value *moving = heap[root];
  for (int64_t child = 2 * root + 1; child < count; child = 2 * root + 1) {
    if (child + 1 < count && compare_keys(heap[child], heap[child + 1]) < 0) child++;
    if (compare_keys(moving, heap[child]) >= 0) break;
    heap[root] = heap[child];
    root = child;
  }
  heap[root] = moving;
}

/* The pairs of a map in byte order of their keys: pointers, freed by prl_free. NULL when out of memory.
 * A heap sort in place, since qsort may call malloc, and every byte comes from the host's allocator. */
static const prl_value **sorted_pairs(prl_runtime *runtime, const prl_value *map) {
  const prl_value **pairs = prl_alloc(runtime, (size_t)map->count * sizeof *pairs);
  if (!pairs) return NULL;
  for (int64_t i = 0; i < map->count; i++) pairs[i] = &map->as.items[2 * i];
  for (int64_t i = map->count / 2 - 1; i >= 0; i--) sift_down(pairs, i, map->count);
  for (int64_t last = map->count - 1; last > 0; last--) {
    const prl_value *largest = pairs[0];
    pairs[0] = pairs[last];
    pairs[last] = largest;
    sift_down(pairs, 0, last);
  }
  return pairs;
}

static prl_status refuse_twins(parser *p, const prl_value *map) {
  if (map->count < 2) return PRL_OK;
  prl_runtime *runtime = p->doc->arena.runtime;
  const prl_value **pairs = sorted_pairs(runtime, map);
  if (!pairs) return prl_fail_memory(p->error, (size_t)map->count * sizeof *pairs);
  prl_status status = PRL_OK;
  for (int64_t i = 1; i < map->count && status == PRL_OK; i++)
    if (compare_keys(pairs[i - 1], pairs[i]) == 0)
      status = malformed(p, "the key \"%.60s\" appears twice in a map", pairs[i]->as.text);
  prl_free(runtime, pairs);
  return status;
}

static prl_status parse_pair(parser *p, prl_value *map, int depth) {
  prl_value key, value;
  skip_space(p);
  if (!take(p, '"')) return unexpected(p, "a key in double quotes");
  prl_status status = parse_string(p, &key);
  if (status) return status;
  if (memchr(key.as.text, 0, (size_t)key.count)) return malformed(p, "a key has a NUL character in it");
  skip_space(p);
  if (!take(p, ':')) return unexpected(p, "':'");
  status = parse_value(p, &value, depth + 1);
  if (status) return status;
  prl_value *place = prl_put_new(p->doc, map, "", 0);
  if (!place) return prl_fail_memory(p->error, sizeof value);
  place[-1] = key;
  place[0] = value;
  return PRL_OK;
}

static prl_status parse_map(parser *p, prl_value *to, int depth) {
  prl_value map;
  prl_set_map(&map);
  skip_space(p);
  if (!take(p, '}')) {
    do {
      prl_status status = parse_pair(p, &map, depth);
      if (status) return status;
      skip_space(p);
    } while (take(p, ','));
    if (!take(p, '}')) return unexpected(p, "',' or '}'");
    prl_status status = refuse_twins(p, &map);
    if (status) return status;
  }
  *to = map;
  return PRL_OK;
}

static bool take_word(parser *p, const char *word) {
  size_t length = strlen(word);
  if ((size_t)(p->end - p->at) < length || memcmp(p->at, word, length) != 0) return false;
  p->at += length;
  return true;
}

/* depth: containers around this value. */
static prl_status parse_value(parser *p, prl_value *to, int depth) {
  skip_space(p);
  if (p->at < p->end && (*p->at == '[' || *p->at == '{')) {
    if (depth >= MAX_DEPTH) return malformed(p, "nested deeper than %d", MAX_DEPTH);
    return *p->at++ == '[' ? parse_array(p, to, depth) : parse_map(p, to, depth);
  }
  if (take(p, '"')) return parse_string(p, to);
  if (p->at < p->end && (*p->at == '-' || is_digit(*p->at))) return parse_number(p, to);
  if (take_word(p, "true"))
    prl_set_bool(to, true);
  else if (take_word(p, "false"))
    prl_set_bool(to, false);
  else if (take_word(p, "null"))
    prl_set_null(to);
  else
    return unexpected(p, "a value");
  return PRL_OK;
}

prl_status prl_json_parse(prl_runtime *runtime, const char *text, size_t length, prl_doc **out,
                          prl_error *error) {
  prl_doc *doc;
  prl_status status = prl_doc_new(runtime, &doc, error);
  if (status) return status;
  parser p = {.doc = doc, .text = text, .at = text, .end = text + length, .error = error};
  status = parse_value(&p, &doc->root, 0);
  if (status == PRL_OK) {
    skip_space(&p);
    if (p.at < p.end) status = unexpected(&p, "the end of the text");
  }
  if (status) {
    prl_doc_free(doc);
    return status;
  }
  *out = doc;
  return PRL_OK;
}

/* ---- writing ---- */

typedef struct writer {
  prl_runtime *runtime;
  char *text;
  size_t length, capacity;
  bool sorted;
  int indent, depth;
  const char *keys[MAX_DEPTH]; /* where it is: the key, or NULL and the position, at each depth */
  int64_t positions[MAX_DEPTH];
  prl_error *error;
} writer;

static prl_status write_value(writer *w, const prl_value *value);

static prl_status put(writer *w, const char *text, size_t length) {
  if (w->capacity - w->length <= length) { /* one more for the ending NUL */
    size_t capacity = w->capacity * 2 > w->length + length + 1 ? w->capacity * 2 : w->length + length + 256;
    char *grown = prl_realloc(w->runtime, w->text, capacity);
    if (!grown) return prl_fail_memory(w->error, capacity);
    w->text = grown;
    w->capacity = capacity;
  }
  memcpy(w->text + w->length, text, length);
  w->length += length;
  w->text[w->length] = 0;
  return PRL_OK;
}

/* "schedule.2.lambda", for messages; cut where it is long. */
static const char *path_text(const writer *w, char *text, size_t size) {
  size_t length = 0;
  text[0] = 0;
  for (int i = 0; i < w->depth && length + 1 < size; i++) {
    const char *dot = i ? "." : "";
    int more = w->keys[i]
                   ? snprintf(text + length, size - length, "%s%s", dot, w->keys[i])
                   : snprintf(text + length, size - length, "%s%lld", dot, (long long)w->positions[i] + 1);
    length += (size_t)more;
  }
  return text[0] ? text : "the top value";
}

static prl_status write_number(writer *w, double number) {
  char text[PRL_NUMBER_TEXT], path[200];
  size_t length = prl_number_format(number, text);
  if (!isfinite(number))
    return prl_fail(w->error, PRL_ENUMERIC, "JSON has no form for %s, the value at %s", text,
                    path_text(w, path, sizeof path));
  return put(w, text, length);
}

static prl_status write_escaped(writer *w, unsigned char c) {
  static const char names[] = "\"\\bfnrt", codes[] = "\"\\\b\f\n\r\t";
  char text[8];
  const char *code = c ? strchr(codes, c) : NULL;
  int length = code ? snprintf(text, sizeof text, "\\%c", names[code - codes])
                    : snprintf(text, sizeof text, "\\u%04x", (unsigned)c);
  return put(w, text, (size_t)length);
}

static prl_status write_string(writer *w, const char *text, int64_t count) {
  const char *at = text, *end = text + count;
  prl_status status = put(w, "\"", 1);
  while (at < end && status == PRL_OK) {
    const char *run = at; /* of characters that need no escape */
    size_t size = 0;
    while (at < end && (unsigned char)*at >= 0x20 && *at != '"' && *at != '\\' &&
           (size = prl_utf8_length(at, end)) > 0)
      at += size;
    status = put(w, run, (size_t)(at - run));
    if (at >= end || status) break;
    if ((unsigned char)*at >= 0x80) {
      char path[200];
      return prl_fail(w->error, PRL_EFORMAT, "the string at %s is not UTF-8 (byte 0x%02x)",
                      path_text(w, path, sizeof path), (unsigned char)*at);
    }
    status = write_escaped(w, (unsigned char)*at++);
  }
  return status ? status : put(w, "\"", 1);
}

static prl_status new_line(writer *w) {
  if (w->indent == 0) return PRL_OK;
  prl_status status = put(w, "\n", 1);
  for (int i = 0; i < w->depth * w->indent && status == PRL_OK; i++) status = put(w, " ", 1);
  return status;
}

/* An item, with the separator before it. */
static prl_status write_item(writer *w, int64_t position, const prl_value *key, const prl_value *value) {
  w->keys[w->depth - 1] = key ? key->as.text : NULL;
  w->positions[w->depth - 1] = position;
  prl_status status = position ? put(w, ",", 1) : PRL_OK;
  if (status == PRL_OK) status = new_line(w);
  if (key && status == PRL_OK) status = write_string(w, key->as.text, key->count);
  if (key && status == PRL_OK) status = put(w, ": ", w->indent ? 2 : 1);
  return status ? status : write_value(w, value);
}

static prl_status write_map(writer *w, const prl_value *map) {
  const prl_value **pairs = NULL;
  if (w->sorted) {
    pairs = sorted_pairs(w->runtime, map);
    if (!pairs) return prl_fail_memory(w->error, (size_t)map->count * sizeof *pairs);
  }
  prl_status status = PRL_OK;
  for (int64_t i = 0; i < map->count && status == PRL_OK; i++) {
    const prl_value *pair = pairs ? pairs[i] : &map->as.items[2 * i];
    status = write_item(w, i, pair, pair + 1);
  }
  prl_free(w->runtime, pairs);
  return status;
}

static prl_status write_container(writer *w, const prl_value *value) {
  bool map = value->kind == PRL_MAP;
  if (value->count == 0) return put(w, map ? "{}" : "[]", 2);
  if (w->depth >= MAX_DEPTH)
    return prl_fail(w->error, PRL_EFORMAT, "the data is nested deeper than %d", MAX_DEPTH);
  prl_status status = put(w, map ? "{" : "[", 1);
  if (status) return status;
  w->depth++;
  if (map)
    status = write_map(w, value);
  else
    for (int64_t i = 0; i < value->count && status == PRL_OK; i++)
      status = write_item(w, i, NULL, &value->as.items[i]);
  w->depth--;
  if (status == PRL_OK) status = new_line(w);
  return status ? status : put(w, map ? "}" : "]", 1);
}

static prl_status write_value(writer *w, const prl_value *value) {
  switch (value->kind) {
  case PRL_NULL:
    return put(w, "null", 4);
  case PRL_BOOL:
    return value->as.boolean ? put(w, "true", 4) : put(w, "false", 5);
  case PRL_NUMBER:
    return write_number(w, value->as.number);
  case PRL_STRING:
    return write_string(w, value->as.text, value->count);
  default:
    return write_container(w, value);
  }
}

prl_status prl_json_write(prl_runtime *runtime, const prl_value *value, bool sorted, int indent, char **text,
                          size_t *length, prl_error *error) {
  writer w = {.runtime = runtime, .sorted = sorted, .indent = indent, .error = error};
  prl_status status = write_value(&w, value);
  if (status) {
    prl_free(runtime, w.text);
    return status;
  }
  *text = w.text;
  if (length) *length = w.length;
  return PRL_OK;
}

void prl_hash_spans(const prl_span *spans, int64_t count, char out[33]) {
  XXH3_state_t state;
  XXH128_canonical_t canonical;
  XXH3_INITSTATE(&state);
  XXH3_128bits_reset(&state);
  for (int64_t i = 0; i < count; i++)
    if (spans[i].size > 0) XXH3_128bits_update(&state, spans[i].data, spans[i].size);
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&state));
  for (int i = 0; i < 16; i++) snprintf(out + 2 * i, 3, "%02x", canonical.digest[i]);
}

void prl_hash_bytes(const void *data, size_t size, char out[33]) {
  prl_hash_spans(&(prl_span){data, size}, 1, out);
}

prl_status prl_value_hash(prl_runtime *runtime, const prl_value *value, char out[33], prl_error *error) {
  char *text;
  size_t length;
  prl_status status = prl_json_write(runtime, value, true, 0, &text, &length, error);
  if (status) return status;
  prl_hash_bytes(text, length, out);
  prl_free(runtime, text);
  return PRL_OK;
}
