/* Adds up and allocates the blocks of one object. */
#include "core/pieces.h"

#include <string.h>

int64_t prl_bytes_add(int64_t a, int64_t b) { return a > INT64_MAX - b ? INT64_MAX : a + b; }

int64_t prl_bytes_times(int64_t count, int64_t size) {
  return size && count > INT64_MAX / size ? INT64_MAX : count * size;
}

int64_t prl_pieces_bytes(const prl_piece *pieces, int count) {
  int64_t sum = 0;
  for (int i = 0; i < count; i++) sum = prl_bytes_add(sum, prl_bytes_times(pieces[i].count, pieces[i].size));
  return sum;
}

prl_status prl_pieces_new(prl_runtime *runtime, const prl_piece *pieces, int count, prl_error *error) {
  for (int i = 0; i < count; i++) {
    int64_t size = prl_bytes_times(pieces[i].count, pieces[i].size);
    if (!pieces[i].place) continue;
    void *block = pieces[i].cleared ? prl_calloc(runtime, 1, (size_t)size) : prl_alloc(runtime, (size_t)size);
    if (!block) return prl_fail_memory(error, (size_t)size);
    memcpy(pieces[i].place, &block, sizeof block); /* a place is a pointer to any type */
  }
  return PRL_OK;
}

void prl_pieces_free(prl_runtime *runtime, const prl_piece *pieces, int count) {
  for (int i = 0; i < count; i++) {
    void *block = NULL;
    if (pieces[i].place) memcpy(&block, pieces[i].place, sizeof block);
    prl_free(runtime, block);
  }
}
