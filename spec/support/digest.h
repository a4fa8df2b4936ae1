/* Files that were damaged on purpose. Most damage is found by the digest; what stands behind it must hold all
 * the same, and is tried with a right digest over wrong bytes. */
#ifndef SPEC_SUPPORT_DIGEST_H
#define SPEC_SUPPORT_DIGEST_H

#include <stdlib.h>
#include <string.h>

#include "core/value.h"

enum { DIGEST_ENTRY = 8 + 17, DIGEST_AT = DIGEST_ENTRY + 14, DIGEST_ENTRY_SIZE = 48 };

/* The file as it would be without the digest's entry; its size is DIGEST_ENTRY_SIZE less. Freed by free. */
static inline char *undigested(const void *file, size_t size) {
  const char *bytes = file;
  char *without = malloc(size);
  uint64_t length;
  memcpy(&length, bytes, 8);
  length -= DIGEST_ENTRY_SIZE;
  memcpy(without, &length, 8);
  memcpy(without + 8, bytes + 8, DIGEST_ENTRY - 8);
  memcpy(without + DIGEST_ENTRY, bytes + DIGEST_ENTRY + DIGEST_ENTRY_SIZE,
         size - DIGEST_ENTRY - DIGEST_ENTRY_SIZE);
  return without;
}

/* Gives the bytes of a safetensors file the digest that they have now. */
static inline void redigest(void *file, size_t size) {
  char *without = undigested(file, size), digest[33];
  prl_hash_bytes(without, size - DIGEST_ENTRY_SIZE, digest);
  memcpy((char *)file + DIGEST_AT, digest, 32);
  free(without);
}

/* One bit for each of `count` places, spread over the file. */
typedef struct flip {
  size_t at;
  char mask;
} flip;

static inline flip flip_of(int i, int count, size_t size) {
  return (flip){(size_t)i * size / (size_t)count, (char)(1 << (i % 8))};
}

#endif
