/* Names of the functions of one kernel table; and loops whose number of factors the compiler knows. */
#ifndef PRL_ENV_KUAIRAND_HOT_H
#define PRL_ENV_KUAIRAND_HOT_H

#include "env/feed/table.h"
#include "env/feed/vector.h"

FEED_TABLE_FUNCTIONS(kuairand);

/* Factors are padded to 8, 16, 24 or 32: one copy of f for each. */
#define KR_BY_FACTORS(factors, f, ...)                                                                       \
  do {                                                                                                       \
    if ((factors) == 16)                                                                                     \
      f(__VA_ARGS__, 16);                                                                                    \
    else if ((factors) == 8)                                                                                 \
      f(__VA_ARGS__, 8);                                                                                     \
    else if ((factors) == 24)                                                                                \
      f(__VA_ARGS__, 24);                                                                                    \
    else                                                                                                     \
      f(__VA_ARGS__, 32);                                                                                    \
  } while (0)

/* The rows of `table` (`width` numbers each, a multiple of 8) at eight places, as columns. */
FEED_INLINE void kr_gather(const float *table, int32_t width, const int32_t *place, v8 *column) {
  const float *row[8];
  for (int32_t d = 0; d < width; d += 8) {
    for (int i = 0; i < 8; i++) row[i] = table + (size_t)place[i] * (size_t)width + d;
    v8_transpose(row, column + d);
  }
}

#endif
