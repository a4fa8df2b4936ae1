/* From the text of a CSV field to a number, an entry of a dictionary or a hash. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "io/csv_fields.h"

#include <math.h>
#include <string.h>

#include "core/number.h"

size_t csv_type_size(prl_csv_type type) {
  static const size_t sizes[] = {[PRL_CSV_F64] = 8,
                                 [PRL_CSV_F32] = 4,
                                 [PRL_CSV_I64] = 8,
                                 [PRL_CSV_I32] = 4,
                                 [PRL_CSV_DICT] = 4,
                                 [PRL_CSV_HASH] = 8,
                                 [PRL_CSV_TEXT] = sizeof(csv_span)};
  return sizes[type];
}

bool csv_reserve(prl_runtime *runtime, char **buffer, size_t *capacity, size_t needed) {
  if (needed <= *capacity) return true;
  size_t grown = *capacity ? *capacity : 256;
  while (grown < needed) grown *= 2;
  char *block = prl_realloc(runtime, *buffer, grown);
  if (!block) return false;
  *buffer = block;
  *capacity = grown;
  return true;
}

/* ---- dictionaries ---- */

static bool more_buckets(prl_runtime *runtime, csv_dict *dict) {
  int64_t count = dict->buckets_count ? dict->buckets_count * 2 : 64;
  uint32_t *buckets = prl_calloc(runtime, (size_t)count, sizeof *buckets);
  if (!buckets) return false;
  for (int64_t id = 0; id < dict->count; id++) {
    const csv_span *entry = &dict->entries[id];
    uint64_t bucket = XXH3_64bits(dict->pool + entry->offset, entry->length) & (uint64_t)(count - 1);
    while (buckets[bucket]) bucket = (bucket + 1) & (uint64_t)(count - 1);
    buckets[bucket] = (uint32_t)id + 1;
  }
  prl_free(runtime, dict->buckets);
  dict->buckets = buckets;
  dict->buckets_count = count;
  return true;
}

static bool more_entries(prl_runtime *runtime, csv_dict *dict, size_t length) {
  if (!csv_reserve(runtime, &dict->pool, &dict->pool_capacity, dict->pool_used + length + 1))
    return false; /* never none */
  if (dict->count < dict->entries_capacity) return true;
  int64_t capacity = dict->entries_capacity ? dict->entries_capacity * 2 : 64;
  csv_span *entries = prl_realloc(runtime, dict->entries, (size_t)capacity * sizeof *entries);
  if (!entries) return false;
  dict->entries = entries;
  dict->entries_capacity = capacity;
  return true;
}

static csv_verdict dict_id(prl_runtime *runtime, csv_dict *dict, const char *text, size_t length,
                           int32_t *id) {
  if (2 * (dict->count + 1) > dict->buckets_count && !more_buckets(runtime, dict)) return CSV_NO_MEMORY;
  uint64_t mask = (uint64_t)(dict->buckets_count - 1), bucket = XXH3_64bits(text, length) & mask;
  for (; dict->buckets[bucket]; bucket = (bucket + 1) & mask) {
    const csv_span *entry = &dict->entries[dict->buckets[bucket] - 1];
    if (entry->length != length || memcmp(dict->pool + entry->offset, text, length) != 0) continue;
    *id = (int32_t)(dict->buckets[bucket] - 1);
    return CSV_FINE;
  }
  if (dict->count == INT32_MAX) return CSV_BEYOND_RANGE;
  if (!more_entries(runtime, dict, length)) return CSV_NO_MEMORY;
  if (length) memcpy(dict->pool + dict->pool_used, text, length);
  dict->entries[dict->count] = (csv_span){dict->pool_used, length};
  dict->pool_used += length;
  *id = (int32_t)dict->count++;
  dict->buckets[bucket] = (uint32_t)*id + 1;
  return CSV_FINE;
}

void csv_dict_free(prl_runtime *runtime, csv_dict *dict) {
  prl_free(runtime, dict->pool);
  prl_free(runtime, dict->entries);
  prl_free(runtime, dict->buckets);
}

/* ---- numbers ---- */

/* A whole number, also as "3.0". The value for an empty field is a double, as all decimals with a point are.
 */
static csv_verdict whole(const char *text, size_t length, int64_t low, int64_t high, int64_t *out) {
  double number;
  if (!prl_integer_parse(text, length, out)) {
    if (!prl_number_parse(text, length, &number) || number != floor(number)) return CSV_NOT_A_NUMBER;
    if (!(fabs(number) <= 0x1p53)) return CSV_BEYOND_RANGE;
    *out = (int64_t)number;
  }
  return *out < low || *out > high ? CSV_BEYOND_RANGE : CSV_FINE;
}

static csv_verdict decimal(const char *text, size_t length, double *out) {
  if (!prl_number_parse(text, length, out)) return CSV_NOT_A_NUMBER;
  return isfinite(*out) ? CSV_FINE : CSV_BEYOND_RANGE;
}

static void store_number(csv_column *column, int64_t row, double number) {
  switch (column->about.type) {
  case PRL_CSV_F64:
    ((double *)column->values)[row] = number;
    break;
  case PRL_CSV_F32:
    ((float *)column->values)[row] = (float)number;
    break;
  case PRL_CSV_I64:
    ((int64_t *)column->values)[row] = (int64_t)number;
    break;
  default:
    ((int32_t *)column->values)[row] = (int32_t)number;
    break;
  }
}

static csv_verdict convert_number(csv_column *column, int64_t row, const char *text, size_t length) {
  csv_verdict verdict;
  double number = 0;
  int64_t integer = 0;
  while (length && (text[0] == ' ' || text[0] == '\t')) text++, length--;
  while (length && (text[length - 1] == ' ' || text[length - 1] == '\t')) length--;
  if (length == 0 && column->about.may_be_empty) {
    store_number(column, row, column->about.empty);
    return CSV_FINE;
  }
  switch (column->about.type) {
  case PRL_CSV_I64:
    verdict = whole(text, length, INT64_MIN, INT64_MAX, &integer);
    if (verdict == CSV_FINE) ((int64_t *)column->values)[row] = integer;
    return verdict;
  case PRL_CSV_I32:
    verdict = whole(text, length, INT32_MIN, INT32_MAX, &integer);
    if (verdict == CSV_FINE) ((int32_t *)column->values)[row] = (int32_t)integer;
    return verdict;
  default:
    verdict = decimal(text, length, &number);
    if (verdict == CSV_FINE) store_number(column, row, number);
    return verdict;
  }
}

csv_verdict csv_convert(prl_runtime *runtime, csv_column *column, int64_t row, const char *text,
                        size_t length) {
  switch (column->about.type) {
  case PRL_CSV_DICT:
    return dict_id(runtime, &column->dict, text, length, &((int32_t *)column->values)[row]);
  case PRL_CSV_HASH:
    ((uint64_t *)column->values)[row] = XXH3_64bits(text, length);
    return CSV_FINE;
  default:
    return convert_number(column, row, text, length);
  }
}
