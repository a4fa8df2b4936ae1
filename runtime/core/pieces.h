/* Blocks that belong together, as one list: what an object will take is added up from the list by which it is
 * then allocated, so that the two cannot differ. Sums stop at INT64_MAX. */
#ifndef PRL_CORE_PIECES_H
#define PRL_CORE_PIECES_H

#include "core/memory.h"

typedef struct prl_piece {
  void *place; /* of the pointer to the block; NULL: only counted */
  int64_t count, size;
  bool cleared; /* false: touched when it is first used, and not before */
} prl_piece;

int64_t prl_bytes_add(int64_t a, int64_t b); /* both ≥ 0 */
int64_t prl_bytes_times(int64_t count, int64_t size);

int64_t prl_pieces_bytes(const prl_piece *pieces, int count);
/* Fails: PRL_ENOMEM; what was made by then stands in its places, to be freed as if all were there. */
prl_status prl_pieces_new(prl_runtime *runtime, const prl_piece *pieces, int count, prl_error *error);
void prl_pieces_free(prl_runtime *runtime, const prl_piece *pieces, int count);

#endif
