/* Plain data: what a recipe evaluates to, what a plan is, what a checkpoint's JSON holds. A document is a
 * tree in an arena, freed whole; values in it are never freed one by one. */
#ifndef PRL_CORE_VALUE_H
#define PRL_CORE_VALUE_H

#include "core/memory.h"

typedef enum prl_kind { PRL_NULL, PRL_BOOL, PRL_NUMBER, PRL_STRING, PRL_ARRAY, PRL_MAP } prl_kind;

typedef struct prl_value prl_value;
struct prl_value {
  prl_kind kind;
  int64_t count;    /* bytes of a string, items of an array, pairs of a map */
  int64_t capacity; /* of items */
  union {
    bool boolean;
    double number;
    const char *text; /* terminated */
    prl_value *items; /* array: items; map: key, value, key, value … in order of insertion */
  } as;
};

typedef struct prl_doc {
  prl_arena arena;
  prl_value root;
} prl_doc;

prl_status prl_doc_new(prl_runtime *runtime, prl_doc **out, prl_error *error); /* root is null */
void prl_doc_free(prl_doc *doc);

/* Builders: write into *to, which may be a value inside doc. Copies of text go into the arena.
 * push and put return the new null value to fill, or NULL when out of memory; the pointer is good until the
 * next push or put into the same container, whose items may move. put replaces the value of an existing key.
 */
void prl_set_null(prl_value *to);
void prl_set_bool(prl_value *to, bool boolean);
void prl_set_number(prl_value *to, double number);
bool prl_set_string(prl_doc *doc, prl_value *to, const char *text, size_t length);
void prl_set_array(prl_value *to);
void prl_set_map(prl_value *to);
prl_value *prl_push(prl_doc *doc, prl_value *array);
prl_value *prl_put(prl_doc *doc, prl_value *map, const char *key);
prl_value *prl_put_new(prl_doc *doc, prl_value *map, const char *key,
                       size_t length); /* a key known to be absent */
bool prl_value_copy(prl_doc *doc, prl_value *to, const prl_value *from);

/* Readers: NULL or the fallback where the key is absent or the kind differs. A path is keys and 1-based
 * positions with dots: "objective.critics.watch.gamma", "schedule.2.verb". */
const prl_value *prl_get(const prl_value *map, const char *key);
const prl_value *prl_path(const prl_value *root, const char *path);
double prl_get_number(const prl_value *map, const char *key, double fallback);
int64_t prl_get_int(const prl_value *map, const char *key, int64_t fallback);
bool prl_get_bool(const prl_value *map, const char *key, bool fallback);
const char *prl_get_string(const prl_value *map, const char *key, const char *fallback);
int64_t prl_count(const prl_value *value);                        /* 0 for NULL and scalars */
const prl_value *prl_item(const prl_value *array, int64_t index); /* 0-based */
void prl_pair(const prl_value *map, int64_t index, const char **key, const prl_value **value);
bool prl_value_equal(const prl_value *a, const prl_value *b); /* order of keys does not matter */

/* JSON (RFC 8259), strictly: no comments, no trailing commas, text in UTF-8, no key twice in a map, nesting
 * of at most 64 maps and arrays. Written numbers are in the short form of core/number.h, which reads back as
 * the same double. sorted: keys in byte order, which with indent 0 is the canonical form, for hashes. indent:
 * spaces for each level, or 0 for one line without spaces. The text is NUL-terminated and freed by prl_free;
 * length may be NULL. Parsing fails: PRL_EFORMAT (line and column), PRL_ENUMERIC (a number beyond a double's
 * range), PRL_ENOMEM. Writing fails: PRL_ENUMERIC (a NaN or an infinity, for which JSON has no form: the path
 * to it), PRL_EFORMAT (too deep; a string that is not UTF-8), PRL_ENOMEM. */
prl_status prl_json_parse(prl_runtime *runtime, const char *text, size_t length, prl_doc **out,
                          prl_error *error);
prl_status prl_json_write(prl_runtime *runtime, const prl_value *value, bool sorted, int indent, char **text,
                          size_t *length, prl_error *error);
typedef struct prl_span {
  const void *data;
  size_t size;
} prl_span;

/* XXH3-128 as 32 hexadecimal digits: of some bytes, of bytes that lie in several places, one behind the
 * other, and of a value's canonical JSON. */
void prl_hash_bytes(const void *data, size_t size, char out[33]);
void prl_hash_spans(const prl_span *spans, int64_t count, char out[33]);
prl_status prl_value_hash(prl_runtime *runtime, const prl_value *value, char out[33], prl_error *error);

#endif
