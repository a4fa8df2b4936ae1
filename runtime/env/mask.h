/* The walk over a mask of bytes of which few are set: which instances ended, which start anew. */
#ifndef PRL_ENV_MASK_H
#define PRL_ENV_MASK_H

#include <stdint.h>
#include <string.h>

/* The first i ≥ from with mask[i] not 0, or n. mask NULL: from itself.
 *
 *     for (int64_t i = next_masked(mask, 0, n); i < n; i = next_masked(mask, i + 1, n)) … */
static inline int64_t next_masked(const uint8_t *mask, int64_t from, int64_t n) {
  if (!mask) return from;
  while (from + 8 <= n) {
    uint64_t word;
    memcpy(&word, mask + from, 8);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (word) return from + __builtin_ctzll(word) / 8;
#else
    if (word) break;
#endif
    from += 8;
  }
  while (from < n && !mask[from]) from++;
  return from;
}

#endif
