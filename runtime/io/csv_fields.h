/* Inside of the CSV reader: from the bytes of one field to a typed value. */
#ifndef PRL_IO_CSV_FIELDS_H
#define PRL_IO_CSV_FIELDS_H

#include "io/csv.h"

typedef struct csv_span {
  size_t offset;
  size_t length;
} csv_span;

/* Different texts with ids in order of appearance: an open hash table over a pool of bytes. */
typedef struct csv_dict {
  char *pool;
  size_t pool_used, pool_capacity;
  csv_span *entries;
  uint32_t *buckets; /* id + 1, or 0; a power of two of them */
  int64_t count, entries_capacity, buckets_count;
} csv_dict;

typedef struct csv_column {
  prl_csv_column about;
  char *name;
  void *values; /* a batch of them; csv_span for texts */
  csv_dict dict;
} csv_column;

/* Why a field was refused. */
typedef enum csv_verdict { CSV_FINE, CSV_NOT_A_NUMBER, CSV_BEYOND_RANGE, CSV_NO_MEMORY } csv_verdict;

size_t csv_type_size(prl_csv_type type);
/* The field's text as a number, a dictionary's id or a hash in values[row]; not for PRL_CSV_TEXT. */
csv_verdict csv_convert(prl_runtime *runtime, csv_column *column, int64_t row, const char *text,
                        size_t length);
void csv_dict_free(prl_runtime *runtime, csv_dict *dict);
/* A buffer with room for `needed` bytes: grown by doubling. False when out of memory. */
bool csv_reserve(prl_runtime *runtime, char **buffer, size_t *capacity, size_t needed);

#endif
