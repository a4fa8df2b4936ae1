/* Which bucket of PRL_BUCKETS a group falls in. */
#define XXH_INLINE_ALL
#include <string.h>
#include <xxhash.h>

#include "perilune/core.h"

int32_t prl_bucket(uint64_t group, const char *salt) {
  unsigned char bytes[8 + PRL_SALT_MOST];
  const size_t length = salt ? strnlen(salt, PRL_SALT_MOST) : 0;
  for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)(group >> 8 * i);
  if (length) memcpy(bytes + 8, salt, length);
  return (int32_t)(XXH3_64bits(bytes, 8 + length) % PRL_BUCKETS);
}
